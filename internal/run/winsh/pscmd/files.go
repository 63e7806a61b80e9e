package pscmd

import (
	"context"
	"errors"
	"io/fs"
	"strings"

	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/run/winsh/ps"
	"github.com/casement/casement/internal/winmeta"
)

// files is the provider FileSystem.
type files struct {
	// dest says that the items are about to be written: names that only an unread
	// base could have are absent, see [machine.FS.StatDest].
	dest bool
}

func (f files) stat(ctx context.Context, s *ps.Session, p ps.Path) (*node, error) {
	look := lstat
	if f.dest {
		look = lstatDest
	}
	info, err := look(ctx, s, p.Name)
	if info == nil || err != nil {
		return nil, err
	}
	return fileNode(p, info), nil
}

// lstat returns what is at a path, or nil if there is nothing.
func lstat(ctx context.Context, s *ps.Session, path string) (*machine.Info, error) {
	return orNothing(s.Machine().FS().Lstat(ctx, path))
}

// lstatDest is lstat for a path that is about to be written.
func lstatDest(ctx context.Context, s *ps.Session, path string) (*machine.Info, error) {
	return orNothing(s.Machine().FS().LstatDest(ctx, path))
}

// orNo makes false of a name that nothing can have.
func orNo(ok bool, err error) (bool, error) {
	if machine.CodeOf(err) == machine.ErrorInvalidName {
		return false, nil
	}
	return ok, err
}

// orNothing makes nil of what is not there.
func orNothing(info *machine.Info, err error) (*machine.Info, error) {
	if errors.Is(err, fs.ErrNotExist) || machine.CodeOf(err) == machine.ErrorInvalidName {
		return nil, nil
	}
	return info, err
}

// isDir reports whether a path is a directory that exists, links followed.
func isDir(ctx context.Context, s *ps.Session, path string) (bool, error) {
	info, err := orNothing(s.Machine().FS().Stat(ctx, path))
	return info != nil && info.IsDir(), err
}

// isDirDest is isDir for a path that is about to be written.
func isDirDest(ctx context.Context, s *ps.Session, path string) (bool, error) {
	info, err := orNothing(s.Machine().FS().StatDest(ctx, path))
	return info != nil && info.IsDir(), err
}

// fileNode makes the node of a file, with its name as it was asked for: Windows
// shows the path of Get-Item in the case that it was given in, but the last
// part as it is stored when a listing has found it.
func fileNode(p ps.Path, info *machine.Info) *node {
	return &node{
		Path: p, leaf: leafOf(p), container: info.IsDir(),
		hidden: info.Attributes.Has(winmeta.Hidden) && !isRoot(p.Name), info: info,
	}
}

// isRoot reports whether a path is "C:\". The root of a drive is hidden by its
// attributes, and everybody sees it.
func isRoot(path string) bool { return len(path) == 3 && path[1] == ':' }

// list returns directories before files, as Get-ChildItem shows them.
func (files) list(ctx context.Context, s *ps.Session, n *node) ([]*node, error) {
	infos, err := s.Machine().FS().ReadDir(ctx, n.Name)
	if err != nil {
		return nil, err
	}
	list := make([]*node, 0, len(infos))
	for _, dirs := range [2]bool{true, false} {
		for _, info := range infos {
			if info.IsDir() != dirs {
				continue
			}
			list = append(list, &node{
				Path: join(n.Path, info.Name), leaf: info.Name, container: dirs,
				hidden: info.Attributes.Has(winmeta.Hidden), info: info,
			})
		}
	}
	return list, nil
}

func (files) object(_ context.Context, s *ps.Session, n *node) (any, error) {
	return FileObject(s, n.Path, n.info), nil
}

// writable are the attributes that a script can set.
const writable = winmeta.ReadOnly | winmeta.Hidden | winmeta.System | winmeta.Archive |
	winmeta.NotContentIndexed | winmeta.Temporary | winmeta.Offline

// unprotect takes attributes away that keep a file from being written or
// removed.
func unprotect(ctx context.Context, f *machine.FS, path string, away winmeta.Attributes) error {
	info, err := f.Lstat(ctx, path)
	if err != nil {
		return err
	}
	if info.Attributes&away == 0 {
		return nil
	}
	return f.SetAttributes(ctx, path, info.Attributes&writable&^away)
}

// newDirectory makes a directory for New-Item and Copy-Item. It returns nil if
// it was not made, for which the error has been written.
func newDirectory(ctx context.Context, c *ps.Call, p ps.Path) (bool, error) {
	force := c.Switch("Force")
	if !force {
		n, err := (files{dest: true}).stat(ctx, c.Session, p)
		if err != nil {
			return false, report(ctx, c, err)
		}
		if n != nil {
			return false, c.Error(ctx, fail(ioException, "An item with the specified name "+p.Name+" already exists.",
				"DirectoryExist", ps.ResourceExists, p.Name))
		}
	}
	err := c.Session.Machine().FS().MkdirAll(ctx, p.Name)
	if err == nil {
		return true, nil
	}
	if fatal(err) {
		return false, err
	}
	if code := machine.CodeOf(err); code == machine.ErrorAlreadyExists || code == machine.ErrorFileExists {
		err = fail(ioException, "Cannot create \""+p.Name+"\" because a file or directory with the same name already exists.",
			"CreateDirectoryIOError", ps.WriteError, p.Name)
		if c.Session.Edition() == ps.Core {
			err = fail(ioException, "Cannot create '"+p.Name+"' because a file or directory with the same name already exists.",
				"CreateDirectoryIOError", ps.WriteError, p.Name)
		}
		if force {
			// The file is what is written: nothing says that it is no directory.
			return true, nil
		}
	}
	return false, fileError{"CreateDirectory", ps.WriteError, p.Name}.report(ctx, c, err)
}

// removeTree removes a directory or file as Remove-Item does: what is hidden,
// read-only or of the system only with -Force. Errors are written, and the rest
// goes on.
func removeTree(ctx context.Context, c *ps.Call, n *node, recurse, force bool) error {
	f := c.Session.Machine().FS()
	action := "Remove File"
	if n.container {
		action = "Remove Directory"
	}
	yes, err := c.ShouldProcess(ctx, n.Name, action)
	if err != nil || !yes {
		return err
	}
	if n.info.IsLink() && n.container {
		if !force && c.Session.Edition() == ps.Desktop {
			return c.Error(ctx, fail(ioException, n.Name+" is a NTFS junction point. Use the Force parameter to delete or modify this object.",
				"DirectoryNotEmpty", ps.WriteError, FileObject(c.Session, n.Path, n.info)))
		}
		if err := f.Remove(ctx, n.Name); err != nil {
			return removeLinkError(ctx, c, n, err)
		}
		return nil
	}
	if !n.container {
		return removeOne(ctx, c, n, force)
	}
	if fast, err := removeFast(ctx, c, n, force); fast || err != nil {
		return err
	}
	children, err := (files{}).list(ctx, c.Session, n)
	if err != nil {
		return fileError{"RemoveItem", ps.WriteError, n.Name}.report(ctx, c, err)
	}
	for _, child := range children {
		if err := c.Session.Machine().Tick(ctx); err != nil {
			return err
		}
		if err := removeTree(ctx, c, child, recurse, force); err != nil {
			return err
		}
	}
	left, err := f.ReadDir(ctx, n.Name)
	if err != nil {
		return report(ctx, c, err)
	}
	if len(left) > 0 && !force {
		return c.Error(ctx, fail(ioException, "Directory "+n.Name+" cannot be removed because it is not empty.",
			"DirectoryNotEmpty", ps.WriteError, FileObject(c.Session, n.Path, n.info)))
	}
	return removeOne(ctx, c, n, force)
}

// removeFast removes a whole directory at once, where nobody has asked to see
// each file and none of them is protected.
func removeFast(ctx context.Context, c *ps.Call, n *node, force bool) (bool, error) {
	if !force || c.Has("WhatIf") || c.Has("Confirm") || c.Has("Verbose") || c.Has("Filter") || c.Has("Include") || c.Has("Exclude") {
		return false, nil
	}
	if v, _ := c.Session.Variable("VerbosePreference"); c.Session.ToString(v) != "SilentlyContinue" {
		return false, nil
	}
	err := c.Session.Machine().FS().RemoveAll(ctx, n.Name, true)
	if err != nil && fatal(err) {
		return false, err
	}
	// What could not be removed is found and reported one by one.
	return err == nil, nil
}

func removeLinkError(ctx context.Context, c *ps.Call, n *node, err error) error {
	if fatal(err) {
		return err
	}
	return c.Error(ctx, fail(ioException, "Cannot remove item "+n.Name+": "+ps.ToException(err).Message,
		"DeleteSymbolicLinkFailed", ps.WriteError, FileObject(c.Session, n.Path, n.info)))
}

// removeOne removes a file or an empty directory.
func removeOne(ctx context.Context, c *ps.Call, n *node, force bool) error {
	f := c.Session.Machine().FS()
	object := FileObject(c.Session, n.Path, n.info)
	protected := n.info.Attributes & (winmeta.Hidden | winmeta.System | winmeta.ReadOnly)
	if !force && protected != 0 {
		r := fail(ioException, "You do not have sufficient access rights to perform this operation or the item is hidden, system, or read only.",
			"RemoveFileSystemItemUnAuthorizedAccess", ps.PermissionDenied, object)
		r.Details = "Cannot remove item " + n.Name + ": " + r.Exception.Message
		return c.Error(ctx, r)
	}
	var err error
	if protected != 0 {
		err = unprotect(ctx, f, n.Name, protected)
	}
	if err == nil {
		err = f.Remove(ctx, n.Name)
	}
	if err == nil {
		return nil
	}
	if fatal(err) {
		return err
	}
	id, cat := "RemoveFileSystemItemIOError", ps.WriteError
	if denied(err) {
		id, cat = "RemoveFileSystemItemUnAuthorizedAccess", ps.PermissionDenied
	}
	r := ps.Record(err, id, cat, object)
	r.Details = "Cannot remove item " + n.Name + ": " + r.Exception.Message
	return c.Error(ctx, r)
}

// baseName is a file's name without its extension.
func baseName(name string) string {
	return strings.TrimSuffix(name, extension(name))
}

// extension is Path.GetExtension: the last dot and what follows, unless nothing
// follows.
func extension(name string) string {
	i := strings.LastIndexAny(name, `.\/`)
	if i < 0 || name[i] != '.' || i == len(name)-1 {
		return ""
	}
	return name[i:]
}
