package main

import (
	"bytes"
	"flag"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra/doc"
)

// update rewrites files that are made from the program instead of comparing.
var update = flag.Bool("update", false, "rewrite generated files")

// docDir is where generated documents are, seen from this package.
const docDir = "../../doc"

// TestDocs fails if doc/cli is not what the commands say of themselves.
func TestDocs(t *testing.T) {
	root := newRoot(&environment{stdin: new(bytes.Buffer), stdout: io.Discard, stderr: io.Discard, lookupenv: func(string) (string, bool) { return "", false }})
	root.DisableAutoGenTag = true
	dir := t.TempDir()
	if err := doc.GenMarkdownTree(root, dir); err != nil {
		t.Fatal(err)
	}
	want := readDir(t, dir)
	at := filepath.Join(docDir, "cli")
	if *update {
		if err := os.RemoveAll(at); err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(at, 0o755); err != nil {
			t.Fatal(err)
		}
		for name, text := range want {
			if err := os.WriteFile(filepath.Join(at, name), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	if diff := cmp.Diff(readDir(t, at), want); diff != "" {
		t.Errorf("doc/cli is stale, 'make docs' brings it up to date (-doc/cli +commands):\n%s", diff)
	}
}

// readDir returns the files of a directory by name.
func readDir(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Error(err)
	}
	for _, e := range entries {
		b, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		// A checkout on Windows may have other line ends.
		files[e.Name()] = string(bytes.ReplaceAll(b, []byte("\r\n"), []byte("\n")))
	}
	return files
}
