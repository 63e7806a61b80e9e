package tools

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/casement/casement/internal/run/winsh/fetch"
	"github.com/casement/casement/internal/run/winsh/machine"
)

// certURLCache downloads a file. The copy that Windows keeps in its cache of
// certificates is not made.
func certURLCache(ctx context.Context, p *proc, c certArgs) (int, error) {
	u, err := url.Parse(c.args[0])
	if err != nil || u.Scheme != "http" && u.Scheme != "https" {
		return 1, machine.Refuse("certutil -urlcache of "+c.args[0], "only http and https are downloaded", "use a URL of these")
	}
	name := u.Path[strings.LastIndexByte(u.Path, '/')+1:]
	if len(c.args) > 1 {
		name = c.args[1]
	}
	if name == "" {
		return 1, machine.Refuse("certutil -urlcache of "+c.args[0], "the URL has no name for the file", "add the name of the file")
	}
	full, err := p.full(name)
	if err != nil {
		return 1, err
	}
	p.println("****  Online  ****")
	client := fetch.Client{Send: p.Machine.HTTP, Redirects: fetch.FrameworkRedirects(10)}
	r, err := client.Do(ctx, fetch.Request{URL: u, Header: http.Header{"User-Agent": {"CertUtil URL Agent"}, "Accept": {"*/*"}}})
	if err != nil {
		return c.netFail(p, err)
	}
	defer r.Body.Close()
	if r.StatusCode != http.StatusOK {
		return c.httpFail(p, r.StatusCode)
	}
	w, err := p.fs().Create(ctx, full, machine.CreateOptions{})
	if code, fatal := winCode(err); fatal != nil {
		return 1, fatal
	} else if code != 0 {
		return c.fail(p, code)
	}
	n, err := io.Copy(w, r.Body)
	if cerr := w.Close(); err == nil && cerr != nil {
		return 1, fmt.Errorf("writing %s: %w", full, cerr)
	}
	if err != nil {
		return c.netFail(p, err)
	}
	size := fmt.Sprintf("%04x", n)
	if len(size)%2 == 1 {
		size = "0" + size
	}
	if c.split {
		p.println("  %s  ...", strings.Repeat("0", len(size)))
		p.println("  %s", size)
	}
	return c.done(p)
}

// netFail prints what certutil says when there is no answer.
func (c certArgs) netFail(p *proc, err error) (int, error) {
	var e *fetch.Error
	if !errors.As(err, &e) {
		return 1, err
	}
	code, symbol, text := uint32(12029), "ERROR_INTERNET_CANNOT_CONNECT", "A connection with the server could not be established"
	switch e.Kind {
	case fetch.ErrResolve:
		code, symbol, text = 12007, "ERROR_INTERNET_NAME_NOT_RESOLVED", "The server name or address could not be resolved"
	case fetch.ErrTimeout, fetch.ErrConnectTimeout:
		code, symbol, text = 12002, "ERROR_INTERNET_TIMEOUT", "The operation timed out"
	case fetch.ErrConnect, fetch.ErrProxy:
	case fetch.ErrUntrusted, fetch.ErrWrongHost, fetch.ErrExpired, fetch.ErrHandshake:
		code, symbol, text = 12175, "ERROR_INTERNET_DECODING_FAILED", "A security error occurred"
	default:
		code, symbol, text = 12030, "ERROR_INTERNET_CONNECTION_ABORTED", "The connection with the server was terminated abnormally"
	}
	result := 0x80070000 | code
	p.println("CertUtil: -%s command FAILED: 0x%08x (WIN32: %d %s)", c.verb, result, code, symbol)
	p.println("CertUtil: %s", text)
	return int(int32(result)), p.failed
}

// httpFail prints what certutil says of a status.
func (c certArgs) httpFail(p *proc, status int) (int, error) {
	symbol, text := "", ""
	switch status {
	case http.StatusUnauthorized:
		symbol, text = "HTTP_E_STATUS_DENIED", "Unauthorized (401)."
	case http.StatusForbidden:
		symbol, text = "HTTP_E_STATUS_FORBIDDEN", "Forbidden (403)."
	case http.StatusNotFound:
		symbol, text = "HTTP_E_STATUS_NOT_FOUND", "Not found (404)."
	case http.StatusInternalServerError:
		symbol, text = "HTTP_E_STATUS_SERVER_ERROR", "Internal server error (500)."
	default:
		return 1, machine.Refuse("certutil -urlcache", fmt.Sprintf("the server answered with %d", status), "check the URL, or download with curl")
	}
	result := uint32(0x80190000 + status)
	p.println("CertUtil: -%s command FAILED: 0x%08x (%d %s)", c.verb, result, int32(result), symbol)
	p.println("CertUtil: %s", text)
	return int(int32(result)), p.failed
}
