package store

import (
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// FileStatOf returns what the system knows of a file's identity.
func FileStatOf(fi fs.FileInfo) FileStat {
	st := FileStat{Size: fi.Size(), ModTime: fi.ModTime().UnixNano(), Mode: uint32(fi.Mode())}
	if sys, ok := fi.Sys().(*syscall.Stat_t); ok {
		st.ChangeTime = sys.Ctimespec.Sec*1e9 + sys.Ctimespec.Nsec
		st.Inode, st.Dev = sys.Ino, uint64(sys.Dev)
	}
	return st
}

// startWriteback does nothing: macOS has no call for it.
func startWriteback(*os.File, int64, int64) {}

// diskSize returns the size of the file system that dir is on.
func diskSize(dir string) (int64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, err
	}
	return int64(st.Blocks) * int64(st.Bsize), nil
}
