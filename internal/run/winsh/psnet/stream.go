package psnet

import (
	"bytes"
	"context"
	"errors"
	"io"

	"github.com/casement/casement/internal/run/winsh/ps"
)

// Stream is the Data of a System.IO.Stream. It is an [io.Reader], which is what
// Get-FileHash takes.
type Stream struct {
	b      backend
	typ    string
	closed bool
}

// backend is what a stream does. Places and lengths are bytes; methods that the
// stream does not have fail with NotSupportedException.
type backend interface {
	can() (read, write, seek bool)
	read(p []byte) (int, error)
	write(ctx context.Context, p []byte) error
	seek(ctx context.Context, offset int64, whence int) (int64, error)
	length() (int64, error)
	setLength(ctx context.Context, n int64) error
	flush(ctx context.Context) error
	close(ctx context.Context) error
}

// noStream has none of the powers of a stream.
type noStream struct{}

func (noStream) can() (read, write, seek bool) { return false, false, false }
func (noStream) read([]byte) (int, error) {
	return 0, throw(notSupported, "Stream does not support reading.")
}
func (noStream) write(context.Context, []byte) error {
	return throw(notSupported, "Stream does not support writing.")
}
func (noStream) seek(context.Context, int64, int) (int64, error) {
	return 0, throw(notSupported, "This operation is not supported.")
}
func (noStream) length() (int64, error) {
	return 0, throw(notSupported, "This operation is not supported.")
}
func (noStream) setLength(context.Context, int64) error {
	return throw(notSupported, "This operation is not supported.")
}
func (noStream) flush(context.Context) error { return nil }
func (noStream) close(context.Context) error { return nil }

// Read implements io.Reader.
func (s *Stream) Read(p []byte) (int, error) {
	if err := s.open(); err != nil {
		return 0, err
	}
	return s.b.read(p)
}

// open fails for a stream that has been closed.
func (s *Stream) open() error {
	switch {
	case !s.closed:
		return nil
	case s.typ == fileStream:
		return throw("System.ObjectDisposedException", "Cannot access a closed file.")
	}
	return throw("System.ObjectDisposedException", "Cannot access a closed Stream.")
}

// write writes all of p.
func (s *Stream) write(ctx context.Context, p []byte) error {
	if err := s.open(); err != nil {
		return err
	}
	return s.b.write(ctx, p)
}

func (s *Stream) close(ctx context.Context) error {
	if s.closed {
		return nil
	}
	s.closed = true
	return s.b.close(ctx)
}

// writerTo makes an io.Writer of a stream, for the time of one call.
type writerTo struct {
	run func(p []byte) error
}

// Write implements io.Writer.
func (w writerTo) Write(p []byte) (int, error) {
	if err := w.run(p); err != nil {
		return 0, err
	}
	return len(p), nil
}

func (s *Stream) writer(ctx context.Context) io.Writer {
	return writerTo{func(p []byte) error { return s.write(ctx, p) }}
}

// onlyReader hides all but Read, so that io.CopyBuffer keeps to its buffer.
type onlyReader struct{ io.Reader }

// copyTo copies what is left of the stream.
func (s *Stream) copyTo(ctx context.Context, to *Stream) error {
	_, err := io.CopyBuffer(to.writer(ctx), onlyReader{s}, make([]byte, 80<<10))
	return err
}

// readAll reads what is left, as far as one value may be.
func (s *Stream) readAll(session *ps.Session) ([]byte, error) {
	most := session.Machine().Limits().Memory
	b, err := io.ReadAll(io.LimitReader(s, most+1))
	if err != nil {
		return nil, err
	}
	return b, limit(session, int64(len(b)))
}

// at makes an io.ReaderAt of a stream: its own if it has one, else its bytes.
func (s *Stream) at(ctx context.Context, session *ps.Session) (io.ReaderAt, int64, error) {
	if r, ok := s.b.(interface {
		readerAt() (io.ReaderAt, int64, bool)
	}); ok {
		if at, size, ok := r.readerAt(); ok {
			return at, size, nil
		}
	}
	if _, _, seek := s.b.can(); seek {
		if _, err := s.b.seek(ctx, 0, io.SeekStart); err != nil {
			return nil, 0, err
		}
	}
	b, err := s.readAll(session)
	return bytes.NewReader(b), int64(len(b)), err
}

const (
	fileStream   = "System.IO.FileStream"
	memoryStream = "System.IO.MemoryStream"
	netStream    = "System.IO.Stream+NetworkStream"
)

// newStream makes the object of a stream.
func newStream(s *ps.Session, typ string, b backend) *ps.Object {
	return s.Object(typ, &Stream{b: b, typ: typ})
}

// readStream makes a stream that can only be read.
func readStream(s *ps.Session, typ string, r io.Reader, size int64, done func() error) *ps.Object {
	return newStream(s, typ, &reading{r: r, size: size, done: done})
}

// reading is a stream that can only be read, once.
type reading struct {
	noStream
	r    io.Reader
	size int64
	pos  int64
	done func() error
}

func (r *reading) can() (bool, bool, bool) { return true, false, false }
func (r *reading) read(p []byte) (int, error) {
	n, err := r.r.Read(p)
	r.pos += int64(n)
	return n, err
}
func (r *reading) length() (int64, error) {
	if r.size < 0 {
		return r.noStream.length()
	}
	return r.size, nil
}
func (r *reading) close(context.Context) error {
	if r.done == nil {
		return nil
	}
	return r.done()
}

// memory is a MemoryStream.
type memory struct {
	noStream
	s        *ps.Session
	b        []byte
	pos      int64
	fixed    bool // made of an array, which cannot grow
	readOnly bool
}

func (m *memory) can() (bool, bool, bool) { return true, !m.readOnly, true }
func (m *memory) read(p []byte) (int, error) {
	if m.pos >= int64(len(m.b)) {
		return 0, io.EOF
	}
	n := copy(p, m.b[m.pos:])
	m.pos += int64(n)
	return n, nil
}

func (m *memory) readerAt() (io.ReaderAt, int64, bool) {
	return bytes.NewReader(m.b), int64(len(m.b)), true
}

func (m *memory) write(ctx context.Context, p []byte) error {
	if m.readOnly {
		return m.noStream.write(ctx, p)
	}
	end := m.pos + int64(len(p))
	if end > int64(len(m.b)) {
		if m.fixed {
			return throw(notSupported, "Memory stream is not expandable.")
		}
		if err := limit(m.s, end); err != nil {
			return err
		}
		if m.pos > int64(len(m.b)) {
			m.b = append(m.b, make([]byte, m.pos-int64(len(m.b)))...)
		}
		m.b = append(m.b[:m.pos], p...)
	} else {
		copy(m.b[m.pos:], p)
	}
	m.pos = end
	return nil
}

func (m *memory) seek(_ context.Context, offset int64, whence int) (int64, error) {
	at, err := place(m.pos, int64(len(m.b)), offset, whence)
	if err == nil {
		m.pos = at
	}
	return at, err
}

// place is where a seek leads to.
func place(pos, size, offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += pos
	case io.SeekEnd:
		offset += size
	}
	if offset < 0 {
		return 0, throw(ioException, "An attempt was made to move the position before the beginning of the stream.")
	}
	return offset, nil
}

func (m *memory) length() (int64, error) { return int64(len(m.b)), nil }
func (m *memory) setLength(_ context.Context, n int64) error {
	if m.fixed && n > int64(len(m.b)) {
		return throw(notSupported, "Memory stream is not expandable.")
	}
	if err := limit(m.s, n); err != nil {
		return err
	}
	m.b = resize(m.b, n)
	m.pos = min(m.pos, n)
	return nil
}

// resize cuts bytes or adds zeros.
func resize(b []byte, n int64) []byte {
	if n <= int64(len(b)) {
		return b[:n]
	}
	return append(b, make([]byte, n-int64(len(b)))...)
}

// newMemory is the constructor of MemoryStream.
func newMemory(_ context.Context, in *ps.Invoke) (any, error) {
	m := &memory{s: in.Session}
	if len(in.Args) > 0 {
		switch x := ps.Unwrap(in.Args[0]).(type) {
		case *ps.Bytes:
			m.b, m.fixed = x.B, true
			if len(in.Args) > 2 {
				from, n := in.Int(1), in.Int(2)
				if from < 0 || n < 0 || from+n > len(x.B) {
					return nil, badArgument(in.Session, "Offset and length were out of bounds for the array or count is greater than the number of elements from index to the end of the source collection.", "index")
				}
				m.b = x.B[from : from+n : from+n]
			} else if len(in.Args) == 2 {
				m.readOnly = !in.Bool(1)
			}
		case nil:
			return nil, nullArgument(in.Session, "buffer")
		default:
			if in.Int(0) < 0 {
				return nil, outOfRange(in.Session, "Capacity must be positive.", "capacity")
			}
		}
	}
	return newStream(in.Session, memoryStream, m), nil
}

// streamTypes are the streams that have no file of their own.
func streamTypes() []*ps.Type {
	disposable := []string{"System.IDisposable"}
	return []*ps.Type{
		{Name: "System.IO.Stream", Base: "System.MarshalByRefObject", Implements: disposable, Abstract: true, Members: streamMembers},
		{
			Name: memoryStream, Base: "System.IO.Stream", Members: memoryMembers,
			New: overloads(newMemory, "", "int capacity", "byte[] buffer", "byte[] buffer, bool writable", "byte[] buffer, int index, int count"),
		},
		{Name: netStream, Base: "System.IO.Stream"},
		names("System.IO.SeekOrigin", "Begin", "Current", "End"),
	}
}

func streamOf(in *ps.Invoke) *Stream { return in.Data().(*Stream) }

// streamArg is an argument that is a stream.
func streamArg(in *ps.Invoke, i int, name string) (*Stream, error) {
	s, ok := dataOf[*Stream](in, i)
	if !ok {
		return nil, nullArgument(in.Session, name)
	}
	return s, s.open()
}

// opened makes the code of a member of a stream that is open.
func opened(f func(ctx context.Context, in *ps.Invoke, s *Stream) (any, error)) run {
	return func(ctx context.Context, in *ps.Invoke) (any, error) {
		s := streamOf(in)
		if err := s.open(); err != nil {
			return nil, err
		}
		v, err := f(ctx, in, s)
		return v, ioError(in.Session, err)
	}
}

func closeStream(ctx context.Context, in *ps.Invoke) (any, error) {
	return nil, ioError(in.Session, streamOf(in).close(ctx))
}

func streamMembers() []ps.Member {
	power := func(name string, get func(read, write, seek bool) bool) ps.Member {
		return prop(name, "bool", func(in *ps.Invoke) any { s := streamOf(in); return !s.closed && get(s.b.can()) })
	}
	copyTo := opened(func(ctx context.Context, in *ps.Invoke, s *Stream) (any, error) {
		to, err := streamArg(in, 0, "destination")
		if err != nil {
			return nil, err
		}
		return nil, s.copyTo(ctx, to)
	})
	list := []ps.Member{
		power("CanRead", func(r, _, _ bool) bool { return r }), power("CanSeek", func(_, _, s bool) bool { return s }), power("CanWrite", func(_, w, _ bool) bool { return w }),
		prop("CanTimeout", "bool", func(*ps.Invoke) any { return false }),
		ps.Prop("Length", "long", opened(func(_ context.Context, _ *ps.Invoke, s *Stream) (any, error) { return s.b.length() })),
		ps.Prop("Position", "long", opened(func(ctx context.Context, _ *ps.Invoke, s *Stream) (any, error) {
			if r, ok := s.b.(*reading); ok {
				return r.pos, nil
			}
			return s.b.seek(ctx, 0, io.SeekCurrent)
		})).With(func(ctx context.Context, in *ps.Invoke) error {
			_, err := streamOf(in).b.seek(ctx, int64(in.Int(0)), io.SeekStart)
			return err
		}),
		method("Read", "int", opened(readInto), "byte[] buffer, int offset, int count"),
		method("ReadByte", "int", opened(func(_ context.Context, _ *ps.Invoke, s *Stream) (any, error) {
			var one [1]byte
			n, err := io.ReadFull(s, one[:])
			if n == 0 {
				if errors.Is(err, io.EOF) {
					err = nil
				}
				return int32(-1), err
			}
			return int32(one[0]), nil
		}), ""),
		method("Write", "void", opened(writeFrom), "byte[] buffer, int offset, int count"),
		method("WriteByte", "void", opened(func(ctx context.Context, in *ps.Invoke, s *Stream) (any, error) {
			return nil, s.write(ctx, []byte{byte(in.Int(0))})
		}), "byte value"),
		method("Seek", "long", opened(func(ctx context.Context, in *ps.Invoke, s *Stream) (any, error) {
			return s.b.seek(ctx, int64(in.Int(0)), int(enumArg(in, 1)))
		}), "long offset, System.IO.SeekOrigin origin"),
		method("SetLength", "void", opened(func(ctx context.Context, in *ps.Invoke, s *Stream) (any, error) {
			return nil, s.b.setLength(ctx, int64(in.Int(0)))
		}), "long value"),
		method("Flush", "void", opened(func(ctx context.Context, _ *ps.Invoke, s *Stream) (any, error) { return nil, s.b.flush(ctx) }), "", "bool flushToDisk"),
		method("CopyTo", "void", copyTo, "System.IO.Stream destination", "System.IO.Stream destination, int bufferSize"),
		method("CopyToAsync", taskType, later(copyTo), "System.IO.Stream destination", "System.IO.Stream destination, int bufferSize"),
		method("FlushAsync", taskType, later(opened(func(ctx context.Context, _ *ps.Invoke, s *Stream) (any, error) { return nil, s.b.flush(ctx) })), ""),
		method("Close", "void", closeStream, ""), method("Dispose", "void", closeStream, ""),
	}
	return append(list, only(ps.Core, method("Write", "void", opened(func(ctx context.Context, in *ps.Invoke, s *Stream) (any, error) {
		return nil, s.write(ctx, bytesArg(in, 0))
	}), "byte[] buffer"))...)
}

// span checks the part of a buffer that arguments name.
func span(in *ps.Invoke) ([]byte, error) {
	b, from, n := bytesArg(in, 0), in.Int(1), in.Int(2)
	switch {
	case b == nil && !has(in, 0):
		return nil, nullArgument(in.Session, "buffer")
	case from < 0:
		return nil, outOfRange(in.Session, "Non-negative number required.", "offset")
	case n < 0:
		return nil, outOfRange(in.Session, "Non-negative number required.", "count")
	case from+n > len(b):
		return nil, throw(argumentException, "Offset and length were out of bounds for the array or count is greater than the number of elements from index to the end of the source collection.")
	}
	return b[from : from+n], nil
}

func readInto(_ context.Context, in *ps.Invoke, s *Stream) (any, error) {
	p, err := span(in)
	if err != nil || len(p) == 0 {
		return int32(0), err
	}
	for {
		n, err := s.Read(p)
		switch {
		case n > 0:
			return ps.Int(n), nil
		case errors.Is(err, io.EOF):
			return int32(0), nil
		case err != nil:
			return nil, err
		}
	}
}

func writeFrom(ctx context.Context, in *ps.Invoke, s *Stream) (any, error) {
	p, err := span(in)
	if err != nil {
		return nil, err
	}
	return nil, s.write(ctx, p)
}

func memoryMembers() []ps.Member {
	data := func(in *ps.Invoke) *memory { return streamOf(in).b.(*memory) }
	return []ps.Member{
		method("ToArray", "byte[]", val(func(in *ps.Invoke) any { return &ps.Bytes{B: bytes.Clone(data(in).b)} }), ""),
		method("GetBuffer", "byte[]", val(func(in *ps.Invoke) any { return &ps.Bytes{B: data(in).b} }), ""),
		method("WriteTo", "void", func(ctx context.Context, in *ps.Invoke) (any, error) {
			to, err := streamArg(in, 0, "stream")
			if err != nil {
				return nil, err
			}
			return nil, to.write(ctx, data(in).b)
		}, "System.IO.Stream stream"),
		prop("Capacity", "int", func(in *ps.Invoke) any { return ps.Int(cap(data(in).b)) }).With(func(context.Context, *ps.Invoke) error { return nil }),
	}
}
