package pscmd

import (
	"context"
	"slices"
	"strings"

	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/run/winsh/ps"
)

const memberTypeName = "System.Management.Automation.PSMemberTypes"

// memberCmdlets list and add members of objects.
func memberCmdlets() []*ps.Cmdlet {
	return []*ps.Cmdlet{
		{
			Name: "Get-Member", Aliases: []string{"gm"}, Module: moduleUtility,
			Syntax: params(`
				InputObject object pipeline
				Name string[] @1 notempty
				MemberType|Type ` + memberTypeName + `
				View object !views of members are not told apart
				Static switch
				Force switch`),
			Start: startGetMember,
		},
		{
			// A first argument that names a kind of member is one: the name of a
			// property is of no type, so that the binder tries it after the kinds.
			Name: "Add-Member", Module: moduleUtility, DefaultSet: "TypeNameSet",
			Syntax: params(`
				InputObject object mandatory pipeline
				MemberType|Type ` + memberTypeName + ` @1 mandatory {MemberSet}
				Name string @2 mandatory {MemberSet}
				Value object @3 null empty {MemberSet}
				SecondValue object @4 null empty {MemberSet}
				TypeName string mandatory notempty {TypeNameSet}
				TypeName string notempty {MemberSet,NotePropertySingleMemberSet,NotePropertyMultiMemberSet}
				Force switch {MemberSet,NotePropertySingleMemberSet,NotePropertyMultiMemberSet}
				PassThru switch
				NotePropertyName object @1 mandatory notempty {NotePropertySingleMemberSet}
				NotePropertyValue object @2 mandatory null empty {NotePropertySingleMemberSet}
				NotePropertyMembers System.Collections.IDictionary @1 mandatory notempty {NotePropertyMultiMemberSet}`),
			Process: addMember,
		},
	}
}

// memberKinds are the values of PSMemberTypes.
func memberKinds() []ps.EnumValue {
	return []ps.EnumValue{
		{Name: "AliasProperty", Value: 1}, {Name: "CodeProperty", Value: 2}, {Name: "Property", Value: 4}, {Name: "NoteProperty", Value: 8},
		{Name: "ScriptProperty", Value: 16}, {Name: "Properties", Value: 31}, {Name: "PropertySet", Value: 32}, {Name: "Method", Value: 64},
		{Name: "CodeMethod", Value: 128}, {Name: "ScriptMethod", Value: 256}, {Name: "Methods", Value: 448}, {Name: "ParameterizedProperty", Value: 512},
		{Name: "MemberSet", Value: 1024}, {Name: "Event", Value: 2048}, {Name: "Dynamic", Value: 4096}, {Name: "InferredProperty", Value: 8192}, {Name: "All", Value: 16383},
	}
}

func memberTypes() []*ps.Type {
	return []*ps.Type{
		{Name: memberTypeName, Flags: true, Values: memberKinds()},
		{
			Name: "Microsoft.PowerShell.Commands.MemberDefinition",
			String: func(v any) string {
				m := v.(*ps.Object).Data.(*memberDefinition)
				return m.info.Definition
			},
			Members: func() []ps.Member {
				text := func(name string, get func(m *memberDefinition) string) ps.Member {
					return ps.Prop(name, "string", func(_ context.Context, in *ps.Invoke) (any, error) { return get(in.Data().(*memberDefinition)), nil })
				}
				return []ps.Member{
					text("TypeName", func(m *memberDefinition) string { return m.typ }),
					text("Name", func(m *memberDefinition) string { return m.info.Name }),
					ps.Prop("MemberType", memberTypeName, func(_ context.Context, in *ps.Invoke) (any, error) {
						return in.Session.Enum(memberTypeName, kindValue(in.Data().(*memberDefinition).info.Kind)), nil
					}),
					text("Definition", func(m *memberDefinition) string { return m.info.Definition }),
				}
			},
			View: func() *ps.View {
				return &ps.View{
					Table: []ps.Column{{Property: "Name"}, {Property: "MemberType"}, {Property: "Definition"}},
					Group: func(_ context.Context, _ *ps.Session, v any) string {
						return v.(*ps.Object).Data.(*memberDefinition).typ
					},
					Header: func(group string) string {
						return "   TypeName: " + group
					},
				}
			},
		},
	}
}

func kindValue(kind string) int64 {
	for _, v := range memberKinds() {
		if v.Name == kind {
			return v.Value
		}
	}
	return 0
}

// memberDefinition is the Data of what Get-Member writes.
type memberDefinition struct {
	typ  string
	info ps.MemberInfo
}

func startGetMember(_ context.Context, _ *ps.Call) (ps.Steps, error) {
	seen := map[string]bool{}
	any := false
	return ps.Steps{
		Process: func(ctx context.Context, c *ps.Call) error {
			v := inputOf(c)
			if ps.IsNull(v) {
				return nil
			}
			any = true
			if c.Switch("Static") {
				return machine.Refuse("Get-Member -Static", "static members are not listed", "look them up in the documentation of .NET")
			}
			typ := c.Session.TypeNames(v)[0]
			if seen[typ] {
				return nil
			}
			seen[typ] = true
			return writeMembers(ctx, c, v, typ)
		},
		End: func(ctx context.Context, c *ps.Call) error {
			if any {
				return nil
			}
			return c.Error(ctx, fail(invalidOperation, "You must specify an object for the Get-Member cmdlet.", "NoObjectInGetMember", ps.CloseError, nil))
		},
	}, nil
}

func writeMembers(ctx context.Context, c *ps.Call, v any, typ string) error {
	want := int64(16383)
	if e, ok := c.Value("MemberType").(ps.Enum); ok {
		want = e.Value
	}
	names := c.Strings("Name")
	list := slices.Concat(c.Session.Properties(v), c.Session.Methods(v))
	list = slices.DeleteFunc(list, func(m ps.MemberInfo) bool {
		return m.Hidden && !c.Switch("Force") || kindValue(m.Kind)&want == 0 || len(names) > 0 && !likeAny(names, m.Name)
	})
	slices.SortStableFunc(list, func(a, b ps.MemberInfo) int {
		if n := strings.Compare(a.Kind, b.Kind); n != 0 {
			return n
		}
		return strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name))
	})
	for _, m := range list {
		if err := c.Write(ctx, c.Session.Object("Microsoft.PowerShell.Commands.MemberDefinition", &memberDefinition{typ, m})); err != nil {
			return err
		}
	}
	return nil
}

// addMember adds members or a type name to an object. Values that cannot have
// members are wrapped, which only -PassThru shows.
func addMember(ctx context.Context, c *ps.Call) error {
	target := inputOf(c)
	if ps.IsNull(target) {
		return nil
	}
	extra, wrapped := ps.Extras(target)
	added := true
	add := func(p ps.Property) error {
		ok, err := putMember(ctx, c, target, extra, p)
		added = ok
		return err
	}
	switch c.Set() {
	case "NotePropertySingleMemberSet":
		if err := add(ps.Property{Name: c.String("NotePropertyName"), Value: c.Value("NotePropertyValue")}); err != nil {
			return err
		}
	case "NotePropertyMultiMemberSet":
		t, ok := ps.Unwrap(c.Value("NotePropertyMembers")).(*ps.Hashtable)
		if !ok {
			return fail(argumentException, "A dictionary is needed.", "NotePropertyMembers", ps.InvalidArgument, nil)
		}
		any := false
		for _, e := range t.Entries() {
			if err := add(ps.Property{Name: c.Session.ToString(e.Key), Value: e.Value}); err != nil {
				return err
			}
			any = any || added
		}
		added = any
	case "MemberSet":
		p, err := newMember(c)
		if err != nil {
			return err
		}
		if err := add(p); err != nil {
			return err
		}
	}
	if !added {
		return nil
	}
	if name := c.String("TypeName"); name != "" {
		if t := c.Session.FindType(name); t != nil {
			name = t.Name
		}
		extra.AddType(name)
	}
	if c.Switch("PassThru") {
		return c.Write(ctx, wrapped)
	}
	return nil
}

// newMember makes the member of the parameters MemberType, Name and Value.
func newMember(c *ps.Call) (ps.Property, error) {
	e, _ := c.Value("MemberType").(ps.Enum)
	kind := c.Session.EnumName(e)
	p := ps.Property{Name: c.String("Name")}
	v := c.Value("Value")
	second := c.Value("SecondValue")
	bad := func(id, message string) error {
		return fail(invalidOperation, message, id, ps.InvalidOperation, nil)
	}
	if c.Has("SecondValue") && kind != "AliasProperty" && kind != "ScriptProperty" {
		return p, bad("Value2ShouldNotBeSpecified", "The SecondValue parameter is not necessary for a member of type \""+kind+"\", and should not be specified. Do not specify the SecondValue parameter when you add members of this type.")
	}
	block := func(v any) (*ps.ScriptBlock, error) {
		b, ok := ps.Unwrap(v).(*ps.ScriptBlock)
		if !ok && !ps.IsNull(v) {
			return nil, fail(psInvalidOperation, "Cannot convert the \""+c.Session.ToString(v)+"\" value of type \""+c.Session.TypeOf(v).Name+"\" to type \"System.Management.Automation.ScriptBlock\".", "ConvertToFinalInvalidCastException", ps.InvalidArgument, nil)
		}
		return b, nil
	}
	var err error
	switch kind {
	case "NoteProperty":
		p.Value = v
	case "AliasProperty":
		p.Kind, p.Value = ps.AliasProperty, c.Session.ToString(v)
	case "ScriptProperty":
		p.Kind = ps.ScriptProperty
		if p.Script, err = block(v); err == nil {
			p.Setter, err = block(second)
		}
	case "ScriptMethod":
		p.Kind = ps.ScriptMethod
		p.Script, err = block(v)
	case "CodeMethod", "CodeProperty", "MemberSet", "PropertySet":
		return p, machine.Refuse("Add-Member -MemberType "+kind, "members of this kind are not supported", "use a ScriptMethod or a ScriptProperty")
	default:
		return p, bad("CannotAddMemberType", "Cannot add a member with type \""+kind+"\". Specify a different type for the MemberTypes parameter.")
	}
	return p, err
}

// putMember adds one member. One that is there needs -Force.
func putMember(ctx context.Context, c *ps.Call, target any, extra *ps.Extra, p ps.Property) (bool, error) {
	own := extra.Find(p.Name) != nil
	taken := own
	if !own {
		if _, ok := ps.Unwrap(target).(*ps.Hashtable); !ok {
			taken = slices.ContainsFunc(slices.Concat(c.Session.Properties(target), c.Session.Methods(target)), func(m ps.MemberInfo) bool {
				return strings.EqualFold(m.Name, p.Name) && !m.Hidden
			})
		}
	}
	switch {
	case taken && !c.Switch("Force"):
		return false, c.Error(ctx, fail(invalidOperation, "Cannot add a member with the name \""+p.Name+"\" because a member with that name already exists. To overwrite the member anyway, add the Force parameter to your command.",
			"MemberAlreadyExists", ps.InvalidOperation, target))
	case own:
		extra.Remove(p.Name)
	}
	extra.Add(p)
	return true, nil
}
