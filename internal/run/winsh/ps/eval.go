package ps

import (
	"context"
	"errors"

	"github.com/casement/casement/internal/run/winsh/pslang"
)

// sink takes the objects that something writes.
type sink func(ctx context.Context, v any) error

func discard(context.Context, any) error { return nil }

// statements runs a block, which writes to out.
func (s *Session) statements(ctx context.Context, b *pslang.Block, out sink) error {
	if b == nil {
		return nil
	}
	old := s.out
	s.out = out
	err := s.statementList(ctx, b, out)
	s.out = old
	return err
}

// statementList runs the statements of a block. Traps apply to each of them.
func (s *Session) statementList(ctx context.Context, b *pslang.Block, out sink) error {
	if len(b.Traps) > 0 {
		old := s.inTry
		s.inTry = true
		defer func() { s.inTry = old }()
	}
	for _, st := range b.Statements {
		if err := s.process.Machine.Tick(ctx); err != nil {
			return err
		}
		s.pos = st.At()
		err := s.statement(ctx, st, out)
		if err == nil {
			continue
		}
		if err = s.checkAction(ctx, err, b.Traps, out); err != nil {
			return err
		}
	}
	return nil
}

// checkAction decides what an error of a statement does: nil goes on with the
// next statement, an error leaves the block.
func (s *Session) checkAction(ctx context.Context, err error, traps []*pslang.Trap, out sink) error {
	if isControl(err) {
		return placedOnce(err, s.pos)
	}
	r := s.record(err)
	s.place(r)
	s.log(r)
	s.ok = false
	if r.leaves != nil {
		return r
	}
	var preference string
	switch {
	case len(traps) > 0:
		p, err := s.runTraps(ctx, r, traps, out)
		if err != nil {
			return err
		}
		preference = p
	case s.inTry || r.final:
		return r
	default:
		preference = s.preference("ErrorActionPreference")
	}
	switch preference {
	case "SilentlyContinue", "Ignore":
		return nil
	case "Stop", "Inquire":
		r.final = true
		return r
	}
	if len(traps) == 0 && r.thrown {
		return r
	}
	err = s.report(ctx, r)
	s.ok = false
	return err
}

// place gives an error the place of the statement if it has none.
func (s *Session) place(r *ErrorRecord) {
	if r.at.Source == nil {
		r.at = s.pos
	}
	if r.stack == "" {
		r.stack = s.stackTrace(r.at)
	}
}

// log puts an error into $Error, once.
func (s *Session) log(r *ErrorRecord) {
	if r.logged {
		return
	}
	r.logged = true
	s.note(r, nil, func(c *commonVars) *Array { return c.err })
	s.errors.Items = append([]any{r}, s.errors.Items...)
	if len(s.errors.Items) > 256 {
		s.errors.Items = s.errors.Items[:256]
	}
}

// report writes an error to the error stream.
func (s *Session) report(ctx context.Context, r *ErrorRecord) error {
	return s.emit(ctx, StreamError, r)
}

// runTraps runs the trap that fits and says what is to be done then.
func (s *Session) runTraps(ctx context.Context, r *ErrorRecord, traps []*pslang.Trap, out sink) (string, error) {
	best, rank, caught := -1, 0, r
	for i, t := range traps {
		if n, x := s.catchRank(r, t.Type); n > rank {
			best, rank, caught = i, n, r.with(x)
		}
	}
	if best < 0 {
		return "Stop", nil
	}
	old := s.scope
	s.scope = newScope(old)
	s.scope.put("_", caught)
	err := s.statements(ctx, traps[best].Body, out)
	s.scope = old
	var brk breakSignal
	var cont continueSignal
	switch {
	case errors.As(err, &cont):
		return "SilentlyContinue", nil
	case errors.As(err, &brk):
		return "Stop", nil
	case err != nil:
		return "", err
	}
	p := s.preference("ErrorActionPreference")
	if p == "Continue" && r.thrown {
		// A trap without break or continue shows the error and goes on.
		return "Continue", nil
	}
	return p, nil
}

// preference is the name of a preference variable's value.
func (s *Session) preference(name string) string {
	v, ok := s.Variable(name)
	if !ok || IsNull(v) {
		return "Continue"
	}
	if e, ok := Unwrap(v).(Enum); ok {
		return e.Type.enumName(e.Value)
	}
	if x, err := s.castNamed(v, "System.Management.Automation.ActionPreference"); err == nil {
		e := x.(Enum)
		return e.Type.enumName(e.Value)
	}
	return "Continue"
}

// statement runs one statement.
func (s *Session) statement(ctx context.Context, st pslang.Statement, out sink) error {
	switch n := st.(type) {
	case *pslang.ExpressionStatement:
		return s.expressionStatement(ctx, n.X, out)
	case *pslang.Pipeline:
		return s.pipeline(ctx, n, out)
	case *pslang.Assignment:
		_, err := s.assignment(ctx, n)
		if err == nil && s.succeeds(n.Value) {
			s.ok = true
		}
		return err
	case *pslang.If:
		return s.ifStatement(ctx, n, out)
	case *pslang.While:
		return s.loop(ctx, n.Label, n.Cond, nil, n.Body, out)
	case *pslang.For:
		return s.forStatement(ctx, n, out)
	case *pslang.ForEach:
		return s.forEach(ctx, n, out)
	case *pslang.DoWhile:
		return s.doWhile(ctx, n, out)
	case *pslang.Switch:
		return s.switchStatement(ctx, n, out)
	case *pslang.Try:
		return s.try(ctx, n, out)
	case *pslang.Function:
		s.declare(n)
		return nil
	case *pslang.Chain:
		return s.chain(ctx, n, out)
	case *pslang.Return:
		if n.Value != nil {
			if err := s.statement(ctx, n.Value, out); err != nil {
				return err
			}
		}
		return returnSignal{}
	case *pslang.Break:
		label, err := s.label(ctx, n.Label)
		if err != nil {
			return err
		}
		return breakSignal{label}
	case *pslang.Continue:
		label, err := s.label(ctx, n.Label)
		if err != nil {
			return err
		}
		return continueSignal{label}
	case *pslang.Exit:
		return s.exit(ctx, n)
	case *pslang.Throw:
		return s.throw(ctx, n)
	case *pslang.Using:
		return nil
	}
	return refuseNode(st)
}

// succeeds reports whether the assignment of a statement's value sets $?: 5.1 does
// it for each expression, whatever commands are within.
func (s *Session) succeeds(st pslang.Statement) bool {
	for s.edition == Desktop {
		a, ok := st.(*pslang.Assignment)
		if !ok {
			_, ok = st.(*pslang.ExpressionStatement)
			return ok
		}
		st = a.Value
	}
	return pureValue(st)
}

// pureValue reports whether a statement is nothing but an expression that
// leaves $? to the statement around it.
func pureValue(st pslang.Statement) bool {
	for {
		switch n := st.(type) {
		case *pslang.ExpressionStatement:
			return pureExpression(n.X)
		case *pslang.Assignment:
			st = n.Value
			continue
		}
		return false
	}
}

func pureExpression(x pslang.Expression) bool {
	switch n := x.(type) {
	case *pslang.Paren:
		return pureValue(n.X)
	case *pslang.SubExpression:
		return len(n.Body.Statements) == 0
	case *pslang.Array:
		switch len(n.Body.Statements) {
		case 0:
			return true
		case 1:
			return pureValue(n.Body.Statements[0])
		}
		return false
	}
	return true
}

func (s *Session) expressionStatement(ctx context.Context, x pslang.Expression, out sink) error {
	switch n := x.(type) {
	case *pslang.Unary:
		if n.Op >= pslang.OpPreInc && n.Op <= pslang.OpPostDec {
			_, err := s.increment(ctx, n)
			if err == nil {
				s.ok = true
			}
			return err
		}
	case *pslang.SubExpression:
		err := s.statements(ctx, n.Body, out)
		s.ok = s.ok || err == nil && s.edition == Desktop
		return err
	case *pslang.Paren:
		if p, ok := n.X.(*pslang.Pipeline); ok {
			err := s.parenStatement(ctx, p, out)
			s.ok = s.ok || err == nil && s.edition == Desktop
			return err
		}
	case *pslang.Cast:
		if n.Type.Key == "void" {
			_, err := s.eval(ctx, n.X)
			s.ok = err == nil
			return err
		}
	}
	v, err := s.eval(ctx, x)
	if err != nil {
		return err
	}
	if s.edition == Desktop || pureExpression(x) {
		s.ok = true
	}
	return writeEach(ctx, v, out)
}

// parenStatement is a pipeline in parentheses that is a statement of its own:
// it writes what it has until then even if it fails.
func (s *Session) parenStatement(ctx context.Context, p *pslang.Pipeline, out sink) error {
	items, err := s.collect(ctx, func(out sink) error { return s.pipeline(ctx, p, out) })
	if err != nil && isControl(err) && !isSignal(err) {
		return err
	}
	if werr := writeEach(ctx, Collect(items), out); werr != nil {
		return werr
	}
	return err
}

// writeEach writes what a pipeline makes of a value.
func writeEach(ctx context.Context, v any, out sink) error {
	if !Enumerable(v) {
		return out(ctx, v)
	}
	var err error
	Each(v, func(x any) bool {
		err = out(ctx, x)
		return err == nil
	})
	return err
}

// value runs a statement for its value: the one of an expression as it is, what
// a pipeline writes as nothing, one object or an array.
func (s *Session) value(ctx context.Context, st pslang.Statement) (any, error) {
	switch n := st.(type) {
	case *pslang.ExpressionStatement:
		return s.eval(ctx, n.X)
	case *pslang.Assignment:
		return s.assignment(ctx, n)
	}
	return s.capture(ctx, func(out sink) error { return s.statement(ctx, st, out) })
}

// capture makes a value of what run writes. Where run is left by return, break,
// continue or exit, what it has written is not lost: it is written to where the
// statement around it writes.
func (s *Session) capture(ctx context.Context, run func(out sink) error) (any, error) {
	items, err := s.collect(ctx, run)
	if err == nil {
		return Collect(items), nil
	}
	if s.out == nil {
		return nil, err
	}
	switch err.(type) {
	case returnSignal, breakSignal, continueSignal, exitSignal:
		for _, v := range items {
			if werr := s.out(ctx, v); werr != nil {
				return nil, werr
			}
		}
	}
	return nil, err
}

// collect gathers what run writes.
func (s *Session) collect(_ context.Context, run func(out sink) error) ([]any, error) {
	var items []any
	old := s.out
	s.out = func(_ context.Context, v any) error {
		items = append(items, v)
		return nil
	}
	err := run(s.out)
	s.out = old
	return items, err
}

func (s *Session) ifStatement(ctx context.Context, n *pslang.If, out sink) error {
	for _, c := range n.Clauses {
		ok, err := s.condition(ctx, c.Cond)
		if err != nil {
			return err
		}
		if ok {
			return s.statements(ctx, c.Body, out)
		}
	}
	return s.statements(ctx, n.Else, out)
}

func (s *Session) condition(ctx context.Context, st pslang.Statement) (bool, error) {
	s.pos = st.At()
	v, err := s.value(ctx, st)
	return toBool(v), err
}

func (s *Session) label(ctx context.Context, x pslang.Expression) (string, error) {
	if x == nil {
		return "", nil
	}
	v, err := s.eval(ctx, x)
	return s.ToString(v), err
}

func (s *Session) exit(ctx context.Context, n *pslang.Exit) error {
	code := int64(0)
	if n.Value != nil {
		v, err := s.value(ctx, n.Value)
		if err != nil {
			return err
		}
		if code, err = s.castInt(v); err != nil {
			code = 0
		}
	}
	return exitSignal{int(code)}
}

func (s *Session) throw(ctx context.Context, n *pslang.Throw) error {
	var v any
	if n.Value != nil {
		x, err := s.value(ctx, n.Value)
		if err != nil {
			return err
		}
		v = x
	} else if s.handling != nil {
		v = s.handling
	}
	r := s.thrown(v)
	if r.at.Source == nil {
		r.at = n.Extent
	}
	r.thrown = true
	if r.Exception != nil && s.engine.mustType(r.Exception.Type).Inherits(tRuntime) {
		r.Exception.thrown = true
	}
	return r
}

// thrown makes the error record of what is thrown.
func (s *Session) thrown(v any) *ErrorRecord {
	switch x := Unwrap(v).(type) {
	case *ErrorRecord:
		x.final = false
		return x
	case *Exception:
		if x.Record != nil {
			return x.Record
		}
		return &ErrorRecord{Exception: x, ID: x.Message, Category: OperationStopped}
	case nil:
		return s.fail(tRuntime, "ScriptHalted", "ScriptHalted", OperationStopped, nil)
	}
	text := s.ToString(v)
	return s.fail(tRuntime, text, text, OperationStopped, v)
}

func (s *Session) declare(n *pslang.Function) {
	sc := s.scope
	switch n.Scope {
	case pslang.ScopeGlobal:
		sc = s.global
	case pslang.ScopeScript:
		sc = s.scriptScope()
	}
	s.defineFunction(sc, n.Name, &ScriptBlock{Body: n.Body, name: n.Name, filter: n.Filter, file: s.file()})
}

// chain is a && b and a || b. An error of the left side is reported like that
// of a statement.
func (s *Session) chain(ctx context.Context, n *pslang.Chain, out sink) error {
	run := func(st pslang.Statement) error {
		err := s.statement(ctx, st, out)
		if err != nil {
			err = s.checkAction(ctx, err, nil, out)
		}
		return err
	}
	if err := run(n.Left); err != nil {
		return err
	}
	if s.ok != n.And {
		return nil
	}
	return run(n.Right)
}
