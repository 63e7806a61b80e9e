package psnet_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/text/encoding/charmap"

	"github.com/casement/casement/internal/run"
	"github.com/casement/casement/internal/run/winsh/fetch"
	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/run/winsh/ps"
	"github.com/casement/casement/internal/run/winsh/pscmd"
	"github.com/casement/casement/internal/run/winsh/psnet"
	"github.com/casement/casement/internal/run/winsh/tools"
	"github.com/casement/casement/internal/tree"
)

// engine is that of a build, shared by all tests: it does not change.
var engine = sync.OnceValue(func() *ps.Engine {
	return ps.New(ps.Config{
		Cmdlets: pscmd.All(), Types: slices.Concat(psnet.All(), pscmd.Types()), Refused: pscmd.Refused, Assemblies: pscmd.Assemblies(),
	})
})

func clock() time.Time { return time.Date(2026, 3, 4, 15, 6, 7, 0, time.UTC) }

// box is a machine on which scripts run, in C:\w.
type box struct {
	t    testing.TB
	m    *machine.Machine
	host string // "powershell" or "pwsh"
}

func newBox(t testing.TB, host string, o machine.Options, files ...string) *box {
	t.Helper()
	o.Root = tree.NewChain(ocispec.Platform{OS: "windows", Architecture: "amd64", OSVersion: "10.0.20348.2849"})
	o.Programs, o.Now = tools.All(), clock
	for name, p := range engine().Programs() {
		o.Programs[name] = p
	}
	m, err := machine.New(o)
	if err != nil {
		t.Fatal(err)
	}
	b := &box{t: t, m: m, host: host}
	for _, f := range append([]string{`C:\w\`}, files...) {
		b.put(f)
	}
	return b
}

// put makes a file ("C:\w\a.txt=text") or a directory ("C:\w\d\").
func (b *box) put(f string) {
	b.t.Helper()
	path, text, isFile := strings.Cut(f, "=")
	dir := strings.TrimSuffix(path, `\`)
	if isFile {
		dir = path[:strings.LastIndexByte(path, '\\')]
	}
	if err := b.m.FS().MkdirAll(b.t.Context(), dir); err != nil {
		b.t.Fatal(err)
	}
	if isFile {
		if err := b.m.FS().WriteFile(b.t.Context(), path, []byte(text)); err != nil {
			b.t.Fatal(err)
		}
	}
}

// outcome is what a script did. Line ends are LF, and blanks at their ends are
// left out.
type outcome struct {
	Out     string
	Err     string
	Code    int
	Refused string // the construct
}

// run runs a script.
func (b *box) run(script string) outcome {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), 30*time.Second)
	defer cancel()
	var out, errs bytes.Buffer
	p := b.m.Process(b.host+" -Command "+machine.QuoteArg(script), `C:\w`, &out, &errs)
	f, err := b.m.Find(ctx, b.host, p.Env, p.Dir, false)
	if err != nil {
		b.t.Fatal(err)
	}
	code, err := b.m.Start(ctx, f, p)
	var refused *run.RefusedError
	if errors.As(err, &refused) {
		if refused.Reason == "" || strings.HasSuffix(refused.Reason, ".") {
			b.t.Errorf("%s: a refusal needs a reason without a full stop: %+v", script, refused)
		}
		return outcome{Refused: refused.Construct}
	}
	if err != nil {
		b.t.Fatalf("%s: %v", script, err)
	}
	return outcome{Out: tidy(out.String()), Err: tidy(errs.String()), Code: code}
}

func tidy(s string) string {
	if text, err := charmap.CodePage437.NewDecoder().String(s); err == nil {
		s = text
	}
	lines := strings.Split(strings.ReplaceAll(s, "\r\n", "\n"), "\n")
	for i, l := range lines {
		lines[i] = strings.TrimRight(l, " ")
	}
	return strings.Trim(strings.Join(lines, "\n"), "\n")
}

// says is a script and what it prints. An error's message is printed with a
// leading "!", so that scripts need no try.
type says struct {
	script string
	want   string
	// core is what PowerShell 7 prints, if it is something else.
	core string
}

// check runs scripts in both PowerShells, all on one machine.
func check(t *testing.T, files []string, list []says) {
	t.Helper()
	for _, host := range []string{"powershell", "pwsh"} {
		t.Run(host, func(t *testing.T) {
			b := newBox(t, host, machine.Options{}, files...)
			for _, s := range list {
				want := s.want
				if host == "pwsh" && s.core != "" {
					want = s.core
				}
				if want == "-" {
					continue // not of this edition
				}
				got := b.say(s.script)
				if diff := gocmp.Diff(want, got); diff != "" {
					t.Errorf("%s\n%s", s.script, diff)
				}
			}
		})
	}
}

// say runs a script and returns what it printed, or "!" and the message of the
// innermost exception, or "refused:" and the construct.
func (b *box) say(script string) string {
	b.t.Helper()
	o := b.run("try { " + script + "\n} catch { $x = $_.Exception; while ($x.InnerException) { $x = $x.InnerException }; '!' + $x.Message }")
	switch {
	case o.Refused != "":
		return "refused: " + o.Refused
	case o.Err != "":
		return o.Out + "\nstderr: " + o.Err
	}
	return o.Out
}

// file is what is in a file.
func (b *box) file(path string) string {
	b.t.Helper()
	data, err := b.m.FS().ReadFile(b.t.Context(), path, 1<<24)
	if err != nil {
		return "error: " + err.Error()
	}
	return string(data)
}

// online makes options with a real network.
func online() machine.Options {
	return machine.Options{Network: fetch.NewNetwork(&http.Transport{})}
}
