package ps

import (
	"context"
	"strings"

	"github.com/casement/casement/internal/run/winsh/pslang"
)

// evalIndex is x[i] and x[i, j, …].
func (s *Session) evalIndex(ctx context.Context, n *pslang.Index) (any, error) {
	o, err := s.eval(ctx, n.X)
	if err != nil {
		return nil, err
	}
	if n.NullConditional && IsNull(o) {
		return nil, nil
	}
	i, err := s.eval(ctx, n.Index)
	if err != nil {
		return nil, err
	}
	return s.index(ctx, o, i)
}

// index reads one element, or several as an array.
func (s *Session) index(ctx context.Context, o, i any) (any, error) {
	b := Unwrap(o)
	if b == nil {
		return nil, s.fail(tRuntime, "Cannot index into a null array.", "NullArray", InvalidOperation, nil)
	}
	if !Enumerable(i) || isEmpty(i) {
		return s.indexOne(ctx, o, i)
	}
	var list []any
	for _, k := range Items(i) {
		if n, size, ok := s.place0(b, k); ok && (n < 0 || n >= size) {
			continue // slices leave out what is not there
		}
		v, err := s.indexOne(ctx, o, k)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return NewArray(list...), nil
}

// place0 is the place that an index of a list means.
func (s *Session) place0(o, i any) (at, size int, ok bool) {
	size, ok = length(o)
	if text, isText := o.(string); isText {
		size, ok = utf16Len(text), true
	}
	if !ok {
		return 0, 0, false
	}
	n, err := s.castInt(i)
	if err != nil {
		return 0, 0, false
	}
	if n < 0 {
		n += int64(size)
	}
	return int(n), size, true
}

func (s *Session) indexOne(ctx context.Context, o, i any) (any, error) {
	b := Unwrap(o)
	if IsNull(i) {
		return nil, s.fail(tRuntime, "Index operation failed; the array index evaluated to null.", "NullArrayIndex", InvalidOperation, nil)
	}
	switch x := b.(type) {
	case *Hashtable:
		if x.Ordered {
			if n, ok := toInt64(i); ok && kindOf(Unwrap(i)) != notNumber {
				return s.orderedAt(x, int(n)), nil
			}
		}
		v, _ := x.Get(i)
		return v, nil
	case *Object:
		if v, ok, err := s.indexObject(ctx, x, i); ok || err != nil {
			return v, err
		}
	}
	if size, ok := length(b); ok || isString(b) {
		if _, err := s.castInt(i); err != nil {
			return nil, err
		}
		n, _, _ := s.place0(b, i)
		if !ok {
			size = utf16Len(b.(string))
		}
		if n < 0 || n >= size {
			if s.strictness() >= 3 {
				return nil, outOfBounds()
			}
			return nil, nil
		}
		return s.elementAt(b, n), nil
	}
	if n, ok := toInt64(i); ok && (n == 0 || n == -1) && kindOf(Unwrap(i)) != notNumber {
		return o, nil
	} else if ok {
		return nil, s.cannotIndex(o)
	}
	return nil, s.cannotIndex(o)
}

// outOfBounds is the exception of .NET, which PowerShell passes on as it is.
func outOfBounds() error {
	return NewException("System.IndexOutOfRangeException", "Index was outside the bounds of the array.")
}

func (s *Session) cannotIndex(o any) error {
	return s.fail(tRuntime, `Unable to index into an object of type "`+s.typeName(o)+`".`, "CannotIndex", InvalidOperation, nil)
}

func isString(v any) bool { _, ok := v.(string); return ok }

func (s *Session) orderedAt(h *Hashtable, n int) any {
	entries := h.Entries()
	if n < 0 {
		n += len(entries)
	}
	if n < 0 || n >= len(entries) {
		return nil
	}
	return entries[n].Value
}

func (s *Session) elementAt(b any, n int) any {
	switch x := b.(type) {
	case *Array:
		return x.Items[n]
	case *Bytes:
		return x.B[n]
	case string:
		if ascii(x) {
			return Char(x[n])
		}
		return Char(Units(x)[n])
	case *Object:
		return x.Data.(List).At(n)
	}
	return nil
}

func (s *Session) indexObject(ctx context.Context, o *Object, i any) (any, bool, error) {
	if d, ok := o.Data.(Dictionary); ok {
		v, _ := d.Lookup(Unwrap(i))
		return v, true, nil
	}
	t := s.engine.canonical(o.Type)
	if m := t.Member("Item"); m != nil && m.Kind == KindParameterized {
		v, err := s.callMember(ctx, m, t, o, []any{i})
		return v, true, err
	}
	return nil, false, nil
}

func (s *Session) setParameterized(ctx context.Context, m *Member, o *Object, i, v any) (any, error) {
	t := s.engine.canonical(o.Type)
	x, err := s.argument(ctx, v, m.Type, t)
	if err != nil {
		return nil, s.wrapSet(m.Name, err)
	}
	return nil, s.wrapSet(m.Name, m.Set(ctx, &Invoke{Session: s, Type: t, Self: o, Args: []any{x, i}}))
}

// forEachMethod is .ForEach({ block }), .ForEach('Property'), .ForEach('Method',
// args) and .ForEach([type]).
func (s *Session) forEachMethod(ctx context.Context, v any, args []any) (any, error) {
	if len(args) == 0 {
		return nil, s.noOverload(ctx, "ForEach", nil, nil, args)
	}
	out := []any{}
	for _, item := range nonNull(v) {
		if err := s.process.Machine.Tick(ctx); err != nil {
			return nil, err
		}
		res, err := s.forEachItem(ctx, item, args)
		if err != nil {
			return nil, err
		}
		out = append(out, res...)
	}
	return collection(out), nil
}

func (s *Session) forEachItem(ctx context.Context, item any, args []any) ([]any, error) {
	switch x := Unwrap(args[0]).(type) {
	case *ScriptBlock:
		return s.Call(ctx, x, CallOptions{Under: item, HasUnder: true, Args: args[1:], SameScope: true})
	case *Type:
		v, err := s.Cast(ctx, item, x)
		return []any{v}, err
	}
	name := s.ToString(args[0])
	if t := s.engine.TypeOf(item); len(args) > 1 || t != nil && t.Member(name) != nil && t.Member(name).Kind == KindMethod {
		if _, isProperty, _ := s.Property(ctx, item, name); len(args) == 2 && isProperty && t.Member(name) == nil {
			return nil, s.SetProperty(ctx, item, name, args[1])
		}
		v, err := s.Invoke(ctx, item, name, false, args[1:]...)
		return Items(v), err
	}
	v, ok, err := s.Property(ctx, item, name)
	if !ok || err != nil {
		return nil, err
	}
	return []any{v}, nil
}

// nonNull are the elements of a value on which ForEach and Where work.
func nonNull(v any) []any {
	if IsNull(v) {
		return nil
	}
	return Items(v)
}

// collection is the Collection[PSObject] that ForEach and Where return.
func collection(items []any) *Array {
	return &Array{Type: "System.Collections.ObjectModel.Collection`1[System.Management.Automation.PSObject]", Items: items}
}

// whereMethod is .Where({ block }, mode, number).
func (s *Session) whereMethod(ctx context.Context, v any, args []any) (any, error) {
	if len(args) == 0 {
		return nil, s.noOverload(ctx, "Where", nil, nil, args)
	}
	block, ok := Unwrap(args[0]).(*ScriptBlock)
	if !ok {
		return nil, s.noOverload(ctx, "Where", nil, nil, args)
	}
	mode, limit := "default", int64(0)
	if len(args) > 1 {
		mode = strings.ToLower(s.ToString(args[1]))
	}
	if len(args) > 2 {
		n, err := s.castInt(args[2])
		if err != nil {
			return nil, err
		}
		limit = n
	}
	var yes, no []any
	until := false
	for _, item := range nonNull(v) {
		if err := s.process.Machine.Tick(ctx); err != nil {
			return nil, err
		}
		if !until {
			res, err := s.Call(ctx, block, CallOptions{Under: item, HasUnder: true, SameScope: true})
			if err != nil {
				return nil, err
			}
			ok = toBool(Collect(res))
		}
		switch mode {
		case "skipuntil", "until":
			until = until || ok
			ok = until
		}
		if ok {
			yes = append(yes, item)
		} else {
			no = append(no, item)
		}
		if mode == "first" && int64(len(yes)) == max(limit, 1) {
			break
		}
	}
	return whereResult(mode, limit, yes, no), nil
}

func whereResult(mode string, limit int64, yes, no []any) any {
	cut := func(list []any) []any {
		if limit > 0 && int64(len(list)) > limit {
			return list[:limit]
		}
		return list
	}
	switch mode {
	case "last":
		n := max(limit, 1)
		if int64(len(yes)) > n {
			yes = yes[int64(len(yes))-n:]
		}
		return collection(yes)
	case "until":
		return collection(cut(no))
	case "split":
		return NewArray(collection(cut(yes)), collection(append(no, yes[len(cut(yes)):]...)))
	}
	return collection(cut(yes))
}
