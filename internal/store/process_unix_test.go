//go:build unix

package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"testing"

	"github.com/opencontainers/go-digest"
	"golang.org/x/sys/unix"
)

// playUnixChild writes more than the system allows it to: what a full disk does,
// with another number.
func playUnixChild(role string, s *Store) error {
	if role != "full" {
		return fmt.Errorf("no role %q", role)
	}
	signal.Ignore(syscall.SIGXFSZ)
	limit := unix.Rlimit{Cur: 100_000, Max: 100_000}
	if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &limit); err != nil {
		return err
	}
	ctx := context.Background()
	b := make([]byte, 300_000)
	report := func(what string, err error) {
		var e *Error
		if errors.As(err, &e) {
			fmt.Printf("%s: %v; %s\n", what, err, e.Hint())
		} else {
			fmt.Printf("%s: %v\n", what, err)
		}
	}
	_, err := s.Add(ctx, bytes.NewReader(b), "")
	report("blob", err)
	report("record", s.Put(ctx, "step", "k", b))
	p, err := s.Partial(ctx, digest.FromBytes(b))
	if err != nil {
		return err
	}
	_, err = p.Write(b)
	report("partial", err)
	return p.Close()
}

// Broken: a full disk leaves half blobs, or the user does not learn which disk.
func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	out, err := child(t, dir, "full", 0).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if len(lines) != 3 {
		t.Fatalf("child said %s", out)
	}
	for _, line := range lines {
		if !strings.Contains(line, dir) || !strings.Contains(line, "`casement prune`") {
			t.Errorf("no directory or no hint: %s", line)
		}
	}
	s := open(t, dir, Options{})
	for _, sub := range []string{tempDir, blobDir, recordDir + "/step"} {
		if entries, err := os.ReadDir(s.path(sub)); err == nil && len(entries) > 0 {
			t.Errorf("left in %s: %v", sub, entries)
		}
	}
	// What was downloaded stays for when there is room again.
	p, err := s.Partial(t.Context(), digest.FromBytes(make([]byte, 300_000)))
	if err != nil || p.Size() != 100_000 {
		t.Fatalf("resumed at %d, %v", p.Size(), err)
	}
	if _, err := p.Write(make([]byte, 200_000)); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Commit(t.Context()); err != nil {
		t.Error(err)
	}
}
