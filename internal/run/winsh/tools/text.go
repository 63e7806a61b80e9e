package tools

import (
	"bytes"
	"encoding/binary"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
)

// The code pages that the console can be set to here.
const (
	oemPage  = 437
	utf8Page = 65001
)

// pageTable returns the table of a code page; known is false for one that
// casement does not have, and the table of UTF-8 is nil.
func pageTable(page int) (table *charmap.Charmap, known bool) {
	switch page {
	case 0, oemPage:
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
	return nil, page == utf8Page
}

// encode makes bytes of a code page of text. Characters that it does not have
// become question marks.
func encode(page int, text string) []byte {
	table, _ := pageTable(page)
	if table == nil || isASCII(text) {
		return []byte(text)
	}
	out := make([]byte, 0, len(text))
	for _, r := range text {
		b, ok := table.EncodeRune(r)
		if !ok {
			b = '?'
		}
		out = append(out, b)
	}
	return out
}

// decode reads bytes of a code page.
func decode(page int, b []byte) string {
	table, _ := pageTable(page)
	if table == nil || isASCII(string(b)) {
		return strings.ToValidUTF8(string(b), "\uFFFD")
	}
	var s strings.Builder
	for _, c := range b {
		s.WriteRune(table.DecodeByte(c))
	}
	return s.String()
}

// isASCII reports whether text means the same in every code page.
func isASCII(text string) bool {
	for i := range len(text) {
		if text[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// fromUTF16 decodes UTF-16LE with a byte order mark; ok is false without one.
func fromUTF16(b []byte) (text string, ok bool) {
	if !bytes.HasPrefix(b, []byte{0xFF, 0xFE}) {
		return "", false
	}
	return decodeUTF16(b[2:]), true
}

// decodeUTF16 decodes UTF-16LE; an odd last byte is dropped.
func decodeUTF16(b []byte) string {
	units := make([]uint16, len(b)/2)
	for i := range units {
		units[i] = binary.LittleEndian.Uint16(b[2*i:])
	}
	return string(utf16.Decode(units))
}

// encodeUTF16 encodes as UTF-16LE.
func encodeUTF16(text string) []byte {
	units := utf16.Encode([]rune(text))
	b := make([]byte, 0, 2*len(units))
	for _, u := range units {
		b = binary.LittleEndian.AppendUint16(b, u)
	}
	return b
}

// utf16Len is the length of text as Windows counts it.
func utf16Len(text string) int {
	n := 0
	for _, r := range text {
		if n++; r > 0xFFFF {
			n++
		}
	}
	return n
}

// lowerASCII folds ASCII only, as tools do that compare bytes.
func lowerASCII(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// pad fills text with blanks on the right up to a width in characters.
func pad(text string, width int) string {
	if n := utf8.RuneCountInString(text); n < width {
		return text + strings.Repeat(" ", width-n)
	}
	return text
}

// under joins a directory and a name.
func under(dir, name string) string {
	if strings.HasSuffix(dir, `\`) {
		return dir + name
	}
	return dir + `\` + name
}

// splitPath cuts the last component off a path as it was typed; the directory
// keeps its separator, or its drive ("C:").
func splitPath(path string) (dir, name string) {
	i := strings.LastIndexAny(path, `\/:`)
	return path[:i+1], path[i+1:]
}

// parent is the directory of a full path ("C:\" is its own).
func parent(full string) string {
	i := strings.LastIndexByte(full, '\\')
	if i <= 2 {
		return full[:min(3, len(full))]
	}
	return full[:i]
}
