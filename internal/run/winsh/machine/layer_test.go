package machine_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/casement/casement/internal/hive"
	layers "github.com/casement/casement/internal/layer"
	"github.com/casement/casement/internal/run"
	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/store"
	"github.com/casement/casement/internal/tree"
)

// packed makes a real blob of a layer and gives it back as one that nobody has
// read.
func packed(t *testing.T, st *store.Store, below tree.Tree, l *tree.Layer, o layers.Options) *tree.Layer {
	t.Helper()
	p, err := layers.Prepare(t.Context(), below, l, o)
	if err != nil {
		t.Fatal(err)
	}
	origin, err := p.Pack(t.Context(), st, nil)
	if err != nil {
		t.Fatal(err)
	}
	return layers.Sealed(st, origin, layers.Windows, "layer of a test", nil)
}

// What a step leaves must be what the written layer has: hard links, removals,
// attributes, moved directories. And the registry must find the hives that real
// layers carry.
func TestRealLayers(t *testing.T) {
	st := openStore(t, t.TempDir())
	registry, _ := registryLayers(t)
	delta := registry[1].Changes.(hiveLayer).hives["SOFTWARE"]
	var files []tree.Change
	for _, l := range []*tree.Layer{{Changes: registry[0].Changes.(counting).Changes}, baseLayer()} {
		for c, err := range l.Changes.All(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			files = append(files, c)
		}
	}
	base := packed(t, st, nil, &tree.Layer{Changes: tree.NewSet(files)}, layers.Options{Base: true})
	update := packed(t, st, nil, &tree.Layer{Changes: tree.NewSet(nil), Hives: map[string][]byte{"Software": []byte(text(t, delta))}}, layers.Options{})
	root := windows(base, update)

	m := start(t, machine.Options{Root: root, Spool: spool(t, st)})
	f := m.FS()
	script(t, t.Context(), f, `
		mkdir | C:\app
		write | C:\app\a | one
		hardlink | C:\app\a | C:\app\b
		attrib | C:\app\a | rh
		read | C:\Windows\System32\drivers\etc\hosts | # hosts
		ren | C:\tools | C:\app\Tools
		rmall | C:\inetpub
		mkdirall | C:\inetpub\wwwroot
		write | C:\inetpub\wwwroot\new.htm | hi
		symlinkd | C:\app\Tools | C:\link
		junction | C:\app | C:\junction
		write | C:\program files\dotnet\DOTNET.EXE | new`)
	if v, err := m.Registry().Value(t.Context(), `HKLM\SOFTWARE\Vendor`, "name"); err != nil || v.String() != "patched" {
		t.Errorf("the registry has %s, %v", v, err)
	}
	if got := m.Unsealed(); len(got) != 2 {
		t.Errorf("%d layers were unsealed", len(got))
	}
	res, err := m.Finish(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	step := packed(t, st, root.Known(), &tree.Layer{Changes: tree.NewSet(res.Changes)}, layers.Options{})
	got := start(t, machine.Options{Root: root.Push(step)})
	script(t, t.Context(), got.FS(), `
		is | C:\app\a | C:\app\a readonly|hidden
		read | C:\app\B | one
		read | C:\app\tools\old.cmd | @echo old
		stat | C:\tools = 2
		list | C:\inetpub | wwwroot
		list | C:\inetpub\wwwroot | new.htm
		read | C:\link\old.cmd | @echo old
		read | C:\junction\a | one
		read | C:\Program Files\dotnet\dotnet.exe | new`)
	a, err := root.Push(step).View().Lookup(t.Context(), "app/a")
	if err != nil {
		t.Fatal(err)
	}
	b, err := root.Push(step).View().Lookup(t.Context(), "app/b")
	if err != nil || a.Link == "" || a.Link != b.Link {
		t.Errorf("the links of app/a and app/b are %q and %q, %v", a.Link, b.Link, err)
	}
}

// Delta hives that a step would leave are read by the next step.
func TestDeltaRoundTrip(t *testing.T) {
	st := openStore(t, t.TempDir())
	chain, _ := registryLayers(t)
	var c hive.Changes
	for i := range 3 {
		v := machine.RegDword("n", uint32(i))
		var err error
		if c, err = c.SetValue(fmt.Sprintf(`Vendor\Key%d`, i), hive.Value{Name: v.Name, Type: uint32(v.Type), Data: v.Data}); err != nil {
			t.Fatal(err)
		}
	}
	b, err := hive.EncodeDelta(c, hive.NewView(nil), hive.Options{})
	if err != nil {
		t.Fatal(err)
	}
	l := packed(t, st, nil, &tree.Layer{Changes: tree.NewSet(nil), Hives: map[string][]byte{"Software": b}}, layers.Options{})
	m := start(t, machine.Options{Root: windows(append(chain, l)...)})
	keys, err := m.Registry().Subkeys(t.Context(), `HKLM\SOFTWARE\Vendor`)
	if diff := cmp.Diff("Key0 Key1 Key2 Sub", strings.Join(keys, " ")); diff != "" || err != nil {
		t.Errorf("%v (-want +got)\n%s", err, diff)
	}
}

// What is no file of Windows must not be read as an empty one, or for ever.
func TestFifo(t *testing.T) {
	root := windows(&tree.Layer{Changes: tree.NewSet([]tree.Change{{Entry: &tree.Entry{Name: "f", Kind: tree.Fifo}}})})
	m := start(t, machine.Options{Root: root})
	var refused *run.RefusedError
	if _, err := m.FS().Open(t.Context(), `C:\f`); !errors.As(err, &refused) {
		t.Errorf("opening: %v", err)
	}
	if err := m.FS().CopyFile(t.Context(), `C:\f`, `C:\g`, false); !errors.As(err, &refused) {
		t.Errorf("copying: %v", err)
	}
	if err := m.FS().Remove(t.Context(), `C:\f`); err != nil {
		t.Error(err)
	}
}
