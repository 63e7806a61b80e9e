package psnet

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/run/winsh/ps"
	"github.com/casement/casement/internal/run/winsh/pscmd"
)

// netTypes are the settings of connections, proxies and headers.
func netTypes() []*ps.Type {
	return []*ps.Type{
		{Name: "System.Net.ServicePointManager", Abstract: true, Members: servicePointMembers},
		flags("System.Net.SecurityProtocolType", "SystemDefault", 0, "Ssl3", 48, "Tls", 192, "Tls11", 768, "Tls12", 3072, "Tls13", 12288),
		flags("System.Security.Authentication.SslProtocols", "None", 0, "Ssl2", 12, "Ssl3", 48, "Tls", 192, "Tls11", 768, "Tls12", 3072, "Default", 240, "Tls13", 12288),
		delegate("System.Net.Security.RemoteCertificateValidationCallback"),
		{Name: "System.Net.WebHeaderCollection", Members: headerMembers, New: overloads(val(func(in *ps.Invoke) any { return newHeaders(in.Session) }), "")},
		{Name: "System.Net.IWebProxy", Interface: true}, {Name: "System.Net.ICredentials", Interface: true},
		{
			Name: "System.Net.WebProxy", Implements: []string{"System.Net.IWebProxy"}, Members: proxyMembers,
			New: overloads(newProxy, "", "string Address", "uri Address", "string Address, bool BypassOnLocal", "uri Address, bool BypassOnLocal", "string Host, int Port"),
		},
		{Name: "System.Net.CredentialCache", Members: credentialMembers, Implements: []string{"System.Net.ICredentials"}, New: overloads(val(func(in *ps.Invoke) any {
			return in.Session.Object("System.Net.CredentialCache", &credentialCache{})
		}), "")},
		{Name: "System.Net.SystemNetworkCredential", Base: "System.Net.NetworkCredential"},
		{Name: "System.Net.NetworkCredential", Implements: []string{"System.Net.ICredentials"}, New: overloads(newCredential, "", "string userName, System.Security.SecureString password", "string userName, string password, string domain")},
		names("System.Net.WebExceptionStatus", "Success", "NameResolutionFailure", "ConnectFailure", "ReceiveFailure", "SendFailure", "PipelineFailure", "RequestCanceled", "ProtocolError",
			"ConnectionClosed", "TrustFailure", "SecureChannelFailure", "ServerProtocolViolation", "KeepAliveFailure", "Pending", "Timeout", "ProxyNameResolutionFailure", "UnknownError"),
		flags("System.Net.DecompressionMethods", "None", 0, "GZip", 1, "Deflate", 2),
		{Name: "System.Net.HttpVersion", Abstract: true, Members: func() []ps.Member {
			return []ps.Member{constant("Version10", "version", ps.Version{Major: 1, Build: -1, Revision: -1}), constant("Version11", "version", ps.Version{Major: 1, Minor: 1, Build: -1, Revision: -1})}
		}},
	}
}

type servicePointKey struct{}

// servicePoint is what ServicePointManager has been told.
type servicePoint struct {
	protocols int64
	callback  any
	expect100 bool
	limit     int32
}

func servicePointOf(s *ps.Session) *servicePoint {
	return s.Value(servicePointKey{}, func() any { return &servicePoint{expect100: true, limit: 2} }).(*servicePoint)
}

// servicePointMembers. Which versions of TLS are asked for is kept and not sent:
// the build's network speaks 1.2 and 1.3 and takes the newest that both sides
// know.
func servicePointMembers() []ps.Member {
	flag := func(name string, at bool) ps.Member {
		return field(name, "bool", func(*ps.Invoke) any { return at }).With(func(context.Context, *ps.Invoke) error { return nil })
	}
	number := func(name string, at int32) ps.Member {
		return field(name, "int", func(*ps.Invoke) any { return at }).With(func(context.Context, *ps.Invoke) error { return nil })
	}
	const callback = "System.Net.Security.RemoteCertificateValidationCallback"
	return append([]ps.Member{
		field("SecurityProtocol", "System.Net.SecurityProtocolType", func(in *ps.Invoke) any {
			return in.Session.Enum("System.Net.SecurityProtocolType", servicePointOf(in.Session).protocols)
		}).With(func(_ context.Context, in *ps.Invoke) error {
			n := enumArg(in, 0)
			if n != 0 && n&(3072|12288) == 0 {
				return machine.Refuse("[Net.ServicePointManager]::SecurityProtocol = '"+in.Session.EnumName(in.Args[0].(ps.Enum))+"'", "casement speaks TLS 1.2 and 1.3 only", "use Tls12")
			}
			servicePointOf(in.Session).protocols = n
			return nil
		}),
		field("ServerCertificateValidationCallback", callback, func(in *ps.Invoke) any { return servicePointOf(in.Session).callback }).With(setCallback),
		ps.StaticProp("CertificatePolicy", "System.Object", nil).Refused("certificate policies are classes of C#", "set ServerCertificateValidationCallback to { $true }, or give the build the certificate to trust"),
		ps.StaticProp("CheckCertificateRevocationList", "bool", val(func(*ps.Invoke) any { return false })).With(func(_ context.Context, in *ps.Invoke) error {
			if in.Bool(0) {
				return machine.Refuse("[Net.ServicePointManager]::CheckCertificateRevocationList", "revocation of certificates is not asked", "leave it out")
			}
			return nil
		}),
		flag("Expect100Continue", true), flag("UseNagleAlgorithm", true), flag("EnableDnsRoundRobin", false),
		number("DefaultConnectionLimit", 2), number("MaxServicePointIdleTime", 100000), number("DnsRefreshTimeout", 120000), number("MaxServicePoints", 0),
	}, refusedStatic("connections are the build's own", "leave it out", "FindServicePoint", "SetTcpKeepAlive")...)
}

// setCallback accepts any certificate for { $true }, as everybody writes it, and
// refuses all else.
func setCallback(_ context.Context, in *ps.Invoke) error {
	p, proc := servicePointOf(in.Session), in.Session.Process()
	v := ps.Unwrap(in.Args[0])
	if ps.IsNull(v) {
		p.callback, proc.Wire.Insecure = nil, false
		return nil
	}
	b, ok := v.(*ps.ScriptBlock)
	text := ""
	if ok {
		text = strings.ToLower(strings.Trim(b.String(), " \t\r\n;"))
		text = strings.TrimSpace(strings.TrimPrefix(text, "return"))
	}
	if text != "$true" {
		return machine.Refuse("[Net.ServicePointManager]::ServerCertificateValidationCallback", "only { $true } is understood here", "give the build the certificate to trust, or use { $true }")
	}
	p.callback, proc.Wire.Insecure = b, true
	return nil
}

// headers is the Data of a WebHeaderCollection.
type headers struct {
	s *ps.Session
	h http.Header
	// name says that only one header of h is meant: that of a property like
	// UserAgent of HttpClient.
	name string
}

func newHeaders(s *ps.Session) *ps.Object {
	return s.Object("System.Net.WebHeaderCollection", &headers{s: s, h: http.Header{}})
}

// Each implements [ps.Sequence]: a collection of headers lists their names.
func (h *headers) Each(yield func(any) bool) {
	for _, name := range h.names() {
		if !yield(name) {
			return
		}
	}
}

func (h *headers) names() []string {
	var list []string
	for name := range h.h {
		list = append(list, name)
	}
	slices.Sort(list)
	return list
}

func (h *headers) get(name string) any {
	if v := h.h.Values(name); len(v) > 0 {
		return strings.Join(v, ",")
	}
	return nil
}

// The enumerations that name headers.
const (
	requestHeader  = "System.Net.HttpRequestHeader"
	responseHeader = "System.Net.HttpResponseHeader"
)

// headerEnums are those enumerations, which begin alike.
func headerEnums() []*ps.Type {
	both := strings.Fields("CacheControl Connection Date KeepAlive Pragma Trailer TransferEncoding Upgrade Via Warning Allow ContentLength ContentType ContentEncoding ContentLanguage ContentLocation ContentMd5 ContentRange Expires LastModified")
	return []*ps.Type{
		names(requestHeader, append(slices.Clip(both), strings.Fields("Accept AcceptCharset AcceptEncoding AcceptLanguage Authorization Cookie Expect From Host IfMatch IfModifiedSince IfNoneMatch IfRange IfUnmodifiedSince MaxForwards ProxyAuthorization Referer Range Te Translate UserAgent")...)...),
		names(responseHeader, append(slices.Clip(both), strings.Fields("AcceptRanges Age ETag Location ProxyAuthenticate RetryAfter Server SetCookie Vary WwwAuthenticate")...)...),
	}
}

// headerName is the name of a header, or that of the enumeration's value.
func headerName(in *ps.Invoke, v any) string {
	if e, ok := v.(ps.Enum); ok {
		if name := in.Session.EnumName(e); name != "ETag" {
			return hyphens(name)
		}
		return "ETag"
	}
	return in.Session.ToString(v)
}

func headerMembers() []ps.Member {
	data := self[*headers]
	named := []string{"string name", requestHeader + " header", responseHeader + " header"}
	pairs := []string{"string name, string value", requestHeader + " header, string value", responseHeader + " header, string value"}
	set := do(func(in *ps.Invoke) error { data(in).h.Set(headerName(in, in.Args[0]), in.String(1)); return nil })
	item := indexer("string", val(func(in *ps.Invoke) any { return data(in).get(headerName(in, in.Args[0])) }), named...)
	item.Set = func(_ context.Context, in *ps.Invoke) error {
		data(in).h.Set(headerName(in, in.Args[1]), in.String(0))
		return nil
	}
	text := func(h *headers) string {
		var b strings.Builder
		for _, name := range h.names() {
			for _, v := range h.h[name] {
				b.WriteString(name + ": " + v + "\r\n")
			}
		}
		return b.String() + "\r\n"
	}
	return []ps.Member{
		item,
		method("Add", "void", can(func(in *ps.Invoke) (any, error) {
			name, value := headerName(in, in.Args[0]), ""
			if len(in.Args) == 1 {
				var ok bool
				if name, value, ok = strings.Cut(name, ":"); !ok {
					return nil, badArgument(in.Session, "Specified value does not have a ':' separator.", "header")
				}
			} else {
				value = in.String(1)
			}
			data(in).h.Add(strings.TrimSpace(name), strings.TrimSpace(value))
			return nil, nil
		}), append(pairs, "string header")...),
		method("Set", "void", set, pairs...),
		method("Remove", "void", do(func(in *ps.Invoke) error { data(in).h.Del(headerName(in, in.Args[0])); return nil }), named...),
		method("Clear", "void", do(func(in *ps.Invoke) error { clear(data(in).h); return nil }), ""),
		method("Get", "string", val(func(in *ps.Invoke) any { return data(in).get(in.String(0)) }), "string name"),
		method("GetValues", "string[]", val(func(in *ps.Invoke) any { return ps.Strings(data(in).h.Values(in.String(0))) }), "string header"),
		method("ToString", "string", val(func(in *ps.Invoke) any { return text(data(in)) }), ""),
		prop("Count", "int", func(in *ps.Invoke) any { return ps.Int(len(data(in).h)) }),
		prop("AllKeys", "string[]", func(in *ps.Invoke) any { return ps.Strings(data(in).names()) }),
		prop("Keys", "System.Object", func(in *ps.Invoke) any { return ps.Strings(data(in).names()) }),
	}
}

// proxy is the Data of a WebProxy. The system's own, which is the build's, has
// no address.
type proxy struct {
	system bool
	addr   *url.URL
	creds  any
	bypass bool
}

func newProxy(_ context.Context, in *ps.Invoke) (any, error) {
	p := &proxy{}
	if len(in.Args) > 0 {
		text := in.String(0)
		if n, ok := in.Args[len(in.Args)-1].(int32); ok {
			text += ":" + in.Session.ToString(n)
		}
		if !strings.Contains(text, "://") {
			text = "http://" + text
		}
		u, err := url.Parse(text)
		if err != nil || u.Host == "" {
			return nil, throw("System.UriFormatException", "Invalid URI: The hostname could not be parsed.")
		}
		p.addr = u
	}
	return in.Session.Object("System.Net.WebProxy", p), nil
}

// systemProxy is what GetSystemWebProxy returns.
func systemProxy(s *ps.Session) *ps.Object {
	return s.Object("System.Net.WebProxy", &proxy{system: true})
}

// wire is how a request goes out through a proxy; nil is none.
func (p *proxy) wire() string {
	switch {
	case p == nil:
		return "direct"
	case p.system || p.addr == nil:
		return ""
	}
	u := *p.addr
	if c, ok := p.creds.(*pscmd.Credential); ok && c.Password != nil {
		u.User = url.UserPassword(c.User, c.Password.Text)
	}
	return strings.TrimSuffix(u.String(), "/")
}

func proxyMembers() []ps.Member {
	data := self[*proxy]
	return []ps.Member{
		ps.Prop("Address", "uri", func(ctx context.Context, in *ps.Invoke) (any, error) {
			if data(in).addr == nil {
				return nil, nil
			}
			return in.Session.CastTo(ctx, data(in).addr.String(), "uri")
		}),
		prop("BypassProxyOnLocal", "bool", func(in *ps.Invoke) any { return data(in).bypass }).With(func(_ context.Context, in *ps.Invoke) error {
			data(in).bypass = in.Bool(0)
			return nil
		}),
		prop("Credentials", "System.Net.ICredentials", func(in *ps.Invoke) any { return nil }).With(func(_ context.Context, in *ps.Invoke) error {
			c, _ := credentialsOf(in.Args[0])
			data(in).creds = c
			return nil
		}),
		prop("UseDefaultCredentials", "bool", func(*ps.Invoke) any { return false }).With(func(context.Context, *ps.Invoke) error { return nil }),
		ps.Prop("BypassList", "string[]", nil).Refused("which hosts go around the proxy is the build's", "leave it out"),
		method("IsBypassed", "bool", val(func(in *ps.Invoke) any { return data(in).addr == nil }), "uri host"),
		method("GetProxy", "uri", func(ctx context.Context, in *ps.Invoke) (any, error) {
			if data(in).addr == nil {
				return in.Args[0], nil
			}
			return in.Session.CastTo(ctx, data(in).addr.String(), "uri")
		}, "uri destination"),
	}
}

// proxyArg is a value for a property Proxy.
func proxyArg(v any) *proxy {
	if o, ok := ps.Unwrap(v).(*ps.Object); ok {
		p, _ := o.Data.(*proxy)
		return p
	}
	return nil
}

// credentialCache is the Data of a CredentialCache: the name and password of
// one site is all that a script puts in.
type credentialCache struct{ c *pscmd.Credential }

// defaultCredential says that the account of Windows is meant.
type defaultCredential struct{}

func newCredential(_ context.Context, in *ps.Invoke) (any, error) {
	c := &pscmd.Credential{Password: &pscmd.Secure{}}
	if len(in.Args) > 0 {
		c.User = in.String(0)
		if p, ok := pscmd.SecureOf(in.Args[1]); ok {
			c.Password = p
		} else {
			c.Password = &pscmd.Secure{Text: in.String(1)}
		}
		if len(in.Args) == 3 && in.String(2) != "" {
			c.User = in.String(2) + `\` + c.User
		}
	}
	return in.Session.Object("System.Net.NetworkCredential", c), nil
}

// credentialsOf is what a script gives as credentials; own says that it is the
// account of Windows.
func credentialsOf(v any) (c *pscmd.Credential, own bool) {
	o, ok := ps.Unwrap(v).(*ps.Object)
	if !ok {
		return nil, false
	}
	switch d := o.Data.(type) {
	case *pscmd.Credential:
		return d, false
	case *credentialCache:
		return d.c, false
	case defaultCredential:
		return nil, true
	}
	return nil, false
}

func credentialMembers() []ps.Member {
	own := func(name string) ps.Member {
		return field(name, "System.Net.ICredentials", func(in *ps.Invoke) any {
			return in.Session.Object("System.Net.SystemNetworkCredential", defaultCredential{})
		})
	}
	return []ps.Member{
		own("DefaultCredentials"), own("DefaultNetworkCredentials"),
		method("Add", "void", do(func(in *ps.Invoke) error {
			if !strings.EqualFold(in.String(1), "basic") {
				return machine.Refuse("CredentialCache.Add "+in.String(1), "only Basic authentication is supported", "use Basic")
			}
			c, _ := credentialsOf(in.Args[2])
			self[*credentialCache](in).c = c
			return nil
		}), "uri uriPrefix, string authType, System.Net.NetworkCredential cred"),
	}
}
