package pscmd

import (
	"context"
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
			Syntax: params(itemPaths + itemFilters + `
				Stream string[] dynamic !alternate data streams do not exist in image layers
				UseTransaction|usetx switch 5.1 !registry transactions need Windows`),
			Process: func(ctx context.Context, c *ps.Call) error {
				return newFinder(c).each(ctx, c, func(n *node) error { return getItem(ctx, c, n) })
			},
		},
		{
			Name: "New-Item", Aliases: []string{"ni"}, Module: moduleManagement, DefaultSet: "pathSet", ShouldProcess: true,
			Syntax: params(`
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
			Syntax: params(`
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
			Syntax: params(itemPaths + itemFilters + `
				Recurse switch
				Stream string[] dynamic !alternate data streams do not exist in image layers
				UseTransaction|usetx switch 5.1 !registry transactions need Windows`),
			Process: removeItem,
		},
		{
			Name: "Rename-Item", Aliases: []string{"ren", "rni"}, Module: moduleManagement, DefaultSet: "ByPath", ShouldProcess: true,
			Syntax: params(`
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
			Syntax: params(`
				Path string[] @1 mandatory property {Path}
				LiteralPath|PSPath|LP string[] mandatory property {LiteralPath}
				Value object @2 pipeline property
				PassThru switch
				Type string` + itemFilters),
			Process: setItem,
		},
		{
			Name: "Clear-Item", Aliases: []string{"cli"}, Module: moduleManagement, DefaultSet: "Path", ShouldProcess: true,
			Syntax:  params(itemPaths + itemFilters),
			Process: clearItem,
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
	yes, err := c.ShouldProcess(ctx, "Item: "+p.Name+" Value: "+c.Session.ToString(c.Value("Value")), "Set Item")
	if err != nil || !yes {
		return err
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
		if n.Provider == fileSystem {
			return fail(psNotSupported, "Provider operation stopped because the provider does not support this operation.", "NotSupported", ps.NotImplemented, nil)
		}
		yes, err := c.ShouldProcess(ctx, "Item: "+n.Name, "Clear Item")
		if err != nil || !yes {
			return err
		}
		switch n.Provider {
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
