package psnet

import (
	"context"
	"slices"

	"github.com/casement/casement/internal/run/winsh/ps"
)

// bag is the Data of HashSet, Queue and Stack.
type bag struct {
	// items are the values of a queue or stack, in their order.
	items []any
	// seen has the values of a set as its keys.
	seen *ps.Hashtable
	// sort keeps a set sorted; stack lists the last one first.
	sort, stack bool
	by          *comparer
	elem        *ps.Type
	s           *ps.Session
}

// Each implements [ps.Sequence].
func (b *bag) Each(yield func(any) bool) {
	items := b.values()
	if b.stack {
		slices.Reverse(items)
	}
	if b.sort {
		_ = sorted(b.s, items, by(b.s, b.by))
	}
	for _, v := range items {
		if !yield(v) {
			return
		}
	}
}

// values are in the order of their places; the slice is the caller's.
func (b *bag) values() []any {
	if b.seen != nil {
		return b.seen.Keys()
	}
	return slices.Clone(b.items)
}

func (b *bag) len() int {
	if b.seen != nil {
		return b.seen.Len()
	}
	return len(b.items)
}

func (b *bag) list() []any {
	list := []any{}
	b.Each(func(v any) bool { list = append(list, v); return true })
	return list
}

// setTypes are sets, queues and stacks.
func setTypes() []*ps.Type {
	const enumerable, collection = "System.Collections.IEnumerable", "System.Collections.ICollection"
	made := func(set, sort, stack bool) run {
		return func(ctx context.Context, in *ps.Invoke) (any, error) {
			b := &bag{s: in.Session, sort: sort, stack: stack}
			if len(in.Type.Args) == 1 {
				b.elem = in.Type.Args[0]
			}
			if set {
				b.seen = &ps.Hashtable{CaseSensitive: true, Refills: true}
			}
			for i, a := range in.Args {
				if c, ok := dataOf[comparer](in, i); ok {
					b.seen.CaseSensitive, b.by = !c.ignoreCase, &c
				} else if ps.Enumerable(a) {
					for _, v := range ps.Items(a) {
						b.add(v)
					}
				}
			}
			return in.Session.Object(in.Type.Name, b), nil
		}
	}
	typ := func(name string, members func() []ps.Member, f run, signatures ...string) *ps.Type {
		return &ps.Type{Name: name, Implements: []string{enumerable, collection}, Members: members, New: overloads(f, signatures...)}
	}
	queue, stack := made(false, false, false), made(false, false, true)
	sets := []string{"", "T[] collection", "System.StringComparer comparer", "T[] collection, System.StringComparer comparer"}
	return []*ps.Type{
		typ("System.Collections.Generic.HashSet`1", hashSetMembers, made(true, false, false), sets...),
		typ("System.Collections.Generic.SortedSet`1", hashSetMembers, made(true, true, false), sets...),
		typ("System.Collections.Generic.Queue`1", queueMembers, queue, "", "int capacity", "T[] collection"), typ("System.Collections.Queue", queueMembers, queue, "", "int capacity", "System.Collections.ICollection col"),
		typ("System.Collections.Generic.Stack`1", stackMembers, stack, "", "int capacity", "T[] collection"), typ("System.Collections.Stack", stackMembers, stack, "", "int capacity", "System.Collections.ICollection col"),
		typ("System.Collections.Concurrent.ConcurrentQueue`1", queueMembers, queue, "", "T[] collection"), typ("System.Collections.Concurrent.ConcurrentBag`1", bagMembers, queue, "", "T[] collection"),
		typ("System.Collections.Concurrent.ConcurrentStack`1", stackMembers, stack, "", "T[] collection"),
	}
}

// add puts a value in, and reports whether a set did not have it.
func (b *bag) add(v any) bool {
	if b.seen != nil {
		if _, ok := b.seen.Get(v); ok {
			return false
		}
		b.seen.Put(v, true)
		return true
	}
	b.items = append(b.items, v)
	return true
}

func (b *bag) contains(v any) bool {
	if b.seen != nil {
		_, ok := b.seen.Get(v)
		return ok
	}
	return seq{a: ps.NewArray(b.items...)}.indexOf(b.s, v, 0) >= 0
}

func (b *bag) remove(v any) bool {
	if !b.contains(v) {
		return false
	}
	b.seen.Delete(v)
	return true
}

func bagMembers() []ps.Member {
	data := self[*bag]
	return []ps.Member{
		method("Add", "void", do(func(in *ps.Invoke) error { data(in).add(in.Args[0]); return nil }), "T item"),
		method("Clear", "void", do(func(in *ps.Invoke) error {
			b := data(in)
			b.items = nil
			if b.seen != nil {
				b.seen.Clear()
			}
			return nil
		}), ""),
		method("Contains", "bool", val(func(in *ps.Invoke) any { return data(in).contains(in.Args[0]) }), "T item"),
		method("ToArray", "T[]", val(func(in *ps.Invoke) any { return typedArray(in, data(in).list()) }), ""),
		method("CopyTo", "void", do(func(in *ps.Invoke) error {
			to, err := seqArg(in, 0)
			list, at := data(in).list(), in.Int(1)
			if err != nil {
				return err
			}
			if at < 0 || at+len(list) > to.len() {
				return throw(argumentException, "Destination array is not long enough to copy all the items in the collection. Check array index and length.")
			}
			for i, v := range list {
				to.set(at+i, v)
			}
			return nil
		}), "System.Array array", "System.Array array, int arrayIndex"),
		method("GetEnumerator", enumeratorName, val(func(in *ps.Invoke) any { return newEnumerator(in.Session, data(in).list()) }), ""),
		method("TrimExcess", "void", nothing, ""),
		prop("Count", "int", func(in *ps.Invoke) any { return ps.Int(data(in).len()) }),
		prop("IsEmpty", "bool", func(in *ps.Invoke) any { return data(in).len() == 0 }),
	}
}

func hashSetMembers() []ps.Member {
	data := self[*bag]
	// other is the argument as a set with the same way to compare.
	other := func(in *ps.Invoke) *bag {
		o := &bag{s: in.Session, seen: &ps.Hashtable{CaseSensitive: data(in).seen.CaseSensitive}}
		for _, v := range ps.Items(in.Args[0]) {
			o.add(v)
		}
		return o
	}
	keep := func(b *bag, f func(v any) bool) {
		for _, v := range b.values() {
			if !f(v) {
				b.remove(v)
			}
		}
	}
	change := func(name string, f func(b, o *bag)) ps.Member {
		return method(name, "void", do(func(in *ps.Invoke) error { f(data(in), other(in)); return nil }), "T[] other")
	}
	ask := func(name string, f func(b, o *bag) bool) ps.Member {
		return method(name, "bool", val(func(in *ps.Invoke) any { return f(data(in), other(in)) }), "T[] other")
	}
	within := func(a, b *bag) bool {
		return !slices.ContainsFunc(a.values(), func(v any) bool { return !b.contains(v) })
	}
	own := []ps.Member{
		method("Add", "bool", can(func(in *ps.Invoke) (any, error) {
			return data(in).add(in.Args[0]), limit(in.Session, int64(data(in).len())*48)
		}), "T item"),
		method("Remove", "bool", val(func(in *ps.Invoke) any { return data(in).remove(in.Args[0]) }), "T item"),
		change("UnionWith", func(b, o *bag) {
			for _, v := range o.values() {
				b.add(v)
			}
		}),
		change("ExceptWith", func(b, o *bag) { keep(b, func(v any) bool { return !o.contains(v) }) }),
		change("IntersectWith", func(b, o *bag) { keep(b, o.contains) }),
		change("SymmetricExceptWith", func(b, o *bag) {
			for _, v := range o.values() {
				if !b.remove(v) {
					b.add(v)
				}
			}
		}),
		ask("IsSubsetOf", within), ask("IsSupersetOf", func(b, o *bag) bool { return within(o, b) }),
		ask("IsProperSubsetOf", func(b, o *bag) bool { return within(b, o) && b.len() < o.len() }),
		ask("IsProperSupersetOf", func(b, o *bag) bool { return within(o, b) && o.len() < b.len() }),
		ask("Overlaps", func(b, o *bag) bool { return slices.ContainsFunc(b.values(), o.contains) }),
		ask("SetEquals", func(b, o *bag) bool { return within(b, o) && within(o, b) }),
	}
	all := bagMembers()
	return append(own, slices.DeleteFunc(all, func(m ps.Member) bool { return m.Name == "Add" || m.Name == "ToArray" })...)
}

// taking makes the members of a queue or stack that take a value.
func taking(add, take, empty string, at func(b *bag) int) []ps.Member {
	data := self[*bag]
	get := func(remove bool) run {
		return can(func(in *ps.Invoke) (any, error) {
			b := data(in)
			if len(b.items) == 0 {
				return nil, throw(invalidOperation, empty)
			}
			i := at(b)
			v := b.items[i]
			if remove {
				b.items = slices.Delete(b.items, i, i+1)
			}
			return v, nil
		})
	}
	try := func(remove bool) run {
		return can(func(in *ps.Invoke) (any, error) {
			b := data(in)
			if len(b.items) == 0 {
				return false, nil
			}
			i := at(b)
			v := b.items[i]
			if remove {
				b.items = slices.Delete(b.items, i, i+1)
			}
			return true, in.Args[0].(*ps.Ref).Set(v)
		})
	}
	return append([]ps.Member{
		method(add, "void", do(func(in *ps.Invoke) error {
			data(in).items = append(data(in).items, in.Args[0])
			return limit(in.Session, int64(len(data(in).items))*16)
		}), "T item"),
		method(take, "T", get(true), ""), method("Peek", "T", get(false), ""),
		method("Try"+take, "bool", try(true), "out T result"), method("TryPeek", "bool", try(false), "out T result"),
	}, bagMembers()...)
}

func queueMembers() []ps.Member {
	return taking("Enqueue", "Dequeue", "Queue empty.", func(*bag) int { return 0 })
}

func stackMembers() []ps.Member {
	return taking("Push", "Pop", "Stack empty.", func(b *bag) int { return len(b.items) - 1 })
}
