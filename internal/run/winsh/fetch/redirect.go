package fetch

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// Redirects says which redirects a program follows, and how. The zero value
// follows none.
type Redirects struct {
	// Max is how many are followed before it is too many; -1 is no limit.
	Max int
	// Allow may reject where a redirect leads; nil rejects nothing.
	Allow func(to *url.URL) error
	// Codes are the status codes that redirect.
	Codes []int
	// Method returns the method of the next request.
	Method func(status int, method string) string
	// Downgrade lets https lead to http.
	Downgrade bool
	// Custom is the method that is sent whatever Method says, which then only
	// decides about the body.
	Custom string
	// KeepCookie sends cookies to other hosts too, and Refer says where the
	// redirect came from.
	KeepCookie, Refer bool
	// User, if not nil, returns the credentials for where a redirect leads.
	User func(to *url.URL) *url.Userinfo
	// Overflow makes more than Max redirects an error ([ErrRedirects]); else
	// the last redirect is the answer.
	Overflow bool
	// KeepAuth sends credentials and cookies to other hosts too. Without it they
	// go to the same scheme, host and port only; with DropAuth credentials do
	// not survive any redirect.
	KeepAuth, DropAuth bool
}

// CurlRedirects are those of curl -L. Keep has the codes after which a POST
// stays one (--post301 …).
func CurlRedirects(limit int, keep ...int) Redirects {
	return Redirects{
		Max: limit, Codes: []int{301, 302, 303, 307, 308}, Downgrade: true, Overflow: true,
		Method: func(status int, method string) string {
			switch {
			case slices.Contains(keep, status):
				return method
			case status <= 302 && method == http.MethodPost:
				return http.MethodGet
			case status == 303 && method != http.MethodHead:
				return http.MethodGet
			}
			return method
		},
	}
}

// FrameworkRedirects are those of HttpWebRequest and WebClient in .NET
// Framework, and so of Windows PowerShell 5.1.
func FrameworkRedirects(limit int) Redirects {
	return Redirects{
		Max: limit, Codes: []int{300, 301, 302, 303, 307}, Downgrade: true, Overflow: true, DropAuth: true,
		Method: func(status int, method string) string {
			switch {
			case status == 307, method == http.MethodHead:
				return method
			case status <= 302 && status > 300 && method != http.MethodPost:
				return method
			}
			return http.MethodGet
		},
	}
}

// CoreRedirects are those of HttpClient in .NET, and so of PowerShell 7.
func CoreRedirects(limit int) Redirects {
	return Redirects{
		Max: limit, Codes: []int{300, 301, 302, 303, 307, 308}, DropAuth: true,
		Method: func(status int, method string) string {
			switch {
			case status <= 302 && method == http.MethodPost:
				return http.MethodGet
			case status == 303 && method != http.MethodGet && method != http.MethodHead:
				return http.MethodGet
			}
			return method
		},
	}
}

// next makes the request that an answer redirects to. First is the request
// that the program made, cur the one that was answered.
func (r Redirects) next(first, cur Request, resp *http.Response, done int) (Request, bool, error) {
	loc := resp.Header.Get("Location")
	if loc == "" || !slices.Contains(r.Codes, resp.StatusCode) {
		return Request{}, false, nil
	}
	ref, err := url.Parse(strings.ReplaceAll(strings.TrimSpace(loc), " ", "%20"))
	if err != nil {
		return Request{}, false, &Error{Kind: ErrBadURL, URL: cur.URL, Err: err}
	}
	to := cur.URL.ResolveReference(ref)
	if to.Fragment == "" {
		to.Fragment = cur.URL.Fragment
	}
	if cur.URL.Scheme == "https" && to.Scheme == "http" && !r.Downgrade {
		return Request{}, false, nil
	}
	if r.Max >= 0 && done >= r.Max {
		if !r.Overflow {
			return Request{}, false, nil
		}
		return Request{}, false, &Error{Kind: ErrRedirects, URL: to, Limit: r.Max}
	}
	if r.Allow != nil {
		if err := r.Allow(to); err != nil {
			return Request{}, false, err
		}
	}
	next := cur
	next.URL = to
	as := cur.Method
	if r.Custom != "" {
		as = cur.as
	}
	next.Method = r.Method(resp.StatusCode, as)
	changed := next.Method != as
	if next.as = next.Method; r.Custom != "" {
		next.Method = r.Custom
	}
	next.Header = first.Header.Clone()
	next.User, next.Host = first.User, first.Host
	if changed {
		next.Body = nil
	}
	if next.Body == nil && first.Body != nil {
		for _, h := range []string{"Content-Type", "Content-Length", "Content-Encoding", "Expect", "Transfer-Encoding"} {
			next.Header.Del(h)
		}
	}
	same := sameOrigin(first.URL, to)
	if !same {
		next.Host = ""
	}
	if !same && !r.KeepAuth && !r.KeepCookie {
		next.Header.Del("Cookie")
	}
	if r.Refer {
		from := *cur.URL
		from.Fragment, from.User = "", nil
		next.Header.Set("Referer", from.String())
	}
	if r.DropAuth || !same && !r.KeepAuth {
		next.User = nil
		next.Header.Del("Authorization")
	}
	switch {
	case r.User != nil:
		next.User = r.User(to)
	case to.User != nil:
		next.User = to.User
	}
	return next, true, nil
}

func sameOrigin(a, b *url.URL) bool {
	return a.Scheme == b.Scheme && strings.EqualFold(a.Hostname(), b.Hostname()) && portOf(a) == portOf(b)
}

// portOf returns the port, which may be that of the scheme.
func portOf(u *url.URL) string {
	if p := u.Port(); p != "" {
		return p
	}
	if u.Scheme == "https" {
		return "443"
	}
	return "80"
}
