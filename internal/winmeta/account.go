package winmeta

import (
	"crypto/sha1"
	"encoding/binary"
	"slices"
	"strings"
	"unicode/utf16"
)

// account is a name that means the same SID in every Windows image. The first
// name is how Windows itself prints it; without a domain the part behind the
// backslash is enough.
type account struct {
	sid   SID
	names []string
}

func accounts() []account {
	return []account{
		{ContainerAdministrator, []string{`User Manager\ContainerAdministrator`}},
		{ContainerUser, []string{`User Manager\ContainerUser`}},
		{LocalSystem, []string{`NT AUTHORITY\SYSTEM`, `NT AUTHORITY\LocalSystem`, `NT AUTHORITY\Local System`}},
		{LocalService, []string{`NT AUTHORITY\LOCAL SERVICE`, `NT AUTHORITY\LocalService`}},
		{NetworkService, []string{`NT AUTHORITY\NETWORK SERVICE`, `NT AUTHORITY\NetworkService`}},
		{Administrators, []string{`BUILTIN\Administrators`}},
		{Users, []string{`BUILTIN\Users`}},
		{Everyone, []string{`Everyone`}},
		{AuthenticatedUsers, []string{`NT AUTHORITY\Authenticated Users`}},
		{CreatorOwner, []string{`CREATOR OWNER`}},
		{CreatorGroup, []string{`CREATOR GROUP`}},
		{TrustedInstaller, []string{`NT SERVICE\TrustedInstaller`}},
		{"S-1-5-4", []string{`NT AUTHORITY\INTERACTIVE`}},
		{"S-1-5-2", []string{`NT AUTHORITY\NETWORK`}},
		{"S-1-5-3", []string{`NT AUTHORITY\BATCH`}},
		{"S-1-5-6", []string{`NT AUTHORITY\SERVICE`}},
		{"S-1-5-7", []string{`NT AUTHORITY\ANONYMOUS LOGON`}},
		{"S-1-5-17", []string{`NT AUTHORITY\IUSR`}},
		{"S-1-5-80-0", []string{`NT SERVICE\ALL SERVICES`}},
		{"S-1-5-32-546", []string{`BUILTIN\Guests`}},
		{"S-1-5-32-547", []string{`BUILTIN\Power Users`}},
		{"S-1-5-32-551", []string{`BUILTIN\Backup Operators`}},
		{"S-1-5-32-555", []string{`BUILTIN\Remote Desktop Users`}},
		{"S-1-5-32-558", []string{`BUILTIN\Performance Monitor Users`}},
		{"S-1-5-32-559", []string{`BUILTIN\Performance Log Users`}},
		{"S-1-5-32-568", []string{`BUILTIN\IIS_IUSRS`}},
		{"S-1-15-2-1", []string{`APPLICATION PACKAGE AUTHORITY\ALL APPLICATION PACKAGES`}},
		{"S-1-15-2-2", []string{`APPLICATION PACKAGE AUTHORITY\ALL RESTRICTED APPLICATION PACKAGES`}},
	}
}

// An UnknownAccountError reports an account name whose SID cannot be known
// without the image's own account database.
type UnknownAccountError struct {
	Name string // as it was asked for
}

// Error says which name is not known.
func (e *UnknownAccountError) Error() string {
	return "account " + quote(e.Name) + " is not one that every Windows image has"
}

// Hint lists what can be used instead.
func (e *UnknownAccountError) Hint() string {
	return `use ContainerUser, ContainerAdministrator, a well-known account (SYSTEM, "LOCAL SERVICE", "NETWORK SERVICE", ` +
		`Administrators, Users, Everyone, "Authenticated Users"), "NT SERVICE\<service>", "IIS APPPOOL\<pool>", or a literal SID such as S-1-5-32-544`
}

// quote puts a name in quotes without doubling its backslashes, which readers
// of Windows names would take for part of it.
func quote(s string) string { return `"` + s + `"` }

// LookupAccount returns the SID of an account or group that is the same in
// every Windows image: the two container accounts, well-known accounts and
// groups, services and IIS application pools (whose SIDs are computed from the
// name), or a literal SID. Case does not matter and the domain may be left out.
// Any other name is an [*UnknownAccountError].
func LookupAccount(name string) (SID, error) {
	if len(name) > 2 && strings.EqualFold(name[:2], "S-") {
		if sid, err := ParseSID(name); err == nil {
			return sid, nil
		}
	}
	domain, local, qualified := strings.Cut(name, `\`)
	for _, a := range accounts() {
		if slices.ContainsFunc(a.names, func(n string) bool {
			return equalFold(n, name) || !qualified && equalFold(n[strings.IndexByte(n, '\\')+1:], name)
		}) {
			return a.sid, nil
		}
	}
	if qualified && local != "" && !strings.Contains(local, `\`) {
		switch {
		case equalFold(domain, "NT SERVICE"):
			return hashedSID(80, fold(local)), nil
		case equalFold(domain, "IIS APPPOOL"):
			return hashedSID(82, strings.ToLower(local)), nil
		}
	}
	return "", &UnknownAccountError{Name: name}
}

// hashedSID is how Windows makes SIDs for services (in capitals) and IIS
// application pools (in small letters): the SHA-1 of the UTF-16 name.
func hashedSID(kind uint32, name string) SID {
	var b []byte
	for _, u := range utf16.Encode([]rune(name)) {
		b = binary.LittleEndian.AppendUint16(b, u)
	}
	sum := sha1.Sum(b)
	subs := []uint32{kind}
	for i := 0; i < len(sum); i += 4 {
		subs = append(subs, binary.LittleEndian.Uint32(sum[i:]))
	}
	return makeSID(5, subs...)
}

// AccountName returns the name that Windows prints for a SID, and whether it is
// one that [LookupAccount] knows by a fixed name.
func AccountName(s SID) (string, bool) {
	for _, a := range accounts() {
		if a.sid == s {
			return a.names[0], true
		}
	}
	return "", false
}
