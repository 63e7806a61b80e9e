package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/casement/casement/internal/run"
	"github.com/casement/casement/internal/run/winsh/machine"
)

// curlVersion is the version of the curl that is described here.
const curlVersion = "8.13.0"

// curlProgram is C:\Windows\System32\curl.exe.
type curlProgram struct{}

// Check implements [machine.Program].
func (curlProgram) Check(_ context.Context, _ *machine.Checking, args []machine.Arg) error {
	words, ok := knownWords(args)
	if !ok {
		return nil // looked at again before it runs
	}
	o, err := parseCurl(words, "", nil)
	var refused *run.RefusedError
	if errors.As(err, &refused) {
		return refused
	}
	if err != nil {
		return nil
	}
	for _, u := range o.urls {
		if err := refuseScheme(schemeOf(u)); err != nil {
			return err
		}
	}
	return nil
}

// schemeOf returns the scheme that a URL has or that curl guesses, and "" if
// it cannot be told.
func schemeOf(u string) string {
	if i := strings.Index(u, "://"); i > 0 {
		return strings.ToLower(u[:i])
	}
	host, _, _ := strings.Cut(strings.ToLower(u), ".")
	switch host {
	case "ftp", "dict", "imap", "smtp", "pop3":
		return host
	}
	return "http"
}

// refuseScheme refuses what the curl of Windows speaks and casement does not.
func refuseScheme(scheme string) error {
	if scheme == "http" || scheme == "https" || !everyProtocol()[scheme] {
		return nil
	}
	return machine.Refuse("curl with "+scheme+"://", "casement speaks HTTP and HTTPS only", "offer the file by HTTPS, or COPY it from the context")
}

// Run implements [machine.Program].
func (curlProgram) Run(ctx context.Context, p *machine.Process) (int, error) {
	c := &curlRun{p: p, fs: p.Machine.FS(), out: &curlStdout{w: p.Stdout}, err: textWriter{p.Stderr}}
	var args []string
	if len(p.Args) > 0 {
		args = p.Args[1:]
	}
	if len(args) == 0 {
		return c.exit(&curlUsage{code: 2, help: true})
	}
	var o *curlOptions
	own, err := c.ownConfig(ctx, args)
	if err == nil {
		o, err = parseCurl(args, own, c.optionFile(ctx))
	}
	if c.o = o; err == nil {
		err = c.run(ctx)
	}
	return c.exit(err)
}

// curlRun is one run of curl.
type curlRun struct {
	p    *machine.Process
	fs   *machine.FS
	o    *curlOptions
	out  *curlStdout
	err  io.Writer
	hush bool // -s without -S
}

// exit prints what is left to say and returns the exit code.
func (c *curlRun) exit(err error) (int, error) {
	var usage *curlUsage
	var fail *curlFailure
	switch {
	case err == nil:
		return 0, nil
	case errors.As(err, &usage):
		if usage.warn != "" {
			c.warn(usage.warn)
		}
		if usage.text != "" {
			fmt.Fprintf(c.err, "curl: %s\n", usage.text)
		}
		if usage.help {
			fmt.Fprint(c.err, "curl: try 'curl --help' for more information\n")
		}
		return usage.code, nil
	case errors.As(err, &fail):
		return fail.code, nil
	}
	return 0, err
}

// say prints an error of curl's own, unless it is silent; -S does not count.
func (c *curlRun) say(text string) { c.lines("curl: ", text) }

// fail prints and returns a failure.
func (c *curlRun) fail(f *curlFailure) error {
	switch {
	case f.text == "":
		return f
	case f.bare:
		c.say(f.text)
		return f
	case c.hush:
		return f
	}
	fmt.Fprintf(c.err, "curl: (%d) %s\n", f.code, f.text)
	if f.code == 60 {
		fmt.Fprint(c.err, "More details here: https://curl.se/docs/sslcerts.html\n\n"+
			"curl failed to verify the legitimacy of the server and therefore could not\n"+
			"establish a secure connection to it. To learn more about this situation and\n"+
			"how to fix it, please visit the webpage mentioned above.\n")
	}
	return f
}

// lines prints a text in lines of 79 columns.
func (c *curlRun) lines(prefix, text string) {
	if c.o.silent {
		return
	}
	width := 79 - len(prefix)
	for text != "" {
		line := text
		if len(text) > width {
			cut := strings.LastIndexByte(text[:width], ' ')
			if cut <= 0 {
				cut = width - 1
			}
			line = text[:cut+1]
		}
		text = text[len(line):]
		fmt.Fprintf(c.err, "%s%s\n", prefix, line)
	}
}

func (c *curlRun) warn(text string) { c.lines("Warning: ", text) }

// note prints what only -v wants to know.
func (c *curlRun) note(text string) {
	if c.o.verbose {
		c.lines("Note: ", text)
	}
}

// run does all transfers. The exit code is that of the last one.
func (c *curlRun) run(ctx context.Context) error {
	if c.o.version {
		c.printVersion()
		return nil
	}
	c.hush = c.o.silent && !c.o.showError
	if err := c.redirectErrors(ctx); err != nil {
		return err
	}
	for _, w := range c.o.warnings {
		c.warn(w)
	}
	if len(c.o.outputs) > len(c.o.urls) {
		c.warn("Got more output options than URLs")
	}
	job, err := c.prepare(ctx)
	if err != nil {
		return err
	}
	var last error
	num := 0
	for i, u := range c.o.urls {
		g, gerr := parseGlob(u, c.o.globoff)
		var bad *globError
		if errors.As(gerr, &bad) {
			where := ""
			if bad.pos > 0 {
				where = fmt.Sprintf(" in URL position %d:\n%s\n%*s^", bad.pos, u, max(bad.pos-1, 0), "")
			}
			return c.fail(&curlFailure{code: 3, text: bad.text + where})
		}
		for one, sets := range g.all() {
			last = c.one(ctx, job, i, num, one, sets)
			num++
			var f *curlFailure
			if last != nil && (!errors.As(last, &f) || c.o.failEarly) {
				return last
			}
		}
	}
	return last
}

// one does one URL.
func (c *curlRun) one(ctx context.Context, job *curlJob, i, num int, u string, sets []string) error {
	if err := c.p.Machine.Tick(ctx); err != nil {
		return err
	}
	t := &curlTransfer{c: c, job: job, input: u, num: num}
	if i < len(c.o.outputs) {
		t.output = c.o.outputs[i]
		t.output.file = fillName(t.output.file, sets)
	} else if c.o.remoteNameAll {
		t.output.remote = true
	}
	if i < len(c.o.upload) {
		t.upload = c.o.upload[i]
	}
	return t.run(ctx)
}

// redirectErrors honours --stderr.
func (c *curlRun) redirectErrors(ctx context.Context) error {
	switch c.o.stderrFile {
	case "":
		return nil
	case "-":
		c.err = textWriter{c.p.Stdout}
		return nil
	}
	full, err := machine.Full(c.p.Dir, c.o.stderrFile)
	if err != nil {
		return nil
	}
	if machine.Device(full) == "NUL" {
		c.err = io.Discard
		return nil
	}
	return machine.Refuse("curl --stderr "+c.o.stderrFile, "messages go to one stream only", "redirect with 2>")
}

func (c *curlRun) printVersion() {
	fmt.Fprintf(textWriter{c.p.Stdout}, "curl %[1]s (Windows) libcurl/%[1]s Schannel zlib/1.3.1 WinIDN\n"+
		"Release-Date: 2025-04-02\n"+
		"Protocols: dict file ftp ftps http https imap imaps ipfs ipns mqtt pop3 pop3s smb smbs smtp smtps telnet tftp\n"+
		"Features: alt-svc AsynchDNS HSTS HTTPS-proxy IDN IPv6 Kerberos Largefile libz NTLM SPNEGO SSL SSPI threadsafe Unicode UnixSockets\n", curlVersion)
}

// curlStdout is standard output, which is in text mode until a body goes there.
type curlStdout struct {
	w      io.Writer
	binary bool
}

func (s *curlStdout) Write(p []byte) (int, error) {
	if s.binary {
		return s.w.Write(p)
	}
	return textWriter{s.w}.Write(p)
}
