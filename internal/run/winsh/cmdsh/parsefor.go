package cmdsh

import (
	"strings"
	"unicode/utf8"
)

// Phase 2, the statements of IF and FOR.

// comparison reports whether a word is an operator of IF besides ==.
func comparison(word string) bool {
	switch strings.ToUpper(word) {
	case "EQU", "NEQ", "LSS", "LEQ", "GTR", "GEQ":
		return true
	}
	return false
}

// ifStatement parses IF after its name.
func (p *parser) ifStatement(c *command) (node, error) {
	n := &ifNode{place: c.place, word: c.name}
	if err := p.condition(&n.cond); err != nil {
		return nil, err
	}
	var err error
	if n.then, err = p.body(); err != nil {
		return nil, err
	}
	if p.skip(); p.keyword("else") {
		n.elsWord = p.buf[p.pos-len("else") : p.pos]
		if n.els, err = p.body(); err != nil {
			return nil, err
		}
	}
	return n, nil
}

// body parses the statements that IF, ELSE or DO has, of which there must be one.
func (p *parser) body() (node, error) {
	if p.skip(); p.peek() == '\n' {
		return nil, p.unexpected()
	}
	n, err := p.list()
	if err == nil && n == nil {
		err = p.unexpected()
	}
	return n, err
}

// keyword moves over a word of letters if it stands at the cursor.
func (p *parser) keyword(word string) bool {
	end := p.pos + len(word)
	if end > len(p.buf) || !strings.EqualFold(p.buf[p.pos:end], word) {
		return false
	}
	if end < len(p.buf) && p.buf[end] != '(' && !p.special(p.buf[end]) && delimiter(p.buf, end) == 0 {
		return false
	}
	p.pos = end
	return true
}

// condition parses what IF decides by.
func (p *parser) condition(c *condition) error {
	var first string
	for {
		p.skip()
		word, quoted, ok := p.word(0)
		if !ok {
			return p.unexpected()
		}
		switch low := strings.ToLower(word); {
		case !quoted && low == "not":
			c.not, c.notWord = !c.not, word
			continue
		case !quoted && !p.plain && low == "/i":
			c.fold = true
			continue
		case !quoted && (low == "exist" || low == "errorlevel" || !p.plain && (low == "defined" || low == "cmdextversion")):
			p.skip()
			operand, _, ok := p.word(0)
			if !ok {
				return p.unexpected()
			}
			c.op, c.opWord, c.right = low, word, operand
			return nil
		}
		first = word
		break
	}
	for p.peek() == ' ' || p.peek() == '\t' || p.peek() == ',' || p.peek() == ';' {
		p.pos++
	}
	c.left = first
	switch {
	case p.peek() == '=' && p.peekAt(1) == '=':
		p.pos += 2
		c.op = "=="
	case p.peek() == '=':
		at := p.here()
		p.pos++
		word, _, _ := p.word(0)
		return &syntaxError{unexpected("=" + word), at}
	default:
		p.skip()
		at := p.pos
		word, _, ok := p.word(0)
		if !ok || p.plain || !comparison(word) {
			p.pos = at
			return p.unexpected()
		}
		c.op = strings.ToUpper(word)
	}
	p.skip()
	right, _, ok := p.word(0)
	if !ok {
		return p.unexpected()
	}
	c.right = right
	return nil
}

// forStatement parses FOR after its name.
func (p *parser) forStatement(c *command) (node, error) {
	n := &forNode{place: c.place, words: [3]string{c.name}}
	word, err := p.forSwitches(n)
	if err != nil {
		return nil, err
	}
	r, size := utf8.DecodeRuneInString(word[min(1, len(word)):])
	if word[0] != '%' || size == 0 || 1+size != len(word) {
		return nil, &syntaxError{unexpected(word), c.place}
	}
	n.variable = r
	if n.file {
		n.fileOptions, n.badOption = parseFileOptions(n.options)
	}
	if p.skip(); !p.keyword("in") {
		return nil, p.unexpected()
	}
	n.words[1] = p.buf[p.pos-len("in") : p.pos]
	if p.skip(); p.peek() != '(' {
		return nil, p.unexpected()
	}
	p.pos++
	if n.set, err = p.set(); err != nil {
		return nil, err
	}
	if p.skip(); !p.keyword("do") {
		return nil, p.unexpected()
	}
	n.words[2] = p.buf[p.pos-len("do") : p.pos]
	n.body, err = p.body()
	return n, err
}

// forSwitches reads the switches of FOR with what belongs to them, and the word
// after them.
func (p *parser) forSwitches(n *forNode) (string, error) {
	for {
		p.skip()
		word, _, ok := p.word(0)
		if !ok {
			return "", p.unexpected()
		}
		if word[0] != '/' || p.plain {
			if (n.file || n.tree) && n.options == "" && word[0] != '%' {
				n.options = word
				continue
			}
			return word, nil
		}
		switch strings.ToLower(word[1:]) {
		case "d":
			n.dirs = true
		case "r":
			n.tree = true
		case "l":
			n.count = true
		case "f":
			n.file = true
		default:
			return "", &syntaxError{unexpected(word), p.here()}
		}
	}
}

// set reads what stands between the parentheses of FOR. Delimiters become single
// blanks, line ends too.
func (p *parser) set() (string, error) {
	var b strings.Builder
	inQuotes, gap := false, false
	p.depth++
	defer func() { p.depth-- }()
	for {
		c := p.peek()
		switch {
		case c == '\n':
			inQuotes, gap = false, true
			if !p.newline() {
				return "", &syntaxError{syntaxIncorrect, p.here()}
			}
			continue
		case c == '"':
			inQuotes = !inQuotes
		case inQuotes:
		case c == ')':
			p.pos++
			return b.String(), nil
		case p.special(c):
			return "", p.unexpected()
		case delimiter(p.buf, p.pos) > 0:
			gap = true
			p.pos += delimiter(p.buf, p.pos)
			continue
		}
		if gap && b.Len() > 0 {
			b.WriteByte(' ')
		}
		gap = false
		if c == '^' && !inQuotes {
			p.escaped(&b)
			continue
		}
		b.WriteByte(c)
		p.pos++
	}
}
