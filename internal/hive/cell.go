package hive

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"unicode/utf16"
)

// Flags of a key node.
const (
	keyRoot      = 0x04
	keyNoDelete  = 0x08
	keyLatinName = 0x20 // the name is stored as Latin-1, one byte a character
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
	Name        string
}

func (k keyNode) encode() ([]byte, error) {
	name, latin := encodeName(k.Name)
	switch n := len(utf16.Encode([]rune(k.Name))); {
	case n == 0 || n > maxKeyName:
		return nil, fmt.Errorf("name of %d characters, want 1 to %d", n, maxKeyName)
	case strings.ContainsAny(k.Name, "\\\x00"):
		return nil, fmt.Errorf("name %q contains a backslash or NUL", k.Name)
	}
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
	le.PutUint16(b[72:], uint16(len(name)))
	return append(b, name...), nil
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
		Values: le.Uint32(b[40:]), Security: le.Uint32(b[44:]), Class: le.Uint32(b[48:]),
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
			b = b[:0]
			for _, u := range utf16.Encode([]rune(s)) {
				b = binary.LittleEndian.AppendUint16(b, u)
			}
			return b, false
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
	u := make([]uint16, len(b)/2)
	for i := range u {
		u[i] = binary.LittleEndian.Uint16(b[2*i:])
	}
	return string(utf16.Decode(u)), nil
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
