package layer

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/casement/casement/internal/tree"
	"github.com/casement/casement/internal/winmeta"
)

// representative is a layer with one of everything.
func representative() (below tree.Tree, l *tree.Layer) {
	base := layerOf(
		dir("Program Files"),
		tree.Change{Entry: &tree.Entry{Name: "App", Kind: tree.Dir, Owner: &tree.Owner{User: "ContainerUser"}}},
		tree.Change{Entry: &tree.Entry{Name: "Data", Kind: tree.Dir, Windows: &tree.Windows{Attributes: 18, Descriptor: winmeta.DefaultDescriptor(true)}}},
		tree.Change{Entry: &tree.Entry{Name: "current", Kind: tree.Symlink, Target: "App", DirLink: true}},
	)
	script := file("app/run.ps1", "Write-Output hi\r\n")
	script.Entry.Times.Modified = time.Unix(1795204460, 98180555)
	owned := file("app/owned.txt", "mine")
	owned.Entry.Owner = &tree.Owner{User: "ContainerUser"}
	hidden := file("DATA/hidden.bin", strings.Repeat("x", 600))
	hidden.Entry.Windows = &tree.Windows{Attributes: 2 | 512, EA: map[string][]byte{"CASE": {1, 2}}}
	junction := tree.Change{Entry: &tree.Entry{Name: "app/j", Kind: tree.Junction, Target: "/app/lib"}}
	long := "app/lib/" + strings.Repeat("deep/", 20) + "é.txt"
	return known(base), layerOf(
		script, owned, hidden, junction, file(long, "x"), dir("app/lib"),
		file("windows/system32/new.dll", "dll"),
		file("Documents and Settings/All Users/x.txt", "x"),
		file("current/through.txt", "via link"),
		symlink("app/abs", "/windows/notepad.exe"), symlink("app/rel", "../DATA/hidden.bin"), symlink("app/todir", "lib"),
		symlink("app/tostd", "/Windows/System32"),
		hardlink("app/a-link", "app/run.ps1"), hardlink("app/z-link", "app/run.ps1"),
		removed("app/old.txt"), removed("gone"),
	)
}

// Broken if it fails: what a Windows layer looks like has changed.
func TestGoldenWindowsLayer(t *testing.T) {
	below, l := representative()
	golden(t, "windows.txt", listing(t, tarOf(t, below, l, Options{})))
}

// Broken if it fails: what a Linux layer looks like has changed.
func TestGoldenLinuxLayer(t *testing.T) {
	exe := file("bin/tool", "#!")
	exe.Entry.Unix = &tree.Unix{Mode: 0o4755, UID: 10, GID: 20, Xattrs: map[string]string{"security.capability": "\x01\x00\x02", "user.a": "b"}}
	exe.Entry.Times.Modified = time.Unix(1700000000, 999)
	own := file("bin/own", "")
	own.Entry.Owner = &tree.Owner{User: "1000", Group: "1001"}
	dev := tree.Change{Entry: &tree.Entry{Name: "dev/null", Kind: tree.Device, Unix: &tree.Unix{Mode: 0o666, Char: true, Major: 1, Minor: 3}}}
	op := dir("cache")
	op.Opaque = true
	l := layerOf(exe, own, dev, op, file("cache/new", "n"), dir("bin"), symlink("lib64", "/usr/lib64"), removed("etc/gone"),
		hardlink("bin/again", "bin/tool"), tree.Change{Entry: &tree.Entry{Name: "run/pipe", Kind: tree.Fifo}},
		file(strings.Repeat("long/", 30)+"é", "x"), file(strings.Repeat("n", 90)+"/"+strings.Repeat("m", 60), "y"))
	golden(t, "linux.txt", listing(t, tarOf(t, nil, l, Options{Format: Linux})))
}

// BuildKit's fault 1: the format follows the image, not what the layer lies on.
func TestLayerOfScratchIsWindows(t *testing.T) {
	got := names(t, tarOf(t, nil, layerOf(file("app/payload", "x")), Options{}))
	want := []string{"5 Files", "5 Files/app", "0 Files/app/payload", "5 Hives"}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// An empty layer still has both directories.
func TestEmptyLayer(t *testing.T) {
	if d := cmp.Diff([]string{"5 Files", "5 Hives"}, names(t, tarOf(t, nil, layerOf(), Options{}))); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string(nil), names(t, tarOf(t, nil, layerOf(), Options{Format: Linux}))); d != "" {
		t.Error(d)
	}
}

// BuildKit's fault 4: names are spelled as the base has them, and parents keep
// their descriptors.
func TestSpellingAndDescriptorOfBase(t *testing.T) {
	l := layerOf(file("windows/system32/new.dll", "x"))
	data := tarOf(t, nil, l, Options{})
	want := []string{"5 Files", "5 Files/Windows", "5 Files/Windows/System32", "0 Files/Windows/System32/new.dll", "5 Hives"}
	if d := cmp.Diff(want, names(t, data)); d != "" {
		t.Error(d)
	}
	sd, ok := winmeta.DirDescriptor("Windows/System32")
	if !ok || !strings.Contains(listing(t, data), base64.StdEncoding.EncodeToString(sd)) {
		t.Error("System32 does not have its documented descriptor")
	}
	if bytes.Equal(sd, winmeta.DefaultDescriptor(true)) {
		t.Error("the test proves nothing: System32 has the default descriptor")
	}
}

// BuildKit's fault 5: standard junctions resolve.
func TestStandardJunctions(t *testing.T) {
	got := names(t, tarOf(t, nil, layerOf(file("Documents and Settings/x.dll", "x")), Options{}))
	want := []string{"5 Files", "5 Files/Users", "0 Files/Users/x.dll", "5 Hives"}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// BuildKit's fault 6: a file that equals one below in size and time is written.
func TestSameSizeAndTimeIsWritten(t *testing.T) {
	a, b := file("x/one.dll", "AAAA"), file("x/one.dll", "BBBB")
	a.Entry.Times.Modified, b.Entry.Times.Modified = time.Unix(5, 5), time.Unix(5, 5)
	if got := names(t, tarOf(t, known(layerOf(a)), layerOf(b), Options{})); !slices.Contains(got, "0 Files/x/one.dll") {
		t.Errorf("the changed file is missing: %q", got)
	}
}

// BuildKit's faults 7 and 8: the same input gives the same bytes, and no record
// has a wrong fraction or another time than the entry.
func TestEpoch(t *testing.T) {
	below, l := representative()
	epoch := time.Unix(1700000000, 0)
	data := tarOf(t, below, l, Options{Epoch: &epoch})
	for line := range strings.Lines(listing(t, data)) {
		for _, k := range []string{"mtime=", paxCreated + "=", "atime=", "ctime="} {
			if _, v, ok := strings.Cut(strings.TrimSpace(line), k); ok && v != "1700000000" {
				t.Errorf("line %q has another time", strings.TrimSpace(line))
			}
		}
	}
	below, l = representative()
	if !bytes.Equal(data, tarOf(t, below, l, Options{Epoch: &epoch})) {
		t.Error("two runs differ")
	}
}

// BuildKit's fault 9: an owner is written, and an unknown one refused.
func TestOwner(t *testing.T) {
	f := file("a", "x")
	f.Entry.Owner = &tree.Owner{User: "ContainerUser"}
	sd, err := winmeta.OwnedDescriptor(winmeta.ContainerUser, false)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(listing(t, tarOf(t, nil, layerOf(f), Options{})), base64.StdEncoding.EncodeToString(sd)) {
		t.Error("the owner is not in the layer")
	}
	f.Entry.Owner = &tree.Owner{User: "bob"}
	_, err = Prepare(t.Context(), nil, layerOf(f), Options{})
	wantEntryError(t, err, "/a", "bob", "Dockerfile:2")
}

// Broken if it fails: something gets into a Windows layer that Windows cannot
// import, or a check hits what is right.
func TestWindowsRefusals(t *testing.T) {
	opaqueDir := dir("cache")
	opaqueDir.Opaque = true
	for _, tc := range []struct {
		name    string
		changes []tree.Change
		parts   []string
	}{
		{"colon", []tree.Change{file("a:b", "")}, []string{"a:b"}},
		{"reserved", []tree.Change{file("x/aux.txt", "")}, []string{"aux.txt"}},
		{"dot", []tree.Change{file("name.", "")}, []string{"name."}},
		{"backslash", []tree.Change{file(`a\b`, "")}, []string{`a\b`}},
		{"config", []tree.Change{file("windows/SYSTEM32/config/SAM", "")}, []string{"config"}},
		{"fifo", []tree.Change{{Entry: &tree.Entry{Name: "p", Kind: tree.Fifo}}}, []string{"/p", "fifo"}},
		{"socket", []tree.Change{{Entry: &tree.Entry{Name: "s", Kind: tree.Socket}}}, []string{"/s", "socket"}},
		{"device", []tree.Change{{Entry: &tree.Entry{Name: "d", Kind: tree.Device}}}, []string{"/d", "device"}},
		{"case", []tree.Change{file("a/Readme", ""), file("a/README", "")}, []string{"Readme", "README"}},
		{"case of kinds", []tree.Change{file("a", ""), file("A/b", "")}, []string{"/A/b", "/a"}},
		{"below link", []tree.Change{symlink("l", "d"), file("l/x", "")}, []string{"/l/x", "/l"}},
		{"below file", []tree.Change{file("f", ""), file("f/x", "")}, []string{"/f/x"}},
		{"whiteout name", []tree.Change{file("d/.wh.x", "")}, []string{".wh."}},
		{"hard link out", []tree.Change{hardlink("h", "../x")}, []string{"/h", "hard link"}},
		{"hard link to nothing", []tree.Change{hardlink("h", "x")}, []string{"/h", "/x"}},
		{"hard link to itself", []tree.Change{hardlink("h", "h")}, []string{"/h"}},
		{"opaque", []tree.Change{opaqueDir}, []string{"/cache"}},
		{"empty link", []tree.Change{symlink("l", "")}, []string{"/l"}},
		{"bad descriptor", []tree.Change{{Entry: &tree.Entry{Name: "f", Kind: tree.File, Windows: &tree.Windows{Descriptor: []byte{1}}}}}, []string{"/f"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := Prepare(t.Context(), nil, layerOf(tc.changes...), Options{})
			wantEntryError(t, err, tc.parts...)
		})
	}
}

// Broken if it fails: Linux layers hold what no runtime unpacks.
func TestLinuxRefusals(t *testing.T) {
	owned := file("a", "")
	owned.Entry.Owner = &tree.Owner{User: "bob"}
	for name, changes := range map[string][]tree.Change{
		"socket": {{Entry: &tree.Entry{Name: "s", Kind: tree.Socket}}}, "owner": {owned},
		"below link": {symlink("l", "d"), file("l/x", "")}, "dots": {file("../x", "")}, "whiteout": {file(".wh.x", "")},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Prepare(t.Context(), nil, layerOf(changes...), Options{Format: Linux})
			wantEntryError(t, err)
		})
	}
}

// Directories that differ only in case become one, with the first spelling.
func TestMergedDirectories(t *testing.T) {
	want := []string{"5 Files", "5 Files/App", "0 Files/App/a", "0 Files/App/b", "5 Hives"}
	got := names(t, tarOf(t, nil, layerOf(dir("App"), file("App/a", ""), dir("app"), file("app/b", "")), Options{}))
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// A directory that was removed and made again hides what is known below it.
func TestOpaqueExpands(t *testing.T) {
	below := known(layerOf(dir("cache"), file("cache/old", ""), file("cache/Kept", ""), file("cache/sub/x", "")))
	d := dir("cache")
	d.Opaque = true
	want := []string{"5 Files", "5 Files/cache", "0 Files/cache/.wh.old", "0 Files/cache/.wh.sub", "0 Files/cache/Kept", "5 Hives"}
	for name, l := range map[string]*tree.Layer{
		"opaque":  layerOf(d, file("cache/kept", "new")),
		"removed": layerOf(removed("CACHE"), file("cache/kept", "new")),
	} {
		if diff := cmp.Diff(want, names(t, tarOf(t, below, l, Options{}))); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// Files with a common Link group become hard links, unless they differ.
func TestLinkGroups(t *testing.T) {
	linked := func(name, content string) tree.Change {
		c := file(name, content)
		c.Entry.Link = "7:1"
		return c
	}
	other := linked("c", "same")
	other.Entry.Owner = &tree.Owner{User: "ContainerUser"}
	got := names(t, tarOf(t, nil, layerOf(linked("a", "same"), linked("b", "same"), other, linked("d", "diff")), Options{}))
	want := []string{"5 Files", "0 Files/a", "1 Files/b -> Files/a", "0 Files/c", "0 Files/d", "5 Hives"}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// lying is a content of another length than its entry says.
type lying struct{ text }

func (c lying) Size() int64 { return int64(len(c.text)) }

// Broken if it fails: a context file that changes while it is read gives a
// broken tar instead of an error.
func TestChangedContent(t *testing.T) {
	for _, size := range []int64{3, 5} {
		f := file("x/f", "1234")
		f.Entry.Content, f.Entry.Size = lying{"1234"}, size
		p, err := Prepare(t.Context(), nil, layerOf(f), Options{})
		if err != nil {
			t.Fatal(err)
		}
		_, err = p.WriteTar(t.Context(), io.Discard)
		if !errors.Is(err, tree.ErrChanged) || !strings.Contains(err.Error(), "x/f") {
			t.Errorf("size %d: WriteTar: %v", size, err)
		}
		_, err = p.Pack(t.Context(), openStore(t), nil)
		if !errors.Is(err, tree.ErrChanged) || !strings.Contains(err.Error(), "x/f") {
			t.Errorf("size %d: Pack: %v", size, err)
		}
	}
}

// Broken if it fails: the key misses something that reaches the blob.
func TestKey(t *testing.T) {
	key := func(o Options, changes ...tree.Change) string {
		p, err := Prepare(t.Context(), nil, layerOf(changes...), o)
		if err != nil {
			t.Fatal(err)
		}
		k, err := p.Key(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	late := file("a", "x")
	late.Entry.Times.Modified = time.Unix(9, 0)
	owned := file("a", "x")
	owned.Entry.Owner = &tree.Owner{User: "ContainerUser"}
	plain := key(Options{}, file("a", "x"))
	if plain == "" || plain != key(Options{}, file("a", "x")) {
		t.Errorf("key %q is not stable", plain)
	}
	if plain != key(Options{Lineage: "other"}, file("a", "x")) {
		t.Error("the lineage changes the key")
	}
	seen := map[string]string{plain: "plain"}
	epoch := time.Unix(1, 0)
	for name, k := range map[string]string{
		"content": key(Options{}, file("a", "y")), "name": key(Options{}, file("b", "x")), "time": key(Options{}, late),
		"owner": key(Options{}, owned), "level": key(Options{Level: 5}, file("a", "x")), "zstd": key(Options{Compression: Zstd}, file("a", "x")),
		"linux": key(Options{Format: Linux}, file("a", "x")), "epoch": key(Options{Epoch: &epoch}, file("a", "x")),
	} {
		if seen[k] != "" {
			t.Errorf("%s has the key of %s", name, seen[k])
		}
		seen[k] = name
	}
	if k := key(Options{}, tree.Change{Entry: &tree.Entry{Name: "a", Kind: tree.File, Size: 1, Content: anonymous{"x"}}}); k != "" {
		t.Errorf("a content without digest gives key %q", k)
	}
}

// anonymous is a content that cannot name its bytes.
type anonymous struct{ t text }

func (c anonymous) Open(ctx context.Context) (io.ReadCloser, error) { return c.t.Open(ctx) }
func (c anonymous) Size() int64                                     { return c.t.Size() }
