package machine

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
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

// partsReader reads parts behind each other. Those of one volume need no more
// than one file of this computer, however many they are.
type partsReader struct {
	open func(tree.Content) (io.ReadCloser, error)
	rest []tree.Content
	r    io.ReadCloser
	v    *volume // that f is open for
	f    *os.File
}

// Read implements io.Reader.
func (p *partsReader) Read(b []byte) (int, error) {
	for {
		if p.r == nil {
			if len(p.rest) == 0 {
				return 0, io.EOF
			}
			if err := p.next(); err != nil {
				return 0, err
			}
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

// next opens the next part, together with those that lie directly behind it.
func (p *partsReader) next() (err error) {
	c, ok := p.rest[0].(*spooled)
	if !ok {
		p.r, err = p.open(p.rest[0])
		p.rest = p.rest[1:]
		return err
	}
	if p.v != c.v {
		if err := p.closeVolume(); err != nil {
			return err
		}
		if p.f, err = c.v.open(); err != nil {
			return fmt.Errorf("reading what a step has written: %w", err)
		}
		p.v = c.v
	}
	size := int64(0)
	for len(p.rest) > 0 {
		d, ok := p.rest[0].(*spooled)
		if !ok || d.v != c.v || d.offset != c.offset+size {
			break
		}
		size += d.size
		p.rest = p.rest[1:]
	}
	p.r = sectionFile{SectionReader: io.NewSectionReader(p.f, c.offset, size)}
	return nil
}

func (p *partsReader) closeVolume() error {
	if p.f == nil {
		return nil
	}
	f := p.f
	p.f, p.v = nil, nil
	return f.Close()
}

// Close implements io.Closer.
func (p *partsReader) Close() error {
	var err error
	if p.r != nil {
		err = p.r.Close()
	}
	return errors.Join(err, p.closeVolume())
}
