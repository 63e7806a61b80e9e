// Package solve turns a graph into chains.
//
// [Solver.Solve] walks the graph of package llb and evaluates each vertex
// once: sources are pinned and loaded through [Source], file operations are
// done on trees in memory, commands go to a run.Runner, merges stack layers.
// What comes out is a chain whose new layers know their files, but not yet
// their bytes: contents stay where they are (in the build context, in a layer
// of an image) until somebody packs the layer. A stage that is only copied
// from is therefore never packed at all, and a base image that nobody looks
// into is never read.
//
// Start with Solve, then file.go for the actions on files and copy.go for COPY.
// The package has never heard of tars, registries or Dockerfiles; errors get
// the place in the text from the graph ([StepError]).
//
// Files are copied by BuildKit's rules, and a test compares the two on random
// trees. These differ on purpose:
//   - Names of Windows chains are compared without case, there also in wildcards
//     and patterns; existing directories keep their spelling, and a copied file
//     the one of its source.
//   - A sealed Windows base is not looked into to find out where a file goes:
//     what is known are the layers of the build and the directories and
//     junctions that every Windows has. Those directories keep their own
//     metadata whatever is copied onto them.
//   - A malformed pattern, an account that the image does not know and a
//     directory in the place of a file are errors; BuildKit takes them for
//     nothing found, for root and for done.
//   - Several files that are copied to one name, which does not end in a slash
//     and is no directory, are an error, as Docker's documentation has it;
//     BuildKit lets the last one win without a word.
//   - Hard links stay linked across all sources of one copy, a broken link can
//     be removed without leave to be missing, and with that leave a name below
//     a file is missing.
//   - What a command leaves in a mount other than its root cannot be used by
//     another step; a graph that tries is refused.
package solve

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/casement/casement/internal/llb"
	"github.com/casement/casement/internal/run"
	"github.com/casement/casement/internal/tree"
	"github.com/casement/casement/internal/winmeta"
)

// Pinned is a source whose exact version is known.
type Pinned struct {
	// Key names the content; "" where it can only be known by reading it.
	Key string
	// Load gives the content.
	Load func(ctx context.Context) (tree.Chain, error)
}

// Source brings trees in from outside: it says which version of a source is
// meant first, and fetches bytes later or never.
type Source interface {
	Pin(ctx context.Context, s *llb.Source) (Pinned, error)
}

// Unpacker looks into archives for ADD. It returns false if the content is not
// an archive that it knows.
type Unpacker interface {
	Unpack(ctx context.Context, c tree.Content) (tree.Tree, bool, error)
}

// Observer hears what the solver does. Its methods are called from several
// goroutines.
type Observer interface {
	// Start says that work on a vertex begins. The returned function is called
	// with its outcome.
	Start(v *llb.Vertex) (end func(error))
	// Warn reports something that is not an error.
	Warn(v *llb.Vertex, w run.Warning)
	// Command returns what listens to the command of a vertex.
	Command(v *llb.Vertex) Listener
}

// Listener hears a command. Its fields are never nil.
type Listener struct {
	Stdout, Stderr io.Writer
	// Progress hears of bytes that the command moves.
	Progress func(what string, done, total int64)
	// Cached says that the result was known.
	Cached func()
}

// Solver evaluates graphs. It remembers the results of vertices, so that
// graphs for several platforms share what they have in common.
type Solver struct {
	// Sources brings in what the graph names. It must not be nil.
	Sources Source
	// Runner executes commands; nil refuses them all.
	Runner run.Runner
	// Unpacker opens archives for ADD; nil means that nothing is one.
	Unpacker Unpacker
	// Observer hears of progress; nil is silent.
	Observer Observer

	mu      sync.Mutex
	results map[any]*result // by digest
}

// result is the outcome of one vertex, or the promise of it.
type result struct {
	done   chan struct{}
	chains []tree.Chain
	err    error
	// forgotten says that whoever worked on it was told to stop.
	forgotten bool
}

// StepError says which vertex went wrong.
type StepError struct {
	Where llb.Location
	// Step is what people call the vertex.
	Step string
	Err  error
}

// Error implements error.
func (e *StepError) Error() string {
	var refused *run.RefusedError
	if errors.As(e.Err, &refused) && refused.Where.String() != "" {
		place, name := refused.Where.String()+": ", shortName(e.Step)
		if rest, ok := strings.CutPrefix(e.Err.Error(), place); ok && name != "" && strings.HasPrefix(strings.ToUpper(refused.Where.Text), "FROM") {
			// The line is the base's, whose ONBUILD trigger it was.
			return place + name + ": " + rest
		}
		return e.Err.Error()
	}
	var parts []string
	for _, s := range []string{e.Where.String(), shortName(e.Step), e.Err.Error()} {
		if s != "" {
			parts = append(parts, s)
		}
	}
	return strings.Join(parts, ": ")
}

// Unwrap returns what went wrong.
func (e *StepError) Unwrap() error { return e.Err }

// StepName cuts the counter off a vertex's name: "[2/3] COPY . /app".
func StepName(name string) string {
	if strings.HasPrefix(name, "[") {
		if _, rest, ok := strings.Cut(name, "] "); ok {
			return rest
		}
	}
	return name
}

// shortName is the name of a step in a message, which has to be seen behind it: a
// RUN may be a page of text, whose beginning the excerpt shows.
func shortName(name string) string {
	const most = 100
	name = StepName(name)
	if utf8.RuneCountInString(name) <= most {
		return name
	}
	r := []rune(strings.Join(strings.Fields(name), " "))
	if len(r) > most {
		return strings.TrimRight(string(r[:most]), " ") + "…"
	}
	return string(r)
}

// Excerpt returns the lines that the vertex was made from with their numbers,
// six at most; "" if they are not known.
func (e *StepError) Excerpt() string {
	if e.Where.Text == "" {
		return ""
	}
	const most = 6
	var b strings.Builder
	lines := strings.Split(strings.TrimRight(e.Where.Text, "\r\n"), "\n")
	for i, line := range lines {
		if i == most-1 && len(lines) > most {
			fmt.Fprintf(&b, "%4s | …\n", "")
			break
		}
		fmt.Fprintf(&b, "%4d | %s\n", e.Where.Line+i, strings.TrimRight(line, "\r"))
	}
	return b.String()
}

// Solve evaluates the graph and returns the chain that it leads to. Steps that
// cannot be executed are refused before anything else happens. It may be called
// for several graphs at once and again after an error: a vertex that failed
// fails again with the same error, one that was cancelled is done anew.
func (s *Solver) Solve(ctx context.Context, g *llb.Graph, os string) (tree.Chain, error) {
	if err := s.Check(ctx, g, os); err != nil {
		return tree.Chain{}, err
	}
	if g.Root.Vertex == nil {
		return tree.Chain{OS: os}, nil
	}
	chains, err := s.vertex(ctx, g.Root.Vertex)
	if err != nil {
		return tree.Chain{}, err
	}
	c := chains[g.Root.Output]
	if c.OS == "" {
		c.OS = os
	}
	return c, nil
}

// Check refuses a graph with steps that no runner can do. os is the system of
// stages whose base does not say.
func (s *Solver) Check(ctx context.Context, g *llb.Graph, os string) error {
	for v := range g.Vertices() {
		var err error
		if e, ok := v.Op.(*llb.Exec); ok {
			err = s.checkExec(ctx, v, e, os)
		}
		for _, in := range v.Inputs {
			if err == nil {
				err = checkResult(in, v)
			}
		}
		if err != nil {
			return wrap(v, err)
		}
	}
	if g.Root.Vertex == nil {
		return nil
	}
	if err := checkResult(g.Root, g.Root.Vertex); err != nil {
		return wrap(g.Root.Vertex, err)
	}
	return nil
}

// wrap says which vertex went wrong, unless the error knows or nothing did.
func wrap(v *llb.Vertex, err error) error {
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	if _, ok := errors.AsType[*StepError](err); ok {
		return err
	}
	if missing, ok := errors.AsType[*NotFoundError](err); ok && strings.Contains(v.Name, "../") {
		missing.Outside = true
	}
	return &StepError{Where: v.Where, Step: v.Name, Err: err}
}

// located gives an error of an input that has no place in the Dockerfile, as
// the download of an ADD, the place of the step that wants it.
func located(v *llb.Vertex, err error) error {
	e, ok := errors.AsType[*StepError](err)
	if !ok || e.Where.Line > 0 || v.Where.Line == 0 {
		return err
	}
	return &StepError{Where: v.Where, Step: e.Step, Err: e.Err}
}

// vertex returns the outputs of v, evaluating it if nobody has.
func (s *Solver) vertex(ctx context.Context, v *llb.Vertex) ([]tree.Chain, error) {
	for {
		r, mine := s.claim(v)
		if mine {
			r.chains, r.err = s.evaluate(ctx, v)
			if r.err != nil && ctx.Err() != nil {
				s.forget(v, r)
			}
			close(r.done)
			return r.chains, r.err
		}
		select {
		case <-r.done:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		if !r.forgotten {
			return r.chains, r.err
		}
		// Another solve gave up, which is no reason for this one to.
		if err := ctx.Err(); err != nil {
			return nil, err
		}
	}
}

// claim returns the result of v, and whether the caller has to produce it.
func (s *Solver) claim(v *llb.Vertex) (*result, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.results == nil {
		s.results = map[any]*result{}
	}
	if r, ok := s.results[keyOf(v)]; ok {
		return r, false
	}
	r := &result{done: make(chan struct{})}
	s.results[keyOf(v)] = r
	return r, true
}

// forget lets a result be produced again.
func (s *Solver) forget(v *llb.Vertex, r *result) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r.forgotten = true
	delete(s.results, keyOf(v))
}

// keyOf names a vertex: by its digest, or itself if it has none.
func keyOf(v *llb.Vertex) any {
	if v.Digest == "" {
		return v
	}
	return v.Digest
}

func (s *Solver) evaluate(ctx context.Context, v *llb.Vertex) ([]tree.Chain, error) {
	inputs, err := s.inputs(ctx, v)
	if err != nil {
		return nil, located(v, err)
	}
	end := func(error) {}
	if s.Observer != nil {
		end = s.Observer.Start(v)
	}
	chains, err := s.do(ctx, v, inputs)
	err = wrap(v, err)
	end(err)
	return chains, err
}

// inputs evaluates what v works on, all at once. The first error ends the
// others and is the one that counts.
func (s *Solver) inputs(ctx context.Context, v *llb.Vertex) ([]tree.Chain, error) {
	inputs := make([]tree.Chain, len(v.Inputs))
	within, cancel := context.WithCancel(ctx)
	defer cancel()
	var wg sync.WaitGroup
	var once sync.Once
	var first error
	for i, in := range v.Inputs {
		wg.Go(func() {
			chains, err := s.vertex(within, in.Vertex)
			if err != nil {
				once.Do(func() { first = err })
				cancel()
				return
			}
			inputs[i] = chains[in.Output]
		})
	}
	wg.Wait()
	return inputs, first
}

func (s *Solver) do(ctx context.Context, v *llb.Vertex, inputs []tree.Chain) ([]tree.Chain, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	switch op := v.Op.(type) {
	case *llb.Source:
		return s.source(ctx, op)
	case *llb.File:
		return s.file(ctx, v, op, inputs)
	case *llb.Exec:
		return s.exec(ctx, v, op, inputs)
	case *llb.Merge:
		return mergeChains(ctx, op, inputs)
	case *llb.Diff:
		return diffChains(op, inputs)
	}
	return nil, fmt.Errorf("operation %T is not known", v.Op)
}

func (s *Solver) source(ctx context.Context, op *llb.Source) ([]tree.Chain, error) {
	if s.Sources == nil {
		return nil, fmt.Errorf("loading %s: there are no sources", op.Identifier)
	}
	p, err := s.Sources.Pin(ctx, op)
	if err != nil {
		return nil, err
	}
	c, err := p.Load(ctx)
	if err != nil {
		return nil, err
	}
	return []tree.Chain{c}, nil
}

// at returns the input with index i of an operation, the empty chain for
// llb.Scratch.
func at(inputs []tree.Chain, i int) tree.Chain {
	if i == llb.Scratch {
		return tree.Chain{}
	}
	return inputs[i]
}

// mergeChains stacks the inputs, the first one lowest. The platform is that of
// the first input that has one: COPY --link puts a layer made on scratch onto
// a base image.
func mergeChains(ctx context.Context, op *llb.Merge, inputs []tree.Chain) ([]tree.Chain, error) {
	var out tree.Chain
	for _, i := range op.Inputs {
		in := at(inputs, i)
		if out.OS == "" {
			out.OS, out.Platform = in.OS, in.Platform
		}
	}
	for _, i := range op.Inputs {
		in := at(inputs, i)
		for _, l := range in.Layers() {
			if out.OS == "windows" && in.OS == "" {
				var err error
				if l, err = onWindows(ctx, out.Known(), l); err != nil {
					return nil, err
				}
			}
			out = out.Push(l)
		}
	}
	return []tree.Chain{out}, nil
}

// onWindows adapts a layer that was made without knowledge of the system to the
// tree that it comes to lie on: names are spelled as they are there, and
// directories that every Windows has keep the metadata that they have there.
func onWindows(ctx context.Context, below tree.Tree, l *tree.Layer) (*tree.Layer, error) {
	var changes []tree.Change
	adapted := false
	spelled := map[string]string{"": ""}
	for c, err := range l.Changes.All(ctx) {
		if err != nil {
			return nil, err
		}
		if e := c.Entry; e != nil {
			name, err := spell(ctx, below, e.Name, spelled)
			if err != nil {
				return nil, err
			}
			plain := *e
			plain.Name = name
			if e.Kind == tree.Dir && (e.Owner != nil || e.Windows != nil) && winmeta.IsStandardDir(winmeta.ResolveStandardJunctions(name)) {
				plain.Owner, plain.Windows = nil, nil
				adapted = true
			}
			if e.Kind == tree.Hardlink {
				if plain.Target, err = spell(ctx, below, e.Target, spelled); err != nil {
					return nil, err
				}
			}
			adapted = adapted || name != e.Name
			c.Entry = &plain
		}
		changes = append(changes, c)
	}
	if !adapted {
		return l, nil
	}
	out := *l
	out.Changes, out.Origin = tree.NewSet(changes), nil
	return &out, nil
}

// spell returns name with the letters that t has it in, as far as t has it.
// spelled remembers answers.
func spell(ctx context.Context, t tree.Tree, name string, spelled map[string]string) (string, error) {
	if s, ok := spelled[name]; ok {
		return s, nil
	}
	dir, err := spell(ctx, t, tree.Parent(name), spelled)
	if err != nil {
		return "", err
	}
	out := tree.Join(dir, tree.Base(name))
	e, err := t.Lookup(ctx, out)
	switch {
	case err == nil:
		out = tree.Join(dir, tree.Base(e.Name))
	case !errors.Is(err, fs.ErrNotExist):
		return "", err
	}
	spelled[name] = out
	return out, nil
}

// diffChains returns the layers that upper has on top of lower.
func diffChains(op *llb.Diff, inputs []tree.Chain) ([]tree.Chain, error) {
	lower, upper := at(inputs, op.Lower).Layers(), at(inputs, op.Upper).Layers()
	if len(lower) > len(upper) {
		return nil, errUnrelated
	}
	for i, l := range lower {
		if l != upper[i] {
			return nil, errUnrelated
		}
	}
	return []tree.Chain{tree.Chain{}.Push(upper[len(lower):]...)}, nil
}

// errUnrelated is the refusal of a difference that is not a list of layers.
var errUnrelated = fmt.Errorf("taking the difference of two trees, of which one is not made from the other: %w", errors.ErrUnsupported)
