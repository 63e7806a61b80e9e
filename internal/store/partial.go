package store

import (
	"context"
	"crypto/sha256"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// A Partial is a download that may have begun in an earlier process. Its holder
// is the only one in all processes; it is not safe for concurrent use.
type Partial struct {
	s    *Store
	want digest.Digest
	hex  string
	f    *os.File
	size int64
	done bool

	hash   hash.Hash
	hashed int64 // bytes that hash has seen
	eager  bool  // Write hashes at once
}

// Partial returns the partial download of the blob d. It waits until nobody else
// holds it. If the blob is in the store, perhaps because the one who held it
// finished, the error is fs.ErrExist.
func (s *Store) Partial(ctx context.Context, d digest.Digest) (*Partial, error) {
	h, err := hexOf(d)
	if err != nil {
		return nil, err
	}
	f, err := s.lockPartial(ctx, d, h)
	if err != nil {
		return nil, err
	}
	p := &Partial{s: s, want: d, hex: h, f: f, hash: sha256.New()}
	if p.size, err = f.Seek(0, io.SeekEnd); err != nil {
		// Close could take a download that was not looked at yet for an empty one.
		f.Close()
		return nil, s.fail("resuming a download", err)
	}
	return p, nil
}

// HashEarly says that Commit will come: what is there is hashed now, and what
// comes as it comes. Without it Commit hashes all, bytes of an earlier process
// as well as new ones; for a download that may stop early, that is less work.
func (p *Partial) HashEarly(ctx context.Context) error {
	p.eager = true
	return p.catchUp(ctx)
}

// catchUp hashes the bytes that have not been.
func (p *Partial) catchUp(ctx context.Context) error {
	if p.hashed == p.size {
		return nil
	}
	n, err := io.Copy(p.hash, readerUntil{ctx, io.NewSectionReader(p.f, p.hashed, p.size-p.hashed)})
	p.hashed += n
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return p.s.fail("hashing a download", err)
}

// lockPartial returns the locked file. While one waits for the lock, the holder
// can rename the file to a blob or remove it; then the lock is on a file that is
// no partial download any more, and another attempt is due.
func (s *Store) lockPartial(ctx context.Context, d digest.Digest, h string) (*os.File, error) {
	name := s.path(partialDir, h)
	for {
		if _, err := s.Stat(d); err == nil {
			return nil, fmt.Errorf("blob %s: %w", d, fs.ErrExist)
		}
		f, err := openFile(name, os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			return nil, s.fail("beginning a download", err)
		}
		if err := waitLock(ctx.Done(), f, true, 0); err != nil {
			f.Close()
			if ctx.Err() != nil {
				return nil, context.Cause(ctx)
			}
			return nil, s.fail("beginning a download", err)
		}
		if !isAt(f, name) {
			f.Close()
			continue
		}
		// The holder before may have committed between the look and the lock.
		if _, err := s.Stat(d); err == nil {
			s.discard(f)
			return nil, fmt.Errorf("blob %s: %w", d, fs.ErrExist)
		}
		return f, nil
	}
}

// Size returns how many of the blob's bytes are there.
func (p *Partial) Size() int64 { return p.size }

// Write appends b.
func (p *Partial) Write(b []byte) (int, error) {
	if p.done {
		return 0, p.s.fail("writing a download", fs.ErrClosed)
	}
	// Not WriteAt, which does not tell how much of b a full disk has taken.
	n, err := p.f.Write(b)
	if p.eager && p.hashed == p.size {
		p.hash.Write(b[:n])
		p.hashed += int64(n)
	}
	p.size += int64(n)
	return n, p.s.fail("writing a download", err)
}

// ReadAt reads bytes that are there.
func (p *Partial) ReadAt(b []byte, off int64) (int, error) {
	return p.f.ReadAt(b, off)
}

// Reset drops the bytes but keeps the lock, for a server that only sends whole blobs.
func (p *Partial) Reset() error {
	if p.done {
		return p.s.fail("restarting a download", fs.ErrClosed)
	}
	err := p.f.Truncate(0)
	if err == nil {
		_, err = p.f.Seek(0, io.SeekStart)
	}
	if err != nil {
		return p.s.fail("restarting a download", err)
	}
	p.size, p.hashed = 0, 0
	p.hash.Reset()
	return nil
}

// Commit makes the bytes a blob if they have the digest. If not, it returns a
// *DigestError and leaves them as they are: the caller knows whether bytes are
// missing (Write more) or wrong (Reset or Discard).
func (p *Partial) Commit(ctx context.Context) (ocispec.Descriptor, error) {
	var none ocispec.Descriptor
	if p.done {
		return none, p.s.fail("finishing a download", fs.ErrClosed)
	}
	if err := ctx.Err(); err != nil {
		return none, context.Cause(ctx)
	}
	if err := p.catchUp(ctx); err != nil {
		return none, err
	}
	if got := digestOf(p.hash); got != p.want {
		return none, &DigestError{Want: p.want, Got: got, Size: p.size}
	}
	if err := p.f.Sync(); err != nil {
		return none, p.s.fail("finishing a download", err)
	}
	if err := p.s.publish(p.f, p.hex, p.size); err != nil {
		return none, err
	}
	p.done = true
	return ocispec.Descriptor{Digest: p.want, Size: p.size}, p.f.Close()
}

// Close lets go of the download and keeps its bytes for the next attempt.
func (p *Partial) Close() error {
	if p.done {
		return nil
	}
	if p.size == 0 {
		return p.Discard()
	}
	p.done = true
	return p.f.Close()
}

// Discard removes the bytes and lets go of the download.
func (p *Partial) Discard() error {
	if p.done {
		return nil
	}
	p.done = true
	err := os.Remove(p.f.Name())
	p.f.Close()
	return p.s.fail("removing a download", err)
}
