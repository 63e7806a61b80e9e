package fetch

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/casement/casement/internal/run/winsh/machine"
)

// lzxWriter compresses with LZX as simply as can be: trees whose codes are as
// long as each other where possible, and the matches that it is told.
type lzxWriter struct {
	out   []byte
	word  uint32
	count uint
}

func (w *lzxWriter) put(bits uint32, n uint) {
	for i := n; i > 0; i-- {
		w.word = w.word<<1 | bits>>(i-1)&1
		if w.count++; w.count == 16 {
			w.out = binary.LittleEndian.AppendUint16(w.out, uint16(w.word))
			w.word, w.count = 0, 0
		}
	}
}

func (w *lzxWriter) align() {
	for w.count > 0 {
		w.put(0, 1)
	}
}

// tree writes the sizes of a tree: short codes of n-1 bits, the rest of n bits. In
// the first block they differ from nothing, then not at all.
func (w *lzxWriter) tree(short, all, n int, first bool) {
	a, b := (0-(n-1)+17)%17, (0-n+17)%17
	if !first {
		a, b = 0, 0
	}
	for s := range 20 {
		size := uint32(0)
		if s == a || s == b || !first && s == 1 {
			size = 1
		}
		w.put(size, 4)
	}
	for i := range all {
		bit := uint32(0)
		if first && i < short && a > b || first && i >= short && b > a {
			bit = 1
		}
		w.put(bit, 1)
	}
}

// code writes a symbol of such a tree.
func (w *lzxWriter) code(s, short, n int) {
	if s < short {
		w.put(uint32(s), uint(n-1))
		return
	}
	w.put(uint32(short*2+s-short), uint(n))
}

// The trees for a window of 32 KiB: 496 and 249 symbols.
func (w *lzxWriter) trees(first bool) {
	// The first 256 sizes and the others are told apart from each other.
	w.tree(16, 256, 9, first)
	w.tree(0, 240, 9, first)
	w.tree(7, 249, 8, first)
}

func (w *lzxWriter) literal(c byte) { w.code(int(c), 16, 9) }

// match writes a match of a length up to 257 at a distance; slot -1 and so on are
// the last distances.
func (w *lzxWriter) match(length, slot int, extra uint32, bits uint, aligned bool) {
	head := min(length-2, 7)
	w.code(256+slot<<3+head, 16, 9)
	if head == 7 {
		w.code(length-9, 7, 8)
	}
	switch {
	case aligned && bits >= 3:
		w.put(extra>>3, bits-3)
		w.put(extra&7, 3)
	default:
		w.put(extra, bits)
	}
}

func (w *lzxWriter) block(kind, size int) {
	w.put(uint32(kind), 3)
	w.put(uint32(size), 24)
}

// lzxSample is a frame of each kind of block, with a call in the second.
func lzxSample() (frames [][]byte, plain string) {
	w := &lzxWriter{}
	w.put(1, 1)
	w.put(0, 16)
	w.put(1<<15, 16) // calls are translated as of a program of 32 KiB
	// Verbatim: 26 literals, a match at a distance of 26 (slot 9: 24 and 3 bits),
	// the same again by the last distance.
	const letters = "abcdefghijklmnopqrstuvwxyz"
	w.block(lzxVerbatim, 26+100+6)
	w.trees(true)
	for i := range letters {
		w.literal(letters[i])
	}
	w.match(100, 9, 26+2-24, 3, false)
	w.match(6, 0, 0, 0, false)
	text := strings.Repeat(letters, 6)[:26+100+6]
	// Aligned: the same with the low bits in a tree, and a call to 0x100 whose
	// address stands there from the beginning of the program.
	w.block(lzxAligned, 5+26+12)
	for range 8 {
		w.put(3, 3)
	}
	w.trees(false)
	for _, c := range []byte{0xE8, 0, 1, 0, 0} {
		w.literal(c)
	}
	w.match(26, 10, 31+2-32, 4, true)
	call := len(text)
	text += string(binary.LittleEndian.AppendUint32([]byte{0xE8}, uint32(0x100-call)))
	text += text[call-26 : call]
	for range 12 {
		w.literal('.')
	}
	text += strings.Repeat(".", 12)
	// Plain up to the end of the frame and two bytes over it, so that one is left over.
	left := lzxFrame - len(text)
	w.block(lzxPlain, left+2)
	w.align()
	for range 3 {
		w.out = binary.LittleEndian.AppendUint32(w.out, 1)
	}
	body := strings.Repeat("plain ", left/6+2)[:left+2]
	w.out = append(w.out, body[:left]...)
	first := w.out
	w.out = append([]byte(nil), body[left:]...)
	if len(body)%2 == 1 {
		w.out = append(w.out, 0)
	}
	w.block(lzxVerbatim, 4)
	w.trees(false)
	w.literal('e')
	w.literal('n')
	w.literal('d')
	w.literal('!')
	w.align()
	return [][]byte{first, w.out}, text + body + "end!"
}

// cabOf makes a cabinet of one folder.
func cabOf(method uint16, blocks [][]byte, sizes []int, files map[string][2]int, names ...string) []byte {
	le := binary.LittleEndian
	var list, data []byte
	for _, n := range names {
		list = le.AppendUint32(list, uint32(files[n][1]))
		list = le.AppendUint32(list, uint32(files[n][0]))
		list = append(list, 0, 0, 0x64, 0x5C, 0, 0, 0x21, 0)
		list = append(append(list, n...), 0)
	}
	for i, b := range blocks {
		head := le.AppendUint16(le.AppendUint16(nil, uint16(len(b))), uint16(sizes[i]))
		data = le.AppendUint32(data, cabSum(head, cabSum(b, 0)))
		data = append(append(data, head...), b...)
	}
	out := append([]byte("MSCF\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"), 44, 0, 0, 0, 0, 0, 0, 0, 3, 1, 1, 0)
	out = le.AppendUint16(out, uint16(len(names)))
	out = append(out, 0, 0, 0, 0, 0, 0)
	out = le.AppendUint32(out, uint32(44+len(list)))
	out = le.AppendUint16(out, uint16(len(blocks)))
	out = le.AppendUint16(out, method)
	return append(append(out, list...), data...)
}

func lzxCab() (cab []byte, plain string) {
	frames, plain := lzxSample()
	return cabOf(15<<8|cabLZX, frames, []int{lzxFrame, len(plain) - lzxFrame},
		map[string][2]int{`d\a`: {0, 100}, "b": {100, len(plain) - 100}}, `d\a`, "b"), plain
}

// listing is what an archive has: names with their contents, or the error.
func listing(ctx context.Context, data []byte) (string, error) {
	var all strings.Builder
	_, err := ReadArchive(ctx, Source{At: bytes.NewReader(data), Size: int64(len(data))}, func(m *Member, r io.Reader) error {
		b, err := io.ReadAll(r)
		fmt.Fprintf(&all, "%s %o %s %q\n", m.Name, m.Mode, m.Times.Modified.Format("2006-01-02"), b)
		return err
	})
	return all.String(), err
}

// Broken if it fails: what LZX has packed comes out changed.
func TestCabinetLZX(t *testing.T) {
	cab, plain := lzxCab()
	got, err := listing(t.Context(), cab)
	want := fmt.Sprintf("d/a 444 2026-03-04 %q\nb 444 2026-03-04 %q\n", plain[:100], plain[100:])
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	var piped string
	_, err = ReadArchive(t.Context(), Source{Stream: bytes.NewReader(cab)}, func(m *Member, _ io.Reader) error {
		piped += m.Name + " "
		return nil
	})
	if err != nil || piped != "d/a b " {
		t.Errorf("from a pipe: %q %v", piped, err)
	}
	c, err := OpenCabinet(bytes.NewReader(cab), int64(len(cab)))
	if err != nil {
		t.Fatal(err)
	}
	// Backwards, each folder has to be read from its beginning again.
	err = c.Each(t.Context(), []CabFile{c.Files[1], c.Files[0]}, func(f CabFile, r io.Reader) error {
		if b, err := io.ReadAll(r); err != nil || int64(len(b)) != f.Size || !strings.Contains(plain, string(b)) {
			t.Errorf("%s: %q %v", f.Name, b, err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// Broken if it fails: a cabinet that is damaged, or that cannot be read, gives
// something that is not its content.
func TestCabinetErrors(t *testing.T) {
	cab, _ := lzxCab()
	changed := func(at int, c byte) []byte {
		b := bytes.Clone(cab)
		b[at] ^= c
		return b
	}
	data := int(binary.LittleEndian.Uint32(cab[36:]))
	for _, c := range []struct {
		name string
		cab  []byte
		want error
	}{
		{"checksum", changed(data+200, 1), ErrCorrupt},
		{"cut", cab[:len(cab)-2], ErrCorrupt},
		{"window", changed(43, 8), ErrCorrupt},
		{"quantum", changed(42, 1), ErrMethod},
		{"set", changed(30, 1), ErrMethod},
		{"longer file", changed(46, 0x40), ErrCorrupt},
	} {
		if _, err := listing(t.Context(), c.cab); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
}

// Broken if it fails: tar reads a cabinet that bsdtar takes for damaged, or one
// whose files lie anyhow takes forever.
func TestCabinetOrder(t *testing.T) {
	one := func(files ...[2]int) []byte {
		names, list := map[string][2]int{}, []string{}
		for i, f := range files {
			list = append(list, string(rune('a'+i)))
			names[list[i]] = f
		}
		return cabOf(cabStored, [][]byte{[]byte("alpha"), []byte("beta")}, []int{5, 4}, names, list...)
	}
	set := func(b []byte, at int, c byte) []byte {
		b[at] = c
		return b
	}
	const line = "%s 444 2026-03-04 %q\n"
	for _, c := range []struct {
		name string
		cab  []byte
		want string // "" if it is damaged
	}{
		{"in order", one([2]int{0, 5}, [2]int{5, 0}, [2]int{5, 4}), fmt.Sprintf(line+line+line, "a", "alpha", "b", "", "c", "beta")},
		{"backwards", one([2]int{5, 4}, [2]int{0, 5}), ""},
		{"a gap", one([2]int{0, 4}, [2]int{5, 4}), ""},
		{"shared", one([2]int{0, 5}, [2]int{0, 5}), ""},
		{"overlap", one([2]int{0, 5}, [2]int{4, 5}), ""},
		{"not from the beginning", one([2]int{5, 4}), ""},
		{"no files", one(), ""},
		{"no data", set(one([2]int{0, 5}), 40, 0), ""},
		{"data at the beginning", set(one([2]int{0, 0}), 36, 0), ""},
		{"too large", set(one([2]int{0, 5}), 47, 0x80), ""},
	} {
		got, err := listing(t.Context(), c.cab)
		var f *FormatError
		switch {
		case c.want != "" && err != nil, c.want == "" && (!errors.As(err, &f) || *f != FormatError{Kind: ErrCorrupt, Text: "Invalid CAB header"}):
			t.Errorf("%s: %v", c.name, err)
		case got != c.want:
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// bigCab is a cabinet of 64 MiB with n files, all of them at its end.
func bigCab(t *testing.T, n int) *Cabinet {
	t.Helper()
	const blocks = 2048
	data, sizes := make([][]byte, blocks), make([]int, blocks)
	for i := range data {
		data[i], sizes[i] = make([]byte, cabBlock), cabBlock
	}
	names, list := map[string][2]int{}, []string{}
	for i := range n {
		list = append(list, fmt.Sprint(i))
		names[list[i]] = [2]int{blocks*cabBlock - 1 - i, 1}
	}
	b := cabOf(cabStored, data, sizes, names, list...)
	c, err := OpenCabinet(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Broken if it fails: reading files again and again has no end, or cannot be
// stopped.
func TestCabinetAgain(t *testing.T) {
	c := bigCab(t, 300)
	for n, want := range map[int]error{3: nil, 300: ErrMethod} {
		seen := 0
		err := c.Each(t.Context(), c.Files[:n], func(_ CabFile, r io.Reader) error {
			seen++
			_, err := io.Copy(io.Discard, r)
			return err
		})
		if !errors.Is(err, want) || (want == nil) != (seen == n) {
			t.Errorf("%d files: %v after %d", n, err, seen)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	reader := &cancelling{ReaderAt: c.r, at: c.folders[0].offset + 10*cabBlock, cancel: cancel}
	c.r = reader
	err := c.Each(ctx, c.Files, func(CabFile, io.Reader) error { return nil })
	if !errors.Is(err, context.Canceled) || reader.late > 2 {
		t.Errorf("cancelled: %v, with %d reads after it", err, reader.late)
	}
}

// cancelling cancels when it is read at a place, and counts the reads from there.
type cancelling struct {
	io.ReaderAt
	at     int64
	cancel func()
	late   int
}

func (c *cancelling) ReadAt(p []byte, at int64) (int, error) {
	if at >= c.at {
		c.cancel()
		c.late++
	}
	return c.ReaderAt.ReadAt(p, at)
}

// Archives of 7-Zip: solid LZMA2, BCJ2 with LZMA, and one that is encrypted.
const (
	solidSevenZip = "N3q8ryccAATTRWMriwAAAAAAAAAhAAAAAAAAALoairvgABoAFl0AMJsKZySQJbzp4+BtL8eYN4stdQYAAAAAAIEzB64Pz+swFA/r6py/Nj3+eg3+Nk1R8B0I" +
		"ZUuJ7AjmqmT/t8d5gx7Mx31goGQTx48D6ApwcdlOhssTnq09bHf4M+EQ1KvD14qwUr88QfQhEthbojIBLmAinJwQQvbhbA1LWnMa8fAAYAAAFwYeAQltAAcL" +
		"AQABIwMBAQVdABAAAAyAngoBKJbqXQAA"
	bcj2SevenZip = "N3q8ryccAAQrts2zqwAAAAAAAAAiAAAAAAAAAAt2/f8AMJsKZySQJbzqA+o8SVIZxaQAAAB///wAAABoAV/0AAAAAAAAAAAAgTMHrm2/q6FmgswXqq0k/cal" +
		"GoVqm+1oG0o3n7h7zF6Qna4y0GE3OvFpJqocXxNzJAhe7G2P3cRbdhSmv6mRdlymnEVWPl1O/Or/Zx9DyGHeIK55BT+uBUEUmlbotz0qNUMjAE1sRRN5BIzA" +
		"5T1DUPxgodrrogVRWQvCEQtHsRT2AAAXBiYBCYCFAAcLAQABIwMBAQVdABAAAAyAzgoBC2NKCQAA"
	lockedSevenZip = "N3q8ryccAASR+E4QEAAAAAAAAABqAAAAAAAAAKgRGW2Be3UxsICIRDeNpkHQIaILAQQGAAEJEAAHCwEAAiQG8QcBElMP7CXYNaZP9XjnmE6VkvaksyEhAQAB" +
		"AAwJBQAICgFqOeDQAAAFARkBABERAHAALwBhAC4AdAB4AHQAAAAZAgAAFAoBAAD3BEy3WdcBFQYBACCApIEAAA=="
)

func sevenZipOf(t testing.TB, text string) []byte {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Broken if it fails: a 7-Zip archive, alone or behind a program, comes out
// changed, or one that cannot be read gives something.
func TestSevenZip(t *testing.T) {
	const want = "p/ 755 2021-06-05 \"\"\np/empty/ 755 2021-06-05 \"\"\np/a.txt 644 2021-06-05 \"alpha\"\n" +
		"p/b.exe 644 2021-06-05 \"MZ\\xe8\\x00\\x00\\x00\\x00 beta beta beta\"\n"
	solid := sevenZipOf(t, solidSevenZip)
	for name, data := range map[string][]byte{
		"LZMA2": solid, "BCJ2": sevenZipOf(t, bcj2SevenZip), "program": append([]byte("MZ"+strings.Repeat("\x00", 600)), solid...),
	} {
		got, err := listing(t.Context(), data)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got):\n%s", name, err, diff)
		}
	}
	damaged := bytes.Clone(solid)
	damaged[34] ^= 1
	for _, c := range []struct {
		name string
		data []byte
		want error
	}{
		{"encrypted", sevenZipOf(t, lockedSevenZip), ErrEncrypted}, {"cut", solid[:100], ErrCorrupt}, {"damaged", damaged, ErrCorrupt},
		{"no archive", []byte("MZ" + strings.Repeat("\x00", 600)), ErrNotArchive},
	} {
		if _, err := listing(t.Context(), c.data); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
}

// FuzzCabinet fails if a damaged cabinet crashes the reader or never ends.
func FuzzCabinet(f *testing.F) {
	cab, _ := lzxCab()
	f.Add(cab)
	f.Add(cabOf(cabStored, [][]byte{[]byte("alpha")}, []int{5}, map[string][2]int{"a": {0, 5}}, "a"))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := OpenCabinet(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			return
		}
		left := int64(stopAfter)
		_ = c.Each(t.Context(), c.Files, func(f CabFile, r io.Reader) error {
			f.Safe()
			return limited(r, &left)
		})
	})
}

// FuzzLZX fails if data of any kind crash the decoder: without the checksums
// that keep most of them from it.
func FuzzLZX(f *testing.F) {
	frames, _ := lzxSample()
	f.Add(append(frames[0][:200:200], frames[1]...))
	f.Add(frames[0])
	f.Fuzz(func(_ *testing.T, b []byte) {
		z := newLZX(bytes.NewReader(b), 15)
		for range 4 {
			if _, err := z.frame(lzxFrame); err != nil {
				return
			}
		}
	})
}

// FuzzSevenZip fails if a damaged archive crashes the reader.
func FuzzSevenZip(f *testing.F) {
	for _, s := range []string{solidSevenZip, bcj2SevenZip, lockedSevenZip} {
		f.Add(sevenZipOf(f, s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		left := int64(stopAfter)
		_ = visitSevenZip(t.Context(), Source{At: bytes.NewReader(b), Size: int64(len(b))}, func(_ *Member, r io.Reader) error {
			return limited(r, &left)
		})
	})
}

// Broken if it fails: tar does not extract what it lists.
func TestTarOtherArchives(t *testing.T) {
	cab, _ := lzxCab()
	for _, c := range []struct{ name, data, list, want string }{
		{"a.7z", string(sevenZipOf(t, solidSevenZip)), lines("p/", "p/empty/", "p/a.txt", "p/b.exe"), "alpha"},
		{"a.cab", string(cab), lines("d/a", "b"), ""},
	} {
		b := newBox(t, machine.Options{})
		b.write(`C:\w\`+c.name, c.data)
		if out, errs, code := b.run("tar -tf " + c.name); out != c.list || errs != "" || code != 0 {
			t.Errorf("%s: %q %q %d", c.name, out, errs, code)
		}
		if _, errs, code := b.run("tar -xf " + c.name); errs != "" || code != 0 {
			t.Errorf("%s: %q %d", c.name, errs, code)
		}
		if c.want != "" && b.read(`C:\w\p\a.txt`) != c.want {
			t.Errorf("%s: %q", c.name, b.read(`C:\w\p\a.txt`))
		}
	}
}
