package psnet

import (
	"bytes"
	"context"
	"io"
	"strings"
	"time"

	"github.com/casement/casement/internal/run/winsh/fetch"
	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/run/winsh/ps"
	"github.com/casement/casement/internal/tree"
)

// zipEntry is the Data of a ZipArchiveEntry.
type zipEntry struct {
	a     *zipArchive
	e     *fetch.ZipEntry // nil for a new one
	name  string
	mod   time.Time
	level fetch.ZipLevel
	buf   *memory // the content of a new or changed entry
	gone  bool
}

func (e *zipEntry) add(w *fetch.ZipWriter) error {
	if strings.HasSuffix(e.name, "/") || strings.HasSuffix(e.name, `\`) {
		return w.AddDir(e.name, e.mod.In(zone(e.a.s)))
	}
	b := e.buf.b
	e.buf = &memory{s: e.a.s, readOnly: true}
	return w.Add(e.name, e.mod.In(zone(e.a.s)), e.level, bytes.NewReader(b))
}

func entrySelf(in *ps.Invoke) *zipEntry { return in.Data().(*zipEntry) }

func zipEntryMembers() []ps.Member {
	size := func(name string, get func(e *zipEntry) int64) ps.Member {
		return ps.Prop(name, "long", can(func(in *ps.Invoke) (any, error) {
			if e := entrySelf(in); e.a.mode == zipCreate {
				return nil, throw(invalidOperation, "Length properties are unavailable once an entry has been opened for writing.")
			}
			return get(entrySelf(in)), nil
		}))
	}
	list := []ps.Member{
		prop("Archive", zipName, func(in *ps.Invoke) any { return in.Session.Object(zipName, entrySelf(in).a) }),
		size("CompressedLength", func(e *zipEntry) int64 {
			if e.e == nil {
				return int64(len(e.buf.b))
			}
			return e.e.Packed
		}),
		prop("ExternalAttributes", "int", func(in *ps.Invoke) any {
			if e := entrySelf(in).e; e != nil {
				return int32(uint32(e.UnixMode)<<16 | uint32(e.Attributes))
			}
			return int32(0)
		}),
		prop("FullName", "string", func(in *ps.Invoke) any { return entrySelf(in).name }),
		prop("LastWriteTime", offsetName, func(in *ps.Invoke) any {
			e := entrySelf(in)
			if e.e == nil {
				return newOffset(in.Session, e.mod)
			}
			t := e.mod
			return newOffset(in.Session, time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), 0, zone(in.Session)))
		}).With(func(_ context.Context, in *ps.Invoke) error {
			if o, ok := dataOf[offset](in, 0); ok {
				entrySelf(in).mod = o.t
			}
			return nil
		}),
		size("Length", func(e *zipEntry) int64 {
			if e.buf != nil {
				return int64(len(e.buf.b))
			}
			return e.e.Size
		}),
		prop("Name", "string", func(in *ps.Invoke) any { return fileName(entrySelf(in).name) }),
		method("Open", "System.IO.Stream", openEntry, ""),
		method("Delete", "void", do(func(in *ps.Invoke) error {
			e := entrySelf(in)
			if e.a.mode != zipUpdate {
				return throw(notSupported, "Delete can only be used when the archive is in Update mode.")
			}
			e.gone = true
			return e.a.open()
		}), ""),
	}
	return append(list, only(ps.Core, prop("Crc32", "uint", func(in *ps.Invoke) any {
		if e := entrySelf(in).e; e != nil {
			return e.CRC
		}
		return uint32(0)
	}))...)
}

// openEntry opens the content of an entry: to read it, or to write it anew.
func openEntry(_ context.Context, in *ps.Invoke) (any, error) {
	e := entrySelf(in)
	if err := e.a.open(); err != nil {
		return nil, err
	}
	if e.a.mode == zipRead {
		r, err := e.a.z.Open(e.e)
		if err != nil {
			return nil, zipError(in.Session, err)
		}
		return readStream(in.Session, "System.IO.Compression.DeflateStream", r, e.e.Size, r.Close), nil
	}
	if e.buf == nil {
		r, err := e.a.z.Open(e.e)
		if err != nil {
			return nil, zipError(in.Session, err)
		}
		defer r.Close()
		b, err := readBody(in.Session, r)
		if err != nil {
			return nil, zipError(in.Session, err)
		}
		e.buf = &memory{s: in.Session, b: b}
	}
	e.buf.pos = 0
	return newStream(in.Session, "System.IO.Stream", e.buf), nil
}

func zipExtensionMembers() []ps.Member {
	const entry, archive = zipEntryName + " source, string destinationFileName", zipName + " source, string destinationDirectoryName"
	toDirectory := func(ctx context.Context, in *ps.Invoke) (any, error) {
		a, ok := dataOf[*zipArchive](in, 0)
		if !ok {
			return nil, nullArgument(in.Session, "source")
		}
		dest, err := full(in.Session, in.String(1))
		if err != nil || a.z == nil {
			return nil, err
		}
		return nil, zipError(in.Session, fetch.Unzip(ctx, fsOf(in), a.z, dest, fetch.UnzipOptions{Overwrite: len(in.Args) > 2 && in.Bool(2), Sanitize: !desktop(in.Session)}))
	}
	const create = zipName + " destination, string sourceFileName, string entryName"
	return []ps.Member{
		static("ExtractToFile", "void", extractEntry, entry, entry+", bool overwrite"),
		also(static("ExtractToDirectory", "void", toDirectory, archive), of(ps.Core, overloads(toDirectory, archive+", bool overwriteFiles")...)...),
		static("CreateEntryFromFile", zipEntryName, createFromFile, create, create+", System.IO.Compression.CompressionLevel compressionLevel"),
	}
}

// dataAndPath are the first two arguments: an object, whose parameter has a name,
// and the path of a file.
func dataAndPath[T any](in *ps.Invoke, param string) (data T, path string, err error) {
	data, ok := dataOf[T](in, 0)
	if !ok {
		return data, "", nullArgument(in.Session, param)
	}
	path, err = full(in.Session, in.String(1))
	return data, path, err
}

// extractEntry is ZipFileExtensions.ExtractToFile.
func extractEntry(ctx context.Context, in *ps.Invoke) (any, error) {
	s := in.Session
	e, path, err := dataAndPath[*zipEntry](in, "source")
	if err != nil {
		return nil, err
	}
	var r io.Reader
	if e.buf != nil {
		r = bytes.NewReader(e.buf.b)
	} else {
		c, err := e.a.z.Open(e.e)
		if err != nil {
			return nil, zipError(s, err)
		}
		defer c.Close()
		r = c
	}
	o := machine.CreateOptions{New: len(in.Args) < 3 || !in.Bool(2)}
	if e.e != nil {
		o.Times = tree.Times{Modified: e.mod}
	}
	_, err = fetch.Save(ctx, fsOf(in), path, r, o, nil)
	return nil, zipError(s, err)
}

// createFromFile is ZipFileExtensions.CreateEntryFromFile. The file goes into a
// new archive as a stream.
func createFromFile(ctx context.Context, in *ps.Invoke) (any, error) {
	s := in.Session
	a, path, err := dataAndPath[*zipArchive](in, "destination")
	if err != nil {
		return nil, err
	}
	info, err := fsOf(in).Stat(ctx, path)
	if err != nil {
		return nil, ioError(s, err)
	}
	v, err := a.create(ctx, in.String(2), zipLevel(enumArg(in, 3)))
	if err != nil {
		return nil, err
	}
	e := v.(*ps.Object).Data.(*zipEntry)
	e.mod = info.Times.Modified
	if a.mode == zipCreate {
		a.pending = nil
		a.out.run = func(p []byte) error { return a.stream.write(ctx, p) }
		return v, zipError(s, packFile(ctx, in, a.w, path, e.name, e.mod, e.level))
	}
	e.buf.b, err = fsOf(in).ReadFile(ctx, path, s.Machine().Limits().Memory)
	return v, ioError(s, err)
}
