package machine_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/tree"
)

// regModel is a registry as simple as can be: values by name, by key in capitals.
type regModel map[string]map[string]string

// do applies an operation, and reports whether it is possible.
func (m regModel) do(op, key, name, data string) bool {
	k := strings.ToUpper(key)
	values, there := m[k]
	switch op {
	case "create", "set":
		for p := k; p != ""; p = p[:max(0, strings.LastIndexByte(p, '\\'))] {
			if m[p] == nil {
				m[p] = map[string]string{}
			}
		}
		if op == "set" {
			m[k][name] = data
		}
	case "unset":
		if _, ok := values[name]; !ok {
			return false
		}
		delete(values, name)
	case "delete":
		if !there {
			return false
		}
		maps.DeleteFunc(m, func(p string, _ map[string]string) bool { return p == k || strings.HasPrefix(p, k+`\`) })
	}
	return true
}

// lines is the model as text.
func (m regModel) lines() []string {
	var out []string
	for _, k := range slices.Sorted(maps.Keys(m)) {
		out = append(out, k)
		for _, n := range slices.Sorted(maps.Keys(m[k])) {
			out = append(out, k+" "+n+"="+m[k][n])
		}
	}
	return out
}

const modelRoot = `HKLM\SOFTWARE`

// seenKeys reads what a registry has below the root of the model.
func seenKeys(t *testing.T, r *machine.Registry) regModel {
	t.Helper()
	m := regModel{}
	var walk func(key string)
	walk = func(key string) {
		values, err := r.Values(t.Context(), modelRoot+key)
		if err != nil {
			t.Fatal(err)
		}
		if key != "" {
			at := map[string]string{}
			for _, v := range values {
				at[strings.ToUpper(v.Name)] = v.Text()
			}
			m[strings.ToUpper(key[1:])] = at
		}
		subs, err := r.Subkeys(t.Context(), modelRoot+key)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range subs {
			walk(key + `\` + s)
		}
	}
	walk("")
	return m
}

// Random changes of the registry, in one step and over several, upon a base with
// hives that other layers change, must leave the same keys as in the model: for who
// looks at the machine, and for who looks at the delta hives that it leaves.
func TestModelRegistry(t *testing.T) {
	keys := []string{"Vendor", `Vendor\Sub`, `Vendor\Sub\Deep`, "Old", `Old\x`, "Classes", `Classes\.txt`, "New", `New\a`, `New\a\b`}
	names := []string{"", "NAME", "COUNT", "X"}
	ops := []string{"create", "set", "set", "set", "unset", "unset", "delete"}
	for seed := range uint64(150) {
		r := rand.New(rand.NewPCG(seed, 4))
		layers, _ := registryLayers(t)
		chain := windows(layers...)
		want := seenKeys(t, start(t, machine.Options{Root: chain}).Registry())
		var log []string
		for step := range 3 {
			m := start(t, machine.Options{Root: chain, Deltas: func(c []machine.RegistryChange) ([]machine.RegistryChange, error) { return c, nil }})
			reg := m.Registry()
			for i := range 1 + r.IntN(9) {
				op, key, name, data := ops[r.IntN(len(ops))], keys[r.IntN(len(keys))], names[r.IntN(len(names))], fmt.Sprint(step, ":", i)
				if r.IntN(3) == 0 {
					key = strings.ToLower(key)
				}
				possible := want.do(op, key, name, data)
				log = append(log, fmt.Sprint(step, " ", op, " ", key, " ", name, " ", data, " ", possible))
				var err error
				switch path := modelRoot + `\` + key; op {
				case "create":
					_, err = reg.CreateKey(t.Context(), path)
				case "set":
					err = reg.SetValue(t.Context(), path, machine.RegString(name, data))
				case "unset":
					err = reg.DeleteValue(t.Context(), path, strings.ToLower(name))
				case "delete":
					err = reg.DeleteKey(t.Context(), path)
				}
				if machine.CodeOf(err) == 0 && err != nil || (err == nil) != possible {
					t.Fatalf("seed %d: %v\n%s", seed, err, strings.Join(log, "\n"))
				}
			}
			if d := cmp.Diff(want.lines(), seenKeys(t, reg).lines()); d != "" {
				t.Fatalf("seed %d: the machine has (-want +got)\n%s\n%s", seed, d, strings.Join(log, "\n"))
			}
			res, err := m.Finish(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			chain = chain.Push(&tree.Layer{Changes: tree.NewSet(nil), Hives: res.Hives})
			if d := cmp.Diff(want.lines(), seenKeys(t, start(t, machine.Options{Root: chain}).Registry()).lines()); d != "" {
				t.Fatalf("seed %d: the layers have (-want +got)\n%s\n%s\n%+v", seed, d, strings.Join(log, "\n"), res.Registry)
			}
		}
	}
}
