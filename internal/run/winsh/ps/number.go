package ps

import (
	"math/big"
	"strings"
)

// Decimal is a System.Decimal: Unscaled / 10^Scale. It does not change.
type Decimal struct {
	Unscaled *big.Int
	Scale    int
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
