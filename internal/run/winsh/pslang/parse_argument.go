package pslang

import "strings"

// arguments reads the arguments and redirections of a command.
func (p *parser) arguments(c *Command) {
	ended := false
	for !p.dead {
		p.blanks()
		if p.reserved() {
			continue
		}
		if p.commandEnds() {
			return
		}
		if r := p.redirection(); r != nil {
			c.Redirections = p.addRedirection(c.Redirections, r)
			continue
		}
		start := p.pos
		if p.text[p.pos] == ',' {
			p.fail(p.extent(p.pos, p.pos+1), "MissingArgument", "Missing argument in parameter list.")
			p.pos++
			continue
		}
		if p.dash(p.pos) > 0 {
			if p.dashArgument(c, &ended) {
				continue
			}
		}
		a := p.argumentList()
		if a == nil {
			if p.pos == start {
				return
			}
			continue
		}
		c.Args = append(c.Args, a.(Argument))
	}
}

// commandEnds says whether a command ends here.
func (p *parser) commandEnds() bool {
	switch p.byteAt(p.pos) {
	case 0:
		return p.pos >= len(p.text)
	case '\r', '\n', ';', '|', ')', '}', '&':
		return true
	}
	return false
}

// dashArgument reads a parameter, -- or --%. What starts with a dash and is
// none of them is an ordinary argument.
func (p *parser) dashArgument(c *Command, ended *bool) bool {
	start := p.pos
	d := p.dash(start)
	if second := p.dash(start + d); second > 0 {
		end := start + d + second
		switch {
		case p.ends(end) && !*ended:
			*ended = true
			p.pos = end
			c.Args = append(c.Args, &EndOfParameters{p.extent(start, end)})
			return true
		case p.byteAt(end) == '%' && p.ends(end+1):
			p.verbatim(c, end+1)
			return true
		}
		return false
	}
	if *ended {
		return false
	}
	name := p.parameterName()
	if name == "" {
		return false
	}
	param := &Parameter{Name: name}
	if p.byteAt(p.pos) == ':' {
		p.pos++
		param.Colon = true
		at := p.extent(start, p.pos)
		p.blanks()
		if !p.commandEnds() {
			param.Value = p.argumentList()
		}
		if param.Value == nil {
			p.missing("ParameterRequiresArgument", "Parameter "+at.Text()+" requires an argument.")
		}
	}
	param.Extent = p.from(start)
	c.Args = append(c.Args, param)
	return true
}

// parameterName reads -Name and returns the name, or "" where the dash starts
// something else. A dot, a comma and a bracket end a name, other characters
// that are in no name do not: -Da=b is a parameter with the name "Da=b".
func (p *parser) parameterName() string {
	start := p.pos + p.dash(p.pos)
	if r, _ := p.runeAt(start); !letter(r) && r != '?' {
		return ""
	}
	i := start
	for !p.ends(i) {
		c := p.text[i]
		if c == '.' || c == '[' || c == ':' {
			break
		}
		if p.singleQuote(i) > 0 || p.doubleQuote(i) > 0 {
			return ""
		}
		_, n := p.runeAt(i)
		i += n
	}
	p.pos = i
	return p.text[start:i]
}

// verbatim reads what follows --%: the rest of the line, up to a | or && that
// is not in double quotes.
func (p *parser) verbatim(c *Command, from int) {
	start := p.pos
	p.pos = from
	p.blanks()
	text := p.pos
	quoted := false
	for i := text; ; i++ {
		b := p.byteAt(i)
		if b == 0 && i >= len(p.text) || b == '\r' || b == '\n' ||
			!quoted && (b == '|' || b == '&' && p.byteAt(i+1) == '&') {
			// Blanks at the end belong to the text.
			p.pos, p.blankTo = i, 0
			break
		}
		if p.doubleQuote(i) > 0 {
			quoted = !quoted
		}
	}
	c.Args = append(c.Args, &Verbatim{p.extent(start, p.pos), p.text[text:p.pos]})
}

// argumentList reads an argument, or several with commas between them, which
// make one.
func (p *parser) argumentList() Expression {
	start := p.pos
	x := p.argument()
	if x == nil {
		return nil
	}
	end := p.pos
	p.blanks()
	if p.byteAt(p.pos) != ',' {
		return x
	}
	items := []Expression{x}
	for p.byteAt(p.pos) == ',' {
		p.pos++
		p.newlines(false)
		y := p.argument()
		if y == nil {
			p.missing("MissingExpression", missingInElement(","))
			break
		}
		end = p.pos
		items = append(items, y)
		p.blanks()
	}
	for _, i := range items {
		if v, ok := i.(*Variable); ok && v.Splat {
			p.fail(v.Extent, "SplattingNotPermittedInArgumentList", "Splatted variables like '@"+v.Name+
				"' cannot be part of a comma-separated list of arguments.")
		}
	}
	return &List{p.extent(start, end), items}
}

// argument reads one argument, or nil where none starts.
func (p *parser) argument() Expression {
	if !p.enter(1) {
		return nil
	}
	defer p.leave(1)
	start := p.pos
	c := p.byteAt(p.pos)
	switch c {
	case '$':
		if p.byteAt(p.pos+1) == '(' {
			return p.postfix(start, p.subExpression(), true)
		}
		return p.argumentMembers(start, p.variableArgument())
	case '@':
		x := p.atSign(true)
		if x == nil {
			return nil
		}
		return p.argumentMembers(start, x)
	case '(', '{':
		if x := p.atom(); x != nil {
			return p.postfix(start, x, true)
		}
		return nil
	case '.':
		return p.dotArgument()
	case ']':
		p.pos++
		return &String{p.extent(start, p.pos), "]", QuoteBare}
	case '>', '<':
		return nil
	}
	if p.singleQuote(start) > 0 || p.doubleQuote(start) > 0 {
		return p.postfix(start, p.stringLiteral(), true)
	}
	if is(c, isDigit) {
		if x := p.number(true); x != nil {
			return x
		}
	}
	if p.ends(start) {
		return nil
	}
	return p.word()
}

// argumentMembers reads what selects members of a value that starts at start; a
// bare word has no members.
func (p *parser) argumentMembers(start int, x Expression) Expression {
	switch v := x.(type) {
	case *String:
		if v.Quote == QuoteBare {
			return x
		}
	case *Expandable:
		if v.Quote == QuoteBare {
			return x
		}
	}
	y := p.postfix(start, x, true)
	if v, ok := x.(*Variable); ok && v.Splat && x != y {
		p.splatting(v)
	}
	return y
}

// dotArgument reads an argument that starts with a dot. Before a variable or a
// string the dot is an argument of its own.
func (p *parser) dotArgument() Expression {
	start := p.pos
	next := p.byteAt(start + 1)
	switch {
	case is(next, isDigit):
		if x := p.number(true); x != nil {
			return x
		}
	case next == '$' || p.singleQuote(start+1) > 0 || p.doubleQuote(start+1) > 0:
		p.pos++
		return &String{p.extent(start, p.pos), ".", QuoteBare}
	}
	return p.word()
}

// redirections reads the redirections of an expression.
func (p *parser) redirections() []*Redirection {
	var list []*Redirection
	for !p.dead {
		p.blanks()
		if p.byteAt(p.pos) == '<' {
			p.reserved()
			continue
		}
		r := p.redirection()
		if r == nil {
			return list
		}
		list = p.addRedirection(list, r)
	}
	return list
}

// redirection reads one redirection, or nil where none stands.
func (p *parser) redirection() *Redirection {
	start := p.pos
	r := &Redirection{From: 1}
	switch c := p.byteAt(p.pos); {
	case c == '>':
	case c == '*' && p.byteAt(p.pos+1) == '>':
		r.From = 0
		p.pos++
	case c >= '1' && c <= '6' && p.byteAt(p.pos+1) == '>':
		r.From = int(c - '0')
		p.pos++
	default:
		return nil
	}
	p.pos++
	numbered := p.pos-start == 2
	if c := p.byteAt(p.pos); c == '>' {
		p.pos++
		r.Append = true
	} else if to := p.byteAt(p.pos + 1); numbered && c == '&' && (to == '1' || to == '2') {
		p.pos += 2
		r.To = int(to - '0')
		r.Extent = p.extent(start, p.pos)
		if r.To != 1 {
			p.fail(r.Extent, "RedirectionStreamCanOnlyMergeToOutputStream", "Redirection only allows another stream to be merged with "+
				"the output stream. Please correct the redirection operation to merge into the output stream then try running your script again.")
		}
		return r
	}
	p.blanks()
	if !p.commandEnds() {
		r.File = p.argument()
	}
	if r.File == nil {
		p.missing("MissingFileSpecification", "Missing file specification after redirection operator.")
	}
	r.Extent = p.from(start)
	return r
}

// addRedirection adds a redirection, unless its stream is redirected already.
func (p *parser) addRedirection(list []*Redirection, r *Redirection) []*Redirection {
	for _, old := range list {
		if old.From == r.From {
			p.fail(r.Extent, "StreamAlreadyRedirected", "The "+streamName(r.From)+" for this command is already redirected.")
			return list
		}
	}
	return append(list, r)
}

// streamName is what messages call a stream.
func streamName(n int) string {
	return strings.Split("* stream,output stream,error stream,warning stream,verbose stream,debug stream,host stream", ",")[n]
}
