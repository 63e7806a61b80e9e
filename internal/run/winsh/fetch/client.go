package fetch

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/casement/casement/internal/run/winsh/machine"
)

// Client sends requests as one kind of program does. The zero value with a
// Send follows no redirects and waits as long as it takes. Clients are values
// that do not change; they may be used at once.
type Client struct {
	// Send executes one request and follows nothing: [machine.Machine.HTTP].
	Send func(*http.Request) (*http.Response, error)
	// Redirects says which redirects are followed.
	Redirects Redirects
	// Connect bounds the time until a connection stands, and Timeout that of
	// the whole transfer with its body; 0 is no bound.
	Connect, Timeout time.Duration
	// Wire asks for things of the connection that the build's network does not
	// do by itself.
	Wire machine.Wire
}

// Request is what to ask for. Header may have what Go would add by itself:
// an empty User-Agent sends none.
type Request struct {
	Method string // "" is GET
	URL    *url.URL
	Header http.Header
	// Host replaces the Host header.
	Host string
	// Body is sent as it is; it is opened anew for each redirect.
	Body *Body
	// User is sent as basic authentication without being asked for.
	User *url.Userinfo
	// as is the method that the body is for, where another is sent.
	as string
}

// Body is the content of a request.
type Body struct {
	Open func(ctx context.Context) (io.ReadCloser, error)
	Size int64 // -1 is unknown
}

// BodyOf makes a body of bytes.
func BodyOf(b []byte) *Body {
	return &Body{Size: int64(len(b)), Open: func(context.Context) (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader(string(b))), nil
	}}
}

// Response is the answer. Body reports errors as *[Error] and must be closed.
type Response struct {
	*http.Response
	// URL is where the answer came from.
	URL *url.URL
	// Hops are the redirects that led there.
	Hops []Hop
	// Sent is the last request as it was sent, but for its body.
	Sent *http.Request
}

// Hop is one redirect that was followed.
type Hop struct {
	URL    *url.URL
	Status int
	Proto  string
	Header http.Header
	Sent   *http.Request
}

// Do sends a request and follows redirects. The error is an *[Error], a
// *run.RefusedError, or one of ctx. Status codes are no errors.
func (c Client) Do(ctx context.Context, req Request) (*Response, error) {
	t := newTransfer(ctx, c, req.URL)
	resp, err := t.do(req)
	if err != nil {
		t.cancel()
		return nil, t.explain(err, 0, -1)
	}
	resp.Body = &transferBody{t: t, r: resp.Body, size: resp.ContentLength}
	return resp, nil
}

// transfer is one Do with its timers.
type transfer struct {
	c      Client
	outer  context.Context // tells a timeout of ours from the end of the step
	ctx    context.Context
	cancel context.CancelFunc
	began  time.Time
	url    *url.URL

	mu      sync.Mutex
	expired ErrorKind // which of our own timers ended it
}

func newTransfer(outer context.Context, c Client, u *url.URL) *transfer {
	t := &transfer{c: c, outer: outer, began: time.Now(), url: u}
	ctx, cancel := context.WithCancel(outer)
	t.ctx, t.cancel = ctx, cancel
	if c.Timeout > 0 {
		stop := t.after(c.Timeout, ErrTimeout)
		t.cancel = func() { stop(); cancel() }
	}
	return t
}

// after ends the transfer in a while.
func (t *transfer) after(d time.Duration, kind ErrorKind) (stop func() bool) {
	cancel := t.cancel
	return time.AfterFunc(d, func() {
		t.mu.Lock()
		if t.expired == 0 {
			t.expired = kind
		}
		t.mu.Unlock()
		cancel()
	}).Stop
}

func (t *transfer) do(req Request) (*Response, error) {
	if req.Method == "" {
		req.Method = http.MethodGet
	}
	origin := req
	var hops []Hop
	for {
		resp, sent, err := t.once(req)
		if err != nil {
			return nil, err
		}
		next, follow, err := t.c.Redirects.next(origin, req, resp, len(hops))
		if err != nil {
			resp.Body.Close()
			return nil, err
		}
		if !follow {
			return &Response{Response: resp, URL: req.URL, Hops: hops, Sent: sent}, nil
		}
		_, err = io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<20)) // so that the connection is used again
		resp.Body.Close()
		if err != nil {
			return nil, err
		}
		hops = append(hops, Hop{req.URL, resp.StatusCode, resp.Proto, resp.Header, sent})
		req, t.url = next, next.URL
	}
}

// once sends one request.
func (t *transfer) once(req Request) (*http.Response, *http.Request, error) {
	if s := req.URL.Scheme; s != "http" && s != "https" {
		return nil, nil, &Error{Kind: ErrProtocol, URL: req.URL}
	}
	ctx := t.ctx
	if t.c.Connect > 0 {
		stop := t.after(t.c.Connect, ErrConnectTimeout)
		defer stop()
		ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { stop() }})
	}
	h, err := http.NewRequestWithContext(ctx, req.Method, req.URL.String(), nil)
	if err != nil {
		return nil, nil, &Error{Kind: ErrBadURL, URL: req.URL, Err: err}
	}
	h.URL.User = nil
	h.Header = req.Header.Clone()
	if h.Header == nil {
		h.Header = http.Header{}
	}
	if req.Host != "" {
		h.Host = req.Host
	}
	if _, ok := h.Header["User-Agent"]; !ok {
		h.Header.Set("User-Agent", "")
	}
	// Without this Go asks for gzip and unpacks it unseen.
	if _, ok := h.Header["Accept-Encoding"]; !ok {
		h.Header.Set("Accept-Encoding", "identity")
	}
	if req.User != nil && h.Header.Get("Authorization") == "" {
		password, _ := req.User.Password()
		h.SetBasicAuth(req.User.Username(), password)
	}
	if req.Body != nil {
		if h.Body, err = req.Body.Open(ctx); err != nil {
			return nil, nil, err
		}
		if h.ContentLength = req.Body.Size; h.ContentLength == 0 {
			h.Body = http.NoBody
		}
		h.GetBody = func() (io.ReadCloser, error) { return req.Body.Open(ctx) }
	}
	send := t.c.Send
	if t.c.Wire != (machine.Wire{}) {
		h = h.WithContext(machine.WithWire(h.Context(), t.c.Wire))
	}
	resp, err := send(h)
	return resp, h, err
}

// explain makes an *Error of what went wrong.
func (t *transfer) explain(err error, got, size int64) error {
	var known *Error
	if err == nil || isRefused(err) {
		return err
	}
	if outer := t.outer.Err(); outer != nil {
		return outer
	}
	t.mu.Lock()
	expired := t.expired
	t.mu.Unlock()
	e := &Error{Err: err, URL: t.url, After: time.Since(t.began), Got: got, Size: size}
	switch {
	case expired != 0:
		e.Kind = expired
	case errors.As(err, &known):
		return known
	default:
		e.classify(err)
	}
	return e
}

// transferBody is the body of an answer under the transfer's timers.
type transferBody struct {
	t    *transfer
	r    io.ReadCloser
	got  int64
	size int64
}

func (b *transferBody) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	b.got += int64(n)
	if err != nil && err != io.EOF {
		err = b.t.explain(err, b.got, b.size)
	}
	return n, err
}

func (b *transferBody) Close() error {
	err := b.r.Close()
	b.t.cancel()
	return err
}
