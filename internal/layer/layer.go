// Package layer turns layers into tars and tars into layers. It is the one
// place where tars are read and written, and where the formats of Windows and
// Linux layers differ.
//
// Writing: [Prepare] makes a [Plan] from a layer of changes: the complete list
// of tar entries in their order, with every check done before a byte is
// written. [Plan.WriteTar] streams the tar; [Plan.Pack] makes the compressed
// blob in a store, on all processors, and takes over what did not change from
// the blob that the same step made before.
//
// Reading: [Sealed] gives a layer whose blob is read when somebody asks for
// it, in one pass that stops as soon as it knows the answer. What it has seen
// stays in the store, so nothing is downloaded or walked twice. [Unpack] reads
// archives for ADD, and [Summary] says what is known of a layer without
// reading it.
//
// What cannot be represented is refused, never dropped or guessed: devices and
// sockets in Windows layers, names that Windows cannot open, names that differ
// only in case, entries below links, hard links that leave the layer, and tars
// whose names would lead out of the tree. Such refusals are *[EntryError].
package layer

import (
	"fmt"
	"time"

	"github.com/opencontainers/go-digest"
)

// Format is the kind of operating system that a layer is for.
type Format uint8

// The formats.
const (
	Windows Format = iota // everything under Files, PAX records with Windows metadata
	Linux                 // an ordinary OCI layer
)

// String returns the name of the system as image configs have it.
func (f Format) String() string {
	if f == Linux {
		return "linux"
	}
	return "windows"
}

// Compression is how a layer's blob is compressed.
type Compression uint8

// The compressions. Gzip is what every registry and runtime takes.
const (
	Gzip Compression = iota
	Zstd
	None
)

// String returns the name that --compression has for it.
func (c Compression) String() string {
	switch c {
	case Zstd:
		return "zstd"
	case None:
		return "none"
	}
	return "gzip"
}

// Options says how a layer is written. The zero value makes a Windows layer,
// compressed by gzip at the fastest level, with the times of its files.
type Options struct {
	Format      Format
	Compression Compression
	// Level is the compressor's own level; 0 is its fastest.
	Level int
	// Epoch, if not nil, is the time of every entry (SOURCE_DATE_EPOCH).
	Epoch *time.Time
	// Base says that the layer is the first of a Windows image: it gets no
	// Hives directory and may bring the registry's own files.
	Base bool
	// Lineage names what the layer is a newer version of, for example the
	// Dockerfile and the step: Pack looks for unchanged members in the blob
	// that it last made for the same lineage. Empty means none.
	Lineage string
	// NoCache makes Pack do all the work, whatever the store has.
	NoCache bool
	// Growing, if not nil, is given the blob when Pack begins to write it, so
	// that an upload can follow. Who gets it closes it. It is not called for a
	// blob that is in the store already.
	Growing func(*Growing)
}

// Written is what WriteTar has written.
type Written struct {
	DiffID  digest.Digest
	Size    int64 // of the tar
	Entries int
}

// EntryError says that a layer cannot be written or read because of one entry.
type EntryError struct {
	// Layer says which layer or blob, for people; may be empty.
	Layer string
	// Name is the entry's name.
	Name string
	// Rule is what the entry breaks, as a sentence without subject: "is a
	// device, and Windows layers have none".
	Rule string
	// Detail adds what helps to find the place; may be empty.
	Detail string
	// Advice is what Hint returns; may be empty.
	Advice string
	// Err is a reason that callers can test for; may be nil.
	Err error
}

// Error says layer, entry and rule in one line.
func (e *EntryError) Error() string {
	s := fmt.Sprintf("/%s %s", e.Name, e.Rule)
	if e.Detail != "" {
		s += " (" + e.Detail + ")"
	}
	if e.Layer != "" {
		s = e.Layer + ": " + s
	}
	return s
}

// Hint says what to do about it.
func (e *EntryError) Hint() string {
	if h, ok := e.Err.(interface{ Hint() string }); ok && e.Advice == "" {
		return h.Hint()
	}
	return e.Advice
}

// Unwrap returns the reason.
func (e *EntryError) Unwrap() error { return e.Err }
