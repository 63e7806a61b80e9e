package fetch

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"strings"

	"github.com/bodgit/sevenzip"

	"github.com/casement/casement/internal/tree"
	"github.com/casement/casement/internal/winmeta"
)

// visitSevenZip visits the members of a 7-Zip archive, or of a program with one
// behind it.
func visitSevenZip(ctx context.Context, src Source, visit func(*Member, io.Reader) error) error {
	z, err := guarded(func() (*sevenzip.Reader, error) { return sevenzip.NewReader(faultReaderAt{src.At}, src.Size) })
	if err != nil {
		return sevenZipError(err)
	}
	for _, f := range z.File {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("reading archive: %w", err)
		}
		if err := visitSevenZipFile(f, visit); err != nil {
			return err
		}
	}
	return nil
}

// guarded calls the library, which does not survive every damaged archive.
func guarded[T any](call func() (T, error)) (result T, err error) {
	defer func() {
		if recover() != nil {
			err = formatError(ErrCorrupt, "Damaged 7-Zip archive")
		}
	}()
	return call()
}

// visitSevenZipFile visits one member. It is not unpacked before it is read.
func visitSevenZipFile(f *sevenzip.File, visit func(*Member, io.Reader) error) error {
	content := &sevenZipContent{f: f, left: int64(f.UncompressedSize)}
	m, err := sevenZipMember(f, content)
	if err == nil {
		err = visit(m, content)
	}
	if content.r == nil {
		return err
	}
	if cerr := content.r.Close(); err == nil && cerr != nil {
		err = sevenZipError(cerr)
	}
	return err
}

// sevenZipMember sees a file as bsdtar does: with a mode of Unix in the high half
// of the attributes, if there is one.
func sevenZipMember(f *sevenzip.File, r io.Reader) (*Member, error) {
	const unix, typeMask, link = 0x8000, 0o170000, 0o120000
	m := &Member{Name: f.Name, Kind: tree.File, Size: int64(f.UncompressedSize), Mode: 0o666,
		Times: tree.Times{Modified: utc(f.Modified), Accessed: utc(f.Accessed), Created: utc(f.Created)}}
	mode := uint32(0)
	if f.Attributes&unix != 0 {
		mode = f.Attributes >> 16
	}
	dir := f.FileInfo().IsDir() || strings.HasSuffix(f.Name, "/")
	switch {
	case dir:
		m.Kind, m.Size, m.Mode = tree.Dir, 0, 0o777
		m.Name = strings.TrimRight(m.Name, "/") + "/"
	case mode&typeMask == link:
		if m.Size > 32<<10 {
			return nil, formatError(ErrCorrupt, "Damaged 7-Zip archive")
		}
		target, err := io.ReadAll(r)
		if err != nil {
			return nil, err
		}
		m.Kind, m.Link, m.Size = tree.Symlink, string(target), 0
	}
	if winmeta.Attributes(f.Attributes).Has(winmeta.ReadOnly) {
		m.Mode &^= 0o222
	}
	if mode != 0 {
		m.Mode = mode & 0o7777
	}
	return m, nil
}

// sevenZipContent is the content of a member, which has to be complete and to
// match its checksum; 0 is none.
type sevenZipContent struct {
	f    *sevenzip.File
	r    io.ReadCloser // nil before it is read
	left int64
	sum  uint32
}

// Read implements io.Reader.
func (c *sevenZipContent) Read(p []byte) (int, error) {
	if c.r == nil {
		r, err := guarded(c.f.Open)
		if err != nil {
			return 0, sevenZipError(err)
		}
		c.r = r
	}
	n, err := guarded(func() (int, error) { return c.r.Read(p) })
	c.sum = crc32.Update(c.sum, crc32.IEEETable, p[:n])
	c.left -= int64(n)
	switch {
	case err == nil:
		return n, nil
	case !errors.Is(err, io.EOF):
		return n, sevenZipError(err)
	case c.left > 0:
		return n, formatError(ErrCorrupt, "Truncated 7-Zip file body")
	case c.f.CRC32 != 0 && c.sum != c.f.CRC32:
		return n, formatError(ErrChecksum, "7-Zip bad CRC")
	}
	return n, io.EOF
}

// sevenZipError gives errors of the archive in the package's own terms; those of
// reading it, and of the context, stay.
func sevenZipError(err error) error {
	var read *sevenzip.ReadError
	var own *FormatError
	switch {
	case errors.As(err, &own):
		return err
	case isReadFault(err):
		return fmt.Errorf("reading archive: %w", err)
	case errors.As(err, &read) && read.Encrypted:
		return formatError(ErrEncrypted, "The archive is encrypted")
	}
	if text := err.Error(); strings.Contains(text, "unsupported compression algorithm") {
		return formatError(ErrMethod, "7-zip archives with this compression are not supported")
	} else if strings.Contains(text, "not a valid 7-zip file") {
		return formatError(ErrNotArchive, "Unrecognized archive format")
	}
	return formatError(ErrCorrupt, "Damaged 7-Zip archive")
}
