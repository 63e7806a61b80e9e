package layer

import (
	"encoding/binary"
	"io"

	"github.com/opencontainers/go-digest"

	"github.com/casement/casement/internal/store"
	"github.com/casement/casement/internal/tree"
)

// indexVersion names the encoding of indexes.
const indexVersion = "2"

// encode returns the index as bytes; the encoding is private to this file.
func (x *index) encode() []byte {
	e := indexEncoder{}
	e.num(x.end)
	e.flag(x.done)
	e.str(string(x.diffID))
	e.num(x.vm)
	e.num(x.other)
	e.num(int64(len(x.hives)))
	for _, h := range x.hives {
		e.str(h.name)
		e.num(h.size)
		e.num(h.offset)
	}
	e.num(int64(len(x.descs)))
	for _, d := range x.descs {
		e.str(d)
	}
	e.num(int64(len(x.recs)))
	for i := range x.recs {
		r := &x.recs[i]
		e.num(int64(r.what))
		e.num(int64(r.kind))
		e.str(r.name)
		e.str(r.link)
		for _, n := range [...]int64{r.size, r.offset, r.mode, r.uid, r.gid, r.major, r.minor,
			r.mtime, r.atime, r.ctime, r.btime, int64(r.attributes), int64(r.descriptor)} {
			e.num(n)
		}
		e.flag(r.char)
		e.num(int64(len(r.extra)))
		for _, k := range sortedKeys(r.extra) {
			e.str(k)
			e.str(r.extra[k])
		}
	}
	return e.b
}

type indexEncoder struct{ b []byte }

func (e *indexEncoder) num(n int64) { e.b = binary.AppendVarint(e.b, n) }

func (e *indexEncoder) str(s string) {
	e.b = binary.AppendUvarint(e.b, uint64(len(s)))
	e.b = append(e.b, s...)
}

func (e *indexEncoder) flag(f bool) {
	n := int64(0)
	if f {
		n = 1
	}
	e.num(n)
}

// decodeIndex is the inverse of encode. It refuses whatever encode cannot have
// written.
func decodeIndex(b []byte, f Format, blob digest.Digest) (*index, error) {
	x := newIndex(f, blob)
	d := indexDecoder{b: b}
	x.end = d.num()
	x.done = d.num() == 1
	x.diffID = digest.Digest(d.str())
	x.vm, x.other = d.num(), d.num()
	for range d.count() {
		h := rec{what: isHive, kind: tree.File, name: d.str(), size: d.num(), offset: d.num(), descriptor: -1}
		if h.size < 0 || h.offset < 0 {
			return nil, errBadIndex
		}
		x.hives = append(x.hives, h)
	}
	for range d.count() {
		x.descriptor(d.str())
	}
	for range d.count() {
		r := d.rec()
		if d.bad || r.descriptor < -1 || r.descriptor >= len(x.descs) || r.what > isOpaque || r.size < 0 || r.offset < 0 {
			return nil, errBadIndex
		}
		if err := x.put(r); err != nil {
			return nil, errBadIndex
		}
	}
	if d.bad || len(d.b) > 0 {
		return nil, errBadIndex
	}
	return x, nil
}

type indexDecoder struct {
	b   []byte
	bad bool
}

func (d *indexDecoder) rec() rec {
	r := rec{what: byte(d.num()), kind: tree.Kind(d.num()), name: d.str(), link: d.str()}
	for _, to := range [...]*int64{&r.size, &r.offset, &r.mode, &r.uid, &r.gid, &r.major, &r.minor, &r.mtime, &r.atime, &r.ctime, &r.btime} {
		*to = d.num()
	}
	r.attributes, r.descriptor = uint32(d.num()), int(d.num())
	r.char = d.num() == 1
	for range d.count() {
		k := d.str()
		r.set(k, d.str())
	}
	return r
}

func (d *indexDecoder) num() int64 {
	n, l := binary.Varint(d.b)
	if l <= 0 {
		d.bad, d.b = true, nil
		return 0
	}
	d.b = d.b[l:]
	return n
}

// count reads the length of a list, each of whose elements takes a byte at least.
func (d *indexDecoder) count() int64 {
	n := d.num()
	if n < 0 || n > int64(len(d.b)) {
		d.bad, d.b = true, nil
		return 0
	}
	return n
}

func (d *indexDecoder) str() string {
	n, l := binary.Uvarint(d.b)
	if l <= 0 || n > uint64(len(d.b)-l) {
		d.bad, d.b = true, nil
		return ""
	}
	s := string(d.b[l : l+int(n)])
	d.b = d.b[l+int(n):]
	return s
}

// readBlob returns a small blob of the store.
func readBlob(st *store.Store, d digest.Digest) ([]byte, error) {
	f, err := st.OpenBlob(d)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(f)
}
