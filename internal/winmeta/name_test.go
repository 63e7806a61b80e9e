package winmeta

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"
)

// hinted is what the command line looks for in errors.
type hinted interface {
	error
	Hint() string
}

// TestCheckName: a bad name that passes aborts the import on Windows or makes a
// file that nobody can delete; a good one that is refused stops a build.
func TestCheckName(t *testing.T) {
	for name, rule := range map[string]string{
		"a": "", "a.b": "", ".gitignore": "", " leading": "", "CONSOLE": "", "COM": "", "COM10": "", "LPT": "",
		"nul_": "", "xNUL": "", "a NUL.txt": "", "CON-1": "", ".wh": "", "wh.": "ends in a dot", "COM⁴": "",
		"über": "", "日本語.txt": "", "a\x7fb": "", "�": "", ".WH.x": "", " CON": "",
		"":  "empty",
		".": "not a name", "..": "not a name",
		"CON": "device CON", "con": "device CON", "Aux.c": "device AUX", "NUL.tar.gz": "device NUL", "CON .txt": "device CON",
		"prn.": "ends in a dot", "COM0": "device COM0", "com9.log": "device COM9", "LPT¹": "device LPT¹", "com³.x": "device COM³",
		"CONIN$": "device CONIN$", "conout$.txt": "device CONOUT$",
		"a:b": "colon", "a<b": "character <", "a>b": "character >", `a"b`: `character "`, "a|b": "character |", "a?b": "character ?", "a*b": "character *",
		`a\b`: `separator \`, "a/b": "separator /",
		"a\x00b": "U+0000", "a\nb": "U+000A", "\x1f": "U+001F",
		"a.": "ends in a dot", "...": "ends in a dot", "a ": "ends in a blank",
		"a\xffb": "UTF-8", "\xed\xa0\x80": "UTF-8",
		".wh.x": ".wh.", ".wh..wh..opq": ".wh.",
		strings.Repeat("x", 255): "", strings.Repeat("x", 256): "limit is 255",
		strings.Repeat("𐐀", 127): "", strings.Repeat("𐐀", 128): "limit is 255",
	} {
		err := CheckName(name)
		checkRule(t, name, err, rule)
		if name == "" || strings.Contains(name, "/") {
			continue
		}
		err = CheckPath("dir/" + name + "/x")
		checkRule(t, name, err, rule)
		var ne *NameError
		if errors.As(err, &ne) && (ne.Component != name || ne.Path != "dir/"+name+"/x") {
			t.Errorf("%q: reported as %+v", name, ne)
		}
	}
}

func checkRule(t *testing.T, name string, err error, rule string) {
	t.Helper()
	if rule == "" {
		if err != nil {
			t.Errorf("%q: %v", name, err)
		}
		return
	}
	var ne *NameError
	if !errors.As(err, &ne) || !strings.Contains(ne.Rule, rule) {
		t.Errorf("%q: got %v, want %q", name, err, rule)
		return
	}
	if h := hinted(ne); h.Hint() == "" || strings.Contains(h.Error(), "\n") || !utf8.ValidString(h.Error()) {
		t.Errorf("%q: error %q, hint %q", name, h.Error(), h.Hint())
	}
}

func TestCheckPath(t *testing.T) {
	long := strings.Repeat(strings.Repeat("x", 199)+"/", 163) // 32600 units
	for name, rule := range map[string]string{
		"": "", "a/b/c": "", "/a": "empty", "a//b": "empty", "a/": "empty", "a/../b": "not a name",
		long + strings.Repeat("y", 161): "", long + strings.Repeat("y", 162): "limit is 32767",
	} {
		checkRule(t, name, CheckPath(name), rule)
	}
}

func TestCheckWrite(t *testing.T) {
	for name, rule := range map[string]string{
		"": "", "app/x": "", "Windows/System32/configx": "", "Windows/System32/config": "",
		"Windows/System32/config/SYSTEM": "registry hives", "windows/SYSTEM32/Config/x/y": "registry hives",
		"System Volume Information": "reserved for Windows", "wcsandboxstate/Hives/x": "reserved for Windows", "$recycle.bin/S-1": "reserved for Windows",
		"app/$Recycle.Bin": "", "app/System Volume Information/x": "", "nul": "device NUL",
	} {
		checkRule(t, name, CheckWrite(name), rule)
	}
}

func TestLongPathWarn(t *testing.T) {
	if LongPathWarn(strings.Repeat("x", 236)) || !LongPathWarn(strings.Repeat("x", 237)) {
		t.Error("the warning does not begin at 240 units")
	}
}

// TestToSlash covers the notations of the Dockerfile and their traps.
func TestToSlash(t *testing.T) {
	for in, want := range map[string]string{
		`C:\app\x`: "app/x", "c:/app/x/": "app/x", `\app\.\x`: "app/x", "/app//x": "app/x", "app/x": "app/x", `app\x`: "app/x",
		`C:\`: "", "/": "", "": "", ".": "", `C:\..\..\x`: "x", `\\?\C:\app`: "app", `C:\Program Files\x`: "Program Files/x", `C:\a\..\b`: "b",
	} {
		if got, err := ToSlash(in); err != nil || got != want {
			t.Errorf("%s: got %q, %v; want %q", in, got, err, want)
		}
	}
	for _, in := range []string{`D:\x`, "C:", "C:app", `\\srv\share\x`, "//srv/share", `\\.\pipe\x`, `\\?\D:\x`, `\\?\UNC\srv\x`, `\\?\C:`, `ü:\x`, "1:/x"} {
		got, err := ToSlash(in)
		if in == `ü:\x` { // not a drive: the colon is refused as a name
			if err != nil || CheckPath(got) == nil {
				t.Errorf("%s: got %q, %v", in, got, err)
			}
			continue
		}
		var pe *PathError
		if !errors.As(err, &pe) || pe.Path != in || pe.Hint() == "" {
			t.Errorf("%s: got %q, %v", in, got, err)
		}
	}
	for name, want := range map[string]string{"": `C:\`, "app/x": `C:\app\x`} {
		if got := ToWindows(name); got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
		if back, err := ToSlash(ToWindows(name)); err != nil || back != name {
			t.Errorf("%s: came back as %s, %v", name, back, err)
		}
	}
}

// FuzzCheckPath: an accepted path must keep its meaning through the Windows
// notation, and each of its components must be accepted alone.
func FuzzCheckPath(f *testing.F) {
	for _, s := range []string{"", "a/b", "CON/x", "a/CON .txt", "Users/All Users/x", "..", "a//b", ".wh.x", "a\xff", "windows/System32/config/SAM"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		_ = LongPathWarn(name)
		for _, p := range []string{SpellPath(name), ResolveStandardJunctions(name)} {
			if (CheckPath(name) == nil) != (CheckPath(p) == nil) && len(name) < 30000 {
				t.Errorf("%q is as good or bad as %q", name, p)
			}
		}
		err := CheckPath(name)
		if err != nil {
			var ne *NameError
			if !errors.As(err, &ne) || ne.Hint() == "" || ne.Error() == "" {
				t.Errorf("%q: error %v", name, err)
			}
			if CheckWrite(name) == nil {
				t.Errorf("%q may be written but not exist", name)
			}
			return
		}
		if name == "" {
			return
		}
		for c := range strings.SplitSeq(name, "/") {
			if err := CheckName(c); err != nil {
				t.Errorf("%q: %v", name, err)
			}
		}
		if back, err := ToSlash(ToWindows(name)); err != nil || back != name {
			t.Errorf("%q came back as %q, %v", name, back, err)
		}
	})
}

// FuzzToSlash: what comes out is clean, whatever goes in.
func FuzzToSlash(f *testing.F) {
	for _, s := range []string{`C:\app`, `\\?\C:\x\..`, "c:", `a\..\..\b`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		name, err := ToSlash(s)
		if err != nil {
			return
		}
		if strings.HasPrefix(name, "/") || strings.HasSuffix(name, "/") || strings.Contains(name, `\`) || strings.Contains("/"+name+"/", "/../") || strings.Contains(name, "//") {
			t.Errorf("%q became %q", s, name)
		}
	})
}
