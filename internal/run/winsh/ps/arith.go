package ps

import (
	"math"
	"math/big"
	"strings"

	"github.com/casement/casement/internal/run/winsh/pslang"
)

// numKind orders the types of numbers as .NET's type codes do: an operation is
// done in the larger one of its operands' kinds.
type numKind byte

const (
	notNumber numKind = iota
	kInt32            // and all smaller ones, booleans and characters
	kUInt32
	kInt64
	kUInt64
	kFloat
	kDecimal
	kBig
)

func kindOf(v any) numKind {
	switch v.(type) {
	case int32, bool, byte, int8, int16, uint16, Char, Switch:
		return kInt32
	case uint32:
		return kUInt32
	case int64:
		return kInt64
	case uint64:
		return kUInt64
	case float64, float32:
		return kFloat
	case Decimal:
		return kDecimal
	case *big.Int:
		return kBig
	}
	return notNumber
}

// numericKind is kindOf with enumerations as their numbers.
func numericKind(v any) (any, numKind) {
	if e, ok := v.(Enum); ok {
		if int64(int32(e.Value)) == e.Value {
			return int32(e.Value), kInt32
		}
		return e.Value, kInt64
	}
	return v, kindOf(v)
}

// add is $a + $b.
func (s *Session) add(a, b any) (any, error) {
	if x, ok := a.(int32); ok {
		if y, ok := b.(int32); ok {
			return fitInt(int64(x) + int64(y)), nil
		}
	}
	b0 := b
	a, b = Unwrap(a), Unwrap(b)
	switch x := a.(type) {
	case nil:
		return b0, nil
	case string:
		return s.concat(x, s.ToString(b0))
	case Char:
		return s.concat(charText(x), s.ToString(b0))
	case *Hashtable:
		y, ok := b.(*Hashtable)
		if !ok {
			return nil, s.fail(tRuntime, "A hash table can only be added to another hash table.", "AddHashTableToNonHashTable", InvalidOperation, nil)
		}
		return s.addTables(x, y)
	}
	if Enumerable(a) {
		items := Items(a)
		if Enumerable(b0) { // also where nothing was written
			items = append(items, Items(b0)...)
		} else {
			items = append(items, b0)
		}
		if err := s.fits(int64(len(items)) * 16); err != nil {
			return nil, err
		}
		return NewArray(items...), nil
	}
	return s.arith(pslang.OpAdd, a, b)
}

func (s *Session) addTables(a, b *Hashtable) (any, error) {
	sum := a.Clone()
	sum.Ordered = false
	for _, e := range b.Entries() {
		if _, ok := sum.Get(e.Key); ok {
			return nil, s.netFail("System.ArgumentException", "Item has already been added. Key in dictionary: '"+s.ToString(e.Key)+"'  Key being added: '"+s.ToString(e.Key)+"'", "System.ArgumentException")
		}
		sum.Put(e.Key, e.Value)
	}
	return sum, nil
}

func fitInt(n int64) any {
	if int64(int32(n)) == n {
		return int32(n)
	}
	return float64(n)
}

// binary is one of + - * / % for everything but $a + $b on lists and texts.
func (s *Session) binary(op pslang.Op, a, b any) (any, error) {
	switch op {
	case pslang.OpAdd:
		return s.add(a, b)
	case pslang.OpMul:
		return s.multiply(a, b)
	}
	return s.arith(op, Unwrap(a), Unwrap(b))
}

// concat joins two texts, within what a value may have.
func (s *Session) concat(a, b string) (any, error) {
	if err := s.fits(int64(len(a)) + int64(len(b))); err != nil {
		return nil, err
	}
	return a + b, nil
}

func (s *Session) multiply(a, b any) (any, error) {
	a, b = Unwrap(a), Unwrap(b)
	switch x := a.(type) {
	case nil:
		return nil, nil
	case string:
		n, err := s.count(b)
		if err != nil {
			return nil, err
		}
		if err := s.fits(int64(len(x)) * n); err != nil {
			return nil, err
		}
		return strings.Repeat(x, int(n)), nil
	}
	if Enumerable(a) {
		n, err := s.count(b)
		if err != nil {
			return nil, err
		}
		items := Items(a)
		if err := s.fits(int64(len(items)) * n * 16); err != nil {
			return nil, err
		}
		out := make([]any, 0, int64(len(items))*n)
		for range n {
			out = append(out, items...)
		}
		if x, ok := a.(*Array); ok && x.Fixed() {
			return &Array{Type: x.Type, Items: out}, nil
		}
		return NewArray(out...), nil
	}
	return s.arith(pslang.OpMul, a, b)
}

// count is the right operand of text * n.
func (s *Session) count(v any) (int64, error) {
	n, err := s.castInt(v)
	if err != nil {
		return 0, err
	}
	if n < 0 {
		return 0, s.netFail("System.ArgumentOutOfRangeException", "Specified argument was out of the range of valid values.\r\nParameter name: times", "ArgumentOutOfRange")
	}
	return n, nil
}

// arith does arithmetic on numbers, dates and times.
func (s *Session) arith(op pslang.Op, a, b any) (any, error) {
	if t, ok, err := s.timeArith(op, a, b); ok || err != nil {
		return t, err
	}
	if o, isObject := a.(*Object); isObject {
		if x, operates := o.Data.(Operand); operates {
			if v, ok, err := x.Operate(s, opMethod(op), b); ok || err != nil {
				return v, err
			}
		}
	}
	var err error
	x, kx := numericKind(a)
	y, ky := numericKind(b)
	if a == nil {
		x, kx = int32(0), kInt32
	}
	if b == nil {
		y, ky = int32(0), kInt32
	}
	if str, ok := x.(string); ok {
		if x, err = s.numberOf(str, y); err != nil {
			return nil, err
		}
		kx = kindOf(x)
	}
	if str, ok := y.(string); ok && kx != notNumber {
		if y, err = s.numberOf(str, x); err != nil {
			return nil, err
		}
		ky = kindOf(y)
	}
	if kx == notNumber || ky == notNumber {
		return nil, s.noOperation(op, a, b)
	}
	return s.numbers(op, x, y, max(kx, ky))
}

// numberOf converts a text for arithmetic with another operand.
func (s *Session) numberOf(text string, other any) (any, error) {
	if strings.TrimSpace(text) == "" {
		return int32(0), nil
	}
	if n, ok := scanNumber(text); ok {
		return n, nil
	}
	name := tInt32
	if t := s.engine.TypeOf(other); t != nil && kindOf(other) != notNumber {
		name = t.Name
	}
	if _, ok := other.(string); ok {
		name = tInt32
	}
	return nil, s.badNumber(text, name)
}

func (s *Session) badNumber(text, typ string) error {
	msg := "Input string was not in a correct format."
	if s.edition == Core {
		msg = "The input string '" + text + "' was not in a correct format."
	}
	r := s.castFail(`Cannot convert value "`+text+`" to type "`+typ+`". Error: "`+msg+`"`, "InvalidCastFromStringToInteger")
	r.Exception.Inner.Inner = NewException("System.FormatException", msg)
	return r
}

// opMethod is the name of an operator as a method of .NET.
func opMethod(op pslang.Op) string {
	switch op {
	case pslang.OpAdd:
		return "op_Addition"
	case pslang.OpSub:
		return "op_Subtraction"
	case pslang.OpMul:
		return "op_Multiply"
	case pslang.OpDiv:
		return "op_Division"
	}
	return "op_Modulus"
}

func (s *Session) noOperation(op pslang.Op, a, b any) error {
	t := s.engine.TypeOf(a)
	if t == nil || kindOf(a) != notNumber {
		t = s.engine.TypeOf(b)
	}
	name := "System.Object"
	if t != nil {
		name = t.Name
	}
	return s.fail(tRuntime, "Method invocation failed because ["+name+"] does not contain a method named '"+opMethod(op)+"'.", "MethodNotFound", InvalidOperation, opMethod(op))
}

func (s *Session) divideByZero() error {
	r := s.fail(tRuntime, "Attempted to divide by zero.", "RuntimeException", NotSpecified, nil)
	r.Exception.Inner = NewException("System.DivideByZeroException", "Attempted to divide by zero.")
	return r
}

// numbers does op in the larger kind.
func (s *Session) numbers(op pslang.Op, a, b any, k numKind) (any, error) {
	if k == kUInt32 || k == kUInt64 {
		x, okX := toInt64(a)
		y, okY := toInt64(b)
		switch {
		case okX && x < 0 || okY && y < 0:
			k = map[numKind]numKind{kUInt32: kInt64, kUInt64: kDecimal}[k]
		case k == kUInt32:
			return s.unsigned(op, a, b, math.MaxUint32)
		default:
			return s.unsigned(op, a, b, math.MaxUint64)
		}
	}
	switch k {
	case kInt32, kInt64:
		x, _ := toInt64(a)
		y, _ := toInt64(b)
		return s.integers(op, x, y, k == kInt32)
	case kDecimal:
		return s.decimals(op, a, b)
	case kBig:
		return s.bigs(op, a, b)
	}
	x, _ := toFloat(a)
	y, _ := toFloat(b)
	return floats(op, x, y), nil
}

func floats(op pslang.Op, x, y float64) any {
	switch op {
	case pslang.OpAdd:
		return x + y
	case pslang.OpSub:
		return x - y
	case pslang.OpMul:
		return x * y
	case pslang.OpDiv:
		return x / y
	}
	return math.Mod(x, y)
}

func (s *Session) integers(op pslang.Op, x, y int64, narrow bool) (any, error) {
	fit := func(n int64) any {
		if narrow {
			return fitInt(n)
		}
		return n
	}
	switch op {
	case pslang.OpAdd:
		if n := x + y; (n > x) == (y > 0) {
			return fit(n), nil
		}
	case pslang.OpSub:
		if n := x - y; (n < x) == (y > 0) {
			return fit(n), nil
		}
	case pslang.OpMul:
		if x == 0 || y == 0 {
			return fit(0), nil
		}
		if n := x * y; n/y == x && !(x == -1 && y == math.MinInt64) && !(y == -1 && x == math.MinInt64) {
			return fit(n), nil
		}
	case pslang.OpDiv:
		if y == 0 {
			return nil, s.divideByZero()
		}
		if y != -1 && x%y == 0 || y == -1 && x != math.MinInt64 {
			return fit(x / y), nil
		}
	case pslang.OpMod:
		if y == 0 {
			return nil, s.divideByZero()
		}
		if y == -1 {
			return fit(0), nil
		}
		return fit(x % y), nil
	}
	return floats(op, float64(x), float64(y)), nil
}

func (s *Session) unsigned(op pslang.Op, a, b any, limit uint64) (any, error) {
	x, y := toBig(a), toBig(b)
	n := new(big.Int)
	switch op {
	case pslang.OpAdd:
		n.Add(x, y)
	case pslang.OpSub:
		n.Sub(x, y)
	case pslang.OpMul:
		n.Mul(x, y)
	default:
		if y.Sign() == 0 {
			return nil, s.divideByZero()
		}
		r := new(big.Int)
		n.QuoRem(x, y, r)
		if op == pslang.OpMod {
			n = r
		} else if r.Sign() != 0 {
			n = nil
		}
	}
	if n != nil && n.IsUint64() && n.Uint64() <= limit {
		if limit == math.MaxUint32 {
			return uint32(n.Uint64()), nil
		}
		return n.Uint64(), nil
	}
	fx, _ := toFloat(a)
	fy, _ := toFloat(b)
	return floats(op, fx, fy), nil
}

func toBig(v any) *big.Int {
	switch x := Unwrap(v).(type) {
	case *big.Int:
		return x
	case uint64:
		return new(big.Int).SetUint64(x)
	case Decimal:
		return x.Truncate()
	case float64:
		n, _ := big.NewFloat(x).Int(nil)
		return orZero(n)
	}
	n, _ := toInt64(v)
	return big.NewInt(n)
}

func (s *Session) bigs(op pslang.Op, a, b any) (any, error) {
	x, y := toBig(a), toBig(b)
	if x.BitLen()+y.BitLen() > 1<<22 {
		return nil, s.fits(math.MaxInt64)
	}
	n := new(big.Int)
	switch op {
	case pslang.OpAdd:
		return n.Add(x, y), nil
	case pslang.OpSub:
		return n.Sub(x, y), nil
	case pslang.OpMul:
		return n.Mul(x, y), nil
	}
	if y.Sign() == 0 {
		return nil, s.divideByZero()
	}
	if op == pslang.OpDiv {
		return n.Quo(x, y), nil
	}
	return n.Rem(x, y), nil
}

func toDecimal(v any) (Decimal, bool) {
	switch x := Unwrap(v).(type) {
	case Decimal:
		return x, true
	case float64:
		if math.IsNaN(x) || math.Abs(x) >= 7.9e28 {
			return Decimal{}, false
		}
		return ParseDecimal(generalFloat(formatE(x, 15), 40))
	case float32:
		return ParseDecimal(generalFloat(formatE(float64(x), 7), 40))
	case uint64:
		return Decimal{Unscaled: new(big.Int).SetUint64(x)}, true
	case *big.Int:
		return newDecimal(x, 0)
	}
	n, ok := toInt64(v)
	return NewDecimal(n), ok
}

func (s *Session) decimals(op pslang.Op, a, b any) (any, error) {
	x, okX := toDecimal(a)
	y, okY := toDecimal(b)
	var d Decimal
	ok := okX && okY
	if ok {
		switch op {
		case pslang.OpAdd:
			d, ok = x.add(y)
		case pslang.OpSub:
			d, ok = x.sub(y)
		case pslang.OpMul:
			d, ok = x.mul(y)
		default:
			if y.Sign() == 0 {
				return nil, s.divideByZero()
			}
			if op == pslang.OpDiv {
				d, ok = x.quo(y)
			} else {
				d, ok = x.rem(y)
			}
		}
	}
	if !ok {
		r := s.fail(tRuntime, "Value was either too large or too small for a Decimal.", "RuntimeException", NotSpecified, nil)
		r.Exception.Inner = NewException("System.OverflowException", r.Exception.Message)
		return nil, r
	}
	return d, nil
}

// timeArith is arithmetic with dates and time spans; ok is false if no operand
// is one.
func (s *Session) timeArith(op pslang.Op, a, b any) (v any, ok bool, err error) {
	switch x := a.(type) {
	case int32, int64:
		span, isSpan := b.(TimeSpan)
		if !isSpan {
			return nil, false, nil
		}
		if op == pslang.OpMul {
			return s.timeArith(op, span, a)
		}
		if op != pslang.OpAdd && op != pslang.OpSub {
			return nil, false, nil
		}
		ticks, err := s.toSpan(a)
		if err != nil {
			return nil, false, err
		}
		return s.timeArith(op, ticks, span)
	case DateTime:
		if y, isDate := b.(DateTime); isDate && op == pslang.OpSub {
			return x.Sub(y), true, nil
		}
		if op != pslang.OpAdd && op != pslang.OpSub {
			return nil, false, nil
		}
		span, err := s.toSpan(b)
		if err != nil {
			return nil, false, err
		}
		if op == pslang.OpSub {
			span = -span
		}
		return x.Add(span), true, nil
	case TimeSpan:
		switch op {
		case pslang.OpAdd, pslang.OpSub:
			if y, isDate := b.(DateTime); isDate && op == pslang.OpAdd {
				return y.Add(x), true, nil
			}
			span, err := s.toSpan(b)
			if err != nil {
				return nil, false, err
			}
			if op == pslang.OpSub {
				span = -span
			}
			return x + span, true, nil
		case pslang.OpMul, pslang.OpDiv:
			if s.edition != Core {
				return nil, false, nil
			}
			if y, isSpan := b.(TimeSpan); isSpan && op == pslang.OpDiv {
				return float64(x) / float64(y), true, nil
			}
			f, isNumber := toFloat(b)
			if !isNumber {
				return nil, false, nil
			}
			if op == pslang.OpDiv {
				f = 1 / f
			}
			return TimeSpan(math.RoundToEven(float64(x) * f)), true, nil
		}
	}
	return nil, false, nil
}

func (s *Session) toSpan(v any) (TimeSpan, error) {
	x, err := s.castNamed(v, "System.TimeSpan")
	if err != nil {
		return 0, err
	}
	span, _ := x.(TimeSpan)
	return span, nil
}
