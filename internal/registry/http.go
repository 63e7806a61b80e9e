package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"path"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// host is one server: how to speak to it and what has been learned about it.
type host struct {
	c      *Client
	name   string // as in Ref.Host
	client *http.Client
	auth   *authority
	known  atomic.Bool // it has answered

	scheme chan string // has the scheme once it is known; holds one value
}

// host returns the server called name.
func (c *Client) host(name string) *host {
	c.mu.Lock()
	defer c.mu.Unlock()
	h := c.hosts[name]
	if h == nil {
		h = &host{c: c, name: name, scheme: make(chan string, 1)}
		t := c.secure
		if matches(c.o.Insecure, name) {
			t = c.insecure
		}
		h.client = &http.Client{Transport: t, CheckRedirect: checkRedirect}
		h.auth = newAuthority(h)
		h.scheme <- ""
		c.hosts[name] = h
	}
	return h
}

// checkRedirect follows redirects, as storage behind registries needs it, but
// takes the credentials off as soon as host or port differ. (Package http keeps
// them for another port and for subdomains.)
func checkRedirect(req *http.Request, via []*http.Request) error {
	if noFollow, _ := via[0].Context().Value(noFollowKey{}).(bool); noFollow {
		return http.ErrUseLastResponse
	}
	if len(via) >= 10 {
		return errors.New("too many redirects")
	}
	if req.URL.Host != via[0].URL.Host || req.URL.Scheme != via[0].URL.Scheme {
		req.Header.Del("Authorization")
	}
	if via[0].URL.Scheme == "https" && req.URL.Scheme != "https" {
		return errors.New("the server redirects from https to " + req.URL.Scheme)
	}
	req.Header.Del("Referer")
	return nil
}

// noFollowKey marks the context of a request whose redirect is the answer. The
// context is the only thing of the request that reaches checkRedirect.
type noFollowKey struct{}

// matches reports whether one of the patterns is for the host.
func matches(patterns []string, name string) bool {
	for _, p := range patterns {
		for _, n := range []string{name, hostname(name)} {
			if ok, err := path.Match(strings.ToLower(p), n); p == n || ok && err == nil {
				return true
			}
		}
	}
	return false
}

// hostname returns name without the port.
func hostname(name string) string {
	if h, _, err := net.SplitHostPort(name); err == nil {
		return h
	}
	return strings.Trim(name, "[]")
}

func loopback(name string) bool {
	h := hostname(name)
	if h == "localhost" || strings.HasSuffix(h, ".localhost") {
		return true
	}
	a, err := netip.ParseAddr(h)
	return err == nil && a.Unmap().IsLoopback()
}

// base returns the address of the registry's API. A server on a loopback address
// and one that was named as insecure may speak TLS or not, which one request
// without credentials finds out. All others speak TLS, or plain HTTP when the
// user said so: nothing else decides, least of all an attacker on the way.
func (h *host) base(ctx context.Context, r request) (*url.URL, error) {
	var scheme string
	select {
	case scheme = <-h.scheme:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	defer func() { h.scheme <- scheme }()
	if scheme == "" {
		switch {
		case matches(h.c.o.PlainHTTP, h.name):
			scheme = "http"
		case loopback(h.name), matches(h.c.o.Insecure, h.name):
			plain, err := h.speaksPlain(ctx, r)
			if err != nil {
				return nil, err
			}
			scheme = "https"
			if plain {
				scheme = "http"
			}
		default:
			scheme = "https"
		}
	}
	return &url.URL{Scheme: scheme, Host: h.name, Path: "/v2/"}, nil
}

func (h *host) speaksPlain(ctx context.Context, r request) (bool, error) {
	probe, cancel := context.WithTimeout(ctx, h.c.o.Stall)
	defer cancel()
	req, err := http.NewRequestWithContext(probe, http.MethodGet, "https://"+h.name+"/v2/", nil)
	if err != nil {
		return false, &Error{Kind: Invalid, Op: r.op, Ref: r.ref, Err: errors.New("the registry's name makes no address")}
	}
	req.Header.Set("User-Agent", h.c.o.UserAgent)
	resp, err := h.client.Do(req)
	switch {
	case err == nil:
		resp.Body.Close()
		return false, nil
	case errors.Is(err, http.ErrSchemeMismatch), isPlain(err):
		return true, nil
	case ctx.Err() != nil:
		return false, context.Cause(ctx)
	}
	e := broken(r.op, r.ref, h.name, err)
	if e.Kind == Untrusted {
		return false, nil // it is TLS, and the real request says what is wrong
	}
	return false, e
}

// request is what is asked of a server.
type request struct {
	op, ref string // for errors
	method  string
	// path is relative to /v2/. If url is set, it counts instead.
	path   string
	query  string
	url    *url.URL
	header http.Header
	// body opens the bytes to send; nil if there are none.
	body func(context.Context) (io.ReadCloser, error)
	size int64
	// scopes are what a token must allow; a nil slice means that the request is
	// sent without credentials.
	scopes []string
	// ok are the statuses that are fine.
	ok []int
	// noFollow takes a redirect for the answer, once leaves repeating to the caller.
	noFollow, once bool
}

// do sends the request until it is answered with one of the fine statuses. It
// repeats it after faults that may pass. The caller closes the answer's body,
// whose reads fail when the connection is silent for too long.
func (h *host) do(ctx context.Context, r request) (*http.Response, error) {
	for try := 0; ; try++ {
		resp, err := h.attempt(ctx, r)
		if err == nil {
			return resp, nil
		}
		if r.once {
			return nil, err
		}
		if err := h.pause(ctx, try, err); err != nil {
			return nil, err
		}
	}
}

// get sends a request whose whole answer is wanted, and reads it. What breaks in
// the middle is asked for again.
func (h *host) get(ctx context.Context, r request, limit int64) ([]byte, http.Header, error) {
	r.method, r.ok = http.MethodGet, []int{http.StatusOK}
	for try := 0; ; try++ {
		resp, err := h.do(ctx, r)
		if err != nil {
			return nil, nil, err
		}
		raw, err := io.ReadAll(io.LimitReader(resp.Body, limit+1))
		resp.Body.Close()
		if int64(len(raw)) > limit {
			return nil, nil, &Error{Kind: Invalid, Op: r.op, Ref: r.ref, Err: fmt.Errorf("the answer has more than %d bytes", limit)}
		}
		if err == nil {
			return raw, resp.Header, nil
		}
		if err := h.pause(ctx, try, broken(r.op, r.ref, h.name, err)); err != nil {
			return nil, nil, err
		}
	}
}

// pause waits before the next attempt after err, the try-th of them (from 0). It
// returns the error that is final, if there should be none.
func (h *host) pause(ctx context.Context, try int, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	retries := h.c.o.Retries
	var e *Error
	if errors.As(err, &e) && e.status == http.StatusInternalServerError {
		retries = min(retries, 2) // more often a fault of the request than one that passes
	}
	if hopeless(err, h.known.Load()) || try >= retries {
		return err
	}
	wait := min(h.c.o.MaxBackoff, h.c.o.Backoff<<min(try, 16))
	wait += time.Duration(rand.Int64N(int64(wait)/4 + 1)) // not all at the same moment
	if e != nil && e.wait > 0 {
		if e.wait > h.c.o.MaxWait {
			e.hint = "the server asks to wait " + e.wait.Round(time.Second).String()
			return err
		}
		wait = e.wait
	}
	select {
	case <-time.After(wait):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// attempt sends the request once, or twice when the server wants credentials.
func (h *host) attempt(ctx context.Context, r request) (*http.Response, error) {
	u := r.url
	if u == nil {
		base, err := h.base(ctx, r)
		if err != nil {
			return nil, err
		}
		u = base.JoinPath(r.path)
		u.RawQuery = r.query
	}
	credentials := r.scopes != nil && u.Host == h.name
	var rejected string
	for {
		var header string
		if credentials {
			var err error
			if header, err = h.auth.header(ctx, r.scopes, rejected); err != nil {
				return nil, err
			}
		}
		resp, err := h.send(ctx, r, u, header)
		if err != nil {
			return nil, err
		}
		for _, s := range r.ok {
			if resp.StatusCode == s {
				return resp, nil
			}
		}
		// A body that was sent once is not sent again here: uploads are opened by
		// a request without a body, which has settled the credentials.
		if resp.StatusCode == http.StatusUnauthorized && credentials && rejected == "" && !r.once {
			if h.auth.challenged(ctx, header, resp.Header) {
				drain(resp)
				rejected = header
				if rejected == "" {
					rejected = "none"
				}
				continue
			}
		}
		e := answer(r.op, r.ref, resp)
		drain(resp)
		if e.Kind == Unauthorized && credentials {
			h.auth.explain(ctx, e)
		}
		return nil, e
	}
}

// errStalled ends a request whose connection is silent.
var errStalled = errors.New("the connection was silent for too long")

// send sends the request once.
func (h *host) send(ctx context.Context, r request, u *url.URL, authorization string) (*http.Response, error) {
	actx, cancel := context.WithCancelCause(context.WithValue(ctx, noFollowKey{}, r.noFollow))
	watch := &watchdog{limit: h.c.o.Stall, bark: func() { cancel(errStalled) }}
	req, err := http.NewRequestWithContext(actx, r.method, u.String(), nil)
	if err != nil {
		cancel(nil)
		return nil, &Error{Kind: Invalid, Op: r.op, Ref: r.ref, Err: errors.New("the server gave an address that cannot be used")}
	}
	for k, v := range r.header {
		req.Header[k] = v
	}
	req.Header.Set("User-Agent", h.c.o.UserAgent)
	if authorization != "" {
		req.Header.Set("Authorization", authorization)
	}
	var sent *sending
	if r.body != nil {
		b, err := r.body(actx)
		if err != nil {
			cancel(nil)
			return nil, &sourceFault{err}
		}
		sent = &sending{b: b, watch: watch, left: r.size}
		req.Body, req.ContentLength = sent, r.size
		if r.size == 0 {
			req.Body = http.NoBody
			sent.Close()
		}
	}
	watch.start(1)
	resp, err := h.client.Do(req)
	watch.stop()
	stalled := err != nil && context.Cause(actx) == errStalled
	if fault := sent.fault(); err != nil || fault != nil {
		if err == nil { // the server's answer to a body that ended early
			resp.Body.Close()
		}
		cancel(nil)
		switch {
		case ctx.Err() != nil:
			return nil, context.Cause(ctx)
		case fault != nil:
			return nil, &sourceFault{fault}
		case stalled:
			err = errStalled
		}
		return nil, broken(r.op, r.ref, u.Host, err)
	}
	h.known.Store(true)
	resp.Body = &received{b: resp.Body, watch: watch, cancel: cancel, ctx: actx}
	return resp, nil
}

// sourceFault is an error of the bytes that were to be sent, not of the server
// that they were sent to: asking that again does not help.
type sourceFault struct{ error }

func (s *sourceFault) Unwrap() error { return s.error }

// drain reads what is left of a small answer, so that the connection can be used again.
func drain(resp *http.Response) {
	_, _ = io.CopyN(io.Discard, resp.Body, 64<<10)
	resp.Body.Close()
}

// watchdog calls bark when it has not been stopped or started again in time.
type watchdog struct {
	limit time.Duration
	bark  func()
	mu    sync.Mutex
	timer *time.Timer
}

func (w *watchdog) start(times int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.timer == nil {
		w.timer = time.AfterFunc(w.limit*time.Duration(times), w.bark)
		return
	}
	w.timer.Reset(w.limit * time.Duration(times))
}

func (w *watchdog) stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.timer != nil {
		w.timer.Stop()
	}
}

// sending is a request's body. It tells faults of the source from those of the
// connection, and watches the connection only: the source may be slow. Package
// http may close a body that another goroutine reads, which not every source can
// stand; here the read ends first, as the context's end makes it.
type sending struct {
	b     io.ReadCloser
	watch *watchdog
	left  int64 // negative if nobody knows how many bytes there will be

	mu              sync.Mutex
	reading, closed bool
	err             error
}

func (s *sending) Read(p []byte) (int, error) {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return 0, io.ErrClosedPipe
	}
	s.reading = true
	s.mu.Unlock()
	s.watch.stop()
	n, err := s.b.Read(p)
	s.left -= int64(n)
	if err == io.EOF && s.left > 0 {
		err = io.ErrUnexpectedEOF
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reading = false
	if s.closed {
		s.b.Close()
		return n, io.ErrClosedPipe
	}
	if err != nil && err != io.EOF {
		s.err = err
		return n, err
	}
	if s.left == 0 || err == io.EOF {
		s.watch.start(10) // the server puts the blob where it belongs, which takes time
	} else {
		s.watch.start(1)
	}
	return n, err
}

func (s *sending) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	if s.reading {
		return nil
	}
	return s.b.Close()
}

// fault returns the error of the source, if that is what ended the request.
func (s *sending) fault() error {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// received is an answer's body. Only the server is watched, not the reader.
type received struct {
	b      io.ReadCloser
	watch  *watchdog
	cancel context.CancelCauseFunc
	ctx    context.Context // the attempt's, for the reason of its end
}

func (r *received) Read(p []byte) (int, error) {
	r.watch.start(1)
	n, err := r.b.Read(p)
	r.watch.stop()
	if err != nil && err != io.EOF {
		if cause := context.Cause(r.ctx); cause != nil {
			err = cause
		}
	}
	return n, err
}

func (r *received) Close() error {
	err := r.b.Close()
	r.cancel(nil)
	return err
}
