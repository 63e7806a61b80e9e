package source

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/casement/casement/internal/tree"
)

// maxSubmodules bounds how deep submodules may be in submodules.
const maxSubmodules = 16

// A manifest says what a checked-out tree has: permissions and links do not
// survive on every system, and a commit's time on none.
type manifest struct {
	Commit string
	Time   time.Time
	Files  []gitFile // submodules that were not wanted included
}

// load returns the tree of the commit, from an earlier build if there was one.
func (g *Git) load(ctx context.Context, r gitRequest) (*tree.Set, error) {
	name := fileHash(r.key())
	unlock, err := g.lock(ctx, "tree-"+name)
	if err != nil {
		return nil, err
	}
	defer unlock()
	dir := filepath.Join(g.o.Dir, "trees", name)
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		if err := g.checkout(ctx, r, dir); err != nil {
			return nil, err
		}
	}
	now := time.Now()
	_ = os.Chtimes(dir, now, now) // for Remove; its failure costs a checkout
	return g.read(ctx, r, dir)
}

// checkout makes the directory dir: "files" with the contents, and the
// manifest.
func (g *Git) checkout(ctx context.Context, r gitRequest, dir string) (err error) {
	if err := os.MkdirAll(filepath.Dir(dir), 0o700); err != nil {
		return fmt.Errorf("checking out a git repository: %w", err)
	}
	temp, err := os.MkdirTemp(filepath.Dir(dir), "new")
	if err != nil {
		return fmt.Errorf("checking out a git repository: %w", err)
	}
	defer os.RemoveAll(temp)
	if err := os.Mkdir(filepath.Join(temp, "files"), 0o700); err != nil {
		return fmt.Errorf("checking out a git repository: %w", err)
	}
	c := &checkout{g: g, root: r, temp: temp}
	if err := c.repository(ctx, r, "", 0); err != nil {
		return err
	}
	data, err := json.Marshal(c.m)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(temp, "manifest"), data, 0o600); err != nil {
		return fmt.Errorf("checking out a git repository: %w", err)
	}
	if err := os.Rename(temp, dir); err != nil {
		return fmt.Errorf("checking out a git repository: %w", err)
	}
	return nil
}

// A checkout collects a commit and its submodules.
type checkout struct {
	g    *Git
	root gitRequest
	temp string
	m    manifest
}

// wanted reports whether something at, below or above name is in the
// subdirectory that was asked for.
func (c *checkout) wanted(name string) bool {
	sub := c.root.subdir
	return sub == "" || name == sub || strings.HasPrefix(name, sub+"/")
}

// repository adds the commit r at the place prefix.
func (c *checkout) repository(ctx context.Context, r gitRequest, prefix string, depth int) error {
	repo, files, err := c.contents(ctx, r, prefix)
	if err != nil {
		return err
	}
	var modules map[string]string
	for _, f := range files {
		name := path.Join(prefix, f.Name)
		above := strings.HasPrefix(c.root.subdir, name+"/")
		if f.Mode != "160000" {
			if c.wanted(name) {
				c.m.Files = append(c.m.Files, gitFile{Name: name, Mode: f.Mode})
			}
			continue
		}
		if !c.wanted(name) && !above {
			continue
		}
		if !above {
			c.m.Files = append(c.m.Files, gitFile{Name: name, Mode: f.Mode})
		}
		if c.root.noSubmodules {
			continue
		}
		if modules == nil {
			if modules, err = c.g.modules(ctx, r, repo); err != nil {
				return err
			}
		}
		sub, err := c.submodule(r, modules[f.Name], f, depth)
		if err != nil {
			return err
		}
		if err := c.repository(ctx, sub, name, depth+1); err != nil {
			return fmt.Errorf("fetching the submodule %s: %w", name, err)
		}
	}
	return nil
}

// contents fetches the commit and writes its files. The lock is held no longer:
// a submodule may be of the same remote.
func (c *checkout) contents(ctx context.Context, r gitRequest, prefix string) (string, []gitFile, error) {
	g := c.g
	unlock, err := g.lock(ctx, "remote-"+fileHash(r.remote))
	if err != nil {
		return "", nil, err
	}
	defer unlock()
	repo, err := g.repository(ctx, r)
	if err != nil {
		return "", nil, err
	}
	if prefix == "" {
		if err := c.about(ctx, r, repo); err != nil {
			return "", nil, err
		}
	}
	files, err := g.list(ctx, r, repo)
	if err != nil {
		return "", nil, err
	}
	if err := c.write(ctx, r, repo, prefix, files); err != nil {
		return "", nil, err
	}
	if prefix == "" && r.keepsGit() {
		err = c.keepGit(ctx, r, repo)
	}
	return repo, files, err
}

// about notes commit and time.
func (c *checkout) about(ctx context.Context, r gitRequest, repo string) error {
	out, err := c.g.run(ctx, gitRun{remote: r.remote, repo: repo, args: []string{"log", "-1", "--no-show-signature", "--format=%ct", r.commit}})
	if err != nil {
		return err
	}
	seconds, err := strconv.ParseInt(strings.TrimSpace(string(out)), 10, 64)
	if err != nil {
		return fmt.Errorf("reading the time of the commit %s: %w", r.commit, err)
	}
	c.m.Commit, c.m.Time = r.commit, time.Unix(seconds, 0).UTC()
	return nil
}

// write puts the wanted files of a commit to their places. git does it, from
// an index of its own, so that attributes have their effect.
func (c *checkout) write(ctx context.Context, r gitRequest, repo, prefix string, files []gitFile) error {
	var names strings.Builder
	folded := map[string]string{}
	for _, f := range files {
		name := path.Join(prefix, f.Name)
		if f.Mode == "160000" || !c.wanted(name) {
			continue
		}
		if !utf8.ValidString(f.Name) {
			return fmt.Errorf("checking out %s: the name %q is not valid UTF-8", redact(r.remote), name)
		}
		if other, clash := folded[tree.Fold(f.Name)]; clash && hostFolds {
			return withHint(fmt.Errorf("checking out %s: %s and %s differ only in case, which this system cannot keep apart", redact(r.remote), other, name),
				"build on Linux, or rename one of them in the repository")
		}
		folded[tree.Fold(f.Name)] = name
		names.WriteString(f.Name)
		names.WriteByte(0)
	}
	if names.Len() == 0 {
		return nil
	}
	work := filepath.Join(c.temp, "files", filepath.FromSlash(prefix))
	if err := os.MkdirAll(work, 0o700); err != nil {
		return fmt.Errorf("checking out a git repository: %w", err)
	}
	index := filepath.Join(c.temp, "index")
	defer os.Remove(index)
	run := gitRun{remote: r.remote, repo: repo, env: []string{"GIT_INDEX_FILE=" + index}, args: []string{"read-tree", r.commit}}
	if _, err := c.g.run(ctx, run); err != nil {
		return err
	}
	run.stdin = strings.NewReader(names.String())
	run.args = []string{"-c", "core.bare=false", "--work-tree=" + work, "-C", work, "checkout-index", "--force", "--quiet", "-z", "--stdin"}
	_, err := c.g.run(ctx, run)
	return err
}

// keepGit makes a .git with the one commit. It has the same bytes each time
// with the same version of git: no times of files in the index, no reflogs,
// one pack made by one thread.
func (c *checkout) keepGit(ctx context.Context, r gitRequest, repo string) error {
	dot := filepath.Join(c.temp, "files", ".git")
	tip := "refs/casement/" + r.commit
	steps := []gitRun{
		{repo: repo, args: []string{"update-ref", tip, r.commit}},
		{args: []string{"init", "--quiet", "--template=", filepath.Dir(dot)}},
		{repo: dot, file: true, args: []string{"fetch", "--quiet", "--no-tags", "--depth=1", "-u", "--", repo, tip + ":refs/casement/tip"}},
		{repo: dot, args: []string{"config", "remote.origin.url", redactUser(r.remote)}},
		{repo: dot, args: []string{"config", "remote.origin.fetch", "+refs/heads/*:refs/remotes/origin/*"}},
		{repo: dot, args: []string{"update-ref", "--no-deref", "HEAD", r.commit}},
		{repo: dot, args: []string{"read-tree", r.commit}},
		{repo: dot, args: []string{"-c", "pack.threads=1", "repack", "-a", "-d", "-F", "-q"}},
	}
	if len(r.commit) == 64 {
		steps[1].args = []string{"init", "--quiet", "--template=", "--object-format=sha256", filepath.Dir(dot)}
	}
	if name, ok := strings.CutPrefix(r.ref, "refs/"); ok && checkRef(name) == nil {
		steps = append(steps, gitRun{repo: dot, args: []string{"update-ref", r.ref, r.commit}})
	}
	steps = append(steps, gitRun{repo: dot, args: []string{"update-ref", "-d", "refs/casement/tip"}})
	for _, s := range steps {
		s.remote = r.remote
		if _, err := c.g.run(ctx, s); err != nil {
			return err
		}
	}
	for _, leftover := range []string{"FETCH_HEAD", "logs", "ORIG_HEAD", "COMMIT_EDITMSG"} {
		if err := os.RemoveAll(filepath.Join(dot, leftover)); err != nil {
			return fmt.Errorf("checking out a git repository: %w", err)
		}
	}
	return nil
}

// redactUser takes user and password out of an http remote. That of ssh is
// part of the address.
func redactUser(remote string) string {
	if u, err := url.Parse(remote); err == nil && strings.HasPrefix(u.Scheme, "http") {
		return redact(remote)
	}
	return remote
}

// modules returns the URLs of the commit's submodules by path.
func (g *Git) modules(ctx context.Context, r gitRequest, repo string) (map[string]string, error) {
	out, err := g.run(ctx, gitRun{remote: r.remote, repo: repo, args: []string{
		"config", "-z", "--blob", r.commit + ":.gitmodules", "--get-regexp", `^submodule\..*\.(path|url)$`,
	}})
	var ge *gitError
	if errors.As(err, &ge) {
		return map[string]string{}, nil // there is no such file: each submodule will be missed by name
	}
	if err != nil {
		return nil, err
	}
	paths, urls := map[string]string{}, map[string]string{}
	for item := range strings.SplitSeq(string(out), "\x00") {
		key, value, _ := strings.Cut(item, "\n")
		key = strings.TrimPrefix(key, "submodule.")
		if name, ok := strings.CutSuffix(key, ".path"); ok {
			paths[name] = value
		} else if name, ok := strings.CutSuffix(key, ".url"); ok {
			urls[name] = value
		}
	}
	modules := map[string]string{}
	for name, p := range paths {
		modules[path.Clean(p)] = urls[name]
	}
	return modules, nil
}

// submodule returns the request for a submodule of r.
func (c *checkout) submodule(r gitRequest, remote string, f gitFile, depth int) (gitRequest, error) {
	if depth >= maxSubmodules {
		return r, fmt.Errorf("using the git repository %s: submodules are nested more than %d deep", redact(c.root.remote), maxSubmodules)
	}
	if remote == "" {
		return r, withHint(fmt.Errorf("using the git repository %s: the submodule %s has no URL in .gitmodules", redact(r.remote), f.Name),
			"mend .gitmodules, or leave submodules out: ?submodules=false")
	}
	if strings.HasPrefix(remote, "./") || strings.HasPrefix(remote, "../") {
		remote = relativeRemote(r.remote, remote)
	}
	sub := gitRequest{remote: remote, commit: f.hash, token: r.token, header: r.header, noSubmodules: r.noSubmodules}
	if err := checkRemote(remote, c.g.o.AllowFile); err != nil {
		return r, fmt.Errorf("fetching the submodule %s: %w", f.Name, err)
	}
	sub.takeLogin()
	return sub, nil
}

// relativeRemote joins a remote and the relative URL of a submodule.
func relativeRemote(base, rel string) string {
	head, p := "", base
	if i := strings.Index(base, "://"); i >= 0 {
		slash := strings.IndexByte(base[i+3:], '/')
		if slash < 0 {
			slash = len(base) - i - 3
		}
		head, p = base[:i+3+slash], base[i+3+slash:]
		return head + path.Join("/", p, rel)
	}
	head, p, _ = strings.Cut(base, ":")
	if strings.HasPrefix(p, "/") {
		return head + ":" + path.Join("/", p, rel)
	}
	return head + ":" + strings.TrimPrefix(path.Join("/", p, rel), "/")
}

// read makes the tree of a checked-out directory.
func (g *Git) read(ctx context.Context, r gitRequest, dir string) (*tree.Set, error) {
	data, err := os.ReadFile(filepath.Join(dir, "manifest"))
	var m manifest
	if err == nil {
		err = json.Unmarshal(data, &m)
	}
	if err != nil {
		return nil, fmt.Errorf("reading a checked-out git repository: %w", err)
	}
	l, err := OpenLocal(filepath.Join(dir, "files"), LocalOptions{Name: redact(r.remote)})
	if err != nil {
		return nil, err
	}
	found, err := l.Tree(ctx, Selection{})
	if err != nil {
		return nil, err
	}
	b := gitTree{m: m, sub: r.subdir, l: l, found: found}
	for _, f := range m.Files {
		if err := b.add(ctx, f); err != nil {
			return nil, err
		}
	}
	if r.keepsGit() {
		if err := b.addGit(ctx); err != nil {
			return nil, err
		}
	}
	if len(b.entries) == 0 && r.subdir != "" && !b.exists {
		return nil, withHint(fmt.Errorf("using the git repository %s: it has no directory %s: %w", redact(r.remote), r.subdir, fs.ErrNotExist),
			"check what stands behind the colon of #ref:directory")
	}
	return withParents(b.entries, func(name string) *tree.Entry { return b.entry(name, tree.Dir, 0o755) }), nil
}

// A gitTree makes entries from a manifest and the files beside it.
type gitTree struct {
	m       manifest
	sub     string
	l       *Local
	found   *tree.Set
	entries []*tree.Entry
	exists  bool // the subdirectory is an empty directory
}

func (b *gitTree) entry(name string, kind tree.Kind, mode uint32) *tree.Entry {
	return &tree.Entry{Name: name, Kind: kind, Times: tree.Times{Modified: b.m.Time}, Unix: &tree.Unix{Mode: mode}}
}

// place returns a file's name below the subdirectory.
func (b *gitTree) place(name string) (string, bool) {
	if b.sub == "" {
		return name, true
	}
	if name == b.sub {
		return "", false
	}
	return strings.CutPrefix(name, b.sub+"/")
}

func (b *gitTree) add(ctx context.Context, f gitFile) error {
	name, ok := b.place(f.Name)
	if !ok {
		b.exists = b.exists || f.Mode == "160000"
		return nil
	}
	if f.Mode == "160000" {
		b.entries = append(b.entries, b.entry(name, tree.Dir, 0o755))
		return nil
	}
	c, err := b.found.Find(ctx, f.Name, false)
	if err != nil {
		return withHint(fmt.Errorf("reading %s in %s: %w", f.Name, b.l.name, err), "was the cache changed? Remove it and build again")
	}
	switch f.Mode {
	case "120000":
		target, err := b.l.ReadFile(ctx, f.Name)
		if err != nil {
			return err
		}
		e := b.entry(name, tree.Symlink, 0o777)
		e.Target = string(target)
		e.DirLink = b.isDir(ctx, f.Name, e.Target, 0)
		b.entries = append(b.entries, e)
	default:
		e := b.entry(name, tree.File, 0o644)
		if f.Mode == "100755" {
			e.Unix.Mode = 0o755
		}
		e.Size, e.Content = c.Entry.Size, c.Entry.Content
		b.entries = append(b.entries, e)
	}
	return nil
}

// isDir reports whether the target of the link name is a directory of the
// checkout, through at most a few other links.
func (b *gitTree) isDir(ctx context.Context, name, target string, links int) bool {
	to := b.l.inside(name, target)
	if to == "" {
		return true
	}
	c, err := b.found.Find(ctx, to, false)
	if err != nil || links > maxSubmodules {
		return false
	}
	if c.Entry.Kind == tree.Dir {
		return true
	}
	for _, f := range b.m.Files {
		if f.Name == to && f.Mode == "120000" {
			next, err := b.l.ReadFile(ctx, to)
			return err == nil && b.isDir(ctx, to, string(next), links+1)
		}
	}
	return false
}

// addGit adds what is in .git.
func (b *gitTree) addGit(ctx context.Context) error {
	for c, err := range b.found.All(ctx) {
		if err != nil {
			return err
		}
		e := *c.Entry
		if e.Name != ".git" && !strings.HasPrefix(e.Name, ".git/") {
			continue
		}
		e.Times.Modified = b.m.Time
		mode := uint32(0o644)
		if e.Kind == tree.Dir {
			mode = 0o755
		}
		e.Unix = &tree.Unix{Mode: mode}
		b.entries = append(b.entries, &e)
	}
	return nil
}
