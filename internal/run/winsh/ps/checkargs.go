package ps

import (
	"context"
	"errors"
	"strings"

	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/run/winsh/pslang"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
)

// Check is what is known of a call before anything runs.
type Check struct {
	// Engine looks up types and commands; Edition is that of the session.
	Engine  *Engine
	Edition Edition
	Cmdlet  *Cmdlet
	Name    string
	// Machine and TreeUnknown are as in [machine.Checking].
	Machine     *machine.Machine
	TreeUnknown bool
	*known
	k *checker
}

// known are the parameters of a call as far as they are known.
type known struct {
	values map[string]knownValue
	splat  bool
	warnAt func(message, hint string)
}

type knownValue struct {
	v  any
	ok bool
}

// Has reports whether a parameter is given; it may be given by a splatted
// table that is not known (see Splatted).
func (k *known) Has(name string) bool {
	_, ok := k.values[strings.ToLower(name)]
	return ok
}

// Value returns the value of a parameter, if it is known: a constant, a list of
// constants as *Array, a script block as *ScriptBlock.
func (k *known) Value(name string) (v any, ok bool) {
	x := k.values[strings.ToLower(name)]
	return x.v, x.ok
}

// String returns the text of a parameter, if it is known.
func (k *known) String(name string) (string, bool) { return k.text(name) }

func (k *known) text(name string) (string, bool) {
	v, ok := k.Value(name)
	if !ok {
		return "", false
	}
	switch x := v.(type) {
	case string:
		return x, true
	case *Array:
		if len(x.Items) == 1 {
			s, ok := x.Items[0].(string)
			return s, ok
		}
		return "", false
	case nil:
		return "", false
	}
	return (&Session{}).scalarText(v, false), true
}

// Splatted reports whether parameters come from a table that is not known.
func (k *known) Splatted() bool { return k.splat }

// Warn notes something that is likely not what the author meant.
func (k *known) Warn(message, hint string) {
	if k.warnAt != nil {
		k.warnAt(message, hint)
	}
}

// Program checks a program that the cmdlet starts (Start-Process).
func (c *Check) Program(ctx context.Context, path string, args []machine.Arg, raw string) error {
	found, err := c.k.find(path)
	if err != nil {
		if c.TreeUnknown {
			return nil
		}
		return err
	}
	return c.k.c.Machine.CheckStart(ctx, found, c.k.c.Child(raw), args)
}

// Find looks a command up as a program; the error matches fs.ErrNotExist if
// there is none.
func (c *Check) Find(_ context.Context, path string) (machine.Found, error) { return c.k.find(path) }

// Text checks a text that the cmdlet runs as PowerShell (Invoke-Expression).
func (c *Check) Text(_ context.Context, text string) error {
	if c.k.texts[text] || len(c.k.texts) >= maxTexts {
		return nil // it may contain itself; it is checked again when it is run
	}
	b, err := pslang.Parse(text, pslang.Options{Core: c.Edition == Core})
	if err != nil {
		return nil
	}
	if c.k.texts == nil {
		c.k.texts = map[string]bool{}
	}
	c.k.texts[text] = true
	c.k.collect(b)
	return c.k.walk(b)
}

// maxTexts bounds how many texts within each other, and within one script, are
// checked before they are run.
const maxTexts = 100

// cmdlet checks a call of a cmdlet.
func (k *checker) cmdlet(n *pslang.Command, c *Cmdlet) error {
	if c.Refuse != "" {
		return refuseAt(n.Name.At(), c.Name, c.Refuse, c.Way)
	}
	m := k.e.meta(c, k.ed)
	for _, a := range n.Args {
		p, ok := a.(*pslang.Parameter)
		if !ok {
			if _, end := a.(*pslang.EndOfParameters); end {
				break
			}
			continue
		}
		found, many := m.find(p.Name)
		switch {
		case many != nil:
			continue // PowerShell reports it
		case found == nil:
			return refuseAt(p.Extent, c.Name+" -"+p.Name, "casement does not know this parameter", "leave the parameter out")
		case found.refuse != "":
			return refuseAt(p.Extent, c.Name+" -"+found.name, found.refuse, found.way)
		}
	}
	bound := k.bind(c, n.Args)
	if err := k.refusedBound(m, bound, n); err != nil {
		return err
	}
	if c.Check == nil {
		return nil
	}
	return placed(c.Check(k.ctx, k.checkOf(c, bound, n)), n.Name.At())
}

// refusedBound refuses parameters that are given by place or splatting.
func (k *checker) refusedBound(m *meta, bound *known, n *pslang.Command) error {
	for _, p := range m.params {
		if p.refuse != "" && bound.Has(p.name) {
			return refuseAt(n.Name.At(), m.name+" -"+p.name, p.refuse, p.way)
		}
	}
	return nil
}

func (k *checker) checkOf(c *Cmdlet, bound *known, n *pslang.Command) *Check {
	if k.c.Warn != nil {
		w := k.warning(n.Extent)
		bound.warnAt = func(message, hint string) { w(0, 0, message, hint) }
	}
	return &Check{Engine: k.e, Edition: k.ed, Cmdlet: c, Name: c.Name, Machine: k.c.Machine, TreeUnknown: k.c.TreeUnknown, known: bound, k: k}
}

// bind binds arguments to parameters without evaluating them.
func (k *checker) bind(c *Cmdlet, list []pslang.Argument) *known {
	out := &known{values: map[string]knownValue{}}
	if c == nil {
		return out
	}
	m := k.e.meta(c, k.ed)
	b := &binding{meta: m, values: map[*param]any{}, valid: m.all()}
	put := func(p *param, v any, ok bool) {
		b.values[p] = nil
		if p.mask()&b.valid != 0 {
			b.valid &= p.mask()
		}
		out.values[strings.ToLower(p.name)] = knownValue{v, ok}
	}
	var rest []pslang.Argument
	for i := 0; i < len(list); i++ {
		switch x := list[i].(type) {
		case *pslang.Parameter:
			p, _ := m.find(x.Name)
			switch {
			case p == nil:
			case x.Value != nil:
				v, ok := k.constant(x.Value)
				put(p, v, ok)
			case p.isSwitch:
				put(p, true, true)
			case i+1 < len(list):
				i++
				if e, ok := list[i].(pslang.Expression); ok {
					v, known := k.constant(e)
					put(p, v, known)
				}
			}
		case *pslang.EndOfParameters:
		case *pslang.Variable:
			if !x.Splat {
				rest = append(rest, x)
				continue
			}
			k.splat(m, x, put, out)
		default:
			rest = append(rest, x)
		}
	}
	for _, a := range rest {
		candidates := b.nextPositional()
		e, ok := a.(pslang.Expression)
		if len(candidates) == 0 || !ok {
			break
		}
		v, known := k.constant(e)
		put(k.pick(candidates, v, known), v, known)
	}
	return out
}

// pick chooses the parameter that an argument by place most likely goes to.
func (k *checker) pick(list []*param, v any, known bool) *param {
	if known && len(list) > 1 {
		b := &binding{s: k.pureSession()}
		for _, p := range list {
			if p.typ != nil && b.fitsType(p, v) {
				return p
			}
		}
		for _, p := range list {
			if p.typ == nil {
				return p
			}
			if _, err := k.pureSession().Cast(k.ctx, v, p.typ); err == nil {
				return p
			}
		}
	}
	return list[0]
}

// splat binds the entries of a table that is a literal; others are not known.
func (k *checker) splat(m *meta, x *pslang.Variable, put func(*param, any, bool), out *known) {
	h, ok := k.values[x.Key].(*pslang.Hashtable)
	if !ok || k.assigned[x.Key] != 1 {
		out.splat = true
		return
	}
	for _, p := range h.Pairs {
		key, ok := p.Key.(*pslang.String)
		if !ok {
			out.splat = true
			continue
		}
		found, _ := m.find(key.Value)
		if found == nil {
			continue
		}
		var v any
		known := false
		if e, ok := p.Value.(*pslang.ExpressionStatement); ok {
			v, known = k.constant(e.X)
		}
		put(found, v, known)
	}
}

// constant is the value of an expression that is known before anything runs.
func (k *checker) constant(x pslang.Expression) (any, bool) {
	switch n := x.(type) {
	case *pslang.String:
		return n.Value, true
	case *pslang.Number:
		return literal(n.Value), true
	case *pslang.ScriptBlockExpression:
		return &ScriptBlock{Body: n.Body}, true
	case *pslang.Variable:
		return k.constVariable(n)
	case *pslang.Paren:
		if e, ok := n.X.(*pslang.ExpressionStatement); ok {
			return k.constant(e.X)
		}
	case *pslang.List:
		return k.constList(n.Items)
	case *pslang.Array:
		var items []pslang.Expression
		for _, st := range n.Body.Statements {
			e, ok := st.(*pslang.ExpressionStatement)
			if !ok {
				return nil, false
			}
			if l, isList := e.X.(*pslang.List); isList {
				items = append(items, l.Items...)
			} else {
				items = append(items, e.X)
			}
		}
		return k.constList(items)
	case *pslang.Expandable:
		var b strings.Builder
		for _, p := range n.Parts {
			v, ok := k.constant(p)
			if !ok {
				return nil, false
			}
			b.WriteString(k.pureSession().ToString(v))
		}
		return b.String(), true
	case *pslang.Binary:
		return k.constBinary(n)
	}
	return nil, false
}

func (k *checker) constList(list []pslang.Expression) (any, bool) {
	a := NewArray()
	for _, x := range list {
		v, ok := k.constant(x)
		if !ok {
			return nil, false
		}
		a.Items = append(a.Items, v)
	}
	return a, true
}

func (k *checker) constBinary(n *pslang.Binary) (any, bool) {
	switch n.Op {
	case pslang.OpAdd, pslang.OpSub, pslang.OpMul, pslang.OpFormat, pslang.OpJoin, pslang.OpReplace:
	default:
		return nil, false
	}
	a, ok := k.constant(n.X)
	if !ok {
		return nil, false
	}
	b, ok := k.constant(n.Y)
	if !ok {
		return nil, false
	}
	if _, isBlock := b.(*ScriptBlock); isBlock {
		return nil, false
	}
	if n.Op == pslang.OpMul {
		if _, isText := a.(string); isText {
			return nil, false
		}
	}
	v, err := k.pureSession().operate(k.ctx, n.Op, a, b, n.CaseSensitive)
	return v, err == nil
}

// constVariable is a variable that is assigned once, with a constant.
func (k *checker) constVariable(n *pslang.Variable) (any, bool) {
	switch n.Key {
	case "true":
		return true, true
	case "false":
		return false, true
	case "null":
		return nil, true
	}
	if n.Scope == pslang.ScopeDrive {
		if n.Drive != "env" || k.envSet[n.Key] || k.c.Env == nil {
			return nil, false
		}
		v, ok := k.c.Env.Get(n.Name)
		return v, ok
	}
	if v, ok := k.consts[n.Key]; ok {
		return v, true
	}
	x := k.values[n.Key]
	if k.assigned[n.Key] != 1 || x == nil || n.Splat {
		return nil, false
	}
	k.assigned[n.Key]++ // a variable that is made of itself is not known
	v, ok := k.constant(x)
	k.assigned[n.Key]--
	if ok {
		k.consts[n.Key] = v
	}
	return v, ok
}

// argument is an argument of a program, if it is known; else prefix is what is
// known of its beginning.
func (k *checker) argument(a pslang.Argument) (list []argument, ok bool, prefix string) {
	at := a.At()
	switch x := a.(type) {
	case *pslang.Parameter:
		out := parameterArgument(x)
		if x.Value != nil {
			v, known := k.constant(x.Value)
			if !known {
				return nil, false, "-" + x.Name + ":"
			}
			out.value, out.has = v, true
		}
		return []argument{out}, true, ""
	case *pslang.EndOfParameters:
		return []argument{endArgument(at)}, true, ""
	case *pslang.Verbatim:
		return []argument{{verbatim: true, raw: x.Rest, has: true}}, true, ""
	case pslang.Expression:
		if v, known := k.constant(x); known {
			out := argument{value: v, has: true, at: at}
			out.raw, out.hasRaw = rawText(x)
			out.list, _ = x.(*pslang.List)
			return []argument{out}, true, ""
		}
		if e, isText := x.(*pslang.Expandable); isText && len(e.Parts) > 0 {
			if v, known := k.constant(e.Parts[0]); known {
				return nil, false, k.pureSession().ToString(v)
			}
		}
	}
	return nil, false, ""
}

// pureSession computes constants.
func (k *checker) pureSession() *Session {
	if k.pure == nil {
		k.pure = &Session{engine: k.e, edition: k.ed, errors: &Array{Type: tArrayList}, process: &machine.Process{Machine: k.c.Machine, Env: k.c.Env, Dir: k.c.Dir}}
		k.pure.global = newScope(nil)
		k.pure.global.strict = 0
		k.pure.scope = k.pure.global
	}
	return k.pure
}

// decodeScript decodes the bytes of a script file.
func decodeScript(data []byte, ed Edition) string {
	enc, n := markOf(data)
	if enc == nil {
		if enc = unicode.UTF8; ed == Desktop {
			enc = charmap.Windows1252
		}
	}
	out, err := enc.NewDecoder().Bytes(data[n:])
	if err != nil {
		return string(data[n:])
	}
	return string(out)
}

// checkCall runs the cmdlet's own check once more where arguments were not
// known before.
func (s *Session) checkCall(ctx context.Context, c *cmdletStage, e *element) error {
	if c.cmdlet.Check == nil {
		return nil
	}
	k := newChecker(ctx, s.engine, s.edition, &machine.Checking{Machine: s.process.Machine, Env: s.process.Env, Dir: s.Dir(), Depth: s.process.Depth})
	k.s = s
	b := c.call.frame.binding
	out := &known{values: map[string]knownValue{}}
	for _, p := range b.order {
		out.values[strings.ToLower(p.name)] = knownValue{Unwrap(b.values[p]), true}
	}
	check := &Check{Engine: s.engine, Edition: s.edition, Cmdlet: c.cmdlet, Name: c.cmdlet.Name, Machine: s.process.Machine, known: out, k: k}
	err := c.cmdlet.Check(ctx, check)
	if err != nil && !isControl(err) && errors.Unwrap(err) == nil {
		return nil
	}
	return placed(err, e.at)
}
