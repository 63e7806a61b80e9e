package pslang

import "strings"

// flow reads what follows break, continue, return, exit and throw.
func (p *parser) flow(start int, word string) Statement {
	switch word {
	case "break", "continue":
		return p.jump(start, word)
	}
	p.blanks()
	var value Statement
	// A value may be a call: return & $block.
	call := p.byteAt(p.pos) == '&' && p.byteAt(p.pos+1) != '&'
	if call || !p.commandEnds() {
		value = p.chain()
	}
	at := p.from(start)
	switch word {
	case "return":
		if p.finally {
			p.leavesFinally(at)
		}
		return &Return{at, value}
	case "exit":
		return &Exit{at, value}
	}
	return &Throw{at, value}
}

// jump reads the label of break and continue.
func (p *parser) jump(start int, word string) Statement {
	p.blanks()
	var label Expression
	from := p.pos
	if name := p.simpleName(); name != "" {
		label = &String{p.extent(from, p.pos), name, QuoteBare}
	} else if !p.commandEnds() {
		label = p.primary()
	}
	at := p.from(start)
	if p.finally && p.loops == 0 {
		p.leavesFinally(at)
	}
	if word == "break" {
		return &Break{at, label}
	}
	return &Continue{at, label}
}

func (p *parser) leavesFinally(at Extent) {
	p.fail(at, "ControlLeavingFinally", "Flow of control cannot leave a Finally block.")
}

// function reads a function or a filter.
func (p *parser) function(word string) Statement {
	start := p.pos
	f := &Function{Filter: word == "filter", Body: &ScriptBlock{}}
	defer func() { f.Extent = p.from(start) }()
	written := p.take(word)
	p.newlines(false)
	name, ok := p.functionName()
	if !ok {
		p.missing("MissingNameAfterKeyword", "Missing name after "+written+" keyword.")
		return f
	}
	f.Name = name
	if i := strings.IndexByte(name, ':'); i > 0 {
		switch s := scopeOf(lower(name[:i])); s {
		case ScopeGlobal, ScopeLocal, ScopeScript, ScopePrivate:
			f.Scope, f.Name = s, name[i+1:]
		}
	}
	p.newlines(false)
	if p.byteAt(p.pos) == '(' {
		f.Body.HasParam = true
		if f.Body.Params, ok = p.params(); !ok {
			return f
		}
		p.newlines(false)
	}
	if p.byteAt(p.pos) != '{' {
		p.missing("MissingFunctionBody", "Missing function body in function declaration.")
		return f
	}
	p.functionBody(f.Body)
	if f.Filter && !f.Body.Named {
		f.Body.Process, f.Body.End = f.Body.End, nil
	}
	return f
}

// functionBody reads the body of a function into b, which has the parameters
// already.
func (p *parser) functionBody(b *ScriptBlock) {
	start := p.pos
	leave := p.group()
	if leave == nil {
		return
	}
	defer leave()
	finally, loops := p.finally, p.loops
	p.finally, p.loops = false, 0
	defer func() { p.finally, p.loops = finally, loops }()
	p.pos++
	if !p.body(b) {
		p.closeBrace(start)
	}
	b.Extent = p.from(start)
}

// functionName reads the name of what is defined.
func (p *parser) functionName() (string, bool) {
	if p.ends(p.pos) {
		return "", false
	}
	s, ok := p.word().(*String)
	if !ok {
		return "", false
	}
	return s.Value, true
}

// foreign reads a statement that evaluators refuse, as far as needed to find
// its end.
func (p *parser) foreign(start int, word string) Statement {
	m := p.mark()
	p.pos += len(word)
	u := &Unsupported{Keyword: word}
	p.blanks()
	switch word {
	case "parallel", "sequence":
		// These are words like others outside of a workflow.
		if p.byteAt(p.pos) != '{' {
			p.reset(m)
			return p.chain()
		}
	case "data":
		u.Name = p.simpleName()
		p.dataCommands()
	default:
		name, ok := p.functionName()
		if !ok {
			p.missing("MissingNameAfterKeyword", "Missing name after "+word+" keyword.")
			u.Extent = p.from(start)
			return u
		}
		u.Name = name
		if word == "workflow" && p.core {
			p.fail(p.extent(m.pos, m.pos+len(word)), "WorkflowNotSupportedInPowerShellCore", "Workflow is not supported in PowerShell 6+.")
		}
	}
	p.foreignHead()
	if p.byteAt(p.pos) != '{' {
		id, message := "MissingFunctionBody", "Missing function body in function declaration."
		if word == "data" {
			id, message = "MissingStatementBlockForDataSection", "The Data section is missing its statement block."
		}
		p.missing(id, message)
	} else {
		p.skipBraces()
	}
	u.Extent = p.from(start)
	return u
}

// foreignHead skips what stands before the braces: the bases of a class, the
// parameters of a workflow.
func (p *parser) foreignHead() {
	for !p.dead {
		p.newlines(false)
		switch c := p.byteAt(p.pos); {
		case c == '(':
			q := p.skimmer()
			q.skipGroup('(', ')')
			p.pos = q.pos
		case is(c, isLetter|isDigit) || c != 0 && strings.IndexByte(":,.[]`+", c) >= 0:
			p.pos++
		default:
			return
		}
	}
}

// attributesOfForeign skips the attributes before a class or an enumeration, if
// that is what they stand before.
func (p *parser) attributesOfForeign() bool {
	q := p.skimmer()
	for q.byteAt(q.pos) == '[' {
		q.skipGroup('[', ']')
		q.newlines(false)
	}
	switch q.keyword() {
	case "class", "enum", "interface":
		p.pos = q.pos
		return true
	}
	return false
}

// dataCommands reads -SupportedCommand and its list.
func (p *parser) dataCommands() {
	p.blanks()
	if p.dash(p.pos) == 0 {
		return
	}
	at := p.pos
	name := lower(p.parameterName())
	if name == "" || !strings.HasPrefix("supportedcommand", name) {
		p.fail(p.extent(at, max(p.pos, at+1)), "InvalidParameterForDataSectionStatement",
			`The "`+name+`" parameter of the Data section is not valid. The valid Data section parameter is SupportedCommand.`)
	}
	p.blanks()
	p.argumentList()
}

// skipBraces skips { … } without reading what is inside.
func (p *parser) skipBraces() {
	start := p.pos
	q := p.skimmer()
	closed := q.skipGroup('{', '}')
	p.pos = q.pos
	if !closed {
		p.missingAt(p.extent(start, start+1), "MissingEndCurlyBrace", missingBrace)
	}
}

// skipGroup skips what stands between two characters, the first of which is
// here, and both of them.
func (p *parser) skipGroup(open, close byte) bool {
	for depth := 0; p.pos < len(p.text); {
		p.newlines(true)
		switch c := p.byteAt(p.pos); c {
		case open:
			depth++
			p.pos++
		case close:
			p.pos++
			if depth--; depth == 0 {
				return true
			}
		case '{', '}':
			p.pos++
		default:
			p.skipToken()
		}
	}
	return false
}

// skipToken skips a string, a bare word or a single character.
func (p *parser) skipToken() {
	p.newlines(false)
	if p.pos >= len(p.text) {
		return
	}
	if p.singleQuote(p.pos) > 0 || p.doubleQuote(p.pos) > 0 {
		p.stringLiteral()
		return
	}
	next := p.pos + 1
	switch c := p.text[p.pos]; {
	case c == '@' && (p.singleQuote(next) > 0 || p.doubleQuote(next) > 0):
		p.hereString()
	case c == '$' && p.byteAt(next) == '{':
		p.variable()
	case c == '`':
		_, n := p.runeAt(next)
		p.pos += 1 + n
	case p.ends(p.pos):
		if c != '{' && c != '}' {
			p.pos++
		}
	default:
		_, n := p.runeAt(p.pos)
		p.pos += n
		for is(p.byteAt(p.pos), isLetter|isDigit) {
			p.pos++
		}
	}
}

// switchStatement reads what follows the keyword.
func (p *parser) switchStatement(start int, label string) Statement {
	s := &Switch{Label: label}
	defer func() { s.Extent = p.from(start) }()
	subject := p.switchFlags(s)
	p.newlines(false)
	switch {
	case p.byteAt(p.pos) == '(' && s.File == nil:
		subject = p.switchSubject(s)
	case s.File == nil && subject:
		p.missing("PipelineValueRequired", valueRequired)
		subject = false
	case p.byteAt(p.pos) == '(':
		p.fail(p.extent(p.pos, p.pos+1), "PipelineValueRequired", valueRequired)
		p.paren()
	}
	if !subject {
		return s
	}
	p.newlines(false)
	if p.byteAt(p.pos) != '{' {
		p.missing("MissingCurlyBraceInSwitchStatement", "Missing '{' in switch statement.")
		return s
	}
	p.switchBody(s)
	return s
}

const valueRequired = "A switch statement must have one of the following:  '-file file_name' or '( expression )'."

// switchFlags reads the parameters of a switch and says whether its subject can
// follow.
func (p *parser) switchFlags(s *Switch) bool {
	for {
		p.newlines(false)
		if p.dash(p.pos) == 0 {
			return true
		}
		at := p.pos
		name := lower(p.parameterName())
		prefix := func(full string) bool { return name != "" && strings.HasPrefix(full, name) }
		switch {
		case prefix("regex"):
			s.Mode = SwitchRegex
		case prefix("wildcard"):
			s.Mode = SwitchWildcard
		case prefix("exact"):
			s.Mode = SwitchExact
		case prefix("casesensitive"):
			s.CaseSensitive = true
		case prefix("parallel"):
			s.Parallel = true
		case prefix("file"):
			p.blanks()
			if !p.commandEnds() {
				s.File = p.argument()
			}
			if s.File == nil {
				p.missing("MissingFilenameOption", "Cannot process the 'switch' statement because of a missing file name argument to the -file option.")
				return false
			}
		default:
			p.pos = max(p.pos, at+1)
			p.fail(p.extent(at, p.pos), "InvalidSwitchFlag", "The parameter "+p.text[at:p.pos]+" is not valid for the switch statement.")
		}
	}
}

// switchSubject reads ( pipeline ).
func (p *parser) switchSubject(s *Switch) bool {
	leave := p.group()
	if leave == nil {
		return false
	}
	defer leave()
	p.pos++
	p.newlines(false)
	if s.Subject = p.chain(); s.Subject == nil {
		p.missing("PipelineValueRequired", valueRequired)
	}
	p.newlines(false)
	if p.byteAt(p.pos) != ')' {
		if s.Subject != nil {
			p.missing("MissingEndParenthesisInSwitchStatement", "Missing ')' after expression in switch statement.")
		}
		return false
	}
	p.pos++
	return true
}

// switchBody reads the cases between braces.
func (p *parser) switchBody(s *Switch) {
	start := p.pos
	leave := p.group()
	if leave == nil {
		return
	}
	defer leave()
	p.pos++
	for !p.dead {
		p.newlines(true)
		if some := s.Cases != nil || s.Default != nil; some && p.byteAt(p.pos) == '}' {
			p.pos++
			return
		} else if some && p.pos >= len(p.text) {
			p.missingAt(p.extent(start, start+1), "MissingEndCurlyBrace", missingBrace)
			return
		}
		if !p.switchCase(s) {
			break
		}
	}
	// The brace belongs to the switch even if its cases are wrong.
	p.newlines(true)
	if p.byteAt(p.pos) == '}' {
		p.pos++
	}
}

// switchCase reads one case.
func (p *parser) switchCase(s *Switch) bool {
	at := p.pos
	x := p.argument()
	if x == nil {
		p.missing("MissingSwitchConditionExpression", "Missing condition in switch statement clause.")
		return false
	}
	end := p.pos
	body := p.required("MissingSwitchStatementClause", "Missing statement block in switch statement clause.")
	if body == nil {
		return false
	}
	w, ok := x.(*String)
	if !ok || w.Quote != QuoteBare || lower(w.Value) != "default" {
		s.Cases = append(s.Cases, SwitchCase{x, body})
		return true
	}
	if s.Default != nil {
		p.fail(p.extent(at, end), "MultipleSwitchDefaultClauses", "A switch statement can have only one default clause.")
	}
	s.Default = body
	return true
}
