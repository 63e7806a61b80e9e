package fetch

import (
	"context"
	"encoding/hex"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func client(t testing.TB, r Redirects) Client {
	n := NewNetwork(&http.Transport{})
	t.Cleanup(n.CloseIdleConnections)
	return Client{Send: n.Do, Redirects: r}
}

func get(t testing.TB, c Client, req Request) (string, *Response, error) {
	t.Helper()
	resp, err := c.Do(t.Context(), req)
	if err != nil {
		return "", nil, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return string(b), resp, err
}

func at(t testing.TB, text string) *url.URL {
	t.Helper()
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// Each client turns methods after redirects in its own way; 0 means that the
// redirect itself is the answer.
func TestRedirectMethods(t *testing.T) {
	s := site(t)
	for _, tc := range []struct {
		name string
		r    Redirects
		post map[int]string // status: what a POST becomes
	}{
		{"curl", CurlRedirects(50), map[int]string{300: "", 301: "GET", 302: "GET", 303: "GET", 307: "POST", 308: "POST"}},
		{"framework", FrameworkRedirects(50), map[int]string{300: "GET", 301: "GET", 302: "GET", 303: "GET", 307: "POST", 308: ""}},
		{"core", CoreRedirects(50), map[int]string{300: "GET", 301: "GET", 302: "GET", 303: "GET", 307: "POST", 308: "POST"}},
		{"none", Redirects{}, map[int]string{301: "", 308: ""}},
	} {
		for status, want := range tc.post {
			u := at(t, s.URL+"/redirect/"+http.StatusText(status))
			u.Path = "/redirect/" + strings.TrimSpace(itoa(status))
			u.RawQuery = "to=/echo"
			text, resp, err := get(t, client(t, tc.r), Request{Method: "POST", URL: u, Body: BodyOf([]byte("x"))})
			if err != nil {
				t.Fatal(err)
			}
			got, _, _ := strings.Cut(text, " ")
			if want == "" && resp.StatusCode != status || got != want {
				t.Errorf("%s: POST after %d is %q (status %d), want %q", tc.name, status, got, resp.StatusCode, want)
			}
		}
	}
}

func itoa(n int) string {
	return string([]byte{byte('0' + n/100), byte('0' + n/10%10), byte('0' + n%10)})
}

// The end of the patience: curl and .NET Framework fail, .NET returns the
// redirect. https leads to http in the first two only, and credentials that a
// program set itself survive in none but curl.
func TestRedirectLimits(t *testing.T) {
	s := site(t)
	u := at(t, s.URL+"/loop")
	var e *Error
	for name, r := range map[string]Redirects{"curl": CurlRedirects(5), "framework": FrameworkRedirects(5)} {
		_, _, err := get(t, client(t, r), Request{URL: u})
		if !errors.As(err, &e) || e.Kind != ErrRedirects || e.Limit != 5 {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, resp, err := get(t, client(t, CoreRedirects(5)), Request{URL: u}); err != nil || resp.StatusCode != 302 || len(resp.Hops) != 5 {
		t.Errorf("core: %v %v", resp, err)
	}
	plain := httptest.NewServer(http.HandlerFunc(echo))
	defer plain.Close()
	secure := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, plain.URL, http.StatusFound)
	}))
	defer secure.Close()
	for name, tc := range map[string]struct {
		r    Redirects
		want int
	}{"curl": {CurlRedirects(5), 200}, "framework": {FrameworkRedirects(5), 200}, "core": {CoreRedirects(5), 302}} {
		c := client(t, tc.r)
		c.Send = secure.Client().Transport.RoundTrip
		if _, resp, err := get(t, c, Request{URL: at(t, secure.URL)}); err != nil || resp.StatusCode != tc.want {
			t.Errorf("%s: https to http: %v %v", name, resp, err)
		}
	}
	req := Request{URL: at(t, s.URL+"/redirect/302?to=/echo"), Header: http.Header{"Authorization": {"Bearer x"}}}
	for name, tc := range map[string]struct {
		r    Redirects
		want bool
	}{"curl": {CurlRedirects(5), true}, "framework": {FrameworkRedirects(5), false}, "core": {CoreRedirects(5), false}} {
		if text, _, err := get(t, client(t, tc.r), req); err != nil || strings.Contains(text, "Bearer x") != tc.want {
			t.Errorf("%s: %v\n%s", name, err, text)
		}
	}
}

// Timeouts end a transfer wherever it is, and are told from the end of the
// step.
func TestClientTimeouts(t *testing.T) {
	s := site(t)
	c := client(t, Redirects{})
	c.Timeout = 30 * time.Millisecond
	var e *Error
	if _, _, err := get(t, c, Request{URL: at(t, s.URL+"/hang")}); !errors.As(err, &e) || e.Kind != ErrTimeout {
		t.Errorf("no answer: %v", err)
	}
	slow := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "10")
		io.WriteString(w, "abc")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	}))
	defer slow.Close()
	_, _, err := get(t, c, Request{URL: at(t, slow.URL)})
	if !errors.As(err, &e) || e.Kind != ErrTimeout || e.Got != 3 || e.Size != 10 {
		t.Errorf("half an answer: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	c.Timeout = time.Minute
	_, err = c.Do(ctx, Request{URL: at(t, s.URL+"/hang")})
	if !errors.Is(err, context.DeadlineExceeded) || errors.As(err, &e) {
		t.Errorf("end of the step: %v", err)
	}
	c = client(t, Redirects{})
	c.Connect = time.Minute
	if text, _, err := get(t, c, Request{URL: at(t, s.URL+"/file.txt")}); text != "0123456789" || err != nil {
		t.Errorf("with a timeout for the connection: %q %v", text, err)
	}
}

// The kinds of failure are found through http.Client as well, which wraps them.
func TestErrorKinds(t *testing.T) {
	s := site(t)
	secure := httptest.NewTLSServer(http.HandlerFunc(echo))
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	defer secure.Close()
	hc := &http.Client{Transport: &http.Transport{}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	defer hc.CloseIdleConnections()
	for target, want := range map[string]ErrorKind{
		s.URL + "/abort": ErrEmpty, s.URL + "/cut": ErrCut, secure.URL: ErrUntrusted,
		strings.Replace(s.URL, "http:", "https:", 1): ErrHandshake, "http://127.0.0.1:1/": ErrConnect,
		"ftp://h/": ErrProtocol, "http://name.invalid/": ErrResolve,
	} {
		c := Client{Send: hc.Do}
		if want == ErrResolve {
			c.Send = noNetwork{}.Do
		}
		_, _, err := get(t, c, Request{URL: at(t, target)})
		var e *Error
		if !errors.As(err, &e) || e.Kind != want {
			t.Errorf("%s: %v, want kind %d", target, err, want)
		}
	}
}

// Each kind of failure in the words of each client.
func TestErrorWords(t *testing.T) {
	u := at(t, "https://h.test/x")
	type words struct {
		Code                 int
		Curl, Web, Core, Inn string
	}
	for kind, want := range map[ErrorKind]words{
		ErrResolve: {6, "Could not resolve host: h.test", "The remote name could not be resolved: 'h.test'", "No such host is known. (h.test:443)", ""},
		ErrConnect: {7, "Failed to connect to h.test port 443 after 1500 ms: Could not connect to server", "Unable to connect to the remote server",
			"No connection could be made because the target machine actively refused it. (h.test:443)", ""},
		ErrTimeout: {28, "Operation timed out after 1500 milliseconds with 3 out of 10 bytes received", "The operation has timed out.",
			"The request was canceled due to the configured HttpClient.Timeout of 2 seconds elapsing.", ""},
		ErrUntrusted: {60, "schannel: SEC_E_UNTRUSTED_ROOT (0x80090325) - The certificate chain was issued by an authority that is not trusted.",
			"The underlying connection was closed: Could not establish trust relationship for the SSL/TLS secure channel.",
			"The SSL connection could not be established, see inner exception.",
			"The remote certificate is invalid because of errors in the certificate chain: UntrustedRoot"},
		ErrCut: {18, "end of response with 7 bytes missing", "The underlying connection was closed: The connection was closed unexpectedly.", "The response ended prematurely.", ""},
	} {
		e := &Error{Kind: kind, URL: u, After: 1500 * time.Millisecond, Got: 3, Size: 10}
		code, curl := e.Curl()
		web, _ := e.WebException()
		if d := cmp.Diff(want, words{code, curl, web, e.HTTPClient(), e.Inner()}); d != "" {
			t.Errorf("%d (-want +got):\n%s", kind, d)
		}
	}
	for kind := range ErrProxy + 1 {
		e := &Error{Kind: kind, URL: u}
		code, text := e.Curl()
		web, status := e.WebException()
		if code == 0 || text == "" || web == "" || status == "" || e.HTTPClient() == "" || e.Error() == "" {
			t.Errorf("kind %d lacks words", kind)
		}
	}
}

// Sums of the empty content and of "abc", as the standards have them.
func TestHashes(t *testing.T) {
	for name, want := range map[string]string{
		"sha1":      "a9993e364706816aba3e25717850c26c9cd0d89d",
		"SHA256":    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
		"Sha384":    "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7",
		"SHA512":    "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
		"MD5":       "900150983cd24fb0d6963f7d28e17f72",
		"RIPEMD160": "8eb208f7e05d987a9b044a8e98c6b087f15a0bfc",
	} {
		h, ok := NewHash(name)
		if !ok {
			t.Fatalf("no %s", name)
		}
		got, err := Digest(t.Context(), strings.NewReader("abc"), h)
		if err != nil || hex.EncodeToString(got) != want {
			t.Errorf("%s: %x %v", name, got, err)
		}
	}
	if _, ok := NewHash("MACTripleDES"); ok {
		t.Error("MACTripleDES has a random key")
	}
	long := strings.Repeat("0123456789abcdef", 1<<17) // more than what is read ahead
	h, _ := NewHash("md5")
	plain, _ := NewHash("md5")
	plain.Write([]byte(long))
	if got, err := Digest(t.Context(), strings.NewReader(long), h); err != nil || hex.EncodeToString(got) != hex.EncodeToString(plain.Sum(nil)) {
		t.Errorf("a long content: %x %v", got, err)
	}
	h, _ = NewHash("md5")
	if _, err := Digest(t.Context(), io.MultiReader(strings.NewReader("abc"), &failingReader{}), h); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("a reader that fails: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Digest(ctx, strings.NewReader("abc"), h); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

type failingReader struct{}

func (*failingReader) Read([]byte) (int, error) { return 0, io.ErrClosedPipe }
