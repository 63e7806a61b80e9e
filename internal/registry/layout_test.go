package registry

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/validate"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/casement/casement/internal/image"
)

func validLayout(t *testing.T, dir string, images int) {
	t.Helper()
	p, err := layout.FromPath(dir)
	if err != nil {
		t.Fatal(err)
	}
	ix, err := p.ImageIndex()
	if err == nil {
		err = validate.Index(ix)
	}
	if err != nil {
		t.Error(err)
	}
	m, err := ix.IndexManifest()
	if err != nil || len(m.Manifests) != images {
		t.Errorf("%+v has not %d images (%v)", m, images, err)
	}
}

// same checks that a place has the image under the name, with all its bytes.
func same(t *testing.T, p image.Place, which string, ix image.Index) {
	t.Helper()
	d, raw, err := p.Manifest(t.Context(), which)
	if err != nil || d.Digest != ix.Descriptor.Digest || !bytes.Equal(raw, top(ix)) {
		t.Errorf("%q gives %v, %v, want %v", which, d, err, ix.Descriptor.Digest)
		return
	}
	for _, img := range ix.Images {
		if _, raw, err := p.Manifest(t.Context(), img.Descriptor.Digest.String()); err != nil || !bytes.Equal(raw, img.Manifest) {
			t.Errorf("manifest %s: %v", img.Descriptor.Digest, err)
		}
		for _, l := range append(slices.Clone(img.Layers), blobs(single(img), PushOptions{})...) {
			want, err := readAll(t.Context(), l.Blob, 0)
			if err != nil {
				t.Fatal(err)
			}
			for _, off := range []int64{0, l.Descriptor.Size / 2, l.Descriptor.Size} {
				if got, err := readAll(t.Context(), p.Blob(l.Descriptor), off); err != nil || !bytes.Equal(got, want[off:]) {
					t.Errorf("blob %s from %d: %d bytes, %v", l.Descriptor.Digest, off, len(got), err)
				}
			}
		}
	}
}

// An OCI layout that was written can be read by us and by others, as a directory
// and as a tar, and is the same every time.
func TestLayoutRoundTrip(t *testing.T) {
	ix := indexOf(t, newImage(t, 1, 1000, 300000), newImage(t, 2, 1000))
	dir := filepath.Join(t.TempDir(), "new", "layout")
	file := dir + ".tar"
	refs := []string{"r.example/app:1", "app:2"}
	if err := WriteLayout(t.Context(), dir, refs, ix, WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := WriteLayout(t.Context(), file, refs, ix, WriteOptions{Tar: true}); err != nil {
		t.Fatal(err)
	}
	validLayout(t, dir, 2)
	for _, name := range []string{dir, file} {
		p, err := Open(name)
		if err != nil {
			t.Fatal(err)
		}
		if p.From() != "" {
			t.Errorf("From is %q", p.From())
		}
		for _, which := range []string{"", "1", "2", "r.example/app:1", "app:2", "docker.io/library/app:2", ix.Descriptor.Digest.String()} {
			same(t, p, which, ix)
		}
		_, _, err = p.Manifest(t.Context(), "3")
		if e := wantKind(t, err, NotFound); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(e.Hint(), "r.example/app:1") {
			t.Errorf("error %v, hint %q", err, e.Hint())
		}
	}
	var a, b bytes.Buffer
	for _, out := range []*bytes.Buffer{&a, &b} {
		if err := WriteLayoutTar(t.Context(), out, refs, ix, WriteOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(a.Bytes(), b.Bytes()) {
		t.Error("the tar differs from time to time")
	}
	if leftovers, _ := filepath.Glob(filepath.Join(filepath.Dir(dir), ".*")); len(leftovers) > 0 {
		t.Errorf("left over: %v", leftovers)
	}
}

// The names in index.json are those that containerd and docker look for.
func TestLayoutAnnotations(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "l")
	ix := single(newImage(t, 1, 10))
	if err := WriteLayout(t.Context(), dir, []string{"app:2"}, ix, WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	var got ocispec.Index
	raw, err := os.ReadFile(filepath.Join(dir, "index.json"))
	if err == nil {
		err = json.Unmarshal(raw, &got)
	}
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"io.containerd.image.name": "docker.io/library/app:2", "org.opencontainers.image.ref.name": "2"}
	if diff := cmp.Diff(want, got.Manifests[0].Annotations); diff != "" {
		t.Error(diff)
	}
	if got.Manifests[0].Platform == nil || got.Manifests[0].Platform.OSVersion == "" {
		t.Error("the platform is lost")
	}
	if ix.Descriptor.Annotations != nil {
		t.Error("writing changed the image")
	}
}

// A layout takes more images, and a name moves to the image that was written last.
func TestLayoutMerge(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "l")
	a, b, c := single(newImage(t, 1, 10)), single(newImage(t, 2, 10)), single(newImage(t, 3, 10))
	for _, w := range []struct {
		refs []string
		ix   image.Index
	}{{[]string{"app:1"}, a}, {[]string{"app:2"}, b}, {[]string{"app:1"}, c}, {[]string{"other:2"}, a}} {
		if err := WriteLayout(t.Context(), dir, w.refs, w.ix, WriteOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	p, err := OpenLayout(dir)
	if err != nil {
		t.Fatal(err)
	}
	same(t, p, "app:1", c)
	same(t, p, "app:2", b)
	same(t, p, "other:2", a)
	if _, _, err := p.Manifest(t.Context(), "2"); err == nil {
		t.Error("a tag of two images was taken for one of them")
	}
	if _, _, err := p.Manifest(t.Context(), ""); err == nil {
		t.Error("one of several images was chosen")
	}
	validLayout(t, dir, 3)
	// Without a name, twice the same is once.
	dir = filepath.Join(t.TempDir(), "l")
	for range 2 {
		if err := WriteLayout(t.Context(), dir, nil, a, WriteOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	validLayout(t, dir, 1)
}

// Nothing but OCI layouts and empty directories is written into, and a failure
// leaves what was there.
func TestLayoutRefuses(t *testing.T) {
	ix := single(newImage(t, 1, 10))
	full := t.TempDir()
	writeFile(t, filepath.Join(full, "precious"), "x", 0o600)
	wantKind(t, WriteLayout(t.Context(), full, nil, ix, WriteOptions{}), Invalid)
	wantKind(t, WriteLayout(t.Context(), full, nil, ix, WriteOptions{Tar: true}), Invalid)
	wantKind(t, WriteLayout(t.Context(), filepath.Join(full, "precious"), nil, ix, WriteOptions{}), Invalid)
	if entries, _ := os.ReadDir(full); len(entries) != 1 {
		t.Errorf("the directory has %v", entries)
	}
	empty := t.TempDir()
	if err := WriteLayout(t.Context(), empty, nil, ix, WriteOptions{}); err != nil {
		t.Error(err)
	}
	broken := newImage(t, 2, 10)
	broken.Layers[0].Blob = brokenBlob{}
	for _, o := range []WriteOptions{{}, {Tar: true}} {
		dest := filepath.Join(t.TempDir(), "l")
		if err := WriteLayout(t.Context(), dest, nil, single(broken), o); !errors.Is(err, errBroken) {
			t.Errorf("error %v", err)
		}
		if entries, _ := os.ReadDir(filepath.Dir(dest)); len(entries) != 0 {
			t.Errorf("left over: %v", entries)
		}
	}
	if err := WriteLayout(t.Context(), empty, []string{"x"}, single(broken), WriteOptions{}); err == nil {
		t.Error("no error")
	}
	p, err := OpenLayout(empty)
	if err != nil {
		t.Fatal(err)
	}
	same(t, p, "", ix)
}

// The base's layers are downloaded once, through the store, or left out.
func TestLayoutDownloads(t *testing.T) {
	s := strict(t)
	st := newStore(t)
	c, _ := client(t, Options{Store: st})
	base := newImage(t, 1, 100000, 2000)
	ref := mustParse(t, s.host+"/base:1")
	if err := c.Push(t.Context(), []Ref{ref}, single(base), PushOptions{}); err != nil {
		t.Fatal(err)
	}
	top := newImage(t, 2, 10)
	img := imageOf(t, append(at(c.Place(t.Context(), ref), base), top.Layers...)...)
	s.forget()
	sealed := filepath.Join(t.TempDir(), "l")
	if err := WriteLayout(t.Context(), sealed, nil, single(img), WriteOptions{Store: st, Sealed: true}); err != nil {
		t.Fatal(err)
	}
	if n := s.count("GET", "/blobs/"); n != 0 {
		t.Errorf("%d blobs were read for a sealed layout", n)
	}
	p, err := OpenLayout(sealed)
	if err != nil {
		t.Fatal(err)
	}
	_, err = readAll(t.Context(), p.Blob(base.Layers[0].Descriptor), 0)
	if e := wantKind(t, err, NotFound); e.Hint() == "" {
		t.Error("nothing explains the missing layer")
	}
	if _, err = readAll(t.Context(), p.Blob(top.Layers[0].Descriptor), 0); err != nil {
		t.Error(err)
	}
	for range 2 {
		dir := filepath.Join(t.TempDir(), "l")
		if err := WriteLayout(t.Context(), dir, nil, single(img), WriteOptions{Store: st}); err != nil {
			t.Fatal(err)
		}
		validLayout(t, dir, 1)
	}
	if n := s.count("GET", "/blobs/"); n != 2 {
		t.Errorf("%d blobs were read, want each of 2 once", n)
	}
	var out bytes.Buffer
	if err := WriteArchive(t.Context(), &out, []string{"app:1"}, single(img), WriteOptions{}); err != nil {
		t.Error("without a store:", err)
	}
}

// docker load and go-containerregistry read what WriteArchive writes; foreign
// layers keep their addresses.
func TestArchive(t *testing.T) {
	img := newImage(t, 1, 1000, 2000)
	img.Layers[0].Descriptor.MediaType = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
	img.Layers[0].Descriptor.URLs = []string{"https://layers.example/1"}
	img = imageOf(t, img.Layers...)
	file := filepath.Join(t.TempDir(), "a.tar")
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := WriteArchive(t.Context(), f, []string{"app:1", "r.example/app:2"}, single(img), WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	f.Close()
	other, err := tarball.ImageFromPath(file, nil)
	if err == nil {
		err = validate.Image(other)
	}
	if err != nil {
		t.Error(err)
	}
	m, err := tarball.LoadManifest(func() (io.ReadCloser, error) { return os.Open(file) })
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"app:1", "r.example/app:2"}, m[0].RepoTags); diff != "" {
		t.Error(diff)
	}
	source := m[0].LayerSources[v1.Hash{Algorithm: "sha256", Hex: img.Layers[0].DiffID.Encoded()}]
	if len(m[0].LayerSources) != 1 || !slices.Equal(source.URLs, img.Layers[0].Descriptor.URLs) {
		t.Errorf("layer sources are %+v", m[0].LayerSources)
	}
	p, err := OpenArchive(file)
	if err != nil {
		t.Fatal(err)
	}
	same(t, p, "app:1", single(img))
	if form, err := Detect(file); err != nil || form != OCITar {
		t.Errorf("form %v, %v", form, err)
	}
	two := indexOf(t, newImage(t, 1, 10), newImage(t, 2, 10))
	wantKind(t, WriteArchive(t.Context(), io.Discard, nil, two, WriteOptions{}), Invalid)
	wantKind(t, WriteArchive(t.Context(), io.Discard, nil, single(img), WriteOptions{Sealed: true}), Invalid)
}

// tarOf makes a tar; a value that begins with "->" is a symbolic link.
func tarOf(t *testing.T, files ...string) string {
	t.Helper()
	var b bytes.Buffer
	tw := tar.NewWriter(&b)
	for i := 0; i < len(files); i += 2 {
		h := &tar.Header{Typeflag: tar.TypeReg, Name: files[i], Size: int64(len(files[i+1])), Mode: 0o644}
		if target, ok := strings.CutPrefix(files[i+1], "->"); ok {
			h.Typeflag, h.Linkname, h.Size = tar.TypeSymlink, target, 0
		}
		if err := tw.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if h.Typeflag == tar.TypeReg {
			_, _ = io.WriteString(tw, files[i+1])
		}
	}
	tw.Close()
	return writeFile(t, filepath.Join(t.TempDir(), "x.tar"), b.String(), 0o600)
}

// Archives of docker save from before it wrote manifests are read, with layers
// that are plain, compressed, or links to others.
func TestOldArchive(t *testing.T) {
	raw, diffID := layerBytes(t, 1000, 7)
	plainTar := strings.Repeat("plain layer ", 100)
	config := mustJSON(t, ocispec.Image{Platform: ocispec.Platform{OS: "windows", Architecture: "amd64", OSVersion: "10.0.1"},
		RootFS: ocispec.RootFS{Type: "layers", DiffIDs: []digest.Digest{digest.FromString(plainTar), diffID, digest.FromString(plainTar)}}})
	file := tarOf(t, "a/layer.tar", plainTar, "b/layer.tar", string(raw), "c/layer.tar", "->../a/layer.tar", "cfg.json", string(config),
		"manifest.json", `[{"Config":"cfg.json","RepoTags":["app:1","app:2"],"Layers":["a/layer.tar","b/layer.tar","c/layer.tar"]}]`)
	if form, err := Detect(file); err != nil || form != DockerTar {
		t.Errorf("form %v, %v", form, err)
	}
	p, err := Open(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, which := range []string{"", "app:1", "docker.io/library/app:2", "2"} {
		d, doc, err := p.Manifest(t.Context(), which)
		if err != nil || d.Platform == nil || d.Platform.OSVersion != "10.0.1" {
			t.Fatalf("%q: %+v, %v", which, d, err)
		}
		var m ocispec.Manifest
		if err := json.Unmarshal(doc, &m); err != nil {
			t.Fatal(err)
		}
		for i, want := range []string{plainTar, string(raw), plainTar} {
			if got, err := readAll(t.Context(), p.Blob(m.Layers[i]), 0); err != nil || string(got) != want {
				t.Errorf("layer %d: %d bytes, %v", i, len(got), err)
			}
		}
		if got, err := readAll(t.Context(), p.Blob(m.Config), 0); err != nil || !bytes.Equal(got, config) {
			t.Errorf("config: %v", err)
		}
	}
}

// Files that are no images, or damaged ones, are one clear line each.
func TestOpenErrors(t *testing.T) {
	other := t.TempDir()
	writeFile(t, filepath.Join(other, "x"), "x", 0o600)
	for what, name := range map[string]string{
		"nothing":    filepath.Join(other, "absent"),
		"directory":  other,
		"text":       filepath.Join(other, "x"),
		"compressed": writeFile(t, filepath.Join(t.TempDir(), "x"), "\x1f\x8b\x08\x00", 0o600),
		"other tar":  tarOf(t, "a", "b"),
		"bad index":  tarOf(t, "oci-layout", "{}", "index.json", "["),
		"bad docker": tarOf(t, "manifest.json", `[{"Config":"../x","Layers":["y"]}]`),
		"link loop":  tarOf(t, "manifest.json", `[{"Config":"c","Layers":[]}]`, "c", "->c"),
	} {
		_, err := Open(name)
		if err == nil || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: error %v", what, err)
		}
		t.Log(what, err)
	}
	dir := filepath.Join(t.TempDir(), "l")
	img := newImage(t, 1, 1000)
	if err := WriteLayout(t.Context(), dir, nil, single(img), WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	blob := filepath.Join(dir, filepath.FromSlash(blobPath(img.Layers[0].Descriptor.Digest)))
	raw, _ := os.ReadFile(blob)
	p, err := OpenLayout(dir)
	if err != nil {
		t.Fatal(err)
	}
	raw[100] ^= 1
	writeFile(t, blob, string(raw), 0o600)
	_, err = readAll(t.Context(), p.Blob(img.Layers[0].Descriptor), 0)
	wantKind(t, err, Corrupt)
	writeFile(t, blob, string(raw[:100]), 0o600)
	_, err = readAll(t.Context(), p.Blob(img.Layers[0].Descriptor), 0)
	wantKind(t, err, Corrupt)
	writeFile(t, filepath.Join(dir, filepath.FromSlash(blobPath(img.Descriptor.Digest))), "{}", 0o600)
	_, _, err = p.Manifest(t.Context(), "")
	wantKind(t, err, Corrupt)
}

// A layout of several images without names, as other tools write it, is an index.
func TestFlatLayout(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "l")
	a, b := single(newImage(t, 1, 10)), single(newImage(t, 2, 10))
	for _, ix := range []image.Index{a, b} {
		if err := WriteLayout(t.Context(), dir, nil, ix, WriteOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	p, err := OpenLayout(dir)
	if err != nil {
		t.Fatal(err)
	}
	d, raw, err := p.Manifest(t.Context(), "")
	if err != nil || d.MediaType != ocispec.MediaTypeImageIndex || digest.FromBytes(raw) != d.Digest {
		t.Errorf("%+v, %v", d, err)
	}
}

// An image goes from a layout to a registry and back without a change.
func TestLayoutToRegistry(t *testing.T) {
	s := strict(t)
	c, _ := client(t, Options{})
	dir := filepath.Join(t.TempDir(), "l")
	img := newImage(t, 1, 1000, 50000)
	if err := WriteLayout(t.Context(), dir, nil, single(img), WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	p, err := OpenLayout(dir)
	if err != nil {
		t.Fatal(err)
	}
	moved := *img
	moved.Layers = at(p, img)
	ref := mustParse(t, s.host+"/app:1")
	if err := c.Push(t.Context(), []Ref{ref}, single(&moved), PushOptions{}); err != nil {
		t.Fatal(err)
	}
	same(t, c.Place(t.Context(), ref), "1", single(img))
}

// Foreign layers are downloaded from their addresses into a layout.
func TestLayoutForeign(t *testing.T) {
	s := shared(t)
	raw, diffID := layerBytes(t, 1000, 9)
	elsewhere, _ := tlsServer(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(raw) }))
	c, _ := client(t, Options{CACerts: []string{certFile(t, elsewhere)}})
	img := newImage(t, 1, 10)
	img.Layers[0].DiffID = diffID
	img.Layers[0].Descriptor = ocispec.Descriptor{MediaType: "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
		Digest: digest.FromBytes(raw), Size: int64(len(raw)), URLs: []string{elsewhere.URL + "/l"}}
	img = imageOf(t, img.Layers...)
	ref := mustParse(t, s.host+"/base:1")
	if err := c.Push(t.Context(), []Ref{ref}, single(img), PushOptions{}); err != nil {
		t.Fatal(err)
	}
	pulled := *img
	pulled.Layers = at(c.Place(t.Context(), ref), img)
	dir := filepath.Join(t.TempDir(), "l")
	if err := WriteLayout(t.Context(), dir, nil, single(&pulled), WriteOptions{Store: newStore(t)}); err != nil {
		t.Fatal(err)
	}
	validLayout(t, dir, 1)
}

// Whatever a tar has in it, opening it neither crashes nor takes for ever.
func FuzzOpenArchive(f *testing.F) {
	for _, m := range []string{`[{"Config":"c","RepoTags":["a:1"],"Layers":["l"]}]`, `[]`, `[{}]`, `null`} {
		f.Add(m, `{"os":"windows","rootfs":{"diff_ids":["sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"]}}`, "l")
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, manifest, config, layer string) {
		var b bytes.Buffer
		tw := tar.NewWriter(&b)
		for name, content := range map[string]string{"manifest.json": manifest, "c": config, "l": layer} {
			_ = tw.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Size: int64(len(content))})
			_, _ = io.WriteString(tw, content)
		}
		tw.Close()
		name := filepath.Join(dir, "x.tar")
		if err := os.WriteFile(name, b.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		p, err := OpenArchive(name)
		if err != nil {
			return
		}
		d, raw, err := p.Manifest(t.Context(), "")
		if err == nil && digest.FromBytes(raw) != d.Digest {
			t.Errorf("the manifest has not the digest %s", d.Digest)
		}
	})
}

// Whatever index.json says, reading it neither crashes nor gives wrong bytes.
func FuzzOpenLayout(f *testing.F) {
	f.Add(`{"schemaVersion":2,"manifests":[{"mediaType":"x","digest":"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","size":0,"annotations":{"org.opencontainers.image.ref.name":"1"}}]}`, "1")
	f.Add(`{"manifests":[{"digest":"sha256:../../x"}]}`, "")
	f.Add(`{}`, "sha256:x")
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, index, which string) {
		if err := os.WriteFile(filepath.Join(dir, "index.json"), []byte(index), 0o600); err != nil {
			t.Fatal(err)
		}
		p, err := OpenLayout(dir)
		if err != nil {
			return
		}
		d, raw, err := p.Manifest(t.Context(), which)
		if err == nil && digest.FromBytes(raw) != d.Digest {
			t.Errorf("the manifest has not the digest %s", d.Digest)
		}
		if rc, err := p.Blob(d).Open(t.Context(), 0); err == nil {
			rc.Close()
		}
	})
}
