package psnet

import (
	"context"
	"slices"
	"strings"

	"github.com/casement/casement/internal/run/winsh/ps"
)

// dictionaryTypes are Hashtable and OrderedDictionary, which the engine has as
// *ps.Hashtable, and all that is made here.
func dictionaryTypes() []*ps.Type {
	const dictionary, collection, enumerable = "System.Collections.IDictionary", "System.Collections.ICollection", "System.Collections.IEnumerable"
	table := func(ordered bool) run {
		return val(func(in *ps.Invoke) any {
			h := &ps.Hashtable{Ordered: ordered, CaseSensitive: true}
			for i, a := range in.Args {
				if c, ok := dataOf[comparer](in, i); ok {
					h.CaseSensitive = !c.ignoreCase
				}
				if from, ok := ps.Unwrap(a).(*ps.Hashtable); ok {
					for _, e := range from.Entries() {
						h.Put(e.Key, e.Value)
					}
				}
			}
			return h
		})
	}
	typed := func(name string, sortKeys bool) *ps.Type {
		return &ps.Type{
			Name: name, Implements: []string{dictionary, collection, enumerable}, Members: dictMembers,
			New: overloads(newDict(sortKeys), "", "int capacity", "System.StringComparer comparer", "System.Collections.IDictionary dictionary", "System.Collections.IDictionary dictionary, System.StringComparer comparer"),
		}
	}
	const compared = "System.StringComparer equalityComparer"
	return []*ps.Type{
		{Name: "System.Collections.Hashtable", Members: tableMembers, New: overloads(table(false), "", "int capacity", compared, dictionary+" d", dictionary+" d, "+compared, "int capacity, "+compared)},
		{Name: "System.Collections.Specialized.OrderedDictionary", Members: orderedMembers, New: overloads(table(true), "", "int capacity", compared, "int capacity, "+compared)},
		typed("System.Collections.Generic.Dictionary`2", false), typed("System.Collections.Generic.SortedDictionary`2", true), typed("System.Collections.Generic.SortedList`2", true),
		typed("System.Collections.SortedList", true), typed("System.Collections.Concurrent.ConcurrentDictionary`2", false), typed("System.Collections.Specialized.StringDictionary", false),
		typed("System.Collections.Specialized.HybridDictionary", false), typed("System.Collections.Specialized.ListDictionary", false),
		{Name: "System.Collections.Generic.KeyValuePair`2", Value: true, Members: pairMembers, String: func(v any) string { return v.(*ps.Object).Data.(*pair).text }, New: overloads(val(func(in *ps.Invoke) any {
			return newPair(in.Session, in.Type, in.Args[0], in.Args[1])
		}), "TKey key, TValue value")},
		{Name: "System.Collections.DictionaryEntry", New: overloads(val(func(in *ps.Invoke) any { return ps.Entry{Key: in.Args[0], Value: in.Args[1]} }), "System.Object key, System.Object value")},
	}
}

func tableSelf(in *ps.Invoke) *ps.Hashtable {
	h, _ := ps.Unwrap(in.Self).(*ps.Hashtable)
	return h
}

func addEntry(in *ps.Invoke) error {
	h, key := tableSelf(in), in.Args[0]
	if ps.IsNull(key) {
		return &ps.Exception{Type: "System.ArgumentNullException", Message: either(in.Session, "Key cannot be null.", "Key cannot be null.") + paramText(in.Session, "key")}
	}
	if _, ok := h.Get(key); ok {
		old := key
		for _, k := range h.Keys() {
			if text, ok := k.(string); ok && strings.EqualFold(text, in.Session.ToString(key)) {
				old = k
			}
		}
		return throw(argumentException, "Item has already been added. Key in dictionary: '"+in.Session.ToString(old)+"'  Key being added: '"+in.Session.ToString(key)+"'")
	}
	h.Put(key, in.Args[1])
	return limit(in.Session, int64(h.Len())*48)
}

// entries makes the elements of a table's enumerator.
func entries(h *ps.Hashtable) []any {
	var items []any
	for _, e := range h.Entries() {
		items = append(items, e)
	}
	return items
}

// commonTable are the members that Hashtable and OrderedDictionary share.
func commonTable() []ps.Member {
	contains := val(func(in *ps.Invoke) any { _, ok := tableSelf(in).Get(in.Args[0]); return ok })
	return []ps.Member{
		method("Add", "void", do(addEntry), "System.Object key, System.Object value"),
		method("Clear", "void", do(func(in *ps.Invoke) error { tableSelf(in).Clear(); return nil }), ""),
		method("Contains", "bool", contains, "System.Object key"),
		method("Remove", "void", do(func(in *ps.Invoke) error { tableSelf(in).Delete(in.Args[0]); return nil }), "System.Object key"),
		method("GetEnumerator", enumeratorName, val(func(in *ps.Invoke) any { return newEnumerator(in.Session, entries(tableSelf(in))) }), ""),
		method("CopyTo", "void", do(func(in *ps.Invoke) error {
			to, err := seqArg(in, 0)
			items, at := entries(tableSelf(in)), in.Int(1)
			if err != nil {
				return err
			}
			if at < 0 || at+len(items) > to.len() {
				return throw(argumentException, "Destination array is not long enough to copy all the items in the collection. Check array index and length.")
			}
			for i, v := range items {
				to.set(at+i, v)
			}
			return nil
		}), "System.Array array, int arrayIndex"),
		prop("IsReadOnly", "bool", func(*ps.Invoke) any { return false }), prop("IsFixedSize", "bool", func(*ps.Invoke) any { return false }),
		prop("IsSynchronized", "bool", func(*ps.Invoke) any { return false }), prop("SyncRoot", "System.Object", func(in *ps.Invoke) any { return in.Self }),
	}
}

func tableMembers() []ps.Member {
	item := indexer("System.Object", val(func(in *ps.Invoke) any { v, _ := tableSelf(in).Get(in.Args[0]); return v }), "System.Object key")
	return append(commonTable(), item.With(setTableItem),
		method("ContainsKey", "bool", val(func(in *ps.Invoke) any { _, ok := tableSelf(in).Get(in.Args[0]); return ok }), "System.Object key"),
		method("ContainsValue", "bool", val(func(in *ps.Invoke) any {
			return slices.ContainsFunc(tableSelf(in).Entries(), func(e ps.Entry) bool { return sameValue(in.Session, e.Value, in.Args[0]) })
		}), "System.Object value"),
		method("Clone", "System.Object", val(func(in *ps.Invoke) any { return tableSelf(in).Clone() }), ""),
		static("Synchronized", "System.Collections.Hashtable", val(func(in *ps.Invoke) any { return in.Args[0] }), "System.Collections.Hashtable table"),
	)
}

// setTableItem is $h.Item('x') = v: the value, then the key.
func setTableItem(_ context.Context, in *ps.Invoke) error {
	tableSelf(in).Put(in.Args[1], in.Args[0])
	return nil
}

func orderedMembers() []ps.Member {
	item := indexer("System.Object", val(func(in *ps.Invoke) any {
		h := tableSelf(in)
		if n, ok := in.Args[0].(int32); ok {
			if list := h.Entries(); n >= 0 && int(n) < len(list) {
				return list[n].Value
			}
			return nil
		}
		v, _ := h.Get(in.Args[0])
		return v
	}), "int index", "System.Object key")
	return append(commonTable(), item.With(setTableItem),
		method("Insert", "void", do(func(in *ps.Invoke) error {
			h, at := tableSelf(in), in.Int(0)
			list := h.Entries()
			if at < 0 || at > len(list) {
				return outOfRange(in.Session, "Specified argument was out of the range of valid values.", "index")
			}
			if _, ok := h.Get(in.Args[1]); ok {
				return throw(argumentException, "Item has already been added. Key in dictionary: '"+in.Session.ToString(in.Args[1])+"'  Key being added: '"+in.Session.ToString(in.Args[1])+"'")
			}
			refill(h, slices.Insert(list, at, ps.Entry{Key: in.Args[1], Value: in.Args[2]}))
			return nil
		}), "int index, System.Object key, System.Object value"),
		method("RemoveAt", "void", do(func(in *ps.Invoke) error {
			h, at := tableSelf(in), in.Int(0)
			list := h.Entries()
			if at < 0 || at >= len(list) {
				return outOfRange(in.Session, "Specified argument was out of the range of valid values.", "index")
			}
			h.Delete(list[at].Key)
			return nil
		}), "int index"),
	)
}

func refill(h *ps.Hashtable, list []ps.Entry) {
	h.Clear()
	for _, e := range list {
		h.Put(e.Key, e.Value)
	}
}

// dict is the Data of Dictionary<K,V> and its kin. Keys are in the order of their
// insertion, or sorted.
type dict struct {
	s          *ps.Session
	h          *ps.Hashtable
	key, value *ps.Type // nil is anything
	pairType   string
	sort       bool
	by         *comparer // of a sorted one, if it has one
}

func newDict(sortKeys bool) run {
	return func(ctx context.Context, in *ps.Invoke) (any, error) {
		d := &dict{s: in.Session, h: &ps.Hashtable{Ordered: true, CaseSensitive: true, Refills: strings.Contains(in.Type.Name, "Generic.Dictionary`2")}, sort: sortKeys}
		if len(in.Type.Args) == 2 {
			d.key, d.value = in.Type.Args[0], in.Type.Args[1]
			d.pairType = "System.Collections.Generic.KeyValuePair`2[" + d.key.Name + "," + d.value.Name + "]"
		}
		if strings.HasSuffix(in.Type.Name, "StringDictionary") {
			d.h.CaseSensitive = false
		}
		for i := range in.Args {
			if c, ok := dataOf[comparer](in, i); ok {
				d.h.CaseSensitive, d.by = !c.ignoreCase, &c
			}
		}
		if len(in.Args) > 0 {
			for _, e := range entriesOf(in.Args[0]) {
				if err := d.put(ctx, e.Key, e.Value); err != nil {
					return nil, err
				}
			}
		}
		return in.Session.Object(in.Type.Name, d), nil
	}
}

// entriesOf are the entries of any dictionary.
func entriesOf(v any) []ps.Entry {
	switch x := ps.Unwrap(v).(type) {
	case *ps.Hashtable:
		return x.Entries()
	case *ps.Object:
		if d, ok := x.Data.(ps.Dictionary); ok {
			var list []ps.Entry
			for _, k := range d.Keys() {
				v, _ := d.Lookup(k)
				list = append(list, ps.Entry{Key: k, Value: v})
			}
			return list
		}
	}
	return nil
}

// put converts and stores an entry.
func (d *dict) put(ctx context.Context, key, v any) error {
	k, err := d.cast(ctx, key, d.key)
	if err != nil {
		return err
	}
	if v, err = d.cast(ctx, v, d.value); err != nil {
		return err
	}
	if ps.IsNull(k) {
		return nullArgument(d.s, "key")
	}
	d.h.Put(k, v)
	return limit(d.s, int64(d.h.Len())*48)
}

func (d *dict) cast(ctx context.Context, v any, t *ps.Type) (any, error) {
	if t == nil {
		return v, nil
	}
	return d.s.Cast(ctx, v, t)
}

// Len implements [ps.Dictionary].
func (d *dict) Len() int { return d.h.Len() }

// Lookup implements [ps.Dictionary].
func (d *dict) Lookup(key any) (any, bool) {
	k, err := d.cast(context.Background(), key, d.key)
	if err != nil {
		return nil, false
	}
	return d.h.Get(k)
}

// Store implements [ps.Dictionary].
func (d *dict) Store(key, v any) error { return d.put(context.Background(), key, v) }

// Keys implements [ps.Dictionary].
func (d *dict) Keys() []any {
	keys := d.h.Keys()
	if d.sort {
		_ = sorted(d.s, keys, by(d.s, d.by))
	}
	return keys
}

func (d *dict) values() []any {
	keys := d.Keys()
	for i, k := range keys {
		keys[i], _ = d.h.Get(k)
	}
	return keys
}

// pairs are what an enumerator gives.
func (d *dict) pairs() []any {
	keys := d.Keys()
	for i, k := range keys {
		v, _ := d.h.Get(k)
		if d.pairType == "" {
			keys[i] = ps.Entry{Key: k, Value: v}
			continue
		}
		keys[i] = newPair(d.s, d.s.Engine().Type(d.pairType), k, v)
	}
	return keys
}

// pair is the Data of a KeyValuePair.
type pair struct {
	key, value any
	text       string
}

func newPair(s *ps.Session, t *ps.Type, key, value any) *ps.Object {
	k, _ := netText(s, key)
	v, _ := netText(s, value)
	return &ps.Object{Type: t, Data: &pair{key, value, "[" + k + ", " + v + "]"}}
}

func pairMembers() []ps.Member {
	return []ps.Member{
		prop("Key", "System.Object", func(in *ps.Invoke) any { return self[*pair](in).key }),
		prop("Value", "System.Object", func(in *ps.Invoke) any { return self[*pair](in).value }),
	}
}

func dictMembers() []ps.Member {
	data := self[*dict]
	item := indexer("System.Object", can(func(in *ps.Invoke) (any, error) {
		v, ok := data(in).Lookup(in.Args[0])
		if !ok && data(in).key != nil {
			return nil, missingKey(in.Session, in.Args[0])
		}
		return v, nil
	}), "TKey key")
	item.Set = func(ctx context.Context, in *ps.Invoke) error { return data(in).put(ctx, in.Args[1], in.Args[0]) }
	contains := val(func(in *ps.Invoke) any { _, ok := data(in).Lookup(in.Args[0]); return ok })
	return []ps.Member{
		item,
		method("Add", "void", addToDict, "TKey key, TValue value"),
		method("TryAdd", "bool", func(ctx context.Context, in *ps.Invoke) (any, error) {
			if _, ok := data(in).Lookup(in.Args[0]); ok {
				return false, nil
			}
			return true, data(in).put(ctx, in.Args[0], in.Args[1])
		}, "TKey key, TValue value"),
		method("Clear", "void", do(func(in *ps.Invoke) error { data(in).h.Clear(); return nil }), ""),
		method("ContainsKey", "bool", contains, "TKey key"), method("Contains", "bool", contains, "TKey key"),
		method("ContainsValue", "bool", val(func(in *ps.Invoke) any {
			return slices.ContainsFunc(data(in).values(), func(v any) bool { return sameValue(in.Session, v, in.Args[0]) })
		}), "TValue value"),
		method("Remove", "bool", val(func(in *ps.Invoke) any {
			_, ok := data(in).Lookup(in.Args[0])
			data(in).h.Delete(in.Args[0])
			return ok
		}), "TKey key"),
		method("TryGetValue", "bool", can(func(in *ps.Invoke) (any, error) {
			v, ok := data(in).Lookup(in.Args[0])
			if !ok && data(in).value != nil {
				v = zeroOf(in.Session, data(in).value.Name)
			}
			return ok, in.Args[1].(*ps.Ref).Set(v)
		}), "TKey key, out TValue value"),
		method("GetEnumerator", enumeratorName, val(func(in *ps.Invoke) any { return newEnumerator(in.Session, data(in).pairs()) }), ""),
		method("IndexOfKey", "int", val(func(in *ps.Invoke) any {
			return ps.Int(seq{a: ps.NewArray(data(in).Keys()...)}.indexOf(in.Session, in.Args[0], 0))
		}), "TKey key"),
		method("GetByIndex", "System.Object", can(func(in *ps.Invoke) (any, error) {
			list, i := data(in).values(), in.Int(0)
			if i < 0 || i >= len(list) {
				return nil, badIndex(in.Session, "index")
			}
			return list[i], nil
		}), "int index"),
		prop("Count", "int", func(in *ps.Invoke) any { return ps.Int(data(in).Len()) }),
		prop("Keys", "System.Collections.ICollection", func(in *ps.Invoke) any { return ps.NewArray(data(in).Keys()...) }),
		prop("Values", "System.Collections.ICollection", func(in *ps.Invoke) any { return ps.NewArray(data(in).values()...) }),
		prop("IsReadOnly", "bool", func(*ps.Invoke) any { return false }),
	}
}

func missingKey(s *ps.Session, key any) error {
	return throw("System.Collections.Generic.KeyNotFoundException", either(s, "The given key was not present in the dictionary.", "The given key '"+s.ToString(key)+"' was not present in the dictionary."))
}

func addToDict(ctx context.Context, in *ps.Invoke) (any, error) {
	d := self[*dict](in)
	if _, ok := d.Lookup(in.Args[0]); ok {
		if d.key == nil {
			text := in.Session.ToString(in.Args[0])
			return nil, throw(argumentException, "Item has already been added. Key in dictionary: '"+text+"'  Key being added: '"+text+"'")
		}
		return nil, throw(argumentException, either(in.Session, "An item with the same key has already been added.", "An item with the same key has already been added. Key: "+in.Session.ToString(in.Args[0])))
	}
	return nil, d.put(ctx, in.Args[0], in.Args[1])
}
