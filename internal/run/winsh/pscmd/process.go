package pscmd

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/run/winsh/ps"
)

// processCmdlets start programs. Nothing runs beside the script: a program that
// is started runs to its end at once, also without -Wait.
func processCmdlets() []*ps.Cmdlet {
	const noServer = "!there is one computer"
	return []*ps.Cmdlet{
		{
			Name: "Start-Process", Aliases: []string{"saps"}, Aliases51: []string{"start"}, Aliases7: []string{"start"}, Module: moduleManagement, DefaultSet: "Default",
			Syntax: params(`
				FilePath|PSPath|Path string @1 mandatory property notempty
				ArgumentList|Args string[] @2 notempty
				Credential|RunAs object {Default} ` + noCredential + `
				WorkingDirectory string notempty
				LoadUserProfile|Lup switch {Default}
				NoNewWindow|nnw switch {Default}
				PassThru switch
				RedirectStandardError|RSE string notempty {Default}
				RedirectStandardInput|RSI string notempty {Default}
				RedirectStandardOutput|RSO string notempty {Default}
				Verb string notempty {UseShellExecute}
				WindowStyle string in=Normal,Hidden,Minimized,Maximized
				Wait switch
				UseNewEnvironment switch {Default}
				Environment object 7`),
			Process: startProcess,
			Check:   checkStartProcess,
		},
		{
			Name: "Get-Process", Aliases: []string{"gps"}, Aliases51: []string{"ps"}, Aliases7: []string{"ps"}, Module: moduleManagement, DefaultSet: "Name",
			Syntax: params(`
				Name|ProcessName string[] @1 property notempty {Name}
				Id|PID int[] mandatory property {Id}
				InputObject object[] mandatory pipeline {InputObject}
				IncludeUserName switch !nothing runs here
				ComputerName|Cn string[] property 5.1 ` + noServer + `
				Module switch !nothing runs here
				FileVersionInfo|FV switch !nothing runs here`),
			Process: getProcess,
		},
		{
			Name: "Stop-Process", Aliases: []string{"kill", "spps"}, Module: moduleManagement, DefaultSet: "Id", ShouldProcess: true,
			Syntax: params(`
				Id int[] @1 mandatory property {Id}
				Name|ProcessName string[] mandatory property {Name}
				InputObject object[] @1 mandatory pipeline {InputObject}
				PassThru switch
				Force switch`),
			Process: findProcesses,
		},
		{
			Name: "Wait-Process", Module: moduleManagement, DefaultSet: "Name",
			Syntax: params(`
				Name|ProcessName string[] @1 mandatory property {Name}
				Id|PID|ProcessId int[] mandatory property {Id}
				InputObject object[] mandatory pipeline {InputObject}
				Timeout|TimeoutSec int @2 range=0..32767
				Any switch 7
				PassThru switch 7`),
			Process: findProcesses,
		},
	}
}

// Process is the Data of a System.Diagnostics.Process: a program that has run.
type Process struct {
	ID, ExitCode    int
	Name, Path      string
	Started, Exited time.Time
	// Unheld is an object without a handle, as 5.1 makes for a program that the
	// shell has not started: it does not learn the exit code, unless the script
	// takes the handle before it waits.
	Unheld, waited bool
}

// handle is nil when it is asked for too late.
func (p *Process) handle() any {
	if p.Unheld && p.waited {
		return nil
	}
	p.Unheld = false
	return int64(p.ID)
}

func (p *Process) exitCode() any {
	if p.Unheld {
		return nil
	}
	return ps.Int(p.ExitCode)
}

// ProcessObject makes the object of a program that has run.
func ProcessObject(s *ps.Session, p *Process) *ps.Object {
	return s.Object("System.Diagnostics.Process", p)
}

// processTypes is what is known of a program that has run to its end.
func processTypes() []*ps.Type {
	data := func(in *ps.Invoke) *Process { return in.Data().(*Process) }
	prop := func(name, typ string, get func(in *ps.Invoke, p *Process) any) ps.Member {
		return ps.Prop(name, typ, func(_ context.Context, in *ps.Invoke) (any, error) { return get(in, data(in)), nil })
	}
	wait := func(_ context.Context, in *ps.Invoke) (any, error) { data(in).waited = true; return true, nil }
	none := func(context.Context, *ps.Invoke) (any, error) { return nil, nil }
	waitVoid := func(_ context.Context, in *ps.Invoke) (any, error) { data(in).waited = true; return nil, nil }
	return []*ps.Type{{
		Name: "System.Diagnostics.Process", Base: "System.ComponentModel.Component", Implements: []string{"System.IDisposable"},
		String: func(v any) string {
			return "System.Diagnostics.Process (" + v.(*ps.Object).Data.(*Process).Name + ")"
		},
		Members: func() []ps.Member {
			return []ps.Member{
				prop("Id", "int", func(_ *ps.Invoke, p *Process) any { return ps.Int(p.ID) }),
				prop("ExitCode", "int", func(_ *ps.Invoke, p *Process) any { return p.exitCode() }),
				prop("HasExited", "bool", func(_ *ps.Invoke, p *Process) any { p.waited = true; return true }),
				prop("ProcessName", "string", func(_ *ps.Invoke, p *Process) any { return p.Name }),
				prop("Handle", "System.IntPtr", func(_ *ps.Invoke, p *Process) any { return p.handle() }),
				prop("StartTime", "datetime", func(in *ps.Invoke, p *Process) any { return Local(in.Session, p.Started) }),
				prop("ExitTime", "datetime", func(in *ps.Invoke, p *Process) any { return Local(in.Session, p.Exited) }),
				code(prop("Name", "string", func(_ *ps.Invoke, p *Process) any { return p.Name }), ps.KindCode, ps.Both),
				code(prop("Path", "string", func(_ *ps.Invoke, p *Process) any { return p.Path }), ps.KindScript, ps.Both),
				ps.Method("WaitForExit", "void", ps.O("", waitVoid), ps.O("int milliseconds", wait)),
				ps.Method("WaitForInputIdle", "bool", ps.O("", wait)),
				ps.Method("Refresh", "void", ps.O("", none)), ps.Method("Close", "void", ps.O("", none)), ps.Method("Dispose", "void", ps.O("", none)),
				ps.Method("Kill", "void", ps.O("", func(context.Context, *ps.Invoke) (any, error) {
					return nil, ps.NewException(invalidOperation, "Cannot process request because the process has exited.")
				})),
			}
		},
		Default: []string{"Id", "ProcessName", "HasExited", "ExitCode"},
	}, {Name: "System.ComponentModel.Component", Base: "System.MarshalByRefObject", Abstract: true}}
}

// checkStartProcess refuses programs that cannot be started before anything
// runs.
func checkStartProcess(ctx context.Context, k *ps.Check) error {
	if verb, ok := k.String("Verb"); ok && !strings.EqualFold(verb, "RunAs") && !strings.EqualFold(verb, "open") {
		return machine.Refuse("Start-Process -Verb "+verb, "there is no desktop", "start the program by its name")
	}
	file, ok := k.String("FilePath")
	if !ok || file == "" {
		return nil
	}
	ext := strings.ToLower(extension(leafName(file)))
	if document(ext) {
		return machine.Refuse("Start-Process "+file, "what opens files of this type needs Windows", "start powershell with -File, or unpack the software from an archive")
	}
	_, err := k.Find(ctx, file)
	switch {
	case err == nil:
		args, raw := []machine.Arg{{Unknown: true}}, ""
		if line, ok := argumentLine(k); ok {
			args, raw = nil, strings.TrimSpace(`"`+file+`" `+line)
			for _, a := range machine.SplitCommandLine(raw)[1:] {
				args = append(args, machine.Arg{Text: a})
			}
		}
		return k.Program(ctx, file, args, raw)
	case fatal(err) && !errors.Is(err, fs.ErrNotExist):
		return err
	case ext == ".cmd" || ext == ".bat" || ext == "" && strings.ContainsAny(file, `\/`):
		return nil // it may be written before it is started
	}
	return machine.Refuse("Start-Process "+file, "it is none of the programs that casement has, and programs that an image brings are not executed in process",
		"run this step on a Windows machine, or unpack the software from an archive")
}

// document reports whether Windows opens files of a type with another program.
func document(ext string) bool {
	switch ext {
	case ".ps1", ".psm1", ".js", ".vbs", ".wsf", ".msi", ".msu", ".msp", ".appx", ".msix", ".lnk", ".url", ".reg", ".txt", ".htm", ".html", ".xml":
		return true
	}
	return false
}

// argumentLine is the value of -ArgumentList as Windows gets it, if it is known.
func argumentLine(k *ps.Check) (string, bool) {
	if !k.Has("ArgumentList") {
		return "", !k.Splatted()
	}
	v, ok := k.Value("ArgumentList")
	if !ok {
		return "", false
	}
	var list []string
	for _, x := range ps.Items(v) {
		text, ok := ps.Unwrap(x).(string)
		if !ok {
			return "", false
		}
		list = append(list, text)
	}
	return strings.Join(list, " "), true
}

func startProcess(ctx context.Context, c *ps.Call) error {
	s := c.Session
	file := c.String("FilePath")
	args := slices.Clone(c.Strings("ArgumentList"))
	if strings.EqualFold(c.String("Verb"), "RunAs") && !s.Machine().Account().Admin {
		return machine.Refuse("Start-Process -Verb RunAs", "nobody can be asked for an administrator's password", "use USER ContainerAdministrator")
	}
	if c.Switch("UseNewEnvironment") {
		return machine.Refuse("Start-Process -UseNewEnvironment", "programs get the environment of the script", "leave it out")
	}
	dir := s.Dir()
	if c.Has("WorkingDirectory") {
		full, err := workingDirectory(ctx, c)
		if err != nil {
			return err
		}
		dir = full
	}
	found, err := findProgram(ctx, c, file, dir)
	if err != nil {
		return err
	}
	child := &machine.Process{
		Machine: s.Machine(), Env: s.Process().Env.Clone(), Dir: dir, Stdin: strings.NewReader(""), Depth: s.Process().Depth + 1,
		Stdout: io.Discard, Stderr: io.Discard,
	}
	environmentOf(c, child.Env)
	// The arguments are joined by blanks, without quotes: so does Windows.
	child.CommandLine = strings.TrimSpace(commandName(found, file) + " " + strings.Join(args, " "))
	if ext := strings.ToLower(extension(found.Path)); found.Program == nil && (ext == ".cmd" || ext == ".bat") {
		script := child.CommandLine
		if found, err = s.Machine().Find(ctx, `C:\Windows\System32\cmd.exe`, child.Env, dir, false); err != nil {
			return err
		}
		child.CommandLine = `C:\Windows\System32\cmd.exe /c "` + script + `"`
	}
	child.Args = machine.SplitCommandLine(child.CommandLine)
	if c.Switch("NoNewWindow") {
		child.Stdout, child.Stderr, child.Terminal = s.Process().Stdout, s.Process().Stderr, s.Process().Terminal
	}
	done, err := redirect(ctx, c, child)
	if err != nil {
		return err
	}
	started := s.Machine().Now()
	exit, err := s.Machine().Start(ctx, found, child)
	if err2 := done(); err == nil {
		err = err2
	}
	if err != nil {
		return cannotStart(c, file, dir, err)
	}
	if !c.Switch("PassThru") {
		return nil
	}
	return c.Write(ctx, ProcessObject(s, &Process{
		ID: 4000 + 4*s.Process().Depth, ExitCode: exit, Name: baseName(leafName(file)), Path: found.Path, Started: started, Exited: s.Machine().Now(),
		Unheld: s.Edition() == ps.Desktop && !c.Switch("Wait") && ownProcess(c),
	}))
}

// ownProcess reports whether the cmdlet itself creates the process, and not the
// shell of Windows.
func ownProcess(c *ps.Call) bool {
	return slices.ContainsFunc([]string{"NoNewWindow", "UseNewEnvironment", "LoadUserProfile", "Credential", "RedirectStandardInput", "RedirectStandardOutput", "RedirectStandardError"}, c.Has)
}

// environmentOf applies -Environment: null removes a variable.
func environmentOf(c *ps.Call, env *machine.Env) {
	t, ok := ps.Unwrap(c.Value("Environment")).(*ps.Hashtable)
	if !ok {
		return
	}
	for _, e := range t.Entries() {
		name := c.Session.ToString(e.Key)
		if ps.IsNull(e.Value) {
			env.Unset(name)
			continue
		}
		env.Set(name, c.Session.ToString(e.Value))
	}
}

func workingDirectory(ctx context.Context, c *ps.Call) (string, error) {
	text := c.String("WorkingDirectory")
	nodes, err := finder{s: c.Session, force: true}.find(ctx, text, false)
	if err != nil && fatal(err) {
		return "", err
	}
	if err != nil || len(nodes) != 1 || !nodes[0].container || nodes[0].Provider != fileSystem {
		return "", fail(invalidOperation, "This command cannot be run because either the parameter \"WorkingDirectory\" has a value that is not valid or cannot be used with this command. Give a valid input and Run your command again.",
			"InvalidOperationException", ps.InvalidOperation, nil)
	}
	return nodes[0].Name, nil
}

// findProgram finds what is to be started as PowerShell does: a command of the
// session first, then as Windows does.
func findProgram(ctx context.Context, c *ps.Call, file, dir string) (machine.Found, error) {
	s := c.Session
	name := file
	if strings.ContainsAny(file, `\/`) {
		if full, err := s.File(file); err == nil {
			name = full
		}
	}
	found, err := s.Machine().Find(ctx, name, s.Process().Env, dir, true)
	if err != nil {
		return found, cannotStart(c, file, dir, err)
	}
	if document(strings.ToLower(extension(found.Path))) {
		return found, machine.Refuse("Start-Process "+file, "what opens files of this type needs Windows", "start powershell with -File, or the program itself")
	}
	return found, nil
}

// commandName is the first word of the command line: the path in quotes.
func commandName(found machine.Found, file string) string {
	if found.Path != "" {
		return `"` + found.Path + `"`
	}
	return `"` + file + `"`
}

// cannotStart is the error of a program that is not there.
func cannotStart(c *ps.Call, file, dir string, err error) error {
	if fatal(err) && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	why := "The system cannot find the file specified."
	if n := machine.CodeOf(err); n != 0 {
		why = machine.MessageFor(n)
	}
	if c.Session.Edition() == ps.Core {
		why = "An error occurred trying to start process '" + file + "' with working directory '" + dir + "'. " + why
	}
	return fail(invalidOperation, "This command cannot be run due to the error: "+why, "InvalidOperationException", ps.InvalidOperation, nil)
}

// redirect opens the files of -RedirectStandard*. The function closes them.
func redirect(ctx context.Context, c *ps.Call, child *machine.Process) (func() error, error) {
	f := c.Session.Machine().FS()
	var closers []io.Closer
	done := func() error {
		var first error
		for _, x := range closers {
			if err := x.Close(); err != nil && first == nil {
				first = err
			}
		}
		return first
	}
	if c.Has("RedirectStandardInput") {
		path, err := c.Session.File(c.String("RedirectStandardInput"))
		if err != nil {
			return done, err
		}
		in, err := f.Open(ctx, path)
		if err != nil {
			return done, ps.Record(err, "FileNotFoundException", ps.InvalidOperation, nil)
		}
		closers = append(closers, in)
		child.Stdin = in
	}
	for name, to := range map[string]*io.Writer{"RedirectStandardOutput": &child.Stdout, "RedirectStandardError": &child.Stderr} {
		if !c.Has(name) {
			continue
		}
		path, err := c.Session.File(c.String(name))
		if err != nil {
			return done, err
		}
		w, err := f.Create(ctx, path, machine.CreateOptions{})
		if err != nil {
			return done, thrown(err)
		}
		closers = append(closers, w)
		*to, child.Terminal = lineEnds{w}, false
	}
	return done, nil
}

// lineEnds writes lines as PowerShell does that reads them from a program: each
// ends in CRLF.
type lineEnds struct{ w io.Writer }

func (l lineEnds) Write(p []byte) (int, error) {
	if bytes.IndexByte(p, '\n') < 0 {
		return l.w.Write(p)
	}
	text := bytes.ReplaceAll(bytes.ReplaceAll(p, []byte("\r\n"), []byte("\n")), []byte("\n"), []byte("\r\n"))
	if _, err := l.w.Write(text); err != nil {
		return 0, err
	}
	return len(p), nil
}

// always are processes that run in every container.
func always(name string) bool {
	switch strings.ToLower(name) {
	case "powershell", "pwsh", "cmd", "svchost", "services", "lsass", "csrss", "wininit", "smss", "idle", "system", "registry", "cexecsvc", "conhost", "memory compression":
		return true
	}
	return false
}

func getProcess(ctx context.Context, c *ps.Call) error {
	if !c.Has("Name") && !c.Has("Id") && !c.Has("InputObject") {
		return machine.Refuse("Get-Process", "no processes run here", "name the process that you look for")
	}
	return findProcesses(ctx, c)
}

// findProcesses looks for processes, of which there are none but those that have
// ended.
func findProcesses(ctx context.Context, c *ps.Call) error {
	for _, name := range c.Strings("Name") {
		if always(name) {
			return machine.Refuse(c.Cmdlet.Name+" "+name, "no processes run here", "leave the step out")
		}
		if ps.HasWildcard(name) {
			continue
		}
		if err := c.Error(ctx, fail("Microsoft.PowerShell.Commands.ProcessCommandException", "Cannot find a process with the name \""+name+"\". Verify the process name and call the cmdlet again.",
			"NoProcessFoundForGivenName", ps.ObjectNotFound, name)); err != nil {
			return err
		}
	}
	for _, v := range c.Values("Id") {
		if own, _ := c.Session.Variable("PID"); ps.Unwrap(v) == ps.Unwrap(own) {
			return machine.Refuse(c.Cmdlet.Name+" -Id", "the process of the script is none that Windows could describe", "leave the step out")
		}
		if err := c.Error(ctx, fail("Microsoft.PowerShell.Commands.ProcessCommandException", "Cannot find a process with the process identifier "+c.Session.ToString(v)+".",
			"NoProcessFoundForGivenId", ps.ObjectNotFound, v)); err != nil {
			return err
		}
	}
	if c.Cmdlet.Name != "Get-Process" {
		return nil
	}
	for _, v := range c.Values("InputObject") {
		if err := c.Write(ctx, v); err != nil {
			return err
		}
	}
	return nil
}
