package tree_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/casement/casement/internal/tree"
)

// Broken if it fails: a variable that RUN sets for the machine gets lost, or
// wins over an ENV that comes after it.
func TestEnvironmentOfAChain(t *testing.T) {
	old, empty := "old", ""
	for _, tt := range []struct {
		name    string
		os      string
		changes []tree.EnvChange
		env     []string
		want    []string
	}{
		{"nothing set", "windows", nil, []string{"A=1"}, []string{"A=1"}},
		{"a new variable", "windows", []tree.EnvChange{{Name: "B", Value: "2"}}, []string{"A=1"}, []string{"A=1", "B=2"}},
		{"over an earlier ENV, spelled as that", "windows", []tree.EnvChange{{Name: "PATH", Value: "new", Over: &old}}, []string{"Path=old"}, []string{"Path=new"}},
		{"a later ENV wins", "windows", []tree.EnvChange{{Name: "PATH", Value: "new", Over: &old}}, []string{"PATH=later"}, []string{"PATH=later"}},
		{"a later ENV of a new variable wins", "windows", []tree.EnvChange{{Name: "X", Value: "run"}}, []string{"X=later"}, []string{"X=later"}},
		{"an argument of the step only does not win", "windows", []tree.EnvChange{{Name: "X", Value: "run", Over: &empty}}, nil, []string{"X=run"}},
		{"the last step wins", "windows", []tree.EnvChange{{Name: "X", Value: "1"}, {Name: "x", Value: "2"}}, nil, []string{"X=2"}},
		{"removed", "windows", []tree.EnvChange{{Name: "x", Unset: true, Over: &old}}, []string{"X=old", "Y=1"}, []string{"Y=1"}},
		{"case counts on Linux", "linux", []tree.EnvChange{{Name: "path", Value: "2"}}, []string{"PATH=1"}, []string{"PATH=1", "path=2"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := tree.NewChain(ocispec.Platform{OS: tt.os})
			for _, ch := range tt.changes {
				c = c.Push(&tree.Layer{Changes: tree.NewSet(nil), Env: []tree.EnvChange{ch}})
			}
			before := append([]string(nil), tt.env...)
			if d := cmp.Diff(tt.want, c.Environment(tt.env)); d != "" {
				t.Errorf("environment (-want +got):\n%s", d)
			}
			if d := cmp.Diff(before, tt.env); d != "" {
				t.Errorf("the input changed:\n%s", d)
			}
		})
	}
}
