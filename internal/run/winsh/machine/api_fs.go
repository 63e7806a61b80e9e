package machine

import (
	"context"
	"io"

	"github.com/casement/casement/internal/tree"
	"github.com/casement/casement/internal/winmeta"
)

// FS is the machine's drives, of which there is C: only. Paths are full
// Windows paths ("C:\app\x") as [FS.Full] makes them; every method takes
// them in any case, with either slash. Methods that say "follows" follow links
// in the last component; links in directories are always followed. Errors are
// *[Error] with the Win32 code that Windows would give, and match fs.ErrNotExist,
// fs.ErrExist and fs.ErrPermission where that is meant. Access is checked for
// the machine's account by the security descriptors.
type FS struct{ m *Machine }

// Info is what is known of a file or directory. It does not change.
type Info struct {
	// Path is the full path with the names as they are stored ("C:\Windows").
	Path string
	Name string // last component as stored; "C:\" for the root
	Kind tree.Kind
	Size int64
	// Times: Created, Modified, Accessed.
	Times      tree.Times
	Attributes winmeta.Attributes
	// Target is where a link leads, as it is stored, with backslashes.
	Target string
	Entry  *tree.Entry
}

// IsDir reports whether it is a directory or a link to one.
func (i *Info) IsDir() bool { return i.Attributes.Has(winmeta.Directory) }

// IsLink reports whether it is a symbolic link or junction.
func (i *Info) IsLink() bool { return i.Kind == tree.Symlink || i.Kind == tree.Junction }

// Stat follows; Lstat does not.
func (f *FS) Stat(ctx context.Context, path string) (*Info, error)  { panic("todo") }
func (f *FS) Lstat(ctx context.Context, path string) (*Info, error) { panic("todo") }

// Exists reports whether there is a file or directory; errors other than "not
// there" are returned.
func (f *FS) Exists(ctx context.Context, path string) (bool, error) { panic("todo") }

// ReadDir lists a directory in the order of NTFS (upper-cased names), without
// "." and "..".
func (f *FS) ReadDir(ctx context.Context, dir string) ([]*Info, error) { panic("todo") }

// Glob lists the entries of dir whose names match the pattern (FindFirstFile).
func (f *FS) Glob(ctx context.Context, dir, pattern string) ([]*Info, error) { panic("todo") }

// Walk calls visit for everything below dir, parents first, in the order of
// ReadDir; links are visited and not entered. fs.SkipDir skips a directory.
func (f *FS) Walk(ctx context.Context, dir string, visit func(*Info) error) error { panic("todo") }

// File is an open file for reading.
type File interface {
	io.Reader
	io.ReaderAt
	io.Seeker
	io.Closer
}

// Open opens a file for reading; follows. Size and seeking are cheap for
// contents of the spool and of directories; a file of a layer may be copied to
// a temporary place first.
func (f *FS) Open(ctx context.Context, path string) (File, error) { panic("todo") }

// ReadFile reads a whole file of at most limit bytes.
func (f *FS) ReadFile(ctx context.Context, path string, limit int64) ([]byte, error) { panic("todo") }

// CreateOptions adjust Create. The zero value truncates or creates a file.
type CreateOptions struct {
	Append bool
	// New fails if the file exists.
	New bool
	// Times are kept for the file in the layer; the zero value is the
	// machine's time, which becomes the build's fixed time.
	Times tree.Times
	// Attributes to set; 0 is Archive.
	Attributes winmeta.Attributes
}

// Writer is an open file for writing. The file has its new content, for all
// others, when Close has returned; until then it exists with what was written
// before, as on Windows with shared reading.
type Writer interface {
	io.Writer
	io.Closer
}

// Create opens a file for writing; follows. Read-only and hidden files are
// denied as Windows does.
func (f *FS) Create(ctx context.Context, path string, o CreateOptions) (Writer, error) {
	panic("todo")
}

// WriteFile writes a whole file.
func (f *FS) WriteFile(ctx context.Context, path string, data []byte) error { panic("todo") }

// Put makes a file of a content that is stored already, without reading it.
func (f *FS) Put(ctx context.Context, path string, c tree.Content, o CreateOptions) error {
	panic("todo")
}

// Mkdir makes one directory; MkdirAll makes those above it too, and is content
// if it exists.
func (f *FS) Mkdir(ctx context.Context, path string) error    { panic("todo") }
func (f *FS) MkdirAll(ctx context.Context, path string) error { panic("todo") }

// Remove removes a file, an empty directory, or a link itself. Read-only files
// are denied (clear the attribute first).
func (f *FS) Remove(ctx context.Context, path string) error { panic("todo") }

// RemoveAll removes a directory with everything in it; links in it are removed
// and not followed. force also removes read-only files. It stops at the first
// error.
func (f *FS) RemoveAll(ctx context.Context, path string, force bool) error { panic("todo") }

// Rename moves a file or directory, with everything in it and without reading
// it. replace lets a file replace a file.
func (f *FS) Rename(ctx context.Context, from, to string, replace bool) error { panic("todo") }

// CopyFile copies a file with attributes and modification time, as CopyFile
// does, without reading it; the descriptor is inherited at the new place.
func (f *FS) CopyFile(ctx context.Context, from, to string, failIfExists bool) error {
	panic("todo")
}

// Links. Symlink and Junction point to target as given; Hardlink's target must
// be a file.
func (f *FS) Symlink(ctx context.Context, target, link string, dir bool) error { panic("todo") }
func (f *FS) Junction(ctx context.Context, target, link string) error          { panic("todo") }
func (f *FS) Hardlink(ctx context.Context, target, link string) error          { panic("todo") }

// SetAttributes replaces the attributes that can be set (readonly, hidden,
// system, archive, not content indexed …).
func (f *FS) SetAttributes(ctx context.Context, path string, a winmeta.Attributes) error {
	panic("todo")
}

// SetTimes sets those times that are not zero; they reach the image.
func (f *FS) SetTimes(ctx context.Context, path string, t tree.Times) error { panic("todo") }

// Descriptor returns the security descriptor; SetDescriptor replaces it.
func (f *FS) Descriptor(ctx context.Context, path string) (winmeta.Descriptor, error) {
	panic("todo")
}
func (f *FS) SetDescriptor(ctx context.Context, path string, d winmeta.Descriptor) error {
	panic("todo")
}

// Free returns the bytes that the drive pretends to have free and in total.
func (f *FS) Free() (free, total int64) { panic("todo") }

// Spool takes what a step writes: one growing blob, of which contents are
// sections.
type Spool interface {
	// Create starts a content.
	Create(ctx context.Context) (SpoolWriter, error)
}

// SpoolWriter writes one content. Contents may be written at once.
type SpoolWriter interface {
	io.Writer
	// Commit ends the content and returns it; its digest is known.
	Commit() (tree.Content, error)
	// Abort drops it. After Commit it does nothing.
	Abort()
}
