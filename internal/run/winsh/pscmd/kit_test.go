package pscmd

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/casement/casement/internal/run"
	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/run/winsh/ps"
	"github.com/casement/casement/internal/tree"
	"github.com/google/go-cmp/cmp"
)

// outcome is what a script did.
type outcome struct {
	Out, Err string
	Code     int
	// Refused is the construct and the reason of a refusal.
	Refused string
}

// testEngine is the engine with this package's cmdlets, made once.
func testEngine() *ps.Engine {
	return ps.New(ps.Config{Cmdlets: All(), Types: Types(), Refused: Refused, Assemblies: Assemblies()})
}

// lab is a machine for scripts.
type lab struct {
	t      testing.TB
	m      *machine.Machine
	engine *ps.Engine
}

func newLab(t testing.TB, network machine.Network) *lab {
	t.Helper()
	l := &lab{t: t, engine: testEngine()}
	programs := l.engine.Programs()
	programs["args"] = argsProgram{}
	m, err := machine.New(machine.Options{
		Root:     tree.Chain{OS: "windows"},
		Programs: programs,
		Network:  network,
		Now:      func() time.Time { return time.Date(2025, 11, 25, 18, 4, 5, 0, time.UTC) },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	l.m = m
	return l
}

// run runs a script as -Command does, in C:\w.
func (l *lab) run(program, script string) outcome {
	l.t.Helper()
	ctx := context.Background()
	if err := l.m.FS().MkdirAll(ctx, `C:\w`); err != nil {
		l.t.Fatal(err)
	}
	line := program + " -Command " + machine.QuoteArg(script)
	var stdout, stderr bytes.Buffer
	p := l.m.Process(line, `C:\w`, &stdout, &stderr)
	found, err := l.m.Find(ctx, program, p.Env, p.Dir, false)
	if err != nil {
		l.t.Fatal(err)
	}
	args := []machine.Arg{{Text: "-Command"}, {Text: script}}
	o := outcome{}
	err = found.Program.Check(ctx, &machine.Checking{Machine: l.m, Env: p.Env, Dir: p.Dir, Raw: line}, args)
	if err == nil {
		o.Code, err = l.m.Start(ctx, found, p)
	}
	o.Out = strings.ReplaceAll(stdout.String(), "\r\n", "\n")
	o.Err = strings.ReplaceAll(stderr.String(), "\r\n", "\n")
	var refused *run.RefusedError
	if errors.As(err, &refused) {
		o.Refused = refused.Construct + ": " + refused.Reason
	} else if err != nil {
		l.t.Fatalf("%s: %v", script, err)
	}
	return o
}

// argsProgram writes its arguments, a line each; "exit N" ends with a code.
type argsProgram struct{}

func (argsProgram) Check(context.Context, *machine.Checking, []machine.Arg) error { return nil }

func (argsProgram) Run(_ context.Context, p *machine.Process) (int, error) {
	args := p.Args[1:]
	if len(args) == 2 && args[0] == "exit" {
		return int(args[1][0] - '0'), nil
	}
	for _, a := range args {
		if _, err := p.Stdout.Write([]byte("<" + a + ">\r\n")); err != nil {
			return 1, err
		}
	}
	return 0, nil
}

// client is a network that reaches the test's own servers.
type client struct{ http.RoundTripper }

func (c client) Do(req *http.Request) (*http.Response, error) { return c.RoundTrip(req) }

// row is a script and what it does.
type row struct {
	name, text string
	// core runs it in PowerShell 7 instead of 5.1; both runs it in both.
	core, both bool
	// want are the lines of the output, without blank lines and blanks at the
	// ends of lines.
	want string
	// errs are the errors in their order: id, category and text.
	errs []string
	// files are contents of files afterwards, \n for CRLF; "<none>" is for no
	// such file.
	files map[string]string
	// refused is the beginning of the refusal.
	refused string
}

// rows runs scripts in labs of their own.
func rows(t *testing.T, network machine.Network, table []row) {
	t.Helper()
	for _, r := range table {
		if r.both {
			r.both = false
			r.runIn(t, network)
			r.core = true
			r.name += " (7)"
		}
		r.runIn(t, network)
	}
}

func (r row) runIn(t *testing.T, network machine.Network) {
	t.Helper()
	name := r.name
	if name == "" {
		name = r.text
	}
	t.Run(name, func(t *testing.T) {
		t.Helper()
		program := "powershell"
		if r.core {
			program = "pwsh"
		}
		l := newLab(t, network)
		const mark = "=== errors"
		o := l.run(program, "$ErrorActionPreference = 'SilentlyContinue'\n"+r.text+"\n'"+mark+"'\n"+
			`for ($i = $Error.Count - 1; $i -ge 0; $i--) { $e = $Error[$i]; [string]$e.FullyQualifiedErrorId + ' ' + $e.CategoryInfo.Category + ' ' + $e }`)
		if r.refused != "" || o.Refused != "" {
			if r.refused == "" || !strings.HasPrefix(o.Refused, r.refused) {
				t.Errorf("refused %q, want %q", o.Refused, r.refused)
			}
			return
		}
		out, errs, _ := strings.Cut(o.Out, mark)
		if d := cmp.Diff(lines(r.want), lines(out)); d != "" {
			t.Errorf("output (-want +got):\n%s%s", d, o.Err)
		}
		if d := cmp.Diff(lines(strings.Join(r.errs, "\n")), lines(errs)); d != "" {
			t.Errorf("errors (-want +got):\n%s", d)
		}
		for path, want := range r.files {
			got := "<none>"
			data, err := l.m.FS().ReadFile(t.Context(), path, 1<<20)
			if err == nil {
				got = strings.ReplaceAll(string(data), "\r\n", "\n")
			}
			if got != want {
				t.Errorf("%s has %q, want %q", path, got, want)
			}
		}
	})
}

// lines splits a text and leaves out blank lines and blanks at the ends.
func lines(text string) []string {
	var list []string
	for l := range strings.Lines(text) {
		if l = strings.TrimRight(l, " \r\n"); l != "" {
			list = append(list, l)
		}
	}
	return list
}
