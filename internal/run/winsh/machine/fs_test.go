package machine_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/casement/casement/internal/run"
	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/tree"
	"github.com/casement/casement/internal/winmeta"
)

// script runs lines of "verb arg arg" on a file system. A line may end in
// " = code", the Win32 error that it must fail with.
func script(t *testing.T, ctx context.Context, f *machine.FS, lines string) {
	t.Helper()
	for line := range strings.Lines(lines) {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		cmd, want, _ := strings.Cut(line, " = ")
		if want == "" {
			want = "0"
		}
		err := do(ctx, f, strings.Split(cmd, "|"))
		if got := fmt.Sprint(machine.CodeOf(err)); got != want || want == "0" && err != nil {
			t.Errorf("%s: error %s, want %s (%v)", line, got, want, err)
		}
	}
}

// do is one operation: verb and arguments.
func do(ctx context.Context, f *machine.FS, a []string) error {
	for i := range a {
		a[i] = strings.TrimSpace(a[i])
	}
	arg := func(i int) string { return a[i] }
	switch arg(0) {
	case "mkdir":
		return f.Mkdir(ctx, arg(1))
	case "mkdirall":
		return f.MkdirAll(ctx, arg(1))
	case "write":
		return f.WriteFile(ctx, arg(1), []byte(arg(2)))
	case "append":
		return create(ctx, f, arg(1), arg(2), machine.CreateOptions{Append: true})
	case "new":
		return create(ctx, f, arg(1), arg(2), machine.CreateOptions{New: true})
	case "hidden":
		return create(ctx, f, arg(1), arg(2), machine.CreateOptions{Attributes: winmeta.Hidden})
	case "remove":
		return f.Remove(ctx, arg(1))
	case "rmall":
		return f.RemoveAll(ctx, arg(1), false)
	case "rmforce":
		return f.RemoveAll(ctx, arg(1), true)
	case "ren":
		return f.Rename(ctx, arg(1), arg(2), false)
	case "move":
		return f.Rename(ctx, arg(1), arg(2), true)
	case "copy":
		return f.CopyFile(ctx, arg(1), arg(2), false)
	case "copynew":
		return f.CopyFile(ctx, arg(1), arg(2), true)
	case "symlink":
		return f.Symlink(ctx, arg(1), arg(2), false)
	case "symlinkd":
		return f.Symlink(ctx, arg(1), arg(2), true)
	case "junction":
		return f.Junction(ctx, arg(1), arg(2))
	case "hardlink":
		return f.Hardlink(ctx, arg(1), arg(2))
	case "attrib":
		var at winmeta.Attributes
		for _, c := range arg(2) {
			at |= map[rune]winmeta.Attributes{'r': winmeta.ReadOnly, 'h': winmeta.Hidden, 's': winmeta.System, 'a': winmeta.Archive}[c]
		}
		return f.SetAttributes(ctx, arg(1), at)
	case "read":
		b, err := f.ReadFile(ctx, arg(1), 1000)
		if err == nil && string(b) != arg(2) {
			return fmt.Errorf("it has %q", b)
		}
		return err
	case "is":
		i, err := f.Lstat(ctx, arg(1))
		if err == nil && i.Path+" "+i.Attributes.String() != strings.Join(a[2:], "|") {
			return fmt.Errorf("it is %s %s", i.Path, i.Attributes)
		}
		return err
	case "stat":
		_, err := f.Stat(ctx, arg(1))
		return err
	case "lstat":
		_, err := f.Lstat(ctx, arg(1))
		return err
	case "list":
		infos, err := f.ReadDir(ctx, arg(1))
		var names []string
		for _, i := range infos {
			names = append(names, i.Name)
		}
		if got := strings.Join(names, " "); err == nil && got != arg(2) {
			return fmt.Errorf("it has %s", got)
		}
		return err
	}
	return errors.New("no such verb: " + arg(0))
}

func create(ctx context.Context, f *machine.FS, path, text string, o machine.CreateOptions) error {
	w, err := f.Create(ctx, path, o)
	if err != nil {
		return err
	}
	if _, err := w.Write([]byte(text)); err != nil {
		return err
	}
	return w.Close()
}

// Each test is a step on the layers, what it may and may not do, and the layer
// that it must give.
func TestFiles(t *testing.T) {
	for _, tt := range []struct {
		name   string
		layers []*tree.Layer
		lines  string
		want   string
	}{
		{"nothing", nil, ``, ``},
		{"names keep their case and are found in any", nil, `
			mkdir | C:\App
			mkdir | c:\app = 183
			write | c:/APP/Read Me.TXT | x
			read | C:\app\read me.txt | x
			is | C:\APP\READ ME.txt | C:\App\Read Me.TXT archive
			write | C:\app\READ ME.TXT | y
			mkdir | c:\program FILES\new`, `
			App/
			App/Read Me.TXT=y
			Program Files/new/`},
		{"errors of paths", nil, `
			stat | C:\no = 2
			stat | C:\no\x = 3
			mkdir | C:\no\x = 3
			write | C:\no\x | y = 3
			write | C:\f | y
			stat | C:\f\x = 3
			write | C:\f\x | y = 3
			mkdir | C:\f = 183
			mkdirall | C:\f = 183
			mkdirall | C:\f\x = 3
			stat | C:\f\ = 123
			stat | D:\x = 3
			write | D:\x | y = 3
			stat | \\srv\share\x = 53
			write | C:\a*b | y = 123
			write | C:\ | y = 5
			list | C:\f | = 267
			list | C:\no | = 3
			read | C:\Windows | = 5
			new | C:\f | x = 80
			remove | C:\no = 2
			remove | C:\ = 32
			write | C:\f. | z
			write | \\?\C:\f | w
			stat | \\?\C:\f. = 2
			rmforce | C:\Windows\System32\config = 32
			ren | c:\WINDOWS\system32 | C:\x = 32
			ren | C:\Windows | C:\x = 32
			mkdir | \\?\C:\.. = 123
			write | \\?\C:\Windows\..\x | y = 123
			write | COM1 | x = 2
			write | nul | x
			read | C:\x\nul |`, `
			f=w`},
		{"writing", nil, `
			write | C:\f | one
			append | C:\f | two
			append | C:\f | three
			read | C:\f | onetwothree
			append | C:\g | four
			copy | C:\f | C:\h
			append | C:\f | five
			append | C:\h | six
			write | C:\g |
			read | C:\h | onetwothreesix`, `
			f=onetwothreefive
			g=
			h=onetwothreesix`},
		{"what was made and removed leaves nothing", nil, `
			mkdirall | C:\a\b
			write | C:\a\b\f | x
			write | C:\g | x
			remove | C:\a = 145
			remove | C:\g
			rmall | C:\a
			stat | C:\a = 2`, ``},
		{"removals name what the layers below have", []*tree.Layer{layer("d/", "d/a=1", "d/e/", "d/e/b=2", "f=3")}, `
			remove | C:\f
			remove | C:\d\a
			write | C:\d\new | n
			remove | C:\d\new
			rmall | C:\d\e
			stat | C:\d\e\b = 3`, `
			-d/a
			-d/e
			-f`},
		{"a directory is removed as one", []*tree.Layer{layer("d/", "d/a=1", "d/e/", "d/e/b=2")}, `
			write | C:\d\e\c | 3
			rmall | C:\d
			list | C:\ | Program Files Program Files (x86) ProgramData Users Windows`, `
			-d`},
		{"a directory in the place of another hides what that had", []*tree.Layer{layer("d/", "d/a=1", "d/e/", "d/e/b=2", "d/e/c=3", "d/k=4")}, `
			rmall | C:\d
			mkdirall | C:\d\e
			write | C:\d\e\c | new
			write | C:\d\K | new
			list | C:\d | e K
			list | C:\d\e | c`, `
			d/
			d/e/
			d/e/c=new
			-d/e/b
			d/K=new
			-d/a`},
		{"a file in the place of a directory, and back", []*tree.Layer{layer("d/", "d/a=1", "f=2")}, `
			rmall | C:\d
			write | C:\d | file
			remove | C:\f
			mkdir | C:\f
			write | C:\f\x | y`, `
			d=file
			f/
			f/x=y`},
		{"rename", []*tree.Layer{layer("d/", "d/a=1", "d/e/", "d/e/b=2", "f=3")}, `
			ren | C:\f | C:\g
			ren | C:\d | C:\n
			read | C:\n\e\b | 2
			stat | C:\d = 2
			stat | C:\d\a = 3
			write | C:\n\a | new
			remove | C:\n\e\b
			ren | C:\n | C:\n\e\x = 32
			ren | C:\g | C:\n = 183
			move | C:\g | C:\n = 5
			ren | C:\g | C:\no\x = 3`, `
			-d
			-f
			g=3
			n/
			n/a=new
			n/e/`},
		{"rename over a file", []*tree.Layer{layer("a=1", "b=2")}, `
			ren | C:\a | C:\b = 183
			move | C:\a | C:\b
			read | C:\b | 1
			write | C:\c | 3
			move | C:\c | C:\b
			remove | C:\b`, `
			-a
			-b`},
		{"rename there and back", []*tree.Layer{layer("d/", "d/a=1", "f=3")}, `
			ren | C:\d | C:\x
			ren | C:\x | C:\d
			ren | C:\f | C:\F
			read | C:\d\a | 1`, ``},
		{"rename to another case", nil, `
			write | C:\readme | x
			ren | C:\readme | C:\ReadMe
			is | C:\README | C:\ReadMe archive`, `
			ReadMe=x`},
		{"a moved directory comes with what the layers below have", []*tree.Layer{layer("d/", "d/a=1", "d/e/", "d/e/b=2"), layer("d/e/c=3", "-d/a")}, `
			mkdir | C:\to
			ren | C:\d | C:\to\D`, `
			-d
			to/
			to/D/
			to/D/e/
			to/D/e/b=2
			to/D/e/c=3`},
		{"copy", []*tree.Layer{layer("a=1", "d/")}, `
			copy | C:\a | C:\b
			copynew | C:\a | C:\b = 80
			copy | C:\a | C:\d = 5
			copy | C:\d | C:\x = 5
			copy | C:\a | C:\A = 32
			copy | C:\a | C:\d\a
			copy | C:\no | C:\x = 2`, `
			b=1
			d/a=1`},
		{"read-only", nil, `
			write | C:\f | x
			mkdir | C:\d
			write | C:\d\g | x
			attrib | C:\f | ra
			attrib | C:\d\g | r
			is | C:\f | C:\f readonly|archive
			write | C:\f | y = 5
			append | C:\f | y = 5
			remove | C:\f = 5
			rmall | C:\d = 5
			copy | C:\d\g | C:\f = 5
			ren | C:\f | C:\h
			copy | C:\h | C:\i
			is | C:\i | C:\i readonly|archive
			write | C:\j | x
			move | C:\j | C:\h = 5
			rmforce | C:\d
			attrib | C:\h |
			is | C:\h | C:\h normal
			remove | C:\h
			rmforce | C:\i
			remove | C:\j`, ``},
		{"hidden files are not truncated by who does not say so", nil, `
			hidden | C:\f | x
			is | C:\f | C:\f hidden|archive
			write | C:\f | y = 5
			append | C:\f | y
			hidden | C:\f | z
			read | C:\f | z
			attrib | C:\f | s
			write | C:\f | y = 5`, `
			f=z`},
		{"symbolic links", []*tree.Layer{layer("d/", "d/a=1", "l->d")}, `
			read | C:\l\a | 1
			write | C:\l\b | 2
			symlinkd | d\e | C:\s
			stat | C:\s = 2
			mkdir | C:\d\e
			stat | C:\s
			write | C:\s\f | 3
			symlink | C:\d\a | C:\sa
			read | C:\sa | 1
			write | C:\sa | 4
			is | C:\sa | C:\sa archive|reparse
			symlink | loop | C:\loop
			stat | C:\loop = 1921
			lstat | C:\loop
			symlink | D:\x | C:\out
			stat | C:\out = 3
			junction | C:\d | C:\j
			is | C:\j | C:\j directory|reparse
			read | C:\j\a | 4
			junction | d | C:\j2 = 123
			junction | C:\d | C:\j = 183
			rmall | C:\j
			remove | C:\l
			read | C:\d\b | 2`, `
			d/a=4
			d/b=2
			d/e/
			d/e/f=3
			-l
			loop->loop
			out->D:/x
			s->d/e
			sa->C:/d/a`},
		{"hard links", []*tree.Layer{layer("a=1", "d/", "d/b=2")}, `
			write | C:\f | x
			hardlink | C:\f | C:\g
			append | C:\g | y
			read | C:\f | xy
			hardlink | C:\a | C:\h
			hardlink | C:\d | C:\i = 5
			hardlink | C:\no | C:\i = 2
			hardlink | C:\f | C:\g = 183
			write | C:\one | z
			hardlink | C:\one | C:\two
			remove | C:\one
			ren | C:\g | C:\d\g`, `
			a=1 step:1
			d/g=xy step:2
			f=xy step:2
			h=1 step:1
			two=z`},
		{"standard junctions", nil, `
			stat | C:\Documents and Settings
			write | C:\Documents and Settings\All Users\x | y
			read | C:\ProgramData\x | y
			write | C:\Users\ContainerUser\Local Settings\Temp\z | w`, `
			ProgramData/x=y
			Users/ContainerUser/AppData/Local/Temp/z=w`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := start(t, machine.Options{Root: windows(tt.layers...)})
			script(t, t.Context(), m.FS(), tt.lines)
			var want []string
			for line := range strings.Lines(tt.want) {
				if line = strings.TrimSpace(line); line != "" {
					want = append(want, line)
				}
			}
			if diff := cmp.Diff(strings.Join(want, "\n"), result(t, m)); diff != "" {
				t.Errorf("changes (-want +got)\n%s", diff)
			}
		})
	}
}

// A file that is being written belongs to its writer.
func TestSharing(t *testing.T) {
	m := start(t, machine.Options{})
	f := m.FS()
	w, err := f.Create(t.Context(), `C:\f`, machine.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(w, "text")
	script(t, t.Context(), f, `
		write | C:\f | x = 32
		append | C:\f | x = 32
		remove | C:\f = 32
		ren | C:\f | C:\g = 32
		read | C:\f |`)
	if err := errors.Join(w.Close(), w.Close()); err != nil {
		t.Error(err)
	}
	if _, err := w.Write([]byte("x")); machine.CodeOf(err) != machine.ErrorInvalidHandle {
		t.Errorf("writing to a closed file: %v", err)
	}
	script(t, t.Context(), f, `
		read | C:\f | text
		append | C:\f | !
		remove | C:\f`)
}

// Only times that somebody has set reach the layer: the others would make each
// build another.
func TestTimes(t *testing.T) {
	m := start(t, machine.Options{Root: windows(layer("old=x", "older=y"))})
	f, ctx := m.FS(), t.Context()
	set := time.Date(2020, 1, 2, 3, 4, 5, 678, time.FixedZone("", 3600))
	base := clock().Add(-time.Hour)
	script(t, ctx, f, `
		write | C:\new | x
		copy | C:\old | C:\copied
		copy | C:\new | C:\copied new
		write | C:\dated | x
		attrib | C:\old | h
		write | C:\older | z
		write | C:\rewritten | x`)
	for _, path := range []string{`C:\dated`, `C:\rewritten`} {
		if err := f.SetTimes(ctx, path, tree.Times{Modified: set}); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Put(ctx, `C:\put`, tree.Bytes("x"), machine.CreateOptions{Times: tree.Times{Modified: set}}); err != nil {
		t.Fatal(err)
	}
	script(t, ctx, f, `write | C:\rewritten | y`)
	for path, want := range map[string]time.Time{`C:\new`: clock(), `C:\copied`: base, `C:\dated`: set.Truncate(100), `C:\old`: base, `C:\older`: clock()} {
		i, err := f.Stat(ctx, path)
		if err != nil || !i.Times.Modified.Equal(want) {
			t.Errorf("%s was changed at %v, want %v (%v)", path, i.Times.Modified, want, err)
		}
	}
	res, err := m.Finish(ctx)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]time.Time{}
	for _, c := range res.Changes {
		got[c.Entry.Name] = c.Entry.Times.Modified.UTC()
	}
	want := map[string]time.Time{
		"new": {}, "copied": base, "copied new": {}, "dated": set.Truncate(100).UTC(), "old": base, "older": {}, "rewritten": {}, "put": set.Truncate(100).UTC(),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// Walk must see everything once, parents first, and links without what is
// behind them; Glob matches as FindFirstFile.
func TestWalkAndGlob(t *testing.T) {
	m := start(t, machine.Options{Root: windows(layer("d/", "d/a.txt=1", "d/e/", "d/e/b.TXT=2", "d/skip/", "d/skip/x=3", "d/l->e"))})
	f, ctx := m.FS(), t.Context()
	script(t, ctx, f, `write | C:\d\B.txt | 4`)
	var got []string
	err := f.Walk(ctx, `c:\D`, func(i *machine.Info) error {
		got = append(got, i.Path)
		if i.Name == "skip" {
			return fs.SkipDir
		}
		return nil
	})
	want := []string{`C:\d\a.txt`, `C:\d\B.txt`, `C:\d\e`, `C:\d\e\b.TXT`, `C:\d\l`, `C:\d\skip`}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got)\n%s", err, diff)
	}
	for pattern, want := range map[string]string{"*": "a.txt B.txt e l skip", "*.txt": "a.txt B.txt", "?": "e l", "E": "e", "no": "", "*.": "e l skip"} {
		infos, err := f.Glob(ctx, `C:\d`, pattern)
		var names []string
		for _, i := range infos {
			names = append(names, i.Name)
		}
		if got := strings.Join(names, " "); got != want || err != nil {
			t.Errorf("%s matches %q, want %q (%v)", pattern, got, want, err)
		}
	}
	if _, err := f.Glob(ctx, `C:\no`, "*"); machine.CodeOf(err) != machine.ErrorPathNotFound {
		t.Errorf("matching in no directory: %v", err)
	}
	// What the visitor removes is not entered.
	if err := f.Walk(ctx, `C:\d`, func(i *machine.Info) error {
		if i.IsDir() && !i.IsLink() {
			return f.RemoveAll(ctx, i.Path, true)
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
}

// Streams are not part of layers: losing one in silence would be wrong.
func TestStreams(t *testing.T) {
	f := start(t, machine.Options{}).FS()
	script(t, t.Context(), f, `
		write | C:\f | x
		read | C:\f::$DATA | x
		read | C:\f:Zone.Identifier | = 2
		stat | C:\f:Zone.Identifier = 2
		remove | C:\f:Zone.Identifier = 2`)
	err := f.WriteFile(t.Context(), `C:\f:note`, []byte("x"))
	if err == nil || machine.CodeOf(err) != 0 || !strings.Contains(err.Error(), "alternate data stream") {
		t.Errorf("writing a stream: %v", err)
	}
	err = f.WriteFile(t.Context(), `C:\Windows\System32\config\x`, []byte("x"))
	if err == nil || machine.CodeOf(err) != 0 {
		t.Errorf("writing beside the hives: %v", err)
	}
}

// An attribute that would be gone in the image is not taken in silence.
func TestAttributesThatImagesLose(t *testing.T) {
	f := start(t, machine.Options{Root: windows(layer("a.txt"))}).FS()
	for a, want := range map[winmeta.Attributes]bool{
		winmeta.Hidden | winmeta.NotContentIndexed: false, winmeta.Temporary: true, winmeta.Archive | winmeta.Offline: true,
	} {
		err := f.SetAttributes(t.Context(), `C:\a.txt`, a)
		if _, refused := errors.AsType[*run.RefusedError](err); refused != want {
			t.Errorf("%s: %v", a, err)
		}
	}
}
