package fetch

import (
	"encoding/binary"
	"io"
)

// LZX, the compression of most cabinets: Huffman codes over a window, in frames
// of 32 KiB, with the addresses in calls of x86 programs made absolute so that
// they repeat.

const (
	lzxFrame    = 32 << 10
	lzxLengths  = 249 // symbols of the tree of lengths
	lzxLongest  = 16  // bits of a code
	lzxVerbatim = 1
	lzxAligned  = 2
	lzxPlain    = 3
)

// lzxReader decompresses the data of one folder of a cabinet.
type lzxReader struct {
	src    io.ByteReader
	bits   uint64 // the last count bits that were read and not used
	count  uint
	padded int // words of zeros that stand for data behind the end

	window []byte
	pos    int   // in the window
	offset int64 // in the output

	started   bool
	calls     int32 // size of the program whose calls are translated; 0 is none
	callsSeen bool

	kind       uint32
	left       int // bytes of the block that are to come
	odd        bool
	last       [3]int // offsets that were used last
	mainSizes  []uint8
	lenSizes   [lzxLengths]uint8
	main, lens huffman
	aligned    huffman
}

// newLZX makes a reader with a window of 2 to the power of bits, 15 to 21.
func newLZX(src io.ByteReader, bits uint) *lzxReader {
	slots := 2 * bits
	switch bits {
	case 20:
		slots = 42
	case 21:
		slots = 50
	}
	return &lzxReader{src: src, window: make([]byte, 1<<bits), last: [3]int{1, 1, 1}, mainSizes: make([]uint8, 256+8*slots)}
}

// need makes sure of n bits, at most 32. Codes are looked up some bits further
// than they go, so the data may end a little before.
func (z *lzxReader) need(n uint) error {
	for z.count < n {
		low, err := z.src.ReadByte()
		var high byte
		if err == nil {
			high, err = z.src.ReadByte()
		}
		if err == io.EOF {
			if z.padded++; z.padded > 2 {
				return errCab
			}
			low, high = 0, 0
		} else if err != nil {
			return err
		}
		z.bits = z.bits<<16 | uint64(high)<<8 | uint64(low)
		z.count += 16
	}
	return nil
}

// take reads n bits, at most 32.
func (z *lzxReader) take(n uint) (uint32, error) {
	if n == 0 {
		return 0, nil
	}
	if err := z.need(n); err != nil {
		return 0, err
	}
	z.count -= n
	return uint32(z.bits >> z.count & (1<<n - 1)), nil
}

// symbol reads one code of a tree.
func (z *lzxReader) symbol(h *huffman) (int, error) {
	if err := z.need(lzxLongest); err != nil {
		return 0, err
	}
	s, size := h.find(uint32(z.bits >> (z.count - lzxLongest) & (1<<lzxLongest - 1)))
	if size == 0 {
		return 0, errCab
	}
	z.count -= size
	return s, nil
}

// frame decompresses the next frame, whose size is known from outside.
func (z *lzxReader) frame(size int) ([]byte, error) {
	if size > lzxFrame || z.pos+size > len(z.window) {
		return nil, errCab
	}
	if err := z.start(); err != nil {
		return nil, err
	}
	from := z.pos
	for end := from + size; z.pos < end; {
		if z.left == 0 {
			if err := z.block(); err != nil {
				return nil, err
			}
		}
		run := min(z.left, end-z.pos)
		var err error
		if z.kind == lzxPlain {
			err = z.plain(run)
		} else {
			err = z.packed(z.pos+run, end)
		}
		if err != nil {
			return nil, err
		}
	}
	z.count -= z.count % 16 // frames begin at a word
	out := make([]byte, size)
	copy(out, z.window[from:z.pos])
	z.translate(out)
	z.offset += int64(size)
	if z.pos == len(z.window) {
		z.pos = 0
	}
	return out, nil
}

// start reads what is in front of the first block.
func (z *lzxReader) start() error {
	if z.started {
		return nil
	}
	z.started = true
	has, err := z.take(1)
	if err != nil || has == 0 {
		return err
	}
	size, err := z.take(32)
	z.calls = int32(size)
	return err
}

// block reads the head of a block.
func (z *lzxReader) block() (err error) {
	if z.kind == lzxPlain && z.odd {
		if _, err := z.src.ReadByte(); err != nil {
			return errCab
		}
	}
	if z.kind, err = z.take(3); err != nil {
		return err
	}
	size, err := z.take(24)
	if err != nil || size == 0 {
		return errCab
	}
	z.left = int(size)
	switch z.kind {
	case lzxAligned:
		var sizes [8]uint8
		for i := range sizes {
			n, err := z.take(3)
			if err != nil {
				return err
			}
			sizes[i] = uint8(n)
		}
		if !z.aligned.build(sizes[:]) {
			return errCab
		}
		return z.trees()
	case lzxVerbatim:
		return z.trees()
	case lzxPlain:
		return z.plainHead()
	}
	return errCab
}

// plainHead reads the offsets in front of a block that is not compressed. It
// begins at the next word, even where this one is used up.
func (z *lzxReader) plainHead() error {
	z.callsSeen, z.odd = true, z.left%2 == 1
	if z.count%16 == 0 {
		if err := z.need(z.count + 1); err != nil {
			return err
		}
		z.count -= 16
	}
	z.count -= z.count % 16
	if z.count > 0 || z.padded > 0 {
		return errCab // codes never look so far ahead in front of such a block
	}
	var b [12]byte
	for i := range b {
		c, err := z.src.ReadByte()
		if err != nil {
			return errCab
		}
		b[i] = c
	}
	for i := range z.last {
		z.last[i] = int(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return nil
}

// plain copies bytes of a block that is not compressed.
func (z *lzxReader) plain(n int) error {
	for range n {
		c, err := z.src.ReadByte()
		if err != nil {
			return errCab
		}
		z.window[z.pos] = c
		z.pos++
	}
	z.left -= n
	return nil
}

// trees reads the trees of a block, which are told as differences to those of
// the block before.
func (z *lzxReader) trees() error {
	if err := z.sizes(z.mainSizes[:256]); err != nil {
		return err
	}
	if err := z.sizes(z.mainSizes[256:]); err != nil {
		return err
	}
	if err := z.sizes(z.lenSizes[:]); err != nil {
		return err
	}
	if !z.main.build(z.mainSizes) || !z.lens.build(z.lenSizes[:]) {
		return errCab
	}
	if z.mainSizes[0xE8] != 0 {
		z.callsSeen = true
	}
	return nil
}

// sizes reads the sizes of codes.
func (z *lzxReader) sizes(list []uint8) error {
	var pre [20]uint8
	for i := range pre {
		n, err := z.take(4)
		if err != nil {
			return err
		}
		pre[i] = uint8(n)
	}
	var tree huffman
	if !tree.build(pre[:]) {
		return errCab
	}
	for i := 0; i < len(list); {
		s, err := z.symbol(&tree)
		if err != nil {
			return err
		}
		run, value := 1, uint8(0)
		switch s {
		case 17, 18:
			bits, least := uint(4), 4
			if s == 18 {
				bits, least = 5, 20
			}
			n, err := z.take(bits)
			if err != nil {
				return err
			}
			run = int(n) + least
		case 19:
			n, err := z.take(1)
			if err != nil {
				return err
			}
			run = int(n) + 4
			if s, err = z.symbol(&tree); err != nil {
				return err
			}
			fallthrough
		default:
			if s > 16 {
				return errCab
			}
			value = uint8((int(list[i]) - s + 17) % 17)
		}
		if i+run > len(list) {
			return errCab
		}
		for range run {
			list[i] = value
			i++
		}
	}
	return nil
}

// packed decompresses up to a place in the window. A match may go on behind it,
// but not out of the frame or the block.
func (z *lzxReader) packed(to, end int) error {
	for z.pos < to {
		s, err := z.symbol(&z.main)
		if err != nil {
			return err
		}
		if s < 256 {
			z.window[z.pos] = byte(s)
			z.pos, z.left = z.pos+1, z.left-1
			continue
		}
		length := (s-256)&7 + 2
		if length == 9 {
			n, err := z.symbol(&z.lens)
			if err != nil {
				return err
			}
			length += n
		}
		distance, err := z.distance((s - 256) >> 3)
		if err != nil {
			return err
		}
		if z.pos+length > end || length > z.left || distance < 1 || distance > len(z.window) {
			return errCab
		}
		from := z.pos - distance
		if from < 0 {
			from += len(z.window)
		}
		for range length {
			z.window[z.pos] = z.window[from]
			if z.pos, from = z.pos+1, from+1; from == len(z.window) {
				from = 0
			}
		}
		z.left -= length
	}
	return nil
}

// distance reads how far back a match is.
func (z *lzxReader) distance(slot int) (int, error) {
	if slot < 3 {
		d := z.last[slot]
		z.last[slot], z.last[0] = z.last[0], d
		return d, nil
	}
	base, extra := lzxSlot(slot)
	d := base - 2
	switch {
	case z.kind == lzxAligned && extra >= 3:
		n, err := z.take(extra - 3)
		if err != nil {
			return 0, err
		}
		low, err := z.symbol(&z.aligned)
		if err != nil {
			return 0, err
		}
		d += int(n)<<3 + low
	default:
		n, err := z.take(extra)
		if err != nil {
			return 0, err
		}
		d += int(n)
	}
	z.last[0], z.last[1], z.last[2] = d, z.last[0], z.last[1]
	return d, nil
}

// lzxSlot is where a slot of distances begins, and how many more bits say where
// in it.
func lzxSlot(slot int) (base int, extra uint) {
	switch {
	case slot < 4:
		return slot, 0
	case slot < 36:
		extra = uint(slot/2 - 1)
		return (2 + slot&1) << extra, extra
	}
	return 1<<18 + (slot-36)<<17, 17
}

// translate makes the addresses of calls relative again.
func (z *lzxReader) translate(b []byte) {
	const most = 1 << 30 // of the output, from where on nothing is translated
	if z.calls == 0 || !z.callsSeen || len(b) <= 10 || z.offset >= most {
		return
	}
	for i := 0; i < len(b)-10; i++ {
		if b[i] != 0xE8 {
			continue
		}
		at := int32(z.offset) + int32(i)
		to := int32(binary.LittleEndian.Uint32(b[i+1:]))
		switch {
		case to >= 0 && to < z.calls:
			binary.LittleEndian.PutUint32(b[i+1:], uint32(to-at))
		case to < 0 && to >= -at:
			binary.LittleEndian.PutUint32(b[i+1:], uint32(to+z.calls))
		}
		i += 4
	}
}

// huffman decodes canonical codes of up to 16 bits.
type huffman struct {
	// first[n] is the first code of n bits, moved to the left, and index[n] its
	// place in symbols.
	first   [lzxLongest + 2]uint32
	index   [lzxLongest + 2]int
	symbols []uint16
	// short has symbol<<4|size of the codes that begin with these bits.
	short [1 << shortCode]uint16
}

const shortCode = 10

// build makes the tree of the sizes; false if they are those of none. A tree
// without any code is right as long as it is not asked.
func (h *huffman) build(sizes []uint8) bool {
	var count [lzxLongest + 1]int
	for _, n := range sizes {
		count[n]++
	}
	if h.symbols = h.symbols[:0]; count[0] == len(sizes) {
		h.first = [lzxLongest + 2]uint32{}
		h.index = [lzxLongest + 2]int{}
		clear(h.short[:])
		return true
	}
	code, place := uint32(0), 0
	for n := 1; n <= lzxLongest; n++ {
		h.first[n], h.index[n] = code, place
		code += uint32(count[n]) << (lzxLongest - n)
		place += count[n]
	}
	if h.first[lzxLongest+1], h.index[lzxLongest+1] = code, place; code != 1<<lzxLongest {
		return false
	}
	next := h.index
	h.symbols = append(h.symbols, make([]uint16, place)...)
	for s, n := range sizes {
		if n > 0 {
			h.symbols[next[n]] = uint16(s)
			next[n]++
		}
	}
	for i := range h.short {
		s, n := h.search(uint32(i) << (lzxLongest - shortCode))
		if n > shortCode {
			n = 0
		}
		h.short[i] = uint16(s)<<4 | uint16(n)
	}
	return true
}

// find returns the symbol whose code is in front of 16 bits, and its size; 0 if
// there is none.
func (h *huffman) find(bits uint32) (symbol int, size uint) {
	if e := h.short[bits>>(lzxLongest-shortCode)]; e&15 != 0 {
		return int(e >> 4), uint(e & 15)
	}
	return h.search(bits)
}

func (h *huffman) search(bits uint32) (symbol int, size uint) {
	for n := uint(1); n <= lzxLongest; n++ {
		if bits < h.first[n+1] {
			return int(h.symbols[h.index[n]+int(bits-h.first[n])>>(lzxLongest-n)]), n
		}
	}
	return 0, 0
}
