package machine

import (
	"slices"

	"github.com/casement/casement/internal/tree"
	"github.com/casement/casement/internal/winmeta"
)

// The rights that the functions of the file system ask for.
const (
	rightRead            uint32 = 0x00000001 // read a file, list a directory
	rightAddFile                = winmeta.AddFile
	rightAddDir                 = winmeta.AddDirectory
	rightWrite           uint32 = 0x00000116 // write, append, attributes
	rightDeleteChild     uint32 = 0x00000040
	rightWriteAttributes uint32 = 0x00000100
	rightDelete          uint32 = 0x00010000
	rightReadControl     uint32 = 0x00020000
	rightWriteDACL       uint32 = 0x00040000
	rightWriteOwner      uint32 = 0x00080000
)

// acl is a security descriptor with what follows from it for the machine's
// account. There is one for each different descriptor.
type acl struct {
	raw     []byte
	d       winmeta.Descriptor
	granted uint32
	// What new objects in a directory inherit, once somebody has asked.
	newFile, newDir *acl
	usual           map[bool]bool // by directory: it is the default of layers
}

// acls keeps the descriptors of a machine.
type acls struct {
	account *Account
	known   map[string]*acl
}

// of returns the acl of an encoded descriptor. One that cannot be read grants
// nothing.
func (a *acls) of(raw []byte) *acl {
	if x, ok := a.known[string(raw)]; ok {
		return x
	}
	x := &acl{raw: raw}
	if d, err := winmeta.ParseDescriptor(raw); err == nil {
		x.d, x.granted = d, a.grants(d)
	}
	if a.known == nil {
		a.known = map[string]*acl{}
	}
	a.known[string(raw)] = x
	return x
}

// make returns the acl of a descriptor.
func (a *acls) make(d winmeta.Descriptor) (*acl, error) {
	raw, err := d.Bytes()
	if err != nil {
		return nil, err
	}
	return a.of(raw), nil
}

// grants evaluates a descriptor for the account: the first entry that names a
// right decides about it.
func (a *acls) grants(d winmeta.Descriptor) uint32 {
	if d.DACL == nil {
		return winmeta.FullAccess // a missing list protects nothing
	}
	var allowed, decided uint32
	for _, e := range d.DACL {
		if e.Flags&winmeta.InheritOnly != 0 || !a.account.member(e.SID) {
			continue
		}
		mask := fileRights(e.Mask)
		switch e.Type {
		case winmeta.Allow:
			allowed |= mask &^ decided
			decided |= mask
		case winmeta.Deny:
			decided |= mask
		}
	}
	if d.Owner != "" && a.account.member(d.Owner) {
		allowed |= rightReadControl | rightWriteDACL
	}
	return allowed
}

// fileRights replaces generic rights by those of files.
func fileRights(m uint32) uint32 {
	for _, g := range [...][2]uint32{
		{winmeta.GenericAll, winmeta.FullAccess}, {winmeta.GenericRead, winmeta.FileRead},
		{winmeta.GenericWrite, winmeta.FileWrite}, {winmeta.GenericExecute, winmeta.FileExecute},
	} {
		if m&g[0] != 0 {
			m = m&^g[0] | g[1]
		}
	}
	return m
}

// owner returns who owns what the account makes: for an administrator the
// group, as for the processes of Windows' own administrators.
func (a *acls) owner() winmeta.SID {
	if a.account.Admin && a.account.SID != winmeta.LocalSystem {
		return winmeta.Administrators
	}
	return a.account.SID
}

// inherited returns the acl of something new in a directory.
func (a *acls) inherited(parent *acl, dir bool) *acl {
	slot := &parent.newFile
	if dir {
		slot = &parent.newDir
	}
	if *slot == nil {
		d := parent.d.InheritFor(dir, a.owner(), winmeta.LocalSystem)
		raw, err := d.Bytes()
		if err != nil {
			raw = winmeta.DefaultDescriptor(dir) // the parent's could not be read
		}
		*slot = a.of(raw)
	}
	return *slot
}

// ofEntry returns the acl that an entry of a layer has or will have when the
// layer is written.
func (a *acls) ofEntry(e *tree.Entry, name string) *acl {
	dir := e.Kind == tree.Dir || e.Kind == tree.Junction || e.Kind == tree.Symlink && e.DirLink
	switch {
	case e.Windows != nil && e.Windows.Descriptor != nil:
		return a.of(e.Windows.Descriptor)
	case e.Owner != nil && (e.Owner.User != "" || e.Owner.Group != ""):
		if x := a.owned(e.Owner, dir); x != nil {
			return x
		}
	}
	return a.of(defaultDescriptor(name, e.Kind, dir))
}

// owned is the acl of what was copied with --chown; nil if the owner is not one
// that layers can be written with.
func (a *acls) owned(o *tree.Owner, dir bool) *acl {
	user := o.User
	if user == "" {
		user = o.Group
	}
	sid, err := winmeta.LookupAccount(user)
	if err != nil {
		return nil
	}
	raw, err := winmeta.OwnedDescriptor(sid, dir)
	if err != nil {
		return nil
	}
	return a.of(raw)
}

// defaultDescriptor is what layers are written with where an entry has none.
func defaultDescriptor(name string, kind tree.Kind, dir bool) []byte {
	if kind == tree.Dir {
		if sd, ok := winmeta.DirDescriptor(name); ok {
			return sd
		}
	}
	return winmeta.DefaultDescriptor(dir)
}

// isDefault reports whether an object needs no descriptor of its own: the layer
// is written with one that says the same. What is inherited has to stay so: later
// steps may change what the directory above passes on.
func (a *acls) isDefault(x *acl, name string, kind tree.Kind, dir bool) bool {
	if kind == tree.Dir && winmeta.IsStandardDir(name) {
		return x.like(defaultDescriptor(name, kind, dir))
	}
	is, ok := x.usual[dir]
	if !ok {
		is = x.like(winmeta.DefaultDescriptor(dir))
		if x.usual == nil {
			x.usual = map[bool]bool{}
		}
		x.usual[dir] = is
	}
	return is
}

// like reports whether an encoded descriptor says the same.
func (x *acl) like(raw []byte) bool {
	d, err := winmeta.ParseDescriptor(raw)
	if err != nil {
		return false
	}
	return x.d.Owner == d.Owner && x.d.Control == d.Control && x.d.SACL == nil &&
		sameACEs(x.d.DACL, d.DACL)
}

// sameACEs compares lists without denials as sets, since their order does not
// count.
func sameACEs(a, b []winmeta.ACE) bool {
	return slices.Equal(sortedACEs(a), sortedACEs(b))
}

func sortedACEs(list []winmeta.ACE) []string {
	var out []string
	for _, e := range list {
		if e.Type != winmeta.Allow {
			return []string{"not comparable"}
		}
		out = append(out, e.String())
	}
	slices.Sort(out)
	return slices.Compact(out)
}
