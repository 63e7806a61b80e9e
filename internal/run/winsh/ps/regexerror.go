package ps

import (
	"errors"
	"strconv"
	"strings"
	"unicode"

	"github.com/dlclark/regexp2"
	"github.com/dlclark/regexp2/syntax"
)

// badRegex is the exception for a pattern that does not compile, in the words
// of one of the two .NETs.
func badRegex(pattern string, err error, ed Edition) *Exception {
	var e *syntax.Error
	if !errors.As(err, &e) {
		return NewException("System.ArgumentException", "parsing \""+pattern+"\" - "+err.Error()+".")
	}
	text := e.Error()
	switch e.Code {
	case syntax.ErrMissingParen:
		text = "Not enough )'s"
	case syntax.ErrUnexpectedParen:
		text = "Too many )'s"
	case syntax.ErrMissingRepeatArgument, syntax.ErrInvalidRepeatOp:
		text = repeatFault(e, pattern, ed)
	case syntax.ErrInvalidRepeatSize:
		text = "Illegal {x,y} with x > y"
	case syntax.ErrReversedCharRange:
		text = "[x-y] range in reverse order"
	case syntax.ErrBadClassInCharRange:
		text = "Cannot include class in character range"
		if r, ok := e.Args[0].(rune); ok {
			text = `Cannot include class \` + string(r) + " in character range"
		}
	case syntax.ErrUnterminatedComment:
		text = "Unterminated (?#...) comment"
	case syntax.ErrUnknownSlashP:
		text = "Unknown property '" + strings.Split(text, "'")[1] + "'"
	case syntax.ErrUnrecognizedGrouping:
		text = "Unrecognized grouping construct"
	case syntax.ErrInvalidGroupName:
		text = "Invalid group name: Group names must begin with a word character"
	default:
		text = strings.TrimSuffix(strings.TrimPrefix(text, "error parsing regexp: "), " in `"+e.Expr+"`")
		text = strings.ToUpper(text[:1]) + text[1:]
	}
	if ed == Core {
		at := strconv.Itoa(faultAt(e, pattern))
		return NewException("System.Text.RegularExpressions.RegexParseException", "Invalid pattern '"+pattern+"' at offset "+at+". "+text+".")
	}
	return NewException("System.ArgumentException", "parsing \""+pattern+"\" - "+text+".")
}

// repeatFault is what is wrong with a quantifier.
func repeatFault(e *syntax.Error, pattern string, ed Edition) string {
	sign := ""
	if u := Units(pattern); len(u) > 0 {
		sign = Text(u[faultAt(e, pattern)-1:][:1])
	}
	switch {
	case e.Code == syntax.ErrInvalidRepeatOp && ed == Core:
		return "Nested quantifier '" + sign + "'"
	case e.Code == syntax.ErrInvalidRepeatOp:
		return "Nested quantifier " + sign
	case ed == Core:
		return "Quantifier '" + sign + "' following nothing"
	}
	return "Quantifier {x,y} following nothing"
}

// faultAt is how far .NET has read when it notices what is wrong: the shortest
// beginning of the pattern that has the same fault, or all of it where an end
// is missing.
func faultAt(e *syntax.Error, pattern string) int {
	u := Units(pattern)
	end := e.Code == syntax.ErrMissingParen || e.Code == syntax.ErrUnterminatedBracket || e.Code == syntax.ErrIllegalEndEscape || e.Code == syntax.ErrUnterminatedComment
	for n := 1; n < len(u) && len(u) < 1000 && !end; n++ {
		if unicode.Is(unicode.Cs, rune(u[n-1])) {
			continue
		}
		var other *syntax.Error
		if _, err := regexp2.Compile(Text(u[:n]), 0); errors.As(err, &other) && other.Code == e.Code {
			return n
		}
	}
	return len(u)
}
