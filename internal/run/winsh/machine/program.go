package machine

import (
	"context"
	"io"

	"github.com/casement/casement/internal/run"
)

// Programs runs programs that the image brings. It is the seam for Wine and
// for real Windows computers.
type Programs interface {
	// Check returns a *run.RefusedError if the program cannot be run.
	Check(ctx context.Context, path string, args []Arg) error
	// Run runs the program whose file is at path.
	Run(ctx context.Context, path string, p *Process) (exitCode int, err error)
}

// Program is something that can be started: a shell or a tool that Windows
// has. Implementations are stateless.
type Program interface {
	// Check says, before anything has run, whether the program can do what the
	// arguments ask. It returns nil or a *run.RefusedError; wrong usage that
	// Windows would report at run time is not an error here. args do not
	// include the program's name. It is called again with known arguments just
	// before Run where they were not known in time.
	Check(ctx context.Context, c *Checking, args []Arg) error
	// Run does it. The exit code is the program's; an error ends the whole
	// step: a *run.RefusedError, an error of the context, or a fault of
	// casement. Everything that Windows would report goes to p.Stderr or
	// p.Stdout and into the exit code.
	Run(ctx context.Context, p *Process) (exitCode int, err error)
}

// Arg is one argument as far as it is known before the step runs. For an
// unknown one, Text is what is known of its beginning.
type Arg struct {
	Text    string
	Unknown bool
}

// Checking is what is known of the machine while a line is checked and nothing
// has run.
type Checking struct {
	// Machine gives the program table and the file system that the step
	// starts from. It is never changed by a check.
	Machine *Machine
	// Env and Dir are those at this point of the line, as far as they are known.
	Env *Env
	Dir string
	// Raw is the whole command line of the program that is checked, if it is
	// known; programs that take their command line apart themselves (cmd,
	// powershell) use it.
	Raw string
	// TreeUnknown says that the file system is not known yet (a build that has
	// not begun): names that may be scripts of the image are let through now
	// and checked again when the step is reached.
	TreeUnknown bool
	// Depth counts nested shells.
	Depth int
	// nested counts the programs within programs that a line's check has looked at
	// so far, over all its levels.
	nested *int
	// Warn reports something that is likely not what the author meant, with
	// the line and column in the text being checked; it may be nil.
	Warn func(line, column int, message, hint string)
}

// maxNested bounds what a check follows: a line of a hundred characters can name
// a million programs within each other.
const maxNested = 10_000

// Child returns what a program that this one starts is checked with: the same,
// one level deeper, and another command line ("" if it is not known).
func (c *Checking) Child(commandLine string) *Checking {
	if c.nested == nil {
		c.nested = new(int)
	}
	*c.nested++
	sub := *c
	sub.Raw, sub.Depth = commandLine, c.Depth+1
	return &sub
}

// Process is one running program. Processes are values that a parent makes for
// its child: Env is the child's own copy.
type Process struct {
	Machine *Machine
	// CommandLine is the whole command line, program name included, exactly as
	// CreateProcess would get it.
	CommandLine string
	// Args is CommandLine taken apart by the rules of the C runtime, the
	// program's name first.
	Args []string
	Env  *Env
	// Dir is the current directory ("C:\app"). A shell changes its own.
	Dir            string
	Stdin          io.Reader // never nil
	Stdout, Stderr io.Writer // never nil; bytes as Windows would write them
	// Terminal says that Stdout is what the user sees, not a file or pipe.
	Terminal bool
	// Depth counts nested processes, for Limits.Depth.
	Depth int
	// CodePage is that of the console, which all its processes share: a child is
	// started with it, and its parent takes over what the child (chcp) has left
	// there. 0 is 437.
	CodePage int
	// Export is set by a program that is a batch file in truth (refreshenv): its
	// variables are those of the shell that started it, from then on. nil changes
	// nothing.
	Export *Env
	// Wire is how the process sends requests where it does not say otherwise:
	// what ServicePointManager of .NET has been told. Children do not inherit it.
	Wire Wire
}

// Child makes a process that this one starts: with its own copy of the
// environment, the same directory and streams, one level deeper.
func (p *Process) Child(commandLine string) *Process {
	c := *p
	c.CommandLine, c.Args = commandLine, SplitCommandLine(commandLine)
	c.Env, c.Depth, c.Wire = p.Env.Clone(), p.Depth+1, Wire{}
	return &c
}

// Process makes the first process of the step: its environment is the
// machine's and the user's, and its directory is dir as a Windows path.
func (m *Machine) Process(commandLine, dir string, stdout, stderr io.Writer) *Process {
	if stdout == nil {
		stdout = io.Discard
	}
	if stderr == nil {
		stderr = io.Discard
	}
	return &Process{
		Machine: m, CommandLine: commandLine, Args: SplitCommandLine(commandLine), Env: m.environment(), Dir: dir,
		Stdin: nothing{}, Stdout: limited{m, stdout}, Stderr: limited{m, stderr},
	}
}

// nothing is the input of a step: it has ended.
type nothing struct{}

// Read implements io.Reader.
func (nothing) Read([]byte) (int, error) { return 0, io.EOF }

// Refuse makes a refusal. The place in the Dockerfile is added by the runner;
// the one in the text by the shell that knows it.
func Refuse(construct, reason, way string) *run.RefusedError {
	return &run.RefusedError{Construct: construct, Reason: reason, Way: way}
}
