package layer

import (
	"archive/tar"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/klauspost/compress/zstd"
	"github.com/opencontainers/go-digest"

	"github.com/casement/casement/internal/store"
	"github.com/casement/casement/internal/tree"
)

// index is what is known of a layer's tar: its headers, as far as they were
// read.
type index struct {
	format Format
	// archive says that the tar is no layer: nothing in it is a whiteout, and
	// of two entries with one name the later counts, as for every unpacker.
	archive bool
	blob    digest.Digest // for content digests
	what    string        // for errors: which layer it is
	recs    []rec
	exact   map[string]int // by name: the last rec for it
	folded  map[string]int
	descs   []string // security descriptors
	descID  map[string]int
	// end is where the next header begins in the tar.
	end int64
	// done says that the tar was read to its end, and that the blob's digest
	// was right.
	done   bool
	diffID digest.Digest // "" as long as it was not computed
	hives  []rec         // files below Hives, by their names in it
	vm     int64         // entries below UtilityVM
	other  int64         // entries at other places, which nothing reads
}

// What a rec says about its name.
const (
	isEntry = iota
	isRemoved
	isOpaque
	isHive // it lies in Hives, and no name of the tree means it
)

// rec is one header.
type rec struct {
	what   byte
	kind   tree.Kind
	name   string // in the tree
	link   string
	size   int64
	offset int64 // of the content in the tar

	mode         int64
	uid, gid     int64
	major, minor int64
	char         bool

	mtime, atime, ctime, btime int64 // nanoseconds since 1970; noTime if unknown

	attributes uint32
	descriptor int               // in index.descs, -1 if none
	extra      map[string]string // extended attributes
}

const noTime = -1 << 63

func newIndex(f Format, blob digest.Digest) *index {
	return &index{format: f, blob: blob, exact: map[string]int{}, folded: map[string]int{}, descID: map[string]int{}}
}

// refuse makes the error for an entry that must not be in a layer.
func (x *index) refuse(name, rule string) error {
	e := &EntryError{Name: strings.TrimPrefix(strings.ToValidUTF8(strings.ReplaceAll(name, "\x00", "\\0"), "\uFFFD"), "/"), Rule: rule}
	if x.archive {
		e.Advice = "the archive is damaged or hostile; do not use it"
		return e
	}
	e.Layer, e.Advice = x.what, "the layer is damaged or hostile; do not use it"
	if e.Layer == "" {
		e.Layer = blobName(x.blob)
	}
	return e
}

// noun is what the index is of.
func (x *index) noun() string {
	if x.archive {
		return "archive"
	}
	return "layer"
}

// clean checks a name of the tar and brings it into the form that trees have.
func (x *index) clean(name string) (string, error) {
	switch {
	case strings.ContainsRune(name, 0):
		return "", x.refuse(name, "has a NUL in its name")
	case !utf8.ValidString(name):
		return "", x.refuse(name, "has a name that is not UTF-8")
	case strings.HasPrefix(name, "/"):
		return "", x.refuse(name, "has an absolute name")
	case x.format == Windows && strings.Contains(name, `\`):
		return "", x.refuse(name, "has a backslash in its name")
	}
	for part := range strings.SplitSeq(name, "/") {
		if part == ".." {
			return "", x.refuse(name, "has a name that leads out of its "+x.noun())
		}
	}
	return tree.Clean(name), nil
}

// inTree cuts the directory Files off a name of a Windows layer. What lies
// beside it is counted and not part of the tree.
func (x *index) inTree(name string) (string, bool) {
	if x.format == Linux {
		return name, true
	}
	top, rest, _ := strings.Cut(name, "/")
	switch {
	case tree.SameName(top, filesDir):
		return rest, true
	case tree.SameName(top, hivesDir):
	case tree.SameName(top, "UtilityVM"):
		x.vm++
	default:
		x.other++
	}
	return "", false
}

// inHives cuts the directory Hives off a name of a Windows layer.
func (x *index) inHives(name string) (string, bool) {
	top, rest, below := strings.Cut(name, "/")
	return rest, x.format == Windows && below && tree.SameName(top, hivesDir)
}

// add takes a header into the index. offset is where the content begins.
func (x *index) add(h *tar.Header, offset int64) error {
	full, err := x.clean(h.Name)
	if err != nil {
		return err
	}
	if name, ok := x.inHives(full); ok {
		if h.Typeflag == tar.TypeReg && h.Size >= 0 {
			x.hives = append(x.hives, rec{what: isHive, kind: tree.File, name: name, size: h.Size, offset: offset, descriptor: -1})
		}
		return nil
	}
	name, ok := x.inTree(full)
	if !ok || name == "" && h.Typeflag != tar.TypeDir {
		return nil
	}
	r := rec{name: name, size: h.Size, offset: offset, descriptor: -1}
	if base := tree.Base(name); strings.HasPrefix(base, whiteout) && !x.archive {
		r.what, r.name = isRemoved, tree.Join(tree.Parent(name), base[len(whiteout):])
		switch {
		case base == opaque && x.format == Linux:
			r.what, r.name = isOpaque, tree.Parent(name)
		case base == opaque:
			return nil // Windows takes it for the removal of a file that is not there
		case strings.HasPrefix(base, whiteout+whiteout), base == whiteout:
			return nil // marks of aufs, which no runtime reads
		}
		return x.put(r)
	}
	if err := x.kind(&r, h); err != nil {
		return err
	}
	if err := x.metadata(&r, h); err != nil {
		return err
	}
	return x.put(r)
}

// kind decides what the entry is.
func (x *index) kind(r *rec, h *tar.Header) error {
	switch h.Typeflag {
	case tar.TypeReg, 0, tar.TypeGNUSparse, tar.TypeCont:
		r.kind = tree.File
		if h.Size < 0 || h.Size > 1<<42 || isSparse(h) && (h.Size > 1<<36 || x.format == Windows) {
			return x.refuse(h.Name, "has an absurd size")
		}
	case tar.TypeDir:
		r.kind, r.size = tree.Dir, 0
	case tar.TypeSymlink:
		r.kind, r.size = tree.Symlink, 0
		if strings.ContainsRune(h.Linkname, 0) || !utf8.ValidString(h.Linkname) || h.Linkname == "" {
			return x.refuse(h.Name, "is a link without a usable target")
		}
		r.link = h.Linkname
		if x.format == Windows {
			r.link = strings.ReplaceAll(r.link, `\`, "/")
			if _, ok := h.PAXRecords[paxMountpoint]; ok {
				r.kind = tree.Junction
			}
		}
	case tar.TypeLink:
		r.kind, r.size = tree.Hardlink, 0
		target, err := x.clean(h.Linkname)
		if err != nil {
			return x.refuse(h.Name, "is a hard link that leads out of its "+x.noun())
		}
		if x.format == Windows {
			top, rest, _ := strings.Cut(target, "/")
			if !tree.SameName(top, filesDir) {
				return x.refuse(h.Name, "is a hard link to a place outside Files")
			}
			target = rest
		}
		if target == "" {
			return x.refuse(h.Name, "is a hard link to the root")
		}
		r.link = target
	case tar.TypeChar, tar.TypeBlock, tar.TypeFifo:
		if x.format == Windows {
			return x.refuse(h.Name, "is a device or pipe, and Windows layers have none")
		}
		r.kind, r.size = tree.Device, 0
		r.char, r.major, r.minor = h.Typeflag == tar.TypeChar, h.Devmajor, h.Devminor
		if h.Typeflag == tar.TypeFifo {
			r.kind = tree.Fifo
		}
	default:
		return x.refuse(h.Name, fmt.Sprintf("has the unknown type %q", h.Typeflag))
	}
	return nil
}

// isSparse reports whether a file has holes, which cost the sender nothing.
func isSparse(h *tar.Header) bool {
	if h.Typeflag == tar.TypeGNUSparse {
		return true
	}
	for k := range h.PAXRecords {
		if strings.HasPrefix(k, "GNU.sparse.") {
			return true
		}
	}
	return false
}

// metadata reads times, owners and records.
func (x *index) metadata(r *rec, h *tar.Header) error {
	r.mtime, r.atime, r.ctime, r.btime = nanos(h.ModTime), nanos(h.AccessTime), nanos(h.ChangeTime), noTime
	r.mode, r.uid, r.gid = h.Mode, int64(h.Uid), int64(h.Gid)
	if x.format == Linux {
		for k, v := range h.PAXRecords {
			if name, ok := strings.CutPrefix(k, paxXattr); ok {
				r.set(name, v)
			}
		}
		return nil
	}
	for k, v := range h.PAXRecords {
		switch {
		case k == paxAttributes:
			n, err := strconv.ParseUint(v, 10, 32)
			if err != nil {
				return x.refuse(h.Name, "has file attributes that are no number")
			}
			r.attributes = uint32(n)
		case k == paxDescriptor:
			sd, err := base64.StdEncoding.DecodeString(v)
			if err != nil {
				return x.refuse(h.Name, "has a security descriptor that cannot be read")
			}
			r.descriptor = x.descriptor(string(sd))
		case k == paxCreated:
			if t, ok := parseTime(v); ok {
				r.btime = t
			}
		case strings.HasPrefix(k, paxEA):
			b, err := base64.StdEncoding.DecodeString(v)
			if err != nil {
				return x.refuse(h.Name, "has an extended attribute that cannot be read")
			}
			r.set(k[len(paxEA):], string(b))
		}
	}
	return nil
}

func (r *rec) set(k, v string) {
	if r.extra == nil {
		r.extra = map[string]string{}
	}
	r.extra[k] = v
}

func (x *index) descriptor(sd string) int {
	id, ok := x.descID[sd]
	if !ok {
		id = len(x.descs)
		x.descs, x.descID[sd] = append(x.descs, sd), id
	}
	return id
}

func nanos(t time.Time) int64 {
	if t.IsZero() || t.Year() < 1700 || t.Year() > 2250 {
		return noTime
	}
	return t.UnixNano()
}

func timeOf(n int64) time.Time {
	if n == noTime {
		return time.Time{}
	}
	return time.Unix(0, n)
}

// parseTime reads seconds with an optional decimal fraction.
func parseTime(s string) (int64, bool) {
	sec, frac, _ := strings.Cut(s, ".")
	n, err := strconv.ParseInt(sec, 10, 64)
	if err != nil || n > 1<<33 || n < -1<<33 {
		return 0, false
	}
	f, err := strconv.ParseUint((frac + "000000000")[:9], 10, 32)
	if err != nil {
		return 0, false
	}
	if strings.HasPrefix(sec, "-") {
		return n*1e9 - int64(f), true
	}
	return n*1e9 + int64(f), true
}

// put adds a rec. The same name twice is only harmless for directories and
// removals: no two runtimes agree on which of two files counts.
func (x *index) put(r rec) error {
	if r.what != isEntry {
		// An entry of the same name counts more than its removal.
		x.recs = append(x.recs, r)
		return nil
	}
	i, ok := x.find(r.name, x.format == Windows)
	if ok {
		switch {
		case x.archive:
			x.recs[i] = r
			return nil
		case x.recs[i].kind == tree.Dir && r.kind == tree.Dir:
			return nil
		}
		return x.refuse(r.name, "is there twice")
	}
	x.exact[r.name] = len(x.recs)
	x.folded[tree.Fold(r.name)] = len(x.recs)
	x.recs = append(x.recs, r)
	return nil
}

// find returns the entry of that name.
func (x *index) find(name string, fold bool) (int, bool) {
	if fold {
		i, ok := x.folded[tree.Fold(name)]
		return i, ok
	}
	i, ok := x.exact[name]
	return i, ok
}

// entry returns the tree entry of a rec; content gives files their bytes.
func (x *index) entry(r *rec, content func(*rec) tree.Content) *tree.Entry {
	e := &tree.Entry{
		Name: r.name, Kind: r.kind, Target: r.link,
		Times: tree.Times{Modified: timeOf(r.mtime), Accessed: timeOf(r.atime), Changed: timeOf(r.ctime), Created: timeOf(r.btime)},
	}
	if x.format == Windows {
		w := &tree.Windows{Attributes: r.attributes}
		if r.descriptor >= 0 {
			w.Descriptor = []byte(x.descs[r.descriptor])
		}
		for k, v := range r.extra {
			if w.EA == nil {
				w.EA = map[string][]byte{}
			}
			w.EA[k] = []byte(v)
		}
		e.Windows = w
		e.DirLink = r.kind == tree.Symlink && r.attributes&16 != 0
	} else {
		e.Unix = &tree.Unix{Mode: uint32(r.mode & 0o7777), UID: int(r.uid), GID: int(r.gid), Xattrs: maps.Clone(r.extra),
			Char: r.char, Major: r.major, Minor: r.minor}
	}
	if r.kind == tree.File {
		e.Size = r.size
		if r.size > 0 {
			e.Content = content(r)
		}
	}
	return e
}

// change returns what the layer does to a name of the index. A hard link comes
// as the file that it is, if the target is in the index.
func (x *index) change(i int, content func(*rec) tree.Content) (tree.Change, error) {
	r := &x.recs[i]
	if r.kind != tree.Hardlink {
		return tree.Change{Entry: x.entry(r, content)}, nil
	}
	t, err := x.target(r)
	if err != nil {
		return tree.Change{}, err
	}
	if t == nil {
		return tree.Change{Entry: x.entry(r, content)}, nil // a file of a lower layer
	}
	e := x.entry(t, content)
	e.Name, e.Link = r.name, t.name
	return tree.Change{Entry: e}, nil
}

// target follows a hard link; nil if it leads out of the layer.
func (x *index) target(r *rec) (*rec, error) {
	for at, n := r, 0; n < maxLinkChain; n++ {
		i, ok := x.find(at.link, x.format == Windows)
		if !ok {
			return nil, nil
		}
		at = &x.recs[i]
		switch at.kind {
		case tree.Hardlink:
			continue
		case tree.File:
			return at, nil
		}
		return nil, x.refuse(r.name, "is a hard link to something that is no file")
	}
	return nil, x.refuse(r.name, "is a hard link that leads to itself")
}

// changes returns the whole layer, once the index is complete.
func (x *index) changes(content func(*rec) tree.Content) (*tree.Set, error) {
	removedNames, opaqueNames := map[string]bool{}, map[string]bool{}
	linked := map[string]bool{} // files that have other names
	for i := range x.recs {
		r := &x.recs[i]
		switch {
		case r.what == isRemoved:
			removedNames[x.key(r.name)] = true
		case r.what == isOpaque:
			opaqueNames[r.name] = true
		case r.kind == tree.Hardlink:
			if t, err := x.target(r); err != nil {
				return nil, err
			} else if t != nil {
				linked[t.name] = true
			}
		}
	}
	out := make([]tree.Change, 0, len(x.recs))
	for i := range x.recs {
		r := &x.recs[i]
		switch r.what {
		case isRemoved:
			if _, ok := x.find(r.name, x.format == Windows); !ok {
				out = append(out, tree.Change{Removed: r.name})
			}
			continue
		case isOpaque:
			if _, ok := x.find(r.name, false); !ok {
				out = append(out, tree.Change{Entry: &tree.Entry{Name: r.name, Kind: tree.Dir}, Opaque: true})
				opaqueNames[r.name] = false
			}
			continue
		}
		c, err := x.change(i, content)
		if err != nil {
			return nil, err
		}
		if linked[r.name] {
			c.Entry.Link = r.name
		}
		c.Opaque = r.kind == tree.Dir && (opaqueNames[r.name] || removedNames[x.key(r.name)])
		out = append(out, c)
	}
	return tree.NewSet(out), nil
}

func (x *index) key(name string) string {
	if x.format == Windows {
		return tree.Fold(name)
	}
	return name
}

// index returns the index of the tar that the plan makes.
func (p *Plan) index(diffID digest.Digest) (*index, error) {
	x := newIndex(p.opts.Format, "")
	offset := int64(0)
	for i := range p.items {
		it := &p.items[i]
		if err := x.add(it.std(), offset+int64(it.encoded)); err != nil {
			return nil, err
		}
		offset += it.length()
	}
	x.end, x.done, x.diffID = offset, true, diffID
	return x, nil
}

// maxIndexRecord is the largest index that is kept in a record itself; larger
// ones are blobs.
const maxIndexRecord = 4 << 20

// save keeps the index in the store.
func (x *index) save(ctx context.Context, st *store.Store, blob digest.Digest, trust string) error {
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest))
	if err != nil {
		return fmt.Errorf("keeping a layer's index: %w", err)
	}
	value := enc.EncodeAll(x.encode(), []byte{'i'})
	if len(value) <= maxIndexRecord {
		return st.Put(ctx, kindIndex, indexKey(x.format, blob, trust), value)
	}
	d, err := st.Add(ctx, strings.NewReader(string(value)), "")
	if err != nil {
		return err
	}
	return st.Put(ctx, kindIndex, indexKey(x.format, blob, trust), []byte{'b'}, d.Digest)
}

func indexKey(f Format, blob digest.Digest, trust string) string {
	return indexVersion + " " + f.String() + " " + blob.String() + trust
}

var errBadIndex = errors.New("the index is damaged")

// loadIndex returns what is known of a blob; nil if nothing.
func loadIndex(st *store.Store, f Format, blob digest.Digest, trust string) *index {
	rec, err := st.Get(kindIndex, indexKey(f, blob, trust))
	if err != nil || len(rec.Value) == 0 {
		return nil
	}
	value := rec.Value
	if value[0] == 'b' && len(rec.Blobs) == 1 {
		if value, err = readBlob(st, rec.Blobs[0]); err != nil || len(value) == 0 {
			return nil
		}
	}
	dec, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(1<<30))
	if err != nil {
		return nil
	}
	defer dec.Close()
	raw, err := dec.DecodeAll(value[1:], nil)
	if err != nil {
		return nil
	}
	x, err := decodeIndex(raw, f, blob)
	if err != nil {
		return nil
	}
	return x
}

func sortedKeys(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }
