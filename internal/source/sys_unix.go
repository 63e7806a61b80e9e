//go:build unix

package source

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// lstat returns what is known of a directory entry.
func lstat(_ string, d fs.DirEntry) (fs.FileInfo, error) { return d.Info() }

// openUnlinked opens a file for reading. It follows no link, and does not wait
// for a writer if the file has become a fifo.
func openUnlinked(name string) (*os.File, error) {
	return os.OpenFile(name, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
}

// notPlain reports whether a file could not be opened because it has become a
// link or a socket.
func notPlain(err error) bool {
	return errors.Is(err, unix.ELOOP) || errors.Is(err, unix.EMLINK) || errors.Is(err, unix.ENXIO)
}

// linkCount returns how many names a file has.
func linkCount(fi fs.FileInfo) uint64 {
	if st, ok := fi.Sys().(*syscall.Stat_t); ok {
		return uint64(st.Nlink)
	}
	return 1
}

// deviceNumbers returns the major and minor number of a device.
func deviceNumbers(fi fs.FileInfo) (major, minor int64) {
	st, ok := fi.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, 0
	}
	return int64(unix.Major(uint64(st.Rdev))), int64(unix.Minor(uint64(st.Rdev)))
}

// linkToDir would tell whether a symbolic link is one to a directory, if Unix
// made a difference.
func linkToDir(fs.FileInfo) (isDir, known bool) { return false, false }

// hostFolds says that file names that differ only in case are usually the same.
const hostFolds = runtime.GOOS == "darwin"

// tryLock locks f until it is closed; false if somebody else has the lock.
func tryLock(f *os.File) (bool, error) {
	err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) || errors.Is(err, unix.EINTR) {
		return false, nil
	}
	return err == nil, err
}

// withChildren lets the end of the command's context end all its processes.
func withChildren(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return unix.Kill(-cmd.Process.Pid, unix.SIGKILL) }
}
