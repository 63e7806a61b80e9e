package registry

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/casement/casement/internal/store"
)

// pushed returns a registry that has an image, and the image.
func pushed(t *testing.T, sizes ...int) (*server, Ref, *tImage) {
	t.Helper()
	s := strict(t)
	img := newImage(t, 1, sizes...)
	ref := mustParse(t, s.host+"/base/windows:ltsc2022")
	c, _ := client(t, Options{})
	if err := c.Push(t.Context(), []Ref{ref}, single(img), PushOptions{}); err != nil {
		t.Fatal(err)
	}
	s.forget()
	raw, _ := readAll(t.Context(), img.Layers[0].Blob, 0)
	return s, ref, &tImage{single(img).Images[0].Descriptor.Digest, img.Layers[0].Descriptor.Digest, raw}
}

type tImage struct {
	manifest, layer digest.Digest
	raw             []byte // of the first layer
}

// What was pushed can be read by tag, by digest and as the default, and is verified.
func TestManifest(t *testing.T) {
	s, ref, img := pushed(t, 1000)
	c, _ := client(t, Options{})
	p := c.Place(t.Context(), ref)
	if want := s.host + "/base/windows"; p.From() != want {
		t.Errorf("From is %q, want %q", p.From(), want)
	}
	for _, which := range []string{"", "ltsc2022", img.manifest.String()} {
		d, raw, err := p.Manifest(t.Context(), which)
		if err != nil || d.Digest != img.manifest || digest.FromBytes(raw) != img.manifest || d.Size != int64(len(raw)) || d.MediaType == "" {
			t.Errorf("%q gives %+v, %v", which, d, err)
		}
	}
}

// A second look at a manifest by digest, and at a config, costs no request.
func TestManifestStored(t *testing.T) {
	s, ref, img := pushed(t, 1000)
	c, _ := client(t, Options{Store: newStore(t)})
	p := c.Place(t.Context(), ref)
	for range 2 {
		if _, _, err := p.Manifest(t.Context(), img.manifest.String()); err != nil {
			t.Fatal(err)
		}
	}
	if n := s.count("GET", "/manifests/"); n != 1 {
		t.Errorf("%d requests for one manifest", n)
	}
}

// An unknown tag leads to those that look like it.
func TestUnknownTag(t *testing.T) {
	s, ref, _ := pushed(t, 10)
	c, _ := client(t, Options{})
	_, _, err := c.Place(t.Context(), ref).Manifest(t.Context(), "ltsc2023")
	e := wantKind(t, err, NotFound)
	if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(e.Hint(), "ltsc2022") {
		t.Errorf("error %v, hint %q", err, e.Hint())
	}
	if !strings.Contains(err.Error(), s.host+"/base/windows:ltsc2023") {
		t.Errorf("error %q does not name the image", err)
	}
	if _, _, err = c.Place(t.Context(), mustParse(t, s.host+"/nothing:x")).Manifest(t.Context(), ""); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an unknown repository gives %v", err)
	}
}

// Lists of tags come in pages.
func TestTagPages(t *testing.T) {
	s := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Query().Get("last") {
		case "":
			w.Header().Set("Link", `</v2/app/tags/list?last=b&n=2>; rel="next"`)
			fmt.Fprint(w, `{"tags":["a","b"]}`)
		case "b":
			w.Header().Set("Link", `</v2/app/tags/list?last=b&n=2>; rel="next"`) // a loop
			fmt.Fprint(w, `{"tags":["c"]}`)
		}
	}))
	c, _ := client(t, Options{})
	tags, err := c.Tags(t.Context(), mustParse(t, s.host+"/app"))
	if err != nil || strings.Join(tags, "") != "abc" {
		t.Errorf("tags %v, %v", tags, err)
	}
}

// A manifest that is not what its digest says must not be believed.
func TestManifestCorrupt(t *testing.T) {
	s, ref, img := pushed(t, 10)
	s.before = func(w http.ResponseWriter, r *http.Request) bool {
		if strings.Contains(r.URL.Path, "/manifests/") {
			fmt.Fprint(w, `{"schemaVersion":2,"config":{}}`)
			return true
		}
		return false
	}
	c, _ := client(t, Options{})
	_, _, err := c.Place(t.Context(), ref).Manifest(t.Context(), img.manifest.String())
	wantKind(t, err, Corrupt)
	if got := digest.FromString(`{"schemaVersion":2,"config":{}}`); !strings.Contains(err.Error(), img.manifest.String()) || !strings.Contains(err.Error(), got.String()) {
		t.Errorf("error %q does not name both digests", err)
	}
}

// A manifest whose connection breaks is asked for again, and a digest header that
// is none is not taken for one.
func TestManifestBroken(t *testing.T) {
	raw := []byte(`{"schemaVersion":2,"config":{},"layers":[]}`)
	var n atomic.Int32
	s := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Docker-Content-Digest", "none")
		if n.Add(1) < 3 {
			cut(w, raw, http.StatusOK, 10)
		}
		_, _ = w.Write(raw)
	}))
	c, _ := client(t, Options{PlainHTTP: []string{"127.0.0.1"}})
	d, got, err := c.Place(t.Context(), mustParse(t, s.host+"/app")).Manifest(t.Context(), "")
	if err != nil || !bytes.Equal(got, raw) || d.Digest != digest.FromBytes(raw) {
		t.Errorf("%+v, %s, %v", d, got, err)
	}
}

// fetching reads the blob of the image through a registry that harm comes from.
func fetching(t *testing.T, o Options, s *server, ref Ref, img *tImage, offset int64) ([]byte, error) {
	t.Helper()
	c, _ := client(t, o)
	p := c.Place(t.Context(), ref)
	d := layerDescriptor(img)
	return readAll(t.Context(), p.Blob(d), offset)
}

// Downloads go on where the connection broke: every byte is asked for once.
func TestBlobResumes(t *testing.T) {
	s, ref, img := pushed(t, 3<<20)
	var sent atomic.Int64
	var breaks atomic.Int32
	s.before = func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodGet || !strings.Contains(r.URL.Path, "/blobs/") {
			return false
		}
		var off int
		if _, err := fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &off); err != nil {
			off = 0
		}
		rest, status := img.raw[off:], http.StatusOK
		if off > 0 {
			status = http.StatusPartialContent
			w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", off, len(img.raw)-1, len(img.raw)))
		}
		n := min(len(rest), 1<<20)
		sent.Add(int64(n))
		if n == len(rest) {
			w.WriteHeader(status)
			_, _ = w.Write(rest)
			return true
		}
		breaks.Add(1)
		cut(w, rest, status, n)
		return true
	}
	for _, offset := range []int64{0, 12345} {
		sent.Store(0)
		breaks.Store(0)
		got, err := fetching(t, Options{Retries: 1}, s, ref, img, offset)
		if err != nil || !bytes.Equal(got, img.raw[offset:]) {
			t.Fatalf("from %d: %d bytes, %v", offset, len(got), err)
		}
		if breaks.Load() == 0 {
			t.Error("nothing broke")
		}
		// The reader's buffer may hold bytes that the broken connection loses.
		if extra := sent.Load() - int64(len(got)); extra < 0 || extra > 3*256<<10 {
			t.Errorf("from %d: %d bytes were sent twice", offset, extra)
		}
	}
}

// A server that knows no ranges still can be resumed from.
func TestBlobWithoutRanges(t *testing.T) {
	s, ref, img := pushed(t, 1<<20)
	var n atomic.Int32
	s.before = func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.Contains(r.URL.Path, "/blobs/") {
			return false
		}
		if n.Add(1) == 1 {
			cut(w, img.raw, http.StatusOK, 500000)
		}
		_, _ = w.Write(img.raw)
		return true
	}
	got, err := fetching(t, Options{}, s, ref, img, 0)
	if err != nil || !bytes.Equal(got, img.raw) {
		t.Fatalf("%d bytes, %v", len(got), err)
	}
}

// Wrong bytes are never delivered whole, and the error names both digests.
func TestBlobCorrupt(t *testing.T) {
	s, ref, img := pushed(t, 100000)
	wrong := bytes.Clone(img.raw)
	wrong[len(wrong)/2] ^= 1
	s.before = func(w http.ResponseWriter, r *http.Request) bool {
		_, _ = w.Write(wrong)
		return true
	}
	got, err := fetching(t, Options{}, s, ref, img, 0)
	wantKind(t, err, Corrupt)
	if len(got) >= len(img.raw) {
		t.Error("all of the wrong bytes were delivered")
	}
	if !strings.Contains(err.Error(), img.layer.String()) || !strings.Contains(err.Error(), digest.FromBytes(wrong).String()) {
		t.Errorf("error %q does not name both digests", err)
	}
	s.before = func(w http.ResponseWriter, r *http.Request) bool {
		_, _ = w.Write(wrong[:50])
		return true
	}
	_, err = fetching(t, Options{}, s, ref, img, 0)
	wantKind(t, err, Corrupt)
}

// Servers in trouble are asked again, as late as they wish, but not for ever.
func TestRetries(t *testing.T) {
	s, ref, img := pushed(t, 1000)
	for _, c := range []struct {
		name   string
		status int
		after  string
		times  int32
		kind   Kind // of the error, if there is to be one
		asked  int
	}{
		{"503 twice", 503, "", 2, 0, 3},
		{"429 once, a moment", 429, "0.05", 1, 0, 2},
		{"429 once, an hour", 429, "3600", 1, RateLimited, 1},
		{"502 for ever", 502, "", 1000, Unavailable, 6},
		{"500 for ever", 500, "", 1000, Unavailable, 3},
		{"404", 404, "", 1000, NotFound, 1},
		{"403", 403, "", 1000, Forbidden, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			var n atomic.Int32
			s.forget()
			s.before = func(w http.ResponseWriter, r *http.Request) bool {
				if !strings.Contains(r.URL.Path, "/blobs/") || n.Add(1) > c.times {
					return false
				}
				if c.after != "" {
					w.Header().Set("Retry-After", c.after)
				}
				w.WriteHeader(c.status)
				fmt.Fprint(w, `{"errors":[{"code":"X","message":"see https://a.example/?sig=secret\nnow"}]}`)
				return true
			}
			start := time.Now()
			got, err := fetching(t, Options{}, s, ref, img, 0)
			if c.kind != 0 {
				wantKind(t, err, c.kind)
				if strings.Contains(err.Error(), "secret") {
					t.Errorf("error %q", err)
				}
			} else if err != nil || !bytes.Equal(got, img.raw) {
				t.Errorf("%d bytes, %v", len(got), err)
			}
			if n := s.count("GET", "/blobs/"); n != c.asked {
				t.Errorf("asked %d times, want %d", n, c.asked)
			}
			if c.after == "0.05" && time.Since(start) < 50*time.Millisecond {
				t.Error("did not wait as long as the server asked")
			}
		})
	}
}

// A connection that goes silent is given up and the download goes on.
func TestStall(t *testing.T) {
	s, ref, img := pushed(t, 200000)
	var n atomic.Int32
	hang := make(chan struct{})
	t.Cleanup(func() { close(hang) })
	s.before = func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.Contains(r.URL.Path, "/blobs/") || n.Add(1) > 1 {
			return false
		}
		w.Header().Set("Content-Length", fmt.Sprint(len(img.raw)))
		_, _ = w.Write(img.raw[:100000])
		w.(http.Flusher).Flush()
		select {
		case <-hang:
		case <-r.Context().Done():
		}
		return true
	}
	got, err := fetching(t, Options{Stall: 100 * time.Millisecond}, s, ref, img, 0)
	if err != nil || !bytes.Equal(got, img.raw) {
		t.Fatalf("%d bytes, %v", len(got), err)
	}
}

// The end of the context ends a download at once.
func TestCancel(t *testing.T) {
	s, ref, img := pushed(t, 200000)
	hang := make(chan struct{})
	t.Cleanup(func() { close(hang) })
	s.before = func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.Contains(r.URL.Path, "/blobs/") {
			return false
		}
		w.Header().Set("Content-Length", fmt.Sprint(len(img.raw)))
		_, _ = w.Write(img.raw[:100])
		w.(http.Flusher).Flush()
		select {
		case <-hang:
		case <-r.Context().Done():
		}
		return true
	}
	ctx, cancel := context.WithCancel(t.Context())
	c, _ := client(t, Options{})
	rc, err := c.Place(ctx, ref).Blob(layerDescriptor(img)).Open(ctx, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer rc.Close()
	time.AfterFunc(20*time.Millisecond, cancel)
	start := time.Now()
	if _, err := io.ReadAll(rc); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if d := time.Since(start); d > 5*time.Second {
		t.Errorf("took %s", d)
	}
}

// Storage behind a registry gets no credentials, even on the same host.
func TestRedirect(t *testing.T) {
	raw := []byte("some bytes of a layer")
	var leaked atomic.Bool
	storage := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" || r.Header.Get("Referer") != "" {
			leaked.Store(true)
		}
		_, _ = w.Write(raw)
	}))
	t.Cleanup(storage.Close)
	s := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, _, ok := r.BasicAuth(); !ok {
			w.Header().Set("WWW-Authenticate", `Basic realm="r"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		http.Redirect(w, r, storage.URL+"/blob?sig=secret", http.StatusTemporaryRedirect)
	}))
	dir := t.TempDir()
	writeFile(t, dir+"/config.json", `{"auths":{"`+s.host+`":{"auth":"dXNlcjpwYXNz"}}}`, 0o600)
	c, _ := client(t, Options{ConfigDir: dir})
	d := layerDescriptor(&tImage{layer: digest.FromBytes(raw), raw: raw})
	got, err := readAll(t.Context(), c.Place(t.Context(), mustParse(t, s.host+"/app")).Blob(d), 0)
	if err != nil || !bytes.Equal(got, raw) {
		t.Fatalf("%q, %v", got, err)
	}
	if leaked.Load() {
		t.Error("the storage got credentials or the registry's address")
	}
}

// Foreign layers come from the registry if it has them, else from their
// addresses, verified, without credentials, and through TLS only.
func TestForeignPull(t *testing.T) {
	raw := []byte("the bytes of a foreign layer")
	var asked atomic.Int32
	elsewhere := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if r.URL.Path != "/layer" || r.Header.Get("Authorization") != "" {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		_, _ = w.Write(raw)
	}))
	t.Cleanup(elsewhere.Close)
	s, ref, _ := pushed(t, 10)
	c, _ := client(t, Options{CACerts: []string{certFile(t, elsewhere)}})
	d := layerDescriptor(&tImage{layer: digest.FromBytes(raw), raw: raw})
	d.URLs = []string{elsewhere.URL + "/absent", elsewhere.URL + "/layer"}
	got, err := readAll(t.Context(), c.Place(t.Context(), ref).Blob(d), 0)
	if err != nil || !bytes.Equal(got, raw) || asked.Load() != 2 {
		t.Errorf("%q, %v, asked %d times", got, err, asked.Load())
	}
	if s.count("GET", "/blobs/") != 1 {
		t.Error("the registry was not asked first")
	}
	d.URLs = []string{"http://" + strings.TrimPrefix(elsewhere.URL, "https://") + "/layer"}
	if _, err = readAll(t.Context(), c.Place(t.Context(), ref).Blob(d), 0); err == nil {
		t.Error("an address without TLS was used")
	}
}

// What the store has is not downloaded.
func TestBlobFromStore(t *testing.T) {
	s, ref, img := pushed(t, 1000)
	st := newStore(t)
	if _, err := st.Add(t.Context(), bytes.NewReader(img.raw), img.layer); err != nil {
		t.Fatal(err)
	}
	got, err := fetching(t, Options{Store: st}, s, ref, img, 7)
	if err != nil || !bytes.Equal(got, img.raw[7:]) || s.count("GET", "/blobs/") != 0 {
		t.Errorf("%d bytes, %v, %d requests", len(got), err, s.count("GET", "/blobs/"))
	}
}

// A download into the store that was cut short goes on in the next process.
func TestFetchResumes(t *testing.T) {
	s, ref, img := pushed(t, 2<<20)
	dir := t.TempDir()
	half := len(img.raw) / 2
	down := true
	s.before = func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.Contains(r.URL.Path, "/blobs/") || !down {
			return false
		}
		if r.Header.Get("Range") != "" {
			w.WriteHeader(http.StatusServiceUnavailable)
			return true
		}
		cut(w, img.raw, http.StatusOK, half)
		return true
	}
	for _, wantErr := range []bool{true, false} {
		st, err := store.Open(dir, store.Options{MaxBytes: -1})
		if err != nil {
			t.Fatal(err)
		}
		c, _ := client(t, Options{Store: st, Retries: 1})
		err = Fetch(t.Context(), st, origin(c.Place(t.Context(), ref), img))
		if (err != nil) != wantErr {
			t.Fatalf("error %v", err)
		}
		if wantErr {
			down = false
			s.forget()
		} else if _, err := st.Stat(img.layer); err != nil {
			t.Error(err)
		}
		st.Close()
	}
	if n := s.count("GET", "/blobs/"); n != 1 {
		t.Errorf("%d requests for the rest", n)
	}
}

// Wrong bytes that an earlier attempt left are replaced, and wrong bytes from
// the registry do not stay.
func TestFetchWrongBytes(t *testing.T) {
	s, ref, img := pushed(t, 100000)
	st := newStore(t)
	p, err := st.Partial(t.Context(), img.layer)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = p.Write(make([]byte, 500))
	p.Close()
	c, _ := client(t, Options{Store: st})
	o := origin(c.Place(t.Context(), ref), img)
	if err := Fetch(t.Context(), st, o); err != nil {
		t.Fatal(err)
	}
	st = newStore(t)
	c, _ = client(t, Options{Store: st})
	s.before = func(w http.ResponseWriter, r *http.Request) bool {
		_, _ = w.Write(make([]byte, len(img.raw)))
		return true
	}
	wantKind(t, Fetch(t.Context(), st, origin(c.Place(t.Context(), ref), img)), Corrupt)
	s.before = nil
	if err := Fetch(t.Context(), st, origin(c.Place(t.Context(), ref), img)); err != nil {
		t.Error(err)
	}
}

// Nothing listening, and nothing of that name, are one clear line each, at once.
func TestUnreachable(t *testing.T) {
	s := shared(t)
	host := s.host
	s.Close()
	c, _ := client(t, Options{Backoff: time.Hour, MaxBackoff: time.Hour})
	_, _, err := c.Place(t.Context(), mustParse(t, host+"/app")).Manifest(t.Context(), "")
	e := wantKind(t, err, Unavailable)
	if !strings.Contains(err.Error(), "no connection to "+host) || e.Hint() == "" {
		t.Errorf("error %q, hint %q", err, e.Hint())
	}
	_, _, err = c.Place(t.Context(), mustParse(t, "no.such.host.invalid/app")).Manifest(t.Context(), "")
	wantKind(t, err, Unavailable)
	t.Log(err)
}
