package psnet

import (
	"context"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/casement/casement/internal/run/winsh/machine"
)

// xpContext is where an expression is evaluated.
type xpContext struct {
	ctx       context.Context
	m         *machine.Machine
	node      *node
	pos, size int
	// prefixes are the namespaces of the query.
	prefixes map[string]string
	// order numbers the nodes of the document, once that is needed.
	order *map[*node]int
}

// xpSet is a result that is a node-set, in the order of the document.
type xpSet []*node

// selectNodes evaluates an expression that gives nodes.
func selectNodes(ctx context.Context, m *machine.Machine, n *node, expr string, prefixes map[string]string) ([]*node, error) {
	v, err := evaluate(ctx, m, n, expr, prefixes)
	if err != nil {
		return nil, err
	}
	set, ok := v.(xpSet)
	if !ok {
		return nil, throw("System.Xml.XPath.XPathException", "Expression must evaluate to a node-set.")
	}
	return set, nil
}

func evaluate(ctx context.Context, m *machine.Machine, n *node, expr string, prefixes map[string]string) (any, error) {
	x, err := parseXPath(expr)
	if err != nil {
		return nil, err
	}
	var order map[*node]int
	c := &xpContext{ctx: ctx, m: m, node: n, pos: 1, size: 1, prefixes: prefixes, order: &order}
	return c.eval(x)
}

// at is the context for another node.
func (c *xpContext) at(n *node, pos, size int) *xpContext {
	d := *c
	d.node, d.pos, d.size = n, pos, size
	return &d
}

// eval gives a float64, string, bool or xpSet.
func (c *xpContext) eval(x xpExpr) (any, error) {
	switch e := x.(type) {
	case xpNumber:
		return float64(e), nil
	case xpString:
		return string(e), nil
	case xpNegate:
		v, err := c.eval(e.x)
		return -xpFloat(v), err
	case xpBinary:
		return c.binary(e)
	case xpCall:
		return c.call(e)
	case xpPath:
		return c.path(e)
	}
	return nil, throw("System.Xml.XPath.XPathException", "Expression must evaluate to a node-set.")
}

func (c *xpContext) binary(e xpBinary) (any, error) {
	a, err := c.eval(e.a)
	if err != nil {
		return nil, err
	}
	switch e.op {
	case "or", "and":
		if t := xpBool(a); t == (e.op == "or") {
			return t, nil
		}
		b, err := c.eval(e.b)
		return xpBool(b), err
	}
	b, err := c.eval(e.b)
	if err != nil {
		return nil, err
	}
	switch e.op {
	case "|":
		x, ok := a.(xpSet)
		y, ok2 := b.(xpSet)
		if !ok || !ok2 {
			return nil, throw("System.Xml.XPath.XPathException", "Expression must evaluate to a node-set.")
		}
		return c.sorted(append(slices.Clone(x), y...)), nil
	case "=", "!=", "<", "<=", ">", ">=":
		return compareXPath(e.op, a, b), nil
	}
	x, y := xpFloat(a), xpFloat(b)
	switch e.op {
	case "+":
		return x + y, nil
	case "-":
		return x - y, nil
	case "*":
		return x * y, nil
	case "div":
		return x / y, nil
	}
	return math.Mod(x, y), nil
}

// compareXPath compares as XPath does: a node-set is compared node by node.
func compareXPath(op string, a, b any) bool {
	if set, ok := a.(xpSet); ok {
		if flag, isBool := b.(bool); isBool {
			return compareAtoms(op, len(set) > 0, flag)
		}
		return slices.ContainsFunc(set, func(n *node) bool { return compareXPath(op, xpText(n), b) })
	}
	if set, ok := b.(xpSet); ok {
		if flag, isBool := a.(bool); isBool {
			return compareAtoms(op, flag, len(set) > 0)
		}
		return slices.ContainsFunc(set, func(n *node) bool { return compareAtoms(op, a, any(xpText(n))) })
	}
	return compareAtoms(op, a, b)
}

func compareAtoms(op string, a, b any) bool {
	if op == "=" || op == "!=" {
		var same bool
		_, boolA := a.(bool)
		_, boolB := b.(bool)
		_, numA := a.(float64)
		_, numB := b.(float64)
		switch {
		case boolA || boolB:
			same = xpBool(a) == xpBool(b)
		case numA || numB:
			same = xpFloat(a) == xpFloat(b)
		default:
			same = xpToString(a) == xpToString(b)
		}
		return same == (op == "=")
	}
	x, y := xpFloat(a), xpFloat(b)
	switch op {
	case "<":
		return x < y
	case "<=":
		return x <= y
	case ">":
		return x > y
	}
	return x >= y
}

func xpBool(v any) bool {
	switch x := v.(type) {
	case bool:
		return x
	case float64:
		return x != 0 && !math.IsNaN(x)
	case string:
		return x != ""
	case xpSet:
		return len(x) > 0
	}
	return false
}

func xpFloat(v any) float64 {
	switch x := v.(type) {
	case float64:
		return x
	case bool:
		if x {
			return 1
		}
		return 0
	case nil:
		return math.NaN()
	}
	t := strings.Trim(xpToString(v), " \t\r\n")
	if !plainNumber(t, 4|32) || strings.HasPrefix(t, "+") {
		return math.NaN()
	}
	f, err := strconv.ParseFloat(t, 64)
	if err != nil {
		return math.NaN()
	}
	return f
}

func xpToString(v any) string {
	switch x := v.(type) {
	case string:
		return x
	case bool:
		return strconv.FormatBool(x)
	case float64:
		switch {
		case math.IsNaN(x):
			return "NaN"
		case math.IsInf(x, 1):
			return "Infinity"
		case math.IsInf(x, -1):
			return "-Infinity"
		case x == 0:
			return "0"
		}
		return strconv.FormatFloat(x, 'f', -1, 64)
	case xpSet:
		if len(x) > 0 {
			return xpText(x[0])
		}
	}
	return ""
}

// xpText is the string-value of a node.
func xpText(n *node) string { return n.innerText() }

func (c *xpContext) path(e xpPath) (any, error) {
	set := xpSet{c.node}
	switch {
	case e.root:
		top := c.node
		for top.parent != nil {
			top = top.parent
		}
		set = xpSet{top}
	case e.start != nil:
		v, err := c.eval(e.start)
		if err != nil {
			return nil, err
		}
		s, ok := v.(xpSet)
		if !ok {
			return nil, throw("System.Xml.XPath.XPathException", "Expression must evaluate to a node-set.")
		}
		if set, err = c.keep(s, e.preds); err != nil {
			return nil, err
		}
	}
	for _, step := range e.steps {
		var next xpSet
		for _, n := range set {
			if err := c.m.Tick(c.ctx); err != nil {
				return nil, err
			}
			found, err := c.at(n, 1, 1).step(step)
			if err != nil {
				return nil, err
			}
			next = append(next, found...)
		}
		set = next
		if len(set) > 1 {
			set = c.sorted(set)
		}
	}
	return set, nil
}

// step takes one step from the context node: the nodes of the axis in its own
// order, those that pass the test and the predicates.
func (c *xpContext) step(s xpStep) (xpSet, error) {
	uri, err := c.namespaceOf(s.test)
	if err != nil {
		return nil, err
	}
	var set xpSet
	c.axis(s.axis, func(n *node) {
		if s.test.fits(n, s.axis, uri) {
			set = append(set, n)
		}
	})
	return c.keep(set, s.preds)
}

func (c *xpContext) namespaceOf(t xpTest) (string, error) {
	if t.prefix == "" {
		return "", nil
	}
	if t.prefix == "xml" {
		return xmlPrefix, nil
	}
	if c.prefixes == nil {
		return "", throw("System.Xml.XPath.XPathException", "Namespace Manager or XsltContext needed. This query has a prefix, variable, or user-defined function.")
	}
	uri, ok := c.prefixes[t.prefix]
	if !ok {
		return "", throw("System.Xml.XPath.XPathException", "Namespace prefix '"+t.prefix+"' is not defined.")
	}
	return uri, nil
}

func (t xpTest) fits(n *node, axis, uri string) bool {
	switch t.kind {
	case "node":
		return true
	case "text":
		return n.isText()
	case "comment":
		return n.kind == xmlComment
	case "processing-instruction":
		return n.kind == xmlPI && (t.local == "" || t.local == n.local)
	case "":
	default:
		return false
	}
	want := xmlElement
	if axis == "attribute" {
		want = xmlAttribute
	}
	if n.kind != want || t.local != "*" && n.local != t.local {
		return false
	}
	return t.local == "*" && t.prefix == "" || n.ns == uri
}

// keep applies predicates. A number means a place.
func (c *xpContext) keep(set xpSet, preds []xpExpr) (xpSet, error) {
	for _, p := range preds {
		var next xpSet
		for i, n := range set {
			v, err := c.at(n, i+1, len(set)).eval(p)
			if err != nil {
				return nil, err
			}
			f, isNumber := v.(float64)
			if isNumber && f == float64(i+1) || !isNumber && xpBool(v) {
				next = append(next, n)
			}
		}
		set = next
	}
	return set, nil
}

// visible leaves out what XPath does not see.
func visible(list []*node) []*node {
	return slices.DeleteFunc(slices.Clone(list), func(n *node) bool { return n.kind == xmlDeclaration || n.kind == xmlDoctype })
}

// axis visits the nodes of an axis, those of reverse axes from the nearest on.
func (c *xpContext) axis(name string, visit func(*node)) {
	n := c.node
	switch name {
	case "self":
		visit(n)
	case "child":
		for _, x := range visible(n.children) {
			visit(x)
		}
	case "attribute":
		for _, a := range n.attrs {
			if a.ns != xmlnsURI {
				visit(a)
			}
		}
	case "parent":
		if n.parent != nil {
			visit(n.parent)
		}
	case "ancestor", "ancestor-or-self":
		if name == "ancestor-or-self" {
			visit(n)
		}
		for x := n.parent; x != nil; x = x.parent {
			visit(x)
		}
	case "descendant-or-self":
		visit(n)
		descend(n, visit)
	case "descendant":
		descend(n, visit)
	case "following-sibling":
		for x := n.nearby(1); x != nil; x = x.nearby(1) {
			visit(x)
		}
	case "preceding-sibling":
		for x := n.nearby(-1); x != nil; x = x.nearby(-1) {
			visit(x)
		}
	case "following":
		for x := n; x != nil; x = x.parent {
			for y := x.nearby(1); y != nil; y = y.nearby(1) {
				visit(y)
				descend(y, visit)
			}
		}
	case "preceding":
		for x := n; x != nil; x = x.parent {
			for y := x.nearby(-1); y != nil; y = y.nearby(-1) {
				ascend(y, visit)
			}
		}
	}
}

func descend(n *node, visit func(*node)) {
	for _, x := range visible(n.children) {
		visit(x)
		descend(x, visit)
	}
}

// ascend visits a node and all below it from the last on.
func ascend(n *node, visit func(*node)) {
	for _, x := range slices.Backward(n.children) {
		ascend(x, visit)
	}
	visit(n)
}

// sorted puts nodes into the order of the document, each once.
func (c *xpContext) sorted(set xpSet) xpSet {
	if *c.order == nil {
		*c.order = map[*node]int{}
		top := c.node
		for top.parent != nil {
			top = top.parent
		}
		var number func(n *node)
		number = func(n *node) {
			(*c.order)[n] = len(*c.order)
			for _, a := range n.attrs {
				(*c.order)[a] = len(*c.order)
			}
			for _, x := range n.children {
				number(x)
			}
		}
		number(top)
	}
	order := *c.order
	slices.SortFunc(set, func(a, b *node) int { return order[a] - order[b] })
	return slices.Compact(set)
}
