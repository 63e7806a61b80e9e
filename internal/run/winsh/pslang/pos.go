package pslang

import (
	"sort"
	"strings"
	"unicode/utf8"
)

// Source is a text. It is immutable once it has been parsed.
type Source struct {
	// Name is the file that the text comes from, "" for a command line.
	Name string
	// Text is all of it.
	Text string
	// Namespaces are those of its using statements.
	Namespaces []string
	// lines has the offset of the start of each line.
	lines []int
}

// NewSource returns the source of a text.
func NewSource(name, text string) *Source {
	s := &Source{Name: name, Text: text, lines: []int{0}}
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '\n':
			s.lines = append(s.lines, i+1)
		case '\r':
			if i+1 == len(text) || text[i+1] != '\n' {
				s.lines = append(s.lines, i+1)
			}
		}
	}
	return s
}

// Pos is a place in a source: a line and a column, both from 1. Columns count
// UTF-16 units, as PowerShell's do.
type Pos struct {
	Offset, Line, Column int
}

// Pos returns the place of a byte offset.
func (s *Source) Pos(offset int) Pos {
	line := sort.SearchInts(s.lines, offset+1)
	return Pos{Offset: offset, Line: line, Column: 1 + utf16Len(s.Text[s.lines[line-1]:offset])}
}

// Line returns the text of a line, counted from 1, without its end.
func (s *Source) Line(n int) string {
	if n < 1 || n > len(s.lines) {
		return ""
	}
	text := s.Text[s.lines[n-1]:]
	if i := strings.IndexAny(text, "\r\n"); i >= 0 {
		text = text[:i]
	}
	return text
}

// utf16Len is the number of UTF-16 units of a text.
func utf16Len(s string) int {
	n := 0
	for i := 0; i < len(s); {
		if s[i] < utf8.RuneSelf {
			i, n = i+1, n+1
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		i, n = i+size, n+1
		if r > 0xFFFF {
			n++
		}
	}
	return n
}

// Extent is the stretch of a source that a node covers, as byte offsets. Every
// node embeds it. The zero value is the extent of a node that nobody wrote.
type Extent struct {
	Source     *Source
	Start, End int
}

// At returns the extent itself; it is what makes a node of a struct that
// embeds an extent.
func (e Extent) At() Extent { return e }

// Text returns the covered text as it was written.
func (e Extent) Text() string {
	if e.Source == nil {
		return ""
	}
	return e.Source.Text[e.Start:e.End]
}

// From returns where the extent starts.
func (e Extent) From() Pos {
	if e.Source == nil {
		return Pos{}
	}
	return e.Source.Pos(e.Start)
}

// To returns where the extent ends: the place behind its last character.
func (e Extent) To() Pos {
	if e.Source == nil {
		return Pos{}
	}
	return e.Source.Pos(e.End)
}
