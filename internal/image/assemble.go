package image

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/casement/casement/internal/layer"
	"github.com/casement/casement/internal/store"
	"github.com/casement/casement/internal/tree"
)

// Parts is what an image is assembled from.
type Parts struct {
	Chain tree.Chain
	// Config is the image config as the frontend has made it: its history
	// covers the chain, its diff IDs need not.
	Config []byte
	// BaseConfig is the config of the base image, nil for scratch.
	BaseConfig []byte
	// Platform is what was asked for. os.version and os.features of the result
	// are those of the chain's base, not these.
	Platform    ocispec.Platform
	Annotations map[string]string
	Compression layer.Compression
	// Level is the compressor's level, 0 for the fastest.
	Level int
	// Epoch is SOURCE_DATE_EPOCH, nil if there is none.
	Epoch *time.Time
	// NoCache packs every layer again, even if its blob is in the store.
	NoCache bool
	// Observe hears of layers being packed; nil is silent.
	Observe func(l *tree.Layer) PackObserver
	// Growing is given the blob of a layer that is being packed, so that its
	// upload can follow; who gets it closes it. The next call of Packed is
	// about the same layer. May be nil.
	Growing func(ctx context.Context, g *layer.Growing)
	// Packed hears of each layer that the image has, as soon as its blob is
	// known, so that it can be on its way while others are packed; may be nil.
	Packed func(ctx context.Context, o tree.Origin)
}

// PackObserver hears of the packing of one layer.
type PackObserver interface {
	Progress(done, total int64)
	End(err error)
}

// Assemble packs the layers of the chain that have no blob yet and writes
// config and manifest. All layers are checked before the first is packed.
// Equal parts give equal bytes.
func Assemble(ctx context.Context, st *store.Store, p Parts) (*Image, error) {
	plans, err := plan(ctx, p)
	if err != nil {
		return nil, err
	}
	img := &Image{}
	present := make([]bool, 0, len(plans)) // for each layer of the chain that the build made
	for i, l := range p.Chain.Layers() {
		if l.Origin != nil {
			img.Layers = append(img.Layers, *l.Origin)
			if p.Packed != nil {
				p.Packed(ctx, *l.Origin)
			}
			continue
		}
		present = append(present, plans[i] != nil)
		if plans[i] == nil {
			continue
		}
		o, err := pack(ctx, st, l, plans[i], p)
		if err != nil {
			return nil, err
		}
		img.Layers = append(img.Layers, o)
		if p.Packed != nil {
			p.Packed(ctx, o)
		}
	}
	platform := finalPlatform(p)
	if img.Config, err = finishConfig(p, platform, img.Layers, present); err != nil {
		return nil, err
	}
	return img, img.describe(platform, p.Annotations)
}

// plan prepares every layer that has to be packed. Layers without changes get
// no plan: they are left out of the image.
func plan(ctx context.Context, p Parts) ([]*layer.Plan, error) {
	layers := p.Chain.Layers()
	plans := make([]*layer.Plan, len(layers))
	for i, l := range layers {
		if l.Origin != nil {
			continue
		}
		empty, err := isEmpty(ctx, l)
		if err != nil {
			return nil, err
		}
		if empty {
			continue
		}
		below := tree.NewChain(ocispec.Platform{OS: p.Platform.OS}, layers[:i]...)
		var growing func(*layer.Growing)
		if p.Growing != nil {
			growing = func(g *layer.Growing) { p.Growing(ctx, g) }
		}
		plans[i], err = layer.Prepare(ctx, below.Known(), l, layer.Options{
			Format: FormatOf(p.Platform.OS), Compression: p.Compression, Level: p.Level, Epoch: p.Epoch, NoCache: p.NoCache, Growing: growing,
			Lineage: FormatPlatform(p.Platform) + " " + l.Where + " " + l.Label,
		})
		if err != nil {
			return nil, err
		}
	}
	return plans, nil
}

func isEmpty(ctx context.Context, l *tree.Layer) (bool, error) {
	if len(l.Hives) > 0 {
		return false, nil
	}
	for _, err := range l.Changes.All(ctx) {
		return false, err
	}
	return true, nil
}

func pack(ctx context.Context, st *store.Store, l *tree.Layer, plan *layer.Plan, p Parts) (o tree.Origin, err error) {
	var observe func(done, total int64)
	if p.Observe != nil {
		po := p.Observe(l)
		observe = po.Progress
		defer func() { po.End(err) }()
	}
	return plan.Pack(ctx, st, observe)
}

// finalPlatform is what was asked for, with the version and features of the
// base that was used (buildkit fault 2: never what was asked for).
func finalPlatform(p Parts) ocispec.Platform {
	out := ocispec.Platform{OS: p.Platform.OS, Architecture: p.Platform.Architecture, Variant: p.Platform.Variant}
	if b := p.Chain.Platform; b.OS != "" {
		out.OSVersion, out.OSFeatures = b.OSVersion, b.OSFeatures
		out.Architecture = b.Architecture
		if b.Variant != "" {
			out.Variant = b.Variant
		}
	}
	return out
}

// describe writes the manifest.
func (img *Image) describe(platform ocispec.Platform, annotations map[string]string) error {
	m := ocispec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2},
		MediaType: ocispec.MediaTypeImageManifest,
		Config: ocispec.Descriptor{
			MediaType: ocispec.MediaTypeImageConfig, Digest: digest.FromBytes(img.Config), Size: int64(len(img.Config)),
		},
		Annotations: annotations,
		Layers:      []ocispec.Descriptor{},
	}
	for i := range img.Layers {
		d := &img.Layers[i].Descriptor
		d.MediaType = ociType(d.MediaType)
		m.Layers = append(m.Layers, ocispec.Descriptor{
			MediaType: d.MediaType, Digest: d.Digest, Size: d.Size, URLs: d.URLs, Annotations: d.Annotations,
		})
	}
	raw, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	img.Manifest, img.ConfigDescriptor = raw, m.Config
	img.Descriptor = ocispec.Descriptor{
		MediaType: m.MediaType, Digest: digest.FromBytes(raw), Size: int64(len(raw)), Platform: &platform,
	}
	return nil
}

// ociType translates Docker's layer types: the bytes are the same, and a
// manifest is of one kind or the other.
func ociType(mediaType string) string {
	switch mediaType {
	case "application/vnd.docker.image.rootfs.diff.tar":
		return ocispec.MediaTypeImageLayer
	case "application/vnd.docker.image.rootfs.diff.tar.gzip":
		return ocispec.MediaTypeImageLayerGzip
	case "application/vnd.docker.image.rootfs.diff.tar.zstd":
		return ocispec.MediaTypeImageLayerZstd
	case "application/vnd.docker.image.rootfs.foreign.diff.tar":
		return "application/vnd.oci.image.layer.nondistributable.v1.tar"
	case "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip":
		return "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"
	}
	return mediaType
}

// NewIndex puts images under one index. A single image stands for itself
// unless annotations ask for an index. Windows entries are in the order in
// which all runtimes choose the newest that fits (os.version descending, none
// last; windows-image-format 2.3), after the entries of other systems.
func NewIndex(images []*Image, annotations map[string]string, entry func(ocispec.Platform) map[string]string) (Index, error) {
	if len(images) == 1 && len(annotations) == 0 {
		return Index{Descriptor: images[0].Descriptor, Images: images}, nil
	}
	sorted := slices.Clone(images)
	slices.SortStableFunc(sorted, func(a, b *Image) int {
		pa, pb := a.Descriptor.Platform, b.Descriptor.Platform
		if wa, wb := pa.OS == "windows", pb.OS == "windows"; wa != wb {
			if wa {
				return 1
			}
			return -1
		} else if !wa {
			return 0
		}
		return compareVersions(pb.OSVersion, pa.OSVersion)
	})
	ix := ocispec.Index{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageIndex, Annotations: annotations,
	}
	for _, img := range sorted {
		d := img.Descriptor
		if entry != nil {
			d.Annotations = entry(*d.Platform)
		}
		ix.Manifests = append(ix.Manifests, d)
	}
	raw, err := json.MarshalIndent(ix, "", "  ")
	if err != nil {
		return Index{}, err
	}
	d := ocispec.Descriptor{MediaType: ix.MediaType, Digest: digest.FromBytes(raw), Size: int64(len(raw))}
	return Index{Descriptor: d, Raw: raw, Images: sorted}, nil
}
