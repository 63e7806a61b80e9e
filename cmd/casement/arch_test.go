package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
)

const module = "github.com/casement/casement"

// ranks says how far from the ground a package is: it may import only packages
// of lower ranks (doc/design.md). A new package needs a line here.
func ranks() map[string]int {
	return map[string]int{
		"internal/tree": 0, "internal/winmeta": 0, "internal/llb": 0, "internal/progress": 0,
		"internal/hive": 1, "internal/store": 1, "internal/run": 1, "internal/run/runtest": 2,
		"internal/layer": 2,
		"internal/image": 3, "internal/solve": 3, "internal/dockerfile": 3,
		"internal/registry": 4, "internal/source": 4,
		// What executes RUN in Windows stages.
		"internal/run/winsh/pslang": 0, "internal/run/winsh/machine": 2,
		"internal/run/winsh/cmdsh": 3, "internal/run/winsh/fetch": 3, "internal/run/winsh/ps": 3,
		"internal/run/winsh/tools": 4, "internal/run/winsh/pscmd": 4, "internal/run/winsh/psnet": 5,
		"internal/run/winsh": 6,
		"internal/build":     7,
		"cmd/casement":       9,
	}
}

// owners says which packages may import a module directly. The longest prefix
// of an import path counts.
func owners() map[string][]string {
	return map[string][]string{
		"github.com/moby/buildkit":               {"internal/dockerfile"},
		"github.com/moby/buildkit/solver/pb":     {"internal/llb", "internal/dockerfile", "internal/progress"},
		"github.com/moby/buildkit/client":        {"internal/dockerfile", "internal/progress"},
		"github.com/moby/buildkit/util/progress": {"internal/progress"},
		// The machinery of buildkitd is nobody's.
		"github.com/moby/buildkit/cache":         {},
		"github.com/moby/buildkit/control":       {},
		"github.com/moby/buildkit/executor":      {},
		"github.com/moby/buildkit/worker":        {},
		"github.com/google/go-containerregistry": {"internal/image", "internal/registry", "internal/source"},
		"github.com/spf13/cobra":                 {"cmd/casement"},
		"github.com/spf13/pflag":                 {"cmd/casement"},
	}
}

// blind says what a package must not know even indirectly.
func blind() map[string][]string {
	return map[string][]string{
		"internal/solve": {"internal/layer", "internal/image", "internal/registry", "internal/source", "internal/dockerfile"},
	}
}

// goPackage is what go list says of a package.
type goPackage struct {
	ImportPath   string
	Imports      []string
	Deps         []string
	GoFiles      []string
	Dir          string
	Module       *goModule
	Standard     bool
	Error        *struct{ Err string }
	IgnoredFiles []string `json:"IgnoredGoFiles"`
}

type goModule struct {
	Path, Version  string
	Main, Indirect bool
	Replace        *goModule
}

// goList runs go list -json for an operating system.
func goList(t *testing.T, goos string, args ...string) []goPackage {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", append([]string{"list", "-json"}, args...)...)
	cmd.Dir = filepath.Join("..", "..")
	cmd.Env = append(os.Environ(), "GOOS="+goos, "GOARCH=amd64", "CGO_ENABLED=0")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list %v: %v\n%s", args, err, stderr.Bytes())
	}
	var all []goPackage
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p goPackage
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

// TestImportRanks fails if a package imports one that is not below it, if
// somebody but its owners imports one of the big modules, or if a package knows
// what it must be blind to. The files of all systems count.
func TestImportRanks(t *testing.T) {
	rank := ranks()
	for _, goos := range []string{"linux", "darwin", "windows"} {
		packages := goList(t, goos, "./internal/...", "./cmd/...")
		direct := map[string][]string{}
		for _, p := range packages {
			direct[p.ImportPath] = p.Imports
		}
		for _, p := range packages {
			name := strings.TrimPrefix(p.ImportPath, module+"/")
			r, ok := rank[name]
			if !ok {
				t.Errorf("%s has no rank: give it one in ranks() and in doc/design.md", name)
				continue
			}
			for _, imp := range p.Imports {
				if to, ok := strings.CutPrefix(imp, module+"/"); ok {
					if ir, ok := rank[to]; ok && ir >= r {
						t.Errorf("%s: %s (rank %d) imports %s (rank %d): only lower ranks may be imported", goos, name, r, to, ir)
					}
				} else if o, allowed, ok := ownersOf(imp); ok && !slices.Contains(allowed, name) {
					t.Errorf("%s: %s imports %s: of %s only %v may", goos, name, imp, o, allowed)
				}
			}
			for _, hidden := range blind()[name] {
				if chain := importPath(direct, p.ImportPath, module+"/"+hidden); chain != nil {
					t.Errorf("%s: %s must not know %s, but: %s", goos, name, hidden, strings.Join(chain, " -> "))
				}
			}
		}
	}
}

// ownersOf returns the rule for an import path.
func ownersOf(imp string) (prefix string, allowed []string, ok bool) {
	for p, a := range owners() {
		if (imp == p || strings.HasPrefix(imp, p+"/")) && len(p) > len(prefix) {
			prefix, allowed, ok = p, a, true
		}
	}
	return prefix, allowed, ok
}

// importPath finds a way from one package of this module to another.
func importPath(direct map[string][]string, from, to string) []string {
	if from == to {
		return []string{strings.TrimPrefix(to, module+"/")}
	}
	for _, imp := range direct[from] {
		if !strings.HasPrefix(imp, module+"/") {
			continue
		}
		if rest := importPath(direct, imp, to); rest != nil {
			return append([]string{strings.TrimPrefix(from, module+"/")}, rest...)
		}
	}
	return nil
}

// TestNoBuildTags fails if a package that has to do the same on every system has
// files for some systems only.
func TestNoBuildTags(t *testing.T) {
	for _, name := range []string{"tree", "winmeta", "hive", "layer", "image", "solve"} {
		for _, p := range goList(t, "linux", "./internal/"+name) {
			for _, f := range p.IgnoredFiles {
				t.Errorf("%s is not for every system", path.Join("internal", name, f))
			}
		}
	}
}

// TestDependencies fails if doc/dependencies.txt does not list the modules in
// the binary, each direct one with its reason.
func TestDependencies(t *testing.T) {
	file := filepath.Join(docDir, "dependencies.txt")
	old, err := os.ReadFile(file)
	if err != nil && !*update {
		t.Fatal(err)
	}
	reasons := map[string]string{}
	for line := range strings.Lines(string(old)) {
		fields := strings.SplitN(strings.TrimSpace(line), "  ", 2)
		if len(fields) == 2 && !strings.HasPrefix(line, "#") {
			reasons[fields[0]] = strings.TrimSpace(fields[1])
		}
	}
	got, missing := dependencies(t, reasons)
	for _, m := range missing {
		t.Errorf("%s: direct module %s has no reason: write it behind the name, after two blanks", file, m)
	}
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := gocmp.Diff(strings.ReplaceAll(string(old), "\r\n", "\n"), got); diff != "" {
		t.Errorf("%s is stale, 'make docs' brings it up to date (-file +binary):\n%s", file, diff)
	}
}

// dependencies lists the modules in the binary of all systems.
func dependencies(t *testing.T, reasons map[string]string) (text string, missing []string) {
	modules := map[string]*goModule{}
	own := map[string]bool{} // modules that casement's own packages import
	for _, goos := range []string{"linux", "darwin", "windows"} {
		byPath := map[string]*goModule{}
		packages := goList(t, goos, "-deps", "./cmd/casement")
		for _, p := range packages {
			if p.Module != nil && !p.Module.Main {
				modules[p.Module.Path] = p.Module
				byPath[p.ImportPath] = p.Module
			}
		}
		for _, p := range packages {
			if p.Module == nil || !p.Module.Main {
				continue
			}
			for _, imp := range p.Imports {
				if m := byPath[imp]; m != nil {
					own[m.Path] = true
				}
			}
		}
	}
	var direct, indirect strings.Builder
	for _, name := range slices.Sorted(maps.Keys(modules)) {
		if !own[name] {
			fmt.Fprintln(&indirect, name)
			continue
		}
		if reasons[name] == "" {
			missing = append(missing, name)
		}
		fmt.Fprintf(&direct, "%s  %s\n", name, cmp.Or(reasons[name], "?"))
	}
	return `# The modules in the binary, on any system; 'make docs' writes the list, and
# people write the reasons. go.mod has the versions.

# Imported by casement:
` + direct.String() + `
# Needed by those:
` + indirect.String(), missing
}
