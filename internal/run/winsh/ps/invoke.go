package ps

import (
	"context"
	"strings"

	"github.com/casement/casement/internal/run/winsh/pslang"
)

// evalInvoke is x.name(args) and x::name(args).
func (s *Session) evalInvoke(ctx context.Context, n *pslang.Invoke) (any, error) {
	o, err := s.eval(ctx, n.X)
	if err != nil {
		return nil, err
	}
	if n.NullConditional && IsNull(o) {
		return nil, nil
	}
	name, err := s.memberName(ctx, n.Name)
	if err != nil {
		return nil, err
	}
	if !n.Static && IsNull(o) && (isEmpty(o) || o == nil) && !strings.EqualFold(name, "foreach") && !strings.EqualFold(name, "where") {
		return nil, s.fail(tRuntime, "You cannot call a method on a null-valued expression.", "InvokeMethodOnNull", InvalidOperation, nil)
	}
	args := make([]any, len(n.Args))
	for i, a := range n.Args {
		v, err := s.eval(ctx, a)
		if err != nil {
			return nil, err
		}
		args[i] = notEmpty(v)
	}
	return s.Invoke(ctx, o, name, n.Static, args...)
}

// Invoke calls a method as $v.name(args) does, or a static one if v is a *[Type]
// and static is set.
func (s *Session) Invoke(ctx context.Context, v any, name string, static bool, args ...any) (any, error) {
	if static {
		t, ok := Unwrap(v).(*Type)
		if !ok {
			t = s.engine.TypeOf(v)
		}
		if t == nil {
			return nil, s.fail(tRuntime, "You cannot call a method on a null-valued expression.", "InvokeMethodOnNull", InvalidOperation, nil)
		}
		return s.invokeStatic(ctx, t, name, args)
	}
	out, ok, err := s.tryInvoke(ctx, v, name, args)
	if ok || err != nil {
		return out, err
	}
	switch strings.ToLower(name) {
	case "foreach":
		return s.forEachMethod(ctx, v, args)
	case "where":
		return s.whereMethod(ctx, v, args)
	}
	if Enumerable(v) {
		if list, ok, err := s.invokeEach(ctx, v, name, args); ok || err != nil {
			return list, err
		}
	}
	return nil, s.noMethod(v, name)
}

// noMethod is the error of a method that is not there. Objects of .NET may have
// it on Windows.
func (s *Session) noMethod(v any, name string) error {
	of := s.typeName(v)
	if t, ok := Unwrap(v).(*Type); ok {
		of = t.Name
	}
	if o, ok := Unwrap(v).(*Object); ok && !o.IsCustom() {
		return refuseAt(s.pos, of+"."+name+"()", "casement does not know this method", "use a cmdlet or a method that casement knows")
	}
	return s.fail(tRuntime, "Method invocation failed because ["+of+"] does not contain a method named '"+name+"'.", "MethodNotFound", InvalidOperation, name)
}

// invokeEach calls a method of each element of a collection.
func (s *Session) invokeEach(ctx context.Context, v any, name string, args []any) (any, bool, error) {
	var list []any
	found := false
	for _, item := range Items(v) {
		out, ok, err := s.tryInvoke(ctx, item, name, args)
		if err != nil {
			return nil, false, err
		}
		if !ok {
			if !Enumerable(item) {
				return nil, false, s.noMethod(item, name)
			}
			inner, has, err := s.invokeEach(ctx, item, name, args)
			if err != nil {
				return nil, false, err
			}
			out, ok = inner, has
		}
		found = found || ok
		if Enumerable(out) {
			list = append(list, Items(out)...)
		} else if !isEmpty(out) {
			list = append(list, out)
		}
	}
	return Collect(list), found, nil
}

// tryInvoke calls a method of the value itself; ok is false if it has none of
// that name.
func (s *Session) tryInvoke(ctx context.Context, v any, name string, args []any) (out any, ok bool, err error) {
	if e := extras(v); e != nil {
		if p := e.Find(name); p != nil {
			return s.invokeAdded(ctx, v, p, args)
		}
	}
	b := Unwrap(v)
	if b == nil {
		return nil, false, nil
	}
	t := s.engine.TypeOf(b)
	m := t.Member(name)
	if m == nil || !m.Edition.In(s.edition) || m.Kind != KindMethod && m.Kind != KindParameterized {
		if h, isTable := b.(*Hashtable); isTable {
			if block, _ := h.Get(name); block != nil {
				if sb, isBlock := block.(*ScriptBlock); isBlock && m == nil {
					_ = sb // a block in a table is no method
				}
			}
		}
		return nil, false, nil
	}
	out, err = s.callMember(ctx, m, t, b, args)
	return out, true, err
}

func (s *Session) invokeAdded(ctx context.Context, v any, p *Property, args []any) (any, bool, error) {
	if p.Kind == ScriptMethod {
		out, err := s.Call(ctx, p.Script, CallOptions{This: v, Args: args})
		if err != nil {
			if isControl(err) {
				return nil, false, err
			}
			return nil, false, s.wrapScript(p.Name, len(args), err)
		}
		return Collect(out), true, nil
	}
	return nil, false, nil
}

// wrapScript is the error of a script method.
func (s *Session) wrapScript(name string, n int, err error) error {
	r := s.wrapNet(name, n, ToException(err)).(*ErrorRecord)
	r.ID = "ScriptMethodRuntimeException"
	return r
}

func (s *Session) invokeStatic(ctx context.Context, t *Type, name string, args []any) (any, error) {
	if strings.EqualFold(name, "new") {
		return s.construct(ctx, t, "new", args)
	}
	m := t.StaticMember(name)
	if m == nil || !m.Edition.In(s.edition) || m.Kind != KindMethod {
		// A type is an object too: [int]::GetType() fails, [int].GetType() works.
		return nil, s.noMethod(t, name)
	}
	return s.callMember(ctx, m, t, nil, args)
}

// callMember calls the overload of a method that fits the arguments best.
func (s *Session) callMember(ctx context.Context, m *Member, t *Type, self any, args []any) (any, error) {
	if m.Refuse != "" {
		sep := "."
		if m.Static {
			sep = "::"
		}
		return nil, refuseAt(s.pos, "["+t.Name+"]"+sep+m.Name, m.Refuse, m.Way)
	}
	o, converted, err := s.overload(ctx, m.Name, m.Overloads, t, args)
	if err != nil {
		return nil, err
	}
	if o.Refuse != "" {
		return nil, refuseAt(s.pos, "["+t.Name+"]::"+m.Name, o.Refuse, o.Way)
	}
	out, err := o.Run(ctx, &Invoke{Session: s, Type: t, Self: self, Args: converted})
	if err != nil {
		return nil, s.wrapNet(m.Name, len(args), err)
	}
	if m.Type == "void" {
		return empty{}, nil
	}
	if text, ok := out.(string); ok {
		return out, s.fits(int64(len(text)))
	}
	return out, nil
}

// New makes an object as [type]::new(args) does.
func (s *Session) New(ctx context.Context, t *Type, args ...any) (any, error) {
	return s.construct(ctx, t, ".ctor", args)
}

func (s *Session) construct(ctx context.Context, t *Type, name string, args []any) (any, error) {
	t = s.engine.canonical(t)
	if t.Refuse != "" {
		return nil, refuseAt(s.pos, "["+t.Name+"]", t.Refuse, t.Way)
	}
	if t.Elem != nil {
		return s.newArray(t, args)
	}
	if len(t.New) == 0 {
		if len(args) == 0 && t.Value {
			return s.Cast(ctx, int32(0), t)
		}
		if _, _, err := s.overload(ctx, name, nil, t, args); err != nil {
			return nil, err
		}
	}
	o, converted, err := s.overload(ctx, name, t.New, t, args)
	if err != nil {
		return nil, err
	}
	if o.Refuse != "" {
		return nil, refuseAt(s.pos, "["+t.Name+"]::new", o.Refuse, o.Way)
	}
	out, err := o.Run(ctx, &Invoke{Session: s, Type: t, Args: converted})
	if err != nil {
		return nil, s.wrapNet(".ctor", len(args), err)
	}
	return out, nil
}

// newArray is [int[]]::new(5) and New-Object int[] 5.
func (s *Session) newArray(t *Type, args []any) (any, error) {
	if len(args) != 1 || t.rank > 1 {
		return nil, refuseAt(s.pos, "["+t.Name+"]::new", "arrays of several dimensions are not supported", "use an array of arrays")
	}
	n, err := s.castInt(args[0])
	if err != nil {
		return nil, err
	}
	if n < 0 {
		return nil, s.wrapNet(".ctor", 1, NewException("System.OverflowException", "Arithmetic operation resulted in an overflow."))
	}
	if err := s.fits(n * 16); err != nil {
		return nil, err
	}
	if t.Elem.Name == "System.Byte" {
		return &Bytes{B: make([]byte, n)}, nil
	}
	items := make([]any, n)
	if zero := s.zero(t.Elem); zero != nil {
		for i := range items {
			items[i] = zero
		}
	}
	return &Array{Type: t.Name, Items: items}, nil
}

// zero is the default value of a type.
func (s *Session) zero(t *Type) any {
	if !t.Inherits("System.ValueType") {
		return nil
	}
	v, err := s.Cast(context.Background(), int32(0), t)
	if err != nil {
		return nil
	}
	return v
}

// overload picks the overload and converts the arguments.
func (s *Session) overload(ctx context.Context, name string, list []Overload, t *Type, args []any) (*Overload, []any, error) {
	var best *Overload
	var expanded bool
	bestCost := -1
	count := 0
	for i := range list {
		o := &list[i]
		if !o.Edition.In(s.edition) {
			continue
		}
		for _, form := range []bool{false, true} {
			cost, ok := s.cost(ctx, o, form, t, args)
			if !ok {
				continue
			}
			count++
			if bestCost < 0 || cost < bestCost {
				best, bestCost, expanded = o, cost, form
			}
		}
	}
	if best == nil {
		return nil, nil, s.noOverload(ctx, name, list, t, args)
	}
	out, err := s.convertArgs(ctx, name, best, expanded, t, args)
	return best, out, err
}

// noOverload tells a wrong number of arguments from one that does not convert.
func (s *Session) noOverload(ctx context.Context, name string, list []Overload, t *Type, args []any) error {
	var only *Overload
	several := false
	for i := range list {
		if o := &list[i]; o.Edition.In(s.edition) && len(o.Params) == len(args) {
			several = only != nil
			only = o
		}
	}
	if only != nil && !several {
		if _, err := s.convertArgs(ctx, name, only, false, t, args); err != nil {
			return err
		}
	}
	r := s.fail("System.Management.Automation.MethodException", `Cannot find an overload for "`+name+`" and the argument count: "`+intText(int64(len(args)))+`".`, "MethodCountCouldNotFindBest", NotSpecified, nil)
	return r
}

func (s *Session) convertArgs(ctx context.Context, name string, o *Overload, expanded bool, t *Type, args []any) ([]any, error) {
	n := len(o.Params)
	out := make([]any, 0, n)
	for i, a := range args {
		p := o.Params[min(i, n-1)]
		typ := p.Type
		if expanded && i >= n-1 {
			typ = strings.TrimSuffix(typ, "[]")
		}
		v := a
		var err error
		if p.Ref {
			if _, ok := Unwrap(a).(*Ref); !ok {
				return nil, s.fail("System.Management.Automation.MethodException", "Argument: '"+intText(int64(i+1))+"' should be a System.Management.Automation.PSReference. Use [ref].", "NonRefArgumentToRefParameterMsg", NotSpecified, nil)
			}
		} else if v, err = s.argument(ctx, a, typ, t); err != nil {
			if isControl(err) {
				return nil, err
			}
			return nil, s.badArgument(name, p, i, a, typ, t, err)
		}
		out = append(out, v)
	}
	if expanded {
		rest := append([]any(nil), out[n-1:]...)
		elem := s.paramType(strings.TrimSuffix(o.Params[n-1].Type, "[]"), t)
		var list any = NewTyped(elem.Name, rest)
		if elem.Name == "System.Byte" {
			b, err := s.castBytes(rest, s.engine.arrayOf(elem, 1))
			if err != nil {
				return nil, err
			}
			list = b
		}
		out = append(out[:n-1], list)
	}
	return out, nil
}

func (s *Session) badArgument(name string, p Param, i int, a any, typ string, t *Type, err error) error {
	label := p.Name
	if label == "" {
		label = intText(int64(i))
	}
	r := s.fail("System.Management.Automation.MethodException",
		`Cannot convert argument "`+label+`", with value: "`+s.ToString(a)+`", for "`+name+`" to type "`+s.paramType(typ, t).Name+`": "`+errText(err)+`"`,
		"MethodArgumentConversionInvalidCastArgument", NotSpecified, nil)
	r.Exception.Inner = ToException(err)
	return r
}

// paramType resolves the type of a parameter; T is the argument of a generic
// type, and T1 to T7 are those of one with several.
func (s *Session) paramType(name string, t *Type) *Type {
	if t != nil && len(t.Args) > 0 {
		switch strings.TrimSuffix(name, "[]") {
		case "T", "TKey":
			if strings.HasSuffix(name, "[]") {
				return s.engine.arrayOf(t.Args[0], 1)
			}
			return t.Args[0]
		case "TValue":
			return t.Args[len(t.Args)-1]
		case "T1", "T2", "T3", "T4", "T5", "T6", "T7":
			return t.Args[name[1]-'1']
		}
	}
	if name == "" || name == "T" || name == "TKey" || name == "TValue" {
		return s.engine.kinds.object
	}
	if x := s.engine.findType(name, nil, Both); x != nil {
		return x
	}
	return s.engine.mustType(name)
}

// argument converts an argument to a parameter's type.
func (s *Session) argument(ctx context.Context, v any, typ string, t *Type) (any, error) {
	if typ == "object" || typ == "" {
		return v, nil
	}
	want := s.paramType(typ, t)
	if v == nil && !want.Value && want.Name != tString {
		return nil, nil
	}
	if v == nil && want.Name == tString {
		return "", nil
	}
	out, err := s.Cast(ctx, v, want)
	if err == nil && want.Name != tObject {
		out = Unwrap(out)
	}
	return out, err
}

// cost ranks an overload for arguments: the sum of what each conversion costs.
func (s *Session) cost(ctx context.Context, o *Overload, expanded bool, t *Type, args []any) (int, bool) {
	n := len(o.Params)
	isParams := n > 0 && o.Params[n-1].Params
	switch {
	case expanded && (!isParams || len(args) < n-1):
		return 0, false
	case !expanded && len(args) != n:
		return 0, false
	}
	total := 0
	if expanded {
		total = 5
	}
	for i, a := range args {
		p := o.Params[min(i, n-1)]
		typ := p.Type
		if expanded && i >= n-1 {
			typ = strings.TrimSuffix(typ, "[]")
		}
		c, ok := s.argCost(ctx, a, p, typ, t)
		if !ok {
			return 0, false
		}
		total += c
	}
	return total, true
}

func (s *Session) argCost(ctx context.Context, a any, p Param, typ string, t *Type) (int, bool) {
	b := Unwrap(a)
	if _, isRef := b.(*Ref); isRef != p.Ref {
		return 0, false
	}
	if p.Ref {
		return 0, true
	}
	want := s.paramType(typ, t)
	if b == nil {
		return 1, true
	}
	from := s.engine.TypeOf(b)
	switch {
	case from.Name == want.Name:
		return 0, true
	case want.Name == tObject:
		return 20, true
	case from.Inherits(want.Name):
		return 2, true
	}
	if c, ok := widening(from.Name, want.Name); ok {
		if c >= 20 {
			_, err := s.Cast(ctx, a, want)
			return c, err == nil
		}
		return c, true
	}
	base := 30
	switch {
	case want.Name == tString:
		base = 40
		if from.Name == "System.Char" {
			base = 12
		}
		return base, true
	case want.Name == "System.Boolean":
		return 60, true
	case want.Name == "System.Char":
		if text, ok := b.(string); ok && utf16Len(text) == 1 {
			return 22, true
		}
	case want.Elem != nil && from.Elem != nil:
		base = 25
	case want.Values != nil:
		base = 24
	}
	if _, err := s.Cast(ctx, a, want); err != nil {
		return 0, false
	}
	return base, true
}

// widening ranks C#'s implicit conversions between numbers.
func widening(from, to string) (int, bool) {
	order := []string{"System.SByte", "System.Byte", "System.Int16", "System.UInt16", tInt32, "System.UInt32", "System.Int64", "System.UInt64", "System.Single", "System.Double", "System.Decimal"}
	i, j := -1, -1
	for k, name := range order {
		if name == from {
			i = k
		}
		if name == to {
			j = k
		}
	}
	if i < 0 || j < 0 {
		return 0, false
	}
	if j > i {
		return 3 + (j - i), true
	}
	return 20 + (i - j), true
}

// accepts reports whether a value goes into a parameter without a conversion
// that parses text.
func (s *Session) accepts(v any, typ string, t *Type) bool {
	want, from := s.paramType(typ, t), s.engine.TypeOf(v)
	if from == nil || want.Name == tObject {
		return false
	}
	_, number := widening(from.Name, want.Name)
	_, isText := v.(string)
	return number || from.Name == want.Name || from.Inherits(want.Name) || isText && want.Name == tString
}
