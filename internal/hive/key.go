package hive

import (
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/casement/casement/internal/winmeta"
)

// Types of values that this package itself deals with. Others are numbers that
// it keeps as they are.
const (
	typeNone  = 0
	typeDword = 4
	typeLink  = 6
)

// A Value is a named piece of data below a key.
type Value struct {
	Name string // "" is the default value
	Type uint32 // 1 for REG_SZ, 4 for REG_DWORD …
	Data []byte // as the registry stores it; do not write to it
	// Tombstone says, in a hive of changes, that the value is deleted. Type is 0
	// then and there is no data.
	Tombstone bool
}

// A Key is a key of a hive, as it lies there: names of changes that hide or
// delete are seen as such ([Key.Layer]). It never changes.
type Key struct {
	hive   *Hive
	at     uint32
	node   keyNode
	parent *Key
	depth  int
}

// key reads the key at an offset.
func (h *Hive) key(at uint32, parent *Key) (*Key, error) {
	c, err := h.cell(at, "key")
	if err != nil {
		return nil, err
	}
	b, err := c.bytes(0, min(c.size, keyNodeSize+2*maxKeyName), "key")
	if err != nil {
		return nil, err
	}
	node, err := decodeKeyNode(b)
	if err != nil {
		return nil, malformed(c.pos(0), "key: %v", err)
	}
	k := &Key{hive: h, at: at, node: node, parent: parent}
	if parent == nil {
		return k, nil
	}
	// That each key knows its parent makes a tree of what the lists connect:
	// there is no way to come back to a key that one came from.
	if node.Parent != parent.at || at == h.header.Root {
		return nil, malformed(c.pos(0), "key %q is below a key that is not its parent", node.Name)
	}
	if err := checkKeyName(node.Name); err != nil && !hasNUL(node.Name) {
		return nil, malformed(c.pos(0), "key: %v", err)
	}
	if k.depth = parent.depth + 1; k.depth > maxDepth {
		return nil, malformed(c.pos(0), "key %q is more than %d keys below the root", node.Name, maxDepth)
	}
	return k, nil
}

// Name returns the name as it is spelled in the hive.
func (k *Key) Name() string { return k.node.Name }

// Written returns when the key was last changed.
func (k *Key) Written() time.Time { return winmeta.FromFiletime(k.node.Time) }

// Layer says what a key of a hive of changes does to the key of the same path
// below it. Keys of other hives have the zero Layer.
func (k *Key) Layer() Layer { return layerOf(k.node.Layer) }

// Class returns the class name, which most keys do not have.
func (k *Key) Class() (string, error) {
	if k.node.Class == noCell || k.node.ClassSize == 0 {
		return "", nil
	}
	c, err := k.hive.cell(k.node.Class, "class name")
	if err != nil {
		return "", err
	}
	b, err := c.bytes(0, uint32(k.node.ClassSize), "class name")
	return decodeUTF16(b), err
}

// Descriptor returns the security descriptor in its self-relative form, which
// winmeta.ParseDescriptor reads.
func (k *Key) Descriptor() ([]byte, error) {
	c, err := k.hive.cell(k.node.Security, "security descriptor")
	if err != nil {
		return nil, err
	}
	b, err := c.signed("sk", securityHeader, "security descriptor")
	if err != nil {
		return nil, err
	}
	b, err = c.bytes(securityHeader, binary.LittleEndian.Uint32(b[16:]), "security descriptor")
	return slices.Clone(b), err
}

// Link returns where a symbolic link leads: a path of the kernel such as
// \Registry\Machine\SOFTWARE\Classes\Wow6432Node. ok is false for other keys.
func (k *Key) Link() (target string, ok bool, err error) {
	if k.node.Flags&keyLink == 0 {
		return "", false, nil
	}
	v, err := k.Value(linkValue)
	if err != nil {
		return "", false, err
	}
	if v.Type != typeLink {
		return "", false, malformed(blockSize+int64(k.at), "symbolic link %q names its target by a value of type %d", k.node.Name, v.Type)
	}
	return decodeUTF16(v.Data), true, nil
}

const linkValue = "SymbolicLinkValue"

// A subkey is an entry of a subkey list.
type subkey struct {
	at      uint32
	hash    uint32 // of lh lists
	hasHash bool
}

// entries yields the subkeys as the list has them, without reading them.
func (k *Key) entries() iter.Seq2[subkey, error] {
	return func(yield func(subkey, error) bool) {
		if k.node.SubkeyCount == 0 {
			return
		}
		if err := k.list(yield); err != nil && !errors.Is(err, errStopped) {
			yield(subkey{}, err)
		}
	}
}

// errStopped ends the walk through lists whose caller has had enough.
var errStopped = errors.New("stopped")

func (k *Key) list(yield func(subkey, error) bool) error {
	left := k.node.SubkeyCount
	if uint64(left)*(keyNodeSize+4) > uint64(k.hive.header.BinsSize) {
		return malformed(blockSize+int64(k.at), "key %q says that it has %d subkeys, more than the file could hold", k.node.Name, left)
	}
	c, err := k.hive.cell(k.node.Subkeys, "subkey list")
	if err != nil {
		return err
	}
	b, err := c.bytes(0, 4, "subkey list")
	if err != nil {
		return err
	}
	if string(b[:2]) != "ri" {
		left, err = k.leaf(c, left, yield)
	} else {
		left, err = k.leaves(c, left, yield)
	}
	if err == nil && left > 0 {
		err = malformed(c.pos(0), "the list has %d subkeys less than key %q says", left, k.node.Name)
	}
	return err
}

func (k *Key) leaves(c cell, left uint32, yield func(subkey, error) bool) (uint32, error) {
	b, err := c.bytes(0, 4, "list of subkey lists")
	if err != nil {
		return 0, err
	}
	n := uint32(binary.LittleEndian.Uint16(b[2:]))
	if b, err = c.bytes(4, 4*n, "list of subkey lists"); err != nil {
		return 0, err
	}
	for i := range n {
		leaf, err := k.hive.cell(binary.LittleEndian.Uint32(b[4*i:]), "subkey list")
		if err != nil {
			return 0, err
		}
		if left, err = k.leaf(leaf, left, yield); err != nil {
			return 0, err
		}
	}
	return left, nil
}

// leaf yields the entries of one list and returns how many of left it leaves.
func (k *Key) leaf(c cell, left uint32, yield func(subkey, error) bool) (uint32, error) {
	head, err := c.bytes(0, 4, "subkey list")
	if err != nil {
		return 0, err
	}
	kind, n, width := string(head[:2]), uint32(binary.LittleEndian.Uint16(head[2:])), uint32(8)
	switch kind {
	case "lf", "lh":
	case "li":
		width = 4
	default:
		return 0, malformed(c.pos(0), "signature %q, want that of a subkey list", kind)
	}
	if n == 0 || n > left {
		return 0, malformed(c.pos(2), "a list of %d subkeys where key %q has %d left", n, k.node.Name, left)
	}
	b, err := c.bytes(4, width*n, "subkey list")
	if err != nil {
		return 0, err
	}
	for i := range n {
		e := subkey{at: binary.LittleEndian.Uint32(b[width*i:])}
		if kind == "lh" {
			e.hash, e.hasHash = binary.LittleEndian.Uint32(b[width*i+4:]), true
		}
		if !yield(e, nil) {
			return 0, errStopped
		}
	}
	return left - n, nil
}

// Len returns how many subkeys the key has.
func (k *Key) Len() int { return int(k.node.SubkeyCount) }

// Subkeys yields the subkeys in the order of their names. It ends with the first
// error.
func (k *Key) Subkeys() iter.Seq2[*Key, error] {
	return func(yield func(*Key, error) bool) {
		offsets := make([]uint32, 0, min(k.node.SubkeyCount, 1024))
		for e, err := range k.entries() {
			if err != nil {
				yield(nil, err)
				return
			}
			offsets = append(offsets, e.at)
		}
		// A key that is listed twice would make a small file a huge tree.
		sorted := slices.Sorted(slices.Values(offsets))
		for i := 1; i < len(sorted); i++ {
			if sorted[i] == sorted[i-1] {
				yield(nil, malformed(blockSize+int64(sorted[i]), "subkey of %q is listed twice", k.node.Name))
				return
			}
		}
		for _, at := range offsets {
			sub, err := k.hive.key(at, k)
			if !yield(sub, err) || err != nil {
				return
			}
		}
	}
}

// Subkey returns the subkey of a name in any case. One that is not there is an
// error that matches fs.ErrNotExist.
func (k *Key) Subkey(name string) (*Key, error) {
	sub, err := k.find(name, true)
	if sub == nil && err == nil && !isASCII(name) {
		// Whoever wrote the hashes may have known other letters than upper does.
		sub, err = k.find(name, false)
	}
	if sub == nil && err == nil {
		err = notFound("key", name)
	}
	return sub, err
}

func (k *Key) find(name string, byHash bool) (*Key, error) {
	want, folded := hashName(name), fold(name)
	for e, err := range k.entries() {
		if err != nil {
			return nil, err
		}
		if byHash && e.hasHash && e.hash != want {
			continue
		}
		sub, err := k.hive.key(e.at, k)
		if err != nil {
			return nil, err
		}
		if fold(sub.node.Name) == folded {
			return sub, nil
		}
	}
	return nil, nil
}

// Values returns the values in the order in which the hive has them.
func (k *Key) Values() ([]Value, error) {
	var values []Value
	room := int64(k.hive.header.BinsSize) // a list may name the same data again and again
	err := k.eachValue(func(v valueNode) (bool, error) {
		if room -= int64(v.size()); room < 0 {
			return false, malformed(blockSize+int64(k.at), "the values of key %q have more data than the file", k.node.Name)
		}
		data, err := k.hive.data(v)
		values = append(values, Value{Name: v.Name, Type: v.Type, Data: data, Tombstone: v.tombstone()})
		return true, err
	})
	if err != nil {
		return nil, err
	}
	return values, nil
}

// Value returns the value of a name in any case; "" is the default value. One
// that is not there is an error that matches fs.ErrNotExist.
func (k *Key) Value(name string) (Value, error) {
	var found *Value
	err := k.eachValue(func(v valueNode) (bool, error) {
		if !equalNames(v.Name, name) {
			return true, nil
		}
		data, err := k.hive.data(v)
		found = &Value{Name: v.Name, Type: v.Type, Data: data, Tombstone: v.tombstone()}
		return false, err
	})
	switch {
	case err != nil:
		return Value{}, err
	case found == nil:
		return Value{}, notFound("value", name)
	}
	return *found, nil
}

// eachValue calls f for the values until it returns false or an error.
func (k *Key) eachValue(f func(valueNode) (bool, error)) error {
	n := k.node.ValueCount
	switch {
	case n == 0:
		return nil
	case k.node.Flags&keyPredefined != 0:
		return fmt.Errorf("key %q stands for data that only a running Windows has", k.node.Name)
	case uint64(n)*(valueNodeSize+4) > uint64(k.hive.header.BinsSize):
		return malformed(blockSize+int64(k.at), "key %q says that it has %d values, more than the file could hold", k.node.Name, n)
	}
	c, err := k.hive.cell(k.node.Values, "value list")
	if err != nil {
		return err
	}
	b, err := c.bytes(0, 4*n, "value list")
	if err != nil {
		return err
	}
	for i := range n {
		v, err := k.hive.value(binary.LittleEndian.Uint32(b[4*i:]))
		if err != nil {
			return err
		}
		if more, err := f(v); err != nil || !more {
			return err
		}
	}
	return nil
}
