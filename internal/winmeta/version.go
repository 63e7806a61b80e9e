package winmeta

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
)

// A Version is a Windows version as images carry it in os.version:
// 10.0.20348.2849, which is major, minor, build and revision.
type Version struct {
	Major, Minor, Build, Revision int
	// Parts is how many of the numbers were given, 2 to 4; the others are 0.
	Parts int
}

// ParseVersion reads two to four numbers with dots between them.
func ParseVersion(s string) (Version, error) {
	parts := strings.Split(s, ".")
	if len(parts) < 2 || len(parts) > 4 {
		return Version{}, fmt.Errorf("parsing Windows version %q: want numbers such as 10.0.20348 or 10.0.20348.2849", s)
	}
	var n [4]int
	for i, p := range parts {
		v, err := strconv.ParseUint(p, 10, 31)
		if err != nil || strconv.FormatUint(v, 10) != p {
			return Version{}, fmt.Errorf("parsing Windows version %q: %q is not a number", s, p)
		}
		n[i] = int(v)
	}
	return Version{n[0], n[1], n[2], n[3], len(parts)}, nil
}

// String prints as many numbers as were given.
func (v Version) String() string {
	s := fmt.Sprintf("%d.%d.%d.%d", v.Major, v.Minor, v.Build, v.Revision)
	for range 4 - max(2, min(v.Parts, 4)) {
		s = s[:strings.LastIndexByte(s, '.')]
	}
	return s
}

// Compare orders versions by number, −1, 0 or +1; missing numbers count as 0.
func (v Version) Compare(w Version) int {
	return cmp.Or(cmp.Compare(v.Major, w.Major), cmp.Compare(v.Minor, w.Minor),
		cmp.Compare(v.Build, w.Build), cmp.Compare(v.Revision, w.Revision))
}

// Covers reports whether w agrees with v in every number that v was given with,
// so that 10.0.20348 covers 10.0.20348.2849.
func (v Version) Covers(w Version) bool {
	if w.Parts < v.Parts {
		return false
	}
	return v.Major == w.Major && v.Minor == w.Minor &&
		(v.Parts < 3 || v.Build == w.Build) && (v.Parts < 4 || v.Revision == w.Revision)
}

// Matches reports whether an image with the os.version have is what somebody
// means who asks for asked: a full version means exactly that one, fewer
// numbers mean any version that begins so, and the name of a release (ltsc2022,
// 1809) means any revision of its build. Asking for nothing matches everything,
// and an image without os.version, as HostProcess images are, fits every
// request. What cannot be read as a version matches only itself.
func Matches(asked, have string) bool {
	if asked == "" || have == "" || asked == have {
		return true
	}
	h, err := ParseVersion(have)
	if err != nil {
		return false
	}
	if r, ok := ReleaseByName(asked); ok {
		return h.Major == 10 && h.Minor == 0 && h.Build == r.Build
	}
	a, err := ParseVersion(asked)
	return err == nil && a.Covers(h)
}

// firstStableABI is the build from which Windows promises that newer hosts run
// older images in process isolation.
const firstStableABI = 20348

// Compatible reports whether a host can run an image's containers in process
// isolation, by the rule that containerd applies when it chooses from an index,
// and why not. Before build 20348 the builds must be equal; from then on a host
// runs the images of its own build and older ones down to the long-term release
// before its own. Revisions do not decide.
//
// If the answer is yes, a reason that is not empty is a caution: hcsshim's rule
// is narrower for hosts newer than the newest long-term release, and an image
// whose revision is newer than the host's has been seen to fail.
func Compatible(host, container Version) (ok bool, reason string) {
	if host.Major != container.Major || host.Minor != container.Minor {
		return false, fmt.Sprintf("Windows %d.%d cannot run images of Windows %d.%d", host.Major, host.Minor, container.Major, container.Minor)
	}
	h, c := host.Build, container.Build
	if h < firstStableABI {
		if c != h {
			return false, fmt.Sprintf("hosts before build %d run only images of their own build: the host has %d, the image %d", firstStableABI, h, c)
		}
		if h == 14393 && host.Revision != container.Revision && container.Parts == 4 && host.Parts == 4 {
			return true, "on Windows Server 2016 host and image should have the same revision"
		}
		return true, revisionCaution(host, container)
	}
	if c > h {
		return false, fmt.Sprintf("the image's build %d is newer than the host's %d", c, h)
	}
	if floor := containerdFloor(h); c < floor {
		return false, fmt.Sprintf("a host of build %d runs images from build %d on, the image has %d", h, floor, c)
	}
	if floor := hcsshimFloor(h); c < floor {
		return true, fmt.Sprintf("containerd accepts build %d on a host of build %d, but hcsshim counts only from %d on", c, h, floor)
	}
	return true, revisionCaution(host, container)
}

func revisionCaution(host, container Version) string {
	if host.Build == container.Build && host.Parts == 4 && container.Parts == 4 && container.Revision > host.Revision {
		return fmt.Sprintf("the image's revision %d is newer than the host's %d, which can fail with 0xc0370106; update the host", container.Revision, host.Revision)
	}
	return ""
}

// stableReleases are the long-term builds with a stable ABI, oldest first.
func stableReleases() []int { return []int{firstStableABI, 26100} }

// containerdFloor is the long-term release before the newest one not above h.
func containerdFloor(h int) int {
	floor, newest := firstStableABI, firstStableABI
	for _, b := range stableReleases() {
		if b <= h {
			floor, newest = newest, b
		}
	}
	return floor
}

// hcsshimFloor is the newest long-term release strictly below h.
func hcsshimFloor(h int) int {
	floor := firstStableABI
	for _, b := range stableReleases() {
		if b < h {
			floor = b
		}
	}
	return floor
}
