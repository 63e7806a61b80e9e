package fetch

import (
	"archive/tar"
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/casement/casement/internal/tree"
)

// Member is one entry of an archive of any format, as bsdtar sees it.
type Member struct {
	// Name has slashes; a directory's name ends in one.
	Name string
	// Kind is File, Dir, Symlink, Hardlink, Device, Fifo or Socket.
	Kind tree.Kind
	// Link is the target of a link as the archive has it.
	Link string
	// DirLink says that the archive calls a symbolic link one to a directory.
	DirLink bool
	Size    int64
	// Mode has the permission bits.
	Mode         uint32
	UID, GID     int
	User, Group  string
	Char         bool
	Major, Minor int64
	Times        tree.Times
}

// Source is an archive to read. At is set, with its Size, where the archive
// can be read at any place; otherwise Stream is read once.
type Source struct {
	At     io.ReaderAt
	Size   int64
	Stream io.Reader
}

// Format says what an archive turned out to be.
type Format struct {
	Name    string // "zip", "7-zip", "cab", "tar", "empty"
	Filters []Filter
}

// ReadArchive finds out what a source is, as bsdtar does, and visits its
// members in order. Contents are valid until visit returns. fs.SkipAll ends the
// visit without an error. Zip archives are unpacked with all processors.
//
// Errors about the archive are *[FormatError]; a format that bsdtar reads and
// this package does not matches [ErrMethod].
func ReadArchive(ctx context.Context, src Source, visit func(*Member, io.Reader) error) (Format, error) {
	f, err := readArchive(ctx, src, visit)
	if errors.Is(err, fs.SkipAll) {
		err = nil
	}
	return f, err
}

func readArchive(ctx context.Context, src Source, visit func(*Member, io.Reader) error) (Format, error) {
	stream := src.Stream
	if src.At != nil {
		head := make([]byte, peekBytes)
		n, err := src.At.ReadAt(head, 0)
		if err != nil && !errors.Is(err, io.EOF) {
			return Format{}, fmt.Errorf("reading archive: %w", err)
		}
		head = head[:n]
		if bytes.HasPrefix(head, []byte("MZ")) {
			return visitProgram(ctx, src, visit)
		}
		if read := placed(formatOf(head)); read != nil {
			return Format{Name: formatOf(head)}, read(ctx, src, visit)
		}
		if isISO(src.At) { // whose first blocks are zeros, as those of an empty tar
			return Format{Name: "iso9660"}, formatError(ErrMethod, "iso9660 archives are not supported")
		}
		stream = io.NewSectionReader(src.At, 0, src.Size)
	}
	r, filters, err := unfilter(bufio.NewReaderSize(faultReader{stream}, 64<<10))
	format := Format{Filters: filters}
	if err != nil {
		return format, err
	}
	if len(filters) > 0 {
		ahead := readAhead(r)
		defer ahead.Close()
		r = bufio.NewReader(ahead)
	}
	head, err := r.Peek(peekBytes)
	if err != nil && !errors.Is(err, io.EOF) {
		return format, fmt.Errorf("reading archive: %w", damaged(err))
	}
	format.Name = formatOf(head)
	switch name := format.Name; name {
	case "empty":
		return format, nil
	case "tar":
		return format, visitTar(ctx, r, visit)
	case "zip", "cab":
		return format, visitSpooled(ctx, r, placed(name), visit)
	case "":
		return format, formatError(ErrNotArchive, "Unrecognized archive format")
	case "7-zip":
		return format, formatError(ErrMethod, "7-zip archives are only read from files")
	default:
		return format, formatError(ErrMethod, name+" archives are not supported")
	}
}

// placedReader visits the members of an archive that is read at any place.
type placedReader func(ctx context.Context, src Source, visit func(*Member, io.Reader) error) error

// placed returns the reader of a format that is read so, nil for others.
func placed(format string) placedReader {
	switch format {
	case "zip":
		return visitZip
	case "7-zip":
		return visitSevenZip
	case "cab":
		return visitCab
	}
	return nil
}

// visitProgram visits the members of the archive behind a program that unpacks
// itself.
func visitProgram(ctx context.Context, src Source, visit func(*Member, io.Reader) error) (Format, error) {
	for _, name := range []string{"zip", "7-zip"} {
		if err := placed(name)(ctx, src, visit); !errors.Is(err, ErrNotArchive) {
			return Format{Name: name}, err
		}
	}
	return Format{}, formatError(ErrNotArchive, "Unrecognized archive format")
}

func isZip(head []byte) bool {
	for _, magic := range []string{"PK\x03\x04", "PK\x05\x06", "PK00PK", "PK\x07\x08"} {
		if bytes.HasPrefix(head, []byte(magic)) {
			return true
		}
	}
	return false
}

// formatOf names the format that the first bytes show; "" is none that bsdtar
// knows.
func formatOf(head []byte) string {
	if len(head) == 0 {
		return "empty"
	}
	if isZip(head) {
		return "zip"
	}
	if isTar(head) {
		return "tar"
	}
	for _, m := range []struct{ magic, name string }{
		{"7z\xbc\xaf\x27\x1c", "7-zip"}, {"MSCF", "cab"}, {"Rar!\x1a\x07", "rar"},
		{"070701", "cpio"}, {"070702", "cpio"}, {"070707", "cpio"}, {"\xc7\x71", "cpio"},
		{"!<arch>\n", "ar"}, {"xar!", "xar"}, {"WARC/", "warc"}, {"#mtree", "mtree"},
		{"\xed\xab\xee\xdb", "rpm"}, {"\x89LZO\x00\r\n\x1a\n", "lzop"}, {"LRZI", "lrzip"}, {"GRZipII\x00", "grzip"},
	} {
		if bytes.HasPrefix(head, []byte(m.magic)) {
			return m.name
		}
	}
	if len(head) > 20 && head[2] == '-' && head[3] == 'l' && (head[4] == 'h' || head[4] == 'z') && head[6] == '-' {
		return "lha"
	}
	return ""
}

// isISO looks for the first descriptor of a disc.
func isISO(r io.ReaderAt) bool {
	var b [5]byte
	n, _ := r.ReadAt(b[:], 16*2048+1)
	return string(b[:n]) == "CD001"
}

// isTar looks at the checksum of the first header, or for two blocks of zeros.
func isTar(head []byte) bool {
	if len(head) < 512 {
		return false
	}
	if bytes.Count(head, []byte{0}) == len(head) {
		return true
	}
	var want, got int64
	for _, c := range head[148:156] {
		switch {
		case c >= '0' && c <= '7':
			want = want*8 + int64(c-'0')
		case c != ' ' && c != 0:
			return false
		}
	}
	for i, c := range head[:512] {
		if i >= 148 && i < 156 {
			c = ' '
		}
		got += int64(c)
	}
	return got == want
}

// visitTar reads a tar of any dialect.
func visitTar(ctx context.Context, r io.Reader, visit func(*Member, io.Reader) error) error {
	in := &counter{r: r}
	tr := tar.NewReader(in)
	for {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("reading archive: %w", err)
		}
		h, err := tr.Next()
		switch {
		case errors.Is(err, io.EOF) && in.n%512 == 0:
			return nil
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return formatError(ErrCorrupt, "Truncated tar archive detected while reading next header")
		case errors.Is(err, tar.ErrHeader), errors.Is(err, tar.ErrFieldTooLong):
			return formatError(ErrCorrupt, "Damaged tar archive")
		case err != nil && !errors.Is(err, tar.ErrInsecurePath):
			return fmt.Errorf("reading archive: %w", damaged(err))
		}
		m, ok := tarMember(h)
		if !ok {
			continue
		}
		if err := visit(m, tarContent{tr}); err != nil {
			return err
		}
	}
}

// counter counts what is read.
type counter struct {
	r io.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// tarContent gives errors of the content in the package's own terms.
type tarContent struct{ r io.Reader }

func (t tarContent) Read(p []byte) (int, error) {
	n, err := t.r.Read(p)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return n, formatError(ErrCorrupt, "Truncated tar archive detected while reading data")
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return n, damaged(err)
	}
	return n, err
}

// tarMember turns a header into a member; those that are not members (volume
// labels, unknown extensions) give false.
func tarMember(h *tar.Header) (*Member, bool) {
	m := &Member{
		Name: strings.ToValidUTF8(h.Name, "_"), Link: strings.ToValidUTF8(h.Linkname, "_"),
		Mode: uint32(h.Mode) & 0o7777,
		UID:  h.Uid, GID: h.Gid, User: h.Uname, Group: h.Gname,
		Major: h.Devmajor, Minor: h.Devminor,
		Times: tree.Times{Modified: utc(h.ModTime), Accessed: utc(h.AccessTime), Changed: utc(h.ChangeTime)},
	}
	switch h.Typeflag {
	case tar.TypeReg, tar.TypeCont, tar.TypeGNUSparse, '\x00':
		m.Kind, m.Size = tree.File, h.Size
	case tar.TypeDir:
		m.Kind = tree.Dir
	case tar.TypeSymlink:
		m.Kind = tree.Symlink
		m.DirLink = h.PAXRecords["LIBARCHIVE.symlinktype"] == "dir"
	case tar.TypeLink:
		m.Kind, m.Size = tree.Hardlink, h.Size
	case tar.TypeChar, tar.TypeBlock:
		m.Kind, m.Char = tree.Device, h.Typeflag == tar.TypeChar
	case tar.TypeFifo:
		m.Kind = tree.Fifo
	default:
		return nil, false
	}
	return m, true
}

func utc(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return t.UTC()
}

// visitZip visits the members of a zip archive that can be read at any place.
func visitZip(ctx context.Context, src Source, visit func(*Member, io.Reader) error) error {
	z, err := OpenZip(src.At, src.Size, NamesOEM)
	if err != nil {
		if errors.Is(err, ErrNotArchive) {
			return formatError(ErrNotArchive, "Unrecognized archive format")
		}
		return err
	}
	entries := make([]*ZipEntry, len(z.Entries))
	for i := range z.Entries {
		entries[i] = &z.Entries[i]
	}
	return z.Each(ctx, entries, func(e *ZipEntry, r io.Reader) error {
		m, err := zipMember(e, r)
		if err != nil {
			return err
		}
		return visit(m, r)
	})
}

// zipMember sees an entry as bsdtar does: a mode of Unix if there is one, and
// symbolic links whose content is their target.
func zipMember(e *ZipEntry, r io.Reader) (*Member, error) {
	m := &Member{Name: e.Name, Kind: tree.File, Size: e.Size, Mode: 0o664,
		Times: tree.Times{Modified: carriedTime(e.file.ModifiedDate, e.file.ModifiedTime), Accessed: e.Accessed, Created: e.Created}}
	if !e.Modified.IsZero() {
		m.Times.Modified = e.Modified
	}
	if name, ok := e.unicodePath(); ok {
		m.Name = name
	}
	const typeMask, link = 0o170000, 0o120000
	switch {
	case e.UnixMode&typeMask == link:
		if e.Size > 32<<10 {
			return nil, formatError(ErrCorrupt, "Zip file has too long a symbolic link")
		}
		target, err := io.ReadAll(r)
		if err != nil {
			return nil, err
		}
		m.Kind, m.Link, m.Size = tree.Symlink, string(target), 0
	case e.Dir:
		m.Kind, m.Size, m.Mode = tree.Dir, 0, 0o775
		m.Name = strings.TrimRight(m.Name, `/\`) + "/"
	}
	if e.UnixMode != 0 {
		m.Mode = e.UnixMode & 0o7777
	}
	return m, nil
}

// visitSpooled reads an archive from a pipe that is to be read at any place, so
// that it goes to a temporary file first.
func visitSpooled(ctx context.Context, r io.Reader, read placedReader, visit func(*Member, io.Reader) error) error {
	f, err := os.CreateTemp("", "casement-archive-*")
	if err != nil {
		return fmt.Errorf("making temporary file for archive: %w", err)
	}
	defer os.Remove(f.Name())
	defer f.Close()
	n, err := io.Copy(f, r)
	if err != nil {
		return fmt.Errorf("reading archive: %w", damaged(err))
	}
	return read(ctx, Source{At: f, Size: n}, visit)
}
