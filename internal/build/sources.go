package build

import (
	"context"
	"fmt"
	"strings"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/casement/casement/internal/layer"
	"github.com/casement/casement/internal/llb"
	"github.com/casement/casement/internal/solve"
	"github.com/casement/casement/internal/source"
	"github.com/casement/casement/internal/store"
	"github.com/casement/casement/internal/tree"
)

// sources brings in what a graph names: it implements solve.Source.
type sources struct {
	builder *builder
}

// Pin implements solve.Source.
func (s *sources) Pin(ctx context.Context, src *llb.Source) (solve.Pinned, error) {
	scheme, rest, _ := strings.Cut(src.Identifier, "://")
	b := s.builder
	switch scheme {
	case "docker-image":
		return s.image(ctx, rest, src.Platform)
	case "oci-layout":
		return s.image(ctx, src.Identifier, src.Platform)
	case "local":
		return b.contexts.local(rest, src.Attrs)
	case "http", "https":
		p, err := b.contexts.http.Pin(ctx, src.Identifier, src.Attrs)
		return solve.Pinned(p), err
	case "git":
		p, err := b.contexts.added.Pin(ctx, src.Identifier, src.Attrs)
		return solve.Pinned(p), err
	}
	return solve.Pinned{}, fmt.Errorf("source %s is of a kind that casement does not know", src.Identifier)
}

func (s *sources) image(_ context.Context, ref string, p *ocispec.Platform) (solve.Pinned, error) {
	return solve.Pinned{Load: func(ctx context.Context) (tree.Chain, error) {
		return s.builder.images.chain(ctx, ref, p)
	}}, nil
}

// local returns the part of a context that the attributes select.
func (c *contexts) local(name string, attrs map[string]string) (solve.Pinned, error) {
	t, ok := c.named[name]
	if !ok {
		return solve.Pinned{}, fmt.Errorf("the Dockerfile asks for the context %q, and there is none", name)
	}
	sel, err := source.SelectionOf(attrs)
	if err != nil {
		return solve.Pinned{}, err
	}
	return solve.Pinned{Load: func(ctx context.Context) (tree.Chain, error) {
		set, err := t.Tree(ctx, sel)
		if err != nil {
			return tree.Chain{}, err
		}
		return tree.NewChain(ocispec.Platform{}, &tree.Layer{Changes: set}), nil
	}}, nil
}

// unpacker opens archives for ADD: it implements solve.Unpacker.
type unpacker struct {
	store *store.Store
}

// Unpack implements solve.Unpacker.
func (u unpacker) Unpack(ctx context.Context, c tree.Content) (tree.Tree, bool, error) {
	return layer.Unpack(ctx, c, u.store)
}
