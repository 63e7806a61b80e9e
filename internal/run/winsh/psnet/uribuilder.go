package psnet

import (
	"context"
	"strconv"
	"strings"

	"github.com/casement/casement/internal/run/winsh/ps"
)

// uriBuilder is the Data of a UriBuilder.
type uriBuilder struct {
	scheme, user, password, host string
	port                         int
	path, query, fragment        string
}

// String is ToString(): a port that is known is written, also the scheme's own.
func (b *uriBuilder) String() string {
	t := b.scheme
	switch {
	case t == "":
	case b.host != "" && t != "mailto" || defaultPort(t) > 0 || t == "file":
		t += "://"
	default:
		t += ":"
	}
	t += b.user
	if b.password != "" {
		t += ":" + b.password
	}
	if b.user != "" {
		t += "@"
	}
	t += b.host
	if b.port != -1 && b.host != "" {
		t += ":" + strconv.Itoa(b.port)
	}
	if b.host != "" && b.path != "" && b.path[0] != '/' {
		t += "/"
	}
	return t + b.path + b.query + b.fragment
}

func (b *uriBuilder) setHost(host string) {
	if b.host = host; strings.Contains(host, ":") && host[0] != '[' {
		b.host = "[" + host + "]"
	}
}

func (b *uriBuilder) setScheme(scheme string) {
	b.scheme, _, _ = strings.Cut(strings.ToLower(scheme), ":")
}

// setPath escapes what may not stand in a path.
func (b *uriBuilder) setPath(path string) {
	if path == "" {
		path = "/"
	}
	b.path = strings.NewReplacer("?", "%3F", "#", "%23").Replace(canonical(strings.ReplaceAll(path, `\`, "/")))
}

// marked puts the mark in front of a query or fragment. .NET Framework does that
// also if there is one.
func marked(s *ps.Session, mark, text string) string {
	if text == "" || !desktop(s) && strings.HasPrefix(text, mark) {
		return text
	}
	return mark + text
}

func (b *uriBuilder) setPort(s *ps.Session, port int) error {
	if port < -1 || port > 0xffff {
		return outOfRange(s, "Specified argument was out of the range of valid values.", "value")
	}
	b.port = port
	return nil
}

func newURIBuilder(in *ps.Invoke) (any, error) {
	b := &uriBuilder{scheme: "http", host: "localhost", port: -1, path: "/"}
	switch {
	case len(in.Args) == 1:
		n, err := uriArg(in, 0)
		if err != nil {
			return nil, err
		}
		if n.scheme == "" {
			if n, err = parseURI(in.Session.Edition(), "http://"+n.orig); err != nil {
				return nil, err
			}
		}
		user, password, _ := strings.Cut(n.user, ":")
		b = &uriBuilder{scheme: n.scheme, user: user, password: password, host: n.host, port: n.port, path: n.absolutePath(), query: n.query, fragment: n.fragment}
	case len(in.Args) > 1:
		b.setScheme(in.String(0))
		b.setHost(in.String(1))
	}
	if len(in.Args) > 2 {
		if err := b.setPort(in.Session, in.Int(2)); err != nil {
			return nil, err
		}
	}
	if len(in.Args) > 3 {
		b.setPath(in.String(3))
	}
	if len(in.Args) > 4 {
		query, fragment, ok := strings.Cut(in.String(4), "#")
		if query != "" && query[0] != '?' {
			return nil, throw(argumentException, either(in.Session, "Extra portion of URI not valid.\r\nParameter name: extraValue", "Extra portion of URI not valid. (Parameter 'extraValue')"))
		}
		if b.query = query; ok {
			b.fragment = "#" + fragment
		}
	}
	return in.Session.Object("System.UriBuilder", b), nil
}

func builderURIMembers() []ps.Member {
	data := self[*uriBuilder]
	text := func(name string, get func(b *uriBuilder) string, set func(s *ps.Session, b *uriBuilder, v string)) ps.Member {
		return prop(name, "string", func(in *ps.Invoke) any { return get(data(in)) }).With(func(_ context.Context, in *ps.Invoke) error {
			set(in.Session, data(in), in.String(0))
			return nil
		})
	}
	return []ps.Member{
		text("Scheme", func(b *uriBuilder) string { return b.scheme }, func(_ *ps.Session, b *uriBuilder, v string) { b.setScheme(v) }),
		text("Host", func(b *uriBuilder) string { return b.host }, func(_ *ps.Session, b *uriBuilder, v string) { b.setHost(v) }),
		text("Path", func(b *uriBuilder) string { return b.path }, func(_ *ps.Session, b *uriBuilder, v string) { b.setPath(v) }),
		text("Query", func(b *uriBuilder) string { return b.query }, func(s *ps.Session, b *uriBuilder, v string) { b.query = marked(s, "?", v) }),
		text("Fragment", func(b *uriBuilder) string { return b.fragment }, func(s *ps.Session, b *uriBuilder, v string) { b.fragment = marked(s, "#", v) }),
		text("UserName", func(b *uriBuilder) string { return b.user }, func(_ *ps.Session, b *uriBuilder, v string) { b.user = v }),
		text("Password", func(b *uriBuilder) string { return b.password }, func(_ *ps.Session, b *uriBuilder, v string) { b.password = v }),
		prop("Port", "int", func(in *ps.Invoke) any { return ps.Int(data(in).port) }).With(func(_ context.Context, in *ps.Invoke) error {
			return data(in).setPort(in.Session, in.Int(0))
		}),
		ps.Prop("Uri", "uri", can(func(in *ps.Invoke) (any, error) {
			n, err := parseURI(in.Session.Edition(), data(in).String())
			if err != nil {
				return nil, err
			}
			return in.Session.Object(uriName, n), nil
		})),
		method("ToString", "string", val(func(in *ps.Invoke) any { return data(in).String() }), ""),
	}
}
