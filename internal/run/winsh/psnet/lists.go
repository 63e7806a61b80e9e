package psnet

import (
	"context"
	"slices"

	"github.com/casement/casement/internal/run/winsh/ps"
)

func listSelf(in *ps.Invoke) *ps.Array {
	a, _ := ps.Unwrap(in.Self).(*ps.Array)
	return a
}

// arrayListMembers are those of ArrayList, whose Add says where.
func arrayListMembers() []ps.Member {
	list := append(slices.Concat([]ps.Member{
		method("Add", "int", can(func(in *ps.Invoke) (any, error) {
			a := listSelf(in)
			a.Items = append(a.Items, in.Args[0])
			return ps.Int(len(a.Items) - 1), limit(in.Session, int64(len(a.Items))*16)
		}), "System.Object value"),
		method("Remove", "void", val(func(in *ps.Invoke) any { return removeItem(in) }), "System.Object obj"),
		method("Clone", "System.Object", val(func(in *ps.Invoke) any {
			a := listSelf(in)
			return &ps.Array{Type: a.Type, Items: slices.Clone(a.Items)}
		}), ""),
		method("ToArray", "System.Object[]", func(ctx context.Context, in *ps.Invoke) (any, error) {
			out := ps.NewArray(slices.Clone(listSelf(in).Items)...)
			if t, ok := ps.Unwrap(arg0(in)).(*ps.Type); ok {
				return in.Session.CastTo(ctx, out, t.Name+"[]")
			}
			return out, nil
		}, "", "type type"),
		static("Synchronized", "System.Collections.ArrayList", val(func(in *ps.Invoke) any { return in.Args[0] }), "System.Collections.ArrayList list"),
		static("Adapter", "System.Collections.ArrayList", val(func(in *ps.Invoke) any { return in.Args[0] }), "System.Collections.ArrayList list"),
		prop("IsFixedSize", "bool", func(*ps.Invoke) any { return false }), prop("IsSynchronized", "bool", func(*ps.Invoke) any { return false }),
		prop("SyncRoot", "System.Object", func(in *ps.Invoke) any { return in.Self }),
	}, commonList("System.Object")), rangeMembers("System.Object")...)
	return list
}

func arg0(in *ps.Invoke) any {
	if len(in.Args) == 0 {
		return nil
	}
	return in.Args[0]
}

// growMembers are those of lists that grow: Collection, StringCollection.
func growMembers() []ps.Member {
	return append([]ps.Member{
		method("Add", "void", do(addItem), "T item"),
		method("Remove", "bool", val(func(in *ps.Invoke) any { return removeItem(in) }), "T item"),
		method("AddRange", "void", do(addRange), "T[] collection"),
		method("AddLast", "void", do(addItem), "T value"), method("AddFirst", "void", do(func(in *ps.Invoke) error {
			a := listSelf(in)
			a.Items = slices.Insert(a.Items, 0, in.Args[0])
			return nil
		}), "T value"),
		prop("Count", "int", func(in *ps.Invoke) any { return ps.Int(len(listSelf(in).Items)) }),
	}, commonList("T")...)
}

// genericListMembers are those of List<T>.
func genericListMembers() []ps.Member {
	predicate := func(name, returns string, f func(ctx context.Context, in *ps.Invoke, q seq) (any, error)) ps.Member {
		return method(name, returns, func(ctx context.Context, in *ps.Invoke) (any, error) { return f(ctx, in, selfSeq(in)) }, "scriptblock match")
	}
	list := []ps.Member{
		method("Add", "void", do(addItem), "T item"),
		method("Remove", "bool", val(func(in *ps.Invoke) any { return removeItem(in) }), "T item"),
		method("ToArray", "T[]", val(func(in *ps.Invoke) any { return typedArray(in, slices.Clone(listSelf(in).Items)) }), ""),
		method("AsReadOnly", "System.Collections.ObjectModel.ReadOnlyCollection`1", val(func(in *ps.Invoke) any {
			return &ps.Array{Type: "System.Collections.ObjectModel.ReadOnlyCollection`1[" + elemOf(in) + "]", Items: slices.Clone(listSelf(in).Items)}
		}), ""),
		predicate("Find", "T", func(ctx context.Context, in *ps.Invoke, q seq) (any, error) {
			i, err := q.search(ctx, in, 0, false)
			if i < 0 || err != nil {
				return zeroOf(in.Session, elemOf(in)), err
			}
			return q.at(i), nil
		}),
		predicate("FindLast", "T", func(ctx context.Context, in *ps.Invoke, q seq) (any, error) {
			items, err := q.filter(ctx, in, 0)
			if len(items) == 0 || err != nil {
				return zeroOf(in.Session, elemOf(in)), err
			}
			return items[len(items)-1], nil
		}),
		predicate("FindAll", "System.Collections.Generic.List`1", func(ctx context.Context, in *ps.Invoke, q seq) (any, error) {
			items, err := q.filter(ctx, in, 0)
			return &ps.Array{Type: q.a.Type, Items: items}, err
		}),
		predicate("FindIndex", "int", func(ctx context.Context, in *ps.Invoke, q seq) (any, error) {
			i, err := q.search(ctx, in, 0, false)
			return ps.Int(i), err
		}),
		predicate("Exists", "bool", func(ctx context.Context, in *ps.Invoke, q seq) (any, error) {
			i, err := q.search(ctx, in, 0, false)
			return i >= 0, err
		}),
		predicate("TrueForAll", "bool", func(ctx context.Context, in *ps.Invoke, q seq) (any, error) {
			i, err := q.search(ctx, in, 0, true)
			return i < 0, err
		}),
		predicate("RemoveAll", "int", func(ctx context.Context, in *ps.Invoke, q seq) (any, error) {
			before := len(q.a.Items)
			var keep []any
			for _, v := range q.a.Items {
				drop, err := matches(ctx, in, 0, v)
				if err != nil {
					return nil, err
				}
				if !drop {
					keep = append(keep, v)
				}
			}
			q.a.Items = keep
			return ps.Int(before - len(keep)), nil
		}),
		method("ForEach", "void", func(ctx context.Context, in *ps.Invoke) (any, error) {
			for _, v := range slices.Clone(listSelf(in).Items) {
				if _, err := matches(ctx, in, 0, v); err != nil {
					return nil, err
				}
			}
			return nil, nil
		}, "scriptblock action"),
	}
	return slices.Concat(list, commonList("T"), rangeMembers("T"))
}

// elemOf is the name of the type of a generic list's elements.
func elemOf(in *ps.Invoke) string {
	if in.Type != nil && len(in.Type.Args) > 0 {
		return in.Type.Args[0].Name
	}
	return "System.Object"
}

func typedArray(in *ps.Invoke, items []any) any {
	if elemOf(in) == "System.Byte" {
		b := make([]byte, len(items))
		for i, v := range items {
			b[i] = byte(intOf(v))
		}
		return &ps.Bytes{B: b}
	}
	return ps.NewTyped(elemOf(in), items)
}

func addItem(in *ps.Invoke) error {
	a := listSelf(in)
	a.Items = append(a.Items, in.Args[0])
	return limit(in.Session, int64(len(a.Items))*16)
}

func addRange(in *ps.Invoke) error {
	if !has(in, 0) {
		return nullArgument(in.Session, "collection")
	}
	a := listSelf(in)
	a.Items = append(a.Items, ps.Items(in.Args[0])...)
	return limit(in.Session, int64(len(a.Items))*16)
}

func removeItem(in *ps.Invoke) bool {
	a := listSelf(in)
	i := seq{a: a}.indexOf(in.Session, in.Args[0], 0)
	if i < 0 {
		return false
	}
	a.Items = slices.Delete(a.Items, i, i+1)
	return true
}

// commonList are the members that all lists have, with elements of a type.
func commonList(elem string) []ps.Member {
	return []ps.Member{
		method("Clear", "void", do(func(in *ps.Invoke) error { listSelf(in).Items = nil; return nil }), ""),
		method("Contains", "bool", val(func(in *ps.Invoke) any { return selfSeq(in).indexOf(in.Session, in.Args[0], 0) >= 0 }), elem+" item"),
		method("IndexOf", "int", val(func(in *ps.Invoke) any { return ps.Int(selfSeq(in).indexOf(in.Session, in.Args[0], max(in.Int(1), 0))) }), elem+" item", elem+" item, int index"),
		method("Insert", "void", do(func(in *ps.Invoke) error {
			a, i := listSelf(in), in.Int(0)
			if i < 0 || i > len(a.Items) {
				return outOfRange(in.Session, either(in.Session, "Insertion index was out of range. Must be non-negative and less than or equal to size.", "Index must be within the bounds of the List."), "index")
			}
			a.Items = slices.Insert(a.Items, i, in.Args[1])
			return nil
		}), "int index, "+elem+" item"),
		method("RemoveAt", "void", do(func(in *ps.Invoke) error {
			a, i := listSelf(in), in.Int(0)
			if i < 0 || i >= len(a.Items) {
				return badIndex(in.Session, "index")
			}
			a.Items = slices.Delete(a.Items, i, i+1)
			return nil
		}), "int index"),
		method("CopyTo", "void", do(func(in *ps.Invoke) error {
			to, err := seqArg(in, 0)
			items, at := listSelf(in).Items, in.Int(1)
			if err != nil {
				return err
			}
			if at < 0 || at+len(items) > to.len() {
				return throw(argumentException, "Destination array was not long enough. Check destIndex and length, and the array's lower bounds.")
			}
			for i, v := range items {
				to.set(at+i, v)
			}
			return nil
		}), "System.Array array", "System.Array array, int arrayIndex"),
		method("GetEnumerator", enumeratorName, val(func(in *ps.Invoke) any { return newEnumerator(in.Session, listSelf(in).Items) }), ""),
		prop("IsReadOnly", "bool", func(*ps.Invoke) any { return false }),
	}
}

// rangeMembers are about parts of a list, and its order.
func rangeMembers(elem string) []ps.Member {
	part := func(in *ps.Invoke) (*ps.Array, int, int, error) {
		a, from, n := listSelf(in), in.Int(0), in.Int(1)
		if from < 0 || n < 0 || from+n > len(a.Items) {
			return a, 0, 0, throw(argumentException, "Offset and length were out of bounds for the array or count is greater than the number of elements from index to the end of the source collection.")
		}
		return a, from, n, nil
	}
	return []ps.Member{
		method("AddRange", "void", do(addRange), elem+"[] collection"),
		method("InsertRange", "void", do(func(in *ps.Invoke) error {
			a, i := listSelf(in), in.Int(0)
			if i < 0 || i > len(a.Items) {
				return badIndex(in.Session, "index")
			}
			a.Items = slices.Insert(a.Items, i, ps.Items(in.Args[1])...)
			return nil
		}), "int index, "+elem+"[] collection"),
		method("RemoveRange", "void", do(func(in *ps.Invoke) error {
			a, from, n, err := part(in)
			if err == nil {
				a.Items = slices.Delete(a.Items, from, from+n)
			}
			return err
		}), "int index, int count"),
		method("GetRange", "System.Object", can(func(in *ps.Invoke) (any, error) {
			a, from, n, err := part(in)
			if err != nil {
				return nil, err
			}
			return &ps.Array{Type: a.Type, Items: slices.Clone(a.Items[from : from+n])}, nil
		}), "int index, int count"),
		method("LastIndexOf", "int", val(func(in *ps.Invoke) any {
			items := listSelf(in).Items
			for i := len(items) - 1; i >= 0; i-- {
				if sameValue(in.Session, items[i], in.Args[0]) {
					return ps.Int(i)
				}
			}
			return int32(-1)
		}), elem+" item"),
		method("Reverse", "void", do(func(in *ps.Invoke) error { slices.Reverse(listSelf(in).Items); return nil }), ""),
		method("Sort", "void", sortList, "", "System.StringComparer comparer", "scriptblock comparison"),
		method("BinarySearch", "int", can(func(in *ps.Invoke) (any, error) { return binarySearch(in.Session, selfSeq(in), in.Args[0]) }), elem+" item"),
		method("TrimExcess", "void", nothing, ""), method("TrimToSize", "void", nothing, ""),
		prop("Capacity", "int", func(in *ps.Invoke) any { return ps.Int(cap(listSelf(in).Items)) }).With(func(context.Context, *ps.Invoke) error { return nil }),
	}
}

func sortList(ctx context.Context, in *ps.Invoke) (any, error) {
	s, compare := in.Session, natural(in.Session)
	if c, ok := dataOf[comparer](in, 0); ok {
		compare = by(s, &c)
	} else if block, ok := ps.Unwrap(arg0(in)).(*ps.ScriptBlock); ok {
		compare = comparison(ctx, s, block)
	}
	return nil, sorted(s, listSelf(in).Items, compare)
}

// comparison orders as a script block says.
func comparison(ctx context.Context, s *ps.Session, block *ps.ScriptBlock) func(a, b any) (int, error) {
	return func(a, b any) (int, error) {
		out, err := s.Call(ctx, block, ps.CallOptions{Args: []any{a, b}})
		return int(intOf(ps.Collect(out))), err
	}
}

const enumeratorName = "System.Collections.IEnumerator"

func newEnumerator(s *ps.Session, items []any) *ps.Object { return s.Enumerator(slices.Clone(items)) }

func enumeratorMembers() []ps.Member {
	data := self[*ps.Enumerator]
	// entry reads Key or Value of the entry of a dictionary.
	entry := func(name string, get func(e ps.Entry) any, other func(p *pair) any) ps.Member {
		return prop(name, "System.Object", func(in *ps.Invoke) any {
			v, _ := data(in).Current()
			switch x := v.(type) {
			case ps.Entry:
				return get(x)
			case *ps.Object:
				if p, ok := x.Data.(*pair); ok {
					return other(p)
				}
			}
			return nil
		})
	}
	return []ps.Member{
		method("MoveNext", "bool", val(func(in *ps.Invoke) any { return data(in).MoveNext() }), ""),
		method("Reset", "void", do(func(in *ps.Invoke) error { data(in).Reset(); return nil }), ""),
		method("Dispose", "void", nothing, ""),
		prop("Current", "System.Object", func(in *ps.Invoke) any { v, _ := data(in).Current(); return v }),
		entry("Key", func(e ps.Entry) any { return e.Key }, func(p *pair) any { return p.key }),
		entry("Value", func(e ps.Entry) any { return e.Value }, func(p *pair) any { return p.value }),
	}
}
