// Package run is the contract of everything that executes a RUN step.
//
// A [Runner] is a function from a chain to a layer: it sees the file system
// that the steps before have made, does what the command says, and returns
// what changed. In-process shells, Wine, runc, a remote Windows computer and a
// Go function in a test are all the same to the solver. [Router] asks several
// runners in turn and refuses, with the reasons, a step that none of them can
// do right.
//
// There are two ways for a step to go wrong, and they are kept apart. A
// command that ran and failed is an [*ExitError]. A command that a runner
// cannot do faithfully is a [*RefusedError], found before anything has run
// wherever that is possible. No runner ever skips what it does not understand.
//
// Package run/runtest has the suite that every runner passes.
package run

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/casement/casement/internal/tree"
)

// Step is one command to execute.
type Step struct {
	// Args is the command: for the shell form the words of SHELL and the text
	// of the line as the last element, for the exec form its elements.
	Args []string
	// Env has the environment as NAME=value.
	Env []string
	// Dir is the working directory as a tree name ("app/sub").
	Dir string
	// User is the account, as USER names it; "" is the image's default.
	User string
	// Root is the file system that the command sees. Runners do not change it.
	Root tree.Chain
	// Network is "default", "none" or "host".
	Network string
	// Mounts are what RUN --mount adds.
	Mounts []Mount
	// Output takes the lines that the command prints; nil discards them.
	Stdout, Stderr io.Writer
	// Where says where the step stands, for refusals.
	Where Where
	// RootUnknown says that Root has no layers because nothing has been
	// evaluated yet. A step that may be right is then not refused.
	RootUnknown bool
	// SecretEnv are variables whose values are secrets.
	SecretEnv []SecretEnv
	// NoCache asks for the step to be done again, whatever is known.
	NoCache bool
	// Warn hears of what is likely not meant as it is written, and of what came
	// out otherwise than one might expect; nil does not listen. A check says what
	// it finds in the text, and the run that follows may say it again: listeners
	// have to drop what they have heard.
	Warn func(Warning)
	// Progress hears how many bytes of something ("downloading URL") have been
	// moved; total is 0 if it is not known. nil does not listen.
	Progress func(what string, done, total int64)
}

// Warning is something about a step that its author should look at.
type Warning struct {
	// Line is a line of the instruction, from 0.
	Line int
	// Message says in one sentence what it is, and Hint what to write instead.
	Message, Hint string
}

// SecretEnv is a variable whose value is the secret ID.
type SecretEnv struct {
	ID, Name string
	Optional bool
}

// Where is a place in a Dockerfile.
type Where struct {
	File string
	Line int
	// Text is the instruction as written, with continuation lines.
	Text string
}

// String returns file and line as "Dockerfile:7".
func (w Where) String() string {
	if w.File == "" {
		return ""
	}
	return fmt.Sprintf("%s:%d", w.File, w.Line)
}

// Mount is one RUN --mount.
type Mount struct {
	// Type is bind, cache, secret, ssh or tmpfs.
	Type string
	// Target is where the mount appears, as a tree name.
	Target string
	// Source is the tree that a bind or cache mount starts from, and Selector
	// the directory in it.
	Source   tree.Chain
	Selector string
	ReadOnly bool
	// ID names a cache, a secret or an ssh socket.
	ID       string
	Optional bool
	// Sharing says what two writers of one cache do: "shared", "private" or
	// "locked".
	Sharing string
	// Size is the limit of a tmpfs in bytes; 0 for none.
	Size int64
}

// Result is what a step did.
type Result struct {
	// Layer has the changes to the root. It is never nil; a command that
	// changed nothing gives a layer without changes. Its Env has the variables
	// that the command set for the whole machine, and its Key names what it does.
	Layer *tree.Layer
	// Cached says that the result was known and nothing was executed.
	Cached bool
}

// Runner executes steps. Run never changes the step's inputs, and it may be
// called for several steps at once. A cancelled context ends the command, and
// Run returns an error that matches the context's.
type Runner interface {
	Run(ctx context.Context, s Step) (Result, error)
}

// Checker is the power of a runner to refuse a step before anything runs. A
// nil error is a promise to try, not to succeed.
type Checker interface {
	Check(ctx context.Context, s Step) error
}

// Func is a runner made of a Go function.
type Func func(ctx context.Context, s Step) (Result, error)

// Run implements [Runner].
func (f Func) Run(ctx context.Context, s Step) (Result, error) { return f(ctx, s) }

// ExitError says that a command ran and failed.
type ExitError struct {
	Code int
	// Advice says what may be the reason; "" if nobody knows.
	Advice string
}

// Hint says what may be the reason.
func (e *ExitError) Hint() string { return e.Advice }

// Error implements error.
func (e *ExitError) Error() string { return fmt.Sprintf("the command exited with code %d", e.Code) }

// RefusedError says that a step cannot be done faithfully by any runner that
// is there. Nothing of the step has been executed.
type RefusedError struct {
	Where Where
	// Line and Column are the place of the construct in the text of the
	// command, from 1; 0 where it is not known.
	Line, Column int
	// Script is the script file that the construct is in, with the line
	// ("C:\\install.ps1:12"); Line and Column are then where the script is called.
	Script string
	// Construct is what cannot be done: a command, a parameter, a shell.
	Construct string
	// Reason says why, in one sentence without a full stop.
	Reason string
	// Way says what would do it.
	Way string
}

// Error implements error.
func (e *RefusedError) Error() string {
	var b strings.Builder
	if w := e.Where.String(); w != "" {
		b.WriteString(w + ": ")
	}
	b.WriteString(e.Construct)
	if e.Script != "" {
		b.WriteString(" in " + e.Script)
	}
	b.WriteString(": " + e.Reason)
	return b.String()
}

// Hint says what would do the step.
func (e *RefusedError) Hint() string { return e.Way }

// Named is a runner under the name that --run and messages use for it.
type Named struct {
	Name   string
	Runner Runner
}

// Router gives each step to the first of its runners that does not refuse it.
// The zero value has no runners and refuses everything.
type Router struct {
	Runners []Named
}

// Check implements [Checker]: it refuses a step that every runner refuses.
func (r Router) Check(ctx context.Context, s Step) error {
	_, err := r.route(ctx, s)
	return err
}

// Run implements [Runner].
//
// Runners refuse by themselves what they cannot do, so that the last one that is
// left is not asked before.
func (r Router) Run(ctx context.Context, s Step) (Result, error) {
	from := r.Runners
	for {
		if len(from) == 1 {
			return from[0].Runner.Run(ctx, s)
		}
		next, err := Router{Runners: from}.route(ctx, s)
		if err != nil {
			return Result{}, err
		}
		res, err := from[next].Runner.Run(ctx, s)
		var refused *RefusedError
		if !errors.As(err, &refused) || next+1 == len(from) {
			return res, err
		}
		from = from[next+1:]
	}
}

// route returns the index of the first runner that accepts the step.
func (r Router) route(ctx context.Context, s Step) (int, error) {
	var last *RefusedError
	for i, n := range r.Runners {
		c, ok := n.Runner.(Checker)
		if !ok {
			return i, nil
		}
		err := c.Check(ctx, s)
		if err == nil {
			return i, nil
		}
		if !errors.As(err, &last) {
			return 0, fmt.Errorf("asking %s about the step: %w", n.Name, err)
		}
	}
	if last != nil {
		return 0, last
	}
	return 0, Unrouted(s)
}

// Unrouted is the refusal of a step that nobody is there for.
func Unrouted(s Step) error {
	what := "RUN"
	if len(s.Args) > 0 {
		what = "RUN with " + s.Args[0]
	}
	e := &RefusedError{
		Where:     s.Where,
		Construct: what,
		Reason:    "casement cannot execute commands in " + systemName(s.Root.OS) + " stages yet",
	}
	switch {
	case s.Root.OS != "windows" && len(s.Args) > 0 && isWindowsShell(s.Args[0]):
		e.Way = "if the stage is for Windows, build with --platform windows/amd64: FROM scratch is for Linux without it"
	case s.Root.OS == "windows":
		e.Way = "run this step on a Windows machine (docker build there), or produce its files before the build and COPY them in"
	default:
		e.Way = "build this stage with docker buildx, then hand its result over with --build-context NAME=docker-image://REF and COPY --from=NAME"
	}
	return e
}

// isWindowsShell reports whether a program is a shell that stages for Linux do not
// have, or hardly ever.
func isWindowsShell(program string) bool {
	name := strings.ToLower(program[strings.LastIndexAny(program, `\/`)+1:])
	switch strings.TrimSuffix(name, ".exe") {
	case "cmd", "powershell":
		return true
	}
	return strings.HasSuffix(name, ".exe")
}

func systemName(os string) string {
	switch os {
	case "windows":
		return "Windows"
	case "linux":
		return "Linux"
	}
	return "scratch"
}
