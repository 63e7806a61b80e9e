package store

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"sort"
)

// The file of a stat cache is made to be used as it is: one read, one pass that
// checks it, and then lookups that allocate nothing.
//
//	magic        8 bytes
//	CRC-32C      of all that follows
//	count        of entries, 4 bytes
//	root length  4 bytes
//	entries      count times 56 bytes, ascending by name
//	text         the root, and each entry's name and digest
//
// An entry has the offset of its text (4 bytes), the lengths of name and digest and
// the mode (4 each), then size, modification time, change time, inode and device
// (8 each). All numbers are little-endian.
const (
	statMagic   = "CSMTSTA1"
	statHeader  = len(statMagic) + 12
	statSize    = 56
	maxStatFile = 1 << 30
)

var errStatTable = errors.New("not a stat cache")

// statTable is a decoded file. The zero value has no entries.
type statTable struct {
	root    string
	entries []byte
	text    string
}

// statEntry is one entry to encode.
type statEntry struct {
	name string
	stat
}

func (t *statTable) len() int { return len(t.entries) / statSize }

func (t *statTable) u32(i, off int) uint32 {
	return binary.LittleEndian.Uint32(t.entries[i*statSize+off:])
}

func (t *statTable) u64(i, off int) uint64 {
	return binary.LittleEndian.Uint64(t.entries[i*statSize+off:])
}

func (t *statTable) name(i int) string {
	from := t.u32(i, 0)
	return t.text[from : from+t.u32(i, 4)]
}

func (t *statTable) digest(i int) string {
	from := t.u32(i, 0) + t.u32(i, 4)
	return t.text[from : from+t.u32(i, 8)]
}

func (t *statTable) stat(i int) FileStat {
	return FileStat{
		Mode:       t.u32(i, 12),
		Size:       int64(t.u64(i, 16)),
		ModTime:    int64(t.u64(i, 24)),
		ChangeTime: int64(t.u64(i, 32)),
		Inode:      t.u64(i, 40),
		Dev:        t.u64(i, 48),
	}
}

func (t *statTable) find(name string) (int, bool) {
	i := sort.Search(t.len(), func(i int) bool { return t.name(i) >= name })
	return i, i < t.len() && t.name(i) == name
}

// encodeStatTable encodes entries, which are ascending by name.
func encodeStatTable(root string, entries []statEntry) []byte {
	size := statHeader + len(entries)*statSize + len(root)
	for _, e := range entries {
		size += len(e.name) + len(e.digest)
	}
	le := binary.LittleEndian
	b := make([]byte, 0, size)
	b = append(b, statMagic...)
	b = le.AppendUint32(b, 0) // the checksum, below
	b = le.AppendUint32(b, uint32(len(entries)))
	b = le.AppendUint32(b, uint32(len(root)))
	at := len(root)
	for _, e := range entries {
		b = le.AppendUint32(b, uint32(at))
		b = le.AppendUint32(b, uint32(len(e.name)))
		b = le.AppendUint32(b, uint32(len(e.digest)))
		b = le.AppendUint32(b, e.Mode)
		b = le.AppendUint64(b, uint64(e.Size))
		b = le.AppendUint64(b, uint64(e.ModTime))
		b = le.AppendUint64(b, uint64(e.ChangeTime))
		b = le.AppendUint64(b, e.Inode)
		b = le.AppendUint64(b, e.Dev)
		at += len(e.name) + len(e.digest)
	}
	b = append(b, root...)
	for _, e := range entries {
		b = append(b, e.name...)
		b = append(b, e.digest...)
	}
	le.PutUint32(b[len(statMagic):], statSum(b))
	return b
}

func statSum(b []byte) uint32 {
	return crc32.Checksum(b[len(statMagic)+4:], crc32.MakeTable(crc32.Castagnoli))
}

// decodeStatTable checks all that the methods rely on. The table keeps b.
func decodeStatTable(b []byte) (*statTable, error) {
	if len(b) < statHeader || len(b) > maxStatFile || string(b[:len(statMagic)]) != statMagic {
		return nil, errStatTable
	}
	le := binary.LittleEndian
	if le.Uint32(b[len(statMagic):]) != statSum(b) {
		return nil, errStatTable
	}
	count := uint64(le.Uint32(b[len(statMagic)+4:]))
	root := uint64(le.Uint32(b[len(statMagic)+8:]))
	rest := b[statHeader:]
	if count*statSize+root > uint64(len(rest)) {
		return nil, errStatTable
	}
	t := &statTable{entries: rest[:count*statSize], text: string(rest[count*statSize:])}
	t.root = t.text[:root]
	for i := range t.len() {
		end := uint64(t.u32(i, 0)) + uint64(t.u32(i, 4)) + uint64(t.u32(i, 8))
		if end > uint64(len(t.text)) {
			return nil, errStatTable
		}
		if i > 0 && t.name(i-1) >= t.name(i) {
			return nil, errStatTable
		}
	}
	return t, nil
}
