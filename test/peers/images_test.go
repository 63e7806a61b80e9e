//go:build peers

package peers_test

import (
	"archive/tar"
	"bytes"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// all builds the context into a registry, a layout and both kinds of archives,
// all in one command, and shows each to the peers that read it. w.top and w.image
// are filled in.
func all(t *testing.T, s server, name, dir string, w want, flags ...string) {
	t.Helper()
	out := t.TempDir()
	dest, ociTar, dockerTar := filepath.Join(out, "layout"), filepath.Join(out, "oci.tar"), filepath.Join(out, "docker.tar")
	ref, meta := s.addr+"/"+name, filepath.Join(out, "meta.json")
	build(t, s.environ(), append(flags, "-t", ref, "--push", "--metadata-file", meta, "-o", "type=oci,tar=false,dest="+dest,
		"-o", "type=oci,dest="+ociTar, "-o", "type=docker,dest="+dockerTar, dir)...)
	w.top, w.image = metadataDigest(t, meta), windowsImage(t, s, ref, w)
	checkRemote(t, s, ref, w)
	checkLayout(t, dest, w)
	checkContainerd(t, ociTar, ref, w)
	ctr(t, "images", "rm", ref)
	checkArchive(t, dockerTar, ref, w)
}

// TestCompression: every kind of compression is read by everybody who knows it.
func TestCompression(t *testing.T) {
	dir, w := writeContext(t, pushBase(t, peers.old))
	for kind, mediaType := range map[string]types.MediaType{"zstd": types.OCILayerZStd, "none": types.OCIUncompressedLayer} {
		t.Run(kind, func(t *testing.T) {
			w := w
			w.lastType = mediaType
			all(t, peers.old, "compressed/"+kind+":1", dir, w, "--platform", "windows(10.0.20348)/amd64", "--compression", kind)
		})
	}
}

// TestTwoVersions: an index of two Windows versions holds a right image for each,
// on that version's own base.
func TestTwoVersions(t *testing.T) {
	s := peers.old
	dir, w := writeContext(t, pushBase(t, s))
	out := t.TempDir()
	dest, ociTar, meta := filepath.Join(out, "layout"), filepath.Join(out, "oci.tar"), filepath.Join(out, "meta.json")
	ref := s.addr + "/versions/app:1"
	build(t, s.environ(), "--platform", "windows(10.0.17763)/amd64,windows(10.0.20348)/amd64", "-t", ref, "--push", "--metadata-file", meta,
		"-o", "type=oci,tar=false,dest="+dest, "-o", "type=oci,dest="+ociTar, dir)
	images := map[string]bool{}
	for _, version := range []string{version2022, version2019} {
		w := w
		w.osVersion, w.files = version, withFile(w.files, "Files/Windows/System32/ver.txt", version)
		w.top, w.image = metadataDigest(t, meta), windowsImage(t, s, ref, w)
		images[w.image] = true
		checkRemote(t, s, ref, w)
		checkLayout(t, dest, w)
		checkContainerd(t, ociTar, ref, w)
	}
	if len(images) != 2 {
		t.Errorf("the index holds the images %v, want two", images)
	}
}

func withFile(files map[string]string, name, text string) map[string]string {
	m := map[string]string{name: text}
	for n, s := range files {
		if n != name {
			m[n] = s
		}
	}
	return m
}

// TestCopyFrom: files out of another Windows image, a file out of its base layer
// among them, and out of a Linux image arrive whole.
func TestCopyFrom(t *testing.T) {
	s := peers.secure
	base := pushBase(t, s)
	tools := s.tag(t, "tools/windows:1")
	if err := remote.Write(tools, controlImage(t), s.options(t)...); err != nil {
		t.Fatal(err)
	}
	linux := s.tag(t, "tools/linux:1")
	if err := remote.Write(linux, linuxImage(t), s.options(t)...); err != nil {
		t.Fatal(err)
	}
	dir := writeFiles(t, map[string]string{"Dockerfile": "# escape=`\nFROM --platform=linux/amd64 " + linux.String() + " AS linux\nFROM " + base + "\n" +
		"COPY --from=" + tools.String() + " C:\\APP\\HELLO.txt C:\\from\\\n" +
		"COPY --from=" + tools.String() + " C:\\windows\\system32\\VER.TXT C:\\from\\base.txt\n" +
		"COPY --from=linux /usr/share/word C:\\from\\\n" +
		"CMD [\"cmd\"]\n"})
	all(t, s, "copied/app:1", dir, want{osVersion: version2022, layers: 4, command: "cmd",
		names: []string{"Files", "Files/from", "Files/from/word", "Hives"},
		files: map[string]string{"Files/from/hello.txt": "hello", "Files/from/base.txt": version2022, "Files/from/word": "a word"}},
		"--platform", "windows(10.0.20348)/amd64")
}

// linuxImage is an image with one file.
func linuxImage(t *testing.T) v1.Image {
	t.Helper()
	var buf bytes.Buffer
	tw := tar.NewWriter(&buf)
	var err error
	for _, h := range []tar.Header{{Name: "usr/", Mode: 0o755}, {Name: "usr/share/", Mode: 0o755}, {Name: "usr/share/word", Mode: 0o644, Size: 6}} {
		err = errors.Join(err, tw.WriteHeader(&h))
	}
	_, werr := io.WriteString(tw, "a word")
	if err := errors.Join(err, werr, tw.Close()); err != nil {
		t.Fatal(err)
	}
	img, err := mutate.AppendLayers(mutate.MediaType(empty.Image, types.OCIManifestSchema1), tarLayer(t, buf.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	cfg = cfg.DeepCopy()
	cfg.OS, cfg.Architecture = "linux", "amd64"
	if img, err = mutate.ConfigFile(img, cfg); err != nil {
		t.Fatal(err)
	}
	return img
}

// TestHostProcess: the image on the built-in base, which no registry holds and
// which has no Windows version.
func TestHostProcess(t *testing.T) {
	dir := writeFiles(t, map[string]string{
		"Dockerfile": "FROM casement/hostprocess\nCOPY hello.ps1 /hello/\nENTRYPOINT [\"powershell.exe\"]\n",
		"hello.ps1":  "Write-Output hello",
	})
	all(t, peers.secure, "host/process:1", dir, want{layers: 2, command: "powershell.exe",
		names: []string{"Files", "Files/hello", "Files/hello/hello.ps1", "Hives"},
		files: map[string]string{"Files/hello/hello.ps1": "Write-Output hello"}})
}

// foreignServer is the place outside all registries from which a foreign layer
// comes.
type foreignServer struct {
	url   string
	asked atomic.Int64
}

func startForeign(t *testing.T, data []byte) *foreignServer {
	t.Helper()
	cert, err := tls.LoadX509KeyPair(peers.tls.cert, peers.tls.key)
	if err != nil {
		t.Fatal(err)
	}
	f := &foreignServer{}
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		f.asked.Add(1)
		_, _ = w.Write(data)
	}))
	srv.TLS = &tls.Config{Certificates: []tls.Certificate{cert}}
	srv.StartTLS()
	t.Cleanup(srv.Close)
	// By name: crane takes no foreign layers from addresses of this machine.
	f.url = strings.Replace(srv.URL, "127.0.0.1", "localhost", 1) + "/base.tar.gz"
	return f
}

// TestForeign: a base layer that registries do not hold stays where it is. The
// pushed manifest refers to it, casement does not read it, and who wants the
// image finds it at its address.
func TestForeign(t *testing.T) {
	s := peers.secure
	data := compressed(t, baseLayer(t, version2022))
	from := startForeign(t, data)
	for name, mediaType := range map[string]types.MediaType{"oci": types.OCIRestrictedLayer, "docker": types.DockerForeignLayer} {
		t.Run(name, func(t *testing.T) {
			layer := foreignLayer{baseLayer(t, version2022), mediaType}
			base := s.tag(t, "foreign/"+name+"-base:1")
			if err := remote.Write(base, foreignImage(t, layer, mediaType, from.url), s.options(t)...); err != nil {
				t.Fatal(err)
			}
			dir, w := writeContext(t, base.String())
			ref := s.addr + "/foreign/" + name + ":1"
			before := from.asked.Load()
			build2022(t, s.environ(), "-t", ref, "--push", dir)
			if n := from.asked.Load() - before; n != 0 {
				t.Errorf("the push has asked for the foreign layer %d times", n)
			}
			w.image = windowsImage(t, s, ref, w)
			checkReference(t, s, ref, digestOf(t, layer), from.url)

			validate(t, s, ref, w)
			checkNames(t, s, ref, w)
			if from.asked.Load() == before {
				t.Error("crane has validated the image without the foreign layer")
			}

			// A layout holds all that it needs, and so does a docker archive.
			dest, archive := filepath.Join(t.TempDir(), "layout"), filepath.Join(t.TempDir(), "docker.tar")
			build2022(t, s.environ(), "-t", ref, "-o", "type=oci,tar=false,dest="+dest, "-o", "type=docker,dest="+archive, dir)
			w.top = w.image
			if _, err := os.Stat(filepath.Join(dest, "blobs", "sha256", strings.TrimPrefix(digestOf(t, layer), "sha256:"))); err != nil {
				t.Errorf("the layout lacks the foreign layer: %v", err)
			}
			checkLayout(t, dest, w)
			checkArchive(t, archive, ref, w)
		})
	}
}

// foreignLayer has the media type that keeps registry clients from uploading it.
type foreignLayer struct {
	v1.Layer
	mediaType types.MediaType
}

// MediaType implements v1.Layer.
func (l foreignLayer) MediaType() (types.MediaType, error) { return l.mediaType, nil }

func compressed(t *testing.T, layer v1.Layer) []byte {
	t.Helper()
	r, err := layer.Compressed()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	data, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func foreignImage(t *testing.T, layer v1.Layer, mediaType types.MediaType, url string) v1.Image {
	t.Helper()
	img := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	if mediaType == types.DockerForeignLayer {
		img = mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.DockerManifestSchema2), types.DockerConfigJSON)
	}
	img, err := mutate.Append(img, mutate.Addendum{Layer: layer, MediaType: mediaType, URLs: []string{url}})
	if err != nil {
		t.Fatal(err)
	}
	return forWindows(t, img, version2022)
}

// checkReference: the manifest refers to the foreign layer, and the repository
// does not hold it.
func checkReference(t *testing.T, s server, ref, digest, url string) {
	t.Helper()
	var m v1.Manifest
	if err := json.Unmarshal([]byte(do(t, s, "crane", "manifest", ref)), &m); err != nil {
		t.Fatal(err)
	}
	l := m.Layers[0]
	if l.Digest.String() != digest || l.MediaType.IsDistributable() || !slices.Equal(l.URLs, []string{url}) {
		t.Errorf("the manifest has the base layer as %+v, want the foreign %s at %s", l, digest, url)
	}
	repo := s.tag(t, strings.TrimPrefix(ref, s.addr+"/")).Context()
	blob, err := remote.Layer(repo.Digest(digest), s.options(t)...)
	if err != nil {
		t.Fatal(err)
	}
	if r, err := blob.Compressed(); err == nil {
		r.Close()
		t.Error("the foreign layer was pushed")
	}
}

// TestForeignRefused: a registry that does not allow foreign layers refuses the
// manifest, and the message says that it is for them.
func TestForeignRefused(t *testing.T) {
	data := compressed(t, baseLayer(t, version2022))
	from, layer := startForeign(t, data), foreignLayer{baseLayer(t, version2022), types.OCIRestrictedLayer}
	dir := t.TempDir()
	path, err := layout.Write(dir, empty.Index)
	if err != nil {
		t.Fatal(err)
	}
	img := foreignImage(t, layer, types.OCIRestrictedLayer, from.url)
	if err := path.AppendImage(img, layout.WithAnnotations(map[string]string{"org.opencontainers.image.ref.name": "1"})); err != nil {
		t.Fatal(err)
	}
	context := writeFiles(t, map[string]string{"Dockerfile": "FROM base\nENV A=b\n"})
	out, code := casement(t, peers.old.environ(), "build", "--progress=quiet", "--build-context", "base=oci-layout://"+dir+":1",
		"-t", peers.old.addr+"/foreign/refused:1", "--push", context)
	if code != 1 || !strings.Contains(out, "foreign layers") {
		t.Errorf("exit %d, want 1 and a message on foreign layers:\n%s", code, out)
	}
}
