// Package machine is the Windows computer that casement's in-process shells
// believe they run on: drive C:, registry, environment, accounts, programs and
// network.
//
// A [Machine] is made for one RUN step by [New] over the chain that the step
// starts from, and [Machine.Finish] says what the step did: a layer, variables
// of the machine, changes of the registry. Shells and tools work on it through
// a [Process], which is what a Windows process is: a command line, an
// environment, a current directory and three streams. Everything that a shell
// can start is a [Program] in the machine's table; starting one is a function
// call. Start with [Process], then [FS].
//
// Reading is lazy: a question goes to the layers of the chain only when the
// step's own changes do not answer it, and a write asks as little of a sealed
// base as the answer needs. Writing goes to a scratch set of changes; contents
// go to a [Spool], so that memory does not grow with what a step writes.
//
// A machine is used by one goroutine at a time. The package refuses what it
// cannot do faithfully with a *run.RefusedError, which ends the step.
package machine

import (
	"context"
	"io"
	"net/http"
	"time"

	"github.com/casement/casement/internal/run"
	"github.com/casement/casement/internal/tree"
)

// Options say what machine to make. The zero value, with a Root for Windows,
// is a machine with the standard directories, no network and nobody to see its
// output.
type Options struct {
	// Root is the file system to start from.
	Root tree.Chain
	// Env has the variables of the image and the build as NAME=value. What
	// Windows itself sets (SystemRoot, TEMP, USERNAME …) is added.
	Env []string
	// User is the account as USER names it; "" is ContainerAdministrator.
	User string
	// Now is the machine's clock; nil is the clock of this computer.
	Now func() time.Time
	// Spool takes contents; nil keeps them in memory.
	Spool Spool
	// Network executes requests; nil means that no name resolves.
	Network Network
	// Mounts are directories and files that are not part of the result.
	Mounts []Mount
	// Programs are what can be started by name beside what the file system
	// has: lower-case names without extension ("cmd", "xcopy", "powershell").
	Programs map[string]Program
	// Other runs programs (.exe) that the image brings; nil refuses them.
	Other Programs
	// Limits bounds what a step may use.
	Limits Limits
}

// Limits protect a build from a step that does not end. Zero fields are their
// defaults.
type Limits struct {
	Output  int64         // bytes printed; default 64 MiB
	Steps   int64         // commands, iterations and calls; default 50 million
	Depth   int           // nested calls of scripts, functions and programs; default 200
	Memory  int64         // bytes that one value may have; default 256 MiB
	Elapsed time.Duration // default 2 hours
}

// Network executes HTTP requests. *http.Client is one: redirects are followed
// by whoever makes the request (see [Machine.HTTP]).
type Network interface {
	Do(*http.Request) (*http.Response, error)
}

// Mount is a tree that the step sees at Target ("C:\cache"), whose changes are
// not part of the layer.
type Mount struct {
	Target   string
	Tree     tree.Tree // nil is an empty directory
	File     tree.Content
	ReadOnly bool
	// Save receives what the directory holds in the end (RUN --mount=type=cache);
	// nil forgets it.
	Save func(ctx context.Context, changes []tree.Change) error
}

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
	// Warn reports something that is likely not what the author meant, with
	// the line and column in the text being checked; it may be nil.
	Warn func(line, column int, message, hint string)
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
}

// Change is one thing that a step did to the registry.
type RegistryChange struct {
	Key    string // "HKLM\SOFTWARE\…"
	Name   string // of the value; "" is the default value, or the key itself if Type is ""
	Type   string // REG_SZ …; "" for keys
	Value  string // as reg.exe prints it
	Delete bool
}

// Result is what a step did.
type Result struct {
	// Changes to drive C:, with a Content for each file that is in the spool.
	Changes []tree.Change
	// Env has variables of the machine (and of the user) that were set
	// persistently, with their new values; a nil value was removed.
	Env map[string]*string
	// Registry has all other changes of the registry.
	Registry []RegistryChange
}

// refused makes a refusal. The place in the Dockerfile is added by the runner;
// the one in the text by the shell that knows it.
func Refuse(construct, reason, way string) *run.RefusedError {
	return &run.RefusedError{Construct: construct, Reason: reason, Way: way}
}
