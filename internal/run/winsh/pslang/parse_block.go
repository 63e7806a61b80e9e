package pslang

// script reads a whole text.
func (p *parser) script() *ScriptBlock {
	b := &ScriptBlock{}
	p.newlines(true)
	b.Using = p.usings()
	if p.body(b) {
		p.pos = max(p.tokenEnd(), p.pos+1)
	}
	for !p.dead {
		p.newlines(true)
		if p.pos >= len(p.text) {
			break
		}
		// What stands here ended the list of statements: a ) or } that nothing
		// has opened, or something behind named blocks.
		if c := p.text[p.pos]; c == ')' || c == '}' || b.Named && len(p.errs.List) == 0 {
			p.unexpected()
			p.pos = max(p.tokenEnd(), p.pos+1)
		}
		p.statements()
	}
	b.Requires = p.requires
	b.Extent = p.extent(0, len(p.text))
	return b
}

// scriptBlock reads { body }, or returns nil where it is too deep.
func (p *parser) scriptBlock() *ScriptBlock {
	start := p.pos
	leave := p.group()
	if leave == nil {
		return nil
	}
	defer leave()
	finally, loops := p.finally, p.loops
	p.finally, p.loops = false, 0
	defer func() { p.finally, p.loops = finally, loops }()
	p.pos++
	b := &ScriptBlock{}
	if !p.body(b) {
		p.closeBrace(start)
	}
	b.Extent = p.from(start)
	return b
}

// closeBrace reads the } of the { at start.
func (p *parser) closeBrace(start int) {
	p.newlines(true)
	if p.byteAt(p.pos) != '}' {
		p.missingAt(p.extent(start, start+1), "MissingEndCurlyBrace", missingBrace)
		return
	}
	p.pos++
}

// body reads what a script block consists of: a param block and either named
// blocks or statements. It says whether it has reported what stands where the
// block should end.
func (p *parser) body(b *ScriptBlock) bool {
	p.newlines(true)
	p.paramBlock(b)
	p.newlines(true)
	if p.blockName() == "" {
		b.End = p.statements()
		return false
	}
	b.Named = true
	for !p.dead {
		p.newlines(true)
		start := p.pos
		word := p.blockName()
		if word == "" {
			break
		}
		p.pos += len(word)
		at := p.extent(start, p.pos)
		p.newlines(false)
		var body *Block
		if p.byteAt(p.pos) == '{' {
			body = p.block()
			body.Extent = p.from(start)
		} else {
			p.missing("MissingNamedStatementBlock", "Missing statement block after '"+at.Text()+"'.")
			body = &Block{Extent: p.from(start)}
		}
		p.named(b, word, at, body)
	}
	if c := p.byteAt(p.pos); !p.core || c == '}' || c == ')' || p.pos >= len(p.text) {
		return false
	}
	end := p.tokenEnd()
	p.fail(p.extent(p.pos, end), "MissingNamedBlocks", "unexpected token '"+p.text[p.pos:end]+
		"', expected 'begin', 'process', 'end', 'clean', or 'dynamicparam'.")
	return true
}

// blockName returns the keyword of a named block that stands here.
func (p *parser) blockName() string {
	switch word := p.keyword(); word {
	case "begin", "process", "end", "dynamicparam":
		return word
	case "clean":
		if p.core {
			return word
		}
	}
	return ""
}

// named puts a named block into its place.
func (p *parser) named(b *ScriptBlock, word string, at Extent, body *Block) {
	place := map[string]**Block{
		"begin": &b.Begin, "process": &b.Process, "end": &b.End, "dynamicparam": &b.Dynamic, "clean": &b.Clean,
	}[word]
	if *place != nil {
		p.fail(at, "DuplicateScriptCommandClause", "Script command clause '"+at.Text()+"' has already been defined.")
		return
	}
	*place = body
}

// paramBlock reads param ( … ) with the attributes before it, if it is there.
func (p *parser) paramBlock(b *ScriptBlock) {
	if p.byteAt(p.pos) == '[' && !p.paramBehindBrackets() {
		return
	}
	for p.byteAt(p.pos) == '[' {
		k, ok := p.bracket()
		if !ok {
			return
		}
		if k.attribute == nil {
			p.fail(k.extent, "TypeNotAllowedBeforeParam", "Unexpected type ["+k.typ.Name+"] was found in the parameter statement.")
		} else {
			b.Attributes = append(b.Attributes, k.attribute)
		}
		p.newlines(true)
	}
	if !p.takeKeyword("param") {
		return
	}
	if len(b.Params) > 0 {
		p.fail(p.extent(p.pos-len("param"), p.pos), "OnlyOneParameterListAllowed",
			"The param statement cannot be used if arguments were specified in the function declaration.")
	}
	b.HasParam = true
	p.newlines(false)
	if p.byteAt(p.pos) != '(' {
		p.missing("MissingOpenParenthesisAfterKeyword", openExpected("param"))
		return
	}
	b.Params, _ = p.params()
}

// paramBehindBrackets looks whether param stands behind attributes.
func (p *parser) paramBehindBrackets() bool {
	q := p.skimmer()
	for q.byteAt(q.pos) == '[' {
		q.skipGroup('[', ']')
		q.newlines(true)
	}
	return q.keyword() == "param"
}

// usings reads the using statements at the top of a text.
func (p *parser) usings() []*Using {
	var list []*Using
	for p.keyword() == "using" && !p.dead {
		u := p.using()
		if u.Kind == "namespace" {
			p.src.Namespaces = append(p.src.Namespaces, u.Name)
		}
		list = append(list, u)
		p.newlines(true)
	}
	return list
}

// using reads one using statement.
func (p *parser) using() *Using {
	start := p.pos
	p.pos += len("using")
	p.blanks()
	u := &Using{Kind: lower(p.simpleName())}
	switch u.Kind {
	case "namespace", "module", "assembly", "command", "type":
	default:
		p.missing("MissingUsingStatementDirective", "Missing using directive")
		u.Extent = p.from(start)
		return u
	}
	p.blanks()
	x := p.argument()
	switch x := x.(type) {
	case *String:
		u.Name = x.Value
	case nil:
		p.missing("MissingUsingItemName", "Missing using name")
	default:
		u.Name = x.At().Text()
	}
	p.blanks()
	if p.byteAt(p.pos) == '=' {
		p.pos++
		p.blanks()
		u.Alias = u.Name
		if x := p.argument(); x != nil {
			u.Name = x.At().Text()
		}
	}
	u.Extent = p.from(start)
	return u
}

// block reads { statements }.
func (p *parser) block() *Block {
	start := p.pos
	leave := p.group()
	if leave == nil {
		return &Block{Extent: p.extent(start, start)}
	}
	defer leave()
	p.pos++
	b := p.statements()
	p.closeBrace(start)
	b.Extent = p.from(start)
	return b
}

// statements reads statements up to what cannot start one.
func (p *parser) statements() *Block {
	b := &Block{}
	p.newlines(true)
	start := p.pos
	for !p.dead {
		p.newlines(true)
		if c := p.byteAt(p.pos); c == '}' || c == ')' || p.pos >= len(p.text) {
			break
		}
		before := p.pos
		s := p.statement()
		if t, ok := s.(*Trap); ok {
			b.Traps = append(b.Traps, t)
		} else if s != nil {
			b.Statements = append(b.Statements, s)
		}
		if p.pos == before && !p.dead {
			// Nothing was read: the token starts no statement.
			p.unexpected()
			p.pos = max(p.tokenEnd(), p.pos+1)
		}
	}
	b.Extent = p.from(start)
	return b
}
