package ps

import (
	"fmt"
	"math/big"
	"strconv"
	"strings"
)

func formatE(f float64, digits int) string { return strconv.FormatFloat(f, 'e', digits-1, 64) }

// Composite is [string]::Format and -f: {index[,alignment][:format]}. The error
// is an *[Exception].
func (s *Session) Composite(format string, args []any) (string, error) {
	var b strings.Builder
	for i := 0; i < len(format); {
		c := format[i]
		switch {
		case c == '{' && strings.HasPrefix(format[i:], "{{"), c == '}' && strings.HasPrefix(format[i:], "}}"):
			b.WriteByte(c)
			i += 2
			continue
		case c == '}' && i+1 < len(format):
			return "", s.badFormat(format[:i+1], "Unexpected closing brace without a corresponding opening brace.")
		case c == '}':
			return "", s.badFormat(format, itemEnds)
		case c != '{':
			b.WriteByte(c)
			i++
			continue
		}
		item, n, reason := formatItem(format[i:])
		if reason != "" {
			return "", s.badFormat(format[:i+n], reason)
		}
		i += n
		if item.index >= len(args) {
			return "", NewException("System.FormatException", "Index (zero based) must be greater than or equal to zero and less than the size of the argument list.")
		}
		text, err := s.Format(args[item.index], item.format)
		if err != nil {
			return "", err
		}
		pad := item.width
		if pad < 0 {
			pad = -pad
		}
		if n := pad - utf16Len(text); n > 0 {
			if item.width < 0 {
				text += strings.Repeat(" ", n)
			} else {
				text = strings.Repeat(" ", n) + text
			}
		}
		b.WriteString(text)
		if err := s.fits(int64(b.Len())); err != nil {
			return "", err
		}
	}
	return b.String(), nil
}

const (
	itemEnds  = "Format item ends prematurely."
	itemDigit = "Expected an ASCII digit."
)

// badFormat is the error of a format whose wrong character is behind a text.
func (s *Session) badFormat(before, reason string) error {
	msg := "Input string was not in a correct format."
	if s.edition == Core {
		msg += " Failure to parse near offset " + strconv.Itoa(utf16Len(before)) + ". " + reason
	}
	return NewException("System.FormatException", msg)
}

type placeholder struct {
	index, width int
	format       string
}

// formatItem reads {index,width:format}. n is its length, or where it is wrong.
func formatItem(s string) (p placeholder, n int, reason string) {
	i := 1
	number := func() (v int, reason string) {
		start := i
		for i < len(s) && s[i] >= '0' && s[i] <= '9' && v < 1_000_000 {
			v = v*10 + int(s[i]-'0')
			i++
		}
		switch {
		case i == len(s):
			return v, itemEnds
		case i == start:
			return v, itemDigit
		}
		return v, ""
	}
	blanks := func() {
		for i < len(s) && s[i] == ' ' {
			i++
		}
	}
	if p.index, reason = number(); reason != "" {
		return p, i, reason
	}
	blanks()
	if i < len(s) && s[i] == ',' {
		i++
		blanks()
		neg := i < len(s) && s[i] == '-'
		if neg {
			i++
		}
		if p.width, reason = number(); reason != "" {
			return p, i, reason
		}
		if neg {
			p.width = -p.width
		}
		blanks()
	}
	if i < len(s) && s[i] == ':' {
		end := strings.IndexAny(s[i:], "{}")
		if end < 0 {
			return p, len(s), itemEnds
		}
		p.format = s[i+1 : i+end]
		i += end
	}
	if i >= len(s) || s[i] != '}' {
		return p, i, itemEnds
	}
	return p, i + 1, ""
}

// Format applies a .NET format string to a value, as {0:format} does; "" is
// its Display.
func (s *Session) Format(v any, format string) (string, error) {
	v = Unwrap(v)
	if format == "" {
		switch v.(type) {
		case float64, float32:
			if s.edition == Core {
				return s.RoundTrip(v), nil
			}
		}
		if a, ok := v.(*Array); ok {
			return a.Type, nil
		}
		return s.Display(v), nil
	}
	switch x := v.(type) {
	case DateTime:
		return FormatDate(x, format)
	case TimeSpan:
		return FormatSpan(x, format)
	case Guid:
		return x.Format(format)
	case Enum:
		return s.formatEnum(x, format)
	case bool, Char, string, Switch:
		return s.Display(v), nil
	case *Object:
		t := s.engine.canonical(x.Type)
		if t.Format != nil {
			return t.Format(x, format)
		}
		return s.Display(v), nil
	}
	if kindOf(v) != notNumber {
		return s.FormatNumber(v, format)
	}
	return s.Display(v), nil
}

func (s *Session) formatEnum(e Enum, format string) (string, error) {
	switch format {
	case "d", "D":
		return intText(e.Value), nil
	case "x", "X":
		return fmt.Sprintf("%08X", uint32(e.Value)), nil
	}
	return s.EnumName(e), nil
}

func orDigits(n, other int) int {
	if n < 0 {
		return other
	}
	return n
}

// standardNumber takes "N2" apart; letter is 0 for custom formats and digits
// -1 where there are none.
func standardNumber(format string) (letter byte, digits int) {
	c := format[0] | 0x20
	if c < 'a' || c > 'z' || len(format) > 3 {
		return 0, 0
	}
	if len(format) == 1 {
		return format[0], -1
	}
	n, err := strconv.Atoi(format[1:])
	if err != nil || n < 0 || format[1] == '+' {
		return 0, 0
	}
	return format[0], n
}

func padDigits(s string, n int) string {
	neg := strings.HasPrefix(s, "-")
	s = strings.TrimPrefix(s, "-")
	if len(s) < n {
		s = strings.Repeat("0", n-len(s)) + s
	}
	if neg {
		s = "-" + s
	}
	return s
}

// bitDigits is X or B: two's complement in the size of the type.
func bitDigits(v any, letter byte, digits int) string {
	bits := uint64(0)
	switch x := v.(type) {
	case *big.Int:
		text := x.Text(16)
		if letter == 'X' {
			text = strings.ToUpper(text)
		}
		return padDigits(text, digits)
	case uint64:
		bits = x
	case int8:
		bits = uint64(uint8(x))
	case int16:
		bits = uint64(uint16(x))
	case int32:
		bits = uint64(uint32(x))
	default:
		n, _ := toInt64(v)
		bits = uint64(n)
	}
	base := 16
	if letter|0x20 == 'b' {
		base = 2
	}
	text := strconv.FormatUint(bits, base)
	if letter == 'X' {
		text = strings.ToUpper(text)
	}
	return padDigits(text, digits)
}

// group puts commas between thousands.
func group(s string) string {
	neg := strings.HasPrefix(s, "-")
	whole, frac, point := strings.Cut(strings.TrimPrefix(s, "-"), ".")
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if point {
		whole += "." + frac
	}
	if neg {
		whole = "-" + whole
	}
	return whole
}
