package hive

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io/fs"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/casement/casement/internal/winmeta"
	"github.com/google/go-cmp/cmp"
)

func open(t testing.TB, b []byte) *Hive {
	t.Helper()
	h, err := Open(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestOpenMinimal(t *testing.T) {
	h := open(t, minimal(t, Options{RootName: "SYSTEM"}))
	k, err := h.Key("")
	if err != nil || k.Name() != "SYSTEM" || k.Len() != 0 || k.Layer() != (Layer{}) {
		t.Errorf("got %v, %v", k, err)
	}
	sd, err := k.Descriptor()
	if err != nil {
		t.Fatal(err)
	}
	got, err := winmeta.ParseDescriptor(sd)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Options{}.withDefaults().Descriptor.String(), got.String()); diff != "" {
		t.Errorf("descriptor (-want +got):\n%s", diff)
	}
	for sub, err := range k.Subkeys() {
		t.Errorf("a subkey %v, %v", sub, err)
	}
	if v, err := k.Values(); len(v) != 0 || err != nil {
		t.Errorf("values %v, %v", v, err)
	}
	if _, err := h.Key("no"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want an error that matches fs.ErrNotExist", err)
	}
	if _, err := k.Value("no"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want an error that matches fs.ErrNotExist", err)
	}
}

// walk reads all of a key and of what is below it, and returns how many keys
// there are.
func walk(k *Key) (int, error) {
	_, err := k.Class()
	if err == nil {
		_, err = k.Descriptor()
	}
	if err == nil {
		_, err = k.Values()
	}
	if err == nil {
		_, _, err = k.Link()
	}
	if err != nil {
		return 0, err
	}
	n := 1
	for s, err := range k.Subkeys() {
		if err != nil {
			return n, err
		}
		m, err := walk(s)
		if n += m; err != nil {
			return n, err
		}
	}
	return n, nil
}

// damaged is a hive whose parts are known by what they say.
type damaged struct {
	t testing.TB
	b []byte
}

// node finds the body of the n-th cell with a signature.
func (d damaged) node(signature string, n int) []byte {
	d.t.Helper()
	for at := blockSize + binHeader; at < len(d.b); {
		size := int(int32(binary.LittleEndian.Uint32(d.b[at:])))
		if size < 0 && string(d.b[at+4:at+6]) == signature {
			if n == 0 {
				return d.b[at+4 : at-size]
			}
			n--
		}
		at += max(size, -size)
		if at%blockSize == 0 {
			at += binHeader
		}
	}
	d.t.Fatalf("no cell %s", signature)
	return nil
}

// TestOpenRefuses damages a valid hive in one place at a time.
func TestOpenRefuses(t *testing.T) {
	base := &Node{Class: "class", Values: []Value{sz("v", "a longer text"), {Name: "big", Data: make([]byte, 40000)}}, Subkeys: []*Node{
		{Name: "one", Subkeys: []*Node{{Name: "below"}}}, {Name: "two"}}}
	le := binary.LittleEndian
	for name, damage := range map[string]func(d damaged){
		"subkey outside":       func(d damaged) { le.PutUint32(d.node("lh", 0)[4:], 1<<30) },
		"subkey between cells": func(d damaged) { le.PutUint32(d.node("lh", 0)[4:], 36) },
		"subkey in bin header": func(d damaged) { le.PutUint32(d.node("lh", 0)[4:], 8) },
		"subkey is no key":     func(d damaged) { d.node("nk", 1)[0] = 'x' },
		"subkey twice":         func(d damaged) { l := d.node("lh", 0); copy(l[12:16], l[4:8]) },
		"subkey is the root":   func(d damaged) { le.PutUint32(d.node("lh", 1)[4:], 32) },
		"subkey of another":    func(d damaged) { l := d.node("lh", 0); copy(d.node("lh", 1)[4:8], l[12:16]) },
		"root below itself": func(d damaged) {
			le.PutUint32(d.node("lh", 0)[4:], 32)
			le.PutUint32(d.node("nk", 0)[16:], 32)
		},
		"backslash in a name":    func(d damaged) { copy(d.node("nk", 1)[76:], `o\e`) },
		"more subkeys than fit":  func(d damaged) { le.PutUint32(d.node("nk", 0)[20:], 1<<31) },
		"more subkeys than said": func(d damaged) { le.PutUint32(d.node("nk", 0)[20:], 1) },
		"less subkeys than said": func(d damaged) { le.PutUint32(d.node("nk", 0)[20:], 3) },
		"empty list":             func(d damaged) { le.PutUint16(d.node("lh", 0)[2:], 0) },
		"list beyond its cell":   func(d damaged) { le.PutUint16(d.node("lh", 0)[2:], 9); le.PutUint32(d.node("nk", 0)[20:], 9) },
		"list of another kind":   func(d damaged) { copy(d.node("lh", 0), "xx") },
		"list in a list":         func(d damaged) { copy(d.node("lh", 0), "ri") },
		"class outside":          func(d damaged) { le.PutUint32(d.node("nk", 0)[48:], 1<<30) },
		"class beyond its cell":  func(d damaged) { le.PutUint16(d.node("nk", 0)[74:], 2000) },
		"no descriptor":          func(d damaged) { le.PutUint32(d.node("nk", 0)[44:], noCell) },
		"descriptor of a key":    func(d damaged) { le.PutUint32(d.node("nk", 0)[44:], 32) },
		"long descriptor":        func(d damaged) { le.PutUint32(d.node("sk", 0)[16:], 0xFFFFFFFF) },
		"more values than fit":   func(d damaged) { le.PutUint32(d.node("nk", 0)[36:], 1<<31) },
		"more values than said":  func(d damaged) { le.PutUint32(d.node("nk", 0)[36:], 50) },
		"values outside":         func(d damaged) { le.PutUint32(d.node("nk", 0)[40:], noCell) },
		"value is no value":      func(d damaged) { d.node("vk", 0)[0] = 'x' },
		"value's name":           func(d damaged) { le.PutUint16(d.node("vk", 0)[2:], 60000) },
		"odd UTF-16":             func(d damaged) { le.PutUint16(d.node("vk", 0)[16:], 0) },
		"inline of five":         func(d damaged) { le.PutUint32(d.node("vk", 0)[4:], inlineData|5) },
		"data beyond its cell":   func(d damaged) { le.PutUint32(d.node("vk", 0)[4:], 1000) },
		"data outside":           func(d damaged) { le.PutUint32(d.node("vk", 0)[8:], noCell) },
		"data too large":         func(d damaged) { le.PutUint32(d.node("vk", 0)[4:], maxData+1) },
		"big data that is not":   func(d damaged) { copy(d.node("db", 0), "xx") },
		"segments missing":       func(d damaged) { le.PutUint16(d.node("db", 0)[2:], 2) },
		"segments outside":       func(d damaged) { le.PutUint32(d.node("db", 0)[4:], 1<<30) },
		"data of the dead":       func(d damaged) { le.PutUint16(d.node("vk", 0)[16:], valueTombstone|valueLatinName) },
		"link to nowhere":        func(d damaged) { d.node("nk", 1)[2] |= keyLink },
		"bin without signature":  func(d damaged) { d.b[blockSize] = 0 },
		"bin too large":          func(d damaged) { le.PutUint32(d.b[blockSize+8:], 1<<30) },
	} {
		d := damaged{t, encode(t, base, 5)}
		damage(d)
		h, err := Open(bytes.NewReader(d.b), int64(len(d.b)))
		if err == nil {
			_, err = walk(h.Root())
		}
		var fe *FormatError
		if !errors.As(err, &fe) && !(name == "link to nowhere" && errors.Is(err, fs.ErrNotExist)) {
			t.Errorf("%s: error %v, want a FormatError", name, err)
		}
	}
}

func TestOpenShortFile(t *testing.T) {
	b := encode(t, sample(), 5)
	var fe *FormatError
	for _, size := range []int{0, 100, blockSize, len(b) - 1} {
		if _, err := Open(bytes.NewReader(b[:size]), int64(size)); !errors.As(err, &fe) {
			t.Errorf("%d bytes: %v, want a FormatError", size, err)
		}
	}
	// The size that the caller says may be wrong.
	h, err := Open(bytes.NewReader(b[:20000]), int64(len(b)))
	if err == nil {
		_, err = walk(h.Root())
	}
	if !errors.As(err, &fe) {
		t.Errorf("got %v, want a FormatError", err)
	}
}

// TestReadErrors: a broken disk is not a broken hive.
func TestReadErrors(t *testing.T) {
	b := encode(t, sample(), 5)
	h, err := Open(failingAt{b, 8192}, int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	var fe *FormatError
	if _, err := walk(h.Root()); !errors.Is(err, iotest.ErrTimeout) || errors.As(err, &fe) {
		t.Errorf("got %v, want the read error", err)
	}
}

// failingAt is a file that cannot be read behind a place.
type failingAt struct {
	b  []byte
	at int64
}

func (f failingAt) ReadAt(b []byte, at int64) (int, error) {
	if at+int64(len(b)) > f.at {
		return 0, iotest.ErrTimeout
	}
	return bytes.NewReader(f.b).ReadAt(b, at)
}

// TestOtherLists: lists that this package does not write but Windows does.
func TestOtherLists(t *testing.T) {
	b := encode(t, &Node{Subkeys: []*Node{{Name: "a"}, {Name: "b"}}}, 5)
	list := damaged{t, b}.node("lh", 0)
	copy(list, "li")
	copy(list[8:12], list[12:16]) // li lists have no hashes
	if n, err := walk(open(t, b).Root()); n != 3 || err != nil {
		t.Errorf("%d keys, %v", n, err)
	}
	if _, err := open(t, b).Key("B"); err != nil {
		t.Error(err)
	}
}

// TestLargeBins: cells far behind the start of their bin are found in the list of
// all bins.
func TestLargeBins(t *testing.T) {
	n := &Node{Subkeys: []*Node{{Name: "sub", Values: []Value{sz("v", "text")}}}}
	b := encode(t, n, 5)
	// Make one bin of many pages, with a used cell in front of all.
	const pages = 3 * nearbyPages
	h, _ := ParseHeader(b)
	bins := newBin(0, 0).buf
	bins = binary.LittleEndian.AppendUint32(bins, uint32(pages*blockSize-binHeader))
	bins = append(bins, make([]byte, pages*blockSize-len(bins))...)
	moved := bytes.Clone(b[blockSize+binHeader:])
	shift := uint32(pages*blockSize - binHeader)
	bins = append(bins, moved...)
	bins = append(bins, make([]byte, (blockSize-len(bins)%blockSize)%blockSize)...)
	if rest := len(bins) - pages*blockSize - len(moved); rest > 0 {
		binary.LittleEndian.PutUint32(bins[pages*blockSize+len(moved):], uint32(rest))
	}
	binary.LittleEndian.PutUint32(bins[8:], uint32(len(bins)))
	h.BinsSize, h.Root = uint32(len(bins)), h.Root+shift
	file := append(h.encode(), bins...)
	hive, err := Open(bytes.NewReader(file), int64(len(file)))
	if err != nil || hive.Root().Name() != "ROOT" {
		t.Fatalf("%v, %v", hive, err)
	}
	if len(hive.bins) != 2 {
		t.Errorf("%d bins listed, want the start and the end of one", len(hive.bins))
	}
}

// TestCacheEvicts: a hive of more pages than are kept is read right, and keeps no
// more than that.
func TestCacheEvicts(t *testing.T) {
	b := encode(t, &Node{Subkeys: []*Node{many(30000)}}, 5)
	h := open(t, b)
	for range 2 {
		if n, err := walk(h.Root()); n != 30002 || err != nil {
			t.Fatalf("%d keys, %v", n, err)
		}
	}
	if len(b)/blockSize < cachedPages || len(h.file.pages) > cachedPages {
		t.Errorf("%d pages kept of a file of %d", len(h.file.pages), len(b)/blockSize)
	}
}

func TestConcurrentReads(t *testing.T) {
	h := open(t, encode(t, sample(), 5))
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			if _, err := walk(h.Root()); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
}

// FuzzOpen: no file may crash the reader, keep it busy or make it take memory
// that the file does not have. The bins are padded here, so that inputs stay
// small.
func FuzzOpen(f *testing.F) {
	small := &Node{Class: "c", Values: []Value{sz("v", "text"), {Name: "d", Type: 4, Data: []byte{1, 2, 3, 4}}}, Subkeys: []*Node{
		{Name: "one", Subkeys: []*Node{{Name: "below"}}}, {Name: "two", Link: true, Values: []Value{{Name: linkValue, Type: typeLink, Data: []byte("x\x00")}}}}}
	for _, minor := range []int{3, 6} {
		b := encode(f, small, minor)
		f.Add(b[:176], bytes.TrimRight(b[blockSize:], "\x00"))
	}
	f.Fuzz(func(t *testing.T, head, bins []byte) {
		b := make([]byte, blockSize+(len(bins)+blockSize-1)/blockSize*blockSize)
		copy(b[:checksumAt], head)
		binary.LittleEndian.PutUint32(b[checksumAt:], checksum(b)) // let the fuzzer past it
		copy(b[blockSize:], bins)
		h, err := Open(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			return
		}
		if n, _ := walk(h.Root()); n > len(b)/keyNodeSize {
			t.Errorf("%d keys in %d bytes", n, len(b))
		}
		for _, path := range []string{"one", `one\below`, "TWO", "ä"} {
			if k, err := h.Key(path); err == nil {
				_, _ = k.Value("V")
			}
		}
		_, _ = NewView(h, h).Key(`one\below`)
		_, _ = NewView(h).ControlSet()
	})
}

// TestPredefinedKey: the count of such a key's values is a handle.
func TestPredefinedKey(t *testing.T) {
	b := encode(t, &Node{Subkeys: []*Node{{Name: "009"}}}, 5)
	nk := damaged{t, b}.node("nk", 1)
	nk[2] |= keyPredefined
	binary.LittleEndian.PutUint32(nk[36:], 0x80000060)
	k, err := open(t, b).Key("009")
	if err != nil {
		t.Fatal(err)
	}
	var fe *FormatError
	if _, err := k.Values(); err == nil || errors.As(err, &fe) {
		t.Errorf("values: %v, want an error but no FormatError", err)
	}
}

// TestDirty: a hive whose last write was not finished is opened, and says so.
func TestDirty(t *testing.T) {
	b := encode(t, &Node{}, 5)
	binary.LittleEndian.PutUint32(b[4:], 2)
	binary.LittleEndian.PutUint32(b[checksumAt:], checksum(b))
	if h := open(t, b); !h.Header().Dirty() {
		t.Error("the hive passes for clean")
	}
}
