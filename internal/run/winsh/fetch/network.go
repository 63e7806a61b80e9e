package fetch

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"net/url"
	"sync"

	"github.com/casement/casement/internal/run/winsh/machine"
)

// Network sends requests over a transport, and those that ask for another
// [machine.Wire] over a copy of it. It implements [machine.WireNetwork] and is
// safe for concurrent use.
type Network struct {
	base *http.Transport

	mu     sync.Mutex
	copies map[machine.Wire]*http.Transport
}

// NewNetwork makes a network of a transport, which has the proxies and the
// certificates of the build. Close the idle connections of the network when
// the build ends.
func NewNetwork(base *http.Transport) *Network {
	return &Network{base: base, copies: map[machine.Wire]*http.Transport{}}
}

// Do implements [machine.Network].
func (n *Network) Do(req *http.Request) (*http.Response, error) { return n.base.RoundTrip(req) }

// DoWire implements [machine.WireNetwork].
func (n *Network) DoWire(req *http.Request, w machine.Wire) (*http.Response, error) {
	t, err := n.transport(w)
	if err != nil {
		return nil, err
	}
	return t.RoundTrip(req)
}

// CloseIdleConnections closes what is open and not in use.
func (n *Network) CloseIdleConnections() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, t := range n.copies {
		t.CloseIdleConnections()
	}
	n.base.CloseIdleConnections()
}

func (n *Network) transport(w machine.Wire) (*http.Transport, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if t, ok := n.copies[w]; ok {
		return t, nil
	}
	t := n.base.Clone()
	if t.TLSClientConfig == nil {
		t.TLSClientConfig = &tls.Config{}
	}
	c := t.TLSClientConfig
	if w.Insecure {
		c.InsecureSkipVerify = true
	}
	if w.Roots != "" {
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM([]byte(w.Roots)) {
			return nil, &Error{Kind: ErrRoots}
		}
	}
	if w.MinTLS != 0 {
		c.MinVersion = w.MinTLS
	}
	if w.MaxTLS != 0 {
		c.MaxVersion = w.MaxTLS
	}
	switch w.Proxy {
	case "":
	case "direct":
		t.Proxy = nil
	default:
		u, err := url.Parse(w.Proxy)
		if err != nil {
			return nil, fmt.Errorf("reading URL of proxy: %w", err)
		}
		t.Proxy = http.ProxyURL(u)
	}
	if w.HTTP1 {
		t.ForceAttemptHTTP2 = false
		t.TLSNextProto = map[string]func(string, *tls.Conn) http.RoundTripper{}
		c.NextProtos = nil
	}
	n.copies[w] = t
	return t, nil
}
