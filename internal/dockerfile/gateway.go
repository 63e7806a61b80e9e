package dockerfile

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"strings"
	"sync"

	"github.com/containerd/platforms"
	"github.com/distribution/reference"
	buildllb "github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/client/llb/sourceresolver"
	"github.com/moby/buildkit/frontend/dockerfile/builder"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	gwpb "github.com/moby/buildkit/frontend/gateway/pb"
	"github.com/moby/buildkit/solver/pb"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	fstypes "github.com/tonistiigi/fsutil/types"

	"github.com/casement/casement/internal/llb"
	"github.com/casement/casement/internal/progress"
)

// session is the name of our only session. It is constant so that the digests
// of vertices are.
const session = "casement"

// client answers the frontend's questions. It implements the gateway's client
// interface, which has to hold the request, since the frontend knows nothing
// of it.
type client struct {
	req     Request
	res     Resolver
	opts    map[string]string
	layouts map[string]string // text of an OCI layout by its store
	loading *progress.Task    // the step that warnings belong to

	mu       sync.Mutex
	source   []byte              // the Dockerfile, once it is read
	readErr  error               // the first error of a file that exists
	inner    error               // the error of the forwarded build
	resolved map[string]Resolved // of OCI layouts, by layoutKey
}

// newClient returns the client for a request; extra options go to the frontend.
func newClient(req Request, res Resolver, extra map[string]string) (*client, error) {
	if req.Filename == "" {
		req.Filename = DefaultFilename
	}
	opts, err := req.options()
	if err != nil {
		return nil, err
	}
	maps.Copy(opts, extra)
	return &client{
		req: req, res: res, opts: opts, layouts: req.layouts(),
		resolved: make(map[string]Resolved),
		loading: req.Progress.Vertex(progress.Vertex{
			Name: "[internal] load build definition from " + req.Filename,
		}),
	}, nil
}

// BuildOpts implements the gateway's client. The options are a copy, because
// the frontend writes into them.
func (c *client) BuildOpts() gateway.BuildOpts {
	return gateway.BuildOpts{
		Opts:      maps.Clone(c.opts),
		SessionID: session,
		Workers:   []gateway.WorkerInfo{{ID: session, Platforms: []ocispec.Platform{c.req.buildPlatform()}}},
		Product:   session,
		LLBCaps:   pb.Caps.CapSet(pb.Caps.All()),
		Caps:      gwpb.Caps.CapSet(gwpb.Caps.All()),
	}
}

// Solve implements the gateway's client. It solves nothing: the answer keeps
// the definition, and files are read when they are asked for.
func (c *client) Solve(ctx context.Context, req gateway.SolveRequest) (*gateway.Result, error) {
	switch req.Frontend {
	case "":
		out := gateway.NewResult()
		out.SetRef(&ref{c: c, def: req.Definition})
		return out, nil
	case "gateway.v0":
		// "# syntax=…" or BUILDKIT_SYNTAX. The frontend that it names is the
		// one that asks; the option cmdline keeps it from asking again.
		if err := checkSyntax(req.FrontendOpt["source"]); err != nil {
			return nil, err
		}
		c.opts = maps.Clone(req.FrontendOpt)
		out, err := builder.Build(ctx, c)
		c.inner = err
		return out, err
	}
	return nil, fmt.Errorf("frontend %q is not supported", req.Frontend)
}

// checkSyntax says whether the image of a syntax line is the frontend that is
// built in. Mirrors keep its path under a name of their own.
func checkSyntax(source string) error {
	named, err := reference.ParseNormalizedNamed(source)
	if err == nil {
		p := "/" + reference.Path(named)
		for _, own := range []string{"/docker/dockerfile", "/docker/dockerfile-upstream", "/moby/dockerfile"} {
			if strings.HasSuffix(p, own) {
				return nil
			}
		}
	}
	return &Error{
		err:  fmt.Errorf("syntax image %q is not supported: only Docker's own Dockerfile syntax is built in", source),
		hint: "use \"# syntax=docker/dockerfile:1\", or remove the syntax line",
	}
}

// ResolveImageConfig implements the gateway's client.
func (c *client) ResolveImageConfig(ctx context.Context, name string, opt sourceresolver.Opt) (string, digest.Digest, []byte, error) {
	var p *ocispec.Platform
	store, layout := "", ""
	switch {
	case opt.OCILayoutOpt != nil:
		p = opt.OCILayoutOpt.Platform
		store = opt.OCILayoutOpt.Store.StoreID
		// The frontend normalises the name of the store like an image's.
		store = store[strings.LastIndexByte(store, '/')+1:]
		layout = "oci-layout://" + c.layouts[store]
	case opt.ImageOpt != nil:
		p = opt.ImageOpt.Platform
	}
	logName := opt.LogName
	if logName == "" {
		logName = "[internal] load metadata for " + name
	}
	task := c.req.Progress.Vertex(progress.Vertex{Name: logName, ID: logName + platformID(p)})
	task.Start()
	asked := name
	if layout != "" {
		asked = layout
	}
	r, err := c.res.Resolve(ctx, asked, p)
	if err == nil && layout == "" {
		err = c.checkOS(name, p, r)
	}
	task.Done(err)
	if err != nil {
		return "", "", nil, err
	}
	if layout != "" {
		c.mu.Lock()
		c.resolved[layoutKey(store, p)] = r
		c.mu.Unlock()
		return name, "", r.Config, nil
	}
	if r.Ref != "" {
		name = r.Ref
	}
	// With the digest in the name, named contexts are pinned as FROM is.
	if n, err := reference.ParseNormalizedNamed(name); err == nil && r.Digest != "" {
		if d, err := reference.WithDigest(n, r.Digest); err == nil {
			name = d.String()
		}
	}
	return name, r.Digest, r.Config, nil
}

func platformID(p *ocispec.Platform) string {
	if p == nil {
		return ""
	}
	return " " + platforms.FormatAll(*p)
}

// layoutKey is a key of client.resolved.
func layoutKey(store string, p *ocispec.Platform) string {
	if p == nil {
		return store
	}
	return store + " " + platforms.FormatAll(platforms.Normalize(*p))
}

// checkOS refuses an image of the wrong system for a stage. The frontend would
// go on with the path rules of the system that was asked for. Images that are
// only copied from may be of any system.
func (c *client) checkOS(name string, p *ocispec.Platform, r Resolved) error {
	var config ocispec.Image
	if p == nil || json.Unmarshal(r.Config, &config) != nil || config.OS == "" || config.OS == p.OS {
		return nil
	}
	if !c.isStageBase(name) {
		return nil
	}
	return &Error{
		err:  fmt.Errorf("base image %s is for %s and not for %s", name, config.OS, p.OS),
		hint: fmt.Sprintf("build with --platform %s/%s, or write FROM --platform=%[1]s/%[2]s", config.OS, config.Architecture),
	}
}

// isStageBase reports whether a FROM names the image, as far as the text
// without its arguments tells.
func (c *client) isStageBase(name string) bool {
	f, err := parse(c.text())
	if err != nil {
		return true
	}
	for _, s := range f.stages {
		base, _, err := f.scope(&c.req, c.req.Platforms).expand(s.BaseName)
		if err != nil {
			continue
		}
		if n, err := reference.ParseNormalizedNamed(base); err == nil && reference.TagNameOnly(n).String() == name {
			return true
		}
	}
	return false
}

// ResolveSourceMetadata implements the gateway's client.
func (c *client) ResolveSourceMetadata(ctx context.Context, op *pb.SourceOp, opt sourceresolver.Opt) (*sourceresolver.MetaResponse, error) {
	name, ok := strings.CutPrefix(op.GetIdentifier(), "docker-image://")
	if !ok {
		return nil, &Error{
			err:  fmt.Errorf("asking for the time of %s: %w", op.GetIdentifier(), errors.ErrUnsupported),
			hint: "give SOURCE_DATE_EPOCH as a number of seconds",
		}
	}
	name, dgst, config, err := c.ResolveImageConfig(ctx, name, opt)
	if err != nil {
		return nil, err
	}
	return &sourceresolver.MetaResponse{
		Op:    &pb.SourceOp{Identifier: "docker-image://" + name, Attrs: op.Attrs},
		Image: &sourceresolver.ResolveImageResponse{Digest: dgst, Config: config},
	}, nil
}

// Inputs implements the gateway's client. There are none.
func (c *client) Inputs(context.Context) (map[string]buildllb.State, error) { return nil, nil }

// NewContainer implements the gateway's client. The Dockerfile frontend needs
// no containers.
func (c *client) NewContainer(context.Context, gateway.NewContainerRequest) (gateway.Container, error) {
	return nil, fmt.Errorf("running a container for the frontend: %w", errors.ErrUnsupported)
}

// Warn implements the gateway's client.
func (c *client) Warn(_ context.Context, _ digest.Digest, msg string, opts gateway.WarnOpts) error {
	w := progress.Warning{Short: msg, URL: opts.URL, Level: opts.Level}
	for _, d := range opts.Detail {
		w.Detail = append(w.Detail, string(d))
	}
	if s := opts.SourceInfo; s != nil {
		w.File, w.Text = s.Filename, s.Data
	}
	for _, r := range opts.Range {
		w.Lines = append(w.Lines, progress.Lines{First: int(r.GetStart().GetLine()), Last: int(r.GetEnd().GetLine())})
	}
	c.loading.Warn(w)
	return nil
}

// text returns the Dockerfile, if it has been read.
func (c *client) text() []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.source
}

// fileError returns the error of a file that is there and cannot be read.
func (c *client) fileError() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.readErr
}

// readFile reads a file of a source for the frontend.
func (c *client) readFile(ctx context.Context, def *pb.Definition, name string) ([]byte, error) {
	g, err := llb.Decode(def)
	if err != nil {
		return nil, err
	}
	local, _ := localSource(g)
	if c.req.Dockerfile != nil && local == LocalDockerfile && name == c.req.Filename {
		c.loading.Done(nil)
		return c.keep(c.req.Dockerfile), nil
	}
	if c.req.Files == nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	task := c.loading
	if strings.HasSuffix(name, ".dockerignore") {
		task = c.req.Progress.Vertex(progress.Vertex{Name: "[internal] load .dockerignore"})
	}
	task.Start()
	data, err := c.req.Files.ReadFile(ctx, g, name)
	switch {
	case err == nil && strings.EqualFold(name, c.req.Filename):
		c.loading.Done(nil)
		c.keep(data)
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		c.mu.Lock()
		if c.readErr == nil {
			c.readErr = fmt.Errorf("reading %s: %w", name, err)
		}
		c.mu.Unlock()
	}
	if task != c.loading {
		task.Done(nil)
	}
	return data, err
}

// keep remembers the Dockerfile.
func (c *client) keep(data []byte) []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.source = bytes.Clone(data)
	return data
}

// ref is an answer to Solve.
type ref struct {
	c   *client
	def *pb.Definition
}

// graphOf returns what the frontend asked to be solved.
func graphOf(r gateway.Reference) (*llb.Graph, error) {
	x, ok := r.(*ref)
	if !ok {
		return nil, fmt.Errorf("the frontend returned a result of type %T", r)
	}
	return llb.Decode(x.def)
}

func (r *ref) ToState() (buildllb.State, error) {
	return buildllb.State{}, fmt.Errorf("using a result as a state: %w", errors.ErrUnsupported)
}

func (r *ref) Evaluate(context.Context) error { return nil }

func (r *ref) ReadFile(ctx context.Context, req gateway.ReadRequest) ([]byte, error) {
	data, err := r.c.readFile(ctx, r.def, req.Filename)
	if x := req.Range; err == nil && x != nil {
		data = data[min(x.Offset, len(data)):]
		if x.Length > 0 {
			data = data[:min(x.Length, len(data))]
		}
	}
	return data, err
}

// StatFile is only a courtesy: the frontend reads the file whatever it says.
func (r *ref) StatFile(context.Context, gateway.StatRequest) (*fstypes.Stat, error) {
	return nil, errors.ErrUnsupported
}

func (r *ref) ReadDir(context.Context, gateway.ReadDirRequest) ([]*fstypes.Stat, error) {
	return nil, errors.ErrUnsupported
}
