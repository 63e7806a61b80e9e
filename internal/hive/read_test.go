package hive

import (
	"bytes"
	"errors"
	"io/fs"
	"testing"

	"github.com/casement/casement/internal/winmeta"
	"github.com/google/go-cmp/cmp"
)

func open(t testing.TB, b []byte) *Hive {
	t.Helper()
	h, err := Open(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestOpenMinimal(t *testing.T) {
	h := open(t, minimal(t, Options{RootName: "SYSTEM"}))
	k, err := h.Key("")
	if err != nil || k.Name() != "SYSTEM" || k.Len() != 0 || k.Layer() != (Layer{}) {
		t.Errorf("got %v, %v", k, err)
	}
	sd, err := k.Descriptor()
	if err != nil {
		t.Fatal(err)
	}
	got, err := winmeta.ParseDescriptor(sd)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Options{}.withDefaults().Descriptor.String(), got.String()); diff != "" {
		t.Errorf("descriptor (-want +got):\n%s", diff)
	}
	for sub, err := range k.Subkeys() {
		t.Errorf("a subkey %v, %v", sub, err)
	}
	if v, err := k.Values(); len(v) != 0 || err != nil {
		t.Errorf("values %v, %v", v, err)
	}
	if _, err := h.Key("no"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want an error that matches fs.ErrNotExist", err)
	}
	if _, err := k.Value("no"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want an error that matches fs.ErrNotExist", err)
	}
}
