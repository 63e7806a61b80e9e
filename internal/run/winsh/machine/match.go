package machine

import (
	"strings"

	"github.com/casement/casement/internal/tree"
)

// The wildcards that Windows makes of a pattern before it compares.
const (
	anyRun  = '*' // any characters
	dosStar = '<' // any characters but the last dot
	dosQM   = '>' // one character but a dot; or nothing at a dot and at the end
	dosDot  = '"' // a dot; or nothing at the end
)

// Match reports whether a file name matches a Windows wildcard pattern (*, ?,
// "*.*" matches all, "*." names without extension), without regard to case.
func Match(pattern, name string) bool {
	if pattern == "*" || pattern == "*.*" {
		return true
	}
	n := []rune(tree.Fold(name))
	lastDot := len(n) - 1
	for lastDot >= 0 && n[lastDot] != '.' {
		lastDot--
	}
	// at[i] says that the pattern so far can have consumed the first i runes.
	at, next := make([]bool, len(n)+1), make([]bool, len(n)+1)
	at[0] = true
	for _, c := range tree.Fold(translate(pattern)) {
		clear(next)
		step(c, n, lastDot, at, next)
		at, next = next, at
	}
	return at[len(n)]
}

// step moves all ways of matching over one rune of the pattern.
func step(c rune, n []rune, lastDot int, at, next []bool) {
	for i, ok := range at {
		end := i == len(n)
		switch c {
		case anyRun:
			next[i] = ok || i > 0 && next[i-1]
		case dosStar:
			next[i] = ok || i > 0 && next[i-1] && i-1 != lastDot
		case dosQM:
			if ok && (end || n[i] == '.') {
				next[i] = true
			} else if ok {
				next[i+1] = true
			}
		case dosDot:
			if ok && end {
				next[i] = true
			} else if ok && n[i] == '.' {
				next[i+1] = true
			}
		default:
			if ok && !end && n[i] == c {
				next[i+1] = true
			}
		}
	}
}

// translate turns a pattern into the wildcards that file systems know: ? is
// dosQM, a dot before a wildcard is dosDot, and a star before a dot is dosStar.
// Dots and blanks at the end are cut off as from every name, and leave a mark
// on a star.
func translate(pattern string) string {
	trimmed := strings.TrimRight(pattern, " ")
	dotted := strings.HasSuffix(trimmed, ".")
	trimmed = strings.TrimRight(trimmed, ". ")
	b := []byte(trimmed)
	for i, c := range b {
		wild := c == '?' || c == '*'
		if wild && i > 0 && b[i-1] == '.' {
			b[i-1] = dosDot
		}
		switch {
		case c == '?':
			b[i] = dosQM
		case c == '.' && i > 0 && b[i-1] == anyRun:
			b[i-1] = dosStar
		}
	}
	if dotted && len(b) > 0 && b[len(b)-1] == anyRun {
		b[len(b)-1] = dosStar
	}
	return string(b)
}

// MaskName makes the new name of a file from a mask with wildcards, as REN, COPY
// and their like do.
func MaskName(mask, name string) string {
	m, n := []rune(mask), []rune(name)
	var out []rune
	at := 0
	for i := 0; i < len(m); i++ {
		switch c := m[i]; {
		case c == '?':
			if at < len(n) && n[at] != '.' {
				out = append(out, n[at])
				at++
			}
		case c == '*' && (i+1 == len(m) || m[i+1] == '?'):
			out = append(out, n[at:]...)
			at = len(n)
		case c == '*' && m[i+1] == '*':
		case c == '*':
			// Up to the last of the character that follows in the mask.
			i++
			last := len(n)
			for j := len(n) - 1; j >= at; j-- {
				if n[j] == m[i] {
					last = j
					break
				}
			}
			out = append(append(out, n[at:last]...), m[i])
			at = min(last+1, len(n))
		case c == '.':
			for at < len(n) && n[at] != '.' {
				at++
			}
			at = min(at+1, len(n))
			out = append(out, '.')
		default:
			out = append(out, c)
			if at < len(n) && n[at] != '.' {
				at++
			}
		}
	}
	return strings.TrimRight(string(out), ". ")
}
