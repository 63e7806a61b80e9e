package fetch

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"golang.org/x/net/http/httpproxy"

	"github.com/casement/casement/internal/run/winsh/machine"
)

// curlJob is what all transfers of a command line have in common.
type curlJob struct {
	client Client
	method string
	header http.Header
	host   string
	body   *Body
	user   *url.Userinfo
	netrc  *netrc   // nil if it is not to be asked
	query  []string // to be added to the URL
	// proxies are those that the line itself has set; nil if it has set none.
	proxies func(*url.URL) (*url.URL, error)
}

// proxy returns what the connection is to be asked for a URL; "" leaves it to
// the build's network.
func (j *curlJob) proxy(u *url.URL) string {
	if j.proxies == nil {
		return ""
	}
	p, err := j.proxies(u)
	if err != nil || p == nil {
		return "direct"
	}
	return p.String()
}

// envProxies reads the variables that name proxies. Those that the step
// started with are the business of the build's network.
func (c *curlRun) envProxies() func(*url.URL) (*url.URL, error) {
	first := c.p.Machine.Process("curl", `C:\`, io.Discard, io.Discard).Env
	changed := false
	get := func(name string) string {
		v, _ := c.p.Env.Get(name)
		was, _ := first.Get(name)
		changed = changed || v != was
		return v
	}
	all := get("ALL_PROXY")
	config := httpproxy.Config{HTTPProxy: cmp.Or(get("HTTP_PROXY"), all), HTTPSProxy: cmp.Or(get("HTTPS_PROXY"), all), NoProxy: get("NO_PROXY")}
	if !changed {
		return nil
	}
	return config.ProxyFunc()
}

// prepare makes the job of the options.
func (c *curlRun) prepare(ctx context.Context) (*curlJob, error) {
	o := c.o
	j := &curlJob{method: http.MethodGet, header: http.Header{}}
	if err := c.queries(ctx, j); err != nil {
		return nil, err
	}
	wire, err := c.wire(ctx)
	if err != nil {
		return nil, err
	}
	if o.proxy == nil && o.noProxy != "*" {
		j.proxies = c.envProxies()
	}
	j.client = Client{Send: c.p.Machine.HTTP, Connect: o.connect, Timeout: o.timeout, Wire: wire}
	if j.netrc, err = c.readNetrc(ctx); err != nil {
		return nil, err
	}
	if o.location {
		j.client.Redirects = CurlRedirects(o.maxRedirs, o.keepPost...)
		j.client.Redirects.KeepAuth = o.trusted
		j.client.Redirects.Allow = c.mayFollow
		if j.netrc != nil {
			j.client.Redirects.User = func(to *url.URL) *url.Userinfo { return j.netrc.user(to, to.User) }
		}
		j.client.Redirects.Custom = o.method
		j.client.Redirects.KeepCookie = len(o.cookies) > 0 && j.header.Get("Cookie") == ""
		j.client.Redirects.Refer = strings.HasSuffix(o.referer, ";auto")
	}
	j.header.Set("User-Agent", "curl/"+curlVersion)
	j.header.Set("Accept", "*/*")
	if o.agent != nil {
		j.header.Set("User-Agent", *o.agent)
	}
	if from := strings.TrimSuffix(o.referer, ";auto"); from != "" {
		j.header.Set("Referer", from)
	}
	if o.compressed {
		j.header.Set("Accept-Encoding", "deflate, gzip")
	}
	if o.bearer != "" {
		j.header.Set("Authorization", "Bearer "+o.bearer)
	}
	if len(o.cookies) > 0 {
		j.header.Set("Cookie", strings.Join(o.cookies, ";"))
	}
	if o.user != nil {
		name, password, _ := strings.Cut(*o.user, ":")
		j.user = url.UserPassword(name, password)
	}
	if o.rng != "" {
		j.header.Set("Range", "bytes="+o.rng)
	}
	if err := c.content(ctx, j); err != nil {
		return nil, err
	}
	if err := c.customHeaders(ctx, j); err != nil {
		return nil, err
	}
	return j, nil
}

// queries honours --url-query, whose arguments are those of --data-urlencode, or
// begin with a plus sign and are taken as they are.
func (c *curlRun) queries(ctx context.Context, j *curlJob) error {
	for _, q := range c.o.query {
		raw, plain := strings.CutPrefix(q, "+")
		if !plain {
			b, err := c.encodedData(ctx, q)
			if err != nil {
				return err
			}
			raw = string(b)
		}
		j.query = append(j.query, raw)
	}
	return nil
}

// mayFollow looks at where a redirect leads.
func (c *curlRun) mayFollow(to *url.URL) error {
	if !everyProtocol()[to.Scheme] {
		return &curlFailure{code: 1, text: "The redirect target URL could not be parsed: Unsupported URL scheme"}
	}
	if !c.o.proto[to.Scheme] || !c.o.protoRedir[to.Scheme] {
		return &curlFailure{code: 1, text: fmt.Sprintf("Protocol %q disabled in redirect", to.Scheme)}
	}
	return refuseScheme(to.Scheme)
}

// wire collects what the options ask of the connection.
func (c *curlRun) wire(ctx context.Context) (machine.Wire, error) {
	o := c.o
	w := machine.Wire{Insecure: o.insecure, MinTLS: o.minTLS, MaxTLS: o.maxTLS}
	if w.MinTLS <= tls.VersionTLS12 {
		w.MinTLS = 0 // what Go does by itself
	}
	if w.MaxTLS == tls.VersionTLS13 {
		w.MaxTLS = 0
	}
	if o.caFile != "" {
		b, err := c.readLocal(ctx, o.caFile, "--cacert")
		if err != nil {
			if _, ok := err.(*curlUsage); ok {
				return w, c.fail(&curlFailure{code: 77, text: "schannel: failed to open CA file '" + o.caFile + "': No such file or directory"})
			}
			return w, err
		}
		w.Roots = string(b)
	}
	if o.noProxy == "*" {
		w.Proxy = "direct"
	}
	if o.proxy == nil || o.noProxy == "*" {
		return w, nil
	}
	if *o.proxy == "" {
		w.Proxy = "direct"
		return w, nil
	}
	p := *o.proxy
	if !strings.Contains(p, "://") {
		p = "http://" + p
	}
	u, err := url.Parse(p)
	if err != nil || u.Host == "" {
		return w, c.fail(&curlFailure{code: 5, text: "Unsupported proxy syntax in '" + *o.proxy + "'"})
	}
	if u.Scheme != "http" && u.Scheme != "https" {
		return w, machine.Refuse("curl -x "+u.Scheme+"://", "casement uses plain HTTP proxies only", "use an HTTP proxy")
	}
	if u.Port() == "" {
		u.Host += ":1080"
	}
	if o.proxyUser != "" {
		name, password, _ := strings.Cut(o.proxyUser, ":")
		u.User = url.UserPassword(name, password)
	}
	w.Proxy = u.String()
	return w, nil
}

// content settles method and body.
func (c *curlRun) content(ctx context.Context, j *curlJob) error {
	o := c.o
	switch {
	case len(o.form) > 0:
		body, kind, err := c.formBody(ctx)
		if err != nil {
			if f, ok := err.(*curlFailure); ok {
				return c.fail(f)
			}
			return err
		}
		j.method, j.body = http.MethodPost, body
		j.header.Set("Content-Type", kind)
	case len(o.data) > 0:
		data, err := c.postData(ctx)
		if err != nil {
			return err
		}
		if o.get {
			j.query = append(j.query[:len(j.query):len(j.query)], string(data))
			break
		}
		j.method, j.body = http.MethodPost, BodyOf(data)
		j.header.Set("Content-Type", "application/x-www-form-urlencoded")
		if o.json {
			j.header.Set("Content-Type", "application/json")
			j.header.Set("Accept", "application/json")
		}
	}
	if o.head {
		j.method = http.MethodHead
	}
	return nil
}

// customHeaders applies -H: "Name: value", "Name;" for an empty value, "Name:"
// to leave one out, and @file with one a line.
func (c *curlRun) customHeaders(ctx context.Context, j *curlJob) error {
	var lines []string
	for _, h := range c.o.headers {
		file, ok := strings.CutPrefix(h, "@")
		if !ok {
			lines = append(lines, h)
			continue
		}
		b, err := c.readLocal(ctx, file, "-H")
		if err != nil {
			return err
		}
		lines = append(lines, strings.FieldsFunc(string(b), func(r rune) bool { return r == '\r' || r == '\n' })...)
	}
	set := map[string]bool{}
	for _, l := range lines {
		name, value, ok := strings.Cut(l, ":")
		value = strings.TrimSpace(value)
		if !ok {
			if name, ok = strings.CutSuffix(l, ";"); !ok {
				continue
			}
		} else if value == "" {
			key := http.CanonicalHeaderKey(name)
			j.header.Del(key)
			if key == "User-Agent" {
				j.header.Set(key, "")
			}
			continue
		}
		name = strings.TrimSpace(name)
		if strings.EqualFold(name, "Host") {
			j.host = value
			continue
		}
		key := http.CanonicalHeaderKey(name)
		if set[key] {
			j.header.Add(key, value)
		} else {
			j.header.Set(key, value)
		}
		set[key] = true
	}
	return nil
}

// parseURL reads a URL as curl does, which guesses the scheme and escapes what
// must be.
func (t *curlTransfer) parseURL() (*url.URL, error) {
	o := t.c.o
	if strings.ContainsFunc(t.input, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		return nil, &curlFailure{code: 3, text: "URL rejected: Malformed input to a URL function"}
	}
	scheme, rest, ok := cutScheme(t.input)
	if scheme = strings.ToLower(scheme); !ok {
		if scheme, rest = o.protoDefault, "//"+t.input; scheme == "" {
			scheme = schemeOf(t.input)
		}
	}
	if err := refuseScheme(scheme); err != nil {
		return nil, err
	}
	if scheme != "http" && scheme != "https" {
		return nil, &curlFailure{code: 1, text: "Protocol \"" + scheme + "\" not supported"}
	}
	if !o.proto[scheme] {
		return nil, &curlFailure{code: 1, text: "Protocol \"" + scheme + "\" disabled"}
	}
	slashes := len(rest)
	rest = strings.TrimLeft(rest, "/")
	if slashes -= len(rest); slashes > 3 {
		return nil, &curlFailure{code: 3, text: "URL rejected: Unsupported number of slashes following scheme"}
	}
	if rest == "" {
		return nil, &curlFailure{code: 3, text: "URL rejected: No host part in the URL"}
	}
	u, err := url.Parse(scheme + "://" + escapeURL(rest))
	if err == nil && len(u.Port()) > 0 {
		_, err = strconv.ParseUint(u.Port(), 10, 16)
	}
	if err != nil {
		return nil, &curlFailure{code: 3, text: urlReason(rest)}
	}
	if u.Hostname() == "" {
		return nil, &curlFailure{code: 3, text: "URL rejected: No host part in the URL"}
	}
	if !strings.Contains(u.Hostname(), ":") && strings.ContainsAny(u.Hostname(), "#?!@{}[]\\$'\"^`*<>=;,+&()%") {
		return nil, &curlFailure{code: 3, text: "URL rejected: Bad hostname"}
	}
	if !o.pathAsIs {
		u = u.ResolveReference(&url.URL{Path: u.Path, RawPath: u.RawPath, RawQuery: u.RawQuery, Fragment: u.Fragment})
	}
	if u.Path == "" {
		u.Path = "/"
	}
	if len(t.job.query) > 0 {
		all := strings.Join(t.job.query, "&")
		if u.RawQuery != "" {
			all = u.RawQuery + "&" + all
		}
		if u.RawQuery = all; strings.ContainsFunc(all, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
			return nil, &curlFailure{code: 3, text: "URL rejected: Malformed input to a URL function"}
		}
	}
	return u, nil
}

// cutScheme cuts a scheme off a URL, which has at least one slash behind its colon.
func cutScheme(text string) (scheme, rest string, ok bool) {
	i := strings.IndexByte(text, ':')
	if i < 1 || !isLetter(text[0]) || !strings.HasPrefix(text[i+1:], "/") || strings.Trim(strings.ToLower(text[:i]), "abcdefghijklmnopqrstuvwxyz0123456789+-.") != "" {
		return "", text, false
	}
	return text[:i], text[i+1:], true
}

// urlReason says why a URL cannot be read.
func urlReason(rest string) string {
	host, _, _ := strings.Cut(rest, "/")
	switch {
	case strings.Contains(host, ":"):
		return "URL rejected: Port number was not a decimal number between 0 and 65535"
	}
	return "URL rejected: Bad hostname"
}

// escapeURL escapes blanks, control characters and bytes beyond ASCII; a
// percent sign that begins no escape stays one.
func escapeURL(s string) string {
	var b strings.Builder
	host, query := true, false
	for i := range len(s) {
		c := s[i]
		host = host && c != '/' && c != '?' && c != '#'
		query = query || c == '?'
		hex := func(j int) bool { return j < len(s) && strings.IndexByte("0123456789abcdefABCDEF", s[j]) >= 0 }
		if !host && (c <= ' ' || c >= 0x7f) || !host && !query && c == '%' && (!hex(i+1) || !hex(i+2)) {
			const digits = "0123456789abcdef"
			b.WriteString("%" + string(digits[c>>4]) + string(digits[c&15]))
			continue
		}
		b.WriteByte(c)
	}
	return b.String()
}

// uploadBody makes the body of -T, and adds the file's name to a URL that ends
// in a slash.
func (t *curlTransfer) uploadBody(ctx context.Context, u *url.URL) (*Body, error) {
	c := t.c
	if !c.o.globoff && strings.ContainsAny(t.upload, "{[") {
		return nil, machine.Refuse("curl -T "+t.upload, "several files at a time are not uploaded", "write one -T for each file, or add -g")
	}
	if t.upload == "-" || t.upload == "." {
		in := c.p.Stdin
		return &Body{Size: -1, Open: func(context.Context) (io.ReadCloser, error) { return io.NopCloser(in), nil }}, nil
	}
	full, err := machine.Full(c.p.Dir, t.upload)
	var info *machine.Info
	if err == nil {
		info, err = c.fs.Stat(ctx, full)
	}
	if windowsError(err) {
		fmt.Fprintf(c.err, "curl: cannot open '%s'\ncurl: try 'curl --help' for more information\n", t.upload)
		return nil, &curlFailure{code: 26, text: "Failed to open/read local data from file/application"}
	}
	if err != nil {
		return nil, err
	}
	if strings.HasSuffix(u.Path, "/") && u.RawQuery == "" {
		name := t.upload[strings.LastIndexAny(t.upload, `/\`)+1:]
		u.Path += name
		u.RawPath = ""
	}
	return &Body{Size: info.Size, Open: func(ctx context.Context) (io.ReadCloser, error) { return c.fs.Open(ctx, full) }}, nil
}
