package image

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/casement/casement/internal/tree"
	"github.com/casement/casement/internal/winmeta"
)

// Tagger is the power of a Place to list the tags of its repository.
type Tagger interface {
	Tags(ctx context.Context) ([]string, error)
}

// maxConfig bounds what is read of a config.
const maxConfig = 8 << 20

// Media types of Docker's schema 2, which read like OCI's.
const (
	dockerList     = "application/vnd.docker.distribution.manifest.list.v2+json"
	dockerManifest = "application/vnd.docker.distribution.manifest.v2+json"
	dockerConfig   = "application/vnd.docker.container.image.v1+json"
)

// Available returns the platforms of the images behind ref in a place.
func Available(ctx context.Context, p Place, ref string) ([]ocispec.Platform, error) {
	d, raw, err := p.Manifest(ctx, ref)
	if err != nil {
		return nil, err
	}
	if isIndex(d.MediaType, raw) {
		var ix ocispec.Index
		if err := json.Unmarshal(raw, &ix); err != nil {
			return nil, fmt.Errorf("reading the index %s: %w", name(p, ref), err)
		}
		return Platforms(ix), nil
	}
	img, err := loadManifest(ctx, p, d, raw)
	if err != nil {
		return nil, fmt.Errorf("reading the image %s: %w", name(p, ref), err)
	}
	return []ocispec.Platform{*img.Descriptor.Platform}, nil
}

// Load finds the image for a platform behind ref in a place: index, manifest
// and config are read, layers are not. A zero Platform takes the only image
// there is.
func Load(ctx context.Context, p Place, ref string, want ocispec.Platform) (*Image, error) {
	d, raw, err := p.Manifest(ctx, ref)
	if err != nil {
		return nil, err
	}
	if !isIndex(d.MediaType, raw) {
		return loadSingle(ctx, p, ref, d, raw, want)
	}
	var ix ocispec.Index
	if err := json.Unmarshal(raw, &ix); err != nil {
		return nil, fmt.Errorf("reading the index %s: %w", name(p, ref), err)
	}
	if want.OS == "" {
		if all := Platforms(ix); len(all) == 1 {
			want = all[0]
		}
	}
	chosen, err := Choose(name(p, ref), ix, want)
	if err != nil {
		return nil, withTags(ctx, p, want, err)
	}
	_, raw, err = p.Manifest(ctx, chosen.Digest.String())
	if err != nil {
		return nil, err
	}
	img, err := loadManifest(ctx, p, chosen, raw)
	if err != nil {
		return nil, fmt.Errorf("reading the image %s: %w", name(p, ref), err)
	}
	return img, nil
}

// loadSingle loads a manifest without an index around it, if it fits.
func loadSingle(ctx context.Context, p Place, ref string, d ocispec.Descriptor, raw []byte, want ocispec.Platform) (*Image, error) {
	img, err := loadManifest(ctx, p, d, raw)
	if err != nil {
		return nil, fmt.Errorf("reading the image %s: %w", name(p, ref), err)
	}
	if have := *img.Descriptor.Platform; want.OS != "" && !Fits(have, want) {
		return nil, withTags(ctx, p, want, &NoMatchError{Ref: name(p, ref), Want: want, Have: []ocispec.Platform{have}})
	}
	return img, nil
}

// name is what people call ref in a place.
func name(p Place, ref string) string {
	from := p.From()
	if s, ok := p.(fmt.Stringer); ok && (from == "" || ref == "") {
		from = s.String() // with the tag, or the name of a file
	}
	switch {
	case from == "":
		return "image " + ref
	case ref == "":
		return from
	case strings.Contains(ref, ":"):
		return from + "@" + ref
	}
	return from + ":" + ref
}

func isIndex(mediaType string, raw []byte) bool {
	switch mediaType {
	case ocispec.MediaTypeImageIndex, dockerList:
		return true
	case ocispec.MediaTypeImageManifest, dockerManifest:
		return false
	}
	var probe struct {
		Manifests []json.RawMessage `json:"manifests"`
	}
	return json.Unmarshal(raw, &probe) == nil && probe.Manifests != nil
}

func loadManifest(ctx context.Context, p Place, d ocispec.Descriptor, raw []byte) (*Image, error) {
	var m ocispec.Manifest
	if err := json.Unmarshal(raw, &m); err != nil {
		return nil, fmt.Errorf("reading manifest %s: %w", d.Digest, err)
	}
	if m.Config.Digest == "" {
		return nil, fmt.Errorf("manifest %s has no config (media type %q): it is not an image", d.Digest, d.MediaType)
	}
	if err := m.Config.Digest.Validate(); err != nil {
		return nil, fmt.Errorf("manifest %s: config digest: %w", d.Digest, err)
	}
	config, err := readBlob(ctx, p, m.Config)
	if err != nil {
		return nil, err
	}
	var c ocispec.Image
	if err := json.Unmarshal(config, &c); err != nil {
		return nil, fmt.Errorf("reading config %s: %w", m.Config.Digest, err)
	}
	if len(c.RootFS.DiffIDs) != len(m.Layers) {
		return nil, fmt.Errorf("config %s has %d diff IDs, and the manifest has %d layers", m.Config.Digest, len(c.RootFS.DiffIDs), len(m.Layers))
	}
	// What the config says counts: index entries of older tools lack
	// os.version.
	platform := c.Platform
	if d.Platform != nil && platform.OS == "" {
		platform = *d.Platform
	}
	d.Platform = &platform
	img := &Image{Descriptor: d, Manifest: raw, Config: config, ConfigDescriptor: m.Config}
	for i, l := range m.Layers {
		if err := l.Digest.Validate(); err != nil {
			return nil, fmt.Errorf("manifest %s: layer %d: %w", d.Digest, i, err)
		}
		img.Layers = append(img.Layers, tree.Origin{Descriptor: l, DiffID: c.RootFS.DiffIDs[i], From: p.From(), Blob: p.Blob(l)})
	}
	return img, nil
}

// readBlob reads a small blob whole and checks its digest.
func readBlob(ctx context.Context, p Place, d ocispec.Descriptor) ([]byte, error) {
	if d.Size > maxConfig {
		return nil, fmt.Errorf("config %s has %d bytes, more than %d", d.Digest, d.Size, maxConfig)
	}
	r, err := p.Blob(d).Open(ctx, 0)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	b, err := readAll(r, maxConfig)
	if err != nil {
		return nil, fmt.Errorf("reading config %s: %w", d.Digest, err)
	}
	if got := digest.FromBytes(b); got != d.Digest {
		return nil, fmt.Errorf("reading config %s: its bytes have the digest %s", d.Digest, got)
	}
	return b, nil
}

// withTags adds to a missing match the tags of the repository that look as if
// they served the platform.
func withTags(ctx context.Context, p Place, want ocispec.Platform, err error) error {
	var no *NoMatchError
	t, ok := p.(Tagger)
	if !errors.As(err, &no) || !ok || want.OS != "windows" || want.OSVersion == "" {
		return err
	}
	tags, terr := t.Tags(ctx)
	if terr != nil {
		return err // the list is a help, not a need
	}
	no.Tags = servingTags(tags, want.OSVersion)
	return no
}

// servingTags picks the tags whose name speaks of a Windows version.
func servingTags(tags []string, osVersion string) []string {
	words := []string{osVersion}
	r, ok := winmeta.ReleaseOf(osVersion)
	if !ok {
		r, ok = winmeta.ReleaseByName(osVersion)
	}
	if ok {
		words = append(words, r.Name, fmt.Sprintf("10.0.%d", r.Build))
		words = append(words, r.Aliases...)
	}
	var out []string
	for _, t := range tags {
		if slices.ContainsFunc(words, func(w string) bool { return strings.Contains(t, w) }) {
			out = append(out, t)
		}
	}
	slices.SortFunc(out, func(a, b string) int { return len(a) - len(b) })
	if len(out) > 5 {
		out = out[:5]
	}
	return out
}
