package machine

import (
	"context"
	"strings"

	"github.com/casement/casement/internal/tree"
)

// Symlink makes a symbolic link to target as it is given; dir says that it is
// one to a directory. Only administrators may.
func (f *FS) Symlink(ctx context.Context, target, link string, dir bool) error {
	if !f.m.account.Admin {
		return &Error{Op: "link", Path: link, Code: ErrorPrivilegeNotHeld}
	}
	return f.link(ctx, target, link, tree.Symlink, dir)
}

// Junction makes a junction to target, which must be a full path.
func (f *FS) Junction(ctx context.Context, target, link string) error {
	if _, _, ok := cutDrive(strings.TrimPrefix(target, `\\?\`)); !ok {
		return &Error{Op: "link", Path: target, Code: ErrorInvalidName}
	}
	return f.link(ctx, target, link, tree.Junction, true)
}

func (f *FS) link(ctx context.Context, target, link string, kind tree.Kind, dir bool) error {
	const op = "link"
	if target == "" {
		return &Error{Op: op, Path: target, Code: ErrorPathNotFound}
	}
	at, err := f.newName(ctx, op, link)
	if err != nil {
		return err
	}
	right := rightAddFile
	if dir {
		right = rightAddDir
	}
	if err := f.mayAdd(op, link, at, right); err != nil {
		return err
	}
	o := f.newObject(at.dir, kind, dir)
	o.target = strings.ReplaceAll(target, `\`, "/")
	f.add(at.dir, f.spell(at.dir, at.name), o)
	return nil
}

// newName finds the place of a name that must not be there.
func (f *FS) newName(ctx context.Context, op, path string) (found, error) {
	s, err := place(op, path)
	if err != nil {
		return found{}, err
	}
	if s.device != "" || s.stream != "" {
		return found{}, &Error{Op: op, Path: path, Code: ErrorInvalidName}
	}
	at, err := f.walk(ctx, op, &s, cheap, false)
	if err == nil && at.node != nil {
		err = &Error{Op: op, Path: path, Code: ErrorAlreadyExists}
	}
	return at, err
}

// Hardlink gives the file target another name. A file that a layer below has
// comes into the step's layer with it, since links do not lead from one layer to
// another. Names that are linked in a layer below are files of their own as soon
// as one of them is written, as in a container.
func (f *FS) Hardlink(ctx context.Context, target, link string) error {
	const op = "link"
	n, err := f.existing(ctx, op, target, sure, false)
	if err != nil {
		return err
	}
	if n.kind != tree.File {
		return &Error{Op: op, Path: target, Code: ErrorAccessDenied}
	}
	if err := f.need(op, target, n, rightWriteAttributes); err != nil {
		return err
	}
	at, err := f.newName(ctx, op, link)
	if err != nil {
		return err
	}
	if n.region() != at.dir.region() {
		return &Error{Op: op, Path: link, Code: ErrorNotSameDevice}
	}
	if err := f.mayAdd(op, link, at, rightAddFile); err != nil {
		return err
	}
	f.change(n)
	if len(n.names) == 0 {
		n.names = []*node{n}
	}
	n.names = append(n.names, f.add(at.dir, f.spell(at.dir, at.name), n.object))
	f.touch(at.dir)
	return nil
}

// Links returns all names of a file that the step knows of, as full paths.
func (f *FS) Links(ctx context.Context, path string) ([]string, error) {
	n, err := f.existing(ctx, "stat", path, sure, true)
	if err != nil {
		return nil, err
	}
	if len(n.names) == 0 {
		return []string{n.path()}, nil
	}
	var out []string
	for _, other := range n.names {
		out = append(out, other.path())
	}
	return out, nil
}
