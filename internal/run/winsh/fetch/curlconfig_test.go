package fetch

import (
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/casement/casement/internal/run/winsh/machine"
)

// A file of options is read as curl reads it, wherever it comes from.
func TestCurlConfig(t *testing.T) {
	s := site(t)
	const help = "curl: try 'curl --help' for more information\r\n"
	const unread = "curl: cannot read config from 'c'\r\ncurl: option -K: error encountered when reading a file\r\n" + help
	for _, tc := range []struct {
		name, line, config, own string
		stdin                   string
		out, err                string
		code                    int
	}{
		{name: "all the ways", line: "curl -K c", config: "# comment\r\n\r\nsilent\r\n-w \"%{http_code}\\n\\x\"\r\nurl = @/file.txt # the file\r\n--output NUL\r\n", out: "200\r\nx"},
		{name: "forms", line: "curl -sS --config c", config: "url=\"@/file.txt\"\n  \t\n-o out.txt\nwrite-out : \"%{http_code}\\t\\\"q\\\"\"\n", out: "200\t\"q\""},
		{name: "from standard input", line: "curl -sK - @/file.txt", stdin: "-w %{http_code}", out: "0123456789200", err: ""},
		{name: "a file of its own", line: "curl @/file.txt", own: "-s\n", out: "0123456789"},
		{name: "a file of its own that is not wanted", line: "curl -qs @/file.txt", own: "nonsense\n", out: "0123456789"},
		{name: "more than a value", line: "curl -K c -s @/file.txt", config: "user-agent = a b\n", out: "0123456789"},
		{name: "unknown option", line: "curl -K c", config: "\nget\nnope = 1\n", err: "curl: c:2: 'nope' is unknown\r\n" + unread, code: 26},
		{name: "a value for none", line: "curl -K c", config: "get = yes\n", err: "curl: c:1: 'get' had unsupported trailing garbage\r\n" + unread, code: 26},
		{name: "no value", line: "curl -K c", config: "-o\n", err: "curl: c:1: '-o' requires parameter\r\n" + unread, code: 26},
		{name: "in silence", line: "curl -sSK c", config: "nope\n", err: "curl: option -K: error encountered when reading a file\r\n" + help, code: 26},
		{name: "no file", line: "curl -K no", err: strings.ReplaceAll(unread, "'c'", "'no'"), code: 26},
	} {
		t.Run(tc.name, func(t *testing.T) {
			at := func(text string) string { return strings.ReplaceAll(text, "@", s.URL) }
			b := newBox(t, machine.Options{})
			if tc.config != "" {
				b.write(`C:\w\c`, at(tc.config))
			}
			if tc.own != "" {
				b.write(`C:\Users\ContainerAdministrator\_curlrc`, tc.own)
			}
			out, stderr, code, err := b.try(at(tc.line), tc.stdin)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff([]any{tc.out, tc.err, tc.code}, []any{out, stderr, code}); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

// Names and passwords come from the file that is asked for, for the right host,
// and also where a redirect leads.
func TestCurlNetrc(t *testing.T) {
	other := httptest.NewServer(http.HandlerFunc(echo))
	defer other.Close()
	s := site(t)
	host := func(u string) string { return strings.TrimPrefix(u, "http://") }
	name, _, _ := strings.Cut(host(s.URL), ":")
	sent := func(user string) string {
		return "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(user))
	}
	for _, tc := range []struct{ name, file, text, line, want string }{
		{"the host's", `C:\w\n`, "machine other login a password b\r\nmachine @ login me password \"s e\\\"c\"\r\n", "curl -s --netrc-file n #/echo", sent(`me:s e"c`)},
		{"the default's", `C:\Users\ContainerAdministrator\_netrc`, "# machine @ login x password y\nmacdef m\nmachine @ login x password y\n\ndefault\nlogin d\npassword e", "curl -sn #/echo", sent("d:e")},
		{"a certain name's", `C:\Users\ContainerAdministrator\.netrc`, "machine @ login a password b\nmachine @ login me password c\n", "curl -s --netrc-optional http://me@%/echo", sent("me:c")},
		{"the command line's", `C:\w\n`, "machine @ login a password b", "curl -s --netrc-file n -u x:y #/echo", sent("x:y")},
		{"after a redirect", `C:\w\n`, "machine @ password b login a", "curl -sL --netrc-file n #/redirect/302?to=" + other.URL + "/echo", sent("a:b")},
		{"none that is asked for", "", "", "curl -sS -n #/echo", "curl: (26) .netrc error: no such file"},
		{"none that may be", "", "", "curl -s --netrc-optional #/echo", "GET /echo\nAccept: */*\nAccept-Encoding: identity\nUser-Agent"},
	} {
		b := newBox(t, machine.Options{})
		if tc.file != "" {
			b.write(tc.file, strings.ReplaceAll(tc.text, "@", name))
		}
		line := strings.NewReplacer("#", s.URL, "%", host(s.URL)).Replace(tc.line)
		if out, stderr, _ := b.run(line); !strings.Contains(out+stderr, tc.want) {
			t.Errorf("%s: %s%s, want %s", tc.name, out, stderr, tc.want)
		}
	}
}
