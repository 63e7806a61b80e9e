package winsh

import (
	"io"
	"net/http"
	"net/url"
	"sync"

	"golang.org/x/net/http/httpproxy"

	"github.com/casement/casement/internal/run"
	"github.com/casement/casement/internal/run/winsh/fetch"
	"github.com/casement/casement/internal/run/winsh/machine"
)

// network returns what carries the step's requests; nil if it has no network.
func (r *Runner) network(s run.Step) *network {
	if r.opts.Transport == nil || s.Network == "none" {
		return nil
	}
	t := r.opts.Transport.Clone()
	if proxy := proxies(s); proxy != nil {
		t.Proxy = func(req *http.Request) (*url.URL, error) { return proxy(req.URL) }
	}
	return &network{Network: fetch.NewNetwork(t), step: s}
}

// proxies reads the proxies of the step's environment, which are those of the
// build's arguments (HTTP_PROXY …); nil if it has none, and the transport's own
// count.
func proxies(s run.Step) func(*url.URL) (*url.URL, error) {
	get := func(names ...string) string {
		for _, n := range names {
			if v, ok := s.Root.Variable(s.Env, n); ok && v != "" {
				return v
			}
		}
		return ""
	}
	c := httpproxy.Config{HTTPProxy: get("HTTP_PROXY"), HTTPSProxy: get("HTTPS_PROXY"), NoProxy: get("NO_PROXY")}
	if all := get("ALL_PROXY"); all != "" {
		if c.HTTPProxy == "" {
			c.HTTPProxy = all
		}
		if c.HTTPSProxy == "" {
			c.HTTPSProxy = all
		}
	}
	if c.HTTPProxy == "" && c.HTTPSProxy == "" {
		return nil
	}
	return c.ProxyFunc()
}

// network sends requests and tells the build how far downloads are. It is a
// machine.WireNetwork.
type network struct {
	*fetch.Network
	step run.Step
}

// Do implements machine.Network.
func (n *network) Do(req *http.Request) (*http.Response, error) {
	resp, err := n.Network.Do(req)
	return n.count(req, resp), err
}

// DoWire implements machine.WireNetwork.
func (n *network) DoWire(req *http.Request, w machine.Wire) (*http.Response, error) {
	resp, err := n.Network.DoWire(req, w)
	return n.count(req, resp), err
}

// count makes the body of an answer report how far it was read.
func (n *network) count(req *http.Request, resp *http.Response) *http.Response {
	if resp == nil || n.step.Progress == nil || resp.Body == nil || req.Method == http.MethodHead || resp.StatusCode >= 300 {
		return resp
	}
	shown := *req.URL
	shown.User, shown.RawQuery, shown.Fragment = nil, "", ""
	resp.Body = &counted{
		ReadCloser: resp.Body, total: max(resp.ContentLength, 0),
		report: func(done, total int64) { n.step.Progress("downloading "+shown.String(), done, total) },
	}
	return resp
}

// counted reports how much of a body was read.
type counted struct {
	io.ReadCloser
	done, total int64
	report      func(done, total int64)
	end         sync.Once
}

// Read implements io.Reader.
func (c *counted) Read(b []byte) (int, error) {
	n, err := c.ReadCloser.Read(b)
	c.done += int64(n)
	if n > 0 {
		c.report(c.done, c.total)
	}
	if err == io.EOF {
		c.end.Do(func() { c.report(c.done, c.done) })
	}
	return n, err
}
