package store

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"time"

	"github.com/opencontainers/go-digest"
)

// PruneOptions says what may go. Whatever is chosen, items in use stay. The zero
// value removes what nothing can use any more (temporary files and downloads of
// dead processes, records without their blobs, blobs that no record names), and
// then the least recently used items until the store is within Options.MaxBytes.
type PruneOptions struct {
	All       bool          // everything that is not in use
	KeepBytes int64         // least recently used items, until the store has this size; 0 is no such rule
	OlderThan time.Duration // items that were not used for so long; with KeepBytes, only those; 0 is no such rule
	DryRun    bool          // remove nothing, only say what would be removed
}

// Pruned is what Prune removed.
type Pruned struct {
	Items []Item // in the order in which they went
	Bytes int64
}

// Prune removes items, the least recently used ones first, and never one that an
// open store uses, this one included. If another process prunes at this moment, the
// error is ErrBusy.
func (s *Store) Prune(ctx context.Context, o PruneOptions) (Pruned, error) {
	if o.DryRun {
		items, err := s.scan(ctx, true)
		if err != nil {
			return Pruned{}, err
		}
		return pruned(s.choose(items, o)), nil
	}
	unlock, err := s.lockCollector()
	if err != nil {
		return Pruned{}, err
	}
	defer unlock()
	return s.prune(ctx, o)
}

// lockCollector makes this the only collector, or gives ErrBusy at once.
func (s *Store) lockCollector() (unlock func(), err error) {
	lock, err := openFile(s.path(lockDir, "gc"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, s.fail("pruning", err)
	}
	ok, err := tryLock(lock, true)
	if err == nil && !ok {
		err = ErrBusy
	}
	if err != nil {
		lock.Close()
		return nil, s.fail("pruning", err)
	}
	return func() { lock.Close() }, nil
}

func (s *Store) prune(ctx context.Context, o PruneOptions) (Pruned, error) {
	// Dead leases first, so that the list knows what is in use.
	if _, err := s.oldest(true); err != nil {
		return Pruned{}, s.fail("pruning", err)
	}
	items, err := s.scan(ctx, true)
	if err != nil {
		return Pruned{}, err
	}
	gone, err := s.remove(ctx, s.choose(items, o))
	if err == nil {
		var broken []item
		broken, err = s.removeBroken(ctx, items)
		gone = append(gone, broken...)
	}
	return pruned(gone), err
}

func pruned(items []item) Pruned {
	var p Pruned
	for _, it := range items {
		p.Items = append(p.Items, it.Item)
		p.Bytes += it.Size
	}
	return p
}

// choose says which items are to go, in order. items are the least recently used first.
func (s *Store) choose(items []item, o PruneOptions) []item {
	var out []item
	total := int64(0)
	for _, it := range items {
		total += it.Size
	}
	take := func(it item) {
		out = append(out, it)
		total -= it.Size
	}
	plain := !o.All && o.KeepBytes <= 0 && o.OlderThan <= 0
	keep, old := o.KeepBytes, time.Now().Add(-o.OlderThan)
	useless := func(it item) bool { return it.Kind == KindTemp }
	if plain {
		keep = s.limit()
		named := namedBlobs(items)
		useless = func(it item) bool {
			return it.lockable() || it.Kind == KindBlob && !named[digest.Digest(it.Name)]
		}
	}
	var rest []item
	for _, it := range items {
		switch {
		case it.InUse || it.note: // a note goes with its blob
		case useless(it):
			take(it)
		default:
			rest = append(rest, it)
		}
	}
	for _, it := range rest {
		switch {
		case o.All:
		case keep > 0 && total <= keep, keep <= 0 && plain:
			continue
		case o.OlderThan > 0 && it.Used.After(old):
			continue
		}
		take(it)
	}
	return out
}

// namedBlobs returns the blobs that records name, other than to describe them.
func namedBlobs(items []item) map[digest.Digest]bool {
	named := map[digest.Digest]bool{}
	for _, it := range items {
		if !it.note {
			for _, b := range it.blobs {
				named[b.digest] = true
			}
		}
	}
	return named
}

// batch is how many files are removed before others may use the store again.
const batch = 32

// remove removes items that are still not in use, and returns those that went.
func (s *Store) remove(ctx context.Context, items []item) ([]item, error) {
	var gone []item
	for len(items) > 0 {
		n := min(batch, len(items))
		err := s.alone(ctx.Done(), func() error {
			// A store that was opened since the list was made counts too.
			oldest, err := s.oldest(false)
			if err != nil {
				return s.fail("pruning", err)
			}
			for _, it := range items[:n] {
				if s.removeItem(it, oldest) {
					gone = append(gone, it)
				}
			}
			return nil
		})
		if err != nil {
			if ctx.Err() != nil {
				err = context.Cause(ctx)
			}
			return gone, err
		}
		items = items[n:]
	}
	return gone, nil
}

// removeItem removes one item if nobody uses it. Under the lock of alone.
func (s *Store) removeItem(it item, oldest time.Time) bool {
	fi, err := os.Lstat(it.path)
	if err != nil || it.recent(fi.ModTime(), oldest) {
		return false
	}
	if it.lockable() {
		removed := false
		abandoned(it.path, func() { removed = os.Remove(it.path) == nil })
		return removed
	}
	if os.Remove(it.path) != nil {
		return false
	}
	if it.Kind == KindBlob {
		s.removeNote(digest.Digest(it.Name))
	}
	return true
}

// removeBroken removes the records whose blobs are not there any more. Nobody can
// use such a record, so how old it is does not matter.
func (s *Store) removeBroken(ctx context.Context, items []item) ([]item, error) {
	var broken []item
	for _, it := range items {
		if it.Kind == KindRecord && s.lacksBlob(it) {
			broken = append(broken, it)
		}
	}
	var gone []item
	for len(broken) > 0 && ctx.Err() == nil {
		n := min(batch, len(broken))
		err := s.alone(ctx.Done(), func() error {
			for _, it := range broken[:n] {
				// The blob may have come back in the meantime.
				if s.lacksBlob(it) && os.Remove(it.path) == nil {
					gone = append(gone, it)
				}
			}
			return nil
		})
		if err != nil {
			return gone, err
		}
		broken = broken[n:]
	}
	return gone, nil
}

func (s *Store) lacksBlob(it item) bool {
	for _, b := range it.blobs {
		h, err := hexOf(b.digest)
		if err != nil {
			return true
		}
		if _, err := os.Lstat(s.path(blobDir, h)); errors.Is(err, fs.ErrNotExist) {
			return true
		}
	}
	return false
}

// How often Collect looks at the store, and after how long it takes a download
// that nobody went on with for one that nobody wants.
const (
	collectEvery = 10 * time.Minute
	partialLife  = 7 * 24 * time.Hour
)

// Collect keeps the store to its size. It is meant for the end of every build: mostly
// it is one look at one file. If the last collection is some minutes old, or this
// Store has added much, it adds up the sizes, and only if they are over the limit it
// removes the least recently used items until a tenth of the limit is free. If
// another process collects, it leaves the work to that one.
func (s *Store) Collect(ctx context.Context) error {
	limit := s.limit()
	stamp := s.path(lockDir, "collected")
	fi, err := os.Lstat(stamp)
	recent := err == nil && time.Since(fi.ModTime()).Abs() < collectEvery
	if recent && (limit == 0 || s.added.Load() < limit/16) {
		return nil
	}
	unlock, err := s.lockCollector()
	if errors.Is(err, ErrBusy) {
		return nil
	} else if err != nil {
		return err
	}
	defer unlock()
	if err := s.collect(ctx, limit); err != nil && !errors.Is(err, ErrBusy) {
		return err
	}
	s.added.Store(0)
	return s.fail("collecting", os.WriteFile(stamp, nil, 0o600))
}

func (s *Store) collect(ctx context.Context, limit int64) error {
	if _, err := s.oldest(true); err != nil {
		return s.fail("collecting", err)
	}
	items, err := s.scan(ctx, false)
	if err != nil {
		return err
	}
	total := int64(0)
	var dead []item
	for _, it := range items {
		total += it.Size
		old := time.Since(it.Used) > partialLife
		if !it.InUse && (it.Kind == KindTemp || it.Kind == KindPartial && old) {
			dead = append(dead, it)
			total -= it.Size
		}
	}
	if _, err := s.remove(ctx, dead); err != nil {
		return err
	}
	if limit == 0 || total <= limit {
		return nil
	}
	_, err = s.prune(ctx, PruneOptions{KeepBytes: limit - limit/10})
	return err
}
