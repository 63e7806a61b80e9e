package solve

import (
	"slices"
	"testing"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/casement/casement/internal/tree"
)

// If this fails, COPY --link makes directories and links that differ from what
// the image has already in nothing but case.
func TestLinkedLayersTakeTheSpellingBelow(t *testing.T) {
	set := func(entries ...tree.Entry) *tree.Layer {
		var changes []tree.Change
		for i := range entries {
			changes = append(changes, tree.Change{Entry: &entries[i]})
		}
		return &tree.Layer{Changes: tree.NewSet(changes)}
	}
	below := tree.NewChain(ocispec.Platform{OS: "windows"}, set(
		tree.Entry{Name: "App", Kind: tree.Dir}, tree.Entry{Name: "App/Old.txt", Kind: tree.File}))
	l, err := onWindows(t.Context(), below.Known(), set(
		tree.Entry{Name: "APP", Kind: tree.Dir}, tree.Entry{Name: "APP/New.txt", Kind: tree.File},
		tree.Entry{Name: "APP/alias", Kind: tree.Hardlink, Target: "APP/New.txt"}, tree.Entry{Name: "APP/OLD.TXT", Kind: tree.File}))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for c, err := range l.Changes.All(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, c.Entry.Name+c.Entry.Target)
	}
	want := []string{"App", "App/New.txt", "App/Old.txt", "App/aliasApp/New.txt"}
	if slices.Sort(got); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
