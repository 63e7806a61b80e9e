package machine_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/tree"
)

// What a step sees in a mount must not reach the layer, and what it leaves in a
// cache must be saved.
func TestMounts(t *testing.T) {
	source := windows(layer("a.txt=1", "sub/", "sub/b.txt=2")).View()
	var saved string
	base, asked := seal(baseLayer())
	m := start(t, machine.Options{
		Root: windows(base, layer("src/", "src/own.txt=x", "old/", "old/hidden.txt=y")),
		Mounts: []machine.Mount{
			{Target: `C:\src\in`, Tree: source, ReadOnly: true},
			{Target: `c:\OLD`, Tree: source},
			{Target: `C:\a\b\tmp`},
			{Target: `C:\ProgramData\secrets\token`, File: tree.Bytes("s3cret"), ReadOnly: true},
			{Target: `C:\cache`, Tree: source, Save: func(_ context.Context, c []tree.Change) error {
				saved = listing(t, c)
				return nil
			}},
		},
	})
	if *asked > 0 {
		t.Errorf("mounting asked the base %d times", *asked)
	}
	script(t, t.Context(), m.FS(), `
		list | C:\src\in | a.txt sub
		read | C:\src\in\SUB\b.txt | 2
		write | C:\src\in\a.txt | z = 5
		write | C:\src\in\new | z = 5
		mkdir | C:\src\in\d = 5
		remove | C:\src\in\a.txt = 5
		attrib | C:\src\in\a.txt | h = 5
		remove | C:\src\in = 32
		rmall | C:\src = 5
		ren | C:\src | C:\x = 32
		copy | C:\src\in\a.txt | C:\src\copied.txt
		is | C:\old | C:\old directory
		list | C:\old | a.txt sub
		stat | C:\old\hidden.txt = 2
		write | C:\old\new.txt | z
		rmall | C:\old\sub
		ren | C:\old\a.txt | C:\moved.txt
		ren | C:\src | C:\old\src = 32
		mkdir | C:\dir
		ren | C:\dir | C:\old\dir = 17
		hardlink | C:\old\new.txt | C:\link = 17
		write | C:\a\b\tmp\x | y
		read | C:\ProgramData\secrets\token | s3cret
		list | C:\ProgramData\secrets | token
		write | C:\ProgramData\secrets\token | z = 5
		remove | C:\ProgramData\secrets\token = 32
		write | C:\ProgramData\secrets\mine | z
		write | C:\cache\a.txt | new
		remove | C:\cache\sub\b.txt
		mkdirall | C:\cache\d\e
		append | C:\cache\d\f | 1
		append | C:\cache\d\f | 2`)
	want := "dir/\nmoved.txt=1\nProgramData/secrets/mine=z\nsrc/copied.txt=1"
	if diff := cmp.Diff(want, result(t, m)); diff != "" {
		t.Errorf("changes (-want +got)\n%s", diff)
	}
	if diff := cmp.Diff("a.txt=new\nd/\nd/e/\nd/f=12\n-sub/b.txt", saved); diff != "" {
		t.Errorf("saved (-want +got)\n%s", diff)
	}
}

// A mount that cannot be is an error before the step, and one that cannot be
// saved ends it.
func TestBadMounts(t *testing.T) {
	for _, target := range []string{`C:\`, `D:\x`, `C:\f\x`, `nul`, ``, `C:\a*`} {
		_, err := machine.New(machine.Options{Root: windows(layer("f=x")), Mounts: []machine.Mount{{Target: target}}})
		if err == nil {
			t.Errorf("mounted at %q", target)
		}
	}
	broken := errors.New("disk full")
	m := start(t, machine.Options{Mounts: []machine.Mount{{Target: `C:\c`, Save: func(context.Context, []tree.Change) error { return broken }}}})
	if _, err := m.Finish(t.Context()); !errors.Is(err, broken) {
		t.Errorf("saving failed: %v", err)
	}
}

// BenchmarkCreate makes ten thousand small files, as unpacking an archive does.
func BenchmarkCreate(b *testing.B) {
	for b.Loop() {
		m, err := machine.New(machine.Options{Root: windows()})
		if err != nil {
			b.Fatal(err)
		}
		f := m.FS()
		for i := range 10_000 {
			if i%100 == 0 {
				if err := f.MkdirAll(b.Context(), fmt.Sprintf(`C:\app\d%d`, i/100)); err != nil {
					b.Fatal(err)
				}
			}
			if err := f.WriteFile(b.Context(), fmt.Sprintf(`C:\app\d%d\f%d`, i/100, i), []byte("content of a file")); err != nil {
				b.Fatal(err)
			}
		}
		if _, err := m.Finish(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkStoreSpool is BenchmarkCreate with a store.
func BenchmarkStoreSpool(b *testing.B) {
	st := openStore(b, b.TempDir())
	for b.Loop() {
		s, err := machine.NewSpool(b.Context(), st)
		if err != nil {
			b.Fatal(err)
		}
		m, err := machine.New(machine.Options{Root: windows(), Spool: s})
		if err != nil {
			b.Fatal(err)
		}
		f := m.FS()
		if err := f.MkdirAll(b.Context(), `C:\app`); err != nil {
			b.Fatal(err)
		}
		data := make([]byte, 10_000)
		for i := range 10_000 {
			data[0], data[1] = byte(i), byte(i>>8)
			if err := f.WriteFile(b.Context(), fmt.Sprintf(`C:\app\f%d`, i), data); err != nil {
				b.Fatal(err)
			}
		}
		res, err := m.Finish(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		if _, err := s.Keep(b.Context(), res.Changes); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkStep is what a step costs that does nothing: New, the first process
// and Finish.
func BenchmarkStep(b *testing.B) {
	root := windows(layer("app/", "app/x=1"))
	for b.Loop() {
		m, err := machine.New(machine.Options{Root: root, Env: []string{"A=1"}})
		if err != nil {
			b.Fatal(err)
		}
		if m.Process("cmd /c cd .", `C:\`, nil, nil).Env == nil {
			b.Fatal("no environment")
		}
		if _, err := m.Finish(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkAppend is a loop that adds lines to a file.
func BenchmarkAppend(b *testing.B) {
	for b.Loop() {
		m, err := machine.New(machine.Options{Root: windows()})
		if err != nil {
			b.Fatal(err)
		}
		f := m.FS()
		for range 10_000 {
			w, err := f.Create(b.Context(), `C:\log.txt`, machine.CreateOptions{Append: true})
			if err != nil {
				b.Fatal(err)
			}
			fmt.Fprint(w, "a line of the log\r\n")
			if err := w.Close(); err != nil {
				b.Fatal(err)
			}
		}
		if _, err := m.Finish(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}

// The directory in which a step begins is there, whoever runs the step, and
// whether or not anybody knows what the base has; the layer says nothing of it, and
// does not take away the rights that the base has on it.
func TestWorkdir(t *testing.T) {
	below := layer("app/", "app/old.txt=old", "Windows/", "Users/")
	for _, tt := range []struct {
		name   string
		sealed bool
		dir    string
		lines  string
		want   string
	}{
		{"unread", true, `C:\app`, "", ""},
		{"unread, not there", true, `C:\Program Files\a\b`, "", ""},
		{"written into", true, `C:\app`, `write | C:\app\new.txt | new`, "app/new.txt=new"},
		{"what the base has in it", true, `C:\app`, "read | C:\\APP\\old.txt | old\nwrite | C:\\app\\x | y", "app/x=y"},
		{"made again", true, `C:\app`, `mkdir | C:\app = 183`, ""},
		{"changed", true, `C:\app`, `attrib | C:\app | r`, "app/"},
		{"moved away", true, `C:\app`, `ren | C:\app | C:\app2`, "-app\napp2/\napp2/old.txt=old"},
		{"removed", true, `C:\app`, `rmall | C:\app`, "-app"},
		{"read", false, `C:\app`, "", ""},
		{"read, not there", false, `C:\new\dir`, "", "new/\nnew/dir/"},
		{"a file", false, `C:\app\old.txt`, "", "267"},
	} {
		root := windows(below)
		asked := new(int)
		if tt.sealed {
			var base *tree.Layer
			base, asked = seal(below)
			root = windows(base)
		}
		m := start(t, machine.Options{Root: root})
		if err := m.Workdir(t.Context(), tt.dir); err != nil {
			if got := fmt.Sprint(machine.CodeOf(err)); got != tt.want {
				t.Errorf("%s: %v", tt.name, err)
			}
			continue
		}
		if *asked > 0 {
			t.Errorf("%s: the base was asked", tt.name)
		}
		script(t, t.Context(), m.FS(), tt.lines)
		res, err := m.Finish(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if got := listing(t, res.Changes); got != tt.want {
			t.Errorf("%s: the layer has\n%s\nand not\n%s", tt.name, got, tt.want)
		}
		for _, c := range res.Changes {
			if c.Entry != nil && c.Entry.Windows != nil && c.Entry.Windows.Descriptor != nil {
				t.Errorf("%s: %s has a descriptor of its own", tt.name, c.Name())
			}
		}
	}
	m := start(t, machine.Options{Root: windows(below), User: "ContainerUser"})
	if err := m.Workdir(t.Context(), `C:\Program Files\tool`); err != nil {
		t.Error(err)
	}
}
