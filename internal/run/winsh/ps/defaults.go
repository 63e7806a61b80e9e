package ps

import (
	"context"
	"strings"

	"github.com/casement/casement/internal/run/winsh/pslang"
)

// defaults binds what $PSDefaultParameterValues has for the command. What cannot
// be bound is only warned of.
func (b *binding) defaults(ctx context.Context) error {
	v, ok := b.s.Variable("PSDefaultParameterValues")
	if !ok {
		return nil
	}
	h, ok := Unwrap(v).(*Hashtable)
	if !ok || h.Len() == 0 {
		return nil
	}
	chosen, err := b.chooseDefaults(ctx, h)
	if err != nil {
		return err
	}
	for _, p := range b.meta.params {
		v, ok := chosen[p]
		if _, done := b.values[p]; done || !ok {
			continue
		}
		if blk, isBlock := Unwrap(v).(*ScriptBlock); isBlock {
			out, err := b.s.Call(ctx, blk, CallOptions{})
			if err != nil {
				return err
			}
			if len(out) == 0 {
				continue
			}
			v = Collect(out)
		}
		err := b.put(ctx, p, v, pslang.Extent{})
		if err == nil {
			continue
		}
		if isControl(err) {
			return err
		}
		said := b.s.ToString(v)
		if v == nil {
			said = "null"
		}
		if err := b.warn(ctx, "The binding of default value '"+said+"' to parameter '"+p.name+"' failed: "+errText(err)); err != nil {
			return err
		}
	}
	return nil
}

// chooseDefaults are the values for the parameters, those for names before those
// for patterns. Of two values for a parameter neither counts.
func (b *binding) chooseDefaults(ctx context.Context, h *Hashtable) (map[*param]any, error) {
	chosen, twice := map[*param]any{}, map[*param]bool{}
	for _, wild := range []bool{false, true} {
		for _, x := range h.Entries() {
			key, isText := Unwrap(x.Key).(string)
			key = strings.TrimSpace(key)
			if strings.EqualFold(key, "Disabled") && toBool(x.Value) {
				return nil, nil
			}
			command, name, ok := strings.Cut(key, ":")
			if !isText || !ok || HasWildcard(key) != wild || !b.isNamed(ctx, strings.TrimSpace(command)) {
				continue
			}
			p, many := b.meta.like(strings.TrimSpace(name))
			if many {
				text := "The following name or alias defined in $PSDefaultParameterValues for this cmdlet resolves to multiple parameters: " + name + ". The default has been ignored."
				if err := b.warn(ctx, text); err != nil {
					return nil, err
				}
			}
			if p == nil {
				continue
			}
			old, again := chosen[p]
			if !again {
				chosen[p] = x.Value
				continue
			}
			if same, err := b.s.comparison(pslang.OpEq, x.Value, old, true); err != nil || toBool(same) {
				continue
			}
			twice[p] = true
			text := "Multiple different default values are defined in $PSDefaultParameterValues for the parameter matching the following name or alias: " + name + ". These defaults have been ignored."
			if err := b.warn(ctx, text); err != nil {
				return nil, err
			}
		}
	}
	for p := range twice {
		delete(chosen, p)
	}
	return chosen, nil
}

func (b *binding) warn(ctx context.Context, text string) error {
	return b.s.message(ctx, StreamWarning, text, b.s.preference("WarningPreference"))
}

// isNamed reports whether a name, an alias or a pattern means the command.
func (b *binding) isNamed(ctx context.Context, command string) bool {
	if Like(command, b.meta.name, false) {
		return true
	}
	if HasWildcard(command) {
		return false
	}
	info, err := b.s.Command(ctx, command)
	return err == nil && info != nil && info.Kind == "Alias" && info.Target != nil && strings.EqualFold(info.Target.Name, b.meta.name)
}

// like is the parameter that has a whole name or alias, or matches a pattern; many
// says that several do.
func (m *meta) like(name string) (p *param, many bool) {
	if !HasWildcard(name) {
		return m.index[strings.ToLower(name)], false
	}
	for _, one := range m.params {
		for _, n := range append([]string{one.name}, one.aliases...) {
			if !Like(name, n, false) {
				continue
			}
			if p != nil {
				return nil, true
			}
			p = one
		}
	}
	return p, false
}
