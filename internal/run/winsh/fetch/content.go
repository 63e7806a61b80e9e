package fetch

import (
	"compress/zlib"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"

	"github.com/casement/casement/internal/run/winsh/machine"
)

// DecodeContent undoes the Content-Encoding of an answer: gzip and deflate. An
// unknown one gives an error that matches [ErrMethod], bad data one that matches
// [ErrCorrupt].
func DecodeContent(encoding string, r io.Reader) (io.Reader, error) {
	codings := strings.Split(encoding, ",")
	slices.Reverse(codings)
	for _, c := range codings {
		switch c = strings.ToLower(strings.TrimSpace(c)); c {
		case "", "identity":
		case "gzip", "x-gzip":
			r = &contentReader{open: func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) }, r: faultReader{r}}
		case "deflate":
			r = &contentReader{open: newInflate, r: faultReader{r}}
		default:
			return nil, formatError(ErrMethod, "Unrecognized content encoding type: "+c)
		}
	}
	return r, nil
}

// contentReader opens a decoder at the first read: an empty body has no header.
type contentReader struct {
	open func(io.Reader) (io.Reader, error)
	r    io.Reader
	d    io.Reader
}

func (c *contentReader) Read(p []byte) (int, error) {
	if c.d == nil {
		d, err := c.open(c.r)
		if err != nil {
			return 0, contentError(err)
		}
		c.d = d
	}
	n, err := c.d.Read(p)
	return n, contentError(err)
}

// contentError tells bad data from a transfer that failed.
func contentError(err error) error {
	var f *readFault
	switch {
	case err == nil, errors.Is(err, io.EOF):
		return err
	case errors.As(err, &f):
		return f.err
	}
	return damaged(err)
}

// newInflate reads "deflate", which is zlib, or raw from servers that got it
// wrong.
func newInflate(r io.Reader) (io.Reader, error) {
	head := make([]byte, 2)
	n, err := io.ReadFull(r, head)
	if n == 0 {
		return nil, err
	}
	r = io.MultiReader(strings.NewReader(string(head[:n])), r)
	if n == 2 && head[0]&15 == 8 && (int(head[0])<<8|int(head[1]))%31 == 0 {
		return zlib.NewReader(r)
	}
	return flate.NewReader(r), nil
}

// Save writes a stream to a file, and says how far it is if progress is not
// nil. What arrived before an error stays.
func Save(ctx context.Context, fsys *machine.FS, full string, r io.Reader, o machine.CreateOptions, progress func(done int64)) (int64, error) {
	w, err := fsys.Create(ctx, full, o)
	if err != nil {
		return 0, err
	}
	var out io.Writer = w
	if progress != nil {
		out = &progressWriter{w: w, report: progress}
	}
	n, err := io.CopyBuffer(struct{ io.Writer }{out}, struct{ io.Reader }{r}, make([]byte, 256<<10))
	if err = errors.Join(err, w.Close()); err != nil {
		return n, fmt.Errorf("writing %s: %w", full, err)
	}
	return n, nil
}

type progressWriter struct {
	w      io.Writer
	done   int64
	report func(int64)
}

func (p *progressWriter) Write(b []byte) (int, error) {
	n, err := p.w.Write(b)
	p.done += int64(n)
	p.report(p.done)
	return n, err
}
