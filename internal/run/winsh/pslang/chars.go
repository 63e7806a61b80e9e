package pslang

import (
	"unicode"
	"unicode/utf8"
)

// Classes of ASCII characters, as bits.
const (
	isBlank   = 1 << iota // white space within a line
	isEnder               // ends a bare word in every mode
	isAfterNo             // ends a number in expression mode, too
	isLetter
	isDigit
	isVarOnly // may stand in the name of a variable besides letters and digits
	isSpecial // has a meaning inside a bare word
)

// classes gives the class of each ASCII character.
var classes = func() [128]uint8 {
	var t [128]uint8
	for c := 'a'; c <= 'z'; c++ {
		t[c] |= isLetter
		t[c-'a'+'A'] |= isLetter
	}
	for c := '0'; c <= '9'; c++ {
		t[c] |= isDigit
	}
	for _, c := range " \t\v\f" {
		t[c] |= isBlank | isEnder
	}
	for _, c := range "\x00\r\n&(),;{|}" {
		t[c] |= isEnder
	}
	for _, c := range "!#%*+-./<=>]" {
		t[c] |= isAfterNo
	}
	t['_'] |= isLetter
	t['?'] |= isVarOnly
	for _, c := range "`'\"$" {
		t[c] |= isSpecial
	}
	return t
}()

// is says whether the ASCII character c is of one of the classes.
func is(c byte, class uint8) bool { return c < utf8.RuneSelf && classes[c]&class != 0 }

// runeAt returns the character at an offset and its length in bytes. At the
// end of the text it is NUL with the length 0, which ends everything.
func (p *parser) runeAt(i int) (rune, int) {
	if i >= len(p.text) {
		return 0, 0
	}
	if c := p.text[i]; c < utf8.RuneSelf {
		return rune(c), 1
	}
	return utf8.DecodeRuneInString(p.text[i:])
}

// byteAt returns the byte at an offset, or 0 behind the end.
func (p *parser) byteAt(i int) byte {
	if i >= len(p.text) {
		return 0
	}
	return p.text[i]
}

// blankRune says whether a character beyond ASCII is white space.
func blankRune(r rune) bool {
	return r == 0x85 || r >= utf8.RuneSelf && unicode.In(r, unicode.Z)
}

// ends says whether a bare word ends at the offset.
func (p *parser) ends(i int) bool {
	if i >= len(p.text) {
		return true
	}
	c := p.text[i]
	if c < utf8.RuneSelf {
		return classes[c]&isEnder != 0
	}
	r, _ := p.runeAt(i)
	return blankRune(r)
}

// letter says whether a character may start a name.
func letter(r rune) bool {
	if r < utf8.RuneSelf {
		return classes[r]&isLetter != 0
	}
	return unicode.IsLetter(r)
}

// nameRune says whether a character may stand in a name.
func nameRune(r rune) bool {
	if r < utf8.RuneSelf {
		return classes[r]&(isLetter|isDigit) != 0
	}
	return unicode.IsLetter(r) || unicode.Is(unicode.Nd, r)
}

// varStart says whether a character behind $ starts a variable's name.
func varStart(r rune) bool {
	switch r {
	case '$', '?', '^', ':':
		return true
	}
	return nameRune(r)
}

// dash returns the length of a dash at the offset, or 0. PowerShell takes the
// en dash, the em dash and the horizontal bar for a hyphen.
func (p *parser) dash(i int) int {
	switch p.byteAt(i) {
	case '-':
		return 1
	case 0xE2:
		switch r, n := p.runeAt(i); r {
		case 0x2013, 0x2014, 0x2015:
			return n
		}
	}
	return 0
}

// singleQuote returns the length of a single quote at the offset, or 0; the
// typographic ones count.
func (p *parser) singleQuote(i int) int {
	switch p.byteAt(i) {
	case '\'':
		return 1
	case 0xE2:
		switch r, n := p.runeAt(i); r {
		case 0x2018, 0x2019, 0x201A, 0x201B:
			return n
		}
	}
	return 0
}

// doubleQuote returns the length of a double quote at the offset, or 0; the
// typographic ones count.
func (p *parser) doubleQuote(i int) int {
	switch p.byteAt(i) {
	case '"':
		return 1
	case 0xE2:
		switch r, n := p.runeAt(i); r {
		case 0x201C, 0x201D, 0x201E:
			return n
		}
	}
	return 0
}

// lower returns s in lower case, and s itself where it is that already.
func lower(s string) string {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c >= 'A' && c <= 'Z' || c >= utf8.RuneSelf {
			return lowerSlow(s)
		}
	}
	return s
}

func lowerSlow(s string) string {
	b := make([]byte, 0, len(s))
	for _, r := range s {
		b = utf8.AppendRune(b, unicode.ToLower(r))
	}
	return string(b)
}
