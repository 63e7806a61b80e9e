package source

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/casement/casement/internal/solve"
	"github.com/casement/casement/internal/store"
	"github.com/casement/casement/internal/tree"
	"github.com/opencontainers/go-digest"
)

// A fickle server serves one file and has faults.
type fickle struct {
	mu       sync.Mutex
	content  []byte
	etag     string
	modified string
	name     string          // for Content-Disposition
	cuts     []int           // after how many bytes the next connections end
	statuses []int           // what the next requests get
	hang     int             // how many of the next requests send a part and then nothing
	noRange  bool            // sends the whole file whatever is asked
	after    func(*fickle)   // called when a connection was cut
	requests []*http.Request // without body
	sent     int
	done     chan struct{}
}

func (f *fickle) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.requests = append(f.requests, r)
	if len(f.statuses) > 0 {
		code := f.statuses[0]
		f.statuses = f.statuses[1:]
		w.Header().Set("Retry-After", "0")
		w.WriteHeader(code)
		return
	}
	if f.etag != "" {
		w.Header().Set("ETag", f.etag)
	}
	if f.modified != "" {
		w.Header().Set("Last-Modified", f.modified)
	}
	if f.name != "" {
		w.Header().Set("Content-Disposition", fmt.Sprintf("attachment; filename=%q", f.name))
	}
	if f.noRange {
		r.Header.Del("Range")
	}
	limit := -1
	if len(f.cuts) > 0 {
		limit, f.cuts = f.cuts[0], f.cuts[1:]
	} else if f.hang > 0 {
		f.hang--
		limit = -2
	}
	cw := &cutWriter{ResponseWriter: w, left: limit}
	http.ServeContent(cw, r, "", time.Time{}, bytes.NewReader(f.content))
	f.sent += cw.n
	if limit >= 0 {
		if f.after != nil {
			f.after(f)
		}
		if flusher, ok := w.(http.Flusher); ok {
			flusher.Flush()
		}
		panic(http.ErrAbortHandler)
	}
	if limit == -2 {
		w.(http.Flusher).Flush()
		f.mu.Unlock()
		<-f.done
		f.mu.Lock()
		panic(http.ErrAbortHandler)
	}
}

// cutWriter takes the first bytes and swallows the rest.
type cutWriter struct {
	http.ResponseWriter
	left, n int
}

func (c *cutWriter) Write(b []byte) (int, error) {
	part := b
	switch {
	case c.left == -2:
		part = b[:min(len(b), 10-c.n)]
	case c.left >= 0:
		part = b[:min(len(b), c.left)]
		c.left -= len(part)
	}
	n, err := c.ResponseWriter.Write(part)
	c.n += n
	if err != nil || c.left == -1 {
		return n, err
	}
	return len(b), nil
}

// What happened so far. Requests that are being served are waited for.
func (f *fickle) bytes() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.sent
}

func (f *fickle) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.requests)
}

func (f *fickle) header(i int) http.Header {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.requests[i].Header
}

func noise(n int) []byte {
	r := rand.NewChaCha8([32]byte{1})
	b := make([]byte, n)
	_, _ = r.Read(b)
	return b
}

// serve starts a server with a file of 300 kB, and a source over a new store.
func serve(t *testing.T) (*fickle, *HTTP, string) {
	t.Helper()
	f := &fickle{content: noise(300_000), etag: `"one"`, modified: "Tue, 14 Nov 2023 22:13:20 GMT", done: make(chan struct{})}
	srv := httptest.NewServer(f)
	t.Cleanup(srv.Close)
	t.Cleanup(func() { close(f.done) })
	st, err := store.Open(t.TempDir(), store.Options{})
	must(t, err)
	t.Cleanup(func() { st.Close() })
	h := NewHTTP(HTTPOptions{Store: st, Client: srv.Client(), Pause: time.Millisecond, Attempts: 3, Stall: 5 * time.Second})
	return f, h, srv.URL + "/dir/file.bin?token=secret"
}

// fetch pins and loads, and returns the one entry.
func fetch(t *testing.T, h *HTTP, url string, attrs map[string]string) (solve.Pinned, *tree.Entry) {
	t.Helper()
	p, e, err := tryFetch(t, h, url, attrs)
	must(t, err)
	return p, e
}

func tryFetch(t *testing.T, h *HTTP, url string, attrs map[string]string) (solve.Pinned, *tree.Entry, error) {
	t.Helper()
	p, err := h.Pin(t.Context(), url, attrs)
	if err != nil {
		return p, nil, err
	}
	c, err := p.Load(t.Context())
	if err != nil {
		return p, nil, err
	}
	for e, err := range c.View().Entries(t.Context(), "") {
		return p, e, err
	}
	return p, nil, errors.New("empty tree")
}

// If this fails, ADD of a URL gives a file with the wrong name, bytes or
// metadata, or downloads it each time.
func TestHTTP(t *testing.T) {
	f, h, url := serve(t)
	p1, e := fetch(t, h, url, map[string]string{"http.perm": "0644", "http.uid": "5"})
	if e.Name != "file.bin" || e.Unix.Mode != 0o644 || e.Unix.UID != 5 || e.Times.Modified.Unix() != 1700000000 || e.Size != 300_000 {
		t.Errorf("%+v %+v", e, e.Unix)
	}
	if read(t, e.Content) != string(f.content) {
		t.Error("wrong bytes")
	}
	if d, _ := e.Content.(tree.Digester).ContentDigest(t.Context()); d != digest.FromBytes(f.content).String() {
		t.Error("wrong digest", d)
	}
	sent := f.bytes()
	p2, _ := fetch(t, h, url, map[string]string{"http.perm": "0644", "http.uid": "5"})
	if f.bytes() != sent || p1.Key != p2.Key {
		t.Errorf("%d bytes more were sent for the same file; keys %s, %s", f.bytes()-sent, p1.Key, p2.Key)
	}
	if p3, e := fetch(t, h, url, nil); p3.Key == p1.Key || e.Unix.Mode != 0o600 || f.bytes() != sent {
		t.Errorf("other permissions: key %s, mode %o, %d bytes", p3.Key, e.Unix.Mode, f.bytes()-sent)
	}
	f.content, f.etag = noise(10), `"two"`
	if p4, e := fetch(t, h, url, nil); p4.Key == p1.Key || e.Size != 10 {
		t.Error("a new file behind the URL was not noticed")
	}
	// A server without validators is asked for the whole file each time.
	f.etag, f.modified, f.content = "", "", noise(20)
	p5, e := fetch(t, h, url, nil)
	if e.Size != 20 || e.Times.Modified.Unix() != 0 {
		t.Errorf("without validators: %+v", e)
	}
	f.content = noise(21)
	if p6, _ := fetch(t, h, url, nil); p6.Key == p5.Key {
		t.Error("without validators the store was believed")
	}
}

// If this fails, a broken connection means to begin anew, or, worse, glues two
// files together.
func TestHTTPResume(t *testing.T) {
	t.Run("range", func(t *testing.T) {
		f, h, url := serve(t)
		f.cuts = []int{1000, 100_000, 0, 50_000}
		_, e := fetch(t, h, url, nil)
		if read(t, e.Content) != string(f.content) {
			t.Error("wrong bytes")
		}
		if f.bytes() > 301_000 || f.count() != 5 {
			t.Errorf("%d bytes in %d requests", f.bytes(), f.count())
		}
	})
	t.Run("changed between", func(t *testing.T) {
		f, h, url := serve(t)
		f.cuts = []int{1000}
		f.after = func(f *fickle) { f.content, f.etag = bytes.ToUpper(f.content), `"two"` }
		_, e := fetch(t, h, url, nil)
		if read(t, e.Content) != string(f.content) {
			t.Error("the file is a mixture")
		}
	})
	t.Run("no validator", func(t *testing.T) {
		f, h, url := serve(t)
		f.etag, f.modified, f.cuts = `W/"weak"`, "", []int{1000}
		f.after = func(f *fickle) { f.content = bytes.ToUpper(f.content) }
		_, e := fetch(t, h, url, nil)
		if read(t, e.Content) != string(f.content) {
			t.Error("the file is a mixture")
		}
	})
	t.Run("server without ranges", func(t *testing.T) {
		f, h, url := serve(t)
		f.noRange, f.cuts = true, []int{1000}
		_, e := fetch(t, h, url, nil)
		if read(t, e.Content) != string(f.content) {
			t.Error("wrong bytes")
		}
	})
	t.Run("silence", func(t *testing.T) {
		f, h, url := serve(t)
		h.o.Stall = 100 * time.Millisecond
		f.hang = 1
		_, e := fetch(t, h, url, nil)
		if read(t, e.Content) != string(f.content) {
			t.Error("wrong bytes")
		}
	})
}

// If this fails, --checksum does not protect, asks the network for nothing, or
// a download of yesterday is lost.
func TestHTTPChecksum(t *testing.T) {
	f, h, url := serve(t)
	sum := digest.FromBytes(f.content)
	attrs := map[string]string{"http.checksum": sum.String(), "http.filename": "tool.exe"}
	// A process that is interrupted leaves a beginning.
	ctx, cancel := context.WithCancel(t.Context())
	h.o.Progress = func(_ string, done, _ int64) {
		if done >= 50_000 {
			cancel()
		}
	}
	p, err := h.Pin(ctx, url, attrs)
	must(t, err)
	if f.count() != 0 {
		t.Error("a pin with a checksum needs no request")
	}
	if _, err := p.Load(ctx); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	p2, e := fetch(t, h, url, attrs)
	if e.Name != "tool.exe" || read(t, e.Content) != string(f.content) || p2.Key != p.Key || e.Times.Modified.Unix() != 0 {
		t.Errorf("%+v", e)
	}
	if got := f.header(1).Get("Range"); !strings.HasPrefix(got, "bytes=") || got == "bytes=0-" {
		t.Errorf("the download did not go on: %q", got)
	}
	fetch(t, h, url, attrs)
	if f.count() != 2 {
		t.Error("a file in the store was downloaded again")
	}

	wrong := map[string]string{"http.checksum": digest.FromString("other").String()}
	if _, _, err := tryFetch(t, h, url, wrong); err == nil || !strings.Contains(err.Error(), sum.String()) || hint(err) == "" {
		t.Errorf("wrong checksum: %v", err)
	}
	f.content = []byte("other") // the server is mended
	if _, e, err := tryFetch(t, h, url, wrong); err != nil || read(t, e.Content) != "other" {
		t.Errorf("after a wrong file: %v", err)
	}

	long := map[string]string{"http.checksum": digest.SHA512.FromBytes(f.content).String()}
	if _, e := fetch(t, h, url, long); read(t, e.Content) != "other" {
		t.Error("sha512: wrong bytes")
	}
	n := f.count()
	fetch(t, h, url, long)
	if f.count() != n {
		t.Error("sha512: a file in the store was downloaded again")
	}
	bad := map[string]string{"http.checksum": digest.SHA512.FromString("x").String()}
	if _, _, err := tryFetch(t, h, url, bad); err == nil || !strings.Contains(err.Error(), "and not sha512:") {
		t.Errorf("sha512: %v", err)
	}
}

// If this fails, a partial download that belongs to another file spoils the
// right one for ever.
func TestHTTPSpoiledPartial(t *testing.T) {
	f, h, url := serve(t)
	sum := digest.FromBytes(f.content)
	p, err := h.o.Store.Partial(t.Context(), sum)
	must(t, err)
	_, err = p.Write([]byte("not the beginning of the file"))
	must(t, err)
	must(t, p.Close())
	_, e := fetch(t, h, url, map[string]string{"http.checksum": sum.String()})
	if read(t, e.Content) != string(f.content) {
		t.Error("wrong bytes")
	}
}

// If this fails, a server that is busy for a moment breaks a build, or one
// that says no is asked for ever; or a message gives away a token.
func TestHTTPErrors(t *testing.T) {
	for _, codes := range [][]int{{429, 503}, {500}, {408, 502}} {
		f, h, url := serve(t)
		f.statuses = codes
		fetch(t, h, url, nil)
		if f.count() != len(codes)+1 {
			t.Errorf("%v: %d requests", codes, f.count())
		}
	}
	for _, code := range []int{404, 401, 403, 410} {
		f, h, url := serve(t)
		f.statuses = []int{code, code}
		_, _, err := tryFetch(t, h, url, nil)
		if err == nil || !strings.Contains(err.Error(), fmt.Sprint(code)) || hint(err) == "" || f.count() != 1 {
			t.Errorf("%d: %v after %d requests", code, err, f.count())
		}
		if strings.Contains(err.Error(), "secret") {
			t.Errorf("the message has the query: %v", err)
		}
	}
	f, h, url := serve(t)
	f.statuses = []int{503, 503, 503, 503}
	if _, _, err := tryFetch(t, h, url, nil); err == nil || f.count() != 3 {
		t.Errorf("%d requests, %v", f.count(), err)
	}
	_, _, err := tryFetch(t, h, "http://user:pass@127.0.0.1:1/x?secret", nil)
	if err == nil || hint(err) == "" || strings.Contains(err.Error(), "pass") || strings.Contains(err.Error(), "secret") {
		t.Errorf("refused connection: %v", err)
	}
	for url, attrs := range map[string]map[string]string{
		"ftp://host/x": nil, "http:///x": nil, "http://h/%zz": nil,
		"http://h/1": {"http.checksum": "sha256:1"}, "http://h/2": {"http.perm": "x"}, "http://h/3": {"http.sig.pubkey": "k"},
		"http://h/4": {"http.authheadersecret": "MISSING"},
	} {
		if _, _, err := tryFetch(t, h, url, attrs); err == nil {
			t.Errorf("%s %v is taken", url, attrs)
		}
	}
}

// If this fails, a redirect can take a download out of TLS without a word.
func TestHTTPRedirects(t *testing.T) {
	_, h, plain := serve(t)
	secure := httptest.NewTLSServer(http.RedirectHandler(plain, http.StatusFound))
	defer secure.Close()
	h2 := NewHTTP(HTTPOptions{Store: h.o.Store, Client: secure.Client(), Pause: time.Millisecond})
	if _, _, err := tryFetch(t, h2, secure.URL+"/x", nil); !errors.Is(err, errDowngrade) || hint(err) == "" {
		t.Errorf("from https to http: %v", err)
	}
	if _, _, err := tryFetch(t, h, secure.URL+"/x", nil); err == nil || !strings.Contains(hint(err), "SSL_CERT_FILE") {
		t.Errorf("unknown authority: %v (%s)", err, hint(err))
	}
	near := httptest.NewServer(http.RedirectHandler(plain, http.StatusFound))
	defer near.Close()
	if _, e := fetch(t, h, near.URL+"/name.zip", nil); e.Name != "name.zip" {
		t.Errorf("after a redirect the name is %s", e.Name)
	}
}

// If this fails, private files cannot be added, or their token goes elsewhere.
func TestHTTPSecrets(t *testing.T) {
	f, h, url := serve(t)
	asked := map[string]string{"HTTP_AUTH_TOKEN_127.0.0.1": "t0ken\n", "MINE": "Custom x"}
	h.o.Secret = func(_ context.Context, name string) ([]byte, error) {
		if v, ok := asked[name]; ok {
			return []byte(v), nil
		}
		return nil, nil
	}
	fetch(t, h, url, map[string]string{"http.header.accept": "text/x", "http.header.user-agent": "me", "http.header.cookie": "no"})
	head := f.header(0)
	if head.Get("Authorization") != "Bearer t0ken" || head.Get("Accept") != "text/x" || head.Get("User-Agent") != "me" || head.Get("Cookie") != "" {
		t.Errorf("%v", head)
	}
	fetch(t, h, url, map[string]string{"http.authheadersecret": "MINE"})
	if got := f.header(1).Get("Authorization"); got != "Custom x" {
		t.Errorf("header %q", got)
	}
	// Another port is another server, whoever runs it.
	near := httptest.NewServer(http.RedirectHandler(url, http.StatusFound))
	defer near.Close()
	fetch(t, h, near.URL+"/private?signature=s3cret", nil)
	if head := f.header(2); head.Get("Authorization") != "" || head.Get("Referer") != "" {
		t.Errorf("redirected with %v", head)
	}
}

// If this fails, passwords of URLs are on the screen of everybody who lists what
// the cache holds.
func TestHTTPRecordKey(t *testing.T) {
	one := request{url: "https://user:s3cret@h/f?signature=s3cret"}
	two := request{url: "https://user:s3cret@h/f?signature=other"}
	if k := one.recordKey(); strings.Contains(k, "s3cret") || !strings.Contains(k, "https://h/f") || k == two.recordKey() {
		t.Errorf("keys %s and %s", k, two.recordKey())
	}
}

// If this fails, one build downloads the same file several times at once.
func TestHTTPTogether(t *testing.T) {
	f, h, url := serve(t)
	var progress sync.Map
	h.o.Progress = func(u string, done, total int64) { progress.Store(done, total) }
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if _, err := h.Pin(t.Context(), url, nil); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if f.bytes() != len(f.content) {
		t.Errorf("%d bytes sent", f.bytes())
	}
	if total, ok := progress.Load(int64(300_000)); !ok || total != int64(300_000) {
		t.Error("no progress at the end", total)
	}
}

// If this fails, a server or URL can choose a name that leaves the directory.
func TestFileName(t *testing.T) {
	tests := []struct{ url, asked, disposition, want string }{
		{"http://h/a/b.zip?x=1#f", "", "", "b.zip"},
		{"http://h/", "", "", "download"},
		{"http://h", "", "", "download"},
		{"http://h/a/", "", "", "a"},
		{"http://h/%2e%2e", "", "", "download"},
		{"http://h/a%2fb", "", "", "b"},
		{"http://h/a%0ab", "", "", "download"},
		{"http://h/c:d", "", "", "download"},
		{"http://h/x", "dir/../name", "", "name"},
		{"http://h/x", "..", "", "download"},
		{"http://h/x", "", `attachment; filename="y z.txt"`, "y z.txt"},
		{"http://h/x", "", `attachment; filename="../../y"`, "y"},
		{"http://h/x", "", `attachment; filename="..\\..\\y"`, "y"},
		{"http://h/x", "", `attachment; filename="y/"`, "x"},
		{"http://h/x", "", `attachment; filename*=UTF-8''%e2%82%ac`, "€"},
		{"http://h/x", "", `attachment`, "x"},
	}
	for _, tt := range tests {
		if got := fileName(tt.url, tt.asked, tt.disposition); got != tt.want {
			t.Errorf("%+v: %q", tt, got)
		}
	}
	if got := redact("https://u:p@h/x?q=s#f"); got != "https://h/x" {
		t.Error(got)
	}
	if got := redact("https://u:p@h/%zz?q=s"); strings.ContainsAny(got, "?@") {
		t.Error(got)
	}
}
