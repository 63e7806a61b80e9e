package layer

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"io"
	"math"
	"strconv"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/opencontainers/go-digest"
	"github.com/zeebo/blake3"

	"github.com/casement/casement/internal/store"
)

// Members are the independent pieces of a blob: each is a gzip member or zstd
// frame of its own, so that they can be made in parallel, and taken over from
// an older blob. Where one ends depends only on the entries around it: an
// edit moves no boundary elsewhere.
const (
	minMember  = 256 << 10 // a member ends at an entry only beyond this,
	meanMember = 768 << 10 // with a chance of an entry's size in this many bytes,
	maxMember  = 2 << 20   // and certainly here.
	largeFile  = 1 << 20   // Larger files are cut into slices of this size.
)

// member is one piece: whole items, or a slice of one large item.
type member struct {
	lo, hi int   // items
	slice  int   // number of the slice, -1 for whole items
	raw    int64 // bytes of the tar
	last   bool  // the tar's trailer follows
}

// members cuts the plan into pieces.
func (p *Plan) members() []member {
	var out []member
	cur := member{slice: -1}
	flush := func(next int) {
		if cur.raw > 0 {
			cur.hi = next
			out = append(out, cur)
		}
		cur = member{lo: next, slice: -1}
	}
	for i := range p.items {
		it := &p.items[i]
		if it.size > largeFile {
			flush(i)
			out = append(out, it.slices(i)...)
			cur.lo = i + 1
			continue
		}
		if cur.raw >= maxMember || cur.raw >= minMember && cutsBefore(it) {
			flush(i)
		}
		cur.raw += it.length()
	}
	flush(len(p.items))
	if len(out) == 0 {
		out = append(out, member{slice: -1})
	}
	out[len(out)-1].last = true
	out[len(out)-1].raw += trailer
	return out
}

// cutsBefore decides by the entry alone whether a member ends before it.
func cutsBefore(it *item) bool {
	h := fnv.New64a()
	io.WriteString(h, it.name)
	// FNV's high bits are weak for short texts; a multiplication spreads them.
	return float64(h.Sum64()*0x9E3779B97F4A7C15)/math.MaxUint64 < float64(it.length())/meanMember
}

// slices cuts a large file.
func (it *item) slices(i int) []member {
	var out []member
	for off := int64(0); off < it.size; off += largeFile {
		m := member{lo: i, hi: i + 1, slice: int(off / largeFile), raw: min(largeFile, it.size-off)}
		if off == 0 {
			m.raw += int64(it.encoded)
		}
		if off+largeFile >= it.size {
			m.raw += padding(it.size)
		}
		out = append(out, m)
	}
	return out
}

// key names the bytes of the member, before and after compression; "" if a
// content has no digest.
func (m *member) key(p *Plan, digests []string) string {
	h := blake3.New()
	fmt.Fprintf(h, "%s\x00%d %t %d %d\x00", formatVersion, m.slice, m.last, p.opts.Compression, p.opts.Level)
	var b []byte
	for i := m.lo; i < m.hi; i++ {
		if digests[i] == "" {
			return ""
		}
		b = appendKey(b[:0], &p.items[i].header, digests[i])
		_, _ = h.Write(b)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// pastMember is what is kept of a member of a packed blob.
type pastMember struct {
	Key  string `json:"key,omitempty"`
	Size int64  `json:"size"` // in the blob
	Raw  int64  `json:"raw"`  // in the tar
	// The states of the two hashes behind the member. Blob is empty for an
	// uncompressed blob, where both are the same.
	Tar  []byte `json:"tar"`
	Blob []byte `json:"blob,omitempty"`

	offset int64
}

// past is the last blob of a lineage.
type past struct {
	Blob    digest.Digest `json:"blob"`
	Members []pastMember  `json:"members"`

	byKey map[string]*pastMember
}

// The kinds of the records that the package keeps in the store.
const (
	kindPack    = "pack"       // Plan.Key -> packed
	kindMembers = "members"    // lineage -> past
	kindIndex   = "layerindex" // blob digest -> index
)

// lineage is the key of the lineage's record; "" if there is none.
func (p *Plan) lineage() string {
	if p.opts.Lineage == "" {
		return ""
	}
	o := p.opts
	return formatVersion + "\x00" + o.Format.String() + "\x00" + o.Compression.String() + strconv.Itoa(o.Level) + "\x00" + o.Lineage
}

// loadPast returns the last blob of the plan's lineage. Anything wrong with
// the record only costs the work that it would have saved.
func (p *Plan) loadPast(st *store.Store) *past {
	key := p.lineage()
	if key == "" || p.opts.NoCache {
		return nil
	}
	rec, err := st.Get(kindMembers, key)
	if err != nil {
		return nil
	}
	old := &past{byKey: map[string]*pastMember{}}
	if json.Unmarshal(rec.Value, old) != nil {
		return nil
	}
	offset := int64(0)
	for i := range old.Members {
		m := &old.Members[i]
		m.offset = offset
		if m.Size <= 0 || m.Raw <= 0 || m.Size > 2*maxMember+1<<20 || m.Raw > 2*maxMember+1<<20 {
			return nil
		}
		offset += m.Size
		if m.Key != "" {
			old.byKey[m.Key] = m
		}
	}
	if size, err := st.Stat(old.Blob); err != nil || size != offset {
		return nil
	}
	return old
}

func (p *Plan) savePast(ctx context.Context, st *store.Store, now *past) error {
	key := p.lineage()
	if key == "" {
		return nil
	}
	value, err := json.Marshal(now)
	if err != nil {
		return fmt.Errorf("noting a layer's members: %w", err)
	}
	return st.Put(ctx, kindMembers, key, value, now.Blob)
}

// compressor makes members. Each worker has its own.
type compressor struct {
	kind Compression
	gz   *gzip.Writer
	zs   *zstd.Encoder
}

func newCompressor(o Options) (*compressor, error) {
	c := &compressor{kind: o.Compression}
	var err error
	switch o.Compression {
	case Gzip:
		level := o.Level
		if level == 0 {
			level = gzip.BestSpeed
		}
		c.gz, err = gzip.NewWriterLevel(io.Discard, level)
	case Zstd:
		level := zstd.SpeedFastest
		if o.Level != 0 {
			level = zstd.EncoderLevelFromZstd(o.Level)
		}
		c.zs, err = zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(level), zstd.WithWindowSize(1<<20))
	}
	if err != nil {
		return nil, fmt.Errorf("compressing a layer with %s at level %d: %w", o.Compression, o.Level, err)
	}
	return c, nil
}

// appendTo adds the compressed form of raw to b.
func (c *compressor) appendTo(b, raw []byte) ([]byte, error) {
	if c.kind == Zstd {
		return c.zs.EncodeAll(raw, b), nil
	}
	out := sliceWriter{b}
	c.gz.Reset(&out)
	if _, err := c.gz.Write(raw); err != nil {
		return nil, err
	}
	err := c.gz.Close()
	return out.b, err
}

// sliceWriter appends to a slice.
type sliceWriter struct{ b []byte }

func (w *sliceWriter) Write(p []byte) (int, error) {
	w.b = append(w.b, p...)
	return len(p), nil
}
