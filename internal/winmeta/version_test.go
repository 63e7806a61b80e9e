package winmeta

import (
	"strings"
	"testing"
	"time"
)

func version(t testing.TB, s string) Version {
	t.Helper()
	v, err := ParseVersion(s)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestParseVersion(t *testing.T) {
	if got, want := version(t, "10.0.20348.2849"), (Version{10, 0, 20348, 2849, 4}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	for _, s := range []string{"10.0", "10.0.20348", "10.0.20348.0", "10.0.20348.2849"} {
		if got := version(t, s).String(); got != s {
			t.Errorf("%s is printed %s", s, got)
		}
	}
	for _, s := range []string{"", "10", "10.0.1.2.3", "10.0.", "10.0.x", "10.0.-1", "10.0.+1", "10.0.01", "10.0.2147483648", "ltsc2022", "10.0.20348 "} {
		if v, err := ParseVersion(s); err == nil {
			t.Errorf("%q: read as %v", s, v)
		}
	}
}

// TestVersionCompare: as strings .643 would be above .2700, which is how other
// tools pick the older image.
func TestVersionCompare(t *testing.T) {
	ascending := []string{"6.3.9600", "10.0", "10.0.17763.1", "10.0.20348.643", "10.0.20348.2700", "10.0.26100.1"}
	for i, a := range ascending {
		for j, b := range ascending {
			want := 0
			switch {
			case i < j:
				want = -1
			case i > j:
				want = 1
			}
			if got := version(t, a).Compare(version(t, b)); got != want {
				t.Errorf("%s, %s: got %d, want %d", a, b, got, want)
			}
		}
	}
}

func TestMatches(t *testing.T) {
	for _, c := range []struct {
		asked, have string
		want        bool
	}{
		{"", "10.0.20348.1", true}, {"10.0.20348", "", true}, {"", "", true},
		{"10.0.20348", "10.0.20348.2849", true}, {"10.0.20348.2849", "10.0.20348.2849", true}, {"10.0", "10.0.17763.1", true},
		{"10.0.20348.2849", "10.0.20348.2850", false}, {"10.0.20348.2849", "10.0.20348", false},
		{"10.0.2034", "10.0.20348.1", false}, {"10.0.17763", "10.0.20348.1", false},
		{"ltsc2022", "10.0.20348.2849", true}, {"LTSC2022", "10.0.17763.1", false}, {"1809", "10.0.17763.1", true}, {"ltsc2019", "10.0.17763", true},
		{"ltsc1999", "10.0.20348.1", false}, {"odd", "odd", true}, {"10.0.20348", "odd", false}, {"ltsc2022", "6.0.20348.1", false},
	} {
		if got := Matches(c.asked, c.have); got != c.want {
			t.Errorf("asked %q, have %q: got %v", c.asked, c.have, got)
		}
	}
}

// TestCompatible is the table of hosts and images in the format's description.
func TestCompatible(t *testing.T) {
	for _, c := range []struct {
		host, image string
		ok          bool
		reason      string
	}{
		{"10.0.14393.1", "10.0.14393.1", true, ""}, {"10.0.14393.1", "10.0.14393.2", true, "same revision"},
		{"10.0.17763", "10.0.17763.1", true, ""}, {"10.0.17763", "10.0.14393", false, "own build"},
		{"10.0.19042", "10.0.19041", false, "own build"}, {"10.0.19045", "10.0.20348", false, "own build"},
		{"10.0.20348", "10.0.20348", true, ""}, {"10.0.20348", "10.0.17763", false, "from build 20348 on"}, {"10.0.20348", "10.0.26100", false, "newer"},
		{"10.0.22631", "10.0.20348", true, ""}, {"10.0.25398", "10.0.20348", true, ""}, {"10.0.25398", "10.0.25398", true, ""},
		{"10.0.26100", "10.0.20348", true, ""}, {"10.0.26100", "10.0.25398", true, ""}, {"10.0.26100", "10.0.26200", false, "newer"},
		{"10.0.26200", "10.0.20348", true, "hcsshim"}, {"10.0.26200", "10.0.26100", true, ""}, {"10.0.26200", "10.0.17763", false, "from build 20348 on"},
		{"10.0.28000", "10.0.20348", true, "hcsshim"},
		{"10.0.26100.1000", "10.0.26100.2000", true, "0xc0370106"}, {"10.0.26100.2000", "10.0.26100.1000", true, ""}, {"10.0.26100", "10.0.26100.1000", true, ""},
		{"6.3.9600", "10.0.14393", false, "6.3"}, {"10.0.26100", "11.0.26100", false, "11.0"},
	} {
		ok, reason := Compatible(version(t, c.host), version(t, c.image))
		if ok != c.ok || !strings.Contains(reason, c.reason) || (reason == "") != (c.reason == "") {
			t.Errorf("%s on %s: %v, %q", c.image, c.host, ok, reason)
		}
	}
}

func TestReleases(t *testing.T) {
	for v, want := range map[string]string{
		"10.0.20348.2849": "ltsc2022", "10.0.17763": "ltsc2019", "10.0.26100.1": "ltsc2025", "10.0.14393.0": "ltsc2016",
		"10.0.19042": "20h2", "10.0.26200.1": "win11-25h2", "10.0.99999": "", "10.0": "", "6.0.20348": "", "": "",
	} {
		if r, ok := ReleaseOf(v); ok != (want != "") || r.Name != want {
			t.Errorf("%s: %q, %v", v, r.Name, ok)
		}
	}
	seen := map[string]int{}
	last := 0
	for _, r := range Releases() {
		if r.Build <= last {
			t.Errorf("%s is out of order", r.Name)
		}
		last = r.Build
		for _, n := range append([]string{r.Name}, r.Aliases...) {
			if other, ok := seen[n]; ok {
				t.Errorf("%s means %d and %d", n, other, r.Build)
			}
			seen[n] = r.Build
			if got, ok := ReleaseByName(strings.ToUpper(n)); !ok || got.Build != r.Build {
				t.Errorf("%s: %v, %v", n, got, ok)
			}
		}
		if r.Title == "" || r.Kind.String() == "" {
			t.Errorf("%s has no title", r.Name)
		}
	}
	if r, ok := ReleaseByName("latest"); ok {
		t.Errorf("latest is %v", r)
	}
}

// FuzzParseVersion: an accepted version prints as it was written, and equals and
// matches itself.
func FuzzParseVersion(f *testing.F) {
	for _, s := range []string{"10.0", "10.0.20348", "10.0.20348.2849", "1.2.3.4.5", "..", "0.0.0.0"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		v, err := ParseVersion(s)
		if err != nil {
			return
		}
		if v.String() != s || v.Compare(v) != 0 || !v.Covers(v) || !Matches(s, s) {
			t.Errorf("%q: %+v prints %q", s, v, v)
		}
		ok, reason := Compatible(v, v)
		if !ok {
			t.Errorf("%q does not run on itself: %s", s, reason)
		}
	})
}

// TestFiletime: an error here shows as wrong dates on Windows, or as images that
// differ between builds.
func TestFiletime(t *testing.T) {
	for _, c := range []struct {
		t    time.Time
		want uint64
	}{
		{time.Unix(0, 0), 116444736000000000},
		{time.Unix(0, 199), 116444736000000001},
		{time.Unix(-1, 999_999_999), 116444735999999999},
		{time.Date(1601, 1, 1, 0, 0, 0, 99, time.UTC), 0},
		{time.Date(1600, 12, 31, 23, 59, 59, 0, time.UTC), 0},
		{time.Time{}, 0},
		{time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC), 146097 * 864000000000}, // one Gregorian cycle of 400 years
		{time.Unix(1<<62, 0), 1<<63 - 1},
	} {
		got := Filetime(c.t)
		if got != c.want {
			t.Errorf("%v: got %d, want %d", c.t, got, c.want)
		}
	}
	when := time.Unix(1795204460, 98180555)
	if got := TruncateTime(when); !got.Equal(time.Unix(1795204460, 98180500)) {
		t.Errorf("truncated to %v", got)
	}
	if got := FromFiletime(1<<64 - 1); got.Year() < 60000 {
		t.Errorf("the largest value is %v", got)
	}
}
