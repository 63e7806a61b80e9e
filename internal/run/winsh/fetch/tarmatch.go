package fetch

import "strings"

// pathPattern is a pattern of bsdtar: *, ? and [a-z] as in a shell, though *
// goes beyond slashes; "./" and doubled slashes do not count.
type pathPattern struct {
	text string
	// loose patterns (--exclude) match from the start of any component.
	// Patterns that are prefixes of a path match what is below it too.
	loose, below bool
	used         bool
}

// matches reports whether the pattern matches a member's name.
func (p *pathPattern) matches(name string) bool {
	pat, loose := p.text, p.loose
	if pat == "" {
		return name == ""
	}
	if pat[0] == '^' {
		pat, loose = pat[1:], false
	}
	if strings.HasPrefix(pat, "/") && !strings.HasPrefix(name, "/") {
		return false
	}
	m := pathMatcher{pat: pat, below: p.below || p.loose}
	if pat != "" && (pat[0] == '*' || pat[0] == '/') {
		m.pat = strings.TrimLeft(pat, "/")
		m.name = strings.TrimLeft(name, "/")
		return m.start(0)
	}
	m.name = name
	if !loose {
		return m.start(0)
	}
	for i := 0; ; i++ {
		if m.start(i) {
			return true
		}
		next := strings.IndexByte(name[i:], '/')
		if next < 0 {
			return false
		}
		i += next
	}
}

// pathMatcher compares one pattern with one name. Pairs of places that have
// failed are kept, so time is bounded by the product of the lengths.
type pathMatcher struct {
	pat, name string
	below     bool
	failed    map[[2]int]bool
}

// start matches the name from n, whatever "./" there is before.
func (m *pathMatcher) start(n int) bool {
	p := 0
	if strings.HasPrefix(m.name[n:], "./") {
		n = skipSlashes(m.name, n+1)
	}
	if strings.HasPrefix(m.pat, "./") {
		p = skipSlashes(m.pat, 1)
	}
	return m.at(p, n)
}

// skipSlashes goes over "/", "./" and a "." at the end.
func skipSlashes(s string, i int) int {
	for i < len(s) {
		if s[i] == '/' || s[i] == '.' && (i+1 == len(s) || s[i+1] == '/') {
			i++
			continue
		}
		break
	}
	return i
}

func (m *pathMatcher) at(p, n int) bool {
	for ; p < len(m.pat); p, n = p+1, n+1 {
		switch c := m.pat[p]; c {
		case '*':
			return m.star(p, n)
		case '?':
			if n >= len(m.name) {
				return false
			}
		case '[':
			end, ok := classEnd(m.pat, p)
			if !ok {
				if n >= len(m.name) || m.name[n] != '[' {
					return false
				}
				break
			}
			if n >= len(m.name) || !inClass(m.pat[p+1:end], m.name[n]) {
				return false
			}
			p = end
		case '/':
			if n < len(m.name) && m.name[n] != '/' {
				return false
			}
			p, n = skipSlashes(m.pat, p), skipSlashes(m.name, n)
			if p == len(m.pat) && m.below {
				return true
			}
			p, n = p-1, n-1
		case '$':
			if p+1 == len(m.pat) && m.below {
				return skipSlashes(m.name, n) == len(m.name)
			}
			if n >= len(m.name) || m.name[n] != c {
				return false
			}
		case '\\':
			if p+1 < len(m.pat) {
				p++
			}
			if n >= len(m.name) || m.name[n] != m.pat[p] {
				return false
			}
		default:
			if n >= len(m.name) || m.name[n] != c {
				return false
			}
		}
	}
	if n < len(m.name) && m.name[n] == '/' {
		return m.below || skipSlashes(m.name, n) == len(m.name)
	}
	return n >= len(m.name)
}

// star matches what follows a star at every place that is left.
func (m *pathMatcher) star(p, n int) bool {
	for p < len(m.pat) && m.pat[p] == '*' {
		p++
	}
	if p == len(m.pat) {
		return true
	}
	for ; n < len(m.name); n++ {
		if m.failed[[2]int{p, n}] {
			continue
		}
		if m.at(p, n) {
			return true
		}
		if m.failed == nil {
			m.failed = map[[2]int]bool{}
		}
		m.failed[[2]int{p, n}] = true
	}
	return false
}

// classEnd finds the bracket that closes the class at p.
func classEnd(pat string, p int) (int, bool) {
	for i := p + 1; i < len(pat); i++ {
		switch pat[i] {
		case '\\':
			i++
		case ']':
			return i, true
		}
	}
	return 0, false
}

// inClass reports whether c is one of a class, without its brackets.
func inClass(class string, c byte) bool {
	if class != "" && (class[0] == '!' || class[0] == '^') {
		return !inClass2(class[1:], c)
	}
	return inClass2(class, c)
}

func inClass2(class string, c byte) bool {
	from := -1 // a character that may begin a range
	for i := 0; i < len(class); i++ {
		if class[i] == '-' && from >= 0 && i+1 < len(class) {
			i++
			if class[i] == '\\' && i+1 < len(class) {
				i++
			}
			if from <= int(c) && c <= class[i] {
				return true
			}
			from = -1
			continue
		}
		if class[i] == '\\' && i+1 < len(class) {
			i++
		}
		if class[i] == c {
			return true
		}
		from = int(class[i])
	}
	return false
}
