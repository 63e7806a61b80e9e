package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/casement/casement/internal/run/winsh/machine"
)

// curlTransfer is one URL.
type curlTransfer struct {
	c      *curlRun
	job    *curlJob
	input  string // as it was given, after globbing
	num    int
	output curlOutput
	upload string

	url     *url.URL
	out     *curlSink
	resp    *Response
	began   time.Time
	first   time.Duration // until the answer began
	retries int
	got     atomic.Int64 // bytes of the body, as they come
	slow    atomic.Bool  // too slow for --speed-limit
	headers int64        // bytes
	sent    int64        // of the body
}

// run does the transfer with its retries, and prints what is to be printed.
func (t *curlTransfer) run(ctx context.Context) error {
	c := t.c
	err := t.attempts(ctx)
	var f *curlFailure
	if err != nil && !errors.As(err, &f) {
		return err
	}
	if t.out != nil {
		if cerr := t.out.close(ctx, f != nil && c.o.removeOnError); cerr != nil {
			return cerr
		}
	}
	if werr := t.writeOut(ctx, f); werr != nil {
		return werr
	}
	if f == nil {
		return nil
	}
	return f
}

// attempts repeats the transfer as the options say. What goes wrong is printed each
// time.
func (t *curlTransfer) attempts(ctx context.Context) error {
	o := t.c.o
	start := time.Now()
	left, wait := o.retry, o.retryDelay
	if wait == 0 {
		wait = time.Second
	}
	for {
		err := t.attempt(ctx)
		var f *curlFailure
		if errors.As(err, &f) {
			t.c.fail(f)
		}
		reason := t.retryReason(err)
		if reason == "" || left == 0 || o.retryMax > 0 && time.Since(start) >= o.retryMax {
			return err
		}
		after, ok := t.retryAfter(reason, start)
		if !ok {
			return err
		}
		pause := max(wait, after)
		if o.retryDelay == 0 {
			wait = min(2*wait, 10*time.Minute)
		}
		plural, times := "s", "ies"
		if pause == time.Second {
			plural = ""
		}
		if left == 1 {
			times = "y"
		}
		t.c.warn(fmt.Sprintf("Problem %s. Will retry in %s second%s. %d retr%s left.", reason,
			strconv.FormatFloat(pause.Seconds(), 'f', -1, 64), plural, left, times))
		left--
		t.retries++
		if t.out != nil {
			if err := t.out.restart(ctx); err != nil {
				return err
			}
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// retryReason says why another attempt may succeed, and "" if it would not.
func (t *curlTransfer) retryReason(err error) string {
	var f *curlFailure
	o := t.c.o
	if err != nil && !errors.As(err, &f) {
		return ""
	}
	switch {
	case f != nil && (f.code == 28 || f.code == 6 || f.code == 5):
		return ": timeout"
	case f != nil && f.code == 7 && o.retryRefused:
		return ": connection refused"
	case f == nil || f.code == 22:
		if t.resp != nil && slices.Contains([]int{408, 429, 500, 502, 503, 504}, t.resp.StatusCode) {
			return ": HTTP error"
		}
	}
	if f != nil && o.retryAll {
		return "(retrying all errors)"
	}
	return ""
}

// retryAfter honours the server's wish, within --retry-max-time.
func (t *curlTransfer) retryAfter(reason string, start time.Time) (time.Duration, bool) {
	if reason != ": HTTP error" {
		return 0, true
	}
	v := t.resp.Header.Get("Retry-After")
	pause := time.Duration(0)
	if n, err := strconv.Atoi(v); err == nil && n > 0 {
		pause = time.Duration(min(n, 6*3600)) * time.Second
	} else if at, err := http.ParseTime(v); err == nil {
		pause = max(time.Until(at).Round(time.Second), 0)
	}
	if limit := t.c.o.retryMax; pause > 0 && limit > 0 && time.Since(start)+pause > limit {
		t.c.warn("The Retry-After: time would make this command line exceed the maximum allowed time for retries.")
		return 0, false
	}
	return pause, true
}

// attempt does the transfer once.
func (t *curlTransfer) attempt(ctx context.Context) error {
	t.resp, t.began = nil, time.Now()
	u, err := t.parseURL()
	if err != nil {
		return err
	}
	req := Request{Method: t.job.method, Header: t.job.header.Clone(), Host: t.job.host, Body: t.job.body, User: t.job.user}
	if t.upload != "" {
		if req.Body, err = t.uploadBody(ctx, u); err != nil {
			return err
		}
		req.Method = http.MethodPut
	}
	if req.as = req.Method; t.c.o.method != "" {
		req.Method = t.c.o.method
	}
	if u.User != nil && req.User == nil {
		req.User = u.User
	}
	if req.User, err = t.netrcUser(u, req.User); err != nil {
		return err
	}
	u.User = nil
	req.URL, t.url = u, u
	if skip, err := t.openOutput(ctx, u, req.Header); skip || err != nil {
		return err
	}
	if t.c.o.verbose {
		fmt.Fprintf(t.c.err, "* Request to %s port %s\n", u.Hostname(), portOf(u))
	}
	meter := t.startMeter()
	if o := t.c.o; o.speedTime > 0 && o.speedLimit > 0 {
		t.got.Store(0)
		t.slow.Store(false)
		var cancel context.CancelFunc
		ctx, cancel = context.WithCancel(ctx)
		defer cancel()
		go t.watchSpeed(ctx, cancel)
	}
	client := t.job.client
	if client.Wire.Proxy == "" {
		client.Wire.Proxy = t.job.proxy(u)
	}
	resp, err := client.Do(ctx, req)
	if err != nil {
		return t.failure(err, meter)
	}
	defer resp.Body.Close()
	t.first, t.resp = time.Since(t.began), resp
	if req.Body != nil {
		t.sent = max(req.Body.Size, 0)
	}
	err = t.receive(ctx, resp)
	return t.failure(err, meter)
}

// failure puts an error of the client into curl's words.
func (t *curlTransfer) failure(err error, meter *curlMeter) error {
	meter.end(t)
	if err != nil && t.slow.Load() {
		return t.tooSlow()
	}
	var known *curlFailure
	var e *Error
	if errors.As(err, &known) {
		return known
	}
	if errors.As(err, &e) {
		code, text := e.Curl()
		return &curlFailure{code: code, text: text}
	}
	return err
}

// receive takes headers and body.
func (t *curlTransfer) receive(ctx context.Context, resp *Response) error {
	o := t.c.o
	if err := t.showHeaders(ctx, resp); err != nil {
		return err
	}
	t.out.contentName(resp.Header)
	bad := resp.StatusCode >= 400 && !(t.out.resumed() && resp.StatusCode == http.StatusRequestedRangeNotSatisfiable)
	httpError := &curlFailure{code: 22, text: fmt.Sprintf("The requested URL returned error: %d", resp.StatusCode)}
	if bad && o.fail {
		return httpError
	}
	if t.out.resumed() {
		switch {
		case resp.StatusCode == http.StatusRequestedRangeNotSatisfiable:
			return nil // there is no more
		case resp.StatusCode < 300 && resp.StatusCode != http.StatusPartialContent:
			return &curlFailure{code: 33, text: "HTTP server does not seem to support byte ranges. Cannot resume."}
		}
	}
	if o.maxSize > 0 && resp.ContentLength > o.maxSize {
		return &curlFailure{code: 63, text: "Maximum file size exceeded"}
	}
	if !o.head {
		if err := t.copyBody(ctx, resp); err != nil {
			return err
		}
	}
	if err := t.out.finish(ctx); err != nil {
		return err
	}
	if o.remoteTime {
		if at, err := http.ParseTime(resp.Header.Get("Last-Modified")); err == nil {
			t.out.modified = at
		}
	}
	if bad && o.failBody {
		return httpError
	}
	return nil
}

// copyBody writes the body, unpacked where --compressed has asked for it.
func (t *curlTransfer) copyBody(ctx context.Context, resp *Response) error {
	var body io.Reader = resp.Body
	if t.c.o.compressed {
		var err error
		if body, err = DecodeContent(resp.Header.Get("Content-Encoding"), resp.Body); err != nil {
			return &curlFailure{code: 61, text: "Unrecognized content encoding type. libcurl understands deflate, gzip content encodings."}
		}
	}
	buf := make([]byte, 64<<10)
	for {
		n, err := body.Read(buf)
		t.got.Add(int64(n))
		if n > 0 {
			limit := t.c.o.maxSize
			fits := int64(n)
			if limit > 0 {
				fits = min(fits, limit-t.out.bytes)
			}
			if werr := t.out.write(ctx, buf[:fits]); werr != nil {
				return werr
			}
			if fits < int64(n) {
				return &curlFailure{code: 63, text: fmt.Sprintf("Exceeded the maximum allowed file size (%d) with %d bytes", limit, t.out.bytes)}
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			if errors.Is(err, ErrCorrupt) {
				reason := "invalid data"
				if t.out.bytes == 0 {
					reason = "incorrect header check"
				}
				return &curlFailure{code: 61, text: "Error while processing content unencoding: " + reason}
			}
			return err
		}
	}
}

// showHeaders prints the headers of all answers where the options want them.
func (t *curlTransfer) showHeaders(ctx context.Context, resp *Response) error {
	o := t.c.o
	var dump strings.Builder
	for _, h := range resp.Hops {
		t.verboseHeaders(h.Sent, statusLine(h.Proto, fmt.Sprintf("%d %s", h.Status, http.StatusText(h.Status))), h.Header)
		dump.WriteString(headerText(statusLine(h.Proto, fmt.Sprintf("%d %s", h.Status, http.StatusText(h.Status))), h.Header))
	}
	line := statusLine(resp.Proto, resp.Status)
	t.verboseHeaders(resp.Sent, line, resp.Header)
	dump.WriteString(headerText(line, resp.Header))
	text := dump.String()
	t.headers = int64(len(text))
	if o.head || o.show {
		if err := t.out.write(ctx, []byte(text)); err != nil {
			return err
		}
		t.out.bytes -= int64(len(text))
	}
	return t.dumpHeaders(ctx, text)
}

// statusLine is the first line of an answer. The curl of Windows speaks
// HTTP/1.1, so that is what it would have got.
func statusLine(proto, status string) string {
	if !strings.HasPrefix(proto, "HTTP/1.") {
		proto = "HTTP/1.1"
	}
	return proto + " " + status
}

// headerText writes headers in a fixed order: net/http does not keep theirs.
func headerText(line string, h http.Header) string {
	var b strings.Builder
	b.WriteString(line + "\r\n")
	names := make([]string, 0, len(h))
	for n := range h {
		names = append(names, n)
	}
	slices.Sort(names)
	for _, n := range names {
		for _, v := range h[n] {
			b.WriteString(n + ": " + v + "\r\n")
		}
	}
	b.WriteString("\r\n")
	return b.String()
}

// verboseHeaders prints what went there and back, without secrets.
func (t *curlTransfer) verboseHeaders(sent *http.Request, line string, got http.Header) {
	if !t.c.o.verbose {
		return
	}
	h := sent.Header.Clone()
	for _, n := range []string{"Authorization", "Cookie"} {
		if h.Get(n) != "" {
			h.Set(n, "***")
		}
	}
	if h.Get("Accept-Encoding") == "identity" {
		h.Del("Accept-Encoding")
	}
	host := sent.Host
	if host == "" {
		host = sent.URL.Host
	}
	text := headerText(sent.Method+" "+sent.URL.RequestURI()+" HTTP/1.1\r\nHost: "+host, h)
	for _, l := range strings.SplitAfter(strings.ReplaceAll(text, "\r\n", "\n"), "\n") {
		if l != "" {
			fmt.Fprint(t.c.err, "> ", l)
		}
	}
	for _, l := range strings.SplitAfter(strings.ReplaceAll(headerText(line, got), "\r\n", "\n"), "\n") {
		if l != "" {
			fmt.Fprint(t.c.err, "< ", l)
		}
	}
}

// dumpHeaders honours -D.
func (t *curlTransfer) dumpHeaders(ctx context.Context, text string) error {
	name := t.c.o.headerFile
	switch name {
	case "":
		return nil
	case "-":
		_, err := io.WriteString(t.c.out, strings.ReplaceAll(text, "\r\n", "\n"))
		return err
	case "%":
		_, err := io.WriteString(t.c.err, strings.ReplaceAll(text, "\r\n", "\n"))
		return err
	}
	full, err := machine.Full(t.c.p.Dir, name)
	if err == nil && machine.Device(full) == "NUL" {
		return nil
	}
	var w machine.Writer
	if err == nil {
		w, err = t.c.fs.Create(ctx, full, machine.CreateOptions{Append: t.num > 0})
	}
	if windowsError(err) {
		t.c.say("Failed to open " + name)
		return errNotWritten()
	}
	if err != nil {
		return err
	}
	_, err = io.WriteString(w, text)
	return errors.Join(err, w.Close())
}
