package dockerfile

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/util/suggest"
)

// names returns what the stages are called: those without a name by number.
func (f *file) names() []string {
	var names []string
	for i, s := range f.stages {
		names = append(names, cmp.Or(s.Name, strconv.Itoa(i)))
	}
	return names
}

// noStage is the error for a target that is none of the stages.
func (f *file) noStage(name string) *Error {
	return &Error{err: fmt.Errorf("there is no stage %q", name), hint: f.targets()}
}

// targets says which stages there are to choose from. Only those with a name can
// be built; the last one is without asking.
func (f *file) targets() string {
	var named []string
	for _, s := range f.stages {
		if s.Name != "" {
			named = append(named, s.Name)
		}
	}
	switch n := len(f.stages); {
	case len(named) == n:
		return "stages are " + strings.Join(named, ", ")
	case len(named) > 0:
		return "stages are " + strings.Join(named, ", ") + "; one without a name cannot be a target, but the last is built without --target"
	case n == 1:
		return "the only stage has no name: leave --target out, or write FROM … AS NAME"
	default:
		return fmt.Sprintf("none of the %d stages has a name: leave --target out for the last, or write FROM … AS NAME", n)
	}
}

// noSuchStage is the hint for a word at a line that was taken for an image, as
// no stage has that name.
func (f *file) noSuchStage(name string, line int) string {
	var before []string
	for i, n := range f.names() {
		if first, _ := linesAt(f.stages[i].Location); first < line && !f.within(i, line) {
			before = append(before, n)
		}
	}
	if near, ok := suggest.Search(name, before, false); ok {
		return fmt.Sprintf("no stage is called %q, so it was taken for an image; did you mean %s?", name, near)
	}
	if len(before) == 0 {
		return fmt.Sprintf("there is no stage before this one, so %q was taken for an image", name)
	}
	return fmt.Sprintf("no stage is called %q, so it was taken for an image; stages are %s", name, strings.Join(before, ", "))
}

// within reports whether a line belongs to stage i.
func (f *file) within(i, line int) bool {
	if first, _ := linesAt(f.stages[i].Location); line < first {
		return false
	}
	if i+1 == len(f.stages) {
		return true
	}
	next, _ := linesAt(f.stages[i+1].Location)
	return line < next
}

// imageOf returns the word of a --from that an error is about, if it is an
// image's name and could as well be meant to be a stage's. An error that has
// no place gets that of the word.
func (f *file) imageOf(c *client, e *Error) string {
	for _, s := range f.stages {
		for _, cmd := range s.Commands {
			first, last := linesAt(cmd.Location())
			if e.Where.Line != 0 && e.Where.Line != first {
				continue
			}
			for _, from := range froms(cmd) {
				full := fullName(from)
				if full == "" || strings.ContainsAny(from, "/:@$") || !strings.Contains(e.err.Error(), full) {
					continue
				}
				e.Where = c.place(first, last)
				return from
			}
		}
	}
	return ""
}

// froms returns what a command takes files from.
func froms(cmd instructions.Command) []string {
	switch cmd := cmd.(type) {
	case *instructions.CopyCommand:
		return []string{cmd.From}
	case *instructions.RunCommand:
		var out []string
		for _, m := range instructions.GetMounts(cmd) {
			out = append(out, m.From)
		}
		return out
	}
	return nil
}
