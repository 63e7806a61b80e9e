package store

import (
	"errors"
	"io/fs"
	"os"
	"time"
)

// patience is how long a user of the store waits for a collector's batch, which
// takes milliseconds. Only a process that was stopped in the middle takes longer.
const patience = 30 * time.Second

// waitLock locks f, trying until it works, done is closed (errGaveUp), or the time
// is over (ErrBusy). It polls, because a blocked lock call could not be cancelled.
func waitLock(done <-chan struct{}, f *os.File, exclusive bool, patience time.Duration) error {
	var began time.Time
	for pause := 200 * time.Microsecond; ; pause = min(2*pause, 100*time.Millisecond) {
		ok, err := tryLock(f, exclusive)
		if ok || err != nil {
			return err
		}
		if began.IsZero() {
			began = time.Now()
		} else if patience > 0 && time.Since(began) > patience {
			return ErrBusy
		}
		select {
		case <-done:
			return errGaveUp
		case <-time.After(pause):
		}
	}
}

var errGaveUp = errors.New("cancelled")

// enter keeps collectors away until leave. What is seen and renewed in between
// stays. It is cheap, and held only for moments.
func (s *Store) enter() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return s.fail("using a closed store", fs.ErrClosed)
	}
	if s.users == 0 {
		if err := waitLock(nil, s.sweep, false, patience); err != nil {
			return s.fail("locking", err)
		}
	}
	s.users++
	return nil
}

func (s *Store) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.users--; s.users == 0 && !s.closed {
		_ = unlock(s.sweep)
	}
}

// alone runs f while no other goroutine or process is between enter and leave.
func (s *Store) alone(done <-chan struct{}, f func() error) error {
	lock, err := openFile(s.path(lockDir, "sweep"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return s.fail("locking", err)
	}
	defer lock.Close() // which unlocks
	if err := waitLock(done, lock, true, 5*time.Second); err != nil {
		return s.fail("locking", err)
	}
	return f()
}

// use notes that the file name is used now. Between enter and leave only.
func (s *Store) use(name string) (fs.FileInfo, error) {
	fi, err := os.Lstat(name)
	if err != nil {
		return nil, err
	}
	if !fi.Mode().IsRegular() {
		return nil, fs.ErrNotExist
	}
	return fi, s.renew(name, fi)
}

// renew sets the time of last use if it is before this store's lease or, in a
// process that runs for long, more than an hour ago.
func (s *Store) renew(name string, fi fs.FileInfo) error {
	now := time.Now()
	if t := fi.ModTime(); !t.Before(s.start) && now.Sub(t) < time.Hour {
		return nil
	}
	return os.Chtimes(name, time.Time{}, s.notBefore(now))
}

// notBefore corrects a clock that was set back while the store was open: nothing
// that is used may look older than the lease.
func (s *Store) notBefore(t time.Time) time.Time {
	if t.Before(s.start) {
		return s.start
	}
	return t
}

// InUseSince returns when the store was opened that has been open for longest,
// by whichever process. What was used before is not in use: for caches that lie
// beside the store and have no other way to know.
func (s *Store) InUseSince() (time.Time, error) {
	start, err := s.oldest(false)
	return start, s.fail("listing", err)
}

// oldest returns the start of the store that has been open for longest, which may
// be this one. With tidy, the leases of dead processes are removed.
func (s *Store) oldest(tidy bool) (time.Time, error) {
	start := s.start
	entries, err := os.ReadDir(s.path(leaseDir))
	if err != nil {
		return start, err
	}
	for _, e := range entries {
		name := s.path(leaseDir, e.Name())
		fi, err := os.Lstat(name)
		if err != nil {
			continue // closed meanwhile
		}
		if abandoned(name, func() {
			if tidy {
				_ = os.Remove(name)
			}
		}) {
			continue
		}
		if t := fi.ModTime(); t.Before(start) {
			start = t
		}
	}
	return start, nil
}

// abandoned reports whether nobody has name locked, and if so calls f while
// nobody can lock it.
func abandoned(name string, f func()) bool {
	file, err := openFile(name, os.O_RDWR, 0)
	if err != nil {
		return errors.Is(err, fs.ErrNotExist)
	}
	defer file.Close()
	// Shared, so that two who ask do not take each other for the owner.
	if ok, err := tryLock(file, false); err != nil || !ok || !isAt(file, name) {
		return false
	}
	f()
	return true
}
