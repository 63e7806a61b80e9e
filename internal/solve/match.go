package solve

import (
	"context"
	"fmt"
	"io/fs"
	"path"
	"strings"

	mode "github.com/tonistiigi/dchapes-mode"

	"github.com/casement/casement/internal/llb"
	"github.com/casement/casement/internal/tree"
	"github.com/casement/casement/internal/winmeta"
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

// unescape takes the backslashes out of a pattern without wildcards.
func unescape(pattern bool, p string) string {
	if !pattern || !strings.Contains(p, `\`) {
		return p
	}
	var b strings.Builder
	for i := 0; i < len(p); i++ {
		if p[i] == '\\' && i+1 < len(p) {
			i++
		}
		b.WriteByte(p[i])
	}
	return b.String()
}

// wildcard returns the names that a pattern stands for, in tree order. A
// component of the pattern matches a component of a name (path.Match); links
// are followed on the way but not in the last component.
func wildcard(ctx context.Context, t tree.Tree, pattern string, fold bool) ([]string, error) {
	names := []string{""}
	for rest := strings.Split(tree.Clean(pattern), "/"); len(rest) > 0; rest = rest[1:] {
		var next []string
		for _, dir := range names {
			found, err := matchIn(ctx, t, dir, rest[0], fold)
			if err != nil {
				return nil, err
			}
			next = append(next, found...)
		}
		names = next
	}
	return names, nil
}

// matchIn returns the children of dir that one component matches.
func matchIn(ctx context.Context, t tree.Tree, dir, component string, fold bool) ([]string, error) {
	to, e, err := tree.Resolve(ctx, t, dir, true)
	if err != nil || e.Kind != tree.Dir {
		return nil, ignoreNotExist(err)
	}
	if !hasMeta(component) {
		name := tree.Join(to, unescape(true, component))
		if _, err := t.Lookup(ctx, name); err != nil {
			return nil, ignoreNotExist(err)
		}
		return []string{name}, nil
	}
	if fold {
		component = tree.Fold(component)
	}
	var names []string
	for child, err := range t.Entries(ctx, to) {
		if err != nil {
			return nil, err
		}
		base := tree.Base(child.Name)
		if fold {
			base = tree.Fold(base)
		}
		ok, err := path.Match(component, base)
		if err != nil {
			return nil, fmt.Errorf("reading pattern %s: %w", component, err)
		}
		if ok {
			names = append(names, child.Name)
		}
	}
	return names, nil
}

// similar returns names beside a missing one that differ from it little: in
// case, or by an extension.
func similar(ctx context.Context, t tree.Tree, name string) []string {
	var out []string
	want := tree.Fold(tree.Base(name))
	for e, err := range t.Entries(ctx, tree.Parent(name)) {
		if err != nil || len(out) == 3 {
			break
		}
		have := tree.Fold(tree.Base(e.Name))
		if have == want || strings.TrimSuffix(have, path.Ext(have)) == strings.TrimSuffix(want, path.Ext(want)) {
			out = append(out, e.Name)
		}
	}
	return out
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

// orElse returns the mode asked for, else what is given.
func (m *modeChange) orElse(bits uint32, _ tree.Kind) uint32 {
	if m.bits != nil {
		return *m.bits
	}
	return bits
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
	fm := fs.FileMode(u.Mode & 0o777)
	if e.Kind == tree.Dir {
		fm |= fs.ModeDir
	}
	u.Mode = u.Mode&^0o777 | uint32(m.set.Apply(fm).Perm())
	return &u, true
}

// checkAccount returns an error for an owner that Windows does not know.
func checkAccount(user string) error {
	_, err := winmeta.LookupAccount(user)
	return err
}
