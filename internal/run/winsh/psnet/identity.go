package psnet

import (
	"context"
	"strings"

	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/run/winsh/ps"
	"github.com/casement/casement/internal/run/winsh/pscmd"
	"github.com/casement/casement/internal/winmeta"
)

const (
	identityName  = "System.Security.Principal.WindowsIdentity"
	principalName = "System.Security.Principal.WindowsPrincipal"
	builtInRole   = "System.Security.Principal.WindowsBuiltInRole"
)

// identityTypes say who runs the step. Accounts and SIDs are package pscmd's.
func identityTypes() []*ps.Type {
	return []*ps.Type{
		{Name: identityName, Implements: []string{"System.IDisposable"}, Members: identityMembers},
		{Name: principalName, Members: principalMembers, New: overloads(val(func(in *ps.Invoke) any {
			return in.Session.Object(principalName, in.Args[0])
		}), identityName+" ntIdentity")},
		enum(builtInRole, "Administrator", 544, "User", 545, "Guest", 546, "PowerUser", 547, "AccountOperator", 548, "SystemOperator", 549, "PrintOperator", 550, "BackupOperator", 551, "Replicator", 552),
		flags("System.Security.Principal.TokenAccessLevels", "AssignPrimary", 1, "Duplicate", 2, "Impersonate", 4, "Query", 8, "QuerySource", 16, "AdjustPrivileges", 32, "AdjustGroups", 64, "Read", 131080, "Write", 131296, "AllAccess", 983551, "MaximumAllowed", 33554432),
		{Name: "System.Security.Principal.SecurityIdentifier", Members: sidMembers},
	}
}

func sidMembers() []ps.Member {
	sid := func(in *ps.Invoke) winmeta.SID { s, _ := in.Data().(pscmd.Sid); return winmeta.SID(s) }
	return []ps.Member{
		prop("BinaryLength", "int", func(in *ps.Invoke) any { return ps.Int(len(sid(in).Bytes())) }),
		prop("AccountDomainSid", "System.Security.Principal.SecurityIdentifier", func(in *ps.Invoke) any {
			parts := strings.Split(string(sid(in)), "-")
			if len(parts) != 8 || parts[3] != "21" {
				return nil
			}
			return pscmd.SecurityIdentifier(in.Session, winmeta.SID(strings.Join(parts[:7], "-")))
		}),
		method("GetBinaryForm", "void", do(func(in *ps.Invoke) error {
			b, at := sid(in).Bytes(), in.Int(1)
			to := bytesArg(in, 0)
			if at < 0 || at+len(b) > len(to) {
				return throw(argumentException, "Destination array is not long enough to copy all the items in the collection. Check array index and length.")
			}
			copy(to[at:], b)
			return nil
		}), "byte[] binaryForm, int offset"),
	}
}

func identityMembers() []ps.Member {
	account := func(in *ps.Invoke) machine.Account { return in.Session.Machine().Account() }
	sids := func(in *ps.Invoke) any {
		var items []any
		for _, g := range account(in).Groups {
			if strings.HasPrefix(string(g), "S-1-16-") {
				continue // the integrity level is no group to .NET
			}
			items = append(items, pscmd.SecurityIdentifier(in.Session, g))
		}
		return ps.NewTyped("System.Security.Principal.IdentityReference", items)
	}
	return []ps.Member{
		static("GetCurrent", identityName, val(func(in *ps.Invoke) any { return in.Session.Object(identityName, nil) }), "", "bool ifImpersonating", "System.Security.Principal.TokenAccessLevels desiredAccess"),
		prop("Name", "string", func(in *ps.Invoke) any { return account(in).String() }),
		prop("User", "System.Security.Principal.SecurityIdentifier", func(in *ps.Invoke) any { return pscmd.SecurityIdentifier(in.Session, account(in).SID) }),
		prop("Owner", "System.Security.Principal.SecurityIdentifier", func(in *ps.Invoke) any {
			if account(in).Admin {
				return pscmd.SecurityIdentifier(in.Session, winmeta.Administrators)
			}
			return pscmd.SecurityIdentifier(in.Session, account(in).SID)
		}),
		prop("Groups", "System.Security.Principal.IdentityReferenceCollection", sids),
		prop("IsAuthenticated", "bool", func(*ps.Invoke) any { return true }), prop("IsAnonymous", "bool", func(*ps.Invoke) any { return false }), prop("IsGuest", "bool", func(*ps.Invoke) any { return false }),
		prop("IsSystem", "bool", func(in *ps.Invoke) any { return account(in).SID == winmeta.LocalSystem }),
		ps.Prop("Token", "System.IntPtr", nil).Refused("there is no token of Windows", "ask for User or Groups"),
		method("Dispose", "void", nothing, ""),
	}
}

func principalMembers() []ps.Member {
	return []ps.Member{
		method("IsInRole", "bool", isInRole, builtInRole+" role", "System.Security.Principal.SecurityIdentifier sid", "string role", "int rid"),
		prop("Identity", "System.Security.Principal.IIdentity", func(in *ps.Invoke) any { return in.Data() }),
	}
}

// isInRole looks for a group in those of the account.
func isInRole(_ context.Context, in *ps.Invoke) (any, error) {
	a := in.Session.Machine().Account()
	var sid winmeta.SID
	switch x := ps.Unwrap(in.Args[0]).(type) {
	case ps.Enum:
		sid = winmeta.SID("S-1-5-32-" + in.Session.ToString(ps.Int(int(x.Value))))
	case int32:
		sid = winmeta.SID("S-1-5-32-" + in.Session.ToString(x))
	case string:
		found, err := winmeta.LookupAccount(x)
		if err != nil {
			return false, nil // an unknown group has no members
		}
		sid = found
	default:
		found, err := pscmd.SidOf(in.Session, x)
		if err != nil {
			return nil, err
		}
		sid = found
	}
	if sid == winmeta.Administrators && a.Admin {
		return true, nil
	}
	for _, g := range append([]winmeta.SID{a.SID}, a.Groups...) {
		if g == sid {
			return true, nil
		}
	}
	return false, nil
}

// registryTypes are the roots of the registry. Keys are package pscmd's.
func registryTypes() []*ps.Type {
	const key = "Microsoft.Win32.RegistryKey"
	roots := []struct {
		field, path string
		hive        int64
	}{
		{"LocalMachine", "HKEY_LOCAL_MACHINE", -2147483646}, {"CurrentUser", "HKEY_CURRENT_USER", -2147483647}, {"ClassesRoot", "HKEY_CLASSES_ROOT", -2147483648},
		{"Users", "HKEY_USERS", -2147483645}, {"CurrentConfig", "HKEY_CURRENT_CONFIG", -2147483643},
	}
	open := func(in *ps.Invoke, path string) *ps.Object {
		o := pscmd.NewRegistryKey(in.Session, path)
		o.Data.(*pscmd.RegKey).Writable = true
		return o
	}
	return []*ps.Type{
		{Name: "Microsoft.Win32.Registry", Abstract: true, Members: func() []ps.Member {
			list := registryStatics()
			for _, r := range roots {
				list = append(list, field(r.field, key, func(in *ps.Invoke) any { return open(in, r.path) }))
			}
			return list
		}},
		{Name: key, Members: func() []ps.Member {
			return append([]ps.Member{static("OpenBaseKey", key, can(func(in *ps.Invoke) (any, error) {
				if enumArg(in, 1) == 512 {
					return nil, machine.Refuse("RegistryView Registry32", "the view of 32-bit programs is not kept apart", "use Registry64 and WOW6432Node in the path")
				}
				for _, r := range roots {
					if r.hive == enumArg(in, 0) {
						return open(in, r.path), nil
					}
				}
				return nil, badArgument(in.Session, "Registry HKEY was out of the legal range.", "hKey")
			}), "Microsoft.Win32.RegistryHive hKey, Microsoft.Win32.RegistryView view")},
				refusedStatic("there is one computer", "use OpenBaseKey", "OpenRemoteBaseKey")...)
		}},
	}
}

// registryStatics are Registry.GetValue and SetValue, with the key's full name.
func registryStatics() []ps.Member {
	split := func(in *ps.Invoke) (root, rest string, err error) {
		root, rest, _ = strings.Cut(in.String(0), `\`)
		switch strings.ToUpper(root) {
		case "HKEY_LOCAL_MACHINE", "HKEY_CURRENT_USER", "HKEY_CLASSES_ROOT", "HKEY_USERS", "HKEY_CURRENT_CONFIG":
			return root, rest, nil
		}
		return "", "", badArgument(in.Session, "Registry key name must start with a valid base key name.", "keyName")
	}
	return []ps.Member{
		static("GetValue", "System.Object", func(ctx context.Context, in *ps.Invoke) (any, error) {
			root, rest, err := split(in)
			if err != nil {
				return nil, err
			}
			k, err := in.Session.Invoke(ctx, pscmd.NewRegistryKey(in.Session, root), "OpenSubKey", false, rest)
			if ps.IsNull(k) || err != nil {
				return nil, err
			}
			return in.Session.Invoke(ctx, k, "GetValue", false, in.Args[1], in.Args[2])
		}, "string keyName, string valueName, System.Object defaultValue"),
		static("SetValue", "void", func(ctx context.Context, in *ps.Invoke) (any, error) {
			root, rest, err := split(in)
			if err != nil {
				return nil, err
			}
			o := pscmd.NewRegistryKey(in.Session, root)
			o.Data.(*pscmd.RegKey).Writable = true
			k, err := in.Session.Invoke(ctx, o, "CreateSubKey", false, rest)
			if err != nil {
				return nil, err
			}
			return in.Session.Invoke(ctx, k, "SetValue", false, in.Args[1:]...)
		}, "string keyName, string valueName, System.Object value", "string keyName, string valueName, System.Object value, Microsoft.Win32.RegistryValueKind valueKind"),
	}
}
