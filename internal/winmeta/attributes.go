package winmeta

import (
	"strconv"
	"strings"
)

// Attributes are the Win32 file attributes of a file or directory.
type Attributes uint32

// The attributes that occur in layers, with the values of winnt.h.
const (
	ReadOnly          Attributes = 0x0001
	Hidden            Attributes = 0x0002
	System            Attributes = 0x0004
	Directory         Attributes = 0x0010
	Archive           Attributes = 0x0020
	Normal            Attributes = 0x0080 // valid only alone
	Temporary         Attributes = 0x0100
	Sparse            Attributes = 0x0200
	ReparsePoint      Attributes = 0x0400 // symbolic links and junctions
	Compressed        Attributes = 0x0800
	Offline           Attributes = 0x1000
	NotContentIndexed Attributes = 0x2000
	Encrypted         Attributes = 0x4000
)

// The attributes that casement writes for the five kinds of entries.
const (
	FileAttributes        = Archive
	DirectoryAttributes   = Directory
	FileLinkAttributes    = Archive | ReparsePoint
	DirLinkAttributes     = Directory | ReparsePoint
	JunctionAttributes    = Directory | ReparsePoint
	settableAttributeBits = ReadOnly | Hidden | System | Archive | NotContentIndexed
)

// Has reports whether all of the given attributes are set.
func (a Attributes) Has(b Attributes) bool { return a&b == b }

// Portable keeps the attributes that describe a file itself: those that a copy
// of the file should have too. How one volume happens to store it (sparse,
// compressed, encrypted, offline) and what kind of entry it is are left out.
func (a Attributes) Portable() Attributes { return a & settableAttributeBits }

// String lists the attributes by name, "hidden|directory"; bits without a name
// are printed in hexadecimal and no attribute at all is "none".
func (a Attributes) String() string {
	names := [...]struct {
		bit  Attributes
		name string
	}{
		{ReadOnly, "readonly"}, {Hidden, "hidden"}, {System, "system"},
		{Directory, "directory"}, {Archive, "archive"}, {Normal, "normal"},
		{Temporary, "temporary"}, {Sparse, "sparse"}, {ReparsePoint, "reparse"},
		{Compressed, "compressed"}, {Offline, "offline"},
		{NotContentIndexed, "notindexed"}, {Encrypted, "encrypted"},
	}
	if a == 0 {
		return "none"
	}
	var out []string
	for _, n := range names {
		if a.Has(n.bit) {
			out = append(out, n.name)
			a &^= n.bit
		}
	}
	if a != 0 {
		out = append(out, "0x"+strconv.FormatUint(uint64(a), 16))
	}
	return strings.Join(out, "|")
}
