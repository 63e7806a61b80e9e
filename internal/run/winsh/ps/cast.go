package ps

import (
	"context"
	"errors"
	"math"
	"math/big"
	"strings"
	"time"
)

// Cast converts as [type]$v does. The error is an *[ErrorRecord].
func (s *Session) Cast(ctx context.Context, v any, t *Type) (any, error) {
	t = s.engine.canonical(t)
	if isEmpty(v) {
		v = nil
	}
	if out, ok, err := s.castSimple(v, t); ok || err != nil {
		return out, err
	}
	b := Unwrap(v)
	if b == nil {
		return s.castNull(t)
	}
	from := s.engine.TypeOf(b)
	if from.Name == t.Name || from.Inherits(t.Name) {
		return v, nil
	}
	switch {
	case t.Elem != nil:
		return s.castArray(ctx, b, t)
	case t.Values != nil:
		return s.castEnum(b, t)
	case strings.HasPrefix(t.Name, "System.Nullable`1["):
		return s.Cast(ctx, v, t.Args[0])
	}
	if out, ok, err := s.castValue(ctx, b, t); ok || err != nil {
		return out, err
	}
	return s.castObject(ctx, v, t)
}

// CastTo is Cast to a type by name; it fails for names that are no type.
func (s *Session) CastTo(ctx context.Context, v any, typ string) (any, error) {
	t := s.FindType(typ)
	if t == nil {
		return nil, s.typeNotFound(typ)
	}
	return s.Cast(ctx, v, t)
}

// castNamed is Cast to a type of the engine, where no code of a script runs.
func (s *Session) castNamed(v any, typ string) (any, error) {
	return s.Cast(context.Background(), v, s.engine.mustType(typ))
}

// castInt converts to a whole number of 32 bits.
func (s *Session) castInt(v any) (int64, error) {
	if n, ok := v.(int32); ok {
		return int64(n), nil
	}
	x, err := s.Cast(context.Background(), v, s.engine.kinds.int32)
	if err != nil {
		return 0, err
	}
	n, _ := toInt64(x)
	return n, nil
}

// castSimple has the conversions that everything has: to objects, texts,
// booleans and numbers.
func (s *Session) castSimple(v any, t *Type) (out any, ok bool, err error) {
	switch t.Name {
	case tObject, "System.Management.Automation.PSObject":
		return v, true, nil
	case tString:
		if e, isExtended := v.(*Extended); isExtended {
			if _, isText := e.Value.(string); isText {
				return v, true, nil
			}
		}
		return s.ToString(v), true, nil
	case "System.Boolean":
		return toBool(v), true, nil
	case "System.Management.Automation.SwitchParameter":
		return Switch(toBool(v)), true, nil
	case "System.Void":
		return empty{}, true, nil
	}
	if lo, hi, isInt := intRange(t.Name); isInt {
		out, err = s.castWhole(Unwrap(v), t, lo, hi)
		return out, true, err
	}
	switch t.Name {
	case "System.Double", "System.Single", "System.Decimal", "System.Numerics.BigInteger":
		out, err = s.castReal(Unwrap(v), t)
		return out, true, err
	}
	return nil, false, nil
}

func (s *Session) castNull(t *Type) (any, error) {
	switch {
	case t.Values != nil:
		return nil, s.castFail(`Cannot convert null to type "`+t.Name+`" due to enumeration values that are not valid. Specify one of the following enumeration values and try again. The possible enumeration values are "`+t.enumNames()+`".`, "nullToEnumInvalidCast")
	case t.Name == "System.Char":
		return Char(0), nil
	case strings.HasPrefix(t.Name, "System.Nullable`1["), !t.Value:
		return nil, nil
	}
	return nil, s.castFail(`Cannot convert null to type "`+t.Name+`".`, "nullToObjectInvalidCast")
}

// intRange returns the limits of the types of whole numbers.
func intRange(name string) (lo int64, hi uint64, ok bool) {
	switch name {
	case tInt32:
		return math.MinInt32, math.MaxInt32, true
	case "System.Int64":
		return math.MinInt64, math.MaxInt64, true
	case "System.Byte":
		return 0, math.MaxUint8, true
	case "System.SByte":
		return math.MinInt8, math.MaxInt8, true
	case "System.Int16":
		return math.MinInt16, math.MaxInt16, true
	case "System.UInt16":
		return 0, math.MaxUint16, true
	case "System.UInt32":
		return 0, math.MaxUint32, true
	case "System.UInt64":
		return 0, math.MaxUint64, true
	}
	return 0, 0, false
}

// castWhole converts to a type of whole numbers; fractions are rounded half to
// even.
func (s *Session) castWhole(v any, t *Type, lo int64, hi uint64) (any, error) {
	var n *big.Int
	switch x := v.(type) {
	case nil:
		n = new(big.Int)
	case string:
		if strings.TrimSpace(x) == "" {
			if x == "" {
				return wholeOf(t.Name, new(big.Int)), nil
			}
			return nil, s.badNumber(x, t.Name)
		}
		num, ok := s.textNumber(x)
		if !ok {
			return nil, s.badNumber(x, t.Name)
		}
		return s.castText(x, num, t, lo, hi)
	case float64:
		n = bigOf(math.RoundToEven(x))
	case float32:
		n = bigOf(math.RoundToEven(float64(x)))
	case Decimal:
		n = x.Round(0, false).Truncate()
	case DateTime, TimeSpan, Version, Guid, *Array, *Bytes, *Hashtable, *Object, *ScriptBlock, *Regex, *Type, *ErrorRecord, *Exception, *Ref, Entry:
		return nil, s.castImpossible(v, t)
	case Enum:
		n = big.NewInt(x.Value)
	default:
		n = toBig(v)
	}
	if n == nil || n.Cmp(big.NewInt(lo)) < 0 || n.Cmp(new(big.Int).SetUint64(hi)) > 0 {
		return nil, s.overflow(s.ToString(v), t)
	}
	return wholeOf(t.Name, n), nil
}

// textNumber reads a text as a number for a cast: what PowerShell's own numbers
// look like, with blanks around and thousands separated.
func (s *Session) textNumber(text string) (any, bool) {
	if n, ok := scanNumber(text); ok {
		return n, true
	}
	return scanNumber(strings.ReplaceAll(text, ",", ""))
}

func (s *Session) castText(text string, num any, t *Type, lo int64, hi uint64) (any, error) {
	n, err := s.castWhole(num, t, lo, hi)
	if err != nil {
		return nil, s.overflow(text, t)
	}
	return n, nil
}

func bigOf(f float64) *big.Int {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return nil
	}
	n, _ := new(big.Float).SetFloat64(f).Int(nil)
	return n
}

func wholeOf(name string, n *big.Int) any {
	switch name {
	case tInt32:
		return int32(n.Int64())
	case "System.Int64":
		return n.Int64()
	case "System.Byte":
		return byte(n.Int64())
	case "System.SByte":
		return int8(n.Int64())
	case "System.Int16":
		return int16(n.Int64())
	case "System.UInt16":
		return uint16(n.Int64())
	case "System.UInt32":
		return uint32(n.Int64())
	}
	return n.Uint64()
}

func (s *Session) overflow(text string, t *Type) error {
	kind := map[string]string{"System.Byte": "an unsigned byte", "System.SByte": "a signed byte", "System.Int16": "an Int16", "System.UInt16": "a UInt16",
		tInt32: "an Int32", "System.UInt32": "a UInt32", "System.Int64": "an Int64", "System.UInt64": "a UInt64"}[t.Name]
	msg := "Value was either too large or too small for " + kind + "."
	r := s.castFail(`Cannot convert value "`+text+`" to type "`+t.Name+`". Error: "`+msg+`"`, "InvalidCastIConvertible")
	r.Exception.Inner.Inner = NewException("System.OverflowException", msg)
	return r
}

func (s *Session) castReal(v any, t *Type) (any, error) {
	num := v
	switch x := v.(type) {
	case nil:
		num = int32(0)
	case string:
		if strings.TrimSpace(x) == "" && x == "" {
			num = int32(0)
			break
		}
		n, ok := s.textNumber(x)
		if !ok {
			return nil, s.badReal(x, t)
		}
		if d, isDecimal := parsePlainDecimal(x); isDecimal && t.Name == "System.Decimal" {
			n = d
		}
		if whole, isWhole := new(big.Int).SetString(strings.TrimSpace(x), 10); isWhole && t.Name == "System.Numerics.BigInteger" {
			n = whole
		}
		num = n
	case Enum:
		num = x.Value
	}
	if kindOf(num) == notNumber {
		return nil, s.castImpossible(v, t)
	}
	switch t.Name {
	case "System.Double":
		f, _ := toFloat(num)
		return f, nil
	case "System.Single":
		f, _ := toFloat(num)
		return float32(f), nil
	case "System.Decimal":
		d, ok := toDecimal(num)
		if !ok {
			return nil, s.castFail(`Cannot convert value "`+s.ToString(v)+`" to type "System.Decimal". Error: "Value was either too large or too small for a Decimal."`, "InvalidCastIConvertible")
		}
		return d, nil
	}
	return toBig(num), nil
}

// parsePlainDecimal keeps all digits of a text that is nothing but a number.
func parsePlainDecimal(text string) (Decimal, bool) {
	return ParseDecimal(strings.ReplaceAll(strings.TrimSpace(text), ",", ""))
}

func (s *Session) badReal(text string, t *Type) error {
	r := s.badNumber(text, t.Name).(*ErrorRecord)
	r.ID = "InvalidCastFromStringToDoubleOrSingle"
	if t.Name == "System.Decimal" {
		r.ID = "InvalidCastFromStringToDecimal"
	}
	return r
}

func (s *Session) castArray(ctx context.Context, v any, t *Type) (any, error) {
	if text, ok := v.(string); ok && t.Elem.Name == "System.Char" {
		var items []any
		for _, u := range Units(text) {
			items = append(items, Char(u))
		}
		return &Array{Type: t.Name, Items: items}, nil
	}
	items := []any{v}
	if Enumerable(v) {
		items = Items(v)
	}
	if t.Elem.Name == "System.Byte" {
		return s.castBytes(items, t)
	}
	out := make([]any, len(items))
	for i, item := range items {
		x, err := s.Cast(ctx, item, t.Elem)
		if err != nil && !isControl(err) && !isArray(v) {
			id := "InvalidCastExceptionScalarToArray"
			if Enumerable(v) {
				id = "InvalidCastExceptionEnumerableToArray"
			}
			r := s.castFail(`Cannot convert value "`+s.ToString(s.methodText(v))+`" to type "`+t.Name+`". Error: "`+errText(err)+`"`, id)
			r.Exception.Inner.Inner = ToException(err)
			return nil, r
		}
		if err != nil {
			return nil, err
		}
		out[i] = x
	}
	return &Array{Type: t.Name, Items: out}, nil
}

func (s *Session) castBytes(items []any, t *Type) (any, error) {
	b := make([]byte, len(items))
	for i, item := range items {
		x, err := s.castWhole(Unwrap(item), t.Elem, 0, math.MaxUint8)
		if err != nil {
			return nil, err
		}
		b[i] = x.(byte)
	}
	return &Bytes{B: b}, nil
}

func (s *Session) castEnum(v any, t *Type) (any, error) {
	if Enumerable(v) && t.Flags {
		v = s.join(v, ",")
	}
	if text, ok := v.(string); ok {
		n, err := t.parseEnum(text)
		if err == nil {
			return Enum{t, n}, nil
		}
		return nil, s.enumFailed(text, t, err)
	}
	n, ok := toInt64(v)
	if !ok || kindOf(v) == notNumber {
		return nil, s.castImpossible(v, t)
	}
	if !t.hasEnum(n) {
		return nil, s.enumFailed(intText(n), t, &enumError{kind: "Undefined"})
	}
	return Enum{t, n}, nil
}

func (s *Session) enumFailed(text string, t *Type, err error) error {
	var e *enumError
	errors.As(err, &e)
	head := `Cannot convert value "` + text + `" to type "` + t.Name + `"`
	switch e.kind {
	case "EnumerationNoFlagAndComma":
		return s.castFail(head+" because no commas are allowed for this enumeration.", "InvalidCastEnumCommaAndNoFlags")
	case "MoreThanOneValue":
		return s.castFail(head+" because at least two matches were found ("+e.first+", "+e.second+") and only one match is allowed for this enumeration.", "InvalidCastEnumTwoStringsFoundAndNoFlags")
	case "Undefined":
		return s.castFail(head+" due to enumeration values that are not valid. Specify one of the following enumeration values and try again. The possible enumeration values are \""+t.enumNames()+"\".", "SubstringDisambiguationEnumParseThrewAnException")
	}
	inner := "Unable to match the identifier name " + text + " to a valid enumerator name. Specify one of the following enumerator names and try again:\r\n" + strings.ReplaceAll(t.enumNames(), ",", ", ")
	return s.castFail(head+`. Error: "`+inner+`"`, "SubstringDisambiguationEnumParseThrewAnException")
}

// castValue has the conversions of the other values that the engine knows.
func (s *Session) castValue(ctx context.Context, v any, t *Type) (out any, ok bool, err error) {
	text, isText := v.(string)
	n, isNumber := toInt64(v)
	isNumber = isNumber && kindOf(v) != notNumber
	var inner error
	switch t.Name {
	case "System.Char":
		switch {
		case isText && utf16Len(text) == 1:
			return Char(Units(text)[0]), true, nil
		case isNumber && n >= 0 && n <= math.MaxUint16:
			return Char(n), true, nil
		case isText:
			return nil, false, s.castFail(`Cannot convert value "`+text+`" to type "System.Char". Error: "String must be exactly one character long."`, "InvalidCastParseTargetInvocationWithFormatProvider")
		}
	case "System.DateTime":
		if isText {
			if d, ok := ParseDate(text, s.now()); ok {
				return d, true, nil
			}
			inner = NewException("System.FormatException", s.BadDateText(text))
		} else if isNumber {
			return DateTimeOf(n, KindUnspecified, nil), true, nil
		}
	case "System.TimeSpan":
		if isText {
			if d, ok := ParseSpan(text); ok {
				return d, true, nil
			}
			inner = NewException("System.FormatException", s.badSpanText(text))
		} else if isNumber {
			return TimeSpan(n), true, nil
		}
	case "System.Version":
		if o, ok := v.(*Object); ok {
			if x, ok := o.Data.(semver); ok {
				return Version{x.major, x.minor, x.patch, -1}, true, nil
			}
		}
		if f, isFloat := v.(float64); isText || isFloat {
			if isFloat {
				text = s.ToString(f)
			}
			var x Version
			if x, inner = ParseVersion(text); inner == nil {
				return x, true, nil
			}
		}
	case "System.Guid":
		if isText {
			if g, ok := ParseGuid(text); ok {
				return g, true, nil
			}
			inner = NewException("System.FormatException", s.badGuidText())
		}
	case "System.Text.RegularExpressions.Regex":
		if isText {
			var r *Regex
			if r, inner = s.NewRegex(text, 0); inner == nil {
				return r, true, nil
			}
		}
	case "System.Type", "System.RuntimeType":
		if isText {
			if x := s.FindType(text); x != nil {
				return x, true, nil
			}
			return nil, false, s.castFail(`Cannot convert the "`+text+`" value of type "System.String" to type "System.Type".`, "InvalidCastFromStringToType")
		}
	case "System.Array":
		return NewArray(Items(v)...), true, nil
	default:
		return s.castCollection(ctx, v, t)
	}
	if inner != nil {
		r := s.castFail(`Cannot convert value "`+s.ToString(v)+`" to type "`+t.Name+`". Error: "`+inner.Error()+`"`, "InvalidCastParseTargetInvocationWithFormatProvider")
		r.Exception.Inner.Inner = ToException(inner)
		return nil, false, r
	}
	return nil, false, nil
}

func (s *Session) castCollection(ctx context.Context, v any, t *Type) (any, bool, error) {
	switch {
	case t.Name == tArrayList || strings.HasPrefix(t.Name, "System.Collections.Generic.List`1["):
		items := Items(v)
		if len(t.Args) == 1 {
			for i := range items {
				x, err := s.Cast(ctx, items[i], t.Args[0])
				if err != nil {
					return nil, false, err
				}
				items[i] = x
			}
		}
		return &Array{Type: t.Name, Items: items}, true, nil
	case t.Name == "System.Collections.IList" || t.Name == "System.Collections.IEnumerable" || t.Name == "System.Collections.ICollection":
		return NewArray(Items(v)...), true, nil
	case strings.HasPrefix(t.Name, "System.Collections.Generic.IEnumerable`1["), strings.HasPrefix(t.Name, "System.Collections.Generic.IList`1["),
		strings.HasPrefix(t.Name, "System.Collections.Generic.ICollection`1["):
		out, err := s.castArray(ctx, v, s.engine.arrayOf(t.Args[0], 1))
		return out, err == nil, err
	case t.Name == tHashtable:
		if h, ok := v.(*Hashtable); ok {
			c := h.Clone()
			c.Ordered = false
			return c, true, nil
		}
	case t.Name == "System.Management.Automation.PSReference":
		return &Ref{Get: func() any { return v }, Set: func(any) error { return nil }}, true, nil
	}
	return nil, false, nil
}

// castFailure is the id of a conversion that has failed.
func castFailure(t *Type) string {
	if t.Name == "System.Xml.XmlDocument" {
		return "InvalidCastToXmlDocument"
	}
	return "InvalidCastConstructorException"
}

// castObject has the conversions that types bring: Convert, Parse(string), a
// constructor with one parameter, properties from a hashtable.
func (s *Session) castObject(ctx context.Context, v any, t *Type) (any, error) {
	b := Unwrap(v)
	if t.Convert != nil {
		out, ok, err := t.Convert(ctx, &Invoke{Session: s, Type: t, Args: []any{v}})
		if err != nil {
			if isControl(err) {
				return nil, err
			}
			r := s.castFail(`Cannot convert value "`+s.ToString(v)+`" to type "`+t.Name+`". Error: "`+errText(err)+`"`, castFailure(t))
			r.Exception.Inner.Inner = ToException(err)
			return nil, r
		}
		if ok {
			return out, nil
		}
	}
	if _, ok := b.(string); ok {
		if m := t.StaticMember("Parse"); m != nil && m.Refuse == "" {
			out, err := s.callMember(ctx, m, t, nil, []any{b})
			if err == nil || isControl(err) {
				return out, err
			}
			return nil, s.castFail(`Cannot convert value "`+s.ToString(v)+`" to type "`+t.Name+`". Error: "`+errText(innermost(err))+`"`, "InvalidCastParseTargetInvocation")
		}
	}
	if h, ok := b.(*Hashtable); ok && len(t.New) > 0 {
		return s.fromTable(ctx, h, t)
	}
	for _, o := range t.New {
		if len(o.Params) != 1 || !s.accepts(b, o.Params[0].Type, t) {
			continue
		}
		return s.New(ctx, t, v)
	}
	return nil, s.castImpossible(v, t)
}

// fromTable makes an object and sets its properties.
func (s *Session) fromTable(ctx context.Context, h *Hashtable, t *Type) (any, error) {
	o, err := s.New(ctx, t)
	if err != nil {
		return nil, err
	}
	for _, e := range h.Entries() {
		if err := s.SetProperty(ctx, o, s.ToString(e.Key), e.Value); err != nil {
			return nil, err
		}
	}
	return o, nil
}

func (s *Session) castImpossible(v any, t *Type) error {
	from := "null"
	if x := s.engine.TypeOf(v); x != nil {
		from = x.Name
	}
	text := s.ToString(s.methodText(v))
	if o, ok := Unwrap(v).(*Object); ok && o.IsCustom() {
		text = s.ToString(v)
	}
	return s.castFail(`Cannot convert the "`+text+`" value of type "`+from+`" to type "`+t.Name+`".`, "ConvertToFinalInvalidCastException")
}

// castFail is the error of a conversion.
func (s *Session) castFail(msg, id string) *ErrorRecord {
	r := s.fail(tRuntime, msg, id, InvalidArgument, nil)
	r.Exception.Inner = NewException("System.Management.Automation.PSInvalidCastException", msg)
	return r
}

// Is is $v -is [type].
func (s *Session) Is(v any, t *Type) bool {
	t = s.engine.canonical(t)
	_, wrapped := v.(*Extended)
	b := Unwrap(v)
	from := s.engine.TypeOf(b)
	if from == nil {
		return false
	}
	if t.Name == "System.Management.Automation.PSObject" || t.Name == tCustom {
		return wrapped || from.Name == tCustom
	}
	return from.Name == t.Name || from.Inherits(t.Name)
}

func (s *Session) now() time.Time {
	if s.process == nil {
		return time.Time{}
	}
	return s.process.Machine.Now()
}
