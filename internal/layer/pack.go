package layer

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"runtime"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sync/errgroup"

	"github.com/casement/casement/internal/store"
	"github.com/casement/casement/internal/tree"
)

// packed is the record of a packed plan.
type packed struct {
	Descriptor ocispec.Descriptor `json:"descriptor"`
	DiffID     digest.Digest      `json:"diffID"`
}

// maxWorkers bounds the memory on machines with many processors; one hash has
// to see all bytes in order and keeps no more than that busy.
const maxWorkers = 8

// Pack makes the layer's blob in the store, unless it is there. progress, if
// not nil, is told how much of the tar is packed. The result does not depend
// on the machine or on what was packed before.
func (p *Plan) Pack(ctx context.Context, st *store.Store, progress func(done, total int64)) (tree.Origin, error) {
	k := &packing{plan: p, st: st, progress: progress, members: p.members()}
	if !p.unread() {
		if err := k.name(ctx); err != nil {
			return tree.Origin{}, locate(err, p.what)
		}
		if o, ok := loadPacked(st, k.key); ok && !p.opts.NoCache {
			if progress != nil {
				progress(p.size, p.size)
			}
			return o, nil
		}
	}
	if progress != nil {
		progress(0, p.size)
	}
	o, err := k.run(ctx)
	if err != nil {
		return tree.Origin{}, p.blame(err)
	}
	if k.key == "" {
		return o, nil
	}
	value, err := json.Marshal(packed{o.Descriptor, o.DiffID})
	if err != nil {
		return tree.Origin{}, p.blame(err)
	}
	return o, st.Put(ctx, kindPack, k.key, value, o.Descriptor.Digest)
}

// muchToRead is how much content has to be unread for Pack to read it only once.
const muchToRead = 8 << 20

// unread reports whether most of the content would have to be read to learn
// what the layer is called. It is then packed without asking whether it is
// there: in all likelihood it is not, and reading is half the work.
func (p *Plan) unread() bool {
	var unread, all int64
	for i := range p.items {
		it := &p.items[i]
		all += it.size
		if d, ok := it.content.(tree.LazyDigester); ok && !d.DigestKnown() {
			unread += it.size
		}
	}
	return unread > muchToRead && unread > all/2
}

// name computes the key of the plan, "" if it has none, and those of its
// members.
func (k *packing) name(ctx context.Context) error {
	digests, err := k.plan.digests(ctx)
	if err != nil {
		return err
	}
	k.key, k.keys = k.plan.keys(k.members, digests)
	return nil
}

// loadPacked returns what was packed under key.
func loadPacked(st *store.Store, key string) (tree.Origin, bool) {
	if key == "" {
		return tree.Origin{}, false
	}
	rec, err := st.Get(kindPack, key)
	if err != nil {
		return tree.Origin{}, false
	}
	var v packed
	if json.Unmarshal(rec.Value, &v) != nil || len(rec.Blobs) != 1 || rec.Blobs[0] != v.Descriptor.Digest {
		return tree.Origin{}, false
	}
	return tree.Origin{Descriptor: v.Descriptor, DiffID: v.DiffID, Blob: storedBlob{st, v.Descriptor.Digest}}, true
}

// storedBlob is a blob of the store.
type storedBlob struct {
	st *store.Store
	d  digest.Digest
}

// Open implements [tree.Blob].
func (b storedBlob) Open(_ context.Context, offset int64) (io.ReadCloser, error) {
	f, err := b.st.OpenBlob(b.d)
	if err != nil {
		return nil, err
	}
	if _, err := f.Seek(offset, io.SeekStart); err != nil {
		f.Close()
		return nil, fmt.Errorf("reading blob %s: %w", b.d, err)
	}
	return f, nil
}

// mediaType returns the media type of a blob with this compression.
func (c Compression) mediaType() string {
	switch c {
	case Zstd:
		return ocispec.MediaTypeImageLayerZstd
	case None:
		return ocispec.MediaTypeImageLayer
	}
	return ocispec.MediaTypeImageLayerGzip
}

// packing is one run of Pack.
type packing struct {
	plan     *Plan
	st       *store.Store
	progress func(done, total int64)
	members  []member
	key      string   // of the plan; "" if it has none
	keys     []string // of the members, by index; empty before name
	old      *past
	oldBlob  *os.File
	streams  map[int]*stream // by item, for large files

	out     io.Writer // the blob
	growing *Growing  // follows it; nil if nobody wants to

	tarHash, blobHash hash.Hash
	done              []pastMember
	written           int64 // bytes of the tar
}

// job is one member on its way through the goroutines.
type job struct {
	index  int
	m      *member
	reuse  *pastMember
	raw    []byte
	packed []byte
	// The three stages; each is closed when done.
	filled, compressed, hashed chan struct{}
}

func (k *packing) run(ctx context.Context) (o tree.Origin, err error) {
	w, err := k.st.CreateUnhashed(ctx)
	if err != nil {
		return tree.Origin{}, err
	}
	defer w.Close()
	k.out = w
	if k.plan.opts.Growing != nil {
		if k.growing, err = newGrowing(w); err != nil {
			return tree.Origin{}, err
		}
		k.out = growingWriter{w, k.growing}
		defer func() {
			if err != nil {
				k.growing.end(ocispec.Descriptor{}, err)
			}
		}()
		k.plan.opts.Growing(k.growing)
	}
	k.tarHash, k.blobHash = sha256.New(), sha256.New()
	k.done = make([]pastMember, len(k.members))
	start := 0
	if len(k.keys) > 0 {
		k.old = k.plan.loadPast(k.st)
	}
	if k.old != nil {
		if k.oldBlob, err = k.st.OpenBlob(k.old.Blob); err != nil {
			k.old = nil
		} else {
			defer k.oldBlob.Close()
			if start, err = k.takePrefix(k.out); err != nil {
				return tree.Origin{}, err
			}
		}
	}
	k.openStreams(start)
	defer k.closeStreams()
	if err := k.pipeline(ctx, k.out, start); err != nil {
		return tree.Origin{}, err
	}
	return k.finish(ctx, w)
}

// takePrefix copies the members with which both blobs begin, and continues the
// hashes from there.
func (k *packing) takePrefix(w io.Writer) (int, error) {
	n := 0
	size := int64(0)
	for n < min(len(k.members), len(k.old.Members)) && k.keys[n] != "" && k.keys[n] == k.old.Members[n].Key {
		size += k.old.Members[n].Size
		n++
	}
	if n == 0 {
		return 0, nil
	}
	last := k.old.Members[n-1]
	tarHash, err := restore(last.Tar)
	if err != nil {
		return 0, nil // a record of another Go release: pack everything
	}
	blobHash := tarHash
	if k.plan.opts.Compression != None {
		if blobHash, err = restore(last.Blob); err != nil {
			return 0, nil
		}
	}
	k.tarHash, k.blobHash = tarHash, blobHash
	for i := range n {
		k.done[i] = k.old.Members[i]
		k.written += k.done[i].Raw
	}
	// Without the buffer io.Copy would try to splice, which the Writer does not count.
	_, err = io.CopyBuffer(struct{ io.Writer }{w}, struct{ io.Reader }{io.NewSectionReader(k.oldBlob, 0, size)}, make([]byte, 1<<20))
	return n, err
}

// restore returns a SHA-256 in the given state.
func restore(state []byte) (hash.Hash, error) {
	h := sha256.New()
	u, ok := h.(encoding.BinaryUnmarshaler)
	if !ok {
		return nil, errors.ErrUnsupported
	}
	return h, u.UnmarshalBinary(state)
}

// save returns the state of a hash, nil if it cannot tell.
func save(h hash.Hash) []byte {
	m, ok := h.(encoding.BinaryMarshaler)
	if !ok {
		return nil
	}
	b, err := m.MarshalBinary()
	if err != nil {
		return nil
	}
	return b
}

// pipeline packs the members from start on. Workers fill and compress them in
// any order; two goroutines take them in their own order, one for the hash of
// the tar, one for the blob and its hash.
func (k *packing) pipeline(ctx context.Context, w io.Writer, start int) error {
	workers := min(runtime.GOMAXPROCS(0), maxWorkers) + 2
	free := make(chan *job, workers+2)
	for range cap(free) {
		free <- &job{}
	}
	jobs, toHash, toWrite := make(chan *job), make(chan *job, cap(free)), make(chan *job, cap(free))
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		defer close(jobs)
		defer close(toHash)
		defer close(toWrite)
		for i := start; i < len(k.members); i++ {
			j, err := receive(ctx, free)
			if err != nil {
				return err
			}
			*j = job{index: i, m: &k.members[i], raw: j.raw[:0], packed: j.packed[:0],
				filled: make(chan struct{}), compressed: make(chan struct{}), hashed: make(chan struct{})}
			if k.old != nil && k.keys[i] != "" {
				j.reuse = k.old.byKey[k.keys[i]]
			}
			toHash <- j // never blocks: there are no more jobs than room
			toWrite <- j
			select {
			case jobs <- j:
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
		return nil
	})
	for range workers {
		g.Go(func() error { return k.work(ctx, jobs) })
	}
	g.Go(func() error { return k.hashTar(ctx, toHash) })
	g.Go(func() error { return k.writeBlob(ctx, toWrite, free, w) })
	return g.Wait()
}

func receive[T any](ctx context.Context, c <-chan T) (T, error) {
	select {
	case v := <-c:
		return v, nil
	case <-ctx.Done():
		var none T
		return none, context.Cause(ctx)
	}
}

// work fills and compresses members.
func (k *packing) work(ctx context.Context, jobs <-chan *job) error {
	var c *compressor
	var u unpacker
	defer u.close()
	for j := range jobs {
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		if j.reuse != nil && k.reuse(j, &u) {
			close(j.filled)
			close(j.compressed)
			k.skipSlice(ctx, j.m)
			continue
		}
		if err := k.fill(ctx, j); err != nil {
			return err
		}
		close(j.filled)
		if j.reuse != nil && k.reuseGzip(j) {
			close(j.compressed)
			continue
		}
		if k.plan.opts.Compression != None {
			var err error
			if c == nil {
				if c, err = newCompressor(k.plan.opts); err != nil {
					return err
				}
			}
			if j.packed, err = c.appendTo(j.packed, j.raw); err != nil {
				return err
			}
		}
		close(j.compressed)
	}
	return nil
}

// reuseGzip takes a gzip member from the old blob for bytes that have been read
// anew for the tar's hash, which is several times faster than unpacking the
// member. The sum and the size at its end tell whether it is of these bytes.
func (k *packing) reuseGzip(j *job) bool {
	if k.plan.opts.Compression != Gzip || j.reuse.Size < gzipTrailer {
		return false
	}
	j.packed = append(j.packed, make([]byte, j.reuse.Size)...)
	if _, err := k.oldBlob.ReadAt(j.packed, j.reuse.offset); err == nil {
		end := j.packed[len(j.packed)-gzipTrailer:]
		if binary.LittleEndian.Uint32(end) == crc32.ChecksumIEEE(j.raw) && binary.LittleEndian.Uint32(end[4:]) == uint32(len(j.raw)) {
			return true
		}
	}
	j.packed = j.packed[:0]
	return false
}

// gzipTrailer is the length of what ends a gzip member: CRC-32 and size of the
// uncompressed bytes (RFC 1952).
const gzipTrailer = 8

// reuse takes a member of another kind from the old blob and unpacks it for the
// tar's hash. If it is not what it should be, the member is packed anew.
func (k *packing) reuse(j *job, u *unpacker) bool {
	if k.plan.opts.Compression == Gzip {
		return false
	}
	j.packed = append(j.packed, make([]byte, j.reuse.Size)...)
	if _, err := k.oldBlob.ReadAt(j.packed, j.reuse.offset); err == nil {
		if j.raw, err = u.appendTo(j.raw, j.packed, k.plan.opts.Compression, j.reuse.Raw); err == nil && int64(len(j.raw)) == j.m.raw {
			return true
		}
	}
	j.packed, j.raw = j.packed[:0], j.raw[:0]
	return false
}

// unpacker undoes compressors.
type unpacker struct {
	gz *gzip.Reader
	zs *zstd.Decoder
}

func (u *unpacker) close() {
	if u.zs != nil {
		u.zs.Close()
	}
}

func (u *unpacker) appendTo(b, packed []byte, kind Compression, raw int64) ([]byte, error) {
	var err error
	switch kind {
	case None:
		return append(b, packed...), nil
	case Zstd:
		if u.zs == nil {
			if u.zs, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(4*maxMember)); err != nil {
				return b, err
			}
		}
		return u.zs.DecodeAll(packed, b)
	}
	in := bytes.NewReader(packed)
	if u.gz == nil {
		u.gz, err = gzip.NewReader(in)
	} else {
		err = u.gz.Reset(in)
	}
	if err != nil {
		return b, err
	}
	b = append(b, make([]byte, raw)...)
	if _, err := io.ReadFull(u.gz, b); err != nil {
		return b, err
	}
	if n, err := u.gz.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		return b, errors.New("a member is longer than noted")
	}
	return b, nil
}

// hashTar hashes the members' bytes in their order.
func (k *packing) hashTar(ctx context.Context, in <-chan *job) error {
	for j := range in {
		if _, err := receive(ctx, j.filled); err != nil {
			return err
		}
		k.tarHash.Write(j.raw)
		k.done[j.index].Tar = save(k.tarHash)
		close(j.hashed)
	}
	return nil
}

// writeBlob writes and hashes the compressed members in their order.
func (k *packing) writeBlob(ctx context.Context, in <-chan *job, free chan<- *job, w io.Writer) error {
	for j := range in {
		if _, err := receive(ctx, j.compressed); err != nil {
			return err
		}
		m := &k.done[j.index]
		out := j.packed
		if k.plan.opts.Compression == None {
			out = j.raw
		} else {
			k.blobHash.Write(out)
			m.Blob = save(k.blobHash)
		}
		if _, err := w.Write(out); err != nil {
			return err
		}
		m.Raw, m.Size = int64(len(j.raw)), int64(len(out))
		if _, err := receive(ctx, j.hashed); err != nil {
			return err
		}
		k.written += m.Raw
		if k.progress != nil {
			k.progress(k.written, k.plan.size)
		}
		free <- j // never blocks: there is room for all
	}
	return nil
}

// finish makes the blob and the records about it durable.
func (k *packing) finish(ctx context.Context, w *store.Writer) (tree.Origin, error) {
	w.StartSync()
	if k.written != k.plan.size {
		return tree.Origin{}, fmt.Errorf("the tar has %d bytes instead of %d", k.written, k.plan.size)
	}
	diffID := sumOf(k.tarHash)
	blob := diffID
	if k.plan.opts.Compression != None {
		blob = sumOf(k.blobHash)
	}
	if k.growing != nil {
		// The bytes are there: an upload need not wait for the disk.
		k.growing.end(ocispec.Descriptor{MediaType: k.plan.opts.Compression.mediaType(), Digest: blob, Size: w.Size()}, nil)
	}
	if len(k.keys) == 0 {
		if err := k.name(ctx); err != nil { // all has been read by now
			return tree.Origin{}, err
		}
	}
	for i := range k.done {
		k.done[i].Key = k.keys[i]
	}
	x, err := k.plan.index(diffID)
	if err != nil {
		return tree.Origin{}, err
	}
	desc, err := w.Commit(ctx, blob)
	if err != nil {
		return tree.Origin{}, err
	}
	desc.MediaType = k.plan.opts.Compression.mediaType()
	if err := x.save(ctx, k.st, blob, k.st.Trust(blob)); err != nil {
		return tree.Origin{}, err
	}
	if err := k.plan.savePast(ctx, k.st, &past{Blob: blob, Members: k.done}); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return tree.Origin{}, err
	}
	return tree.Origin{Descriptor: desc, DiffID: diffID, Blob: storedBlob{k.st, blob}}, nil
}
