package psnet

import (
	"strings"

	"github.com/casement/casement/internal/run/winsh/ps"
)

// wildcard is the Data of a WildcardPattern.
type wildcard struct {
	text string
	fold bool
}

const wildcardName = "System.Management.Automation.WildcardPattern"

// wildcardTypes are the patterns of PowerShell's paths and of -like.
func wildcardTypes() []*ps.Type {
	const options = "System.Management.Automation.WildcardOptions"
	made := val(func(in *ps.Invoke) any {
		w := wildcard{text: in.String(0)}
		if len(in.Args) > 1 {
			e, _ := in.Args[1].(ps.Enum)
			w.fold = e.Value&2 != 0
		}
		return in.Session.Object(wildcardName, w)
	})
	return []*ps.Type{
		{
			Name: wildcardName, Aliases: []string{"wildcardpattern"}, New: overloads(made, "string pattern", "string pattern, "+options+" options"),
			Members: func() []ps.Member {
				return []ps.Member{
					static("Escape", "string", val(func(in *ps.Invoke) any { return ps.EscapeWildcard(in.String(0)) }), "string pattern"),
					static("Unescape", "string", val(func(in *ps.Invoke) any { return ps.UnescapeWildcard(in.String(0)) }), "string pattern"),
					static("ContainsWildcardCharacters", "bool", val(func(in *ps.Invoke) any {
						return strings.ContainsAny(in.String(0), "*?[") && ps.HasWildcard(in.String(0))
					}), "string pattern"),
					static("Get", wildcardName, made, "string pattern, "+options+" options"),
					method("IsMatch", "bool", val(func(in *ps.Invoke) any {
						w := in.Data().(wildcard)
						return ps.Like(w.text, in.String(0), !w.fold)
					}), "string input"),
				}
			},
		},
		{Name: options, Flags: true, Values: []ps.EnumValue{{Name: "None"}, {Name: "Compiled", Value: 1}, {Name: "IgnoreCase", Value: 2}, {Name: "CultureInvariant", Value: 4}}},
	}
}
