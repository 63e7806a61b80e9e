package psnet

import (
	"math"
	"slices"
	"strings"
)

// args evaluates arguments; one that may be left out is the context node.
func (c *xpContext) args(e xpCall) ([]any, error) {
	var list []any
	for _, a := range e.args {
		v, err := c.eval(a)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return list, nil
}

func (c *xpContext) call(e xpCall) (any, error) {
	args, err := c.args(e)
	if err != nil {
		return nil, err
	}
	switch e.name {
	case "last":
		return float64(c.size), nil
	case "position":
		return float64(c.pos), nil
	case "true":
		return true, nil
	case "false":
		return false, nil
	case "not":
		return !xpBool(args[0]), nil
	case "boolean":
		return xpBool(args[0]), nil
	case "lang":
		return c.lang(xpToString(args[0])), nil
	case "id":
		return xpSet{}, nil // no attribute is known to be one
	case "count", "sum":
		set, ok := args[0].(xpSet)
		if !ok {
			return nil, throw("System.Xml.XPath.XPathException", "Expression must evaluate to a node-set.")
		}
		if e.name == "count" {
			return float64(len(set)), nil
		}
		sum := 0.0
		for _, n := range set {
			sum += xpFloat(xpText(n))
		}
		return sum, nil
	}
	if len(args) == 0 {
		args = []any{xpSet{c.node}}
	}
	switch e.name {
	case "local-name", "namespace-uri", "name":
		return nameOf(e.name, args[0])
	case "number", "floor", "ceiling", "round":
		return roundXPath(e.name, xpFloat(args[0])), nil
	}
	return textXPath(e.name, args), nil
}

func nameOf(what string, v any) (any, error) {
	set, ok := v.(xpSet)
	if !ok {
		return nil, throw("System.Xml.XPath.XPathException", "Expression must evaluate to a node-set.")
	}
	if len(set) == 0 {
		return "", nil
	}
	n := set[0]
	if n.kind != xmlElement && n.kind != xmlAttribute && n.kind != xmlPI {
		return "", nil
	}
	switch what {
	case "local-name":
		return n.local, nil
	case "namespace-uri":
		return n.ns, nil
	}
	return n.name(), nil
}

func roundXPath(name string, f float64) float64 {
	switch name {
	case "floor":
		return math.Floor(f)
	case "ceiling":
		return math.Ceil(f)
	case "round":
		return math.Floor(f + 0.5)
	}
	return f
}

func (c *xpContext) lang(want string) bool {
	for n := c.node; n != nil; n = n.parent {
		if a := n.attrNS("lang", xmlPrefix); a != nil {
			have := strings.ToLower(a.value)
			want = strings.ToLower(want)
			return have == want || strings.HasPrefix(have, want+"-")
		}
	}
	return false
}

// textXPath are the functions about texts.
func textXPath(name string, args []any) any {
	arg := func(i int) string { return xpToString(args[i]) }
	switch name {
	case "string":
		return arg(0)
	case "concat":
		var b strings.Builder
		for i := range args {
			b.WriteString(arg(i))
		}
		return b.String()
	case "starts-with":
		return strings.HasPrefix(arg(0), arg(1))
	case "contains":
		return strings.Contains(arg(0), arg(1))
	case "substring-before":
		if before, _, ok := strings.Cut(arg(0), arg(1)); ok {
			return before
		}
		return ""
	case "substring-after":
		if _, after, ok := strings.Cut(arg(0), arg(1)); ok {
			return after
		}
		return ""
	case "string-length":
		return float64(textLen(arg(0)))
	case "normalize-space":
		return strings.Join(strings.Fields(arg(0)), " ")
	case "translate":
		return translate(arg(0), []rune(arg(1)), []rune(arg(2)))
	}
	return substringXPath(arg(0), args)
}

func translate(s string, from, to []rune) string {
	return strings.Map(func(r rune) rune {
		i := slices.Index(from, r)
		switch {
		case i < 0:
			return r
		case i < len(to):
			return to[i]
		}
		return -1
	}, s)
}

// substringXPath counts from 1 and rounds.
func substringXPath(s string, args []any) string {
	from := roundXPath("round", xpFloat(args[1]))
	to := math.Inf(1)
	if len(args) > 2 {
		to = from + roundXPath("round", xpFloat(args[2]))
	}
	var b strings.Builder
	for i, r := range []rune(s) {
		if at := float64(i + 1); at >= from && at < to {
			b.WriteRune(r)
		}
	}
	return b.String()
}
