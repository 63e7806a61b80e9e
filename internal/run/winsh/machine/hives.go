package machine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/casement/casement/internal/hive"
	"github.com/casement/casement/internal/tree"
)

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

// below finds a key of the base. With an effort below sure, sealed layers are
// asked only if they were read before.
func (r *Registry) below(ctx context.Context, p keyPath, how effort) (*belowKey, error) {
	const maxLinks = 16
	for range maxLinks {
		switch {
		case p.is(machineEnvironment):
			return &belowKey{virtual: true, known: settingValues(r.m.machineSettings())}, nil
		case p.is(r.userEnvironment()):
			return &belowKey{virtual: true, known: settingValues(r.m.userSettings())}, nil
		}
		known := r.frame(p)
		slot, rest := r.slotOf(p)
		if slot == nil {
			return known, nil
		}
		view, err := r.open(ctx, slot, how)
		if err != nil {
			return nil, err
		}
		key, link, err := r.lookup(view, slot, rest)
		switch {
		case err != nil:
			return nil, fmt.Errorf("reading %s: %w", p.shown(&r.m.account), err)
		case link != nil:
			p = link
			continue
		case key == nil:
			return known, nil
		case known == nil:
			known = &belowKey{}
		}
		known.key = key
		return known, nil
	}
	return nil, &Error{Op: "open", Path: p.shown(&r.m.account), Code: ErrorCantResolve}
}

// lookup finds a key in a hive, nil if it is not there, or where a link on the
// way leads.
func (r *Registry) lookup(view *hive.View, slot *hiveSlot, rest keyPath) (*hive.ViewKey, keyPath, error) {
	k := view.Root()
	for i, name := range rest {
		if i == 0 && slot.file == "SYSTEM" && strings.EqualFold(name, "CurrentControlSet") {
			name = controlSet(view)
		}
		sub, err := k.Subkey(name)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil, nil
		}
		if err != nil {
			return nil, nil, err
		}
		target, ok, err := sub.Link()
		if err != nil {
			return nil, nil, err
		}
		if ok {
			to := r.linkTarget(target)
			if to == nil {
				return nil, nil, nil
			}
			return nil, append(to, rest[i+1:]...), nil
		}
		k = sub
	}
	return k, nil, nil
}

// controlSet is the set that CurrentControlSet stands for, which is the first
// in all images.
func controlSet(view *hive.View) string {
	if name, err := view.ControlSet(); err == nil {
		return name
	}
	return "ControlSet001"
}

// linkTarget translates where a link of the registry leads; nil if not to a
// place that this registry has.
func (r *Registry) linkTarget(target string) keyPath {
	parts := strings.FieldsFunc(strings.TrimRight(target, "\x00"), func(c rune) bool { return c == '\\' })
	if len(parts) < 2 || !strings.EqualFold(parts[0], "REGISTRY") {
		return nil
	}
	switch strings.ToUpper(parts[1]) {
	case "MACHINE":
		return r.link(append(keyPath{"HKLM"}, parts[2:]...))
	case "USER":
		return r.link(append(keyPath{"HKU"}, parts[2:]...))
	}
	return nil
}

// hiveSlot is a hive of the base.
type hiveSlot struct {
	file  string // "SYSTEM", in the directory of hives; "" for the user's own
	delta string // what layers call changes of it, in capitals
	names []string
	// The views are made when somebody asks: of the layers that cost nothing, and
	// of all. above is what Registry.above returns.
	cheap, whole, above *hive.View
}

// slotOf returns the hive that a key is in, and the path from its root; nil for
// keys that are in none.
func (r *Registry) slotOf(p keyPath) (*hiveSlot, keyPath) {
	if len(p) < 2 {
		return nil, nil
	}
	profile := strings.ReplaceAll(strings.TrimPrefix(r.m.account.Profile, `C:\`), `\`, "/")
	root := strings.ToUpper(p[0] + `\` + p[1])
	s := r.hives[root]
	if s == nil {
		const config = "Windows/System32/config/"
		sid := strings.ToUpper(string(r.m.account.SID))
		switch root {
		case `HKLM\SYSTEM`, `HKLM\SOFTWARE`, `HKLM\SAM`, `HKLM\SECURITY`:
			name := root[len(`HKLM\`):]
			s = &hiveSlot{file: name, delta: name, names: []string{config + name}}
		case `HKU\.DEFAULT`, `HKU\S-1-5-18`:
			s = &hiveSlot{file: "DEFAULT", delta: "DEFAULTUSER", names: []string{config + "DEFAULT"}}
		case `HKU\` + sid:
			s = &hiveSlot{names: []string{profile + "/NTUSER.DAT", "Users/Default/NTUSER.DAT"}}
		case `HKU\` + sid + `_CLASSES`:
			const classes = "/AppData/Local/Microsoft/Windows/UsrClass.dat"
			s = &hiveSlot{names: []string{profile + classes, "Users/Default" + classes}}
		default:
			return nil, nil
		}
		if r.hives == nil {
			r.hives = map[string]*hiveSlot{}
		}
		r.hives[root] = s
	}
	return s, p[2:]
}

// open returns the view of a hive.
func (r *Registry) open(ctx context.Context, s *hiveSlot, how effort) (*hive.View, error) {
	b := r.m.base
	if s.whole != nil {
		return s.whole, nil
	}
	blind := how < sure && len(b.sealed) > 0 && b.blind
	if blind && s.cheap != nil {
		return s.cheap, nil
	}
	var bottom *hive.Hive
	if !blind {
		var err error
		if bottom, err = r.baseHive(ctx, s); err != nil {
			return nil, err
		}
	}
	deltas, err := r.deltas(ctx, s, blind)
	if err != nil {
		return nil, err
	}
	v := hive.NewView(bottom, deltas...)
	if blind {
		s.cheap = v
	} else {
		s.whole = v
	}
	return v, nil
}

// Known returns a value that the step has set, or a layer that can be read for
// nothing; ok is false where only a base image could have one. It costs next to
// nothing, and the answer is the same whether or not the base has been read.
func (r *Registry) Known(ctx context.Context, key, name string) (v RegValue, ok bool, err error) {
	places, err := r.parseKey("read", key)
	if err != nil {
		return RegValue{}, false, err
	}
	for _, p := range places {
		k, hidden, gone := r.step(p)
		if k != nil {
			if v := k.values[tree.Fold(name)]; v != nil {
				return v.RegValue, !v.gone, nil
			}
		}
		if hidden || gone {
			continue
		}
		slot, rest := r.slotOf(p)
		if slot == nil {
			continue
		}
		view, err := r.above(ctx, slot)
		if err != nil {
			return RegValue{}, false, err
		}
		below, _, err := r.lookup(view, slot, rest)
		if err != nil {
			return RegValue{}, false, err
		}
		list, err := (&belowKey{key: below}).values()
		if err != nil {
			return RegValue{}, false, err
		}
		if i := slices.IndexFunc(list, func(v RegValue) bool { return tree.SameName(v.Name, name) }); i >= 0 {
			return list[i], true, nil
		}
	}
	return RegValue{}, false, nil
}

// above returns what the layers that can be read for nothing change in a hive.
func (r *Registry) above(ctx context.Context, s *hiveSlot) (*hive.View, error) {
	if s.above == nil {
		parts, err := r.deltas(ctx, s, true)
		if err != nil {
			return nil, err
		}
		s.above = hive.NewView(nil, parts...)
	}
	return s.above, nil
}

// baseHive opens the hive of the base image. Those of the system come from the
// lowest layer that has them: higher ones may repeat them, but what Windows
// loads is the lowest with the changes upon it.
func (r *Registry) baseHive(ctx context.Context, s *hiveSlot) (*hive.Hive, error) {
	var e *tree.Entry
	var err error
	if s.file == "" {
		for _, name := range s.names {
			if _, e, err = tree.Resolve(ctx, r.m.base.whole, name, true); err == nil {
				break
			}
			if !errors.Is(err, fs.ErrNotExist) {
				return nil, err
			}
			e = nil
		}
	} else {
		for _, l := range r.m.base.layers {
			c, err := l.Changes.Find(ctx, s.names[0], true)
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return nil, err
			}
			if err == nil && c.Entry != nil {
				e = c.Entry
				break
			}
		}
	}
	if e == nil || e.Kind != tree.File || e.Content == nil {
		return nil, nil
	}
	return r.openHive(ctx, e.Content, "/"+e.Name)
}

// openHive opens a hive for as long as the machine lives.
func (r *Registry) openHive(ctx context.Context, c tree.Content, name string) (*hive.Hive, error) {
	f, err := OpenContent(ctx, c)
	if err != nil {
		return nil, fmt.Errorf("reading the registry hive %s: %w", name, err)
	}
	r.files = append(r.files, f)
	h, err := hive.Open(f, c.Size())
	if err != nil {
		return nil, fmt.Errorf("reading the registry hive %s: %w", name, err)
	}
	if h.Header().Dirty() {
		return nil, Refuse("reading the registry hive "+name, "it was not written to its end, and what Windows would restore from its log is not read",
			"run this step on a Windows machine")
	}
	return h, nil
}

// close lets go of the hives.
func (r *Registry) close() {
	for _, f := range r.files {
		_ = f.Close()
	}
	r.files = nil
}

// deltas opens the changes that the layers make to a hive, the lowest first.
func (r *Registry) deltas(ctx context.Context, s *hiveSlot, blind bool) ([]*hive.Hive, error) {
	if s.delta == "" {
		return nil, nil
	}
	var out []*hive.Hive
	for _, l := range r.m.base.layers {
		contents := map[string]tree.Content{}
		for name, b := range l.Hives {
			contents[strings.ToUpper(name)] = tree.Bytes(b)
		}
		if lister, ok := l.Changes.(tree.HiveLister); ok && !(blind && l.Sealed) {
			list, err := lister.DeltaHives(ctx)
			if err != nil {
				return nil, err
			}
			maps.Copy(contents, list)
		}
		if c := contents[s.delta]; c != nil {
			h, err := r.openHive(ctx, c, s.delta+"_Delta of "+l.Label)
			if err != nil {
				return nil, err
			}
			out = append(out, h)
		}
	}
	return out, nil
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

// result tells res the variables that the step has set, and returns all other
// changes.
func (r *Registry) result(ctx context.Context, res *Result) (changes []RegistryChange, err error) {
	if changes, err = r.environment(ctx, res); err != nil {
		return nil, err
	}
	err = r.collect(ctx, &changes, &r.root, nil)
	return changes, err
}

// isNew reports whether a key without anything in it is one that the step has made:
// because somebody asked for it, or for something in it that is gone again.
func (r *Registry) isNew(ctx context.Context, k *regKey, p keyPath) (bool, error) {
	if k.named {
		return true, nil
	}
	if _, hidden, _ := r.step(p); hidden || len(p) < 3 {
		return hidden, nil
	}
	b, err := r.below(ctx, p, sure)
	return b == nil, err
}

// collect lists the changes of a key and of those below it.
func (r *Registry) collect(ctx context.Context, to *[]RegistryChange, k *regKey, p keyPath) error {
	shown := ""
	if len(p) > 0 {
		shown = p.shown(&r.m.account)
	}
	switch {
	case k.gone:
		*to = append(*to, RegistryChange{Key: shown, Delete: true})
		return nil
	case k.hides:
		*to = append(*to, RegistryChange{Key: shown, Delete: true}, RegistryChange{Key: shown})
	case k.made && len(k.values) == 0 && len(k.kids) == 0:
		ok, err := r.isNew(ctx, k, p)
		if err != nil {
			return err
		}
		if ok {
			*to = append(*to, RegistryChange{Key: shown})
		}
	}
	if p.is(machineEnvironment) || p.is(r.userEnvironment()) {
		k = &regKey{kids: k.kids} // its values are variables
	}
	for _, name := range slices.Sorted(maps.Keys(k.values)) {
		v := k.values[name]
		c := RegistryChange{Key: shown, Name: v.Name, Type: v.Type.String(), Delete: v.gone}
		if !v.gone {
			c.Value, c.Data = v.Text(), v.Data
		}
		*to = append(*to, c)
	}
	for _, name := range slices.Sorted(maps.Keys(k.kids)) {
		sub := k.kids[name]
		if err := r.collect(ctx, to, sub, append(slices.Clip(p), sub.name)); err != nil {
			return err
		}
	}
	return nil
}
