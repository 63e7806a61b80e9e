package pscmd

import (
	"context"
	"strings"

	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/run/winsh/ps"
	"github.com/casement/casement/internal/winmeta"
)

// copyCmdlets copy and move items.
func copyCmdlets() []*ps.Cmdlet {
	const sessions = `
		FromSession object dynamic !there are no sessions with other computers
		ToSession object dynamic !there are no sessions with other computers`
	return []*ps.Cmdlet{
		{
			Name: "Copy-Item", Aliases: []string{"copy", "cp", "cpi"}, Module: moduleManagement, DefaultSet: "Path", ShouldProcess: true,
			Syntax: params(itemPaths + `
				Destination string @2 property
				Container switch
				Recurse switch
				PassThru switch` + itemFilters + sessions),
			Process: copyItem,
		},
		{
			Name: "Move-Item", Aliases: []string{"mi", "move", "mv"}, Module: moduleManagement, DefaultSet: "Path", ShouldProcess: true,
			Syntax: params(itemPaths + `
				Destination string @2 property
				PassThru switch` + itemFilters),
			Process: moveItem,
		},
	}
}

// destination resolves -Destination: wildcards may be in it if they mean one
// place.
func destination(ctx context.Context, c *ps.Call) (ps.Path, error) {
	text := c.String("Destination")
	if text == "" {
		return c.Session.Location(), nil
	}
	if !ps.HasWildcard(text) || c.Has("LiteralPath") {
		return c.Session.Resolve(ps.UnescapeWildcard(text))
	}
	nodes, err := finder{s: c.Session, force: c.Switch("Force"), dest: true}.find(ctx, text, false)
	if err != nil {
		return ps.Path{}, err
	}
	switch len(nodes) {
	case 1:
		return nodes[0].Path, nil
	case 0:
		return ps.Path{}, fail(itemNotFound, "Cannot find path '"+text+"' because it does not exist.", "PathNotFound", ps.ObjectNotFound, text)
	}
	return ps.Path{}, fail(psArgument, "Cannot move the item because the destination resolved to multiple paths. Specify a destination path that resolves to a single destination and try again.",
		"MoveItemOneDestination", ps.InvalidArgument, text)
}

// copier is one call of Copy-Item.
type copier struct {
	c              *ps.Call
	f              *machine.FS
	recurse, force bool
	exclude        []string
	filter         string
}

func copyItem(ctx context.Context, c *ps.Call) error {
	dest, err := destination(ctx, c)
	if err != nil {
		return report(ctx, c, err)
	}
	cp := &copier{
		c: c, f: c.Session.Machine().FS(), recurse: c.Switch("Recurse"), force: c.Switch("Force"),
		exclude: c.Strings("Exclude"), filter: c.String("Filter"),
	}
	container := !c.Has("Container") || c.Switch("Container")
	return newFinder(c).each(ctx, c, func(n *node) error {
		if n.Provider != dest.Provider {
			return c.Error(ctx, fail(psArgument, "Source and destination path did not resolve to the same provider.", "Argument", ps.InvalidArgument, nil))
		}
		return cp.source(ctx, n, dest, container)
	})
}

// source copies one of the items that the paths named.
func (cp *copier) source(ctx context.Context, n *node, dest ps.Path, container bool) error {
	pr, err := providerOf(n.Path)
	if err != nil {
		return err
	}
	if n.Provider == fileSystem {
		pr = files{dest: true}
	}
	to, err := pr.stat(ctx, cp.c.Session, dest)
	if err != nil {
		return report(ctx, cp.c, err)
	}
	if n.container && to != nil && !to.container {
		return cp.c.Error(ctx, fail(psArgument, "Container cannot be copied onto existing leaf item.",
			"CopyContainerItemToLeafError", ps.InvalidArgument, n.String()))
	}
	if n.container && !cp.recurse && !container {
		return cp.c.Error(ctx, fail(psArgument, "Container cannot be copied to another container. The -Recurse or -Container parameter is not specified.",
			"CopyContainerToContainerWithoutRecurseOrContainer", ps.InvalidArgument, n.String()))
	}
	if n.container && cp.recurse && !container {
		return cp.flatten(ctx, n, dest)
	}
	switch n.Provider {
	case fileSystem:
		return cp.item(ctx, n, dest)
	case registry:
		return cp.key(ctx, n, dest, to)
	}
	f := flatOf(n.Provider)
	if err := f.set(ctx, cp.c.Session, dest.Name, f.content(n.value)); err != nil {
		return report(ctx, cp.c, err)
	}
	return passThru(ctx, cp.c, dest)
}

// flatten copies all files below a directory into one (-Container:$false).
func (cp *copier) flatten(ctx context.Context, n *node, dest ps.Path) error {
	children, err := (files{}).list(ctx, cp.c.Session, n)
	if err != nil {
		return report(ctx, cp.c, err)
	}
	for _, child := range children {
		if child.container {
			err = cp.flatten(ctx, child, dest)
		} else {
			err = cp.item(ctx, child, dest)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (cp *copier) key(ctx context.Context, n *node, dest ps.Path, to *node) error {
	if to != nil {
		dest = join(dest, n.leaf)
	}
	yes, err := cp.c.ShouldProcess(ctx, "Item: "+n.Name+" Destination: "+dest.Name, "Copy Key")
	if err != nil || !yes {
		return err
	}
	if cp.recurse && strings.HasPrefix(strings.ToUpper(dest.Name)+`\`, strings.ToUpper(n.Name)+`\`) {
		return cp.c.Error(ctx, fail(argumentException, "The operation cannot be performed because the destination path is subordinate to the source path.",
			argumentException, ps.InvalidArgument, dest.Name))
	}
	if err := copyKey(ctx, cp.c.Session, n.Name, dest.Name, cp.recurse); err != nil {
		return reportKey(ctx, cp.c, err, ps.WriteError, n.Name)
	}
	return passThru(ctx, cp.c, dest)
}

// item copies a file or directory to a place in the file system.
func (cp *copier) item(ctx context.Context, n *node, dest ps.Path) error {
	if strings.EqualFold(strings.TrimRight(n.Name, `\`), strings.TrimRight(dest.Name, `\`)) {
		return cp.c.Error(ctx, fail(ioException, "Cannot overwrite the item "+n.Name+" with itself.", "CopyError", ps.WriteError, n.Name))
	}
	if n.container {
		return cp.directory(ctx, n, dest)
	}
	return cp.file(ctx, n, dest, true)
}

func (cp *copier) directory(ctx context.Context, n *node, dest ps.Path) error {
	there, err := isDirDest(ctx, cp.c.Session, dest.Name)
	if err != nil {
		return report(ctx, cp.c, err)
	}
	if there {
		dest = join(dest, leafOf(n.Path))
	}
	if cp.recurse && strings.HasPrefix(strings.ToUpper(dest.Name), strings.TrimRight(strings.ToUpper(n.Name), `\`)+`\`) {
		return machine.Refuse("Copy-Item -Recurse", "the destination "+dest.Name+" is inside of what is copied, and PowerShell would copy without end", "copy to another place")
	}
	yes, err := cp.c.ShouldProcess(ctx, "Item: "+n.Name+" Destination: "+dest.Name, "Copy Directory")
	if err != nil || !yes {
		return err
	}
	made, err := newDirectory(ctx, cp.c, dest)
	if err != nil {
		return err
	}
	if made {
		if err := passThru(ctx, cp.c, dest); err != nil {
			return err
		}
	}
	if !cp.recurse {
		return nil
	}
	children, err := (files{}).list(ctx, cp.c.Session, n)
	if err != nil {
		return fileError{"CopyDirectoryInfoItem", ps.WriteError, FileObject(cp.c.Session, n.Path, n.info)}.report(ctx, cp.c, err)
	}
	for _, dirs := range [2]bool{false, true} {
		for _, child := range children {
			if child.container != dirs {
				continue
			}
			if err := cp.c.Session.Machine().Tick(ctx); err != nil {
				return err
			}
			if err := cp.child(ctx, child, dest); err != nil {
				return err
			}
		}
	}
	return nil
}

func (cp *copier) child(ctx context.Context, n *node, dest ps.Path) error {
	if n.container {
		return cp.directory(ctx, n, dest)
	}
	if cp.filter != "" && !machine.Match(cp.filter, n.leaf) {
		return nil
	}
	return cp.file(ctx, n, dest, false)
}

// file copies one file. top says that a path named it; errors of those that a
// recursion finds are reported otherwise.
func (cp *copier) file(ctx context.Context, n *node, dest ps.Path, top bool) error {
	there, err := cp.takesIn(ctx, n, dest, top)
	if err != nil {
		return report(ctx, cp.c, err)
	}
	if there {
		dest = join(dest, leafOf(n.Path))
	}
	if strings.EqualFold(n.Name, dest.Name) {
		return cp.c.Error(ctx, fail(ioException, "Cannot overwrite the item "+dest.Name+" with itself.", "CopyError", ps.WriteError, dest.Name))
	}
	if likeAny(cp.exclude, leafOf(n.Path)) {
		return nil
	}
	yes, err := cp.c.ShouldProcess(ctx, "Item: "+n.Name+" Destination: "+dest.Name, "Copy File")
	if err != nil || !yes {
		return err
	}
	err = cp.f.CopyFile(ctx, n.Name, dest.Name, false)
	if err != nil && cp.force && denied(err) {
		if unprotect(ctx, cp.f, dest.Name, winmeta.ReadOnly|winmeta.Hidden) == nil {
			err = cp.f.CopyFile(ctx, n.Name, dest.Name, false)
		}
	}
	if err == nil {
		return passThru(ctx, cp.c, dest)
	}
	return cp.failed(ctx, n, dest, err, top)
}

// takesIn reports whether the destination of a file is a directory. What a
// recursion makes has names of its own.
func (cp *copier) takesIn(ctx context.Context, n *node, dest ps.Path, top bool) (bool, error) {
	if !top {
		return isDirDest(ctx, cp.c.Session, dest.Name)
	}
	return orNo(cp.f.TakesIn(ctx, dest.Name, n.leaf))
}

// failed reports an error of copying a file. PowerShell 5.1 lets errors but
// denied access through to the end of the cmdlet for a file that a path named.
func (cp *copier) failed(ctx context.Context, n *node, dest ps.Path, err error, top bool) error {
	if fatal(err) {
		return err
	}
	switch machine.CodeOf(err) {
	case machine.ErrorPathNotFound, machine.ErrorFileNotFound:
		err = ps.NewException(directoryNotFound, "Could not find a part of the path '"+dest.Name+"'.")
	case machine.ErrorAccessDenied:
		err = ps.NewException(unauthorized, "Access to the path '"+dest.Name+"' is denied.")
	case machine.ErrorInvalidName:
		message := "The filename, directory name, or volume label syntax is incorrect."
		if cp.c.Session.Edition() == ps.Core {
			message += " : '" + dest.Name + "'"
		}
		err = ps.NewException(ioException, message)
	}
	object := FileObject(cp.c.Session, n.Path, n.info)
	if cp.c.Session.Edition() == ps.Desktop && ps.ToException(err).Type != unauthorized {
		if top {
			return thrown(err)
		}
		return reportAs(ctx, cp.c, err, "CopyDirectoryInfoItemIOError", ps.WriteError, object)
	}
	if ps.ToException(err).Type == unauthorized {
		return reportAs(ctx, cp.c, err, "CopyFileInfoItemUnauthorizedAccessError", ps.PermissionDenied, object)
	}
	return reportAs(ctx, cp.c, err, "CopyFileInfoItemIOError", ps.WriteError, object)
}

func moveItem(ctx context.Context, c *ps.Call) error {
	dest, err := destination(ctx, c)
	if err != nil {
		return report(ctx, c, err)
	}
	return newFinder(c).eachPath(ctx, c, func(path string, nodes []*node) error {
		if len(nodes) > 1 && dest.Provider == fileSystem {
			ok, err := isDirDest(ctx, c.Session, dest.Name)
			if err != nil {
				return report(ctx, c, err)
			}
			if !ok {
				return c.Error(ctx, fail(psArgument, "Cannot move the item because the source path points to one or more items and the destination path is not a container. Validate that the destination path is a container and try again.",
					"MoveItemPathMultipleDestinationNotContainer", ps.InvalidArgument, path))
			}
		}
		for _, n := range nodes {
			if err := moveOne(ctx, c, n, dest); err != nil {
				return err
			}
		}
		return nil
	})
}

func moveOne(ctx context.Context, c *ps.Call, n *node, dest ps.Path) error {
	if n.Provider != dest.Provider {
		return c.Error(ctx, fail(psArgument, "Cannot move the item because the source and destination paths did not resolve to the same provider.", "Argument", ps.InvalidArgument, nil))
	}
	if inUse(c.Session, n.Path) {
		return c.Error(ctx, fail(psInvalidOperation, "Cannot move item because the item at '"+n.String()+"' is in use.", "InvalidOperation", ps.InvalidOperation, nil))
	}
	switch n.Provider {
	case fileSystem:
		return moveFile(ctx, c, n, dest)
	case registry:
		return moveKey(ctx, c, n, dest)
	}
	return noProvider(c, n.Path)
}

func moveKey(ctx context.Context, c *ps.Call, n *node, dest ps.Path) error {
	to, err := (keys{}).stat(ctx, c.Session, dest)
	if err != nil {
		return reportKey(ctx, c, err, ps.WriteError, n.Name)
	}
	if to != nil {
		dest = join(dest, n.leaf)
	}
	yes, err := c.ShouldProcess(ctx, "Item: "+n.Name+" Destination: "+dest.Name, "Move Item")
	if err != nil || !yes {
		return err
	}
	err = copyKey(ctx, c.Session, n.Name, dest.Name, true)
	if err == nil {
		err = c.Session.Machine().Registry().DeleteKey(ctx, n.Name)
	}
	if err != nil {
		return reportKey(ctx, c, err, ps.WriteError, n.Name)
	}
	return passThru(ctx, c, dest)
}

// moveFile moves a file or directory. A directory that exists takes it in; a
// file that is in the way is replaced only with -Force.
func moveFile(ctx context.Context, c *ps.Call, n *node, dest ps.Path) error {
	s, f := c.Session, c.Session.Machine().FS()
	there, err := isDirDest(ctx, s, dest.Name)
	if err == nil && !there && !n.container {
		there, err = orNo(f.TakesIn(ctx, dest.Name, n.leaf))
	}
	if err != nil {
		return report(ctx, c, err)
	}
	if there {
		dest = join(dest, leafOf(n.Path))
	}
	kind := "File"
	if n.container {
		kind = "Directory"
		if r := moveInto(s, n, dest); r != nil {
			return c.Error(ctx, r)
		}
	}
	yes, err := c.ShouldProcess(ctx, "Item: "+n.Name+" Destination: "+dest.Name, "Move "+kind)
	if err != nil || !yes {
		return err
	}
	force := c.Switch("Force")
	err = f.Rename(ctx, n.Name, dest.Name, false)
	if err != nil && force && denied(err) {
		if unprotect(ctx, f, n.Name, winmeta.ReadOnly|winmeta.Hidden) == nil {
			err = f.Rename(ctx, n.Name, dest.Name, false)
		}
	}
	if err != nil && force && !n.container && (machine.CodeOf(err) == machine.ErrorAlreadyExists || machine.CodeOf(err) == machine.ErrorFileExists) {
		if unprotect(ctx, f, dest.Name, winmeta.ReadOnly|winmeta.Hidden) == nil {
			err = f.Rename(ctx, n.Name, dest.Name, true)
		}
	}
	if err == nil {
		return passThru(ctx, c, dest)
	}
	stem := "MoveFileInfoItem"
	if n.container {
		stem = "MoveDirectoryItem"
	}
	if machine.CodeOf(err) == machine.ErrorPathNotFound || machine.CodeOf(err) == machine.ErrorFileNotFound {
		err = ps.NewException(directoryNotFound, "Could not find a part of the path.")
	}
	return fileError{stem, ps.WriteError, FileObject(s, n.Path, n.info)}.report(ctx, c, moveError(err))
}

// moveInto is the error of a directory that would be moved into itself.
func moveInto(s *ps.Session, n *node, dest ps.Path) *ps.ErrorRecord {
	from, to := strings.ToUpper(strings.TrimRight(n.Name, `\`)), strings.ToUpper(dest.Name)
	if to != from && !strings.HasPrefix(to, from+`\`) {
		return nil
	}
	if s.Edition() == ps.Core {
		return fail(ioException, "Destination path cannot be a subdirectory of the source or the source itself: "+dest.Name+".", "MoveItemArgumentError", ps.InvalidArgument, dest.Name)
	}
	object := FileObject(s, n.Path, n.info)
	if to == from {
		return fail(ioException, "Source and destination path must be different.", "MoveDirectoryItemIOError", ps.WriteError, object)
	}
	return fail(ioException, "The process cannot access the file because it is being used by another process.", "MoveDirectoryItemIOError", ps.WriteError, object)
}
