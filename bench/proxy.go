package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"time"
)

// traffic is what passed between a tool and the registry during one build.
type traffic struct {
	BaseRead int64 // bytes of the bases' blobs, configs excepted
	Read     int64 // all bytes of answers
	Sent     int64 // all bytes of requests
	Requests int
	Busy     time.Duration // time in which the registry owed an answer
}

// countingProxy stands before the registry and counts. Only the counted runs
// use it; the timed ones talk to the registry itself.
type countingProxy struct {
	addr   string
	server *http.Server

	mu      sync.Mutex
	t       traffic
	pending int       // requests not yet answered in full
	since   time.Time // when pending left zero
}

// smallBlob is the size up to which a blob counts as a config, not as a layer.
const smallBlob = 64 << 10

func startProxy(ctx context.Context, registry string) (*countingProxy, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("starting the counting proxy: %w", err)
	}
	p := &countingProxy{addr: l.Addr().String()}
	forward := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "http", Host: registry})
			// The registry makes upload addresses from the host, and these must
			// lead back through here.
			r.Out.Host = r.In.Host
		},
		Transport: &http.Transport{MaxIdleConnsPerHost: 32, DisableCompression: true},
		// A tool that stops reading a layer early is what we measure, not a fault.
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
	}
	p.server = &http.Server{
		Handler:     http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { p.serve(forward, w, r) }),
		BaseContext: func(net.Listener) context.Context { return ctx },
	}
	go p.server.Serve(l)
	return p, nil
}

func (p *countingProxy) serve(next http.Handler, w http.ResponseWriter, r *http.Request) {
	p.begin()
	body := &countedBody{ReadCloser: r.Body}
	if r.ContentLength != 0 {
		r.Body = body
	}
	out := &countedWriter{ResponseWriter: w}
	// The reverse proxy panics to cut off an answer whose reader has gone; the
	// count must be kept all the same.
	defer func() { p.end(r, out.n, body.n) }()
	next.ServeHTTP(out, r)
}

func (p *countingProxy) begin() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.pending == 0 {
		p.since = time.Now()
	}
	p.pending++
}

func (p *countingProxy) end(r *http.Request, read, sent int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.t.Requests++
	p.t.Read += read
	p.t.Sent += sent
	if strings.HasPrefix(r.URL.Path, "/v2/windows/") && strings.Contains(r.URL.Path, "/blobs/") && read > smallBlob {
		p.t.BaseRead += read
	}
	if p.pending--; p.pending == 0 {
		p.t.Busy += time.Since(p.since)
	}
}

// take returns what was counted since the last call, waiting a moment for
// answers that are still being cut off.
func (p *countingProxy) take() traffic {
	for range 50 {
		p.mu.Lock()
		idle := p.pending == 0
		p.mu.Unlock()
		if idle {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	t := p.t
	p.t = traffic{}
	return t
}

func (p *countingProxy) stop() {
	if p != nil {
		p.server.Close()
	}
}

type countedBody struct {
	io.ReadCloser
	n int64
}

func (c *countedBody) Read(b []byte) (int, error) {
	n, err := c.ReadCloser.Read(b)
	c.n += int64(n)
	return n, err
}

type countedWriter struct {
	http.ResponseWriter
	n int64
}

func (c *countedWriter) Write(b []byte) (int, error) {
	n, err := c.ResponseWriter.Write(b)
	c.n += int64(n)
	return n, err
}

// Unwrap lets the reverse proxy flush.
func (c *countedWriter) Unwrap() http.ResponseWriter { return c.ResponseWriter }
