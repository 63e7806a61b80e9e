package machine

import (
	"context"
	"io"
	"strings"

	"github.com/casement/casement/internal/tree"
	"github.com/casement/casement/internal/winmeta"
)

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
// others, when Close has returned; until then it exists, empty or with what it
// had before if it was opened to append. Closing twice does nothing.
type Writer interface {
	io.Writer
	io.Closer
}

// Create opens a file for writing; follows. Read-only and hidden files are
// denied as Windows does, and a file that somebody writes cannot be opened again.
func (f *FS) Create(ctx context.Context, path string, o CreateOptions) (Writer, error) {
	if s, err := place("open", path); err == nil && s.device != "" {
		if s.device == "NUL" {
			return nowhere{}, nil
		}
		return nil, &Error{Op: "open", Path: path, Code: ErrorFileNotFound}
	}
	n, err := f.create(ctx, path, o)
	if err != nil {
		return nil, err
	}
	w, err := f.m.opts.Spool.Create(ctx)
	if err != nil {
		return nil, err
	}
	n.writers++
	return &writer{f: f, n: n, w: w, o: o}, nil
}

// create makes the file that a path names, or opens it for writing.
func (f *FS) create(ctx context.Context, path string, o CreateOptions) (*node, error) {
	const op = "open"
	s, err := place(op, path)
	if err != nil {
		return nil, err
	}
	fail := func(code uint32) (*node, error) { return nil, &Error{Op: op, Path: path, Code: code} }
	if s.stream != "" && !strings.EqualFold(s.stream, ":$DATA") {
		return nil, Refuse(path, "it names an alternate data stream, which image layers do not carry", "write to a file of its own")
	}
	how := cheap
	if o.Append {
		how = sure // what is there stays
	}
	at, err := f.walk(ctx, op, &s, how, true)
	if err != nil {
		return nil, err
	}
	if at.node == nil {
		if s.slash {
			return fail(ErrorInvalidName)
		}
		return f.newFile(path, at, o)
	}
	n := at.node
	switch want := o.Attributes; {
	case o.New:
		return fail(ErrorFileExists)
	case n.kind == tree.Dir || n.dirLike():
		return fail(ErrorAccessDenied)
	case n.writers > 0:
		return fail(ErrorSharingViolation)
	case n.attributes.Has(winmeta.ReadOnly), f.readOnly(n):
		return fail(ErrorAccessDenied)
	case !o.Append && n.attributes&^want&(winmeta.Hidden|winmeta.System) != 0:
		return fail(ErrorAccessDenied)
	}
	if err := f.need(op, path, n, rightWrite); err != nil {
		return nil, err
	}
	f.change(n)
	if !o.Append {
		n.content, n.size = nil, 0
		n.attributes = n.fit(o.Attributes | winmeta.Archive)
		f.written(n, o.Times)
	}
	return n, nil
}

// newFile makes an empty file where there is none.
func (f *FS) newFile(path string, at found, o CreateOptions) (*node, error) {
	if err := f.mayAdd("open", path, at, rightAddFile); err != nil {
		return nil, err
	}
	obj := f.newObject(at.dir, tree.File, false)
	obj.attributes = obj.fit(o.Attributes | winmeta.Archive)
	n := f.add(at.dir, f.spell(at.dir, at.name), obj)
	n.times.set(o.Times)
	return n, nil
}

// mayAdd checks whether something of a name may be made in a directory.
func (f *FS) mayAdd(op, path string, at found, right uint32) error {
	if f.readOnly(at.dir) {
		return &Error{Op: op, Path: path, Code: ErrorAccessDenied}
	}
	if err := f.need(op, path, at.dir, right); err != nil {
		return err
	}
	if at.dir.region() != f.root.mount {
		return nil
	}
	if err := winmeta.CheckWrite(tree.Join(at.dir.treeName(), at.name)); err != nil {
		r := Refuse(path, "an image layer cannot hold this name: "+err.Error(), "use another name")
		if h, ok := err.(interface{ Hint() string }); ok {
			r.Way = h.Hint()
		}
		return r
	}
	return nil
}

// spell gives a new name the capitals that Windows uses for it, if it is a
// directory that Windows has.
func (f *FS) spell(dir *node, name string) string {
	full := tree.Join(dir.treeName(), name)
	return tree.Base(winmeta.SpellPath(full))
}

// readOnly reports whether a node is in a mount that must not be changed.
func (f *FS) readOnly(n *node) bool {
	b := n.region()
	return b != nil && b.mount != nil && b.mount.ReadOnly
}

// written notes that the content is new.
func (f *FS) written(n *node, t tree.Times) {
	n.times.now(f.m.Now())
	n.times.set(t)
}

// writer is a file that is being written.
type writer struct {
	f   *FS
	n   *node
	w   SpoolWriter
	o   CreateOptions
	err error
	end bool
}

// Write implements io.Writer.
func (w *writer) Write(p []byte) (int, error) {
	if w.end {
		return 0, &Error{Op: "write", Path: w.n.path(), Code: ErrorInvalidHandle}
	}
	n, err := w.w.Write(p)
	if err != nil {
		w.err = err
	}
	return n, err
}

// Close implements io.Closer.
func (w *writer) Close() error {
	if w.end {
		return nil
	}
	w.end = true
	w.n.writers--
	defer w.w.Abort()
	if w.err != nil {
		return w.err
	}
	c, err := w.w.Commit()
	if err != nil {
		return err
	}
	w.f.fill(w.n, c, w.o)
	return nil
}

// fill gives a file its content.
func (f *FS) fill(n *node, c tree.Content, o CreateOptions) {
	size := int64(0)
	if c != nil {
		size = c.Size()
	}
	if size == 0 {
		c = nil
	}
	if o.Append && n.content != nil {
		if c == nil {
			return
		}
		c = appended(n.content, c)
		size += n.size
	}
	n.content, n.size = c, size
	if o.Append {
		n.attributes |= winmeta.Archive
	}
	f.written(n, o.Times)
}

// nowhere is NUL.
type nowhere struct{}

func (nowhere) Write(p []byte) (int, error) { return len(p), nil }
func (nowhere) Close() error                { return nil }

// WriteFile writes a whole file.
func (f *FS) WriteFile(ctx context.Context, path string, data []byte) error {
	w, err := f.Create(ctx, path, CreateOptions{})
	if err != nil {
		return err
	}
	if _, err := w.Write(data); err != nil {
		_ = w.Close()
		return err
	}
	return w.Close()
}

// Put makes a file of a content that is stored already, without reading it.
func (f *FS) Put(ctx context.Context, path string, c tree.Content, o CreateOptions) error {
	if s, err := place("open", path); err == nil && s.device == "NUL" {
		return nil
	}
	n, err := f.create(ctx, path, o)
	if err != nil {
		return err
	}
	f.fill(n, c, o)
	return nil
}
