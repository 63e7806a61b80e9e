package psnet

import (
	"context"
	"html"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/casement/casement/internal/run/winsh/ps"
)

// webMembers are the encoders of WebUtility and HttpUtility, which differ in the
// case of hexadecimal digits.
func webMembers(utility bool) []ps.Member {
	text := func(name string, f func(s string) string) ps.Member {
		return static(name, "string", val(func(in *ps.Invoke) any { return f(in.String(0)) }), "string value")
	}
	encode := func(s string) string { return urlEncode(s, !utility) }
	list := []ps.Member{
		static("UrlEncode", "string", val(func(in *ps.Invoke) any { return encode(in.String(0)) }), "string str"),
		text("UrlDecode", func(s string) string { return percentDecode(s, true) }),
		text("HtmlEncode", htmlEncode), text("HtmlDecode", htmlDecode),
	}
	if utility {
		return list
	}
	return append(list,
		text("UrlPathEncode", urlPathEncode), text("HtmlAttributeEncode", func(s string) string {
			return strings.NewReplacer("&", "&amp;", `"`, "&quot;", "'", "&#39;", "<", "&lt;").Replace(s)
		}),
		static("JavaScriptStringEncode", "string", val(func(in *ps.Invoke) any {
			t := scriptEncode(in.String(0))
			if len(in.Args) == 2 && in.Bool(1) {
				t = `"` + t + `"`
			}
			return t
		}), "string value", "string value, bool addDoubleQuotes"),
		static("ParseQueryString", nameValueName, val(func(in *ps.Invoke) any {
			n := &nameValues{s: in.Session, query: true}
			for part := range strings.SplitSeq(strings.TrimPrefix(in.String(0), "?"), "&") {
				if part == "" {
					continue
				}
				name, value, _ := strings.Cut(part, "=")
				n.add(percentDecode(name, true), percentDecode(value, true))
			}
			return in.Session.Object(nameValueName, n)
		}), "string query"),
	)
}

// urlEncode escapes all but letters, digits and -_.!*(); blanks become +.
func urlEncode(s string, lower bool) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case letter(c) || c >= '0' && c <= '9' || strings.IndexByte("-_.!*()", c) >= 0:
			b.WriteByte(c)
		case c == ' ':
			b.WriteByte('+')
		default:
			h := strconv.FormatInt(int64(c)+0x100, 16)[1:]
			if !lower {
				h = strings.ToUpper(h)
			}
			b.WriteString("%" + h)
		}
	}
	return b.String()
}

// urlPathEncode escapes blanks and what is not ASCII, up to a question mark.
func urlPathEncode(s string) string {
	path, query, has := strings.Cut(s, "?")
	var b strings.Builder
	for i := 0; i < len(path); i++ {
		if c := path[i]; c <= ' ' || c >= 0x7f {
			b.WriteString("%" + strconv.FormatInt(int64(c)+0x100, 16)[1:])
			continue
		}
		b.WriteByte(path[i])
	}
	if has {
		return b.String() + "?" + query
	}
	return b.String()
}

// htmlDecode puts characters in the place of entities, which end with a
// semicolon.
func htmlDecode(s string) string {
	var b strings.Builder
	for {
		before, rest, ok := strings.Cut(s, "&")
		b.WriteString(before)
		if !ok {
			return b.String()
		}
		end := strings.IndexAny(rest, ";&")
		if end > 0 && rest[end] == ';' {
			if text, ok := entityText(rest[:end]); ok {
				b.WriteString(text)
				s = rest[end+1:]
				continue
			}
		}
		b.WriteByte('&')
		s = rest
	}
}

// entityText is the character of a name, or of a number behind "#".
func entityText(name string) (string, bool) {
	if number, ok := strings.CutPrefix(name, "#"); ok {
		base := 10
		if number != "" && number[0]|0x20 == 'x' {
			number, base = number[1:], 16
		}
		n, err := strconv.ParseUint(number, base, 21)
		return string(rune(n)), err == nil && n > 0 && utf8.ValidRune(rune(n))
	}
	text := html.UnescapeString("&" + name + ";")
	return text, !strings.HasSuffix(text, ";")
}

// htmlEncode escapes <, >, &, quotes, and the characters of Latin-1 beyond ASCII.
func htmlEncode(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '<':
			b.WriteString("&lt;")
		case r == '>':
			b.WriteString("&gt;")
		case r == '&':
			b.WriteString("&amp;")
		case r == '"':
			b.WriteString("&quot;")
		case r == '\'':
			b.WriteString("&#39;")
		case r >= 160 && r < 256 || r > 0xffff:
			b.WriteString("&#" + strconv.Itoa(int(r)) + ";")
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// scriptEncode escapes a text for JavaScript.
func scriptEncode(s string) string {
	var b strings.Builder
	for _, u := range ps.Units(s) {
		switch c := rune(u); {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteRune(c)
		case c == '\b':
			b.WriteString(`\b`)
		case c == '\f':
			b.WriteString(`\f`)
		case c == '\n':
			b.WriteString(`\n`)
		case c == '\r':
			b.WriteString(`\r`)
		case c == '\t':
			b.WriteString(`\t`)
		case c < ' ' || c == '<' || c == '>' || c == '\'' || c == '&' || c == 0x85 || c == 0x2028 || c == 0x2029:
			b.WriteString(`\u` + strconv.FormatInt(int64(c)+0x10000, 16)[1:])
		default:
			b.WriteString(ps.Text([]uint16{u}))
		}
	}
	return b.String()
}

// nameValues is the Data of a NameValueCollection: names in any case, each with
// several values.
type nameValues struct {
	s     *ps.Session
	list  []nameValue
	query bool // of ParseQueryString: its text is a query
}

type nameValue struct {
	name   string
	values []string
}

func (n *nameValues) find(name string) int {
	return slices.IndexFunc(n.list, func(v nameValue) bool { return strings.EqualFold(v.name, name) })
}

func (n *nameValues) add(name, value string) {
	if i := n.find(name); i >= 0 {
		n.list[i].values = append(n.list[i].values, value)
		return
	}
	n.list = append(n.list, nameValue{name, []string{value}})
}

func (n *nameValues) set(name, value string) {
	if i := n.find(name); i >= 0 {
		n.list[i].values = []string{value}
		return
	}
	n.add(name, value)
}

func (n *nameValues) get(name string) any {
	if i := n.find(name); i >= 0 {
		return strings.Join(n.list[i].values, ",")
	}
	return nil
}

// String is the collection as a query.
func (n *nameValues) String() string {
	var parts []string
	for _, v := range n.list {
		for _, value := range v.values {
			name := ""
			if v.name != "" {
				name = urlEncode(v.name, true) + "="
			}
			parts = append(parts, name+urlEncode(value, true))
		}
	}
	return strings.Join(parts, "&")
}

// Each implements [ps.Sequence]: a collection lists its names.
func (n *nameValues) Each(yield func(any) bool) {
	for _, v := range n.list {
		if !yield(v.name) {
			return
		}
	}
}

func (n *nameValues) keys() *ps.Array {
	var list []string
	for _, v := range n.list {
		list = append(list, v.name)
	}
	return ps.Strings(list)
}

func nameValueMembers() []ps.Member {
	data := self[*nameValues]
	item := indexer("string", val(func(in *ps.Invoke) any {
		if i, ok := in.Args[0].(int32); ok {
			if i >= 0 && int(i) < len(data(in).list) {
				return strings.Join(data(in).list[i].values, ",")
			}
			return nil
		}
		return data(in).get(in.String(0))
	}), "string name", "int index")
	item.Set = func(_ context.Context, in *ps.Invoke) error {
		data(in).set(in.Session.ToString(in.Args[1]), in.String(0))
		return nil
	}
	return []ps.Member{
		item,
		method("Add", "void", do(func(in *ps.Invoke) error { data(in).add(in.String(0), in.String(1)); return nil }), "string name, string value"),
		method("Set", "void", do(func(in *ps.Invoke) error { data(in).set(in.String(0), in.String(1)); return nil }), "string name, string value"),
		method("Remove", "void", do(func(in *ps.Invoke) error {
			if i := data(in).find(in.String(0)); i >= 0 {
				data(in).list = slices.Delete(data(in).list, i, i+1)
			}
			return nil
		}), "string name"),
		method("Clear", "void", do(func(in *ps.Invoke) error { data(in).list = nil; return nil }), ""),
		method("Get", "string", val(func(in *ps.Invoke) any { return data(in).get(in.String(0)) }), "string name"),
		method("GetValues", "string[]", val(func(in *ps.Invoke) any {
			if i := data(in).find(in.String(0)); i >= 0 {
				return ps.Strings(data(in).list[i].values)
			}
			return nil
		}), "string name"),
		method("ToString", "string", val(func(in *ps.Invoke) any {
			if data(in).query {
				return data(in).String()
			}
			return nameValueName
		}), ""),
		prop("Count", "int", func(in *ps.Invoke) any { return ps.Int(len(data(in).list)) }),
		prop("AllKeys", "string[]", func(in *ps.Invoke) any { return data(in).keys() }), prop("Keys", "System.Object", func(in *ps.Invoke) any { return data(in).keys() }),
	}
}
