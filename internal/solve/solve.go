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
// Start with Solve, then file.go for COPY and its kin. The package has never
// heard of tars, registries or Dockerfiles; errors get the place in the text
// from the graph ([StepError]).
package solve

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/casement/casement/internal/llb"
	"github.com/casement/casement/internal/run"
	"github.com/casement/casement/internal/tree"
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
	Warn(v *llb.Vertex, message, hint string)
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
	results map[string]*result
}

// result is the outcome of one vertex, or the promise of it.
type result struct {
	done   chan struct{}
	chains []tree.Chain
	err    error
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
		return e.Err.Error()
	}
	var parts []string
	for _, s := range []string{e.Where.String(), stepName(e.Step), e.Err.Error()} {
		if s != "" {
			parts = append(parts, s)
		}
	}
	return strings.Join(parts, ": ")
}

// Unwrap returns what went wrong.
func (e *StepError) Unwrap() error { return e.Err }

// stepName cuts the counter off a vertex's name: "[2/3] COPY . /app".
func stepName(name string) string {
	if strings.HasPrefix(name, "[") {
		if _, rest, ok := strings.Cut(name, "] "); ok {
			return rest
		}
	}
	return name
}

// Solve evaluates the graph and returns the chain that it leads to. Steps that
// cannot be executed are refused before anything else happens.
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
		e, ok := v.Op.(*llb.Exec)
		if !ok {
			continue
		}
		step := stepOf(v, e)
		step.Root.OS = os
		if e.Platform != nil && e.Platform.OS != "" {
			step.Root.OS = e.Platform.OS
		}
		c, ok := s.runner().(run.Checker)
		if !ok {
			continue
		}
		if err := c.Check(ctx, step); err != nil {
			return &StepError{Where: v.Where, Step: v.Name, Err: err}
		}
	}
	return nil
}

func (s *Solver) runner() run.Runner {
	if s.Runner == nil {
		return run.Router{}
	}
	return s.Runner
}

// vertex returns the outputs of v, evaluating it if nobody has.
func (s *Solver) vertex(ctx context.Context, v *llb.Vertex) ([]tree.Chain, error) {
	s.mu.Lock()
	if s.results == nil {
		s.results = map[string]*result{}
	}
	r, ok := s.results[v.Digest]
	if !ok {
		r = &result{done: make(chan struct{})}
		s.results[v.Digest] = r
	}
	s.mu.Unlock()
	if ok {
		select {
		case <-r.done:
			return r.chains, r.err
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	defer close(r.done)
	r.chains, r.err = s.evaluate(ctx, v)
	return r.chains, r.err
}

func (s *Solver) evaluate(ctx context.Context, v *llb.Vertex) ([]tree.Chain, error) {
	inputs, err := s.inputs(ctx, v)
	if err != nil {
		return nil, err
	}
	end := func(error) {}
	if s.Observer != nil {
		end = s.Observer.Start(v)
	}
	chains, err := s.do(ctx, v, inputs)
	if err != nil {
		var step *StepError
		if !errors.As(err, &step) && ctx.Err() == nil {
			err = &StepError{Where: v.Where, Step: v.Name, Err: err}
		}
	}
	end(err)
	return chains, err
}

// inputs evaluates what v works on, all at once.
func (s *Solver) inputs(ctx context.Context, v *llb.Vertex) ([]tree.Chain, error) {
	inputs := make([]tree.Chain, len(v.Inputs))
	errs := make([]error, len(v.Inputs))
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var wg sync.WaitGroup
	for i, in := range v.Inputs {
		wg.Go(func() {
			chains, err := s.vertex(ctx, in.Vertex)
			if err != nil {
				errs[i] = err
				cancel()
				return
			}
			inputs[i] = chains[in.Output]
		})
	}
	wg.Wait()
	// The first real error counts, not the cancellations that it caused.
	for _, err := range errs {
		if err != nil && !errors.Is(err, context.Canceled) {
			return nil, err
		}
	}
	return inputs, errors.Join(errs...)
}

func (s *Solver) do(ctx context.Context, v *llb.Vertex, inputs []tree.Chain) ([]tree.Chain, error) {
	switch op := v.Op.(type) {
	case *llb.Source:
		return s.source(ctx, op)
	case *llb.File:
		return s.file(ctx, v, op, inputs)
	case *llb.Exec:
		return s.exec(ctx, v, op, inputs)
	case *llb.Merge:
		return mergeChains(op, inputs)
	case *llb.Diff:
		return diffChains(op, inputs)
	}
	return nil, fmt.Errorf("operation %T is not known", v.Op)
}

func (s *Solver) source(ctx context.Context, op *llb.Source) ([]tree.Chain, error) {
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
func mergeChains(op *llb.Merge, inputs []tree.Chain) ([]tree.Chain, error) {
	var out tree.Chain
	for n, i := range op.Inputs {
		in := at(inputs, i)
		if n == 0 {
			out = in
			continue
		}
		layers := in.Layers()
		if out.OS == "" {
			out.OS, out.Platform = in.OS, in.Platform
		}
		out = out.Push(layers...)
	}
	return []tree.Chain{out}, nil
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

// exec hands a command to the runner.
func (s *Solver) exec(ctx context.Context, v *llb.Vertex, op *llb.Exec, inputs []tree.Chain) ([]tree.Chain, error) {
	step := stepOf(v, op)
	var outputs []tree.Chain
	root := -1
	for _, m := range op.Mounts {
		if m.Dest == "/" {
			step.Root, root = at(inputs, m.Input), m.Output
		} else {
			step.Mounts = append(step.Mounts, mountOf(m, inputs))
		}
		if m.Output != llb.Discard {
			for len(outputs) <= m.Output {
				outputs = append(outputs, tree.Chain{})
			}
			outputs[m.Output] = at(inputs, m.Input)
		}
	}
	res, err := s.runner().Run(ctx, step)
	if err != nil {
		return nil, err
	}
	if root != llb.Discard {
		l := *res.Layer
		l.Label, l.Where = stepName(v.Name), v.Where.String()
		outputs[root] = step.Root.Push(&l)
	}
	return outputs, nil
}

// stepOf translates a command for the runner, without its trees.
func stepOf(v *llb.Vertex, op *llb.Exec) run.Step {
	network := map[llb.Network]string{llb.NetworkSandbox: "default", llb.NetworkHost: "host", llb.NetworkNone: "none"}
	return run.Step{
		Args: op.Args, Env: op.Env, Dir: tree.Clean(op.Cwd), User: op.User,
		Network: network[op.Network],
		Where:   run.Where{File: v.Where.File, Line: v.Where.Line, Text: v.Where.Text},
	}
}

func mountOf(m llb.Mount, inputs []tree.Chain) run.Mount {
	kinds := map[llb.MountKind]string{
		llb.MountBind: "bind", llb.MountSecret: "secret", llb.MountSSH: "ssh",
		llb.MountCache: "cache", llb.MountTmpfs: "tmpfs",
	}
	out := run.Mount{
		Type: kinds[m.Kind], Target: tree.Clean(m.Dest), Source: at(inputs, m.Input),
		Selector: tree.Clean(m.Selector), ReadOnly: m.ReadOnly,
	}
	if m.Cache != nil {
		out.ID = m.Cache.ID
	}
	if m.Secret != nil {
		out.ID, out.Optional = m.Secret.ID, m.Secret.Optional
	}
	return out
}
