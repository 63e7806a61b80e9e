package dockerfile

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/distribution/reference"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"

	"github.com/casement/casement/internal/llb"
	"github.com/casement/casement/internal/progress"
)

// Error is what is wrong with a Dockerfile, or what a Dockerfile asks for in
// vain.
type Error struct {
	// Where is the place in the Dockerfile; the zero value if there is none.
	Where llb.Location
	err   error
	hint  string
	text  []byte
}

// Error returns one line that begins with the place.
func (e *Error) Error() string {
	msg := e.message()
	if w := e.Where.String(); w != "" {
		return w + ": " + msg
	}
	return msg
}

// parseError is what the frontend says before a place that we say ourselves.
var parseError = regexp.MustCompile(`^(dockerfile )?parse error on line \d+: `)

// message is the error without its place.
func (e *Error) message() string {
	msg := strings.TrimSpace(e.err.Error())
	if e.Where.Line > 0 {
		msg = parseError.ReplaceAllString(msg, "")
	}
	// The frontend puts the name of an image, as it is written, before errors
	// that have it already.
	if name, rest, ok := strings.Cut(msg, ": "); ok && !strings.Contains(name, " ") {
		full := fullName(name)
		if full == "" || !strings.Contains(rest, full) {
			return msg
		}
		if why, ok := strings.CutPrefix(rest, "pulling "+full); ok {
			return e.imageWord() + " " + full + why
		}
		return rest
	}
	return msg
}

// imageWord says what an image is to the line that names it.
func (e *Error) imageWord() string {
	if line := strings.ToUpper(strings.TrimSpace(e.Where.Text)); line == "" || strings.HasPrefix(line, "FROM") {
		return "base image"
	}
	return "image"
}

// fullName returns the name of an image with its registry and tag; "" if it is
// no such name.
func fullName(name string) string {
	n, err := reference.ParseNormalizedNamed(name)
	if err != nil {
		return ""
	}
	return reference.TagNameOnly(n).String()
}

// Unwrap returns the error without its place.
func (e *Error) Unwrap() error { return e.err }

// Hint says what to do about it, and is empty if nobody knows.
func (e *Error) Hint() string {
	var h interface{ Hint() string }
	if e.hint == "" && errors.As(e.err, &h) {
		return h.Hint()
	}
	return e.hint
}

// Excerpt returns the lines in question with some around them; it is empty for
// an error without a place.
func (e *Error) Excerpt() string {
	return progress.Excerpt(e.Where.File, e.text, []progress.Lines{{First: e.Where.Line, Last: e.Where.EndLine}})
}

// explain turns an error of the frontend into ours: with the place that the
// frontend hides in it, in words of the Dockerfile's author, and with a hint.
func (c *client) explain(ctx context.Context, err error) error {
	defer func() { c.loading.Done(err) }()
	if ctx.Err() != nil {
		return err // nothing is wrong with the Dockerfile
	}
	if ferr := c.fileError(); ferr != nil {
		// The frontend takes an unreadable ignore file for a missing one.
		err = ferr
	}
	out := &Error{err: err, text: c.text()}
	// The first of several places is the innermost.
	if el := (*parser.LocationError)(nil); errors.As(err, &el) && len(el.Locations) > 0 {
		if first, last := linesAt(el.Locations[0]); first > 0 {
			out.Where = c.place(first, last)
		}
	}
	var inner *Error
	if errors.As(err, &inner) {
		// What we said ourselves needs no words of the frontend around it.
		out.err, out.hint = inner.err, inner.hint
		return out
	}
	if errors.Is(err, fs.ErrNotExist) && strings.Contains(err.Error(), "failed to read dockerfile") {
		out.err = &missing{name: c.req.Filename}
		out.hint = "give the path of the Dockerfile with -f"
		return out
	}
	c.advise(out)
	switch text := err.Error(); {
	case out.Where.Line > 0:
	case strings.HasSuffix(text, "arguments are required"):
		out.Where, out.err = c.emptyCommand(), errors.New("RUN has no command")
	case errors.Is(err, filepath.ErrBadPattern):
		out.err, out.hint = fmt.Errorf(".dockerignore: %w", filepath.ErrBadPattern), "look for a [ without its ] there"
	case strings.Contains(text, "file with no instructions"):
		out.Where.File, out.hint = c.req.Filename, "a Dockerfile begins with FROM"
	}
	return out
}

// emptyCommand returns the place of the first RUN with an empty list.
func (c *client) emptyCommand() llb.Location {
	f, err := parse(c.text())
	if err != nil {
		return llb.Location{}
	}
	for _, s := range f.stages {
		for _, cmd := range s.Commands {
			if run, ok := cmd.(*instructions.RunCommand); ok && len(run.CmdLine) == 0 {
				return c.place(linesAt(run.Location()))
			}
		}
	}
	return llb.Location{}
}

// missing is the error for a Dockerfile that is not there.
type missing struct{ name string }

func (m *missing) Error() string { return "there is no file " + m.name }
func (m *missing) Unwrap() error { return fs.ErrNotExist }

// widen extends a location by a range of lines.
func widen(l llb.Location, first, last int) llb.Location {
	if first < 1 {
		return l
	}
	if l.Line == 0 || first < l.Line {
		l.Line = first
	}
	l.EndLine = max(l.EndLine, first, last)
	return l
}

// place returns lines of the Dockerfile as a place.
func (c *client) place(first, last int) llb.Location {
	at := widen(llb.Location{File: c.req.Filename}, first, last)
	at.Text = linesOf(c.text(), at.Line, at.EndLine)
	return at
}

// linesOf returns some lines of a text, counted from 1.
func linesOf(text []byte, first, last int) string {
	lines := strings.Split(strings.ReplaceAll(string(text), "\r\n", "\n"), "\n")
	last = min(last, len(lines))
	if first < 1 || first > last {
		return ""
	}
	return strings.Join(lines[first-1:last], "\n")
}

// advise puts an error of the frontend into better words, where it has some,
// and gives it a hint.
func (c *client) advise(e *Error) {
	f, err := parse(c.text())
	if err != nil {
		f = &file{}
	}
	switch text := e.err.Error(); {
	case strings.HasPrefix(text, "target stage ") && strings.Contains(text, "could not be found"):
		no := f.noStage(c.req.Target)
		e.err, e.hint = no.err, no.hint
		return
	case strings.Contains(text, "invalid syntax"), strings.Contains(text, "invalid chmod parameter"):
		if m := chmodFlag.FindStringSubmatch(e.Where.Text); m != nil {
			e.err, e.hint = &reworded{m[1] + " is not a mode", e.err}, modeForms
			return
		}
	}
	if from := f.imageOf(c, e); from != "" {
		e.err, e.hint = &reworded{didYouMean.ReplaceAllString(e.err.Error(), ""), e.err}, f.noSuchStage(from, e.Where.Line)
		return
	}
	e.hint = c.hintFor(e)
}

var (
	chmodFlag  = regexp.MustCompile(`(--chmod=\S*)`)
	didYouMean = regexp.MustCompile(` \(did you mean [^()]*\?\)$`)
)

const modeForms = "write octal digits as in 755, or symbols as in u=rwX,go=rX"

// reworded is an error in other words.
type reworded struct {
	text string
	err  error
}

func (r *reworded) Error() string { return r.text }
func (r *reworded) Unwrap() error { return r.err }

// hintFor knows the ways out of what the frontend says about Windows paths.
func (c *client) hintFor(e *Error) string {
	msg := e.err.Error()
	for _, t := range lineEndTraps(c.text()) {
		if e.Where.Line <= t.line && t.line <= e.Where.EndLine {
			return t.explanation()
		}
	}
	switch {
	case strings.Contains(msg, "not on the system drive"):
		return onlyDrive
	case strings.Contains(msg, `No relative path specified in "`):
		return "a drive alone names no directory; write C:/ for its root"
	case strings.Contains(msg, "should not be blank"), strings.Contains(msg, "invalid component of"),
		strings.Contains(msg, "invalid reference format"):
		if c.usesArguments(e.Where) {
			return "an argument of the line may have no value; give it with --build-arg NAME=VALUE"
		}
	case strings.Contains(msg, "no build stage in current context"), strings.Contains(msg, "file with no instructions"):
		return "a Dockerfile begins with FROM"
	case strings.Contains(msg, "invalid mount target"):
		return `name a directory with --mount=…,target=C:\cache`
	case strings.Contains(msg, "unterminated heredoc"):
		return "end it by a line that has its word and nothing else"
	case strings.Contains(msg, "secret target is required on Windows"):
		return `name the file of the secret: --mount=type=secret,id=ID,target=C:/path`
	case strings.Contains(msg, "unknown instruction") && strings.Contains(msg, `\`):
		return "a line that ends in a back slash continues on the next one; write \"# escape=`\" in the first line of the Dockerfile"
	}
	var h interface{ Hint() string }
	if errors.As(e.err, &h) {
		return h.Hint()
	}
	return ""
}

// usesArguments reports whether a FROM line has variables.
func (c *client) usesArguments(at llb.Location) bool {
	return strings.Contains(linesOf(c.text(), at.Line, at.EndLine), "$")
}
