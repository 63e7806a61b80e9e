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
	"strconv"
	"strings"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// remoteBlob is a blob of a repository.
type remoteBlob struct {
	r *repository
	d ocispec.Descriptor
}

// Open implements tree.Blob. The reader goes on after broken connections. A blob
// that the store has comes from there.
func (b *remoteBlob) Open(ctx context.Context, offset int64) (io.ReadCloser, error) {
	return b.openAt(ctx, offset, true)
}

// OpenRaw implements tree.RawBlob.
func (b *remoteBlob) OpenRaw(ctx context.Context, offset int64) (io.ReadCloser, error) {
	return b.openAt(ctx, offset, false)
}

func (b *remoteBlob) openAt(ctx context.Context, offset int64, verify bool) (io.ReadCloser, error) {
	if err := checkDescriptor("pulling", b.r.ref.Name(), b.d, offset); err != nil {
		return nil, err
	}
	if st := b.r.c.o.Store; st != nil {
		if f, err := st.OpenBlob(b.d.Digest); err == nil {
			if _, err := f.Seek(offset, io.SeekStart); err != nil {
				f.Close()
				return nil, err
			}
			return f, nil
		}
	}
	keep := b.r.c.o.Store != nil && b.d.Size <= smallBlob && !isLayer(b.d.MediaType)
	if !keep {
		return b.open(ctx, offset, verify)
	}
	rc, err := b.open(ctx, 0, true)
	if err != nil {
		return nil, err
	}
	defer rc.Close()
	raw, err := io.ReadAll(rc)
	if err != nil {
		return nil, err
	}
	b.r.keep(ctx, b.d.Digest, raw)
	return io.NopCloser(bytes.NewReader(raw[offset:])), nil
}

func isLayer(mediaType string) bool {
	return strings.Contains(mediaType, "rootfs") || strings.Contains(mediaType, ".layer.")
}

// checkDescriptor refuses descriptors that no blob can match.
func checkDescriptor(op, where string, d ocispec.Descriptor, offset int64) error {
	if err := d.Digest.Validate(); err != nil {
		return &Error{Kind: Invalid, Op: op, Ref: "a blob of " + where, Err: fmt.Errorf("the digest %s: %w", quote(d.Digest.String()), err)}
	}
	if d.Size < 0 || offset < 0 || offset > d.Size {
		return &Error{Kind: Invalid, Op: op, Ref: "blob " + d.Digest.String() + " of " + where, Err: fmt.Errorf("offset %d of %d bytes", offset, d.Size)}
	}
	return nil
}

// open opens the remote blob.
func (b *remoteBlob) open(ctx context.Context, offset int64, verify bool) (io.ReadCloser, error) {
	name := "blob " + b.d.Digest.String() + " of " + b.r.ref.Name()
	rd := &reader{d: b.d, op: "pulling", off: offset, name: name}
	if verify && offset == 0 {
		rd.hash = b.d.Digest.Algorithm().Hash()
	}
	source := 0
	rd.connect = func() (io.ReadCloser, error) {
		rc, err := b.connect(ctx, &source, rd.off)
		return rc, err
	}
	rd.pause = func(try int, err error) error {
		return b.r.h.pause(ctx, try, broken("pulling", name, b.r.ref.Host, err))
	}
	if offset < b.d.Size {
		var err error
		if rd.cur, err = rd.connect(); err != nil {
			return nil, err
		}
	}
	rd.meter = b.r.c.meter(Pull, b.r.ref.Name(), b.d)
	return rd, nil
}

// connect asks for the bytes from off on: first the registry, then, if it has no
// such blob, the addresses in the descriptor of a foreign layer. source says
// which of them is next, and stays with the one that had the blob.
func (b *remoteBlob) connect(ctx context.Context, source *int, off int64) (io.ReadCloser, error) {
	var first error
	for ; ; *source++ {
		var rc io.ReadCloser
		var err error
		if *source == 0 {
			rc, err = b.get(ctx, b.r.h, request{path: b.r.ref.Repository + "/blobs/" + b.d.Digest.String(), scopes: b.r.pull}, off)
		} else {
			rc, err = b.getURL(ctx, b.d.URLs[*source-1], off)
		}
		if err == nil {
			return rc, nil
		}
		if first == nil {
			first = err
		}
		var e *Error
		if !errors.As(err, &e) || ctx.Err() != nil {
			return nil, err
		}
		gone := e.Kind == NotFound || e.Kind == Forbidden || e.Kind == Unauthorized || *source > 0
		if !gone {
			return nil, err
		}
		if *source >= len(b.d.URLs) {
			if *source > 0 {
				return nil, err // what the last address said tells more
			}
			return nil, first
		}
	}
}

// getURL gets the blob from an address in its descriptor. Whoever wrote the
// manifest chose the address, so it gets no credentials.
func (b *remoteBlob) getURL(ctx context.Context, address string, off int64) (io.ReadCloser, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" || u.Host == "" {
		return nil, &Error{Kind: Invalid, Op: "pulling", Ref: "foreign layer " + b.d.Digest.String(), Err: fmt.Errorf("%s is not an https address", quote(redact(address)))}
	}
	u.User = nil
	return b.get(ctx, b.r.c.host(u.Host), request{url: u}, off)
}

// get sends one request for the bytes from off on.
func (b *remoteBlob) get(ctx context.Context, h *host, r request, off int64) (io.ReadCloser, error) {
	r.op, r.ref, r.method = "pulling", "blob "+b.d.Digest.String()+" of "+b.r.ref.Name(), http.MethodGet
	if h != b.r.h {
		r.ref = "foreign layer " + b.d.Digest.String() + " from " + h.name
	}
	r.ok = []int{http.StatusOK, http.StatusPartialContent}
	if off > 0 {
		// Some registries want to be told the end, too.
		r.header = http.Header{"Range": {fmt.Sprintf("bytes=%d-%d", off, b.d.Size-1)}}
	}
	resp, err := h.do(ctx, r)
	if e := (*Error)(nil); off > 0 && errors.As(err, &e) && e.status == http.StatusRequestedRangeNotSatisfiable {
		r.header = nil // it knows no ranges, or means another blob: the digest tells
		resp, err = h.do(ctx, r)
	}
	if err != nil {
		return nil, err
	}
	left := b.d.Size
	if resp.StatusCode == http.StatusPartialContent {
		left -= off
		if !strings.HasPrefix(resp.Header.Get("Content-Range"), "bytes "+strconv.FormatInt(off, 10)+"-") {
			resp.Body.Close()
			return nil, &Error{Kind: Invalid, Op: r.op, Ref: r.ref, Err: errors.New("the server answered with another range than was asked for")}
		}
	}
	if resp.ContentLength >= 0 && resp.ContentLength != left {
		resp.Body.Close()
		return nil, &Error{Kind: Corrupt, Op: r.op, Ref: r.ref, Detail: fmt.Sprintf("expected %d bytes, got %d", left, resp.ContentLength)}
	}
	if resp.StatusCode == http.StatusOK && off > 0 { // a server that knows no ranges
		if _, err := io.CopyN(io.Discard, resp.Body, off); err != nil {
			resp.Body.Close()
			return nil, broken(r.op, r.ref, h.name, err)
		}
	}
	return resp.Body, nil
}

// reader reads a blob over as many connections as it takes, and verifies it.
type reader struct {
	d       ocispec.Descriptor
	op      string
	name    string
	off     int64
	hash    hash.Hash // nil if not all of the blob is read
	connect func() (io.ReadCloser, error)
	pause   func(try int, err error) error
	meter   *meter

	cur   io.ReadCloser
	tries int   // broken connections in a row that brought next to nothing
	since int64 // where the current connection began
	err   error // final
}

// progress is how much a connection has to bring to count as one that worked.
const progress = 256 << 10

// Read implements io.Reader. The last bytes are not delivered before all are
// known to be right.
func (r *reader) Read(p []byte) (int, error) {
	if r.err != nil {
		return 0, r.err
	}
	n, err := r.read(p)
	if err != nil {
		r.finish(err)
	}
	return n, err
}

func (r *reader) read(p []byte) (int, error) {
	if r.off == r.d.Size {
		if r.hash != nil && r.d.Size == 0 {
			if err := r.verify(); err != nil {
				return 0, err
			}
		}
		return 0, io.EOF
	}
	if len(p) == 0 {
		return 0, nil
	}
	p = p[:min(int64(len(p)), r.d.Size-r.off)]
	for {
		if r.cur == nil {
			var err error
			if r.cur, err = r.connect(); err != nil {
				return 0, err
			}
			r.since = r.off
		}
		n, err := r.cur.Read(p)
		if n > 0 {
			r.off += int64(n)
			r.meter.at(r.off)
			if r.hash != nil {
				r.hash.Write(p[:n])
				if r.off == r.d.Size {
					if err := r.verify(); err != nil {
						return 0, err
					}
				}
			}
		}
		if err == nil && n == 0 {
			continue
		}
		if err != nil && r.off < r.d.Size {
			if err := r.reconnect(err); err != nil {
				return n, err
			}
		}
		if n > 0 {
			return n, nil
		}
	}
}

// reconnect ends a broken connection and waits until another may be tried.
func (r *reader) reconnect(err error) error {
	r.cur.Close()
	r.cur = nil
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	if r.off-r.since >= progress {
		r.tries = 0
	}
	err = r.pause(r.tries, err)
	r.tries++
	return err
}

func (r *reader) verify() error {
	want := r.d.Digest
	if got := digest.NewDigest(want.Algorithm(), r.hash); got != want {
		return corrupt(r.op, r.name, want, got)
	}
	return nil
}

// finish ends the reader with err, io.EOF if all went well.
func (r *reader) finish(err error) {
	r.err = err
	if r.cur != nil {
		r.cur.Close()
		r.cur = nil
	}
	if err == io.EOF {
		err = nil
	}
	r.meter.end(err)
}

// Close implements io.Closer. A reader that is closed early has not failed: its
// user has what it wanted.
func (r *reader) Close() error {
	if r.err == nil {
		r.finish(io.EOF)
		r.err = errors.New("reading a closed blob")
	}
	return nil
}
