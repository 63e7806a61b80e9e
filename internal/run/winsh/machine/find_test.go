package machine_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"github.com/casement/casement/internal/run"
	"github.com/casement/casement/internal/run/winsh/machine"
)

// echo is a program that prints its arguments.
type echo struct{}

func (echo) Check(_ context.Context, _ *machine.Checking, args []machine.Arg) error {
	if len(args) > 0 && args[0].Text == "/refused" {
		return machine.Refuse("echo /refused", "it is refused", "leave it out")
	}
	return nil
}

func (echo) Run(ctx context.Context, p *machine.Process) (int, error) {
	fmt.Fprint(p.Stdout, strings.Join(p.Args[1:], "|"))
	if len(p.Args) > 1 && p.Args[1] == "again" {
		c := p.Child(p.CommandLine)
		f, err := p.Machine.Find(ctx, p.Args[0], c.Env, c.Dir, true)
		if err != nil {
			return 1, err
		}
		return p.Machine.Start(ctx, f, c)
	}
	return 7, nil
}

func table() map[string]machine.Program {
	t := map[string]machine.Program{}
	for _, name := range []string{"cmd", "powershell", "pwsh", "xcopy", "curl", "chcp", "reg"} {
		t[name] = echo{}
	}
	return t
}

// Which program a name leads to decides what a line does.
func TestFind(t *testing.T) {
	base, asked := seal(layer("Windows/", "Windows/System32/", "Windows/System32/cmd.exe=MZ", "Program Files/", "Program Files/nodejs/",
		"Program Files/nodejs/npm.cmd=@x", "Program Files/nodejs/node.exe=MZ"))
	build := layer("tools/", "tools/build.cmd=@echo", "tools/curl.exe=MZ", "tools/run.ps1=x", "tools/both.exe=MZ", "tools/both.cmd=x", "tools/app.v2.exe=MZ", "src/", "src/xcopy.bat=x")
	const front, behind = `PATH=C:\tools;C:\Windows\system32;C:\Windows;C:\Program Files\nodejs`, `PATH="C:\Windows\System32\";;C:\Windows\System32\WindowsPowerShell\v1.0\;C:\tools`
	for _, tt := range []struct {
		name, path, want string
		reads            bool
	}{
		{"cmd", front, `cmd C:\Windows\System32\cmd.exe`, false},
		{"CMD.EXE", front, `cmd C:\Windows\System32\cmd.exe`, false},
		{`"cmd"`, front, `cmd C:\Windows\System32\cmd.exe`, false},
		{`c:\windows\system32\CMD`, front, `cmd C:\Windows\System32\cmd.exe`, false},
		{`c:\windows\sysnative\cmd.exe`, front, `2`, true}, // only programs of 32 bits see it
		{`C:\Windows\SysWOW64\WindowsPowerShell\v1.0\powershell.exe`, front, `powershell C:\Windows\System32\WindowsPowerShell\v1.0\powershell.exe`, false},
		{"chcp", front, `chcp C:\Windows\System32\chcp.com`, false},
		{"chcp.com", front, `chcp C:\Windows\System32\chcp.com`, false},
		{"powershell", behind, `powershell C:\Windows\System32\WindowsPowerShell\v1.0\powershell.exe`, false},
		{"pwsh", front, `pwsh C:\Program Files\PowerShell\7\pwsh.exe`, false},
		{"curl", front, `C:\tools\curl.exe`, false},
		{"curl", behind, `curl C:\Windows\System32\curl.exe`, false},
		{"build", front, `C:\tools\build.cmd`, false},
		{"BUILD.CMD", front, `C:\tools\build.cmd`, false},
		{"both", front, `C:\tools\both.exe`, false},
		{"app.v2", front, `C:\tools\app.v2.exe`, false},
		{"run", front, `2`, true},
		{`\tools\build`, front, `C:\tools\build.cmd`, false},
		{`.\xcopy`, front, `C:\src\xcopy.bat`, false},
		{`xcopy`, front, `C:\src\xcopy.bat`, false},
		{`..\tools\run.ps1`, front, `C:\tools\run.ps1`, false},
		{"npm", front, `C:\Program Files\nodejs\npm.cmd`, true},
		{"node.exe", front, `C:\Program Files\nodejs\node.exe`, true},
		{"nothing", front, `2`, true},
		{`C:\tools\nothing`, front, `2`, true},
		{"", front, `2`, true},
		{"a*b", front, `2`, true},
	} {
		*asked = 0
		m := start(t, machine.Options{Root: windows(base, build), Programs: table()})
		got, err := m.Find(t.Context(), tt.name, machine.NewEnv([]string{tt.path}), `C:\src`, true)
		text := strings.TrimSpace(got.Name + " " + got.Path)
		if err != nil {
			text = fmt.Sprint(machine.CodeOf(err))
			if !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s: %v", tt.name, err)
			}
		}
		if text != tt.want || (got.Program != nil) != (got.Name != "") {
			t.Errorf("%s is %s, want %s", tt.name, text, tt.want)
		}
		if *asked > 0 && !tt.reads {
			t.Errorf("%s: the base was asked", tt.name)
		}
		*asked = 0
		m = start(t, machine.Options{Root: windows(base, build), Programs: table()})
		if _, err = m.FindKnown(t.Context(), tt.name, machine.NewEnv([]string{tt.path}), `C:\src`, true); *asked > 0 || err == nil && tt.reads {
			t.Errorf("%s: a check asked the base, %v", tt.name, err)
		}
	}
}

// Without the current directory, its programs are not found; what the step has
// written over a program of Windows is what it starts.
func TestFindStep(t *testing.T) {
	m := start(t, machine.Options{Root: windows(layer("src/", "src/x.cmd=x")), Programs: table()})
	env := m.Process("", `C:\`, nil, nil).Env
	if _, err := m.Find(t.Context(), "x", env, `C:\src`, false); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("found in the current directory: %v", err)
	}
	script(t, t.Context(), m.FS(), `write | C:\Windows\System32\reg.exe | MZ`)
	if f, err := m.Find(t.Context(), "reg", env, `C:\`, true); err != nil || f.Program != nil || f.Path != `C:\Windows\System32\reg.exe` {
		t.Errorf("%+v, %v", f, err)
	}
}

// Programs run with the rules of the C runtime; what they refuse, and programs
// of the image, end the step.
func TestStart(t *testing.T) {
	m := start(t, machine.Options{Root: windows(layer("x.exe=MZ")), Programs: table(), Limits: machine.Limits{Depth: 5}})
	run1 := func(line string) (string, int, error) {
		var out strings.Builder
		p := m.Process(line, `C:\`, &out, nil)
		f, err := m.Find(t.Context(), p.Args[0], p.Env, p.Dir, true)
		if err != nil {
			return "", 0, err
		}
		code, err := m.Start(t.Context(), f, p)
		return out.String(), code, err
	}
	if out, code, err := run1(`xcopy "a b" c\"d`); out != `a b|c"d` || code != 7 || err != nil {
		t.Errorf("%q, %d, %v", out, code, err)
	}
	var refused *run.RefusedError
	if _, _, err := run1(`xcopy /refused`); !errors.As(err, &refused) {
		t.Errorf("not refused: %v", err)
	}
	if _, _, err := run1(`x.exe a`); !errors.As(err, &refused) || refused.Construct != `C:\x.exe` || refused.Hint() == "" {
		t.Errorf("not refused: %v", err)
	}
	var limit *machine.LimitError
	if out, _, err := run1(`xcopy again`); !errors.As(err, &limit) || strings.Count(out, "again") != 6 {
		t.Errorf("no end of nesting: %q, %v", out, err)
	}
}

// A step that prints or repeats without end must end.
func TestLimits(t *testing.T) {
	m := start(t, machine.Options{Limits: machine.Limits{Output: 10, Steps: 100}})
	var out strings.Builder
	p := m.Process("x", `C:\`, &out, &out)
	if _, err := fmt.Fprint(p.Stdout, "12345"); err != nil {
		t.Error(err)
	}
	if _, err := fmt.Fprint(p.Stderr, "123456"); err == nil {
		t.Error("printed more than the limit")
	}
	if err := m.Tick(t.Context()); err == nil || out.String() != "12345" {
		t.Errorf("the step goes on: %v, %q", err, &out)
	}
	m = start(t, machine.Options{Limits: machine.Limits{Steps: 100}})
	for range 100 {
		if err := m.Tick(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if err := m.Tick(t.Context()); err == nil {
		t.Error("no end of steps")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	m = start(t, machine.Options{})
	var err error
	for range 100 {
		err = errors.Join(err, m.Tick(ctx))
	}
	if !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled step goes on: %v", err)
	}
	if got := m.Limits(); got.Depth != 200 || got.Output != 64<<20 {
		t.Errorf("limits %+v", got)
	}
}
