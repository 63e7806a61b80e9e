package hive

import (
	"encoding/binary"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// decodeUTF16 reads little-endian UTF-16. The registry takes any units, so a
// surrogate without its partner becomes the three bytes that UTF-8 would have
// for it: two names that differ there stay different, and encodeUTF16 gives the
// same units back.
func decodeUTF16(b []byte) string {
	s := make([]byte, 0, len(b))
	for i := 0; i+1 < len(b); i += 2 {
		u := rune(binary.LittleEndian.Uint16(b[i:]))
		if u < utf8.RuneSelf {
			s = append(s, byte(u))
			continue
		}
		if utf16.IsSurrogate(u) {
			if i+3 < len(b) {
				if r := utf16.DecodeRune(u, rune(binary.LittleEndian.Uint16(b[i+2:]))); r != unicode.ReplacementChar {
					s = utf8.AppendRune(s, r)
					i += 2
					continue
				}
			}
			s = append(s, 0xE0|byte(u>>12), 0x80|byte(u>>6)&0x3F, 0x80|byte(u)&0x3F)
			continue
		}
		s = utf8.AppendRune(s, u)
	}
	return string(s)
}

// encodeUTF16 is the inverse of decodeUTF16.
func encodeUTF16(s string) []byte {
	b := make([]byte, 0, 2*len(s))
	for u := range units(s) {
		b = binary.LittleEndian.AppendUint16(b, u)
	}
	return b
}

// units yields the UTF-16 units of a name.
func units(s string) func(yield func(uint16) bool) {
	return func(yield func(uint16) bool) {
		for i := 0; i < len(s); {
			r, n := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && n == 1 && i+2 < len(s) && s[i] == 0xED && s[i+1] >= 0xA0 {
				r, n = rune(s[i])&0x0F<<12|rune(s[i+1])&0x3F<<6|rune(s[i+2])&0x3F, 3
			}
			i += n
			if r > 0xFFFF {
				hi, lo := utf16.EncodeRune(r)
				if !yield(uint16(hi)) {
					return
				}
				r = lo
			}
			if !yield(uint16(r)) {
				return
			}
		}
	}
}

func unitCount(s string) int {
	n := 0
	for range units(s) {
		n++
	}
	return n
}

// upper maps a UTF-16 unit as the kernel does when it compares names: by a table
// of single units, without the mappings that leave the letters of their own kind
// (dotless i, long s, micro sign) and without what Unicode has added since that
// table was made (Georgian).
func upper(u uint16) uint16 {
	switch {
	case u < utf8.RuneSelf:
		if 'a' <= u && u <= 'z' {
			u -= 'a' - 'A'
		}
		return u
	case u == 0xB5, 0x10D0 <= u && u <= 0x10FF:
		return u
	}
	if r := unicode.ToUpper(rune(u)); utf8.RuneSelf <= r && r <= 0xFFFF {
		return uint16(r)
	}
	return u
}

// fold gives the form in which two names are the same: upper case by units.
// Its order by bytes is not the order of units; see compareNames.
func fold(s string) string {
	for i := range len(s) {
		if c := s[i]; c >= utf8.RuneSelf || 'a' <= c && c <= 'z' {
			return foldSlow(s)
		}
	}
	return s
}

func foldSlow(s string) string {
	b := make([]byte, 0, 2*len(s))
	for u := range units(s) {
		b = binary.LittleEndian.AppendUint16(b, upper(u))
	}
	return decodeUTF16(b)
}

// equalNames reports whether two names mean the same key or value.
func equalNames(a, b string) bool { return a == b || fold(a) == fold(b) }

// compareNames orders names as subkey lists are sorted: upper case, by the
// numbers of UTF-16 units.
func compareNames(a, b string) int {
	for i := 0; i < len(a) && i < len(b); i++ {
		x, y := a[i], b[i]
		if x >= utf8.RuneSelf || y >= utf8.RuneSelf {
			return compareUnits(a[i:], b[i:])
		}
		if x, y := upper(uint16(x)), upper(uint16(y)); x != y {
			return int(x) - int(y)
		}
	}
	return len(a) - len(b)
}

func compareUnits(a, b string) int {
	x, y := encodeUTF16(a), encodeUTF16(b)
	for i := 0; i < len(x) && i < len(y); i += 2 {
		u, v := upper(binary.LittleEndian.Uint16(x[i:])), upper(binary.LittleEndian.Uint16(y[i:]))
		if u != v {
			return int(u) - int(v)
		}
	}
	return len(x) - len(y)
}

// hashName is what lh lists keep of a name.
func hashName(s string) uint32 {
	var h uint32
	for u := range units(s) {
		h = h*37 + uint32(upper(u))
	}
	return h
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

func hasNUL(s string) bool { return strings.IndexByte(s, 0) >= 0 }
