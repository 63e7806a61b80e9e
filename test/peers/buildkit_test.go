//go:build peers

package peers_test

import (
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// buildctl lets BuildKit build the directory.
func buildctl(t *testing.T, s server, dir, platform, output string) {
	t.Helper()
	do(t, s, "buildctl", "--addr", peers.buildkit, "build", "--progress=plain", "--frontend", "dockerfile.v0",
		"--local", "context="+dir, "--local", "dockerfile="+dir, "--opt", "platform="+platform, "--output", output)
}

// buildctlPush lets BuildKit build a Windows image and push it.
func buildctlPush(t *testing.T, s server, dir, ref string) {
	t.Helper()
	buildctl(t, s, dir, "windows("+version2022+")/amd64", "type=image,name="+ref+",push=true")
}

// TestBuildKitReads: BuildKit finds in casement's layers, and in the base below
// them, the files that casement was given, and can build on them.
func TestBuildKitReads(t *testing.T) {
	for _, c := range []struct {
		compression string
		lastType    types.MediaType
		s           server
	}{
		{"gzip", types.OCILayer, peers.secure},
		{"gzip", types.OCILayer, peers.old},
		{"zstd", types.OCILayerZStd, peers.old},
		{"none", types.OCIUncompressedLayer, peers.old},
	} {
		t.Run(c.compression+" from "+c.s.name, func(t *testing.T) {
			dir, w := writeContext(t, pushBase(t, c.s))
			w.lastType = c.lastType
			ref := c.s.addr + "/for-buildkit/" + c.compression + ":1"
			build2022(t, c.s.environ(), "-t", ref, "--push", "--compression", c.compression, dir)

			out := t.TempDir()
			buildctl(t, c.s, writeFiles(t, map[string]string{"Dockerfile": "FROM --platform=windows/amd64 " + ref + " AS win\n" +
				"FROM scratch\nCOPY --from=win /app /app\nCOPY --from=win /Windows/System32/ver.txt /Windows/System32/\n"}),
				"linux/amd64", "type=local,dest="+out)
			// BuildKit takes the Files directory of Windows layers for the root.
			checkFiles(t, "BuildKit", out, belowFiles(t, w.files))

			derived := c.s.addr + "/from-casement/" + c.compression + ":1"
			buildctlPush(t, c.s, writeFiles(t, map[string]string{"Dockerfile": "FROM " + ref + "\nCOPY extra /app/conf/extra\n", "extra": "more"}), derived)
			validate(t, c.s, derived, w)
			below, above := layersOf(t, c.s, ref), layersOf(t, c.s, derived)
			if len(above) != len(below)+1 {
				t.Fatalf("BuildKit's image has %d layers on %d of casement's, want one more", len(above), len(below))
			}
			if diff := cmp.Diff(below, above[:len(below)]); diff != "" {
				t.Errorf("BuildKit has not kept casement's layers (-casement +BuildKit):\n%s", diff)
			}
		})
	}
}

// belowFiles takes Files off the names.
func belowFiles(t *testing.T, files map[string]string) map[string]string {
	t.Helper()
	m := map[string]string{}
	for name, text := range files {
		rel, err := filepath.Rel("Files", name)
		if err != nil {
			t.Fatal(err)
		}
		m[rel] = text
	}
	return m
}

// layersOf returns the digests of an image's layers.
func layersOf(t *testing.T, s server, ref string) []string {
	t.Helper()
	tag := s.tag(t, ref[len(s.addr)+1:])
	img, err := remote.Image(tag, append(s.options(t), remote.WithPlatform(v1.Platform{OS: "windows", Architecture: "amd64", OSVersion: version2022}))...)
	if err != nil {
		t.Fatal(err)
	}
	m, err := img.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	var digests []string
	for _, l := range m.Layers {
		digests = append(digests, l.Digest.String())
	}
	return digests
}

// TestBuildKitBuilt: casement reads the layers that BuildKit makes, also those of
// a file that a later one replaces, and builds on them.
func TestBuildKitBuilt(t *testing.T) {
	s := peers.secure
	base := pushBase(t, s)
	tools := s.addr + "/by-buildkit/tools:1"
	buildctlPush(t, s, writeFiles(t, map[string]string{
		"Dockerfile":         "# escape=`\nFROM " + base + "\nCOPY tools C:\\tools\nCOPY newer C:\\tools\\replaced.txt\nCMD [\"tool\"]\n",
		"tools/bin/tool.exe": "MZ a tool", "tools/replaced.txt": "old", "tools/empty": "", "newer": "new",
	}), tools)
	files := map[string]string{"Files/tools/bin/tool.exe": "MZ a tool", "Files/tools/replaced.txt": "new", "Files/tools/empty": "",
		"Files/Windows/System32/ver.txt": version2022}

	t.Run("copy", func(t *testing.T) {
		dir := writeFiles(t, map[string]string{"Dockerfile": "# escape=`\nFROM " + base + "\nCOPY --from=" + tools + " C:\\Tools C:\\tools\nCMD [\"copied\"]\n"})
		all(t, s, "from-buildkit/copy:1", dir, want{osVersion: version2022, layers: 2, command: "copied", files: files,
			names: []string{"Files", "Files/tools", "Files/tools/bin", "Files/tools/bin/tool.exe", "Files/tools/empty", "Files/tools/replaced.txt", "Hives"}},
			"--platform", "windows(10.0.20348)/amd64")
	})
	t.Run("base", func(t *testing.T) {
		dir := writeFiles(t, map[string]string{"Dockerfile": "# escape=`\nFROM " + tools + "\nCOPY more C:\\tools\\bin\\\n", "more": "more"})
		all(t, s, "from-buildkit/base:1", dir, want{osVersion: version2022, layers: 4, command: "tool", files: withFile(files, "Files/tools/bin/more", "more"),
			names: []string{"Files", "Files/tools", "Files/tools/bin", "Files/tools/bin/more", "Hives"}})
	})
}
