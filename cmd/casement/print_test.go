package main

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/casement/casement/internal/image"
)

// TestParseSize fails if prune understands a size as another one than was meant.
func TestParseSize(t *testing.T) {
	good := map[string]int64{
		"0": 0, "1000": 1000, "5k": 5000, "5kB": 5000, "5K": 5000, "2M": 2e6, "1.5G": 1.5e9, "1T": 1e12,
		"1Ki": 1024, "3MiB": 3 << 20, "10GiB": 10 << 30, "7B": 7,
	}
	for s, want := range good {
		if got, err := parseSize(s); err != nil || got != want {
			t.Errorf("%q is %d (%v), want %d", s, got, err, want)
		}
	}
	for _, s := range []string{"", "G", "x", "-1", "1x", "1i", "1kk", "1Gi Gi", "NaN", "Inf", "1e300T", "10 G"} {
		if got, err := parseSize(s); err == nil {
			t.Errorf("%q is %d, want an error", s, got)
		}
	}
}

// TestParseAge fails if prune understands a duration as another one than was meant.
func TestParseAge(t *testing.T) {
	good := map[string]time.Duration{"72h": 72 * time.Hour, "7d": 168 * time.Hour, "2w": 336 * time.Hour, "1.5d": 36 * time.Hour, "90m": 90 * time.Minute, "0": 0}
	for s, want := range good {
		if got, err := parseAge(s); err != nil || got != want {
			t.Errorf("%q is %s (%v), want %s", s, got, err, want)
		}
	}
	for _, s := range []string{"", "d", "7", "-1h", "-7d", "xd", "NaNd", "1e300w"} {
		if got, err := parseAge(s); err == nil {
			t.Errorf("%q is %s, want an error", s, got)
		}
	}
}

// TestPruneOptions fails if a size or an age of nothing, which the store takes
// for no rule, keeps everything, or if one of two rules gets lost.
func TestPruneOptions(t *testing.T) {
	for _, test := range []struct {
		keep, older string
		all         bool
	}{{"0", "", true}, {"", "0s", true}, {"1G", "", false}, {"", "7d", false}, {"1G", "0s", false}, {"0", "7d", false}} {
		f := pruneFlags{keep: test.keep, older: test.older}
		o, err := f.options()
		if err != nil || o.All != test.all {
			t.Errorf("%+v: all %v (%v)", test, o.All, err)
		}
	}
}

// TestBytesText fails if sizes are printed with a wrong unit or a fourth digit.
func TestBytesText(t *testing.T) {
	for n, want := range map[int64]string{0: "0 B", 999: "999 B", 1000: "1.0 kB", 999_949: "999.9 kB", 999_950: "1.0 MB", 117_440_512: "117.4 MB", 20e9: "20.0 GB", 3e15: "3000.0 TB"} {
		if got := bytesText(n); got != want {
			t.Errorf("%d is %q, want %q", n, got, want)
		}
	}
}

// TestTable fails if columns do not line up, or if a line is wider than the
// terminal.
func TestTable(t *testing.T) {
	var b bytes.Buffer
	p := &printer{w: &b, width: 24}
	tab := newTable("NAME", ">SIZE", "WHAT")
	tab.add("ä", "1", "short")
	tab.add("longer", "1000", "much too long for this line")
	p.table(tab)
	const want = "NAME    SIZE  WHAT\nä          1  short\nlonger  1000  much too …\n"
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}

// TestVisible fails if text from an image can steer a terminal or break a line.
func TestVisible(t *testing.T) {
	for in, want := range map[string]string{
		"RUN a\n\t b":       "RUN a b",
		"\x1b[31mred\x07":   "\uFFFD[31mred\uFFFD",
		"C:\\Größe\\文件.txt": "C:\\Größe\\文件.txt",
	} {
		if got := visible(in); got != want {
			t.Errorf("%q is %q, want %q", in, got, want)
		}
	}
}

// TestFileMode fails if a listing shows other attributes or permissions than a
// file has.
func TestFileMode(t *testing.T) {
	for _, test := range []struct {
		file    image.FileReport
		windows bool
		want    string
	}{
		{image.FileReport{Kind: "directory", Bits: 0x10}, true, "d-----"},
		{image.FileReport{Kind: "directory"}, true, "d-----"},
		{image.FileReport{Kind: "file", Bits: 0x27}, true, "-arhs-"},
		{image.FileReport{Kind: "symlink", Bits: 0x420}, true, "-a---l"},
		{image.FileReport{Kind: "junction", Bits: 0x416}, true, "d--hsl"},
		{image.FileReport{Kind: "removed"}, true, "removed"},
		{image.FileReport{Kind: "file", Bits: 0o644}, false, "-rw-r--r--"},
		{image.FileReport{Kind: "directory", Bits: 0o1777}, false, "drwxrwxrwt"},
		{image.FileReport{Kind: "file", Bits: 0o4755}, false, "-rwsr-xr-x"},
		{image.FileReport{Kind: "file", Bits: 0o2644}, false, "-rw-r-Sr--"},
		{image.FileReport{Kind: "symlink", Bits: 0o777}, false, "lrwxrwxrwx"},
	} {
		if got := fileMode(test.file, test.windows); got != test.want {
			t.Errorf("%+v is %q, want %q", test.file, got, test.want)
		}
	}
}

// shown is an error with lines of a Dockerfile.
type shown struct{ error }

func (shown) Excerpt() string { return "   1 | RUN\tx \x1b[2J\r\n   2 | é\n" }

// A Dockerfile that somebody else wrote must not control the terminal by being
// wrong.
func TestPrintError(t *testing.T) {
	var b strings.Builder
	printError(&b, shown{errors.New("bad \x1b[2J\nline")}, exitFailed)
	want := "error: bad \\x1b[2J; line\n     1 | RUN    x \uFFFD[2J\n     2 | é\n"
	if b.String() != want {
		t.Errorf("%q, want %q", b.String(), want)
	}
}

// A platform that is named twice must not be in the index twice, and a time that
// no config can hold is found before the work.
func TestRequestLimits(t *testing.T) {
	ps, err := parsePlatforms([]string{"windows/amd64", "linux/amd64", "windows", "windows(ltsc2022)/amd64", "windows(10.0.20348)/amd64"})
	if err != nil || len(ps) != 3 {
		t.Errorf("%v, %v; want three platforms", ps, err)
	}
	for value, want := range map[string]bool{"0": true, "253402300799": true, "253402300800": false, "-1": false, "x": false} {
		_, err := sourceDateEpoch(map[string]string{"SOURCE_DATE_EPOCH": value}, func(string) string { return "" })
		if (err == nil) != want {
			t.Errorf("SOURCE_DATE_EPOCH=%s: %v", value, err)
		}
	}
}
