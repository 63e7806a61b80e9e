package pslang

import (
	"fmt"
	"math/big"
	"strconv"
	"strings"
)

// Print returns a node as a compact S-expression, for tests and for people who
// wonder how something was read.
func Print(n Node) string {
	var w printer
	w.node(n)
	return w.String()
}

type printer struct{ strings.Builder }

// list writes ( head items ).
func (w *printer) list(head string, items ...Node) {
	w.WriteString("(" + head)
	for _, i := range items {
		w.WriteByte(' ')
		w.node(i)
	}
	w.WriteByte(')')
}

// absent says whether a node is nil, in an interface or as a pointer.
func absent(n Node) bool {
	switch n := n.(type) {
	case nil:
		return true
	case *Block:
		return n == nil
	case *TypeName:
		return n == nil
	case *Variable:
		return n == nil
	}
	return false
}

func (w *printer) node(n Node) {
	if absent(n) {
		w.WriteByte('_')
		return
	}
	switch n := n.(type) {
	case Expression:
		w.expression(n)
	case Statement:
		w.statement(n)
	case *ScriptBlock:
		w.scriptBlock(n)
	case *Block:
		w.WriteByte('{')
		w.block(n)
		w.WriteByte('}')
	case *Command:
		w.command(n)
	case *ExpressionElement:
		w.node(n.X)
		w.redirections(n.Redirections)
	case *Parameter:
		w.WriteString("-" + n.Name)
		if n.Colon {
			w.WriteByte(':')
			w.node(n.Value)
		}
	case *EndOfParameters:
		w.WriteString("--")
	case *Verbatim:
		w.WriteString("--%" + strconv.Quote(n.Rest))
	case *TypeName:
		w.typeName(n)
	case *ParamDecl:
		w.param(n)
	case *Attribute:
		w.attribute(n)
	case *Catch:
		w.WriteString("catch")
		for _, t := range n.Types {
			w.WriteByte(' ')
			w.node(t)
		}
		w.WriteByte(' ')
		w.node(n.Body)
	case *Requires:
		w.WriteString("(#requires " + n.Args + ")")
	default:
		fmt.Fprintf(w, "?%T", n)
	}
}

func (w *printer) block(b *Block) {
	for i, t := range b.Traps {
		if i > 0 {
			w.WriteString("; ")
		}
		w.node(t)
	}
	for i, s := range b.Statements {
		if i > 0 || len(b.Traps) > 0 {
			w.WriteString("; ")
		}
		w.node(s)
	}
}

func (w *printer) scriptBlock(b *ScriptBlock) {
	sep := ""
	next := func() {
		w.WriteString(sep)
		sep = "; "
	}
	for _, r := range b.Requires {
		next()
		w.node(r)
	}
	for _, u := range b.Using {
		next()
		w.node(u)
	}
	for _, a := range b.Attributes {
		next()
		w.node(a)
	}
	if b.HasParam {
		next()
		w.WriteString("(param")
		for _, p := range b.Params {
			w.WriteByte(' ')
			w.node(p)
		}
		w.WriteByte(')')
	}
	names := []string{"dynamicparam", "begin", "process", "end", "clean"}
	for i, part := range []*Block{b.Dynamic, b.Begin, b.Process, b.End, b.Clean} {
		switch {
		case part == nil:
		case b.Named || part == b.Process:
			next()
			w.WriteString(names[i] + " ")
			w.node(part)
		case len(part.Statements)+len(part.Traps) > 0:
			next()
			w.block(part)
		}
	}
}

func (w *printer) param(p *ParamDecl) {
	w.WriteByte('(')
	for _, a := range p.Attributes {
		w.node(a)
		w.WriteByte(' ')
	}
	for _, t := range p.Types {
		w.WriteByte('[')
		w.node(t)
		w.WriteString("] ")
	}
	w.node(p.Name)
	if p.Default != nil {
		w.WriteString(" = ")
		w.node(p.Default)
	}
	w.WriteByte(')')
}

func (w *printer) attribute(a *Attribute) {
	w.WriteString("[" + a.Type.Name + "(")
	sep := ""
	for _, x := range a.Positional {
		w.WriteString(sep)
		w.node(x)
		sep = ", "
	}
	for _, n := range a.Named {
		w.WriteString(sep + n.Name)
		if n.Value != nil {
			w.WriteByte('=')
			w.node(n.Value)
		}
		sep = ", "
	}
	w.WriteString(")]")
}

func (w *printer) typeName(t *TypeName) {
	w.WriteString(t.Name)
	for i, a := range t.Args {
		w.WriteString(map[bool]string{true: "[", false: ","}[i == 0])
		w.node(a)
	}
	if t.Args != nil {
		w.WriteByte(']')
	}
	for _, r := range t.Ranks {
		w.WriteString("[" + strings.Repeat(",", r-1) + "]")
	}
	if t.Assembly != "" {
		w.WriteString(", " + t.Assembly)
	}
}

func (w *printer) command(c *Command) {
	w.WriteString([]string{"(cmd", "(&", "(."}[c.Call])
	w.WriteByte(' ')
	w.node(c.Name)
	for _, a := range c.Args {
		w.WriteByte(' ')
		w.node(a)
	}
	w.redirections(c.Redirections)
	w.WriteByte(')')
}

func (w *printer) redirections(list []*Redirection) {
	for _, r := range list {
		from := strconv.Itoa(r.From)
		if r.From == 0 {
			from = "*"
		}
		w.WriteString(" " + from + ">")
		switch {
		case r.File == nil:
			w.WriteString("&" + strconv.Itoa(r.To))
			continue
		case r.Append:
			w.WriteByte('>')
		}
		w.node(r.File)
	}
}

func (w *printer) statement(n Statement) {
	switch n := n.(type) {
	case *ExpressionStatement:
		w.node(n.X)
	case *Pipeline:
		w.pipeline(n)
	case *Chain:
		w.list(map[bool]string{true: "&&", false: "||"}[n.And], n.Left, n.Right)
		if n.Background {
			w.WriteByte('&')
		}
	case *Assignment:
		w.list(n.Op.String()+"=", n.Target, n.Value)
	case *If:
		w.WriteString("(if")
		for _, c := range n.Clauses {
			w.WriteByte(' ')
			w.node(c.Cond)
			w.WriteByte(' ')
			w.node(c.Body)
		}
		if n.Else != nil {
			w.WriteString(" else ")
			w.node(n.Else)
		}
		w.WriteByte(')')
	case *Try:
		w.WriteString("(try ")
		w.node(n.Body)
		for _, c := range n.Catches {
			w.WriteByte(' ')
			w.node(c)
		}
		if n.Finally != nil {
			w.WriteString(" finally ")
			w.node(n.Finally)
		}
		w.WriteByte(')')
	case *Trap:
		w.list("trap", n.Type, n.Body)
	case *Function:
		w.WriteString(map[bool]string{true: "(filter ", false: "(function "}[n.Filter] + scopeName(n.Scope) + n.Name + " {")
		w.node(n.Body)
		w.WriteString("})")
	case *Using:
		w.WriteString("(using " + n.Kind + " " + n.Name)
		if n.Alias != "" {
			w.WriteString(" as " + n.Alias)
		}
		w.WriteByte(')')
	case *Unsupported:
		w.WriteString("(unsupported " + n.Keyword + " " + n.Name + ")")
	default:
		w.loop(n)
	}
}

func (w *printer) pipeline(n *Pipeline) {
	if len(n.Elements) == 1 {
		w.node(n.Elements[0])
	} else {
		items := make([]Node, len(n.Elements))
		for i, e := range n.Elements {
			items[i] = e
		}
		w.list("|", items...)
	}
	if n.Background {
		w.WriteByte('&')
	}
}

func (w *printer) loop(n Statement) {
	label := func(s string) string {
		if s != "" {
			return ":" + s + " "
		}
		return ""
	}
	one := func(head string, n Node) {
		if n == nil {
			w.WriteString("(" + head + ")")
			return
		}
		w.list(head, n)
	}
	switch n := n.(type) {
	case *While:
		w.list(label(n.Label)+"while", n.Cond, n.Body)
	case *DoWhile:
		w.list(label(n.Label)+map[bool]string{true: "until", false: "do"}[n.Until], n.Body, n.Cond)
	case *For:
		w.list(label(n.Label)+"for", n.Init, n.Cond, n.Next, n.Body)
	case *ForEach:
		w.list(label(n.Label)+"foreach"+map[bool]string{true: " -parallel"}[n.Parallel], n.Var, n.In, n.Body)
	case *Switch:
		w.switchStatement(label(n.Label), n)
	case *Break:
		one("break", n.Label)
	case *Continue:
		one("continue", n.Label)
	case *Return:
		one("return", n.Value)
	case *Exit:
		one("exit", n.Value)
	case *Throw:
		one("throw", n.Value)
	}
}

func (w *printer) switchStatement(label string, n *Switch) {
	w.WriteString("(" + label + "switch" + []string{"", " -wildcard", " -regex"}[n.Mode])
	if n.CaseSensitive {
		w.WriteString(" -casesensitive")
	}
	if n.File != nil {
		w.WriteString(" -file ")
		w.node(n.File)
	} else {
		w.WriteByte(' ')
		w.node(n.Subject)
	}
	for _, c := range n.Cases {
		w.WriteByte(' ')
		w.node(c.Pattern)
		w.WriteByte(' ')
		w.node(c.Body)
	}
	if n.Default != nil {
		w.WriteString(" default ")
		w.node(n.Default)
	}
	w.WriteByte(')')
}

func (w *printer) expression(n Expression) {
	switch n := n.(type) {
	case *Number:
		w.WriteString(printNumber(n.Value))
	case *String:
		w.str(n)
	case *Expandable:
		w.list(map[bool]string{true: "word", false: "str"}[n.Quote == QuoteBare], expressions(n.Parts)...)
	case *Variable:
		w.variable(n)
	case *Type:
		w.WriteByte('[')
		w.node(n.Name)
		w.WriteByte(']')
	case *ScriptBlockExpression:
		w.WriteByte('{')
		w.node(n.Body)
		w.WriteByte('}')
	case *Unary:
		head := n.Op.String()
		switch n.Op {
		case OpPlus, OpNeg:
			head = "u" + head
		case OpPreInc, OpPreDec:
			head = "pre" + head
		case OpPostInc, OpPostDec:
			head = "post" + head
		}
		w.list(cased(head, n.CaseSensitive), n.X)
	case *Binary:
		w.list(cased(n.Op.String(), n.CaseSensitive), n.X, n.Y)
	case *Ternary:
		w.list("?", n.Cond, n.Then, n.Else)
	case *Cast:
		w.list("cast", n.Type, n.X)
	case *Attributed:
		w.list("attributed", n.Attribute, n.X)
	case *Member:
		w.list(dot(n.Static, n.NullConditional), n.X, n.Name)
	case *Invoke:
		w.invoke(n)
	case *Index:
		w.list(map[bool]string{true: "?[]", false: "[]"}[n.NullConditional], n.X, n.Index)
	case *List:
		w.list(",", expressions(n.Items)...)
	case *Array:
		w.group("(@ ", n.Body)
	case *Hashtable:
		w.WriteString("(hash")
		for _, e := range n.Pairs {
			w.WriteByte(' ')
			w.node(e.Key)
			w.WriteByte('=')
			w.node(e.Value)
		}
		w.WriteByte(')')
	case *Paren:
		w.list("paren", n.X)
	case *SubExpression:
		w.group("($ ", n.Body)
	}
}

func (w *printer) group(open string, b *Block) {
	if len(b.Statements)+len(b.Traps) == 0 {
		open = strings.TrimSpace(open)
	}
	w.WriteString(open)
	w.block(b)
	w.WriteByte(')')
}

func (w *printer) invoke(n *Invoke) {
	w.WriteString("(call" + dot(n.Static, n.NullConditional) + " ")
	w.node(n.X)
	w.WriteByte(' ')
	w.node(n.Name)
	for _, t := range n.TypeArgs {
		w.WriteString(" [")
		w.node(t)
		w.WriteByte(']')
	}
	for _, a := range n.Args {
		w.WriteByte(' ')
		w.node(a)
	}
	w.WriteByte(')')
}

func (w *printer) variable(v *Variable) {
	w.WriteString(map[bool]string{true: "@", false: "$"}[v.Splat])
	if v.Drive != "" {
		w.WriteString(v.Drive + ":")
	}
	name := v.Name
	if strings.ContainsAny(name, " ()") {
		name = "{" + name + "}"
	}
	w.WriteString(scopeName(v.Scope) + name)
}

func (w *printer) str(s *String) {
	switch {
	case s.Quote == QuoteSingle || s.Quote == QuoteHereSingle:
		w.WriteString("'" + s.Value + "'")
	case s.Quote == QuoteBare && s.Value != "" && !strings.ContainsAny(s.Value, " \"'()\t\n\r"):
		w.WriteString(s.Value)
	default:
		w.WriteString(strconv.Quote(s.Value))
	}
}

// scopeName is the qualifier of a scope with its colon.
func scopeName(s Scope) string {
	return []string{"", "global:", "local:", "script:", "private:", "using:", "workflow:", ""}[s]
}

func dot(static, conditional bool) string {
	switch {
	case static:
		return "::"
	case conditional:
		return "?."
	}
	return "."
}

// cased writes the c of a case-sensitive operator.
func cased(op string, sensitive bool) string {
	if sensitive {
		return "-c" + strings.TrimPrefix(op, "-")
	}
	return op
}

func expressions(list []Expression) []Node {
	l := make([]Node, len(list))
	for i, e := range list {
		l[i] = e
	}
	return l
}

// printNumber writes a number with its type where that is not plain.
func printNumber(v any) string {
	switch v := v.(type) {
	case int32:
		return strconv.Itoa(int(v))
	case int64:
		return strconv.FormatInt(v, 10) + "l"
	case float64:
		s := strconv.FormatFloat(v, 'g', -1, 64)
		if !strings.ContainsAny(s, ".eIN") {
			s += ".0"
		}
		return s
	case Decimal:
		return v.String() + "d"
	case *big.Int:
		return v.String() + "n"
	case int8:
		return fmt.Sprint(v) + "y"
	case uint8:
		return fmt.Sprint(v) + "uy"
	case int16:
		return fmt.Sprint(v) + "s"
	case uint16:
		return fmt.Sprint(v) + "us"
	case uint32:
		return fmt.Sprint(v) + "u"
	case uint64:
		return fmt.Sprint(v) + "ul"
	}
	return fmt.Sprint(v)
}
