package hive

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"github.com/casement/casement/internal/winmeta"
)

const (
	leafSize        = 500 // subkeys in one list; more of them get a list of lists
	flagLayered     = 2   // of the base block: the hive knows layered keys
	minBigDataMinor = 4
	minHashMinor    = 5 // versions below have lists without hashes
	layeredMinor    = 6
)

// Encode writes a hive with a key, which becomes its root, and all below it. The
// same node and options give the same bytes, and [Minimal] is what an empty root
// gives. The root's name is Options.RootName if it has none.
//
// Layered keys and deleted values need version 1.6 (Options.Minor), and mark the
// hive as one that has them.
func Encode(root *Node, o Options) ([]byte, error) {
	return encodeHive(root, o, false)
}

func encodeHive(root *Node, o Options, layered bool) ([]byte, error) {
	o = o.withDefaults()
	w := &writer{o: o, layered: layered, stamp: winmeta.Filetime(o.Time), security: map[string]*securityCell{}, inherited: map[string][]byte{}}
	b, err := w.encode(root)
	if err != nil {
		return nil, fmt.Errorf("making registry hive: %w", err)
	}
	return b, nil
}

// writer lays out the cells of a hive.
type writer struct {
	o       Options
	stamp   uint64
	layered bool
	buf     []byte // all bins
	next    uint32 // where the next cell goes in the bin that takes small cells
	end     uint32 // of that bin

	security  map[string]*securityCell // by descriptor
	ring      []*securityCell
	inherited map[string][]byte // descriptors of new keys, by that of the key above
}

// securityCell is a security descriptor that keys share.
type securityCell struct {
	at         uint32
	uses       uint32
	descriptor []byte
}

// placed is a node whose key has its place.
type placed struct {
	*Node
	at         uint32
	parent     *placed
	descriptor []byte
	depth      int
}

func (w *writer) encode(root *Node) ([]byte, error) {
	if w.o.Minor < minMinor || w.o.Minor > maxMinor {
		return nil, fmt.Errorf("minor version %d, want %d to %d", w.o.Minor, minMinor, maxMinor)
	}
	r := *root
	if r.Name == "" {
		r.Name = w.o.RootName
	}
	if r.Descriptor == nil {
		sd, err := w.o.Descriptor.KeyBytes()
		if err != nil {
			return nil, err
		}
		r.Descriptor = sd
	}
	top, err := w.place(&r, nil)
	if err == nil {
		err = w.fill(top)
	}
	if err != nil {
		return nil, err
	}
	w.closeRing()
	w.closeBin()
	h := Header{Primary: 1, Secondary: 1, Written: w.stamp, Major: 1, Minor: uint32(w.o.Minor), Format: 1,
		Root: top.at, BinsSize: uint32(len(w.buf)), Clustering: 1}
	if w.layered {
		h.Flags = flagLayered
	}
	return append(h.encode(), w.buf...), nil
}

// place gives a key its cell and its security descriptor.
func (w *writer) place(n *Node, parent *placed) (*placed, error) {
	p := &placed{Node: n, parent: parent, descriptor: n.Descriptor}
	if parent != nil {
		p.depth = parent.depth + 1
	}
	if err := w.check(p); err != nil {
		return nil, fmt.Errorf("key %q: %w", n.Name, err)
	}
	name, _ := encodeName(n.Name)
	var err error
	if p.at, err = w.alloc(keyNodeSize + len(name)); err != nil {
		return nil, err
	}
	if p.descriptor == nil {
		if p.descriptor, err = w.inherit(parent.descriptor); err != nil {
			return nil, fmt.Errorf("key %q: %w", n.Name, err)
		}
	}
	if w.security[string(p.descriptor)] == nil {
		s := &securityCell{descriptor: p.descriptor}
		if s.at, err = w.alloc(securityHeader + len(s.descriptor)); err != nil {
			return nil, err
		}
		w.security[string(p.descriptor)], w.ring = s, append(w.ring, s)
	}
	w.security[string(p.descriptor)].uses++
	return p, nil
}

func (w *writer) inherit(parent []byte) ([]byte, error) {
	if sd := w.inherited[string(parent)]; sd != nil {
		return sd, nil
	}
	sd, err := inherit(parent, w.o.Owner)
	w.inherited[string(parent)] = sd
	return sd, err
}

func (w *writer) check(p *placed) error {
	if err := p.Node.check(); err != nil {
		return err
	}
	if p.Layer != (Layer{}) || slices.ContainsFunc(p.Values, func(v Value) bool { return v.Tombstone }) {
		w.layered = true
	}
	switch {
	case p.depth > maxDepth:
		return fmt.Errorf("more than %d keys below the root", maxDepth)
	case w.layered && w.o.Minor < layeredMinor:
		return fmt.Errorf("layered keys need version 1.%d, this is 1.%d", layeredMinor, w.o.Minor)
	case p.parent != nil && p.parent.Layer.Semantics == SupersedeTree && p.Layer.Semantics != SupersedeTree && p.Layer.Semantics != Tombstone:
		return fmt.Errorf("below a key that hides all below it there can be only such keys and deleted ones")
	case p.Descriptor != nil:
		return checkDescriptor(p.Descriptor)
	}
	return nil
}

// fill writes a key that has its place, and all below it.
func (w *writer) fill(p *placed) error {
	k := keyNode{Time: w.stamp, Name: p.Name, Layer: p.Layer.encode(), Parent: noCell, Security: w.security[string(p.descriptor)].at,
		Subkeys: noCell, Values: noCell, Class: noCell, SubkeyCount: uint32(len(p.Subkeys)), ValueCount: uint32(len(p.Values))}
	if !p.Written.IsZero() {
		k.Time = winmeta.Filetime(p.Written)
	}
	switch {
	case p.parent == nil:
		k.Flags = keyRoot | keyNoDelete
	default:
		k.Parent = p.parent.at
	}
	if p.Link {
		k.Flags |= keyLink
	}
	var err error
	if p.Class != "" {
		class := encodeUTF16(p.Class)
		k.ClassSize = uint16(len(class))
		if k.Class, err = w.add(class); err != nil {
			return err
		}
	}
	if err := w.values(p, &k); err != nil {
		return fmt.Errorf("key %q: %w", p.Name, err)
	}
	subkeys, err := w.subkeys(p, &k)
	if err != nil {
		return err
	}
	body, err := k.encode()
	if err != nil {
		return fmt.Errorf("key %q: %w", p.Name, err)
	}
	w.put(p.at, body)
	for _, s := range subkeys {
		if err := w.fill(s); err != nil {
			return err
		}
	}
	return nil
}

// values writes the values of a key and the list of them.
func (w *writer) values(p *placed, k *keyNode) error {
	if len(p.Values) == 0 {
		return nil
	}
	var err error
	if k.Values, err = w.alloc(4 * len(p.Values)); err != nil {
		return err
	}
	list := make([]byte, 0, 4*len(p.Values))
	for _, v := range p.Values {
		at, err := w.value(v)
		if err != nil {
			return fmt.Errorf("value %q: %w", v.Name, err)
		}
		list = binary.LittleEndian.AppendUint32(list, at)
		k.MaxValueName = max(k.MaxValueName, uint32(2*unitCount(v.Name)))
		k.MaxData = max(k.MaxData, uint32(len(v.Data)))
	}
	w.put(k.Values, list)
	return nil
}

func (w *writer) value(v Value) (uint32, error) {
	n := valueNode{Name: v.Name, Type: v.Type, Size: uint32(len(v.Data)), Data: noCell}
	var err error
	switch {
	case v.Tombstone:
		n.Flags = valueTombstone
	case len(v.Data) == 0:
		n.Size, n.Data = inlineData, 0
	case len(v.Data) <= 4:
		var d [4]byte
		copy(d[:], v.Data)
		n.Size, n.Data = n.Size|inlineData, binary.LittleEndian.Uint32(d[:])
	case len(v.Data) > segmentSize && w.o.Minor >= minBigDataMinor:
		n.Data, err = w.bigData(v.Data)
	default:
		n.Data, err = w.add(v.Data)
	}
	if err != nil {
		return 0, err
	}
	return w.add(n.encode())
}

// bigData writes data in segments. As in Windows' own hives, the last has the
// room of a whole one too; so each fills its bin, and they come in order, which
// readers exist that rely on.
func (w *writer) bigData(data []byte) (uint32, error) {
	var list []byte
	for segment := range slices.Chunk(data, segmentSize) {
		at, err := w.alloc(segmentSize)
		if err != nil {
			return 0, err
		}
		w.put(at, segment)
		list = binary.LittleEndian.AppendUint32(list, at)
	}
	at, err := w.add(list)
	if err != nil {
		return 0, err
	}
	head := binary.LittleEndian.AppendUint16([]byte("db"), uint16(len(list)/4))
	return w.add(binary.LittleEndian.AppendUint32(head, at))
}

// subkeys gives the subkeys of a key their places and writes the list of them.
func (w *writer) subkeys(p *placed, k *keyNode) ([]*placed, error) {
	if len(p.Subkeys) == 0 {
		return nil, nil
	}
	sorted := slices.Clone(p.Subkeys)
	slices.SortFunc(sorted, func(a, b *Node) int { return compareNames(a.Name, b.Name) })
	subkeys := make([]*placed, len(sorted))
	for i, s := range sorted {
		if i > 0 && compareNames(sorted[i-1].Name, s.Name) == 0 {
			return nil, fmt.Errorf("key %q has two subkeys %q", p.Name, s.Name)
		}
		var err error
		if subkeys[i], err = w.place(s, p); err != nil {
			return nil, err
		}
		k.MaxSubkey = max(k.MaxSubkey, uint32(2*unitCount(s.Name)))
		k.MaxClass = max(k.MaxClass, uint32(2*unitCount(s.Class)))
	}
	var leaves []byte
	for part := range slices.Chunk(subkeys, leafSize) {
		at, err := w.leaf(part)
		if err != nil {
			return nil, err
		}
		leaves = binary.LittleEndian.AppendUint32(leaves, at)
	}
	if len(leaves) == 4 {
		k.Subkeys = binary.LittleEndian.Uint32(leaves)
		return subkeys, nil
	}
	if len(leaves)/4 > math.MaxUint16 {
		return nil, fmt.Errorf("key %q has %d subkeys, more than a hive can list", p.Name, len(subkeys))
	}
	var err error
	k.Subkeys, err = w.add(append(binary.LittleEndian.AppendUint16([]byte("ri"), uint16(len(leaves)/4)), leaves...))
	return subkeys, err
}

func (w *writer) leaf(subkeys []*placed) (uint32, error) {
	signature := "lh"
	if w.o.Minor < minHashMinor {
		signature = "lf"
	}
	list := binary.LittleEndian.AppendUint16([]byte(signature), uint16(len(subkeys)))
	for _, s := range subkeys {
		list = binary.LittleEndian.AppendUint32(list, s.at)
		if signature == "lh" {
			list = binary.LittleEndian.AppendUint32(list, hashName(s.Name))
		} else {
			list = append(list, hint(s.Name)...)
		}
	}
	return w.add(list)
}

// hint is what lf lists keep of a name: its first four characters, or nothing if
// they are not all Latin-1.
func hint(name string) []byte {
	b := make([]byte, 0, 4)
	for u := range units(name) {
		if u > 0xFF {
			return make([]byte, 4)
		}
		if b = append(b, byte(u)); len(b) == 4 {
			return b
		}
	}
	return append(b, make([]byte, 4-len(b))...)
}

// closeRing writes the security descriptors, each knowing its neighbours.
func (w *writer) closeRing() {
	for i, s := range w.ring {
		next, previous := w.ring[(i+1)%len(w.ring)], w.ring[(i+len(w.ring)-1)%len(w.ring)]
		w.put(s.at, encodeSecurity(next.at, previous.at, s.uses, s.descriptor))
	}
}

// add writes a cell.
func (w *writer) add(body []byte) (uint32, error) {
	at, err := w.alloc(len(body))
	if err == nil {
		w.put(at, body)
	}
	return at, err
}

// alloc finds room for a cell with a body of n bytes. Cells that do not fit into
// a bin of one page get a bin of their own.
func (w *writer) alloc(n int) (uint32, error) {
	size := uint32(cellSize(n))
	if size <= w.end-w.next {
		return w.mark(&w.next, size), nil
	}
	length := max(blockSize, (size+binHeader+blockSize-1)/blockSize*blockSize)
	if int64(len(w.buf))+int64(length) > math.MaxInt32 {
		return 0, fmt.Errorf("more than the 2 GB that a hive can hold")
	}
	start := uint32(len(w.buf))
	if length == blockSize {
		w.closeBin()
		w.next, w.end = start+binHeader, start+length
	}
	stamp := uint64(0)
	if start == 0 {
		stamp = w.stamp // only the first bin has one
	}
	head := newBin(start, stamp).buf
	binary.LittleEndian.PutUint32(head[8:], length)
	w.buf = append(append(w.buf, head...), make([]byte, length-binHeader)...)
	if length == blockSize {
		return w.mark(&w.next, size), nil
	}
	next := start + binHeader
	at := w.mark(&next, size)
	w.free(next, start+length)
	return at, nil
}

// mark makes a cell of the size at *next.
func (w *writer) mark(next *uint32, size uint32) uint32 {
	at := *next
	binary.LittleEndian.PutUint32(w.buf[at:], uint32(-int32(size)))
	*next += size
	return at
}

// closeBin fills the bin of small cells up with a free one.
func (w *writer) closeBin() { w.free(w.next, w.end) }

func (w *writer) free(from, to uint32) {
	if from < to {
		binary.LittleEndian.PutUint32(w.buf[from:], to-from)
	}
}

// put writes the body of a cell that has its place.
func (w *writer) put(at uint32, body []byte) { copy(w.buf[at+4:], body) }
