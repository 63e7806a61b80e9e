package machine

import (
	"context"
	"slices"

	"github.com/casement/casement/internal/winmeta"
)

// SetAccess replaces the security descriptor of a file or directory as
// SetNamedSecurityInfo does: what is in a directory inherits its new entries,
// unless it is protected from that. Where the account may not change something
// below, it stays as it is.
func (f *FS) SetAccess(ctx context.Context, path string, d winmeta.Descriptor) error {
	info, err := f.Stat(ctx, path)
	if err != nil {
		return err
	}
	old, err := f.Descriptor(ctx, path)
	if err != nil {
		return err
	}
	// What is below is listed with the rights of before: the new ones may be none.
	var below []*Info
	if info.IsDir() && !slices.Equal(inheritable(old), inheritable(d)) {
		below, err = f.ReadDir(ctx, path)
		if err != nil && CodeOf(err) != ErrorAccessDenied {
			return err
		}
	}
	if err := f.SetDescriptor(ctx, path, d); err != nil {
		return err
	}
	return f.propagate(ctx, below, d)
}

// propagate gives what is in a directory the entries that it inherits.
func (f *FS) propagate(ctx context.Context, below []*Info, d winmeta.Descriptor) error {
	for _, e := range below {
		if err := f.m.Tick(ctx); err != nil {
			return err
		}
		if e.IsLink() {
			continue
		}
		old, err := f.Descriptor(ctx, e.Path)
		if err == nil && old.Control&winmeta.DACLProtected == 0 {
			err = f.inherit(ctx, e, old, d)
		}
		if err != nil && CodeOf(err) != ErrorAccessDenied {
			return err
		}
	}
	return nil
}

// inherit gives one file or directory what its parent's descriptor passes on.
func (f *FS) inherit(ctx context.Context, e *Info, old, parent winmeta.Descriptor) error {
	d := inheritFrom(parent, old, e.IsDir())
	if old.Equal(d) {
		return nil
	}
	return f.SetAccess(ctx, e.Path, d)
}

// Inherit returns a descriptor with what the directory above path passes on to
// it in place of what it has inherited so far. A protected one comes back as it
// is.
func (f *FS) Inherit(ctx context.Context, path string, d winmeta.Descriptor) (winmeta.Descriptor, error) {
	info, err := f.Stat(ctx, path)
	if err != nil || d.Control&winmeta.DACLProtected != 0 || len(info.Path) <= 3 {
		return d, err
	}
	above, err := Full(info.Path, "..")
	if err != nil {
		return d, err
	}
	parent, err := f.Descriptor(ctx, above)
	if err != nil {
		return d, err
	}
	return inheritFrom(parent, d, info.IsDir()), nil
}

// inheritFrom replaces the inherited entries of d by those of a parent.
func inheritFrom(parent, d winmeta.Descriptor, dir bool) winmeta.Descriptor {
	// Inheritance that is applied later is always marked as such.
	parent.Control |= winmeta.DACLAutoInherited
	from := parent.InheritFor(dir, d.Owner, d.Group)
	list := []winmeta.ACE{}
	for _, a := range d.DACL {
		if a.Flags&winmeta.Inherited == 0 {
			list = append(list, a)
		}
	}
	if from.Control&winmeta.DACLAutoInherited != 0 { // else there is nothing to inherit
		list = append(list, from.DACL...)
	}
	d.DACL = list
	d.Control |= winmeta.DACLPresent | winmeta.DACLAutoInherited
	return d
}

// inheritable are the entries that concern what is below a directory.
func inheritable(d winmeta.Descriptor) []winmeta.ACE {
	var list []winmeta.ACE
	for _, a := range d.DACL {
		if a.Flags&(winmeta.ObjectInherit|winmeta.ContainerInherit) != 0 {
			list = append(list, a)
		}
	}
	return list
}
