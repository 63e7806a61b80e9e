package tree

import (
	"context"
	"iter"
	"slices"
	"sync"
)

// Set is a set of changes that lives in memory. Build one with [NewSet].
type Set struct {
	changes []Change // sorted by Compare
	exact   func() map[string]int
	folded  func() map[string]int
	kids    func() map[string][]int    // exact parent name -> children
	kidsF   func() map[string][]int    // folded parent name -> children
	implied func() map[string][]string // folded parent name -> implied directories
}

// NewSet returns the set of changes; of several for one name, the last counts.
// It takes ownership of the slice.
func NewSet(changes []Change) *Set {
	slices.SortStableFunc(changes, func(a, b Change) int { return Compare(a.Name(), b.Name()) })
	kept := changes[:0]
	for i, c := range changes {
		if i+1 < len(changes) && changes[i+1].Name() == c.Name() {
			continue
		}
		kept = append(kept, c)
	}
	groupHardlinks(kept)
	s := &Set{changes: kept}
	identity := func(n string) string { return n }
	s.exact = sync.OnceValue(func() map[string]int { return s.byName(identity) })
	s.folded = sync.OnceValue(func() map[string]int { return s.byName(Fold) })
	s.kids = sync.OnceValue(func() map[string][]int { return s.byParent(identity) })
	s.kidsF = sync.OnceValue(func() map[string][]int { return s.byParent(Fold) })
	s.implied = sync.OnceValue(s.findImplied)
	return s
}

// groupHardlinks marks the files that hard links of the same set name, so that
// a view shows all names of a file as one group.
func groupHardlinks(changes []Change) {
	targets := map[string]bool{}
	for _, c := range changes {
		if c.Entry != nil && c.Entry.Kind == Hardlink {
			targets[c.Entry.Target] = true
		}
	}
	if len(targets) == 0 {
		return
	}
	for i, c := range changes {
		if e := c.Entry; e != nil && e.Kind == File && e.Link == "" && targets[e.Name] {
			f := *e
			f.Link = "/" + e.Name
			changes[i].Entry = &f
		}
	}
}

// findImplied collects the directories that nothing but their content
// mentions, by folded parent.
func (s *Set) findImplied() map[string][]string {
	m := map[string][]string{}
	known, folded := s.exact(), s.folded()
	seen := map[string]bool{}
	for _, c := range s.changes {
		for dir := Parent(c.Name()); dir != "" && c.Entry != nil && !seen[dir]; dir = Parent(dir) {
			seen[dir] = true
			_, ok := known[dir]
			if _, f := folded[Fold(dir)]; !ok && !f {
				key := Fold(Parent(dir))
				m[key] = append(m[key], dir)
			}
		}
	}
	return m
}

// Implied implements [Implier].
func (s *Set) Implied(dir string, fold bool) []string {
	names := s.implied()[Fold(dir)]
	if fold {
		return names
	}
	return slices.DeleteFunc(slices.Clone(names), func(n string) bool { return Parent(n) != dir })
}

func (s *Set) byName(key func(string) string) map[string]int {
	m := make(map[string]int, len(s.changes))
	for i, c := range s.changes {
		m[key(c.Name())] = i
	}
	return m
}

func (s *Set) byParent(key func(string) string) map[string][]int {
	m := make(map[string][]int)
	for i, c := range s.changes {
		if n := c.Name(); n != "" {
			p := key(Parent(n))
			m[p] = append(m[p], i)
		}
	}
	return m
}

// Len returns the number of changes.
func (s *Set) Len() int { return len(s.changes) }

// Find implements [Changes].
func (s *Set) Find(_ context.Context, name string, fold bool) (Change, error) {
	m, key := s.exact, name
	if fold {
		m, key = s.folded, Fold(name)
	}
	if i, ok := m()[key]; ok {
		return s.changes[i], nil
	}
	return Change{}, notExist("find", name)
}

// List implements [Changes].
func (s *Set) List(_ context.Context, dir string, fold bool) iter.Seq2[Change, error] {
	m, key := s.kids, dir
	if fold {
		m, key = s.kidsF, Fold(dir)
	}
	return func(yield func(Change, error) bool) {
		for _, i := range m()[key] {
			if !yield(s.changes[i], nil) {
				return
			}
		}
	}
}

// All implements [Changes].
func (s *Set) All(context.Context) iter.Seq2[Change, error] {
	return func(yield func(Change, error) bool) {
		for _, c := range s.changes {
			if !yield(c, nil) {
				return
			}
		}
	}
}
