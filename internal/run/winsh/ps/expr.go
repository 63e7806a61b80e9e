package ps

import (
	"context"
	"strings"

	"github.com/casement/casement/internal/run/winsh/pslang"
)

// eval computes an expression.
func (s *Session) eval(ctx context.Context, x pslang.Expression) (any, error) {
	switch n := x.(type) {
	case *pslang.Variable:
		return s.readVariable(ctx, n)
	case *pslang.String:
		return n.Value, nil
	case *pslang.Number:
		return literal(n.Value), nil
	case *pslang.Binary:
		return s.evalBinary(ctx, n)
	case *pslang.Member:
		return s.evalMember(ctx, n)
	case *pslang.Invoke:
		return s.evalInvoke(ctx, n)
	case *pslang.Index:
		return s.evalIndex(ctx, n)
	case *pslang.Expandable:
		return s.expand(ctx, n)
	case *pslang.Paren:
		return s.value(ctx, n.X)
	case *pslang.SubExpression:
		return s.capture(ctx, func(out sink) error { return s.statements(ctx, n.Body, out) })
	case *pslang.Unary:
		return s.evalUnary(ctx, n)
	case *pslang.Cast:
		return s.evalCast(ctx, n)
	case *pslang.Type:
		return s.typeLiteral(n.Name)
	case *pslang.List:
		items := make([]any, len(n.Items))
		for i, item := range n.Items {
			v, err := s.eval(ctx, item)
			if err != nil {
				return nil, err
			}
			items[i] = notEmpty(v)
		}
		return NewArray(items...), nil
	case *pslang.Array:
		return s.evalArray(ctx, n)
	case *pslang.Hashtable:
		return s.evalTable(ctx, n, false)
	case *pslang.ScriptBlockExpression:
		return &ScriptBlock{Body: n.Body, file: s.file()}, nil
	case *pslang.Ternary:
		v, err := s.eval(ctx, n.Cond)
		if err != nil {
			return nil, err
		}
		if toBool(v) {
			return s.eval(ctx, n.Then)
		}
		return s.eval(ctx, n.Else)
	case *pslang.Attributed:
		return s.eval(ctx, n.X)
	}
	return nil, refuseNode(x)
}

// notEmpty turns "nothing was written" into $null, for places that keep values.
func notEmpty(v any) any {
	if isEmpty(v) {
		return nil
	}
	return v
}

// literal takes over a number of the parser.
func literal(v any) any {
	if d, ok := v.(pslang.Decimal); ok {
		return Decimal(d)
	}
	return v
}

// typeLiteral is the type that a name between brackets means.
func (s *Session) typeLiteral(n *pslang.TypeName) (*Type, error) {
	if t := s.resolve(n); t != nil {
		if t.Refuse != "" {
			return nil, refuseAt(n.Extent, "["+n.Name+"]", t.Refuse, t.Way)
		}
		return t, nil
	}
	name := strings.TrimSuffix(strings.TrimPrefix(n.Text(), "["), "]")
	return nil, s.failAt(n.Extent, tRuntime, "Unable to find type ["+name+"].", "TypeNotFound", InvalidOperation, name)
}

// expand puts the values of an expandable string together.
func (s *Session) expand(ctx context.Context, n *pslang.Expandable) (any, error) {
	var b strings.Builder
	for _, p := range n.Parts {
		if lit, ok := p.(*pslang.String); ok {
			b.WriteString(lit.Value)
			continue
		}
		v, err := s.eval(ctx, p)
		if err != nil {
			return nil, err
		}
		b.WriteString(s.ToString(v))
	}
	return b.String(), s.fits(int64(b.Len()))
}

// evalArray is @( … ): always an array.
func (s *Session) evalArray(ctx context.Context, n *pslang.Array) (any, error) {
	if len(n.Body.Statements) == 1 && len(n.Body.Traps) == 0 {
		if e, ok := n.Body.Statements[0].(*pslang.ExpressionStatement); ok {
			if l, ok := e.X.(*pslang.List); ok {
				return s.eval(ctx, l)
			}
		}
	}
	items, err := s.collect(ctx, func(out sink) error { return s.statements(ctx, n.Body, out) })
	return NewArray(items...), err
}

// evalTable is @{ … }.
func (s *Session) evalTable(ctx context.Context, n *pslang.Hashtable, ordered bool) (any, error) {
	h := &Hashtable{Ordered: ordered}
	for _, p := range n.Pairs {
		key, err := s.eval(ctx, p.Key)
		if err != nil {
			return nil, err
		}
		if IsNull(key) {
			return nil, s.failAt(p.Key.At(), tRuntime, "A null key is not allowed in a hash literal.", "InvalidNullKey", InvalidOperation, nil)
		}
		v, err := s.value(ctx, p.Value)
		if err != nil {
			return nil, err
		}
		if _, ok := h.Get(key); ok {
			return nil, s.failAt(p.Key.At(), tRuntime, "Duplicate keys '"+s.ToString(key)+"' are not allowed in hash literals.", "DuplicateKeyInHashLiteral", InvalidOperation, nil)
		}
		h.Put(key, notEmpty(v))
	}
	return h, nil
}

// evalCast is [type]x. Some casts are known by their literal operand.
func (s *Session) evalCast(ctx context.Context, n *pslang.Cast) (any, error) {
	switch n.Type.Key {
	case "ref":
		return s.reference(ctx, n.X)
	case "ordered":
		if h, ok := n.X.(*pslang.Hashtable); ok {
			return s.evalTable(ctx, h, true)
		}
	case "pscustomobject", "psobject", "system.management.automation.pscustomobject":
		if h, ok := n.X.(*pslang.Hashtable); ok {
			t, err := s.evalTable(ctx, h, true)
			if err != nil {
				return nil, err
			}
			return customOf(t.(*Hashtable), s), nil
		}
	}
	t, err := s.typeLiteral(n.Type)
	if err != nil {
		return nil, err
	}
	v, err := s.eval(ctx, n.X)
	if err != nil {
		return nil, err
	}
	if h, ok := Unwrap(v).(*Hashtable); ok && t.Name == "System.Management.Automation.PSObject" && n.Type.Key == "pscustomobject" {
		return customOf(h, s), nil
	}
	return s.Cast(ctx, v, t)
}

// customOf makes a PSCustomObject of a table; PSTypeName names its type.
func customOf(h *Hashtable, s *Session) *Object {
	o := &Object{Type: s.engine.kinds.custom}
	for _, e := range h.Entries() {
		name := s.ToString(e.Key)
		if strings.EqualFold(name, "PSTypeName") {
			o.AddType(s.ToString(e.Value))
			continue
		}
		o.Set(name, e.Value)
	}
	return o
}

// reference is [ref]$x: a property reference or a variable.
func (s *Session) reference(ctx context.Context, x pslang.Expression) (any, error) {
	if v, ok := x.(*pslang.Variable); ok && v.Scope != pslang.ScopeDrive {
		found := s.lookup(v)
		if found == nil {
			return nil, s.failAt(v.Extent, tRuntime, "[ref] cannot be applied to a variable that does not exist.", "NonExistingVariableReference", InvalidOperation, v.Name)
		}
		return &Ref{Get: found.value, Set: func(x any) error {
			switch {
			case found.set != nil: // $null takes everything and keeps nothing
				return found.set(x)
			case found.check != nil:
				checked, err := found.check(ctx, s, x)
				if err != nil {
					return err
				}
				x = checked
			}
			found.Value, found.get = x, nil
			return nil
		}}, nil
	}
	v, err := s.eval(ctx, x)
	if err != nil {
		return nil, err
	}
	return &Ref{Get: func() any { return v }, Set: func(x any) error { v = x; return nil }}, nil
}

func (s *Session) evalUnary(ctx context.Context, n *pslang.Unary) (any, error) {
	if n.Op >= pslang.OpPreInc && n.Op <= pslang.OpPostDec {
		return s.increment(ctx, n)
	}
	v, err := s.eval(ctx, n.X)
	if err != nil {
		return nil, err
	}
	switch n.Op {
	case pslang.OpNot:
		return !toBool(v), nil
	case pslang.OpNeg:
		return s.arith(pslang.OpSub, int32(0), Unwrap(v))
	case pslang.OpPlus:
		return s.arith(pslang.OpAdd, int32(0), Unwrap(v))
	case pslang.OpBnot:
		return s.bnot(Unwrap(v))
	case pslang.OpJoin:
		return s.join(v, ""), nil
	case pslang.OpSplit:
		return s.unarySplit(v), nil
	}
	return nil, refuseNode(n)
}

func (s *Session) bnot(v any) (any, error) {
	x, err := s.integral(v)
	if err != nil {
		return nil, err
	}
	switch n := x.(type) {
	case int64:
		return ^n, nil
	case uint64:
		return ^n, nil
	case uint32:
		return ^n, nil
	}
	n, _ := toInt64(x)
	return int32(^n), nil
}

func (s *Session) evalBinary(ctx context.Context, n *pslang.Binary) (any, error) {
	a, err := s.eval(ctx, n.X)
	if err != nil {
		return nil, err
	}
	switch n.Op {
	case pslang.OpAnd:
		if !toBool(a) {
			return false, nil
		}
	case pslang.OpOr:
		if toBool(a) {
			return true, nil
		}
	case pslang.OpCoalesce:
		if !IsNull(a) {
			return a, nil
		}
		return s.eval(ctx, n.Y)
	}
	b, err := s.eval(ctx, n.Y)
	if err != nil {
		return nil, err
	}
	return s.operate(ctx, n.Op, a, b, n.CaseSensitive)
}

// operate applies a binary operator to values.
func (s *Session) operate(ctx context.Context, op pslang.Op, a, b any, caseSensitive bool) (any, error) {
	switch op {
	case pslang.OpAdd, pslang.OpSub, pslang.OpMul, pslang.OpDiv, pslang.OpMod:
		return s.binary(op, a, b)
	case pslang.OpEq, pslang.OpNe, pslang.OpGt, pslang.OpGe, pslang.OpLt, pslang.OpLe:
		return s.comparison(op, a, b, caseSensitive)
	case pslang.OpAnd, pslang.OpOr:
		return toBool(b), nil
	case pslang.OpXor:
		return toBool(a) != toBool(b), nil
	case pslang.OpLike, pslang.OpNotLike, pslang.OpMatch, pslang.OpNotMatch, pslang.OpReplace, pslang.OpSplit:
		return s.matchOp(ctx, op, a, b, caseSensitive)
	case pslang.OpContains:
		return s.contains(a, b, caseSensitive), nil
	case pslang.OpNotContains:
		return !s.contains(a, b, caseSensitive), nil
	case pslang.OpIn:
		return s.contains(b, a, caseSensitive), nil
	case pslang.OpNotIn:
		return !s.contains(b, a, caseSensitive), nil
	case pslang.OpJoin:
		text := s.join(a, s.ToString(b))
		return text, s.fits(int64(len(text)))
	case pslang.OpFormat:
		return s.formatOp(a, b)
	case pslang.OpRange:
		return s.rangeArray(a, b)
	case pslang.OpBand, pslang.OpBor, pslang.OpBxor, pslang.OpShl, pslang.OpShr:
		return s.bits(op, a, b)
	case pslang.OpIs, pslang.OpIsNot, pslang.OpAs:
		return s.typeOp(ctx, op, a, b)
	}
	return nil, limitError("an operator is unknown")
}

func (s *Session) formatOp(a, b any) (any, error) {
	args := []any{b}
	if Enumerable(b) {
		args = Items(b)
	}
	text, err := s.Composite(s.ToString(a), args)
	if err == nil {
		err = s.fits(int64(len(text)))
	}
	if err != nil && !isControl(err) {
		r := s.fail(tRuntime, "Error formatting a string: "+errText(err)+".", "FormatError", InvalidOperation, s.ToString(a))
		r.Exception.Inner = ToException(err)
		return nil, r
	}
	return text, err
}

func (s *Session) typeOp(ctx context.Context, op pslang.Op, a, b any) (any, error) {
	t, ok := Unwrap(b).(*Type)
	if !ok {
		if IsNull(b) {
			id, name := "IsOperatorRequiresType", "is"
			if op == pslang.OpAs {
				id, name = "AsOperatorRequiresType", "as"
			}
			return nil, s.fail(tRuntime, "The right operand of '-"+name+"' must be a type.", id, InvalidOperation, nil)
		}
		x, err := s.castNamed(b, "System.Type")
		if err != nil {
			if r, ok := err.(*ErrorRecord); ok && op != pslang.OpAs {
				r.ID, r.Category = "RuntimeException", NotSpecified
			}
			return nil, err
		}
		t = x.(*Type)
	}
	switch op {
	case pslang.OpIs:
		return s.Is(a, t), nil
	case pslang.OpIsNot:
		return !s.Is(a, t), nil
	}
	v, err := s.Cast(ctx, a, t)
	if err != nil && !isControl(err) {
		return nil, nil
	}
	return v, err
}

// bounds are the ends of a range.
func (s *Session) bounds(a, b any) (from, to int64, chars bool, err error) {
	a, b = Unwrap(a), Unwrap(b)
	if x, ok := asChar(a); ok && s.edition == Core {
		if y, ok := asChar(b); ok {
			return int64(x), int64(y), true, nil
		}
	}
	if from, err = s.castInt(a); err != nil {
		return
	}
	to, err = s.castInt(b)
	return
}

// asChar is the character that an end of a range of PowerShell 7 means.
func asChar(v any) (Char, bool) {
	switch x := v.(type) {
	case Char:
		return x, true
	case string:
		if u := Units(x); len(u) == 1 && (u[0] < '0' || u[0] > '9') {
			return Char(u[0]), true
		}
	}
	return 0, false
}

func (s *Session) rangeArray(a, b any) (any, error) {
	from, to, chars, err := s.bounds(a, b)
	if err != nil {
		return nil, err
	}
	n := to - from
	if n < 0 {
		n = -n
	}
	if err := s.fits((n + 1) * 24); err != nil {
		return nil, err
	}
	items := make([]any, 0, n+1)
	eachInRange(from, to, chars, func(v any) bool { items = append(items, v); return true })
	return NewArray(items...), nil
}

func eachInRange(from, to int64, chars bool, yield func(any) bool) {
	step := int64(1)
	if to < from {
		step = -1
	}
	for i := from; ; i += step {
		var v any = int32(i)
		if chars {
			v = Char(i)
		}
		if !yield(v) || i == to {
			return
		}
	}
}

// elements is the value of an expression that is only enumerated: a range is
// not made into an array.
func (s *Session) elements(ctx context.Context, x pslang.Expression) (any, error) {
	n, ok := x.(*pslang.Binary)
	if !ok || n.Op != pslang.OpRange {
		return s.eval(ctx, x)
	}
	a, err := s.eval(ctx, n.X)
	if err != nil {
		return nil, err
	}
	b, err := s.eval(ctx, n.Y)
	if err != nil {
		return nil, err
	}
	from, to, chars, err := s.bounds(a, b)
	if err != nil {
		return nil, err
	}
	return &sequence{func(yield func(any) bool) { eachInRange(from, to, chars, yield) }}, nil
}

// ExpandString expands variables and sub-expressions in a text as between
// double quotes, but with double quotes meaning themselves.
func (s *Session) ExpandString(ctx context.Context, text string) (string, error) {
	b, err := s.Parse(ctx, "@\"\n"+text+"\n\"@", "")
	if err != nil {
		return "", err
	}
	out, err := s.Call(ctx, b, CallOptions{SameScope: true})
	return s.ToString(Collect(out)), err
}
