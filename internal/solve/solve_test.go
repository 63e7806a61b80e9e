package solve_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/casement/casement/internal/llb"
	"github.com/casement/casement/internal/run"
	"github.com/casement/casement/internal/solve"
	"github.com/casement/casement/internal/tree"
)

func newSolver(s *sources) *solve.Solver { return &solve.Solver{Sources: s} }

// --chown on Linux looks names up in the tree that the graph says, and an
// account that is not there is an error: guessing root would hide a typo.
func TestLinuxOwners(t *testing.T) {
	text := "root:x:0:0:root:/root:/bin/sh\nbob:x:7:8:Bob:/:/bin/sh\ncut:x\n"
	dest := tree.NewChain(ocispec.Platform{OS: "linux"}, &tree.Layer{Changes: tree.NewSet([]tree.Change{
		{Entry: &tree.Entry{Name: "etc/passwd", Kind: tree.File, Size: int64(len(text)), Content: tree.Bytes(text)}},
		{Entry: &tree.Entry{Name: "etc/group", Kind: tree.File, Size: 9, Content: tree.Bytes("crew:x:9:")}},
	})})
	name := func(s string) *llb.UserOpt { return &llb.UserOpt{Name: s, Input: 0} }
	id := func(n uint32) *llb.UserOpt { return &llb.UserOpt{ID: n, Input: llb.Scratch} }
	for _, tt := range []struct {
		what        string
		dest        tree.Chain
		user, group *llb.UserOpt
		uid, gid    int
		err         string
	}{
		{"a name brings its group", dest, name("bob"), nil, 7, 8, ""},
		{"names", dest, name("bob"), name("crew"), 7, 9, ""},
		{"numbers", dest, id(1000), id(2000), 1000, 2000, ""},
		{"a number is its own group", dest, id(1000), nil, 1000, 1000, ""},
		{"a number as a name", dest, name("1000"), nil, 1000, 1000, ""},
		{"a group alone", dest, nil, name("crew"), 0, 9, ""},
		{"unknown", dest, name("eve"), nil, 0, 0, "/etc/passwd of the image does not name it"},
		{"a line that is cut", dest, name("cut"), nil, 0, 0, "is cut"},
		{"no such file", chainOf("linux", "etc/"), name("bob"), nil, 0, 0, "has no /etc/passwd"},
		{"no group file", chainOf("linux", "etc/"), id(1), name("crew"), 0, 0, "has no /etc/group"},
		{"numbers on scratch", tree.Chain{}, id(5), nil, 5, 5, ""},
	} {
		c := copyOf("/f", "/new/")
		c.Owner = &llb.ChownOpt{User: tt.user, Group: tt.group}
		got, err := apply(t, nil, tt.dest, chainOf("", "f=1"), c)
		if tt.err != "" {
			if err == nil || !strings.Contains(err.Error(), tt.err) {
				t.Errorf("%s: %v", tt.what, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", tt.what, err)
			continue
		}
		for _, n := range []string{"new", "new/f"} {
			e, err := got.View().Lookup(t.Context(), n)
			if err != nil || e.Unix.UID != tt.uid || e.Unix.GID != tt.gid {
				t.Errorf("%s: %s has %+v, %v", tt.what, n, e, err)
			}
		}
	}
	// On scratch, what the layer is put on decides about a name.
	got, err := apply(t, nil, tree.Chain{}, chainOf("", "f=1"), owned(copyOf("/f", "/"), "bob"))
	if err != nil || top(t, got) != "f=1@bob" {
		t.Errorf("a name on scratch: %v", err)
	}
}

// A directory that is removed and made again in one operation must not show
// what the base has in it.
func TestRemovedAndMadeAgain(t *testing.T) {
	for _, os := range []string{"linux", "windows"} {
		got, err := apply(t, nil, chainOf(os, "d/ d/old=1"), chainOf("", "f=2"), &llb.Remove{Path: "/d"}, copyOf("/f", "/d/"))
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff("d/ d/f=2", show(t, tree.Walk(t.Context(), got.View(), ""))); d != "" {
			t.Errorf("%s (-want +got):\n%s", os, d)
		}
	}
}

// Files of one COPY that would become one file are refused, whose content would
// be lost without a word. What is between two copies, another name or a
// directory makes the second one mean something else.
func TestTwoSourcesForOneFile(t *testing.T) {
	from := chainOf("", "a=1 b=2 c/ c/d=3 only=4")
	for _, tt := range []struct {
		os, dest string
		do       []llb.FileAction
		refused  string // what the error names
	}{
		{"linux", "", []llb.FileAction{copyOf("/a", "/x"), copyOf("/b", "/x")}, `"a" and "b" would both become the file /x`},
		{"linux", "x=0", []llb.FileAction{copyOf("/a", "/x"), copyOf("/b", "/x")}, `"a" and "b"`},
		{"linux", "l->x", []llb.FileAction{copyOf("/a", "/l"), copyOf("/b", "/x")}, `"a" and "b"`},
		{"linux", "", []llb.FileAction{copyOf("/[ab]", "/x")}, `"a" and "b"`},
		{"linux", "", []llb.FileAction{copyOf("/a", "/x"), copyOf("/none*", "/x"), copyOf("/b", "/x")}, `"a" and "b"`},
		{"linux", "", []llb.FileAction{copyOf("/a", "/x"), copyOf("/c", "/x")}, `"a" and "c"`},
		{"windows", "", []llb.FileAction{copyOf("/a", "/x"), copyOf("/b", "/X")}, `"a" and "b"`},
		{"linux", "x/", []llb.FileAction{copyOf("/a", "/x"), copyOf("/b", "/x")}, ""},
		{"linux", "", []llb.FileAction{copyOf("/c", "/x"), copyOf("/b", "/x")}, ""},
		{"linux", "", []llb.FileAction{copyOf("/a", "/x/"), copyOf("/b", "/x/")}, ""},
		{"windows", "Windows/", []llb.FileAction{copyOf("/a", "/Windows"), copyOf("/b", "/windows")}, ""},
		{"linux", "", []llb.FileAction{copyOf("/o*", "/x")}, ""},
		{"linux", "", []llb.FileAction{copyOf("/a", "/x"), copyOf("/b", "/y")}, ""},
		{"linux", "", []llb.FileAction{copyOf("/a", "/x"), &llb.Remove{Path: "/x"}, copyOf("/b", "/x")}, ""},
		{"linux", "", []llb.FileAction{copyOf("/a", "/x"), &llb.Mkfile{Path: "/x", Mode: 0o644, Timestamp: llb.Keep}, copyOf("/b", "/x")}, ""},
	} {
		_, err := apply(t, nil, chainOf(tt.os, tt.dest), from, tt.do...)
		if (err != nil) != (tt.refused != "") || err != nil && !strings.Contains(err.Error(), tt.refused) {
			t.Errorf("%s, %q, %+v: got error %v, want %q", tt.os, tt.dest, tt.do, err, tt.refused)
		}
	}
}

func execOf(mounts ...llb.Mount) *llb.Exec {
	mounts = append([]llb.Mount{{Dest: "/", Input: 0, Output: 0}}, mounts...)
	return &llb.Exec{Args: []string{"make"}, Cwd: "/src", Env: []string{"A=1"}, Mounts: mounts, Network: llb.NetworkNone}
}

// The runner must see what the graph says, and its layer must land on the root
// with the step's name and place.
func TestExec(t *testing.T) {
	src := &sources{chains: map[string]tree.Chain{"root": chainOf("linux", "a=1"), "tools": chainOf("linux", "t=1")}}
	s := newSolver(src)
	var seen run.Step
	s.Runner = run.Func(func(_ context.Context, st run.Step) (run.Result, error) {
		seen = st
		return run.Result{Layer: layerOf("out=2")}, nil
	})
	op := execOf(
		llb.Mount{Dest: "/tools", Input: 1, Selector: "/bin", Output: llb.Discard, ReadOnly: true},
		llb.Mount{Kind: llb.MountCache, Dest: "/cache", Input: llb.Scratch, Output: llb.Discard, Cache: &llb.CacheMount{ID: "c"}},
		llb.Mount{Kind: llb.MountSecret, Dest: "/key", Input: llb.Scratch, Output: llb.Discard, Secret: &llb.SecretMount{ID: "k", Optional: true}})
	op.Proxy = &llb.Proxy{HTTP: "http://proxy"}
	op.SecretEnv = []llb.SecretEnv{{ID: "x", Name: "X"}}
	got, err := s.Solve(t.Context(), graph(t, vertex("run", op, sourceOf("root"), sourceOf("tools"))), "linux")
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff("a=1 out=2", show(t, tree.Walk(t.Context(), got.View(), ""))); d != "" {
		t.Errorf("result (-want +got):\n%s", d)
	}
	if l := got.Layers()[1]; l.Label != "run" || l.Where != "Dockerfile:4" {
		t.Errorf("the layer is called %q at %q", l.Label, l.Where)
	}
	var mounts []string
	for _, m := range seen.Mounts {
		mounts = append(mounts, fmt.Sprintf("%s %s %s %s %v %v %d", m.Type, m.Target, m.Selector, m.ID, m.ReadOnly, m.Optional, len(m.Source.Layers())))
	}
	if d := cmp.Diff([]string{"bind tools bin  true false 1", "cache cache  c false false 0", "secret key  k false true 0"}, mounts); d != "" {
		t.Errorf("mounts (-want +got):\n%s", d)
	}
	if d := cmp.Diff([]string{"A=1", "HTTP_PROXY=http://proxy", "http_proxy=http://proxy"}, seen.Env); d != "" {
		t.Errorf("environment (-want +got):\n%s", d)
	}
	if d := cmp.Diff([]run.SecretEnv{{ID: "x", Name: "X"}}, seen.SecretEnv); d != "" {
		t.Errorf("secret variables (-want +got):\n%s", d)
	}
	if seen.Dir != "src" || seen.Network != "none" || seen.Where.Line != 4 || seen.Root.OS != "linux" {
		t.Errorf("step %+v", seen)
	}
}

// A variable that a command sets for the machine is there for later commands,
// unless the Dockerfile sets it in between, and a mount's target may have a
// drive.
func TestMachineVariablesReachLaterCommands(t *testing.T) {
	var seen []run.Step
	s := newSolver(&sources{chains: map[string]tree.Chain{"root": chainOf("windows", "a=1")}})
	s.Runner = run.Func(func(_ context.Context, st run.Step) (run.Result, error) {
		seen = append(seen, st)
		l := layerOf("")
		if len(seen) == 1 {
			l.Env = []tree.EnvChange{{Name: "PATH", Value: `C:\tool`}, {Name: "mode", Value: "run"}, {Name: "NEW", Value: "1"}}
		}
		return run.Result{Layer: l}, nil
	})
	first := execOf()
	first.Env = []string{"Mode=env"}
	cache := func(dest string) llb.Mount {
		return llb.Mount{Kind: llb.MountCache, Dest: dest, Input: llb.Scratch, Output: llb.Discard, Cache: &llb.CacheMount{ID: "c", Sharing: llb.Locked}}
	}
	second := execOf(cache("/app/C:/cache"), cache(`/app/C:\cache\sub`), cache(`/app/\other`), cache(`/app/rel\sub`))
	second.Env = []string{"Mode=later"}
	got, err := s.Solve(t.Context(), graph(t, vertex("2", second, llb.Input{Vertex: vertex("1", first, sourceOf("root"))})), "windows")
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"Mode=later", `PATH=C:\tool`, "NEW=1"}, seen[1].Env); d != "" {
		t.Errorf("environment of the second command (-want +got):\n%s", d)
	}
	for i, want := range []string{"cache", "cache/sub", "other", "app/rel/sub"} {
		if m := seen[1].Mounts[i]; m.Target != want || m.Sharing != "locked" {
			t.Errorf("mount %+v", m)
		}
	}
	if d := cmp.Diff([]string{`PATH=C:\tool`, "mode=run", "NEW=1"}, got.Environment(nil)); d != "" {
		t.Errorf("environment of the result (-want +got):\n%s", d)
	}
}

// Commands that no runner can do are refused before anything is pinned, and so
// is everything that would get lost on the way to a runner.
func TestRefusals(t *testing.T) {
	ok := run.Func(func(context.Context, run.Step) (run.Result, error) { return run.Result{Layer: layerOf("")}, nil })
	insecure, rooted := execOf(), execOf()
	insecure.Insecure = true
	rooted.Mounts[0].Selector = "/sub"
	written := vertex("written", execOf(llb.Mount{Dest: "/cache", Input: 1, Output: 1}), sourceOf("root"), sourceOf("root"))
	for name, tt := range map[string]struct {
		v      *llb.Vertex
		runner run.Runner
	}{
		"no runner":             {vertex("run", execOf(), sourceOf("root")), nil},
		"insecure":              {vertex("run", insecure, sourceOf("root")), ok},
		"part of a tree":        {vertex("run", rooted, sourceOf("root")), ok},
		"content of a mount":    {vertex("copy", actions(copyOf("/", "/x/")), sourceOf("root"), llb.Input{Vertex: written, Output: 1}), ok},
		"an unused mount is ok": {vertex("copy", actions(copyOf("/", "/x/")), sourceOf("root"), llb.Input{Vertex: written, Output: 0}), ok},
	} {
		src := &sources{chains: map[string]tree.Chain{"root": chainOf("linux", "a=1")}}
		s := newSolver(src)
		s.Runner = tt.runner
		_, err := s.Solve(t.Context(), graph(t, tt.v), "linux")
		if strings.HasSuffix(name, "ok") {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		var refused *run.RefusedError
		var step *solve.StepError
		if !errors.As(err, &refused) || !errors.As(err, &step) || refused.Way == "" || step.Where.Line != 4 {
			t.Errorf("%s: %v", name, err)
		}
		if len(src.pins) > 0 {
			t.Errorf("%s: sources were pinned: %v", name, src.pins)
		}
	}
}

// An error says where it comes from, once.
func TestErrorsSayWhere(t *testing.T) {
	_, err := apply(t, nil, chainOf("linux", ""), chainOf("", "f=1"), copyOf("/missing", "/"))
	if err == nil || err.Error() != `Dockerfile:4: file: "missing" is not there to be copied` || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v", err)
	}
	s := newSolver(&sources{})
	if _, err = s.Solve(t.Context(), graph(t, vertex("x", actions(copyOf("/", "/")), sourceOf("a"), sourceOf("a"))), "linux"); err == nil || strings.Count(err.Error(), "Dockerfile:4") != 1 {
		t.Errorf("error of a source: %v", err)
	}
}

// cmd shows the lines that an error is about.
func TestExcerpt(t *testing.T) {
	lines := func(n int) string { return strings.TrimSuffix(strings.Repeat("x\n", n), "\n") }
	for text, want := range map[string]string{
		"":                      "",
		"RUN a \\\r\n    b\r\n": "   9 | RUN a \\\n  10 |     b\n",
		lines(6):                "   9 | x\n  10 | x\n  11 | x\n  12 | x\n  13 | x\n  14 | x\n",
		lines(8):                "   9 | x\n  10 | x\n  11 | x\n  12 | x\n  13 | x\n     | …\n",
	} {
		e := &solve.StepError{Where: llb.Location{Line: 9, Text: text}}
		if d := cmp.Diff(want, e.Excerpt()); d != "" {
			t.Errorf("%q (-want +got):\n%s", text, d)
		}
	}
}

// What went wrong is seen behind the name of a step that is a page long.
func TestLongNameInError(t *testing.T) {
	for name, want := range map[string]string{
		"[2/3] RUN a  b": "RUN a  b",
		"[2/3] RUN " + strings.Repeat("word;    ", 30): "RUN " + strings.Repeat("word; ", 16) + "…",
	} {
		e := &solve.StepError{Where: llb.Location{File: "Dockerfile", Line: 3}, Step: name, Err: errors.New("no")}
		if got, want := e.Error(), "Dockerfile:3: "+strings.Replace(want, " …", "…", 1)+": no"; got != want {
			t.Errorf("error %q, want %q", got, want)
		}
	}
}

// A solver that was cancelled works again, and a graph that waits for a vertex
// of a cancelled one does it itself.
func TestCancelledIsNotPoisoned(t *testing.T) {
	started, block := make(chan struct{}, 2), atomic.Bool{}
	block.Store(true)
	src := &sources{chains: map[string]tree.Chain{"dest": chainOf("linux", "a=1"), "from": chainOf("", "f=1")}}
	src.load = func(ctx context.Context, id string) error {
		if id == "from" && block.Load() {
			started <- struct{}{}
			<-ctx.Done()
			return fmt.Errorf("reading: %w", ctx.Err())
		}
		return nil
	}
	s := newSolver(src)
	g := graph(t, vertex("file", actions(copyOf("/f", "/")), sourceOf("dest"), sourceOf("from")))
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	var first, second error
	wg.Go(func() { _, first = s.Solve(ctx, g, "linux") })
	<-started
	wg.Go(func() { _, second = s.Solve(t.Context(), g, "linux") })
	block.Store(false)
	cancel()
	wg.Wait()
	if !errors.Is(first, context.Canceled) || second != nil {
		t.Errorf("the cancelled solve: %v; the other: %v", first, second)
	}
	if _, err := s.Solve(t.Context(), g, "linux"); err != nil {
		t.Errorf("after that: %v", err)
	}
}

// One input that fails ends the others, and its error is the one that is told.
func TestFailureCancelsOthers(t *testing.T) {
	boom := errors.New("boom")
	waiting := make(chan struct{})
	src := &sources{chains: map[string]tree.Chain{"dest": chainOf("linux", "a=1"), "from": {}}}
	src.load = func(ctx context.Context, id string) error {
		if id == "from" {
			<-waiting
			return boom
		}
		close(waiting)
		<-ctx.Done()
		return errors.New("connection closed") // what a cancelled transfer may say
	}
	_, err := newSolver(src).Solve(t.Context(), graph(t, vertex("file", actions(copyOf("/", "/")), sourceOf("dest"), sourceOf("from"))), "linux")
	if !errors.Is(err, boom) {
		t.Errorf("error %v", err)
	}
}

// Graphs share vertices: each is evaluated once, whoever asks and how often.
func TestEvaluatesOnce(t *testing.T) {
	src := &sources{chains: map[string]tree.Chain{"dest": chainOf("linux", "a=1"), "from": chainOf("", "f=1")}}
	s := newSolver(src)
	var runs atomic.Int32
	s.Runner = run.Func(func(_ context.Context, st run.Step) (run.Result, error) {
		runs.Add(1)
		return run.Result{Layer: layerOf("r=1")}, nil
	})
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			shared := vertex("run", execOf(), sourceOf("dest"))
			last := vertex(fmt.Sprint("copy", i%4), actions(copyOf("/f", "/")), input(shared), sourceOf("from"))
			if _, err := s.Solve(t.Context(), graph(t, last), "linux"); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if runs.Load() != 1 || src.pins["dest"] != 1 || src.pins["from"] != 1 {
		t.Errorf("%d runs, pins %v", runs.Load(), src.pins)
	}
}

// Vertices that were made by hand have no digest and are told apart all the same.
func TestVerticesWithoutDigest(t *testing.T) {
	src := &sources{chains: map[string]tree.Chain{"dest": chainOf("linux", "a=1"), "from": chainOf("", "f=1")}}
	v := vertex("", actions(copyOf("/f", "/")), sourceOf("dest"), sourceOf("from"))
	for _, in := range v.Inputs {
		in.Vertex.Digest = ""
	}
	got, err := newSolver(src).Solve(t.Context(), graph(t, v), "linux")
	if err != nil || show(t, tree.Walk(t.Context(), got.View(), "")) != "a=1 f=1" {
		t.Errorf("result %v", err)
	}
}

// archive takes files whose text begins with "tar:" for archives of what
// follows.
type archive struct{ t *testing.T }

func (a archive) Unpack(_ context.Context, c tree.Content) (tree.Tree, bool, error) {
	b, ok := c.(tree.Bytes)
	text, isTar := strings.CutPrefix(string(b), "tar:")
	return chainOf("", strings.NewReplacer("+", " ", "]", ">").Replace(text)).View(), ok && isTar, nil
}

// ADD puts what is in an archive into the destination, over what is there, and
// copies other files as they are.
func TestUnpack(t *testing.T) {
	s := newSolver(&sources{chains: map[string]tree.Chain{
		"dest": chainOf("linux", "x/ x/old=1 x/f/ x/f/gone=1"),
		"from": chainOf("", "a.tar=tar:f=2+d/+d/e=3+h=4+i=]h b.txt=5"),
	}})
	s.Unpacker = archive{t}
	add := func(src string) *llb.Copy {
		c := copyOf(src, "/x/")
		c.Unpack = true
		return c
	}
	got, err := s.Solve(t.Context(), graph(t, vertex("add", actions(add("/a.tar"), add("/b.txt")), sourceOf("dest"), sourceOf("from"))), "linux")
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff("x/ x/b.txt=5 x/d/ x/d/e=3 x/f=2 x/h=4 x/i=4 x/old=1", show(t, tree.Walk(t.Context(), got.View(), ""))); d != "" {
		t.Errorf("tree (-want +got):\n%s", d)
	}
	if d := cmp.Diff([]string{"x/h x/i"}, links(t, got)); d != "" {
		t.Errorf("links (-want +got):\n%s", d)
	}
}
