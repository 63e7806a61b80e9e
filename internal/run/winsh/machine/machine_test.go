package machine_test

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/tree"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// windows is the platform of the tests.
func windows(layers ...*tree.Layer) tree.Chain {
	return tree.NewChain(ocispec.Platform{OS: "windows", Architecture: "amd64"}, layers...)
}

// clock is when the tests run.
func clock() time.Time { return time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC) }

func start(t testing.TB, o machine.Options) *machine.Machine {
	t.Helper()
	if o.Root.OS == "" {
		o.Root = windows()
	}
	o.Now = clock
	m, err := machine.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// layer makes a layer of names: "dir/" is a directory, "file=text" a file,
// "-name" a removal, "link->target" a link.
func layer(names ...string) *tree.Layer {
	var changes []tree.Change
	for _, n := range names {
		switch {
		case strings.HasPrefix(n, "-"):
			changes = append(changes, tree.Change{Removed: n[1:]})
		case strings.HasSuffix(n, "/"):
			changes = append(changes, tree.Change{Entry: &tree.Entry{Name: strings.TrimSuffix(n, "/"), Kind: tree.Dir}})
		case strings.Contains(n, "->"):
			name, to, _ := strings.Cut(n, "->")
			changes = append(changes, tree.Change{Entry: &tree.Entry{Name: name, Kind: tree.Symlink, Target: to, DirLink: true}})
		default:
			name, text, _ := strings.Cut(n, "=")
			e := &tree.Entry{Name: name, Kind: tree.File, Size: int64(len(text)), Times: tree.Times{Modified: clock().Add(-time.Hour)}}
			if text != "" {
				e.Content = tree.Bytes(text)
			}
			changes = append(changes, tree.Change{Entry: e})
		}
	}
	return &tree.Layer{Changes: tree.NewSet(changes)}
}

// result finishes the machine and writes its changes in the form of layer, one
// a line.
func result(t testing.TB, m *machine.Machine) string {
	t.Helper()
	res, err := m.Finish(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return listing(t, res.Changes)
}

func listing(t testing.TB, changes []tree.Change) string {
	t.Helper()
	var b strings.Builder
	for _, c := range changes {
		e := c.Entry
		switch {
		case e == nil:
			fmt.Fprintf(&b, "-%s\n", c.Removed)
		case e.Kind == tree.Dir:
			fmt.Fprintf(&b, "%s/\n", e.Name)
		case e.Kind == tree.File:
			link := ""
			if e.Link != "" {
				link = " " + e.Link
			}
			fmt.Fprintf(&b, "%s=%s%s\n", e.Name, text(t, e.Content), link)
		default:
			fmt.Fprintf(&b, "%s->%s\n", e.Name, e.Target)
		}
	}
	return strings.TrimSpace(b.String())
}

func text(t testing.TB, c tree.Content) string {
	t.Helper()
	if c == nil {
		return ""
	}
	r, err := c.Open(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestSmoke(t *testing.T) {
	m := start(t, machine.Options{})
	f := m.FS()
	ctx := t.Context()
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Error(err)
		}
	}
	check(f.Mkdir(ctx, `C:\app`))
	check(f.WriteFile(ctx, `c:\APP\x.txt`, []byte("hello")))
	check(f.MkdirAll(ctx, `C:\program files\Foo\bar`))
	check(f.CopyFile(ctx, `C:\app\x.txt`, `C:\program files\foo\bar\y.txt`, true))
	check(f.Rename(ctx, `C:\app\x.txt`, `C:\app\z.txt`, false))
	infos, err := f.ReadDir(ctx, `C:\`)
	check(err)
	for _, i := range infos {
		t.Log(i.Path, i.Attributes)
	}
	p := m.Process("cmd /c x", `C:\`, nil, nil)
	t.Log(strings.Join(p.Env.List(), "\n"))
	t.Log("\n" + result(t, m))
}
