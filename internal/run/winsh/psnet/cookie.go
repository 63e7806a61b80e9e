package psnet

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/casement/casement/internal/run/winsh/ps"
	"github.com/casement/casement/internal/run/winsh/pscmd"
)

// cookieTypes are Cookie and CookieContainer. The container is the jar of a
// session of Invoke-WebRequest, which gives it out; it can be filled here, and
// not looked at.
func cookieTypes() []*ps.Type {
	return []*ps.Type{
		{Name: "System.Net.CookieException", Base: "System.FormatException"},
		{
			Name: "System.Net.Cookie", Members: cookieMembers, New: overloads(can(newCookie), "", "string name, string value", "string name, string value, string path", "string name, string value, string path, string domain"),
			String: func(v any) string {
				c := v.(*ps.Object).Data.(*http.Cookie)
				if c.Name == "" && c.Value == "" {
					return ""
				}
				return c.Name + "=" + c.Value
			},
		},
		{Name: "System.Net.CookieContainer", Members: containerMembers, New: overloads(val(func(in *ps.Invoke) any {
			return in.Session.Object("System.Net.CookieContainer", pscmd.NewWebSession())
		}), "")},
	}
}

func newCookie(in *ps.Invoke) (any, error) {
	c := &http.Cookie{}
	for i, part := range []*string{&c.Name, &c.Value, &c.Path, &c.Domain} {
		if i < len(in.Args) {
			*part = in.String(i)
		}
	}
	if len(in.Args) > 0 && !isCookieName(c.Name) {
		return nil, badCookieName(c.Name)
	}
	return in.Session.Object("System.Net.Cookie", c), nil
}

// isCookieName reports whether .NET takes a text for the name of a cookie.
func isCookieName(name string) bool {
	return name != "" && name[0] != '$' && !strings.ContainsAny(name, "=;, \n\r\t")
}

func badCookieName(name string) error {
	if name == "" {
		name = "<null>"
	}
	return throw("System.Net.CookieException", "The 'Name'='"+name+"' part of the cookie is invalid.")
}

func cookieMembers() []ps.Member {
	data := self[*http.Cookie]
	text := func(name string, of func(c *http.Cookie) *string) ps.Member {
		return prop(name, "string", func(in *ps.Invoke) any { return *of(data(in)) }).With(func(_ context.Context, in *ps.Invoke) error {
			if name == "Name" && !isCookieName(in.String(0)) {
				return badCookieName(in.String(0))
			}
			*of(data(in)) = in.String(0)
			return nil
		})
	}
	flag := func(name string, of func(c *http.Cookie) *bool) ps.Member {
		return prop(name, "bool", func(in *ps.Invoke) any { return *of(data(in)) }).With(func(_ context.Context, in *ps.Invoke) error {
			*of(data(in)), _ = in.Args[0].(bool)
			return nil
		})
	}
	return []ps.Member{
		text("Name", func(c *http.Cookie) *string { return &c.Name }),
		text("Value", func(c *http.Cookie) *string { return &c.Value }),
		text("Path", func(c *http.Cookie) *string { return &c.Path }),
		text("Domain", func(c *http.Cookie) *string { return &c.Domain }),
		flag("Secure", func(c *http.Cookie) *bool { return &c.Secure }),
		flag("HttpOnly", func(c *http.Cookie) *bool { return &c.HttpOnly }),
	}
}

func containerMembers() []ps.Member {
	data := self[*pscmd.WebSession]
	add := can(func(in *ps.Invoke) (any, error) {
		last := len(in.Args) - 1
		c, ok := dataOf[*http.Cookie](in, last)
		switch {
		case !ok:
			return nil, nullArgument(in.Session, "cookie")
		case c.Name == "":
			return nil, badCookieName("")
		case last == 0 && c.Domain == "":
			return nil, badArgument(in.Session, "The parameter 'cookie.Domain' cannot be an empty string.", "cookie.Domain")
		case last == 0:
			// A domain without a dot in front is that host and no other.
			u := &url.URL{Scheme: "https", Host: strings.TrimPrefix(c.Domain, "."), Path: "/"}
			data(in).Keep(u, c)
			return nil, nil
		}
		u, ok := dataOf[*netURI](in, 0)
		if !ok {
			return nil, nullArgument(in.Session, "uri")
		}
		at, err := url.Parse(u.String())
		if err != nil {
			return nil, throw("System.UriFormatException", "Invalid URI: The hostname could not be parsed.")
		}
		data(in).Keep(at, c)
		return nil, nil
	})
	return append(refused("cookies are kept, but cannot be read", "keep the values in variables", "SetCookies", "GetCookies", "GetCookieHeader"),
		method("Add", "void", add, "System.Net.Cookie cookie", "uri uri, System.Net.Cookie cookie"))
}
