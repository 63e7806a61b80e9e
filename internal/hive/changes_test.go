package hive

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/casement/casement/internal/winmeta"
	"github.com/google/go-cmp/cmp"
)

// baseHive is what the changes of these tests are made on.
func baseHive(t testing.TB) *Hive {
	t.Helper()
	sd := mustSDDL(t, "O:SYG:SYD:PAI(A;CIIO;GR;;;BU)(A;CI;KA;;;SY)(A;CIIO;GA;;;CO)")
	return open(t, encode(t, &Node{Values: []Value{sz("r", "root")}, Subkeys: []*Node{
		{Name: "App", Class: "app class", Values: []Value{sz("", "default"), sz("Path", `C:\`), sz("Keep", "kept")}, Subkeys: []*Node{
			{Name: "Sub", Values: []Value{sz("v", "1")}, Subkeys: []*Node{{Name: "Deep", Values: []Value{sz("d", "deep")}}}},
			{Name: "Other"},
		}},
		{Name: "Guarded", Descriptor: sd, Subkeys: []*Node{{Name: "Below"}}},
		{Name: "Select", Values: []Value{{Name: "Current", Type: typeDword, Data: []byte{2, 0, 0, 0}}}},
	}}, 5))
}

func mustSDDL(t testing.TB, s string) []byte {
	t.Helper()
	d, err := winmeta.ParseSDDL(s)
	if err != nil {
		t.Fatal(err)
	}
	sd, err := d.KeyBytes()
	if err != nil {
		t.Fatal(err)
	}
	return sd
}

// viewLines is a view as text: a key or a value a line.
func viewLines(t testing.TB, v *View) []string {
	t.Helper()
	var out []string
	var walk func(k *ViewKey, path string)
	walk = func(k *ViewKey, path string) {
		class, err := k.Class()
		if err != nil {
			t.Fatal(err)
		}
		line := path
		if class != "" {
			line += " (" + class + ")"
		}
		out = append(out, line)
		values, err := k.Values()
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range values {
			out = append(out, fmt.Sprintf("%s %q %d %x", path, v.Name, v.Type, v.Data))
			if one, err := k.Value(strings.ToUpper(v.Name)); err != nil || !bytes.Equal(one.Data, v.Data) {
				t.Errorf("%s: value %q alone is %v, %v", path, v.Name, one, err)
			}
		}
		for s, err := range k.Subkeys() {
			if err != nil {
				t.Fatal(err)
			}
			if one, err := k.Subkey(strings.ToLower(s.Name())); err != nil || one.Name() != s.Name() {
				t.Errorf("%s: subkey %q alone is %v, %v", path, s.Name(), one, err)
			}
			walk(s, path+`\`+s.Name())
		}
	}
	walk(v.Root(), "")
	return out
}

// descriptors are the security descriptors of all keys of a view.
func descriptors(t testing.TB, v *View) map[string]string {
	t.Helper()
	out := map[string]string{}
	var walk func(k *ViewKey, path string)
	walk = func(k *ViewKey, path string) {
		sd, err := k.Descriptor()
		if err != nil {
			t.Fatal(err)
		}
		d, err := winmeta.ParseDescriptor(sd)
		if err != nil {
			t.Fatal(err)
		}
		out[path] = d.String()
		for s, err := range k.Subkeys() {
			if err != nil {
				t.Fatal(err)
			}
			walk(s, path+`\`+s.Name())
		}
	}
	walk(v.Root(), "")
	return out
}

// op is one change as the tests write it.
type op struct{ kind, key, name, data string }

func apply(t testing.TB, c Changes, ops ...op) Changes {
	t.Helper()
	for _, o := range ops {
		var err error
		switch o.kind {
		case "create":
			c, err = c.CreateKey(o.key)
		case "delete":
			c, err = c.DeleteKey(o.key)
		case "set":
			c, err = c.SetValue(o.key, sz(o.name, o.data))
		case "unset":
			c, err = c.DeleteValue(o.key, o.name)
		case "clear":
			c, err = c.DeleteValues(o.key)
		case "guard":
			c, err = c.SetDescriptor(o.key, mustSDDL(t, o.data))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// changeLines are changes as text.
func changeLines(c Changes) []string {
	kinds := []string{KeyCreated: "create", KeyDeleted: "delete", ValueSet: "set", ValueDeleted: "unset", ValuesDeleted: "clear", DescriptorSet: "guard"}
	var out []string
	for ch := range c.All() {
		line := kinds[ch.Kind] + " " + ch.Key
		switch ch.Kind {
		case ValueSet, ValueDeleted:
			line += fmt.Sprintf(" %q", ch.Value.Name)
		case DescriptorSet:
			d, err := winmeta.ParseDescriptor(ch.Descriptor)
			line += fmt.Sprintf(" %s %v", d, err)
		}
		if ch.Kind == ValueSet {
			line += fmt.Sprintf(" %q", strings.TrimSuffix(decodeUTF16(ch.Value.Data), "\x00"))
		}
		out = append(out, line)
	}
	return out
}

// checkDelta writes changes as a hive of changes and makes sure that it shows
// the same upon the base, and is read back as the same.
func checkDelta(t testing.TB, base *View, c Changes) *Hive {
	t.Helper()
	b, err := EncodeDelta(c, base, Options{})
	if err != nil {
		t.Fatal(err)
	}
	checkShape(t, b)
	delta := open(t, b)
	if h := delta.Header(); h.Minor != 6 || h.Flags != flagLayered {
		t.Errorf("version %s, flags %d", h.Version(), h.Flags)
	}
	upon := &View{roots: append([]layerKey{delta.root}, base.roots...)}
	want := viewLines(t, base.With(c))
	if diff := cmp.Diff(want, viewLines(t, upon)); diff != "" {
		t.Errorf("the hive of changes shows something else than the changes (-changes +hive):\n%s", diff)
	}
	wantSD, gotSD := descriptors(t, base.With(c)), descriptors(t, upon)
	if len(base.roots) == 0 { // then the one of the changes is all there is
		delete(wantSD, "")
		delete(gotSD, "")
	}
	if diff := cmp.Diff(wantSD, gotSD); diff != "" {
		t.Errorf("descriptors (-changes +hive):\n%s", diff)
	}
	simple, err := c.Simplify(base)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, viewLines(t, base.With(simple))); diff != "" {
		t.Errorf("simplified changes show something else (-before +after):\n%s", diff)
	}
	again, err := ReadDelta(delta, base)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(changeLines(simple), changeLines(again)); diff != "" {
		t.Errorf("changes read back (-want +got):\n%s", diff)
	}
	raw, err := ReadDelta(delta, nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, viewLines(t, base.With(raw))); diff != "" {
		t.Errorf("changes read without a base (-want +got):\n%s", diff)
	}
	return delta
}

type changeTest struct {
	ops     []op
	gone    []string // lines of the view of the base that are not there any more
	new     []string // and those that are new
	changes []string // what is left when simplified
}

// changeTests are changes of baseHive.
func changeTests() map[string]changeTest {
	return map[string]changeTest{
		"nothing": {},
		"set": {
			ops:     []op{{"set", `app\sub`, "V", "2"}, {"set", "APP", "", "x"}, {"set", "app", "New", "n"}},
			gone:    []string{`\App "" 1 640065006600610075006c0074000000`, `\App\Sub "v" 1 31000000`},
			new:     []string{`\App "" 1 78000000`, `\App "New" 1 6e000000`, `\App\Sub "v" 1 32000000`},
			changes: []string{`set app "" "x"`, `set app "New" "n"`, `set app\sub "V" "2"`},
		},
		"set to what it is": {ops: []op{{"set", "app", "keep", "kept"}, {"create", `App\Sub`, "", ""}}},
		"new keys": {
			ops:     []op{{"create", `New\er\est`, "", ""}, {"set", `Other`, "v", "x"}},
			new:     []string{`\New`, `\New\er`, `\New\er\est`, `\Other`, `\Other "v" 1 78000000`},
			changes: []string{`create New\er\est`, `set Other "v" "x"`},
		},
		"unset": {
			ops:     []op{{"unset", "App", "path", ""}, {"unset", "App", "no such", ""}},
			gone:    []string{`\App "Path" 1 43003a005c000000`},
			changes: []string{`unset App "path"`},
		},
		"set and unset": {ops: []op{{"set", "App", "n", "x"}, {"unset", "App", "N", ""}}},
		"clear": {
			ops:     []op{{"clear", "App", "", ""}, {"set", "App", "n", "x"}, {"unset", "App", "path", ""}, {"set", "App", "m", "x"}, {"unset", "App", "m", ""}},
			gone:    []string{`\App "" 1 640065006600610075006c0074000000`, `\App "Keep" 1 6b006500700074000000`, `\App "Path" 1 43003a005c000000`},
			new:     []string{`\App "n" 1 78000000`},
			changes: []string{"clear App", `set App "n" "x"`},
		},
		"delete": {
			ops:     []op{{"set", `App\Sub\Deep`, "d", "changed"}, {"delete", `app\SUB`, "", ""}, {"unset", `App\Sub`, "v", ""}, {"delete", `App\Sub\Deep`, "", ""}, {"clear", `App\Sub`, "", ""}},
			gone:    []string{`\App\Sub`, `\App\Sub "v" 1 31000000`, `\App\Sub\Deep`, `\App\Sub\Deep "d" 1 64006500650070000000`},
			changes: []string{`delete App\Sub`},
		},
		"delete and make again": {
			ops: []op{{"delete", "App", "", ""}, {"set", `app\sub`, "w", "1"}, {"create", `App\gone`, "", ""}, {"delete", `App\Gone`, "", ""}, {"delete", `App\other`, "", ""}},
			gone: []string{`\App "" 1 640065006600610075006c0074000000`, `\App "Keep" 1 6b006500700074000000`, `\App "Path" 1 43003a005c000000`, `\App (app class)`, `\App\Other`, `\App\Sub`,
				`\App\Sub "v" 1 31000000`, `\App\Sub\Deep`, `\App\Sub\Deep "d" 1 64006500650070000000`},
			new:     []string{`\app`, `\app\sub`, `\app\sub "w" 1 31000000`},
			changes: []string{"delete app", "create app", `create app\sub`, `set app\sub "w" "1"`},
		},
		"delete what was made": {ops: []op{{"set", `A\B\C`, "v", "x"}, {"delete", "A", "", ""}}},
		"guard": {
			ops:     []op{{"guard", "App", "", "O:BAD:(A;CI;KA;;;BA)"}, {"create", `App\kid`, "", ""}, {"guard", "New", "", "O:SYD:(A;;KA;;;SY)"}},
			new:     []string{`\App\kid`, `\New`},
			changes: []string{"guard App O:BAD:(A;CI;KA;;;BA) <nil>", `create App\kid`, "guard New O:SYD:(A;;KA;;;SY) <nil>"},
		},
		"root": {
			ops:     []op{{"set", "", "r", "x"}, {"set", "", "s", "y"}},
			gone:    []string{` "r" 1 72006f006f0074000000`},
			new:     []string{` "r" 1 78000000`, ` "s" 1 79000000`},
			changes: []string{`set  "r" "x"`, `set  "s" "y"`},
		},
	}
}

func TestChanges(t *testing.T) {
	for name, tt := range changeTests() {
		t.Run(name, func(t *testing.T) {
			base := NewView(baseHive(t))
			c := apply(t, Changes{}, tt.ops...)
			before, after := viewLines(t, base), viewLines(t, base.With(c))
			var gone, fresh []string
			for _, l := range before {
				if !slices.Contains(after, l) {
					gone = append(gone, l)
				}
			}
			for _, l := range after {
				if !slices.Contains(before, l) {
					fresh = append(fresh, l)
				}
			}
			slices.Sort(gone)
			slices.Sort(fresh)
			if diff := cmp.Diff(tt.gone, gone); diff != "" {
				t.Errorf("gone (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.new, fresh); diff != "" {
				t.Errorf("new (-want +got):\n%s", diff)
			}
			simple, err := c.Simplify(base)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.changes, changeLines(simple)); diff != "" {
				t.Errorf("changes (-want +got):\n%s", diff)
			}
			if simple.Empty() != (len(tt.changes) == 0) {
				t.Errorf("empty: %t", simple.Empty())
			}
			checkDelta(t, base, c)
		})
	}
}

// TestChangesStay: an edit must not reach changes that were handed out before.
func TestChangesStay(t *testing.T) {
	c := apply(t, Changes{}, op{"set", `A\B`, "v", "1"}, op{"set", `A\C`, "v", "1"})
	before := changeLines(c)
	apply(t, c, op{"set", `A\B`, "v", "2"}, op{"unset", `A\B`, "v", ""}, op{"delete", `A\C`, "", ""}, op{"create", `A\D`, "", ""}, op{"set", `A\B`, "w", "2"})
	if diff := cmp.Diff(before, changeLines(c)); diff != "" {
		t.Errorf("changed (-before +after):\n%s", diff)
	}
}

func TestChangesRefuse(t *testing.T) {
	var c Changes
	_, root := c.DeleteKey("")
	_, long := c.CreateKey(strings.Repeat("x", 256))
	_, longDelete := c.DeleteKey(strings.Repeat("x", 256))
	_, deep := c.CreateKey(strings.Repeat(`x\`, maxDepth+1))
	_, dead := c.SetValue("x", Value{Tombstone: true})
	_, name := c.SetValue("x", sz(strings.Repeat("x", maxValueName+1), ""))
	_, nameDelete := c.DeleteValue("x", strings.Repeat("x", maxValueName+1))
	_, sd := c.SetDescriptor("x", []byte("no descriptor"))
	_, nul := c.CreateKey("a\x00b")
	_, plain := ReadDelta(baseHive(t), nil)
	_, rootSD := c.SetDescriptor(`\`, mustSDDL(t, "O:BA"))
	for i, err := range []error{rootSD, root, long, longDelete, deep, dead, name, nameDelete, sd, nul, plain} {
		if err == nil {
			t.Errorf("%d: no error", i)
		}
	}
}

// TestDeltaAsWindows looks at what a hive of changes has beside what the view
// shows; the hives that Windows writes are so.
func TestDeltaAsWindows(t *testing.T) {
	base := NewView(baseHive(t))
	c := apply(t, Changes{}, op{"set", `App\Sub`, "v", "2"}, op{"create", `Guarded\New`, "", ""}, op{"delete", `Guarded\Below`, "", ""},
		op{"unset", "App", "Path", ""}, op{"delete", `App\Other`, "", ""}, op{"create", `App\Other\x`, "", ""}, op{"guard", "Fresh", "", "O:SYG:SYD:(A;;KA;;;SY)"})
	h := checkDelta(t, base, c)
	type want struct {
		layer   Layer
		sddl    string
		written time.Time
	}
	const inherited = "O:BAG:SYD:(A;CI;KA;;;BA)(A;CI;KA;;;SY)"
	guarded := "O:SYG:SYD:PAI(A;CIIO;GR;;;BU)(A;CI;KA;;;SY)(A;CIIO;GA;;;CO)"
	epoch := time.Unix(0, 0).UTC()
	for path, w := range map[string]want{
		"":              {Layer{}, "O:BAG:BAD:(A;CI;KA;;;SY)(A;CI;KA;;;BA)(A;CI;KR;;;WD)(A;CI;KR;;;S-1-5-12)", epoch},
		"App":           {Layer{Merge, true}, inherited, epoch},
		`App\Sub`:       {Layer{Merge, true}, inherited, epoch},
		`App\Other`:     {Layer{SupersedeTree, false}, inherited, epoch},
		`App\Other\x`:   {Layer{SupersedeTree, false}, inherited, epoch},
		"Guarded":       {Layer{Merge, true}, guarded, epoch},
		`Guarded\New`:   {Layer{Merge, false}, "O:BAG:SYD:AI(A;ID;KR;;;BU)(A;CIIOID;GR;;;BU)(A;CIID;KA;;;SY)(A;ID;KA;;;BA)(A;CIIOID;GA;;;CO)", epoch},
		`Guarded\Below`: {Layer{Tombstone, false}, "O:BAG:SYD:AI(A;ID;KR;;;BU)(A;CIIOID;GR;;;BU)(A;CIID;KA;;;SY)(A;ID;KA;;;BA)(A;CIIOID;GA;;;CO)", winmeta.FromFiletime(0).UTC()},
		"Fresh":         {Layer{SupersedeLocal, false}, "O:SYG:SYD:(A;;KA;;;SY)", epoch},
	} {
		k, err := h.Key(path)
		if err != nil {
			t.Error(err)
			continue
		}
		sd, err := k.Descriptor()
		if err != nil {
			t.Fatal(err)
		}
		d, err := winmeta.ParseDescriptor(sd)
		if err != nil {
			t.Fatal(err)
		}
		wantSD, err := winmeta.ParseSDDL(w.sddl)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]any{w.layer, wantSD.String(), w.written}, []any{k.Layer(), d.String(), k.Written().UTC()}); diff != "" {
			t.Errorf("%s (-want +got):\n%s", path, diff)
		}
	}
	k, err := h.Key("App")
	if err != nil {
		t.Fatal(err)
	}
	v, err := k.Value("path")
	if diff := cmp.Diff(Value{Name: "Path", Tombstone: true}, v); diff != "" || err != nil {
		t.Errorf("%v, deleted value (-want +got):\n%s", err, diff)
	}
}

// TestStack: layers upon layers, where each hides what the one below brought.
func TestStack(t *testing.T) {
	base := baseHive(t)
	view := NewView(base)
	var deltas []*Hive
	for _, ops := range [][]op{
		{{"set", `App\Sub`, "v", "2"}, {"create", `New\Key`, "", ""}},
		{{"delete", `App\Sub`, "", ""}, {"delete", "New", "", ""}, {"set", "App", "Keep", "2"}},
		{{"set", `App\Sub`, "again", "3"}, {"unset", "App", "keep", ""}, {"create", "New", "", ""}},
		{{"delete", `App\Sub`, "", ""}, {"clear", "App", "", ""}},
	} {
		c := apply(t, Changes{}, ops...)
		want := viewLines(t, view.With(c))
		deltas = append(deltas, checkDelta(t, view, c))
		view = NewView(base, deltas...)
		if diff := cmp.Diff(want, viewLines(t, view)); diff != "" {
			t.Errorf("%d layers (-want +got):\n%s", len(deltas), diff)
		}
	}
	if _, err := view.Key(`App\Sub`); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	if _, err := view.Key("new"); err != nil {
		t.Error(err)
	}
}

func TestEmptyView(t *testing.T) {
	v := NewView(nil)
	if got := viewLines(t, v); len(got) != 1 {
		t.Errorf("got %q", got)
	}
	if _, err := v.Root().Value(""); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	c := apply(t, Changes{}, op{"set", "A", "v", "1"}, op{"delete", "B", "", ""}, op{"delete", "A", "", ""}, op{"set", "A", "w", "1"})
	checkDelta(t, v, c)
	if b, err := EncodeDelta(c, nil, Options{}); err != nil || open(t, b).Root().Len() != 1 {
		t.Errorf("without a base: %v", err)
	}
	if simple, err := c.Simplify(nil); err != nil || len(changeLines(simple)) != 1 {
		t.Errorf("got %q, %v", changeLines(simple), err)
	}
}

func TestControlSet(t *testing.T) {
	base := NewView(baseHive(t))
	if got, err := base.ControlSet(); got != "ControlSet002" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	if _, err := base.With(apply(t, Changes{}, op{"set", "Select", "Current", "x"})).ControlSet(); err == nil {
		t.Error("a text for a number: no error")
	}
	if _, err := NewView(nil).ControlSet(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}
