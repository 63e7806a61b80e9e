package image

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sync/errgroup"

	"github.com/casement/casement/internal/layer"
	"github.com/casement/casement/internal/store"
	"github.com/casement/casement/internal/winmeta"
)

// Report is what can be said of a reference without reading a layer. Its JSON
// form is an interface of the program: names stay, new ones may come.
type Report struct {
	Ref         string            `json:"ref"`
	MediaType   string            `json:"mediaType"`
	Digest      digest.Digest     `json:"digest"`
	Size        int64             `json:"size"`
	Annotations map[string]string `json:"annotations,omitempty"`
	// Index says that the reference names an index.
	Index bool `json:"index"`
	// Images are the images, in the order of the index.
	Images []ImageReport `json:"images"`
	// Attestations are the statements about images that an index may have.
	Attestations []AttestationReport `json:"attestations,omitempty"`
}

// ImageReport is one image of a [Report].
type ImageReport struct {
	Platform ocispec.Platform `json:"platform"`
	// Release is the name of the Windows release; "" if it has none.
	Release     string            `json:"release,omitempty"`
	MediaType   string            `json:"mediaType"`
	Digest      digest.Digest     `json:"digest"`
	Size        int64             `json:"size"`
	Annotations map[string]string `json:"annotations,omitempty"`
	// LayerSize is the sum of the layers' sizes.
	LayerSize int64        `json:"layerSize"`
	Config    ConfigReport `json:"config"`
	// Layers are the layers, oldest first.
	Layers []LayerReport `json:"layers"`
}

// ConfigReport is what an image's config says about running it.
type ConfigReport struct {
	Digest      digest.Digest     `json:"digest"`
	Created     *time.Time        `json:"created,omitempty"`
	Author      string            `json:"author,omitempty"`
	User        string            `json:"user,omitempty"`
	WorkingDir  string            `json:"workingDir,omitempty"`
	Shell       []string          `json:"shell,omitempty"`
	Entrypoint  []string          `json:"entrypoint,omitempty"`
	Cmd         []string          `json:"cmd,omitempty"`
	ArgsEscaped bool              `json:"argsEscaped,omitempty"`
	Env         []string          `json:"env,omitempty"`
	Ports       []string          `json:"ports,omitempty"`
	Volumes     []string          `json:"volumes,omitempty"`
	StopSignal  string            `json:"stopSignal,omitempty"`
	Labels      map[string]string `json:"labels,omitempty"`
}

// LayerReport is one layer of an image.
type LayerReport struct {
	// Number counts layers from 1, the oldest.
	Number    int           `json:"number"`
	MediaType string        `json:"mediaType"`
	Digest    digest.Digest `json:"digest"`
	DiffID    digest.Digest `json:"diffID"`
	Size      int64         `json:"size"`
	// Foreign says that the registry need not have the blob.
	Foreign bool `json:"foreign,omitempty"`
	// CreatedBy is what the image's history says of the layer.
	CreatedBy string `json:"createdBy,omitempty"`
	// Holds is what the layer has; nil if nobody has read it yet.
	Holds *LayerContents `json:"holds,omitempty"`
}

// LayerContents counts what a layer has.
type LayerContents struct {
	// Complete says that all of the layer has been read; else the numbers are
	// those of its beginning.
	Complete bool `json:"complete"`
	// Files counts files by name, hard links too; Bytes is what they have
	// together.
	Files       int   `json:"files"`
	Bytes       int64 `json:"bytes"`
	Directories int   `json:"directories"`
	Links       int   `json:"links"`
	Whiteouts   int   `json:"whiteouts"`
	// Hives are the files in the layer's Hives directory: changes of the registry.
	Hives []string `json:"hives,omitempty"`
}

// AttestationReport is a manifest of an index that is no image but says
// something about one.
type AttestationReport struct {
	Digest digest.Digest `json:"digest"`
	Size   int64         `json:"size"`
	// Of is the digest of the image.
	Of digest.Digest `json:"of,omitempty"`
}

// NotImageError says that a reference names something else than an image.
type NotImageError struct {
	Ref string
	// Type is the artifact's type, or the media type of its config.
	Type string
}

// Error implements error.
func (e *NotImageError) Error() string {
	return fmt.Sprintf("%s is not a container image but an artifact of type %s", e.Ref, e.Type)
}

// Hint says what casement can look at.
func (e *NotImageError) Hint() string {
	return "casement reads images and indexes of images; artifacts such as charts, signatures and SBOMs need their own tools"
}

// InspectOptions adjusts [Inspect]. The zero value reports on everything.
type InspectOptions struct {
	// Name is what people call the reference. The default is made from place
	// and reference.
	Name string
	// Platform picks the images that fit it; zero means all.
	Platform ocispec.Platform
	// Contents tells what is known of a layer without reading it; may be nil.
	Contents func(blob digest.Digest) *LayerContents
}

// Inspect reports on what ref names in a place: index, manifests and configs
// are read, layers are not.
func Inspect(ctx context.Context, p Place, ref string, o InspectOptions) (*Report, error) {
	d, raw, err := p.Manifest(ctx, ref)
	if err != nil {
		return nil, err
	}
	r := &Report{Ref: cmp.Or(o.Name, name(p, ref)), MediaType: d.MediaType, Digest: d.Digest, Size: d.Size, Images: []ImageReport{}}
	entries := []ocispec.Descriptor{d}
	var have []ocispec.Platform
	if r.Index = isIndex(d.MediaType, raw); r.Index {
		if entries, have, err = r.readIndex(raw, o.Platform); err != nil {
			return nil, err
		}
	}
	images := make([]*ImageReport, len(entries))
	group, gctx := errgroup.WithContext(ctx)
	group.SetLimit(4)
	for i, e := range entries {
		group.Go(func() (err error) {
			images[i], err = r.readImage(gctx, p, e, raw, o)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	for _, img := range images {
		if have = append(have, img.Platform); o.Platform.OS == "" || Fits(img.Platform, o.Platform) {
			r.Images = append(r.Images, *img)
		}
	}
	if len(r.Images) == 0 && o.Platform.OS != "" {
		return nil, withTags(ctx, p, o.Platform, &NoMatchError{Ref: r.Ref, Want: o.Platform, Have: have})
	}
	return r, nil
}

// readIndex notes what the index itself says. It returns the entries that are
// images and may fit the platform that was asked for, and the platforms of the
// others.
func (r *Report) readIndex(raw []byte, want ocispec.Platform) (fit []ocispec.Descriptor, others []ocispec.Platform, err error) {
	var ix ocispec.Index
	if err := json.Unmarshal(raw, &ix); err != nil {
		return nil, nil, fmt.Errorf("reading the index %s: %w", r.Ref, err)
	}
	if len(ix.Manifests) == 0 && ix.ArtifactType != "" {
		return nil, nil, &NotImageError{Ref: r.Ref, Type: ix.ArtifactType}
	}
	r.Annotations = ix.Annotations
	for _, m := range ix.Manifests {
		switch {
		case isAttestation(m):
			of := digest.Digest(m.Annotations["vnd.docker.reference.digest"])
			r.Attestations = append(r.Attestations, AttestationReport{Digest: m.Digest, Size: m.Size, Of: of})
		// An entry without a platform is judged by its config.
		case want.OS == "" || m.Platform == nil || Fits(*m.Platform, want):
			fit = append(fit, m)
		default:
			others = append(others, *m.Platform)
		}
	}
	return fit, others, nil
}

// readImage reads one image. raw is its manifest if the reference has no index.
func (r *Report) readImage(ctx context.Context, p Place, d ocispec.Descriptor, raw []byte, o InspectOptions) (*ImageReport, error) {
	where, annotations := r.Ref, map[string]string(nil)
	if r.Index {
		where, annotations = r.Ref+" ("+short(d.Digest)+")", d.Annotations
		seen, b, err := p.Manifest(ctx, d.Digest.String())
		if err != nil {
			return nil, err
		}
		if raw = b; isIndex(seen.MediaType, b) {
			return nil, fmt.Errorf("%s is an index inside an index, which casement does not read", where)
		}
		d.Size = seen.Size
	}
	var m ocispec.Manifest
	if err := json.Unmarshal(raw, &m); err != nil {
		return nil, fmt.Errorf("reading the manifest of %s: %w", where, err)
	}
	if t := artifactType(m); t != "" {
		return nil, &NotImageError{Ref: where, Type: t}
	}
	img, err := loadManifest(ctx, p, d, raw)
	if err != nil {
		return nil, fmt.Errorf("reading the image %s: %w", where, err)
	}
	out, err := reportOn(img, o)
	if err != nil {
		return nil, fmt.Errorf("reading the config of %s: %w", where, err)
	}
	out.Annotations = merge(m.Annotations, annotations)
	return out, nil
}

// artifactType returns what a manifest is if it is no image.
func artifactType(m ocispec.Manifest) string {
	switch t := m.Config.MediaType; t {
	case ocispec.MediaTypeImageConfig, dockerConfig, "":
		return ""
	case ocispec.MediaTypeEmptyJSON:
		if m.ArtifactType != "" {
			return m.ArtifactType
		}
		return t
	default:
		return t
	}
}

// shellConfig is what Docker adds to an OCI config.
type shellConfig struct {
	Config struct {
		Shell       []string
		ArgsEscaped bool
	} `json:"config"`
}

// reportOn turns an image into a report.
func reportOn(img *Image, o InspectOptions) (*ImageReport, error) {
	var c ocispec.Image
	var extra shellConfig
	for _, into := range []any{&c, &extra} {
		if err := json.Unmarshal(img.Config, into); err != nil {
			return nil, err
		}
	}
	d := img.Descriptor
	out := &ImageReport{
		Platform: *d.Platform, MediaType: d.MediaType, Digest: d.Digest, Size: d.Size,
		Config: ConfigReport{
			Digest: img.ConfigDescriptor.Digest, Created: c.Created, Author: c.Author,
			User: c.Config.User, WorkingDir: c.Config.WorkingDir, Shell: extra.Config.Shell,
			Entrypoint: c.Config.Entrypoint, Cmd: c.Config.Cmd, ArgsEscaped: extra.Config.ArgsEscaped,
			Env: c.Config.Env, Ports: sortedKeys(c.Config.ExposedPorts), Volumes: sortedKeys(c.Config.Volumes),
			StopSignal: c.Config.StopSignal, Labels: c.Config.Labels,
		},
		Layers: []LayerReport{},
	}
	if rel, ok := winmeta.ReleaseOf(d.Platform.OSVersion); ok && d.Platform.OS == "windows" {
		out.Release = rel.Name
	}
	made := createdBy(c.History, len(img.Layers))
	for i, l := range img.Layers {
		lr := LayerReport{
			Number: i + 1, MediaType: l.Descriptor.MediaType, Digest: l.Descriptor.Digest, DiffID: l.DiffID,
			Size: l.Descriptor.Size, Foreign: strings.Contains(l.Descriptor.MediaType, "foreign") ||
				strings.Contains(l.Descriptor.MediaType, "nondistributable"),
			CreatedBy: made[i],
		}
		if o.Contents != nil {
			lr.Holds = o.Contents(l.Descriptor.Digest)
		}
		out.LayerSize += l.Descriptor.Size
		out.Layers = append(out.Layers, lr)
	}
	return out, nil
}

// createdBy returns what the history says of each of n layers. A history that
// does not fit the layers is common in base images; it says nothing of those
// that it lacks.
func createdBy(history []ocispec.History, n int) []string {
	out := make([]string, n)
	i := 0
	for _, h := range history {
		if h.EmptyLayer {
			continue
		}
		if i == n {
			break
		}
		if out[i] = h.CreatedBy; h.CreatedBy == "" {
			out[i] = h.Comment
		}
		i++
	}
	return out
}

func sortedKeys(m map[string]struct{}) []string {
	return slices.Sorted(maps.Keys(m))
}

// merge adds the annotations of an index entry to those of the manifest.
func merge(a, b map[string]string) map[string]string {
	if len(a) == 0 && len(b) == 0 {
		return nil
	}
	out := map[string]string{}
	maps.Copy(out, a)
	maps.Copy(out, b)
	return out
}

// short cuts a digest for people.
func short(d digest.Digest) string {
	s := d.String()
	if len(s) > 19 {
		return s[:19]
	}
	return s
}

// KnownContents returns the function that [InspectOptions.Contents] wants for
// what the store knows of layers that have been read or made before.
func KnownContents(st *store.Store) func(blob digest.Digest) *LayerContents {
	return func(blob digest.Digest) *LayerContents {
		i, ok := layer.Summary(st, blob)
		if !ok {
			return nil
		}
		return &LayerContents{
			Complete: i.Complete, Files: i.Files, Directories: i.Dirs, Links: i.Links, Whiteouts: i.Whiteouts,
			Bytes: i.Bytes, Hives: i.Hives,
		}
	}
}
