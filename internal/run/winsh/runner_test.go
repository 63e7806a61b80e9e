package winsh_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/casement/casement/internal/run"
	"github.com/casement/casement/internal/run/runtest"
	"github.com/casement/casement/internal/run/winsh"
	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/store"
	"github.com/casement/casement/internal/tree"
)

// windowsPath is a tree name as commands write it.
func windowsPath(name string) string { return `C:\` + strings.ReplaceAll(name, "/", `\`) }

// cmdSubject is the runner as cmd's lines use it.
func cmdSubject(r run.Runner) runtest.Subject {
	cmd := func(format string, args ...any) []string {
		return []string{"cmd", "/S", "/C", fmt.Sprintf(format, args...)}
	}
	return runtest.Subject{
		Runner: r, OS: "windows",
		Write:   func(path, text string) []string { return cmd("echo %s>%s", text, windowsPath(path)) },
		Remove:  func(path string) []string { return cmd("del %s", windowsPath(path)) },
		Print:   func(variable string) []string { return cmd("echo %%%s%%", variable) },
		Here:    func(file, text string) []string { return cmd("echo %s>%s", text, file) },
		Exit:    func(code int) []string { return cmd("exit %d", code) },
		Nothing: func() []string { return cmd("rem") },
		Wait:    func() []string { return cmd("for /l %%i in (0,0,1) do @rem") },
		Refused: func() []string { return cmd("echo x>C:\\data\\x & dism /online") },
	}
}

// powershellSubject is the runner as lines of powershell or pwsh use it.
func powershellSubject(r run.Runner, name string) runtest.Subject {
	ps := func(format string, args ...any) []string {
		return []string{name, "-Command", fmt.Sprintf(format, args...)}
	}
	return runtest.Subject{
		Runner: r, OS: "windows",
		Write: func(path, text string) []string {
			return ps("Set-Content -Path %s -Value '%s'", windowsPath(path), text)
		},
		Remove:  func(path string) []string { return ps("Remove-Item %s", windowsPath(path)) },
		Print:   func(variable string) []string { return ps("$env:%s", variable) },
		Here:    func(file, text string) []string { return ps("Set-Content %s '%s'", file, text) },
		Exit:    func(code int) []string { return ps("exit %d", code) },
		Nothing: func() []string { return ps("$null") },
		Wait:    func() []string { return ps("Start-Sleep 3600") },
		Refused: func() []string { return ps("Set-Content C:/data/x x; Add-WindowsFeature Web-Server") },
	}
}

// Broken if it fails: the runner does not keep the contract of runners, with or
// without a store.
func TestContract(t *testing.T) {
	st, err := store.Open(t.TempDir(), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	for name, r := range map[string]run.Runner{"memory": winsh.New(winsh.Options{}), "store": winsh.New(winsh.Options{Store: st})} {
		t.Run(name+" cmd", func(t *testing.T) { runtest.Test(t, cmdSubject(r)) })
		t.Run(name+" powershell", func(t *testing.T) { runtest.Test(t, powershellSubject(r, "powershell")) })
		t.Run(name+" pwsh", func(t *testing.T) { runtest.Test(t, powershellSubject(r, "pwsh")) })
	}
}

// programs runs a program of the image that writes its arguments into a file.
type programs struct{}

func (programs) Check(context.Context, string, []machine.Arg) error { return nil }

func (programs) Run(ctx context.Context, path string, p *machine.Process) (int, error) {
	_, _ = fmt.Fprintf(p.Stdout, "%s in %s\r\n", path, p.Dir)
	return len(p.Args), p.Machine.FS().WriteFile(ctx, `C:\args.txt`, []byte(strings.Join(p.Args[1:], "|")))
}

// broken breaks over what it is asked.
type broken struct{ programs }

func (broken) Run(_ context.Context, _ string, p *machine.Process) (int, error) {
	return len(p.Args[len(p.Args)+1]), nil
}

// Broken if it fails: a fault in an interpreter ends the whole build, says
// nothing of the step, or shows a secret of it.
func TestFaultOfCasement(t *testing.T) {
	exe := &tree.Entry{Name: "app/tool.exe", Kind: tree.File, Size: 2, Content: tree.Bytes("MZ")}
	root := tree.NewChain(ocispec.Platform{OS: "windows", Architecture: "amd64"}, &tree.Layer{Changes: tree.NewSet([]tree.Change{{Entry: exe}})})
	step := run.Step{Args: []string{"cmd", "/S", "/C", `C:\app\tool`}, Root: root, Stdout: io.Discard, Stderr: io.Discard}
	_, err := winsh.New(winsh.Options{Programs: broken{}}).Run(t.Context(), step)
	var fault *winsh.FaultError
	if !errors.As(err, &fault) || !strings.Contains(fault.What, "out of range") || !strings.Contains(fault.At, "broken.Run (runner_test.go:") {
		t.Errorf("got %v", err)
	}
}

// Broken if it fails: programs of the image cannot be run by somebody else, or
// are not refused when there is nobody.
func TestProgramsOfTheImage(t *testing.T) {
	exe := &tree.Entry{Name: "app/tool.exe", Kind: tree.File, Size: 2, Content: tree.Bytes("MZ")}
	root := tree.NewChain(ocispec.Platform{OS: "windows", Architecture: "amd64"}, &tree.Layer{Changes: tree.NewSet([]tree.Change{{Entry: exe}})})
	var out strings.Builder
	step := run.Step{Args: []string{"cmd", "/S", "/C", `cd C:\app & tool a "b c" & echo %ERRORLEVEL%`}, Root: root, Stdout: &out, Stderr: io.Discard}
	if _, err := winsh.New(winsh.Options{}).Run(t.Context(), step); err == nil || !strings.Contains(err.Error(), `tool`) {
		t.Errorf("without anybody to run it: %v", err)
	}
	step.Args[3] = `cd C:\app & tool a "b c" & cmd /v:on /c echo !ERRORLEVEL!`
	res, err := winsh.New(winsh.Options{Programs: programs{}}).Run(t.Context(), step)
	if err != nil {
		t.Fatal(err)
	}
	b, err := tree.ReadFile(t.Context(), root.Push(res.Layer).View(), "args.txt", 100)
	if err != nil || string(b) != "a|b c" || !strings.Contains(out.String(), `C:\app\tool.exe in C:\app`) {
		t.Errorf("the program got %q, %v, and the step printed %q", b, err, out.String())
	}
}
