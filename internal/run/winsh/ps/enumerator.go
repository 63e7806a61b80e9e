package ps

import "github.com/casement/casement/internal/run/winsh/pslang"

// Enumerator is a place in a list, as GetEnumerator, $input, $foreach and $switch
// have it. A pipeline or loop takes what is left of it.
type Enumerator struct {
	items []any
	at    int // -1 in front of the first
}

// Enumerator makes the object of one over a list, which it keeps.
func (s *Session) Enumerator(items []any) *Object {
	return s.Object("System.Collections.IEnumerator", &Enumerator{items: items, at: -1})
}

// MoveNext goes to the next element and reports whether there is one.
func (e *Enumerator) MoveNext() bool {
	e.at = min(e.at+1, len(e.items))
	return e.at < len(e.items)
}

// Reset goes back in front of the first element.
func (e *Enumerator) Reset() { e.at = -1 }

// Current is the element at the place; false in front of the first and behind
// the last.
func (e *Enumerator) Current() (any, bool) {
	if e.at < 0 || e.at >= len(e.items) {
		return nil, false
	}
	return e.items[e.at], true
}

// Each implements [Sequence].
func (e *Enumerator) Each(yield func(any) bool) {
	for e.MoveNext() && yield(e.items[e.at]) {
	}
}

// withEnumerator runs a loop over a list whose body may move in it by the
// variable $foreach or $switch, if it has a use of that name.
func (s *Session) withEnumerator(n pslang.Node, name string, items func() []any, run func(list any) error) error {
	uses, known := s.enumerators[n]
	if !known {
		pslang.Walk(n, func(x pslang.Node) bool {
			v, ok := x.(*pslang.Variable)
			uses = uses || ok && v.Key == name
			return !uses
		})
		if s.enumerators == nil {
			s.enumerators = map[pslang.Node]bool{}
		}
		s.enumerators[n] = uses
	}
	if !uses {
		return run(nil)
	}
	sc := s.scope
	old, had := sc.vars[name]
	delete(sc.vars, name)
	e := s.Enumerator(items())
	sc.put(name, e)
	defer func() {
		delete(sc.vars, name)
		if had {
			sc.vars[name] = old
		}
	}()
	return run(e)
}
