package machine_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/store"
	"github.com/casement/casement/internal/tree"
)

func openStore(t testing.TB, dir string) *store.Store {
	t.Helper()
	st, err := store.Open(dir, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	return st
}

func spool(t testing.TB, st *store.Store) *machine.StoreSpool {
	t.Helper()
	s, err := machine.NewSpool(t.Context(), st)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func write(t testing.TB, s machine.Spool, parts ...[]byte) tree.Content {
	t.Helper()
	w, err := s.Create(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer w.Abort()
	for _, p := range parts {
		if n, err := w.Write(p); err != nil || n != len(p) {
			t.Fatal(n, err)
		}
	}
	c, err := w.Commit()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func file(name string, c tree.Content) tree.Change {
	return tree.Change{Entry: &tree.Entry{Name: name, Kind: tree.File, Size: c.Size(), Content: c}}
}

func digestOf(t testing.TB, c tree.Content) string {
	t.Helper()
	d, err := c.(tree.Digester).ContentDigest(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// Contents must be there while the step runs, after they were kept, and in a
// later process; and small ones must not become a blob each.
func TestStoreSpool(t *testing.T) {
	dir := t.TempDir()
	st := openStore(t, dir)
	s := spool(t, st)
	large := bytes.Repeat([]byte("0123456789abcdef"), 10<<16) // 10 MiB
	var changes []tree.Change
	for i := range 100 {
		changes = append(changes, file(fmt.Sprintf("f%d", i), write(t, s, fmt.Appendf(nil, "content %d", i))))
	}
	changes = append(changes, file("large", write(t, s, large[:1000], large[1000:9<<20], large[9<<20:])))
	dropped := write(t, s, large)
	changes = append(changes, file("elsewhere", tree.Bytes("from a layer")), tree.Change{Removed: "gone"})
	check := func(when string, changes []tree.Change) {
		t.Helper()
		for i := range 100 {
			if got, want := text(t, changes[i].Entry.Content), fmt.Sprintf("content %d", i); got != want {
				t.Fatalf("%s: file %d is %q", when, i, got)
			}
		}
		if got := text(t, changes[100].Entry.Content); got != string(large) {
			t.Fatalf("%s: the large file has %d bytes", when, len(got))
		}
		if got := text(t, changes[101].Entry.Content); got != "from a layer" {
			t.Fatalf("%s: the adopted file is %q", when, got)
		}
	}
	check("before", changes)
	if got, want := digestOf(t, changes[100].Entry.Content), digestOf(t, dropped); got != want {
		t.Errorf("the same bytes have digests %s and %s", got, want)
	}
	kept, err := s.Keep(t.Context(), changes)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	check("kept", kept)
	if blobs, err := filepath.Glob(filepath.Join(dir, "v1/blobs/sha256/*")); err != nil || len(blobs) != 2 {
		t.Errorf("%d blobs, want one for the small files and one for the large one; %v", len(blobs), err)
	}
	if temps, err := os.ReadDir(filepath.Join(dir, "v1/temp")); err != nil || len(temps) != 0 {
		t.Errorf("%d temporary files are left, %v", len(temps), err)
	}
	var sections []machine.Section
	for _, c := range kept[:102] {
		sec, ok := machine.SectionOf(c.Entry.Content)
		if !ok {
			t.Fatalf("%s has no section", c.Entry.Name)
		}
		sections = append(sections, sec)
	}
	st.Close()
	st = openStore(t, dir)
	for i, sec := range sections {
		e := *kept[i].Entry
		e.Content = sec.Content(st)
		if got, want := digestOf(t, e.Content), digestOf(t, kept[i].Entry.Content); got != want || e.Content.Size() != e.Size {
			t.Errorf("%s has the digest %s in the next process, was %s", e.Name, got, want)
		}
		kept[i].Entry = &e
	}
	check("reopened", kept)
}

// Two files that are written at once must not mix, and reading one must not
// disturb it.
func TestSpoolInterleaved(t *testing.T) {
	for name, s := range map[string]machine.Spool{"store": spool(t, openStore(t, t.TempDir())), "memory": machine.MemorySpool{}} {
		var wg sync.WaitGroup
		contents := make([]tree.Content, 8)
		for i := range contents {
			wg.Go(func() {
				w, err := s.Create(context.Background())
				if err != nil {
					t.Error(err)
					return
				}
				for j := range 2000 {
					fmt.Fprintf(w, "%d %d %s\n", i, j, strings.Repeat("x", i*800))
				}
				if contents[i], err = w.Commit(); err != nil {
					t.Error(err)
				}
				_ = text(t, contents[i])
			})
		}
		wg.Wait()
		for i, c := range contents {
			want := &strings.Builder{}
			for j := range 2000 {
				fmt.Fprintf(want, "%d %d %s\n", i, j, strings.Repeat("x", i*800))
			}
			if got := text(t, c); got != want.String() {
				t.Errorf("%s: content %d has %d bytes, want %d", name, i, len(got), want.Len())
			}
		}
	}
}

// After Close a content that nobody kept is gone, and says so.
func TestSpoolClosed(t *testing.T) {
	s := spool(t, openStore(t, t.TempDir()))
	c := write(t, s, []byte("x"))
	w, err := s.Create(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Open(t.Context()); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("opening a dropped content: %v", err)
	}
	if _, err := w.Write(make([]byte, 9<<20)); err == nil {
		if _, err = w.Commit(); err == nil {
			t.Error("a closed spool takes contents")
		}
	}
}

// What a step has written and removed again must not lie in the store for good:
// it may be a secret. What stays is the same whatever lay beside it.
func TestSpoolForgets(t *testing.T) {
	dir := t.TempDir()
	st := openStore(t, dir)
	s := spool(t, st)
	write(t, s, []byte("hunter22"))
	kept := []tree.Change{file("a", write(t, s, []byte("one"))), file("b", write(t, s, []byte("two")))}
	kept = append(kept, file("c", kept[0].Entry.Content))
	kept, err := s.Keep(t.Context(), kept)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if got := listing(t, kept); got != "a=one\nb=two\nc=one" {
		t.Errorf("kept\n%s", got)
	}
	pure := spool(t, st)
	same, err := pure.Keep(t.Context(), []tree.Change{file("a", write(t, pure, []byte("one"))), file("b", write(t, pure, []byte("two")))})
	if err != nil {
		t.Fatal(err)
	}
	a, _ := machine.SectionOf(kept[0].Entry.Content)
	b, _ := machine.SectionOf(same[0].Entry.Content)
	if a != b {
		t.Errorf("the same content lies at %v and at %v", a, b)
	}
	if err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(name)
		if bytes.Contains(text, []byte("hunter22")) {
			t.Errorf("%s has what was removed", name)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
}

// A content opens as a file in which programs can seek.
func TestOpenContent(t *testing.T) {
	big := bytes.Repeat([]byte("abcdefgh"), 300<<10)
	for name, c := range map[string]tree.Content{
		"spool": write(t, spool(t, openStore(t, t.TempDir())), big), "memory": write(t, machine.MemorySpool{}, big),
		"bytes": tree.Bytes(big), "stream": stream{big}, "small stream": stream{big[:1000]},
	} {
		f, err := machine.OpenContent(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		b := make([]byte, 5)
		read := func(want string) {
			t.Helper()
			if _, err := io.ReadFull(f, b); err != nil || string(b) != want {
				t.Errorf("%s: read %q, %v; want %q", name, b, err, want)
			}
		}
		read("abcde")
		if _, err := f.ReadAt(b, 8); err != nil || string(b) != "abcde" {
			t.Errorf("%s: ReadAt gives %q, %v", name, b, err)
		}
		read("fghab")
		if n, err := f.Seek(0, io.SeekCurrent); err != nil || n != 10 {
			t.Errorf("%s: at %d, %v", name, n, err)
		}
		if n, err := f.Seek(-8, io.SeekEnd); err != nil || n != c.Size()-8 {
			t.Errorf("%s: at %d, %v", name, n, err)
		}
		read("abcde")
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			t.Error(err)
		}
		read("abcde")
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
}

// stream is a content that can only be read from its beginning.
type stream struct{ b []byte }

func (s stream) Open(context.Context) (io.ReadCloser, error) {
	return io.NopCloser(io.MultiReader(bytes.NewReader(s.b))), nil
}
func (s stream) Size() int64 { return int64(len(s.b)) }

// Broken if it fails: files that grow in turns get each other's pieces, or reading
// one of many pieces opens a file for each.
func TestAppendedPieces(t *testing.T) {
	dir := t.TempDir()
	m, err := machine.New(machine.Options{Root: windows(), Spool: spool(t, openStore(t, dir))})
	if err != nil {
		t.Fatal(err)
	}
	f := m.FS()
	want := map[string]string{}
	for i := range 300 {
		for name, every := range map[string]int{`C:\a`: 1, `C:\b`: 3, `C:\big`: 100} {
			if i%every != 0 {
				continue
			}
			text := fmt.Sprintf("%s %d\r\n", name, i)
			if name == `C:\big` {
				text = strings.Repeat(text, 1<<20)
			}
			if err := create(t.Context(), f, name, text, machine.CreateOptions{Append: true}); err != nil {
				t.Fatal(err)
			}
			want[name] += text
		}
	}
	for name, text := range want {
		r, err := f.Open(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(r)
		if err != nil || string(got) != text {
			t.Errorf("%s: %d bytes, want %d, %v", name, len(got), len(text), err)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
}
