package fetch

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/casement/casement/internal/run/winsh/machine"
)

// echo answers with what it was asked: method, path, the interesting headers
// and the body.
func echo(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	var h []string
	for _, k := range slices.Sorted(maps.Keys(r.Header)) {
		if k != "Content-Length" {
			h = append(h, k+": "+strings.Join(r.Header[k], ", "))
		}
	}
	fmt.Fprintf(w, "%s %s\n%s\n%s", r.Method, r.URL.RequestURI(), strings.Join(h, "\n"), body)
}

// site is a server with one of each kind of answer.
func site(t testing.TB) *httptest.Server {
	var flaky, other atomic.Int32
	mux := http.NewServeMux()
	mux.HandleFunc("/echo", echo)
	mux.HandleFunc("/echo/", echo)
	mux.HandleFunc("/file.txt", func(w http.ResponseWriter, r *http.Request) {
		http.ServeContent(w, r, "file.txt", clock(), strings.NewReader("0123456789"))
	})
	mux.HandleFunc("/norange", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "0123456789") })
	mux.HandleFunc("/empty", func(w http.ResponseWriter, r *http.Request) {})
	mux.HandleFunc("/cd", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Disposition", `attachment; filename="dir\named.bin"; size=3`)
		io.WriteString(w, "abc")
	})
	mux.HandleFunc("/redirect/", func(w http.ResponseWriter, r *http.Request) {
		var code int
		fmt.Sscanf(r.URL.Path, "/redirect/%d", &code)
		w.Header().Set("Location", r.URL.Query().Get("to"))
		w.WriteHeader(code)
	})
	mux.HandleFunc("/loop", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/loop", http.StatusFound) })
	mux.HandleFunc("/gzip", func(w http.ResponseWriter, r *http.Request) {
		if !strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
			io.WriteString(w, "plain")
			return
		}
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		io.WriteString(z, "was packed")
		z.Close()
	})
	mux.HandleFunc("/flaky", func(w http.ResponseWriter, r *http.Request) {
		if flaky.Add(1) < 3 {
			w.WriteHeader(503)
			io.WriteString(w, "busy, come back later")
			return
		}
		io.WriteString(w, "done")
	})
	mux.HandleFunc("/once", func(w http.ResponseWriter, r *http.Request) {
		if other.Add(1) == 1 {
			w.WriteHeader(500)
			io.WriteString(w, "busy")
		}
	})
	mux.HandleFunc("/busy", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) })
	mux.HandleFunc("/cut", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "100")
		io.WriteString(w, "only this")
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	})
	mux.HandleFunc("/abort", func(w http.ResponseWriter, r *http.Request) { panic(http.ErrAbortHandler) })
	mux.HandleFunc("/hang", func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

// curlCase is a command line with what it downloads, prints and returns. @ is
// the server.
type curlCase struct {
	name, line     string
	files          map[string]string // before
	stdout, stderr string
	code           int
	want           map[string]string // files after
}

// asked is what the server's echo prints of a request.
func asked(req string, headers ...string) string {
	return req + "\n" + strings.Join(headers, "\n") + "\n"
}

const (
	accept = "Accept: */*"
	agent  = "User-Agent: curl/8.13.0"
	coding = "Accept-Encoding: identity"
	form   = "Content-Type: application/x-www-form-urlencoded"
)

func curlFileCases() []curlCase {
	return []curlCase{
		{name: "to standard output", line: "curl -s @/file.txt", stdout: "0123456789"},
		{name: "to a file", line: `curl -fSLso x.txt @/file.txt`, want: map[string]string{`C:\w\x.txt`: "0123456789"}},
		{name: "joined name", line: `curl -fsSLox.txt @/file.txt`, want: map[string]string{`C:\w\x.txt`: "0123456789"}},
		{name: "own name", line: `curl -sO @/file.txt?x=1`, want: map[string]string{`C:\w\file.txt`: "0123456789"}},
		{name: "name of the answer", line: `curl -sJO @/cd`, want: map[string]string{`C:\w\named.bin`: "abc"}},
		{name: "name of the answer is taken", line: `curl -JO -s -S @/cd`, files: map[string]string{`C:\w\named.bin`: "mine"}, code: 23,
			stderr: lines("curl: (23) client returned ERROR on write of 3 bytes"), want: map[string]string{`C:\w\named.bin`: "mine"}},
		{name: "directories", line: `curl -s --create-dirs -o a\b/c.txt @/file.txt`, want: map[string]string{`C:\w\a\b\c.txt`: "0123456789"}},
		{name: "output directory", line: `curl -s --create-dirs --output-dir d --remote-name-all @/file.txt @/cd`,
			want: map[string]string{`C:\w\d\file.txt`: "0123456789", `C:\w\d\cd`: "abc"}},
		{name: "no directory", line: `curl -sS -o no\x.txt @/file.txt`, code: 23,
			stderr: lines("curl: (23) client returned ERROR on write of 10 bytes")},
		{name: "empty file", line: `curl -so e.txt @/empty`, want: map[string]string{`C:\w\e.txt`: ""}},
		{name: "nowhere", line: `curl -so NUL -w "%{http_code} %{size_download}\n" @/file.txt`, stdout: "200 10\r\n"},
		{name: "variables after a body", line: `curl -s -w "\n%{http_code}\n" @/file.txt`, stdout: "0123456789\n200\n"},
		{name: "many variables", line: `curl -so NUL -w "%{content_type}|%{url_effective}|%{num_redirects}|%{method}|%{scheme}|%{exitcode}|%{filename_effective}|%%|%{nope}" -L @/redirect/302?to=/file.txt`,
			stdout: "text/plain; charset=utf-8|@/file.txt|1|GET|http|0|NUL|%|", stderr: lines("curl: unknown --write-out variable: 'nope'")},
		{name: "not found", line: `curl -fsSLo x @/missing`, code: 22, stderr: lines("curl: (22) The requested URL returned error: 404")},
		{name: "not found in silence", line: `curl -fsLo x @/missing`, code: 22},
		{name: "not found is content", line: `curl -s @/missing`, stdout: "404 page not found\n"},
		{name: "not found with its body", line: `curl -sS --fail-with-body -o x @/missing`, code: 22,
			stderr: lines("curl: (22) The requested URL returned error: 404"), want: map[string]string{`C:\w\x`: "404 page not found\n"}},
		{name: "redirect is not followed", line: `curl -s @/redirect/302?to=/file.txt -w "%{http_code} %{redirect_url}"`, stdout: "302 @/file.txt"},
		{name: "redirect is followed", line: `curl -sL @/redirect/302?to=/file.txt`, stdout: "0123456789"},
		{name: "endless", line: `curl -sSL @/loop`, code: 47, stderr: lines("curl: (47) Maximum (50) redirects followed")},
		{name: "one too many", line: `curl -sSL --max-redirs 0 @/loop`, code: 47, stderr: lines("curl: (47) Maximum (0) redirects followed")},
		{name: "POST becomes GET", line: `curl -sL -d a=1 @/redirect/302?to=/echo`, stdout: asked("GET /echo", accept, coding, agent)},
		{name: "POST stays", line: `curl -sL -d a=1 @/redirect/307?to=/echo`, stdout: asked("POST /echo", accept, coding, form, agent) + "a=1"},
		{name: "POST stays by option", line: `curl -sL --post301 -d a=1 @/redirect/301?to=/echo`, stdout: asked("POST /echo", accept, coding, form, agent) + "a=1"},
		{name: "data", line: `curl -s -d a=1 --data-urlencode "b=x y&" --data-raw @c @/echo`, stdout: asked("POST /echo", accept, coding, form, agent) + "a=1&b=x+y%26&@c"},
		{name: "data of files", line: `curl -s -d @f --data-binary @f @/echo`, files: map[string]string{`C:\w\f`: "l1\r\nl2"},
			stdout: asked("POST /echo", accept, coding, form, agent) + "l1l2&l1\r\nl2"},
		{name: "data in the query", line: `curl -s -G -d a=1 -d b=2 @/echo?c=3`, stdout: asked("GET /echo?c=3&a=1&b=2", accept, coding, agent)},
		{name: "JSON", line: `curl -s --json "{\"a\":1}" @/echo`, stdout: asked("POST /echo", "Accept: application/json", coding, "Content-Type: application/json", agent) + `{"a":1}`},
	}
}

func curlRequestCases() []curlCase {
	return []curlCase{
		{name: "headers", line: `curl -s -H "X-A: 1" -H "Accept:" -H "X-E;" -A me -e from -b k=v -X PURGE @/echo`,
			stdout: asked("PURGE /echo", coding, "Cookie: k=v", "Referer: from", "User-Agent: me", "X-A: 1", "X-E: ")},
		{name: "authentication", line: `curl -s -u me:secret @/echo`,
			stdout: asked("GET /echo", accept, coding, "Authorization: Basic "+base64.StdEncoding.EncodeToString([]byte("me:secret")), agent)},
		{name: "upload", line: `curl -s -T up.txt @/echo/`, files: map[string]string{`C:\w\up.txt`: "content"}, stdout: asked("PUT /echo/up.txt", accept, coding, agent) + "content"},
		{name: "compressed", line: `curl -s --compressed @/gzip`, stdout: "was packed"},
		{name: "not compressed", line: `curl -s @/gzip`, stdout: "plain"},
		{name: "range", line: `curl -s -r 2-4 @/file.txt`, stdout: "234"},
		{name: "resumed", line: `curl -s -C - -o x @/file.txt`, files: map[string]string{`C:\w\x`: "0123"}, want: map[string]string{`C:\w\x`: "0123456789"}},
		{name: "resumed when complete", line: `curl -fsS -C - -o x @/file.txt`, files: map[string]string{`C:\w\x`: "0123456789"}, want: map[string]string{`C:\w\x`: "0123456789"}},
		{name: "cannot resume", line: `curl -sS -C - -o x @/norange`, files: map[string]string{`C:\w\x`: "0123"}, code: 33,
			stderr: lines("curl: (33) HTTP server does not seem to support byte ranges. Cannot resume."), want: map[string]string{`C:\w\x`: "0123"}},
		{name: "each failure is told", line: `curl -fsS --retry 1 --retry-delay 0.001 @/busy`, code: 22,
			stderr: lines("curl: (22) The requested URL returned error: 503", "curl: (22) The requested URL returned error: 503")},
		{name: "what is tried again is told", line: `curl --no-progress-meter --retry 5 --retry-delay 1 -o x @/once`, want: map[string]string{`C:\w\x`: ""},
			stderr: lines("Warning: Problem : HTTP error. Will retry in 1 second. 5 retries left.")},
		{name: "retried", line: `curl -sS --retry 5 --retry-delay 0.001 -o x @/flaky`, want: map[string]string{`C:\w\x`: "done"}},
		{name: "cut", line: `curl -sS -o x @/cut`, code: 18, stderr: lines("curl: (18) end of response with 91 bytes missing"), want: map[string]string{`C:\w\x`: "only this"}},
		{name: "empty reply", line: `curl -sS @/abort`, code: 52, stderr: lines("curl: (52) Empty reply from server")},
		{name: "head", line: `curl -sI @/file.txt`, stdout: "HTTP/1.1 200 OK\r\nAccept-Ranges: bytes\r\nContent-Length: 10\r\nContent-Type: text/plain; charset=utf-8\r\nDate: D\r\nLast-Modified: Wed, 04 Mar 2026 05:06:07 GMT\r\n\r\n"},
		{name: "several", line: `curl -s @/file.txt @/missing @/cd -o a -o b`, stdout: "abc", want: map[string]string{`C:\w\a`: "0123456789", `C:\w\b`: "404 page not found\n"}},
		{name: "pattern", line: `curl -s @/echo/[1-2]{a,b} -o #1-#2.txt -w "%{http_code} "`, stdout: "200 200 200 200 ",
			want: map[string]string{`C:\w\2-a.txt`: asked("GET /echo/2a", accept, coding, agent)}},
		{name: "no pattern", line: `curl -sg -o x @/echo/[1]`, want: map[string]string{`C:\w\x`: asked("GET /echo/[1]", accept, coding, agent)}},
		{name: "blanks", line: `curl -sS "@/echo/a b"`, code: 3, stderr: lines("curl: (3) URL rejected: Malformed input to a URL function")},
		{name: "dots", line: `curl -s @/x/../echo/./y`, stdout: asked("GET /echo/y", accept, coding, agent)},
		{name: "too large", line: `curl -sS --max-filesize 5 -o x @/file.txt`, code: 63, stderr: lines("curl: (63) Maximum file size exceeded")},
		{name: "refused protocol", line: `curl -sS --proto =https @/file.txt`, code: 1, stderr: lines(`curl: (1) Protocol "http" disabled`)},
		{name: "unknown protocol", line: `curl -sS gopher9://x/`, code: 1, stderr: lines(`curl: (1) Protocol "gopher9" not supported`)},
		{name: "no host", line: `curl -sS http:///`, code: 3, stderr: lines(`curl: (3) URL rejected: No host part in the URL`)},
		{name: "bad port", line: `curl -sS http://h:99x/`, code: 3, stderr: lines(`curl: (3) URL rejected: Port number was not a decimal number between 0 and 65535`)},
		{name: "bad pattern", line: `curl -sS http://h/{a`, code: 3, stderr: lines("curl: (3) unmatched brace in URL position 10:", "http://h/{a", "         ^")},
		{name: "missing file", line: `curl -sS -T no @/echo`, code: 26, stderr: lines("curl: cannot open 'no'", "curl: try 'curl --help' for more information", "curl: (26) Failed to open/read local data from file/application")},
		{name: "bytes beyond ASCII", line: `curl -s "@/echo/é?q=%zz"`, stdout: asked("GET /echo/%c3%a9?q=%zz", accept, coding, agent)},
		{name: "one slash", line: `curl -s HTTP:/$/echo`, stdout: asked("GET /echo", accept, coding, agent)},
		{name: "four slashes", line: `curl -sS http:////$/echo`, code: 3, stderr: lines("curl: (3) URL rejected: Unsupported number of slashes following scheme")},
		{name: "no port", line: `curl -sS http://127.0.0.1:99999/`, code: 3, stderr: lines("curl: (3) URL rejected: Port number was not a decimal number between 0 and 65535")},
		{name: "own method without its body", line: `curl -sL -X POST -d a=b @/redirect/302?to=/echo`, stdout: asked("POST /echo", accept, coding, agent)},
		{name: "own method with its body", line: `curl -sL -X PATCH -d a=b @/redirect/307?to=/echo`, stdout: asked("PATCH /echo", accept, coding, form, agent) + "a=b"},
		{name: "referer of a redirect", line: `curl -sL -e ;auto @/redirect/302?to=/echo`, stdout: asked("GET /echo", accept, coding, "Referer: @/redirect/302?to=/echo", agent)},
		{name: "a scheme that is none", line: `curl -sSL @/redirect/302?to=zz://x/`, code: 1, stderr: lines("curl: (1) The redirect target URL could not be parsed: Unsupported URL scheme")},
		{name: "format in a file", line: `curl -so NUL -w @f @/file.txt`, files: map[string]string{`C:\w\f`: "%{http_code}\r\n%{size_download}\r\n"}, stdout: "20010"},
		{name: "headers nowhere", line: `curl --no-progress-meter -D no\h @/file.txt`, code: 23, stderr: lines(`curl: Failed to open no\h`, "curl: (23) Failed writing received data to disk/application")},
		{name: "queries", line: `curl -s --url-query "a=b c" --url-query "c d" --url-query +e=%20 @/echo?x`, stdout: asked("GET /echo?x&a=b+c&c+d&e=%20", accept, coding, agent)},
		{name: "nothing and something", line: `curl -s -d "" -d a @/echo`, stdout: asked("POST /echo", accept, coding, form, agent) + "a"},
		{name: "no name for a query", line: `curl -sT f @/echo/?q`, files: map[string]string{`C:\w\f`: "x"}, stdout: asked("PUT /echo/?q", accept, coding, agent) + "x"},
		{name: "bad host", line: `curl -sS http://a!b/`, code: 3, stderr: lines("curl: (3) URL rejected: Bad hostname")},
		{name: "both ways to fail", line: `curl -f --fail-with-body @/file.txt`, code: 2, stderr: lines("curl: You must select either --fail or --fail-with-body, not both.",
			"curl: option --fail-with-body: is badly used here", "curl: try 'curl --help' for more information")},
		{name: "a part that is not there", line: `curl -sS -F "f=<no" @/echo`, code: 26, stderr: lines("curl: (26) Failed to open/read local data from file/application")},
		{name: "remote time", line: `curl -sRo x @/file.txt`, want: map[string]string{`C:\w\x`: "0123456789"}},
		{name: "removed on error", line: `curl -s --remove-on-error -o x @/cut`, code: 18},
		{name: "meter", line: `curl -o x @/file.txt`, want: map[string]string{`C:\w\x`: "0123456789"}, stderr: lines(
			"  % Total    % Received % Xferd  Average Speed   Time    Time     Time  Current",
			"                                 Dload  Upload   Total   Spent    Left  Speed",
			"\r100    10  100    10    0     0      0      0 --:--:-- --:--:-- --:--:--     0")},
	}
}

func TestCurl(t *testing.T) {
	s := site(t)
	for _, tc := range append(curlFileCases(), curlRequestCases()...) {
		t.Run(tc.name, func(t *testing.T) {
			b := newBox(t, machine.Options{})
			for name, text := range tc.files {
				b.write(name, text)
			}
			at := strings.NewReplacer("@/", s.URL+"/", "$/", strings.TrimPrefix(s.URL, "http://")+"/")
			stdout, stderr, code := b.run(at.Replace(tc.line))
			if tc.name == "head" {
				i := strings.Index(stdout, "Date: ")
				stdout = stdout[:i] + "Date: D" + stdout[i+strings.Index(stdout[i:], "\r\n"):]
			}
			if d := cmp.Diff(at.Replace(tc.stdout), stdout); d != "" {
				t.Errorf("stdout (-want +got):\n%s", d)
			}
			if d := cmp.Diff(at.Replace(tc.stderr), stderr); d != "" {
				t.Errorf("stderr (-want +got):\n%s", d)
			}
			if code != tc.code {
				t.Errorf("exit code %d, want %d", code, tc.code)
			}
			for name, text := range tc.want {
				if got := b.read(name); got != text {
					t.Errorf("%s is %q, want %q", name, got, text)
				}
			}
			if tc.name == "too large" || tc.name == "removed on error" || strings.HasPrefix(tc.name, "not found in") {
				if ok, _ := b.FS().Exists(t.Context(), `C:\w\x`); ok {
					t.Error("the file is there")
				}
			}
		})
	}
}

// Failures of the network have curl's exit codes and texts.
func TestCurlNetwork(t *testing.T) {
	b := newBox(t, machine.Options{})
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	dead := closed.Addr().String()
	closed.Close()
	_, stderr, code := b.run("curl -sS http://" + dead + "/x")
	host, port, _ := net.SplitHostPort(dead)
	if !strings.HasPrefix(stderr, "curl: (7) Failed to connect to "+host+" port "+port+" after ") || code != 7 {
		t.Errorf("refused connection: %d %q", code, stderr)
	}
	secure := httptest.NewTLSServer(http.HandlerFunc(echo))
	secure.Config.ErrorLog = nil
	defer secure.Close()
	_, stderr, code = b.run("curl -sS " + secure.URL)
	if !strings.HasPrefix(stderr, "curl: (60) schannel: SEC_E_UNTRUSTED_ROOT (0x80090325) - ") || !strings.Contains(stderr, "More details here") || code != 60 {
		t.Errorf("untrusted certificate: %d %q", code, stderr)
	}
	if stdout, stderr, code := b.run("curl -sSk " + secure.URL); code != 0 || !strings.HasPrefix(stdout, "GET /") {
		t.Errorf("-k: %d %q %q", code, stdout, stderr)
	}
	_, stderr, code = b.run("curl -sS " + strings.Replace(secure.URL, "https", "http", 1))
	if code != 0 {
		t.Logf("HTTP to a TLS port: %d %q", code, stderr)
	}
	s := site(t)
	_, stderr, code = b.run("curl -sS " + strings.Replace(s.URL, "http", "https", 1))
	if !strings.HasPrefix(stderr, "curl: (35) schannel: ") || code != 35 {
		t.Errorf("TLS to an HTTP port: %d %q", code, stderr)
	}
	_, stderr, code = b.run("curl -sS -m 0.05 " + s.URL + "/hang")
	if !strings.HasPrefix(stderr, "curl: (28) Operation timed out after ") || !strings.HasSuffix(stderr, " milliseconds with 0 bytes received\r\n") || code != 28 {
		t.Errorf("timeout: %d %q", code, stderr)
	}
	_, stderr, code = b.run("curl -sS -y 1 " + s.URL + "/hang")
	if stderr != lines("curl: (28) Operation too slow. Less than 1 bytes/sec transferred the last 1 seconds") || code != 28 {
		t.Errorf("too slow: %d %q", code, stderr)
	}
	if stdout, stderr, code := b.run("curl -sS -Y 1000 -y 60 " + s.URL + "/file.txt"); stdout != "0123456789" || code != 0 {
		t.Errorf("fast enough: %d %q", code, stderr)
	}
	none := newBox(t, machine.Options{Network: noNetwork{}})
	_, stderr, code = none.run("curl -sS http://example.test/")
	if stderr != lines("curl: (6) Could not resolve host: example.test") || code != 6 {
		t.Errorf("no such name: %d %q", code, stderr)
	}
	none.refused("curl -k https://example.test/") // its network cannot do that
}

type noNetwork struct{}

func (noNetwork) Do(r *http.Request) (*http.Response, error) {
	return nil, &net.DNSError{Err: "no such host", Name: r.URL.Hostname(), IsNotFound: true}
}

// Certificates that are given, proxies that are named.
func TestCurlWire(t *testing.T) {
	b := newBox(t, machine.Options{})
	secure := httptest.NewTLSServer(http.HandlerFunc(echo))
	defer secure.Close()
	var pem bytes.Buffer
	fmt.Fprintf(&pem, "-----BEGIN CERTIFICATE-----\n%s\n-----END CERTIFICATE-----\n", base64.StdEncoding.EncodeToString(secure.Certificate().Raw))
	b.write(`C:\w\ca.pem`, pem.String())
	if _, stderr, code := b.run("curl -sS --cacert ca.pem " + secure.URL); code != 0 {
		t.Errorf("--cacert: %d %q", code, stderr)
	}
	if _, stderr, code := b.run("curl -sS --cacert ca.pem " + strings.Replace(secure.URL, "127.0.0.1", "localhost", 1)); code != 60 || !strings.Contains(stderr, "SEC_E_WRONG_PRINCIPAL") {
		t.Errorf("other host: %d %q", code, stderr)
	}
	if _, _, code := b.run("curl -sS --cacert no.pem " + secure.URL); code != 77 {
		t.Errorf("missing certificates: %d", code)
	}
	var asked []string
	var mu sync.Mutex
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		asked = append(asked, r.URL.String()+" "+r.Header.Get("Proxy-Authorization"))
		mu.Unlock()
		io.WriteString(w, "by proxy")
	}))
	defer proxy.Close()
	out, stderr, code := b.run("curl -sS -x " + strings.TrimPrefix(proxy.URL, "http://") + " -U u:p http://example.test/a")
	if out != "by proxy" || code != 0 {
		t.Errorf("-x: %d %q %q", code, out, stderr)
	}
	if want := []string{"http://example.test/a Basic " + base64.StdEncoding.EncodeToString([]byte("u:p"))}; cmp.Diff(want, asked) != "" {
		t.Errorf("the proxy was asked %q", asked)
	}
}

// A proxy that the line itself sets counts; one that the step began with is the
// business of the build's network.
func TestCurlEnvProxy(t *testing.T) {
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "by proxy") }))
	defer proxy.Close()
	s := site(t)
	b := newBox(t, machine.Options{Env: []string{"https_proxy=http://127.0.0.1:1"}})
	var out bytes.Buffer
	p := b.Process("curl -s "+s.URL+"/file.txt http://example.test/", `C:\w`, &out, io.Discard)
	p.Env.Set("HTTP_PROXY", proxy.URL)
	if code, err := (curlProgram{}).Run(t.Context(), p); code != 0 || err != nil || out.String() != "0123456789by proxy" {
		t.Errorf("code %d, %v, %q", code, err, out.String())
	}
}

// Credentials stay with the host that they were given for.
func TestCurlCredentials(t *testing.T) {
	other := httptest.NewServer(http.HandlerFunc(echo))
	defer other.Close()
	s := site(t)
	b := newBox(t, machine.Options{})
	line := `curl -sL -u me:secret -H "X-Mine: 1" -b c=1 ` + s.URL + "/redirect/302?to="
	out, _, _ := b.run(line + other.URL + "/echo")
	if strings.Contains(out, "Authorization") || !strings.Contains(out, "Cookie") || !strings.Contains(out, "X-Mine: 1") {
		t.Errorf("another host got\n%s", out)
	}
	if out, _, _ = b.run(line + "/echo"); !strings.Contains(out, "Authorization: Basic") || !strings.Contains(out, "Cookie: c=1") {
		t.Errorf("the same host got\n%s", out)
	}
	if out, _, _ = b.run(line + other.URL + "/echo --location-trusted"); !strings.Contains(out, "Authorization: Basic") {
		t.Errorf("the trusted host got\n%s", out)
	}
	_, stderr, _ := b.run(`curl -sv -u me:secret ` + s.URL + "/echo")
	if strings.Contains(stderr, "bWU6") || !strings.Contains(stderr, "> GET /echo HTTP/1.1\r\n") || !strings.Contains(stderr, "< HTTP/1.1 200 OK\r\n") {
		t.Errorf("-v printed\n%s", stderr)
	}
}

// A form has its parts in order, with content types by name.
func TestCurlForm(t *testing.T) {
	var got string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mr, err := r.MultipartReader()
		if err != nil {
			t.Error(err)
			return
		}
		for {
			p, err := mr.NextPart()
			if err != nil {
				break
			}
			text, _ := io.ReadAll(p)
			got += fmt.Sprintf("%s|%s|%s|%s\n", p.FormName(), p.FileName(), p.Header.Get("Content-Type"), text)
		}
		if r.ContentLength < 0 {
			t.Error("the length is not announced")
		}
	}))
	defer s.Close()
	b := newBox(t, machine.Options{})
	b.write(`C:\w\f.txt`, "file")
	_, stderr, code := b.run(`curl -sS -F a=1 -F "b=@f.txt" -F "c=@f.txt;type=x/y;filename=n.bin" -F "d=<f.txt" --form-string e=@f ` + s.URL)
	want := "a|||1\nb|f.txt|text/plain|file\nc|n.bin|x/y|file\nd|||file\ne|||@f\n"
	if d := cmp.Diff(want, got); d != "" || code != 0 {
		t.Errorf("code %d %s, parts (-want +got):\n%s", code, stderr, d)
	}
}

// Wrong options get curl's words; those that would matter and are not there
// are refused before anything runs.
func TestCurlOptions(t *testing.T) {
	b := newBox(t, machine.Options{})
	const help = "curl: try 'curl --help' for more information\r\n"
	for line, want := range map[string]string{
		"curl":                      help,
		"curl -s":                   "curl: (2) no URL specified\r\n" + help,
		"curl --max-redirs -2 x":    "curl: option --max-redirs: expected a proper numerical parameter\r\n" + help,
		"curl --nope http://x":      "curl: option --nope: is unknown\r\n" + help,
		"curl -o":                   "curl: option -o: requires parameter\r\n" + help,
		"curl --retry x http://x":   "curl: option --retry: expected a proper numerical parameter\r\n" + help,
		"curl --retry -1 http://x":  "curl: option --retry: expected a positive numerical parameter\r\n" + help,
		"curl -m x http://x":        "curl: option -m: expected a proper numerical parameter\r\n" + help,
		"curl --http2 http://x":     "curl: option --http2: the installed libcurl version does not support this\r\n" + help,
		"curl --no-output x":        "curl: option --no-output: used '--no-' for option that is not a boolean\r\n" + help,
		"curl -d x -F a=b http://x": lines("Warning: You can only select one HTTP request method! You asked for both POST ", "Warning: (-d, --data) and multipart formpost (-F, --form)."),
		"curl --fail=1 http://x":    "curl: option --fail=1: is unknown\r\n" + help,
	} {
		_, stderr, code := b.run(line)
		if stderr != want || code != 2 {
			t.Errorf("%s: code %d, stderr %q, want %q", line, code, stderr, want)
		}
	}
	for line, want := range map[string]string{
		"curl --cert x http://x": "curl --cert", "curl ftp://x/y": "curl with ftp://",
		"curl -u me http://x": "curl -u without a password", "curl -sfLz x http://x": "curl -z", "curl -c jar http://x": "curl -c",
		"curl --resolve a:1:b http://x": "curl --resolve", "curl -w %{json} http://x": "curl -w %{json}",
		"curl -x socks5://a http://x": "curl -x socks5://", "curl --next": "curl --next", "curl --raw http://x": "curl --raw", "curl --expand-url x": "curl --expand-url",
	} {
		if got := b.refused(line); got != want {
			t.Errorf("%s: refused %q, want %q", line, got, want)
		}
	}
}

// Each way of naming a set of URLs, and each mistake.
func TestCurlGlob(t *testing.T) {
	for pattern, want := range map[string]string{
		"h/a": "h/a", "h/{a,b}": "h/a h/b", "h/[1-3]": "h/1 h/2 h/3", "h/[01-10:3]": "h/01 h/04 h/07 h/10",
		"h/[a-c]": "h/a h/b h/c", "h/[a-e:2]": "h/a h/c h/e", "{x,y}/[1-2]": "x/1 x/2 y/1 y/2", "h/{a\\,b,c}": "h/a,b h/c",
		"[::1]:80/": "[::1]:80/", "h/\\[1\\]": "h/[1]", "h/{,a}": "h/ h/a",
		"h/{": "unmatched brace@3", "h/{}": "empty string within braces@4", "h/{a{": "nested brace@5", "h/[1-": "bad range@6",
		"h/[3-1]": "bad range@8", "h/[x]": "bad range@4", "h/]": "unmatched close brace/bracket@3", "h/[?]": "bad range specification@4",
		"h/[1-200000]": "range overflow@12",
	} {
		var got string
		g, err := parseGlob(pattern, false)
		if err != nil {
			e := err.(*globError)
			got = fmt.Sprintf("%s@%d", e.text, e.pos)
		} else {
			var urls []string
			for u := range g.all() {
				urls = append(urls, u)
			}
			got = strings.Join(urls, " ")
		}
		if got != want {
			t.Errorf("%s: %s, want %s", pattern, got, want)
		}
	}
}
