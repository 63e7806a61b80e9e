package fetch

import (
	"context"
	"fmt"
	"io"
	"iter"
	"net/url"
	"strings"
	"time"

	"github.com/casement/casement/internal/run/winsh/machine"
)

// curlMeter is curl's table of progress. It is printed once, when the transfer
// has ended, and without speeds and times, so that the same build prints the
// same.
type curlMeter struct{ kind byte }

// startMeter says whether there is a meter for this transfer.
func (t *curlTransfer) startMeter() *curlMeter {
	o := t.c.o
	switch {
	case o.silent, o.noMeter:
		return &curlMeter{}
	case o.bar:
		return &curlMeter{'#'}
	}
	return &curlMeter{'%'}
}

// end prints the table.
func (m *curlMeter) end(t *curlTransfer) {
	kind := m.kind
	m.kind = 0
	got, total := int64(0), int64(0)
	if t.out != nil {
		got = t.out.bytes
	}
	if t.resp != nil {
		total = max(t.resp.ContentLength, got)
	}
	switch kind {
	case '#':
		if total > 0 {
			width := int64(72)
			fmt.Fprintf(t.c.err, "\r%-72s %5.1f%%\n", strings.Repeat("#", int(width*got/total)), 100*float64(got)/float64(total))
		}
	case '%':
		percent := func(n, of int64) int64 {
			if of <= 0 {
				return 0
			}
			return n * 100 / of
		}
		sum, sumGot := total+t.sent, got+t.sent
		fmt.Fprintf(t.c.err, "  %% Total    %% Received %% Xferd  Average Speed   Time    Time     Time  Current\n"+
			"                                 Dload  Upload   Total   Spent    Left  Speed\n"+
			"\r%3d %s  %3d %s  %3d %s      0      0 --:--:-- --:--:-- --:--:--     0\n",
			percent(sumGot, sum), fiveColumns(sum), percent(got, total), fiveColumns(got), percent(t.sent, t.sent), fiveColumns(t.sent))
	}
}

// fiveColumns writes a size in five columns.
func fiveColumns(n int64) string {
	const k, m, g = 1 << 10, 1 << 20, 1 << 30
	switch {
	case n < 100000:
		return fmt.Sprintf("%5d", n)
	case n < 10000*k:
		return fmt.Sprintf("%4dk", n/k)
	case n < 100*m:
		return fmt.Sprintf("%2d.%dM", n/m, n%m/(m/10))
	case n < 10000*m:
		return fmt.Sprintf("%4dM", n/m)
	case n < 100*g:
		return fmt.Sprintf("%2d.%dG", n/g, n%g/(g/10))
	}
	return fmt.Sprintf("%4dG", n/g)
}

// checkWriteOut refuses variables of -w that casement does not know the value
// of.
func checkWriteOut(format string) error {
	for _, name := range []string{"json", "header_json", "certs", "num_certs", "header{", "output{"} {
		if strings.Contains(format, "%{"+name) || strings.Contains(format, "%"+name) && strings.HasSuffix(name, "{") {
			return machine.Refuse("curl -w %{"+strings.TrimSuffix(name, "{")+"}", "casement does not have this value", "leave the variable out")
		}
	}
	return nil
}

// writeOut honours -w.
func (t *curlTransfer) writeOut(ctx context.Context, f *curlFailure) error {
	format := t.c.o.writeOut
	if name, ok := strings.CutPrefix(format, "@"); ok {
		b, err := t.c.readLocal(ctx, name, "-w")
		if err != nil {
			return err
		}
		format = strings.NewReplacer("\r", "", "\n", "").Replace(string(b))
		if err := checkWriteOut(format); err != nil {
			return err
		}
	}
	var out io.Writer = t.c.out
	for text, variable := range writeOutPieces(format) {
		switch {
		case !variable:
		case text == "stdout":
			out, text = t.c.out, ""
		case text == "stderr":
			out, text = t.c.err, ""
		case text == "onerror":
			if f == nil {
				return nil
			}
			text = ""
		default:
			v, ok := t.variable(text, f)
			if !ok {
				fmt.Fprintf(t.c.err, "curl: unknown --write-out variable: '%s'\n", text)
			}
			text = v
		}
		if _, err := io.WriteString(out, text); err != nil {
			return fmt.Errorf("writing output of curl: %w", err)
		}
	}
	return nil
}

// writeOutPieces takes a format apart into text and names of variables.
func writeOutPieces(format string) iter.Seq2[string, bool] {
	return func(yield func(string, bool) bool) {
		for format != "" {
			text, rest, variable := format[:1], format[1:], false
			switch {
			case strings.HasPrefix(format, "%%"):
				rest = format[2:]
			case strings.HasPrefix(format, "%{"):
				if end := strings.IndexByte(format, '}'); end > 0 {
					text, rest, variable = format[2:end], format[end+1:], true
				} else {
					text, rest = "%{", format[2:]
				}
			case format[0] == '\\' && len(format) > 1:
				text, rest = unescape(format[:2]), format[2:]
			default:
				if next := strings.IndexAny(rest, `%\`); next >= 0 {
					text, rest = format[:next+1], rest[next:]
				} else {
					text, rest = format, ""
				}
			}
			if !yield(text, variable) {
				return
			}
			format = rest
		}
	}
}

// unescape reads a backslash with a letter.
func unescape(s string) string {
	switch s[1] {
	case 'r':
		return "\r"
	case 'n':
		return "\n"
	case 't':
		return "\t"
	}
	return s
}

// variable returns the value of a variable of -w.
func (t *curlTransfer) variable(name string, f *curlFailure) (string, bool) {
	number := func(n int64) (string, bool) { return fmt.Sprint(n), true }
	status, size := int64(0), int64(0)
	if t.resp != nil {
		status = int64(t.resp.StatusCode)
	}
	if t.out != nil {
		size = t.out.bytes
	}
	switch name {
	case "http_code", "response_code":
		return fmt.Sprintf("%03d", status), true
	case "http_connect":
		return "000", true
	case "exitcode":
		if f != nil {
			return number(int64(f.code))
		}
		return "0", true
	case "errormsg":
		if f != nil {
			return f.text, true
		}
		return "", true
	case "filename_effective":
		if t.out != nil {
			return t.out.name, true
		}
		return "", true
	case "num_retries":
		return number(int64(t.retries))
	case "urlnum", "xfer_id":
		return number(int64(t.num))
	case "size_download", "size_delivered":
		return number(size)
	case "size_upload":
		return number(t.sent)
	case "size_header":
		return number(t.headers)
	case "size_request":
		return t.requestSize(), true
	case "ssl_verify_result", "proxy_ssl_verify_result", "tls_earlydata", "proxy_used", "conn_id", "ftp_entry_path":
		return "0", name != "ftp_entry_path"
	case "url":
		return t.input, true
	}
	if part, ok := strings.CutPrefix(name, "url."); ok {
		return urlPart(t.url, part)
	}
	if v, ok := t.clockVariable(name, size); ok {
		return v, true
	}
	return t.answerVariable(name)
}

// clockVariable returns times and speeds.
func (t *curlTransfer) clockVariable(name string, size int64) (string, bool) {
	seconds := func(d time.Duration) (string, bool) { return fmt.Sprintf("%.6f", d.Seconds()), true }
	speed := func(n int64) (string, bool) {
		return fmt.Sprint(int64(float64(n) / max(time.Since(t.began).Seconds(), 1e-6))), true
	}
	switch name {
	case "speed_download":
		return speed(size)
	case "speed_upload":
		return speed(t.sent)
	case "time_total", "time_posttransfer":
		return seconds(time.Since(t.began))
	case "time_starttransfer", "time_pretransfer", "time_connect", "time_namelookup", "time_appconnect":
		return seconds(t.first)
	case "time_redirect", "time_queue":
		return seconds(0)
	}
	return "", false
}

func (t *curlTransfer) requestSize() string {
	if t.resp == nil {
		return "0"
	}
	s := t.resp.Sent
	return fmt.Sprint(len(headerText(s.Method+" "+s.URL.RequestURI()+" HTTP/1.1\r\nHost: "+s.URL.Host, s.Header)))
}

// answerVariable returns what is known of the answer.
func (t *curlTransfer) answerVariable(name string) (string, bool) {
	effective, method := t.url, t.job.method
	hops, headers, redirect, kind, version := 0, 0, "", "", "0"
	if r := t.resp; r != nil {
		effective, method, hops, kind, version = r.URL, r.Sent.Method, len(r.Hops), r.Header.Get("Content-Type"), "1.1"
		if r.ProtoMajor == 1 && r.ProtoMinor == 0 {
			version = "1.0"
		}
		for _, v := range r.Header {
			headers += len(v)
		}
		if loc, err := r.Location(); err == nil && r.StatusCode/100 == 3 {
			redirect = loc.String()
		}
	}
	switch name {
	case "content_type":
		return kind, true
	case "http_version":
		return version, true
	case "method":
		return method, true
	case "num_connects":
		return fmt.Sprint(min(hops+1, 1)), true
	case "num_headers":
		return fmt.Sprint(headers), true
	case "num_redirects":
		return fmt.Sprint(hops), true
	case "redirect_url":
		return redirect, true
	case "referer":
		return t.job.header.Get("Referer"), true
	case "scheme":
		return urlPart(effective, "scheme")
	case "url_effective":
		if effective == nil {
			return t.input, true
		}
		return effective.String(), true
	case "local_ip", "local_port", "remote_ip", "remote_port":
		return "", true
	}
	if part, ok := strings.CutPrefix(name, "urle."); ok {
		return urlPart(effective, part)
	}
	return "", false
}

// urlPart returns a component of a URL.
func urlPart(u *url.URL, part string) (string, bool) {
	if u == nil {
		u = &url.URL{}
	}
	switch part {
	case "scheme":
		return u.Scheme, true
	case "host":
		return u.Hostname(), true
	case "port":
		return portOf(u), true
	case "path":
		return u.EscapedPath(), true
	case "query":
		return u.RawQuery, true
	case "fragment":
		return u.Fragment, true
	case "user":
		return u.User.Username(), true
	case "password", "options", "zoneid":
		return "", true
	}
	return "", false
}
