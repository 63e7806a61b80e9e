package pslang

// unexpected reports the token that stands here. It is not skipped.
func (p *parser) unexpected() {
	if p.full() {
		return // the name of the token can be as long as the text
	}
	end := p.tokenEnd()
	p.fail(p.extent(p.pos, end), "UnexpectedToken", "Unexpected token '"+p.text[p.pos:end]+"' in expression or statement.")
}

// chain reads pipelines with && and || between them, and an & behind them.
func (p *parser) chain() Statement {
	p.blanks()
	start := p.pos
	s := p.onePipeline(true)
	if s == nil || !p.core {
		return s
	}
	for n := 0; ; n++ {
		p.blanks()
		two := p.text[p.pos:min(p.pos+2, len(p.text))]
		if two != "&&" && two != "||" {
			break
		}
		p.pos += 2
		p.newlines(false)
		right := p.onePipeline(false)
		if right == nil || n > maxChain {
			p.missing("EmptyPipeElement", emptyPipe)
			return s
		}
		s = &Chain{Extent: p.from(start), Left: s, Right: right, And: two == "&&"}
	}
	if p.byteAt(p.pos) == '&' {
		p.pos++
		return background(s)
	}
	return s
}

// background notes the & behind a statement.
func background(s Statement) Statement {
	switch s := s.(type) {
	case *Pipeline:
		s.Background = true
	case *Chain:
		s.Background = true
	case *ExpressionStatement:
		return &Pipeline{s.Extent, []Element{&ExpressionElement{s.Extent, s.X, nil}}, true}
	}
	return s
}

const emptyPipe = "An empty pipe element is not allowed."

// onePipeline reads stages with | between them or, if it may be one, an
// assignment, and complains about what stands between it and the end of a
// statement.
func (p *parser) onePipeline(assign bool) Statement {
	if !p.enter(1) {
		return nil
	}
	defer p.leave(1)
	s := p.stages(assign)
	if s == nil || p.dead {
		return s
	}
	p.blanks()
	switch c := p.byteAt(p.pos); c {
	case 0, '\r', '\n', ';', ')', '}':
	case '&', '|':
		if !p.core {
			p.ampersand()
			p.pos++
		}
	default:
		if _, ok := s.(*Assignment); !ok {
			p.unexpected()
		}
	}
	return s
}

// ampersand reports an & that is not allowed.
func (p *parser) ampersand() {
	p.fail(p.extent(p.pos, p.pos+1), "AmpersandNotAllowed", `The ampersand (&) character is not allowed. The & operator is reserved for future use; `+
		`wrap an ampersand in double quotation marks ("&") to pass it as part of a string.`)
}

// stages reads what a pipeline consists of.
func (p *parser) stages(assign bool) Statement {
	p.blanks()
	start := p.pos
	var elements []Element
	if p.byteAt(p.pos) == '|' {
		p.missingAt(p.extent(p.pos, p.pos+1), "EmptyPipeElement", emptyPipe)
	} else if x := p.expression(); x != nil {
		if assign {
			if s := p.assignment(start, x); s != nil {
				return s
			}
		}
		redirections := p.redirections()
		if redirections == nil && !p.pipeFollows() {
			return &ExpressionStatement{p.from(start), x}
		}
		elements = append(elements, &ExpressionElement{p.from(start), x, redirections})
	} else {
		c := p.command()
		if c == nil {
			return nil
		}
		elements = append(elements, c)
	}
	for p.pipeFollows() && !p.dead {
		p.newlines(false)
		if e := p.stage(); e != nil {
			elements = append(elements, e)
		}
	}
	return &Pipeline{p.from(start), elements, false}
}

// pipeFollows says whether another stage follows. With PowerShell 7 the | may
// stand on the next line.
func (p *parser) pipeFollows() bool {
	p.blanks()
	if c := p.byteAt(p.pos); p.core && (c == '\r' || c == '\n') {
		return p.pipeOnNextLine()
	}
	return p.byteAt(p.pos) == '|' && !(p.core && p.byteAt(p.pos+1) == '|') ||
		!p.core && p.byteAt(p.pos) == '&' && p.byteAt(p.pos+1) == '&'
}

// pipeOnNextLine looks for a | behind one line end or comment lines, and moves
// there if there is one. An empty line ends a pipeline.
func (p *parser) pipeOnNextLine() bool {
	m := p.mark()
	for {
		p.lineEnd()
		line := p.pos
		p.blanks()
		switch c := p.byteAt(p.pos); {
		case c == '|' && p.byteAt(p.pos+1) != '|':
			return true
		case (c == '\r' || c == '\n') && p.hasComment(line):
		default:
			p.reset(m)
			return false
		}
	}
}

// hasComment says whether there is more than white space from an offset on.
func (p *parser) hasComment(from int) bool {
	for i := from; i < p.pos; i++ {
		if p.text[i] == '#' {
			return true
		}
	}
	return false
}

// stage reads the | and the stage behind it, or reports what is wrong.
func (p *parser) stage() Element {
	two := p.text[p.pos:min(p.pos+2, len(p.text))]
	if two == "&&" || two == "||" {
		p.fail(p.extent(p.pos, p.pos+2), "InvalidEndOfLine", "The token '"+two+"' is not a valid statement separator in this version.")
		p.pos += 2
	} else {
		p.pos++
	}
	p.newlines(false)
	start := p.pos
	if x := p.expression(); x != nil {
		at := p.from(start)
		p.fail(at, "ExpressionsMustBeFirstInPipeline", "Expressions are only allowed as the first element of a pipeline.")
		return &ExpressionElement{at, x, p.redirections()}
	}
	c := p.command()
	if c == nil {
		p.missing("EmptyPipeElement", emptyPipe)
		return nil
	}
	return c
}

// assignment reads an assignment whose target has been read, or nil.
func (p *parser) assignment(start int, target Expression) Statement {
	p.blanks()
	op, n := p.assignOperator()
	if n == 0 {
		return nil
	}
	if !assignable(target) || op != OpNone && manyTargets(target) {
		p.fail(target.At(), "InvalidLeftHandSide", "The assignment expression is not valid. The input to an assignment operator must be "+
			"an object that is able to accept assignments, such as a variable or a property.")
	}
	at := p.extent(p.pos, p.pos+n)
	p.pos += n
	p.newlines(false)
	value := p.statement()
	if value == nil {
		p.missing("ExpectedValueExpression", valueExpected(at.Text()))
	}
	return &Assignment{p.from(start), target, op, at, value}
}

// manyTargets says whether a target is a list.
func manyTargets(x Expression) bool {
	switch x := x.(type) {
	case *List:
		return true
	case *Paren:
		s, ok := x.X.(*ExpressionStatement)
		return ok && manyTargets(s.X)
	}
	return false
}

// assignOperator returns the operator of an assignment and its length, or 0.
func (p *parser) assignOperator() (Op, int) {
	c, next := p.byteAt(p.pos), p.byteAt(p.pos+1)
	switch {
	case c == '=':
		return OpNone, 1
	case c == '?' && next == '?' && p.byteAt(p.pos+2) == '=' && p.core:
		return OpCoalesce, 3
	case next == '=' && c == '+':
		return OpAdd, 2
	case next == '=' && c == '*':
		return OpMul, 2
	case next == '=' && c == '/':
		return OpDiv, 2
	case next == '=' && c == '%':
		return OpMod, 2
	}
	if d := p.dash(p.pos); d > 0 && p.byteAt(p.pos+d) == '=' {
		return OpSub, d + 1
	}
	return OpNone, 0
}

// command reads a command, or nil where none starts.
func (p *parser) command() *Command {
	p.blanks()
	start := p.pos
	c := &Command{Call: p.call()}
	if c.Call != CallName {
		op := p.text[start:p.pos]
		p.blanks()
		if c.Name = p.argument(); c.Name == nil {
			p.missing("MissingExpression", missingInElement(op))
			c.Extent = p.from(start)
			return c
		}
	} else if c.Name = p.commandName(); c.Name == nil {
		return nil
	}
	p.arguments(c)
	c.Extent = p.from(start)
	return c
}

func missingInElement(token string) string {
	return "Missing expression after '" + token + "' in pipeline element."
}

// call reads the operator before a command.
func (p *parser) call() Call {
	next := p.byteAt(p.pos + 1)
	switch p.byteAt(p.pos) {
	case '&':
		if next != '&' {
			p.pos++
			return CallAmpersand
		}
	case '.':
		if p.ends(p.pos+1) || next == '$' || p.singleQuote(p.pos+1) > 0 || p.doubleQuote(p.pos+1) > 0 {
			p.pos++
			return CallDot
		}
	}
	return CallName
}

// commandName reads the name of a command that is called without an operator.
// Expressions have been ruled out.
func (p *parser) commandName() Expression {
	if p.byteAt(p.pos) == '@' && p.reserved() {
		return nil
	}
	start := p.pos
	switch c := p.byteAt(p.pos); c {
	case '<', '>', ']':
		// At this place even these are names.
		if p.pos++; c == '>' && p.byteAt(p.pos) == '>' {
			p.pos++
		}
		return &String{p.extent(start, p.pos), p.text[start:p.pos], QuoteBare}
	}
	if p.ends(p.pos) {
		return nil
	}
	if d := p.dash(p.pos); d > 0 {
		if name := p.parameterName(); name != "" {
			return &String{p.extent(start, p.pos), p.text[start:p.pos], QuoteBare}
		}
	}
	return p.word()
}

// reserved reports characters that mean nothing at the start of an argument and
// skips them. It says whether there were any and nothing follows.
func (p *parser) reserved() bool {
	any := false
	for {
		switch c := p.byteAt(p.pos); {
		case c == '<':
			p.fail(p.extent(p.pos, p.pos+1), "RedirectionNotSupported", "The '<' operator is reserved for future use.")
		case c == '&' && p.byteAt(p.pos+1) != '&' && !p.core:
			p.ampersand()
		case c == '@' && !p.atFollows():
			p.fail(p.extent(p.pos, p.pos+1), "UnrecognizedToken", "Unrecognized token in source text.")
		default:
			return any && p.ends(p.pos)
		}
		any = true
		p.pos++
		p.blanks()
	}
}

// atFollows says whether the @ that stands here starts something.
func (p *parser) atFollows() bool {
	r, n := p.runeAt(p.pos + 1)
	return n > 0 && (varStart(r) || r == '(' || r == '{' || p.singleQuote(p.pos+1) > 0 || p.doubleQuote(p.pos+1) > 0)
}
