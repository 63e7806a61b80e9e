package ps

import (
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"unicode"
)

func formatE(f float64, digits int) string { return strconv.FormatFloat(f, 'e', digits-1, 64) }

// Composite is [string]::Format and -f: {index[,alignment][:format]}. The error
// is an *[Exception].
func (s *Session) Composite(format string, args []any) (string, error) {
	bad := NewException("System.FormatException", "Input string was not in a correct format.")
	var b strings.Builder
	for i := 0; i < len(format); {
		c := format[i]
		switch {
		case c == '{' && strings.HasPrefix(format[i:], "{{"), c == '}' && strings.HasPrefix(format[i:], "}}"):
			b.WriteByte(c)
			i += 2
			continue
		case c == '}':
			return "", bad
		case c != '{':
			b.WriteByte(c)
			i++
			continue
		}
		item, n, ok := formatItem(format[i:])
		if !ok {
			return "", bad
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

type placeholder struct {
	index, width int
	format       string
}

// formatItem reads {index,width:format}; n is its length.
func formatItem(s string) (p placeholder, n int, ok bool) {
	i := 1
	number := func() (int, bool) {
		start := i
		for i < len(s) && s[i] >= '0' && s[i] <= '9' {
			i++
		}
		v, err := strconv.Atoi(s[start:i])
		return v, err == nil && v < 1_000_000
	}
	blanks := func() {
		for i < len(s) && s[i] == ' ' {
			i++
		}
	}
	if p.index, ok = number(); !ok {
		return p, 0, false
	}
	blanks()
	if i < len(s) && s[i] == ',' {
		i++
		blanks()
		neg := i < len(s) && s[i] == '-'
		if neg {
			i++
		}
		if p.width, ok = number(); !ok {
			return p, 0, false
		}
		if neg {
			p.width = -p.width
		}
		blanks()
	}
	if i < len(s) && s[i] == ':' {
		end := strings.IndexByte(s[i:], '}')
		if end < 0 {
			return p, 0, false
		}
		p.format = s[i+1 : i+end]
		i += end
	}
	if i >= len(s) || s[i] != '}' {
		return p, 0, false
	}
	return p, i + 1, true
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

// FormatNumber is ToString(format) of the number types, in en-US.
func (s *Session) FormatNumber(v any, format string) (string, error) {
	letter, digits := standardNumber(format)
	if letter == 0 {
		return customNumber(v, format), nil
	}
	bad := NewException("System.FormatException", "Format specifier was invalid.")
	whole := kindOf(v) < kFloat || kindOf(v) == kBig
	switch unicode.ToUpper(rune(letter)) {
	case 'D':
		if !whole {
			return "", bad
		}
		return padDigits(toBig(v).String(), digits), nil
	case 'X', 'B':
		if !whole || unicode.ToUpper(rune(letter)) == 'B' && s.edition != Core {
			return "", bad
		}
		return bitDigits(v, letter, digits), nil
	case 'F':
		return fixed(v, orDigits(digits, 2)), nil
	case 'N':
		return group(fixed(v, orDigits(digits, 2))), nil
	case 'P':
		text := group(fixed(scaled(v, 100), orDigits(digits, 2)))
		if s.edition == Core {
			return text + "%", nil
		}
		return text + " %", nil
	case 'C':
		text := group(fixed(v, orDigits(digits, 2)))
		if strings.HasPrefix(text, "-") {
			if s.edition == Core {
				return "-$" + text[1:], nil
			}
			return "($" + text[1:] + ")", nil
		}
		return "$" + text, nil
	case 'E':
		f, _ := toFloat(v)
		mant, exp, _ := strings.Cut(formatE(f, orDigits(digits, 6)+1), "e")
		n, _ := strconv.Atoi(exp)
		return fmt.Sprintf("%s%c%+04d", mant, letter, n), nil
	case 'G':
		if digits <= 0 || whole && digits > 18 {
			return s.Format(v, "")
		}
		f, _ := toFloat(v)
		if f == 0 {
			return "0", nil
		}
		text := generalFloat(formatE(f, digits), digits)
		if letter == 'g' {
			text = strings.ToLower(text)
		}
		return text, nil
	case 'R':
		switch v.(type) {
		case float64, float32:
			return s.RoundTrip(v), nil
		}
		return "", bad
	}
	return "", bad
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

// exact is the number as digits without exponent.
func exact(v any) string {
	switch x := v.(type) {
	case float64:
		return strconv.FormatFloat(x, 'f', -1, 64)
	case float32:
		return strconv.FormatFloat(float64(x), 'f', -1, 32)
	case Decimal:
		return x.String()
	}
	return toBig(v).String()
}

// fixed rounds half away from zero to a number of digits behind the point.
func fixed(v any, digits int) string {
	if f, ok := v.(float64); ok && (math.IsNaN(f) || math.IsInf(f, 0)) {
		return strconv.FormatFloat(f, 'f', -1, 64)
	}
	return roundText(exact(v), digits)
}

// roundText rounds the digits of a number, half away from zero.
func roundText(text string, digits int) string {
	neg := strings.HasPrefix(text, "-")
	text = strings.TrimPrefix(text, "-")
	whole, frac, _ := strings.Cut(text, ".")
	up := len(frac) > digits && frac[digits] >= '5'
	if len(frac) > digits {
		frac = frac[:digits]
	}
	frac += strings.Repeat("0", digits-len(frac))
	n, _ := new(big.Int).SetString(whole+frac, 10)
	n = orZero(n)
	if up {
		n.Add(n, big.NewInt(1))
	}
	out := padDigits(n.String(), digits+1)
	if digits > 0 {
		out = out[:len(out)-digits] + "." + out[len(out)-digits:]
	}
	if neg && n.Sign() != 0 {
		out = "-" + out
	}
	return out
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

func scaled(v any, by int64) any {
	if f, ok := v.(float64); ok {
		d, ok := toDecimal(f)
		if !ok {
			return f * float64(by)
		}
		v = d
	}
	d, _ := toDecimal(v)
	d, _ = d.mul(NewDecimal(by))
	return d
}

// customNumber formats with a pattern of 0 # . , % and literals, with up to
// three sections for positive, negative and zero.
func customNumber(v any, format string) string {
	sections := splitSections(format)
	f, _ := toFloat(v)
	use, abs := sections[0], false
	switch {
	case f < 0 && len(sections) > 1 && sections[1] != "":
		use, abs = sections[1], true
	case f == 0 && len(sections) > 2 && sections[2] != "":
		use = sections[2]
	}
	p := parsePattern(use)
	text := exact(v)
	if p.percent > 0 {
		text = exact(scaled(v, int64(math.Pow10(p.percent*2))))
	}
	neg := strings.HasPrefix(text, "-") && !abs
	text = strings.TrimPrefix(text, "-")
	if p.thousands > 0 {
		d, _ := ParseDecimal(text)
		text = Decimal{d.Unscaled, d.Scale + 3*p.thousands}.String()
	}
	rounded := roundText(text, p.decimals)
	if strings.Trim(rounded, "0.") == "" && neg {
		neg = false
	}
	out := p.render(rounded)
	if neg {
		out = "-" + out
	}
	return out
}

func splitSections(format string) []string {
	var list []string
	start := 0
	var quote byte
	for i := 0; i < len(format); i++ {
		switch c := format[i]; {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '\'' || c == '"':
			quote = c
		case c == '\\':
			i++
		case c == ';':
			list = append(list, format[start:i])
			start = i + 1
		}
	}
	return append(list, format[start:])
}

// pattern is a custom number format taken apart.
type pattern struct {
	parts              []patternPart
	whole, minWhole    int // digit places before the point; those from the first 0 on
	decimals, minDec   int
	group              bool
	thousands, percent int
}

type patternPart struct {
	literal string
	digit   bool // 0 or #
	point   bool
}

func parsePattern(format string) pattern {
	var p pattern
	afterPoint, firstZero := false, -1
	lit := func(s string) { p.parts = append(p.parts, patternPart{literal: s}) }
	for i := 0; i < len(format); i++ {
		switch c := format[i]; c {
		case '0', '#':
			p.parts = append(p.parts, patternPart{digit: true})
			if afterPoint {
				p.decimals++
				if c == '0' {
					p.minDec = p.decimals
				}
				continue
			}
			if c == '0' && firstZero < 0 {
				firstZero = p.whole
			}
			p.whole++
		case '.':
			if !afterPoint {
				afterPoint = true
				p.parts = append(p.parts, patternPart{point: true})
			}
		case ',':
			rest := strings.TrimLeft(format[i:], ",")
			if p.whole > 0 && !afterPoint && rest != "" && (rest[0] == '0' || rest[0] == '#') {
				p.group = true
			} else if p.whole > 0 && !afterPoint {
				p.thousands++
			}
		case '%':
			p.percent++
			lit("%")
		case '\\':
			if i++; i < len(format) {
				lit(format[i : i+1])
			}
		case '\'', '"':
			end := strings.IndexByte(format[i+1:], c)
			if end < 0 {
				end = len(format) - i - 1
			}
			lit(format[i+1 : i+1+end])
			i += end + 1
		default:
			lit(format[i : i+1])
		}
	}
	if firstZero >= 0 {
		p.minWhole = p.whole - firstZero
	}
	return p
}

// render puts the digits of a rounded number into the pattern.
func (p pattern) render(number string) string {
	whole, frac, _ := strings.Cut(number, ".")
	whole = strings.TrimLeft(whole, "0")
	whole = padDigits(whole, p.minWhole)
	frac = strings.TrimRight(frac, "0")
	for len(frac) < p.minDec {
		frac += "0"
	}
	var b strings.Builder
	seen, inFrac, f := 0, false, 0
	put := func(digits string, left int) {
		for i := range len(digits) {
			b.WriteByte(digits[i])
			if rest := left - i - 1; p.group && rest > 0 && rest%3 == 0 {
				b.WriteByte(',')
			}
		}
	}
	for _, part := range p.parts {
		switch {
		case part.point:
			inFrac = true
			if p.whole == 0 {
				b.WriteString(whole)
			}
			if frac != "" {
				b.WriteByte('.')
			}
		case part.digit && inFrac:
			if f < len(frac) {
				b.WriteByte(frac[f])
			}
			f++
		case part.digit:
			// The first place takes all digits that have no place of their own.
			left := p.whole - seen
			if seen == 0 && len(whole) > p.whole {
				put(whole[:len(whole)-p.whole+1], len(whole))
			} else if len(whole) >= left {
				put(whole[len(whole)-left:len(whole)-left+1], left)
			}
			seen++
		default:
			b.WriteString(part.literal)
		}
	}
	return b.String()
}
