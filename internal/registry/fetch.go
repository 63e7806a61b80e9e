package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"golang.org/x/sync/errgroup"

	"github.com/casement/casement/internal/image"
	"github.com/casement/casement/internal/store"
	"github.com/casement/casement/internal/tree"
)

// copyBuffer is the size of the pieces in which blobs are copied.
const copyBuffer = 256 << 10

// Fetch makes sure that the store has the blob of o. What an earlier attempt,
// even of another process, has got of it is not asked for again.
func Fetch(ctx context.Context, st *store.Store, o tree.Origin) error {
	d := o.Descriptor
	if _, err := st.Stat(d.Digest); err == nil {
		return nil
	}
	if o.Blob == nil {
		return &Error{Kind: NotFound, Op: "fetching", Ref: "blob " + d.Digest.String(), Err: errors.New("its bytes are not here")}
	}
	p, err := st.Partial(ctx, d.Digest)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer p.Close()
	for {
		if p.Size() > d.Size {
			if err := p.Reset(); err != nil {
				return err
			}
		}
		resumed := p.Size() > 0
		err := fill(ctx, p, o)
		if err == nil {
			_, err = p.Commit(ctx)
		}
		var wrong *store.DigestError
		var e *Error
		switch {
		case err == nil:
			return nil
		case errors.As(err, &wrong):
			err = corrupt("fetching", "blob "+d.Digest.String(), wrong.Want, wrong.Got)
		case errors.As(err, &e) && e.Kind == Corrupt:
		default:
			return err // what there is stays for the next attempt
		}
		_ = st.Distrust(context.WithoutCancel(ctx), d.Digest) // what was learnt from wrong bytes goes, too
		if !resumed {
			_ = p.Discard() // wrong bytes that stay cost the next attempt one more download
			return err
		}
		// The bytes of the earlier attempt may be what is wrong.
		if rerr := p.Reset(); rerr != nil {
			return rerr
		}
	}
}

// fill gets what is missing.
func fill(ctx context.Context, p *store.Partial, o tree.Origin) error {
	missing := o.Descriptor.Size - p.Size()
	if missing <= 0 {
		return nil
	}
	rc, err := tree.OpenRaw(ctx, o.Blob, p.Size()) // the store verifies
	if err != nil {
		return err
	}
	defer rc.Close()
	if err := p.HashEarly(ctx); err != nil {
		return err
	}
	n, err := io.CopyBuffer(onlyWriter{p}, rc, make([]byte, copyBuffer))
	if err == nil && n != missing {
		err = &Error{Kind: Corrupt, Op: "fetching", Ref: "blob " + o.Descriptor.Digest.String(), Detail: fmt.Sprintf("expected %d bytes, got %d", missing, n)}
	}
	return err
}

// onlyWriter hides other methods, so that io.CopyBuffer uses its buffer.
type onlyWriter struct{ io.Writer }

// fetchAll fetches the layers that are elsewhere, several at a time.
func fetchAll(ctx context.Context, st *store.Store, ix image.Index) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(3)
	for _, o := range blobs(ix, PushOptions{AllowForeign: true}) {
		if o.From != "" {
			g.Go(func() error { return Fetch(ctx, st, o) })
		}
	}
	return g.Wait()
}
