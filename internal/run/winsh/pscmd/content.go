package pscmd

import (
	"bufio"
	"context"
	"errors"
	"io"
	"io/fs"
	"strings"

	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/run/winsh/ps"
	"github.com/casement/casement/internal/winmeta"
)

// contentCmdlets read and write what is in items.
func contentCmdlets() []*ps.Cmdlet {
	const writer = `
		Value object @2 mandatory null empty pipeline property
		PassThru switch
		Filter string
		Include string[]
		Exclude string[]
		Force switch
		Credential object ` + noCredential + `
		NoNewline switch
		AsByteStream switch 7
		Stream string !alternate data streams do not exist in image layers
		UseTransaction|usetx switch 5.1 !registry transactions need Windows` + encodingParameter
	const paths = `
		Path string[] @1 mandatory property {Path}
		LiteralPath|PSPath|LP string[] mandatory property {LiteralPath}`
	return []*ps.Cmdlet{
		{
			Name: "Get-Content", Aliases: []string{"cat", "gc", "type"}, Module: moduleManagement, DefaultSet: "Path",
			Parameters: params(`
				Path string[] @1 mandatory property {Path}
				LiteralPath|PSPath|LP string[] mandatory property {LiteralPath}
				ReadCount long property
				TotalCount|First|Head long property
				Tail|Last int property
				Filter string
				Include string[]
				Exclude string[]
				Force switch
				Credential object ` + noCredential + `
				Delimiter string
				Wait switch !it waits for other programs to write the file
				Raw switch
				AsByteStream switch 7
				Stream string !alternate data streams do not exist in image layers
				UseTransaction|usetx switch 5.1 !registry transactions need Windows` + encodingParameter),
			Process: getContent,
		},
		{
			Name: "Set-Content", Aliases51: []string{"sc"}, Module: moduleManagement, DefaultSet: "Path", ShouldProcess: true,
			Parameters: params(paths + writer), Start: writeContent(false),
		},
		{
			Name: "Add-Content", Aliases: []string{"ac"}, Module: moduleManagement, DefaultSet: "Path", ShouldProcess: true,
			Parameters: params(paths + writer), Start: writeContent(true),
		},
		{
			Name: "Clear-Content", Aliases: []string{"clc"}, Module: moduleManagement, DefaultSet: "Path", ShouldProcess: true,
			Parameters: params(paths + `
				Filter string
				Include string[]
				Exclude string[]
				Force switch
				Credential object ` + noCredential + `
				Stream string !alternate data streams do not exist in image layers`),
			Process: clearContent,
		},
	}
}

// openFiles is the key of a context that says which files are being read by
// cmdlets further up the pipeline: they cannot be replaced meanwhile.
type openFiles struct{}

type openFile struct {
	path string
	up   *openFile
}

func withOpen(ctx context.Context, path string) context.Context {
	up, _ := ctx.Value(openFiles{}).(*openFile)
	return context.WithValue(ctx, openFiles{}, &openFile{strings.ToUpper(path), up})
}

// isOpen reports whether a file is being read further up.
func isOpen(ctx context.Context, path string) bool {
	path = strings.ToUpper(path)
	for f, _ := ctx.Value(openFiles{}).(*openFile); f != nil; f = f.up {
		if f.path == path {
			return true
		}
	}
	return false
}

// reading is one call of Get-Content.
type reading struct {
	c       *ps.Call
	charset *Charset
	bytes   bool
	// batch is -ReadCount, total -TotalCount, tail -Tail; -1 is not given.
	batch, total, tail int
	raw                bool
	delimiter          string
}

func getContent(ctx context.Context, c *ps.Call) error {
	r := &reading{c: c, batch: c.Int("ReadCount", 1), total: c.Int("TotalCount", -1), tail: c.Int("Tail", -1), raw: c.Switch("Raw")}
	var err error
	if r.charset, r.bytes, err = charsetOf(c, "Encoding", defaultCharset(c.Session)); err != nil {
		return err
	}
	r.bytes = r.bytes || c.Switch("AsByteStream")
	if c.Has("Delimiter") {
		r.delimiter = c.String("Delimiter")
	}
	if r.total >= 0 && r.tail >= 0 {
		return c.Error(ctx, fail(invalidOperation, "The parameters TotalCount and Tail cannot be used together. Please specify only one parameter.", "TailAndHeadCannotCoexist", ps.InvalidOperation, nil))
	}
	if r.total == 0 {
		return nil
	}
	return newFinder(c).each(ctx, c, func(n *node) error { return r.node(ctx, n) })
}

func (r *reading) node(ctx context.Context, n *node) error {
	switch n.Provider {
	case fileSystem:
		return r.file(ctx, n)
	case registry:
		return r.c.Error(ctx, fail(psNotSupported, "Cannot use interface. The IContentCmdletProvider interface is not implemented by this provider.", "NotSupported", ps.NotImplemented, nil))
	}
	v := flatOf(n.Provider).content(n.value)
	return r.c.WriteEach(ctx, v)
}

func (r *reading) file(ctx context.Context, n *node) error {
	s := r.c.Session
	dir, err := isDir(ctx, s, n.Name)
	if err != nil {
		return report(ctx, r.c, err)
	}
	if dir && s.Edition() == ps.Core {
		return r.c.Error(ctx, fail(invalidOperation, "Unable to get content because it is a directory: '"+n.Name+"'. Please use 'Get-ChildItem' instead.", "GetContainerContentException", ps.InvalidOperation, nil))
	}
	if dir {
		return r.c.Error(ctx, fail(unauthorized, "Access to the path '"+n.Name+"' is denied.", "GetContentReaderUnauthorizedAccessError", ps.PermissionDenied, n.Name))
	}
	f, err := s.Machine().FS().Open(ctx, n.Name)
	if err != nil {
		return contentError(ctx, r.c, "GetContentReader", ps.ReadError, n.Name, err)
	}
	defer f.Close()
	ctx = withOpen(ctx, n.Name)
	if r.bytes {
		return r.readBytes(ctx, f, n)
	}
	text, err := r.charset.NewReader(f)
	if err != nil {
		return err
	}
	next := func() (string, bool, error) { return readLine(text) }
	switch {
	case r.raw:
		next = once(text)
	case r.delimiter != "":
		next = delimited(text, r.delimiter)
	}
	return r.pump(ctx, n, func() (any, bool, error) { return anyOf(next()) })
}

func anyOf(s string, ok bool, err error) (any, bool, error) { return s, ok, err }

// contentError reports an error of opening a file for its content.
func contentError(ctx context.Context, c *ps.Call, stem string, cat ps.Category, path string, err error) error {
	if fatal(err) {
		return err
	}
	x := ps.ToException(err)
	switch x.Type {
	case fileNotFound:
		return reportAs(ctx, c, err, stem+"FileNotFoundError", ps.ObjectNotFound, path)
	case directoryNotFound:
		return reportAs(ctx, c, err, stem+"DirectoryNotFoundError", ps.ObjectNotFound, path)
	case unauthorized:
		return reportAs(ctx, c, err, stem+"UnauthorizedAccessError", ps.PermissionDenied, path)
	}
	return reportAs(ctx, c, err, stem+"IOError", cat, path)
}

// readLine reads a line without its end, which may be LF, CR or both.
func readLine(r *bufio.Reader) (string, bool, error) {
	var long []byte
	for {
		buf, err := r.Peek(max(1, r.Buffered()))
		if len(buf) == 0 {
			if err != nil && !errors.Is(err, io.EOF) {
				return "", false, err
			}
			return string(long), len(long) > 0, nil
		}
		i := 0
		for i < len(buf) && buf[i] != '\n' && buf[i] != '\r' {
			i++
		}
		long = append(long, buf[:i]...)
		if i == len(buf) {
			if _, err := r.Discard(i); err != nil {
				return "", false, err
			}
			continue
		}
		cr := buf[i] == '\r'
		if _, err := r.Discard(i + 1); err != nil {
			return "", false, err
		}
		if cr {
			if b, err := r.Peek(1); err == nil && b[0] == '\n' {
				_, _ = r.Discard(1)
			}
		}
		return string(long), true, nil
	}
}

// once reads all that there is as one text; an empty file gives nothing.
func once(r *bufio.Reader) func() (string, bool, error) {
	done := false
	return func() (string, bool, error) {
		if done {
			return "", false, nil
		}
		done = true
		b, err := io.ReadAll(r)
		return string(b), len(b) > 0, err
	}
}

// delimited reads up to a delimiter, which is left out.
func delimited(r *bufio.Reader, delimiter string) func() (string, bool, error) {
	last := delimiter[len(delimiter)-1]
	return func() (string, bool, error) {
		var b []byte
		for {
			part, err := r.ReadSlice(last)
			b = append(b, part...)
			if err == nil && strings.HasSuffix(string(b), delimiter) {
				return string(b[:len(b)-len(delimiter)]), true, nil
			}
			if errors.Is(err, io.EOF) {
				return string(b), len(b) > 0, nil
			}
			if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
				return "", false, err
			}
		}
	}
}

// readBytes writes the bytes of a file: one by one, in arrays, or as one array.
func (r *reading) readBytes(ctx context.Context, f io.Reader, n *node) error {
	if r.raw || r.batch == 0 && r.total < 0 && r.tail < 0 {
		limit := r.c.Session.Machine().Limits().Memory
		b, err := io.ReadAll(io.LimitReader(f, limit+1))
		if err != nil {
			return err
		}
		if int64(len(b)) > limit {
			return machine.Refuse("Get-Content "+n.Name, "the file is too large to be held as one value", "use Copy-Item or a download that writes to the file")
		}
		if len(b) == 0 {
			return nil
		}
		return r.c.Write(ctx, &ps.Bytes{B: b})
	}
	br := bufio.NewReaderSize(f, 64<<10)
	return r.pump(ctx, n, func() (any, bool, error) {
		b, err := br.ReadByte()
		if errors.Is(err, io.EOF) {
			return nil, false, nil
		}
		return b, err == nil, err
	})
}

// pump writes what next gives, as many as are wanted.
func (r *reading) pump(ctx context.Context, n *node, next func() (any, bool, error)) error {
	if r.tail >= 0 && !r.raw {
		var err error
		if next, err = lastOf(next, r.tail); err != nil {
			return err
		}
	}
	m := r.c.Session.Machine()
	var batch []any
	count := 0
	flush := func() error {
		if len(batch) == 0 {
			return nil
		}
		a := ps.NewArray(batch...)
		batch = nil
		return r.c.Write(ctx, a)
	}
	for r.total < 0 || count < r.total {
		v, ok, err := next()
		if err != nil {
			return err
		}
		if !ok {
			break
		}
		count++
		if err := m.Tick(ctx); err != nil {
			return err
		}
		if r.batch == 1 {
			if err := r.c.Write(ctx, r.line(n, v, count)); err != nil {
				return err
			}
			continue
		}
		batch = append(batch, v)
		if r.batch > 0 && len(batch) == r.batch {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	return flush()
}

// line adds to a line of text what the provider says of where it comes from.
func (r *reading) line(n *node, v any, count int) any {
	text, ok := v.(string)
	if !ok {
		return v
	}
	x := &ps.Extended{Value: text}
	itemProperties(r.c.Session, x, n.Path, false)
	x.Remove("PSIsContainer")
	x.Set("ReadCount", int64(count))
	return x
}

// lastOf keeps the last few of what next gives.
func lastOf(next func() (any, bool, error), keep int) (func() (any, bool, error), error) {
	var ring []any
	for {
		v, ok, err := next()
		if err != nil {
			return nil, err
		}
		if !ok {
			break
		}
		if keep > 0 {
			ring = append(ring, v)
			if len(ring) >= 2*keep+64 {
				ring = append(ring[:0], ring[len(ring)-keep:]...)
			}
		}
	}
	ring = ring[max(0, len(ring)-keep):]
	return func() (any, bool, error) {
		if len(ring) == 0 {
			return nil, false, nil
		}
		v := ring[0]
		ring = ring[1:]
		return v, true, nil
	}, nil
}

// sink is a file that is being written.
type sink struct {
	w         *bufio.Writer
	close     io.Closer
	charset   *Charset
	bytes     bool
	noNewline bool
	// restore are the attributes that -Force has taken away for a while.
	path    string
	restore winmeta.Attributes
	// passThru collects what was written.
	flat *flat
	to   ps.Path
	list []any
}

// writeContent makes the Start of Set-Content and Add-Content.
func writeContent(add bool) func(context.Context, *ps.Call) (ps.Steps, error) {
	return func(_ context.Context, begin *ps.Call) (ps.Steps, error) {
		var sinks []*sink
		opened := false
		// Paths that come through the pipeline are another file each time.
		piped := !begin.Has("Path") && !begin.Has("LiteralPath")
		finish := func(ctx context.Context, c *ps.Call) error {
			var first error
			for _, s := range sinks {
				if err := s.finish(ctx, c); err != nil && first == nil {
					first = err
				}
			}
			sinks = nil
			return first
		}
		return ps.Steps{
			Process: func(ctx context.Context, c *ps.Call) error {
				if !opened || piped {
					err := finish(ctx, c)
					if err != nil {
						return err
					}
					if sinks, err = openSinks(ctx, c, add); err != nil {
						return err
					}
					opened = true
				}
				for _, s := range sinks {
					if err := s.put(ctx, c, c.Value("Value")); err != nil {
						return err
					}
				}
				if c.Switch("PassThru") && len(sinks) > 0 {
					return c.WriteEach(ctx, c.Value("Value"))
				}
				return nil
			},
			End: finish,
		}, nil
	}
}

// openSinks opens all that -Path means: files that do not exist are made.
func openSinks(ctx context.Context, c *ps.Call, add bool) ([]*sink, error) {
	cs, raw, err := charsetOf(c, "Encoding", nil)
	if err != nil {
		return nil, err
	}
	targets, err := contentTargets(ctx, c)
	if err != nil {
		return nil, err
	}
	var list []*sink
	for _, p := range targets {
		action := "Set Content"
		if add {
			action = "Add Content"
		}
		yes, err := c.ShouldProcess(ctx, "Path: "+p.String(), action)
		if err != nil {
			return nil, err
		}
		if !yes {
			continue
		}
		s := &sink{charset: cs, bytes: raw || c.Switch("AsByteStream"), noNewline: c.Switch("NoNewline"), path: p.Name, to: p}
		if p.Provider != fileSystem {
			if p.Provider == registry {
				return nil, fail(psNotSupported, "Cannot use interface. The IContentCmdletProvider interface is not implemented by this provider.", "NotSupported", ps.NotImplemented, nil)
			}
			if _, err := providerOf(p); err != nil {
				return nil, err
			}
			s.flat = flatOf(p.Provider)
			list = append(list, s)
			continue
		}
		ok, err := s.open(ctx, c, add)
		if err != nil {
			return nil, err
		}
		if ok {
			list = append(list, s)
		}
	}
	return list, nil
}

// contentTargets resolves the paths to write to; a wildcard that matches
// nothing is an error.
func contentTargets(ctx context.Context, c *ps.Call) ([]ps.Path, error) {
	f := newFinder(c)
	list, literal := paths(c)
	var out []ps.Path
	for _, path := range list {
		if literal || !ps.HasWildcard(path) && !f.filtered() {
			if !literal {
				path = ps.UnescapeWildcard(path)
			}
			p, err := c.Session.Resolve(path)
			if err != nil {
				if err := report(ctx, c, err); err != nil {
					return nil, err
				}
				continue
			}
			out = append(out, p)
			continue
		}
		nodes, err := f.find(ctx, path, false)
		if err != nil {
			if err := report(ctx, c, err); err != nil {
				return nil, err
			}
			continue
		}
		if len(nodes) == 0 {
			if err := c.Error(ctx, fail("System.Exception", "An object at the specified path "+path+" does not exist, or has been filtered by the -Include or -Exclude parameter.",
				"ItemNotFound", ps.ObjectNotFound, path)); err != nil {
				return nil, err
			}
		}
		for _, n := range nodes {
			out = append(out, n.Path)
		}
	}
	return out, nil
}

// open opens a file. It returns false when an error has been written.
func (s *sink) open(ctx context.Context, c *ps.Call, add bool) (bool, error) {
	f := c.Session.Machine().FS()
	info, err := f.Stat(ctx, s.path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, contentError(ctx, c, "GetContentWriter", ps.WriteError, s.path, err)
	}
	if err == nil && info.IsDir() {
		return false, s.directory(ctx, c)
	}
	exists := err == nil
	if isOpen(ctx, s.path) {
		err := ps.NewException(ioException, "The process cannot access the file '"+s.path+"' because it is being used by another process.")
		return false, s.refusedAccess(c, err, !add)
	}
	if exists && c.Switch("Force") {
		if away := info.Attributes & (winmeta.ReadOnly | winmeta.Hidden); away != 0 {
			s.restore = info.Attributes & writable
			if err := unprotect(ctx, f, s.path, away); err != nil {
				return false, report(ctx, c, err)
			}
		}
	}
	empty := true
	if add && exists && !s.bytes {
		there, err := fileCharset(ctx, f, s.path)
		if err != nil {
			return false, contentError(ctx, c, "GetContentWriter", ps.WriteError, s.path, err)
		}
		if there != nil {
			s.charset = there
		}
		empty = info.Size == 0
	}
	if s.charset == nil {
		s.charset = defaultCharset(c.Session)
	}
	w, err := f.Create(ctx, s.path, machine.CreateOptions{Append: add})
	if err != nil {
		if exists && !add && !fatal(err) {
			return false, s.refusedAccess(c, ps.ToException(err), true)
		}
		return false, contentError(ctx, c, "GetContentWriter", ps.WriteError, s.path, err)
	}
	s.w, s.close = bufio.NewWriterSize(w, 64<<10), w
	if empty && !s.bytes {
		_, err = s.w.Write(s.charset.BOM)
	}
	return err == nil, err
}

// refusedAccess is the error of a file that cannot be emptied, which ends the
// cmdlet.
func (s *sink) refusedAccess(c *ps.Call, x *ps.Exception, clearing bool) error {
	if c.Session.Edition() == ps.Desktop && clearing {
		return ps.Record(x, x.Type, ps.NotSpecified, nil)
	}
	stem, id, cat := "GetContentWriter", "IOError", ps.WriteError
	if clearing {
		stem = "ClearContent"
	}
	if x.Type == unauthorized {
		id, cat = "UnauthorizedAccessError", ps.PermissionDenied
	}
	return ps.Record(x, stem+id, cat, s.path)
}

func (s *sink) directory(ctx context.Context, c *ps.Call) error {
	if c.Session.Edition() == ps.Core {
		return c.Error(ctx, fail(invalidOperation, "Unable to write content because it is a directory: '"+s.path+"'.", "WriteContainerContentException", ps.InvalidOperation, nil))
	}
	return c.Error(ctx, fail(unauthorized, "Access to the path '"+s.path+"' is denied.", "GetContentWriterUnauthorizedAccessError", ps.PermissionDenied, s.path))
}

// put writes one value or the elements of one.
func (s *sink) put(ctx context.Context, c *ps.Call, v any) error {
	if s.flat != nil {
		if ps.IsNull(v) {
			return nil
		}
		s.list = append(s.list, ps.Items(v)...)
		return nil
	}
	if b, ok := ps.Unwrap(v).(*ps.Bytes); ok && s.bytes {
		_, err := s.w.Write(b.B)
		return err
	}
	var err error
	ps.Each(v, func(item any) bool {
		err = s.one(ctx, c, item)
		return err == nil
	})
	return err
}

func (s *sink) one(ctx context.Context, c *ps.Call, v any) error {
	if ps.IsNull(v) {
		return nil
	}
	if s.bytes {
		b, ok := ps.Unwrap(v).(byte)
		if !ok {
			if all, ok := ps.Unwrap(v).(*ps.Bytes); ok {
				_, err := s.w.Write(all.B)
				return err
			}
			n, err := c.Session.CastTo(ctx, v, "byte")
			if _, text := ps.Unwrap(v).(string); err != nil || text {
				return c.Error(ctx, fail(psArgument, "Cannot proceed with byte encoding. When using byte encoding the content must be of type byte.", "ProviderContentWriteError", ps.InvalidOperation, nil))
			}
			b = n.(byte)
		}
		return s.w.WriteByte(b)
	}
	text := c.Session.Display(v)
	if !s.noNewline {
		text += "\r\n"
	}
	_, err := s.w.Write(s.charset.Encode(text))
	return err
}

// finish closes the file; only then it has its content.
func (s *sink) finish(ctx context.Context, c *ps.Call) error {
	if s.flat != nil {
		return report2(ctx, c, s.flat.set(ctx, c.Session, s.to.Name, ps.Collect(s.list)))
	}
	err := s.w.Flush()
	if err2 := s.close.Close(); err == nil {
		err = err2
	}
	if err == nil && s.restore != 0 {
		err = c.Session.Machine().FS().SetAttributes(ctx, s.path, s.restore|winmeta.Archive)
	}
	return err
}

// report2 is report for what may be no error.
func report2(ctx context.Context, c *ps.Call, err error) error {
	if err == nil {
		return nil
	}
	return report(ctx, c, err)
}

func clearContent(ctx context.Context, c *ps.Call) error {
	return newFinder(c).each(ctx, c, func(n *node) error {
		if n.Provider != fileSystem {
			if n.Provider == registry {
				return c.Error(ctx, fail(psNotSupported, "Cannot use interface. The IContentCmdletProvider interface is not implemented by this provider.", "NotSupported", ps.NotImplemented, nil))
			}
			return report2(ctx, c, flatOf(n.Provider).set(ctx, c.Session, n.Name, nil))
		}
		yes, err := c.ShouldProcess(ctx, "Item: "+n.Name, "Clear Content")
		if err != nil || !yes {
			return err
		}
		if n.container {
			if c.Session.Edition() == ps.Core {
				return c.Error(ctx, fail(notSupported, "Unable to clear content of '"+n.Name+"' because it is a directory. Clear-Content is only supported on files.", "ClearDirectoryContent", ps.InvalidOperation, n.Name))
			}
			return c.Error(ctx, fail(unauthorized, "Access to the path '"+n.Name+"' is denied.", "ClearContentUnauthorizedAccessError", ps.PermissionDenied, n.Name))
		}
		s := &sink{path: n.Name, to: n.Path, charset: UTF8(false)}
		ok, err := s.open(ctx, c, false)
		if err != nil || !ok {
			return err
		}
		return s.finish(ctx, c)
	})
}
