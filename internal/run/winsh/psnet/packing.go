package psnet

import (
	"errors"
	"io"

	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zlib"

	"github.com/casement/casement/internal/run/winsh/ps"
)

// reader unpacks a stream.
func (k packing) reader(r io.Reader) (io.Reader, error) {
	switch k {
	case gzipPacking:
		return gzip.NewReader(r)
	case zlibPacking:
		return zlib.NewReader(r)
	}
	return flate.NewReader(r), nil
}

// writer packs a stream, at a level of .NET.
func (k packing) writer(w io.Writer, level int64) (io.WriteCloser, error) {
	n := []int{6, flate.BestSpeed, flate.NoCompression, flate.BestCompression}[min(level, 3)]
	switch k {
	case gzipPacking:
		return gzip.NewWriterLevel(w, n)
	case zlibPacking:
		return zlib.NewWriterLevel(w, n)
	}
	return flate.NewWriter(w, n)
}

// isException reports whether an error is an exception of .NET already.
func isException(err error) bool {
	var x *ps.Exception
	return errors.As(err, &x)
}
