//go:build peers

package peers_test

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// casement runs the program with an empty cache of its own.
func casement(t *testing.T, env []string, args ...string) (stderr string, code int) {
	t.Helper()
	stdout, stderr, err := try(t, append(slices.Clone(env), "CASEMENT_CACHE="+t.TempDir()), "casement", args...)
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		return stdout + stderr, exit.ExitCode()
	case err != nil:
		t.Fatal(err)
	}
	return stdout + stderr, 0
}

// build2022 runs casement build for one of the base's versions.
func build2022(t *testing.T, env []string, args ...string) {
	t.Helper()
	build(t, env, append([]string{"--platform", "windows(10.0.20348)/amd64"}, args...)...)
}

// build runs casement build and fails the test if it fails.
func build(t *testing.T, env []string, args ...string) {
	t.Helper()
	args = append([]string{"build", "--progress=plain"}, args...)
	if out, code := casement(t, env, args...); code != 0 {
		t.Fatalf("casement %s: exit %d\n%s", strings.Join(args, " "), code, out)
	}
}

// without returns the environment without a variable.
func without(env []string, key string) []string {
	return slices.DeleteFunc(slices.Clone(env), func(kv string) bool { return strings.HasPrefix(kv, key+"=") })
}

// writeFiles writes files into a new directory.
func writeFiles(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for file, text := range files {
		file = filepath.Join(dir, filepath.FromSlash(file))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// writeContext makes a build context on the base and says what its image holds.
func writeContext(t *testing.T, base string) (string, want) {
	t.Helper()
	dir := writeFiles(t, map[string]string{
		"Dockerfile":        "# escape=`\nFROM " + base + "\nCOPY app C:\\app\nENV APP_MODE=production\nENTRYPOINT [\"C:\\\\app\\\\run.exe\"]\n",
		"app/run.exe":       "MZ no program",
		"app/conf/app.json": `{"port": 8080}`,
		"app/empty":         "",
	})
	return dir, want{osVersion: version2022, layers: 2, command: `C:\app\run.exe`,
		names: []string{"Files", "Files/app", "Files/app/conf", "Files/app/conf/app.json", "Files/app/empty", "Files/app/run.exe", "Hives"},
		files: map[string]string{"Files/app/run.exe": "MZ no program", "Files/app/conf/app.json": `{"port": 8080}`, "Files/app/empty": "",
			"Files/Windows/System32/ver.txt": version2022}}
}

// windowsImage finds the manifest's digest behind a pushed tag.
func windowsImage(t *testing.T, s server, ref string, w want) string {
	t.Helper()
	opts := append(s.options(t), remote.WithPlatform(v1.Platform{OS: "windows", Architecture: "amd64", OSVersion: w.osVersion}))
	img, err := remote.Image(s.tag(t, strings.TrimPrefix(ref, s.addr+"/")), opts...)
	if err != nil {
		t.Fatal(err)
	}
	return digestOf(t, img)
}

// metadataDigest reads what --metadata-file says was pushed.
func metadataDigest(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]json.RawMessage
	var digest string
	if err := json.Unmarshal(data, &m); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(m["containerimage.digest"], &digest); err != nil {
		t.Fatalf("the metadata file has no containerimage.digest: %v\n%s", err, data)
	}
	return digest
}

// TestRegistries: what casement pushes to real registries is what it says it
// pushed, and crane and skopeo find nothing wrong with it.
func TestRegistries(t *testing.T) {
	for _, s := range []server{peers.secure, peers.old} {
		t.Run(s.name, func(t *testing.T) {
			dir, w := writeContext(t, pushBase(t, s))
			ref, meta := s.addr+"/team/app:1", filepath.Join(t.TempDir(), "meta.json")
			args := []string{"-t", ref, "--push", "--metadata-file", meta}
			env := s.environ()
			if s.ca != "" {
				// The authority by casement's own flag; the variable is tried below.
				env, args = without(env, "SSL_CERT_FILE"), append(args, "--cacert", s.ca)
			}
			build2022(t, env, append(args, dir)...)
			w.top, w.image = metadataDigest(t, meta), windowsImage(t, s, ref, w)
			checkRemote(t, s, ref, w)

			// Again from nothing, under another name, with the authority from the
			// environment: the same image, or builds are not reproducible.
			second := s.addr + "/team/again:1"
			build2022(t, s.environ(), "-t", second, "--push", dir)
			if got := do(t, s, "crane", "digest", second); got != w.top {
				t.Errorf("a second build gives %s, the first gave %s", got, w.top)
			}
		})
	}
}

// TestAcrossRegistries: a base in one registry and a push to another, which is
// when the base's blobs have to travel.
func TestAcrossRegistries(t *testing.T) {
	dir, w := writeContext(t, pushBase(t, peers.old))
	ref, meta := peers.secure.addr+"/across/app:1", filepath.Join(t.TempDir(), "meta.json")
	build2022(t, peers.secure.environ(), "-t", ref, "--push", "--metadata-file", meta, dir)
	w.top, w.image = metadataDigest(t, meta), windowsImage(t, peers.secure, ref, w)
	checkRemote(t, peers.secure, ref, w)
}

// TestFiles: OCI layouts, OCI archives and docker archives as skopeo, regctl,
// umoci, crane and containerd see them; all outputs hold one and the same image.
func TestFiles(t *testing.T) {
	dir, w := writeContext(t, pushBase(t, peers.old))
	out := t.TempDir()
	dest, ociTar, dockerTar := filepath.Join(out, "layout"), filepath.Join(out, "oci.tar"), filepath.Join(out, "docker.tar")
	const ref = "registry.test/team/app:1"
	meta := filepath.Join(out, "meta.json")
	build2022(t, peers.old.environ(), "-t", ref, "--metadata-file", meta, "-o", "type=oci,tar=false,dest="+dest,
		"-o", "type=oci,dest="+ociTar, "-o", "type=docker,dest="+dockerTar, dir)
	w.top = metadataDigest(t, meta)
	w.image = layoutImage(t, dest, w)
	checkLayout(t, dest, w)
	checkContainerd(t, ociTar, ref, w)
	checkArchive(t, dockerTar, ref, w)
}

// layoutImage finds the manifest's digest in a layout, with or without an index
// between.
func layoutImage(t *testing.T, dir string, w want) string {
	t.Helper()
	path, err := layout.FromPath(dir)
	if err != nil {
		t.Fatal(err)
	}
	idx, err := path.ImageIndex()
	if err != nil {
		t.Fatal(err)
	}
	m, err := idx.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	if len(m.Manifests) > 0 && m.Manifests[0].MediaType.IsIndex() {
		if idx, err = idx.ImageIndex(m.Manifests[0].Digest); err != nil {
			t.Fatal(err)
		}
		if m, err = idx.IndexManifest(); err != nil {
			t.Fatal(err)
		}
	}
	for _, d := range m.Manifests {
		if d.MediaType.IsImage() && (d.Platform == nil || d.Platform.OSVersion == w.osVersion) {
			return d.Digest.String()
		}
	}
	t.Fatalf("the layout holds no image for %s: %+v", w.osVersion, m.Manifests)
	return ""
}

// TestRefused: a registry that says no gets the user a message that says why,
// and nothing is pushed.
func TestRefused(t *testing.T) {
	s := peers.secure
	dir, _ := writeContext(t, pushBase(t, s))
	anonymous := append(without(s.environ(), "DOCKER_CONFIG"), "DOCKER_CONFIG="+t.TempDir())
	wrong := s
	wrong.config = t.TempDir()
	if err := writeCredentials(wrong, "user", "wrong"); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, says string
		env        []string
	}{
		{"no credentials", "not logged in", anonymous},
		{"wrong password", "credentials for " + s.addr + " are refused", wrong.environ()},
		{"unknown authority", "certificate", without(s.environ(), "SSL_CERT_FILE")},
	} {
		t.Run(c.name, func(t *testing.T) {
			out, code := casement(t, c.env, "build", "--platform", "windows(10.0.20348)/amd64", "--progress=quiet", "-t", s.addr+"/refused:1", "--push", dir)
			if code != 1 || !strings.Contains(strings.ToLower(out), c.says) || !strings.Contains(out, s.addr) {
				t.Errorf("exit %d, want 1 and a message with %q and %s:\n%s", code, c.says, s.addr, out)
			}
		})
	}
	if _, err := remote.Head(s.tag(t, "refused:1"), s.options(t)...); err == nil {
		t.Error("a refused build has pushed its tag")
	}
}

// TestVersionMustBeChosen: a base with two Windows versions and no version asked
// is a question to the user, who needs their names for the answer.
func TestVersionMustBeChosen(t *testing.T) {
	s := peers.old
	dir, _ := writeContext(t, pushBase(t, s))
	out, code := casement(t, s.environ(), "build", "--platform", "windows/amd64", "--progress=quiet", "-t", s.addr+"/chosen:1", "--push", dir)
	if code != 1 || !strings.Contains(out, version2022) || !strings.Contains(out, version2019) {
		t.Errorf("exit %d, want 1 and a message that names %s and %s:\n%s", code, version2022, version2019, out)
	}
}
