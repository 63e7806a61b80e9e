package winmeta

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
		child.DACL = append(child.DACL, a.inherit(dir, owner, group, mark)...)
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

// inherit returns what one entry of a directory contributes to a new object in
// it: nothing, one entry, or two.
func (a ACE) inherit(dir bool, owner, group SID, mark ACEFlags) []ACE {
	own := a // on the object itself
	own.SID, own.Mask = substitute(a.SID, owner, group), mapGeneric(a.Mask)
	own.Flags = a.Flags&(AuditSuccess|AuditFailure) | mark
	if !dir {
		if a.Flags&ObjectInherit == 0 {
			return nil
		}
		return []ACE{own}
	}
	below := a // for what is created below it
	below.Flags = a.Flags&(ObjectInherit|ContainerInherit|AuditSuccess|AuditFailure) | InheritOnly | mark
	passOn := a.Flags&NoPropagate == 0
	switch {
	case a.Flags&ContainerInherit != 0 && !passOn:
		return []ACE{own}
	case a.Flags&ContainerInherit != 0 && own.SID == a.SID && own.Mask == a.Mask:
		below.Flags &^= InheritOnly // one entry can do both
		return []ACE{below}
	case a.Flags&ContainerInherit != 0:
		return []ACE{own, below}
	case a.Flags&ObjectInherit != 0 && passOn:
		return []ACE{below}
	}
	return nil
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
