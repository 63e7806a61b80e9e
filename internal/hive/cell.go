package hive

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
)

// Flags of a key node.
const (
	keyRoot       = 0x04
	keyNoDelete   = 0x08
	keyLink       = 0x10 // the value SymbolicLinkValue names another key
	keyLatinName  = 0x20 // the name is stored as Latin-1, one byte a character
	keyPredefined = 0x40 // stands for a handle like HKEY_PERFORMANCE_TEXT, which the value count holds
)

const keyNodeSize = 76 // without the name

// keyNode is the cell of a registry key. Offsets are noCell when there is
// nothing.
type keyNode struct {
	Flags       uint16 // encode sets keyLatinName itself
	Time        uint64 // FILETIME of the last change
	Layer       byte   // byte 13: layered-key semantics
	Parent      uint32
	SubkeyCount uint32
	Subkeys     uint32
	ValueCount  uint32
	Values      uint32
	Security    uint32
	Class       uint32
	ClassSize   uint16 // bytes
	Name        string
	// What the longest of the names and data below takes, in bytes of UTF-16;
	// programs size their buffers by it.
	MaxSubkey, MaxClass, MaxValueName, MaxData uint32
}

func (k keyNode) encode() ([]byte, error) {
	if err := checkKeyName(k.Name); err != nil {
		return nil, err
	}
	name, latin := encodeName(k.Name)
	flags := k.Flags &^ keyLatinName
	if latin {
		flags |= keyLatinName
	}
	b := make([]byte, keyNodeSize, keyNodeSize+len(name))
	le := binary.LittleEndian
	copy(b, "nk")
	le.PutUint16(b[2:], flags)
	le.PutUint64(b[4:], k.Time)
	b[13] = k.Layer
	le.PutUint32(b[16:], k.Parent)
	le.PutUint32(b[20:], k.SubkeyCount)
	le.PutUint32(b[28:], k.Subkeys)
	le.PutUint32(b[32:], noCell) // volatile subkeys live in memory only
	le.PutUint32(b[36:], k.ValueCount)
	le.PutUint32(b[40:], k.Values)
	le.PutUint32(b[44:], k.Security)
	le.PutUint32(b[48:], k.Class)
	for i, n := range [...]uint32{k.MaxSubkey, k.MaxClass, k.MaxValueName, k.MaxData} {
		le.PutUint32(b[52+4*i:], n)
	}
	le.PutUint16(b[72:], uint16(len(name)))
	le.PutUint16(b[74:], k.ClassSize)
	return append(b, name...), nil
}

func checkKeyName(s string) error {
	switch n := unitCount(s); {
	case n == 0 || n > maxKeyName:
		return fmt.Errorf("name of %d characters, want 1 to %d", n, maxKeyName)
	case strings.ContainsAny(s, "\\\x00"):
		return fmt.Errorf("name %q contains a backslash or NUL", s)
	}
	return nil
}

// decodeKeyNode reads the body of a cell.
func decodeKeyNode(b []byte) (keyNode, error) {
	if len(b) < keyNodeSize {
		return keyNode{}, fmt.Errorf("cell of %d bytes is too small for a key", len(b))
	}
	if string(b[:2]) != "nk" {
		return keyNode{}, fmt.Errorf("signature %q, want \"nk\"", b[:2])
	}
	le := binary.LittleEndian
	k := keyNode{
		Flags: le.Uint16(b[2:]), Time: le.Uint64(b[4:]), Layer: b[13], Parent: le.Uint32(b[16:]),
		SubkeyCount: le.Uint32(b[20:]), Subkeys: le.Uint32(b[28:]), ValueCount: le.Uint32(b[36:]),
		Values: le.Uint32(b[40:]), Security: le.Uint32(b[44:]), Class: le.Uint32(b[48:]), ClassSize: le.Uint16(b[74:]),
		MaxSubkey: uint32(le.Uint16(b[52:])), MaxClass: le.Uint32(b[56:]), MaxValueName: le.Uint32(b[60:]), MaxData: le.Uint32(b[64:]),
	}
	n := int(le.Uint16(b[72:]))
	if n == 0 || n > len(b)-keyNodeSize {
		return keyNode{}, fmt.Errorf("name of %d bytes in a cell of %d", n, len(b))
	}
	var err error
	k.Name, err = decodeName(b[keyNodeSize:keyNodeSize+n], k.Flags&keyLatinName != 0)
	return k, err
}

// encodeName stores a name as Latin-1 when all of it is, else as UTF-16.
func encodeName(s string) (b []byte, latin bool) {
	for _, r := range s {
		if r > 0xFF {
			return encodeUTF16(s), false
		}
		b = append(b, byte(r))
	}
	return b, true
}

func decodeName(b []byte, latin bool) (string, error) {
	if latin {
		r := make([]rune, len(b))
		for i, c := range b {
			r[i] = rune(c)
		}
		return string(r), nil
	}
	if len(b)%2 != 0 {
		return "", errors.New("UTF-16 name of an odd number of bytes")
	}
	return decodeUTF16(b), nil
}

// encodeSecurity makes the body of a security cell: its neighbours in the ring
// of all of them, how many keys use it, and the descriptor.
func encodeSecurity(next, previous, uses uint32, descriptor []byte) []byte {
	b := make([]byte, 20, 20+len(descriptor))
	copy(b, "sk")
	binary.LittleEndian.PutUint32(b[4:], next)
	binary.LittleEndian.PutUint32(b[8:], previous)
	binary.LittleEndian.PutUint32(b[12:], uses)
	binary.LittleEndian.PutUint32(b[16:], uint32(len(descriptor)))
	return append(b, descriptor...)
}
