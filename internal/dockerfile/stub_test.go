package dockerfile

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/casement/casement/internal/llb"
)

var update = flag.Bool("update", false, "write golden files")

// images is a resolver that knows every image: one whose name has "linux",
// "alpine" or "golang" in it is for Linux, all others are for Windows. Names in
// platforms are there for just those.
type images struct {
	platforms map[string][]ocispec.Platform
	onbuild   map[string][]string
	// any has Resolve answer for the system that is asked for, whatever the
	// name is.
	any bool
}

func (r images) Resolve(_ context.Context, ref string, p *ocispec.Platform) (Resolved, error) {
	if strings.Contains(ref, "missing") {
		return Resolved{}, fmt.Errorf("%s: %w", ref, fs.ErrNotExist)
	}
	config := map[string]any{
		"architecture": "amd64", "os": "windows", "os.version": "10.0.20348.3328",
		"config":  map[string]any{"User": "ContainerUser", "OnBuild": r.onbuild[ref]},
		"rootfs":  map[string]any{"type": "layers", "diff_ids": []string{digest.FromString(ref).String()}},
		"history": []map[string]any{{"created_by": "base"}},
	}
	if isLinux(ref) && !r.any || r.any && p != nil && p.OS == "linux" {
		config["os"], config["config"] = "linux", map[string]any{"Env": []string{"PATH=/bin"}}
		delete(config, "os.version")
	}
	b, err := json.Marshal(config)
	return Resolved{Digest: digest.FromString("manifest of " + ref), Config: b}, err
}

func (r images) Platforms(_ context.Context, ref string) ([]ocispec.Platform, error) {
	if ps, ok := r.platforms[ref]; ok {
		return ps, nil
	}
	if strings.Contains(ref, "missing") {
		return nil, fmt.Errorf("%s: %w", ref, fs.ErrNotExist)
	}
	if isLinux(ref) && !(r.any && (strings.Contains(ref, "windows") || strings.Contains(ref, "nanoserver"))) {
		return []ocispec.Platform{{OS: "linux", Architecture: "amd64"}, {OS: "linux", Architecture: "arm64"}}, nil
	}
	return []ocispec.Platform{{OS: "windows", Architecture: "amd64", OSVersion: "10.0.20348.3328"}}, nil
}

func isLinux(ref string) bool {
	for _, s := range []string{"linux", "alpine", "golang"} {
		if strings.Contains(ref, s) {
			return true
		}
	}
	return false
}

// windows returns a request for a Windows image.
func windows(text string) Request {
	return Request{
		Dockerfile:    []byte(text),
		Platforms:     []ocispec.Platform{{OS: "windows", Architecture: "amd64"}},
		BuildPlatform: &ocispec.Platform{OS: "linux", Architecture: "amd64"},
	}
}

// contextDir is a Files with these files in the build context.
func contextDir(files map[string]string) Files {
	m := fstest.MapFS{}
	for name, text := range files {
		m[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return Dirs{LocalContext: m, LocalDockerfile: m}
}

// golden compares got with a file of testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.ReplaceAll(string(want), "\r\n", "\n"), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

// anywhere is a Files that has one Dockerfile, whatever the source.
type anywhere string

func (a anywhere) ReadFile(_ context.Context, g *llb.Graph, name string) ([]byte, error) {
	if name == DefaultFilename {
		return []byte(a), nil
	}
	if name == "context" {
		return []byte{0x1f, 0x8b, 8}, nil
	}
	return nil, fs.ErrNotExist
}

// mustGraph returns the graph of a local source.
func mustGraph(t *testing.T) *llb.Graph {
	t.Helper()
	g, err := llb.New(llb.Input{Vertex: &llb.Vertex{Op: &llb.Source{Identifier: "local://other"}}})
	if err != nil {
		t.Fatal(err)
	}
	return g
}
