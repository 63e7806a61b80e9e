package build

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/casement/casement/internal/layer"
	"github.com/casement/casement/internal/registry"
	"github.com/casement/casement/internal/store"
	"github.com/casement/casement/internal/tree"
)

// uploads is a registry that takes blobs: whole ones by PUT, and growing ones
// by PATCH as the field says.
type uploads struct {
	patch func(w http.ResponseWriter, r *http.Request) bool // false: as it should be
	put   int                                               // status of the last request; 0 for success

	mu      sync.Mutex
	blobs   map[string]bool
	session []byte
	patched int
}

func (u *uploads) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	u.mu.Lock()
	defer u.mu.Unlock()
	switch {
	case r.Method == http.MethodHead:
		if !u.blobs[r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]] {
			w.WriteHeader(http.StatusNotFound)
		}
	case r.Method == http.MethodPost:
		w.Header().Set("Location", "/v2/app/blobs/uploads/1")
		w.WriteHeader(http.StatusAccepted)
	case r.Method == http.MethodPatch:
		u.patched++
		if u.patch != nil {
			u.mu.Unlock()
			done := u.patch(w, r)
			u.mu.Lock()
			if done {
				return
			}
		}
		u.session, _ = io.ReadAll(r.Body)
		w.Header().Set("Location", "/v2/app/blobs/uploads/1")
		w.WriteHeader(http.StatusAccepted)
	case r.Method == http.MethodPut && u.put != 0:
		w.WriteHeader(u.put)
	case r.Method == http.MethodPut:
		b, _ := io.ReadAll(r.Body)
		if b = append(u.session, b...); digest.FromBytes(b).String() != r.URL.Query().Get("digest") {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		u.session = nil
		u.blobs[digest.FromBytes(b).String()] = true
		w.WriteHeader(http.StatusCreated)
	}
}

// pushing packs a layer whose uploads follow it to u.
func pushing(t *testing.T, ctx context.Context, u *uploads, content tree.Content) (early *earlyPush, packErr error) {
	t.Helper()
	u.blobs = map[string]bool{}
	s := httptest.NewServer(u)
	t.Cleanup(s.CloseClientConnections)
	client, err := registry.New(registry.Options{Stall: 2 * time.Second, Backoff: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	ref, err := registry.Parse(strings.TrimPrefix(s.URL, "http://") + "/app:1")
	if err != nil {
		t.Fatal(err)
	}
	st, err := store.Open(t.TempDir(), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	early = newEarlyPush(ctx, client, []registry.Ref{ref})
	t.Cleanup(early.stop)
	grow := early.growing()
	l := &tree.Layer{Changes: tree.NewSet([]tree.Change{{Entry: &tree.Entry{Name: "f", Kind: tree.File, Size: content.Size(), Content: content}}})}
	plan, err := layer.Prepare(ctx, nil, l, layer.Options{Format: layer.Windows, Growing: func(g *layer.Growing) { grow(ctx, g) }})
	if err != nil {
		t.Fatal(err)
	}
	o, err := plan.Pack(ctx, st, nil)
	if err == nil {
		early.packed(ctx, o)
	}
	return early, err
}

// within fails the test if f takes long.
func within(t *testing.T, what string, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() { defer close(done); f() }()
	select {
	case <-done:
	case <-time.After(15 * time.Second):
		t.Fatalf("%s hangs", what)
	}
}

// What goes wrong with the upload that follows the packing costs time and
// nothing else: the finished layer is pushed then, and only if that fails, too,
// the push has failed.
func TestEarlyPush(t *testing.T) {
	hang := func(_ http.ResponseWriter, r *http.Request) bool {
		<-r.Context().Done()
		return true
	}
	for name, test := range map[string]struct {
		u    *uploads
		fail bool
	}{
		"as it should be":  {u: &uploads{}},
		"refused at once":  {u: &uploads{patch: func(w http.ResponseWriter, _ *http.Request) bool { w.WriteHeader(http.StatusForbidden); return true }}},
		"never read":       {u: &uploads{patch: hang}},
		"everything fails": {u: &uploads{put: http.StatusForbidden}, fail: true},
	} {
		t.Run(name, func(t *testing.T) {
			within(t, "the push", func() {
				// Incompressible and more than buffers between the two hold.
				content := make(tree.Bytes, 12<<20)
				for i, x := 0, uint32(1); i < len(content); i++ {
					x ^= x << 13
					x ^= x >> 17
					x ^= x << 5
					content[i] = byte(x)
				}
				early, err := pushing(t, t.Context(), test.u, content)
				if err != nil {
					t.Error(err)
					return
				}
				if err := early.wait(); (err != nil) != test.fail {
					t.Errorf("the push ends with %v", err)
				}
				early.stop()
				test.u.mu.Lock()
				defer test.u.mu.Unlock()
				if len(test.u.blobs) != 1 && !test.fail || test.u.patched == 0 {
					t.Errorf("the registry has %v after %d streams", test.u.blobs, test.u.patched)
				}
			})
		})
	}
}

// stuck is a content that ends with its context.
type stuck struct{}

func (stuck) Size() int64 { return 4 << 20 }

func (stuck) Open(ctx context.Context) (io.ReadCloser, error) {
	<-ctx.Done()
	return nil, fmt.Errorf("stuck: %w", context.Cause(ctx))
}

// Ctrl-C, and a build that fails, end the uploads of layers that will never be
// complete.
func TestEarlyPushCancelled(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	within(t, "the end", func() {
		early, err := pushing(t, ctx, &uploads{}, stuck{})
		if err == nil {
			t.Error("packed what cannot be read")
		}
		early.stop()
	})
}
