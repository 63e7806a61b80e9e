package cmdsh_test

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"strings"
	"testing"
	"time"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/casement/casement/internal/run"
	"github.com/casement/casement/internal/run/winsh/cmdsh"
	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/tree"
)

// clock is when the tests run.
func clock() time.Time { return time.Date(2026, 3, 4, 5, 6, 7, 80_000_000, time.UTC) }

// box is a machine whose command lines are executed in C:\w.
type box struct {
	t   testing.TB
	m   *machine.Machine
	env *machine.Env
	// page is the console's code page, and stdin what the next line reads.
	page     int
	stdin    string
	terminal bool
}

// newBox makes a machine with files: `C:\w\a.txt=text`, or `C:\w\dir\` for a
// directory.
func newBox(t testing.TB, files ...string) *box {
	t.Helper()
	return newBoxOf(t, nil, files...)
}

func newBoxOf(t testing.TB, programs map[string]machine.Program, files ...string) *box {
	t.Helper()
	all := map[string]machine.Program{"cmd": cmdsh.Program(), "args": argsProgram{}, "code": codeProgram{}}
	maps.Copy(all, programs)
	m, err := machine.New(machine.Options{
		Root: tree.NewChain(ocispec.Platform{OS: "windows", Architecture: "amd64", OSVersion: "10.0.20348.2700"}),
		Now:  clock, Programs: all,
	})
	if err != nil {
		t.Fatal(err)
	}
	b := &box{t: t, m: m, env: m.Process("", `C:\`, nil, nil).Env}
	for _, f := range append([]string{`C:\w\`}, files...) {
		b.put(f)
	}
	return b
}

// put makes a file or directory.
func (b *box) put(f string) {
	b.t.Helper()
	ctx := b.t.Context()
	path, text, isFile := strings.Cut(f, "=")
	dir := strings.TrimSuffix(path, `\`)
	if isFile {
		dir = path[:strings.LastIndexByte(path, '\\')]
	}
	if err := b.m.FS().MkdirAll(ctx, dir); err != nil {
		b.t.Fatal(err)
	}
	if isFile {
		if err := b.m.FS().WriteFile(ctx, path, []byte(text)); err != nil {
			b.t.Fatal(err)
		}
	}
}

// read returns a file's content, "(none)" if there is no such file.
func (b *box) read(path string) string {
	b.t.Helper()
	data, err := b.m.FS().ReadFile(b.t.Context(), path, 1<<20)
	if machine.CodeOf(err) != 0 {
		return "(none)"
	}
	if err != nil {
		b.t.Fatal(err)
	}
	return string(data)
}

// result is what a command line did.
type result struct {
	Out, Err string
	Code     int
	Refused  string // the construct
}

// run executes a whole command line ("cmd /c …").
func (b *box) run(line string) result {
	b.t.Helper()
	var out, errout bytes.Buffer
	p := b.m.Process(line, `C:\w`, &out, &errout)
	p.Env, p.CodePage, p.Stdin, p.Terminal = b.env.Clone(), b.page, strings.NewReader(b.stdin), b.terminal
	ctx, cancel := context.WithTimeout(b.t.Context(), 30*time.Second)
	defer cancel()
	found, err := b.m.Find(ctx, p.Args[0], p.Env, p.Dir, true)
	if err != nil {
		b.t.Fatal(err)
	}
	code, err := b.m.Start(ctx, found, p)
	r := result{Out: lines(out.String()), Err: lines(errout.String()), Code: code}
	var refused *run.RefusedError
	if errors.As(err, &refused) {
		r.Refused = refused.Construct
	} else if err != nil {
		b.t.Fatalf("%s: %v", line, err)
	}
	return r
}

// fails executes a whole command line with small limits, and returns the error
// that ends the step.
func (b *box) fails(line string) error {
	b.t.Helper()
	m, err := machine.New(machine.Options{
		Root: b.m.Root(), Now: clock, Programs: map[string]machine.Program{"cmd": cmdsh.Program()},
		Limits: machine.Limits{Steps: 100_000, Output: 10_000, Depth: 60},
	})
	if err != nil {
		b.t.Fatal(err)
	}
	files, err := b.m.FS().ReadDir(b.t.Context(), `C:\w`)
	if err != nil {
		b.t.Fatal(err)
	}
	small := &box{t: b.t, m: m}
	small.put(`C:\w\`)
	for _, f := range files {
		small.put(f.Path + "=" + b.read(f.Path))
	}
	p := m.Process(line, `C:\w`, nil, nil)
	found, err := m.Find(b.t.Context(), p.Args[0], p.Env, p.Dir, true)
	if err != nil {
		b.t.Fatal(err)
	}
	_, err = m.Start(b.t.Context(), found, p)
	return err
}

// c executes text as RUN does.
func (b *box) c(text string) result {
	b.t.Helper()
	return b.run("cmd /s /c " + text)
}

// batch executes a batch file with the text, its lines ended as Windows ends
// them. ECHO is off.
func (b *box) batch(text string, args ...string) result {
	b.t.Helper()
	b.put(`C:\w\test.cmd=` + strings.ReplaceAll("@echo off\n"+text, "\n", "\r\n"))
	return b.run("cmd /c test.cmd " + strings.Join(args, " "))
}

// lines makes line ends readable, and shows those that are not Windows'.
func lines(s string) string {
	s = strings.ReplaceAll(s, "\n", "<LF>\n")
	return strings.ReplaceAll(s, "\r<LF>\n", "\n")
}

// argsProgram prints its command line and its arguments.
type argsProgram struct{}

func (argsProgram) Check(context.Context, *machine.Checking, []machine.Arg) error { return nil }

func (argsProgram) Run(_ context.Context, p *machine.Process) (int, error) {
	var b strings.Builder
	b.WriteString(p.CommandLine + "\r\n")
	for _, a := range p.Args[1:] {
		b.WriteString("[" + a + "]")
	}
	b.WriteString("\r\n")
	_, err := p.Stdout.Write([]byte(b.String()))
	return 0, err
}

// codeProgram ends with the code that it is given, and refuses "never".
type codeProgram struct{}

func (codeProgram) Check(_ context.Context, _ *machine.Checking, args []machine.Arg) error {
	for _, a := range args {
		if a.Text == "never" {
			return machine.Refuse("code never", "it is not done", "write a number")
		}
	}
	return nil
}

func (codeProgram) Run(_ context.Context, p *machine.Process) (int, error) {
	n := 0
	for _, c := range p.Args[1] {
		n = n*10 + int(c-'0')
	}
	return n, nil
}

// exportProgram is a batch file in truth: it sets a variable of its shell.
type exportProgram struct{}

func (exportProgram) Check(context.Context, *machine.Checking, []machine.Arg) error { return nil }

func (exportProgram) Run(_ context.Context, p *machine.Process) (int, error) {
	p.Export = p.Env.Clone()
	p.Export.Set("x", "1")
	return 0, nil
}

// seeing keeps what it is checked with.
type seeing struct {
	argsProgram
	last, dirs string
}

func (s *seeing) Check(_ context.Context, c *machine.Checking, args []machine.Arg) error {
	s.last = c.Raw + " "
	for _, a := range args {
		s.last += "[" + a.Text
		if a.Unknown {
			s.last += "?"
		}
		s.last += "]"
	}
	s.dirs += c.Dir + ";"
	return nil
}
