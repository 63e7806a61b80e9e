package winsh_test

import (
	"context"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/casement/casement/internal/dockerfile"
	"github.com/casement/casement/internal/llb"
	"github.com/casement/casement/internal/run"
	"github.com/casement/casement/internal/tree"
)

// windowsBase is a resolver for which every image is a Windows base.
type windowsBase struct {
	shell []string // that the base's config has
}

// Resolve implements dockerfile.Resolver.
func (b windowsBase) Resolve(_ context.Context, ref string, p *ocispec.Platform) (dockerfile.Resolved, error) {
	config := map[string]any{}
	if unprivileged(ref) {
		config["User"] = "ContainerUser"
	}
	if b.shell != nil {
		config["Shell"] = b.shell
	}
	os := "windows"
	if p != nil && p.OS != "" {
		os = p.OS
	}
	img, err := json.Marshal(map[string]any{
		"architecture": "amd64", "os": os, "config": config,
		"rootfs":  map[string]any{"type": "layers", "diff_ids": []string{digest.FromString(ref).String()}},
		"history": []map[string]any{{"created_by": "base"}},
	})
	return dockerfile.Resolved{Digest: digest.FromString(ref), Config: img}, err
}

// unprivileged reports whether steps on a base run as ContainerUser: Nano Server
// does so since its release 1709.
func unprivileged(ref string) bool {
	ref = strings.ToLower(ref)
	return strings.Contains(ref, "nanoserver") && regexp.MustCompile(`1709|1[89]0\d|ltsc2019|ltsc202\d|20h2|2004`).MatchString(ref)
}

// Platforms implements dockerfile.Resolver.
func (windowsBase) Platforms(context.Context, string) ([]ocispec.Platform, error) {
	return []ocispec.Platform{{OS: "windows", Architecture: "amd64"}}, nil
}

// realFile is a Dockerfile of the corpus.
type realFile struct {
	name string
	text string
}

func readRealFile(t testing.TB, name string) realFile {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "..", "..", "shared", "corpus", "dockerfiles", filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return realFile{name, strings.ReplaceAll(string(b), "\r\n", "\n")}
}

// step returns the RUN that begins at line.
func (f realFile) step(t testing.TB, line int, args map[string]string, shell []string) run.Step {
	t.Helper()
	steps, err := f.steps(t.Context(), line, args, shell)
	if err != nil {
		t.Fatal(err)
	}
	s, ok := steps[line]
	if !ok {
		t.Fatalf("%s: there is no RUN at line %d", f.name, line)
	}
	return s
}

// steps returns the RUN of the stage that a line is in, and of those that it
// needs, by line: as a build of the file would do them on an empty Windows.
func (f realFile) steps(ctx context.Context, line int, args map[string]string, shell []string) (map[int]run.Step, error) {
	results, err := dockerfile.Build(ctx, dockerfile.Request{
		Dockerfile: []byte(f.until(line)), Filename: f.name, BuildArgs: f.arguments(args),
		Platforms:     []ocispec.Platform{{OS: "windows", Architecture: "amd64"}},
		BuildPlatform: &ocispec.Platform{OS: "linux", Architecture: "amd64"},
	}, windowsBase{shell})
	if err != nil {
		return nil, err
	}
	steps := map[int]run.Step{}
	for v := range results[0].Graph.Vertices() {
		if op, ok := v.Op.(*llb.Exec); ok {
			steps[v.Where.Line] = run.Step{
				Args: slices.Clone(op.Args), Env: slices.Clone(op.Env), Dir: tree.Clean(op.Cwd), User: op.User,
				Root:  tree.NewChain(ocispec.Platform{OS: "windows", Architecture: "amd64"}),
				Where: run.Where{File: f.name, Line: v.Where.Line},
			}
		}
	}
	return steps, nil
}

// until returns the text up to the end of the stage that a line is in, so that
// this stage is the last one.
func (f realFile) until(line int) string {
	from := regexp.MustCompile(`(?i)^\s*FROM\s`)
	lines := strings.SplitAfter(f.text, "\n")
	for i := line; i < len(lines); i++ {
		if from.MatchString(lines[i]) {
			return strings.Join(lines[:i], "")
		}
	}
	return f.text
}

// arguments returns values for the file's arguments that have none: those that
// the test gives, and for others an image's name, since that is what they are
// for.
func (f realFile) arguments(given map[string]string) map[string]string {
	args := map[string]string{}
	for _, m := range regexp.MustCompile(`(?im)^\s*ARG\s+(\w+)\s*$`).FindAllStringSubmatch(f.text, -1) {
		if regexp.MustCompile(`(?im)^\s*ARG\s+` + m[1] + `=`).MatchString(f.text) {
			continue
		}
		if args[m[1]] = "base.example/windows/servercore"; strings.Contains(strings.ToLower(m[1]), "version") {
			args[m[1]] = "1"
		}
	}
	for k, v := range given {
		args[k] = v
	}
	return args
}

// withBases returns a template with values for the arguments that name bases, in
// the place of the comment that it begins with.
func (f realFile) withBases() realFile {
	args := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?im)^FROM\s+\$\{?(\w+)`).FindAllStringSubmatch(f.text, -1) {
		args[m[1]] = true
	}
	line := "ARG"
	for _, name := range slices.Sorted(maps.Keys(args)) {
		line += " " + name + "=base.example/windows/servercore"
	}
	_, rest, _ := strings.Cut(f.text, "\n")
	f.text = line + "\n" + rest
	return f
}

// place names a line as the golden file does.
func place(file string, line int) string { return file + ":" + strconv.Itoa(line) }
