package winmeta

import "slices"

// InheritFor returns the descriptor that Windows gives to a new file or
// directory inside the directory d when its creator asks for none: the rules of
// SeAssignSecurityEx. Owner and group are the creator's; an empty one means
// that of d.
//
// Entries for CREATOR OWNER and CREATOR GROUP, and generic rights, become the
// real account and the file rights on the object itself; a directory keeps the
// original beside it, inherit-only, for what will be created below. Entries are
// marked as inherited when d itself takes part in automatic inheritance, as
// NTFS does. If nothing in d is inheritable, the result is what the token of an
// elevated process gives: full access for the owner and the system.
func (d Descriptor) InheritFor(dir bool, owner, group SID) Descriptor {
	if owner == "" {
		owner = d.Owner
	}
	if group == "" {
		group = d.Group
	}
	child := Descriptor{Owner: owner, Group: group, Control: SelfRelative | DACLPresent}
	var mark ACEFlags
	if d.Control&DACLAutoInherited != 0 {
		mark = Inherited
		child.Control |= DACLAutoInherited
	}
	for _, a := range d.DACL {
		child.DACL = a.pass(child.DACL, dir, owner, group, mark)
	}
	if child.DACL == nil {
		child.Control &^= DACLAutoInherited
		child.DACL = []ACE{{Mask: FullAccess, SID: LocalSystem}}
		if owner != "" && owner != LocalSystem {
			child.DACL = append(child.DACL, ACE{Mask: FullAccess, SID: owner})
		}
	}
	return child
}

// inherit returns what one entry of a directory gives to a new object in it: an
// entry for the object itself, and one for what is created below it. Nil is none.
func (a ACE) inherit(dir bool, owner, group SID, mark ACEFlags) (own, below *ACE) {
	kind := ObjectInherit
	if dir {
		kind = ContainerInherit
	}
	if a.Flags&kind != 0 {
		e := a
		e.SID, e.Mask = substitute(a.SID, owner, group), mapGeneric(a.Mask)
		e.Flags = a.Flags&(AuditSuccess|AuditFailure) | mark
		own = &e
	}
	if dir && a.Flags&NoPropagate == 0 && a.Flags&(ObjectInherit|ContainerInherit) != 0 {
		e := a
		e.Flags = a.Flags&(ObjectInherit|ContainerInherit|AuditSuccess|AuditFailure) | InheritOnly | mark
		below = &e
	}
	return own, below
}

// pass appends what one entry of a directory gives to a new object in it: nothing,
// one entry, or two.
func (a ACE) pass(list []ACE, dir bool, owner, group SID, mark ACEFlags) []ACE {
	own, below := a.inherit(dir, owner, group, mark)
	if own != nil && !own.isDuplicate(list) {
		if below != nil && own.SID == a.SID && own.Mask == a.Mask {
			own.Flags, below = below.Flags&^InheritOnly, nil // one entry can do both
		}
		list = append(list, *own)
	}
	if below != nil && !below.isDuplicate(list) {
		list = append(list, *below)
	}
	return list
}

// isDuplicate reports whether inherited entries of a list say already what an
// inherited entry says, for the object itself and for what is below it. Windows
// leaves such entries out.
func (a ACE) isDuplicate(list []ACE) bool {
	if a.Flags&Inherited == 0 {
		return false
	}
	said := func(e ACE) (own, object, container uint32) {
		if e.Flags&InheritOnly == 0 {
			own = e.Mask
		}
		if e.Flags&ObjectInherit != 0 {
			object = e.Mask
		}
		if e.Flags&ContainerInherit != 0 {
			container = e.Mask
		}
		return own, object, container
	}
	own, object, container := said(a)
	for _, e := range list {
		if e.Flags&Inherited == 0 || e.Type != a.Type || e.SID != a.SID || (e.Flags^a.Flags)&(AuditSuccess|AuditFailure) != 0 {
			continue
		}
		x, y, z := said(e)
		own, object, container = own&^x, object&^y, container&^z
	}
	return own|object|container == 0
}

func substitute(s, owner, group SID) SID {
	switch {
	case s == CreatorOwner && owner != "":
		return owner
	case s == CreatorGroup && group != "":
		return group
	}
	return s
}

// MapGeneric returns a descriptor as Windows keeps it of a file that it is set
// for: generic rights become what they mean for files, except in entries that are
// only there to be inherited.
func (d Descriptor) MapGeneric() Descriptor {
	d.DACL, d.SACL = mapGenericIn(d.DACL), mapGenericIn(d.SACL)
	return d
}

func mapGenericIn(list []ACE) []ACE {
	cloned := false
	for i, a := range list {
		if m := mapGeneric(a.Mask); m != a.Mask && a.Flags&InheritOnly == 0 {
			if !cloned {
				list, cloned = slices.Clone(list), true
			}
			list[i].Mask = m
		}
	}
	return list
}

// mapGeneric replaces generic rights by what they mean for files.
func mapGeneric(m uint32) uint32 {
	for _, g := range [...]struct{ generic, file uint32 }{
		{GenericAll, FullAccess}, {GenericRead, FileRead}, {GenericWrite, FileWrite}, {GenericExecute, FileExecute},
	} {
		if m&g.generic != 0 {
			m = m&^g.generic | g.file
		}
	}
	return m
}
