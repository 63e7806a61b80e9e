package fetch

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/tree"
)

// curlSink is where a body goes. A file is created with the first byte, or at
// the end of a transfer that succeeded without any.
type curlSink struct {
	c        *curlRun
	name     string // as curl shows it; "" is standard output
	fixed    bool   // the name may not come from the answer
	fromBody bool   // the name came from the answer: nothing is overwritten
	from     int64  // -C: the bytes that are there
	null     bool
	w        machine.Writer
	full     string
	opened   bool
	bytes    int64
	modified time.Time
}

// openOutput settles where the body goes. Skip says that there is nothing to do.
func (t *curlTransfer) openOutput(ctx context.Context, u *url.URL, h http.Header) (skip bool, err error) {
	if t.out != nil {
		return false, t.resumeAt(ctx, h) // another attempt
	}
	o := t.c.o
	t.out = &curlSink{c: t.c}
	name := t.output.file
	if t.output.remote {
		name = remoteName(u)
		if name == "curl_response" {
			t.c.warn(`No remote filename, uses "curl_response"`)
		}
	} else {
		t.out.fixed = true
	}
	if name == "" || name == "-" {
		return false, t.resumeAt(ctx, h)
	}
	if o.outputDir != "" {
		name = o.outputDir + "/" + name
	}
	t.out.name = name
	if o.createDirs {
		if err := t.makeDirs(ctx, name); err != nil {
			return false, err
		}
	}
	if o.skipExisting {
		full, ferr := machine.Full(t.c.p.Dir, name)
		if ferr == nil {
			ok, err := t.c.fs.Exists(ctx, full)
			if err != nil && !windowsError(err) {
				return false, err
			}
			if ok {
				t.c.note("skips transfer, \"" + name + "\" exists locally")
				return true, nil
			}
		}
	}
	return false, t.resumeAt(ctx, h)
}

// remoteName is the last component of a URL's path.
func remoteName(u *url.URL) string {
	p := strings.TrimRight(u.EscapedPath(), `/\`)
	name := p[strings.LastIndexAny(p, `/\`)+1:]
	if name == "" {
		return "curl_response"
	}
	return cleanName(name)
}

// cleanName makes a name that came from elsewhere one that Windows takes.
func cleanName(name string) string {
	name = strings.Map(func(r rune) rune {
		if r < 0x20 || strings.ContainsRune(`|<>/\":?*`, r) {
			return '_'
		}
		return r
	}, name)
	if trimmed := strings.TrimRight(name, " ."); trimmed != name {
		name = trimmed + "_"
	}
	base, _, _ := strings.Cut(name, ".")
	switch upper := strings.ToUpper(strings.TrimRight(base, " ")); {
	case upper == "CON", upper == "PRN", upper == "AUX", upper == "NUL", upper == "CLOCK$",
		len(upper) == 4 && (strings.HasPrefix(upper, "COM") || strings.HasPrefix(upper, "LPT")) && upper[3] >= '1' && upper[3] <= '9':
		if base != name {
			return strings.Replace(name, ".", "_", 1)
		}
		return "_" + name
	}
	return name
}

// makeDirs makes the directories above an output file.
func (t *curlTransfer) makeDirs(ctx context.Context, name string) error {
	i := strings.LastIndexAny(name, `/\`)
	if i <= 0 {
		return nil
	}
	full, err := machine.Full(t.c.p.Dir, name[:i])
	if err == nil {
		err = t.c.fs.MkdirAll(ctx, full)
	}
	if windowsError(err) {
		t.c.say("Error creating directory " + name[:i])
		return errNotWritten()
	}
	return err
}

// errNotWritten is how a transfer ends whose place cannot be made.
func errNotWritten() error {
	return &curlFailure{code: 23, text: "Failed writing received data to disk/application"}
}

// resumeAt asks for the rest of a file.
func (t *curlTransfer) resumeAt(ctx context.Context, h http.Header) error {
	o, s := t.c.o, t.out
	if !o.resuming {
		return nil
	}
	s.from = o.resume
	if s.from < 0 {
		s.from = 0
		if full, err := machine.Full(t.c.p.Dir, s.name); err == nil && s.name != "" {
			info, err := t.c.fs.Stat(ctx, full)
			switch {
			case err == nil:
				s.from = info.Size
			case !windowsError(err):
				return err
			}
		}
	}
	if s.from > 0 {
		h.Set("Range", fmt.Sprintf("bytes=%d-", s.from))
	}
	return nil
}

// resumed reports whether only the rest of a file was asked for.
func (s *curlSink) resumed() bool { return s.from > 0 }

// contentName honours -J.
func (s *curlSink) contentName(h http.Header) {
	if !s.c.o.contentName || s.fixed || s.opened {
		return
	}
	d := h.Get("Content-Disposition")
	lower := strings.ToLower(d)
	for i := 0; ; {
		j := strings.Index(lower[i:], "filename=")
		if j < 0 {
			return
		}
		if i += j; i > 0 && lower[i-1] != ' ' && lower[i-1] != ';' && lower[i-1] != '\t' {
			i++
			continue
		}
		d = d[i+len("filename="):]
		break
	}
	stop := ";"
	if d != "" && (d[0] == '"' || d[0] == '\'') {
		stop, d = d[:1], d[1:]
	}
	name, _, _ := strings.Cut(d, stop)
	name = name[strings.LastIndexAny(name, `/\`)+1:]
	if name == "" {
		return
	}
	if name = cleanName(name); s.c.o.outputDir != "" {
		name = s.c.o.outputDir + "/" + name
	}
	s.name, s.fromBody = name, true
}

// write writes a piece of the body.
func (s *curlSink) write(ctx context.Context, p []byte) error {
	if err := s.open(ctx, len(p)); err != nil {
		return err
	}
	s.bytes += int64(len(p))
	if s.null {
		return nil
	}
	if s.name == "" {
		s.c.out.binary = true
		if _, err := s.c.out.Write(p); err != nil {
			return fmt.Errorf("writing output of curl: %w", err)
		}
		return nil
	}
	_, err := s.w.Write(p)
	return err
}

// open creates the file.
func (s *curlSink) open(ctx context.Context, n int) error {
	if s.opened || s.name == "" {
		return nil
	}
	full, err := machine.Full(s.c.p.Dir, s.name)
	if err == nil && machine.Device(full) != "" {
		if machine.Device(full) != "NUL" {
			return machine.Refuse("curl -o "+s.name, "it is a device", "name a file, or use - for standard output")
		}
		s.null, s.opened = true, true
		return nil
	}
	o := machine.CreateOptions{Append: s.resumed()}
	clobber := s.c.o.clobber
	o.New = !o.Append && (clobber != nil && !*clobber || clobber == nil && s.fromBody)
	name := s.name
	for i := 1; err == nil; i++ {
		s.w, err = s.create(ctx, full, o)
		if !errors.Is(err, fs.ErrExist) || clobber == nil || i == 100 {
			break
		}
		name = fmt.Sprintf("%s.%d", s.name, i)
		full, err = machine.Full(s.c.p.Dir, name)
	}
	if windowsError(err) {
		s.c.warn(fmt.Sprintf("Failed to open the file %s: %s", s.name, strerror(err)))
		return &curlFailure{code: 23, text: fmt.Sprintf("client returned ERROR on write of %d bytes", min(n, 16<<10))}
	}
	if err != nil {
		return err
	}
	s.name, s.full, s.opened = name, full, true
	return nil
}

// create opens the file. A file that must be new is looked for in a sealed base
// too.
func (s *curlSink) create(ctx context.Context, full string, o machine.CreateOptions) (machine.Writer, error) {
	if o.New {
		there, err := s.c.fs.Exists(ctx, full)
		if err != nil {
			return nil, err
		}
		if there {
			return nil, &machine.Error{Op: "open", Path: full, Code: machine.ErrorFileExists}
		}
	}
	return s.c.fs.Create(ctx, full, o)
}

// finish makes the file of an empty body.
func (s *curlSink) finish(ctx context.Context) error {
	if s.name == "" || s.opened {
		return nil
	}
	return s.open(ctx, 0)
}

// restart forgets what a failed attempt has written.
func (s *curlSink) restart(ctx context.Context) error {
	if s.w != nil {
		if s.bytes > 0 {
			s.c.note(fmt.Sprintf("Throwing away %d bytes", s.bytes))
		}
		if err := s.w.Close(); err != nil {
			return err
		}
		if s.from == 0 {
			w, err := s.c.fs.Create(ctx, s.full, machine.CreateOptions{})
			if err != nil {
				return err
			}
			s.w = w
		} else {
			s.w, s.opened = nil, false
		}
	}
	s.bytes = 0
	return nil
}

// close ends the file, or removes it.
func (s *curlSink) close(ctx context.Context, remove bool) error {
	if s.w == nil {
		return nil
	}
	if err := s.w.Close(); err != nil {
		return err
	}
	if remove {
		if err := s.c.fs.Remove(ctx, s.full); err != nil && !windowsError(err) {
			return err
		}
		s.c.note("Removed output file: " + s.name)
		return nil
	}
	if s.modified.IsZero() {
		return nil
	}
	return s.c.fs.SetTimes(ctx, s.full, tree.Times{Modified: s.modified.UTC()})
}
