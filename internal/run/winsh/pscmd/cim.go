package pscmd

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/run/winsh/ps"
	"github.com/casement/casement/internal/winmeta"
)

// WMI does not run here. What scripts ask it for most, the operating system, is
// known as far as every image of Windows says the same.

const (
	cimInstance = "Microsoft.Management.Infrastructure.CimInstance"
	noWMI       = "WMI does not run here"
	noWMIWay    = "use the environment and the registry"
)

func cimCmdlets() []*ps.Cmdlet {
	return []*ps.Cmdlet{
		{
			Name: "Get-CimInstance", Aliases: []string{"gcim"}, Module: "CimCmdlets", DefaultSet: "ClassName",
			Syntax: params(`
				ClassName string @1 mandatory {ClassName} property
				Property|SelectProperties string[] {ClassName}
				Namespace string {ClassName} property
				KeyOnly switch !` + noWMI + `
				Shallow switch
				Filter string {ClassName} !` + noWMI + `
				Query string mandatory {Query} !` + noWMI + `
				QueryDialect string !` + noWMI + `
				ResourceUri uri !` + noWMI + `
				InputObject object !` + noWMI + `
				CimSession object !there are no sessions with other computers
				ComputerName|CN|ServerName string[] !there are no other computers
				OperationTimeoutSec|OT uint32`),
			Check:   func(_ context.Context, k *ps.Check) error { return checkClass(k, "ClassName") },
			Process: func(ctx context.Context, c *ps.Call) error { return operatingSystem(ctx, c, "ClassName") },
		},
		{
			Name: "Get-WmiObject", Aliases51: []string{"gwmi"}, Module: moduleManagement, DefaultSet: "query", Edition: ps.Desktop,
			Syntax: params(`
				Class|ClassName string @1 mandatory {query}
				Property string[] @2 {query}
				Filter string {query} !` + noWMI + `
				Query string mandatory {WQLQuery} !` + noWMI + `
				List switch mandatory {list} !` + noWMI + `
				Namespace|NS string
				Amended switch
				DirectRead switch
				ComputerName|CN string[] !there are no other computers
				Credential object ` + noCredential),
			Check:   func(_ context.Context, k *ps.Check) error { return checkClass(k, "Class") },
			Process: func(ctx context.Context, c *ps.Call) error { return operatingSystem(ctx, c, "Class") },
		},
	}
}

// knownClass reports whether a class is the one of the operating system.
func knownClass(name string) bool {
	return slices.ContainsFunc([]string{"Win32_OperatingSystem", "CIM_OperatingSystem"}, func(k string) bool { return strings.EqualFold(k, name) })
}

func checkClass(k *ps.Check, parameter string) error {
	if name, ok := k.String(parameter); ok && !knownClass(name) {
		return machine.Refuse(k.Cmdlet.Name+" "+name, noWMI, noWMIWay)
	}
	return nil
}

func operatingSystem(ctx context.Context, c *ps.Call, parameter string) error {
	if name := c.String(parameter); !knownClass(name) {
		return machine.Refuse(c.Cmdlet.Name+" "+name, noWMI, noWMIWay)
	}
	if ns := strings.Trim(strings.ReplaceAll(c.String("Namespace"), "/", `\`), `\`); ns != "" && !strings.EqualFold(ns, `root\cimv2`) {
		return machine.Refuse("-Namespace "+c.String("Namespace"), noWMI, noWMIWay)
	}
	return c.Write(ctx, c.Session.Object(cimInstance, nil))
}

// cimTypes is Win32_OperatingSystem.
func cimTypes() []*ps.Type {
	return []*ps.Type{{
		Name: cimInstance, Aliases: []string{"ciminstance"}, Implements: []string{"System.IDisposable"},
		String: func(any) string { return "Win32_OperatingSystem" },
		Names: func(any) []string {
			const class = cimInstance + "#root/cimv2/"
			return []string{class + "Win32_OperatingSystem", class + "CIM_OperatingSystem", cimInstance, "System.Object"}
		},
		Members: func() []ps.Member {
			text := func(name string, get func(s *ps.Session) any) ps.Member {
				return ps.Prop(name, "string", func(_ context.Context, in *ps.Invoke) (any, error) { return get(in.Session), nil })
			}
			list := []ps.Member{
				text("OSArchitecture", func(*ps.Session) any { return "64-bit" }), text("SystemDrive", func(*ps.Session) any { return "C:" }),
				text("WindowsDirectory", func(*ps.Session) any { return `C:\Windows` }), text("SystemDirectory", func(*ps.Session) any { return `C:\Windows\system32` }),
				text("CSName", func(*ps.Session) any { return machine.ComputerName }), text("OSLanguage", func(*ps.Session) any { return uint32(1033) }),
				text("CreationClassName", func(*ps.Session) any { return "Win32_OperatingSystem" }), text("CSCreationClassName", func(*ps.Session) any { return "Win32_ComputerSystem" }),
				text("Locale", func(*ps.Session) any { return "0409" }), text("Primary", func(*ps.Session) any { return true }),
				text("Manufacturer", func(*ps.Session) any { return "Microsoft Corporation" }), text("OSType", func(*ps.Session) any { return uint16(18) }),
				text("MUILanguages", func(*ps.Session) any { return ps.Strings([]string{"en-US"}) }),
			}
			for name, format := range map[string]func(v winmeta.Version) string{
				"Version":     func(v winmeta.Version) string { return fmt.Sprintf("%d.%d.%d", v.Major, v.Minor, v.Build) },
				"BuildNumber": func(v winmeta.Version) string { return strconv.Itoa(v.Build) },
			} {
				list = append(list, ps.Prop(name, "string", func(_ context.Context, in *ps.Invoke) (any, error) {
					v, err := winmeta.ParseVersion(in.Session.Machine().Root().Platform.OSVersion)
					if err != nil {
						return nil, machine.Refuse("Win32_OperatingSystem."+name, "the base image does not say which version of Windows it has", "write the version into the Dockerfile")
					}
					return format(v), nil
				}))
			}
			for _, name := range []string{"Caption", "BuildType", "Name", "ProductType", "OperatingSystemSKU", "SuiteMask", "OSProductSuite", "CodeSet", "CountryCode",
				"Description", "InstallDate", "LastBootUpTime", "LocalDateTime", "CurrentTimeZone", "FreePhysicalMemory", "FreeVirtualMemory", "TotalVisibleMemorySize", "TotalVirtualMemorySize",
				"NumberOfProcesses", "NumberOfUsers", "Organization", "RegisteredUser", "SerialNumber", "ServicePackMajorVersion", "ServicePackMinorVersion", "Status", "BootDevice", "SystemDevice"} {
				m := ps.Prop(name, "string", func(context.Context, *ps.Invoke) (any, error) {
					return nil, machine.Refuse("Win32_OperatingSystem."+name, "it differs from image to image, and is not read", "write what you know of the image into the Dockerfile")
				})
				list = append(list, m)
			}
			return list
		},
		Default: []string{"SystemDirectory", "Organization", "BuildNumber", "RegisteredUser", "SerialNumber", "Version"},
	}}
}
