package source

import (
	"context"

	"github.com/casement/casement/internal/tree"
)

// Filter returns the part of a tree that a selection chooses, for contexts
// that are not a directory of this machine. FollowPaths only say what could be
// left unread, and here nothing is read in advance, so they are not looked at.
func Filter(ctx context.Context, t tree.Tree, sel Selection) (*tree.Set, error) {
	f, err := newFilter(sel.IncludePatterns, sel.ExcludePatterns)
	if err != nil {
		return nil, err
	}
	p := picker{tree: t, filter: f}
	if err := p.dir(ctx, "", verdict{}); err != nil {
		return nil, err
	}
	return withParents(p.entries, func(name string) *tree.Entry {
		return &tree.Entry{Name: name, Kind: tree.Dir}
	}), nil
}

type picker struct {
	tree    tree.Tree
	filter  *filter
	entries []*tree.Entry
}

func (p *picker) dir(ctx context.Context, dir string, parent verdict) error {
	for e, err := range p.tree.Entries(ctx, dir) {
		if err != nil {
			return err
		}
		v, err := p.filter.decide(e.Name, e.Kind == tree.Dir, parent)
		if err != nil {
			return err
		}
		if v.keep {
			p.entries = append(p.entries, e)
		}
		if v.descend {
			if err := p.dir(ctx, e.Name, v); err != nil {
				return err
			}
		}
	}
	return nil
}
