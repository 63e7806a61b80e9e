package machine

import (
	"context"
	"strings"

	"github.com/casement/casement/internal/tree"
	"github.com/casement/casement/internal/winmeta"
)

// Mkdir makes one directory.
func (f *FS) Mkdir(ctx context.Context, path string) error {
	const op = "mkdir"
	s, err := place(op, path)
	if err != nil {
		return err
	}
	if s.device != "" || s.stream != "" {
		return &Error{Op: op, Path: path, Code: ErrorDirectory}
	}
	at, err := f.walk(ctx, op, &s, cheap, false)
	if err != nil {
		return err
	}
	if at.node != nil && at.node.assumed() {
		// Not every Windows has it.
		if at, err = f.walk(ctx, op, &s, sure, false); err != nil {
			return err
		}
	}
	if at.node != nil {
		return &Error{Op: op, Path: path, Code: ErrorAlreadyExists}
	}
	return f.mkdir(op, path, at)
}

func (f *FS) mkdir(op, path string, at found) error {
	if err := f.mayAdd(op, path, at, rightAddDir); err != nil {
		return err
	}
	name := f.spell(at.dir, at.name)
	f.add(at.dir, name, f.newObject(at.dir, tree.Dir, true))
	return nil
}

// MkdirAll makes a directory and those above it, and is content if it exists.
func (f *FS) MkdirAll(ctx context.Context, path string) error {
	const op = "mkdir"
	s, err := place(op, path)
	if err != nil {
		return err
	}
	if s.device != "" || s.stream != "" {
		return &Error{Op: op, Path: path, Code: ErrorDirectory}
	}
	for i := range len(s.parts) {
		part := s
		part.parts = s.parts[:i+1]
		at, err := f.walk(ctx, op, &part, cheap, true)
		if err != nil {
			return err
		}
		switch {
		case at.node == nil:
			err = f.mkdir(op, path, at)
		case at.node.kind != tree.Dir && i == len(s.parts)-1:
			err = &Error{Op: op, Path: path, Code: ErrorAlreadyExists}
		case at.node.kind != tree.Dir:
			err = &Error{Op: op, Path: path, Code: ErrorPathNotFound}
		case i == len(s.parts)-1 && at.node.assumed():
			f.change(at.node) // the layer makes sure of it
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// mayDelete checks whether a name may be removed.
func (f *FS) mayDelete(op, path string, n *node) error {
	switch {
	case n.parent == nil, n.mount != nil, n.holdsMount():
		return &Error{Op: op, Path: path, Code: ErrorSharingViolation}
	case n.writers > 0:
		return &Error{Op: op, Path: path, Code: ErrorSharingViolation}
	case f.readOnly(n):
		return &Error{Op: op, Path: path, Code: ErrorAccessDenied}
	case !f.allowed(n, rightDelete) && !f.allowed(n.parent, rightDeleteChild):
		return &Error{Op: op, Path: path, Code: ErrorAccessDenied}
	case n.holdsHives():
		return &Error{Op: op, Path: path, Code: ErrorSharingViolation}
	}
	return nil
}

// holdsHives reports whether the hives of the registry lie in a directory: Windows
// has them open, and an image without them does not start.
func (n *node) holdsHives() bool {
	if n.kind != tree.Dir || n.region() == nil || n.region().mount != nil {
		return false
	}
	switch tree.Fold(n.treeName()) {
	case tree.Fold("Windows"), tree.Fold("Windows/System32"), tree.Fold("Windows/System32/config"):
		return true
	}
	return false
}

// holdsMount reports whether something is mounted below a directory.
func (n *node) holdsMount() bool {
	for _, k := range n.kids {
		if k.object != nil && (k.mount != nil || k.holdsMount()) {
			return true
		}
	}
	return false
}

// Remove removes a file, an empty directory, or a link itself. Read-only files
// are denied (clear the attribute first).
func (f *FS) Remove(ctx context.Context, path string) error {
	n, err := f.existing(ctx, "remove", path, sure, false)
	if err != nil {
		return err
	}
	return f.remove(ctx, path, n, false)
}

func (f *FS) remove(ctx context.Context, path string, n *node, force bool) error {
	const op = "remove"
	if err := f.mayDelete(op, path, n); err != nil {
		return err
	}
	if n.attributes.Has(winmeta.ReadOnly) && !force {
		return &Error{Op: op, Path: path, Code: ErrorAccessDenied}
	}
	if n.kind == tree.Dir {
		kids, err := f.children(ctx, n)
		if err != nil {
			return err
		}
		if len(kids) > 0 {
			return &Error{Op: op, Path: path, Code: ErrorDirNotEmpty}
		}
	}
	return f.drop(ctx, n)
}

// RemoveAll removes a directory with everything in it; links in it are removed
// and not followed. force also removes read-only files. It stops at the first
// error.
func (f *FS) RemoveAll(ctx context.Context, path string, force bool) error {
	n, err := f.existing(ctx, "remove", path, sure, false)
	if err != nil {
		return err
	}
	return f.removeAll(ctx, path, n, force)
}

func (f *FS) removeAll(ctx context.Context, path string, n *node, force bool) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if n.kind == tree.Dir {
		if err := f.need("remove", path, n, rightRead); err != nil {
			return err
		}
		kids, err := f.children(ctx, n)
		if err != nil {
			return err
		}
		for _, k := range kids {
			if err := f.removeAll(ctx, strings.TrimSuffix(path, `\`)+`\`+k.name, k, force); err != nil {
				return err
			}
		}
	}
	return f.remove(ctx, path, n, force)
}

// Rename moves a file or directory, with everything in it and without reading
// it. replace lets a file replace a file.
func (f *FS) Rename(ctx context.Context, from, to string, replace bool) error {
	const op = "rename"
	n, err := f.existing(ctx, op, from, sure, false)
	if err != nil {
		return err
	}
	s, err := place(op, to)
	if err != nil {
		return err
	}
	fail := func(code uint32) error { return &Error{Op: op, Path: to, Code: code} }
	if s.device != "" || s.stream != "" {
		return fail(ErrorAlreadyExists)
	}
	at, err := f.walk(ctx, op, &s, cheap, false)
	if err != nil {
		return err
	}
	if err := f.mayDelete(op, from, n); err != nil {
		return err
	}
	right := rightAddFile
	if n.kind == tree.Dir {
		right = rightAddDir
	}
	switch old := at.node; {
	case old == nil || old.at(n):
	case !replace:
		return fail(ErrorAlreadyExists)
	case old.dirLike() || n.dirLike() || old.attributes.Has(winmeta.ReadOnly):
		return fail(ErrorAccessDenied)
	default:
		if err := f.mayDelete(op, to, old); err != nil {
			return err
		}
	}
	if at.dir == nil {
		return fail(ErrorAccessDenied)
	}
	for p := at.dir; p != nil; p = p.parent {
		if p.object == n.object {
			return fail(ErrorSharingViolation)
		}
	}
	if n.kind == tree.Dir && n.region() != at.dir.region() {
		return fail(ErrorNotSameDevice)
	}
	if err := f.mayAdd(op, to, at, right); err != nil {
		return err
	}
	return f.move(ctx, n, at)
}

// at reports whether two nodes are at the same place.
func (n *node) at(m *node) bool {
	return n.parent == m.parent && tree.SameName(n.name, m.name)
}

// same reports whether two nodes are names of the same object.
func (n *node) same(m *node) bool { return n.object == m.object || n.at(m) }

// move gives a node its new place. A directory keeps its source: its content is
// looked for there when somebody asks.
func (f *FS) move(ctx context.Context, n *node, at found) error {
	obj := n.object
	if err := f.drop(ctx, n); err != nil {
		return err
	}
	if at.node != nil && !at.node.at(n) {
		if err := f.drop(ctx, at.node); err != nil {
			return err
		}
	}
	obj.stub = false // it is more than a place to be now
	moved := f.add(at.dir, f.spell(at.dir, at.name), obj)
	for _, k := range obj.kids {
		k.parent = moved
	}
	if len(obj.names) > 0 {
		obj.names = append(obj.names, moved)
	}
	if n.kind != tree.Dir && !moved.natural() {
		obj.changed = true
	}
	f.touch(at.dir)
	return nil
}

// CopyFile copies a file with attributes and modification time, as CopyFile
// does, without reading it; the descriptor is inherited at the new place.
func (f *FS) CopyFile(ctx context.Context, from, to string, failIfExists bool) error {
	const op = "copy"
	n, err := f.existing(ctx, op, from, sure, true)
	if err != nil {
		return err
	}
	if n.kind != tree.File {
		return &Error{Op: op, Path: from, Code: ErrorAccessDenied}
	}
	if err := f.need(op, from, n, rightRead); err != nil {
		return err
	}
	if err := n.readable(from); err != nil {
		return err
	}
	if s, err := place(op, to); err == nil && s.device == "" {
		if at, err := f.walk(ctx, op, &s, cheap, true); err == nil && (at.node != nil && at.node.same(n) || at.dir == n.parent && tree.SameName(at.name, n.name)) {
			return &Error{Op: op, Path: to, Code: ErrorSharingViolation} // onto itself
		}
	}
	o := CreateOptions{New: failIfExists, Attributes: n.attributes&^winmeta.Normal | winmeta.Archive}
	// The attributes of the source do not open a hidden target.
	src := *n.object
	c, err := f.create(ctx, to, CreateOptions{New: o.New})
	if err != nil {
		return err
	}
	c.content, c.size = src.content, src.size
	c.attributes = c.fit(o.Attributes)
	c.times.shown.Modified, c.times.kept.Modified = src.times.shown.Modified, src.times.kept.Modified
	return nil
}

// SetAttributes replaces the attributes that can be set (readonly, hidden,
// system, archive, not content indexed …).
func (f *FS) SetAttributes(ctx context.Context, path string, a winmeta.Attributes) error {
	const op = "set the attributes of"
	if lost := a & (winmeta.Temporary | winmeta.Offline); lost != 0 {
		return Refuse("the attribute "+lost.String()+" of "+path, "images do not keep this attribute", "leave it out")
	}
	n, err := f.changeable(ctx, op, path, false)
	if err != nil {
		return err
	}
	if a = n.fit(a); a != n.attributes {
		f.change(n)
		n.attributes = a
	}
	return nil
}

// changeable returns the node of a path whose attributes and times may be
// changed.
func (f *FS) changeable(ctx context.Context, op, path string, follow bool) (*node, error) {
	n, err := f.existing(ctx, op, path, sure, follow)
	if err != nil {
		return nil, err
	}
	return n, f.mayChange(op, path, n, rightWriteAttributes)
}

// mayChange checks whether the metadata of a node may be changed.
func (f *FS) mayChange(op, path string, n *node, right uint32) error {
	if f.readOnly(n) {
		return &Error{Op: op, Path: path, Code: ErrorAccessDenied}
	}
	return f.need(op, path, n, right)
}

// SetTimes sets those times that are not zero; they reach the image.
func (f *FS) SetTimes(ctx context.Context, path string, t tree.Times) error {
	const op = "set the times of"
	n, err := f.changeable(ctx, op, path, true)
	if err != nil {
		return err
	}
	f.change(n)
	n.times.set(t)
	return nil
}

// SetDescriptor replaces the security descriptor. A new owner must be the
// account itself or, for administrators, their group, unless the privileges are
// enabled ([FS.Privileged]).
func (f *FS) SetDescriptor(ctx context.Context, path string, d winmeta.Descriptor) error {
	const op = "set the security of"
	n, err := f.existing(ctx, op, path, sure, true)
	if err != nil {
		return err
	}
	d = d.MapGeneric()
	old := f.aclOf(n).d
	right := uint32(0)
	if owner, dacl := d.Owner != old.Owner || d.Group != old.Group, old; true {
		dacl.Owner, dacl.Group = d.Owner, d.Group
		if owner {
			right |= rightWriteOwner
		}
		if !dacl.Equal(d) {
			right |= rightWriteDACL
		}
	}
	if err := f.mayChange(op, path, n, right); err != nil {
		return err
	}
	if d.Owner != old.Owner && !f.privileged && d.Owner != f.m.account.SID && d.Owner != f.acls.owner() {
		return &Error{Op: op, Path: path, Code: ErrorInvalidOwner}
	}
	x, err := f.acls.make(d)
	if err != nil {
		return err
	}
	f.change(n)
	n.acl, n.ownACL = x, true
	return nil
}
