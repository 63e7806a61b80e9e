package winsh_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/casement/casement/internal/run"
	"github.com/casement/casement/internal/run/winsh"
)

// Broken if it fails: who looks for what is refused does not find it, since it
// is in a script, or in one that another script calls.
func TestRefusedInScripts(t *testing.T) {
	scripts := map[string][]byte{
		"plain.cmd": []byte("@echo off\r\nset A=1\r\n\r\nmsiexec /i a.msi\r\n"),
		// What depends on a condition is looked at when it is reached.
		"late.cmd":   []byte("@echo off\r\nif exist C:\\ (\r\n  msiexec /i a.msi\r\n)\r\n"),
		"plain.ps1":  []byte("$a = 1\nfunction Install {\n  node --version\n}\nInstall\n"),
		"outer.ps1":  []byte("'outer'\n. C:\\plain.ps1\n"),
		"called.ps1": []byte("$program = 'no' + 'de'\n\n& $program --version\n"),
		"caller.cmd": []byte("@echo off\r\npowershell -File C:\\plain.ps1\r\n"),
	}
	for line, want := range map[string]string{
		`C:\plain.cmd`:                           `1:1 C:\plain.cmd:4 msiexec`,
		`echo a & call C:\plain.cmd`:             `1:10 C:\plain.cmd:4 msiexec`,
		`C:\late.cmd`:                            `0:0 C:\late.cmd:2 msiexec`,
		`echo a & powershell -File C:\plain.ps1`: `1:10 C:\plain.ps1:3 node`,
		`powershell C:\plain.ps1`:                `1:1 C:\plain.ps1:3 node`,
		`powershell C:\outer.ps1`:                `1:1 C:\plain.ps1:3 node`,
		`powershell "1; C:\called.ps1"`:          `1:1 C:\called.ps1:3 node`,
		`C:\caller.cmd`:                          `1:1 C:\plain.ps1:3 node`,
		`echo a & C:\plain.ps1`:                  `1:10  C:\plain.ps1`,
		`/plain.ps1`:                             `1:1  C:\plain.ps1`,
	} {
		s := run.Step{Args: []string{"cmd", "/S", "/C", line}, Root: seeded(scripts), User: "ContainerAdministrator", Where: run.Where{File: "Dockerfile", Line: 7}}
		_, err := winsh.New(winsh.Options{}).Run(t.Context(), s)
		var r *run.RefusedError
		if !errors.As(err, &r) {
			t.Errorf("%s: %v", line, err)
			continue
		}
		if got := fmt.Sprintf("%d:%d %s %s", r.Line, r.Column, r.Script, r.Construct); got != want {
			t.Errorf("%s is refused at %s, want %s", line, got, want)
		}
	}
}
