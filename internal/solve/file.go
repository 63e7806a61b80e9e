package solve

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/casement/casement/internal/llb"
	"github.com/casement/casement/internal/tree"
	"github.com/casement/casement/internal/winmeta"
)

// state is a tree under change: a chain and the changes that the actions of
// one file operation have made so far. All of them become one layer.
type state struct {
	base    tree.Chain
	changes []tree.Change
	top     *tree.Layer // of changes; nil when it has to be made again
}

// chain returns the tree as it is now.
func (s *state) chain() tree.Chain {
	if len(s.changes) == 0 {
		return s.base
	}
	if s.top == nil {
		s.top = &tree.Layer{Changes: tree.NewSet(slices.Clone(s.changes))}
	}
	return s.base.Push(s.top)
}

// with returns the state after more changes. The receiver stays as it is,
// since several actions may start from it.
func (s *state) with(more []tree.Change) *state {
	if len(more) == 0 {
		return s
	}
	changes := s.changes
	if replaced := replacedBy(more); len(replaced) > 0 && len(changes) > 0 {
		changes = slices.DeleteFunc(slices.Clone(changes), func(c tree.Change) bool { return isBelow(c.Name(), replaced) })
	}
	return &state{base: s.base, changes: append(slices.Clip(changes), more...)}
}

// replacedBy returns the names that are no directories after the changes:
// nothing that was below them before is left.
func replacedBy(changes []tree.Change) map[string]bool {
	m := map[string]bool{}
	for _, c := range changes {
		if c.Entry == nil || c.Entry.Kind != tree.Dir {
			m[c.Name()] = true
		}
	}
	return m
}

func isBelow(name string, dirs map[string]bool) bool {
	for dir := tree.Parent(name); dir != ""; dir = tree.Parent(dir) {
		if dirs[dir] {
			return true
		}
	}
	return false
}

// file does the actions of a file operation in turn. Index i of an action is
// an input of the vertex, or past those the result of an earlier action.
func (s *Solver) file(ctx context.Context, v *llb.Vertex, op *llb.File, inputs []tree.Chain) ([]tree.Chain, error) {
	states := make([]*state, 0, len(inputs)+len(op.Actions))
	for _, in := range inputs {
		states = append(states, &state{base: in})
	}
	get := func(i int) *state {
		if i == llb.Scratch {
			return &state{}
		}
		return states[i]
	}
	outputs := map[int]tree.Chain{}
	for _, a := range op.Actions {
		d := &doer{solver: s, vertex: v, dest: get(a.Input), get: get}
		changes, err := d.do(ctx, a)
		if err != nil {
			return nil, err
		}
		next := d.dest.with(changes)
		states = append(states, next)
		if a.Output != llb.Discard {
			outputs[a.Output] = next.finish(v)
		}
	}
	chains := make([]tree.Chain, len(outputs))
	for i, c := range outputs {
		chains[i] = c
	}
	return chains, nil
}

// finish pushes the changes as one layer.
func (s *state) finish(v *llb.Vertex) tree.Chain {
	changes := shareLinks(tree.NewSet(slices.Clone(s.changes)))
	return s.base.Push(&tree.Layer{Changes: changes, Label: stepName(v.Name), Where: v.Where.String()})
}

// shareLinks turns files that were copied with several names of one hard link
// into one file and links to it.
func shareLinks(set *tree.Set) *tree.Set {
	first := map[string]string{}
	var out []tree.Change
	linked := false
	for c := range set.All(context.Background()) {
		if e := c.Entry; e != nil && e.Kind == tree.File && e.Link != "" {
			if target, ok := first[e.Link]; ok {
				l := *e
				l.Kind, l.Target, l.Content, l.Size = tree.Hardlink, target, nil, 0
				c.Entry, linked = &l, true
			} else {
				first[e.Link] = e.Name
			}
		}
		out = append(out, c)
	}
	if !linked {
		return set
	}
	return tree.NewSet(out)
}

// doer does one action.
type doer struct {
	solver *Solver
	vertex *llb.Vertex
	dest   *state
	get    func(int) *state
}

func (d *doer) do(ctx context.Context, a llb.Action) ([]tree.Change, error) {
	switch do := a.Do.(type) {
	case *llb.Copy:
		return d.copy(ctx, do, d.get(a.SecondaryInput).chain())
	case *llb.Mkdir:
		return d.mkdir(ctx, do)
	case *llb.Mkfile:
		return d.mkfile(ctx, do)
	case *llb.Remove:
		return d.remove(ctx, do)
	case *llb.Link:
		return d.link(ctx, do)
	}
	return nil, fmt.Errorf("file action %T is not known", a.Do)
}

// place is where an action writes: the tree that it may look at, and the
// owner and times that it gives.
type place struct {
	tree  tree.Tree
	folds bool
	// blind says that there is a base image below the tree that nobody has
	// read.
	blind bool
	owner *tree.Owner
	unix  *tree.Unix // numeric owner on Linux; nil for the default
	times *tree.Times
}

// place prepares the destination. On Linux the base image is read if that is
// needed to know what is in it. On Windows, where a base has gigabytes, only
// what is known for nothing is looked at: the layers that the build has made
// and the directories that every Windows has.
func (d *doer) place(ctx context.Context, owner *llb.ChownOpt, timestamp int64) (*place, error) {
	c := d.dest.chain()
	p := &place{tree: c.View(), folds: c.Folds()}
	if p.folds && c.Sealed() {
		p.tree, p.blind = c.Known(), true
	}
	if timestamp != llb.Keep {
		t := time.Unix(0, timestamp)
		p.times = &tree.Times{Modified: t, Accessed: t, Changed: t, Created: t}
	}
	return p, d.chown(ctx, p, owner)
}

// lookup returns the entry called name, or nil if there is none that is known.
func (p *place) lookup(ctx context.Context, name string) (*tree.Entry, error) {
	if name == "" {
		return &tree.Entry{Kind: tree.Dir}, nil
	}
	e, err := p.tree.Lookup(ctx, name)
	if errors.Is(err, fs.ErrNotExist) && p.blind && winmeta.IsStandardDir(name) {
		return &tree.Entry{Name: winmeta.SpellPath(name), Kind: tree.Dir}, nil
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return e, err
}

// resolve follows links on the way to name, as far as they are known.
func (p *place) resolve(ctx context.Context, name string, last bool) (string, error) {
	if p.folds {
		name = winmeta.ResolveStandardJunctions(name)
	}
	to, _, err := tree.Resolve(ctx, p.tree, name, last)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	return to, nil
}

// entry returns e with the owner and the times of the place.
func (p *place) entry(e tree.Entry) tree.Change {
	if p.owner != nil {
		e.Owner = p.owner
		if e.Windows != nil {
			w := *e.Windows
			w.Descriptor = nil
			e.Windows = &w
		}
	}
	if p.unix != nil {
		u := tree.Unix{Mode: defaultMode(e.Kind)}
		if e.Unix != nil {
			u = *e.Unix
		}
		u.UID, u.GID = p.unix.UID, p.unix.GID
		e.Unix = &u
	}
	if p.times != nil {
		e.Times = *p.times
	}
	return tree.Change{Entry: &e}
}

// parents returns the directories above name that have to be made, and an
// error if one of them is something else.
func (p *place) parents(ctx context.Context, name string, mode uint32, made map[string]bool) ([]tree.Change, error) {
	var missing []string
	for dir := tree.Parent(name); dir != "" && !made[dir]; dir = tree.Parent(dir) {
		e, err := p.lookup(ctx, dir)
		if err != nil {
			return nil, err
		}
		if e != nil && e.Kind != tree.Dir {
			return nil, fmt.Errorf("making /%s: /%s is a %s, not a directory", name, dir, e.Kind)
		}
		if e != nil {
			break
		}
		missing = append(missing, dir)
	}
	var changes []tree.Change
	for _, dir := range slices.Backward(missing) {
		made[dir] = true
		changes = append(changes, p.entry(tree.Entry{Name: dir, Kind: tree.Dir, Unix: &tree.Unix{Mode: mode}}))
	}
	return changes, nil
}

func defaultMode(k tree.Kind) uint32 {
	if k == tree.Dir {
		return 0o755
	}
	return 0o644
}

func (d *doer) mkdir(ctx context.Context, m *llb.Mkdir) ([]tree.Change, error) {
	p, err := d.place(ctx, m.Owner, m.Timestamp)
	if err != nil {
		return nil, err
	}
	name, err := p.resolve(ctx, tree.Clean(m.Path), true)
	if err != nil {
		return nil, err
	}
	e, err := p.lookup(ctx, name)
	switch {
	case err != nil:
		return nil, err
	case e != nil && e.Kind == tree.Dir:
		return nil, nil
	case e != nil:
		return nil, fmt.Errorf("making directory /%s: there is a %s of that name", name, e.Kind)
	}
	mode := uint32(m.Mode) & 0o7777
	var changes []tree.Change
	if m.MakeParents {
		if changes, err = p.parents(ctx, name, mode, map[string]bool{}); err != nil {
			return nil, err
		}
	}
	return append(changes, p.entry(tree.Entry{Name: name, Kind: tree.Dir, Unix: &tree.Unix{Mode: mode}})), nil
}

func (d *doer) mkfile(ctx context.Context, m *llb.Mkfile) ([]tree.Change, error) {
	p, err := d.place(ctx, m.Owner, m.Timestamp)
	if err != nil {
		return nil, err
	}
	name, err := p.resolve(ctx, tree.Clean(m.Path), true)
	if err != nil {
		return nil, err
	}
	e, err := p.lookup(ctx, name)
	if err != nil {
		return nil, err
	}
	if e != nil && e.Kind == tree.Dir {
		return nil, fmt.Errorf("writing /%s: it is a directory", name)
	}
	f := tree.Entry{Name: name, Kind: tree.File, Size: int64(len(m.Data)), Unix: &tree.Unix{Mode: uint32(m.Mode) & 0o7777}}
	if len(m.Data) > 0 {
		f.Content = tree.Bytes(m.Data)
	}
	return []tree.Change{p.entry(f)}, nil
}

func (d *doer) link(ctx context.Context, m *llb.Link) ([]tree.Change, error) {
	p, err := d.place(ctx, m.Owner, m.Timestamp)
	if err != nil {
		return nil, err
	}
	name, err := p.resolve(ctx, tree.Clean(m.Path), false)
	if err != nil {
		return nil, err
	}
	return []tree.Change{p.entry(tree.Entry{Name: name, Kind: tree.Symlink, Target: m.Target})}, nil
}

func (d *doer) remove(ctx context.Context, m *llb.Remove) ([]tree.Change, error) {
	view := d.dest.chain().View()
	names := []string{tree.Clean(m.Path)}
	if m.AllowWildcard {
		var err error
		if names, err = wildcard(ctx, view, m.Path, d.dest.base.Folds()); err != nil {
			return nil, err
		}
	}
	var changes []tree.Change
	for _, n := range names {
		to, e, err := tree.Resolve(ctx, view, n, false)
		if errors.Is(err, fs.ErrNotExist) && m.AllowNotFound {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("removing %s: %w", m.Path, err)
		}
		if to == "" {
			return nil, errors.New("removing /: the root cannot be removed")
		}
		changes = append(changes, tree.Change{Removed: e.Name})
	}
	return changes, nil
}

// trailingSlash reports whether a destination is written as a directory.
func trailingSlash(path string) bool {
	return strings.HasSuffix(path, "/") || strings.HasSuffix(path, "/.") || path == "." || path == ""
}
