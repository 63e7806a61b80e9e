// Package tree holds what casement builds with: entries, trees, layers and
// chains.
//
// A [Tree] is an immutable view of a file hierarchy that reads nothing until
// it is asked. A [Layer] is an ordered set of changes over a tree: entries
// added or replaced, names removed. A [Chain] is the layers of an image,
// oldest first; its [Chain.View] is a tree again, and for Windows that view
// folds case. FROM gives a chain, and every COPY, ADD, WORKDIR and RUN pushes
// one layer on it.
//
// Start with [Entry], then [Chain]. [Set] is the layer content that lives in
// memory; layers of base images bring their own [Changes], which read a tar
// stream as late as possible and stop as early as possible.
//
// The package knows nothing of tars, registries or Dockerfiles, and it has no
// opinion on what a layer of an operating system must look like: entries carry
// Windows and Linux metadata side by side as plain data, and package layer
// decides what is written.
package tree

import (
	"cmp"
	"context"
	"errors"
	"io"
	"io/fs"
	"iter"
	"path"
	"strings"
	"time"
)

// Kind says what an entry is.
type Kind uint8

// The kinds of entries. Device, Fifo and Socket occur in Linux layers and in
// build contexts; Windows layers refuse them.
const (
	File     Kind = 1 + iota // a regular file
	Dir                      // a directory
	Symlink                  // a symbolic link
	Junction                 // a Windows mount point (directory junction)
	Hardlink                 // another name of the file Target of the same layer; views show a File instead
	Device                   // a character or block device
	Fifo                     // a named pipe
	Socket                   // a Unix socket
)

// String returns the kind in one lower-case word.
func (k Kind) String() string {
	switch k {
	case File:
		return "file"
	case Dir:
		return "directory"
	case Symlink:
		return "symlink"
	case Junction:
		return "junction"
	case Hardlink:
		return "hard link"
	case Device:
		return "device"
	case Fifo:
		return "fifo"
	case Socket:
		return "socket"
	}
	return "unknown"
}

// Entry is one file, directory or link of a tree or a layer. Entries are
// shared between trees and never change once they have been handed out: to
// alter one, copy the struct.
type Entry struct {
	// Name is the full name in the tree: clean, slash-separated, without a
	// leading slash; "" is the root.
	Name string
	Kind Kind
	// Size is the number of content bytes of a File, and 0 for the rest.
	Size  int64
	Times Times
	// Target is where a Symlink or Junction points, as the link has it
	// (forward slashes). For a Hardlink it is the name of the other entry.
	Target string
	// DirLink says that a Symlink points to a directory, which a Windows
	// layer has to know (windows-image-format 1.7).
	DirLink bool
	// Content has the bytes of a File. It is nil for an empty one.
	Content Content
	// Link groups the names of one hard-linked file within a tree: equal,
	// non-empty values share the file. Empty for a file with one name.
	Link string
	// Owner is a requested owner that is not resolved to numbers or SIDs yet
	// (COPY --chown, USER); nil keeps what Unix and Windows say.
	Owner *Owner
	// Unix metadata; nil where the source has none.
	Unix *Unix
	// Windows metadata; nil where the source has none.
	Windows *Windows
}

// Times of an entry. A zero field is unknown; a writer uses Modified for it.
type Times struct {
	Modified, Accessed, Changed, Created time.Time
}

// Owner is an account as a Dockerfile names it: names or decimal numbers.
type Owner struct {
	User, Group string
}

// Unix is the metadata of POSIX systems.
type Unix struct {
	// Mode has the permission bits with setuid, setgid and sticky as in
	// st_mode (0o7777).
	Mode     uint32
	UID, GID int
	Xattrs   map[string]string
	// Char says that a Device is a character device.
	Char         bool
	Major, Minor int64
}

// Windows is the metadata of NTFS.
type Windows struct {
	// Attributes are Win32 file attributes; 0 means the default of the kind.
	Attributes uint32
	// Descriptor is a self-relative security descriptor; nil means the
	// default of the place.
	Descriptor []byte
	// ShortName and extended attributes by name, where a base layer has them.
	EA map[string][]byte
}

// Content gives the bytes of a file. Implementations are safe for concurrent
// use; every Open starts at the first byte. Open returns an error that matches
// ErrChanged when the bytes are no longer those that the entry was made from.
type Content interface {
	Open(ctx context.Context) (io.ReadCloser, error)
	Size() int64
}

// Digester is the power of a Content to name its bytes by a digest cheaply:
// from a stat cache, from memory, or because it is stored by digest. Equal
// strings imply equal bytes. The string has the form "algorithm:hex".
type Digester interface {
	ContentDigest(ctx context.Context) (string, error)
}

// LazyDigester is the power of a Digester to say whether it would have to read
// all bytes to answer. Who reads them anyway does that first: a content that
// has been read from beginning to end knows its digest.
type LazyDigester interface {
	Digester
	DigestKnown() bool
}

// Tree is an immutable view of a hierarchy. Names are clean, slash-separated
// and rooted at "". Implementations are safe for concurrent use.
type Tree interface {
	// Lookup returns the entry called name. It never follows links, neither
	// in the last component nor before it: a name below a link does not
	// exist. The error matches fs.ErrNotExist when there is no such entry.
	// The root always exists.
	Lookup(ctx context.Context, name string) (*Entry, error)
	// Entries yields the entries of the directory dir in byte order of their
	// names. It yields an error that matches fs.ErrNotExist when there is no
	// such directory.
	Entries(ctx context.Context, dir string) iter.Seq2[*Entry, error]
}

// Prefetcher is the power of a tree whose bytes come from a stream: Prefetch
// tells it what will be asked for next, so that one pass can serve it all.
type Prefetcher interface {
	Prefetch(ctx context.Context, w Want) error
}

// Want is what a caller is about to ask of a tree.
type Want struct {
	// Names are wanted with their contents. A name that is a directory is
	// wanted with everything below it.
	Names []string
}

// Change is one change of a layer.
type Change struct {
	// Entry was added or replaced. It is nil for a removal.
	Entry *Entry
	// Removed is the name that the layer removes (a whiteout); "" if none.
	Removed string
	// Opaque says that the directory Entry hides what lower layers have in it
	// (Linux only).
	Opaque bool
}

// Name returns the name that the change is about.
func (c Change) Name() string {
	if c.Entry != nil {
		return c.Entry.Name
	}
	return c.Removed
}

// Changes is the content of a layer. Implementations are safe for concurrent
// use. fold asks for names to be compared without regard to case, as Windows
// does.
type Changes interface {
	// Find returns the change that the layer makes to name itself. The error
	// matches fs.ErrNotExist when the layer does not mention the name. A name
	// below a removed or opaque directory of the same layer is not special:
	// callers look at the parents.
	Find(ctx context.Context, name string, fold bool) (Change, error)
	// List yields the changes to direct children of dir in byte order.
	List(ctx context.Context, dir string, fold bool) iter.Seq2[Change, error]
	// All yields every change, parents before children, in the order in which
	// [Less] sorts names.
	All(ctx context.Context) iter.Seq2[Change, error]
}

// Implier is the power of Changes to name the direct children of dir that
// exist only because the layer has something below them (Linux layers may
// leave out parents).
type Implier interface {
	Implied(dir string, fold bool) []string
}

// HiveLister is the power of the Changes of a Windows layer to give its changes
// of the registry: delta hives by the name of the hive in capitals ("SOFTWARE").
type HiveLister interface {
	DeltaHives(ctx context.Context) (map[string]Content, error)
}

// ErrChanged is matched by the errors of a Content whose bytes are no longer
// those that its entry was made from.
var ErrChanged = errors.New("changed while it was read")

// Clean turns a path of any spelling ("/a/./b/", "a\\b" excepted) into a tree
// name. Dot-dots do not leave the root.
func Clean(name string) string {
	return strings.TrimPrefix(path.Clean("/"+name), "/")
}

// Join joins elements to a tree name.
func Join(elem ...string) string {
	return Clean(path.Join(elem...))
}

// Parent returns the directory that holds name; the root's parent is the root.
func Parent(name string) string {
	if i := strings.LastIndexByte(name, '/'); i >= 0 {
		return name[:i]
	}
	return ""
}

// Base returns the last component of name, and "" for the root.
func Base(name string) string {
	return name[strings.LastIndexByte(name, '/')+1:]
}

// Less orders names depth-first: a directory, then everything below it, then
// its next sibling ("a", "a/b", "a.txt").
func Less(a, b string) bool { return Compare(a, b) < 0 }

// Compare is the three-way form of [Less]. Depth-first is the order of bytes
// with the slash before all others.
func Compare(a, b string) int {
	for i := range min(len(a), len(b)) {
		switch x, y := a[i], b[i]; {
		case x == y:
		case x == '/':
			return -1
		case y == '/':
			return 1
		default:
			return cmp.Compare(x, y)
		}
	}
	return cmp.Compare(len(a), len(b))
}

// notExist is the error for a name that is not in a tree.
func notExist(op, name string) error {
	return &fs.PathError{Op: op, Path: "/" + name, Err: fs.ErrNotExist}
}
