package cmdsh

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Text is a Go string inside the package, and bytes of the console's code page
// outside: batch files, what is written to files and pipes, what FOR /F reads.

// fold makes names comparable without regard to case.
func fold(s string) string {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c >= utf8.RuneSelf {
			return strings.Map(unicode.ToLower, s)
		} else if 'A' <= c && c <= 'Z' {
			return strings.ToLower(s)
		}
	}
	return s
}

// compareText orders text as Windows does: marks, digits, letters; small letters
// before capitals where nothing else differs, and hyphens and apostrophes, which
// do not count at first, where that does not either.
func compareText(a, b string, insensitive bool) int {
	x, y := sortKeyOf(a), sortKeyOf(b)
	if c := slices.Compare(x.weights, y.weights); c != 0 {
		return c
	}
	if !insensitive {
		if c := slices.Compare(x.capitals, y.capitals); c != 0 {
			return c
		}
	}
	return slices.Compare(x.skipped, y.skipped)
}

// sortKey is what text is compared by: weights of the characters that count,
// which of them are capitals, and the others with their places.
type sortKey struct {
	weights  []rune
	capitals []byte
	skipped  []rune
}

// marks are the marks of ASCII in the order of Windows.
const marks = "\t\n\v\f\r !\"#$%&()*,./:;?@[\\]^_`{|}~+<=>"

func sortKeyOf(s string) (k sortKey) {
	for _, r := range s {
		if r == '-' || r == '\'' {
			k.skipped = append(k.skipped, rune(len(k.weights)), r)
			continue
		}
		lower := unicode.ToLower(r)
		weight, capital := lower+0x200, byte(0)
		if isDigit(byte(r)) && r < utf8.RuneSelf {
			weight = r + 0x100
		} else if i := strings.IndexRune(marks, r); i >= 0 {
			weight = rune(i)
		} else if lower != r {
			capital = 1
		}
		k.weights, k.capitals = append(k.weights, weight), append(k.capitals, capital)
	}
	return k
}

// unquote removes all quotes.
func unquote(s string) string {
	if strings.IndexByte(s, '"') < 0 {
		return s
	}
	return strings.ReplaceAll(s, `"`, "")
}

// stripQuotes removes a quote at the beginning, and the one at the end that
// belongs to it.
func stripQuotes(s string) string {
	if !strings.HasPrefix(s, `"`) {
		return s
	}
	return strings.TrimSuffix(s[1:], `"`)
}
