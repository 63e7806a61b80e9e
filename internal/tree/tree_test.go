package tree_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/casement/casement/internal/tree"
)

// layerOf makes a layer of a compact text: one change a line, "dir/" for a
// directory, "file=text", "link->target", "hard=>target", "!name" for a
// removal, "opaque//" for an opaque directory.
func layerOf(lines string) *tree.Layer {
	var changes []tree.Change
	for _, s := range strings.Fields(lines) {
		switch {
		case strings.HasPrefix(s, "!"):
			changes = append(changes, tree.Change{Removed: s[1:]})
		case strings.HasSuffix(s, "//"):
			changes = append(changes, tree.Change{Entry: &tree.Entry{Name: strings.TrimRight(s, "/"), Kind: tree.Dir}, Opaque: true})
		case strings.Contains(s, "->"):
			n, t, _ := strings.Cut(s, "->")
			changes = append(changes, tree.Change{Entry: &tree.Entry{Name: n, Kind: tree.Symlink, Target: t}})
		case strings.Contains(s, "=>"):
			n, t, _ := strings.Cut(s, "=>")
			changes = append(changes, tree.Change{Entry: &tree.Entry{Name: n, Kind: tree.Hardlink, Target: t}})
		case strings.HasSuffix(s, "/"):
			changes = append(changes, tree.Change{Entry: &tree.Entry{Name: strings.TrimSuffix(s, "/"), Kind: tree.Dir}})
		default:
			n, t, _ := strings.Cut(s, "=")
			changes = append(changes, tree.Change{Entry: &tree.Entry{Name: n, Kind: tree.File, Size: int64(len(t)), Content: tree.Bytes(t)}})
		}
	}
	return &tree.Layer{Changes: tree.NewSet(changes)}
}

func chainOf(os string, layers ...string) tree.Chain {
	c := tree.NewChain(ocispec.Platform{OS: os})
	for _, l := range layers {
		c = c.Push(layerOf(l))
	}
	return c
}

// listing shows a tree, one entry a word.
func listing(t *testing.T, v tree.Tree) string {
	t.Helper()
	var out []string
	for e, err := range tree.Walk(t.Context(), v, "") {
		if err != nil {
			t.Fatalf("walking: %v", err)
		}
		switch e.Kind {
		case tree.Dir:
			out = append(out, e.Name+"/")
		case tree.Symlink:
			out = append(out, e.Name+"->"+e.Target)
		default:
			b, err := tree.ReadFile(t.Context(), v, e.Name, 1<<20)
			if err != nil {
				t.Fatalf("reading %s: %v", e.Name, err)
			}
			out = append(out, e.Name+"="+string(b))
		}
	}
	return strings.Join(out, " ")
}

// The merged view is what every step sees: a fault here puts wrong files into
// images.
func TestView(t *testing.T) {
	tests := []struct {
		name, os string
		layers   []string
		want     string
	}{
		{"upper file wins", "linux", []string{"a=1 b=1", "a=2"}, "a=2 b=1"},
		{"removal hides", "linux", []string{"d/ d/x=1 e=1", "!d/x"}, "d/ e=1"},
		{"removed directory hides all below", "linux", []string{"d/ d/e/ d/e/x=1", "!d"}, ""},
		{"removed and made again", "linux", []string{"d/ d/x=1", "!d", "d/ d/y=2"}, "d/ d/y=2"},
		{"opaque hides what is below, not beside", "linux", []string{"d/ d/x=1 e=1", "d// d/y=2"}, "d/ d/y=2 e=1"},
		{"file replaces directory", "linux", []string{"d/ d/x=1", "d=file"}, "d=file"},
		{"directory replaces file", "linux", []string{"d=file", "d/ d/x=1"}, "d/ d/x=1"},
		{"link hides the directory's content", "linux", []string{"d/ d/x=1 e/", "d->e"}, "d->e e/"},
		{"implied parents", "linux", []string{"a/b/c=1"}, "a/ a/b/ a/b/c=1"},
		{"case matters on linux", "linux", []string{"A=1", "a=2"}, "A=1 a=2"},
		{"case folds on windows", "windows", []string{"App/ App/X.dll=1", "app/ app/x.DLL=2"}, "app/ app/x.DLL=2"},
		{"folded removal", "windows", []string{"App/ App/X.dll=1", "!app/x.dll"}, "App/"},
		{"folded implied parents", "windows", []string{"App/ App/x=1", "APP/y=2"}, "App/ App/x=1 App/y=2"},
		{"hard link in a layer", "linux", []string{"a=1 b=>a"}, "a=1 b=1"},
		{"hard link into a lower layer", "linux", []string{"a=1", "b=>a"}, "a=1 b=1"},
		{"hard link keeps the old file", "linux", []string{"a=1", "b=>a", "a=2"}, "a=2 b=1"},
		{"hard link whose target differs in case", "windows", []string{"Windows/INF/x.inf=1", "y=>Windows/inf/X.inf"}, "Windows/ Windows/INF/ Windows/INF/x.inf=1 y=1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := listing(t, chainOf(tt.os, tt.layers...).View())
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Errorf("view (-want +got):\n%s", d)
			}
		})
	}
}

// Resolve decides where files land: leaving the root would be an escape from
// the image, and endless loops would hang the build.
func TestResolve(t *testing.T) {
	v := chainOf("linux", "bin->usr/bin usr/ usr/bin/ usr/bin/sh=x loop->loop abs->/usr up->../../../usr d/ d/rel->../usr/bin w->C:/usr").View()
	for _, tt := range []struct {
		name, want string
		last       bool
		missing    bool
	}{
		{"bin/sh", "usr/bin/sh", false, false},
		{"abs/bin/sh", "usr/bin/sh", false, false},
		{"up/bin/sh", "usr/bin/sh", false, false},
		{"d/rel/sh", "usr/bin/sh", false, false},
		{"w/bin/sh", "usr/bin/sh", false, false},
		{"bin", "bin", false, false},
		{"bin", "usr/bin", true, false},
		{"bin/new/file", "usr/bin/new/file", false, true},
		{"", "", true, false},
	} {
		got, _, err := tree.Resolve(t.Context(), v, tt.name, tt.last)
		if got != tt.want || errors.Is(err, fs.ErrNotExist) != tt.missing {
			t.Errorf("Resolve(%q, %v) = %q, %v; want %q", tt.name, tt.last, got, err, tt.want)
		}
	}
	if _, _, err := tree.Resolve(t.Context(), v, "loop/x", false); err == nil {
		t.Error("a loop of links resolved")
	}
}

// A sealed layer must not be asked when an upper layer answers.
func TestViewAsksNoMoreThanItNeeds(t *testing.T) {
	base := layerOf("Windows/ Windows/x=1")
	asked := &counting{Changes: base.Changes}
	c := tree.NewChain(ocispec.Platform{OS: "windows"}, &tree.Layer{Changes: asked, Sealed: true}).Push(layerOf("app/ app/a=1"))
	if _, err := c.View().Lookup(t.Context(), "APP/a"); err != nil {
		t.Fatal(err)
	}
	if listing(t, c.Known()) != "app/ app/a=1" {
		t.Error("Known shows sealed layers")
	}
	if asked.n != 0 {
		t.Errorf("the sealed layer was asked %d times", asked.n)
	}
	if _, err := c.View().Lookup(t.Context(), "windows/X"); err != nil || asked.n == 0 {
		t.Errorf("looking up a file of the base: %v", err)
	}
}

type counting struct {
	tree.Changes
	n int
}

func (c *counting) Find(ctx context.Context, name string, fold bool) (tree.Change, error) {
	c.n++
	return c.Changes.Find(ctx, name, fold)
}

// Compare must order parents right before their children, whatever bytes the
// names have: the layer's writer relies on it.
func TestCompareIsDepthFirst(t *testing.T) {
	names := []string{"", "a", "a/b", "a/b/c", "a/c", "a!", "a.txt", "ab", "b"}
	shuffled := slices.Clone(names)
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		rnd.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		slices.SortFunc(shuffled, tree.Compare)
		if d := cmp.Diff(names, shuffled); d != "" {
			t.Fatalf("order (-want +got):\n%s", d)
		}
	}
}

// Fold must equate what Windows equates; missing a pair would let a collision
// through to a host that refuses the whole layer.
func TestFold(t *testing.T) {
	for _, pair := range [][2]string{{"Straße.TXT", "STRAßE.txt"}, {"ÄÖÜ", "äöü"}, {"Ω", "ω"}, {"ж", "Ж"}, {"a/B", "A/b"}} {
		if !tree.SameName(pair[0], pair[1]) {
			t.Errorf("%q and %q differ", pair[0], pair[1])
		}
	}
	for _, pair := range [][2]string{{"ı", "I"}, {"ſ", "S"}, {"a", "b"}, {"𐐀", "𐐨"}} {
		if tree.SameName(pair[0], pair[1]) {
			t.Errorf("%q and %q are the same", pair[0], pair[1])
		}
	}
}

// A random chain and a plain map that replays the same changes must show the
// same tree.
func TestViewAgainstReplay(t *testing.T) {
	rnd := rand.New(rand.NewPCG(7, 7))
	for round := range 200 {
		var layers []string
		model := map[string]string{}
		for l := range 4 {
			var words []string
			used := map[string]bool{}
			for range rnd.IntN(6) {
				name := fmt.Sprintf("d%d/f%d", rnd.IntN(3), rnd.IntN(3))
				dir := tree.Parent(name)
				if used[name] || used[dir] {
					continue
				}
				switch rnd.IntN(5) {
				case 0:
					used[name] = true
					words = append(words, "!"+name)
					delete(model, name)
				case 1:
					if slices.ContainsFunc(words, func(w string) bool { return strings.Contains(w, dir+"/") }) {
						continue
					}
					used[dir] = true
					words = append(words, "!"+dir)
					for k := range model {
						if tree.Parent(k) == dir {
							delete(model, k)
						}
					}
				default:
					used[name] = true
					text := fmt.Sprintf("%d-%d", round, l)
					words = append(words, name+"="+text)
					model[name] = text
				}
			}
			layers = append(layers, strings.Join(words, " "))
		}
		v := chainOf("linux", layers...).View()
		got := map[string]string{}
		for e, err := range tree.Walk(t.Context(), v, "") {
			if err != nil {
				t.Fatal(err)
			}
			if e.Kind == tree.File {
				b, _ := tree.ReadFile(t.Context(), v, e.Name, 100)
				got[e.Name] = string(b)
			}
		}
		if d := cmp.Diff(model, got); d != "" {
			t.Fatalf("layers %q (-replay +view):\n%s", layers, d)
		}
	}
}

// A wish goes no deeper than the layers that can have a say: asking a sealed
// base for what a layer above it decides would download it.
func TestPrefetchStopsWhereItIsDecided(t *testing.T) {
	for _, tt := range []struct {
		upper, name string
		asked       bool
	}{
		{"app/ app/a=1", "app/a", false},
		{"app/ app/a=1", "app/b", true},
		{"app/ app/a=1", "app", true}, // the base may have more in it
		{"!app", "app/b", false},
		{"app//", "app/b", false},
		{"app->x", "app/b", false},
		{"!app/b", "app/b", false},
	} {
		base := &wisher{Changes: layerOf("Windows/").Changes}
		c := tree.NewChain(ocispec.Platform{OS: "windows"}, &tree.Layer{Changes: base, Sealed: true}).Push(layerOf(tt.upper))
		if err := tree.Prefetch(t.Context(), c.View(), tt.name); err != nil || base.asked != tt.asked {
			t.Errorf("%s over the base, wish for %s: asked %v, %v", tt.upper, tt.name, base.asked, err)
		}
	}
}

type wisher struct {
	tree.Changes
	asked bool
}

func (w *wisher) Prefetch(context.Context, tree.Want) error {
	w.asked = true
	return nil
}

// All names of one file have one group, and two layers that use the same word
// for theirs have two.
func TestLinkGroups(t *testing.T) {
	file := func(name string) *tree.Entry {
		return &tree.Entry{Name: name, Kind: tree.File, Link: "1"}
	}
	c := chainOf("linux", "a=1 b=>a").Push(
		&tree.Layer{Changes: tree.NewSet([]tree.Change{{Entry: file("c")}, {Entry: file("d")}})},
		&tree.Layer{Changes: tree.NewSet([]tree.Change{{Entry: file("e")}})})
	group := map[string]string{}
	for e, err := range tree.Walk(t.Context(), c.View(), "") {
		if err != nil || e.Link == "" {
			t.Fatalf("%+v, %v", e, err)
		}
		group[e.Name] = e.Link
		if one, err := c.View().Lookup(t.Context(), e.Name); err != nil || one.Link != e.Link {
			t.Errorf("%s is in group %q when looked up, in %q when listed", e.Name, one.Link, e.Link)
		}
	}
	if group["a"] != group["b"] || group["c"] != group["d"] || group["a"] == group["c"] || group["c"] == group["e"] {
		t.Errorf("groups %v", group)
	}
}

// Links that leave the image are refused, not looked for inside it.
func TestLinkTarget(t *testing.T) {
	for _, tt := range []struct {
		target, want string
		windows      bool
	}{
		{"x", "d/x", false},
		{"../x", "x", false},
		{"../../../x", "x", false},
		{"/x/./y", "x/y", false},
		{"//x", "x", false},
		{"//server/share", "!", true},
		{"C:/x", "x", true},
		{"c:/", "", true},
		{"D:/x", "!", true},
		{"//?/C:/x", "x", true},
		{"/??/c:/x/y", "x/y", true},
		{"//?/UNC/server/share", "!", true},
		{"//?/Volume{1}/x", "!", true},
		{"/??/Volume{1}/", "!", false},
		{"", "d", false},
	} {
		e := &tree.Entry{Name: "d/link", Kind: tree.Symlink, Target: tt.target}
		if tt.windows {
			e.Windows = &tree.Windows{}
		}
		got, err := tree.LinkTarget(e)
		if err != nil {
			got = "!"
		}
		if got != tt.want {
			t.Errorf("%q leads to %q, want %q", tt.target, got, tt.want)
		}
	}
}

// clean says whether a name is one that a tree can have.
func clean(name string) bool {
	return name == "" || !slices.ContainsFunc(strings.Split(name, "/"), func(p string) bool { return p == "" || p == "." || p == ".." })
}

// Whatever a path looks like, its clean form stays inside the tree.
func FuzzClean(f *testing.F) {
	for _, s := range []string{"", "/", "a/../..", "//a//b/", "./.", "a/./b", `..\x`, "\x00/../../y"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		c := tree.Clean(s)
		if !clean(c) || tree.Clean(c) != c {
			t.Errorf("Clean(%q) = %q", s, c)
		}
		if j := tree.Join("a", s); !clean(j) {
			t.Errorf("Join(a, %q) = %q", s, j)
		}
		if tree.Join(tree.Parent(c), tree.Base(c)) != c {
			t.Errorf("%q is not its parent and base", c)
		}
	})
}

// The order of names must be a total one, with what is below a directory right
// behind it.
func FuzzCompare(f *testing.F) {
	for _, s := range [][3]string{{"a", "a/b", "a.txt"}, {"", "a", "!"}, {"a/b/c", "a/b", "a/b!"}, {"ü", "u/x", "u"}} {
		f.Add(s[0], s[1], s[2])
	}
	f.Fuzz(func(t *testing.T, a, b, c string) {
		a, b, c = tree.Clean(a), tree.Clean(b), tree.Clean(c)
		if tree.Compare(a, b) != -tree.Compare(b, a) || (tree.Compare(a, b) == 0) != (a == b) {
			t.Errorf("Compare(%q, %q) = %d, and %d the other way round", a, b, tree.Compare(a, b), tree.Compare(b, a))
		}
		if tree.Less(a, b) && tree.Less(b, c) && !tree.Less(a, c) {
			t.Errorf("%q < %q < %q", a, b, c)
		}
		if below := tree.Join(a, b); b != "" {
			if !tree.Less(a, below) || tree.Less(a, c) && tree.Less(c, below) && a != "" && !strings.HasPrefix(c, a+"/") {
				t.Errorf("%q is between %q and %q", c, a, below)
			}
		}
		want := slices.Compare(strings.Split(a, "/"), strings.Split(b, "/"))
		if a != "" && b != "" && tree.Compare(a, b) != want {
			t.Errorf("Compare(%q, %q) = %d, component by component %d", a, b, tree.Compare(a, b), want)
		}
	})
}

// A link leads to a name of the tree or is refused; it never leaves the root.
func FuzzLinkTarget(f *testing.F) {
	for _, s := range []string{"", "../../x", "C:/a", "//?/C:", "//?/UNC/x", "/??/", "x:", "/..", "//"} {
		f.Add("d/l", s, false)
		f.Add("l", s, true)
	}
	f.Fuzz(func(t *testing.T, name, target string, windows bool) {
		if len(name)+len(target) > 200 {
			return
		}
		e := &tree.Entry{Name: tree.Clean(name), Kind: tree.Symlink, Target: target}
		if windows {
			e.Kind, e.Windows = tree.Junction, &tree.Windows{}
		}
		to, err := tree.LinkTarget(e)
		if err == nil && !clean(to) {
			t.Errorf("%s -> %q leads to %q", name, target, to)
		}
		if err == nil {
			set := tree.NewSet([]tree.Change{{Entry: e}})
			c := tree.Chain{OS: "windows"}.Push(&tree.Layer{Changes: set})
			if got, _, err := tree.Resolve(t.Context(), c.View(), e.Name+"/x", true); err == nil && !clean(got) {
				t.Errorf("resolved to %q", got)
			}
		}
	})
}

// Broken if it fails: a directory that only its content mentions is written in
// another spelling than the layer below has.
func TestImpliedDirectoriesKeepTheirSpelling(t *testing.T) {
	file := &tree.Entry{Name: "Data/Sub/deep/f", Kind: tree.File}
	layer := &tree.Layer{Changes: tree.NewSet([]tree.Change{{Entry: file}})}
	view := tree.Chain{OS: "windows"}.Push(layer).View()
	for _, name := range []string{"Data", "Data/Sub", "Data/Sub/deep"} {
		e, err := view.Lookup(t.Context(), strings.ToUpper(name))
		if err != nil || e.Name != name || e.Kind != tree.Dir {
			t.Errorf("%s is %+v, %v", name, e, err)
		}
	}
}
