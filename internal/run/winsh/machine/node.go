package machine

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/casement/casement/internal/tree"
	"github.com/casement/casement/internal/winmeta"
)

// node is a name in a directory. Nodes of what a base has are made when
// somebody asks for them; those of directories, and of all that the step has
// changed, are kept in their parents.
type node struct {
	name    string // as it is stored; "" for the root
	parent  *node
	*object // nil if the name is removed
	// below says that the source of the directory has something of this name,
	// which is hidden, and which a layer has to remove or to replace.
	below bool
	// maybe is below where only a sealed layer could tell.
	maybe bool
	kept  bool // it is in its parent's kids
}

// object is a file, directory or link: what the names of a hard-linked file
// share.
type object struct {
	kind    tree.Kind // File, Dir, Symlink or Junction
	src     *source   // where it comes from; nil if the step has made it
	changed bool      // it is not as its source has it any more

	attributes winmeta.Attributes // 0 is FILE_ATTRIBUTE_NORMAL
	acl        *acl               // nil until somebody asks
	ownACL     bool               // acl was set and is not that of the source
	times      stamps
	content    tree.Content // nil for an empty file
	size       int64
	target     string // of links, with forward slashes
	dirLink    bool
	names      []*node // of a file with several names
	writers    int     // that have it open

	kids map[string]*node // of directories, by folded name
	// stub says that the directory is there for the step only: for a mount point
	// below it, or because the step begins there.
	stub  bool
	mount *base // the base that begins here
}

// source is the entry of a base that an object comes from.
type source struct {
	base  *base
	name  string // in the base's tree
	entry *tree.Entry
	deep  bool // a sealed layer has it
	// assumed says that it is something that Windows has, and that nobody has
	// looked.
	assumed bool
}

// stamps are the times of an object.
type stamps struct {
	shown tree.Times // what programs see
	// kept are those that reach the layer, because a source has them or somebody
	// set them. About all others the build decides.
	kept tree.Times
}

// now notes a change of the content.
func (s *stamps) now(t time.Time) {
	s.shown.Modified, s.shown.Accessed, s.shown.Changed = t, t, t
	s.kept.Modified, s.kept.Accessed, s.kept.Changed = time.Time{}, time.Time{}, time.Time{}
}

// set sets the times that are not zero, for good.
func (s *stamps) set(t tree.Times) {
	for _, to := range []*tree.Times{&s.shown, &s.kept} {
		for _, x := range [...]struct{ to, from *time.Time }{
			{&to.Modified, &t.Modified}, {&to.Created, &t.Created}, {&to.Accessed, &t.Accessed}, {&to.Changed, &t.Changed},
		} {
			if !x.from.IsZero() {
				*x.to = winmeta.TruncateTime(*x.from)
			}
		}
	}
}

// dirLike reports whether Windows takes it for a directory: links to
// directories are.
func (o *object) dirLike() bool {
	return o.kind == tree.Dir || o.kind == tree.Junction || o.kind == tree.Symlink && o.dirLink
}

func (o *object) isLink() bool { return o.kind == tree.Symlink || o.kind == tree.Junction }

// treeName returns the name of the node in the machine's tree.
func (n *node) treeName() string {
	var parts []string
	for ; n.parent != nil; n = n.parent {
		parts = append(parts, n.name)
	}
	slices.Reverse(parts)
	return strings.Join(parts, "/")
}

// path returns the node's path as Windows writes it.
func (n *node) path() string {
	if n.parent == nil {
		return `C:\`
	}
	var parts []string
	for ; n.parent != nil; n = n.parent {
		parts = append(parts, n.name)
	}
	var b strings.Builder
	b.WriteString(`C:`)
	for i := len(parts) - 1; i >= 0; i-- {
		b.WriteByte('\\')
		b.WriteString(parts[i])
	}
	return b.String()
}

// region returns the base whose part of the file system the node is in.
func (n *node) region() *base {
	for ; n != nil; n = n.parent {
		if n.object != nil && n.mount != nil {
			return n.mount
		}
	}
	return nil
}

// fromEntry makes the object of an entry.
func fromEntry(s *source) *object {
	e := s.entry
	o := &object{kind: e.Kind, src: s, size: e.Size, content: e.Content, target: e.Target, dirLink: e.DirLink}
	if e.Kind == tree.Hardlink || e.Kind > tree.Hardlink {
		o.kind = tree.File // views show files; devices do not occur on Windows
	}
	o.times = stamps{e.Times, e.Times}
	if e.Windows != nil && e.Windows.Attributes != 0 {
		o.attributes = winmeta.Attributes(e.Windows.Attributes)
	} else if o.kind == tree.Dir {
		o.attributes = winmeta.DirAttributes(e.Name)
	} else {
		o.attributes = winmeta.Archive
	}
	o.attributes = o.fit(o.attributes)
	return o
}

// fit gives attributes the bits that the kind demands.
func (o *object) fit(a winmeta.Attributes) winmeta.Attributes {
	a = a.Portable()
	if o.dirLike() {
		a |= winmeta.Directory
	}
	if o.isLink() {
		a |= winmeta.ReparsePoint
	}
	return a
}

// child returns the entry of a directory, nil if there is none.
func (f *FS) child(ctx context.Context, dir *node, name string, how effort) (*node, error) {
	key := tree.Fold(name)
	if n, ok := dir.kids[key]; ok {
		if n.object == nil {
			return nil, nil
		}
		if how == sure && n.assumed() {
			return f.verify(ctx, n)
		}
		return n, nil
	}
	if dir.src == nil {
		return nil, nil
	}
	if dir.src.deep && how != free {
		how = sure // its names are as well known as the directory itself
	}
	full := tree.Join(dir.src.name, name)
	if strings.Contains(name, "/") { // a literal path may have such names, and no tree has
		return nil, nil
	}
	e, found, err := dir.src.base.lookup(ctx, full, how)
	if e == nil || err != nil {
		return nil, err
	}
	n := f.adopt(dir, e, found == deeply)
	n.src.assumed = found == assuming
	return n, nil
}

// assumed reports whether a directory is one that most base images have, and
// nobody has looked.
func (n *node) assumed() bool {
	if n.src == nil || !n.src.assumed || n.changed {
		return false
	}
	required, _ := standardDir(n.src.name)
	return !required
}

// verify looks for an assumed directory. It returns nil if it is not there.
func (f *FS) verify(ctx context.Context, n *node) (*node, error) {
	e, err := n.src.base.truth(ctx, n.src.name)
	if err != nil {
		return nil, err
	}
	if e == nil || e.Kind != tree.Dir {
		delete(n.parent.kids, tree.Fold(n.name))
		return nil, nil
	}
	n.src.entry, n.src.assumed, n.src.deep = e, false, true
	n.attributes = fromEntry(n.src).attributes
	n.acl = nil
	return n, nil
}

// adopt makes the node of an entry of a directory's source. Directories are
// kept: they are few, and asked for with every path.
func (f *FS) adopt(dir *node, e *tree.Entry, deep bool) *node {
	base := tree.Base(e.Name)
	s := &source{base: dir.src.base, name: tree.Join(dir.src.name, base), entry: e, deep: deep}
	n := &node{name: base, parent: dir, object: fromEntry(s)}
	if n.kind == tree.Dir {
		f.keep(n)
	}
	return n
}

// keep puts a node into its parent's map, with the parents above.
func (f *FS) keep(n *node) {
	if n.kept || n.parent == nil {
		return
	}
	f.keep(n.parent)
	if n.parent.kids == nil {
		n.parent.kids = map[string]*node{}
	}
	n.kept = true
	n.parent.kids[tree.Fold(n.name)] = n
}

// change makes a node one that the layer will have.
func (f *FS) change(n *node) {
	f.keep(n)
	n.changed = true
}

// add makes a new name in a directory. Whatever has the name goes.
func (f *FS) add(dir *node, name string, o *object) *node {
	n := &node{name: name, parent: dir, object: o}
	if old := dir.kids[tree.Fold(name)]; old != nil {
		n.below, n.maybe = old.below || old.object != nil && old.natural(), old.maybe
		old.kept = false
	}
	f.keep(n)
	return n
}

// natural reports whether the node is where its source has it: the source of the
// directory has the same name.
func (n *node) natural() bool {
	if n.src == nil || n.parent == nil || n.parent.src == nil || n.parent.src.base != n.src.base {
		return false
	}
	return tree.SameName(tree.Join(n.parent.src.name, n.name), n.src.name)
}

// drop removes a name. A name that the base has, or may have, leaves a mark.
func (f *FS) drop(ctx context.Context, n *node) error {
	below, maybe := n.below || n.natural(), n.maybe
	if !below && !maybe {
		var err error
		if below, maybe, err = f.covers(ctx, n); err != nil {
			return err
		}
	}
	key := tree.Fold(n.name)
	if below || maybe {
		f.keep(n.parent)
		if n.parent.kids == nil {
			n.parent.kids = map[string]*node{}
		}
		n.parent.kids[key] = &node{name: n.name, parent: n.parent, below: below, maybe: maybe, kept: true}
	} else {
		delete(n.parent.kids, key)
	}
	n.kept = false
	n.unlink()
	f.touch(n.parent)
	return nil
}

// covers reports whether something that the step has made without asking hides
// something of the same name below: it does, or a sealed layer may have it. In a
// directory that not every Windows has it is taken not to: to remove the name, the
// layer would have to bring the directory.
func (f *FS) covers(ctx context.Context, n *node) (does, may bool, err error) {
	dir := n.parent.src
	if dir == nil || n.parent.assumed() || strings.Contains(n.name, "/") {
		return false, false, nil
	}
	how := cheap
	if dir.deep {
		how = sure // it was asked for when the name was made
	}
	e, found, err := dir.base.lookup(ctx, tree.Join(dir.name, n.name), how)
	return e != nil, e == nil && found == assuming, err
}

// unlink takes a name away from a file with several.
func (n *node) unlink() {
	for i, other := range n.names {
		if other == n {
			n.names = append(n.names[:i], n.names[i+1:]...)
			return
		}
	}
}

// newObject makes something that did not exist.
func (f *FS) newObject(dir *node, kind tree.Kind, asDir bool) *object {
	o := &object{kind: kind, changed: true, dirLink: asDir && kind == tree.Symlink}
	o.acl = f.acls.inherited(f.aclOf(dir), asDir)
	o.ownACL = true
	now := f.m.Now()
	o.times.shown = tree.Times{Modified: now, Accessed: now, Changed: now, Created: now}
	if kind == tree.File || kind == tree.Symlink && !asDir {
		o.attributes = winmeta.Archive
	}
	o.attributes = o.fit(o.attributes)
	f.touch(dir)
	return o
}

// touch notes that a directory's list has changed. Only who looks at it now
// sees that: directories of layers have no times.
func (f *FS) touch(dir *node) {
	dir.times.shown.Modified = f.m.Now()
}

// aclOf returns the descriptor of a node.
func (f *FS) aclOf(n *node) *acl {
	if n.acl == nil {
		e := n.entryOf()
		n.acl = f.acls.ofEntry(e, e.Name)
	}
	return n.acl
}

// entryOf returns the entry that the node comes from, or one that says as much.
func (n *node) entryOf() *tree.Entry {
	if n.src != nil {
		return n.src.entry
	}
	return &tree.Entry{Name: n.treeName(), Kind: n.kind, DirLink: n.dirLink}
}

// info describes a node.
func (f *FS) info(n *node) *Info {
	i := &Info{Path: n.path(), Name: n.name, Kind: n.kind, Size: n.size, Times: n.times.shown, Attributes: n.attributes}
	if n.parent == nil {
		i.Name, i.Attributes = `C:\`, i.Attributes|winmeta.Directory
	}
	if i.Attributes == 0 {
		i.Attributes = winmeta.Normal
	}
	if n.isLink() {
		i.Target = strings.ReplaceAll(n.target, "/", `\`)
	}
	for _, t := range []*time.Time{&i.Times.Modified, &i.Times.Created, &i.Times.Accessed} {
		if t.IsZero() {
			*t = i.Times.Modified
		}
		if t.IsZero() {
			*t = f.start
		}
	}
	if n.src != nil && !n.changed {
		i.Entry = n.src.entry
	} else {
		i.Entry = f.entry(n, tree.Clean(strings.ReplaceAll(i.Path[2:], `\`, "/")))
	}
	return i
}

// entry makes the entry that a layer gets for a node under a name.
func (f *FS) entry(n *node, name string) *tree.Entry {
	e := &tree.Entry{Name: name, Kind: n.kind, Target: n.target, DirLink: n.kind == tree.Symlink && n.dirLink, Times: n.times.kept}
	if n.kind == tree.File {
		e.Size, e.Content = n.size, n.content
	}
	w := tree.Windows{Attributes: uint32(n.attributes)}
	if n.src != nil {
		e.Owner, e.Unix = n.src.entry.Owner, n.src.entry.Unix
		if old := n.src.entry.Windows; old != nil {
			w.Descriptor, w.EA = old.Descriptor, old.EA
		}
	}
	dir := n.dirLike()
	// A directory that has left its place keeps the descriptor of that.
	moved := n.src != nil && n.kind == tree.Dir && w.Descriptor == nil && e.Owner == nil && !tree.SameName(n.src.name, name)
	if moved {
		f.aclOf(n)
	}
	if n.ownACL || moved {
		e.Owner, w.Descriptor = nil, nil
		if !f.acls.isDefault(n.acl, name, n.kind, dir) {
			w.Descriptor = n.acl.raw
		}
	}
	if n.attributes == 0 {
		w.Attributes = uint32(winmeta.Normal)
	}
	usual := winmeta.FileAttributes
	switch {
	case n.kind == tree.Dir:
		usual = winmeta.DirAttributes(name)
	case dir:
		usual = winmeta.DirLinkAttributes
	case n.isLink():
		usual = winmeta.FileLinkAttributes
	}
	if w.Attributes != uint32(usual) || w.Descriptor != nil || w.EA != nil || n.isLink() {
		e.Windows = &w
	}
	return e
}
