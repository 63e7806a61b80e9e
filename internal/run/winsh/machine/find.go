package machine

import (
	"context"
	"slices"
	"strings"

	"github.com/casement/casement/internal/tree"
)

// Found is what a name leads to.
type Found struct {
	// Program is set for what is in the table; Name is its key there.
	Program Program
	Name    string
	// Path is the file, for scripts and programs of the image, and where
	// Windows has the program for those of the table ("C:\Windows\System32\xcopy.exe").
	Path string
}

// Find looks a command name up as SearchPath with PATHEXT does: a path as it
// is, a plain name in the current directory (if cwd) and in PATH. Scripts and
// programs of the file system come before those of the table when a directory
// of PATH before System32 has one; a sealed base is not read for that. Only for
// a name that nothing else explains, the sealed base is asked too. The
// error matches fs.ErrNotExist when there is no such thing.
func (m *Machine) Find(ctx context.Context, name string, env *Env, dir string, cwd bool) (Found, error) {
	got, err := m.FindKnown(ctx, name, env, dir, cwd)
	if !m.Blind() || CodeOf(err) != ErrorFileNotFound && CodeOf(err) != ErrorPathNotFound {
		return got, err
	}
	s := m.search(name, env, dir, cwd)
	s.how = sure
	return s.find(ctx)
}

// FindKnown is Find without reading sealed layers, for checks before anything
// has run: a name that only they could have ([Machine.Blind]) is not found.
func (m *Machine) FindKnown(ctx context.Context, name string, env *Env, dir string, cwd bool) (Found, error) {
	s := m.search(name, env, dir, cwd)
	return s.find(ctx)
}

// Blind reports whether there are layers that the step has not read, so that
// what is not known may still exist.
func (m *Machine) Blind() bool { return m.base.blind }

// search is one look for a command.
type search struct {
	m    *Machine
	name string
	dirs []string // to look in, full paths; nil if the name has a path itself
	exts []string // to try behind the name; "" for the name as it is
	dir  string
	how  effort
}

func (m *Machine) search(name string, env *Env, dir string, cwd bool) *search {
	s := &search{m: m, name: strings.Trim(name, `"`), dir: dir, how: free}
	pathext, ok := env.Get("PATHEXT")
	if !ok || pathext == "" {
		pathext = ".COM;.EXE;.BAT;.CMD"
	}
	if base := s.name[strings.LastIndexAny(s.name, `\/:`)+1:]; strings.Contains(base, ".") {
		s.exts = append(s.exts, "")
	}
	for ext := range strings.SplitSeq(pathext, ";") {
		if ext = strings.TrimSpace(ext); ext != "" {
			s.exts = append(s.exts, strings.ToLower(ext))
		}
	}
	if strings.ContainsAny(s.name, `\/:`) {
		return s
	}
	s.dirs = []string{}
	if cwd {
		s.dirs = append(s.dirs, dir)
	}
	path, _ := env.Get("PATH")
	quoted := false
	for _, d := range strings.FieldsFunc(path, func(r rune) bool {
		quoted = quoted != (r == '"')
		return r == ';' && !quoted
	}) {
		if d = strings.Trim(d, `" `); d == "" {
			continue
		}
		if full, err := Full(dir, d); err == nil {
			s.dirs = append(s.dirs, strings.TrimSuffix(full, `\`))
		}
	}
	return s
}

func (s *search) find(ctx context.Context) (Found, error) {
	notFound := &Error{Op: "start", Path: s.name, Code: ErrorFileNotFound}
	if s.name == "" || HasWildcard(s.name) || strings.ContainsAny(s.name, "<>|\x00") {
		return Found{}, notFound
	}
	if s.dirs == nil {
		full, err := Full(s.dir, s.name)
		if err != nil {
			return Found{}, err
		}
		i := strings.LastIndexByte(full, '\\')
		got, ok, err := s.in(ctx, full[:i], full[i+1:])
		if !ok && err == nil {
			err = notFound
		}
		return got, err
	}
	for _, dir := range s.dirs {
		if got, ok, err := s.in(ctx, dir, s.name); ok || err != nil {
			return got, err
		}
	}
	// Some of the table are at no fixed place, and found wherever they are.
	key, _ := tableKey(s.name)
	if p, ok := s.m.opts.Programs[key]; ok && homeOf(key) == "" {
		return Found{Program: p, Name: key, Path: PathOf(key)}, nil
	}
	return Found{}, notFound
}

// in looks for the name in one directory.
func (s *search) in(ctx context.Context, dir, name string) (Found, bool, error) {
	// Most directories of PATH and most places of scripts do not exist, and there
	// are a dozen extensions.
	there, err := s.lookup(ctx, dir+`\`)
	if err != nil {
		return Found{}, false, err
	}
	for _, ext := range s.exts {
		var n *node
		if there != nil {
			if n, err = s.file(ctx, dir+`\`+name+ext); err != nil {
				return Found{}, false, err
			}
		}
		if got, ok := s.m.inTable(dir, name+ext); ok && (n == nil || n.src != nil && !n.changed) {
			return got, true, nil
		}
		if n != nil {
			return Found{Path: n.path()}, true, nil
		}
	}
	return Found{}, false, nil
}

// file returns the file that a path leads to, nil if there is none.
func (s *search) file(ctx context.Context, full string) (*node, error) {
	n, err := s.lookup(ctx, full)
	if n == nil || n.kind != tree.File {
		return nil, err
	}
	return n, err
}

// lookup returns what a path leads to, nil if there is nothing.
func (s *search) lookup(ctx context.Context, full string) (*node, error) {
	const op = "start"
	at, err := place(op, full)
	if err != nil || at.device != "" || at.stream != "" {
		return nil, nil
	}
	got, err := s.m.FS().walk(ctx, op, &at, s.how, true)
	if CodeOf(err) != 0 {
		return nil, nil
	}
	return got.node, err
}

// inTable finds a program of the table by the place that Windows has it at.
func (m *Machine) inTable(dir, file string) (Found, bool) {
	key, ext := tableKey(file)
	p, ok := m.opts.Programs[key]
	if !ok || ext != "" && ext != extOf(key) && ext != ".exe" {
		return Found{}, false
	}
	homes := []string{homeOf(key)}
	if homes[0] == "" {
		// where its installer and Microsoft's images put it
		homes = []string{`C:\Program Files\PowerShell\7`, `C:\Program Files\PowerShell`}
	}
	at := systemDir(dir)
	if !slices.ContainsFunc(homes, func(home string) bool { return strings.EqualFold(at, home) }) {
		return Found{}, false
	}
	if (key == "cmd" || key == "powershell") && !strings.EqualFold(at, dir) {
		p = shell32{dir + `\` + file}
	}
	return Found{Program: p, Name: key, Path: PathOf(key)}, true
}

// shell32 is a shell of 32 bits. Everything that it does in System32 happens in
// SysWOW64, and in HKLM\SOFTWARE in a key of its own: it is refused, since the
// commands know nothing of that.
type shell32 struct{ path string }

func (s shell32) refuse() error {
	return Refuse(s.path, "to programs of 32 bits SysWOW64 is System32, and some keys of the registry are others", `call the one in C:\Windows\System32`)
}

// Check implements [Program].
func (s shell32) Check(context.Context, *Checking, []Arg) error { return s.refuse() }

// Run implements [Program].
func (s shell32) Run(context.Context, *Process) (int, error) { return 0, s.refuse() }

// tableKey is the key that a file name has in the table, and its extension.
func tableKey(file string) (key, ext string) {
	key = strings.ToLower(file)
	for _, e := range []string{".exe", ".com"} {
		if k, ok := strings.CutSuffix(key, e); ok {
			return k, e
		}
	}
	return key, ""
}

// PathOf returns where Windows has the program of a key.
func PathOf(key string) string {
	home := homeOf(key)
	if home == "" {
		home = `C:\Program Files\PowerShell\7`
	}
	return home + `\` + key + extOf(key)
}

func extOf(key string) string {
	if slices.Contains([]string{"chcp", "tree", "more", "mode", "format"}, key) {
		return ".com"
	}
	if key == "refreshenv" {
		return ".cmd"
	}
	return ".exe"
}

const system32 = `C:\Windows\System32`

// homeOf returns the directory that a program is in; "" for what has no fixed
// place.
func homeOf(key string) string {
	switch key {
	case "pwsh":
		return ""
	case "powershell":
		return system32 + `\WindowsPowerShell\v1.0`
	case "wmic", "mofcomp":
		return system32 + `\wbem`
	case "ssh", "scp", "sftp", "ssh-keygen", "ssh-keyscan":
		return system32 + `\OpenSSH`
	case "regedit", "explorer", "notepad":
		return `C:\Windows`
	case "refreshenv":
		return `C:\ProgramData\chocolatey\bin`
	}
	return system32
}

// systemDir maps the directory of the programs of 32 bits to System32.
func systemDir(dir string) string {
	const other = `C:\Windows\SysWOW64`
	if len(dir) >= len(other) && strings.EqualFold(dir[:len(other)], other) && (len(dir) == len(other) || dir[len(other)] == '\\') {
		return system32 + dir[len(other):]
	}
	return dir
}

// Start runs a program that Find has found (not a script: those are for the
// shells). CommandLine, streams, directory, environment and depth are the
// child's; Args are made from the command line. The program's own check comes
// before it runs.
func (m *Machine) Start(ctx context.Context, f Found, child *Process) (exitCode int, err error) {
	if err := m.Tick(ctx); err != nil {
		return 0, err
	}
	if child.Depth > m.opts.Limits.Depth {
		return 0, &LimitError{What: "the nesting of programs", Limit: int64(m.opts.Limits.Depth), Unit: "levels"}
	}
	child.Machine, child.Args = m, SplitCommandLine(child.CommandLine)
	args := make([]Arg, 0, len(child.Args))
	for _, a := range child.Args[min(1, len(child.Args)):] {
		args = append(args, Arg{Text: a})
	}
	c := &Checking{Machine: m, Env: child.Env, Dir: child.Dir, Raw: child.CommandLine, Depth: child.Depth}
	if err := m.CheckStart(ctx, f, c, args); err != nil {
		return 0, err
	}
	if f.Program != nil {
		return f.Program.Run(ctx, child)
	}
	return m.opts.Other.Run(ctx, f.Path, child)
}

// CheckStart returns what Start would refuse of a program, before anything runs.
func (m *Machine) CheckStart(ctx context.Context, f Found, c *Checking, args []Arg) error {
	switch {
	case c.nested != nil && *c.nested > maxNested:
		return Refuse(f.Path, "too many programs are called within each other in one line", "call the inner programs directly, or from a script")
	case f.Program != nil:
		return f.Program.Check(ctx, c, args)
	case IsPowerShellScript(f.Path):
		return RefuseScript(f.Path)
	case m.opts.Other != nil:
		return m.opts.Other.Check(ctx, f.Path, args)
	}
	return Refuse(f.Path, "a program that the image brings is not executed in process",
		"run this step on a Windows machine, or unpack instead of installing; leave out what only asks for a version")
}
