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
		st.ChangeTime = int64(sys.Ctim.Sec)*1e9 + int64(sys.Ctim.Nsec)
		st.Inode, st.Dev = uint64(sys.Ino), uint64(sys.Dev)
	}
	return st
}

// startWriteback asks the system to begin writing a part of f to the disk. It is
// a matter of speed only, so its failure is nothing.
func startWriteback(f *os.File, off, n int64) {
	conn, err := f.SyscallConn()
	if err != nil {
		return
	}
	// Control, because the file may be closed at any moment.
	_ = conn.Control(func(fd uintptr) {
		_ = unix.SyncFileRange(int(fd), off, n, unix.SYNC_FILE_RANGE_WRITE)
	})
}

// diskSize returns the size of the file system that dir is on.
func diskSize(dir string) (int64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, err
	}
	return int64(st.Blocks) * int64(st.Bsize), nil
}
