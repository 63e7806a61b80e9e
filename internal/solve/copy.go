package solve

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/moby/patternmatcher"

	"github.com/casement/casement/internal/llb"
	"github.com/casement/casement/internal/tree"
	"github.com/casement/casement/internal/winmeta"
)

// copy does a COPY or ADD: it returns the changes that it makes to the
// destination. The rules, down to which existing directory a file is put into,
// are those of BuildKit's copy (solver/llbsolver/file, fsutil/copy); the
// package comment says where Windows has others.
func (d *doer) copy(ctx context.Context, c *llb.Copy, from tree.Chain) ([]tree.Change, error) {
	p, err := d.place(ctx, c.Owner, c.Timestamp)
	if err != nil {
		return nil, err
	}
	w, err := newCopier(c, from, p, d.id)
	if err != nil {
		return nil, err
	}
	if p.system == "windows" && (c.ModeStr != "" || c.Mode != llb.Keep) {
		d.warn("--chmod has no effect in a Windows image", "Windows has access lists instead of mode bits; use --chown, or set the list in a RUN step")
	}
	sources, err := w.sources(ctx)
	if err != nil {
		return nil, err
	}
	if !c.CreateDestPath {
		dest, err := p.resolve(ctx, tree.Clean(c.Dest))
		if err == nil {
			err = p.needParent(ctx, dest)
		}
		if err != nil {
			return nil, fmt.Errorf("copying to %s: %w", c.Dest, err)
		}
	}
	if err := w.prefetch(ctx, sources); err != nil {
		return nil, err
	}
	for _, src := range sources {
		if err := w.one(ctx, d, src); err != nil {
			return nil, err
		}
	}
	if err := w.prefetchChosen(ctx); err != nil {
		return nil, err
	}
	w.joinLinks()
	d.distinct = len(p.made) == len(p.changes)
	return p.changes, w.required(ctx)
}

// copier does one copy.
type copier struct {
	*place
	op        *llb.Copy
	from      tree.Tree
	fromFolds bool
	mode      *modeChange
	incl      *patternmatcher.PatternMatcher
	excl      *patternmatcher.PatternMatcher
	group     string // tells hard links of this copy from others'

	pending []pendingDir
	copied  []copiedFile
}

// pendingDir is a directory that is copied once something in it is.
type pendingDir struct {
	entry *tree.Entry
	dest  string
	done  bool
}

// copiedFile is a file of the source and the change that it became.
type copiedFile struct {
	from *tree.Entry
	at   int
}

func newCopier(op *llb.Copy, from tree.Chain, to *place, id string) (*copier, error) {
	w := &copier{place: to, op: op, from: from.View(), fromFolds: from.Folds(), group: id + ":"}
	var err error
	if w.mode, err = parseMode(op); err != nil {
		return nil, err
	}
	if w.incl, err = w.matcher("include", op.IncludePatterns); err != nil {
		return nil, err
	}
	w.excl, err = w.matcher("exclude", op.ExcludePatterns)
	return w, err
}

// matcher compiles patterns; nil if there are none.
func (w *copier) matcher(what string, patterns []string) (*patternmatcher.PatternMatcher, error) {
	if len(patterns) == 0 {
		return nil, nil
	}
	if w.fromFolds {
		patterns = slices.Clone(patterns)
		for i := range patterns {
			patterns[i] = tree.Fold(patterns[i])
		}
	}
	m, err := patternmatcher.New(patterns)
	if err != nil {
		return nil, fmt.Errorf("reading %s patterns: %w", what, err)
	}
	return m, nil
}

// one copies one source.
func (w *copier) one(ctx context.Context, d *doer, src source) error {
	name, e, err := tree.Resolve(ctx, w.from, src.name, w.op.FollowSymlink)
	if errors.Is(err, fs.ErrNotExist) {
		return w.notFound(ctx, src.name)
	}
	if err != nil {
		return err
	}
	if err := w.overwrites(ctx, d, src); err != nil {
		return err
	}
	if w.op.Unpack {
		done, err := w.unpack(ctx, d, src)
		if done || err != nil {
			return err
		}
	}
	if name != src.name && e.Kind == tree.File && w.incl == nil && w.excl == nil && !(w.fromFolds && tree.SameName(name, src.name)) {
		if err := tree.Prefetch(ctx, w.from, name); err != nil {
			return err // a link led elsewhere
		}
	}
	if w.fromFolds && tree.SameName(tree.Base(e.Name), src.base) {
		src.base = tree.Base(e.Name)
	}
	dest, err := w.destination(ctx, d, e, src)
	if err != nil {
		return err
	}
	return w.copy(ctx, item{entry: e, dest: dest, top: true})
}

// unpack copies what is in an archive into the destination, which is taken for
// a directory. It returns false if the source is no archive.
func (w *copier) unpack(ctx context.Context, d *doer, src source) (bool, error) {
	_, e, err := tree.Resolve(ctx, w.from, src.name, true)
	if errors.Is(err, fs.ErrNotExist) || err == nil && (e.Kind != tree.File || e.Content == nil) || d.solver.Unpacker == nil {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	content, ok, err := d.solver.Unpacker.Unpack(ctx, e.Content)
	if err != nil {
		return true, fmt.Errorf("unpacking %s: %w", tree.Base(e.Name), err)
	}
	if !ok {
		return false, nil
	}
	dest, err := w.resolve(ctx, tree.Clean(w.op.Dest))
	if err != nil {
		return true, err
	}
	if dest, err = w.makeDirs(ctx, dest, 0o755); err != nil {
		return true, err
	}
	times := w.times
	w.times = nil // an archive brings its own
	defer func() { w.times = times }()
	sub := &copier{place: w.place, op: &llb.Copy{ReplaceExisting: true}, from: content, mode: &modeChange{}, group: w.group + src.name + ":"}
	for child, err := range content.Entries(ctx, "") {
		if err == nil {
			base := tree.Base(child.Name)
			err = sub.copy(ctx, item{entry: child, rel: base, dest: tree.Join(dest, base)})
		}
		if err != nil {
			return true, fmt.Errorf("unpacking %s: %w", tree.Base(e.Name), err)
		}
	}
	sub.joinLinks()
	return true, nil
}

// destination returns the name that the source gets, and makes the directories
// above it.
func (w *copier) destination(ctx context.Context, d *doer, e *tree.Entry, src source) (string, error) {
	mode := w.mode.forParents()
	dest, err := w.resolve(ctx, tree.Clean(w.op.Dest))
	if err != nil {
		return "", err
	}
	if trailingSlash(w.op.Dest) {
		if dest, err = w.makeDirs(ctx, dest, mode); err != nil {
			return "", err
		}
	}
	have, err := w.find(ctx, dest)
	if err != nil {
		return "", err
	}
	if e.Kind == tree.Dir && have == nil && w.op.DirCopyContents {
		return w.makeDirs(ctx, dest, mode) // not with the source's metadata
	}
	written := dest
	if have != nil && (e.Kind == tree.Dir && !w.op.DirCopyContents || e.Kind != tree.Dir && have.Kind == tree.Dir) {
		dest = tree.Join(dest, src.base)
	} else if e.Kind != tree.Dir {
		d.landed = landing{dest: w.key(dest), source: src.name}
		if have == nil {
			w.warnIfFile(d, dest, src.base)
		}
	}
	if dest == "" || dest == written && have != nil {
		return dest, nil
	}
	parent, err := w.makeDirs(ctx, tree.Parent(dest), mode)
	return tree.Join(parent, tree.Base(dest)), err
}

// landing is a file that a copy has put in the place of its destination, and
// not into it.
type landing struct{ dest, source string }

// overwrites refuses a source that would take the place of the one before it.
func (w *copier) overwrites(ctx context.Context, d *doer, src source) error {
	if d.landed.dest == "" {
		return nil
	}
	dest, err := w.resolve(ctx, tree.Clean(w.op.Dest))
	if err != nil || w.key(dest) != d.landed.dest {
		return err
	}
	have, err := w.find(ctx, dest)
	if err != nil || have == nil || have.Kind == tree.Dir {
		return err
	}
	return &hintError{fmt.Errorf("%q and %q would both become the file %s", d.landed.source, src.name, w.op.Dest),
		"end the destination with / to copy several files into a directory"}
}

// warnIfFile warns of a destination that could be a directory of a base image
// that is not read.
func (w *copier) warnIfFile(d *doer, dest, base string) {
	if !w.blind || strings.Contains(tree.Base(dest), ".") || tree.SameName(tree.Base(dest), base) {
		return
	}
	d.warn(fmt.Sprintf("%s is written as a file: the base image is not read, so a directory of that name in it would not be seen", winmeta.ToWindows(dest)),
		`end the destination with \ or / to copy into a directory`)
}

// item is one entry on its way.
type item struct {
	entry *tree.Entry
	rel   string // below the source, "" for the source itself
	dest  string
	top   bool                     // the source itself
	incl  patternmatcher.MatchInfo // of the parent
	excl  patternmatcher.MatchInfo
}

// match says whether an item is chosen, and whether it is excluded by name.
func (w *copier) match(it *item) (include, excluded bool, err error) {
	if it.top || w.incl == nil && w.excl == nil {
		return true, false, nil
	}
	include = true
	rel := it.rel
	if w.fromFolds {
		rel = tree.Fold(rel)
	}
	if w.incl != nil {
		if include, it.incl, err = w.incl.MatchesUsingParentResults(rel, it.incl); err != nil {
			return false, false, fmt.Errorf("matching include patterns: %w", err)
		}
	}
	if w.excl != nil {
		if excluded, it.excl, err = w.excl.MatchesUsingParentResults(rel, it.excl); err != nil {
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
		return w.leaf(ctx, it)
	}
	if include {
		if it.dest, err = w.dir(ctx, it); err != nil {
			return err
		}
	}
	w.pending = append(w.pending, pendingDir{entry: it.entry, dest: it.dest, done: include})
	defer func() { w.pending = w.pending[:len(w.pending)-1] }()
	if excluded && !w.excl.Exclusions() {
		return nil
	}
	for child, err := range w.from.Entries(ctx, it.entry.Name) {
		if err != nil {
			return err
		}
		base := tree.Base(child.Name)
		next := item{entry: child, rel: joinNames(it.rel, base), dest: joinNames(it.dest, base), incl: it.incl, excl: it.excl}
		if err := w.copy(ctx, next); err != nil {
			return err
		}
	}
	return nil
}

// joinNames is tree.Join for names that are clean.
func joinNames(dir, base string) string {
	if dir == "" {
		return base
	}
	return dir + "/" + base
}

// flush makes the directories on the way to something that is copied, which
// the patterns did not choose themselves. Of those that exist, only the mode
// becomes that of the source.
func (w *copier) flush(ctx context.Context) error {
	for i := range w.pending {
		d := &w.pending[i]
		if d.done {
			continue
		}
		d.done = true
		have, err := w.find(ctx, d.dest)
		switch {
		case err != nil:
			return err
		case have == nil:
			e := *d.entry
			e.Name = d.dest
			w.write(e, nil)
		case have.Kind != tree.Dir:
			return kindError(tree.Dir, have)
		case w.system != "windows" && d.entry.Unix != nil && d.dest != "":
			e, u := *have, tree.Unix{}
			if e.Unix != nil {
				u = *e.Unix
			}
			u.Mode = d.entry.Unix.Mode
			e.Unix = &u
			w.putAsIs(e, have)
		}
	}
	return nil
}

// dir copies the directory itself and returns its name in the destination. The
// source as such keeps the metadata of a directory that exists.
func (w *copier) dir(ctx context.Context, it item) (string, error) {
	have, err := w.find(ctx, it.dest)
	if err != nil {
		return "", err
	}
	if have != nil && have.Kind != tree.Dir && !w.op.ReplaceExisting {
		return "", kindError(tree.Dir, have)
	}
	if err := w.flush(ctx); err != nil {
		return "", err
	}
	dest := it.dest
	if have != nil && have.Kind == tree.Dir {
		if it.top || dest == "" {
			return have.Name, nil
		}
		dest = have.Name
	}
	if w.system == "windows" && winmeta.IsStandardDir(dest) {
		return dest, nil // the base's own metadata stays
	}
	e := *it.entry
	e.Name = dest
	w.write(e, have)
	return dest, nil
}

// leaf copies anything but a directory.
func (w *copier) leaf(ctx context.Context, it item) error {
	have, err := w.find(ctx, it.dest)
	if err != nil {
		return err
	}
	if it.dest == "" || have != nil && have.Kind == tree.Dir && !w.op.ReplaceExisting {
		return kindError(it.entry.Kind, have)
	}
	if err := w.flush(ctx); err != nil {
		return err
	}
	e := *it.entry
	e.Name = it.dest
	if have != nil && have.Kind == tree.Dir {
		e.Name = have.Name
	}
	if e.Kind == tree.File {
		if e.Link != "" {
			e.Link = w.group + e.Link
		}
		w.copied = append(w.copied, copiedFile{it.entry, len(w.changes)})
	}
	if e.Kind == tree.Symlink && !e.DirLink && w.system != "linux" {
		if _, target, err := tree.Resolve(ctx, w.from, it.entry.Name, true); err == nil {
			e.DirLink = target.Kind == tree.Dir
		}
	}
	w.write(e, have)
	return nil
}

// write puts an entry with the mode that was asked for.
func (w *copier) write(e tree.Entry, have *tree.Entry) {
	if u, ok := w.mode.apply(&e); ok {
		e.Unix = u
	}
	w.put(e, have)
}

// joinLinks completes groups of hard links by the file that the others are
// links to, where the source could not know that it has other names.
func (w *copier) joinLinks() {
	linked := map[string]copiedFile{} // by the name that the source's group is called after
	for _, c := range w.copied {
		if _, name, ok := strings.Cut(c.from.Link, ":"); ok {
			linked[strings.TrimPrefix(name, "/")] = c
		}
	}
	if len(linked) == 0 {
		return
	}
	for _, c := range w.copied {
		other, ok := linked[c.from.Name]
		if ok && c.from.Link == "" && c.from.Size == other.from.Size && c.from.Times.Modified.Equal(other.from.Times.Modified) {
			w.changes[c.at].Entry.Link = w.group + other.from.Link
		}
	}
}

// trailingSlash reports whether a destination is written as a directory.
func trailingSlash(path string) bool {
	return strings.HasSuffix(path, "/") || strings.HasSuffix(path, "/.") || path == "." || path == ""
}
