package tools_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/casement/casement/internal/run"
	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/run/winsh/tools"
	"github.com/casement/casement/internal/tree"
)

// clock is when the tests run.
func clock() time.Time { return time.Date(2026, 3, 4, 15, 6, 7, 0, time.UTC) }

// box is a machine whose tools are called by command lines in C:\w.
type box struct {
	t   testing.TB
	m   *machine.Machine
	env *machine.Env
	// page is the console's code page, which chcp changes.
	page int
	// exported is what the last program wants its shell's variables to be.
	exported *machine.Env
}

// newBox makes a machine with files: "C:\w\a.txt=text", or "C:\w\dir\" for a
// directory.
func newBox(t testing.TB, o machine.Options, files ...string) *box {
	t.Helper()
	o.Root = tree.NewChain(ocispec.Platform{OS: "windows", Architecture: "amd64"})
	o.Programs, o.Now = tools.All(), clock
	m, err := machine.New(o)
	if err != nil {
		t.Fatal(err)
	}
	b := &box{t: t, m: m, env: m.Process("", `C:\`, nil, nil).Env}
	for _, f := range append([]string{`C:\w\`}, files...) {
		b.put(f)
	}
	return b
}

// put makes a file or directory.
func (b *box) put(f string) {
	b.t.Helper()
	ctx := b.t.Context()
	path, text, isFile := strings.Cut(f, "=")
	dir := strings.TrimSuffix(path, `\`)
	if isFile {
		dir = path[:strings.LastIndexByte(path, '\\')]
	}
	if err := b.m.FS().MkdirAll(ctx, dir); err != nil {
		b.t.Fatal(err)
	}
	if isFile {
		if err := b.m.FS().WriteFile(ctx, path, []byte(text)); err != nil {
			b.t.Fatal(err)
		}
	}
}

// result is what a command line did.
type result struct {
	Out, Err string
	Code     int
	Refused  string // the construct
}

// call runs a command line.
func (b *box) call(line, stdin string) result {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), 30*time.Second)
	defer cancel()
	var out, errs bytes.Buffer
	p := b.m.Process(line, `C:\w`, &out, &errs)
	p.Stdin, p.Env, p.CodePage = strings.NewReader(stdin), b.env.Clone(), b.page
	name, _, _ := strings.Cut(p.Args[0], "/")
	if strings.Contains(name, ":") {
		name = p.Args[0]
	}
	f, err := b.m.Find(ctx, name, p.Env, p.Dir, false)
	if err != nil {
		b.t.Fatalf("finding %s: %v", name, err)
	}
	code, err := b.m.Start(ctx, f, p)
	b.page, b.exported = p.CodePage, p.Export
	r := result{Out: out.String(), Err: errs.String(), Code: code}
	var refused *run.RefusedError
	if errors.As(err, &refused) {
		if refused.Reason == "" || refused.Way == "" || strings.HasSuffix(refused.Reason, ".") {
			b.t.Errorf("%s: a refusal needs a reason without a full stop, and a way: %+v", line, refused)
		}
		return result{Refused: refused.Construct}
	}
	if err != nil {
		b.t.Fatalf("%s: %v", line, err)
	}
	return r
}

// list is what is in a directory: names with their contents, directories with a
// backslash at the end.
func (b *box) list(dir string) []string {
	b.t.Helper()
	var all []string
	err := b.m.FS().Walk(b.t.Context(), dir, func(i *machine.Info) error {
		name := strings.TrimPrefix(i.Path, dir+`\`)
		switch {
		case i.IsDir():
			name += `\`
		default:
			data, err := b.m.FS().ReadFile(b.t.Context(), i.Path, 1<<20)
			if err != nil {
				return err
			}
			name += "=" + string(data)
		}
		all = append(all, name)
		return nil
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return all
}

// scene is one test of a tool.
type scene struct {
	name  string
	files []string
	// before are command lines that only prepare.
	before []string
	line   string
	stdin  string
	want   result
	// list, if not nil, is what C:\w has in the end.
	list []string
}

// play runs scenes, each on a machine of its own.
func play(t *testing.T, scenes []scene) {
	for _, s := range scenes {
		t.Run(s.name, func(t *testing.T) {
			b := newBox(t, machine.Options{}, s.files...)
			for _, line := range s.before {
				if r := b.call(line, ""); r.Refused != "" {
					t.Fatalf("%s: refused: %s", line, r.Refused)
				}
			}
			if diff := gocmp.Diff(s.want, b.call(s.line, s.stdin)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", s.line, diff)
			}
			if s.list != nil {
				if diff := gocmp.Diff(s.list, b.list(`C:\w`)); diff != "" {
					t.Errorf("%s: files (-want +got):\n%s", s.line, diff)
				}
			}
		})
	}
}

// crlf makes lines of Windows.
func crlf(lines ...string) string { return strings.Join(lines, "\r\n") + "\r\n" }

// check asks a program's Check about arguments; "?" at the end of one means that
// more may follow.
func check(t testing.TB, name string, args ...string) string {
	t.Helper()
	p, ok := tools.All()[name]
	if !ok {
		t.Fatalf("no program %s", name)
	}
	err := p.Check(t.Context(), &machine.Checking{}, argsOf(args...))
	var refused *run.RefusedError
	if errors.As(err, &refused) {
		return refused.Construct
	}
	if err != nil {
		t.Fatal(err)
	}
	return ""
}

func argsOf(args ...string) []machine.Arg {
	var list []machine.Arg
	for _, a := range args {
		text, unknown := strings.CutSuffix(a, "?")
		list = append(list, machine.Arg{Text: text, Unknown: unknown})
	}
	return list
}

// TestNames fails if the table has a name that the machine would never ask for,
// or a refusal says nothing.
func TestNames(t *testing.T) {
	for name, p := range tools.All() {
		if name != strings.ToLower(name) || strings.Contains(name, ".") {
			t.Errorf("%s: names are in small letters, without extension", name)
		}
		if err := p.Check(t.Context(), &machine.Checking{}, []machine.Arg{{Text: "/?"}}); err == nil && name != "refreshenv" {
			t.Errorf("%s: /? must be refused", name)
		}
	}
}

func hoursOf(n int) time.Duration { return time.Duration(n) * time.Hour }

func modified(t time.Time) tree.Times { return tree.Times{Modified: t} }
