package pslang

import (
	"math"
	"math/big"
	"strconv"
	"strings"
)

// Decimal is a number of .NET's type decimal: Unscaled divided by ten to the
// power of Scale, which is 0 to 28. Trailing zeros count: 1.50d has the scale 2.
type Decimal struct {
	Unscaled *big.Int
	Scale    int
}

// String returns the number in full, as .NET prints it in the invariant
// culture.
func (d Decimal) String() string {
	digits := new(big.Int).Abs(d.Unscaled).String()
	if pad := d.Scale + 1 - len(digits); pad > 0 {
		digits = strings.Repeat("0", pad) + digits
	}
	if d.Scale > 0 {
		i := len(digits) - d.Scale
		digits = digits[:i] + "." + digits[i:]
	}
	if d.Unscaled.Sign() < 0 {
		return "-" + digits
	}
	return digits
}

// maxDecimal is the largest unscaled value of a decimal, 2^96 - 1.
func maxDecimal() *big.Int {
	one := big.NewInt(1)
	return new(big.Int).Sub(new(big.Int).Lsh(one, 96), one)
}

// numeral is a number taken apart.
type numeral struct {
	negative bool
	// base is 10, 16 or 2; real says that there is a dot or an exponent.
	base   int
	real   bool
	digits string
	// suffix has the letters of the type in lower case.
	suffix     string
	multiplier int64
}

// number reads a number that starts here with a sign, a dot or a digit. It
// returns nil, and reads nothing, where the characters are a bare word.
func (p *parser) number(argument bool) Expression {
	start := p.pos
	n, ok := p.numeral(argument)
	if !ok {
		p.pos = start
		return nil
	}
	at := p.extent(start, p.pos)
	if n.base == 10 && !n.real && n.suffix == "" && n.multiplier == 1 && len(n.digits) < 10 {
		v, _ := strconv.Atoi(n.digits)
		if n.negative {
			v = -v
		}
		return &Number{at, int32(v)}
	}
	v := n.value()
	if v == nil {
		if argument {
			p.pos = start
			return nil
		}
		p.fail(at, "BadNumericConstant", "The numeric constant "+p.text[start:p.pos]+" is not valid.")
		v = int32(0)
	}
	return &Number{at, v}
}

// numeral scans a number.
func (p *parser) numeral(argument bool) (n numeral, ok bool) {
	n.base, n.multiplier = 10, 1
	if d := p.dash(p.pos); d > 0 {
		n.negative = true
		p.pos += d
	} else if p.byteAt(p.pos) == '+' {
		p.pos++
	}
	if p.byteAt(p.pos) == '0' && p.radix(&n) {
		return p.numeralEnd(n, argument)
	}
	start := p.pos
	p.digits()
	whole := p.pos - start
	if p.byteAt(p.pos) == '.' && p.byteAt(p.pos+1) != '.' {
		n.real = true
		p.pos++
		p.digits()
		if p.pos-start == 1 {
			return n, false
		}
	} else if whole == 0 {
		return n, false
	}
	if c := p.byteAt(p.pos); c == 'e' || c == 'E' {
		n.real = true
		p.pos++
		if d := p.dash(p.pos); d > 0 {
			p.pos += d
		} else if p.byteAt(p.pos) == '+' {
			p.pos++
		}
		exponent := p.pos
		p.digits()
		if p.pos == exponent {
			return n, false
		}
	}
	n.digits = asciiDashes(p.text[start:p.pos])
	return p.numeralEnd(n, argument)
}

// asciiDashes replaces the dashes that PowerShell takes for a minus sign.
func asciiDashes(s string) string {
	if strings.IndexByte(s, 0xE2) < 0 {
		return s
	}
	return strings.NewReplacer("\u2013", "-", "\u2014", "-", "\u2015", "-").Replace(s)
}

func (p *parser) digits() {
	for is(p.byteAt(p.pos), isDigit) {
		p.pos++
	}
}

// radix reads 0x… or, with PowerShell 7, 0b….
func (p *parser) radix(n *numeral) bool {
	start := p.pos + 2
	switch p.byteAt(p.pos + 1) {
	case 'x', 'X':
		n.base = 16
		for p.pos = start; hexDigit(p.byteAt(p.pos)); {
			p.pos++
		}
	case 'b', 'B':
		if c := p.byteAt(start); !p.core || c != '0' && c != '1' {
			return false
		}
		n.base = 2
		for p.pos = start; p.byteAt(p.pos) == '0' || p.byteAt(p.pos) == '1'; {
			p.pos++
		}
	default:
		return false
	}
	n.digits = p.text[start:p.pos]
	return true
}

// numeralEnd reads the suffixes of a number and looks whether it ends there.
func (p *parser) numeralEnd(n numeral, argument bool) (numeral, bool) {
	suffixes := "ld"
	if p.core {
		suffixes = "ldsuyn"
	}
	start := p.pos
	for p.pos-start < 2 && p.byteAt(p.pos) != 0 && strings.IndexByte(suffixes, p.byteAt(p.pos)|0x20) >= 0 {
		p.pos++
	}
	n.suffix = lower(p.text[start:p.pos])
	if len(n.suffix) == 2 && (n.suffix[0] != 'u' || strings.IndexByte("lsy", n.suffix[1]) < 0) {
		return n, false
	}
	if i := strings.IndexByte("kmgtp", p.byteAt(p.pos)|0x20); i >= 0 && p.byteAt(p.pos+1)|0x20 == 'b' {
		n.multiplier = 1 << (10 * (i + 1))
		p.pos += 2
	}
	c := p.byteAt(p.pos)
	switch {
	case p.ends(p.pos):
		return n, true
	case argument:
		return n, false
	case is(c, isAfterNo) || p.dash(p.pos) > 0:
		return n, true
	}
	return n, p.ternary > 0 && (c == '?' || c == ':')
}

// value returns the number in the type that PowerShell gives it, or nil if it
// fits none.
func (n numeral) value() any {
	if n.real && n.suffix == "" {
		f, err := strconv.ParseFloat(strings.TrimPrefix(n.digits, "+"), 64)
		if err != nil && !math.IsInf(f, 0) {
			return nil
		}
		f *= float64(n.multiplier)
		if n.negative {
			f = -f
		}
		return f
	}
	if n.suffix == "d" {
		return n.decimal()
	}
	i := n.integer()
	if i == nil {
		return nil
	}
	switch n.suffix {
	case "":
		return n.smallest(i)
	case "n":
		return i
	case "u":
		if i.IsUint64() && i.Uint64() <= math.MaxUint32 && !(n.base != 10 && n.width() == 64) {
			return uint32(i.Uint64())
		}
		return fit(i, "ul")
	}
	return fit(i, n.suffix)
}

// integer returns the whole number, rounded half to even where it is real.
// Digits of a hexadecimal or binary number that fill a type have a sign bit.
func (n numeral) integer() *big.Int {
	i := new(big.Int)
	switch {
	case n.real:
		d, _, err := big.ParseFloat(n.digits, 10, 512, big.ToNearestEven)
		if err != nil || d.MantExp(nil) > 2000 {
			return nil
		}
		d.Mul(d, new(big.Float).SetInt64(n.multiplier))
		i = roundHalfEven(d)
	case n.digits == "":
	default:
		i.SetString(n.digits, n.base)
		if w := n.width(); w > 0 && n.suffix != "n" && !strings.HasPrefix(n.suffix, "u") && i.Bit(w-1) == 1 {
			i.Sub(i, new(big.Int).Lsh(big.NewInt(1), uint(w)))
		}
		i.Mul(i, big.NewInt(n.multiplier))
	}
	if n.negative {
		i.Neg(i)
	}
	return i
}

func roundHalfEven(f *big.Float) *big.Int {
	i, _ := f.Int(nil)
	rest := new(big.Float).Sub(f, new(big.Float).SetInt(i))
	switch c := rest.Cmp(big.NewFloat(0.5)); {
	case c > 0, c == 0 && i.Bit(0) == 1:
		i.Add(i, big.NewInt(1))
	}
	return i
}

// width is the number of bits of the type whose sign bit the first digit of a
// hexadecimal or binary number holds, or 0 if it holds none.
func (n numeral) width() int {
	per := 4
	switch n.base {
	case 10:
		return 0
	case 2:
		per = 1
	}
	digits := len(n.digits) * per
	if n.base == 2 {
		switch digits {
		case 8, 16, 32, 64:
			return digits
		}
		return 0
	}
	want := 32
	switch n.suffix {
	case "y", "uy":
		want = 8
	case "s", "us":
		want = 16
	case "l", "ul":
		want = 64
	default:
		if digits >= 64 {
			want = 64
		}
	}
	if digits == want {
		return want
	}
	return 0
}

// smallest returns a whole number without a suffix in the first type that
// holds it: int, long, decimal, double.
func (n numeral) smallest(i *big.Int) any {
	wide := n.base != 10 && n.width() == 64
	switch {
	case i.IsInt64() && int64(int32(i.Int64())) == i.Int64() && !wide:
		return int32(i.Int64())
	case i.IsInt64():
		return i.Int64()
	case n.base != 10:
		return nil
	case i.CmpAbs(maxDecimal()) <= 0:
		return Decimal{Unscaled: i}
	}
	f, _ := new(big.Float).SetInt(i).Float64()
	if math.IsInf(f, 0) {
		return nil
	}
	return f
}

// fit returns a whole number in the type of a suffix, or nil.
func fit(i *big.Int, suffix string) any {
	signed := func(limit int64) bool {
		return i.IsInt64() && i.Int64() <= limit && i.Int64() >= -limit-1
	}
	unsigned := func(limit uint64) bool { return i.IsUint64() && i.Uint64() <= limit }
	switch {
	case suffix == "y" && signed(math.MaxInt8):
		return int8(i.Int64())
	case suffix == "s" && signed(math.MaxInt16):
		return int16(i.Int64())
	case suffix == "l" && signed(math.MaxInt64):
		return i.Int64()
	case suffix == "uy" && unsigned(math.MaxUint8):
		return uint8(i.Uint64())
	case suffix == "us" && unsigned(math.MaxUint16):
		return uint16(i.Uint64())
	case suffix == "ul" && unsigned(math.MaxUint64):
		return i.Uint64()
	}
	return nil
}

// decimal returns the number as a decimal, or nil.
func (n numeral) decimal() any {
	if !n.real {
		n.suffix = "n"
		i := n.integer()
		if i == nil || i.CmpAbs(maxDecimal()) > 0 {
			return nil
		}
		return Decimal{Unscaled: i}
	}
	mantissa, exponent := n.digits, 0
	if i := strings.IndexAny(mantissa, "eE"); i >= 0 {
		var err error
		if exponent, err = strconv.Atoi(strings.TrimPrefix(mantissa[i+1:], "+")); err != nil || exponent > 100 || exponent < -100 {
			return nil
		}
		mantissa = mantissa[:i]
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	unscaled, ok := new(big.Int).SetString(whole+fraction, 10)
	if !ok {
		return nil
	}
	unscaled.Mul(unscaled, big.NewInt(n.multiplier))
	scale := len(fraction) - exponent
	ten := big.NewInt(10)
	for ; scale < 0; scale++ {
		unscaled.Mul(unscaled, ten)
	}
	for scale > 28 || unscaled.CmpAbs(maxDecimal()) > 0 {
		if scale == 0 {
			return nil
		}
		// Digits that do not fit are rounded off, half to even.
		q, r := new(big.Int).QuoRem(unscaled, ten, new(big.Int))
		if d := r.Int64(); d > 5 || d == 5 && q.Bit(0) == 1 {
			q.Add(q, big.NewInt(1))
		}
		unscaled, scale = q, scale-1
	}
	if n.negative {
		unscaled.Neg(unscaled)
	}
	return Decimal{unscaled, scale}
}
