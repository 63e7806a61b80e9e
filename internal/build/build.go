// Package build is one build, from a request to a published image. It is the
// only package that knows all the others, and it reads as the picture of the
// design: a context and a Dockerfile become graphs, graphs become chains,
// chains become images, images go where the outputs say.
//
// Start with [Run]. Everything that a build needs from outside comes in by
// [Request] and [Tools]; what happened comes out as [Result] and as progress.
package build

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/casement/casement/internal/dockerfile"
	"github.com/casement/casement/internal/image"
	"github.com/casement/casement/internal/layer"
	"github.com/casement/casement/internal/progress"
	"github.com/casement/casement/internal/registry"
	"github.com/casement/casement/internal/run"
	"github.com/casement/casement/internal/run/winsh"
	"github.com/casement/casement/internal/solve"
	"github.com/casement/casement/internal/store"
)

// Request says what to build. The zero value of each field is its default.
type Request struct {
	// Context is a directory, a git URL, an http(s) URL of a tar or a
	// Dockerfile, or "-" for a tar or a Dockerfile on Stdin.
	Context string
	// File is the Dockerfile: a path of this machine, or for contexts that are
	// no directory a path in the context; "-" is Stdin. Empty means Dockerfile
	// in the context.
	File  string
	Stdin io.Reader
	// Getenv gives secrets for git and http contexts (GIT_AUTH_TOKEN); nil has
	// none.
	Getenv func(string) string
	// Tags are the names of the image.
	Tags []string
	// Platforms are what to build for; none means what the base image is for.
	Platforms   []ocispec.Platform
	BuildArgs   map[string]string
	Labels      map[string]string
	Target      string
	Annotations image.Annotations
	// NamedContexts are --build-context: a directory, a git or http URL,
	// "docker-image://REF" or "oci-layout://DIR".
	NamedContexts map[string]string
	// NoCache does every step again.
	NoCache bool
	// Secrets are what RUN --mount=type=secret can have, by ID.
	Secrets map[string]Secret
	// Network is that of commands: "default", "none" or "host"; "" leaves it
	// to each RUN.
	Network string
	// Registry says what becomes of changes that RUN makes to the registry of
	// Windows.
	Registry    winsh.RegistryPolicy
	Outputs     []Output
	Compression layer.Compression
	Level       int
	// Epoch is SOURCE_DATE_EPOCH: the time of everything in the image.
	Epoch *time.Time
}

// Tools are what a build works with.
type Tools struct {
	Store    *store.Store
	Registry *registry.Client
	// Transport carries the downloads of commands; nil gives them no network.
	Transport *http.Transport
	// Version names this program, for the keys of what commands did.
	Version string
	// Progress may be nil.
	Progress *progress.Recorder
	// Transfers routes what the registry client reports to this build. The
	// client has to be made with Transfers.Observe as its observer.
	Transfers *Transfers
}

// Result is what a build has made.
type Result struct {
	Index image.Index
	// Refs are the names under which it was published, fully spelled.
	Refs []string
}

// Run does a build.
func Run(ctx context.Context, req Request, t Tools) (res *Result, err error) {
	defer func() { t.Transfers.finish(err) }()
	refs, err := parseTags(req.Tags)
	if err != nil {
		return nil, err
	}
	if err := checkOutputs(req.Outputs, refs); err != nil {
		return nil, err
	}
	b := &builder{req: req, tools: t, refs: refs}
	defer b.close()
	results, err := b.frontend(ctx)
	if err != nil {
		return nil, err
	}
	// Steps that nobody can do are refused before any work starts, for every
	// platform.
	for _, r := range results {
		if err := b.solver.Check(ctx, r.Graph, r.Platform.OS); err != nil {
			return nil, err
		}
	}
	solved := make([]solved, len(results))
	for i, r := range results {
		if solved[i].chain, err = b.solver.Solve(ctx, r.Graph, r.Platform.OS); err != nil {
			b.lookFor(err)
			return nil, err
		}
		solved[i].Result = r
	}
	index, err := b.publish(ctx, solved)
	if err != nil {
		return nil, err
	}
	out := &Result{Index: index}
	for _, r := range refs {
		out.Refs = append(out.Refs, r.String())
	}
	return out, nil
}

// builder is one build on its way.
type builder struct {
	req      Request
	tools    Tools
	refs     []registry.Ref
	contexts *contexts
	images   *images
	solver   *solve.Solver
}

// open prepares contexts and images; nothing is read yet but a context that is
// not a directory.
func (b *builder) open(ctx context.Context) error {
	for _, id := range slices.Sorted(maps.Keys(b.req.Secrets)) {
		if err := b.req.Secrets[id].check(id); err != nil {
			return err
		}
	}
	var err error
	b.images = newImages(b.tools)
	if b.contexts, err = openContexts(ctx, b.req, b.tools); err != nil {
		return err
	}
	b.solver = &solve.Solver{
		Sources:  &sources{builder: b},
		Runner:   run.Router{Runners: []run.Named{{Name: inProcessName, Runner: inProcess(b.req, b.tools)}}},
		Unpacker: unpacker{b.tools.Store},
		Observer: &observer{recorder: b.tools.Progress, downloads: b.contexts.downloads},
	}
	return nil
}

func (b *builder) close() {
	if b.contexts != nil {
		b.contexts.close()
	}
}

// frontend opens what the build reads, and runs the Dockerfile frontend for all
// platforms.
func (b *builder) frontend(ctx context.Context) ([]dockerfile.Result, error) {
	if err := b.open(ctx); err != nil {
		return nil, err
	}
	fr := b.request()
	if len(fr.Platforms) == 0 {
		p, err := dockerfile.Platform(ctx, fr, b.images)
		if err != nil {
			return nil, err
		}
		fr.Platforms = []ocispec.Platform{p}
	}
	results, err := dockerfile.Build(ctx, fr, b.images)
	if err != nil {
		return nil, err
	}
	for _, r := range results {
		announce(b.tools.Progress, r.Graph)
	}
	return results, nil
}

// request describes the build to the frontend.
func (b *builder) request() dockerfile.Request {
	c := b.contexts
	return dockerfile.Request{
		Dockerfile: c.text, Filename: c.filename, Files: c,
		Platforms: b.req.Platforms, BuildArgs: b.req.BuildArgs, Labels: b.req.Labels,
		Target: b.req.Target, NoCache: b.req.NoCache, Network: b.req.Network, NamedContexts: c.options,
		Progress: b.tools.Progress,
	}
}

// parseTags reads the names of the image.
func parseTags(tags []string) ([]registry.Ref, error) {
	var refs []registry.Ref
	for _, t := range tags {
		for _, name := range strings.Split(t, ",") {
			r, err := registry.Parse(name)
			if err != nil {
				return nil, &UsageError{err.Error(), cmp.Or(hint(err), "for example --tag registry.example/app:1.0")}
			}
			if r.Digest != "" {
				return nil, &UsageError{fmt.Sprintf("tag %s has a digest: an image's digest is known when it is built", name), "give a name and a tag"}
			}
			if !slices.Contains(refs, r) {
				refs = append(refs, r)
			}
		}
	}
	return refs, nil
}

// UsageError is a request that makes no sense.
type UsageError struct {
	What, Advice string
}

// Error implements error.
func (e *UsageError) Error() string { return e.What }

// Hint says how the request should look.
func (e *UsageError) Hint() string { return e.Advice }

// Metadata returns what --metadata-file holds, under the names that docker
// buildx uses.
func (r *Result) Metadata() map[string]any {
	d := r.Index.Descriptor
	if len(r.Index.Images) == 1 && r.Index.Raw == nil {
		d.Platform = r.Index.Images[0].Descriptor.Platform
	}
	m := map[string]any{
		"containerimage.digest":     d.Digest.String(),
		"containerimage.descriptor": d,
	}
	if len(r.Refs) > 0 {
		m["image.name"] = strings.Join(r.Refs, ",")
	}
	if len(r.Index.Images) == 1 {
		m["containerimage.config.digest"] = r.Index.Images[0].ConfigDescriptor.Digest.String()
	}
	return m
}

// ID returns what --iidfile and --quiet print: the digest of the config of a
// single image, of the index of several.
func (r *Result) ID() string {
	if r.Index.Raw == nil && len(r.Index.Images) == 1 {
		return r.Index.Images[0].ConfigDescriptor.Digest.String()
	}
	return r.Index.Descriptor.Digest.String()
}

// MarshalMetadata returns the metadata as indented JSON.
func (r *Result) MarshalMetadata() ([]byte, error) {
	b, err := json.MarshalIndent(r.Metadata(), "", "  ")
	return append(b, '\n'), err
}
