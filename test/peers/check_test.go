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
)

// want is what every peer must find in an image.
type want struct {
	top       string // digest that the tag names: of the index, or the image; "" is any
	image     string // digest of the manifest
	osVersion string
	layers    int
	names     []string // entries of the last layer's tar, in order
	command   string   // first word of the entrypoint, or of the command
}

// checkRemote shows an image in a registry to crane and skopeo.
func checkRemote(t *testing.T, s server, ref string, w want) {
	t.Helper()
	do(t, s, "crane", "validate", "--remote", ref)
	if got := do(t, s, "crane", "digest", ref); got != w.top {
		t.Errorf("crane digest says %s, want %s", got, w.top)
	}
	if got := do(t, s, "crane", "digest", "--platform", "windows/amd64:"+w.osVersion, ref); got != w.image {
		t.Errorf("crane digest of the platform says %s, want %s", got, w.image)
	}
	checkIndexJSON(t, do(t, s, "crane", "manifest", ref), w)
	checkConfig(t, "crane", do(t, s, "crane", "config", "--platform", "windows/amd64:"+w.osVersion, ref), w)
	checkNames(t, s, ref, w)

	tls := "--tls-verify=" + map[bool]string{true: "true", false: "false"}[s.ca != ""]
	checkInspect(t, do(t, s, "skopeo", "--override-os", "windows", "--override-arch", "amd64", "inspect", tls, "docker://"+ref), w)
	checkConfig(t, "skopeo", do(t, s, "skopeo", "--override-os", "windows", "--override-arch", "amd64", "inspect", "--config", tls, "docker://"+ref), w)

	// A copy keeps the image's digest and its os.version, into a layout and into
	// the same registry. skopeo writes indexes anew, so theirs may change.
	after := w
	after.top = ""
	dir := filepath.Join(t.TempDir(), "copy")
	do(t, s, "skopeo", "copy", "--all", "--src-"+tls[2:], "docker://"+ref, "oci:"+dir+":1")
	checkLayout(t, dir, after)
	copied := ref[:strings.LastIndex(ref, ":")] + "-copy:1"
	do(t, s, "skopeo", "copy", "--all", "--src-"+tls[2:], "--dest-"+tls[2:], "docker://"+ref, "docker://"+copied)
	if got := do(t, s, "crane", "digest", "--platform", "windows/amd64:"+w.osVersion, copied); got != w.image {
		t.Errorf("after skopeo copy the image's digest is %s, want %s", got, w.image)
	}
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

// checkIndexJSON: the index's descriptor names the Windows version, without
// which containerd hosts choose the wrong image or none.
func checkIndexJSON(t *testing.T, text string, w want) {
	t.Helper()
	var idx v1.IndexManifest
	if err := json.Unmarshal([]byte(text), &idx); err != nil {
		t.Fatalf("reading the index: %v", err)
	}
	if len(idx.Manifests) == 0 {
		if w.top != w.image {
			t.Errorf("the tag names no index:\n%s", text)
		}
		return
	}
	found := false
	for _, m := range idx.Manifests {
		found = found || m.Digest.String() == w.image && m.Platform != nil && m.Platform.OS == "windows" &&
			m.Platform.Architecture == "amd64" && m.Platform.OSVersion == w.osVersion
	}
	if !found {
		t.Errorf("the index has no windows/amd64 entry %s with os.version %s:\n%s", w.image, w.osVersion, text)
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
	r, err := layers[len(layers)-1].Uncompressed()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if diff := cmp.Diff(w.names, tarNames(t, r)); diff != "" {
		t.Errorf("the last layer's entries (-want +got):\n%s", diff)
	}
}

func tarNames(t *testing.T, r io.Reader) []string {
	t.Helper()
	var names []string
	for tr := tar.NewReader(r); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return names
		}
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, h.Name)
		if h.PAXRecords["MSWINDOWS.fileattr"] == "" || h.PAXRecords["LIBARCHIVE.creationtime"] == "" {
			// Hives may go without a descriptor, but nothing without these.
			t.Errorf("entry %s lacks its Windows records: %v", h.Name, h.PAXRecords)
		}
	}
}

// checkLayout shows an OCI layout (a directory) to skopeo, regctl and umoci.
func checkLayout(t *testing.T, dir string, w want) {
	t.Helper()
	none := peers.old // no registry is asked
	ref := layoutTag(t, dir)
	raw := do(t, none, "skopeo", "inspect", "--raw", "oci:"+dir+":"+ref)
	checkIndexJSON(t, raw, w)
	if got := do(t, none, "regctl", "image", "digest", "ocidir://"+dir+":"+ref); w.top != "" && got != w.top {
		t.Errorf("regctl says digest %s, want %s", got, w.top)
	}
	checkConfig(t, "regctl", do(t, none, "regctl", "image", "inspect", "--platform", "windows/amd64,osver="+w.osVersion, "ocidir://"+dir+":"+ref), w)

	// umoci knows single images only: point a tag at the manifest.
	single := filepath.Join(t.TempDir(), "single")
	do(t, none, "skopeo", "--override-os", "windows", "--override-arch", "amd64", "copy", "oci:"+dir+":"+ref, "oci:"+single+":one")
	bundle := filepath.Join(t.TempDir(), "rootfs")
	do(t, none, "umoci", "raw", "unpack", "--rootless", "--image", single+":one", bundle)
	for _, n := range w.names {
		if _, err := os.Lstat(filepath.Join(bundle, filepath.FromSlash(n))); err != nil {
			t.Errorf("umoci did not unpack %s: %v", n, err)
		}
	}
	if _, err := os.Stat(filepath.Join(bundle, "Files/Windows/System32/ver.txt")); err != nil {
		t.Errorf("umoci did not unpack the base's file: %v", err)
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
	do(t, none, "crane", "validate", "--tarball", file)
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
