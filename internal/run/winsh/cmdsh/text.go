package cmdsh

import (
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
