package layer

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/casement/casement/internal/tree"
)

// Who follows a blob that is being packed must get exactly the blob that is in
// the store in the end, for new blobs and for those that reuse members.
func TestGrowing(t *testing.T) {
	st := openStore(t)
	for _, last := range []string{"first", "second"} {
		l := layerOf(file("a", strings.Repeat("a text ", 500_000)), file("b", strings.Repeat("more ", 400_000)), file("z", last))
		var got []byte
		var followed chan error
		p, err := Prepare(t.Context(), nil, l, Options{Lineage: "x", Growing: func(g *Growing) {
			followed = make(chan error, 1)
			go func() {
				defer g.Close()
				r, err := g.Open(t.Context())
				if err == nil {
					got, err = io.ReadAll(r)
				}
				if d, werr := g.Wait(t.Context()); err == nil && (werr != nil || d.Size != int64(len(got))) {
					err = errors.Join(werr, errors.New("the descriptor has another size"))
				}
				followed <- err
			}()
		}})
		if err != nil {
			t.Fatal(err)
		}
		o, err := p.Pack(t.Context(), st, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := <-followed; err != nil {
			t.Fatal(err)
		}
		r, err := o.Blob.Open(t.Context(), 0)
		if err != nil {
			t.Fatal(err)
		}
		want, err := io.ReadAll(r)
		r.Close()
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: followed %d bytes, the blob has %d: %v", last, len(got), len(want), err)
		}
		followed = nil
		if _, err := p.Pack(t.Context(), st, nil); err != nil || followed != nil {
			t.Errorf("a blob that is there was announced as growing (%v)", err)
		}
	}
}

// A follower of a packing that fails must not wait for ever, and must not take
// the part for the whole.
func TestGrowingFails(t *testing.T) {
	broken := errors.New("disk on fire")
	l := layerOf(file("a", strings.Repeat("a text ", 500_000)))
	l.Changes = tree.NewSet([]tree.Change{
		{Entry: &tree.Entry{Name: "a", Kind: tree.File, Size: 4 << 20, Content: failing{4 << 20, broken}}},
	})
	followed := make(chan error, 1)
	p, err := Prepare(t.Context(), nil, l, Options{Growing: func(g *Growing) {
		go func() {
			defer g.Close()
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			r, _ := g.Open(ctx)
			_, err := io.Copy(io.Discard, r)
			followed <- err
		}()
	}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Pack(t.Context(), openStore(t), nil); !errors.Is(err, broken) {
		t.Errorf("Pack: %v", err)
	}
	if err := <-followed; !errors.Is(err, broken) {
		t.Errorf("the follower got %v", err)
	}
}

// failing is content that cannot be read.
type failing struct {
	size int64
	err  error
}

func (f failing) Size() int64                                 { return f.size }
func (f failing) Open(context.Context) (io.ReadCloser, error) { return nil, f.err }
