package psnet

import (
	"context"
	"io"
	"strings"

	"github.com/casement/casement/internal/run/winsh/ps"
)

func newFileStream(s *ps.Session, f *file) *ps.Object { return newStream(s, fileStream, f) }

// defaultAccess is the access where none is given.
func defaultAccess(mode int64) int64 {
	if mode == modeAppend {
		return 2
	}
	return 3
}

// newFile opens a file; share is what is shared if nothing is said.
func newFile(share int64) run {
	return func(ctx context.Context, in *ps.Invoke) (any, error) {
		mode, share := enumArg(in, 1), share
		access := defaultAccess(mode)
		if len(in.Args) > 2 {
			access = enumArg(in, 2)
		}
		if len(in.Args) > 3 {
			share = enumArg(in, 3)
		}
		f, err := openFile(ctx, in.Session, in.String(0), mode, access, share)
		if err != nil {
			return nil, err
		}
		return newFileStream(in.Session, f), nil
	}
}

// fileStreamTypes has FileStream and how files are opened.
func fileStreamTypes() []*ps.Type {
	const mode, access, share = "string path, System.IO.FileMode mode", ", System.IO.FileAccess access", ", System.IO.FileShare share"
	return []*ps.Type{
		{
			Name: fileStream, Base: "System.IO.Stream",
			New: overloads(newFile(shareRead), mode, mode+access, mode+access+share, mode+access+share+", int bufferSize",
				mode+access+share+", int bufferSize, bool useAsync", mode+access+share+", int bufferSize, System.IO.FileOptions options"),
			Members: func() []ps.Member {
				return append([]ps.Member{
					prop("Name", "string", func(in *ps.Invoke) any { return streamOf(in).b.(*file).path }),
					prop("IsAsync", "bool", func(*ps.Invoke) any { return false }),
				}, refused("files are not locked here", "leave it out", "Lock", "Unlock")...)
			},
		},
		enum("System.IO.FileMode", "CreateNew", 1, "Create", 2, "Open", 3, "OpenOrCreate", 4, "Truncate", 5, "Append", 6),
		flags("System.IO.FileAccess", "Read", 1, "Write", 2, "ReadWrite", 3),
		flags("System.IO.FileShare", "None", 0, "Read", 1, "Write", 2, "ReadWrite", 3, "Delete", 4, "Inheritable", 16),
		flags("System.IO.FileOptions", "None", 0, "Encrypted", 16384, "DeleteOnClose", 67108864, "SequentialScan", 134217728, "RandomAccess", 268435456, "Asynchronous", 1073741824),
	}
}

// compressTypes are streams that pack and unpack.
func compressTypes() []*ps.Type {
	const stream = "System.IO.Stream stream"
	signatures := []string{
		stream + ", System.IO.Compression.CompressionMode mode", stream + ", System.IO.Compression.CompressionMode mode, bool leaveOpen",
		stream + ", System.IO.Compression.CompressionLevel compressionLevel", stream + ", System.IO.Compression.CompressionLevel compressionLevel, bool leaveOpen",
	}
	typ := func(name string, kind packing) *ps.Type {
		return &ps.Type{Name: "System.IO.Compression." + name, Base: "System.IO.Stream", New: overloads(newPacked(name, kind), signatures...), Members: func() []ps.Member {
			return []ps.Member{prop("BaseStream", "System.IO.Stream", func(in *ps.Invoke) any {
				if b, ok := streamOf(in).b.(interface{ base() *ps.Object }); ok {
					return b.base()
				}
				return nil
			})}
		}}
	}
	zlib := typ("ZLibStream", zlibPacking)
	zlib.Edition = ps.Core
	return []*ps.Type{
		typ("GZipStream", gzipPacking), typ("DeflateStream", deflatePacking), zlib,
		names("System.IO.Compression.CompressionMode", "Decompress", "Compress"),
		names("System.IO.Compression.CompressionLevel", "Optimal", "Fastest", "NoCompression", "SmallestSize"),
		{Name: "System.IO.Compression.BrotliStream", Refuse: "Brotli is not supported", Way: "use GZipStream"},
	}
}

func newPacked(name string, kind packing) run {
	return func(_ context.Context, in *ps.Invoke) (any, error) {
		inner, err := streamArg(in, 0, "stream")
		if err != nil {
			return nil, err
		}
		e, _ := in.Args[1].(ps.Enum)
		leave := len(in.Args) > 2 && in.Bool(2)
		read, write, _ := inner.b.can()
		if strings.HasSuffix(e.Type.Name, "Mode") && e.Value == 0 {
			if !read {
				return nil, badArgument(in.Session, either(in.Session, "The base stream is not readable.", "Stream does not support reading."), "stream")
			}
			u := &unpacker{s: in.Session, kind: kind, inner: inner, object: object(in, 0), leave: leave}
			return newStream(in.Session, "System.IO.Compression."+name, u), nil
		}
		if !write {
			return nil, badArgument(in.Session, either(in.Session, "The base stream is not writeable.", "Stream does not support writing."), "stream")
		}
		level := int64(0)
		if strings.HasSuffix(e.Type.Name, "Level") {
			level = e.Value
		}
		p := &packer{s: in.Session, name: "System.IO.Compression." + name, kind: kind, level: level, inner: inner, object: object(in, 0), leave: leave}
		left(in.Session).writers[p] = true
		return newStream(in.Session, "System.IO.Compression."+name, p), nil
	}
}

// packing is a format around deflate.
type packing byte

const (
	deflatePacking packing = iota
	gzipPacking
	zlibPacking
)

// unpacker is a stream that unpacks another one.
type unpacker struct {
	noStream
	s      *ps.Session
	kind   packing
	inner  *Stream
	object *ps.Object
	leave  bool
	r      io.Reader
}

func (u *unpacker) base() *ps.Object        { return u.object }
func (u *unpacker) can() (bool, bool, bool) { return true, false, false }

func (u *unpacker) read(p []byte) (int, error) {
	if u.r == nil {
		r, err := u.kind.reader(u.inner)
		if err == io.EOF {
			return 0, err // nothing packed is nothing
		}
		if err != nil {
			return 0, u.corrupt(err)
		}
		u.r = r
	}
	n, err := u.r.Read(p)
	if err != nil && err != io.EOF {
		err = u.corrupt(err)
	}
	return n, err
}

// corrupt is the exception for data that cannot be unpacked.
func (u *unpacker) corrupt(err error) error {
	if isException(err) || isWindows(err) {
		return err
	}
	text := "The archive entry was compressed using an unsupported compression method."
	if desktop(u.s) {
		text = "Block length does not match with its complement."
		if u.kind == gzipPacking && u.r == nil {
			text = "The magic number in GZip header is not correct. Make sure you are passing in a GZip stream."
		}
	}
	return throw(invalidData, text)
}

func (u *unpacker) close(ctx context.Context) error {
	if u.leave {
		return nil
	}
	return u.inner.close(ctx)
}

// packer is a stream that packs into another one.
type packer struct {
	noStream
	s      *ps.Session
	name   string
	kind   packing
	level  int64
	inner  *Stream
	object *ps.Object
	leave  bool
	out    *writerTo
	w      io.WriteCloser
}

func (p *packer) holds() string {
	if p.w == nil {
		return ""
	}
	return p.name
}

func (p *packer) base() *ps.Object        { return p.object }
func (p *packer) can() (bool, bool, bool) { return false, true, false }

// ready starts the packing. What it writes goes to the inner stream with the
// context of the call.
func (p *packer) ready(ctx context.Context) error {
	if p.w == nil {
		p.out = &writerTo{}
		w, err := p.kind.writer(p.out, p.level)
		if err != nil {
			return err
		}
		p.w = w
	}
	p.out.run = func(b []byte) error { return p.inner.write(ctx, b) }
	return nil
}

func (p *packer) write(ctx context.Context, b []byte) error {
	if err := p.ready(ctx); err != nil {
		return err
	}
	_, err := p.w.Write(b)
	return err
}

func (p *packer) flush(ctx context.Context) error {
	if p.w == nil {
		return nil
	}
	if err := p.ready(ctx); err != nil {
		return err
	}
	if f, ok := p.w.(interface{ Flush() error }); ok {
		return f.Flush()
	}
	return nil
}

func (p *packer) close(ctx context.Context) error {
	delete(left(p.s).writers, p)
	if p.w != nil {
		if err := p.ready(ctx); err != nil {
			return err
		}
		if err := p.w.Close(); err != nil {
			return err
		}
	}
	if p.leave {
		return nil
	}
	return p.inner.close(ctx)
}
