package ps

import (
	"slices"
	"strings"
)

// Object is a .NET object or a PSCustomObject. It is a reference.
type Object struct {
	// Type has the members; a PSCustomObject's is the engine's
	// System.Management.Automation.PSCustomObject.
	Type *Type
	// Data is what the type's members work on. It may be a [Sequence], [List]
	// or [Dictionary]; String() string is used for ToString if Type has none.
	Data any
	Extra
}

// Extra is what can be added to a value: properties, methods and type names.
// The zero value has none.
type Extra struct {
	bag *bag
}

type bag struct {
	props []Property
	index map[string]int // by lower-case name, made from 8 on
	types []string       // in front of the type's own names
}

// PropertyKind is the kind of an added member.
type PropertyKind byte

// Kinds of added members.
const (
	NoteProperty PropertyKind = iota
	AliasProperty
	ScriptProperty
	ScriptMethod
)

// Property is a member that an object has by itself. Which fields count
// depends on Kind: NoteProperty has Value; AliasProperty has Value, the name of
// the other member; ScriptProperty and ScriptMethod have Script, and Setter.
type Property struct {
	Name   string
	Kind   PropertyKind
	Value  any
	Script *ScriptBlock
	Setter *ScriptBlock
}

// NewCustom makes a PSCustomObject with note properties from alternating names
// and values, in that order.
func NewCustom(pairs ...any) *Object {
	o := &Object{Type: customType()}
	for i := 0; i+1 < len(pairs); i += 2 {
		o.Set(pairs[i].(string), pairs[i+1])
	}
	return o
}

// IsCustom reports whether it is a PSCustomObject.
func (o *Object) IsCustom() bool { return o.Type.Name == tCustom }

// Find returns the added member of that name, in any case, and nil if there is
// none.
func (e *Extra) Find(name string) *Property {
	if e.bag == nil {
		return nil
	}
	if i := e.bag.find(name); i >= 0 {
		return &e.bag.props[i]
	}
	return nil
}

// Set sets or adds a note property.
func (e *Extra) Set(name string, v any) {
	if p := e.Find(name); p != nil {
		*p = Property{Name: p.Name, Value: v}
		return
	}
	e.Add(Property{Name: name, Value: v})
}

// Add adds a member, in place of one of the same name.
func (e *Extra) Add(p Property) {
	if e.bag == nil {
		e.bag = &bag{}
	}
	b := e.bag
	if i := b.find(p.Name); i >= 0 {
		b.props[i] = p
		return
	}
	b.props = append(b.props, p)
	if b.index != nil {
		b.index[strings.ToLower(p.Name)] = len(b.props) - 1
	} else if len(b.props) >= 8 {
		b.reindex()
	}
}

// Remove removes an added member.
func (e *Extra) Remove(name string) {
	if e.bag == nil {
		return
	}
	if i := e.bag.find(name); i >= 0 {
		e.bag.props = slices.Delete(e.bag.props, i, i+1)
		if e.bag.index != nil {
			e.bag.reindex()
		}
	}
}

// Added returns the added members in their order.
func (e *Extra) Added() []Property {
	if e.bag == nil {
		return nil
	}
	return e.bag.props
}

// AddType puts a name in front of the value's PSTypeNames.
func (e *Extra) AddType(name string) {
	if e.bag == nil {
		e.bag = &bag{}
	}
	e.bag.types = append([]string{name}, e.bag.types...)
}

// AddedTypes returns the names that AddType added, the last one first.
func (e *Extra) AddedTypes() []string {
	if e.bag == nil {
		return nil
	}
	return e.bag.types
}

func (b *bag) find(name string) int {
	if b.index != nil {
		if i, ok := b.index[strings.ToLower(name)]; ok {
			return i
		}
		return -1
	}
	for i := range b.props {
		if strings.EqualFold(b.props[i].Name, name) {
			return i
		}
	}
	return -1
}

func (b *bag) reindex() {
	b.index = make(map[string]int, len(b.props)*2)
	for i, p := range b.props {
		b.index[strings.ToLower(p.Name)] = i
	}
}

// copy returns an Extra of its own with the same members.
func (e *Extra) copy() Extra {
	if e.bag == nil {
		return Extra{}
	}
	b := &bag{props: slices.Clone(e.bag.props), types: slices.Clone(e.bag.types)}
	if len(b.props) >= 8 {
		b.reindex()
	}
	return Extra{b}
}

// extras returns where a value keeps its added members, and nil for values
// that cannot have any.
func extras(v any) *Extra {
	switch x := v.(type) {
	case *Object:
		return &x.Extra
	case *Extended:
		return &x.Extra
	case *Array:
		return &x.Extra
	case *Hashtable:
		return &x.Extra
	case *Bytes:
		return &x.Extra
	case *ErrorRecord:
		return &x.Extra
	case *Exception:
		return &x.Extra
	}
	return nil
}

// Extras returns the added members of a value, for Add-Member and Get-Member,
// and the value to go on with: one that cannot have members is wrapped in an
// [Extended].
func Extras(v any) (*Extra, any) {
	if e := extras(v); e != nil {
		return e, v
	}
	x := &Extended{Value: v}
	return &x.Extra, x
}
