package pscmd

import (
	"bufio"
	"context"
	"errors"
	"io"
	"io/fs"

	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/run/winsh/ps"
	"github.com/casement/casement/internal/winmeta"
)

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
					// What was opened before an error is closed at the end.
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
			End:   finish,
			Close: finish,
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
			return list, err
		}
		if !yes {
			continue
		}
		s := &sink{charset: cs, bytes: raw || c.Switch("AsByteStream"), noNewline: c.Switch("NoNewline"), path: p.Name, to: p}
		if p.Provider != fileSystem {
			if p.Provider == registry {
				return list, fail(psNotSupported, "Cannot use interface. The IContentCmdletProvider interface is not implemented by this provider.", "NotSupported", ps.NotImplemented, nil)
			}
			if _, err := providerOf(p); err != nil {
				return list, err
			}
			s.flat = flatOf(p.Provider)
			list = append(list, s)
			continue
		}
		ok, err := s.open(ctx, c, add)
		if err != nil {
			return list, err
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
			if err := c.Error(ctx, nothingThere(path)); err != nil {
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
	look := f.StatDest
	if add {
		look = f.Stat
	}
	info, err := look(ctx, s.path)
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
		return report(ctx, c, s.flat.set(ctx, c.Session, s.to.Name, ps.Collect(s.list)))
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

func clearContent(ctx context.Context, c *ps.Call) error {
	return newFinder(c).each(ctx, c, func(n *node) error {
		if n.Provider != fileSystem {
			if n.Provider == registry {
				return c.Error(ctx, fail(psNotSupported, "Cannot use interface. The IContentCmdletProvider interface is not implemented by this provider.", "NotSupported", ps.NotImplemented, nil))
			}
			return report(ctx, c, flatOf(n.Provider).set(ctx, c.Session, n.Name, nil))
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
