package store_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/casement/casement/internal/store"
)

// Broken if it fails: two steps write one locked cache at the same time.
func TestNamedLock(t *testing.T) {
	dir := t.TempDir()
	var stores [2]*store.Store
	for i := range stores {
		s, err := store.Open(dir, store.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		stores[i] = s
	}
	unlock, err := stores[0].Lock(t.Context(), "cache", true)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stores[1].Lock(t.Context(), "cache", false); !errors.Is(err, store.ErrBusy) {
		t.Errorf("a lock that is held: %v", err)
	}
	other, err := stores[1].Lock(t.Context(), "another", false)
	if err != nil {
		t.Errorf("another name: %v", err)
	} else {
		other()
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := stores[1].Lock(ctx, "cache", true); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("waiting in vain: %v", err)
	}
	unlock()
	again, err := stores[1].Lock(t.Context(), "cache", true)
	if err != nil {
		t.Fatalf("a lock that is free again: %v", err)
	}
	again()
}
