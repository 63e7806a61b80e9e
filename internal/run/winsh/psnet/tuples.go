package psnet

import (
	"slices"
	"strconv"
	"strings"

	"github.com/casement/casement/internal/run/winsh/ps"
)

// tuple is the Data of a Tuple: its items, in their order, and what ToString
// shows of them.
type tuple struct {
	items []any
	text  string
}

// Equal compares the items as Object.Equals does.
func (t *tuple) Equal(other any) bool {
	o, ok := other.(*tuple)
	return ok && slices.EqualFunc(t.items, o.items, ps.SameValue)
}

// longestTuple is the number of items that a tuple has at most, but for one that
// has another tuple in the end.
const longestTuple = 7

// tupleTypes are Tuple, which makes them, and its kinds by the number of items.
func tupleTypes() []*ps.Type {
	list := []*ps.Type{{Name: "System.Tuple", Abstract: true, Members: tupleStatics}}
	for n := 1; n <= longestTuple; n++ {
		params := make([]string, n)
		for i := range params {
			params[i] = "T" + strconv.Itoa(i+1) + " item" + strconv.Itoa(i+1)
		}
		list = append(list, &ps.Type{
			Name: "System.Tuple`" + strconv.Itoa(n), Implements: []string{"System.IComparable"},
			Members: func() []ps.Member { return tupleMembers(n) },
			String:  func(v any) string { return v.(*ps.Object).Data.(*tuple).text },
			New: overloads(can(func(in *ps.Invoke) (any, error) {
				return newTuple(in.Session, in.Type, in.Args)
			}), strings.Join(params, ", ")),
		})
	}
	return list
}

func newTuple(s *ps.Session, t *ps.Type, items []any) (any, error) {
	texts := make([]string, len(items))
	for i, v := range items {
		text, err := netText(s, v)
		if err != nil {
			return nil, err
		}
		texts[i] = text
	}
	return &ps.Object{Type: t, Data: &tuple{items, "(" + strings.Join(texts, ", ") + ")"}}, nil
}

// tupleStatics is Create, for each number of items. The types of the items are
// those of the arguments.
func tupleStatics() []ps.Member {
	create := can(func(in *ps.Invoke) (any, error) {
		names := make([]string, len(in.Args))
		for i, v := range in.Args {
			names[i] = "System.Object"
			if t := in.Session.Engine().TypeOf(v); t != nil && !ps.IsNull(v) {
				names[i] = t.Name
			}
		}
		t := in.Session.Engine().Type("System.Tuple`" + strconv.Itoa(len(names)) + "[" + strings.Join(names, ",") + "]")
		return newTuple(in.Session, t, in.Args)
	})
	var signatures, params []string
	for n := 1; n <= longestTuple; n++ {
		params = append(params, "System.Object item"+strconv.Itoa(n))
		signatures = append(signatures, strings.Join(params, ", "))
	}
	return []ps.Member{static("Create", "System.Object", create, signatures...)}
}

// tupleMembers are Item1 to Itemn and what ITuple adds.
func tupleMembers(n int) []ps.Member {
	var list []ps.Member
	for i := range n {
		list = append(list, prop("Item"+strconv.Itoa(i+1), "System.Object", func(in *ps.Invoke) any { return self[*tuple](in).items[i] }))
	}
	item := indexer("System.Object", can(func(in *ps.Invoke) (any, error) {
		i := in.Int(0)
		if i < 0 || i >= n {
			return nil, throw("System.IndexOutOfRangeException", "Index was outside the bounds of the array.")
		}
		return self[*tuple](in).items[i], nil
	}), "int index")
	list = append(list, prop("Length", "int", func(in *ps.Invoke) any { return ps.Int(n) }))
	return append(list, item)
}
