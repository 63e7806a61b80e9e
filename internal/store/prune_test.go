package store

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"
)

// kilo is a blob of 1000 bytes that begins with name.
func kilo(name string) string { return name + strings.Repeat(".", 1000-len(name)) }

// filled makes a closed store with the blobs a (used 4 hours ago), b (3 h),
// c (2 h) and d (1 h), a record for each but d, and a note for a. It returns the
// digests by name.
func filled(t *testing.T, dir string) map[string]digest.Digest {
	t.Helper()
	s := open(t, dir, Options{})
	blobs := map[string]digest.Digest{}
	for i, name := range []string{"a", "b", "c", "d"} {
		d := add(t, s, kilo(name))
		blobs[name] = d
		ago := time.Duration(4-i) * time.Hour
		if name != "d" {
			if err := s.Put(t.Context(), "step", name, []byte("v"), d); err != nil {
				t.Fatal(err)
			}
			file, _ := s.recordPath("step", name)
			age(t, file, ago)
		}
		if name == "a" {
			if err := s.Note(t.Context(), d, "layer of a"); err != nil {
				t.Fatal(err)
			}
			file, _ := s.recordPath(noteKind, d.String())
			age(t, file, ago)
		}
		age(t, s.blobFile(d), ago)
	}
	s.Close()
	return blobs
}

func present(s *Store, blobs map[string]digest.Digest) string {
	var out []string
	for name, d := range blobs {
		if _, err := os.Stat(s.blobFile(d)); err == nil {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return strings.Join(out, "")
}

// Broken: pruning removes what is in use, or the wrong things first, or leaves
// records that name nothing.
func TestPrune(t *testing.T) {
	tests := map[string]struct {
		o    PruneOptions
		max  int64
		use  string // a blob that this process uses before
		keep string
	}{
		"nothing to do":        {PruneOptions{}, -1, "d", "abcd"},
		"no record names d":    {PruneOptions{}, -1, "", "abc"},
		"within MaxBytes":      {PruneOptions{}, 2300, "", "c"},
		"all":                  {PruneOptions{All: true}, 0, "", ""},
		"all but what is used": {PruneOptions{All: true}, 0, "b", "b"},
		"keep half":            {PruneOptions{KeepBytes: 2300}, 0, "", "cd"},
		"keep half, a is used": {PruneOptions{KeepBytes: 2600}, 0, "a", "ad"},
		"keep more":            {PruneOptions{KeepBytes: 1 << 20}, 0, "", "abcd"},
		"old":                  {PruneOptions{OlderThan: 150 * time.Minute}, 0, "", "cd"},
		"old until it fits":    {PruneOptions{OlderThan: 90 * time.Minute, KeepBytes: 3500}, 0, "", "bcd"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			blobs := filled(t, dir)
			s := open(t, dir, Options{MaxBytes: tt.max})
			if tt.use != "" {
				if _, err := s.Stat(blobs[tt.use]); err != nil {
					t.Fatal(err)
				}
			}
			dry := tt.o
			dry.DryRun = true
			would, err := s.Prune(t.Context(), dry)
			if err != nil {
				t.Fatal(err)
			}
			if got := present(s, blobs); got != "abcd" {
				t.Fatalf("the dry run left %q", got)
			}
			did, err := s.Prune(t.Context(), tt.o)
			if err != nil {
				t.Fatal(err)
			}
			if got := present(s, blobs); got != tt.keep {
				t.Errorf("left %q, want %q", got, tt.keep)
			}
			if n := min(len(would.Items), len(did.Items)); !cmp.Equal(would.Items, did.Items[:n]) {
				t.Errorf("the dry run said %v, but it was %v", would.Items, did.Items)
			}
			items, err := s.scan(t.Context(), true)
			if err != nil {
				t.Fatal(err)
			}
			for _, it := range items {
				if s.lacksBlob(it) {
					t.Errorf("%s %s names a blob that is gone", it.Kind, it.Name)
				}
			}
		})
	}
}

// Broken: while a build runs, a prune in another process takes blobs away that the
// build has seen.
func TestPruneOtherStore(t *testing.T) {
	dir := t.TempDir()
	blobs := filled(t, dir)
	build := open(t, dir, Options{})
	if _, err := build.Get("step", "b"); err != nil {
		t.Fatal(err)
	}
	w, err := build.Create(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(w, "not ready")
	p, err := build.Partial(t.Context(), digest.FromString("half"))
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(p, "ha")
	age(t, w.f.Name(), 5*time.Hour)
	age(t, p.f.Name(), 5*time.Hour)

	collector := open(t, dir, Options{})
	if _, err := collector.Prune(t.Context(), PruneOptions{All: true}); err != nil {
		t.Fatal(err)
	}
	if got := present(build, blobs); got != "b" {
		t.Errorf("left %q, want b", got)
	}
	if _, err := build.Get("step", "b"); err != nil {
		t.Error(err)
	}
	if _, err := w.Commit(t.Context(), digest.FromString("not ready")); err != nil {
		t.Error(err)
	}
	io.WriteString(p, "lf")
	if _, err := p.Commit(t.Context()); err != nil {
		t.Error(err)
	}
	build.Close()
	// The build's use is over; a collector that begins now takes all.
	late := open(t, dir, Options{})
	collector.Close()
	for _, d := range blobs {
		if _, err := os.Stat(late.blobFile(d)); err == nil {
			age(t, late.blobFile(d), time.Minute)
		}
	}
	if _, err := late.Prune(t.Context(), PruneOptions{All: true}); err != nil {
		t.Fatal(err)
	}
	if got := present(late, blobs); got != "" {
		t.Errorf("left %q", got)
	}
}

// Broken: what a dead process left behind stays for ever, or protects others' blobs.
func TestPruneDead(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, Options{})
	for _, name := range []string{s.path(tempDir, "DEAD"), s.path(leaseDir, "DEAD"), s.path(partialDir, strings.Repeat("0", 64))} {
		os.WriteFile(name, []byte("x"), 0o600)
		age(t, name, 9*24*time.Hour)
	}
	os.WriteFile(s.path(tempDir, "LATE"), []byte("x"), 0o600) // dead too, but only now
	if err := s.Collect(t.Context()); err != nil {
		t.Fatal(err)
	}
	left := slices.Concat(files(t, s.path(tempDir)), files(t, s.path(partialDir)))
	if leases := files(t, s.path(leaseDir)); len(left) != 0 || len(leases) != 1 {
		t.Errorf("left: %v and leases %v", left, leases)
	}
}

// Broken: the store grows without end, or every build pays for looking.
func TestCollect(t *testing.T) {
	dir := t.TempDir()
	blobs := filled(t, dir)
	s := open(t, dir, Options{MaxBytes: 3000})
	if err := s.Collect(t.Context()); err != nil {
		t.Fatal(err)
	}
	if u, err := s.Usage(t.Context()); err != nil || u.Bytes > 2700 || u.Bytes < 1000 {
		t.Errorf("%d bytes, %v", u.Bytes, err)
	}
	before := present(s, blobs)
	s.max = 1 << 20
	age(t, s.blobFile(blobs["d"]), 9*24*time.Hour)
	if err := s.Collect(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := present(s, blobs); got != before {
		t.Errorf("a moment later it left %q of %q", got, before)
	}
	s.max = 1 // now any blob is much
	if err := s.Collect(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := present(s, blobs); got != "" {
		t.Errorf("over the limit at once, and left %q", got)
	}
}

// Broken: two collectors at once remove twice what is too much, or one hangs.
func TestPruneBusy(t *testing.T) {
	s := open(t, t.TempDir(), Options{MaxBytes: 1})
	unlock, err := s.lockCollector()
	if err != nil {
		t.Fatal(err)
	}
	var e *Error
	if _, err := s.Prune(t.Context(), PruneOptions{}); !errors.Is(err, ErrBusy) || !errors.As(err, &e) || e.Hint() == "" {
		t.Errorf("Prune: %v", err)
	}
	if err := s.Collect(t.Context()); err != nil {
		t.Errorf("Collect: %v", err)
	}
	unlock()
	if _, err := s.Prune(t.Context(), PruneOptions{}); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

// Broken: du does not say what the space is used for.
func TestUsage(t *testing.T) {
	dir := t.TempDir()
	filled(t, dir)
	s := open(t, dir, Options{MaxBytes: 12345})
	w, err := s.Create(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	c := statCache(t, s, t.TempDir())
	c.Add("f", settled(1), "d:1")
	if err := c.Save(); err != nil {
		t.Fatal(err)
	}
	u, err := s.Usage(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, it := range u.Items {
		name := it.Name
		switch it.Kind {
		case KindBlob:
			name = it.Name[:9]
		case KindTemp:
			name = "…"
		case KindStatCache:
			if name == c.root {
				name = "root"
			}
		}
		got = append(got, fmt.Sprintf("%s %s %q %v", it.Kind, name, it.Note, it.InUse))
	}
	slices.Sort(got)
	name := func(s string) string { return digest.FromString(kilo(s)).String()[:9] }
	want := []string{
		`blob ` + name("a") + ` "layer of a" false`,
		`blob ` + name("b") + ` "" false`,
		`blob ` + name("c") + ` "" false`,
		`blob ` + name("d") + ` "" false`,
		`record step a "" false`,
		`record step b "" false`,
		`record step c "" false`,
		`stat cache root "" true`,
		`temp … "" true`,
	}
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if u.MaxBytes != 12345 || u.Bytes < 4000 || u.Dir != dir {
		t.Errorf("%d of %d bytes in %s", u.Bytes, u.MaxBytes, u.Dir)
	}
}

// Broken: a store that is used after its end protects nothing.
func TestClosed(t *testing.T) {
	s := open(t, t.TempDir(), Options{})
	d := add(t, s, "x")
	s.Close()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if _, err := s.Stat(d); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("Stat: %v", err)
	}
	if _, err := s.Create(t.Context()); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("Create: %v", err)
	}
	if left := files(t, s.path(leaseDir)); len(left) != 0 {
		t.Errorf("leases left: %v", left)
	}
}
