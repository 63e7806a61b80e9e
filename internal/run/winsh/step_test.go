package winsh

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/casement/casement/internal/run"
	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/store"
	"github.com/casement/casement/internal/tree"
)

func openStore(t *testing.T) *store.Store {
	t.Helper()
	st, err := store.Open(t.TempDir(), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	return st
}

// windows is a step on an empty machine.
func windows(args ...string) run.Step {
	return run.Step{Args: args, Root: tree.NewChain(ocispec.Platform{OS: "windows", Architecture: "amd64"})}
}

// Broken if it fails: a step works that Windows would not start.
func TestCommandLineThatIsTooLong(t *testing.T) {
	r := New(Options{})
	for text, want := range map[string]bool{
		"echo " + strings.Repeat("x", 32766-len("pwsh -c echo ")): true,
		"echo " + strings.Repeat("x", 32767-len("pwsh -c echo ")): false,
		"echo " + strings.Repeat("😀", 16380):                      false,
	} {
		_, runErr := r.Run(t.Context(), windows("pwsh", "-c", text))
		var refused *run.RefusedError
		if errors.As(runErr, &refused) == want {
			t.Errorf("a text of %d bytes: %v", len(text), runErr)
		}
		if err := r.Check(t.Context(), windows("pwsh", "-c", text)); (err == nil) != want {
			t.Errorf("a text of %d bytes is checked: %v", len(text), err)
		}
	}
}

// Broken if it fails: two steps wait for each other's caches for ever, or one
// step for itself.
func TestLockedCaches(t *testing.T) {
	r := New(Options{Store: openStore(t)})
	step := func(ids ...string) run.Step {
		s := windows("cmd", "/c", "echo x>>C:\\m0\\x")
		for i, id := range ids {
			s.Mounts = append(s.Mounts, run.Mount{Type: "cache", ID: id, Target: "m" + string(rune('0'+i)), Sharing: "locked"})
		}
		return s
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	const rounds = 20
	done := make(chan error)
	for _, ids := range [][]string{{"a", "b"}, {"b", "a"}, {"a", "a"}} {
		go func() {
			var err error
			for range rounds {
				s := step(ids...)
				s.NoCache = true
				_, runErr := r.Run(ctx, s)
				err = errors.Join(err, runErr)
			}
			done <- err
		}()
	}
	for range 3 {
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	// Nothing that a step has left there is lost.
	for id, want := range map[string]int{"a": 2 * rounds, "b": rounds} {
		e, err := cacheDir{r.opts.Store, id}.load().Lookup(ctx, "x")
		if err != nil || e.Size != int64(want*len("x\r\n")) {
			t.Errorf("the cache %s has %+v, %v", id, e, err)
		}
	}
}

// Broken if it fails: all but the first line of a RUN is ignored in silence.
func TestLinesForCmd(t *testing.T) {
	r := New(Options{})
	for _, tt := range []struct {
		args []string
		line int // of the refusal; 0 for none
	}{
		{[]string{"cmd", "/S", "/C", "echo a\n"}, 0},
		{[]string{"cmd", "/S", "/C", "echo a\r\n \t\r\n"}, 0},
		{[]string{"cmd", "/S", "/C", "echo a\necho b\n"}, 2},
		{[]string{`C:\Windows\System32\CMD.exe`, "/S", "/C", "\n\n  echo b\n"}, 3},
		{[]string{"powershell", "-Command", "'a'\n'b'"}, 0},
	} {
		s := windows(tt.args...)
		s.Where = run.Where{File: "Dockerfile", Line: 3}
		err := r.Check(t.Context(), s)
		var refused *run.RefusedError
		if errors.As(err, &refused) != (tt.line > 0) || refused != nil && (refused.Line != tt.line || refused.Way == "") {
			t.Errorf("%q: %v, %+v", tt.args, err, refused)
		}
	}
}

// Broken if it fails: which program a step starts depends on PATH where it does
// not on Windows.
func TestFirstProgram(t *testing.T) {
	r := New(Options{})
	files := func(names ...string) tree.Chain {
		var changes []tree.Change
		for _, n := range names {
			text := "@echo batch " + n
			changes = append(changes, tree.Change{Entry: &tree.Entry{Name: n, Kind: tree.File, Size: int64(len(text)), Content: tree.Bytes(text)}})
		}
		return windows().Root.Push(&tree.Layer{Changes: tree.NewSet(changes)})
	}
	for _, tt := range []struct {
		args []string
		want string // what is printed; "" if it is refused
	}{
		{[]string{"cmd", "/c", "echo found"}, "found"},
		{[]string{"powershell", "-Command", "'found'"}, "found"},
		{[]string{"hostname"}, machine.ComputerName}, // and not the one in PATH
		{[]string{"greet.cmd"}, "batch tools/greet.cmd"},
		{[]string{"greet"}, ""}, // CreateProcess looks for greet.exe
	} {
		var out strings.Builder
		s := windows(tt.args...)
		s.Root, s.Env, s.Stdout = files("tools/greet.cmd", "tools/hostname.cmd"), []string{`PATH=C:\tools`}, &out
		_, err := r.Run(t.Context(), s)
		if got := strings.TrimSpace(out.String()); got != tt.want || (err == nil) != (tt.want != "") {
			t.Errorf("%q: %q, %v", tt.args, got, err)
		}
	}
}

// Broken if it fails: a step that waits holds up a build for ever.
func TestStepEndsInTime(t *testing.T) {
	r := New(Options{Limits: machine.Limits{Elapsed: 50 * time.Millisecond}})
	began := time.Now()
	_, err := r.Run(t.Context(), windows("powershell", "-Command", "Start-Sleep 60; 'x' > C:\\x"))
	var limit *machine.LimitError
	if !errors.As(err, &limit) || time.Since(began) > 10*time.Second {
		t.Errorf("after %v: %v", time.Since(began), err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	time.AfterFunc(50*time.Millisecond, func() { cancel(context.Canceled) })
	_, err = New(Options{}).Run(ctx, windows("cmd", "/c", "for /l %i in (1,0,2) do @ver>nul"))
	if !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled step: %v", err)
	}
	if err != nil && strings.Contains(err.Error(), "exited") {
		t.Errorf("a cancelled step: %v", err)
	}
}

// Broken if it fails: a short line takes the memory of the machine, or keeps it
// busy where nothing can interrupt it.
func TestStepKeepsToItsMemory(t *testing.T) {
	r := New(Options{Limits: machine.Limits{Memory: 1 << 20}})
	for _, text := range []string{
		`$s = 'a' * 1000; while ($true) { $s = $s.Insert(0, $s) }`,
		`$s = 'a' * 1000; while ($true) { $s = $s -replace 'a', 'aa' }`,
		`'a' -match ('(' * 100000 + 'a' + ')' * 100000)`,
	} {
		if _, err := r.Run(t.Context(), windows("powershell", "-Command", text)); err == nil || !strings.Contains(err.Error(), "memory") && !strings.Contains(err.Error(), "too many groups") {
			t.Errorf("%s: %v", text, err)
		}
	}
	var out strings.Builder
	s := windows("powershell", "-Command", `New-Item ('HKLM:\SOFTWARE' + '\a' * 100000) -Force`)
	s.Stderr = &out
	if _, err := r.Run(t.Context(), s); err == nil || !strings.Contains(out.String(), "parameter is incorrect") {
		t.Errorf("a key in a hundred thousand others: %v, %s", err, out.String())
	}
}

// Broken if it fails: what cmd pipes to PowerShell gets lost.
func TestPowerShellReadsThePipe(t *testing.T) {
	for line, want := range map[string]string{
		`echo x| powershell -Command "$input | ForEach-Object { $_ + 1 }"`:                   "x1",
		`(echo a&& echo b)| pwsh -Command "process { '<' + $_.Trim() + '>' } end { 'end' }"`: "<a>\r\n<b>\r\nend",
		`powershell -Command "@($input).Count; $input | ForEach-Object { 'never' }"`:         "0",
		`echo @($input).Count> C:\s.ps1& (echo a&echo b)| powershell -File C:\s.ps1`:         "2",
		`echo x> C:\f& powershell -Command "$input" < C:\f`:                                  "x",
	} {
		var out strings.Builder
		s := windows("cmd", "/S", "/C", line)
		s.Stdout = &out
		if _, err := New(Options{}).Run(t.Context(), s); err != nil || strings.TrimSpace(out.String()) != want {
			t.Errorf("%s: %q, %v", line, out.String(), err)
		}
	}
}
