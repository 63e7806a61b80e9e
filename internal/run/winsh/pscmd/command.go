package pscmd

import (
	"context"
	"slices"
	"strings"

	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/run/winsh/ps"
)

const commandTypes51 = "System.Management.Automation.CommandTypes"

// commandCmdlets say what commands there are.
func commandCmdlets() []*ps.Cmdlet {
	return []*ps.Cmdlet{{
		Name: "Get-Command", Aliases: []string{"gcm"}, Module: moduleCore, DefaultSet: "CmdletSet",
		Syntax: params(`
			Name string[] @1 pipeline property notempty {AllCommandSet}
			Verb string[] property {CmdletSet}
			Noun string[] property {CmdletSet}
			Module|PSSnapin string[] property
			FullyQualifiedModule object[] property !modules are not told apart by version
			CommandType|Type ` + commandTypes51 + ` property {AllCommandSet}
			TotalCount int property
			Syntax switch property !syntax is not shown => look it up in the documentation
			ShowCommandInfo switch !syntax is not shown
			ArgumentList|Args object[] @2 remaining null empty
			All switch property
			ListImported switch property
			ParameterName string[]
			ParameterType object[] !types of parameters are not searched
			UseFuzzyMatching switch 7 !names are not guessed
			FuzzyMinimumDistance uint32 7 !names are not guessed
			UseAbbreviationExpansion switch 7 !names are not guessed`),
		Process: getCommand,
		Check: func(_ context.Context, k *ps.Check) error {
			v, ok := k.Value("Name")
			if !ok {
				return nil
			}
			for _, item := range ps.Items(v) {
				name, ok := ps.Unwrap(item).(string)
				if !ok {
					continue
				}
				if err := refusedName("Get-Command", name); err != nil {
					return err
				}
			}
			return nil
		},
	}}
}

// refusedName refuses to say whether there is a command that cannot be done.
func refusedName(command, name string) error {
	reason, way, ok := Refused(strings.ToLower(name))
	if !ok {
		return nil
	}
	return machine.Refuse(command+" "+name, reason, way)
}

func getCommand(ctx context.Context, c *ps.Call) error {
	names := c.Strings("Name")
	if len(names) == 0 {
		return listCommands(ctx, c, "*")
	}
	for _, name := range names {
		if ps.HasWildcard(name) {
			if err := listCommands(ctx, c, name); err != nil {
				return err
			}
			continue
		}
		if err := refusedName("Get-Command", name); err != nil {
			return err
		}
		info, err := c.Session.Command(ctx, name)
		if err != nil {
			return err
		}
		if info == nil || !wantedCommand(c, info) {
			if err := c.Error(ctx, noCommand(c.Session, name)); err != nil {
				return err
			}
			continue
		}
		if err := c.Write(ctx, commandObject(c.Session, info)); err != nil {
			return err
		}
	}
	return nil
}

func noCommand(s *ps.Session, name string) *ps.ErrorRecord {
	message := "The term '" + name + "' is not recognized as the name of a cmdlet, function, script file, or operable program. Check the spelling of the name, or if a path was included, verify that the path is correct and try again."
	if s.Edition() == ps.Core {
		message = "The term '" + name + "' is not recognized as a name of a cmdlet, function, script file, or executable program.\nCheck the spelling of the name, or if a path was included, verify that the path is correct and try again."
	}
	return fail("System.Management.Automation.CommandNotFoundException", message, "CommandNotFoundException", ps.ObjectNotFound, name)
}

// wantedCommand applies -CommandType, -Module and -ParameterName.
func wantedCommand(c *ps.Call, info *ps.CommandInfo) bool {
	if e, ok := c.Value("CommandType").(ps.Enum); ok {
		if commandKind(info.Kind)&e.Value == 0 {
			return false
		}
	}
	if m := c.Strings("Module"); len(m) > 0 && (info.Cmdlet == nil || !likeAny(m, info.Cmdlet.Module)) {
		return false
	}
	if names := c.Strings("ParameterName"); len(names) > 0 {
		return info.Cmdlet != nil && slices.ContainsFunc(info.Cmdlet.Params(), func(p ps.Parameter) bool {
			return likeAny(names, p.Name) || slices.ContainsFunc(p.Aliases, func(a string) bool { return likeAny(names, a) })
		})
	}
	return true
}

// listCommands writes what a pattern matches, in the order of names.
func listCommands(ctx context.Context, c *ps.Call, pattern string) error {
	s := c.Session
	list := slices.Concat(s.Aliases(), s.Functions())
	for _, d := range s.Engine().Cmdlets(s.Edition()) {
		kind := "Cmdlet"
		if d.Function {
			kind = "Function"
		}
		list = append(list, &ps.CommandInfo{Kind: kind, Name: d.Name, Definition: d.Name, Cmdlet: d})
	}
	list = slices.DeleteFunc(list, func(i *ps.CommandInfo) bool {
		if !ps.Like(pattern, i.Name, false) || !wantedCommand(c, i) {
			return true
		}
		verb, noun, _ := strings.Cut(i.Name, "-")
		return c.Has("Verb") && !likeAny(c.Strings("Verb"), verb) || c.Has("Noun") && !likeAny(c.Strings("Noun"), noun)
	})
	slices.SortStableFunc(list, func(a, b *ps.CommandInfo) int { return order(s, a.Name, b.Name, false) })
	if n := c.Int("TotalCount", -1); n >= 0 {
		list = list[:min(n, len(list))]
	}
	for _, info := range list {
		if err := c.Write(ctx, commandObject(s, info)); err != nil {
			return err
		}
	}
	return nil
}

// commandKind is the number of a kind in CommandTypes.
func commandKind(kind string) int64 {
	switch kind {
	case "Alias":
		return 1
	case "Function":
		return 2
	case "Filter":
		return 4
	case "Cmdlet":
		return 8
	case "ExternalScript":
		return 16
	case "Application":
		return 32
	}
	return 0
}

// commandObject makes an AliasInfo, CmdletInfo, FunctionInfo and so on.
func commandObject(s *ps.Session, info *ps.CommandInfo) *ps.Object {
	return s.Object("System.Management.Automation."+info.Kind+"Info", info)
}

// source is the column Source: a module, or the path of a program.
func source(info *ps.CommandInfo) string {
	switch {
	case info.Cmdlet != nil:
		return info.Cmdlet.Module
	case info.Kind == "Application" || info.Kind == "ExternalScript":
		return info.Definition
	}
	return ""
}

// shownCommand is the column Name, where aliases show what they stand for.
func shownCommand(info *ps.CommandInfo) string {
	if info.Kind == "Alias" {
		return info.Name + " -> " + info.Definition
	}
	return info.Name
}

func commandTypes() []*ps.Type {
	data := func(in *ps.Invoke) *ps.CommandInfo { return in.Data().(*ps.CommandInfo) }
	text := func(name string, get func(i *ps.CommandInfo) string) ps.Member {
		return ps.Prop(name, "string", func(_ context.Context, in *ps.Invoke) (any, error) { return get(data(in)), nil })
	}
	list := []*ps.Type{
		{
			Name: "System.Management.Automation.CommandInfo", Abstract: true,
			String: func(v any) string { return v.(*ps.Object).Data.(*ps.CommandInfo).Name },
			Members: func() []ps.Member {
				return []ps.Member{
					text("Name", func(i *ps.CommandInfo) string { return i.Name }),
					ps.Prop("CommandType", commandTypes51, func(_ context.Context, in *ps.Invoke) (any, error) {
						return in.Session.Enum(commandTypes51, commandKind(data(in).Kind)), nil
					}),
					text("Source", source),
					ps.Prop("Version", "version", func(_ context.Context, in *ps.Invoke) (any, error) { return commandVersion(in.Session, data(in)), nil }),
					text("Definition", func(i *ps.CommandInfo) string { return i.Definition }),
					text("ModuleName", func(i *ps.CommandInfo) string {
						if i.Cmdlet != nil {
							return i.Cmdlet.Module
						}
						return ""
					}),
				}
			},
			View: func() *ps.View {
				return &ps.View{Table: []ps.Column{
					{Property: "CommandType", Width: 15},
					{Label: "Name", Width: 50, Value: func(_ context.Context, _ *ps.Session, v any) (any, error) {
						return shownCommand(v.(*ps.Object).Data.(*ps.CommandInfo)), nil
					}},
					{Property: "Version", Width: 10}, {Property: "Source"},
				}}
			},
		},
		{Name: commandTypes51, Flags: true, Values: []ps.EnumValue{
			{Name: "Alias", Value: 1}, {Name: "Function", Value: 2}, {Name: "Filter", Value: 4}, {Name: "Cmdlet", Value: 8},
			{Name: "ExternalScript", Value: 16}, {Name: "Application", Value: 32}, {Name: "Script", Value: 64}, {Name: "Configuration", Value: 256}, {Name: "All", Value: 383},
		}},
		{Name: scopedOptions, Flags: true, Values: []ps.EnumValue{
			{Name: "None"}, {Name: "ReadOnly", Value: 1}, {Name: "Constant", Value: 2}, {Name: "Private", Value: 4}, {Name: "AllScope", Value: 8}, {Name: "Unspecified", Value: 16},
		}},
		variableType(), moduleType(),
	}
	const base = "System.Management.Automation.CommandInfo"
	path := func() []ps.Member {
		return []ps.Member{text("Path", func(i *ps.CommandInfo) string { return i.Definition })}
	}
	block := func() []ps.Member {
		return []ps.Member{ps.Prop("ScriptBlock", "scriptblock", func(_ context.Context, in *ps.Invoke) (any, error) { return data(in).Block, nil })}
	}
	target := func() []ps.Member {
		get := func(_ context.Context, in *ps.Invoke) (any, error) {
			if t := data(in).Target; t != nil {
				return commandObject(in.Session, t), nil
			}
			return nil, nil
		}
		return []ps.Member{
			ps.Prop("ResolvedCommand", base, get), ps.Prop("ReferencedCommand", base, get),
			text("ResolvedCommandName", func(i *ps.CommandInfo) string { return i.Definition }),
			text("DisplayName", shownCommand),
		}
	}
	for kind, members := range map[string]func() []ps.Member{"Alias": target, "Cmdlet": nil, "Function": block, "Filter": block, "ExternalScript": path, "Application": path} {
		list = append(list, &ps.Type{Name: "System.Management.Automation." + kind + "Info", Base: base, Members: members})
	}
	return list
}

// commandVersion is the version of the command's module.
func commandVersion(s *ps.Session, info *ps.CommandInfo) any {
	if info.Cmdlet == nil {
		if info.Kind == "Application" {
			return ps.Version{Major: 0, Minor: 0, Build: 0, Revision: 0}
		}
		return nil
	}
	if _, v, ok := moduleVersion(s.Edition(), info.Cmdlet.Module); ok {
		return v
	}
	return nil
}
