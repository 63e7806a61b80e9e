package run_test

import (
	"testing"
	"time"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/casement/casement/internal/run"
	"github.com/casement/casement/internal/tree"
)

// Broken if it fails: a step gets the cached result of another one, or no step
// ever gets one.
func TestKeyTellsStepsApart(t *testing.T) {
	rootAt := func(text string, times tree.Times) tree.Chain {
		e := &tree.Entry{Name: "a.txt", Kind: tree.File, Size: int64(len(text)), Content: tree.Bytes(text), Times: times}
		return tree.NewChain(ocispec.Platform{OS: "windows", Architecture: "amd64"}, &tree.Layer{Changes: tree.NewSet([]tree.Change{{Entry: e}})})
	}
	root := func(text string, at int64) tree.Chain { return rootAt(text, tree.Times{Modified: time.Unix(at, 5)}) }
	base := func() run.Step {
		return run.Step{Args: []string{"cmd", "/c", "x"}, Env: []string{"A=1"}, Dir: "app", Root: root("one", 1)}
	}
	key := func(s run.Step) string {
		t.Helper()
		k, err := run.Key(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	same := base()
	same.Where = run.Where{File: "Dockerfile", Line: 9}
	if key(base()) != key(same) {
		t.Error("equal steps in other lines have other keys")
	}
	seen := map[string]string{key(base()): "the step itself"}
	for name, change := range map[string]func(*run.Step){
		"another command":       func(s *run.Step) { s.Args = []string{"cmd", "/c", "y"} },
		"words split elsewhere": func(s *run.Step) { s.Args = []string{"cmd", "/cx"} },
		"another variable":      func(s *run.Step) { s.Env = []string{"A=2"} },
		"another directory":     func(s *run.Step) { s.Dir = "" },
		"another user":          func(s *run.Step) { s.User = "ContainerUser" },
		"no network":            func(s *run.Step) { s.Network = "none" },
		"another content":       func(s *run.Step) { s.Root = root("two", 1) },
		"another time":          func(s *run.Step) { s.Root = root("one", 2) },
		"a part of a second":    func(s *run.Step) { s.Root = rootAt("one", tree.Times{Modified: time.Unix(1, 6)}) },
		"a time of creation": func(s *run.Step) {
			s.Root = rootAt("one", tree.Times{Modified: time.Unix(1, 5), Created: time.Unix(3, 0)})
		},
		"a variable of a step": func(s *run.Step) {
			s.Root = s.Root.Push(&tree.Layer{Changes: tree.NewSet(nil), Env: []tree.EnvChange{{Name: "X", Value: "1"}}})
		},
		"a layer with a key": func(s *run.Step) { s.Root = s.Root.Push(&tree.Layer{Changes: tree.NewSet(nil), Key: "k"}) },
		"a registry hive": func(s *run.Step) {
			s.Root = s.Root.Push(&tree.Layer{Changes: tree.NewSet(nil), Hives: map[string][]byte{"System": []byte("x")}})
		},
		"a removal": func(s *run.Step) {
			s.Root = s.Root.Push(&tree.Layer{Changes: tree.NewSet([]tree.Change{{Removed: "a.txt"}})})
		},
		"a mount":           func(s *run.Step) { s.Mounts = []run.Mount{{Type: "bind", Target: "m", Source: root("three", 1)}} },
		"a mount's content": func(s *run.Step) { s.Mounts = []run.Mount{{Type: "bind", Target: "m", Source: root("four", 1)}} },
		"a secret":          func(s *run.Step) { s.SecretEnv = []run.SecretEnv{{ID: "x", Name: "X"}} },
	} {
		s := base()
		change(&s)
		k := key(s)
		if other, ok := seen[k]; ok {
			t.Errorf("%s: the key of %s", name, other)
		}
		seen[k] = name
	}
}
