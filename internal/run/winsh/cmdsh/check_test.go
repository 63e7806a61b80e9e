package cmdsh_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/casement/casement/internal/run"
	"github.com/casement/casement/internal/run/winsh/cmdsh"
	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/tree"
)

// checked returns what is refused of a line, as "line:column construct", "" if
// nothing is.
func (b *box) checked(line string, unknown bool) string {
	b.t.Helper()
	p := b.m.Process(line, `C:\w`, nil, nil)
	c := &machine.Checking{Machine: b.m, Env: b.env.Clone(), Dir: `C:\w`, Raw: line, TreeUnknown: unknown}
	args := make([]machine.Arg, 0, len(p.Args))
	for _, a := range p.Args[1:] {
		args = append(args, machine.Arg{Text: a})
	}
	err := cmdsh.Program().Check(b.t.Context(), c, args)
	var refused *run.RefusedError
	if errors.As(err, &refused) {
		return fmt.Sprintf("%d:%d %s", refused.Line, refused.Column, refused.Construct)
	}
	if err != nil {
		b.t.Fatal(err)
	}
	return ""
}

// Broken if it fails: a short line, or one that cmd does not take, keeps the check
// busy for good.
func TestCheckEnds(t *testing.T) {
	b := newBox(t)
	b.env.Set("X", "cmd /c %X% & cmd /c %X%") // a million programs in twenty levels
	if got := b.checked("cmd /c %X%", false); !strings.HasSuffix(got, "cmd.exe") {
		t.Errorf("%q is refused, want cmd.exe", got)
	}
	if got := b.checked("cmd /c "+strings.Repeat("for %a in (1) do ", 100_000)+"code never", false); got != "" {
		t.Errorf("%q is refused of a line that is too long", got)
	}
}

// Broken if it fails: a line that cannot be done is executed, or one that can be
// done is refused, or the place is wrong.
func TestCheck(t *testing.T) {
	for line, want := range map[string]string{
		`echo a`:                               "",
		`code never`:                           "1:1 code never",
		`echo a && code never`:                 "1:11 code never",
		`echo é & (echo b & code never)`:       "1:20 code never",
		`echo %b% & code never`:                "1:12 code never",
		`if exist x (code never) else echo b`:  "1:13 code never",
		`if exist x (echo a) else code never`:  "1:26 code never",
		`for %i in (a b) do code never`:        "1:20 code never",
		`for %i in (never) do code %i`:         "", // known when it runs
		`for /f %i in ('code never') do rem`:   "1:16 code never",
		`echo a | code never`:                  "1:10 code never",
		`call code never`:                      "1:1 code never",
		`call echo x & call code never`:        "1:15 code never",
		`cmd /c "echo a & code never"`:         "1:18 code never",
		`cmd /s /c "cmd /c code never"`:        "1:19 code never",
		`code %c%`:                             "1:1 code never",
		`set c=5& code %c%`:                    "1:10 code never", // expanded before
		`cmd /v:on /c "set c=5& code !c!"`:     "",
		`cmd /v:on /c "set q=never& code !q!"`: "1:1 code never",
		`rem code never`:                       "",
		`:: code never`:                        "",
		`echo code never`:                      "",
		`"code" never`:                         "1:2 code never", // the quotes go
		`""code" never"`:                       "1:2 code never",
		`@code never`:                          "1:2 code never",
		`>x code never`:                        "1:4 code never",
		`code 1 || code never`:                 "1:11 code never",
		`echo a & if`:                          "", // Windows does not parse it
		`code never & if`:                      "",
		`nope`:                                 "",
		`nope.exe`:                             "",
		`rd /s d`:                              "1:1 rd /s",
		`rd /s /q d`:                           "",
		`echo y|rd /s d`:                       "",
		`rd /s d <y`:                           "",
		`del *.*`:                              "1:1 del *.*",
		`del /q *.*`:                           "",
		`dir /?`:                               "1:1 dir /?",
		`start code 1`:                         "1:1 start code",
		`start /wait code 1`:                   "",
		`start /wait code never`:               "1:1 code never",
		`assoc .x=y`:                           "1:1 assoc .x=y",
		`date 1-1-2000`:                        "1:1 setting date or time",
		`date /t & time /t`:                    "",
		`C:\w\p.exe x`:                         `1:1 C:\w\p.exe`,
		`p x`:                                  `1:1 C:\w\p.exe`,
		`t.cmd`:                                "1:1 code never",
		`call t`:                               "1:1 code never",
		`jumps.cmd`:                            "",
		`start.bat`:                            "",
	} {
		b := newBox(t, `C:\w\p.exe=x`, "C:\\w\\t.cmd=@echo off\r\nrem x\r\ncode never\r\n", "C:\\w\\jumps.cmd=@goto x\r\ncode never\r\n:x\r\n",
			"C:\\w\\start.bat=@rem\r\n")
		b.env.Set("b", "longer than its name")
		b.env.Set("c", "never")
		if got := b.checked("cmd /s /c "+line, false); got != want {
			t.Errorf("%s: refused is %q, want %q", line, got, want)
		}
	}
}

// Broken if it fails: names that the image may have are refused before the image
// is known, or programs that it would have are let through.
func TestCheckUnknownTree(t *testing.T) {
	b := newBox(t)
	for line, want := range map[string]string{
		`npm install`: "1:1 npm",
		"for /f %i in ('\"C:\\Program Files (x86)\\v s\\w.exe\" -x') do echo %i": `1:17 C:\Program Files (x86)\v s\w.exe`,
		`build x`:                 "1:1 build",
		`tools\build.cmd x`:       "",
		`echo a && setup.exe /q`:  "1:11 setup.exe",
		`C:\x\setup.exe /q`:       `1:1 C:\x\setup.exe`,
		`code never`:              "1:1 code never",
		`for %i in (a) do x.exe`:  "1:18 x.exe",
		`for %i in (a) do %i.exe`: "",
	} {
		if got := b.checked("cmd /s /c "+line, true); got != want {
			t.Errorf("%s: refused is %q, want %q", line, got, want)
		}
	}
}

// Broken if it fails: checking a line reads layers that are sealed, or changes
// the machine.
func TestCheckChangesNothing(t *testing.T) {
	b := newBox(t, `C:\w\a=x`)
	before := b.env.List()
	b.checked(`cmd /c set PATH=x& md y& del /q a& echo x>z& cd y& call set q=1`, false)
	if diff := gocmp.Diff(before, b.env.List()); diff != "" {
		t.Error(diff)
	}
	if got := b.c("dir /b").Out; got != "a\n" {
		t.Errorf("the directory has %q", got)
	}
}

// Broken if it fails: arguments that are known only in part are taken for known.
func TestCheckArguments(t *testing.T) {
	seen := &seeing{}
	b := newBoxOf(t, map[string]machine.Program{"args": seen})
	for line, want := range map[string]string{
		`args a "b c"`:                             `args a "b c" [a][b c]`,
		`for %i in (1) do args a %i x%~nib`:        ` [a][?][x?]`,
		`cmd /v:on /c "args !nope! !ERRORLEVEL!"`:  ` [!nope!][?]`,
		`cmd /c args %PROMPT%x`:                    `args %PROMPT%x [%PROMPT%x]`,
		`(set q=1) & cmd /v:on /c "args !q!"`:      `args 1 [1]`,
		`if a==b (set q=1) & cmd /v:on /c args x`:  `args x [x]`,
		`cmd /v:on /c "set /a q=1 & args !q!"`:     ` [?]`,
		`cmd /v:on /c "set /p q= & args !q!"`:      ` [?]`,
		`cmd /v:on /c "if a==b set q=1&args !q!"`:  ` [?]`,
		`cmd /v:on /c "set q=1||set q=2&args !q!"`: ` [?]`,
	} {
		seen.last = ""
		b.checked("cmd /s /c "+line, false)
		if seen.last != want {
			t.Errorf("%s: checked as %q, want %q", line, seen.last, want)
		}
	}
	if !strings.Contains(seen.dirs, `C:\w;`) {
		t.Errorf("checked in %q", seen.dirs)
	}
	seen.dirs = ""
	b.checked(`cmd /c cd d&& args x&& cd /d C:\q& args y& pushd r& args z& popd& args`, false)
	if want := `C:\w\d;C:\q;C:\q\r;C:\q;`; seen.dirs != want {
		t.Errorf("checked in %q, want %q", seen.dirs, want)
	}
}

// Broken if it fails: nobody is told that cmd takes the quotes off.
func TestWarning(t *testing.T) {
	m, err := machine.New(machine.Options{
		Root:     tree.NewChain(ocispec.Platform{OS: "windows", Architecture: "amd64"}),
		Programs: map[string]machine.Program{"cmd": cmdsh.Program()},
	})
	if err != nil {
		t.Fatal(err)
	}
	for line, want := range map[string]bool{
		`"C:\Program Files\x\x.cmd" y`:   true,
		`""C:\Program Files\x\x.cmd" y"`: false,
		`"echo a"`:                       false,
		`"x.cmd" "y"`:                    true,
		`echo "a" "b"`:                   false,
	} {
		warned := ""
		c := &machine.Checking{Machine: m, Env: m.Process("", `C:\`, nil, nil).Env, Dir: `C:\`, Raw: "cmd /S /C " + line, TreeUnknown: true,
			Warn: func(_, _ int, message, _ string) { warned = message }}
		// Without its quotes a path may be the name of a program that is not known.
		if err := cmdsh.Program().Check(t.Context(), c, nil); err != nil && !want {
			t.Fatal(err)
		}
		if (warned != "") != want {
			t.Errorf("%s: the warning is %q", line, warned)
		}
	}
}
