package pscmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/casement/casement/internal/run/winsh/fetch"
	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/run/winsh/ps"
)

// hashCmdlets compute checksums.
func hashCmdlets() []*ps.Cmdlet {
	return []*ps.Cmdlet{{
		Name: "Get-FileHash", Module: moduleUtility, DefaultSet: "Path",
		Syntax: params(`
			Path string[] @1 mandatory pipeline property {Path}
			LiteralPath|PSPath|LP string[] mandatory property {LiteralPath}
			InputStream object @1 mandatory {Stream} 7
			InputStream object mandatory {Stream} 5.1
			Algorithm string in=SHA1,SHA256,SHA384,SHA512,MACTripleDES,MD5,RIPEMD160 5.1
			Algorithm string @2 in=SHA1,SHA256,SHA384,SHA512,MD5 7`),
		Process: getFileHash,
	}}
}

// Stream is implemented by the Data of .NET streams that can be read.
type Stream interface{ io.Reader }

func getFileHash(ctx context.Context, c *ps.Call) error {
	name := strings.ToUpper(c.String("Algorithm"))
	if name == "" {
		name = "SHA256"
	}
	if _, ok := fetch.NewHash(name); !ok {
		return refuseHash(name)
	}
	if c.Has("InputStream") {
		o, _ := ps.Unwrap(c.Value("InputStream")).(*ps.Object)
		if o == nil {
			return fail(argumentException, "Cannot read the stream.", "InvalidStream", ps.InvalidArgument, nil)
		}
		r, ok := o.Data.(Stream)
		if !ok {
			return fail(argumentException, "Cannot read the stream.", "InvalidStream", ps.InvalidArgument, nil)
		}
		return writeHash(ctx, c, name, r, "")
	}
	list, literal := paths(c)
	f := finder{s: c.Session, force: true}
	for _, path := range list {
		nodes, err := f.find(ctx, path, literal)
		if err != nil {
			if err := hashNotFound(ctx, c, path, err); err != nil {
				return err
			}
			continue
		}
		for _, n := range nodes {
			if err := hashFile(ctx, c, name, n); err != nil {
				return err
			}
		}
	}
	return nil
}

// hashNotFound is the error of a path that leads nowhere: 5.1 resolves it with
// Resolve-Path, 7 itself.
func hashNotFound(ctx context.Context, c *ps.Call, path string, err error) error {
	if fatal(err) {
		return err
	}
	var r *ps.ErrorRecord
	if c.Session.Edition() == ps.Core && errors.As(err, &r) && r.ID == "PathNotFound" {
		return c.Error(ctx, fail(itemNotFound, r.Message(), "FileNotFound", ps.ObjectNotFound, path))
	}
	return report(ctx, c, err)
}

func hashFile(ctx context.Context, c *ps.Call, name string, n *node) error {
	if n.Provider != fileSystem {
		return c.Error(ctx, fail(psInvalidOperation, "The path is not a file system path.", "FileReadError", ps.InvalidOperation, n.Name))
	}
	if n.container {
		if c.Session.Edition() == ps.Desktop {
			return nil // 5.1 passes over directories
		}
		return c.Error(ctx, fail(unauthorized, "Access to the path '"+n.Name+"' is denied.", "UnauthorizedAccessError", ps.PermissionDenied, n.Name))
	}
	f, err := c.Session.Machine().FS().Open(ctx, n.Name)
	if err != nil {
		if fatal(err) {
			return err
		}
		if c.Session.Edition() == ps.Core {
			if denied(err) {
				return reportAs(ctx, c, err, "UnauthorizedAccessError", ps.PermissionDenied, n.Name)
			}
			if errors.Is(err, fs.ErrNotExist) {
				return reportAs(ctx, c, err, "FileNotFound", ps.ObjectNotFound, n.Name)
			}
		}
		r := ps.Record(err, "FileReadError", ps.ReadError, n.Name)
		r.Details = "The file '" + n.Name + "' cannot be read: " + r.Exception.Message
		return c.Error(ctx, r)
	}
	defer f.Close()
	return writeHash(ctx, c, name, f, n.Name)
}

func writeHash(ctx context.Context, c *ps.Call, name string, r io.Reader, path string) error {
	h, ok := fetch.NewHash(name)
	if !ok {
		return refuseHash(name)
	}
	sum, err := fetch.Digest(ctx, r, h)
	if err != nil {
		return err
	}
	var shown any = path
	typ := "Microsoft.PowerShell.Commands.FileHashInfo"
	if c.Session.Edition() == ps.Desktop {
		typ = "Microsoft.Powershell.Utility.FileHash"
		if path == "" {
			shown = nil
		}
	}
	o := ps.NewCustom("Algorithm", name, "Hash", fmt.Sprintf("%X", sum), "Path", shown)
	o.AddType(typ)
	return c.Write(ctx, o)
}

func refuseHash(name string) error {
	return machine.Refuse("Get-FileHash -Algorithm "+name, "its key is random, so that no two results are the same", "use SHA256")
}

// hashTypes say how checksums are shown.
func hashTypes() []*ps.Type {
	view := func() *ps.View {
		return &ps.View{Table: []ps.Column{{Property: "Algorithm", Width: 15}, {Property: "Hash", Width: 70}, {Property: "Path"}}}
	}
	return []*ps.Type{
		{Name: "Microsoft.Powershell.Utility.FileHash", View: view},
		{Name: "Microsoft.PowerShell.Commands.FileHashInfo", View: view},
	}
}
