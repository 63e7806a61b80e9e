package registry

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/casement/casement/internal/image"
	"github.com/casement/casement/internal/tree"
)

// maxManifest is the largest manifest that is read. Registries commonly refuse
// more than 4 MiB.
const maxManifest = 8 << 20

// The media types that docker made and OCI took over.
const (
	dockerManifest = "application/vnd.docker.distribution.manifest.v2+json"
	dockerList     = "application/vnd.docker.distribution.manifest.list.v2+json"
	dockerConfig   = "application/vnd.docker.container.image.v1+json"
	dockerLayer    = "application/vnd.docker.image.rootfs.diff.tar"
)

var accepted = strings.Join([]string{ocispec.MediaTypeImageIndex, dockerList, ocispec.MediaTypeImageManifest, dockerManifest}, ", ")

// repository is a repository of a registry as an image.Place.
type repository struct {
	c    *Client
	h    *host
	ref  Ref
	pull []string // scopes

	mu    sync.Mutex
	named map[string]tagged // by tag
}

// tagged is what a tag has turned out to name.
type tagged struct {
	desc ocispec.Descriptor
	raw  []byte
}

// Place returns the repository of ref. Asked for "", its Manifest returns the
// image that ref names. A tag is looked up once: as long as the place lives, it
// names the same image.
func (c *Client) Place(_ context.Context, ref Ref) image.Place { return c.repository(ref) }

func (c *Client) repository(ref Ref) *repository {
	return &repository{c: c, h: c.host(ref.Host), ref: ref, pull: []string{"repository:" + ref.Repository + ":pull"}}
}

// String returns the reference that the place was made for.
func (r *repository) String() string { return r.ref.String() }

// Tags implements image.Tagger.
func (r *repository) Tags(ctx context.Context) ([]string, error) { return r.c.Tags(ctx, r.ref) }

// From implements image.Place.
func (r *repository) From() string { return r.ref.From() }

// Manifest implements image.Place. What comes by digest is verified; what comes
// by tag is checked against the digest that the registry says it has.
func (r *repository) Manifest(ctx context.Context, which string) (ocispec.Descriptor, []byte, error) {
	if which == "" {
		which = r.ref.Which()
	}
	ref := r.ref.with(which)
	r.mu.Lock()
	known, ok := r.named[which]
	r.mu.Unlock()
	if ok {
		return known.desc, known.raw, nil
	}
	if raw, ok := r.stored(ref.Digest); ok {
		if d, err := describe(ref, "", raw); err == nil {
			return d, raw, nil
		}
	}
	raw, header, err := r.h.get(ctx, request{op: "pulling", ref: ref.String(), path: r.ref.Repository + "/manifests/" + which,
		scopes: r.pull, header: http.Header{"Accept": {accepted}}}, maxManifest)
	if err != nil {
		return ocispec.Descriptor{}, nil, r.suggest(ctx, ref, err)
	}
	if said := digest.Digest(header.Get("Docker-Content-Digest")); ref.Digest == "" && said.Validate() == nil {
		ref.Digest = said
	}
	d, err := describe(ref, header.Get("Content-Type"), raw)
	if err != nil {
		return d, nil, err
	}
	r.keep(ctx, d.Digest, raw)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.named == nil {
		r.named = map[string]tagged{}
	}
	r.named[which] = tagged{d, raw}
	return d, raw, nil
}

// describe verifies a manifest and returns its descriptor. The document's own
// media type counts before the server's, which may be a guess.
func describe(ref Ref, contentType string, raw []byte) (ocispec.Descriptor, error) {
	got := digest.FromBytes(raw)
	if want := ref.Digest; want != "" {
		if want.Validate() == nil {
			got = want.Algorithm().FromBytes(raw)
		}
		if got != want {
			return ocispec.Descriptor{}, corrupt("pulling", ref.String(), want, got)
		}
	}
	var doc struct {
		SchemaVersion int
		MediaType     string
		Manifests     []json.RawMessage
		Config        json.RawMessage
	}
	fail := func(err error) (ocispec.Descriptor, error) {
		return ocispec.Descriptor{}, &Error{Kind: Invalid, Op: "pulling", Ref: ref.String(), Err: err}
	}
	if err := json.Unmarshal(raw, &doc); err != nil {
		return fail(fmt.Errorf("reading the manifest: %w", err))
	}
	d := ocispec.Descriptor{Digest: got, Size: int64(len(raw)), MediaType: doc.MediaType}
	contentType, _, _ = strings.Cut(contentType, ";")
	switch {
	case doc.SchemaVersion == 1:
		return fail(errors.New("this is an image of docker's first format, which nobody writes any more"))
	case d.MediaType != "":
	case strings.Contains(accepted, strings.TrimSpace(contentType)) && contentType != "":
		d.MediaType = strings.TrimSpace(contentType)
	case doc.Manifests != nil:
		d.MediaType = ocispec.MediaTypeImageIndex
	case doc.Config != nil:
		d.MediaType = ocispec.MediaTypeImageManifest
	default:
		return fail(errors.New("this is neither a manifest nor an index"))
	}
	return d, nil
}

// smallBlob is up to which size blobs are kept in the store: configs are, layers
// are not, which whoever wants to keep them fetches there.
const smallBlob = 256 << 10

// stored returns a small blob of the store.
func (r *repository) stored(d digest.Digest) ([]byte, bool) {
	if r.c.o.Store == nil || d == "" {
		return nil, false
	}
	f, err := r.c.o.Store.OpenBlob(d)
	if err != nil {
		return nil, false
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, maxManifest+1))
	return raw, err == nil && digest.FromBytes(raw) == d
}

// keep puts a small blob into the store. That it cannot be kept is no reason to
// stop: it is here.
func (r *repository) keep(ctx context.Context, d digest.Digest, raw []byte) {
	if r.c.o.Store != nil && len(raw) <= smallBlob {
		_, _ = r.c.o.Store.Add(ctx, bytes.NewReader(raw), d)
	}
}

// maxTags is the largest page of tags that is read.
const maxTags = 64 << 20

// Tags returns the tags of ref's repository in the registry's order.
func (c *Client) Tags(ctx context.Context, ref Ref) ([]string, error) {
	r := c.repository(ref)
	base, err := r.h.base(ctx, request{op: "listing the tags of", ref: ref.Name()})
	if err != nil {
		return nil, err
	}
	next := base.JoinPath(ref.Repository + "/tags/list")
	var tags []string
	for seen := map[string]bool{}; next != nil && !seen[next.String()]; {
		seen[next.String()] = true
		raw, header, err := r.h.get(ctx, request{op: "listing the tags of", ref: ref.Name(), url: next, scopes: r.pull}, maxTags)
		if err != nil {
			return tags, err
		}
		var page struct{ Tags []string }
		if err := json.Unmarshal(raw, &page); err != nil {
			return tags, &Error{Kind: Unavailable, Op: "listing the tags of", Ref: ref.Name(), Err: err}
		}
		tags = append(tags, page.Tags...)
		next = nextPage(next, header.Get("Link"))
	}
	return tags, nil
}

// nextPage returns the address of a Link header with rel="next", as long as it
// stays on the same server.
func nextPage(base *url.URL, link string) *url.URL {
	target, params, ok := strings.Cut(link, ">")
	if !ok || !strings.HasPrefix(target, "<") || !strings.Contains(params, "next") {
		return nil
	}
	u, err := base.Parse(target[1:])
	if err != nil || u.Host != base.Host {
		return nil
	}
	u.Scheme = base.Scheme // servers behind a proxy do not know that there is TLS
	return u
}

// suggest adds to the error for an unknown tag which ones there are. Finding
// that out may fail or take too long; then the error stays as it was.
func (r *repository) suggest(ctx context.Context, ref Ref, err error) error {
	var e *Error
	if !errors.As(err, &e) || e.Kind != NotFound {
		return err
	}
	if ref.Tag == "" {
		e.hint = "the repository has no image of this digest any more: take the digest that the tag has now"
		return e
	}
	limited, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	tags, terr := r.c.Tags(limited, ref)
	near := nearest(ref.Tag, tags, 5)
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case len(near) > 0:
		e.hint = "tags like it: " + strings.Join(near, ", ")
	case errors.Is(terr, fs.ErrNotExist):
		e.hint = "there is no repository " + ref.Name()
	case len(tags) > 5:
		e.hint = fmt.Sprintf("the repository has %d other tags, among them %s", len(tags), strings.Join(tags[len(tags)-5:], ", "))
	case len(tags) > 0:
		e.hint = "the repository has the tags " + strings.Join(tags, ", ")
	}
	return e
}

// nearest returns up to n of the tags that tag may have been meant to be: those
// that begin alike or can be typed with few mistakes, the likeliest first.
func nearest(tag string, tags []string, n int) []string {
	type scored struct {
		tag   string
		score int
	}
	var near []scored
	low := strings.ToLower(tag)
	for _, t := range tags {
		other := strings.ToLower(t)
		shared := commonPrefix(low, other)
		d := distance(low, other)
		switch {
		case d <= max(1, len(low)/4):
			near = append(near, scored{t, d})
		case shared == len(low) || shared == len(other) || shared >= 4 && shared*2 >= len(low):
			near = append(near, scored{t, 100 + d - shared})
		}
	}
	slices.SortStableFunc(near, func(a, b scored) int {
		return cmp.Or(cmp.Compare(a.score, b.score), cmp.Compare(a.tag, b.tag))
	})
	var out []string
	for _, s := range near[:min(n, len(near))] {
		out = append(out, s.tag)
	}
	return out
}

func commonPrefix(a, b string) int {
	i := 0
	for i < len(a) && i < len(b) && a[i] == b[i] {
		i++
	}
	return i
}

// distance is the number of letters that have to be inserted, removed or
// replaced to turn a into b. Strings that are too long to be tags are far apart.
func distance(a, b string) int {
	if max(len(a), len(b)) > 128 {
		return 128
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}

// Blob implements image.Place.
func (r *repository) Blob(d ocispec.Descriptor) tree.Blob { return &remoteBlob{r: r, d: d} }
