package machine

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/casement/casement/internal/hive"
)

// hiveSlot is a hive of the base, opened when somebody asks.
type hiveSlot struct {
	view *hive.View // nil if the base has none
}

// belowKey is a key of the base: of a hive, or one that is known without. nil is
// one that is not there.
type belowKey struct {
	key     *hive.ViewKey
	subs    []string   // that are known without a hive
	known   []RegValue // values that are known without a hive
	virtual bool       // the hive is not asked for values
}

func (b *belowKey) subkeys() ([]string, error) {
	if b == nil {
		return nil, nil
	}
	out := b.subs
	if b.key == nil {
		return out, nil
	}
	for k, err := range b.key.Subkeys() {
		if err != nil {
			return nil, err
		}
		out = append(out, k.Name())
	}
	return out, nil
}

func (b *belowKey) values() ([]RegValue, error) {
	if b == nil || b.virtual || b.key == nil {
		if b == nil {
			return nil, nil
		}
		return b.known, nil
	}
	list, err := b.key.Values()
	if err != nil {
		return nil, err
	}
	out := make([]RegValue, len(list))
	for i, v := range list {
		out[i] = RegValue{Name: v.Name, Type: RegType(v.Type), Data: v.Data}
	}
	return out, nil
}

// below finds a key of the base.
func (r *Registry) below(ctx context.Context, p keyPath, how effort) (*belowKey, error) {
	switch {
	case p.is(machineEnvironment):
		return &belowKey{virtual: true, known: settingValues(r.m.machineSettings())}, nil
	case p.is(r.userEnvironment()):
		return &belowKey{virtual: true, known: settingValues(r.m.userSettings())}, nil
	}
	known := r.frame(p)
	_ = how
	_ = ctx
	return known, nil
}

// frame is what every registry has: the places of the hives, and the way to the
// variables.
func (r *Registry) frame(p keyPath) *belowKey {
	sid := string(r.m.account.SID)
	var b *belowKey
	for _, key := range []string{
		`HKLM\HARDWARE`, `HKLM\SAM`, `HKLM\SECURITY`, `HKLM\SOFTWARE`, machineEnvironment,
		`HKU\.DEFAULT`, `HKU\S-1-5-18`, `HKU\` + sid + `_Classes`, r.userEnvironment(),
	} {
		parts := strings.Split(key, `\`)
		if len(parts) < len(p) || !keyPath(parts[:len(p)]).is(p.String()) {
			continue
		}
		if b == nil {
			b = &belowKey{}
		}
		if len(parts) > len(p) && !slices.Contains(b.subs, parts[len(p)]) {
			b.subs = append(b.subs, parts[len(p)])
		}
	}
	return b
}

// settingValues are variables as values.
func settingValues(list []setting) []RegValue {
	out := make([]RegValue, len(list))
	for i, s := range list {
		if s.expand {
			out[i] = RegExpand(s.name, s.value)
		} else {
			out[i] = RegString(s.name, s.value)
		}
	}
	return out
}

// result returns the variables that the step has set, and all other changes.
func (r *Registry) result(ctx context.Context) (map[string]*string, []RegistryChange, error) {
	env, err := r.environment(ctx)
	if err != nil {
		return nil, nil, err
	}
	var changes []RegistryChange
	r.collect(&changes, &r.root, nil)
	return env, changes, nil
}

// collect lists the changes of a key and of those below it.
func (r *Registry) collect(to *[]RegistryChange, k *regKey, p keyPath) {
	if p.is(machineEnvironment) || p.is(r.userEnvironment()) {
		return
	}
	shown := ""
	if len(p) > 0 {
		shown = p.shown(&r.m.account)
	}
	switch {
	case k.gone:
		*to = append(*to, RegistryChange{Key: shown, Delete: true})
		return
	case k.hides:
		*to = append(*to, RegistryChange{Key: shown, Delete: true}, RegistryChange{Key: shown})
	case k.named && len(k.values) == 0 && len(k.kids) == 0:
		*to = append(*to, RegistryChange{Key: shown})
	}
	for _, name := range slices.Sorted(maps.Keys(k.values)) {
		v := k.values[name]
		c := RegistryChange{Key: shown, Name: v.Name, Type: v.Type.String(), Delete: v.gone}
		if !v.gone {
			c.Value = v.Text()
		}
		*to = append(*to, c)
	}
	for _, name := range slices.Sorted(maps.Keys(k.kids)) {
		sub := k.kids[name]
		r.collect(to, sub, append(slices.Clip(p), sub.name))
	}
}
