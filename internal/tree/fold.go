package tree

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Fold maps a name to the form in which Windows compares it: every UTF-16 unit
// in upper case. It approximates the table that NTFS keeps on each volume by
// Unicode's simple upper-case mapping of the basic plane, less the letters
// that map to plain ASCII letters only in Unicode (dotless i, long s). Where
// the two differ, Fold equates more than Windows does, which can only lead to
// a refusal, never to a collision that goes unseen.
func Fold(name string) string {
	lower := -1
	for i := 0; i < len(name); i++ {
		c := name[i]
		if c >= utf8.RuneSelf {
			return strings.Map(foldRune, name)
		}
		if lower < 0 && 'a' <= c && c <= 'z' {
			lower = i
		}
	}
	if lower < 0 {
		return name
	}
	// Nearly all names are ASCII, and a build folds each several times.
	b := []byte(name)
	for i := lower; i < len(b); i++ {
		if 'a' <= b[i] && b[i] <= 'z' {
			b[i] -= 'a' - 'A'
		}
	}
	return string(b)
}

func foldRune(r rune) rune {
	switch {
	case 'a' <= r && r <= 'z':
		return r - ('a' - 'A')
	case r < utf8.RuneSelf, r > 0xFFFF:
		return r
	}
	u := unicode.ToUpper(r)
	if u < utf8.RuneSelf || u > 0xFFFF {
		return r
	}
	return u
}

// SameName reports whether Windows takes a and b for the same name.
func SameName(a, b string) bool {
	return a == b || Fold(a) == Fold(b)
}
