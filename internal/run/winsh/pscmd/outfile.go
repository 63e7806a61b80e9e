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

// outFileCmdlets write what the host would show to files.
func outFileCmdlets() []*ps.Cmdlet {
	return []*ps.Cmdlet{
		{
			Name: "Out-File", Module: moduleUtility, DefaultSet: "ByPath", ShouldProcess: true,
			Syntax: params(`
				FilePath string @1 mandatory {ByPath} 5.1
				FilePath|Path string @1 mandatory {ByPath} 7
				LiteralPath|PSPath|LP string mandatory property {ByLiteralPath}
				Encoding string @2 in=unknown,string,unicode,bigendianunicode,utf8,utf7,utf32,ascii,default,oem 5.1
				Encoding object @2 notempty 7
				Append switch
				Force switch
				NoClobber|NoOverwrite switch
				Width int range=2..2147483647
				NoNewline switch
				InputObject object pipeline`),
			Start: startOutFile,
		},
		{
			Name: "Tee-Object", Aliases: []string{"tee"}, Module: moduleUtility, DefaultSet: "File",
			Syntax: params(`
				InputObject object pipeline
				FilePath string @1 mandatory {File} 5.1
				FilePath|Path string @1 mandatory {File} 7
				LiteralPath|PSPath|LP string mandatory {LiteralFile}
				Append switch {File}
				Encoding object notempty 7
				Variable string mandatory {Variable}`),
			Start: startTee,
		},
	}
}

// outFile is a file that takes lines.
type outFile struct {
	w       *bufio.Writer
	close   io.Closer
	charset *Charset
	printer *ps.Printer
	end     string
	restore winmeta.Attributes
	path    string
	closed  bool
}

// openOutFile opens the file of Out-File. The error ends the cmdlet.
func openOutFile(ctx context.Context, c *ps.Call, parameter string, charset *Charset, o outOptions) (*outFile, error) {
	f := c.Session.Machine().FS()
	path, err := outPath(ctx, c, parameter)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat(ctx, path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, outFileError(err)
	}
	exists := err == nil
	if exists && info.IsDir() {
		return nil, outFileError(ps.NewException(unauthorized, "Access to the path '"+path+"' is denied."))
	}
	if exists && o.noClobber && !o.append {
		r := fail(ioException, "The file '"+path+"' already exists.", "NoClobber", ps.ResourceExists, path)
		r.Details = "File " + path + " already exists and NoClobber was specified."
		return nil, r
	}
	out := &outFile{charset: charset, path: path, end: "\r\n"}
	if o.noNewline {
		out.end = ""
	}
	if exists && o.force {
		if away := info.Attributes & (winmeta.ReadOnly | winmeta.Hidden); away != 0 {
			out.restore = info.Attributes & writable
			if err := unprotect(ctx, f, path, away); err != nil {
				return nil, outFileError(err)
			}
		}
	}
	if o.append && exists && !o.explicit {
		there, err := fileCharset(ctx, f, path)
		if err != nil {
			return nil, outFileError(err)
		}
		if there != nil && c.Session.Edition() == ps.Core {
			out.charset = there
		}
	}
	w, err := f.Create(ctx, path, machine.CreateOptions{Append: o.append})
	if err != nil {
		return nil, outFileError(err)
	}
	out.w, out.close = bufio.NewWriterSize(w, 64<<10), w
	if !o.append || !exists || info.Size == 0 {
		if _, err := out.w.Write(out.charset.BOM); err != nil {
			return nil, err
		}
	}
	out.printer = c.Session.NewPrinter(o.width, func(_ context.Context, line string) error {
		_, err := out.w.Write(out.charset.Encode(line + out.end))
		return err
	})
	return out, nil
}

type outOptions struct {
	append, force, noClobber, noNewline bool
	// explicit says that the encoding was asked for.
	explicit bool
	width    int
}

// outPath resolves the path to write to: a wildcard must mean one file.
func outPath(ctx context.Context, c *ps.Call, parameter string) (string, error) {
	if c.Has("LiteralPath") {
		return c.Session.File(c.String("LiteralPath"))
	}
	path := c.String(parameter)
	if !ps.HasWildcard(path) {
		return c.Session.File(ps.UnescapeWildcard(path))
	}
	nodes, err := finder{s: c.Session}.find(ctx, path, false)
	if err != nil {
		return "", err
	}
	switch len(nodes) {
	case 1:
		return nodes[0].Name, nil
	case 0:
		return "", fail("System.IO.FileNotFoundException", "Cannot perform operation because the wildcard path "+path+" did not resolve to a file.", "FileOpenFailure", ps.OpenError, path)
	}
	return "", fail(invalidOperation, "Cannot perform operation because the path resolved to more than one file. This command cannot operate on multiple files.", "MultipleFilesNotSupported", ps.InvalidArgument, nil)
}

func outFileError(err error) error {
	if fatal(err) {
		return err
	}
	return ps.Record(err, "FileOpenFailure", ps.OpenError, nil)
}

// finish writes what the printer holds back and closes the file.
func (o *outFile) finish(ctx context.Context, c *ps.Call) error {
	err := o.printer.Close(ctx)
	if err2 := o.shut(ctx, c); err == nil {
		err = err2
	}
	return err
}

// shut closes the file. It has what was written until then.
func (o *outFile) shut(ctx context.Context, c *ps.Call) error {
	if o == nil || o.closed {
		return nil
	}
	o.closed = true
	err := o.w.Flush()
	if err2 := o.close.Close(); err == nil {
		err = err2
	}
	if err == nil && o.restore != 0 {
		err = c.Session.Machine().FS().SetAttributes(ctx, o.path, o.restore|winmeta.Archive)
	}
	return err
}

// outCharset is the encoding of Out-File: UTF-16 in 5.1, UTF-8 in 7.
func outCharset(c *ps.Call) (*Charset, error) {
	other := UTF8(false)
	if c.Session.Edition() == ps.Desktop {
		other = UTF16(false)
	}
	cs, _, err := charsetOf(c, "Encoding", other)
	return cs, err
}

func startOutFile(ctx context.Context, c *ps.Call) (ps.Steps, error) {
	cs, err := outCharset(c)
	if err != nil {
		return ps.Steps{}, err
	}
	yes, err := c.ShouldProcess(ctx, c.String("FilePath")+c.String("LiteralPath"), "Output to File")
	if err != nil || !yes {
		return ps.Steps{}, err
	}
	options := outOptions{
		append: c.Switch("Append"), force: c.Switch("Force"), noClobber: c.Switch("NoClobber"), noNewline: c.Switch("NoNewline"),
		explicit: c.Has("Encoding"), width: c.Int("Width", 0),
	}
	var out *outFile
	if c.Has("FilePath") || c.Has("LiteralPath") {
		if out, err = openOutFile(ctx, c, "FilePath", cs, options); err != nil {
			return ps.Steps{}, err
		}
	}
	return ps.Steps{
		Process: func(ctx context.Context, c *ps.Call) error {
			if out == nil {
				var err error
				if out, err = openOutFile(ctx, c, "FilePath", cs, options); err != nil {
					return err
				}
			}
			v, ok := c.Input()
			if !ok && !c.Has("InputObject") {
				return nil
			}
			if !ok {
				v = c.Value("InputObject")
			}
			return eachObject(ctx, v, out.printer.Write)
		},
		End: func(ctx context.Context, c *ps.Call) error {
			if out == nil {
				return nil
			}
			return out.finish(ctx, c)
		},
		Close: func(ctx context.Context, c *ps.Call) error { return out.shut(ctx, c) },
	}, nil
}

// eachObject calls do for a value, or for the elements of a collection.
func eachObject(ctx context.Context, v any, do func(context.Context, any) error) error {
	if !ps.Enumerable(v) {
		return do(ctx, v)
	}
	var err error
	ps.Each(v, func(item any) bool {
		err = do(ctx, item)
		return err == nil
	})
	return err
}

// startTee passes objects on and keeps them in a file or a variable.
func startTee(ctx context.Context, c *ps.Call) (ps.Steps, error) {
	if c.Has("Variable") {
		return teeVariable(c)
	}
	cs, err := outCharset(c)
	if err != nil {
		return ps.Steps{}, err
	}
	out, err := openOutFile(ctx, c, "FilePath", cs, outOptions{append: c.Switch("Append"), explicit: c.Has("Encoding")})
	if err != nil {
		return ps.Steps{}, err
	}
	return ps.Steps{
		Process: func(ctx context.Context, c *ps.Call) error {
			v := inputOf(c)
			if err := eachObject(ctx, v, out.printer.Write); err != nil {
				return err
			}
			return c.WriteEach(ctx, v)
		},
		End:   out.finish,
		Close: out.shut,
	}, nil
}

// inputOf is the object of -InputObject, from the pipeline or not.
func inputOf(c *ps.Call) any {
	if v, ok := c.Input(); ok {
		return v
	}
	return c.Value("InputObject")
}

func teeVariable(c *ps.Call) (ps.Steps, error) {
	var list []any
	name := c.String("Variable")
	return ps.Steps{
		Process: func(ctx context.Context, c *ps.Call) error {
			v := inputOf(c)
			list = append(list, ps.Items(v)...)
			return c.WriteEach(ctx, v)
		},
		End: func(_ context.Context, c *ps.Call) error {
			return c.Session.SetVariable(name, ps.Collect(list))
		},
	}, nil
}
