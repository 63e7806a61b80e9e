package psnet

import (
	"context"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/casement/casement/internal/run/winsh/ps"
)

// Strings are UTF-8 here and counted in UTF-16 units. A text of ASCII only is
// cut where it lies; all others are turned into units first.

func isASCII(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

func textLen(s string) int {
	if isASCII(s) {
		return len(s)
	}
	return len(ps.Units(s))
}

// cut returns n units from a place on; both are within the text.
func cut(s string, from, n int) string {
	if isASCII(s) {
		return s[from : from+n]
	}
	return ps.Text(ps.Units(s)[from : from+n])
}

// fold makes texts comparable without regard to case, unit by unit.
func fold(s string) string {
	if isASCII(s) {
		return strings.ToUpper(s)
	}
	return strings.Map(func(r rune) rune {
		u := unicode.ToUpper(r)
		if (u > 0xffff) != (r > 0xffff) {
			return r
		}
		return u
	}, s)
}

// find returns the first or last place of sub, counted in units, and -1 if there
// is none.
func find(s, sub string, last bool) int {
	i := strings.Index(s, sub)
	if last {
		i = strings.LastIndex(s, sub)
	}
	if i <= 0 {
		return i
	}
	return textLen(s[:i])
}

// ignoresCase tells a StringComparison, or a bool, that ignores case.
func ignoresCase(in *ps.Invoke, i int) bool {
	if i >= len(in.Args) {
		return false
	}
	switch x := in.Args[i].(type) {
	case ps.Enum:
		return x.Value%2 == 1
	case bool:
		return x
	}
	return false
}

// stringTypes has System.String, System.Char and StringBuilder.
func stringTypes() []*ps.Type {
	return []*ps.Type{
		{
			Name: "System.String", Members: stringMembers,
			New: overloads(val(func(in *ps.Invoke) any {
				if c, ok := in.Args[0].(ps.Char); ok {
					return strings.Repeat(ps.Text([]uint16{uint16(c)}), max(in.Int(1), 0))
				}
				items := ps.Items(in.Args[0])
				if len(in.Args) == 3 {
					from, n := in.Int(1), in.Int(2)
					if from < 0 || n < 0 || from+n > len(items) {
						return ""
					}
					items = items[from : from+n]
				}
				return unitsText(items)
			}), "char c, int count", "char[] value", "char[] value, int startIndex, int length"),
		},
		{Name: "System.Char", Members: charMembers},
		{
			Name: "System.Text.StringBuilder", Members: builderMembers, String: func(v any) string { return v.(*ps.Object).Data.(*builder).String() },
			New: overloads(newBuilder, "", "int capacity", "string value", "string value, int capacity", "int capacity, int maxCapacity"),
		},
		flags("System.StringSplitOptions", "None", 0, "RemoveEmptyEntries", 1, "TrimEntries", 2),
		{Name: "System.StringComparer", Abstract: true, Members: comparerMembers},
	}
}

func stringMembers() []ps.Member {
	var list []ps.Member
	list = append(list, stringStatics()...)
	list = append(list, searchMembers()...)
	list = append(list, cutMembers()...)
	list = append(list, caseMembers()...)
	return append(list, splitMember(), replaceMember())
}

func this(in *ps.Invoke) string {
	s, _ := ps.Unwrap(in.Self).(string)
	return s
}

func stringStatics() []ps.Member {
	compare := can(func(in *ps.Invoke) (any, error) {
		a, b := in.String(0), in.String(1)
		if e, ok := lastArg(in).(ps.Enum); ok && e.Value >= 4 {
			if e.Value == 5 {
				a, b = fold(a), fold(b)
			}
			return ps.Int(ordinal(a, b)), nil
		}
		n, err := in.Session.Compare(a, b, !ignoresCase(in, 2))
		return ps.Int(n), err
	})
	return []ps.Member{
		static("IsNullOrEmpty", "bool", val(func(in *ps.Invoke) any { return in.String(0) == "" }), "string value"),
		static("IsNullOrWhiteSpace", "bool", val(func(in *ps.Invoke) any { return strings.TrimFunc(in.String(0), unicode.IsSpace) == "" }), "string value"),
		static("Format", "string", formatted, "string format, params object[] args", "System.IFormatProvider provider, string format, params object[] args"),
		static("Join", "string", joined, "string separator, params object[] values", "string separator, string[] value", "string separator, string[] value, int startIndex, int count"),
		static("Concat", "string", can(func(in *ps.Invoke) (any, error) {
			args := in.Args
			if len(args) == 1 && ps.Enumerable(args[0]) {
				args = ps.Items(args[0])
			}
			return concat(in.Session, "", args)
		}), "params object[] args", "string str0, string str1", "string str0, string str1, string str2", "string[] values"),
		static("Compare", "int", compare, "string strA, string strB", "string strA, string strB, bool ignoreCase", "string strA, string strB, System.StringComparison comparisonType"),
		static("CompareOrdinal", "int", val(func(in *ps.Invoke) any { return ps.Int(ordinal(in.String(0), in.String(1))) }), "string strA, string strB"),
		static("Equals", "bool", val(func(in *ps.Invoke) any { return sameText(in, in.String(0), in.String(1), 2) }), "string a, string b", "string a, string b, System.StringComparison comparisonType"),
		static("Copy", "string", val(func(in *ps.Invoke) any { return in.String(0) }), "string str"),
		static("Intern", "string", val(func(in *ps.Invoke) any { return in.String(0) }), "string str"),
	}
}

func lastArg(in *ps.Invoke) any { return in.Args[len(in.Args)-1] }

func sameText(in *ps.Invoke, a, b string, option int) bool {
	if ignoresCase(in, option) {
		return fold(a) == fold(b)
	}
	return a == b
}

// ordinal is the difference of the first units that differ, or of the lengths.
func ordinal(a, b string) int {
	x, y := ps.Units(a), ps.Units(b)
	for i := range min(len(x), len(y)) {
		if x[i] != y[i] {
			return int(x[i]) - int(y[i])
		}
	}
	return len(x) - len(y)
}

func formatted(ctx context.Context, in *ps.Invoke) (any, error) {
	args, inv := in.Args, false
	if o := object(in, 0); o != nil {
		inv = isInvariant(o)
		args = args[1:]
	}
	values := ps.Items(args[1])
	if inv {
		return compositeInvariant(ctx, in.Session, in.Session.ToString(args[0]), values)
	}
	return in.Session.Composite(in.Session.ToString(args[0]), values)
}

func joined(_ context.Context, in *ps.Invoke) (any, error) {
	items := ps.Items(in.Args[1])
	if len(in.Args) == 2 && len(items) == 1 {
		// A collection of texts is an IEnumerable<string>, not one of the values.
		one, name := ps.Unwrap(items[0]), ""
		switch x := one.(type) {
		case *ps.Object:
			name = x.Type.Name
		case *ps.Array:
			name = x.Type
		}
		if ps.Enumerable(one) && strings.HasSuffix(name, "`1[System.String]") {
			items = ps.Items(one)
		}
	}
	if a, ok := in.Args[1].(*ps.Array); len(in.Args) == 2 && desktop(in.Session) && ok && a.Type == "System.Object[]" && len(items) > 0 && ps.IsNull(items[0]) {
		return "", nil // .NET Framework gives up at a first element that is null
	}
	if len(in.Args) == 4 {
		from, n := in.Int(2), in.Int(3)
		if from < 0 || n < 0 || from+n > len(items) {
			return nil, outOfRange(in.Session, "Index and count must refer to a location within the buffer.", "startIndex")
		}
		items = items[from : from+n]
	}
	return concat(in.Session, in.String(0), items)
}

func concat(s *ps.Session, sep string, items []any) (any, error) {
	var b strings.Builder
	for i, v := range items {
		if i > 0 {
			b.WriteString(sep)
		}
		text, err := netText(s, v)
		if err != nil {
			return nil, err
		}
		b.WriteString(text)
	}
	return b.String(), limit(s, int64(b.Len()))
}

// netText is ToString() of .NET.
func netText(s *ps.Session, v any) (string, error) {
	if text, ok := v.(string); ok {
		return text, nil
	}
	return s.Format(v, "")
}

// searchMembers are the methods that look for something.
func searchMembers() []ps.Member {
	side := func(name string, is func(s, part string) bool) ps.Member {
		run := val(func(in *ps.Invoke) any {
			s, part := this(in), in.String(0)
			if ignoresCase(in, 1) {
				s, part = fold(s), fold(part)
			}
			return is(s, part)
		})
		m := method(name, "bool", run, "string value", "string value, System.StringComparison comparisonType", "string value, bool ignoreCase, System.Globalization.CultureInfo culture")
		return also(m, of(ps.Core, overloads(run, "char value")...)...)
	}
	contains := val(func(in *ps.Invoke) any {
		s, part := this(in), in.String(0)
		if ignoresCase(in, 1) {
			s, part = fold(s), fold(part)
		}
		return strings.Contains(s, part)
	})
	places := []string{"char value", "string value", "char value, int startIndex", "string value, int startIndex", "char value, int startIndex, int count", "string value, int startIndex, int count"}
	compared := []string{"string value, System.StringComparison comparisonType", "string value, int startIndex, System.StringComparison comparisonType"}
	compareTo := can(func(in *ps.Invoke) (any, error) {
		n, err := in.Session.Compare(this(in), in.String(0), true)
		return ps.Int(n), err
	})
	return []ps.Member{
		side("StartsWith", strings.HasPrefix), side("EndsWith", strings.HasSuffix),
		also(method("Contains", "bool", contains, "string value"), of(ps.Core, overloads(contains, "char value", "string value, System.StringComparison comparisonType")...)...),
		method("IndexOf", "int", indexOf(false), append(places, compared...)...), method("LastIndexOf", "int", indexOf(true), append(places, compared...)...),
		method("IndexOfAny", "int", indexOfAny(false), "char[] anyOf", "char[] anyOf, int startIndex"), method("LastIndexOfAny", "int", indexOfAny(true), "char[] anyOf"),
		method("CompareTo", "int", compareTo, "string strB", "System.Object value"),
		method("Equals", "bool", val(func(in *ps.Invoke) any {
			text, ok := ps.Unwrap(in.Args[0]).(string)
			return ok && sameText(in, this(in), text, 1)
		}), "System.Object obj", "string value", "string value, System.StringComparison comparisonType"),
	}
}

// indexOf finds a text or a character.
func indexOf(last bool) run {
	return can(func(in *ps.Invoke) (any, error) {
		s, part := this(in), in.String(0)
		if ignoresCase(in, len(in.Args)-1) {
			s, part = fold(s), fold(part)
		}
		size := textLen(s)
		if last && part == "" && len(in.Args) == 1 && size > 0 && desktop(in.Session) {
			return ps.Int(size - 1), nil // the last place, to .NET Framework
		}
		from, to := 0, size
		if len(in.Args) > 1 {
			if _, isEnum := in.Args[1].(ps.Enum); !isEnum {
				at := in.Int(1)
				if at < 0 || at > size {
					return nil, badStart(in.Session)
				}
				n := size - at
				if last {
					n = at + 1
				}
				if len(in.Args) > 2 {
					if _, isEnum := in.Args[2].(ps.Enum); !isEnum {
						n = in.Int(2)
					}
				}
				if last {
					at = min(at, size-1)
					from, to = max(at-n+1, 0), at+1
				} else {
					if n < 0 || at+n > size {
						return nil, outOfRange(in.Session, "Count must be positive and count must refer to a location within the string/array/collection.", "count")
					}
					from, to = at, at+n
				}
			}
		}
		i := find(cut(s, from, to-from), part, last)
		if i >= 0 {
			i += from
		}
		return ps.Int(i), nil
	})
}

func badStart(s *ps.Session) error { return badPlace(s, "startIndex") }

func badPlace(s *ps.Session, name string) error {
	return outOfRange(s, either(s, "Index was out of range. Must be non-negative and less than the size of the collection.",
		"Index was out of range. Must be non-negative and less than or equal to the size of the collection."), name)
}

func indexOfAny(last bool) run {
	return can(func(in *ps.Invoke) (any, error) {
		units, set := ps.Units(this(in)), unitSet(in, 0)
		from := 0
		if len(in.Args) > 1 {
			if from = in.Int(1); from < 0 || from > len(units) {
				return nil, badStart(in.Session)
			}
		}
		for i := range units[from:] {
			at := from + i
			if last {
				at = len(units) - 1 - i
			}
			if set[units[at]] {
				return ps.Int(at), nil
			}
		}
		return int32(-1), nil
	})
}

// unitSet are the characters of an argument; nil if it has none.
func unitSet(in *ps.Invoke, i int) map[uint16]bool {
	if !has(in, i) {
		return nil
	}
	var set map[uint16]bool
	for _, v := range ps.Items(in.Args[i]) {
		if c, ok := v.(ps.Char); ok {
			if set == nil {
				set = map[uint16]bool{}
			}
			set[uint16(c)] = true
		}
	}
	return set
}

// caseMembers change the case.
func caseMembers() []ps.Member {
	change := func(name string, f func(string) string, signatures ...string) ps.Member {
		return method(name, "string", val(func(in *ps.Invoke) any { return f(this(in)) }), signatures...)
	}
	const culture = "System.Globalization.CultureInfo culture"
	return []ps.Member{
		change("ToUpper", upper, "", culture), change("ToLower", lower, "", culture), change("ToUpperInvariant", upper, ""), change("ToLowerInvariant", lower, ""),
	}
}

// upper and lower map each letter to one other, as .NET does: "ß" stays.
func upper(s string) string { return strings.Map(unicode.ToUpper, s) }
func lower(s string) string { return strings.Map(unicode.ToLower, s) }

// comparer is the Data of a StringComparer.
type comparer struct{ ignoreCase, ordinal bool }

// compare orders two values as the comparer does; what is no text has its own
// order.
func (c comparer) compare(s *ps.Session, a, b any) (int, error) {
	x, isText := ps.Unwrap(a).(string)
	y, both := ps.Unwrap(b).(string)
	if c.ordinal && isText && both {
		if c.ignoreCase {
			x, y = fold(x), fold(y)
		}
		return ordinal(x, y), nil
	}
	return s.Compare(a, b, !c.ignoreCase)
}

// by is how a comparer orders, or .NET itself if there is none.
func by(s *ps.Session, c *comparer) func(a, b any) (int, error) {
	if c == nil {
		return natural(s)
	}
	return func(a, b any) (int, error) { return c.compare(s, a, b) }
}

func comparerMembers() []ps.Member {
	var list []ps.Member
	for _, name := range []string{"Ordinal", "OrdinalIgnoreCase", "InvariantCulture", "InvariantCultureIgnoreCase", "CurrentCulture", "CurrentCultureIgnoreCase"} {
		list = append(list, field(name, "System.StringComparer", func(in *ps.Invoke) any {
			return in.Session.Object("System.StringComparer", comparer{strings.HasSuffix(name, "IgnoreCase"), strings.HasPrefix(name, "Ordinal")})
		}))
	}
	data := func(in *ps.Invoke) comparer { return in.Data().(comparer) }
	return append(list,
		method("Equals", "bool", val(func(in *ps.Invoke) any {
			if data(in).ignoreCase {
				return fold(in.String(0)) == fold(in.String(1))
			}
			return in.String(0) == in.String(1)
		}), "string x, string y"),
		method("Compare", "int", can(func(in *ps.Invoke) (any, error) {
			n, err := data(in).compare(in.Session, in.String(0), in.String(1))
			return ps.Int(n), err
		}), "string x, string y"))
}
