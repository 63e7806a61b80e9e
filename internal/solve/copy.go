package solve

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/moby/patternmatcher"

	"github.com/casement/casement/internal/llb"
	"github.com/casement/casement/internal/tree"
	"github.com/casement/casement/internal/winmeta"
)

// NotFoundError says that a source of COPY or ADD does not exist.
type NotFoundError struct {
	// Path is the source as written.
	Path string
	// Similar are names beside it that could be meant.
	Similar []string
}

// Error implements error.
func (e *NotFoundError) Error() string {
	return fmt.Sprintf("%q is not there to be copied", strings.TrimPrefix(e.Path, "/"))
}

// Is makes the error match fs.ErrNotExist.
func (e *NotFoundError) Is(target error) bool { return target == fs.ErrNotExist }

// Hint says where to look.
func (e *NotFoundError) Hint() string {
	if len(e.Similar) > 0 {
		return "did you mean " + strings.Join(e.Similar, " or ") + "?"
	}
	return "the path is relative to the build context (or the stage of --from); .dockerignore may exclude it"
}

// copy does a COPY or ADD: it returns the changes that it makes to the
// destination. The rules, down to which existing directory a file is put into,
// are those of BuildKit's copy (solver/llbsolver/file, fsutil/copy).
func (d *doer) copy(ctx context.Context, c *llb.Copy, from tree.Chain) ([]tree.Change, error) {
	p, err := d.place(ctx, c.Owner, c.Timestamp)
	if err != nil {
		return nil, err
	}
	w, err := newCopier(c, from, p)
	if err != nil {
		return nil, err
	}
	if d.dest.base.Folds() && (c.ModeStr != "" || c.Mode != llb.Keep) && d.solver.Observer != nil {
		d.solver.Observer.Warn(d.vertex, "--chmod has no effect in a Windows image", "Windows has access lists instead of mode bits; use --chown, or set the list in a RUN step")
	}
	sources, err := w.sources(ctx)
	if err != nil {
		return nil, err
	}
	if err := tree.Prefetch(ctx, w.from, sources...); err != nil {
		return nil, err
	}
	for _, src := range sources {
		if err := w.one(ctx, d, src); err != nil {
			return nil, err
		}
	}
	return w.changes, w.required(ctx)
}

// copier does one copy.
type copier struct {
	op    *llb.Copy
	from  tree.Tree
	folds bool // of the source
	to    *place
	mode  *modeChange
	incl  *patternmatcher.PatternMatcher
	excl  *patternmatcher.PatternMatcher

	changes []tree.Change
	made    map[string]bool // directories among changes
	group   string          // tells hard links of this copy from others'
	pending []pendingDir
}

// pendingDir is a directory that is copied once something in it is.
type pendingDir struct {
	entry *tree.Entry
	dest  string
	done  bool
}

func newCopier(op *llb.Copy, from tree.Chain, to *place) (*copier, error) {
	w := &copier{op: op, from: from.View(), folds: from.Folds(), to: to, made: map[string]bool{}}
	w.group = fmt.Sprintf("%p:", w)
	var err error
	if w.mode, err = parseMode(op); err != nil {
		return nil, err
	}
	if len(op.IncludePatterns) > 0 {
		if w.incl, err = patternmatcher.New(op.IncludePatterns); err != nil {
			return nil, fmt.Errorf("reading include patterns: %w", err)
		}
	}
	if len(op.ExcludePatterns) > 0 {
		if w.excl, err = patternmatcher.New(op.ExcludePatterns); err != nil {
			return nil, fmt.Errorf("reading exclude patterns: %w", err)
		}
	}
	return w, nil
}

// sources returns the names that Src stands for.
func (w *copier) sources(ctx context.Context) ([]string, error) {
	src := w.source(w.op.Src)
	if !w.op.AllowWildcard || !hasMeta(src) {
		return []string{unescape(w.op.AllowWildcard, src)}, nil
	}
	names, err := wildcard(ctx, w.from, src, w.folds)
	if err != nil {
		return nil, err
	}
	if len(names) == 0 && !w.op.AllowEmptyWildcard {
		return nil, &NotFoundError{Path: w.op.Src}
	}
	return names, nil
}

// source cleans a source path. Junctions that every Windows has are followed
// by table, since looking for them would mean reading the image.
func (w *copier) source(name string) string {
	name = tree.Clean(name)
	if w.folds {
		name = winmeta.ResolveStandardJunctions(name)
	}
	return name
}

// one copies one source.
func (w *copier) one(ctx context.Context, d *doer, src string) error {
	_, e, err := tree.Resolve(ctx, w.from, src, w.op.FollowSymlink)
	if errors.Is(err, fs.ErrNotExist) {
		return &NotFoundError{Path: w.op.Src, Similar: similar(ctx, w.from, src)}
	}
	if err != nil {
		return err
	}
	if w.op.Unpack && e.Kind == tree.File && e.Content != nil && d.solver.Unpacker != nil {
		ok, err := w.unpack(ctx, d, e)
		if ok || err != nil {
			return err
		}
	}
	dest, err := w.destination(ctx, d, e, src)
	if err != nil {
		return err
	}
	parents, err := w.to.parents(ctx, dest, w.mode.orElse(0o755, tree.Dir), w.made)
	if err != nil {
		return err
	}
	w.changes = append(w.changes, parents...)
	return w.copy(ctx, item{entry: e, dest: dest, top: true})
}

// unpack copies what is in the archive e into the destination, which is taken
// for a directory.
func (w *copier) unpack(ctx context.Context, d *doer, e *tree.Entry) (bool, error) {
	content, ok, err := d.solver.Unpacker.Unpack(ctx, e.Content)
	if err != nil {
		return true, fmt.Errorf("unpacking %s: %w", tree.Base(e.Name), err)
	}
	if !ok {
		return false, nil
	}
	dest, err := w.to.resolve(ctx, tree.Clean(w.op.Dest), true)
	if err != nil {
		return true, err
	}
	parents, err := w.to.parents(ctx, tree.Join(dest, "x"), 0o755, w.made)
	if err != nil {
		return true, err
	}
	w.changes = append(w.changes, parents...)
	sub := *w
	sub.from, sub.mode, sub.incl, sub.excl, sub.op = content, &modeChange{}, nil, nil, &llb.Copy{ReplaceExisting: true}
	for child, err := range content.Entries(ctx, "") {
		if err == nil {
			err = sub.copy(ctx, item{entry: child, dest: tree.Join(dest, tree.Base(child.Name))})
		}
		if err != nil {
			return true, err
		}
	}
	w.changes = sub.changes
	return true, nil
}

// destination returns the name that the source gets.
func (w *copier) destination(ctx context.Context, d *doer, e *tree.Entry, src string) (string, error) {
	dest, err := w.to.resolve(ctx, tree.Clean(w.op.Dest), true)
	if err != nil {
		return "", err
	}
	have, err := w.to.lookup(ctx, dest)
	if err != nil {
		return "", err
	}
	base := path.Base(src)
	if src == "" {
		base = ""
	}
	if e.Kind == tree.Dir {
		if !w.op.DirCopyContents && have != nil {
			dest = tree.Join(dest, base)
		}
		return dest, nil
	}
	isDir := have != nil && have.Kind == tree.Dir
	if isDir || trailingSlash(w.op.Dest) || w.made[dest] {
		return tree.Join(dest, base), nil
	}
	if have == nil && w.to.blind && !strings.Contains(tree.Base(dest), ".") && d.solver.Observer != nil {
		d.solver.Observer.Warn(d.vertex,
			fmt.Sprintf("%s is written as a file: the base image is not read, so a directory of that name in it would not be seen", winmeta.ToWindows(dest)),
			`end the destination with \ or / to copy into a directory`)
	}
	return dest, nil
}

// item is one entry on its way.
type item struct {
	entry *tree.Entry
	rel   string // below the source, "" for the source itself
	dest  string
	top   bool
	incl  patternmatcher.MatchInfo // of the parent
	excl  patternmatcher.MatchInfo
}

// match says whether an item is chosen, and whether it is excluded by name.
func (w *copier) match(it *item) (include, excluded bool, err error) {
	include = true
	if it.rel == "" {
		return true, false, nil
	}
	if w.incl != nil {
		if include, it.incl, err = w.incl.MatchesUsingParentResults(it.rel, it.incl); err != nil {
			return false, false, fmt.Errorf("matching include patterns: %w", err)
		}
	}
	if w.excl != nil {
		if excluded, it.excl, err = w.excl.MatchesUsingParentResults(it.rel, it.excl); err != nil {
			return false, false, fmt.Errorf("matching exclude patterns: %w", err)
		}
	}
	return include && !excluded, excluded, nil
}

func (w *copier) copy(ctx context.Context, it item) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	include, excluded, err := w.match(&it)
	if err != nil {
		return err
	}
	if it.entry.Kind != tree.Dir {
		if !include {
			return nil
		}
		if err := w.flush(ctx); err != nil {
			return err
		}
		return w.leaf(ctx, it)
	}
	dir := pendingDir{entry: it.entry, dest: it.dest, done: it.rel == "" && it.top}
	if dir.done {
		if err := w.topDir(ctx, it); err != nil {
			return err
		}
	}
	w.pending = append(w.pending, dir)
	defer func() { w.pending = w.pending[:len(w.pending)-1] }()
	if include {
		if err := w.flush(ctx); err != nil {
			return err
		}
	}
	if excluded && !w.excl.Exclusions() {
		return nil
	}
	for child, err := range w.from.Entries(ctx, it.entry.Name) {
		if err != nil {
			return err
		}
		base := tree.Base(child.Name)
		err := w.copy(ctx, item{entry: child, rel: path.Join(it.rel, base), dest: tree.Join(it.dest, base), incl: it.incl, excl: it.excl})
		if err != nil {
			return err
		}
	}
	return nil
}

// topDir makes the destination of a directory that is copied as a whole. One
// that exists keeps its metadata.
func (w *copier) topDir(ctx context.Context, it item) error {
	have, err := w.to.lookup(ctx, it.dest)
	if err != nil {
		return err
	}
	if have != nil && have.Kind == tree.Dir || w.made[it.dest] || it.dest == "" {
		return nil
	}
	return w.dir(ctx, it.entry, it.dest)
}

// flush makes the directories on the way to something that is copied.
func (w *copier) flush(ctx context.Context) error {
	for i := range w.pending {
		if d := &w.pending[i]; !d.done {
			if err := w.dir(ctx, d.entry, d.dest); err != nil {
				return err
			}
			d.done = true
		}
	}
	return nil
}

// dir copies the directory itself.
func (w *copier) dir(ctx context.Context, e *tree.Entry, dest string) error {
	if err := w.makeWay(ctx, dest, tree.Dir); err != nil {
		return err
	}
	if w.to.blind && winmeta.IsStandardDir(dest) {
		return nil // the base's own metadata stays
	}
	w.made[dest] = true
	c := *e
	c.Name = dest
	w.put(c)
	return nil
}

// leaf copies anything but a directory.
func (w *copier) leaf(ctx context.Context, it item) error {
	if it.dest == "" {
		return fmt.Errorf("copying %s: the destination is the root directory", it.entry.Name)
	}
	if err := w.makeWay(ctx, it.dest, it.entry.Kind); err != nil {
		return err
	}
	c := *it.entry
	c.Name = it.dest
	if c.Link != "" {
		c.Link = w.group + c.Link
	}
	if c.Kind == tree.Symlink && !c.DirLink {
		if _, target, err := tree.Resolve(ctx, w.from, c.Name, true); err == nil && target.Kind == tree.Dir {
			c.DirLink = true
		}
	}
	w.put(c)
	return nil
}

func (w *copier) put(e tree.Entry) {
	if u, ok := w.mode.apply(&e); ok {
		e.Unix = u
	}
	w.changes = append(w.changes, w.to.entry(e))
}

// makeWay checks that an entry of a kind may take the place of what is at
// dest.
func (w *copier) makeWay(ctx context.Context, dest string, kind tree.Kind) error {
	if w.made[dest] {
		if kind == tree.Dir {
			return nil
		}
		return fmt.Errorf("replacing directory /%s with a %s: remove it first, or copy to another name", dest, kind)
	}
	have, err := w.to.lookup(ctx, dest)
	if err != nil || have == nil || w.op.ReplaceExisting {
		return err
	}
	switch {
	case kind == tree.Dir && have.Kind != tree.Dir:
		return fmt.Errorf("copying a directory onto /%s, which is a %s", dest, have.Kind)
	case kind != tree.Dir && have.Kind == tree.Dir:
		return fmt.Errorf("copying a %s onto /%s, which is a directory", kind, dest)
	}
	return nil
}

// required checks the paths that have to be among what was copied (COPY
// --parents names them).
func (w *copier) required(ctx context.Context) error {
	if len(w.op.IncludePatterns) == 0 {
		return nil
	}
	for _, r := range w.op.RequiredPaths {
		name := path.Join("/", w.op.Src, r)
		if hasMeta(name) {
			names, err := wildcard(ctx, w.from, name, w.folds)
			if err != nil {
				return err
			}
			if len(names) > 0 {
				continue
			}
			return &NotFoundError{Path: name}
		}
		if _, _, err := tree.Resolve(ctx, w.from, tree.Clean(name), w.op.FollowSymlink); err != nil {
			if errors.Is(err, fs.ErrNotExist) {
				return &NotFoundError{Path: name}
			}
			return err
		}
	}
	return nil
}
