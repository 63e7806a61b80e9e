package pslang

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

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
			runs = append(runs, corpusRun{file: c[0], line: c[3], shell: c[4], text: commandText(c[7])})
		}
	}
	return runs
}

type corpusRun struct {
	file, line, shell, text string
}

// commandText is what PowerShell reads of a RUN line: the words of SHELL and
// the line are one command line, which powershell.exe takes apart by the rules
// of the C runtime and joins again with blanks.
func commandText(line string) string {
	words := splitC("powershell -Command $ErrorActionPreference = 'Stop'; $ProgressPreference = 'SilentlyContinue'; " + line)
	return strings.Join(words[2:], " ")
}

// splitC takes a command line apart as the C runtime does.
func splitC(s string) []string {
	var words []string
	var w strings.Builder
	in, quoted := false, false
	end := func() {
		if in {
			words = append(words, w.String())
			w.Reset()
			in = false
		}
	}
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case (c == ' ' || c == '\t') && !quoted:
			end()
		case c == '\\':
			n := 0
			for i+n < len(s) && s[i+n] == '\\' {
				n++
			}
			in = true
			if i+n < len(s) && s[i+n] == '"' {
				w.WriteString(strings.Repeat(`\`, n/2))
				i += n - 1
				if n%2 == 1 {
					w.WriteByte('"')
					i++
				}
			} else {
				w.WriteString(strings.Repeat(`\`, n))
				i += n - 1
			}
		case c == '"':
			in = true
			if quoted && i+1 < len(s) && s[i+1] == '"' {
				w.WriteByte('"')
				i++
				continue
			}
			quoted = !quoted
		default:
			in = true
			w.WriteByte(c)
		}
	}
	end()
	return words
}

// TestCorpus reads the RUN lines of real Dockerfiles. If a line that Windows
// reads is refused here, an image that builds there does not build.
func TestCorpus(t *testing.T) {
	runs := corpusRuns(t)
	bad := 0
	for _, r := range runs {
		_, err := Parse(r.text, Options{Core: r.shell == "pwsh"})
		if err == nil {
			continue
		}
		bad++
		for _, e := range err.(*Errors).List {
			t.Log(fmt.Sprintf("%s:%s %s\n%s at %d\n%.300s", r.file, r.line, r.shell, e.Message, e.Start, r.text[max(0, e.Start-80):min(len(r.text), e.Start+80)]))
		}
	}
	t.Logf("%d of %d lines are read", len(runs)-bad, len(runs))
}
