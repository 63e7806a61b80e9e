package psnet

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"time"

	"github.com/casement/casement/internal/run/winsh/fetch"
	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/run/winsh/ps"
	"github.com/casement/casement/internal/run/winsh/pscmd"
)

const (
	zipName      = "System.IO.Compression.ZipArchive"
	zipEntryName = "System.IO.Compression.ZipArchiveEntry"
	zipAssembly  = "System.IO.Compression.FileSystem"
)

// Modes of ZipArchive.
const (
	zipRead = iota
	zipCreate
	zipUpdate
)

// zipArchive is the Data of a ZipArchive.
type zipArchive struct {
	s      *ps.Session
	mode   int64
	z      *fetch.Zip // what was there; nil for a new archive
	list   []*ps.Object
	stream *Stream
	leave  bool
	closed bool
	// w writes a new archive; pending is the entry whose content is not there yet.
	w       *fetch.ZipWriter
	out     *writerTo
	pending *zipEntry
}

func zipTypes() []*ps.Type {
	const stream, mode = "System.IO.Stream stream", ", System.IO.Compression.ZipArchiveMode mode"
	return []*ps.Type{
		{Name: "System.IO.Compression.ZipFile", Abstract: true, Assembly: zipAssembly, Members: zipFileMembers},
		{Name: "System.IO.Compression.ZipFileExtensions", Abstract: true, Assembly: zipAssembly, Members: zipExtensionMembers},
		{
			Name: zipName, Implements: []string{"System.IDisposable"}, Members: zipArchiveMembers,
			New: overloads(newZipArchive, stream, stream+mode, stream+mode+", bool leaveOpen", stream+mode+", bool leaveOpen, System.Text.Encoding entryNameEncoding"),
		},
		{Name: zipEntryName, Members: zipEntryMembers, String: func(v any) string { return v.(*ps.Object).Data.(*zipEntry).name }},
		names("System.IO.Compression.ZipArchiveMode", "Read", "Create", "Update"),
	}
}

// zipError makes the exception for an archive that is wrong.
func zipError(s *ps.Session, err error) error {
	var f *fetch.FormatError
	if !errors.As(err, &f) {
		return ioError(s, err)
	}
	if errors.Is(f, fetch.ErrOutside) {
		return throw(ioException, f.Text)
	}
	return throw(invalidData, f.Text)
}

// openZip opens the archive in a stream.
func openZip(ctx context.Context, s *ps.Session, stream *Stream, mode int64, leave bool) (*zipArchive, error) {
	a := &zipArchive{s: s, mode: mode, stream: stream, leave: leave}
	if mode == zipCreate {
		a.out = &writerTo{}
		a.w = fetch.NewZipWriter(a.out)
		left(s).writers[a] = true
		return a, nil
	}
	if mode == zipUpdate {
		left(s).writers[a] = true
	}
	at, size, err := stream.at(ctx, s)
	if err != nil {
		return nil, err
	}
	if mode == zipUpdate && size == 0 {
		return a, nil
	}
	if a.z, err = fetch.OpenZip(at, size, fetch.NamesUTF8); err != nil {
		return nil, zipError(s, err)
	}
	for i := range a.z.Entries {
		e := &a.z.Entries[i]
		a.list = append(a.list, s.Object(zipEntryName, &zipEntry{a: a, e: e, name: e.Name, mod: e.DOSTime}))
	}
	return a, nil
}

func newZipArchive(ctx context.Context, in *ps.Invoke) (any, error) {
	stream, err := streamArg(in, 0, "stream")
	if err != nil {
		return nil, err
	}
	a, err := openZip(ctx, in.Session, stream, enumArg(in, 1), len(in.Args) > 2 && in.Bool(2))
	if err != nil {
		return nil, err
	}
	return in.Session.Object(zipName, a), nil
}

// openZipFile is ZipFile.Open.
func openZipFile(ctx context.Context, s *ps.Session, path string, mode int64) (*ps.Object, error) {
	how, access, share := int64(modeOpen), int64(1), int64(shareNone)
	switch mode {
	case zipRead:
		share = shareRead
	case zipCreate:
		how, access = modeCreateNew, 2
	case zipUpdate:
		how, access = modeOpenOrCreate, 3
	}
	f, err := openFile(ctx, s, path, how, access, share)
	if err != nil {
		return nil, err
	}
	a, err := openZip(ctx, s, newFileStream(s, f).Data.(*Stream), mode, false)
	if err != nil {
		return nil, errors.Join(err, f.close(ctx))
	}
	return s.Object(zipName, a), nil
}

func zipFileMembers() []ps.Member {
	const source, dest, enc = "string sourceArchiveFileName", ", string destinationDirectoryName", ", System.Text.Encoding entryNameEncoding"
	open := func(ctx context.Context, in *ps.Invoke) (any, error) {
		mode := int64(zipRead)
		if len(in.Args) > 1 {
			mode = enumArg(in, 1)
		}
		return openZipFile(ctx, in.Session, in.String(0), mode)
	}
	const from, to = "string sourceDirectoryName", ", string destinationArchiveFileName"
	extract := static("ExtractToDirectory", "void", extractZip, source+dest, source+dest+enc)
	return []ps.Member{
		static("OpenRead", zipName, open, "string archiveFileName"),
		static("Open", zipName, open, "string archiveFileName, System.IO.Compression.ZipArchiveMode mode", "string archiveFileName, System.IO.Compression.ZipArchiveMode mode"+enc),
		also(extract, of(ps.Core, overloads(extractZip, source+dest+", bool overwriteFiles", source+dest+enc+", bool overwriteFiles")...)...),
		static("CreateFromDirectory", "void", packDirectory, from+to, from+to+", System.IO.Compression.CompressionLevel compressionLevel, bool includeBaseDirectory",
			from+to+", System.IO.Compression.CompressionLevel compressionLevel, bool includeBaseDirectory"+enc),
	}
}

// extractZip is ZipFile.ExtractToDirectory.
func extractZip(ctx context.Context, in *ps.Invoke) (any, error) {
	s := in.Session
	path, err := full(s, in.String(0))
	if err != nil {
		return nil, err
	}
	dest, err := full(s, in.String(1))
	if err != nil {
		return nil, err
	}
	f, err := fsOf(in).Open(ctx, path)
	if err != nil {
		return nil, ioError(s, err)
	}
	defer f.Close()
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, err
	}
	names := fetch.NamesUTF8
	if desktop(s) {
		names = fetch.NamesANSI
	}
	z, err := fetch.OpenZip(f, size, names)
	if err != nil {
		return nil, zipError(s, err)
	}
	overwrite, _ := lastArg(in).(bool)
	return nil, zipError(s, fetch.Unzip(ctx, fsOf(in), z, dest, fetch.UnzipOptions{Overwrite: overwrite, Sanitize: !desktop(s)}))
}

// zipLevel is a CompressionLevel of .NET.
func zipLevel(n int64) fetch.ZipLevel {
	return []fetch.ZipLevel{fetch.ZipOptimal, fetch.ZipFastest, fetch.ZipNoCompression, fetch.ZipSmallest}[min(max(n, 0), 3)]
}

// packDirectory is ZipFile.CreateFromDirectory. Names of entries have backslashes
// in 5.1, which .NET Framework keeps to for old programs.
func packDirectory(ctx context.Context, in *ps.Invoke) (any, error) {
	s := in.Session
	dir, err := full(s, in.String(0))
	if err != nil {
		return nil, err
	}
	dest, err := full(s, in.String(1))
	if err != nil {
		return nil, err
	}
	out, err := fsOf(in).Create(ctx, dest, machine.CreateOptions{New: true})
	if err != nil {
		return nil, ioError(s, err)
	}
	base := strings.TrimRight(dir, `\`)
	if len(in.Args) > 3 && in.Bool(3) {
		base = base[:strings.LastIndexByte(base, '\\')]
	}
	z := fetch.NewZipWriter(out)
	err = packInto(ctx, in, z, dir, base, zipLevel(enumArg(in, 2)))
	if err == nil {
		err = z.Close()
	}
	if err := errors.Join(err, out.Close()); err != nil {
		return nil, ioError(s, err)
	}
	return nil, nil
}

func packInto(ctx context.Context, in *ps.Invoke, z *fetch.ZipWriter, dir, base string, level fetch.ZipLevel) error {
	infos, err := pscmd.ListFiles(ctx, in.Session, strings.TrimRight(dir, `\`), "*", true, true, true)
	if err != nil {
		return err
	}
	sep := either(in.Session, `\`, "/")
	entry := func(path string) string { return strings.ReplaceAll(path[len(base)+1:], `\`, sep) }
	for _, info := range infos {
		if !info.IsDir() {
			if err := packFile(ctx, in, z, info.Path, entry(info.Path), info.Times.Modified, level); err != nil {
				return err
			}
			continue
		}
		below, err := fsOf(in).ReadDir(ctx, info.Path)
		if err != nil {
			return err
		}
		if len(below) == 0 {
			if err := z.AddDir(entry(info.Path)+sep, info.Times.Modified); err != nil {
				return err
			}
		}
	}
	if len(infos) == 0 && len(base) < len(strings.TrimRight(dir, `\`)) {
		return z.AddDir(entry(strings.TrimRight(dir, `\`))+sep, in.Session.Machine().Now())
	}
	return nil
}

func packFile(ctx context.Context, in *ps.Invoke, z *fetch.ZipWriter, path, name string, mod time.Time, level fetch.ZipLevel) error {
	f, err := fsOf(in).Open(ctx, path)
	if err != nil {
		return err
	}
	defer f.Close()
	return z.Add(name, mod.In(zone(in.Session)), level, f)
}

func zipSelf(in *ps.Invoke) *zipArchive { return in.Data().(*zipArchive) }

func (a *zipArchive) open() error {
	if a.closed {
		return throw("System.ObjectDisposedException", "Cannot access a disposed object.\r\nObject name: 'ZipArchive'.")
	}
	return nil
}

func (a *zipArchive) entries() []*ps.Object {
	var list []*ps.Object
	for _, o := range a.list {
		if !o.Data.(*zipEntry).gone {
			list = append(list, o)
		}
	}
	return list
}

func zipArchiveMembers() []ps.Member {
	end := func(ctx context.Context, in *ps.Invoke) (any, error) {
		return nil, zipError(in.Session, zipSelf(in).close(ctx))
	}
	return []ps.Member{
		ps.Prop("Entries", "System.Collections.ObjectModel.ReadOnlyCollection`1["+zipEntryName+"]", can(func(in *ps.Invoke) (any, error) {
			a := zipSelf(in)
			if a.mode == zipCreate {
				return nil, throw(notSupported, "Cannot access entries in Create mode.")
			}
			items := []any{}
			for _, o := range a.entries() {
				items = append(items, o)
			}
			return &ps.Array{Type: "System.Collections.ObjectModel.ReadOnlyCollection`1[" + zipEntryName + "]", Items: items}, a.open()
		})),
		prop("Mode", "System.IO.Compression.ZipArchiveMode", func(in *ps.Invoke) any {
			return in.Session.Enum("System.IO.Compression.ZipArchiveMode", zipSelf(in).mode)
		}),
		method("GetEntry", zipEntryName, can(func(in *ps.Invoke) (any, error) {
			a := zipSelf(in)
			if a.mode == zipCreate {
				return nil, throw(notSupported, "Cannot access entries in Create mode.")
			}
			for _, o := range a.entries() {
				if o.Data.(*zipEntry).name == in.String(0) {
					return o, nil
				}
			}
			return nil, a.open()
		}), "string entryName"),
		method("CreateEntry", zipEntryName, func(ctx context.Context, in *ps.Invoke) (any, error) {
			return zipSelf(in).create(ctx, in.String(0), zipLevel(enumArg(in, 1)))
		}, "string entryName", "string entryName, System.IO.Compression.CompressionLevel compressionLevel"),
		method("Dispose", "void", end, ""),
	}
}

// create makes a new entry. A new archive is written as the entries come.
func (a *zipArchive) create(ctx context.Context, name string, level fetch.ZipLevel) (any, error) {
	if err := a.open(); err != nil {
		return nil, err
	}
	switch {
	case a.mode == zipRead:
		return nil, throw(notSupported, "Cannot create entries on an archive opened in read mode.")
	case name == "":
		return nil, badArgument(a.s, "String cannot be empty.", "entryName")
	}
	if err := a.finish(ctx); err != nil {
		return nil, err
	}
	e := &zipEntry{a: a, name: name, mod: a.s.Machine().Now(), level: level, buf: &memory{s: a.s}}
	o := a.s.Object(zipEntryName, e)
	a.list = append(a.list, o)
	if a.mode == zipCreate {
		a.pending = e
	}
	return o, nil
}

// finish writes the entry that is not written yet.
func (a *zipArchive) finish(ctx context.Context) error {
	e := a.pending
	if e == nil {
		return nil
	}
	a.pending = nil
	a.out.run = func(p []byte) error { return a.stream.write(ctx, p) }
	return e.add(a.w)
}

// close writes what was made or changed.
func (a *zipArchive) close(ctx context.Context) error {
	if a.closed {
		return nil
	}
	var err error
	switch {
	case a.mode == zipCreate:
		if err = a.finish(ctx); err == nil {
			a.out.run = func(p []byte) error { return a.stream.write(ctx, p) }
			err = a.w.Close()
		}
	case a.mode == zipUpdate:
		err = a.rewrite(ctx)
	}
	a.closed = true
	delete(left(a.s).writers, a)
	if !a.leave {
		err = errors.Join(err, a.stream.close(ctx))
	}
	return err
}

// changed reports whether the archive is not what its file has.
func (a *zipArchive) changed() bool {
	for _, o := range a.list {
		if e := o.Data.(*zipEntry); e.gone || e.buf != nil {
			return true
		}
	}
	return a.z == nil
}

func (a *zipArchive) holds() string {
	if a.mode == zipUpdate && !a.changed() {
		return ""
	}
	return zipName
}

// rewrite makes the archive anew. What has not changed is copied as it is.
func (a *zipArchive) rewrite(ctx context.Context) error {
	if !a.changed() {
		return nil
	}
	var out bytes.Buffer
	w := fetch.NewZipWriter(writerTo{func(p []byte) error {
		out.Write(p)
		return limit(a.s, int64(out.Len()))
	}})
	for _, o := range a.entries() {
		e := o.Data.(*zipEntry)
		if e.buf == nil {
			if err := w.Copy(a.z, e.e); err != nil {
				return err
			}
			continue
		}
		if err := e.add(w); err != nil {
			return err
		}
	}
	if err := w.Close(); err != nil {
		return err
	}
	if _, err := a.stream.b.seek(ctx, 0, io.SeekStart); err != nil {
		return err
	}
	if err := a.stream.b.setLength(ctx, 0); err != nil {
		return err
	}
	return a.stream.write(ctx, out.Bytes())
}
