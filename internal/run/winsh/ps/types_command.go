package ps

import (
	"context"
	"strings"

	"github.com/casement/casement/internal/run/winsh/machine"
)

const (
	tCommandInfo  = "System.Management.Automation.CommandInfo"
	tCommandTypes = "System.Management.Automation.CommandTypes"
)

// CommandObject is a command as scripts see it: what Get-Command writes.
func (s *Session) CommandObject(c *CommandInfo) *Object {
	return s.Object("System.Management.Automation."+c.Kind+"Info", c)
}

// CommandType is a command's kind as a value of CommandTypes.
func (s *Session) CommandType(c *CommandInfo) Enum {
	t := s.engine.mustType(tCommandTypes)
	n, _ := t.parseEnumName(c.Kind) // every kind is one of its names
	return Enum{t, n}
}

// String is the name, or the text of a script.
func (c *CommandInfo) String() string {
	if c.Kind == "Script" {
		return c.Definition
	}
	return c.Name
}

// Module is the name of the module that a command comes from: for an alias, that of
// what it leads to.
func (c *CommandInfo) Module() string {
	if c.Cmdlet != nil {
		return c.Cmdlet.Module
	}
	if c.Target != nil {
		return c.Target.Module()
	}
	return ""
}

// source is Get-Command's column Source.
func (c *CommandInfo) source() string {
	if c.Kind == "Application" || c.Kind == "ExternalScript" {
		return c.Definition
	}
	return c.Module()
}

// shownName is the name: that of a file, whatever it was called by.
func (c *CommandInfo) shownName() string {
	if c.Found.Path != "" {
		return c.Found.Path[strings.LastIndexByte(c.Found.Path, '\\')+1:]
	}
	return c.Name
}

// displayName is how lists of commands show a name: aliases with what they stand
// for.
func (c *CommandInfo) displayName() string {
	if c.Kind == "Alias" {
		return c.Name + " -> " + c.Definition
	}
	return c.shownName()
}

// version is that of a cmdlet's module. Programs are not opened for theirs; other
// files that run have none.
func (c *CommandInfo) version(ed Edition) any {
	switch {
	case c.Kind == "Application" && extension(c.Found.Path) != ".exe":
		return Version{}
	case c.Cmdlet == nil:
		return nil
	}
	if _, v, ok := ModuleVersion(ed, c.Cmdlet.Module); ok {
		return v
	}
	return nil
}

// resolve is what an alias leads to; nil if there is no such command.
func (c *CommandInfo) resolve(ctx context.Context, s *Session) (*CommandInfo, error) {
	if c.Target != nil {
		return c.Target, nil
	}
	info, err := s.Command(ctx, c.Name)
	if info == nil {
		return nil, err
	}
	return info.Target, err
}

// ModuleVersion is the spelling and the version of a module that PowerShell brings;
// ok is false for others.
func ModuleVersion(ed Edition, module string) (name string, v Version, ok bool) {
	for _, m := range []struct {
		name    string
		v51, v7 Version
	}{
		{"Microsoft.PowerShell.Core", Version{3, 0, 0, 0}, Version{7, 4, 6, 500}},
		{"Microsoft.PowerShell.Management", Version{3, 1, 0, 0}, Version{7, 0, 0, 0}},
		{"Microsoft.PowerShell.Utility", Version{3, 1, 0, 0}, Version{7, 0, 0, 0}},
		{"Microsoft.PowerShell.Security", Version{3, 0, 0, 0}, Version{7, 0, 0, 0}},
		{"Microsoft.PowerShell.Archive", Version{1, 0, 1, 0}, Version{1, 2, 5, -1}},
		{"BitsTransfer", Version{2, 0, 0, 0}, Version{2, 0, 0, 0}},
	} {
		if !strings.EqualFold(m.name, module) {
			continue
		}
		if ed == Core {
			return m.name, m.v7, true
		}
		return m.name, m.v51, true
	}
	return "", Version{}, false
}

// commandTypes are CommandInfo, its kinds, and the enumeration of those.
func commandTypes() []*Type {
	list := []*Type{
		{Name: tCommandTypes, Flags: true, Values: []EnumValue{
			{"Alias", 1}, {"Function", 2}, {"Filter", 4}, {"Cmdlet", 8}, {"ExternalScript", 16}, {"Application", 32}, {"Script", 64}, {"Configuration", 256}, {"All", 383}}},
		{Name: tCommandInfo, Abstract: true, Members: commandMembers, View: func() *View {
			name := func(_ context.Context, _ *Session, v any) (any, error) {
				c, ok := Unwrap(v).(*Object).Data.(*CommandInfo)
				if !ok {
					return nil, nil
				}
				return c.displayName(), nil
			}
			return &View{Table: []Column{{Property: "CommandType", Width: 15}, {Label: "Name", Width: 50, Value: name}, {Property: "Version", Width: 10}, {Property: "Source"}}}
		}},
	}
	for kind, members := range map[string]func() []Member{
		"Alias": aliasMembers, "Cmdlet": cmdletMembers, "Function": functionMembers, "Filter": functionMembers, "Application": programMembers,
		"ExternalScript": func() []Member { return append(programMembers(), scriptMembers()...) }, "Script": scriptMembers,
	} {
		list = append(list, &Type{Name: "System.Management.Automation." + kind + "Info", Base: tCommandInfo, Members: members})
	}
	return list
}

// commandProp is a property of commands.
func commandProp(name, typ string, get func(in *Invoke, c *CommandInfo) any) Member {
	return Prop(name, typ, func(_ context.Context, in *Invoke) (any, error) { return get(in, in.Data().(*CommandInfo)), nil })
}

func commandMembers() []Member {
	return []Member{
		commandProp("Name", "string", func(_ *Invoke, c *CommandInfo) any { return c.shownName() }),
		commandProp("CommandType", tCommandTypes, func(in *Invoke, c *CommandInfo) any { return in.Session.CommandType(c) }),
		commandProp("Definition", "string", func(_ *Invoke, c *CommandInfo) any { return c.Definition }),
		commandProp("Source", "string", func(_ *Invoke, c *CommandInfo) any { return c.source() }),
		commandProp("ModuleName", "string", func(_ *Invoke, c *CommandInfo) any { return c.Module() }),
		commandProp("Version", "version", func(in *Invoke, c *CommandInfo) any { return c.version(in.Session.edition) }),
	}
}

// cmdletMembers are the two parts of a name.
func cmdletMembers() []Member {
	part := func(name string, verb bool) Member {
		return commandProp(name, "string", func(_ *Invoke, c *CommandInfo) any {
			v, n, ok := strings.Cut(c.Name, "-")
			switch {
			case !ok:
				return ""
			case verb:
				return v
			}
			return n
		})
	}
	return []Member{part("Verb", true), part("Noun", false)}
}

func scriptMembers() []Member {
	return []Member{Prop("ScriptBlock", "scriptblock", func(_ context.Context, in *Invoke) (any, error) {
		c := in.Data().(*CommandInfo)
		switch {
		case c.Block != nil:
			return c.Block, nil
		case c.Cmdlet != nil:
			return nil, machine.Refuse("(Get-Command "+c.Name+").ScriptBlock", "the function is a part of casement, and Microsoft's text is not here", "call the function")
		}
		return nil, nil // a script that has not been read
	})}
}

func functionMembers() []Member { return append(scriptMembers(), cmdletMembers()...) }

func programMembers() []Member {
	return []Member{commandProp("Path", "string", func(_ *Invoke, c *CommandInfo) any { return c.Found.Path })}
}

func aliasMembers() []Member {
	target := func(name, typ string, get func(s *Session, c *CommandInfo) any) Member {
		return Prop(name, typ, func(ctx context.Context, in *Invoke) (any, error) {
			c, err := in.Data().(*CommandInfo).resolve(ctx, in.Session)
			if err != nil || c == nil {
				return nil, err
			}
			return get(in.Session, c), nil
		})
	}
	object := func(s *Session, c *CommandInfo) any { return s.CommandObject(c) }
	return []Member{
		target("ResolvedCommand", tCommandInfo, object), target("ReferencedCommand", tCommandInfo, object),
		target("ResolvedCommandName", "string", func(_ *Session, c *CommandInfo) any { return c.shownName() }),
		commandProp("DisplayName", "string", func(_ *Invoke, c *CommandInfo) any { return c.displayName() }),
	}
}
