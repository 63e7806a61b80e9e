package source

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/casement/casement/internal/store"
	"github.com/opencontainers/go-digest"
)

// The kinds of records in the store.
const (
	urlRecord      = "http-url"      // recordKey -> httpFile
	checksumRecord = "http-checksum" // a digest that is not SHA-256 -> httpFile
)

var (
	errDowngrade = errors.New("the server redirects from https to http")
	errRestart   = errors.New("the file has changed on the server")
	errStalled   = errors.New("no more bytes are coming")
)

// A statusError is an answer of a server that is no file.
type statusError struct {
	url    string
	code   int
	status string
	after  time.Duration // Retry-After
}

// Error names the URL and the status.
func (e *statusError) Error() string {
	return fmt.Sprintf("downloading %s: the server answers %s", e.url, e.status)
}

// Hint says what the user can do about it.
func (e *statusError) Hint() string {
	switch {
	case e.code == http.StatusNotFound || e.code == http.StatusGone:
		return "check the URL"
	case e.code == http.StatusUnauthorized || e.code == http.StatusForbidden:
		return "put a token into the environment variable HTTP_AUTH_TOKEN_<host>, or check the URL"
	case e.code == http.StatusProxyAuthRequired:
		return "put the user and password of the proxy into HTTPS_PROXY"
	case e.transient():
		return "try again later"
	}
	return ""
}

// transient reports whether another attempt may do better.
func (e *statusError) transient() bool {
	switch e.code {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests, http.StatusInternalServerError,
		http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// current returns the file that is behind the URL now, from the store if the
// server says that it has not changed.
func (h *HTTP) current(ctx context.Context, r request) (httpFile, error) {
	var known httpFile
	if rec, err := h.o.Store.Get(urlRecord, r.recordKey()); err == nil {
		if json.Unmarshal(rec.Value, &known) != nil {
			known = httpFile{}
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return known, err
	}
	d := &download{h: h, r: r, known: known}
	defer d.close()
	if err := d.run(ctx); err != nil || d.unchanged {
		return known, err
	}
	desc, err := d.w.Commit(ctx, "")
	if err != nil {
		return known, err
	}
	d.file.Digest, d.file.Size = desc.Digest, desc.Size
	value, err := json.Marshal(d.file)
	if err != nil {
		return known, err
	}
	return d.file, h.o.Store.Put(ctx, urlRecord, r.recordKey(), value, desc.Digest)
}

// byChecksum returns the file with the request's checksum.
func (h *HTTP) byChecksum(ctx context.Context, r request) (httpFile, error) {
	if r.checksum.Algorithm() != digest.SHA256 {
		return h.byOtherChecksum(ctx, r)
	}
	f := httpFile{Digest: r.checksum}
	p, err := h.o.Store.Partial(ctx, r.checksum)
	if errors.Is(err, fs.ErrExist) {
		f.Size, err = h.o.Store.Stat(r.checksum)
		return f, err
	}
	if err != nil {
		return f, err
	}
	defer p.Close()
	for again := p.Size() > 0; ; again = false {
		d := &download{h: h, r: r, p: p}
		if err := d.run(ctx); err != nil {
			return f, err
		}
		desc, err := p.Commit(ctx)
		var wrong *store.DigestError
		if !errors.As(err, &wrong) {
			f.Size = desc.Size
			return f, err
		}
		if !again {
			return f, errors.Join(checksumError(r, wrong.Got), p.Discard())
		}
		// The beginning, from another day, may be that of another file.
		if err := p.Reset(); err != nil {
			return f, err
		}
	}
}

// byOtherChecksum is byChecksum for a digest under which the store has no blobs.
func (h *HTTP) byOtherChecksum(ctx context.Context, r request) (httpFile, error) {
	done, err := h.lock(ctx, r.checksum.String())
	if err != nil {
		return httpFile{}, err
	}
	defer done()
	var known httpFile
	if rec, err := h.o.Store.Get(checksumRecord, r.checksum.String()); err == nil && json.Unmarshal(rec.Value, &known) == nil {
		return known, nil
	}
	d := &download{h: h, r: r, hash: r.checksum.Algorithm().Hash()}
	defer d.close()
	if err := d.run(ctx); err != nil {
		return known, err
	}
	if got := digest.NewDigest(r.checksum.Algorithm(), d.hash); got != r.checksum {
		return known, checksumError(r, got)
	}
	desc, err := d.w.Commit(ctx, "")
	if err != nil {
		return known, err
	}
	f := httpFile{Digest: desc.Digest, Size: desc.Size}
	value, err := json.Marshal(f)
	if err != nil {
		return f, err
	}
	return f, h.o.Store.Put(ctx, checksumRecord, r.checksum.String(), value, desc.Digest)
}

func checksumError(r request, got digest.Digest) error {
	return withHint(fmt.Errorf("downloading %s: the file has the checksum %s and not %s", redact(r.url), got, r.checksum),
		"if the new file is the right one, change --checksum; otherwise the server or somebody between is wrong")
}

// A download brings one file into the store, over as many connections as it
// takes. It goes into p if the digest is known, and otherwise into w.
type download struct {
	h     *HTTP
	r     request
	known httpFile // what the store has for the URL
	p     *store.Partial
	w     *store.Writer
	hash  hash.Hash // nil unless the checksum is not SHA-256

	file      httpFile // what the server says
	unchanged bool     // the server has what is known
	validator string   // for If-Range; "" if the server gives none that is strong
	total     int64
	alive     func() // keeps the connection from being given up
}

func (d *download) close() {
	if d.w != nil {
		d.w.Close()
	}
}

// run makes attempts until the file is there. An attempt that brings bytes
// gives a new count.
func (d *download) run(ctx context.Context) error {
	pause := d.h.o.Pause
	for failures := 1; ; failures++ {
		before := d.size()
		err := d.attempt(ctx)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if d.size() > before && !errors.Is(err, errRestart) {
			failures, pause = 1, d.h.o.Pause
		}
		if failures >= d.h.o.Attempts || !retriable(err) || d.size() == 0 && refused(err) != nil {
			return d.explain(err)
		}
		wait := pause
		var status *statusError
		if errors.As(err, &status) && status.after > wait {
			wait = min(status.after, time.Minute)
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		pause = min(2*pause, 15*time.Second)
	}
}

// permanent wraps an error that another attempt would give again.
type permanent struct{ error }

// Unwrap returns the error itself.
func (p permanent) Unwrap() error { return p.error }

func retriable(err error) bool {
	var status *statusError
	if errors.As(err, &status) {
		return status.transient()
	}
	var fatal permanent
	var unknownHost *net.DNSError
	var badCertificate *tls.CertificateVerificationError
	if errors.As(err, &unknownHost) && unknownHost.IsNotFound || errors.As(err, &badCertificate) {
		return false
	}
	return !errors.As(err, &fatal) && !errors.Is(err, errDowngrade)
}

// refused returns the reason why there was no connection at all; nil if there
// was one.
func refused(err error) error {
	var op *net.OpError
	var unknownHost *net.DNSError
	if errors.As(err, &op) && op.Op == "dial" && !errors.As(err, &unknownHost) {
		return op.Err
	}
	return nil
}

// explain makes an error of the last attempt one for the user.
func (d *download) explain(err error) error {
	var status *statusError
	var own *store.Error
	if errors.As(err, &status) || errors.As(err, &own) {
		return err
	}
	// Errors of package http have the whole URL in them.
	var ue *url.Error
	if errors.As(err, &ue) {
		err = ue.Err
	}
	if dial := refused(err); dial != nil {
		err = fmt.Errorf("downloading %s: no connection: %w", redact(d.r.url), dial)
		return withHint(err, "is the server running, and are host and port right? A proxy is named by HTTPS_PROXY")
	}
	err = fmt.Errorf("downloading %s: %w", redact(d.r.url), err)
	var badCertificate *tls.CertificateVerificationError
	if errors.As(err, &badCertificate) {
		return withHint(err, "if the server has a certificate of your own authority, let SSL_CERT_FILE name the authority's file")
	}
	if errors.Is(err, errDowngrade) {
		return withHint(err, "use the http URL if that is what you want")
	}
	return withHint(err, "check the network and the proxy (HTTPS_PROXY), then try again: what has arrived is kept if there is a --checksum")
}

func (d *download) size() int64 {
	switch {
	case d.p != nil:
		return d.p.Size()
	case d.w != nil:
		return d.w.Size()
	}
	return 0
}

// restart drops what has arrived.
func (d *download) restart(ctx context.Context) (err error) {
	if d.hash != nil {
		d.hash.Reset()
	}
	if d.p != nil {
		return d.p.Reset()
	}
	d.close()
	d.w, err = d.h.o.Store.Create(ctx)
	return err
}

// attempt makes one request, and reads as much as it gets.
func (d *download) attempt(ctx context.Context) error {
	if d.p == nil && d.w == nil || d.p == nil && d.validator == "" && d.size() > 0 {
		// Nothing says that the rest would be that of the same file.
		if err := d.restart(ctx); err != nil {
			return permanent{err}
		}
	}
	within, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watch := time.AfterFunc(d.h.o.Stall, func() { cancel(errStalled) })
	defer watch.Stop()
	d.alive = func() { watch.Reset(d.h.o.Stall) }
	req, err := d.request(within)
	if err != nil {
		return permanent{err}
	}
	resp, err := d.h.client.Do(req)
	if err == nil {
		err = d.answer(ctx, resp)
		resp.Body.Close()
	}
	if err != nil && ctx.Err() == nil && within.Err() != nil {
		return errStalled
	}
	return err
}

// answer takes what the server says.
func (d *download) answer(ctx context.Context, resp *http.Response) error {
	switch {
	case resp.StatusCode == http.StatusNotModified && d.known.Digest != "":
		d.unchanged = true
		return nil
	case resp.StatusCode == http.StatusPartialContent && d.size() > 0:
		start, ok := rangeStart(resp.Header.Get("Content-Range"))
		tag := resp.Header.Get("ETag")
		if !ok || start != d.size() || strong(d.validator) && tag != "" && tag != d.validator {
			return errors.Join(errRestart, d.restart(ctx))
		}
	case resp.StatusCode == http.StatusRequestedRangeNotSatisfiable && d.size() > 0:
		if resp.Header.Get("Content-Range") == fmt.Sprintf("bytes */%d", d.size()) {
			return nil // everything had arrived
		}
		return errors.Join(errRestart, d.restart(ctx))
	case resp.StatusCode == http.StatusOK:
		if d.sameAsKnown(resp.Header) {
			d.unchanged = true
			return nil
		}
		if d.size() > 0 {
			if err := d.restart(ctx); err != nil {
				return permanent{err}
			}
		}
	default:
		return d.statusOf(resp)
	}
	return d.receive(resp)
}

// statusOf returns the error for an answer that is no file.
func (d *download) statusOf(resp *http.Response) error {
	status := strings.TrimSpace(fmt.Sprintf("%d %s", resp.StatusCode, http.StatusText(resp.StatusCode)))
	e := &statusError{url: redact(d.r.url), code: resp.StatusCode, status: status}
	after := resp.Header.Get("Retry-After")
	if s, err := strconv.Atoi(after); err == nil && s > 0 {
		e.after = time.Duration(min(s, 3600)) * time.Second
	} else if t, err := http.ParseTime(after); err == nil {
		e.after = time.Until(t)
	}
	return e
}

// request returns the next request: the whole file, or what is missing.
func (d *download) request(ctx context.Context) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, d.r.url, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("User-Agent", d.h.o.UserAgent)
	for name, v := range d.r.header {
		req.Header[name] = v
	}
	// The bytes that are asked for, not a compressed form of them: ranges and
	// checksums are of these.
	req.Header.Set("Accept-Encoding", "identity")
	if err := d.authorize(ctx, req); err != nil {
		return nil, err
	}
	if n := d.size(); n > 0 {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-", n))
		if d.validator != "" {
			req.Header.Set("If-Range", d.validator)
		}
		return req, nil
	}
	if d.known.Digest != "" {
		if d.known.ETag != "" {
			req.Header.Set("If-None-Match", d.known.ETag)
		} else if d.known.LastModified != "" {
			req.Header.Set("If-Modified-Since", d.known.LastModified)
		}
	}
	return req, nil
}

// authorize adds the Authorization header, if there is a secret for it.
func (d *download) authorize(ctx context.Context, req *http.Request) error {
	if req.URL.User != nil {
		password, _ := req.URL.User.Password()
		req.Header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(req.URL.User.Username()+":"+password)))
	}
	if d.h.o.Secret == nil {
		if d.r.secret != "" {
			return fmt.Errorf("there is no secret %s", d.r.secret)
		}
		return nil
	}
	type source struct{ name, prefix string }
	list := []source{{d.r.secret, ""}}
	if d.r.secret == "" {
		host := req.URL.Hostname()
		list = []source{{"HTTP_AUTH_HEADER_" + host, ""}, {"HTTP_AUTH_TOKEN_" + host, "Bearer "}}
	}
	for _, s := range list {
		v, err := d.h.o.Secret(ctx, s.name)
		if err != nil {
			return fmt.Errorf("reading the secret %s: %w", s.name, err)
		}
		if v != nil {
			req.Header.Set("Authorization", s.prefix+strings.TrimSpace(string(v)))
			return nil
		}
	}
	if d.r.secret != "" {
		return fmt.Errorf("there is no secret %s", d.r.secret)
	}
	return nil
}

// sameAsKnown recognises the file in the store although the server sends it
// again: not all servers mind If-None-Match.
func (d *download) sameAsKnown(header http.Header) bool {
	tag := header.Get("ETag")
	return d.known.Digest != "" && strong(tag) && tag == d.known.ETag && d.size() == 0
}

// strong reports whether equal tags mean equal bytes.
func strong(tag string) bool { return strings.HasPrefix(tag, `"`) }

// receive reads the body of a good answer.
func (d *download) receive(resp *http.Response) error {
	d.file = httpFile{
		Name:         fileName(d.r.url, d.r.filename, resp.Header.Get("Content-Disposition")),
		ETag:         resp.Header.Get("ETag"),
		LastModified: resp.Header.Get("Last-Modified"),
	}
	d.validator = ""
	if t, err := http.ParseTime(d.file.LastModified); err == nil {
		d.file.Modified = t.UTC()
		// Within a minute a file can change without a new time.
		if date, err := http.ParseTime(resp.Header.Get("Date")); err == nil && date.Sub(t) > time.Minute {
			d.validator = d.file.LastModified
		}
	} else {
		d.file.LastModified = ""
	}
	if strong(d.file.ETag) {
		d.validator = d.file.ETag
	}
	d.total = -1
	if resp.ContentLength >= 0 {
		d.total = d.size() + resp.ContentLength
	}
	_, err := io.Copy(d, resp.Body)
	return err
}

// Write takes bytes of the body.
func (d *download) Write(b []byte) (n int, err error) {
	if d.p != nil {
		n, err = d.p.Write(b)
	} else {
		n, err = d.w.Write(b)
	}
	if d.hash != nil {
		d.hash.Write(b[:n])
	}
	if err != nil {
		return n, permanent{err}
	}
	d.alive()
	if d.h.o.Progress != nil {
		d.h.o.Progress(d.r.url, d.size(), d.total)
	}
	return n, nil
}

// rangeStart returns the first position of a Content-Range header.
func rangeStart(v string) (int64, bool) {
	v, ok := strings.CutPrefix(v, "bytes ")
	if !ok {
		return 0, false
	}
	first, _, ok := strings.Cut(v, "-")
	if !ok {
		return 0, false
	}
	n, err := strconv.ParseInt(first, 10, 64)
	return n, err == nil
}
