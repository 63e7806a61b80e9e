// Package hive reads, writes and changes Windows registry hives, the regf files
// that hold the registry of a machine or a user.
//
// Start with [Open], which gives a [Hive] whose keys and values are read as they
// are asked for, and with [NewView], which stacks hives of changes on a base as
// the layers of an image do. [Changes] are what was done to a registry: keys and
// values set and deleted, kept in memory and shown by [View.With] above what
// they change. [EncodeDelta] writes them as the hive of changes that a layer
// carries (Hives/Software_Delta), [ReadDelta] reads such a one back. [Encode]
// writes a tree of [Node] as an ordinary hive, [Minimal] the empty one that a
// HostProcess base image needs five times, and [Check] reads just enough of a
// stream to say whether Windows would take it for a hive. All is pure Go, and
// what is written is deterministic: the same input gives the same bytes.
//
// # The format
//
// A hive is a base block of 4096 bytes ([Header]) followed by bins, each a
// multiple of 4096 bytes long and filled with cells without gaps. Keys, values,
// security descriptors and lists are cells, and refer to each other by their
// offset from the first bin. Names are compared in upper case, UTF-16 unit by
// unit; a surrogate without its partner, which the registry allows, is kept as
// the three bytes that UTF-8 would have for it.
//
// It reads versions 1.3 to 1.6, every kind of subkey list, data inline, in cells
// and in segments, class names, links and layers. Files are not trusted: every
// offset, size and count is checked against the file before it is used, a key
// must know the parent it was found below, and neither time nor memory grow
// beyond what the size of the file explains. What is broken is a [*FormatError]
// with the place, and is never read as well as possible.
//
// It does not replay logs: [Header.Dirty] says that a hive needs them, and what
// to do then is for the caller. It does not follow symbolic links ([Key.Link]),
// and knows of CurrentControlSet, which Windows makes when it starts, only which
// key it stands for ([View.ControlSet]). It refuses to read single values of
// more than 64 MiB and the values of keys that stand for a running system's data
// (performance counters), and to write keys with NUL in their names, trees
// deeper than 512 keys and hives above 2 GB.
//
// # Hives of changes
//
// Their format is not documented by Microsoft. What is written follows the public
// descriptions of layered keys and, where these are silent, hives that Windows
// itself has written: version 1.6 with the flag for layered keys; a root ROOT
// that merges and whose descriptor does not count; keys that only lead to a
// change merge, inherit the class and repeat the descriptor of the key below;
// new keys merge without inheriting, or supersede it locally if they were made
// with a descriptor of their own; a key made again after it was deleted hides
// the tree below, as do all keys in it; deleted keys have no time. No Windows has
// loaded one of them yet, so they are an experiment, and callers should say so.
package hive

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/casement/casement/internal/winmeta"
)

const (
	blockSize  = 4096       // of the base block, and the unit of bins
	binHeader  = 32         // size of a bin's header
	noCell     = 0xFFFFFFFF // the offset that means "none"
	maxKeyName = 255        // UTF-16 units
)

// Options say what hive to make. The zero value gives the hive of casement's
// HostProcess base.
type Options struct {
	RootName string    // name of the root key; default ROOT
	Time     time.Time // every time in the hive; default 1970-01-01
	Minor    int       // minor format version, 3 to 6; default 5, as Windows' own system hives
	// Descriptor guards the root key; default full access for Administrators,
	// who own it, and the system.
	Descriptor winmeta.Descriptor
	// Owner is whose new keys are that inherit their descriptor; default
	// Administrators.
	Owner winmeta.SID
}

func (o Options) withDefaults() Options {
	if o.RootName == "" {
		o.RootName = defaultRoot
	}
	if o.Time.IsZero() {
		o.Time = time.Unix(0, 0)
	}
	if o.Minor == 0 {
		o.Minor = 5
	}
	if o.Owner == "" {
		o.Owner = winmeta.Administrators
	}
	if o.Descriptor.Equal(winmeta.Descriptor{}) {
		o.Descriptor = winmeta.Descriptor{Owner: winmeta.Administrators, Group: winmeta.LocalSystem, DACL: []winmeta.ACE{
			{Flags: winmeta.ContainerInherit, Mask: winmeta.KeyAll, SID: winmeta.Administrators},
			{Flags: winmeta.ContainerInherit, Mask: winmeta.KeyAll, SID: winmeta.LocalSystem},
		}}
	}
	return o
}

// Minimal returns a valid hive with nothing but a root key: a base block and one
// bin with the key, its security descriptor and free space.
func Minimal(o Options) ([]byte, error) {
	o = o.withDefaults()
	if o.Minor < minMinor || o.Minor > maxMinor {
		return nil, fmt.Errorf("making registry hive: minor version %d, want %d to %d", o.Minor, minMinor, maxMinor)
	}
	sd, err := o.Descriptor.KeyBytes()
	if err != nil {
		return nil, fmt.Errorf("making registry hive: %w", err)
	}
	stamp := winmeta.Filetime(o.Time)
	key := keyNode{
		Flags: keyRoot | keyNoDelete, Time: stamp, Name: o.RootName,
		Parent: noCell, Subkeys: noCell, Values: noCell, Class: noCell,
	}
	body, err := key.encode()
	if err != nil {
		return nil, fmt.Errorf("making registry hive: root key: %w", err)
	}
	b := newBin(0, stamp)
	rootAt := b.next()
	key.Security = rootAt + uint32(cellSize(len(body)))
	if body, err = key.encode(); err != nil { // again, now that it is known what follows
		return nil, fmt.Errorf("making registry hive: root key: %w", err)
	}
	b.add(body)
	b.add(encodeSecurity(b.next(), b.next(), 1, sd))
	bin := b.close()
	h := Header{Primary: 1, Secondary: 1, Written: stamp, Major: 1, Minor: uint32(o.Minor), Format: 1, Root: rootAt, BinsSize: uint32(len(bin)), Clustering: 1}
	return append(h.encode(), bin...), nil
}

// bin collects the cells of one hive bin.
type bin struct {
	start uint32 // offset from the first bin
	buf   []byte
}

func newBin(start uint32, stamp uint64) *bin {
	b := &bin{start: start, buf: make([]byte, binHeader, blockSize)}
	copy(b.buf, "hbin")
	binary.LittleEndian.PutUint32(b.buf[4:], start)
	binary.LittleEndian.PutUint64(b.buf[20:], stamp)
	return b
}

// next is the offset that the next cell will have.
func (b *bin) next() uint32 { return b.start + uint32(len(b.buf)) }

// add appends a cell in use, padded with zeros.
func (b *bin) add(body []byte) {
	size := cellSize(len(body))
	b.buf = binary.LittleEndian.AppendUint32(b.buf, uint32(-int32(size)))
	b.buf = append(b.buf, body...)
	b.buf = append(b.buf, make([]byte, size-4-len(body))...)
}

// close fills the bin up with one free cell and returns its bytes.
func (b *bin) close() []byte {
	size := (len(b.buf) + blockSize - 1) / blockSize * blockSize
	if free := size - len(b.buf); free > 0 {
		b.buf = binary.LittleEndian.AppendUint32(b.buf, uint32(free))
		b.buf = append(b.buf, make([]byte, free-4)...)
	}
	binary.LittleEndian.PutUint32(b.buf[8:], uint32(len(b.buf)))
	return b.buf
}

// cellSize is the size of a cell with a body of n bytes: its own size field in
// front, and a multiple of 8.
func cellSize(n int) int { return (n + 4 + 7) &^ 7 }
