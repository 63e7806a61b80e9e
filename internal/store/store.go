// Package store keeps what outlives one build: blobs by digest, small records
// by key, downloads that were cut short, and a stat cache of local directories.
// Start at Open, then Create (a new blob) and Get and Put (records).
//
// It refuses to be a database: there is no index to rebuild and no server. Every
// item is one file, every change is one rename, and each file can be judged by
// itself: a blob by its name, which is its SHA-256, a record and a stat cache by
// the checksum inside. A process may be killed at any moment and several may
// work in one store at once; at worst work is done again.
//
// # Layout
//
//	CACHEDIR.TAG          tells backup programs to leave the directory out
//	v1/blobs/sha256/HEX   whole, verified, never changed
//	v1/records/KIND/HEX   HEX is the SHA-256 of the key
//	v1/partial/HEX        the first bytes of the blob HEX; locked by who downloads
//	v1/temp/NAME          blobs being written; locked by who writes
//	v1/stat/HEX           stat caches; HEX comes from the root directory
//	v1/leases/NAME        one for each open store; locked while it is open
//	v1/lock/…             the locks described below
//
// # What makes it safe
//
// A blob is written to v1/temp, hashed, fsynced and renamed into place, and then
// the directory is fsynced: a name under v1/blobs means that the bytes are right,
// also after a power cut. Records and stat caches are renamed into place without
// an fsync, because a damaged one is detected and costs only the work that it
// stood for. A record is written after the blobs that it names, and one that
// names a missing blob is a miss.
//
// An item's modification time says when it was last used. A store that is open
// has a lease, a locked file whose modification time is the store's start, and
// whatever it uses gets a time not before that start. Looking at an item
// and renewing its time happen under a shared lock (v1/lock/sweep). The collector,
// one at a time (v1/lock/gc, never waited for), takes that lock alone for short
// batches, and in each keeps what is not older than the oldest lease whose
// owner lives, and whatever is locked. So a blob that this process has seen stays
// until the process ends or closes the store, and a blob that was collected was
// seen by nobody. The system drops the locks of a process that dies, which is how
// its lease, temporary files and partial downloads are known to be nobody's.
package store

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"
)

// Options adjusts a Store. The zero value works.
type Options struct {
	// MaxBytes is the size that Collect keeps the store to. Zero means a tenth
	// of the file system but at least 2 GiB and at most 20 GiB; a negative number
	// means no limit.
	MaxBytes int64
}

// A Store is an open store. It is safe for concurrent use.
type Store struct {
	dir   string // as the user named it
	root  string // dir/v1
	max   int64
	lease *os.File
	start time.Time // the lease's modification time
	sweep *os.File  // v1/lock/sweep

	mu     sync.Mutex
	users  int // goroutines between enter and leave; the first takes the shared lock
	closed bool

	added atomic.Int64 // bytes that this Store put into the store
}

// The directories of a store below its root. Leases come last: Open takes the
// presence of that directory for the presence of all.
const (
	blobDir    = "blobs/sha256"
	recordDir  = "records"
	partialDir = "partial"
	tempDir    = "temp"
	statDir    = "stat"
	lockDir    = "lock"
	leaseDir   = "leases"
)

// cacheTag is the content of CACHEDIR.TAG as https://bford.info/cachedir/ fixes it.
const cacheTag = "Signature: 8a477f597d28d172789f06886806bc55\n" +
	"# This directory was made by casement. It can be removed when no casement is running.\n"

// DefaultDir returns the directory that CASEMENT_CACHE names, or else the
// directory casement in the user's cache directory.
func DefaultDir(getenv func(string) string) (string, error) {
	if dir := getenv("CASEMENT_CACHE"); dir != "" {
		abs, err := filepath.Abs(dir)
		if err != nil {
			return "", &Error{Op: "finding the cache directory", Dir: dir, Err: err}
		}
		return abs, nil
	}
	base, err := os.UserCacheDir()
	if err != nil {
		return "", &Error{Op: "finding the user's cache directory", Err: err}
	}
	return filepath.Join(base, "casement"), nil
}

// Open opens the store in dir and makes it if it is not there. It takes a lease,
// which protects what the Store uses from collectors until Close. A directory in
// which nothing can be written or locked gives an *Error with a hint.
func Open(dir string, o Options) (*Store, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, &Error{Op: opening, Dir: dir, Err: err}
	}
	s := &Store{dir: dir, root: filepath.Join(dir, "v1"), max: o.MaxBytes}
	err = s.takeLease()
	if errors.Is(err, fs.ErrNotExist) {
		if err = s.makeLayout(); err == nil {
			err = s.takeLease()
		}
	}
	if err != nil {
		return nil, s.fail(opening, err)
	}
	s.sweep, err = openFile(s.path(lockDir, "sweep"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		s.dropLease()
		return nil, s.fail(opening, err)
	}
	return s, nil
}

// Dir returns the directory that the store is in.
func (s *Store) Dir() string { return s.dir }

// Close gives up the lease: what this Store has used may be collected from now on.
// Files that it opened stay readable. A second Close does nothing.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	s.dropLease()
	return s.sweep.Close()
}

// makeLayout makes the directories. Only their owner may look into them: the
// files of a build context are nobody else's business.
func (s *Store) makeLayout() error {
	for _, sub := range []string{blobDir, recordDir, partialDir, tempDir, statDir, lockDir} {
		if err := os.MkdirAll(s.path(sub), 0o700); err != nil {
			return err
		}
	}
	tag := filepath.Join(s.dir, "CACHEDIR.TAG")
	if _, err := os.Lstat(tag); errors.Is(err, fs.ErrNotExist) {
		if err := os.WriteFile(tag, []byte(cacheTag), 0o600); err != nil {
			return err
		}
	}
	return os.MkdirAll(s.path(leaseDir), 0o700)
}

// path returns the name of a file below the store's root.
func (s *Store) path(elem ...string) string {
	return filepath.Join(append([]string{s.root}, elem...)...)
}

// takeLease makes and locks a lease. A collector may take the file for a dead
// process's in the moment before it is locked, so the lock counts only if the
// file is still there afterwards; otherwise another is made.
func (s *Store) takeLease() error {
	for range 100 {
		name := s.path(leaseDir, rand.Text())
		f, err := openFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return err
		}
		if ok, err := tryLock(f, true); err != nil {
			_ = os.Remove(name)
			f.Close()
			return err
		} else if ok && isAt(f, name) {
			fi, err := f.Stat()
			if err != nil {
				f.Close()
				return err
			}
			s.lease, s.start = f, fi.ModTime()
			// For people who look into the directory; nothing reads it.
			_, _ = fmt.Fprintf(f, "process %d\n", os.Getpid())
			return nil
		}
		_ = os.Remove(name)
		f.Close()
	}
	return ErrBusy
}

func (s *Store) dropLease() {
	_ = os.Remove(s.lease.Name())
	s.lease.Close()
}

// isAt reports whether name is still the file that f has open.
func isAt(f *os.File, name string) bool {
	open, err := f.Stat()
	if err != nil {
		return false
	}
	there, err := os.Lstat(name)
	return err == nil && os.SameFile(open, there)
}

// limit returns the size that the store is kept to, 0 if there is none.
func (s *Store) limit() int64 {
	const gib = 1 << 30
	switch {
	case s.max > 0:
		return s.max
	case s.max < 0:
		return 0
	}
	total, err := diskSize(s.root)
	if err != nil {
		return 20 * gib
	}
	return min(max(total/10, 2*gib), 20*gib)
}
