package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/casement/casement/test/testbed"
)

// job is one build that a tool is asked to do.
type job struct {
	registry   string // host:port
	base       string // repository and tag of the image built on
	dockerfile string // directory that holds the Dockerfile
	context    string // directory
	target     string // repository and tag to push to
	env        bool   // the case sets ENV and ENTRYPOINT and copies nothing
}

// tool is something that can do such a job.
type tool interface {
	// reset makes the tool forget everything that it has ever done.
	reset(ctx context.Context) error
	build(ctx context.Context, j job) (sample, error)
	stop()
}

// casement is the program that all this is about.
type casement struct {
	program, cache string
	env            []string
}

func (c *casement) reset(context.Context) error { return remake(c.cache) }
func (c *casement) stop()                       {}

func (c *casement) build(ctx context.Context, j job) (sample, error) {
	return runTimed(ctx, append([]string{"CASEMENT_CACHE=" + c.cache}, c.env...), "", c.program,
		"build", "--platform", "windows/amd64", "-f", filepath.Join(j.dockerfile, "Dockerfile"),
		"-t", j.registry+"/"+j.target, "--push", "--progress=quiet", j.context)
}

// buildkit is buildctl with a buildkitd of its own. A reset gives it a new
// daemon with an empty state directory; starting that is not timed.
type buildkit struct {
	client, daemon string
	dir            string
	registries     []string
	env            []string
	server         *testbed.Server
}

func (b *buildkit) socket() string { return "unix://" + filepath.Join(b.dir, "sock") }

func (b *buildkit) stop() {
	b.server.Stop()
	b.server = nil
}

func (b *buildkit) reset(ctx context.Context) error {
	b.stop()
	if err := remake(b.dir); err != nil {
		return err
	}
	config := fmt.Sprintf("root = %q\n[grpc]\naddress = [%q]\n[worker.oci]\nenabled = true\nsnapshotter = \"overlayfs\"\nnetworkMode = \"host\"\ngc = false\n[worker.containerd]\nenabled = false\n",
		filepath.Join(b.dir, "state"), b.socket())
	for _, r := range b.registries {
		config += fmt.Sprintf("[registry.%q]\nhttp = true\n", r)
	}
	file := filepath.Join(b.dir, "buildkitd.toml")
	if err := os.WriteFile(file, []byte(config), 0o644); err != nil {
		return fmt.Errorf("writing buildkitd's settings: %w", err)
	}
	cmd := exec.CommandContext(ctx, b.daemon, "--config", file)
	cmd.Env = append(append(os.Environ(), "PATH="+os.Getenv("PATH")+":/usr/sbin:/sbin"), b.env...)
	var err error
	b.server, err = testbed.StartServer(ctx, cmd, func(ctx context.Context) error {
		return exec.CommandContext(ctx, b.client, "--addr", b.socket(), "debug", "workers").Run()
	})
	if err != nil {
		return fmt.Errorf("starting buildkitd: %w", err)
	}
	return nil
}

func (b *buildkit) build(ctx context.Context, j job) (sample, error) {
	if err := resetPeak(b.server.PID()); err != nil {
		return sample{}, fmt.Errorf("preparing to measure buildkitd: %w", err)
	}
	s, err := runTimed(ctx, b.env, "", b.client, "--addr", b.socket(), "build", "--progress=plain",
		"--frontend", "dockerfile.v0", "--local", "context="+j.context, "--local", "dockerfile="+j.dockerfile,
		"--opt", "platform=windows/amd64",
		"--output", "type=image,name="+j.registry+"/"+j.target+",push=true,registry.insecure=true")
	if err != nil {
		return s, err
	}
	s.Peak, err = runningPeak(b.server.PID())
	return s, err
}

// crane appends a tar, made first, to the base; or sets the config's values.
type crane struct {
	program, dir string
	env          []string
}

func (c *crane) reset(context.Context) error { return remake(c.dir) }
func (c *crane) stop()                       {}

func (c *crane) build(ctx context.Context, j job) (sample, error) {
	base, target := j.registry+"/"+j.base, j.registry+"/"+j.target
	if j.env {
		return runTimed(ctx, c.env, c.dir, c.program, "mutate", "--platform", "windows/amd64",
			"--env", "APP_MODE=production", "--entrypoint", `C:\app\app.exe`, "-t", target, base)
	}
	return runTimed(ctx, c.env, c.dir, "bash", "-c",
		`tar -C "$1" -cf layer.tar . && "$0" append --platform windows/amd64 -b "$2" -t "$3" -f layer.tar`,
		c.program, j.context, base, target)
}

// pipeline is the least that packing a layer takes with common tools: a tar,
// its digest, compression on all processors, and the digest of that.
type pipeline struct{ dir string }

func (p *pipeline) reset(context.Context) error { return remake(p.dir) }
func (p *pipeline) stop()                       {}

func (p *pipeline) build(ctx context.Context, j job) (sample, error) {
	return runTimed(ctx, nil, p.dir, "bash", "-c",
		`set -o pipefail; tar -C "$0" -cf - . | tee >(sha256sum >diffid) | pigz -1 | sha256sum >digest`, j.context)
}

// remake gives an empty directory.
func remake(dir string) error {
	if err := errors.Join(os.RemoveAll(dir), os.MkdirAll(dir, 0o755)); err != nil {
		return fmt.Errorf("emptying a working directory: %w", err)
	}
	return nil
}
