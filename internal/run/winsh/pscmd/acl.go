package pscmd

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/run/winsh/ps"
	"github.com/casement/casement/internal/winmeta"
)

// aclCmdlets read and set security descriptors of files.
func aclCmdlets() []*ps.Cmdlet {
	const filters = `
		Filter string
		Include string[]
		Exclude string[]
		UseTransaction|usetx switch 5.1 !registry transactions need Windows`
	return []*ps.Cmdlet{
		{
			Name: "Get-Acl", Module: moduleSecurity, DefaultSet: "ByPath",
			Syntax: params(`
				Path string[] @1 pipeline property notempty {ByPath}
				InputObject object mandatory {ByInputObject} !only paths have descriptors here
				LiteralPath|PSPath|LP string[] pipeline property notempty {ByLiteralPath}
				Audit switch !auditing is not kept in images
				AllCentralAccessPolicies switch !central access policies need a domain` + filters),
			Process: getACL,
		},
		{
			Name: "Set-Acl", Module: moduleSecurity, DefaultSet: "ByPath", ShouldProcess: true,
			Syntax: params(`
				Path string[] @1 mandatory property {ByPath}
				InputObject object @1 mandatory property {ByInputObject} !only paths have descriptors here
				LiteralPath|PSPath|LP string[] mandatory property {ByLiteralPath}
				AclObject object @2 mandatory pipeline {ByPath,ByLiteralPath,ByInputObject}
				CentralAccessPolicy string property {ByPath,ByLiteralPath} !central access policies need a domain
				ClearCentralAccessPolicy switch {ByPath,ByLiteralPath} !central access policies need a domain
				Passthru switch` + filters),
			Process: setACL,
		},
	}
}

// Security is the Data of a FileSecurity or DirectorySecurity: a descriptor that
// a script changes before it sets it.
type Security struct {
	D   winmeta.Descriptor
	Dir bool
}

// SecurityObject makes the object of a descriptor.
func SecurityObject(s *ps.Session, d winmeta.Descriptor, dir bool) *ps.Object {
	name := "System.Security.AccessControl.FileSecurity"
	if dir {
		name = "System.Security.AccessControl.DirectorySecurity"
	}
	d.DACL = slices.Clone(d.DACL)
	sec := &Security{D: d, Dir: dir}
	if d.Control&winmeta.DACLPresent != 0 && sec.ordered() {
		sec.canonical()
	}
	return s.Object(name, sec)
}

// SetSecurity gives a file a descriptor, as SetAccessControl does: inherited
// entries come from the directory that it is in.
func SetSecurity(ctx context.Context, s *ps.Session, path string, sec *Security) error {
	f := s.Machine().FS().Privileged()
	d, err := f.Inherit(ctx, path, sec.D)
	if err != nil {
		return err
	}
	old, err := f.Descriptor(ctx, path)
	if err != nil {
		return err
	}
	if d.Owner == "" {
		d.Owner = old.Owner
	}
	if d.Group == "" {
		d.Group = old.Group
	}
	d.SACL = old.SACL
	return f.SetAccess(ctx, path, d)
}

func getACL(ctx context.Context, c *ps.Call) error {
	f := newFinder(c)
	f.force = true
	one := func(n *node) error {
		if n.Provider == registry {
			return machine.Refuse("Get-Acl "+n.String(), "the rights of registry keys are not kept", "leave the step out: keys inherit their rights")
		}
		if n.Provider != fileSystem {
			return c.Error(ctx, fail(psNotSupported, "Cannot use the interface because the ISecurityDescriptorCmdletProvider interface is not supported by this provider.", "NotSupported", ps.NotImplemented, nil))
		}
		d, err := c.Session.Machine().FS().Descriptor(ctx, n.Name)
		if err != nil {
			if denied(err) {
				return c.Error(ctx, fail(unauthorized, "Attempted to perform an unauthorized operation.", unauthorized, ps.PermissionDenied, n.Name))
			}
			return report(ctx, c, err)
		}
		o := SecurityObject(c.Session, d, n.container)
		itemProperties(c.Session, o, n.Path, n.container)
		o.Remove("PSIsContainer")
		return c.Write(ctx, o)
	}
	if !c.Has("Path") && !c.Has("LiteralPath") {
		n, err := f.must(ctx, c.Session.Location())
		if err != nil {
			return report(ctx, c, err)
		}
		return one(n)
	}
	list, literal := paths(c)
	for _, path := range list {
		nodes, err := f.find(ctx, path, literal)
		if err != nil {
			if fatal(err) {
				return err
			}
			var r *ps.ErrorRecord
			if errors.As(err, &r) && r.ID == "PathNotFound" {
				err = fail(itemNotFound, r.Message(), "GetAcl_PathNotFound_Exception", ps.ObjectNotFound, nil)
			}
			if err := report(ctx, c, err); err != nil {
				return err
			}
			continue
		}
		for _, n := range nodes {
			if err := one(n); err != nil {
				return err
			}
		}
	}
	return nil
}

func setACL(ctx context.Context, c *ps.Call) error {
	o, _ := ps.Unwrap(c.Value("AclObject")).(*ps.Object)
	var sec *Security
	if o != nil {
		sec, _ = o.Data.(*Security)
	}
	if sec == nil {
		if text, ok := ps.Unwrap(c.Value("AclObject")).(string); ok {
			return c.Error(ctx, fail(argumentException, "The SDDL string '"+text+"' contains an invalid sid or a sid that cannot be translated. Parameter name: AclObject", "SetAcl_AclObject", ps.InvalidArgument, text))
		}
		return c.Error(ctx, fail(argumentException, "AclObject", "SetAcl_AclObject", ps.InvalidArgument, c.Value("AclObject")))
	}
	f := newFinder(c)
	f.force = true
	return f.each(ctx, c, func(n *node) error {
		if n.Provider != fileSystem {
			return machine.Refuse("Set-Acl "+n.String(), "only the rights of files are kept", "leave the step out")
		}
		yes, err := c.ShouldProcess(ctx, n.Name, "Set-Acl")
		if err != nil || !yes {
			return err
		}
		if err := SetSecurity(ctx, c.Session, n.Name, sec); err != nil {
			if denied(err) {
				err = ps.NewException(unauthorized, "Attempted to perform an unauthorized operation.")
				return reportAs(ctx, c, err, unauthorized, ps.PermissionDenied, n.Name)
			}
			if machine.CodeOf(err) == machine.ErrorInvalidOwner {
				err = ps.NewException(invalidOperation, "The security identifier is not allowed to be the owner of this object.")
				return reportAs(ctx, c, err, invalidOperation, ps.NotSpecified, nil)
			}
			return report(ctx, c, err)
		}
		if c.Switch("Passthru") {
			return getACLAt(ctx, c, n)
		}
		return nil
	})
}

func getACLAt(ctx context.Context, c *ps.Call, n *node) error {
	d, err := c.Session.Machine().FS().Descriptor(ctx, n.Name)
	if err != nil {
		return report(ctx, c, err)
	}
	o := SecurityObject(c.Session, d, n.container)
	itemProperties(c.Session, o, n.Path, n.container)
	o.Remove("PSIsContainer")
	return c.Write(ctx, o)
}

// AccessRule is the Data of a FileSystemAccessRule.
type AccessRule struct {
	// Who is a *[ps.Object] whose Data is an [Account] or a [Sid].
	Who any
	ACE winmeta.ACE
}

// Account is the Data of an NTAccount: a name. Sid is that of a
// SecurityIdentifier.
type (
	Account string
	Sid     string
)

// NTAccount makes the object of an account's name.
func NTAccount(s *ps.Session, name string) *ps.Object {
	return s.Object("System.Security.Principal.NTAccount", Account(name))
}

// SecurityIdentifier makes the object of a SID.
func SecurityIdentifier(s *ps.Session, sid winmeta.SID) *ps.Object {
	return s.Object("System.Security.Principal.SecurityIdentifier", Sid(sid))
}

// SidOf translates an identity: a name, an NTAccount or a SecurityIdentifier.
func SidOf(s *ps.Session, who any) (winmeta.SID, error) {
	name := ""
	switch x := ps.Unwrap(who).(type) {
	case *ps.Object:
		switch d := x.Data.(type) {
		case Sid:
			return winmeta.SID(d), nil
		case Account:
			name = string(d)
		}
	default:
		name = s.ToString(who)
	}
	account := s.Machine().Account()
	if strings.EqualFold(name, account.Name) || strings.EqualFold(name, account.String()) {
		return account.SID, nil
	}
	sid, err := winmeta.LookupAccount(name)
	if err == nil {
		return sid, nil
	}
	var unknown *winmeta.UnknownAccountError
	if errors.As(err, &unknown) {
		return "", machine.Refuse("the account "+name, unknown.Error(), unknown.Hint())
	}
	return "", err
}

// nameOf is the NTAccount of a SID, or the SID itself if it has no name.
func nameOf(s *ps.Session, sid winmeta.SID) *ps.Object {
	if name, ok := winmeta.AccountName(sid); ok {
		return NTAccount(s, name)
	}
	return SecurityIdentifier(s, sid)
}

// ruleMask is the mask of a rule: rights that are allowed include Synchronize.
func ruleMask(rights int64, deny bool) uint32 {
	const synchronize, full = 0x100000, 0x1f01ff
	m := uint32(rights)
	if !deny {
		return m | synchronize
	}
	if m != full {
		m &^= synchronize
	}
	return m
}

// ruleFlags turns InheritanceFlags and PropagationFlags into those of an entry.
func ruleFlags(inherit, propagate int64) winmeta.ACEFlags {
	var f winmeta.ACEFlags
	if inherit&1 != 0 {
		f |= winmeta.ContainerInherit
	}
	if inherit&2 != 0 {
		f |= winmeta.ObjectInherit
	}
	if inherit == 0 {
		return 0
	}
	if propagate&1 != 0 {
		f |= winmeta.NoPropagate
	}
	if propagate&2 != 0 {
		f |= winmeta.InheritOnly
	}
	return f
}

// inheritance are the flags of an entry that are about inheritance.
const inheritance = winmeta.ObjectInherit | winmeta.ContainerInherit | winmeta.NoPropagate | winmeta.InheritOnly

// explicit reports whether an entry is one of its own for an account.
func explicit(a winmeta.ACE, sid winmeta.SID) bool {
	return a.Flags&winmeta.Inherited == 0 && a.SID == sid && (a.Type == winmeta.Allow || a.Type == winmeta.Deny)
}

// add puts an entry in, merged with one of the same account and inheritance.
func (s *Security) add(ace winmeta.ACE) {
	if !s.Dir {
		ace.Flags &^= inheritance
	}
	s.D.DACL = append([]winmeta.ACE{ace}, s.D.DACL...)
	s.canonical()
}

// rank is the place of an entry in an ordered list: what is denied, what is
// allowed, what is inherited.
func rank(a winmeta.ACE) int {
	switch {
	case a.Flags&winmeta.Inherited != 0:
		return 2
	case a.Type == winmeta.Deny:
		return 0
	}
	return 1
}

// ordered reports whether the entries are in the order of Windows. .NET does
// not change lists that are not.
func (s *Security) ordered() bool {
	return slices.IsSortedFunc(s.D.DACL, func(a, b winmeta.ACE) int { return rank(a) - rank(b) })
}

// canonical orders the entries as .NET does whenever it reads or changes a list:
// by rank, those of the file itself by account. Those that can be one are merged.
func (s *Security) canonical() {
	slices.SortStableFunc(s.D.DACL, func(a, b winmeta.ACE) int {
		if n := rank(a) - rank(b); n != 0 || rank(a) == 2 {
			return n
		}
		return compareSIDs(a.SID, b.SID)
	})
	list := make([]winmeta.ACE, 0, len(s.D.DACL))
	for _, a := range s.D.DACL {
		if n := len(list); n == 0 || !merge(&list[n-1], a) {
			list = append(list, a)
		}
	}
	s.D.DACL = list
	s.D.Control |= winmeta.DACLPresent
}

// merge makes one entry of two, if that says the same.
func merge(into *winmeta.ACE, a winmeta.ACE) bool {
	const limits = winmeta.NoPropagate | winmeta.InheritOnly
	switch {
	case !explicit(*into, a.SID) || !explicit(a, a.SID) || a.Type != into.Type:
		return false
	case a.Flags == into.Flags:
		into.Mask |= a.Mask
		return true
	case a.Mask == into.Mask && (a.Flags|into.Flags)&limits == 0:
		into.Flags |= a.Flags
		return true
	}
	return false
}

// compareSIDs orders SIDs as .NET does: by authority, length, and numbers.
func compareSIDs(a, b winmeta.SID) int {
	x, y := strings.Split(string(a), "-"), strings.Split(string(b), "-")
	if len(x) > 2 && len(y) > 2 && x[2] != y[2] {
		return compareNumbers(x[2], y[2])
	}
	if len(x) != len(y) {
		return len(x) - len(y)
	}
	for i := range x {
		if n := compareNumbers(x[i], y[i]); n != 0 {
			return n
		}
	}
	return 0
}

func compareNumbers(a, b string) int {
	if len(a) != len(b) {
		return len(a) - len(b)
	}
	return strings.Compare(a, b)
}

// drop removes the explicit entries of an account that keep says no to.
func (s *Security) drop(sid winmeta.SID, gone func(winmeta.ACE) bool) bool {
	n := len(s.D.DACL)
	s.D.DACL = slices.DeleteFunc(s.D.DACL, func(a winmeta.ACE) bool { return explicit(a, sid) && gone(a) })
	s.canonical()
	return len(s.D.DACL) < n
}

// remove takes rights away from the entries of an account, where the rule covers
// the whole inheritance of the entry.
func (s *Security) remove(ace winmeta.ACE) error {
	exact := slices.ContainsFunc(s.D.DACL, func(a winmeta.ACE) bool {
		return explicit(a, ace.SID) && a.Type == ace.Type && a.Mask == ace.Mask
	})
	if !exact {
		ace.Mask = ruleMask(int64(ace.Mask), true)
	}
	if !s.Dir {
		ace.Flags &^= inheritance
	}
	for i, a := range s.D.DACL {
		if !explicit(a, ace.SID) || a.Type != ace.Type || a.Mask&ace.Mask == 0 {
			continue
		}
		covers := a.Flags == ace.Flags || ace.Flags&(winmeta.NoPropagate|winmeta.InheritOnly) == 0 && a.Flags&^ace.Flags&(winmeta.ObjectInherit|winmeta.ContainerInherit) == 0
		if !covers {
			return machine.Refuse("RemoveAccessRule", "the rule covers a part of the inheritance of an entry only", "remove the entry with PurgeAccessRules and add what is to stay")
		}
		s.D.DACL[i].Mask &^= ace.Mask
	}
	s.drop(ace.SID, func(a winmeta.ACE) bool { return a.Mask == 0 })
	return nil
}

// protect is SetAccessRuleProtection.
func (s *Security) protect(on, keep bool) {
	if !on {
		s.D.Control &^= winmeta.DACLProtected
		return
	}
	s.D.Control |= winmeta.DACLProtected
	list := []winmeta.ACE{}
	for _, a := range s.D.DACL {
		if a.Flags&winmeta.Inherited != 0 {
			if !keep {
				continue
			}
			a.Flags &^= winmeta.Inherited
		}
		list = append(list, a)
	}
	s.D.DACL = list
	if s.ordered() {
		s.canonical()
	}
}
