package machine

import (
	"strings"

	"github.com/casement/casement/internal/winmeta"
)

// Account is a user of the machine.
type Account struct {
	Name   string // "ContainerAdministrator"
	Domain string // "User Manager"
	SID    winmeta.SID
	Groups []winmeta.SID
	Admin  bool
	// Profile is "C:\Users\ContainerAdministrator".
	Profile string
}

// String is the name with the domain, as whoami knows it.
func (a Account) String() string { return a.Domain + `\` + a.Name }

// The groups that every account of a container is in, by name where package
// winmeta has none for them.
const (
	interactive      winmeta.SID = "S-1-5-4"
	consoleLogon     winmeta.SID = "S-1-2-1"
	thisOrganization winmeta.SID = "S-1-5-15"
	local            winmeta.SID = "S-1-2-0"
	allContainers    winmeta.SID = "S-1-5-93-0"
	mediumLevel      winmeta.SID = "S-1-16-8192"
	highLevel        winmeta.SID = "S-1-16-12288"
	systemLevel      winmeta.SID = "S-1-16-16384"
)

// lookupUser returns the account that USER names; "" is ContainerAdministrator.
// Others than those that every container has are only in the image's own
// account database, which is not read.
func lookupUser(name string) (Account, error) {
	_, short, ok := strings.Cut(name, `\`)
	if !ok {
		short = name
	}
	sid, err := winmeta.LookupAccount(name)
	if name == "" {
		sid, err = winmeta.ContainerAdministrator, nil
	}
	common := []winmeta.SID{winmeta.Everyone, winmeta.Users, interactive, consoleLogon, winmeta.AuthenticatedUsers, thisOrganization, local}
	switch {
	case err == nil && sid == winmeta.ContainerAdministrator:
		return Account{
			Name: "ContainerAdministrator", Domain: "User Manager", SID: sid, Admin: true, Profile: `C:\Users\ContainerAdministrator`,
			Groups: append([]winmeta.SID{highLevel}, append(common, winmeta.Administrators, allContainers)...),
		}, nil
	case err == nil && sid == winmeta.ContainerUser:
		return Account{
			Name: "ContainerUser", Domain: "User Manager", SID: sid, Profile: `C:\Users\ContainerUser`,
			Groups: append([]winmeta.SID{mediumLevel}, append(common, allContainers)...),
		}, nil
	case err == nil && sid == winmeta.LocalSystem:
		return Account{
			Name: "SYSTEM", Domain: "NT AUTHORITY", SID: sid, Admin: true, Profile: `C:\Windows\system32\config\systemprofile`,
			Groups: []winmeta.SID{systemLevel, winmeta.Everyone, winmeta.Users, winmeta.AuthenticatedUsers, winmeta.Administrators},
		}, nil
	}
	return Account{}, Refuse("USER "+name, "the account "+short+" is not one that every Windows container has, and what it may do is not known",
		"use ContainerAdministrator or ContainerUser")
}

// member reports whether the account is a SID or belongs to it.
func (a *Account) member(s winmeta.SID) bool {
	if s == a.SID {
		return true
	}
	for _, g := range a.Groups {
		if g == s {
			return true
		}
	}
	return false
}
