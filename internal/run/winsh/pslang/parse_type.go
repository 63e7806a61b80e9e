package pslang

import (
	"strings"
	"unicode/utf8"
)

// bracket is what stands between brackets: a type or an attribute.
type bracket struct {
	extent    Extent
	typ       *TypeName
	attribute *Attribute
}

// bracketed reads an operand that starts with a bracket: a type, or casts and
// attributes with their operand.
func (p *parser) bracketed() Expression {
	start := p.pos
	var all []bracket
	var starts []int
	for p.byteAt(p.pos) == '[' {
		starts = append(starts, p.pos)
		b, ok := p.bracket()
		if !ok {
			return p.incompleteType(start, all)
		}
		all = append(all, b)
		if p.byteAt(p.pos) == '.' || p.byteAt(p.pos) == ':' {
			break
		}
		if len(all) > maxDepth {
			p.enter(maxDepth + 1)
			break
		}
		p.blanks()
		if b.attribute != nil {
			p.newlines(false)
		}
	}
	last := all[len(all)-1]
	var x Expression
	if last.typ != nil && (p.memberFollows() || p.byteAt(p.pos) == ',') {
		x = p.postfix(starts[len(starts)-1], &Type{last.extent, last.typ}, false)
	} else if x = p.unary(); x != nil {
		return p.casts(starts, all, x)
	} else if last.typ == nil {
		p.fail(last.extent, "UnexpectedAttribute", "Unexpected attribute '"+last.attribute.Type.Name+"'.")
		return &Type{last.extent, last.attribute.Type}
	} else {
		x = &Type{last.extent, last.typ}
	}
	return p.casts(starts, all[:len(all)-1], x)
}

// memberFollows says whether a member is selected right here.
func (p *parser) memberFollows() bool {
	c, next := p.byteAt(p.pos), p.byteAt(p.pos+1)
	return c == '.' && next != '.' && !is(next, isDigit) || c == ':' && next == ':'
}

// casts wraps an operand in what stood before it, the last of which is nearest.
func (p *parser) casts(starts []int, all []bracket, x Expression) Expression {
	for i := len(all) - 1; i >= 0; i-- {
		at := p.from(starts[i])
		if b := all[i]; b.typ != nil {
			x = &Cast{at, b.typ, x}
		} else {
			if !attributable(x) {
				p.fail(b.extent, "UnexpectedAttribute", "Unexpected attribute '"+b.attribute.Type.Name+"'.")
			}
			x = &Attributed{at, b.attribute, x}
		}
	}
	return x
}

// attributable says whether an attribute may stand before an operand.
func attributable(x Expression) bool {
	switch x := x.(type) {
	case *Variable:
		return true
	case *Cast:
		return attributable(x.X)
	case *Attributed:
		return true
	}
	return false
}

// incompleteType stands for a type that could not be read; the error has been
// reported.
func (p *parser) incompleteType(start int, all []bracket) Expression {
	if len(all) > 0 {
		last := all[len(all)-1]
		if last.typ != nil {
			return &Type{last.extent, last.typ}
		}
	}
	if p.pos == start {
		return nil
	}
	return &Type{p.from(start), &TypeName{Extent: p.from(start)}}
}

// bracket reads [type] or [attribute(…)]. If it reports an error it goes back
// to where it started, except behind a name.
func (p *parser) bracket() (bracket, bool) {
	start := p.pos
	p.pos++
	p.newlines(false)
	name := p.typeName()
	if name == nil {
		p.missingAt(p.extent(start+1, start+1), "MissingTypename", "Missing type name after '['.")
		p.pos = start
		return bracket{}, false
	}
	p.newlines(false)
	if p.byteAt(p.pos) == '(' {
		a := p.attribute(start, name)
		return bracket{extent: a.Extent, attribute: a}, true
	}
	p.typeSuffix(name)
	p.assembly(name)
	name.Extent.End = p.from(start).End
	p.newlines(false)
	if p.byteAt(p.pos) != ']' {
		p.missing("EndSquareBracketExpectedAtEndOfAttribute", "Missing ] at end of attribute or type literal.")
		return bracket{extent: p.from(start), typ: name}, true
	}
	p.pos++
	return bracket{extent: p.from(start), typ: name}, true
}

// typeName reads a name as types have it.
func (p *parser) typeName() *TypeName {
	start := p.pos
	if r, _ := p.runeAt(p.pos); !letter(r) {
		return nil
	}
	for p.pos < len(p.text) {
		r, n := p.runeAt(p.pos)
		if !nameRune(r) && !(r < utf8.RuneSelf && strings.ContainsRune(".`+#\\", r)) {
			break
		}
		p.pos += n
	}
	name := p.text[start:p.pos]
	return &TypeName{Extent: p.extent(start, p.pos), Name: name, Key: lower(name)}
}

// typeSuffix reads the brackets behind a type's name: arguments and ranks.
func (p *parser) typeSuffix(t *TypeName) {
	for {
		m := p.mark()
		p.newlines(false)
		if p.byteAt(p.pos) != '[' {
			p.reset(m)
			return
		}
		p.pos++
		p.newlines(false)
		switch p.byteAt(p.pos) {
		case ']', ',':
			rank := 1
			for p.byteAt(p.pos) == ',' {
				rank++
				p.pos++
				p.newlines(false)
			}
			t.Ranks = append(t.Ranks, rank)
		default:
			if t.Args != nil || t.Ranks != nil || !p.typeArguments(t) {
				p.missing("MissingTypename", "Missing type name after '['.")
				return
			}
		}
		if p.byteAt(p.pos) != ']' {
			p.missing("EndSquareBracketExpectedAtEndOfType", "Missing ] at end of type token.")
			return
		}
		p.pos++
	}
}

// typeArguments reads the arguments of a generic type up to its bracket.
func (p *parser) typeArguments(t *TypeName) bool {
	for {
		a := p.typeArgument()
		if a == nil {
			return false
		}
		t.Args = append(t.Args, a)
		p.newlines(false)
		if p.byteAt(p.pos) != ',' {
			return true
		}
		p.pos++
		p.newlines(false)
	}
}

// typeArgument reads one argument of a generic type, in brackets of its own or
// without.
func (p *parser) typeArgument() *TypeName {
	if !p.enter(1) {
		return nil
	}
	defer p.leave(1)
	start := p.pos
	own := p.byteAt(p.pos) == '['
	if own {
		p.pos++
		p.newlines(false)
	}
	a := p.typeName()
	if a == nil {
		return nil
	}
	p.typeSuffix(a)
	a.Extent.End = p.from(start).End
	if own {
		p.assembly(a)
		a.Extent.End = p.from(start).End
		if p.byteAt(p.pos) != ']' {
			p.missing("EndSquareBracketExpectedAtEndOfType", "Missing ] at end of type token.")
			return a
		}
		p.pos++
	}
	return a
}

// assembly reads the assembly's name behind the comma of a qualified name.
func (p *parser) assembly(t *TypeName) {
	p.blanks()
	if p.byteAt(p.pos) != ',' {
		return
	}
	p.pos++
	p.blanks()
	start := p.pos
	for p.pos < len(p.text) && strings.IndexByte("[]\r\n;", p.text[p.pos]) < 0 {
		p.pos++
	}
	t.Assembly = strings.TrimSpace(p.text[start:p.pos])
	if t.Assembly == "" {
		p.missing("MissingAssemblyNameSpecification", "The type name is missing the assembly name specification.")
	}
}

// methodTypes reads the type arguments of a call, or nothing where the bracket
// is an index.
func (p *parser) methodTypes() []*TypeName {
	m := p.mark()
	p.pos++
	t := &TypeName{}
	if p.typeArguments(t) && len(p.errs.List) == m.errs && p.byteAt(p.pos) == ']' && p.byteAt(p.pos+1) == '(' {
		p.pos++
		return t.Args
	}
	p.reset(m)
	return nil
}

// attribute reads the arguments of an attribute and its closing bracket.
func (p *parser) attribute(start int, name *TypeName) *Attribute {
	a := &Attribute{Type: name}
	commas := p.noComma
	p.noComma = true
	defer func() { p.noComma = commas }()
	p.pos++
	p.newlines(false)
	for p.byteAt(p.pos) != ')' {
		if !p.attributeArgument(a) {
			break
		}
		p.newlines(false)
		if p.byteAt(p.pos) != ',' {
			break
		}
		p.pos++
		p.newlines(false)
	}
	closed := p.byteAt(p.pos) == ')'
	if closed {
		p.pos++
		p.newlines(false)
	} else {
		p.missing("MissingEndParenthesisInExpression", "Missing closing ')' in expression.")
	}
	if p.byteAt(p.pos) == ']' {
		p.pos++
	} else if closed {
		p.missing("EndSquareBracketExpectedAtEndOfAttribute", "Missing ] at end of attribute or type literal.")
	}
	a.Extent = p.from(start)
	return a
}

// attributeArgument reads one argument of an attribute.
func (p *parser) attributeArgument(a *Attribute) bool {
	m := p.mark()
	start := p.pos
	if name := p.simpleName(); name != "" {
		p.blanks()
		switch p.byteAt(p.pos) {
		case '=':
			p.pos++
			p.newlines(false)
			x := p.expression()
			if x == nil {
				p.missing("MissingExpressionInNamedArgument", "Missing statement after '=' in named argument.")
				return false
			}
			a.Named = append(a.Named, NamedArgument{p.from(start), name, x})
			return true
		case ',', ')', '\r', '\n':
			a.Named = append(a.Named, NamedArgument{p.extent(start, start+len(name)), name, nil})
			return true
		}
		p.reset(m)
	}
	x := p.expression()
	if x == nil {
		return false
	}
	a.Positional = append(a.Positional, x)
	return true
}

// params reads the declarations of parameters between parentheses, which are
// the next character. It says whether the closing one was there.
func (p *parser) params() ([]*ParamDecl, bool) {
	leave := p.group()
	if leave == nil {
		return nil, false
	}
	defer leave()
	p.noComma = true
	p.pos++
	p.newlines(false)
	var list []*ParamDecl
	for p.byteAt(p.pos) != ')' {
		d := p.param()
		if d == nil {
			break
		}
		for _, old := range list {
			if old.Name.Key == d.Name.Key {
				p.fail(d.Name.Extent, "DuplicateFormalParameter", "Duplicate parameter $"+d.Name.Name+" in parameter list.")
			}
		}
		list = append(list, d)
		p.newlines(false)
		if p.byteAt(p.pos) != ',' {
			break
		}
		p.pos++
		p.newlines(false)
		if p.byteAt(p.pos) == ')' {
			p.missing("MissingExpressionAfterToken", "Missing expression after ','.")
		}
	}
	if p.byteAt(p.pos) != ')' {
		p.missing("MissingEndParenthesisInFunctionParameterList", "Missing ')' in function parameter list.")
		return list, false
	}
	p.pos++
	return list, true
}

// param reads the declaration of one parameter, or nil.
func (p *parser) param() *ParamDecl {
	start := p.pos
	d := &ParamDecl{}
	for p.byteAt(p.pos) == '[' {
		b, ok := p.bracket()
		if !ok {
			return nil
		}
		if b.typ != nil {
			d.Types = append(d.Types, b.typ)
		} else {
			d.Attributes = append(d.Attributes, b.attribute)
		}
		p.newlines(false)
	}
	var v *Variable
	if c := p.byteAt(p.pos); c == '$' || c == '@' {
		v = p.variableIn(false)
	}
	if v == nil {
		if p.pos > start {
			p.missing("InvalidFunctionParameter",
				"Parameter declarations are a comma-separated list of variable names with optional initializer expressions.")
		}
		return nil
	}
	if v.Splat {
		p.splatting(v)
	}
	d.Name = v
	end := p.pos
	p.newlines(false)
	if p.byteAt(p.pos) == '=' {
		p.pos++
		p.newlines(false)
		if d.Default = p.expression(); d.Default == nil {
			p.missing("MissingExpressionAfterToken", "Missing expression after '='.")
		}
		end = p.after()
	}
	d.Extent = p.extent(start, end)
	return d
}
