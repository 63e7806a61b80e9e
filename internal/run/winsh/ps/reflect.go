package ps

import (
	"context"
	"hash/fnv"
	"strings"
)

// MemberInfo describes a member of a value, as Get-Member lists it.
type MemberInfo struct {
	Name string
	// Kind is "Property", "NoteProperty", "AliasProperty", "ScriptProperty",
	// "CodeProperty", "ParameterizedProperty", "Method", "ScriptMethod".
	Kind string
	// Definition is Get-Member's.
	Definition string
	// Gettable properties can be read with [Session.Property].
	Gettable, Settable bool
	Static, Hidden     bool
}

// Properties returns the properties of a value in the order in which PowerShell
// shows them: those added to the object come before those of the type.
func (s *Session) Properties(v any) []MemberInfo {
	var list []MemberInfo
	seen := map[string]bool{}
	put := func(m MemberInfo) {
		key := strings.ToLower(m.Name)
		if !seen[key] {
			seen[key] = true
			list = append(list, m)
		}
	}
	b := Unwrap(v)
	t := s.engine.TypeOf(b)
	custom := t != nil && t.Name == tCustom
	if e := extras(v); e != nil {
		for _, p := range e.Added() {
			if p.Kind != ScriptMethod {
				put(s.addedInfo(v, p))
			}
		}
	}
	if t == nil || custom {
		return list
	}
	if t.Dynamic != nil && t.Dynamic.Names != nil {
		for _, name := range t.Dynamic.Names(&Invoke{Session: s, Type: t, Self: b}) {
			put(MemberInfo{Name: name, Kind: "Property", Definition: "System.String " + name, Gettable: true, Settable: true})
		}
	}
	for _, m := range t.AllMembers() {
		if m.Static || m.Kind == KindMethod || m.Kind == KindParameterized || !m.Edition.In(s.edition) {
			continue
		}
		put(memberInfo(m))
	}
	return list
}

func memberInfo(m *Member) MemberInfo {
	info := MemberInfo{Name: m.Name, Gettable: m.Get != nil || m.Kind == KindAlias, Settable: m.Set != nil, Static: m.Static}
	access := "get;"
	if m.Set != nil {
		access = "get;set;"
	}
	switch m.Kind {
	case KindAlias:
		info.Kind, info.Definition, info.Settable = "AliasProperty", m.Name+" = "+m.Target, true
	case KindScript:
		info.Kind, info.Definition = "ScriptProperty", "System.Object "+m.Name+" {"+access+"}"
	case KindCode:
		info.Kind, info.Definition = "CodeProperty", m.Type+" "+m.Name+"{"+access+"}"
	case KindNote:
		info.Kind, info.Definition = "NoteProperty", m.Type+" "+m.Name
	case KindMethod:
		info.Kind, info.Definition = "Method", strings.Join(overloadTexts(m), ", ")
	case KindParameterized:
		info.Kind, info.Definition = "ParameterizedProperty", strings.Join(overloadTexts(m), ", ")+" {"+access+"}"
	default:
		info.Kind, info.Definition = "Property", m.Type+" "+m.Name+" {"+access+"}"
	}
	return info
}

func (s *Session) addedInfo(v any, p Property) MemberInfo {
	info := MemberInfo{Name: p.Name, Gettable: true, Settable: true}
	switch p.Kind {
	case AliasProperty:
		info.Kind, info.Definition = "AliasProperty", p.Name+" = "+s.ToString(p.Value)
	case ScriptProperty:
		info.Kind, info.Settable = "ScriptProperty", p.Setter != nil
		info.Definition = "System.Object " + p.Name + " {get=" + p.Script.String() + ";}"
	case ScriptMethod:
		info.Kind, info.Gettable, info.Settable = "ScriptMethod", false, false
		info.Definition = "System.Object " + p.Name + "();"
	default:
		info.Kind = "NoteProperty"
		name := "object"
		if t := s.engine.TypeOf(p.Value); t != nil {
			name = t.shortName()
		}
		text := s.elementText(p.Value, false)
		if p.Value == nil {
			text = "null"
		}
		info.Definition = name + " " + p.Name + "=" + text
	}
	return info
}

// Methods returns the methods of a value, or the static ones of a type.
func (s *Session) Methods(v any) []MemberInfo {
	var list []MemberInfo
	if e := extras(v); e != nil {
		for _, p := range e.Added() {
			if p.Kind == ScriptMethod {
				list = append(list, s.addedInfo(v, p))
			}
		}
	}
	t := s.engine.TypeOf(v)
	if t == nil {
		return list
	}
	for _, m := range t.AllMembers() {
		if !m.Static && (m.Kind == KindMethod || m.Kind == KindParameterized) && m.Edition.In(s.edition) {
			list = append(list, memberInfo(m))
		}
	}
	return list
}

// StaticMembers returns the static members of a type.
func (s *Session) StaticMembers(t *Type) []MemberInfo {
	var list []MemberInfo
	for _, e := range t.Values {
		list = append(list, MemberInfo{Name: e.Name, Kind: "Property", Definition: "static " + t.Name + " " + e.Name + " {get;}", Gettable: true, Static: true})
	}
	for _, m := range t.AllMembers() {
		if m.Static && m.Edition.In(s.edition) {
			list = append(list, memberInfo(m))
		}
	}
	return list
}

// psObject is what $v.PSObject is.
type psObject struct{ v any }

// psBase is what $table.PSBase is: the table without its keys as properties.
type psBase struct{ h *Hashtable }

// psProperty is an element of PSObject.Properties.
type psProperty struct {
	of   any
	info MemberInfo
}

func (s *Session) propertyObject(v any, m MemberInfo) any {
	name := map[string]string{"NoteProperty": "PSNoteProperty", "AliasProperty": "PSAliasProperty", "ScriptProperty": "PSScriptProperty", "CodeProperty": "PSCodeProperty"}[m.Kind]
	if name == "" {
		name = "PSProperty"
	}
	return s.Object("System.Management.Automation."+name, psProperty{v, m})
}

// psProperties is PSObject.Properties: a list with names for indexes.
type psProperties struct {
	s *Session
	v any
}

func (p psProperties) Each(yield func(any) bool) {
	for _, m := range p.s.Properties(p.v) {
		if !yield(p.s.propertyObject(p.v, m)) {
			return
		}
	}
}

func psObjectTypes() []*Type {
	propertyTypes := func(name string) *Type {
		return &Type{Name: "System.Management.Automation." + name, Base: "System.Management.Automation.PSPropertyInfo"}
	}
	return []*Type{
		{Name: "System.Management.Automation.PSMemberSet", Members: psObjectMembers},
		{Name: "System.Management.Automation.PSPropertyInfo", Abstract: true, Members: psPropertyMembers, String: func(v any) string {
			return v.(*Object).Data.(psProperty).info.Definition
		}},
		propertyTypes("PSProperty"), propertyTypes("PSScriptProperty"), propertyTypes("PSAliasProperty"), propertyTypes("PSCodeProperty"),
		{Name: "System.Management.Automation.PSNoteProperty", Base: "System.Management.Automation.PSPropertyInfo", New: []Overload{
			O("string name, object value", func(_ context.Context, in *Invoke) (any, error) {
				o := NewCustom(in.String(0), in.Args[1])
				return in.Session.propertyObject(o, MemberInfo{Name: in.String(0), Kind: "NoteProperty", Gettable: true, Settable: true}), nil
			}),
		}},
		{Name: "System.Management.Automation.PSMethod", Members: func() []Member {
			return []Member{
				Prop("OverloadDefinitions", "System.Collections.ObjectModel.Collection`1[System.String]", func(_ context.Context, in *Invoke) (any, error) {
					m := in.Data().(psMethod)
					if m.m == nil {
						return Strings(nil), nil
					}
					return Strings(overloadTexts(m.m)), nil
				}),
				Prop("Name", "string", func(_ context.Context, in *Invoke) (any, error) { return in.Data().(psMethod).name, nil }),
			}
		}},
		{Name: "System.Management.Automation.PSMemberInfoCollection`1", Members: psPropertiesMembers},
	}
}

func psObjectMembers() []Member {
	self := func(in *Invoke) any {
		switch d := in.Data().(type) {
		case psObject:
			return d.v
		case psBase:
			return d.h
		}
		return nil
	}
	properties := func(_ context.Context, in *Invoke) (any, error) {
		return in.Session.Object("System.Management.Automation.PSMemberInfoCollection`1", psProperties{in.Session, self(in)}), nil
	}
	return []Member{
		Prop("Properties", "object", properties),
		Prop("BaseObject", "object", func(_ context.Context, in *Invoke) (any, error) { return Unwrap(self(in)), nil }),
		Prop("ImmediateBaseObject", "object", func(_ context.Context, in *Invoke) (any, error) { return Unwrap(self(in)), nil }),
		Prop("TypeNames", "object", func(_ context.Context, in *Invoke) (any, error) { return in.Session.typeNameList(self(in)), nil }),
		Prop("Methods", "object", func(_ context.Context, in *Invoke) (any, error) {
			var names []any
			for _, m := range in.Session.Methods(self(in)) {
				names = append(names, in.Session.methodObject(m.Name, in.Session.engine.TypeOf(self(in)).Member(m.Name)))
			}
			return NewArray(names...), nil
		}),
		Prop("Keys", "object", func(ctx context.Context, in *Invoke) (any, error) {
			if b, ok := in.Data().(psBase); ok {
				return NewArray(b.h.Keys()...), nil
			}
			return nil, nil
		}),
		Prop("Count", "object", func(ctx context.Context, in *Invoke) (any, error) {
			if b, ok := in.Data().(psBase); ok {
				return Int(b.h.Len()), nil
			}
			return nil, nil
		}),
		Method("Copy", "object", O("", func(_ context.Context, in *Invoke) (any, error) { return Copy(self(in)), nil })),
	}
}

// Copy is PSObject.Copy(): an object of its own with the same members.
func Copy(v any) any {
	switch x := v.(type) {
	case *Object:
		return &Object{Type: x.Type, Data: x.Data, Extra: x.Extra.copy()}
	case *Extended:
		return &Extended{Value: x.Value, Extra: x.Extra.copy()}
	case *Hashtable:
		return x.Clone()
	}
	return v
}

func psPropertyMembers() []Member {
	of := func(in *Invoke) psProperty { return in.Data().(psProperty) }
	return []Member{
		Prop("Name", "string", func(_ context.Context, in *Invoke) (any, error) { return of(in).info.Name, nil }),
		Prop("Value", "object", func(ctx context.Context, in *Invoke) (any, error) {
			v, _, err := in.Session.Property(ctx, of(in).of, of(in).info.Name)
			return v, err
		}).With(func(ctx context.Context, in *Invoke) error {
			return in.Session.SetProperty(ctx, of(in).of, of(in).info.Name, in.Args[0])
		}),
		Prop("MemberType", "object", func(_ context.Context, in *Invoke) (any, error) { return of(in).info.Kind, nil }),
		Prop("TypeNameOfValue", "string", func(ctx context.Context, in *Invoke) (any, error) {
			v, _, err := in.Session.Property(ctx, of(in).of, of(in).info.Name)
			if t := in.Session.engine.TypeOf(v); t != nil {
				return t.Name, err
			}
			return tObject, err
		}),
		Prop("IsSettable", "bool", func(_ context.Context, in *Invoke) (any, error) { return of(in).info.Settable, nil }),
		Prop("IsGettable", "bool", func(_ context.Context, in *Invoke) (any, error) { return of(in).info.Gettable, nil }),
		Prop("IsInstance", "bool", func(_ context.Context, in *Invoke) (any, error) {
			return of(in).info.Kind == "NoteProperty" || of(in).info.Kind == "ScriptProperty", nil
		}),
	}
}

func psPropertiesMembers() []Member {
	of := func(in *Invoke) psProperties { return in.Data().(psProperties) }
	lookup := func(in *Invoke, name string) any {
		for _, m := range of(in).s.Properties(of(in).v) {
			if strings.EqualFold(m.Name, name) {
				return of(in).s.propertyObject(of(in).v, m)
			}
		}
		return nil
	}
	return []Member{
		{Name: "Item", Kind: KindParameterized, Type: "object", Overloads: []Overload{
			O("string name", func(_ context.Context, in *Invoke) (any, error) { return lookup(in, in.String(0)), nil })}},
		Method("Match", "object", O("string name", func(_ context.Context, in *Invoke) (any, error) {
			var list []any
			of(in).Each(func(v any) bool {
				if Like(in.String(0), v.(*Object).Data.(psProperty).info.Name, false) {
					list = append(list, v)
				}
				return true
			})
			return NewArray(list...), nil
		})),
		Method("Add", "void", O("object member", func(ctx context.Context, in *Invoke) (any, error) {
			p, ok := in.Args[0].(*Object)
			if !ok {
				return nil, NewException("System.ArgumentException", "A PSMemberInfo is needed.")
			}
			src := p.Data.(psProperty)
			v, _, err := in.Session.Property(ctx, src.of, src.info.Name)
			if e := extras(of(in).v); e != nil && err == nil {
				e.Set(src.info.Name, v)
			}
			return nil, err
		})),
		Method("Remove", "void", O("string name", func(_ context.Context, in *Invoke) (any, error) {
			if e := extras(of(in).v); e != nil {
				e.Remove(in.String(0))
			}
			return nil, nil
		})),
	}
}

func (t *Type) leaf() string {
	name := t.Name
	if i := strings.IndexByte(name, '['); i > 0 && len(t.Args) > 0 {
		name = name[:i]
	}
	return name[strings.LastIndexByte(name, '.')+1:]
}

func (t *Type) namespace() any {
	name := t.Name
	if i := strings.IndexByte(name, '['); i > 0 {
		name = name[:i]
	}
	if i := strings.LastIndexByte(name, '.'); i > 0 {
		return name[:i]
	}
	return nil
}

// hashCode is GetHashCode() of numbers, and some number for all others: .NET
// says nothing of it but that equal values have equal ones.
func hashCode(v any) any {
	switch x := Unwrap(v).(type) {
	case int32:
		return x
	case bool:
		return int32(boolInt(x))
	case string:
		h := fnv.New32a()
		h.Write([]byte(x))
		return int32(h.Sum32())
	}
	if n, ok := toInt64(v); ok {
		return int32(n) ^ int32(n>>32)
	}
	return int32(0)
}
