package psnet

import (
	"context"
	"net/url"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/run/winsh/ps"
)

// absolute is AbsoluteUri, and "" for a relative one.
func (n *netURI) absolute() string {
	if n.scheme == "" {
		return ""
	}
	return n.front() + n.path + n.query + n.fragment
}

// String is ToString(): without escapes where that is safe.
func (n *netURI) String() string {
	if n.scheme == "" {
		return n.orig
	}
	return n.front() + unescapeSafe(n.path) + unescapeSafe(n.query) + unescapeSafe(n.fragment)
}

// front is what stands in front of the path.
func (n *netURI) front() string {
	switch {
	case n.opaque && n.scheme == "mailto":
		return n.scheme + ":" + n.authority(true)
	case n.opaque:
		return n.scheme + ":"
	}
	return n.scheme + "://" + n.authority(true)
}

// authority is host and port, with the user in front.
func (n *netURI) authority(user bool) string {
	text := n.host
	if n.port != defaultPort(n.scheme) && !n.opaque {
		text += ":" + strconv.Itoa(n.port)
	}
	if user && n.user != "" {
		return n.user + "@" + text
	}
	return text
}

func (n *netURI) file() bool { return n.scheme == "file" }

// drive reports whether the path begins with a drive.
func (n *netURI) drive() bool {
	return n.file() && n.host == "" && len(n.path) > 2 && n.path[2] == ':'
}

// absolutePath is AbsolutePath: a path with a drive has no slash in front.
func (n *netURI) absolutePath() string {
	if n.drive() {
		return n.path[1:]
	}
	return n.path
}

// local is LocalPath: the path of a file with backslashes.
func (n *netURI) local() string {
	p := percentDecode(n.absolutePath(), false)
	if !n.file() {
		return p
	}
	if n.host != "" {
		p = "//" + n.host + p
	}
	return strings.ReplaceAll(p, "/", `\`)
}

// address is the URI for a request.
func (n *netURI) address() (*url.URL, error) {
	u, err := url.Parse(n.absolute())
	if err != nil {
		return nil, noHost()
	}
	return u, nil
}

const (
	uriName       = "System.Uri"
	hostTypeName  = "System.UriHostNameType"
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
				n, err := anyURI(in.Session.Edition(), t)
				return in.Session.Object(uriName, n), err == nil, err
			},
		},
		names(hostTypeName, "Unknown", "Basic", "Dns", "IPv4", "IPv6"),
		names("System.UriKind", "RelativeOrAbsolute", "Absolute", "Relative"),
		flags("System.UriComponents", "Scheme", 1, "UserInfo", 2, "Host", 4, "Port", 8, "Path", 16, "Query", 32, "Fragment", 64, "SchemeAndServer", 13, "AbsoluteUri", 127, "PathAndQuery", 48, "HttpRequestUrl", 61),
		enum("System.UriFormat", "UriEscaped", 1, "Unescaped", 2, "SafeUnescaped", 3),
		names("System.UriPartial", "Scheme", "Authority", "Path", "Query"),
		{
			Name: "System.UriBuilder", Members: builderURIMembers, String: func(v any) string { return v.(*ps.Object).Data.(*uriBuilder).String() },
			New: overloads(can(newURIBuilder), "", "string uri", "uri uri", "string schemeName, string hostName", "string scheme, string host, int portNumber",
				"string scheme, string host, int port, string pathValue", "string scheme, string host, int port, string path, string extraValue"),
		},
		{Name: "System.Net.WebUtility", Abstract: true, Members: func() []ps.Member { return webMembers(true) }},
		{Name: "System.Web.HttpUtility", Assembly: "System.Web", Members: func() []ps.Member { return webMembers(false) }},
		{Name: nameValueName, Members: nameValueMembers, String: func(v any) string { return v.(*ps.Object).Data.(*nameValues).String() }, New: overloads(val(func(in *ps.Invoke) any {
			return in.Session.Object(nameValueName, &nameValues{s: in.Session})
		}), "")},
	}
}

// escapeURI is Uri.EscapeUriString, to which a percent sign is none of an escape.
func escapeURI(s string) string { return canonical(strings.ReplaceAll(s, "%", "%25")) }

// wellFormed reports whether nothing in a URI needs an escape.
func wellFormed(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c == '%' && escapes(s, i) == i || c != '%' && canonical(s[i:i+1]) != s[i:i+1] {
			return false
		}
	}
	return true
}

func newURI(in *ps.Invoke) (any, error) {
	s := in.Session
	if base, ok := dataOf[*netURI](in, 0); ok && len(in.Args) == 2 {
		ref, err := uriArg(in, 1)
		if err != nil {
			return nil, err
		}
		if ref.orig != "" && strings.HasPrefix(ref.orig, "//") {
			return nil, machine.Refuse("[uri]::new(…, '"+ref.orig+"')", "Windows takes this for a share", "write the scheme")
		}
		switch {
		case base.scheme == "":
			return nil, outOfRange(s, "This operation is not supported for a relative URI.", "baseUri")
		case ref.scheme != "":
			return s.Object(uriName, ref), nil
		}
		if ref, err = base.resolve(s.Edition(), ref.orig); err != nil {
			return nil, err
		}
		ref.orig = ref.String()
		return s.Object(uriName, ref), nil
	}
	kind := int64(1)
	if len(in.Args) == 2 {
		kind = enumArg(in, 1)
	}
	n, err := parseURI(s.Edition(), in.String(0))
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
			if data(in).scheme == "" {
				return nil, throw(invalidOperation, "This operation is not supported for a relative URI.")
			}
			return get(data(in)), nil
		}))
	}
	list := []ps.Member{
		abs("AbsolutePath", "string", func(n *netURI) any { return n.absolutePath() }), abs("AbsoluteUri", "string", func(n *netURI) any { return n.absolute() }),
		abs("LocalPath", "string", func(n *netURI) any { return n.local() }), abs("Authority", "string", func(n *netURI) any { return n.authority(false) }),
		ps.Prop("HostNameType", hostTypeName, can(func(in *ps.Invoke) (any, error) {
			if data(in).scheme == "" {
				return nil, throw(invalidOperation, "This operation is not supported for a relative URI.")
			}
			return in.Session.Enum(hostTypeName, data(in).kind), nil
		})),
		abs("IsDefaultPort", "bool", func(n *netURI) any { return n.port == defaultPort(n.scheme) }),
		abs("IsFile", "bool", func(n *netURI) any { return n.file() }),
		abs("IsLoopback", "bool", func(n *netURI) any {
			return n.host == "localhost" || n.host == "loopback" || n.host == "[::1]" || n.kind == hostIPv4 && strings.HasPrefix(n.host, "127.") || n.file() && n.host == ""
		}),
		abs("PathAndQuery", "string", func(n *netURI) any { return n.absolutePath() + n.query }),
		abs("Segments", "string[]", func(n *netURI) any { return ps.Strings(segments(n.path)) }),
		abs("IsUnc", "bool", func(n *netURI) any { return n.file() && n.host != "" }),
		abs("Host", "string", func(n *netURI) any { return n.host }), abs("DnsSafeHost", "string", func(n *netURI) any { return strings.Trim(n.host, "[]") }),
		ps.Prop("IdnHost", "string", can(func(in *ps.Invoke) (any, error) {
			host := strings.Trim(data(in).host, "[]")
			if !isASCII(host) {
				return nil, machine.Refuse("Uri.IdnHost", "hosts outside ASCII are not translated", "use Host")
			}
			return host, nil
		})),
		abs("Port", "int", func(n *netURI) any { return ps.Int(n.port) }),
		abs("Query", "string", func(n *netURI) any { return n.query }), abs("Fragment", "string", func(n *netURI) any { return n.fragment }), abs("Scheme", "string", func(n *netURI) any { return n.scheme }),
		abs("UserInfo", "string", func(n *netURI) any { return n.user }),
		prop("OriginalString", "string", func(in *ps.Invoke) any { return data(in).orig }),
		prop("IsAbsoluteUri", "bool", func(in *ps.Invoke) any { return data(in).scheme != "" }),
		prop("UserEscaped", "bool", func(*ps.Invoke) any { return false }),
		method("GetLeftPart", "string", can(func(in *ps.Invoke) (any, error) {
			n := data(in)
			if n.scheme == "" {
				return nil, throw(invalidOperation, "This operation is not supported for a relative URI.")
			}
			parts := []string{n.scheme + "://", n.authority(true), n.path, n.query}
			return strings.Join(parts[:enumArg(in, 0)+1], ""), nil
		}), "System.UriPartial part"),
		method("Equals", "bool", val(func(in *ps.Invoke) any {
			o, ok := dataOf[*netURI](in, 0)
			return ok && o.String() == data(in).String()
		}), "System.Object comparand"),
		method("MakeRelativeUri", "uri", func(ctx context.Context, in *ps.Invoke) (any, error) {
			a, b := data(in), self[*netURI](&ps.Invoke{Self: in.Args[0]})
			if a.scheme == "" || b == nil || a.scheme != b.scheme || a.authority(true) != b.authority(true) {
				return in.Args[0], nil
			}
			return in.Session.Object(uriName, &netURI{orig: relativeURL(a.path, b.path) + b.query + b.fragment}), nil
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

// hexDigit is the value of a hexadecimal digit, or -1.
func hexDigit(in *ps.Invoke) int {
	c, _ := in.Args[0].(ps.Char)
	return strings.IndexRune(strings.ToLower(upperHex), unicode.ToLower(rune(c)))
}

func uriStatics() []ps.Member {
	scheme := func(name, value string) ps.Member { return constant("UriScheme"+name, "string", value) }
	return []ps.Member{
		scheme("Http", "http"), scheme("Https", "https"), scheme("File", "file"), scheme("Ftp", "ftp"), scheme("Mailto", "mailto"), constant("SchemeDelimiter", "string", "://"),
		static("IsHexDigit", "bool", val(func(in *ps.Invoke) any { return hexDigit(in) >= 0 }), "char character"),
		static("FromHex", "int", can(func(in *ps.Invoke) (any, error) {
			n := hexDigit(in)
			if n < 0 {
				return nil, badArgument(in.Session, "Value does not fall within the expected range.", "digit")
			}
			return ps.Int(n), nil
		}), "char digit"),
		static("EscapeDataString", "string", val(func(in *ps.Invoke) any { return escapeData(in.String(0)) }), "string stringToEscape"),
		static("UnescapeDataString", "string", val(func(in *ps.Invoke) any { return unescapeData(in.String(0)) }), "string stringToUnescape"),
		static("EscapeUriString", "string", val(func(in *ps.Invoke) any { return escapeURI(in.String(0)) }), "string stringToEscape"),
		static("TryCreate", "bool", can(func(in *ps.Invoke) (any, error) {
			kind := enumArg(in, 1)
			n, err := parseURI(in.Session.Edition(), in.String(0))
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
			text := in.String(0)
			n, err := parseURI(in.Session.Edition(), text)
			absolute := err == nil && (!n.file() || strings.HasPrefix(strings.ToLower(text), "file:"))
			switch kind := enumArg(in, 1); {
			case kind == 1 && !absolute, kind == 2 && err == nil, kind == 0 && err == nil && !absolute:
				return false
			}
			return wellFormed(text)
		}), "string uriString, System.UriKind uriKind"),
		static("CheckHostName", hostTypeName, val(func(in *ps.Invoke) any {
			name := in.String(0)
			if strings.Count(name, ":") > 1 && !strings.HasPrefix(name, "[") {
				name = "[" + name + "]"
			}
			_, kind, err := parseHost(name)
			if err != nil || kind == hostBasic {
				kind = hostUnknown
			}
			return in.Session.Enum(hostTypeName, kind)
		}), "string name"),
		static("CheckSchemeName", "bool", val(func(in *ps.Invoke) any { return isScheme(in.String(0)) }), "string schemeName"),
	}
}

// escapeData escapes all but letters, digits, -, _, . and ~.
func escapeData(s string) string {
	return strings.ReplaceAll(url.QueryEscape(s), "+", "%20")
}

// unescapeData undoes escapes; what is no escape, or no UTF-8, stays one.
func unescapeData(s string) string {
	return replaceEscapes(s, func(b *strings.Builder, run string) {
		for text := unescaped(run); len(text) > 0; {
			r, size := utf8.DecodeRune(text)
			if r == utf8.RuneError && size == 1 {
				b.Write([]byte{'%', upperHex[text[0]>>4], upperHex[text[0]&15]})
			} else {
				b.Write(text[:size])
			}
			text = text[size:]
		}
	})
}

// replaceEscapes writes something else in the place of each run of escapes.
func replaceEscapes(s string, write func(b *strings.Builder, run string)) string {
	var b strings.Builder
	for i := 0; i < len(s); {
		run := s[i:escapes(s, i)]
		if run == "" {
			b.WriteByte(s[i])
			i++
			continue
		}
		i += len(run)
		write(&b, run)
	}
	return b.String()
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
