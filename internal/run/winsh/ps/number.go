package ps

import (
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
)

// Decimal is a System.Decimal: Unscaled / 10^Scale, at most 96 bits and a scale
// of 28. It does not change.
type Decimal struct {
	Unscaled *big.Int
	Scale    int
}

// NewDecimal makes a Decimal of a whole number.
func NewDecimal(n int64) Decimal { return Decimal{Unscaled: big.NewInt(n)} }

// ParseDecimal reads "1.50"; ok is false for what is no number or too large.
func ParseDecimal(s string) (d Decimal, ok bool) {
	mant, exp, _ := strings.Cut(strings.ToLower(s), "e")
	whole, frac, _ := strings.Cut(mant, ".")
	n, ok := new(big.Int).SetString(whole+frac, 10)
	if !ok || strings.ContainsAny(frac, "+-_") || strings.Contains(whole, "_") {
		return d, false
	}
	scale := len(frac)
	if exp != "" {
		e, err := strconv.Atoi(exp)
		if err != nil || e > 60 || e < -60 {
			return d, false
		}
		scale -= e
	}
	return newDecimal(n, scale)
}

// newDecimal brings a number into the range of System.Decimal, rounding half to
// even; ok is false if it is too large.
func newDecimal(n *big.Int, scale int) (Decimal, bool) {
	if scale < 0 {
		n, scale = new(big.Int).Mul(n, pow10(-scale)), 0
	}
	if drop := scale - 28; drop > 0 {
		n, scale = roundHalfEven(n, drop), 28
	}
	for n.BitLen() > 96 {
		if scale == 0 {
			return Decimal{}, false
		}
		// Digits behind the point are given up for those before it.
		drop := max(1, min(scale, len(new(big.Int).Abs(n).String())-29))
		n, scale = roundHalfEven(n, drop), scale-drop
	}
	return Decimal{n, scale}, true
}

func pow10(n int) *big.Int { return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil) }

// roundHalfEven drops decimal digits.
func roundHalfEven(n *big.Int, digits int) *big.Int {
	p := pow10(digits)
	q, r := new(big.Int).QuoRem(n, p, new(big.Int))
	r.Abs(r).Lsh(r, 1)
	if c := r.Cmp(p); c > 0 || c == 0 && q.Bit(0) == 1 {
		if n.Sign() < 0 {
			q.Sub(q, big.NewInt(1))
		} else {
			q.Add(q, big.NewInt(1))
		}
	}
	return q
}

// Sign is -1, 0 or 1.
func (d Decimal) Sign() int {
	if d.Unscaled == nil {
		return 0
	}
	return d.Unscaled.Sign()
}

// Float is the nearest double.
func (d Decimal) Float() float64 {
	f, _ := strconv.ParseFloat(d.String(), 64)
	return f
}

// Round rounds to a number of digits behind the point, half to even or away
// from zero.
func (d Decimal) Round(digits int, away bool) Decimal {
	drop := d.Scale - digits
	if drop <= 0 || d.Unscaled == nil {
		return d
	}
	if !away {
		return Decimal{roundHalfEven(d.Unscaled, drop), digits}
	}
	p := pow10(drop)
	q, r := new(big.Int).QuoRem(d.Unscaled, p, new(big.Int))
	if r.Abs(r).Lsh(r, 1).Cmp(p) >= 0 {
		q.Add(q, big.NewInt(int64(d.Sign())))
	}
	return Decimal{q, digits}
}

// Truncate drops what is behind the point.
func (d Decimal) Truncate() *big.Int {
	if d.Unscaled == nil {
		return new(big.Int)
	}
	return new(big.Int).Quo(d.Unscaled, pow10(d.Scale))
}

// String is the number without exponent, with its scale ("1.50").
func (d Decimal) String() string {
	if d.Unscaled == nil {
		return "0"
	}
	s := new(big.Int).Abs(d.Unscaled).String()
	if d.Scale > 0 {
		if len(s) <= d.Scale {
			s = strings.Repeat("0", d.Scale+1-len(s)) + s
		}
		s = s[:len(s)-d.Scale] + "." + s[len(s)-d.Scale:]
	}
	if d.Unscaled.Sign() < 0 {
		s = "-" + s
	}
	return s
}

// align brings two decimals to one scale.
func align(a, b Decimal) (x, y *big.Int, scale int) {
	x, y = orZero(a.Unscaled), orZero(b.Unscaled)
	switch {
	case a.Scale < b.Scale:
		x = new(big.Int).Mul(x, pow10(b.Scale-a.Scale))
	case a.Scale > b.Scale:
		y = new(big.Int).Mul(y, pow10(a.Scale-b.Scale))
	}
	return x, y, max(a.Scale, b.Scale)
}

func orZero(n *big.Int) *big.Int {
	if n == nil {
		return new(big.Int)
	}
	return n
}

// Cmp compares two decimals.
func (d Decimal) Cmp(o Decimal) int {
	x, y, _ := align(d, o)
	return x.Cmp(y)
}

func (d Decimal) add(o Decimal) (Decimal, bool) {
	x, y, scale := align(d, o)
	return newDecimal(new(big.Int).Add(x, y), scale)
}

func (d Decimal) sub(o Decimal) (Decimal, bool) {
	x, y, scale := align(d, o)
	return newDecimal(new(big.Int).Sub(x, y), scale)
}

func (d Decimal) mul(o Decimal) (Decimal, bool) {
	return newDecimal(new(big.Int).Mul(orZero(d.Unscaled), orZero(o.Unscaled)), d.Scale+o.Scale)
}

// quo divides exactly where 28 digits are enough, with the scale of the operands
// kept and zeros beyond it dropped.
func (d Decimal) quo(o Decimal) (Decimal, bool) {
	x, y, _ := align(d, o)
	n := new(big.Int).Mul(x, pow10(29))
	q, r := new(big.Int).QuoRem(n, y, new(big.Int))
	if r.Sign() != 0 && q.Bit(0) == 0 {
		// A sticky digit keeps the later rounding from seeing a tie.
		q.Mul(q, big.NewInt(10)).Add(q, big.NewInt(int64(q.Sign()|1)))
		out, ok := newDecimal(q, 30)
		return out.trim(max(0, d.Scale-o.Scale)), ok
	}
	out, ok := newDecimal(q, 29)
	return out.trim(max(0, d.Scale-o.Scale)), ok
}

// trim drops zeros at the end down to a scale.
func (d Decimal) trim(to int) Decimal {
	ten, r := big.NewInt(10), new(big.Int)
	for d.Scale > to {
		q, _ := new(big.Int).QuoRem(d.Unscaled, ten, r)
		if r.Sign() != 0 {
			break
		}
		d = Decimal{q, d.Scale - 1}
	}
	return d
}

func (d Decimal) rem(o Decimal) (Decimal, bool) {
	x, y, scale := align(d, o)
	return newDecimal(new(big.Int).Rem(x, y), scale)
}

// Int makes the number that Go code has: an int32 where it fits, else an int64.
func Int(n int) any {
	if int(int32(n)) == n {
		return int32(n)
	}
	return int64(n)
}

func intText(n int64) string { return strconv.FormatInt(n, 10) }

// floatText is ToString("G15") or ("G7") of .NET in the invariant culture.
func floatText(f float64, digits int, core bool) string {
	switch {
	case math.IsNaN(f):
		return "NaN"
	case math.IsInf(f, 1):
		if core {
			return "∞"
		}
		return "Infinity"
	case math.IsInf(f, -1):
		if core {
			return "-∞"
		}
		return "-Infinity"
	case f == 0:
		if math.Signbit(f) && core {
			return "-0"
		}
		return "0"
	}
	return generalFloat(strconv.FormatFloat(f, 'e', digits-1, 64), digits)
}

// RoundTrip is ToString("R") of a double or float, from which the number can be
// read again: in .NET the shortest digits, in .NET Framework the usual ones, or
// two more if these do not do.
func (s *Session) RoundTrip(v any) string {
	f, size, digits := 0.0, 64, 15
	switch x := v.(type) {
	case float64:
		f = x
	case float32:
		f, size, digits = float64(x), 32, 7
	}
	if f == 0 || math.IsNaN(f) || math.IsInf(f, 0) {
		return floatText(f, digits, s.edition == Core)
	}
	if s.edition == Core {
		text := strconv.FormatFloat(f, 'e', -1, size)
		mant, _, _ := strings.Cut(text, "e")
		return generalFloat(text, max(digits, len(mant)-strings.Count(mant, "-")-strings.Count(mant, ".")))
	}
	text := floatText(f, digits, false)
	if again, err := strconv.ParseFloat(text, size); err != nil || again != f {
		text = floatText(f, digits+2, false)
	}
	return text
}

// generalFloat turns d.ddde±xx into .NET's general format: with an exponent if
// it is not above -5 and below the number of digits.
func generalFloat(text string, digits int) string {
	mant, exp, _ := strings.Cut(text, "e")
	e, _ := strconv.Atoi(exp)
	neg := strings.HasPrefix(mant, "-")
	d := strings.TrimRight(strings.Replace(strings.TrimPrefix(mant, "-"), ".", "", 1), "0")
	if d == "" {
		d = "0"
	}
	var out string
	switch {
	case e >= digits || e <= -5:
		out = d[:1]
		if len(d) > 1 {
			out += "." + d[1:]
		}
		out += fmt.Sprintf("E%+03d", e)
	case e < 0:
		out = "0." + strings.Repeat("0", -e-1) + d
	case len(d) <= e+1:
		out = d + strings.Repeat("0", e+1-len(d))
	default:
		out = d[:e+1] + "." + d[e+1:]
	}
	if neg {
		out = "-" + out
	}
	return out
}

// toInt64 returns the number that a value is, without parsing texts.
func toInt64(v any) (int64, bool) {
	switch x := Unwrap(v).(type) {
	case int32:
		return int64(x), true
	case int64:
		return x, true
	case byte:
		return int64(x), true
	case int8:
		return int64(x), true
	case int16:
		return int64(x), true
	case uint16:
		return int64(x), true
	case uint32:
		return int64(x), true
	case uint64:
		return int64(x), x <= math.MaxInt64
	case bool:
		return boolInt(x), true
	case Switch:
		return boolInt(bool(x)), true
	case Char:
		return int64(x), true
	case Enum:
		return x.Value, true
	case float64:
		return int64(math.RoundToEven(x)), math.Abs(x) < 1<<63
	case float32:
		return int64(math.RoundToEven(float64(x))), math.Abs(float64(x)) < 1<<63
	case Decimal:
		n := x.Round(0, false).Truncate()
		return n.Int64(), n.IsInt64()
	case *big.Int:
		return x.Int64(), x.IsInt64()
	}
	return 0, false
}

func boolInt(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// toFloat returns the number that a value is, without parsing texts.
func toFloat(v any) (float64, bool) {
	switch x := Unwrap(v).(type) {
	case float64:
		return x, true
	case float32:
		return float64(x), true
	case Decimal:
		return x.Float(), true
	case uint64:
		return float64(x), true
	case *big.Int:
		f, _ := new(big.Float).SetInt(x).Float64()
		return f, true
	}
	n, ok := toInt64(v)
	return float64(n), ok
}

// scanNumber reads a text as PowerShell's parser reads a number: with sign,
// 0x, exponent, the suffixes l and d and the multipliers kb to pb.
func scanNumber(text string) (any, bool) {
	s := strings.TrimSpace(text)
	neg := false
	if s != "" && (s[0] == '-' || s[0] == '+') {
		neg, s = s[0] == '-', s[1:]
	}
	if s == "" || s[0] != '.' && (s[0] < '0' || s[0] > '9') {
		return nil, false
	}
	s = strings.ToLower(s)
	mult := int64(1)
	for i, unit := range []string{"kb", "mb", "gb", "tb", "pb"} {
		if rest, ok := strings.CutSuffix(s, unit); ok {
			mult, s = 1<<(10*(i+1)), rest
			break
		}
	}
	if hex, ok := strings.CutPrefix(s, "0x"); ok {
		return scanHex(hex, neg, mult)
	}
	suffix := byte(0)
	if n := len(s); n > 1 && (s[n-1] == 'l' || s[n-1] == 'd') {
		suffix, s = s[n-1], s[:n-1]
	}
	if strings.ContainsAny(s, "_xpinf") || s == "" {
		return nil, false
	}
	real := strings.ContainsAny(s, ".e")
	if suffix == 'd' {
		d, ok := ParseDecimal(s)
		if !ok {
			return nil, false
		}
		if neg {
			d = Decimal{new(big.Int).Neg(d.Unscaled), d.Scale}
		}
		d, ok = d.mul(NewDecimal(mult))
		return d, ok
	}
	if real {
		f, err := strconv.ParseFloat(s, 64)
		if err != nil && !math.IsInf(f, 0) {
			return nil, false
		}
		f *= float64(mult)
		if neg {
			f = -f
		}
		if suffix == 'l' {
			return int64(math.RoundToEven(f)), math.Abs(f) < 1<<63
		}
		return f, true
	}
	n, ok := new(big.Int).SetString(s, 10)
	if !ok {
		return nil, false
	}
	return fitNumber(n, neg, mult, suffix == 'l')
}

func scanHex(hex string, neg bool, mult int64) (any, bool) {
	long := strings.HasSuffix(hex, "l")
	hex = strings.TrimSuffix(hex, "l")
	n, ok := new(big.Int).SetString(hex, 16)
	if !ok || strings.ContainsAny(hex, "+-_") {
		return nil, false
	}
	// 0xffffffff is -1: the digits are the bits.
	switch {
	case len(hex) <= 8 && !long && n.BitLen() == 32:
		n.Sub(n, new(big.Int).Lsh(big.NewInt(1), 32))
	case len(hex) <= 16 && n.BitLen() == 64:
		n.Sub(n, new(big.Int).Lsh(big.NewInt(1), 64))
	}
	return fitNumber(n, neg, mult, long)
}

// fitNumber gives a whole number the smallest of the types that literals have.
func fitNumber(n *big.Int, neg bool, mult int64, long bool) (any, bool) {
	n.Mul(n, big.NewInt(mult))
	if neg {
		n.Neg(n)
	}
	switch {
	case n.IsInt64() && !long && int64(int32(n.Int64())) == n.Int64():
		return int32(n.Int64()), true
	case n.IsInt64():
		return n.Int64(), true
	case long:
		return nil, false
	}
	if d, ok := newDecimal(n, 0); ok {
		return d, true
	}
	f, _ := new(big.Float).SetInt(n).Float64()
	return f, true
}
