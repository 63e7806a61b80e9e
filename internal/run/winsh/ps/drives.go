package ps

import (
	"context"
	"slices"
	"strings"

	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/run/winsh/pslang"
)

// Drive is a PSDrive.
type Drive struct {
	// Name is "C", "HKLM", "Env"; Provider is "FileSystem", "Registry",
	// "Environment", "Variable", "Function", "Alias", "Certificate", "WSMan".
	Name, Provider string
	// Root is "C:\" or "HKEY_LOCAL_MACHINE"; Current is the location on the
	// drive below the root, without a leading backslash.
	Root, Current, Description string
}

// standardDrives are those of a new session.
func standardDrives(dir string) []*Drive {
	list := []*Drive{
		{Name: "Alias", Provider: "Alias"},
		{Name: "C", Provider: "FileSystem", Root: `C:\`, Current: strings.TrimPrefix(dir, `C:\`)},
		{Name: "Cert", Provider: "Certificate", Root: `\`},
		{Name: "Env", Provider: "Environment"},
		{Name: "Function", Provider: "Function"},
		{Name: "HKCU", Provider: "Registry", Root: "HKEY_CURRENT_USER"},
		{Name: "HKLM", Provider: "Registry", Root: "HKEY_LOCAL_MACHINE"},
		{Name: "Variable", Provider: "Variable"},
		{Name: "WSMan", Provider: "WSMan"},
	}
	return list
}

// Drives returns the drives by name.
func (s *Session) Drives() []*Drive { return slices.Clone(s.drives) }

// Drive returns the drive of a name, or nil.
func (s *Session) Drive(name string) *Drive {
	for _, d := range s.drives {
		if strings.EqualFold(d.Name, name) {
			return d
		}
	}
	return nil
}

// AddDrive adds a drive, in place of one of its name.
func (s *Session) AddDrive(d *Drive) {
	s.RemoveDrive(d.Name)
	s.drives = append(s.drives, d)
	slices.SortFunc(s.drives, func(a, b *Drive) int { return strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)) })
}

// RemoveDrive removes a drive.
func (s *Session) RemoveDrive(name string) {
	s.drives = slices.DeleteFunc(s.drives, func(d *Drive) bool { return strings.EqualFold(d.Name, name) })
}

// Path is a path that was resolved to its provider, without wildcards being
// expanded.
type Path struct {
	Provider string
	// Drive is nil for paths that name their provider (Registry::HKEY_USERS).
	Drive *Drive
	// Name is the provider's own path: "C:\app\x", "HKEY_LOCAL_MACHINE\SOFTWARE",
	// a variable's name.
	Name string
}

// String is the path as PowerShell shows it: "C:\app", "HKLM:\SOFTWARE",
// "Env:\X", "Microsoft.PowerShell.Core\Registry::HKEY_USERS".
func (p Path) String() string {
	switch {
	case p.Provider == "FileSystem" && (p.Drive == nil || strings.EqualFold(p.Drive.Root, p.Drive.Name+`:\`) || !underRoot(p.Name, p.Drive.Root)):
		return p.Name
	case p.Drive == nil:
		return p.Qualified()
	}
	return p.Drive.Name + `:\` + strings.TrimPrefix(strings.TrimPrefix(p.Name, p.Drive.Root), `\`)
}

// underRoot reports whether a path is the root of a drive or below it.
func underRoot(path, root string) bool {
	root = strings.TrimRight(root, `\`)
	return len(path) >= len(root) && strings.EqualFold(path[:len(root)], root) && strings.HasPrefix(path[len(root):]+`\`, `\`)
}

// Qualified is the PSPath: "Microsoft.PowerShell.Core\FileSystem::C:\app".
func (p Path) Qualified() string { return providerModule(p.Provider) + p.Provider + "::" + p.Name }

func providerModule(name string) string {
	switch name {
	case "Certificate":
		return `Microsoft.PowerShell.Security\`
	case "WSMan":
		return `Microsoft.WSMan.Management\`
	}
	return `Microsoft.PowerShell.Core\`
}

// Resolve finds provider and path of what a script gives as a path: relative to
// the location, "~", "X:", "HKLM:\x", "Registry::x", "\x", a PSPath. Wildcards
// are left. The error is an *ErrorRecord (DriveNotFound, ProviderNotFound …).
func (s *Session) Resolve(path string) (Path, error) {
	if provider, rest, ok := strings.Cut(path, "::"); ok && !strings.ContainsAny(provider, "/:[]*?") {
		if i := strings.LastIndexByte(provider, '\\'); i >= 0 {
			provider = provider[i+1:]
		}
		return s.providerPath(provider, rest)
	}
	if path == "~" || strings.HasPrefix(path, `~\`) || strings.HasPrefix(path, "~/") {
		if s.drive.Provider == "FileSystem" {
			return s.fileIn(`C:\`, s.home()+path[1:])
		}
	}
	if strings.HasPrefix(path, `\\`) || strings.HasPrefix(path, "//") {
		return s.fileIn(`C:\`, path)
	}
	if i := strings.IndexByte(path, ':'); i > 0 && !strings.ContainsAny(path[:i], `\/`) {
		d := s.Drive(path[:i])
		if d == nil {
			return Path{}, s.noDrive(path[:i])
		}
		return s.onDrive(d, path[i+1:])
	}
	return s.onDrive(s.drive, path)
}

func (s *Session) noDrive(name string) error {
	return s.fail("System.Management.Automation.DriveNotFoundException", "Cannot find drive. A drive with the name '"+name+"' does not exist.", "DriveNotFound", ObjectNotFound, name)
}

func (s *Session) providerPath(provider, rest string) (Path, error) {
	for _, d := range s.drives {
		if strings.EqualFold(d.Provider, provider) {
			if d.Provider == "FileSystem" {
				return s.fileIn(`C:\`, rest)
			}
			return Path{Provider: d.Provider, Name: cleanPath(rest)}, nil
		}
	}
	return Path{}, s.fail("System.Management.Automation.ProviderNotFoundException", "Cannot find a provider with the name '"+provider+"'.", "ProviderNotFound", ObjectNotFound, provider)
}

func (s *Session) fileIn(dir, path string) (Path, error) {
	full, err := machine.Full(dir, path)
	if err != nil {
		return Path{}, s.fail("System.ArgumentException", errText(err), "System.ArgumentException", InvalidArgument, path)
	}
	d := s.Drive(full[:1])
	if len(full) < 2 || full[1] != ':' {
		d = nil
	}
	return Path{Provider: "FileSystem", Drive: d, Name: full}, nil
}

// onDrive resolves what follows a drive's colon, or a relative path.
func (s *Session) onDrive(d *Drive, rest string) (Path, error) {
	rooted := strings.HasPrefix(rest, `\`) || strings.HasPrefix(rest, "/")
	if d.Provider == "FileSystem" {
		dir := d.Root
		if !rooted {
			dir = joinPath(d.Root, d.Current)
		}
		full, err := s.fileIn(dir, joinPath(dir, strings.TrimLeft(rest, `\/`)))
		if err != nil {
			return full, err
		}
		full.Drive = d
		return full, nil
	}
	if !rooted {
		rest = joinPath(d.Current, rest)
	}
	name := cleanPath(rest)
	if d.Root != "" && d.Root != `\` {
		name = strings.TrimSuffix(joinPath(d.Root, name), `\`)
	}
	return Path{Provider: d.Provider, Drive: d, Name: name}, nil
}

func joinPath(a, b string) string {
	switch {
	case a == "":
		return b
	case b == "":
		return a
	}
	return strings.TrimRight(a, `\`) + `\` + b
}

// cleanPath makes backslashes of slashes and resolves . and .., as providers
// other than the file system have them.
func cleanPath(p string) string {
	var out []string
	for _, part := range strings.FieldsFunc(p, func(r rune) bool { return r == '\\' || r == '/' }) {
		switch part {
		case ".":
		case "..":
			if len(out) > 0 {
				out = out[:len(out)-1]
			}
		default:
			out = append(out, part)
		}
	}
	return strings.Join(out, `\`)
}

// File resolves a path that must be of the file system ("C:\app\x").
func (s *Session) File(path string) (string, error) {
	p, err := s.Resolve(path)
	if err != nil {
		return "", err
	}
	if p.Provider != "FileSystem" {
		return "", s.fail("System.NotSupportedException", "The current provider (Microsoft.PowerShell.Core\\"+p.Provider+") cannot open a file.", "FileOpenError", InvalidOperation, path)
	}
	return p.Name, nil
}

func (s *Session) home() string {
	if v, ok := s.process.Env.Get("USERPROFILE"); ok {
		return v
	}
	return s.process.Machine.Account().Profile
}

// Location returns where the session is.
func (s *Session) Location() Path {
	p, err := s.onDrive(s.drive, "")
	if err != nil {
		return Path{Provider: "FileSystem", Name: `C:\`}
	}
	return p
}

// Dir is the location in the file system, which programs start in, also when
// the session is somewhere else.
func (s *Session) Dir() string {
	if d := s.files; d != nil {
		if p, err := s.onDrive(d, ""); err == nil {
			return p.Name
		}
	}
	return s.process.Dir
}

// SetLocation moves to a path that exists; cmdlets check that before.
func (s *Session) SetLocation(p Path) error {
	d := p.Drive
	if d == nil {
		return refuseAt(s.pos, "Set-Location "+p.Qualified(), "a location without a drive is not supported", "use a drive")
	}
	s.drive = d
	if p.Provider == "FileSystem" {
		d.Current = strings.TrimPrefix(p.Name[min(len(p.Name), len(d.Root)):], `\`)
		s.files = d
		return nil
	}
	d.Current = strings.TrimPrefix(strings.TrimPrefix(p.Name, d.Root), `\`)
	return nil
}

// readDriveItem is $env:NAME, $function:name, $variable:name, ${C:\file}.
func (s *Session) readDriveItem(ctx context.Context, n *pslang.Variable) (any, error) {
	switch n.Drive {
	case "env":
		if v, ok := s.process.Env.Get(n.Name); ok {
			return v, nil
		}
		return nil, nil
	case "function":
		if f := s.function(scopedName(strings.ToLower(n.Name))); f != nil {
			return f, nil
		}
		return nil, nil
	case "variable":
		v, _ := s.Variable(n.Name)
		return v, nil
	case "alias":
		if t := s.alias(strings.ToLower(n.Name)); t != "" {
			return t, nil
		}
		return nil, nil
	}
	d := s.Drive(n.Drive)
	if d == nil {
		return nil, nil // "$server:80" is no address, and no error
	}
	if d.Provider == "FileSystem" {
		p, err := s.onDrive(d, n.Name)
		if err != nil {
			return nil, err
		}
		return s.fileLines(ctx, p.Name)
	}
	return nil, refuseAt(n.Extent, "$"+n.Drive+":"+n.Name, "items of this drive cannot be used as variables", "use Get-Item or Get-ItemProperty")
}

// fileLines is ${C:\file}: the lines of a file, or $null.
func (s *Session) fileLines(ctx context.Context, path string) (any, error) {
	text, err := s.readText(ctx, path)
	if err != nil {
		if isControl(err) {
			return nil, err
		}
		return nil, nil
	}
	lines := strings.Split(strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "\r\n", "\n"), "\n")
	var items []any
	for _, l := range lines {
		items = append(items, strings.TrimSuffix(l, "\r"))
	}
	return notEmpty(Collect(items)), nil
}

// writeDriveItem assigns to what readDriveItem reads.
func (s *Session) writeDriveItem(ctx context.Context, n *pslang.Variable, v any) error {
	switch n.Drive {
	case "env":
		text := ""
		if !IsNull(v) {
			text = s.ToString(v)
		}
		if text == "" {
			s.process.Env.Unset(n.Name)
			return nil
		}
		s.process.Env.Set(n.Name, text)
		return nil
	case "function":
		b, ok := Unwrap(v).(*ScriptBlock)
		if !ok && !IsNull(v) {
			parsed, err := s.Parse(ctx, s.ToString(v), "")
			if err != nil {
				return err
			}
			b = parsed
		}
		if b != nil {
			c := *b
			c.name = n.Name
			b = &c
		}
		name := strings.ToLower(n.Name)
		sc := s.scope
		if strings.HasPrefix(name, "global:") {
			sc = s.global
		} else if strings.HasPrefix(name, "script:") {
			sc = s.scriptScope()
		}
		s.defineFunction(sc, scopedName(name), b)
		return nil
	case "variable":
		return s.assign(ctx, s.scope, n.Name, varKey(n.Name), v)
	case "alias":
		s.SetAlias(n.Name, s.ToString(v))
		return nil
	}
	d := s.Drive(n.Drive)
	if d == nil {
		return s.noDrive(n.Drive)
	}
	if d.Provider == "FileSystem" {
		p, err := s.onDrive(d, n.Name)
		if err != nil {
			return err
		}
		return s.storeLines(ctx, p.Name, v)
	}
	return refuseAt(n.Extent, "$"+n.Drive+":"+n.Name, "items of this drive cannot be assigned like variables", "use Set-Content or Set-Item")
}

// storeLines is ${C:\file} = v: what Set-Content does.
func (s *Session) storeLines(ctx context.Context, path string, v any) error {
	encoding := "Default"
	if s.edition == Core {
		encoding = "utf8NoBOM"
	}
	w, err := s.OpenText(ctx, path, TextOptions{Encoding: encoding})
	if err != nil {
		return err
	}
	if !IsNull(v) {
		for _, item := range Items(v) {
			if err = w.Line(s.ToString(item)); err != nil {
				break
			}
		}
	}
	if cerr := w.Close(); err == nil {
		err = cerr
	}
	return err
}
