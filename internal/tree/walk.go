package tree

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"path"
	"strings"
)

// Walk yields everything below the directory dir, depth first, a directory
// before what is in it. dir itself is not part of it. Links are not followed.
func Walk(ctx context.Context, t Tree, dir string) iter.Seq2[*Entry, error] {
	return func(yield func(*Entry, error) bool) { walk(ctx, t, dir, yield) }
}

func walk(ctx context.Context, t Tree, dir string, yield func(*Entry, error) bool) bool {
	for e, err := range t.Entries(ctx, dir) {
		if err != nil {
			yield(nil, err)
			return false
		}
		if err := ctx.Err(); err != nil {
			yield(nil, err)
			return false
		}
		if !yield(e, nil) {
			return false
		}
		if e.Kind == Dir && !walk(ctx, t, e.Name, yield) {
			return false
		}
	}
	return true
}

// Lookuper is the part of a [Tree] that [Resolve] needs.
type Lookuper interface {
	Lookup(ctx context.Context, name string) (*Entry, error)
}

// maxLinks bounds how many links one name may lead through.
const maxLinks = 255

// maxParts bounds how long links that lead into themselves may make a name, and
// maxSteps how many components they may lead through.
const (
	maxParts = 16 << 10
	maxSteps = 16 << 10
)

// Resolve follows the links on the way to name inside t, the link that name
// itself may be included if last is set, and never leaves the root. It returns
// the name that is reached and its entry. Where a component does not exist,
// the rest of the name is kept as it is, and the error matches fs.ErrNotExist.
func Resolve(ctx context.Context, t Lookuper, name string, last bool) (string, *Entry, error) {
	rest := strings.Split(Clean(name), "/")
	done := ""
	for links, steps := 0, 0; ; steps++ {
		if len(rest) == 0 || rest[0] == "" && len(rest) == 1 {
			e, err := t.Lookup(ctx, done)
			return done, e, err
		}
		next := Join(done, rest[0])
		e, err := t.Lookup(ctx, next)
		if err != nil {
			return Join(done, path.Join(rest...)), nil, err
		}
		isLink := e.Kind == Symlink || e.Kind == Junction
		if len(rest) == 1 && !(isLink && last) {
			return e.Name, e, nil
		}
		if !isLink {
			done, rest = e.Name, rest[1:]
			continue
		}
		if links++; links > maxLinks {
			return "", nil, &fs.PathError{Op: "resolve", Path: "/" + name, Err: errors.New("too many links")}
		}
		target, err := LinkTarget(e)
		if err != nil {
			return "", nil, err
		}
		if rest = append(strings.Split(target, "/"), rest[1:]...); len(rest) > maxParts || steps > maxSteps {
			return "", nil, &fs.PathError{Op: "resolve", Path: "/" + name, Err: errors.New("links make it too long")}
		}
		done = ""
	}
}

// LinkTarget returns the name that the link e points to, inside its own tree:
// relative targets are joined to the link's directory, absolute ones and those
// with the drive letter C start at the root. Targets elsewhere (other drives,
// network shares, devices, volumes by number) are errors. A symlink that has no
// Windows metadata may begin with more than one slash, as on Unix.
func LinkTarget(e *Entry) (string, error) {
	target, long := e.Target, false
	for _, p := range []string{"//?/", "/??/"} {
		if rest, ok := strings.CutPrefix(target, p); ok {
			target, long = rest, true
			break
		}
	}
	drive := len(target) >= 2 && target[1] == ':'
	switch {
	case drive && target[0] != 'c' && target[0] != 'C':
		return "", fmt.Errorf("following /%s: its target %s is not on drive C", e.Name, e.Target)
	case drive:
		return Clean(target[2:]), nil
	case long, strings.HasPrefix(target, "//") && (e.Kind == Junction || e.Windows != nil):
		return "", fmt.Errorf("following /%s: its target %s is outside the image", e.Name, e.Target)
	case strings.HasPrefix(target, "/"):
		return Clean(target), nil
	}
	return Join(Parent(e.Name), target), nil
}
