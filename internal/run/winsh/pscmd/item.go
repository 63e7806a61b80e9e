package pscmd

import (
	"context"
	"errors"
	"io/fs"
	"strings"

	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/run/winsh/ps"
)

const noCredential = "!there are no other accounts to act as"

// itemPaths are the parameters Path and LiteralPath of item cmdlets.
const itemPaths = `
	Path string[] @1 mandatory pipeline property {Path}
	LiteralPath|PSPath|LP string[] mandatory property {LiteralPath}
`

const itemFilters = `
	Filter string
	Include string[]
	Exclude string[]
	Force switch
	Credential object ` + noCredential + `
`

// itemCmdlets are the cmdlets about single items.
func itemCmdlets() []*ps.Cmdlet {
	return []*ps.Cmdlet{
		{
			Name: "Get-Item", Aliases: []string{"gi"}, Module: moduleManagement, DefaultSet: "Path",
			Parameters: params(itemPaths + itemFilters + `
				Stream string[] !alternate data streams do not exist in image layers
				UseTransaction|usetx switch 5.1 !registry transactions need Windows`),
			Process: func(ctx context.Context, c *ps.Call) error {
				return newFinder(c).each(ctx, c, func(n *node) error { return getItem(ctx, c, n) })
			},
		},
		{
			Name: "New-Item", Aliases: []string{"ni"}, Module: moduleManagement, DefaultSet: "pathSet", ShouldProcess: true,
			Parameters: params(`
				Path string[] @1 mandatory property {pathSet}
				Path string[] @1 property {nameSet}
				Name string mandatory property null empty {nameSet}
				ItemType|Type string property
				Value|Target object pipeline property
				Force switch
				Credential object ` + noCredential + `
				UseTransaction|usetx switch 5.1 !registry transactions need Windows`),
			Process: newItem,
		},
		{
			Name: "mkdir", Function: true, Aliases: []string{"md"}, DefaultSet: "pathSet", ShouldProcess: true, Class: "Microsoft.PowerShell.Commands.NewItemCommand",
			Parameters: params(`
				Path string[] @1 mandatory property {pathSet}
				Path string[] @1 property {nameSet}
				Name string mandatory property null empty {nameSet}
				Value object pipeline property
				Force switch
				Credential object ` + noCredential),
			Process: newItem,
		},
		{
			Name: "Remove-Item", Aliases: []string{"del", "erase", "rd", "ri", "rm", "rmdir"}, Module: moduleManagement, DefaultSet: "Path", ShouldProcess: true,
			Parameters: params(itemPaths + itemFilters + `
				Recurse switch
				Stream string[] !alternate data streams do not exist in image layers
				UseTransaction|usetx switch 5.1 !registry transactions need Windows`),
			Process: removeItem,
		},
		{
			Name: "Rename-Item", Aliases: []string{"ren", "rni"}, Module: moduleManagement, DefaultSet: "ByPath", ShouldProcess: true,
			Parameters: params(`
				Path string @1 mandatory pipeline property {ByPath}
				LiteralPath|PSPath|LP string mandatory property {ByLiteralPath}
				NewName string @2 mandatory property
				Force switch
				PassThru switch
				Credential object ` + noCredential),
			Process: renameItem,
		},
		{
			Name: "Set-Item", Aliases: []string{"si"}, Module: moduleManagement, DefaultSet: "Path", ShouldProcess: true,
			Parameters: params(`
				Path string[] @1 mandatory property {Path}
				LiteralPath|PSPath|LP string[] mandatory property {LiteralPath}
				Value object @2 pipeline property
				PassThru switch
				Type string` + itemFilters),
			Process: setItem,
		},
		{
			Name: "Clear-Item", Aliases: []string{"cli"}, Module: moduleManagement, DefaultSet: "Path", ShouldProcess: true,
			Parameters: params(itemPaths + itemFilters),
			Process:    clearItem,
		},
		{
			Name: "Invoke-Item", Aliases: []string{"ii"}, Module: moduleManagement,
			Refuse: "it opens a file with the desktop program that belongs to its type", Way: "start the program by its name",
		},
	}
}

func getItem(ctx context.Context, c *ps.Call, n *node) error {
	pr, err := providerOf(n.Path)
	if err != nil {
		return err
	}
	if n.hidden && !c.Switch("Force") && n.Provider == fileSystem {
		return c.Error(ctx, fail(ioException, "Could not find item "+n.Name+".", "ItemNotFound", ps.ObjectNotFound, n.Name))
	}
	v, err := pr.object(ctx, c.Session, n)
	if err != nil {
		return report(ctx, c, err)
	}
	if n.container && n.Provider != fileSystem && n.Provider != registry {
		return c.WriteEach(ctx, v)
	}
	return c.Write(ctx, v)
}

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
		if err := newFileAt(ctx, c, p, value); err != nil {
			return err
		}
		return writeFound(ctx, c, p)
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

func newFileAt(ctx context.Context, c *ps.Call, p ps.Path, value any) error {
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
		return nil
	}
	if machine.CodeOf(err) == machine.ErrorAlreadyExists {
		err = &machine.Error{Op: "create", Path: p.Name, Code: machine.ErrorFileExists}
	}
	return fileError{"NewItem", ps.WriteError, p.Name}.report(ctx, c, err)
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
	info, err := lstat(ctx, c.Session, p.Name)
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

// removeItem removes items; a directory with something in it needs -Recurse,
// since nobody is there who could be asked.
func removeItem(ctx context.Context, c *ps.Call) error {
	f := newFinder(c)
	recurse := c.Switch("Recurse")
	if recurse && (len(f.include) > 0 || len(f.exclude) > 0) {
		return removeFiltered(ctx, c, f)
	}
	return f.each(ctx, c, func(n *node) error { return removeNode(ctx, c, n, recurse) })
}

func removeNode(ctx context.Context, c *ps.Call, n *node, recurse bool) error {
	pr, err := providerOf(n.Path)
	if err != nil {
		return err
	}
	if n.container && !recurse && (n.info == nil || !n.info.IsLink()) {
		children, err := pr.list(ctx, c.Session, n)
		if err != nil && !fatal(err) {
			children = nil
		} else if err != nil {
			return err
		}
		if len(children) > 0 {
			return machine.Refuse(c.Cmdlet.Name+" "+n.String(), "the directory is not empty, so PowerShell asks whether to remove what is in it, and there is nobody to answer", "add -Recurse")
		}
	}
	if inUse(c.Session, n.Path) {
		return c.Error(ctx, fail(psInvalidOperation, "Cannot remove the item at '"+n.String()+"' because it is in use.", "InvalidOperation", ps.InvalidOperation, nil))
	}
	switch n.Provider {
	case fileSystem:
		return removeTree(ctx, c, n, recurse, c.Switch("Force"))
	case registry:
		yes, err := c.ShouldProcess(ctx, "Item: "+n.Name, "Remove Key")
		if err != nil || !yes {
			return err
		}
		if err := c.Session.Machine().Registry().DeleteKey(ctx, n.Name); err != nil {
			return reportKey(ctx, c, err, ps.WriteError, n.Name)
		}
		return nil
	}
	yes, err := c.ShouldProcess(ctx, "Item: "+n.Name, "Remove Item")
	if err != nil || !yes {
		return err
	}
	if err := flatOf(n.Provider).drop(c.Session, n.Name); err != nil {
		return report(ctx, c, err)
	}
	return nil
}

// inUse reports whether the session's location is an item or below it.
func inUse(s *ps.Session, p ps.Path) bool {
	at := s.Location()
	if at.Provider != p.Provider || p.Provider != fileSystem && p.Provider != registry {
		return false
	}
	here, there := strings.ToUpper(strings.TrimRight(at.Name, `\`)+`\`), strings.ToUpper(strings.TrimRight(p.Name, `\`)+`\`)
	return strings.HasPrefix(here, there)
}

// removeFiltered removes what the filters let through, at all depths.
func removeFiltered(ctx context.Context, c *ps.Call, f finder) error {
	list, literal := paths(c)
	plain := f
	plain.include, plain.exclude, plain.filter = nil, nil, ""
	for _, path := range list {
		nodes, err := plain.find(ctx, path, literal)
		if err != nil {
			if err := report(ctx, c, err); err != nil {
				return err
			}
			continue
		}
		for _, n := range nodes {
			if err := removeMatching(ctx, c, f, n); err != nil {
				return err
			}
		}
	}
	return nil
}

func removeMatching(ctx context.Context, c *ps.Call, f finder, n *node) error {
	pr, err := providerOf(n.Path)
	if err != nil {
		return err
	}
	if !n.container {
		if f.included(n) {
			return removeNode(ctx, c, n, true)
		}
		return nil
	}
	children, err := pr.list(ctx, c.Session, n)
	if err != nil {
		return report(ctx, c, err)
	}
	for _, child := range children {
		if !f.visible(child) {
			continue
		}
		if child.container {
			if err := removeMatching(ctx, c, f, child); err != nil {
				return err
			}
		}
		if f.included(child) {
			if err := removeNode(ctx, c, child, true); err != nil {
				return err
			}
		}
	}
	return nil
}

// renameItem gives an item another name in the same place.
func renameItem(ctx context.Context, c *ps.Call) error {
	path, literal := c.String("Path"), false
	if c.Has("LiteralPath") {
		path, literal = c.String("LiteralPath"), true
	}
	name := c.String("NewName")
	nodes, err := finder{s: c.Session, force: c.Switch("Force")}.find(ctx, path, literal)
	if err != nil && fatal(err) {
		return err
	}
	if err != nil || len(nodes) == 0 {
		return c.Error(ctx, fail(psInvalidOperation, "Cannot rename because item at '"+path+"' does not exist.", "InvalidOperation", ps.InvalidOperation, nil))
	}
	if len(nodes) > 1 {
		return c.Error(ctx, fail(psArgument, "Cannot rename item because the path resolved to multiple items. Only one item can be renamed at a time.", "Argument", ps.InvalidArgument, nil))
	}
	n := nodes[0]
	if inUse(c.Session, n.Path) {
		return c.Error(ctx, fail(psInvalidOperation, "Cannot rename the item at '"+path+"' because it is in use.", "InvalidOperation", ps.InvalidOperation, nil))
	}
	switch n.Provider {
	case fileSystem:
		return renameFile(ctx, c, n, name)
	case registry:
		return renameKey(ctx, c, n, name)
	}
	f := flatOf(n.Provider)
	if err := f.set(ctx, c.Session, name, f.content(n.value)); err != nil {
		return report(ctx, c, err)
	}
	if err := f.drop(c.Session, n.Name); err != nil {
		return report(ctx, c, err)
	}
	return passThru(ctx, c, ps.Path{Provider: n.Provider, Drive: n.Drive, Name: name})
}

// passThru writes what is at a path if -PassThru asks for it.
func passThru(ctx context.Context, c *ps.Call, p ps.Path) error {
	if !c.Switch("PassThru") {
		return nil
	}
	return writeFound(ctx, c, p)
}

func renameFile(ctx context.Context, c *ps.Call, n *node, name string) error {
	name = strings.ReplaceAll(name, "/", `\`)
	dir, _ := parent(n.Path)
	if strings.HasPrefix(name, `.\`) {
		name = name[2:]
	} else if i := strings.LastIndexByte(name, '\\'); i >= 0 && strings.EqualFold(strings.TrimSuffix(name[:i], `\`), strings.TrimSuffix(dir.Name, `\`)) {
		name = name[i+1:]
	}
	if strings.ContainsAny(name, `\:`) {
		return fail(psArgument, "Cannot rename the specified target, because it represents a path or device name.", "Argument", ps.InvalidArgument, nil)
	}
	to := join(dir, name)
	if machine.Device(to.Name) != "" {
		return c.Error(ctx, fail(argumentException, "Cannot process path '"+name+"' because the target represents a reserved device name.", "RenameError", ps.WriteError, name))
	}
	action := "Rename File"
	if n.container {
		action = "Rename Directory"
	}
	yes, err := c.ShouldProcess(ctx, "Item: "+n.Name+" Destination: "+to.Name, action)
	if err != nil || !yes {
		return err
	}
	if n.container && strings.EqualFold(n.leaf, name) && c.Session.Edition() == ps.Desktop {
		return c.Error(ctx, fail(ioException, "Source and destination path must be different.", "RenameItemIOError", ps.WriteError, n.Name))
	}
	if err := c.Session.Machine().FS().Rename(ctx, n.Name, to.Name, false); err != nil {
		return fileError{"RenameItem", ps.WriteError, n.Name}.report(ctx, c, moveError(err))
	}
	return passThru(ctx, c, to)
}

// moveError is the exception that MoveTo has for what is in the way: .NET does
// not name a file then.
func moveError(err error) error {
	switch machine.CodeOf(err) {
	case machine.ErrorAlreadyExists, machine.ErrorFileExists:
		return &ps.Exception{Type: ioException, Message: machine.MessageFor(machine.ErrorAlreadyExists), HResult: -2147024713}
	case machine.ErrorAccessDenied:
		return &ps.Exception{Type: unauthorized, Message: "Access to the path is denied.", HResult: -2147024891}
	}
	return err
}

func renameKey(ctx context.Context, c *ps.Call, n *node, name string) error {
	r := c.Session.Machine().Registry()
	dir, ok := parent(n.Path)
	if !ok {
		return noProvider(c, n.Path)
	}
	to := join(dir, name)
	yes, err := c.ShouldProcess(ctx, "Item: "+n.Name+" NewName: "+name, "Rename Item")
	if err != nil || !yes {
		return err
	}
	if there, _ := r.KeyExists(ctx, to.Name); there {
		return c.Error(ctx, fail(argumentException, "The item cannot be renamed because an item with that name already exists in the same container.", argumentException, ps.InvalidArgument, to.Name))
	}
	if err := copyKey(ctx, c.Session, n.Name, to.Name, true); err != nil {
		return reportKey(ctx, c, err, ps.WriteError, n.Name)
	}
	if err := r.DeleteKey(ctx, n.Name); err != nil {
		return reportKey(ctx, c, err, ps.WriteError, n.Name)
	}
	return passThru(ctx, c, to)
}

// setItem gives items a value; files have none.
func setItem(ctx context.Context, c *ps.Call) error {
	list, literal := paths(c)
	for _, path := range list {
		if !literal {
			path = ps.UnescapeWildcard(path)
		}
		p, err := c.Session.Resolve(path)
		if err != nil {
			if err := report(ctx, c, err); err != nil {
				return err
			}
			continue
		}
		switch p.Provider {
		case fileSystem:
			return fail(psNotSupported, "Provider operation stopped because the provider does not support this operation.", "NotSupported", ps.NotImplemented, nil)
		case registry:
			err = setKeyDefault(ctx, c, p)
		default:
			if _, err := providerOf(p); err != nil {
				return err
			}
			yes, err2 := c.ShouldProcess(ctx, "Item: "+p.Name+" Value: "+c.Session.ToString(c.Value("Value")), "Set Item")
			if err2 != nil || !yes {
				return err2
			}
			if err = flatOf(p.Provider).set(ctx, c.Session, p.Name, c.Value("Value")); err != nil {
				err = report(ctx, c, err)
			}
		}
		if err != nil {
			return err
		}
		if err := passThru(ctx, c, p); err != nil {
			return err
		}
	}
	return nil
}

func setKeyDefault(ctx context.Context, c *ps.Call, p ps.Path) error {
	kind, err := kindOf(c.Session, c.String("Type"))
	if err != nil {
		return report(ctx, c, err)
	}
	n, err := (keys{}).stat(ctx, c.Session, p)
	if err == nil && n == nil {
		err = notFound(p)
	}
	if err != nil {
		return report(ctx, c, err)
	}
	v, err := regValue(ctx, c.Session, "", c.Value("Value"), kind)
	if err == nil {
		err = c.Session.Machine().Registry().SetValue(ctx, p.Name, v)
	}
	if err != nil {
		return reportKey(ctx, c, err, ps.WriteError, p.Name)
	}
	return nil
}

// clearItem empties a registry key, or sets a variable to nothing.
func clearItem(ctx context.Context, c *ps.Call) error {
	return newFinder(c).each(ctx, c, func(n *node) error {
		switch n.Provider {
		case fileSystem:
			return fail(psNotSupported, "Provider operation stopped because the provider does not support this operation.", "NotSupported", ps.NotImplemented, nil)
		case registry:
			r := c.Session.Machine().Registry()
			values, err := r.Values(ctx, n.Name)
			for _, v := range values {
				if err == nil {
					err = r.DeleteValue(ctx, n.Name, v.Name)
				}
			}
			if err != nil {
				return reportKey(ctx, c, err, ps.WriteError, n.Name)
			}
			return nil
		case functions, aliases, environment:
			return flatOf(n.Provider).drop(c.Session, n.Name)
		}
		return c.Session.SetVariable(n.Name, nil)
	})
}
