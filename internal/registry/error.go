package registry

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"
	"unicode"

	"github.com/opencontainers/go-digest"

	"github.com/casement/casement/internal/store"
)

// Kind says what sort of fault an Error is.
type Kind uint8

// The kinds of errors.
const (
	Other        Kind = iota // none of the others
	Invalid                  // the request makes no sense, or the registry refused it
	NotFound                 // there is no such image, blob or repository
	Unauthorized             // the registry wants to know who asks
	Forbidden                // it knows, and refuses
	RateLimited              // too many requests
	Unavailable              // no connection, or the server is in trouble
	Untrusted                // the certificate does not prove who the server is
	Corrupt                  // bytes do not match their digest
)

// String returns the kind in words.
func (k Kind) String() string {
	return [...]string{"error", "not accepted", "not found", "not logged in", "access denied",
		"too many requests", "not available", "not trusted", "corrupt"}[min(k, Corrupt)]
}

// Error is a fault of a registry or of what it delivered. NotFound matches
// fs.ErrNotExist, Unauthorized and Forbidden match fs.ErrPermission, Corrupt
// matches store.ErrCorrupt.
type Error struct {
	Kind Kind
	// Op says what was being done ("pulling the manifest"), and Ref to what.
	Op, Ref string
	// Detail is what the registry said, in one line.
	Detail string
	// Err is the cause, if there is one.
	Err error

	hint string
	// status and wait are the HTTP status and the wait that the server asked for.
	status int
	wait   time.Duration
	// final says that repeating the request cannot help, unreached that there
	// was no connection at all.
	final, unreached bool
}

// Error says in one line what was done, to what, and what went wrong.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Op)
	if e.Ref != "" {
		b.WriteString(" " + e.Ref)
	}
	said := false
	if e.Kind != Other && e.Kind != Invalid && (e.Err == nil || e.Detail != "") {
		b.WriteString(": " + e.Kind.String())
		said = true
	}
	if e.Detail != "" {
		b.WriteString(": " + e.Detail)
		said = true
	}
	if e.Err != nil {
		b.WriteString(": " + redact(e.Err.Error()))
	} else if !said {
		b.WriteString(": " + e.Kind.String())
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is makes the error match the errors of package fs.
func (e *Error) Is(target error) bool {
	switch target {
	case fs.ErrNotExist:
		return e.Kind == NotFound
	case fs.ErrPermission:
		return e.Kind == Unauthorized || e.Kind == Forbidden
	case store.ErrCorrupt:
		return e.Kind == Corrupt
	}
	return false
}

// Hint says what the user can do about it, or nothing.
func (e *Error) Hint() string {
	if e.hint != "" {
		return e.hint
	}
	switch e.Kind {
	case Unauthorized:
		return "the repository may not exist, or wants a login: `docker login` stores credentials that casement uses"
	case Forbidden:
		return "these credentials do not allow it: check the repository's name and its permissions"
	case RateLimited:
		return "wait a little, or log in: registries allow known users more"
	case Untrusted:
		return "--cacert FILE trusts the authority that made it; --insecure HOST does without checking"
	case Corrupt:
		return "the registry or something on the way to it damages data; try again"
	case Unavailable:
		return "try again later: what has been transferred is kept"
	}
	return ""
}

// corrupt is the error for bytes that are not those of their digest.
func corrupt(op, ref string, want, got digest.Digest) *Error {
	return &Error{Kind: Corrupt, Op: op, Ref: ref, Detail: fmt.Sprintf("expected %s, got %s", want, got)}
}

// answer turns an answer that nobody expected into an error. It reads the body,
// but does not close it.
func answer(op, ref string, resp *http.Response) *Error {
	e := &Error{Op: op, Ref: ref, status: resp.StatusCode, wait: retryAfter(resp.Header)}
	code, text := registryMessage(resp)
	switch s := resp.StatusCode; {
	case s == http.StatusUnauthorized:
		e.Kind = Unauthorized
	case s == http.StatusForbidden, s == http.StatusProxyAuthRequired:
		e.Kind = Forbidden
	case s == http.StatusNotFound, s == http.StatusGone:
		e.Kind = NotFound
	case s == http.StatusTooManyRequests:
		e.Kind = RateLimited
	case s >= 500, s == http.StatusRequestTimeout:
		e.Kind = Unavailable
	default:
		e.Kind = Invalid
	}
	if resp.StatusCode == http.StatusBadRequest && resp.Request != nil && resp.Request.URL.Scheme == "http" && resp.TLS == nil {
		e.hint = "if " + resp.Request.URL.Host + " speaks TLS, leave out --plain-http"
	}
	if code == "DIGEST_INVALID" {
		e.Kind = Corrupt
	}
	e.Detail = text
	if text == "" || e.Kind == Unavailable || e.Kind == Invalid {
		e.Detail = strings.TrimSuffix(fmt.Sprintf("the server answered %d %s: %s", resp.StatusCode, http.StatusText(resp.StatusCode), text), ": ")
	}
	return e
}

// registryMessage returns the first code and all messages of a registry's error
// document, in one line.
func registryMessage(resp *http.Response) (code, text string) {
	if resp.Body == nil {
		return "", ""
	}
	raw, _ := io.ReadAll(io.LimitReader(resp.Body, 16<<10))
	var doc struct {
		Errors  []struct{ Code, Message string }
		Details string // token servers
		Error   string `json:"error_description"`
	}
	if json.Unmarshal(raw, &doc) != nil {
		return "", ""
	}
	var all []string
	for _, e := range doc.Errors {
		if code == "" {
			code = e.Code
		}
		if m := strings.TrimSpace(e.Message); m != "" {
			all = append(all, m)
		} else if e.Code != "" {
			all = append(all, e.Code)
		}
	}
	if len(all) == 0 {
		all = append(all, doc.Details+doc.Error)
	}
	return code, redact(shorten(oneLine(strings.Join(all, "; "))))
}

// broken turns a request that got no answer into an error, without the address
// that net/http puts into its own.
func broken(op, ref, host string, err error) *Error {
	var ue *url.Error
	if errors.As(err, &ue) {
		err = ue.Err
	}
	e := &Error{Kind: Unavailable, Op: op, Ref: ref, Err: err}
	var (
		dns  *net.DNSError
		dial *net.OpError
		cert *tls.CertificateVerificationError
		auth x509.UnknownAuthorityError
		name x509.HostnameError
	)
	switch {
	case errors.As(err, &dns):
		e.Err = fmt.Errorf("there is no host %s (%s)", dns.Name, dnsReason(dns))
		e.unreached = true
		e.hint = "check the spelling of the registry's name and the network"
		if strings.HasSuffix(dns.Name, "docker.io") {
			e.hint = "a name without a registry is one of Docker Hub; for another write REGISTRY/NAME:TAG, and check the network"
		}
	case errors.Is(err, http.ErrSchemeMismatch), isPlain(err):
		e.Err = fmt.Errorf("%s does not speak TLS", host)
		e.final = true
		e.hint = "if it is meant to be so, allow it with --plain-http " + host
	case errors.As(err, &cert), errors.As(err, &auth), errors.As(err, &name):
		e.Kind = Untrusted
		e.Err = fmt.Errorf("the certificate of %s is not trusted: %w", host, plainTLS(err))
		e.hint = "--cacert FILE trusts the authority that made it; --insecure " + host + " does without checking"
	case errors.As(err, &dial) && dial.Op == "dial":
		e.Err = fmt.Errorf("no connection to %s: %w", host, dial.Err)
		e.unreached = true
		e.hint = "is the registry running, and is the port right?"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		e.Err = fmt.Errorf("%s closed the connection", host)
	}
	return e
}

// plainTLS takes off what package tls puts before the reason.
func plainTLS(err error) error {
	var cert *tls.CertificateVerificationError
	if errors.As(err, &cert) {
		err = cert.Err
	}
	if auth := (x509.UnknownAuthorityError{}); errors.As(err, &auth) {
		return &reworded{"it is signed by an unknown authority", err}
	}
	return &reworded{strings.TrimPrefix(err.Error(), "x509: "), err}
}

// reworded is an error in other words.
type reworded struct {
	text string
	err  error
}

func (r *reworded) Error() string { return r.text }
func (r *reworded) Unwrap() error { return r.err }

func dnsReason(e *net.DNSError) string {
	if e.IsNotFound {
		return "name not found"
	}
	return e.Err
}

// isPlain reports whether a TLS handshake met something that is not TLS.
func isPlain(err error) bool {
	var rec tls.RecordHeaderError
	return errors.As(err, &rec)
}

// hopeless reports whether repeating a request that met err cannot help. known
// says that the host has answered before, so that it is known to exist.
func hopeless(err error, known bool) bool {
	var e *Error
	var source *sourceFault
	if errors.As(err, &source) || !errors.As(err, &e) {
		return true
	}
	if e.status != 0 {
		return e.Kind != RateLimited && e.Kind != Unavailable ||
			e.status == http.StatusNotImplemented || e.status == http.StatusHTTPVersionNotSupported
	}
	return e.Kind != Unavailable || e.final || e.unreached && !known
}

// retryAfter reads the Retry-After header; 0 if there is none.
func retryAfter(h http.Header) time.Duration {
	v := strings.TrimSpace(h.Get("Retry-After"))
	if v == "" {
		return 0
	}
	if d, err := time.ParseDuration(v + "s"); err == nil && d > 0 {
		return d
	}
	if t, err := http.ParseTime(v); err == nil {
		return max(0, time.Until(t))
	}
	return 0
}

// redact drops user names, passwords and query strings from addresses.
func redact(s string) string {
	if !strings.Contains(s, "://") {
		return s
	}
	s = regexp.MustCompile(`(://)[^\s"/@]*@`).ReplaceAllString(s, "$1")
	return regexp.MustCompile(`(://[^\s"?]*)\?[^\s"]*`).ReplaceAllString(s, "$1")
}

func oneLine(s string) string {
	return strings.Join(strings.Fields(strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, s)), " ")
}

func shorten(s string) string {
	const most = 300
	if len(s) > most {
		return strings.ToValidUTF8(s[:most], "") + "..."
	}
	return s
}
