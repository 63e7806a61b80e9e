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
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/casement/casement/internal/store"
	"github.com/casement/casement/internal/tree"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/moby/patternmatcher"
)

// plant makes files in a new directory: name to content; "name/" makes a
// directory, and content "-> target" a link.
func plant(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		full := filepath.Join(dir, filepath.FromSlash(name))
		var err error
		switch target, link := strings.CutPrefix(content, "-> "); {
		case strings.HasSuffix(name, "/"):
			err = os.MkdirAll(full, 0o755)
		case link:
			_ = os.MkdirAll(filepath.Dir(full), 0o755)
			err = os.Symlink(target, full)
		default:
			_ = os.MkdirAll(filepath.Dir(full), 0o755)
			err = os.WriteFile(full, []byte(content), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func open(t testing.TB, dir string, o LocalOptions) *Local {
	t.Helper()
	l, err := OpenLocal(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// names lists a set: directories end in a slash.
func names(t testing.TB, set *tree.Set) []string {
	t.Helper()
	var list []string
	for c, err := range set.All(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		n := c.Entry.Name
		if c.Entry.Kind == tree.Dir {
			n += "/"
		}
		list = append(list, n)
	}
	return list
}

func find(t testing.TB, set *tree.Set, name string) *tree.Entry {
	t.Helper()
	c, err := set.Find(t.Context(), name, false)
	if err != nil {
		t.Fatal(err)
	}
	return c.Entry
}

func read(t testing.TB, c tree.Content) string {
	t.Helper()
	if c == nil {
		return ""
	}
	r, err := c.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	data, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// hint returns the advice of an error.
func hint(err error) string {
	var h interface {
		error
		Hint() string
	}
	if errors.As(err, &h) {
		return h.Hint()
	}
	return ""
}

// If this fails, COPY takes more or less than the ignore file and the
// Dockerfile say.
func TestSelection(t *testing.T) {
	files := map[string]string{
		"Dockerfile": "FROM x", "a/1.txt": "1", "a/2.log": "2", "a/deep/3.txt": "3", "a/deep/4.log": "4",
		"b/5.txt": "5", "empty/": "", "keep/x/y": "y", "c.txt": "c",
	}
	tests := []struct {
		name string
		sel  Selection
		want string
	}{
		{"everything", Selection{}, "Dockerfile a/ a/1.txt a/2.log a/deep/ a/deep/3.txt a/deep/4.log b/ b/5.txt c.txt empty/ keep/ keep/x/ keep/x/y"},
		{"one file", Selection{FollowPaths: []string{"Dockerfile"}}, "Dockerfile"},
		{"leading slash", Selection{FollowPaths: []string{"/b/"}}, "b/ b/5.txt"},
		{"missing file", Selection{FollowPaths: []string{"nope", "a/nope"}}, ""},
		{"the root", Selection{FollowPaths: []string{"."}, ExcludePatterns: []string{"*"}}, ""},
		{"below", Selection{FollowPaths: []string{"a/deep"}}, "a/ a/deep/ a/deep/3.txt a/deep/4.log"},
		{"wildcard", Selection{FollowPaths: []string{"a/*.txt"}}, "a/ a/1.txt"},
		{"wildcard directory", Selection{FollowPaths: []string{"*/deep/*.log"}}, "a/ a/deep/ a/deep/4.log"},
		{"dot-dot stays inside", Selection{FollowPaths: []string{"../c.txt"}}, "c.txt"},
		{"exclude", Selection{ExcludePatterns: []string{"a", "keep", "empty"}}, "Dockerfile b/ b/5.txt c.txt"},
		{"exclude everywhere", Selection{ExcludePatterns: []string{"**/*.log"}}, "Dockerfile a/ a/1.txt a/deep/ a/deep/3.txt b/ b/5.txt c.txt empty/ keep/ keep/x/ keep/x/y"},
		{"exception", Selection{ExcludePatterns: []string{"*", "!a/deep/3.txt"}}, "a/ a/deep/ a/deep/3.txt"},
		{"exception with wildcard", Selection{ExcludePatterns: []string{"a", "b", "!**/*.txt"}}, "Dockerfile a/ a/1.txt a/deep/ a/deep/3.txt b/ b/5.txt c.txt empty/ keep/ keep/x/ keep/x/y"},
		{"exception then exclude", Selection{ExcludePatterns: []string{"*", "!a", "a/deep"}}, "a/ a/1.txt a/2.log"},
		{"follow and exclude", Selection{FollowPaths: []string{"a"}, ExcludePatterns: []string{"**/*.txt"}}, "a/ a/2.log a/deep/ a/deep/4.log"},
		{"include", Selection{IncludePatterns: []string{"a/*", "!a/2.log"}}, "a/ a/1.txt a/deep/ a/deep/3.txt a/deep/4.log"},
		{"follow beats an include exception", Selection{IncludePatterns: []string{"!a/2.log"}, FollowPaths: []string{"a/2.log"}}, "a/ a/2.log"},
		{"include and follow", Selection{IncludePatterns: []string{"b"}, FollowPaths: []string{"c.txt"}}, "b/ b/5.txt c.txt"},
	}
	l := open(t, plant(t, files), LocalOptions{})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			set, err := l.Tree(t.Context(), tt.sel)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(strings.Fields(tt.want), names(t, set), cmpopts.EquateEmpty()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// If this fails, .dockerignore means something else here than in Docker: the
// walk must select what patternmatcher says of each whole path.
func TestIgnoreMatchesPatternmatcher(t *testing.T) {
	var all []string
	files := map[string]string{}
	for _, a := range []string{"a", "b", "node_modules", ".git", "x.y"} {
		for _, b := range []string{"a", "b.txt", "src", "[q]"} {
			for _, c := range []string{"c", "keep.md", "d.log"} {
				n := a + "/" + b + "/" + c
				all, files[n] = append(all, n), n
			}
		}
	}
	dir := plant(t, files)
	for _, patterns := range [][]string{
		{"a"}, {"a/"}, {"/a"}, {"./a/src"}, {"**/src"}, {"**/src/**"}, {"a/**"}, {"a/*"}, {"*/src"}, {"*/*/c"}, {"?"},
		{"*", "!a"}, {"*", "!a/src"}, {"**", "!**/*.md"}, {"a", "!a/src", "a/src/c"}, {"*.y"}, {"x?y"}, {"[ab]"}, {"[^a]"},
		{`a/\[q\]`}, {"!a"}, {"a", "!a", "a/src"}, {"**/c", "!b/**"}, {"*/b.txt/*", "!*/b.txt/keep.md"}, {"  a  ", "", "b"},
		{"**/*", "!b/src/c"}, {"b/../a"}, {"**", "!node_modules/src/**", "**/d.log"},
	} {
		m, err := patternmatcher.New(patterns)
		if err != nil {
			t.Fatal(err)
		}
		var want []string
		for _, n := range all {
			if out, err := m.MatchesOrParentMatches(n); err != nil {
				t.Fatal(err)
			} else if !out {
				want = append(want, n)
			}
		}
		set, err := open(t, dir, LocalOptions{}).Tree(t.Context(), Selection{ExcludePatterns: patterns})
		if err != nil {
			t.Fatal(err)
		}
		got := slices.DeleteFunc(names(t, set), func(n string) bool { return strings.HasSuffix(n, "/") })
		slices.Sort(want)
		slices.Sort(got)
		if !slices.Equal(want, got) {
			t.Errorf("%q: %s", patterns, cmp.Diff(want, got))
		}
	}
}

// If this fails, COPY of a link brings the link without its target, or leaves
// the context.
func TestFollowPaths(t *testing.T) {
	l := open(t, plant(t, map[string]string{
		"real/file": "f", "real/other": "o", "link": "-> real", "abs": "-> /real/file", "out": "-> ../../../../etc/passwd",
		"chain1": "-> chain2", "chain2": "-> real/file", "loop": "-> loop", "grow": "-> grow/x", "sub/up": "-> ../real/other",
		"star*": "s", "starlink": "-> star*", "starry": "no", "w1": "-> real/file", "w2": "-> real/other", "dangling": "-> missing/x",
		"root": "-> /", "dirs/a": "-> ../real", "etc/passwd": "inside",
	}), LocalOptions{})
	tests := []struct{ follow, want string }{
		{"link", "link real/ real/file real/other"},
		{"link/file", "link real/ real/file"},
		{"link/fi*", "link real/ real/file"},
		{"abs", "abs real/ real/file"},
		{"out", "etc/ etc/passwd out"},
		{"chain1", "chain1 chain2 real/ real/file"},
		{"loop", "loop"},
		{"loop/x", "loop"},
		{"grow/a", "grow"},
		{"sub/up", "real/ real/other sub/ sub/up"},
		{"starlink", "star* starlink"},
		{"w?", "real/ real/file real/other w1 w2"},
		{"dangling", "dangling"},
		{"dirs/*/file", "dirs/ dirs/a real/ real/file"},
		{"link/file link/other", "link real/ real/file real/other"},
	}
	for _, tt := range tests {
		set, err := l.Tree(t.Context(), Selection{FollowPaths: strings.Fields(tt.follow)})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(strings.Fields(tt.want), names(t, set)); diff != "" {
			t.Errorf("%s: %s", tt.follow, diff)
		}
	}
	set, err := l.Tree(t.Context(), Selection{FollowPaths: []string{"root"}})
	if err != nil || set.Len() < 20 {
		t.Errorf("a link to the root has to bring everything, not %d entries (%v)", set.Len(), err)
	}
}

// If this fails, a layer gets wrong metadata.
func TestEntries(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("permissions and hard links of Unix")
	}
	dir := plant(t, map[string]string{
		"run.sh": "#!", "d/x": "x", "empty": "", "todir": "-> d", "todirabs": "-> /d", "tofile": "-> d/x", "nowhere": "-> gone",
		"viadir": "-> todir", "upup": "-> ../../../d",
	})
	when := time.Unix(1700000000, 123456789)
	must(t, os.Chmod(filepath.Join(dir, "run.sh"), 0o750|fs.ModeSetuid))
	must(t, os.Chtimes(filepath.Join(dir, "run.sh"), when, when))
	must(t, os.Link(filepath.Join(dir, "run.sh"), filepath.Join(dir, "again")))
	must(t, os.Link(filepath.Join(dir, "run.sh"), filepath.Join(t.TempDir(), "elsewhere")))
	set, err := open(t, dir, LocalOptions{}).Tree(t.Context(), Selection{})
	must(t, err)
	e := find(t, set, "run.sh")
	if e.Unix.Mode != 0o4750 || e.Unix.UID != 0 || e.Unix.GID != 0 || !e.Times.Modified.Equal(when) || e.Size != 2 || e.Kind != tree.File {
		t.Errorf("run.sh: %+v %+v", e, e.Unix)
	}
	if e.Link == "" || e.Link != find(t, set, "again").Link {
		t.Errorf("hard links are not grouped: %q, %q", e.Link, find(t, set, "again").Link)
	}
	if l := find(t, set, "d/x").Link; l != "" {
		t.Errorf("d/x has one name and is grouped as %q", l)
	}
	if e := find(t, set, "empty"); e.Content != nil || e.Size != 0 {
		t.Errorf("an empty file has content: %+v", e)
	}
	for name, isDir := range map[string]bool{"todir": true, "todirabs": true, "tofile": false, "nowhere": false, "viadir": true, "upup": true} {
		if e := find(t, set, name); e.Kind != tree.Symlink || e.DirLink != isDir {
			t.Errorf("%s: %s, directory link %v", name, e.Kind, e.DirLink)
		}
	}
	if got := find(t, set, "todirabs").Target; got != "/d" {
		t.Errorf("target changed to %q", got)
	}
	if got := read(t, e.Content); got != "#!" {
		t.Errorf("content %q", got)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// If this fails, a file that is written during a build gets into the image
// half old and half new, without a word.
func TestChangedFile(t *testing.T) {
	changes := map[string]func(t *testing.T, name string){
		"grown":     func(t *testing.T, n string) { must(t, os.WriteFile(n, []byte("longer than before"), 0o644)) },
		"rewritten": func(t *testing.T, n string) { must(t, os.WriteFile(n, []byte("12346"), 0o644)) },
		"shrunk":    func(t *testing.T, n string) { must(t, os.Truncate(n, 2)) },
		"replaced": func(t *testing.T, n string) {
			fi, err := os.Stat(n)
			must(t, err)
			must(t, os.WriteFile(n+".new", []byte("12346"), 0o644))
			must(t, os.Chtimes(n+".new", fi.ModTime(), fi.ModTime()))
			must(t, os.Rename(n+".new", n))
		},
		"removed": func(t *testing.T, n string) { must(t, os.Remove(n)) },
		"link": func(t *testing.T, n string) {
			must(t, os.Remove(n))
			must(t, os.Symlink("other", n))
		},
	}
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			dir := plant(t, map[string]string{"sub/f": "12345", "sub/other": "12345"})
			set, err := open(t, dir, LocalOptions{Name: "ctx"}).Tree(t.Context(), Selection{})
			must(t, err)
			time.Sleep(20 * time.Millisecond) // the clock of the file system is coarse
			change(t, filepath.Join(dir, "sub", "f"))
			_, err = find(t, set, "sub/f").Content.(tree.Digester).ContentDigest(t.Context())
			if !errors.Is(err, tree.ErrChanged) || !strings.Contains(err.Error(), "sub/f") || hint(err) == "" {
				t.Errorf("before open: %v (hint %q)", err, hint(err))
			}
		})
	}
}

// The same, for changes after the first byte was read.
func TestChangedWhileRead(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("open files cannot be changed")
	}
	for name, change := range map[string]func(n string) error{
		"grown":  func(n string) error { return appendTo(n, "x") },
		"shrunk": func(n string) error { return os.Truncate(n, 3) },
		"edited": func(n string) error { return os.WriteFile(n, []byte(strings.Repeat("b", 1000)), 0o644) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := plant(t, map[string]string{"f": strings.Repeat("a", 1000)})
			set, err := open(t, dir, LocalOptions{}).Tree(t.Context(), Selection{})
			must(t, err)
			c := find(t, set, "f").Content
			var readers [2]io.ReadCloser
			for i := range readers {
				r, err := c.Open(t.Context())
				must(t, err)
				defer r.Close()
				_, err = io.ReadFull(r, make([]byte, 10))
				must(t, err)
				readers[i] = r
			}
			time.Sleep(20 * time.Millisecond)
			must(t, change(filepath.Join(dir, "f")))
			if _, err := io.Copy(io.Discard, readers[0]); !errors.Is(err, tree.ErrChanged) {
				t.Errorf("reading to the end: %v", err)
			}
			if _, err := readers[1].(io.ReaderAt).ReadAt(make([]byte, 10), 0); !errors.Is(err, tree.ErrChanged) {
				t.Errorf("reading somewhere: %v", err)
			}
			if _, err := io.CopyN(io.Discard, readers[1], 990); !errors.Is(err, tree.ErrChanged) {
				t.Errorf("reading as many bytes as there should be: %v", err)
			}
		})
	}
}

// Broken if it fails: archives of the context cannot be read in place, or a file
// that was not read whole from its beginning gets a digest.
func TestReadAnywhere(t *testing.T) {
	dir := plant(t, map[string]string{"f": "0123456789"})
	set, err := open(t, dir, LocalOptions{}).Tree(t.Context(), Selection{})
	must(t, err)
	c := find(t, set, "f").Content
	r, err := c.Open(t.Context())
	must(t, err)
	defer r.Close()
	b := make([]byte, 4)
	if n, err := r.(io.ReaderAt).ReadAt(b, 3); err != nil || string(b[:n]) != "3456" {
		t.Errorf("at 3: %q, %v", b[:n], err)
	}
	if n, err := r.(io.ReaderAt).ReadAt(b, 8); !errors.Is(err, io.EOF) || string(b[:n]) != "89" {
		t.Errorf("at 8: %q, %v", b[:n], err)
	}
	if at, err := r.(io.Seeker).Seek(-2, io.SeekEnd); err != nil || at != 8 {
		t.Errorf("seeking to %d: %v", at, err)
	}
	if rest, err := io.ReadAll(r); err != nil || string(rest) != "89" {
		t.Errorf("the end: %q, %v", rest, err)
	}
	if c.(tree.LazyDigester).DigestKnown() {
		t.Error("the digest is that of a part")
	}
}

func appendTo(name, text string) error {
	f, err := os.OpenFile(name, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}

// counting is a stat cache that counts hits.
type counting struct {
	StatCache
	hits atomic.Int32
}

func (c *counting) Lookup(name string, st store.FileStat) (string, bool) {
	d, ok := c.StatCache.Lookup(name, st)
	if ok {
		c.hits.Add(1)
	}
	return d, ok
}

// If this fails, every build reads the whole context, or a changed file is
// taken for the old one.
func TestKeyAndStatCache(t *testing.T) {
	dir := plant(t, map[string]string{"a": "1", "b/c": "2", "l": "-> a"})
	old := time.Now().Add(-time.Hour)
	age := func() {
		for _, n := range []string{"a", "b/c"} {
			must(t, os.Chtimes(filepath.Join(dir, n), old, old))
		}
	}
	age()
	st, err := store.Open(t.TempDir(), store.Options{})
	must(t, err)
	defer st.Close()
	memory := &mapCache{m: map[string]string{}}
	cache := &counting{StatCache: memory}
	key := func() string {
		set, err := open(t, dir, LocalOptions{Cache: cache}).Tree(t.Context(), Selection{})
		must(t, err)
		key, err := Key(t.Context(), set)
		must(t, err)
		return key
	}
	first := key()
	if second := key(); second != first || cache.hits.Load() != 2 {
		t.Errorf("second key %s, first %s, %d hits", second, first, cache.hits.Load())
	}
	must(t, os.WriteFile(filepath.Join(dir, "a"), []byte("3"), 0o644))
	age()
	changed := key()
	if changed == first {
		t.Error("the key is the same after a change of content with the same size and time")
	}
	must(t, os.WriteFile(filepath.Join(dir, "a"), []byte("1"), 0o644))
	age()
	if back := key(); back != first {
		t.Error("equal trees have different keys")
	}
	if runtime.GOOS != "windows" {
		must(t, os.Chmod(filepath.Join(dir, "a"), 0o755))
		if key() == first {
			t.Error("the key is the same after chmod")
		}
	}
	// The real cache has to fit the interface, and must not remember files
	// that are too young.
	real, err := st.StatCache(dir)
	must(t, err)
	p, err := open(t, dir, LocalOptions{Cache: real}).Pin(t.Context(), nil)
	must(t, err)
	chain, err := p.Load(t.Context())
	must(t, err)
	e, err := chain.View().Lookup(t.Context(), "b/c")
	must(t, err)
	if _, err := e.Content.(tree.Digester).ContentDigest(t.Context()); err != nil {
		t.Error(err)
	}
	must(t, real.Save())
}

// mapCache remembers everything.
type mapCache struct {
	mu sync.Mutex
	m  map[string]string
}

func (c *mapCache) Lookup(name string, st store.FileStat) (string, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	d, ok := c.m[fmt.Sprint(name, st)]
	return d, ok
}

func (c *mapCache) Add(name string, st store.FileStat, digest string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.m[fmt.Sprint(name, st)] = digest
}

// If this fails, an unreadable file stops a build although it is ignored, or
// the message does not help.
func TestUnreadable(t *testing.T) {
	if runtime.GOOS == "windows" || os.Getuid() == 0 {
		t.Skip("needs a user who is not allowed everything")
	}
	dir := plant(t, map[string]string{"secret/x": "x", "f": "f", "ok": "ok"})
	must(t, os.Chmod(filepath.Join(dir, "secret"), 0))
	must(t, os.Chmod(filepath.Join(dir, "f"), 0))
	t.Cleanup(func() { _ = os.Chmod(filepath.Join(dir, "secret"), 0o755) })
	l := open(t, dir, LocalOptions{})
	if _, err := l.Tree(t.Context(), Selection{}); !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), "secret") || hint(err) == "" {
		t.Errorf("directory: %v", err)
	}
	set, err := l.Tree(t.Context(), Selection{ExcludePatterns: []string{"secret"}})
	must(t, err)
	if _, err := Key(t.Context(), set); !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), "reading f in") {
		t.Errorf("file: %v", err)
	}
	set, err = l.Tree(t.Context(), Selection{ExcludePatterns: []string{"*", "!ok", "!**/y"}})
	must(t, err)
	if _, err := Key(t.Context(), set); err != nil {
		t.Errorf("ignored files: %v", err)
	}
}

// If this fails, a name that cannot be written into a layer gets far into the
// build, or stops it although it is ignored.
func TestNameNotUTF8(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the file system refuses such names")
	}
	dir := plant(t, map[string]string{"ok": ""})
	must(t, os.WriteFile(filepath.Join(dir, "bad\xff"), nil, 0o644))
	l := open(t, dir, LocalOptions{})
	if _, err := l.Tree(t.Context(), Selection{}); err == nil || !strings.Contains(err.Error(), `bad\xff`) {
		t.Errorf("error %v", err)
	}
	if _, err := l.Tree(t.Context(), Selection{ExcludePatterns: []string{"bad*"}}); err != nil {
		t.Error(err)
	}
}

// If this fails, a Dockerfile is read from outside the context, or a missing
// one looks like a broken one.
func TestReadFile(t *testing.T) {
	l := open(t, plant(t, map[string]string{
		"Dockerfile": "FROM a", "link": "-> sub/Dockerfile", "sub/Dockerfile": "FROM b", "out": "-> /etc/hostname", "up": "-> ../../../Dockerfile",
		"dirlink": "-> sub", "loop": "-> loop",
	}), LocalOptions{})
	must(t, os.WriteFile(filepath.Join(l.Dir(), "huge"), nil, 0o644))
	must(t, os.Truncate(filepath.Join(l.Dir(), "huge"), maxReadFile+1))
	for name, want := range map[string]string{
		"Dockerfile": "FROM a", "/Dockerfile": "FROM a", "link": "FROM b", "up": "FROM a", "dirlink/Dockerfile": "FROM b", "../../Dockerfile": "FROM a",
	} {
		if got, err := l.ReadFile(t.Context(), name); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	for _, name := range []string{"missing", "sub/missing", "out", "Dockerfile/x"} {
		if _, err := l.ReadFile(t.Context(), name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, name := range []string{"sub", "loop", "huge"} {
		if _, err := l.ReadFile(t.Context(), name); err == nil || errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// If this fails, a context that is not there gives a riddle.
func TestOpenLocalErrors(t *testing.T) {
	dir := plant(t, map[string]string{"file": "x"})
	for _, name := range []string{"missing", "file"} {
		if _, err := OpenLocal(filepath.Join(dir, name), LocalOptions{}); err == nil || hint(err) == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := open(t, dir, LocalOptions{}).Tree(t.Context(), Selection{ExcludePatterns: []string{"a[", "!"}}); err == nil || hint(err) == "" {
		t.Errorf("bad pattern: %v", err)
	}
}

// If this fails, Ctrl-C waits until the whole context is listed.
func TestLocalCancelled(t *testing.T) {
	l := open(t, plant(t, map[string]string{"a/b": "x"}), LocalOptions{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := l.Tree(ctx, Selection{}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if _, err := SelectionOf(map[string]string{attrFollowPaths: "{"}); err == nil {
		t.Error("a damaged attribute is taken")
	}
	list, _ := json.Marshal([]string{"a"})
	if s, err := SelectionOf(map[string]string{attrExcludePatterns: string(list)}); err != nil || !slices.Equal(s.ExcludePatterns, []string{"a"}) {
		t.Error(s, err)
	}
}

// grove makes a context of 10,000 files in 100 directories.
func grove(b *testing.B) string {
	dir := b.TempDir()
	for i := range 100 {
		sub := filepath.Join(dir, fmt.Sprintf("dir%02d", i%10), fmt.Sprintf("sub%02d", i))
		must(b, os.MkdirAll(sub, 0o755))
		for j := range 100 {
			must(b, os.WriteFile(filepath.Join(sub, fmt.Sprintf("file%03d.txt", j)), []byte("some content"), 0o644))
		}
	}
	return dir
}

func BenchmarkTree(b *testing.B) {
	l := open(b, grove(b), LocalOptions{})
	b.ReportAllocs()
	for b.Loop() {
		if set, err := l.Tree(b.Context(), Selection{ExcludePatterns: []string{"**/*.log", "node_modules"}}); err != nil || set.Len() != 10110 {
			b.Fatal(set.Len(), err)
		}
	}
}

func BenchmarkKeyCold(b *testing.B) {
	l := open(b, grove(b), LocalOptions{})
	for b.Loop() {
		set, err := l.Tree(b.Context(), Selection{})
		must(b, err)
		_, err = Key(b.Context(), set)
		must(b, err)
	}
}
