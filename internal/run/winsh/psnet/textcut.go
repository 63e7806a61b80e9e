package psnet

import (
	"context"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/casement/casement/internal/run/winsh/ps"
	"golang.org/x/text/unicode/norm"
)

// cutMembers are the methods that return a part, or put something in.
func cutMembers() []ps.Member {
	trim := func(name string, left, right bool) ps.Member {
		run := val(func(in *ps.Invoke) any { return trimmed(in, left, right) })
		return also(method(name, "string", run, "", "params char[] trimChars"), of(ps.Core, overloads(run, "char trimChar")...)...)
	}
	pad := func(name string, left bool) ps.Member {
		return method(name, "string", can(func(in *ps.Invoke) (any, error) {
			s, n, c := this(in), in.Int(0), " "
			if len(in.Args) > 1 {
				c = in.String(1)
			}
			if n < 0 {
				return nil, outOfRange(in.Session, "Non-negative number required.", "totalWidth")
			}
			if err := limit(in.Session, int64(n)*int64(len(c))); err != nil {
				return nil, err
			}
			fill := strings.Repeat(c, max(n-textLen(s), 0))
			if left {
				return fill + s, nil
			}
			return s + fill, nil
		}), "int totalWidth", "int totalWidth, char paddingChar")
	}
	return []ps.Member{
		method("Substring", "string", substring, "int startIndex", "int startIndex, int length"),
		method("Remove", "string", removed, "int startIndex", "int startIndex, int count"),
		method("Insert", "string", can(inserted), "int startIndex, string value"),
		trim("Trim", true, true), trim("TrimStart", true, false), trim("TrimEnd", false, true),
		pad("PadLeft", true), pad("PadRight", false),
		method("ToCharArray", "char[]", can(toChars), "", "int startIndex, int length"),
		{Name: "Chars", Kind: ps.KindParameterized, Type: "char", Overloads: overloads(can(func(in *ps.Invoke) (any, error) {
			u, i := ps.Units(this(in)), in.Int(0)
			if i < 0 || i >= len(u) {
				return nil, throw("System.IndexOutOfRangeException", "Index was outside the bounds of the array.")
			}
			return ps.Char(u[i]), nil
		}), "int index")},
		method("Clone", "System.Object", val(func(in *ps.Invoke) any { return this(in) }), ""),
		method("GetEnumerator", "System.CharEnumerator", val(func(in *ps.Invoke) any { return newEnumerator(in.Session, charArray(this(in)).Items) }), ""),
		method("Normalize", "string", val(func(in *ps.Invoke) any {
			form := map[int64]norm.Form{0: norm.NFC, 1: norm.NFC, 2: norm.NFD, 5: norm.NFKC, 6: norm.NFKD}[enumArg(in, 0)]
			return form.String(this(in))
		}), "", "System.Text.NormalizationForm normalizationForm"),
		method("ToString", "string", val(func(in *ps.Invoke) any { return this(in) }), "", "System.IFormatProvider provider"),
		method("CopyTo", "void", do(func(in *ps.Invoke) error {
			units, a := ps.Units(this(in)), in.Args[1].(*ps.Array)
			from, to, n := in.Int(0), in.Int(2), in.Int(3)
			if from < 0 || to < 0 || n < 0 || from+n > len(units) || to+n > len(a.Items) {
				return badStart(in.Session)
			}
			for i := range n {
				a.Items[to+i] = ps.Char(units[from+i])
			}
			return nil
		}), "int sourceIndex, char[] destination, int destinationIndex, int count"),
	}
}

// inserted is Insert.
func inserted(in *ps.Invoke) (any, error) {
	s, at := this(in), in.Int(0)
	size := textLen(s)
	if at < 0 || at > size {
		return nil, outOfRange(in.Session, either(in.Session, "Specified argument was out of the range of valid values.", "Index was out of range. Must be non-negative and less than or equal to the size of the collection."), "startIndex")
	}
	return cut(s, 0, at) + in.String(1) + cut(s, at, size-at), nil
}

// toChars is ToCharArray, of all or of a part.
func toChars(in *ps.Invoke) (any, error) {
	if err := limit(in.Session, int64(len(this(in)))*16); err != nil {
		return nil, err
	}
	a := charArray(this(in))
	if len(in.Args) == 2 {
		from, n := in.Int(0), in.Int(1)
		message := "Index was out of range. Must be non-negative and less than " + either(in.Session, "the size of the collection.", "or equal to the size of the collection.")
		switch {
		case from < 0 || from > len(a.Items) || from > len(a.Items)-n:
			return nil, outOfRange(in.Session, message, "startIndex")
		case n < 0:
			return nil, outOfRange(in.Session, message, "length")
		}
		a.Items = a.Items[from : from+n]
	}
	return a, nil
}

// cutArgs are the text, its size, and the place and size of the part that the
// arguments name: without a size, all that follows.
func cutArgs(in *ps.Invoke) (s string, from, n, size int) {
	s, from = this(in), in.Int(0)
	size = textLen(s)
	n = size - from
	if len(in.Args) > 1 {
		n = in.Int(1)
	}
	return s, from, n, size
}

func substring(_ context.Context, in *ps.Invoke) (any, error) {
	s, from, n, size := cutArgs(in)
	switch {
	case from < 0:
		return nil, outOfRange(in.Session, "StartIndex cannot be less than zero.", "startIndex")
	case from > size:
		return nil, outOfRange(in.Session, "startIndex cannot be larger than length of string.", "startIndex")
	case n < 0:
		return nil, outOfRange(in.Session, "Length cannot be less than zero.", "length")
	case from+n > size:
		return nil, outOfRange(in.Session, "Index and length must refer to a location within the string.", "length")
	}
	return cut(s, from, n), nil
}

func removed(_ context.Context, in *ps.Invoke) (any, error) {
	s, from, n, size := cutArgs(in)
	switch {
	case from < 0:
		return nil, outOfRange(in.Session, "StartIndex cannot be less than zero.", "startIndex")
	case len(in.Args) == 1 && desktop(in.Session) && from >= size:
		return nil, outOfRange(in.Session, "startIndex must be less than length of string.", "startIndex")
	case n < 0:
		return nil, outOfRange(in.Session, either(in.Session, "Count cannot be less than zero.", "Length cannot be less than zero."), "count")
	case from+n > size:
		return nil, outOfRange(in.Session, "Index and count must refer to a location within the string.", "count")
	}
	return cut(s, 0, from) + cut(s, from+n, size-from-n), nil
}

func trimmed(in *ps.Invoke, left, right bool) string {
	s := this(in)
	drop := unicode.IsSpace
	if len(in.Args) > 0 {
		if c, ok := in.Args[0].(ps.Char); ok {
			drop = func(r rune) bool { return r == rune(c) }
		} else if set := unitSet(in, 0); set != nil {
			drop = func(r rune) bool { return r <= 0xffff && set[uint16(r)] }
		}
	}
	if left {
		s = strings.TrimLeftFunc(s, drop)
	}
	if right {
		s = strings.TrimRightFunc(s, drop)
	}
	return s
}

func splitMember() ps.Member {
	m := method("Split", "string[]", splitText, "params char[] separator", "char[] separator, int count", "char[] separator, System.StringSplitOptions options",
		"char[] separator, int count, System.StringSplitOptions options", "string[] separator, System.StringSplitOptions options", "string[] separator, int count, System.StringSplitOptions options")
	return also(m, of(ps.Core, overloads(splitText, "string separator", "string separator, System.StringSplitOptions options", "string separator, int count",
		"string separator, int count, System.StringSplitOptions options", "char separator", "char separator, System.StringSplitOptions options", "char separator, int count",
		"char separator, int count, System.StringSplitOptions options")...)...)
}

// splitText is String.Split.
func splitText(_ context.Context, in *ps.Invoke) (any, error) {
	count, options := -1, int64(0)
	for _, a := range in.Args[min(1, len(in.Args)):] {
		switch x := a.(type) {
		case ps.Enum:
			options = x.Value
		default:
			count = int(intOf(x))
			if count < 0 {
				return nil, outOfRange(in.Session, "Count cannot be less than zero.", "count")
			}
		}
	}
	if count == 0 {
		return ps.Strings(nil), nil
	}
	var seps []string
	whole := false
	if len(in.Args) > 0 {
		_, whole = ps.Unwrap(in.Args[0]).(string)
		for _, v := range ps.Items(in.Args[0]) {
			if text := in.Session.ToString(v); text != "" {
				seps = append(seps, text)
			}
		}
	}
	if len(seps) == 0 && whole && in.String(0) == "" && has(in, 0) && !desktop(in.Session) {
		return ps.Strings([]string{this(in)}), nil
	}
	return ps.Strings(splitBy(this(in), seps, count, options)), nil
}

// splitBy cuts a text at separators, the first in the list that fits; none are
// blanks. Count is the largest number of parts, or -1.
func splitBy(s string, seps []string, count int, options int64) []string {
	dropEmpty, trim := options&1 != 0, options&2 != 0
	var list []string
	add := func(part string) {
		if trim {
			part = strings.TrimFunc(part, unicode.IsSpace)
		}
		if part != "" || !dropEmpty {
			list = append(list, part)
		}
	}
	start := 0
	for i := 0; i < len(s); {
		if count > 0 && len(list) == count-1 {
			break
		}
		n := separatorAt(s[i:], seps)
		if n == 0 {
			_, size := utf8.DecodeRuneInString(s[i:])
			i += size
			continue
		}
		add(s[start:i])
		i += n
		start = i
	}
	if count > 0 && len(list) == count-1 && dropEmpty {
		// What is left is the last part, without separators at its beginning.
		for n := separatorAt(s[start:], seps); n > 0; n = separatorAt(s[start:], seps) {
			start += n
		}
	}
	add(s[start:])
	return list
}

func separatorAt(s string, seps []string) int {
	if s == "" {
		return 0
	}
	if len(seps) == 0 {
		if r, size := utf8.DecodeRuneInString(s); unicode.IsSpace(r) {
			return size
		}
		return 0
	}
	for _, sep := range seps {
		if strings.HasPrefix(s, sep) {
			return len(sep)
		}
	}
	return 0
}

func replaceMember() ps.Member {
	run := can(func(in *ps.Invoke) (any, error) {
		s, old, with := this(in), in.String(0), in.String(1)
		if old == "" {
			return nil, badArgument(in.Session, either(in.Session, "String cannot be of zero length.", "The value cannot be an empty string."), "oldValue")
		}
		var out string
		if ignoresCase(in, 2) {
			out = replaceFold(s, old, with)
		} else {
			out = strings.ReplaceAll(s, old, with)
		}
		return out, limit(in.Session, int64(len(out)))
	})
	m := method("Replace", "string", run, "char oldChar, char newChar", "string oldValue, string newValue")
	return also(m, of(ps.Core, overloads(run, "string oldValue, string newValue, System.StringComparison comparisonType", "string oldValue, string newValue, bool ignoreCase, System.Globalization.CultureInfo culture")...)...)
}

// replaceFold replaces without regard to case.
func replaceFold(s, old, with string) string {
	var b strings.Builder
	want := []rune(fold(old))
	text := []rune(s)
	for i := 0; i < len(text); {
		if i+len(want) <= len(text) && fold(string(text[i:i+len(want)])) == string(want) {
			b.WriteString(with)
			i += len(want)
			continue
		}
		b.WriteRune(text[i])
		i++
	}
	return b.String()
}
