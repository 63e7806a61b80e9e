package ps

import (
	"time"
)

// Char is a System.Char: one UTF-16 unit.
type Char uint16

// DateTimeKind says how a DateTime's clock is meant.
type DateTimeKind byte

// Kinds of DateTime.
const (
	KindUnspecified DateTimeKind = iota
	KindUTC
	KindLocal
)

// DateTime is a System.DateTime. T shows the clock: in the machine's zone for
// local times, in UTC for all others. It has a resolution of 100 ns.
type DateTime struct {
	T    time.Time
	Kind DateTimeKind
}

// TimeSpan is a System.TimeSpan in ticks of 100 ns.
type TimeSpan int64

// Ticks of a TimeSpan.
const (
	TicksPerMillisecond TimeSpan = 10_000
	TicksPerSecond               = 1000 * TicksPerMillisecond
	TicksPerMinute               = 60 * TicksPerSecond
	TicksPerHour                 = 60 * TicksPerMinute
	TicksPerDay                  = 24 * TicksPerHour
)

// Version is a System.Version; Build and Revision are -1 where they are not
// given.
type Version struct {
	Major, Minor, Build, Revision int32
}

// Guid is a System.Guid in the order of its text.
type Guid [16]byte

// Enum is a value of an enumeration. Its type has the names.
type Enum struct {
	Type  *Type
	Value int64
}

// empty is AutomationNull: the result of a pipeline that wrote nothing. It is
// $null for all but enumeration.
type empty struct{}

// Empty is AutomationNull, the value of "nothing was written": $null everywhere
// but in a pipeline, where it is no object at all.
func Empty() any { return empty{} }

// IsNull reports whether v is $null or [Empty].
func IsNull(v any) bool {
	if v == nil {
		return true
	}
	_, ok := v.(empty)
	return ok
}

// Array is an array (Type "System.Object[]", "System.String[]" …) or one of the
// growing lists (Type "System.Collections.ArrayList",
// "System.Collections.Generic.List`1[System.String]"). It is a reference.
type Array struct {
	Type  string
	Items []any
	Extra
}

// NewArray makes an object[].
func NewArray(items ...any) *Array { return &Array{Type: "System.Object[]", Items: items} }

// NewTyped makes an array of elements of a type: NewTyped("System.Int32", …) is
// an int[]. The items must be of it.
func NewTyped(elem string, items []any) *Array { return &Array{Type: elem + "[]", Items: items} }

// Strings makes a string[].
func Strings(list []string) *Array {
	items := make([]any, len(list))
	for i, s := range list {
		items[i] = s
	}
	return NewTyped("System.String", items)
}

// Fixed reports whether the array cannot grow: it is no ArrayList or List.
func (a *Array) Fixed() bool { return len(a.Type) > 2 && a.Type[len(a.Type)-2:] == "[]" }

// Bytes is a byte[].
type Bytes struct {
	B []byte
	Extra
}

// Extended is a value that is no reference (a string, a number, a DateTime) and
// has got members of its own: what Add-Member -PassThru makes of a string, and
// what Get-Content writes. All conversions and operators see Value.
type Extended struct {
	Value any
	Extra
}

// Unwrap returns the value of an [Extended], $null for [Empty], and everything
// else as it is.
func Unwrap(v any) any {
	switch x := v.(type) {
	case *Extended:
		return x.Value
	case empty:
		return nil
	}
	return v
}

// Sequence is implemented by the Data of an [Object] that PowerShell unrolls in
// pipelines and foreach (IEnumerable).
type Sequence interface {
	// Each calls yield for the elements until it returns false.
	Each(yield func(any) bool)
}

// List is implemented by the Data of an [Object] that can also be indexed
// (IList).
type List interface {
	Sequence
	Len() int
	At(i int) any
	// SetAt replaces an element; it fails for lists that cannot change.
	SetAt(i int, v any) error
}

// Operand is implemented by the Data of an [Object] whose type has operators.
type Operand interface {
	// Operate applies an operator ("op_Subtraction") to the value and another; ok
	// is false if there is none for the two.
	Operate(s *Session, op string, other any) (v any, ok bool, err error)
}

// Dictionary is implemented by the Data of an [Object] that is an IDictionary:
// indexed by key, its keys readable as properties, and not unrolled.
type Dictionary interface {
	Len() int
	Lookup(key any) (any, bool)
	Store(key, v any) error
	Keys() []any
}
