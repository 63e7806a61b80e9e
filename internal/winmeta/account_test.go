package winmeta

import (
	"errors"
	"strings"
	"testing"
)

// TestLookupAccount: a wrong SID would hand files to somebody else.
func TestLookupAccount(t *testing.T) {
	for name, want := range map[string]SID{
		"ContainerUser":                       ContainerUser,
		"containeradministrator":              ContainerAdministrator,
		`User Manager\ContainerUser`:          ContainerUser,
		`USER MANAGER\CONTAINERADMINISTRATOR`: ContainerAdministrator,
		"SYSTEM":                              LocalSystem,
		`NT AUTHORITY\SYSTEM`:                 LocalSystem,
		"LOCAL SERVICE":                       LocalService,
		`NT AUTHORITY\Local service`:          LocalService,
		`NT AUTHORITY\NetworkService`:         NetworkService,
		"NETWORK SERVICE":                     NetworkService,
		"Administrators":                      Administrators,
		`BUILTIN\Administrators`:              Administrators,
		"users":                               Users,
		"Everyone":                            Everyone,
		"Authenticated Users":                 AuthenticatedUsers,
		"CREATOR OWNER":                       CreatorOwner,
		"TrustedInstaller":                    TrustedInstaller,
		`NT SERVICE\TrustedInstaller`:         TrustedInstaller,
		"IIS_IUSRS":                           "S-1-5-32-568",
		`IIS APPPOOL\DefaultAppPool`:          "S-1-5-82-3006700770-424185619-1745488364-794895919-4004696415",
		"s-1-5-32-0544":                       Administrators,
		"S-1-5-21-1-2-3-1001":                 "S-1-5-21-1-2-3-1001",
	} {
		if got, err := LookupAccount(name); err != nil || got != want {
			t.Errorf("%s: got %s, %v; want %s", name, got, err, want)
		}
	}
	if got := hashedSID(80, "TRUSTEDINSTALLER"); got != TrustedInstaller {
		t.Errorf("the rule for service SIDs gives %s for TrustedInstaller", got)
	}
}

func TestLookupAccountRefuses(t *testing.T) {
	for _, name := range []string{"", "Bob", `DOMAIN\Bob`, `BUILTIN\SYSTEM`, `OTHER\ContainerUser`, "S-1-x", `NT SERVICE\`, `NT SERVICE\a\b`, "1000", "0", "SYSTEM "} {
		sid, err := LookupAccount(name)
		var unknown *UnknownAccountError
		if !errors.As(err, &unknown) || unknown.Name != name {
			t.Errorf("%q: got %s, %v", name, sid, err)
			continue
		}
		if !strings.Contains(unknown.Hint(), "ContainerUser") || !strings.Contains(err.Error(), name) {
			t.Errorf("%q: %v (%s)", name, err, unknown.Hint())
		}
	}
}

// TestAccountTable: every name must lead to its SID and back.
func TestAccountTable(t *testing.T) {
	for _, a := range accounts() {
		if !a.sid.Valid() {
			t.Errorf("%s: %q is not a SID", a.names[0], string(a.sid))
		}
		for _, n := range a.names {
			if got, err := LookupAccount(n); err != nil || got != a.sid {
				t.Errorf("%s: got %s, %v", n, got, err)
			}
		}
		if name, ok := AccountName(a.sid); !ok || name != a.names[0] {
			t.Errorf("%s is called %q", a.sid, name)
		}
	}
	for _, c := range sidCodes() {
		if !c.value.Valid() {
			t.Errorf("code %s: %q is not a SID", c.name, string(c.value))
		}
	}
	if name, ok := AccountName("S-1-5-21-1-2-3-1001"); ok {
		t.Errorf("an unknown SID is called %q", name)
	}
}
