package pscmd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
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
)

// connection says how the request goes out.
func (w *webCall) connection(ctx context.Context) error {
	c := w.c
	limit := c.Int("MaximumRedirection", -1)
	if limit < 0 {
		limit = 5
	}
	w.client = fetch.Client{Send: w.session.sender(c.Session.Machine(), w.desktop())}
	if w.desktop() {
		w.client.Redirects = fetch.FrameworkRedirects(limit)
		w.client.Redirects.Overflow = limit > 0
	} else {
		w.client.Redirects = fetch.CoreRedirects(limit)
		w.client.Redirects.Downgrade = c.Switch("AllowInsecureRedirect")
		w.client.Redirects.KeepAuth, w.client.Redirects.DropAuth = c.Switch("PreserveAuthorizationOnRedirect"), !c.Switch("PreserveAuthorizationOnRedirect")
		if c.Switch("PreserveHttpMethodOnRedirect") {
			w.client.Redirects.Method = func(_ int, method string) string { return method }
		}
	}
	name := "TimeoutSec"
	if !w.desktop() {
		name = "ConnectionTimeoutSeconds"
	}
	if n := c.Int(name, 0); n > 0 {
		w.client.Timeout = time.Duration(n) * time.Second
		if !w.desktop() {
			w.client.Timeout, w.client.Connect = 0, time.Duration(n)*time.Second
		}
	}
	if c.Has("Proxy") {
		w.client.Wire.Proxy = c.String("Proxy")
	}
	if c.Switch("NoProxy") {
		w.client.Wire.Proxy = "direct"
	}
	// The callback of ServicePointManager, which the process keeps, is for the
	// requests of .NET Framework.
	w.client.Wire.Insecure = c.Switch("SkipCertificateCheck") || w.desktop() && c.Session.Process().Wire.Insecure
	if v, ok := map[string]uint16{"tls": 0x301, "tls11": 0x302, "tls12": 0x303, "tls13": 0x304}[strings.ToLower(c.String("SslProtocol"))]; ok {
		w.client.Wire.MinTLS, w.client.Wire.MaxTLS = v, v
	}
	return ctx.Err()
}

// send sends the request; a server that asks for a name and password gets the
// ones of -Credential.
func (w *webCall) send(ctx context.Context) (*fetch.Response, error) {
	resp, err := w.client.Do(ctx, w.req)
	if err != nil || resp.StatusCode != http.StatusUnauthorized {
		return resp, err
	}
	asks := resp.Header.Values("Www-Authenticate")
	if w.c.Switch("UseDefaultCredentials") && len(asks) > 0 {
		resp.Body.Close()
		return nil, machine.Refuse("-UseDefaultCredentials", "the server asks for the account of Windows", "use -Credential or a header")
	}
	cred, ok := CredentialOf(w.c.Value("Credential"))
	if !ok || w.req.User != nil {
		return resp, nil
	}
	if !slices.ContainsFunc(asks, func(a string) bool { return strings.HasPrefix(strings.ToLower(a), "basic") }) {
		if len(asks) > 0 {
			resp.Body.Close()
			return nil, machine.Refuse("-Credential", "the server asks for an authentication other than Basic", "")
		}
		return resp, nil
	}
	resp.Body.Close()
	w.req.User = url.UserPassword(cred.User, cred.Password.Text)
	return w.client.Do(ctx, w.req)
}

// asks says what is sent, for the verbose stream.
func (w *webCall) asks() string {
	size := int64(0)
	if w.req.Body != nil {
		size = w.req.Body.Size
	}
	if !w.desktop() {
		return fmt.Sprintf("Requested HTTP/1.1 %s with %d-byte payload", w.req.Method, size)
	}
	if w.req.Body != nil {
		size = -1 // the size is not set yet
	}
	return fmt.Sprintf("%s %s with %d-byte payload", w.req.Method, strings.ReplaceAll(w.req.URL.String(), "%20", " "), size)
}

// answers says what comes back, for the verbose stream.
func (w *webCall) answers(resp *fetch.Response) string {
	kind := resp.Header.Get("Content-Type")
	switch {
	case w.desktop():
		return fmt.Sprintf("received %d-byte response of content type %s", resp.ContentLength, kind)
	case resp.ContentLength < 0:
		return "Received HTTP/1.1 response of content type " + mediaType(kind) + " of unknown size"
	}
	return fmt.Sprintf("Received HTTP/1.1 %d-byte response of content type %s", resp.ContentLength, mediaType(kind))
}

// retry waits before another try, if -MaximumRetryCount allows one.
func (w *webCall) retry(ctx context.Context, resp *fetch.Response, done int) (bool, error) {
	if done >= w.c.Int("MaximumRetryCount", 0) || resp.StatusCode != 304 && (resp.StatusCode < 400 || resp.StatusCode > 599) {
		return false, nil
	}
	wait := w.c.Int("RetryIntervalSec", 5)
	if resp.StatusCode == http.StatusTooManyRequests {
		if n, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil {
			wait = n
		}
	}
	if err := w.c.Verbose(ctx, "Retrying after interval of "+strconv.Itoa(wait)+" seconds. Status code for previous attempt: "+http.StatusText(resp.StatusCode)); err != nil {
		return false, err
	}
	return true, sleep(ctx, time.Duration(wait)*time.Second)
}

// sleep waits, unless the step ends before.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// failed is the record of a transfer that failed.
func (w *webCall) failed(err error) error {
	var e *fetch.Error
	if !errors.As(err, &e) {
		return err
	}
	x := WebFailure(w.c.Session, e)
	r := ps.Record(x, "WebCmdletWebResponseException", ps.InvalidOperation, w.request())
	if x.Inner != nil && !w.desktop() {
		r.Details = x.Inner.Message
	}
	return r
}

// WebFailure is the exception that the .NET of the session has for a transfer
// that failed: a WebException or an HttpRequestException.
func WebFailure(s *ps.Session, e *fetch.Error) *ps.Exception {
	if s.Edition() == ps.Desktop {
		message, status := e.WebException()
		return &ps.Exception{Type: "System.Net.WebException", Message: message, HResult: -2146233079, Data: map[string]any{"Status": status}}
	}
	x := ps.NewException("System.Net.Http.HttpRequestException", e.HTTPClient())
	if inner := e.Inner(); inner != "" {
		x.Inner = ps.NewException("System.Security.Authentication.AuthenticationException", inner)
	}
	if e.Kind == fetch.ErrTimeout {
		x.Type = "System.Threading.Tasks.TaskCanceledException"
	}
	return x
}

// statusError is the record of an answer that says no.
func (w *webCall) statusError(resp *fetch.Response) error {
	s := w.c.Session
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return w.failed(err)
	}
	text := strings.TrimSpace(strings.TrimPrefix(resp.Status, strconv.Itoa(resp.StatusCode)))
	if text == "" {
		text = http.StatusText(resp.StatusCode)
	}
	x := &ps.Exception{Type: "System.Net.WebException", Message: "The remote server returned an error: (" + strconv.Itoa(resp.StatusCode) + ") " + text + ".", HResult: -2146233079}
	if !w.desktop() {
		x.Type = "Microsoft.PowerShell.Commands.HttpResponseException"
		x.Message = "Response status code does not indicate success: " + strconv.Itoa(resp.StatusCode) + " (" + text + ")."
	}
	x.Data = map[string]any{"Response": responseObject(s, resp), "Status": "ProtocolError"}
	r := ps.Record(x, "WebCmdletWebResponseException", ps.InvalidOperation, w.request())
	r.Details = w.details(decodeBody(s, body, resp.Header.Get("Content-Type")), resp)
	return r
}

// details is the text of an error page, as the record shows it.
func (w *webCall) details(text string, resp *fetch.Response) string {
	if w.desktop() {
		if resp.ContentLength <= 0 {
			return ""
		}
		return stripTags(text)
	}
	if isJSON(mediaType(resp.Header.Get("Content-Type"))) {
		if pretty := indentJSON(text); pretty != "" {
			return "\r\n" + pretty
		}
	}
	return stripTags(text)
}

// stripTags removes everything between < and >.
func stripTags(s string) string {
	var b strings.Builder
	for {
		before, rest, ok := strings.Cut(s, "<")
		b.WriteString(before)
		if !ok {
			return b.String()
		}
		_, after, ok := strings.Cut(rest, ">")
		if !ok {
			b.WriteString("<" + rest)
			return b.String()
		}
		s = after
	}
}

// request is the target of records about requests.
func (w *webCall) request() any {
	if w.desktop() {
		return w.c.Session.Object("System.Net.HttpWebRequest", w.req.URL)
	}
	return w.c.Session.Object("System.Net.Http.HttpRequestMessage", w.req.URL)
}

// outPath is the file to write: PowerShell 7 lets -OutFile be a directory.
func (w *webCall) outPath(ctx context.Context, resp *fetch.Response) (string, error) {
	dir, err := isDirDest(ctx, w.c.Session, w.outFile)
	if err != nil {
		return "", thrown(err)
	}
	if !dir || w.desktop() {
		return w.outFile, nil
	}
	path := resp.URL.Path
	return strings.TrimSuffix(w.outFile, `\`) + `\` + path[strings.LastIndexByte(path, '/')+1:], nil
}

// save writes the body to -OutFile while it arrives.
func (w *webCall) save(ctx context.Context, resp *fetch.Response, body io.Reader) error {
	path, err := w.outPath(ctx, resp)
	if err != nil {
		return err
	}
	if !w.desktop() {
		if err := w.c.Verbose(ctx, "File Name: "+path[strings.LastIndexByte(path, '\\')+1:]); err != nil {
			return err
		}
	}
	f, err := w.c.Session.Machine().FS().Create(ctx, path, machine.CreateOptions{})
	if err != nil {
		if fatal(err) {
			return err
		}
		return thrown(err)
	}
	_, err = io.CopyBuffer(onlyWriter{f}, onlyReader{body}, make([]byte, 128<<10))
	if err2 := f.Close(); err == nil {
		err = err2
	}
	if err != nil {
		return w.failed(err)
	}
	return nil
}

// onlyReader and onlyWriter keep io.CopyBuffer to its buffer.
type onlyReader struct{ io.Reader }
type onlyWriter struct{ io.Writer }

// content reads the body for the output.
func (w *webCall) content(resp *fetch.Response) ([]byte, error) {
	limit := w.c.Session.Machine().Limits().Memory
	var b bytes.Buffer
	if n := resp.ContentLength; n > 0 && n <= limit {
		b.Grow(int(n) + 1)
	}
	_, err := io.Copy(&b, io.LimitReader(resp.Body, limit+1))
	if err != nil {
		return nil, w.failed(err)
	}
	if int64(b.Len()) > limit {
		return nil, machine.Refuse(w.c.Cmdlet.Name+" "+w.req.URL.Redacted(), "the answer is too large to be held as one value", "download it with -OutFile")
	}
	return b.Bytes(), nil
}
