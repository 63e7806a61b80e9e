package layer

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/casement/casement/internal/tree"
)

// remote is a blob elsewhere that counts what is read of it.
type remote struct {
	data  []byte
	read  atomic.Int64
	opens atomic.Int64
}

func (r *remote) Open(_ context.Context, offset int64) (io.ReadCloser, error) {
	r.opens.Add(1)
	return io.NopCloser(&counted{bytes.NewReader(r.data[offset:]), &r.read}), nil
}

type counted struct {
	r io.Reader
	n *atomic.Int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n.Add(int64(n))
	return n, err
}

func remoteOrigin(data []byte, diffID digest.Digest) (tree.Origin, *remote) {
	r := &remote{data: data}
	return tree.Origin{
		Descriptor: ocispec.Descriptor{MediaType: ocispec.MediaTypeImageLayerGzip, Digest: digestOf(data), Size: int64(len(data))},
		DiffID:     diffID, Blob: r,
	}, r
}

func gzipped(data []byte) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write(data)
	z.Close()
	return b.Bytes()
}

// blobBytes returns the bytes of a packed blob.
func blobBytes(t testing.TB, o tree.Origin) []byte {
	r, err := o.Blob.Open(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func read(t testing.TB, e *tree.Entry) string {
	t.Helper()
	if e.Content == nil {
		return ""
	}
	r, err := e.Content.Open(t.Context())
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

// describe prints what matters of a layer's changes.
func describe(t testing.TB, c tree.Changes) []string {
	t.Helper()
	var out []string
	for ch, err := range c.All(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		e := ch.Entry
		if e == nil {
			out = append(out, "removed "+ch.Removed)
			continue
		}
		line := fmt.Sprintf("%s %s -> %q opaque=%t", e.Kind, e.Name, e.Target, ch.Opaque)
		if e.Kind == tree.File {
			line += fmt.Sprintf(" %d %s at %d", e.Size, digestOf([]byte(read(t, e))), e.Times.Modified.Unix())
		}
		if e.Unix != nil {
			line += fmt.Sprintf(" %o %d %d %v", e.Unix.Mode, e.Unix.UID, e.Unix.GID, e.Unix.Xattrs)
		}
		out = append(out, line)
	}
	return out
}

// randomTree is a layer that reading must give back as it is.
func randomTree(r *rand.Rand, f Format) []tree.Change {
	var out []tree.Change
	seen := map[string]bool{}
	add := func(c tree.Change) {
		if f == Windows {
			c.Entry.Windows = &tree.Windows{Attributes: map[tree.Kind]uint32{tree.File: 32, tree.Dir: 16}[c.Entry.Kind]}
		} else {
			c.Entry.Unix = &tree.Unix{Mode: uint32(r.IntN(0o10000)), UID: r.IntN(3000), GID: r.IntN(3)}
		}
		if !seen[c.Entry.Name] {
			seen[c.Entry.Name] = true
			out = append(out, c)
		}
	}
	add(dir(""))
	dirs := []string{""}
	for i := range 40 {
		name := tree.Join(dirs[r.IntN(len(dirs))], fmt.Sprintf("%s%d", []string{"a", "Ü", "x y", strings.Repeat("l", 60)}[r.IntN(4)], i))
		switch r.IntN(6) {
		case 0, 1:
			dirs = append(dirs, name)
			c := dir(name)
			c.Opaque = f == Linux && r.IntN(3) == 0
			add(c)
		case 2:
			add(symlink(name, []string{"../x", "/abs/y", "z"}[r.IntN(3)]))
		case 3:
			out = append(out, removed(name))
		default:
			c := file(name, randomText(r, r.IntN(3)*r.IntN(100000)))
			c.Entry.Times.Modified = time.Unix(int64(r.IntN(1<<31)), 0)
			add(c)
		}
	}
	if f == Linux {
		out = out[1:]
	}
	return out
}

// Broken if it fails: a layer that was written reads back as something else.
func TestWriteThenRead(t *testing.T) {
	for _, f := range []Format{Windows, Linux} {
		for _, c := range []Compression{Gzip, Zstd, None} {
			r := rand.New(rand.NewPCG(uint64(f), uint64(c)))
			for range 3 {
				changes := randomTree(r, f)
				o := packLayer(t, openStore(t), append([]tree.Change(nil), changes...), Options{Format: f, Compression: c})
				origin, _ := remoteOrigin(blobBytes(t, o), o.DiffID)
				st := openStore(t)
				want := describe(t, layerOf(changes...).Changes)
				for range 2 { // the second time from what the store has
					l := Sealed(st, origin, f, "layer 1", nil)
					if d := cmp.Diff(want, describe(t, l.Changes)); d != "" {
						t.Fatalf("%s %s: %s", f, c, d)
					}
				}
			}
		}
	}
}

// bigLayer has a file near the start, one near the end, and much between.
func bigLayer(t testing.TB) ([]byte, tree.Origin) {
	r := rand.New(rand.NewPCG(11, 12))
	changes := []tree.Change{file("a/First.dll", "first"), file("z/last.dll", "last"), hardlink("z/zz.dll", "a/first.DLL")}
	for i := range 80 {
		noise := make([]byte, 50000)
		for k := range noise {
			noise[k] = byte(r.Uint32())
		}
		changes = append(changes, file(fmt.Sprintf("m/f%02d", i), string(noise)))
	}
	o := packLayer(t, openStore(t), changes, Options{})
	return blobBytes(t, o), o
}

// Broken if it fails: finding or reading one file downloads more than it needs,
// or something twice.
func TestReadsNoFurtherThanNeeded(t *testing.T) {
	data, o := bigLayer(t)
	origin, blob := remoteOrigin(data, o.DiffID)
	st := openStore(t)
	l := Sealed(st, origin, Windows, "layer 1", nil)
	c, err := l.Changes.Find(t.Context(), "A/FIRST.dll", true)
	if err != nil || c.Entry.Name != "a/First.dll" {
		t.Fatalf("Find: %+v, %v", c, err)
	}
	if err := l.Changes.(tree.Prefetcher).Prefetch(t.Context(), tree.Want{Names: []string{"a/first.dll"}}); err != nil {
		t.Fatal(err)
	}
	if got := read(t, c.Entry); got != "first" {
		t.Errorf("content %q", got)
	}
	if n := blob.read.Load(); n > 1<<20 {
		t.Errorf("%d bytes of %d read for the first file", n, len(data))
	}
	// In another process: the index and the content are in the store.
	before := blob.read.Load()
	l = Sealed(st, origin, Windows, "layer 1", nil)
	if c, err = l.Changes.Find(t.Context(), "a/first.dll", true); err != nil || read(t, c.Entry) != "first" {
		t.Errorf("Find again: %+v, %v", c, err)
	}
	if blob.read.Load() != before {
		t.Error("the second time reads the blob again")
	}
	// A link to a file that is behind us does not download it again.
	if c, err = l.Changes.Find(t.Context(), "z/zz.dll", true); err != nil || c.Entry.Kind != tree.File || read(t, c.Entry) != "first" {
		t.Errorf("hard link: %+v, %v", c, err)
	}
	if n := blob.read.Load(); n > int64(len(data)) {
		t.Errorf("%d bytes of %d read", n, len(data))
	}
	if _, err := l.Changes.Find(t.Context(), "nowhere", true); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Find(nowhere): %v", err)
	}
	if n := blob.read.Load(); n != int64(len(data)) {
		t.Errorf("%d bytes of %d read in the end", n, len(data))
	}
	if _, err := st.Stat(digestOf(data)); err != nil {
		t.Errorf("the whole blob is not in the store: %v", err)
	}
}

// Broken if it fails: several questions at once read the blob several times.
func TestQuestionsShareOnePass(t *testing.T) {
	data, o := bigLayer(t)
	origin, blob := remoteOrigin(data, o.DiffID)
	l := Sealed(openStore(t), origin, Windows, "layer 1", nil)
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			name := fmt.Sprintf("M/F%02d", i*3)
			c, err := l.Changes.Find(t.Context(), name, true)
			if err != nil || c.Entry.Size != 50000 || len(read(t, c.Entry)) != 50000 {
				t.Errorf("%s: %+v, %v", name, c, err)
			}
		})
	}
	wg.Wait()
	if n := blob.read.Load(); n > int64(len(data)) {
		t.Errorf("%d bytes of %d read", n, len(data))
	}
}

// Broken if it fails: a directory that is prefetched comes file by file.
func TestPrefetchDirectory(t *testing.T) {
	data, o := bigLayer(t)
	origin, blob := remoteOrigin(data, o.DiffID)
	st := openStore(t)
	l := Sealed(st, origin, Windows, "layer 1", nil)
	if err := l.Changes.(tree.Prefetcher).Prefetch(t.Context(), tree.Want{Names: []string{"Z", "m/f03"}}); err != nil {
		t.Fatal(err)
	}
	if n := len(loadExtracted(st, digestOf(data), "")); n != 3 {
		t.Errorf("%d contents extracted, want last.dll, first.dll behind the link, and f03", n)
	}
	if n := blob.read.Load(); n > int64(len(data)) {
		t.Errorf("%d bytes of %d read", n, len(data))
	}
}

// Broken if it fails: a caller that gives up leaves the layer unusable.
func TestCancelledQuestion(t *testing.T) {
	data, o := bigLayer(t)
	origin, blob := remoteOrigin(data, o.DiffID)
	l := Sealed(openStore(t), origin, Windows, "layer 1", nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := l.Changes.Find(ctx, "z/last.dll", true); !errors.Is(err, context.Canceled) {
		t.Errorf("Find: %v", err)
	}
	if _, err := l.Changes.Find(t.Context(), "z/last.dll", true); err != nil {
		t.Error(err)
	}
	if n := blob.read.Load(); n > int64(len(data)) {
		t.Errorf("%d bytes of %d read", n, len(data))
	}
}

// Broken if it fails: wrong bytes are believed, or stay and spoil the next try.
func TestWrongBytes(t *testing.T) {
	data, o := bigLayer(t)
	for _, at := range []int{len(data) / 2, len(data) - 3} {
		origin, blob := remoteOrigin(data, o.DiffID)
		blob.data = bytes.Clone(data)
		blob.data[at] ^= 0x55
		st := openStore(t)
		if _, err := Sealed(st, origin, Windows, "layer 1", nil).Changes.Find(t.Context(), "nowhere", true); err == nil || errors.Is(err, fs.ErrNotExist) {
			t.Errorf("wrong byte at %d: %v", at, err)
		} else if !strings.Contains(err.Error(), origin.Descriptor.Digest.String()) {
			t.Errorf("error %q does not name the blob", err)
		}
		blob.data = data
		if _, err := Sealed(st, origin, Windows, "layer 1", nil).Changes.Find(t.Context(), "nowhere", true); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("after the registry was mended: %v", err)
		}
	}
	origin, _ := remoteOrigin(data, digestOf([]byte("other")))
	l := Sealed(openStore(t), origin, Windows, "layer 1", nil)
	for _, err := range l.Changes.All(t.Context()) {
		if err == nil || !strings.Contains(err.Error(), "config") {
			t.Errorf("wrong diff ID: %v", err)
		}
		break
	}
}

// Broken if it fails: a connection that broke starts the download anew.
func TestResume(t *testing.T) {
	data, o := bigLayer(t)
	origin, blob := remoteOrigin(data, o.DiffID)
	blob.data = data[:len(data)/2]
	st := openStore(t)
	if _, err := Sealed(st, origin, Windows, "", nil).Changes.Find(t.Context(), "nowhere", true); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("half a blob: %v", err)
	}
	blob.data = data
	if _, err := Sealed(st, origin, Windows, "", nil).Changes.Find(t.Context(), "nowhere", true); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the rest: %v", err)
	}
	if n := blob.read.Load(); n != int64(len(data)) {
		t.Errorf("%d bytes read of %d", n, len(data))
	}
}

// tarWith makes a tar of these headers; files have their names as content.
func tarWith(t testing.TB, hdrs ...*tar.Header) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, h := range hdrs {
		if h.Typeflag == tar.TypeReg {
			h.Size = int64(len(h.Name))
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if h.Typeflag == tar.TypeReg {
			io.WriteString(w, h.Name)
		}
	}
	w.Close()
	return b.Bytes()
}

func reg(name string) *tar.Header { return &tar.Header{Typeflag: tar.TypeReg, Name: name} }
func link(name, to string) *tar.Header {
	return &tar.Header{Typeflag: tar.TypeLink, Name: name, Linkname: to}
}

// Broken if it fails: a hostile layer is read instead of refused.
func TestHostileLayers(t *testing.T) {
	for _, tc := range []struct {
		name string
		f    Format
		data []byte
		part string
	}{
		{"dots", Linux, tarWith(t, reg("a"), reg("b/../../x")), "leads out"},
		{"dots on Windows", Windows, tarWith(t, reg("Files/../x")), "leads out"},
		{"absolute", Linux, tarWith(t, reg("/etc/passwd")), "absolute"},
		{"backslash", Windows, tarWith(t, reg(`Files\x`)), "backslash"},
		{"hard link out", Linux, tarWith(t, link("a", "../b")), "leads out"},
		{"hard link outside Files", Windows, tarWith(t, link("Files/a", "Hives/b")), "outside Files"},
		{"hard link to itself", Linux, tarWith(t, link("a", "b"), link("b", "a")), "leads to itself"},
		{"twice", Linux, tarWith(t, reg("a"), reg("a")), "twice"},
		{"twice in another case", Windows, tarWith(t, reg("Files/a"), reg("Files/A")), "twice"},
		{"device", Windows, tarWith(t, &tar.Header{Typeflag: tar.TypeChar, Name: "Files/nul"}), "device"},
		{"bad attributes", Windows, tarWith(t, &tar.Header{Typeflag: tar.TypeDir, Name: "Files/d", PAXRecords: map[string]string{paxAttributes: "x"}}), "attributes"},
		{"cut off", Linux, tarWith(t, reg("a"), reg("bb"))[:1024+513], "breaks off"},
		{"bad header", Linux, append(tarWith(t, reg("a"))[:1024], bytes.Repeat([]byte("x"), 2048)...), "damaged"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			origin, _ := remoteOrigin(gzipped(tc.data), "")
			l := Sealed(openStore(t), origin, tc.f, "", nil)
			var err error
			for _, e := range l.Changes.All(t.Context()) {
				err = e
			}
			wantEntryError(t, err, tc.part, string(origin.Descriptor.Digest))
		})
	}
}

// Broken if it fails: truncated compressed data counts as the end of a layer.
func TestTruncatedGzip(t *testing.T) {
	whole := gzipped(tarWith(t, reg("a"), reg("b")))
	for _, cut := range []int{len(whole) - 1, len(whole) - 9, len(whole) / 2, 12, 3} {
		origin, _ := remoteOrigin(whole[:cut], "")
		_, err := Sealed(openStore(t), origin, Linux, "", nil).Changes.Find(t.Context(), "nowhere", false)
		if err == nil || errors.Is(err, fs.ErrNotExist) {
			t.Errorf("cut at %d: %v", cut, err)
		}
	}
}

// Broken if it fails: opaque directories and hard links of Linux layers, or the
// directories beside Files of Windows ones, are misread.
func TestReadsLayersOfOthers(t *testing.T) {
	linux := tarWith(t, &tar.Header{Typeflag: tar.TypeDir, Name: "./d/"}, reg("./d/x"), reg("d/.wh..wh..opq"), reg("d/.wh.gone"), link("h", "./d/x"))
	origin, _ := remoteOrigin(gzipped(linux), digestOf(linux))
	l := Sealed(openStore(t), origin, Linux, "", nil)
	c, err := l.Changes.Find(t.Context(), "d", false)
	if err != nil || !c.Opaque {
		t.Errorf("d: %+v, %v", c, err)
	}
	if c, err = l.Changes.Find(t.Context(), "h", false); err != nil || read(t, c.Entry) != "./d/x" {
		t.Errorf("h: %+v, %v", c, err)
	}
	if c, err = l.Changes.Find(t.Context(), "d/gone", false); err != nil || c.Removed != "d/gone" {
		t.Errorf("d/gone: %+v, %v", c, err)
	}
	st := openStore(t)
	win := tarWith(t, reg("Hives/System_Delta"), reg("UtilityVM/Files/x"), reg("Files/INF/a"), link("Files/b", "Files/inf/A"), reg("bin/x"))
	origin, _ = remoteOrigin(gzipped(win), digestOf(win))
	l = Sealed(st, origin, Windows, "", nil)
	if c, err = l.Changes.Find(t.Context(), "B", true); err != nil || read(t, c.Entry) != "Files/INF/a" {
		t.Errorf("B: %+v, %v", c, err)
	}
	if got := describe(t, l.Changes); len(got) != 2 {
		t.Errorf("changes %q", got)
	}
	info, ok := Summary(st, origin.Descriptor.Digest)
	want := Info{Complete: true, Files: 2, Bytes: 11, Hives: []string{"System_Delta"}, UtilityVM: 1, Other: 1}
	if d := cmp.Diff(want, info); d != "" || !ok {
		t.Error(d)
	}
}

// Broken if it fails: the registry changes of a base image are not found, or
// come from files of the tree that look like them.
func TestDeltaHives(t *testing.T) {
	st := openStore(t)
	data := tarWith(t, reg("Files/Software_Delta"), reg("Hives/System_Delta"), reg("hives/SOFTWARE_DELTA"), reg("Hives/note"), reg("Files/z"))
	origin, _ := remoteOrigin(gzipped(data), digestOf(data))
	for range 2 { // the second time from what the store has
		hives, err := Sealed(st, origin, Windows, "", nil).Changes.(tree.HiveLister).DeltaHives(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]string{}
		for name, c := range hives {
			got[name] = read(t, &tree.Entry{Content: c})
		}
		want := map[string]string{"SYSTEM": "Hives/System_Delta", "SOFTWARE": "hives/SOFTWARE_DELTA"}
		if d := cmp.Diff(want, got); d != "" {
			t.Error(d)
		}
	}
}

// FuzzSealed: no tar makes the reader crash, hang, or leave the tree.
func FuzzSealed(f *testing.F) {
	f.Add(tarWith(f, reg("Files/a"), link("Files/b", "Files/a"), reg("Files/.wh.c")), true)
	f.Add(tarWith(f, reg("a"), reg("d/.wh..wh..opq")), false)
	f.Add(tarWith(f, &tar.Header{Typeflag: tar.TypeDir, Name: "Files/d", PAXRecords: map[string]string{paxDescriptor: "AQA=", paxCreated: "-1.5"}}), true)
	st := openStore(f)
	f.Fuzz(func(t *testing.T, data []byte, windows bool) {
		format := Linux
		if windows {
			format = Windows
		}
		if len(data) == 0 {
			return
		}
		origin, _ := remoteOrigin(data, "")
		for c, err := range Sealed(st, origin, format, "", nil).Changes.All(t.Context()) {
			if err != nil {
				return
			}
			if n := c.Name(); tree.Clean(n) != n {
				t.Fatalf("name %q", n)
			}
		}
	})
}

// FuzzIndex: a damaged index is refused or harmless.
func FuzzIndex(f *testing.F) {
	x := newIndex(Windows, "")
	for i, h := range []*tar.Header{reg("Files/a"), link("Files/b", "Files/a"), {Typeflag: tar.TypeDir, Name: "Files", PAXRecords: map[string]string{paxDescriptor: "AQA="}}} {
		if err := x.add(h, int64(i+1)*512); err != nil {
			f.Fatal(err)
		}
	}
	f.Add(x.encode())
	f.Fuzz(func(t *testing.T, data []byte) {
		x, err := decodeIndex(data, Windows, "")
		if err != nil {
			return
		}
		_, _ = x.changes(func(*rec) tree.Content { return nil })
		if again, err := decodeIndex(x.encode(), Windows, ""); err != nil || len(again.recs) != len(x.recs) {
			t.Fatalf("encoding again: %v", err)
		}
	})
}
