package source

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/casement/casement/internal/solve"
	"github.com/casement/casement/internal/store"
	"github.com/casement/casement/internal/tree"
	"github.com/opencontainers/go-digest"
)

// A SecretFunc returns the value of a secret; nil if there is none of that
// name.
type SecretFunc func(ctx context.Context, name string) ([]byte, error)

// HTTPOptions adjusts an [HTTP]. Store must be set; the rest works as it is.
type HTTPOptions struct {
	// Store keeps what was downloaded.
	Store *store.Store
	// Client brings proxies and certificates; the default is
	// http.DefaultClient's transport without a time limit.
	Client *http.Client
	// UserAgent is what servers are told; the default is "casement".
	UserAgent string
	// Progress hears how many bytes of a URL have arrived; total is -1 if the
	// server does not say. It is called from the goroutine that downloads. The
	// URL is that of the request, with passwords it may have: to know it by, not
	// to be shown.
	Progress func(url string, done, total int64)
	// Secret gives the values for Authorization headers.
	Secret SecretFunc
	// Attempts is how often in a row a server may fail; the default is 6.
	Attempts int
	// Pause is the time before the second attempt, doubled before each
	// further one; the default is a quarter of a second.
	Pause time.Duration
	// Stall is how long a server may send nothing; the default is a minute.
	Stall time.Duration
}

// HTTP is the source of single files behind http and https URLs. It is safe
// for concurrent use.
type HTTP struct {
	o      HTTPOptions
	client *http.Client
	mu     sync.Mutex
	busy   map[string]chan struct{} // by key of a URL
}

// NewHTTP returns the source.
func NewHTTP(o HTTPOptions) *HTTP {
	if o.UserAgent == "" {
		o.UserAgent = "casement"
	}
	if o.Attempts <= 0 {
		o.Attempts = 6
	}
	if o.Pause <= 0 {
		o.Pause = 250 * time.Millisecond
	}
	if o.Stall <= 0 {
		o.Stall = time.Minute
	}
	client := &http.Client{}
	if o.Client != nil {
		copied := *o.Client
		client = &copied
	}
	next := client.CheckRedirect
	client.CheckRedirect = func(req *http.Request, via []*http.Request) error {
		if via[0].URL.Scheme == "https" && req.URL.Scheme != "https" {
			return errDowngrade
		}
		// Package http keeps credentials for subdomains and other ports, and
		// tells the next server the address of the last, signatures included.
		if req.URL.Host != via[0].URL.Host || req.URL.Scheme != via[0].URL.Scheme {
			req.Header.Del("Authorization")
		}
		req.Header.Del("Referer")
		if next != nil {
			return next(req, via)
		}
		if len(via) >= 10 {
			return errors.New("stopped after 10 redirects")
		}
		return nil
	}
	return &HTTP{o: o, client: client, busy: map[string]chan struct{}{}}
}

// request is an http source as the graph describes it.
type request struct {
	url      string
	checksum digest.Digest
	filename string
	mode     uint32
	uid, gid int
	secret   string // the name of the secret with the Authorization header
	header   http.Header
}

// httpFile is what is known of a download. It is kept in the store by URL.
type httpFile struct {
	Digest       digest.Digest
	Size         int64
	Name         string
	ETag         string    `json:",omitempty"`
	LastModified string    `json:",omitempty"`
	Modified     time.Time `json:",omitzero"`
}

// Pin finds out what is behind a URL. With the attribute http.checksum nothing
// is asked; the file is downloaded when it is loaded, and its time is
// 1970-01-01, so that equal keys give equal files whatever a server says.
// Without it, the server is asked whether the file is still the one that the
// store has, and if not, the file is downloaded here: only its bytes can name
// it. Its time is then Last-Modified, if the server has one.
//
// Authorization headers come from the secret that http.authheadersecret names,
// or else from the secrets HTTP_AUTH_HEADER_<host> and HTTP_AUTH_TOKEN_<host>.
func (h *HTTP) Pin(ctx context.Context, rawURL string, attrs map[string]string) (solve.Pinned, error) {
	req, err := parseRequest(rawURL, attrs)
	if err != nil {
		return solve.Pinned{}, err
	}
	if req.checksum != "" {
		name := fileName(req.url, req.filename, "")
		return solve.Pinned{
			Key: req.key(req.checksum, name, time.Time{}),
			Load: func(ctx context.Context) (tree.Chain, error) {
				file, err := h.byChecksum(ctx, req)
				if err != nil {
					return tree.Chain{}, err
				}
				file.Name, file.Modified = name, time.Time{}
				return h.chain(req, file), nil
			},
		}, nil
	}
	done, err := h.lock(ctx, req.recordKey())
	if err != nil {
		return solve.Pinned{}, err
	}
	defer done()
	file, err := h.current(ctx, req)
	if err != nil {
		return solve.Pinned{}, err
	}
	return solve.Pinned{
		Key:  req.key(file.Digest, file.Name, file.Modified),
		Load: func(context.Context) (tree.Chain, error) { return h.chain(req, file), nil },
	}, nil
}

// parseRequest reads the attributes. Those that ask for a check that does not
// exist here are errors.
func parseRequest(rawURL string, attrs map[string]string) (request, error) {
	r := request{url: rawURL, mode: 0o600, header: http.Header{}}
	u, err := url.Parse(rawURL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return r, fmt.Errorf("reading the URL %s: it is no http or https URL", redact(rawURL))
	}
	for name, v := range attrs {
		var err error
		var n int64
		switch name {
		case "http.checksum":
			r.checksum, err = digest.Parse(v)
		case "http.filename":
			r.filename = v
		case "http.perm":
			n, err = strconv.ParseInt(v, 0, 32)
			r.mode = uint32(n) & 0o7777
		case "http.uid":
			n, err = strconv.ParseInt(v, 0, 32)
			r.uid = int(n)
		case "http.gid":
			n, err = strconv.ParseInt(v, 0, 32)
			r.gid = int(n)
		case "http.authheadersecret":
			r.secret = v
		case "http.header.accept", "http.header.user-agent":
			r.header.Set(strings.TrimPrefix(name, "http.header."), v)
		case "http.sig.pubkey", "http.sig.signature":
			err = errors.New("signatures of downloads are not supported; use ADD --checksum")
		}
		if err != nil {
			return r, fmt.Errorf("reading the attribute %s of %s: %w", name, redact(rawURL), err)
		}
	}
	if r.mode == 0 {
		r.mode = 0o600
	}
	return r, nil
}

// key names the tree that the request and a file give.
func (r request) key(d digest.Digest, name string, modified time.Time) string {
	b, _ := json.Marshal([]any{d, name, modified.Unix(), r.mode, r.uid, r.gid}) // plain values marshal
	sum := sha256.Sum256(b)
	return "http:" + hex.EncodeToString(sum[:])
}

// recordKey names the answer of the server: who asks, and for what. People see
// it when they list the store, so passwords and signatures of the URL are only
// in it as a hash.
func (r request) recordKey() string {
	b, _ := json.Marshal([]any{redact(r.url), fileHash(r.url), r.filename, r.secret, r.header}) // plain values marshal
	return string(b)
}

// chain returns the tree with the one file.
func (h *HTTP) chain(r request, f httpFile) tree.Chain {
	e := &tree.Entry{
		Name:  f.Name,
		Kind:  tree.File,
		Size:  f.Size,
		Times: tree.Times{Modified: time.Unix(0, 0).UTC()},
		Unix:  &tree.Unix{Mode: r.mode, UID: r.uid, GID: r.gid},
	}
	if !f.Modified.IsZero() {
		e.Times.Modified = f.Modified
	}
	if f.Size > 0 {
		e.Content = &blobContent{h.o.Store, f.Digest, f.Size}
	}
	return oneLayer(tree.NewSet([]tree.Change{{Entry: e}}), redact(r.url))
}

// A blobContent is a file whose bytes are a blob of the store.
type blobContent struct {
	store  *store.Store
	digest digest.Digest
	size   int64
}

// Size returns the number of bytes.
func (c *blobContent) Size() int64 { return c.size }

// Open opens the blob.
func (c *blobContent) Open(ctx context.Context) (io.ReadCloser, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return c.store.OpenBlob(c.digest)
}

// ContentDigest returns the blob's digest.
func (c *blobContent) ContentDigest(context.Context) (string, error) { return c.digest.String(), nil }

// lock waits until no other goroutine works on the key.
func (h *HTTP) lock(ctx context.Context, key string) (unlock func(), err error) {
	return lockKey(ctx, &h.mu, h.busy, key)
}

// lockKey takes the lock called key among busy, which mu guards.
func lockKey(ctx context.Context, mu *sync.Mutex, busy map[string]chan struct{}, key string) (unlock func(), err error) {
	for {
		mu.Lock()
		wait, taken := busy[key]
		if !taken {
			done := make(chan struct{})
			busy[key] = done
			mu.Unlock()
			return func() {
				mu.Lock()
				delete(busy, key)
				mu.Unlock()
				close(done)
			}, nil
		}
		mu.Unlock()
		select {
		case <-wait:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}
