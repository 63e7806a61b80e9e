package solve_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	continuity "github.com/containerd/continuity/fs"
	"github.com/google/go-cmp/cmp"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	fscopy "github.com/tonistiigi/fsutil/copy"

	"github.com/casement/casement/internal/llb"
	"github.com/casement/casement/internal/tree"
)

// Random actions on random trees must leave what BuildKit's own file copier
// leaves on disk, or fail where it fails. The reference below calls that copier
// as BuildKit's solver does. Deviations that the package comment lists are made
// in the reference, too, where they could occur.
func FuzzLikeBuildKit(f *testing.F) {
	if runtime.GOOS == "windows" {
		f.Skip("the reference needs the permissions and links of Unix")
	}
	for seed := range uint64(150) {
		f.Add(seed)
	}
	f.Fuzz(likeBuildKit)
}

func likeBuildKit(t *testing.T, seed uint64) {
	g := &generator{Rand: rand.New(rand.NewPCG(seed, 5))}
	root := t.TempDir()
	src, dst := filepath.Join(root, "src"), filepath.Join(root, "dst")
	g.inSrc = g.tree(t, src)
	g.inDst = g.tree(t, dst)
	from, dest := fromDisk(t, src), fromDisk(t, dst)
	list := make([]llb.FileAction, 1+g.IntN(3))
	for i := range list {
		list[i] = g.action()
	}
	before := listing(t, src) + "--\n" + listing(t, dst)
	var want error
	disk := &disk{src: src, dst: dst}
	for _, a := range list {
		if want = disk.do(t.Context(), a); want != nil {
			break
		}
	}
	got, err := apply(t, nil, dest, from, list...)
	diff := ""
	switch {
	case err == nil && errors.Is(want, syscall.ENOTDIR) && slices.ContainsFunc(list, hasPatterns):
		// BuildKit stumbles over a file where the source has a directory, even if
		// the patterns choose nothing in it.
	case (err != nil) != (want != nil):
		diff = fmt.Sprintf("error is %v, BuildKit's is %v", err, want)
	case err == nil:
		want, got := listing(t, dst), listTree(t, got)
		if slices.ContainsFunc(list, manySources) { // BuildKit links names of one source only
			want, _, _ = strings.Cut(want, "linked:")
			got, _, _ = strings.Cut(got, "linked:")
		}
		diff = cmp.Diff(want, got)
	}
	if diff == "" {
		return
	}
	text := ""
	for _, a := range list {
		text += fmt.Sprintf("%T %+v\n", a, a)
	}
	t.Errorf("(-BuildKit +casement)\n%s\n%ssource and destination:\n%s", diff, text, before)
}

func hasPatterns(a llb.FileAction) bool {
	c, ok := a.(*llb.Copy)
	return ok && len(c.IncludePatterns)+len(c.ExcludePatterns) > 0
}

func manySources(a llb.FileAction) bool {
	c, ok := a.(*llb.Copy)
	return ok && c.AllowWildcard && strings.ContainsAny(c.Src, "*?[")
}

// generator makes random trees and actions.
type generator struct {
	*rand.Rand
	inSrc, inDst []string // names that exist
}

func pick[T any](g *generator, list ...T) T { return list[g.IntN(len(list))] }

// name returns a name that no computer has in its root: BuildKit's copier, in
// some corners, follows absolute links out of the directories of this test.
func (g *generator) name() string {
	return pick(g, "cm-a", "cm-b", "cm-c", "cm-x.txt", "cm-y.txt", "cm-z.md")
}

func (g *generator) path() string {
	p := g.name()
	for g.IntN(3) == 0 {
		p += "/" + g.name()
	}
	return p
}

// from returns a path, mostly one of the list.
func (g *generator) from(list []string) string {
	if len(list) == 0 || g.IntN(4) == 0 {
		return g.path()
	}
	return pick(g, list...)
}

// onlyDirs reports whether there are no links between root and p.
func onlyDirs(root, p string) bool {
	for ; p != root; p = filepath.Dir(p) {
		if fi, err := os.Lstat(p); err == nil && !fi.IsDir() {
			return false
		}
	}
	return true
}

// tree makes a random tree and returns its names.
func (g *generator) tree(t *testing.T, dir string) []string {
	t.Helper()
	var names []string
	must(t, os.Mkdir(dir, 0o755))
	var files []string
	for i := range g.IntN(10) {
		p := filepath.Join(dir, g.path())
		if _, err := os.Lstat(p); err == nil {
			continue
		}
		if !onlyDirs(dir, filepath.Dir(p)) || os.MkdirAll(filepath.Dir(p), 0o755) != nil {
			continue // below a link or a file
		}
		rel, err := filepath.Rel(dir, p)
		must(t, err)
		names = append(names, rel)
		switch g.IntN(6) {
		case 0, 1:
			must(t, os.WriteFile(p, []byte(fmt.Sprintf("%s %d %d", filepath.Base(dir), i, g.IntN(100))), 0o600))
			must(t, os.Chmod(p, pick[fs.FileMode](g, 0o644, 0o600, 0o755, 0o777, 0o755|fs.ModeSetuid)))
			must(t, os.Chtimes(p, time.Time{}, time.Unix(1_600_000_000+int64(g.IntN(1000)), int64(g.IntN(1e9)))))
			files = append(files, p)
		case 2, 3:
			must(t, os.Mkdir(p, 0o755))
			must(t, os.Chmod(p, pick[fs.FileMode](g, 0o755, 0o700, 0o777|fs.ModeSticky)))
		case 4:
			must(t, os.Symlink(pick(g, g.name(), "/"+g.path(), "../"+g.name(), "missing", filepath.Base(p), "/"), p))
		default:
			if len(files) > 0 {
				must(t, os.Link(pick(g, files...), p))
			}
		}
	}
	return names
}

func (g *generator) action() llb.FileAction {
	at := pick(g, llb.Keep, int64(1_500_000_000_000_000_000))
	var owner *llb.ChownOpt
	if os.Getuid() == 0 && g.IntN(4) == 0 {
		owner = &llb.ChownOpt{User: &llb.UserOpt{ID: 1000}}
		if g.IntN(2) == 0 {
			owner.Group = &llb.UserOpt{ID: 2000}
		}
	}
	mode := pick(g, 0o755, 0o700, 0o640|0o100)
	switch g.IntN(12) {
	case 0:
		return &llb.Mkdir{Path: "/" + g.from(g.inDst), Mode: mode, MakeParents: g.IntN(2) == 0, Owner: owner, Timestamp: at}
	case 1:
		return &llb.Mkfile{Path: "/" + g.from(g.inDst), Mode: mode, Data: []byte("made"), Owner: owner, Timestamp: at}
	case 2:
		wild := g.IntN(2) == 0
		p := "/" + g.from(g.inDst)
		if wild {
			p = pick(g, p, "/*.txt", "/cm-a*", "/*/cm-?", p+"/*")
		}
		return &llb.Remove{Path: p, AllowNotFound: g.IntN(2) == 0, AllowWildcard: wild}
	case 3:
		return &llb.Link{Path: "/" + g.from(g.inDst), Target: pick(g, g.path(), "/"+g.path()), Owner: owner, Timestamp: at}
	}
	c := &llb.Copy{
		Src:  pick(g, "/", "/", ".", "/"+g.from(g.inSrc), "/"+g.from(g.inSrc), "/"+g.from(g.inSrc)+"/", "/"+g.from(g.inSrc)+"/."),
		Dest: pick(g, "/", "/", "/"+g.from(g.inDst), "/"+g.from(g.inDst), "/"+g.from(g.inDst)+"/", "/"+g.from(g.inDst)+"/.", "/new/dir", "/new/dir/"),
		Mode: llb.Keep, Owner: owner, Timestamp: at,
		FollowSymlink: g.IntN(3) > 0, DirCopyContents: g.IntN(3) > 0, CreateDestPath: g.IntN(4) > 0,
		AllowWildcard: g.IntN(2) == 0, AllowEmptyWildcard: g.IntN(2) == 0, ReplaceExisting: g.IntN(2) == 0,
	}
	if c.AllowWildcard && g.IntN(2) == 0 {
		c.Src = pick(g, "/*", "/*.txt", "/cm-?", "/cm-[ab]", "/*/*", "/"+g.name()+"/*", "/*/"+g.name(), "/cm-[^a]*/*.txt", "/\\cm-a*")
	}
	switch g.IntN(6) {
	case 0:
		c.Mode = pick(g, 0o600, 0o755, 0o4755, 0o1777)
	case 1:
		c.ModeStr = pick(g, "u=rwX,go=rX", "a+x", "go-rwx", "u+s", "g=u,o=")
	}
	patterns := func() []string {
		var out []string
		for range g.IntN(3) {
			out = append(out, pick(g, "**/*.txt", "*.txt", "cm-a", "cm-a/cm-b", "**/cm-b", "*/cm-c", "cm-b/**", "!cm-a/cm-b", "!**/cm-x.txt", g.path()))
		}
		if len(out) > 0 && strings.HasPrefix(out[0], "!") {
			out[0] = out[0][1:]
		}
		return out
	}
	if g.IntN(3) == 0 {
		c.IncludePatterns = patterns()
	}
	if g.IntN(3) == 0 {
		c.ExcludePatterns = patterns()
	}
	return c
}

// disk does actions by BuildKit's rules.
type disk struct {
	src, dst string
	landed   string // the file that the copies before have made of a destination
}

func (d *disk) do(ctx context.Context, a llb.FileAction) error {
	if c, ok := a.(*llb.Copy); ok {
		return d.copy(ctx, c)
	}
	dst := d.dst
	d.landed = ""
	switch a := a.(type) {
	case *llb.Mkdir:
		p, err := continuity.RootPath(dst, a.Path)
		if err != nil {
			return err
		}
		if a.MakeParents {
			_, err := fscopy.MkdirAll(p, fs.FileMode(a.Mode)&0o777, chowner(a.Owner), timeOf(a.Timestamp))
			return err
		}
		if err := os.Mkdir(p, fs.FileMode(a.Mode)&0o777); err != nil {
			if fi, e := os.Stat(p); e == nil && fi.IsDir() { // BuildKit takes a file for done, too
				return nil
			}
			return err
		}
		return finish(p, a.Owner, a.Timestamp)
	case *llb.Mkfile:
		p, err := continuity.RootPath(dst, a.Path)
		if err != nil {
			return err
		}
		tmp := filepath.Join(filepath.Dir(p), ".new")
		if err := os.WriteFile(tmp, a.Data, 0o600); err != nil {
			return err
		}
		if err := errors.Join(os.Chmod(tmp, fs.FileMode(a.Mode)&0o777), finish(tmp, a.Owner, a.Timestamp)); err != nil {
			return err
		}
		return os.Rename(tmp, p)
	case *llb.Link:
		p, err := continuity.RootPath(dst, a.Path)
		if err == nil {
			err = os.Symlink(a.Target, p)
		}
		if err != nil {
			return err
		}
		return finish(p, a.Owner, a.Timestamp)
	case *llb.Remove:
		names := []string{a.Path}
		if a.AllowWildcard {
			var err error
			if names, err = fscopy.ResolveWildcards(dst, a.Path, false); err != nil {
				return err
			}
		}
		for _, n := range names {
			if err := removeOnDisk(dst, n, a.AllowNotFound); err != nil {
				return err
			}
		}
		return nil
	}
	return fmt.Errorf("action %T", a)
}

func removeOnDisk(dst, name string, allowNotFound bool) error {
	dir, base := filepath.Split(filepath.Join("/", name))
	dir, err := continuity.RootPath(dst, dir)
	if allowNotFound && errors.Is(err, syscall.ENOTDIR) { // an error in BuildKit
		return nil
	}
	if err != nil {
		return err
	}
	p := filepath.Join(dir, base)
	if _, err := os.Lstat(p); err != nil { // BuildKit asks what a link leads to
		if allowNotFound {
			return nil
		}
		return err
	}
	return os.RemoveAll(p)
}

// land refuses a source that would take the place of the one before it, which
// BuildKit allows, and remembers the one that takes the place of the destination.
func (d *disk) land(name string, c *llb.Copy) error {
	at, err := continuity.RootPath(d.dst, c.Dest)
	if err != nil {
		return nil // for the copier to say
	}
	from, err := continuity.RootPath(d.src, name)
	if !c.FollowSymlink {
		from, err = continuity.RootPath(d.src, filepath.Dir(filepath.Join("/", name)))
		from = filepath.Join(from, filepath.Base(name))
	}
	if err != nil {
		return nil
	}
	source, err := os.Lstat(from)
	if err != nil {
		return nil
	}
	have, err := os.Lstat(at)
	if err == nil && !have.IsDir() && at == d.landed {
		return errors.New("two sources for one file")
	}
	if !source.IsDir() && !strings.HasSuffix(clean(c.Dest), "/") && !strings.HasSuffix(c.Dest, "/.") && (err != nil || !have.IsDir()) {
		d.landed = at
	}
	return nil
}

func (d *disk) copy(ctx context.Context, c *llb.Copy) error {
	src, dst := d.src, d.dst
	from, to := clean(c.Src), clean(c.Dest)
	if !c.CreateDestPath {
		p, err := continuity.RootPath(dst, filepath.Join("/", c.Dest))
		if err == nil {
			_, err = os.Lstat(filepath.Dir(p))
		}
		if err != nil {
			return err
		}
	}
	names := []string{from}
	if c.AllowWildcard {
		var err error
		if names, err = fscopy.ResolveWildcards(src, from, c.FollowSymlink); err != nil {
			return err
		}
		if len(names) == 0 && !c.AllowEmptyWildcard {
			return fs.ErrNotExist
		}
	}
	for _, n := range names {
		if err := d.land(n, c); err != nil {
			return err
		}
		err := fscopy.Copy(ctx, src, n, dst, to, func(ci *fscopy.CopyInfo) {
			ci.IncludePatterns, ci.ExcludePatterns = c.IncludePatterns, c.ExcludePatterns
			ci.Chown, ci.Utime, ci.ModeStr = chowner(c.Owner), timeOf(c.Timestamp), c.ModeStr
			if c.Mode != llb.Keep && c.ModeStr == "" {
				ci.Mode = &c.Mode
			}
			ci.CopyDirContents, ci.FollowLinks, ci.AlwaysReplaceExistingDestPaths = c.DirCopyContents, c.FollowSymlink, c.ReplaceExisting
		})
		if err != nil {
			return err
		}
		if fi, err := os.Lstat(dst); err != nil || !fi.IsDir() {
			return errors.New("the root is no directory any more") // done, for BuildKit
		}
	}
	return nil
}

// clean makes a path absolute and keeps how it ends.
func clean(p string) string {
	out := filepath.Join("/", p)
	switch {
	case strings.HasSuffix(p, "/."):
		return strings.TrimSuffix(out, "/") + "/."
	case strings.HasSuffix(p, "/") && out != "/":
		return out + "/"
	}
	return out
}

func chowner(o *llb.ChownOpt) fscopy.Chowner {
	return func(old *fscopy.User) (*fscopy.User, error) {
		if o == nil {
			return old, nil
		}
		u := &fscopy.User{UID: int(o.User.ID), GID: int(o.User.ID)}
		if o.Group != nil {
			u.GID = int(o.Group.ID)
		}
		return u, nil
	}
}

func timeOf(ns int64) *time.Time {
	if ns == llb.Keep {
		return nil
	}
	t := time.Unix(0, ns)
	return &t
}

func finish(p string, o *llb.ChownOpt, timestamp int64) error {
	return errors.Join(fscopy.Chown(p, nil, chowner(o)), fscopy.Utimes(p, timeOf(timestamp)))
}

// stat returns a number of what the system says of a file, without a build tag.
func stat(fi fs.FileInfo, field string) uint64 {
	v := reflect.ValueOf(fi.Sys()).Elem().FieldByName(field)
	if v.CanUint() {
		return v.Uint()
	}
	return uint64(v.Int())
}

// fromDisk reads a directory as the tree of a Linux image.
func fromDisk(t *testing.T, dir string) tree.Chain {
	t.Helper()
	var changes []tree.Change
	must(t, filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || p == dir {
			return err
		}
		fi, err := d.Info()
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, p)
		e := &tree.Entry{Name: rel, Kind: tree.Dir, Times: tree.Times{Modified: fi.ModTime()},
			Unix: &tree.Unix{Mode: posix(fi.Mode()), UID: int(stat(fi, "Uid")), GID: int(stat(fi, "Gid"))}}
		switch {
		case fi.Mode()&fs.ModeSymlink != 0:
			e.Kind = tree.Symlink
			e.Target, err = os.Readlink(p)
		case fi.Mode().IsRegular():
			b, rerr := os.ReadFile(p)
			e.Kind, e.Size, e.Content, err = tree.File, fi.Size(), tree.Bytes(b), rerr
			if stat(fi, "Nlink") > 1 {
				e.Link = fmt.Sprint(stat(fi, "Ino"))
			}
		}
		changes = append(changes, tree.Change{Entry: e})
		return err
	}))
	return tree.NewChain(ocispec.Platform{OS: "linux"}, &tree.Layer{Changes: tree.NewSet(changes)})
}

func posix(m fs.FileMode) uint32 {
	out := uint32(m.Perm())
	for bit, file := range map[uint32]fs.FileMode{0o4000: fs.ModeSetuid, 0o2000: fs.ModeSetgid, 0o1000: fs.ModeSticky} {
		if m&file != 0 {
			out |= bit
		}
	}
	return out
}

// listing shows a directory on disk as listTree shows a tree.
func listing(t *testing.T, dir string) string { return listTree(t, fromDisk(t, dir)) }

// listTree shows a tree: one entry a line, and which names share a file.
func listTree(t *testing.T, c tree.Chain) string {
	t.Helper()
	var b strings.Builder
	groups := map[string][]string{}
	for e, err := range tree.Walk(t.Context(), c.View(), "") {
		if err != nil {
			t.Fatal(err)
		}
		u := tree.Unix{Mode: 0o755} // of directories that nobody describes
		if e.Unix != nil {
			u = *e.Unix
		}
		if e.Kind == tree.Symlink {
			u.Mode = 0
		}
		fmt.Fprintf(&b, "%s %s %o %d:%d %s", e.Name, e.Kind, u.Mode, u.UID, u.GID, e.Target)
		if e.Kind == tree.File {
			at := e.Times.Modified.UnixNano()
			if body := content(t, e); body == "made" && at > 1_700_000_000_000_000_000 || at < 0 {
				fmt.Fprintf(&b, "%q now", body)
			} else {
				fmt.Fprintf(&b, "%q %d", body, at)
			}
		}
		b.WriteString("\n")
		if e.Link != "" {
			groups[e.Link] = append(groups[e.Link], e.Name)
		}
	}
	for _, g := range slices.SortedFunc(maps.Values(groups), slices.Compare) {
		if len(g) > 1 {
			fmt.Fprintf(&b, "linked: %q\n", g)
		}
	}
	return b.String()
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
