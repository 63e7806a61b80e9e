package fetch

import (
	"crypto/tls"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/casement/casement/internal/run/winsh/machine"
)

// curlOptions is a command line of curl that has been understood.
type curlOptions struct {
	urls    []string
	outputs []curlOutput // for the URLs, in order

	location, trusted bool
	maxRedirs         int
	keepPost          []int
	fail, failBody    bool
	failEarly         bool
	silent, showError bool
	noMeter, bar      bool
	verbose           bool
	head, show, get   bool
	globoff           bool
	compressed        bool
	remoteTime        bool
	remoteNameAll     bool
	contentName       bool // -J
	createDirs        bool
	removeOnError     bool
	skipExisting      bool
	clobber           *bool
	outputDir         string
	headerFile        string
	stderrFile        string
	method            string
	headers           []string
	agent             *string
	referer           string
	user              *string
	netrc             bool
	netrcOptional     bool
	netrcFile         string
	bearer            string
	cookies           []string
	data              []curlData
	json              bool
	form              []curlPart
	upload            []string
	query             []string
	rng               string
	resume            int64 // -1: where the file ends
	resuming          bool
	retry             int
	retryDelay        time.Duration
	retryMax          time.Duration
	retryAll          bool
	retryRefused      bool
	connect, timeout  time.Duration
	maxSize           int64
	speedLimit        int // bytes a second
	speedTime         int // seconds
	writeOut          string
	proto, protoRedir protocols
	protoDefault      string
	pathAsIs          bool
	proxy             *string
	proxyUser         string
	noProxy           string
	insecure          bool
	caFile            string
	minTLS, maxTLS    uint16
	version           bool
	warnings          []string

	// readFile reads a file of options; nil if they are not to be read yet, and
	// partial says that there are some. configs is how many have been read.
	readFile func(name string) (text string, ok bool, err error)
	partial  bool
	configs  int
}

// curlOutput says where a URL goes.
type curlOutput struct {
	file   string // "" or "-" is standard output
	remote bool   // -O
}

// curlData is one -d or its kin.
type curlData struct {
	text string
	kind byte // 'a' ascii, 'b' binary, 'r' raw, 'u' to be encoded, 'j' JSON
}

// curlPart is one -F.
type curlPart struct {
	spec    string
	literal bool // --form-string
}

// curlUsage is a command line that curl rejects.
type curlUsage struct {
	code int
	text string
	help bool // with the line that points to the help
	warn string
}

func (u *curlUsage) Error() string { return u.text }

// curlOption is one option. Exactly one of the functions is set, or refuse, or
// none: an option that does not matter here.
type curlOption struct {
	short  byte
	name   string
	flag   func(o *curlOptions, on bool) error // --name and --no-name
	arg    func(o *curlOptions, arg string) error
	takes  bool // an argument that does not matter
	refuse string
	gone   bool // the curl of Windows is built without it
	config bool // its argument is a file of options
}

func curlTable() []curlOption {
	return slices.Concat(curlFlags(), curlTransferFlags(), curlArgs(), curlRequestArgs(), curlNumbers(), curlTLS(), curlNothing(), curlImpossible())
}

func boolFlag(short byte, name string, to func(o *curlOptions) *bool) curlOption {
	return curlOption{short: short, name: name, flag: func(o *curlOptions, on bool) error { *to(o) = on; return nil }}
}

func curlFlags() []curlOption {
	return []curlOption{
		boolFlag('s', "silent", func(o *curlOptions) *bool { return &o.silent }),
		boolFlag('S', "show-error", func(o *curlOptions) *bool { return &o.showError }),
		boolFlag('v', "verbose", func(o *curlOptions) *bool { return &o.verbose }),
		boolFlag('#', "progress-bar", func(o *curlOptions) *bool { return &o.bar }),
		boolFlag('g', "globoff", func(o *curlOptions) *bool { return &o.globoff }),
		boolFlag('V', "version", func(o *curlOptions) *bool { return &o.version }),
		boolFlag('k', "insecure", func(o *curlOptions) *bool { return &o.insecure }),
		boolFlag(0, "fail-early", func(o *curlOptions) *bool { return &o.failEarly }),
		boolFlag(0, "create-dirs", func(o *curlOptions) *bool { return &o.createDirs }),
		boolFlag(0, "remove-on-error", func(o *curlOptions) *bool { return &o.removeOnError }),
		boolFlag(0, "skip-existing", func(o *curlOptions) *bool { return &o.skipExisting }),
		boolFlag(0, "remote-name-all", func(o *curlOptions) *bool { return &o.remoteNameAll }),
		boolFlag('J', "remote-header-name", func(o *curlOptions) *bool { return &o.contentName }),
		boolFlag('R', "remote-time", func(o *curlOptions) *bool { return &o.remoteTime }),
		boolFlag(0, "retry-all-errors", func(o *curlOptions) *bool { return &o.retryAll }),
		boolFlag(0, "retry-connrefused", func(o *curlOptions) *bool { return &o.retryRefused }),
		boolFlag('n', "netrc", func(o *curlOptions) *bool { return &o.netrc }),
		boolFlag(0, "netrc-optional", func(o *curlOptions) *bool { return &o.netrcOptional }),
		boolFlag(0, "path-as-is", func(o *curlOptions) *bool { return &o.pathAsIs }),
		{name: "progress-meter", flag: func(o *curlOptions, on bool) error { o.noMeter = !on; return nil }},
		{name: "clobber", flag: func(o *curlOptions, on bool) error { o.clobber = &on; return nil }},
		{short: 'O', name: "remote-name", flag: func(o *curlOptions, on bool) error {
			o.outputs = append(o.outputs, curlOutput{remote: on})
			return nil
		}},
	}
}

func curlTransferFlags() []curlOption {
	code := func(name string, code int) curlOption {
		return curlOption{name: name, flag: func(o *curlOptions, on bool) error {
			if on {
				o.keepPost = append(o.keepPost, code)
			}
			return nil
		}}
	}
	return []curlOption{
		boolFlag('L', "location", func(o *curlOptions) *bool { return &o.location }),
		boolFlag('I', "head", func(o *curlOptions) *bool { return &o.head }),
		boolFlag('i', "show-headers", func(o *curlOptions) *bool { return &o.show }),
		boolFlag(0, "include", func(o *curlOptions) *bool { return &o.show }),
		boolFlag('G', "get", func(o *curlOptions) *bool { return &o.get }),
		boolFlag(0, "compressed", func(o *curlOptions) *bool { return &o.compressed }),
		{name: "location-trusted", flag: func(o *curlOptions, on bool) error { o.location, o.trusted = on, on; return nil }},
		{short: 'f', name: "fail", flag: func(o *curlOptions, on bool) error {
			o.fail = on
			return o.oneFail("-f")
		}},
		{name: "fail-with-body", flag: func(o *curlOptions, on bool) error {
			o.failBody = on
			return o.oneFail("--fail-with-body")
		}},
		code("post301", 301), code("post302", 302), code("post303", 303),
	}
}

// oneFail complains about two ways to fail.
func (o *curlOptions) oneFail(option string) error {
	if !o.fail || !o.failBody {
		return nil
	}
	err := badArg(option, "is badly used here")
	if u, ok := err.(*curlUsage); ok && !o.silent {
		u.text = "You must select either --fail or --fail-with-body, not both.\ncurl: " + u.text
	}
	return err
}

func textArg(short byte, name string, to func(o *curlOptions) *string) curlOption {
	return curlOption{short: short, name: name, arg: func(o *curlOptions, s string) error { *to(o) = s; return nil }}
}

func listArg(short byte, name string, to func(o *curlOptions) *[]string) curlOption {
	return curlOption{short: short, name: name, arg: func(o *curlOptions, s string) error {
		*to(o) = append(*to(o), s)
		return nil
	}}
}

func pointerArg(short byte, name string, to func(o *curlOptions) **string) curlOption {
	return curlOption{short: short, name: name, arg: func(o *curlOptions, s string) error { *to(o) = &s; return nil }}
}

func curlArgs() []curlOption {
	return []curlOption{
		listArg(0, "url", func(o *curlOptions) *[]string { return &o.urls }),
		{short: 'o', name: "output", arg: func(o *curlOptions, s string) error {
			if s == "" {
				return badArg("-o", "blank argument where content is expected")
			}
			o.outputs = append(o.outputs, curlOutput{file: s})
			return nil
		}},
		textArg(0, "output-dir", func(o *curlOptions) *string { return &o.outputDir }),
		textArg('D', "dump-header", func(o *curlOptions) *string { return &o.headerFile }),
		textArg(0, "stderr", func(o *curlOptions) *string { return &o.stderrFile }),
		textArg('w', "write-out", func(o *curlOptions) *string { return &o.writeOut }),
		pointerArg('x', "proxy", func(o *curlOptions) **string { return &o.proxy }),
		textArg('U', "proxy-user", func(o *curlOptions) *string { return &o.proxyUser }),
		{name: "noproxy", arg: func(o *curlOptions, s string) error {
			if s != "*" && s != "" {
				return machine.Refuse("curl --noproxy "+s, "hosts without a proxy are set for the whole build", "leave it out, or use --noproxy *")
			}
			o.noProxy = s
			return nil
		}},
		textArg(0, "netrc-file", func(o *curlOptions) *string { return &o.netrcFile }),
		{short: 'K', name: "config", takes: true, config: true},
		textArg(0, "cacert", func(o *curlOptions) *string { return &o.caFile }),
		{name: "proto", arg: func(o *curlOptions, s string) error { return o.proto.change(s) }},
		{name: "proto-redir", arg: func(o *curlOptions, s string) error { return o.protoRedir.change(s) }},
		textArg(0, "proto-default", func(o *curlOptions) *string { return &o.protoDefault }),
	}
}

func dataArg(short byte, name string, kind byte) curlOption {
	return curlOption{short: short, name: name, arg: func(o *curlOptions, s string) error {
		o.data = append(o.data, curlData{s, kind})
		o.json = o.json || kind == 'j'
		return nil
	}}
}

func curlRequestArgs() []curlOption {
	return []curlOption{
		{short: 'X', name: "request", arg: func(o *curlOptions, s string) error {
			if o.method = s; s == "" {
				return badArg("-X", "blank argument where content is expected")
			}
			return nil
		}},
		listArg('H', "header", func(o *curlOptions) *[]string { return &o.headers }),
		pointerArg('A', "user-agent", func(o *curlOptions) **string { return &o.agent }),
		textArg('e', "referer", func(o *curlOptions) *string { return &o.referer }),
		{short: 'u', name: "user", arg: func(o *curlOptions, s string) error {
			if !strings.Contains(s, ":") {
				return machine.Refuse("curl -u without a password", "there is nobody to type it during a build", "write -u name:password")
			}
			o.user = &s
			return nil
		}},
		textArg(0, "oauth2-bearer", func(o *curlOptions) *string { return &o.bearer }),
		{short: 'b', name: "cookie", arg: func(o *curlOptions, s string) error {
			if !strings.Contains(s, "=") {
				return machine.Refuse("curl -b "+s, "files of cookies are not supported", "write the cookie as name=value")
			}
			o.cookies = append(o.cookies, s)
			return nil
		}},
		dataArg('d', "data", 'a'), dataArg(0, "data-ascii", 'a'), dataArg(0, "data-binary", 'b'),
		dataArg(0, "data-raw", 'r'), dataArg(0, "data-urlencode", 'u'), dataArg(0, "json", 'j'),
		{short: 'F', name: "form", arg: func(o *curlOptions, s string) error { o.form = append(o.form, curlPart{spec: s}); return nil }},
		{name: "form-string", arg: func(o *curlOptions, s string) error { o.form = append(o.form, curlPart{s, true}); return nil }},
		listArg('T', "upload-file", func(o *curlOptions) *[]string { return &o.upload }),
		listArg(0, "url-query", func(o *curlOptions) *[]string { return &o.query }),
		{short: 'r', name: "range", arg: func(o *curlOptions, s string) error {
			if o.resuming {
				return &curlUsage{code: 2, text: "option -r: is badly used here", help: true}
			}
			if !strings.Contains(s, "-") {
				o.warnings = append(o.warnings, "A specified range MUST include at least one dash (-). Appending one for you")
				s += "-"
			}
			o.rng = s
			return nil
		}},
		{short: 'C', name: "continue-at", arg: func(o *curlOptions, s string) error {
			o.resuming, o.resume = true, -1
			if s == "-" {
				return nil
			}
			n, err := strconv.ParseInt(s, 10, 64)
			if err != nil || n < 0 {
				return badArg("-C", "expected a proper numerical parameter")
			}
			o.resume = n
			return nil
		}},
	}
}

func badArg(option, reason string) error {
	return &curlUsage{code: 2, text: "option " + option + ": " + reason, help: true}
}

func numberArg(short byte, name string, set func(o *curlOptions, n int)) curlOption {
	return curlOption{short: short, name: name, arg: func(o *curlOptions, s string) error {
		n, err := strconv.ParseInt(strings.TrimSpace(s), 10, 32)
		switch {
		case err != nil:
			return badArg("--"+name, "expected a proper numerical parameter")
		case n < -1 && name == "max-redirs":
			return badArg("--"+name, "expected a proper numerical parameter")
		case n < 0 && name != "max-redirs":
			return badArg("--"+name, "expected a positive numerical parameter")
		}
		set(o, int(n))
		return nil
	}}
}

func secondsArg(short byte, name string, to func(o *curlOptions) *time.Duration) curlOption {
	return curlOption{short: short, name: name, arg: func(o *curlOptions, s string) error {
		f, err := strconv.ParseFloat(s, 64)
		if err != nil || f < 0 || f > math.MaxInt32 || strings.ContainsAny(s, "xXnNpP") {
			return badArg("--"+name, "expected a proper numerical parameter")
		}
		*to(o) = time.Duration(f * float64(time.Second))
		return nil
	}}
}

func curlNumbers() []curlOption {
	return []curlOption{
		numberArg(0, "max-redirs", func(o *curlOptions, n int) { o.maxRedirs = n }),
		numberArg('Y', "speed-limit", func(o *curlOptions, n int) {
			if o.speedLimit = n; o.speedTime == 0 {
				o.speedTime = 30
			}
		}),
		numberArg('y', "speed-time", func(o *curlOptions, n int) {
			if o.speedTime = n; o.speedLimit == 0 {
				o.speedLimit = 1
			}
		}),
		numberArg(0, "retry", func(o *curlOptions, n int) { o.retry = n }),
		secondsArg(0, "retry-delay", func(o *curlOptions) *time.Duration { return &o.retryDelay }),
		secondsArg(0, "retry-max-time", func(o *curlOptions) *time.Duration { return &o.retryMax }),
		secondsArg(0, "connect-timeout", func(o *curlOptions) *time.Duration { return &o.connect }),
		secondsArg('m', "max-time", func(o *curlOptions) *time.Duration { return &o.timeout }),
		{name: "max-filesize", arg: func(o *curlOptions, s string) error {
			n, ok := parseSize(s)
			if !ok {
				return badArg("--max-filesize", "expected a proper numerical parameter")
			}
			o.maxSize = n
			return nil
		}},
	}
}

// parseSize reads a number with k, m, g, t or p.
func parseSize(s string) (int64, bool) {
	shift := 0
	if s == "" {
		return 0, false
	}
	if i := strings.IndexByte("bkmgtp", s[len(s)-1]|0x20); i >= 0 {
		shift, s = i*10, s[:len(s)-1]
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 || n > math.MaxInt64>>shift {
		return 0, false
	}
	return n << shift, true
}

func curlTLS() []curlOption {
	low := func(short byte, name string, v uint16) curlOption {
		return curlOption{short: short, name: name, flag: func(o *curlOptions, _ bool) error { o.minTLS = v; return nil }}
	}
	return []curlOption{
		low('1', "tlsv1", tls.VersionTLS10), low(0, "tlsv1.0", tls.VersionTLS10), low(0, "tlsv1.1", tls.VersionTLS11),
		low(0, "tlsv1.2", tls.VersionTLS12), low(0, "tlsv1.3", tls.VersionTLS13),
		{name: "tls-max", arg: func(o *curlOptions, s string) error {
			v, ok := map[string]uint16{"default": 0, "1.0": tls.VersionTLS10, "1.1": tls.VersionTLS11,
				"1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13}[s]
			if !ok {
				return badArg("--tls-max", "is badly used here")
			}
			o.maxTLS = v
			return nil
		}},
	}
}

// curlNothing are options that do not change what a build sees: revocation
// lists, which casement does not ask; the speed of a transfer; the kind of
// connection; authentication that is the default.
func curlNothing() []curlOption {
	var all []curlOption
	for _, n := range strings.Fields("ssl-no-revoke ssl-revoke-best-effort ca-native tcp-nodelay tcp-fastopen keepalive " +
		"buffer http1.1 basic disable styled-output alpn sessionid ipv4 ipv6 parallel parallel-immediate " +
		"junk-session-cookies form-escape eprt epsv http0.9 ssl ssl-reqd") {
		short := map[string]byte{"buffer": 'N', "disable": 'q', "ipv4": '4', "ipv6": '6', "parallel": 'Z', "junk-session-cookies": 'j'}[n]
		all = append(all, curlOption{short: short, name: n, flag: func(*curlOptions, bool) error { return nil }})
	}
	for _, n := range strings.Fields("limit-rate keepalive-time keepalive-cnt happy-eyeballs-timeout-ms parallel-max parallel-max-host expect100-timeout rate") {
		all = append(all, curlOption{name: n, takes: true})
	}
	return all
}

func curlImpossible() []curlOption {
	var all []curlOption
	no := func(names string, takes bool, reason string) {
		for _, n := range strings.Fields(names) {
			name, short, _ := strings.Cut(n, ",")
			o := curlOption{name: name, takes: takes, refuse: reason}
			if short != "" {
				o.short = short[0]
			}
			all = append(all, o)
		}
	}
	no("next,: variable", false, "several groups of options on one line are not supported")
	no("cookie-jar,c etag-compare etag-save time-cond,z hsts alt-svc", true, "files that curl keeps from run to run are not supported")
	no("cert,E cert-type key key-type pass pinnedpubkey crlfile capath engine ciphers tls13-ciphers curves", true, "client certificates and choices of TLS are not supported")
	no("anyauth digest negotiate ntlm ssl-auto-client-cert", false, "casement does basic authentication only")
	no("aws-sigv4 delegation login-options sasl-authzid service-name", true, "casement does basic authentication only")
	no("resolve connect-to interface local-port dns-servers dns-interface dns-ipv4-addr dns-ipv6-addr doh-url unix-socket abstract-unix-socket", true,
		"the network of a build resolves names and makes connections itself")
	no("preproxy socks4 socks4a socks5 socks5-hostname proxy1.0 proxy-header proxy-cacert proxy-cert proxy-key proxy-pass", true, "casement uses plain HTTP proxies only")
	no("proxytunnel,p proxy-insecure proxy-anyauth proxy-digest proxy-ntlm proxy-negotiate", false, "casement uses plain HTTP proxies only")
	no("trace trace-ascii trace-config libcurl", true, "casement has no trace of what curl does inside")
	no("trace-time trace-ids", false, "casement has no trace of what curl does inside")
	no("ftp-account ftp-alternative-to-user ftp-method ftp-port,P quote,Q mail-from mail-rcpt mail-auth telnet-option,t krb pubkey hostpubmd5 tftp-blksize", true, "casement speaks HTTP only")
	no("ftp-create-dirs ftp-pasv ftp-pret ftp-skip-pasv-ip ftp-ssl-ccc ftp-ssl-control list-only,l append,a disable-epsv disable-eprt compressed-ssh", false, "casement speaks HTTP only")
	no("raw use-ascii,B crlf xattr tr-encoding ignore-content-length http1.0,0 request-target disallow-username-in-url", false, "it is not supported")
	no("manual,M", false, "casement does not have the manual")
	no("help,h", true, "casement does not have curl's help")
	for _, n := range strings.Fields("http2 http2-prior-knowledge http3 http3-only proxy-http2") {
		all = append(all, curlOption{name: n, gone: true})
	}
	return all
}
