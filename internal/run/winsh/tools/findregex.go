package tools

import (
	"bytes"
	"errors"
	"strings"
)

// The patterns of findstr. They are a small language of their own: ., *, ^, $,
// classes, \< and \>, nothing else, and ranges in classes follow the order in
// which Windows sorts characters (aAbB…zZ), not their codes.

// errPattern is a pattern whose meaning to findstr is not known.
var errPattern = errors.New("findstr pattern")

// byteSet is a set of bytes.
type byteSet [4]uint64

func (s *byteSet) add(c byte)      { s[c>>6] |= 1 << (c & 63) }
func (s *byteSet) has(c byte) bool { return s[c>>6]&(1<<(c&63)) != 0 }

// regexKind is what an element of a pattern matches.
type regexKind uint8

const (
	matchSet  regexKind = iota // one byte of a set
	matchBOL                   // the beginning of the line
	matchEOL                   // the end: before a carriage return
	matchWord                  // the beginning of a word
	matchEnd                   // the end of a word
)

type regexElem struct {
	kind regexKind
	set  byteSet
	star bool
}

// findPattern is one string that findstr looks for.
type findPattern struct {
	literal []byte // if it is not a regular expression
	regex   []regexElem
	fold    bool
	begin   bool // /B
	end     bool // /E
}

// The lengths that findstr takes.
const (
	maxRegex   = 254
	maxLiteral = 511
)

// compileLiteral makes a pattern of plain text.
func compileLiteral(text string, fold bool) findPattern {
	// A doubled backslash is one.
	text = strings.ReplaceAll(text, `\\`, `\`)
	b := []byte(text)
	if fold {
		for i, c := range b {
			b[i] = lowerASCII(c)
		}
	}
	return findPattern{literal: b, fold: fold}
}

// compileRegex makes a pattern of a regular expression.
func compileRegex(text string, fold bool) (findPattern, error) {
	p := findPattern{fold: fold}
	for i := 0; i < len(text); {
		e := regexElem{}
		c := text[i]
		i++
		switch c {
		case '.':
			e.set = anyByte()
		case '^', '$':
			// Elsewhere than in front, or at the end, they are nothing special.
			switch {
			case c == '^' && i == 1:
				e.kind = matchBOL
			case c == '$' && i == len(text):
				e.kind = matchEOL
			default:
				e.literal(c, fold)
			}
		case '[':
			n, err := e.class(text[i:], fold)
			if err != nil {
				return p, err
			}
			i += n
		case '*':
			return p, errPattern // nothing before it to repeat
		case '\\':
			if i == len(text) {
				e.literal('\\', fold)
				break
			}
			switch text[i] {
			case '<':
				e.kind = matchWord
			case '>':
				e.kind = matchEnd
			default:
				e.literal(text[i], fold)
			}
			i++
		default:
			e.literal(c, fold)
		}
		if i < len(text) && text[i] == '*' {
			if e.kind != matchSet {
				return p, errPattern
			}
			e.star = true
			i++
		}
		p.regex = append(p.regex, e)
	}
	return p, nil
}

// anyByte is what a dot matches.
func anyByte() byteSet {
	s := byteSet{^uint64(0), ^uint64(0), ^uint64(0), ^uint64(0)}
	s[0] &^= 1<<'\r' | 1<<'\n'
	return s
}

// literal makes the element one character.
func (e *regexElem) literal(c byte, fold bool) {
	e.set.add(c)
	if fold && isLetterByte(c) {
		e.set.add(c ^ 0x20)
	}
}

func isLetterByte(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }
func isDigitByte(c byte) bool  { return '0' <= c && c <= '9' }

// class reads a class behind its bracket and returns its length.
func (e *regexElem) class(text string, fold bool) (int, error) {
	i := 0
	negated := strings.HasPrefix(text, "^")
	if negated {
		i++
	}
	start := i
	for {
		if i >= len(text) {
			return 0, errPattern
		}
		c := text[i]
		if c == ']' {
			if i == start {
				return 0, errPattern
			}
			break
		}
		if c == '\\' && i+1 < len(text) {
			i++
			c = text[i]
		}
		if i+2 < len(text) && text[i+1] == '-' && text[i+2] != ']' {
			if err := e.span(c, text[i+2], fold); err != nil {
				return 0, err
			}
			i += 3
			continue
		}
		e.literal(c, fold)
		i++
	}
	if negated {
		all := anyByte()
		for k := range all {
			all[k] &^= e.set[k]
		}
		e.set = all
	}
	return i + 1, nil
}

// span adds the characters between two, in the order of Windows. Only the order
// of digits and letters is certain.
func (e *regexElem) span(from, to byte, fold bool) error {
	low, ok := sortRank(from)
	high, ok2 := sortRank(to)
	if !ok || !ok2 || low > high {
		return errPattern
	}
	for c := range 128 {
		if r, ok := sortRank(byte(c)); ok && low <= r && r <= high {
			e.literal(byte(c), fold)
		}
	}
	return nil
}

// sortRank is the place of a digit or letter in the order 0…9aAbB…zZ.
func sortRank(c byte) (int, bool) {
	switch {
	case isDigitByte(c):
		return int(c - '0'), true
	case 'a' <= c && c <= 'z':
		return 10 + 2*int(c-'a'), true
	case 'A' <= c && c <= 'Z':
		return 11 + 2*int(c-'A'), true
	}
	return 0, false
}

// match reports whether the pattern is found in a line, which has no line end;
// cr says that it ended with a carriage return.
func (p *findPattern) match(line []byte, cr bool) bool {
	if p.regex != nil {
		return p.matchRegex(line, cr)
	}
	if len(p.literal) == 0 {
		return false
	}
	if p.fold {
		folded := make([]byte, len(line))
		for i, c := range line {
			folded[i] = lowerASCII(c)
		}
		line = folded
	}
	switch {
	case p.begin && p.end:
		return bytes.Equal(line, p.literal)
	case p.begin:
		return bytes.HasPrefix(line, p.literal)
	case p.end:
		return bytes.HasSuffix(line, p.literal)
	}
	return bytes.Contains(line, p.literal)
}

// states is a set of positions in a pattern, which has at most 254 elements.
type states [4]uint64

func (s *states) add(i int)      { s[i>>6] |= 1 << (i & 63) }
func (s *states) has(i int) bool { return s[i>>6]&(1<<(i&63)) != 0 }

// matchRegex follows all ways through the pattern at once, so that its time does
// not depend on how often they could be tried.
func (p *findPattern) matchRegex(line []byte, cr bool) bool {
	var now states
	for pos := 0; ; pos++ {
		if pos == 0 || !p.begin {
			now.add(0)
		}
		p.close(&now, line, pos, cr)
		if now.has(len(p.regex)) && (!p.end || pos == len(line)) {
			return true
		}
		if pos == len(line) {
			return false
		}
		var then states
		for i, e := range p.regex {
			if !now.has(i) || e.kind != matchSet || !e.set.has(line[pos]) {
				continue
			}
			if e.star {
				then.add(i)
			} else {
				then.add(i + 1)
			}
		}
		now = then
	}
}

// close adds the positions that are reached without a character.
func (p *findPattern) close(s *states, line []byte, pos int, cr bool) {
	for i, e := range p.regex {
		if !s.has(i) {
			continue
		}
		before := pos > 0 && isWordByte(line[pos-1])
		after := pos < len(line) && isWordByte(line[pos])
		ok := false
		switch e.kind {
		case matchSet:
			ok = e.star
		case matchBOL:
			ok = pos == 0
		case matchEOL:
			ok = pos == len(line) && cr
		case matchWord:
			ok = !before && after
		case matchEnd:
			ok = before && !after
		}
		if ok {
			s.add(i + 1)
		}
	}
}

func isWordByte(c byte) bool { return isLetterByte(c) || isDigitByte(c) || c == '_' }

// hasMeta reports whether text has a character with a meaning in patterns that
// no backslash takes away.
func hasMeta(text string) bool {
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
			if i < len(text) && (text[i] == '<' || text[i] == '>') {
				return true
			}
		case '.', '*', '^', '$', '[', ']':
			return true
		}
	}
	return false
}
