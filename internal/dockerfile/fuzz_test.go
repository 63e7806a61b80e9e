package dockerfile

import (
	"context"
	"errors"
	"io/fs"
	"strings"
	"testing"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// If this failed, a Dockerfile could crash the program, give an error that is
// not one of ours, or a graph that does not hold together.
func FuzzBuild(f *testing.F) {
	for _, tt := range graphCases() {
		f.Add(tt.text)
	}
	f.Add("FROM nanoserver\nCOPY a C:\\y\\\nRUN --mount=type=cache,target=D:\\\\x y\n")
	f.Add("# syntax=x\nFROM --platform=$P a AS b\nFROM b\nENV A=%B% C\\d\\e\n")
	f.Fuzz(func(t *testing.T, text string) {
		req := windows(text)
		results, err := Build(t.Context(), req, images{any: true})
		var e *Error
		if err != nil && !errors.As(err, &e) {
			t.Errorf("got %T: %v", err, err)
		}
		for _, r := range results {
			if err := r.Graph.WriteText(new(strings.Builder)); err != nil {
				t.Error(err)
			}
		}
		req.Platforms = nil
		if p, err := Platform(t.Context(), req, images{any: true}); err == nil && p.OS == "" {
			t.Error("no platform and no error")
		}
	})
}

// If this failed, paths of mounts and layouts would be taken apart wrongly.
func TestPaths(t *testing.T) {
	for in, want := range map[string]string{
		"/app/C:/cache": "/cache", "/app/c:": "error", `\app\C:\a\b`: "/a/b", "/app/rel": "/app/rel",
		"/C:src": "/src", "/app/C:/x/C:/y": "/y", "/app/D:/x": "error", "/a:b/c": "error", "/ab:c": "/ab:c", "/x/../y/": "/y",
	} {
		got, err := windowsTarget(in)
		if err != nil {
			got = "error"
		}
		if got != want {
			t.Errorf("windowsTarget(%q) = %q, %v, want %q", in, got, err, want)
		}
	}
	digest := "@sha256:" + strings.Repeat("0", 64)
	for in, want := range map[string]string{
		"dir": "dir", "dir:tag": "dir", "dir" + digest: "dir", "dir:tag" + digest: "dir", "C:/some dir": "C:/some dir",
		"C:/d:v1.0": "C:/d", `C:\d:latest`: `C:\d`, "/a@b/c": "/a@b/c", "./x": "./x",
	} {
		if got := layoutDir(in); got != want {
			t.Errorf("layoutDir(%q) = %q, want %q", in, got, want)
		}
	}
}

// If this failed, Ctrl-C would look like a fault of the Dockerfile.
func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	_, err := Build(ctx, windows("FROM nanoserver\n"), cancelling{cancel: cancel})
	var e *Error
	if !errors.Is(err, context.Canceled) || errors.As(err, &e) {
		t.Errorf("got %T: %v", err, err)
	}
}

// cancelling is a resolver during whose work the user presses Ctrl-C.
type cancelling struct {
	images
	cancel context.CancelFunc
}

func (c cancelling) Resolve(ctx context.Context, _ string, _ *ocispec.Platform) (Resolved, error) {
	c.cancel()
	<-ctx.Done()
	return Resolved{}, ctx.Err()
}

// If this failed, a source that is no directory would be taken for an empty
// one, and a build without a platform would build nothing and say nothing.
func TestRefusals(t *testing.T) {
	req := windows("")
	req.Dockerfile, req.Context, req.Files = nil, "https://example.com/r.git", Dirs{}
	if _, err := Build(t.Context(), req, images{}); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("got %v", err)
	}
	if _, err := (Dirs{}).ReadFile(t.Context(), mustGraph(t), "x"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	req = windows("FROM nanoserver\n")
	req.Platforms = nil
	if _, err := Build(t.Context(), req, images{}); err == nil {
		t.Error("no platform and no error")
	}
}
