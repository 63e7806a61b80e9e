package pslang

// maxChain limits how many operators of one precedence may follow each other,
// since each makes the tree deeper.
const maxChain = 10000

// expression reads an expression. It returns nil, and reads nothing but white
// space, where none starts.
func (p *parser) expression() Expression {
	p.blanks()
	start := p.pos
	x := p.binary(precLogical)
	if x == nil || !p.core {
		return x
	}
	p.blanks()
	if p.byteAt(p.pos) != '?' || p.byteAt(p.pos+1) == '?' {
		return x
	}
	return p.ternaryRest(start, x)
}

// ternaryRest reads ? then : else.
func (p *parser) ternaryRest(start int, cond Expression) Expression {
	if !p.enter(1) {
		return cond
	}
	defer p.leave(1)
	p.pos++
	p.ternary++
	p.newlines(false)
	then := p.expression()
	p.ternary--
	if then == nil {
		p.missing("ExpectedValueExpression", valueExpected("?"))
	}
	p.newlines(false)
	if p.byteAt(p.pos) != ':' || p.byteAt(p.pos+1) == ':' {
		if then != nil {
			p.missing("MissingColonInTernaryExpression", "Missing ':' in the ternary expression.")
		}
		return &Ternary{p.from(start), cond, then, nil}
	}
	p.pos++
	p.newlines(false)
	els := p.expression()
	if els == nil {
		p.missing("ExpectedValueExpression", valueExpected(":"))
	}
	return &Ternary{p.from(start), cond, then, els}
}

func valueExpected(op string) string {
	return "You must provide a value expression following the '" + op + "' operator."
}

// binary reads operands with operators of at least a precedence between them.
// All operators lean to the left.
func (p *parser) binary(least int) Expression {
	start := p.pos
	x := p.list()
	if x == nil {
		return nil
	}
	for n := 0; ; n++ {
		p.blanks()
		op, n2 := p.binaryOperator()
		if n2 == 0 || op.precedence < least {
			return x
		}
		if n > maxChain {
			p.enter(maxDepth + 1)
			return x
		}
		at := p.extent(p.pos, p.pos+n2)
		p.pos += n2
		p.newlines(false)
		y := p.binary(op.precedence + 1)
		if y == nil {
			p.missingAt(p.extent(p.after(), p.after()), "ExpectedValueExpression", valueExpected(at.Text()))
			return x
		}
		x = &Binary{p.from(start), op.op, op.sensitive, at, x, y}
	}
}

// list reads operands with commas between them.
func (p *parser) list() Expression {
	start := p.pos
	x := p.unary()
	if x == nil || p.noComma {
		return x
	}
	p.blanks()
	if p.byteAt(p.pos) != ',' {
		return x
	}
	items := []Expression{x}
	for p.byteAt(p.pos) == ',' {
		p.pos++
		p.newlines(false)
		y := p.unary()
		if y == nil {
			p.missing("MissingExpressionAfterToken", "Missing expression after ','.")
			break
		}
		items = append(items, y)
		p.blanks()
	}
	return &List{p.from(start), items}
}

// unary reads an operand with the operators before it.
func (p *parser) unary() Expression {
	if !p.enter(1) {
		return nil
	}
	defer p.leave(1)
	switch c := p.byteAt(p.pos); c {
	case '+':
		return p.signed(1, OpPlus, OpPreInc)
	case '!':
		return p.exclaim()
	case ',':
		start := p.pos
		p.pos++
		p.newlines(false)
		x := p.unary()
		if x == nil {
			p.missing("MissingExpressionAfterOperator", "Missing expression after unary operator ','.")
			return &List{Extent: p.from(start)}
		}
		return &List{p.from(start), []Expression{x}}
	case '[':
		return p.bracketed()
	case '-', 0xE2:
		if n := p.dash(p.pos); n > 0 {
			return p.dashed(n)
		}
	}
	return p.primary()
}

// signed reads what starts with + or -, of n bytes: a number with a sign, an
// increment or a unary operator.
func (p *parser) signed(n int, op, twice Op) Expression {
	start := p.pos
	next := p.byteAt(start + n)
	if op == OpPlus && next == '+' || op == OpNeg && p.dash(start+n) > 0 {
		if op == OpNeg {
			n += p.dash(start + n)
		} else {
			n++
		}
		return p.prefixed(twice, n)
	}
	if next == '=' {
		return nil
	}
	if is(next, isDigit) || next == '.' && is(p.byteAt(start+n+1), isDigit) {
		// What looks like a number and is none is a bare word.
		x := p.number(false)
		if x == nil {
			return nil
		}
		return p.postfix(start, x, false)
	}
	return p.prefixed(op, n)
}

// exclaim reads ! and its operand. Before a letter it starts a bare word.
func (p *parser) exclaim() Expression {
	if r, n := p.runeAt(p.pos + 1); n > 0 && letter(r) {
		return nil
	}
	return p.prefixed(OpNot, 1)
}

// dashed reads what starts with a dash of n bytes.
func (p *parser) dashed(n int) Expression {
	word := p.operatorWord(p.pos + n)
	switch word {
	case "":
		if r, _ := p.runeAt(p.pos + n); letter(r) || r == '?' {
			return nil
		}
		return p.signed(n, OpNeg, OpPreDec)
	case "not":
		return p.prefixed(OpNot, n+len(word))
	case "bnot":
		return p.prefixed(OpBnot, n+len(word))
	case "join":
		return p.prefixed(OpJoin, n+len(word))
	case "split", "isplit", "csplit":
		x := p.prefixed(OpSplit, n+len(word))
		if u, ok := x.(*Unary); ok {
			u.CaseSensitive = word == "csplit"
		}
		return x
	}
	return nil
}

// prefixed reads a unary operator of n bytes and its operand.
func (p *parser) prefixed(op Op, n int) Expression {
	start := p.pos
	at := p.extent(start, start+n)
	p.pos += n
	p.newlines(false)
	x := p.unary()
	if x == nil {
		p.missing("MissingExpressionAfterOperator", "Missing expression after unary operator '"+at.Text()+"'.")
		return &Unary{Extent: at, Op: op, OpAt: at, X: &String{Extent: at}}
	}
	if (op == OpPreInc || op == OpPreDec) && !assignable(x) {
		p.notAssignable(at, x)
	}
	return &Unary{p.from(start), op, false, at, x}
}

// notAssignable reports ++ or -- of something that cannot be assigned to.
func (p *parser) notAssignable(op Extent, x Expression) {
	p.fail(x.At(), "OperatorRequiresVariableOrProperty", "The '"+op.Text()+"' operator works only on variables or on properties.")
}

// assignable says whether something can stand left of an assignment.
func assignable(x Expression) bool {
	switch x := x.(type) {
	case *Variable:
		return !x.Splat
	case *Member:
		return !x.NullConditional
	case *Index:
		return !x.NullConditional
	case *Cast:
		return assignable(x.X)
	case *Attributed:
		return assignable(x.X)
	case *Paren:
		s, ok := x.X.(*ExpressionStatement)
		return ok && assignable(s.X)
	case *List:
		for _, i := range x.Items {
			if !assignable(i) {
				return false
			}
		}
		return true
	}
	return false
}

// primary reads an operand without operators before it, in expression mode.
func (p *parser) primary() Expression {
	start := p.pos
	x := p.atom()
	if x == nil {
		return nil
	}
	x = p.postfix(start, x, false)
	p.blanks()
	op, n := OpNone, 0
	if p.byteAt(p.pos) == '+' && p.byteAt(p.pos+1) == '+' {
		op, n = OpPostInc, 2
	} else if d := p.dash(p.pos); d > 0 && p.dash(p.pos+d) > 0 {
		op, n = OpPostDec, d+p.dash(p.pos+d)
	}
	if n == 0 {
		return x
	}
	at := p.extent(p.pos, p.pos+n)
	if !assignable(x) {
		p.notAssignable(at, x)
	}
	p.pos += n
	return &Unary{p.from(start), op, false, at, x}
}

// atom reads the smallest operand.
func (p *parser) atom() Expression {
	switch c := p.byteAt(p.pos); {
	case c == '(':
		return p.paren()
	case c == '{':
		return p.scriptBlockExpression()
	case c == '@':
		return p.atSign(false)
	case c == '$':
		if p.byteAt(p.pos+1) == '(' {
			return p.subExpression()
		}
		return p.variable()
	case is(c, isDigit):
		// The number of a stream is a number where a value is expected.
		if p.byteAt(p.pos+1) == '>' && c >= '1' && c <= '6' {
			start := p.pos
			p.pos++
			return &Number{p.extent(start, p.pos), int32(c - '0')}
		}
		return p.number(false)
	case c == '.' && is(p.byteAt(p.pos+1), isDigit):
		return p.number(false)
	case p.singleQuote(p.pos) > 0 || p.doubleQuote(p.pos) > 0:
		return p.stringLiteral()
	}
	return nil
}

// atSign reads what starts with @, or nil.
func (p *parser) atSign(argument bool) Expression {
	next := p.pos + 1
	switch c := p.byteAt(next); {
	case c == '(':
		return p.array()
	case c == '{':
		return p.hashtable()
	case p.singleQuote(next) > 0 || p.doubleQuote(next) > 0:
		return p.hereString()
	}
	if argument {
		if r, n := p.runeAt(next); n > 0 && varStart(r) {
			return p.variableArgument()
		}
		return nil
	}
	v := p.variableIn(false)
	if v == nil {
		return nil
	}
	p.splatting(v)
	return v
}

// postfix reads what selects members and elements behind an operand that
// starts at start. White space ends it.
func (p *parser) postfix(start int, x Expression, argument bool) Expression {
	for n := 0; ; n++ {
		for p.byteAt(p.pos) == '<' && p.byteAt(p.pos+1) == '#' {
			p.blockComment()
		}
		c, next := p.byteAt(p.pos), p.byteAt(p.pos+1)
		conditional := p.core && c == '?' && (next == '.' || next == '[')
		if conditional {
			c, next = next, p.byteAt(p.pos+2)
		}
		if n > maxChain {
			p.enter(maxDepth + 1)
			return x
		}
		skip := 1
		if conditional {
			skip = 2
		}
		switch {
		case c == '.' && next != '.':
			if argument && (next == 0 || is(next, isBlank) || next == '\r' || next == '\n') {
				return x
			}
			p.pos += skip
			x = p.member(start, x, false, conditional, argument)
		case c == ':' && next == ':' && !conditional:
			if after := p.byteAt(p.pos + 2); argument && (after == 0 || is(after, isBlank) || after == '\r' || after == '\n') {
				return x
			}
			p.pos += 2
			x = p.member(start, x, true, false, argument)
		case c == '[':
			p.pos += skip
			x = p.index(start, x, conditional)
		default:
			return x
		}
	}
}

// index reads an index behind its bracket.
func (p *parser) index(start int, x Expression, conditional bool) Expression {
	commas := p.noComma
	p.noComma = false
	defer func() { p.noComma = commas }()
	open := p.after()
	p.newlines(false)
	i := p.expression()
	if i == nil {
		p.missingAt(p.extent(open, open), "MissingArrayIndexExpression", "Array index expression is missing or not valid.")
		if p.byteAt(p.pos) == ']' {
			p.pos++
		}
		return x
	}
	p.newlines(false)
	if p.byteAt(p.pos) != ']' {
		p.missing("MissingEndSquareBracket", "Missing ']' after array index expression.")
	} else {
		p.pos++
	}
	return &Index{p.from(start), x, i, conditional}
}

// member reads a member's name behind . or ::, and the arguments of a call.
func (p *parser) member(start int, x Expression, static, conditional, argument bool) Expression {
	if !argument {
		p.newlines(false)
	}
	name := p.memberName()
	if name == nil {
		p.missing("MissingPropertyName", "Missing property name after reference operator.")
		return x
	}
	var types []*TypeName
	if p.core && p.byteAt(p.pos) == '[' {
		types = p.methodTypes()
	}
	switch p.byteAt(p.pos) {
	case '(':
		args := p.methodArguments()
		return &Invoke{p.from(start), x, name, static, conditional, types, args}
	case '{':
		args := []Expression{p.scriptBlockExpression()}
		return &Invoke{p.from(start), x, name, static, conditional, types, args}
	}
	return &Member{p.from(start), x, name, static, conditional}
}

// memberName reads the name of a member, which may be computed.
func (p *parser) memberName() Expression {
	start := p.pos
	if name := p.simpleName(); name != "" {
		return &String{p.extent(start, p.pos), name, QuoteBare}
	}
	switch p.byteAt(p.pos) {
	case '@', '.':
		return nil
	}
	return p.atom()
}

// methodArguments reads the arguments of a method between parentheses.
func (p *parser) methodArguments() []Expression {
	if !p.enter(1) {
		return nil
	}
	defer p.leave(1)
	commas, ternary := p.noComma, p.ternary
	p.noComma, p.ternary = true, 0
	defer func() { p.noComma, p.ternary = commas, ternary }()
	p.pos++
	p.newlines(false)
	var args []Expression
	for comma := false; comma || p.byteAt(p.pos) != ')'; comma = true {
		x := p.expression()
		if x == nil {
			if comma {
				p.missing("MissingExpressionAfterToken", "Missing expression after ','.")
			}
			break
		}
		args = append(args, x)
		p.newlines(false)
		if p.byteAt(p.pos) != ',' {
			break
		}
		p.pos++
		p.newlines(false)
	}
	if p.byteAt(p.pos) != ')' {
		p.missing("MissingEndParenthesisInMethodCall", "Missing ')' in method call.")
		return args
	}
	p.pos++
	return args
}
