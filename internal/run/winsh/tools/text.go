package tools

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"github.com/casement/casement/internal/run/winsh/machine"
)

// fromUTF16 decodes UTF-16LE with a byte order mark; ok is false without one.
func fromUTF16(b []byte) (text string, ok bool) {
	if !bytes.HasPrefix(b, []byte{0xFF, 0xFE}) {
		return "", false
	}
	return machine.DecodeUTF16(b[2:]), true
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
