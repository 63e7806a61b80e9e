package source

import (
	"path"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func truth(b bool) *bool { return &b }

// If this fails, a URL that works with docker means something else here.
func TestParseGitURL(t *testing.T) {
	yes, no := truth(true), truth(false)
	tests := map[string]*GitURL{
		"https://example.com/":                                        nil,
		"https://example.com/foo":                                     nil,
		"https://example.com/foo.git":                                 {Remote: "https://example.com/foo.git"},
		"https://example.com/foo.git#deadbeef":                        {Remote: "https://example.com/foo.git", Ref: "deadbeef"},
		"https://example.com/foo.git#release/1.2":                     {Remote: "https://example.com/foo.git", Ref: "release/1.2"},
		"https://example.com/foo.git/":                                nil,
		"https://example.com/foo.git.bar":                             nil,
		"git://example.com/foo":                                       {Remote: "git://example.com/foo"},
		"ssh://git@example.com:2222/foo#x":                            {Remote: "ssh://git@example.com:2222/foo", Ref: "x"},
		"github.com/owner/name":                                       {Remote: "https://github.com/owner/name"},
		"github.com/owner/name#master:dir":                            {Remote: "https://github.com/owner/name", Ref: "master", Subdir: "dir"},
		"custom.xyz/owner/name.git":                                   nil,
		"https://u:p@example.com/foo.git":                             {Remote: "https://u:p@example.com/foo.git"},
		"git@example.com:owner/name":                                  {Remote: "git@example.com:owner/name"},
		"git@example.com:owner/name.git?subdir=/subdir#v1.0.0":        {Remote: "git@example.com:owner/name.git", Ref: "v1.0.0", Subdir: "subdir"},
		"https://example.com/foo.git#baz/qux:quux/quuz":               {Remote: "https://example.com/foo.git", Ref: "baz/qux", Subdir: "quux/quuz"},
		"https://example.com/foo.git#:myfolder":                       {Remote: "https://example.com/foo.git", Subdir: "myfolder"},
		"https://example.com/foo.git#:../../x":                        {Remote: "https://example.com/foo.git", Subdir: "x"},
		"http://example.com/foo.git:#branch":                          nil,
		"./.git":                                                      nil,
		".git":                                                        nil,
		"../x.git":                                                    nil,
		"file:///x.git":                                               nil,
		"ext::sh -c id":                                               nil,
		"https://example.com/f.git?ref=v1&subdir=/s":                  {Remote: "https://example.com/f.git", Ref: "v1", Subdir: "s"},
		"https://example.com/f.git?tag=v1":                            {Remote: "https://example.com/f.git", Ref: "refs/tags/v1"},
		"https://example.com/f.git?branch=v1":                         {Remote: "https://example.com/f.git", Ref: "refs/heads/v1"},
		"https://example.com/f.git?keep-git-dir&submodules=false":     {Remote: "https://example.com/f.git", KeepGitDir: yes, Submodules: no},
		"https://example.com/f.git?mtime=commit&commit=abc":           {Remote: "https://example.com/f.git", MTime: "commit", Checksum: "abc"},
		"https://example.com/f.git?fetch-by-commit&checksum=deadbeef": {Remote: "https://example.com/f.git", FetchByCommit: true, Checksum: "deadbeef"},
		"HTTPS://example.com/f.git":                                   {Remote: "https://example.com/f.git"},
		"":                                                            nil, ".": nil, "dir/sub": nil, "C:\\x": nil, "@": nil, "a@b": nil, "a b@c:d": nil,
	}
	for in, want := range tests {
		got, ok, err := ParseGitURL(in)
		if want == nil {
			if ok || err != nil {
				t.Errorf("%s: taken for git: %+v, %v", in, got, err)
			}
			continue
		}
		if diff := cmp.Diff(*want, got); !ok || err != nil || diff != "" {
			t.Errorf("%s: %v %v %s", in, ok, err, diff)
		}
	}
	for _, in := range []string{
		"https://example.com/f.git?ref=v1#v2", "https://example.com/f.git?ref=v1&tag=v2", "https://example.com/f.git?tag=a&branch=b",
		"https://example.com/f.git?mtime=x", "https://example.com/f.git?nope=1", "https://example.com/f.git?ref=", "https://example.com/f.git?submodules=x",
		"https://example.com/f.git?ref=a&ref=b", "https://example.com/f.git#--upload-pack=x", "https://example.com/f.git#a..b", "git@-host:y",
		"git@host:-x", "ssh://-oProxyCommand=x/y", "https://example.com/f.git?subdir=a#:b", "git://",
	} {
		if got, ok, err := ParseGitURL(in); err == nil || !ok {
			t.Errorf("%s: taken: %+v", in, got)
		}
	}
}

// If this fails, a context is taken for something that it is not.
func TestParseContext(t *testing.T) {
	t.Chdir(plant(t, map[string]string{"github.com/a/b/": "", "dir/": "", "file": ""}))
	for arg, want := range map[string]ContextKind{
		"-": ContextStdin, ".": ContextDir, "dir": ContextDir, "github.com/a/b": ContextDir, "github.com/a/c": ContextGit, "missing": ContextDir,
		"file": ContextDir, "https://h/x.tar.gz": ContextHTTP, "http://h/x.git#main": ContextGit, "git@h:x": ContextGit, "https://h/x": ContextHTTP,
	} {
		if got, err := ParseContext(arg); got != want || err != nil {
			t.Errorf("%s: %s, %v", arg, got, err)
		}
	}
	if k, err := ParseContext("https://h/x.git?bad=1"); k != ContextGit || err == nil {
		t.Errorf("%s, %v", k, err)
	}
}

// If this fails, some URL crashes the build, names an option for git, or a
// directory outside the repository.
func FuzzParseGitURL(f *testing.F) {
	for _, s := range []string{
		"https://example.com/foo.git?ref=v1&subdir=/s#a:b", "git@h:x?y=z#r:d", "ssh://-o/x", "github.com/a/b#-x", "git://[::1]/x", "a@b:c", "https://h/%00.git",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		u, ok, err := ParseGitURL(s)
		if !ok || err != nil {
			if u != (GitURL{}) {
				t.Errorf("%+v beside %v, %v", u, ok, err)
			}
			return
		}
		if u.Remote == "" || u.Remote[0] == '-' || strings.HasPrefix(u.Ref, "-") || strings.ContainsAny(u.Remote+u.Ref, "\x00\n") {
			t.Errorf("%+v", u)
		}
		if strings.HasPrefix(u.Subdir, "/") || u.Subdir != "" && path.Clean(u.Subdir) != u.Subdir || strings.HasPrefix(u.Subdir, "../") {
			t.Errorf("subdir %q", u.Subdir)
		}
		// What git gets is a git URL again, or was one only by its short form.
		if again, ok, err := ParseGitURL(u.Remote); ok && (err != nil || again.Remote != u.Remote) {
			t.Errorf("%q became %+v, %v", u.Remote, again, err)
		}
	})
}

// If this fails, some argument crashes the build.
func FuzzParseContext(f *testing.F) {
	for _, s := range []string{"-", ".", "https://h/x", "git@h:x", "github.com/a/b", "\x00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if k, err := ParseContext(s); k < ContextDir || k > ContextStdin || err != nil && k != ContextGit {
			t.Errorf("%d, %v", k, err)
		}
	})
}
