package machine

import (
	"bytes"
	"context"
	"io"
	"os"

	"github.com/casement/casement/internal/tree"
)

// File is an open file for reading.
type File interface {
	io.Reader
	io.ReaderAt
	io.Seeker
	io.Closer
}

// Open opens a file for reading; follows. Size and seeking are cheap for
// contents of the spool and of directories; a file of a layer is copied to
// a temporary place when somebody seeks in it.
func (f *FS) Open(ctx context.Context, path string) (File, error) {
	const op = "open"
	if s, err := place(op, path); err == nil && s.device == "NUL" {
		return memoryFile{bytes.NewReader(nil)}, nil
	}
	n, err := f.existing(ctx, op, path, sure, true)
	if err != nil {
		return nil, err
	}
	if n.dirLike() {
		return nil, &Error{Op: op, Path: path, Code: ErrorAccessDenied}
	}
	if err := f.need(op, path, n, rightRead); err != nil {
		return nil, err
	}
	if err := n.readable(path); err != nil {
		return nil, err
	}
	return OpenContent(ctx, n.content)
}

// readable refuses what is no file of Windows: a fifo in the build context, say.
func (n *node) readable(path string) error {
	if n.src != nil && !n.changed && n.src.entry.Kind > tree.Hardlink {
		return Refuse("reading "+path, "it is a "+n.src.entry.Kind.String()+", which Windows does not have", "list it in .dockerignore")
	}
	return nil
}

// ReadFile reads a whole file of at most limit bytes.
func (f *FS) ReadFile(ctx context.Context, path string, limit int64) ([]byte, error) {
	r, err := f.Open(ctx, path)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	b, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(b)) > limit {
		return nil, &LimitError{What: "reading " + path, Limit: limit, Unit: "bytes"}
	}
	return b, nil
}

// OpenContent opens a content for random access; nil is an empty one.
func OpenContent(ctx context.Context, c tree.Content) (File, error) {
	if c == nil {
		return memoryFile{bytes.NewReader(nil)}, nil
	}
	if r, ok := c.(interface {
		openAt(ctx context.Context) (File, error)
	}); ok {
		return r.openAt(ctx)
	}
	if b, ok := c.(tree.Bytes); ok {
		return memoryFile{bytes.NewReader(b)}, nil
	}
	r, err := c.Open(ctx)
	if err != nil {
		return nil, err
	}
	if f, ok := r.(File); ok {
		return f, nil
	}
	open := func() (io.ReadCloser, error) { return c.Open(ctx) }
	return &streamFile{open: open, r: r, size: c.Size()}, nil
}

// memoryFile is a file whose bytes are in memory.
type memoryFile struct{ *bytes.Reader }

// Close implements io.Closer.
func (memoryFile) Close() error { return nil }

// sectionFile is a part of a file of this computer.
type sectionFile struct {
	*io.SectionReader
	close func() error
}

// Close implements io.Closer.
func (s sectionFile) Close() error {
	if s.close == nil {
		return nil
	}
	return s.close()
}

// streamFile is a content that can only be read from its beginning. As long as
// nobody seeks it is that; then its bytes go to memory or to a temporary file.
type streamFile struct {
	open func() (io.ReadCloser, error)
	r    io.ReadCloser
	size int64
	read int64 // from r
	copy File
	temp *os.File
}

// maxInMemory is the size up to which a copy is kept in memory.
const maxInMemory = 1 << 20

// Read implements io.Reader.
func (s *streamFile) Read(p []byte) (int, error) {
	if s.copy != nil {
		return s.copy.Read(p)
	}
	n, err := s.r.Read(p)
	s.read += int64(n)
	return n, err
}

// ReadAt implements io.ReaderAt.
func (s *streamFile) ReadAt(p []byte, off int64) (int, error) {
	if err := s.spill(); err != nil {
		return 0, err
	}
	return s.copy.ReadAt(p, off)
}

// Seek implements io.Seeker.
func (s *streamFile) Seek(offset int64, whence int) (int64, error) {
	if s.copy == nil {
		switch { // questions about the size and the place are no reason to copy
		case whence == io.SeekCurrent && offset == 0, whence == io.SeekStart && offset == s.read:
			return s.read, nil
		}
	}
	if err := s.spill(); err != nil {
		return 0, err
	}
	return s.copy.Seek(offset, whence)
}

// spill copies the whole content to a place where it can be read anywhere.
func (s *streamFile) spill() error {
	if s.copy != nil {
		return nil
	}
	at := s.read
	if at > 0 {
		_ = s.r.Close()
		var err error
		if s.r, err = s.open(); err != nil {
			return err
		}
	}
	if s.size <= maxInMemory {
		b, err := io.ReadAll(s.r)
		if err != nil {
			return err
		}
		s.copy = memoryFile{bytes.NewReader(b)}
	} else {
		t, err := os.CreateTemp("", "casement-")
		if err != nil {
			return err
		}
		s.temp = t
		if _, err := io.Copy(t, s.r); err != nil {
			return err
		}
		s.copy = t
	}
	_, err := s.copy.Seek(at, io.SeekStart)
	return err
}

// Close implements io.Closer.
func (s *streamFile) Close() error {
	if s.temp != nil {
		_ = s.temp.Close()
		_ = os.Remove(s.temp.Name())
	}
	return s.r.Close()
}
