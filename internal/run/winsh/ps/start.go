package ps

import (
	"context"
	"strings"

	"github.com/casement/casement/internal/run/winsh/machine"
)

// versionOf is the version that sessions of an edition claim.
func versionOf(ed Edition) Version {
	if ed == Core {
		return Version{7, 4, 6, -1}
	}
	return Version{5, 1, 20348, 2849}
}

func (s *Session) versionText() string { return versionOf(s.edition).String() }

// session starts a PowerShell for a process.
func (h *host) session(p *machine.Process) *Session {
	s := &Session{engine: h.engine, edition: h.edition, process: p, ok: true, errors: &Array{Type: tArrayList}}
	s.host = newConsole(s, p.Stdout, p.Stderr)
	s.global = newScope(nil)
	s.global.script, s.global.strict = true, 0
	s.scope = s.global
	dir := p.Dir
	if dir == "" {
		dir = `C:\`
	}
	s.drives = standardDrives(dir)
	if temp, ok := p.Env.Get("TEMP"); ok && s.edition == Core {
		s.AddDrive(&Drive{Name: "Temp", Provider: "FileSystem", Root: strings.TrimRight(temp, `\`) + `\`, Description: "Drive that maps to the temporary directory path for the current user"})
	}
	s.drive = s.Drive("C")
	s.files = s.drive
	s.setAutomatic()
	s.setPaths()
	return s
}

// documents is the directory of the user's profile scripts and modules.
func (s *Session) documents() string {
	if s.edition == Core {
		return s.home() + `\Documents\PowerShell`
	}
	return s.home() + `\Documents\WindowsPowerShell`
}

// setPaths sets the variables of search paths, as PowerShell does for itself
// and what it starts.
func (s *Session) setPaths() {
	old, _ := s.process.Env.Get("PSModulePath")
	front := []string{s.documents() + `\Modules`, `C:\Program Files\WindowsPowerShell\Modules`}
	back := `C:\Windows\system32\WindowsPowerShell\v1.0\Modules`
	if s.edition == Core {
		front = []string{s.documents() + `\Modules`, `C:\Program Files\PowerShell\Modules`, strings.ToLower(s.psHome()[:3]) + s.psHome()[3:] + `\Modules`, `C:\Program Files\WindowsPowerShell\Modules`}
	}
	var list []string
	seen := map[string]bool{}
	for _, p := range append(append(front, strings.Split(old, ";")...), back) {
		if key := strings.ToLower(strings.TrimSuffix(p, `\`)); p != "" && !seen[key] {
			seen[key] = true
			list = append(list, p)
		}
	}
	s.process.Env.Set("PSModulePath", strings.Join(list, ";"))
	// pwsh puts itself in front, so that pwsh in it is the same.
	if path, _ := s.process.Env.Get("PATH"); s.edition == Core && !strings.HasPrefix(path, s.psHome()+";") {
		s.process.Env.Set("PATH", s.psHome()+";"+path)
	}
	// PowerShell makes control panels commands.
	if exts, _ := s.process.Env.Get("PATHEXT"); exts != "" && !strings.Contains(strings.ToUpper(exts), ".CPL") {
		s.process.Env.Set("PATHEXT", strings.TrimSuffix(exts, ";")+";.CPL")
	}
}

// profiles are the scripts that run at the start, those of all users first.
func (s *Session) profiles() []string {
	return []string{s.psHome() + `\profile.ps1`, s.psHome() + `\Microsoft.PowerShell_profile.ps1`,
		s.documents() + `\profile.ps1`, s.documents() + `\Microsoft.PowerShell_profile.ps1`}
}

// profileObject is $PROFILE.
func (s *Session) profileObject() any {
	list := s.profiles()
	x := &Extended{Value: list[3]}
	for i, name := range []string{"AllUsersAllHosts", "AllUsersCurrentHost", "CurrentUserAllHosts", "CurrentUserCurrentHost"} {
		x.Set(name, list[i])
	}
	return x
}

// setAutomatic defines the automatic and preference variables.
func (s *Session) setAutomatic() {
	g := s.global
	g.vars = map[string]*Variable{}
	constant := func(name string, v any) {
		g.vars[varKey(name)] = &Variable{Name: name, Value: v, Constant: true, AllScope: true}
	}
	lazy := func(name string, get func() any) {
		g.vars[varKey(name)] = &Variable{Name: name, get: get}
	}
	fixed := func(name string, get func() any) {
		g.vars[varKey(name)] = &Variable{Name: name, get: get, Constant: true, AllScope: true}
	}
	constant("true", true)
	constant("false", false)
	// Assignments to $null are forgotten.
	g.vars["null"] = &Variable{Name: "null", AllScope: true, set: func(any) error { return nil }}
	constant("Error", s.errors)
	constant("PID", int32(4242))
	constant("HOME", s.home())
	constant("PSHOME", s.psHome())
	constant("ShellId", "Microsoft.PowerShell")
	fixed("Host", s.hostObject)
	fixed("PSVersionTable", s.versionTable)
	constant("PSEdition", map[Edition]string{Desktop: "Desktop", Core: "Core"}[s.edition])
	constant("PSCulture", "en-US")
	constant("PSUICulture", "en-US")
	fixed("ExecutionContext", func() any { return s.Object("System.Management.Automation.EngineIntrinsics", nil) })
	lazy("PWD", func() any { return s.PathInfo(s.Location()) })
	lazy("MyInvocation", func() any { return s.invocationObject(s.frame) })
	lazy("PSScriptRoot", func() any { return DirectoryOf(s.file()) })
	lazy("PSCommandPath", func() any { return s.file() })
	if s.edition == Core {
		for name, v := range map[string]bool{"IsWindows": true, "IsLinux": false, "IsMacOS": false, "IsCoreCLR": true} {
			constant(name, v)
		}
		var own *Object
		fixed("PSStyle", func() any {
			if own == nil {
				own = s.Object(tStyle, s.newStyle())
			}
			return own
		})
	}
	s.setPreferences()
}

func (s *Session) setPreferences() {
	g := s.global
	action := s.engine.mustType("System.Management.Automation.ActionPreference")
	for name, v := range map[string]int64{"ErrorActionPreference": 2, "WarningPreference": 2, "ProgressPreference": 2,
		"VerbosePreference": 0, "DebugPreference": 0, "InformationPreference": 0} {
		x := &Variable{Name: name, Value: Enum{action, v}}
		x.check = func(ctx context.Context, s *Session, v any) (any, error) {
			c, err := s.Cast(ctx, v, action)
			if err != nil {
				return nil, s.cannotConvert(name, err)
			}
			return c, nil
		}
		g.vars[varKey(name)] = x
	}
	g.put("WhatIfPreference", false)
	g.put("ConfirmPreference", "High")
	g.vars["outputencoding"] = &Variable{Name: "OutputEncoding", get: s.outputEncoding}
	g.put("MaximumHistoryCount", int32(4096))
	g.put("MaximumErrorCount", int32(256))
	g.put("PSDefaultParameterValues", &Hashtable{})
	g.put("PSSessionApplicationName", "wsman")
	g.put("PSEmailServer", "")
	g.put("NestedPromptLevel", int32(0))
	g.put("FormatEnumerationLimit", int32(4))
	view := "NormalView"
	if s.edition == Core {
		view = "ConciseView"
		g.put("PSNativeCommandArgumentPassing", "Windows")
		g.put("PSNativeCommandUseErrorActionPreference", false)
	}
	g.put("ErrorView", view)
	g.put("PROFILE", s.profileObject())
}

// outputEncoding is $OutputEncoding before anybody has set it.
func (s *Session) outputEncoding() any {
	name := "ASCII"
	if s.edition == Core {
		name = "UTF8"
	}
	t := s.engine.Type("System.Text.Encoding")
	if t == nil {
		return nil
	}
	v, _, err := s.static(context.Background(), t, name)
	if err != nil {
		return nil
	}
	return v
}

// psHome is where PowerShell itself lies. PowerShell 7 is in the directory that
// the image has on its PATH, or where its installer puts it.
func (s *Session) psHome() string {
	if s.edition != Core {
		return `C:\Windows\System32\WindowsPowerShell\v1.0`
	}
	path, _ := s.process.Env.Get("PATH")
	for dir := range strings.SplitSeq(path, ";") {
		dir = strings.TrimSuffix(dir, `\`)
		parts := strings.Split(strings.ToLower(dir), `\`)
		if n := len(parts); n > 1 && (parts[n-1] == "powershell" || parts[n-2] == "powershell") {
			return dir
		}
	}
	return `C:\Program Files\PowerShell\7`
}

// versionTable is $PSVersionTable.
func (s *Session) versionTable() any {
	h := &Hashtable{}
	v := versionOf(s.edition)
	h.Put("PSVersion", v)
	if s.edition == Core {
		h.Put("PSVersion", s.Object(semverName, semver{major: v.Major, minor: v.Minor, patch: v.Build}))
	}
	h.Put("PSEdition", map[Edition]string{Desktop: "Desktop", Core: "Core"}[s.edition])
	var compatible []any
	for _, major := range []int32{1, 2, 3, 4} {
		compatible = append(compatible, Version{major, 0, -1, -1})
	}
	compatible = append(compatible, Version{5, 0, -1, -1}, Version{5, 1, v.Build, v.Revision})
	if s.edition == Core {
		compatible[5] = Version{5, 1, -1, -1}
		compatible = append(compatible, Version{6, 0, -1, -1}, Version{7, 0, -1, -1})
		h.Put("GitCommitId", v.String())
		h.Put("OS", "Microsoft Windows 10.0.20348")
		h.Put("Platform", "Win32NT")
	}
	h.Put("PSCompatibleVersions", &Array{Type: "System.Version[]", Items: compatible})
	if s.edition == Desktop {
		h.Put("BuildVersion", Version{10, 0, v.Build, v.Revision})
		h.Put("CLRVersion", Version{4, 0, 30319, 42000})
	}
	h.Put("WSManStackVersion", Version{3, 0, -1, -1})
	h.Put("PSRemotingProtocolVersion", Version{2, 3, -1, -1})
	h.Put("SerializationVersion", Version{1, 1, 0, 1})
	return h
}

// hostObject is $Host.
func (s *Session) hostObject() any {
	size := NewCustom("Width", int32(hostWidth), "Height", int32(25))
	raw := NewCustom("BufferSize", size, "WindowSize", size, "ForegroundColor", "Gray", "BackgroundColor", "Black", "WindowTitle", "")
	ui := s.Object(hostUI, nil)
	ui.Set("RawUI", raw)
	ui.Set("SupportsVirtualTerminal", false)
	o := s.Object("System.Management.Automation.Internal.Host.InternalHost", nil)
	for _, p := range [][2]any{{"Name", "ConsoleHost"}, {"Version", versionOf(s.edition)}, {"InstanceId", Guid{}}, {"UI", ui}, {"CurrentCulture", "en-US"},
		{"CurrentUICulture", "en-US"}, {"PrivateData", NewCustom()}, {"DebuggerEnabled", true}, {"IsRunspacePushed", false}} {
		o.Set(p[0].(string), p[1])
	}
	return o
}

// PathInfo is what Get-Location returns.
func (s *Session) PathInfo(p Path) any {
	return s.Object("System.Management.Automation.PathInfo", &pathInfo{p, s})
}

type pathInfo struct {
	p Path
	s *Session
}

// String is the path.
func (p *pathInfo) String() string { return p.p.String() }

// isPathLike reports whether a command's name is a path.
func isPathLike(name string) bool { return strings.ContainsAny(name, `\/:`) }
