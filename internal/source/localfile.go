package source

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/casement/casement/internal/store"
	"github.com/casement/casement/internal/tree"
	"github.com/zeebo/blake3"
)

// A localFile is the content of a file of a directory, as it was when the
// directory was listed. It implements tree.Content and tree.Digester.
type localFile struct {
	l     *Local
	name  string
	stat  store.FileStat
	links uint64

	mu     sync.Mutex
	digest string
}

// Size returns the number of bytes.
func (f *localFile) Size() int64 { return f.stat.Size }

// Open opens the file. It and the reader give errors that match
// tree.ErrChanged if the file is not, or in the end is no more, the one that
// was listed.
func (f *localFile) Open(ctx context.Context) (io.ReadCloser, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	file, err := openUnlinked(f.l.path(f.name))
	if err != nil {
		if gone(err) || notPlain(err) {
			return nil, f.changed()
		}
		return nil, f.l.readError(f.name, err)
	}
	r := &localReader{f: f, file: file}
	if err := r.check(); err != nil {
		file.Close()
		return nil, err
	}
	return r, nil
}

func (f *localFile) changed() error {
	return withHint(fmt.Errorf("reading %s in %s: the file %w", f.name, f.l.name, tree.ErrChanged),
		"do not change the context while it is built; if the image does not need the file, add it to .dockerignore")
}

// ContentDigest returns the BLAKE3 digest of the content, from the cache if
// the file has not changed since it was last read.
func (f *localFile) ContentDigest(ctx context.Context) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.digest != "" {
		return f.digest, nil
	}
	if f.l.cache != nil {
		if d, ok := f.l.cache.Lookup(f.name, f.stat); ok {
			f.digest = d
			return d, nil
		}
	}
	r, err := f.Open(ctx)
	if err != nil {
		return "", err
	}
	defer r.Close()
	h, ok := f.l.hashers.Get().(*hasher)
	if !ok {
		h = newHasher()
	}
	defer f.l.hashers.Put(h)
	d, err := h.sum(ctx, r)
	if err != nil {
		return "", err
	}
	f.digest = d
	if f.l.cache != nil {
		f.l.cache.Add(f.name, f.stat, d)
	}
	return d, nil
}

// A localReader reads a file and checks at its end that nobody changed it.
type localReader struct {
	f    *localFile
	file *os.File
	n    int64
}

func (r *localReader) check() error {
	fi, err := r.file.Stat()
	if err != nil {
		return r.f.l.readError(r.f.name, err)
	}
	if store.FileStatOf(fi) != r.f.stat {
		return r.f.changed()
	}
	return nil
}

func (r *localReader) Read(p []byte) (int, error) {
	// Reading a byte beyond the size shows a file that has grown.
	n, err := r.file.Read(p)
	r.n += int64(n)
	size := r.f.stat.Size
	switch {
	case r.n > size, errors.Is(err, io.EOF) && r.n < size:
		return n, r.f.changed()
	case n > 0 && r.n == size:
		// Whoever knows the size does not read on to the end, and may not look
		// at an error that comes with the last bytes.
		if err := r.check(); err != nil {
			return 0, err
		}
		return n, nil
	case err != nil && !errors.Is(err, io.EOF):
		return n, r.f.l.readError(r.f.name, err)
	}
	return n, err
}

func (r *localReader) Close() error { return r.file.Close() }

// A hasher is a hash state and a buffer, to be used for many files.
type hasher struct {
	*blake3.Hasher
	buf [128 << 10]byte
}

func newHasher() *hasher { return &hasher{Hasher: blake3.New()} }

// sum returns the digest of what r gives.
func (h *hasher) sum(ctx context.Context, r io.Reader) (string, error) {
	h.Reset()
	for {
		if ctx.Err() != nil {
			return "", context.Cause(ctx)
		}
		n, err := r.Read(h.buf[:])
		_, _ = h.Write(h.buf[:n])
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return "", err
		}
	}
	var sum [32]byte
	return "blake3:" + hex.EncodeToString(h.Sum(sum[:0])), nil
}
