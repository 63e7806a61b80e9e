package pscmd

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/casement/casement/internal/run/winsh/fetch"
	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/run/winsh/ps"
)

// webTypes are the types of answers.
func webTypes() []*ps.Type {
	return []*ps.Type{
		{
			Name: "Microsoft.PowerShell.Commands.WebResponseObject", Members: webResponseMembers, View: func() *ps.View { return webView(false) },
			String: func(v any) string { return v.(*ps.Object).Data.(*WebResponse).printable() },
		},
		{
			Name: "Microsoft.PowerShell.Commands.BasicHtmlWebResponseObject", Base: "Microsoft.PowerShell.Commands.WebResponseObject",
			Members: htmlMembers, View: func() *ps.View { return webView(true) },
			String: func(v any) string { return v.(*ps.Object).Data.(*WebResponse).content },
		},
		{
			Name: "Microsoft.PowerShell.Commands.WebRequestSession", Members: webSessionMembers,
			New: []ps.Overload{ps.O("", func(_ context.Context, in *ps.Invoke) (any, error) {
				return in.Session.Object("Microsoft.PowerShell.Commands.WebRequestSession", NewWebSession()), nil
			})},
		},
		{Name: "System.Net.HttpWebResponse", Base: "System.MarshalByRefObject", Members: netResponseMembers},
		{Name: "System.Net.Http.HttpResponseMessage", Edition: ps.Both, Members: messageMembers},
		{Name: "System.Net.HttpWebRequest", Base: "System.MarshalByRefObject"},
		{Name: "System.Net.Http.HttpRequestMessage", String: func(v any) string {
			u, _ := v.(*ps.Object).Data.(*url.URL)
			if u == nil {
				return "System.Net.Http.HttpRequestMessage"
			}
			return "Method: GET, RequestUri: '" + u.String() + "', Version: 1.1, Content: <null>, Headers:\r\n{\r\n}"
		}},
		{Name: "System.Net.HttpStatusCode", Values: statusCodes()},
	}
}

// statusCodes are the names that .NET has for status codes.
func statusCodes() []ps.EnumValue {
	plain := strings.NewReplacer(" ", "", "-", "", "'", "")
	var list []ps.EnumValue
	for code := 100; code < 600; code++ {
		text := http.StatusText(code)
		if text == "" {
			continue
		}
		name := plain.Replace(text)
		switch code {
		case 203:
			name = "NonAuthoritativeInformation"
		case 413:
			name = "RequestEntityTooLarge"
		case 414:
			name = "RequestUriTooLong"
		case 418:
			continue
		case 505:
			name = "HttpVersionNotSupported"
		}
		list = append(list, ps.EnumValue{Name: name, Value: int64(code)})
	}
	return list
}

// statusText is StatusDescription: what the server said in 5.1, and the name of
// the code in 7.
func statusText(s *ps.Session, resp *fetch.Response) string {
	if s.Edition() == ps.Core {
		return s.EnumName(s.Enum("System.Net.HttpStatusCode", int64(resp.StatusCode)))
	}
	_, text, _ := strings.Cut(resp.Status, " ")
	return text
}

func webResponseMembers() []ps.Member {
	data := func(in *ps.Invoke) *WebResponse { return in.Data().(*WebResponse) }
	prop := func(name, typ string, get func(in *ps.Invoke, r *WebResponse) any) ps.Member {
		return ps.Prop(name, typ, func(_ context.Context, in *ps.Invoke) (any, error) { return get(in, data(in)), nil })
	}
	return []ps.Member{
		prop("StatusCode", "int", func(_ *ps.Invoke, r *WebResponse) any { return ps.Int(r.resp.StatusCode) }),
		prop("StatusDescription", "string", func(in *ps.Invoke, r *WebResponse) any { return statusText(in.Session, r.resp) }),
		prop("Content", "byte[]", func(_ *ps.Invoke, r *WebResponse) any { return &ps.Bytes{B: r.body} }),
		prop("RawContent", "string", func(_ *ps.Invoke, r *WebResponse) any { return r.raw() }),
		prop("Headers", "System.Collections.IDictionary", func(in *ps.Invoke, r *WebResponse) any { return headerTable(in.Session, r.resp.Header) }),
		prop("RawContentLength", "long", func(_ *ps.Invoke, r *WebResponse) any { return int64(len(r.body)) }),
		prop("BaseResponse", "System.Object", func(in *ps.Invoke, r *WebResponse) any { return responseObject(in.Session, r.resp) }),
		ps.Prop("RawContentStream", "System.IO.MemoryStream", func(ctx context.Context, in *ps.Invoke) (any, error) {
			t := in.Session.FindType("System.IO.MemoryStream")
			if t == nil {
				return nil, machine.Refuse("RawContentStream", "streams are not supported here", "use Content")
			}
			return in.Session.New(ctx, t, &ps.Bytes{B: data(in).body})
		}),
	}
}

// htmlMembers are those of answers that are text.
func htmlMembers() []ps.Member {
	data := func(in *ps.Invoke) *WebResponse { return in.Data().(*WebResponse) }
	list := func(name, tag string) ps.Member {
		return ps.Prop(name, "Microsoft.PowerShell.Commands.WebCmdletElementCollection", func(_ context.Context, in *ps.Invoke) (any, error) {
			return elements(data(in).content, tag)
		})
	}
	// Scripts ask for what the pages of Internet Explorer have, and get $null.
	none := func(name string) ps.Member {
		return ps.Prop(name, "System.Object", func(context.Context, *ps.Invoke) (any, error) { return nil, nil })
	}
	return []ps.Member{
		ps.Prop("Content", "string", func(_ context.Context, in *ps.Invoke) (any, error) { return data(in).content, nil }),
		list("Images", "IMG"), list("InputFields", "INPUT"), list("Links", "A"),
		none("Forms"), none("ParsedHtml"),
	}
}

// webView is the list that is shown of an answer: texts are cut.
func webView(text bool) *ps.View {
	cut := func(name string) ps.Column {
		return ps.Column{Label: name, Value: func(ctx context.Context, s *ps.Session, v any) (any, error) {
			x, _, err := s.Property(ctx, v, name)
			list := []rune(s.ToString(x))
			if len(list) < 200 {
				return x, err
			}
			return string(list[:200]) + dots(s), err
		}}
	}
	content := ps.Column{Property: "Content"}
	if text {
		content = cut("Content")
	}
	v := &ps.View{List: []ps.Column{{Property: "StatusCode"}, {Property: "StatusDescription"}, content, cut("RawContent")}}
	// 5.1 has one view for all pages, with what only the engine of Internet
	// Explorer fills in.
	if text {
		v.List = append(v.List, ps.Column{Property: "Forms", Edition: ps.Desktop})
	}
	v.List = append(v.List, ps.Column{Label: "Headers", Value: headerText})
	if text {
		v.List = append(v.List, ps.Column{Property: "Images"}, ps.Column{Property: "InputFields"}, ps.Column{Property: "Links"}, ps.Column{Property: "ParsedHtml", Edition: ps.Desktop})
	}
	v.List = append(v.List, ps.Column{Property: "RawContentLength"})
	return v
}

// headerText shows the table of headers as .NET's dictionaries are shown.
func headerText(_ context.Context, s *ps.Session, v any) (any, error) {
	table := headerTable(s, v.(*ps.Object).Data.(*WebResponse).resp.Header)
	limit := 4
	if x, ok := s.Variable("FormatEnumerationLimit"); ok {
		if n, ok := ps.Unwrap(x).(int32); ok {
			limit = int(n)
		}
	}
	var list []string
	for i, e := range table.Entries() {
		if i == limit {
			return "{" + strings.Join(list, ", ") + dots(s) + "}", nil
		}
		value, ok := e.Value.(string)
		if !ok {
			value = "System.String[]"
		}
		list = append(list, "["+s.ToString(e.Key)+", "+value+"]")
	}
	return "{" + strings.Join(list, ", ") + "}", nil
}

// dots stand for what was cut.
func dots(s *ps.Session) string {
	if s.Edition() == ps.Core {
		return "…"
	}
	return "..."
}

func webSessionMembers() []ps.Member {
	data := func(in *ps.Invoke) *WebSession { return in.Data().(*WebSession) }
	return []ps.Member{
		ps.Prop("Headers", "System.Collections.IDictionary", func(_ context.Context, in *ps.Invoke) (any, error) { return data(in).Headers, nil }),
		ps.Prop("UserAgent", "string", func(_ context.Context, in *ps.Invoke) (any, error) { return data(in).UserAgent, nil }).
			With(func(_ context.Context, in *ps.Invoke) error { data(in).UserAgent = in.String(0); return nil }),
		ps.Prop("Cookies", "System.Net.CookieContainer", func(_ context.Context, in *ps.Invoke) (any, error) {
			return in.Session.Object("System.Net.CookieContainer", data(in)), nil
		}).With(func(_ context.Context, in *ps.Invoke) error {
			if o, ok := ps.Unwrap(in.Args[0]).(*ps.Object); ok {
				if other, ok := o.Data.(*WebSession); ok {
					data(in).jar = other.jar
				}
			}
			return nil
		}),
	}
}

// netResponseMembers are those of HttpWebResponse and messageMembers those of
// HttpResponseMessage, as the errors of requests have them. What scripts that make
// such objects themselves need is in package psnet, and is there for these, too.
func netResponseMembers() []ps.Member {
	data := func(in *ps.Invoke) *fetch.Response { return in.Data().(*fetch.Response) }
	return []ps.Member{
		statusMember(),
		ps.Prop("ResponseUri", "uri", func(ctx context.Context, in *ps.Invoke) (any, error) {
			return in.Session.CastTo(ctx, data(in).URL.String(), "uri")
		}),
		ps.Prop("StatusDescription", "string", func(_ context.Context, in *ps.Invoke) (any, error) { return statusText(in.Session, data(in)), nil }),
		ps.Prop("ContentType", "string", func(_ context.Context, in *ps.Invoke) (any, error) { return data(in).Header.Get("Content-Type"), nil }),
	}
}

func messageMembers() []ps.Member {
	data := func(in *ps.Invoke) *fetch.Response { return in.Data().(*fetch.Response) }
	return []ps.Member{
		statusMember(),
		ps.Prop("Headers", "System.Collections.IDictionary", func(_ context.Context, in *ps.Invoke) (any, error) {
			return headerTable(in.Session, data(in).Header), nil
		}),
		ps.Method("Dispose", "void", ps.O("", func(context.Context, *ps.Invoke) (any, error) { return nil, nil })),
		ps.Prop("RequestMessage", "System.Net.Http.HttpRequestMessage", func(_ context.Context, in *ps.Invoke) (any, error) {
			return in.Session.Object("System.Net.Http.HttpRequestMessage", data(in).URL), nil
		}),
		ps.Prop("ReasonPhrase", "string", func(_ context.Context, in *ps.Invoke) (any, error) {
			_, text, _ := strings.Cut(data(in).Status, " ")
			return text, nil
		}),
	}
}

func statusMember() ps.Member {
	return ps.Prop("StatusCode", "System.Net.HttpStatusCode", func(_ context.Context, in *ps.Invoke) (any, error) {
		return in.Session.Enum("System.Net.HttpStatusCode", int64(in.Data().(*fetch.Response).StatusCode)), nil
	})
}
