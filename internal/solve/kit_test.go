package solve_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"slices"
	"strings"
	"sync"
	"testing"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/casement/casement/internal/llb"
	"github.com/casement/casement/internal/run"
	"github.com/casement/casement/internal/solve"
	"github.com/casement/casement/internal/tree"
)

// layerOf makes a layer of a compact text, one entry a word: "dir/",
// "file=text", "link->target", "hard=>target", "junction~>target", "!removed".
// An underscore in a name stands for a blank.
func layerOf(text string) *tree.Layer {
	var changes []tree.Change
	for _, s := range strings.Fields(text) {
		e := &tree.Entry{Unix: &tree.Unix{Mode: 0o644}}
		var ok bool
		name := func(n string) string { return strings.ReplaceAll(n, "_", " ") }
		if rest, removed := strings.CutPrefix(s, "!"); removed {
			changes = append(changes, tree.Change{Removed: name(rest)})
			continue
		}
		for kind, sep := range map[tree.Kind]string{tree.Symlink: "->", tree.Hardlink: "=>", tree.Junction: "~>"} {
			if n, target, found := strings.Cut(s, sep); found {
				e.Name, e.Target, e.Kind, ok = name(n), name(target), kind, true
			}
		}
		if n, isDir := strings.CutSuffix(s, "/"); isDir && !ok {
			e.Name, e.Kind, e.Unix.Mode, ok = name(n), tree.Dir, 0o755, true
		}
		if !ok {
			n, body, _ := strings.Cut(s, "=")
			e.Name, e.Kind, e.Size, e.Content = name(n), tree.File, int64(len(body)), tree.Bytes(body)
		}
		changes = append(changes, tree.Change{Entry: e})
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

// untouchable is a base image whose reading is a fault.
type untouchable struct{ t testing.TB }

func (u untouchable) fail(what string) error {
	u.t.Helper()
	u.t.Errorf("the sealed base was asked: %s", what)
	return errors.New("sealed")
}

func (u untouchable) Find(_ context.Context, name string, _ bool) (tree.Change, error) {
	return tree.Change{}, u.fail("find " + name)
}

func (u untouchable) List(_ context.Context, dir string, _ bool) iter.Seq2[tree.Change, error] {
	return func(yield func(tree.Change, error) bool) { yield(tree.Change{}, u.fail("list "+dir)) }
}

func (u untouchable) All(context.Context) iter.Seq2[tree.Change, error] {
	return func(yield func(tree.Change, error) bool) { yield(tree.Change{}, u.fail("all")) }
}

// sealedWindows is a Windows base that must not be read, with layers of the
// build on top.
func sealedWindows(t testing.TB, layers ...string) tree.Chain {
	c := tree.NewChain(ocispec.Platform{OS: "windows"}, &tree.Layer{Changes: untouchable{t}, Sealed: true})
	return c.Push(chainOf("", layers...).Layers()...)
}

// sources gives chains by identifier, and counts.
type sources struct {
	mu     sync.Mutex
	chains map[string]tree.Chain
	pins   map[string]int
	load   func(ctx context.Context, id string) error
}

func (s *sources) Pin(_ context.Context, src *llb.Source) (solve.Pinned, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pins == nil {
		s.pins = map[string]int{}
	}
	s.pins[src.Identifier]++
	c, ok := s.chains[src.Identifier]
	if !ok {
		return solve.Pinned{}, fmt.Errorf("no source %s: %w", src.Identifier, fs.ErrNotExist)
	}
	return solve.Pinned{Load: func(ctx context.Context) (tree.Chain, error) {
		if s.load != nil {
			if err := s.load(ctx, src.Identifier); err != nil {
				return tree.Chain{}, err
			}
		}
		return c, nil
	}}, nil
}

// observer collects warnings.
type observer struct {
	mu       sync.Mutex
	warnings []string
	ended    map[string]error
}

func (o *observer) Command(*llb.Vertex) solve.Listener {
	return solve.Listener{Stdout: io.Discard, Stderr: io.Discard, Progress: func(string, int64, int64) {}, Cached: func() {}}
}

func (o *observer) Start(v *llb.Vertex) func(error) {
	return func(err error) {
		o.mu.Lock()
		defer o.mu.Unlock()
		if o.ended == nil {
			o.ended = map[string]error{}
		}
		o.ended[v.Name] = err
	}
}

func (o *observer) Warn(_ *llb.Vertex, w run.Warning) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.warnings = append(o.warnings, w.Message+" ("+w.Hint+")")
}

func vertex(digest string, op llb.Op, inputs ...llb.Input) *llb.Vertex {
	return &llb.Vertex{Digest: digest, Name: "[1/1] " + digest, Op: op, Inputs: inputs,
		Where: llb.Location{File: "Dockerfile", Line: 4, EndLine: 4, Text: "STEP " + digest}}
}

func input(v *llb.Vertex) llb.Input { return llb.Input{Vertex: v} }

func sourceOf(id string) llb.Input { return input(vertex("source "+id, &llb.Source{Identifier: id})) }

func graph(t testing.TB, root *llb.Vertex) *llb.Graph {
	t.Helper()
	g, err := llb.New(input(root))
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// actions makes a file operation in which every action works on what the one
// before has left, beginning with input 0; input 1 is the source of copies.
func actions(list ...llb.FileAction) *llb.File {
	f := &llb.File{}
	for i, do := range list {
		a := llb.Action{Input: 0, SecondaryInput: llb.Scratch, Output: llb.Discard, Do: do}
		if i > 0 {
			a.Input = 2 + i - 1
		}
		if _, ok := do.(*llb.Copy); ok {
			a.SecondaryInput = 1
		}
		if i == len(list)-1 {
			a.Output = 0
		}
		f.Actions = append(f.Actions, a)
	}
	return f
}

// apply does actions on dest, with from as the source of copies.
func apply(t testing.TB, o solve.Observer, dest, from tree.Chain, list ...llb.FileAction) (tree.Chain, error) {
	t.Helper()
	s := &solve.Solver{Sources: &sources{chains: map[string]tree.Chain{"dest": dest, "from": from}}, Observer: o}
	v := vertex("file", actions(list...), sourceOf("dest"), sourceOf("from"))
	return s.Solve(t.Context(), graph(t, v), dest.OS)
}

// copyOf is a COPY as the Dockerfile frontend makes it.
func copyOf(src, dest string) *llb.Copy {
	return &llb.Copy{Src: src, Dest: dest, Mode: llb.Keep, Timestamp: llb.Keep, FollowSymlink: true,
		DirCopyContents: true, CreateDestPath: true, AllowWildcard: true, AllowEmptyWildcard: true}
}

// show lists a tree or the changes of a layer in the notation of layerOf.
func show(t testing.TB, seq iter.Seq2[*tree.Entry, error]) string {
	t.Helper()
	var out []string
	for e, err := range seq {
		if err != nil {
			t.Fatalf("listing: %v", err)
		}
		name := strings.ReplaceAll(e.Name, " ", "_")
		switch e.Kind {
		case tree.Dir:
			name += "/"
		case tree.Symlink:
			name += "->" + e.Target
		case tree.Junction:
			name += "~>" + e.Target
		default:
			name += "=" + content(t, e)
		}
		if e.Owner != nil {
			name += "@" + strings.Trim(e.Owner.User+":"+e.Owner.Group, ":")
		}
		out = append(out, name)
	}
	return strings.Join(out, " ")
}

func content(t testing.TB, e *tree.Entry) string {
	t.Helper()
	c := tree.NewChain(ocispec.Platform{}, &tree.Layer{Changes: tree.NewSet([]tree.Change{{Entry: e}})})
	b, err := tree.ReadFile(t.Context(), c.View(), e.Name, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// top lists the changes of the uppermost layer.
func top(t testing.TB, c tree.Chain) string {
	t.Helper()
	layers := c.Layers()
	return show(t, func(yield func(*tree.Entry, error) bool) {
		for change, err := range layers[len(layers)-1].Changes.All(t.Context()) {
			e := change.Entry
			if e == nil {
				e = &tree.Entry{Name: "!" + change.Removed, Kind: tree.Dir}
			}
			if !yield(e, err) {
				return
			}
		}
	})
}

// links lists the groups of hard-linked names of the uppermost layer.
func links(t testing.TB, c tree.Chain) []string {
	t.Helper()
	layers := c.Layers()
	groups := map[string][]string{}
	for change, err := range layers[len(layers)-1].Changes.All(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if e := change.Entry; e != nil && e.Link != "" {
			groups[e.Link] = append(groups[e.Link], e.Name)
		}
	}
	var out []string
	for _, g := range groups {
		if len(g) > 1 {
			out = append(out, strings.Join(g, " "))
		}
	}
	slices.Sort(out)
	return out
}
