package machine

import (
	"context"
	"errors"
	"io/fs"
	"iter"
	"slices"
	"strings"
	"sync"

	"github.com/casement/casement/internal/tree"
	"github.com/casement/casement/internal/winmeta"
)

// effort says what an answer may cost.
type effort uint8

const (
	// free is onward even in directories that only a sealed layer has.
	free effort = iota
	// onward is cheap, on the way to the name too.
	onward
	// cheap answers from the layers that can be read for nothing and from what
	// every Windows has. Names that only a sealed layer could have do not exist.
	cheap
	// sure answers with the truth.
	sure
)

// base is a file system below the step's changes: the image's, or a mount's.
type base struct {
	whole tree.Tree // the truth
	// While blind, there are sealed layers below: upper decides what it can
	// without them, and known has what the layers above them imply.
	blind        bool
	upper, known tree.Tree
	sealed       []*watched
	layers       []*tree.Layer // of whole, oldest first
	bare         bool          // there is no base image
	mount        *Mount
}

// newBase makes the base of a chain.
func newBase(c tree.Chain) *base {
	c.OS = "windows"
	layers := slices.Clone(c.Layers())
	b := &base{}
	first := 0 // above the last sealed layer
	for i, l := range layers {
		if l.Sealed {
			w := &watched{Changes: l.Changes, layer: l}
			copied := *l
			copied.Changes = w
			layers[i], first = &copied, i+1
			b.sealed = append(b.sealed, w)
		}
	}
	chain := func(l ...*tree.Layer) tree.Tree {
		return tree.Chain{Platform: c.Platform, OS: c.OS}.Push(l...).View()
	}
	if first == 0 {
		layers = append([]*tree.Layer{{Changes: &bare{above: layers}}}, layers...)
		b.bare = true
		b.whole, b.layers = chain(layers...), layers
		return b
	}
	b.whole, b.layers, b.blind = chain(layers...), layers, true
	b.known = chain(layers[first:]...)
	b.upper = chain(append([]*tree.Layer{{Changes: bottom{}}}, layers[first:]...)...)
	return b
}

// find is Lookup, with nil for what does not exist.
func find(ctx context.Context, t tree.Lookuper, name string) (*tree.Entry, error) {
	e, err := t.Lookup(ctx, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return e, err
}

// how an entry was found.
type finding uint8

const (
	plainly  finding = iota // in what can be read for nothing
	deeply                  // in a sealed layer: so are the names below it
	assuming                // nowhere: Windows has it, or, without an entry, a sealed layer may
)

// lookup returns an entry, nil if there is none.
func (b *base) lookup(ctx context.Context, name string, how effort) (*tree.Entry, finding, error) {
	if !b.blind {
		e, err := find(ctx, b.whole, name)
		if e == nil && err == nil && b.bare {
			return standardJunction(name), assuming, nil
		}
		return e, plainly, err
	}
	e, err := b.upper.Lookup(ctx, name)
	switch {
	case err == nil:
		return e, plainly, nil
	case errors.Is(err, fs.ErrNotExist):
		return nil, plainly, nil
	case !errors.Is(err, errBelow):
		return nil, plainly, err
	}
	if required, ok := standardDir(name); ok && (required || how < sure) {
		return &tree.Entry{Name: winmeta.SpellPath(name), Kind: tree.Dir, Windows: &tree.Windows{Attributes: uint32(winmeta.DirAttributes(name))}}, assuming, nil
	}
	if e := standardJunction(name); e != nil && how < sure {
		return e, assuming, nil
	}
	if e, err = find(ctx, b.known, name); e != nil || err != nil {
		return e, plainly, err
	}
	if how < sure {
		return nil, assuming, nil
	}
	e, err = b.truth(ctx, name)
	return e, deeply, err
}

// truth is lookup in all layers.
func (b *base) truth(ctx context.Context, name string) (*tree.Entry, error) {
	e, err := find(ctx, b.whole, name)
	b.open()
	return e, err
}

// standardJunction is the link that Windows has of a name, nil if it has none.
func standardJunction(name string) *tree.Entry {
	to := winmeta.ResolveStandardJunctions(name)
	if to == name {
		return nil
	}
	const attributes = winmeta.JunctionAttributes | winmeta.Hidden | winmeta.System | winmeta.NotContentIndexed
	return &tree.Entry{Name: name, Kind: tree.Junction, Target: "C:/" + to, Windows: &tree.Windows{Attributes: uint32(attributes)}}
}

// standardDir reports whether a name is a standard directory, and whether every
// Windows has it.
func standardDir(name string) (required, ok bool) {
	if !winmeta.IsStandardDir(name) {
		return false, false
	}
	return requiredDirs()[tree.Fold(name)], true
}

// requiredDirs has the folded names of the directories that no base lacks.
var requiredDirs = sync.OnceValue(func() map[string]bool {
	m := map[string]bool{}
	for _, d := range winmeta.StandardDirs() {
		if !d.Optional {
			m[tree.Fold(d.Path)] = true
		}
	}
	return m
})

// list returns the entries of a directory, whatever it costs.
func (b *base) list(ctx context.Context, name string) ([]*tree.Entry, error) {
	var out []*tree.Entry
	for e, err := range b.whole.Entries(ctx, name) {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		out = append(out, e)
	}
	b.open()
	return out, nil
}

// open ends the blindness once every sealed layer has been read to its end: from
// then on the truth costs nothing. Whether this happens depends on the step's
// questions alone, not on what others have read before.
func (b *base) open() {
	if b.blind && !slices.ContainsFunc(b.sealed, func(w *watched) bool { return !w.whole }) {
		b.blind = false
	}
}

// watched is the content of a sealed layer that remembers being asked.
type watched struct {
	tree.Changes
	layer *tree.Layer
	asked bool
	whole bool // it was asked what only the whole layer can answer
}

// Find implements [tree.Changes].
func (w *watched) Find(ctx context.Context, name string, fold bool) (tree.Change, error) {
	w.asked = true
	c, err := w.Changes.Find(ctx, name, fold)
	if errors.Is(err, fs.ErrNotExist) {
		w.whole = true
	}
	return c, err
}

// List implements [tree.Changes]: only the end of a layer ends a list.
func (w *watched) List(ctx context.Context, dir string, fold bool) iter.Seq2[tree.Change, error] {
	w.asked, w.whole = true, true
	return w.Changes.List(ctx, dir, fold)
}

// All implements [tree.Changes].
func (w *watched) All(ctx context.Context) iter.Seq2[tree.Change, error] {
	w.asked, w.whole = true, true
	return w.Changes.All(ctx)
}

// Implied implements [tree.Implier].
func (w *watched) Implied(dir string, fold bool) []string {
	if im, ok := w.Changes.(tree.Implier); ok {
		return im.Implied(dir, fold)
	}
	return nil
}

// Prefetch implements [tree.Prefetcher].
func (w *watched) Prefetch(ctx context.Context, want tree.Want) error {
	w.asked = true
	if p, ok := w.Changes.(tree.Prefetcher); ok {
		return p.Prefetch(ctx, want)
	}
	return nil
}

// DeltaHives implements [tree.HiveLister].
func (w *watched) DeltaHives(ctx context.Context) (map[string]tree.Content, error) {
	w.asked = true
	if h, ok := w.Changes.(tree.HiveLister); ok {
		return h.DeltaHives(ctx)
	}
	return nil, nil
}

// errBelow says that the layers above the sealed ones do not decide.
var errBelow = errors.New("a sealed layer decides")

// bottom stands for the sealed layers: whoever comes to ask it gets errBelow.
type bottom struct{}

// Find implements [tree.Changes].
func (bottom) Find(_ context.Context, name string, _ bool) (tree.Change, error) {
	if name == "" { // the root is there, without anything to say of it
		return tree.Change{}, fs.ErrNotExist
	}
	return tree.Change{}, errBelow
}

// List implements [tree.Changes].
func (bottom) List(context.Context, string, bool) iter.Seq2[tree.Change, error] {
	return func(yield func(tree.Change, error) bool) { yield(tree.Change{}, errBelow) }
}

// All implements [tree.Changes].
func (b bottom) All(ctx context.Context) iter.Seq2[tree.Change, error] {
	return b.List(ctx, "", true)
}

// bare is the lowest layer of a chain without a base image: the directories of
// a Windows that has just been installed. It is empty where the layers above
// bring a Windows of their own, which it finds out when it is asked: hives alone,
// as in the base of HostProcess containers, are none.
type bare struct {
	above []*tree.Layer
	set   *tree.Set
}

func (b *bare) changes(ctx context.Context) (*tree.Set, error) {
	if b.set != nil {
		return b.set, nil
	}
	for _, l := range b.above {
		switch _, err := l.Changes.Find(ctx, "Windows/System32/ntdll.dll", true); {
		case err == nil:
			b.set = tree.NewSet(nil)
			return b.set, nil
		case !errors.Is(err, fs.ErrNotExist):
			return nil, err
		}
	}
	b.set = bareWindows()
	return b.set, nil
}

// bareWindows has the standard directories but those of features that have to
// be added.
var bareWindows = sync.OnceValue(func() *tree.Set {
	var changes []tree.Change
	for _, d := range winmeta.StandardDirs() {
		if d.Path == "" || hasFeature(d.Path) {
			continue
		}
		e := &tree.Entry{Name: d.Path, Kind: tree.Dir}
		if d.Attributes != 0 {
			e.Windows = &tree.Windows{Attributes: uint32(d.Attributes)}
		}
		changes = append(changes, tree.Change{Entry: e})
	}
	return tree.NewSet(changes)
})

func hasFeature(name string) bool {
	return strings.HasPrefix(name, "inetpub") || strings.Contains(name, "/inetsrv") || name == "ProgramData/ssh" || name == "ProgramData/Package Cache"
}

// Find implements [tree.Changes].
func (b *bare) Find(ctx context.Context, name string, fold bool) (tree.Change, error) {
	s, err := b.changes(ctx)
	if err != nil {
		return tree.Change{}, err
	}
	return s.Find(ctx, name, fold)
}

// List implements [tree.Changes].
func (b *bare) List(ctx context.Context, dir string, fold bool) iter.Seq2[tree.Change, error] {
	s, err := b.changes(ctx)
	if err != nil {
		return func(yield func(tree.Change, error) bool) { yield(tree.Change{}, err) }
	}
	return s.List(ctx, dir, fold)
}

// All implements [tree.Changes].
func (b *bare) All(ctx context.Context) iter.Seq2[tree.Change, error] {
	s, err := b.changes(ctx)
	if err != nil {
		return func(yield func(tree.Change, error) bool) { yield(tree.Change{}, err) }
	}
	return s.All(ctx)
}
