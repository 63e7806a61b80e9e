package hive

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// model is a registry as simple as can be, to compare with.
type model map[string]map[string]string // by folded path, by folded name

func (m model) below(path string) []string {
	var out []string
	for k := range m {
		if k == path || strings.HasPrefix(k, path+`\`) {
			out = append(out, k)
		}
	}
	return out
}

func (m model) create(path string) {
	parts := strings.Split(path, `\`)
	for i := range parts {
		if p := strings.Join(parts[:i+1], `\`); m[p] == nil {
			m[p] = map[string]string{}
		}
	}
}

func (m model) lines() []string {
	out := []string{`"R"="72006f006f0074000000"`}
	for path, values := range m {
		out = append(out, path)
		for name, data := range values {
			out = append(out, fmt.Sprintf("%s %q=%q", path, name, data))
		}
	}
	slices.Sort(out)
	return out
}

func modelLines(t testing.TB, v *View) []string {
	t.Helper()
	var out []string
	var walk func(k *ViewKey, path string)
	walk = func(k *ViewKey, path string) {
		if path != "" {
			out = append(out, path)
		}
		values, err := k.Values()
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range values {
			out = append(out, strings.TrimLeft(fmt.Sprintf("%s %q=%q", path, fold(v.Name), fmt.Sprintf("%x", v.Data)), " "))
		}
		for s, err := range k.Subkeys() {
			if err != nil {
				t.Fatal(err)
			}
			walk(s, strings.TrimPrefix(path+`\`+fold(s.Name()), `\`))
		}
	}
	walk(v.Root(), "")
	slices.Sort(out)
	return out
}

// checkScript makes changes as a script of bytes says, a layer for each zero,
// and compares the views with the model after each.
func checkScript(t testing.TB, script []byte) {
	t.Helper()
	base := baseHive(t)
	view, m := NewView(base), model{}
	for _, l := range modelLines(t, view) {
		if path, rest, ok := strings.Cut(l, " "); ok {
			name, data, _ := strings.Cut(rest, "=")
			m.create(path)
			m[path][name[1:len(name)-1]] = data[1 : len(data)-1]
		} else if !strings.HasPrefix(l, `"`) {
			m.create(l)
		}
	}
	keys := []string{"App", `app\Sub`, `App\sub\Deep`, `App\Other`, "New", `New\er`, `Guarded\Below`, `Guarded\ä`}
	names := []string{"", "Path", "KEEP", "v", "ключ"}
	var deltas []*Hive
	var c Changes
	for len(script) >= 2 && len(deltas) < 4 {
		what, which := script[0], int(script[1])
		script = script[2:]
		key, name := keys[which%len(keys)], names[which/len(keys)%len(names)]
		path := fold(key)
		if what == 0 {
			deltas = append(deltas, checkDelta(t, view, c))
			view, c = NewView(base, deltas...), Changes{}
			continue
		}
		if what%5 > 2 && m[path] == nil {
			continue // only what is there is deleted
		}
		switch what % 5 {
		case 1:
			c = apply(t, c, op{"create", key, "", ""})
			m.create(path)
		case 2, 0:
			v := sz(name, string(rune('0'+which%3)))
			c = apply(t, c, op{"set", key, name, string(rune('0' + which%3))})
			m.create(path)
			m[path][fold(name)] = fmt.Sprintf("%x", v.Data)
		case 3:
			if which%7 == 0 {
				c = apply(t, c, op{"clear", key, "", ""})
				clear(m[path])
			} else {
				c = apply(t, c, op{"unset", key, name, ""})
				delete(m[path], fold(name))
			}
		case 4:
			c = apply(t, c, op{"delete", key, "", ""})
			for _, k := range m.below(path) {
				delete(m, k)
			}
		}
	}
	if diff := cmp.Diff(m.lines(), modelLines(t, view.With(c))); diff != "" {
		t.Errorf("view (-model +got):\n%s", diff)
	}
	checkDelta(t, view, c)
	again := Changes{}
	for ch := range c.All() {
		again = replay(t, again, ch)
	}
	if diff := cmp.Diff(changeLines(c), changeLines(again)); diff != "" {
		t.Errorf("changes made again (-first +second):\n%s", diff)
	}
}

func replay(t testing.TB, c Changes, ch Change) Changes {
	t.Helper()
	var err error
	switch ch.Kind {
	case KeyCreated:
		c, err = c.CreateKey(ch.Key)
	case KeyDeleted:
		c, err = c.DeleteKey(ch.Key)
	case ValueSet:
		c, err = c.SetValue(ch.Key, ch.Value)
	case ValueDeleted:
		c, err = c.DeleteValue(ch.Key, ch.Value.Name)
	case ValuesDeleted:
		c, err = c.DeleteValues(ch.Key)
	case DescriptorSet:
		c, err = c.SetDescriptor(ch.Key, ch.Descriptor)
	}
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestChangesRandom(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		script := make([]byte, 2*r.IntN(40))
		for i := range script {
			script[i] = byte(r.Uint32())
			if i%2 == 0 && r.IntN(12) == 0 {
				script[i] = 0
			}
		}
		if checkScript(t, script); t.Failed() {
			t.Fatalf("script %v", script)
		}
	}
}

// FuzzChanges: whatever is done, in however many layers, views show it as a
// registry without layers would.
func FuzzChanges(f *testing.F) {
	f.Add([]byte{1, 2, 2, 3, 4, 1, 0, 0, 2, 9, 3, 10, 4, 0, 1, 1})
	f.Fuzz(func(t *testing.T, script []byte) { checkScript(t, script[:min(len(script), 200)]) })
}
