package registry

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	ggcr "github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/validate"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/casement/casement/internal/tree"
)

func layerDescriptor(img *tImage) ocispec.Descriptor {
	return ocispec.Descriptor{MediaType: ocispec.MediaTypeImageLayerGzip, Digest: img.layer, Size: int64(len(img.raw))}
}

func origin(p interface {
	Blob(ocispec.Descriptor) tree.Blob
	From() string
}, img *tImage) tree.Origin {
	return tree.Origin{Descriptor: layerDescriptor(img), From: p.From(), Blob: p.Blob(layerDescriptor(img))}
}

// valid lets go-containerregistry check what a reference names.
func valid(t *testing.T, ref string, index bool) {
	t.Helper()
	r, err := name.ParseReference(ref)
	if err != nil {
		t.Fatal(err)
	}
	if index {
		ix, err := remote.Index(r)
		if err == nil {
			err = validate.Index(ix)
		}
		if err != nil {
			t.Errorf("%s: %v", ref, err)
		}
		return
	}
	img, err := remote.Image(r)
	if err == nil {
		err = validate.Image(img)
	}
	if err != nil {
		t.Errorf("%s: %v", ref, err)
	}
}

// Images and indexes arrive whole in every kind of registry; a second push sends
// no blob, several tags cost one upload.
func TestPush(t *testing.T) {
	for kind, start := range map[string]func(*testing.T) *server{"shared": shared, "strict": strict} {
		t.Run(kind, func(t *testing.T) {
			s := start(t)
			c, seen := client(t, Options{})
			ix := indexOf(t, newImage(t, 1, 1000, 2<<20, 0), newImage(t, 2, 1000))
			refs := []Ref{mustParse(t, s.host+"/app:1"), mustParse(t, s.host+"/app:2")}
			if err := c.Push(t.Context(), refs, ix, PushOptions{}); err != nil {
				t.Fatal(err)
			}
			for _, r := range refs {
				valid(t, r.String(), true)
			}
			if n := s.count("PUT", "/blobs/uploads/"); n != 6 || seen.done(Push) != 6 {
				t.Errorf("%d uploads, %d reported, of 6 blobs", n, seen.done(Push))
			}
			if n := s.count("PUT", "/manifests/"); n != 4 {
				t.Errorf("%d manifests were put, want 2 and 2 tags", n)
			}
			s.forget()
			if err := c.Push(t.Context(), refs[:1], ix, PushOptions{}); err != nil {
				t.Fatal(err)
			}
			if n := s.count("P", "/blobs/uploads/"); n != 0 || seen.done(Exists) != 6 {
				t.Errorf("%d upload requests, %d blobs found, for what is there", n, seen.done(Exists))
			}
			if err := c.Push(t.Context(), []Ref{mustParse(t, s.host+"/one:1")}, single(ix.Images[0]), PushOptions{}); err != nil {
				t.Fatal(err)
			}
			valid(t, s.host+"/one:1", false)
		})
	}
}

// The base's layers are mounted in its own registry: not one of their bytes is
// read. In another registry they are streamed from one to the other.
func TestPushBase(t *testing.T) {
	s := strict(t)
	c, seen := client(t, Options{})
	base := newImage(t, 1, 1<<20, 2000)
	baseRef := mustParse(t, s.host+"/windows/nanoserver:ltsc2022")
	if err := c.Push(t.Context(), []Ref{baseRef}, single(base), PushOptions{}); err != nil {
		t.Fatal(err)
	}
	top := newImage(t, 2, 500)
	img := imageOf(t, append(at(c.Place(t.Context(), baseRef), base), top.Layers...)...)
	s.forget()
	seen.forget()
	if err := c.Push(t.Context(), []Ref{mustParse(t, s.host+"/app:1")}, single(img), PushOptions{}); err != nil {
		t.Fatal(err)
	}
	if s.count("GET", "/blobs/") != 0 || seen.done(Mount) != 2 || s.count("PUT", "/blobs/") != 2 {
		t.Errorf("%d blobs read, %d mounted, %d uploaded", s.count("GET", "/blobs/"), seen.done(Mount), s.count("PUT", "/blobs/"))
	}
	valid(t, s.host+"/app:1", false)

	other := strict(t)
	s.forget()
	if err := c.Push(t.Context(), []Ref{mustParse(t, other.host+"/app:1")}, single(img), PushOptions{}); err != nil {
		t.Fatal(err)
	}
	if s.count("GET", "/blobs/") != 2 || other.count("POST", "mount=") != 0 {
		t.Errorf("%d blobs read, %d mounts", s.count("GET", "/blobs/"), other.count("POST", "mount="))
	}
	valid(t, other.host+"/app:1", false)
}

// A registry that does not mount, in each of the ways that there are, gets an upload.
func TestMountRefused(t *testing.T) {
	for name, status := range map[string]int{"202": 202, "404": 404, "403": 403, "405": 405, "400": 400} {
		t.Run(name, func(t *testing.T) {
			s := strict(t)
			c, _ := client(t, Options{})
			img := newImage(t, 1, 1000)
			for i := range img.Layers {
				img.Layers[i].From = s.host + "/elsewhere"
			}
			next := s.Config.Handler
			s.before = func(w http.ResponseWriter, r *http.Request) bool {
				if r.Method != http.MethodPost || r.URL.Query().Get("mount") == "" {
					return false
				}
				if status != 202 {
					w.WriteHeader(status)
					return true
				}
				r2 := r.Clone(r.Context())
				r2.URL.RawQuery = ""
				s.mu.Lock()
				before := s.before
				s.before = nil
				s.mu.Unlock()
				next.ServeHTTP(w, r2) // opens an upload
				s.mu.Lock()
				s.before = before
				s.mu.Unlock()
				return true
			}
			if err := c.Push(t.Context(), []Ref{mustParse(t, s.host+"/app:1")}, single(img), PushOptions{}); err != nil {
				t.Fatal(err)
			}
			s.before = nil
			valid(t, s.host+"/app:1", false)
		})
	}
}

// Two repositories of one registry get one upload; another registry its own.
func TestPushSeveral(t *testing.T) {
	a, b := strict(t), strict(t)
	c, seen := client(t, Options{})
	ix := single(newImage(t, 1, 1000, 5000))
	var refs []Ref
	for _, s := range []string{a.host + "/x:1", a.host + "/y:1", b.host + "/z:1", a.host + "/x:2"} {
		refs = append(refs, mustParse(t, s))
	}
	if err := c.Push(t.Context(), refs, ix, PushOptions{}); err != nil {
		t.Fatal(err)
	}
	for _, r := range refs {
		valid(t, r.String(), false)
	}
	if a.count("PUT", "/blobs/") != 3 || seen.done(Mount) != 3 || b.count("PUT", "/blobs/") != 3 {
		t.Errorf("%d uploads to a, %d mounts, %d uploads to b", a.count("PUT", "/blobs/"), seen.done(Mount), b.count("PUT", "/blobs/"))
	}
}

// Uploads survive broken connections and servers in trouble.
func TestUploadRetries(t *testing.T) {
	for name, harm := range map[string]func(w http.ResponseWriter, r *http.Request){
		"connection cut": func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.CopyN(io.Discard, r.Body, 100000)
			panic(http.ErrAbortHandler)
		},
		"503 at once":        func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) },
		"429 in the end":     func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body); w.WriteHeader(429) },
		"the upload is gone": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(404) },
	} {
		t.Run(name, func(t *testing.T) {
			s := strict(t)
			c, _ := client(t, Options{})
			var n atomic.Int32
			s.before = func(w http.ResponseWriter, r *http.Request) bool {
				if r.Method == http.MethodPut && strings.Contains(r.URL.Path, "/blobs/") && n.Add(1) <= 2 {
					harm(w, r)
					return true
				}
				return false
			}
			if err := c.Push(t.Context(), []Ref{mustParse(t, s.host+"/app:1")}, single(newImage(t, 1, 1<<20)), PushOptions{}); err != nil {
				t.Fatal(err)
			}
			valid(t, s.host+"/app:1", false)
		})
	}
}

// A lost answer to a complete upload does not cost another upload.
func TestUploadAnswerLost(t *testing.T) {
	s := strict(t)
	c, _ := client(t, Options{})
	lost := false
	next := s.Config.Handler
	var mu sync.Mutex
	s.before = func(w http.ResponseWriter, r *http.Request) bool {
		mu.Lock()
		defer mu.Unlock()
		if r.Method != http.MethodPut || !strings.Contains(r.URL.Path, "/blobs/") || lost {
			return false
		}
		lost = true
		s.mu.Lock()
		before := s.before
		s.before = nil
		s.mu.Unlock()
		next.ServeHTTP(&discard{}, r)
		s.mu.Lock()
		s.before = before
		s.mu.Unlock()
		panic(http.ErrAbortHandler)
	}
	raw := []byte("bytes")
	d := ocispec.Descriptor{Digest: digest.FromBytes(raw), Size: int64(len(raw))}
	if err := c.PushLayer(t.Context(), mustParse(t, s.host+"/app"), tree.Origin{Descriptor: d, Blob: memory(raw)}); err != nil {
		t.Fatal(err)
	}
	if n := s.count("POST", "/blobs/uploads/"); n != 1 {
		t.Errorf("%d uploads", n)
	}
}

type discard struct{ h http.Header }

func (d *discard) Header() http.Header {
	if d.h == nil {
		d.h = http.Header{}
	}
	return d.h
}
func (d *discard) Write(p []byte) (int, error) { return len(p), nil }
func (d *discard) WriteHeader(int)             {}

// A push that the registry's end cut short is completed by the next one, which
// sends only what is missing.
func TestPushContinues(t *testing.T) {
	s := strict(t)
	ix := single(newImage(t, 1, 1000, 2000, 3000))
	ref := mustParse(t, s.host+"/app:1")
	var n atomic.Int32
	s.before = func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPut && n.Add(1) > 2 {
			w.WriteHeader(503)
			return true
		}
		return false
	}
	c, _ := client(t, Options{Retries: 1, Parallel: 1})
	wantKind(t, c.Push(t.Context(), []Ref{ref}, ix, PushOptions{}), Unavailable)
	s.before = nil
	s.forget()
	c, seen := client(t, Options{})
	if err := c.Push(t.Context(), []Ref{ref}, ix, PushOptions{}); err != nil {
		t.Fatal(err)
	}
	if seen.done(Exists) != 2 || seen.done(Push) != 2 {
		t.Errorf("%d blobs found, %d sent", seen.done(Exists), seen.done(Push))
	}
	valid(t, ref.String(), false)
}

// A layer can be uploaded before there is a manifest, and a push that begins
// meanwhile waits for it and does not send it again.
func TestPushLayerEarly(t *testing.T) {
	s := strict(t)
	c, _ := client(t, Options{})
	img := newImage(t, 1, 1<<20)
	ref := mustParse(t, s.host+"/app:1")
	slow := &slowBlob{Blob: img.Layers[0].Blob, started: make(chan struct{}), release: make(chan struct{})}
	errs := make(chan error, 2)
	go func() {
		errs <- c.PushLayer(t.Context(), ref, tree.Origin{Descriptor: img.Layers[0].Descriptor, Blob: slow})
	}()
	<-slow.started
	go func() { errs <- c.Push(t.Context(), []Ref{ref}, single(img), PushOptions{}) }()
	close(slow.release)
	for range 2 {
		if err := <-errs; err != nil {
			t.Fatal(err)
		}
	}
	if n := s.count("PUT", "/blobs/"); n != 2 {
		t.Errorf("%d uploads of 2 blobs", n)
	}
	valid(t, ref.String(), false)
}

type slowBlob struct {
	tree.Blob
	once             sync.Once
	started, release chan struct{}
}

func (b *slowBlob) Open(ctx context.Context, off int64) (io.ReadCloser, error) {
	b.once.Do(func() { close(b.started) })
	<-b.release
	return b.Blob.Open(ctx, off)
}

// A push of wrong or missing bytes is an error that blames the bytes, once.
func TestPushWrongBytes(t *testing.T) {
	s := strict(t)
	c, _ := client(t, Options{})
	raw := []byte("bytes")
	d := ocispec.Descriptor{Digest: digest.FromBytes(raw), Size: 5}
	for name, b := range map[string]tree.Blob{"short": memory("byte"), "other": memory("BYTES"), "none": nil, "broken": brokenBlob{}} {
		s.forget()
		err := c.PushLayer(t.Context(), mustParse(t, s.host+"/"+name), tree.Origin{Descriptor: d, Blob: b})
		if err == nil {
			t.Errorf("%s: no error", name)
		}
		if n := s.count("POST", "/"+name+"/"); n > 1 {
			t.Errorf("%s: %d attempts", name, n)
		}
		t.Log(name, err)
	}
	if err := c.PushLayer(t.Context(), mustParse(t, s.host+"/app"), tree.Origin{Descriptor: d, Blob: brokenBlob{}}); !errors.Is(err, errBroken) {
		t.Errorf("the reader's own error is lost: %v", err)
	}
}

var errBroken = errors.New("the disk is broken")

type brokenBlob struct{}

func (brokenBlob) Open(context.Context, int64) (io.ReadCloser, error) {
	return io.NopCloser(io.MultiReader(strings.NewReader("by"), failing{})), nil
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errBroken }

// Foreign layers are not uploaded unless that is asked for.
func TestPushForeign(t *testing.T) {
	for _, mediaType := range []string{"application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"} {
		s := serve(t, ggcr.New(ggcr.Logger(log.New(io.Discard, "", 0))))
		c, _ := client(t, Options{})
		img := newImage(t, 1, 1000, 10)
		img.Layers[0].Descriptor.MediaType = mediaType
		img.Layers[0].Descriptor.URLs = []string{"https://layers.example/1"}
		img = imageOf(t, img.Layers...)
		// Layers that are sent ahead of the image are no exception.
		if err := c.PushLayer(t.Context(), mustParse(t, s.host+"/app:1"), img.Layers[0]); err != nil {
			t.Fatal(err)
		}
		if err := c.Push(t.Context(), []Ref{mustParse(t, s.host+"/app:1")}, single(img), PushOptions{}); err != nil {
			t.Fatal(err)
		}
		if n := s.count("", img.Layers[0].Descriptor.Digest.Encoded()); n != 0 {
			t.Errorf("%d requests for a foreign layer", n)
		}
		_, raw, err := c.Place(t.Context(), mustParse(t, s.host+"/app:1")).Manifest(t.Context(), "")
		if err != nil || !bytes.Contains(raw, []byte("https://layers.example/1")) {
			t.Errorf("the manifest lost the address: %s, %v", raw, err)
		}
		if err := c.Push(t.Context(), []Ref{mustParse(t, s.host+"/app:1")}, single(img), PushOptions{AllowForeign: true}); err != nil {
			t.Fatal(err)
		}
		if n := s.count("PUT", img.Layers[0].Descriptor.Digest.Encoded()); n != 1 {
			t.Errorf("%d uploads of a foreign layer that is allowed", n)
		}
	}
}

// A registry that refuses foreign layers is explained.
func TestPushForeignRefused(t *testing.T) {
	s := shared(t)
	s.before = func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPut && strings.Contains(r.URL.Path, "/manifests/") {
			w.WriteHeader(500)
			return true
		}
		return false
	}
	img := newImage(t, 1, 10)
	img.Layers[0].Descriptor.MediaType = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
	c, _ := client(t, Options{})
	err := c.Push(t.Context(), []Ref{mustParse(t, s.host+"/app:1")}, single(imageOf(t, img.Layers...)), PushOptions{})
	if e := wantKind(t, err, Unavailable); !strings.Contains(e.Hint(), "foreign") {
		t.Errorf("hint %q", e.Hint())
	}
}
