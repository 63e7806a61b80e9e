package solve_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/casement/casement/internal/llb"
	"github.com/casement/casement/internal/tree"
	"github.com/casement/casement/internal/winmeta"
)

func owned(c *llb.Copy, user string) *llb.Copy {
	c.Owner = &llb.ChownOpt{User: &llb.UserOpt{Name: user, Input: 0}}
	return c
}

// Where COPY puts files in a Windows image must be known without reading the
// base: the base of these tests fails when it is asked.
func TestCopyOntoSealedWindows(t *testing.T) {
	for _, tt := range []struct {
		name, built, from string
		do                []llb.FileAction
		want, warning     string
	}{
		{"a file into a directory that nobody knows", "", "f.txt=1", []llb.FileAction{copyOf("/f.txt", "/app/")}, "app/ app/f.txt=1", ""},
		{"into a standard directory, spelled as Windows does", "", "f.dll=1", []llb.FileAction{copyOf("/f.dll", "/windows/SYSTEM32/")}, "Windows/System32/f.dll=1", ""},
		{"a standard directory is known without a slash", "", "f.dll=1", []llb.FileAction{copyOf("/f.dll", "/windows/system32")}, "Windows/System32/f.dll=1", ""},
		{"the junction of old programs", "", "f.txt=1", []llb.FileAction{copyOf("/f.txt", "/Documents and Settings/f.txt")}, "Users/f.txt=1", ""},
		{"a directory below a standard one", "", "d/ d/x=1", []llb.FileAction{copyOf("/d", "/PROGRAM FILES/Tool")}, "Program_Files/Tool/ Program_Files/Tool/x=1", ""},
		{"a file that could be meant for a directory", "", "f.txt=1", []llb.FileAction{copyOf("/f.txt", "/app")}, "app=1", "written as a file"},
		{"no warning for a file of its own name", "", "LICENSE=1", []llb.FileAction{copyOf("/LICENSE", "/app/LICENSE")}, "app/ app/LICENSE=1", ""},
		{"no warning with an extension", "", "f=1", []llb.FileAction{copyOf("/f", "/app/f.txt")}, "app/ app/f.txt=1", ""},
		{"a directory of an earlier step, in its spelling", "App/ App/Lib/", "f.txt=1", []llb.FileAction{copyOf("/f.txt", "/app/lib")}, "App/Lib/f.txt=1", ""},
		{"existing directories keep their spelling inside the copy", "App/ App/Lib/", "d/ d/LIB/ d/LIB/x=1", []llb.FileAction{copyOf("/d", "/app")}, "App/Lib/ App/Lib/x=1", ""},
		{"owner of new entries and parents", "", "f.txt=1", []llb.FileAction{owned(copyOf("/f.txt", "/Windows/my/sub/"), "ContainerUser")},
			"Windows/my/@ContainerUser Windows/my/sub/@ContainerUser Windows/my/sub/f.txt=1@ContainerUser", ""},
		{"no owner for standard directories", "", "Windows/ Windows/System32/ Windows/System32/x=1", []llb.FileAction{owned(copyOf("/", "/"), "ContainerUser")},
			"Windows/System32/x=1@ContainerUser", ""},
		{"WORKDIR", "", "", []llb.FileAction{&llb.Mkdir{Path: "/users/ContainerUser/work", Mode: 0o755, MakeParents: true, Timestamp: llb.Keep}}, "Users/ContainerUser/work/", ""},
		{"a file that replaces a directory of the build", "app/ app/x=1", "f=2", []llb.FileAction{func() *llb.Copy {
			c := copyOf("/f", "/")
			c.Src, c.Dest, c.ReplaceExisting, c.AllowWildcard = "/f/.", "/APP", true, false
			return c
		}()}, "app=2", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := &observer{}
			got, err := apply(t, o, sealedWindows(t, tt.built), chainOf("", tt.from), tt.do...)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tt.want, top(t, got)); d != "" {
				t.Errorf("layer (-want +got):\n%s", d)
			}
			if has := strings.Join(o.warnings, "\n"); (tt.warning == "") != (has == "") || !strings.Contains(has, tt.warning) {
				t.Errorf("warnings %q, want %q", has, tt.warning)
			}
		})
	}
}

// What cannot be done right must be refused, not guessed (BuildKit's fault 9),
// and --chmod must not pass without a word.
func TestWindowsRefusalsAndWarnings(t *testing.T) {
	from := chainOf("", "f.txt=1 g.txt=2")
	var unknown *winmeta.UnknownAccountError
	if _, err := apply(t, nil, sealedWindows(t), from, owned(copyOf("/f.txt", "/app/"), "nobody")); !errors.As(err, &unknown) {
		t.Errorf("an account that no Windows has: %v", err)
	}
	c := copyOf("/f.txt", "/app/")
	c.Owner = &llb.ChownOpt{Group: &llb.UserOpt{Name: "Administrators"}}
	if got, err := apply(t, nil, sealedWindows(t), from, c); err != nil || !strings.Contains(top(t, got), "f.txt=1@Administrators") {
		t.Errorf("a group alone: %v", err)
	}
	o := &observer{}
	c = copyOf("/f.txt", "/app/")
	c.Mode = 0o755
	d := copyOf("/g.txt", "/app/")
	d.ModeStr = "a+x"
	if _, err := apply(t, o, sealedWindows(t), from, c, d); err != nil {
		t.Fatal(err)
	}
	if len(o.warnings) != 1 || !strings.Contains(o.warnings[0], "--chmod") {
		t.Errorf("warnings for --chmod: %q", o.warnings)
	}
}

// COPY --from a Windows image finds names in any case, wildcards included, and
// gives files the spelling that they have there.
func TestCopyFromWindows(t *testing.T) {
	from := chainOf("windows", "Windows/ Windows/System32/ Windows/System32/NotePad.exe=n Windows/System32/a.DLL=a", "WINDOWS/ windows/system32/b.dll=b Link~>C:/Windows")
	for _, tt := range []struct{ src, dest, want string }{
		{"/windows/system32/notepad.EXE", "/", "NotePad.exe=n"},
		{"/windows/SYSTEM32/*.dll", "/x/", "x/ x/a.DLL=a x/b.dll=b"},
		{"/link/System32/b.dll", "/", "b.dll=b"},
		{"/w*/system32/N*", "/", "NotePad.exe=n"},
	} {
		got, err := apply(t, nil, chainOf("linux", "etc/"), from, copyOf(tt.src, tt.dest))
		if err != nil {
			t.Errorf("%s: %v", tt.src, err)
			continue
		}
		if d := cmp.Diff(tt.want, top(t, got)); d != "" {
			t.Errorf("%s (-want +got):\n%s", tt.src, d)
		}
	}
	_, err := apply(t, nil, chainOf("linux", "etc/"), from, copyOf("/windows/system32/notepad.com", "/"))
	var hint interface{ Hint() string }
	if !errors.As(err, &hint) || !strings.Contains(hint.Hint(), "NotePad.exe") || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a name like another: %v", err)
	}
}

// Names of one file stay one file in the image, and no name gets the content of
// another that was overwritten or removed since.
func TestHardLinks(t *testing.T) {
	from := chainOf("", "d/ d/a=one d/b=>d/a e/ e/c=>d/a z=new")
	rm := &llb.Remove{Path: "/x/a"}
	for _, tt := range []struct {
		name  string
		do    []llb.FileAction
		want  string
		links []string
	}{
		{"together", []llb.FileAction{copyOf("/d", "/x/")}, "x/ x/a=one x/b=one", []string{"x/a x/b"}},
		{"in several directories", []llb.FileAction{copyOf("/", "/")}, "d/ d/a=one d/b=one e/ e/c=one z=new", []string{"d/a d/b e/c"}},
		{"from several sources", []llb.FileAction{copyOf("/?/?", "/x/")}, "x/ x/a=one x/b=one x/c=one", []string{"x/a x/b x/c"}},
		{"by two actions they are two files", []llb.FileAction{copyOf("/d/a", "/x/"), copyOf("/d/b", "/x/")}, "x/ x/a=one x/b=one", nil},
		{"the first is overwritten", []llb.FileAction{copyOf("/d", "/x/"), copyOf("/z", "/x/a")}, "x/ x/a=new x/b=one", nil},
		{"the first is removed", []llb.FileAction{copyOf("/d", "/x/"), rm}, "x/ !x/a/ x/b=one", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := apply(t, nil, chainOf("windows", "w/"), from, tt.do...)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tt.want, top(t, got)); d != "" {
				t.Errorf("layer (-want +got):\n%s", d)
			}
			if d := cmp.Diff(tt.links, links(t, got)); d != "" {
				t.Errorf("links (-want +got):\n%s", d)
			}
		})
	}
}

// A link to a directory must be known as one: Windows makes two kinds.
func TestDirLinks(t *testing.T) {
	got, err := apply(t, nil, sealedWindows(t), chainOf("", "d/ d/real/ d/to->real d/abs->/d/real d/drive->C:/d/real d/file->x d/x=1"), copyOf("/d", "/app/"))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{"to": true, "abs": true, "drive": true, "file": false} {
		e, err := got.Known().Lookup(t.Context(), "app/"+name)
		if err != nil || e.DirLink != want {
			t.Errorf("%s: %+v, %v", name, e, err)
		}
	}
}

// COPY --link makes a layer on nothing and stacks it on the base (BuildKit's
// fault 1): the chain stays a Windows chain, and directories of Windows do not
// get the owner of what is copied into them.
func TestMergeOntoWindows(t *testing.T) {
	base := sealedWindows(t)
	copied := vertex("copy", &llb.File{Actions: []llb.Action{{Input: llb.Scratch, SecondaryInput: 0, Do: owned(copyOf("/f", "/windows/sub/"), "ContainerUser")}}}, sourceOf("from"))
	merge := vertex("merge", &llb.Merge{Inputs: []int{0, 1}}, sourceOf("base"), input(copied))
	s := newSolver(&sources{chains: map[string]tree.Chain{"base": base, "from": chainOf("", "f=1")}})
	got, err := s.Solve(t.Context(), graph(t, merge), "windows")
	if err != nil {
		t.Fatal(err)
	}
	if !got.Folds() || len(got.Layers()) != 2 {
		t.Errorf("the merged chain is of %q with %d layers", got.OS, len(got.Layers()))
	}
	if d := cmp.Diff("windows/ windows/sub/@ContainerUser windows/sub/f=1@ContainerUser", top(t, got)); d != "" {
		t.Errorf("layer (-want +got):\n%s", d)
	}
}

// recorder is a sealed layer that writes down what it is asked.
type recorder struct {
	tree.Changes
	asked []string
}

func (r *recorder) Prefetch(_ context.Context, w tree.Want) error {
	r.asked = append(r.asked, fmt.Sprintf("prefetch %q", w.Names))
	return nil
}

func (r *recorder) List(ctx context.Context, dir string, fold bool) iter.Seq2[tree.Change, error] {
	r.asked = append(r.asked, "list "+dir)
	return r.Changes.List(ctx, dir, fold)
}

// Copying one file out of an image costs one pass over one layer: a listing
// would read the layer to its end, and a second wish would read it again.
func TestPrefetchOnce(t *testing.T) {
	r := &recorder{Changes: layerOf("Windows/ Windows/one.dll=1 Windows/two.dll=2").Changes}
	from := tree.NewChain(ocispec.Platform{OS: "windows"}, &tree.Layer{Changes: r, Sealed: true})
	if _, err := apply(t, nil, sealedWindows(t), from, copyOf("/windows/one.dll", "/x/")); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{`prefetch ["windows/one.dll"]`}, r.asked); d != "" {
		t.Errorf("asked (-want +got):\n%s", d)
	}
	// What a stage has put over its base is not looked for in the base.
	r.asked = nil
	from = from.Push(layerOf("app/ app/new.dll=3"))
	if _, err := apply(t, nil, sealedWindows(t), from, copyOf("/app/new.dll", "/x/")); err != nil {
		t.Fatal(err)
	}
	if len(r.asked) > 0 {
		t.Errorf("the base was asked: %q", r.asked)
	}
}

// Copying 10,000 files must not cost more than packing them: aim below 30 ms.
func BenchmarkCopy10000(b *testing.B) {
	var changes []tree.Change
	for d := range 100 {
		dir := fmt.Sprintf("pkg%d", d)
		changes = append(changes, tree.Change{Entry: &tree.Entry{Name: dir, Kind: tree.Dir, Unix: &tree.Unix{Mode: 0o755}}})
		for f := range 99 {
			changes = append(changes, tree.Change{Entry: &tree.Entry{Name: fmt.Sprintf("%s/file%d.go", dir, f), Kind: tree.File, Unix: &tree.Unix{Mode: 0o644}}})
		}
	}
	from := tree.NewChain(ocispec.Platform{}, &tree.Layer{Changes: tree.NewSet(changes)})
	for _, dest := range []string{"/app/", "/inetpub/wwwroot/", "/Users/ContainerUser/AppData/"} {
		b.Run(dest, func(b *testing.B) {
			base := sealedWindows(b, "app/")
			for b.Loop() {
				if _, err := apply(b, nil, base, from, copyOf("/", dest)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
