package hive

import (
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
)

// Changes are what was done to a hive: keys made and deleted, values set and
// deleted. They know nothing of the hive itself; [View.With] shows both
// together. Changes never change: each method returns new ones, and shares with
// the old what is the same. The zero value is no changes.
//
// Paths are as in [Hive.Key]. The methods that delete are for keys and values
// that are there, as Windows refuses to delete others; [Changes.Simplify] takes
// out what turns out to make no difference.
type Changes struct {
	root *Node // with sorted subkeys
}

// Empty reports whether there are none.
func (c Changes) Empty() bool { return c.root == nil }

// errUnchanged ends an edit that has nothing to do.
var errUnchanged = errors.New("unchanged")

// edit returns the changes with the node at a path replaced by what f makes of
// it; f gets a copy, and nil from it removes the node. Nodes on the way are made,
// and what was deleted comes back empty, but not for edits that delete.
func (c Changes) edit(path string, deletes bool, f func(n *Node) (*Node, error)) (Changes, error) {
	list := slices.Collect(names(path))
	if len(list) > maxDepth {
		return c, fmt.Errorf("changing registry key %q: more than %d keys below the root", path, maxDepth)
	}
	root := c.root
	if root == nil {
		root = &Node{Name: defaultRoot}
	}
	root, err := editNode(root, list, deletes, f)
	switch {
	case errors.Is(err, errUnchanged):
		return c, nil
	case err != nil:
		return c, fmt.Errorf("changing registry key %q: %w", path, err)
	}
	return Changes{root}, nil
}

const defaultRoot = "ROOT"

func editNode(n *Node, list []string, deletes bool, f func(n *Node) (*Node, error)) (*Node, error) {
	m := *n
	if len(list) == 0 {
		return f(&m)
	}
	name := list[0]
	if err := checkKeyName(name); err != nil {
		return nil, err
	}
	hidden := n.Layer.Semantics == SupersedeTree
	i, ok := n.find(name)
	var sub *Node
	switch {
	case ok && n.Subkeys[i].Layer.Semantics != Tombstone:
		sub = n.Subkeys[i]
	case deletes && (ok || hidden):
		return nil, errUnchanged
	case ok || hidden:
		sub = &Node{Name: name, Layer: Layer{Semantics: SupersedeTree}}
	default:
		sub = &Node{Name: name, Layer: Layer{InheritClass: true}}
	}
	sub, err := editNode(sub, list[1:], deletes, f)
	if err != nil {
		return nil, err
	}
	m.Subkeys = slices.Clone(n.Subkeys)
	switch {
	case sub == nil && ok:
		m.Subkeys = slices.Delete(m.Subkeys, i, i+1)
	case sub != nil && ok:
		m.Subkeys[i] = sub
	case sub != nil:
		m.Subkeys = slices.Insert(m.Subkeys, i, sub)
	}
	return &m, nil
}

// CreateKey makes a key, and those above it. A key that was deleted comes back
// without what was in it.
func (c Changes) CreateKey(path string) (Changes, error) {
	return c.edit(path, false, func(n *Node) (*Node, error) { return n, nil })
}

// DeleteKey deletes a key with all that is in it.
func (c Changes) DeleteKey(path string) (Changes, error) {
	list := slices.Collect(names(path))
	if len(list) == 0 {
		return c, errors.New("deleting registry key: a root cannot be deleted")
	}
	name := list[len(list)-1]
	// The parent is edited, for it says whether there is something to hide.
	return c.edit(strings.Join(list[:len(list)-1], `\`), true, func(parent *Node) (*Node, error) {
		if err := checkKeyName(name); err != nil {
			return nil, err
		}
		i, ok := parent.find(name)
		subkeys := slices.Clone(parent.Subkeys)
		if ok {
			subkeys = slices.Delete(subkeys, i, i+1)
		}
		switch {
		case parent.Layer.Semantics != SupersedeTree:
			dead := &Node{Name: name, Layer: Layer{Semantics: Tombstone}}
			if ok {
				dead.Name = parent.Subkeys[i].Name
			}
			subkeys = slices.Insert(subkeys, i, dead)
		case !ok:
			return nil, errUnchanged
		}
		parent.Subkeys = subkeys
		return parent, nil
	})
}

// SetValue sets a value of a key, which it makes if need be.
func (c Changes) SetValue(path string, v Value) (Changes, error) {
	v.Data = slices.Clone(v.Data)
	return c.edit(path, false, func(n *Node) (*Node, error) {
		if v.Tombstone {
			return nil, errors.New("a deleted value cannot be set")
		}
		if err := (&Node{Name: "x", Values: []Value{v}}).check(); err != nil {
			return nil, err
		}
		n.Values = withValue(n, v)
		return n, nil
	})
}

// withValue returns the values of a node with one more, or another of the name.
func withValue(n *Node, v Value) []Value {
	values := slices.Clone(n.Values)
	if i := n.value(v.Name); i >= 0 {
		v.Name = values[i].Name
		values[i] = v
		return values
	}
	return append(values, v)
}

// DeleteValue deletes a value of a key; "" is the default value.
func (c Changes) DeleteValue(path, name string) (Changes, error) {
	return c.edit(path, true, func(n *Node) (*Node, error) {
		if count := unitCount(name); count > maxValueName {
			return nil, fmt.Errorf("value name of %d characters, want at most %d", count, maxValueName)
		}
		if s := n.Layer.Semantics; s != SupersedeLocal && s != SupersedeTree {
			n.Values = withValue(n, Value{Name: name, Tombstone: true})
			return n, nil
		}
		i := n.value(name)
		if i < 0 {
			return nil, errUnchanged
		}
		n.Values = slices.Delete(slices.Clone(n.Values), i, i+1)
		return n, nil
	})
}

// DeleteValues deletes all values of a key.
func (c Changes) DeleteValues(path string) (Changes, error) {
	return c.edit(path, true, func(n *Node) (*Node, error) {
		if n.Layer.Semantics == Merge {
			n.Layer.Semantics = SupersedeLocal
		}
		n.Values = nil
		return n, nil
	})
}

// SetDescriptor sets the security descriptor of a key, in self-relative form,
// and makes the key if need be. That of a root cannot be changed.
func (c Changes) SetDescriptor(path string, descriptor []byte) (Changes, error) {
	if strings.Trim(path, `\`) == "" {
		return c, errors.New("changing registry key: the descriptor of a root cannot be changed")
	}
	if err := checkDescriptor(descriptor); err != nil {
		return c, fmt.Errorf("changing registry key %q: %w", path, err)
	}
	return c.edit(path, false, func(n *Node) (*Node, error) {
		n.Descriptor = slices.Clone(descriptor)
		return n, nil
	})
}

// ChangeKind says what a [Change] is.
type ChangeKind uint8

// The kinds of changes.
const (
	KeyCreated    ChangeKind = 1 + iota
	KeyDeleted               // with all that was in it
	ValueSet                 // Value
	ValueDeleted             // Value.Name
	ValuesDeleted            // all of the key
	DescriptorSet            // Descriptor
)

// A Change is one of [Changes].
type Change struct {
	Kind       ChangeKind
	Key        string // path below the root
	Value      Value
	Descriptor []byte
}

// All yields what was changed, key by key in the order of their names. That a
// key was made is said only where nothing else says that it is there. The same
// changes made again, in this order, are the same Changes.
func (c Changes) All() iter.Seq[Change] {
	return func(yield func(Change) bool) {
		if c.root != nil {
			c.root.changes("", Merge, yield)
		}
	}
}

// changes yields the changes of a node below one with the semantics above.
func (n *Node) changes(path string, above Semantics, yield func(Change) bool) bool {
	var list []Change
	switch n.Layer.Semantics {
	case Tombstone:
		return yield(Change{Kind: KeyDeleted, Key: path})
	case SupersedeTree:
		if above != SupersedeTree {
			list = append(list, Change{Kind: KeyDeleted, Key: path})
		}
		list = append(list, Change{Kind: KeyCreated, Key: path})
	case SupersedeLocal:
		list = append(list, Change{Kind: ValuesDeleted, Key: path})
	case Merge:
		if path != "" && len(n.Values) == 0 && len(n.Subkeys) == 0 && n.Descriptor == nil {
			list = append(list, Change{Kind: KeyCreated, Key: path})
		}
	}
	if n.Descriptor != nil {
		list = append(list, Change{Kind: DescriptorSet, Key: path, Descriptor: n.Descriptor})
	}
	for _, v := range n.Values {
		kind := ValueSet
		if v.Tombstone {
			kind = ValueDeleted
		}
		list = append(list, Change{Kind: kind, Key: path, Value: v})
	}
	for _, ch := range list {
		if !yield(ch) {
			return false
		}
	}
	for _, s := range n.Subkeys {
		if !s.changes(strings.TrimPrefix(path+`\`+s.Name, `\`), n.Layer.Semantics, yield) {
			return false
		}
	}
	return true
}
