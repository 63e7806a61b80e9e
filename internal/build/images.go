package build

import (
	"context"
	"fmt"
	"strings"
	"sync"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/casement/casement/internal/dockerfile"
	"github.com/casement/casement/internal/image"
	"github.com/casement/casement/internal/registry"
	"github.com/casement/casement/internal/tree"
)

// images resolves the base images of a build, each once, and remembers them
// for the time when the graph asks for their layers.
type images struct {
	tools Tools

	mu     sync.Mutex
	loaded map[string]*base
	places map[registry.Ref]image.Place
}

// base is an image that a stage begins with.
type base struct {
	once  sync.Once
	ref   string
	img   *image.Image
	chain tree.Chain
	err   error
}

func newImages(t Tools) *images {
	return &images{tools: t, loaded: map[string]*base{}, places: map[registry.Ref]image.Place{}}
}

// Resolve implements dockerfile.Resolver.
func (im *images) Resolve(ctx context.Context, ref string, p *ocispec.Platform) (dockerfile.Resolved, error) {
	b, err := im.load(ctx, ref, p)
	if err != nil {
		return dockerfile.Resolved{}, err
	}
	return dockerfile.Resolved{Ref: ref, Digest: b.img.Descriptor.Digest, Config: b.img.Config}, nil
}

// Platforms implements dockerfile.Resolver: what ref can be had for.
func (im *images) Platforms(ctx context.Context, ref string) ([]ocispec.Platform, error) {
	if image.IsHostProcess(ref) {
		return []ocispec.Platform{{OS: "windows", Architecture: "amd64"}}, nil
	}
	place, which, err := im.place(ctx, ref)
	if err != nil {
		return nil, err
	}
	return image.Available(ctx, place, which)
}

// load returns the image for a platform. What it names by digest later is the
// manifest's digest, so that no other image can slip in between.
func (im *images) load(ctx context.Context, ref string, p *ocispec.Platform) (*base, error) {
	var want ocispec.Platform
	if p != nil {
		want = *p
	}
	name, _ := cutDigest(ref)
	suffix := " " + image.FormatPlatform(want)
	b := im.entry(ref+suffix, name)
	b.once.Do(func() {
		b.err = im.fetch(ctx, b, ref, want)
		if b.err == nil {
			// The graph will name it with the digest that Resolve returns.
			im.mu.Lock()
			im.loaded[name+"@"+b.img.Descriptor.Digest.String()+suffix] = b
			im.mu.Unlock()
		}
	})
	return b, b.err
}

func (im *images) entry(key, name string) *base {
	im.mu.Lock()
	defer im.mu.Unlock()
	b := im.loaded[key]
	if b == nil {
		b = &base{ref: name}
		im.loaded[key] = b
	}
	return b
}

func (im *images) fetch(ctx context.Context, b *base, ref string, want ocispec.Platform) error {
	var err error
	if image.IsHostProcess(ref) {
		if want.OS != "" && want.OS != "windows" {
			return fmt.Errorf("%s is for Windows, not for %s", image.HostProcessName, image.FormatPlatform(want))
		}
		arch := want.Architecture
		if arch == "" {
			arch = "amd64"
		}
		b.img, b.chain, err = image.HostProcess(ctx, im.tools.Store, arch)
		return err
	}
	place, which, err := im.place(ctx, ref)
	if err != nil {
		return err
	}
	if b.img, err = image.Load(ctx, place, which, want); err != nil {
		return err
	}
	b.chain = b.img.Chain(im.tools.Store, b.ref, im.tools.Transfers.unsealing(im.tools.Progress, b.ref))
	return nil
}

// place finds where a reference points: a layout or an archive of this computer,
// or a registry.
func (im *images) place(ctx context.Context, ref string) (image.Place, string, error) {
	if text, ok := strings.CutPrefix(ref, layoutPrefix); ok {
		return openLayout(text)
	}
	r, err := registry.Parse(ref)
	if err != nil {
		return nil, "", err
	}
	im.mu.Lock()
	defer im.mu.Unlock()
	if im.places[r] == nil {
		im.places[r] = im.tools.Registry.Place(ctx, r)
	}
	return im.places[r], "", nil
}

// chain returns the layers of an image that the graph names.
func (im *images) chain(ctx context.Context, ref string, p *ocispec.Platform) (tree.Chain, error) {
	b, err := im.load(ctx, ref, p)
	if err != nil {
		return tree.Chain{}, err
	}
	return b.chain, nil
}
