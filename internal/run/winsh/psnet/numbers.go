package psnet

import (
	"context"
	"math"
	"math/big"
	"strconv"
	"strings"

	"github.com/casement/casement/internal/run/winsh/ps"
)

// numberKind is a type of numbers.
type numberKind struct {
	name     string
	label    string // in "too large or too small for an Int32"
	min, max any
	// bits of whole numbers; 0 for all others.
	bits   int
	signed bool
}

func numberKinds() []numberKind {
	lo, _ := ps.ParseDecimal("-79228162514264337593543950335")
	hi, _ := ps.ParseDecimal("79228162514264337593543950335")
	return []numberKind{
		{"Byte", "an unsigned byte", byte(0), byte(math.MaxUint8), 8, false}, {"SByte", "a signed byte", int8(math.MinInt8), int8(math.MaxInt8), 8, true},
		{"Int16", "an Int16", int16(math.MinInt16), int16(math.MaxInt16), 16, true}, {"UInt16", "a UInt16", uint16(0), uint16(math.MaxUint16), 16, false},
		{"Int32", "an Int32", int32(math.MinInt32), int32(math.MaxInt32), 32, true}, {"UInt32", "a UInt32", uint32(0), uint32(math.MaxUint32), 32, false},
		{"Int64", "an Int64", int64(math.MinInt64), int64(math.MaxInt64), 64, true}, {"UInt64", "a UInt64", uint64(0), uint64(math.MaxUint64), 64, false},
		{"Single", "a Single", -float32(math.MaxFloat32), float32(math.MaxFloat32), 0, true}, {"Double", "a Double", -math.MaxFloat64, math.MaxFloat64, 0, true},
		{"Decimal", "a Decimal", lo, hi, 0, true},
	}
}

// numberTypes are the members of the types of numbers, Boolean and BigInteger.
func numberTypes() []*ps.Type {
	var list []*ps.Type
	for _, k := range numberKinds() {
		list = append(list, &ps.Type{Name: "System." + k.name, Members: k.members})
	}
	return append(list,
		&ps.Type{Name: "System.Boolean", Members: booleanMembers},
		&ps.Type{Name: "System.Numerics.BigInteger", Members: bigMembers},
		&ps.Type{Name: "System.Enum", Members: enumMembers},
		flags("System.Globalization.NumberStyles", "None", 0, "AllowLeadingWhite", 1, "AllowTrailingWhite", 2, "AllowLeadingSign", 4, "AllowTrailingSign", 8, "AllowParentheses", 16,
			"AllowDecimalPoint", 32, "AllowThousands", 64, "AllowExponent", 128, "AllowCurrencySymbol", 256, "AllowHexSpecifier", 512, "Integer", 7, "HexNumber", 515,
			"Number", 111, "Float", 167, "Currency", 383, "Any", 511),
	)
}

// formatMembers are ToString with a format, CompareTo and Equals.
func formatMembers() []ps.Member {
	return []ps.Member{
		method("ToString", "string", func(ctx context.Context, in *ps.Invoke) (any, error) {
			format, inv := "", false
			for _, a := range in.Args {
				if text, ok := a.(string); ok {
					format = text
				} else if o, ok := ps.Unwrap(a).(*ps.Object); ok {
					inv = isInvariant(o)
				}
			}
			if inv {
				return formatInvariant(in.Session, in.Self, format)
			}
			return in.Session.Format(in.Self, format)
		}, "", "string format", "System.IFormatProvider provider", "string format, System.IFormatProvider provider"),
		method("CompareTo", "int", can(func(in *ps.Invoke) (any, error) {
			if ps.IsNull(in.Args[0]) {
				return int32(1), nil
			}
			n, err := in.Session.Compare(in.Self, in.Args[0], true)
			return ps.Int(n), err
		}), "System.Object value"),
	}
}

func (k numberKind) members() []ps.Member {
	typ := "System." + k.name
	list := append(formatMembers(), constant("MaxValue", typ, k.max), constant("MinValue", typ, k.min))
	parse := func(in *ps.Invoke) (any, error) { return k.parse(in.Session, in.String(0), k.style(in)) }
	list = append(list,
		static("Parse", typ, can(parse), "string s", "string s, System.Globalization.NumberStyles style", "string s, System.IFormatProvider provider", "string s, System.Globalization.NumberStyles style, System.IFormatProvider provider"),
		static("TryParse", "bool", can(func(in *ps.Invoke) (any, error) {
			v, err := parse(in)
			out := in.Args[len(in.Args)-1].(*ps.Ref)
			if err != nil {
				v = k.zero()
			}
			return err == nil, out.Set(v)
		}), "string s, out "+typ+" result", "string s, System.Globalization.NumberStyles style, System.IFormatProvider provider, out "+typ+" result"))
	switch k.name {
	case "Double", "Single":
		list = append(list, k.floatMembers(typ)...)
	case "Decimal":
		list = append(list, decimalMembers()...)
	}
	return list
}

func (k numberKind) zero() any {
	v, _ := k.whole(new(big.Int))
	switch k.name {
	case "Single":
		return float32(0)
	case "Double":
		return float64(0)
	case "Decimal":
		return ps.NewDecimal(0)
	}
	return v
}

// style is the argument for the style, or the default of the type.
func (k numberKind) style(in *ps.Invoke) int64 {
	for _, a := range in.Args {
		if e, ok := a.(ps.Enum); ok {
			return e.Value
		}
	}
	switch {
	case k.bits > 0:
		return 7
	case k.name == "Decimal":
		return 111
	}
	return 231
}

// parse reads a number as Parse does.
func (k numberKind) parse(s *ps.Session, text string, style int64) (any, error) {
	t := text
	if style&1 != 0 {
		t = strings.TrimLeft(t, " \t\r\n\v\f")
	}
	if style&2 != 0 {
		t = strings.TrimRight(t, " \t\r\n\v\f\x00")
	}
	if style&512 != 0 {
		n, ok := new(big.Int).SetString(t, 16)
		if !ok || k.bits == 0 || strings.ContainsAny(t, "+-_") {
			return nil, badFormat(s, text)
		}
		if k.signed && n.BitLen() == k.bits {
			n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(k.bits)))
		}
		return k.fit(n)
	}
	if style&64 != 0 {
		t = strings.ReplaceAll(t, ",", "")
	}
	if !plainNumber(t, style) {
		return k.parseSpecial(s, text, t)
	}
	if k.bits > 0 {
		whole, frac, _ := strings.Cut(t, ".")
		n, ok := new(big.Int).SetString(strings.TrimPrefix(whole, "+"), 10)
		if !ok || strings.Trim(frac, "0") != "" {
			return nil, badFormat(s, text)
		}
		return k.fit(n)
	}
	if k.name == "Decimal" {
		d, ok := ps.ParseDecimal(strings.TrimPrefix(t, "+"))
		if !ok {
			return nil, k.overflow()
		}
		return d, nil
	}
	return k.parseFloat(s, t)
}

func (k numberKind) parseFloat(s *ps.Session, t string) (any, error) {
	bits := 64
	if k.name == "Single" {
		bits = 32
	}
	f, err := strconv.ParseFloat(t, bits)
	if err != nil && (!math.IsInf(f, 0) || desktop(s)) {
		return nil, k.overflow()
	}
	if bits == 32 {
		return float32(f), nil
	}
	return f, nil
}

// parseSpecial reads what is no digits: NaN and infinities.
func (k numberKind) parseSpecial(s *ps.Session, text, t string) (any, error) {
	if k.bits == 0 && k.name != "Decimal" {
		v := map[string]float64{"nan": math.NaN(), "infinity": math.Inf(1), "-infinity": math.Inf(-1), "∞": math.Inf(1), "-∞": math.Inf(-1)}
		if f, ok := v[strings.ToLower(t)]; ok {
			if k.name == "Single" {
				return float32(f), nil
			}
			return f, nil
		}
	}
	return nil, badFormat(s, text)
}

// plainNumber reports whether a text is [sign]digits[.digits][e[sign]digits].
func plainNumber(t string, style int64) bool {
	if style&4 != 0 && t != "" && (t[0] == '-' || t[0] == '+') {
		t = t[1:]
	}
	digits := func() int {
		n := 0
		for n < len(t) && t[n] >= '0' && t[n] <= '9' {
			n++
		}
		t = t[n:]
		return n
	}
	n := digits()
	if style&32 != 0 && strings.HasPrefix(t, ".") {
		t = t[1:]
		n += digits()
	}
	if n > 0 && style&128 != 0 && t != "" && (t[0] == 'e' || t[0] == 'E') {
		t = t[1:]
		if t != "" && (t[0] == '-' || t[0] == '+') {
			t = t[1:]
		}
		if digits() == 0 {
			return false
		}
	}
	return n > 0 && t == ""
}

func (k numberKind) overflow() error {
	return throw(overflowException, "Value was either too large or too small for "+k.label+".")
}

// fit makes a number of the type, if it is not too large.
func (k numberKind) fit(n *big.Int) (any, error) {
	v, ok := k.whole(n)
	if !ok {
		return nil, k.overflow()
	}
	return v, nil
}

func (k numberKind) whole(n *big.Int) (any, bool) {
	if k.signed && (!n.IsInt64() || n.Int64() != n.Int64()<<(64-k.bits)>>(64-k.bits)) || !k.signed && (n.Sign() < 0 || n.BitLen() > k.bits) {
		return nil, false
	}
	switch k.name {
	case "Byte":
		return byte(n.Uint64()), true
	case "SByte":
		return int8(n.Int64()), true
	case "Int16":
		return int16(n.Int64()), true
	case "UInt16":
		return uint16(n.Uint64()), true
	case "Int32":
		return int32(n.Int64()), true
	case "UInt32":
		return uint32(n.Uint64()), true
	case "Int64":
		return n.Int64(), true
	}
	return n.Uint64(), true
}

func (k numberKind) floatMembers(typ string) []ps.Member {
	number := func(f float64) any {
		if k.name == "Single" {
			return float32(f)
		}
		return f
	}
	is := func(name string, f func(x float64) bool) ps.Member {
		return static(name, "bool", val(func(in *ps.Invoke) any { return f(floatOf(in.Args[0])) }), typ+" d")
	}
	tiny := any(float64(4.94065645841247e-324))
	if k.name == "Single" {
		tiny = float32(math.SmallestNonzeroFloat32)
	}
	return []ps.Member{
		constant("NaN", typ, number(math.NaN())), constant("PositiveInfinity", typ, number(math.Inf(1))), constant("NegativeInfinity", typ, number(math.Inf(-1))), constant("Epsilon", typ, tiny),
		is("IsNaN", math.IsNaN), is("IsInfinity", func(x float64) bool { return math.IsInf(x, 0) }),
		is("IsPositiveInfinity", func(x float64) bool { return math.IsInf(x, 1) }), is("IsNegativeInfinity", func(x float64) bool { return math.IsInf(x, -1) }),
	}
}

func decimalMembers() []ps.Member {
	one := func(name string, f func(d ps.Decimal) any) ps.Member {
		return static(name, "decimal", val(func(in *ps.Invoke) any { d, _ := in.Args[0].(ps.Decimal); return f(d) }), "decimal d")
	}
	return []ps.Member{
		constant("Zero", "decimal", ps.NewDecimal(0)), constant("One", "decimal", ps.NewDecimal(1)), constant("MinusOne", "decimal", ps.NewDecimal(-1)),
		static("Round", "decimal", val(roundDecimal), "decimal d", "decimal d, int decimals", "decimal d, System.MidpointRounding mode", "decimal d, int decimals, System.MidpointRounding mode"),
		one("Truncate", func(d ps.Decimal) any { return ps.Decimal{Unscaled: d.Truncate()} }),
		one("Floor", func(d ps.Decimal) any { return floorDecimal(d, false) }), one("Ceiling", func(d ps.Decimal) any { return floorDecimal(d, true) }),
	}
}

// floorDecimal rounds down, or up.
func floorDecimal(d ps.Decimal, up bool) any {
	t := ps.Decimal{Unscaled: d.Truncate()}
	switch c := d.Cmp(t); {
	case up && c > 0:
		t.Unscaled = new(big.Int).Add(t.Unscaled, big.NewInt(1))
	case !up && c < 0:
		t.Unscaled = new(big.Int).Sub(t.Unscaled, big.NewInt(1))
	}
	return t
}

func booleanMembers() []ps.Member {
	parse := func(text string) (bool, error) {
		switch strings.ToLower(strings.Trim(text, " \t\r\n\x00")) {
		case "true":
			return true, nil
		case "false":
			return false, nil
		}
		return false, throw(formatException, "String was not recognized as a valid Boolean.")
	}
	return []ps.Member{
		static("Parse", "bool", can(func(in *ps.Invoke) (any, error) {
			v, err := parse(in.String(0))
			if err != nil && !desktop(in.Session) {
				err = throw(formatException, "String '"+in.String(0)+"' was not recognized as a valid Boolean.")
			}
			return v, err
		}), "string value"),
		static("TryParse", "bool", can(func(in *ps.Invoke) (any, error) {
			v, err := parse(in.String(0))
			return err == nil, in.Args[1].(*ps.Ref).Set(v)
		}), "string value, out bool result"),
		constant("TrueString", "string", "True"), constant("FalseString", "string", "False"),
	}
}

func bigMembers() []ps.Member {
	num := func(in *ps.Invoke, i int) *big.Int {
		n, _ := in.Args[i].(*big.Int)
		if n == nil {
			return new(big.Int)
		}
		return n
	}
	return append(formatMembers(),
		constant("Zero", "bigint", new(big.Int)), constant("One", "bigint", big.NewInt(1)), constant("MinusOne", "bigint", big.NewInt(-1)),
		static("Parse", "bigint", can(func(in *ps.Invoke) (any, error) {
			n, ok := new(big.Int).SetString(strings.TrimSpace(in.String(0)), 10)
			if !ok {
				return nil, throw(formatException, "The value could not be parsed.")
			}
			return n, nil
		}), "string value"),
		static("Pow", "bigint", can(func(in *ps.Invoke) (any, error) {
			n := num(in, 0)
			if in.Int(1) < 0 {
				return nil, outOfRange(in.Session, "The number must be greater than or equal to zero.", "exponent")
			}
			if err := limit(in.Session, int64(n.BitLen())*int64(in.Int(1))/8); err != nil {
				return nil, err
			}
			return new(big.Int).Exp(n, big.NewInt(int64(in.Int(1))), nil), nil
		}), "bigint value, int exponent"),
		static("Abs", "bigint", val(func(in *ps.Invoke) any { return new(big.Int).Abs(num(in, 0)) }), "bigint value"),
		static("Max", "bigint", val(func(in *ps.Invoke) any {
			if num(in, 0).Cmp(num(in, 1)) >= 0 {
				return num(in, 0)
			}
			return num(in, 1)
		}), "bigint left, bigint right"),
	)
}

// enumArgument is the type of an enumeration that a method is told.
func enumArgument(in *ps.Invoke) (*ps.Type, error) {
	t, _ := ps.Unwrap(in.Args[0]).(*ps.Type)
	if t == nil || t.Values == nil {
		return nil, badArgument(in.Session, "Type provided must be an Enum.", "enumType")
	}
	return t, nil
}

// parseEnum reads names with commas between them, or numbers.
func parseEnum(t *ps.Type, text string, ignoreCase bool) (ps.Enum, error) {
	var n int64
	for part := range strings.SplitSeq(text, ",") {
		part = strings.TrimSpace(part)
		v, err := strconv.ParseInt(part, 10, 64)
		found := err == nil
		for _, x := range t.Values {
			if x.Name == part || ignoreCase && strings.EqualFold(x.Name, part) {
				v, found = x.Value, true
				break
			}
		}
		if !found {
			return ps.Enum{}, throw(argumentException, "Requested value '"+part+"' was not found.")
		}
		n |= v
	}
	return ps.Enum{Type: t, Value: n}, nil
}

func isDefined(t *ps.Type, v any) bool {
	text, isText := ps.Unwrap(v).(string)
	e, isEnum := ps.Unwrap(v).(ps.Enum)
	for _, x := range t.Values {
		if isText && x.Name == text || isEnum && x.Value == e.Value || !isText && !isEnum && x.Value == intOf(v) {
			return true
		}
	}
	return false
}

// enumMembers are those of System.Enum.
func enumMembers() []ps.Member {
	// about makes a static method whose first argument is the type.
	about := func(name, returns string, f func(in *ps.Invoke, t *ps.Type) (any, error), signatures ...string) ps.Member {
		return static(name, returns, can(func(in *ps.Invoke) (any, error) {
			t, err := enumArgument(in)
			if err != nil {
				return nil, err
			}
			return f(in, t)
		}), signatures...)
	}
	listed := func(f func(t *ps.Type, v ps.EnumValue) any, elem func(t *ps.Type) string) func(*ps.Invoke, *ps.Type) (any, error) {
		return func(_ *ps.Invoke, t *ps.Type) (any, error) {
			var items []any
			for _, v := range sortedValues(t) {
				items = append(items, f(t, v))
			}
			return ps.NewTyped(elem(t), items), nil
		}
	}
	self := func(in *ps.Invoke) ps.Enum { e, _ := ps.Unwrap(in.Self).(ps.Enum); return e }
	return append([]ps.Member{
		about("GetNames", "string[]", listed(func(_ *ps.Type, v ps.EnumValue) any { return v.Name }, func(*ps.Type) string { return "System.String" }), "type enumType"),
		about("GetValues", "System.Array", listed(func(t *ps.Type, v ps.EnumValue) any { return ps.Enum{Type: t, Value: v.Value} }, func(t *ps.Type) string { return t.Name }), "type enumType"),
		about("IsDefined", "bool", func(in *ps.Invoke, t *ps.Type) (any, error) { return isDefined(t, in.Args[1]), nil }, "type enumType, System.Object value"),
		about("Parse", "System.Object", func(in *ps.Invoke, t *ps.Type) (any, error) {
			return parseEnum(t, in.String(1), len(in.Args) > 2 && in.Bool(2))
		}, "type enumType, string value", "type enumType, string value, bool ignoreCase"),
		about("GetName", "string", func(in *ps.Invoke, t *ps.Type) (any, error) {
			n := intOf(in.Args[1])
			for _, v := range t.Values {
				if v.Value == n {
					return v.Name, nil
				}
			}
			return nil, nil
		}, "type enumType, System.Object value"),
		about("ToObject", "System.Object", func(in *ps.Invoke, t *ps.Type) (any, error) {
			return ps.Enum{Type: t, Value: intOf(in.Args[1])}, nil
		}, "type enumType, System.Object value"),
		method("HasFlag", "bool", can(func(in *ps.Invoke) (any, error) {
			n := intOf(in.Args[0])
			if text, ok := ps.Unwrap(in.Args[0]).(string); ok {
				e, err := parseEnum(self(in).Type, text, true)
				if err != nil {
					return nil, err
				}
				n = e.Value
			}
			return self(in).Value&n == n, nil
		}), "System.Object flag"),
		prop("value__", "int", func(in *ps.Invoke) any { return ps.Int(int(self(in).Value)) }),
	}, formatMembers()...)
}

// sortedValues are the values of an enumeration in the order of their numbers,
// those below zero behind all others.
func sortedValues(t *ps.Type) []ps.EnumValue {
	list := append([]ps.EnumValue(nil), t.Values...)
	for i := 1; i < len(list); i++ {
		for j := i; j > 0 && uint64(list[j].Value) < uint64(list[j-1].Value); j-- {
			list[j], list[j-1] = list[j-1], list[j]
		}
	}
	return list
}

// intOf is a whole number of any type; other values are 0.
func intOf(v any) int64 {
	switch x := ps.Unwrap(v).(type) {
	case int32:
		return int64(x)
	case int64:
		return x
	case byte:
		return int64(x)
	case int8:
		return int64(x)
	case int16:
		return int64(x)
	case uint16:
		return int64(x)
	case uint32:
		return int64(x)
	case uint64:
		return int64(x)
	case ps.Char:
		return int64(x)
	case ps.Enum:
		return x.Value
	case ps.TimeSpan:
		return int64(x)
	case bool:
		if x {
			return 1
		}
	case *big.Int:
		return x.Int64()
	case float64:
		return int64(x)
	case float32:
		return int64(x)
	case ps.Decimal:
		return x.Truncate().Int64()
	}
	return 0
}

// floatOf is a number of any type.
func floatOf(v any) float64 {
	switch x := ps.Unwrap(v).(type) {
	case float64:
		return x
	case float32:
		return float64(x)
	case ps.Decimal:
		return x.Float()
	case uint64:
		return float64(x)
	case *big.Int:
		f, _ := new(big.Float).SetInt(x).Float64()
		return f
	}
	return float64(intOf(v))
}
