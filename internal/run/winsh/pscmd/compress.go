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
	"github.com/casement/casement/internal/winmeta"
)

// compressing is one call of Compress-Archive.
type compressing struct {
	c      *ps.Call
	f      *machine.FS
	dest   string
	exists bool
	update bool
	level  fetch.ZipLevel
	paths  []string
	// items are the files and empty directories to pack, with their names.
	items []packItem
}

// packItem is one entry to write. A directory has a name that ends in a slash.
type packItem struct {
	path, name string
}

func startCompress(ctx context.Context, c *ps.Call) (ps.Steps, error) {
	z := &compressing{c: c, f: c.Session.Machine().FS(), update: c.Switch("Update")}
	switch strings.ToLower(c.String("CompressionLevel")) {
	case "fastest":
		z.level = fetch.ZipFastest
	case "nocompression":
		z.level = fetch.ZipNoCompression
	}
	if err := z.destination(ctx); err != nil {
		return ps.Steps{}, err
	}
	if err := c.Verbose(ctx, "Preparing to compress..."); err != nil {
		return ps.Steps{}, err
	}
	return ps.Steps{
		Process: func(_ context.Context, c *ps.Call) error {
			list, _ := paths(c)
			z.paths = append(z.paths, list...)
			return nil
		},
		End: z.end,
	}, nil
}

// destination checks where the archive is to be made.
func (z *compressing) destination(ctx context.Context) error {
	c := z.c
	full, err := c.Session.File(c.String("DestinationPath"))
	if err != nil {
		return err
	}
	dir, name := full[:strings.LastIndexByte(full, '\\')+1], full[strings.LastIndexByte(full, '\\')+1:]
	if name == "" {
		return archiveFail("InvalidArchiveFilePath", "The destination path '"+full+"' does not contain a valid archive file name.", full)
	}
	if _, err := archivePaths(ctx, c, []string{dir}, true); err != nil {
		return err
	}
	switch ext := extension(name); {
	case ext == "":
		z.dest = full + ".zip"
		if err := c.Verbose(ctx, "The archive file path '"+full+"' supplied to the DestinationPath parameter does not include .zip extension. Hence .zip is appended to the supplied DestinationPath path and the archive file would be created at '"+z.dest+"'."); err != nil {
			return err
		}
	case c.Session.Edition() == ps.Desktop && !strings.EqualFold(ext, ".zip"):
		return archiveFail("NotSupportedArchiveFileExtension", ext+" is not a supported archive file format. .zip is the only supported archive file format.", ext)
	default:
		z.dest = full
	}
	look := lstatDest
	if z.update {
		look = lstat
	}
	info, err := look(ctx, c.Session, z.dest)
	if err != nil {
		return thrown(err)
	}
	z.exists = info != nil && !info.IsDir()
	if z.exists && !z.update && !c.Switch("Force") {
		return archiveFail("ArchiveFileExists", "The archive file "+z.dest+" already exists. Use the -Update parameter to update the existing archive file or use the -Force parameter to overwrite the existing archive file.", z.dest)
	}
	if z.exists && z.update && info.Attributes.Has(winmeta.ReadOnly) {
		return fail(ioException, "The attributes of the archive file "+z.dest+" is set to 'ReadOnly' hence it cannot be updated. If you intend to update the existing archive file, remove the 'ReadOnly' attribute on the archive file else use -Force parameter to override and create a new archive file.",
			"ArchiveFileIsReadOnly", ps.InvalidOperation, z.dest)
	}
	return nil
}

func (z *compressing) end(ctx context.Context, c *ps.Call) error {
	if c.Switch("Force") && z.exists {
		if err := unprotect(ctx, z.f, z.dest, winmeta.ReadOnly|winmeta.Hidden|winmeta.System); err != nil {
			return err
		}
		if err := z.f.Remove(ctx, z.dest); err != nil {
			return err
		}
		z.exists = false
	}
	seen := map[string]bool{}
	for _, path := range z.paths {
		if key := strings.ToUpper(path); seen[key] {
			return archiveFail("DuplicatePathFound", "The input to "+c.Set()+" parameter contains a duplicate path '"+path+"'. Provide a unique set of paths as input to "+c.Set()+" parameter.", path)
		} else {
			seen[key] = true
		}
	}
	nodes, err := archivePaths(ctx, c, z.paths, c.Has("LiteralPath"))
	if err != nil {
		return err
	}
	var names []string
	for _, n := range nodes {
		names = append(names, n.Name)
	}
	yes, err := c.ShouldProcess(ctx, strings.Join(names, "\n"), "Compress-Archive")
	if err != nil || !yes {
		return err
	}
	if err := z.collect(ctx, nodes); err != nil {
		return err
	}
	if len(z.items) == 0 {
		return c.Verbose(ctx, "The partially created archive file '"+z.dest+"' is deleted as it is not usable.")
	}
	if err := z.write(ctx); err != nil {
		return err
	}
	if c.Switch("PassThru") {
		p, err := c.Session.Resolve(z.dest)
		if err != nil {
			return err
		}
		return writeFound(ctx, c, p)
	}
	return nil
}

// collect lists what to pack: directories first, then files, as the module
// does.
func (z *compressing) collect(ctx context.Context, nodes []*node) error {
	for _, n := range nodes {
		if !n.container {
			continue
		}
		prefix := ""
		if name := leafOf(n.Path); !strings.HasSuffix(name, `\`) {
			prefix = name + `\`
		}
		if err := z.below(ctx, n, prefix); err != nil {
			return err
		}
	}
	for _, n := range nodes {
		if !n.container {
			z.items = append(z.items, packItem{n.Name, leafOf(n.Path)})
		}
	}
	return nil
}

// below lists a directory in the order of Get-ChildItem -Recurse.
func (z *compressing) below(ctx context.Context, n *node, prefix string) error {
	list, err := (files{}).list(ctx, z.c.Session, n)
	if err != nil {
		return fileError{"Dir", ps.ReadError, n.Name}.report(ctx, z.c, err)
	}
	for _, child := range list {
		if child.hidden {
			continue
		}
		if !child.container {
			z.items = append(z.items, packItem{child.Name, strings.TrimSpace(prefix + child.leaf)})
			continue
		}
		files, err := ListFiles(ctx, z.c.Session, child.Name, "*", false, true, false)
		if err != nil && fatal(err) {
			return err
		}
		if len(files) == 0 {
			z.items = append(z.items, packItem{child.Name, prefix + child.leaf + `\`})
		}
	}
	for _, child := range list {
		if child.container && !child.hidden && !child.info.IsLink() {
			if err := z.below(ctx, child, prefix+child.leaf+`\`); err != nil {
				return err
			}
		}
	}
	return nil
}

// write makes the archive. One that is updated is written anew beside the old
// one, whose other entries are taken over as they are.
func (z *compressing) write(ctx context.Context) error {
	loadCompression(z.c.Session)
	target := z.dest
	if z.exists {
		target += ".casement-new"
	}
	out, err := z.f.Create(ctx, target, machine.CreateOptions{New: true})
	if err != nil {
		return thrown(err)
	}
	zw := fetch.NewZipWriter(out)
	if z.exists {
		err = z.old(ctx, zw)
	}
	count := 0
	for _, item := range z.items {
		if err != nil {
			break
		}
		var ok bool
		if ok, err = z.add(ctx, zw, item); ok {
			count++
		}
	}
	if err == nil {
		err = zw.Close()
	}
	if err2 := out.Close(); err == nil {
		err = err2
	}
	if err != nil || count == 0 && !z.exists {
		return errors.Join(err, z.f.Remove(context.WithoutCancel(ctx), target))
	}
	if z.exists {
		return z.f.Rename(ctx, target, z.dest, true)
	}
	return nil
}

// old takes over the entries of an archive that is updated.
func (z *compressing) old(ctx context.Context, zw *fetch.ZipWriter) error {
	f, err := z.f.Open(ctx, z.dest)
	if err != nil {
		return err
	}
	defer f.Close()
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	from, err := fetch.OpenZip(f, size, fetch.NamesUTF8)
	if err != nil {
		return err
	}
	replaced := map[string]bool{}
	for _, item := range z.items {
		replaced[strings.ToUpper(strings.ReplaceAll(item.name, `\`, "/"))] = true
	}
	for i := range from.Entries {
		e := &from.Entries[i]
		if replaced[strings.ToUpper(strings.ReplaceAll(e.Name, `\`, "/"))] {
			continue
		}
		if err := zw.Copy(from, e); err != nil {
			return err
		}
	}
	return nil
}

// add packs one item.
func (z *compressing) add(ctx context.Context, zw *fetch.ZipWriter, item packItem) (bool, error) {
	m := z.c.Session.Machine()
	if err := m.Tick(ctx); err != nil {
		return false, err
	}
	name := item.name
	if z.c.Session.Edition() == ps.Core {
		name = strings.ReplaceAll(name, `\`, "/")
	}
	if strings.HasSuffix(item.name, `\`) {
		if err := zw.AddDir(name, m.Now()); err != nil {
			return false, err
		}
		return true, z.c.Verbose(ctx, "Adding '"+item.path+`\'.`)
	}
	info, err := z.f.Stat(ctx, item.path)
	var f machine.File
	if err == nil {
		f, err = z.f.Open(ctx, item.path)
	}
	if err != nil {
		return false, reportAs(ctx, z.c, err, "CompressArchiveUnauthorizedAccessError", ps.PermissionDenied, item.path)
	}
	defer f.Close()
	t := info.Times.Modified.In(m.Now().Location())
	if z.c.Session.Edition() == ps.Core && t.Year() < 1980 {
		if err := z.c.Warning(ctx, "'"+item.path+"' has LastWriteTime earlier than 1980. Compress-Archive will store any files with LastWriteTime values earlier than 1980 as 1/1/1980 00:00."); err != nil {
			return false, err
		}
		t = time.Date(1980, 1, 1, 0, 0, 0, 0, t.Location())
	}
	if err := zw.Add(name, t, z.level, f); err != nil {
		return false, err
	}
	return true, z.c.Verbose(ctx, "Adding '"+item.path+"'.")
}
