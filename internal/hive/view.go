package hive

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"slices"
	"time"

	"github.com/casement/casement/internal/winmeta"
)

// A View is what Windows makes of a hive and the changes above it: keys and
// values of the higher layers win over those of the lower, and hide what they
// delete. It never changes, reads as lazily as its hives, and may be used by
// many goroutines.
type View struct {
	roots []layerKey // the highest layer first
}

// NewView stacks hives of changes, the lowest first, upon a base. With a base
// alone it shows that base. A base of nil is an empty registry.
func NewView(base *Hive, deltas ...*Hive) *View {
	v := &View{}
	for _, h := range slices.Backward(deltas) {
		v.roots = append(v.roots, h.root)
	}
	if base != nil {
		v.roots = append(v.roots, base.root)
	}
	return v
}

// With returns the view with changes above all that it has.
func (v *View) With(c Changes) *View {
	if c.root == nil {
		return v
	}
	return &View{roots: append([]layerKey{nodeKey{c.root}}, v.roots...)}
}

// layerKey is a key of one layer: of a hive, or of changes in memory.
type layerKey interface {
	Name() string
	Written() time.Time
	Layer() Layer
	Class() (string, error)
	Descriptor() ([]byte, error)
	Values() ([]Value, error)
	Value(name string) (Value, error)
	isLink() bool
	subkey(name string) (layerKey, error) // nil if it is not there
	subkeys() iter.Seq2[layerKey, error]
}

func (k *Key) isLink() bool { return k.node.Flags&keyLink != 0 }

func (k *Key) subkey(name string) (layerKey, error) {
	switch sub, err := k.Subkey(name); {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, err
	default:
		return sub, nil
	}
}

func (k *Key) subkeys() iter.Seq2[layerKey, error] {
	return func(yield func(layerKey, error) bool) {
		for sub, err := range k.Subkeys() {
			if !yield(sub, err) {
				return
			}
		}
	}
}

// A ViewKey is a key of a [View].
type ViewKey struct {
	parent *ViewKey
	// stack has the keys of the same path, the highest layer first, down to the
	// first that hides all below it. Only the first local of them give values.
	stack []layerKey
	local int
}

// newViewKey makes a key of its candidates, the highest layer first. It returns
// nil if there are none or the key is deleted.
func newViewKey(parent *ViewKey, candidates []layerKey) *ViewKey {
	k := &ViewKey{parent: parent}
	hidden := false
	for _, c := range candidates {
		s := c.Layer().Semantics
		if s == Tombstone {
			break
		}
		k.stack = append(k.stack, c)
		if !hidden {
			k.local++
		}
		if s == SupersedeTree {
			break
		}
		hidden = hidden || s == SupersedeLocal
	}
	if len(k.stack) == 0 {
		return nil
	}
	return k
}

// Root returns the root key.
func (v *View) Root() *ViewKey {
	if k := newViewKey(nil, v.roots); k != nil {
		return k
	}
	return &ViewKey{}
}

// Key returns the key at a path below the root, as [Hive.Key] does.
func (v *View) Key(path string) (*ViewKey, error) {
	k := v.Root()
	for name := range names(path) {
		var err error
		if k, err = k.Subkey(name); err != nil {
			return nil, err
		}
	}
	return k, nil
}

// Name returns the name as the lowest layer that has the key spells it.
func (k *ViewKey) Name() string {
	if len(k.stack) == 0 {
		return ""
	}
	return k.stack[len(k.stack)-1].Name()
}

// Written returns when the key was last changed in any layer.
func (k *ViewKey) Written() time.Time {
	var newest time.Time
	for _, l := range k.stack[:k.local] {
		if t := l.Written(); t.After(newest) {
			newest = t
		}
	}
	return newest
}

// Class returns the class name: that of the highest layer that does not inherit
// it.
func (k *ViewKey) Class() (string, error) {
	for _, l := range k.stack {
		if !l.Layer().InheritClass {
			return l.Class()
		}
	}
	return "", nil
}

// Descriptor returns the security descriptor: of the highest layer that has one,
// else what a new key inherits from the key above. For the root it is that of
// the base; Windows does not look at the one in the root of changes.
func (k *ViewKey) Descriptor() ([]byte, error) {
	layers := k.stack
	if k.parent == nil {
		layers = slices.Clone(layers)
		slices.Reverse(layers)
	}
	for _, l := range layers {
		if sd, err := l.Descriptor(); sd != nil || err != nil {
			return sd, err
		}
	}
	if k.parent == nil {
		return Options{}.withDefaults().Descriptor.KeyBytes()
	}
	above, err := k.parent.Descriptor()
	if err != nil {
		return nil, err
	}
	return inherit(above, winmeta.Administrators)
}

// Link returns where a symbolic link leads, as [Key.Link] does.
func (k *ViewKey) Link() (target string, ok bool, err error) {
	if len(k.stack) == 0 || !k.stack[0].isLink() {
		return "", false, nil
	}
	v, err := k.Value(linkValue)
	return decodeUTF16(v.Data), err == nil, err
}

// Subkey returns the subkey of a name in any case. One that is not there is an
// error that matches fs.ErrNotExist.
func (k *ViewKey) Subkey(name string) (*ViewKey, error) {
	var candidates []layerKey
	for _, l := range k.stack {
		sub, err := l.subkey(name)
		if err != nil {
			return nil, err
		}
		if sub == nil {
			continue
		}
		candidates = append(candidates, sub)
		if s := sub.Layer().Semantics; s == Tombstone || s == SupersedeTree {
			break
		}
	}
	if sub := newViewKey(k, candidates); sub != nil {
		return sub, nil
	}
	return nil, notFound("key", name)
}

// Subkeys yields the subkeys in the order of their names. It ends with the first
// error.
func (k *ViewKey) Subkeys() iter.Seq2[*ViewKey, error] {
	return func(yield func(*ViewKey, error) bool) {
		if len(k.stack) == 1 { // as most keys: nothing to sort
			for sub, err := range k.stack[0].subkeys() {
				if err != nil {
					yield(nil, err)
					return
				}
				if s := newViewKey(k, []layerKey{sub}); s != nil && !yield(s, nil) {
					return
				}
			}
			return
		}
		all := map[string][]layerKey{}
		for _, l := range k.stack {
			for sub, err := range l.subkeys() {
				if err != nil {
					yield(nil, err)
					return
				}
				name := fold(sub.Name())
				all[name] = append(all[name], sub)
			}
		}
		order := make([]string, 0, len(all))
		for name := range all {
			order = append(order, name)
		}
		slices.SortFunc(order, compareNames)
		for _, name := range order {
			if s := newViewKey(k, all[name]); s != nil && !yield(s, nil) {
				return
			}
		}
	}
}

// Values returns the values: those of the lowest layer first, as if the higher
// ones had been set there.
func (k *ViewKey) Values() ([]Value, error) {
	var values []Value
	index := map[string]int{}
	for _, l := range slices.Backward(k.stack[:k.local]) {
		list, err := l.Values()
		if err != nil {
			return nil, err
		}
		for _, v := range list {
			name := fold(v.Name)
			if i, ok := index[name]; ok {
				v.Name = values[i].Name
				values[i] = v
				continue
			}
			index[name] = len(values)
			values = append(values, v)
		}
	}
	return slices.DeleteFunc(values, func(v Value) bool { return v.Tombstone }), nil
}

// Value returns the value of a name in any case; "" is the default value. One
// that is not there is an error that matches fs.ErrNotExist.
func (k *ViewKey) Value(name string) (Value, error) {
	for _, l := range k.stack[:k.local] {
		switch v, err := l.Value(name); {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return Value{}, err
		case v.Tombstone:
			return Value{}, notFound("value", name)
		default:
			return v, nil
		}
	}
	return Value{}, notFound("value", name)
}

// ControlSet returns the name of the key that CurrentControlSet stands for in
// the SYSTEM hive, "ControlSet001" for example. No hive has CurrentControlSet
// itself: Windows makes that link when it starts, to the set that the value
// Current of the key Select names.
func (v *View) ControlSet() (string, error) {
	k, err := v.Key("Select")
	if err != nil {
		return "", err
	}
	current, err := k.Value("Current")
	switch {
	case err != nil:
		return "", err
	case current.Type != typeDword || len(current.Data) != 4:
		return "", fmt.Errorf(`registry value Select\Current has the type %d and %d bytes, want a number`, current.Type, len(current.Data))
	}
	return fmt.Sprintf("ControlSet%03d", binary.LittleEndian.Uint32(current.Data)), nil
}
