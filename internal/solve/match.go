package solve

import (
	"context"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	mode "github.com/tonistiigi/dchapes-mode"

	"github.com/casement/casement/internal/llb"
	"github.com/casement/casement/internal/tree"
)

// hasMeta reports whether a path has unescaped wildcards.
func hasMeta(p string) bool {
	for i := 0; i < len(p); i++ {
		switch p[i] {
		case '\\':
			i++
		case '*', '?', '[':
			return true
		}
	}
	return false
}

// wildcard returns the names that a pattern stands for, in tree order. The
// components up to the first with a wildcard are a plain path, in which links
// are followed (in its last component only if follow is set). Each component
// after it matches a component of a name (path.Match); there, links are not
// followed. The error matches fs.ErrNotExist if the plain path does not exist.
func wildcard(ctx context.Context, t tree.Tree, pattern string, fold, follow bool) ([]string, error) {
	parts := strings.Split(tree.Clean(pattern), "/")
	plain := slices.IndexFunc(parts, hasMeta)
	if plain < 0 {
		plain = len(parts)
	}
	to, e, err := tree.Resolve(ctx, t, strings.Join(parts[:plain], "/"), follow)
	if err != nil {
		return nil, err
	}
	if e.Kind != tree.Dir {
		return nil, nil
	}
	names := []string{to}
	for _, part := range parts[plain:] {
		if _, err := path.Match(part, ""); err != nil {
			return nil, fmt.Errorf("reading pattern %s: %w", part, err)
		}
		var next []string
		for _, dir := range names {
			found, err := matchIn(ctx, t, dir, part, fold)
			if err != nil {
				return nil, err
			}
			next = append(next, found...)
		}
		names = next
	}
	return names, nil
}

// matchIn returns the children of dir that one component of a pattern matches.
func matchIn(ctx context.Context, t tree.Tree, dir, component string, fold bool) ([]string, error) {
	e, err := t.Lookup(ctx, dir)
	if err != nil || e.Kind != tree.Dir {
		return nil, err
	}
	if !strings.ContainsAny(component, `*?[\`) {
		e, err := t.Lookup(ctx, tree.Join(dir, component))
		if err != nil {
			return nil, ignoreNotExist(err)
		}
		return []string{tree.Join(dir, tree.Base(e.Name))}, nil
	}
	if fold {
		component = tree.Fold(component)
	}
	var names []string
	for child, err := range t.Entries(ctx, dir) {
		if err != nil {
			return nil, err
		}
		base := tree.Base(child.Name)
		if fold {
			base = tree.Fold(base)
		}
		if ok, _ := path.Match(component, base); ok {
			names = append(names, child.Name)
		}
	}
	return names, nil
}

// similar returns names beside a missing one that differ from it little: in
// case, or by an extension.
func similar(ctx context.Context, t tree.Tree, name string) []string {
	var out []string
	want := tree.Base(name)
	dir, _, err := tree.Resolve(ctx, t, tree.Parent(name), true)
	if err != nil {
		return nil
	}
	for e, err := range t.Entries(ctx, dir) {
		if err != nil || len(out) == 3 {
			break
		}
		if Resembles(tree.Base(e.Name), want) {
			out = append(out, e.Name)
		}
	}
	return out
}

// Resembles reports whether somebody who wrote want may have meant have: they
// differ in case, by an extension, or by one slip of a finger.
func Resembles(have, want string) bool {
	have, want = tree.Fold(have), tree.Fold(want)
	return have == want || typo(have, want) || strings.TrimSuffix(have, path.Ext(have)) == strings.TrimSuffix(want, path.Ext(want))
}

// typo reports whether one name becomes the other by one letter more, less or
// changed, or by two that changed places.
func typo(a, b string) bool {
	if len(a) > len(b) {
		a, b = b, a
	}
	i := 0
	for i < len(a) && a[i] == b[i] {
		i++
	}
	switch {
	case len(b) < 3 || len(b) > len(a)+1:
		return false
	case len(b) > len(a):
		return a[i:] == b[i+1:]
	case i == len(a) || a[i+1:] == b[i+1:]:
		return true
	}
	return i+2 <= len(a) && a[i] == b[i+1] && a[i+1] == b[i] && a[i+2:] == b[i+2:]
}

// modeChange is what --chmod asks for.
type modeChange struct {
	bits *uint32
	set  *mode.Set
}

func parseMode(op *llb.Copy) (*modeChange, error) {
	switch {
	case op.ModeStr != "":
		set, err := mode.ParseWithUmask(op.ModeStr, 0)
		if err != nil {
			return nil, fmt.Errorf("reading --chmod=%s: %w", op.ModeStr, err)
		}
		return &modeChange{set: &set}, nil
	case op.Mode != llb.Keep:
		bits := uint32(op.Mode) & 0o7777
		return &modeChange{bits: &bits}, nil
	}
	return &modeChange{}, nil
}

// forParents returns the mode of directories that are made on the way.
func (m *modeChange) forParents() uint32 {
	if m.bits != nil {
		return *m.bits & 0o777
	}
	return 0o755
}

// apply returns the entry's metadata with the new mode; links have none.
func (m *modeChange) apply(e *tree.Entry) (*tree.Unix, bool) {
	if m.bits == nil && m.set == nil || e.Kind == tree.Symlink || e.Kind == tree.Junction {
		return nil, false
	}
	u := tree.Unix{Mode: defaultMode(e.Kind)}
	if e.Unix != nil {
		u = *e.Unix
	}
	if m.bits != nil {
		u.Mode = *m.bits
		return &u, true
	}
	u.Mode = posixMode(m.set.Apply(fileMode(u.Mode, e.Kind)))
	return &u, true
}

// special are the bits beside the permissions, in both notations.
func special() [3]specialBit {
	return [3]specialBit{{0o4000, fs.ModeSetuid}, {0o2000, fs.ModeSetgid}, {0o1000, fs.ModeSticky}}
}

type specialBit struct {
	posix uint32
	file  fs.FileMode
}

func fileMode(posix uint32, k tree.Kind) fs.FileMode {
	m := fs.FileMode(posix & 0o777)
	if k == tree.Dir {
		m |= fs.ModeDir
	}
	for _, s := range special() {
		if posix&s.posix != 0 {
			m |= s.file
		}
	}
	return m
}

func posixMode(m fs.FileMode) uint32 {
	posix := uint32(m.Perm())
	for _, s := range special() {
		if m&s.file != 0 {
			posix |= s.posix
		}
	}
	return posix
}
