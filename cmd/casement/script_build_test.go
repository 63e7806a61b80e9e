package main

import (
	"archive/tar"
	"archive/zip"
	"compress/gzip"
	"encoding/base64"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// buildCommands are the commands that only scripts about builds need.
func buildCommands() map[string]func(ts *testscript.TestScript, neg bool, args []string) {
	return map[string]func(ts *testscript.TestScript, neg bool, args []string){
		"httpd": cmdHTTPD, "githttpd": cmdGitHTTPD, "httplog": cmdHTTPLog,
		"touch": cmdTouch, "archive": cmdArchive, "unbase64": cmdUnbase64, "tarlist": cmdTarList, "tree": cmdTree,
	}
}

// httpLog is what a web server was asked for.
type httpLog struct {
	mu    sync.Mutex
	lines []string
}

func (l *httpLog) wrap(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		l.mu.Lock()
		l.lines = append(l.lines, q.Method+" "+q.URL.Path)
		l.mu.Unlock()
		h.ServeHTTP(w, q)
	})
}

func (b *bed) serve(ts *testscript.TestScript, h http.Handler) {
	if b.http == nil {
		b.http = &httpLog{}
	}
	s := httptest.NewServer(b.http.wrap(h))
	b.servers = append(b.servers, s)
	ts.Setenv("HTTP", s.URL)
}

func cmdHTTPD(ts *testscript.TestScript, neg bool, args []string) {
	positive(ts, neg, len(args) == 1, "httpd DIR")
	ts.Value(bedKey{}).(*bed).serve(ts, http.FileServer(http.Dir(ts.MkAbs(args[0]))))
}

// cmdGitHTTPD serves git repositories through git's own program, which is
// what a clone without history needs.
func cmdGitHTTPD(ts *testscript.TestScript, neg bool, args []string) {
	positive(ts, neg, len(args) == 1, "githttpd DIR")
	git, err := exec.LookPath("git")
	ts.Check(err)
	ts.Value(bedKey{}).(*bed).serve(ts, &cgi.Handler{
		Path: git, Args: []string{"-c", "safe.directory=*", "http-backend"},
		Stderr: io.Discard,
		Env:    []string{"GIT_PROJECT_ROOT=" + ts.MkAbs(args[0]), "GIT_HTTP_EXPORT_ALL=1", "HOME=" + ts.Getenv("HOME")},
	})
}

func cmdHTTPLog(ts *testscript.TestScript, neg bool, args []string) {
	positive(ts, neg, len(args) == 0, "httplog")
	l := ts.Value(bedKey{}).(*bed).http
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, line := range l.lines {
		fmt.Fprintln(ts.Stdout(), line)
	}
	l.lines = nil
}

func cmdTouch(ts *testscript.TestScript, neg bool, args []string) {
	positive(ts, neg, len(args) > 1, "touch TIME PATH...")
	t, err := time.Parse(time.RFC3339Nano, args[0])
	ts.Check(err)
	for _, name := range args[1:] {
		ts.Check(os.Chtimes(ts.MkAbs(name), t, t))
	}
}

// cmdArchive packs the contents of a directory. All times are the same, and
// names are in order, so that the archive is too.
func cmdArchive(ts *testscript.TestScript, neg bool, args []string) {
	positive(ts, neg, len(args) == 2, "archive FILE.tar|FILE.tar.gz|FILE.zip DIR")
	dir := os.DirFS(ts.MkAbs(args[1]))
	f, err := os.Create(ts.MkAbs(args[0]))
	ts.Check(err)
	defer f.Close()
	if strings.HasSuffix(args[0], ".zip") {
		z := zip.NewWriter(f)
		ts.Check(z.AddFS(dir))
		ts.Check(z.Close())
		return
	}
	var w io.WriteCloser = f
	if strings.HasSuffix(args[0], ".gz") {
		w = gzip.NewWriter(f)
	}
	tw := tar.NewWriter(w)
	ts.Check(fs.WalkDir(dir, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || name == "." {
			return err
		}
		fi, err := d.Info()
		if err != nil {
			return err
		}
		h, err := tar.FileInfoHeader(fi, "")
		if err != nil {
			return err
		}
		h.Name, h.ModTime, h.Uname, h.Gname, h.Uid, h.Gid = name, baseTime(), "", "", 7, 8
		h.Mode &= 0o755
		if err := tw.WriteHeader(h); err != nil || d.IsDir() {
			return err
		}
		b, err := fs.ReadFile(dir, name)
		if err == nil {
			_, err = tw.Write(b)
		}
		return err
	}))
	ts.Check(tw.Close())
	if w != f {
		ts.Check(w.Close())
	}
}

func cmdUnbase64(ts *testscript.TestScript, neg bool, args []string) {
	positive(ts, neg, len(args) == 2, "unbase64 FILE TO")
	b, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(ts.ReadFile(args[0])), ""))
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), b, 0o644))
}

func cmdTarList(ts *testscript.TestScript, neg bool, args []string) {
	positive(ts, neg, len(args) == 1, "tarlist FILE")
	printTar(ts, []byte(ts.ReadFile(args[0])))
}

// cmdTree prints what is in a directory, one entry a line.
func cmdTree(ts *testscript.TestScript, neg bool, args []string) {
	positive(ts, neg, len(args) == 1, "tree DIR")
	root := ts.MkAbs(args[0])
	var lines []string
	ts.Check(filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == root {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		line := filepath.ToSlash(name)
		switch {
		case d.IsDir():
			line += "/"
		case d.Type() == fs.ModeSymlink:
			to, err := os.Readlink(path)
			if err != nil {
				return err
			}
			line += " -> " + to
		}
		lines = append(lines, line)
		return nil
	}))
	slices.Sort(lines)
	for _, l := range lines {
		fmt.Fprintln(ts.Stdout(), l)
	}
}
