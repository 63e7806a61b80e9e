package source

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"unicode/utf8"

	"github.com/casement/casement/internal/store"
	"github.com/casement/casement/internal/tree"
)

// Tree returns the selected part of the directory as it is now. The contents
// are read later, and must be unchanged then.
//
// Owners become root, as in BuildKit: who owns a file here says nothing about
// the image. Permissions are kept on Unix; on Windows, which has none, all is
// 0755. Only modification times are taken, since the others change with every
// copy of the context. Of the extended attributes security.capability is taken
// (Linux, executable files): no other gets from a context into an image with
// BuildKit either. Sockets, fifos and devices are entries like others; whether
// a layer can have them is not decided here.
func (l *Local) Tree(ctx context.Context, sel Selection) (*tree.Set, error) {
	include := sel.IncludePatterns
	if len(sel.FollowPaths) > 0 {
		followed, err := l.follow(sel.FollowPaths)
		if err != nil {
			return nil, err
		}
		if followed != nil {
			include = slices.Concat(include, followed)
		}
	}
	workers := runtime.GOMAXPROCS(0)
	w := &walker{l: l, idle: make(chan *filter, workers)}
	for range workers {
		f, err := newFilter(include, sel.ExcludePatterns)
		if err != nil {
			return nil, err
		}
		w.idle <- f
	}
	nodes, err := w.dir(ctx, <-w.idle, "", verdict{})
	if err != nil {
		return nil, err
	}
	changes, err := w.entries(nodes, nil)
	if err != nil {
		return nil, err
	}
	groupLinks(changes)
	return tree.NewSet(changes), nil
}

// A walker lists a directory. Each filter in idle is one more goroutine that
// may work.
type walker struct {
	l    *Local
	idle chan *filter
}

// A node is a name that is selected or may have something selected below it.
type node struct {
	name   string
	entry  *tree.Entry // nil for a directory that is only there for its children
	dirent fs.DirEntry
	below  []node
	err    error
}

// dir lists one directory with all that is below it.
func (w *walker) dir(ctx context.Context, f *filter, dir string, v verdict) ([]node, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	list, err := os.ReadDir(w.l.path(dir))
	if err != nil {
		// A directory that disappears while its parent is listed was never
		// there; one that is only looked into for exceptions may be closed.
		if dir != "" && (gone(err) || !v.keep && errors.Is(err, fs.ErrPermission)) {
			return nil, nil
		}
		return nil, w.l.readError(dir, err)
	}
	nodes := make([]node, 0, len(list))
	verdicts := make([]verdict, 0, len(list))
	for _, e := range list {
		name := e.Name()
		if dir != "" {
			name = dir + "/" + name
		}
		nv, err := f.decide(name, e.IsDir(), v)
		if err != nil {
			return nil, err
		}
		if !nv.keep && !nv.descend {
			continue
		}
		if !utf8.ValidString(name) {
			return nil, withHint(fmt.Errorf("reading %q in %s: the name is not valid UTF-8", name, w.l.name),
				"rename the file, or add it to .dockerignore")
		}
		n := node{name: name, dirent: e}
		if nv.keep {
			if n.entry, err = w.l.entry(name, e); err != nil {
				return nil, err
			}
			if n.entry == nil {
				continue
			}
		}
		nodes, verdicts = append(nodes, n), append(verdicts, nv)
	}
	return nodes, w.children(ctx, f, nodes, verdicts)
}

// children lists the directories among nodes, some of them at the same time.
func (w *walker) children(ctx context.Context, f *filter, nodes []node, verdicts []verdict) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	for i := range nodes {
		n, v := &nodes[i], verdicts[i]
		if !v.descend {
			continue
		}
		select {
		case g := <-w.idle:
			wg.Go(func() {
				n.below, n.err = w.dir(ctx, g, n.name, v)
				w.idle <- g
			})
		default:
			if n.below, n.err = w.dir(ctx, f, n.name, v); n.err != nil {
				return n.err
			}
		}
	}
	return nil
}

// entries appends what nodes stand for, directories before what is in them.
func (w *walker) entries(nodes []node, changes []tree.Change) ([]tree.Change, error) {
	for i := range nodes {
		n := &nodes[i]
		if n.err != nil {
			return nil, n.err
		}
		at := len(changes)
		changes = append(changes, tree.Change{Entry: n.entry})
		var err error
		if changes, err = w.entries(n.below, changes); err != nil {
			return nil, err
		}
		if n.entry != nil {
			continue
		}
		if len(changes) == at+1 {
			changes = changes[:at] // nothing below it was selected
			continue
		}
		if changes[at].Entry, err = w.l.entry(n.name, n.dirent); err != nil {
			return nil, err
		}
		if changes[at].Entry == nil {
			changes = changes[:at] // gone meanwhile, with all that was in it
		}
	}
	return changes, nil
}

// entry returns the entry for a name; nil if it is there no more.
func (l *Local) entry(name string, d fs.DirEntry) (*tree.Entry, error) {
	fi, err := lstat(l.path(name), d)
	if err != nil {
		if gone(err) {
			return nil, nil
		}
		return nil, l.readError(name, err)
	}
	// One allocation for the three: contexts have many files.
	all := &struct {
		entry tree.Entry
		unix  tree.Unix
		file  localFile
	}{}
	e := &all.entry
	e.Name, e.Unix, e.Times.Modified = name, &all.unix, fi.ModTime()
	all.unix.Mode = unixMode(fi.Mode())
	switch m := fi.Mode(); {
	case m.IsRegular():
		e.Kind, e.Size = tree.File, fi.Size()
		all.file = localFile{l: l, name: name, stat: store.FileStatOf(fi), links: linkCount(fi)}
		if e.Size > 0 || all.file.links > 1 {
			e.Content = &all.file
		}
		if m&0o111 != 0 {
			all.unix.Xattrs = capability(l.path(name))
		}
	case m.IsDir():
		e.Kind = tree.Dir
	case m&fs.ModeSocket != 0:
		e.Kind = tree.Socket
	case m&fs.ModeNamedPipe != 0:
		e.Kind = tree.Fifo
	case m&fs.ModeDevice != 0:
		e.Kind = tree.Device
		all.unix.Char = m&fs.ModeCharDevice != 0
		all.unix.Major, all.unix.Minor = deviceNumbers(fi)
	default:
		return e, l.readLinkEntry(e, fi)
	}
	return e, nil
}

// readLinkEntry completes the entry of a symbolic link or junction.
func (l *Local) readLinkEntry(e *tree.Entry, fi fs.FileInfo) error {
	target, err := os.Readlink(l.path(e.Name))
	if err != nil {
		if fi.Mode()&fs.ModeSymlink == 0 {
			return withHint(l.readError(e.Name, errors.New("it is neither a file nor a directory nor a link")),
				"add it to .dockerignore")
		}
		return l.readError(e.Name, err)
	}
	if !utf8.ValidString(target) {
		return l.readError(e.Name, errors.New("the target of the link is not valid UTF-8"))
	}
	e.Target = filepath.ToSlash(target)
	if fi.Mode()&fs.ModeSymlink == 0 {
		e.Kind = tree.Junction
		return nil
	}
	e.Kind = tree.Symlink
	isDir, known := linkToDir(fi)
	if !known {
		_, to, err := l.resolve(e.Name)
		isDir = err == nil && to.IsDir()
	}
	e.DirLink = isDir
	return nil
}

// unixMode returns the permission bits as in st_mode.
func unixMode(m fs.FileMode) uint32 {
	if runtime.GOOS == "windows" {
		return 0o755
	}
	mode := uint32(m.Perm())
	for bit, mask := range map[fs.FileMode]uint32{fs.ModeSetuid: 0o4000, fs.ModeSetgid: 0o2000, fs.ModeSticky: 0o1000} {
		if m&bit != 0 {
			mode |= mask
		}
	}
	return mode
}

// groupLinks sets Link on the files that have several names in the selection,
// to the first of these.
func groupLinks(changes []tree.Change) {
	type inode struct{ dev, ino uint64 }
	first := map[inode]*tree.Entry{}
	for _, c := range changes {
		f, ok := c.Entry.Content.(*localFile)
		if !ok || f.links < 2 {
			continue
		}
		id := inode{f.stat.Dev, f.stat.Inode}
		if e := first[id]; e == nil {
			first[id] = c.Entry
		} else {
			e.Link, c.Entry.Link = e.Name, e.Name
		}
	}
	for _, c := range changes {
		if c.Entry.Kind == tree.File && c.Entry.Size == 0 {
			c.Entry.Content = nil
		}
	}
}
