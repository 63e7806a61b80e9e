package ps

import (
	"context"

	"github.com/casement/casement/internal/run/winsh/pslang"
)

// assignment does target = value and returns what was assigned.
func (s *Session) assignment(ctx context.Context, n *pslang.Assignment) (any, error) {
	if n.Op != pslang.OpNone {
		return s.compound(ctx, n)
	}
	v, err := s.value(ctx, n.Value)
	if err != nil {
		return nil, err
	}
	s.pos = n.Extent
	if err := s.store(ctx, n.Target, v); err != nil {
		return nil, err
	}
	return s.assigned(ctx, n.Target, v)
}

// assigned is the value of an assignment: what a typed variable has become.
func (s *Session) assigned(ctx context.Context, target pslang.Expression, v any) (any, error) {
	switch n := target.(type) {
	case *pslang.Cast:
		if x, ok := n.X.(*pslang.Variable); ok {
			return s.eval(ctx, x)
		}
	case *pslang.Variable:
		if x := s.find(n.Key); n.Scope != pslang.ScopeDrive && x != nil && x.check != nil {
			return x.value(), nil
		}
	}
	return v, nil
}

// compound is target op= value; ??= only evaluates what it needs.
func (s *Session) compound(ctx context.Context, n *pslang.Assignment) (any, error) {
	target := n.Target
	for {
		if c, ok := target.(*pslang.Cast); ok {
			target = c.X
			continue
		}
		break
	}
	old, err := s.eval(ctx, target)
	if err != nil {
		return nil, err
	}
	if n.Op == pslang.OpCoalesce && !IsNull(old) {
		return old, nil
	}
	v, err := s.value(ctx, n.Value)
	if err != nil {
		return nil, err
	}
	s.pos = n.Extent
	if n.Op != pslang.OpCoalesce {
		if v, err = s.appendInPlace(ctx, n.Op, old, v); err != nil {
			return nil, err
		}
	}
	return v, s.store(ctx, n.Target, v)
}

func (s *Session) appendInPlace(ctx context.Context, op pslang.Op, old, v any) (any, error) {
	return s.operate(ctx, op, old, notEmpty(v), false)
}

// store assigns to whatever can stand left of =.
func (s *Session) store(ctx context.Context, target pslang.Expression, v any) error {
	switch n := target.(type) {
	case *pslang.Variable:
		return s.writeVariable(ctx, n, v)
	case *pslang.Member:
		return s.storeMember(ctx, n, notEmpty(v))
	case *pslang.Index:
		return s.storeIndex(ctx, n, notEmpty(v))
	case *pslang.List:
		return s.storeList(ctx, n, v)
	case *pslang.Paren:
		if e, ok := n.X.(*pslang.ExpressionStatement); ok {
			return s.store(ctx, e.X, v)
		}
	case *pslang.Cast:
		return s.storeTyped(ctx, n, v)
	case *pslang.Attributed:
		return s.storeValidated(ctx, n, v)
	}
	return refuseNode(target)
}

// storeTyped is [type]$x = v: the variable keeps the type.
func (s *Session) storeTyped(ctx context.Context, n *pslang.Cast, v any) error {
	t, err := s.typeLiteral(n.Type)
	if err != nil {
		return err
	}
	variable, ok := n.X.(*pslang.Variable)
	if !ok || variable.Scope == pslang.ScopeDrive {
		x, err := s.Cast(ctx, v, t)
		if err != nil {
			return err
		}
		return s.store(ctx, n.X, x)
	}
	x, err := s.Cast(ctx, v, t)
	if err != nil {
		return s.cannotConvert(variable.Name, err)
	}
	sc := s.targetScope(variable)
	key := varKey(variable.Name)
	if old := sc.vars[key]; old != nil && !old.ReadOnly && !old.Constant {
		old.check = nil
	}
	if err := s.writeVariable(ctx, variable, x); err != nil {
		return err
	}
	sc.vars[key].check = func(ctx context.Context, s *Session, v any) (any, error) {
		x, err := s.Cast(ctx, v, t)
		if err != nil {
			return nil, s.cannotConvert(variable.Name, err)
		}
		return x, nil
	}
	return nil
}

// cannotConvert is the error of an assignment to a typed variable.
func (s *Session) cannotConvert(_ string, err error) error {
	if isControl(err) {
		return err
	}
	r := s.record(err)
	c := *r
	c.Category = MetadataError
	c.ID = "RuntimeException"
	if r.ID != "" {
		c.Exception = &Exception{Type: "System.Management.Automation.ArgumentTransformationMetadataException", Message: r.Message(), Inner: r.Exception}
	}
	return &c
}

func (s *Session) storeValidated(ctx context.Context, n *pslang.Attributed, v any) error {
	check, err := s.validator(n.Attribute)
	if err != nil {
		return err
	}
	variable, ok := n.X.(*pslang.Variable)
	if !ok {
		return refuseNode(n)
	}
	validate := func(ctx context.Context, s *Session, v any) (any, error) {
		if msg, err := check(ctx, s, v); err != nil {
			return nil, err
		} else if msg != "" {
			return nil, s.fail("System.Management.Automation.ValidationMetadataException", "The variable cannot be validated because the value "+s.ToString(v)+" is not a valid value for the "+variable.Name+" variable.", "ValidateSetFailure", MetadataError, nil)
		}
		return v, nil
	}
	if _, err := validate(ctx, s, v); err != nil {
		return err
	}
	if err := s.writeVariable(ctx, variable, v); err != nil {
		return err
	}
	if x := s.targetScope(variable).vars[varKey(variable.Name)]; x != nil {
		x.check = validate
	}
	return nil
}

// storeList is $a, $b = values: the last one takes what is left.
func (s *Session) storeList(ctx context.Context, n *pslang.List, v any) error {
	items := []any{v}
	if Enumerable(v) {
		items = Items(v)
	}
	for i, t := range n.Items {
		var x any
		switch {
		case i >= len(items):
		case i == len(n.Items)-1 && len(items) > len(n.Items):
			x = NewArray(items[i:]...)
		default:
			x = items[i]
		}
		if err := s.store(ctx, t, x); err != nil {
			return err
		}
	}
	return nil
}

// increment is ++ and --, before or behind.
func (s *Session) increment(ctx context.Context, n *pslang.Unary) (any, error) {
	old, err := s.eval(ctx, n.X)
	if err != nil {
		return nil, err
	}
	if IsNull(old) {
		old = int32(0)
	}
	if kindOf(Unwrap(old)) == notNumber {
		return nil, s.failAt(n.Extent, tRuntime, "The '"+n.Op.String()+"' operator works only on numbers. The operand is a '"+s.typeName(old)+"'.", "OperatorRequiresNumber", InvalidOperation, old)
	}
	op := pslang.OpAdd
	if n.Op == pslang.OpPreDec || n.Op == pslang.OpPostDec {
		op = pslang.OpSub
	}
	v, err := s.binary(op, old, int32(1))
	if err != nil {
		return nil, err
	}
	if err := s.store(ctx, n.X, v); err != nil {
		return nil, err
	}
	if n.Op == pslang.OpPostInc || n.Op == pslang.OpPostDec {
		return old, nil
	}
	return v, nil
}

func (s *Session) typeName(v any) string {
	if t := s.engine.TypeOf(v); t != nil {
		return t.Name
	}
	return "null"
}

func (s *Session) storeMember(ctx context.Context, n *pslang.Member, v any) error {
	if n.Static {
		return s.storeStatic(ctx, n, v)
	}
	o, err := s.eval(ctx, n.X)
	if err != nil {
		return err
	}
	name, err := s.memberName(ctx, n.Name)
	if err != nil {
		return err
	}
	return s.SetProperty(ctx, o, name, v)
}

func (s *Session) memberName(ctx context.Context, x pslang.Expression) (string, error) {
	if lit, ok := x.(*pslang.String); ok {
		return lit.Value, nil
	}
	v, err := s.eval(ctx, x)
	return s.ToString(v), err
}

func (s *Session) storeIndex(ctx context.Context, n *pslang.Index, v any) error {
	o, err := s.eval(ctx, n.X)
	if err != nil {
		return err
	}
	i, err := s.eval(ctx, n.Index)
	if err != nil {
		return err
	}
	switch x := Unwrap(o).(type) {
	case nil:
		return s.fail(tRuntime, "Cannot index into a null array.", "NullArray", InvalidOperation, nil)
	case *Hashtable:
		return s.putKey(x, i, v)
	case *Object:
		if d, ok := x.Data.(Dictionary); ok {
			return s.wrapNet("Item", 2, d.Store(Unwrap(i), v))
		}
		if m := s.engine.canonical(x.Type).Member("Item"); m != nil && m.Set != nil {
			_, err := s.setParameterized(ctx, m, x, i, v)
			return err
		}
	}
	return s.putAt(ctx, o, i, v)
}

// putKey sets an entry of a table. In an ordered one a number is a place.
func (s *Session) putKey(h *Hashtable, key, v any) error {
	if IsNull(key) {
		return s.fail(tRuntime, "Index operation failed; the array index evaluated to null.", "NullArrayIndex", InvalidOperation, nil)
	}
	if n, ok := Unwrap(key).(int32); ok && h.Ordered {
		keys := h.Keys()
		if n < 0 || int(n) >= len(keys) {
			return s.netFail("System.ArgumentOutOfRangeException", "Specified argument was out of the range of valid values.\r\nParameter name: index", "System.ArgumentOutOfRangeException")
		}
		key = keys[n]
	}
	h.Put(key, v)
	return nil
}

// putAt sets an element of a list.
func (s *Session) putAt(ctx context.Context, o, i, v any) error {
	if IsNull(i) {
		return s.fail(tRuntime, "Index operation failed; the array index evaluated to null.", "NullArrayIndex", InvalidOperation, nil)
	}
	n, err := s.castInt(i)
	if err != nil {
		return err
	}
	size, ok := length(o)
	if !ok {
		return s.fail(tRuntime, `Unable to index into an object of type "`+s.typeName(o)+`".`, "CannotIndex", InvalidOperation, nil)
	}
	if n < 0 {
		n += int64(size)
	}
	if n < 0 || n >= int64(size) {
		return outOfBounds()
	}
	switch x := Unwrap(o).(type) {
	case *Array:
		if t := s.elementType(x); t != nil {
			if v, err = s.Cast(ctx, v, t); err != nil {
				return err
			}
		}
		x.Items[n] = v
	case *Bytes:
		b, err := s.Cast(ctx, v, s.engine.kinds.byte)
		if err != nil {
			return err
		}
		x.B[n] = b.(byte)
	case *Object:
		return s.wrapNet("Item", 2, x.Data.(List).SetAt(int(n), v))
	}
	return nil
}

// elementType is the type that elements of a typed array are converted to, or
// nil for object[].
func (s *Session) elementType(a *Array) *Type {
	if a.Type == tArray || a.Type == tArrayList {
		return nil
	}
	t := s.engine.mustType(a.Type)
	if t.Elem != nil {
		return t.Elem
	}
	if len(t.Args) == 1 {
		return t.Args[0]
	}
	return nil
}
