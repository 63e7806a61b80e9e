package psnet

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/casement/casement/internal/run/winsh/fetch"
	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/run/winsh/ps"
)

// webRequest is the Data of an HttpWebRequest.
type webRequest struct {
	url     *url.URL
	method  string
	headers *ps.Object
	proxy   *proxy
	shown   any
	creds   any
	own     bool
	follow  bool
	most    int
	timeout int64
	unpack  int64
	agent   string
	accept  string
	referer string
	kind    string
	keep    bool
}

const webRequestName = "System.Net.HttpWebRequest"

// webRequestTypes are HttpWebRequest and its answer, which package pscmd has
// too: errors of Invoke-WebRequest carry them.
func webRequestTypes() []*ps.Type {
	const uri = "System.Net.WebRequest"
	statics := func() []ps.Member {
		return []ps.Member{
			static("Create", uri, can(newWebRequest), "string requestUriString", "uri requestUri"),
			static("CreateHttp", webRequestName, can(newWebRequest), "string requestUriString", "uri requestUri"),
			static("CreateDefault", uri, can(newWebRequest), "uri requestUri"),
			static("GetSystemWebProxy", "System.Net.IWebProxy", val(func(in *ps.Invoke) any { return systemProxy(in.Session) }), ""),
			field("DefaultWebProxy", "System.Net.IWebProxy", func(in *ps.Invoke) any { return systemProxy(in.Session) }).With(func(_ context.Context, in *ps.Invoke) error {
				p := proxyArg(in.Args[0])
				if p != nil && p.system {
					return nil
				}
				return machine.Refuse("[Net.WebRequest]::DefaultWebProxy", "the proxies are the build's", "set HTTPS_PROXY for the build, or the Proxy of the client")
			}),
		}
	}
	return []*ps.Type{
		{Name: uri, Base: "System.MarshalByRefObject", Abstract: true, Members: statics},
		{Name: webRequestName, Base: uri, Members: webRequestMembers},
		{Name: "System.Net.WebResponse", Base: "System.MarshalByRefObject", Abstract: true, Implements: []string{"System.IDisposable"}},
		{Name: "System.Net.HttpWebResponse", Base: "System.Net.WebResponse", Members: webResponseMembers},
	}
}

func newWebRequest(in *ps.Invoke) (any, error) {
	u, err := address(in, 0, "")
	if err != nil {
		return nil, err
	}
	if u.Scheme == "file" {
		return nil, machine.Refuse("[Net.WebRequest]::Create "+in.String(0), "requests for files are not supported", "read the file with Get-Content")
	}
	return in.Session.Object(webRequestName, requestFor(in.Session, u)), nil
}

// requestFor is a request as WebRequest.Create makes it.
func requestFor(s *ps.Session, u *url.URL) *webRequest {
	p := systemProxy(s)
	return &webRequest{url: u, method: http.MethodGet, headers: newHeaders(s), proxy: p.Data.(*proxy), shown: p, follow: true, most: 50, timeout: 100000, keep: true}
}

// send is GetResponse.
func (r *webRequest) send(ctx context.Context, in *ps.Invoke) (any, error) {
	s := in.Session
	if r.method != http.MethodGet && r.method != http.MethodHead {
		return nil, machine.Refuse("HttpWebRequest.Method "+r.method, "a build brings things in and sends nothing out with this class", "use Invoke-WebRequest")
	}
	h := r.headers.Data.(*headers).h.Clone()
	for name, v := range map[string]string{"User-Agent": r.agent, "Accept": r.accept, "Referer": r.referer, "Content-Type": r.kind} {
		if v != "" {
			h.Set(name, v)
		}
	}
	switch r.unpack {
	case 1:
		h.Set("Accept-Encoding", "gzip")
	case 2:
		h.Set("Accept-Encoding", "deflate")
	case 3:
		h.Set("Accept-Encoding", "gzip, deflate")
	}
	t := &transfer{s: s, method: r.method, url: r.url, header: h, proxy: r.proxy, own: r.own, what: "HttpWebRequest.GetResponse"}
	if r.follow {
		t.redirects = r.most
	}
	t.creds, t.own = credentialsOf(r.creds)
	t.own = t.own || r.own
	resp, err := r.answer(ctx, t)
	if err != nil {
		return nil, webError(s, err)
	}
	if resp.StatusCode >= 400 || resp.StatusCode == http.StatusNotModified {
		return nil, statusError(s, resp)
	}
	if enc := resp.Header.Get("Content-Encoding"); enc != "" && r.unpack != 0 {
		body, err := fetch.DecodeContent(enc, resp.Body)
		if err != nil {
			return nil, throw(invalidData, "The magic number in GZip header is not correct. Make sure you are passing in a GZip stream.")
		}
		resp.Body = struct {
			io.Reader
			io.Closer
		}{body, resp.Body}
		resp.ContentLength = -1
	}
	return s.Object("System.Net.HttpWebResponse", resp), nil
}

// answer waits for the beginning of an answer as long as Timeout says; the body
// may take longer.
func (r *webRequest) answer(ctx context.Context, t *transfer) (*fetch.Response, error) {
	if r.timeout <= 0 {
		return t.send(ctx)
	}
	inner, cancel := context.WithCancel(ctx)
	timer := time.AfterFunc(time.Duration(r.timeout)*time.Millisecond, cancel)
	resp, err := t.send(inner)
	stopped := timer.Stop()
	if err != nil {
		cancel()
		if !stopped && ctx.Err() == nil {
			return nil, &fetch.Error{Kind: fetch.ErrTimeout, URL: r.url, After: time.Duration(r.timeout) * time.Millisecond, Size: -1}
		}
		return nil, err
	}
	resp.Body = struct {
		io.Reader
		io.Closer
	}{resp.Body, closeBoth{resp.Body, cancel}}
	return resp, nil
}

// closeBoth ends a body and its context.
type closeBoth struct {
	io.Closer
	cancel context.CancelFunc
}

// Close implements io.Closer.
func (c closeBoth) Close() error {
	defer c.cancel()
	return c.Closer.Close()
}

func webRequestMembers() []ps.Member {
	data := func(in *ps.Invoke) *webRequest {
		if u, ok := in.Data().(*url.URL); ok { // the request of an error of Invoke-WebRequest
			return requestFor(in.Session, u)
		}
		return self[*webRequest](in)
	}
	text := func(name string, at func(r *webRequest) *string) ps.Member {
		return prop(name, "string", func(in *ps.Invoke) any { return *at(data(in)) }).With(func(_ context.Context, in *ps.Invoke) error {
			*at(data(in)) = in.String(0)
			return nil
		})
	}
	flag := func(name string, at func(r *webRequest) *bool) ps.Member {
		return prop(name, "bool", func(in *ps.Invoke) any { return *at(data(in)) }).With(func(_ context.Context, in *ps.Invoke) error {
			*at(data(in)) = in.Bool(0)
			return nil
		})
	}
	get := func(ctx context.Context, in *ps.Invoke) (any, error) { return data(in).send(ctx, in) }
	list := []ps.Member{
		ps.Prop("RequestUri", "uri", func(ctx context.Context, in *ps.Invoke) (any, error) {
			return in.Session.CastTo(ctx, data(in).url.String(), "uri")
		}),
		text("Method", func(r *webRequest) *string { return &r.method }), text("UserAgent", func(r *webRequest) *string { return &r.agent }),
		text("Accept", func(r *webRequest) *string { return &r.accept }), text("Referer", func(r *webRequest) *string { return &r.referer }), text("ContentType", func(r *webRequest) *string { return &r.kind }),
		flag("AllowAutoRedirect", func(r *webRequest) *bool { return &r.follow }), flag("UseDefaultCredentials", func(r *webRequest) *bool { return &r.own }),
		flag("KeepAlive", func(r *webRequest) *bool { return &r.keep }), flag("PreAuthenticate", func(r *webRequest) *bool { return new(bool) }),
		prop("MaximumAutomaticRedirections", "int", func(in *ps.Invoke) any { return ps.Int(data(in).most) }).With(func(_ context.Context, in *ps.Invoke) error {
			data(in).most = in.Int(0)
			return nil
		}),
		prop("Timeout", "int", func(in *ps.Invoke) any { return ps.Int(int(data(in).timeout)) }).With(func(_ context.Context, in *ps.Invoke) error {
			data(in).timeout = int64(in.Int(0))
			return nil
		}),
		prop("ReadWriteTimeout", "int", func(*ps.Invoke) any { return int32(300000) }).With(func(context.Context, *ps.Invoke) error { return nil }),
		prop("Headers", "System.Net.WebHeaderCollection", func(in *ps.Invoke) any { return data(in).headers }),
		prop("Proxy", "System.Net.IWebProxy", func(in *ps.Invoke) any { return data(in).shown }).With(func(_ context.Context, in *ps.Invoke) error {
			data(in).shown, data(in).proxy = in.Args[0], proxyArg(in.Args[0])
			return nil
		}),
		prop("Credentials", "System.Net.ICredentials", func(in *ps.Invoke) any { return data(in).creds }).With(func(_ context.Context, in *ps.Invoke) error {
			data(in).creds = in.Args[0]
			return nil
		}),
		prop("AutomaticDecompression", "System.Net.DecompressionMethods", func(in *ps.Invoke) any {
			return in.Session.Enum("System.Net.DecompressionMethods", data(in).unpack)
		}).With(func(_ context.Context, in *ps.Invoke) error { data(in).unpack = enumArg(in, 0); return nil }),
		method("GetResponse", "System.Net.WebResponse", get, ""), method("GetResponseAsync", taskType, later(get), ""),
		method("Abort", "void", nothing, ""),
	}
	list = append(list, refused("a build brings things in and sends nothing out with this class", "use Invoke-WebRequest -Method Post", "GetRequestStream", "GetRequestStreamAsync")...)
	return append(list, refused("parts of a file are not asked for", "download the whole file", "AddRange")...)
}

func webResponseMembers() []ps.Member {
	data := self[*fetch.Response]
	end := do(func(in *ps.Invoke) error { return data(in).Body.Close() })
	text := func(name string, get func(r *fetch.Response) string) ps.Member {
		return prop(name, "string", func(in *ps.Invoke) any { return get(data(in)) })
	}
	return []ps.Member{
		method("GetResponseStream", "System.IO.Stream", val(func(in *ps.Invoke) any {
			r := data(in)
			return readStream(in.Session, netStream, r.Body, r.ContentLength, r.Body.Close)
		}), ""),
		method("GetResponseHeader", "string", val(func(in *ps.Invoke) any { return strings.Join(data(in).Header.Values(in.String(0)), ",") }), "string headerName"),
		prop("Headers", "System.Net.WebHeaderCollection", func(in *ps.Invoke) any {
			return in.Session.Object("System.Net.WebHeaderCollection", &headers{s: in.Session, h: data(in).Header})
		}),
		prop("ContentLength", "long", func(in *ps.Invoke) any { return data(in).ContentLength }),
		text("ContentEncoding", func(r *fetch.Response) string { return r.Header.Get("Content-Encoding") }), text("Server", func(r *fetch.Response) string { return r.Header.Get("Server") }),
		text("Method", func(r *fetch.Response) string { return r.Sent.Method }),
		text("CharacterSet", func(r *fetch.Response) string {
			_, after, _ := strings.Cut(r.Header.Get("Content-Type"), "charset=")
			return strings.Trim(after, `"' `)
		}),
		prop("LastModified", "datetime", func(in *ps.Invoke) any {
			if t, err := http.ParseTime(data(in).Header.Get("Last-Modified")); err == nil {
				return localTime(in.Session, t)
			}
			return localTime(in.Session, in.Session.Machine().Now())
		}),
		method("Close", "void", end, ""), method("Dispose", "void", end, ""),
	}
}
