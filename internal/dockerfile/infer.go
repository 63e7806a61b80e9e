package dockerfile

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/containerd/platforms"
	"github.com/distribution/reference"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/buildkit/frontend/dockerfile/shell"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/casement/casement/internal/progress"
	"github.com/casement/casement/internal/winmeta"
)

// Platform returns what to build for when the user does not say it: what the
// base of the stage to build is there for. A base that is there for Windows
// and Linux, or for several releases of Windows, is an error that names the
// choices. FROM scratch is linux on this machine's architecture.
func Platform(ctx context.Context, req Request, res Resolver) (ocispec.Platform, error) {
	c, err := newClient(req, res)
	if err != nil {
		return ocispec.Platform{}, err
	}
	o, err := c.open(ctx)
	if err != nil {
		return ocispec.Platform{}, c.explain(ctx, err)
	}
	f, err := parse(o.text)
	if err != nil {
		return ocispec.Platform{}, c.explain(ctx, err)
	}
	return f.infer(ctx, c)
}

// file is a parsed Dockerfile.
type file struct {
	escape rune
	stages []instructions.Stage
	args   []instructions.ArgCommand // those before the first FROM
}

// parse parses the text of a Dockerfile.
func parse(text []byte) (*file, error) {
	tree, err := parser.Parse(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	stages, args, err := instructions.Parse(tree.AST, nil)
	if err != nil {
		return nil, err
	}
	return &file{escape: tree.EscapeToken, stages: stages, args: args}, nil
}

// scope is the variables that FROM lines see.
type scope struct {
	lex *shell.Lex
	env []string
	// platform names the variables whose value is a matter of the platform
	// that is built for.
	platform map[string]bool
}

// scope returns the variables of the FROM lines. Those of the target have the
// values of the first platform, if one is known.
func (f *file) scope(req *Request, ps []ocispec.Platform) *scope {
	s := &scope{lex: shell.NewLex(f.escape), platform: make(map[string]bool)}
	bp := req.buildPlatform()
	set := func(name, value string, target bool) {
		if v, ok := req.BuildArgs[name]; ok {
			value, target = v, false
		}
		s.env = append(s.env, name+"="+value)
		s.platform[name] = target
	}
	set("BUILDPLATFORM", platforms.Format(bp), false)
	set("BUILDOS", bp.OS, false)
	set("BUILDARCH", bp.Architecture, false)
	set("BUILDVARIANT", bp.Variant, false)
	var tp ocispec.Platform
	if len(ps) > 0 {
		tp = ps[0]
	}
	set("TARGETPLATFORM", platforms.FormatAll(tp), true)
	set("TARGETOS", tp.OS, true)
	set("TARGETOSVERSION", tp.OSVersion, true)
	set("TARGETARCH", tp.Architecture, true)
	set("TARGETVARIANT", tp.Variant, true)
	for _, cmd := range f.args {
		for _, a := range cmd.Args {
			if v, ok := req.BuildArgs[a.Key]; ok {
				s.define(a.Key, v, false)
			} else if a.Value != nil {
				// A default that does not expand is the frontend's to report.
				if v, target, err := s.expand(*a.Value); err == nil {
					s.define(a.Key, v, target)
				}
			}
		}
	}
	return s
}

func (s *scope) define(name, value string, target bool) {
	s.env = slices.DeleteFunc(s.env, func(e string) bool { return strings.HasPrefix(e, name+"=") })
	s.env = append(s.env, name+"="+value)
	s.platform[name] = target
}

// expand returns a word with its variables replaced, and whether one of them
// depends on the platform that is built for.
func (s *scope) expand(word string) (string, bool, error) {
	r, err := s.lex.ProcessWordWithMatches(word, shell.EnvsFromSlice(s.env))
	if err != nil {
		return "", false, err
	}
	target := false
	for m := range r.Matched {
		target = target || s.platform[m]
	}
	return r.Result, target, nil
}

// infer follows the stage to build down to its base.
func (f *file) infer(ctx context.Context, c *client) (ocispec.Platform, error) {
	s := f.scope(&c.req, nil)
	at, ok := f.target(c.req.Target)
	if !ok {
		return ocispec.Platform{}, f.noStage(c.req.Target)
	}
	for {
		stage := f.stages[at]
		fail := func(hint, format string, args ...any) (ocispec.Platform, error) {
			return ocispec.Platform{}, c.errorAt(stage.Location, hint, fmt.Errorf(format, args...))
		}
		if v, ok := c.opts["context:"+stage.Name]; ok && stage.Name != "" {
			return c.inferContext(ctx, stage, v)
		}
		if stage.Platform != "" {
			text, target, err := s.expand(stage.Platform)
			if err != nil {
				return fail("", "%w", err)
			}
			if !target {
				p, err := ParsePlatform(text)
				if err != nil {
					return fail("", "%w", err)
				}
				return p, nil
			}
		}
		base, target, err := s.expand(stage.BaseName)
		switch {
		case err != nil:
			return fail("", "%w", err)
		case target:
			return fail("choose with --platform, for example windows/amd64 or "+FormatPlatform(hostLinux()),
				"the base image %s depends on the platform, and none is given", stage.BaseName)
		case base == "":
			return fail("give a value with --build-arg", "base name (%s) should not be blank", stage.BaseName)
		case base == "scratch":
			return hostLinux(), nil
		}
		if i := slices.IndexFunc(f.stages[:at], func(s instructions.Stage) bool { return strings.EqualFold(s.Name, base) }); i >= 0 {
			at = lastStage(f.stages[:at], base)
			continue
		}
		return c.inferBase(ctx, stage, base)
	}
}

// lastStage returns the index of the last of the stages called name.
func lastStage(stages []instructions.Stage, name string) int {
	for i := len(stages) - 1; i >= 0; i-- {
		if strings.EqualFold(stages[i].Name, name) {
			return i
		}
	}
	return -1
}

// target returns the index of the stage to build.
func (f *file) target(name string) (int, bool) {
	if name == "" {
		return len(f.stages) - 1, len(f.stages) > 0
	}
	if i := lastStage(f.stages, name); i >= 0 {
		return i, true
	}
	i, err := strconv.Atoi(name)
	return i, err == nil && 0 <= i && i < len(f.stages)
}

// inferBase looks a base image up.
func (c *client) inferBase(ctx context.Context, stage instructions.Stage, base string) (ocispec.Platform, error) {
	named, err := reference.ParseNormalizedNamed(base)
	if err != nil {
		return ocispec.Platform{}, c.errorAt(stage.Location, "", fmt.Errorf("base image %q: %w", base, err))
	}
	key := strings.TrimSuffix(reference.FamiliarString(named), ":latest")
	if v, ok := c.opts["context:"+key]; ok {
		return c.inferContext(ctx, stage, v)
	}
	return c.inferImage(ctx, stage, reference.TagNameOnly(named).String())
}

// inferContext looks at a named context. One that is no image is as good as
// scratch.
func (c *client) inferContext(ctx context.Context, stage instructions.Stage, value string) (ocispec.Platform, error) {
	if ref, ok := strings.CutPrefix(value, "docker-image://"); ok && ref != "scratch" {
		named, err := reference.ParseNormalizedNamed(ref)
		if err != nil {
			return ocispec.Platform{}, fmt.Errorf("build context %s: %w", value, err)
		}
		return c.inferImage(ctx, stage, reference.TagNameOnly(named).String())
	}
	if rest, ok := strings.CutPrefix(value, "oci-layout://"); ok {
		store, _, _ := strings.Cut(rest, "@")
		return c.inferImage(ctx, stage, "oci-layout://"+c.layouts[store])
	}
	return hostLinux(), nil
}

func (c *client) inferImage(ctx context.Context, stage instructions.Stage, ref string) (ocispec.Platform, error) {
	task := c.req.Progress.Vertex(progress.Vertex{Name: "[internal] load platforms of " + ref})
	task.Start()
	ps, err := c.res.Platforms(ctx, ref)
	task.Done(err)
	if err != nil {
		if c.offline != nil && errors.Is(err, ErrUnreachable) {
			c.offline.note(ref, "") // the caller says it
		}
		return ocispec.Platform{}, c.errorAt(stage.Location, "", aboutBase(ref, err))
	}
	p, err := choose(ref, ps)
	if err != nil {
		return ocispec.Platform{}, c.errorAt(stage.Location, "", err)
	}
	return p, nil
}

// errorAt returns an error about a place in the Dockerfile.
func (c *client) errorAt(at []parser.Range, hint string, err error) error {
	return &Error{err: err, hint: hint, text: c.text(), Where: c.place(linesAt(at))}
}

// ChoiceError says that an image is there for several platforms and that the
// user has to choose.
type ChoiceError struct {
	Ref string
	// Choices are values for --platform.
	Choices []string
	what    string
}

// Error names the image and what it is there for.
func (e *ChoiceError) Error() string {
	return fmt.Sprintf("base image %s is there for %s; choose with --platform", e.Ref, e.what)
}

// Hint names the choices.
func (e *ChoiceError) Hint() string {
	var quoted []string
	for _, c := range e.Choices {
		if strings.Contains(c, "(") {
			c = "'" + c + "'" // for the user's shell
		}
		quoted = append(quoted, "--platform "+c)
	}
	return "one of " + strings.Join(quoted, ", ")
}

// choose returns what to build for on an image that is there for ps.
func choose(ref string, ps []ocispec.Platform) (ocispec.Platform, error) {
	byOS := make(map[string][]ocispec.Platform)
	for _, p := range ps {
		// Attestations are listed as entries for "unknown".
		if p = platforms.Normalize(p); p.OS != "unknown" && p.OS != "" {
			byOS[p.OS] = append(byOS[p.OS], p)
		}
	}
	win, lin := byOS["windows"], byOS["linux"]
	switch {
	case len(win) > 0 && len(lin) > 0:
		return ocispec.Platform{}, &ChoiceError{Ref: ref, what: "windows and linux", Choices: append(windowsChoices(win), linuxChoices(lin)...)}
	case len(win) > 0:
		if builds := windowsChoices(win); len(builds) > 1 {
			return ocispec.Platform{}, &ChoiceError{Ref: ref, what: "several releases of Windows: " + describeBuilds(win), Choices: builds}
		}
		return ocispec.Platform{OS: "windows", Architecture: oneArchitecture(win, "amd64")}, nil
	case len(lin) == 1:
		return lin[0], nil
	case len(lin) > 1:
		host := hostLinux()
		if slices.ContainsFunc(lin, func(p ocispec.Platform) bool { return FormatPlatform(p) == FormatPlatform(host) }) {
			return host, nil
		}
		return ocispec.Platform{}, &ChoiceError{Ref: ref, what: "several architectures", Choices: linuxChoices(lin)}
	}
	return ocispec.Platform{}, fmt.Errorf("base image %s is there for neither windows nor linux", ref)
}

// hostLinux is Linux on this machine's architecture.
func hostLinux() ocispec.Platform {
	return platforms.Normalize(ocispec.Platform{OS: "linux", Architecture: runtime.GOARCH})
}

// oneArchitecture returns the preferred architecture if it is there, else the
// first.
func oneArchitecture(ps []ocispec.Platform, preferred string) string {
	if slices.ContainsFunc(ps, func(p ocispec.Platform) bool { return p.Architecture == preferred }) {
		return preferred
	}
	return ps[0].Architecture
}

// windowsChoices returns the platforms to choose from, one for each build of
// Windows and architecture. One build alone needs no version.
func windowsChoices(ps []ocispec.Platform) []string {
	builds, archs := make(map[string]bool), make(map[string]bool)
	for _, p := range ps {
		builds[buildOf(p.OSVersion)], archs[p.Architecture] = true, true
	}
	var out []string
	for _, p := range ps {
		if len(archs) > 1 && archs["amd64"] && p.Architecture != "amd64" && len(builds) == 1 {
			continue // amd64 is what everybody means
		}
		q := ocispec.Platform{OS: p.OS, Architecture: p.Architecture}
		if len(builds) > 1 {
			q.OSVersion = buildOf(p.OSVersion)
		}
		out = append(out, FormatPlatform(q))
	}
	return unique(out)
}

// linuxChoices returns the platforms to choose from.
func linuxChoices(ps []ocispec.Platform) []string {
	var out []string
	for _, p := range ps {
		p.OSVersion, p.OSFeatures = "", nil
		out = append(out, FormatPlatform(p))
	}
	return unique(out)
}

// unique sorts and drops repetitions.
func unique(s []string) []string {
	slices.Sort(s)
	return slices.Compact(s)
}

// buildOf returns an os.version without its revision.
func buildOf(version string) string {
	v, err := winmeta.ParseVersion(version)
	if err != nil {
		return version
	}
	v.Parts = min(v.Parts, 3)
	return v.String()
}

// describeBuilds lists versions with the names of their releases.
func describeBuilds(ps []ocispec.Platform) string {
	var out []string
	for _, p := range ps {
		text := cmp.Or(p.OSVersion, "no version")
		if r, ok := winmeta.ReleaseOf(p.OSVersion); ok {
			text += " (" + r.Name + ")"
		}
		out = append(out, text)
	}
	return strings.Join(unique(out), ", ")
}

// aboutBase says that an error is about a base image, whose name it may have.
func aboutBase(ref string, err error) error { return &baseError{ref, err} }

type baseError struct {
	ref string
	err error
}

// Error says it once.
func (e *baseError) Error() string {
	text := strings.TrimPrefix(e.err.Error(), "pulling ")
	return "base image " + e.ref + ": " + strings.TrimPrefix(text, e.ref+": ")
}

// Unwrap returns the reason.
func (e *baseError) Unwrap() error { return e.err }
