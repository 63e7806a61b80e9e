package ps

import (
	"github.com/casement/casement/internal/run/winsh/pslang"
)

// bits is -band, -bor, -bxor, -shl and -shr.
func (s *Session) bits(op pslang.Op, a, b any) (any, error) {
	a, b = Unwrap(a), Unwrap(b)
	if op == pslang.OpShl || op == pslang.OpShr {
		return s.shift(op, a, b)
	}
	if e, ok := a.(Enum); ok {
		if y, err := s.castNamed(b, e.Type.Name); err == nil {
			n := bitOp(op, e.Value, y.(Enum).Value)
			return Enum{e.Type, n}, nil
		}
	}
	x, err := s.integral(a)
	if err != nil {
		return nil, err
	}
	y, err := s.integral(b)
	if err != nil {
		return nil, err
	}
	k := max(kindOf(x), kindOf(y))
	if k == kUInt64 || k == kUInt32 {
		n := uint64(bitOp(op, toBig(x).Int64(), toBig(y).Int64()))
		if ux, ok := x.(uint64); ok {
			uy := toBig(y).Uint64()
			n = uint64(bitOp(op, int64(ux), int64(uy)))
		}
		if k == kUInt32 {
			return uint32(n), nil
		}
		return n, nil
	}
	i, _ := toInt64(x)
	j, _ := toInt64(y)
	n := bitOp(op, i, j)
	if k == kInt32 {
		return int32(n), nil
	}
	return n, nil
}

func bitOp(op pslang.Op, x, y int64) int64 {
	switch op {
	case pslang.OpBand:
		return x & y
	case pslang.OpBor:
		return x | y
	}
	return x ^ y
}

func (s *Session) shift(op pslang.Op, a, b any) (any, error) {
	x, err := s.integral(a)
	if err != nil {
		return nil, err
	}
	n, err := s.castInt(b)
	if err != nil {
		return nil, err
	}
	left := op == pslang.OpShl
	switch v := x.(type) {
	case int64:
		if left {
			return v << (n & 63), nil
		}
		return v >> (n & 63), nil
	case uint64:
		if left {
			return v << (n & 63), nil
		}
		return v >> (n & 63), nil
	case uint32:
		if left {
			return v << (n & 31), nil
		}
		return v >> (n & 31), nil
	}
	i, _ := toInt64(x)
	if left {
		return int32(i) << (n & 31), nil
	}
	return int32(i) >> (n & 31), nil
}

// integral converts an operand of a bit operator to a whole number.
func (s *Session) integral(v any) (any, error) {
	switch x := v.(type) {
	case nil:
		return int32(0), nil
	case Enum:
		n, _ := numericKind(x)
		return n, nil
	case string:
		n, err := s.numberOf(x, int32(0))
		if err != nil {
			return nil, err
		}
		return s.integral(n)
	case float64, float32, Decimal:
		if n, ok := toInt64(x); ok {
			if int64(int32(n)) == n {
				return int32(n), nil
			}
			return n, nil
		}
		if f, _ := toFloat(x); f >= 0 && f < 1<<64 {
			return uint64(f), nil
		}
	}
	if kindOf(v) == notNumber {
		return nil, s.noOperation(pslang.OpMod, v, v)
	}
	return v, nil
}
