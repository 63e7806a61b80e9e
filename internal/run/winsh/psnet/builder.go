package psnet

import (
	"context"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/run/winsh/ps"
)

// builder is the Data of a StringBuilder. The zero value is an empty one.
type builder struct {
	b    []byte
	size int // in UTF-16
	// room is Capacity; 0 is the default, 16. The text lies in blocks, of which
	// the last one begins at place last.
	room, last int
	// odd says that the text was changed so that nobody can tell how the blocks
	// lie now.
	odd bool
}

// String is the text.
func (b *builder) String() string { return string(b.b) }

func (b *builder) capacity() int {
	if b.room == 0 {
		return 16
	}
	return b.room
}

// add appends a piece: what does not fit any more is in a block of its own, which
// is as large as all that is there already, up to 8000.
func (b *builder) add(text string) {
	b.b = append(b.b, text...)
	b.room = b.capacity()
	if b.size += textLen(text); b.size > b.room {
		b.last = b.room
		b.room += max(b.size-b.room, min(b.room, 8000))
	}
}

// set replaces the text. A text in one block stays there if it gets no longer.
func (b *builder) set(text string) {
	size := textLen(text)
	b.odd = b.odd || b.last > 0 || size > b.size
	b.b, b.size = append(b.b[:0], text...), size
}

// clear empties the builder. What it took in all is one block then.
func (b *builder) clear(s *ps.Session) {
	if b.last > 0 && !desktop(s) {
		b.room = min(b.room, max(b.size*6/5, b.room-b.last))
	}
	b.b, b.size, b.last = b.b[:0], 0, 0
}

// shorten leaves the first n characters.
func (b *builder) shorten(s *ps.Session, n int) {
	if n == 0 {
		b.clear(s)
		return
	}
	b.odd = b.odd || n < b.last
	if len(b.b) == b.size { // one byte a character
		b.b, b.size = b.b[:n], n
		return
	}
	b.b, b.size = []byte(cut(b.String(), 0, n)), n
}

func newBuilder(_ context.Context, in *ps.Invoke) (any, error) {
	b := &builder{}
	for i := range in.Args {
		switch v := in.Args[i].(type) {
		case string:
			b.b, b.size = append(b.b, v...), textLen(v)
			b.room = max(b.room, b.size, 16)
		default:
			n := in.Int(i)
			if n < 0 {
				return nil, outOfRange(in.Session, "'capacity' must be greater than zero.", "capacity")
			}
			if i == 0 || len(in.Args) == 2 && b.size > 0 {
				b.room = max(b.size, n)
			}
		}
	}
	return in.Session.Object("System.Text.StringBuilder", b), nil
}

// builderEdits are the methods that change the text, and return the builder.
func builderEdits() []ps.Member {
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
				before := b.room
				b.add(text.(string))
				b.odd = b.odd || b.last > 0 && b.room > before // its pieces made blocks
			}
			return err
		}, "string format, params object[] args", "System.IFormatProvider provider, string format, params object[] args"),
		core(chained("AppendJoin", func(_ context.Context, in *ps.Invoke, b *builder) error {
			for i, v := range ps.Items(in.Args[1]) {
				text, err := netText(in.Session, v)
				if err != nil {
					return err
				}
				if i > 0 {
					text = in.Session.ToString(in.Args[0]) + text
				}
				b.add(text)
			}
			b.odd = true // its pieces made blocks
			return nil
		}, "string separator, params object[] values", "char separator, params object[] values")),
		chained("Insert", func(_ context.Context, in *ps.Invoke, b *builder) error {
			s, at := b.String(), in.Int(0)
			size := b.size
			if at < 0 || at > size {
				return badPlace(in.Session, "index")
			}
			text, err := netText(in.Session, in.Args[1])
			b.set(cut(s, 0, at) + text + cut(s, at, size-at))
			return err
		}, "int index, string value", "int index, System.Object value"),
		chained("Remove", func(_ context.Context, in *ps.Invoke, b *builder) error {
			s, at, n := b.String(), in.Int(0), in.Int(1)
			size := b.size
			if at < 0 || n < 0 || at+n > size {
				return badPlace(in.Session, either(in.Session, "index", "length"))
			}
			b.set(cut(s, 0, at) + cut(s, at+n, size-at-n))
			return nil
		}, "int startIndex, int length"),
		chained("Replace", func(_ context.Context, in *ps.Invoke, b *builder) error {
			if in.String(0) == "" {
				return badArgument(in.Session, either(in.Session, "Empty name is not legal.", "The value cannot be an empty string."), "oldValue")
			}
			s, at, n := b.String(), 0, b.size
			if len(in.Args) == 4 {
				at, n = in.Int(2), in.Int(3)
			}
			if at < 0 || n < 0 || at+n > b.size {
				return badPlace(in.Session, "startIndex")
			}
			b.set(cut(s, 0, at) + strings.ReplaceAll(cut(s, at, n), in.String(0), in.String(1)) + cut(s, at+n, b.size-at-n))
			return nil
		}, "string oldValue, string newValue", "char oldChar, char newChar", "string oldValue, string newValue, int startIndex, int count", "char oldChar, char newChar, int startIndex, int count"),
		chained("Clear", func(_ context.Context, in *ps.Invoke, b *builder) error { b.clear(in.Session); return nil }, ""),
	}
}

func builderMembers() []ps.Member {
	data := self[*builder]
	return append([]ps.Member{
		method("EnsureCapacity", "int", val(func(in *ps.Invoke) any {
			b := data(in)
			b.room = max(b.capacity(), in.Int(0))
			return ps.Int(b.room)
		}), "int capacity"),
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
		ps.Prop("Capacity", "int", can(func(in *ps.Invoke) (any, error) {
			if data(in).odd {
				return nil, machine.Refuse("StringBuilder.Capacity", "how large the builder is after other changes than appending is not known", "use Length")
			}
			return ps.Int(data(in).capacity()), nil
		})).With(setCapacity),
		prop("MaxCapacity", "int", func(*ps.Invoke) any { return int32(2147483647) }),
		prop("Length", "int", func(in *ps.Invoke) any { return ps.Int(data(in).size) }).With(func(_ context.Context, in *ps.Invoke) error {
			n, size := in.Int(0), data(in).size
			switch {
			case n < 0:
				return outOfRange(in.Session, "Length cannot be less than zero.", "value")
			case n <= size:
				data(in).shorten(in.Session, n)
			default:
				data(in).add(strings.Repeat("\x00", n-size))
			}
			return nil
		}),
		{Name: "Chars", Kind: ps.KindParameterized, Type: "char", Overloads: overloads(can(func(in *ps.Invoke) (any, error) {
			u, i := ps.Units(data(in).String()), in.Int(0)
			if i < 0 || i >= len(u) {
				return nil, throw("System.IndexOutOfRangeException", "Index was outside the bounds of the array.")
			}
			return ps.Char(u[i]), nil
		}), "int index")},
	}, builderEdits()...)
}

func setCapacity(_ context.Context, in *ps.Invoke) error {
	b, n := self[*builder](in), in.Int(0)
	if n < b.size {
		return outOfRange(in.Session, "capacity was less than the current size.", "value")
	}
	b.room = n
	return nil
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
		static("GetNumericValue", "double", can(func(in *ps.Invoke) (any, error) {
			switch r := arg(in); {
			case r >= '0' && r <= '9':
				return float64(r - '0'), nil
			case r >= utf8.RuneSelf && unicode.IsNumber(r):
				return nil, machine.Refuse("[char]::GetNumericValue('"+string(r)+"')", "only the digits of ASCII have values here", "use the digits 0 to 9")
			}
			return float64(-1), nil
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
