package pscmd

import (
	"context"
	"slices"

	"github.com/casement/casement/internal/run/winsh/ps"
)

// compareCmdlets compare two lists.
func compareCmdlets() []*ps.Cmdlet {
	return []*ps.Cmdlet{{
		Name: "Compare-Object", Aliases: []string{"compare", "diff"}, Module: moduleUtility,
		Syntax: params(`
			ReferenceObject object[] @1 mandatory empty
			DifferenceObject object[] @2 mandatory empty pipeline
			SyncWindow int range=0..2147483647
			Property object[]
			ExcludeDifferent switch
			IncludeEqual switch
			PassThru switch
			Culture string !texts are compared as in en-US
			CaseSensitive switch`),
		Start: startCompare,
	}}
}

// comparison is one call of Compare-Object: two backlogs of what has no match
// yet, as long as -SyncWindow.
type comparison struct {
	c         *ps.Call
	exprs     []propExpr
	refs      []keyed
	next      int
	refBack   []keyed
	difBack   []keyed
	window    int
	equal     bool
	onlyEqual bool
	sensitive bool
}

func startCompare(ctx context.Context, c *ps.Call) (ps.Steps, error) {
	exprs, err := propExprs(c, c.Values("Property"))
	if err != nil {
		return ps.Steps{}, err
	}
	m := &comparison{
		c: c, exprs: exprs, window: c.Int("SyncWindow", 1<<31-1), onlyEqual: c.Switch("ExcludeDifferent"),
		// In 5.1 -ExcludeDifferent alone leaves nothing.
		equal:     c.Switch("IncludeEqual") || c.Switch("ExcludeDifferent") && !c.Has("IncludeEqual") && c.Session.Edition() == ps.Core,
		sensitive: c.Switch("CaseSensitive"),
	}
	for _, v := range c.Values("ReferenceObject") {
		k, err := keysOf(ctx, c.Session, exprs, v)
		if err != nil {
			return ps.Steps{}, err
		}
		m.refs = append(m.refs, k)
	}
	return ps.Steps{
		Process: func(ctx context.Context, c *ps.Call) error {
			for _, v := range c.Values("DifferenceObject") {
				k, err := keysOf(ctx, c.Session, exprs, v)
				if err != nil {
					return err
				}
				if err := m.step(ctx, &k); err != nil {
					return err
				}
			}
			return nil
		},
		End: func(ctx context.Context, _ *ps.Call) error { return m.end(ctx) },
	}, nil
}

// step takes the next of both lists.
func (m *comparison) step(ctx context.Context, dif *keyed) error {
	var ref *keyed
	if m.next < len(m.refs) {
		ref = &m.refs[m.next]
		m.next++
	}
	if ref != nil && dif != nil && m.same(*ref, *dif) {
		return m.emit(ctx, *ref, "==")
	}
	if dif != nil {
		if hit, ok := m.take(&m.refBack, *dif); ok {
			if err := m.emit(ctx, hit, "=="); err != nil {
				return err
			}
			dif = nil
		}
	}
	if ref != nil {
		if _, ok := m.take(&m.difBack, *ref); ok {
			if err := m.emit(ctx, *ref, "=="); err != nil {
				return err
			}
			ref = nil
		}
	}
	if err := m.keep(ctx, &m.difBack, dif, "=>"); err != nil {
		return err
	}
	return m.keep(ctx, &m.refBack, ref, "<=")
}

// keep puts an entry into a backlog; what has waited for too long has no match.
func (m *comparison) keep(ctx context.Context, backlog *[]keyed, k *keyed, side string) error {
	if k == nil {
		return nil
	}
	if m.window == 0 {
		return m.emit(ctx, *k, side)
	}
	for len(*backlog) >= m.window {
		first := (*backlog)[0]
		*backlog = (*backlog)[1:]
		if err := m.emit(ctx, first, side); err != nil {
			return err
		}
	}
	*backlog = append(*backlog, *k)
	return nil
}

func (m *comparison) take(backlog *[]keyed, k keyed) (keyed, bool) {
	i := slices.IndexFunc(*backlog, func(b keyed) bool { return m.same(b, k) })
	if i < 0 {
		return keyed{}, false
	}
	hit := (*backlog)[i]
	*backlog = slices.Delete(*backlog, i, i+1)
	return hit, true
}

func (m *comparison) same(a, b keyed) bool {
	return compareKeys(m.c.Session, a, b, nil, m.sensitive) == 0
}

func (m *comparison) end(ctx context.Context) error {
	for m.next < len(m.refs) {
		if err := m.step(ctx, nil); err != nil {
			return err
		}
	}
	for _, k := range m.difBack {
		if err := m.emit(ctx, k, "=>"); err != nil {
			return err
		}
	}
	for _, k := range m.refBack {
		if err := m.emit(ctx, k, "<="); err != nil {
			return err
		}
	}
	return nil
}

// emit writes an entry with the side that it is on.
func (m *comparison) emit(ctx context.Context, k keyed, side string) error {
	if side == "==" && !m.equal || side != "==" && m.onlyEqual {
		return nil
	}
	if m.c.Switch("PassThru") {
		e, v := ps.Extras(k.value)
		e.Set("SideIndicator", side)
		return m.c.Write(ctx, v)
	}
	o := ps.NewCustom()
	if len(m.exprs) == 0 {
		o.Set("InputObject", k.value)
	}
	for i, e := range m.exprs {
		o.Set(e.keyName(), k.keys[i])
	}
	o.Set("SideIndicator", side)
	return m.c.Write(ctx, o)
}
