package ps

import (
	"fmt"
	"slices"
	"strings"
)

// Hashtable is a System.Collections.Hashtable, or an OrderedDictionary if
// Ordered. Keys that are strings compare without regard to case unless
// CaseSensitive. Both list their keys in the order of insertion: the order of
// a Hashtable is nothing that a script can rely on.
type Hashtable struct {
	Ordered       bool
	CaseSensitive bool
	// Refills puts a new entry where the last one was deleted, as Dictionary<K,V>
	// does.
	Refills bool
	free    []int
	index   map[any]int
	entries []Entry
	holes   int
	Extra
}

// Entry is a System.Collections.DictionaryEntry.
type Entry struct {
	Key, Value any
	gone       bool
}

// NewHashtable makes a Hashtable from alternating keys and values.
func NewHashtable(pairs ...any) *Hashtable {
	h := &Hashtable{}
	for i := 0; i+1 < len(pairs); i += 2 {
		h.Put(pairs[i], pairs[i+1])
	}
	return h
}

// Len is the number of entries.
func (h *Hashtable) Len() int { return len(h.entries) - h.holes }

// Get returns the value of a key.
func (h *Hashtable) Get(key any) (any, bool) {
	if i, ok := h.index[h.norm(key)]; ok {
		return h.entries[i].Value, true
	}
	return nil, false
}

// GetString returns the value of a key that is a string.
func (h *Hashtable) GetString(key string) (any, bool) { return h.Get(key) }

// Put sets or adds an entry. A key that exists keeps its place and spelling.
func (h *Hashtable) Put(key, v any) {
	k := h.norm(key)
	if i, ok := h.index[k]; ok {
		h.entries[i].Value = v
		return
	}
	if h.index == nil {
		h.index = map[any]int{}
	}
	e := Entry{Key: Unwrap(key), Value: v}
	if n := len(h.free); n > 0 {
		h.index[k] = h.free[n-1]
		h.entries[h.free[n-1]] = e
		h.free = h.free[:n-1]
		h.holes--
		return
	}
	h.index[k] = len(h.entries)
	h.entries = append(h.entries, e)
}

// Delete removes an entry.
func (h *Hashtable) Delete(key any) {
	k := h.norm(key)
	i, ok := h.index[k]
	if !ok {
		return
	}
	delete(h.index, k)
	h.entries[i] = Entry{gone: true}
	h.holes++
	if h.Refills {
		h.free = append(h.free, i)
		return
	}
	if h.holes > 16 && h.holes > len(h.entries)/2 || h.Ordered {
		h.compact()
	}
}

// Clear removes all entries.
func (h *Hashtable) Clear() { h.index, h.entries, h.holes, h.free = nil, nil, 0, nil }

// Entries returns the entries in their order. The slice is the caller's.
func (h *Hashtable) Entries() []Entry {
	list := make([]Entry, 0, h.Len())
	for _, e := range h.entries {
		if !e.gone {
			list = append(list, e)
		}
	}
	return list
}

// Keys returns the keys in their order.
func (h *Hashtable) Keys() []any {
	list := make([]any, 0, h.Len())
	for _, e := range h.entries {
		if !e.gone {
			list = append(list, e.Key)
		}
	}
	return list
}

// Clone makes a copy with the same values.
func (h *Hashtable) Clone() *Hashtable {
	c := &Hashtable{Ordered: h.Ordered, CaseSensitive: h.CaseSensitive}
	for _, e := range h.Entries() {
		c.Put(e.Key, e.Value)
	}
	return c
}

func (h *Hashtable) compact() {
	h.entries = slices.DeleteFunc(h.entries, func(e Entry) bool { return e.gone })
	h.holes = 0
	for i, e := range h.entries {
		h.index[h.norm(e.Key)] = i
	}
}

// norm makes the Go map key of a key: values that are equal for .NET have the
// same one.
func (h *Hashtable) norm(key any) any {
	switch k := Unwrap(key).(type) {
	case string:
		if h.CaseSensitive {
			return k
		}
		return foldKey(k)
	case Enum:
		return enumKey{k.Type.Name, k.Value}
	case DateTime:
		return k.T.UnixNano()
	case Decimal:
		return "decimal " + k.String()
	case fmt.Stringer:
		return k
	default:
		return k
	}
}

type enumKey struct {
	name  string
	value int64
}

// foldKey is strings.ToLower with a way out for what has no upper case letter.
func foldKey(s string) string {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c >= 0x80 || 'A' <= c && c <= 'Z' {
			return strings.ToLower(s)
		}
	}
	return s
}
