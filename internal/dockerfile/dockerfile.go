// Package dockerfile turns Dockerfiles into graphs.
//
// It runs BuildKit's own Dockerfile frontend in process, so that every
// instruction, heredoc, ONBUILD trigger and named context means here what it
// means there. The frontend is given a small gateway client that answers its
// few questions: what the Dockerfile and the ignore files say ([Files]), and
// what is known of a base image ([Resolver]). It never runs anything. What the
// frontend's own main function would do, this package does: it takes one
// platform after the other and decides about syntax lines itself.
//
// Start with [Build]. [Platform] says what is built when nobody says it,
// [Check] lints, [ParsePlatforms] reads platforms as people write them.
//
// The package mends what goes wrong for Windows images (drive letters in mount
// targets, back slashes in context paths, a platform that is not the base's)
// and warns where a Dockerfile says something else than it seems to. It
// refuses syntax images that are not Docker's own, because running one would
// take a container. Errors are [*Error] values with file, line, excerpt and,
// where the package knows a way out, a hint.
package dockerfile

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/containerd/platforms"
	"github.com/distribution/reference"
	"github.com/moby/buildkit/frontend/dockerfile/dockerfile2llb"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/casement/casement/internal/llb"
	"github.com/casement/casement/internal/progress"
)

// Names of the local sources ("local://context") that a graph may have.
// A named context that is a directory has its own name.
const (
	LocalContext    = "context"    // the build context
	LocalDockerfile = "dockerfile" // the directory of the Dockerfile
)

// DefaultFilename is the Dockerfile's usual name.
const DefaultFilename = "Dockerfile"

// Request says what to build.
type Request struct {
	// Dockerfile is the text. nil has it read from Files: from the source
	// local://dockerfile, or from Context if that is remote.
	Dockerfile []byte
	// Filename is the Dockerfile's name in its source, with slashes. The
	// default is DefaultFilename. It is also the name in errors.
	Filename string
	// Context is the address of a git repository or of an http archive. The
	// default is the directory local://context.
	Context string
	// Files reads the Dockerfile and ignore files. nil has no files.
	Files Files
	// Platforms are what to build for, at least one.
	Platforms []ocispec.Platform
	// BuildPlatform is what BUILDPLATFORM says. The default is linux on this
	// machine's architecture, on every system.
	BuildPlatform *ocispec.Platform
	// BuildArgs and Labels are by name.
	BuildArgs, Labels map[string]string
	// Target is the stage to build. The default is the last one.
	Target string
	// NoCache has every step done again, NoCacheFilter those of the named
	// stages.
	NoCache       bool
	NoCacheFilter []string
	// Pull asks for images to be looked up even if they are known.
	Pull bool
	// NamedContexts are sources by name: docker-image://REF,
	// oci-layout://DIR[:TAG][@DIGEST], git and http addresses, and directories.
	// A directory becomes the source local://NAME; reading it is up to the
	// caller, who knows the path. An OCI layout becomes a source
	// oci-layout://DIR@DIGEST.
	NamedContexts map[string]string
	// Network is that of commands: "default", "none" or "host"; "" leaves it
	// to each RUN.
	Network string
	// Progress hears of what is read and gets the warnings. nil is silent.
	Progress *progress.Recorder
}

// Files reads single files of a source.
type Files interface {
	// ReadFile reads the file called name (slashes, relative) from the tree
	// that the graph describes: a local source ("local://context"), or what
	// Request.Context names. The error matches fs.ErrNotExist if there is no
	// such file.
	ReadFile(ctx context.Context, g *llb.Graph, name string) ([]byte, error)
}

// Dirs is a Files of local sources by name ("context", "dockerfile").
type Dirs map[string]fs.FS

// ReadFile implements [Files].
func (d Dirs) ReadFile(_ context.Context, g *llb.Graph, name string) ([]byte, error) {
	local, ok := localSource(g)
	if !ok {
		return nil, fmt.Errorf("reading %s: the source is not a directory: %w", name, errors.ErrUnsupported)
	}
	dir := d[local]
	if dir == nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return fs.ReadFile(dir, name)
}

// localSource returns the name of the directory that g is.
func localSource(g *llb.Graph) (string, bool) {
	if v := g.Root.Vertex; v != nil {
		if s, ok := v.Op.(*llb.Source); ok {
			return strings.CutPrefix(s.Identifier, "local://")
		}
	}
	return "", false
}

// Resolver looks images up. Implementations are safe for concurrent use.
type Resolver interface {
	// Resolve returns what is known of the image ref for a platform. ref is a
	// full name ("docker.io/library/golang:1.27"), or "oci-layout://DIR…" as
	// a named context has it. platform may have an os.version or not.
	Resolve(ctx context.Context, ref string, platform *ocispec.Platform) (Resolved, error)
	// Platforms returns what an image is there for: of an index the
	// platforms of its entries, of a single image its own.
	Platforms(ctx context.Context, ref string) ([]ocispec.Platform, error)
}

// Resolved is what is known of an image.
type Resolved struct {
	// Ref replaces the name that was asked for; empty keeps it.
	Ref string
	// Digest goes into the identifier of the source
	// ("docker-image://NAME@DIGEST"). It may be that of an index. Empty
	// leaves it out.
	Digest digest.Digest
	// Config is the image's config as JSON.
	Config []byte
}

// Result is what to build for one platform.
type Result struct {
	// Platform is what was asked for, normalised. An os.version in it is the
	// asked one and not the base's.
	Platform ocispec.Platform
	// Graph makes the file system.
	Graph *llb.Graph
	// Config is the config of the image to be, as JSON: the base's with the
	// Dockerfile's changes. Its diff_ids are those of the base, and its
	// os.version may be the asked one.
	Config []byte
	// BaseConfig is the config of the base image; nil for scratch.
	BaseConfig []byte
	// Epoch is what SOURCE_DATE_EPOCH asks for; nil if it does not.
	Epoch *time.Time
}

// Build returns what has to be done for each platform of the request, in the
// request's order.
func Build(ctx context.Context, req Request, res Resolver) ([]Result, error) {
	if len(req.Platforms) == 0 {
		return nil, errors.New("building a Dockerfile: no platform is given")
	}
	c, err := newClient(req, res)
	if err != nil {
		return nil, err
	}
	f, err := c.open(ctx)
	if err != nil {
		return nil, c.explain(ctx, err)
	}
	var results []Result
	for i, p := range req.Platforms {
		opt := f.convert(c, &p)
		if i == 0 {
			// The warnings are the same for all platforms.
			opt.Warn = c.warn
		}
		r, err := convert(ctx, f.text, opt)
		if err != nil {
			return nil, c.explain(ctx, err)
		}
		r.Platform = p
		if err := c.mend(r); err != nil {
			return nil, err
		}
		results = append(results, *r)
	}
	if err := c.fileError(); err != nil {
		return nil, c.explain(ctx, err)
	}
	c.warnTraps(results)
	return results, nil
}

// convert runs the frontend for one platform.
func convert(ctx context.Context, text []byte, opt dockerfile2llb.ConvertOpt) (*Result, error) {
	made, err := dockerfile2llb.Dockerfile2LLB(ctx, text, opt)
	if err != nil {
		return nil, err
	}
	def, err := made.State.Marshal(ctx)
	if err != nil {
		return nil, fmt.Errorf("making the build graph: %w", err)
	}
	r := &Result{Epoch: made.Epoch}
	if r.Graph, err = llb.Decode(def.ToPB()); err != nil {
		return nil, err
	}
	if r.Config, err = json.Marshal(made.Image); err != nil {
		return nil, fmt.Errorf("writing the image config: %w", err)
	}
	if made.BaseImage != nil {
		if r.BaseConfig, err = json.Marshal(made.BaseImage); err != nil {
			return nil, fmt.Errorf("writing the config of the base image: %w", err)
		}
	}
	return r, nil
}

// options returns the request in the form that the frontend takes.
func (r *Request) options() (map[string]string, error) {
	o := map[string]string{"filename": r.Filename}
	var ps []string
	for _, p := range r.Platforms {
		ps = append(ps, platforms.FormatAll(p))
	}
	if len(ps) > 0 {
		o["platform"] = strings.Join(ps, ",")
	}
	for k, v := range r.BuildArgs {
		o["build-arg:"+k] = v
	}
	for k, v := range r.Labels {
		o["label:"+k] = v
	}
	if r.Target != "" {
		o["target"] = r.Target
	}
	if r.NoCache {
		o["no-cache"] = ""
	} else if len(r.NoCacheFilter) > 0 {
		o["no-cache"] = strings.Join(r.NoCacheFilter, ",")
	}
	switch r.Network {
	case "", "default":
	default:
		o["force-network-mode"] = r.Network
	}
	if r.Pull {
		o["image-resolve-mode"] = "pull"
	}
	if r.Context != "" {
		o["context"] = r.Context
		if r.Dockerfile != nil {
			o["dockerfilekey"] = LocalDockerfile
		}
	}
	for _, name := range slices.Sorted(maps.Keys(r.NamedContexts)) {
		key, value, err := namedContext(name, r.NamedContexts[name])
		if err != nil {
			return nil, err
		}
		o["context:"+key] = value
	}
	return o, nil
}

// namedContext returns the option for a named context.
func namedContext(name, value string) (key, option string, err error) {
	n, err := reference.ParseNormalizedNamed(name)
	if err != nil {
		return "", "", &Error{
			err:  fmt.Errorf("build context %q: the name is not that of an image or stage: %w", name, err),
			hint: "give --build-context NAME=VALUE with a lower-case name, as in FROM",
		}
	}
	key = strings.TrimSuffix(reference.FamiliarString(n), ":latest")
	scheme, rest, ok := strings.Cut(value, "://")
	switch {
	case strings.HasPrefix(value, "git@"):
		return key, value, nil
	case ok && scheme == "oci-layout":
		// The frontend wants a name with a digest, which nobody knows yet.
		// Both stand for the text, and what was found takes their place.
		return key, "oci-layout://" + layoutStore(rest) + "@" + digest.FromString(rest).String(), nil
	case ok && slices.Contains([]string{"docker-image", "git", "http", "https", "ssh"}, scheme):
		return key, value, nil
	case ok:
		return "", "", &Error{
			err:  fmt.Errorf("build context %q: unknown kind of address %q", name, scheme+"://"),
			hint: "use docker-image://, oci-layout://, https://, git:// or a directory",
		}
	case name == LocalContext || name == LocalDockerfile:
		return "", "", &Error{err: fmt.Errorf("build context %q: the name is reserved", name)}
	}
	return key, "local:" + name, nil
}

// layoutStore returns the name of the store that stands for an OCI layout.
func layoutStore(text string) string {
	return "layout-" + digest.FromString(text).Encoded()[:16]
}

// layouts returns the texts of the OCI layouts by the names of their stores.
func (r *Request) layouts() map[string]string {
	m := make(map[string]string)
	for _, v := range r.NamedContexts {
		if text, ok := strings.CutPrefix(v, "oci-layout://"); ok {
			m[layoutStore(text)] = text
		}
	}
	return m
}

// buildPlatform returns what BUILDPLATFORM says.
func (r *Request) buildPlatform() ocispec.Platform {
	if r.BuildPlatform != nil {
		return *r.BuildPlatform
	}
	return platforms.Normalize(ocispec.Platform{OS: "linux", Architecture: runtime.GOARCH})
}
