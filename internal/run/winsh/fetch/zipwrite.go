package fetch

import (
	"archive/zip"
	"fmt"
	"io"
	"time"

	"github.com/klauspost/compress/flate"

	"github.com/casement/casement/internal/tree"
)

// ZipLevel is how hard a zip entry is packed.
type ZipLevel uint8

// The levels of System.IO.Compression.
const (
	ZipOptimal ZipLevel = iota
	ZipFastest
	ZipNoCompression
	ZipSmallest
)

// ZipWriter makes a zip archive in one pass: sizes and checksums follow the
// contents, as .NET writes to a stream that cannot seek. Names are written as
// they are given; .NET Framework before 4.6.1 and with it the Compress-Archive
// of Windows PowerShell 5.1 uses backslashes, all others slashes.
type ZipWriter struct {
	w     *zip.Writer
	level ZipLevel
}

// NewZipWriter starts an archive. Nothing is complete before Close.
func NewZipWriter(w io.Writer) *ZipWriter {
	z := &ZipWriter{w: zip.NewWriter(w)}
	z.w.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) {
		return flate.NewWriter(w, z.level.deflate())
	})
	return z
}

func (l ZipLevel) deflate() int {
	switch l {
	case ZipFastest:
		return flate.BestSpeed
	case ZipSmallest:
		return flate.BestCompression
	}
	return 6
}

// Add writes a file with the local time mod (in any zone: its wall clock
// counts).
func (z *ZipWriter) Add(name string, mod time.Time, level ZipLevel, r io.Reader) error {
	h := &zip.FileHeader{Name: name, Method: zip.Deflate}
	if level == ZipNoCompression {
		h.Method = zip.Store
	}
	stamp(h, mod)
	z.level = level
	w, err := z.w.CreateHeader(h)
	if err != nil {
		return fmt.Errorf("adding %s to zip archive: %w", name, err)
	}
	if _, err := io.Copy(w, r); err != nil {
		return fmt.Errorf("adding %s to zip archive: %w", name, err)
	}
	return nil
}

// entry writes a member of tar --format zip.
func (z *ZipWriter) entry(m *Member, r io.Reader) error {
	types := map[tree.Kind]uint32{tree.Dir: 0o040000, tree.Symlink: 0o120000}
	h := &zip.FileHeader{Name: m.Name, Method: zip.Deflate, CreatorVersion: 3 << 8, Modified: m.Times.Modified.UTC()}
	typ, special := types[m.Kind]
	if special {
		h.Method = zip.Store
	} else {
		typ = 0o100000
	}
	h.ExternalAttrs = (typ | m.Mode) << 16
	z.level = ZipOptimal
	w, err := z.w.CreateHeader(h)
	if err == nil && m.Kind != tree.Dir {
		_, err = io.Copy(w, r)
	}
	if err != nil {
		return fmt.Errorf("adding %s to zip archive: %w", m.Name, err)
	}
	return nil
}

// AddDir writes an entry without content. .NET knows directories by a name
// that ends in a slash or backslash.
func (z *ZipWriter) AddDir(name string, mod time.Time) error {
	h := &zip.FileHeader{Name: name, Method: zip.Store}
	stamp(h, mod)
	if _, err := z.w.CreateRaw(h); err != nil {
		return fmt.Errorf("adding %s to zip archive: %w", name, err)
	}
	return nil
}

// Copy writes an entry of another archive without unpacking it.
func (z *ZipWriter) Copy(from *Zip, e *ZipEntry) error {
	if err := z.w.Copy(e.file); err != nil {
		return fmt.Errorf("copying entry %s: %w", e.Name, err)
	}
	return nil
}

// Close writes the directory.
func (z *ZipWriter) Close() error {
	if err := z.w.Close(); err != nil {
		return fmt.Errorf("writing directory of zip archive: %w", err)
	}
	return nil
}

// stamp sets the local time of an entry. Modified would write an extra field
// with the time in UTC, which .NET does not.
func stamp(h *zip.FileHeader, t time.Time) {
	date, clock := toDOSTime(t)
	//lint:ignore SA1019 see above
	h.ModifiedDate = date
	//lint:ignore SA1019 see above
	h.ModifiedTime = clock
}

// toDOSTime is the wall clock of t in steps of two seconds; years that DOS does
// not have become the ends of its calendar, as in .NET.
func toDOSTime(t time.Time) (date, clock uint16) {
	if t.Year() < 1980 {
		return 1<<5 | 1, 0
	}
	if t.Year() > 2107 {
		return 127<<9 | 12<<5 | 31, 23<<11 | 59<<5 | 29
	}
	date = uint16(t.Year()-1980)<<9 | uint16(t.Month())<<5 | uint16(t.Day())
	clock = uint16(t.Hour())<<11 | uint16(t.Minute())<<5 | uint16(t.Second()/2)
	return date, clock
}
