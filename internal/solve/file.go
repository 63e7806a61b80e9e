package solve

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strconv"

	"github.com/casement/casement/internal/llb"
	"github.com/casement/casement/internal/run"
	"github.com/casement/casement/internal/tree"
)

// file does the actions of a file operation in turn. Index i of an action is
// an input of the vertex, or past those the result of an earlier action.
func (s *Solver) file(ctx context.Context, v *llb.Vertex, op *llb.File, inputs []tree.Chain) ([]tree.Chain, error) {
	states := make([]*state, 0, len(inputs)+len(op.Actions))
	for _, in := range inputs {
		states = append(states, newState(in))
	}
	get := func(i int) *state {
		if i == llb.Scratch {
			return newState(tree.Chain{})
		}
		return states[i]
	}
	outputs, warned := map[int]tree.Chain{}, map[string]bool{}
	for i, a := range op.Actions {
		d := &doer{solver: s, vertex: v, dest: get(a.Input), get: get, id: v.Digest + "/" + strconv.Itoa(i), warned: warned}
		changes, err := d.do(ctx, a)
		if err != nil {
			return nil, err
		}
		next := d.dest.with(changes, d.distinct).at(d.landed)
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

// doer does one action.
type doer struct {
	solver *Solver
	vertex *llb.Vertex
	dest   *state
	get    func(int) *state
	id     string          // tells the action from all others
	warned map[string]bool // what the operation has warned of
	// distinct says that the changes of the action are about different names.
	distinct bool
	// landed is what the copies before have put in the place of a destination.
	landed landing
}

func (d *doer) do(ctx context.Context, a llb.Action) ([]tree.Change, error) {
	switch do := a.Do.(type) {
	case *llb.Copy:
		d.landed = d.dest.landed
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

// warn tells the observer of something that is not an error, once for all
// sources of a COPY.
func (d *doer) warn(message, hint string) {
	if d.solver.Observer != nil && !d.warned[message] {
		d.warned[message] = true
		d.solver.Observer.Warn(d.vertex, run.Warning{Message: message, Hint: hint})
	}
}

// target prepares the place of an action that makes one thing: its name, with
// the links on the way followed, and what is there now, nil for nothing.
func (d *doer) target(ctx context.Context, path string, owner *llb.ChownOpt, timestamp int64) (*place, string, *tree.Entry, error) {
	p, err := d.place(ctx, owner, timestamp)
	if err != nil {
		return nil, "", nil, err
	}
	name, err := p.resolve(ctx, tree.Clean(path))
	if err != nil {
		return nil, "", nil, err
	}
	e, err := p.find(ctx, name)
	return p, name, e, err
}

func (d *doer) mkdir(ctx context.Context, m *llb.Mkdir) ([]tree.Change, error) {
	p, name, e, err := d.target(ctx, m.Path, m.Owner, m.Timestamp)
	if err != nil {
		return nil, err
	}
	mode := uint32(m.Mode) & 0o777
	switch {
	case e != nil && e.Kind == tree.Dir:
		return nil, nil
	case e != nil:
		return nil, fmt.Errorf("making directory /%s: there is a %s of that name", name, e.Kind)
	}
	if !m.MakeParents {
		if err := p.needParent(ctx, name); err != nil {
			return nil, fmt.Errorf("making directory /%s: %w", name, err)
		}
	}
	_, err = p.makeDirs(ctx, name, mode)
	return p.changes, err
}

func (d *doer) mkfile(ctx context.Context, m *llb.Mkfile) ([]tree.Change, error) {
	p, name, e, err := d.target(ctx, m.Path, m.Owner, m.Timestamp)
	if err != nil {
		return nil, err
	}
	if e != nil && e.Kind == tree.Dir {
		return nil, fmt.Errorf("writing /%s: it is a directory", name)
	}
	if err := p.needParent(ctx, name); err != nil {
		return nil, fmt.Errorf("writing /%s: %w", name, err)
	}
	f := tree.Entry{Name: name, Kind: tree.File, Size: int64(len(m.Data)), Unix: &tree.Unix{Mode: uint32(m.Mode) & 0o777}}
	if len(m.Data) > 0 {
		f.Content = tree.Bytes(m.Data)
	}
	p.put(f, e)
	return p.changes, nil
}

func (d *doer) link(ctx context.Context, m *llb.Link) ([]tree.Change, error) {
	p, name, e, err := d.target(ctx, m.Path, m.Owner, m.Timestamp)
	if err != nil {
		return nil, err
	}
	if e != nil {
		return nil, fmt.Errorf("making link /%s: there is a %s of that name: %w", name, e.Kind, fs.ErrExist)
	}
	if err := p.needParent(ctx, name); err != nil {
		return nil, fmt.Errorf("making link /%s: %w", name, err)
	}
	p.put(tree.Entry{Name: name, Kind: tree.Symlink, Target: m.Target}, nil)
	return p.changes, nil
}

// remove looks into base images: what is not there must not be removed, since
// hosts refuse some layers that do.
func (d *doer) remove(ctx context.Context, m *llb.Remove) ([]tree.Change, error) {
	view := d.dest.chain().View()
	names := []string{tree.Clean(m.Path)}
	if m.AllowWildcard && hasMeta(m.Path) {
		var err error
		if names, err = wildcard(ctx, view, m.Path, d.dest.base.Folds(), false); err != nil {
			return nil, fmt.Errorf("removing %s: %w", m.Path, err)
		}
	}
	var changes []tree.Change
	for _, n := range names {
		if n == "" {
			return nil, errors.New("removing /: the root cannot be removed")
		}
		_, e, err := tree.Resolve(ctx, view, n, false)
		if errors.Is(err, fs.ErrNotExist) && m.AllowNotFound {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("removing %s: %w", m.Path, err)
		}
		if e.Name == "" {
			return nil, errors.New("removing /: the root cannot be removed")
		}
		changes = append(changes, tree.Change{Removed: e.Name})
	}
	return changes, nil
}
