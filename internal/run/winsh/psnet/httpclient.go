package psnet

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/casement/casement/internal/run/winsh/fetch"
	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/run/winsh/ps"
	"github.com/casement/casement/internal/run/winsh/pscmd"
)

const (
	httpAssembly    = "System.Net.Http"
	httpClientName  = "System.Net.Http.HttpClient"
	httpHandlerName = "System.Net.Http.HttpClientHandler"
	httpMessageName = "System.Net.Http.HttpResponseMessage"
	httpRequestName = "System.Net.Http.HttpRequestMessage"
	httpContentName = "System.Net.Http.HttpContent"
	httpHeadersName = "System.Net.Http.Headers.HttpHeaders"
)

// httpClient is the Data of an HttpClient.
type httpClient struct {
	handler *httpHandler
	headers *ps.Object
	base    *netURI
	timeout time.Duration
}

// httpHandler is the Data of an HttpClientHandler.
type httpHandler struct {
	proxy    *proxy
	shown    any
	noProxy  bool
	creds    any
	own      bool
	follow   bool
	most     int
	unpack   int64
	insecure bool
	callback any
}

func newHandler(s *ps.Session) *httpHandler {
	p := systemProxy(s)
	return &httpHandler{proxy: p.Data.(*proxy), follow: true, most: 50}
}

// httpRequest is the Data of an HttpRequestMessage that a script makes; those of
// errors are a *url.URL.
type httpRequest struct {
	method  string
	uri     *netURI
	headers *ps.Object
}

func httpClientTypes() []*ps.Type {
	list := []*ps.Type{
		{
			Name: httpClientName, Implements: []string{"System.IDisposable"}, Members: httpClientMembers,
			New: overloads(val(func(in *ps.Invoke) any {
				c := &httpClient{headers: newHTTPHeaders(in.Session), timeout: 100 * time.Second}
				if h, ok := dataOf[*httpHandler](in, 0); ok {
					c.handler = h
				} else {
					c.handler = newHandler(in.Session)
				}
				return in.Session.Object(httpClientName, c)
			}), "", "System.Net.Http.HttpMessageHandler handler", "System.Net.Http.HttpMessageHandler handler, bool disposeHandler"),
		},
		{Name: "System.Net.Http.HttpMessageHandler", Abstract: true, Implements: []string{"System.IDisposable"}},
		{
			Name: httpHandlerName, Base: "System.Net.Http.HttpMessageHandler", Members: httpHandlerMembers,
			New: overloads(val(func(in *ps.Invoke) any { return in.Session.Object(httpHandlerName, newHandler(in.Session)) }), ""),
		},
		{Name: "System.Net.Http.HttpMethod", Members: httpMethodMembers, String: func(v any) string { return v.(*ps.Object).Data.(string) }, New: overloads(val(func(in *ps.Invoke) any {
			return in.Session.Object("System.Net.Http.HttpMethod", strings.ToUpper(in.String(0)))
		}), "string method")},
		names("System.Net.Http.HttpCompletionOption", "ResponseContentRead", "ResponseHeadersRead"),
		{Name: httpContentName, Abstract: true, Implements: []string{"System.IDisposable"}, Members: httpContentMembers},
		{Name: "System.Net.Http.StreamContent", Base: httpContentName},
		{Name: httpHeadersName, Members: httpHeadersMembers},
	}
	for _, t := range list {
		t.Assembly = httpAssembly
	}
	for _, name := range []string{"StringContent", "ByteArrayContent", "FormUrlEncodedContent", "MultipartFormDataContent"} {
		list = append(list, &ps.Type{Name: "System.Net.Http." + name, Refuse: "a build brings things in and sends nothing out with HttpClient", Way: "use Invoke-WebRequest -Method Post"})
	}
	return append(append(list, headerValueTypes()...),
		&ps.Type{Name: httpMessageName, Implements: []string{"System.IDisposable"}, Members: httpResponseMembers},
		&ps.Type{Name: httpRequestName, Members: httpRequestMembers, New: overloads(can(newHTTPRequest), "", "System.Net.Http.HttpMethod method, uri requestUri", "System.Net.Http.HttpMethod method, string requestUri")},
	)
}

func newHTTPRequest(in *ps.Invoke) (any, error) {
	r := &httpRequest{method: http.MethodGet, headers: newHTTPHeaders(in.Session)}
	if len(in.Args) == 2 {
		r.method, _ = dataOf[string](in, 0)
		u, err := uriArg(in, 1)
		if err != nil {
			return nil, err
		}
		r.uri = u
	}
	return in.Session.Object(httpRequestName, r), nil
}

// uriArg is an argument that is a Uri or its text.
func uriArg(in *ps.Invoke, i int) (*netURI, error) {
	if u, ok := dataOf[*netURI](in, i); ok {
		return u, nil
	}
	return anyURI(in.Session.Edition(), in.String(i))
}

// send sends the request of a method whose first argument is a URL or a request
// message.
func (c *httpClient) send(ctx context.Context, in *ps.Invoke) (*fetch.Response, error) {
	s, h := in.Session, c.handler
	t := &transfer{s: s, method: http.MethodGet, header: c.headers.Data.(*headers).h.Clone(), proxy: h.proxy, own: h.own, insecure: h.insecure, timeout: c.timeout, what: "HttpClient"}
	var uri *netURI
	if r, ok := dataOf[*httpRequest](in, 0); ok {
		t.method, uri = r.method, r.uri
		for name, v := range r.headers.Data.(*headers).h {
			t.header[name] = v
		}
	} else {
		u, err := uriArg(in, 0)
		if err != nil {
			return nil, err
		}
		uri = u
	}
	u, err := c.resolve(in.Session, uri)
	if err != nil {
		return nil, err
	}
	t.url = u
	if t.method != http.MethodGet && t.method != http.MethodHead {
		return nil, machine.Refuse("HttpClient "+t.method, "a build brings things in and sends nothing out with HttpClient", "use Invoke-WebRequest -Method "+t.method)
	}
	if h.follow {
		t.redirects = h.most
	}
	if h.noProxy {
		t.proxy = nil
	}
	t.creds, t.own = credentialsOf(h.creds)
	t.own = t.own || h.own
	if h.unpack != 0 {
		t.header.Set("Accept-Encoding", map[int64]string{1: "gzip", 2: "deflate", 3: "gzip, deflate"}[h.unpack&3])
	}
	return c.within(ctx, in, t)
}

// within sends a transfer under the token of the call.
func (c *httpClient) within(ctx context.Context, in *ps.Invoke, t *transfer) (*fetch.Response, error) {
	for i := range in.Args {
		k, ok := dataOf[*canceler](in, i)
		if !ok {
			continue
		}
		if k.done(in.Session) {
			return nil, throw("System.Threading.Tasks.TaskCanceledException", "A task was canceled.")
		}
		if !k.deadline.IsZero() {
			t.timeout = min(t.timeout, time.Until(k.deadline))
		}
	}
	resp, err := t.send(ctx)
	if err != nil {
		return nil, httpError(in.Session, err)
	}
	if enc := resp.Header.Get("Content-Encoding"); enc != "" && c.handler.unpack != 0 {
		body, err := fetch.DecodeContent(enc, resp.Body)
		if err != nil {
			return nil, throw(invalidData, "The archive entry was compressed using an unsupported compression method.")
		}
		resp.Body = struct {
			io.Reader
			io.Closer
		}{body, resp.Body}
		resp.ContentLength = -1
		resp.Header.Del("Content-Encoding")
		resp.Header.Del("Content-Length")
	}
	return resp, nil
}

// resolve makes the address of a request.
func (c *httpClient) resolve(s *ps.Session, uri *netURI) (*url.URL, error) {
	text := ""
	switch {
	case uri != nil && uri.scheme != "":
		text = uri.absolute()
	case c.base != nil && uri != nil:
		full, err := c.base.resolve(s.Edition(), uri.orig)
		if err != nil {
			return nil, err
		}
		text = full.absolute()
	case c.base != nil:
		text = c.base.absolute()
	}
	u, err := url.Parse(text)
	if text == "" || err != nil {
		return nil, throw(invalidOperation, "An invalid request URI was provided. The request URI must either be an absolute URI or BaseAddress must be set.")
	}
	if u.Scheme != "http" && u.Scheme != "https" {
		return nil, throw(argumentException, "Only 'http' and 'https' schemes are allowed.\r\nParameter name: requestUri")
	}
	return u, nil
}

// httpError makes the HttpRequestException of a transfer that failed.
func httpError(s *ps.Session, err error) error {
	var e *fetch.Error
	if !errors.As(err, &e) {
		return err
	}
	if e.Kind == fetch.ErrTimeout {
		return throw("System.Threading.Tasks.TaskCanceledException", either(s, "A task was canceled.", e.HTTPClient()))
	}
	x := pscmd.WebFailure(s, e)
	if x.Type == "System.Net.WebException" {
		return &ps.Exception{Type: "System.Net.Http.HttpRequestException", Message: "An error occurred while sending the request.", Inner: x}
	}
	return x
}

// success fails for an answer that says no.
func success(resp *fetch.Response) error {
	if resp.StatusCode >= 200 && resp.StatusCode <= 299 {
		return nil
	}
	text := strings.TrimSpace(strings.TrimPrefix(resp.Status, strconv.Itoa(resp.StatusCode)))
	return throw("System.Net.Http.HttpRequestException", "Response status code does not indicate success: "+strconv.Itoa(resp.StatusCode)+" ("+text+").")
}

func httpClientMembers() []ps.Member {
	data := self[*httpClient]
	const text, uri, token = "string requestUri", "uri requestUri", ", System.Threading.CancellationToken cancellationToken"
	const option = ", System.Net.Http.HttpCompletionOption completionOption"
	get := later(func(ctx context.Context, in *ps.Invoke) (any, error) {
		resp, err := data(in).send(ctx, in)
		if err != nil {
			return nil, err
		}
		return in.Session.Object(httpMessageName, resp), nil
	})
	// content makes a method that returns what a good answer has.
	content := func(name string, f func(c *httpContent, in *ps.Invoke) (any, error)) ps.Member {
		return method(name, taskType, later(func(ctx context.Context, in *ps.Invoke) (any, error) {
			resp, err := data(in).send(ctx, in)
			if err != nil {
				return nil, err
			}
			if err := success(resp); err != nil {
				return nil, errors.Join(err, resp.Body.Close())
			}
			return f(contentOf(in.Session, resp), in)
		}), text, uri, text+token, uri+token)
	}
	list := []ps.Member{
		method("GetAsync", taskType, get, text, uri, text+token, uri+token, text+option, uri+option, text+option+token, uri+option+token),
		method("SendAsync", taskType, get, httpRequestName+" request", httpRequestName+" request"+token, httpRequestName+" request"+option, httpRequestName+" request"+option+token),
		content("GetStringAsync", func(c *httpContent, in *ps.Invoke) (any, error) { return c.text(in.Session) }),
		content("GetByteArrayAsync", func(c *httpContent, in *ps.Invoke) (any, error) {
			b, err := c.bytes(in.Session)
			return &ps.Bytes{B: b}, err
		}),
		content("GetStreamAsync", func(c *httpContent, in *ps.Invoke) (any, error) { return c.stream(in.Session), nil }),
		method("CancelPendingRequests", "void", nothing, ""), method("Dispose", "void", nothing, ""),
		prop("DefaultRequestHeaders", httpHeadersName, func(in *ps.Invoke) any { return data(in).headers }),
		ps.Prop("BaseAddress", "uri", func(ctx context.Context, in *ps.Invoke) (any, error) {
			if data(in).base == nil {
				return nil, nil
			}
			return in.Session.CastTo(ctx, data(in).base.orig, "uri")
		}).With(func(_ context.Context, in *ps.Invoke) error {
			u, _ := dataOf[*netURI](in, 0)
			if u != nil && u.scheme == "" {
				return badArgument(in.Session, "The base address must be an absolute URI.", "value")
			}
			data(in).base = u
			return nil
		}),
		prop("Timeout", "timespan", func(in *ps.Invoke) any { return ps.TimeSpan(data(in).timeout / 100) }).With(func(_ context.Context, in *ps.Invoke) error {
			t := in.Args[0].(ps.TimeSpan)
			if t <= 0 {
				t = 0 // infinite
			}
			data(in).timeout = t.Duration()
			return nil
		}),
		prop("MaxResponseContentBufferSize", "long", func(*ps.Invoke) any { return int64(2147483647) }).With(func(context.Context, *ps.Invoke) error { return nil }),
	}
	return append(list, refused("a build brings things in and sends nothing out with HttpClient", "use Invoke-WebRequest -Method Post", "PostAsync", "PutAsync", "DeleteAsync", "PatchAsync")...)
}

func httpHandlerMembers() []ps.Member {
	data := self[*httpHandler]
	flag := func(name string, at func(h *httpHandler) *bool, not bool) ps.Member {
		return prop(name, "bool", func(in *ps.Invoke) any { return *at(data(in)) != not }).With(func(_ context.Context, in *ps.Invoke) error {
			*at(data(in)) = in.Bool(0) != not
			return nil
		})
	}
	trust := func(_ context.Context, in *ps.Invoke) error {
		saved := *servicePointOf(in.Session)
		wire := in.Session.Process().Wire
		err := setCallback(context.Background(), in)
		data(in).callback, data(in).insecure = in.Args[0], in.Session.Process().Wire.Insecure
		*servicePointOf(in.Session), in.Session.Process().Wire = saved, wire
		return err
	}
	return []ps.Member{
		flag("AllowAutoRedirect", func(h *httpHandler) *bool { return &h.follow }, false), flag("UseDefaultCredentials", func(h *httpHandler) *bool { return &h.own }, false),
		flag("UseProxy", func(h *httpHandler) *bool { return &h.noProxy }, true),
		prop("UseCookies", "bool", func(*ps.Invoke) any { return true }).With(func(context.Context, *ps.Invoke) error { return nil }),
		prop("MaxAutomaticRedirections", "int", func(in *ps.Invoke) any { return ps.Int(data(in).most) }).With(func(_ context.Context, in *ps.Invoke) error {
			data(in).most = in.Int(0)
			return nil
		}),
		prop("AutomaticDecompression", "System.Net.DecompressionMethods", func(in *ps.Invoke) any {
			return in.Session.Enum("System.Net.DecompressionMethods", data(in).unpack)
		}).With(func(_ context.Context, in *ps.Invoke) error { data(in).unpack = enumArg(in, 0); return nil }),
		prop("Proxy", "System.Net.IWebProxy", func(in *ps.Invoke) any { return data(in).shown }).With(func(_ context.Context, in *ps.Invoke) error {
			data(in).shown, data(in).proxy = in.Args[0], proxyArg(in.Args[0])
			if data(in).proxy == nil {
				data(in).proxy = systemProxy(in.Session).Data.(*proxy) // null is the system's
			}
			return nil
		}),
		prop("Credentials", "System.Net.ICredentials", func(in *ps.Invoke) any { return data(in).creds }).With(func(_ context.Context, in *ps.Invoke) error {
			data(in).creds = in.Args[0]
			return nil
		}),
		prop("SslProtocols", "System.Security.Authentication.SslProtocols", func(in *ps.Invoke) any {
			return in.Session.Enum("System.Security.Authentication.SslProtocols", 0)
		}).With(func(context.Context, *ps.Invoke) error { return nil }),
		prop("ServerCertificateCustomValidationCallback", "System.Object", func(in *ps.Invoke) any { return data(in).callback }).With(trust),
		method("Dispose", "void", nothing, ""),
	}
}

func httpMethodMembers() []ps.Member {
	var list []ps.Member
	for _, m := range []string{"Get", "Head", "Post", "Put", "Delete", "Options", "Trace"} {
		list = append(list, field(m, "System.Net.Http.HttpMethod", func(in *ps.Invoke) any { return in.Session.Object("System.Net.Http.HttpMethod", strings.ToUpper(m)) }))
	}
	return append(list, prop("Method", "string", func(in *ps.Invoke) any { return in.Data().(string) }))
}
