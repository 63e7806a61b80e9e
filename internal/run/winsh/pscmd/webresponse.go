package pscmd

import (
	"bytes"
	"cmp"
	"context"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/dlclark/regexp2"

	"github.com/casement/casement/internal/run/winsh/fetch"
	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/run/winsh/ps"
)

// WebSession is the Data of a WebRequestSession: what is kept from request to
// request.
type WebSession struct {
	Headers   *ps.Hashtable
	UserAgent string
	jar       http.CookieJar
}

// NewWebSession makes an empty one.
func NewWebSession() *WebSession {
	jar, err := cookiejar.New(nil)
	if err != nil { // it fails only for a list of suffixes that is wrong
		return &WebSession{Headers: ps.NewHashtable()}
	}
	return &WebSession{Headers: ps.NewHashtable(), jar: jar}
}

// webSessionOf is the session of a call, a new one if none was given.
func webSessionOf(c *ps.Call) (*WebSession, error) {
	if o, ok := ps.Unwrap(c.Value("WebSession")).(*ps.Object); ok {
		if w, ok := o.Data.(*WebSession); ok {
			return w, nil
		}
	}
	w := NewWebSession()
	if c.Has("SessionVariable") {
		return w, c.Session.SetVariable(c.String("SessionVariable"), c.Session.Object("Microsoft.PowerShell.Commands.WebRequestSession", w))
	}
	return w, nil
}

// Keep puts a cookie in that did not come with an answer of a server, but might
// have come from a URL. A domain is for the hosts below it if it begins with a
// dot, and otherwise for that host.
func (w *WebSession) Keep(u *url.URL, c *http.Cookie) {
	kept := *c
	if !strings.HasPrefix(kept.Domain, ".") {
		kept.Domain = ""
	}
	if kept.Path == "" {
		kept.Path = cmp.Or(u.Path, "/")
	}
	if w.jar != nil {
		w.jar.SetCookies(u, []*http.Cookie{&kept})
	}
}

// sender sends requests with the session's cookies and keeps new ones. A header
// with cookies is sent by 7 only, in front of those.
func (w *WebSession) sender(m *machine.Machine, desktop bool) func(*http.Request) (*http.Response, error) {
	return func(req *http.Request) (*http.Response, error) {
		if w.jar == nil {
			return m.HTTP(req)
		}
		if desktop {
			req.Header.Del("Cookie")
		}
		all := slices.Clone(req.Header.Values("Cookie"))
		for _, c := range w.jar.Cookies(req.URL) {
			value := c.Value
			if c.Quoted {
				value = `"` + value + `"`
			}
			all = append(all, c.Name+"="+value)
		}
		if len(all) > 0 {
			req.Header.Set("Cookie", strings.Join(all, "; "))
		}
		resp, err := m.HTTP(req)
		if err == nil {
			w.jar.SetCookies(req.URL, resp.Cookies())
		}
		return resp, err
	}
}

// webResponse is what Invoke-WebRequest makes of an answer.
func (w *webCall) webResponse(ctx context.Context, resp *fetch.Response) error {
	if !w.pipes() {
		return w.save(ctx, resp, resp.Body)
	}
	body, err := w.content(resp)
	if err != nil {
		return err
	}
	text := isText(mediaType(resp.Header.Get("Content-Type")))
	if w.desktop() && text && !w.c.Switch("UseBasicParsing") {
		return fail(notSupported, "The response content cannot be parsed because the Internet Explorer engine is not available, or Internet Explorer's first-launch configuration is not complete. Specify the UseBasicParsing parameter and try again. ",
			"WebCmdletIEDomNotSupportedException", ps.NotImplemented, nil)
	}
	r := &WebResponse{resp: resp, body: body, text: text}
	if text {
		r.content = decodeBody(w.c.Session, body, resp.Header.Get("Content-Type"))
	}
	name := "Microsoft.PowerShell.Commands.WebResponseObject"
	if text {
		name = "Microsoft.PowerShell.Commands.BasicHtmlWebResponseObject"
	}
	if err := w.c.Write(ctx, w.c.Session.Object(name, r)); err != nil {
		return err
	}
	if w.outFile != "" {
		return w.save(ctx, resp, bytes.NewReader(body))
	}
	return nil
}

// restResponse is what Invoke-RestMethod makes of an answer.
func (w *webCall) restResponse(ctx context.Context, resp *fetch.Response) error {
	s := w.c.Session
	if w.pipes() {
		body, err := w.content(resp)
		if err != nil {
			return err
		}
		v, err := restValue(ctx, s, decodeBody(s, body, resp.Header.Get("Content-Type")), mediaType(resp.Header.Get("Content-Type")))
		if err != nil {
			return err
		}
		if feed, ok := v.([]any); ok {
			for _, item := range feed {
				if err := w.c.Write(ctx, item); err != nil {
					return err
				}
			}
		} else if err := w.c.Write(ctx, v); err != nil {
			return err
		}
		if w.outFile != "" {
			if err := w.save(ctx, resp, bytes.NewReader(body)); err != nil {
				return err
			}
		}
	} else if err := w.save(ctx, resp, resp.Body); err != nil {
		return err
	}
	if name := w.c.String("StatusCodeVariable"); name != "" {
		if err := s.SetVariable(name, ps.Int(resp.StatusCode)); err != nil {
			return err
		}
	}
	if name := w.c.String("ResponseHeadersVariable"); name != "" {
		return s.SetVariable(name, headerTable(s, resp.Header))
	}
	return nil
}

// restValue converts JSON and XML; what is neither stays text. A feed gives its
// items as []any.
func restValue(ctx context.Context, s *ps.Session, text, media string) (any, error) {
	trim := strings.TrimLeft(text, " \t\r\n\uFEFF")
	var order []func() (any, bool, error)
	json := func() (any, bool, error) {
		v, err := parseJSON(s, text, jsonOptions{depth: 1024, desktop: s.Edition() == ps.Desktop})
		return v, err == nil && trim != "", nil
	}
	xml := func() (any, bool, error) {
		if !strings.HasPrefix(trim, "<") {
			return nil, false, nil
		}
		if s.FindType("xml") == nil {
			return nil, false, machine.Refuse("Invoke-RestMethod", "XML documents are not supported here", "download the answer with Invoke-WebRequest -OutFile")
		}
		v, err := s.CastTo(ctx, trim, "xml")
		if err != nil && fatal(err) {
			return nil, false, err
		}
		return v, err == nil, nil
	}
	if isJSON(media) {
		order = append(order, json, xml)
	} else {
		order = append(order, xml, json)
	}
	for _, try := range order {
		v, ok, err := try()
		if err != nil {
			return nil, err
		}
		if ok {
			return feedItems(ctx, s, v)
		}
	}
	return text, nil
}

// feedItems takes the items out of an RSS or Atom feed.
func feedItems(ctx context.Context, s *ps.Session, v any) (any, error) {
	if s.TypeOf(v) == nil || !s.TypeOf(v).Inherits("System.Xml.XmlDocument") {
		return v, nil
	}
	root, _, err := s.Property(ctx, v, "DocumentElement")
	if err != nil || ps.IsNull(root) {
		return v, err
	}
	name, _, err := s.Property(ctx, root, "LocalName")
	if err != nil {
		return nil, err
	}
	tag := ""
	switch strings.ToLower(s.ToString(name)) {
	case "rss":
		tag = "item"
	case "feed":
		tag = "entry"
	default:
		return v, nil
	}
	list, err := s.Invoke(ctx, v, "GetElementsByTagName", false, tag)
	if err != nil {
		return nil, err
	}
	return ps.Items(list), nil
}

// mediaType is the type without its parameters.
func mediaType(header string) string {
	media, _, _ := strings.Cut(header, ";")
	return strings.ToLower(strings.TrimSpace(media))
}

func isJSON(media string) bool {
	return slices.Contains([]string{"application/json", "text/json", "application/x-javascript", "text/x-javascript", "application/javascript", "text/javascript"}, media)
}

func isText(media string) bool {
	return strings.HasPrefix(media, "text/") || isJSON(media) || strings.HasSuffix(media, "+xml") ||
		slices.Contains([]string{"application/xml", "application/xml-external-parsed-entity", "application/xml-dtd"}, media)
}

// charsetPatterns find the encoding that a page names itself.
var charsetPatterns = sync.OnceValue(func() []*regexp2.Regexp {
	return []*regexp2.Regexp{
		regexp2.MustCompile(`<meta\s[^.><]*charset\s*=\s*["'\n]?(?<charset>[A-Za-z][^\s"'\n<>]*)[\s"'\n>]`, regexp2.IgnoreCase|regexp2.Singleline),
		regexp2.MustCompile(`<\?xml\s[^.><]*encoding\s*=\s*["'\n]?(?<charset>[A-Za-z][^\s"'\n<>]*)[\s"'\n>]`, regexp2.IgnoreCase|regexp2.Singleline),
	}
})

// decodeBody turns a body into text: in the encoding of its header, in the one
// that it names itself, or in the edition's.
func decodeBody(s *ps.Session, body []byte, contentType string) string {
	other := UTF8(false)
	if s.Edition() == ps.Desktop {
		other = CodePage(28591)
	}
	if _, after, ok := strings.Cut(strings.ToLower(contentType), "charset="); ok {
		name, _, _ := strings.Cut(after, ";")
		if cs := webCharset(strings.Trim(strings.TrimSpace(name), `"'`)); cs != nil {
			return cs.text(body)
		}
	}
	head := other.Decode(body[:min(len(body), 1024)])
	for _, p := range charsetPatterns() {
		if m, err := p.FindStringMatch(head); err == nil && m != nil {
			if cs := webCharset(m.GroupByName("charset").String()); cs != nil {
				return cs.text(body)
			}
		}
	}
	return other.text(body)
}

// text decodes, without a mark at the beginning.
func (c *Charset) text(b []byte) string {
	if m := marked(b); m != nil {
		return m.Decode(b[len(m.BOM):])
	}
	return c.Decode(b)
}

// WebResponse is the Data of what Invoke-WebRequest writes.
type WebResponse struct {
	resp    *fetch.Response
	body    []byte
	text    bool
	content string
}

// headerTable makes the table of headers: texts in 5.1, lists of texts in 7.
func headerTable(s *ps.Session, h http.Header) *ps.Hashtable {
	t := ps.NewHashtable()
	t.Ordered = true
	names := make([]string, 0, len(h))
	for name := range h {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if s.Edition() == ps.Desktop {
			t.Put(name, strings.Join(h[name], ","))
			continue
		}
		t.Put(name, ps.Strings(h[name]))
	}
	return t
}

// raw is the answer as text, with its headers.
func (r *WebResponse) raw() string {
	var b strings.Builder
	b.WriteString("HTTP/" + strconv.Itoa(r.resp.ProtoMajor) + "." + strconv.Itoa(r.resp.ProtoMinor) + " " + r.resp.Status + "\r\n")
	names := make([]string, 0, len(r.resp.Header))
	for name := range r.resp.Header {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		for _, v := range r.resp.Header[name] {
			b.WriteString(name + ": " + v + "\r\n")
		}
	}
	b.WriteString("\r\n")
	if r.text {
		b.WriteString(r.content)
	} else {
		b.WriteString(r.printable())
	}
	return b.String()
}

// printable is a body that is no text, as it is shown.
func (r *WebResponse) printable() string {
	b := bytes.Clone(r.body)
	for i, c := range b {
		if c >= 0x7f || c < ' ' && c != '\t' && c != '\r' && c != '\n' {
			b[i] = '.'
		}
	}
	return string(b)
}

// responseObject is BaseResponse: the answer as .NET has it.
func responseObject(s *ps.Session, resp *fetch.Response) *ps.Object {
	if s.Edition() == ps.Desktop {
		return s.Object("System.Net.HttpWebResponse", resp)
	}
	return s.Object("System.Net.Http.HttpResponseMessage", resp)
}

// htmlPatterns find links, images and input fields.
var htmlPatterns = sync.OnceValue(func() map[string]*regexp2.Regexp {
	const o = regexp2.IgnoreCase | regexp2.Singleline
	return map[string]*regexp2.Regexp{
		"A":     regexp2.MustCompile(`<a\s+[^>]*(/>|>.*?</a>)`, o),
		"IMG":   regexp2.MustCompile(`<img\s[^>]*?>`, o),
		"INPUT": regexp2.MustCompile(`<input\s+[^>]*(/?>|>.*?</input>)`, o),
		"tag":   regexp2.MustCompile(`<\w+((\s+[^"'>/=\s\p{Cc}]+(\s*=\s*(?:".*?"|'.*?'|[^'">\s]+))?)+\s*|\s*)/?>`, o),
		"each":  regexp2.MustCompile(`(?<=\s+)([^"'>/=\s\p{Cc}]+(\s*=\s*(?:".*?"|'.*?'|[^'">\s]+))?)`, o),
		"name":  regexp2.MustCompile(`([^"'>/=\s\p{Cc}]+)(?:\s*=\s*(?:"(.*?)"|'(.*?)'|([^'">\s]+)))?`, o),
	}
})

// elements finds the elements of one kind in a page, as the basic parser does.
func elements(html, tag string) (any, error) {
	p := htmlPatterns()
	var list []any
	m, err := p[tag].FindStringMatch(html)
	for m != nil && err == nil {
		o := ps.NewCustom("outerHTML", m.String(), "tagName", tag)
		if err := attributesOf(m.String(), o, p); err != nil {
			return nil, err
		}
		list = append(list, o)
		m, err = p[tag].FindNextMatch(m)
	}
	return ps.NewArray(list...), err
}

func attributesOf(html string, o *ps.Object, p map[string]*regexp2.Regexp) error {
	head, err := p["tag"].FindStringMatch(html)
	if head == nil || err != nil {
		return err
	}
	m, err := p["each"].FindStringMatch(head.String())
	for m != nil && err == nil {
		parts, err := p["name"].FindStringMatch(m.String())
		if err != nil {
			return err
		}
		var value any
		for i := 2; i <= 4; i++ {
			if g := parts.GroupByNumber(i); len(g.Captures) > 0 {
				value = g.String()
				break
			}
		}
		o.Set(parts.GroupByNumber(1).String(), value)
		if m, err = p["each"].FindNextMatch(m); err != nil {
			return err
		}
	}
	return err
}
