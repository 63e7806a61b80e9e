package source

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/sys/windows"
)

// lstat asks for the file itself: what a directory listing says of size and
// time can be old while the file is open elsewhere or has several names.
func lstat(name string, _ fs.DirEntry) (fs.FileInfo, error) { return os.Lstat(name) }

// openUnlinked opens a file for reading. A link in its place gives an error.
func openUnlinked(name string) (*os.File, error) {
	fi, err := os.Lstat(name)
	if err != nil {
		return nil, err
	}
	if !fi.Mode().IsRegular() {
		return nil, &fs.PathError{Op: "open", Path: name, Err: errNotPlain}
	}
	return os.Open(name)
}

const errNotPlain = windows.ERROR_CANT_RESOLVE_FILENAME

// notPlain reports whether a file could not be opened because it has become a
// link.
func notPlain(err error) bool { return errors.Is(err, errNotPlain) }

// linkCount returns 1: names of one file are not recognised on Windows, and
// become files of their own.
func linkCount(fs.FileInfo) uint64 { return 1 }

// deviceNumbers returns nothing: Windows has no device files.
func deviceNumbers(fs.FileInfo) (major, minor int64) { return 0, 0 }

// linkToDir tells whether a symbolic link is one to a directory, which it is
// by its own attributes, wherever it points.
func linkToDir(fi fs.FileInfo) (isDir, known bool) {
	data, ok := fi.Sys().(*syscall.Win32FileAttributeData)
	return ok && data.FileAttributes&windows.FILE_ATTRIBUTE_DIRECTORY != 0, ok
}

// hostFolds says that file names that differ only in case are usually the same.
const hostFolds = true

// tryLock locks f until it is closed; false if somebody else has the lock.
func tryLock(f *os.File) (bool, error) {
	const flags = windows.LOCKFILE_EXCLUSIVE_LOCK | windows.LOCKFILE_FAIL_IMMEDIATELY
	err := windows.LockFileEx(windows.Handle(f.Fd()), flags, 0, 1, 0, new(windows.Overlapped))
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) || errors.Is(err, windows.ERROR_IO_PENDING) {
		return false, nil
	}
	return err == nil, err
}

// withChildren does nothing more than what package exec does: git ends its
// helpers itself when their pipe is closed.
func withChildren(*exec.Cmd) {}
