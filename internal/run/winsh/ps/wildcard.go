package ps

import (
	"strings"
	"unicode"
)

// Like matches a PowerShell wildcard pattern: * and ?, [a-z], ` before a
// character that is meant literally.
func Like(pattern, text string, caseSensitive bool) bool {
	return matchWild(parseWild(pattern, caseSensitive), foldRunes(text, caseSensitive))
}

// HasWildcard reports whether a text is a PowerShell wildcard pattern.
func HasWildcard(s string) bool {
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '`':
			i++
		case '*', '?', '[', ']':
			return true
		}
	}
	return false
}

// EscapeWildcard is [WildcardPattern]::Escape.
func EscapeWildcard(s string) string {
	if !strings.ContainsAny(s, "*?[]") {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if strings.IndexByte("*?[]", s[i]) >= 0 {
			b.WriteByte('`')
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// UnescapeWildcard is [WildcardPattern]::Unescape.
func UnescapeWildcard(s string) string {
	if strings.IndexByte(s, '`') < 0 {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '`' && i+1 < len(s) && strings.IndexByte("*?[]`", s[i+1]) >= 0 {
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

type wildKind byte

const (
	wildLiteral wildKind = iota
	wildAny
	wildStar
	wildSet
)

type wildPart struct {
	kind wildKind
	char rune
	set  []rune // pairs of bounds
}

func foldRunes(s string, caseSensitive bool) []rune {
	r := []rune(s)
	if !caseSensitive {
		for i, c := range r {
			r[i] = unicode.ToLower(c)
		}
	}
	return r
}

// parseWild takes a pattern apart. A [ that is never closed is literal, where
// PowerShell reports an invalid pattern.
func parseWild(pattern string, caseSensitive bool) []wildPart {
	var parts []wildPart
	r := foldRunes(pattern, caseSensitive)
	for i := 0; i < len(r); i++ {
		switch c := r[i]; c {
		case '`':
			if i+1 < len(r) {
				i++
				parts = append(parts, wildPart{char: r[i]})
			}
		case '*':
			if n := len(parts); n == 0 || parts[n-1].kind != wildStar {
				parts = append(parts, wildPart{kind: wildStar})
			}
		case '?':
			parts = append(parts, wildPart{kind: wildAny})
		case '[':
			set, end := parseSet(r, i+1)
			if end < 0 {
				parts = append(parts, wildPart{char: c})
				continue
			}
			parts = append(parts, wildPart{kind: wildSet, set: set})
			i = end
		default:
			parts = append(parts, wildPart{char: c})
		}
	}
	return parts
}

// parseSet reads what follows a [; end is the place of the ], or -1.
func parseSet(r []rune, i int) (set []rune, end int) {
	first := i
	next := func() (rune, bool) {
		if r[i] == '`' && i+1 < len(r) {
			i++
		}
		c := r[i]
		i++
		return c, true
	}
	for i < len(r) {
		if r[i] == ']' && i > first {
			return set, i
		}
		lo, _ := next()
		hi := lo
		if i+1 < len(r) && r[i] == '-' && r[i+1] != ']' {
			i++
			hi, _ = next()
		}
		set = append(set, lo, hi)
	}
	return nil, -1
}

func (p wildPart) match(c rune) bool {
	switch p.kind {
	case wildAny:
		return true
	case wildSet:
		for i := 0; i+1 < len(p.set); i += 2 {
			if p.set[i] <= c && c <= p.set[i+1] {
				return true
			}
		}
		return false
	}
	return p.char == c
}

// matchWild matches with one point of return per star, so in at most
// len(parts)*len(text) steps.
func matchWild(parts []wildPart, text []rune) bool {
	p, t, star, from := 0, 0, -1, 0
	for t < len(text) {
		switch {
		case p < len(parts) && parts[p].kind == wildStar:
			star, from = p, t
			p++
		case p < len(parts) && parts[p].match(text[t]):
			p++
			t++
		case star >= 0:
			from++
			p, t = star+1, from
		default:
			return false
		}
	}
	for p < len(parts) && parts[p].kind == wildStar {
		p++
	}
	return p == len(parts)
}
