package cmdsh

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"

	"github.com/casement/casement/internal/run/winsh/machine"
)

// Phase 1: percent expansion, which knows nothing of quotes, carets or
// commands.

// expander replaces %…% in a line that was read. In a batch file, where params
// is set, %% is a percent sign, %1 and %* are parameters, and what is not
// defined vanishes; on the command line none of this is so, and what is not
// defined stays.
type expander struct {
	get        func(name string) (value string, ok bool)
	params     parameters // nil on the command line
	extensions bool
}

// parameters are those of a batch file or subroutine.
type parameters interface {
	all() string
	// parameter returns the parameter of a digit, changed as the modifiers
	// between ~ and the digit say; tilde says that there was a ~.
	parameter(ctx context.Context, digit int, tilde bool, modifiers string) (string, error)
}

// expansionError is a mistake in percent expansion, which ends the batch file.
type expansionError struct{ message string }

func (e *expansionError) Error() string { return e.message }

// span says that the text from at on comes from from on.
type span struct{ at, from int }

// origin maps places in an expanded line to places in the line as written.
type origin []span

// of returns where a byte of the expanded line comes from.
func (o origin) of(at int) int {
	from := at
	for _, s := range o {
		if s.at > at {
			return min(from, s.from-1) // inside what a variable has put there
		}
		from = s.from + at - s.at
	}
	return from
}

// line expands a line.
func (x *expander) line(ctx context.Context, s string) (string, origin, error) {
	i := strings.IndexByte(s, '%')
	if i < 0 {
		return s, nil, nil
	}
	var b strings.Builder
	var from origin
	b.WriteString(s[:i])
	for i < len(s) {
		if s[i] != '%' {
			j := strings.IndexByte(s[i:], '%')
			if j < 0 {
				j = len(s) - i
			}
			b.WriteString(s[i : i+j])
			i += j
			continue
		}
		text, n, err := x.at(ctx, s[i+1:])
		if err != nil {
			return "", nil, err
		}
		b.WriteString(text)
		i += 1 + n
		from = append(from, span{b.Len(), i})
	}
	return b.String(), from, nil
}

// at returns what stands for the percent sign before s and the n bytes of s
// that belong to it.
func (x *expander) at(ctx context.Context, s string) (text string, n int, err error) {
	if x.params != nil {
		switch {
		case s == "":
			return "", 0, nil
		case s[0] == '%':
			return "%", 1, nil
		case s[0] == '*' && x.extensions:
			return x.params.all(), 1, nil
		case isDigit(s[0]):
			text, err = x.params.parameter(ctx, int(s[0]-'0'), false, "")
			return text, 1, err
		case s[0] == '~' && x.extensions:
			return x.modified(ctx, s)
		}
	}
	if text, n, ok, err := x.variable(s); ok || err != nil {
		return text, n, err
	}
	if x.params != nil {
		return "", 0, nil
	}
	return "%", 0, nil
}

// modified expands %~…1; s begins with the tilde.
func (x *expander) modified(ctx context.Context, s string) (string, int, error) {
	i := 1
	for i < len(s) && strings.IndexByte("fdpnxsatzFDPNXSATZ", s[i]) >= 0 {
		i++
	}
	if i < len(s) && s[i] == '$' {
		if colon := strings.IndexByte(s[i:], ':'); colon >= 0 {
			i += colon + 1
		}
	}
	if i < len(s) && isDigit(s[i]) {
		text, err := x.params.parameter(ctx, int(s[i]-'0'), true, s[1:i])
		return text, i + 1, err
	}
	bad := s
	if end := strings.IndexAny(s, " \t"); end >= 0 {
		bad = s[:end]
	}
	return "", 0, &expansionError{"The following usage of the path operator in batch-parameter\r\nsubstitution is invalid: %" + bad +
		"\r\n\r\n\r\nFor valid formats type CALL /? or FOR /?\r\n"}
}

// variable expands a variable; ok is false if the percent sign begins none.
func (x *expander) variable(s string) (text string, n int, ok bool, err error) {
	stop := strings.IndexAny(s, "%:")
	if !x.extensions {
		stop = strings.IndexByte(s, '%')
	}
	if stop < 0 {
		return "", 0, false, nil
	}
	if s[stop] == ':' && stop+1 < len(s) && s[stop+1] == '%' {
		stop++ // a name may end in a colon
	}
	name := s[:stop]
	value, defined := x.get(name)
	if s[stop] == '%' {
		switch {
		case defined:
			return value, stop + 1, true, nil
		case x.params != nil:
			return "", stop + 1, true, nil
		}
		return "", 0, false, nil
	}
	if !defined {
		return "", stop + 1, x.params != nil, nil
	}
	text, n, ok, err = modify(value, s[stop+1:], '%')
	return text, stop + 1 + n, ok, err
}

// modify takes a part of a value or replaces in it, as the text after a colon
// says: "~1,-2%" or "*a=b%". n counts the bytes that belong to it, with the
// closing character.
func modify(value, spec string, end byte) (text string, n int, ok bool, err error) {
	if spec == "" {
		return "", 0, false, nil
	}
	if spec[0] == '~' {
		return substring(value, spec, end)
	}
	search, star := spec, false
	if search[0] == '*' {
		search, star = search[1:], true
	}
	eq := strings.IndexByte(search, '=')
	if eq == 0 {
		word := spec
		if i := strings.IndexByte(word, end); i >= 0 {
			word = word[:i+1]
		}
		return "", 0, false, &expansionError{unexpected(word)}
	}
	if eq < 0 {
		return "", 0, false, nil
	}
	closed := strings.IndexByte(search[eq:], end)
	if closed < 0 {
		return "", 0, false, nil
	}
	closed += eq
	text = replace(value, search[:eq], search[eq+1:closed], star)
	return text, len(spec) - len(search) + closed + 1, true, nil
}

// substring is "~first,count" up to the closing character.
func substring(value, spec string, end byte) (text string, n int, ok bool, err error) {
	i := 1
	first, i := integerAt(spec, i)
	count, counted := 0, false
	if i < len(spec) && spec[i] == ',' {
		before := i + 1
		count, i = integerAt(spec, before)
		counted = i > before
	}
	if i >= len(spec) || spec[i] != end {
		return "", 0, false, nil
	}
	return slice(value, first, count, counted), i + 1, true, nil
}

// slice cuts a part out of text, counting as Windows does: in UTF-16 units.
func slice(text string, first, count int, counted bool) string {
	var units []uint16
	size := len(text)
	if !machine.IsASCII(text) {
		units = utf16.Encode([]rune(text))
		size = len(units)
	}
	if first < 0 {
		first += size
	}
	first = min(max(first, 0), size)
	last := size
	switch {
	case counted && count < 0:
		last = max(size+count, first)
	case counted:
		last = min(first+count, size)
	}
	if units != nil {
		return string(utf16.Decode(units[first:last]))
	}
	return text[first:last]
}

// integerAt reads a number as C does: blanks, a sign, decimal, octal or
// hexadecimal digits. It returns where the number ends; without one that is
// where it began.
func integerAt(s string, i int) (value, end int) {
	j := i
	for j < len(s) && (s[j] == ' ' || s[j] == '\t') {
		j++
	}
	negative := false
	if j < len(s) && (s[j] == '-' || s[j] == '+') {
		negative = s[j] == '-'
		j++
	}
	base := 10
	if j+2 < len(s) && s[j] == '0' && s[j+1]|0x20 == 'x' && digitValue(s[j+2]) < 16 {
		base = 16
		j += 2
	} else if j < len(s) && s[j] == '0' {
		base = 8
	}
	n, digits := 0, 0
	for ; j < len(s) && digitValue(s[j]) < base; j++ {
		if n < 1<<40 {
			n = n*base + digitValue(s[j])
		}
		digits++
	}
	if digits == 0 {
		return 0, i
	}
	if negative {
		return -min(n, 1<<31), j
	}
	return min(n, 1<<31-1), j
}

// replace replaces all occurrences of search, in any case. With star everything
// up to the end of the first one is replaced.
func replace(value, search, with string, star bool) string {
	lowValue, lowSearch := fold(value), fold(search)
	if len(lowValue) != len(value) || len(lowSearch) != len(search) {
		lowValue, lowSearch = value, search // folding moved bytes: compare exactly
	}
	if star {
		if i := strings.Index(lowValue, lowSearch); i >= 0 {
			return with + value[i+len(search):]
		}
		return value
	}
	var b strings.Builder
	for {
		i := strings.Index(lowValue, lowSearch)
		if i < 0 {
			b.WriteString(value)
			return b.String()
		}
		b.WriteString(value[:i])
		b.WriteString(with)
		value, lowValue = value[i+len(search):], lowValue[i+len(search):]
	}
}

// unexpected is cmd's message for a word that it did not expect.
func unexpected(word string) string {
	return fmt.Sprintf("%s was unexpected at this time.\r\n", word)
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// digitValue returns the value of a digit in bases up to 36, and 99 for others.
func digitValue(c byte) int {
	switch {
	case isDigit(c):
		return int(c - '0')
	case 'a' <= c|0x20 && c|0x20 <= 'z':
		return int(c|0x20-'a') + 10
	}
	return 99
}

// number reads the number that text begins with as _wtoi does, 0 if none.
func number(text string) int {
	text = strings.TrimLeft(text, " \t")
	end := 0
	if end < len(text) && (text[end] == '-' || text[end] == '+') {
		end++
	}
	for end < len(text) && isDigit(text[end]) {
		end++
	}
	n, err := strconv.ParseInt(text[:end], 10, 64)
	if err != nil {
		return 0
	}
	return int(int32(min(max(n, -1<<31), 1<<31-1)))
}
