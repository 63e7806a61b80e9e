package solve

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/casement/casement/internal/llb"
	"github.com/casement/casement/internal/tree"
	"github.com/casement/casement/internal/winmeta"
)

// hintError is an error with advice.
type hintError struct {
	error
	hint string
}

func (e *hintError) Hint() string  { return e.hint }
func (e *hintError) Unwrap() error { return e.error }

// place is where an action writes: the tree as the actions before have left it,
// the changes that this one has made so far, and the owner and times that new
// entries get.
type place struct {
	tree  tree.Tree
	whole tree.Tree // with what is not known for nothing
	folds bool
	// system is that of the image: "windows", "linux", or "" if that is not
	// decided.
	system string
	// blind says that there is a base image below the tree that nobody has
	// read.
	blind bool
	owner *tree.Owner
	unix  *tree.Unix // numeric owner; nil for the default
	times *tree.Times

	changes []tree.Change
	made    map[string]made // by key
	keyed   string          // the name of lastKey
	lastKey string
}

// made is an entry that this action has made. A fresh directory has only what
// the action put into it: it did not exist, or something else was in its place.
type made struct {
	entry *tree.Entry
	fresh bool
}

// place prepares the destination. On Linux the base image is read if that is
// needed to know what is in it. On Windows, where a base has gigabytes, only
// what is known for nothing is looked at: the layers that the build has made
// and the directories that every Windows has.
func (d *doer) place(ctx context.Context, owner *llb.ChownOpt, timestamp int64) (*place, error) {
	c := d.dest.chain()
	p := &place{whole: c.View(), folds: c.Folds(), system: c.OS, made: map[string]made{}}
	p.tree = p.whole
	if p.folds && c.Sealed() {
		p.tree, p.blind = c.Known(), true
	}
	if timestamp != llb.Keep {
		t := time.Unix(0, timestamp)
		p.times = &tree.Times{Modified: t, Accessed: t, Changed: t, Created: t}
	}
	return p, d.chown(ctx, p, owner)
}

// key is the form in which names are compared. The last one is remembered,
// because an entry is looked for just before it is written.
func (p *place) key(name string) string {
	if !p.folds {
		return name
	}
	if name != p.keyed {
		p.keyed, p.lastKey = name, tree.Fold(name)
	}
	return p.lastKey
}

// Lookup returns the entry called name as this action has left it, as far as
// that is known.
func (p *place) Lookup(ctx context.Context, name string) (*tree.Entry, error) {
	if name == "" {
		return &tree.Entry{Kind: tree.Dir}, nil
	}
	if len(p.made) > 0 {
		key := p.key(name)
		if m, ok := p.made[key]; ok {
			return m.entry, nil
		}
		for dir := tree.Parent(key); dir != ""; dir = tree.Parent(dir) {
			if m, ok := p.made[dir]; ok {
				if m.fresh || m.entry.Kind != tree.Dir {
					return nil, &fs.PathError{Op: "lookup", Path: "/" + name, Err: fs.ErrNotExist}
				}
				break
			}
		}
	}
	e, err := p.tree.Lookup(ctx, name)
	if p.blind && errors.Is(err, fs.ErrNotExist) && winmeta.IsStandardDir(name) {
		return &tree.Entry{Name: winmeta.SpellPath(name), Kind: tree.Dir}, nil
	}
	return e, err
}

// find is Lookup, with nil for what does not exist.
func (p *place) find(ctx context.Context, name string) (*tree.Entry, error) {
	e, err := p.Lookup(ctx, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return e, err
}

// resolve follows links on the way to name and at its end, as far as they are
// known.
func (p *place) resolve(ctx context.Context, name string) (string, error) {
	if p.folds {
		name = winmeta.ResolveStandardJunctions(name)
	}
	to, _, err := tree.Resolve(ctx, p, name, true)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	if p.folds {
		to = winmeta.ResolveStandardJunctions(to)
	}
	return to, nil
}

// put makes an entry in place of have, which is nil if nothing is known to be
// there.
func (p *place) put(e tree.Entry, have *tree.Entry) {
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
	p.putAsIs(e, have)
}

// putAsIs is put without owner and times.
func (p *place) putAsIs(e tree.Entry, have *tree.Entry) {
	key := p.key(e.Name)
	fresh := have == nil || have.Kind != tree.Dir || p.made[key].fresh
	if have != nil && have.Kind == tree.Dir && e.Kind != tree.Dir {
		maps.DeleteFunc(p.made, func(k string, _ made) bool { return strings.HasPrefix(k, key+"/") })
	}
	p.made[key] = made{entry: &e, fresh: fresh}
	p.changes = append(p.changes, tree.Change{Entry: &e})
}

// makeDirs makes the directory name and those above it that are missing, and
// returns it as the tree spells it.
func (p *place) makeDirs(ctx context.Context, name string, mode uint32) (string, error) {
	var missing []string
	for dir := name; dir != ""; dir = tree.Parent(dir) {
		e, err := p.find(ctx, dir)
		if err != nil {
			return "", err
		}
		if e != nil && e.Kind != tree.Dir {
			return "", &hintError{fmt.Errorf("making directory /%s: /%s is a %s", name, dir, e.Kind), "copy to another name, or remove it first"}
		}
		if e != nil {
			name = e.Name + name[len(dir):]
			break
		}
		missing = append(missing, tree.Base(dir))
	}
	dir := name
	for range missing {
		dir = tree.Parent(dir)
	}
	for _, base := range slices.Backward(missing) {
		dir = tree.Join(dir, base)
		p.put(tree.Entry{Name: dir, Kind: tree.Dir, Unix: &tree.Unix{Mode: mode}}, nil)
	}
	return name, nil
}

// needParent returns an error if the directory that holds name is missing,
// looking into base images if it has to.
func (p *place) needParent(ctx context.Context, name string) error {
	dir := tree.Parent(name)
	e, err := p.find(ctx, dir)
	if e == nil && err == nil && p.blind {
		e, err = p.whole.Lookup(ctx, dir)
		if errors.Is(err, fs.ErrNotExist) {
			e, err = nil, nil
		}
	}
	switch {
	case err != nil:
		return err
	case e == nil:
		return &fs.PathError{Op: "open", Path: "/" + dir, Err: fs.ErrNotExist}
	case e.Kind != tree.Dir:
		return fmt.Errorf("writing /%s: /%s is a %s, not a directory", name, dir, e.Kind)
	}
	return nil
}

func defaultMode(k tree.Kind) uint32 {
	if k == tree.Dir {
		return 0o755
	}
	return 0o644
}
