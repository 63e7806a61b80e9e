package build

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/casement/casement/internal/dockerfile"
	"github.com/casement/casement/internal/llb"
	"github.com/casement/casement/internal/run"
	"github.com/casement/casement/internal/run/winsh"
	"github.com/casement/casement/internal/solve"
	"github.com/casement/casement/internal/tree"
	"github.com/casement/casement/internal/winmeta"
)

// PlanStep is what would be done for one step of a Dockerfile.
type PlanStep struct {
	// Name says what the step does, and Line where it stands; 0 if it stands
	// nowhere.
	Name string
	File string
	Line int
	// Kind is base, source, files, run or merge.
	Kind string
	// Runner is where a command would run: "in process"; "" for everything
	// that is no command, and for one that is refused.
	Runner string
	// Refused says why a command cannot be done.
	Refused *run.RefusedError
	// Unseals are the base layers that the step would read: at most these, and
	// none further than it has to. Why names what is looked for in them.
	Unseals []ocispec.Descriptor
	Why     string
	// NoBase says that a command begins FROM scratch: on an empty machine.
	NoBase bool
}

// Planned is what a build for one platform would do.
type Planned struct {
	Platform ocispec.Platform
	Steps    []PlanStep
	// Warnings are about commands that likely do not mean what they say.
	Warnings []PlanWarning
}

// PlanWarning is a warning about one step.
type PlanWarning struct {
	File          string
	Line          int
	Message, Hint string
}

// Refused reports whether a step of the plan cannot be done.
func (p *Planned) Refused() bool {
	return slices.ContainsFunc(p.Steps, func(s PlanStep) bool { return s.Refused != nil })
}

// Plan says what a build would do, and does none of it: of base images,
// manifests and configs are read.
func Plan(ctx context.Context, req Request, t Tools) (plans []Planned, err error) {
	defer func() { t.Transfers.finish(err) }()
	b := &builder{req: req, tools: t}
	defer b.close()
	results, err := b.frontend(ctx)
	if err != nil {
		return nil, err
	}
	for _, r := range results {
		p, err := b.plan(ctx, r)
		if err != nil {
			return nil, err
		}
		plans = append(plans, p)
	}
	return plans, nil
}

func (b *builder) plan(ctx context.Context, r dockerfile.Result) (Planned, error) {
	p := Planned{Platform: r.Platform}
	for v := range r.Graph.Vertices() {
		s := PlanStep{Name: solve.StepName(v.Name), File: v.Where.File, Line: v.Where.Line}
		var err error
		switch op := v.Op.(type) {
		case *llb.Source:
			planSource(op, &s)
		case *llb.File:
			s.Kind = "files"
			err = b.planCopies(ctx, v, op, &s)
		case *llb.Exec:
			s.Kind = "run"
			err = b.planCommand(ctx, v, r.Platform.OS, &s, &p)
		default:
			s.Kind = "merge"
		}
		if err != nil {
			return p, err
		}
		p.Steps = append(p.Steps, s)
	}
	// As the Dockerfile has them, and what stands nowhere in it before them.
	slices.SortStableFunc(p.Steps, func(a, b PlanStep) int { return cmp.Compare(a.Line, b.Line) })
	slices.SortStableFunc(p.Warnings, func(a, b PlanWarning) int { return cmp.Compare(a.Line, b.Line) })
	return p, nil
}

// planSource describes what a graph begins with.
func planSource(op *llb.Source, s *PlanStep) {
	ref, image := imageOf(op)
	scheme, _, _ := strings.Cut(op.Identifier, "://")
	switch {
	case image:
		s.Kind = "base"
		if s.Line == 0 || s.Name == "" {
			s.Name = "FROM " + ref // a named context, whose name says nothing
		}
	case scheme == "local":
		s.Kind = "source"
	default:
		s.Kind, s.Name = "source", "fetch "+op.Identifier
	}
}

// imageOf returns the name of the image that a source is, as [images] has it.
func imageOf(op *llb.Source) (ref string, ok bool) {
	if strings.HasPrefix(op.Identifier, layoutPrefix) {
		return op.Identifier, true
	}
	return strings.CutPrefix(op.Identifier, imagePrefix)
}

// planCommand asks the runner about a command.
func (b *builder) planCommand(ctx context.Context, v *llb.Vertex, os string, s *PlanStep, p *Planned) error {
	warn := func(w run.Warning) {
		pw := PlanWarning{File: s.File, Line: s.Line + w.Line, Message: w.Message, Hint: w.Hint}
		if !slices.Contains(p.Warnings, pw) {
			p.Warnings = append(p.Warnings, pw)
		}
	}
	step, err := b.solver.CheckCommand(ctx, v, os, warn)
	if errors.As(err, &s.Refused) {
		return nil
	}
	if err != nil {
		return err
	}
	s.Runner = inProcessName
	if lost := b.req.Registry.Foresee(step); lost != nil {
		warn(run.Warning{Message: lost.Error() + "; if it comes to that, the build ends here", Hint: lost.Hint()})
	}
	layers, base, err := b.baseLayers(ctx, rootOf(v))
	s.NoBase = !base
	if why := winsh.Reads(step); why != "" && len(layers) > 0 {
		s.Why, s.Unseals = why, layers
	}
	return err
}

// planCopies finds the layers of images that a COPY --from would read.
func (b *builder) planCopies(ctx context.Context, v *llb.Vertex, op *llb.File, s *PlanStep) error {
	for _, a := range op.Actions {
		c, ok := a.Do.(*llb.Copy)
		if !ok || a.SecondaryInput < 0 || a.SecondaryInput >= len(v.Inputs) {
			continue
		}
		layers, _, err := b.baseLayers(ctx, v.Inputs[a.SecondaryInput].Vertex)
		if err != nil {
			return err
		}
		if len(layers) > 0 {
			s.Unseals, s.Why = append(s.Unseals, layers...), winmeta.ToWindows(tree.Clean(c.Src))
		}
	}
	return nil
}

// rootOf returns what a command's root comes from.
func rootOf(v *llb.Vertex) *llb.Vertex {
	if e, ok := v.Op.(*llb.Exec); ok {
		for _, m := range e.Mounts {
			if m.Dest == "/" && m.Input >= 0 && m.Input < len(v.Inputs) {
				return v.Inputs[m.Input].Vertex
			}
		}
	}
	return nil
}

// baseLayers returns the layers of the image that the tree of v began with; false
// if it began with none.
func (b *builder) baseLayers(ctx context.Context, v *llb.Vertex) ([]ocispec.Descriptor, bool, error) {
	for v != nil {
		switch op := v.Op.(type) {
		case *llb.Source:
			ref, ok := imageOf(op)
			if !ok {
				return nil, false, nil
			}
			c, err := b.images.chain(ctx, ref, op.Platform)
			if err != nil {
				return nil, true, err
			}
			var out []ocispec.Descriptor
			for _, l := range c.Layers() {
				if l.Origin != nil && l.Sealed {
					out = append(out, l.Origin.Descriptor)
				}
			}
			return out, true, nil
		case *llb.Exec:
			v = rootOf(v)
		case *llb.File:
			v = firstInput(v, op.Actions[0].Input)
		case *llb.Merge:
			v = firstInput(v, op.Inputs[0])
		default:
			return nil, false, nil
		}
	}
	return nil, false, nil
}

func firstInput(v *llb.Vertex, i int) *llb.Vertex {
	if i < 0 || i >= len(v.Inputs) {
		return nil
	}
	return v.Inputs[i].Vertex
}
