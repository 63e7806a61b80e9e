package machine

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A path that is made full in another way than Windows does leads programs to
// other files.
func TestFull(t *testing.T) {
	for _, tt := range []struct{ dir, path, want string }{
		{`C:\app`, `x`, `C:\app\x`},
		{`C:\app`, `x/y`, `C:\app\x\y`},
		{`C:\`, `x`, `C:\x`},
		{`C:\app`, `\x`, `C:\x`},
		{`C:\app`, `/x`, `C:\x`},
		{`C:\app`, `C:x`, `C:\app\x`},
		{`C:\app`, `c:x`, `c:\app\x`},
		{`C:\app`, `C:`, `C:\app`},
		{`C:\app`, `C:\`, `C:\`},
		{`C:\app`, `\`, `C:\`},
		{`C:\app`, `.`, `C:\app`},
		{`C:\app`, `..`, `C:\`},
		{`C:\app`, `..\..\..`, `C:\`},
		{`C:\app`, `..\b\.\c\..\d`, `C:\b\d`},
		{`C:\app`, `a\\b//c`, `C:\app\a\b\c`},
		{`C:\app`, `a\`, `C:\app\a\`},
		{`C:\app`, `C:\a\b\`, `C:\a\b\`},
		{`C:\app`, `C:\a\b\..\`, `C:\a\`},
		{`C:\app`, `a. `, `C:\app\a`},
		{`C:\app`, `a...`, `C:\app\a`},
		{`C:\app`, `a.\b`, `C:\app\a\b`},
		{`C:\app`, `a \b`, `C:\app\a \b`},
		{`C:\app`, `...`, `C:\app\`},
		{`C:\app`, `C:\a\ `, `C:\a\`},
		{`C:\app`, ` \ `, `C:\app\ \`},
		{`C:\app`, `...\b`, `C:\app\...\b`},
		{`C:\app`, `a.txt.`, `C:\app\a.txt`},
		{`C:\app`, `.hidden`, `C:\app\.hidden`},
		{`C:\app`, `a..b`, `C:\app\a..b`},
		{`C:\app`, `D:\x\..\y`, `D:\y`},
		{`C:\app`, `D:x`, `D:\x`},
		{`C:\app`, `\\srv\share\x\..\y`, `\\srv\share\y`},
		{`C:\app`, `\\srv\share\..\..`, `\\srv\share`},
		{`C:\app`, `//srv/share/x`, `\\srv\share\x`},
		{`C:\app`, `\\?\C:\a\..\b. `, `\\?\C:\a\..\b. `},
		{`C:\app`, `//?/C:/a/../b`, `\\?\C:\b`},
		{`C:\app`, `\\.\pipe\x`, `\\.\pipe\x`},
		{`C:\app`, `nul`, `\\.\NUL`},
		{`C:\app`, `C:\x\NUL`, `\\.\NUL`},
		{`C:\app`, `nul.txt`, `\\.\NUL`},
		{`C:\app`, `com1:`, `\\.\COM1`},
		{`C:\app`, `CON`, `\\.\CON`},
		{`C:\app`, `nul\x`, `C:\app\nul\x`},
		{`C:\app`, `null`, `C:\app\null`},
		{`C:\app`, `com`, `C:\app\com`},
		{`C:\app`, `com10`, `C:\app\com10`},
		{`C:\app`, `x:y`, `x:\y`},
		{`C:\app`, `file.txt:stream`, `C:\app\file.txt:stream`},
		{`D:\x`, `y`, `D:\x\y`},
		{`D:\x`, `C:y`, `C:\y`},
	} {
		got, err := Full(tt.dir, tt.path)
		if err != nil || got != tt.want {
			t.Errorf("Full(%q, %q) = %q, %v; want %q", tt.dir, tt.path, got, err, tt.want)
		}
	}
	for _, bad := range []string{"", "a\x00b"} {
		if got, err := Full(`C:\`, bad); CodeOf(err) != ErrorInvalidName {
			t.Errorf("Full(%q) = %q, %v", bad, got, err)
		}
	}
}

func TestDevice(t *testing.T) {
	for full, want := range map[string]string{
		`\\.\NUL`: "NUL", `\\.\nul`: "NUL", `C:\NUL`: "", `C:\x`: "", `\\.\pipe\x`: "", `\\.\COM9`: "COM9",
	} {
		if got := Device(full); got != want {
			t.Errorf("Device(%q) = %q, want %q", full, got, want)
		}
	}
}

func TestPlace(t *testing.T) {
	for path, want := range map[string]string{
		`C:\`: "", `c:\a\b`: "a/b", `C:\a\b\`: "a/b/", `\\?\C:\a.`: "a.", `C:/a/../b`: "b",
		`D:\x`: "3", `\\srv\share\x`: "53", `\\?\UNC\srv\share`: "53", `\\.\pipe\x`: "2",
		`C:\a*b`: "123", `C:\a?`: "123", `C:\a|b`: "123", `C:\a<b`: "123", `C:\a"b`: "123", "C:\\a\tb": "123",
		`C:\http:\x`: "123", `C:\a:s`: "a:s", `C:\a:`: "123", `\\?\C:\a/b`: "123", `\\?\C:\a\\b`: "123",
		`C:\` + strings.Repeat("x", 256): "123", `NUL`: "NUL",
	} {
		s, err := place("open", path)
		got := s.device + strings.Join(s.parts, "/")
		if s.slash {
			got += "/"
		}
		if s.stream != "" {
			got += ":" + s.stream
		}
		if err != nil {
			got = itoa(CodeOf(err))
		}
		if got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
}

func itoa(n uint32) string {
	if n < 10 {
		return string(rune('0' + n))
	}
	return itoa(n/10) + itoa(n%10)
}

func TestMatch(t *testing.T) {
	for _, tt := range []struct {
		pattern string
		yes, no string // names, separated by blanks
	}{
		{"*", "a a.b .x", ""},
		{"*.*", "a a.b", ""},
		{"*.", "a readme", "a.b .x"},
		{"*.txt", "a.txt A.TXT .txt a.b.txt", "a.txtx a.tx atxt"},
		{"a*", "a ab a.b", "ba"},
		{"?", "a", "ab a.b"},
		{"??", "a ab", "abc a.b"},
		{"???.txt", "a.txt abc.txt", "abcd.txt .txt2"},
		{"a?.txt", "a.txt ab.txt", "abc.txt"},
		{"a.?", "a a.b", "a.bc"},
		{"a.*", "a a.b a.b.c", "ab"},
		{"*a*", "a bab xa.txt", "b"},
		{"*.tar.gz", "x.tar.gz a.b.tar.gz", "x.gz x.tar"},
		{"a.txt", "A.Txt", "a.txt2 a"},
		{"a.txt.", "a.txt", "a"},
		{"*.b.c", "a.b.c", "a.c"},
		{"microsoft.*.nupkg", "microsoft.x.nupkg microsoft.x.y.nupkg", "microsoft.nupkg"},
		{"", "", "a"},
	} {
		for _, name := range strings.Fields(tt.yes) {
			if !Match(tt.pattern, name) {
				t.Errorf("%q does not match %q", tt.pattern, name)
			}
		}
		for _, name := range strings.Fields(tt.no) {
			if Match(tt.pattern, name) {
				t.Errorf("%q matches %q", tt.pattern, name)
			}
		}
	}
}

func TestSplitCommandLine(t *testing.T) {
	for line, want := range map[string][]string{
		``:                             nil,
		`a b c`:                        {"a", "b", "c"},
		`  a`:                          {"", "a"},
		`"C:\Program Files\x.exe" y`:   {`C:\Program Files\x.exe`, "y"},
		`a "b c" d`:                    {"a", "b c", "d"},
		`a "b""c" d`:                   {"a", `b"c d`},
		`a "b""c d`:                    {"a", `b"c`, "d"},
		`a "b """c  d""" e"`:           {"a", `b "c  d" e`},
		`a b\"c`:                       {"a", `b"c`},
		`a "b\\" c`:                    {"a", `b\`, "c"},
		`a b\\c`:                       {"a", `b\\c`},
		`a "b\\\"c"`:                   {"a", `b\"c`},
		`a ""`:                         {"a", ""},
		`a "`:                          {"a", ""},
		"a\tb":                         {"a", "b"},
		`a x="y z"`:                    {"a", "x=y z"},
		`C:\x\y.exe \`:                 {`C:\x\y.exe`, `\`},
		`powershell -c "echo \"x y\""`: {"powershell", "-c", `echo "x y"`},
		`a """b c"""`:                  {"a", `"b`, `c"`},
		`a """b\""" c`:                 {"a", `"b"`, "c"},
		`pwsh "b""c" d`:                {"pwsh", `b"c`, "d"},
		`"C:\p f\PWSH.exe" """b c"""`:  {`C:\p f\PWSH.exe`, `"b c"`},
		`a\"b c`:                       {`a\b c`},
	} {
		if diff := cmp.Diff(want, SplitCommandLine(line)); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", line, diff)
		}
	}
}

// QuoteArg and SplitCommandLine must be inverse, or nested programs get other
// arguments than they were given.
func FuzzSplitCommandLine(f *testing.F) {
	for _, s := range []string{`a`, `a b`, `a\`, `\\"`, `a "b" \\`, ``, "\t", `"`} {
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		if strings.ContainsRune(a+b, 0) {
			return
		}
		SplitCommandLine(a)
		got := SplitCommandLine("x " + QuoteArg(a) + " " + QuoteArg(b))
		if diff := cmp.Diff([]string{"x", a, b}, got); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	})
}

func FuzzFull(f *testing.F) {
	for _, s := range []string{`a\..\b`, `C:x`, `\\s\h\x`, `nul.`, `a. .`, `\\?\C:\x`, `//./x`, `C:/`, ` \ `, ` \.`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, path string) {
		full, err := Full(`C:\dir`, path)
		if err != nil {
			return
		}
		again, err := Full(`C:\other`, full)
		if err != nil || again != full {
			t.Errorf("%q is full as %q, and that as %q, %v", path, full, again, err)
		}
		_, _ = place("", full)
	})
}

func FuzzMatch(f *testing.F) {
	f.Add("*.*", "a.b")
	f.Add("a?.<\"*", "a.b")
	f.Fuzz(func(t *testing.T, pattern, name string) {
		got := Match(pattern, name)
		if strings.Trim(pattern, "*") == "" && pattern != "" && !got {
			t.Errorf("%q does not match %q", pattern, name)
		}
		if !HasWildcard(name) && strings.TrimRight(name, ". ") == name && !strings.ContainsAny(name, `<>"`) && !Match(name, name) {
			t.Errorf("%q does not match itself", name)
		}
	})
}

// Broken if it fails: REN, COPY and MOVE with wildcards make other names. The
// examples are those by which people have worked the rules out.
func TestMaskName(t *testing.T) {
	for _, c := range []struct{ mask, name, want string }{
		{"A?Z*", "1", "AZ"},
		{"A?Z*", "12", "A2Z"},
		{"A?Z*", "1.txt", "AZ.txt"},
		{"A?Z*", "1234", "A2Z4"},
		{"A?Z*", "123.txt", "A2Z.txt"},
		{"*.txt", "a", "a.txt"},
		{"*.txt", "b.dat", "b.txt"},
		{"*.txt", "c.x.y", "c.x.txt"},
		{"*?.bak", "a", "a.bak"},
		{"*?.bak", "b.dat", "b.dat.bak"},
		{"*?.bak", "c.x.y", "c.x.y.bak"},
		{"*.", "b.dat", "b"},
		{"*.", "c.x.y", "c.x"},
		{"?????.?????", "a", "a"},
		{"?????.?????", "a.b.c", "a.b"},
		{"?????.?????", "part1.part2.part3", "part1.part2"},
		{"?????.?????", "123456.123456.123456", "12345.12345"},
		{"?x.????999.*rForTheCourse", "part1.part2", "px.part999.rForTheCourse"},
		{"?x.????999.*rForTheCourse", "part1.part2.part3", "px.part999.parForTheCourse"},
		{"?x.????999.*rForTheCourse", "part1.part2.part3.part4", "px.part999.part3.parForTheCourse"},
		{"?x.????999.*rForTheCourse", "a.b.CarPart3BEER", "ax.b999.CarParForTheCourse"},
		{"new", "old.txt", "new"},
		{"new.*", "old.txt", "new.txt"},
		{"**", "a.b", "a.b"},
		{"*", "é.b", "é.b"},
	} {
		if got := MaskName(c.mask, c.name); got != c.want {
			t.Errorf("%s with the mask %s: %s, want %s", c.name, c.mask, got, c.want)
		}
	}
}
