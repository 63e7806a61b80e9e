package registry

import (
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"cuelabs.dev/go/oci/ociregistry/ocimem"
	"cuelabs.dev/go/oci/ociregistry/ociserver"
)

func certFile(t *testing.T, s *httptest.Server) string {
	t.Helper()
	raw := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	return writeFile(t, filepath.Join(t.TempDir(), "ca.pem"), string(raw), 0o600)
}

// basic asks for a user and a password.
func basic(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if u, p, _ := r.BasicAuth(); u != "user" || p != "pass" {
			w.Header().Set("WWW-Authenticate", `Basic realm="Registry Realm"`)
			w.WriteHeader(http.StatusUnauthorized)
			fmt.Fprint(w, `{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}`)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func tlsServer(t *testing.T, h http.Handler) (*httptest.Server, string) {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	return s, strings.TrimPrefix(s.URL, "https://")
}

// A registry on loopback with TLS, its own CA and basic authentication works,
// with credentials from the file and from a helper; without them, and without
// the CA, the error says what is missing.
func TestTLSAndBasic(t *testing.T) {
	s, host := tlsServer(t, basic(ociserver.New(ocimem.New(), nil)))
	ca := []string{certFile(t, s)}
	ref := mustParse(t, host+"/app:1")
	ix := single(newImage(t, 1, 1000))
	push := func(o Options) error {
		c, _ := client(t, o)
		return c.Push(t.Context(), []Ref{ref}, ix, PushOptions{})
	}
	inFile := t.TempDir()
	writeFile(t, filepath.Join(inFile, "config.json"), `{"auths":{"https://`+host+`/v1/":{"auth":"dXNlcjpwYXNz"}}}`, 0o600)
	if err := push(Options{ConfigDir: inFile, CACerts: ca}); err != nil {
		t.Error(err)
	}
	if err := push(Options{ConfigDir: inFile, Insecure: []string{"127.0.0.*"}}); err != nil {
		t.Error(err)
	}
	wantKind(t, push(Options{ConfigDir: inFile}), Untrusted)
	err := push(Options{CACerts: ca})
	if e := wantKind(t, err, Unauthorized); !errors.Is(err, fs.ErrPermission) || !strings.Contains(e.Hint(), "docker login") {
		t.Errorf("error %v, hint %q", err, e.Hint())
	}
	wrong := t.TempDir()
	writeFile(t, filepath.Join(wrong, "config.json"), `{"auths":{"`+host+`":{"auth":"dXNlcjp3cm9uZw=="}}}`, 0o600)
	err = push(Options{ConfigDir: wrong, CACerts: ca})
	if e := wantKind(t, err, Unauthorized); !strings.Contains(e.Hint(), "refused") {
		t.Errorf("hint %q", e.Hint())
	}
	missing := t.TempDir()
	writeFile(t, filepath.Join(missing, "config.json"), `{"credsStore":"nosuchhelper"}`, 0o600)
	err = push(Options{ConfigDir: missing, CACerts: ca})
	if e := wantKind(t, err, Unauthorized); !strings.Contains(e.Hint(), "nosuchhelper") {
		t.Errorf("hint %q does not name the helper", e.Hint())
	}
}

// Credential helpers are asked as docker asks them.
func TestCredentialHelper(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the helper is a shell script")
	}
	s := serve(t, basic(ociserver.New(ocimem.New(), nil)))
	bin, dir := t.TempDir(), t.TempDir()
	writeFile(t, filepath.Join(bin, "docker-credential-cased"), `#!/bin/sh
read host
[ "$1 $host" = "get `+s.host+`" ] || { echo "credentials not found in native keychain"; exit 1; }
echo '{"ServerURL":"x","Username":"user","Secret":"pass"}'
`, 0o755)
	t.Setenv("PATH", bin+":/usr/bin:/bin")
	writeFile(t, filepath.Join(dir, "config.json"), `{"credHelpers":{"`+s.host+`":"cased"}}`, 0o600)
	c, _ := client(t, Options{ConfigDir: dir})
	if err := c.Push(t.Context(), []Ref{mustParse(t, s.host+"/app:1")}, single(newImage(t, 1, 10)), PushOptions{}); err != nil {
		t.Error(err)
	}
}

// bearer is a registry with a token server, which gives out tokens that allow
// what was asked for, each for a number of requests.
type bearer struct {
	mu     sync.Mutex
	realm  string
	uses   int // how often a token is good
	left   map[string]int
	asked  []string // the scopes of each token
	refuse string   // a scope that nobody gets
	login  []string // what came as Authorization or refresh_token
}

func (b *bearer) token(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	defer b.mu.Unlock()
	_ = r.ParseForm()
	scopes := strings.Join(r.Form["scope"], " ")
	b.asked = append(b.asked, scopes)
	b.login = append(b.login, r.Header.Get("Authorization")+r.PostForm.Get("refresh_token"))
	if b.refuse != "" && strings.Contains(scopes, b.refuse) {
		w.WriteHeader(http.StatusForbidden)
		return
	}
	t := fmt.Sprintf("t%d", len(b.asked))
	b.left[t+" "+scopes] = b.uses
	fmt.Fprintf(w, `{"access_token":%q,"expires_in":300}`, t)
}

func (b *bearer) allows(r *http.Request) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	t, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	repo, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/v2/"), "/blobs/")
	repo, _, _ = strings.Cut(repo, "/manifests/")
	need := []string{"repository:" + repo + ":pull"}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		need = []string{"repository:" + repo + ":pull,push"}
	}
	if from := r.URL.Query().Get("from"); from != "" {
		need = append(need, "repository:"+from+":pull")
	}
	for key, left := range b.left {
		have, scopes, _ := strings.Cut(key, " ")
		if have != t || left <= 0 {
			continue
		}
		b.left[key]--
		for _, n := range need {
			if !strings.Contains(scopes, n) {
				return false
			}
		}
		return true
	}
	return false
}

func (b *bearer) protect(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !b.allows(r) {
			w.Header().Set("WWW-Authenticate", `Bearer realm="`+b.realm+`",service="reg"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func bearerRegistry(t *testing.T, uses int) (*server, *bearer) {
	t.Helper()
	b := &bearer{left: map[string]int{}, uses: uses}
	tokens := httptest.NewServer(http.HandlerFunc(b.token))
	t.Cleanup(tokens.Close)
	b.realm = tokens.URL + "/token"
	return serve(t, b.protect(ociserver.New(ocimem.New(), nil))), b
}

// Tokens are bought once for each scope and bought again when they have expired;
// a mount asks for both repositories.
func TestTokens(t *testing.T) {
	for name, uses := range map[string]int{"one token": 1000, "tokens expire": 5} {
		t.Run(name, func(t *testing.T) {
			s, b := bearerRegistry(t, uses)
			c, seen := client(t, Options{Parallel: 1})
			base := newImage(t, 1, 1000)
			baseRef := mustParse(t, s.host+"/base:1")
			if err := c.Push(t.Context(), []Ref{baseRef}, single(base), PushOptions{}); err != nil {
				t.Fatal(err)
			}
			img := imageOf(t, at(c.Place(t.Context(), baseRef), base)...)
			if err := c.Push(t.Context(), []Ref{mustParse(t, s.host+"/app:1")}, single(img), PushOptions{}); err != nil {
				t.Fatal(err)
			}
			if seen.done(Mount) != 1 {
				t.Error("the layer was not mounted")
			}
			if uses == 1000 && len(b.asked) != 3 {
				t.Errorf("tokens were asked for %q", b.asked)
			}
			got, err := readAll(t.Context(), c.Place(t.Context(), baseRef).Blob(base.Layers[0].Descriptor), 0)
			if err != nil || int64(len(got)) != base.Layers[0].Descriptor.Size {
				t.Errorf("%d bytes, %v", len(got), err)
			}
		})
	}
}

// A token server that does not grant the mount's source costs the mount, not the push.
func TestMountTokenRefused(t *testing.T) {
	s, b := bearerRegistry(t, 1000)
	b.refuse = "repository:base:pull"
	c, seen := client(t, Options{})
	img := newImage(t, 1, 1000)
	img.Layers[0].From = s.host + "/base"
	if err := c.Push(t.Context(), []Ref{mustParse(t, s.host+"/app:1")}, single(img), PushOptions{}); err != nil {
		t.Fatal(err)
	}
	if seen.done(Mount) != 0 || seen.done(Push) != 2 {
		t.Errorf("%d mounts, %d uploads", seen.done(Mount), seen.done(Push))
	}
}

// The token server gets what the configuration has: a password or an identity token.
func TestTokenLogin(t *testing.T) {
	for auth, want := range map[string]string{`{"auth":"dXNlcjpwYXNz"}`: "Basic dXNlcjpwYXNz", `{"identitytoken":"idt"}`: "idt", `{}`: ""} {
		s, b := bearerRegistry(t, 1000)
		dir := t.TempDir()
		writeFile(t, filepath.Join(dir, "config.json"), `{"auths":{"`+s.host+`":`+auth+`}}`, 0o600)
		c, _ := client(t, Options{ConfigDir: dir})
		if err := c.Push(t.Context(), []Ref{mustParse(t, s.host+"/app:1")}, single(newImage(t, 1, 10)), PushOptions{}); err != nil {
			t.Fatal(err)
		}
		if len(b.login) != 1 || b.login[0] != want {
			t.Errorf("%s: the token server got %q, want %q", auth, b.login, want)
		}
	}
}

// A password never goes to a token server without TLS on some other host.
func TestTokenServerWithoutTLS(t *testing.T) {
	var b bearer
	b.realm = "http://tokens.example/token"
	s, host := tlsServer(t, b.protect(nil))
	c, _ := client(t, Options{CACerts: []string{certFile(t, s)}})
	_, _, err := c.Place(t.Context(), mustParse(t, host+"/app")).Manifest(t.Context(), "")
	wantKind(t, err, Unauthorized)
	if !strings.Contains(err.Error(), "without TLS") {
		t.Error(err)
	}
}

// A plain registry that the user calls plain is spoken to so without a TLS attempt.
func TestPlainHTTP(t *testing.T) {
	s := shared(t)
	c, _ := client(t, Options{PlainHTTP: []string{"127.0.0.1:*"}})
	if err := c.Push(t.Context(), []Ref{mustParse(t, s.host+"/app:1")}, single(newImage(t, 1, 10)), PushOptions{}); err != nil {
		t.Error(err)
	}
	for _, name := range []string{"localhost", "localhost:5000", "127.0.0.1", "127.9.9.9:1", "[::1]:5000", "::1"} {
		if !loopback(name) {
			t.Errorf("%s is not taken for loopback", name)
		}
	}
	for _, name := range []string{"192.168.0.1:5000", "localhost.example", "registry.example:5000", "10.0.0.1"} {
		if loopback(name) {
			t.Errorf("%s is taken for loopback", name)
		}
	}
}
