//go:build peers

package peers_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/casement/casement/test/testbed"
)

// The os.versions of the base that every registry gets.
const (
	version2022 = "10.0.20348.2849"
	version2019 = "10.0.17763.6532"
)

// baseLayer is a small tar in the layout of a Windows base layer.
func baseLayer(t *testing.T, osVersion string) v1.Layer {
	t.Helper()
	var buf bytes.Buffer
	l := testbed.NewLayerWriter(&buf)
	at := time.Date(2024, 11, 1, 0, 0, 0, 0, time.UTC)
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, d := range []string{"Files", "Files/Users", "Files/Windows", "Files/Windows/System32", "Files/Windows/System32/config"} {
		check(l.Dir(d, at))
	}
	for _, h := range []string{"DEFAULT", "SAM", "SECURITY", "SOFTWARE", "SYSTEM"} {
		check(l.File("Files/Windows/System32/config/"+h, at, 8192, strings.NewReader(strings.Repeat("h", 8192))))
	}
	check(l.File("Files/Windows/System32/ver.txt", at, int64(len(osVersion)), strings.NewReader(osVersion)))
	check(l.Close())
	return tarLayer(t, buf.Bytes())
}

func tarLayer(t *testing.T, data []byte) v1.Layer {
	t.Helper()
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil },
		tarball.WithMediaType(types.OCILayer))
	if err != nil {
		t.Fatal(err)
	}
	return layer
}

// image makes a Windows image of one layer or more.
func image(t *testing.T, osVersion string, layers ...v1.Layer) v1.Image {
	t.Helper()
	img := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	img, err := mutate.AppendLayers(img, layers...)
	if err != nil {
		t.Fatal(err)
	}
	return forWindows(t, img, osVersion)
}

// forWindows sets what a Windows base's config says.
func forWindows(t *testing.T, img v1.Image, osVersion string) v1.Image {
	t.Helper()
	cfg, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	cfg = cfg.DeepCopy()
	cfg.OS, cfg.Architecture, cfg.OSVersion = "windows", "amd64", osVersion
	cfg.Config.Cmd = []string{`c:\windows\system32\cmd.exe`}
	cfg.History = []v1.History{{CreatedBy: "base"}}
	if img, err = mutate.ConfigFile(img, cfg); err != nil {
		t.Fatal(err)
	}
	return img
}

func index(images map[string]v1.Image) v1.ImageIndex {
	idx := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, v := range []string{version2022, version2019} {
		if img, ok := images[v]; ok {
			idx = mutate.AppendManifests(idx, mutate.IndexAddendum{Add: img,
				Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "windows", Architecture: "amd64", OSVersion: v}}})
		}
	}
	return plainIndex{idx}
}

// plainIndex leaves out the artifact types that go-containerregistry gives to
// images: Debian's skopeo does not know them and cannot copy such an index as it
// is.
type plainIndex struct{ written }

// written has another name than the interface, which has a method of its name.
type written = v1.ImageIndex

// IndexManifest implements v1.ImageIndex.
func (p plainIndex) IndexManifest() (*v1.IndexManifest, error) {
	m, err := p.written.IndexManifest()
	if err != nil {
		return nil, err
	}
	m = m.DeepCopy()
	for i := range m.Manifests {
		m.Manifests[i].ArtifactType = ""
	}
	return m, nil
}

// RawManifest implements v1.ImageIndex.
func (p plainIndex) RawManifest() ([]byte, error) {
	m, err := p.IndexManifest()
	if err != nil {
		return nil, err
	}
	return json.Marshal(m)
}

// Digest implements v1.ImageIndex.
func (p plainIndex) Digest() (v1.Hash, error) { return partial.Digest(p) }

// Size implements v1.ImageIndex.
func (p plainIndex) Size() (int64, error) { return partial.Size(p) }

// options let go-containerregistry talk to the registry.
func (s server) options(t *testing.T) []remote.Option {
	t.Helper()
	o := []remote.Option{remote.WithContext(t.Context())}
	if s.ca == "" {
		return o
	}
	pem, err := os.ReadFile(s.ca)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	return append(o, remote.WithAuth(&authn.Basic{Username: "user", Password: "secret"}),
		remote.WithTransport(&http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}))
}

func (s server) tag(t *testing.T, repo string) name.Tag {
	t.Helper()
	tag, err := name.NewTag(s.addr + "/" + repo)
	if err != nil {
		t.Fatal(err)
	}
	return tag
}

// pushBase gives the registry a base with two Windows versions and returns its
// reference.
func pushBase(t *testing.T, s server) string {
	t.Helper()
	tag := s.tag(t, "windows/base:1")
	idx := index(map[string]v1.Image{
		version2022: image(t, version2022, baseLayer(t, version2022)),
		version2019: image(t, version2019, baseLayer(t, version2019)),
	})
	if err := remote.WriteIndex(tag, idx, s.options(t)...); err != nil {
		t.Fatalf("pushing the base to %s: %v", s.name, err)
	}
	return tag.String()
}

// controlImage is an image with an application layer that casement did not make.
func controlImage(t *testing.T) v1.Image {
	t.Helper()
	var buf bytes.Buffer
	l := testbed.NewLayerWriter(&buf)
	at := time.Date(2024, 11, 1, 0, 0, 0, 0, time.UTC)
	for _, err := range []error{l.Dir("Files", at), l.Dir("Files/app", at),
		l.File("Files/app/hello.txt", at, 5, strings.NewReader("hello")), l.Dir("Hives", at), l.Close()} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return image(t, version2022, baseLayer(t, version2022), tarLayer(t, buf.Bytes()))
}

func controlWant(t *testing.T, img v1.Image) want {
	t.Helper()
	return want{osVersion: version2022, layers: 2, names: []string{"Files", "Files/app", "Files/app/hello.txt", "Hives"},
		image: digestOf(t, img), command: `c:\windows\system32\cmd.exe`,
		files: map[string]string{"Files/app/hello.txt": "hello", "Files/Windows/System32/ver.txt": version2022}}
}

// TestControlRegistries: the registries and their validators accept an image
// that is known to be right. If this fails, casement is not the reason.
func TestControlRegistries(t *testing.T) {
	for _, s := range []server{peers.secure, peers.old} {
		t.Run(s.name, func(t *testing.T) {
			pushBase(t, s)
			img := controlImage(t)
			idx := index(map[string]v1.Image{version2022: img})
			tag := s.tag(t, "control/app:1")
			if err := remote.WriteIndex(tag, idx, s.options(t)...); err != nil {
				t.Fatal(err)
			}
			w := controlWant(t, img)
			w.top = digestOf(t, idx)
			checkRemote(t, s, tag.String(), w)
		})
	}
}

// TestControlFiles: the programs that read layouts and archives accept one that
// is known to be right.
func TestControlFiles(t *testing.T) {
	img := controlImage(t)
	idx := index(map[string]v1.Image{version2022: img})
	w := controlWant(t, img)
	w.top = digestOf(t, idx)
	dir := t.TempDir()
	path, err := layout.Write(filepath.Join(dir, "layout"), empty.Index)
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]string{"org.opencontainers.image.ref.name": "1", "io.containerd.image.name": "registry.test/control/app:1"}
	if err := path.AppendIndex(idx, layout.WithAnnotations(names)); err != nil {
		t.Fatal(err)
	}
	checkLayout(t, string(path), w)
	tarFile := filepath.Join(dir, "oci.tar")
	tarUp(t, tarFile, string(path))
	checkContainerd(t, tarFile, "registry.test/control/app:1", w)

	docker := filepath.Join(dir, "docker.tar")
	tag, err := name.NewTag("registry.test/control/docker:1")
	if err != nil {
		t.Fatal(err)
	}
	if err := tarball.WriteToFile(docker, tag, img); err != nil {
		t.Fatal(err)
	}
	checkArchive(t, docker, tag.String(), w)
}

func digestOf(t *testing.T, d interface{ Digest() (v1.Hash, error) }) string {
	t.Helper()
	h, err := d.Digest()
	if err != nil {
		t.Fatal(fmt.Errorf("computing a digest: %w", err))
	}
	return h.String()
}
