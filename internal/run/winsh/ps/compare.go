package ps

import (
	"cmp"
	"context"
	"math/big"
	"strings"
	"unicode"

	"github.com/casement/casement/internal/run/winsh/pslang"
	"golang.org/x/text/unicode/norm"
)

// Equal is $a -eq $b (or -ceq) for single values: the right one is converted to
// the type of the left one.
func (s *Session) Equal(a, b any, caseSensitive bool) bool {
	a0, b0 := a, b
	a, b = Unwrap(a), Unwrap(b)
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	switch x := a.(type) {
	case string:
		return textEqual(x, s.ToString(b0), caseSensitive)
	case int32:
		if y, ok := b.(int32); ok {
			return x == y
		}
	case bool:
		return x == toBool(b)
	case Switch:
		return bool(x) == toBool(b)
	case Char:
		if y, ok := b.(string); ok && utf16Len(y) != 1 {
			return false
		}
		if _, ok := b.(string); ok && !caseSensitive {
			return textEqual(charText(x), b.(string), false)
		}
		if y, ok := b.(Char); ok && !caseSensitive {
			return textEqual(charText(x), charText(y), false)
		}
	}
	if kindOf(a) != notNumber && kindOf(b) != notNumber {
		return compareNumbers(a, b) == 0
	}
	if SameValue(a, b) {
		return true
	}
	if sameKind(a, b) {
		return false
	}
	y, err := s.Cast(context.Background(), b, s.engine.TypeOf(a))
	if err != nil {
		return false
	}
	_ = a0
	if kindOf(a) != notNumber {
		return compareNumbers(a, y) == 0
	}
	return SameValue(a, Unwrap(y))
}

// sameKind reports whether two values have the same Go type, so that a
// conversion cannot make them more alike.
func sameKind(a, b any) bool {
	switch a.(type) {
	case *Object:
		_, ok := b.(*Object)
		return ok
	case *Array:
		_, ok := b.(*Array)
		return ok
	case *Hashtable:
		_, ok := b.(*Hashtable)
		return ok
	}
	return false
}

func textEqual(a, b string, caseSensitive bool) bool {
	if caseSensitive {
		return a == b
	}
	return strings.EqualFold(a, b)
}

// SameValue is Object.Equals: values by value, references by identity, objects
// by their Data if that can compare itself.
func SameValue(a, b any) bool {
	a, b = Unwrap(a), Unwrap(b)
	switch x := a.(type) {
	case nil:
		return b == nil
	case Decimal:
		y, ok := b.(Decimal)
		return ok && x.Cmp(y) == 0
	case *big.Int:
		y, ok := b.(*big.Int)
		return ok && x.Cmp(y) == 0
	case DateTime:
		y, ok := b.(DateTime)
		return ok && x.ticks() == y.ticks()
	case *Object:
		if y, ok := b.(*Object); ok {
			if e, ok := x.Data.(interface{ Equal(other any) bool }); ok {
				return e.Equal(y.Data)
			}
			return x == y
		}
		return false
	case *Type:
		y, ok := b.(*Type)
		return ok && x.Name == y.Name
	case Enum:
		y, ok := b.(Enum)
		return ok && x.Type.Name == y.Type.Name && x.Value == y.Value
	case *Ref:
		return a == b
	}
	return sameReference(a, b)
}

// sameReference compares values that Go can compare.
func sameReference(a, b any) bool {
	a, b = Unwrap(a), Unwrap(b)
	switch a.(type) {
	case Decimal, Entry:
		return false
	}
	switch b.(type) {
	case Decimal, Entry:
		return false
	}
	return a == b
}

func compareNumbers(a, b any) int {
	ka, kb := kindOf(a), kindOf(b)
	k := max(ka, kb)
	switch {
	case k == kBig || k == kUInt64:
		if ka != kFloat && kb != kFloat && ka != kDecimal && kb != kDecimal {
			return toBig(a).Cmp(toBig(b))
		}
	case k == kDecimal && ka != kFloat && kb != kFloat:
		x, _ := toDecimal(a)
		y, _ := toDecimal(b)
		return x.Cmp(y)
	case k < kFloat:
		x, _ := toInt64(a)
		y, _ := toInt64(b)
		return cmp.Compare(x, y)
	}
	x, _ := toFloat(a)
	y, _ := toFloat(b)
	if x != x || y != y {
		return 2 // NaN is neither less nor equal
	}
	return cmp.Compare(x, y)
}

// Compare orders two values as -lt and Sort-Object do; it fails for values that
// have no order.
func (s *Session) Compare(a, b any, caseSensitive bool) (int, error) {
	b0 := b
	a, b = Unwrap(a), Unwrap(b)
	switch {
	case a == nil && b == nil:
		return 0, nil
	case a == nil:
		return -nullOrder(b), nil
	case b == nil:
		return nullOrder(a), nil
	}
	if x, ok := a.(string); ok {
		return s.compareText(x, s.ToString(b0), caseSensitive), nil
	}
	if kindOf(a) != notNumber && kindOf(b) != notNumber {
		return compareNumbers(a, b), nil
	}
	y, err := s.Cast(context.Background(), b, s.engine.TypeOf(a))
	if err != nil {
		return 0, s.compareFailed(a, b, err)
	}
	y = Unwrap(y)
	if n, ok := s.compareSame(a, y); ok {
		return n, nil
	}
	if SameValue(a, y) {
		return 0, nil
	}
	return 0, s.fail(tRuntime, `Cannot compare "`+s.ToString(a)+`" because it is not IComparable.`, "NotIcomparable", InvalidOperation, nil)
}

func (s *Session) compareFailed(a, b any, err error) error {
	text := `Could not compare "` + s.ToString(a) + `" to "` + s.ToString(b) + `". Error: "` + errText(err) + `"`
	return s.fail(tRuntime, text, "ComparisonFailure", InvalidOperation, nil)
}

// nullOrder is the order of a value against $null: numbers below zero come
// before it.
func nullOrder(v any) int {
	if kindOf(v) != notNumber {
		if f, _ := toFloat(v); f < 0 {
			return -1
		}
	}
	return 1
}

// compareSame compares two values of one type that has an order.
func (s *Session) compareSame(a, b any) (int, bool) {
	if kindOf(a) != notNumber && kindOf(b) != notNumber {
		return compareNumbers(a, b), true
	}
	switch x := a.(type) {
	case DateTime:
		if y, ok := b.(DateTime); ok {
			return cmp.Compare(x.ticks(), y.ticks()), true
		}
	case TimeSpan:
		if y, ok := b.(TimeSpan); ok {
			return cmp.Compare(x, y), true
		}
	case Version:
		if y, ok := b.(Version); ok {
			return x.Compare(y), true
		}
	case Guid:
		if y, ok := b.(Guid); ok {
			return strings.Compare(x.String(), y.String()), true
		}
	case Enum:
		if y, ok := b.(Enum); ok {
			return cmp.Compare(x.Value, y.Value), true
		}
	case *Object:
		y, ok := b.(*Object)
		if c, isComparable := x.Data.(interface{ Compare(other any) int }); ok && isComparable {
			return c.Compare(y.Data), true
		}
	}
	return 0, false
}

// Compare orders versions; a missing part is less than zero.
func (v Version) Compare(o Version) int {
	return cmp.Or(cmp.Compare(v.Major, o.Major), cmp.Compare(v.Minor, o.Minor),
		cmp.Compare(v.Build, o.Build), cmp.Compare(v.Revision, o.Revision))
}

// compareText orders two texts as the invariant culture does: letters and
// digits first, then accents, then case (lower first). Windows PowerShell
// (NLS) ignores hyphens and apostrophes at first; PowerShell 7 (ICU) does not.
func (s *Session) compareText(a, b string, caseSensitive bool) int {
	if a == b {
		return 0
	}
	nls := s.edition != Core
	x, y := collation(a, nls), collation(b, nls)
	if c := comparePart(x.primary, y.primary); c != 0 {
		return c
	}
	if c := comparePart(x.marks, y.marks); c != 0 {
		return c
	}
	if nls {
		if c := comparePart(x.skipped, y.skipped); c != 0 {
			return c
		}
	}
	if !caseSensitive {
		return 0
	}
	return comparePart(x.upper, y.upper)
}

type sortKey struct {
	primary, marks, skipped, upper []rune
}

func comparePart(a, b []rune) int {
	for i := 0; i < len(a) && i < len(b); i++ {
		if c := cmp.Compare(a[i], b[i]); c != 0 {
			return c
		}
	}
	return cmp.Compare(len(a), len(b))
}

// symbolOrder returns the order of ASCII's symbols under NLS and ICU.
func symbolOrder(nls bool) string {
	if nls {
		return "\t\n\v\f\r !\"#$%&()*,./:;?@[\\]^_`{|}~+<=>"
	}
	return "\t\n\v\f\r _-,;:!?.'\"()[]{}@*/\\&#%`^+<=>|~$"
}

func collation(text string, nls bool) sortKey {
	var k sortKey
	symbols := symbolOrder(nls)
	if !ascii(text) {
		text = norm.NFD.String(text)
	}
	for _, r := range text {
		switch {
		case unicode.Is(unicode.Mn, r):
			if n := len(k.marks); n > 0 {
				k.marks[n-1] = k.marks[n-1]*64 + r
			}
			continue
		case nls && (r == '-' || r == '\''):
			k.skipped = append(k.skipped, rune(len(k.primary)), r)
			continue
		case r < 0x20 && !strings.ContainsRune("\t\n\v\f\r", r) || r == 0x7f:
			continue
		}
		lower := unicode.ToLower(r)
		weight := lower + 0x1000
		if i := strings.IndexRune(symbols, r); i >= 0 {
			weight = rune(i + 1)
		} else if unicode.IsDigit(r) {
			weight = r + 0x100
		}
		up := rune(0)
		if lower != r {
			up = 1
		}
		k.primary, k.marks, k.upper = append(k.primary, weight), append(k.marks, 0), append(k.upper, up)
	}
	return k
}

// comparison is -eq -ne -gt -ge -lt -le, which filter where the left operand is
// a collection.
func (s *Session) comparison(op pslang.Op, a, b any, caseSensitive bool) (any, error) {
	if x, ok := a.(int32); ok {
		if y, ok := b.(int32); ok {
			return ordered(op, cmp.Compare(x, y)), nil
		}
	}
	if !Enumerable(a) || isEmpty(a) {
		return s.compareOne(op, a, b, caseSensitive)
	}
	var list []any
	var err error
	Each(a, func(v any) bool {
		var ok bool
		if ok, err = s.compareOne(op, v, b, caseSensitive); ok {
			list = append(list, v)
		}
		return err == nil
	})
	return NewArray(list...), err
}

func isEmpty(v any) bool {
	_, ok := v.(empty)
	return ok
}

func (s *Session) compareOne(op pslang.Op, a, b any, caseSensitive bool) (bool, error) {
	switch op {
	case pslang.OpEq:
		return s.Equal(a, b, caseSensitive), nil
	case pslang.OpNe:
		return !s.Equal(a, b, caseSensitive), nil
	}
	n, err := s.Compare(a, b, caseSensitive)
	return err == nil && ordered(op, n), err
}

func ordered(op pslang.Op, n int) bool {
	switch op {
	case pslang.OpEq:
		return n == 0
	case pslang.OpNe:
		return n != 0
	case pslang.OpGt:
		return n == 1
	case pslang.OpGe:
		return n == 1 || n == 0
	case pslang.OpLt:
		return n == -1
	}
	return n == -1 || n == 0
}

// contains is $list -contains $v.
func (s *Session) contains(list, v any, caseSensitive bool) bool {
	if !Enumerable(list) || isEmpty(list) {
		return s.Equal(list, v, caseSensitive)
	}
	found := false
	Each(list, func(x any) bool {
		found = s.Equal(x, v, caseSensitive)
		return !found
	})
	return found
}
