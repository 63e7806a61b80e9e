package machine

import (
	"bytes"
	"context"
	"encoding/hex"
	"io"
	"slices"

	"github.com/zeebo/blake3"

	"github.com/casement/casement/internal/tree"
)

// Spool takes what a step writes. Contents can be opened as soon as they are
// committed.
type Spool interface {
	// Create starts a content.
	Create(ctx context.Context) (SpoolWriter, error)
}

// SpoolWriter writes one content. Contents may be written at once.
type SpoolWriter interface {
	io.Writer
	// Commit ends the content and returns it; its digest is known.
	Commit() (tree.Content, error)
	// Abort drops it. After Commit it does nothing.
	Abort()
}

// MemorySpool keeps contents in memory, for tests and small things.
type MemorySpool struct{}

// Create implements [Spool].
func (MemorySpool) Create(context.Context) (SpoolWriter, error) { return &memoryWriter{}, nil }

type memoryWriter struct{ bytes.Buffer }

// Commit implements [SpoolWriter].
func (w *memoryWriter) Commit() (tree.Content, error) {
	return memoryContent{slices.Clip(w.Bytes())}, nil
}

// Abort implements [SpoolWriter].
func (*memoryWriter) Abort() {}

// memoryContent is a content in memory that is named as contents of the spool
// are.
type memoryContent struct{ b []byte }

// Open implements [tree.Content].
func (c memoryContent) Open(context.Context) (io.ReadCloser, error) {
	return memoryFile{bytes.NewReader(c.b)}, nil
}

// Size implements [tree.Content].
func (c memoryContent) Size() int64 { return int64(len(c.b)) }

// ContentDigest implements [tree.Digester].
func (c memoryContent) ContentDigest(context.Context) (string, error) { return digestOf(c.b), nil }

func digestOf(b []byte) string {
	sum := blake3.Sum256(b)
	return digestText(sum[:])
}

func digestText(sum []byte) string { return "blake3:" + hex.EncodeToString(sum) }

// parts is a content that consists of others: what a file becomes that is
// appended to. Only what Finish returns is put together.
type parts struct {
	list []tree.Content
	size int64
	end  *int // how much of the list's memory is taken, by whichever content
}

// appended returns a and then b. Of contents that begin alike, the first to grow
// does so in place.
func appended(a, b tree.Content) tree.Content {
	p, ok := a.(*parts)
	if !ok {
		p = &parts{list: []tree.Content{a}, size: a.Size(), end: new(int)}
		*p.end = 1
	}
	if *p.end != len(p.list) {
		p = &parts{list: slices.Clone(p.list), size: p.size, end: new(int)}
	}
	grown := &parts{list: append(p.list, b), size: p.size + b.Size(), end: p.end}
	*p.end = len(grown.list)
	return grown
}

// Size implements [tree.Content].
func (p *parts) Size() int64 { return p.size }

// Open implements [tree.Content].
func (p *parts) Open(ctx context.Context) (io.ReadCloser, error) {
	return &partsReader{open: func(c tree.Content) (io.ReadCloser, error) { return c.Open(ctx) }, rest: p.list}, nil
}

// ContentDigest implements [tree.Digester].
func (p *parts) ContentDigest(ctx context.Context) (string, error) {
	r, err := p.Open(ctx)
	if err != nil {
		return "", err
	}
	defer r.Close()
	h := blake3.New()
	if _, err := io.Copy(h, r); err != nil {
		return "", err
	}
	return digestText(h.Sum(nil)), nil
}

// DigestKnown implements [tree.LazyDigester].
func (p *parts) DigestKnown() bool { return false }

type partsReader struct {
	open func(tree.Content) (io.ReadCloser, error)
	rest []tree.Content
	r    io.ReadCloser
}

// Read implements io.Reader.
func (p *partsReader) Read(b []byte) (int, error) {
	for {
		if p.r == nil {
			if len(p.rest) == 0 {
				return 0, io.EOF
			}
			var err error
			if p.r, err = p.open(p.rest[0]); err != nil {
				return 0, err
			}
			p.rest = p.rest[1:]
		}
		n, err := p.r.Read(b)
		if err == io.EOF {
			err = p.r.Close()
			p.r = nil
			if n == 0 && err == nil {
				continue
			}
		}
		return n, err
	}
}

// Close implements io.Closer.
func (p *partsReader) Close() error {
	if p.r == nil {
		return nil
	}
	return p.r.Close()
}
