package ps

import (
	"context"

	"github.com/casement/casement/internal/run/winsh/pslang"
)

// bindObject binds an object of the pipeline; ok is false if no parameter takes
// it.
func (b *binding) bindObject(ctx context.Context, v any) (ok bool, err error) {
	b.unbindPipe()
	valid := b.valid
	for _, coerce := range []bool{false, true} {
		for _, byProperty := range []bool{false, true} {
			done, err := b.pass(ctx, v, byProperty, coerce)
			if err != nil {
				return false, err
			}
			ok = ok || done
		}
	}
	if !ok {
		b.valid = valid
	}
	return ok, nil
}

// pass is one of the four ways to bind an object: by value or by property, with
// or without conversion.
func (b *binding) pass(ctx context.Context, v any, byProperty, coerce bool) (bool, error) {
	bound := false
	for _, prefer := range []uint64{b.meta.defaultSet & b.valid, b.valid} {
		if prefer == 0 {
			continue
		}
		for _, p := range b.meta.params {
			if _, done := b.values[p]; done {
				continue
			}
			if !b.pipeUse(p, prefer, byProperty) {
				continue
			}
			x := v
			if byProperty {
				var ok bool
				if x, ok = b.propertyFor(ctx, p, v); !ok {
					continue
				}
			}
			if !coerce && !b.fitsType(p, x) {
				continue
			}
			if err := b.put(ctx, p, x, pslang.Extent{}); err != nil {
				if isControl(err) {
					return false, err
				}
				continue
			}
			b.fromPipe = append(b.fromPipe, p)
			bound = true
		}
		if bound {
			break
		}
	}
	return bound, nil
}

func (b *binding) pipeUse(p *param, sets uint64, byProperty bool) bool {
	for _, u := range p.uses {
		if u.set != 0 && u.set&sets == 0 {
			continue
		}
		if byProperty && u.fromProperty || !byProperty && u.fromPipe {
			return true
		}
	}
	return false
}

func (b *binding) propertyFor(ctx context.Context, p *param, v any) (any, bool) {
	for _, name := range append([]string{p.name}, p.aliases...) {
		if x, ok, err := b.s.Property(ctx, v, name); ok && err == nil {
			if _, isTable := Unwrap(v).(*Hashtable); isTable {
				return nil, false
			}
			return x, true
		}
	}
	return nil, false
}

// fitsType reports whether a value has a parameter's type already.
func (b *binding) fitsType(p *param, v any) bool {
	if p.typ == nil {
		return true
	}
	t := b.s.engine.TypeOf(v)
	if t == nil {
		return false
	}
	want := p.typ
	if t.Inherits(want.Name) || t.Name == want.Name {
		return true
	}
	return want.Elem != nil && (t.Name == want.Elem.Name || t.Inherits(want.Elem.Name))
}

// unbindPipe takes back what the last object has bound.
func (b *binding) unbindPipe() {
	for _, p := range b.fromPipe {
		delete(b.values, p)
	}
	if len(b.fromPipe) > 0 {
		keep := b.order[:0]
		for _, p := range b.order {
			if _, ok := b.values[p]; ok {
				keep = append(keep, p)
			}
		}
		b.order = keep
	}
	b.fromPipe = nil
}
