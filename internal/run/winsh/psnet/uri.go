package psnet

import (
	"context"
	"net/url"
	"strconv"
	"strings"

	"github.com/casement/casement/internal/run/winsh/ps"
)

// netURI is the Data of a System.Uri. A relative one has no u.
type netURI struct {
	orig string
	u    *url.URL
}

// absolute is AbsoluteUri, and "" for a relative one.
func (n *netURI) absolute() string {
	switch {
	case n.u == nil:
		return ""
	case n.bare():
		return n.u.String()
	}
	return n.u.Scheme + "://" + n.authority(true) + n.path() + n.query() + n.fragment()
}

// String is ToString(): without escapes where that is safe.
func (n *netURI) String() string {
	switch {
	case n.u == nil:
		return n.orig
	case n.bare():
		return unescapeSafe(n.u.String())
	}
	return n.u.Scheme + "://" + n.authority(true) + unescapeSafe(n.path()) + unescapeSafe(n.query()) + unescapeSafe(n.fragment())
}

// bare reports whether the URI names no host (mailto:a@b).
func (n *netURI) bare() bool { return n.u.Host == "" && !n.file() }

// unescapeSafe undoes the escapes of characters that mean nothing in a URL.
func unescapeSafe(s string) string {
	if !strings.Contains(s, "%") {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		if s[i] != '%' || i+2 >= len(s) {
			b.WriteByte(s[i])
			i++
			continue
		}
		// A run of escapes may be one character of UTF-8.
		j := i
		for j+2 < len(s) && s[j] == '%' {
			j += 3
		}
		text, err := url.PathUnescape(s[i:j])
		if err != nil {
			b.WriteString(s[i:j])
			i = j
			continue
		}
		for _, r := range text {
			if r == 0xfffd || r < ' ' || strings.ContainsRune(`%#?/\@:&=+$,;`, r) {
				b.WriteString(strings.ToUpper(url.QueryEscape(string(r))))
				continue
			}
			b.WriteRune(r)
		}
		i = j
	}
	return b.String()
}

// authority is host and port, with the user in front.
func (n *netURI) authority(user bool) string {
	host := n.u.Host
	if p := n.u.Port(); p != "" && p == strconv.Itoa(defaultPort(n.u.Scheme)) {
		host = strings.TrimSuffix(host, ":"+p)
	}
	if user && n.u.User != nil {
		return n.u.User.String() + "@" + host
	}
	return host
}

func (n *netURI) path() string {
	if n.u.Opaque != "" {
		return n.u.Opaque
	}
	return n.u.EscapedPath()
}

func (n *netURI) query() string {
	if n.u.RawQuery != "" {
		return "?" + n.u.RawQuery
	}
	return ""
}

func (n *netURI) fragment() string {
	if n.u.Fragment != "" {
		return "#" + n.u.EscapedFragment()
	}
	return ""
}

func (n *netURI) file() bool { return n.u != nil && n.u.Scheme == "file" }

// local is LocalPath: the path of a file with backslashes.
func (n *netURI) local() string {
	if !n.file() {
		return n.u.Path
	}
	return localPath(n.u)
}

func defaultPort(scheme string) int {
	switch scheme {
	case "http", "ws":
		return 80
	case "https", "wss":
		return 443
	case "ftp":
		return 21
	case "ssh":
		return 22
	}
	return -1
}

func badURI(message string) error { return throw("System.UriFormatException", message) }

// parseURI reads an absolute URI.
func parseURI(s *ps.Session, text string) (*netURI, error) {
	t := strings.TrimSpace(text)
	switch {
	case t == "":
		return nil, badURI("Invalid URI: The URI is empty.")
	case strings.HasPrefix(t, `\\`) && strings.Trim(t[:min(len(t), 3)], `\/`) == "":
		return nil, badURI("Invalid URI: The hostname could not be parsed.")
	case len(t) > 2 && t[1] == ':' && isSlash(t[2]) || strings.HasPrefix(t, `\\`):
		return fileURI(text, t), nil
	}
	scheme, rest, ok := strings.Cut(t, ":")
	if !ok || scheme == "" || strings.Trim(strings.ToLower(scheme), "abcdefghijklmnopqrstuvwxyz0123456789+-.") != "" || !letter(scheme[0]) {
		return nil, badURI("Invalid URI: The format of the URI could not be determined.")
	}
	if len(scheme) == 1 {
		return nil, badURI("Invalid URI: A Dos path must be rooted, for example, 'c:\\'.")
	}
	if strings.EqualFold(scheme, "file") {
		p := strings.TrimPrefix(strings.ReplaceAll(rest, `\`, "/"), "//")
		u := fileURI(text, strings.ReplaceAll(strings.TrimPrefix(p, "/"), "/", `\`))
		if !strings.HasPrefix(p, "/") && !(len(p) > 1 && p[1] == ':') {
			host, path, _ := strings.Cut(p, "/")
			u.u.Host, u.u.Path = host, "/"+path
		}
		if path, err := url.PathUnescape(u.u.Path); err == nil {
			u.u.Path = path
		}
		return u, nil
	}
	u, err := url.Parse(strings.ToLower(scheme) + ":" + escapeURI(rest))
	if err != nil {
		if strings.Contains(err.Error(), "port") {
			return nil, badURI("Invalid URI: Invalid port specified.")
		}
		return nil, badURI("Invalid URI: The hostname could not be parsed.")
	}
	u.Host = strings.ToLower(u.Host)
	if defaultPort(u.Scheme) > 0 {
		if u.Hostname() == "" {
			return nil, badURI("Invalid URI: The hostname could not be parsed.")
		}
		if u.Path == "" {
			u.Path = "/"
		}
		u.Path, u.RawPath = u.JoinPath().Path, ""
		if strings.HasSuffix(rest, "/") && !strings.HasSuffix(u.Path, "/") {
			u.Path += "/"
		}
	}
	return &netURI{orig: text, u: u}, nil
}

func letter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

// fileURI makes the URI of a path of Windows.
func fileURI(orig, path string) *netURI {
	u := &url.URL{Scheme: "file", Path: "/" + strings.ReplaceAll(path, `\`, "/")}
	if rest, ok := strings.CutPrefix(path, `\\`); ok {
		host, p, _ := strings.Cut(rest, `\`)
		u.Host, u.Path = strings.ToLower(host), "/"+strings.ReplaceAll(p, `\`, "/")
	}
	return &netURI{orig: orig, u: u}
}

// escapeURI escapes what may not stand in a URI, and percent signs that begin no
// escape.
func escapeURI(s string) string {
	const hex = "0123456789abcdefABCDEF"
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '%' && (i+2 >= len(s) || strings.IndexByte(hex, s[i+1]) < 0 || strings.IndexByte(hex, s[i+2]) < 0):
			b.WriteString("%25")
		case c == '\\':
			b.WriteByte('/')
		case c <= ' ' || c >= 0x7f || strings.IndexByte("\"<>^`{|}", c) >= 0:
			b.WriteString("%" + strings.ToUpper(strconv.FormatInt(int64(c)+0x100, 16)[1:]))
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// anyURI reads an absolute or relative URI.
func anyURI(s *ps.Session, text string) (*netURI, error) {
	if n, err := parseURI(s, text); err == nil {
		return n, nil
	}
	return &netURI{orig: text}, nil
}

const (
	uriName       = "System.Uri"
	nameValueName = "System.Collections.Specialized.NameValueCollection"
)

// uriTypes are Uri, UriBuilder and the encoders of the web.
func uriTypes() []*ps.Type {
	text := func(v any) string { return v.(*ps.Object).Data.(*netURI).String() }
	const single = "string uriString"
	return []*ps.Type{
		{
			Name: uriName, Aliases: []string{"uri"}, Members: uriMembers, String: text,
			New: overloads(can(newURI), single, single+", System.UriKind uriKind", "uri baseUri, string relativeUri", "uri baseUri, uri relativeUri"),
			Convert: func(_ context.Context, in *ps.Invoke) (any, bool, error) {
				t, ok := ps.Unwrap(in.Args[0]).(string)
				if !ok {
					return nil, false, nil
				}
				n, err := anyURI(in.Session, t)
				return in.Session.Object(uriName, n), err == nil, err
			},
		},
		names("System.UriKind", "RelativeOrAbsolute", "Absolute", "Relative"),
		flags("System.UriComponents", "Scheme", 1, "UserInfo", 2, "Host", 4, "Port", 8, "Path", 16, "Query", 32, "Fragment", 64, "SchemeAndServer", 13, "AbsoluteUri", 127, "PathAndQuery", 48, "HttpRequestUrl", 61),
		enum("System.UriFormat", "UriEscaped", 1, "Unescaped", 2, "SafeUnescaped", 3),
		names("System.UriPartial", "Scheme", "Authority", "Path", "Query"),
		{
			Name: "System.UriBuilder", Members: builderURIMembers, String: func(v any) string { return v.(*ps.Object).Data.(*url.URL).String() },
			New: overloads(can(newURIBuilder), "", "string uri", "uri uri", "string schemeName, string hostName", "string scheme, string host, int portNumber", "string scheme, string host, int port, string pathValue"),
		},
		{Name: "System.Net.WebUtility", Abstract: true, Members: func() []ps.Member { return webMembers(true) }},
		{Name: "System.Web.HttpUtility", Assembly: "System.Web", Members: func() []ps.Member { return webMembers(false) }},
		{Name: nameValueName, Members: nameValueMembers, String: func(v any) string { return v.(*ps.Object).Data.(*nameValues).String() }, New: overloads(val(func(in *ps.Invoke) any {
			return in.Session.Object(nameValueName, &nameValues{s: in.Session})
		}), "")},
	}
}

func newURI(in *ps.Invoke) (any, error) {
	s := in.Session
	if base, ok := dataOf[*netURI](in, 0); ok && len(in.Args) == 2 {
		ref, err := uriArg(in, 1)
		if err != nil {
			return nil, err
		}
		if base.u == nil {
			return nil, outOfRange(s, "This operation is not supported for a relative URI.", "baseUri")
		}
		if ref.u != nil {
			return s.Object(uriName, ref), nil
		}
		r, err := url.Parse(escapeURI(ref.orig))
		if err != nil {
			return nil, badURI("Invalid URI: The hostname could not be parsed.")
		}
		u := base.u.ResolveReference(r)
		return s.Object(uriName, &netURI{orig: u.String(), u: u}), nil
	}
	kind := int64(1)
	if len(in.Args) == 2 {
		kind = enumArg(in, 1)
	}
	n, err := parseURI(s, in.String(0))
	switch {
	case kind == 2 && err == nil:
		return nil, badURI("A relative URI cannot be created because the 'uriString' parameter represents an absolute URI.")
	case err != nil && kind == 1:
		return nil, err
	case err != nil:
		n = &netURI{orig: in.String(0)}
	}
	return s.Object(uriName, n), nil
}

func uriMembers() []ps.Member {
	data := self[*netURI]
	// abs is a property that a relative URI does not have.
	abs := func(name, typ string, get func(n *netURI) any) ps.Member {
		return ps.Prop(name, typ, can(func(in *ps.Invoke) (any, error) {
			if data(in).u == nil {
				return nil, throw(invalidOperation, "This operation is not supported for a relative URI.")
			}
			return get(data(in)), nil
		}))
	}
	list := []ps.Member{
		abs("AbsolutePath", "string", func(n *netURI) any { return n.path() }), abs("AbsoluteUri", "string", func(n *netURI) any { return n.absolute() }),
		abs("LocalPath", "string", func(n *netURI) any { return n.local() }), abs("Authority", "string", func(n *netURI) any { return n.authority(false) }),
		abs("HostNameType", "string", func(n *netURI) any {
			if n.u.Hostname() == "" {
				return "Basic"
			}
			return "Dns"
		}),
		abs("IsDefaultPort", "bool", func(n *netURI) any { return n.u.Port() == "" || n.u.Port() == strconv.Itoa(defaultPort(n.u.Scheme)) }),
		abs("IsFile", "bool", func(n *netURI) any { return n.file() }),
		abs("IsLoopback", "bool", func(n *netURI) any {
			h := n.u.Hostname()
			return h == "localhost" || h == "::1" || strings.HasPrefix(h, "127.") || n.file() && h == ""
		}),
		abs("PathAndQuery", "string", func(n *netURI) any { return n.path() + n.query() }),
		abs("Segments", "string[]", func(n *netURI) any { return ps.Strings(segments(n.path())) }),
		abs("IsUnc", "bool", func(n *netURI) any { return n.file() && n.u.Host != "" }),
		abs("Host", "string", func(n *netURI) any { return n.u.Hostname() }), abs("DnsSafeHost", "string", func(n *netURI) any { return n.u.Hostname() }), abs("IdnHost", "string", func(n *netURI) any { return n.u.Hostname() }),
		abs("Port", "int", func(n *netURI) any {
			if p, err := strconv.Atoi(n.u.Port()); err == nil {
				return ps.Int(p)
			}
			return ps.Int(defaultPort(n.u.Scheme))
		}),
		abs("Query", "string", func(n *netURI) any { return n.query() }), abs("Fragment", "string", func(n *netURI) any { return n.fragment() }), abs("Scheme", "string", func(n *netURI) any { return n.u.Scheme }),
		prop("OriginalString", "string", func(in *ps.Invoke) any { return data(in).orig }),
		prop("IsAbsoluteUri", "bool", func(in *ps.Invoke) any { return data(in).u != nil }),
		prop("UserEscaped", "bool", func(*ps.Invoke) any { return false }),
		abs("UserInfo", "string", func(n *netURI) any {
			if n.u.User == nil {
				return ""
			}
			return n.u.User.String()
		}),
		method("GetLeftPart", "string", can(func(in *ps.Invoke) (any, error) {
			n := data(in)
			if n.u == nil {
				return nil, throw(invalidOperation, "This operation is not supported for a relative URI.")
			}
			parts := []string{n.u.Scheme + "://", n.authority(true), n.path(), n.query()}
			return strings.Join(parts[:enumArg(in, 0)+1], ""), nil
		}), "System.UriPartial part"),
		method("Equals", "bool", val(func(in *ps.Invoke) any {
			o, ok := dataOf[*netURI](in, 0)
			return ok && o.String() == data(in).String()
		}), "System.Object comparand"),
		method("MakeRelativeUri", "uri", func(ctx context.Context, in *ps.Invoke) (any, error) {
			a, b := data(in), self[*netURI](&ps.Invoke{Self: in.Args[0]})
			if a.u == nil || b == nil || b.u == nil || a.u.Scheme != b.u.Scheme || a.authority(true) != b.authority(true) {
				return in.Args[0], nil
			}
			return in.Session.Object(uriName, &netURI{orig: relativeURL(a.path(), b.path()) + b.query() + b.fragment()}), nil
		}, "uri uri"),
	}
	return append(list, uriStatics()...)
}

// relativeURL leads from one path to another.
func relativeURL(from, to string) string {
	a, b := strings.Split(from, "/"), strings.Split(to, "/")
	n := 0
	for n < len(a)-1 && n < len(b)-1 && a[n] == b[n] {
		n++
	}
	return strings.Repeat("../", len(a)-1-n) + strings.Join(b[n:], "/")
}

// segments are the parts of a path, each with its slash.
func segments(path string) []string {
	return strings.FieldsFunc(strings.ReplaceAll(path, "/", "/\x00"), func(r rune) bool { return r == 0 })
}

func uriStatics() []ps.Member {
	scheme := func(name, value string) ps.Member { return constant("UriScheme"+name, "string", value) }
	return []ps.Member{
		scheme("Http", "http"), scheme("Https", "https"), scheme("File", "file"), scheme("Ftp", "ftp"), scheme("Mailto", "mailto"), constant("SchemeDelimiter", "string", "://"),
		static("EscapeDataString", "string", val(func(in *ps.Invoke) any { return escapeData(in.String(0)) }), "string stringToEscape"),
		static("UnescapeDataString", "string", val(func(in *ps.Invoke) any { return unescapeData(in.String(0)) }), "string stringToUnescape"),
		static("EscapeUriString", "string", val(func(in *ps.Invoke) any { return strings.ReplaceAll(escapeURI(in.String(0)), "%255C", "%5C") }), "string stringToEscape"),
		static("TryCreate", "bool", can(func(in *ps.Invoke) (any, error) {
			kind := enumArg(in, 1)
			n, err := parseURI(in.Session, in.String(0))
			ok := err == nil && kind != 2 || err != nil && kind != 1 && in.String(0) != ""
			var v any
			if ok && err != nil {
				n = &netURI{orig: in.String(0)}
			}
			if ok {
				v = in.Session.Object(uriName, n)
			}
			return ok, in.Args[2].(*ps.Ref).Set(v)
		}), "string uriString, System.UriKind uriKind, out uri result"),
		static("IsWellFormedUriString", "bool", val(func(in *ps.Invoke) any {
			n, err := parseURI(in.Session, in.String(0))
			switch enumArg(in, 1) {
			case 2:
				return err != nil && escapeURI(in.String(0)) == in.String(0)
			case 0:
				return escapeURI(in.String(0)) == in.String(0)
			}
			return err == nil && !n.file() && escapeURI(in.String(0)) == in.String(0) || err == nil && n.file() && strings.HasPrefix(in.String(0), "file:")
		}), "string uriString, System.UriKind uriKind"),
		static("CheckHostName", "string", val(func(*ps.Invoke) any { return "Dns" }), "string name"),
		static("CheckSchemeName", "bool", val(func(in *ps.Invoke) any {
			t := in.String(0)
			return t != "" && letter(t[0]) && strings.Trim(strings.ToLower(t), "abcdefghijklmnopqrstuvwxyz0123456789+-.") == ""
		}), "string schemeName"),
	}
}

// escapeData escapes all but letters, digits, -, _, . and ~.
func escapeData(s string) string {
	return strings.ReplaceAll(url.QueryEscape(s), "+", "%20")
}

// unescapeData undoes escapes; what is no escape stays.
func unescapeData(s string) string {
	if t, err := url.PathUnescape(s); err == nil {
		return t
	}
	return percentDecode(s, false)
}

// percentDecode undoes escapes one by one.
func percentDecode(s string, plus bool) string {
	var b []byte
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+3], 16, 8); err == nil {
				b = append(b, byte(n))
				i += 2
				continue
			}
		}
		if s[i] == '+' && plus {
			b = append(b, ' ')
			continue
		}
		b = append(b, s[i])
	}
	return strings.ToValidUTF8(string(b), "\uFFFD")
}

func newURIBuilder(in *ps.Invoke) (any, error) {
	u := &url.URL{Scheme: "http", Host: "localhost", Path: "/"}
	switch {
	case len(in.Args) == 1:
		n, err := uriArg(in, 0)
		if err != nil {
			return nil, err
		}
		if n.u == nil {
			if n, err = parseURI(in.Session, "http://"+n.orig); err != nil {
				return nil, err
			}
		}
		c := *n.u
		u = &c
	case len(in.Args) > 1:
		u.Scheme, u.Host = strings.ToLower(strings.TrimSuffix(in.String(0), "://")), in.String(1)
		if len(in.Args) > 2 && in.Int(2) >= 0 {
			u.Host += ":" + in.String(2)
		}
		if len(in.Args) > 3 {
			u.Path = "/" + strings.TrimPrefix(in.String(3), "/")
		}
	}
	return in.Session.Object("System.UriBuilder", u), nil
}

func builderURIMembers() []ps.Member {
	data := self[*url.URL]
	text := func(name string, get func(u *url.URL) string, set func(u *url.URL, v string)) ps.Member {
		return prop(name, "string", func(in *ps.Invoke) any { return get(data(in)) }).With(func(_ context.Context, in *ps.Invoke) error {
			set(data(in), in.String(0))
			return nil
		})
	}
	withPort := func(u *url.URL, host, port string) {
		u.Host = host
		if port != "" && port != "-1" {
			u.Host += ":" + port
		}
	}
	return []ps.Member{
		text("Scheme", func(u *url.URL) string { return u.Scheme }, func(u *url.URL, v string) { u.Scheme = strings.ToLower(v) }),
		text("Host", func(u *url.URL) string { return u.Hostname() }, func(u *url.URL, v string) { withPort(u, v, u.Port()) }),
		text("Path", func(u *url.URL) string { return u.EscapedPath() }, func(u *url.URL, v string) { u.Path, u.RawPath = "/"+strings.TrimPrefix(v, "/"), "" }),
		text("Query", func(u *url.URL) string {
			if u.RawQuery == "" {
				return ""
			}
			return "?" + u.RawQuery
		}, func(u *url.URL, v string) { u.RawQuery = strings.TrimPrefix(v, "?") }),
		text("Fragment", func(u *url.URL) string {
			if u.Fragment == "" {
				return ""
			}
			return "#" + u.EscapedFragment()
		}, func(u *url.URL, v string) { u.Fragment = strings.TrimPrefix(v, "#") }),
		text("UserName", func(u *url.URL) string { return u.User.Username() }, func(u *url.URL, v string) { u.User = url.User(v) }),
		text("Password", func(u *url.URL) string { p, _ := u.User.Password(); return p }, func(u *url.URL, v string) { u.User = url.UserPassword(u.User.Username(), v) }),
		prop("Port", "int", func(in *ps.Invoke) any {
			if p, err := strconv.Atoi(data(in).Port()); err == nil {
				return ps.Int(p)
			}
			return ps.Int(defaultPort(data(in).Scheme))
		}).With(func(_ context.Context, in *ps.Invoke) error {
			withPort(data(in), data(in).Hostname(), strconv.Itoa(in.Int(0)))
			return nil
		}),
		ps.Prop("Uri", "uri", can(func(in *ps.Invoke) (any, error) {
			n, err := parseURI(in.Session, data(in).String())
			if err != nil {
				return nil, err
			}
			return in.Session.Object(uriName, n), nil
		})),
		method("ToString", "string", val(func(in *ps.Invoke) any {
			u := *data(in)
			if p := u.Port(); p == "" && defaultPort(u.Scheme) > 0 && !desktop(in.Session) {
				return u.String()
			} else if p == "" && defaultPort(u.Scheme) > 0 {
				u.Host += ":" + strconv.Itoa(defaultPort(u.Scheme))
			}
			return u.String()
		}), ""),
	}
}
