package pscmd

import (
	"context"
	"slices"
	"strings"

	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/run/winsh/ps"
)

// locationCmdlets move through the providers.
func locationCmdlets() []*ps.Cmdlet {
	list := []*ps.Cmdlet{
		{
			Name: "Get-Location", Aliases: []string{"gl", "pwd"}, Module: moduleManagement, DefaultSet: "Location",
			Syntax: params(`
				PSProvider string[] property {Location}
				PSDrive string[] property {Location}
				Stack switch {Stack} !stacks of locations are not shown
				StackName string[] property {Stack} !stacks of locations are not shown
				UseTransaction|usetx switch 5.1 !registry transactions need Windows`),
			Process: getLocation,
		},
		{
			Name: "Set-Location", Aliases: []string{"cd", "chdir", "sl"}, Module: moduleManagement, DefaultSet: "Path",
			Syntax: params(`
				Path string @1 pipeline property {Path}
				LiteralPath|PSPath|LP string mandatory property {LiteralPath}
				PassThru switch
				StackName string property {Stack} !there is one stack of locations
				UseTransaction|usetx switch 5.1 !registry transactions need Windows`),
			Process: func(ctx context.Context, c *ps.Call) error {
				path, literal := c.String("Path"), false
				if c.Has("LiteralPath") {
					path, literal = c.String("LiteralPath"), true
				}
				if path == "" {
					if c.Session.Edition() == ps.Desktop {
						return nil
					}
					path = "~"
				}
				return setLocation(ctx, c, path, literal)
			},
		},
		{
			Name: "cd..", Function: true, Class: "Microsoft.PowerShell.Commands.SetLocationCommand",
			Process: func(ctx context.Context, c *ps.Call) error { return setLocation(ctx, c, "..", false) },
		},
		{
			Name: `cd\`, Function: true, Class: "Microsoft.PowerShell.Commands.SetLocationCommand",
			Process: func(ctx context.Context, c *ps.Call) error { return setLocation(ctx, c, `\`, false) },
		},
		{
			Name: "Push-Location", Aliases: []string{"pushd"}, Module: moduleManagement, DefaultSet: "Path",
			Syntax: params(`
				Path string @1 pipeline property {Path}
				LiteralPath|PSPath|LP string property {LiteralPath}
				PassThru switch
				StackName string property !there is one stack of locations
				UseTransaction|usetx switch 5.1 !registry transactions need Windows`),
			Process: pushLocation,
		},
		{
			Name: "Pop-Location", Aliases: []string{"popd"}, Module: moduleManagement,
			Syntax: params(`
				PassThru switch
				StackName string property !there is one stack of locations
				UseTransaction|usetx switch 5.1 !registry transactions need Windows`),
			Process: popLocation,
		},
	}
	for letter := 'A'; letter <= 'Z'; letter++ {
		drive := string(letter) + ":"
		list = append(list, &ps.Cmdlet{
			Name: drive, Function: true, Class: "Microsoft.PowerShell.Commands.SetLocationCommand",
			Process: func(ctx context.Context, c *ps.Call) error { return setLocation(ctx, c, drive, false) },
		})
	}
	return list
}

func getLocation(ctx context.Context, c *ps.Call) error {
	if !c.Has("PSDrive") && !c.Has("PSProvider") {
		return c.Write(ctx, c.Session.PathInfo(c.Session.Location()))
	}
	for _, d := range c.Session.Drives() {
		if c.Has("PSDrive") && !likeAny(c.Strings("PSDrive"), d.Name) || c.Has("PSProvider") && !likeAny(c.Strings("PSProvider"), d.Provider) {
			continue
		}
		p, err := c.Session.Resolve(d.Name + ":")
		if err != nil {
			return err
		}
		if err := c.Write(ctx, c.Session.PathInfo(p)); err != nil {
			return err
		}
	}
	return nil
}

// setLocation moves to a container that exists.
func setLocation(ctx context.Context, c *ps.Call, path string, literal bool) error {
	if path == "-" || path == "+" {
		if c.Session.Edition() == ps.Core {
			return machine.Refuse("Set-Location "+path, "the history of locations is not kept", "name the directory")
		}
	}
	nodes, err := finder{s: c.Session, force: true}.find(ctx, path, literal)
	if err != nil {
		return report(ctx, c, err)
	}
	nodes = slices.DeleteFunc(nodes, func(n *node) bool { return !n.container })
	if len(nodes) > 1 {
		return c.Error(ctx, fail(psArgument, "Cannot set the location because path '"+path+"' resolved to multiple containers. You can only set the location to a single container at a time.",
			"Argument", ps.InvalidArgument, nil))
	}
	if len(nodes) == 0 {
		full := path
		if p, err := c.Session.Resolve(path); err == nil && !strings.ContainsAny(path, "*?[") {
			full = p.String()
		}
		return c.Error(ctx, pathNotFound(full))
	}
	if n := nodes[0]; n.info != nil && c.Session.Edition() == ps.Core {
		// 7 shows names as they are stored, 5.1 as they were written.
		n.Name = n.info.Path
	}
	if err := c.Session.SetLocation(nodes[0].Path); err != nil {
		return report(ctx, c, err)
	}
	if c.Switch("PassThru") {
		return c.Write(ctx, c.Session.PathInfo(c.Session.Location()))
	}
	return nil
}

// locationStack is the variable that keeps the stack of Push-Location: it
// belongs to the session, as all that cmdlets have to remember.
const locationStack = "__casement_location_stack"

func pushLocation(ctx context.Context, c *ps.Call) error {
	stack := stackOf(c.Session)
	stack.Items = append(stack.Items, c.Session.Location().String())
	path, literal := c.String("Path"), false
	if c.Has("LiteralPath") {
		path, literal = c.String("LiteralPath"), true
	}
	if path == "" {
		return nil
	}
	return setLocation(ctx, c, path, literal)
}

func popLocation(ctx context.Context, c *ps.Call) error {
	stack := stackOf(c.Session)
	if len(stack.Items) == 0 {
		return nil
	}
	last := c.Session.ToString(stack.Items[len(stack.Items)-1])
	stack.Items = stack.Items[:len(stack.Items)-1]
	return setLocation(ctx, c, last, true)
}
