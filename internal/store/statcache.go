package store

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// racyWindow is how far before a scan a file must have been changed for the last
// time. File systems count time in steps of up to two seconds; within one step a file
// can change twice and look the same.
const racyWindow = 2 * time.Second

// A FileStat is what tells a changed file from an unchanged one without reading it.
// FileStatOf makes one.
type FileStat struct {
	Size       int64
	ModTime    int64 // nanoseconds since 1970
	ChangeTime int64 // of contents or metadata, in nanoseconds; 0 where the system does not tell
	Inode, Dev uint64
	Mode       uint32 // as fs.FileMode
}

// A StatCache remembers the digests of the files below one directory, so that an
// unchanged file is not read again. It is safe for concurrent use.
type StatCache struct {
	s      *Store
	root   string
	name   string
	opened int64 // nanoseconds; no file was read before

	load sync.Once
	next atomic.Int32 // the entry after the last that was found

	mu    sync.RWMutex    // for the following
	table *statTable      // what is on the disk; nil before load
	seen  []atomic.Bool   // by index in table: looked up
	added map[string]stat // what Add got and Save has not written
}

// stat is what is known of one file.
type stat struct {
	FileStat
	digest string
}

// StatCache returns the cache for the directory root. Nothing is read before the
// first Lookup. Call it before any file below root is read: a file that had been
// changed less than two seconds before this call is not remembered, since it could
// change again without looking different. The next build reads it once more.
func (s *Store) StatCache(root string) (*StatCache, error) {
	root, err := filepath.Abs(root)
	if err != nil {
		return nil, s.fail("opening a stat cache", err)
	}
	sum := sha256.Sum256([]byte(root))
	return &StatCache{
		s:      s,
		root:   root,
		name:   s.path(statDir, hex.EncodeToString(sum[:16])),
		opened: time.Now().UnixNano(),
		added:  map[string]stat{},
	}, nil
}

// Lookup returns the digest of the file name if it is as it was when the digest was
// added. Asking in the byte order of the names is fastest.
func (c *StatCache) Lookup(name string, st FileStat) (digest string, ok bool) {
	c.load.Do(c.readFile)
	c.mu.RLock()
	defer c.mu.RUnlock()
	if len(c.added) > 0 {
		if have, ok := c.added[name]; ok {
			return have.digest, have.FileStat == st
		}
	}
	i := int(c.next.Load())
	if i >= c.table.len() || c.table.name(i) != name {
		if i, ok = c.table.find(name); !ok {
			return "", false
		}
	}
	c.next.Store(int32(i + 1))
	c.seen[i].Store(true)
	if c.table.stat(i) != st {
		return "", false
	}
	return c.table.digest(i), true
}

// Add remembers the digest of a file that was read. st must be from before the
// read, and the caller must have seen that it was the same after it.
func (c *StatCache) Add(name string, st FileStat, digest string) {
	if c.opened-max(st.ModTime, st.ChangeTime) < int64(racyWindow) {
		return
	}
	c.load.Do(c.readFile)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.added[name] = stat{st, digest}
}

// readFile loads the table. A damaged file is an empty one.
func (c *StatCache) readFile() {
	t := c.readTable()
	c.mu.Lock()
	c.setTable(t)
	c.mu.Unlock()
	if c.s.enter() == nil {
		_, _ = c.s.use(c.name)
		c.s.leave()
	}
}

func (c *StatCache) setTable(t *statTable) {
	c.table, c.seen = t, make([]atomic.Bool, t.len())
}

func (c *StatCache) readTable() *statTable {
	data, err := readStatFile(c.name)
	if err != nil {
		return &statTable{}
	}
	t, err := decodeStatTable(data)
	if err != nil || t.root != c.root {
		return &statTable{}
	}
	return t
}

func readStatFile(name string) ([]byte, error) {
	f, err := openFile(name, os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	fi, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !fi.Mode().IsRegular() || fi.Size() > maxStatFile {
		return nil, fs.ErrInvalid
	}
	data := make([]byte, fi.Size())
	n, _ := f.ReadAt(data, 0)
	return data[:n], nil
}

// Save writes what was added, together with what other processes have saved
// since. It writes nothing if nothing was added.
func (c *StatCache) Save() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.added) == 0 {
		return nil
	}
	lock, err := openFile(c.s.path(lockDir, "stat"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return c.s.fail("saving a stat cache", err)
	}
	defer lock.Close()
	// Another's Save takes milliseconds. If it hangs, its entries are worth less
	// than our time.
	if err := waitLock(nil, lock, true, time.Second); err != nil && !errors.Is(err, ErrBusy) {
		return c.s.fail("saving a stat cache", err)
	}
	if err := c.s.enter(); err != nil {
		return err
	}
	defer c.s.leave()
	data := encodeStatTable(c.root, c.merged(c.readTable()))
	if len(data) > maxStatFile {
		return nil // too many files for it to be a help
	}
	if err := c.s.replace(c.name, data); err != nil {
		return c.s.fail("saving a stat cache", err)
	}
	t, err := decodeStatTable(data)
	if err != nil {
		return c.s.fail("saving a stat cache", err)
	}
	c.setTable(t)
	c.added = map[string]stat{}
	return nil
}

// merged returns what is to be saved. Entries of files that this scan did not
// come by are kept, because another build of the same directory may ignore other
// files; but not when they are more than the others, or deleted files would stay for ever.
func (c *StatCache) merged(disk *statTable) []statEntry {
	all := make(map[string]stat, disk.len()+len(c.added))
	stale := make([]string, 0)
	for i := range disk.len() {
		name := disk.name(i)
		all[name] = stat{disk.stat(i), disk.digest(i)}
		if j, ok := c.table.find(name); ok && !c.seen[j].Load() && c.table.stat(j) == disk.stat(i) {
			stale = append(stale, name)
		}
	}
	maps.Copy(all, c.added)
	if 2*len(stale) > len(all) {
		for _, name := range stale {
			if _, ok := c.added[name]; !ok {
				delete(all, name)
			}
		}
	}
	entries := make([]statEntry, 0, len(all))
	for _, name := range slices.Sorted(maps.Keys(all)) {
		entries = append(entries, statEntry{name, all[name]})
	}
	return entries
}
