package layer

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"

	"github.com/casement/casement/internal/store"
	"github.com/casement/casement/internal/tree"
)

var update = flag.Bool("update", false, "write golden files")

// text is a content in memory.
type text string

func (c text) Open(context.Context) (io.ReadCloser, error) {
	return io.NopCloser(strings.NewReader(string(c))), nil
}
func (c text) Size() int64 { return int64(len(c)) }
func (c text) ContentDigest(context.Context) (string, error) {
	return string(digestOf([]byte(c))), nil
}

func file(name, content string) tree.Change {
	return tree.Change{Entry: &tree.Entry{Name: name, Kind: tree.File, Size: int64(len(content)), Content: text(content)}}
}

func dir(name string) tree.Change {
	return tree.Change{Entry: &tree.Entry{Name: name, Kind: tree.Dir}}
}

func symlink(name, target string) tree.Change {
	return tree.Change{Entry: &tree.Entry{Name: name, Kind: tree.Symlink, Target: target}}
}

func hardlink(name, target string) tree.Change {
	return tree.Change{Entry: &tree.Entry{Name: name, Kind: tree.Hardlink, Target: target}}
}

func removed(name string) tree.Change { return tree.Change{Removed: name} }

func layerOf(changes ...tree.Change) *tree.Layer {
	return &tree.Layer{Changes: tree.NewSet(changes), Label: "COPY . /", Where: "Dockerfile:2"}
}

// known is what a chain of these layers knows for nothing.
func known(layers ...*tree.Layer) tree.Tree {
	return tree.Chain{OS: "windows"}.Push(layers...).Known()
}

func openStore(t testing.TB) *store.Store {
	t.Helper()
	s, err := store.Open(t.TempDir(), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// tarOf prepares and writes a layer.
func tarOf(t testing.TB, below tree.Tree, l *tree.Layer, o Options) []byte {
	t.Helper()
	p, err := Prepare(t.Context(), below, l, o)
	if err != nil {
		t.Fatalf("Prepare: %v", err)
	}
	var buf bytes.Buffer
	w, err := p.WriteTar(t.Context(), &buf)
	if err != nil {
		t.Fatalf("WriteTar: %v", err)
	}
	if int64(buf.Len()) != w.Size || w.DiffID != digestOf(buf.Bytes()) {
		t.Fatalf("WriteTar says %d bytes, %s; wrote %d, %s", w.Size, w.DiffID, buf.Len(), digestOf(buf.Bytes()))
	}
	return buf.Bytes()
}

// listing prints a tar for people: one line per header, one per PAX record.
func listing(t testing.TB, data []byte) string {
	t.Helper()
	var b strings.Builder
	tr := tar.NewReader(bytes.NewReader(data))
	for {
		h, err := tr.Next()
		if err == io.EOF {
			return b.String()
		}
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "%c %s", h.Typeflag, h.Name)
		if h.Linkname != "" {
			fmt.Fprintf(&b, " -> %s", h.Linkname)
		}
		fmt.Fprintf(&b, " mode=%o uid=%d gid=%d size=%d mtime=%d", h.Mode, h.Uid, h.Gid, h.Size, h.ModTime.Unix())
		if h.Typeflag == tar.TypeChar || h.Typeflag == tar.TypeBlock {
			fmt.Fprintf(&b, " dev=%d,%d", h.Devmajor, h.Devminor)
		}
		b.WriteString("\n")
		var keys []string
		for k := range h.PAXRecords {
			keys = append(keys, k)
		}
		sort.Strings(keys)
		for _, k := range keys {
			fmt.Fprintf(&b, "    %s=%s\n", k, h.PAXRecords[k])
		}
	}
}

// names returns only the names of a tar's entries.
func names(t testing.TB, data []byte) []string {
	var out []string
	for line := range strings.Lines(listing(t, data)) {
		if !strings.HasPrefix(line, " ") {
			f := strings.SplitN(strings.TrimSpace(line), " mode=", 2)
			out = append(out, f[0])
		}
	}
	return out
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); d != "" {
		t.Errorf("%s differs (run with -update if it should):\n%s", name, d)
	}
}

// wantEntryError checks that err is a refusal with a hint whose text has all parts.
func wantEntryError(t testing.TB, err error, parts ...string) {
	t.Helper()
	e, ok := errors.AsType[*EntryError](err)
	if !ok {
		t.Fatalf("error %v (%T) is no EntryError", err, err)
	}
	for _, p := range parts {
		if !strings.Contains(err.Error(), p) {
			t.Errorf("error %q does not mention %q", err, p)
		}
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("error %q has more than one line", err)
	}
	_ = e.Hint()
}

// digestOf returns the digest of b.
func digestOf(b []byte) digest.Digest { return digest.FromBytes(b) }
