package dockerfile

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/containerd/platforms"
	"github.com/moby/buildkit/frontend/subrequests/lint"

	"github.com/casement/casement/internal/llb"
	"github.com/casement/casement/internal/progress"
)

// Findings is what [Check] has found.
type Findings struct {
	// Warnings are in the order of their lines.
	Warnings []progress.Warning
	// Err is why the Dockerfile would not build; nil if it would.
	Err *Error
}

// OK reports whether there is nothing to say.
func (f *Findings) OK() bool { return len(f.Warnings) == 0 && f.Err == nil }

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
		fmt.Fprintf(&b, "\n%s\n\n%s", msg, progress.Excerpt(w.File, w.Text, w.Lines))
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
// not be checked; what is wrong with it is in the findings.
func Check(ctx context.Context, req Request, res Resolver) (*Findings, error) {
	c, err := newClient(req, res, lintOptions(&req))
	if err != nil {
		return nil, err
	}
	out, err := c.run(ctx)
	if err != nil {
		err = c.explain(err)
		if e := (*Error)(nil); errors.As(err, &e) && e.Where.Line > 0 {
			return &Findings{Err: e}, nil
		}
		return nil, err
	}
	var list lint.LintResults
	if err := json.Unmarshal(out.Metadata["result.json"], &list); err != nil {
		return nil, fmt.Errorf("reading the frontend's findings: %w", err)
	}
	f := &Findings{}
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
	if len(req.Platforms) == 0 || req.Platforms[0].OS == "windows" {
		for _, t := range windowsTraps(c.text()) {
			w := t.warning(c.req.Filename, c.text())
			w.Short = t.rule + ": " + t.msg
			f.Warnings = append(f.Warnings, w)
		}
	}
	slices.SortStableFunc(f.Warnings, func(a, b progress.Warning) int { return cmp.Compare(firstLine(a), firstLine(b)) })
	if list.Error != nil {
		f.Err = c.lintError(list.Error)
	}
	return f, nil
}

// lintOptions returns the options of the check. The frontend checks for the
// platform that it thinks it runs on, whatever platform is asked for, so the
// request comes to say that it runs there, and the variables say the truth.
func lintOptions(req *Request) map[string]string {
	o := map[string]string{"requestid": lint.RequestLint}
	if len(req.Platforms) == 0 {
		return o
	}
	bp := req.buildPlatform()
	req.BuildPlatform = &req.Platforms[0]
	for name, value := range map[string]string{
		"BUILDPLATFORM": platforms.Format(bp), "BUILDOS": bp.OS, "BUILDARCH": bp.Architecture, "BUILDVARIANT": bp.Variant,
	} {
		if _, ok := req.BuildArgs[name]; !ok {
			o["build-arg:"+name] = value
		}
	}
	return o
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
		return e
	}
	e.Where.File = c.req.Filename
	e.Where.Text = linesOf(e.text, e.Where.Line, e.Where.EndLine)
	e.hint = c.hintFor(e)
	return e
}
