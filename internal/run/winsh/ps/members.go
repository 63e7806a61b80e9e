package ps

import (
	"context"
	"errors"
	"strings"

	"github.com/casement/casement/internal/run/winsh/pslang"
)

// Property reads a property as $v.name does, added ones first. ok is false if
// there is none (elements of collections are not looked at).
func (s *Session) Property(ctx context.Context, v any, name string) (value any, ok bool, err error) {
	if e := extras(v); e != nil {
		if p := e.Find(name); p != nil {
			return s.added(ctx, v, p)
		}
	}
	b := Unwrap(v)
	switch x := b.(type) {
	case nil:
		return nil, false, nil
	case *Hashtable:
		if val, ok := x.Get(name); ok {
			return val, true, nil
		}
	case *Object:
		if d, isTable := x.Data.(Dictionary); isTable {
			if val, ok := d.Lookup(name); ok {
				return val, true, nil
			}
		}
	}
	t := s.engine.TypeOf(b)
	if t.Dynamic != nil { // an element <item> comes before the method Item
		if val, ok, err := t.Dynamic.Get(ctx, &Invoke{Session: s, Type: t, Self: b}, name); ok || err != nil {
			return val, ok, err
		}
	}
	if m := t.Member(name); m != nil && m.Edition.In(s.edition) {
		return s.read(ctx, m, t, v)
	}
	return s.intrinsic(v, b, name)
}

// intrinsic has the members that PowerShell gives to every value.
func (s *Session) intrinsic(v, b any, name string) (any, bool, error) {
	switch strings.ToLower(name) {
	case "psobject":
		return s.Object("System.Management.Automation.PSMemberSet", psObject{v}), true, nil
	case "psbase", "psextended", "psadapted":
		if e, ok := v.(*Extended); ok && strings.EqualFold(name, "psbase") {
			return e.Value, true, nil
		}
		if h, ok := b.(*Hashtable); ok {
			return s.Object("System.Management.Automation.PSMemberSet", psBase{h}), true, nil
		}
		return v, true, nil
	case "pstypenames":
		return s.typeNameList(v), true, nil
	}
	return nil, false, nil
}

// added reads a member that was added to a value.
func (s *Session) added(ctx context.Context, v any, p *Property) (any, bool, error) {
	switch p.Kind {
	case NoteProperty:
		return p.Value, true, nil
	case AliasProperty:
		target := s.ToString(p.Value)
		if strings.EqualFold(target, p.Name) {
			return nil, true, nil
		}
		return s.Property(ctx, v, target)
	case ScriptProperty:
		out, err := s.Call(ctx, p.Script, CallOptions{This: v})
		if err != nil && !isControl(err) {
			return nil, true, s.fail("System.Management.Automation.GetValueInvocationException", `Exception getting "`+p.Name+`": "`+errText(err)+`"`, "ScriptGetValueException", NotSpecified, nil)
		}
		return notEmpty(Collect(out)), true, err
	}
	return s.methodObject(p.Name, nil), true, nil
}

// read reads a member of a type. What a getter throws is $null.
func (s *Session) read(ctx context.Context, m *Member, t *Type, v any) (any, bool, error) {
	if m.Refuse != "" {
		return nil, false, refuseAt(s.pos, "["+t.Name+"]."+m.Name, m.Refuse, m.Way)
	}
	switch m.Kind {
	case KindAlias:
		return s.Property(ctx, v, m.Target)
	case KindMethod:
		return s.methodObject(m.Name, m), true, nil
	}
	if m.Get == nil {
		return nil, false, nil
	}
	self := v
	if m.Kind == KindProperty || m.Kind == KindCode {
		self = Unwrap(v)
	}
	val, err := m.Get(ctx, &Invoke{Session: s, Type: t, Self: self})
	if err != nil && !isControl(err) {
		return nil, true, nil
	}
	return val, true, err
}

// methodObject is what $v.Method without parentheses is.
func (s *Session) methodObject(name string, m *Member) any {
	return s.Object("System.Management.Automation.PSMethod", psMethod{name, m})
}

// psMethod is a method that is not called.
type psMethod struct {
	name string
	m    *Member
}

// String lists the overloads.
func (p psMethod) String() string {
	if p.m == nil {
		return p.name
	}
	return strings.Join(overloadTexts(p.m), ", ")
}

func overloadTexts(m *Member) []string {
	var list []string
	for _, o := range m.Overloads {
		var params []string
		for _, p := range o.Params {
			text := p.Type
			if p.Params {
				text = "Params " + text
			}
			if p.Ref {
				text = "[ref] " + text
			}
			params = append(params, strings.TrimSpace(text+" "+p.Name))
		}
		static := ""
		if m.Static {
			static = "static "
		}
		list = append(list, static+m.Type+" "+m.Name+"("+strings.Join(params, ", ")+")")
	}
	return list
}

// evalMember is x.name and x::name.
func (s *Session) evalMember(ctx context.Context, n *pslang.Member) (any, error) {
	if n.Static {
		return s.evalStatic(ctx, n)
	}
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
	v, ok, err := s.member(ctx, o, name)
	if err != nil || ok {
		return v, err
	}
	if s.unknownMember(o, name) {
		return nil, refuseAt(n.Name.At(), s.typeName(o)+"."+name, "casement does not know this property", "use a property that casement knows")
	}
	if s.strictness() >= 2 && !n.NullConditional {
		return nil, s.failAt(n.Extent, "System.Management.Automation.PropertyNotFoundException", "The property '"+name+"' cannot be found on this object. Verify that the property exists.", "PropertyNotFoundStrict", NotSpecified, nil)
	}
	return nil, nil
}

// unknownMember reports whether a property that was not found may be one that
// .NET has: the value is an object of .NET, and no type here has the name.
func (s *Session) unknownMember(o any, name string) bool {
	switch x := Unwrap(o).(type) {
	case *Object:
		t := s.engine.canonical(x.Type)
		if t.Name == tCustom || t.Dynamic != nil {
			return false
		}
		if _, ok := x.Data.(Dictionary); ok {
			return false
		}
	case *Exception, *ErrorRecord:
	default:
		return false
	}
	return !s.engine.members()[strings.ToLower(name)]
}

// member reads a property of a value, or of the elements of a collection.
func (s *Session) member(ctx context.Context, o any, name string) (any, bool, error) {
	v, ok, err := s.Property(ctx, o, name)
	if ok || err != nil {
		return v, ok, err
	}
	if Enumerable(o) && !isEmpty(o) {
		var list []any
		if err := s.enumerateMember(ctx, o, name, &list); err != nil {
			return nil, false, err
		}
		if len(list) == 0 {
			return nil, false, nil
		}
		return Collect(list), true, nil
	}
	switch strings.ToLower(name) {
	case "count", "length":
		if s.strictness() >= 2 {
			return nil, false, nil
		}
		if IsNull(o) {
			return int32(0), true, nil
		}
		return int32(1), true, nil
	}
	return nil, false, nil
}

func (s *Session) enumerateMember(ctx context.Context, o any, name string, list *[]any) error {
	for _, item := range Items(o) {
		v, ok, err := s.Property(ctx, item, name)
		switch {
		case err != nil:
			return err
		case ok && Enumerable(v):
			*list = append(*list, Items(v)...)
		case ok:
			*list = append(*list, v)
		case Enumerable(item):
			if err := s.enumerateMember(ctx, item, name, list); err != nil {
				return err
			}
		}
	}
	return nil
}

// SetProperty assigns to a property.
func (s *Session) SetProperty(ctx context.Context, v any, name string, value any) error {
	if e := extras(v); e != nil {
		if p := e.Find(name); p != nil {
			return s.setAdded(ctx, v, p, value)
		}
	}
	b := Unwrap(v)
	switch x := b.(type) {
	case nil:
		return s.notSettable(name)
	case *Hashtable:
		x.Put(name, value)
		return nil
	case *Object:
		if d, ok := x.Data.(Dictionary); ok {
			if _, has := d.Lookup(name); has || s.engine.canonical(x.Type).Member(name) == nil {
				return s.wrapSet(name, d.Store(name, value))
			}
		}
	}
	t := s.engine.TypeOf(b)
	if t.Dynamic != nil && t.Dynamic.Set != nil {
		if ok, err := t.Dynamic.Set(ctx, &Invoke{Session: s, Type: t, Self: b}, name, value); ok || err != nil {
			return s.wrapSet(name, err)
		}
	}
	if m := t.Member(name); m != nil && m.Edition.In(s.edition) {
		return s.write(ctx, m, t, v, value)
	}
	if Enumerable(v) {
		for _, item := range Items(v) {
			if err := s.SetProperty(ctx, item, name, value); err != nil {
				return err
			}
		}
		return nil
	}
	return s.notSettable(name)
}

func (s *Session) notSettable(name string) error {
	return s.fail(tRuntime, "The property '"+name+"' cannot be found on this object. Verify that the property exists and can be set.", "PropertyNotFound", InvalidOperation, nil)
}

func (s *Session) setAdded(ctx context.Context, v any, p *Property, value any) error {
	switch p.Kind {
	case NoteProperty:
		p.Value = value
		return nil
	case AliasProperty:
		return s.SetProperty(ctx, v, s.ToString(p.Value), value)
	case ScriptProperty:
		if p.Setter != nil {
			_, err := s.Call(ctx, p.Setter, CallOptions{This: v, Args: []any{value}})
			return err
		}
		return s.fail("System.Management.Automation.SetValueException", `Set accessor for property "`+p.Name+`" is unavailable.`, "SetWithoutSetterFromScriptProperty", NotSpecified, nil)
	}
	return s.notSettable(p.Name)
}

func (s *Session) write(ctx context.Context, m *Member, t *Type, v, value any) error {
	switch {
	case m.Refuse != "":
		return refuseAt(s.pos, "["+t.Name+"]."+m.Name, m.Refuse, m.Way)
	case m.Kind == KindAlias:
		return s.SetProperty(ctx, v, m.Target, value)
	case m.Set == nil:
		return s.fail(tRuntime, "'"+m.Name+"' is a ReadOnly property.", "PropertyAssignmentException", InvalidOperation, nil)
	}
	x, err := s.argument(ctx, value, m.Type, t)
	if err != nil {
		return s.wrapSet(m.Name, err)
	}
	return s.wrapSet(m.Name, m.Set(ctx, &Invoke{Session: s, Type: t, Self: Unwrap(v), Args: []any{x}}))
}

// wrapSet is the error of a setter.
func (s *Session) wrapSet(name string, err error) error {
	if err == nil || isControl(err) {
		return err
	}
	r := s.fail("System.Management.Automation.SetValueInvocationException", `Exception setting "`+name+`": "`+errText(err)+`"`, "ExceptionWhenSetting", NotSpecified, nil)
	r.Exception.Inner = ToException(err)
	return r
}

// evalStatic is [type]::Name.
func (s *Session) evalStatic(ctx context.Context, n *pslang.Member) (any, error) {
	t, name, err := s.staticTarget(ctx, n.X, n.Name)
	if err != nil {
		return nil, err
	}
	if t == nil {
		return nil, nil
	}
	if v, ok, err := s.static(ctx, t, name); ok || err != nil {
		return v, err
	}
	if s.strictness() >= 2 {
		return nil, s.failAt(n.Extent, "System.Management.Automation.PropertyNotFoundException", "The property '"+name+"' cannot be found on this object. Verify that the property exists.", "PropertyNotFoundStrict", NotSpecified, nil)
	}
	return nil, nil
}

func (s *Session) staticTarget(ctx context.Context, x, nameOf pslang.Expression) (*Type, string, error) {
	v, err := s.eval(ctx, x)
	if err != nil {
		return nil, "", err
	}
	name, err := s.memberName(ctx, nameOf)
	if err != nil {
		return nil, "", err
	}
	if t, ok := Unwrap(v).(*Type); ok {
		return t, name, nil
	}
	return s.engine.TypeOf(v), name, nil
}

// static reads a static member: a value of an enumeration or a property.
func (s *Session) static(ctx context.Context, t *Type, name string) (any, bool, error) {
	for _, e := range t.Values {
		if strings.EqualFold(e.Name, name) {
			return Enum{t, e.Value}, true, nil
		}
	}
	m := t.StaticMember(name)
	if m == nil || !m.Edition.In(s.edition) {
		return nil, false, nil
	}
	if m.Refuse != "" {
		return nil, false, refuseAt(s.pos, "["+t.Name+"]::"+m.Name, m.Refuse, m.Way)
	}
	if m.Kind == KindMethod {
		return s.methodObject(m.Name, m), true, nil
	}
	v, err := m.Get(ctx, &Invoke{Session: s, Type: t})
	if err != nil && !isControl(err) {
		return nil, true, nil
	}
	return v, true, err
}

func (s *Session) storeStatic(ctx context.Context, n *pslang.Member, v any) error {
	t, name, err := s.staticTarget(ctx, n.X, n.Name)
	if err != nil {
		return err
	}
	if t == nil {
		return s.notSettable(name)
	}
	m := t.StaticMember(name)
	switch {
	case m == nil || m.Kind == KindMethod:
		return s.notSettable(name)
	case m.Refuse != "":
		return refuseAt(n.Extent, "["+t.Name+"]::"+m.Name, m.Refuse, m.Way)
	case m.Set == nil:
		return s.fail(tRuntime, "'"+m.Name+"' is a ReadOnly property.", "PropertyAssignmentException", InvalidOperation, nil)
	}
	x, err := s.argument(ctx, v, m.Type, t)
	if err != nil {
		return s.wrapSet(m.Name, err)
	}
	return s.wrapSet(m.Name, m.Set(ctx, &Invoke{Session: s, Type: t, Args: []any{x}}))
}

// TypeNames returns the PSTypeNames of a value.
func (s *Session) TypeNames(v any) []string {
	var list []string
	if e := extras(v); e != nil {
		list = append(list, e.AddedTypes()...)
	}
	b := Unwrap(v)
	t := s.engine.TypeOf(b)
	if t != nil && t.Names != nil {
		return append(list, t.Names(b)...)
	}
	for ; t != nil; t = t.BaseType() {
		list = append(list, t.Name)
	}
	return list
}

func (s *Session) typeNameList(v any) any {
	a := Strings(s.TypeNames(v))
	a.Type = "System.Collections.ObjectModel.Collection`1[System.String]"
	return a
}

// wrapNet makes the error of a method that threw.
func (s *Session) wrapNet(name string, args int, err error) error {
	if err == nil || isControl(err) {
		return err
	}
	var r *ErrorRecord
	if errors.As(err, &r) && (r.final || r.thrown || r.leaves != nil) {
		return r
	}
	x := ToException(err)
	out := s.fail("System.Management.Automation.MethodInvocationException",
		`Exception calling "`+name+`" with "`+intText(int64(args))+`" argument(s): "`+x.Message+`"`, "", NotSpecified, nil)
	out.ID = x.Type[strings.LastIndexByte(x.Type, '.')+1:]
	out.Exception.Inner = x
	return out
}
