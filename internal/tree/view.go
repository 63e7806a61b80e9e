package tree

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"slices"
	"strconv"
	"strings"
)

// view is the merged tree of layers, oldest first.
type view struct {
	layers []*Layer
	fold   bool
}

// Lookup implements [Tree]. It asks layers from the top down and stops at the
// first that decides, so that an answer from an upper layer never unseals a
// lower one.
func (v *view) Lookup(ctx context.Context, name string) (*Entry, error) {
	implied := name == ""
	spelled := name // as the highest layer does that implies the directory
	q := v.query(name)
	for i, l := range slices.Backward(v.layers) {
		if silent(l) {
			continue
		}
		c, err := q.find(ctx, l)
		switch {
		case err == nil && implied && name != "" && (c.Entry == nil || c.Entry.Kind != Dir):
			return &Entry{Name: spelled, Kind: Dir}, nil
		case err == nil && c.Entry != nil:
			return v.resolveHardlink(ctx, i, c.Entry)
		case err == nil && name != "":
			return nil, notExist("lookup", name)
		case err != nil && !errors.Is(err, fs.ErrNotExist):
			return nil, err
		}
		if !implied {
			dir, ok, err := q.implies(ctx, l)
			if err != nil {
				return nil, err
			}
			if ok {
				implied, spelled = true, dir
			}
		}
		hidden, err := q.hiddenBy(ctx, l)
		if err != nil {
			return nil, err
		}
		if hidden {
			break
		}
	}
	if implied {
		return &Entry{Name: spelled, Kind: Dir}, nil
	}
	return nil, notExist("lookup", name)
}

// silent reports whether a layer has nothing to say, as those of commands that
// change no file.
func silent(l *Layer) bool {
	s, ok := l.Changes.(*Set)
	return ok && len(s.changes) == 0
}

// query is a name that is asked of one layer after the other. Most layers are
// sets and most answers are no, so the name is folded once, and a set's no costs
// nothing.
type query struct {
	name, key string // as it was asked, and folded where names fold
	fold      bool
}

func (v *view) query(name string) query {
	if !v.fold {
		return query{name, name, false}
	}
	return query{name, Fold(name), true}
}

// find returns what l says of the name; fs.ErrNotExist if nothing.
func (q query) find(ctx context.Context, l *Layer) (Change, error) {
	s, ok := l.Changes.(*Set)
	if !ok {
		return l.Changes.Find(ctx, q.name, q.fold)
	}
	m := s.exact
	if q.fold {
		m = s.folded
	}
	if i, ok := m()[q.key]; ok {
		return s.changes[i], nil
	}
	return Change{}, fs.ErrNotExist
}

// hiddenBy reports whether layer l cuts the name off from the layers below it:
// an ancestor is removed, opaque, or no directory.
func (q query) hiddenBy(ctx context.Context, l *Layer) (bool, error) {
	for q.name != "" {
		q.name, q.key = Parent(q.name), Parent(q.key)
		c, err := q.find(ctx, l)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return false, err
		}
		if c.Entry == nil || c.Opaque || c.Entry.Kind != Dir {
			return true, nil
		}
	}
	return false, nil
}

// implies reports whether l has entries below the name, which is how layers say
// that a directory exists without mentioning it, and how they spell it.
func (q query) implies(ctx context.Context, l *Layer) (dir string, ok bool, err error) {
	name := q.name
	if _, ok := l.Changes.(*Set); ok {
		name = q.key // folding it again costs nothing
	}
	for c, err := range l.Changes.List(ctx, name, q.fold) {
		if err != nil {
			return "", false, err
		}
		if c.Entry != nil {
			return Parent(c.Entry.Name), true, nil
		}
	}
	if im, ok := l.Changes.(Implier); ok {
		for _, below := range im.Implied(name, q.fold) {
			return Parent(below), true, nil
		}
	}
	return "", false, nil
}

// resolveHardlink turns a hard link of layer i into the file that it names.
// The target is looked for in the same layer, then below it. Groups of linked
// files get the layer's number, since two layers may use the same words.
func (v *view) resolveHardlink(ctx context.Context, i int, e *Entry) (*Entry, error) {
	if e.Kind != Hardlink {
		return inLayer(i, e), nil
	}
	below := &view{layers: v.layers[:i], fold: v.fold}
	target := e.Target
	for range 40 {
		c, err := v.layers[i].Changes.Find(ctx, target, v.fold)
		if errors.Is(err, fs.ErrNotExist) {
			t, err := below.Lookup(ctx, target)
			if err != nil {
				return nil, brokenLink(e, err)
			}
			return asFile(e, t), nil
		}
		if err != nil {
			return nil, err
		}
		if c.Entry == nil {
			break
		}
		if c.Entry.Kind != Hardlink {
			return asFile(e, inLayer(i, c.Entry)), nil
		}
		target = c.Entry.Target
	}
	return nil, brokenLink(e, fs.ErrNotExist)
}

// brokenLink is the error for a hard link whose target cannot be found.
func brokenLink(e *Entry, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("which is not there: %w", fs.ErrNotExist)
	}
	return fmt.Errorf("/%s is a hard link to /%s, %w", e.Name, e.Target, err)
}

// inLayer returns the entry of layer i with a link group that no other layer
// has.
func inLayer(i int, e *Entry) *Entry {
	if e.Link == "" || e.Kind == Hardlink {
		return e
	}
	f := *e
	f.Link = strconv.Itoa(i) + ":" + e.Link
	return &f
}

// asFile gives the file target under the name of the hard link e.
func asFile(e, target *Entry) *Entry {
	f := *target
	f.Name = e.Name
	if f.Link == "" {
		f.Link = "/" + target.Name
	}
	return &f
}

// Entries implements [Tree].
func (v *view) Entries(ctx context.Context, dir string) iter.Seq2[*Entry, error] {
	return func(yield func(*Entry, error) bool) {
		list, err := v.list(ctx, dir)
		if err != nil {
			yield(nil, err)
			return
		}
		for _, e := range list {
			if !yield(e, nil) {
				return
			}
		}
	}
}

func (v *view) list(ctx context.Context, dir string) ([]*Entry, error) {
	if dir != "" {
		e, err := v.Lookup(ctx, dir)
		if err != nil {
			return nil, err
		}
		if e.Kind != Dir {
			return nil, notExist("list", dir)
		}
	}
	m := merge{view: v, dir: dir, seen: map[string]bool{}}
	for i, l := range slices.Backward(v.layers) {
		if silent(l) {
			continue
		}
		if err := m.layer(ctx, i, l); err != nil {
			return nil, err
		}
		stop, err := v.endsListing(ctx, l, dir)
		if err != nil {
			return nil, err
		}
		if stop {
			break
		}
	}
	m.addImplied()
	slices.SortFunc(m.entries, func(a, b *Entry) int { return strings.Compare(a.Name, b.Name) })
	return m.entries, nil
}

// endsListing reports whether layers below l cannot add to the directory dir.
func (v *view) endsListing(ctx context.Context, l *Layer, dir string) (bool, error) {
	c, err := l.Changes.Find(ctx, dir, v.fold)
	if err == nil && (c.Opaque || dir != "" && c.Entry == nil || c.Entry != nil && c.Entry.Kind != Dir) {
		return true, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	return v.query(dir).hiddenBy(ctx, l)
}

// merge collects the children of a directory from the top layer down.
type merge struct {
	view    *view
	dir     string
	seen    map[string]bool
	implied []string
	entries []*Entry
}

// key is the form in which names of the directory are compared.
func (m *merge) key(name string) string {
	if m.view.fold {
		return Fold(Base(name))
	}
	return Base(name)
}

func (m *merge) layer(ctx context.Context, i int, l *Layer) error {
	for c, err := range l.Changes.List(ctx, m.dir, m.view.fold) {
		if err != nil {
			return err
		}
		if m.seen[m.key(c.Name())] {
			continue
		}
		m.seen[m.key(c.Name())] = true
		if c.Entry == nil {
			continue
		}
		e, err := m.view.resolveHardlink(ctx, i, c.Entry)
		if err != nil {
			return err
		}
		m.add(e)
	}
	// What a layer implies counts where no lower layer has the directory
	// itself, and so does what a lower layer says of a removed one.
	if im, ok := l.Changes.(Implier); ok {
		for _, name := range im.Implied(m.dir, m.view.fold) {
			if !m.seen[m.key(name)] {
				m.implied = append(m.implied, name)
			}
		}
	}
	return nil
}

func (m *merge) addImplied() {
	for _, name := range m.implied {
		k := m.key(name)
		if !slices.ContainsFunc(m.entries, func(e *Entry) bool { return m.key(e.Name) == k }) {
			m.add(&Entry{Name: name, Kind: Dir})
		}
	}
}

// add adds an entry under the spelling of the directory that was asked for.
func (m *merge) add(e *Entry) {
	if Parent(e.Name) != m.dir {
		c := *e
		c.Name = Join(m.dir, Base(e.Name))
		e = &c
	}
	m.entries = append(m.entries, e)
}

// Prefetch implements [Prefetcher]: it hands the wish to the layers that read
// streams, from the top down.
func (v *view) Prefetch(ctx context.Context, w Want) error {
	names := slices.Clone(w.Names)
	for _, l := range slices.Backward(v.layers) {
		if len(names) == 0 {
			return nil
		}
		if p, ok := l.Changes.(Prefetcher); ok {
			if err := p.Prefetch(ctx, Want{Names: names}); err != nil {
				return err
			}
		}
		var err error
		if names, err = v.undecided(ctx, l, names); err != nil {
			return err
		}
	}
	return nil
}

// undecided returns those names that layers below l may have a say in. It is
// asked of layers in memory too: what they decide must not cost the reading of
// a base image.
func (v *view) undecided(ctx context.Context, l *Layer, names []string) ([]string, error) {
	var rest []string
	for _, n := range names {
		c, err := l.Changes.Find(ctx, n, v.fold)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		if err == nil && (c.Entry == nil || c.Entry.Kind != Dir || c.Opaque) {
			continue
		}
		hidden, err := v.query(n).hiddenBy(ctx, l)
		if err != nil {
			return nil, err
		}
		if !hidden {
			rest = append(rest, n)
		}
	}
	return rest, nil
}

// Prefetch tells t what will be asked for next, if t can make use of it.
func Prefetch(ctx context.Context, t Tree, names ...string) error {
	if p, ok := t.(Prefetcher); ok && len(names) > 0 {
		return p.Prefetch(ctx, Want{Names: names})
	}
	return nil
}
