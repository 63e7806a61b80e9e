package machine

import (
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// CompareText orders text as Windows does: marks, digits, letters; small letters
// before capitals where nothing else differs, and hyphens and apostrophes, which
// do not count at first, where that does not either.
func CompareText(a, b string, insensitive bool) int {
	x, y := sortKeyOf(a, true), sortKeyOf(b, true)
	if c := x.compare(y); c != 0 {
		return c
	}
	if !insensitive {
		if c := slices.Compare(x.capitals, y.capitals); c != 0 {
			return c
		}
	}
	return slices.Compare(x.skipped, y.skipped)
}

// CompareStrings orders text as Windows does for the functions of the C runtime:
// without regard to case, and with hyphens and apostrophes in front of all other
// marks.
func CompareStrings(a, b string) int {
	return sortKeyOf(a, false).compare(sortKeyOf(b, false))
}

// sortKey is what text is compared by: weights of the characters that count,
// their accents, which of them are capitals, and the others with their places.
type sortKey struct {
	weights, accents []rune
	capitals         []byte
	skipped          []rune
}

// compare compares letters and, where they are the same, their accents.
func (k sortKey) compare(other sortKey) int {
	if c := slices.Compare(k.weights, other.weights); c != 0 {
		return c
	}
	return slices.Compare(k.accents, other.accents)
}

// marks are the marks of ASCII in the order of Windows.
const marks = "'-\t\n\v\f\r !\"#$%&()*,./:;?@[\\]^_`{|}~+<=>"

func sortKeyOf(s string, words bool) (k sortKey) {
	for _, r := range norm.NFD.String(s) {
		switch n := len(k.accents); {
		case words && (r == '-' || r == '\''):
			k.skipped = append(k.skipped, rune(len(k.weights)), r)
			continue
		case r > unicode.MaxASCII && unicode.Is(unicode.Mn, r) && n > 0:
			k.accents[n-1] = r
			continue
		}
		lower := unicode.ToLower(r)
		weight, capital := lower+0x200, byte(0)
		if '0' <= r && r <= '9' {
			weight = r + 0x100
		} else if i := strings.IndexRune(marks, r); i >= 0 {
			weight = rune(i)
		} else if lower != r {
			capital = 1
		}
		k.weights, k.accents, k.capitals = append(k.weights, weight), append(k.accents, 0), append(k.capitals, capital)
	}
	return k
}
