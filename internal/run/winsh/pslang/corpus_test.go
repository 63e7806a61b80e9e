package pslang

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// corpusRun is a RUN line of the corpus that PowerShell reads.
type corpusRun struct {
	file, line string
	core       bool
	text       string
}

// corpusRuns reads the RUN lines of shells that are PowerShell, or skips.
func corpusRuns(t testing.TB) []corpusRun {
	t.Helper()
	dir := filepath.Join("..", "..", "..", "..", "..", "shared", "corpus")
	f, err := os.Open(filepath.Join(dir, "run-lines.tsv"))
	if err != nil {
		t.Skip("there is no corpus in " + dir)
	}
	defer f.Close()
	var runs []corpusRun
	s := bufio.NewScanner(f)
	s.Buffer(nil, 1<<20)
	for s.Scan() {
		c := strings.SplitN(s.Text(), "\t", 8)
		if len(c) < 8 {
			continue
		}
		switch c[4] {
		case "powershell", "pwsh", "powershell (inherited)":
			words := shellWords(filepath.Join(dir, "dockerfiles", filepath.FromSlash(c[0])), c[3])
			runs = append(runs, corpusRun{file: c[0], line: c[3], core: c[4] == "pwsh", text: commandText(words, c[7])})
		}
	}
	return runs
}

// shellWords finds the SHELL in effect at a line of a Dockerfile.
func shellWords(file, line string) []string {
	words := []string{"powershell", "-Command", "$ErrorActionPreference = 'Stop'; $ProgressPreference = 'SilentlyContinue';"}
	text, err := os.ReadFile(file)
	if err != nil {
		return words
	}
	lines := strings.SplitAfter(string(text), "\n")
	if n, err := strconv.Atoi(line); err == nil && n <= len(lines) {
		lines = lines[:n]
	}
	shell := regexp.MustCompile(`(?im)^\s*SHELL\s*(\[[^\]]*\])`)
	for _, m := range shell.FindAllStringSubmatch(strings.Join(lines, ""), -1) {
		var w []string
		if json.Unmarshal([]byte(m[1]), &w) == nil && len(w) > 1 {
			words = w
		}
	}
	return words
}

// commandText is what PowerShell reads of a RUN line: the words of SHELL and
// the line are one command line, which powershell.exe takes apart by the rules
// of the C runtime. It joins what follows -Command with blanks.
func commandText(shell []string, line string) string {
	words := splitC(strings.Join(append(shell[:len(shell):len(shell)], line), " "))[1:]
	for i, w := range words {
		if name := strings.ToLower(w); len(name) > 1 && strings.HasPrefix("-command", name) {
			return strings.Join(words[i+1:], " ")
		}
	}
	return strings.Join(words, " ")
}

// splitC takes a command line apart as the C runtime does.
func splitC(s string) []string {
	var words []string
	var w strings.Builder
	in, quoted := false, false
	for i := 0; i < len(s); i++ {
		c := s[i]
		if (c == ' ' || c == '\t') && !quoted {
			if in {
				words = append(words, w.String())
				w.Reset()
			}
			in = false
			continue
		}
		in = true
		n := 0
		for c == '\\' && i+n < len(s) && s[i+n] == '\\' {
			n++
		}
		switch quote := i+n < len(s) && s[i+n] == '"'; {
		case n > 0 && !quote:
			w.WriteString(s[i : i+n])
			i += n - 1
		case n > 0:
			w.WriteString(strings.Repeat(`\`, n/2))
			i += n - 1
			if n%2 == 1 {
				w.WriteByte('"')
				i++
			}
		case c != '"':
			w.WriteByte(c)
		case quoted && i+1 < len(s) && s[i+1] == '"':
			w.WriteByte('"')
			i++
		default:
			quoted = !quoted
		}
	}
	if in {
		words = append(words, w.String())
	}
	return words
}

// TestSplitC holds that the helper does as Windows does.
func TestSplitC(t *testing.T) {
	for in, want := range map[string]string{
		`a  b`: "a|b", `a "b  c" d`: "a|b  c|d", `a \"b c\"`: `a|"b|c"`, `a "b""c"`: `a|b"c`, `a\\b c:\ "d\\" e`: `a\\b|c:\|d\|e`, `"a"b"c d"`: "abc d", `a ""`: "a|",
	} {
		if got := strings.Join(splitC(in), "|"); got != want {
			t.Errorf("splitC(%q) = %q, want %q", in, got, want)
		}
	}
}

// TestCorpus reads the RUN lines of real Dockerfiles. If a line that Windows
// reads is refused here, an image that builds there does not build.
func TestCorpus(t *testing.T) {
	runs := corpusRuns(t)
	for _, r := range runs {
		const limit = 5 * time.Millisecond
		fastest := time.Hour
		var err error
		for i := 0; i < 20 && fastest > limit; i++ { // others use the machine, too
			start := time.Now()
			_, err = Parse(r.text, Options{Core: r.core})
			fastest = min(fastest, time.Since(start))
		}
		if err != nil {
			e := err.(*Errors).List[0]
			t.Errorf("%s:%s: %s", r.file, r.line, e.Extent.Describe(r.core)+"\n"+e.Message)
		}
		if fastest > limit {
			t.Errorf("%s:%s: reading %d bytes takes %v", r.file, r.line, len(r.text), fastest)
		}
	}
	t.Logf("%d lines are read", len(runs))
}
