package ps

import (
	"context"
	"strings"
)

// moreTypes are types of PowerShell itself that sessions make, and the views of
// the types that the engine knows.
func moreTypes() []*Type {
	text := func(name string) *Type {
		return &Type{Name: "System.Management.Automation." + name, Base: "System.Management.Automation.CommandInfo"}
	}
	list := []*Type{
		{Name: "System.Management.Automation.PSScriptCmdlet", Members: scriptCmdletMembers},
		{Name: "System.Management.Automation.Internal.Host.InternalHost"}, {Name: hostUI, Members: hostUIMembers}, semverType(),
		{Name: "System.Management.Automation.EngineIntrinsics", Members: engineMembers},
		{Name: "System.Management.Automation.SessionState", Members: sessionStateMembers},
		{Name: "System.Management.Automation.PathIntrinsics", Members: pathIntrinsics},
		{Name: "System.Management.Automation.CommandInvocationIntrinsics", Members: commandIntrinsics},
		{Name: "System.Management.Automation.PathInfo", Members: pathInfoMembers, View: func() *View {
			return &View{Table: []Column{{Property: "Path"}}}
		}},
		{Name: "System.Management.Automation.CommandInfo", Abstract: true, Members: commandMembers, View: func() *View {
			return &View{Table: []Column{{Label: "CommandType", Property: "CommandType", Width: 15}, {Label: "Name", Width: 50, Value: displayName}, {Property: "Version", Width: 10}, {Property: "Source"}}}
		}},
		text("AliasInfo"), text("FunctionInfo"), text("FilterInfo"), text("CmdletInfo"), text("ExternalScriptInfo"), text("ApplicationInfo"), text("ScriptInfo"),
		{Name: "System.Collections.DictionaryEntry", View: func() *View {
			return &View{Table: []Column{{Property: "Name", Width: 30}, {Property: "Value"}}, List: []Column{{Property: "Name"}, {Property: "Value"}}}
		}},
		{Name: "System.DateTime", View: func() *View {
			return &View{Custom: func(ctx context.Context, s *Session, v any) []string {
				d, _ := Unwrap(v).(DateTime)
				hint, _, _ := s.Property(ctx, v, "DisplayHint")
				switch strings.ToLower(s.ToString(hint)) {
				case "date":
					return []string{formatDateTime(d, "D")}
				case "time":
					return []string{formatDateTime(d, "T")}
				}
				return []string{formatDateTime(d, "F")}
			}}
		}},
		{Name: "System.TimeSpan", View: func() *View {
			var v View
			for _, n := range []string{"Days", "Hours", "Minutes", "Seconds", "Milliseconds", "Ticks", "TotalDays", "TotalHours", "TotalMinutes", "TotalSeconds", "TotalMilliseconds"} {
				v.List = append(v.List, Column{Property: n})
			}
			return &v
		}},
		{Name: "System.Version", View: func() *View {
			return &View{Table: []Column{{Property: "Major", Width: 6}, {Property: "Minor", Width: 6}, {Property: "Build", Width: 6}, {Property: "Revision", Width: 8}}}
		}},
		{Name: "System.Guid", View: func() *View {
			return &View{Table: []Column{{Label: "Guid", Value: func(_ context.Context, s *Session, v any) (any, error) { return s.ToString(v), nil }}}}
		}},
		{Name: "System.RuntimeType", View: func() *View {
			yes := func(context.Context, *Session, any) (any, error) { return true, nil }
			return &View{Table: []Column{{Label: "IsPublic", Width: 8, Value: yes}, {Label: "IsSerial", Width: 8, Value: yes}, {Property: "Name", Width: 40}, {Property: "BaseType"}}}
		}},
	}
	for _, name := range []string{"WarningRecord", "VerboseRecord", "DebugRecord", "InformationRecord"} {
		list = append(list, &Type{Name: "System.Management.Automation." + name, View: func() *View {
			return &View{OutOfBand: true, Custom: func(_ context.Context, s *Session, v any) []string { return splitLines(s.ToString(v)) }}
		}})
	}
	return append(append(list, styleTypes()...), psObjectTypes()...)
}

func pathInfoMembers() []Member {
	of := func(in *Invoke) *pathInfo { return in.Data().(*pathInfo) }
	return []Member{
		Prop("Drive", "object", func(_ context.Context, in *Invoke) (any, error) {
			if d := of(in).p.Drive; d != nil {
				return NewCustom("Name", d.Name, "Root", d.Root, "Provider", d.Provider), nil
			}
			return nil, nil
		}),
		Prop("Provider", "object", func(_ context.Context, in *Invoke) (any, error) {
			return NewCustom("Name", of(in).p.Provider), nil
		}),
		Prop("ProviderPath", "string", func(_ context.Context, in *Invoke) (any, error) { return of(in).p.Name, nil }),
		Prop("Path", "string", func(_ context.Context, in *Invoke) (any, error) { return of(in).p.String(), nil }),
	}
}

// displayName is how lists of commands show a name: aliases with what they stand
// for.
func displayName(_ context.Context, _ *Session, v any) (any, error) {
	c, ok := Unwrap(v).(*Object).Data.(*CommandInfo)
	switch {
	case !ok:
		return nil, nil
	case c.Kind == "Alias" && c.Definition != "":
		return c.Name + " -> " + c.Definition, nil
	case c.Found.Path != "":
		return c.fileName(), nil
	}
	return c.Name, nil
}

// verbNoun are the two parts of the name of a cmdlet or function.
func (c *CommandInfo) verbNoun() (verb, noun any) {
	switch c.Kind {
	case "Cmdlet", "Function", "Filter":
	default:
		return nil, nil
	}
	v, n, ok := strings.Cut(c.Name, "-")
	if !ok {
		return "", ""
	}
	return v, n
}

// fileName is the name of the file of a program or script.
func (c *CommandInfo) fileName() string {
	return c.Found.Path[strings.LastIndexByte(c.Found.Path, '\\')+1:]
}

// moduleVersion is the version of a module that PowerShell brings.
func moduleVersion(module string, ed Edition) (Version, bool) {
	v51, v7 := Version{3, 0, 0, 0}, Version{7, 0, 0, 0}
	switch module {
	case "Microsoft.PowerShell.Management", "Microsoft.PowerShell.Utility":
		v51 = Version{3, 1, 0, 0}
	case "Microsoft.PowerShell.Core":
		v7 = Version{7, 4, 6, 500}
	case "Microsoft.PowerShell.Archive":
		v51, v7 = Version{1, 0, 1, 0}, Version{1, 2, 5, -1}
	case "Microsoft.PowerShell.Security":
	default:
		return Version{}, false
	}
	if ed == Core {
		return v7, true
	}
	return v51, true
}

const tCommandTypes = "System.Management.Automation.CommandTypes"

// commandTypes are the kinds of commands; CommandInfo.Kind is the name of one.
func commandTypes() *Type {
	return &Type{Name: tCommandTypes, Flags: true, Values: []EnumValue{
		{"Alias", 1}, {"Function", 2}, {"Filter", 4}, {"Cmdlet", 8}, {"ExternalScript", 16}, {"Application", 32}, {"Script", 64}, {"Configuration", 256}, {"All", 383}}}
}

func commandMembers() []Member {
	of := func(in *Invoke) *CommandInfo { return in.Data().(*CommandInfo) }
	prop := func(name string, get func(c *CommandInfo) any) Member {
		return Prop(name, "object", func(_ context.Context, in *Invoke) (any, error) { return get(of(in)), nil })
	}
	block := func(c *CommandInfo) any {
		if c.Block != nil {
			return c.Block
		}
		return nil
	}
	return []Member{
		prop("Name", func(c *CommandInfo) any {
			if c.Found.Path != "" {
				return c.fileName() // whatever it was called by
			}
			return c.Name
		}),
		Prop("CommandType", tCommandTypes, func(ctx context.Context, in *Invoke) (any, error) {
			return in.Session.castNamed(of(in).Kind, tCommandTypes)
		}),
		prop("Verb", func(c *CommandInfo) any { verb, _ := c.verbNoun(); return verb }),
		prop("Noun", func(c *CommandInfo) any { _, noun := c.verbNoun(); return noun }),
		prop("Definition", func(c *CommandInfo) any { return c.Definition }),
		prop("Source", func(c *CommandInfo) any { return c.sourceOf() }),
		prop("ModuleName", func(c *CommandInfo) any { return c.module() }),
		Prop("Version", "version", func(_ context.Context, in *Invoke) (any, error) {
			if v, ok := moduleVersion(of(in).module(), in.Session.edition); ok && of(in).Cmdlet != nil {
				return v, nil
			}
			return nil, nil
		}),
		prop("Path", func(c *CommandInfo) any {
			if c.Found.Path != "" {
				return c.Found.Path
			}
			return nil
		}),
		prop("ScriptBlock", block),
		prop("ResolvedCommandName", func(c *CommandInfo) any {
			if c.Target != nil {
				return c.Target.Name
			}
			return nil
		}),
	}
}

func engineMembers() []Member {
	part := func(name, typ string) Member {
		return Prop(name, "object", func(_ context.Context, in *Invoke) (any, error) {
			return in.Session.Object("System.Management.Automation."+typ, nil), nil
		})
	}
	return []Member{part("SessionState", "SessionState"), part("InvokeCommand", "CommandInvocationIntrinsics")}
}

func sessionStateMembers() []Member {
	return []Member{Prop("Path", "object", func(_ context.Context, in *Invoke) (any, error) {
		return in.Session.Object("System.Management.Automation.PathIntrinsics", nil), nil
	})}
}

func pathIntrinsics() []Member {
	return []Member{
		Prop("CurrentLocation", "object", func(_ context.Context, in *Invoke) (any, error) {
			return in.Session.PathInfo(in.Session.Location()), nil
		}),
		Prop("CurrentFileSystemLocation", "object", func(_ context.Context, in *Invoke) (any, error) {
			s := in.Session
			p, err := s.onDrive(s.files, "")
			return s.PathInfo(p), err
		}),
		Method("GetUnresolvedProviderPathFromPSPath", "string", O("string path", func(_ context.Context, in *Invoke) (any, error) {
			p, err := in.Session.Resolve(in.String(0))
			return p.Name, err
		})),
	}
}

func commandIntrinsics() []Member {
	return []Member{
		Method("ExpandString", "string", O("string value", func(ctx context.Context, in *Invoke) (any, error) {
			return in.Session.ExpandString(ctx, in.String(0))
		})),
	}
}
