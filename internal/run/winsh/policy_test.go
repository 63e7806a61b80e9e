package winsh

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/casement/casement/internal/run"
	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/tree"
)

// Broken if it fails: a change of the registry gets lost in silence, or one that
// Windows loses too stops a build.
func TestRegistryPolicy(t *testing.T) {
	set := func(key string) machine.RegistryChange {
		return machine.RegistryChange{Key: key, Name: "x", Type: "REG_SZ", Value: "1"}
	}
	for _, tt := range []struct {
		policy  string
		changes []string
		kept    []string
		lost    []string
	}{
		{"config", nil, nil, nil},
		{"config", []string{`HKLM\SOFTWARE\A`, `HKLM\SOFTWARE\a`, `HKEY_LOCAL_MACHINE\SOFTWARE\B`}, nil, []string{`HKLM\SOFTWARE\A`, `HKLM\SOFTWARE\B`, `HKLM\SOFTWARE\a`}},
		{"config", []string{`HKCU\Volatile Environment\1`, `HKLM\HARDWARE\x`}, nil, nil},
		{"config", []string{`HKCU\Software\Microsoft\Windows\CurrentVersion\Explorer\Advanced`}, nil, []string{`HKCU\Software\Microsoft\Windows\CurrentVersion\Explorer\Advanced`}},
		{"delta", []string{`HKLM\SOFTWARE\A`}, []string{`HKLM\SOFTWARE\A`}, nil},
		{`drop=hklm:\software\a`, []string{`HKLM\SOFTWARE\A\Below`}, nil, nil},
		{`drop=HKLM\SOFTWARE\A`, []string{`HKLM\SOFTWARE\AB`}, nil, []string{`HKLM\SOFTWARE\AB`}},
	} {
		p, err := ParseRegistryPolicy(tt.policy)
		if err != nil {
			t.Fatal(err)
		}
		var changes []machine.RegistryChange
		for _, k := range tt.changes {
			changes = append(changes, set(k))
		}
		kept, err := p.kept(changes)
		var lost *LostError
		if errors.As(err, &lost) != (tt.lost != nil) || lost != nil && !cmp.Equal(tt.lost, lost.Keys) {
			t.Errorf("%s %v: %v", tt.policy, tt.changes, err)
		}
		var keys []string
		for _, c := range kept {
			keys = append(keys, c.Key)
		}
		if d := cmp.Diff(tt.kept, keys); d != "" {
			t.Errorf("%s %v: kept (-want +got):\n%s", tt.policy, tt.changes, d)
		}
	}
	for _, bad := range []string{"drop", "drop=", "delta=HKLM", "keep"} {
		if p, err := ParseRegistryPolicy(bad); err == nil {
			t.Errorf("%q is %+v", bad, p)
		}
	}
}

// Broken if it fails: the hint names keys with which the build ends in the same
// error, or more than anybody wants to read.
func TestLostKeysAreCovered(t *testing.T) {
	var many []string
	for i := range 9 {
		many = append(many, fmt.Sprintf(`HKLM\SOFTWARE\Vendor\Key%d\Sub`, i), fmt.Sprintf(`HKLM\SYSTEM\Set\Services\s%d`, i))
	}
	for _, tt := range []struct {
		keys []string
		want string
	}{
		{[]string{`HKLM\SOFTWARE\A`}, `HKLM\SOFTWARE\A`},
		{[]string{`HKLM\SOFTWARE\A`, `HKLM\SOFTWARE\a\B`, `HKLM\SYSTEM\X`}, `HKLM\SOFTWARE\A,HKLM\SYSTEM\X`},
		{many, `HKLM\SOFTWARE\Vendor,HKLM\SYSTEM\Set`},
	} {
		hint := (&LostError{tt.keys}).Hint()
		if !strings.HasPrefix(hint, "--registry='drop="+tt.want+"' ") {
			t.Errorf("%v: %s", tt.keys, hint)
		}
	}
}

// Broken if it fails: a secret is printed.
func TestSecretsAreMasked(t *testing.T) {
	m := &masking{}
	m.hide([]byte("hunter22\nsecond-line\n"))
	m.hide([]byte("x")) // too short to be told from text
	for _, cuts := range []int{1, 3, 7, 100} {
		var out bytes.Buffer
		w := &maskWriter{w: &out, m: m}
		text := "token=hunter22 x hunter2 second-line\r\nhunter22\nsecond-linehunter"
		for len(text) > 0 {
			n := min(cuts, len(text))
			if _, err := w.Write([]byte(text[:n])); err != nil {
				t.Fatal(err)
			}
			text = text[n:]
		}
		if err := w.flush(); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(out.String(), "hunter22") || strings.Contains(out.String(), "second-line") {
			t.Errorf("in pieces of %d: %q", cuts, out.String())
		}
		if !strings.HasPrefix(out.String(), "token=*** x hunter2 ***\r\n") || !strings.HasSuffix(out.String(), "hunter") {
			t.Errorf("in pieces of %d other text is lost: %q", cuts, out.String())
		}
	}
	err := m.err(&run.RefusedError{Construct: "tool hunter22", Reason: "no", Script: `C:\hunter22.cmd:1`})
	if strings.Contains(err.Error(), "hunter22") {
		t.Errorf("error %v", err)
	}
	var refused *run.RefusedError
	if !errors.As(err, &refused) {
		t.Errorf("the refusal has become %T", err)
	}
	if err := m.err(&run.RefusedError{Construct: "tool", Reason: "no", Way: "not hunter22"}); !errors.As(err, &refused) || refused.Way != "not ***" {
		t.Errorf("hint of %#v", err)
	}
	limit := fmt.Errorf("hunter22: %w", &machine.LimitError{What: "time"})
	err = m.err(fmt.Errorf("%w, %w", limit, context.Canceled))
	var h interface{ Hint() string }
	if strings.Contains(err.Error(), "hunter22") || !errors.Is(err, context.Canceled) || !errors.As(err, &h) || h.Hint() != (&machine.LimitError{What: "time"}).Hint() {
		t.Errorf("error %v without its hint or what it is", err)
	}
	// One secret may begin as another, and consoles have other code pages.
	m.hide([]byte("hunter22hunter33"))
	m.hide([]byte("naïve-pass"))
	for text, want := range map[string]string{
		"hunter22hunter33": "***", "hunter22hunter3": "***hunter3", "na\x8bve-pass": "***", "na\xefve-pass": "***", "naïve": "naïve",
	} {
		var out bytes.Buffer
		w := &maskWriter{w: &out, m: m}
		console := &textWriter{w: w}
		for _, b := range []byte(text) {
			_, _ = console.Write([]byte{b})
		}
		if err := errors.Join(console.flush(), w.flush()); err != nil || out.String() != want {
			t.Errorf("%q is shown as %q, %v", text, out.String(), err)
		}
	}
	var heard []string
	s := run.Step{
		Warn:     func(w run.Warning) { heard = append(heard, w.Message, w.Hint) },
		Progress: func(what string, _, _ int64) { heard = append(heard, what) },
	}
	m.listen(&s)
	s.Warn(run.Warning{Message: "x hunter22", Hint: "y hunter22"})
	s.Progress("downloading http://a/hunter22/b", 1, 2)
	if d := cmp.Diff([]string{"x ***", "y ***", "downloading http://a/***/b"}, heard); d != "" {
		t.Errorf("warnings and progress (-want +got):\n%s", d)
	}
}

// Broken if it fails: a secret is seen because a shell reads it in a code page.
func TestSecretsAreMaskedWhateverTheirBytesMean(t *testing.T) {
	utf16 := "\xff\xfep\x00\xe4\x00s\x00s\x00w\x00o\x00r\x00t\x00"
	for _, secret := range []string{"pässwort", "p\xe4sswort", "p\x84sswort", utf16, "\xef\xbb\xbfpässwort"} {
		r := New(Options{Secrets: func(context.Context, string) ([]byte, bool, error) { return []byte(secret), true, nil }})
		for _, args := range [][]string{
			{"cmd", "/S", "/C", `type C:\s.txt`},
			{"cmd", "/S", "/C", `for /f %i in (C:\s.txt) do @echo %i`},
			{"cmd", "/S", "/C", `findstr . C:\s.txt`},
			{"cmd", "/S", "/C", `set SEC`},
			{"cmd", "/S", "/C", `for /f %i in (C:\s.txt) do @curl -o x --%i http://x/`},
			{"powershell", "-Command", `Get-Content C:\s.txt; Get-Content C:\s.txt -Encoding UTF8; $env:SEC`},
			{"pwsh", "-Command", `Get-Content C:\s.txt; Get-Content C:\s.txt -Encoding 1252; cmd /c type C:\s.txt`},
		} {
			var out bytes.Buffer
			_, err := r.Do(t.Context(), run.Step{
				Args: args, Stdout: &out, Stderr: &out, Root: tree.NewChain(ocispec.Platform{OS: "windows", Architecture: "amd64"}),
				SecretEnv: []run.SecretEnv{{ID: "s", Name: "SEC"}},
				Mounts:    []run.Mount{{Type: "secret", ID: "s", Target: "s.txt"}},
			}, nil)
			if shown := fmt.Sprint(out.String(), err); strings.Contains(shown, "sswort") || strings.Contains(shown, "s\x00s\x00") {
				t.Errorf("%q, %q: %q", secret, args, shown)
			}
		}
	}
}

// Broken if it fails: plan says that a step reads the base when its text names
// nothing there, or hides that it does.
func TestReads(t *testing.T) {
	for line, want := range map[string]string{
		`mkdir C:\app && echo x>C:\app\y`:                      "",
		`copy C:\Windows\System32\netapi32.dll C:\app`:         `C:\Windows\System32\netapi32.dll`,
		`if exist "%SystemRoot%\system32\tar.exe" echo y`:      `C:\Windows\System32\tar.exe`,
		`mkdir "C:\Program Files"`:                             "",
		`dir C:\Windows\System32`:                              `C:\Windows\System32`,
		`powershell "Get-ChildItem C:\ -Recurse"`:              `C:\`,
		`for /r C:\ %i in (*.txt) do @echo %i`:                 `C:\`,
		`del C:\*.txt`:                                         `C:\*.txt`,
		`mkdir C:\dir && rd C:\dir`:                            "",
		`Test-Path HKLM:\SOFTWARE\Vendor`:                      `HKLM\SOFTWARE\Vendor`,
		`reg query HKLM\SOFTWARE\Vendor /v x`:                  `HKLM\SOFTWARE\Vendor`,
		`reg add HKLM\SOFTWARE\Vendor /v x`:                    "",
		`Test-Path 'C:/ProgramData/chocolatey/bin/choco.exe'`:  `C:\ProgramData\chocolatey\bin\choco.exe`,
		`Expand-Archive x.zip -DestinationPath C:\tools\thing`: "",
		`Test-Path ${env:ProgramFiles}\Git`:                    `C:\Program Files\Git`,
		`Test-Path "$Env:ProgramFiles\Git"`:                    `C:\Program Files\Git`,
		`Test-Path "${Env:ProgramFiles(x86)}\Git"`:             `C:\Program Files (x86)\Git`,
		`if (Test-Path ${env:windir}/notepad.exe) { 1 }`:       `C:\Windows\notepad.exe`,
		`& { Get-Item $env:WinDir\notepad.exe }`:               `C:\Windows\notepad.exe`,
		`type ${env:SystemRoot}\System32\drivers\etc\x`:        `C:\Windows\System32\drivers\etc\x`,
		`if exist "%WINDIR%\notepad.exe" echo y`:               `C:\Windows\notepad.exe`,
		`if exist "%ProgramFiles(x86)%\Git" echo y`:            `C:\Program Files (x86)\Git`,
		`if exist "%CommonProgramFiles%\x" echo y`:             `C:\Program Files\Common Files\x`,
		`if exist %ProgramData%\x echo y`:                      `C:\ProgramData\x`,
		`Get-ChildItem ${env:SystemDrive}\`:                    `C:\`,
		`Test-Path ${env:TOOLS}\Git`:                           "",
		`Test-Path $env:windirs\x`:                             "",
	} {
		s := run.Step{Args: []string{"cmd", "/S", "/C", line}, Root: tree.NewChain(ocispec.Platform{OS: "windows"})}
		if got := Reads(s); !strings.EqualFold(got, want) {
			t.Errorf("%s: %q, want %q", line, got, want)
		}
	}
}

// Broken if it fails: plan is silent about changes of the registry that end the
// build, or warns of what only reads or becomes a variable.
func TestForesee(t *testing.T) {
	for line, want := range map[string][]string{
		`reg add HKLM\SOFTWARE\Vendor /v x /d y /f`:                                                              {`HKLM\SOFTWARE\Vendor`},
		`REG.EXE ADD "HKLM\SOFTWARE\My Vendor" /f & reg add HKCU\Software\B`:                                     {`HKCU\Software\B`, `HKLM\SOFTWARE\My Vendor`},
		`New-Item -Path 'HKLM:\SOFTWARE\A b' -Force; Set-ItemProperty -Path HKLM:/SOFTWARE/C -Name x -Value 1`:   {`HKLM\SOFTWARE\A b`, `HKLM\SOFTWARE\C`},
		`New-ItemProperty \"HKLM:\SYSTEM\CurrentControlSet\Control\FileSystem\" -Name LongPathsEnabled -Value 1`: {`HKLM\SYSTEM\CurrentControlSet\Control\FileSystem`},
		`Set-ItemProperty Registry::HKEY_LOCAL_MACHINE\SOFTWARE\D x 1`:                                           {`HKLM\SOFTWARE\D`},
		`reg query HKLM\SOFTWARE\Vendor & setx /M A b`:                                                           nil,
		`reg add "HKLM\SYSTEM\CurrentControlSet\Control\Session Manager\Environment" /v A /d b`:                  nil,
		`Set-ItemProperty $key x 1; New-Item C:\app; Set-ItemProperty HKLM:\SOFTWARE\$name x 1`:                  nil,
	} {
		lost := RegistryPolicy{}.Foresee(run.Step{Args: []string{"cmd", "/S", "/C", line}})
		var got []string
		if lost != nil {
			got = lost.Keys
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", line, d)
		}
	}
	drop := RegistryPolicy{Mode: RegistryDrop, Drop: []string{`HKLM\SOFTWARE`}}
	if lost := drop.Foresee(run.Step{Args: []string{"cmd", "/S", "/C", `reg add HKLM\SOFTWARE\X & reg add HKCU\Y`}}); lost == nil || !slices.Equal(lost.Keys, []string{`HKCU\Y`}) {
		t.Errorf("with a drop: %v", lost)
	}
}

// Broken if it fails: a refusal names another line of the Dockerfile than the
// one that it is about.
func TestRefusalsNameTheLine(t *testing.T) {
	text := "RUN mkdir x && `\n    # npm is in a comment\n    npm install && `\n    echo done"
	for construct, want := range map[string]int{"npm install": 9, "npm": 9, "echo": 10, "mkdir": 7, "e": 7, "dism": 7, "": 7} {
		err := place(machine.Refuse(construct, "", ""), run.Step{Where: run.Where{File: "Dockerfile", Line: 7, Text: text}})
		var refused *run.RefusedError
		if !errors.As(err, &refused) || refused.Where.Line != want {
			t.Errorf("%q: line %d, want %d", construct, refused.Where.Line, want)
		}
	}
}

// Broken if it fails: what a step prints is not text, or other bytes than those
// that were meant.
func TestOutputIsText(t *testing.T) {
	for _, cut := range []int{1, 2, 100} {
		var out bytes.Buffer
		w := &textWriter{w: &out}
		for text := []byte("a\x84b ä€\r\n\xe2"); len(text) > 0; text = text[min(cut, len(text)):] {
			if _, err := w.Write(text[:min(cut, len(text))]); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.flush(); err != nil || out.String() != "aäb ä€\r\nΓ" {
			t.Errorf("in pieces of %d: %q, %v", cut, out.String(), err)
		}
	}
}
