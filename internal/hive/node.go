package hive

import (
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"slices"
	"time"

	"github.com/casement/casement/internal/winmeta"
)

// A Node is a key in memory with all below it, as [Encode] writes it. A node and
// what it points to never change once they have been handed out; its zero value,
// with a name, is an empty key.
type Node struct {
	Name  string
	Class string
	// Descriptor is the security descriptor in self-relative form; nil inherits
	// from the key above, as a new key does.
	Descriptor []byte
	Written    time.Time // zero is the time that Options give
	// Link makes the key a symbolic link, to where its value SymbolicLinkValue
	// of type REG_LINK says.
	Link    bool
	Layer   Layer
	Values  []Value // no two with the same name
	Subkeys []*Node // in any order; no two with the same name
}

// snapshot reads a hive's root with all that is below it. What is read takes no
// more memory than the file has bytes.
func snapshot(h *Hive) (*Node, error) {
	r := snapshotter{left: int64(h.header.BinsSize), security: map[uint32][]byte{}}
	return r.read(h.root)
}

type snapshotter struct {
	left     int64             // bytes that no cell that was read accounts for
	security map[uint32][]byte // descriptors that keys share, by offset
}

func (r *snapshotter) read(k *Key) (*Node, error) {
	n := &Node{Name: k.Name(), Written: k.Written(), Link: k.isLink(), Layer: k.Layer()}
	var errs [3]error
	n.Class, errs[0] = k.Class()
	n.Values, errs[1] = k.Values()
	if n.Descriptor = r.security[k.node.Security]; n.Descriptor == nil {
		n.Descriptor, errs[2] = k.Descriptor()
		r.security[k.node.Security] = n.Descriptor
	}
	if err := errors.Join(errs[:]...); err != nil {
		return nil, err
	}
	r.left -= int64(len(n.Class))/2 + keyNodeSize
	for _, v := range n.Values {
		r.left -= int64(len(v.Data)) + valueNodeSize
	}
	if r.left < 0 {
		return nil, malformed(blockSize+int64(k.at), "keys up to %q have more in them than the file", n.Name)
	}
	for sub, err := range k.Subkeys() {
		if err != nil {
			return nil, err
		}
		s, err := r.read(sub)
		if err != nil {
			return nil, err
		}
		n.Subkeys = append(n.Subkeys, s)
	}
	return n, nil
}

// find returns where the subkey of a name is in a sorted list, or would be.
func (n *Node) find(name string) (int, bool) {
	return slices.BinarySearchFunc(n.Subkeys, name, func(s *Node, name string) int { return compareNames(s.Name, name) })
}

// value returns where the value of a name is, or -1.
func (n *Node) value(name string) int {
	return slices.IndexFunc(n.Values, func(v Value) bool { return equalNames(v.Name, name) })
}

// nodeKey shows a node of changes, whose subkeys are sorted, as a layer of a
// view.
type nodeKey struct{ *Node }

func (k nodeKey) Name() string                { return k.Node.Name }
func (k nodeKey) Written() time.Time          { return k.Node.Written }
func (k nodeKey) Layer() Layer                { return k.Node.Layer }
func (k nodeKey) Class() (string, error)      { return k.Node.Class, nil }
func (k nodeKey) Descriptor() ([]byte, error) { return k.Node.Descriptor, nil }
func (k nodeKey) Values() ([]Value, error)    { return k.Node.Values, nil }
func (k nodeKey) isLink() bool                { return k.Node.Link }

func (k nodeKey) Value(name string) (Value, error) {
	if i := k.value(name); i >= 0 {
		return k.Node.Values[i], nil
	}
	return Value{}, fs.ErrNotExist
}

func (k nodeKey) subkey(name string) (layerKey, error) {
	if i, ok := k.find(name); ok {
		return nodeKey{k.Node.Subkeys[i]}, nil
	}
	return nil, nil
}

func (k nodeKey) subkeys() iter.Seq2[layerKey, error] {
	return func(yield func(layerKey, error) bool) {
		for _, s := range k.Node.Subkeys {
			if !yield(nodeKey{s}, nil) {
				return
			}
		}
	}
}

// check says what of a node no hive can hold, apart from its subkeys.
func (n *Node) check() error {
	if err := checkKeyName(n.Name); err != nil {
		return err
	}
	if c := unitCount(n.Class); c > maxClass {
		return fmt.Errorf("class name of %d characters, want at most %d", c, maxClass)
	}
	names := map[string]bool{}
	for _, v := range n.Values {
		switch name := fold(v.Name); {
		case names[name]:
			return fmt.Errorf("two values %q", v.Name)
		case v.Tombstone && (v.Type != typeNone || len(v.Data) != 0):
			return fmt.Errorf("deleted value %q has a type or data", v.Name)
		case unitCount(v.Name) > maxValueName:
			return fmt.Errorf("value name of %d characters, want at most %d", unitCount(v.Name), maxValueName)
		case len(v.Data) > maxData:
			return fmt.Errorf("value %q has %d bytes of data, want at most %d", v.Name, len(v.Data), maxData)
		default:
			names[name] = true
		}
	}
	if i := n.value(linkValue); n.Link && (i < 0 || n.Values[i].Type != typeLink) {
		return fmt.Errorf("symbolic link without a value %s of type REG_LINK", linkValue)
	}
	if n.Layer.Semantics == Tombstone && (n.Class != "" || len(n.Values) > 0 || len(n.Subkeys) > 0) {
		return errors.New("deleted key has a class, values or subkeys")
	}
	if n.Layer.Semantics > SupersedeTree {
		return fmt.Errorf("unknown semantics %d", n.Layer.Semantics)
	}
	return nil
}

// checkDescriptor makes sure that what goes into a hive is a descriptor.
func checkDescriptor(sd []byte) error {
	_, err := winmeta.ParseDescriptor(sd)
	return err
}

const maxClass = 0x7FFF // UTF-16 units

// inherit computes the descriptor of a new key below one with the descriptor
// parent.
func inherit(parent []byte, owner winmeta.SID) ([]byte, error) {
	d, err := winmeta.ParseDescriptor(parent)
	if err != nil {
		return nil, fmt.Errorf("reading the descriptor to inherit from: %w", err)
	}
	return inheritKey(d, owner, winmeta.LocalSystem).KeyBytes()
}
