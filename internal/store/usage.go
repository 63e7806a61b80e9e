package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"
)

// An ItemKind says what an Item is.
type ItemKind string

// The kinds of items.
const (
	KindBlob      ItemKind = "blob"
	KindRecord    ItemKind = "record"
	KindPartial   ItemKind = "partial"
	KindTemp      ItemKind = "temp"
	KindStatCache ItemKind = "stat cache"
)

// An Item is one thing in the store.
type Item struct {
	Kind  ItemKind
	Name  string // a digest, a record's kind and key, or a stat cache's directory
	Size  int64
	Used  time.Time // last
	Note  string    // what Note said of a blob
	InUse bool      // by an open store, perhaps this one: it cannot be pruned now
}

// A Usage is what the store holds.
type Usage struct {
	Dir      string
	Items    []Item // least recently used first
	Bytes    int64
	MaxBytes int64 // what Collect keeps the store to; 0 is no limit
}

// Usage lists what the store holds. Other processes may change it meanwhile.
func (s *Store) Usage(ctx context.Context) (Usage, error) {
	items, err := s.scan(ctx, true)
	if err != nil {
		return Usage{}, err
	}
	u := Usage{Dir: s.dir, MaxBytes: s.limit()}
	for _, it := range items {
		u.Bytes += it.Size
		if !it.note {
			u.Items = append(u.Items, it.Item)
		}
	}
	return u, nil
}

// item is an Item with what pruning needs.
type item struct {
	Item
	path  string
	blobs []recordBlob // that a record names
	note  bool         // a record that only describes a blob
}

// scan lists all items, least recently used first. Without details, records are
// not read and have no names. Files that vanish meanwhile are left out.
func (s *Store) scan(ctx context.Context, details bool) ([]item, error) {
	oldest, err := s.oldest(false)
	if err != nil {
		return nil, s.fail("listing", err)
	}
	var items []item
	err = filepath.WalkDir(s.root, func(path string, d fs.DirEntry, err error) error {
		if err == nil {
			err = ctx.Err()
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		fi, err := d.Info()
		if err != nil {
			return nil
		}
		if it, ok := s.itemAt(path, details); ok {
			it.Size, it.Used = fi.Size(), fi.ModTime()
			it.InUse = it.recent(it.Used, oldest) || it.lockable() && !abandoned(path, func() {})
			items = append(items, it)
		}
		return nil
	})
	if err != nil {
		return nil, s.fail("listing", err)
	}
	addNotes(items)
	slices.SortFunc(items, func(a, b item) int {
		if c := a.Used.Compare(b.Used); c != 0 {
			return c
		}
		return strings.Compare(a.path, b.path)
	})
	return items, nil
}

// lockable reports whether a lock says that the item is in use.
func (it *item) lockable() bool { return it.Kind == KindTemp || it.Kind == KindPartial }

// recent reports whether its time says that the item is in use. A temporary file
// is of no use to others, so there only the lock counts.
func (it *item) recent(used, oldest time.Time) bool {
	return it.Kind != KindTemp && !used.Before(oldest)
}

// itemAt says what the file at path is. Leases and locks are no items.
func (s *Store) itemAt(path string, details bool) (item, bool) {
	rel, err := filepath.Rel(s.root, path)
	if err != nil {
		return item{}, false
	}
	rel = filepath.ToSlash(rel)
	base := filepath.Base(path)
	it := item{path: path}
	dir, _, _ := strings.Cut(rel, "/")
	switch {
	case strings.HasPrefix(rel, blobDir+"/"):
		it.Kind, it.Name = KindBlob, "sha256:"+base
	case dir == partialDir:
		it.Kind, it.Name = KindPartial, "sha256:"+base
	case dir == tempDir:
		it.Kind, it.Name = KindTemp, base
	case dir == statDir:
		it.Kind, it.Name = KindStatCache, base
		if details {
			it.nameStatCache()
		}
	case dir == recordDir:
		it.Kind, it.Name = KindRecord, base
		if details {
			it.readRecord()
		}
	default:
		return item{}, false
	}
	return it, true
}

func (it *item) readRecord() {
	data, err := readRecord(it.path)
	if err != nil {
		return
	}
	r, err := decodeRecord(data)
	if err != nil {
		it.Name = "damaged " + it.Name
		return
	}
	it.Name, it.blobs = r.kind+" "+r.key, r.blobs
	if it.note = r.kind == noteKind; it.note {
		it.Note = string(r.value)
	}
}

func (it *item) nameStatCache() {
	if data, err := readStatFile(it.path); err == nil {
		if t, err := decodeStatTable(data); err == nil {
			it.Name = t.root
		}
	}
}

// addNotes gives blobs, and downloads of them, the texts of their notes.
func addNotes(items []item) {
	notes := map[digest.Digest]string{}
	for _, it := range items {
		if it.note && len(it.blobs) == 1 {
			notes[it.blobs[0].digest] = it.Note
		}
	}
	for i := range items {
		if items[i].Kind == KindBlob || items[i].Kind == KindPartial {
			items[i].Note = notes[digest.Digest(items[i].Name)]
		}
	}
}

// removeNote removes the note of a blob that was removed.
func (s *Store) removeNote(d digest.Digest) {
	sum := sha256.Sum256([]byte(d))
	_ = os.Remove(s.path(recordDir, noteKind, hex.EncodeToString(sum[:])))
}
