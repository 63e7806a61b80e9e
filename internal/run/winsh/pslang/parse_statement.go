package pslang

// statement reads one statement, or returns nil where none starts.
func (p *parser) statement() Statement {
	if !p.enter(1) {
		return nil
	}
	defer p.leave(1)
	p.blanks()
	start := p.pos
	if p.byteAt(start) == ':' {
		if s := p.labelled(); s != nil {
			return s
		}
	}
	if p.byteAt(start) == '[' && !p.attributesOfForeign() {
		return p.chain()
	}
	word := p.keyword()
	if word == "" {
		return p.chain()
	}
	if s := p.loop(start, word, ""); s != nil {
		return s
	}
	switch word {
	case "if":
		return p.ifStatement()
	case "try":
		return p.try()
	case "trap":
		return p.trap()
	case "break", "continue", "return", "exit", "throw":
		p.pos += len(word)
		return p.flow(start, word)
	case "function", "filter":
		return p.function(word)
	case "data", "class", "enum", "workflow", "configuration", "parallel", "sequence", "interface":
		return p.foreign(start, word)
	case "using":
		u := p.using()
		p.fail(u.Extent, "UsingMustBeAtStartOfScript", "A 'using' statement must appear before any other statements in a script.")
		return u
	case "from":
		p.fail(p.extent(start, start+4), "FromKeywordNotAllowed", "The 'from' keyword is not supported in this version of the language.")
		p.pos += 4
		return p.chain()
	case "define", "var":
		p.pos += len(word)
		at := p.extent(start, p.pos)
		p.fail(at, "ReservedKeywordNotAllowed", "The '"+at.Text()+"' keyword is not supported in this version of the language.")
		return p.chain()
	}
	return p.chain()
}

// labelled reads a loop behind its label, or nothing where a bare word with a
// colon stands.
func (p *parser) labelled() Statement {
	m := p.mark()
	p.pos++
	label := p.simpleName()
	if label == "" || !p.ends(p.pos) {
		p.reset(m)
		return nil
	}
	p.newlines(false)
	if s := p.loop(m.pos, p.keyword(), label); s != nil {
		return s
	}
	p.reset(m)
	return nil
}

// loop reads a loop or a switch, whose keyword is the next word, or nil.
func (p *parser) loop(start int, word, label string) Statement {
	switch word {
	case "while", "do", "for", "foreach", "switch":
	default:
		return nil
	}
	written := p.take(word)
	p.loops++
	defer func() { p.loops-- }()
	switch word {
	case "while":
		return p.while(start, label, written)
	case "do":
		return p.do(start, label, written)
	case "for":
		return p.forLoop(start, label, written)
	case "foreach":
		return p.forEach(start, label, written)
	}
	return p.switchStatement(start, label)
}

// take skips a keyword and returns it as it is written, since messages show it
// so.
func (p *parser) take(word string) string {
	p.pos += len(word)
	return p.text[p.pos-len(word) : p.pos]
}

func openExpected(word string) string {
	return "Missing opening '(' after keyword '" + word + "'."
}

// open reads the ( behind a keyword.
func (p *parser) open(word string) bool {
	p.newlines(false)
	if p.byteAt(p.pos) != '(' {
		p.missing("MissingOpenParenthesisAfterKeyword", openExpected(word))
		return false
	}
	p.pos++
	p.newlines(false)
	return true
}

// condition reads ( pipeline ) behind the keyword of a loop.
func (p *parser) condition(word string) (Statement, bool) {
	if !p.open(word) {
		return nil, false
	}
	leave := p.group()
	if leave == nil {
		return nil, false
	}
	defer leave()
	s := p.chain()
	if s == nil {
		p.missing("MissingExpressionAfterKeyword", "Missing expression after '"+word+"' in loop.")
		return nil, false
	}
	return s, p.close(word)
}

// close reads the ) behind an expression.
func (p *parser) close(word string) bool {
	p.newlines(false)
	if p.byteAt(p.pos) != ')' {
		p.missing("MissingEndParenthesisAfterStatement", closeExpected(word))
		return false
	}
	p.pos++
	return true
}

func closeExpected(word string) string {
	return "Missing closing ')' after expression in '" + word + "' statement."
}

// required reads a block that must be there.
func (p *parser) required(id, message string) *Block {
	m := p.mark()
	p.newlines(false)
	if p.byteAt(p.pos) == '{' {
		return p.block()
	}
	p.missing(id, message)
	p.reset(mark{m.pos, m.blankFrom, m.blankTo, len(p.errs.List), len(p.requires)})
	return nil
}

func (p *parser) loopBody(word string) *Block {
	return p.required("MissingLoopStatement", "Missing statement body in "+word+" loop.")
}

func (p *parser) while(start int, label, written string) Statement {
	w := &While{Label: label}
	ok := false
	if w.Cond, ok = p.condition(written); ok {
		w.Body = p.loopBody(written)
	}
	w.Extent = p.from(start)
	return w
}

func (p *parser) do(start int, label, written string) Statement {
	d := &DoWhile{Label: label}
	if d.Body = p.loopBody(written); d.Body != nil {
		p.newlines(false)
		switch word := p.keyword(); word {
		case "while", "until":
			d.Until = word == "until"
			d.Cond, _ = p.condition(p.take(word))
		default:
			p.missing("MissingWhileOrUntilInDoWhile", "Missing while or until keyword in do loop.")
		}
	}
	d.Extent = p.from(start)
	return d
}

func (p *parser) forLoop(start int, label, written string) Statement {
	f := &For{Label: label}
	if p.open(written) && p.forHead(f, written) {
		f.Body = p.loopBody(written)
	}
	f.Extent = p.from(start)
	return f
}

// forHead reads the three parts between the parentheses of a for, which
// semicolons or line ends separate.
func (p *parser) forHead(f *For, written string) bool {
	leave := p.group()
	if leave == nil {
		return false
	}
	defer leave()
	part := func() Statement {
		p.newlines(false)
		s := p.onePipeline(true)
		p.blanks()
		return s
	}
	separator := func() bool {
		if p.byteAt(p.pos) == ';' {
			p.pos++
			return true
		}
		return p.newlines(false) && p.byteAt(p.pos) != ')'
	}
	f.Init = part()
	if separator() {
		f.Cond = part()
		if separator() {
			f.Next = part()
		}
	}
	return p.close(written)
}

const foreachForm = "\nThe correct form is: foreach ($a in $b) {...}"

func (p *parser) forEach(start int, label, written string) Statement {
	f := &ForEach{Label: label}
	defer func() { f.Extent = p.from(start) }()
	p.blanks()
	for p.dash(p.pos) > 0 {
		at := p.pos
		name := lower(p.parameterName())
		switch name {
		case "parallel":
			f.Parallel = true
		case "throttlelimit":
			f.Parallel = true
			p.blanks()
			p.argument()
		default:
			p.fail(p.extent(at, max(p.pos, at+1)), "InvalidForeachFlag", "The parameter "+p.text[at:p.pos]+" is not valid for the foreach statement.")
			p.pos = max(p.pos, at+1)
		}
		p.blanks()
	}
	if !p.open(written) {
		return f
	}
	leave := p.group()
	if leave == nil {
		return f
	}
	ok := p.forEachHead(f)
	leave()
	if ok {
		f.Body = p.required("MissingForeachStatement", "Missing statement body in foreach loop."+foreachForm)
	}
	return f
}

// forEachHead reads $var in pipeline ).
func (p *parser) forEachHead(f *ForEach) bool {
	if c := p.byteAt(p.pos); c == '$' || c == '@' {
		f.Var = p.variableIn(false)
	}
	if f.Var == nil {
		p.missing("MissingVariableNameAfterForeach", "Missing variable name after foreach."+foreachForm)
		return false
	}
	if f.Var.Splat {
		p.splatting(f.Var)
	}
	p.newlines(false)
	if !p.takeKeyword("in") {
		p.missing("MissingInInForeach", "Missing 'in' after variable in foreach loop."+foreachForm)
		return false
	}
	p.newlines(false)
	if f.In = p.chain(); f.In == nil {
		p.missing("MissingForeachExpression", "Missing expression in foreach loop."+foreachForm)
		return false
	}
	p.newlines(false)
	if p.byteAt(p.pos) != ')' {
		p.missing("MissingEndParenthesisAfterForeach", "Missing closing ')' after expression part of foreach loop."+foreachForm)
		return false
	}
	p.pos++
	return true
}

func (p *parser) ifStatement() Statement {
	start := p.pos
	s := &If{}
	defer func() { s.Extent = p.from(start) }()
	for {
		word := p.take(p.keyword())
		p.newlines(false)
		if p.byteAt(p.pos) != '(' {
			p.missing("MissingOpenParenthesisInIfStatement", "Missing '(' after '"+word+"' in if statement.")
			return s
		}
		p.pos++
		cond, ok := p.ifCondition(word)
		if !ok {
			return s
		}
		body := p.required("MissingStatementBlock", "Missing statement block after "+word+" ( condition ).")
		s.Clauses = append(s.Clauses, IfClause{cond, body})
		if body == nil {
			return s
		}
		m := p.mark()
		p.newlines(false)
		switch p.keyword() {
		case "elseif":
			continue
		case "else":
			p.pos += len("else")
			s.Else = p.required("MissingStatementBlockAfterElse", "Missing statement block after 'else' keyword.")
		default:
			p.reset(m)
		}
		return s
	}
}

// ifCondition reads the condition of an if up to its parenthesis.
func (p *parser) ifCondition(word string) (Statement, bool) {
	leave := p.group()
	if leave == nil {
		return nil, false
	}
	defer leave()
	p.newlines(false)
	cond := p.chain()
	if cond == nil {
		p.missing("IfStatementMissingCondition", "Missing condition in if statement after '"+word+" ('.")
		return nil, false
	}
	p.newlines(false)
	if p.pos < len(p.text) && p.byteAt(p.pos) != ')' {
		// Alone among its kind, this error is shown at the token found.
		p.missingAt(p.extent(p.pos, p.tokenEnd()), "MissingEndParenthesisAfterStatement", closeExpected(word))
		return cond, false
	}
	return cond, p.close(word)
}

func (p *parser) try() Statement {
	start := p.pos
	t := &Try{}
	defer func() { t.Extent = p.from(start) }()
	p.pos += len("try")
	if t.Body = p.required("MissingTryStatementBlock", "The Try statement is missing its statement block."); t.Body == nil {
		return t
	}
	for {
		m := p.mark()
		p.newlines(false)
		at := p.pos
		switch p.keyword() {
		case "catch":
			p.pos += len("catch")
			c := p.catch(at)
			t.Catches = append(t.Catches, c)
			if c.Body != nil {
				continue
			}
			return t
		case "finally":
			p.pos += len("finally")
			finally, loops := p.finally, p.loops
			p.finally, p.loops = true, 0
			t.Finally = p.required("MissingFinallyStatementBlock", "The Finally block is missing its statement block.")
			p.finally, p.loops = finally, loops
			return t
		}
		p.reset(m)
		if t.Catches == nil {
			p.missing("MissingCatchOrFinally", "The Try statement is missing its Catch or Finally block.")
		}
		return t
	}
}

// catch reads the types and the body of a catch.
func (p *parser) catch(start int) *Catch {
	c := &Catch{}
	defer func() { c.Extent = p.from(start) }()
	p.newlines(false)
	for p.byteAt(p.pos) == '[' {
		b, ok := p.bracket()
		if !ok {
			return c
		}
		if b.typ == nil {
			p.fail(b.extent, "UnexpectedAttribute", "Unexpected attribute '"+b.attribute.Type.Name+"'.")
			b.typ = b.attribute.Type
		}
		c.Types = append(c.Types, b.typ)
		p.newlines(false)
		if p.byteAt(p.pos) != ',' {
			break
		}
		p.pos++
		p.newlines(false)
		if p.byteAt(p.pos) != '[' {
			p.missing("MissingTypeLiteralToken", "Missing type literal.")
			return c
		}
	}
	c.Body = p.required("MissingCatchHandlerBlock", "The Catch block is missing its statement block.")
	return c
}

func (p *parser) trap() Statement {
	start := p.pos
	t := &Trap{}
	p.pos += len("trap")
	p.newlines(false)
	if p.byteAt(p.pos) == '[' {
		if b, ok := p.bracket(); ok && b.typ != nil {
			t.Type = b.typ
		}
	}
	t.Body = p.required("MissingTrapStatement", "The 'trap' statement was incomplete. A trap statement requires a body.")
	t.Extent = p.from(start)
	return t
}
