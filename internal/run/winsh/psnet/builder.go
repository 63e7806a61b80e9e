package psnet

import (
	"context"
	"strings"
	"unicode"

	"github.com/casement/casement/internal/run/winsh/ps"
)

// builder is the Data of a StringBuilder.
type builder struct{ b []byte }

// String is the text.
func (b *builder) String() string { return string(b.b) }

func (b *builder) add(text string) { b.b = append(b.b, text...) }

func (b *builder) set(text string) { b.b = append(b.b[:0], text...) }

func newBuilder(_ context.Context, in *ps.Invoke) (any, error) {
	b := &builder{}
	if len(in.Args) > 0 {
		if text, ok := in.Args[0].(string); ok {
			b.set(text)
		}
	}
	return in.Session.Object("System.Text.StringBuilder", b), nil
}

func builderMembers() []ps.Member {
	const typ = "System.Text.StringBuilder"
	data := self[*builder]
	// chained makes a method that returns the builder.
	chained := func(name string, f func(ctx context.Context, in *ps.Invoke, b *builder) error, signatures ...string) ps.Member {
		return method(name, typ, func(ctx context.Context, in *ps.Invoke) (any, error) {
			if err := f(ctx, in, data(in)); err != nil {
				return nil, err
			}
			return in.Self, limit(in.Session, int64(len(data(in).b)))
		}, signatures...)
	}
	return []ps.Member{
		chained("Append", appendText, "string value", "char[] value", "char value", "System.Object value", "char value, int repeatCount", "string value, int startIndex, int count"),
		chained("AppendLine", func(_ context.Context, in *ps.Invoke, b *builder) error {
			if len(in.Args) > 0 {
				b.add(in.String(0))
			}
			b.add("\r\n")
			return nil
		}, "", "string value"),
		chained("AppendFormat", func(ctx context.Context, in *ps.Invoke, b *builder) error {
			text, err := formatted(ctx, in)
			if err == nil {
				b.add(text.(string))
			}
			return err
		}, "string format, params object[] args", "System.IFormatProvider provider, string format, params object[] args"),
		chained("Insert", func(_ context.Context, in *ps.Invoke, b *builder) error {
			s, at := b.String(), in.Int(0)
			size := textLen(s)
			if at < 0 || at > size {
				return badStart(in.Session)
			}
			text, err := netText(in.Session, in.Args[1])
			b.set(cut(s, 0, at) + text + cut(s, at, size-at))
			return err
		}, "int index, string value", "int index, System.Object value"),
		chained("Remove", func(_ context.Context, in *ps.Invoke, b *builder) error {
			s, at, n := b.String(), in.Int(0), in.Int(1)
			size := textLen(s)
			if at < 0 || n < 0 || at+n > size {
				return outOfRange(in.Session, "Index was out of range. Must be non-negative and less than the size of the collection.", "index")
			}
			b.set(cut(s, 0, at) + cut(s, at+n, size-at-n))
			return nil
		}, "int startIndex, int length"),
		chained("Replace", func(_ context.Context, in *ps.Invoke, b *builder) error {
			if in.String(0) == "" {
				return badArgument(in.Session, either(in.Session, "Empty name is not legal.", "The value cannot be an empty string."), "oldValue")
			}
			b.set(strings.ReplaceAll(b.String(), in.String(0), in.String(1)))
			return nil
		}, "string oldValue, string newValue", "char oldChar, char newChar"),
		chained("Clear", func(_ context.Context, _ *ps.Invoke, b *builder) error { b.set(""); return nil }, ""),
		method("EnsureCapacity", "int", val(func(in *ps.Invoke) any { return ps.Int(max(in.Int(0), 16, len(data(in).b))) }), "int capacity"),
		method("ToString", "string", can(func(in *ps.Invoke) (any, error) {
			s := data(in).String()
			if len(in.Args) == 0 {
				return s, nil
			}
			at, n := in.Int(0), in.Int(1)
			if at < 0 || n < 0 || at+n > textLen(s) {
				return nil, badStart(in.Session)
			}
			return cut(s, at, n), nil
		}), "", "int startIndex, int length"),
		prop("Length", "int", func(in *ps.Invoke) any { return ps.Int(textLen(data(in).String())) }).With(func(_ context.Context, in *ps.Invoke) error {
			s, n := data(in).String(), in.Int(0)
			size := textLen(s)
			switch {
			case n < 0:
				return outOfRange(in.Session, "Length cannot be less than zero.", "value")
			case n <= size:
				data(in).set(cut(s, 0, n))
			default:
				data(in).add(strings.Repeat("\x00", n-size))
			}
			return nil
		}),
		prop("Capacity", "int", func(in *ps.Invoke) any { return ps.Int(max(16, cap(data(in).b))) }).With(func(context.Context, *ps.Invoke) error { return nil }),
		prop("MaxCapacity", "int", func(*ps.Invoke) any { return int32(2147483647) }),
		{Name: "Chars", Kind: ps.KindParameterized, Type: "char", Overloads: overloads(can(func(in *ps.Invoke) (any, error) {
			u, i := ps.Units(data(in).String()), in.Int(0)
			if i < 0 || i >= len(u) {
				return nil, throw("System.IndexOutOfRangeException", "Index was outside the bounds of the array.")
			}
			return ps.Char(u[i]), nil
		}), "int index")},
	}
}

func appendText(_ context.Context, in *ps.Invoke, b *builder) error {
	if len(in.Args) == 3 {
		s, at, n := in.String(0), in.Int(1), in.Int(2)
		if at < 0 || n < 0 || at+n > textLen(s) {
			return badStart(in.Session)
		}
		b.add(cut(s, at, n))
		return nil
	}
	if a, ok := ps.Unwrap(in.Args[0]).(*ps.Array); ok && a.Type == "System.Char[]" {
		b.add(unitsText(a.Items))
		return nil
	}
	text, err := netText(in.Session, in.Args[0])
	if len(in.Args) == 2 {
		text = strings.Repeat(text, max(in.Int(1), 0))
	}
	b.add(text)
	return err
}

// charMembers are those of System.Char.
func charMembers() []ps.Member {
	arg := func(in *ps.Invoke) rune {
		if len(in.Args) == 2 {
			u, i := ps.Units(in.String(0)), in.Int(1)
			if i >= 0 && i < len(u) {
				return rune(u[i])
			}
			return 0
		}
		c, _ := in.Args[0].(ps.Char)
		return rune(c)
	}
	is := func(name string, f func(r rune) bool) ps.Member {
		return static(name, "bool", val(func(in *ps.Invoke) any { return f(arg(in)) }), "char c", "string s, int index")
	}
	to := func(name string, f func(r rune) rune) ps.Member {
		return static(name, "char", val(func(in *ps.Invoke) any { return ps.Char(f(arg(in))) }), "char c", "char c, System.Globalization.CultureInfo culture")
	}
	inv := func(name string, f func(r rune) rune) ps.Member {
		return static(name, "char", val(func(in *ps.Invoke) any { return ps.Char(f(arg(in))) }), "char c")
	}
	return []ps.Member{
		is("IsDigit", unicode.IsDigit), is("IsNumber", unicode.IsNumber), is("IsLetter", unicode.IsLetter), is("IsUpper", unicode.IsUpper), is("IsLower", unicode.IsLower),
		is("IsLetterOrDigit", func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }), is("IsWhiteSpace", unicode.IsSpace),
		is("IsPunctuation", unicode.IsPunct), is("IsControl", unicode.IsControl), is("IsSymbol", unicode.IsSymbol),
		is("IsSeparator", func(r rune) bool { return unicode.Is(unicode.Z, r) }), is("IsSurrogate", func(r rune) bool { return r >= 0xd800 && r < 0xe000 }),
		to("ToUpper", unicode.ToUpper), to("ToLower", unicode.ToLower), inv("ToUpperInvariant", unicode.ToUpper), inv("ToLowerInvariant", unicode.ToLower),
		static("GetNumericValue", "double", val(func(in *ps.Invoke) any {
			if r := arg(in); r >= '0' && r <= '9' {
				return float64(r - '0')
			}
			return float64(-1)
		}), "char c"),
		static("ConvertFromUtf32", "string", can(func(in *ps.Invoke) (any, error) {
			n := in.Int(0)
			if n < 0 || n > 0x10ffff || n >= 0xd800 && n < 0xe000 {
				return nil, outOfRange(in.Session, "A valid UTF32 value is between 0x000000 and 0x10ffff, inclusive, and should not include surrogate codepoint values (0x00d800 ~ 0x00dfff).", "utf32")
			}
			return string(rune(n)), nil
		}), "int utf32"),
		static("ConvertToUtf32", "int", can(func(in *ps.Invoke) (any, error) {
			u, i := ps.Units(in.String(0)), in.Int(1)
			if i < 0 || i >= len(u) {
				return nil, badStart(in.Session)
			}
			for _, r := range ps.Text(u[i:min(i+2, len(u))]) {
				return ps.Int(int(r)), nil
			}
			return int32(0), nil
		}), "string s, int index"),
		static("Parse", "char", can(func(in *ps.Invoke) (any, error) {
			u := ps.Units(in.String(0))
			if len(u) != 1 {
				return nil, throw(formatException, "String must be exactly one character long.")
			}
			return ps.Char(u[0]), nil
		}), "string s"),
		constant("MaxValue", "char", ps.Char(0xffff)), constant("MinValue", "char", ps.Char(0)),
		method("CompareTo", "int", val(func(in *ps.Invoke) any {
			a, _ := ps.Unwrap(in.Self).(ps.Char)
			b, _ := in.Args[0].(ps.Char)
			return ps.Int(int(a) - int(b))
		}), "char value"),
	}
}
