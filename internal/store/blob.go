package store

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// hexOf returns the hexadecimal part of a SHA-256 digest, and refuses every other
// string: it becomes a file name.
func hexOf(d digest.Digest) (string, error) {
	h, ok := strings.CutPrefix(string(d), "sha256:")
	if !ok || !isHex(h) {
		return "", fmt.Errorf("digest %q: %w: blobs are kept by sha256 only", string(d), errors.ErrUnsupported)
	}
	return h, nil
}

func isHex(s string) bool {
	return len(s) == 2*sha256.Size && strings.Trim(s, "0123456789abcdef") == ""
}

// Stat returns the size of the blob d and protects it from collectors until the
// store is closed. A blob that is not there gives fs.ErrNotExist.
func (s *Store) Stat(d digest.Digest) (int64, error) {
	h, err := hexOf(d)
	if err != nil {
		return 0, err
	}
	if err := s.enter(); err != nil {
		return 0, err
	}
	defer s.leave()
	fi, err := s.use(s.path(blobDir, h))
	if err != nil {
		return 0, s.blobError(d, err)
	}
	return fi.Size(), nil
}

// OpenBlob opens the blob d for reading and notes that it was used. A blob that is
// not there gives fs.ErrNotExist. Blobs are verified when they enter the store and
// not again; see Verify.
func (s *Store) OpenBlob(d digest.Digest) (*os.File, error) {
	h, err := hexOf(d)
	if err != nil {
		return nil, err
	}
	if err := s.enter(); err != nil {
		return nil, err
	}
	defer s.leave()
	name := s.path(blobDir, h)
	f, err := openFile(name, os.O_RDONLY, 0)
	if err != nil {
		return nil, s.blobError(d, err)
	}
	fi, err := f.Stat()
	if err == nil {
		err = s.renew(name, fi)
	}
	if err != nil {
		f.Close()
		return nil, s.blobError(d, err)
	}
	return f, nil
}

// blobError keeps a plain miss plain: callers expect it and go on.
func (s *Store) blobError(d digest.Digest, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("blob %s: %w", d, fs.ErrNotExist)
	}
	return s.fail("reading blob "+d.String(), err)
}

// Verify reads the whole blob d. If its bytes are not those of its digest, it
// removes the blob and returns a *DigestError: a disk that lost bits costs a
// download and not a wrong image.
func (s *Store) Verify(ctx context.Context, d digest.Digest) error {
	f, err := s.OpenBlob(d)
	if err != nil {
		return err
	}
	defer f.Close()
	h := sha256.New()
	n, err := io.Copy(h, readerUntil{ctx, f})
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		return s.fail("verifying blob "+d.String(), err)
	}
	if got := digestOf(h); got != d {
		_ = os.Remove(f.Name())
		return &DigestError{Want: d, Got: got, Size: n}
	}
	return nil
}

// readerUntil is a reader that ends when its context does. It lives for one call.
type readerUntil struct {
	ctx context.Context
	r   io.Reader
}

func (r readerUntil) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, context.Cause(r.ctx)
	}
	return r.r.Read(p)
}

func digestOf(h hash.Hash) digest.Digest {
	return digest.Digest("sha256:" + hex.EncodeToString(h.Sum(nil)))
}

// writebackStep is how many bytes are written before the disk is asked to take them.
const writebackStep = 8 << 20

// A Writer makes one blob. Its bytes are in a temporary file that disappears
// unless Commit succeeds. It is not buffered, so what was written can be read
// through Open at once; it is not safe for concurrent use.
type Writer struct {
	s      *Store
	f      *os.File
	hash   hash.Hash // nil if the caller hashes
	size   int64
	marked int64       // up to where the system was asked to write to the disk
	asking atomic.Bool // it is being asked
	synced chan error  // not nil: a sync of all bytes was started
	err    error       // of the first write that failed
	done   bool
}

// Create starts a new blob. The caller must Close the Writer in the end, also
// after Commit.
func (s *Store) Create(ctx context.Context) (*Writer, error) {
	w, err := s.CreateUnhashed(ctx)
	if err != nil {
		return nil, err
	}
	w.hash = sha256.New()
	return w, nil
}

// CreateUnhashed starts a new blob for a caller that computes the SHA-256 of what
// it writes anyway. Commit then needs the digest and believes it.
func (s *Store) CreateUnhashed(ctx context.Context) (*Writer, error) {
	if err := ctx.Err(); err != nil {
		return nil, context.Cause(ctx)
	}
	// A collector must not see the file before it is locked.
	if err := s.enter(); err != nil {
		return nil, err
	}
	defer s.leave()
	f, err := s.temp()
	if err != nil {
		return nil, s.fail("writing a blob", err)
	}
	ok, err := tryLock(f, true)
	if err == nil && !ok {
		err = ErrBusy // impossible: nobody else knows the name
	}
	if err != nil {
		s.discard(f)
		return nil, s.fail("writing a blob", err)
	}
	return &Writer{s: s, f: f}, nil
}

// Add makes a blob of all that r has. If want is not empty, the digest must be that.
func (s *Store) Add(ctx context.Context, r io.Reader, want digest.Digest) (ocispec.Descriptor, error) {
	w, err := s.Create(ctx)
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	defer w.Close()
	if _, err := io.Copy(w, readerUntil{ctx, r}); err != nil {
		return ocispec.Descriptor{}, err
	}
	return w.Commit(ctx, want)
}

// temp makes a temporary file. Between enter and leave only, until it is locked or gone.
func (s *Store) temp() (*os.File, error) {
	return openFile(s.path(tempDir, rand.Text()), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
}

func (s *Store) discard(f *os.File) {
	_ = os.Remove(f.Name())
	f.Close()
}

// Write appends p to the blob.
func (w *Writer) Write(p []byte) (int, error) {
	if w.done {
		return 0, w.s.fail("writing a blob", fs.ErrClosed)
	}
	if w.err != nil {
		return 0, w.err
	}
	n, err := w.f.Write(p)
	if w.hash != nil {
		w.hash.Write(p[:n])
	}
	w.size += int64(n)
	w.synced = nil // what was synced before is not all any more
	if err != nil {
		w.err = w.s.fail("writing a blob", err)
		return n, w.err
	}
	// Blobs are synced in the end. Letting the disk begin now makes that short.
	if w.size-w.marked >= writebackStep && w.asking.CompareAndSwap(false, true) {
		off, n := w.marked, w.size-w.marked
		w.marked = w.size
		go func() { // it waits when the disk has much to do
			startWriteback(w.f, off, n)
			w.asking.Store(false)
		}()
	}
	return n, nil
}

// Size returns the number of bytes written so far.
func (w *Writer) Size() int64 { return w.size }

// Digest returns the digest of the bytes written so far, or "" if the caller hashes.
func (w *Writer) Digest() digest.Digest {
	if w.hash == nil {
		return ""
	}
	return digestOf(w.hash)
}

// Open opens what was written so far for reading, also before Commit, so that an
// upload need not wait for the disk. The file stays readable after Commit and Close.
func (w *Writer) Open() (*os.File, error) {
	if w.done {
		return nil, w.s.fail("reading a blob", fs.ErrClosed)
	}
	f, err := openFile(w.f.Name(), os.O_RDONLY, 0)
	return f, w.s.fail("reading a blob", err)
}

// StartSync begins to make the bytes durable in the background. Call it after the
// last Write; Commit then waits for what is left of it. Without it Commit syncs.
func (w *Writer) StartSync() {
	if w.done || w.synced != nil {
		return
	}
	done := make(chan error, 1)
	f := w.f
	go func() { done <- f.Sync() }()
	w.synced = done
}

// Commit makes the bytes a blob. If want is not empty and not the digest of the
// bytes, it returns a *DigestError and keeps nothing. A blob that is there already
// is fine. The descriptor has digest and size only.
func (w *Writer) Commit(ctx context.Context, want digest.Digest) (ocispec.Descriptor, error) {
	desc, err := w.commit(ctx, want)
	if cerr := w.Close(); err == nil {
		err = w.s.fail("writing a blob", cerr)
	}
	return desc, err
}

func (w *Writer) commit(ctx context.Context, want digest.Digest) (ocispec.Descriptor, error) {
	var none ocispec.Descriptor
	if w.done {
		return none, w.s.fail("writing a blob", fs.ErrClosed)
	}
	if w.err != nil {
		return none, w.err
	}
	if err := ctx.Err(); err != nil {
		return none, context.Cause(ctx)
	}
	got := w.Digest()
	if w.hash == nil {
		got = want
	}
	h, err := hexOf(got)
	if err != nil {
		return none, err
	}
	if want != "" && want != got {
		return none, &DigestError{Want: want, Got: got, Size: w.size}
	}
	desc := ocispec.Descriptor{Digest: got, Size: w.size}
	if w.s.has(h, w.size) {
		return desc, nil
	}
	w.StartSync()
	select {
	case err := <-w.synced:
		if err != nil {
			return none, w.s.fail("writing a blob", err)
		}
	case <-ctx.Done():
		return none, context.Cause(ctx)
	}
	if err := w.s.publish(w.f, h, w.size); err != nil {
		return none, err
	}
	return desc, nil
}

// Close ends the writer. What was not committed is gone.
func (w *Writer) Close() error {
	if w.done {
		return nil
	}
	w.done = true
	// After Commit the file has another name and this removes nothing.
	_ = os.Remove(w.f.Name())
	return w.f.Close()
}

// has reports whether the blob is there with that size, and notes that it is used.
func (s *Store) has(h string, size int64) bool {
	if s.enter() != nil {
		return false
	}
	defer s.leave()
	fi, err := s.use(s.path(blobDir, h))
	return err == nil && fi.Size() == size
}

// publish renames the synced file f to the blob h and makes the name durable.
func (s *Store) publish(f *os.File, h string, size int64) error {
	if err := s.enter(); err != nil {
		return err
	}
	defer s.leave()
	err := os.Chtimes(f.Name(), time.Time{}, s.notBefore(time.Now()))
	if err == nil {
		err = rename(f.Name(), s.path(blobDir, h))
	}
	if err == nil {
		err = syncDir(s.path(blobDir))
	}
	if err != nil {
		return s.fail("writing a blob", err)
	}
	s.added.Add(size)
	return nil
}
