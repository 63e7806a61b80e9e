package machine_test

import (
	"context"
	"errors"
	"iter"
	"strings"
	"testing"

	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/tree"
	"github.com/casement/casement/internal/winmeta"
)

// seal makes a layer one that nobody has read, and counts how often it is asked.
func seal(l *tree.Layer) (*tree.Layer, *int) {
	n := new(int)
	return &tree.Layer{Changes: counting{l.Changes, n}, Sealed: true, Label: "base"}, n
}

type counting struct {
	tree.Changes
	n *int
}

func (c counting) Find(ctx context.Context, name string, fold bool) (tree.Change, error) {
	*c.n++
	return c.Changes.Find(ctx, name, fold)
}

func (c counting) List(ctx context.Context, dir string, fold bool) iter.Seq2[tree.Change, error] {
	*c.n++
	return c.Changes.List(ctx, dir, fold)
}

func (c counting) All(ctx context.Context) iter.Seq2[tree.Change, error] {
	*c.n++
	return c.Changes.All(ctx)
}

func (c counting) Implied(dir string, fold bool) []string {
	return c.Changes.(tree.Implier).Implied(dir, fold)
}

// baseLayer is a small base image.
func baseLayer() *tree.Layer {
	return layer("Windows/", "Windows/System32/", "Windows/System32/cmd.exe=MZ", "Windows/System32/drivers/", "Windows/System32/drivers/etc/",
		"Windows/System32/drivers/etc/hosts=# hosts", "Program Files/", "Program Files/dotnet/", "Program Files/dotnet/dotnet.exe=MZ",
		"Users/", "Users/Public/", "inetpub/", "inetpub/wwwroot/", "inetpub/wwwroot/iisstart.htm=hello", "tools/", "tools/old.cmd=@echo old",
		"License.txt=text")
}

// What a question costs decides whether a build downloads gigabytes: the left
// ones must not read the base image, the right ones must.
func TestLazy(t *testing.T) {
	for _, tt := range []struct {
		name  string
		reads bool
		do    func(context.Context, *machine.FS) error
	}{
		{"mkdir", false, func(ctx context.Context, f *machine.FS) error { return f.Mkdir(ctx, `C:\app`) }},
		{"mkdir below", false, func(ctx context.Context, f *machine.FS) error { return f.MkdirAll(ctx, `C:\app\a\b\c`) }},
		{"mkdir in Program Files", false, func(ctx context.Context, f *machine.FS) error { return f.Mkdir(ctx, `c:\program files\Vendor`) }},
		{"mkdir all of what exists", false, func(ctx context.Context, f *machine.FS) error { return f.MkdirAll(ctx, `c:\windows\temp`) }},
		{"mkdir all of what may exist", false, func(ctx context.Context, f *machine.FS) error { return f.MkdirAll(ctx, `c:\inetpub\wwwroot`) }},
		{"mkdir of what must exist", false, func(ctx context.Context, f *machine.FS) error {
			if err := f.Mkdir(ctx, `C:\Windows`); machine.CodeOf(err) != machine.ErrorAlreadyExists {
				return errors.Join(errors.New("it was made"), err)
			}
			return nil
		}},
		{"write", false, func(ctx context.Context, f *machine.FS) error { return f.WriteFile(ctx, `C:\x.txt`, []byte("x")) }},
		{"write to a standard directory", false, func(ctx context.Context, f *machine.FS) error {
			return f.WriteFile(ctx, `C:\Windows\System32\new.dll`, []byte("x"))
		}},
		{"write through a junction", false, func(ctx context.Context, f *machine.FS) error {
			return f.WriteFile(ctx, `C:\Documents and Settings\All Users\x.txt`, []byte("x"))
		}},
		{"write into what a layer of the build has", false, func(ctx context.Context, f *machine.FS) error {
			return f.WriteFile(ctx, `C:\src\new.txt`, []byte("x"))
		}},
		{"read what a layer of the build has", false, func(ctx context.Context, f *machine.FS) error {
			_, err := f.ReadFile(ctx, `C:\src\a.txt`, 100)
			return err
		}},
		{"remove what a layer of the build has", false, func(ctx context.Context, f *machine.FS) error {
			return f.Remove(ctx, `C:\src\a.txt`)
		}},
		{"write and remove", false, func(ctx context.Context, f *machine.FS) error {
			return errors.Join(f.WriteFile(ctx, `C:\x.zip`, []byte("x")), f.Remove(ctx, `C:\x.zip`), exists(ctx, f, `C:\x.zip`, false))
		}},
		{"append to what the step has made", false, func(ctx context.Context, f *machine.FS) error {
			return errors.Join(f.Mkdir(ctx, `C:\app`), create(ctx, f, `C:\app\log`, "x", machine.CreateOptions{Append: true}))
		}},
		{"copy and move", false, func(ctx context.Context, f *machine.FS) error {
			return errors.Join(f.CopyFile(ctx, `C:\src\a.txt`, `C:\b.txt`, true), f.Rename(ctx, `C:\b.txt`, `C:\c.txt`, true))
		}},
		{"whatever is done to what the step has made", false, func(ctx context.Context, f *machine.FS) error {
			return errors.Join(f.MkdirAll(ctx, `C:\app\bin`), f.WriteFile(ctx, `C:\app\bin\x`, nil), f.Rename(ctx, `C:\app\bin`, `C:\app\lib`, false),
				exists(ctx, f, `C:\app\missing`, false), exists(ctx, f, `C:\app\lib\x`, true), f.RemoveAll(ctx, `C:\app`, true))
		}},
		{"exists: a directory that every Windows has", false, func(ctx context.Context, f *machine.FS) error { return exists(ctx, f, `C:\Windows\System32`, true) }},
		{"ask about the target of a copy", false, func(ctx context.Context, f *machine.FS) error {
			if _, err := f.StatDest(ctx, `C:\tools`); machine.CodeOf(err) != machine.ErrorFileNotFound {
				return errors.New("the base was asked")
			}
			return nil
		}},
		{"attributes of a known directory", false, func(ctx context.Context, f *machine.FS) error {
			return f.SetAttributes(ctx, `C:\ProgramData`, winmeta.ReadOnly)
		}},
		{"exists: a file", true, func(ctx context.Context, f *machine.FS) error {
			return exists(ctx, f, `C:\Windows\System32\cmd.exe`, true)
		}},
		{"exists: a missing file", true, func(ctx context.Context, f *machine.FS) error { return exists(ctx, f, `C:\nothing`, false) }},
		{"exists: a directory that some Windows have", true, func(ctx context.Context, f *machine.FS) error { return exists(ctx, f, `C:\inetpub`, true) }},
		{"exists: below a layer of the build", true, func(ctx context.Context, f *machine.FS) error { return exists(ctx, f, `C:\src\missing`, false) }},
		{"list", true, func(ctx context.Context, f *machine.FS) error { _, err := f.ReadDir(ctx, `C:\`); return err }},
		{"read", true, func(ctx context.Context, f *machine.FS) error {
			_, err := f.ReadFile(ctx, `C:\License.txt`, 100)
			return err
		}},
		{"remove", true, func(ctx context.Context, f *machine.FS) error { return f.RemoveAll(ctx, `C:\inetpub`, true) }},
		{"rename", true, func(ctx context.Context, f *machine.FS) error { return f.Rename(ctx, `C:\tools`, `C:\new`, false) }},
		{"append", true, func(ctx context.Context, f *machine.FS) error {
			return create(ctx, f, `C:\License.txt`, "x", machine.CreateOptions{Append: true})
		}},
		{"write below what is not known", true, func(ctx context.Context, f *machine.FS) error { return f.WriteFile(ctx, `C:\tools\new.cmd`, nil) }},
		{"mkdir of what some Windows have", true, func(ctx context.Context, f *machine.FS) error {
			if err := f.Mkdir(ctx, `C:\inetpub`); machine.CodeOf(err) != machine.ErrorAlreadyExists {
				return errors.Join(errors.New("it was made"), err)
			}
			return nil
		}},
	} {
		base, asked := seal(baseLayer())
		m := start(t, machine.Options{Root: windows(base, layer("src/", "src/a.txt=a"))})
		if err := tt.do(t.Context(), m.FS()); err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
		if *asked > 0 != tt.reads {
			t.Errorf("%s: the base was asked %d times", tt.name, *asked)
		}
		if got := m.Unsealed(); len(got) > 0 != tt.reads || len(got) > 0 && got[0] != base {
			t.Errorf("%s: Unsealed says %v", tt.name, got)
		}
		if got := strings.Contains(result(t, m), "=MZ"); got {
			t.Errorf("%s: the result repeats the base", tt.name)
		}
		if *asked > 0 != tt.reads {
			t.Errorf("%s: finishing asked the base", tt.name)
		}
	}
}

func exists(ctx context.Context, f *machine.FS, path string, want bool) error {
	got, err := f.Exists(ctx, path)
	if err == nil && got != want {
		err = errors.New("it exists: " + map[bool]string{true: "yes", false: "no"}[got])
	}
	return err
}

// Once the base has been read, writing must see it: nothing is assumed any more.
func TestKnowsWhatItHasRead(t *testing.T) {
	base, _ := seal(baseLayer())
	m := start(t, machine.Options{Root: windows(base)})
	f := m.FS()
	if err := exists(t.Context(), f, `C:\nothing`, false); err != nil {
		t.Fatal(err)
	}
	if m.Blind() {
		t.Error("the base was read, and the machine is still blind")
	}
	if err := f.Mkdir(t.Context(), `C:\tools`); machine.CodeOf(err) != machine.ErrorAlreadyExists {
		t.Errorf("making what the base has: %v", err)
	}
	m = start(t, machine.Options{Root: windows(base)})
	if _, err := m.FS().ReadDir(t.Context(), `C:\Windows`); err != nil || m.Blind() {
		t.Errorf("a directory was listed, and the machine is still blind (%v)", err)
	}
}

// A file that is appended to keeps what a base image has in it that nobody has
// read, and one that is overwritten without a look and removed again is gone.
func TestWhatAnUnreadBaseHas(t *testing.T) {
	const hosts = `C:\Windows\System32\drivers\etc\hosts`
	for _, tt := range []struct {
		name  string
		lines []string
		want  string
	}{
		{"append", []string{"append|" + hosts + "|; more"}, "Windows/System32/drivers/etc/hosts=# hosts; more"},
		{"overwrite and remove", []string{"write|" + hosts + "|mine", "remove|" + hosts}, "-Windows/System32/drivers/etc/hosts"},
		{"overwrite and move away", []string{"write|" + hosts + "|mine", `move|` + hosts + `|C:\h`}, "h=mine\n-Windows/System32/drivers/etc/hosts"},
		{"overwrite, remove and write again", []string{"write|" + hosts + "|mine", "remove|" + hosts, "write|" + hosts + "|again"}, "Windows/System32/drivers/etc/hosts=again"},
		{"a download in the root", []string{`write|C:\tool.zip|x`, `remove|C:\tool.zip`}, ""},
		{"a download in a directory for temporary files", []string{`mkdirall|C:\Users\ContainerAdministrator\AppData\Local\Temp`, `write|C:\Users\ContainerAdministrator\AppData\Local\Temp\x|x`, `remove|C:\Users\ContainerAdministrator\AppData\Local\Temp\x`, `write|C:\Windows\Temp\x|x`, `remove|C:\Windows\Temp\x`}, ""},
		{"what is known not to be there", []string{`write|C:\tool.zip|x`, `remove|C:\tool.zip`, `missing|C:\other`}, ""},
		{"in a directory that not every Windows has", []string{`write|C:\Windows\Installer\x|x`, `remove|C:\Windows\Installer\x`}, ""},
		{"what lies in a directory of the step's own", []string{`mkdir|C:\t`, `write|C:\t\x|x`, `remove|C:\t\x`}, "t/"},
		{"what was known before", []string{`missing|C:\other`, `mkdir|C:\t`, `rmall|C:\t`}, ""},
	} {
		base, _ := seal(baseLayer())
		m := start(t, machine.Options{Root: windows(base)})
		for _, line := range tt.lines {
			a := strings.Split(line, "|")
			err := error(nil)
			if a[0] == "missing" {
				err = exists(t.Context(), m.FS(), a[1], false)
			} else {
				err = do(t.Context(), m.FS(), a)
			}
			if err != nil {
				t.Errorf("%s: %s: %v", tt.name, line, err)
			}
		}
		if got := result(t, m); got != tt.want {
			t.Errorf("%s: the layer has\n%s\nand not\n%s", tt.name, got, tt.want)
		}
	}
}

// What a layer of the build has removed is not there, whatever the base has,
// and also if it is a standard directory.
func TestRemovedStandardDirectory(t *testing.T) {
	base, asked := seal(baseLayer())
	m := start(t, machine.Options{Root: windows(base, layer("-inetpub", "-License.txt"))})
	for _, path := range []string{`C:\inetpub`, `C:\inetpub\wwwroot`, `C:\License.txt`} {
		if err := exists(t.Context(), m.FS(), path, false); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
	if err := m.FS().Mkdir(t.Context(), `C:\inetpub`); err != nil {
		t.Error(err)
	}
	if *asked > 0 {
		t.Errorf("the base was asked %d times for what was removed above it", *asked)
	}
}

// A base of nothing but hives, as that of HostProcess containers, is no Windows:
// commands find the directories there that they would find on the host. One that
// brings Windows has what it has.
func TestStandardDirectoriesOfBases(t *testing.T) {
	const hives = "Windows/System32/config/SYSTEM"
	for _, tt := range []struct {
		names []string
		want  bool
	}{
		{nil, true},
		{[]string{hives}, true},
		{[]string{hives, "Windows/System32/ntdll.dll"}, false},
	} {
		m := start(t, machine.Options{Root: windows(layer(tt.names...))})
		if err := exists(t.Context(), m.FS(), `C:\Users\ContainerAdministrator\AppData\Local\Temp`, tt.want); err != nil {
			t.Errorf("on a base with %v: %v", tt.names, err)
		}
	}
}
