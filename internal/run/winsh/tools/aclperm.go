package tools

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/winmeta"
)

// Permissions and accounts as icacls reads and prints them.

const synchronize uint32 = 0x00100000

// right is a name of rights.
type right struct {
	name string
	mask uint32
}

// simpleRights are the names that stand alone, widest first.
func simpleRights() []right {
	return []right{
		{"F", winmeta.FullAccess}, {"M", winmeta.ModifyAccess}, {"RX", winmeta.ReadAndExecute},
		{"R", winmeta.FileRead}, {"W", 0x00100116}, {"D", 0x00110000},
	}
}

// specificRights are the single ones, in the order in which they are printed.
func specificRights() []right {
	return []right{
		{"DE", 0x00010000}, {"Rc", 0x00020000}, {"WDAC", 0x00040000}, {"WO", 0x00080000}, {"S", synchronize},
		{"AS", 0x01000000}, {"MA", 0x02000000}, {"GR", winmeta.GenericRead}, {"GW", winmeta.GenericWrite},
		{"GE", winmeta.GenericExecute}, {"GA", winmeta.GenericAll}, {"RD", 0x0001}, {"WD", 0x0002}, {"AD", 0x0004},
		{"REA", 0x0008}, {"WEA", 0x0010}, {"X", 0x0020}, {"DC", 0x0040}, {"RA", 0x0080}, {"WA", 0x0100},
	}
}

// aclEntry is what follows /grant or /deny: an account and its rights.
type aclEntry struct {
	account string
	flags   winmeta.ACEFlags
	mask    uint32
}

// errBadPerm is an argument that icacls calls an invalid parameter.
var errBadPerm = errors.New("not a permission")

// parseAclEntry reads "account:(OI)(CI)F" or "account:(RD,WD)".
func parseAclEntry(text string) (aclEntry, error) {
	i := strings.LastIndexByte(text, ':')
	if i <= 0 {
		return aclEntry{}, errBadPerm
	}
	e := aclEntry{account: text[:i]}
	rest := text[i+1:]
	for rest != "" {
		group := rest
		if rest[0] == '(' {
			end := strings.IndexByte(rest, ')')
			if end < 0 {
				return e, errBadPerm
			}
			group, rest = rest[1:end], rest[end+1:]
		} else {
			rest = ""
		}
		if f, ok := inheritFlag(group); ok && e.mask == 0 {
			e.flags |= f
			continue
		}
		mask, ok := parseRights(group)
		if !ok || e.mask != 0 {
			return e, errBadPerm
		}
		e.mask = mask
	}
	if e.mask == 0 {
		return e, errBadPerm
	}
	return e, nil
}

func inheritFlag(name string) (winmeta.ACEFlags, bool) {
	switch strings.ToUpper(name) {
	case "OI":
		return winmeta.ObjectInherit, true
	case "CI":
		return winmeta.ContainerInherit, true
	case "IO":
		return winmeta.InheritOnly, true
	case "NP":
		return winmeta.NoPropagate, true
	case "I":
		return winmeta.Inherited, true
	}
	return 0, false
}

// parseRights reads one simple right, or specific ones between commas.
func parseRights(text string) (uint32, bool) {
	var mask uint32
	for name := range strings.SplitSeq(text, ",") {
		found := false
		for _, list := range [][]right{simpleRights(), specificRights()} {
			for _, r := range list {
				if strings.EqualFold(r.name, name) {
					mask, found = mask|r.mask, true
				}
			}
		}
		if !found {
			return 0, false
		}
	}
	return mask, true
}

// rightsText is the mask as icacls prints it.
func rightsText(mask uint32, deny bool) string {
	if deny && mask == winmeta.FullAccess {
		return "(N)"
	}
	if mask&winmeta.GenericAll != 0 {
		return "(F)"
	}
	var names []string
	rest := mask
	for _, r := range simpleRights() {
		want := r.mask
		if deny {
			want &^= synchronize
		}
		if mask&want == want && rest&want != 0 && (r.name != "D" || len(names) > 0 || rest&^r.mask == 0) {
			names, rest = append(names, r.name), rest&^r.mask
			if r.name == "F" {
				break
			}
		}
	}
	for _, r := range specificRights() {
		if rest&r.mask != 0 {
			names, rest = append(names, r.name), rest&^r.mask
		}
	}
	return "(" + strings.Join(names, ",") + ")"
}

// entryText is an entry as icacls prints it, without the file's name.
func entryText(a winmeta.ACE) string {
	var b strings.Builder
	b.WriteString(accountText(a.SID) + ":")
	for _, f := range []struct {
		flag winmeta.ACEFlags
		name string
	}{
		{winmeta.Inherited, "(I)"}, {winmeta.ObjectInherit, "(OI)"}, {winmeta.ContainerInherit, "(CI)"},
		{winmeta.InheritOnly, "(IO)"}, {winmeta.NoPropagate, "(NP)"},
	} {
		if a.Flags&f.flag != 0 {
			b.WriteString(f.name)
		}
	}
	deny := a.Type == winmeta.Deny
	text := rightsText(a.Mask, deny)
	if deny && text != "(N)" {
		b.WriteString("(DENY)")
	}
	return b.String() + text
}

// accountText is the name of an account, or its SID where the name is not
// known: Windows prints those that it cannot look up so.
func accountText(s winmeta.SID) string {
	if name, ok := winmeta.AccountName(s); ok {
		return name
	}
	return string(s)
}

// errNoAccount is an account that no Windows container has.
var errNoAccount = errors.New("no such account")

// lookupAccount finds an account by its name, or by its SID behind an asterisk.
// A name that the image's own account database may have is refused.
func lookupAccount(tool, name string) (winmeta.SID, error) {
	if text, ok := strings.CutPrefix(name, "*"); ok {
		sid, err := winmeta.ParseSID(text)
		if err != nil {
			return "", errNoAccount
		}
		return sid, nil
	}
	sid, err := winmeta.LookupAccount(name)
	if err == nil {
		return sid, nil
	}
	if domain, _, ok := strings.Cut(name, `\`); ok && knownDomain(domain) {
		return "", errNoAccount
	}
	way := "use an account that every Windows container has, or a SID: *S-1-5-32-545"
	var unknown *winmeta.UnknownAccountError
	if errors.As(err, &unknown) {
		way = unknown.Hint()
	}
	return "", machine.Refuse(fmt.Sprintf("%s with %s", tool, name), "whether the image has this account, and with which SID, is only in its account database", way)
}

// knownDomain reports whether all accounts of a domain are known.
func knownDomain(domain string) bool {
	for _, d := range []string{"BUILTIN", "NT AUTHORITY", "User Manager"} {
		if strings.EqualFold(d, domain) {
			return true
		}
	}
	return false
}

// canonical sorts entries as Windows keeps them: explicit before inherited,
// denials before permissions; the order within each class stays.
func canonical(list []winmeta.ACE) []winmeta.ACE {
	out := make([]winmeta.ACE, 0, len(list))
	for _, class := range []func(a winmeta.ACE) bool{
		func(a winmeta.ACE) bool { return a.Flags&winmeta.Inherited == 0 && a.Type == winmeta.Deny },
		func(a winmeta.ACE) bool { return a.Flags&winmeta.Inherited == 0 && a.Type != winmeta.Deny },
		func(a winmeta.ACE) bool { return a.Flags&winmeta.Inherited != 0 },
	} {
		for _, a := range list {
			if class(a) {
				out = append(out, a)
			}
		}
	}
	return out
}

// copySecurity gives the copy of a file or directory the access list (S), the
// owner (O) and the audit list (U) of the source, as far as what asks for them.
// Nothing inherits from it: what is copied below brings its own.
func (p *proc) copySecurity(ctx context.Context, what, from, to string) error {
	if !strings.ContainsAny(what, "SOU") {
		return nil
	}
	s, err := p.fs().Descriptor(ctx, from)
	if err != nil {
		return err
	}
	d, err := p.fs().Descriptor(ctx, to)
	if err != nil {
		return err
	}
	take := func(letter string, bits winmeta.Control) bool {
		if strings.Contains(what, letter) {
			d.Control = d.Control&^bits | s.Control&bits
			return true
		}
		return false
	}
	if take("S", winmeta.DACLPresent|winmeta.DACLProtected|winmeta.DACLAutoInherited) {
		d.DACL = s.DACL
	}
	if take("U", winmeta.SACLPresent|winmeta.SACLProtected|winmeta.SACLAutoInherited) {
		d.SACL = s.SACL
	}
	f := p.fs()
	if take("O", 0) {
		d.Owner, d.Group = s.Owner, s.Group
		if p.Machine.Account().Admin {
			f = f.Privileged()
		}
	}
	return f.SetDescriptor(ctx, to, d)
}
