package solve

import (
	"context"
	"errors"
	"io/fs"
	"strings"

	"github.com/casement/casement/internal/tree"
	"github.com/casement/casement/internal/winmeta"
)

// source is one name that Src stands for.
type source struct {
	name string
	base string // what it is called in a directory; "" to go by that of the directory
}

// sources returns the names that Src stands for.
func (w *copier) sources(ctx context.Context) ([]source, error) {
	src := w.inSource(w.op.Src)
	if !w.op.AllowWildcard {
		return []source{{src, lastOf(w.op.Src)}}, nil
	}
	if !hasMeta(src) {
		return []source{{src, tree.Base(src)}}, nil
	}
	names, err := wildcard(ctx, w.from, src, w.fromFolds, w.op.FollowSymlink)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(names) == 0 && !w.op.AllowEmptyWildcard {
		return nil, &NotFoundError{Path: w.op.Src}
	}
	var out []source
	for _, n := range names {
		out = append(out, source{n, tree.Base(n)})
	}
	return out, err
}

// inSource cleans a source path. Junctions that every Windows has are followed
// by table, since looking for them would mean reading the image.
func (w *copier) inSource(name string) string {
	name = tree.Clean(name)
	if w.fromFolds {
		name = winmeta.ResolveStandardJunctions(name)
	}
	return name
}

// lastOf returns the last component of a path as written; none for a path that
// ends in a dot, which means the directory as it is.
func lastOf(p string) string {
	if p == "." || strings.HasSuffix(p, "/.") {
		return ""
	}
	return tree.Base(tree.Clean(p))
}

// prefetch tells the source what will be read, as far as that is known before
// looking at it.
func (w *copier) prefetch(ctx context.Context, sources []source) error {
	if len(w.op.ExcludePatterns) > 0 {
		return nil
	}
	var names []string
	for _, src := range sources {
		if len(w.op.IncludePatterns) == 0 {
			names = append(names, src.name)
		}
		for _, p := range w.op.IncludePatterns {
			if hasMeta(p) || strings.HasPrefix(p, "!") {
				return nil
			}
			names = append(names, tree.Join(src.name, p))
		}
	}
	return tree.Prefetch(ctx, w.from, names...)
}

// prefetchChosen tells the source which files patterns have chosen.
func (w *copier) prefetchChosen(ctx context.Context) error {
	if w.incl == nil && w.excl == nil {
		return nil
	}
	var names []string
	for _, c := range w.copied {
		if c.from.Content != nil {
			names = append(names, c.from.Name)
		}
	}
	return tree.Prefetch(ctx, w.from, names...)
}

// required checks the paths that have to be among what was copied (COPY
// --parents names them).
func (w *copier) required(ctx context.Context) error {
	if len(w.op.IncludePatterns) == 0 {
		return nil
	}
	for _, r := range w.op.RequiredPaths {
		name := w.inSource(r) // from the root of the source, not from Src
		var err error
		if hasMeta(name) {
			var names []string
			names, err = wildcard(ctx, w.from, name, w.fromFolds, w.op.FollowSymlink)
			if err == nil && len(names) == 0 {
				err = fs.ErrNotExist
			}
		} else {
			_, _, err = tree.Resolve(ctx, w.from, name, w.op.FollowSymlink)
		}
		if errors.Is(err, fs.ErrNotExist) {
			return &NotFoundError{Path: name}
		}
		if err != nil {
			return err
		}
	}
	return nil
}
