package hive

import (
	"slices"

	"github.com/casement/casement/internal/winmeta"
)

// inheritKey returns the descriptor that Windows gives to a new key below a key
// with the descriptor parent when its creator asks for none. Owner and group
// are the creator's.
//
// It differs from what files get: generic rights become those of keys, and where
// the parent takes part in automatic inheritance, an entry that says what one
// before it has said is left out.
func inheritKey(parent winmeta.Descriptor, owner, group winmeta.SID) winmeta.Descriptor {
	child := winmeta.Descriptor{Owner: owner, Group: group, Control: winmeta.SelfRelative | winmeta.DACLPresent}
	child.Control |= parent.Control & (winmeta.DACLAutoInherited | winmeta.SACLAutoInherited)
	child.DACL = inheritACL(parent.DACL, owner, group, parent.Control&winmeta.DACLAutoInherited != 0)
	child.SACL = inheritACL(parent.SACL, owner, group, parent.Control&winmeta.SACLAutoInherited != 0)
	if child.DACL == nil { // what the token of an elevated process gives
		child.Control &^= winmeta.DACLAutoInherited
		child.DACL = []winmeta.ACE{{Mask: winmeta.KeyAll, SID: winmeta.LocalSystem}}
		if owner != winmeta.LocalSystem {
			child.DACL = append(child.DACL, winmeta.ACE{Mask: winmeta.KeyAll, SID: owner})
		}
	}
	return child
}

func inheritACL(list []winmeta.ACE, owner, group winmeta.SID, auto bool) []winmeta.ACE {
	var out []winmeta.ACE
	add := func(a winmeta.ACE) {
		if auto && slices.ContainsFunc(out, func(b winmeta.ACE) bool { return covers(b, a) }) {
			return
		}
		out = append(out, a)
	}
	var mark winmeta.ACEFlags
	if auto {
		mark = winmeta.Inherited
	}
	const audit = winmeta.AuditSuccess | winmeta.AuditFailure
	const pass = winmeta.ObjectInherit | winmeta.ContainerInherit
	for _, a := range list {
		own := a // on the key itself
		own.SID, own.Mask, own.Flags = substitute(a.SID, owner, group), mapGeneric(a.Mask), a.Flags&audit|mark
		below := a // for keys below it
		below.Flags = a.Flags&(audit|pass) | winmeta.InheritOnly | mark
		whole := below // both in one
		whole.Flags &^= winmeta.InheritOnly
		here, further := a.Flags&winmeta.ContainerInherit != 0, a.Flags&pass != 0 && a.Flags&winmeta.NoPropagate == 0
		same := own.SID == a.SID && own.Mask == a.Mask
		known := auto && slices.ContainsFunc(out, func(b winmeta.ACE) bool { return covers(b, own) })
		switch {
		case here && further && same && !known:
			add(whole)
		case here && further:
			add(own)
			add(below)
		case here:
			add(own)
		case further:
			add(below)
		}
	}
	return out
}

// covers reports whether entry a says nothing that b does not say.
func covers(b, a winmeta.ACE) bool {
	if a.Type != b.Type || a.Mask != b.Mask || a.SID != b.SID || a.Extra != b.Extra {
		return false
	}
	const what = winmeta.AuditSuccess | winmeta.AuditFailure
	if a.Flags&what != b.Flags&what {
		return false
	}
	if a.Flags&winmeta.InheritOnly == 0 && b.Flags&winmeta.InheritOnly != 0 {
		return false
	}
	const pass = winmeta.ObjectInherit | winmeta.ContainerInherit
	return a.Flags&pass&^b.Flags == 0
}

func substitute(s, owner, group winmeta.SID) winmeta.SID {
	switch {
	case s == winmeta.CreatorOwner && owner != "":
		return owner
	case s == winmeta.CreatorGroup && group != "":
		return group
	}
	return s
}

// mapGeneric replaces generic rights by what they mean for keys.
func mapGeneric(m uint32) uint32 {
	for _, g := range [...]struct{ generic, key uint32 }{
		{winmeta.GenericAll, winmeta.KeyAll}, {winmeta.GenericRead, winmeta.KeyRead},
		{winmeta.GenericWrite, winmeta.KeyWrite}, {winmeta.GenericExecute, winmeta.KeyRead},
	} {
		if m&g.generic != 0 {
			m = m&^g.generic | g.key
		}
	}
	return m
}
