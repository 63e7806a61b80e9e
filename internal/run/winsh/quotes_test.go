package winsh

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/casement/casement/internal/run"
	"github.com/casement/casement/internal/tree"
)

// Broken if it fails: authors are not told that their quotes vanish, or are told
// so where it does not matter.
func TestLost(t *testing.T) {
	for text, want := range map[string]loss{
		`Write-Host hello`:                          {},
		`Write-Host 'a b'`:                          {},
		`Write-Host "a b"`:                          {part: `"a b"`},
		`Write-Host \"a b\"`:                        {},
		`$x = "abc"`:                                {part: `"abc"`},
		`if ($x -eq "abc") {}`:                      {part: `"abc"`},
		`Start-Process -FilePath "msiexec.exe"`:     {},
		`Remove-Item "$env:TEMP\x"`:                 {},
		`Remove-Item "$env:TEMP"`:                   {},
		`Remove-Item "C:\x-$(1+1)"`:                 {},
		`Start-Sleep -Seconds "5"`:                  {},
		`x ""`:                                      {part: `""`},
		`Write-Host """a b""" -Foo """$x"""`:        {},
		`x -o"""$env:SystemDrive\"""; y """a b"""`:  {},
		`Write-Host "a`:                             {}, // nobody knows what it is to mean
		`iex ((New-Object Net.X).Y("https://a/b"))`: {part: `"https://a/b"`},
		`Remove-Item "C:\dir\" -Force`:              {part: `"C:\dir\" -Force`},
		// Quotes around the whole are for the command line.
		`"Write-Host 'a  b'"`:      {},
		`"Write-Host \"a  b\""`:    {},
		`"& { Write-Host hello }"`: {},
		`"Write-Host "a   b""`:     {part: `"a   b"`, wrapped: true},
		`"Write-Host "hello""`:     {},
		`"a" + "b"`:                {part: `"a"`},
		// Blanks become one where nothing groups them, also in single quotes.
		`Write-Host 'a   b'`:               {part: `'a   b'`, blanks: true},
		`Write-Host \"a   b\"`:             {part: `"a   b"`, blanks: true},
		`Write-Host '"a   b"'`:             {},
		`Write-Host """a   b"""`:           {part: `"a   b"`, blanks: true},
		`Write-Host \""a   b"\"`:           {},
		"Write-Host a;     Write-Host b":   {},
		"if ($x) {\n    Write-Host 'a'\n}": {},
	} {
		if d := cmp.Diff(want, lost(text, false), cmp.AllowUnexported(loss{})); d != "" {
			t.Errorf("%s (-want +got):\n%s", text, d)
		}
	}
}

// Broken if it fails: the text that PowerShell executes is looked for in the wrong
// place of the command line.
func TestCommandText(t *testing.T) {
	for _, c := range []struct {
		line string
		core bool
		want string
		ok   bool
	}{
		{`powershell -Command a "b"`, false, `a "b"`, true},
		{`"C:\x y\powershell.exe" -NoLogo -c "a b"`, false, `"a b"`, true},
		{`powershell -ExecutionPolicy Bypass -NoProfile a b`, false, `a b`, true},
		{`powershell -ep Bypass -w Hidden /command x`, false, `x`, true},
		{`powershell a`, false, `a`, true},
		{`pwsh a`, true, ``, false},
		{`pwsh -wd C:\x -i -c a`, true, `a`, true},
		{`pwsh -CommandWithArgs a b`, true, ``, false},
		{`powershell -File "a b.ps1" "c"`, false, ``, false},
		{`powershell -ex Bypass -f a`, false, ``, false},
		{`powershell -EncodedCommand AAAA`, false, ``, false},
		{`powershell -`, false, ``, false},
		{`powershell`, false, ``, false},
	} {
		if text, ok := commandText(c.line, c.core); ok && text != c.want || ok != c.ok {
			t.Errorf("%s: %q, %v", c.line, text, ok)
		}
	}
}

// heard collects what the check of a step warns of.
func heard(t *testing.T, s run.Step) []run.Warning {
	t.Helper()
	var out []run.Warning
	s.Root.OS, s.RootUnknown = "windows", true
	s.Warn = func(w run.Warning) { out = append(out, w) }
	if err := New(Options{}).Check(t.Context(), s); err != nil {
		t.Errorf("%q: %v", s.Args, err)
	}
	return out
}

// Broken if it fails: quotes that vanish on the way from one shell to another are
// not warned of, or a warning tells the wrong line or a spelling that does not
// help.
func TestWarnings(t *testing.T) {
	shell := []string{"powershell", "-Command"}
	quotes := func(part, write string) string { return quotesOf + part + quotesLost + " / write " + write }
	for name, c := range map[string]struct {
		args []string
		text string
		want []string
		line int
	}{
		"nothing":              {args: append(shell, "Write-Host 'a b'")},
		"single quotes":        {args: append(shell, `Write-Host "a b"`), text: "RUN Write-Host \"a b\"", want: []string{quotes(`"a b"`, `'a b' or \"a b\"`)}},
		"variables":            {args: append(shell, `Write-Host "a $b"`), want: []string{quotes(`"a $b"`, `\"a $b\"`)}},
		"blanks":               {args: append(shell, `Write-Host "a  b"`), want: []string{quotes(`"a  b"`, `'"a  b"'`)}},
		"blanks and variables": {args: append(shell, `Write-Host "a  $b"`), want: []string{quotes(`"a  $b"`, `\""a  $b"\"`)}},
		"blanks alone":         {args: append(shell, `Write-Host 'a  b'`), want: []string{blanksOf + `'a  b'` + blanksLost + ` / write '"a  b"', which keeps them`}},
		"line": {args: append(shell, `Write-Host x;     Write-Host "a b"`), text: "RUN Write-Host x; `\n    Write-Host \"a b\"", line: 1,
			want: []string{quotes(`"a b"`, `'a b' or \"a b\"`)}},
		"through cmd":         {args: []string{"cmd", "/S", "/C", `echo x& powershell -Command "Write-Host "a b""`}, want: []string{quotes(`"a b"`, `'a b' or \"a b\"`)}},
		"through cmd, blanks": {args: []string{"cmd", "/S", "/C", `powershell -Command "Write-Host "a  b""`}, want: []string{quotes(`"a  b"`, `'a  b' or \"a  b\"`)}},
		"through cmd, meant":  {args: []string{"cmd", "/S", "/C", `powershell -Command "Write-Host 'a b'"`}},
		"through PowerShell":  {args: []string{"pwsh", "-Command", `powershell -Command 'Write-Host "a b"'`}, want: []string{quotes(`"a b"`, `'a b' or \"a b\"`)}},
		"exec form": {args: append(shell, `Write-Host "a b"`), text: `RUN ["powershell", "-Command", "Write-Host \"a b\""]`,
			want: []string{quotes(`\"a b\"`, `'a b' or \\\"a b\\\"`)}},
		"exec form, blanks that do not matter": {args: append(shell, `Write-Host`, `a b`), text: `RUN ["powershell", "-Command", "Write-Host", "a b"]`},
		"exec form of cmd with one word":       {args: []string{"cmd", "/c", "echo a b"}, text: `RUN ["cmd", "/c", "echo a b"]`},
		"exec form of cmd": {args: []string{"cmd", "/c", "copy", `C:\a b`, `C:\c`}, text: `RUN ["cmd", "/c", "copy", "C:\\a b", "C:\\c"]`,
			want: []string{`the word "C:\\a b"` + wordLost + ` / write its quotes, too: "\"C:\\a b\""`}},
		"exec form of a program": {args: []string{"xcopy", `C:\a b`, `C:\c`}, text: "RUN [\"xcopy\", `\n    \"C:\\\\a b\", \"C:\\\\c\"]", line: 1,
			want: []string{`the word "C:\\a b"` + wordLost + ` / write its quotes, too: "\"C:\\a b\""`}},
		"exec form with quotes": {args: []string{"xcopy", `"C:\a b"`, `C:\c`}, text: `RUN ["xcopy", "\"C:\\a b\"", "C:\\c"]`},
		"exec form, an empty word": {args: []string{"cmd", "/c", "echo", ""}, text: `RUN ["cmd", "/c", "echo", ""]`,
			want: []string{`the word ""` + wordLost + ` / write its quotes, too: "\"\""`}},
		"no exec form": {args: append(shell, `[int] 'a b'`), text: "RUN [int] 'a b'"},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, w := range heard(t, run.Step{Args: c.args, Where: run.Where{Text: c.text}, Root: tree.Chain{}}) {
				got = append(got, w.Message+" / "+w.Hint)
				if w.Line != c.line {
					t.Errorf("line %d, want %d", w.Line, c.line)
				}
			}
			if d := cmp.Diff(c.want, got); d != "" {
				t.Errorf("warnings (-want +got):\n%s", d)
			}
		})
	}
}

// FuzzLost: no command line makes the check crash, and what is said to be lost
// stands in it.
func FuzzLost(f *testing.F) {
	for _, s := range []string{`Write-Host "a  b"`, `"Write-Host "a""`, `'"a  b"'`, `\""a  b"\"`, `a\\"b c\\" "`, `"`, "\"a\nb\" 'c  d'"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 500 {
			return
		}
		for _, core := range []bool{false, true} {
			l := lost(strings.TrimLeft(text, " \t"), core)
			if !l.blanks && !strings.Contains(text, l.part) {
				t.Errorf("%q: %q is not in it", text, l.part)
			}
			_ = kept(l)
			_, _ = commandText("powershell "+text, core)
		}
	})
}
