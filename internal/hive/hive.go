// Package hive makes and examines Windows registry hives, the regf files that
// hold the registry of a machine or a user.
//
// Start with [Minimal], which makes the empty hive that a HostProcess base image
// needs five times, and [Check], which reads just enough of a hive to say
// whether Windows would take it for one and what it is called. It is pure Go and
// deterministic: the same options give the same bytes.
//
// The package refuses what it does not know: a file whose checksum is wrong, whose
// version is not known or whose root key is not where the header says is a
// [*FormatError], and never read as well as possible. It writes no key but the
// root, and reads none but the root; of logs it knows only that a hive needs one
// ([Header.Dirty]).
//
// A hive is a base block of 4096 bytes ([Header]) followed by bins, each a
// multiple of 4096 bytes long and filled with cells without gaps. Keys, security
// descriptors and lists are cells, and refer to each other by their offset from
// the first bin.
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
