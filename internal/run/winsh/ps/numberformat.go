package ps

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode"
)

// FormatNumber is ToString(format) of the number types, in en-US.
func (s *Session) FormatNumber(v any, format string) (string, error) {
	if f, ok := toFloat(v); ok && (math.IsNaN(f) || math.IsInf(f, 0)) {
		return floatText(f, 15, s.edition == Core), nil
	}
	letter, digits := standardNumber(format)
	if letter == 0 {
		return s.customNumber(v, format), nil
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
		return s.fixed(v, orDigits(digits, 2), 0), nil
	case 'N':
		return group(s.fixed(v, orDigits(digits, 2), 0)), nil
	case 'P':
		text := group(s.fixed(v, orDigits(digits, 2), 2))
		if s.edition == Core {
			return text + "%", nil
		}
		return text + " %", nil
	case 'C':
		text := group(s.fixed(v, orDigits(digits, 2), 0))
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

// significand is a number as 0.d times ten to the power of scale, with no zeros
// at the ends of d.
type significand struct {
	d     string
	scale int
	neg   bool
}

// significandOf takes a number apart: floating-point ones have the digits that
// they can be relied on for, as .NET has it.
func significandOf(v any) significand {
	var text string
	switch x := v.(type) {
	case float64:
		text = strconv.FormatFloat(x, 'e', 14, 64)
	case float32:
		text = strconv.FormatFloat(float64(x), 'e', 6, 64)
	case Decimal:
		text = x.String()
	default:
		text = toBig(v).String()
	}
	mant, exp, _ := strings.Cut(text, "e")
	e, _ := strconv.Atoi(exp)
	whole, frac, _ := strings.Cut(strings.TrimPrefix(mant, "-"), ".")
	n := significand{d: strings.TrimLeft(whole+frac, "0"), neg: strings.HasPrefix(mant, "-")}
	n.scale = len(whole) + e - (len(whole+frac) - len(n.d))
	return n.trim()
}

func (n significand) trim() significand {
	n.d = strings.TrimRight(n.d, "0")
	if n.d == "" {
		n.scale = 0
	}
	return n
}

// round keeps a number of digits behind the point; halves go away from zero.
func (n significand) round(places int) significand {
	return n.keep(n.scale + places)
}

// keep keeps a number of digits.
func (n significand) keep(count int) significand {
	switch {
	case count >= len(n.d):
		return n
	case count < 0:
		n.d = ""
		return n.trim()
	}
	up := n.d[count] >= '5'
	n.d = n.d[:count]
	if !up {
		return n.trim()
	}
	n.d = strings.TrimRight(n.d, "9")
	if n.d == "" {
		n.d = "1"
		n.scale++
		return n
	}
	n.d = n.d[:len(n.d)-1] + string(n.d[len(n.d)-1]+1)
	return n
}

// plain is the number with so many digits behind the point, which it has at most.
func (n significand) plain(places int) string {
	whole, frac := "0", ""
	switch {
	case n.scale <= 0:
		frac = strings.Repeat("0", -n.scale) + n.d
	case n.scale >= len(n.d):
		whole = n.d + strings.Repeat("0", n.scale-len(n.d))
	default:
		whole, frac = n.d[:n.scale], n.d[n.scale:]
	}
	if n.d == "" {
		frac = ""
	}
	if places > 0 {
		whole += "." + frac + strings.Repeat("0", places-len(frac))
	}
	if n.neg && n.d != "" {
		whole = "-" + whole
	}
	return whole
}

// fixed is a number times ten to the power of shift, rounded to a number of
// digits behind the point. .NET rounds what a double really is, .NET Framework
// its first 15 digits.
func (s *Session) fixed(v any, digits, shift int) string {
	f, isFloat := v.(float64)
	if x, ok := v.(float32); ok {
		f, isFloat = float64(x), true
	}
	if !isFloat || s.edition != Core {
		n := significandOf(v)
		n.scale += shift
		return n.round(digits).plain(digits)
	}
	whole, frac, _ := strings.Cut(strconv.FormatFloat(f, 'f', digits+shift, 64), ".")
	sign := strings.HasPrefix(whole, "-")
	whole = strings.TrimLeft(strings.TrimPrefix(whole, "-")+frac[:shift], "0")
	if whole == "" {
		whole = "0"
	}
	if digits > 0 {
		whole += "." + frac[shift:]
	}
	if sign {
		whole = "-" + whole
	}
	return whole
}
