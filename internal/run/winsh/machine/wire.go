package machine

import (
	"context"
	"net/http"
)

// Wire is how a request is to be sent, where a program asks for something else
// than the network of the build does by itself (curl -k, --cacert, -x). The
// zero value asks for nothing.
type Wire struct {
	// Insecure accepts any certificate.
	Insecure bool
	// Roots has certificates in PEM form that are trusted instead of those of
	// the build.
	Roots string
	// Proxy is the URL of a proxy, and "direct" means none.
	Proxy string
	// MinTLS and MaxTLS are versions as crypto/tls numbers them; 0 is the
	// default.
	MinTLS, MaxTLS uint16
	// HTTP1 keeps to HTTP/1.1.
	HTTP1 bool
}

// WireNetwork is the power of a [Network] to send a request in another way.
type WireNetwork interface {
	Network
	DoWire(*http.Request, Wire) (*http.Response, error)
}

type wireKey struct{}

// WithWire says how the requests of a context are to be sent.
func WithWire(ctx context.Context, w Wire) context.Context {
	return context.WithValue(ctx, wireKey{}, w)
}

// WireOf returns what [WithWire] has said.
func WireOf(ctx context.Context) Wire {
	w, _ := ctx.Value(wireKey{}).(Wire)
	return w
}

// SendWire sends a request through a network as its context asks. A network
// that cannot do that refuses it.
func SendWire(n Network, req *http.Request) (*http.Response, error) {
	w := WireOf(req.Context())
	if w == (Wire{}) {
		return n.Do(req)
	}
	if wn, ok := n.(WireNetwork); ok {
		return wn.DoWire(req, w)
	}
	return nil, Refuse("a request with certificates, a proxy or a TLS version of its own",
		"the network of this build does not change for one request", "leave the option out")
}
