package cmdsh

import "strings"

// Phase 2, the statements.
//
// From the weakest to the strongest: & and line ends, ||, &&, |, and what they
// join: commands and blocks. IF and FOR take all that follows them; an ELSE is
// one only where a command has ended before it, which is after a parenthesis.

// statement parses the next line, and as many more as it needs. ok is false at
// the end of the text.
func (p *parser) statement() (n node, ok bool, err error) {
	p.pos = len(p.buf)
	if !p.newline() {
		return nil, false, p.err
	}
	n, err = p.list()
	if err == nil && p.err != nil {
		err = p.err
	}
	if err != nil {
		return nil, true, err
	}
	if p.skip(); p.peek() != '\n' {
		return nil, true, p.unexpected()
	}
	return n, true, nil
}

// parseLine parses a line that stands alone.
func parseLine(line string, from origin, plain bool) (node, error) {
	read := false
	p := &parser{plain: plain, next: func() (string, origin, bool, error) {
		if read {
			return "", nil, false, nil
		}
		read = true
		return line, from, true, nil
	}}
	n, _, err := p.statement()
	return n, err
}

// list parses commands joined by &.
func (p *parser) list() (node, error) {
	n, err := p.or()
	if err != nil {
		return nil, err
	}
	var all *seq
	for {
		p.skip()
		if p.peek() != '&' || p.peekAt(1) == '&' {
			return n, nil
		}
		if n == nil {
			return nil, p.unexpected()
		}
		p.pos++
		right, err := p.or()
		if err != nil {
			return nil, err
		}
		if right == nil {
			if p.skip(); p.peek() == '&' {
				return nil, p.unexpected()
			}
			return n, nil // a & at the end is allowed
		}
		if all == nil {
			all = &seq{items: []node{n}}
			n = all
		}
		all.items = append(all.items, right)
		all.lf = append(all.lf, false)
	}
}

func (p *parser) or() (node, error) {
	left, err := p.and()
	if err != nil || !p.at('|', true) {
		return left, err
	}
	if left == nil {
		return nil, p.unexpected()
	}
	p.pos += 2
	right, err := p.or()
	if err != nil {
		return nil, err
	}
	if right == nil {
		return nil, p.unexpected()
	}
	return &orElse{left, right}, nil
}

func (p *parser) and() (node, error) {
	left, err := p.pipe()
	if err != nil || !p.at('&', true) {
		return left, err
	}
	if left == nil {
		return nil, p.unexpected()
	}
	p.pos += 2
	right, err := p.and()
	if err != nil {
		return nil, err
	}
	if right == nil {
		return nil, p.unexpected()
	}
	return &andThen{left, right}, nil
}

func (p *parser) pipe() (node, error) {
	left, err := p.primary()
	if err != nil || !p.at('|', false) {
		return left, err
	}
	if left == nil {
		return nil, p.unexpected()
	}
	p.pos++
	right, err := p.pipe()
	if err != nil {
		return nil, err
	}
	if right == nil {
		return nil, p.unexpected()
	}
	return &pipe{left, right}, nil
}

// at reports whether an operator stands at the cursor: c, once or doubled.
func (p *parser) at(c byte, doubled bool) bool {
	p.skip()
	return p.peek() == c && (p.peekAt(1) == c) == doubled
}

// nesting bounds how deep blocks are parsed.
const nesting = 500

// primary parses a command, a block, or one of those behind an @. It is nil
// where nothing stands.
func (p *parser) primary() (node, error) {
	p.skip()
	switch c := p.peek(); {
	case c == '@':
		p.pos++
		body, err := p.list()
		if err != nil || body == nil {
			return nil, err
		}
		return &silent{body}, nil
	case c == ':':
		return p.label()
	case c == ')' && p.depth == 0 && p.lonely():
		p.rest()
		return nil, nil
	}
	var redirs []redir
	for {
		p.skip()
		r, ok, err := p.redirection()
		if err != nil {
			return nil, err
		}
		if !ok {
			break
		}
		redirs = append(redirs, r)
	}
	switch c := p.peek(); {
	case c == '(':
		return p.group(redirs)
	case p.special(c):
		if redirs != nil {
			return nil, p.unexpected()
		}
		return nil, nil
	}
	return p.command(redirs)
}

// lonely reports whether the parenthesis at the cursor stands for itself: cmd
// takes it as a remark then.
func (p *parser) lonely() bool {
	switch c := p.peekAt(1); c {
	case '\n', '&', '|', '<', '>', '(':
		return true
	default:
		return delimiter(p.buf, p.pos+1) > 0
	}
}

// rest moves to the end of the line, and of those that a caret appends.
func (p *parser) rest() {
	for p.peek() != '\n' {
		if p.peek() == '^' && p.peekAt(1) == '\n' {
			p.pos++
			if !p.newline() {
				return
			}
			continue
		}
		p.pos++
	}
}

// label parses what begins with a colon. On a line of its own it is no command.
// In a block a command has to follow it on the next line, whose parenthesis is
// nothing special then.
func (p *parser) label() (node, error) {
	p.rest()
	if p.depth == 0 {
		return nil, nil
	}
	if !p.newline() {
		return nil, p.unexpected()
	}
	if p.skip(); p.special(p.peek()) {
		return nil, p.unexpected()
	}
	return p.command(nil)
}

// group parses a block.
func (p *parser) group(redirs []redir) (node, error) {
	p.pos++
	p.depth++
	if p.depth > nesting {
		return nil, &syntaxError{syntaxIncorrect, p.here()}
	}
	body, err := p.block()
	p.depth--
	if err != nil {
		return nil, err
	}
	p.pos++
	for {
		p.skip()
		r, ok, err := p.redirection()
		if err != nil {
			return nil, err
		}
		if !ok {
			return &group{body: body, redirs: redirs}, nil
		}
		redirs = append(redirs, r)
	}
}

// block parses the statements up to the closing parenthesis.
func (p *parser) block() (node, error) {
	all := &seq{}
	for {
		p.skip()
		switch p.peek() {
		case '\n':
			if !p.newline() {
				if p.err != nil {
					return nil, p.err
				}
				return nil, &syntaxError{syntaxIncorrect, p.here()}
			}
			continue
		case ')':
			switch len(all.items) {
			case 0:
				return nil, p.unexpected()
			case 1:
				return all.items[0], nil
			}
			return all, nil
		}
		p.refetch()
		n, err := p.list()
		if err != nil {
			return nil, err
		}
		if p.skip(); p.peek() != '\n' && p.peek() != ')' {
			return nil, p.unexpected()
		}
		if n == nil && p.peek() == ')' && len(all.items) == 0 {
			return nil, p.unexpected()
		}
		if n != nil {
			all.items = append(all.items, n)
			all.lf = append(all.lf, true)
		}
	}
}

// refetch is a quirk: in a block cmd reads the first word of a statement twice,
// and of one that a caret continues on another line it has only that line the
// second time.
func (p *parser) refetch() {
	if !strings.HasSuffix(p.buf, "^") {
		return
	}
	start, line := p.pos, p.line
	p.word(0)
	if p.pos = 0; p.line == line {
		p.pos = start
	}
}

// command parses a command from its name on.
func (p *parser) command(redirs []redir) (node, error) {
	c := &command{redirs: redirs, place: p.here()}
	name, quoted, _ := p.word('(')
	if name == "" && p.peek() == '(' { // after a label it is nothing special
		p.pos++
		name, quoted, _ = p.word('(')
		name = "(" + name
	}
	if i := strings.IndexByte(name, '/'); i > 0 && strings.HasSuffix(p.buf[:p.pos], name) {
		if strings.EqualFold(name[:i], "if") || strings.EqualFold(name[:i], "for") { // "for/f"
			p.pos -= len(name) - i
			name = name[:i]
		}
	}
	c.name = name
	if !quoted {
		isIf, isFor := len(name) == 2 && strings.EqualFold(name, "if"), len(name) == 3 && strings.EqualFold(name, "for")
		switch {
		case (isIf || isFor) && redirs != nil:
			return nil, &syntaxError{unexpected(name), c.place}
		case isIf:
			return p.ifStatement(c)
		case isFor:
			return p.forStatement(c)
		case len(name) == 3 && strings.EqualFold(name, "rem"):
			c.rem = true
			p.remark(c)
			return c, p.err
		}
	}
	if err := p.arguments(c); err != nil {
		return nil, err
	}
	c.forVar = strings.IndexByte(c.name, '%') >= 0 || strings.IndexByte(c.args, '%') >= 0
	c.bang = strings.IndexByte(c.name, '!') >= 0 || strings.IndexByte(c.args, '!') >= 0
	return c, nil
}

// arguments reads the rest of a command: everything up to the next operator,
// without redirections.
func (p *parser) arguments(c *command) error {
	start := p.pos
	for i := p.pos; ; i++ { // the usual case has nothing to remove
		if i == len(p.buf) || p.buf[i] != '^' && p.buf[i] != '"' && p.special(p.buf[i]) && p.buf[i] != '<' && p.buf[i] != '>' {
			p.pos = i
			c.args = p.buf[start:i]
			return nil
		}
		if p.buf[i] == '^' || p.buf[i] == '"' || p.buf[i] == '<' || p.buf[i] == '>' {
			break
		}
	}
	var b strings.Builder
	inQuotes, digit, delim := false, false, true
	for {
		ch := p.peek()
		switch {
		case ch == '\n':
			c.args = b.String()
			return nil
		case ch == '"':
			inQuotes = !inQuotes
		case inQuotes:
		case ch == '^':
			p.escaped(&b)
			digit, delim = false, false
			continue
		case ch == '<' || ch == '>':
			handle := -1
			if digit { // "2>" is not an argument
				text := b.String()
				handle = int(text[len(text)-1] - '0')
				b.Reset()
				b.WriteString(text[:len(text)-1])
			}
			r, err := p.operator(handle)
			if err != nil {
				return err
			}
			c.redirs = append(c.redirs, r)
			p.skipToRedirection()
			digit, delim = false, true
			continue
		case p.special(ch):
			c.args = b.String()
			return nil
		}
		digit = isDigit(ch) && delim && !inQuotes
		delim = !inQuotes && (ch == '"' || ch == '(' || ch == ')' || delimiter(p.buf, p.pos) > 0)
		b.WriteByte(ch)
		p.pos++
	}
}

// remark reads what follows REM, whatever it is. A caret at the end of its first
// word appends the next line, which is all that is left of the text then.
func (p *parser) remark(c *command) {
	start, quoted := p.pos, false
	for p.skip(); p.peek() != '\n'; p.pos++ {
		ch := p.peek()
		if ch == '"' {
			quoted = !quoted
		}
		if quoted {
			continue
		}
		if ch == '^' && p.peekAt(1) != '\n' {
			p.pos++
		} else if ch == '^' {
			if p.pos++; !p.newline() {
				return
			}
			if start = p.pos; p.peek() == '\n' {
				break
			}
		} else if p.special(ch) || delimiter(p.buf, p.pos) > 0 {
			break
		}
	}
	for p.pos = start; p.peek() != '\n'; {
		p.pos++
	}
	c.args = p.buf[start:p.pos]
}
