package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"

	"github.com/casement/casement/internal/build"
	"github.com/casement/casement/internal/progress"
	"github.com/casement/casement/internal/run"
)

// tryFlags are the flags of casement try.
type tryFlags struct {
	registryFlags
	build.TryRequest
	platforms []string
	json      bool
}

func newTry(env *environment) *cobra.Command {
	var f tryFlags
	cmd := &cobra.Command{
		Use:   "try [flags] LINE",
		Short: "Run one line as RUN would, and show what it does",
		Long: `Run one line exactly as RUN would in a Windows stage: on an empty machine that
has the standard directories of Windows, or on a base image.

LINE is the text of RUN; - reads it from standard input. As in a Dockerfile, the
words of the shell and LINE become one Windows command line, which the shell
takes apart again: PowerShell does not see double quotes that are not written \",
and blanks outside of them become one. With --script, LINE is the text that the
shell itself parses, with no command line in between.

What the line prints and its exit code are those of casement. With --json, one
object is printed instead:
  exitCode, stdout, stderr
  changes   of drive C: path, change (add, modify, remove), type (file, dir,
            link), size
            (what a base has that the line has not read counts as not there)
  env       variables that were set for the machine
  registry  key, name, type, value, change (set, delete)
  refused   null, or line, column, construct and reason of what cannot be done,
            and script (file and line) if it is in a script

A line that cannot be done right is refused before it starts; casement then
exits with 3. What is likely not meant as it is written is warned of on standard
error.`,
		Example: `  casement try 'mkdir C:\app && echo hello>C:\app\a.txt && type C:\app\a.txt'
  casement try --shell powershell "Get-ChildItem C:\ | Select-Object -ExpandProperty Name"
  casement try --shell pwsh --script --json - <install.ps1
  casement try --base mcr.microsoft.com/windows/nanoserver:ltsc2022 --user ContainerUser 'echo x>C:\x'
  casement try --base app.tar 'dir C:\app'
  casement try --seed . --export out 'copy C:\a.txt C:\b.txt'`,
		Args: exactArgs(1, "a LINE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runTry(cmd.Context(), env, &f, args[0])
		},
	}
	fl := cmd.Flags()
	fl.StringVar(&f.Shell, "shell", "", "`shell` of the line: cmd, powershell or pwsh (default the base's SHELL, else cmd)")
	fl.StringVar(&f.Base, "base", "", "`image` to start from: REF, oci:DIR[:TAG] or a tar, as casement inspect has it (default an empty machine)")
	fl.StringSliceVar(&f.platforms, "platform", nil, "`platform` of the base, if it has several")
	fl.StringVar(&f.Seed, "seed", "", "`directory` that is copied to C:\\ first")
	fl.StringVar(&f.Export, "export", "", "`directory` that receives every file that the line adds or changes")
	fl.StringArrayVar(&f.Env, "env", nil, "`NAME=VALUE` for the environment (may be repeated)")
	fl.StringVar(&f.User, "user", "", "`account` to run as (default the base's, else ContainerAdministrator)")
	fl.StringVar(&f.Dir, "workdir", "", "`path` of the current directory (default the base's, else C:\\)")
	fl.StringVar(&f.Network, "network", "", "`mode` of the network: default or none")
	fl.BoolVar(&f.Script, "script", false, "LINE is the text that the shell itself parses")
	fl.BoolVar(&f.json, "json", false, "print one JSON object")
	f.registryFlags.add(cmd)
	completeFlag(cmd, "shell", "cmd", "powershell", "pwsh")
	return cmd
}

// exitStatus is the exit code of a line that casement passes on.
type exitStatus int

// Error says what the code is.
func (e exitStatus) Error() string { return fmt.Sprintf("the line exited with code %d", int(e)) }

// code is the status as far as the system can have it: one that would look like
// success is 1.
func (e exitStatus) code() int {
	if int(e)&0xff == 0 {
		return exitFailed
	}
	return int(e) & 0xff
}

// triedJSON is what try --json prints.
type triedJSON struct {
	ExitCode int                 `json:"exitCode"`
	Stdout   string              `json:"stdout"`
	Stderr   string              `json:"stderr"`
	Changes  []build.TriedChange `json:"changes"`
	Env      map[string]string   `json:"env"`
	Registry []registryJSON      `json:"registry"`
	Refused  *refusedJSON        `json:"refused"`
}

type registryJSON struct {
	Key    string `json:"key"`
	Name   string `json:"name"`
	Type   string `json:"type"`
	Value  string `json:"value"`
	Change string `json:"change"`
}

type refusedJSON struct {
	Line      int    `json:"line"`
	Column    int    `json:"column"`
	Script    string `json:"script,omitempty"`
	Construct string `json:"construct"`
	Reason    string `json:"reason"`
	Hint      string `json:"hint,omitempty"`
}

// describeRefusal is a refusal as JSON has it. One of a line as a whole is at its
// beginning.
func describeRefusal(r *run.RefusedError) *refusedJSON {
	return &refusedJSON{Line: max(r.Line, 1), Column: max(r.Column, 1), Script: r.Script, Construct: r.Construct, Reason: r.Reason, Hint: r.Way}
}

func runTry(ctx context.Context, env *environment, f *tryFlags, line string) error {
	req := f.TryRequest
	if line == "-" {
		b, err := io.ReadAll(env.stdin)
		if err != nil {
			return fmt.Errorf("reading the line from standard input: %w", err)
		}
		// Scripts of Windows often begin with a mark that says how they are encoded.
		if b, _, err = transform.Bytes(unicode.BOMOverride(transform.Nop), b); err != nil {
			return fmt.Errorf("reading the line from standard input: %w", err)
		}
		line = strings.TrimRight(string(b), "\r\n")
	}
	req.Line = line
	if err := f.check(&req); err != nil {
		return err
	}
	flags := buildFlags{registryFlags: f.registryFlags, progress: string(progress.Quiet)}
	tools, done, err := flags.tools(ctx, env)
	if err != nil {
		return err
	}
	defer done()
	var stdout, stderr bytes.Buffer
	req.Stdout, req.Stderr = env.stdout, env.stderr
	req.Warn = warnOnce(env.stderr)
	if f.json {
		req.Stdout, req.Stderr = &stdout, &stderr
	}
	tried, err := build.Try(ctx, req, tools)
	if f.json {
		if err := printTried(env.stdout, tried, err, stdout.String(), stderr.String()); err != nil {
			return err
		}
	}
	switch {
	case err != nil && f.json && build.Refused(err) != nil:
		return exitStatus(exitMissing)
	case err != nil:
		return err
	case tried.ExitCode != 0:
		return exitStatus(tried.ExitCode)
	}
	return nil
}

// warnOnce prints warnings, each once.
func warnOnce(w io.Writer) func(run.Warning) {
	said := map[run.Warning]bool{}
	return func(x run.Warning) {
		if !said[x] {
			said[x] = true
			fmt.Fprintf(w, "warning: %s\nhint: %s\n", oneLine(x.Message), oneLine(x.Hint))
		}
	}
}

// check finds what is wrong with the flags.
func (f *tryFlags) check(req *build.TryRequest) error {
	for _, kv := range req.Env {
		if name, _, ok := strings.Cut(kv, "="); !ok || name == "" {
			return &usageError{fmt.Errorf("--env %q is not NAME=VALUE", kv), "for example --env MODE=test"}
		}
	}
	switch req.Network {
	case "", "default", "none":
	default:
		return &usageError{fmt.Errorf("network %q is not known", req.Network), "modes are default and none"}
	}
	ps, err := parsePlatforms(f.platforms)
	if err != nil {
		return err
	}
	if len(ps) > 1 {
		return &usageError{errors.New("a line runs on one platform"), "give --platform once"}
	}
	if len(ps) == 1 {
		req.Platform = ps[0]
	}
	return nil
}

// printTried prints the object of a line that ran or was refused. Other errors
// are not its.
func printTried(w io.Writer, t *build.Tried, err error, stdout, stderr string) error {
	out := triedJSON{Stdout: stdout, Stderr: stderr, Changes: []build.TriedChange{}, Env: map[string]string{}, Registry: []registryJSON{}}
	if err != nil {
		r := build.Refused(err)
		if r == nil {
			return nil // printed as an error
		}
		out.ExitCode = exitMissing
		out.Refused = describeRefusal(r)
		out.Refused.Hint = "" // it is for people
		return printJSON(w, out)
	}
	out.ExitCode, out.Changes, out.Env = t.ExitCode, t.Changes, t.Env
	for _, c := range t.Registry {
		change := "set"
		if c.Delete {
			change = "delete"
		}
		out.Registry = append(out.Registry, registryJSON{Key: c.Key, Name: c.Name, Type: c.Type, Value: c.Value, Change: change})
	}
	return printJSON(w, out)
}

// exitOf returns the status that an error passes on.
func exitOf(err error) (int, bool) {
	var status exitStatus
	if errors.As(err, &status) {
		return status.code(), true
	}
	return 0, false
}
