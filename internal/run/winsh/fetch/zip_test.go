package fetch

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
	"github.com/ulikunitz/xz/lzma"

	"github.com/casement/casement/internal/run/winsh/machine"
)

func openZip(t testing.TB, data string, names Charset) *Zip {
	t.Helper()
	z, err := OpenZip(strings.NewReader(data), int64(len(data)), names)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// Names without the UTF-8 flag are read in the character set of the program,
// and those with it never.
func TestZipNames(t *testing.T) {
	old := func(h *zip.FileHeader) { h.NonUTF8 = true }
	flag := func(h *zip.FileHeader) { h.Flags |= 1 << 11 }
	data := zipOf(t, zipEntry{name: "\x81ber", change: old}, zipEntry{name: "über", change: flag}, zipEntry{name: "\xfcber", change: old})
	for names, want := range map[Charset]string{
		NamesOEM:  "über über ⁿber",
		NamesANSI: "\u0081ber über über",
		NamesUTF8: "\uFFFDber über \uFFFDber",
	} {
		var got []string
		for _, e := range openZip(t, data, names).Entries {
			got = append(got, e.Name)
		}
		if s := strings.Join(got, " "); s != want {
			t.Errorf("%d: %q, want %q", names, s, want)
		}
	}
}

// The DOS time is a local time; extra fields have exact ones.
func TestZipTimes(t *testing.T) {
	unix := func(h *zip.FileHeader) {
		h.Extra = binary.LittleEndian.AppendUint32([]byte{0x55, 0x54, 5, 0, 1}, 1600000000)
	}
	old := func(h *zip.FileHeader) {
		h.Extra = binary.LittleEndian.AppendUint32([]byte{0x55, 0x58, 8, 0, 0, 0, 0, 0}, 1600000000)
	}
	ntfs := func(h *zip.FileHeader) { // which nobody looks at
		h.Extra = []byte{0x0a, 0, 32, 0, 0, 0, 0, 0, 1, 0, 24, 0}
		for range 3 {
			h.Extra = binary.LittleEndian.AppendUint64(h.Extra, 132444736000000000)
		}
	}
	bad := func(h *zip.FileHeader) {
		//lint:ignore SA1019 there is no other way to a time that is none
		h.ModifiedDate = 0
	}
	z := openZip(t, zipOf(t, zipEntry{name: "a"}, zipEntry{name: "b", change: unix}, zipEntry{name: "c", change: ntfs}, zipEntry{name: "d", change: bad}, zipEntry{name: "e", change: old}), NamesUTF8)
	var got []string
	for _, e := range z.Entries {
		got = append(got, e.DOSTime.Format(time.DateTime)+" "+e.Modified.Format(time.DateTime))
	}
	want := []string{"2021-06-05 04:03:02 0001-01-01 00:00:00", "2021-06-05 04:03:02 2020-09-13 12:26:40",
		"2021-06-05 04:03:02 0001-01-01 00:00:00", "1980-01-01 00:00:00 0001-01-01 00:00:00", "2021-06-05 04:03:02 2020-09-13 12:26:40"}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	// bsdtar carries over where .NET begins anew.
	m, err := zipMember(&z.Entries[3], nil)
	if err != nil || m.Times.Modified.Format(time.DateTime) != "1979-11-30 04:03:02" {
		t.Errorf("no date: %v %v", m, err)
	}
}

// A name in UTF-8 beside that of the entry counts for bsdtar, if it is of that name.
func TestZipUnicodePath(t *testing.T) {
	beside := func(of, name string) func(*zip.FileHeader) {
		return func(h *zip.FileHeader) {
			field := append(binary.LittleEndian.AppendUint32([]byte{1}, crc32.ChecksumIEEE([]byte(of))), name...)
			h.Extra = append([]byte{0x75, 0x70, byte(len(field)), 0}, field...)
		}
	}
	b := newBox(t, machine.Options{})
	b.write(`C:\w\u.zip`, zipOf(t, zipEntry{name: "a_.txt", change: beside("a_.txt", "aé.txt")}, zipEntry{name: "b_.txt", change: beside("c_.txt", "bé.txt")}))
	if out, _, _ := b.run("tar -tf u.zip"); out != lines("aé.txt", "b_.txt") {
		t.Errorf("%q", out)
	}
}

// Every method that a library reads gives the content; the others, and what is
// damaged, give an error of its kind.
func TestZipMethods(t *testing.T) {
	text := strings.Repeat("the same words again and again, ", 3000)
	pack := func(method uint16, w func(io.Writer) io.WriteCloser) zipEntry {
		var b bytes.Buffer
		p := w(&b)
		io.WriteString(p, text)
		p.Close()
		data := b.Bytes()
		if method == ZipLZMA { // version, size of properties, properties
			data = append([]byte{9, 20, 5, 0}, append(append([]byte{}, data[:5]...), data[13:]...)...)
		}
		return zipEntry{name: fmt.Sprint(method), text: string(data), change: func(h *zip.FileHeader) {
			h.Method, h.UncompressedSize64, h.CRC32 = method, uint64(len(text)), crc32.ChecksumIEEE([]byte(text))
			if method == ZipLZMA {
				h.Flags |= 2
			}
		}}
	}
	must := func(w io.WriteCloser, err error) io.WriteCloser {
		if err != nil {
			t.Fatal(err)
		}
		return w
	}
	set := func(change func(h *zip.FileHeader)) zipEntry {
		return zipEntry{name: "x", text: text, method: zip.Deflate, change: change}
	}
	for _, tc := range []struct {
		name  string
		entry zipEntry
		want  error
	}{
		{"store", zipEntry{name: "s", text: text}, nil},
		{"deflate", zipEntry{name: "d", text: text, method: zip.Deflate}, nil},
		{"zstd", pack(ZipZstd, func(w io.Writer) io.WriteCloser { return must(zstd.NewWriter(w)) }), nil},
		{"xz", pack(ZipXZ, func(w io.Writer) io.WriteCloser { return must(xz.NewWriter(w)) }), nil},
		{"lzma", pack(ZipLZMA, func(w io.Writer) io.WriteCloser { return must(lzma.NewWriter(w)) }), nil},
		{"deflate64", set(func(h *zip.FileHeader) { h.Method = ZipDeflate64 }), ErrMethod},
		{"encrypted", set(func(h *zip.FileHeader) { h.Flags |= 1 }), ErrEncrypted},
		{"checksum", set(func(h *zip.FileHeader) { h.CRC32++ }), ErrChecksum},
		{"longer than said", set(func(h *zip.FileHeader) { h.UncompressedSize64-- }), ErrCorrupt},
		{"shorter than said", set(func(h *zip.FileHeader) { h.UncompressedSize64++ }), ErrCorrupt},
		{"rubbish", zipEntry{name: "x", text: "\xff\xff\xff\xff", change: func(h *zip.FileHeader) { h.Method = zip.Deflate }}, ErrCorrupt},
	} {
		t.Run(tc.name, func(t *testing.T) {
			z := openZip(t, zipOf(t, tc.entry, zipEntry{name: "after", text: "ok"}), NamesUTF8)
			r, err := z.Open(&z.Entries[0])
			var got []byte
			if err == nil {
				got, err = io.ReadAll(r)
				r.Close()
			}
			if !errors.Is(err, tc.want) || tc.want == nil && string(got) != text {
				t.Errorf("Open: %d bytes, %v, want %v", len(got), err, tc.want)
			}
			var each string
			err = z.Each(t.Context(), []*ZipEntry{&z.Entries[0], &z.Entries[1]}, func(e *ZipEntry, r io.Reader) error {
				b, err := io.ReadAll(r)
				each += string(b)
				return err
			})
			if !errors.Is(err, tc.want) || tc.want == nil && each != text+"ok" {
				t.Errorf("Each: %d bytes, %v, want %v", len(each), err, tc.want)
			}
		})
	}
}

// The directory of an archive that is none, or cut, is an error in .NET's words.
func TestZipNot(t *testing.T) {
	for _, data := range []string{"", "PK\x03\x04", strings.Repeat("x", 5000)} {
		_, err := OpenZip(strings.NewReader(data), int64(len(data)), NamesUTF8)
		if !errors.Is(err, ErrNotArchive) || err.Error() != "End of Central Directory record could not be found." {
			t.Errorf("%.10q: %v", data, err)
		}
	}
}

// big makes a zip of n entries of up to size bytes.
func big(t testing.TB, n, size int) string {
	t.Helper()
	rnd := rand.New(rand.NewPCG(1, 2))
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	w.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) { return flateWriter(w) })
	words := make([]string, 3000)
	for i := range words {
		words[i] = fmt.Sprintf("%x ", rnd.Uint32())[:2+rnd.IntN(7)]
	}
	for i := range n {
		f, err := w.Create(fmt.Sprintf("pkg/d%03d/f%05d.bin", i/100, i))
		if err != nil {
			t.Fatal(err)
		}
		for left := int(float64(size) * rnd.ExpFloat64()); left > 0; left -= 64 {
			if rnd.IntN(4) == 0 {
				for range 8 {
					binary.Write(f, binary.LittleEndian, rnd.Uint64())
				}
				continue
			}
			for range 12 {
				io.WriteString(f, words[rnd.IntN(len(words))])
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// Entries come in the order that was asked for, unread ones do not stop the
// others, and ends of all kinds leave no goroutine behind.
func TestZipEach(t *testing.T) {
	data := big(t, 200, 60000)
	z := openZip(t, data, NamesUTF8)
	before := runtime.NumGoroutine()
	var list []*ZipEntry
	for i := len(z.Entries) - 1; i >= 0; i-- {
		list = append(list, &z.Entries[i])
	}
	i := 0
	err := z.Each(t.Context(), list, func(e *ZipEntry, r io.Reader) error {
		if e != list[i] {
			t.Fatalf("entry %d is %s", i, e.Name)
		}
		if i++; i%3 == 0 {
			return nil // not read
		}
		h := crc32.NewIEEE()
		if n, err := io.Copy(h, r); n != e.Size || h.Sum32() != e.CRC || err != nil {
			t.Errorf("%s: %d of %d bytes, %v", e.Name, n, e.Size, err)
		}
		return nil
	})
	if err != nil || i != len(list) {
		t.Errorf("%d entries, %v", i, err)
	}
	stop := errors.New("stop")
	if err := z.Each(t.Context(), list, func(*ZipEntry, io.Reader) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("error of visit: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	err = z.Each(ctx, list, func(e *ZipEntry, r io.Reader) error { cancel(); _, err := io.Copy(io.Discard, r); return err })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	fails := &failing{ReaderAt: strings.NewReader(data), after: len(data) / 2}
	if z, err = OpenZip(fails, int64(len(data)), NamesUTF8); err != nil {
		t.Fatal(err)
	}
	fails.on = true
	list = list[:0]
	for i := range z.Entries {
		list = append(list, &z.Entries[i])
	}
	err = z.Each(t.Context(), list, func(e *ZipEntry, r io.Reader) error { _, err := io.Copy(io.Discard, r); return err })
	var bad *FormatError
	if !errors.Is(err, io.ErrClosedPipe) || errors.As(err, &bad) {
		t.Errorf("a source that fails: %v; it is taken for a damaged archive", err)
	}
	for range 100 {
		if runtime.NumGoroutine() <= before {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("%d goroutines, %d before", runtime.NumGoroutine(), before)
}

// failing is a source that cannot be read from some place on.
type failing struct {
	io.ReaderAt
	after int
	on    bool
}

func (f *failing) ReadAt(p []byte, off int64) (int, error) {
	if f.on && int(off)+len(p) > f.after {
		return 0, io.ErrClosedPipe
	}
	return f.ReaderAt.ReadAt(p, off)
}

// Unzip does what ExtractToDirectory does: the files with their times, errors
// for what exists and for what leads out.
func TestUnzip(t *testing.T) {
	const at = "@2021-06-05T04:03:02"
	for _, tc := range []struct {
		name    string
		entries []zipEntry
		o       UnzipOptions
		want    string
		kind    error
		code    uint32
	}{
		{name: "plain", entries: []zipEntry{{name: "a/"}, {name: "a/b.txt", text: "1"}, {name: `c\d.txt`, text: "2"}, {name: `e\`}},
			want: "a\\\na\\b.txt=1" + at + "\nc\\\nc\\d.txt=2" + at + "\ne\\"},
		{name: "out", entries: []zipEntry{{name: "ok", text: "1"}, {name: `..\x`, text: "2"}}, want: "ok=1" + at, kind: ErrOutside},
		{name: "out with the same beginning", entries: []zipEntry{{name: `../d2/x`, text: "2"}}, kind: ErrOutside},
		{name: "another drive", entries: []zipEntry{{name: `C:/Windows/x`, text: "2"}}, kind: ErrOutside},
		{name: "dots inside", entries: []zipEntry{{name: `a/../b`, text: "2"}}, want: "b=2" + at},
		{name: "twice", entries: []zipEntry{{name: "a", text: "1"}, {name: "A", text: "2"}}, want: "a=1" + at, code: machine.ErrorFileExists},
		{name: "twice with force", entries: []zipEntry{{name: "a", text: "1"}, {name: "A", text: "2"}}, o: UnzipOptions{Overwrite: true}, want: "a=2" + at},
		{name: "directory with content", entries: []zipEntry{{name: "a/", text: "1"}}, kind: ErrCorrupt},
		{name: "names of elsewhere", entries: []zipEntry{{name: "a?b<c", text: "1"}}, o: UnzipOptions{Sanitize: true}, want: "a_b_c=1" + at},
		{name: "names of elsewhere fail", entries: []zipEntry{{name: "a?b", text: "1"}}, code: machine.ErrorInvalidName},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := newBox(t, machine.Options{})
			err := Unzip(t.Context(), b.FS(), openZip(t, zipOf(t, tc.entries...), NamesUTF8), `C:\w\d`, tc.o)
			if (err != nil) != (tc.kind != nil || tc.code != 0) || tc.kind != nil && !errors.Is(err, tc.kind) || machine.CodeOf(err) != tc.code {
				t.Errorf("error %v", err)
			}
			if d := cmp.Diff(tc.want, b.list(`C:\w\d`)); d != "" {
				t.Errorf("files (-want +got):\n%s", d)
			}
		})
	}
}

// What is written can be read by others: names, levels, times and copies.
func TestZipWriter(t *testing.T) {
	var b bytes.Buffer
	w := NewZipWriter(&b)
	when := time.Date(2022, 3, 4, 5, 6, 9, 0, time.FixedZone("", 3600))
	for i, l := range []ZipLevel{ZipOptimal, ZipFastest, ZipNoCompression, ZipSmallest} {
		if err := w.Add(fmt.Sprintf(`dir\ü%d`, i), when, l, strings.NewReader(strings.Repeat("abc", 1000))); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.AddDir(`leer\`, time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC)); err != nil {
		t.Fatal(err)
	}
	old := openZip(t, zipOf(t, zipEntry{name: "old", text: "old content", method: zip.Deflate}), NamesUTF8)
	if err := w.Copy(old, &old.Entries[0]); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	z := openZip(t, b.String(), NamesOEM)
	var got []string
	for i := range z.Entries {
		e := &z.Entries[i]
		r, err := z.Open(e)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprintf("%s %d %v %d %s", e.Name, e.Method, e.Dir, len(text), e.DOSTime.Format(time.DateTime)))
	}
	want := []string{`dir\ü0 8 false 3000 2022-03-04 05:06:08`, `dir\ü1 8 false 3000 2022-03-04 05:06:08`,
		`dir\ü2 0 false 3000 2022-03-04 05:06:08`, `dir\ü3 8 false 3000 2022-03-04 05:06:08`,
		`leer\ 0 true 0 1980-01-01 00:00:00`, `old 8 false 11 2021-06-05 04:03:02`}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	path, err := exec.LookPath("unzip")
	if err != nil {
		return
	}
	file := filepath.Join(t.TempDir(), "a.zip")
	if err := os.WriteFile(file, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(path, "-t", file).CombinedOutput(); err != nil {
		t.Errorf("unzip does not take it: %v\n%s", err, out)
	}
}
