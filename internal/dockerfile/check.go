package dockerfile

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/dockerfile2llb"
	"github.com/moby/buildkit/frontend/subrequests/lint"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/casement/casement/internal/llb"
	"github.com/casement/casement/internal/progress"
)

// Findings is what [Check] has found.
type Findings struct {
	// Warnings are in the order of their lines.
	Warnings []progress.Warning
	// Err is why the Dockerfile would not build; nil if it would.
	Err *Error
	// Notes say what could not be looked at, and what was taken for granted
	// instead.
	Notes []string
	// Graphs are those of the stages that were checked, if the Dockerfile would
	// build: for checks of what commands say.
	Graphs []*llb.Graph

	file string
	text []byte
}

// OK reports whether there is nothing to say.
func (f *Findings) OK() bool { return len(f.Warnings) == 0 && f.Err == nil }

// Warn adds a warning about a line, in its place. A rule may say the same of
// several stages; that is one warning.
func (f *Findings) Warn(rule string, line int, message, detail string) {
	f.warn(trap{rule: rule, msg: message, detail: detail, line: line})
}

func (f *Findings) warn(t trap) {
	w := t.warning(f.file, f.text)
	w.Short = t.rule + ": " + t.msg
	if !slices.ContainsFunc(f.Warnings, func(o progress.Warning) bool { return o.Short == w.Short && firstLine(o) == t.line }) {
		f.Warnings = append(f.Warnings, w)
		f.sort()
	}
}

func (f *Findings) sort() {
	slices.SortStableFunc(f.Warnings, func(a, b progress.Warning) int { return cmp.Compare(firstLine(a), firstLine(b)) })
}

// Text returns the findings as docker buildx build --check prints them.
func (f *Findings) Text() string {
	var b strings.Builder
	switch n := len(f.Warnings); n {
	case 0:
		if f.Err == nil {
			b.WriteString("Check complete, no warnings found.\n")
		}
	case 1:
		b.WriteString("Check complete, 1 warning has been found!\n")
	default:
		fmt.Fprintf(&b, "Check complete, %d warnings have been found!\n", n)
	}
	for _, w := range f.Warnings {
		rule, msg, _ := strings.Cut(w.Short, ": ")
		fmt.Fprintf(&b, "\nWARNING: %s", rule)
		if w.URL != "" {
			fmt.Fprintf(&b, " - %s", w.URL)
		}
		fmt.Fprintf(&b, "\n%s\n", msg)
		if w.URL == "" {
			// It is one of ours, which is explained nowhere else.
			fmt.Fprintln(&b, strings.Join(w.Detail, "\n"))
		}
		fmt.Fprintf(&b, "\n%s", progress.Excerpt(w.File, w.Text, w.Lines))
	}
	if f.Err != nil {
		fmt.Fprintf(&b, "\nERROR: %s\n", f.Err.message())
		if ex := f.Err.Excerpt(); ex != "" {
			fmt.Fprintf(&b, "\n%s", ex)
		}
	}
	return b.String()
}

// Check looks for what is wrong or doubtful in a Dockerfile, in all its stages
// if the request names none. An error is returned only if the Dockerfile could
// not be checked; what is wrong with it is in the findings. A base image that
// does not exist is; one that cannot be reached ([ErrUnreachable]) is only
// noted, since a check should work without a network.
func Check(ctx context.Context, req Request, res Resolver) (*Findings, error) {
	c, err := newClient(req, res)
	if err != nil {
		return nil, err
	}
	o, err := c.open(ctx)
	if err != nil {
		err = c.explain(ctx, err)
		if e := (*Error)(nil); errors.As(err, &e) && e.Where.Line > 0 {
			return &Findings{Err: e}, nil
		}
		return nil, err
	}
	c.offline = &offline{}
	if len(c.req.Platforms) == 0 {
		c.req.Platforms = c.checkPlatforms(ctx, o.text)
	}
	var p *ocispec.Platform
	if len(c.req.Platforms) > 0 {
		p = &c.req.Platforms[0]
	}
	list, err := dockerfile2llb.DockerfileLint(ctx, o.text, o.convert(c, p))
	if err == nil {
		err = cmp.Or(c.fileError(), ctx.Err())
	}
	if err != nil {
		return nil, c.explain(ctx, err)
	}
	f := &Findings{Notes: c.offline.notes, file: c.req.Filename, text: c.text()}
	for _, w := range list.Warnings {
		x := progress.Warning{
			Short: w.RuleName + ": " + w.Detail, Detail: []string{w.Description}, URL: w.URL, Level: 1,
			File: c.req.Filename, Text: c.text(),
		}
		for _, r := range w.Location.GetRanges() {
			x.Lines = append(x.Lines, progress.Lines{First: int(r.GetStart().GetLine()), Last: int(r.GetEnd().GetLine())})
		}
		f.Warnings = append(f.Warnings, x)
	}
	if p == nil || p.OS == "windows" {
		for _, t := range windowsTraps(c.text()) {
			f.warn(t)
		}
	}
	f.sort()
	if list.Error != nil {
		f.Err = c.lintError(list.Error)
	} else if p != nil {
		f.Graphs = c.graphs(ctx, o, p)
		for _, g := range f.Graphs {
			for _, t := range heredocTraps(g) {
				f.warn(t)
			}
		}
	}
	return f, nil
}

// graphs returns the graph of the target, or of all that can be targets.
func (c *client) graphs(ctx context.Context, o *opened, p *ocispec.Platform) []*llb.Graph {
	targets := []string{c.req.Target}
	if f, err := parse(o.text); err == nil && c.req.Target == "" {
		for _, s := range f.stages[:len(f.stages)-1] {
			if s.Name != "" {
				targets = append(targets, s.Name)
			}
		}
	}
	var out []*llb.Graph
	for _, t := range targets {
		opt := o.convert(c, p)
		opt.Target = t
		if r, err := convert(ctx, o.text, opt); err == nil { // what is wrong was found before
			r.Platform = *p
			if c.mend(r) == nil {
				out = append(out, r.Graph)
			}
		}
	}
	return out
}

func firstLine(w progress.Warning) int {
	if len(w.Lines) == 0 {
		return 0
	}
	return w.Lines[0].First
}

// lintError returns the error of the check as one of ours.
func (c *client) lintError(b *lint.BuildError) *Error {
	e := &Error{err: errors.New(b.Message), text: c.text()}
	for _, r := range b.Location.GetRanges() {
		e.Where = widen(e.Where, int(r.GetStart().GetLine()), int(r.GetEnd().GetLine()))
	}
	if e.Where.Line == 0 {
		e.Where = llb.Location{}
		c.advise(e)
		return e
	}
	e.Where.File = c.req.Filename
	e.Where.Text = linesOf(e.text, e.Where.Line, e.Where.EndLine)
	c.advise(e)
	return e
}
