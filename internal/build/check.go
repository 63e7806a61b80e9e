package build

import (
	"context"
	"errors"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/casement/casement/internal/dockerfile"
	"github.com/casement/casement/internal/llb"
	"github.com/casement/casement/internal/registry"
	"github.com/casement/casement/internal/run"
)

// Check runs the frontend's lint over the Dockerfile. Base images are looked at
// to find out which system the Dockerfile is for, and whether they are there.
// One that cannot be reached does not matter: the findings have a note of it.
func Check(ctx context.Context, req Request, t Tools) (*dockerfile.Findings, error) {
	b := &builder{req: req, tools: t}
	defer b.close()
	if err := b.open(ctx); err != nil {
		return nil, err
	}
	found, err := dockerfile.Check(ctx, b.request(), glance{b.images})
	if err == nil {
		b.checkCommands(ctx, found)
	}
	return found, err
}

// checkCommands adds what there is to say about the text of commands. Whether
// casement can do them is not a matter of the Dockerfile; a plan tells.
func (b *builder) checkCommands(ctx context.Context, found *dockerfile.Findings) {
	seen := map[string]bool{}
	for _, g := range found.Graphs {
		for v := range g.Vertices() {
			if _, ok := v.Op.(*llb.Exec); !ok || seen[v.Digest] {
				continue
			}
			seen[v.Digest] = true
			// A refusal says nothing here.
			_, _ = b.solver.CheckCommand(ctx, v, "", func(w run.Warning) {
				found.Warn("WindowsCommandLine", v.Where.Line+w.Line, w.Message, w.Hint)
			})
		}
	}
}

// glance is a resolver that tells images that nobody can look at from images
// that are not there.
type glance struct{ images *images }

// Resolve implements dockerfile.Resolver.
func (g glance) Resolve(ctx context.Context, ref string, p *ocispec.Platform) (dockerfile.Resolved, error) {
	r, err := g.images.Resolve(ctx, ref, p)
	return r, unreachable(err)
}

// Platforms implements dockerfile.Resolver.
func (g glance) Platforms(ctx context.Context, ref string) ([]ocispec.Platform, error) {
	ps, err := g.images.Platforms(ctx, ref)
	return ps, unreachable(err)
}

// unreachable marks the errors that say nothing about the image.
func unreachable(err error) error {
	e, ok := errors.AsType[*registry.Error](err)
	if !ok || errors.Is(err, context.Canceled) {
		return err
	}
	switch e.Kind {
	case registry.Unavailable, registry.RateLimited, registry.Untrusted, registry.Unauthorized, registry.Forbidden:
		return &unreachableError{err}
	}
	return err
}

// unreachableError is an error that matches dockerfile.ErrUnreachable.
type unreachableError struct{ error }

// Is implements the interface of package errors.
func (e *unreachableError) Is(target error) bool { return target == dockerfile.ErrUnreachable }

// Unwrap returns what went wrong.
func (e *unreachableError) Unwrap() error { return e.error }
