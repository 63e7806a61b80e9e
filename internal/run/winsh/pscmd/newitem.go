package pscmd

import (
	"context"
	"errors"
	"io/fs"
	"strings"

	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/run/winsh/ps"
)

// newItem makes the items that the paths name, each with the Name below it.
func newItem(ctx context.Context, c *ps.Call) error {
	list := c.Strings("Path")
	if len(list) == 0 {
		list = []string{""}
	}
	kind := c.String("ItemType")
	if c.Cmdlet.Function {
		kind = "Directory"
	}
	for _, path := range list {
		targets := []string{path}
		if name := c.String("Name"); name != "" {
			if path == "" {
				path = "."
			}
			found, err := newParents(ctx, c, path)
			if err != nil {
				return err
			}
			targets = found
			for i := range targets {
				targets[i] = strings.TrimRight(targets[i], `\/`) + `\` + name
			}
		}
		for _, t := range targets {
			p, err := c.Session.Resolve(t)
			if err != nil {
				if err := report(ctx, c, err); err != nil {
					return err
				}
				continue
			}
			if err := newItemAt(ctx, c, p, kind); err != nil {
				return err
			}
		}
	}
	return nil
}

// newParents are the places that -Path means when -Name is there: wildcards
// are expanded then.
func newParents(ctx context.Context, c *ps.Call, path string) ([]string, error) {
	if !ps.HasWildcard(path) {
		return []string{path}, nil
	}
	nodes, err := newFinder(c).find(ctx, path, false)
	if err != nil {
		return nil, report(ctx, c, err)
	}
	var list []string
	for _, n := range nodes {
		list = append(list, n.String())
	}
	return list, nil
}

func newItemAt(ctx context.Context, c *ps.Call, p ps.Path, kind string) error {
	value := c.Value("Value")
	if v, ok := c.Input(); ok && !c.Has("Value") {
		value = v
	}
	switch p.Provider {
	case registry:
		yes, err := c.ShouldProcess(ctx, "Item: "+p.Name, "New Item")
		if err != nil || !yes {
			return err
		}
		return newKey(ctx, c, p, kind, value, !ps.IsNull(value))
	case fileSystem:
		return newFileItemAt(ctx, c, p, kind, value)
	case environment, variables, functions, aliases:
		yes, err := c.ShouldProcess(ctx, "Item: "+p.Name+" Type: "+kind+" Value: "+c.Session.ToString(value), "New Item")
		if err != nil || !yes {
			return err
		}
		return newFlat(ctx, c, p, value, c.Has("Value"))
	}
	_, err := providerOf(p)
	return err
}

// newFileItemAt makes a file, directory or link.
func newFileItemAt(ctx context.Context, c *ps.Call, p ps.Path, kind string, value any) error {
	what := fileKind(kind)
	if c.Switch("Force") {
		if up, ok := parent(p); ok {
			if err := c.Session.Machine().FS().MkdirAll(ctx, up.Name); err != nil && what != "directory" {
				return fileError{"CreateIntermediateDirectories", ps.WriteError, p.Name}.report(ctx, c, err)
			}
		}
	}
	action, ok := map[string]string{
		"directory": "Create Directory", "file": "Create File", "symboliclink": "Create Symbolic Link",
		"junction": "Create Junction", "hardlink": "Create Hard Link",
	}[what]
	if !ok {
		return fail(psArgument, `The type is not a known type for the file system. Only "file","directory" or "symboliclink" can be specified.`,
			"Argument", ps.InvalidArgument, nil)
	}
	yes, err := c.ShouldProcess(ctx, "Destination: "+p.Name, action)
	if err != nil || !yes {
		return err
	}
	switch what {
	case "directory":
		made, err := newDirectory(ctx, c, p)
		if err != nil || !made {
			return err
		}
	case "file":
		made, err := newFileAt(ctx, c, p, value)
		if err != nil || !made {
			return err
		}
	default:
		made, err := newLink(ctx, c, p, what, c.Session.ToString(value))
		if err != nil || !made {
			return err
		}
	}
	return writeFound(ctx, c, p)
}

// writeFound writes the object of what is at a path now, if there is something.
func writeFound(ctx context.Context, c *ps.Call, p ps.Path) error {
	pr, err := providerOf(p)
	if err != nil {
		return err
	}
	n, err := pr.stat(ctx, c.Session, p)
	if err != nil {
		return report(ctx, c, err)
	}
	if n == nil {
		return nil
	}
	return write(ctx, c, n)
}

// fileKind reads -ItemType, which may be cut short: "dir" is a directory.
func fileKind(kind string) string {
	if kind == "" {
		return "file"
	}
	pattern := kind + "*"
	for _, k := range []string{"directory", "container", "file", "symboliclink", "junction", "hardlink"} {
		if ps.Like(pattern, k, false) {
			if k == "container" {
				return "directory"
			}
			return k
		}
	}
	return ""
}

func newFileAt(ctx context.Context, c *ps.Call, p ps.Path, value any) (bool, error) {
	f := c.Session.Machine().FS()
	force := c.Switch("Force")
	var data []byte
	if !ps.IsNull(value) {
		data = []byte(c.Session.ToString(value))
	}
	w, err := f.Create(ctx, p.Name, machine.CreateOptions{New: !force})
	if err == nil {
		_, err = w.Write(data)
		if err2 := w.Close(); err == nil {
			err = err2
		}
	}
	if err == nil {
		return true, nil
	}
	if machine.CodeOf(err) == machine.ErrorAlreadyExists {
		err = &machine.Error{Op: "create", Path: p.Name, Code: machine.ErrorFileExists}
	}
	return false, fileError{"NewItem", ps.WriteError, p.Name}.report(ctx, c, err)
}

// newLink makes a link for New-Item. It returns false when an error has been
// written.
func newLink(ctx context.Context, c *ps.Call, p ps.Path, kind, target string) (bool, error) {
	f := c.Session.Machine().FS()
	if target == "" {
		return false, fail("System.Management.Automation.PSArgumentNullException", "Link '"+p.Name+"' cannot be created because the target Value was not specified.",
			"ArgumentNull", ps.InvalidArgument, nil)
	}
	full := target
	if kind != "symboliclink" || c.Session.Edition() == ps.Desktop {
		var err error
		if full, err = c.Session.File(target); err != nil {
			return false, report(ctx, c, err)
		}
	} else if up, ok := parent(p); ok {
		target = strings.ReplaceAll(target, "/", `\`)
		var err error
		if full, err = machine.Full(up.Name, target); err != nil {
			return false, report(ctx, c, err)
		}
	}
	there, err := f.Stat(ctx, full)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, report(ctx, c, err)
	}
	missing := err != nil
	if missing && c.Session.Edition() == ps.Desktop {
		return false, c.Error(ctx, pathNotFound(full))
	}
	if missing && kind != "symboliclink" {
		return false, c.Error(ctx, fail(itemNotFound, "Could not find item "+full+".", "ItemNotFound", ps.ObjectNotFound, full))
	}
	dir := !missing && there.IsDir()
	if wrong := wrongTarget(kind, full, dir); wrong != nil {
		return false, c.Error(ctx, wrong)
	}
	if ok, err := clearForLink(ctx, c, p, kind); !ok || err != nil {
		return false, err
	}
	switch kind {
	case "junction":
		err = f.Junction(ctx, full, p.Name)
	case "hardlink":
		err = f.Hardlink(ctx, full, p.Name)
	default:
		if c.Session.Edition() == ps.Desktop {
			target = full
		}
		err = f.Symlink(ctx, target, p.Name, dir)
	}
	if err != nil {
		if machine.CodeOf(err) == machine.ErrorPrivilegeNotHeld {
			return false, c.Error(ctx, fail(unauthorized, "Administrator privilege required for this operation.",
				"NewItemSymbolicLinkElevationRequired", ps.PermissionDenied, target))
		}
		return false, reportAs(ctx, c, err, "NewItemCreateIOError", ps.WriteError, p.Name)
	}
	return true, nil
}

func wrongTarget(kind, full string, dir bool) *ps.ErrorRecord {
	switch {
	case kind == "junction" && !dir:
		return fail(invalidOperation, "A directory is required for the operation. The item '"+full+"' is not a directory.", "ItemNotDirectory", ps.InvalidOperation, full)
	case kind == "hardlink" && dir:
		return fail(invalidOperation, "A file is required for the operation. The item '"+full+"' is not a file.", "ItemNotFile", ps.InvalidOperation, full)
	}
	return nil
}

// clearForLink removes what is at the place of a new link, with -Force.
func clearForLink(ctx context.Context, c *ps.Call, p ps.Path, kind string) (bool, error) {
	f := c.Session.Machine().FS()
	info, err := lstatDest(ctx, c.Session, p.Name)
	if err != nil {
		return false, report(ctx, c, err)
	}
	if info == nil {
		return true, nil
	}
	if kind == "junction" {
		if !info.IsDir() {
			return false, c.Error(ctx, wrongTarget("junction", p.Name, false))
		}
		children, err := f.ReadDir(ctx, p.Name)
		if err != nil {
			return false, report(ctx, c, err)
		}
		if len(children) > 0 && !info.IsLink() {
			return false, c.Error(ctx, fail(ioException, "Directory "+p.Name+" cannot be removed because it is not empty.", "DirectoryNotEmpty", ps.WriteError, p.Name))
		}
	} else if !c.Switch("Force") {
		if c.Session.Edition() == ps.Desktop {
			return false, c.Error(ctx, fail(ioException, "Cannot create symbolic link because the path "+p.Name+" already exists.", "SymLinkExists", ps.ResourceExists, p.Name))
		}
		return false, c.Error(ctx, fail(ioException, "Cannot create link because the path already exists: "+p.Name+".", "SymLinkExists", ps.ResourceExists, p.Name))
	}
	if err := f.Remove(ctx, p.Name); err != nil {
		return false, reportAs(ctx, c, err, "NewItemDeleteIOError", ps.WriteError, p.Name)
	}
	return true, nil
}
