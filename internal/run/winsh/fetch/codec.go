package fetch

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
	"github.com/ulikunitz/xz/lzma"
)

// maxWindow bounds the memory that a decoder takes because an archive asks for
// it (zstd --ultra and xz -9 stay below).
const maxWindow = 128 << 20

// readFault is an error of the source that a decoder reads, as opposed to one
// of the decoder about its input.
type readFault struct{ err error }

func (f *readFault) Error() string { return f.err.Error() }
func (f *readFault) Unwrap() error { return f.err }

func isReadFault(err error) bool {
	var f *readFault
	return errors.As(err, &f)
}

// faultReader marks the errors of a source.
type faultReader struct{ r io.Reader }

func (f faultReader) Read(p []byte) (int, error) {
	n, err := f.r.Read(p)
	return n, fault(err)
}

// faultReaderAt marks the errors of a source.
type faultReaderAt struct{ r io.ReaderAt }

func (f faultReaderAt) ReadAt(p []byte, off int64) (int, error) {
	n, err := f.r.ReadAt(p, off)
	return n, fault(err)
}

func fault(err error) error {
	if err == nil || errors.Is(err, io.EOF) {
		return err
	}
	return &readFault{err}
}

// zipDecoder unpacks the content of a zip entry.
func zipDecoder(e *ZipEntry, r *bufio.Reader) (io.ReadCloser, error) {
	switch e.Method {
	case ZipStore:
		return io.NopCloser(r), nil
	case ZipDeflate:
		return flate.NewReader(r), nil
	case ZipBzip2:
		return io.NopCloser(bzip2.NewReader(r)), nil
	case ZipLZMA:
		return zipLZMA(e, r)
	case ZipXZ:
		return newXZ(r)
	case ZipZstd:
		return newZstd(r)
	}
	return nil, formatError(ErrMethod,
		"The archive entry was compressed using an unsupported compression method.")
}

// zipLZMA turns the header of LZMA in zip (version, size of the properties,
// properties) into that of a .lzma file, which has the size too.
func zipLZMA(e *ZipEntry, r *bufio.Reader) (io.ReadCloser, error) {
	var h [9]byte
	if _, err := io.ReadFull(r, h[:]); err != nil {
		return nil, damaged(fmt.Errorf("reading header of LZMA: %w", err))
	}
	if binary.LittleEndian.Uint16(h[2:]) != 5 {
		return nil, formatError(ErrCorrupt, "Found invalid data while decoding.")
	}
	header := append([]byte(nil), h[4:]...)
	size := uint64(e.Size)
	if e.file.Flags&2 != 0 { // ends with a marker
		size = 1<<64 - 1
	}
	return newLZMA(io.MultiReader(bytes.NewReader(binary.LittleEndian.AppendUint64(header, size)), r))
}

func newLZMA(r io.Reader) (io.ReadCloser, error) {
	lr, err := lzma.ReaderConfig{DictCap: maxWindow}.NewReader(r)
	if err != nil {
		return nil, damaged(err)
	}
	return io.NopCloser(lr), nil
}

func newXZ(r io.Reader) (io.ReadCloser, error) {
	br := bufio.NewReader(r)
	if xzWindow(br) > maxWindow {
		return nil, formatError(ErrCorrupt, "Lzma library error:  memory limit reached")
	}
	xr, err := xz.NewReader(br)
	if err != nil {
		return nil, damaged(err)
	}
	return io.NopCloser(xr), nil
}

// xzWindow returns the dictionary that the first block asks for: 12 bytes of
// the stream's header, size and flags of the block's, then LZMA2 (0x21) with
// one byte of properties.
func xzWindow(r *bufio.Reader) int64 {
	h, _ := r.Peek(17)
	if len(h) < 17 || h[13]&0xc0 != 0 || h[14] != 0x21 {
		return 0
	}
	bits := h[16] & 0x3f
	return int64(2|bits&1) << (bits/2 + 11)
}

func newZstd(r io.Reader) (io.ReadCloser, error) {
	zr, err := zstd.NewReader(r, zstd.WithDecoderMaxWindow(maxWindow),
		zstd.WithDecoderLowmem(true), zstd.WithDecoderConcurrency(2))
	if err != nil {
		return nil, damaged(err)
	}
	return zr.IOReadCloser(), nil
}

// Filter is a compression around a whole archive.
type Filter string

// The filters, named as bsdtar names them.
const (
	NoFilter  Filter = "none"
	Gzip      Filter = "gzip"
	Bzip2     Filter = "bzip2"
	XZ        Filter = "xz"
	LZMA      Filter = "lzma"
	Zstd      Filter = "zstd"
	Compress  Filter = "compress (.Z)"
	LZ4       Filter = "lz4"
	Lzip      Filter = "lzip"
	peekBytes        = 1024
)

// DetectFilter names the compression that the first bytes of a stream show.
func DetectFilter(head []byte) Filter {
	for _, m := range []struct {
		magic  string
		filter Filter
	}{
		{"\x1f\x8b\x08", Gzip}, {"BZh", Bzip2}, {"\xfd7zXZ\x00", XZ},
		{"\x28\xb5\x2f\xfd", Zstd}, {"\x1f\x9d", Compress},
		{"\x04\x22\x4d\x18", LZ4}, {"LZIP", Lzip},
	} {
		if bytes.HasPrefix(head, []byte(m.magic)) {
			return m.filter
		}
	}
	if isLZMA(head) {
		return LZMA
	}
	return NoFilter
}

// isLZMA looks for the usual properties, a dictionary of a power of two (or
// one and a half), and a size that is unknown or below a terabyte.
func isLZMA(h []byte) bool {
	if len(h) < 14 || h[0] != 0x5d || h[13] != 0 {
		return false
	}
	dict := binary.LittleEndian.Uint32(h[1:])
	size := binary.LittleEndian.Uint64(h[5:])
	plain := dict >= 1<<12 && (dict&(dict-1) == 0 || dict%3 == 0 && (dict/3)&(dict/3-1) == 0)
	return plain && (size == 1<<64-1 || size < 1<<40)
}

// unfilter unpacks a stream until no filter is left.
func unfilter(r *bufio.Reader) (*bufio.Reader, []Filter, error) {
	var all []Filter
	for range 8 { // deeper is an attack
		head, err := r.Peek(peekBytes)
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, all, fmt.Errorf("reading archive: %w", damaged(err))
		}
		f := DetectFilter(head)
		if f == NoFilter {
			return r, all, nil
		}
		all = append(all, f)
		d, err := NewDecoder(f, r)
		if err != nil {
			return nil, all, err
		}
		r = bufio.NewReaderSize(d, 64<<10)
	}
	return nil, all, formatError(ErrCorrupt, "Too many filters for one archive.")
}

// NewDecoder unpacks a stream that has one filter.
func NewDecoder(f Filter, r io.Reader) (io.ReadCloser, error) {
	switch f {
	case NoFilter:
		return io.NopCloser(r), nil
	case Gzip:
		zr, err := gzip.NewReader(r)
		if err != nil {
			return nil, damaged(err)
		}
		return zr, nil
	case Bzip2:
		return io.NopCloser(bzip2.NewReader(r)), nil
	case XZ:
		return newXZ(r)
	case LZMA:
		return newLZMA(r)
	case Zstd:
		return newZstd(r)
	}
	return nil, formatError(ErrMethod, "Can't initialize filter; compression "+string(f)+" is not supported")
}

// NewEncoder packs a stream with a filter. Levels are those that bsdtar uses
// by default, and nothing of the place or time of packing is written.
func NewEncoder(f Filter, w io.Writer) (io.WriteCloser, error) {
	switch f {
	case NoFilter:
		return nopWriteCloser{w}, nil
	case Gzip:
		zw, err := gzip.NewWriterLevel(w, gzip.DefaultCompression)
		if err != nil {
			return nil, fmt.Errorf("starting gzip: %w", err)
		}
		return zw, nil
	case XZ:
		return xz.NewWriter(w)
	case LZMA:
		return lzma.NewWriter(w)
	case Zstd:
		return zstd.NewWriter(w, zstd.WithEncoderConcurrency(2))
	}
	return nil, formatError(ErrMethod, "compression "+string(f)+" cannot be written")
}

type nopWriteCloser struct{ io.Writer }

func (nopWriteCloser) Close() error { return nil }
