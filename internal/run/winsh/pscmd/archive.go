package pscmd

import (
	"context"
	"errors"
	"io"
	"strings"
	"time"

	"github.com/casement/casement/internal/run/winsh/fetch"
	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/run/winsh/ps"
	"github.com/casement/casement/internal/tree"
	"github.com/casement/casement/internal/winmeta"
)

// archiveCmdlets are the module Microsoft.PowerShell.Archive: 1.0.1 in 5.1,
// which takes .zip only, and 1.2.5 in 7.
func archiveCmdlets() []*ps.Cmdlet {
	return []*ps.Cmdlet{
		{
			Name: "Expand-Archive", Function: true, Module: moduleArchive, Class: "Expand-Archive", DefaultSet: "Path", ShouldProcess: true,
			Syntax: params(`
				Path string @1 mandatory pipeline property notempty {Path}
				LiteralPath|PSPath string mandatory property notempty {LiteralPath}
				DestinationPath string @2 notempty
				Force switch
				PassThru switch 7`),
			Start: startExpand,
		},
		{
			Name: "Compress-Archive", Function: true, Module: moduleArchive, Class: "Compress-Archive", DefaultSet: "Path", ShouldProcess: true,
			Syntax: params(`
				Path string[] @1 mandatory pipeline property notempty {Path,PathWithForce,PathWithUpdate}
				LiteralPath|PSPath string[] mandatory property notempty {LiteralPath,LiteralPathWithForce,LiteralPathWithUpdate}
				DestinationPath string @2 mandatory notempty
				CompressionLevel string in=Optimal,NoCompression,Fastest
				Update switch mandatory {PathWithUpdate,LiteralPathWithUpdate}
				Force switch mandatory {PathWithForce,LiteralPathWithForce}
				PassThru switch 7`),
			Start: startCompress,
		},
	}
}

// archiveFail is the module's terminating error.
func archiveFail(id, message string, target any) error {
	return fail(ioException, message, id, ps.InvalidArgument, target)
}

// archivePaths resolves paths as the module does: what is not there ends the
// cmdlet.
func archivePaths(ctx context.Context, c *ps.Call, list []string, literal bool) ([]*node, error) {
	var out []*node
	for _, path := range list {
		nodes, err := finder{s: c.Session}.find(ctx, path, literal)
		if err != nil {
			if fatal(err) {
				return nil, err
			}
			r := fail(invalidOperation, "The path '"+path+"' either does not exist or is not a valid file system path.", "ArchiveCmdletPathNotFound", ps.InvalidArgument, path)
			r.Exception.Inner = ps.ToException(err)
			return nil, r
		}
		for _, n := range nodes {
			if n.Provider != fileSystem {
				return nil, archiveFail("PathNotFound", "The path '"+n.Name+"' either does not exist or is not a valid file system path.", n.Name)
			}
			out = append(out, n)
		}
	}
	return out, nil
}

// expanding is one call of Expand-Archive.
type expanding struct {
	c        *ps.Call
	f        *machine.FS
	force    bool
	dir      string
	given    bool
	dirs     map[string]bool
	made     []string
	archive  string
	passThru bool
}

func startExpand(ctx context.Context, c *ps.Call) (ps.Steps, error) {
	x := &expanding{c: c, f: c.Session.Machine().FS(), force: c.Switch("Force"), passThru: c.Switch("PassThru"), dirs: map[string]bool{}}
	if err := x.destination(ctx); err != nil {
		return ps.Steps{}, err
	}
	if err := c.Verbose(ctx, "Preparing to expand..."); err != nil {
		return ps.Steps{}, err
	}
	return ps.Steps{Process: x.process}, nil
}

// loadCompression makes [IO.Compression.ZipFile] known for the rest of the
// session, as the module does when it has an archive to work on.
func loadCompression(s *ps.Session) {
	s.LoadAssembly("System.IO.Compression")
	s.LoadAssembly("System.IO.Compression.FileSystem")
}

// destination finds or makes the directory, before any archive is looked at.
func (x *expanding) destination(ctx context.Context) error {
	c := x.c
	dest := c.String("DestinationPath")
	if dest == "" {
		x.dir = c.Session.Location().Name
		return nil
	}
	x.given = true
	nodes, err := finder{s: c.Session, force: true, dest: true}.find(ctx, dest, false)
	if err != nil && fatal(err) {
		return err
	}
	if err == nil && len(nodes) > 1 {
		return archiveFail("InvalidDestinationPath", "The directory path '"+dest+"' specified as input to the DestinationPath parameter is resolving to multiple file system paths. Provide a unique path to the Destination parameter where the archive file contents have to be expanded.", dest)
	}
	if err == nil && len(nodes) == 1 && nodes[0].container {
		if nodes[0].Provider != fileSystem {
			return archiveFail("InvalidDirectoryPath", "The path '"+dest+"' is not a valid file system directory path.", dest)
		}
		x.dir = nodes[0].Name
		return nil
	}
	p, err := c.Session.Resolve(dest)
	if err != nil {
		return err
	}
	if p.Provider != fileSystem {
		return archiveFail("InvalidDirectoryPath", "The path '"+dest+"' is not a valid file system directory path.", dest)
	}
	x.dir = p.Name
	return x.makeDir(ctx, p)
}

// makeDir is the module's New-Item: an error ends the cmdlet.
func (x *expanding) makeDir(ctx context.Context, p ps.Path) error {
	n, err := (files{dest: true}).stat(ctx, x.c.Session, p)
	if err == nil && n != nil {
		return fail(ioException, "An item with the specified name "+p.Name+" already exists.", "DirectoryExist", ps.ResourceExists, p.Name)
	}
	if err == nil {
		err = x.f.MkdirAll(ctx, p.Name)
	}
	if err == nil || fatal(err) {
		return err
	}
	if denied(err) {
		return ps.Record(err, "CreateDirectoryUnauthorizedAccessError", ps.PermissionDenied, p.Name)
	}
	return ps.Record(err, "CreateDirectoryIOError", ps.WriteError, p.Name)
}

func (x *expanding) process(ctx context.Context, c *ps.Call) error {
	path, literal := c.String("Path"), false
	if c.Has("LiteralPath") {
		path, literal = c.String("LiteralPath"), true
	}
	nodes, err := archivePaths(ctx, c, []string{path}, literal)
	if err != nil {
		return err
	}
	if len(nodes) > 1 {
		set := "Path"
		if literal {
			set = "LiteralPath"
		}
		return archiveFail("InvalidArchiveFilePath", "The archive file path '"+path+"' specified as input to the "+set+" parameter is resolving to multiple file system paths. Provide a unique path to the "+set+" parameter where the archive file has to be created.", path)
	}
	if len(nodes) == 0 || nodes[0].container {
		name := ""
		if len(nodes) == 1 {
			name = nodes[0].Name
		}
		return archiveFail("PathNotFound", "The path '"+name+"' either does not exist or is not a valid file system path.", name)
	}
	n := nodes[0]
	if ext := extension(n.Name); c.Session.Edition() == ps.Desktop && !strings.EqualFold(ext, ".zip") {
		return archiveFail("NotSupportedArchiveFileExtension", ext+" is not a supported archive file format. .zip is the only supported archive file format.", ext)
	}
	yes, err := c.ShouldProcess(ctx, n.Name, "Expand-Archive")
	if err != nil || !yes {
		return err
	}
	x.archive = n.Name
	dir := x.dir
	if !x.given {
		dir = strings.TrimSuffix(x.dir, `\`) + `\` + baseName(n.leaf)
		ok, err := isDirDest(ctx, c.Session, dir)
		if err != nil {
			return err
		}
		if !ok {
			if err := x.makeDir(ctx, ps.Path{Provider: fileSystem, Name: dir}); err != nil {
				return err
			}
		}
	}
	x.made = nil
	if err := x.expand(ctx, dir); err != nil {
		if !refused(err) {
			x.undo(context.WithoutCancel(ctx))
		}
		return err
	}
	return x.pass(ctx)
}

// undo removes what an expansion that did not end has made.
func (x *expanding) undo(ctx context.Context) {
	for _, path := range x.made {
		_ = x.f.RemoveAll(ctx, path, true)
	}
}

// pass writes the items that were made, for -PassThru.
func (x *expanding) pass(ctx context.Context) error {
	if !x.passThru {
		return nil
	}
	for _, path := range x.made {
		p, err := x.c.Session.Resolve(strings.TrimRight(path, `\`))
		if err != nil {
			return err
		}
		if err := writeFound(ctx, x.c, p); err != nil {
			return err
		}
	}
	return nil
}

// expand unpacks the archive into a directory.
func (x *expanding) expand(ctx context.Context, dir string) error {
	loadCompression(x.c.Session)
	f, err := x.f.Open(ctx, x.archive)
	if err != nil {
		return reportAs(ctx, x.c, err, ps.ToException(err).Type, ps.InvalidOperation, nil)
	}
	defer f.Close()
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	names := fetch.NamesUTF8
	if x.c.Session.Edition() == ps.Desktop {
		names = fetch.NamesANSI
	}
	z, err := fetch.OpenZip(f, size, names)
	if err != nil {
		return x.notArchive(ctx, err)
	}
	if len(z.Entries) == 0 {
		return x.c.Verbose(ctx, "The archive file "+x.archive+" is empty.")
	}
	if !strings.HasSuffix(dir, `\`) {
		dir += `\`
	}
	entries := make([]*fetch.ZipEntry, len(z.Entries))
	for i := range z.Entries {
		entries[i] = &z.Entries[i]
	}
	zone := x.c.Session.Machine().Now().Location()
	return z.Each(ctx, entries, func(e *fetch.ZipEntry, r io.Reader) error {
		if err := x.c.Session.Machine().Tick(ctx); err != nil {
			return err
		}
		return x.entry(ctx, dir, e, r, zone)
	})
}

// notArchive reports a file that is no zip archive, as each version of the
// module does.
func (x *expanding) notArchive(ctx context.Context, err error) error {
	var format *fetch.FormatError
	if !errors.As(err, &format) {
		return err
	}
	if x.c.Session.Edition() == ps.Core {
		message := "File '" + x.archive + "' does not appear to be a valid zip archive."
		r := fail("System.IO.FileFormatException", message, message, ps.OperationStopped, nil)
		r.Exception.Inner = ps.NewException("System.IO.InvalidDataException", format.Text)
		return r
	}
	return x.c.Error(ctx, fail("System.Management.Automation.MethodInvocationException",
		`Exception calling ".ctor" with "3" argument(s): "`+format.Text+`"`, "ConstructorInvokedThrowException", ps.InvalidOperation, nil))
}

// entry makes one file or directory of the archive.
func (x *expanding) entry(ctx context.Context, dir string, e *fetch.ZipEntry, r io.Reader, zone *time.Location) error {
	name := strings.ReplaceAll(e.Name, "/", `\`)
	full, err := machine.Full(dir, combine(dir, name))
	if err != nil || !strings.HasPrefix(full+`\`, dir) {
		return x.c.Error(ctx, fail("Microsoft.PowerShell.Commands.WriteErrorException", "Can not process invalid archive entry '"+e.Name+"'.",
			"Microsoft.PowerShell.Commands.WriteErrorException", ps.NotSpecified, nil))
	}
	if strings.HasSuffix(name, `\`) {
		return x.directory(ctx, strings.TrimRight(full, `\`))
	}
	up := full[:strings.LastIndexByte(full, '\\')]
	if err := x.directory(ctx, up); err != nil {
		return err
	}
	info, err := lstatDest(ctx, x.c.Session, full)
	if err != nil {
		return report(ctx, x.c, err)
	}
	if info != nil && !info.IsDir() {
		if !x.force {
			return x.c.Error(ctx, fail(ioException, "Failed to create file '"+full+"' while expanding the archive file '"+x.archive+"' contents as the file '"+full+
				"' already exists. Use the -Force parameter if you want to overwrite the existing directory '"+full+"' contents when expanding the archive file.",
				"ExpandArchiveFileExists", ps.InvalidOperation, full))
		}
		err := unprotect(ctx, x.f, full, winmeta.ReadOnly|winmeta.Hidden|winmeta.System)
		if err == nil {
			err = x.f.Remove(ctx, full)
		}
		if err != nil {
			return report(ctx, x.c, err)
		}
	}
	if err := x.file(ctx, trimParts(full), e, r, zone); err != nil {
		return err
	}
	return x.c.Verbose(ctx, "Created '"+full+"'.")
}

// trimParts removes blanks around each part of a path, as the module does
// before it extracts.
func trimParts(path string) string {
	if !strings.ContainsAny(path, " \t") {
		return path
	}
	parts := strings.Split(path, `\`)
	for i := range parts {
		parts[i] = strings.TrimSpace(parts[i])
	}
	return strings.Join(parts, `\`)
}

// directory makes a directory and those above it, once.
func (x *expanding) directory(ctx context.Context, path string) error {
	key := strings.ToUpper(path)
	if len(path) <= 2 || x.dirs[key] {
		return nil
	}
	ok, err := isDirDest(ctx, x.c.Session, path)
	if err != nil {
		return report(ctx, x.c, err)
	}
	x.dirs[key] = true
	if ok {
		return nil
	}
	if err := x.f.MkdirAll(ctx, path); err != nil {
		return fileError{"CreateDirectory", ps.WriteError, path}.report(ctx, x.c, err)
	}
	x.made = append(x.made, path)
	return x.c.Verbose(ctx, "Adding '"+path+"'.")
}

// file writes one file, with the time that the archive has for it.
func (x *expanding) file(ctx context.Context, path string, e *fetch.ZipEntry, r io.Reader, zone *time.Location) error {
	t := e.DOSTime
	t = time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), 0, zone)
	w, err := x.f.Create(ctx, path, machine.CreateOptions{New: true, Times: tree.Times{Modified: t}})
	if err == nil {
		_, err = io.Copy(w, r)
		if err2 := w.Close(); err == nil {
			err = err2
		}
	}
	if err == nil {
		x.made = append(x.made, path)
		return nil
	}
	var format *fetch.FormatError
	inner := "System.IO.InvalidDataException"
	text := ""
	switch {
	case errors.As(err, &format):
		text = format.Text
		if err := x.f.Remove(ctx, path); err != nil && fatal(err) {
			return err
		}
	case fatal(err):
		return err
	default:
		inner, text = ps.ToException(err).Type, ps.ToException(err).Message
	}
	rec := fail("System.Management.Automation.MethodInvocationException", `Exception calling "ExtractToFile" with "3" argument(s): "`+text+`"`,
		inner[strings.LastIndexByte(inner, '.')+1:], ps.NotSpecified, nil)
	rec.Exception.Inner = ps.NewException(inner, text)
	return x.c.Error(ctx, rec)
}
