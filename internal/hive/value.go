package hive

import (
	"encoding/binary"
	"slices"
)

const (
	valueNodeSize  = 20 // without the name
	securityHeader = 20 // of a security cell
	inlineData     = 0x80000000
	segmentSize    = 16344 // of big data
)

// Flags of a value node.
const (
	valueLatinName = 1
	valueTombstone = 2
)

// valueNode is the cell of a value.
type valueNode struct {
	cell  cell
	Name  string
	Size  uint32 // with inlineData if the data is in Data
	Data  uint32 // offset of the data's cell, or the data
	Type  uint32
	Flags uint16 // encode sets valueLatinName itself
}

func (v valueNode) size() uint32 { return v.Size &^ inlineData }

func (v valueNode) tombstone() bool { return v.Flags&valueTombstone != 0 }

func (v valueNode) encode() []byte {
	name, latin := encodeName(v.Name)
	flags := v.Flags &^ valueLatinName
	if latin && v.Name != "" { // Windows leaves it out of default values
		flags |= valueLatinName
	}
	b := make([]byte, valueNodeSize, valueNodeSize+len(name))
	le := binary.LittleEndian
	copy(b, "vk")
	le.PutUint16(b[2:], uint16(len(name)))
	le.PutUint32(b[4:], v.Size)
	le.PutUint32(b[8:], v.Data)
	le.PutUint32(b[12:], v.Type)
	le.PutUint16(b[16:], flags)
	return append(b, name...)
}

// value reads the value at an offset, without its data.
func (h *Hive) value(at uint32) (valueNode, error) {
	c, err := h.cell(at, "value")
	if err != nil {
		return valueNode{}, err
	}
	b, err := c.signed("vk", valueNodeSize, "value")
	if err != nil {
		return valueNode{}, err
	}
	le := binary.LittleEndian
	v := valueNode{cell: c, Size: le.Uint32(b[4:]), Data: le.Uint32(b[8:]), Type: le.Uint32(b[12:]), Flags: le.Uint16(b[16:])}
	n := uint32(le.Uint16(b[2:]))
	if b, err = c.bytes(valueNodeSize, n, "name of a value"); err != nil {
		return valueNode{}, err
	}
	if v.Name, err = decodeName(b, v.Flags&valueLatinName != 0); err != nil {
		return valueNode{}, malformed(c.pos(valueNodeSize), "value: %v", err)
	}
	switch size := v.size(); {
	case v.tombstone() && size != 0:
		return valueNode{}, malformed(c.pos(4), "deleted value %q has %d bytes of data", v.Name, size)
	case v.Size&inlineData != 0 && size > 4:
		return valueNode{}, malformed(c.pos(4), "value %q has %d bytes of data where 4 fit", v.Name, size)
	case size > maxData:
		return valueNode{}, malformed(c.pos(4), "value %q has %d bytes of data, more than the %d that are read", v.Name, size, maxData)
	}
	return v, nil
}

// data reads a value's data.
func (h *Hive) data(v valueNode) ([]byte, error) {
	size := v.size()
	switch {
	case size == 0:
		return nil, nil
	case v.Size&inlineData != 0:
		return binary.LittleEndian.AppendUint32(nil, v.Data)[:size], nil
	}
	c, err := h.cell(v.Data, "data of a value")
	if err != nil {
		return nil, err
	}
	if size > segmentSize && h.header.Minor > 3 {
		return h.bigData(c, size)
	}
	b, err := c.bytes(0, size, "data of a value")
	return slices.Clone(b), err
}

// bigData joins the segments of data that is too large for one cell.
func (h *Hive) bigData(c cell, size uint32) ([]byte, error) {
	b, err := c.signed("db", 8, "big data")
	if err != nil {
		return nil, err
	}
	n, want := uint32(binary.LittleEndian.Uint16(b[2:])), (size+segmentSize-1)/segmentSize
	if n != want {
		return nil, malformed(c.pos(2), "%d segments for %d bytes of data, want %d", n, size, want)
	}
	list, err := h.cell(binary.LittleEndian.Uint32(b[4:]), "list of data segments")
	if err != nil {
		return nil, err
	}
	offsets, err := list.bytes(0, 4*n, "list of data segments")
	if err != nil {
		return nil, err
	}
	var data []byte
	for i := range n {
		segment, err := h.cell(binary.LittleEndian.Uint32(offsets[4*i:]), "data segment")
		if err != nil {
			return nil, err
		}
		b, err := segment.bytes(0, min(segmentSize, size-uint32(len(data))), "data segment")
		if err != nil {
			return nil, err
		}
		data = append(data, b...)
	}
	return data, nil
}
