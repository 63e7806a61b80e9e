package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/opencontainers/go-digest"
)

// ErrBusy says that another process holds a lock that was not worth waiting for:
// it collects at this moment, or has been stopped while it did.
var ErrBusy = errors.New("in use by another casement")

// opening is the operation that is not done in the store, but to it.
const opening = "opening"

// An Error is a fault of the store itself, such as a full disk or a directory
// that cannot be written. It names the store's directory.
type Error struct {
	Op  string // what was being done: "writing a blob"
	Dir string // the store's directory
	Err error
}

// Error says what could not be done, in which directory, and why.
func (e *Error) Error() string {
	cause := e.Err
	// The path inside the store means nothing to users; the cause does.
	var pe *fs.PathError
	var le *os.LinkError
	if errors.As(cause, &pe) {
		cause = pe.Err
	} else if errors.As(cause, &le) {
		cause = le.Err
	}
	if e.Dir == "" {
		return fmt.Sprintf("%s: %v", e.Op, cause)
	}
	if e.Op == opening {
		return fmt.Sprintf("opening the cache %s: %v", e.Dir, cause)
	}
	return fmt.Sprintf("%s in the cache %s: %v", e.Op, e.Dir, cause)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Hint says what the user can do about it, or nothing.
func (e *Error) Hint() string {
	switch {
	case isFull(e.Err):
		return "make room with `casement prune`, or let CASEMENT_CACHE name a directory on another disk"
	case errors.Is(e.Err, ErrBusy):
		return "try again when the other casement is done, or let CASEMENT_CACHE name another directory"
	case cannotLock(e.Err):
		return "this file system cannot lock files: let CASEMENT_CACHE name a directory on a local disk"
	case errors.Is(e.Err, fs.ErrPermission), isReadOnly(e.Err), e.Dir == "", e.Op == opening:
		return "let CASEMENT_CACHE name a directory that you can write"
	case errors.Is(e.Err, fs.ErrNotExist):
		return "was the cache removed while casement was running? Run the build again"
	}
	return ""
}

// A DigestError says that the bytes that were written are not those that were asked for.
type DigestError struct {
	Want, Got digest.Digest
	Size      int64 // how many bytes there were
}

// Error names both digests.
func (e *DigestError) Error() string {
	return fmt.Sprintf("the %d bytes received have the digest %s and not %s", e.Size, e.Got, e.Want)
}

// Is makes the error match ErrCorrupt.
func (e *DigestError) Is(target error) bool { return target == ErrCorrupt }

// fail wraps a fault of the store; an error that is one already stays as it is.
func (s *Store) fail(op string, err error) error {
	var known *Error
	if err == nil || errors.As(err, &known) {
		return err
	}
	return &Error{Op: op, Dir: s.dir, Err: err}
}
