package fetch

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"

	"github.com/casement/casement/internal/run"
)

// ErrorKind is what went wrong with a transfer.
type ErrorKind uint8

// The kinds of [Error].
const (
	ErrOther          ErrorKind = iota
	ErrBadURL                   // not a URL
	ErrProtocol                 // a scheme that is not HTTP
	ErrResolve                  // the name is not known
	ErrConnect                  // the connection was refused, or there is no way there
	ErrConnectTimeout           // no connection in time
	ErrTimeout                  // not done in time
	ErrUntrusted                // nobody trusted has signed the certificate
	ErrWrongHost                // the certificate is for another host
	ErrExpired                  // the certificate is not valid now
	ErrHandshake                // TLS failed otherwise
	ErrRedirects                // too many redirects
	ErrEmpty                    // closed before an answer
	ErrReset                    // reset by the server
	ErrCut                      // the body is shorter than announced
	ErrBadAnswer                // not HTTP
	ErrRoots                    // certificates to trust that cannot be read
	ErrProxy                    // the proxy's name is not known, or it refuses
)

// Error is a transfer that failed. It knows the words of each client.
type Error struct {
	Kind ErrorKind
	URL  *url.URL
	// After is how long it took; Got and Size count bytes of the body, and
	// Size is -1 if unknown.
	After     time.Duration
	Got, Size int64
	// Limit is the number of redirects that were too few.
	Limit int
	Err   error
}

// Error is what casement itself says.
func (e *Error) Error() string {
	text := e.HTTPClient()
	if e.Err != nil {
		text = e.Err.Error()
	}
	if e.URL == nil {
		return text
	}
	return fmt.Sprintf("requesting %s: %s", e.URL.Redacted(), text)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

func isRefused(err error) bool {
	var r *run.RefusedError
	return errors.As(err, &r)
}

// classify finds the kind of an error of package http.
func (e *Error) classify(err error) {
	var (
		dns      *net.DNSError
		op       *net.OpError
		unknown  x509.UnknownAuthorityError
		host     x509.HostnameError
		invalid  x509.CertificateInvalidError
		roots    x509.SystemRootsError
		record   tls.RecordHeaderError
		alert    tls.AlertError
		verify   *tls.CertificateVerificationError
		deadline interface{ Timeout() bool }
	)
	switch {
	case errors.As(err, &op) && op.Op == "proxyconnect":
		e.Kind = ErrProxy
	case errors.As(err, &dns):
		e.Kind = ErrResolve
	case errors.As(err, &host):
		e.Kind = ErrWrongHost
	case errors.As(err, &unknown), errors.As(err, &roots):
		e.Kind = ErrUntrusted
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		e.Kind = ErrExpired
	case errors.As(err, &invalid), errors.As(err, &verify):
		e.Kind = ErrUntrusted
	case errors.As(err, &record), errors.As(err, &alert), errors.Is(err, http.ErrSchemeMismatch), strings.Contains(err.Error(), "tls: "):
		e.Kind = ErrHandshake
	case errors.Is(err, syscall.ECONNREFUSED), errors.As(err, &op) && op.Op == "dial" && !op.Timeout():
		e.Kind = ErrConnect
	case errors.Is(err, io.ErrUnexpectedEOF):
		e.Kind = ErrCut
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		e.Kind = ErrReset
	case errors.As(err, &op) && op.Op == "dial":
		e.Kind = ErrConnectTimeout
	case errors.As(err, &deadline) && deadline.Timeout(), errors.Is(err, context.DeadlineExceeded):
		e.Kind = ErrTimeout
	case errors.Is(err, io.EOF), strings.Contains(err.Error(), "server closed idle connection"), strings.HasSuffix(err.Error(), "EOF"):
		e.Kind = ErrEmpty
	case strings.Contains(err.Error(), "malformed HTTP"), strings.Contains(err.Error(), "malformed MIME"), strings.Contains(err.Error(), "invalid chunk"):
		e.Kind = ErrBadAnswer
	}
}

// host and port that were asked.
func (e *Error) host() string {
	if e.URL == nil {
		return ""
	}
	return e.URL.Hostname()
}

func (e *Error) port() string {
	if e.URL == nil {
		return ""
	}
	return portOf(e.URL)
}

// Curl returns the exit code of curl and its text without "curl: (6) ".
func (e *Error) Curl() (code int, text string) {
	ms := e.After.Milliseconds()
	switch e.Kind {
	case ErrBadURL:
		return 3, "URL rejected: Malformed input to a URL function"
	case ErrProtocol:
		return 1, fmt.Sprintf("Protocol %q not supported", e.URL.Scheme)
	case ErrResolve:
		return 6, "Could not resolve host: " + e.host()
	case ErrProxy:
		return 7, fmt.Sprintf("Failed to connect to %s port %s: Could not connect to server", e.host(), e.port())
	case ErrConnect:
		return 7, fmt.Sprintf("Failed to connect to %s port %s after %d ms: Could not connect to server", e.host(), e.port(), ms)
	case ErrConnectTimeout:
		return 28, fmt.Sprintf("Failed to connect to %s port %s after %d ms: Timeout was reached", e.host(), e.port(), ms)
	case ErrTimeout:
		if e.Size > 0 {
			return 28, fmt.Sprintf("Operation timed out after %d milliseconds with %d out of %d bytes received", ms, e.Got, e.Size)
		}
		return 28, fmt.Sprintf("Operation timed out after %d milliseconds with %d bytes received", ms, e.Got)
	case ErrUntrusted:
		return 60, "schannel: SEC_E_UNTRUSTED_ROOT (0x80090325) - The certificate chain was issued by an authority that is not trusted."
	case ErrWrongHost:
		return 60, "schannel: SNI or certificate check failed: SEC_E_WRONG_PRINCIPAL (0x80090322) - The target principal name is incorrect."
	case ErrExpired:
		return 35, "schannel: next InitializeSecurityContext failed: SEC_E_CERT_EXPIRED (0x80090328) - The received certificate has expired."
	case ErrHandshake:
		return 35, "schannel: next InitializeSecurityContext failed: SEC_E_INVALID_TOKEN (0x80090308) - The token supplied to the function is invalid"
	case ErrRedirects:
		return 47, fmt.Sprintf("Maximum (%d) redirects followed", e.Limit)
	case ErrEmpty:
		return 52, "Empty reply from server"
	case ErrReset:
		return 56, "Recv failure: Connection was reset"
	case ErrCut:
		if e.Size < 0 {
			return 18, "transfer closed with outstanding read data remaining"
		}
		return 18, fmt.Sprintf("end of response with %d bytes missing", e.Size-e.Got)
	case ErrBadAnswer:
		return 1, "Received HTTP/0.9 when not allowed"
	case ErrRoots:
		return 77, "schannel: failed to import CA file"
	}
	return 56, "Failure when receiving data from the peer"
}

// WebException returns what .NET Framework says: the message, and the name of
// the WebExceptionStatus.
func (e *Error) WebException() (message, status string) {
	switch e.Kind {
	case ErrResolve:
		return fmt.Sprintf("The remote name could not be resolved: '%s'", e.host()), "NameResolutionFailure"
	case ErrProxy:
		return "The remote name could not be resolved", "ProxyNameResolutionFailure"
	case ErrConnect, ErrConnectTimeout:
		return "Unable to connect to the remote server", "ConnectFailure"
	case ErrTimeout:
		return "The operation has timed out.", "Timeout"
	case ErrUntrusted, ErrWrongHost, ErrExpired:
		return "The underlying connection was closed: Could not establish trust relationship for the SSL/TLS secure channel.", "TrustFailure"
	case ErrHandshake, ErrRoots:
		return "The request was aborted: Could not create SSL/TLS secure channel.", "SecureChannelFailure"
	case ErrRedirects:
		return "Too many automatic redirections were attempted.", "ProtocolError"
	case ErrReset:
		return "The underlying connection was closed: An unexpected error occurred on a receive.", "ReceiveFailure"
	case ErrBadAnswer:
		return "The server committed a protocol violation. Section=ResponseStatusLine", "ServerProtocolViolation"
	case ErrBadURL:
		return "Invalid URI: The hostname could not be parsed.", "UnknownError"
	case ErrProtocol:
		return "The URI prefix is not recognized.", "UnknownError"
	}
	return "The underlying connection was closed: The connection was closed unexpectedly.", "ConnectionClosed"
}

// HTTPClient returns the message of the HttpRequestException of .NET.
func (e *Error) HTTPClient() string {
	where := "(" + e.host() + ":" + e.port() + ")"
	switch e.Kind {
	case ErrResolve:
		return "No such host is known. " + where
	case ErrConnect, ErrProxy:
		return "No connection could be made because the target machine actively refused it. " + where
	case ErrConnectTimeout:
		return "A connection attempt failed because the connected party did not properly respond after a period of time, " +
			"or established connection failed because connected host has failed to respond. " + where
	case ErrTimeout:
		return fmt.Sprintf("The request was canceled due to the configured HttpClient.Timeout of %d seconds elapsing.",
			int64(e.After.Round(time.Second)/time.Second))
	case ErrUntrusted, ErrWrongHost, ErrExpired, ErrHandshake, ErrRoots:
		return "The SSL connection could not be established, see inner exception."
	case ErrEmpty, ErrCut:
		return "The response ended prematurely."
	case ErrReset:
		return "Unable to read data from the transport connection: An existing connection was forcibly closed by the remote host.."
	case ErrBadAnswer:
		return "Received an invalid status line."
	case ErrBadURL:
		return "Invalid URI: The hostname could not be parsed."
	case ErrProtocol:
		return fmt.Sprintf("The '%s' scheme is not supported.", e.URL.Scheme)
	}
	return "An error occurred while sending the request."
}

// Inner returns the message of the exception inside the one of [Error.HTTPClient],
// or "" if it has none that matters.
func (e *Error) Inner() string {
	switch e.Kind {
	case ErrUntrusted:
		return "The remote certificate is invalid because of errors in the certificate chain: UntrustedRoot"
	case ErrExpired:
		return "The remote certificate is invalid because of errors in the certificate chain: NotTimeValid"
	case ErrWrongHost:
		return "The remote certificate is invalid according to the validation procedure: RemoteCertificateNameMismatch"
	case ErrHandshake:
		return "Authentication failed, see inner exception."
	}
	return ""
}
