package machine_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/tree"
)

// model is a file system as simple as can be: names to contents, "/" for
// directories.
type model map[string]string

func (m model) isDir(name string) bool { return name == "" || m[name] == "/" }

// parent reports whether the directory of a name is there.
func (m model) parent(name string) bool { return m.isDir(tree.Parent(name)) }

func (m model) below(name string) []string {
	var out []string
	for n := range m {
		if strings.HasPrefix(n, name+"/") {
			out = append(out, n)
		}
	}
	return out
}

// do applies an operation, and reports whether it is possible.
func (m model) do(op, a, b, text string) bool {
	old, there := m[a]
	switch op {
	case "mkdir":
		if there || !m.parent(a) {
			return false
		}
		m[a] = "/"
	case "mkdirall":
		for n := a; n != ""; n = tree.Parent(n) {
			if v, ok := m[n]; ok && v != "/" {
				return false
			}
		}
		for n := a; n != ""; n = tree.Parent(n) {
			m[n] = "/"
		}
	case "write", "append":
		if old == "/" || !m.parent(a) {
			return false
		}
		if op == "append" {
			text = old + text
		}
		m[a] = text
	case "remove":
		if !there || len(m.below(a)) > 0 {
			return false
		}
		delete(m, a)
	case "rmall":
		if !there {
			return false
		}
		for _, n := range m.below(a) {
			delete(m, n)
		}
		delete(m, a)
	case "copy":
		if !there || old == "/" || a == b || m[b] == "/" || !m.parent(b) {
			return false
		}
		m[b] = old
	case "move":
		to, taken := m[b]
		switch {
		case !there || !m.parent(b) || strings.HasPrefix(b+"/", a+"/") && a != b:
			return false
		case a == b:
			return true
		case taken && (old == "/" || to == "/"):
			return false
		}
		for _, n := range m.below(a) {
			m[b+n[len(a):]] = m[n]
			delete(m, n)
		}
		delete(m, a)
		m[b] = old
	}
	return true
}

// seen reads what a tree has.
func seen(t *testing.T, v tree.Tree) model {
	t.Helper()
	m := model{}
	for e, err := range tree.Walk(t.Context(), v, "") {
		if err != nil {
			t.Fatal(err)
		}
		m[strings.ToLower(e.Name)] = "/"
		if e.Kind == tree.File {
			m[strings.ToLower(e.Name)] = text(t, e.Content)
		}
	}
	return m
}

// name makes one of few names, so that operations meet, in any case.
func name(r *rand.Rand) string {
	parts := make([]string, 1+r.IntN(3))
	for i := range parts {
		parts[i] = string(rune('a' + r.IntN(3)))
	}
	return strings.Join(parts, "/")
}

func spelled(r *rand.Rand, name string) string {
	b := []byte(name)
	for i := range b {
		if r.IntN(3) == 0 {
			b[i] = strings.ToUpper(name)[i]
		}
	}
	return `C:\` + strings.ReplaceAll(string(b), "/", `\`)
}

// Random operations must leave the same files as in the model: for who looks
// at the machine, and for who looks at the layers with the result on top. Upon a
// sealed base that has nothing to do with them they must give the same layer.
func TestModel(t *testing.T) {
	ops := []string{"mkdir", "mkdirall", "write", "append", "remove", "rmall", "copy", "move", "move"}
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 1))
		chain := windows()
		want := model{}
		for l := range 3 {
			m := start(t, machine.Options{Root: chain})
			base, _ := seal(baseLayer())
			sealed := start(t, machine.Options{Root: windows(base).Push(chain.Layers()...)})
			var log []string
			for i := range 5 + r.IntN(20) {
				op, a, b := ops[r.IntN(len(ops))], name(r), name(r)
				text := fmt.Sprint(l, ":", i)
				x, y := spelled(r, a), spelled(r, b)
				line := []string{op, x, y}
				if op == "write" || op == "append" {
					line[2] = text
				}
				if op == "remove" && r.IntN(3) == 0 {
					line[0] = "rmall"
				}
				possible := want.do(line[0], a, b, text)
				log = append(log, fmt.Sprint(line, possible))
				serr := do(t.Context(), sealed.FS(), slices.Clone(line))
				err := do(t.Context(), m.FS(), line)
				if machine.CodeOf(serr) != machine.CodeOf(err) {
					t.Fatalf("seed %d: %v: %v, and upon a sealed base %v\n%s", seed, line, err, serr, strings.Join(log, "\n"))
				}
				if machine.CodeOf(err) == 0 && err != nil || (err == nil) != possible {
					t.Fatalf("seed %d: %v: %v\n%s", seed, line, err, strings.Join(log, "\n"))
				}
			}
			got := model{}
			if err := m.FS().Walk(t.Context(), `C:\`, func(i *machine.Info) error {
				n := strings.ToLower(strings.ReplaceAll(i.Path[3:], `\`, "/"))
				got[n] = "/"
				if !i.IsDir() {
					got[n] = text(t, i.Entry.Content)
				}
				return nil
			}); err != nil {
				t.Fatal(err)
			}
			maps.DeleteFunc(got, func(n, _ string) bool { return len(n[:strings.IndexByte(n+"/", '/')]) > 1 })
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("seed %d: the machine has (-want +got)\n%s\n%s", seed, diff, strings.Join(log, "\n"))
			}
			res, err := m.Finish(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(listing(t, res.Changes), result(t, sealed)); diff != "" {
				t.Fatalf("seed %d: upon a sealed base (-without +with)\n%s\n%s", seed, diff, strings.Join(log, "\n"))
			}
			checkChanges(t, seed, chain, res.Changes)
			chain = chain.Push(&tree.Layer{Changes: tree.NewSet(slices.Clone(res.Changes))})
			if diff := cmp.Diff(want, seen(t, chain.View())); diff != "" {
				t.Fatalf("seed %d: the layers have (-want +got)\n%s\n%s\n%s", seed, diff, strings.Join(log, "\n"), listing(t, res.Changes))
			}
		}
	}
}

// Over a base that nobody has read, operations on files that it has must leave
// the same files as in the model, whether or not they were looked at before:
// what is appended to, overwritten, moved away or removed again. (Directories
// that the base has are not made here: making takes them for new.)
func TestModelOverSealedBase(t *testing.T) {
	files := []string{"x=1", "y=2", "a/x=3", "a/y=4", "b/x=5", "b/z=6", "a/c/y=7"}
	dirs := []string{"", "a/", "b/", "a/c/", "n/"}
	ops := []string{"write", "write", "append", "append", "remove", "copy", "move", "movedir", "rmall", "mkdir"}
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 2))
		below := layer(append(files, "a/", "b/", "a/c/")...)
		want := seen(t, windows(below).View())
		base, _ := seal(below)
		chain := windows(base)
		var log []string
		for l := range 2 {
			m := start(t, machine.Options{Root: chain})
			file := func() string { return dirs[r.IntN(len(dirs))] + string("xyz"[r.IntN(3)]) }
			for i := range 2 + r.IntN(8) {
				op, a, b, text := ops[r.IntN(len(ops))], file(), file(), fmt.Sprint(l, ":", i)
				switch op {
				case "rmall":
					a = strings.TrimSuffix(dirs[1+r.IntN(4)], "/")
				case "mkdir":
					a = "n"
				case "movedir":
					op, a, b = "move", strings.TrimSuffix(dirs[1+r.IntN(3)], "/"), "n"
				}
				line := []string{op, spelled(r, a), spelled(r, b)}
				if op == "write" || op == "append" {
					line[2] = text
				}
				possible := want.do(op, a, b, text)
				log = append(log, fmt.Sprint(line, possible))
				err := do(t.Context(), m.FS(), line)
				if machine.CodeOf(err) == 0 && err != nil || (err == nil) != possible {
					t.Fatalf("seed %d: %v: %v\n%s", seed, line, err, strings.Join(log, "\n"))
				}
			}
			res, err := m.Finish(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			chain = chain.Push(&tree.Layer{Changes: tree.NewSet(slices.Clone(res.Changes))})
			if diff := cmp.Diff(want, seen(t, chain.View())); diff != "" {
				t.Fatalf("seed %d: the layers have (-want +got)\n%s\n%s\n%s", seed, diff, strings.Join(log, "\n"), listing(t, res.Changes))
			}
		}
	}
}

// links is a model in which files have several names: in names, a file has the
// number of its content.
type links struct {
	names model
	texts []string
}

func newLinks(m model) *links {
	l := &links{names: m}
	for _, n := range slices.Sorted(maps.Keys(m)) {
		if m[n] != "/" {
			m[n] = l.fresh(m[n])
		}
	}
	return l
}

func (l *links) fresh(text string) string {
	l.texts = append(l.texts, text)
	return strconv.Itoa(len(l.texts) - 1)
}

func (l *links) text(name string) *string {
	i, _ := strconv.Atoi(l.names[name])
	return &l.texts[i]
}

// do applies an operation, and reports whether it is possible.
func (l *links) do(op, a, b, with string) bool {
	from, there := l.names[a]
	to, taken := l.names[b]
	switch {
	case op == "write" || op == "append":
		switch {
		case from == "/" || !l.names.parent(a):
			return false
		case !there:
			l.names[a] = l.fresh(with)
		case op == "append":
			*l.text(a) += with
		default:
			*l.text(a) = with
		}
	case op != "copy" && op != "hardlink":
		return l.names.do(op, a, b, "")
	case !there || from == "/" || to == "/" || from == to || !l.names.parent(b):
		return false
	case op == "hardlink":
		if taken {
			return false
		}
		l.names[b] = from
	case taken:
		*l.text(b) = *l.text(a)
	default:
		l.names[b] = l.fresh(*l.text(a))
	}
	return true
}

// Names of one file must stay names of one file, whatever happens to them and to
// the directories they are in: what is written under one is read under all, and
// the layer links those that are left.
func TestModelLinks(t *testing.T) {
	ops := []string{"mkdirall", "write", "append", "remove", "rmall", "copy", "move", "move", "hardlink", "hardlink", "hardlink"}
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 3))
		below := layer("a/", "a/b=1", "a/c=2", "b/", "b/a=3", "c=4")
		want := newLinks(seen(t, windows(below).View()))
		m := start(t, machine.Options{Root: windows(below)})
		var log []string
		for i := range 5 + r.IntN(20) {
			op, a, b, with := ops[r.IntN(len(ops))], name(r), name(r), fmt.Sprint("w", i)
			line := []string{op, spelled(r, a), spelled(r, b)}
			if op == "write" || op == "append" {
				line[2] = with
			}
			possible := want.do(op, a, b, with)
			log = append(log, fmt.Sprint(line, possible))
			err := do(t.Context(), m.FS(), line)
			if machine.CodeOf(err) == 0 && err != nil || (err == nil) != possible {
				t.Fatalf("seed %d: %v: %v\n%s", seed, line, err, strings.Join(log, "\n"))
			}
		}
		res, err := m.Finish(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		checkGroups(t, want, res.Changes, fmt.Sprintf("seed %d\n%s\n%s", seed, strings.Join(log, "\n"), listing(t, res.Changes)))
		for n, id := range want.names {
			if id != "/" {
				want.names[n] = *want.text(n)
			}
		}
		view := windows(below).Push(&tree.Layer{Changes: tree.NewSet(slices.Clone(res.Changes))}).View()
		if diff := cmp.Diff(want.names, seen(t, view)); diff != "" {
			t.Fatalf("seed %d: the layers have (-want +got)\n%s\n%s\n%s", seed, diff, strings.Join(log, "\n"), listing(t, res.Changes))
		}
	}
}

// checkGroups fails unless the names of a file, and only they, are linked.
func checkGroups(t *testing.T, want *links, changes []tree.Change, log string) {
	t.Helper()
	groups, files := map[string]string{}, map[string]string{}
	for _, c := range changes {
		if c.Entry == nil || c.Entry.Link == "" {
			continue
		}
		id := want.names[strings.ToLower(c.Entry.Name)]
		if group, ok := groups[id]; ok && group != c.Entry.Link {
			t.Fatalf("%s is in the group %s, and not in %s\n%s", c.Entry.Name, c.Entry.Link, group, log)
		}
		if file, ok := files[c.Entry.Link]; ok && file != id {
			t.Fatalf("%s is in the group of another file\n%s", c.Entry.Name, log)
		}
		groups[id], files[c.Entry.Link] = c.Entry.Link, id
	}
	count := map[string]int{}
	for _, id := range want.names {
		if count[id]++; id != "/" && count[id] > 1 && groups[id] == "" {
			t.Fatalf("a file with several names has no group\n%s", log)
		}
	}
}

// checkChanges looks for what no Windows layer may have: opaque directories,
// removals of what is not there, and two changes of one name.
func checkChanges(t *testing.T, seed uint64, below tree.Chain, changes []tree.Change) {
	t.Helper()
	names := map[string]bool{}
	for _, c := range changes {
		if key := tree.Fold(c.Name()); names[key] {
			t.Fatalf("seed %d: %s is changed twice", seed, c.Name())
		} else {
			names[key] = true
		}
		if c.Opaque {
			t.Fatalf("seed %d: %s is opaque", seed, c.Name())
		}
		if c.Entry == nil {
			if _, err := below.View().Lookup(t.Context(), c.Removed); err != nil {
				t.Fatalf("seed %d: removing %s: %v", seed, c.Removed, err)
			}
		}
	}
}
