package registry

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"archive/tar"

	"cuelabs.dev/go/oci/ociregistry/ocimem"
	"cuelabs.dev/go/oci/ociregistry/ociserver"
	ggcr "github.com/google/go-containerregistry/pkg/registry"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/casement/casement/internal/image"
	"github.com/casement/casement/internal/store"
	"github.com/casement/casement/internal/tree"
)

// server is a registry behind a handler that counts requests and can do harm.
type server struct {
	*httptest.Server
	host string

	mu       sync.Mutex
	requests []string // "METHOD /path?query"
	// before answers a request itself if it returns true.
	before func(w http.ResponseWriter, r *http.Request) bool
}

func (s *server) count(prefix, part string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, r := range s.requests {
		if strings.HasPrefix(r, prefix) && strings.Contains(r, part) {
			n++
		}
	}
	return n
}

func (s *server) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = nil
}

func (s *server) handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.requests = append(s.requests, r.Method+" "+r.URL.RequestURI())
		before := s.before
		s.mu.Unlock()
		if before != nil && before(w, r) {
			return
		}
		next.ServeHTTP(w, r)
	})
}

func serve(t *testing.T, next http.Handler) *server {
	t.Helper()
	s := &server{}
	s.Server = httptest.NewServer(s.handler(next))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	t.Cleanup(s.Close)
	s.host = strings.TrimPrefix(s.URL, "http://")
	return s
}

// shared is go-containerregistry's registry: all repositories share their blobs.
func shared(t *testing.T) *server {
	return serve(t, ggcr.New(ggcr.Logger(log.New(io.Discard, "", 0))))
}

// strict is ociregistry's: repositories have their own blobs, manifests need theirs.
func strict(t *testing.T) *server {
	return serve(t, ociserver.New(ocimem.New(), nil))
}

// client returns a client that does not wait long, and the transfers it reports.
func client(t *testing.T, o Options) (*Client, *transfers) {
	t.Helper()
	seen := &transfers{}
	if o.ConfigDir == "" {
		o.ConfigDir = t.TempDir()
	}
	if o.Backoff == 0 {
		o.Backoff, o.MaxBackoff = time.Millisecond, 5*time.Millisecond
	}
	o.Observe = seen.add
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c, seen
}

type transfers struct {
	mu  sync.Mutex
	all []Transfer
}

func (ts *transfers) add(t Transfer) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	ts.all = append(ts.all, t)
}

// done counts the transfers that ended well.
func (ts *transfers) done(op Op) int {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	n := 0
	for _, t := range ts.all {
		if t.Op == op && t.State == Done {
			n++
		}
	}
	return n
}

func (ts *transfers) forget() {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	ts.all = nil
}

func mustParse(t *testing.T, s string) Ref {
	t.Helper()
	r, err := Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func newStore(t *testing.T) *store.Store {
	t.Helper()
	s, err := store.Open(t.TempDir(), store.Options{MaxBytes: -1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// layerBytes returns a compressed layer of about size bytes, and its diff ID.
func layerBytes(t *testing.T, size int, seed uint64) ([]byte, digest.Digest) {
	t.Helper()
	content := make([]byte, size)
	_, _ = rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8), byte(seed >> 16)}).Read(content)
	var raw, out bytes.Buffer
	tw := tar.NewWriter(&raw)
	if err := tw.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: "file" + strconv.FormatUint(seed, 10), Size: int64(size), Mode: 0o644}); err != nil {
		t.Fatal(err)
	}
	if _, err := tw.Write(content); err != nil {
		t.Fatal(err)
	}
	tw.Close()
	zw, err := gzip.NewWriterLevel(&out, gzip.NoCompression)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := zw.Write(raw.Bytes()); err != nil {
		t.Fatal(err)
	}
	zw.Close()
	return out.Bytes(), digest.FromBytes(raw.Bytes())
}

// newImage makes an image with layers of the given sizes.
func newImage(t *testing.T, seed uint64, sizes ...int) *image.Image {
	t.Helper()
	var layers []tree.Origin
	for i, size := range sizes {
		raw, diffID := layerBytes(t, size, seed*100+uint64(i))
		layers = append(layers, tree.Origin{DiffID: diffID, Blob: memory(raw), Descriptor: ocispec.Descriptor{
			MediaType: ocispec.MediaTypeImageLayerGzip, Digest: digest.FromBytes(raw), Size: int64(len(raw))}})
	}
	return imageOf(t, layers...)
}

func imageOf(t *testing.T, layers ...tree.Origin) *image.Image {
	t.Helper()
	platform := ocispec.Platform{OS: "windows", Architecture: "amd64", OSVersion: "10.0.20348.1"}
	config := ocispec.Image{Platform: platform, RootFS: ocispec.RootFS{Type: "layers"}}
	m := ocispec.Manifest{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest}
	for _, l := range layers {
		config.RootFS.DiffIDs = append(config.RootFS.DiffIDs, l.DiffID)
		config.History = append(config.History, ocispec.History{CreatedBy: "test"})
		m.Layers = append(m.Layers, l.Descriptor)
	}
	img := &image.Image{Layers: layers, Config: mustJSON(t, config)}
	img.ConfigDescriptor = ocispec.Descriptor{MediaType: ocispec.MediaTypeImageConfig, Digest: digest.FromBytes(img.Config), Size: int64(len(img.Config))}
	m.Config = img.ConfigDescriptor
	img.Manifest = mustJSON(t, m)
	img.Descriptor = ocispec.Descriptor{MediaType: m.MediaType, Digest: digest.FromBytes(img.Manifest), Size: int64(len(img.Manifest)), Platform: &platform}
	return img
}

func mustJSON(t *testing.T, v any) []byte {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func single(img *image.Image) image.Index {
	return image.Index{Descriptor: img.Descriptor, Images: []*image.Image{img}}
}

func indexOf(t *testing.T, images ...*image.Image) image.Index {
	t.Helper()
	ix := ocispec.Index{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageIndex}
	for _, img := range images {
		ix.Manifests = append(ix.Manifests, img.Descriptor)
	}
	raw := mustJSON(t, ix)
	return image.Index{Raw: raw, Images: images, Descriptor: ocispec.Descriptor{MediaType: ix.MediaType, Digest: digest.FromBytes(raw), Size: int64(len(raw))}}
}

// at returns the layers of img as they are in a place, as a build from a base has them.
func at(p image.Place, img *image.Image) []tree.Origin {
	var out []tree.Origin
	for _, l := range img.Layers {
		l.From, l.Blob = p.From(), p.Blob(l.Descriptor)
		out = append(out, l)
	}
	return out
}

func readAll(ctx context.Context, b tree.Blob, offset int64) ([]byte, error) {
	rc, err := b.Open(ctx, offset)
	if err != nil {
		return nil, err
	}
	defer rc.Close()
	return io.ReadAll(rc)
}

func wantKind(t *testing.T, err error, kind Kind) *Error {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) || e.Kind != kind {
		t.Fatalf("error %v is not of the kind %q", err, kind)
	}
	if strings.ContainsAny(err.Error(), "\n\r") {
		t.Errorf("error %q has several lines", err)
	}
	return e
}

// cut sends an answer whose connection breaks after n bytes of the body.
func cut(w http.ResponseWriter, body []byte, status, n int) {
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body[:n])
	panic(http.ErrAbortHandler)
}

func writeFile(t *testing.T, name, content string, mode os.FileMode) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(content), mode); err != nil {
		t.Fatal(err)
	}
	return name
}
