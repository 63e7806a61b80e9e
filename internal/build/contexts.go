package build

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/casement/casement/internal/dockerfile"
	"github.com/casement/casement/internal/layer"
	"github.com/casement/casement/internal/llb"
	"github.com/casement/casement/internal/progress"
	"github.com/casement/casement/internal/solve"
	"github.com/casement/casement/internal/source"
	"github.com/casement/casement/internal/store"
	"github.com/casement/casement/internal/tree"
)

// selector is a context: something of which a build wants parts.
type selector interface {
	Tree(ctx context.Context, sel source.Selection) (*tree.Set, error)
}

// contexts are what a build reads files from.
type contexts struct {
	named   map[string]selector // the main one, and the local ones of --build-context
	options map[string]string   // what the frontend is told of named contexts
	// dockerfiles is where the Dockerfile is, under the name filename. If text
	// is not nil, that is the Dockerfile.
	dockerfiles selector
	filename    string
	text        []byte

	http      *source.HTTP
	git       *source.Git // of contexts
	added     *source.Git // of the Dockerfile
	downloads *downloads
	saves     []func() error
}

// maxDockerfile bounds the size of a Dockerfile.
const maxDockerfile = 16 << 20

// openContexts finds out what the contexts of a request are. Directories are
// opened, and everything else is fetched.
func openContexts(ctx context.Context, req Request, t Tools) (*contexts, error) {
	c := &contexts{named: map[string]selector{}, options: map[string]string{}, downloads: newDownloads()}
	c.http = source.NewHTTP(source.HTTPOptions{Store: t.Store, Secret: secret(req.Getenv), Progress: c.downloads.progress})
	c.git = source.NewGit(source.GitOptions{Dir: gitDir(t.Store), Secret: secret(req.Getenv)})
	c.added = source.NewGit(source.GitOptions{Dir: gitDir(t.Store), Secret: scoped(secret(req.Getenv))})
	if err := c.openMain(ctx, req, t); err != nil {
		return nil, err
	}
	for name, value := range req.NamedContexts {
		if err := c.openNamed(ctx, name, value, t); err != nil {
			return nil, fmt.Errorf("opening build context %s: %w", name, err)
		}
	}
	return c, c.findDockerfile(req)
}

// gitDir is where fetched repositories are kept.
func gitDir(st *store.Store) string { return filepath.Join(st.Dir(), "git") }

// GitCache is what builds with this store keep of git repositories.
func GitCache(st *store.Store) *source.Git { return source.NewGit(source.GitOptions{Dir: gitDir(st)}) }

// secret takes secrets for git and http from environment variables of their
// name. In one for a host ("GIT_AUTH_TOKEN.git.example") other characters than
// letters and digits may be underscores, and letters capitals, since shells
// know no other variables.
func secret(getenv func(string) string) source.SecretFunc {
	return func(_ context.Context, name string) ([]byte, error) {
		if getenv == nil {
			return nil, nil
		}
		for _, n := range []string{name, variable(name)} {
			if v := getenv(n); v != "" {
				return []byte(v), nil
			}
		}
		return nil, nil
	}
}

// scoped is what a Dockerfile gets of the secrets: only those for a host. A
// token without one is for the repositories that the user names, and a
// Dockerfile must not be able to send it anywhere.
func scoped(s source.SecretFunc) source.SecretFunc {
	return func(ctx context.Context, name string) ([]byte, error) {
		if name == gitToken || name == gitHeader {
			return nil, nil
		}
		return s(ctx, name)
	}
}

// The secrets of git sources, as the frontend names them.
const (
	gitToken  = "GIT_AUTH_TOKEN"
	gitHeader = "GIT_AUTH_HEADER"
)

// variable returns a name as shells can have it.
func variable(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z':
			return r - ('a' - 'A')
		case 'A' <= r && r <= 'Z', '0' <= r && r <= '9':
			return r
		}
		return '_'
	}, name)
}

// close keeps what was learnt about files.
func (c *contexts) close() {
	for _, save := range c.saves {
		_ = save() // a cache that cannot be written only costs time
	}
}

func (c *contexts) openMain(ctx context.Context, req Request, t Tools) error {
	if req.Context == "-" {
		if req.Stdin == nil {
			return &UsageError{"the context is standard input, and there is none", "give a directory"}
		}
		desc, err := t.Store.Add(ctx, req.Stdin, "")
		if err != nil {
			return fmt.Errorf("reading the context from standard input: %w", err)
		}
		return c.openFile(ctx, storedFile{t.Store, desc}, t.Store)
	}
	s, file, err := c.open(ctx, req.Context, "context", t)
	if err != nil {
		return err
	}
	if file != nil {
		return c.openFile(ctx, file, t.Store)
	}
	c.named[dockerfile.LocalContext] = s
	return nil
}

// open opens a directory or fetches a URL. A URL of a single file gives its
// content instead.
func (c *contexts) open(ctx context.Context, arg, name string, t Tools) (selector, tree.Content, error) {
	kind, err := source.ParseContext(arg)
	if err != nil {
		return nil, nil, &UsageError{err.Error(), hint(err)}
	}
	switch kind {
	case source.ContextGit:
		identifier, attrs := gitSource(arg)
		p, err := c.git.Pin(ctx, identifier, attrs)
		if err != nil {
			return nil, nil, err
		}
		chain, err := p.Load(ctx)
		return fixed{chain.View()}, nil, err
	case source.ContextHTTP:
		task := t.Progress.Vertex(progress.Vertex{ID: "context " + name, Name: "[internal] load remote build " + name})
		task.Start()
		c.downloads.below(arg, task)
		content, err := c.download(ctx, arg)
		task.Done(err)
		return nil, content, err
	}
	return c.openDir(arg, name, t)
}

// download fetches the file behind a URL.
func (c *contexts) download(ctx context.Context, url string) (tree.Content, error) {
	p, err := c.http.Pin(ctx, url, nil)
	if err != nil {
		return nil, err
	}
	chain, err := p.Load(ctx)
	if err != nil {
		return nil, err
	}
	for e, err := range tree.Walk(ctx, chain.View(), "") {
		if err != nil {
			return nil, err
		}
		if e.Kind == tree.File && e.Content != nil {
			return e.Content, nil
		}
	}
	return nil, fmt.Errorf("the URL %s gave an empty file", url)
}

// gitSource returns the source vertex, as the frontend would write it, for a
// git URL.
func gitSource(arg string) (identifier string, attrs map[string]string) {
	u, _, _ := source.ParseGitURL(arg) // ParseContext has read it before
	attrs = map[string]string{
		"git.fullurl": u.Remote, "git.checksum": u.Checksum,
		"git.authtokensecret": gitToken, "git.authheadersecret": gitHeader,
	}
	for name, value := range map[string]bool{
		"git.keepgitdir":     u.KeepGitDir != nil && *u.KeepGitDir,
		"git.skipsubmodules": u.Submodules != nil && !*u.Submodules,
		"git.fetchbycommit":  u.FetchByCommit,
	} {
		if value {
			attrs[name] = "true"
		}
	}
	return "git://" + u.Remote + "#" + u.Ref + ":" + u.Subdir, attrs
}

func hint(err error) string {
	var h interface{ Hint() string }
	if errors.As(err, &h) {
		return h.Hint()
	}
	return ""
}

func (c *contexts) openDir(dir, name string, t Tools) (selector, tree.Content, error) {
	fi, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if scheme, _, ok := strings.Cut(dir, "://"); ok {
			return nil, nil, &UsageError{fmt.Sprintf("the context %s has the scheme %s, which casement does not know", dir, scheme), "give a directory, a git URL, or an http(s) URL of a tar"}
		}
		return nil, nil, &UsageError{fmt.Sprintf("the context %s does not exist", dir), "give a directory, a git URL, an http(s) URL of a tar, or - for standard input"}
	case err != nil:
		return nil, nil, err
	case !fi.IsDir():
		return nil, nil, &UsageError{fmt.Sprintf("the context %s is a file", dir), "give the directory that holds it; a tar can come in on standard input: casement build - < FILE"}
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, nil, err
	}
	cache, err := t.Store.StatCache(abs)
	if err != nil {
		return nil, nil, err
	}
	c.saves = append(c.saves, cache.Save)
	l, err := source.OpenLocal(abs, source.LocalOptions{Name: name, Cache: cache})
	if err != nil {
		return nil, nil, err
	}
	return l, nil, nil
}

// openFile takes a single file as the context: an archive, or a Dockerfile.
func (c *contexts) openFile(ctx context.Context, content tree.Content, st *store.Store) error {
	t, ok, err := layer.Unpack(ctx, content, st)
	if err != nil {
		return fmt.Errorf("unpacking the context: %w", err)
	}
	if ok {
		c.named[dockerfile.LocalContext] = fixed{t}
		return nil
	}
	r, err := content.Open(ctx)
	if err != nil {
		return err
	}
	defer r.Close()
	c.named[dockerfile.LocalContext] = fixed{tree.Chain{}.View()}
	if c.text, err = readLimited(r, "the Dockerfile"); err == nil && bytes.IndexByte(c.text, 0) >= 0 {
		return &UsageError{"the context is neither an archive nor a Dockerfile", "an archive may be cut off; it has to be a tar, plain or compressed with gzip, bzip2, xz or zstd"}
	}
	return err
}

func readLimited(r io.Reader, what string) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxDockerfile+1))
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", what, err)
	}
	if len(b) > maxDockerfile {
		return nil, fmt.Errorf("reading %s: it has more than %d bytes", what, maxDockerfile)
	}
	return b, nil
}

// openNamed opens a context of --build-context. Images and OCI layouts are
// found by the frontend, which asks for them as for any base image.
func (c *contexts) openNamed(ctx context.Context, name, value string, t Tools) error {
	scheme, _, _ := strings.Cut(value, "://")
	if scheme == "docker-image" || scheme == "oci-layout" {
		c.options[name] = value
		return nil
	}
	s, file, err := c.open(ctx, value, name, t)
	if err != nil {
		return err
	}
	if file != nil {
		unpacked, ok, err := layer.Unpack(ctx, file, t.Store)
		if err != nil {
			return err
		}
		if !ok {
			return fmt.Errorf("%s is not an archive", value)
		}
		s = fixed{unpacked}
	}
	c.named[name] = s
	c.options[name] = name
	return nil
}

// findDockerfile finds out where the Dockerfile is, and reads it if it comes
// from standard input.
func (c *contexts) findDockerfile(req Request) error {
	main, local := c.named[dockerfile.LocalContext].(*source.Local)
	c.filename = dockerfile.DefaultFilename
	switch {
	case c.text != nil:
		if req.File != "" && req.File != "-" {
			return &UsageError{"standard input has the Dockerfile, and -f names another", "leave one of them out"}
		}
		return nil
	case req.File == "-":
		if req.Stdin == nil || req.Context == "-" {
			return &UsageError{"standard input cannot be both context and Dockerfile", "name one of them"}
		}
		var err error
		c.text, err = readLimited(req.Stdin, "the Dockerfile from standard input")
		return err
	case !local:
		if req.File != "" {
			c.filename = tree.Clean(filepath.ToSlash(req.File))
		}
		c.dockerfiles = c.named[dockerfile.LocalContext]
		return nil
	case req.File == "":
		c.dockerfiles = main
		return nil
	}
	switch fi, err := os.Stat(req.File); {
	case errors.Is(err, fs.ErrNotExist):
		return &UsageError{fmt.Sprintf("the Dockerfile %s does not exist", req.File), "-f is a path from the current directory, not from the context"}
	case err == nil && fi.IsDir():
		return &UsageError{fmt.Sprintf("the Dockerfile %s is a directory", req.File), "-f names the file itself"}
	}
	dir, err := source.OpenLocal(filepath.Dir(req.File), source.LocalOptions{Name: "the directory of the Dockerfile"})
	if err != nil {
		return err
	}
	c.dockerfiles, c.filename = dir, filepath.Base(req.File)
	return nil
}

// lookFor adds to the error for a source that does not exist what the
// directory of the context knows: the build has only read what was asked for.
func (b *builder) lookFor(err error) {
	missing, ok := errors.AsType[*solve.NotFoundError](err)
	step, isStep := errors.AsType[*solve.StepError](err)
	_, local := b.contexts.named[dockerfile.LocalContext].(*source.Local)
	if !ok || !isStep || !local || missing.Target != "" || strings.Contains(step.Step, "--from") {
		return
	}
	name := filepath.Join(b.req.Context, filepath.FromSlash(tree.Clean(missing.Path)))
	if _, err := os.Lstat(name); err == nil {
		missing.Ignored = true
		return
	}
	beside, _ := os.ReadDir(filepath.Dir(name)) // without it there is no help
	for _, e := range beside {
		if solve.Resembles(e.Name(), filepath.Base(name)) && len(missing.Similar) < 3 {
			missing.Similar = append(missing.Similar, tree.Join(tree.Parent(tree.Clean(missing.Path)), e.Name()))
		}
	}
}

// ReadFile reads a small file for the frontend: the Dockerfile, or an ignore
// file. It implements dockerfile.Files.
func (c *contexts) ReadFile(ctx context.Context, g *llb.Graph, name string) ([]byte, error) {
	var from selector
	if v := g.Root.Vertex; v != nil {
		if s, ok := v.Op.(*llb.Source); ok {
			local, _ := strings.CutPrefix(s.Identifier, "local://")
			if from = c.named[local]; local == dockerfile.LocalDockerfile {
				from = c.dockerfiles
			}
		}
	}
	switch from := from.(type) {
	case nil:
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	case *source.Local:
		return from.ReadFile(ctx, name)
	default:
		set, err := from.Tree(ctx, source.Selection{})
		if err != nil {
			return nil, err
		}
		v := tree.NewChain(ocispec.Platform{}, &tree.Layer{Changes: set}).View()
		return tree.ReadFile(ctx, v, tree.Clean(name), maxDockerfile)
	}
}

// fixed is a context that has been fetched whole.
type fixed struct{ tree tree.Tree }

// Tree implements selector.
func (f fixed) Tree(ctx context.Context, sel source.Selection) (*tree.Set, error) {
	return source.Filter(ctx, f.tree, sel)
}

// storedFile is a blob of the store as content.
type storedFile struct {
	store *store.Store
	desc  ocispec.Descriptor
}

// Open implements tree.Content.
func (f storedFile) Open(context.Context) (io.ReadCloser, error) {
	return f.store.OpenBlob(f.desc.Digest)
}

// Size implements tree.Content.
func (f storedFile) Size() int64 { return f.desc.Size }

// ContentDigest implements tree.Digester.
func (f storedFile) ContentDigest(context.Context) (string, error) {
	return f.desc.Digest.String(), nil
}

var _ tree.Content = storedFile{}
