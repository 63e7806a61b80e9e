package psnet

import (
	"context"
	"io"
	"strings"

	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/run/winsh/ps"
	"github.com/casement/casement/internal/winmeta"
)

type openFilesKey struct{}

// openFiles are the streams of files that nobody has closed.
func openFiles(s *ps.Session) map[*file]bool {
	return s.Value(openFilesKey{}, func() any { return map[*file]bool{} }).(map[*file]bool)
}

// openFile opens a file as FileStream does.
func openFile(ctx context.Context, s *ps.Session, path string, mode, access int64) (*file, error) {
	p, err := full(s, path)
	if err != nil {
		return nil, err
	}
	f := &file{s: s, path: p, mayR: access&1 != 0, mayW: access&2 != 0}
	if !f.mayW && mode != modeOpen && mode != modeOpenOrCreate {
		name := s.EnumName(s.Enum("System.IO.FileMode", mode))
		return nil, badArgument(s, "Combining FileMode: "+name+" with FileAccess: Read is invalid.", "access")
	}
	if mode == modeAppend && f.mayR {
		return nil, badArgument(s, "Append access can be requested only in write-only mode.", "access")
	}
	if err := f.start(ctx, mode); err != nil {
		return nil, ioError(s, err)
	}
	openFiles(s)[f] = true
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

func newFileStream(s *ps.Session, f *file) *ps.Object { return newStream(s, fileStream, f) }

// defaultAccess is the access where none is given.
func defaultAccess(mode int64) int64 {
	if mode == modeAppend {
		return 2
	}
	return 3
}

func newFile(ctx context.Context, in *ps.Invoke) (any, error) {
	mode := enumArg(in, 1)
	access := defaultAccess(mode)
	if len(in.Args) > 2 {
		access = enumArg(in, 2)
	}
	f, err := openFile(ctx, in.Session, in.String(0), mode, access)
	if err != nil {
		return nil, err
	}
	return newFileStream(in.Session, f), nil
}

// fileStreamTypes has FileStream and how files are opened.
func fileStreamTypes() []*ps.Type {
	const mode, access, share = "string path, System.IO.FileMode mode", ", System.IO.FileAccess access", ", System.IO.FileShare share"
	return []*ps.Type{
		{
			Name: fileStream, Base: "System.IO.Stream",
			New: overloads(newFile, mode, mode+access, mode+access+share, mode+access+share+", int bufferSize",
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
		p := &packer{kind: kind, level: level, inner: inner, object: object(in, 0), leave: leave}
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
	kind   packing
	level  int64
	inner  *Stream
	object *ps.Object
	leave  bool
	out    *writerTo
	w      io.WriteCloser
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
