package source

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/casement/casement/internal/tree"
	"github.com/google/go-cmp/cmp"
)

// upstream is a repository for tests.
type upstream struct {
	t   testing.TB
	dir string
}

func newUpstream(t testing.TB, name string) upstream {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not installed")
	}
	dir := filepath.Join(t.TempDir(), name)
	u := upstream{t, dir}
	must(t, os.MkdirAll(dir, 0o755))
	u.git("init", "-q", "-b", "main", ".")
	return u
}

func (u upstream) git(args ...string) string {
	u.t.Helper()
	cmd := exec.Command("git", append([]string{"-c", "protocol.file.allow=always", "-c", "core.autocrlf=false"}, args...)...)
	cmd.Dir = u.dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL="+os.DevNull,
		"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.com", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.com",
		"GIT_AUTHOR_DATE=1700000000 +0100", "GIT_COMMITTER_DATE=1700000000 +0100")
	out, err := cmd.CombinedOutput()
	if err != nil {
		u.t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// commit writes files and returns the new commit. "+x" before a content makes a
// program; "-> " a link.
func (u upstream) commit(files map[string]string) string {
	u.t.Helper()
	for name, content := range files {
		full := filepath.Join(u.dir, name)
		must(u.t, os.MkdirAll(filepath.Dir(full), 0o755))
		_ = os.Remove(full)
		if target, ok := strings.CutPrefix(content, "-> "); ok {
			must(u.t, os.Symlink(target, full))
			continue
		}
		content, program := strings.CutPrefix(content, "+x")
		must(u.t, os.WriteFile(full, []byte(content), 0o644))
		if program {
			must(u.t, os.Chmod(full, 0o755))
		}
	}
	u.git("add", "-A")
	u.git("commit", "-q", "--allow-empty", "-m", "x")
	return u.git("rev-parse", "HEAD")
}

func (u upstream) url() string { return "file://" + filepath.ToSlash(u.dir) }

func testGit(t testing.TB) *Git {
	return NewGit(GitOptions{Dir: t.TempDir(), AllowFile: true})
}

// get pins and loads, and returns key and tree.
func get(t testing.TB, g *Git, url, fragment string, attrs ...string) (string, tree.Tree, error) {
	t.Helper()
	m := map[string]string{"git.fullurl": url}
	for i := 0; i < len(attrs); i += 2 {
		m[attrs[i]] = attrs[i+1]
	}
	p, err := g.Pin(t.Context(), "git://host/repo#"+fragment, m)
	if err != nil {
		return "", nil, err
	}
	c, err := p.Load(t.Context())
	return p.Key, c.View(), err
}

// listing is all of a tree as text: permissions, name and content or target.
func listing(t testing.TB, tr tree.Tree) []string {
	t.Helper()
	var list []string
	for e, err := range tree.Walk(t.Context(), tr, "") {
		must(t, err)
		line := e.Name + " " + e.Kind.String()
		switch e.Kind {
		case tree.File:
			line = e.Name + " " + map[uint32]string{0o644: "", 0o755: "+x"}[e.Unix.Mode] + read(t, e.Content)
		case tree.Symlink:
			line = e.Name + " -> " + e.Target
			if e.DirLink {
				line += "/"
			}
		}
		if e.Times.Modified.Unix() != 1700000000 {
			line += " at " + e.Times.Modified.String()
		}
		list = append(list, line)
	}
	return list
}

// If this fails, a git context has other files than `git checkout` gives.
func TestGitTree(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("makes links")
	}
	u := newUpstream(t, "repo")
	first := u.commit(map[string]string{
		"run.sh": "+x#!", "a.txt": "a\n", "win.bat": "one\ntwo\n", ".gitattributes": "*.bat text eol=crlf\n*.id ident\n*.raw -text\nx.txt filter=nothing\n",
		"dir/sub/f": "f", "link": "-> dir", "flink": "-> a.txt", "dir/up": "-> ../link", "out": "-> /etc", "x.txt": "x\n", "sp ace/ü": "u", "r.raw": "a\r\n",
	})
	second := u.commit(map[string]string{"a.txt": "b\n"})
	u.git("tag", "light", first)
	u.git("tag", "-a", "-m", "t", "annotated", first)
	u.git("branch", "side/branch", first)
	u.git("update-ref", "refs/pull/7/head", first)
	g := testGit(t)
	key, tr, err := get(t, g, u.url(), "")
	must(t, err)
	want := []string{
		".gitattributes *.bat text eol=crlf\n*.id ident\n*.raw -text\nx.txt filter=nothing\n", "a.txt b\n", "dir directory", "dir/sub directory", "dir/sub/f f",
		"dir/up -> ../link/", "flink -> a.txt", "link -> dir/", "out -> /etc", "r.raw a\r\n", "run.sh +x#!", "sp ace directory", "sp ace/ü u",
		"win.bat one\r\ntwo\r\n", "x.txt x\n",
	}
	if diff := cmp.Diff(want, listing(t, tr)); diff != "" {
		t.Error(diff)
	}
	again, _, err := get(t, testGit(t), u.url(), second)
	must(t, err)
	if again != key {
		t.Error("branch and commit give different keys")
	}
	for _, ref := range []string{first, "light", "annotated", "refs/tags/annotated", "tags/light", "side/branch", "refs/heads/side/branch", "refs/pull/7/head", "pull/7/head"} {
		key2, tr, err := get(t, testGit(t), u.url(), ref)
		must(t, err)
		if e, err := tr.Lookup(t.Context(), "a.txt"); err != nil || read(t, e.Content) != "a\n" || key2 == key {
			t.Errorf("%s: %v", ref, err)
		}
	}
	_, tr, err = get(t, g, u.url(), "main:dir")
	must(t, err)
	if diff := cmp.Diff([]string{"sub directory", "sub/f f", "up -> ../link"}, listing(t, tr)); diff != "" {
		t.Error(diff)
	}
	// What was fetched is there without the remote.
	must(t, os.Rename(u.dir, u.dir+".away"))
	if _, _, err := get(t, g, u.url(), second); err != nil {
		t.Errorf("from the cache: %v", err)
	}
}

// If this fails, a branch that moved is not seen, or a build gets another
// commit than the one that its key names.
func TestGitMoves(t *testing.T) {
	u := newUpstream(t, "repo")
	u.commit(map[string]string{"f": "1"})
	g := testGit(t)
	key1, _, err := get(t, g, u.url(), "main")
	must(t, err)
	p, err := g.Pin(t.Context(), "git://h/r#main", map[string]string{"git.fullurl": u.url()})
	must(t, err)
	u.commit(map[string]string{"f": "2"})
	p2, err := testGit(t).Pin(t.Context(), "git://h/r#main", map[string]string{"git.fullurl": u.url()})
	must(t, err)
	u.commit(map[string]string{"f": "3"})
	u.git("commit", "-q", "--amend", "--allow-empty", "-m", "rewritten")
	key3, tr, err := get(t, g, u.url(), "main")
	must(t, err)
	if e, err := tr.Lookup(t.Context(), "f"); err != nil || read(t, e.Content) != "3" || key3 == key1 {
		t.Error("the branch did not move", err)
	}
	for want, load := range map[string]func(context.Context) (tree.Chain, error){"1": p.Load, "2": p2.Load} {
		c, err := load(t.Context())
		must(t, err)
		if e, err := c.View().Lookup(t.Context(), "f"); err != nil || read(t, e.Content) != want {
			t.Errorf("pinned %s, got another: %v", want, err)
		}
	}
}

// If this fails, submodules are missing, or a repository can bring in what its
// user must not have.
func TestGitSubmodules(t *testing.T) {
	leaf := newUpstream(t, "leaf")
	leaf.commit(map[string]string{"deep": "leaf"})
	mid := newUpstream(t, "mid")
	mid.git("submodule", "add", "-q", leaf.url(), "vendor/leaf")
	mid.commit(map[string]string{"m": "mid"})
	top := newUpstream(t, "top")
	top.git("submodule", "add", "-q", "--name", "odd name", mid.url(), "mods/mid")
	top.commit(map[string]string{"t": "top"})
	g := testGit(t)
	_, tr, err := get(t, g, top.url(), "")
	must(t, err)
	var got []string
	for _, l := range listing(t, tr) {
		if !strings.HasPrefix(tree.Base(strings.Fields(l)[0]), ".gitmodules") && strings.Contains(l, " ") && !strings.Contains(l, "submodule") && !strings.Contains(l, "=") {
			got = append(got, l)
		}
	}
	want := []string{"mods directory", "mods/mid directory", "mods/mid/m mid", "mods/mid/vendor directory", "mods/mid/vendor/leaf directory", "mods/mid/vendor/leaf/deep leaf", "t top"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	_, tr, err = get(t, g, top.url(), ":mods/mid/vendor")
	must(t, err)
	if diff := cmp.Diff([]string{"leaf directory", "leaf/deep leaf"}, listing(t, tr)); diff != "" {
		t.Errorf("subdirectory in a submodule: %s", diff)
	}
	_, tr, err = get(t, g, top.url(), ":mods", "git.skipsubmodules", "true")
	must(t, err)
	if diff := cmp.Diff([]string{"mid directory"}, listing(t, tr)); diff != "" {
		t.Errorf("without submodules: %s", diff)
	}
	strict := testGit(t)
	strict.o.AllowFile = false
	if _, err := strict.Pin(t.Context(), "git://h/r", map[string]string{"git.fullurl": top.url()}); err == nil || hint(err) == "" {
		t.Errorf("file URL: %v", err)
	}
	for base, want := range map[string]string{
		"https://h/a/b.git": "https://h/a/c.git", "git@h:a/b.git": "git@h:a/c.git", "git@h:/a/b": "git@h:/a/c.git", "ssh://u@h:22/a/b": "ssh://u@h:22/a/c.git",
	} {
		if got := relativeRemote(base, "../c.git"); got != want {
			t.Errorf("%s: %s", base, got)
		}
	}
}

// If this fails, ADD --keep-git-dir gives no usable repository, or another one
// each time.
func TestGitKeepDir(t *testing.T) {
	u := newUpstream(t, "repo")
	u.commit(map[string]string{"f": "1"})
	commit := u.commit(map[string]string{"f": "2", "g": strings.Repeat("text\n", 100)})
	key, tr, err := get(t, testGit(t), u.url(), "main", "git.keepgitdir", "true")
	must(t, err)
	if plain, _, err := get(t, testGit(t), u.url(), "main"); err != nil || plain == key {
		t.Errorf("the same key with and without .git: %v", err)
	}
	one := listing(t, tr)
	_, tr2, err := get(t, testGit(t), u.url(), "main", "git.keepgitdir", "true")
	must(t, err)
	if diff := cmp.Diff(one, listing(t, tr2)); diff != "" {
		t.Error("two checkouts differ:", diff)
	}
	out := t.TempDir()
	for e, err := range tree.Walk(t.Context(), tr, "") {
		must(t, err)
		if e.Kind == tree.Dir {
			must(t, os.MkdirAll(filepath.Join(out, e.Name), 0o755))
		} else {
			must(t, os.WriteFile(filepath.Join(out, e.Name), []byte(read(t, e.Content)), 0o644))
		}
	}
	copied := upstream{t, out}
	if got := copied.git("rev-parse", "HEAD"); got != commit {
		t.Error("HEAD is", got)
	}
	if got := copied.git("status", "--porcelain"); got != "" {
		t.Error("the copy is not clean:", got)
	}
	copied.git("fsck", "--strict")
}

// If this fails, mistakes in a git URL end in riddles, or a checksum protects
// nobody.
func TestGitErrors(t *testing.T) {
	u := newUpstream(t, "repo")
	c1 := u.commit(map[string]string{"f": "1", "dir/x": "y"})
	u.git("tag", "-a", "-m", "t", "v1")
	tag := u.git("rev-parse", "v1")
	g := testGit(t)
	missing := strings.Repeat("0", 39) + "1"
	tests := []struct {
		fragment, text string
		attrs          []string
	}{
		{"nope", "nope", nil},
		{c1[:8], c1[:8], nil},
		{missing, missing, nil},
		{":nodir", "nodir", nil},
		{":f", "no directory f", nil},
		{"main", "not " + missing, []string{"git.checksum", missing}},
		{c1, "not " + missing, []string{"git.checksum", missing}},
		{"main", "zz", []string{"git.checksum", "zz"}},
		{"main", "git.sig.pubkey", []string{"git.sig.pubkey", "k"}},
		{"--upload-pack=touch x", "no such name", nil},
	}
	for _, tt := range tests {
		_, _, err := get(t, g, u.url(), tt.fragment, tt.attrs...)
		if err == nil || !strings.Contains(err.Error(), tt.text) {
			t.Errorf("%s %v: %v", tt.fragment, tt.attrs, err)
		}
	}
	for fragment, sum := range map[string]string{"main": c1, "v1": c1[:10], "": c1, "tags/v1": tag, c1: c1} {
		if _, _, err := get(t, g, u.url(), fragment, "git.checksum", sum); err != nil {
			t.Errorf("%s with the right checksum: %v", fragment, err)
		}
	}
	if _, _, err := get(t, g, u.url(), "", "git.checksum", c1, "git.fetchbycommit", "true"); err != nil {
		t.Errorf("by commit: %v", err)
	}
	if _, _, err := get(t, g, u.url(), ":nodir"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v", err)
	}
	if _, _, err := get(t, g, u.url()+"x", ""); err == nil || hint(err) == "" {
		t.Errorf("missing repository: %v (%s)", err, hint(err))
	}
	for _, url := range []string{"ext::sh -c id", "-x", "--upload-pack=x", "ftp://h/x", "https://-h/x", "/etc", "file:///x\n"} {
		if _, _, err := get(t, g, url, ""); err == nil {
			t.Errorf("%s is taken", url)
		}
	}
}

// If this fails, a computer without git gives a riddle, or the wrong exit code.
func TestGitMissing(t *testing.T) {
	g := NewGit(GitOptions{Dir: t.TempDir(), Program: "no-such-git"})
	_, err := g.Pin(t.Context(), "git://127.0.0.1/x", nil)
	var missing interface{ MissingTool() string }
	if !errors.As(err, &missing) || missing.MissingTool() != "git" || hint(err) == "" {
		t.Errorf("%v", err)
	}
	if _, err := g.Pin(t.Context(), "git://127.0.0.1/x#"+strings.Repeat("a", 40), nil); err != nil {
		t.Errorf("a commit is pinned without git: %v", err)
	}
}

// If this fails, hooks or filters of a repository or a user run on the host.
func TestGitRunsNothing(t *testing.T) {
	u := newUpstream(t, "repo")
	u.commit(map[string]string{"f": "1", ".gitattributes": "f filter=evil\n"})
	home := t.TempDir()
	mark := filepath.Join(home, "ran")
	must(t, os.WriteFile(filepath.Join(home, ".gitconfig"), []byte("[filter \"evil\"]\n\tsmudge = touch "+mark+"\n[core]\n\tautocrlf = true\n"), 0o644))
	t.Setenv("HOME", home)
	t.Setenv("GIT_CONFIG_GLOBAL", filepath.Join(home, ".gitconfig"))
	t.Setenv("GIT_DIR", filepath.Join(home, "elsewhere"))
	g := testGit(t)
	_, tr, err := get(t, g, u.url(), "")
	must(t, err)
	if e, err := tr.Lookup(t.Context(), "f"); err != nil || read(t, e.Content) != "1" {
		t.Error(err)
	}
	if _, err := os.Stat(mark); err == nil {
		t.Error("a filter of the user's configuration ran")
	}
}

// gitServer serves the repositories of a directory by http, and wants a token
// if there is one.
func gitServer(t *testing.T, dir, authorization string) (url string, seen *sync.Map) {
	t.Helper()
	path, err := exec.LookPath("git")
	must(t, err)
	seen = &sync.Map{}
	backend := &cgi.Handler{Path: path, Args: []string{"http-backend"}, Env: []string{"GIT_PROJECT_ROOT=" + dir, "GIT_HTTP_EXPORT_ALL=1"}}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen.Store(r.Header.Get("Authorization"), true)
		if authorization != "" && r.Header.Get("Authorization") != authorization {
			w.Header().Set("WWW-Authenticate", "Basic realm=x")
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		backend.ServeHTTP(w, r)
	}))
	t.Cleanup(srv.Close)
	return srv.URL, seen
}

// If this fails, repositories behind http do not work, private ones do not, or
// the token is in a message or in the arguments of a process.
func TestGitHTTP(t *testing.T) {
	u := newUpstream(t, "repo")
	c1 := u.commit(map[string]string{"f": "1"})
	u.commit(map[string]string{"f": "2"})
	url, _ := gitServer(t, filepath.Dir(u.dir), "")
	for ref, want := range map[string]string{"": "2", "main": "2", c1: "1"} {
		_, tr, err := get(t, testGit(t), url+"/repo/.git", ref)
		must(t, err)
		if e, err := tr.Lookup(t.Context(), "f"); err != nil || read(t, e.Content) != want {
			t.Errorf("%q: %v", ref, err)
		}
	}
	url, seen := gitServer(t, filepath.Dir(u.dir), "basic eC1hY2Nlc3MtdG9rZW46c2VjcmV0")
	_, _, err := get(t, testGit(t), url+"/repo/.git", "", "git.authtokensecret", "GIT_AUTH_TOKEN")
	if err == nil || !strings.Contains(hint(err), "GIT_AUTH_TOKEN") {
		t.Errorf("without a token: %v (%s)", err, hint(err))
	}
	g := testGit(t)
	g.o.Secret = func(_ context.Context, name string) ([]byte, error) {
		if name == "GIT_AUTH_TOKEN" {
			return []byte("secret\n"), nil
		}
		return nil, nil
	}
	if _, _, err := get(t, g, url+"/repo/.git", "", "git.authtokensecret", "GIT_AUTH_TOKEN", "git.authheadersecret", "GIT_AUTH_HEADER"); err != nil {
		t.Errorf("with a token: %v", err)
	}
	login := strings.Replace(url, "://", "://x-access-token:secret@", 1)
	if _, _, err := get(t, testGit(t), login+"/repo/.git", ""); err != nil {
		t.Errorf("with a password in the URL: %v", err)
	}
	if _, _, err := get(t, testGit(t), strings.Replace(login, "secret", "passw0rd", 1)+"/repo/.git", ""); err == nil || strings.Contains(err.Error(), "passw0rd") {
		t.Errorf("with a wrong password: %v", err)
	}
	if _, ok := seen.Load("basic eC1hY2Nlc3MtdG9rZW46c2VjcmV0"); !ok {
		t.Error("no token was sent")
	}
	// A server that has only files: no shallow fetches, no commits by name.
	u.git("repack", "-a", "-d", "-q")
	u.git("update-server-info")
	files := httptest.NewServer(http.FileServer(http.Dir(u.dir)))
	defer files.Close()
	_, tr, err := get(t, testGit(t), files.URL+"/.git", c1)
	must(t, err)
	if e, err := tr.Lookup(t.Context(), "f"); err != nil || read(t, e.Content) != "1" {
		t.Errorf("dumb server: %v", err)
	}
}

// If this fails, parallel builds spoil each other's repositories, or Ctrl-C
// does not end git.
func TestGitTogether(t *testing.T) {
	u := newUpstream(t, "repo")
	u.commit(map[string]string{"f": "1"})
	dir := t.TempDir()
	var wg sync.WaitGroup
	for range 4 {
		g := NewGit(GitOptions{Dir: dir, AllowFile: true})
		for range 2 {
			wg.Go(func() {
				_, tr, err := get(t, g, u.url(), "")
				if err != nil {
					t.Error(err)
					return
				}
				if _, err := tr.Lookup(t.Context(), "f"); err != nil {
					t.Error(err)
				}
			})
		}
	}
	wg.Wait()

	silent := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	defer silent.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	began := time.Now()
	_, err := testGit(t).Pin(ctx, "git://h/x", map[string]string{"git.fullurl": silent.URL + "/x.git"})
	if !errors.Is(err, context.DeadlineExceeded) || time.Since(began) > 5*time.Second {
		t.Errorf("%v after %v", err, time.Since(began))
	}
}

// If this fails, pruning takes repositories from under a build, leaves halves
// of them behind that a later build takes for whole, or removes nothing.
func TestGitCache(t *testing.T) {
	u := newUpstream(t, "repo")
	u.commit(map[string]string{"f": "1"})
	began := time.Now().Add(-time.Minute)
	dir := t.TempDir()
	g := NewGit(GitOptions{Dir: dir, AllowFile: true})
	if list, err := g.Cached(t.Context()); err != nil || len(list) != 0 {
		t.Fatalf("before anything was fetched: %v, %v", list, err)
	}
	if _, _, err := get(t, g, u.url(), ""); err != nil {
		t.Fatal(err)
	}
	list, err := g.Cached(t.Context())
	if err != nil || len(list) != 2 || list[0].Size == 0 || list[1].Size == 0 {
		t.Fatalf("cached %+v, %v; want a repository and a tree", list, err)
	}
	if gone, err := g.Remove(t.Context(), list, began); err != nil || len(gone) != 0 {
		t.Errorf("removed %v, %v, which a build uses that began before they were used", gone, err)
	}
	unlock, err := g.lock(t.Context(), "tree-"+strings.TrimPrefix(list[1].Name, "trees/"))
	if err != nil {
		t.Fatal(err)
	}
	gone, err := g.Remove(t.Context(), list, time.Now().Add(time.Minute))
	unlock()
	if err != nil || len(gone) != 1 || gone[0].Name != list[0].Name {
		t.Errorf("removed %v, %v; want the repository, the tree is locked", gone, err)
	}
	if err := g.Expire(t.Context(), began); err != nil {
		t.Error(err)
	}
	if list, err = g.Cached(t.Context()); err != nil || len(list) != 1 {
		t.Errorf("left %v, %v; want the tree", list, err)
	}
	if err := g.Expire(t.Context(), time.Now().Add(time.Minute)); err != nil {
		t.Error(err)
	}
	if list, err = g.Cached(t.Context()); err != nil || len(list) != 0 {
		t.Errorf("left %v, %v", list, err)
	}
	if _, _, err := get(t, g, u.url(), ""); err != nil {
		t.Errorf("after everything was removed: %v", err)
	}
}
