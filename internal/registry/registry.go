// Package registry moves images out of and into registries, OCI image layouts
// and docker archives.
//
// Start with [New] and [Parse]: [Client.Place] reads from one repository and
// [Client.Push] writes to several. [OpenLayout] and [OpenArchive] read files,
// [WriteLayout] and [WriteArchive] make them, and [Detect] tells them apart.
// All that can be read is an image.Place, so the rest of the program does not
// know where an image comes from.
//
// Bytes move as little as possible. A push asks whether the registry has a blob,
// then whether it can take it from another of its repositories, and only then
// sends it, straight from where it is. A download that breaks goes on where it
// stopped, and what enters the store is verified and fetched once.
//
// The package refuses to guess: manifests and blobs that do not match their
// digests are errors that name both digests, foreign layers are never uploaded
// unless asked for, credentials go to the registry that they are for and to the
// token server that it names, and nowhere else. No query string of an address
// appears in an error, because those of storage services are keys.
package registry

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/casement/casement/internal/store"
)

// Options adjusts a Client. The zero value works.
type Options struct {
	// ConfigDir has Docker's config.json with the credentials. Empty means
	// what DOCKER_CONFIG names, else .docker in the home directory.
	ConfigDir string
	// PlainHTTP are the registries that are spoken to without TLS, and Insecure
	// those whose certificate is not checked and that may not even have one:
	// "host", "host:port", or a pattern as in path.Match. Registries on
	// loopback addresses need neither.
	PlainHTTP, Insecure []string
	// CACerts are files with certificates (PEM) that are trusted besides the
	// system's.
	CACerts []string
	// UserAgent is the program's name for servers. Empty means "casement".
	UserAgent string
	// Parallel is how many blobs are uploaded at a time. Zero means 4.
	Parallel int
	// Retries is how often a request is repeated after a fault that may pass.
	// Zero means 5; a negative number means never.
	Retries int
	// Backoff is the wait before the first repetition; it doubles with each, up
	// to MaxBackoff. Zero means 0.3 s and 10 s.
	Backoff, MaxBackoff time.Duration
	// MaxWait is the longest wait that a server may ask for with Retry-After
	// before the request is given up. Zero means 90 s.
	MaxWait time.Duration
	// Stall is how long a connection may be silent before it counts as broken.
	// Zero means a minute.
	Stall time.Duration
	// Observe is told of bytes that move. It is called from several goroutines
	// at once and must not block. It may be nil.
	Observe func(Transfer)
	// Store keeps manifests and configs by digest, and its blobs are used instead
	// of downloads. It may be nil.
	Store *store.Store
}

// A Client reads from and writes to registries. It is safe for concurrent use,
// and one Client should serve the whole program: it keeps connections, tokens
// and credentials.
type Client struct {
	o        Options
	secure   *http.Transport // checks certificates
	insecure *http.Transport // does not
	keys     *keychain
	slots    chan struct{} // one for each upload that may run

	mu      sync.Mutex
	hosts   map[string]*host
	flights map[string]*flight // uploads by host/repository@digest
}

// New returns a client. It reads the certificates but no credentials yet.
func New(o Options) (*Client, error) {
	setDefaults(&o)
	roots, err := certificates(o.CACerts)
	if err != nil {
		return nil, err
	}
	dir, err := configDir(o.ConfigDir)
	if err != nil {
		return nil, err
	}
	return &Client{
		o:        o,
		secure:   transport(&tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}),
		insecure: transport(&tls.Config{InsecureSkipVerify: true}), //nolint:gosec // the user named the registry as insecure
		keys:     &keychain{dir: dir},
		slots:    make(chan struct{}, o.Parallel),
		hosts:    map[string]*host{},
		flights:  map[string]*flight{},
	}, nil
}

func setDefaults(o *Options) {
	if o.UserAgent == "" {
		o.UserAgent = "casement"
	}
	if o.Parallel <= 0 {
		o.Parallel = 4
	}
	if o.Retries == 0 {
		o.Retries = 5
	}
	for d, def := range map[*time.Duration]time.Duration{
		&o.Backoff:    300 * time.Millisecond,
		&o.MaxBackoff: 10 * time.Second,
		&o.MaxWait:    90 * time.Second,
		&o.Stall:      time.Minute,
	} {
		if *d <= 0 {
			*d = def
		}
	}
}

// transport returns a transport for large blobs. It speaks HTTP/1.1 only: with
// HTTP/2 all blobs would share one connection and its flow control, which is
// slower for uploads and lets one broken connection break them all. It does not
// ask for compression, since blobs have to arrive as they are.
func transport(conf *tls.Config) *http.Transport {
	dialer := &net.Dialer{Timeout: 20 * time.Second, KeepAlive: 20 * time.Second}
	t := &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         dialer.DialContext,
		TLSClientConfig:     conf,
		TLSHandshakeTimeout: 20 * time.Second,
		MaxIdleConnsPerHost: 16,
		IdleConnTimeout:     90 * time.Second,
		WriteBufferSize:     128 << 10,
		ReadBufferSize:      64 << 10,
		DisableCompression:  true,
		Protocols:           new(http.Protocols),
	}
	t.Protocols.SetHTTP1(true)
	return t
}

// certificates returns the system's trusted certificates and those of files, and
// nil, which stands for the system's, if there are no files.
func certificates(files []string) (*x509.CertPool, error) {
	if len(files) == 0 {
		return nil, nil
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	for _, name := range files {
		pem, err := os.ReadFile(name)
		if err != nil {
			if pe := (*fs.PathError)(nil); errors.As(err, &pe) {
				err = pe.Err
			}
			return nil, fmt.Errorf("reading the certificates in %s: %w", name, err)
		}
		if !pool.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("reading the certificates in %s: there is none in PEM form", name)
		}
	}
	return pool, nil
}

// configDir returns the directory of Docker's config.json.
func configDir(dir string) (string, error) {
	if dir != "" {
		return dir, nil
	}
	if dir = os.Getenv("DOCKER_CONFIG"); dir != "" {
		return dir, nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		// Without a home directory there are no credentials, which is no fault.
		return "", nil //nolint:nilerr // see above
	}
	return filepath.Join(home, ".docker"), nil
}

// Transport returns a transport with the client's certificates and proxies, for
// requests that are not about registries.
func (c *Client) Transport() *http.Transport { return c.secure.Clone() }

// Close drops idle connections. The client can be used again afterwards.
func (c *Client) Close() {
	c.secure.CloseIdleConnections()
	c.insecure.CloseIdleConnections()
}

// Op says what a transfer does.
type Op string

// The operations of transfers.
const (
	Pull   Op = "pull"   // bytes come from a registry
	Push   Op = "push"   // bytes go to a registry
	Mount  Op = "mount"  // the registry took a blob from another of its repositories
	Exists Op = "exists" // the registry had the blob already
)

// State says how far a transfer is.
type State string

// The states of transfers. Every transfer starts once and ends once, done or
// failed; one that moves no bytes is done at once.
const (
	Started State = "started"
	Moving  State = "moving"
	Done    State = "done"
	Failed  State = "failed"
)

// Transfer is a fact about bytes that move.
type Transfer struct {
	Op Op
	// Ref is the repository.
	Ref        string
	Descriptor ocispec.Descriptor
	// Done is the number of bytes that have been moved so far. After a broken
	// upload it starts at 0 again.
	Done, Total int64
	State       State
}

// moveStep is how many bytes move between two reports at least.
const moveStep = 1 << 20

// meter reports one transfer. A nil meter reports nothing. An upload that the
// server has answered early may still be read from while the next one begins, so
// a meter is safe for concurrent use.
type meter struct {
	observe func(Transfer)
	mu      sync.Mutex
	t       Transfer
	shown   int64
}

func (c *Client) meter(op Op, ref string, d ocispec.Descriptor) *meter {
	if c.o.Observe == nil {
		return nil
	}
	m := &meter{observe: c.o.Observe, t: Transfer{Op: op, Ref: ref, Descriptor: d, Total: d.Size}}
	m.report(Started)
	return m
}

// instant reports a transfer that moved no bytes.
func (c *Client) instant(op Op, ref string, d ocispec.Descriptor) {
	if c.o.Observe != nil {
		c.o.Observe(Transfer{Op: op, Ref: ref, Descriptor: d, Total: d.Size, State: Done})
	}
}

// report is called by one goroutine at a time.
func (m *meter) report(s State) {
	m.t.State, m.shown = s, m.t.Done
	m.observe(m.t)
}

// at says that n bytes have been moved.
func (m *meter) at(n int64) {
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.t.State == Done || m.t.State == Failed {
		return
	}
	m.t.Done = n
	if n-m.shown >= moveStep || n < m.shown {
		m.report(Moving)
	}
}

// end says how the transfer ended.
func (m *meter) end(err error) {
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if err != nil {
		m.report(Failed)
		return
	}
	m.report(Done)
}
