// Command casement builds Windows container images, and Linux ones, from
// Dockerfiles, on any system: without Windows, Docker, a daemon, root, or the
// layers of base images.
//
// Each command has a file: flags become a request, one call does the work, and
// the result is printed. What is the same for all commands is here: streams,
// errors and exit codes.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unicode"

	"github.com/spf13/cobra"

	"github.com/casement/casement/internal/build"
	"github.com/casement/casement/internal/registry"
	"github.com/casement/casement/internal/run"
	"github.com/casement/casement/internal/store"
)

// Exit codes. They are part of the interface: doc/cli says what they mean.
const (
	exitOK          = 0
	exitFailed      = 1
	exitUsage       = 2
	exitMissing     = 3   // a step needs something that is not there
	exitInterrupted = 130 // Ctrl-C
)

func main() {
	// A build lives for seconds and makes many small values that all stay: fewer
	// collections save a tenth of a short build, for a tenth more memory.
	debug.SetGCPercent(200)
	os.Exit(mainExit(context.Background(), environment{
		args: os.Args[1:], stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, lookupenv: os.LookupEnv,
	}))
}

// environment is what a process gets from outside.
type environment struct {
	args           []string
	stdin          io.Reader
	stdout, stderr io.Writer
	lookupenv      func(string) (string, bool)
	// backoff is the first wait before a request to a registry is repeated;
	// zero is the usual one.
	backoff time.Duration
}

// getenv returns the value of a variable; "" if it is not set.
func (e *environment) getenv(name string) string {
	value, _ := e.lookupenv(name)
	return value
}

// mainExit runs the program and returns its exit code. The first interrupt
// cancels the context, a second one ends the process.
func mainExit(ctx context.Context, env environment) int {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	// Not stopped before the process ends: an interrupt that comes after the
	// work is done must not turn success into death by a signal.
	context.AfterFunc(ctx, stop)
	root := newRoot(&env)
	root.SetArgs(env.args)
	root.SetIn(env.stdin)
	root.SetOut(env.stdout)
	root.SetErr(env.stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	if code, ok := exitOf(err); ok {
		return code // the line has said what there is to say
	}
	code := exitCode(ctx, err)
	printError(env.stderr, err, code)
	return code
}

// newRoot returns the command line.
func newRoot(env *environment) *cobra.Command {
	root := &cobra.Command{
		Use:   "casement",
		Short: "Build Windows container images anywhere",
		Long: `casement builds Windows container images, and Linux ones, from Dockerfiles on any
system: without Windows, Docker, a daemon or root, and without downloading the
layers of base images.

Exit codes: 0 done, 1 the command failed, 2 wrong usage, 3 a step of the build
needs something that is not there, 130 interrupted.`,
		SilenceErrors: true,
		SilenceUsage:  true,
		// Without it only names that begin alike are suggested.
		SuggestionsMinimumDistance: 2,
		Args:                       noArgs,
		RunE:                       func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.Version = buildVersion()
	root.SetVersionTemplate("casement {{.Version}}\n")
	root.SetFlagErrorFunc(flagError)
	if n, ok := terminalWidth(env.stdout); ok && n > 0 {
		// Descriptions of flags continue in their column.
		root.SetUsageTemplate(strings.ReplaceAll(root.UsageTemplate(), ".FlagUsages ", fmt.Sprintf(".FlagUsagesWrapped %d ", n)))
	}
	root.AddCommand(newBuild(env), newPlan(env), newTry(env), newInspect(env), newDu(env), newPrune(env), newVersion(env), newCompletion(env))
	return root
}

// usageError is wrong usage that the command line finds.
type usageError struct {
	err  error
	hint string
}

// Error implements error.
func (e *usageError) Error() string { return e.err.Error() }

// Hint says where to read on.
func (e *usageError) Hint() string { return e.hint }

// noArgs refuses arguments: for a command that has commands, they are unknown
// commands.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	hint := "see " + cmd.CommandPath() + " --help"
	if s := cmd.SuggestionsFor(args[0]); len(s) > 0 {
		hint = "did you mean " + strings.Join(s, " or ") + "?"
	}
	if cmd.HasSubCommands() {
		return &usageError{fmt.Errorf("%s has no command %q", cmd.CommandPath(), args[0]), hint}
	}
	return &usageError{fmt.Errorf("%s takes no arguments, and got %q", cmd.CommandPath(), args[0]), hint}
}

// exactArgs wants n arguments, which what names.
func exactArgs(n int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == n {
			return nil
		}
		hint := "see " + cmd.CommandPath() + " --help"
		if len(args) == 0 && (cmd.Name() == "build" || cmd.Name() == "plan") {
			hint = "the last argument is the directory to build from: . is the current one"
		}
		if len(args) > n && cmd.Name() == "try" {
			hint = "put quotes around the line, so that your shell takes it for one argument"
		}
		return &usageError{fmt.Errorf("%s wants %s, and got %d arguments", cmd.CommandPath(), what, len(args)), hint}
	}
}

// exitCode is the one place that says which error means which code.
func exitCode(ctx context.Context, err error) int {
	var (
		usage      *usageError
		buildUsage *build.UsageError
		refused    *run.RefusedError
		tool       interface{ MissingTool() string }
	)
	switch {
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		return exitInterrupted
	case errors.As(err, &usage), errors.As(err, &buildUsage):
		return exitUsage
	case errors.As(err, &refused), errors.As(err, &tool):
		return exitMissing
	}
	return exitFailed
}

// printError prints an error as one line, the lines of the Dockerfile that it
// is about, and a hint.
func printError(w io.Writer, err error, code int) {
	if code == exitInterrupted {
		fmt.Fprintln(w, "casement: interrupted")
		return
	}
	fmt.Fprintf(w, "error: %s\n", oneLine(err.Error()))
	var excerpt interface{ Excerpt() string }
	if errors.As(err, &excerpt) {
		for line := range strings.Lines(excerpt.Excerpt()) {
			line = strings.ReplaceAll(strings.TrimRight(line, "\r\n"), "\t", "    ")
			fmt.Fprintf(w, "  %s\n", printable(line)) // Dockerfiles of others can have anything in them
		}
	}
	var hint interface{ Hint() string }
	if errors.As(err, &hint) && hint.Hint() != "" {
		fmt.Fprintf(w, "hint: %s\n", oneLine(hint.Hint()))
	}
}

// oneLine joins the lines of a message, and shows what would control the
// terminal: names of files can have anything in them.
func oneLine(s string) string {
	s = strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r == '\n' || r == '\r' }), "; ")
	if strings.IndexFunc(s, unicode.IsControl) < 0 {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if unicode.IsControl(r) {
			b.WriteString(strings.Trim(strconv.QuoteRune(r), "'"))
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// openStore opens the cache of the user.
func openStore(env *environment) (*store.Store, error) {
	dir, err := store.DefaultDir(env.getenv)
	if err != nil {
		return nil, err
	}
	return store.Open(dir, store.Options{})
}

// registryFlags are the flags of every command that speaks to registries.
type registryFlags struct {
	plainHTTP, insecure, cacerts []string
}

func (f *registryFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringSliceVar(&f.plainHTTP, "plain-http", nil, "`registry` (host[:port]) to speak to without TLS; loopback addresses need no flag")
	cmd.Flags().StringSliceVar(&f.insecure, "insecure", nil, "`registry` (host[:port]) whose certificate is not checked")
	cmd.Flags().StringSliceVar(&f.cacerts, "cacert", nil, "`file` with certificates (PEM) to trust besides the system's")
}

func (f *registryFlags) client(env *environment, st *store.Store, observe func(registry.Transfer)) (*registry.Client, error) {
	return registry.New(registry.Options{
		PlainHTTP: f.plainHTTP, Insecure: f.insecure, CACerts: f.cacerts,
		UserAgent: "casement/" + version(), Observe: observe, Store: st, Backoff: env.backoff,
	})
}
