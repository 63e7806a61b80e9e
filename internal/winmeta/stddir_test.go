package winmeta

import (
	"bytes"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestSpellPath: a directory spelled otherwise than the base spells it becomes a
// second directory, and the import fails.
func TestSpellPath(t *testing.T) {
	for in, want := range map[string]string{
		"":                                    "",
		"windows/system32/Foo.dll":            "Windows/System32/Foo.dll",
		"WINDOWS":                             "Windows",
		"windows/system32x/y":                 "Windows/system32x/y",
		"windowsx":                            "windowsx",
		"app/windows/system32":                "app/windows/system32",
		"program files (X86)/App":             "Program Files (x86)/App",
		"PROGRAM FILES/DOTNET/shared":         "Program Files/DOTNET/shared",
		"windows/microsoft.net/framework64/x": "Windows/Microsoft.NET/Framework64/x",
		"windows/system32/windowspowershell/V1.0/modules/x": "Windows/System32/WindowsPowerShell/v1.0/Modules/x",
		"windows/system32/DRIVERS/ETC/hosts":                "Windows/System32/drivers/etc/hosts",
		"windows/inf/x.inf":                                 "Windows/INF/x.inf",
		"users/containeradministrator/appdata/local/x":      "Users/ContainerAdministrator/AppData/Local/x",
		"users/Bob/APPDATA/x":                               "Users/Bob/AppData/x",
		"USERS/PUBLIC/DESKTOP/x":                            "Users/Public/Desktop/x",
		"users/public/appdata":                              "Users/Public/appdata",
		"users/":                                            "Users/",
		"Wındows/x":                                         "Wındows/x",
		"inetpub/WWWROOT/index.html":                        "inetpub/wwwroot/index.html",
	} {
		if got := SpellPath(in); got != want {
			t.Errorf("%s: got %s, want %s", in, got, want)
		}
	}
}

// TestStandardDirTable: the table is data that code relies on; this is its
// compiler.
func TestStandardDirTable(t *testing.T) {
	seen := map[string]bool{}
	all := StandardDirs()
	if !slices.IsSortedFunc(all, func(a, b StandardDir) int { return strings.Compare(a.Path, b.Path) }) {
		t.Error("the list is not sorted")
	}
	for _, d := range all {
		if seen[fold(d.Path)] {
			t.Errorf("%s occurs twice", d.Path)
		}
		seen[fold(d.Path)] = true
		if err := CheckPath(d.Path); err != nil {
			t.Error(err)
		}
		for _, spelling := range []string{d.Path, strings.ToUpper(d.Path), strings.ToLower(d.Path)} {
			if got := SpellPath(spelling); got != d.Path {
				t.Errorf("%s is spelled %s", spelling, got)
			}
			if !IsStandardDir(spelling) {
				t.Errorf("%s is not a standard directory", spelling)
			}
		}
		if parent := parentName(d.Path); !IsStandardDir(parent) {
			t.Errorf("%s: its parent is not in the table", d.Path)
		}
		if got := ResolveStandardJunctions(d.Path); got != d.Path {
			t.Errorf("%s is a junction to %s", d.Path, got)
		}
		if !DirAttributes(d.Path).Has(Directory) {
			t.Errorf("%s has the attributes %s", d.Path, DirAttributes(d.Path))
		}
		raw, ok := DirDescriptor(d.Path)
		sd, err := ParseDescriptor(raw)
		if !ok || err != nil || sd.Owner == "" || sd.Group == "" || len(sd.DACL) == 0 {
			t.Errorf("%s: descriptor %s, %v, %v", d.Path, sd, ok, err)
		}
		checkRoundTrips(t, sd)
	}
	if IsStandardDir("Program Files/dotnet") || IsStandardDir("Users/Bob/AppData") || IsStandardDir("app") {
		t.Error("a directory of an application passes for a standard one")
	}
	if _, ok := DirDescriptor("app"); ok {
		t.Error("a directory of an application has a documented descriptor")
	}
}

func TestDirAttributes(t *testing.T) {
	for name, want := range map[string]Attributes{
		"": Directory, "app": Directory, "windows": Directory, "PROGRAMDATA": Hidden | Directory,
		"Program Files": ReadOnly | Directory, "users/containeruser/appdata": Hidden | Directory, "users/bob/appdata": Directory,
	} {
		if got := DirAttributes(name); got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
	}
}

// TestProtectedDirs: nothing that casement writes as a parent may let users
// change Windows or installed programs, nor look at the hives.
func TestProtectedDirs(t *testing.T) {
	const write = AddFile | AddDirectory | GenericWrite | GenericAll | 0x10000 | 0x40000 | 0x80000
	may := func(raw []byte, mask uint32) bool {
		d, err := ParseDescriptor(raw)
		if err != nil {
			t.Fatal(err)
		}
		return slices.ContainsFunc(d.DACL, func(a ACE) bool {
			return slices.Contains([]SID{Users, Everyone, AuthenticatedUsers, ContainerUser}, a.SID) && a.Mask&mask != 0
		})
	}
	for _, d := range StandardDirs() {
		top := pathRoot(d.Path)
		raw, _ := DirDescriptor(d.Path)
		if (top == "Windows" || strings.HasPrefix(top, "Program Files")) && d.Path != "Windows/Temp" && may(raw, write) {
			t.Errorf("users may write to %s", d.Path)
		}
	}
	if raw, _ := DirDescriptor("Windows/System32/config"); may(raw, 0xFFFFFFFF) {
		t.Error("users have access to the directory of the hives")
	}
	if may(InheritedDescriptor("Program Files/App/bin", true), write) || may(InheritedDescriptor("Program Files/App/x.exe", false), write) {
		t.Error("users may change an installed program")
	}
	if !may(InheritedDescriptor("app/data", true), AddFile) {
		t.Error("users may not add files in C:\\app\\data, as they may on Windows")
	}
	if raw, _ := DirDescriptor("users/containeruser/appdata/local/temp"); !may(raw, AddFile) {
		t.Error("ContainerUser may not write to its own profile")
	}
	root, _ := DirDescriptor("")
	if !bytes.Equal(InheritedDescriptor("", true), root) {
		t.Error("the root inherits from somewhere")
	}
}

func TestResolveStandardJunctions(t *testing.T) {
	for in, want := range map[string]string{
		"":                         "",
		"app/Documents":            "app/Documents",
		"Documents and Settings":   "Users",
		"documents AND settings/x": "Users/x",
		"Documents and Settings/All Users/Application Data/x":              "ProgramData/x",
		"ProgramData/Application Data/application data/Application Data/x": "ProgramData/x",
		"users/default user/Local Settings/x":                              "Users/Default/AppData/Local/x",
		"users/bob/local settings/Application Data/application data/X":     "users/bob/AppData/Local/X",
		"Documents and Settings/bob/Application Data/x":                    "Users/bob/AppData/Roaming/x",
		"Users/bob/My Documents/My Music/x":                                "Users/bob/Music/x",
		"Users/bob/Documents/x":                                            "Users/bob/Documents/x",
		"ProgramData/Desktop/a.lnk":                                        "Users/Public/Desktop/a.lnk",
		"Users/All Users/Documents/My Videos":                              "Users/Public/Videos",
		"Users/Public/Application Data/x":                                  "Users/Public/Application Data/x",
		"ProgramData/Start Menu/Programs/a.lnk":                            "ProgramData/Microsoft/Windows/Start Menu/Programs/a.lnk",
		"Users/bob/Start Menu/x":                                           "Users/bob/AppData/Roaming/Microsoft/Windows/Start Menu/x",
		"Users/Application Data":                                           "Users/Application Data",
		"Documents and Settingsx/y":                                        "Documents and Settingsx/y",
		"Users/All Users/Application Data/Templates/t":                     "ProgramData/Microsoft/Windows/Templates/t",
	} {
		if got := ResolveStandardJunctions(in); got != want {
			t.Errorf("%s: got %s, want %s", in, got, want)
		}
	}
}

// TestJunctionTargets: no target may itself need resolving, or the promise that
// resolution ends would be void.
func TestJunctionTargets(t *testing.T) {
	for _, j := range rootJunctions() {
		if got := ResolveStandardJunctions(j.to); got != j.to {
			t.Errorf("%s leads on to %s", j.to, got)
		}
		if got := SpellPath(j.to); got != j.to {
			t.Errorf("%s is spelled %s", j.to, got)
		}
	}
	for _, j := range profileJunctions() {
		to := path.Join("Users/bob", j.to)
		if got := ResolveStandardJunctions(to); got != to {
			t.Errorf("%s leads on to %s", to, got)
		}
	}
}

// FuzzCanonicalPath: spelling and resolving are idempotent and never change
// which file is meant in a way that folding would notice.
func FuzzCanonicalPath(f *testing.F) {
	for _, s := range []string{"", "windows/SYSTEM32/x", "users/All users/application data/desktop", "documents and settings/x/local settings/history", "Users//x", "USERS/ſ/appdata"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		s := SpellPath(name)
		if SpellPath(s) != s {
			t.Errorf("%q: spelled %q, then %q", name, s, SpellPath(s))
		}
		if !strings.EqualFold(s, name) || len(s) != len(name) {
			t.Errorf("%q became another name, %q", name, s)
		}
		r := ResolveStandardJunctions(name)
		if again := ResolveStandardJunctions(r); again != r {
			t.Errorf("%q: resolved to %q, then %q", name, r, again)
		}
		if a, b := ResolveStandardJunctions(s), SpellPath(r); fold(a) != fold(b) {
			t.Errorf("%q: %q or %q, depending on the order", name, a, b)
		}
		if len(name) < 1000 {
			if _, err := ParseDescriptor(InheritedDescriptor(name, true)); err != nil {
				t.Errorf("%q: %v", name, err)
			}
		}
	})
}

func TestAttributesString(t *testing.T) {
	got := []string{Attributes(0).String(), (Hidden | Directory).String(), (Archive | 0x100000).String(), JunctionAttributes.String()}
	want := []string{"none", "hidden|directory", "archive|0x100000", "directory|reparse"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if FileLinkAttributes != 1056 || DirLinkAttributes != 1040 || FileAttributes != 32 || DirectoryAttributes != 16 {
		t.Error("attributes differ from what Windows exports")
	}
	if got := (Hidden | Directory | Compressed | Sparse).Portable(); got != Hidden {
		t.Errorf("portable: %s", got)
	}
}

func BenchmarkSpellPath(b *testing.B) {
	for _, name := range []string{"app/lib/x.dll", "windows/system32/x.dll", "Users/ContainerUser/AppData/x"} {
		b.Run(pathRoot(name), func(b *testing.B) {
			for b.Loop() {
				SpellPath(name)
			}
		})
	}
}
