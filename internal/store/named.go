package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
)

// namedDir has the files of named locks. They are empty and stay.
const namedDir = "named"

// Lock takes the lock of a name, of which all processes that use the store see
// one: for what must not be changed by two at once and is more than one record.
// It waits until the lock is free; without wait, the error matches [ErrBusy]
// when somebody else has it. The lock ends with unlock, or with the process.
func (s *Store) Lock(ctx context.Context, name string, wait bool) (unlock func(), err error) {
	sum := sha256.Sum256([]byte(name))
	dir := s.path(lockDir, namedDir)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, s.fail("locking", err)
	}
	f, err := openFile(filepath.Join(dir, hex.EncodeToString(sum[:])), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, s.fail("locking", err)
	}
	if !wait {
		ok, err := tryLock(f, true)
		if err == nil && !ok {
			err = ErrBusy
		}
		if err != nil {
			f.Close()
			return nil, s.fail("locking", err)
		}
		return func() { f.Close() }, nil
	}
	if err := waitLock(ctx.Done(), f, true, 0); err != nil {
		f.Close()
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return nil, s.fail("locking", err)
	}
	return func() { f.Close() }, nil
}
