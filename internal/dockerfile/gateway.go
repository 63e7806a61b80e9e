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
	"github.com/moby/buildkit/frontend/dockerfile/dockerfile2llb"
	"github.com/moby/buildkit/frontend/dockerfile/linter"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/buildkit/frontend/dockerui"
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
	offline *offline          // lets images be unreachable; nil if they must not

	mu       sync.Mutex
	source   []byte              // the Dockerfile, once it is read
	readErr  error               // the first error of a file that exists
	images   map[string]*lookup  // what was asked of the resolver
	resolved map[string]Resolved // of OCI layouts, by layoutKey
}

// lookup is one question to the resolver. Several stages may have it.
type lookup struct {
	once sync.Once
	r    Resolved
	err  error
}

// newClient returns the client for a request.
func newClient(req Request, res Resolver) (*client, error) {
	if req.Filename == "" {
		req.Filename = DefaultFilename
	}
	opts, err := req.options()
	if err != nil {
		return nil, err
	}
	return &client{
		req: req, res: res, opts: opts, layouts: req.layouts(),
		images: make(map[string]*lookup), resolved: make(map[string]Resolved),
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
func (c *client) Solve(_ context.Context, req gateway.SolveRequest) (*gateway.Result, error) {
	if req.Frontend != "" {
		return nil, fmt.Errorf("running the frontend %s: %w", req.Frontend, errors.ErrUnsupported)
	}
	out := gateway.NewResult()
	out.SetRef(&ref{c: c, def: req.Definition})
	return out, nil
}

// opened is a Dockerfile that has been read.
type opened struct {
	ui   *dockerui.Client
	src  *dockerui.Source
	text []byte
}

// open reads the Dockerfile and decides about its syntax.
func (c *client) open(ctx context.Context) (*opened, error) {
	ui, err := dockerui.NewClient(c)
	if err != nil {
		return nil, err
	}
	src, err := ui.ReadEntrypoint(ctx, DefaultFilename)
	if err != nil {
		return nil, err
	}
	if arg, ok := c.req.BuildArgs["BUILDKIT_SYNTAX"]; ok {
		name, _, _ := strings.Cut(strings.TrimSpace(arg), " ")
		if err := checkSyntax(name); err != nil {
			return nil, err
		}
	} else if name, _, at, ok := parser.DetectSyntax(src.Data); ok {
		if err := checkSyntax(name); err != nil {
			return nil, parser.WithLocation(err, at)
		}
	}
	return &opened{ui: ui, src: src, text: src.Data}, nil
}

// convert returns the frontend's options for a platform. nil lets the frontend
// choose it.
func (f *opened) convert(c *client, p *ocispec.Platform) dockerfile2llb.ConvertOpt {
	opt := dockerfile2llb.ConvertOpt{
		Config: f.ui.Config, Client: f.ui, SourceMap: f.src.SourceMap, MetaResolver: c, TargetPlatform: p,
	}
	opt.BuildArgs = maps.Clone(opt.BuildArgs) // the frontend writes into it
	return opt
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
	asked := name
	if layout != "" {
		asked = layout
	}
	r, err := c.resolve(ctx, asked, logName, p, layout == "")
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

// resolve asks the resolver once for each image and platform.
func (c *client) resolve(ctx context.Context, name, logName string, p *ocispec.Platform, check bool) (Resolved, error) {
	key := name + platformID(p)
	c.mu.Lock()
	l := c.images[key]
	if l == nil {
		l = &lookup{}
		c.images[key] = l
	}
	c.mu.Unlock()
	l.once.Do(func() {
		if c.offline.noted(name) {
			l.r = unknownImage(p)
			return
		}
		task := c.req.Progress.Vertex(progress.Vertex{Name: logName, ID: logName + platformID(p)})
		task.Start()
		if l.r, l.err = c.res.Resolve(ctx, name, p); l.err == nil && check {
			l.err = c.checkOS(name, p, l.r)
		}
		task.Done(l.err)
		if c.offline != nil && errors.Is(l.err, ErrUnreachable) {
			c.offline.note(name, fmt.Sprintf("%s, so it is not known to the check", aboutBase(name, l.err)))
			l.r, l.err = unknownImage(p), nil
		}
	})
	return l.r, l.err
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

// Warn implements the gateway's client. The frontend's warnings come through
// warn instead.
func (c *client) Warn(context.Context, digest.Digest, string, gateway.WarnOpts) error { return nil }

// warn takes the frontend's warnings.
func (c *client) warn(rule, description, url, msg string, at []parser.Range) {
	first, _ := linesAt(at)
	w := progress.Warning{
		Short: linter.LintFormatShort(rule, msg, first), Detail: []string{description}, URL: url,
		File: c.req.Filename, Text: c.text(), Level: 1,
	}
	for _, r := range at {
		w.Lines = append(w.Lines, progress.Lines{First: r.Start.Line, Last: r.End.Line})
	}
	c.loading.Warn(w)
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
			c.readErr = err
			if !strings.Contains(err.Error(), name) {
				c.readErr = fmt.Errorf("reading %s: %w", name, err)
			}
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
