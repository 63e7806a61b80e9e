package pscmd

import (
	"context"
	"slices"
	"strings"

	"github.com/casement/casement/internal/run/winsh/ps"
)

const scopedOptions = "System.Management.Automation.ScopedItemOptions"

// variableCmdlets are about variables of the session.
func variableCmdlets() []*ps.Cmdlet {
	const filters = `
		Include string[]
		Exclude string[]
		Scope string`
	return []*ps.Cmdlet{
		{
			Name: "Get-Variable", Aliases: []string{"gv"}, Module: moduleUtility,
			Syntax: params(`
				Name string[] @1 pipeline property notnull
				ValueOnly switch` + filters),
			Process: getVariable,
		},
		{
			Name: "Set-Variable", Aliases: []string{"set", "sv"}, Module: moduleUtility, ShouldProcess: true,
			Syntax: params(`
				Name string[] @1 mandatory property
				Value object @2 pipeline property null empty
				Append switch 7 !-Append is not supported => use +=
				Description string
				Option ` + scopedOptions + `
				Force switch
				Visibility string in=Public,Private
				PassThru switch` + filters),
			Start: startSetVariable,
		},
		{
			Name: "New-Variable", Aliases: []string{"nv"}, Module: moduleUtility, ShouldProcess: true,
			Syntax: params(`
				Name string @1 mandatory property
				Value object @2 pipeline property null empty
				Description string
				Option ` + scopedOptions + `
				Visibility string in=Public,Private
				Force switch
				PassThru switch
				Scope string`),
			Process: newVariable,
		},
		{
			Name: "Remove-Variable", Aliases: []string{"rv"}, Module: moduleUtility, ShouldProcess: true,
			Syntax: params(`
				Name string[] @1 mandatory pipeline property
				Force switch` + filters),
			Process: removeVariable,
		},
		{
			Name: "Clear-Variable", Aliases: []string{"clv"}, Module: moduleUtility, ShouldProcess: true,
			Syntax: params(`
				Name string[] @1 mandatory pipeline property
				Force switch
				PassThru switch` + filters),
			Process: clearVariable,
		},
	}
}

// variableObject makes a PSVariable.
func variableObject(s *ps.Session, v *ps.Variable) *ps.Object {
	return s.Object("System.Management.Automation.PSVariable", v)
}

// variableType is PSVariable.
func variableType() *ps.Type {
	data := func(in *ps.Invoke) *ps.Variable { return in.Data().(*ps.Variable) }
	return &ps.Type{
		Name: "System.Management.Automation.PSVariable",
		Members: func() []ps.Member {
			return []ps.Member{
				ps.Prop("Name", "string", func(_ context.Context, in *ps.Invoke) (any, error) { return data(in).Name, nil }),
				ps.Prop("Description", "string", func(_ context.Context, in *ps.Invoke) (any, error) { return data(in).Description, nil }).
					With(func(_ context.Context, in *ps.Invoke) error { data(in).Description = in.String(0); return nil }),
				ps.Prop("Value", "object", func(_ context.Context, in *ps.Invoke) (any, error) { return data(in).Value, nil }).
					With(func(_ context.Context, in *ps.Invoke) error { data(in).Value = in.Args[0]; return nil }),
				ps.Prop("Options", scopedOptions, func(_ context.Context, in *ps.Invoke) (any, error) {
					v := data(in)
					n := int64(0)
					for i, on := range []bool{v.ReadOnly, v.Constant, v.Private, v.AllScope} {
						if on {
							n |= 1 << i
						}
					}
					return in.Session.Enum(scopedOptions, n), nil
				}),
			}
		},
		View: func() *ps.View {
			return &ps.View{Table: []ps.Column{{Property: "Name", Width: 30}, {Property: "Value"}}}
		},
	}
}

// stackOf is the stack of Push-Location, which a variable of the session keeps.
func stackOf(s *ps.Session) *ps.Array {
	if v, err := s.FindVariable(locationStack, "Global"); err == nil && v != nil {
		if a, ok := v.Value.(*ps.Array); ok {
			return a
		}
	}
	a := &ps.Array{Type: "System.Collections.ArrayList"}
	// It cannot fail: nobody else has a variable of this name.
	_ = s.AddVariable(&ps.Variable{Name: locationStack, Value: a}, "Global")
	return a
}

// variablesNamed returns the variables that names or patterns mean in a scope.
// Names that mean none are reported.
func variablesNamed(ctx context.Context, c *ps.Call, names []string) ([]*ps.Variable, error) {
	scope := c.String("Scope")
	all, err := c.Session.ListVariables(scope)
	if err != nil {
		return nil, err
	}
	var list []*ps.Variable
	for _, name := range names {
		if !ps.HasWildcard(name) {
			v, err := c.Session.FindVariable(ps.UnescapeWildcard(name), scope)
			if err != nil {
				return nil, err
			}
			if v == nil {
				if err := c.Error(ctx, noVariable(name)); err != nil {
					return nil, err
				}
				continue
			}
			list = append(list, v)
			continue
		}
		for _, v := range all {
			if ps.Like(name, v.Name, false) && v.Name != locationStack {
				list = append(list, v)
			}
		}
	}
	include, exclude := c.Strings("Include"), c.Strings("Exclude")
	return slices.DeleteFunc(list, func(v *ps.Variable) bool {
		return len(include) > 0 && !likeAny(include, v.Name) || likeAny(exclude, v.Name)
	}), nil
}

func noVariable(name string) *ps.ErrorRecord {
	return fail(itemNotFound, "Cannot find a variable with the name '"+name+"'.", "VariableNotFound", ps.ObjectNotFound, name)
}

func getVariable(ctx context.Context, c *ps.Call) error {
	names := c.Strings("Name")
	if len(names) == 0 {
		names = []string{"*"}
	}
	list, err := variablesNamed(ctx, c, names)
	if err != nil {
		return err
	}
	for _, v := range list {
		if c.Switch("ValueOnly") {
			err = c.Write(ctx, v.Value)
		} else {
			err = c.Write(ctx, variableObject(c.Session, v))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// options applies -Option, -Description and the like.
func variableOptions(c *ps.Call, v *ps.Variable) {
	if c.Has("Description") {
		v.Description = c.String("Description")
	}
	if e, ok := c.Value("Option").(ps.Enum); ok {
		v.ReadOnly, v.Constant, v.Private, v.AllScope = e.Value&1 != 0, e.Value&2 != 0, e.Value&4 != 0, e.Value&8 != 0
	}
}

// locked is the error of a variable that cannot be changed.
func locked(c *ps.Call, v *ps.Variable) *ps.ErrorRecord {
	if v == nil || !v.Constant && (!v.ReadOnly || c.Switch("Force")) {
		return nil
	}
	return fail(sessionStateUnauthorized, "Cannot overwrite variable "+v.Name+" because it is read-only or constant.", "VariableNotWritable", ps.WriteError, v.Name)
}

func startSetVariable(_ context.Context, _ *ps.Call) (ps.Steps, error) {
	var list []any
	piped := false
	return ps.Steps{
		Process: func(_ context.Context, c *ps.Call) error {
			if _, ok := c.Input(); ok {
				piped = true
			}
			if piped {
				list = append(list, c.Value("Value"))
			}
			return nil
		},
		End: func(ctx context.Context, c *ps.Call) error {
			value := c.Value("Value")
			if piped {
				value = ps.Collect(list)
			}
			for _, name := range c.Strings("Name") {
				if err := setVariable(ctx, c, name, value); err != nil {
					return err
				}
			}
			return nil
		},
	}, nil
}

func setVariable(ctx context.Context, c *ps.Call, name string, value any) error {
	s, scope := c.Session, c.String("Scope")
	local := scope
	if local == "" {
		local = "Local"
	}
	old, err := s.FindVariable(name, local)
	if err != nil {
		return err
	}
	if r := locked(c, old); r != nil {
		return c.Error(ctx, r)
	}
	yes, err := c.ShouldProcess(ctx, "Name: "+name+" Value: "+s.ToString(value), "Set variable")
	if err != nil || !yes {
		return err
	}
	v := old
	switch {
	case old == nil:
		v = &ps.Variable{Name: name, Value: value}
		variableOptions(c, v)
		err = s.AddVariable(v, local)
	case scope == "" && !old.ReadOnly:
		if c.Has("Value") || c.Piped() {
			err = s.SetVariable(name, value)
		}
		variableOptions(c, v)
	default:
		if c.Has("Value") || c.Piped() {
			v.Value = value
		}
		variableOptions(c, v)
	}
	if err != nil {
		return report(ctx, c, err)
	}
	if c.Switch("PassThru") {
		return c.Write(ctx, variableObject(s, v))
	}
	return nil
}

func newVariable(ctx context.Context, c *ps.Call) error {
	s, name := c.Session, c.String("Name")
	scope := c.String("Scope")
	if scope == "" {
		scope = "Local"
	}
	old, err := s.FindVariable(name, scope)
	if err != nil {
		return err
	}
	if old != nil && !c.Switch("Force") {
		return c.Error(ctx, fail("System.Management.Automation.SessionStateException", "A variable with name '"+name+"' already exists.", "VariableAlreadyExists", ps.ResourceExists, name))
	}
	if r := locked(c, old); r != nil {
		return c.Error(ctx, r)
	}
	yes, err := c.ShouldProcess(ctx, "Name: "+name+" Value: "+c.String("Value"), "New variable")
	if err != nil || !yes {
		return err
	}
	v := &ps.Variable{Name: name, Value: c.Value("Value")}
	variableOptions(c, v)
	if err := s.AddVariable(v, scope); err != nil {
		return report(ctx, c, err)
	}
	if c.Switch("PassThru") {
		return c.Write(ctx, variableObject(s, v))
	}
	return nil
}

func removeVariable(ctx context.Context, c *ps.Call) error {
	list, err := variablesNamed(ctx, c, c.Strings("Name"))
	if err != nil {
		return err
	}
	for _, v := range list {
		if v.Constant || v.ReadOnly && !c.Switch("Force") {
			if err := c.Error(ctx, fail(sessionStateUnauthorized, "Cannot remove variable "+v.Name+" because it is constant or read-only. If the variable is read-only, try the operation again specifying the Force option.",
				"VariableNotRemovable", ps.WriteError, v.Name)); err != nil {
				return err
			}
			continue
		}
		yes, err := c.ShouldProcess(ctx, "Name: "+v.Name, "Remove variable")
		if err != nil {
			return err
		}
		if !yes {
			continue
		}
		if err := c.Session.DropVariable(v.Name, c.String("Scope")); err != nil {
			if err := report(ctx, c, err); err != nil {
				return err
			}
		}
	}
	return nil
}

func clearVariable(ctx context.Context, c *ps.Call) error {
	list, err := variablesNamed(ctx, c, c.Strings("Name"))
	if err != nil {
		return err
	}
	for _, v := range list {
		if r := locked(c, v); r != nil {
			if err := c.Error(ctx, r); err != nil {
				return err
			}
			continue
		}
		v.Value = nil
		if c.Switch("PassThru") {
			if err := c.Write(ctx, variableObject(c.Session, v)); err != nil {
				return err
			}
		}
	}
	return nil
}

// aliasCmdlets are about aliases.
func aliasCmdlets() []*ps.Cmdlet {
	const setter = `
		Name string @1 mandatory property
		Value string @2 mandatory property
		Description string
		Option ` + scopedOptions + `
		PassThru switch
		Scope string
		Force switch`
	return []*ps.Cmdlet{
		{
			Name: "Get-Alias", Aliases: []string{"gal"}, Module: moduleUtility, DefaultSet: "Default",
			Syntax: params(`
				Name string[] @1 pipeline property notempty {Default}
				Exclude string[]
				Scope string
				Definition string[] notempty {Definition}`),
			Process: getAlias,
		},
		{Name: "Set-Alias", Aliases: []string{"sal"}, Module: moduleUtility, ShouldProcess: true, Syntax: params(setter), Process: setAlias},
		{Name: "New-Alias", Aliases: []string{"nal"}, Module: moduleUtility, ShouldProcess: true, Syntax: params(setter), Process: setAlias},
		{
			Name: "Remove-Alias", Module: moduleUtility, Edition: ps.Core,
			Syntax: params(`
				Name string[] @1 mandatory pipeline property
				Scope string
				Force switch`),
			Process: func(ctx context.Context, c *ps.Call) error {
				for _, name := range c.Strings("Name") {
					if _, _, ok := findCommandIn(c.Session.Aliases(), name); !ok {
						if err := c.Error(ctx, fail(itemNotFound, "Cannot find alias because alias '"+name+"' does not exist.", "AliasNotFound", ps.ObjectNotFound, name)); err != nil {
							return err
						}
						continue
					}
					c.Session.SetAlias(name, "")
				}
				return nil
			},
		},
	}
}

func getAlias(ctx context.Context, c *ps.Call) error {
	what, wanted := "name", c.Strings("Name")
	if c.Has("Definition") {
		what, wanted = "definition", c.Strings("Definition")
	}
	if len(wanted) == 0 {
		wanted = []string{"*"}
	}
	for _, w := range wanted {
		found := false
		for _, a := range c.Session.Aliases() {
			text := a.Name
			if what == "definition" {
				text = a.Definition
			}
			if !ps.Like(w, text, false) || likeAny(c.Strings("Exclude"), text) {
				continue
			}
			found = true
			if err := c.Write(ctx, c.Session.CommandObject(a)); err != nil {
				return err
			}
		}
		if !found && !ps.HasWildcard(w) {
			if err := c.Error(ctx, fail(itemNotFound, "This command cannot find a matching alias because an alias with the "+what+" '"+w+"' does not exist.",
				"ItemNotFoundException", ps.ObjectNotFound, w)); err != nil {
				return err
			}
		}
	}
	return nil
}

func setAlias(ctx context.Context, c *ps.Call) error {
	name, value := c.String("Name"), c.String("Value")
	action := "Set Alias"
	if strings.EqualFold(c.Cmdlet.Name, "New-Alias") {
		action = "New Alias"
		if _, _, ok := findCommandIn(c.Session.Aliases(), name); ok && !c.Switch("Force") {
			return c.Error(ctx, fail("System.Management.Automation.SessionStateException", "The alias is not allowed, because an alias with the name '"+name+"' already exists.", "AliasAlreadyExists", ps.ResourceExists, name))
		}
	}
	yes, err := c.ShouldProcess(ctx, "Name: "+name+" Value: "+value, action)
	if err != nil || !yes {
		return err
	}
	c.Session.SetAlias(name, value)
	if c.Switch("PassThru") {
		v, _, _ := findCommandIn(c.Session.Aliases(), name)
		if info, ok := v.(*ps.CommandInfo); ok {
			return c.Write(ctx, c.Session.CommandObject(info))
		}
	}
	return nil
}
