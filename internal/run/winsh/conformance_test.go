package winsh_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/casement/casement/internal/run"
	"github.com/casement/casement/internal/run/winsh"
	"github.com/casement/casement/internal/tree"
)

// A file of testdata/conformance has cases of one area:
//
//	=== a name
//	the script, in any number of lines
//	--- out
//	what it writes to standard output
//
// "--- err" is what it writes to standard error, and "--- err~" has lines that
// occur in it. "--- exit N" is its exit code. "--- file PATH TEXT" is a file that
// it has written, and "--- gone PATH" one that it has removed; TEXT is quoted as
// in Go. "--- refused LINE:COLUMN CONSTRUCT" says that it is not run. A 5 or a 7
// behind such a word ("--- out7") is for one edition alone; " @5" or " @7" behind
// the name is a script of one edition. A pilcrow marks the end of a line that ends
// in blanks, a not sign the end of a text without a line end. The empty line before "===" is nothing.

// psCase is one script and what it does in one edition.
type psCase struct {
	name, script string
	shell        string // powershell or pwsh
	sections     map[string]string
	files        map[string]string
	gone         []string
	code         int
	refused      string
}

// Broken if it fails: a script does something else than in the real PowerShell.
func TestConformance(t *testing.T) {
	names, err := filepath.Glob("testdata/conformance/*.txt")
	if err != nil || len(names) == 0 {
		t.Fatal(names, err)
	}
	runner := winsh.New(winsh.Options{Now: func() time.Time { return time.Date(2025, 11, 25, 18, 4, 5, 0, time.UTC) }})
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txt"), func(t *testing.T) {
			b, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			cases, err := parseCases(string(b))
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range cases {
				t.Run(c.name+"/"+c.shell, func(t *testing.T) { c.run(t, runner) })
			}
		})
	}
}

func (c psCase) run(t *testing.T, r *winsh.Runner) {
	var stdout, stderr bytes.Buffer
	out, err := r.Do(t.Context(), run.Step{
		Args: []string{c.shell, "-EncodedCommand", encoded(c.script)}, Stdout: &stdout, Stderr: &stderr,
		Root: tree.NewChain(ocispec.Platform{OS: "windows", Architecture: "amd64"}),
	}, nil)
	if bad := c.compare(t, out, err, lines(stdout.String()), lines(stderr.String())); bad != nil {
		t.Errorf("%s\n---\n%s", c.script, strings.Join(bad, "\n"))
	}
}

// compare returns what is otherwise than it should be.
func (c psCase) compare(t *testing.T, out *winsh.Outcome, err error, stdout, stderr string) (bad []string) {
	complain := func(format string, args ...any) { bad = append(bad, fmt.Sprintf(format, args...)) }
	if got := refusal(err); got != "" || c.refused != "" {
		if got != c.refused {
			complain("refused: %q, want %q (%v)\n%s%s", got, c.refused, err, stdout, stderr)
		} else if stdout+stderr != "" {
			complain("it has written before it was refused: %s%s", stdout, stderr)
		}
		return bad
	}
	if err != nil {
		return append(bad, err.Error())
	}
	if d := cmp.Diff(strings.SplitAfter(c.sections["out"], "\n"), strings.SplitAfter(stdout, "\n")); d != "" {
		complain("stdout (-want +got):\n%s", d)
	}
	if part, ok := c.sections["err~"]; ok {
		for line := range strings.Lines(part) {
			if !strings.Contains(stderr, strings.TrimRight(line, "\n")) {
				complain("stderr does not have %q", line)
			}
		}
	} else if d := cmp.Diff(strings.SplitAfter(c.sections["err"], "\n"), strings.SplitAfter(stderr, "\n")); d != "" {
		complain("stderr (-want +got):\n%s", d)
	}
	if out.ExitCode != c.code {
		complain("exit code %d, want %d", out.ExitCode, c.code)
	}
	bad = append(bad, c.compareFiles(t, out.Result.Changes)...)
	if bad != nil && stderr != "" {
		complain("stderr: %s", stderr)
	}
	return bad
}

// refusal returns the place and construct of a refusal, and "" for other errors.
func refusal(err error) string {
	var r *run.RefusedError
	if !errors.As(err, &r) {
		return ""
	}
	return fmt.Sprintf("%d:%d %s", r.Line, r.Column, r.Construct)
}

func (c psCase) compareFiles(t *testing.T, changes []tree.Change) (bad []string) {
	for _, path := range slices.Sorted(maps.Keys(c.files)) {
		i := slices.IndexFunc(changes, func(ch tree.Change) bool { return treeName(path) == ch.Name() })
		if i < 0 || changes[i].Entry == nil {
			bad = append(bad, path+" is not written")
			continue
		}
		if got, want := contentOf(t, changes[i].Entry), c.files[path]; got != want {
			bad = append(bad, fmt.Sprintf("%s:\n got %q\nwant %q", path, got, want))
		}
	}
	for _, path := range c.gone {
		if slices.ContainsFunc(changes, func(ch tree.Change) bool { return treeName(path) == ch.Name() && ch.Entry != nil }) {
			bad = append(bad, path+" is there")
		}
	}
	return bad
}

func contentOf(t *testing.T, e *tree.Entry) string {
	if e.Content == nil {
		return ""
	}
	f, err := e.Content.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// treeName is C:\a\b as trees name it.
func treeName(path string) string {
	return strings.ReplaceAll(strings.TrimPrefix(path, `C:\`), `\`, "/")
}

func lines(s string) string { return strings.ReplaceAll(s, "\r\n", "\n") }

// encoded is a script as -EncodedCommand takes it.
func encoded(script string) string {
	var b []byte
	for _, u := range utf16.Encode([]rune(script)) {
		b = append(b, byte(u), byte(u>>8))
	}
	return base64.StdEncoding.EncodeToString(b)
}

// parseCases reads a file of cases and returns each once for each edition.
func parseCases(text string) ([]psCase, error) {
	var all []psCase
	for i, part := range strings.Split("\n"+text, "\n=== ")[1:] {
		name, rest, _ := strings.Cut(strings.TrimSuffix(part, "\n"), "\n")
		editions := "57"
		if base, only, ok := strings.Cut(name, " @"); ok {
			name, editions = base, only
		}
		for _, ed := range editions {
			c := psCase{name: name, shell: map[rune]string{'5': "powershell", '7': "pwsh"}[ed], sections: map[string]string{}, files: map[string]string{}}
			if err := c.parse(rest, string(ed)); err != nil {
				return nil, fmt.Errorf("case %d, %s: %w", i+1, name, err)
			}
			all = append(all, c)
		}
	}
	return all, nil
}

func (c *psCase) parse(text, edition string) error {
	parts := strings.Split("\n"+text, "\n--- ")
	c.script = strings.TrimSuffix(strings.TrimPrefix(parts[0], "\n"), "\n")
	for _, p := range parts[1:] {
		head, body, filled := strings.Cut(p, "\n")
		word, arg, _ := strings.Cut(head, " ")
		if ed := word[len(word)-1:]; ed == "5" || ed == "7" {
			if ed != edition {
				continue
			}
			word = word[:len(word)-1]
		}
		if filled {
			body += "\n"
		}
		body = strings.ReplaceAll(body, "¶\n", "\n")
		var err error
		switch word {
		case "out", "err", "err~":
			c.sections[word] = strings.TrimSuffix(body, "¬\n")
		case "exit":
			c.code, err = strconv.Atoi(arg)
		case "file":
			path, quoted, _ := strings.Cut(arg, ` "`)
			c.files[path], err = strconv.Unquote(`"` + quoted)
		case "gone":
			c.gone = append(c.gone, arg)
		case "refused":
			c.refused = arg
		default:
			err = fmt.Errorf("%q is not known", word)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
