package pslang

import (
	"strings"
	"unicode/utf8"
)

// variable reads $name, ${name}, or @name as a splatted one. It returns nil,
// and reads nothing, where none stands.
func (p *parser) variable() Expression {
	if v := p.variableIn(false); v != nil {
		return v
	}
	return nil
}

// variableIn is variable; in an expandable string a double quote in braces is
// doubled.
func (p *parser) variableIn(inString bool) *Variable {
	start := p.pos
	first, n := p.runeAt(start + 1)
	switch {
	case first == '{' && p.text[start] == '$':
		return p.bracedVariable(inString)
	case n == 0 || !varStart(first) || first == ':' && p.byteAt(start+2) == ':':
		return nil
	}
	p.pos += 1 + n
	if first != '$' && first != '?' && first != '^' {
		p.variableName()
	}
	name := p.text[start+1 : p.pos]
	v := newVariable(p.extent(start, p.pos), name)
	v.Splat = p.text[start] == '@'
	if v.Name == "" {
		p.fail(v.Extent, "InvalidVariableReferenceWithDrive",
			"Variable reference is not valid. ':' was not followed by a valid variable name character. Consider using ${} to delimit the name.")
	}
	return v
}

// variableName skips the rest of a name without braces.
func (p *parser) variableName() {
	for p.pos < len(p.text) {
		switch c := p.text[p.pos]; {
		case is(c, isLetter|isDigit|isVarOnly):
			p.pos++
		case c == ':':
			if p.byteAt(p.pos+1) == ':' {
				return
			}
			p.pos++
		case c >= utf8.RuneSelf:
			r, n := p.runeAt(p.pos)
			if !nameRune(r) {
				return
			}
			p.pos += n
		default:
			return
		}
	}
}

// bracedVariable reads ${name}.
func (p *parser) bracedVariable(inString bool) *Variable {
	start := p.pos
	p.pos += 2
	b := p.builder(QuoteBare)
	for p.pos < len(p.text) && p.text[p.pos] != '}' {
		switch c := p.text[p.pos]; {
		case c == '`':
			b.escape()
			continue
		case c == '{':
			p.fail(p.extent(p.pos, p.pos+1), "OpenBraceNeedsToBeBackTickedInVariableName", "Use `{ instead of { in variable names.")
		case inString:
			if n := p.doubleQuote(p.pos); n > 0 && p.doubleQuote(p.pos+n) > 0 {
				p.pos += n
			}
		}
		_, n := p.runeAt(p.pos)
		b.literal(p.pos, n)
		p.pos += n
	}
	name := ""
	if b.open {
		name = b.value()
	}
	if p.pos >= len(p.text) {
		v := newVariable(p.extent(start, p.pos), name)
		p.add(&Error{
			Extent: p.extent(start, start+2), ID: "IncompleteDollarVariableReference", Incomplete: true,
			Message: "${variable} reference starting is missing the closing '}'.",
		})
		return v
	}
	p.pos++
	v := newVariable(p.extent(start, p.pos), name)
	switch {
	case name == "":
		p.fail(v.Extent, "EmptyVariableReference", "An empty ${} variable reference was found. A name is required inside the braces.")
	case v.Name == "":
		p.fail(v.Extent, "InvalidBracedVariableReference", "Variable reference is not valid. The variable name is missing.")
	}
	return v
}

// newVariable takes a variable's name apart.
func newVariable(at Extent, path string) *Variable {
	v := &Variable{Extent: at, Name: path}
	if i := strings.IndexByte(path, ':'); i > 0 {
		prefix := lower(path[:i])
		v.Name = path[i+1:]
		if v.Scope = scopeOf(prefix); v.Scope == ScopeDrive {
			v.Drive = prefix
		}
	} else if path == ":" {
		v.Name = ""
	}
	v.Key = lower(v.Name)
	return v
}

// scopeOf returns the scope that a qualifier in lower case names; what is no
// scope is a drive.
func scopeOf(prefix string) Scope {
	switch prefix {
	case "global":
		return ScopeGlobal
	case "local":
		return ScopeLocal
	case "script":
		return ScopeScript
	case "private":
		return ScopePrivate
	case "using":
		return ScopeUsing
	case "workflow":
		return ScopeWorkflow
	}
	return ScopeDrive
}

// variableArgument reads what starts with $ or @ in argument mode. A variable
// that other characters follow without a blank is the start of a bare word,
// unless they select a member or an element.
func (p *parser) variableArgument() Expression {
	start := p.mark()
	v := p.variableIn(false)
	if v == nil {
		return p.word()
	}
	braced := p.byteAt(start.pos+1) == '{'
	special := !braced && strings.IndexByte("$?^", p.byteAt(start.pos+1)) >= 0
	c := p.byteAt(p.pos)
	switch {
	case p.ends(p.pos):
	case special:
		p.reset(start)
		return p.word()
	case c == '.' || c == '[':
	case c == ':' && !braced: // only :: is left over by a name
	case c == '=' && p.core && !braced:
	default:
		p.reset(start)
		return p.word()
	}
	return v
}

// splatting reports a splatted variable where none may stand.
func (p *parser) splatting(v *Variable) {
	p.fail(v.Extent, "SplattingNotPermitted", "The splatting operator '@' cannot be used to reference variables in an expression. '@"+
		v.Name+"' can be used only as an argument to a command. To reference variables in an expression use '$"+v.Name+"'.")
}
