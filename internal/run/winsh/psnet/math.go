package psnet

import (
	"context"
	cryptorand "crypto/rand"
	"math"
	"math/rand/v2"

	"github.com/casement/casement/internal/run/winsh/ps"
)

// mathTypes are System.Math and Random.
func mathTypes() []*ps.Type {
	return []*ps.Type{
		{Name: "System.Math", Aliases: []string{"math"}, Abstract: true, Members: mathMembers},
		names("System.MidpointRounding", "ToEven", "AwayFromZero", "ToZero", "ToNegativeInfinity", "ToPositiveInfinity"),
		{Name: "System.Random", Members: randomMembers, New: overloads(can(func(in *ps.Invoke) (any, error) {
			r := &random{}
			if len(in.Args) > 0 {
				r.seed(int32(in.Int(0)))
			}
			return in.Session.Object("System.Random", r), nil
		}), "", "int Seed")},
	}
}

// perType makes signatures with parameters of each of some types.
func perType(params int, types ...string) []string {
	list := make([]string, len(types))
	for i, t := range types {
		list[i] = t + " val1"
		if params > 1 {
			list[i] += ", " + t + " val2"
		}
		if params > 2 {
			list[i] += ", " + t + " val3"
		}
	}
	return list
}

func mathMembers() []ps.Member {
	all := []string{"int", "long", "double", "decimal", "float", "byte", "sbyte", "short", "ushort", "uint", "ulong"}
	pick := func(max bool) run {
		return can(func(in *ps.Invoke) (any, error) {
			if f, ok := in.Args[0].(float64); ok && math.IsNaN(f) {
				return f, nil
			}
			if f, ok := in.Args[1].(float64); ok && math.IsNaN(f) {
				return f, nil
			}
			n, err := in.Session.Compare(in.Args[0], in.Args[1], true)
			if err != nil || (n >= 0) == max {
				return in.Args[0], err
			}
			return in.Args[1], nil
		})
	}
	real := func(name string, f func(x float64) float64) ps.Member {
		return static(name, "double", val(func(in *ps.Invoke) any { return f(floatOf(in.Args[0])) }), "double d")
	}
	rounding := func(name string, f func(x float64) float64, d func(x ps.Decimal) any) ps.Member {
		return static(name, "double", val(func(in *ps.Invoke) any {
			if x, ok := in.Args[0].(ps.Decimal); ok {
				return d(x)
			}
			return f(floatOf(in.Args[0]))
		}), "double a", "decimal d")
	}
	list := []ps.Member{
		constant("PI", "double", math.Pi), constant("E", "double", math.E),
		static("Abs", "double", can(absolute), perType(1, "int", "long", "double", "decimal", "float", "sbyte", "short")...),
		static("Max", "double", pick(true), perType(2, all...)...), static("Min", "double", pick(false), perType(2, all...)...),
		static("Sign", "int", val(func(in *ps.Invoke) any {
			switch f := floatOf(in.Args[0]); {
			case f > 0:
				return int32(1)
			case f < 0:
				return int32(-1)
			}
			return int32(0)
		}), perType(1, "int", "long", "double", "decimal", "float")...),
		rounding("Ceiling", math.Ceil, func(d ps.Decimal) any { return floorDecimal(d, true) }), rounding("Floor", math.Floor, func(d ps.Decimal) any { return floorDecimal(d, false) }),
		rounding("Truncate", math.Trunc, func(d ps.Decimal) any { return ps.Decimal{Unscaled: d.Truncate()} }),
		static("Round", "double", can(rounded), "double a", "decimal d", "double value, int digits", "decimal d, int decimals", "double value, System.MidpointRounding mode",
			"decimal d, System.MidpointRounding mode", "double value, int digits, System.MidpointRounding mode", "decimal d, int decimals, System.MidpointRounding mode"),
		static("Pow", "double", val(func(in *ps.Invoke) any { return math.Pow(floatOf(in.Args[0]), floatOf(in.Args[1])) }), "double x, double y"),
		static("Atan2", "double", val(func(in *ps.Invoke) any { return math.Atan2(floatOf(in.Args[0]), floatOf(in.Args[1])) }), "double y, double x"),
		static("IEEERemainder", "double", val(func(in *ps.Invoke) any { return math.Remainder(floatOf(in.Args[0]), floatOf(in.Args[1])) }), "double x, double y"),
		static("Log", "double", val(func(in *ps.Invoke) any {
			if len(in.Args) == 2 {
				return math.Log(floatOf(in.Args[0])) / math.Log(floatOf(in.Args[1]))
			}
			return math.Log(floatOf(in.Args[0]))
		}), "double d", "double a, double newBase"),
		static("DivRem", "long", can(divRem), "int a, int b, out int result", "long a, long b, out long result"),
		static("BigMul", "long", val(func(in *ps.Invoke) any { return int64(in.Int(0)) * int64(in.Int(1)) }), "int a, int b"),
		real("Sqrt", math.Sqrt), real("Exp", math.Exp), real("Log10", math.Log10), real("Sin", math.Sin), real("Cos", math.Cos), real("Tan", math.Tan),
		real("Asin", math.Asin), real("Acos", math.Acos), real("Atan", math.Atan), real("Sinh", math.Sinh), real("Cosh", math.Cosh), real("Tanh", math.Tanh),
	}
	return append(list, only(ps.Core,
		real("Log2", math.Log2), real("Cbrt", math.Cbrt),
		static("Clamp", "double", can(clamped), perType(3, all...)...))...)
}

func absolute(in *ps.Invoke) (any, error) {
	neg, err := in.Session.Compare(in.Args[0], int32(0), true)
	if err != nil || neg >= 0 {
		return in.Args[0], err
	}
	tooSmall := throw(overflowException, "Negating the minimum value of a twos complement number is invalid.")
	switch x := in.Args[0].(type) {
	case int32:
		if x == math.MinInt32 {
			return nil, tooSmall
		}
		return -x, nil
	case int64:
		if x == math.MinInt64 {
			return nil, tooSmall
		}
		return -x, nil
	case int16:
		return -x, nil
	case int8:
		return -x, nil
	case float32:
		return -x, nil
	case ps.Decimal:
		x.Unscaled = bigNeg(x)
		return x, nil
	}
	return math.Abs(floatOf(in.Args[0])), nil
}

// rounded is Math.Round: half to even, unless a mode says something else.
func rounded(in *ps.Invoke) (any, error) {
	if _, ok := in.Args[0].(ps.Decimal); ok {
		return roundDecimal(in), nil
	}
	digits, mode := roundOptions(in)
	if digits < 0 || digits > 15 {
		return nil, outOfRange(in.Session, "Rounding digits must be between 0 and 15, inclusive.", "digits")
	}
	x := floatOf(in.Args[0])
	if math.Abs(x) >= 1e16 || math.IsNaN(x) {
		return x, nil
	}
	scale := math.Pow10(digits)
	x *= scale
	switch mode {
	case 1:
		whole, frac := math.Modf(x)
		if math.Abs(frac) >= 0.5 {
			whole += math.Copysign(1, frac)
		}
		x = whole
	case 2:
		x = math.Trunc(x)
	case 3:
		x = math.Floor(x)
	case 4:
		x = math.Ceil(x)
	default:
		x = math.RoundToEven(x)
	}
	return x / scale, nil
}

// roundOptions are the digits and the mode of a call of Round.
func roundOptions(in *ps.Invoke) (digits int, mode int64) {
	for i, a := range in.Args[1:] {
		if e, ok := a.(ps.Enum); ok {
			mode = e.Value
		} else {
			digits = in.Int(i + 1)
		}
	}
	return digits, mode
}

func roundDecimal(in *ps.Invoke) any {
	d, _ := in.Args[0].(ps.Decimal)
	digits, mode := roundOptions(in)
	return d.Round(digits, mode == 1)
}

func divRem(in *ps.Invoke) (any, error) {
	a, b := intOf(in.Args[0]), intOf(in.Args[1])
	if b == 0 {
		return nil, throw("System.DivideByZeroException", "Attempted to divide by zero.")
	}
	if _, ok := in.Args[0].(int32); ok {
		return int32(a / b), in.Args[2].(*ps.Ref).Set(int32(a % b))
	}
	return a / b, in.Args[2].(*ps.Ref).Set(a % b)
}

func clamped(in *ps.Invoke) (any, error) {
	low, err := in.Session.Compare(in.Args[0], in.Args[1], true)
	if err != nil {
		return nil, err
	}
	high, err := in.Session.Compare(in.Args[0], in.Args[2], true)
	switch {
	case low < 0:
		return in.Args[1], err
	case high > 0:
		return in.Args[2], err
	}
	return in.Args[0], err
}

// random is a System.Random. With a seed it gives the numbers that .NET gives:
// the subtractive generator of Knuth, with .NET's variations.
type random struct {
	seeded  bool
	table   [56]int32
	next    int
	nextTwo int
}

func (r *random) seed(n int32) {
	const seed = 161803398
	if n == math.MinInt32 {
		n = math.MaxInt32
	}
	if n < 0 {
		n = -n
	}
	mj, mk := int32(seed)-n, int32(1)
	r.table[55] = mj
	for i := 1; i < 55; i++ {
		at := 21 * i % 55
		r.table[at] = mk
		if mk = mj - mk; mk < 0 {
			mk += math.MaxInt32
		}
		mj = r.table[at]
	}
	for range 4 {
		for i := 1; i < 56; i++ {
			n := i + 30
			if n >= 55 {
				n -= 55
			}
			if r.table[i] -= r.table[1+n]; r.table[i] < 0 {
				r.table[i] += math.MaxInt32
			}
		}
	}
	r.seeded, r.next, r.nextTwo = true, 0, 21
}

// sample is a number from 0 to 2147483646.
func (r *random) sample() int32 {
	if !r.seeded {
		return rand.Int32N(math.MaxInt32)
	}
	if r.next++; r.next >= 56 {
		r.next = 1
	}
	if r.nextTwo++; r.nextTwo >= 56 {
		r.nextTwo = 1
	}
	n := r.table[r.next] - r.table[r.nextTwo]
	if n == math.MaxInt32 {
		n--
	}
	if n < 0 {
		n += math.MaxInt32
	}
	r.table[r.next] = n
	return n
}

func (r *random) double() float64 { return float64(r.sample()) * (1.0 / math.MaxInt32) }

// large is a number between 0 and 1 for ranges that one sample does not cover.
func (r *random) large() float64 {
	n := r.sample()
	if r.sample()%2 == 0 {
		n = -n
	}
	return (float64(n) + (math.MaxInt32 - 1)) / (2*math.MaxInt32 - 1)
}

func randomMembers() []ps.Member {
	data := self[*random]
	return []ps.Member{
		method("Next", "int", can(func(in *ps.Invoke) (any, error) {
			switch len(in.Args) {
			case 0:
				return data(in).sample(), nil
			case 1:
				if in.Int(0) < 0 {
					return nil, outOfRange(in.Session, "'maxValue' must be greater than zero.", "maxValue")
				}
				return int32(data(in).double() * float64(in.Int(0))), nil
			}
			low, high := int64(in.Int(0)), int64(in.Int(1))
			if low > high {
				return nil, outOfRange(in.Session, "'minValue' cannot be greater than maxValue.", "minValue")
			}
			if high-low <= math.MaxInt32 {
				return int32(int64(data(in).double()*float64(high-low)) + low), nil
			}
			return int32(int64(data(in).large()*float64(high-low)) + low), nil
		}), "", "int maxValue", "int minValue, int maxValue"),
		method("NextDouble", "double", val(func(in *ps.Invoke) any { return data(in).double() }), ""),
		method("NextBytes", "void", do(func(in *ps.Invoke) error {
			b := bytesArg(in, 0)
			if !data(in).seeded {
				_, err := cryptorand.Read(b)
				return err
			}
			for i := range b {
				b[i] = byte(data(in).sample())
			}
			return nil
		}), "byte[] buffer"),
	}
}

// sleepMembers are those of Thread that wait.
func sleepMembers() []ps.Member {
	return []ps.Member{static("Sleep", "void", func(ctx context.Context, in *ps.Invoke) (any, error) {
		if d, ok := in.Args[0].(ps.TimeSpan); ok {
			return nil, sleep(ctx, d.Duration())
		}
		n := in.Int(0)
		if n < -1 {
			return nil, outOfRange(in.Session, "Number must be either non-negative and less than or equal to Int32.MaxValue or -1.", "millisecondsTimeout")
		}
		return nil, sleep(ctx, ps.TimeSpan(int64(n)*int64(ps.TicksPerMillisecond)).Duration())
	}, "int millisecondsTimeout", "timespan timeout")}
}
