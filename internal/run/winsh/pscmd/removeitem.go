package pscmd

import (
	"context"
	"strings"

	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/run/winsh/ps"
)

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
