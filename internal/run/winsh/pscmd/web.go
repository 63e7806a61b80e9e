package pscmd

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/casement/casement/internal/run/winsh/fetch"
	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/run/winsh/ps"
)

const webParameters = `
	UseBasicParsing switch
	Uri object @1 mandatory notempty
	HttpVersion object 7 !the version of HTTP is the network's
	WebSession object
	SessionVariable|SV string
	AllowUnencryptedAuthentication switch 7
	Authentication string in=None,Basic,Bearer,OAuth 7
	Credential object
	UseDefaultCredentials switch
	CertificateThumbprint string notempty !certificates of clients need Windows
	Certificate object !certificates of clients need Windows
	SkipCertificateCheck switch 7
	SslProtocol string in=Default,Tls,Tls11,Tls12,Tls13 7
	Token object 7
	UserAgent string
	DisableKeepAlive switch
	TimeoutSec int range=0..2147483647 5.1
	ConnectionTimeoutSeconds|TimeoutSec int range=0..2147483647 7
	OperationTimeoutSeconds int range=0..2147483647 7
	Headers object
	SkipHeaderValidation switch 7
	AllowInsecureRedirect switch 7
	MaximumRedirection int range=0..2147483647
	MaximumRetryCount int range=0..2147483647 7
	PreserveAuthorizationOnRedirect switch 7
	PreserveHttpMethodOnRedirect switch 7
	RetryIntervalSec int range=1..2147483647 7
	Method string in=Default,Get,Head,Post,Put,Delete,Trace,Options,Merge,Patch
	CustomMethod|CM string notempty 7
	NoProxy switch 7
	Proxy object
	ProxyCredential object !proxies that ask who is there are not supported => write the name into the URL of the proxy
	ProxyUseDefaultCredentials switch !proxies that ask who is there are not supported
	Body object pipeline
	Form object 7 !forms of several parts are not sent => make the body yourself
	ContentType string
	TransferEncoding string in=chunked,compress,deflate,gzip,identity !bodies are sent as they are
	InFile string
	OutFile string
	PassThru switch
	Resume switch 7 !downloads begin anew
	SkipHttpErrorCheck switch 7
	UnixSocket object 7 !there are no Unix sockets
`

// webCmdlets send requests.
func webCmdlets() []*ps.Cmdlet {
	return []*ps.Cmdlet{
		{
			Name: "Invoke-WebRequest", Aliases: []string{"iwr"}, Aliases51: []string{"curl", "wget"}, Module: moduleUtility,
			Syntax: params(webParameters),
			Process: func(ctx context.Context, c *ps.Call) error {
				return (&webCall{c: c}).run(ctx, (*webCall).webResponse)
			},
		},
		{
			Name: "Invoke-RestMethod", Aliases: []string{"irm"}, Module: moduleUtility,
			Syntax: params(webParameters + `
				FollowRelLink|FL switch 7 !links to further pages are not followed
				MaximumFollowRelLink|ML int 7 !links to further pages are not followed
				ResponseHeadersVariable|RHV string 7
				StatusCodeVariable string 7`),
			Process: func(ctx context.Context, c *ps.Call) error {
				return (&webCall{c: c, rest: true}).run(ctx, (*webCall).restResponse)
			},
		},
	}
}

// webCall is one request of a cmdlet.
type webCall struct {
	c       *ps.Call
	rest    bool
	session *WebSession
	client  fetch.Client
	req     fetch.Request
	outFile string
}

// pipes reports whether the answer goes to the output.
func (w *webCall) pipes() bool { return w.outFile == "" || w.c.Switch("PassThru") }

func (w *webCall) desktop() bool { return w.c.Session.Edition() == ps.Desktop }

// run sends the request and gives the answer to use.
func (w *webCall) run(ctx context.Context, use func(*webCall, context.Context, *fetch.Response) error) error {
	if err := w.prepare(ctx); err != nil {
		return err
	}
	for try := 0; ; try++ {
		if err := w.c.Verbose(ctx, w.asks()); err != nil {
			return err
		}
		resp, err := w.send(ctx)
		if err != nil {
			return w.failed(err)
		}
		if !w.desktop() || resp.StatusCode < 400 {
			if err := w.c.Verbose(ctx, w.answers(resp)); err != nil {
				return err
			}
		}
		again, err := w.retry(ctx, resp, try)
		if err != nil {
			return err
		}
		if again {
			resp.Body.Close()
			continue
		}
		err = w.answer(ctx, resp, use)
		resp.Body.Close()
		return err
	}
}

// answer checks the status and hands the answer over.
func (w *webCall) answer(ctx context.Context, resp *fetch.Response, use func(*webCall, context.Context, *fetch.Response) error) error {
	redirect := slices.Contains([]int{300, 301, 302, 303, 307, 308}, resp.StatusCode)
	if !w.desktop() && redirect && resp.URL.Scheme == "https" && !w.c.Switch("AllowInsecureRedirect") && strings.HasPrefix(resp.Header.Get("Location"), "http://") {
		r := fail(invalidOperation, "Operation is not valid due to the current state of the object.", "InsecureRedirection", ps.InvalidOperation, w.request())
		r.Details = "Cannot follow an insecure redirection by default. Reissue the command specifying the -AllowInsecureRedirect switch. "
		return r
	}
	if resp.StatusCode >= 400 || resp.StatusCode >= 300 && !w.desktop() {
		if !w.c.Switch("SkipHttpErrorCheck") {
			return w.statusError(resp)
		}
	}
	if err := use(w, ctx, resp); err != nil {
		return err
	}
	if redirect && w.client.Redirects.Max == 0 {
		r := fail(invalidOperation, "Operation is not valid due to the current state of the object.", "MaximumRedirectExceeded", ps.InvalidOperation, nil)
		r.Details = "The maximum redirection count has been exceeded. To increase the number of redirections allowed, supply a higher value to the -MaximumRedirection parameter."
		return w.c.Error(ctx, r)
	}
	return nil
}

// prepare makes the request of the parameters.
func (w *webCall) prepare(ctx context.Context) error {
	c := w.c
	var err error
	if w.session, err = webSessionOf(c); err != nil {
		return err
	}
	if w.req.URL, err = webURL(c); err != nil {
		return err
	}
	if c.Has("OutFile") {
		if w.outFile, err = c.Session.File(c.String("OutFile")); err != nil {
			return err
		}
	}
	if c.Switch("PassThru") && w.outFile == "" {
		return fail(argumentException, "The cmdlet cannot run because the following parameter is missing: OutFile. Provide a valid OutFile parameter value when using the PassThru parameter, then retry.",
			"WebCmdletOutFileMissingException", ps.InvalidArgument, nil)
	}
	w.req.Method = strings.ToUpper(c.String("Method"))
	if c.Has("CustomMethod") {
		w.req.Method = strings.ToUpper(c.String("CustomMethod"))
	}
	if w.req.Method == "" || w.req.Method == "DEFAULT" {
		w.req.Method = http.MethodGet
	}
	if err := w.headers(); err != nil {
		return err
	}
	if err := w.body(ctx); err != nil {
		return err
	}
	return w.connection(ctx)
}

// webURL reads -Uri: without a scheme it is http.
func webURL(c *ps.Call) (*url.URL, error) { return parseURL(c, c.String("Uri")) }

func parseURL(c *ps.Call, text string) (*url.URL, error) {
	text = strings.TrimSpace(text)
	u, err := url.Parse(strings.ReplaceAll(text, " ", "%20"))
	if err == nil && (u.Scheme == "" || u.Host == "" && !strings.Contains(text, "://")) {
		u, err = url.Parse("http://" + strings.ReplaceAll(text, " ", "%20"))
	}
	if err != nil || u.Host == "" && u.Scheme != "file" {
		return nil, fail("System.UriFormatException", "Invalid URI: The hostname could not be parsed.", "System.UriFormatException", ps.NotSpecified, nil)
	}
	if u.Scheme != "http" && u.Scheme != "https" {
		return nil, machine.Refuse(c.Cmdlet.Name+" "+text, "only http and https are supported", "use Copy-Item for files")
	}
	if u.Path == "" {
		u.Path = "/"
	}
	return u, nil
}

// headers collects headers, and who asks.
func (w *webCall) headers() error {
	c := w.c
	h := http.Header{}
	for _, e := range w.session.Headers.Entries() {
		h.Set(c.Session.ToString(e.Key), c.Session.ToString(e.Value))
	}
	if given := c.Value("Headers"); !ps.IsNull(given) {
		t, ok := ps.Unwrap(given).(*ps.Hashtable)
		if !ok {
			return fail("System.Management.Automation.ParameterBindingException", "Cannot bind parameter 'Headers'. Cannot convert the \""+c.Session.ToString(given)+
				"\" value of type \""+c.Session.TypeOf(given).Name+"\" to type \"System.Collections.IDictionary\".", "CannotConvertArgumentNoMessage", ps.InvalidArgument, nil)
		}
		for _, e := range t.Entries() {
			if ps.IsNull(e.Value) {
				continue
			}
			h.Set(c.Session.ToString(e.Key), c.Session.ToString(e.Value))
			w.session.Headers.Put(c.Session.ToString(e.Key), c.Session.ToString(e.Value))
		}
	}
	if c.Has("UserAgent") {
		w.session.UserAgent = c.String("UserAgent")
	}
	if w.desktop() || h.Get("User-Agent") == "" {
		h.Set("User-Agent", w.userAgent()) // 5.1 does not take it from -Headers
	}
	if host := h.Get("Host"); host != "" {
		w.req.Host = host
		h.Del("Host")
	}
	w.req.Header = h
	return w.credentials()
}

// userAgent is what the session calls itself.
func (w *webCall) userAgent() string {
	if w.session.UserAgent != "" {
		return w.session.UserAgent
	}
	version := "5.1.20348.2849"
	if v, ok := w.c.Session.Variable("PSVersionTable"); ok {
		if t, ok := ps.Unwrap(v).(*ps.Hashtable); ok {
			x, _ := t.Get("PSVersion")
			version = w.c.Session.ToString(x)
		}
	}
	if w.desktop() {
		return "Mozilla/5.0 (Windows NT; Windows NT 10.0; en-US) WindowsPowerShell/" + version
	}
	return "Mozilla/5.0 (Windows NT 10.0; Microsoft Windows 10.0.20348; en-US) PowerShell/" + version
}

// credentials handles -Credential, -Authentication and -Token.
func (w *webCall) credentials() error {
	c := w.c
	kind := strings.ToLower(c.String("Authentication"))
	if kind == "" || kind == "none" {
		return nil
	}
	if w.req.URL.Scheme != "https" && !c.Switch("AllowUnencryptedAuthentication") {
		return fail(argumentException, "The cmdlet cannot protect plain text secrets sent over unencrypted connections. To suppress this warning and send plain text secrets over unencrypted networks, reissue the command specifying the AllowUnencryptedAuthentication parameter.",
			"WebCmdletAllowUnencryptedAuthenticationRequiredException", ps.InvalidArgument, nil)
	}
	if kind == "basic" {
		cred, ok := CredentialOf(c.Value("Credential"))
		if !ok {
			return fail(argumentException, "The cmdlet cannot run because the following parameter is not specified: Credential. The supplied Authentication type requires a Credential. Specify Credential, then retry.",
				"WebCmdletAuthenticationCredentialNotSuppliedException", ps.InvalidArgument, nil)
		}
		w.req.User = url.UserPassword(cred.User, cred.Password.Text)
		return nil
	}
	token, ok := SecureOf(c.Value("Token"))
	if !ok {
		return fail(argumentException, "The cmdlet cannot run because the following parameter is not specified: Token. The supplied Authentication type requires a Token. Specify Token, then retry.",
			"WebCmdletAuthenticationTokenNotSuppliedException", ps.InvalidArgument, nil)
	}
	w.req.Header.Set("Authorization", "Bearer "+token.Text)
	return nil
}

// body makes the content of the request.
func (w *webCall) body(ctx context.Context) error {
	c := w.c
	kind := c.String("ContentType")
	if c.Has("InFile") {
		return w.bodyFile(ctx, kind)
	}
	v := c.Value("Body")
	if ps.IsNull(v) {
		if w.req.Method == http.MethodPost {
			w.req.Body = fetch.BodyOf(nil)
			w.contentType(kind, "application/x-www-form-urlencoded")
		} else if kind != "" {
			w.req.Header.Set("Content-Type", kind)
		}
		return nil
	}
	switch x := ps.Unwrap(v).(type) {
	case *ps.Hashtable:
		form := formOf(c.Session, x)
		if w.req.Method == http.MethodGet {
			if w.req.URL.RawQuery != "" {
				form = w.req.URL.RawQuery + "&" + form
			}
			w.req.URL.RawQuery = form
			return nil
		}
		w.req.Body = fetch.BodyOf([]byte(form))
		w.contentType(kind, "application/x-www-form-urlencoded")
	case *ps.Bytes:
		w.req.Body = fetch.BodyOf(x.B)
		w.contentType(kind, postType(w.req.Method))
	default:
		cs := CodePage(28591)
		if !w.desktop() {
			cs = UTF8(false)
		}
		if _, after, ok := strings.Cut(strings.ToLower(kind), "charset="); ok {
			if named := webCharset(strings.Trim(strings.TrimSpace(after), `"`)); named != nil {
				cs = named
			}
		}
		w.req.Body = fetch.BodyOf(cs.Encode(c.Session.ToString(v)))
		w.contentType(kind, postType(w.req.Method))
	}
	return nil
}

// postType is the type that a body without one has: only POST gives it one.
func postType(method string) string {
	if method == http.MethodPost {
		return "application/x-www-form-urlencoded"
	}
	return ""
}

// contentType sets the type of the body, unless a header has done that.
func (w *webCall) contentType(given, other string) {
	switch {
	case given != "":
		w.req.Header.Set("Content-Type", given)
	case w.req.Header.Get("Content-Type") == "" && other != "":
		w.req.Header.Set("Content-Type", other)
	}
}

func (w *webCall) bodyFile(ctx context.Context, kind string) error {
	path, err := w.c.Session.File(w.c.String("InFile"))
	if err != nil {
		return err
	}
	files := w.c.Session.Machine().FS()
	info, err := files.Stat(ctx, path)
	if err != nil {
		return thrown(err)
	}
	w.req.Body = &fetch.Body{Size: info.Size, Open: func(ctx context.Context) (io.ReadCloser, error) { return files.Open(ctx, path) }}
	w.contentType(kind, postType(w.req.Method))
	return nil
}

// formOf encodes a table as a form.
func formOf(s *ps.Session, t *ps.Hashtable) string {
	var parts []string
	for _, e := range t.Entries() {
		parts = append(parts, url.QueryEscape(s.ToString(e.Key))+"="+url.QueryEscape(s.ToString(e.Value)))
	}
	return strings.Join(parts, "&")
}
