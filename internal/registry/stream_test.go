package registry

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/casement/casement/internal/tree"
)

// growing is a blob that comes in pieces, as the test lets it.
type growing struct {
	r    *io.PipeReader
	desc ocispec.Descriptor
	done chan struct{}
	err  error
}

func newGrowing(raw []byte) (*growing, *io.PipeWriter) {
	r, w := io.Pipe()
	return &growing{r: r, done: make(chan struct{}), desc: ocispec.Descriptor{Digest: digest.FromBytes(raw), Size: int64(len(raw))}}, w
}

func (g *growing) Open(ctx context.Context) (io.ReadCloser, error) {
	context.AfterFunc(ctx, func() { g.r.CloseWithError(context.Cause(ctx)) })
	return g.r, nil
}

func (g *growing) Wait(ctx context.Context) (ocispec.Descriptor, error) {
	select {
	case <-g.done:
		return g.desc, g.err
	case <-ctx.Done():
		return ocispec.Descriptor{}, context.Cause(ctx)
	}
}

// A layer that is uploaded while it is packed has to arrive as one that is
// uploaded at the end.
func TestPushGrowing(t *testing.T) {
	raw := bytes.Repeat([]byte("0123456789abcdef"), 40_000)
	for name, s := range map[string]*server{"shared": shared(t), "strict": strict(t)} {
		t.Run(name, func(t *testing.T) {
			c, seen := client(t, Options{})
			ref := mustParse(t, s.host+"/app:1")
			g, w := newGrowing(raw)
			go func() {
				for part := raw; len(part) > 0; part = part[min(len(part), 100_000):] {
					_, _ = w.Write(part[:min(len(part), 100_000)])
				}
				w.Close()
				close(g.done)
			}()
			if err := c.PushGrowing(t.Context(), ref, g); err != nil {
				t.Fatal(err)
			}
			if seen.done(Push) != 1 {
				t.Errorf("%d pushes reported, want 1", seen.done(Push))
			}
			s.forget()
			// The push of the finished layer finds it and sends nothing.
			o := tree.Origin{Descriptor: g.desc, Blob: memory(nil)}
			if err := c.PushLayer(t.Context(), ref, o); err != nil {
				t.Fatal(err)
			}
			rc, err := c.Place(t.Context(), ref).Blob(g.desc).Open(t.Context(), 0)
			if err != nil {
				t.Fatal(err)
			}
			defer rc.Close()
			if got, err := io.ReadAll(rc); err != nil || !bytes.Equal(got, raw) {
				t.Errorf("the blob came back as %d bytes, %v", len(got), err)
			}
		})
	}
}

// What the registry has is not sent to the end: with a slow line that would
// take as long as a whole upload.
func TestPushGrowingStopsWhenThere(t *testing.T) {
	raw := []byte(strings.Repeat("x", 1000))
	s := strict(t)
	c, _ := client(t, Options{})
	ref := mustParse(t, s.host+"/app:1")
	d := ocispec.Descriptor{Digest: digest.FromBytes(raw), Size: int64(len(raw))}
	if err := c.PushLayer(t.Context(), ref, tree.Origin{Descriptor: d, Blob: memory(raw)}); err != nil {
		t.Fatal(err)
	}
	g, w := newGrowing(raw)
	defer w.Close()
	close(g.done) // complete, but its bytes never arrive
	done := make(chan error, 1)
	go func() { done <- c.PushGrowing(t.Context(), ref, g) }()
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Error("the upload of a blob that is there goes on")
	}
}

// Faults end the stream with an error, so that the caller pushes the layer as
// any other.
func TestPushGrowingFaults(t *testing.T) {
	raw := []byte(strings.Repeat("x", 1000))
	t.Run("the registry refuses streams", func(t *testing.T) {
		s := strict(t)
		s.before = func(w http.ResponseWriter, r *http.Request) bool {
			if r.Method == http.MethodPatch {
				w.WriteHeader(http.StatusMethodNotAllowed)
			}
			return r.Method == http.MethodPatch
		}
		c, _ := client(t, Options{})
		g, w := newGrowing(raw)
		go func() { _, _ = w.Write(raw); w.Close() }()
		close(g.done)
		if err := c.PushGrowing(t.Context(), mustParse(t, s.host+"/app:1"), g); err == nil {
			t.Error("no error")
		}
	})
	t.Run("packing fails", func(t *testing.T) {
		s := strict(t)
		c, _ := client(t, Options{})
		ref := mustParse(t, s.host+"/app:1")
		g, w := newGrowing(raw)
		g.err = errors.New("packing failed")
		go func() { _, _ = w.Write(raw[:500]); w.CloseWithError(g.err); close(g.done) }()
		if err := c.PushGrowing(t.Context(), ref, g); err == nil {
			t.Error("no error")
		}
		if there, err := c.repository(ref).has(t.Context(), g.desc); err != nil || there {
			t.Errorf("half a blob is in the registry: %v, %v", there, err)
		}
	})
}
