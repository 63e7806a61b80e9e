package cmdsh

import "strings"

// Phase 2, the characters: carets, quotes, delimiters, words and redirections.

// parser reads statements. It asks for another line where one is not enough.
type parser struct {
	// next returns the next line, percent-expanded; ok is false at the end.
	// It is nil where there is only one line.
	next  func() (line string, from origin, ok bool, err error)
	buf   string
	from  origin
	pos   int
	line  int  // number of the line in buf, from 1
	depth int  // open parentheses
	eof   bool // there is no further line
	plain bool // the command extensions are off
	err   error
}

// syntaxError is what cmd says about a statement that it cannot parse.
type syntaxError struct {
	message string
	place   place
}

func (e *syntaxError) Error() string { return strings.TrimRight(e.message, "\r\n") }

const syntaxIncorrect = "The syntax of the command is incorrect.\r\n"

// peek returns the character at the cursor; a line ends in '\n'.
func (p *parser) peek() byte {
	if p.pos < len(p.buf) {
		return p.buf[p.pos]
	}
	return '\n'
}

// peekAt returns the character n further on.
func (p *parser) peekAt(n int) byte {
	if p.pos+n < len(p.buf) {
		return p.buf[p.pos+n]
	}
	return '\n'
}

// newline moves over a line end. It returns false at the end of the text.
func (p *parser) newline() bool {
	if p.pos < len(p.buf) { // a variable had a line end in it
		p.pos++
		return true
	}
	if p.next == nil || p.eof {
		p.eof = true
		return false
	}
	line, from, ok, err := p.next()
	if err != nil || !ok {
		p.eof = true
		p.err = err
		return false
	}
	p.buf, p.from, p.pos = strings.ReplaceAll(line, "\r", ""), from, 0
	p.line++
	return true
}

// here is the place of the cursor in the text as written.
func (p *parser) here() place { return place{p.line, p.from.of(p.pos)} }

// unexpected is the error for what stands at the cursor.
func (p *parser) unexpected() error {
	if p.err != nil {
		return p.err
	}
	at := p.here()
	if p.peek() == '\n' {
		return &syntaxError{syntaxIncorrect, at}
	}
	return &syntaxError{unexpected(p.token()), at}
}

// token returns the operator or word at the cursor.
func (p *parser) token() string {
	start := p.pos
	switch c := p.peek(); c {
	case '&', '|':
		p.pos++
		if p.peek() == c {
			p.pos++
		}
	case '<', '>':
		p.pos++
		if p.peek() == c {
			p.pos++
		}
	case '(', ')':
		p.pos++
	default:
		word, _, _ := p.word(0)
		return word
	}
	return p.buf[start:p.pos]
}

// delimiter returns how many bytes of delimiter stand at i: one, two for a
// no-break space, or none.
func delimiter(s string, i int) int {
	switch s[i] {
	case ' ', '\t', ',', ';', '=', '\v', '\f':
		return 1
	case 0xC2:
		if i+1 < len(s) && s[i+1] == 0xA0 {
			return 2
		}
	}
	return 0
}

// skip moves over delimiters.
func (p *parser) skip() {
	for p.pos < len(p.buf) {
		n := delimiter(p.buf, p.pos)
		if n == 0 {
			return
		}
		p.pos += n
	}
}

// special reports whether c, where it is neither quoted nor escaped, ends what
// is being read.
func (p *parser) special(c byte) bool {
	switch c {
	case '&', '|', '<', '>', '\n':
		return true
	case ')':
		return p.depth > 0
	}
	return false
}

// escaped reads what follows a caret: the next character as it is. At the end
// of a line the next line goes on, its first character escaped; an empty line
// there is a line end in the text.
func (p *parser) escaped(b *strings.Builder) {
	p.pos++
	if p.peek() == '\n' {
		if !p.newline() {
			return
		}
		if p.peek() == '\n' {
			b.WriteByte('\n')
			p.newline()
			return
		}
	}
	b.WriteByte(p.buf[p.pos])
	p.pos++
}

// word reads a word: up to a delimiter or special character that is neither
// quoted nor escaped, or to stop if that is not 0. quoted says that it begins
// with a quote; ok is false if there is nothing.
func (p *parser) word(stop byte) (text string, quoted, ok bool) {
	if quoted = p.peek() == '"'; !quoted {
		if text, ok := p.bareWord(stop); ok {
			return text, false, text != ""
		}
	}
	var b strings.Builder
	inQuotes := false
	for {
		c := p.peek()
		switch {
		case c == '\n':
			return b.String(), quoted, b.Len() > 0
		case c == '"':
			inQuotes = !inQuotes
		case inQuotes:
		case c == '^':
			p.escaped(&b)
			continue
		case p.special(c), c == stop && stop != 0, delimiter(p.buf, p.pos) > 0:
			return b.String(), quoted, b.Len() > 0
		}
		b.WriteByte(c)
		p.pos++
	}
}

// bareWord reads a word without carets and quotes, the usual case, without a
// copy.
func (p *parser) bareWord(stop byte) (string, bool) {
	for i := p.pos; ; i++ {
		if i == len(p.buf) {
			text := p.buf[p.pos:]
			p.pos = i
			return text, true
		}
		c := p.buf[i]
		if c == '^' || c == '"' {
			return "", false
		}
		if c == stop && stop != 0 || p.special(c) || delimiter(p.buf, i) > 0 {
			text := p.buf[p.pos:i]
			p.pos = i
			return text, true
		}
	}
}

// redirection reads a redirection if one begins at the cursor, with its digit.
func (p *parser) redirection() (r redir, ok bool, err error) {
	c := p.peek()
	r.handle = -1
	if isDigit(c) && (p.peekAt(1) == '<' || p.peekAt(1) == '>') {
		r.handle = int(c - '0')
		r.place = p.here()
		p.pos++
		c = p.peek()
	}
	if c != '<' && c != '>' {
		return r, false, nil
	}
	r, err = p.operator(r.handle)
	return r, true, err
}

// skipToRedirection moves over delimiters that a redirection follows. Before
// anything else they belong to the arguments.
func (p *parser) skipToRedirection() {
	start := p.pos
	p.skip()
	c := p.peek()
	if c == '<' || c == '>' || isDigit(c) && (p.peekAt(1) == '<' || p.peekAt(1) == '>') {
		return
	}
	p.pos = start
}

// operator reads a redirection from its operator on.
func (p *parser) operator(handle int) (redir, error) {
	r := redir{handle: handle, dup: -1, place: p.here()}
	c := p.peek()
	if r.op = string(c); p.peekAt(1) == '>' && c == '>' {
		r.op = ">>"
		p.pos++
	}
	p.pos++
	if r.handle < 0 {
		r.handle = 0
		if c == '>' {
			r.handle = 1
		}
	}
	if c == '<' && p.peek() == '<' {
		p.pos--
		return r, p.unexpected()
	}
	if p.peek() == '&' {
		p.pos++
		p.skip()
		if !isDigit(p.peek()) {
			p.pos--
			return r, p.unexpected()
		}
		r.dup = int(p.peek() - '0')
		p.pos++
		return r, nil
	}
	p.skip()
	text, _, ok := p.word(0)
	if !ok {
		return r, p.unexpected()
	}
	r.target = text
	return r, nil
}
