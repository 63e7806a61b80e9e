package layer

import (
	"cmp"

	"github.com/casement/casement/internal/tree"
	"github.com/casement/casement/internal/winmeta"
)

// ownedDescriptor returns the descriptor of what belongs to an account. A group
// becomes the primary group, which Windows keeps and hardly uses; without a
// user it takes the user's place.
func ownedDescriptor(o tree.Owner, dir bool) ([]byte, error) {
	user, err := winmeta.LookupAccount(cmp.Or(o.User, o.Group))
	if err != nil {
		return nil, err
	}
	sd, err := winmeta.OwnedDescriptor(user, dir)
	if err != nil || o.User == "" || o.Group == "" {
		return sd, err
	}
	d, err := winmeta.ParseDescriptor(sd)
	if err != nil {
		return nil, err
	}
	if d.Group, err = winmeta.LookupAccount(o.Group); err != nil {
		return nil, err
	}
	return d.Bytes()
}

// attributes returns the Win32 attributes: the entry's, with the bits that its
// kind demands and without those that only describe how a volume stores it.
func attributes(e *tree.Entry, dirLink bool) winmeta.Attributes {
	var a winmeta.Attributes
	if e.Windows != nil {
		a = winmeta.Attributes(e.Windows.Attributes).Portable()
	}
	switch e.Kind {
	case tree.Dir:
		return a&^winmeta.Archive | winmeta.DirectoryAttributes
	case tree.Symlink, tree.Junction:
		if dirLink {
			return a&^winmeta.Archive | winmeta.DirLinkAttributes
		}
		return a | winmeta.FileLinkAttributes
	}
	switch {
	case a != 0:
		return a
	case e.Windows != nil && e.Windows.Attributes != 0:
		return winmeta.Normal // that there are none is something to say, too
	}
	return winmeta.FileAttributes
}
