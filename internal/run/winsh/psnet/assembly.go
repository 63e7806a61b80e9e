package psnet

import (
	"context"
	"strings"

	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/run/winsh/ps"
)

const assemblyName = "System.Reflection.Assembly"

// assembly is the Data of an Assembly: its short name.
type assembly string

func newAssembly(s *ps.Session, name string) *ps.Object {
	return s.Object(assemblyName, assembly(name))
}

// token is the public key token of an assembly of .NET Framework.
func (a assembly) token() string {
	switch strings.ToLower(string(a)) {
	case "system.web", "system.net.http", "system.security", "system.configuration", "system.net", "system.io.compression.zipfile", "microsoft.csharp", "system.runtime",
		"system.runtime.extensions", "system.collections", "system.linq", "system.text.regularexpressions", "system.net.primitives", "system.drawing":
		return "b03f5f7f11d50a3a"
	case "system.web.extensions", "windowsbase", "system.management.automation":
		return "31bf3856ad364e35"
	case "netstandard":
		return "cc7b13ffcd2ddd51"
	}
	return "b77a5c561934e089"
}

func (a assembly) version() string {
	switch strings.ToLower(string(a)) {
	case "system.management.automation":
		return "3.0.0.0"
	case "netstandard":
		return "2.0.0.0"
	}
	return "4.0.0.0"
}

func (a assembly) fullName() string {
	return string(a) + ", Version=" + a.version() + ", Culture=neutral, PublicKeyToken=" + a.token()
}

// location is where .NET Framework has the assembly.
func (a assembly) location() string {
	if strings.EqualFold(string(a), "mscorlib") {
		return `C:\Windows\Microsoft.NET\Framework64\v4.0.30319\mscorlib.dll`
	}
	dir := "GAC_MSIL"
	if strings.EqualFold(string(a), "System.Web") || strings.EqualFold(string(a), "System.Data") {
		dir = "GAC_64"
	}
	return `C:\Windows\Microsoft.Net\assembly\` + dir + `\` + string(a) + `\v4.0_` + a.version() + `__` + a.token() + `\` + string(a) + `.dll`
}

// assemblyTypes are assemblies, of which there are only names here.
func assemblyTypes() []*ps.Type {
	return []*ps.Type{
		{
			Name: assemblyName, Members: assemblyMembers, String: func(v any) string { return v.(*ps.Object).Data.(assembly).fullName() },
			View: func() *ps.View {
				return &ps.View{Table: []ps.Column{{Label: "GAC", Property: "GlobalAssemblyCache", Width: 6}, {Label: "Version", Property: "ImageRuntimeVersion", Width: 14}, {Property: "Location"}}}
			},
		},
		{Name: "System.Reflection.AssemblyName", Members: func() []ps.Member {
			data := func(in *ps.Invoke) assembly { return in.Data().(assembly) }
			return []ps.Member{
				prop("Name", "string", func(in *ps.Invoke) any { return string(data(in)) }), prop("FullName", "string", func(in *ps.Invoke) any { return data(in).fullName() }),
				prop("Version", "version", func(in *ps.Invoke) any { v, _ := ps.ParseVersion(data(in).version()); return v }),
			}
		}},
		{Name: "System.Type", Members: func() []ps.Member {
			return append([]ps.Member{
				static("GetType", "type", val(func(in *ps.Invoke) any {
					if t := in.Session.FindType(in.String(0)); t != nil {
						return t
					}
					return nil
				}), "string typeName", "string typeName, bool throwOnError"),
				prop("AssemblyQualifiedName", "string", func(in *ps.Invoke) any { return in.Self.(*ps.Type).Name + ", " + assembly("mscorlib").fullName() }),
				method("IsAssignableFrom", "bool", val(func(in *ps.Invoke) any {
					t, _ := in.Args[0].(*ps.Type)
					return t != nil && t.Inherits(in.Self.(*ps.Type).Name)
				}), "type c"),
				method("IsSubclassOf", "bool", val(func(in *ps.Invoke) any {
					t, me := in.Args[0].(*ps.Type), in.Self.(*ps.Type)
					return me.Name != t.Name && me.Inherits(t.Name)
				}), "type c"),
				method("IsInstanceOfType", "bool", val(func(in *ps.Invoke) any { return in.Session.Is(in.Args[0], in.Self.(*ps.Type)) }), "System.Object o"),
			}, append(refusedStatic("COM needs Windows", "use a cmdlet or a type of .NET", "GetTypeFromProgID", "GetTypeFromCLSID"),
				append(refused("types are not looked into here", "call the member itself", "GetMethod", "GetMethods", "GetField", "GetFields", "GetProperty", "GetMembers", "GetConstructor", "InvokeMember", "GetConstructors", "GetNestedType"),
					ps.Prop("Assembly", assemblyName, nil).Refused("types are not looked into here", "use a type that casement knows"))...)...)
		}},
	}
}

// load loads an assembly by its name, if it is one of those that are known here.
func load(what string) run {
	return func(_ context.Context, in *ps.Invoke) (any, error) {
		name := in.String(0)
		short := strings.TrimSpace(strings.TrimSuffix(strings.SplitN(name, ",", 2)[0], ".dll"))
		full := in.Session.Engine().Assembly(short)
		if full == "" || !in.Session.LoadAssembly(short) {
			return nil, machine.Refuse("[Reflection.Assembly]::"+what+" "+name, "the types of this assembly are not here", "use the types of System, System.IO.Compression, System.Net.Http and System.Xml")
		}
		return newAssembly(in.Session, full), nil
	}
}

func assemblyMembers() []ps.Member {
	data := func(in *ps.Invoke) assembly { return in.Data().(assembly) }
	return append([]ps.Member{
		static("LoadWithPartialName", assemblyName, load("LoadWithPartialName"), "string partialName"), static("Load", assemblyName, load("Load"), "string assemblyString"),
		prop("FullName", "string", func(in *ps.Invoke) any { return data(in).fullName() }), prop("Location", "string", func(in *ps.Invoke) any { return data(in).location() }),
		prop("GlobalAssemblyCache", "bool", func(in *ps.Invoke) any { return desktop(in.Session) }), prop("ImageRuntimeVersion", "string", func(*ps.Invoke) any { return "v4.0.30319" }),
		prop("IsDynamic", "bool", func(*ps.Invoke) any { return false }),
		method("GetName", "System.Reflection.AssemblyName", val(func(in *ps.Invoke) any { return in.Session.Object("System.Reflection.AssemblyName", data(in)) }), ""),
		method("GetType", "type", val(func(in *ps.Invoke) any {
			if len(in.Args) == 0 {
				return in.Session.Engine().Type(assemblyName)
			}
			if t := in.Session.FindType(in.String(0)); t != nil {
				return t
			}
			return nil
		}), "", "string name"),
	}, append(refusedStatic("libraries of the image are not loaded", "use a type that casement knows", "LoadFile", "LoadFrom", "UnsafeLoadFrom", "ReflectionOnlyLoad", "ReflectionOnlyLoadFrom"),
		append(refusedStatic("there are no assemblies here", "use $PSScriptRoot or $PSHOME", "GetExecutingAssembly", "GetEntryAssembly", "GetCallingAssembly"),
			refused("assemblies are not looked into here", "name the type", "GetTypes", "GetExportedTypes", "GetManifestResourceStream", "GetCustomAttributes")...)...)...)
}
