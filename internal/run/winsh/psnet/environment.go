package psnet

import (
	"context"
	"errors"
	"io/fs"
	"strconv"
	"strings"
	"time"

	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/run/winsh/ps"
	"github.com/casement/casement/internal/winmeta"
)

// environmentTypes are System.Environment and what it speaks of.
func environmentTypes() []*ps.Type {
	return []*ps.Type{
		{Name: "System.Environment", Abstract: true, Members: environmentMembers},
		names("System.EnvironmentVariableTarget", "Process", "User", "Machine"),
		{Name: "System.Environment+SpecialFolder", Values: specialFolders()},
		enum("System.Environment+SpecialFolderOption", "None", 0, "DoNotVerify", 16384, "Create", 32768),
		{Name: "System.OperatingSystem", Members: systemMembers, String: func(v any) string { return v.(*ps.Object).Data.(osVersion).String() }},
		names("System.PlatformID", "Win32S", "Win32Windows", "Win32NT", "WinCE", "Unix", "Xbox", "MacOSX"),
	}
}

// Keys of variables that last.
const (
	machineVariables = `HKLM\SYSTEM\CurrentControlSet\Control\Session Manager\Environment`
	userVariables    = `HKCU\Environment`
)

func environmentMembers() []ps.Member {
	process := func(in *ps.Invoke) *machine.Env { return in.Session.Process().Env }
	list := []ps.Member{
		static("GetEnvironmentVariable", "string", getVariable, "string variable", "string variable, System.EnvironmentVariableTarget target"),
		static("SetEnvironmentVariable", "void", setVariable, "string variable, string value", "string variable, string value, System.EnvironmentVariableTarget target"),
		static("GetEnvironmentVariables", "System.Collections.IDictionary", allVariables, "", "System.EnvironmentVariableTarget target"),
		static("ExpandEnvironmentVariables", "string", val(func(in *ps.Invoke) any { return process(in).Expand(in.String(0)) }), "string name"),
		static("GetFolderPath", "string", folderPath, "System.Environment+SpecialFolder folder", "System.Environment+SpecialFolder folder, System.Environment+SpecialFolderOption option"),
		static("GetLogicalDrives", "string[]", val(func(*ps.Invoke) any { return ps.Strings([]string{`C:\`}) }), ""),
		static("GetCommandLineArgs", "string[]", val(func(in *ps.Invoke) any { return ps.Strings(in.Session.Process().Args) }), ""),
		static("Exit", "void", func(_ context.Context, in *ps.Invoke) (any, error) { return nil, ps.Exit(in.Int(0)) }, "int exitCode"),
		field("CommandLine", "string", func(in *ps.Invoke) any { return in.Session.Process().CommandLine }),
		constant("NewLine", "string", "\r\n"),
		constant("MachineName", "string", machine.ComputerName),
		field("UserName", "string", func(in *ps.Invoke) any { return in.Session.Machine().Account().Name }),
		field("UserDomainName", "string", func(in *ps.Invoke) any { return in.Session.Machine().Account().Domain }),
		constant("Is64BitOperatingSystem", "bool", true), constant("Is64BitProcess", "bool", true),
		constant("HasShutdownStarted", "bool", false), constant("SystemPageSize", "int", int32(4096)),
		constant("SystemDirectory", "string", `C:\Windows\system32`),
		constant("ExitCode", "int", int32(0)),
		field("Version", "version", func(in *ps.Invoke) any {
			if in.Session.Edition() == ps.Core {
				return ps.Version{Major: 8, Build: 10, Revision: -1}
			}
			return ps.Version{Major: 4, Build: 30319, Revision: 42000}
		}),
		field("ProcessorCount", "int", processors),
		ps.StaticProp("OSVersion", "System.OperatingSystem", can(func(in *ps.Invoke) (any, error) {
			v, err := systemVersion(in.Session)
			if err != nil {
				return nil, err
			}
			return in.Session.Object("System.OperatingSystem", v), nil
		})),
		field("TickCount", "int", func(in *ps.Invoke) any { return int32(in.Session.Machine().Now().UnixMilli()) }),
		field("CurrentDirectory", "string", func(in *ps.Invoke) any { return currentDir(in.Session) }).With(func(ctx context.Context, in *ps.Invoke) error {
			return setCurrentDir(ctx, in, in.String(0))
		}),
		ps.StaticProp("UserInteractive", "bool", nil).Refused("whether there is a desktop depends on how the container was started", "leave the question out"),
		ps.StaticProp("StackTrace", "string", nil).Refused("there is no stack of .NET here", ""),
		ps.StaticProp("WorkingSet", "long", nil).Refused("memory is not measured here", "leave it out"),
	}
	list = append(list, only(ps.Core,
		constant("ProcessId", "int", int32(4242)),
		constant("IsPrivilegedProcess", "bool", true),
		field("ProcessPath", "string", func(*ps.Invoke) any { return `C:\Program Files\PowerShell\pwsh.exe` }),
		field("TickCount64", "long", func(in *ps.Invoke) any { return in.Session.Machine().Now().UnixMilli() }))...)
	return append(list, refusedStatic("it ends the process without a word", "use exit or throw", "FailFast")...)
}

func processors(in *ps.Invoke) any {
	text, _ := in.Session.Process().Env.Get("NUMBER_OF_PROCESSORS")
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		n = 2
	}
	return ps.Int(n)
}

func variableKey(target int64) string {
	if target == 1 {
		return userVariables
	}
	return machineVariables
}

func getVariable(ctx context.Context, in *ps.Invoke) (any, error) {
	s, name := in.Session, in.String(0)
	if len(in.Args) < 2 || enumArg(in, 1) == 0 {
		if v, ok := s.Process().Env.Get(name); ok {
			return v, nil
		}
		return nil, nil
	}
	v, err := s.Machine().Registry().Value(ctx, variableKey(enumArg(in, 1)), name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, registryDenied(err)
	}
	return variableText(s, v), nil
}

// variableText is the value of a variable in the registry, with what it refers
// to.
func variableText(s *ps.Session, v machine.RegValue) string {
	if v.Type == machine.RegTypeExpand {
		return s.Process().Env.Expand(v.String())
	}
	return v.String()
}

// registryDenied is what .NET throws where the registry says no.
func registryDenied(err error) error {
	if errors.Is(err, fs.ErrPermission) {
		return throw("System.Security.SecurityException", "Requested registry access is not allowed.")
	}
	return err
}

func setVariable(ctx context.Context, in *ps.Invoke) (any, error) {
	s, name, value := in.Session, in.String(0), in.String(1)
	switch {
	case name == "":
		return nil, badArgument(s, "String cannot be of zero length.", "variable")
	case strings.Contains(name, "="):
		return nil, badArgument(s, "Environment variable name cannot contain equal character.", "variable")
	case strings.HasPrefix(name, "\x00"):
		return nil, badArgument(s, "The first char in the string is the null character.", "variable")
	}
	value, _, _ = strings.Cut(value, "\x00")
	if len(in.Args) < 3 || enumArg(in, 2) == 0 {
		if value == "" {
			s.Process().Env.Unset(name)
		} else {
			s.Process().Env.Set(name, value)
		}
		return nil, nil
	}
	key, reg := variableKey(enumArg(in, 2)), s.Machine().Registry()
	if value != "" {
		return nil, registryDenied(reg.SetValue(ctx, key, machine.RegString(name, value)))
	}
	err := reg.DeleteValue(ctx, key, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return nil, registryDenied(err)
}

func allVariables(ctx context.Context, in *ps.Invoke) (any, error) {
	h := &ps.Hashtable{CaseSensitive: true}
	if len(in.Args) == 0 || enumArg(in, 0) == 0 {
		for _, v := range in.Session.Process().Env.List() {
			name, value, _ := strings.Cut(v, "=")
			if name != "" {
				h.Put(name, value)
			}
		}
		return h, nil
	}
	values, err := in.Session.Machine().Registry().Values(ctx, variableKey(enumArg(in, 0)))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, registryDenied(err)
	}
	for _, v := range values {
		h.Put(v.Name, variableText(in.Session, v))
	}
	return h, nil
}

// folders are the special folders: number, name, path. A path that begins with
// ~ is below the profile.
func folders() []struct {
	number int64
	name   string
	path   string
} {
	const start = `Microsoft\Windows\Start Menu`
	return []struct {
		number int64
		name   string
		path   string
	}{
		{0, "Desktop", `~\Desktop`}, {2, "Programs", `~\AppData\Roaming\` + start + `\Programs`}, {5, "MyDocuments", `~\Documents`}, {5, "Personal", `~\Documents`},
		{6, "Favorites", `~\Favorites`}, {7, "Startup", `~\AppData\Roaming\` + start + `\Programs\Startup`}, {8, "Recent", `~\AppData\Roaming\Microsoft\Windows\Recent`},
		{9, "SendTo", `~\AppData\Roaming\Microsoft\Windows\SendTo`}, {11, "StartMenu", `~\AppData\Roaming\` + start}, {13, "MyMusic", `~\Music`}, {14, "MyVideos", `~\Videos`},
		{16, "DesktopDirectory", `~\Desktop`}, {17, "MyComputer", ""}, {19, "NetworkShortcuts", `~\AppData\Roaming\Microsoft\Windows\Network Shortcuts`},
		{20, "Fonts", `C:\Windows\Fonts`}, {21, "Templates", `~\AppData\Roaming\Microsoft\Windows\Templates`}, {22, "CommonStartMenu", `C:\ProgramData\` + start},
		{23, "CommonPrograms", `C:\ProgramData\` + start + `\Programs`}, {24, "CommonStartup", `C:\ProgramData\` + start + `\Programs\Startup`},
		{25, "CommonDesktopDirectory", `C:\Users\Public\Desktop`}, {26, "ApplicationData", `~\AppData\Roaming`}, {27, "PrinterShortcuts", `~\AppData\Roaming\Microsoft\Windows\Printer Shortcuts`},
		{28, "LocalApplicationData", `~\AppData\Local`}, {32, "InternetCache", `~\AppData\Local\Microsoft\Windows\INetCache`}, {33, "Cookies", `~\AppData\Local\Microsoft\Windows\INetCookies`},
		{34, "History", `~\AppData\Local\Microsoft\Windows\History`}, {35, "CommonApplicationData", `C:\ProgramData`}, {36, "Windows", `C:\Windows`}, {37, "System", `C:\Windows\system32`},
		{38, "ProgramFiles", `C:\Program Files`}, {39, "MyPictures", `~\Pictures`}, {40, "UserProfile", `~`}, {41, "SystemX86", `C:\Windows\SysWOW64`},
		{42, "ProgramFilesX86", `C:\Program Files (x86)`}, {43, "CommonProgramFiles", `C:\Program Files\Common Files`}, {44, "CommonProgramFilesX86", `C:\Program Files (x86)\Common Files`},
		{45, "CommonTemplates", `C:\ProgramData\Microsoft\Windows\Templates`}, {46, "CommonDocuments", `C:\Users\Public\Documents`},
		{47, "CommonAdminTools", `C:\ProgramData\` + start + `\Programs\Administrative Tools`}, {48, "AdminTools", `~\AppData\Roaming\` + start + `\Programs\Administrative Tools`},
		{53, "CommonMusic", `C:\Users\Public\Music`}, {54, "CommonPictures", `C:\Users\Public\Pictures`}, {55, "CommonVideos", `C:\Users\Public\Videos`},
		{56, "Resources", `C:\Windows\resources`}, {57, "LocalizedResources", ""}, {58, "CommonOemLinks", ""}, {59, "CDBurning", `~\AppData\Local\Microsoft\Windows\Burn\Burn`},
	}
}

func specialFolders() []ps.EnumValue {
	list := folders()
	values := make([]ps.EnumValue, len(list))
	for i, f := range list {
		values[i] = ps.EnumValue{Name: f.name, Value: f.number}
	}
	return values
}

// folderPath returns a special folder, and "" for one that is not there.
func folderPath(ctx context.Context, in *ps.Invoke) (any, error) {
	n, path := enumArg(in, 0), ""
	for _, f := range folders() {
		if f.number == n {
			path = f.path
		}
	}
	if rest, ok := strings.CutPrefix(path, "~"); ok {
		path = in.Session.Machine().Account().Profile + rest
	}
	if path == "" || enumArg(in, 1) == 16384 {
		return path, nil
	}
	if enumArg(in, 1) == 32768 {
		return path, ioError(in.Session, fsOf(in).MkdirAll(ctx, path))
	}
	ok, err := fsOf(in).Exists(ctx, path)
	if !ok || err != nil {
		return "", err
	}
	return path, nil
}

// osVersion is a System.OperatingSystem: always Windows NT.
type osVersion ps.Version

// String is what the property VersionString has.
func (o osVersion) String() string { return "Microsoft Windows NT " + ps.Version(o).String() }

// systemVersion is the version of Windows that the base image says it has.
func systemVersion(s *ps.Session) (osVersion, error) {
	v, err := winmeta.ParseVersion(s.Machine().Root().Platform.OSVersion)
	if err != nil {
		return osVersion{}, machine.Refuse("[Environment]::OSVersion", "the base image does not say which version of Windows it has", "write the version into the Dockerfile")
	}
	return osVersion{Major: int32(v.Major), Minor: int32(v.Minor), Build: int32(v.Build)}, nil
}

func systemMembers() []ps.Member {
	data := func(in *ps.Invoke) osVersion { return in.Data().(osVersion) }
	return []ps.Member{
		prop("Platform", "System.PlatformID", func(in *ps.Invoke) any { return in.Session.Enum("System.PlatformID", 2) }),
		prop("ServicePack", "string", func(*ps.Invoke) any { return "" }),
		prop("Version", "version", func(in *ps.Invoke) any { return ps.Version(data(in)) }),
		prop("VersionString", "string", func(in *ps.Invoke) any { return data(in).String() }),
	}
}

// setCurrentDir changes the directory of the process.
func setCurrentDir(ctx context.Context, in *ps.Invoke, path string) error {
	dir, err := full(in.Session, path)
	if err != nil {
		return err
	}
	info, err := fsOf(in).Stat(ctx, dir)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !info.IsDir() {
		return throw("System.IO.DirectoryNotFoundException", "Could not find a part of the path '"+dir+"'.")
	}
	if err != nil {
		return ioError(in.Session, err)
	}
	in.Session.Process().Dir = strings.TrimRight(dir, `\`)
	if strings.HasSuffix(in.Session.Process().Dir, ":") {
		in.Session.Process().Dir += `\`
	}
	return nil
}

// sleep waits, unless the step ends before.
func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
