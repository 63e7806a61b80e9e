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
// directory was listed. It implements tree.Content and tree.LazyDigester.
type localFile struct {
	l     *Local
	name  string
	stat  store.FileStat
	links uint64

	reading sync.Mutex // held by who reads the file for its digest

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
	if !f.DigestKnown() {
		r.hash = f.l.hasher()
	}
	return r, nil
}

func (f *localFile) changed() error {
	return withHint(fmt.Errorf("reading %s in %s: the file %w", f.name, f.l.name, tree.ErrChanged),
		"do not change the context while it is built; if the image does not need the file, add it to .dockerignore")
}

// DigestKnown implements tree.LazyDigester.
func (f *localFile) DigestKnown() bool { return f.known() != "" }

// known returns the digest if the file was read before, and has not changed
// since.
func (f *localFile) known() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.digest == "" && f.l.cache != nil {
		if d, ok := f.l.cache.Lookup(f.name, f.stat); ok {
			f.digest = d
		}
	}
	return f.digest
}

// learn notes the digest of a file that was read whole and is unchanged.
func (f *localFile) learn(digest string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.digest != "" {
		return
	}
	f.digest = digest
	if f.l.cache != nil {
		f.l.cache.Add(f.name, f.stat, digest)
	}
}

// ContentDigest returns the BLAKE3 digest of the content, from the cache if
// the file has not changed since it was last read.
func (f *localFile) ContentDigest(ctx context.Context) (string, error) {
	f.reading.Lock()
	defer f.reading.Unlock()
	if d := f.known(); d != "" {
		return d, nil
	}
	r, err := f.Open(ctx)
	if err != nil {
		return "", err
	}
	defer r.Close()
	h := f.l.hasher()
	defer f.l.hashers.Put(h)
	for {
		if ctx.Err() != nil {
			return "", context.Cause(ctx)
		}
		if _, err := r.Read(h.buf[:]); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return "", err
		}
	}
	return f.known(), nil // the reader has learnt it
}

// A localReader reads a file and checks at its end that nobody changed it.
// On the way it learns the file's digest, if nobody knows it.
type localReader struct {
	f    *localFile
	file *os.File
	n    int64
	hash *hasher // nil if nothing is to be learnt
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
	if r.hash != nil {
		_, _ = r.hash.Write(p[:n])
	}
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
		r.learn()
		return n, nil
	case size == 0 && errors.Is(err, io.EOF):
		r.learn()
	case err != nil && !errors.Is(err, io.EOF):
		return n, r.f.l.readError(r.f.name, err)
	}
	return n, err
}

// ReadAt implements io.ReaderAt, for archives in the context. Each read is
// checked by itself.
func (r *localReader) ReadAt(p []byte, off int64) (int, error) {
	n, err := r.file.ReadAt(p, off)
	if err := r.check(); err != nil {
		return 0, err
	}
	if err != nil && !errors.Is(err, io.EOF) {
		err = r.f.l.readError(r.f.name, err)
	}
	return n, err
}

// Seek implements io.Seeker. Who does not read on where they are does not learn
// the digest.
func (r *localReader) Seek(offset int64, whence int) (int64, error) {
	at, err := r.file.Seek(offset, whence)
	if err != nil {
		return 0, r.f.l.readError(r.f.name, err)
	}
	if at != r.n {
		r.n = at
		r.forget()
	}
	return at, nil
}

// learn tells the file its digest.
func (r *localReader) learn() {
	if r.hash != nil {
		r.f.learn(r.hash.sum())
		r.f.l.hashers.Put(r.hash)
		r.hash = nil
	}
}

// forget gives the hasher back without having learnt.
func (r *localReader) forget() {
	if r.hash != nil {
		r.f.l.hashers.Put(r.hash)
		r.hash = nil
	}
}

func (r *localReader) Close() error {
	r.forget()
	return r.file.Close()
}

// A hasher is a hash state and a buffer, to be used for many files.
type hasher struct {
	*blake3.Hasher
	buf [128 << 10]byte
}

// hasher returns a hasher at its beginning. It goes back to l.hashers.
func (l *Local) hasher() *hasher {
	h, ok := l.hashers.Get().(*hasher)
	if !ok {
		h = &hasher{Hasher: blake3.New()}
	}
	h.Reset()
	return h
}

// sum returns the digest of what was written.
func (h *hasher) sum() string {
	var sum [32]byte
	return "blake3:" + hex.EncodeToString(h.Sum(sum[:0]))
}
