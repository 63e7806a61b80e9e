package registry

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Growing is a blob that is still being made.
type Growing interface {
	// Open returns a reader that waits for bytes that are yet to come.
	Open(ctx context.Context) (io.ReadCloser, error)
	// Wait returns the blob's descriptor when it is complete.
	Wait(ctx context.Context) (ocispec.Descriptor, error)
}

// errThere says that an upload was given up because the repository has the
// blob.
var errThere = errors.New("the blob is there already")

// PushGrowing uploads a blob while it is being made, in one stream whose digest
// comes last. It only saves time: whatever goes wrong is an error, and the
// caller then pushes the finished blob as any other. If the blob turns out to
// be in the repository already, what is left of it is not sent.
func (c *Client) PushGrowing(ctx context.Context, ref Ref, g Growing) error {
	r := c.repository(ref)
	select {
	case c.slots <- struct{}{}:
		defer func() { <-c.slots }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	sending, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	// Once the upload is being finished, what is there is what was sent.
	asking, sent := context.WithCancel(sending)
	defer sent()
	go func() {
		if d, err := g.Wait(asking); err == nil {
			if there, err := r.has(asking, d); err == nil && there && asking.Err() == nil {
				cancel(errThere)
			}
		}
	}()
	err := r.stream(sending, g, sent)
	if err != nil && errors.Is(context.Cause(sending), errThere) {
		return nil
	}
	return err
}

// stream uploads the blob, and calls sent before it names the upload's digest.
func (r *repository) stream(ctx context.Context, g Growing, sent func()) error {
	post := r.growingRequest(http.MethodPost, http.StatusAccepted)
	post.path = r.ref.Repository + "/blobs/uploads/"
	session, err := r.session(ctx, post)
	if err != nil {
		return err
	}
	patch := r.growingRequest(http.MethodPatch, http.StatusAccepted, http.StatusNoContent)
	patch.url = session
	patch.header = http.Header{"Content-Type": {"application/octet-stream"}}
	patch.size, patch.once = -1, true
	patch.body = g.Open
	if session, err = r.session(ctx, patch); err != nil {
		return err
	}
	d, err := g.Wait(ctx)
	if err != nil {
		return err
	}
	sent()
	resp, err := r.h.do(ctx, r.finishRequest(d, session))
	if err != nil {
		return err
	}
	drain(resp)
	m := r.c.meter(Push, r.ref.Name(), d)
	m.at(d.Size)
	m.end(nil)
	return nil
}

// session sends a request and returns the address where the upload goes on.
func (r *repository) session(ctx context.Context, q request) (*url.URL, error) {
	resp, err := r.h.do(ctx, q)
	if err != nil {
		return nil, err
	}
	drain(resp)
	u, err := location(resp)
	if err != nil {
		return nil, &Error{Kind: Invalid, Op: q.op, Ref: q.ref, Err: err}
	}
	return u, nil
}

func (r *repository) growingRequest(method string, ok ...int) request {
	return request{op: "pushing", ref: "a layer to " + r.ref.Name(), method: method, scopes: r.pushScopes(), ok: ok}
}

// finishRequest is the PUT that names an upload's blob, so far without a body.
func (r *repository) finishRequest(d ocispec.Descriptor, session *url.URL) request {
	q := r.blobRequest(http.MethodPut, d, "", http.StatusCreated, http.StatusOK, http.StatusNoContent)
	// The address belongs to the registry: nothing of it may change, not even the
	// order of its parameters.
	q.url = new(*session)
	if q.url.RawQuery != "" {
		q.url.RawQuery += "&"
	}
	q.url.RawQuery += "digest=" + url.QueryEscape(d.Digest.String())
	q.once = true
	return q
}
