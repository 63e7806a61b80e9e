package machine

import (
	"context"
	"slices"
	"strings"

	"github.com/casement/casement/internal/tree"
	"github.com/casement/casement/internal/winmeta"
)

// Registry is the registry. Keys are paths ("HKLM\SOFTWARE\X", also
// "HKEY_LOCAL_MACHINE\…", HKCU, HKCR, HKU, HKCC), names in any case. Reads fall
// through to the hives of the base, which are unsealed then; writes stay in
// memory. HKCR is the merged view of HKLM\SOFTWARE\Classes and the user's.
//
// As with files, writing does not read a sealed base: a key that only the base
// could have is taken for new by CreateKey.
//
// The variables of the machine and the user
// (HKLM\SYSTEM\CurrentControlSet\Control\Session Manager\Environment and
// HKCU\Environment) are those that the step's processes have, whatever the hives
// say; writing them changes the image's environment.
//
// Errors are *[Error]: they match fs.ErrNotExist for keys and values that are not
// there, and fs.ErrPermission for what the account may not do.
type Registry struct {
	m     *Machine
	root  regKey               // has HKLM and HKU
	hives map[string]*hiveSlot // by their keys in capitals
	files []File               // of hives
}

// regKey is what the step has done to a key.
type regKey struct {
	name string
	kids map[string]*regKey // by folded name
	// values that were set or deleted, by folded name, and their order.
	values map[string]*stepValue
	order  []string
	made   bool // it exists, whatever the base has
	named  bool // somebody made the key itself, not just something in it
	hides  bool // nothing of the base is seen here and below
	gone   bool // it was deleted
}

// stepValue is a value that the step has set, or one of the base that it has
// deleted.
type stepValue struct {
	RegValue
	gone bool
}

// put notes what the step has done to a value.
func (k *regKey) put(v stepValue) {
	name := tree.Fold(v.Name)
	if k.values == nil {
		k.values = map[string]*stepValue{}
	}
	if old := k.values[name]; old == nil {
		k.order = append(k.order, name)
	} else {
		v.Name = old.Name
	}
	k.values[name] = &v
}

// keyPath is a key's path from HKLM or HKU on, with the spelling that was given.
type keyPath []string

func (p keyPath) String() string { return strings.Join(p, `\`) }

// is reports whether the path is that of a key.
func (p keyPath) is(key string) bool { return strings.EqualFold(p.String(), key) }

// The keys of the variables.
const machineEnvironment = `HKLM\SYSTEM\CurrentControlSet\Control\Session Manager\Environment`

func (r *Registry) userEnvironment() string {
	return `HKU\` + string(r.m.account.SID) + `\Environment`
}

// parseKey returns the places that a key may be at: one, or two for HKCR, the
// user's first.
func (r *Registry) parseKey(op, key string) ([]keyPath, error) {
	parts := strings.FieldsFunc(key, func(c rune) bool { return c == '\\' })
	if len(parts) == 0 {
		return nil, &Error{Op: op, Path: key, Code: ErrorInvalidName}
	}
	rest := parts[1:]
	sid := string(r.m.account.SID)
	switch strings.ToUpper(strings.TrimSuffix(parts[0], ":")) {
	case "HKLM", "HKEY_LOCAL_MACHINE":
		return []keyPath{r.link(append(keyPath{"HKLM"}, rest...))}, nil
	case "HKU", "HKEY_USERS":
		return []keyPath{r.link(append(keyPath{"HKU"}, rest...))}, nil
	case "HKCU", "HKEY_CURRENT_USER":
		return []keyPath{r.link(append(keyPath{"HKU", sid}, rest...))}, nil
	case "HKCC", "HKEY_CURRENT_CONFIG":
		return []keyPath{append(keyPath{"HKLM", "SYSTEM", "CurrentControlSet", "Hardware Profiles", "Current"}, rest...)}, nil
	case "HKCR", "HKEY_CLASSES_ROOT":
		return []keyPath{
			append(keyPath{"HKU", sid + "_Classes"}, rest...),
			append(keyPath{"HKLM", "SOFTWARE", "Classes"}, rest...),
		}, nil
	}
	return nil, &Error{Op: op, Path: key, Code: ErrorFileNotFound}
}

// link follows the links that every registry has.
func (r *Registry) link(p keyPath) keyPath {
	if len(p) >= 2 && p[0] == "HKU" {
		// Two names of one hive. That of the account is its SID.
		switch sid := string(r.m.account.SID); {
		case strings.EqualFold(p[1], string(winmeta.LocalSystem)) && sid != string(winmeta.LocalSystem):
			p[1] = ".DEFAULT"
		case strings.EqualFold(p[1], ".DEFAULT") && sid == string(winmeta.LocalSystem):
			p[1] = sid
		}
	}
	if len(p) >= 4 && p[0] == "HKU" && strings.EqualFold(p[2], "Software") && strings.EqualFold(p[3], "Classes") {
		return append(keyPath{"HKU", p[1] + "_Classes"}, p[4:]...)
	}
	if len(p) >= 3 && p[0] == "HKLM" && strings.EqualFold(p[1], "SYSTEM") && strings.EqualFold(p[2], "ControlSet001") {
		p[2] = "CurrentControlSet"
	}
	return p
}

// allowed checks the account's rights: everybody but administrators may change
// what is the user's own only, and the secrets of the system are nobody's.
func (r *Registry) allowed(op string, p keyPath, write bool) error {
	a := &r.m.account
	denied := &Error{Op: op, Path: p.shown(a), Code: ErrorAccessDenied}
	if p[0] == "HKLM" && len(p) > 1 && a.SID != winmeta.LocalSystem &&
		(strings.EqualFold(p[1], "SECURITY") || strings.EqualFold(p[1], "SAM") && len(p) > 2) {
		return denied
	}
	if !write || a.Admin {
		return nil
	}
	if own := string(a.SID); p[0] == "HKU" && len(p) > 1 && (strings.EqualFold(p[1], own) || strings.EqualFold(p[1], own+"_Classes")) {
		return nil
	}
	return denied
}

// shown is the path as people write it.
func (p keyPath) shown(a *Account) string {
	if p[0] != "HKU" || len(p) < 2 {
		return p.String()
	}
	switch {
	case strings.EqualFold(p[1], string(a.SID)):
		return strings.Join(append(keyPath{"HKCU"}, p[2:]...), `\`)
	case strings.EqualFold(p[1], string(a.SID)+"_Classes"):
		return strings.Join(append(keyPath{"HKCU", "Software", "Classes"}, p[2:]...), `\`)
	}
	return p.String()
}

// step finds what the step has done to a key: nil if nothing. hidden says that
// nothing of the base is seen there.
func (r *Registry) step(p keyPath) (k *regKey, hidden, gone bool) {
	k = &r.root
	for _, name := range p {
		if k != nil {
			k = k.kids[tree.Fold(name)]
		}
		if k == nil {
			continue
		}
		if k.gone {
			return nil, true, true
		}
		hidden = hidden || k.hides
	}
	return k, hidden, false
}

// exists reports whether there is a key.
func (r *Registry) exists(ctx context.Context, p keyPath, how effort) (bool, error) {
	k, hidden, gone := r.step(p)
	if gone {
		return false, nil
	}
	if k != nil && k.made {
		return true, nil
	}
	if hidden {
		return false, nil
	}
	b, err := r.below(ctx, p, how)
	return b != nil, err
}

// read finds the first of the places at which there is a key, and fails if there
// is none.
func (r *Registry) read(ctx context.Context, op, key string) ([]keyPath, error) {
	places, err := r.parseKey(op, key)
	if err != nil {
		return nil, err
	}
	var there []keyPath
	for _, p := range places {
		if err := r.allowed(op, p, false); err != nil {
			return nil, err
		}
		ok, err := r.exists(ctx, p, sure)
		if err != nil {
			return nil, err
		}
		if ok {
			there = append(there, p)
		}
	}
	if len(there) == 0 {
		return nil, &Error{Op: op, Path: key, Code: ErrorFileNotFound}
	}
	return there, nil
}

// KeyExists reports whether there is a key.
func (r *Registry) KeyExists(ctx context.Context, key string) (bool, error) {
	_, err := r.read(ctx, "open", key)
	if CodeOf(err) == ErrorFileNotFound {
		return false, nil
	}
	return err == nil, err
}

// Subkeys lists the names of the keys below a key, in the order of their
// upper-cased names.
func (r *Registry) Subkeys(ctx context.Context, key string) ([]string, error) {
	places, err := r.read(ctx, "list", key)
	if err != nil {
		return nil, err
	}
	names := map[string]string{}
	for _, p := range slices.Backward(places) {
		if err := r.subkeys(ctx, p, names); err != nil {
			return nil, err
		}
	}
	keys := make([]string, 0, len(names))
	for k := range names {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	out := make([]string, len(keys))
	for i, k := range keys {
		out[i] = names[k]
	}
	return out, nil
}

func (r *Registry) subkeys(ctx context.Context, p keyPath, names map[string]string) error {
	k, hidden, _ := r.step(p)
	if !hidden {
		b, err := r.below(ctx, p, sure)
		if err != nil {
			return err
		}
		list, err := b.subkeys()
		if err != nil {
			return err
		}
		for _, n := range list {
			names[tree.Fold(n)] = n
		}
	}
	if k == nil {
		return nil
	}
	for key, sub := range k.kids {
		switch _, ok := names[key]; {
		case sub.gone:
			delete(names, key)
		case sub.made && !ok:
			names[key] = sub.name
		}
	}
	return nil
}

// Values lists the values of a key, those of the base first.
func (r *Registry) Values(ctx context.Context, key string) ([]RegValue, error) {
	places, err := r.read(ctx, "list", key)
	if err != nil {
		return nil, err
	}
	var out []RegValue
	seen := map[string]bool{}
	for _, p := range places {
		list, err := r.values(ctx, p)
		if err != nil {
			return nil, err
		}
		for _, v := range list {
			if name := tree.Fold(v.Name); !seen[name] {
				seen[name] = true
				out = append(out, v)
			}
		}
	}
	return out, nil
}

func (r *Registry) values(ctx context.Context, p keyPath) ([]RegValue, error) {
	k, hidden, _ := r.step(p)
	var out []RegValue
	done := map[string]bool{}
	if !hidden {
		b, err := r.below(ctx, p, sure)
		if err != nil {
			return nil, err
		}
		list, err := b.values()
		if err != nil {
			return nil, err
		}
		for _, v := range list {
			name := tree.Fold(v.Name)
			if k != nil {
				if own, ok := k.values[name]; ok {
					done[name] = true
					if own.gone {
						continue
					}
					v.Type, v.Data = own.Type, own.Data
				}
			}
			out = append(out, v)
		}
	}
	if k != nil {
		for _, name := range k.order {
			if v := k.values[name]; !v.gone && !done[name] {
				out = append(out, v.RegValue)
			}
		}
	}
	return out, nil
}

// Value returns a value; "" is the default value.
func (r *Registry) Value(ctx context.Context, key, name string) (RegValue, error) {
	const op = "read"
	places, err := r.parseKey(op, key)
	if err != nil {
		return RegValue{}, err
	}
	for _, p := range places {
		if err := r.allowed(op, p, false); err != nil {
			return RegValue{}, err
		}
		// What the step has set is known without the base.
		k, _, _ := r.step(p)
		if k != nil {
			if v := k.values[tree.Fold(name)]; v != nil && !v.gone {
				return v.RegValue, nil
			}
		}
		if ok, err := r.exists(ctx, p, sure); err != nil || !ok {
			if err != nil {
				return RegValue{}, err
			}
			continue
		}
		list, err := r.values(ctx, p)
		if err != nil {
			return RegValue{}, err
		}
		for _, v := range list {
			if tree.SameName(v.Name, name) {
				return v, nil
			}
		}
	}
	return RegValue{}, &Error{Op: op, Path: key + `\` + name, Code: ErrorFileNotFound}
}

// maxKeyDepth is how deep the registry of Windows nests keys.
const maxKeyDepth = 512

// write returns the place at which a key is changed: of the two places of HKCR,
// the user's if the key is there already.
func (r *Registry) write(ctx context.Context, op, key string) (keyPath, error) {
	places, err := r.parseKey(op, key)
	if err != nil {
		return nil, err
	}
	p := places[len(places)-1]
	if len(places) > 1 {
		ok, err := r.exists(ctx, places[0], cheap)
		if err != nil {
			return nil, err
		}
		if ok {
			p = places[0]
		}
	}
	if len(p) > maxKeyDepth {
		return nil, &Error{Op: op, Path: key, Code: ErrorInvalidParameter}
	}
	for _, name := range p {
		if n := len([]rune(name)); n > 255 {
			return nil, &Error{Op: op, Path: key, Code: ErrorInvalidParameter}
		}
	}
	if len(p) == 1 {
		return nil, &Error{Op: op, Path: key, Code: ErrorAccessDenied}
	}
	return p, r.allowed(op, p, true)
}

// make makes a key with those above it, and returns what the step has of it.
func (r *Registry) make(p keyPath) *regKey {
	k := &r.root
	for _, name := range p {
		key := tree.Fold(name)
		sub := k.kids[key]
		if sub == nil {
			sub = &regKey{name: name}
			if k.kids == nil {
				k.kids = map[string]*regKey{}
			}
			k.kids[key] = sub
		}
		if sub.gone {
			*sub = regKey{name: name, hides: true, named: true}
		}
		sub.made = true
		k = sub
	}
	return k
}

// CreateKey makes a key with those above it, and reports whether it was there.
func (r *Registry) CreateKey(ctx context.Context, key string) (existed bool, err error) {
	p, err := r.write(ctx, "create", key)
	if err != nil {
		return false, err
	}
	if existed, err = r.exists(ctx, p, cheap); err != nil || existed {
		return existed, err
	}
	if len(p) < 3 {
		// Only hives are there, and they are loaded and not made.
		return false, &Error{Op: "create", Path: key, Code: ErrorInvalidParameter}
	}
	r.make(p).named = true
	return false, nil
}

// SetValue sets a value, and makes the key if it is not there.
func (r *Registry) SetValue(ctx context.Context, key string, v RegValue) error {
	p, err := r.write(ctx, "set", key)
	if err != nil {
		return err
	}
	if len(p) < 3 { // only hives are there
		if ok, err := r.exists(ctx, p, cheap); err != nil {
			return err
		} else if !ok {
			return &Error{Op: "set", Path: key, Code: ErrorFileNotFound}
		}
	}
	v.Data = slices.Clone(v.Data)
	if p.is(machineEnvironment) || p.is(r.userEnvironment()) {
		if err := checkVariable(v); err != nil {
			return err
		}
	}
	r.make(p).put(stepValue{RegValue: v})
	return nil
}

// checkVariable refuses values of the variables' keys that Windows makes no
// variables of: an image has only those.
func checkVariable(v RegValue) error {
	switch {
	case v.Type != RegTypeString && v.Type != RegTypeExpand:
		return Refuse("the variable "+v.Name+" as "+v.Type.String(), "Windows makes variables of texts only", "set it as REG_SZ or REG_EXPAND_SZ")
	case v.Name == "" || strings.Contains(v.Name, "="):
		return Refuse(`a variable called "`+v.Name+`"`, "variables have names, without equal signs", "use another name")
	}
	return nil
}

// DeleteValue deletes a value, which must be there.
func (r *Registry) DeleteValue(ctx context.Context, key, name string) error {
	old, err := r.Value(ctx, key, name)
	if err != nil {
		return err
	}
	p, err := r.write(ctx, "delete", key)
	if err != nil {
		return err
	}
	var ofBase []RegValue
	if _, hidden, _ := r.step(p); !hidden {
		b, err := r.below(ctx, p, sure)
		if err != nil {
			return err
		}
		if ofBase, err = b.values(); err != nil {
			return err
		}
	}
	k := r.make(p)
	if slices.ContainsFunc(ofBase, func(v RegValue) bool { return tree.SameName(v.Name, name) }) {
		k.put(stepValue{RegValue: old, gone: true})
		return nil
	}
	fold := tree.Fold(name)
	delete(k.values, fold)
	k.order = slices.DeleteFunc(k.order, func(n string) bool { return n == fold })
	return nil
}

// DeleteKey deletes a key with all below it.
func (r *Registry) DeleteKey(ctx context.Context, key string) error {
	if _, err := r.read(ctx, "delete", key); err != nil {
		return err
	}
	p, err := r.write(ctx, "delete", key)
	if err != nil {
		return err
	}
	if p.is(machineEnvironment) || p.is(r.userEnvironment()) {
		return Refuse("deleting "+key, "an image has its variables one by one, and Windows makes some of them again", "delete the values that are meant")
	}
	if len(p) < 3 {
		return &Error{Op: "delete", Path: key, Code: ErrorAccessDenied}
	}
	_, hidden, _ := r.step(p)
	var b *belowKey
	if !hidden {
		if b, err = r.below(ctx, p, sure); err != nil {
			return err
		}
	}
	parent := r.make(p[:len(p)-1])
	fold := tree.Fold(p[len(p)-1])
	if b == nil && !parent.kids[fold].hidden() {
		delete(parent.kids, fold) // the step itself had made it
		return nil
	}
	if parent.kids == nil {
		parent.kids = map[string]*regKey{}
	}
	parent.kids[fold] = &regKey{name: p[len(p)-1], gone: true}
	return nil
}

// hidden reports whether the key was made in the place of one of the base.
func (k *regKey) hidden() bool { return k != nil && k.hides }
