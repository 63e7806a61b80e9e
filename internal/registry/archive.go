package registry

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/casement/casement/internal/image"
)

// archived is an entry of manifest.json, as docker save writes it.
type archived struct {
	Config   string
	RepoTags []string
	Layers   []string
	// LayerSources has the descriptors of foreign layers by their diff IDs.
	LayerSources map[digest.Digest]ocispec.Descriptor `json:",omitempty"`
}

// OpenArchive opens an archive of docker save. Where it is an OCI layout too, as
// docker has written since version 25, that is what is read, since it has the
// manifest; else one is made up from the config and the layers.
func OpenArchive(name string) (image.Place, error) {
	f, err := openFiles(name)
	if err != nil {
		return nil, err
	}
	if f.has(ocispec.ImageIndexFile) && f.has(ocispec.ImageLayoutFile) {
		return OpenLayout(name)
	}
	raw, err := f.read("manifest.json")
	if err != nil {
		return nil, f.fail(errors.New("this is no docker archive: it has no manifest.json"), "")
	}
	var all []archived
	if err := json.Unmarshal(raw, &all); err != nil {
		return nil, f.fail(fmt.Errorf("manifest.json: %w", err), "")
	}
	l := &local{f: f, made: map[digest.Digest][]byte{}, at: map[digest.Digest]string{}}
	for _, a := range all {
		d, err := l.addArchived(a)
		if err != nil {
			return nil, f.fail(err, "")
		}
		names := a.RepoTags
		if len(names) == 0 {
			l.index.Manifests = append(l.index.Manifests, d)
		}
		for _, n := range names {
			d.Annotations = map[string]string{imageName: n}
			if r, err := Parse(n); err == nil {
				d.Annotations = map[string]string{imageName: r.String(), ocispec.AnnotationRefName: r.Tag}
			}
			l.index.Manifests = append(l.index.Manifests, d)
		}
	}
	l.index.Versioned, l.index.MediaType = specs.Versioned{SchemaVersion: 2}, ocispec.MediaTypeImageIndex
	if l.raw, err = json.Marshal(l.index); err != nil {
		return nil, f.fail(err, "")
	}
	return l, nil
}

// addArchived makes the manifest of an entry and notes where its blobs are.
func (l *local) addArchived(a archived) (ocispec.Descriptor, error) {
	raw, err := l.f.read(clean(a.Config))
	if err != nil {
		return ocispec.Descriptor{}, fmt.Errorf("config %s: %w", quote(a.Config), plain(err))
	}
	var config ocispec.Image
	if err := json.Unmarshal(raw, &config); err != nil {
		return ocispec.Descriptor{}, fmt.Errorf("config %s: %w", quote(a.Config), err)
	}
	if len(config.RootFS.DiffIDs) != len(a.Layers) {
		return ocispec.Descriptor{}, fmt.Errorf("config %s names %d layers, and manifest.json %d", quote(a.Config), len(config.RootFS.DiffIDs), len(a.Layers))
	}
	m := ocispec.Manifest{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: dockerManifest, Layers: []ocispec.Descriptor{},
		Config: ocispec.Descriptor{MediaType: dockerConfig, Digest: digest.FromBytes(raw), Size: int64(len(raw))}}
	l.at[m.Config.Digest] = clean(a.Config)
	for i, file := range a.Layers {
		d, err := l.addLayer(clean(file), config.RootFS.DiffIDs[i], a.LayerSources)
		if err != nil {
			return ocispec.Descriptor{}, fmt.Errorf("layer %s: %w", quote(file), plain(err))
		}
		m.Layers = append(m.Layers, d)
	}
	doc, err := json.Marshal(m)
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	d := ocispec.Descriptor{MediaType: dockerManifest, Digest: digest.FromBytes(doc), Size: int64(len(doc)),
		Platform: &ocispec.Platform{OS: config.OS, Architecture: config.Architecture, OSVersion: config.OSVersion, OSFeatures: config.OSFeatures, Variant: config.Variant}}
	l.made[d.Digest] = doc
	return d, nil
}

// addLayer finds out what a layer's blob is. An uncompressed one, which is the
// usual, has the digest that the config says; a compressed one is read once.
func (l *local) addLayer(file string, diffID digest.Digest, sources map[digest.Digest]ocispec.Descriptor) (ocispec.Descriptor, error) {
	rc, size, err := l.f.open(file, 0)
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	defer rc.Close()
	head := make([]byte, 4)
	n, err := io.ReadFull(rc, head)
	if err != nil && err != io.ErrUnexpectedEOF && err != io.EOF {
		return ocispec.Descriptor{}, err
	}
	d := ocispec.Descriptor{MediaType: dockerLayer, Digest: diffID, Size: size}
	switch head = head[:n]; {
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}):
		d.MediaType = dockerLayer + ".gzip"
	case bytes.HasPrefix(head, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		d.MediaType = dockerLayer + ".zstd"
	}
	if d.MediaType != dockerLayer {
		if d.Digest, err = digest.Canonical.FromReader(io.MultiReader(bytes.NewReader(head), rc)); err != nil {
			return ocispec.Descriptor{}, err
		}
	}
	l.at[d.Digest] = file
	if s, ok := sources[diffID]; ok && s.Digest == d.Digest && s.Size == size {
		d = s // a foreign layer, with its addresses
	}
	return d, d.Digest.Validate()
}

// clean turns a name of manifest.json into one of files.
func clean(name string) string {
	return strings.TrimPrefix(strings.TrimPrefix(name, "./"), "/")
}
