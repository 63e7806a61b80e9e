package pslang

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// builder collects the parts of a string or a bare word. Literal text that
// stands in the source as it is is not copied.
type builder struct {
	p     *parser
	quote Quote
	parts []Expression
	// The current literal part starts at the offset start. Its text is
	// text[start:end], followed by buf once something had to be translated.
	start, end int
	buf        []byte
	open       bool
	// stop is where the current literal part ends.
	stop int
}

func (p *parser) builder(q Quote) builder { return builder{p: p, quote: q} }

// literal adds n bytes of the text as they are.
func (b *builder) literal(from, n int) {
	if n > 0 {
		b.stop = from + n
	}
	switch {
	case n == 0:
	case !b.open:
		b.open, b.start, b.end, b.buf = true, from, from+n, nil
	case b.buf == nil && b.end == from:
		b.end += n
	default:
		b.bytes()
		b.buf = append(b.buf, b.p.text[from:from+n]...)
	}
}

// bytes switches the current part from a stretch of the text to a buffer.
func (b *builder) bytes() {
	if b.buf == nil {
		b.buf = append(make([]byte, 0, b.end-b.start+32), b.p.text[b.start:b.end]...)
	}
}

// translated adds a character that stands in the text in another form, which
// began at the offset from.
func (b *builder) translated(from int, r rune) {
	if !b.open {
		b.open, b.start, b.end, b.buf = true, from, from, nil
	}
	b.bytes()
	b.buf = utf8.AppendRune(b.buf, r)
	b.stop = b.p.pos
}

// flush ends the current literal part.
func (b *builder) flush() {
	if !b.open {
		return
	}
	b.open = false
	b.parts = append(b.parts, &String{b.p.extent(b.start, b.stop), b.value(), b.quote})
}

func (b *builder) value() string {
	if b.buf != nil {
		return string(b.buf)
	}
	return b.p.text[b.start:b.end]
}

// add adds a value.
func (b *builder) add(e Expression) {
	b.flush()
	b.parts = append(b.parts, e)
}

// finish makes the node of what was collected, from the offset start on.
func (b *builder) finish(start int) Expression {
	at := b.p.extent(start, b.p.pos)
	if b.parts == nil {
		value := ""
		if b.open {
			value = b.value()
		}
		return &String{at, value, b.quote}
	}
	b.flush()
	return &Expandable{at, b.parts, b.quote}
}

// escape reads a backtick and what it escapes.
func (b *builder) escape() {
	p := b.p
	start := p.pos
	p.pos++
	r, n := p.runeAt(p.pos)
	if n == 0 {
		b.literal(start, 1)
		return
	}
	p.pos += n
	switch r {
	case '0':
		r = 0
	case 'a':
		r = '\a'
	case 'b':
		r = '\b'
	case 'f':
		r = '\f'
	case 'n':
		r = '\n'
	case 'r':
		r = '\r'
	case 't':
		r = '\t'
	case 'v':
		r = '\v'
	case 'e':
		if p.core {
			r = 0x1B
		}
	case 'u':
		if p.core {
			r = p.unicodeEscape(start)
		}
	}
	b.translated(start, r)
}

// unicodeEscape reads the braces of `u{…}.
func (p *parser) unicodeEscape(start int) rune {
	const invalid = "The Unicode escape sequence is not valid. A valid sequence is `u{ followed by one to six hex digits and a closing '}'."
	if p.byteAt(p.pos) != '{' {
		p.fail(p.extent(start, p.pos), "InvalidUnicodeEscapeSequence", invalid)
		return 'u'
	}
	p.pos++
	digits := p.pos
	for p.pos < len(p.text) && hexDigit(p.text[p.pos]) {
		p.pos++
	}
	text, stop := p.text[digits:p.pos], p.pos
	value, _ := strconv.ParseUint(text, 16, 32)
	switch c := p.byteAt(stop); {
	case len(text) > 6:
		p.pos = digits + 6
		p.fail(p.extent(p.pos, p.pos+1), "TooManyDigitsInUnicodeEscapeSequence",
			"The Unicode escape sequence contains more than the maximum of six hex digits between braces.")
	case c != '}' && len(text) == 6:
		p.fail(p.extent(stop, min(stop+1, len(p.text))), "MissingUnicodeEscapeSequenceTerminator",
			"The Unicode escape sequence is missing the closing '}'.")
	case c != '}':
		p.fail(p.extent(stop, min(stop+1, len(p.text))), "InvalidUnicodeEscapeSequence", invalid)
	case text == "":
		p.pos++
		p.fail(p.extent(start, p.pos), "InvalidUnicodeEscapeSequence", invalid)
	case value > utf8.MaxRune:
		p.pos++
		p.fail(p.extent(digits, stop), "InvalidUnicodeEscapeSequenceValue",
			"The Unicode escape sequence value is out of range. The maximum value is 0x10FFFF.")
	default:
		p.pos++
	}
	return rune(value)
}

func hexDigit(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

// dollar reads a $ within a string or a bare word: a variable, $( ) or a plain
// dollar sign.
func (b *builder) dollar(here bool) {
	p := b.p
	start := p.pos
	if p.byteAt(p.pos+1) == '(' {
		b.add(p.nestedSubExpression(here))
		return
	}
	if v := p.variableIn(b.quote == QuoteDouble || b.quote == QuoteBare || here); v != nil {
		b.add(v)
		return
	}
	b.literal(start, 1)
	p.pos = start + 1
}

// stringLiteral reads a quoted string that starts here.
func (p *parser) stringLiteral() Expression {
	start := p.pos
	if n := p.singleQuote(start); n > 0 {
		b := p.builder(QuoteSingle)
		p.verbatimBody(&b, n)
		return b.finish(start)
	}
	b := p.builder(QuoteDouble)
	p.expandableBody(&b, p.doubleQuote(start))
	return b.finish(start)
}

// verbatimBody reads a string in single quotes, the first of which has n bytes.
func (p *parser) verbatimBody(b *builder, n int) {
	start := p.pos
	p.pos += n
	for p.pos < len(p.text) {
		run := p.pos
		for p.pos < len(p.text) && p.text[p.pos] != '\'' && p.text[p.pos] != 0xE2 {
			p.pos++
		}
		b.literal(run, p.pos-run)
		if p.pos == len(p.text) {
			break
		}
		n := p.singleQuote(p.pos)
		if n == 0 {
			_, n = p.runeAt(p.pos)
			b.literal(p.pos, n)
			p.pos += n
			continue
		}
		p.pos += n
		next := p.singleQuote(p.pos)
		if next == 0 {
			return
		}
		b.literal(p.pos, next)
		p.pos += next
	}
	p.unterminated(start, "'")
}

// expandableBody reads a string in double quotes, the first of which has n
// bytes.
func (p *parser) expandableBody(b *builder, n int) {
	start := p.pos
	p.pos += n
	for p.pos < len(p.text) {
		run := p.pos
		for p.pos < len(p.text) {
			if c := p.text[p.pos]; c == '"' || c == '`' || c == '$' || c == 0xE2 {
				break
			}
			p.pos++
		}
		b.literal(run, p.pos-run)
		if p.pos == len(p.text) {
			break
		}
		switch p.text[p.pos] {
		case '`':
			b.escape()
			continue
		case '$':
			b.dollar(false)
			continue
		}
		n := p.doubleQuote(p.pos)
		if n == 0 {
			_, n = p.runeAt(p.pos)
			b.literal(p.pos, n)
			p.pos += n
			continue
		}
		p.pos += n
		next := p.doubleQuote(p.pos)
		if next == 0 {
			return
		}
		b.literal(p.pos, next)
		p.pos += next
	}
	p.unterminated(start, `"`)
}

// unterminated reports a string without an end. It reaches to the end of the
// text.
func (p *parser) unterminated(start int, terminator string) {
	p.add(&Error{
		Extent: p.extent(start, len(p.text)), ID: "TerminatorExpectedAtEndOfString", Incomplete: true,
		Message: "The string is missing the terminator: " + terminator + ".",
	})
}

// hereString reads a here-string, which starts with @ and a quote.
func (p *parser) hereString() Expression {
	start := p.pos
	quote, close, q := QuoteHereDouble, p.doubleQuote, `"`
	if p.singleQuote(start+1) > 0 {
		quote, close, q = QuoteHereSingle, p.singleQuote, "'"
	}
	p.pos += 1 + close(start+1)
	for is(p.byteAt(p.pos), isBlank) {
		p.pos++
	}
	b := p.builder(quote)
	if !p.lineEnd() {
		if p.pos >= len(p.text) {
			p.unterminated(start, q+"@")
			return b.finish(start)
		}
		p.fail(p.extent(p.pos, p.pos+1), "UnexpectedCharactersAfterHereStringHeader",
			"No characters are allowed after a here-string header but before the end of the line.")
	}
	p.hereBody(&b, start, close, q)
	return b.finish(start)
}

// lineEnd skips one line end.
func (p *parser) lineEnd() bool {
	switch p.byteAt(p.pos) {
	case '\r':
		p.pos++
		if p.byteAt(p.pos) == '\n' {
			p.pos++
		}
		return true
	case '\n':
		p.pos++
		return true
	}
	return false
}

// hereBody reads the lines of a here-string and its end. The last line end
// before the closing quote does not belong to the value.
func (p *parser) hereBody(b *builder, start int, close func(int) int, q string) {
	footer := func() bool {
		n := close(p.pos)
		if n == 0 || p.byteAt(p.pos+n) != '@' {
			return false
		}
		p.pos += n + 1
		return true
	}
	indented := -1
	if footer() {
		return
	}
	for p.pos < len(p.text) {
		at := p.pos
		switch c := p.text[p.pos]; {
		case c == '\r' || c == '\n':
			p.lineEnd()
			eol := p.pos
			if footer() {
				return
			}
			b.literal(at, eol-at)
			if indented < 0 {
				indented = p.indentedFooter(close)
			}
		case c == '`' && b.quote == QuoteHereDouble:
			b.escape()
		case c == '$' && b.quote == QuoteHereDouble:
			b.dollar(true)
		default:
			run := p.pos
			for p.pos < len(p.text) && !strings.ContainsRune("\r\n`$", rune(p.text[p.pos])) {
				p.pos++
			}
			if p.pos == run {
				p.pos++
			}
			b.literal(run, p.pos-run)
		}
	}
	if indented >= 0 {
		p.fail(p.extent(indented, indented+1), "WhitespaceBeforeHereStringFooter",
			"White space is not allowed before the string terminator.")
		return
	}
	p.unterminated(start, q+"@")
}

// indentedFooter looks for white space and the end of a here-string, which is
// what most people forget when a here-string does not end.
func (p *parser) indentedFooter(close func(int) int) int {
	i := p.pos
	for is(p.byteAt(i), isBlank) {
		i++
	}
	if n := close(i); i > p.pos && n > 0 && p.byteAt(i+n) == '@' {
		return i
	}
	return -1
}

// nestedSubExpression reads $( ) within a string or a bare word. PowerShell
// finds its end by counting parentheses, wherever they stand, and takes one of
// each two double quotes away (and a backtick before a double quote) before it
// reads what is inside.
func (p *parser) nestedSubExpression(here bool) Expression {
	start := p.pos
	text, origin := p.nestedText(here)
	if text == "" {
		p.pos = len(p.text)
		p.add(&Error{
			Extent: p.extent(start, start+2), ID: "IncompleteDollarSubexpressionReference", Incomplete: true,
			Message: "$(subexpression) is missing the closing ')'.",
		})
		return &SubExpression{p.extent(start, p.pos), &Block{Extent: p.extent(start, p.pos)}}
	}
	const weight = 10
	if p.skim || !p.enter(weight) {
		return &SubExpression{p.extent(start, p.pos), &Block{Extent: p.extent(start, p.pos)}}
	}
	defer p.leave(weight)
	q := *p
	q.text, q.origin, q.noComma, q.ternary = text, origin, false, 0
	q.pos, q.blankFrom, q.blankTo = 0, 0, 0
	if origin == nil {
		q.pos = start
	}
	e := q.subExpression()
	q.blanks()
	if q.pos < len(q.text) && !q.dead {
		q.unexpected()
	}
	if q.dead {
		p.die()
	}
	p.requires = q.requires
	return e
}

// nestedText finds the end of the $( ) that starts here and moves behind it.
// The text is the parser's own up to there, or, with origins, a new one.
func (p *parser) nestedText(here bool) (string, []int) {
	start := p.pos
	depth := 0
	var dropped []int
	for i := start + 1; i < len(p.text); {
		switch c := p.text[i]; c {
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				p.pos = i + 1
				return p.nestedCopy(start, i+1, dropped)
			}
		case '`', '"', 0xE2:
			n := p.doubleQuote(i)
			if c == '`' {
				n = 1
			}
			if next := p.doubleQuote(i + n); n > 0 && next > 0 && !here {
				dropped = append(dropped, i)
				i += n + next
				continue
			}
		}
		i++
	}
	return "", nil
}

// nestedCopy returns the text of a nested expression without what was dropped.
func (p *parser) nestedCopy(start, end int, dropped []int) (string, []int) {
	if dropped == nil && p.origin == nil {
		return p.text[:end], nil
	}
	text := make([]byte, 0, end-start)
	origin := make([]int, 0, end-start+1)
	for i := start; i < end; i++ {
		if len(dropped) > 0 && dropped[0] == i {
			dropped = dropped[1:]
			_, n := p.runeAt(i)
			i += n - 1
			continue
		}
		text = append(text, p.text[i])
		origin = append(origin, p.origOffset(i))
	}
	return string(text), append(origin, p.origOffset(end))
}
