package cmdsh

import (
	"bufio"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// corpusLines returns the RUN lines of real Dockerfiles whose shell is cmd. They
// are not part of the product; tests that need them are skipped without.
func corpusLines(t testing.TB) []string {
	t.Helper()
	f, err := os.Open(filepath.Join("..", "..", "..", "..", "..", "shared", "corpus", "run-lines.tsv"))
	if errors.Is(err, fs.ErrNotExist) {
		t.Skip("the corpus of Dockerfiles is not here")
	}
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var lines []string
	sc := bufio.NewScanner(f)
	sc.Buffer(nil, 1<<20)
	for sc.Scan() {
		c := strings.Split(sc.Text(), "\t")
		if len(c) == 8 && strings.HasPrefix(c[4], "cmd") {
			lines = append(lines, c[7])
		}
	}
	if err := sc.Err(); err != nil {
		t.Fatal(err)
	}
	return lines
}

// Broken if it fails: lines that Windows executes are not understood.
func TestCorpusParses(t *testing.T) {
	x := &expander{get: func(string) (string, bool) { return "", false }, extensions: true}
	for _, line := range corpusLines(t) {
		text, from, err := x.line(t.Context(), line)
		if err == nil {
			_, err = parseLine(text, from, false)
		}
		if err != nil {
			t.Errorf("%s: %v", line, err)
		}
	}
}
