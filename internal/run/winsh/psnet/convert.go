package psnet

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"math"
	"math/big"
	"strconv"
	"strings"

	"github.com/casement/casement/internal/run/winsh/ps"
)

func bigNeg(d ps.Decimal) *big.Int { return new(big.Int).Neg(d.Unscaled) }

// convertTypes are System.Convert and BitConverter.
func convertTypes() []*ps.Type {
	return []*ps.Type{
		{Name: "System.Convert", Abstract: true, Members: convertMembers},
		{Name: "System.BitConverter", Abstract: true, Members: bitMembers},
		flags("System.Base64FormattingOptions", "None", 0, "InsertLineBreaks", 1),
		names("System.TypeCode", "Empty", "Object", "DBNull", "Boolean", "Char", "SByte", "Byte", "Int16", "UInt16", "Int32", "UInt32", "Int64", "UInt64", "Single", "Double", "Decimal", "DateTime", "", "String"),
	}
}

func convertMembers() []ps.Member {
	// changed is the value as what a type or its code tells.
	changed := func(ctx context.Context, in *ps.Invoke) (any, error) {
		t, _ := ps.Unwrap(in.Args[1]).(*ps.Type)
		if code, ok := in.Args[1].(ps.Enum); ok {
			t = in.Session.Engine().Type("System." + in.Session.EnumName(code))
		}
		if t == nil {
			return nil, nullArgument(in.Session, "conversionType")
		}
		v, err := in.Session.Cast(ctx, in.Args[0], t)
		return v, innermost(err)
	}
	list := []ps.Member{
		static("ToBase64String", "string", toBase64, "byte[] inArray", "byte[] inArray, System.Base64FormattingOptions options", "byte[] inArray, int offset, int length", "byte[] inArray, int offset, int length, System.Base64FormattingOptions options"),
		static("FromBase64String", "byte[]", fromBase64, "string s"),
		static("ToBoolean", "bool", toBoolean, "System.Object value"),
		static("ToChar", "char", func(ctx context.Context, in *ps.Invoke) (any, error) {
			if text, ok := ps.Unwrap(in.Args[0]).(string); ok && textLen(text) != 1 {
				return nil, throw(formatException, "String must be exactly one character long.")
			}
			v, err := in.Session.CastTo(ctx, in.Args[0], "char")
			return v, innermost(err)
		}, "System.Object value"),
		static("ToDateTime", "datetime", func(ctx context.Context, in *ps.Invoke) (any, error) {
			if ps.IsNull(in.Args[0]) {
				return ps.DateTimeOf(0, ps.KindUnspecified, nil), nil
			}
			v, err := in.Session.CastTo(ctx, in.Args[0], "datetime")
			return v, innermost(err)
		}, "System.Object value", "System.Object value, System.IFormatProvider provider"),
		static("ToString", "string", baseText, "System.Object value", "long value, int toBase", "System.Object value, System.IFormatProvider provider"),
		static("ChangeType", "System.Object", changed, "System.Object value, System.TypeCode typeCode", "System.Object value, type conversionType", "System.Object value, type conversionType, System.IFormatProvider provider"),
		static("IsDBNull", "bool", val(func(*ps.Invoke) any { return false }), "System.Object value"),
		static("GetTypeCode", "System.TypeCode", val(typeCode), "System.Object value"),
	}
	for _, k := range numberKinds() {
		signatures := []string{"System.Object value", "System.Object value, System.IFormatProvider provider"}
		if k.bits > 0 {
			signatures = append(signatures, "string value, int fromBase")
		}
		list = append(list, static("To"+k.name, "System."+k.name, k.convert, signatures...))
	}
	return append(list, only(ps.Core,
		static("ToHexString", "string", val(func(in *ps.Invoke) any { return strings.ToUpper(hex.EncodeToString(bytesArg(in, 0))) }), "byte[] inArray"),
		static("FromHexString", "byte[]", can(func(in *ps.Invoke) (any, error) {
			b, err := hex.DecodeString(in.String(0))
			if err != nil {
				return nil, throw(formatException, "The input is not a valid hex string as it contains a non-hex character.")
			}
			return &ps.Bytes{B: b}, nil
		}), "string s"))...)
}

// innermost is the exception of .NET inside of what PowerShell made of it.
func innermost(err error) error {
	var r *ps.ErrorRecord
	if err == nil || !errors.As(err, &r) && !isException(err) {
		return err
	}
	x := ps.ToException(err)
	for x.Inner != nil {
		x = x.Inner
	}
	return x
}

// convert is Convert.ToInt32 and its kin.
func (k numberKind) convert(ctx context.Context, in *ps.Invoke) (any, error) {
	v := ps.Unwrap(in.Args[0])
	if text, ok := v.(string); ok {
		base := 10
		if len(in.Args) == 2 {
			if n, isInt := in.Args[1].(int32); isInt {
				base = int(n)
				return k.fromBase(in.Session, text, base)
			}
		}
		return k.parse(in.Session, text, k.style(&ps.Invoke{}))
	}
	switch x := v.(type) {
	case nil:
		return k.zero(), nil
	case bool:
		return k.convertWhole(in.Session, intOf(x))
	case ps.Char:
		return k.convertWhole(in.Session, int64(x))
	}
	out, err := in.Session.CastTo(ctx, v, "System."+k.name)
	return out, innermost(err)
}

func (k numberKind) convertWhole(s *ps.Session, n int64) (any, error) {
	if k.bits > 0 {
		return k.fit(big.NewInt(n))
	}
	return k.parse(s, strconv.FormatInt(n, 10), k.style(&ps.Invoke{}))
}

// fromBase reads digits of base 2, 8, 10 or 16. Those of the size of the type
// are its two's complement.
func (k numberKind) fromBase(s *ps.Session, text string, base int) (any, error) {
	if base != 2 && base != 8 && base != 10 && base != 16 {
		return nil, throw(argumentException, "Invalid Base.")
	}
	if base == 10 {
		return k.parse(s, text, 7)
	}
	if text == "" {
		return nil, outOfRange(s, "Index was out of range. Must be non-negative and less than the size of the collection.", "startIndex")
	}
	t := text
	if base == 16 && (strings.HasPrefix(t, "0x") || strings.HasPrefix(t, "0X")) {
		t = t[2:]
	}
	n, ok := new(big.Int).SetString(t, base)
	if !ok || strings.ContainsAny(t, "_+-") {
		return nil, throw(formatException, "Could not find any recognizable digits.")
	}
	if n.BitLen() > k.bits {
		return nil, k.overflow()
	}
	if k.signed && n.BitLen() == k.bits {
		n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(k.bits)))
	}
	return k.fit(n)
}

// baseText is Convert.ToString.
func baseText(_ context.Context, in *ps.Invoke) (any, error) {
	if len(in.Args) < 2 || object(in, 1) != nil || ps.IsNull(in.Args[1]) {
		return netText(in.Session, in.Args[0])
	}
	base := in.Int(1)
	n := intOf(in.Args[0])
	u := uint64(n)
	if n < 0 && n >= math.MinInt32 {
		u = uint64(uint32(n)) // the script had an int
	}
	switch base {
	case 10:
		return strconv.FormatInt(n, 10), nil
	case 2, 8, 16:
		return strconv.FormatUint(u, base), nil
	}
	return nil, throw(argumentException, "Invalid Base.")
}

func toBase64(_ context.Context, in *ps.Invoke) (any, error) {
	if !has(in, 0) {
		return nil, nullArgument(in.Session, "inArray")
	}
	b := bytesArg(in, 0)
	if len(in.Args) > 2 {
		var err error
		if b, err = span(in); err != nil {
			return nil, err
		}
	}
	text := base64.StdEncoding.EncodeToString(b)
	if e, ok := lastArg(in).(ps.Enum); ok && e.Value == 1 {
		var lines strings.Builder
		for len(text) > 76 {
			lines.WriteString(text[:76] + "\r\n")
			text = text[76:]
		}
		text = lines.String() + text
	}
	return text, limit(in.Session, int64(len(text)))
}

func fromBase64(_ context.Context, in *ps.Invoke) (any, error) {
	text := strings.Map(func(r rune) rune {
		if r == ' ' || r == '\t' || r == '\r' || r == '\n' {
			return -1
		}
		return r
	}, in.String(0))
	if strings.TrimRight(text, "=") == "" && text != "" || strings.Trim(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=") != "" {
		return nil, badBase64(in.Session)
	}
	if len(text)%4 != 0 {
		return nil, throw(formatException, either(in.Session, "Invalid length for a Base-64 char array or string.", "The input is not a valid Base-64 string as it contains a non-base 64 character, more than two padding characters, or an illegal character among the padding characters."))
	}
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, badBase64(in.Session)
	}
	return &ps.Bytes{B: b}, nil
}

func badBase64(s *ps.Session) error {
	const text = "The input is not a valid Base-64 string as it contains a non-base 64 character, more than two padding characters, or an illegal character among the padding characters."
	return throw(formatException, either(s, text+" ", text))
}

func toBoolean(_ context.Context, in *ps.Invoke) (any, error) {
	switch x := ps.Unwrap(in.Args[0]).(type) {
	case nil:
		return false, nil
	case string:
		switch strings.ToLower(strings.TrimSpace(x)) {
		case "true":
			return true, nil
		case "false":
			return false, nil
		}
		return nil, throw(formatException, either(in.Session, "String was not recognized as a valid Boolean.", "String '"+x+"' was not recognized as a valid Boolean."))
	}
	return in.Session.ToBool(in.Args[0]), nil
}

func typeCode(in *ps.Invoke) any {
	code := map[string]int64{"System.Boolean": 3, "System.Char": 4, "System.SByte": 5, "System.Byte": 6, "System.Int16": 7, "System.UInt16": 8, "System.Int32": 9, "System.UInt32": 10,
		"System.Int64": 11, "System.UInt64": 12, "System.Single": 13, "System.Double": 14, "System.Decimal": 15, "System.DateTime": 16, "System.String": 18}
	n := int64(0)
	if t := in.Session.TypeOf(in.Args[0]); t != nil {
		if n = code[t.Name]; n == 0 {
			n = 1
		}
	}
	return in.Session.Enum("System.TypeCode", n)
}

// bitMembers are those of BitConverter.
func bitMembers() []ps.Member {
	// from reads a number of n bytes at a place.
	from := func(name string, n int, f func(b []byte) any) ps.Member {
		return static("To"+name, "System."+name, can(func(in *ps.Invoke) (any, error) {
			b, at := bytesArg(in, 0), in.Int(1)
			if at < 0 || at >= len(b) {
				return nil, outOfRange(in.Session, "Index was out of range. Must be non-negative and less than the size of the collection.", "startIndex")
			}
			if at+n > len(b) {
				return nil, badArgument(in.Session, "Destination array is not long enough to copy all the items in the collection. Check array index and length.", "value")
			}
			return f(b[at : at+n]), nil
		}), "byte[] value, int startIndex")
	}
	le := binary.LittleEndian
	return []ps.Member{
		constant("IsLittleEndian", "bool", true),
		static("ToString", "string", can(func(in *ps.Invoke) (any, error) {
			b := bytesArg(in, 0)
			if len(in.Args) > 1 {
				at, n := in.Int(1), len(b)-in.Int(1)
				if len(in.Args) > 2 {
					n = in.Int(2)
				}
				if at < 0 || n < 0 || at+n > len(b) {
					return nil, outOfRange(in.Session, "Index was out of range. Must be non-negative and less than the size of the collection.", "startIndex")
				}
				b = b[at : at+n]
			}
			return dashed(b), nil
		}), "byte[] value", "byte[] value, int startIndex", "byte[] value, int startIndex, int length"),
		static("GetBytes", "byte[]", val(func(in *ps.Invoke) any { return &ps.Bytes{B: numberBytes(in.Args[0])} }), "bool value", "char value", "int value", "long value", "short value",
			"uint value", "ulong value", "ushort value", "double value", "float value"),
		from("Int16", 2, func(b []byte) any { return int16(le.Uint16(b)) }), from("UInt16", 2, func(b []byte) any { return le.Uint16(b) }),
		from("Int32", 4, func(b []byte) any { return int32(le.Uint32(b)) }), from("UInt32", 4, func(b []byte) any { return le.Uint32(b) }),
		from("Int64", 8, func(b []byte) any { return int64(le.Uint64(b)) }), from("UInt64", 8, func(b []byte) any { return le.Uint64(b) }),
		from("Double", 8, func(b []byte) any { return math.Float64frombits(le.Uint64(b)) }), from("Single", 4, func(b []byte) any { return math.Float32frombits(le.Uint32(b)) }),
		static("DoubleToInt64Bits", "long", val(func(in *ps.Invoke) any { return int64(math.Float64bits(floatOf(in.Args[0]))) }), "double value"),
		static("Int64BitsToDouble", "double", val(func(in *ps.Invoke) any { return math.Float64frombits(uint64(intOf(in.Args[0]))) }), "long value"),
		from("Boolean", 1, func(b []byte) any { return b[0] != 0 }), from("Char", 2, func(b []byte) any { return ps.Char(le.Uint16(b)) }),
	}
}

// dashed is "0A-FF".
func dashed(b []byte) string {
	text := strings.ToUpper(hex.EncodeToString(b))
	var out strings.Builder
	for i := 0; i < len(text); i += 2 {
		if i > 0 {
			out.WriteByte('-')
		}
		out.WriteString(text[i : i+2])
	}
	return out.String()
}

// numberBytes are the bytes of a number, the lowest first.
func numberBytes(v any) []byte {
	le := binary.LittleEndian
	switch x := v.(type) {
	case bool:
		return []byte{byte(intOf(x))}
	case ps.Char:
		return le.AppendUint16(nil, uint16(x))
	case int16:
		return le.AppendUint16(nil, uint16(x))
	case uint16:
		return le.AppendUint16(nil, x)
	case int32:
		return le.AppendUint32(nil, uint32(x))
	case uint32:
		return le.AppendUint32(nil, x)
	case float64:
		return le.AppendUint64(nil, math.Float64bits(x))
	case float32:
		return le.AppendUint32(nil, math.Float32bits(x))
	case uint64:
		return le.AppendUint64(nil, x)
	}
	return le.AppendUint64(nil, uint64(intOf(v)))
}
