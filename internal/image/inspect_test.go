package image

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/casement/casement/internal/store"
	"github.com/casement/casement/internal/tree"
	"github.com/casement/casement/internal/winmeta"
)

// shelf is a Place in memory. Blobs whose reading would be a fault are missing.
type shelf struct {
	tags  map[string]digest.Digest
	blobs map[digest.Digest][]byte
}

func newShelf() *shelf {
	return &shelf{map[string]digest.Digest{}, map[digest.Digest][]byte{}}
}

func (s *shelf) From() string { return "registry.test/app" }

func (s *shelf) Manifest(_ context.Context, ref string) (ocispec.Descriptor, []byte, error) {
	d, ok := s.tags[ref]
	if !ok {
		d = digest.Digest(ref)
	}
	b, ok := s.blobs[d]
	if !ok {
		return ocispec.Descriptor{}, nil, fs.ErrNotExist
	}
	var m struct{ MediaType string }
	if err := json.Unmarshal(b, &m); err != nil {
		return ocispec.Descriptor{}, nil, err
	}
	return ocispec.Descriptor{MediaType: m.MediaType, Digest: d, Size: int64(len(b))}, b, nil
}

func (s *shelf) Blob(d ocispec.Descriptor) tree.Blob { return shelved{s, d.Digest} }

type shelved struct {
	s *shelf
	d digest.Digest
}

func (b shelved) Open(_ context.Context, offset int64) (io.ReadCloser, error) {
	c, ok := b.s.blobs[b.d]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return io.NopCloser(strings.NewReader(string(c[offset:]))), nil
}

// put keeps v as JSON and returns its descriptor.
func (s *shelf) put(t *testing.T, mediaType string, v any) ocispec.Descriptor {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	d := digest.FromBytes(b)
	s.blobs[d] = b
	return ocispec.Descriptor{MediaType: mediaType, Digest: d, Size: int64(len(b))}
}

// image keeps an image with layers that cannot be read.
func (s *shelf) image(t *testing.T, config map[string]any, layers ...string) ocispec.Descriptor {
	t.Helper()
	m := ocispec.Manifest{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest}
	diffIDs := []digest.Digest{}
	for i, mediaType := range layers {
		m.Layers = append(m.Layers, ocispec.Descriptor{MediaType: mediaType, Digest: digest.FromString(mediaType + "blob"), Size: int64(100 * (i + 1))})
		diffIDs = append(diffIDs, digest.FromString(mediaType+"diff"))
	}
	config["rootfs"] = ocispec.RootFS{Type: "layers", DiffIDs: diffIDs}
	m.Config = s.put(t, ocispec.MediaTypeImageConfig, config)
	return s.put(t, m.MediaType, m)
}

const foreignLayer = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"

// windowsImage is an image as Docker on Windows makes them.
func (s *shelf) windowsImage(t *testing.T, osVersion string) ocispec.Descriptor {
	return s.image(t, map[string]any{
		"os": "windows", "architecture": "amd64", "os.version": osVersion,
		"config": map[string]any{
			"User": "ContainerUser", "WorkingDir": `C:\app`, "Shell": []string{"powershell", "-Command"},
			"Env": []string{"A=1"}, "ArgsEscaped": true, "ExposedPorts": map[string]any{"80/tcp": struct{}{}, "443/tcp": struct{}{}},
		},
		"history": []map[string]any{
			{"created_by": "base"}, {"created_by": "ENV A=1", "empty_layer": true}, {"created_by": "COPY . /app"},
		},
	}, foreignLayer, ocispec.MediaTypeImageLayerGzip)
}

// TestInspectImage fails if facts of a config or its layers get lost, or belong
// to another layer than they should: history entries without a layer count for
// nothing.
func TestInspectImage(t *testing.T) {
	s := newShelf()
	d := s.windowsImage(t, "10.0.20348.2849")
	s.tags["1"] = d.Digest
	know := func(blob digest.Digest) *LayerContents {
		if blob == digest.FromString(foreignLayer+"blob") {
			return &LayerContents{Files: 7}
		}
		return nil
	}
	r, err := Inspect(t.Context(), s, "1", InspectOptions{Contents: know})
	if err != nil {
		t.Fatal(err)
	}
	if r.Ref != "registry.test/app:1" || r.Index || r.Digest != d.Digest || len(r.Images) != 1 {
		t.Errorf("report %+v", r)
	}
	img := r.Images[0]
	want := ConfigReport{
		Digest: img.Config.Digest, User: "ContainerUser", WorkingDir: `C:\app`, Shell: []string{"powershell", "-Command"},
		ArgsEscaped: true, Env: []string{"A=1"}, Ports: []string{"443/tcp", "80/tcp"},
	}
	if diff := cmp.Diff(want, img.Config); diff != "" {
		t.Errorf("config (-want +got):\n%s", diff)
	}
	if img.Release != "ltsc2022" || img.LayerSize != 300 {
		t.Errorf("release %q, layers of %d bytes", img.Release, img.LayerSize)
	}
	layers := []LayerReport{
		{Number: 1, MediaType: foreignLayer, Digest: digest.FromString(foreignLayer + "blob"), DiffID: digest.FromString(foreignLayer + "diff"),
			Size: 100, Foreign: true, CreatedBy: "base", Holds: &LayerContents{Files: 7}},
		{Number: 2, MediaType: ocispec.MediaTypeImageLayerGzip, Digest: digest.FromString(ocispec.MediaTypeImageLayerGzip + "blob"),
			DiffID: digest.FromString(ocispec.MediaTypeImageLayerGzip + "diff"), Size: 200, CreatedBy: "COPY . /app"},
	}
	if diff := cmp.Diff(layers, img.Layers); diff != "" {
		t.Errorf("layers (-want +got):\n%s", diff)
	}
}

// index keeps an index of two Windows images, one for Linux without a platform
// in its entry, and an attestation.
func (s *shelf) index(t *testing.T) {
	t.Helper()
	var entries []ocispec.Descriptor
	for _, v := range []string{"10.0.26100.1742", "10.0.20348.2849"} {
		d := s.windowsImage(t, v)
		d.Platform = &ocispec.Platform{OS: "windows", Architecture: "amd64", OSVersion: v}
		d.Annotations = map[string]string{"entry": v}
		entries = append(entries, d)
	}
	entries = append(entries, s.image(t, map[string]any{"os": "linux", "architecture": "amd64"}))
	entries = append(entries, ocispec.Descriptor{
		MediaType: ocispec.MediaTypeImageManifest, Digest: digest.FromString("attestation"), Size: 5,
		Platform:    &ocispec.Platform{OS: "unknown", Architecture: "unknown"},
		Annotations: map[string]string{"vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": entries[0].Digest.String()},
	})
	s.tags["all"] = s.put(t, ocispec.MediaTypeImageIndex, ocispec.Index{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageIndex, Manifests: entries,
		Annotations: map[string]string{"index": "yes"},
	}).Digest
}

// TestInspectIndex fails if images of an index are missed, in another order, or
// not chosen by platform, or if an attestation is taken for an image.
func TestInspectIndex(t *testing.T) {
	s := newShelf()
	s.index(t)
	const w2025, w2022, linux = "windows(10.0.26100.1742)/amd64", "windows(10.0.20348.2849)/amd64", "linux/amd64"
	for _, test := range []struct {
		platform ocispec.Platform
		want     []string
	}{
		{ocispec.Platform{}, []string{w2025, w2022, linux}},
		{ocispec.Platform{OS: "windows", Architecture: "amd64"}, []string{w2025, w2022}},
		{ocispec.Platform{OS: "windows", Architecture: "amd64", OSVersion: "10.0.20348"}, []string{w2022}},
		{ocispec.Platform{OS: "linux", Architecture: "amd64"}, []string{linux}},
	} {
		r, err := Inspect(t.Context(), s, "all", InspectOptions{Platform: test.platform})
		if err != nil {
			t.Errorf("%v: %v", test.platform, err)
			continue
		}
		var got []string
		for _, img := range r.Images {
			got = append(got, FormatPlatform(img.Platform))
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%v: images %v, want %v", test.platform, got, test.want)
		}
		if !r.Index || r.Annotations["index"] != "yes" || len(r.Attestations) != 1 || r.Attestations[0].Of == "" {
			t.Errorf("%v: report %+v", test.platform, r)
		}
	}
	r, err := Inspect(t.Context(), s, "all", InspectOptions{})
	if err != nil || r.Images[1].Annotations["entry"] != "10.0.20348.2849" {
		t.Errorf("annotations of the entry are %v (%v)", r.Images[1].Annotations, err)
	}
}

// TestInspectErrors fails if something that is no image, or not the one that was
// asked for, is shown as one.
func TestInspectErrors(t *testing.T) {
	s := newShelf()
	s.index(t)
	empty := s.put(t, ocispec.MediaTypeEmptyJSON, map[string]any{})
	s.tags["artifact"] = s.put(t, ocispec.MediaTypeImageManifest, ocispec.Manifest{
		MediaType: ocispec.MediaTypeImageManifest, ArtifactType: "application/x-chart", Config: empty, Layers: []ocispec.Descriptor{empty},
	}).Digest
	s.tags["oldartifact"] = s.put(t, ocispec.MediaTypeImageManifest, ocispec.Manifest{
		MediaType: ocispec.MediaTypeImageManifest, Config: ocispec.Descriptor{MediaType: "application/x-config", Digest: empty.Digest, Size: 2},
	}).Digest
	nested := ocispec.Index{MediaType: ocispec.MediaTypeImageIndex, Manifests: []ocispec.Descriptor{{MediaType: ocispec.MediaTypeImageIndex, Digest: s.tags["all"]}}}
	s.tags["nested"] = s.put(t, nested.MediaType, nested).Digest
	for ref, want := range map[string]string{
		"artifact":    "registry.test/app:artifact is not a container image but an artifact of type application/x-chart",
		"oldartifact": "registry.test/app:oldartifact is not a container image but an artifact of type application/x-config",
		"nested":      "is an index inside an index",
		"missing":     fs.ErrNotExist.Error(),
	} {
		if _, err := Inspect(t.Context(), s, ref, InspectOptions{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", ref, err, want)
		}
	}
	_, err := Inspect(t.Context(), s, "all", InspectOptions{Name: "app", Platform: ocispec.Platform{OS: "windows", Architecture: "arm64"}})
	var no *NoMatchError
	if !errors.As(err, &no) || no.Ref != "app" || len(no.Have) != 3 {
		t.Errorf("error %v, and the platforms that there are: %v", err, no)
	}
}

// TestCreatedBy fails if a history that does not fit the layers, as many base
// images have, puts words into the wrong layer's mouth or panics.
func TestCreatedBy(t *testing.T) {
	h := []ocispec.History{{CreatedBy: "a"}, {EmptyLayer: true, CreatedBy: "b"}, {Comment: "c"}, {CreatedBy: "d"}}
	for n, want := range [][]string{{}, {"a"}, {"a", "c"}, {"a", "c", "d"}, {"a", "c", "d", ""}} {
		if got := createdBy(h, n); !slices.Equal(got, want) {
			t.Errorf("%d layers: %q, want %q", n, got, want)
		}
	}
}

// TestList fails if a listing of the HostProcess base, which is real down to its
// security descriptors, lacks files, owners or attributes.
func TestList(t *testing.T) {
	st, err := store.Open(t.TempDir(), store.Options{MaxBytes: -1})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	img, _, err := HostProcess(t.Context(), st, "amd64")
	if err != nil {
		t.Fatal(err)
	}
	list := func(o ListOptions) (out []string, err error) {
		for f, err := range img.List(t.Context(), st, "base", o) {
			if err != nil {
				return out, err
			}
			out = append(out, f.Name)
			if f.Kind == "file" && f.Attributes != "archive" || f.Owner == "" {
				t.Errorf("%+v", f)
			}
		}
		return out, nil
	}
	config := []string{"DEFAULT", "SAM", "SECURITY", "SOFTWARE", "SYSTEM"}
	for _, o := range []ListOptions{{}, {Path: `C:\`}, {Layer: 1}} {
		if got, err := list(o); err != nil || len(got) != len(config)+3 || got[0] != "Windows" || got[7] != "Windows/System32/config/SYSTEM" {
			t.Errorf("%+v: %v, error %v", o, got, err)
		}
	}
	for _, o := range []ListOptions{{Path: `c:\windows\SYSTEM32\Config`}, {Path: "windows/system32/config", Layer: 1}} {
		if got, err := list(o); err != nil || len(got) != len(config)+1 {
			t.Errorf("%+v: %v, error %v", o, got, err)
		}
	}
	for _, o := range []ListOptions{{Path: "/nowhere"}, {Path: "/nowhere", Layer: 1}} {
		if _, err := list(o); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%+v: error %v", o, err)
		}
	}
	var no *NoLayerError
	if _, err := list(ListOptions{Layer: 2}); !errors.As(err, &no) || no.Have != 1 {
		t.Errorf("layer 2: error %v", err)
	}
	var bad *winmeta.PathError
	if _, err := list(ListOptions{Path: `D:\x`}); !errors.As(err, &bad) {
		t.Errorf("drive D: error %v", err)
	}
}
