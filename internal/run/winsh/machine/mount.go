package machine

import (
	"context"
	"fmt"

	"github.com/casement/casement/internal/tree"
)

// mount puts a tree or a file at its target. Directories on the way that are
// not there are made for the step, and not for the layer.
func (m *Machine) mount(mt *Mount) error {
	s, err := place("mount", mt.Target)
	if err != nil || s.device != "" || s.stream != "" || len(s.parts) == 0 {
		return fmt.Errorf("mounting at %q: it is no place for a mount", mt.Target)
	}
	f := m.FS()
	dir := f.root
	for _, part := range s.parts[:len(s.parts)-1] {
		// ctx is not needed: what costs nothing does no input or output.
		next, err := f.child(context.Background(), dir, part, free)
		if err != nil {
			return err
		}
		if next != nil && next.isLink() {
			return fmt.Errorf("mounting at %q: %s is a link", mt.Target, next.path())
		}
		if next == nil {
			next = f.stub(dir, part)
		}
		if next.kind != tree.Dir {
			return fmt.Errorf("mounting at %q: %s is a file", mt.Target, next.path())
		}
		f.keep(next)
		dir = next
	}
	b := &base{whole: mt.Tree, mount: mt}
	if b.whole == nil {
		b.whole = tree.Chain{OS: "windows"}.View()
	}
	var o *object
	if mt.File != nil {
		o = fromEntry(&source{base: b, entry: &tree.Entry{Kind: tree.File, Size: mt.File.Size(), Content: mt.File}})
	} else {
		o = fromEntry(&source{base: b, entry: &tree.Entry{Kind: tree.Dir}})
	}
	o.mount = b
	name := s.last()
	if old, err := f.child(context.Background(), dir, name, free); err == nil && old != nil {
		name = old.name
	}
	n := &node{name: name, parent: dir, object: o}
	if old := dir.kids[tree.Fold(name)]; old != nil {
		old.kept = false
	}
	f.keep(n)
	return nil
}

// Workdir makes sure that the directory in which the step begins is there, as
// whatever starts a container does: not with the account's rights, and not as its
// property. Of a directory that only a sealed base could have it believes that it
// is there, and the layer says nothing of it.
func (m *Machine) Workdir(ctx context.Context, path string) error {
	const op = "mkdir"
	f := m.FS()
	s, err := place(op, path)
	if err != nil {
		return err
	}
	for i := range len(s.parts) {
		part := s
		part.parts = s.parts[:i+1]
		at, err := f.walk(ctx, op, &part, onward, true)
		switch {
		case err != nil:
			return err
		case at.node == nil && at.dir.src != nil && at.dir.src.base.blind:
			n := f.stub(at.dir, f.spell(at.dir, at.name))
			n.src.deep = false
			f.keep(n)
		case at.node == nil:
			o := &object{kind: tree.Dir, changed: true}
			o.attributes = o.fit(0)
			f.add(at.dir, f.spell(at.dir, at.name), o)
		case at.node.kind != tree.Dir:
			return &Error{Op: op, Path: path, Code: ErrorDirectory}
		}
	}
	return nil
}

// stub makes a directory that is there for the step, for a mount point below it.
// What a sealed base may have in it is still seen.
func (f *FS) stub(dir *node, name string) *node {
	n := &node{name: name, parent: dir, object: &object{kind: tree.Dir, stub: true}}
	n.attributes = n.fit(0)
	if dir.src != nil && dir.src.base.blind {
		n.src = &source{base: dir.src.base, name: tree.Join(dir.src.name, name), entry: &tree.Entry{Name: name, Kind: tree.Dir}, deep: true}
	}
	return n
}
