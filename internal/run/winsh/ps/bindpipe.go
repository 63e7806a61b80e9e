package ps

import (
	"context"
	"strings"

	"github.com/casement/casement/internal/run/winsh/pslang"
)

// bindObject binds an object of the pipeline; ok is false if no parameter takes
// it.
func (b *binding) bindObject(ctx context.Context, v any) (ok bool, err error) {
	b.unbindPipe()
	if b.before == 0 {
		b.before = b.valid
	}
	b.valid = b.before
	for _, d := range b.delayed {
		if err := d.evaluate(ctx, b, v); err != nil {
			return false, err
		}
		ok = true
	}
	for _, coerce := range []bool{false, true} {
		for _, byProperty := range []bool{false, true} {
			done, err := b.pass(ctx, v, byProperty, coerce)
			if err != nil {
				if r, isRecord := err.(*ErrorRecord); isRecord {
					r.Target = v
				}
				return false, err
			}
			ok = ok || done
		}
	}
	if !ok {
		return false, nil
	}
	return true, b.complete(v)
}

// complete looks whether an object has brought what is mandatory, and chooses the
// parameter set.
func (b *binding) complete(v any) error {
	err := b.settle(false)
	if r, ok := err.(*ErrorRecord); ok && r.ID == missingMandatory {
		names := b.unbound(b.chosen(), false)
		return b.bindFail("The input object cannot be bound because it did not contain the information required to bind all mandatory parameters:  "+strings.Join(names, " "), "InputObjectMissingMandatory", pslang.Extent{}, v)
	}
	return err
}

// delayedBlock is a script block that was given to a parameter which can be bound
// from the pipeline and is of another type: it makes the value out of each object.
type delayedBlock struct {
	p     *param
	block *ScriptBlock
	at    pslang.Extent
}

// putArgument binds an argument of the command line.
func (b *binding) putArgument(ctx context.Context, p *param, a argument) error {
	block, ok := Unwrap(a.value).(*ScriptBlock)
	if !ok || !b.delays(p) {
		if a.hasRaw && p.wantsText() {
			a.value = a.raw
		}
		return b.put(ctx, p, a.value, a.place())
	}
	if !b.piped {
		r := b.bindFail("Cannot evaluate parameter '"+p.name+"' because its argument is specified as a script block and there is no input. A script block cannot be evaluated without input.", "ScriptBlockArgumentNoInput", a.place(), nil)
		r.Category = MetadataError
		return r
	}
	b.valid &= p.mask()
	b.order = append(b.order, p)
	b.values[p] = block
	b.delayed = append(b.delayed, delayedBlock{p, block, a.place()})
	return nil
}

// wantsText reports whether a number is bound as it was written: 1.50 and 007 stay
// what they are for a parameter that takes texts.
func (p *param) wantsText() bool {
	if p.typ == nil {
		return false
	}
	t := p.typ
	if t.Elem != nil {
		t = t.Elem
	}
	return t.Name == tString || t.Name == "System.Version"
}

// delays reports whether a script block for a parameter is called for each
// object of the pipeline.
func (b *binding) delays(p *param) bool {
	if p.typ == nil || b.meta.cmdlet == nil && !b.meta.advanced {
		return false
	}
	t := p.typ
	if t.Elem != nil {
		t = t.Elem
	}
	if t.Name == tObject || t.Name == "System.Management.Automation.ScriptBlock" || t.Name == "System.Management.Automation.PSObject" {
		return false
	}
	return b.pipeUse(p, b.valid, false) || b.pipeUse(p, b.valid, true)
}

func (d delayedBlock) evaluate(ctx context.Context, b *binding, v any) error {
	delete(b.values, d.p)
	res, err := b.s.Call(ctx, d.block, CallOptions{Under: v, HasUnder: true})
	if err != nil {
		if isControl(err) {
			return err
		}
		r := b.bindFail("The input to the script block for parameter '"+d.p.name+"' failed. "+errText(err), "ScriptBlockArgumentInvocationFailed", d.at, nil)
		r.Exception.Inner = ToException(err)
		return r
	}
	if len(res) == 0 {
		return b.bindFail("Cannot evaluate parameter '"+d.p.name+"' because its argument input did not produce any output.", "ScriptBlockArgumentNoOutput", d.at, nil)
	}
	b.fromPipe = append(b.fromPipe, d.p)
	return b.put(ctx, d.p, Collect(res), d.at)
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
				if isControl(err) || isInvalid(err) {
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

// isInvalid reports whether an object has been converted for a parameter, and is
// nothing that the parameter allows: no other parameter is tried.
func isInvalid(err error) bool {
	r, ok := err.(*ErrorRecord)
	return ok && r.Exception.Type == "System.Management.Automation.ParameterBindingValidationException"
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
