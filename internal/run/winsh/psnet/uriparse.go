package psnet

import (
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/run/winsh/ps"
)

// netURI is the Data of a Uri: an absolute one taken apart and with the escapes
// that AbsoluteUri has, or a relative one, of which there is only the text.
type netURI struct {
	orig       string
	scheme     string // "" for a relative one
	user, host string
	kind       int64 // a UriHostNameType
	port       int   // -1 for none
	opaque     bool  // without "//": mailto:a@b
	path       string
	query      string // with its "?"
	fragment   string // with its "#"
}

// UriHostNameType.
const (
	hostUnknown = iota
	hostBasic
	hostDNS
	hostIPv4
	hostIPv6
)

// schemes are those that .NET knows, with their ports.
func defaultPort(scheme string) int {
	switch scheme {
	case "http", "ws":
		return 80
	case "https", "wss":
		return 443
	case "ftp":
		return 21
	case "ldap":
		return 389
	}
	return -1
}

func badURI(message string) error { return throw("System.UriFormatException", message) }

func noHost() error { return badURI("Invalid URI: The hostname could not be parsed.") }

// parseURI reads an absolute URI.
func parseURI(ed ps.Edition, text string) (*netURI, error) {
	t := strings.Trim(text, " \t\r\n")
	switch {
	case t == "":
		return nil, badURI("Invalid URI: The URI is empty.")
	case len(t) > 2 && letter(t[0]) && t[1] == ':' && isSlash(t[2]):
		return filePath(text, t), nil
	case len(t) > 2 && letter(t[0]) && t[1] == ':':
		return nil, dosPath(ed)
	case len(t) > 1 && isSlash(t[0]) && isSlash(t[1]):
		return uncPath(text, strings.TrimLeft(t, `\/`))
	}
	scheme, rest, ok := strings.Cut(t, ":")
	switch {
	case !ok || len(t) < 3 || scheme == "" || strings.ContainsAny(scheme, `/\?#`):
		return nil, badURI("Invalid URI: The format of the URI could not be determined.")
	case !isScheme(scheme):
		return nil, badURI("Invalid URI: The URI scheme is not valid.")
	}
	n := &netURI{orig: text, scheme: strings.ToLower(scheme), port: -1}
	if n.file() {
		return n.parseFile(rest)
	}
	return n, n.parse(rest)
}

func dosPath(ed ps.Edition) error {
	if ed == ps.Desktop {
		return badURI(`Invalid URI: A Dos path must be rooted, for example, 'c:\'.`)
	}
	return badURI(`Invalid URI: A Dos path must be rooted, for example, 'c:\\'.`)
}

// anyURI reads an absolute or relative URI.
func anyURI(ed ps.Edition, text string) (*netURI, error) {
	if n, err := parseURI(ed, text); err == nil {
		return n, nil
	}
	return &netURI{orig: text}, nil
}

// parse reads what stands behind the scheme.
func (n *netURI) parse(rest string) error {
	known := defaultPort(n.scheme) > 0
	if known {
		// Backslashes are slashes, but not in the query.
		i := strings.IndexAny(rest, "?#")
		if i < 0 {
			i = len(rest)
		}
		rest = strings.ReplaceAll(rest[:i], `\`, "/") + rest[i:]
	}
	body, ok := strings.CutPrefix(rest, "//")
	if !ok {
		if known {
			return badURI("Invalid URI: The Authority/Host could not be parsed.")
		}
		n.opaque, n.kind = true, hostUnknown
		path := n.split(rest)
		if user, host, ok := strings.Cut(path, "@"); ok && n.scheme == "mailto" {
			n.user, n.host, n.kind, n.port, path = canonical(user), strings.ToLower(host), hostDNS, 25, ""
		}
		n.path = canonical(path)
		return nil
	}
	i := strings.IndexAny(body, "/?#")
	if i < 0 {
		i = len(body)
	}
	if err := n.authorityOf(body[:i]); err != nil {
		return err
	}
	if n.host == "" && known {
		return noHost()
	}
	path := n.split(body[i:])
	if path == "" {
		path = "/"
	}
	n.path = withoutDots(canonical(path))
	return nil
}

// split takes query and fragment off.
func (n *netURI) split(rest string) (path string) {
	rest, fragment, ok := strings.Cut(rest, "#")
	if ok {
		n.fragment = "#" + canonical(fragment)
	}
	path, query, ok := strings.Cut(rest, "?")
	if ok {
		n.query = "?" + canonical(query)
	}
	return path
}

// authorityOf reads user, host and port.
func (n *netURI) authorityOf(text string) error {
	user, rest, ok := strings.Cut(text, "@")
	if ok {
		n.user, text = canonical(user), rest
	}
	host, port := text, ""
	if i := strings.LastIndexByte(text, ':'); i >= 0 && !strings.Contains(text[i:], "]") {
		host, port = text[:i], text[i+1:]
	}
	n.port = defaultPort(n.scheme)
	if port != "" {
		p, err := strconv.ParseUint(port, 10, 16)
		if err != nil {
			return badURI("Invalid URI: Invalid port specified.")
		}
		n.port = int(p)
	}
	var err error
	n.host, n.kind, err = parseHost(host)
	return err
}

// parseHost tells what kind of host a name is, and how Uri writes it.
func parseHost(name string) (host string, kind int64, err error) {
	if strings.HasPrefix(name, "[") {
		a, err := netip.ParseAddr(strings.TrimSuffix(name[1:], "]"))
		if err != nil || !a.Is6() || !strings.HasSuffix(name, "]") {
			return "", 0, noHost()
		}
		return "[" + a.String() + "]", hostIPv6, nil
	}
	if name == "" {
		return "", hostBasic, nil
	}
	labels := strings.Split(strings.TrimSuffix(name, "."), ".")
	for _, l := range labels {
		if l == "" || len(l) > 63 {
			return "", 0, noHost()
		}
		for _, r := range l {
			if r < utf8.RuneSelf && !letter(byte(r)) && (r < '0' || r > '9') && r != '-' && r != '_' {
				return "", 0, noHost()
			}
		}
	}
	if last := labels[len(labels)-1]; last[0] >= '0' && last[0] <= '9' {
		if a, err := netip.ParseAddr(name); err == nil {
			return a.String(), hostIPv4, nil
		}
		if strings.Trim(name, "0123456789.") == "" || strings.HasPrefix(strings.ToLower(name), "0x") {
			return "", 0, machine.Refuse("[uri]'"+name+"'", "old spellings of addresses are not read", "write four numbers")
		}
	}
	return strings.ToLower(name), hostDNS, nil
}

// filePath makes the URI of a path of Windows: nothing in it is an escape.
func filePath(orig, path string) *netURI {
	p := strings.ReplaceAll(strings.ReplaceAll(path, `\`, "/"), "%", "%25")
	p = strings.NewReplacer("?", "%3F", "#", "%23").Replace(p)
	return &netURI{orig: orig, scheme: "file", kind: hostBasic, port: -1, path: withoutDots("/" + canonical(p))}
}

// uncPath makes the URI of a path of a share, without its slashes in front.
func uncPath(orig, path string) (*netURI, error) {
	host, rest, _ := strings.Cut(strings.ReplaceAll(path, `\`, "/"), "/")
	n := filePath(orig, rest)
	var err error
	if n.host, n.kind, err = parseHost(host); err == nil && n.host == "" {
		err = noHost()
	}
	return n, err
}

// parseFile reads what stands behind "file:".
func (n *netURI) parseFile(rest string) (*netURI, error) {
	path := strings.ReplaceAll(n.split(rest), `\`, "/")
	body := strings.TrimLeft(path, "/")
	slashes := len(path) - len(body)
	n.kind = hostBasic
	switch {
	case len(body) > 1 && letter(body[0]) && (body[1] == ':' || body[1] == '|'):
		body = body[:1] + ":" + body[2:]
	case slashes == 2 || slashes > 3:
		host, p, _ := strings.Cut(body, "/")
		var err error
		if n.host, n.kind, err = parseHost(host); err != nil {
			return nil, err
		}
		body = p
	case slashes < 2:
		return nil, noHost()
	}
	n.path = withoutDots("/" + canonical(body))
	return n, nil
}

func letter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

func isScheme(t string) bool {
	return t != "" && letter(t[0]) && strings.Trim(strings.ToLower(t), "abcdefghijklmnopqrstuvwxyz0123456789+-.") == ""
}

// unreserved are the characters that need no escape anywhere.
func unreserved(c byte) bool {
	return letter(c) || c >= '0' && c <= '9' || strings.IndexByte("-._~", c) >= 0
}

const upperHex = "0123456789ABCDEF"

// canonical escapes what may not stand in a URI, and undoes the escapes that are
// not needed. Escapes of characters outside ASCII get capitals, others stay as
// they are.
func canonical(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); {
		c := s[i]
		if c != '%' {
			if c <= ' ' || c >= 0x7f || strings.IndexByte("\"<>\\^`{|}", c) >= 0 {
				b.Write([]byte{'%', upperHex[c>>4], upperHex[c&15]})
			} else {
				b.WriteByte(c)
			}
			i++
			continue
		}
		run := s[i:escapes(s, i)]
		switch {
		case run == "":
			b.WriteString("%25")
			i++
			continue
		default:
			recode(&b, run)
		}
		i += len(run)
	}
	return b.String()
}

// escapes returns where a run of escapes ends that begins at i.
func escapes(s string, i int) int {
	for i+2 < len(s) && s[i] == '%' {
		if _, err := strconv.ParseUint(s[i+1:i+3], 16, 8); err != nil {
			break
		}
		i += 3
	}
	return i
}

// unescaped is what a run of escapes stands for.
func unescaped(run string) []byte {
	raw := make([]byte, 0, len(run)/3)
	for i := 0; i < len(run); i += 3 {
		v, _ := strconv.ParseUint(run[i+1:i+3], 16, 8)
		raw = append(raw, byte(v))
	}
	return raw
}

// recode writes a run of escapes as canonical has it.
func recode(b *strings.Builder, run string) {
	raw := unescaped(run)
	for i := 0; i < len(raw); {
		r, size := utf8.DecodeRune(raw[i:])
		switch {
		case size > 1:
			b.WriteString(strings.ToUpper(run[3*i : 3*(i+size)]))
		case r < utf8.RuneSelf && unreserved(byte(r)):
			b.WriteByte(byte(r))
		default:
			b.WriteString(run[3*i : 3*i+3])
		}
		i += size
	}
}

// withoutDots resolves the parts "." and ".." of a path.
func withoutDots(path string) string {
	if !strings.Contains(path, "/.") {
		return path
	}
	parts := strings.Split(path[1:], "/")
	out := make([]string, 0, len(parts))
	for i, p := range parts {
		last := i == len(parts)-1
		switch p {
		case ".", "..":
			if keep := len(out) == 1 && len(out[0]) == 2 && out[0][1] == ':'; p == ".." && len(out) > 0 && !keep {
				out = out[:len(out)-1]
			}
			if last {
				out = append(out, "")
			}
		default:
			out = append(out, p)
		}
	}
	return "/" + strings.Join(out, "/")
}

// unescapeSafe undoes the escapes of characters that mean nothing in a URI.
func unescapeSafe(s string) string {
	if !strings.Contains(s, "%") {
		return s
	}
	return replaceEscapes(s, func(b *strings.Builder, run string) {
		text, err := url.PathUnescape(run)
		if err != nil || !utf8.ValidString(text) {
			b.WriteString(run)
			return
		}
		for at, r := range text {
			if r < ' ' || r == 0x7f || strings.ContainsRune(`%#?/\@:&=+$,;`, r) {
				b.WriteString(run[3*at : 3*at+3])
				continue
			}
			b.WriteRune(r)
		}
	})
}

// resolve makes the URI that a relative one means here.
func (n *netURI) resolve(ed ps.Edition, ref string) (*netURI, error) {
	ref = strings.Trim(ref, " \t\r\n")
	front := n.scheme + ":"
	if !n.opaque {
		front = n.scheme + "://" + n.authority(true)
	}
	ref = strings.ReplaceAll(ref, `\`, "/")
	switch {
	case len(ref) > 2 && letter(ref[0]) && ref[1] == ':':
		return nil, dosPath(ed)
	case strings.HasPrefix(ref, "//"):
		return parseURI(ed, n.scheme+":"+ref)
	case strings.HasPrefix(ref, "/"):
		return parseURI(ed, front+ref)
	case strings.HasPrefix(ref, "?"):
		return parseURI(ed, front+n.path+ref)
	case ref == "" || strings.HasPrefix(ref, "#"):
		return parseURI(ed, front+n.path+n.query+ref)
	}
	return parseURI(ed, front+n.path[:strings.LastIndexByte(n.path, '/')+1]+ref)
}
