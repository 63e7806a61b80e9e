package cmdsh

import (
	"encoding/binary"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/unicode/norm"
)

// Text is a Go string inside the package, and bytes of the console's code page
// outside: batch files, what is written to files and pipes, what FOR /F reads.

// The code pages that this package knows.
const (
	oemPage  = 437
	utf8Page = 65001
)

// charmapOf returns the table of a single-byte code page, nil for UTF-8 and for
// those that are not known.
func charmapOf(page int) *charmap.Charmap {
	switch page {
	case 0, oemPage:
		return charmap.CodePage437
	case 850:
		return charmap.CodePage850
	case 852:
		return charmap.CodePage852
	case 858:
		return charmap.CodePage858
	case 866:
		return charmap.CodePage866
	case 1250:
		return charmap.Windows1250
	case 1251:
		return charmap.Windows1251
	case 1252:
		return charmap.Windows1252
	case 28591:
		return charmap.ISO8859_1
	}
	return nil
}

// encode makes bytes of a code page of text. What the page lacks is replaced by
// what looks most like it, else by a question mark, as Windows does.
func encode(page int, text string) []byte {
	table := charmapOf(page)
	if table == nil || isASCII(text) {
		return []byte(text)
	}
	out := make([]byte, 0, len(text))
	for _, r := range text {
		b, ok := table.EncodeRune(r)
		if !ok {
			b = bestFit(table, r)
		}
		out = append(out, b)
	}
	return out
}

// bestFit is what Windows writes for a character that a page does not have.
func bestFit(table *charmap.Charmap, r rune) byte {
	switch r {
	case '‘', '‛', '‵':
		return '`'
	case '’', '′':
		return '\''
	case '“', '”', '″':
		return '"'
	case '–', '—', '‐', '‑':
		return '-'
	case '‚', '„':
		return ','
	case '…':
		return '.'
	case '‹':
		return '<'
	case '›':
		return '>'
	case '™':
		return 'T'
	}
	if '！' <= r && r <= '～' { // the wide forms of ASCII
		return byte(r - '！' + '!')
	}
	base, _ := utf8.DecodeRuneInString(norm.NFD.String(string(r)))
	if b, ok := table.EncodeRune(base); ok && base != r {
		return b
	}
	return '?'
}

// decode reads bytes of a code page.
func decode(page int, b []byte) string {
	table := charmapOf(page)
	if ascii(b) {
		return string(b)
	}
	if table == nil {
		return strings.ToValidUTF8(string(b), "�")
	}
	var s strings.Builder
	s.Grow(len(b) + 16)
	for _, c := range b {
		s.WriteRune(table.DecodeByte(c))
	}
	return s.String()
}

// encodeUTF16 is what cmd /u writes.
func encodeUTF16(text string) []byte {
	units := utf16.Encode([]rune(text))
	out := make([]byte, 0, 2*len(units))
	for _, u := range units {
		out = binary.LittleEndian.AppendUint16(out, u)
	}
	return out
}

// decodeUTF16 reads UTF-16LE; half a unit at the end is dropped.
func decodeUTF16(b []byte) string {
	units := make([]uint16, len(b)/2)
	for i := range units {
		units[i] = binary.LittleEndian.Uint16(b[2*i:])
	}
	return string(utf16.Decode(units))
}

func ascii(b []byte) bool {
	for _, c := range b {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

func isASCII(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

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

// utf16Len is the length of text as Windows counts it.
func utf16Len(s string) int {
	n := 0
	for _, r := range s {
		if n++; r > 0xFFFF {
			n++
		}
	}
	return n
}

// compareText orders text as a person would: without regard to case at first,
// small letters before capitals where nothing else differs.
func compareText(a, b string, insensitive bool) int {
	if c := strings.Compare(collated(a), collated(b)); c != 0 || insensitive {
		return c
	}
	return -strings.Compare(a, b) // in ASCII capitals come first
}

// collated maps text so that the order of bytes is marks, digits, letters.
func collated(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case 'A' <= r && r <= 'Z':
			r += 'a' - 'A'
			fallthrough
		case 'a' <= r && r <= 'z':
			return r + 0x100
		case '0' <= r && r <= '9':
			return r + 0x80
		}
		return unicode.ToLower(r)
	}, s)
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
