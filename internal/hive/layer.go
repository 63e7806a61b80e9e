package hive

// Semantics say how a key of a hive of changes relates to the key of the same
// path in the hives below.
type Semantics uint8

// The semantics of layered keys, as the format numbers them.
const (
	// Merge adds to the key below: its values win over those of the same name.
	Merge Semantics = iota
	// Tombstone deletes the key below with all that is in it.
	Tombstone
	// SupersedeLocal hides the values of the key below, but not its subkeys.
	SupersedeLocal
	// SupersedeTree hides the key below with all that is in it.
	SupersedeTree
)

// A Layer is how a key takes part in a stack of hives. The zero Layer is that of
// keys in ordinary hives.
type Layer struct {
	Semantics Semantics
	// InheritClass says that the class name is the one of the key below.
	InheritClass bool
}

const inheritClassBit = 0x80

func layerOf(b byte) Layer {
	return Layer{Semantics: Semantics(b & 3), InheritClass: b&inheritClassBit != 0}
}

func (l Layer) encode() byte {
	b := byte(l.Semantics)
	if l.InheritClass {
		b |= inheritClassBit
	}
	return b
}
