package ps

import (
	"context"
	"fmt"
	"math/big"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Switch is a System.Management.Automation.SwitchParameter: the value of a
// [switch] parameter.
type Switch bool

// ToString converts as "$x" and [string] do: numbers and dates in the invariant
// culture, elements of collections joined with $OFS (a blank).
func (s *Session) ToString(v any) string { return s.text(v, false) }

// Display is ToString() of .NET in the culture of the machine (en-US): what
// -f, Out-File and tables show ("11/25/2025 6:04:05 PM").
func (s *Session) Display(v any) string { return s.text(v, true) }

func (s *Session) text(v any, local bool) string {
	switch x := v.(type) {
	case string:
		return x
	case int32:
		return intText(int64(x))
	case nil, empty:
		return ""
	case *Array:
		return s.joinItems(x.Items, local)
	case *Bytes:
		items := make([]any, len(x.B))
		for i, b := range x.B {
			items[i] = b
		}
		return s.joinItems(items, local)
	case *Extended:
		if m := x.Find("ToString"); m != nil && m.Kind == ScriptMethod {
			return s.scriptText(v, m.Script)
		}
		return s.text(x.Value, local)
	case *Object:
		return s.objectText(x, local)
	case *Type:
		return x.shortName()
	}
	return s.scalarText(v, local)
}

func (s *Session) joinItems(items []any, local bool) string {
	sep := " "
	if !local {
		sep = s.separator()
	}
	var b strings.Builder
	for i, item := range items {
		if i > 0 {
			b.WriteString(sep)
		}
		b.WriteString(s.elementText(item, local))
	}
	return b.String()
}

// elementText is the text of an element of a collection, which is not taken
// apart again.
func (s *Session) elementText(v any, local bool) string {
	switch x := v.(type) {
	case *Array:
		return x.Type
	case *Bytes:
		return "System.Byte[]"
	case *Type:
		return x.Name
	}
	return s.text(v, local)
}

// separator is $OFS.
func (s *Session) separator() string {
	if v, ok := s.Variable("OFS"); ok && !IsNull(v) {
		return s.elementText(v, false)
	}
	return " "
}

func (s *Session) objectText(o *Object, local bool) string {
	if m := o.Find("ToString"); m != nil && m.Kind == ScriptMethod {
		return s.scriptText(o, m.Script)
	}
	t := s.engine.canonical(o.Type)
	if t.Name == tCustom {
		return s.customText(o)
	}
	if _, ok := o.Data.(*Enumerator); ok || Enumerable(o) {
		return s.joinItems(Items(o), local)
	}
	return s.netText(o)
}

// netText is ToString() of an object of .NET.
func (s *Session) netText(o *Object) string {
	t := s.engine.canonical(o.Type)
	for b := t; b != nil; b = b.BaseType() {
		if b.String != nil {
			return b.String(o)
		}
	}
	if d, ok := o.Data.(fmt.Stringer); ok {
		return d.String()
	}
	return t.Name
}

// customText is "@{a=1; b=2}".
func (s *Session) customText(o *Object) string {
	var b strings.Builder
	b.WriteString("@{")
	first := true
	for _, p := range o.Added() {
		if p.Kind == ScriptMethod {
			continue
		}
		if !first {
			b.WriteString("; ")
		}
		first = false
		v := p.Value
		if p.Kind != NoteProperty {
			v, _, _ = s.Property(context.Background(), o, p.Name)
		}
		b.WriteString(p.Name + "=")
		if inner, ok := Unwrap(v).(*Object); ok && inner.IsCustom() {
			if inner.Find("ToString") == nil {
				continue
			}
		}
		b.WriteString(s.elementText(v, false))
	}
	b.WriteString("}")
	return b.String()
}

func (s *Session) scriptText(self any, block *ScriptBlock) string {
	out, err := s.Call(context.Background(), block, CallOptions{This: self})
	if err != nil {
		return ""
	}
	return s.text(Collect(out), false)
}

// scalarText is the text of everything that is no collection and no object.
func (s *Session) scalarText(v any, local bool) string {
	switch x := v.(type) {
	case bool:
		if x {
			return "True"
		}
		return "False"
	case Switch:
		return s.scalarText(bool(x), local)
	case int64:
		return intText(x)
	case byte:
		return intText(int64(x))
	case int8:
		return intText(int64(x))
	case int16:
		return intText(int64(x))
	case uint16:
		return intText(int64(x))
	case uint32:
		return intText(int64(x))
	case uint64:
		return fmt.Sprint(x)
	case float64:
		return floatText(x, 15, s.edition == Core)
	case float32:
		return floatText(float64(x), 7, s.edition == Core)
	case Char:
		return charText(x)
	case DateTime:
		if local {
			return formatDateTime(x, "G")
		}
		return formatDateTime(x, "MM/dd/yyyy HH:mm:ss")
	case *Hashtable:
		if x.Ordered {
			return "System.Collections.Specialized.OrderedDictionary"
		}
		return tHashtable
	case Entry:
		return "System.Collections.DictionaryEntry"
	case Enum:
		return s.EnumName(x)
	case *ErrorRecord:
		return x.Message()
	case *Exception:
		return x.text()
	case *Ref:
		return "System.Management.Automation.PSReference"
	case fmt.Stringer: // Decimal, TimeSpan, Version, Guid, *big.Int, *Regex, *ScriptBlock
		return x.String()
	}
	return fmt.Sprint(v)
}

// methodText is what $v.ToString() returns, which differs from "$v" for
// collections, types and custom objects.
func (s *Session) methodText(v any) any {
	switch x := Unwrap(v).(type) {
	case *Array:
		return x.Type
	case *Bytes:
		return "System.Byte[]"
	case *Type:
		return x.Name
	case *Object:
		if x.IsCustom() {
			return ""
		}
		return s.netText(x)
	case float64, float32:
		if s.edition == Core {
			return s.RoundTrip(x)
		}
		return s.text(x, true)
	default:
		return s.text(x, true)
	}
}

// ToBool converts as if ($x) does.
func (s *Session) ToBool(v any) bool { return toBool(v) }

func toBool(v any) bool {
	switch x := v.(type) {
	case bool:
		return x
	case nil, empty:
		return false
	case string:
		return x != ""
	case int32:
		return x != 0
	case Switch:
		return bool(x)
	case *Extended:
		return toBool(x.Value)
	case *Array:
		switch len(x.Items) {
		case 0:
			return false
		case 1:
			if l, ok := length(x.Items[0]); ok {
				return l > 0
			}
			return toBool(x.Items[0])
		}
		return true
	case *Bytes:
		return len(x.B) > 1 || len(x.B) == 1 && x.B[0] != 0
	case Char:
		return x != 0
	case Decimal:
		return x.Sign() != 0
	case *big.Int:
		return x.Sign() != 0
	case *Object:
		if l, ok := x.Data.(List); ok {
			return l.Len() > 1 || l.Len() == 1 && toBool(l.At(0))
		}
		return true
	}
	if f, ok := toFloat(v); ok {
		return f != 0
	}
	return true
}

// length returns the number of elements of a list.
func length(v any) (int, bool) {
	switch x := Unwrap(v).(type) {
	case *Array:
		return len(x.Items), true
	case *Bytes:
		return len(x.B), true
	case *Object:
		if l, ok := x.Data.(List); ok {
			return l.Len(), true
		}
	}
	return 0, false
}

// Enumerable reports whether a pipeline unrolls the value: arrays and lists,
// not strings and dictionaries.
func Enumerable(v any) bool {
	switch x := v.(type) {
	case *Array, *Bytes, empty, *sequence:
		return true
	case *Object:
		if _, ok := x.Data.(Dictionary); ok {
			return false
		}
		_, ok := x.Data.(Sequence)
		return ok
	case *Extended:
		return Enumerable(x.Value)
	}
	return false
}

// Each calls yield for what a pipeline makes of a value: its elements if it is
// Enumerable, itself if not, nothing for [Empty]; $null is one object.
func Each(v any, yield func(any) bool) {
	switch x := v.(type) {
	case *Array:
		for i := 0; i < len(x.Items); i++ {
			if !yield(x.Items[i]) {
				return
			}
		}
		return
	case empty:
		return
	case *Bytes:
		for i := 0; i < len(x.B); i++ {
			if !yield(x.B[i]) {
				return
			}
		}
		return
	case *sequence:
		x.each(yield)
		return
	case *Extended:
		if Enumerable(x.Value) {
			Each(x.Value, yield)
			return
		}
	case *Object:
		if _, ok := x.Data.(Dictionary); ok {
			break
		}
		if q, ok := x.Data.(Sequence); ok {
			q.Each(yield)
			return
		}
	}
	yield(v)
}

// sequence is a lazy collection: a range that only goes into a pipeline or a
// loop.
type sequence struct {
	each func(yield func(any) bool)
}

// Items returns what Each yields.
func Items(v any) []any {
	switch x := v.(type) {
	case *Array:
		return append([]any(nil), x.Items...)
	}
	var list []any
	Each(v, func(x any) bool { list = append(list, x); return true })
	return list
}

// Collect makes one value of what a pipeline wrote: [Empty], the one object, or
// an object[].
func Collect(items []any) any {
	switch len(items) {
	case 0:
		return empty{}
	case 1:
		return items[0]
	}
	return NewArray(items...)
}

// EnumName is the text of an enumeration's value: "Machine", "Hidden, System",
// or the number.
func (s *Session) EnumName(e Enum) string { return s.engine.canonical(e.Type).enumName(e.Value) }

func (t *Type) enumName(v int64) string {
	for _, x := range t.Values {
		if x.Value == v {
			return x.Name
		}
	}
	if t.Flags && v != 0 {
		var names []string
		rest := v
		for i := len(t.Values) - 1; i >= 0; i-- {
			x := t.Values[i]
			if x.Value != 0 && rest&x.Value == x.Value {
				names = append([]string{x.Name}, names...)
				rest &^= x.Value
			}
		}
		if rest == 0 {
			return strings.Join(names, ", ")
		}
	}
	return intText(v)
}

// utf16Len is String.Length.
func utf16Len(s string) int {
	n := 0
	for i := 0; i < len(s); {
		if s[i] < utf8.RuneSelf {
			i, n = i+1, n+1
			continue
		}
		r, size := decodeRune(s[i:])
		i, n = i+size, n+1
		if r > 0xffff {
			n++
		}
	}
	return n
}

// decodeRune decodes UTF-8, and surrogates that stand alone (WTF-8).
func decodeRune(s string) (rune, int) {
	r, size := utf8.DecodeRuneInString(s)
	if r == utf8.RuneError && size == 1 && len(s) >= 3 && s[0] == 0xed && s[1] >= 0xa0 && s[2] >= 0x80 {
		return rune(s[0]&0x0f)<<12 | rune(s[1]&0x3f)<<6 | rune(s[2]&0x3f), 3
	}
	return r, size
}

// Units returns the UTF-16 units of a string, which .NET counts by; Text is the
// way back.
func Units(s string) []uint16 {
	list := make([]uint16, 0, len(s))
	for i := 0; i < len(s); {
		r, size := decodeRune(s[i:])
		if r > 0xffff {
			a, b := utf16.EncodeRune(r)
			list = append(list, uint16(a), uint16(b))
		} else {
			list = append(list, uint16(r))
		}
		i += size
	}
	return list
}

// Text makes a string of UTF-16 units. Surrogates that stand alone survive.
func Text(units []uint16) string {
	var b strings.Builder
	for i := 0; i < len(units); i++ {
		u := rune(units[i])
		if utf16.IsSurrogate(u) {
			if i+1 < len(units) {
				if r := utf16.DecodeRune(u, rune(units[i+1])); r != utf8.RuneError {
					b.WriteRune(r)
					i++
					continue
				}
			}
			b.Write([]byte{0xe0 | byte(u>>12), 0x80 | byte(u>>6)&0x3f, 0x80 | byte(u)&0x3f})
			continue
		}
		b.WriteRune(u)
	}
	return b.String()
}

func charText(c Char) string { return Text([]uint16{uint16(c)}) }

// ascii reports whether bytes are UTF-16 units.
func ascii(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
