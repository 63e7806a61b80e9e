package pscmd

import (
	"bufio"
	"context"
	"errors"
	"io"
	"strings"

	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/run/winsh/ps"
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
		NoNewline switch dynamic
		AsByteStream switch 7 dynamic
		Stream string dynamic !alternate data streams do not exist in image layers
		UseTransaction|usetx switch 5.1 !registry transactions need Windows` + encodingParameter
	const paths = `
		Path string[] @1 mandatory property {Path}
		LiteralPath|PSPath|LP string[] mandatory property {LiteralPath}`
	return []*ps.Cmdlet{
		{
			Name: "Get-Content", Aliases: []string{"cat", "gc", "type"}, Module: moduleManagement, DefaultSet: "Path",
			Syntax: params(`
				Path string[] @1 mandatory property {Path}
				LiteralPath|PSPath|LP string[] mandatory property {LiteralPath}
				ReadCount long property
				TotalCount|First|Head long property range=0..9223372036854775807
				Tail|Last int property range=0..2147483647
				Filter string
				Include string[]
				Exclude string[]
				Force switch
				Credential object ` + noCredential + `
				Delimiter string dynamic
				Wait switch dynamic !it waits for other programs to write the file
				Raw switch dynamic
				AsByteStream switch 7 dynamic
				Stream string dynamic !alternate data streams do not exist in image layers
				UseTransaction|usetx switch 5.1 !registry transactions need Windows` + encodingParameter),
			Process: getContent,
		},
		{
			Name: "Set-Content", Aliases51: []string{"sc"}, Module: moduleManagement, DefaultSet: "Path", ShouldProcess: true,
			Syntax: params(paths + writer), Start: writeContent(false),
		},
		{
			Name: "Add-Content", Aliases: []string{"ac"}, Module: moduleManagement, DefaultSet: "Path", ShouldProcess: true,
			Syntax: params(paths + writer), Start: writeContent(true),
		},
		{
			Name: "Clear-Content", Aliases: []string{"clc"}, Module: moduleManagement, DefaultSet: "Path", ShouldProcess: true,
			Syntax: params(paths + `
				Filter string
				Include string[]
				Exclude string[]
				Force switch
				Credential object ` + noCredential + `
				Stream string dynamic !alternate data streams do not exist in image layers`),
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
	f := newFinder(c)
	f.needed = true
	return f.each(ctx, c, func(n *node) error { return r.node(ctx, n) })
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
		next = delimited(text, r.delimiter, s.Edition() == ps.Desktop)
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

// delimited reads up to a delimiter, which is left out unless keep says otherwise.
func delimited(r *bufio.Reader, delimiter string, keep bool) func() (string, bool, error) {
	last := delimiter[len(delimiter)-1]
	return func() (string, bool, error) {
		var b []byte
		for {
			part, err := r.ReadSlice(last)
			b = append(b, part...)
			if err == nil && strings.HasSuffix(string(b), delimiter) {
				if !keep {
					b = b[:len(b)-len(delimiter)]
				}
				return string(b), true, nil
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
	from := origin(r.c.Session, n.Path)
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
			if err := r.c.Write(ctx, line(from, v, count)); err != nil {
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

// origin is what a line of text knows of the item that it comes from. Its paths
// are those of the session and not the provider's.
func origin(s *ps.Session, p ps.Path) []ps.Property {
	list := []ps.Property{{Name: "PSPath", Value: p.String()}, {Name: "PSParentPath", Value: ""}, {Name: "PSChildName", Value: leafOf(p)}}
	if up, ok := parent(p); ok {
		list[1].Value = up.String()
	}
	if p.Drive != nil {
		list = append(list, ps.Property{Name: "PSDrive", Value: driveObject(s, p.Drive)})
	}
	return append(list, ps.Property{Name: "PSProvider", Value: providerObject(s, p.Provider)})
}

// line adds to a line of text where it comes from.
func line(from []ps.Property, v any, count int) any {
	text, ok := v.(string)
	if !ok {
		return v
	}
	x := &ps.Extended{Value: text}
	for _, p := range from {
		x.Add(p)
	}
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
