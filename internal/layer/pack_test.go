package layer

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/casement/casement/internal/hive"
	"github.com/casement/casement/internal/store"
	"github.com/casement/casement/internal/tree"
	"github.com/casement/casement/internal/winmeta"
)

// Broken if it fails: the HostProcess base is not the one of the format's test
// vector, and every image made from it changes.
func TestHostProcessVector(t *testing.T) {
	h, err := hive.Minimal(hive.Options{})
	if err != nil {
		t.Fatal(err)
	}
	sd := func(dir bool) *tree.Windows { return &tree.Windows{Descriptor: winmeta.DefaultDescriptor(dir)} }
	var changes []tree.Change
	for _, n := range []string{"", "Windows", "Windows/System32", "Windows/System32/config"} {
		changes = append(changes, tree.Change{Entry: &tree.Entry{Name: n, Kind: tree.Dir, Windows: sd(true)}})
	}
	for _, n := range []string{"DEFAULT", "SAM", "SECURITY", "SOFTWARE", "SYSTEM"} {
		changes = append(changes, file("Windows/System32/config/"+n, string(h)))
	}
	data := tarOf(t, nil, layerOf(changes...), Options{Base: true})
	const want = "sha256:508b835471e77a4cdf2dd2133bd879d31c04b159dc01f8a8c938694e6d867f27"
	if got := digestOf(data); len(data) != 55808 || string(got) != want {
		t.Errorf("%d bytes, %s\n%s", len(data), got, listing(t, data))
	}
}

// unpackBlob reads the whole blob and returns the tar.
func unpackBlob(t testing.TB, o tree.Origin, c Compression) []byte {
	t.Helper()
	r, err := o.Blob.Open(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var in io.Reader = r
	switch c {
	case Gzip:
		if in, err = gzip.NewReader(r); err != nil {
			t.Fatal(err)
		}
	case Zstd:
		d, err := zstd.NewReader(r)
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		in = d
	}
	data, err := io.ReadAll(in)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// randomText gives content that compresses like a real one.
func randomText(r *rand.Rand, n int) string {
	var b strings.Builder
	for b.Len() < n {
		if r.IntN(4) == 0 {
			fmt.Fprintf(&b, "%x", r.Uint64())
		} else {
			b.WriteString([]string{"func ", "return ", "error", "{\n", "}\n", "the ", "value "}[r.IntN(7)])
		}
	}
	return b.String()[:n]
}

func randomLayer(r *rand.Rand, files int) []tree.Change {
	var out []tree.Change
	for i := range files {
		size := r.IntN(30000)
		switch r.IntN(20) {
		case 0:
			size = 0
		case 1:
			size = largeFile + r.IntN(3*largeFile)
		case 2:
			size = 512 * r.IntN(5)
		}
		c := file(fmt.Sprintf("d%d/e%d/f%d.txt", r.IntN(5), r.IntN(9), i), randomText(r, size))
		c.Entry.Times.Modified = time.Unix(int64(r.IntN(1<<30)), 5)
		out = append(out, c)
	}
	return out
}

func packLayer(t testing.TB, st *store.Store, changes []tree.Change, o Options) tree.Origin {
	t.Helper()
	p, err := Prepare(t.Context(), nil, layerOf(changes...), o)
	if err != nil {
		t.Fatal(err)
	}
	origin, err := p.Pack(t.Context(), st, nil)
	if err != nil {
		t.Fatal(err)
	}
	return origin
}

// Broken if it fails: the blob depends on the number of processors, or is not
// the tar that WriteTar writes, or its digests are wrong.
func TestPackIsDeterministic(t *testing.T) {
	changes := randomLayer(rand.New(rand.NewPCG(3, 4)), 45)
	for _, c := range []Compression{Gzip, Zstd, None} {
		for _, f := range []Format{Windows, Linux} {
			o := Options{Compression: c, Format: f}
			want := tarOf(t, nil, layerOf(changes...), o)
			first := packLayer(t, openStore(t), changes, o)
			if got := unpackBlob(t, first, c); !bytes.Equal(got, want) || first.DiffID != digestOf(want) {
				t.Fatalf("%s %s: the blob is not the tar", f, c)
			}
			if first.Descriptor.MediaType != c.mediaType() {
				t.Errorf("media type %s", first.Descriptor.MediaType)
			}
			old := runtime.GOMAXPROCS(7)
			again := packLayer(t, openStore(t), changes, o)
			runtime.GOMAXPROCS(old)
			if again.Descriptor.Digest != first.Descriptor.Digest {
				t.Errorf("%s %s: seven processors give another blob", f, c)
			}
		}
	}
}

// Broken if it fails: taking over members from the last blob gives another
// result than packing anew.
func TestIncrementalIsCold(t *testing.T) {
	for _, c := range []Compression{Gzip, Zstd, None} {
		r := rand.New(rand.NewPCG(5, uint64(c)))
		changes := randomLayer(r, 40)
		st := openStore(t)
		o := Options{Compression: c, Lineage: "Dockerfile:2"}
		packLayer(t, st, changes, o)
		for round := range 3 {
			changes = edit(r, changes, round)
			warm := packLayer(t, st, changes, o)
			cold := packLayer(t, openStore(t), changes, o)
			if warm.Descriptor.Digest != cold.Descriptor.Digest || warm.DiffID != cold.DiffID {
				t.Fatalf("%s round %d: incremental differs from cold", c, round)
			}
		}
	}
}

// Broken if it fails: a large file that was the last entry and is not any more
// waits for a turn that nobody passes on.
func TestLargeLastFile(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 8))
	changes := []tree.Change{file("a", "x"), file("large", randomText(r, 3*largeFile+5))}
	for _, more := range []string{"z", "b"} {
		st := openStore(t)
		o := Options{Format: Linux, Lineage: "l"}
		packLayer(t, st, append([]tree.Change(nil), changes...), o)
		grown := append(changes[:2:2], file(more, "new"))
		warm, cold := packLayer(t, st, grown, o), packLayer(t, openStore(t), grown, o)
		if warm.Descriptor.Digest != cold.Descriptor.Digest || warm.DiffID != cold.DiffID {
			t.Errorf("%s: incremental differs from cold", more)
		}
	}
}

// edit changes, adds or removes some files.
func edit(r *rand.Rand, changes []tree.Change, round int) []tree.Change {
	out := append([]tree.Change(nil), changes...)
	for range 1 + r.IntN(3) {
		i := r.IntN(len(out))
		e := *out[i].Entry
		switch round % 3 {
		case 0:
			out[i] = file(e.Name, string(e.Content.(text))+"!")
		case 1:
			out = append(out[:i:i], out[i+1:]...)
		case 2:
			out = append(out, file(fmt.Sprintf("d%d/new%d", r.IntN(5), r.Uint32()), randomText(r, r.IntN(3*largeFile))))
		}
	}
	return out
}

// Broken if it fails: one changed file makes more than its own members new.
func TestOneChangeCostsOneMember(t *testing.T) {
	changes := randomLayer(rand.New(rand.NewPCG(7, 7)), 400)
	keys := func(cs []tree.Change) map[string]bool {
		p, err := Prepare(t.Context(), nil, layerOf(cs...), Options{})
		if err != nil {
			t.Fatal(err)
		}
		d, err := p.digests(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		out := map[string]bool{}
		for _, m := range p.members() {
			out[m.key(p, d)] = true
		}
		return out
	}
	before := keys(changes)
	i := 0
	for len(changes[i].Entry.Content.(text)) > 20000 {
		i++
	}
	changed := append([]tree.Change(nil), changes...)
	changed[i] = file(changes[i].Entry.Name, string(changes[i].Entry.Content.(text))+strings.Repeat("longer", 2000))
	fresh := 0
	for k := range keys(changed) {
		if !before[k] {
			fresh++
		}
	}
	if fresh == 0 || fresh > 4 {
		t.Errorf("%d of %d members are new", fresh, len(before))
	}
}

// An equal plan is not packed again, and its contents are not opened.
func TestPackFindsRecord(t *testing.T) {
	st := openStore(t)
	changes := []tree.Change{file("a", "x")}
	first := packLayer(t, st, changes, Options{})
	changes[0].Entry = &tree.Entry{Name: "a", Kind: tree.File, Size: 1, Content: sealedText("x")}
	if again := packLayer(t, st, changes, Options{}); again.Descriptor.Digest != first.Descriptor.Digest {
		t.Error("another blob")
	}
}

// sealedText knows its digest and cannot be read.
type sealedText string

func (sealedText) Size() int64 { return 1 }
func (c sealedText) ContentDigest(ctx context.Context) (string, error) {
	return text(c).ContentDigest(ctx)
}
func (sealedText) Open(context.Context) (io.ReadCloser, error) { return nil, fs.ErrPermission }

// Broken if it fails: an unreadable file hangs the pipeline or is lost.
func TestPackReportsUnreadable(t *testing.T) {
	changes := randomLayer(rand.New(rand.NewPCG(9, 9)), 60)
	changes[30].Entry = &tree.Entry{Name: "d1/bad", Kind: tree.File, Size: 1, Content: sealedText("x")}
	p, err := Prepare(t.Context(), nil, layerOf(changes...), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err = p.Pack(t.Context(), openStore(t), nil); !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), "d1/bad") {
		t.Errorf("Pack: %v", err)
	}
}

// BenchmarkPack packs 200 MB in 10,000 files from memory.
func BenchmarkPack(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 1))
	base := randomText(r, 4<<20)
	var changes []tree.Change
	total := int64(0)
	for i := range 10000 {
		at, n := r.IntN(len(base)-41000), r.IntN(40000)
		c := file(fmt.Sprintf("d%d/e%d/f%d.txt", i%20, i%200, i), base[at:at+n])
		changes = append(changes, c)
		total += int64(n)
	}
	b.SetBytes(total)
	for b.Loop() {
		p, err := Prepare(b.Context(), nil, layerOf(append([]tree.Change(nil), changes...)...), Options{})
		if err != nil {
			b.Fatal(err)
		}
		for i := range p.items { // no digests: the benchmark measures packing
			if p.items[i].content != nil {
				p.items[i].content = anonymous{p.items[i].content.(text)}
			}
		}
		if _, err := p.Pack(b.Context(), openStore(b), nil); err != nil {
			b.Fatal(err)
		}
	}
}

// lazy is content that knows its digest once it has been read, as a file of a
// build context does.
type lazy struct {
	text
	opened, known *int
}

func (l lazy) Open(ctx context.Context) (io.ReadCloser, error) {
	*l.opened++
	*l.known = 1
	return l.text.Open(ctx)
}

func (l lazy) DigestKnown() bool { return *l.known != 0 }

func (l lazy) ContentDigest(ctx context.Context) (string, error) {
	if !l.DigestKnown() {
		*l.opened++
		*l.known = 1
	}
	return l.text.ContentDigest(ctx)
}

// A context that nobody has read yet must be read once, not once for its name
// and once for its bytes; and the result must be found by its name after.
func TestPackReadsOnce(t *testing.T) {
	var changes []tree.Change
	opened, known := make([]int, 40), make([]int, 40)
	for i := range opened {
		c := lazy{text(strings.Repeat(fmt.Sprint("line ", i, "\n"), 40_000)), &opened[i], &known[i]}
		changes = append(changes, tree.Change{Entry: &tree.Entry{Name: fmt.Sprintf("f%02d", i), Kind: tree.File, Size: c.Size(), Content: c}})
	}
	st := openStore(t)
	p, err := Prepare(t.Context(), nil, layerOf(changes...), Options{Lineage: "x"})
	if err != nil {
		t.Fatal(err)
	}
	first, err := p.Pack(t.Context(), st, nil)
	if err != nil {
		t.Fatal(err)
	}
	again, err := p.Pack(t.Context(), st, nil)
	if err != nil || again.Descriptor.Digest != first.Descriptor.Digest {
		t.Errorf("packed again: %v, %v", again.Descriptor, err)
	}
	for i, n := range opened {
		if n != 1 {
			t.Errorf("file %d was read %d times", i, n)
		}
	}
}
