package source

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"

	"github.com/casement/casement/internal/tree"
)

// maxLinks bounds how many links one path may lead through.
const maxLinks = 255

// follow returns the include patterns for paths that are wanted with
// everything that they lead to: a link brings its target, and so on. Links
// that point above or outside the directory are taken as if the directory were
// the root of the file system. The last and any other component may have
// wildcards. The result nil means everything.
func (l *Local) follow(paths []string) ([]string, error) {
	f := follower{l: l, found: map[string]bool{}, seen: map[string]bool{}}
	for _, p := range paths {
		if runtime.GOOS == "windows" {
			p = strings.TrimPrefix(filepath.ToSlash(p), filepath.VolumeName(p))
		}
		name := tree.Clean(p)
		if name == "" {
			return nil, nil
		}
		if err := f.add(strings.Split(name, "/"), 0); err != nil {
			return nil, err
		}
	}
	all := make([]string, 0, len(f.found))
	for p := range f.found {
		if p == "" {
			return nil, nil
		}
		all = append(all, p)
	}
	slices.SortFunc(all, tree.Compare)
	// What is below another one comes with it.
	return slices.CompactFunc(all, func(a, b string) bool { return strings.HasPrefix(b, a+"/") }), nil
}

// A follower collects patterns. It lives for one call of follow.
type follower struct {
	l     *Local
	found map[string]bool
	seen  map[string]bool // links that were followed, with the rest of the path
}

// add takes a path, whose components are patterns, and finds the links in it.
// Below a component with wildcards there may be links too; they are taken as
// they are, since following them could mean to look into every directory.
func (f *follower) add(parts []string, links int) error {
	at := ""
	for i, part := range parts {
		names, wild := []string{literal(part)}, hasWildcard(part)
		if wild {
			var err error
			if names, err = f.l.glob(at, part); err != nil {
				return err
			}
		}
		for _, n := range names {
			led, err := f.link(tree.Join(at, n), parts[i+1:], links)
			if err != nil {
				return err
			}
			if led && !wild {
				return nil // the path goes on in the target
			}
		}
		if wild {
			break
		}
		at = tree.Join(at, literal(part))
	}
	f.found[strings.Join(parts, "/")] = true
	return nil
}

// link adds name and what it leads to if name is a link.
func (f *follower) link(name string, tail []string, links int) (bool, error) {
	target, ok, err := f.l.readLink(name)
	if err != nil || !ok {
		return false, err
	}
	key := name + "\x00" + strings.Join(tail, "/")
	if links >= maxLinks || f.seen[key] {
		return true, nil
	}
	f.seen[key] = true
	f.found[escape(name)] = true
	if target == "" {
		return true, f.add(tail, links+1)
	}
	return true, f.add(slices.Concat(strings.Split(escape(target), "/"), tail), links+1)
}

// glob returns the names in dir that match a pattern.
func (l *Local) glob(dir, pattern string) ([]string, error) {
	entries, err := os.ReadDir(l.path(dir))
	if err != nil {
		if gone(err) {
			return nil, nil
		}
		return nil, l.readError(dir, err)
	}
	var names []string
	for _, e := range entries {
		if ok, _ := filepath.Match(pattern, e.Name()); ok {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// readLink returns where the link name points to inside the directory; ok is
// false if name is no link.
func (l *Local) readLink(name string) (target string, ok bool, err error) {
	fi, err := os.Lstat(l.path(name))
	if err != nil {
		if gone(err) {
			return "", false, nil
		}
		return "", false, l.readError(name, err)
	}
	if fi.Mode()&fs.ModeSymlink == 0 {
		return "", false, nil
	}
	raw, err := os.Readlink(l.path(name))
	if err != nil {
		return "", false, l.readError(name, err)
	}
	return l.inside(name, raw), true, nil
}

// inside returns the name that the target of the link name means, when the
// directory is taken for the root of the file system.
func (l *Local) inside(name, target string) string {
	target = filepath.ToSlash(target)
	if v := filepath.VolumeName(filepath.FromSlash(target)); v != "" {
		return tree.Clean(target[len(v):])
	}
	if strings.HasPrefix(target, "/") {
		return tree.Clean(target)
	}
	return tree.Join(tree.Parent(name), target)
}

// resolve follows all links on the way to name, name itself included, and
// never leaves the directory. The error matches fs.ErrNotExist if a link leads
// nowhere.
func (l *Local) resolve(name string) (string, fs.FileInfo, error) {
	rest := strings.Split(tree.Clean(name), "/")
	done := ""
	for links := 0; ; {
		if len(rest) == 0 || len(rest) == 1 && rest[0] == "" {
			fi, err := os.Lstat(l.path(done))
			return done, fi, err
		}
		next := tree.Join(done, rest[0])
		fi, err := os.Lstat(l.path(next))
		if err != nil {
			return "", nil, err
		}
		switch {
		case fi.Mode()&fs.ModeSymlink != 0:
			if links++; links > maxLinks {
				return "", nil, &fs.PathError{Op: "resolve", Path: name, Err: errors.New("too many links")}
			}
			raw, err := os.Readlink(l.path(next))
			if err != nil {
				return "", nil, err
			}
			rest = append(strings.Split(l.inside(next, raw), "/"), rest[1:]...)
			done = ""
		case len(rest) == 1:
			return next, fi, nil
		case !fi.IsDir():
			return "", nil, &fs.PathError{Op: "resolve", Path: name, Err: fs.ErrNotExist}
		default:
			done, rest = next, rest[1:]
		}
	}
}

func gone(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}

// hasWildcard reports whether a component of a pattern is more than a name.
func hasWildcard(part string) bool {
	for i := 0; i < len(part); i++ {
		switch part[i] {
		case '*', '?', '[':
			return true
		case '\\':
			if runtime.GOOS != "windows" {
				i++
			}
		}
	}
	return false
}

// escape makes a pattern that matches the name, or path, and nothing else. Windows has
// no way to escape, and no such names.
func escape(name string) string {
	if runtime.GOOS == "windows" || !strings.ContainsAny(name, `*?[]^\`) {
		return name
	}
	var b strings.Builder
	for i := 0; i < len(name); i++ {
		if strings.IndexByte(`*?[]^\`, name[i]) >= 0 {
			b.WriteByte('\\')
		}
		b.WriteByte(name[i])
	}
	return b.String()
}

// literal takes the escapes out of a pattern without wildcards.
func literal(pattern string) string {
	if runtime.GOOS == "windows" || strings.IndexByte(pattern, '\\') < 0 {
		return pattern
	}
	var b strings.Builder
	for i := 0; i < len(pattern); i++ {
		if pattern[i] == '\\' && i+1 < len(pattern) {
			i++
		}
		b.WriteByte(pattern[i])
	}
	return b.String()
}
