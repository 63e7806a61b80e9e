package winsh_test

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/casement/casement/internal/run"
	"github.com/casement/casement/internal/run/winsh"
	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/run/winsh/pslang"
	"github.com/casement/casement/internal/tree"
)

var update = flag.Bool("update", false, "rewrite golden files")

// corpusLine is one RUN of a real Dockerfile.
type corpusLine struct {
	file, line, shell, class, text string
}

// corpus reads the RUN lines of real Dockerfiles, which are not part of the
// product; the test that needs them is skipped without.
func corpus(t testing.TB) []corpusLine {
	t.Helper()
	f, err := os.Open(filepath.Join("..", "..", "..", "..", "shared", "corpus", "run-lines.tsv"))
	if errors.Is(err, fs.ErrNotExist) {
		t.Skip("the corpus of Dockerfiles is not here")
	}
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var lines []corpusLine
	sc := bufio.NewScanner(f)
	sc.Buffer(nil, 1<<20)
	for sc.Scan() {
		c := strings.Split(sc.Text(), "\t")
		if len(c) == 8 && c[0] != "file" {
			lines = append(lines, corpusLine{file: c[0], line: c[3], shell: c[4], class: c[5], text: c[7]})
		}
	}
	if err := sc.Err(); err != nil {
		t.Fatal(err)
	}
	return lines
}

// at is the line's place as an error names it.
func (l corpusLine) at() string { return l.file + ":" + l.line }

// step is a step of the line alone, with the usual words of its shell.
func (l corpusLine) step() run.Step {
	s := run.Step{
		Root:        tree.NewChain(ocispec.Platform{OS: "windows", Architecture: "amd64"}),
		RootUnknown: true, User: "ContainerAdministrator",
		Where: run.Where{File: l.file, Line: 1},
	}
	switch {
	case strings.HasPrefix(l.shell, "powershell"):
		s.Args = append(powershellBase(), l.text)
	case l.shell == "pwsh":
		s.Args = append([]string{"pwsh"}, append(powershellBase()[1:], l.text)...)
	default:
		s.Args = []string{"cmd", "/S", "/C", l.text}
	}
	return s
}

// corpusSteps finds the steps that lines are in builds of their files.
type corpusSteps map[string]map[int]run.Step

// step is the step of a line, before anything has been executed.
func (c corpusSteps) step(t *testing.T, l corpusLine) run.Step {
	t.Helper()
	line, err := strconv.Atoi(l.line)
	if err != nil {
		t.Fatal(err)
	}
	var shell []string
	key := l.file
	if strings.Contains(l.shell, "inherited") {
		shell, key = powershellBase(), l.file+" on a base with PowerShell"
	}
	s, known := c[key][line]
	if !known {
		f := readRealFile(t, l.file)
		steps, err := f.steps(t.Context(), line, nil, shell)
		if err != nil {
			steps, err = f.withBases().steps(t.Context(), line, nil, shell)
		}
		if err != nil {
			t.Fatal(err)
		}
		if c[key] == nil {
			c[key] = map[int]run.Step{}
		}
		maps.Copy(c[key], steps)
		if s, known = steps[line]; !known {
			t.Fatalf("%s: there is no RUN", l.at())
		}
	}
	s.RootUnknown = true
	return s
}

// powerShellText is what PowerShell gets to read of a step, if it is about
// PowerShell: of one for cmd, only a line that begins with its name.
func powerShellText(s run.Step) (text string, core, ok bool) {
	line := strings.Join(s.Args, " ")
	if strings.HasPrefix(strings.ToLower(line), "cmd /s /c ") {
		// cmd's own parsing: the carets of it, and where its command ends.
		line, _, _ = strings.Cut(line[len("cmd /s /c "):], " && ")
		line = strings.ReplaceAll(line, "^", "")
	}
	words := machine.SplitCommandLine(line)
	program := strings.TrimRight(strings.TrimSuffix(strings.ToLower(words[0]), ".exe"), ";")
	if program != "powershell" && program != "pwsh" {
		return "", false, false
	}
	for i, w := range words[1:] {
		if low := strings.ToLower(w); len(low) > 1 && strings.HasPrefix("-command", low) {
			return strings.Join(words[i+2:], " "), program == "pwsh", true
		}
		if strings.HasPrefix(strings.ToLower(w), "-f") {
			return "", false, false
		}
	}
	return strings.Join(words[1:], " "), program == "pwsh", true
}

// tally counts the lines of one class.
type tally struct{ lines, accepted int }

// Broken if it fails: lines of real Dockerfiles are refused that were not, or
// accepted that need Windows. The golden file says for each class how many lines
// are accepted, and which constructs are refused how often.
func TestCorpus(t *testing.T) {
	runner := winsh.New(winsh.Options{})
	classes := map[string]*tally{}
	refused := map[string]map[string]int{}
	steps := corpusSteps{}
	texts, unread := 0, 0
	var detail strings.Builder
	for _, l := range corpus(t) {
		c := classes[l.class]
		if c == nil {
			c = &tally{}
			classes[l.class] = c
			refused[l.class] = map[string]int{}
		}
		c.lines++
		s := steps.step(t, l)
		if text, core, ok := powerShellText(s); ok {
			texts++
			if _, err := pslang.Parse(text, pslang.Options{Core: core}); err != nil {
				unread++
				t.Logf("%s: %v", l.at(), err)
			}
		}
		err := runner.Check(t.Context(), s)
		var r *run.RefusedError
		switch {
		case err == nil:
			c.accepted++
			fmt.Fprintf(&detail, "ok\t%s\t%s\t%s\n", l.class, l.at(), l.text)
		case errors.As(err, &r):
			refused[l.class][r.Construct]++
			fmt.Fprintf(&detail, "refused\t%s\t%s\t%d:%d %s: %s\t%s\n", l.class, l.at(), r.Line, r.Column, r.Construct, r.Reason, l.text)
		default:
			t.Errorf("%s: %v", l.at(), err)
		}
	}
	if out := os.Getenv("CORPUS_DETAIL"); out != "" {
		if err := os.WriteFile(out, []byte(detail.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	golden(t, "corpus.golden", fmt.Sprintf("%d of %d texts for PowerShell are read\n", texts-unread, texts)+table(classes, refused))
	checkShares(t, classes)
	if float64(texts-unread) < 0.95*float64(texts) {
		t.Errorf("%d of %d texts for PowerShell are not read", unread, texts)
	}
}

// checkShares holds the numbers that may not get worse.
func checkShares(t *testing.T, classes map[string]*tally) {
	lines, accepted := 0, 0
	for name, c := range classes {
		switch name {
		case "download", "env", "registry", "archive", "file-ops only (cmd)", "file-ops only (PowerShell)":
			lines, accepted = lines+c.lines, accepted+c.accepted
		case "windows feature", "iis configuration", "other (verify only: prog --version)":
			if c.accepted > 0 {
				t.Errorf("%d of %d lines of class %s are accepted, which need Windows", c.accepted, c.lines, name)
			}
		}
	}
	if share := float64(accepted) / float64(lines); share < 0.9 {
		t.Errorf("%.1f %% of the lines about files, environment, registry, downloads and archives are accepted, less than 90 %%", 100*share)
	}
}

// table is what the golden file has.
func table(classes map[string]*tally, refused map[string]map[string]int) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(classes)) {
		c := classes[name]
		fmt.Fprintf(&b, "%s: %d of %d accepted\n", name, c.accepted, c.lines)
		constructs := slices.Collect(maps.Keys(refused[name]))
		slices.SortFunc(constructs, func(x, y string) int {
			if n := refused[name][y] - refused[name][x]; n != 0 {
				return n
			}
			return strings.Compare(x, y)
		})
		for _, k := range constructs {
			fmt.Fprintf(&b, "  %3d  %s\n", refused[name][k], k)
		}
	}
	return b.String()
}

// golden compares text with a file in testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); d != "" {
		t.Errorf("%s (-file +got), rewrite with -update:\n%s", file, d)
	}
}
