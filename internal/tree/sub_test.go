package tree_test

import (
	"errors"
	"io/fs"
	"testing"

	"github.com/google/go-cmp/cmp"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/casement/casement/internal/tree"
)

// Broken if it fails: a bind mount shows other files than its source has.
func TestSub(t *testing.T) {
	l := &tree.Layer{Changes: tree.NewSet([]tree.Change{
		{Entry: &tree.Entry{Name: "Dir", Kind: tree.Dir}},
		{Entry: &tree.Entry{Name: "Dir/Sub", Kind: tree.Dir}},
		{Entry: &tree.Entry{Name: "Dir/Sub/a.txt", Kind: tree.File}},
		{Entry: &tree.Entry{Name: "other", Kind: tree.File}},
	})}
	c := tree.NewChain(ocispec.Platform{OS: "windows"}, l)
	s := tree.Sub(c.View(), "dir")
	var names []string
	for e, err := range tree.Walk(t.Context(), s, "") {
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, e.Name)
	}
	if d := cmp.Diff([]string{"Sub", "Sub/a.txt"}, names); d != "" {
		t.Errorf("names (-want +got):\n%s", d)
	}
	if e, err := s.Lookup(t.Context(), "sub/A.TXT"); err != nil || e.Name != "Sub/a.txt" {
		t.Errorf("looking up sub/A.TXT: %+v, %v", e, err)
	}
	if e, err := s.Lookup(t.Context(), ""); err != nil || e.Name != "" || e.Kind != tree.Dir {
		t.Errorf("the root: %+v, %v", e, err)
	}
	missing := tree.Sub(c.View(), "nothing")
	if e, err := missing.Lookup(t.Context(), ""); err != nil || e.Kind != tree.Dir {
		t.Errorf("the root of a part that is not there: %+v, %v", e, err)
	}
	for _, err := range missing.Entries(t.Context(), "") {
		t.Errorf("a part that is not there has entries: %v", err)
	}
	if _, err := missing.Lookup(t.Context(), "x"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a name in it: %v", err)
	}
}
