package testbed

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"time"
)

// Tool is a Go program at a pinned version.
type Tool struct {
	Name    string // name of the program
	Module  string // module that holds it
	Version string // version of the module
	Package string // package path below the module
	// InModule says that the program must be built inside a copy of its module,
	// because `go install` refuses a go.mod with exclude or replace lines.
	InModule bool
}

// Crane is go-containerregistry's command line. The versions here are pinned:
// BuildKit's is the release that casement's own frontend comes from.
func Crane() Tool {
	return Tool{Name: "crane", Module: "github.com/google/go-containerregistry", Version: "v0.22.1", Package: "cmd/crane"}
}

// Registry is the CNCF distribution registry.
func Registry() Tool {
	return Tool{Name: "registry", Module: "github.com/distribution/distribution/v3", Version: "v3.1.2", Package: "cmd/registry"}
}

// Buildctl is BuildKit's client.
func Buildctl() Tool {
	return Tool{Name: "buildctl", Module: "github.com/moby/buildkit", Version: "v0.33.1", Package: "cmd/buildctl", InModule: true}
}

// Buildkitd is BuildKit's daemon.
func Buildkitd() Tool {
	return Tool{Name: "buildkitd", Module: "github.com/moby/buildkit", Version: "v0.33.1", Package: "cmd/buildkitd", InModule: true}
}

// Regctl is regclient's command line.
func Regctl() Tool {
	return Tool{Name: "regctl", Module: "github.com/regclient/regclient", Version: "v0.11.7", Package: "cmd/regctl"}
}

// Containerd is the containerd daemon.
func Containerd() Tool {
	return Tool{Name: "containerd", Module: "github.com/containerd/containerd/v2", Version: "v2.4.2", Package: "cmd/containerd"}
}

// Ctr is containerd's client.
func Ctr() Tool {
	return Tool{Name: "ctr", Module: "github.com/containerd/containerd/v2", Version: "v2.4.2", Package: "cmd/ctr"}
}

// Install returns the path of the program, building it first if this cache
// directory does not have it.
func (b Bed) Install(ctx context.Context, t Tool) (string, error) {
	dir := filepath.Join(b.Dir, "tools")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("making the tools directory: %w", err)
	}
	file := filepath.Join(dir, t.Name+"-"+t.Version)
	if _, err := os.Stat(file); err == nil {
		return file, nil
	} else if !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("looking for %s: %w", t.Name, err)
	}
	start := time.Now()
	b.logf("building %s %s (once; up to a few minutes)", t.Name, t.Version)
	tmp, err := os.MkdirTemp(b.Dir, "build-*")
	if err != nil {
		return "", fmt.Errorf("making a build directory: %w", err)
	}
	defer os.RemoveAll(tmp)
	built := filepath.Join(tmp, "bin", t.Name)
	if t.InModule {
		err = b.buildInModule(ctx, t, tmp, built)
	} else {
		err = b.goCommand(ctx, tmp, []string{"GOBIN=" + filepath.Dir(built)},
			"install", "-trimpath", "-ldflags", "-s -w", path.Join(t.Module, t.Package)+"@"+t.Version)
	}
	if err != nil {
		return "", fmt.Errorf("building %s %s: %w", t.Name, t.Version, err)
	}
	// Rename last, so that an interrupted build leaves no half program and two
	// builds at once do no harm.
	if err := os.Rename(built, file); err != nil {
		return "", fmt.Errorf("keeping %s: %w", t.Name, err)
	}
	b.logf("built %s in %s", t.Name, time.Since(start).Round(time.Second))
	return file, nil
}

// buildInModule builds the program inside a writable copy of its module.
func (b Bed) buildInModule(ctx context.Context, t Tool, tmp, built string) error {
	cmd := exec.CommandContext(ctx, "go", "mod", "download", "-json", t.Module+"@"+t.Version)
	cmd.Dir = tmp
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("downloading %s: %w: %s", t.Module, err, bytes.TrimSpace(out))
	}
	var mod struct{ Dir string }
	if err := json.Unmarshal(out, &mod); err != nil {
		return fmt.Errorf("reading the answer of go mod download: %w", err)
	}
	src := filepath.Join(tmp, "src")
	if err := copyWritable(src, mod.Dir); err != nil {
		return fmt.Errorf("copying %s: %w", t.Module, err)
	}
	return b.goCommand(ctx, src, nil, "build", "-trimpath", "-ldflags", "-s -w", "-o", built, "./"+t.Package)
}

// goCommand runs the go tool without cgo, so that the programs need no C
// compiler and behave the same everywhere.
func (b Bed) goCommand(ctx context.Context, dir string, env []string, args ...string) error {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = dir
	cmd.Env = append(append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-buildvcs=false", "GOWORK=off"), env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("go %s: %w: %s", args[0], err, bytes.TrimSpace(out))
	}
	return nil
}

// copyWritable copies a tree from the module cache, whose files are read-only.
func copyWritable(dst, src string) error {
	return filepath.WalkDir(src, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(src, p)
		if err != nil {
			return err
		}
		to := filepath.Join(dst, rel)
		if d.IsDir() {
			return os.MkdirAll(to, 0o755)
		}
		if !d.Type().IsRegular() {
			return nil
		}
		data, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		return os.WriteFile(to, data, 0o644)
	})
}
