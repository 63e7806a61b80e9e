package pscmd

import (
	"context"
	"slices"
	"strings"

	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/run/winsh/ps"
)

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
			CommandType|Type System.Management.Automation.CommandTypes property {AllCommandSet}
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
		if err := c.Write(ctx, c.Session.CommandObject(info)); err != nil {
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
		if c.Session.CommandType(info).Value&e.Value == 0 {
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
		list = append(list, ps.CmdletInfo(d))
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
		if err := c.Write(ctx, s.CommandObject(info)); err != nil {
			return err
		}
	}
	return nil
}

// commandTypes are of the enumerations and objects around commands; commands
// themselves are the session's.
func commandTypes() []*ps.Type {
	return []*ps.Type{
		{Name: scopedOptions, Flags: true, Values: []ps.EnumValue{
			{Name: "None"}, {Name: "ReadOnly", Value: 1}, {Name: "Constant", Value: 2}, {Name: "Private", Value: 4}, {Name: "AllScope", Value: 8}, {Name: "Unspecified", Value: 16},
		}},
		variableType(), moduleType(),
	}
}
