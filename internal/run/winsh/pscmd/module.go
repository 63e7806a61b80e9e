package pscmd

import (
	"context"
	"slices"
	"strings"

	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/run/winsh/ps"
)

// moduleCmdlets are about modules and assemblies: those whose cmdlets are here
// are there already, others cannot be loaded.
func moduleCmdlets() []*ps.Cmdlet {
	const noModule = "!only the modules that PowerShell brings can be used"
	return []*ps.Cmdlet{
		{
			Name: "Import-Module", Aliases: []string{"ipmo"}, Module: moduleCore, DefaultSet: "Name",
			Syntax: params(`
				Name string[] @1 mandatory pipeline property {Name}
				FullyQualifiedName object[] mandatory property {FullyQualifiedName} ` + noModule + `
				Assembly object[] mandatory property {Assembly} ` + noModule + `
				ModuleInfo object[] mandatory property {ModuleInfo} ` + noModule + `
				Global switch
				Prefix string !names with a prefix are not made
				Function string[]
				Cmdlet string[]
				Variable string[]
				Alias string[]
				Force switch
				SkipEditionCheck switch 7
				PassThru switch
				AsCustomObject switch ` + noModule + `
				MinimumVersion|Version version
				MaximumVersion string
				RequiredVersion version
				ArgumentList|Args object[]
				DisableNameChecking switch
				NoClobber|NoOverwrite switch
				Scope string
				UseWindowsPowerShell|UseWinPS switch 7 !there is no Windows PowerShell beside
				PSSession object !there are no sessions with other computers
				CimSession object !there are no sessions with other computers`),
			Process: importModule,
			Check: func(_ context.Context, k *ps.Check) error {
				v, ok := k.Value("Name")
				if !ok {
					return nil
				}
				for _, item := range ps.Items(v) {
					if name, ok := ps.Unwrap(item).(string); ok {
						if err := knownModule(k.Edition, "Import-Module", name); err != nil {
							return err
						}
					}
				}
				return nil
			},
		},
		{
			Name: "Get-Module", Aliases: []string{"gmo"}, Module: moduleCore, DefaultSet: "Loaded",
			Syntax: params(`
				Name string[] @1 pipeline property
				FullyQualifiedName object[] property ` + noModule + `
				All switch
				ListAvailable switch
				PSEdition string 7
				SkipEditionCheck switch 7
				Refresh switch
				PSSession object !there are no sessions with other computers
				CimSession object !there are no sessions with other computers`),
			Process: getModule,
		},
		{
			Name: "Remove-Module", Aliases: []string{"rmo"}, Module: moduleCore, DefaultSet: "name", ShouldProcess: true,
			Syntax: params(`
				Name string[] @1 mandatory pipeline property {name}
				FullyQualifiedName object[] mandatory pipeline {FullyQualifiedName} ` + noModule + `
				ModuleInfo object[] @1 mandatory pipeline {ModuleInfo}
				Force switch`),
			Process: removeModule,
		},
		addTypeCmdlet(),
	}
}

// addTypeCmdlet finds assemblies whose types are here; nothing is compiled.
func addTypeCmdlet() *ps.Cmdlet {
	const noCompiler = "!C# is not compiled here => use .NET types from PowerShell, or build the program before"
	return &ps.Cmdlet{
		Name: "Add-Type", Module: moduleUtility, DefaultSet: "FromSource",
		Syntax: params(`
				TypeDefinition string @1 mandatory {FromSource} ` + noCompiler + `
				Name string @1 mandatory {FromMember} ` + noCompiler + `
				MemberDefinition string[] @2 mandatory {FromMember} ` + noCompiler + `
				Namespace|NS string {FromMember}
				UsingNamespace|Using string[] {FromMember}
				Path string[] @1 mandatory {FromPath} !assemblies of the image cannot be loaded
				LiteralPath|PSPath|LP string[] mandatory {FromLiteralPath} !assemblies of the image cannot be loaded
				AssemblyName|AN string[] mandatory {FromAssemblyName}
				Language string
				ReferencedAssemblies|RA string[]
				OutputAssembly|OA string ` + noCompiler + `
				OutputType|OT string
				CodeDomProvider|Provider object 5.1 ` + noCompiler + `
				CompilerParameters|CP object 5.1 ` + noCompiler + `
				CompilerOptions string[] 7 ` + noCompiler + `
				PassThru switch
				IgnoreWarnings switch`),
		Process: addType,
		Check: func(_ context.Context, k *ps.Check) error {
			v, ok := k.Value("AssemblyName")
			if !ok {
				return nil
			}
			for _, item := range ps.Items(v) {
				if name, ok := ps.Unwrap(item).(string); ok && !knownAssembly(name) {
					return refuseAssembly(name)
				}
			}
			return nil
		},
	}
}

// knownModule refuses modules that are not here.
func knownModule(ed ps.Edition, command, name string) error {
	if _, _, ok := ps.ModuleVersion(ed, name); ok || ps.HasWildcard(name) {
		return nil
	}
	if reason, way, ok := refusedModule(name); ok {
		return machine.Refuse(command+" "+name, reason, way)
	}
	return machine.Refuse(command+" "+name, "only the modules that PowerShell brings can be used", "dot-source a script instead of importing a module")
}

// moduleInfo is the Data of a PSModuleInfo.
type moduleInfo struct {
	name    string
	version ps.Version
}

func moduleType() *ps.Type {
	data := func(in *ps.Invoke) *moduleInfo { return in.Data().(*moduleInfo) }
	return &ps.Type{
		Name:   "System.Management.Automation.PSModuleInfo",
		String: func(v any) string { return v.(*ps.Object).Data.(*moduleInfo).name },
		Members: func() []ps.Member {
			return []ps.Member{
				ps.Prop("Name", "string", func(_ context.Context, in *ps.Invoke) (any, error) { return data(in).name, nil }),
				ps.Prop("Version", "version", func(_ context.Context, in *ps.Invoke) (any, error) { return data(in).version, nil }),
				ps.Prop("ModuleType", "string", func(context.Context, *ps.Invoke) (any, error) { return "Manifest", nil }),
			}
		},
		Default: []string{"ModuleType", "Version", "Name"},
	}
}

func moduleObject(s *ps.Session, name string) (any, bool) {
	name, v, ok := ps.ModuleVersion(s.Edition(), name)
	if !ok {
		return nil, false
	}
	return s.Object("System.Management.Automation.PSModuleInfo", &moduleInfo{name, v}), true
}

// loadedModules are the modules of a session, in the order of their names.
type loadedModules struct{ names []string }

// loadedKey is where a session keeps its modules.
type loadedKey struct{}

func loaded(s *ps.Session) *loadedModules {
	return s.Value(loadedKey{}, func() any { return &loadedModules{[]string{moduleManagement, moduleUtility}} }).(*loadedModules)
}

func importModule(ctx context.Context, c *ps.Call) error {
	list := loaded(c.Session)
	for _, name := range c.Strings("Name") {
		if err := knownModule(c.Session.Edition(), "Import-Module", name); err != nil {
			return err
		}
		v, ok := moduleObject(c.Session, name)
		if !ok {
			continue
		}
		if real := c.Session.ToString(v); !slices.Contains(list.names, real) {
			list.names = append(list.names, real)
			slices.Sort(list.names)
		}
		if c.Switch("PassThru") {
			if err := c.Write(ctx, v); err != nil {
				return err
			}
		}
	}
	return nil
}

// removeModule forgets modules. Their commands bring them back when they are
// used.
func removeModule(ctx context.Context, c *ps.Call) error {
	list := loaded(c.Session)
	names := c.Strings("Name")
	for _, v := range c.Values("ModuleInfo") {
		names = append(names, c.Session.ToString(v))
	}
	for _, name := range names {
		before := len(list.names)
		list.names = slices.DeleteFunc(list.names, func(n string) bool { return ps.Like(name, n, false) })
		if len(list.names) == before && !ps.HasWildcard(name) {
			if err := c.Error(ctx, fail(invalidOperation, "No modules were removed. Verify that the specification of modules to remove is correct and those modules exist in the runspace.",
				"Modules_NoModulesRemoved", ps.ResourceUnavailable, nil)); err != nil {
				return err
			}
		}
	}
	return nil
}

// getModule writes the modules that PowerShell brings. Whether there are others
// is a question about the image that is not asked.
func getModule(ctx context.Context, c *ps.Call) error {
	names := c.Strings("Name")
	if c.Switch("ListAvailable") {
		if len(names) == 0 || slices.ContainsFunc(names, ps.HasWildcard) {
			return machine.Refuse("Get-Module -ListAvailable", "the modules of the image are not listed", "name the module")
		}
		for _, name := range names {
			if err := knownModule(c.Session.Edition(), "Get-Module -ListAvailable", name); err != nil {
				return err
			}
		}
	} else {
		wanted := names
		names = slices.DeleteFunc(slices.Clone(loaded(c.Session).names), func(n string) bool {
			return len(wanted) > 0 && !slices.ContainsFunc(wanted, func(w string) bool { return ps.Like(w, n, false) })
		})
	}
	for _, name := range names {
		if v, ok := moduleObject(c.Session, name); ok {
			if err := c.Write(ctx, v); err != nil {
				return err
			}
		}
	}
	return nil
}

// assemblies are the names that Add-Type -AssemblyName takes: those of .NET
// whose types scripts use in builds.
func assemblies() []string {
	return []string{
		"System", "System.Core", "System.Data", "System.Xml", "System.Xml.Linq", "System.Web", "System.Web.Extensions", "System.Net", "System.Net.Http", "System.Security",
		"System.IO.Compression", "System.IO.Compression.FileSystem", "System.IO.Compression.ZipFile", "System.Configuration", "System.Numerics",
		"System.Runtime", "System.Runtime.Extensions", "System.Collections", "System.Linq", "System.Text.RegularExpressions", "System.Net.Primitives",
		"Microsoft.CSharp", "mscorlib", "netstandard", "WindowsBase",
	}
}

// Assemblies returns the names of assemblies that can be loaded, for [ps.Config].
func Assemblies() []string { return assemblies() }

func knownAssembly(name string) bool {
	short, _, _ := strings.Cut(name, ",")
	for _, a := range assemblies() {
		if strings.EqualFold(a, strings.TrimSpace(short)) || strings.EqualFold(a+".dll", strings.TrimSpace(short)) {
			return true
		}
	}
	return false
}

func refuseAssembly(name string) error {
	return machine.Refuse("Add-Type -AssemblyName "+name, "the types of this assembly are not here", "use the types of System, System.IO.Compression, System.Net.Http and System.Xml")
}

func addType(_ context.Context, c *ps.Call) error {
	for _, name := range c.Strings("AssemblyName") {
		short, _, _ := strings.Cut(name, ",")
		if !c.Session.LoadAssembly(strings.TrimSuffix(strings.TrimSpace(short), ".dll")) && !knownAssembly(name) {
			return refuseAssembly(name)
		}
	}
	if c.Switch("PassThru") {
		return machine.Refuse("Add-Type -PassThru", "the types of an assembly are not listed", "name the type")
	}
	return nil
}
