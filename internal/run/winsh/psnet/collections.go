package psnet

import (
	"context"
	"slices"

	"github.com/casement/casement/internal/run/winsh/ps"
)

// listTypes are arrays and the lists that the engine has as *ps.Array.
func listTypes() []*ps.Type {
	const enumerable, collection, list = "System.Collections.IEnumerable", "System.Collections.ICollection", "System.Collections.IList"
	listLike := func(name string) *ps.Type {
		return &ps.Type{Name: name, Implements: []string{enumerable, collection, list}, Members: growMembers,
			New: overloads(newList, "", "T[] collection")}
	}
	return []*ps.Type{
		{Name: "System.Array", Members: arrayMembers},
		{
			Name: "System.Collections.ArrayList", Members: arrayListMembers,
			New: overloads(newList, "", "int capacity", "System.Collections.ICollection c"),
		},
		{Name: "System.Collections.Generic.List`1", Members: genericListMembers, New: overloads(newList, "", "int capacity", "T[] collection")},
		listLike("System.Collections.ObjectModel.Collection`1"), listLike("System.Collections.Generic.LinkedList`1"),
		{Name: "System.Collections.Specialized.StringCollection", Implements: []string{enumerable, collection, list}, Members: growMembers, New: overloads(newList, "")},
		{Name: "System.Collections.ObjectModel.ReadOnlyCollection`1", Implements: []string{enumerable, collection, list}, Members: listMembers},
		{Name: enumeratorName, Members: enumeratorMembers},
		delegate("System.Action"), delegate("System.Action`1"), delegate("System.Action`2"), delegate("System.Func`1"), delegate("System.Func`2"), delegate("System.Func`3"),
		delegate("System.Predicate`1"), delegate("System.Comparison`1"),
		{Name: "System.Collections.Generic.IEnumerable`1", Interface: true}, {Name: "System.Collections.Generic.IList`1", Interface: true},
		{Name: "System.Collections.Generic.ICollection`1", Interface: true}, {Name: "System.Collections.Generic.IDictionary`2", Interface: true},
	}
}

// delegate is a type of delegates: a script block is one.
func delegate(name string) *ps.Type {
	return &ps.Type{Name: name, Base: "System.Delegate", Convert: func(_ context.Context, in *ps.Invoke) (any, bool, error) {
		b, ok := ps.Unwrap(in.Args[0]).(*ps.ScriptBlock)
		return b, ok, nil
	}}
}

// newList is the constructor of lists.
func newList(_ context.Context, in *ps.Invoke) (any, error) {
	a := &ps.Array{Type: in.Type.Name}
	if len(in.Args) == 0 {
		return a, nil
	}
	if n, ok := in.Args[0].(int32); ok {
		if n < 0 {
			return nil, outOfRange(in.Session, "'capacity' must be non-negative.", "capacity")
		}
		return a, nil
	}
	if !has(in, 0) {
		return nil, nullArgument(in.Session, "collection")
	}
	a.Items = ps.Items(in.Args[0])
	return a, nil
}

// seq is an array or list: what is in it can be read and replaced.
type seq struct {
	a *ps.Array
	b *ps.Bytes
}

func seqOf(v any) (seq, bool) {
	switch x := ps.Unwrap(v).(type) {
	case *ps.Array:
		return seq{a: x}, true
	case *ps.Bytes:
		return seq{b: x}, true
	}
	return seq{}, false
}

func (q seq) len() int {
	if q.b != nil {
		return len(q.b.B)
	}
	return len(q.a.Items)
}

func (q seq) at(i int) any {
	if q.b != nil {
		return q.b.B[i]
	}
	return q.a.Items[i]
}

func (q seq) set(i int, v any) {
	if q.b != nil {
		q.b.B[i] = byte(intOf(v))
		return
	}
	q.a.Items[i] = v
}

// elem is the name of the type of an array's elements.
func (q seq) elem() string {
	if q.b != nil {
		return "System.Byte"
	}
	if q.a.Fixed() {
		return q.a.Type[:len(q.a.Type)-2]
	}
	return "System.Object"
}

func selfSeq(in *ps.Invoke) seq { q, _ := seqOf(in.Self); return q }

// seqArg is an argument that is an array.
func seqArg(in *ps.Invoke, i int) (seq, error) {
	q, ok := seqOf(in.Args[i])
	if !ok {
		return q, nullArgument(in.Session, "array")
	}
	return q, nil
}

// sameValue is Equals of .NET.
func sameValue(s *ps.Session, a, b any) bool {
	a, b = ps.Unwrap(a), ps.Unwrap(b)
	if x, ok := a.(string); ok {
		y, ok := b.(string)
		return ok && x == y
	}
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	ta, tb := s.TypeOf(a), s.TypeOf(b)
	if ta != tb {
		return false
	}
	switch a.(type) {
	case *ps.Object, *ps.Array, *ps.Hashtable, *ps.Bytes, *ps.ScriptBlock, *ps.Exception:
		return a == b
	}
	return s.Equal(a, b, true)
}

func (q seq) indexOf(s *ps.Session, v any, from int) int {
	for i := from; i < q.len(); i++ {
		if sameValue(s, q.at(i), v) {
			return i
		}
	}
	return -1
}

// matches calls a predicate for a value.
func matches(ctx context.Context, in *ps.Invoke, i int, v any) (bool, error) {
	if err := in.Session.Machine().Tick(ctx); err != nil {
		return false, err
	}
	block, _ := ps.Unwrap(in.Args[i]).(*ps.ScriptBlock)
	if block == nil {
		return false, nullArgument(in.Session, "match")
	}
	out, err := in.Session.Call(ctx, block, ps.CallOptions{Args: []any{v}, Under: v, HasUnder: true})
	return in.Session.ToBool(ps.Collect(out)), err
}

// sorted sorts values as the default comparer of .NET does, texts by culture.
func sorted(s *ps.Session, items []any, compare func(a, b any) (int, error)) error {
	var failed error
	slices.SortStableFunc(items, func(a, b any) int {
		n, err := nullFirst(compare)(a, b)
		if err != nil && failed == nil {
			failed = throw(invalidOperation, "Failed to compare two elements in the array.")
		}
		return n
	})
	return failed
}

// nullFirst is an order in which null comes before all else.
func nullFirst(compare func(a, b any) (int, error)) func(a, b any) (int, error) {
	return func(a, b any) (int, error) {
		switch {
		case ps.IsNull(a) && ps.IsNull(b):
			return 0, nil
		case ps.IsNull(a):
			return -1, nil
		case ps.IsNull(b):
			return 1, nil
		}
		return compare(a, b)
	}
}

func natural(s *ps.Session) func(a, b any) (int, error) {
	return func(a, b any) (int, error) { return s.Compare(a, b, true) }
}

func arrayMembers() []ps.Member {
	return slices.Concat(arrayStatics(), arrayPredicates(), arrayInstance())
}

func arrayStatics() []ps.Member {
	return []ps.Member{
		static("IndexOf", "int", can(func(in *ps.Invoke) (any, error) {
			q, err := seqArg(in, 0)
			if err != nil {
				return nil, err
			}
			return ps.Int(q.indexOf(in.Session, in.Args[1], max(in.Int(2), 0))), nil
		}), "System.Array array, System.Object value", "System.Array array, System.Object value, int startIndex"),
		static("LastIndexOf", "int", can(func(in *ps.Invoke) (any, error) {
			q, err := seqArg(in, 0)
			if err != nil {
				return nil, err
			}
			for i := q.len() - 1; i >= 0; i-- {
				if sameValue(in.Session, q.at(i), in.Args[1]) {
					return ps.Int(i), nil
				}
			}
			return int32(-1), nil
		}), "System.Array array, System.Object value"),
		static("Reverse", "void", do(func(in *ps.Invoke) error {
			q, err := seqArg(in, 0)
			if err != nil {
				return err
			}
			from, n := 0, q.len()
			if len(in.Args) == 3 {
				from, n = in.Int(1), in.Int(2)
				if from < 0 || n < 0 || from+n > q.len() {
					return throw(argumentException, "Offset and length were out of bounds for the array or count is greater than the number of elements from index to the end of the source collection.")
				}
			}
			for i, j := from, from+n-1; i < j; i, j = i+1, j-1 {
				x, y := q.at(i), q.at(j)
				q.set(i, y)
				q.set(j, x)
			}
			return nil
		}), "System.Array array", "System.Array array, int index, int length"),
		static("Sort", "void", sortArray, sortings()...),
		static("Copy", "void", do(copyArray), "System.Array sourceArray, System.Array destinationArray, int length", "System.Array sourceArray, int sourceIndex, System.Array destinationArray, int destinationIndex, int length"),
		static("Clear", "void", do(func(in *ps.Invoke) error {
			q, err := seqArg(in, 0)
			if err != nil {
				return err
			}
			from, n := 0, q.len()
			if len(in.Args) == 3 {
				from, n = in.Int(1), in.Int(2)
			}
			if from < 0 || n < 0 || from+n > q.len() {
				return throw("System.IndexOutOfRangeException", "Index was outside the bounds of the array.")
			}
			for i := from; i < from+n; i++ {
				q.set(i, zeroOf(in.Session, q.elem()))
			}
			return nil
		}), "System.Array array", "System.Array array, int index, int length"),
		static("Resize", "void", do(resizeArray), "ref System.Array array, int newSize"),
		static("CreateInstance", "System.Array", func(ctx context.Context, in *ps.Invoke) (any, error) {
			t, _ := ps.Unwrap(in.Args[0]).(*ps.Type)
			if t == nil {
				return nil, nullArgument(in.Session, "elementType")
			}
			return in.Session.New(ctx, in.Session.Engine().Type(t.Name+"[]"), in.Args[1])
		}, "type elementType, int length"),
		static("BinarySearch", "int", can(func(in *ps.Invoke) (any, error) {
			q, err := seqArg(in, 0)
			if err != nil {
				return nil, err
			}
			return binarySearch(in.Session, q, in.Args[1])
		}), "System.Array array, System.Object value"),
	}
}

func binarySearch(s *ps.Session, q seq, v any) (any, error) {
	low, high := 0, q.len()-1
	for low <= high {
		mid := (low + high) / 2
		n, err := s.Compare(q.at(mid), v, true)
		switch {
		case err != nil:
			return nil, throw(invalidOperation, "Failed to compare two elements in the array.")
		case n == 0:
			return ps.Int(mid), nil
		case n < 0:
			low = mid + 1
		default:
			high = mid - 1
		}
	}
	return ps.Int(^low), nil
}

// zeroOf is the default value of a type by name.
func zeroOf(s *ps.Session, name string) any {
	t := s.Engine().Type(name)
	if t == nil || !t.Inherits("System.ValueType") {
		return nil
	}
	v, err := s.Cast(context.Background(), int32(0), t)
	if err != nil {
		return nil
	}
	return v
}

// sortings are the overloads of Array.Sort.
func sortings() []string {
	const comparer, part = ", System.StringComparer comparer", ", int index, int length"
	one, two := "System.Array array", "System.Array keys, System.Array items"
	return []string{one, two, one + comparer, two + comparer, one + part, two + part, one + part + comparer, two + part + comparer, one + ", scriptblock comparison"}
}

// sortArray sorts an array or a part of it, and with it the items of another one.
func sortArray(ctx context.Context, in *ps.Invoke) (any, error) {
	q, err := seqArg(in, 0)
	if err != nil {
		return nil, err
	}
	compare := natural(in.Session)
	last := len(in.Args) - 1
	if c, ok := dataOf[comparer](in, last); ok {
		compare = by(in.Session, &c)
		last--
	} else if block, ok := ps.Unwrap(in.Args[last]).(*ps.ScriptBlock); ok {
		compare = comparison(ctx, in.Session, block)
		last--
	}
	var other seq
	both := false
	if last >= 1 {
		other, both = seqOf(in.Args[1])
	}
	from, to := 0, q.len()
	if last >= 2 {
		from = in.Int(last - 1)
		to = from + in.Int(last)
	}
	if from < 0 || to < from {
		return nil, outOfRange(in.Session, "Non-negative number required.", "length")
	}
	if to > q.len() || both && to > other.len() {
		return nil, throw(argumentException, "Offset and length were out of bounds for the array or count is greater than the number of elements from index to the end of the source collection.")
	}
	type pair struct{ key, item any }
	items := make([]any, to-from)
	for i := range items {
		p := pair{key: q.at(from + i)}
		if both {
			p.item = other.at(from + i)
		}
		items[i] = p
	}
	err = sorted(in.Session, items, func(a, b any) (int, error) { return nullFirst(compare)(a.(pair).key, b.(pair).key) })
	for i, v := range items {
		q.set(from+i, v.(pair).key)
		if both {
			other.set(from+i, v.(pair).item)
		}
	}
	return nil, err
}

func copyArray(in *ps.Invoke) error {
	fromAt, toAt, n, dest := 0, 0, in.Int(2), 1
	if len(in.Args) == 5 {
		fromAt, toAt, n, dest = in.Int(1), in.Int(3), in.Int(4), 2
	}
	from, err := seqArg(in, 0)
	if err != nil {
		return err
	}
	to, err := seqArg(in, dest)
	if err != nil {
		return err
	}
	if fromAt < 0 || toAt < 0 || n < 0 || fromAt+n > from.len() || toAt+n > to.len() {
		if fromAt+n > from.len() {
			return throw(argumentException, "Source array was not long enough. Check srcIndex and length, and the array's lower bounds.")
		}
		return throw(argumentException, "Destination array was not long enough. Check destIndex and length, and the array's lower bounds.")
	}
	if from.b != nil && to.b != nil {
		copy(to.b.B[toAt:toAt+n], from.b.B[fromAt:fromAt+n])
		return nil
	}
	items := make([]any, n)
	for i := range items {
		items[i] = from.at(fromAt + i)
	}
	for i, v := range items {
		to.set(toAt+i, v)
	}
	return nil
}

func resizeArray(in *ps.Invoke) error {
	ref, n := in.Args[0].(*ps.Ref), in.Int(1)
	if n < 0 {
		return outOfRange(in.Session, "Non-negative number required.", "newSize")
	}
	q, ok := seqOf(ref.Get())
	if !ok {
		return nullArgument(in.Session, "array")
	}
	if err := limit(in.Session, int64(n)*16); err != nil {
		return err
	}
	if q.b != nil {
		return ref.Set(&ps.Bytes{B: append([]byte(nil), resize(slices.Clone(q.b.B), int64(n))...)})
	}
	items := slices.Clone(q.a.Items[:min(n, len(q.a.Items))])
	zero := zeroOf(in.Session, q.elem())
	for len(items) < n {
		items = append(items, zero)
	}
	return ref.Set(&ps.Array{Type: q.a.Type, Items: items})
}

// arrayPredicates are the static methods with a script block.
func arrayPredicates() []ps.Member {
	with := func(name, returns string, f func(ctx context.Context, in *ps.Invoke, q seq) (any, error)) ps.Member {
		return static(name, returns, func(ctx context.Context, in *ps.Invoke) (any, error) {
			q, err := seqArg(in, 0)
			if err != nil {
				return nil, err
			}
			return f(ctx, in, q)
		}, "System.Array array, scriptblock match")
	}
	return []ps.Member{
		with("Find", "System.Object", func(ctx context.Context, in *ps.Invoke, q seq) (any, error) {
			i, err := q.search(ctx, in, 1, false)
			if i < 0 || err != nil {
				return zeroOf(in.Session, q.elem()), err
			}
			return q.at(i), nil
		}),
		with("FindAll", "System.Object[]", func(ctx context.Context, in *ps.Invoke, q seq) (any, error) {
			items, err := q.filter(ctx, in, 1)
			return ps.NewTyped(q.elem(), items), err
		}),
		with("FindIndex", "int", func(ctx context.Context, in *ps.Invoke, q seq) (any, error) {
			i, err := q.search(ctx, in, 1, false)
			return ps.Int(i), err
		}),
		with("Exists", "bool", func(ctx context.Context, in *ps.Invoke, q seq) (any, error) {
			i, err := q.search(ctx, in, 1, false)
			return i >= 0, err
		}),
		with("TrueForAll", "bool", func(ctx context.Context, in *ps.Invoke, q seq) (any, error) {
			i, err := q.search(ctx, in, 1, true)
			return i < 0, err
		}),
		with("ForEach", "void", func(ctx context.Context, in *ps.Invoke, q seq) (any, error) {
			for i := range q.len() {
				if _, err := matches(ctx, in, 1, q.at(i)); err != nil {
					return nil, err
				}
			}
			return nil, nil
		}),
	}
}

// search returns the first place for which the predicate is true, or false.
func (q seq) search(ctx context.Context, in *ps.Invoke, arg int, not bool) (int, error) {
	for i := 0; i < q.len(); i++ {
		ok, err := matches(ctx, in, arg, q.at(i))
		if err != nil {
			return -1, err
		}
		if ok != not {
			return i, nil
		}
	}
	return -1, nil
}

func (q seq) filter(ctx context.Context, in *ps.Invoke, arg int) ([]any, error) {
	list := []any{}
	for i := 0; i < q.len(); i++ {
		ok, err := matches(ctx, in, arg, q.at(i))
		if err != nil {
			return nil, err
		}
		if ok {
			list = append(list, q.at(i))
		}
	}
	return list, nil
}

func arrayInstance() []ps.Member {
	index := func(in *ps.Invoke, i int) (seq, int, error) {
		q, n := selfSeq(in), in.Int(i)
		if n < 0 || n >= q.len() {
			return q, n, throw("System.IndexOutOfRangeException", "Index was outside the bounds of the array.")
		}
		return q, n, nil
	}
	return []ps.Member{
		method("Clone", "System.Object", val(func(in *ps.Invoke) any {
			q := selfSeq(in)
			if q.b != nil {
				return &ps.Bytes{B: slices.Clone(q.b.B)}
			}
			return &ps.Array{Type: q.a.Type, Items: slices.Clone(q.a.Items)}
		}), ""),
		method("CopyTo", "void", do(func(in *ps.Invoke) error {
			q := selfSeq(in)
			to, err := seqArg(in, 0)
			at := in.Int(1)
			if err != nil {
				return err
			}
			if at < 0 || at+q.len() > to.len() {
				return throw(argumentException, "Destination array was not long enough. Check destIndex and length, and the array's lower bounds.")
			}
			for i := range q.len() {
				to.set(at+i, q.at(i))
			}
			return nil
		}), "System.Array array, int index"),
		method("GetLength", "int", val(func(in *ps.Invoke) any { return ps.Int(selfSeq(in).len()) }), "int dimension"),
		method("GetLongLength", "long", val(func(in *ps.Invoke) any { return int64(selfSeq(in).len()) }), "int dimension"),
		method("GetUpperBound", "int", val(func(in *ps.Invoke) any { return ps.Int(selfSeq(in).len() - 1) }), "int dimension"),
		method("GetLowerBound", "int", val(func(*ps.Invoke) any { return int32(0) }), "int dimension"),
		method("GetValue", "System.Object", can(func(in *ps.Invoke) (any, error) {
			q, i, err := index(in, 0)
			if err != nil {
				return nil, err
			}
			return q.at(i), nil
		}), "int index"),
		method("SetValue", "void", func(ctx context.Context, in *ps.Invoke) (any, error) {
			q, i, err := index(in, 1)
			if err != nil {
				return nil, err
			}
			v, err := in.Session.CastTo(ctx, in.Args[0], q.elem())
			if err != nil {
				return nil, throw("System.InvalidCastException", "Object cannot be stored in an array of this type.")
			}
			q.set(i, v)
			return nil, nil
		}, "System.Object value, int index"),
		method("Contains", "bool", val(func(in *ps.Invoke) any { return selfSeq(in).indexOf(in.Session, in.Args[0], 0) >= 0 }), "System.Object value"),
		method("IndexOf", "int", val(func(in *ps.Invoke) any { return ps.Int(selfSeq(in).indexOf(in.Session, in.Args[0], 0)) }), "System.Object value"),
		method("GetEnumerator", enumeratorName, val(func(in *ps.Invoke) any { return newEnumerator(in.Session, ps.Items(in.Self)) }), ""),
		method("Initialize", "void", nothing, ""),
		method("Add", "int", can(func(*ps.Invoke) (any, error) { return nil, throw(notSupported, "Collection was of a fixed size.") }), "System.Object value"),
		method("Remove", "void", can(func(*ps.Invoke) (any, error) { return nil, throw(notSupported, "Collection was of a fixed size.") }), "System.Object value"),
		method("RemoveAt", "void", can(func(*ps.Invoke) (any, error) { return nil, throw(notSupported, "Collection was of a fixed size.") }), "int index"),
		prop("IsSynchronized", "bool", func(*ps.Invoke) any { return false }),
		prop("SyncRoot", "System.Object", func(in *ps.Invoke) any { return in.Self }),
	}
}
