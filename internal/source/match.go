package source

import (
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/moby/patternmatcher"
)

const separator = string(filepath.Separator)

// A filter decides which names of a directory belong to a selection. It has
// the semantics of .dockerignore and of BuildKit's include patterns: a pattern
// that matches a directory counts for all that is in it, later patterns beat
// earlier ones, and "!" takes a name back in. It is not safe for concurrent
// use, because patternmatcher compiles patterns when they are first used.
type filter struct {
	include, exclude *side
}

// A side is the patterns of one direction.
type side struct {
	m *patternmatcher.PatternMatcher
	// below has the literal beginnings of the patterns that can match below a
	// directory that does not match itself (include) or that does (exclude).
	below []string
	// literal says that below is complete. If not, every directory has to be
	// looked into.
	literal bool
}

// verdict is the outcome for one name, and what its children need to know.
type verdict struct {
	keep    bool // the name itself is selected
	descend bool // something below it may be
	include patternmatcher.MatchInfo
	exclude patternmatcher.MatchInfo
}

func newFilter(include, exclude []string) (*filter, error) {
	in, err := newSide(include, false)
	if err != nil {
		return nil, fmt.Errorf("reading the include patterns: %w", err)
	}
	ex, err := newSide(exclude, true)
	if err != nil {
		return nil, withHint(fmt.Errorf("reading the ignore patterns: %w", err), "look for unbalanced brackets or a lone ! in .dockerignore")
	}
	return &filter{include: in, exclude: ex}, nil
}

// newSide returns nil if there are no patterns. exceptions asks for the
// patterns with "!" as those that matter below a directory.
func newSide(patterns []string, exceptions bool) (*side, error) {
	if len(patterns) == 0 {
		return nil, nil
	}
	m, err := patternmatcher.New(patterns)
	if err != nil {
		return nil, fmt.Errorf("%w in %q", err, patterns)
	}
	special := "*[]?^"
	if runtime.GOOS != "windows" {
		special += `\`
	}
	s := &side{m: m, literal: true}
	for _, p := range m.Patterns() {
		if p.Exclusion() != exceptions {
			continue
		}
		text := strings.TrimSuffix(strings.TrimSuffix(p.String(), separator+"**"), separator+"*")
		if strings.ContainsAny(text, special) {
			s.literal = false
		}
		s.below = append(s.below, text+separator)
	}
	return s, nil
}

// reaches reports whether a pattern can match something below the directory.
func (s *side) reaches(dir string) bool {
	dir += separator
	return !s.literal || slices.ContainsFunc(s.below, func(p string) bool { return strings.HasPrefix(p, dir) })
}

// decide returns the verdict on name, a child of the directory that parent is
// the verdict on. The root's verdict is the zero value.
func (f *filter) decide(name string, isDir bool, parent verdict) (verdict, error) {
	v := verdict{keep: true, descend: isDir}
	name = filepath.FromSlash(name)
	if f.include != nil {
		matched, info, err := f.include.m.MatchesUsingParentResults(name, parent.include)
		if err != nil {
			return v, fmt.Errorf("matching %s with the include patterns: %w", name, err)
		}
		v.include = info
		if !matched {
			v.keep = false
			v.descend = isDir && f.include.reaches(name)
		}
	}
	if f.exclude != nil && (v.keep || v.descend) {
		matched, info, err := f.exclude.m.MatchesUsingParentResults(name, parent.exclude)
		if err != nil {
			return v, fmt.Errorf("matching %s with the ignore patterns: %w", name, err)
		}
		v.exclude = info
		if matched {
			v.keep = false
			v.descend = v.descend && f.exclude.m.Exclusions() && f.exclude.reaches(name)
		}
	}
	return v, nil
}
