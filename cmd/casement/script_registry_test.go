package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"cuelabs.dev/go/oci/ociregistry/ocimem"
	"cuelabs.dev/go/oci/ociregistry/ociserver"
	ggcr "github.com/google/go-containerregistry/pkg/registry"
	"github.com/opencontainers/go-digest"
	"github.com/rogpeppe/go-internal/testscript"
)

// testRegistry is a registry on loopback that counts, and does harm when told.
type testRegistry struct {
	server *httptest.Server
	inner  http.Handler // without faults, counting and authentication
	host   string

	mu       sync.Mutex
	requests []string // "METHOD /path"
	bases    map[string]bool
	baseRead int64 // bytes of base layers that have been sent
	sent     int64 // bytes of all bodies
	received int64
	hanging  int // requests that have hung
	closing  chan struct{}
	faults   []*fault
	auth     bool
}

// fault spoils requests.
type fault struct {
	kind  string // a status code, cut, flip, drop, hang or retry-after
	left  int
	match string
}

func cmdRegistry(ts *testscript.TestScript, neg bool, args []string) {
	r := &testRegistry{bases: map[string]bool{}, closing: make(chan struct{}), inner: ggcr.New(ggcr.Logger(log.New(io.Discard, "", 0)))}
	name, secure := "REG", false
	for _, a := range args {
		key, value, _ := strings.Cut(a, "=")
		switch key {
		case "as":
			name = value
		case "auth":
			r.auth = true
		case "tls":
			secure = true
		case "strict":
			r.inner = ociserver.New(ocimem.New(), nil)
		case "fail":
			n, err := strconv.Atoi(value)
			ts.Check(err)
			r.faults = append(r.faults, &fault{kind: "503", left: n})
		default:
			positive(ts, neg, false, "registry [as=VAR] [auth] [tls] [strict] [fail=N]")
		}
	}
	r.server = httptest.NewUnstartedServer(r)
	r.server.Config.ErrorLog = log.New(io.Discard, "", 0)
	r.server.Listener = smallBuffers{r.server.Listener}
	if secure {
		r.server.StartTLS()
		ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: r.server.Certificate().Raw})
		ts.Check(os.WriteFile(ts.MkAbs(filepath.Join(ts.Getenv("WORK"), "ca.pem")), ca, 0o644))
	} else {
		r.server.Start()
	}
	r.host = r.server.Listener.Addr().String()
	ts.Value(bedKey{}).(*bed).registries[r.host] = r
	ts.Setenv(name, r.host)
}

// smallBuffers accepts connections on which the system takes little ahead, so
// that what has been sent is about what was read.
type smallBuffers struct{ net.Listener }

// Accept implements net.Listener.
func (l smallBuffers) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if tcp, ok := c.(*net.TCPConn); ok && err == nil {
		err = tcp.SetWriteBuffer(32 << 10)
	}
	return c, err
}

func cmdLogin(ts *testscript.TestScript, neg bool, args []string) {
	r, rest := registryOf(ts, args)
	positive(ts, neg, len(rest) == 0, "login [VAR]")
	file := filepath.Join(ts.Getenv("DOCKER_CONFIG"), "config.json")
	config := fmt.Sprintf(`{"auths": {%q: {"auth": %q}}}`, r.host, base64.StdEncoding.EncodeToString([]byte("user:secret")))
	ts.Check(os.WriteFile(file, []byte(config), 0o600))
}

func cmdFault(ts *testscript.TestScript, neg bool, args []string) {
	r, rest := registryOf(ts, args)
	positive(ts, neg, len(rest) == 2 || len(rest) == 3, "fault [VAR] KIND N [SUBSTRING]")
	n, err := strconv.Atoi(rest[1])
	ts.Check(err)
	f := &fault{kind: rest[0], left: n}
	if len(rest) == 3 {
		f.match = rest[2]
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if f.kind == "none" {
		r.faults = nil
		return
	}
	r.faults = append(r.faults, f)
}

func cmdRequests(ts *testscript.TestScript, neg bool, args []string) {
	r, rest := registryOf(ts, args)
	positive(ts, neg, len(rest) == 0, "requests [VAR]")
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, q := range r.requests {
		fmt.Fprintln(ts.Stdout(), q)
	}
	r.requests = nil
}

func cmdBaseBytes(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: basebytes N|<N")
	}
	text, below := strings.CutPrefix(args[0], "<")
	want, err := strconv.ParseInt(text, 10, 64)
	ts.Check(err)
	// A registry counts an answer when it has been written, which may be after
	// the program that needed only its beginning has ended.
	var got int64
	for try := 0; try == 0 || below && got == 0 && try < 100; try++ {
		if try > 0 {
			time.Sleep(20 * time.Millisecond)
		}
		for _, r := range ts.Value(bedKey{}).(*bed).registries {
			r.mu.Lock()
			got += r.baseRead
			r.baseRead = 0
			r.mu.Unlock()
		}
	}
	if ok := got == want || below && 0 < got && got < want; ok == neg {
		ts.Fatalf("%d bytes of base layers were downloaded", got)
	}
}

// ServeHTTP implements http.Handler.
func (r *testRegistry) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	line := q.Method + " " + q.URL.RequestURI()
	r.mu.Lock()
	r.requests = append(r.requests, line)
	kind := r.nextFault(line)
	r.mu.Unlock()
	if user, password, _ := q.BasicAuth(); r.auth && (user != "user" || password != "secret") {
		w.Header().Set("WWW-Authenticate", `Basic realm="test"`)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = io.WriteString(w, `{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}`)
		return
	}
	if !r.spoil(w, q, kind) {
		return
	}
	out := &countingWriter{ResponseWriter: w, kind: kind}
	defer r.count(q, out)
	r.inner.ServeHTTP(out, q)
}

// spoil does the faults that need no answer of the registry, and reports
// whether there is to be one.
func (r *testRegistry) spoil(w http.ResponseWriter, q *http.Request, kind string) bool {
	if status, err := strconv.Atoi(kind); err == nil {
		w.WriteHeader(status)
		return false
	}
	body := &countingReader{ReadCloser: q.Body, r: r, left: -1}
	switch kind {
	case "drop":
		body.left = max(0, q.ContentLength/2)
	case "hang":
		r.hang(q)
		return false
	case "slow":
		r.mu.Lock()
		r.hanging++
		r.mu.Unlock()
		time.Sleep(time.Second)
	case "retry-after":
		w.Header().Set("Retry-After", "1")
		w.WriteHeader(http.StatusTooManyRequests)
		return false
	}
	q.Body = body
	return true
}

// count adds up what an answer has sent.
func (r *testRegistry) count(q *http.Request, out *countingWriter) {
	if q.Method != http.MethodGet {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if strings.Contains(q.URL.Path, "/blobs/") {
		r.sent += out.sent
	}
	if _, d, ok := strings.Cut(q.URL.Path, "/blobs/"); ok && r.bases[d] {
		r.baseRead += out.sent
	}
}

// nextFault returns what is to go wrong with a request, if anything.
func (r *testRegistry) nextFault(line string) string {
	for _, f := range r.faults {
		if f.left > 0 && strings.Contains(line, f.match) {
			f.left--
			return f.kind
		}
	}
	return ""
}

// countingWriter counts the body of an answer, and spoils it.
type countingWriter struct {
	http.ResponseWriter
	kind string
	sent int64
}

// Write implements io.Writer.
func (w *countingWriter) Write(b []byte) (int, error) {
	n := len(b)
	switch w.kind {
	case "flip":
		b = bytes.Clone(b)
		b[n/2] ^= 1
		w.kind = ""
	case "cut":
		written, _ := w.ResponseWriter.Write(b[:n/2])
		w.sent += int64(written)
		panic(http.ErrAbortHandler)
	}
	written, err := w.ResponseWriter.Write(b)
	w.sent += int64(written)
	return written, err
}

// do sends a request to the registry itself, past faults and counters.
func (r *testRegistry) do(method, url, contentType string, body []byte) (*http.Response, []byte, error) {
	q := httptest.NewRequest(method, url, bytes.NewReader(body))
	if contentType != "" {
		q.Header.Set("Content-Type", contentType)
	}
	rec := httptest.NewRecorder()
	r.inner.ServeHTTP(rec, q)
	res := rec.Result()
	b, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode >= 300 {
		err = fmt.Errorf("%s %s: %s: %s", method, url, res.Status, b)
	}
	return res, b, err
}

func (r *testRegistry) get(url string) ([]byte, error) {
	_, b, err := r.do(http.MethodGet, url, "", nil)
	return b, err
}

// putBlob gives a repository a blob.
func (r *testRegistry) putBlob(repo string, b []byte) error {
	res, _, err := r.do(http.MethodPost, "/v2/"+repo+"/blobs/uploads/", "", nil)
	if err != nil {
		return err
	}
	at := res.Header.Get("Location")
	if i := strings.Index(at, "/v2/"); i > 0 {
		at = at[i:]
	}
	sep := "?"
	if strings.Contains(at, "?") {
		sep = "&"
	}
	_, _, err = r.do(http.MethodPut, at+sep+"digest="+digest.FromBytes(b).String(), "application/octet-stream", b)
	return err
}

// putManifest gives a repository a manifest under a tag.
func (r *testRegistry) putManifest(repo, which, mediaType string, v any) ([]byte, error) {
	b, err := json.MarshalIndent(v, "", "   ")
	if err != nil {
		return nil, err
	}
	if which == "" {
		which = digest.FromBytes(b).String()
	}
	_, _, err = r.do(http.MethodPut, "/v2/"+repo+"/manifests/"+which, mediaType, b)
	return b, err
}
