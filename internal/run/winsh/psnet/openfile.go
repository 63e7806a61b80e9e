package psnet

import (
	"context"
	"errors"
	"io"
	"strings"

	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/run/winsh/ps"
	"github.com/casement/casement/internal/winmeta"
)

// File modes of .NET.
const (
	modeCreateNew = 1 + iota
	modeCreate
	modeOpen
	modeOpenOrCreate
	modeTruncate
	modeAppend
)

// file is a FileStream. Files are read where they lie and written in order, as
// streams. One that is written at other places, or read and written, is held in
// memory until it is closed.
type file struct {
	s     *ps.Session
	path  string
	mayR  bool
	mayW  bool
	share int64
	r     machine.File
	w     machine.Writer
	buf   []byte
	held  bool // in buf
	pos   int64
	size  int64
	fresh bool // something was written since the last flush
	// base is where an Append stream began: it cannot seek before that.
	base int64
}

// access is a FileAccess.
func (f *file) access() (a int64) {
	if f.mayR {
		a = 1
	}
	if f.mayW {
		a |= 2
	}
	return a
}

func (f *file) can() (bool, bool, bool) { return f.mayR, f.mayW, true }

func (f *file) readerAt() (io.ReaderAt, int64, bool) { return f.r, f.size, f.r != nil && !f.held }

func (f *file) read(p []byte) (int, error) {
	switch {
	case !f.mayR:
		return f.noRead(p)
	case f.w != nil:
		return 0, io.EOF // written in order: the place is the end
	case f.held:
		if f.pos >= int64(len(f.buf)) {
			return 0, io.EOF
		}
		n := copy(p, f.buf[f.pos:])
		f.pos += int64(n)
		return n, nil
	}
	n, err := f.r.Read(p)
	f.pos += int64(n)
	return n, err
}

func (f *file) noRead(p []byte) (int, error) { return noStream{}.read(p) }

func (f *file) write(ctx context.Context, p []byte) error {
	if !f.mayW {
		return noStream{}.write(ctx, p)
	}
	if f.w != nil {
		if _, err := f.w.Write(p); err != nil {
			return err
		}
		f.pos += int64(len(p))
		f.size, f.fresh = max(f.size, f.pos), true
		return nil
	}
	if err := f.hold(ctx); err != nil {
		return err
	}
	end := f.pos + int64(len(p))
	if err := limit(f.s, end); err != nil {
		return err
	}
	if end > int64(len(f.buf)) {
		f.buf = resize(f.buf, end)
	}
	copy(f.buf[f.pos:], p)
	f.pos, f.size, f.fresh = end, int64(len(f.buf)), true
	return nil
}

// hold takes the content into memory.
func (f *file) hold(ctx context.Context) error {
	if f.held {
		return nil
	}
	if err := limit(f.s, f.size); err != nil {
		return err
	}
	if f.w != nil {
		if err := f.w.Close(); err != nil {
			return err
		}
		f.w = nil
	}
	fsys := f.s.Machine().FS()
	b, err := fsys.ReadFile(ctx, f.path, f.s.Machine().Limits().Memory)
	if err != nil {
		return err
	}
	if f.r != nil {
		err = f.r.Close()
	}
	f.r, f.buf, f.held = nil, b, true
	return err
}

func (f *file) seek(ctx context.Context, offset int64, whence int) (int64, error) {
	at, err := place(f.pos, f.size, offset, whence)
	switch {
	case err != nil || at == f.pos:
		return at, err
	case at < f.base:
		return 0, throw(ioException, "Unable seek backward to overwrite data that previously existed in a file opened in Append mode.")
	case f.r != nil:
		if _, err := f.r.Seek(at, io.SeekStart); err != nil {
			return 0, err
		}
	default:
		if err := f.hold(ctx); err != nil {
			return 0, err
		}
	}
	f.pos = at
	return at, nil
}

func (f *file) length() (int64, error) { return f.size, nil }

func (f *file) setLength(ctx context.Context, n int64) error {
	if !f.mayW {
		return noStream{}.write(ctx, nil)
	}
	if f.w != nil && n == f.size {
		return nil
	}
	if err := f.hold(ctx); err != nil {
		return err
	}
	if err := limit(f.s, n); err != nil {
		return err
	}
	f.buf, f.size, f.fresh = resize(f.buf, n), n, true
	f.pos = min(f.pos, n)
	return nil
}

// flush lets others see what was written.
func (f *file) flush(ctx context.Context) (err error) {
	if !f.fresh {
		return nil
	}
	f.fresh = false
	if f.w != nil {
		if err := f.w.Close(); err != nil {
			return err
		}
		f.w, err = f.s.Machine().FS().Create(ctx, f.path, machine.CreateOptions{Append: true})
		return err
	}
	w, err := f.s.Machine().FS().Create(ctx, f.path, machine.CreateOptions{})
	if err != nil {
		return err
	}
	_, err = w.Write(f.buf)
	return errors.Join(err, w.Close())
}

func (f *file) close(ctx context.Context) error {
	var err error
	if f.w != nil {
		err = f.w.Close()
	} else {
		err = f.flush(ctx)
	}
	if f.r != nil {
		err = errors.Join(err, f.r.Close())
	}
	delete(left(f.s).files, f)
	f.buf = nil
	return err
}

// FileShare.
const (
	shareNone = 0
	shareRead = 1
)

// sharing fails if a stream that is open does not let others have the access,
// or has one that these do not share.
func sharing(s *ps.Session, path string, access, share int64) error {
	for f := range left(s).files {
		if strings.EqualFold(f.path, path) && (access&^f.share != 0 || f.access()&^share != 0) {
			return &machine.Error{Op: "open", Path: path, Code: machine.ErrorSharingViolation}
		}
	}
	return nil
}

// openFile opens a file as FileStream does.
func openFile(ctx context.Context, s *ps.Session, path string, mode, access, share int64) (*file, error) {
	p, err := full(s, path)
	if err != nil {
		return nil, err
	}
	f := &file{s: s, path: p, mayR: access&1 != 0, mayW: access&2 != 0, share: share & 3}
	if !f.mayW && mode != modeOpen && mode != modeOpenOrCreate {
		name := s.EnumName(s.Enum("System.IO.FileMode", mode))
		return nil, badArgument(s, "Combining FileMode: "+name+" with FileAccess: Read is invalid.", "access")
	}
	if mode == modeAppend && f.mayR {
		return nil, badArgument(s, "Append access can be requested only in write-only mode.", "access")
	}
	err = sharing(s, p, access, share)
	if err == nil {
		err = f.start(ctx, mode)
	}
	if err != nil {
		return nil, ioError(s, err)
	}
	left(s).files[f] = true
	return f, nil
}

// start opens or makes the file.
func (f *file) start(ctx context.Context, mode int64) error {
	fsys := f.s.Machine().FS()
	create := func(o machine.CreateOptions) (err error) {
		f.w, err = fsys.Create(ctx, f.path, o)
		return err
	}
	if mode == modeCreate || mode == modeCreateNew {
		return create(machine.CreateOptions{New: mode == modeCreateNew})
	}
	info, err := fsys.Stat(ctx, f.path)
	missing := machine.CodeOf(err) == machine.ErrorFileNotFound
	if err != nil && !(missing && mode != modeOpen && mode != modeTruncate) {
		return err
	}
	switch {
	case missing && f.mayW:
		return create(machine.CreateOptions{})
	case missing:
		if err := create(machine.CreateOptions{}); err != nil {
			return err
		}
		if err := f.w.Close(); err != nil {
			return err
		}
		f.w = nil
	case mode == modeTruncate:
		return create(machine.CreateOptions{})
	case mode == modeAppend:
		f.base, f.pos, f.size = info.Size, info.Size, info.Size
		return create(machine.CreateOptions{Append: true})
	case f.mayW && info.Attributes.Has(winmeta.ReadOnly):
		return &machine.Error{Op: "open", Path: f.path, Code: machine.ErrorAccessDenied}
	default:
		f.size = info.Size
	}
	f.r, err = fsys.Open(ctx, f.path)
	return err
}
