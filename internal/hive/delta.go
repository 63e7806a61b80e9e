package hive

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"github.com/casement/casement/internal/winmeta"
)

// restrictedCode stands for processes that have given up rights.
const restrictedCode winmeta.SID = "S-1-5-12"

// deltaRootDescriptor guards the root of the hives of changes that Windows
// writes. Nothing looks at it: the root of the base decides.
func deltaRootDescriptor() winmeta.Descriptor {
	d := winmeta.Descriptor{Owner: winmeta.Administrators, Group: winmeta.Administrators}
	for _, a := range [...]struct {
		mask uint32
		sid  winmeta.SID
	}{{winmeta.KeyAll, winmeta.LocalSystem}, {winmeta.KeyAll, winmeta.Administrators}, {winmeta.KeyRead, winmeta.Everyone}, {winmeta.KeyRead, restrictedCode}} {
		d.DACL = append(d.DACL, winmeta.ACE{Flags: winmeta.ContainerInherit, Mask: a.mask, SID: a.sid})
	}
	return d
}

// EncodeDelta writes changes as a hive of changes, the form in which layers of
// images carry them. The changes are simplified first. Each key of such a hive
// has a security descriptor, also those that only lead to what was changed, and
// Windows takes it instead of the one below; so what the changes leave open is
// taken from base, which is the view that they were made on; nil is an empty
// registry.
//
// Options.Minor is not used, since only version 1.6 has layered keys, and
// Options.Descriptor is by default the one that Windows gives to the roots of
// such hives.
func EncodeDelta(c Changes, base *View, o Options) ([]byte, error) {
	c, err := c.Simplify(base)
	if err != nil {
		return nil, err
	}
	if o.Descriptor.Equal(winmeta.Descriptor{}) {
		o.Descriptor = deltaRootDescriptor()
	}
	o.Minor = layeredMinor
	if base == nil {
		base = NewView(nil)
	}
	root := &Node{}
	if c.root != nil {
		w := deltaWriter{owner: o.withDefaults().Owner, inherited: map[string][]byte{}}
		if root, err = w.node(c.root, base.Root(), nil); err != nil {
			return nil, fmt.Errorf("making hive of changes: %w", err)
		}
		root.Descriptor, root.Layer.InheritClass = nil, false
	}
	return encodeHive(root, o, true)
}

// deltaWriter completes changes to what a hive of changes has.
type deltaWriter struct {
	owner     winmeta.SID
	inherited map[string][]byte // descriptors of new keys, by that of the key above
}

// node completes a node by what the key of its path has in the base: k is nil if
// there is none. above is the descriptor of the key above.
func (w deltaWriter) node(n *Node, k *ViewKey, above []byte) (*Node, error) {
	d := *n
	if d.Layer.Semantics == Tombstone {
		d.Written = winmeta.FromFiletime(0)
	}
	var err error
	if k != nil && d.Layer.Semantics != SupersedeTree {
		err = d.complete(k)
	} else {
		err = w.completeNew(&d, above)
	}
	if err != nil {
		return nil, err
	}
	d.Subkeys = nil
	for _, s := range n.Subkeys {
		below, err := subkeyOf(k, s.Name)
		if err != nil {
			return nil, err
		}
		sub, err := w.node(s, below, d.Descriptor)
		if err != nil {
			return nil, err
		}
		d.Subkeys = append(d.Subkeys, sub)
	}
	return &d, nil
}

// completeNew gives a node that is a key of its own what it does not have.
func (w deltaWriter) completeNew(n *Node, above []byte) error {
	n.Layer.InheritClass = false
	if n.Descriptor != nil {
		if n.Layer.Semantics == Merge {
			n.Layer.Semantics = SupersedeLocal // as Windows marks keys that were made with a descriptor
		}
		return nil
	}
	if n.Descriptor = w.inherited[string(above)]; n.Descriptor != nil {
		return nil
	}
	var err error
	n.Descriptor, err = inherit(above, w.owner)
	w.inherited[string(above)] = n.Descriptor
	return err
}

// complete gives a node above a key of the base what it does not have itself.
func (n *Node) complete(k *ViewKey) error {
	var err error
	if n.Descriptor == nil {
		if n.Descriptor, err = k.Descriptor(); err != nil {
			return err
		}
	}
	if n.Layer.Semantics == Merge {
		n.Layer.InheritClass = n.Class == ""
		return nil
	}
	n.Layer.InheritClass = false
	if n.Layer.Semantics == SupersedeLocal && n.Class == "" {
		n.Class, err = k.Class()
	}
	return err
}

// subkeyOf returns a subkey, or nil if it or the key is not there.
func subkeyOf(k *ViewKey, name string) (*ViewKey, error) {
	if k == nil {
		return nil, nil
	}
	sub, err := k.Subkey(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return sub, err
}

// Simplify takes out what makes no difference to a base, which may be nil for an
// empty one: values that are set to what they are, and keys and values deleted
// that are not there.
func (c Changes) Simplify(base *View) (Changes, error) {
	if c.root == nil {
		return c, nil
	}
	var k *ViewKey
	if base != nil {
		k = base.Root()
	}
	root, err := simplify(c.root, k, Merge)
	if err != nil {
		return c, fmt.Errorf("comparing changes of the registry with their base: %w", err)
	}
	if len(root.Subkeys) == 0 && len(root.Values) == 0 && root.Descriptor == nil && root.Layer.Semantics == Merge {
		root = nil
	}
	return Changes{root}, nil
}

// simplify returns what is left of a node, whose key in the base is k, below one
// that has become one with the semantics above. Nil is nothing.
func simplify(n *Node, k *ViewKey, above Semantics) (*Node, error) {
	if n.Layer.Semantics == Tombstone {
		if k == nil || above == SupersedeTree {
			return nil, nil
		}
		return n, nil
	}
	m := *n
	switch {
	case above == SupersedeTree:
		k, m.Layer.Semantics = nil, SupersedeTree // whatever is there is hidden
	case k == nil:
		m.Layer = Layer{InheritClass: n.Class == ""} // nothing to hide
	}
	hides := k
	if m.Layer.Semantics == SupersedeTree {
		hides = nil
	}
	if err := m.simplifyValues(hides); err != nil {
		return nil, err
	}
	m.Subkeys = nil
	for _, s := range n.Subkeys {
		below, err := subkeyOf(hides, s.Name)
		if err != nil {
			return nil, err
		}
		s, err = simplify(s, below, m.Layer.Semantics)
		if err != nil {
			return nil, err
		}
		if s != nil {
			m.Subkeys = append(m.Subkeys, s)
		}
	}
	if k != nil && k.parent != nil && m.Layer.Semantics == Merge && m.Class == "" && m.Descriptor == nil && len(m.Values) == 0 && len(m.Subkeys) == 0 {
		return nil, nil
	}
	return &m, nil
}

// simplifyValues takes out values and a descriptor that the key of the base has
// too, and deleted values that it does not have.
func (n *Node) simplifyValues(k *ViewKey) error {
	var there []Value
	if k != nil {
		var err error
		if there, err = k.Values(); err != nil {
			return err
		}
		sd, err := k.Descriptor()
		if err != nil {
			return err
		}
		if bytes.Equal(sd, n.Descriptor) {
			n.Descriptor = nil
		}
	}
	if n.Layer.Semantics != Merge {
		if n.Layer.Semantics != SupersedeLocal || len(there) > 0 {
			n.Values = slices.DeleteFunc(slices.Clone(n.Values), func(v Value) bool { return v.Tombstone })
			return nil
		}
		n.Layer = Layer{InheritClass: n.Class == ""} // nothing to hide
	}
	base := map[string]Value{}
	for _, v := range there {
		base[fold(v.Name)] = v
	}
	n.Values = slices.DeleteFunc(slices.Clone(n.Values), func(v Value) bool {
		b, ok := base[fold(v.Name)]
		if v.Tombstone {
			return !ok
		}
		return ok && b.Type == v.Type && bytes.Equal(b.Data, v.Data)
	})
	return nil
}

// ReadDelta reads a hive of changes. base is the view that it belongs upon;
// what such a hive repeats of it is not among the changes then. Without a base,
// nil, the descriptors of all keys are.
func ReadDelta(h *Hive, base *View) (Changes, error) {
	if h.header.Flags&flagLayered == 0 {
		return Changes{}, errors.New("reading hive of changes: the hive is an ordinary one")
	}
	root, err := snapshot(h)
	if err != nil {
		return Changes{}, err
	}
	root.Name, root.Descriptor = defaultRoot, nil
	if err := normalize(root); err != nil {
		return Changes{}, fmt.Errorf("reading hive of changes: %w", err)
	}
	if base == nil {
		return Changes{root}, nil
	}
	above, err := base.Root().Descriptor()
	if err == nil {
		err = dropInherited(root.Subkeys, base.Root(), above)
	}
	if err != nil {
		return Changes{}, fmt.Errorf("reading hive of changes: %w", err)
	}
	return Changes{root}.Simplify(base)
}

// normalize gives nodes that were just read the form that Changes have.
func normalize(n *Node) error {
	if n.Layer.Semantics == Tombstone {
		n.Descriptor, n.Written = nil, time.Time{}
	}
	if err := n.check(); err != nil {
		return fmt.Errorf("key %q: %w", n.Name, err)
	}
	slices.SortFunc(n.Subkeys, func(a, b *Node) int { return compareNames(a.Name, b.Name) })
	for i, s := range n.Subkeys {
		if i > 0 && compareNames(n.Subkeys[i-1].Name, s.Name) == 0 {
			return fmt.Errorf("key %q has two subkeys %q", n.Name, s.Name)
		}
		if err := normalize(s); err != nil {
			return err
		}
	}
	return nil
}

// dropInherited takes the descriptors off nodes that were just read whose keys
// would have them anyway: from their key k of the base or, new keys, from the
// descriptor above.
func dropInherited(nodes []*Node, k *ViewKey, above []byte) error {
	for _, n := range nodes {
		if n.Layer.Semantics == Tombstone {
			continue
		}
		below, err := subkeyOf(k, n.Name)
		if err != nil {
			return err
		}
		if n.Layer.Semantics == SupersedeTree {
			below = nil
		}
		own := n.Descriptor
		var usual []byte
		if below != nil {
			usual, err = below.Descriptor()
		} else {
			usual, err = inherit(above, winmeta.Administrators)
		}
		if err != nil {
			return err
		}
		if bytes.Equal(usual, own) {
			n.Descriptor = nil
		}
		if err := dropInherited(n.Subkeys, below, own); err != nil {
			return err
		}
	}
	return nil
}
