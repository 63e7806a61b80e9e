package pslang

import (
	"strings"
	"unicode/utf8"
)

// blanks skips white space, comments and continued lines, but no line ends.
func (p *parser) blanks() {
	from := p.pos
	for p.blank() {
	}
	p.skipped(from)
}

// skipped notes that white space was skipped.
func (p *parser) skipped(from int) {
	if from == p.blankTo && p.blankTo > 0 {
		from = p.blankFrom
	}
	p.blankFrom, p.blankTo = from, p.pos
}

// newlines skips what blanks does, line ends, and semicolons if asked to. It
// says whether there was any of the latter two.
func (p *parser) newlines(semicolons bool) bool {
	from, any := p.pos, false
	for {
		switch c := p.byteAt(p.pos); {
		case c == '\n' || c == '\r' || c == ';' && semicolons:
			p.pos++
			any = true
		case !p.blank():
			p.skipped(from)
			return any
		}
	}
}

// blank skips one stretch of white space or a comment.
func (p *parser) blank() bool {
	if p.pos >= len(p.text) {
		return false
	}
	switch c := p.text[p.pos]; {
	case c == ' ' || c == '\t' || c == '\v' || c == '\f' || c == 0:
		p.pos++
	case c == '#':
		p.lineComment()
	case c == '<':
		if p.byteAt(p.pos+1) != '#' {
			return false
		}
		p.blockComment()
	case c == '`':
		return p.continuation()
	case c >= utf8.RuneSelf:
		r, n := p.runeAt(p.pos)
		if !blankRune(r) {
			return false
		}
		p.pos += n
	default:
		return false
	}
	return true
}

// continuation skips a backtick before a line end or white space.
func (p *parser) continuation() bool {
	switch c := p.byteAt(p.pos + 1); {
	case c == '\r' && p.byteAt(p.pos+2) == '\n':
		p.pos += 3
	case c == '\r' || c == '\n' || is(c, isBlank):
		p.pos += 2
	default:
		r, n := p.runeAt(p.pos + 1)
		if !blankRune(r) {
			return false
		}
		p.pos += 1 + n
	}
	return true
}

// lineComment skips a comment up to the end of the line and keeps what
// #requires says.
func (p *parser) lineComment() {
	start := p.pos
	if i := strings.IndexAny(p.text[p.pos:], "\r\n"); i >= 0 {
		p.pos += i
	} else {
		p.pos = len(p.text)
	}
	const word = "#requires"
	text := p.text[start:p.pos]
	if len(text) > len(word) && strings.EqualFold(text[:len(word)], word) && is(text[len(word)], isBlank) {
		p.requires = append(p.requires, &Requires{p.extent(start, p.pos), strings.TrimSpace(text[len(word):])})
	}
}

// blockComment skips a comment between <# and #>.
func (p *parser) blockComment() {
	start := p.pos
	i := strings.Index(p.text[p.pos+2:], "#>")
	if i >= 0 {
		p.pos += 2 + i + 2
		return
	}
	p.pos = len(p.text)
	p.add(&Error{
		Extent: p.extent(start, start+2), Incomplete: true, ID: "MissingTerminatorMultiLineComment",
		Message: "The terminator '#>' is missing from the multiline comment.",
	})
}

// keyword returns the word at the current place in lower case, if it is a word
// that a bare word consists of; such a word may be a keyword.
func (p *parser) keyword() string {
	i := p.pos
	for i < len(p.text) && is(p.text[i], isLetter) {
		i++
	}
	if i == p.pos || !p.ends(i) {
		return ""
	}
	return lower(p.text[p.pos:i])
}

// takeKeyword skips a certain keyword if it stands here.
func (p *parser) takeKeyword(word string) bool {
	if p.keyword() != word {
		return false
	}
	p.pos += len(word)
	return true
}

// simpleName reads a name of letters, digits and underscores, or returns "".
func (p *parser) simpleName() string {
	start := p.pos
	if r, _ := p.runeAt(p.pos); !letter(r) {
		return ""
	}
	for {
		r, n := p.runeAt(p.pos)
		if n == 0 || !nameRune(r) {
			return p.text[start:p.pos]
		}
		p.pos += n
	}
}

// word reads a bare word in argument mode: everything up to white space or a
// character that ends a word, with quoted parts, escapes and values in it.
func (p *parser) word() Expression {
	start := p.pos
	i := start
	for i < len(p.text) {
		c := p.text[i]
		if c >= utf8.RuneSelf || classes[c]&(isEnder|isSpecial) != 0 {
			break
		}
		i++
	}
	if i >= len(p.text) || is(p.text[i], isEnder) {
		p.pos = i
		return &String{p.extent(start, i), p.text[start:i], QuoteBare}
	}
	if p.text[start:] == "`" {
		p.add(&Error{
			Extent: p.extent(start+1, start+1), ID: "IncompleteString", Incomplete: true, Message: "Incomplete string token.",
		})
	}
	b := p.builder(QuoteBare)
	for !p.ends(p.pos) {
		p.wordPart(&b)
	}
	return b.finish(start)
}

// wordPart reads the next part of a bare word.
func (p *parser) wordPart(b *builder) {
	if n := p.singleQuote(p.pos); n > 0 {
		p.verbatimBody(b, n)
		return
	}
	if n := p.doubleQuote(p.pos); n > 0 {
		p.expandableBody(b, n)
		return
	}
	switch p.text[p.pos] {
	case '`':
		b.escape()
	case '$':
		b.dollar(false)
	default:
		_, n := p.runeAt(p.pos)
		b.literal(p.pos, n)
		p.pos += n
	}
}

// tokenEnd finds the end of the token that stands at the current place, as
// argument mode has it. Messages name the tokens that are not expected so.
func (p *parser) tokenEnd() int {
	q := p.skimmer()
	r, n := q.runeAt(q.pos)
	two := q.text[q.pos:min(q.pos+2, len(q.text))]
	switch {
	case n == 0:
		return q.pos
	case two == "&&" || two == "||" || two == ">>" || two == "@(" || two == "@{" || two == "$(":
		return q.pos + 2
	case q.dash(q.pos) > 0 && q.parameterName() != "":
		if q.byteAt(q.pos) == ':' {
			q.pos++
		}
	case q.singleQuote(q.pos) > 0 || q.doubleQuote(q.pos) > 0:
		q.stringLiteral()
	case two == "@'" || two == `@"`:
		q.hereString()
	case r == '$' || r == '@':
		q.variableArgument()
	case strings.ContainsRune("()]{},;|&<>", r):
		return q.pos + n
	case r >= '0' && r <= '9':
		if q.number(true) == nil {
			q.word()
		}
	default:
		q.word()
	}
	return max(q.pos, p.pos+n)
}
