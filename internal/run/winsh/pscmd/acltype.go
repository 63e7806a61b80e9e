package pscmd

import (
	"context"
	"strings"

	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/run/winsh/ps"
	"github.com/casement/casement/internal/winmeta"
)

// Names of the types about access.
const (
	typeRights     = "System.Security.AccessControl.FileSystemRights"
	typeInherit    = "System.Security.AccessControl.InheritanceFlags"
	typePropagate  = "System.Security.AccessControl.PropagationFlags"
	typeAllowDeny  = "System.Security.AccessControl.AccessControlType"
	typeRule       = "System.Security.AccessControl.FileSystemAccessRule"
	typeIdentity   = "System.Security.Principal.IdentityReference"
	typeFileSystem = "System.Security.AccessControl.FileSystemSecurity"
)

// aclTypes are security descriptors, rules, and who they are about.
func aclTypes() []*ps.Type {
	text := func(v any) string { return accountText(v.(*ps.Object)) }
	return []*ps.Type{
		{Name: typeRights, Flags: true, Values: []ps.EnumValue{
			{Name: "ReadData", Value: 1}, {Name: "ListDirectory", Value: 1}, {Name: "WriteData", Value: 2}, {Name: "CreateFiles", Value: 2},
			{Name: "AppendData", Value: 4}, {Name: "CreateDirectories", Value: 4}, {Name: "ReadExtendedAttributes", Value: 8},
			{Name: "WriteExtendedAttributes", Value: 16}, {Name: "ExecuteFile", Value: 32}, {Name: "Traverse", Value: 32},
			{Name: "DeleteSubdirectoriesAndFiles", Value: 64}, {Name: "ReadAttributes", Value: 128}, {Name: "WriteAttributes", Value: 256},
			{Name: "Write", Value: 278}, {Name: "Delete", Value: 65536}, {Name: "ReadPermissions", Value: 131072}, {Name: "Read", Value: 131209},
			{Name: "ReadAndExecute", Value: 131241}, {Name: "Modify", Value: 197055}, {Name: "ChangePermissions", Value: 262144},
			{Name: "TakeOwnership", Value: 524288}, {Name: "Synchronize", Value: 1048576}, {Name: "FullControl", Value: 2032127},
		}},
		{Name: typeInherit, Flags: true, Values: []ps.EnumValue{{Name: "None"}, {Name: "ContainerInherit", Value: 1}, {Name: "ObjectInherit", Value: 2}}},
		{Name: typePropagate, Flags: true, Values: []ps.EnumValue{{Name: "None"}, {Name: "NoPropagateInherit", Value: 1}, {Name: "InheritOnly", Value: 2}}},
		{Name: typeAllowDeny, Values: []ps.EnumValue{{Name: "Allow"}, {Name: "Deny", Value: 1}}},
		{Name: "System.Security.AccessControl.AccessControlSections", Flags: true, Values: []ps.EnumValue{
			{Name: "None"}, {Name: "Audit", Value: 1}, {Name: "Access", Value: 2}, {Name: "Owner", Value: 4}, {Name: "Group", Value: 8}, {Name: "All", Value: 15},
		}},
		{Name: typeIdentity, Abstract: true, String: text, Members: identityMembers},
		{
			Name: "System.Security.Principal.NTAccount", Base: typeIdentity, String: text,
			New: []ps.Overload{
				ps.O("string name", func(_ context.Context, in *ps.Invoke) (any, error) { return NTAccount(in.Session, in.String(0)), nil }),
				ps.O("string domainName, string accountName", func(_ context.Context, in *ps.Invoke) (any, error) {
					return NTAccount(in.Session, in.String(0)+`\`+in.String(1)), nil
				}),
			},
		},
		{
			Name: "System.Security.Principal.SecurityIdentifier", Base: typeIdentity, String: text,
			New: []ps.Overload{
				ps.O("string sddlForm", newSID),
				ps.O("System.Security.Principal.WellKnownSidType sidType, System.Security.Principal.SecurityIdentifier domainSid", newKnownSID),
			},
		},
		{Name: "System.Security.Principal.WellKnownSidType", Values: knownSIDs()},
		{Name: "System.Security.AccessControl.AuthorizationRule", Abstract: true},
		{Name: "System.Security.AccessControl.AccessRule", Base: "System.Security.AccessControl.AuthorizationRule", Abstract: true},
		{
			Name: typeRule, Base: "System.Security.AccessControl.AccessRule", Members: ruleMembers,
			New: []ps.Overload{
				ps.O(typeIdentity+" identity, "+typeRights+" fileSystemRights, "+typeAllowDeny+" type", newRule),
				ps.O("string identity, "+typeRights+" fileSystemRights, "+typeAllowDeny+" type", newRule),
				ps.O(typeIdentity+" identity, "+typeRights+" fileSystemRights, "+typeInherit+" inheritanceFlags, "+typePropagate+" propagationFlags, "+typeAllowDeny+" type", newRule),
				ps.O("string identity, "+typeRights+" fileSystemRights, "+typeInherit+" inheritanceFlags, "+typePropagate+" propagationFlags, "+typeAllowDeny+" type", newRule),
			},
		},
		{Name: "System.Security.AccessControl.ObjectSecurity", Abstract: true},
		{Name: typeFileSystem, Base: "System.Security.AccessControl.ObjectSecurity", Abstract: true, Members: securityMembers, View: securityView},
		{Name: "System.Security.AccessControl.FileSecurity", Base: typeFileSystem, New: []ps.Overload{ps.O("", newSecurity(false)),
			ps.O("string fileName, System.Security.AccessControl.AccessControlSections includeSections", readSecurity)}},
		{Name: "System.Security.AccessControl.DirectorySecurity", Base: typeFileSystem, New: []ps.Overload{ps.O("", newSecurity(true)),
			ps.O("string name, System.Security.AccessControl.AccessControlSections includeSections", readSecurity)}},
		{Name: "System.Security.AccessControl.RegistryAccessRule", Refuse: "the rights of registry keys are not kept", Way: "leave the step out: keys inherit their rights"},
	}
}

func accountText(o *ps.Object) string {
	switch d := o.Data.(type) {
	case Account:
		return string(d)
	case Sid:
		return string(d)
	}
	return ""
}

func identityMembers() []ps.Member {
	return []ps.Member{
		ps.Prop("Value", "string", func(_ context.Context, in *ps.Invoke) (any, error) { return accountText(in.Self.(*ps.Object)), nil }),
		ps.Method("Translate", typeIdentity, ps.O("type targetType", func(_ context.Context, in *ps.Invoke) (any, error) {
			sid, err := SidOf(in.Session, in.Self)
			if err != nil {
				return nil, err
			}
			t, _ := ps.Unwrap(in.Args[0]).(*ps.Type)
			if t != nil && strings.HasSuffix(t.Name, "NTAccount") {
				o := nameOf(in.Session, sid)
				if _, ok := o.Data.(Account); !ok {
					return nil, ps.NewException("System.Security.Principal.IdentityNotMappedException", "Some or all identity references could not be translated.")
				}
				return o, nil
			}
			return SecurityIdentifier(in.Session, sid), nil
		})),
	}
}

func newSID(_ context.Context, in *ps.Invoke) (any, error) {
	sid, err := winmeta.ParseSID(in.String(0))
	if err != nil {
		if sid, err = winmeta.LookupAccount(in.String(0)); err != nil || len(in.String(0)) != 2 {
			return nil, ps.NewException(argumentException, "Value was invalid.\r\nParameter name: sddlForm")
		}
	}
	return SecurityIdentifier(in.Session, sid), nil
}

// wellKnown are the SIDs of WellKnownSidType that every machine has.
func wellKnown() map[int64]winmeta.SID {
	return map[int64]winmeta.SID{
		0: "S-1-0-0", 1: "S-1-1-0", 2: "S-1-2-0", 3: "S-1-3-0", 4: "S-1-3-1", 7: "S-1-5", 8: "S-1-5-1", 9: "S-1-5-2", 10: "S-1-5-3",
		11: "S-1-5-4", 12: "S-1-5-6", 13: "S-1-5-7", 16: "S-1-5-10", 17: "S-1-5-11", 18: "S-1-5-12", 22: "S-1-5-18",
		23: "S-1-5-19", 24: "S-1-5-20", 25: "S-1-5-32", 26: "S-1-5-32-544", 27: "S-1-5-32-545", 28: "S-1-5-32-546", 29: "S-1-5-32-547",
	}
}

func knownSIDs() []ps.EnumValue {
	return []ps.EnumValue{
		{Name: "NullSid"}, {Name: "WorldSid", Value: 1}, {Name: "LocalSid", Value: 2}, {Name: "CreatorOwnerSid", Value: 3}, {Name: "CreatorGroupSid", Value: 4},
		{Name: "NTAuthoritySid", Value: 7}, {Name: "DialupSid", Value: 8}, {Name: "NetworkSid", Value: 9}, {Name: "BatchSid", Value: 10},
		{Name: "InteractiveSid", Value: 11}, {Name: "ServiceSid", Value: 12}, {Name: "AnonymousSid", Value: 13}, {Name: "SelfSid", Value: 16},
		{Name: "AuthenticatedUserSid", Value: 17}, {Name: "RestrictedCodeSid", Value: 18}, {Name: "LocalSystemSid", Value: 22},
		{Name: "LocalServiceSid", Value: 23}, {Name: "NetworkServiceSid", Value: 24}, {Name: "BuiltinDomainSid", Value: 25},
		{Name: "BuiltinAdministratorsSid", Value: 26}, {Name: "BuiltinUsersSid", Value: 27}, {Name: "BuiltinGuestsSid", Value: 28}, {Name: "BuiltinPowerUsersSid", Value: 29},
	}
}

func newKnownSID(_ context.Context, in *ps.Invoke) (any, error) {
	e, _ := in.Args[0].(ps.Enum)
	sid, ok := wellKnown()[e.Value]
	if !ok {
		return nil, machine.Refuse("WellKnownSidType "+in.Session.EnumName(e), "this SID depends on the machine", "use a SID that every machine has")
	}
	return SecurityIdentifier(in.Session, sid), nil
}

// newRule makes a rule; what it is about is looked up when it is used.
func newRule(_ context.Context, in *ps.Invoke) (any, error) {
	number := func(i int) int64 {
		e, _ := in.Args[i].(ps.Enum)
		return e.Value
	}
	who := in.Args[0]
	if name, ok := ps.Unwrap(who).(string); ok {
		who = NTAccount(in.Session, name)
	}
	r := &AccessRule{Who: who}
	deny := number(len(in.Args)-1) == 1
	if deny {
		r.ACE.Type = winmeta.Deny
	}
	r.ACE.Mask = ruleMask(number(1), deny)
	if len(in.Args) == 5 {
		r.ACE.Flags = ruleFlags(number(2), number(3))
	}
	return in.Session.Object(typeRule, r), nil
}

func ruleMembers() []ps.Member {
	data := func(in *ps.Invoke) *AccessRule { return in.Data().(*AccessRule) }
	enum := func(name, typ string, get func(a winmeta.ACE) int64) ps.Member {
		return ps.Prop(name, typ, func(_ context.Context, in *ps.Invoke) (any, error) {
			return in.Session.Enum(typ, get(data(in).ACE)), nil
		})
	}
	return []ps.Member{
		enum("FileSystemRights", typeRights, func(a winmeta.ACE) int64 { return int64(int32(a.Mask)) }),
		enum("AccessControlType", typeAllowDeny, func(a winmeta.ACE) int64 {
			if a.Type == winmeta.Deny {
				return 1
			}
			return 0
		}),
		ps.Prop("IdentityReference", typeIdentity, func(_ context.Context, in *ps.Invoke) (any, error) { return data(in).Who, nil }),
		ps.Prop("IsInherited", "bool", func(_ context.Context, in *ps.Invoke) (any, error) {
			return data(in).ACE.Flags&winmeta.Inherited != 0, nil
		}),
		enum("InheritanceFlags", typeInherit, func(a winmeta.ACE) int64 {
			n := int64(0)
			if a.Flags&winmeta.ContainerInherit != 0 {
				n |= 1
			}
			if a.Flags&winmeta.ObjectInherit != 0 {
				n |= 2
			}
			return n
		}),
		enum("PropagationFlags", typePropagate, func(a winmeta.ACE) int64 {
			n := int64(0)
			if a.Flags&winmeta.NoPropagate != 0 {
				n |= 1
			}
			if a.Flags&winmeta.InheritOnly != 0 {
				n |= 2
			}
			return n
		}),
	}
}

func newSecurity(dir bool) func(context.Context, *ps.Invoke) (any, error) {
	return func(_ context.Context, in *ps.Invoke) (any, error) {
		return SecurityObject(in.Session, winmeta.Descriptor{Control: winmeta.DACLPresent, DACL: []winmeta.ACE{}}, dir), nil
	}
}

func readSecurity(ctx context.Context, in *ps.Invoke) (any, error) {
	path, err := fullPath(in.Session, in.String(0))
	if err != nil {
		return nil, err
	}
	return securityOf(ctx, in, path)
}

// accessMembers are the methods of files and directories that read and set
// descriptors; .NET of PowerShell 7 has them elsewhere.
func accessMembers(typ, param string) []ps.Member {
	get := func(ctx context.Context, in *ps.Invoke) (any, error) { return securityOf(ctx, in, item(in).Path) }
	set := func(ctx context.Context, in *ps.Invoke) (any, error) {
		if o, ok := ps.Unwrap(in.Args[0]).(*ps.Object); ok {
			return nil, SetSecurity(ctx, in.Session, item(in).Path, o.Data.(*Security))
		}
		return nil, ps.NewException(argumentNullException, "Value cannot be null.\r\nParameter name: "+param)
	}
	list := []ps.Member{
		ps.Method("GetAccessControl", typ, ps.O("", get), ps.O("System.Security.AccessControl.AccessControlSections includeSections", get)),
		ps.Method("SetAccessControl", "void", ps.O(typ+" "+param, set)),
	}
	for i := range list {
		list[i].Edition = ps.Desktop
	}
	return list
}

func securityOf(ctx context.Context, in *ps.Invoke, path string) (any, error) {
	f := in.Session.Machine().FS()
	info, err := f.Stat(ctx, path)
	if err != nil {
		return nil, err
	}
	d, err := f.Descriptor(ctx, path)
	if err != nil {
		return nil, err
	}
	return SecurityObject(in.Session, d, info.IsDir()), nil
}

func notOrdered() error {
	return ps.NewException(invalidOperation, "This access control list is not in canonical form and therefore cannot be modified.")
}

func security(in *ps.Invoke) *Security { return in.Data().(*Security) }

// withRule is a method that takes a rule.
func withRule(name, returns string, do func(s *Security, ace winmeta.ACE) (any, error)) ps.Member {
	return ps.Method(name, returns, ps.O(typeRule+" rule", func(_ context.Context, in *ps.Invoke) (any, error) {
		o, _ := ps.Unwrap(in.Args[0]).(*ps.Object)
		if o == nil {
			return nil, ps.NewException(argumentNullException, "Value cannot be null.\r\nParameter name: rule")
		}
		r := o.Data.(*AccessRule)
		ace := r.ACE
		sid, err := SidOf(in.Session, r.Who)
		if err != nil {
			return nil, err
		}
		ace.SID = sid
		if !security(in).ordered() {
			return nil, notOrdered()
		}
		return do(security(in), ace)
	}))
}

// securityMembers are those of FileSystemSecurity, with what PowerShell adds.
func securityMembers() []ps.Member {
	list := []ps.Member{
		withRule("AddAccessRule", "void", func(s *Security, a winmeta.ACE) (any, error) { s.add(a); return nil, nil }),
		withRule("SetAccessRule", "void", func(s *Security, a winmeta.ACE) (any, error) {
			s.drop(a.SID, func(b winmeta.ACE) bool { return b.Type == a.Type })
			s.add(a)
			return nil, nil
		}),
		withRule("ResetAccessRule", "void", func(s *Security, a winmeta.ACE) (any, error) {
			s.drop(a.SID, func(winmeta.ACE) bool { return true })
			s.add(a)
			return nil, nil
		}),
		withRule("RemoveAccessRule", "bool", func(s *Security, a winmeta.ACE) (any, error) { return true, s.remove(a) }),
		withRule("RemoveAccessRuleAll", "void", func(s *Security, a winmeta.ACE) (any, error) {
			s.drop(a.SID, func(b winmeta.ACE) bool { return b.Type == a.Type })
			return nil, nil
		}),
		withRule("RemoveAccessRuleSpecific", "void", func(s *Security, a winmeta.ACE) (any, error) {
			s.drop(a.SID, func(b winmeta.ACE) bool { return b.Type == a.Type && b.Mask == a.Mask && b.Flags == a.Flags })
			return nil, nil
		}),
		ps.Method("PurgeAccessRules", "void", ps.O(typeIdentity+" identity", func(_ context.Context, in *ps.Invoke) (any, error) {
			sid, err := SidOf(in.Session, in.Args[0])
			if err == nil && !security(in).ordered() {
				err = notOrdered()
			}
			if err == nil {
				security(in).drop(sid, func(winmeta.ACE) bool { return true })
			}
			return nil, err
		})),
		ps.Method("SetAccessRuleProtection", "void", ps.O("bool isProtected, bool preserveInheritance", func(_ context.Context, in *ps.Invoke) (any, error) {
			security(in).protect(in.Bool(0), in.Bool(1))
			return nil, nil
		})),
		ps.Method("GetAccessRules", "System.Security.AccessControl.AuthorizationRuleCollection",
			ps.O("bool includeExplicit, bool includeInherited, type targetType", func(_ context.Context, in *ps.Invoke) (any, error) {
				t, _ := ps.Unwrap(in.Args[2]).(*ps.Type)
				return rules(in.Session, security(in), in.Bool(0), in.Bool(1), t != nil && strings.HasSuffix(t.Name, "SecurityIdentifier")), nil
			})),
		ps.Method("AddAuditRule", "void", ps.O("System.Object rule", nil)).Refused("auditing is not kept in images", "leave it out"),
		ps.Method("SetAuditRule", "void", ps.O("System.Object rule", nil)).Refused("auditing is not kept in images", "leave it out"),
		ps.Prop("AreAccessRulesProtected", "bool", func(_ context.Context, in *ps.Invoke) (any, error) {
			return security(in).D.Control&winmeta.DACLProtected != 0, nil
		}),
		ps.Prop("AreAccessRulesCanonical", "bool", func(_ context.Context, in *ps.Invoke) (any, error) { return security(in).ordered(), nil }),
		ps.Method("GetSecurityDescriptorSddlForm", "string", ps.O("System.Security.AccessControl.AccessControlSections includeSections", func(_ context.Context, in *ps.Invoke) (any, error) {
			return security(in).D.String(), nil
		})),
		ps.Method("SetSecurityDescriptorSddlForm", "void", ps.O("string sddlForm", setSDDL), ps.O("string sddlForm, System.Security.AccessControl.AccessControlSections includeSections", setSDDL)),
		code(ps.Prop("Access", "System.Security.AccessControl.AuthorizationRuleCollection", func(_ context.Context, in *ps.Invoke) (any, error) {
			return rules(in.Session, security(in), true, true, false), nil
		}), ps.KindCode, ps.Both),
		code(ps.Prop("AccessToString", "string", func(_ context.Context, in *ps.Invoke) (any, error) { return accessText(in.Session, security(in)), nil }), ps.KindScript, ps.Both),
		code(ps.Prop("AuditToString", "string", func(context.Context, *ps.Invoke) (any, error) { return "", nil }), ps.KindScript, ps.Both),
		code(ps.Prop("Sddl", "string", func(_ context.Context, in *ps.Invoke) (any, error) { return security(in).D.String(), nil }), ps.KindCode, ps.Both),
		code(ps.Prop("Path", "string", func(ctx context.Context, in *ps.Invoke) (any, error) {
			p, _, err := in.Session.Property(ctx, in.Self, "PSPath")
			return p, err
		}), ps.KindCode, ps.Both),
	}
	return append(list, ownerMembers()...)
}

func setSDDL(_ context.Context, in *ps.Invoke) (any, error) {
	d, err := winmeta.ParseSDDL(in.String(0))
	if err != nil {
		return nil, ps.NewException(argumentException, "The SDDL form of a security descriptor object is invalid.\r\nParameter name: sddlForm")
	}
	s := security(in)
	only := int64(15)
	if len(in.Args) > 1 {
		e, _ := in.Args[1].(ps.Enum)
		only = e.Value
	}
	if only&4 != 0 && d.Owner != "" {
		s.D.Owner = d.Owner
	}
	if only&8 != 0 && d.Group != "" {
		s.D.Group = d.Group
	}
	if only&2 != 0 {
		s.D.DACL, s.D.Control = d.DACL, d.Control
		if s.ordered() {
			s.canonical()
		}
	}
	return nil, nil
}

// ownerMembers are about owner and group.
func ownerMembers() []ps.Member {
	var list []ps.Member
	for _, which := range []struct {
		name string
		get  func(d *winmeta.Descriptor) *winmeta.SID
	}{{"Owner", func(d *winmeta.Descriptor) *winmeta.SID { return &d.Owner }}, {"Group", func(d *winmeta.Descriptor) *winmeta.SID { return &d.Group }}} {
		list = append(list,
			code(ps.Prop(which.name, "string", func(_ context.Context, in *ps.Invoke) (any, error) {
				return accountText(nameOf(in.Session, *which.get(&security(in).D))), nil
			}), ps.KindCode, ps.Both),
			ps.Method("Set"+which.name, "void", ps.O(typeIdentity+" identity", func(_ context.Context, in *ps.Invoke) (any, error) {
				sid, err := SidOf(in.Session, in.Args[0])
				if err == nil {
					*which.get(&security(in).D) = sid
				}
				return nil, err
			})),
			ps.Method("Get"+which.name, typeIdentity, ps.O("type targetType", func(_ context.Context, in *ps.Invoke) (any, error) {
				sid := *which.get(&security(in).D)
				if t, _ := ps.Unwrap(in.Args[0]).(*ps.Type); t != nil && strings.HasSuffix(t.Name, "SecurityIdentifier") {
					return SecurityIdentifier(in.Session, sid), nil
				}
				return nameOf(in.Session, sid), nil
			})))
	}
	return list
}

// rules makes the rules of a descriptor.
func rules(s *ps.Session, sec *Security, own, inherited, sids bool) any {
	var list []any
	for _, a := range sec.D.DACL {
		if a.Type != winmeta.Allow && a.Type != winmeta.Deny {
			continue
		}
		if is := a.Flags&winmeta.Inherited != 0; is && !inherited || !is && !own {
			continue
		}
		who := any(nameOf(s, a.SID))
		if sids {
			who = SecurityIdentifier(s, a.SID)
		}
		list = append(list, s.Object(typeRule, &AccessRule{Who: who, ACE: a}))
	}
	return ps.NewArray(list...)
}

// accessText is AccessToString: a line for each rule.
func accessText(s *ps.Session, sec *Security) string {
	var lines []string
	for _, a := range sec.D.DACL {
		if a.Type != winmeta.Allow && a.Type != winmeta.Deny {
			continue
		}
		kind := "Allow "
		if a.Type == winmeta.Deny {
			kind = "Deny "
		}
		lines = append(lines, accountText(nameOf(s, a.SID))+" "+kind+" "+s.EnumName(s.Enum(typeRights, int64(int32(a.Mask)))))
	}
	return strings.Join(lines, "\n")
}

func securityView() *ps.View {
	return &ps.View{
		Table: []ps.Column{
			{Label: "Path", Value: func(ctx context.Context, s *ps.Session, v any) (any, error) {
				p, _, err := s.Property(ctx, v, "PSChildName")
				return p, err
			}},
			{Property: "Owner"},
			{Label: "Access", Value: func(_ context.Context, s *ps.Session, v any) (any, error) {
				return accessText(s, v.(*ps.Object).Data.(*Security)), nil
			}},
		},
		List: []ps.Column{
			{Property: "Path"}, {Property: "Owner"}, {Property: "Group"}, {Label: "Access", Property: "AccessToString"},
			{Label: "Audit", Property: "AuditToString"}, {Property: "Sddl"},
		},
		Group: func(ctx context.Context, s *ps.Session, v any) string {
			p, _, _ := s.Property(ctx, v, "PSParentPath")
			return strings.TrimPrefix(s.ToString(p), `Microsoft.PowerShell.Core\FileSystem::`)
		},
		Header: func(group string) string { return "    Directory: " + group },
	}
}
