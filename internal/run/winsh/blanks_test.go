package winsh_test

import (
	"errors"
	"strings"
	"testing"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/casement/casement/internal/run"
	"github.com/casement/casement/internal/run/winsh"
	"github.com/casement/casement/internal/tree"
)

// Broken if it fails: a program whose path has blanks and no quotes, as in SHELL
// with the full path of pwsh, gets other arguments than on Windows, where its
// first is the rest of the path.
func TestProgramPathsWithBlanks(t *testing.T) {
	for _, c := range []struct {
		args    []string
		refused string
	}{
		{[]string{`C:\Program Files\PowerShell\7\pwsh.exe`, "-Command", "'hello'"}, `RUN with C:\Program Files\PowerShell\7\pwsh.exe`},
		{[]string{`C:/Program Files/PowerShell/7/pwsh.exe -Command 'hello'`}, `RUN with C:/Program Files/PowerShell/7/pwsh.exe`},
		{[]string{`"C:\Program Files\PowerShell\7\pwsh.exe"`, "-Command", "'hello'"}, ""},
		{[]string{`c:/windows/system32/cmd.exe`, "/c", "echo hello"}, ""},
	} {
		var out strings.Builder
		step := run.Step{Args: c.args, Root: tree.NewChain(ocispec.Platform{OS: "windows", Architecture: "amd64"}), Stdout: &out, Stderr: &out}
		r := winsh.New(winsh.Options{})
		err := r.Check(t.Context(), step)
		var refused *run.RefusedError
		if c.refused != "" {
			if !errors.As(err, &refused) || refused.Construct != c.refused {
				t.Errorf("checking %q: %v", c.args, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("checking %q: %v", c.args, err)
		}
		if _, err := r.Run(t.Context(), step); err != nil || out.String() != "hello\r\n" {
			t.Errorf("%q printed %q, %v", c.args, out.String(), err)
		}
	}
}

// Broken if it fails: quotes written as three, as Dockerfiles do where PowerShell
// has to see one, group more or less than on Windows.
func TestThreeQuotes(t *testing.T) {
	for _, c := range []struct{ shell, text, want string }{
		{"powershell", `Write-Output x"""$(1+1)\"""; Write-Output """a  b"""`, "x2\r\na b\r\n"},
		{"powershell", `" Write-Output """a  b""" "`, "a  b\r\n"},
		{"pwsh", `Write-Output """a  b"""`, "a  b\r\n"},
	} {
		var out strings.Builder
		step := run.Step{Args: []string{c.shell, "-Command", c.text}, Root: tree.NewChain(ocispec.Platform{OS: "windows", Architecture: "amd64"}), Stdout: &out, Stderr: &out}
		if _, err := winsh.New(winsh.Options{}).Run(t.Context(), step); err != nil || out.String() != c.want {
			t.Errorf("%s -Command %s printed %q, %v", c.shell, c.text, out.String(), err)
		}
	}
}
