package fetch

import (
	"archive/zip"
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"iter"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
)

// Charset says how names in a zip archive are read whose entry does not say
// that they are UTF-8. Programs differ.
type Charset uint8

// The character sets of names. .NET reads them as UTF-8, .NET Framework in the
// ANSI code page, bsdtar in the OEM code page.
const (
	NamesUTF8 Charset = iota
	NamesANSI
	NamesOEM
)

// Compression methods of zip entries.
const (
	ZipStore     = 0
	ZipDeflate   = 8
	ZipDeflate64 = 9
	ZipBzip2     = 12
	ZipLZMA      = 14
	ZipZstd      = 93
	ZipXZ        = 95
)

// Zip is a zip archive opened for reading. It does not change, and entries may
// be opened at once.
type Zip struct {
	Entries []ZipEntry
	Comment string
	src     io.ReaderAt
}

// ZipEntry is one entry of the directory of a zip archive.
type ZipEntry struct {
	// Name is the name as the archive has it, with whatever slashes.
	Name string
	// Dir says that the entry is a directory, by its name or by its attributes.
	Dir bool
	// Size is the number of bytes unpacked, and Packed that in the archive.
	Size, Packed int64
	CRC          uint32
	Method       uint16
	Encrypted    bool
	// DOSTime is the local time of the entry, as if the zone were UTC.
	DOSTime time.Time
	// Extended times, where the entry has them; else zero.
	Modified, Accessed, Created time.Time
	// Attributes are the DOS attributes; UnixMode is st_mode, or 0.
	Attributes uint8
	UnixMode   uint32
	Comment    string

	file *zip.File
}

// FormatError says what is wrong with an archive. Kind is one of the Err…
// values of this package and matches with errors.Is; Text is what .NET says.
type FormatError struct {
	Kind error
	Text string
}

// Error returns the text as .NET has it.
func (e *FormatError) Error() string { return e.Text }

// Unwrap returns the kind.
func (e *FormatError) Unwrap() error { return e.Kind }

// Kinds of [FormatError].
var (
	ErrNotArchive = errors.New("not an archive of this format")
	ErrCorrupt    = errors.New("archive is damaged")
	ErrChecksum   = errors.New("content does not match its checksum")
	ErrMethod     = errors.New("unsupported compression method")
	ErrEncrypted  = errors.New("entry is encrypted")
	ErrOutside    = errors.New("entry leads out of the directory")
)

func formatError(kind error, text string) error { return &FormatError{Kind: kind, Text: text} }

// OpenZip reads the directory of a zip archive.
func OpenZip(r io.ReaderAt, size int64, names Charset) (*Zip, error) {
	zr, err := zip.NewReader(faultReaderAt{r}, size)
	switch {
	case errors.Is(err, zip.ErrFormat):
		return nil, formatError(ErrNotArchive, "End of Central Directory record could not be found.")
	case err != nil && (errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF)):
		return nil, formatError(ErrCorrupt, "Central Directory corrupt.")
	case err != nil && !errors.Is(err, zip.ErrInsecurePath):
		return nil, fmt.Errorf("reading directory of zip archive: %w", err)
	}
	z := &Zip{Comment: zr.Comment, src: faultReaderAt{r}, Entries: make([]ZipEntry, 0, len(zr.File))}
	for _, f := range zr.File {
		z.Entries = append(z.Entries, newZipEntry(f, names))
	}
	return z, nil
}

func newZipEntry(f *zip.File, names Charset) ZipEntry {
	e := ZipEntry{
		Name: f.Name, Comment: f.Comment, CRC: f.CRC32, Method: f.Method, file: f,
		Size: int64(f.UncompressedSize64), Packed: int64(f.CompressedSize64),
		Encrypted: f.Flags&1 != 0, Attributes: uint8(f.ExternalAttrs),
		DOSTime: dosTime(f.ModifiedDate, f.ModifiedTime),
	}
	const utf8Names = 1 << 11
	if f.Flags&utf8Names == 0 {
		e.Name, e.Comment = decodeName(f.Name, names), decodeName(f.Comment, names)
	} else if !utf8.ValidString(f.Name) {
		e.Name = strings.ToValidUTF8(f.Name, "\uFFFD")
	}
	if host := f.CreatorVersion >> 8; host == 3 || host == 19 { // Unix, OS X
		e.UnixMode = f.ExternalAttrs >> 16
	}
	const dosDir, unixDir, unixType = 0x10, 0o040000, 0o170000
	e.Dir = strings.HasSuffix(e.Name, "/") || strings.HasSuffix(e.Name, `\`) ||
		e.UnixMode&unixType == unixDir ||
		e.UnixMode == 0 && f.CreatorVersion>>8 != 3 && e.Attributes&dosDir != 0 && e.Size == 0
	e.extras(f.Extra)
	return e
}

// decodeName turns bytes of the archive into text.
func decodeName(s string, names Charset) string {
	var m *charmap.Charmap
	switch {
	case isASCII(s):
		return s
	case names == NamesOEM:
		m = charmap.CodePage437
	case names == NamesANSI:
		m = charmap.Windows1252
	default:
		return strings.ToValidUTF8(s, "\uFFFD")
	}
	var b strings.Builder
	for i := range len(s) {
		r := m.DecodeByte(s[i])
		if r == utf8.RuneError { // Windows keeps what the code page does not have
			r = rune(s[i])
		}
		b.WriteRune(r)
	}
	return b.String()
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// dosTime is the time of a directory entry; what is not a time is the start of
// the DOS calendar, as .NET has it.
func dosTime(date, clock uint16) time.Time {
	t := carriedTime(date, clock)
	if back, again := toDOSTime(t); t.Year() < 1980 || back != date || again != clock {
		return time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	return t
}

// carriedTime is the time of a directory entry as bsdtar has it, which carries over
// what is too much or too little.
func carriedTime(date, clock uint16) time.Time {
	return time.Date(int(date>>9)+1980, time.Month(date>>5&15), int(date&31), int(clock>>11), int(clock>>5&63), int(clock&31)*2, 0, time.UTC)
}

// extras reads times from the extra fields of Unix (0x5455, and 0x5855 of old).
// bsdtar does not look at those of NTFS, and .NET at none.
func (e *ZipEntry) extras(b []byte) {
	le := binary.LittleEndian
	at := func(field []byte) time.Time { return time.Unix(int64(le.Uint32(field)), 0).UTC() }
	for id, field := range zipExtras(b) {
		switch {
		case id == 0x5855 && len(field) >= 8:
			e.Accessed, e.Modified = at(field), at(field[4:])
		case id == 0x5455 && len(field) >= 1:
			flags, field := field[0], field[1:]
			for i, t := range []*time.Time{&e.Modified, &e.Accessed, &e.Created} {
				if flags&(1<<i) == 0 || len(field) < 4 {
					continue
				}
				*t, field = at(field), field[4:]
			}
		}
	}
}

// zipExtras yields the numbers and contents of extra fields.
func zipExtras(b []byte) iter.Seq2[uint16, []byte] {
	return func(yield func(uint16, []byte) bool) {
		le := binary.LittleEndian
		for len(b) >= 4 {
			id, n := le.Uint16(b), int(le.Uint16(b[2:]))
			if b = b[4:]; n > len(b) || !yield(id, b[:n]) {
				return
			}
			b = b[n:]
		}
	}
}

// unicodePath is the name in the extra field 0x7075, which counts where the sum
// in it is that of the entry's name. bsdtar compares what it has made of the name,
// so that only names in ASCII have one.
func (e *ZipEntry) unicodePath() (string, bool) {
	if !isASCII(e.file.Name) {
		return "", false
	}
	for id, field := range zipExtras(e.file.Extra) {
		if id == 0x7075 && len(field) > 5 && binary.LittleEndian.Uint32(field[1:]) == crc32.ChecksumIEEE([]byte(e.file.Name)) && utf8.Valid(field[5:]) {
			return string(field[5:]), true
		}
	}
	return "", false
}

// Open returns the content of an entry. Reading reports an error that matches
// [ErrChecksum] or [ErrCorrupt] when it is not what the directory says.
func (z *Zip) Open(e *ZipEntry) (io.ReadCloser, error) {
	raw, err := z.raw(e)
	if err != nil {
		return nil, err
	}
	r, err := zipDecoder(e, bufio.NewReaderSize(raw, 64<<10))
	if err != nil {
		return nil, err
	}
	return &checkedReader{r: r, want: e.CRC, left: e.Size}, nil
}

// raw returns the packed bytes of an entry.
func (z *Zip) raw(e *ZipEntry) (*io.SectionReader, error) {
	if e.Encrypted {
		return nil, formatError(ErrEncrypted, "The archive entry is encrypted.")
	}
	off, err := e.file.DataOffset()
	if errors.Is(err, zip.ErrFormat) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, formatError(ErrCorrupt, "A local file header is corrupt.")
	}
	if err != nil {
		return nil, fmt.Errorf("reading entry %s: %w", e.Name, err)
	}
	if e.Packed < 0 || e.Size < 0 {
		return nil, formatError(ErrCorrupt, "A local file header is corrupt.")
	}
	return io.NewSectionReader(z.src, off, e.Packed), nil
}

// checkedReader counts and sums what it reads. The end comes only when both
// are right.
type checkedReader struct {
	r    io.ReadCloser
	crc  uint32
	want uint32
	left int64
	err  error
}

func (c *checkedReader) Read(p []byte) (int, error) {
	if c.err != nil {
		return 0, c.err
	}
	n, err := c.r.Read(p)
	c.crc = crc32.Update(c.crc, crc32.IEEETable, p[:n])
	c.left -= int64(n)
	c.err = c.verdict(err)
	return n, c.err
}

// verdict turns the error of the decoder into one about the entry.
func (c *checkedReader) verdict(err error) error {
	switch {
	case c.left < 0:
		return formatError(ErrCorrupt, "Found invalid data while decoding.")
	case err == nil:
		return nil
	case !errors.Is(err, io.EOF):
		return damaged(err)
	case c.left > 0:
		return formatError(ErrCorrupt, "Unexpected end of the content of an archive entry.")
	case c.crc != c.want:
		return formatError(ErrChecksum, fmt.Sprintf("ZIP bad CRC: 0x%x should be 0x%x", c.crc, c.want))
	}
	return io.EOF
}

func (c *checkedReader) Close() error { return c.r.Close() }

// damaged marks what a decoder said of bad input; errors of reading the
// archive itself stay what they are.
func damaged(err error) error {
	var f *FormatError
	if err == nil || errors.As(err, &f) || isReadFault(err) {
		return err
	}
	return formatError(ErrCorrupt, "Found invalid data while decoding.")
}
