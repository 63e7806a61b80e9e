package source

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"

	"github.com/casement/casement/internal/solve"
	"github.com/casement/casement/internal/store"
	"github.com/casement/casement/internal/tree"
)

// A StatCache remembers the digests of files between builds by what the system
// says of a file without reading it. *store.StatCache is one.
type StatCache interface {
	Lookup(name string, st store.FileStat) (digest string, ok bool)
	Add(name string, st store.FileStat, digest string)
}

// LocalOptions adjusts a [Local]. The zero value works.
type LocalOptions struct {
	// Name is what messages call the directory; the default is its path.
	Name string
	// Cache saves reading files that have not changed since the last build.
	Cache StatCache
}

// A Local is a directory of this computer: a build context, or the directory
// that holds the Dockerfile. It is safe for concurrent use.
type Local struct {
	dir     string // without links
	name    string
	cache   StatCache
	hashers sync.Pool // of *hasher
}

// Selection says which part of a directory is wanted. The zero value is all of
// it.
type Selection struct {
	// FollowPaths are names with wildcards, wanted with everything below them
	// and everything that links in them lead to.
	FollowPaths []string
	// IncludePatterns and ExcludePatterns are patterns as in .dockerignore.
	// What an exclude pattern matches is out, even if it was asked for.
	IncludePatterns, ExcludePatterns []string
}

// The attributes of a local source in BuildKit's graph.
const (
	attrFollowPaths     = "local.followpaths"
	attrIncludePatterns = "local.includepattern"
	attrExcludePatterns = "local.excludepatterns"
)

// SelectionOf reads the attributes of a local source. The others of a local
// source say how BuildKit is to transfer files, and mean nothing here.
func SelectionOf(attrs map[string]string) (Selection, error) {
	var s Selection
	for name, list := range map[string]*[]string{
		attrFollowPaths:     &s.FollowPaths,
		attrIncludePatterns: &s.IncludePatterns,
		attrExcludePatterns: &s.ExcludePatterns,
	} {
		if v := attrs[name]; v != "" {
			if err := json.Unmarshal([]byte(v), list); err != nil {
				return s, fmt.Errorf("reading the attribute %s: %w", name, err)
			}
		}
	}
	return s, nil
}

// OpenLocal returns the directory dir. If dir is a link, its target counts.
func OpenLocal(dir string, o LocalOptions) (*Local, error) {
	name := o.Name
	if name == "" {
		name = dir
	}
	const hint = "the build context has to be a directory, a git or http URL, or - for standard input"
	abs, err := filepath.Abs(dir)
	if err == nil {
		abs, err = filepath.EvalSymlinks(abs)
	}
	if err != nil {
		return nil, withHint(fmt.Errorf("opening the directory %s: %w", name, cause(err)), hint)
	}
	fi, err := os.Stat(abs)
	if err != nil {
		return nil, withHint(fmt.Errorf("opening the directory %s: %w", name, cause(err)), hint)
	}
	if !fi.IsDir() {
		return nil, withHint(fmt.Errorf("opening the directory %s: %w", name, syscall.ENOTDIR), hint)
	}
	return &Local{dir: abs, name: name, cache: o.Cache}, nil
}

// Dir returns the directory's path, without links.
func (l *Local) Dir() string { return l.dir }

// path returns where the entry name is.
func (l *Local) path(name string) string {
	if name == "" {
		return l.dir
	}
	return l.dir + separator + filepath.FromSlash(name)
}

// readError explains why an entry could not be read.
func (l *Local) readError(name string, err error) error {
	if name == "" {
		name = "."
	}
	e := fmt.Errorf("reading %s in %s: %w", name, l.name, cause(err))
	if errors.Is(err, fs.ErrPermission) {
		return withHint(e, "if the image does not need it, add it to .dockerignore; otherwise make it readable (chmod u+r)")
	}
	return e
}

// cause takes the path out of an error of the file system: messages name the
// entry in their own way.
func cause(err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	return err
}

// Pin checks the attributes of a local source. The result has no key: only
// reading all files could tell it, and most builds read them once anyway.
// Whoever needs to name what was loaded calls [Key].
func (l *Local) Pin(_ context.Context, attrs map[string]string) (solve.Pinned, error) {
	sel, err := SelectionOf(attrs)
	if err != nil {
		return solve.Pinned{}, err
	}
	return solve.Pinned{Load: func(ctx context.Context) (tree.Chain, error) {
		set, err := l.Tree(ctx, sel)
		if err != nil {
			return tree.Chain{}, err
		}
		return oneLayer(set, l.name), nil
	}}, nil
}

// maxReadFile bounds what ReadFile holds in memory. The largest Dockerfiles
// and ignore files known are a hundredth of it.
const maxReadFile = 16 << 20

// ReadFile returns the content of a small file, such as a Dockerfile. Links
// are followed inside the directory. The error matches fs.ErrNotExist if there
// is no such file.
func (l *Local) ReadFile(ctx context.Context, name string) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, context.Cause(ctx)
	}
	real, fi, err := l.resolve(name)
	if err != nil {
		if gone(err) {
			err = fs.ErrNotExist
		}
		return nil, l.readError(name, err)
	}
	switch {
	case fi.IsDir():
		return nil, l.readError(name, syscall.EISDIR)
	case !fi.Mode().IsRegular():
		return nil, l.readError(name, errors.New("it is no regular file"))
	case fi.Size() > maxReadFile:
		return nil, l.readError(name, fmt.Errorf("it has %d bytes, and no more than %d are allowed", fi.Size(), maxReadFile))
	}
	// Root, because somebody may put a link in place of a directory now.
	root, err := os.OpenRoot(l.dir)
	if err != nil {
		return nil, l.readError(name, err)
	}
	defer root.Close()
	f, err := root.Open(filepath.FromSlash(real))
	if err != nil {
		return nil, l.readError(name, err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxReadFile))
	if err != nil {
		return nil, l.readError(name, err)
	}
	return data, nil
}

// capabilityName is the extended attribute of a program that has privileges of
// its own.
const capabilityName = "security.capability"
