package winmeta

import (
	"slices"
	"strings"
)

// ReleaseKind says whom a Windows release is for, and so whether there are base
// images of it.
type ReleaseKind int

// The kinds of releases.
const (
	LongTerm ReleaseKind = iota // long-term servicing channel: server and base images
	Channel                     // semi-annual or annual channel: server and base images for a short time
	Client                      // Windows 10 or 11 only: hosts, no base images
)

// String names the kind.
func (k ReleaseKind) String() string {
	switch k {
	case LongTerm:
		return "long-term"
	case Channel:
		return "channel"
	}
	return "client"
}

// A Release is a Windows build line under the names that people and image tags
// give it.
type Release struct {
	Name    string // the usual tag, ltsc2022
	Build   int    // 20348
	Aliases []string
	Kind    ReleaseKind
	Title   string // Windows Server 2022
}

// Releases lists all known releases, oldest first.
func Releases() []Release {
	return []Release{
		{"ltsc2016", 14393, []string{"1607", "rs1"}, LongTerm, "Windows Server 2016"},
		{"1703", 15063, []string{"rs2"}, Client, "Windows 10 1703"},
		{"1709", 16299, []string{"rs3"}, Channel, "Windows Server 1709"},
		{"1803", 17134, []string{"rs4"}, Channel, "Windows Server 1803"},
		{"ltsc2019", 17763, []string{"1809", "rs5"}, LongTerm, "Windows Server 2019"},
		{"1903", 18362, []string{"19h1"}, Channel, "Windows Server 1903"},
		{"1909", 18363, []string{"19h2"}, Channel, "Windows Server 1909"},
		{"2004", 19041, []string{"20h1"}, Channel, "Windows Server 2004"},
		{"20h2", 19042, nil, Channel, "Windows Server 20H2"},
		{"win10-21h1", 19043, nil, Client, "Windows 10 21H1"},
		{"win10-21h2", 19044, nil, Client, "Windows 10 21H2"},
		{"win10-22h2", 19045, nil, Client, "Windows 10 22H2"},
		{"ltsc2022", 20348, nil, LongTerm, "Windows Server 2022"},
		{"win11-21h2", 22000, nil, Client, "Windows 11 21H2"},
		{"win11-22h2", 22621, nil, Client, "Windows 11 22H2"},
		{"win11-23h2", 22631, nil, Client, "Windows 11 23H2"},
		{"server-23h2", 25398, nil, Channel, "Windows Server 23H2 (annual channel)"},
		{"ltsc2025", 26100, []string{"win11-24h2"}, LongTerm, "Windows Server 2025"},
		{"win11-25h2", 26200, nil, Client, "Windows 11 25H2"},
		{"win11-26h2", 26300, nil, Client, "Windows 11 26H2"},
		{"win11-26h1", 28000, nil, Client, "Windows 11 26H1"},
	}
}

// ReleaseByBuild returns the release with this build number.
func ReleaseByBuild(build int) (Release, bool) {
	return findRelease(func(r Release) bool { return r.Build == build })
}

// ReleaseByName returns the release with this name or alias; case does not
// matter.
func ReleaseByName(name string) (Release, bool) {
	return findRelease(func(r Release) bool {
		return strings.EqualFold(r.Name, name) ||
			slices.ContainsFunc(r.Aliases, func(a string) bool { return strings.EqualFold(a, name) })
	})
}

// ReleaseOf returns the release that an image's os.version belongs to, whatever
// its revision: ltsc2022 for 10.0.20348.2849.
func ReleaseOf(osVersion string) (Release, bool) {
	v, err := ParseVersion(osVersion)
	if err != nil || v.Major != 10 || v.Minor != 0 || v.Parts < 3 {
		return Release{}, false
	}
	return ReleaseByBuild(v.Build)
}

func findRelease(is func(Release) bool) (Release, bool) {
	all := Releases()
	if i := slices.IndexFunc(all, is); i >= 0 {
		return all[i], true
	}
	return Release{}, false
}
