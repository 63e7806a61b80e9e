package registry

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/docker/cli/cli/config"
	"github.com/docker/cli/cli/config/configfile"
)

// credential is what Docker's configuration has for a registry.
type credential struct {
	user, password string
	identity       string // a token that buys tokens
	token          string // a token to use as it is
}

func (c credential) empty() bool { return c == credential{} }

func (c credential) basic() string {
	if c.user == "" && c.password == "" {
		return ""
	}
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(c.user+":"+c.password))
}

// keychain finds credentials in Docker's config.json, and through the credential
// helpers that it names.
type keychain struct {
	dir string

	mu   sync.Mutex
	file *configfile.ConfigFile
	err  error
}

// lookup returns the credentials for a host; none is not an error.
func (k *keychain) lookup(host string) (credential, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.dir == "" {
		return credential{}, nil
	}
	if k.file == nil && k.err == nil {
		k.file, k.err = config.Load(k.dir)
	}
	if k.err != nil {
		return credential{}, k.err
	}
	a, err := k.file.GetAuthConfig(host)
	if err != nil {
		return credential{}, err
	}
	return credential{user: a.Username, password: a.Password, identity: a.IdentityToken, token: a.RegistryToken}, nil
}

// authority knows how to get into one registry.
type authority struct {
	h *host
	// lock holds one value, which whoever uses the fields below takes: unlike a
	// mutex it can be waited for until the context ends. One at a time fetches a
	// token; the others then find it.
	lock      chan struct{}
	looked    bool
	cred      credential
	credErr   error
	challenge *challenge
	tokens    map[string]token
}

type token struct {
	value   string
	expires time.Time
}

func newAuthority(h *host) *authority {
	return &authority{h: h, lock: make(chan struct{}, 1), tokens: map[string]token{}}
}

func (a *authority) enter(ctx context.Context) error {
	select {
	case a.lock <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (a *authority) leave() { <-a.lock }

// header returns the Authorization header for requests with the scopes; "" as
// long as the registry has not asked for one. rejected is one that the registry
// did not take, and which must not be returned again.
func (a *authority) header(ctx context.Context, scopes []string, rejected string) (string, error) {
	if err := a.enter(ctx); err != nil {
		return "", err
	}
	defer a.leave()
	if a.challenge == nil {
		return "", nil
	}
	if !a.looked {
		a.looked = true
		a.cred, a.credErr = a.h.c.keys.lookup(a.h.name)
	}
	if a.cred.token != "" {
		return "Bearer " + a.cred.token, nil
	}
	if a.challenge.scheme == "basic" {
		return a.cred.basic(), nil
	}
	key := strings.Join(scopes, " ")
	if t, ok := a.tokens[key]; ok && "Bearer "+t.value != rejected && time.Now().Before(t.expires) {
		return "Bearer " + t.value, nil
	}
	t, err := a.fetch(ctx, scopes)
	if err != nil {
		return "", err
	}
	a.tokens[key] = t
	return "Bearer " + t.value, nil
}

// challenged notes what the registry asks for after a request with the header
// used was refused, and reports whether there is something else to try.
func (a *authority) challenged(ctx context.Context, used string, h http.Header) bool {
	if a.enter(ctx) != nil {
		return false
	}
	defer a.leave()
	for _, scheme := range []string{"bearer", "basic"} {
		for _, v := range h.Values("WWW-Authenticate") {
			c, ok := parseChallenge(v)
			if !ok || c.scheme != scheme {
				continue
			}
			if scheme == "basic" && strings.HasPrefix(used, "Basic ") {
				return false
			}
			// Keep what was asked for before: registries name the scope of one request.
			if a.challenge == nil || a.challenge.scheme != scheme || a.challenge.realm != c.realm {
				a.tokens = map[string]token{}
			}
			a.challenge = &c
			return true
		}
	}
	return false
}

// explain adds to an error why there were no credentials.
func (a *authority) explain(ctx context.Context, e *Error) {
	if a.enter(ctx) == nil {
		a.explainLocked(e)
		a.leave()
	}
}

func (a *authority) explainLocked(e *Error) {
	switch {
	case a.credErr != nil:
		e.hint = "the credentials could not be read: " + shorten(oneLine(a.credErr.Error()))
	case !a.cred.empty():
		e.hint = "the stored credentials for " + a.h.name + " are refused, or the repository does not exist: `docker login " + a.h.name + "` renews them"
	case a.looked:
		e.hint = "the repository may not exist, or wants a login: `docker login " + a.h.name + "` stores credentials that casement uses"
	}
}

// challenge is one WWW-Authenticate header.
type challenge struct {
	scheme                string // in lower case
	realm, service, scope string
}

// parseChallenge reads a header of the form `Bearer realm="…",service="…"`.
func parseChallenge(header string) (challenge, bool) {
	scheme, rest, _ := strings.Cut(strings.TrimSpace(header), " ")
	c := challenge{scheme: strings.ToLower(scheme)}
	for rest = strings.TrimLeft(rest, " ,"); rest != ""; rest = strings.TrimLeft(rest, " ,") {
		name, after, ok := strings.Cut(rest, "=")
		if !ok {
			break
		}
		var value string
		if strings.HasPrefix(after, `"`) {
			value, rest = quoted(after[1:])
		} else {
			value, rest, _ = strings.Cut(after, ",")
		}
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "realm":
			c.realm = value
		case "service":
			c.service = value
		case "scope":
			c.scope = value
		}
	}
	return c, c.scheme == "basic" || c.scheme == "bearer" && c.realm != ""
}

// quoted reads a quoted string after its first quote.
func quoted(s string) (value, rest string) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '"':
			return b.String(), s[i+1:]
		case s[i] == '\\' && i+1 < len(s):
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String(), ""
}

// fetch gets a token from the server that the registry named.
func (a *authority) fetch(ctx context.Context, scopes []string) (token, error) {
	realm, err := a.realm()
	if err != nil {
		return token{}, err
	}
	want := slices.Clone(scopes)
	for _, s := range strings.Fields(a.challenge.scope) {
		if !covers(want, s) {
			want = append(want, s)
		}
	}
	r := request{op: "logging in to", ref: a.h.name, ok: []int{http.StatusOK}}
	if a.cred.identity != "" {
		form := url.Values{"grant_type": {"refresh_token"}, "client_id": {"casement"}, "service": {a.challenge.service},
			"refresh_token": {a.cred.identity}, "scope": {strings.Join(want, " ")}}.Encode()
		r.method, r.size = http.MethodPost, int64(len(form))
		r.body = func(context.Context) (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(form)), nil }
		r.header = http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
	} else {
		q := realm.Query()
		if a.challenge.service != "" {
			q.Set("service", a.challenge.service)
		}
		for _, s := range want {
			q.Add("scope", s)
		}
		realm.RawQuery = q.Encode()
		r.method, r.header = http.MethodGet, http.Header{}
		if b := a.cred.basic(); b != "" {
			r.header.Set("Authorization", b)
		}
	}
	r.url = realm
	resp, err := a.h.do(ctx, r)
	if err != nil {
		var e *Error
		if errors.As(err, &e) && e.Kind == Invalid && e.status != 0 {
			e.Kind = Unauthorized // token servers refuse with all sorts of statuses
		}
		if e != nil && e.Kind == Unauthorized {
			a.explainLocked(e)
		}
		return token{}, err
	}
	defer resp.Body.Close()
	return readToken(resp.Body, a.h.name)
}

// covers reports whether one of the scopes is s or more: "pull,push" has "pull".
func covers(scopes []string, s string) bool {
	i := strings.LastIndexByte(s, ':')
	return slices.ContainsFunc(scopes, func(have string) bool {
		return have == s || i >= 0 && strings.HasPrefix(have, s[:i+1]) && strings.Contains(have[i:], strings.TrimLeft(s[i:], ":"))
	})
}

// realm returns the address of the token server. Credentials that a registry
// gets through TLS are not sent without it.
func (a *authority) realm() (*url.URL, error) {
	u, err := url.Parse(a.challenge.realm)
	fail := func(why string) (*url.URL, error) {
		return nil, &Error{Kind: Unauthorized, Op: "logging in to", Ref: a.h.name, Err: errors.New(why)}
	}
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return fail("the registry names a token server that has no usable address")
	}
	if u.Scheme == "http" && !loopback(u.Host) && !matches(a.h.c.o.PlainHTTP, a.h.name) && !matches(a.h.c.o.Insecure, a.h.name) {
		return fail("the registry names a token server without TLS (" + u.Host + ")")
	}
	u.User, u.Fragment = nil, ""
	return u, nil
}

// readToken reads a token server's answer.
func readToken(r io.Reader, host string) (token, error) {
	var doc struct {
		Token       string
		AccessToken string `json:"access_token"`
		ExpiresIn   int64  `json:"expires_in"`
	}
	if err := json.NewDecoder(io.LimitReader(r, 1<<20)).Decode(&doc); err != nil {
		return token{}, &Error{Kind: Unavailable, Op: "logging in to", Ref: host, Err: fmt.Errorf("reading the token: %w", err)}
	}
	if doc.Token == "" {
		doc.Token = doc.AccessToken
	}
	if doc.Token == "" {
		return token{}, &Error{Kind: Unauthorized, Op: "logging in to", Ref: host, Err: errors.New("the token server gave no token")}
	}
	if doc.ExpiresIn <= 0 {
		doc.ExpiresIn = 60 // the protocol's default
	}
	// Ask for another a little earlier, since time passes on the way.
	life := time.Duration(min(doc.ExpiresIn, 1<<30)) * time.Second
	return token{value: doc.Token, expires: time.Now().Add(life - min(life/4, 15*time.Second))}, nil
}
