package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"math/rand/v2"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/klauspost/compress/gzip"

	"github.com/casement/casement/test/testbed"
)

// wantedFile is what the COPY --from case takes out of the large base.
const (
	wantedFile = "Files/Windows/System32/netapi32.dll"
	wantedSize = 200_000
)

// baseSpec describes one base image. The sizes are before compression.
type baseSpec struct {
	Repo    string
	Tag     string
	Version string // os.version
	entries int
	bytes   int64
	seed    uint64
}

func nanoserver() baseSpec {
	return baseSpec{Repo: "windows/nanoserver", Tag: "ltsc2022", Version: "10.0.20348.2849", entries: 2_500, bytes: 357_000_000, seed: 11}
}

func servercore() baseSpec {
	return baseSpec{Repo: "windows/servercore", Tag: "ltsc2022", Version: "10.0.20348.2849", entries: 12_000, bytes: 1_785_000_000, seed: 12}
}

// baseLayer says what was made of a spec; it is kept with the fixture.
type baseLayer struct {
	Repo         string
	Tag          string
	Digest       string // of the image's manifest
	DiffID       string
	BlobDigest   string
	Size         int64 // compressed
	Uncompressed int64
	Entries      int
	// WantedEnd is the offset in the compressed blob by which all of wantedFile
	// can be read; 0 when the base does not have it.
	WantedEnd int64
}

// area is a part of a Windows installation with its share of files and bytes.
// Subdirs are made below it; fanout says how many.
type area struct {
	dir    string
	share  int // per cent of files and bytes
	fanout int
}

func areas(server bool) []area {
	a := []area{
		{dir: "Files/Windows/System32", share: 40},
		{dir: "Files/Windows/System32/drivers", share: 4},
		{dir: "Files/Windows/System32/en-US", share: 6},
		{dir: "Files/Windows/System32/DriverStore/FileRepository", share: 5, fanout: 40},
		{dir: "Files/Windows/System32/wbem", share: 4},
		{dir: "Files/Windows/Fonts", share: 2},
		{dir: "Files/Windows/INF", share: 3},
		{dir: "Files/Windows/Globalization/ICU", share: 3},
		{dir: "Files/Windows/WinSxS", share: 8, fanout: 60},
		{dir: "Files/Windows/servicing/Packages", share: 5},
	}
	if server {
		a = append(a,
			area{dir: "Files/Program Files/Common Files/microsoft shared", share: 2, fanout: 10},
			area{dir: "Files/Program Files (x86)/Common Files", share: 1, fanout: 6},
			area{dir: "Files/ProgramData/Microsoft/Windows", share: 1, fanout: 8},
			area{dir: "Files/Windows/Microsoft.NET/Framework64/v4.0.30319", share: 8, fanout: 12},
			area{dir: "Files/Windows/assembly/GAC_MSIL", share: 6, fanout: 80},
			area{dir: "Files/Windows/SysWOW64", share: 12})
	}
	return a
}

// baseEntry is one entry of a base layer; a directory has no kind, a link has a
// target.
type baseEntry struct {
	fileSpec
	dir    bool
	target string
}

// baseEntries plans the layer in the order in which a Windows exporter writes
// it: depth first, names in byte order, so that the first name of a hard-linked
// file is that in System32 and the one in WinSxS is the link.
func baseEntries(v *vocabulary, s baseSpec) []baseEntry {
	rng := seedOf(s.seed, 0)
	files := map[string]baseEntry{}
	add := func(e baseEntry) bool {
		if _, ok := files[e.name]; ok {
			return false
		}
		files[e.name] = e
		return true
	}
	for _, hive := range []string{"DEFAULT", "SAM", "SECURITY", "SOFTWARE", "SYSTEM"} {
		add(baseEntry{fileSpec: fileSpec{name: "Files/Windows/System32/config/" + hive, kind: table, size: 256 << 10, seed: rng.Uint64()}})
	}
	add(baseEntry{fileSpec: fileSpec{name: "Files/License.txt", kind: prose, size: 20_000, seed: 1}})
	add(baseEntry{fileSpec: fileSpec{name: wantedFile, kind: program, size: wantedSize, seed: 2}})

	list := areas(s.entries > 5000)
	total := 0
	for _, a := range list {
		total += a.share
	}
	n := s.entries * 100 / 135 // the rest are links and directories
	sizes := randomSizes(rng, 1.8, n, s.bytes, 24<<20)
	for i, size := range sizes {
		a := pickArea(rng, list, total)
		for !add(baseEntry{fileSpec: fileSpec{name: a.fileName(v, rng, s), kind: baseKind(rng), size: size, seed: uint64(i) + 10}}) {
		}
	}
	return withDirs(withLinks(files, v, rng, s))
}

func pickArea(rng *rand.Rand, list []area, total int) area {
	x := rng.IntN(total)
	for _, a := range list {
		if x -= a.share; x < 0 {
			return a
		}
	}
	return list[0]
}

func baseKind(rng *rand.Rand) kind {
	switch x := rng.IntN(100); {
	case x < 70:
		return program
	case x < 80:
		return noise
	case x < 88:
		return table
	case x < 95:
		return prose
	default:
		return source
	}
}

func (a area) fileName(v *vocabulary, rng *rand.Rand, s baseSpec) string {
	dir := a.dir
	if a.fanout > 0 {
		dir += "/" + componentName(v, seedOf(s.seed+100, uint64(rng.IntN(a.fanout))), s)
	}
	ext := []string{".dll", ".dll", ".dll", ".exe", ".sys", ".mui", ".dat", ".xml"}
	return dir + "/" + v.name(rng) + ext[rng.IntN(len(ext))]
}

// componentName is a directory name as the component store has them.
func componentName(v *vocabulary, rng *rand.Rand, s baseSpec) string {
	return fmt.Sprintf("amd64_microsoft-windows-%s_31bf3856ad364e35_%s_none_%016x", v.name(rng), s.Version, rng.Uint64())
}

// withLinks adds a name in the component store to every third file of System32.
func withLinks(files map[string]baseEntry, v *vocabulary, rng *rand.Rand, s baseSpec) []baseEntry {
	list := make([]baseEntry, 0, len(files))
	for _, e := range files {
		list = append(list, e)
	}
	slices.SortFunc(list, func(a, b baseEntry) int { return strings.Compare(a.name, b.name) })
	component := ""
	for i, e := range slices.Clone(list) {
		if !strings.HasPrefix(e.name, "Files/Windows/System32/") || strings.Contains(e.name, "/config/") || i%2 != 0 {
			continue
		}
		if component == "" || rng.IntN(4) == 0 {
			component = componentName(v, rng, s)
		}
		list = append(list, baseEntry{
			fileSpec: fileSpec{name: "Files/Windows/WinSxS/" + component + "/" + path.Base(e.name)}, target: e.name})
	}
	return list
}

// withDirs adds every parent once and sorts: comparing names part by part gives
// the order of a depth-first walk.
func withDirs(list []baseEntry) []baseEntry {
	seen := map[string]bool{}
	for _, e := range slices.Clone(list) {
		for d := path.Dir(e.name); d != "." && !seen[d]; d = path.Dir(d) {
			seen[d] = true
			list = append(list, baseEntry{fileSpec: fileSpec{name: d}, dir: true})
		}
	}
	slices.SortFunc(list, func(a, b baseEntry) int {
		return slices.Compare(strings.Split(a.name, "/"), strings.Split(b.name, "/"))
	})
	return slices.CompactFunc(list, func(a, b baseEntry) bool { return a.name == b.name })
}

// writeBase writes the layer as a gzip file and says what it wrote.
func writeBase(ctx context.Context, v *vocabulary, s baseSpec, file string) (baseLayer, error) {
	out := baseLayer{Repo: s.Repo, Tag: s.Tag}
	f, err := os.Create(file)
	if err != nil {
		return out, fmt.Errorf("making base %s: %w", s.Repo, err)
	}
	defer f.Close()
	blob := &meter{w: f, sum: sha256.New()}
	z, err := gzip.NewWriterLevel(blob, 5)
	if err != nil {
		return out, fmt.Errorf("making base %s: %w", s.Repo, err)
	}
	tarred := &meter{w: z, sum: sha256.New()}
	l := testbed.NewLayerWriter(tarred)
	fixed := time.Date(2024, 11, 1, 0, 0, 0, 0, time.UTC)
	entries := baseEntries(v, s)
	for _, e := range entries {
		if err := ctx.Err(); err != nil {
			return out, err
		}
		if err := e.write(l, v, s, fixed); err != nil {
			return out, fmt.Errorf("making base %s: %w", s.Repo, err)
		}
		if e.name != wantedFile {
			continue
		}
		// The flush ends a compressed block here, so that the offset is exact.
		if err := z.Flush(); err != nil {
			return out, fmt.Errorf("compressing base %s: %w", s.Repo, err)
		}
		out.WantedEnd = blob.n
	}
	if err := l.Close(); err != nil {
		return out, err
	}
	if err := z.Close(); err != nil {
		return out, fmt.Errorf("compressing base %s: %w", s.Repo, err)
	}
	out.Size, out.Uncompressed, out.Entries = blob.n, tarred.n, len(entries)
	out.BlobDigest, out.DiffID = blob.digest(), tarred.digest()
	return out, f.Close()
}

func (e baseEntry) write(l *testbed.LayerWriter, v *vocabulary, s baseSpec, t time.Time) error {
	switch {
	case e.dir:
		return l.Dir(e.name, t)
	case e.target != "":
		return l.Link(e.name, e.target, t)
	default:
		return l.File(e.name, t, e.size, v.reader(e.kind, seedOf(s.seed, e.seed)))
	}
}

// meter counts and hashes what passes.
type meter struct {
	w   io.Writer
	sum hash.Hash
	n   int64
}

func (m *meter) Write(p []byte) (int, error) {
	n, err := m.w.Write(p)
	m.n += int64(n)
	m.sum.Write(p[:n])
	return n, err
}

func (m *meter) digest() string { return "sha256:" + hex.EncodeToString(m.sum.Sum(nil)) }
