package build

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/casement/casement/internal/dockerfile"
	"github.com/casement/casement/internal/tree"
)

// prefetched is the content of a layer that notes what it is told to prefetch.
type prefetched struct {
	*tree.Set
	asked *[]string
}

func (p prefetched) Prefetch(_ context.Context, w tree.Want) error {
	*p.asked = append(*p.asked, w.Names...)
	return nil
}

func built(asked *[]string, entries ...tree.Entry) []solved {
	var changes []tree.Change
	for _, e := range entries {
		changes = append(changes, tree.Change{Entry: &e})
	}
	chain := tree.NewChain(ocispec.Platform{OS: "windows"}, &tree.Layer{Changes: prefetched{tree.NewSet(changes), asked}})
	return []solved{{Result: dockerfile.Result{Platform: ocispec.Platform{OS: "windows", Architecture: "amd64"}}, chain: chain}}
}

func file(name, text string) tree.Entry {
	return tree.Entry{Name: name, Kind: tree.File, Size: int64(len(text)), Content: tree.Bytes(text)}
}

// Files of base images come out of one pass, links that are in the directory
// are replaced and not followed, and the time is that which was asked for.
func TestWriteLocal(t *testing.T) {
	var asked []string
	dest := t.TempDir()
	outside := filepath.Join(t.TempDir(), "outside")
	for name, err := range map[string]error{
		"outside": os.WriteFile(outside, []byte("mine"), 0o600),
		"b":       os.WriteFile(filepath.Join(dest, "b"), []byte("mine"), 0o400),
		"link":    os.Symlink("b", filepath.Join(dest, "a")),
		"out":     os.Symlink(outside, filepath.Join(dest, "c")),
	} {
		if err != nil {
			t.Fatal(name, err)
		}
	}
	epoch := time.Unix(1700000000, 0)
	all := built(&asked, file("a", "new a"), file("c", "new c"))
	if err := writeLocal(t.Context(), dest, all, &epoch); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		filepath.Join(dest, "a"): "new a", filepath.Join(dest, "b"): "mine", filepath.Join(dest, "c"): "new c", outside: "mine",
	} {
		if b, err := os.ReadFile(name); err != nil || string(b) != want {
			t.Errorf("%s has %q, %v; want %q", name, b, err, want)
		}
	}
	if fi, err := os.Lstat(filepath.Join(dest, "a")); err != nil || !fi.Mode().IsRegular() || !fi.ModTime().Equal(epoch) {
		t.Errorf("a is %v, %v", fi, err)
	}
	if len(asked) != 1 || asked[0] != "" {
		t.Errorf("prefetched %q, want all at once", asked)
	}
}

// A failed write leaves nothing behind and what was there as it was.
func TestToFile(t *testing.T) {
	dir := t.TempDir()
	dest := filepath.Join(dir, "sub", "out.tar")
	broken := errors.New("broken")
	if err := toFile(Output{Dest: dest}, func(w io.Writer) error { _, err := w.Write([]byte("1")); return err }); err != nil {
		t.Fatal(err)
	}
	if err := toFile(Output{Dest: dest}, func(w io.Writer) error { _, _ = w.Write([]byte("2")); return broken }); !errors.Is(err, broken) {
		t.Error(err)
	}
	list, err := os.ReadDir(filepath.Dir(dest))
	if b, rerr := os.ReadFile(dest); err != nil || len(list) != 1 || string(b) != "1" || rerr != nil {
		t.Errorf("left %v, %v; the file has %q, %v", list, err, b, rerr)
	}
}

// Writing to a device must not put a file in its place: as root, a build for
// /dev/null would break the machine.
func TestToDevice(t *testing.T) {
	if !special(os.DevNull) {
		t.Skip("this system has no device with a name")
	}
	link := filepath.Join(t.TempDir(), "null")
	if err := os.Symlink(os.DevNull, link); err != nil {
		t.Skip(err)
	}
	if err := toFile(Output{Dest: link}, func(w io.Writer) error { _, err := w.Write([]byte("1")); return err }); err != nil {
		t.Fatal(err)
	}
	if fi, err := os.Stat(link); err != nil || fi.Mode()&fs.ModeDevice == 0 {
		t.Errorf("the device has become %v, %v", fi, err)
	}
}
