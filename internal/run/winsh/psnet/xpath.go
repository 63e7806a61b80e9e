package psnet

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// XPath 1.0. There are modules for it; those that are kept well take an
// unprefixed name for one of the default namespace, which .NET does not, so that
// a query would find what it finds nowhere else.

// xpExpr is a part of an expression.
type xpExpr interface{}

type (
	xpNumber float64
	xpString string
	// xpBinary is two expressions with an operator: or and = != < <= > >= + - *
	// div mod |.
	xpBinary struct {
		op   string
		a, b xpExpr
	}
	xpNegate struct{ x xpExpr }
	xpCall   struct {
		name string
		args []xpExpr
	}
	// xpPath is steps from a start: the root, the result of an expression, or the
	// context node if both are unset.
	xpPath struct {
		root  bool
		start xpExpr
		preds []xpExpr // of start
		steps []xpStep
	}
	xpStep struct {
		axis  string
		test  xpTest
		preds []xpExpr
	}
	// xpTest is a node test: a kind (node, text, comment, processing-instruction)
	// or a name, "*" for any.
	xpTest struct {
		kind, prefix, local string
	}
)

// xpParser reads expressions.
type xpParser struct {
	s     string
	at    int
	depth int
}

// parseXPath compiles an expression.
func parseXPath(s string) (xpExpr, error) {
	p := &xpParser{s: s}
	x, err := p.or()
	if err == nil {
		p.blanks()
		if p.at < len(p.s) {
			err = p.bad()
		}
	}
	return x, err
}

func (p *xpParser) bad() error {
	if strings.TrimSpace(p.s) == "" {
		return throw("System.Xml.XPath.XPathException", "Expression must evaluate to a node-set.")
	}
	return throw("System.Xml.XPath.XPathException", fmt.Sprintf("'%s' has an invalid token.", p.s))
}

func (p *xpParser) blanks() {
	for p.at < len(p.s) && strings.IndexByte(" \t\r\n", p.s[p.at]) >= 0 {
		p.at++
	}
}

// next takes a token of punctuation.
func (p *xpParser) next(tok string) bool {
	p.blanks()
	if !strings.HasPrefix(p.s[p.at:], tok) {
		return false
	}
	p.at += len(tok)
	return true
}

// word takes an operator that is a name.
func (p *xpParser) word(w string) bool {
	p.blanks()
	rest := p.s[p.at:]
	if !strings.HasPrefix(rest, w) {
		return false
	}
	if r, _ := utf8.DecodeRuneInString(rest[len(w):]); rest[len(w):] != "" && (nameRune(r) && r != ':') {
		return false
	}
	p.at += len(w)
	return true
}

// chain reads operands with operators of one rank between them.
func (p *xpParser) chain(operand func() (xpExpr, error), operator func() string) (xpExpr, error) {
	if p.depth++; p.depth > 2000 {
		return nil, p.bad()
	}
	defer func() { p.depth-- }()
	a, err := operand()
	for err == nil {
		op := operator()
		if op == "" {
			return a, nil
		}
		var b xpExpr
		if b, err = operand(); err == nil {
			a = xpBinary{op, a, b}
		}
	}
	return nil, err
}

func (p *xpParser) or() (xpExpr, error) {
	return p.chain(p.and, func() string {
		if p.word("or") {
			return "or"
		}
		return ""
	})
}

func (p *xpParser) and() (xpExpr, error) {
	return p.chain(p.equality, func() string {
		if p.word("and") {
			return "and"
		}
		return ""
	})
}

func (p *xpParser) oneOf(tokens ...string) func() string {
	return func() string {
		for _, t := range tokens {
			if letter(t[0]) && p.word(t) || !letter(t[0]) && p.next(t) {
				return t
			}
		}
		return ""
	}
}

func (p *xpParser) equality() (xpExpr, error) { return p.chain(p.relational, p.oneOf("!=", "=")) }
func (p *xpParser) relational() (xpExpr, error) {
	return p.chain(p.additive, p.oneOf("<=", ">=", "<", ">"))
}
func (p *xpParser) additive() (xpExpr, error) { return p.chain(p.multiplicative, p.oneOf("+", "-")) }
func (p *xpParser) multiplicative() (xpExpr, error) {
	return p.chain(p.unary, p.oneOf("*", "div", "mod"))
}

func (p *xpParser) unary() (xpExpr, error) {
	neg := false
	for p.next("-") {
		neg = !neg
	}
	x, err := p.chain(p.path, p.oneOf("|"))
	if neg {
		x = xpNegate{x}
	}
	return x, err
}

// path reads a location path, or a filter with one behind it.
func (p *xpParser) path() (xpExpr, error) {
	p.blanks()
	if p.at >= len(p.s) {
		return nil, p.bad()
	}
	c := p.s[p.at]
	if c == '(' || c == '"' || c == '\'' || c == '$' || c >= '0' && c <= '9' || c == '.' && p.at+1 < len(p.s) && p.s[p.at+1] >= '0' && p.s[p.at+1] <= '9' || p.isCall() {
		return p.filter()
	}
	path := xpPath{}
	if p.next("//") {
		path.root = true
		path.steps = append(path.steps, everything())
		return p.steps(path)
	}
	if p.next("/") {
		path.root = true
		if !p.isStep() {
			return path, nil
		}
	}
	return p.steps(path)
}

// everything is the step that // stands for.
func everything() xpStep {
	return xpStep{axis: "descendant-or-self", test: xpTest{kind: "node"}}
}

// isStep reports whether a step begins here.
func (p *xpParser) isStep() bool {
	p.blanks()
	if p.at >= len(p.s) {
		return false
	}
	r, _ := utf8.DecodeRuneInString(p.s[p.at:])
	return r == '@' || r == '.' || r == '*' || nameStart(r)
}

// isCall reports whether a function call begins here, and not a node test.
func (p *xpParser) isCall() bool {
	i := p.at
	for i < len(p.s) {
		r, size := utf8.DecodeRuneInString(p.s[i:])
		if !nameRune(r) {
			break
		}
		i += size
	}
	name := p.s[p.at:i]
	if name == "" || name == "node" || name == "text" || name == "comment" || name == "processing-instruction" {
		return false
	}
	return strings.HasPrefix(strings.TrimLeft(p.s[i:], " \t\r\n"), "(")
}

func (p *xpParser) steps(path xpPath) (xpExpr, error) {
	for {
		step, err := p.step()
		if err != nil {
			return nil, err
		}
		path.steps = append(path.steps, step)
		switch {
		case p.next("//"):
			path.steps = append(path.steps, everything())
		case p.next("/"):
		default:
			return path, nil
		}
	}
}

func (p *xpParser) step() (xpStep, error) {
	p.blanks()
	switch {
	case p.next(".."):
		return xpStep{axis: "parent", test: xpTest{kind: "node"}}, nil
	case p.next("."):
		return xpStep{axis: "self", test: xpTest{kind: "node"}}, nil
	}
	step := xpStep{axis: "child"}
	if p.next("@") {
		step.axis = "attribute"
	} else if axis := p.axis(); axis != "" {
		step.axis = axis
	}
	var err error
	if step.test, err = p.test(); err != nil {
		return step, err
	}
	step.preds, err = p.predicates()
	return step, err
}

// axis takes "name::".
func (p *xpParser) axis() string {
	rest := p.s[p.at:]
	i := strings.Index(rest, "::")
	if i < 0 {
		return ""
	}
	name := strings.TrimRight(rest[:i], " \t\r\n")
	switch name {
	case "ancestor", "ancestor-or-self", "attribute", "child", "descendant", "descendant-or-self", "following", "following-sibling", "namespace", "parent", "preceding", "preceding-sibling", "self":
		p.at += i + 2
		return name
	}
	return ""
}

// ncName takes a name without colons.
func (p *xpParser) ncName() string {
	start := p.at
	for p.at < len(p.s) {
		r, size := utf8.DecodeRuneInString(p.s[p.at:])
		if r == ':' || !nameRune(r) || p.at == start && !nameStart(r) {
			break
		}
		p.at += size
	}
	return p.s[start:p.at]
}

func (p *xpParser) test() (xpTest, error) {
	p.blanks()
	if p.next("*") {
		return xpTest{local: "*"}, nil
	}
	name := p.ncName()
	if name == "" {
		return xpTest{}, p.bad()
	}
	if p.at < len(p.s) && p.s[p.at] == ':' && !strings.HasPrefix(p.s[p.at:], "::") {
		p.at++
		if p.next("*") {
			return xpTest{prefix: name, local: "*"}, nil
		}
		local := p.ncName()
		if local == "" {
			return xpTest{}, throw("System.Xml.XPath.XPathException", fmt.Sprintf("'%s' has an invalid qualified name.", p.s))
		}
		return xpTest{prefix: name, local: local}, nil
	}
	if p.next("(") {
		t := xpTest{kind: name}
		if name == "processing-instruction" && !p.next(")") {
			lit, err := p.literal()
			if err != nil {
				return t, err
			}
			t.local = lit
		} else if name == "processing-instruction" {
			return t, nil
		}
		if !p.next(")") {
			return t, p.bad()
		}
		return t, nil
	}
	return xpTest{local: name}, nil
}

func (p *xpParser) predicates() ([]xpExpr, error) {
	var list []xpExpr
	for p.next("[") {
		x, err := p.or()
		if err != nil {
			return nil, err
		}
		if !p.next("]") {
			return nil, p.bad()
		}
		list = append(list, x)
	}
	return list, nil
}

// filter reads a primary expression with predicates and a path behind it.
func (p *xpParser) filter() (xpExpr, error) {
	x, err := p.primary()
	if err != nil {
		return nil, err
	}
	preds, err := p.predicates()
	if err != nil {
		return nil, err
	}
	path := xpPath{start: x, preds: preds}
	switch {
	case p.next("//"):
		path.steps = append(path.steps, everything())
		return p.steps(path)
	case p.next("/"):
		return p.steps(path)
	case len(preds) > 0:
		return path, nil
	}
	return x, nil
}

func (p *xpParser) literal() (string, error) {
	p.blanks()
	if p.at >= len(p.s) || p.s[p.at] != '"' && p.s[p.at] != '\'' {
		return "", p.bad()
	}
	quote := p.s[p.at]
	end := strings.IndexByte(p.s[p.at+1:], quote)
	if end < 0 {
		return "", throw("System.Xml.XPath.XPathException", "This is an unclosed string.")
	}
	text := p.s[p.at+1 : p.at+1+end]
	p.at += end + 2
	return text, nil
}

func (p *xpParser) primary() (xpExpr, error) {
	p.blanks()
	c := p.s[p.at]
	switch {
	case c == '(':
		p.at++
		x, err := p.or()
		if err == nil && !p.next(")") {
			err = p.bad()
		}
		return x, err
	case c == '"' || c == '\'':
		lit, err := p.literal()
		return xpString(lit), err
	case c == '$':
		return nil, throw("System.Xml.XPath.XPathException", "Namespace Manager or XsltContext needed. This query has a prefix, variable, or user-defined function.")
	case c >= '0' && c <= '9' || c == '.':
		start := p.at
		for p.at < len(p.s) && (p.s[p.at] >= '0' && p.s[p.at] <= '9' || p.s[p.at] == '.') {
			p.at++
		}
		f, err := strconv.ParseFloat(p.s[start:p.at], 64)
		if err != nil {
			return nil, p.bad()
		}
		return xpNumber(f), nil
	}
	return p.call()
}

func (p *xpParser) call() (xpExpr, error) {
	start := p.at
	for p.at < len(p.s) {
		r, size := utf8.DecodeRuneInString(p.s[p.at:])
		if !nameRune(r) && !unicode.IsDigit(r) {
			break
		}
		p.at += size
	}
	call := xpCall{name: p.s[start:p.at]}
	if !p.next("(") {
		return nil, p.bad()
	}
	if p.next(")") {
		return p.known(call)
	}
	for {
		x, err := p.or()
		if err != nil {
			return nil, err
		}
		call.args = append(call.args, x)
		if p.next(",") {
			continue
		}
		if !p.next(")") {
			return nil, p.bad()
		}
		return p.known(call)
	}
}

// known checks name and number of arguments of a function.
func (p *xpParser) known(call xpCall) (xpExpr, error) {
	limits := map[string][2]int{
		"last": {0, 0}, "position": {0, 0}, "count": {1, 1}, "local-name": {0, 1}, "namespace-uri": {0, 1}, "name": {0, 1}, "string": {0, 1}, "concat": {2, 99},
		"starts-with": {2, 2}, "contains": {2, 2}, "substring-before": {2, 2}, "substring-after": {2, 2}, "substring": {2, 3}, "string-length": {0, 1}, "normalize-space": {0, 1},
		"translate": {3, 3}, "boolean": {1, 1}, "not": {1, 1}, "true": {0, 0}, "false": {0, 0}, "lang": {1, 1}, "number": {0, 1}, "sum": {1, 1}, "floor": {1, 1}, "ceiling": {1, 1}, "round": {1, 1}, "id": {1, 1},
	}
	n, ok := limits[call.name]
	switch {
	case !ok:
		return nil, throw("System.Xml.XPath.XPathException", "Namespace Manager or XsltContext needed. This query has a prefix, variable, or user-defined function.")
	case len(call.args) < n[0] || len(call.args) > n[1]:
		return nil, throw("System.Xml.XPath.XPathException", fmt.Sprintf("Function '%s' in '%s' has an invalid number of arguments.", call.name, p.s))
	}
	return call, nil
}
