package psnet

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/casement/casement/internal/run/winsh/fetch"
	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/run/winsh/ps"
	"github.com/casement/casement/internal/run/winsh/pscmd"
)

// transfer is a request as one of .NET's clients makes it.
type transfer struct {
	s        *ps.Session
	method   string
	url      *url.URL
	header   http.Header
	proxy    *proxy // nil is none
	creds    *pscmd.Credential
	own      bool // the account of Windows may be asked for
	insecure bool
	// redirects is how many are followed; 0 is none.
	redirects int
	timeout   time.Duration
	// what names the member in refusals.
	what string
}

// send sends the request. The error is an exception of the session's .NET, or
// one that no script sees.
func (t *transfer) send(ctx context.Context) (*fetch.Response, error) {
	c := fetch.Client{Send: t.s.Machine().HTTP, Timeout: t.timeout, Wire: t.s.Process().Wire}
	c.Wire.Proxy = t.proxy.wire()
	c.Wire.Insecure = c.Wire.Insecure || t.insecure
	if desktop(t.s) {
		c.Redirects = fetch.FrameworkRedirects(t.redirects)
	} else {
		c.Redirects = fetch.CoreRedirects(t.redirects)
	}
	if t.redirects == 0 {
		c.Redirects.Overflow = false
	}
	req := fetch.Request{Method: t.method, URL: t.url, Header: t.header}
	if host := t.header.Get("Host"); host != "" {
		req.Host = host
		req.Header = t.header.Clone()
		req.Header.Del("Host")
	}
	resp, err := c.Do(ctx, req)
	if err != nil || resp.StatusCode != http.StatusUnauthorized || t.creds == nil && !t.own {
		return resp, err
	}
	asks := resp.Header.Values("Www-Authenticate")
	basic := slices.ContainsFunc(asks, func(a string) bool { return strings.HasPrefix(strings.ToLower(a), "basic") })
	switch {
	case t.creds != nil && basic:
		resp.Body.Close()
		req.User = url.UserPassword(t.creds.User, t.creds.Password.Text)
		return c.Do(ctx, req)
	case t.own && len(asks) > 0:
		resp.Body.Close()
		return nil, machine.Refuse(t.what, "the server asks for the account of Windows", "give a name and password, or a header")
	case len(asks) > 0:
		resp.Body.Close()
		return nil, machine.Refuse(t.what, "the server asks for an authentication other than Basic", "give a header")
	}
	return resp, nil
}

// webError makes the WebException of a transfer that failed. Others are
// returned as they are.
func webError(s *ps.Session, err error) error {
	var e *fetch.Error
	if !errors.As(err, &e) {
		return err
	}
	x := pscmd.WebFailure(s, e)
	if x.Type == "System.Net.WebException" {
		return x
	}
	message, status := e.WebException()
	if e.Kind == fetch.ErrTimeout {
		x = ps.NewException("System.Net.WebException", message)
		x.Data = map[string]any{"Status": statusEnum(s, status)}
		return x
	}
	return &ps.Exception{Type: "System.Net.WebException", Message: x.Message, Inner: x, Data: map[string]any{"Status": statusEnum(s, status)}}
}

func statusEnum(s *ps.Session, name string) any {
	t := s.Engine().Type("System.Net.WebExceptionStatus")
	for _, v := range t.Values {
		if v.Name == name {
			return ps.Enum{Type: t, Value: v.Value}
		}
	}
	return nil
}

// statusError is the WebException for an answer that says no.
func statusError(s *ps.Session, resp *fetch.Response) error {
	text := strings.TrimSpace(strings.TrimPrefix(resp.Status, strconv.Itoa(resp.StatusCode)))
	if text == "" {
		text = http.StatusText(resp.StatusCode)
	}
	return &ps.Exception{
		Type: "System.Net.WebException", Message: "The remote server returned an error: (" + strconv.Itoa(resp.StatusCode) + ") " + text + ".", HResult: -2146233079,
		Data: map[string]any{"Response": s.Object("System.Net.HttpWebResponse", resp), "Status": statusEnum(s, "ProtocolError")},
	}
}

// readBody reads an answer, as far as one value may be.
func readBody(s *ps.Session, r io.Reader) ([]byte, error) {
	most := s.Machine().Limits().Memory
	b, err := io.ReadAll(io.LimitReader(r, most+1))
	if err != nil {
		return nil, err
	}
	return b, limit(s, int64(len(b)))
}

// bodyText decodes an answer: in the encoding of its type, of its mark, or other.
func bodyText(b []byte, contentType string, other *pscmd.Charset) string {
	cs := other
	if _, after, ok := strings.Cut(strings.ToLower(contentType), "charset="); ok {
		name, _, _ := strings.Cut(after, ";")
		if named := namedCharset(strings.Trim(strings.TrimSpace(name), `"'`)); named != nil {
			cs = named
		}
	} else {
		for _, m := range []*pscmd.Charset{pscmd.UTF8(true), pscmd.UTF32(false), pscmd.UTF16(false), pscmd.UTF16(true)} {
			if len(b) >= len(m.BOM) && string(b[:len(m.BOM)]) == string(m.BOM) {
				cs = m
				break
			}
		}
	}
	if n := len(cs.BOM); n > 0 && len(b) >= n && string(b[:n]) == string(cs.BOM) {
		b = b[n:]
	}
	return cs.Decode(b)
}

// address makes the URL of a text or a Uri. File names are URLs to .NET, too.
func address(in *ps.Invoke, i int, base string) (*url.URL, error) {
	text := in.String(i)
	if u, ok := dataOf[*netURI](in, i); ok {
		text = u.absolute()
		if text == "" {
			text = u.orig
		}
	}
	if text == "" {
		return nil, nullArgument(in.Session, "address")
	}
	text = strings.TrimSpace(text)
	if base != "" && !strings.Contains(text, "://") {
		text = strings.TrimSuffix(base, "/") + "/" + strings.TrimPrefix(text, "/")
	}
	if !strings.Contains(text, ":") || len(text) > 1 && text[1] == ':' {
		path, err := full(in.Session, text)
		if err != nil {
			return nil, err
		}
		return &url.URL{Scheme: "file", Path: "/" + strings.ReplaceAll(path, `\`, "/")}, nil
	}
	n, err := parseURI(in.Session.Edition(), text)
	if err != nil {
		return nil, err
	}
	u, err := n.address()
	if err != nil {
		return nil, err
	}
	switch u.Scheme {
	case "http", "https", "file":
		return u, nil
	case "ftp":
		return nil, machine.Refuse(u.Redacted(), "FTP is not supported", "download it over https")
	}
	return nil, throw(notSupported, "The URI prefix is not recognized.")
}

// localPath is the path of a file URL.
func localPath(u *url.URL) string {
	p := strings.ReplaceAll(u.Path, "/", `\`)
	if u.Host != "" {
		return `\\` + u.Host + p
	}
	return strings.TrimPrefix(p, `\`)
}
