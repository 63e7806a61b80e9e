//go:build peers

package peers_test

import (
	"archive/tar"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// want is what every peer must find in an image.
type want struct {
	top       string // digest that the tag names: of the index, or the image
	image     string // digest of the manifest
	osVersion string
	layers    int
	names     []string // entries of the last layer's tar, in order
	command   string   // first word of the entrypoint, or of the command
	// files are contents by their names in tars: some of the last layer and some
	// of the base.
	files map[string]string
	// lastType is the media type of the last layer; empty is OCI's with gzip.
	lastType types.MediaType
}

// platform is how crane names the image's platform.
func (w want) platform() string {
	if w.osVersion == "" {
		return "windows/amd64"
	}
	return "windows/amd64:" + w.osVersion
}

// gzip says that the last layer is compressed so.
func (w want) gzip() bool { return w.lastType == "" || w.lastType == types.OCILayer }

// zstd says that the last layer is compressed so, which Debian's umoci is too old
// for; checkNames, containerd and buildkitd read such layers all the same.
func (w want) zstd() bool { return w.lastType == types.OCILayerZStd }

// checkRemote shows an image in a registry to crane, regctl and skopeo.
func checkRemote(t *testing.T, s server, ref string, w want) {
	t.Helper()
	validate(t, s, ref, w)
	if got := do(t, s, "crane", "digest", ref); got != w.top {
		t.Errorf("crane digest says %s, want %s", got, w.top)
	}
	if got := do(t, s, "crane", "digest", "--platform", w.platform(), ref); got != w.image {
		t.Errorf("crane digest of the platform says %s, want %s", got, w.image)
	}
	checkTop(t, "crane", do(t, s, "crane", "manifest", ref), w)
	checkConfig(t, "crane", do(t, s, "crane", "config", "--platform", w.platform(), ref), w)
	checkNames(t, s, ref, w)
	checkRegctl(t, s, ref, w)

	tls := "--tls-verify=" + map[bool]string{true: "true", false: "false"}[s.ca != ""]
	checkInspect(t, do(t, s, "skopeo", "--override-os", "windows", "--override-arch", "amd64", "inspect", tls, "docker://"+ref), w)
	checkConfig(t, "skopeo", do(t, s, "skopeo", "--override-os", "windows", "--override-arch", "amd64", "inspect", "--config", tls, "docker://"+ref), w)

	// Copies, into a layout and into the same registry, keep every digest.
	dir := filepath.Join(t.TempDir(), "copy")
	do(t, s, "skopeo", "copy", "--all", "--preserve-digests", "--src-"+tls[2:], "docker://"+ref, "oci:"+dir+":1")
	checkLayout(t, dir, w)
	copied := ref[:strings.LastIndex(ref, ":")] + "-copy:1"
	do(t, s, "skopeo", "copy", "--all", "--preserve-digests", "--src-"+tls[2:], "--dest-"+tls[2:], "docker://"+ref, "docker://"+copied)
	if got := do(t, s, "crane", "digest", copied); got != w.top {
		t.Errorf("after skopeo copy the digest is %s, want %s", got, w.top)
	}
}

// validate lets crane look at all of an image. It takes all layers for gzip; of
// others it only looks whether they are there, and checkNames reads them.
func validate(t *testing.T, s server, ref string, w want) {
	t.Helper()
	args := []string{"validate", "--remote", ref}
	if !w.gzip() {
		args = append(args, "--fast")
	}
	do(t, s, "crane", args...)
}

// checkRegctl shows an image to regctl: the manifest as it is, the digest that it
// computes from it, and the config of the platform.
func checkRegctl(t *testing.T, s server, ref string, w want) {
	t.Helper()
	platform := "windows/amd64"
	if w.osVersion != "" {
		platform += ",osver=" + w.osVersion
	}
	checkTop(t, "regctl", regctl(t, s, "manifest", "get", "--format", "raw-body", ref), w)
	if got := regctl(t, s, "image", "digest", ref); got != w.top {
		t.Errorf("regctl says digest %s, want %s", got, w.top)
	}
	var m v1.Manifest
	if err := json.Unmarshal([]byte(regctl(t, s, "manifest", "get", "--platform", platform, "--format", "raw-body", ref)), &m); err != nil {
		t.Fatalf("reading the manifest that regctl gives: %v", err)
	}
	last := w.lastType
	if w.gzip() {
		last = types.OCILayer
	}
	if len(m.Layers) != w.layers || m.Layers[len(m.Layers)-1].MediaType != last {
		t.Errorf("regctl gives the layers %+v, want %d and the last a %s", m.Layers, w.layers, last)
	}
	checkConfig(t, "regctl", regctl(t, s, "image", "inspect", "--platform", platform, ref), w)
}

// regctl runs regctl with what it has to know of the registry.
func regctl(t *testing.T, s server, args ...string) string {
	t.Helper()
	tls := map[bool]string{true: "enabled", false: "disabled"}[s.ca != ""]
	return do(t, s, "regctl", append([]string{"--host", "reg=" + s.addr + ",tls=" + tls}, args...)...)
}

// checkInspect looks at what skopeo inspect says.
func checkInspect(t *testing.T, out string, w want) {
	t.Helper()
	var got struct {
		Digest, Os, Architecture string
		Layers                   []string
	}
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		t.Fatalf("skopeo inspect: %v\n%s", err, out)
	}
	if got.Os != "windows" || got.Architecture != "amd64" || len(got.Layers) != w.layers {
		t.Errorf("skopeo inspect says %+v, want windows/amd64 with %d layers", got, w.layers)
	}
	if got.Digest != w.top && got.Digest != w.image {
		t.Errorf("skopeo inspect says digest %s, want %s or %s", got.Digest, w.top, w.image)
	}
}

// checkTop looks at the document that a name stands for. It is the image's
// manifest, or an index whose descriptor names the Windows version, without which
// containerd hosts choose the wrong image or none.
func checkTop(t *testing.T, by, text string, w want) {
	t.Helper()
	var idx v1.IndexManifest
	if err := json.Unmarshal([]byte(text), &idx); err != nil {
		t.Fatalf("reading the document that %s gives: %v\n%s", by, err, text)
	}
	if len(idx.Manifests) == 0 {
		// The programs print what they got, some with another end of the line.
		same := func(end string) bool {
			got, _, err := v1.SHA256(strings.NewReader(strings.TrimSpace(text) + end))
			return err == nil && got.String() == w.image
		}
		if !same("") && !same("\n") {
			t.Errorf("%s gives neither an index nor the image's manifest %s:\n%s", by, w.image, text)
		}
		return
	}
	found := slices.ContainsFunc(idx.Manifests, func(m v1.Descriptor) bool {
		return m.Digest.String() == w.image && m.Platform != nil && m.Platform.OS == "windows" &&
			m.Platform.Architecture == "amd64" && m.Platform.OSVersion == w.osVersion
	})
	if !found {
		t.Errorf("the index that %s gives has no windows/amd64 entry %s with os.version %q:\n%s", by, w.image, w.osVersion, text)
	}
}

// checkConfig: the config says for which Windows the image is and what it runs.
func checkConfig(t *testing.T, by, text string, w want) {
	t.Helper()
	var c struct {
		v1.ConfigFile
		OSVersion string `json:"os.version"`
	}
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		t.Fatalf("reading the config that %s gives: %v\n%s", by, err, text)
	}
	words := slices.Concat(c.Config.Entrypoint, c.Config.Cmd)
	if c.OS != "windows" || c.Architecture != "amd64" || len(words) == 0 || words[0] != w.command {
		t.Errorf("%s gives a config for %s/%s that runs %q, want windows/amd64 and %s", by, c.OS, c.Architecture, words, w.command)
	}
	// Older programs drop the version when they print a config of their own type.
	if by != "skopeo" && c.OSVersion != w.osVersion {
		t.Errorf("%s gives os.version %q, want %s", by, c.OSVersion, w.osVersion)
	}
	if len(c.RootFS.DiffIDs) != w.layers && by != "skopeo" {
		t.Errorf("%s gives %d diff ids, want %d", by, len(c.RootFS.DiffIDs), w.layers)
	}
}

// checkNames reads the last layer out of the registry.
func checkNames(t *testing.T, s server, ref string, w want) {
	t.Helper()
	tag := s.tag(t, strings.TrimPrefix(ref, s.addr+"/"))
	opts := append(s.options(t), remote.WithPlatform(v1.Platform{OS: "windows", Architecture: "amd64", OSVersion: w.osVersion}))
	img, err := remote.Image(tag, opts...)
	if err != nil {
		t.Fatal(err)
	}
	layers, err := img.Layers()
	if err != nil {
		t.Fatal(err)
	}
	if len(layers) != w.layers {
		t.Fatalf("the image has %d layers, want %d", len(layers), w.layers)
	}
	for i, l := range layers {
		checkLayer(t, i, l)
	}
	r, err := layers[len(layers)-1].Uncompressed()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	names, files := readTar(t, r)
	if diff := cmp.Diff(w.names, names); diff != "" {
		t.Errorf("the last layer's entries (-want +got):\n%s", diff)
	}
	for _, n := range names {
		if text, ok := w.files[n]; ok && files[n] != text {
			t.Errorf("the last layer's %s holds %q, want %q", n, files[n], text)
		}
	}
}

// checkLayer compares a layer's bytes with its digest, and what they hold with the
// diff id in the config.
func checkLayer(t *testing.T, i int, l v1.Layer) {
	t.Helper()
	diffID, err := l.DiffID()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		open func() (io.ReadCloser, error)
		want string
	}{{l.Compressed, digestOf(t, l)}, {l.Uncompressed, diffID.String()}} {
		r, err := c.open()
		if err != nil {
			t.Fatal(err)
		}
		got, _, err := v1.SHA256(r)
		if err := errors.Join(err, r.Close()); err != nil {
			t.Fatal(err)
		}
		if got.String() != c.want {
			t.Errorf("layer %d has the digest %s, want %s", i, got, c.want)
		}
	}
}

// readTar returns the names and the files' contents of a layer that casement or
// the control has made.
func readTar(t *testing.T, r io.Reader) (names []string, files map[string]string) {
	t.Helper()
	files = map[string]string{}
	for tr := tar.NewReader(r); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return names, files
		}
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, h.Name)
		if h.PAXRecords["MSWINDOWS.fileattr"] == "" || h.PAXRecords["LIBARCHIVE.creationtime"] == "" {
			// Hives may go without a descriptor, but nothing without these.
			t.Errorf("entry %s lacks its Windows records: %v", h.Name, h.PAXRecords)
		}
		text, err := io.ReadAll(tr)
		if err != nil {
			t.Fatal(err)
		}
		if h.Typeflag == tar.TypeReg {
			files[h.Name] = string(text)
		}
	}
}

// checkLayout shows an OCI layout (a directory) to skopeo, regctl and umoci.
func checkLayout(t *testing.T, dir string, w want) {
	t.Helper()
	none := peers.old // no registry is asked
	ref := layoutTag(t, dir)
	checkTop(t, "skopeo", do(t, none, "skopeo", "inspect", "--raw", "oci:"+dir+":"+ref), w)
	checkRegctl(t, none, "ocidir://"+dir+":"+ref, w)
	if w.zstd() {
		return
	}

	// umoci knows single images only: give it one of the layout's.
	single := filepath.Join(t.TempDir(), "single")
	do(t, none, "regctl", "image", "copy", "--include-external", "ocidir://"+dir+"@"+w.image, "ocidir://"+single+":one")
	rootfs := filepath.Join(t.TempDir(), "rootfs")
	do(t, none, "umoci", "raw", "unpack", "--rootless", "--image", single+":one", rootfs)
	for _, n := range w.names {
		if _, err := os.Lstat(filepath.Join(rootfs, filepath.FromSlash(n))); err != nil {
			t.Errorf("umoci did not unpack %s: %v", n, err)
		}
	}
	checkFiles(t, "umoci", rootfs, w.files)
}

// checkFiles compares files below a directory with what they should hold.
func checkFiles(t *testing.T, by, dir string, files map[string]string) {
	t.Helper()
	if len(files) == 0 {
		t.Fatal("there are no files to compare")
	}
	for name, text := range files {
		got, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
		if err != nil {
			t.Errorf("%s did not bring %s: %v", by, name, err)
		} else if string(got) != text {
			t.Errorf("%s brought %s with %q, want %q", by, name, got, text)
		}
	}
}

// layoutTag returns the tag that the layout's one entry has.
func layoutTag(t *testing.T, dir string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, "index.json"))
	if err != nil {
		t.Fatal(err)
	}
	var idx v1.IndexManifest
	if err := json.Unmarshal(data, &idx); err != nil {
		t.Fatal(err)
	}
	if len(idx.Manifests) != 1 || idx.Manifests[0].Annotations["org.opencontainers.image.ref.name"] == "" {
		t.Fatalf("want one entry with a name in the layout's index:\n%s", data)
	}
	return idx.Manifests[0].Annotations["org.opencontainers.image.ref.name"]
}

func ctr(t *testing.T, args ...string) string {
	t.Helper()
	return do(t, peers.old, "ctr", append([]string{"-a", peers.ctrd, "-n", "peers"}, args...)...)
}

// checkContainerd imports an OCI archive into containerd.
func checkContainerd(t *testing.T, file, ref string, w want) {
	t.Helper()
	line := importImage(t, file, ref)
	if !strings.Contains(line, w.top) && !strings.Contains(line, w.image) {
		t.Errorf("containerd says\n%s\nwant digest %s or %s", line, w.top, w.image)
	}
	var m v1.Manifest
	if err := json.Unmarshal([]byte(ctr(t, "content", "get", w.image)), &m); err != nil {
		t.Fatal(err)
	}
	if len(m.Layers) != w.layers {
		t.Errorf("containerd holds %d layers, want %d", len(m.Layers), w.layers)
	}
	checkConfig(t, "containerd", ctr(t, "content", "get", m.Config.Digest.String()), w)
	// ctr's own check looks for this machine's platform in an index, so each blob
	// is asked for instead. containerd has verified the digests on import.
	listed := ctr(t, "content", "ls", "-q")
	for _, d := range append(m.Layers, m.Config) {
		if !strings.Contains(listed, d.Digest.String()) {
			t.Errorf("containerd lacks %s", d.Digest)
		}
	}
}

// importImage imports an archive and returns containerd's line on the image.
func importImage(t *testing.T, file, ref string) string {
	t.Helper()
	ctr(t, "images", "import", "--platform", "windows/amd64", "--no-unpack", file)
	line := ""
	for l := range strings.Lines(ctr(t, "images", "ls")) {
		if strings.HasPrefix(l, ref+" ") {
			line = l
		}
	}
	if !strings.Contains(line, "windows/amd64") {
		t.Fatalf("containerd does not list %s for windows/amd64:\n%s", ref, ctr(t, "images", "ls"))
	}
	return line
}

// checkArchive shows a docker archive to crane, skopeo and containerd.
func checkArchive(t *testing.T, file, ref string, w want) {
	t.Helper()
	none := peers.old
	args := []string{"validate", "--tarball", file}
	if !w.gzip() {
		args = append(args, "--fast") // as in validate
	}
	do(t, none, "crane", args...)
	checkConfig(t, "skopeo", do(t, none, "skopeo", "--override-os", "windows", "--override-arch", "amd64", "inspect", "--config", "docker-archive:"+file), w)
	importImage(t, file, ref)
	for l := range strings.Lines(ctr(t, "images", "check", "name=="+ref)) {
		if strings.HasPrefix(l, ref+" ") && strings.Contains(l, " complete ") {
			return
		}
	}
	t.Errorf("containerd's check does not call %s complete:\n%s", ref, ctr(t, "images", "check", "name=="+ref))
}

// tarUp writes the directory's files as a tar, as an OCI archive is.
func tarUp(t *testing.T, file, dir string) {
	t.Helper()
	out, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	tw := tar.NewWriter(out)
	err = filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, p)
		if err != nil {
			return err
		}
		if err := tw.WriteHeader(&tar.Header{Name: filepath.ToSlash(rel), Mode: 0o644, Size: int64(len(data))}); err != nil {
			return err
		}
		_, err = tw.Write(data)
		return err
	})
	if err := errors.Join(err, tw.Close()); err != nil {
		t.Fatal(err)
	}
}
