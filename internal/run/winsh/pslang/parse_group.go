package pslang

// group opens a construct in which commas are operators again. The function it
// returns closes it; it is nil where the construct is too deep.
func (p *parser) group() func() {
	if !p.enter(1) {
		return nil
	}
	commas, ternary := p.noComma, p.ternary
	p.noComma, p.ternary = false, 0
	return func() {
		p.noComma, p.ternary = commas, ternary
		p.leave(1)
	}
}

// paren reads ( pipeline ).
func (p *parser) paren() Expression {
	start := p.pos
	leave := p.group()
	if leave == nil {
		return nil
	}
	defer leave()
	p.pos++
	open := p.pos
	p.newlines(false)
	s := p.chain()
	if s == nil {
		p.missingAt(p.extent(open, open), "ExpectedExpression", "An expression was expected after '('.")
		if p.byteAt(p.pos) == ')' {
			p.pos++
		}
		return &Paren{Extent: p.from(start)}
	}
	p.newlines(false)
	if p.byteAt(p.pos) != ')' {
		p.missing("MissingEndParenthesisInExpression", "Missing closing ')' in expression.")
	} else {
		p.pos++
	}
	return &Paren{p.from(start), s}
}

// subExpression reads $( statements ).
func (p *parser) subExpression() Expression {
	start := p.pos
	leave := p.group()
	if leave == nil {
		return nil
	}
	defer leave()
	b := p.statementsInParens()
	return &SubExpression{p.from(start), b}
}

// array reads @( statements ).
func (p *parser) array() Expression {
	start := p.pos
	leave := p.group()
	if leave == nil {
		return nil
	}
	defer leave()
	b := p.statementsInParens()
	return &Array{p.from(start), b}
}

// statementsInParens reads the rest of $( ) and @( ).
func (p *parser) statementsInParens() *Block {
	p.pos += 2
	b := p.statements()
	if p.byteAt(p.pos) != ')' {
		p.missing("MissingEndParenthesisInSubexpression", "Missing closing ')' in subexpression.")
	} else {
		p.pos++
	}
	return b
}

// scriptBlockExpression reads { … } as a value.
func (p *parser) scriptBlockExpression() Expression {
	b := p.scriptBlock()
	if b == nil {
		return nil
	}
	return &ScriptBlockExpression{b.Extent, b}
}

// hashtable reads @{ key = value … }.
func (p *parser) hashtable() Expression {
	start := p.pos
	leave := p.group()
	if leave == nil {
		return nil
	}
	defer leave()
	p.pos += 2
	h := &Hashtable{}
	for !p.dead {
		p.newlines(true)
		if c := p.byteAt(p.pos); c == '}' || p.pos >= len(p.text) {
			break
		}
		if !p.pair(h) {
			break
		}
	}
	if p.byteAt(p.pos) != '}' {
		p.missingAt(p.extent(start+2, start+2), "MissingEndCurlyBrace", missingBrace)
	} else {
		p.pos++
	}
	h.Extent = p.from(start)
	p.duplicateKeys(h)
	return h
}

const missingBrace = "Missing closing '}' in statement block or type definition."

// pair reads one entry of a hashtable and says whether another may follow.
func (p *parser) pair(h *Hashtable) bool {
	before := p.pos
	key := p.hashKey()
	p.blanks()
	switch equals := p.byteAt(p.pos) == '='; {
	case key == nil && equals:
		p.missingAt(p.extent(p.pos, p.pos+1), "MissingKeyInHashLiteral", "Missing key before '=' in hash literal.")
	case !equals:
		p.missing("MissingEqualsInHashLiteral", "Missing '=' operator after key in hash literal.")
		p.skipPair()
		return p.pos > before
	}
	p.pos++
	p.newlines(false)
	value := p.statement()
	if value == nil {
		p.missing("MissingStatementInHashLiteral", "Missing statement after '=' in hash literal.")
		p.skipPair()
	}
	h.Pairs = append(h.Pairs, Pair{key, value})
	return true
}

// skipPair skips the rest of an entry that is wrong.
func (p *parser) skipPair() {
	for !p.dead && p.pos < len(p.text) {
		p.blanks()
		switch p.byteAt(p.pos) {
		case '}', ';', '\r', '\n', ')', '{':
			return
		}
		p.skipToken()
	}
}

// hashKey reads a key: a bare name or an operand.
func (p *parser) hashKey() Expression {
	start := p.pos
	if name := p.simpleName(); name != "" {
		return &String{p.extent(start, p.pos), name, QuoteBare}
	}
	commas := p.noComma
	p.noComma = true
	defer func() { p.noComma = commas }()
	return p.unary()
}

// duplicateKeys reports keys that are there twice, as far as they are literal.
func (p *parser) duplicateKeys(h *Hashtable) {
	if len(h.Pairs) < 2 {
		return
	}
	seen := make(map[any]bool, len(h.Pairs))
	for _, e := range h.Pairs {
		var key any
		switch k := e.Key.(type) {
		case *String:
			key = lower(k.Value)
		case *Number:
			if i, ok := k.Value.(int32); ok {
				key = i
			}
		}
		if key == nil {
			continue
		}
		if seen[key] {
			p.fail(e.Key.At(), "DuplicateKeyInHashLiteral", "Duplicate keys '"+e.Key.At().Text()+"' are not allowed in hash literals.")
		}
		seen[key] = true
	}
}
