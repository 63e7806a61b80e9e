package machine

import (
	"context"
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/opencontainers/go-digest"
	"github.com/zeebo/blake3"

	"github.com/casement/casement/internal/store"
	"github.com/casement/casement/internal/tree"
)

// StoreSpool keeps what a step writes in a store. Small contents lie behind each
// other in one blob, and each large one is a blob of its own, so that ten
// thousand files are not ten thousand blobs, and a download that is removed
// again costs nothing in the end. It is safe for concurrent use.
type StoreSpool struct {
	st *store.Store

	mu      sync.Mutex
	small   *volume
	volumes []*volume
	spare   []byte // a buffer that nobody uses
	closed  bool
}

// NewSpool makes an empty spool.
func NewSpool(ctx context.Context, st *store.Store) (*StoreSpool, error) {
	if err := ctx.Err(); err != nil {
		return nil, context.Cause(ctx)
	}
	return &StoreSpool{st: st}, nil
}

const (
	// largeContent is the size from which a content has a blob of its own.
	largeContent = 8 << 20
	// pendingBytes is how much of small contents is written at once.
	pendingBytes = 1 << 20
)

// errSpoolClosed is for contents that nobody kept.
var errSpoolClosed = fmt.Errorf("the step's contents: %w", os.ErrClosed)

// volume is one blob that grows.
type volume struct {
	st *store.Store

	mu      sync.Mutex
	w       *store.Writer // nil when there is a digest, or after Close
	pending []byte        // not yet written
	size    int64         // with what is pending
	blob    digest.Digest // once it is committed
}

func (s *StoreSpool) newVolume(ctx context.Context) (*volume, error) {
	w, err := s.st.Create(ctx)
	if err != nil {
		return nil, err
	}
	v := &volume{st: s.st, w: w}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		v.close()
		return nil, errSpoolClosed
	}
	s.volumes = append(s.volumes, v)
	return v, nil
}

// add appends a small content.
func (v *volume) add(p []byte) (offset int64, err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.pending)+len(p) > pendingBytes {
		if err := v.flush(); err != nil {
			return 0, err
		}
	}
	offset = v.size
	v.size += int64(len(p))
	v.pending = append(v.pending, p...)
	return offset, nil
}

// flush writes what is pending. The caller holds the lock.
func (v *volume) flush() error {
	if v.w == nil {
		return errSpoolClosed
	}
	if len(v.pending) == 0 {
		return nil
	}
	_, err := v.w.Write(v.pending)
	v.pending = v.pending[:0]
	return err
}

// open opens the bytes.
func (v *volume) open() (*os.File, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.blob != "" {
		return v.st.OpenBlob(v.blob)
	}
	if err := v.flush(); err != nil {
		return nil, err
	}
	return v.w.Open()
}

// commit makes the bytes a blob.
func (v *volume) commit(ctx context.Context) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.blob != "" {
		return nil
	}
	if err := v.flush(); err != nil {
		return err
	}
	d, err := v.w.Commit(ctx, "")
	if err != nil {
		return err
	}
	v.blob = d.Digest
	err = v.w.Close()
	v.w = nil
	return err
}

// Create implements [Spool].
func (s *StoreSpool) Create(ctx context.Context) (SpoolWriter, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	w := &spoolWriter{s: s, buf: s.spare}
	s.spare = nil
	return w, nil
}

// spoolWriter collects a content in memory until it is large.
type spoolWriter struct {
	s    *StoreSpool
	buf  []byte
	own  *volume // of a large content
	hash *blake3.Hasher
	done bool
}

// Write implements io.Writer.
func (w *spoolWriter) Write(p []byte) (int, error) {
	if w.own == nil {
		if len(w.buf)+len(p) <= largeContent {
			w.buf = append(w.buf, p...)
			return len(p), nil
		}
		// Writing has no context of its own; the copy that feeds it has one.
		v, err := w.s.newVolume(context.Background())
		if err != nil {
			return 0, err
		}
		w.own, w.hash = v, blake3.New()
		if err := w.through(w.buf); err != nil {
			return 0, err
		}
		w.giveBack()
	}
	return len(p), w.through(p)
}

func (w *spoolWriter) through(p []byte) error {
	_, _ = w.hash.Write(p)
	w.own.mu.Lock()
	defer w.own.mu.Unlock()
	if w.own.w == nil {
		return errSpoolClosed
	}
	n, err := w.own.w.Write(p)
	w.own.size += int64(n)
	return err
}

// giveBack leaves the buffer for the next content.
func (w *spoolWriter) giveBack() {
	w.s.mu.Lock()
	defer w.s.mu.Unlock()
	if cap(w.buf) > cap(w.s.spare) {
		w.s.spare = w.buf[:0]
	}
	w.buf = nil
}

// Commit implements [SpoolWriter].
func (w *spoolWriter) Commit() (tree.Content, error) {
	if w.done {
		return nil, errSpoolClosed
	}
	w.done = true
	if w.own != nil {
		return &spooled{v: w.own, size: w.own.size, sum: digestText(w.hash.Sum(nil))}, nil
	}
	defer w.giveBack()
	v, err := w.s.smallVolume()
	if err != nil {
		return nil, err
	}
	offset, err := v.add(w.buf)
	if err != nil {
		return nil, err
	}
	return &spooled{v: v, offset: offset, size: int64(len(w.buf)), sum: digestOf(w.buf)}, nil
}

// Abort implements [SpoolWriter].
func (w *spoolWriter) Abort() {
	if w.done {
		return
	}
	w.done = true
	if w.own != nil {
		w.own.close()
	}
	w.giveBack()
}

func (v *volume) close() {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.w != nil {
		_ = v.w.Close()
		v.w = nil
	}
}

// smallVolume returns the blob of the small contents.
func (s *StoreSpool) smallVolume() (*volume, error) {
	s.mu.Lock()
	v := s.small
	s.mu.Unlock()
	if v != nil {
		return v, nil
	}
	v, err := s.newVolume(context.Background())
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.small == nil {
		s.small = v
	} else {
		v.close()
	}
	return s.small, nil
}

// spooled is a content of a spool: a section of a volume.
type spooled struct {
	v            *volume
	offset, size int64
	sum          string
}

// Size implements [tree.Content].
func (c *spooled) Size() int64 { return c.size }

// ContentDigest implements [tree.Digester].
func (c *spooled) ContentDigest(context.Context) (string, error) { return c.sum, nil }

// Open implements [tree.Content].
func (c *spooled) Open(context.Context) (io.ReadCloser, error) {
	f, err := c.v.open()
	if err != nil {
		return nil, fmt.Errorf("reading what a step has written: %w", err)
	}
	return sectionFile{io.NewSectionReader(f, c.offset, c.size), f.Close}, nil
}

// Keep makes what the changes refer to last: it commits the blobs, and copies
// contents that lie elsewhere (in the build context, in a layer) into the spool,
// and those whose blob has others besides: what the step has removed again, be it
// a secret, does not stay. It returns the changes with contents that all have a
// [Section]. Nothing can be written to the spool afterwards.
func (s *StoreSpool) Keep(ctx context.Context, changes []tree.Change) ([]tree.Change, error) {
	out := make([]tree.Change, len(changes))
	used := map[*volume]bool{}
	copies := map[string]tree.Content{} // by the digest of the original
	pure := s.pure(changes)
	for i, c := range changes {
		out[i] = c
		if c.Entry == nil || c.Entry.Content == nil {
			continue
		}
		sp, ok := c.Entry.Content.(*spooled)
		if !ok || !pure[sp.v] {
			kept, err := s.adopt(ctx, c.Entry.Content, copies)
			if err != nil {
				return nil, fmt.Errorf("keeping /%s: %w", c.Entry.Name, err)
			}
			sp = kept.(*spooled)
			e := *c.Entry
			e.Content = sp
			out[i].Entry = &e
		}
		used[sp.v] = true
	}
	for v := range used {
		v.mu.Lock()
		if v.w != nil {
			if err := v.flush(); err == nil {
				v.w.StartSync()
			}
		}
		v.mu.Unlock()
	}
	for v := range used {
		if err := v.commit(ctx); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// pure returns the blobs that have nothing but contents of the changes. The
// others get no more contents.
func (s *StoreSpool) pure(changes []tree.Change) map[*volume]bool {
	live := map[*volume]map[int64]int64{} // sizes by offset
	for _, c := range changes {
		if c.Entry == nil {
			continue
		}
		if sp, ok := c.Entry.Content.(*spooled); ok {
			if live[sp.v] == nil {
				live[sp.v] = map[int64]int64{}
			}
			live[sp.v][sp.offset] = sp.size
		}
	}
	pure := map[*volume]bool{}
	for v, sections := range live {
		sum := int64(0)
		for _, size := range sections {
			sum += size
		}
		v.mu.Lock()
		pure[v] = v.blob != "" || sum == v.size
		v.mu.Unlock()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.small != nil && !pure[s.small] {
		s.small = nil
	}
	return pure
}

// adopt copies a content into the spool, once for all its names.
func (s *StoreSpool) adopt(ctx context.Context, c tree.Content, copies map[string]tree.Content) (tree.Content, error) {
	sum := ""
	if d, ok := c.(tree.Digester); ok {
		if lazy, ok := c.(tree.LazyDigester); !ok || lazy.DigestKnown() {
			var err error
			if sum, err = d.ContentDigest(ctx); err != nil {
				return nil, err
			}
		}
	}
	if kept, ok := copies[sum]; ok && sum != "" {
		return kept, nil
	}
	w, err := s.Create(ctx)
	if err != nil {
		return nil, err
	}
	defer w.Abort()
	r, err := c.Open(ctx)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	if _, err := io.Copy(w, r); err != nil {
		return nil, err
	}
	kept, err := w.Commit()
	copies[sum] = kept
	return kept, err
}

// Close drops what was not kept. Contents that were kept can still be opened,
// and files that are open stay so.
func (s *StoreSpool) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, v := range s.volumes {
		v.close()
	}
	s.spare, s.closed = nil, true
	return nil
}

// Section says where a content lies in a store, so that a later build finds it
// again.
type Section struct {
	Blob         digest.Digest
	Offset, Size int64
	// Digest names the bytes: "blake3:" and hexadecimal digits.
	Digest string
}

// SectionOf returns where a content lies, if [StoreSpool.Keep] has kept it.
func SectionOf(c tree.Content) (Section, bool) {
	sp, ok := c.(*spooled)
	if !ok {
		return Section{}, false
	}
	sp.v.mu.Lock()
	defer sp.v.mu.Unlock()
	return Section{sp.v.blob, sp.offset, sp.size, sp.sum}, sp.v.blob != ""
}

// Content returns the bytes of the section, as the content that it came from.
func (s Section) Content(st *store.Store) tree.Content {
	return &spooled{v: &volume{st: st, blob: s.Blob}, offset: s.Offset, size: s.Size, sum: s.Digest}
}
