package machine

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"strings"
	"time"
	"unicode/utf16"

	"github.com/casement/casement/internal/tree"
	"github.com/casement/casement/internal/winmeta"
)

// FS is the machine's drives, of which there is C: only. Paths are full
// Windows paths ("C:\app\x") as [Full] makes them; every method takes
// them in any case, with either slash. Methods that say "follows" follow links
// in the last component; links in directories are always followed. Errors are
// *[Error] with the Win32 code that Windows would give, and match fs.ErrNotExist,
// fs.ErrExist and fs.ErrPermission where that is meant. Access is checked for
// the machine's account by the security descriptors.
type FS struct {
	*drive
	privileged bool
}

// drive is what all FS of a machine share.
type drive struct {
	m     *Machine
	root  *node
	acls  acls
	start time.Time
}

// Privileged returns the file system as a program sees it that has enabled its
// privileges to back up, to restore and to take ownership: descriptors do not
// bind it. Accounts that are no administrators have no such privileges.
func (f *FS) Privileged() *FS {
	return &FS{drive: f.drive, privileged: f.m.account.Admin}
}

// Info is what is known of a file or directory. It does not change.
type Info struct {
	// Path is the full path with the names as they are stored ("C:\Windows").
	Path string
	Name string // last component as stored; "C:\" for the root
	Kind tree.Kind
	Size int64
	// Times: Created, Modified, Accessed.
	Times      tree.Times
	Attributes winmeta.Attributes
	// Target is where a link leads, as it is stored, with backslashes.
	Target string
	Entry  *tree.Entry
}

// IsDir reports whether it is a directory or a link to one.
func (i *Info) IsDir() bool { return i.Attributes.Has(winmeta.Directory) }

// IsLink reports whether it is a symbolic link or junction.
func (i *Info) IsLink() bool { return i.Kind == tree.Symlink || i.Kind == tree.Junction }

// found is where a path has led.
type found struct {
	dir  *node  // nil for the root
	name string // last component as the path or the last link has it
	node *node  // nil if there is none
}

const (
	maxLinks = 63     // how many links Windows follows on one path
	maxPath  = 32_767 // how many characters a path may have
)

// walk follows a path.
func (f *FS) walk(ctx context.Context, op string, s *spot, how effort, follow bool) (found, error) {
	fail := func(code uint32) (found, error) {
		return found{}, &Error{Op: op, Path: s.path, Code: code}
	}
	if len(s.path) > maxPath && len(utf16.Encode([]rune(s.path))) > maxPath {
		return fail(ErrorFilenameTooLong)
	}
	at := found{node: f.root}
	parts, links := s.parts, 0
	for i := 0; i < len(parts); i++ {
		last := i == len(parts)-1
		if at.node.kind != tree.Dir {
			return fail(ErrorPathNotFound)
		}
		at = found{dir: at.node, name: parts[i]}
		var err error
		if at.node, err = f.next(ctx, at, last, how); err != nil {
			return found{}, err
		}
		if at.node == nil {
			if err := f.refuseShort(ctx, s.path, at.dir, at.name); err != nil {
				return found{}, err
			}
		}
		switch {
		case at.node == nil && !last:
			return fail(ErrorPathNotFound)
		case at.node == nil:
			return at, f.checkAssumed(ctx, op, s, at.dir, how)
		case at.node.isLink() && (!last || follow || s.slash):
			if links++; links > maxLinks {
				return fail(ErrorCantResolve)
			}
			target, err := tree.LinkTarget(&tree.Entry{Name: at.node.treeName(), Kind: at.node.kind, Target: at.node.target, Windows: &tree.Windows{}})
			if err != nil {
				return fail(ErrorPathNotFound)
			}
			parts = append(splitTree(target), parts[i+1:]...)
			at, i = found{node: f.root}, -1
		case last && s.slash && !at.node.dirLike():
			return fail(ErrorInvalidName)
		}
	}
	return at, nil
}

// next looks one component up. On the way to the last one the truth is asked
// for only if what costs nothing does not know the name.
func (f *FS) next(ctx context.Context, at found, last bool, how effort) (*node, error) {
	if last {
		return f.child(ctx, at.dir, at.name, how)
	}
	n, err := f.child(ctx, at.dir, at.name, min(how, cheap))
	if n == nil && err == nil && how > onward {
		n, err = f.child(ctx, at.dir, at.name, sure)
	}
	return n, err
}

// checkAssumed returns an error if the directory in which a name was not found
// was only assumed to be there.
func (f *FS) checkAssumed(ctx context.Context, op string, s *spot, dir *node, how effort) error {
	if how < sure || !dir.assumed() || len(dir.kids) > 0 {
		return nil
	}
	n, err := f.verify(ctx, dir)
	if n == nil && err == nil {
		err = &Error{Op: op, Path: s.path, Code: ErrorPathNotFound}
	}
	return err
}

func splitTree(name string) []string {
	if name == "" {
		return nil
	}
	return strings.Split(name, "/")
}

// existing finds what a path leads to, which must be there.
func (f *FS) existing(ctx context.Context, op, path string, how effort, follow bool) (*node, error) {
	s, err := place(op, path)
	if err != nil {
		return nil, err
	}
	if s.device != "" {
		return nil, &Error{Op: op, Path: path, Code: ErrorFileNotFound}
	}
	at, err := f.walk(ctx, op, &s, how, follow)
	switch {
	case err != nil:
		return nil, err
	case at.node == nil, s.stream != "" && !strings.EqualFold(s.stream, ":$DATA"):
		return nil, &Error{Op: op, Path: path, Code: ErrorFileNotFound}
	}
	return at.node, nil
}

// allowed reports whether the account has rights on a node.
func (f *FS) allowed(n *node, rights uint32) bool {
	return f.privileged || f.aclOf(n).granted&rights == rights
}

// need returns an error if the account lacks rights on a node.
func (f *FS) need(op, path string, n *node, rights uint32) error {
	if f.allowed(n, rights) {
		return nil
	}
	return &Error{Op: op, Path: path, Code: ErrorAccessDenied}
}

// Stat follows; Lstat does not.
func (f *FS) Stat(ctx context.Context, path string) (*Info, error) {
	return f.stat(ctx, path, sure, true)
}

// Lstat describes a link itself.
func (f *FS) Lstat(ctx context.Context, path string) (*Info, error) {
	return f.stat(ctx, path, sure, false)
}

// StatDest is Stat for a command that is about to write to path, and asks
// whether it is a directory already. A name that only a sealed base image could
// have is taken for absent, as by Create and Mkdir, and no layer is unsealed for
// it. Everything that reports or decides what exists uses Stat.
func (f *FS) StatDest(ctx context.Context, path string) (*Info, error) {
	return f.stat(ctx, path, onward, true)
}

// LstatDest is [FS.StatDest] that describes a link itself.
func (f *FS) LstatDest(ctx context.Context, path string) (*Info, error) {
	return f.stat(ctx, path, onward, false)
}

// TakesIn reports whether path is a directory that takes in a file called name
// which is copied or moved there. That decides what the copy is, a file in the
// directory or one in its place, so a sealed base image is asked whether it has
// the directory. It is not asked if the last component ends in the extension of
// name: then it is the name of a file. Nor is it for NUL, which makes an empty one.
func (f *FS) TakesIn(ctx context.Context, path, name string) (bool, error) {
	info, err := f.StatDest(ctx, path)
	if errors.Is(err, fs.ErrNotExist) && (strings.HasSuffix(path, `\`) || !sameExtension(path, name) && dosDevice(name) == "") {
		info, err = f.Stat(ctx, path)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil && info.IsDir(), err
}

// sameExtension reports whether two names end in the same extension.
func sameExtension(a, b string) bool {
	ext := func(s string) string {
		s = s[strings.LastIndexAny(s, `\/`)+1:]
		if i := strings.LastIndexByte(s, '.'); i >= 0 {
			return s[i:]
		}
		return ""
	}
	return ext(a) != "" && tree.SameName(ext(a), ext(b))
}

func (f *FS) stat(ctx context.Context, path string, how effort, follow bool) (*Info, error) {
	const op = "stat"
	if s, err := place(op, path); err == nil && s.device == "NUL" {
		return &Info{Path: `\\.\NUL`, Name: "NUL", Kind: tree.File, Attributes: winmeta.Archive, Entry: &tree.Entry{Kind: tree.File}}, nil
	}
	n, err := f.existing(ctx, op, path, how, follow)
	if err != nil {
		return nil, err
	}
	// Attributes can be read by who can read them or can list the directory.
	const readAttributes = 0x80
	if n.parent != nil && !f.allowed(n, readAttributes) && !f.allowed(n.parent, rightRead) {
		return nil, &Error{Op: op, Path: path, Code: ErrorAccessDenied}
	}
	return f.info(n), nil
}

// Exists reports whether there is a file or directory; errors other than "not
// there" are returned. Names that no file can have do not exist.
func (f *FS) Exists(ctx context.Context, path string) (bool, error) {
	_, err := f.Stat(ctx, path)
	switch {
	case err == nil:
		return true, nil
	case errors.Is(err, fs.ErrNotExist), CodeOf(err) == ErrorInvalidName, CodeOf(err) == ErrorCantResolve:
		return false, nil
	}
	return false, err
}

// ReadDir lists a directory in the order of NTFS (upper-cased names), without
// "." and "..".
func (f *FS) ReadDir(ctx context.Context, dir string) ([]*Info, error) {
	n, err := f.dirNode(ctx, "read", dir)
	if err != nil {
		return nil, err
	}
	nodes, err := f.children(ctx, n)
	if err != nil {
		return nil, err
	}
	infos := make([]*Info, len(nodes))
	for i, n := range nodes {
		infos[i] = f.info(n)
	}
	return infos, nil
}

// dirNode finds a directory that is to be listed.
func (f *FS) dirNode(ctx context.Context, op, dir string) (*node, error) {
	n, err := f.existing(ctx, op, dir, sure, true)
	if CodeOf(err) == ErrorFileNotFound {
		err = &Error{Op: op, Path: dir, Code: ErrorPathNotFound}
	}
	if err != nil {
		return nil, err
	}
	if n.kind != tree.Dir {
		return nil, &Error{Op: op, Path: dir, Code: ErrorDirectory}
	}
	return n, f.need(op, dir, n, rightRead)
}

// children returns the nodes of a directory in order, whatever it costs.
func (f *FS) children(ctx context.Context, dir *node) ([]*node, error) {
	type keyed struct {
		key string
		n   *node
	}
	all := make([]keyed, 0, len(dir.kids))
	for key, n := range dir.kids {
		if n.object != nil {
			all = append(all, keyed{key, n})
		}
	}
	if dir.src != nil {
		deep := dir.src.deep || dir.src.base.blind
		entries, err := dir.src.base.list(ctx, dir.src.name)
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			key := tree.Fold(tree.Base(e.Name))
			if _, ok := dir.kids[key]; !ok {
				all = append(all, keyed{key, f.adopt(dir, e, deep)})
			}
		}
	}
	slices.SortFunc(all, func(a, b keyed) int { return strings.Compare(a.key, b.key) })
	nodes := make([]*node, len(all))
	for i, k := range all {
		nodes[i] = k.n
	}
	return nodes, nil
}

// Glob lists the entries of dir whose names match the pattern (FindFirstFile).
// It is no error if none does.
func (f *FS) Glob(ctx context.Context, dir, pattern string) ([]*Info, error) {
	if !HasWildcard(pattern) {
		i, err := f.Lstat(ctx, strings.TrimSuffix(dir, `\`)+`\`+pattern)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		return []*Info{i}, nil
	}
	n, err := f.dirNode(ctx, "read", dir)
	if err != nil {
		return nil, err
	}
	nodes, err := f.children(ctx, n)
	if err != nil {
		return nil, err
	}
	var infos []*Info
	for _, n := range nodes {
		if Match(pattern, n.name) {
			infos = append(infos, f.info(n))
		}
	}
	return infos, nil
}

// Walk calls visit for everything below dir, parents first, in the order of
// ReadDir; links are visited and not entered. fs.SkipDir skips a directory.
func (f *FS) Walk(ctx context.Context, dir string, visit func(*Info) error) error {
	n, err := f.dirNode(ctx, "read", dir)
	if err != nil {
		return err
	}
	return f.walkBelow(ctx, n, visit)
}

func (f *FS) walkBelow(ctx context.Context, dir *node, visit func(*Info) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	nodes, err := f.children(ctx, dir)
	if err != nil {
		return err
	}
	for _, n := range nodes {
		err := visit(f.info(n))
		if errors.Is(err, fs.SkipDir) {
			continue
		}
		if err != nil {
			return err
		}
		if n.kind != tree.Dir || n.parent.kids[tree.Fold(n.name)] != n {
			continue // removed by the visitor
		}
		if err := f.need("read", n.path(), n, rightRead); err != nil {
			return err
		}
		if err := f.walkBelow(ctx, n, visit); err != nil {
			return err
		}
	}
	return nil
}

// Descriptor returns the security descriptor.
func (f *FS) Descriptor(ctx context.Context, path string) (winmeta.Descriptor, error) {
	n, err := f.existing(ctx, "read the security of", path, sure, true)
	if err != nil {
		return winmeta.Descriptor{}, err
	}
	if err := f.need("read the security of", path, n, rightReadControl); err != nil {
		return winmeta.Descriptor{}, err
	}
	return f.aclOf(n).d, nil
}

// Free returns the bytes that the drive pretends to have free and in total.
func (f *FS) Free() (free, total int64) { return 21_217_280_000, 21_340_618_752 }
