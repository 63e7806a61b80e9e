package layer

import (
	"context"
	"io"
	"os"
	"sync"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/casement/casement/internal/store"
)

// Growing is the blob of a layer while it is being packed, so that an upload
// can follow the packing. It can be read to the end at any time after, too.
type Growing struct {
	file *os.File
	mu   sync.Mutex
	size int64         // bytes that can be read
	more chan struct{} // closed when that changes
	desc ocispec.Descriptor
	err  error
	done bool
}

// newGrowing returns the blob that w is writing.
func newGrowing(w *store.Writer) (*Growing, error) {
	f, err := w.Open()
	if err != nil {
		return nil, err
	}
	return &Growing{file: f, more: make(chan struct{})}, nil
}

// grow says that n more bytes can be read.
func (g *Growing) grow(n int) { g.change(func() { g.size += int64(n) }) }

// end says that nothing more will come: the blob is complete, or err tells why
// it never will be.
func (g *Growing) end(d ocispec.Descriptor, err error) {
	g.change(func() { g.done, g.desc, g.err = true, d, err })
}

func (g *Growing) change(do func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	do()
	close(g.more)
	g.more = make(chan struct{})
}

func (g *Growing) state() (size int64, more <-chan struct{}, done bool, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.size, g.more, g.done, g.err
}

// Wait returns the descriptor when the blob is complete.
func (g *Growing) Wait(ctx context.Context) (ocispec.Descriptor, error) {
	for {
		_, more, done, err := g.state()
		if done {
			return g.desc, err
		}
		if _, err := receive(ctx, more); err != nil {
			return ocispec.Descriptor{}, err
		}
	}
}

// Close lets the blob's bytes go. Readers fail after it.
func (g *Growing) Close() error { return g.file.Close() }

// Open returns a reader from the first byte, which waits for what is not
// written yet. The context bounds the waiting.
func (g *Growing) Open(ctx context.Context) (io.ReadCloser, error) {
	return &growingReader{ctx: ctx, g: g}, nil
}

// growingReader keeps the context of its Open, since io.Reader has none.
type growingReader struct {
	ctx    context.Context
	g      *Growing
	offset int64
}

// Read implements io.Reader.
func (r *growingReader) Read(p []byte) (int, error) {
	for {
		size, more, done, err := r.g.state()
		switch {
		case r.offset < size:
			n, err := r.g.file.ReadAt(p[:min(int64(len(p)), size-r.offset)], r.offset)
			r.offset += int64(n)
			return n, err
		case err != nil:
			return 0, err
		case done:
			return 0, io.EOF
		}
		if _, err := receive(r.ctx, more); err != nil {
			return 0, err
		}
	}
}

// Close implements io.Closer. The file belongs to the blob.
func (r *growingReader) Close() error { return nil }

// growingWriter writes a blob and tells who follows it.
type growingWriter struct {
	io.Writer
	g *Growing
}

// Write implements io.Writer.
func (w growingWriter) Write(p []byte) (int, error) {
	n, err := w.Writer.Write(p)
	w.g.grow(n)
	return n, err
}
