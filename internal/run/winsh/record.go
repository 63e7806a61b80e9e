package winsh

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/store"
	"github.com/casement/casement/internal/tree"
)

// interpreter names what the interpreters do. Raise it when a line has another
// result than before: results of other versions are not used.
const interpreter = "winsh 1"

// The kinds of records: what steps did, and what cache mounts hold.
const (
	stepRecord  = "run"
	cacheRecord = "run-cache"
)

// saved is a list of changes as a record has it.
type saved struct {
	Key         string            `json:"key,omitempty"` // of the layer, not of the step
	Changes     []savedChange     `json:"changes"`
	Descriptors [][]byte          `json:"descriptors,omitempty"`
	Blobs       []digest.Digest   `json:"blobs,omitempty"`
	Env         []tree.EnvChange  `json:"env,omitempty"`
	Hives       map[string][]byte `json:"hives,omitempty"`
}

// savedChange is one change. Descriptor and Blob count from 1 in the lists of
// the record.
type savedChange struct {
	Name       string            `json:"n"`
	Removed    bool              `json:"r,omitempty"`
	Opaque     bool              `json:"op,omitempty"`
	Kind       tree.Kind         `json:"k,omitempty"`
	Size       int64             `json:"s,omitempty"`
	Times      [4]int64          `json:"t,omitzero"`
	Target     string            `json:"to,omitempty"`
	DirLink    bool              `json:"dl,omitempty"`
	Link       string            `json:"l,omitempty"`
	Attributes uint32            `json:"a,omitempty"`
	Descriptor int               `json:"d,omitempty"`
	EA         map[string][]byte `json:"ea,omitempty"`
	Windows    bool              `json:"w,omitempty"`
	Unix       *tree.Unix        `json:"u,omitempty"`
	Owner      *tree.Owner       `json:"o,omitempty"`
	Blob       int               `json:"b,omitempty"`
	Offset     int64             `json:"of,omitempty"`
	Digest     string            `json:"h,omitempty"`
}

// save describes changes whose contents all lie in a store.
func save(changes []tree.Change) (*saved, error) {
	s := &saved{}
	descriptors := map[string]int{}
	blobs := map[digest.Digest]int{}
	for _, c := range changes {
		if c.Entry == nil {
			s.Changes = append(s.Changes, savedChange{Name: c.Removed, Removed: true})
			continue
		}
		e := c.Entry
		sc := savedChange{
			Opaque: c.Opaque, Name: e.Name, Kind: e.Kind, Size: e.Size, Target: e.Target, DirLink: e.DirLink, Link: e.Link, Unix: e.Unix, Owner: e.Owner,
			Times: [4]int64{nano(e.Times.Modified), nano(e.Times.Accessed), nano(e.Times.Changed), nano(e.Times.Created)},
		}
		if w := e.Windows; w != nil {
			sc.Windows, sc.Attributes, sc.EA = true, w.Attributes, w.EA
			if w.Descriptor != nil {
				key := string(w.Descriptor)
				if descriptors[key] == 0 {
					s.Descriptors = append(s.Descriptors, w.Descriptor)
					descriptors[key] = len(s.Descriptors)
				}
				sc.Descriptor = descriptors[key]
			}
		}
		if e.Content != nil {
			sec, ok := machine.SectionOf(e.Content)
			if !ok {
				return nil, fmt.Errorf("keeping /%s: its content is not in the store", e.Name)
			}
			if blobs[sec.Blob] == 0 {
				s.Blobs = append(s.Blobs, sec.Blob)
				blobs[sec.Blob] = len(s.Blobs)
			}
			sc.Blob, sc.Offset, sc.Digest = blobs[sec.Blob], sec.Offset, sec.Digest
		}
		s.Changes = append(s.Changes, sc)
	}
	return s, nil
}

// nano is a time as a number; 0 for none.
func nano(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

func fromNano(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.Unix(0, n).UTC()
}

// changes is the inverse of save. A record that does not fit itself is an error.
func (s *saved) changes(st *store.Store) ([]tree.Change, error) {
	out := make([]tree.Change, 0, len(s.Changes))
	for _, sc := range s.Changes {
		if sc.Removed {
			out = append(out, tree.Change{Removed: sc.Name})
			continue
		}
		e := &tree.Entry{
			Name: sc.Name, Kind: sc.Kind, Size: sc.Size, Target: sc.Target, DirLink: sc.DirLink, Link: sc.Link, Unix: sc.Unix, Owner: sc.Owner,
			Times: tree.Times{Modified: fromNano(sc.Times[0]), Accessed: fromNano(sc.Times[1]), Changed: fromNano(sc.Times[2]), Created: fromNano(sc.Times[3])},
		}
		if sc.Windows {
			e.Windows = &tree.Windows{Attributes: sc.Attributes, EA: sc.EA}
			if sc.Descriptor > len(s.Descriptors) || sc.Descriptor < 0 {
				return nil, errRecord
			}
			if sc.Descriptor > 0 {
				e.Windows.Descriptor = s.Descriptors[sc.Descriptor-1]
			}
		}
		if sc.Blob > len(s.Blobs) || sc.Blob < 0 || sc.Kind < tree.File || sc.Kind > tree.Hardlink {
			return nil, errRecord
		}
		if sc.Blob > 0 {
			e.Content = machine.Section{Blob: s.Blobs[sc.Blob-1], Offset: sc.Offset, Size: sc.Size, Digest: sc.Digest}.Content(st)
		}
		out = append(out, tree.Change{Entry: e, Opaque: sc.Opaque})
	}
	return out, nil
}

var errRecord = errors.New("the record contradicts itself")

// inlineRecord is the size up to which a list lies in the record itself and not
// in a blob of its own.
const inlineRecord = 1 << 20

// put keeps a list under a key.
func (s *saved) put(ctx context.Context, st *store.Store, kind, key string) error {
	data, err := json.Marshal(s)
	if err != nil {
		return err
	}
	blobs := slices.Clone(s.Blobs)
	if len(data) > inlineRecord {
		desc, err := st.Add(ctx, bytes.NewReader(data), "")
		if err != nil {
			return err
		}
		blobs = append(blobs, desc.Digest)
		if data, err = json.Marshal(desc); err != nil {
			return err
		}
	}
	return st.Put(ctx, kind, key, data, blobs...)
}

// get returns what was kept under a key; nil if there is nothing that can be
// used.
func get(st *store.Store, kind, key string) *saved {
	rec, err := st.Get(kind, key)
	if err != nil {
		return nil
	}
	data := rec.Value
	var desc ocispec.Descriptor
	if json.Unmarshal(data, &desc) == nil && desc.Digest != "" {
		f, err := st.OpenBlob(desc.Digest)
		if err != nil {
			return nil
		}
		defer f.Close()
		if data, err = io.ReadAll(f); err != nil {
			return nil
		}
	}
	var s saved
	if json.Unmarshal(data, &s) != nil {
		return nil
	}
	return &s
}

// cacheDir is a directory that outlives builds: the content of cache mounts with
// one ID.
type cacheDir struct {
	st *store.Store
	id string
}

// load returns the directory; nil if it has never been written.
func (c cacheDir) load() tree.Tree {
	s := get(c.st, cacheRecord, c.id)
	if s == nil {
		return nil
	}
	changes, err := s.changes(c.st)
	if err != nil {
		return nil // a cache may be lost
	}
	return windowsTree(changes)
}

// windowsTree is changes as a tree of its own.
func windowsTree(changes []tree.Change) tree.Tree {
	p := ocispec.Platform{OS: "windows"}
	return tree.NewChain(p, &tree.Layer{Changes: tree.NewSet(changes)}).View()
}

// save applies changes to the directory as it is now, which another step may
// have changed meanwhile.
func (c cacheDir) save(ctx context.Context, changes []tree.Change) error {
	if len(changes) == 0 {
		return nil
	}
	unlock, err := c.st.Lock(ctx, "saving "+cacheLock(c.id), true)
	if err != nil {
		return err
	}
	defer unlock()
	layers := []*tree.Layer{}
	if s := get(c.st, cacheRecord, c.id); s != nil {
		if old, err := s.changes(c.st); err == nil {
			layers = append(layers, &tree.Layer{Changes: tree.NewSet(old)})
		}
	}
	layers = append(layers, &tree.Layer{Changes: tree.NewSet(slices.Clone(changes))})
	view := tree.NewChain(ocispec.Platform{OS: "windows"}, layers...).View()
	var all []tree.Change
	for e, err := range tree.Walk(ctx, view, "") {
		if err != nil {
			return err
		}
		all = append(all, tree.Change{Entry: e})
	}
	spool, err := machine.NewSpool(ctx, c.st)
	if err != nil {
		return err
	}
	defer spool.Close()
	if all, err = spool.Keep(ctx, all); err != nil {
		return err
	}
	s, err := save(all)
	if err != nil {
		return err
	}
	return s.put(ctx, c.st, cacheRecord, c.id)
}
