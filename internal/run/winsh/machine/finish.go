package machine

import (
	"context"
	"io"
	"maps"
	"slices"
	"strconv"

	"github.com/casement/casement/internal/tree"
	"github.com/casement/casement/internal/winmeta"
)

// Finish says what the step did. The machine must not be used afterwards.
// Files whose times nobody set get none: the build decides.
func (m *Machine) Finish(ctx context.Context) (*Result, error) {
	defer m.Close()
	f := m.FS()
	c := &collector{f: f, groups: map[*object]string{}, guessed: map[string]bool{}, repeated: map[string]bool{}}
	if f.root.changed {
		e := f.entry(f.root, "")
		e.Windows.Attributes = uint32(winmeta.DirectoryAttributes) // a drive's own are not in layers
		c.changes = append(c.changes, tree.Change{Entry: e})
	}
	if err := c.dir(ctx, f.root, ""); err != nil {
		return nil, err
	}
	res := &Result{Changes: c.changes, Guessed: c.guessed, Repeated: c.repeated}
	for _, n := range c.mounts {
		b := n.mount
		if b.mount.Save == nil || n.kind != tree.Dir {
			continue
		}
		sub := &collector{f: f, groups: map[*object]string{}, repeated: map[string]bool{}}
		if err := sub.dir(ctx, n, ""); err != nil {
			return nil, err
		}
		if err := b.mount.Save(ctx, sub.changes); err != nil {
			return nil, err
		}
	}
	var err error
	if res.Registry, err = m.registry.result(ctx, res); err != nil || m.opts.Deltas == nil {
		return res, err
	}
	kept, err := m.opts.Deltas(res.Registry)
	if err != nil || len(kept) == 0 {
		return res, err
	}
	res.Hives, err = m.registry.deltaHives(ctx, kept)
	return res, err
}

// Close lets go of the files of this computer that a machine may hold. Finish
// does it too.
func (m *Machine) Close() { m.registry.close() }

// collector turns the nodes of a region into changes.
type collector struct {
	f       *FS
	changes []tree.Change
	mounts  []*node
	groups  map[*object]string // of files with several names
	guessed map[string]bool    // removed names that may never have been there
	// repeated are the directories that are collected as they were.
	repeated map[string]bool
}

// dir collects what has changed in a directory that the layers below have at
// the same place. name is its name in the region.
func (c *collector) dir(ctx context.Context, dir *node, name string) error {
	for _, key := range slices.Sorted(maps.Keys(dir.kids)) {
		n := dir.kids[key]
		full := tree.Join(name, n.name)
		switch {
		case n.object == nil:
			if err := c.removed(ctx, dir, n, full); err != nil {
				return err
			}
		case n.mount != nil:
			c.mounts = append(c.mounts, n)
		case n.stub:
			if err := c.stub(ctx, n, full); err != nil {
				return err
			}
		case n.kind == tree.Dir && n.natural():
			if err := c.same(ctx, n, full); err != nil {
				return err
			}
		case n.kind == tree.Dir:
			if err := c.fresh(ctx, n, full, n.below); err != nil {
				return err
			}
		case n.changed || !n.natural():
			if err := c.file(ctx, n, full); err != nil {
				return err
			}
		}
	}
	return nil
}

// same collects a directory that is where the layers below have it. A layer that
// has something in a directory has the directory, too, and replaces what lower
// layers say of it. Of layers that can be read for nothing the writer of layers
// repeats that; what a sealed one says is known here only, if the step has seen it.
func (c *collector) same(ctx context.Context, n *node, name string) error {
	at := len(c.changes)
	if err := c.dir(ctx, n, name); err != nil {
		return err
	}
	repeat := n.changed
	if !repeat && len(c.changes) > at && len(n.src.base.sealed) > 0 && !n.src.assumed && n.src.entry.Windows != nil {
		e, err := find(ctx, n.src.base.known, n.src.name)
		if err != nil {
			return err
		}
		repeat = e == nil || e.Windows == nil && e.Owner == nil
	}
	if repeat {
		c.repeated[name] = !n.changed
		c.changes = slices.Insert(c.changes, at, tree.Change{Entry: c.whole(n, name)})
	}
	return nil
}

// whole is the entry of a directory that says all of it: about a directory of which
// an entry says nothing, the writer of layers repeats what lower layers say.
func (c *collector) whole(n *node, name string) *tree.Entry {
	e := c.f.entry(n, name)
	if e.Windows == nil && e.Owner == nil {
		e.Windows = &tree.Windows{Attributes: uint32(n.attributes)}
	}
	return e
}

// removed collects a name that is gone. A removal of what is not there is refused
// by some importers of layers, so a base is asked for a name that the step itself
// has made without a look. In the places where steps put what they download it is
// not asked, for that would read it in most builds, and the name leaves nothing.
func (c *collector) removed(ctx context.Context, dir, n *node, name string) error {
	if !n.below {
		if dir.src.base.blind && passing(name) {
			return nil
		}
		e, _, err := dir.src.base.lookup(ctx, tree.Join(dir.src.name, n.name), sure)
		if err != nil || e == nil {
			return err
		}
	}
	c.changes = append(c.changes, tree.Change{Removed: name})
	return nil
}

// passing reports whether a name lies where files come and go: in the root, or in
// a directory for temporary files.
func passing(name string) bool {
	dir := tree.Parent(name)
	return dir == "" || tree.SameName(tree.Base(dir), "Temp") && winmeta.IsStandardDir(dir)
}

// stub collects from a directory that is there for the step: it counts only if
// the step has changed it, or put something into one that the base lacks.
func (c *collector) stub(ctx context.Context, n *node, name string) error {
	before := len(c.changes)
	if err := c.dir(ctx, n, name); err != nil {
		return err
	}
	if n.changed || len(c.changes) > before && n.src == nil {
		e := tree.Change{Entry: c.f.entry(n, name)}
		c.changes = slices.Insert(c.changes, before, e)
	}
	return nil
}

// fresh collects a directory that the step has made or moved here, with all
// that is in it. below says that the layers below have something here: what of
// it is not replaced has to be removed by name, because Windows layers have no
// other way.
func (c *collector) fresh(ctx context.Context, dir *node, name string, below bool) error {
	e := c.f.entry(dir, name)
	if below {
		e = c.whole(dir, name) // what was said of the old one does not count
	}
	c.changes = append(c.changes, tree.Change{Entry: e})
	kids, err := c.f.children(ctx, dir)
	if err != nil {
		return err
	}
	old := map[string]*tree.Entry{}
	if below {
		if old, err = c.old(ctx, dir, name); err != nil {
			return err
		}
	}
	for _, n := range kids {
		key := tree.Fold(n.name)
		was := old[key]
		delete(old, key)
		full := tree.Join(name, n.name)
		switch {
		case n.mount != nil:
			c.mounts = append(c.mounts, n)
		case n.stub:
			err = c.stub(ctx, n, full)
		case n.kind == tree.Dir:
			err = c.fresh(ctx, n, full, was != nil && was.Kind == tree.Dir)
		default:
			err = c.file(ctx, n, full)
		}
		if err != nil {
			return err
		}
	}
	for _, key := range slices.Sorted(maps.Keys(old)) {
		c.changes = append(c.changes, tree.Change{Removed: tree.Join(name, tree.Base(old[key].Name))})
	}
	return nil
}

// old lists what the layers below have in a directory.
func (c *collector) old(ctx context.Context, dir *node, name string) (map[string]*tree.Entry, error) {
	b := dir.parent.region()
	entries, err := b.list(ctx, name)
	if err != nil {
		return nil, err
	}
	m := map[string]*tree.Entry{}
	for _, e := range entries {
		m[tree.Fold(tree.Base(e.Name))] = e
	}
	return m, nil
}

// file collects a file or link.
func (c *collector) file(ctx context.Context, n *node, name string) error {
	e := c.f.entry(n, name)
	if p, ok := e.Content.(*parts); ok {
		whole, err := c.join(ctx, p)
		if err != nil {
			return err
		}
		n.content, e.Content = whole, whole
	}
	e.Link = ""
	if len(n.names) > 1 {
		id, ok := c.groups[n.object]
		if !ok {
			id = "step:" + strconv.Itoa(len(c.groups)+1)
			c.groups[n.object] = id
		}
		e.Link = id
	} else if n.src != nil && !n.changed {
		e.Link = n.src.entry.Link // it was moved with its directory
	}
	c.changes = append(c.changes, tree.Change{Entry: e})
	return nil
}

// join makes one content of several.
func (c *collector) join(ctx context.Context, p *parts) (tree.Content, error) {
	w, err := c.f.m.opts.Spool.Create(ctx)
	if err != nil {
		return nil, err
	}
	defer w.Abort()
	r, err := p.Open(ctx)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	if _, err := io.Copy(w, r); err != nil {
		return nil, err
	}
	return w.Commit()
}
