package solve

import (
	"slices"

	"github.com/casement/casement/internal/llb"
	"github.com/casement/casement/internal/tree"
)

// state is a tree under change: a chain and the changes that the actions of
// one file operation have made so far. All of them become one layer. States do
// not change, since several actions may start from one.
type state struct {
	base    tree.Chain
	changes []tree.Change // one for each name
	set     *tree.Set     // of changes
	above   tree.Chain    // base with the changes on top
	landed  landing       // if the last action was a copy
}

func newState(base tree.Chain) *state {
	return &state{base: base, set: tree.NewSet(nil), above: base}
}

// chain returns the tree as it is now.
func (s *state) chain() tree.Chain { return s.above }

// with returns the state after more changes, which are in the order in which
// they were made. distinct says that no two of them are about the same name.
func (s *state) with(more []tree.Change, distinct bool) *state {
	if len(more) == 0 {
		return s
	}
	if len(s.changes) == 0 && distinct {
		return newTop(s.base, more)
	}
	r := replay{list: slices.Clone(s.changes), index: make(map[string]int, len(s.changes)+len(more)), above: map[string]bool{}}
	for i, c := range s.changes {
		r.add(c.Name(), i)
	}
	for _, c := range more {
		r.change(c)
	}
	return newTop(s.base, r.result())
}

// at returns the state with what the last copy has put in the place of its
// destination.
func (s *state) at(l landing) *state {
	next := *s
	next.landed = l
	return &next
}

func newTop(base tree.Chain, changes []tree.Change) *state {
	set := tree.NewSet(slices.Clone(changes))
	return &state{base: base, changes: changes, set: set, above: base.Push(&tree.Layer{Changes: set})}
}

// finish returns the chain with the changes as one layer.
func (s *state) finish(v *llb.Vertex) tree.Chain {
	return s.base.Push(&tree.Layer{Changes: s.set, Label: StepName(v.Name), Where: v.Where.String()})
}

// replay turns a sequence of changes into a set with the same outcome.
type replay struct {
	list  []tree.Change
	index map[string]int  // name -> position in list
	above map[string]bool // directories that something in list lies below
}

func (r *replay) add(name string, at int) {
	r.index[name] = at
	for dir := tree.Parent(name); dir != "" && !r.above[dir]; dir = tree.Parent(dir) {
		r.above[dir] = true
	}
}

func (r *replay) change(c tree.Change) {
	name := c.Name()
	isDir := c.Entry != nil && c.Entry.Kind == tree.Dir
	if !isDir && r.above[name] {
		r.dropBelow(name) // what lay in the directory is gone with it
	}
	i, ok := r.index[name]
	if !ok {
		r.list = append(r.list, c)
		r.add(name, len(r.list)-1)
		return
	}
	// A directory in place of something that had itself replaced what the base
	// has there must not show the base's content again.
	if old := r.list[i]; isDir && (old.Opaque || old.Entry == nil || old.Entry.Kind != tree.Dir) {
		c.Opaque = true
	}
	r.list[i] = c
}

// dropBelow forgets the changes below a directory.
func (r *replay) dropBelow(dir string) {
	for name, i := range r.index {
		if len(name) > len(dir) && name[len(dir)] == '/' && name[:len(dir)] == dir {
			r.list[i] = tree.Change{}
			delete(r.index, name)
			delete(r.above, name)
		}
	}
	delete(r.above, dir)
}

// result returns the changes that are left.
func (r *replay) result() []tree.Change {
	return slices.DeleteFunc(r.list, func(c tree.Change) bool { return c.Entry == nil && c.Removed == "" })
}
