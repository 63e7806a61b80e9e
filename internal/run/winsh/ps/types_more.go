package ps

import (
	"context"
	"slices"
	"strings"
)

// moreTypes are types of PowerShell itself that sessions make, and the views of
// the types that the engine knows.
func moreTypes() []*Type {
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
	return slices.Concat(list, commandTypes(), styleTypes(), psObjectTypes())
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
