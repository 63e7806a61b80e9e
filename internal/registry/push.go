package registry

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sync/errgroup"

	"github.com/casement/casement/internal/image"
	"github.com/casement/casement/internal/tree"
)

// PushOptions adjusts a push. The zero value works.
type PushOptions struct {
	// AllowForeign uploads foreign layers like all others. Otherwise manifests
	// refer to them and the registry does not get them, as their licences want.
	AllowForeign bool
}

// Push makes ix what all refs name. Registries are served at the same time. Of
// several repositories in one registry, the first gets the blobs and the others
// mount them. A push that was cut short is continued by doing it again: what has
// arrived is found.
func (c *Client) Push(ctx context.Context, refs []Ref, ix image.Index, o PushOptions) error {
	if len(refs) == 0 {
		return &Error{Kind: Invalid, Op: "pushing", Err: errors.New("no name was given for the image"), hint: "give a name with the registry: -t registry.example/app:1.0"}
	}
	for _, r := range refs {
		if r.Digest != "" && r.Digest != ix.Descriptor.Digest {
			return &Error{Kind: Invalid, Op: "pushing", Ref: r.String(), Err: fmt.Errorf("the image has another digest: %s", ix.Descriptor.Digest)}
		}
	}
	byHost := map[string][]Ref{}
	for _, r := range refs {
		byHost[r.Host] = append(byHost[r.Host], r)
	}
	g, gctx := errgroup.WithContext(ctx)
	for _, group := range byHost {
		g.Go(func() error { return c.pushHost(gctx, group, ix, o) })
	}
	return g.Wait()
}

// pushHost pushes to the repositories of one registry, one after the other.
func (c *Client) pushHost(ctx context.Context, refs []Ref, ix image.Index, o PushOptions) error {
	var first string
	for len(refs) > 0 {
		here := func(r Ref) bool { return r.Repository == refs[0].Repository }
		var tags []Ref
		for _, r := range refs {
			if here(r) {
				tags = append(tags, r)
			}
		}
		if err := c.pushRepository(ctx, tags, first, ix, o); err != nil {
			return err
		}
		if first == "" {
			first = tags[0].From()
		}
		refs = slices.DeleteFunc(slices.Clone(refs), here)
	}
	return nil
}

// pushRepository pushes to one repository, under one or several tags. from is
// another repository of the registry that has the blobs; "" for none.
func (c *Client) pushRepository(ctx context.Context, tags []Ref, from string, ix image.Index, o PushOptions) error {
	r := c.repository(tags[0])
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(4 * c.o.Parallel) // questions may run beside uploads, which have their own limit
	for _, origin := range blobs(ix, o) {
		if from != "" {
			origin.From = from
		}
		g.Go(func() error { return r.pushBlob(gctx, origin) })
	}
	if err := g.Wait(); err != nil {
		return err
	}
	g, gctx = errgroup.WithContext(ctx)
	g.SetLimit(c.o.Parallel)
	if ix.Raw != nil {
		for _, img := range ix.Images {
			g.Go(func() error {
				return r.putManifest(gctx, img.Descriptor.Digest.String(), img.Descriptor.MediaType, img.Manifest, ix)
			})
		}
		if err := g.Wait(); err != nil {
			return err
		}
	}
	raw := top(ix)
	if raw == nil {
		return &Error{Kind: Invalid, Op: "pushing", Ref: tags[0].String(), Err: errors.New("there is no image")}
	}
	g, gctx = errgroup.WithContext(ctx)
	g.SetLimit(c.o.Parallel)
	for _, t := range tags {
		which := t.Tag
		if which == "" {
			which = ix.Descriptor.Digest.String()
		}
		g.Go(func() error { return r.putManifest(gctx, which, ix.Descriptor.MediaType, raw, ix) })
	}
	return g.Wait()
}

// top returns the document that the reference names: the index, or the manifest
// of the only image.
func top(ix image.Index) []byte {
	if ix.Raw != nil || len(ix.Images) == 0 {
		return ix.Raw
	}
	return ix.Images[0].Manifest
}

// blobs returns what has to be in the repository before the manifests, each once.
func blobs(ix image.Index, o PushOptions) []tree.Origin {
	var all []tree.Origin
	seen := map[digest.Digest]bool{}
	add := func(o tree.Origin) {
		if !seen[o.Descriptor.Digest] {
			seen[o.Descriptor.Digest] = true
			all = append(all, o)
		}
	}
	for _, img := range ix.Images {
		for _, l := range img.Layers {
			if !Foreign(l.Descriptor.MediaType) || o.AllowForeign {
				add(l)
			}
		}
		add(tree.Origin{Descriptor: img.ConfigDescriptor, Blob: memory(img.Config)})
	}
	return all
}

// memory is a blob in memory.
type memory []byte

func (m memory) Open(_ context.Context, offset int64) (io.ReadCloser, error) {
	return io.NopCloser(bytes.NewReader(m[min(offset, int64(len(m))):])), nil
}

// Foreign reports whether a media type is that of a layer that registries
// need not have because its licence forbids to pass it on.
func Foreign(mediaType string) bool {
	return strings.Contains(mediaType, ".foreign.") || strings.Contains(mediaType, ".nondistributable.")
}

// PushLayer makes sure that ref's repository has a layer, so that uploads can
// begin while the rest of the image is still being made: a later Push finds it.
// One that is in another repository of the same registry is mounted from there,
// and a foreign layer stays where it is.
func (c *Client) PushLayer(ctx context.Context, ref Ref, o tree.Origin) error {
	if Foreign(o.Descriptor.MediaType) {
		return nil
	}
	return c.repository(ref).pushBlob(ctx, o)
}

// flight is a push of one blob to one repository that is under way.
type flight struct {
	done chan struct{}
	err  error
}

// pushBlob pushes a blob unless another goroutine does: then it waits for it, and
// takes over when that one failed or was cancelled.
func (r *repository) pushBlob(ctx context.Context, o tree.Origin) error {
	if err := checkDescriptor("pushing", r.ref.Name(), o.Descriptor, 0); err != nil {
		return err
	}
	key := r.ref.From() + "@" + o.Descriptor.Digest.String()
	for {
		r.c.mu.Lock()
		other := r.c.flights[key]
		if other == nil {
			break
		}
		r.c.mu.Unlock()
		select {
		case <-other.done:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		if other.err == nil {
			return nil
		}
	}
	f := &flight{done: make(chan struct{})}
	r.c.flights[key] = f
	r.c.mu.Unlock()
	f.err = r.blame(ctx, r.provide(ctx, o))
	r.c.mu.Lock()
	delete(r.c.flights, key)
	r.c.mu.Unlock()
	close(f.done)
	return f.err
}

// blame leaves the blob out of an error that is not about it. The cause of a
// context's end may be the error of another push, and stays as it is.
func (r *repository) blame(ctx context.Context, err error) error {
	var e *Error
	if !errors.As(err, &e) || ctx.Err() != nil {
		return err
	}
	if e.unreached || e.Kind == Unauthorized || e.Kind == Forbidden || e.Kind == Untrusted {
		e.Ref = "to " + r.ref.Name()
	}
	return err
}

// provide finds the cheapest way to a blob in the repository.
func (r *repository) provide(ctx context.Context, o tree.Origin) error {
	there, err := r.has(ctx, o.Descriptor)
	if err != nil {
		return err
	}
	if there {
		r.c.instant(Exists, r.ref.Name(), o.Descriptor)
		return nil
	}
	var session *url.URL
	if repo, ok := strings.CutPrefix(o.From, r.ref.Host+"/"); ok && repo != r.ref.Repository {
		var mounted bool
		if mounted, session, err = r.mount(ctx, o.Descriptor, repo); err != nil {
			return err
		}
		if mounted {
			r.c.instant(Mount, r.ref.Name(), o.Descriptor)
			return nil
		}
	}
	select {
	case r.c.slots <- struct{}{}:
		defer func() { <-r.c.slots }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	m := r.c.meter(Push, r.ref.Name(), o.Descriptor)
	err = r.upload(ctx, o, session, m)
	m.end(err)
	return err
}

// push returns the scopes of a push, with what a mount needs.
func (r *repository) pushScopes(from ...string) []string {
	scopes := []string{"repository:" + r.ref.Repository + ":pull,push"}
	for _, f := range from {
		scopes = append(scopes, "repository:"+f+":pull")
	}
	return scopes
}

// blobRequest is a request for an upload or a blob of the repository.
func (r *repository) blobRequest(method string, d ocispec.Descriptor, path string, ok ...int) request {
	return request{op: "pushing", ref: "blob " + d.Digest.String() + " to " + r.ref.Name(), method: method,
		path: r.ref.Repository + "/blobs/" + path, scopes: r.pushScopes(), ok: ok}
}

// has asks whether the repository has the blob. A redirect to where its bytes are
// says yes; following it could fail, since such addresses are often for GET only.
func (r *repository) has(ctx context.Context, d ocispec.Descriptor) (bool, error) {
	q := r.blobRequest(http.MethodHead, d, d.Digest.String(), http.StatusOK, http.StatusNotFound, http.StatusMethodNotAllowed,
		http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect)
	q.noFollow = true
	resp, err := r.h.do(ctx, q)
	if err != nil {
		return false, err
	}
	drain(resp)
	return resp.StatusCode != http.StatusNotFound && resp.StatusCode != http.StatusMethodNotAllowed, nil
}

// mount asks the registry to take the blob from another of its repositories. If
// it does not, it may have opened an upload instead, whose address is returned.
// Being refused is no error: then the blob is uploaded.
func (r *repository) mount(ctx context.Context, d ocispec.Descriptor, from string) (bool, *url.URL, error) {
	q := r.blobRequest(http.MethodPost, d, "uploads/", http.StatusCreated, http.StatusAccepted)
	q.query = url.Values{"mount": {d.Digest.String()}, "from": {from}}.Encode()
	q.scopes = r.pushScopes(from)
	resp, err := r.h.do(ctx, q)
	if err != nil {
		var e *Error
		if errors.As(err, &e) && ctx.Err() == nil && (e.status != 0 || e.Kind == Unauthorized) {
			return false, nil, nil
		}
		return false, nil, err
	}
	drain(resp)
	if resp.StatusCode == http.StatusCreated {
		return true, nil, nil
	}
	session, err := location(resp)
	if err != nil {
		session = nil // upload opens another
	}
	return false, session, nil
}

// upload sends the blob, from its beginning after every fault: registries differ
// in what they keep of a broken upload, and many keep nothing. session is an
// upload that is open already, or nil.
func (r *repository) upload(ctx context.Context, o tree.Origin, session *url.URL, m *meter) error {
	for try := 0; ; try++ {
		err := r.uploadOnce(ctx, o, session, m)
		if err == nil {
			return nil
		}
		session = nil
		var e *Error
		var source *sourceFault
		if errors.As(err, &e) && !errors.As(err, &source) && ctx.Err() == nil && try < 2 {
			switch e.status {
			case http.StatusUnauthorized, http.StatusNotFound, http.StatusRequestedRangeNotSatisfiable:
				continue // the token or the upload has expired meanwhile
			}
		}
		if err := r.h.pause(ctx, try, err); err != nil {
			return err
		}
		// Perhaps only the answer was lost.
		if there, err := r.has(ctx, o.Descriptor); err == nil && there {
			m.at(o.Descriptor.Size)
			return nil
		}
	}
}

func (r *repository) uploadOnce(ctx context.Context, o tree.Origin, session *url.URL, m *meter) error {
	d := o.Descriptor
	if o.Blob == nil {
		return &Error{Kind: Invalid, Op: "pushing", Ref: "blob " + d.Digest.String(), Err: errors.New("its bytes are not here")}
	}
	if session == nil {
		resp, err := r.h.do(ctx, r.blobRequest(http.MethodPost, d, "uploads/", http.StatusAccepted))
		if err != nil {
			return err
		}
		drain(resp)
		if session, err = location(resp); err != nil {
			return &Error{Kind: Invalid, Op: "pushing", Ref: "blob " + d.Digest.String() + " to " + r.ref.Name(), Err: err}
		}
	}
	q := r.finishRequest(d, session)
	q.header = http.Header{"Content-Type": {"application/octet-stream"}}
	q.size = d.Size
	q.body = func(ctx context.Context) (io.ReadCloser, error) {
		rc, err := o.Blob.Open(ctx, 0)
		if err != nil {
			return nil, err
		}
		e := &exact{rc: rc, d: d, meter: m}
		switch rc.(type) {
		case *reader, *os.File: // verifies itself; was verified when it entered the store
		default:
			e.hash = d.Digest.Algorithm().Hash()
		}
		return e, nil
	}
	resp, err := r.h.do(ctx, q)
	if err != nil {
		return err
	}
	drain(resp)
	return nil
}

// exact is a blob on its way out. It has to have the size and the digest that were
// announced; its last bytes do not leave otherwise.
type exact struct {
	rc    io.ReadCloser
	d     ocispec.Descriptor
	n     int64
	hash  hash.Hash // nil if somebody else verifies
	meter *meter
}

func (e *exact) Read(p []byte) (int, error) {
	n, err := e.rc.Read(p)
	e.n += int64(n)
	where := "blob " + e.d.Digest.String()
	if e.n > e.d.Size || err == io.EOF && e.n < e.d.Size {
		return 0, &Error{Kind: Corrupt, Op: "reading", Ref: where, Detail: fmt.Sprintf("expected %d bytes, got %d", e.d.Size, e.n)}
	}
	if e.hash != nil {
		e.hash.Write(p[:n])
		if e.n == e.d.Size {
			if got := digest.NewDigest(e.d.Digest.Algorithm(), e.hash); got != e.d.Digest {
				return 0, corrupt("reading", where, e.d.Digest, got)
			}
		}
	}
	e.meter.at(e.n)
	return n, err
}

func (e *exact) Close() error { return e.rc.Close() }

// location returns the address in an answer's Location header. Servers behind a
// proxy often do not know that they are spoken to through TLS.
func location(resp *http.Response) (*url.URL, error) {
	base := resp.Request.URL
	v := resp.Header.Get("Location")
	if v == "" {
		return nil, errors.New("the registry did not say where to upload to")
	}
	u, err := base.Parse(v)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, errors.New("the registry gave an address to upload to that cannot be used")
	}
	if u.Host == base.Host {
		u.Scheme = base.Scheme
	}
	if base.Scheme == "https" && u.Scheme == "http" {
		return nil, errors.New("the registry wants the upload without TLS")
	}
	return u, nil
}

// putManifest uploads a manifest or an index.
func (r *repository) putManifest(ctx context.Context, which, mediaType string, raw []byte, ix image.Index) error {
	resp, err := r.h.do(ctx, request{op: "pushing", ref: r.ref.with(which).String(), method: http.MethodPut,
		path: r.ref.Repository + "/manifests/" + which, scopes: r.pushScopes(), size: int64(len(raw)),
		header: http.Header{"Content-Type": {mediaType}},
		body:   func(ctx context.Context) (io.ReadCloser, error) { return memory(raw).Open(ctx, 0) },
		ok:     []int{http.StatusCreated, http.StatusOK, http.StatusAccepted, http.StatusNoContent}})
	if err != nil {
		var e *Error
		if errors.As(err, &e) && e.status >= 400 && e.Kind != Unauthorized && e.Kind != Forbidden && hasForeign(ix) {
			e.hint = "the image has foreign layers, which a registry may refuse unless its configuration allows their addresses; newer base images have none"
		}
		return err
	}
	drain(resp)
	want := digest.FromBytes(raw)
	if got := digest.Digest(resp.Header.Get("Docker-Content-Digest")); got != "" && got.Algorithm() == want.Algorithm() && got != want {
		return corrupt("pushing", r.ref.with(which).String(), want, got)
	}
	return nil
}

func hasForeign(ix image.Index) bool {
	return slices.ContainsFunc(ix.Images, func(img *image.Image) bool {
		return slices.ContainsFunc(img.Layers, func(l tree.Origin) bool { return Foreign(l.Descriptor.MediaType) })
	})
}
