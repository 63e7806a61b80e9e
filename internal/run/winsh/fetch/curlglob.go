package fetch

import (
	"fmt"
	"iter"
	"strconv"
	"strings"
)

// maxGlob bounds how many URLs one pattern gives.
const maxGlob = 100000

// urlGlob is a URL with its {a,b} and [1-9] taken apart.
type urlGlob struct {
	parts []globPart
}

// globPart is either literal text (one value, no number) or a set.
type globPart struct {
	values []string
	set    bool
}

// globError is what curl says of a pattern.
type globError struct {
	text string
	pos  int
}

func (e *globError) Error() string { return e.text }

// parseGlob takes a pattern apart. Off returns the text as it is.
func parseGlob(pattern string, off bool) (*urlGlob, error) {
	g := &urlGlob{}
	var lit strings.Builder
	flush := func() {
		if lit.Len() > 0 {
			g.parts = append(g.parts, globPart{values: []string{lit.String()}})
			lit.Reset()
		}
	}
	if off {
		lit.WriteString(pattern)
		flush()
		return g, nil
	}
	amount := 1
	for i := 0; i < len(pattern); i++ {
		c := pattern[i]
		switch {
		case c == '\\' && i+1 < len(pattern) && strings.IndexByte("{[}]", pattern[i+1]) >= 0:
			i++
			lit.WriteByte(pattern[i])
			continue
		case c == '[' && skipIPv6(pattern[i:]) > 0:
			n := skipIPv6(pattern[i:])
			lit.WriteString(pattern[i : i+n])
			i += n - 1
			continue
		case c == '}' || c == ']':
			return nil, &globError{"unmatched close brace/bracket", i + 1}
		case c != '{' && c != '[':
			lit.WriteByte(c)
			continue
		}
		flush()
		var values []string
		var used int
		var err *globError
		if c == '{' {
			values, used, err = globSet(pattern[i+1:])
		} else {
			values, used, err = globRange(pattern[i+1:])
		}
		if err != nil {
			err.pos += i + 1
			return nil, err
		}
		if amount *= len(values); amount > maxGlob {
			return nil, &globError{"range overflow", i + 1}
		}
		g.parts = append(g.parts, globPart{values, true})
		i += used
	}
	flush()
	return g, nil
}

// skipIPv6 returns the length of an address in brackets at the start.
func skipIPv6(s string) int {
	end := strings.IndexByte(s, ']')
	if end < 0 || strings.Count(s[:end], ":") < 2 || strings.Trim(s[1:end], "0123456789abcdefABCDEF:.%") != "" {
		return 0
	}
	return end + 1
}

// globSet reads "a,b}".
func globSet(s string) (values []string, used int, _ *globError) {
	var cur strings.Builder
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '{', '[':
			return nil, 0, &globError{"nested brace", i + 1}
		case ']':
			return nil, 0, &globError{"unexpected close bracket", i + 1}
		case '}':
			if i == 0 {
				return nil, 0, &globError{"empty string within braces", i + 1}
			}
			return append(values, cur.String()), i + 1, nil
		case ',':
			values = append(values, cur.String())
			cur.Reset()
			continue
		case '\\':
			if i+1 < len(s) {
				i++
			}
		}
		cur.WriteByte(s[i])
	}
	return nil, 0, &globError{"unmatched brace", 0}
}

// globRange reads "1-9]", "001-100:10]" or "a-z:2]".
func globRange(s string) (values []string, used int, _ *globError) {
	bad := &globError{"bad range", 1 + rangeEnd(s)}
	if s == "" || !isLetter(s[0]) && (s[0] < '0' || s[0] > '9') {
		return nil, 0, &globError{"bad range specification", 1}
	}
	end := strings.IndexByte(s, ']')
	if end < 0 {
		return nil, 0, bad
	}
	body, stepText, hasStep := strings.Cut(s[:end], ":")
	from, to, ok := strings.Cut(body, "-")
	step, err := 1, error(nil)
	if hasStep {
		step, err = strconv.Atoi(stepText)
	}
	switch {
	case !ok || from == "" || to == "" || err != nil || step < 1:
		return nil, 0, bad
	}
	if isLetter(from[0]) {
		lo, hi := int(from[0]), int(to[0])
		if len(from) != 1 || len(to) != 1 || lo > hi || hi-lo > 'z'-'a' || lo != hi && step > hi-lo || lo == hi && step != 1 {
			return nil, 0, bad
		}
		for c := lo; c <= hi; c += step {
			values = append(values, string(rune(c)))
		}
		return values, end + 1, nil
	}
	lo, err1 := strconv.ParseInt(from, 10, 62)
	hi, err2 := strconv.ParseInt(strings.TrimLeft(to, " \t"), 10, 62)
	st := int64(step)
	if err1 != nil || err2 != nil || lo > hi || lo != hi && st > hi-lo || lo == hi && st != 1 {
		return nil, 0, bad
	}
	if (hi-lo)/st >= maxGlob {
		return nil, 0, &globError{"range overflow", end + 1}
	}
	width := 0
	if from[0] == '0' {
		width = len(from)
	}
	for n := lo; n <= hi; n += st {
		values = append(values, fmt.Sprintf("%0*d", width, n))
	}
	return values, end + 1, nil
}

// rangeEnd returns how far a range of numbers is one.
func rangeEnd(s string) int {
	i := 0
	digits := func() {
		for i < len(s) && s[i] >= '0' && s[i] <= '9' {
			i++
		}
	}
	char := func(c byte) bool {
		ok := i < len(s) && s[i] == c
		if ok {
			i++
		}
		return ok
	}
	if digits(); i > 0 && char('-') {
		if digits(); char(':') {
			digits()
		}
		char(']')
	}
	return i
}

// all yields the URLs, the last set changing fastest, each with the values of
// its sets.
func (g *urlGlob) all() iter.Seq2[string, []string] {
	return func(yield func(string, []string) bool) {
		at := make([]int, len(g.parts))
		for {
			var url strings.Builder
			var sets []string
			for i, p := range g.parts {
				url.WriteString(p.values[at[i]])
				if p.set {
					sets = append(sets, p.values[at[i]])
				}
			}
			if !yield(url.String(), sets) {
				return
			}
			i := len(at) - 1
			for ; i >= 0; i-- {
				if at[i]++; at[i] < len(g.parts[i].values) {
					break
				}
				at[i] = 0
			}
			if i < 0 {
				return
			}
		}
	}
}

// fillName replaces #1 and its like in the name of an output file.
func fillName(name string, sets []string) string {
	if len(sets) == 0 {
		return name
	}
	var b strings.Builder
	for i := 0; i < len(name); i++ {
		j := i + 1
		for j < len(name) && name[j] >= '0' && name[j] <= '9' {
			j++
		}
		n, err := 0, error(nil)
		if name[i] == '#' && j > i+1 {
			n, err = strconv.Atoi(name[i+1 : j])
		}
		if n < 1 || n > len(sets) || err != nil {
			b.WriteByte(name[i])
			continue
		}
		b.WriteString(sets[n-1])
		i = j - 1
	}
	return b.String()
}
