package machine

import (
	"encoding/binary"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/unicode/norm"
)

// The code pages that a console begins with, and that of UTF-8.
const (
	PageOEM  = 437
	PageUTF8 = 65001
)

// PageTable returns the table of a code page; 0 is that of a new console. known
// is false for one that casement does not have, and the table of UTF-8 is nil.
func PageTable(page int) (table *charmap.Charmap, known bool) {
	switch page {
	case 0, PageOEM:
		return charmap.CodePage437, true
	case 850:
		return charmap.CodePage850, true
	case 852:
		return charmap.CodePage852, true
	case 858:
		return charmap.CodePage858, true
	case 866:
		return charmap.CodePage866, true
	case 1250:
		return charmap.Windows1250, true
	case 1251:
		return charmap.Windows1251, true
	case 1252:
		return charmap.Windows1252, true
	case 28591:
		return charmap.ISO8859_1, true
	}
	return nil, page == PageUTF8
}

// EncodePage makes bytes of a code page of text. What the page lacks is replaced
// by what looks most like it, else by a question mark, as Windows does. Pages
// that are not known are taken for UTF-8.
func EncodePage(page int, text string) []byte {
	table, _ := PageTable(page)
	if table == nil || IsASCII(text) {
		return []byte(text)
	}
	out := make([]byte, 0, len(text))
	for _, r := range text {
		b, ok := table.EncodeRune(r)
		switch {
		case ok:
		case r < 0x100 && table.DecodeByte(byte(r)) == utf8.RuneError:
			b = byte(r) // stands for itself, as in DecodePage
		case r > 0xFFFF:
			out = append(out, '?') // for Windows these are two characters
			b = '?'
		default:
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

// DecodePage reads bytes of a code page. Bytes that the page leaves open become
// the characters of the same number.
func DecodePage(page int, b []byte) string {
	table, _ := PageTable(page)
	if isASCIIBytes(b) {
		return string(b)
	}
	if table == nil {
		return strings.ToValidUTF8(string(b), "\uFFFD")
	}
	var s strings.Builder
	s.Grow(len(b) + 16)
	for _, c := range b {
		r := table.DecodeByte(c)
		if r == utf8.RuneError {
			r = rune(c)
		}
		s.WriteRune(r)
	}
	return s.String()
}

// EncodeUTF16 makes UTF-16LE of text, without a mark.
func EncodeUTF16(text string) []byte {
	units := utf16.Encode([]rune(text))
	b := make([]byte, 0, 2*len(units)+2) // two more for who adds an end
	for _, u := range units {
		b = binary.LittleEndian.AppendUint16(b, u)
	}
	return b
}

// DecodeUTF16 reads UTF-16LE; half a unit at the end is dropped.
func DecodeUTF16(b []byte) string {
	units := make([]uint16, len(b)/2)
	for i := range units {
		units[i] = binary.LittleEndian.Uint16(b[2*i:])
	}
	return string(utf16.Decode(units))
}

// UTF16Len is the length of text as Windows counts it.
func UTF16Len(text string) int {
	n := 0
	for _, r := range text {
		if n++; r > 0xFFFF {
			n++
		}
	}
	return n
}

// IsASCII reports whether text means the same in every code page.
func IsASCII(text string) bool {
	for i := 0; i < len(text); i++ {
		if text[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

func isASCIIBytes(b []byte) bool {
	for _, c := range b {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
