package tree

import (
	"context"
	"errors"
	"io/fs"
	"iter"
	"strings"
)

// Sub returns the part of t below the directory dir as a tree of its own. A dir
// that does not exist gives an empty tree.
func Sub(t Tree, dir string) Tree {
	if dir = Clean(dir); dir == "" {
		return t
	}
	return &sub{t, dir}
}

type sub struct {
	tree Tree
	dir  string
}

// Lookup implements [Tree].
func (s *sub) Lookup(ctx context.Context, name string) (*Entry, error) {
	e, err := s.tree.Lookup(ctx, Join(s.dir, name))
	switch {
	case err != nil && name == "" && errors.Is(err, fs.ErrNotExist):
		return &Entry{Kind: Dir}, nil
	case err != nil:
		return nil, err
	}
	return s.inside(e, name), nil
}

// Entries implements [Tree].
func (s *sub) Entries(ctx context.Context, dir string) iter.Seq2[*Entry, error] {
	return func(yield func(*Entry, error) bool) {
		for e, err := range s.tree.Entries(ctx, Join(s.dir, dir)) {
			if err != nil {
				if dir != "" || !errors.Is(err, fs.ErrNotExist) {
					yield(nil, err)
				}
				return
			}
			if !yield(s.inside(e, Join(dir, Base(e.Name))), nil) {
				return
			}
		}
	}
}

// Prefetch implements [Prefetcher].
func (s *sub) Prefetch(ctx context.Context, w Want) error {
	names := make([]string, 0, len(w.Names))
	for _, n := range w.Names {
		names = append(names, Join(s.dir, n))
	}
	return Prefetch(ctx, s.tree, names...)
}

// inside gives e the name that it has in the part. The spelling of what lies
// below dir is the entry's own.
func (s *sub) inside(e *Entry, name string) *Entry {
	c := *e
	if n := strings.Count(s.dir, "/") + 1; name != "" {
		parts := strings.Split(e.Name, "/")
		c.Name = Join(parts[min(n, len(parts)):]...)
	} else {
		c.Name = ""
	}
	return &c
}
