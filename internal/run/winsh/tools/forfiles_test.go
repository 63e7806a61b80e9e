package tools_test

import (
	"context"
	"errors"
	"testing"

	"github.com/casement/casement/internal/run"
	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/run/winsh/tools"
)

// TestForfilesCheck fails if a command that forfiles would start is refused only
// when it is reached, or one that may be there then is refused.
func TestForfilesCheck(t *testing.T) {
	files := []string{`C:\w\`, `C:\d\own.cmd=rem`, `C:\longdirectory\a.txt=`}
	for _, c := range []struct {
		name    string
		args    []string
		unknown string // what is refused while the tree is not known
		known   string // and when it is
	}{
		{"a tool", []string{"/C", "attrib +r @file"}, "", ""},
		{"what a tool may not", []string{"/C", "robocopy @path b /SL"}, "robocopy /SL", "robocopy /SL"},
		{"a package manager", []string{"/P", `C:\d`, "/C", "npm install"}, "npm", "npm"},
		{"with its extension", []string{"/C", "npm.exe install @file"}, "npm.exe", "npm.exe"},
		{"in a directory", []string{"/C", `C:\n\node.exe @file`}, `C:\n\node.exe`, `C:\n\node.exe`},
		{"a name that nobody knows", []string{"/C", "thing @file"}, "thing", ""},
		{"a program that nobody knows", []string{"/C", `sub\thing.exe @file`}, `C:\w\sub\thing.exe`, ""},
		{"a script", []string{"/C", "thing.cmd @file"}, "", ""},
		{"a path", []string{"/C", `sub\thing @file`}, "", ""},
		{"a script of PowerShell", []string{"/C", "thing.ps1"}, "thing.ps1", ""},
		{"the file itself", []string{"/C", "@path /quiet"}, "", ""},
		{"the file itself in quotes", []string{"/C", "0x22@path0x22"}, "", ""},
		{"characters by number", []string{"/C", "0x6e0x70m install"}, "npm", "npm"},
		{"quotes by number", []string{"/C", `0x22C:\a b\node.exe0x22 @file`}, `C:\a b\node.exe`, `C:\a b\node.exe`},
		{"arguments by number", []string{"/C", "robocopy @path b /0x53L"}, "robocopy /SL", "robocopy /SL"},
		{"a script where it starts", []string{"/P", `C:\d`, "/C", "own"}, `C:\d\own.cmd`, `C:\d\own.cmd`},
		{"here", []string{"/P", "", "/C", "npm ci"}, "npm", "npm"},
		{"a short name", []string{"/C", `C:\LONGDI~1\a.cmd`}, `C:\LONGDI~1\`, `C:\LONGDI~1\`},
		{"no name", []string{"/C", "sub\\0x00.exe"}, "sub\\\x00.exe", ""},
		{"not known where", []string{"/P", "?", "/C", "npm ci"}, "npm", "npm"},
		{"not known what", []string{"/C", "npm?"}, "", ""},
	} {
		b := newBox(t, machine.Options{}, files...)
		for unknown, want := range map[bool]string{true: c.unknown, false: c.known} {
			err := b.checkForfiles(t.Context(), unknown, c.args)
			var refused *run.RefusedError
			got := ""
			if errors.As(err, &refused) {
				got = refused.Construct
			} else if err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
			if got != want {
				t.Errorf("%s, tree unknown %t: refused %q, want %q", c.name, unknown, got, want)
			}
		}
	}
}

// checkForfiles checks forfiles on the box. "?" at the end of an argument means
// that more may follow.
func (b *box) checkForfiles(ctx context.Context, unknown bool, args []string) error {
	b.t.Helper()
	c := &machine.Checking{Machine: b.m, Env: b.env.Clone(), Dir: `C:\w`, TreeUnknown: unknown}
	return tools.All()["forfiles"].Check(ctx, c, argsOf(args...))
}
