package dockerfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/casement/casement/internal/llb"
)

// corpusDir has Dockerfiles of other people. They are not part of the project.
const corpusDir = "../../../shared/corpus/dockerfiles"

// If this failed, Dockerfiles that people really have would no longer build,
// or would build something else.
func TestCorpus(t *testing.T) {
	if _, err := os.Stat(corpusDir); errors.Is(err, fs.ErrNotExist) {
		t.Skipf("SKIPPED: there is no corpus of Dockerfiles at %s; only graphs.golden was tested", corpusDir)
	}
	var b strings.Builder
	b.WriteString("file\tplatform\tstages\tvertices\tRUN\twarnings\toutcome\n")
	err := filepath.WalkDir(corpusDir, func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(corpusDir, file)
		if err != nil {
			return err
		}
		fmt.Fprintf(&b, "%s\t%s\n", filepath.ToSlash(name), outcome(t, name, text))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "corpus.golden", b.String())
}

// outcome builds one Dockerfile and says in columns what came of it.
func outcome(t *testing.T, name string, text []byte) string {
	t.Helper()
	req := windows(string(text))
	req.Filename = "Dockerfile"
	res := images{any: true}
	stages := 0
	if f, err := parse(text); err == nil {
		stages = len(f.stages)
	}
	platform := "windows/amd64"
	req.Platforms = nil
	if p, err := Platform(t.Context(), req, res); err != nil {
		platform = "error"
		req.Platforms = []ocispec.Platform{{OS: "windows", Architecture: "amd64"}}
	} else {
		platform = FormatPlatform(p)
		req.Platforms = []ocispec.Platform{p}
	}
	class := "ok"
	results, err := Build(t.Context(), req, res)
	if err != nil && classOf(t, name, err) == needsArgument {
		class = "ok with arguments"
		req.BuildArgs = arguments(text)
		results, err = Build(t.Context(), req, res)
	}
	if err != nil {
		return fmt.Sprintf("%s\t%d\t0\t0\t0\t%s", platform, stages, classOf(t, name, err))
	}
	runs := 0
	for v := range results[0].Graph.Vertices() {
		if _, ok := v.Op.(*llb.Exec); ok {
			runs++
		}
	}
	traps := 0
	if results[0].Platform.OS == "windows" {
		traps = len(windowsTraps(text)) + len(heredocTraps(results[0].Graph))
	}
	return fmt.Sprintf("%s\t%d\t%d\t%d\t%d\t%s", platform, stages, results[0].Graph.Len(), runs, traps, class)
}

// arguments returns values for the arguments that have none.
func arguments(text []byte) map[string]string {
	args := make(map[string]string)
	f, err := parse(text)
	if err != nil {
		return args
	}
	for _, cmd := range f.args {
		for _, a := range cmd.Args {
			switch name := strings.ToLower(a.Key); {
			case a.Value != nil && *a.Value != "":
			case strings.Contains(name, "arch"):
				args[a.Key] = "amd64"
			case strings.Contains(name, "os"):
				args[a.Key] = "windows"
			default:
				args[a.Key] = "value"
			}
		}
	}
	return args
}

// needsArgument is the class of a Dockerfile that does not build without
// --build-arg.
const needsArgument = "needs an argument"

// classOf returns the kind of an error that is the Dockerfile's own fault. Any
// other error fails the test.
func classOf(t *testing.T, name string, err error) string {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) || e.Where.Line == 0 || e.Hint() == "" {
		t.Errorf("%s: no place or no hint: %v", name, err)
		return "unclear"
	}
	for _, c := range []struct{ text, class string }{
		{"should not be blank", needsArgument},
		{"failed to parse platform", needsArgument},
		{"invalid reference format", needsArgument},
		{"No relative path specified in", "drive without a path"},
	} {
		if strings.Contains(err.Error(), c.text) {
			return c.class
		}
	}
	t.Errorf("%s: %v", name, err)
	return "unknown"
}
