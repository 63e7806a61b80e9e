package hive

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/casement/casement/internal/winmeta"
	"github.com/google/go-cmp/cmp"
)

// minimalDigest pins the hive of the HostProcess base: another digest would
// change every image that is built from it.
const minimalDigest = "3da51089e25ea155fd8925e33b4ca36e4b60c7fce3a7d228752bd54aa4c3af11"

func minimal(t testing.TB, o Options) []byte {
	t.Helper()
	b, err := Minimal(o)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestMinimalMatchesVector(t *testing.T) {
	b := minimal(t, Options{})
	if len(b) != 8192 {
		t.Fatalf("%d bytes, want 8192", len(b))
	}
	if got := binary.LittleEndian.Uint32(b[checksumAt:]); got != 0xB2C44488 {
		t.Errorf("checksum %08X, want B2C44488", got)
	}
	sum := sha256.Sum256(b)
	if got := hex.EncodeToString(sum[:]); got != minimalDigest {
		t.Errorf("digest %s, want %s", got, minimalDigest)
	}
}

// TestCheckReadsMinimal would fail if the writer and the reader disagreed about
// any field that inspect shows.
func TestCheckReadsMinimal(t *testing.T) {
	when := time.Date(2026, 11, 21, 1, 2, 3, 400, time.UTC)
	long := strings.Repeat("x", 255)
	for _, o := range []Options{
		{},
		{RootName: "SYSTEM", Minor: 3, Time: when},
		{RootName: "Größe", Minor: 6},
		{RootName: "Ключ𐐀", Minor: 4},
		{RootName: long, Descriptor: winmeta.Descriptor{Owner: winmeta.ContainerUser, DACL: []winmeta.ACE{}}},
	} {
		b := minimal(t, o)
		got, err := Check(iotest.OneByteReader(bytes.NewReader(b)))
		if err != nil {
			t.Fatalf("%+v: %v", o, err)
		}
		o = o.withDefaults()
		want := Info{
			Header: Header{Primary: 1, Secondary: 1, Written: winmeta.Filetime(o.Time), Major: 1, Minor: uint32(o.Minor),
				Format: 1, Root: 32, BinsSize: 4096, Clustering: 1},
			RootName: o.RootName, RootWritten: winmeta.TruncateTime(o.Time),
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", o.RootName, diff)
		}
		if got.Dirty() {
			t.Errorf("%s: a fresh hive is dirty", o.RootName)
		}
	}
}

// TestMinimalLargeDescriptor: a descriptor that does not fit into one block must
// make the bin larger and keep its size a multiple of 4096.
func TestMinimalLargeDescriptor(t *testing.T) {
	d := winmeta.Descriptor{Owner: winmeta.Administrators}
	for range 300 {
		d.DACL = append(d.DACL, winmeta.ACE{Mask: winmeta.KeyRead, SID: winmeta.Users})
	}
	b := minimal(t, Options{Descriptor: d})
	if len(b) != 3*blockSize {
		t.Errorf("%d bytes, want %d", len(b), 3*blockSize)
	}
	if _, err := Check(bytes.NewReader(b)); err != nil {
		t.Error(err)
	}
}

func TestMinimalRefuses(t *testing.T) {
	for name, o := range map[string]Options{
		"backslash in the name": {RootName: `a\b`},
		"name too long":         {RootName: strings.Repeat("x", 256)},
		"unknown version":       {Minor: 7},
		"not a SID":             {Descriptor: winmeta.Descriptor{Owner: "Bob"}},
	} {
		if _, err := Minimal(o); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// TestCheckRefuses damages a valid hive in one place at a time; each would be
// read as something it is not if it were accepted.
func TestCheckRefuses(t *testing.T) {
	put := func(at int, v uint32) func([]byte) []byte {
		return func(b []byte) []byte {
			binary.LittleEndian.PutUint32(b[at:], v)
			if at < checksumAt {
				binary.LittleEndian.PutUint32(b[checksumAt:], checksum(b))
			}
			return b
		}
	}
	for name, damage := range map[string]func([]byte) []byte{
		"empty":              func([]byte) []byte { return nil },
		"header only":        func(b []byte) []byte { return b[:blockSize] },
		"cut in the key":     func(b []byte) []byte { return b[:blockSize+60] },
		"signature":          put(0, 0),
		"checksum":           put(checksumAt, 1),
		"major":              put(20, 2),
		"minor":              put(24, 2),
		"log":                put(28, 1),
		"format":             put(32, 0),
		"root in bin header": put(36, 24),
		"root not aligned":   put(36, 36),
		"root behind bins":   put(36, 4096),
		"root elsewhere":     put(36, 120),
		"root in free cell":  put(36, 248),
		"no bins":            put(40, 0),
		"odd bins":           put(40, 4097),
		"bin signature":      put(blockSize, 0),
		"bin offset":         put(blockSize+4, 4096),
		"bin too large":      put(blockSize+8, 8192),
		"bin of nothing":     put(blockSize+8, 0),
		"cell beyond bin":    put(blockSize+32, uint32(0xFFFFFFFF-8191)),
		"cell free":          put(blockSize+32, 88),
		"cell tiny":          put(blockSize+32, 0xFFFFFFF8),
		"not a key":          put(blockSize+36, 0),
		"not a root":         put(blockSize+36, 0x0020_6B6E),
		"name too long":      put(blockSize+36+72, 60000),
	} {
		b := damage(minimal(t, Options{}))
		_, err := Check(bytes.NewReader(b))
		var fe *FormatError
		if !errors.As(err, &fe) {
			t.Errorf("%s: error %v, want a FormatError", name, err)
		}
	}
}

func TestCheckFindsRootInLaterBin(t *testing.T) {
	b := minimal(t, Options{RootName: "LATE"})
	first := newBin(0, 0).close()
	second := bytes.Clone(b[blockSize:])
	binary.LittleEndian.PutUint32(second[4:], blockSize)
	h, err := ParseHeader(b)
	if err != nil {
		t.Fatal(err)
	}
	h.Root, h.BinsSize, h.Secondary = blockSize+32, 2*blockSize, 9
	info, err := Check(bytes.NewReader(slices.Concat(h.encode(), first, second)))
	if err != nil || info.RootName != "LATE" || !info.Dirty() {
		t.Errorf("got %+v, %v", info, err)
	}
}

// TestCheckPassesReadErrors: a broken connection is not a broken hive.
func TestCheckPassesReadErrors(t *testing.T) {
	b := minimal(t, Options{})
	cut := io.MultiReader(bytes.NewReader(b[:5000]), iotest.ErrReader(iotest.ErrTimeout))
	if _, err := Check(iotest.DataErrReader(cut)); err != nil {
		t.Errorf("the root key lies in the part that can be read: %v", err)
	}
	cut = io.MultiReader(bytes.NewReader(b[:4100]), iotest.ErrReader(iotest.ErrTimeout))
	var fe *FormatError
	if _, err := Check(cut); !errors.Is(err, iotest.ErrTimeout) || errors.As(err, &fe) {
		t.Errorf("got %v, want the read error", err)
	}
}

// FuzzCheck: no input may crash the reader, and a header that it accepts must
// encode to bytes that it reads alike. The parts before and behind the padding of
// the base block are mutated apart, so that inputs stay small.
func FuzzCheck(f *testing.F) {
	for _, o := range []Options{{}, {RootName: "Ключ", Minor: 3}} {
		b := minimal(f, o)
		f.Add(b[:176], b[blockSize:blockSize+binHeader+96])
	}
	f.Add([]byte("regf"), []byte("hbin"))
	f.Fuzz(func(t *testing.T, head, rest []byte) {
		b := make([]byte, blockSize)
		copy(b[:checksumAt], head)
		binary.LittleEndian.PutUint32(b[checksumAt:], checksum(b)) // let the fuzzer past it
		info, err := Check(bytes.NewReader(append(b, rest...)))
		if err != nil {
			return
		}
		if info.RootName == "" {
			t.Error("accepted a root without name")
		}
		again, err := ParseHeader(info.Header.encode())
		if err != nil {
			t.Fatal(err)
		}
		again.FileName, info.FileName = "", "" // not every UTF-16 survives
		if again != info.Header {
			t.Errorf("header changed: %+v, %+v", info.Header, again)
		}
	})
}
