package ps

import (
	"fmt"
	"strings"
)

// customNumber formats with a pattern of 0 # . , % e and literals, with up to
// three sections for positive, negative and zero.
func (s *Session) customNumber(v any, format string) string {
	n := significandOf(v)
	real := false // a double of .NET keeps its sign when it becomes zero
	switch v.(type) {
	case float64, float32:
		real = s.edition == Core
	}
	which := 0
	switch {
	case n.d == "":
		which = 2
	case n.neg:
		which = 1
	}
	section, first := patternSection(format, which)
	p := parsePattern(section)
	if n.d != "" {
		n = p.round(n)
		if n.d == "" {
			section, first = patternSection(format, 2)
			p = parsePattern(section)
		}
	}
	w := patternWriter{pattern: p, n: n}
	w.write(section)
	if n.neg && first && (n.d != "" || real && w.b.Len() > 0) {
		return "-" + w.b.String()
	}
	return w.b.String()
}

// patternSection returns a section of a format, the first where it has none or
// an empty one.
func patternSection(format string, which int) (section string, first bool) {
	var list []string
	start := 0
	for i := 0; i < len(format); i++ {
		switch c := format[i]; c {
		case '\'', '"':
			i += quoted(format[i:])
		case '\\':
			i++
		case ';':
			list = append(list, format[start:i])
			start = i + 1
		}
	}
	list = append(list, format[start:])
	if which < len(list) && list[which] != "" {
		return list[which], which == 0
	}
	return list[0], true
}

// quoted is how far the closing quote is behind the opening one.
func quoted(s string) int {
	if end := strings.IndexByte(s[1:], s[0]); end >= 0 {
		return end + 1
	}
	return len(s)
}

// pattern is what the places of a section mean for the number.
type pattern struct {
	// places are all places for digits, whole those before the point.
	places, whole int
	// minWhole and minFrac are how many digits are shown at least.
	minWhole, minFrac   int
	grouped, scientific bool
	// shift moves the point: percent signs, commas at the end.
	shift int
}

func parsePattern(section string) pattern {
	p := pattern{whole: -1}
	firstZero, lastZero, comma, commas := -1, 0, -1, 0
	for i := 0; i < len(section); i++ {
		switch c := section[i]; {
		case c == '#':
			p.places++
		case c == '0':
			if firstZero < 0 {
				firstZero = p.places
			}
			p.places++
			lastZero = p.places
		case c == '.' && p.whole < 0:
			p.whole = p.places
		case c == ',' && p.places > 0 && p.whole < 0:
			if comma == p.places {
				commas++
				continue
			}
			p.grouped = p.grouped || comma >= 0
			comma, commas = p.places, 1
		case c == '%':
			p.shift += 2
		case strings.HasPrefix(section[i:], "\u2030"):
			p.shift += 3
		case c == '\'' || c == '"':
			i += quoted(section[i:])
		case c == '\\':
			i++
		case c == 'e' || c == 'E':
			if n := exponent(section[i:]); n > 0 {
				p.scientific = true
				i += n
			}
		}
	}
	if p.whole < 0 {
		p.whole = p.places
	}
	if comma == p.whole {
		p.shift -= 3 * commas
	} else if comma >= 0 {
		p.grouped = true
	}
	if firstZero >= 0 {
		p.minWhole = max(p.whole-firstZero, 0)
	}
	p.minFrac = max(lastZero-p.whole, 0)
	return p
}

// exponent is the length of the sign and zeros behind an e, 0 if they are none.
func exponent(s string) int {
	i := 1
	if i < len(s) && (s[i] == '+' || s[i] == '-') {
		i++
	}
	if i == len(s) || s[i] != '0' {
		return 0
	}
	for i < len(s) && s[i] == '0' {
		i++
	}
	return i - 1
}

// round keeps the digits that have a place.
func (p pattern) round(n significand) significand {
	n.scale += p.shift
	if p.scientific {
		return n.keep(p.places)
	}
	return n.round(p.places - p.whole)
}

// patternWriter writes a number into a section.
type patternWriter struct {
	pattern
	n significand
	b strings.Builder
	// at is the place of the next digit: how many come before the point, counted
	// with it; 0 and below is behind the point. next is the next digit of n.
	at, next int
	// extra are digits that have no place of their own, missing the places that
	// have no digit; both stand in front.
	extra, missing int
	point          bool
}

func (w *patternWriter) write(section string) {
	w.at = w.whole
	if !w.scientific {
		w.at = max(w.n.scale, w.whole)
		w.extra, w.missing = max(w.n.scale-w.whole, 0), max(w.whole-w.n.scale, 0)
	}
	for i := 0; i < len(section); i++ {
		c := section[i]
		if c == '#' || c == '0' || c == '.' {
			w.place(c)
			continue
		}
		switch c {
		case ',':
		case '\'', '"':
			n := quoted(section[i:])
			w.b.WriteString(strings.TrimSuffix(section[i+1:min(i+n+1, len(section))], string(c)))
			i += n
		case '\\':
			if i++; i < len(section) {
				w.b.WriteByte(section[i])
			}
		case 'e', 'E':
			n := exponent(section[i:])
			if n == 0 || !w.scientific {
				w.b.WriteString(section[i : i+n+1])
			} else {
				w.exponent(section[i : i+n+1])
				w.scientific = false
			}
			i += n
		default:
			w.b.WriteByte(c)
		}
	}
}

// place writes what stands at a 0, # or point.
func (w *patternWriter) place(c byte) {
	for ; w.extra > 0; w.extra-- {
		w.digit(true)
	}
	switch {
	case c == '.':
		if w.at == 0 && !w.point && (w.minFrac > 0 || w.whole < w.places && w.next < len(w.n.d)) {
			w.b.WriteByte('.')
			w.point = true
		}
	case w.missing > 0:
		w.missing--
		w.zero(w.at <= w.minWhole)
	default:
		w.digit(w.at > -w.minFrac)
	}
}

// digit writes the next digit, or a zero if there is none and it is wanted.
func (w *patternWriter) digit(zero bool) {
	if w.next >= len(w.n.d) {
		w.zero(zero)
		return
	}
	w.b.WriteByte(w.n.d[w.next])
	w.next++
	w.moved()
}

func (w *patternWriter) zero(shown bool) {
	if !shown {
		w.at--
		return
	}
	w.b.WriteByte('0')
	w.moved()
}

// moved goes to the next place, behind a comma between thousands.
func (w *patternWriter) moved() {
	w.at--
	if w.grouped && w.at > 0 && w.at%3 == 0 {
		w.b.WriteByte(',')
	}
}

// exponent writes the power of ten of a scientific number.
func (w *patternWriter) exponent(how string) {
	e := 0
	if w.n.d != "" {
		e = w.n.scale - w.whole
	}
	zeros := strings.Count(how, "0")
	w.b.WriteByte(how[0])
	switch {
	case e < 0:
		w.b.WriteByte('-')
		e = -e
	case how[1] == '+':
		w.b.WriteByte('+')
	}
	fmt.Fprintf(&w.b, "%0*d", min(zeros, 10), e)
}
