package psnet

import (
	"bytes"
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/casement/casement/internal/run/winsh/fetch"
	"github.com/casement/casement/internal/run/winsh/ps"
	"github.com/casement/casement/internal/run/winsh/pscmd"
)

func newHTTPHeaders(s *ps.Session) *ps.Object {
	return s.Object(httpHeadersName, &headers{s: s, h: http.Header{}})
}

// httpHeadersMembers are those of all collections of headers of HttpClient.
func httpHeadersMembers() []ps.Member {
	data := self[*headers]
	add := do(func(in *ps.Invoke) error {
		if len(in.Args) == 1 {
			data(in).append(headerText(in))
			return nil
		}
		for _, v := range stringsArg(in, 1) {
			data(in).h.Add(in.String(0), v)
		}
		return nil
	})
	try := func(ctx context.Context, in *ps.Invoke) (any, error) { _, err := add(ctx, in); return true, err }
	// one is a property for one header.
	one := func(property, name string) ps.Member {
		return prop(property, httpHeadersName, func(in *ps.Invoke) any {
			return in.Session.Object(httpHeadersName, &headers{s: in.Session, h: data(in).h, name: name})
		}).With(func(_ context.Context, in *ps.Invoke) error {
			data(in).h.Del(name)
			if has(in, 0) {
				data(in).h.Set(name, headerText(in))
			}
			return nil
		})
	}
	list := []ps.Member{
		method("Add", "void", add, "string name, string[] values", "System.Object item"), method("TryAddWithoutValidation", "bool", try, "string name, string[] values"),
		method("ParseAdd", "void", add, "string input"), method("TryParseAdd", "bool", try, "string input"),
		method("Remove", "bool", val(func(in *ps.Invoke) any {
			ok := len(data(in).h.Values(in.String(0))) > 0
			data(in).h.Del(in.String(0))
			return ok
		}), "string name"),
		method("Clear", "void", do(func(in *ps.Invoke) error {
			if name := data(in).name; name != "" {
				data(in).h.Del(name)
			} else {
				clear(data(in).h)
			}
			return nil
		}), ""),
		method("Contains", "bool", val(func(in *ps.Invoke) any { return len(data(in).h.Values(in.String(0))) > 0 }), "string name"),
		method("GetValues", "string[]", can(func(in *ps.Invoke) (any, error) {
			v := data(in).h.Values(in.String(0))
			if len(v) == 0 {
				return nil, throw(invalidOperation, "The given header was not found.")
			}
			return ps.Strings(v), nil
		}), "string name"),
	}
	for _, p := range []string{"UserAgent", "Accept", "AcceptEncoding", "AcceptLanguage", "Authorization", "Host", "Referrer", "CacheControl", "Connection", "Range", "From"} {
		name := hyphens(p)
		if p == "Referrer" {
			name = "Referer"
		}
		list = append(list, one(p, name))
	}
	return list
}

// hyphens is "User-Agent" for "UserAgent".
func hyphens(s string) string {
	var b strings.Builder
	for i, r := range s {
		if i > 0 && r >= 'A' && r <= 'Z' {
			b.WriteByte('-')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// append adds to the value of the one header that is meant.
func (h *headers) append(v string) {
	sep := ", "
	if h.name == "User-Agent" {
		sep = " "
	}
	if old := h.h.Get(h.name); old != "" {
		v = old + sep + v
	}
	h.h.Set(h.name, v)
}

// headerText is the text of a header's value: a text, or one of the classes for
// values.
func headerText(in *ps.Invoke) string {
	if t, ok := dataOf[headerValue](in, 0); ok {
		return string(t)
	}
	return in.String(0)
}

// headerValue is the Data of AuthenticationHeaderValue and its kin.
type headerValue string

func headerValueTypes() []*ps.Type {
	typ := func(name, sep string, signatures ...string) *ps.Type {
		name = "System.Net.Http.Headers." + name
		return &ps.Type{Name: name, Assembly: httpAssembly, String: func(v any) string { return string(v.(*ps.Object).Data.(headerValue)) }, New: overloads(val(func(in *ps.Invoke) any {
			text := in.String(0)
			if len(in.Args) > 1 && in.String(1) != "" {
				text += sep + in.String(1)
			}
			return in.Session.Object(name, headerValue(text))
		}), signatures...)}
	}
	return []*ps.Type{
		typ("AuthenticationHeaderValue", " ", "string scheme", "string scheme, string parameter"),
		typ("MediaTypeWithQualityHeaderValue", ";q=", "string mediaType", "string mediaType, double quality"), typ("MediaTypeHeaderValue", ";", "string mediaType"),
		typ("ProductInfoHeaderValue", "/", "string productName, string productVersion", "string comment"),
	}
}

// httpContent is the Data of the content of an answer. It is read once, and kept
// where somebody wants it as a value.
type httpContent struct {
	resp *fetch.Response
	b    []byte
	read bool
}

type contentsKey struct{}

// contentOf returns the content of an answer, the same each time.
func contentOf(s *ps.Session, resp *fetch.Response) *httpContent {
	all := s.Value(contentsKey{}, func() any { return map[*fetch.Response]*httpContent{} }).(map[*fetch.Response]*httpContent)
	c := all[resp]
	if c == nil {
		c = &httpContent{resp: resp}
		all[resp] = c
	}
	return c
}

func (c *httpContent) bytes(s *ps.Session) ([]byte, error) {
	if c.read {
		return c.b, nil
	}
	defer c.resp.Body.Close()
	b, err := readBody(s, c.resp.Body)
	if err != nil {
		return nil, httpError(s, err)
	}
	c.b, c.read = b, true
	return b, nil
}

func (c *httpContent) text(s *ps.Session) (any, error) {
	b, err := c.bytes(s)
	if err != nil {
		return nil, err
	}
	return bodyText(b, c.resp.Header.Get("Content-Type"), pscmd.UTF8(false)), nil
}

func (c *httpContent) stream(s *ps.Session) *ps.Object {
	if c.read {
		return readStream(s, netStream, bytes.NewReader(c.b), int64(len(c.b)), nil)
	}
	return readStream(s, netStream, c.resp.Body, c.resp.ContentLength, c.resp.Body.Close)
}

func httpContentMembers() []ps.Member {
	data := self[*httpContent]
	return []ps.Member{
		method("ReadAsStringAsync", taskType, later(can(func(in *ps.Invoke) (any, error) { return data(in).text(in.Session) })), ""),
		method("ReadAsByteArrayAsync", taskType, later(can(func(in *ps.Invoke) (any, error) {
			b, err := data(in).bytes(in.Session)
			return &ps.Bytes{B: b}, err
		})), ""),
		method("ReadAsStreamAsync", taskType, later(can(func(in *ps.Invoke) (any, error) { return data(in).stream(in.Session), nil })), ""),
		method("CopyToAsync", taskType, later(func(ctx context.Context, in *ps.Invoke) (any, error) {
			to, err := streamArg(in, 0, "stream")
			if err != nil {
				return nil, err
			}
			from := data(in).stream(in.Session).Data.(*Stream)
			return nil, httpError(in.Session, from.copyTo(ctx, to))
		}), "System.IO.Stream stream"),
		method("LoadIntoBufferAsync", taskType, later(can(func(in *ps.Invoke) (any, error) {
			_, err := data(in).bytes(in.Session)
			return nil, err
		})), ""),
		prop("Headers", "System.Object", func(in *ps.Invoke) any {
			r := data(in).resp
			o := ps.NewCustom("ContentType", r.Header.Get("Content-Type"), "ContentDisposition", r.Header.Get("Content-Disposition"), "ContentLength", nil)
			if r.ContentLength >= 0 {
				o.Set("ContentLength", r.ContentLength)
			}
			return o
		}),
		method("Dispose", "void", do(func(in *ps.Invoke) error { return data(in).resp.Body.Close() }), ""),
	}
}

func httpResponseMembers() []ps.Member {
	data := self[*fetch.Response]
	end := do(func(in *ps.Invoke) error { return data(in).Body.Close() })
	return []ps.Member{
		prop("IsSuccessStatusCode", "bool", func(in *ps.Invoke) any { return success(data(in)) == nil }),
		prop("Content", httpContentName, func(in *ps.Invoke) any {
			return in.Session.Object("System.Net.Http.StreamContent", contentOf(in.Session, data(in)))
		}),
		prop("Version", "version", func(in *ps.Invoke) any {
			return ps.Version{Major: int32(data(in).ProtoMajor), Minor: int32(data(in).ProtoMinor), Build: -1, Revision: -1}
		}),
		method("EnsureSuccessStatusCode", httpMessageName, can(func(in *ps.Invoke) (any, error) { return in.Self, success(data(in)) }), ""),
		method("Close", "void", end, ""), method("Dispose", "void", end, ""),
	}
}

func httpRequestMembers() []ps.Member {
	data := func(in *ps.Invoke) *httpRequest {
		r, _ := in.Data().(*httpRequest)
		if r == nil {
			r = &httpRequest{method: http.MethodGet, headers: newHTTPHeaders(in.Session)}
			if u, ok := in.Data().(*url.URL); ok {
				r.uri, _ = anyURI(in.Session.Edition(), u.String())
			}
		}
		return r
	}
	return []ps.Member{
		prop("Headers", httpHeadersName, func(in *ps.Invoke) any { return data(in).headers }),
		prop("Method", "System.Net.Http.HttpMethod", func(in *ps.Invoke) any { return in.Session.Object("System.Net.Http.HttpMethod", data(in).method) }).With(func(_ context.Context, in *ps.Invoke) error {
			data(in).method, _ = dataOf[string](in, 0)
			return nil
		}),
		ps.Prop("RequestUri", "uri", func(ctx context.Context, in *ps.Invoke) (any, error) {
			if data(in).uri == nil {
				return nil, nil
			}
			return in.Session.CastTo(ctx, data(in).uri.orig, "uri")
		}).With(func(_ context.Context, in *ps.Invoke) error { data(in).uri, _ = dataOf[*netURI](in, 0); return nil }),
		method("Dispose", "void", nothing, ""),
	}
}
