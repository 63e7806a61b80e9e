package ps

import (
	"bufio"
	"context"
	"errors"
	"strings"

	"github.com/casement/casement/internal/run/winsh/pslang"
)

// loopEnd says what an error of a loop's body means for the loop: go on, leave
// it, or pass the error on.
func loopEnd(err error, label string) (leave bool, pass error) {
	if err == nil {
		return false, nil
	}
	var brk breakSignal
	if errors.As(err, &brk) && (brk.label == "" || strings.EqualFold(brk.label, label)) {
		return true, nil
	}
	var cont continueSignal
	if errors.As(err, &cont) && (cont.label == "" || strings.EqualFold(cont.label, label)) {
		return false, nil
	}
	return true, err
}

// loop is while, and the part of for behind its initializer.
func (s *Session) loop(ctx context.Context, label string, cond, next pslang.Statement, body *pslang.Block, out sink) error {
	for {
		if err := s.process.Machine.Tick(ctx); err != nil {
			return err
		}
		if cond != nil {
			ok, err := s.condition(ctx, cond)
			if err != nil || !ok {
				return err
			}
		}
		if leave, err := loopEnd(s.statements(ctx, body, out), label); leave {
			return err
		}
		if next != nil {
			s.pos = next.At()
			if err := s.statement(ctx, next, discard); err != nil {
				return err
			}
		}
	}
}

func (s *Session) forStatement(ctx context.Context, n *pslang.For, out sink) error {
	if n.Init != nil {
		if err := s.statement(ctx, n.Init, discard); err != nil {
			return err
		}
	}
	return s.loop(ctx, n.Label, n.Cond, n.Next, n.Body, out)
}

func (s *Session) doWhile(ctx context.Context, n *pslang.DoWhile, out sink) error {
	for {
		if err := s.process.Machine.Tick(ctx); err != nil {
			return err
		}
		if leave, err := loopEnd(s.statements(ctx, n.Body, out), n.Label); leave {
			return err
		}
		ok, err := s.condition(ctx, n.Cond)
		if err != nil || ok == n.Until {
			return err
		}
	}
}

// forEach is foreach.
func (s *Session) forEach(ctx context.Context, n *pslang.ForEach, out sink) error {
	s.pos = n.In.At()
	v, err := s.value(ctx, n.In)
	if err != nil {
		return err
	}
	if v == nil || isEmpty(v) {
		return nil
	}
	return s.withEnumerator(n, "foreach", func() []any { return Items(v) }, func(e any) error {
		if e != nil {
			v = e
		}
		Each(v, func(item any) bool {
			if err = s.process.Machine.Tick(ctx); err != nil {
				return false
			}
			if err = s.writeVariable(ctx, n.Var, item); err != nil {
				return false
			}
			var leave bool
			leave, err = loopEnd(s.statements(ctx, n.Body, out), n.Label)
			return !leave
		})
		return err
	})
}

// switchStatement compares each element of the subject with the patterns.
func (s *Session) switchStatement(ctx context.Context, n *pslang.Switch, out sink) error {
	var items []any
	if n.File != nil {
		list, err := s.switchFile(ctx, n.File)
		if err != nil {
			return err
		}
		items = list
	} else {
		v, err := s.value(ctx, n.Subject)
		if err != nil {
			return err
		}
		items = Items(v)
		if v == nil {
			items = []any{nil}
		}
	}
	old := s.scope.vars["_"]
	delete(s.scope.vars, "_")
	defer func() { s.restoreUnder(old) }()
	return s.withEnumerator(n, "switch", func() []any { return items }, func(e any) (err error) {
		if e == nil {
			e = &Array{Items: items}
		}
		Each(e, func(item any) bool {
			if err = s.process.Machine.Tick(ctx); err != nil {
				return false
			}
			s.setUnder(item)
			var leave bool
			leave, err = loopEnd(s.switchItem(ctx, n, item, out), n.Label)
			return !leave
		})
		return err
	})
}

func (s *Session) switchItem(ctx context.Context, n *pslang.Switch, item any, out sink) error {
	matched := false
	for _, c := range n.Cases {
		ok, err := s.switchMatch(ctx, n, c.Pattern, item)
		if err != nil {
			return err
		}
		if ok {
			matched = true
			if err := s.statements(ctx, c.Body, out); err != nil {
				return err
			}
			s.setUnder(item)
		}
	}
	if !matched {
		return s.statements(ctx, n.Default, out)
	}
	return nil
}

func (s *Session) switchMatch(ctx context.Context, n *pslang.Switch, pattern pslang.Expression, item any) (bool, error) {
	v, err := s.eval(ctx, pattern)
	if err != nil {
		return false, err
	}
	if b, ok := Unwrap(v).(*ScriptBlock); ok {
		out, err := s.Call(ctx, b, CallOptions{Under: item, HasUnder: true, SameScope: true})
		return toBool(Collect(out)), err
	}
	switch n.Mode {
	case pslang.SwitchWildcard:
		return Like(s.ToString(v), s.ToString(item), n.CaseSensitive), nil
	case pslang.SwitchRegex:
		x, err := s.match(s.ToString(item), v, false, n.CaseSensitive)
		return err == nil && toBool(x), err
	}
	return s.Equal(item, v, n.CaseSensitive), nil
}

func (s *Session) switchFile(ctx context.Context, x pslang.Expression) ([]any, error) {
	v, err := s.eval(ctx, x)
	if err != nil {
		return nil, err
	}
	name, err := s.File(s.ToString(v))
	if err != nil {
		return nil, err
	}
	f, err := s.process.Machine.FS().Open(ctx, name)
	if err != nil {
		return nil, s.fail(tRuntime, "The file could not be read: "+errText(err)+".", "FileReadError", InvalidOperation, name)
	}
	defer f.Close()
	var list []any
	lines := bufio.NewScanner(decodeFile(f))
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		list = append(list, strings.TrimSuffix(lines.Text(), "\r"))
	}
	return list, lines.Err()
}

// setUnder sets $_ in the current scope.
func (s *Session) setUnder(v any) {
	if u := s.scope.vars["_"]; u != nil {
		u.Value = v
		return
	}
	s.scope.put("_", v)
}

// restoreUnder puts back the $_ that was there before.
func (s *Session) restoreUnder(old *Variable) {
	if old == nil {
		delete(s.scope.vars, "_")
		return
	}
	s.scope.vars["_"] = old
}

// try is try, catch and finally.
func (s *Session) try(ctx context.Context, n *pslang.Try, out sink) (err error) {
	old := s.inTry
	s.inTry = true
	err = s.statements(ctx, n.Body, out)
	s.inTry = old
	if n.Finally != nil {
		defer func() {
			var refused bool
			if err != nil {
				refused = isControl(err) && !isSignal(err)
			}
			if refused {
				return
			}
			ok := s.ok
			ferr := s.statements(ctx, n.Finally, out)
			s.ok = ok
			if ferr != nil {
				err = ferr
			}
		}()
	}
	if err == nil || isControl(err) {
		return err
	}
	r := s.record(err)
	s.place(r)
	s.log(r)
	best, rank, caught := -1, 0, r
	for i, c := range n.Catches {
		types := c.Types
		if len(types) == 0 {
			types = []*pslang.TypeName{nil}
		}
		for _, t := range types {
			if k, x := s.catchRank(r, t); k > rank {
				best, rank, caught = i, k, r.with(x)
			}
		}
	}
	if best < 0 {
		return err
	}
	under, handling := s.scope.vars["_"], s.handling
	sc := s.scope
	delete(sc.vars, "_")
	s.setUnder(caught)
	s.handling = r
	r.final = false
	err = s.statements(ctx, n.Catches[best].Body, out)
	s.handling = handling
	s.restoreUnder(under)
	return err
}

// isSignal reports whether an error is a jump of the script itself.
func isSignal(err error) bool {
	switch err.(type) {
	case breakSignal, continueSignal, returnSignal, exitSignal, stopSignal:
		return true
	}
	return false
}

// catchRank says how well a catch or trap of a type fits an error, and which of
// the error's exceptions the handler sees: 0 not at all, 1 because it catches
// everything, more for types closer to the exception's. What PowerShell has put
// around an exception of .NET comes after it.
func (s *Session) catchRank(r *ErrorRecord, n *pslang.TypeName) (int, *Exception) {
	if n == nil {
		return 1, r.Exception
	}
	t := s.resolve(n)
	if t == nil {
		return 0, nil
	}
	list := []*Exception{r.Exception, {Type: tRuntime}, r.Exception.Inner}
	if r.final && !r.thrown {
		list = append(list, &Exception{Type: "System.Management.Automation.ActionPreferenceStopException"})
	}
	if r.Exception.Inner != nil && s.engine.mustType(r.Exception.Type).Inherits(tRuntime) {
		list = []*Exception{r.Exception.Inner, r.Exception}
	}
	for i, x := range list {
		if x == nil || !s.engine.mustType(x.Type).Inherits(t.Name) {
			continue
		}
		depth := 0
		for b := t; b != nil; b = b.BaseType() {
			depth++
		}
		if x.Message == "" && (x.Type == tRuntime || strings.HasSuffix(x.Type, "StopException")) {
			x = r.Exception
		}
		return (len(list)-i)*100 + depth, x
	}
	return 0, nil
}

// with is the record with another of its exceptions.
func (r *ErrorRecord) with(x *Exception) *ErrorRecord {
	if x == r.Exception {
		return r
	}
	c := *r
	c.Exception = x
	return &c
}
