// Package winsh executes RUN in Windows stages in process: it is the runner
// that needs no Windows.
//
// A step's words are one Windows command line. [Runner.Run] makes the machine
// of package machine over the step's chain, starts the program that the command
// line names (cmd, PowerShell, or a tool that they can call, too), and turns
// what the machine has become into a layer. [Runner.Check] asks the same
// program, before anything runs, whether it can do all of the line; what it
// cannot is refused with the place and the reason. [Runner.Do] is Run without
// the cache and with everything that there is to know, for casement try.
//
// The shells and tools are packages of their own below this one; package
// machine has what they share. This package wires them together, and keeps what
// is about builds and not about Windows: the cache of results, mounts, secrets,
// and what becomes of changes to the registry.
package winsh

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/casement/casement/internal/run"
	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/store"
	"github.com/casement/casement/internal/winmeta"
)

// Options adjust a [Runner]. The zero value executes steps without a network
// and without remembering anything.
type Options struct {
	// Store keeps results and what steps write; nil keeps contents in memory
	// and results not at all.
	Store *store.Store
	// Transport carries the requests of steps that have a network; proxies are
	// those of the step's environment. nil has no network.
	Transport *http.Transport
	// Secrets returns the value of a secret; ok is false if there is none of
	// that ID. nil has none.
	Secrets func(ctx context.Context, id string) (value []byte, ok bool, err error)
	// Registry says what becomes of changes to the registry.
	Registry RegistryPolicy
	// Programs runs the programs that images bring; nil refuses them.
	Programs machine.Programs
	// Version names the program, for the keys of results: another version may
	// do a step otherwise.
	Version string
	// NoCache does every step, also one whose result is known.
	NoCache bool
	// Now is the clock that steps see; nil is this computer's.
	Now func() time.Time
	// Limits bound what one step may use.
	Limits machine.Limits
}

// Runner executes steps of Windows stages. It is safe for concurrent use.
type Runner struct {
	opts     Options
	programs func() map[string]machine.Program // made when the first step asks
}

// New returns a runner.
func New(o Options) *Runner { return &Runner{opts: o, programs: sync.OnceValue(programs)} }

// Outcome is all that a step did.
type Outcome struct {
	ExitCode int
	// Result is what the machine has become.
	Result *machine.Result
	// Account is who ran it.
	Account machine.Account
	// Denied says that it spoke of rights that it does not have.
	Denied bool
	// Blind says that there are layers below that nobody has read.
	Blind bool
}

// Check implements [run.Checker].
func (r *Runner) Check(ctx context.Context, s run.Step) (err error) {
	defer caught(&err)
	if s.Root.OS != "windows" {
		return run.Unrouted(s)
	}
	m, err := machine.New(machine.Options{
		Root: s.Root, Env: s.Env, User: s.User, Now: r.opts.Now, Programs: r.programs(), Other: r.opts.Programs, Limits: r.opts.Limits,
	})
	if err != nil {
		return place(err, s)
	}
	defer m.Close()
	if err := fits(s); err != nil {
		return err
	}
	_, err = r.check(ctx, m, s)
	return err
}

// fits refuses a command line that CreateProcess does not take.
func fits(s run.Step) error {
	const most = 32766 // and the zero at its end
	n := machine.UTF16Len(commandLine(s))
	if n <= most {
		return nil
	}
	return place(machine.Refuse("RUN with so long a text", fmt.Sprintf("its command line has %d characters, and Windows starts no program with more than %d", n, most),
		"COPY a script into the image and call it"), s)
}

// launch is the program of a step and its command line.
type launch struct {
	program machine.Found
	line    string
}

// check asks the program of the command line.
func (r *Runner) check(ctx context.Context, m *machine.Machine, s run.Step) (launch, error) {
	if err := checkMounts(s); err != nil {
		return launch{}, err
	}
	line := commandLine(s)
	warnOfWords(s)
	p := m.Process(line, dirOf(s), io.Discard, io.Discard)
	found, err := find(ctx, m, p, s.RootUnknown)
	if err != nil || found.Program == nil {
		return launch{}, place(err, s)
	}
	if found.Name == "cmd" {
		if err := oneLine(line); err != nil {
			return launch{}, place(err, s)
		}
	}
	args := make([]machine.Arg, 0, len(p.Args))
	for _, a := range p.Args[min(1, len(p.Args)):] {
		args = append(args, machine.Arg{Text: a})
	}
	c := &machine.Checking{Machine: m, Env: p.Env, Dir: p.Dir, Raw: p.CommandLine, TreeUnknown: s.RootUnknown, Warn: warnings(s)}
	err = r.withoutPath(found.Program.Check(ctx, c, args), p.Env)
	return launch{found, p.CommandLine}, place(err, s)
}

// withoutPath puts the refusal of an unknown command right where it is one of
// Windows, and PATH lacks the directories of Windows: an ENV that puts another in
// front of a PATH that the base's config does not have.
func (r *Runner) withoutPath(err error, env *machine.Env) error {
	refused, ok := errors.AsType[*run.RefusedError](err)
	if !ok {
		return err
	}
	path, _ := env.Get("PATH")
	known := r.programs()[strings.TrimSuffix(strings.ToLower(refused.Construct), ".exe")] != nil
	if !known || strings.Contains(strings.ToLower(strings.ReplaceAll(path, "/", `\`)), `\windows`) {
		return err
	}
	out := *refused
	out.Reason = `it is in C:\Windows\System32, which PATH does not have: it is ` + shorten(path)
	out.Way = `the base's config has no PATH that ENV could add to; write ENV PATH="…;C:\Windows\System32;C:\Windows;C:\Windows\System32\WindowsPowerShell\v1.0"`
	return &out
}

// Do checks and executes a step, whether or not its result is known. An exit
// code that is not 0 is no error here. The step's contents lie in spool.
func (r *Runner) Do(ctx context.Context, s run.Step, spool machine.Spool) (*Outcome, error) {
	return r.execute(ctx, s, spool, nil)
}

// execute is Do with a policy for the registry.
func (r *Runner) execute(ctx context.Context, s run.Step, spool machine.Spool, policy registryFunc) (*Outcome, error) {
	if s.Root.OS != "windows" {
		return nil, run.Unrouted(s)
	}
	mask, err := r.secrets(ctx, &s)
	if err != nil {
		return nil, place(err, s)
	}
	out, err := r.do(ctx, s, spool, policy)
	if flushErr := mask.flush(); err == nil && flushErr != nil {
		err = flushErr
	}
	if err != nil {
		return nil, mask.err(place(err, s))
	}
	return out, nil
}

// registryFunc decides which changes of the registry the layer carries.
type registryFunc func([]machine.RegistryChange) ([]machine.RegistryChange, error)

func (r *Runner) do(ctx context.Context, s run.Step, spool machine.Spool, policy registryFunc) (done *Outcome, err error) {
	defer caught(&err)
	mounts, err := r.mounts(ctx, s)
	if err != nil {
		return nil, err
	}
	defer mounts.close()
	var net machine.Network // not a nil *network
	if n := r.network(s); n != nil {
		defer n.CloseIdleConnections()
		net = n
	}
	var deltas registryFunc
	m, err := machine.New(machine.Options{
		Root: s.Root, Env: s.Env, User: s.User, Now: r.opts.Now, Spool: spool,
		Network: net, Mounts: mounts.list, Programs: r.programs(), Other: r.opts.Programs, Limits: r.opts.Limits,
		Deltas: func(changes []machine.RegistryChange) ([]machine.RegistryChange, error) {
			if deltas == nil {
				return nil, nil
			}
			return deltas(changes)
		},
	})
	if err != nil {
		return nil, err
	}
	defer m.Close()
	l, err := r.check(ctx, m, s)
	if err != nil {
		return nil, err
	}
	ctx, cancel := m.Deadline(ctx)
	defer cancel()
	out := &Outcome{Account: m.Account()}
	if err := start(ctx, m, s, l, out); err != nil {
		return nil, err
	}
	// A command that failed leaves no layer, so it has nothing to lose either.
	deltas = policy
	if out.ExitCode != 0 {
		deltas = nil
	}
	if out.Result, err = m.Finish(ctx); err != nil {
		return nil, err
	}
	out.Blind = m.Blind()
	return out, mounts.save(ctx)
}

// start runs the program of the step and notes how it ended.
func start(ctx context.Context, m *machine.Machine, s run.Step, l launch, out *Outcome) error {
	if s.Dir != "" {
		if err := m.Workdir(ctx, dirOf(s)); err != nil {
			return err
		}
	}
	stdout, stderr := &textWriter{w: orDiscard(s.Stdout)}, &textWriter{w: orDiscard(s.Stderr)}
	p := m.Process(l.line, dirOf(s), stdout, stderr)
	p.Terminal = true
	code, err := m.Start(ctx, l.program, p)
	if ctx.Err() != nil {
		return context.Cause(ctx) // programs may take it for a failure of their own
	}
	err = errors.Join(err, stdout.flush(), stderr.flush())
	out.ExitCode, out.Denied = code, stdout.denied || stderr.denied
	return err
}

// find finds the program that a command line names, as CreateProcess does: in the
// directories of the system before those of PATH, and without an extension only
// an .exe. A batch file is started by cmd. Nil for the name of a batch file that
// may be in the image, which is not known yet.
func find(ctx context.Context, m *machine.Machine, p *machine.Process, unknown bool) (machine.Found, error) {
	name := ""
	if len(p.Args) > 0 {
		name = p.Args[0]
	}
	env := p.Env.Clone()
	path, _ := env.Get("PATH")
	env.Set("PATH", `C:\Windows\System32;C:\Windows;`+path+`;C:\Windows\System32\WindowsPowerShell\v1.0`)
	env.Set("PATHEXT", ".EXE")
	found, err := m.Find(ctx, name, env, p.Dir, true)
	if err != nil {
		if path := withBlanks(ctx, m, p, env); path != "" {
			return machine.Found{}, machine.Refuse("RUN with "+path, "its path is not in quotes: Windows finds the program, which takes what stands behind the first blank for its first argument",
				`put the path in quotes of its own ("\"C:\\Program Files\\…\""), or write the name alone`)
		}
	}
	switch {
	case err == nil && found.Program == nil && isBatch(found.Path):
		p.CommandLine = `cmd.exe /s /c "` + p.CommandLine + `"`
		p.Args = machine.SplitCommandLine(p.CommandLine)
		return m.Find(ctx, "cmd", env, p.Dir, false)
	case err == nil:
		return found, nil
	case machine.CodeOf(err) == machine.ErrorFileNotFound || machine.CodeOf(err) == machine.ErrorPathNotFound:
		if unknown && isBatch(name) {
			return machine.Found{}, nil
		}
		return machine.Found{}, machine.Refuse("RUN with "+name, "it is none of the programs that casement has, and the image has no such file",
			"run this step on a Windows machine, or produce its files before the build and COPY them in")
	}
	return machine.Found{}, err
}

// withBlanks returns the path of a program that has blanks and no quotes, "" if
// there is none: CreateProcess tries each blank as the end of the path.
func withBlanks(ctx context.Context, m *machine.Machine, p *machine.Process, env *machine.Env) string {
	line := p.CommandLine
	if strings.HasPrefix(line, `"`) || !strings.ContainsAny(line, `\/`) {
		return ""
	}
	for i := strings.IndexByte(line, ' '); i >= 0; {
		if _, err := m.FindKnown(ctx, line[:i], env, p.Dir, true); err == nil {
			return line[:i]
		}
		next := strings.IndexByte(line[i+1:], ' ')
		if next < 0 {
			break
		}
		i += 1 + next
	}
	return ""
}

// oneLine refuses a command line of several lines for cmd, which reads the first
// and says nothing of the others.
func oneLine(line string) error {
	_, rest, _ := strings.Cut(line, "\n")
	text := strings.TrimLeft(rest, " \t\r\n")
	if text == "" {
		return nil
	}
	r := machine.Refuse("RUN with several lines", "cmd reads its command line to the end of the first line and ignores the others",
		`join the lines with &&, or use SHELL ["powershell", "-Command"], which takes several lines`)
	r.Line, r.Column = 2+strings.Count(rest[:len(rest)-len(text)], "\n"), 1
	return r
}

func isBatch(name string) bool {
	low := strings.ToLower(name)
	return strings.HasSuffix(low, ".cmd") || strings.HasSuffix(low, ".bat")
}

// commandLine is what CreateProcess gets: the words of the step joined by
// blanks, without quoting, in the shell form as in the exec form.
func commandLine(s run.Step) string { return strings.Join(s.Args, " ") }

// dirOf returns the step's directory as Windows writes it.
func dirOf(s run.Step) string { return winmeta.ToWindows(s.Dir) }

func orDiscard(w io.Writer) io.Writer {
	if w == nil {
		return io.Discard
	}
	return w
}
