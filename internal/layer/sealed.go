package layer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/casement/casement/internal/store"
	"github.com/casement/casement/internal/tree"
)

// Sealed returns the layer whose bytes are the blob of o. Nothing is read
// until somebody asks for its content, and then no further than the answer
// needs; what was read stays in the store. where says for people which layer it
// is; observe, if not nil, is told how many bytes of the blob were downloaded.
//
// A question that the layer's first part answers is answered before the blob's
// digest could be verified. A pass that reaches the end verifies the digests of
// blob and tar.
func Sealed(st *store.Store, o tree.Origin, f Format, where string, observe func(read, total int64)) *tree.Layer {
	s := &sealed{st: st, origin: o, format: f, what: where, observe: observe, lock: make(chan struct{}, 1)}
	return &tree.Layer{Changes: s, Origin: &o, Sealed: true, Label: where}
}

// sealed is the content of a layer that is read on demand. One caller at a time
// moves the pass through the tar on; the others wait and find more known.
type sealed struct {
	st      *store.Store
	origin  tree.Origin
	format  Format
	what    string
	observe func(read, total int64)

	set atomic.Pointer[tree.Set] // the whole layer, once it is known

	lock  chan struct{} // holds what follows
	trust string        // what the store says of the download
	x     *index
	saved int // len(x.recs) when the index was last kept
	when  time.Time
	pass  *pass
	idle  *time.Timer
	files map[int64]extracted // by offset in the tar
}

// idleTime is how long a pass waits for the next question before it lets the
// download go.
const idleTime = 200 * time.Millisecond

// enter takes the lock and loads what the store knows.
func (s *sealed) enter(ctx context.Context) error {
	select {
	case s.lock <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if s.idle != nil {
		s.idle.Stop()
	}
	if s.x == nil {
		d := s.origin.Descriptor.Digest
		s.trust = s.st.Trust(d)
		if s.x = loadIndex(s.st, s.format, d, s.trust); s.x == nil {
			s.x = newIndex(s.format, d)
		}
		s.x.what = s.name()
		s.saved = len(s.x.recs)
		s.files = loadExtracted(s.st, d, s.trust)
	}
	return nil
}

// name says for people which layer it is.
func (s *sealed) name() string {
	if s.what == "" {
		return blobName(s.origin.Descriptor.Digest)
	}
	return s.what
}

// leave gives the lock back. A pass that nobody continues is ended soon.
func (s *sealed) leave() {
	if s.pass != nil {
		s.idle = time.AfterFunc(idleTime, func() {
			s.lock <- struct{}{}
			s.endPass()
			_ = s.keep(context.Background(), true)
			<-s.lock
		})
	}
	<-s.lock
}

func (s *sealed) endPass() {
	if s.pass != nil {
		s.pass.stream.close()
		s.pass = nil
	}
}

// keep writes the index to the store, not too often unless it must.
func (s *sealed) keep(ctx context.Context, must bool) error {
	if s.x == nil || len(s.x.recs) == s.saved && !must || !must && !s.x.done && time.Since(s.when) < time.Second {
		return nil
	}
	if err := s.x.save(ctx, s.st, s.origin.Descriptor.Digest, s.trust); err != nil {
		return err
	}
	s.saved, s.when = len(s.x.recs), time.Now()
	return nil
}

func (s *sealed) notExist(name string) error {
	return &fs.PathError{Op: "find", Path: "/" + name, Err: fs.ErrNotExist}
}

// Find implements [tree.Changes].
func (s *sealed) Find(ctx context.Context, name string, fold bool) (tree.Change, error) {
	if set := s.set.Load(); set != nil {
		return set.Find(ctx, name, fold)
	}
	if err := s.enter(ctx); err != nil {
		return tree.Change{}, err
	}
	defer s.leave()
	known := func() bool {
		i, ok := s.x.find(name, fold)
		return ok && s.decided(&s.x.recs[i])
	}
	if !s.x.done && !known() {
		if err := s.advance(ctx, known, nil); err != nil {
			return tree.Change{}, err
		}
	}
	if s.x.done {
		set, err := s.whole()
		if err != nil {
			return tree.Change{}, err
		}
		return set.Find(ctx, name, fold)
	}
	i, ok := s.x.find(name, fold)
	if !ok {
		return tree.Change{}, s.notExist(name)
	}
	return s.x.change(i, s.content)
}

// decided reports whether what follows in the tar cannot change what the entry
// is: a hard link needs its target, and a Linux directory may become opaque.
func (s *sealed) decided(r *rec) bool {
	switch {
	case r.kind == tree.Hardlink:
		t, err := s.x.target(r)
		return err != nil || t != nil
	case r.kind == tree.Dir:
		return s.format == Windows
	}
	return true
}

// whole returns the layer, which must be known to its end.
func (s *sealed) whole() (*tree.Set, error) {
	if set := s.set.Load(); set != nil {
		return set, nil
	}
	set, err := s.x.changes(s.content)
	if err == nil {
		s.set.Store(set)
	}
	return set, err
}

// unseal reads to the end.
func (s *sealed) unseal(ctx context.Context) (*tree.Set, error) {
	if set := s.set.Load(); set != nil {
		return set, nil
	}
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	defer s.leave()
	if !s.x.done {
		if err := s.advance(ctx, nil, nil); err != nil {
			return nil, err
		}
	}
	return s.whole()
}

// List implements [tree.Changes].
func (s *sealed) List(ctx context.Context, dir string, fold bool) iter.Seq2[tree.Change, error] {
	return s.each(ctx, func(set *tree.Set) iter.Seq2[tree.Change, error] { return set.List(ctx, dir, fold) })
}

// All implements [tree.Changes].
func (s *sealed) All(ctx context.Context) iter.Seq2[tree.Change, error] {
	return s.each(ctx, func(set *tree.Set) iter.Seq2[tree.Change, error] { return set.All(ctx) })
}

func (s *sealed) each(ctx context.Context, of func(*tree.Set) iter.Seq2[tree.Change, error]) iter.Seq2[tree.Change, error] {
	return func(yield func(tree.Change, error) bool) {
		set, err := s.unseal(ctx)
		if err != nil {
			yield(tree.Change{}, err)
			return
		}
		for c, err := range of(set) {
			if !yield(c, err) {
				return
			}
		}
	}
}

// Implied implements [tree.Implier]: callers list the layer before they ask.
func (s *sealed) Implied(dir string, fold bool) []string {
	if set := s.set.Load(); set != nil {
		return set.Implied(dir, fold)
	}
	return nil
}

// DeltaHives implements [tree.HiveLister]: it reads the layer's index to its end.
func (s *sealed) DeltaHives(ctx context.Context) (map[string]tree.Content, error) {
	if _, err := s.unseal(ctx); err != nil {
		return nil, err
	}
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	defer s.leave()
	out := map[string]tree.Content{}
	for i := range s.x.hives {
		h := &s.x.hives[i]
		if name, ok := strings.CutSuffix(strings.ToUpper(h.name), strings.ToUpper(hiveDelta)); ok {
			out[name] = s.content(h)
		}
	}
	return out, nil
}

// Prefetch implements [tree.Prefetcher]: one pass finds the names and keeps the
// contents of their files in the store. It stops when all are found; a name
// that is a directory, or that is not there, takes the pass to the end.
func (s *sealed) Prefetch(ctx context.Context, want tree.Want) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.leave()
	w := s.newWanted(want.Names)
	if !s.x.done && !w.found() {
		if err := s.advance(ctx, w.found, w.takes); err != nil {
			return err
		}
	}
	return s.extract(ctx, w.missing())
}

// extract gets the contents at these offsets into the store.
func (s *sealed) extract(ctx context.Context, offsets map[int64]bool) error {
	if len(offsets) == 0 {
		return nil
	}
	if s.pass != nil {
		for o := range offsets {
			if o < s.pass.stream.pos || o == s.pass.stream.pos && s.pass.here == nil {
				s.endPass() // behind us: begin again
				break
			}
		}
	}
	done := func() bool { return len(offsets) == 0 }
	takes := func(r *rec) bool {
		ok := offsets[r.offset]
		delete(offsets, r.offset)
		return ok
	}
	if err := s.advance(ctx, done, takes); err != nil {
		return err
	}
	if len(offsets) > 0 {
		return fmt.Errorf("reading %s: its index does not fit its content", s.name())
	}
	return nil
}

// wanted is what Prefetch looks for.
type wanted struct {
	s       *sealed
	names   map[string]bool // folded in Windows layers
	pending map[string]bool // not found yet, or a directory
}

func (s *sealed) newWanted(names []string) *wanted {
	w := &wanted{s: s, names: map[string]bool{}, pending: map[string]bool{}}
	for _, n := range names {
		n = tree.Clean(n)
		w.names[s.x.key(n)] = true
		if i, ok := s.x.find(n, s.format == Windows); !ok || s.x.recs[i].kind == tree.Dir || !s.decided(&s.x.recs[i]) {
			w.pending[s.x.key(n)] = true
		}
	}
	return w
}

func (w *wanted) found() bool { return len(w.pending) == 0 }

// matches reports whether a name is wanted, itself or as part of a directory.
func (w *wanted) matches(name string) bool {
	for key := w.s.x.key(name); ; key = tree.Parent(key) {
		if w.names[key] {
			return true
		}
		if key == "" {
			return false
		}
	}
}

// takes is told of every entry of the pass, and decides whose content to keep.
func (w *wanted) takes(r *rec) bool {
	if r.what == isHive {
		return false
	}
	key := w.s.x.key(r.name)
	if r.kind != tree.Dir {
		delete(w.pending, key)
	}
	if !w.matches(r.name) {
		return false
	}
	if r.kind == tree.Hardlink {
		target := w.s.x.key(r.link)
		w.names[target] = true
		if _, ok := w.s.x.find(r.link, w.s.format == Windows); !ok {
			w.pending[target] = true
		}
	}
	return r.kind == tree.File
}

// missing returns the contents that are wanted and not in the store yet.
func (w *wanted) missing() map[int64]bool {
	out := map[int64]bool{}
	x := w.s.x
	for i := range x.recs {
		r := &x.recs[i]
		if r.what != isEntry || r.kind != tree.File && r.kind != tree.Hardlink || !w.matches(r.name) {
			continue
		}
		if r.kind == tree.Hardlink {
			if t, err := x.target(r); err == nil && t != nil {
				r = t
			}
		}
		if _, ok := w.s.files[r.offset]; !ok && r.kind == tree.File && r.size > 0 {
			out[r.offset] = true
		}
	}
	return out
}

// content gives the bytes of a file of the layer.
func (s *sealed) content(r *rec) tree.Content {
	return sealedContent{s, r.name, r.offset, r.size}
}

type sealedContent struct {
	s            *sealed
	name         string
	offset, size int64
}

// Size implements [tree.Content].
func (c sealedContent) Size() int64 { return c.size }

// ContentDigest implements [tree.Digester]. The name does not depend on
// whether the bytes were read.
func (c sealedContent) ContentDigest(context.Context) (string, error) {
	d := c.s.origin.Descriptor.Digest
	return fmt.Sprintf("tar:%s%s@%d+%d", d, c.s.st.Trust(d), c.offset, c.size), nil
}

// Open implements [tree.Content].
func (c sealedContent) Open(ctx context.Context) (io.ReadCloser, error) {
	for range 2 {
		if err := c.s.enter(ctx); err != nil {
			return nil, err
		}
		e, ok := c.s.files[c.offset]
		var err error
		if !ok {
			err = c.s.extract(ctx, map[int64]bool{c.offset: true})
			e = c.s.files[c.offset]
		}
		c.s.leave()
		if err != nil {
			return nil, fmt.Errorf("reading /%s: %w", c.name, err)
		}
		r, err := e.open(c.s.st)
		if err == nil {
			return r, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		// The store was cleaned meanwhile: read it again.
		if err := c.s.enter(ctx); err != nil {
			return nil, err
		}
		delete(c.s.files, c.offset)
		c.s.leave()
	}
	return nil, fmt.Errorf("reading /%s: its extracted content %w", c.name, fs.ErrNotExist)
}

// section is a part of a file that closes the file. It can be read anywhere.
type section struct {
	*io.SectionReader
	f *os.File
}

func (s section) Close() error { return s.f.Close() }

// lastName shortens the name of an entry for errors.
func lastName(name string) string { return strings.TrimPrefix(name, "/") }
