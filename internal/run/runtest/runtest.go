// Package runtest is the suite that every run.Runner passes.
//
// A runner's test calls [Test] with the runner and with the command lines that
// mean the same to every shell: write a file, fail with a code, and so on. The
// suite checks the promises of the contract: inputs stay as they are, the
// layer has what the command did and nothing else, failures and refusals are
// told apart, and a cancelled step ends.
package runtest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/casement/casement/internal/run"
	"github.com/casement/casement/internal/tree"
)

// Subject is a runner under test.
type Subject struct {
	Runner run.Runner
	// OS is that of the chains that the runner takes.
	OS string
	// The functions return command lines (run.Step.Args). Paths are tree names.
	Write   func(path, text string) []string // writes a file
	Remove  func(path string) []string       // removes a file
	Print   func(variable string) []string   // prints an environment variable
	Here    func(file, text string) []string // writes a file in the working directory
	Exit    func(code int) []string          // fails
	Nothing func() []string                  // succeeds without a change
	Wait    func() []string                  // runs until it is stopped
	// Refused is a command that the runner refuses; nil if it refuses none.
	Refused func() []string
}

// Test runs the suite.
func Test(t *testing.T, s Subject) {
	t.Run("a written file is in the layer and nothing else", s.write)
	t.Run("a removed file is a removal", s.remove)
	t.Run("inputs stay as they are", s.inputs)
	t.Run("the environment reaches the command and its output comes back", s.print)
	t.Run("the working directory counts", s.workdir)
	t.Run("a failing command is an ExitError with its code", s.exit)
	t.Run("no change is an empty layer", s.nothing)
	t.Run("a cancelled step ends", s.cancel)
	t.Run("a refusal comes before anything runs", s.refuse)
	t.Run("steps run at once", s.parallel)
}

// base is the file system that steps start from.
func (s Subject) base() tree.Chain {
	l := &tree.Layer{Changes: tree.NewSet([]tree.Change{
		{Entry: &tree.Entry{Name: "data", Kind: tree.Dir, Unix: &tree.Unix{Mode: 0o755}}},
		{Entry: file("data/old.txt", "old")},
	})}
	return tree.NewChain(ocispec.Platform{OS: s.OS, Architecture: "amd64"}, l)
}

func file(name, text string) *tree.Entry {
	return &tree.Entry{Name: name, Kind: tree.File, Size: int64(len(text)), Content: tree.Bytes(text), Unix: &tree.Unix{Mode: 0o644}}
}

func (s Subject) step(args []string) run.Step {
	return run.Step{Args: args, Root: s.base(), Network: "none", Stdout: io.Discard, Stderr: io.Discard,
		Where: run.Where{File: "Dockerfile", Line: 3, Text: "RUN …"}}
}

func (s Subject) must(t *testing.T, step run.Step) run.Result {
	t.Helper()
	res, err := s.Runner.Run(t.Context(), step)
	if err != nil {
		t.Fatalf("running %q: %v", step.Args, err)
	}
	if res.Layer == nil || res.Layer.Changes == nil {
		t.Fatalf("running %q gave no layer", step.Args)
	}
	return res
}

// files lists what a layer does, without directories.
func files(t *testing.T, c tree.Changes) map[string]string {
	t.Helper()
	out := map[string]string{}
	for ch, err := range c.All(t.Context()) {
		if err != nil {
			t.Fatalf("listing the layer: %v", err)
		}
		switch {
		case ch.Entry == nil:
			out[ch.Removed] = "(removed)"
		case ch.Entry.Kind == tree.File:
			out[ch.Entry.Name] = content(t, ch.Entry)
		}
	}
	return out
}

func content(t *testing.T, e *tree.Entry) string {
	t.Helper()
	if e.Content == nil {
		return ""
	}
	r, err := e.Content.Open(t.Context())
	if err != nil {
		t.Fatalf("opening %s: %v", e.Name, err)
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatalf("reading %s: %v", e.Name, err)
	}
	return strings.TrimRight(string(b), "\r\n")
}

func (s Subject) write(t *testing.T) {
	res := s.must(t, s.step(s.Write("data/new.txt", "hello")))
	if d := cmp.Diff(map[string]string{"data/new.txt": "hello"}, files(t, res.Layer.Changes)); d != "" {
		t.Errorf("changes (-want +got):\n%s", d)
	}
}

func (s Subject) remove(t *testing.T) {
	res := s.must(t, s.step(s.Remove("data/old.txt")))
	after := s.base().Push(res.Layer).View()
	if _, err := after.Lookup(t.Context(), "data/old.txt"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the removed file is still there: %v", err)
	}
}

func (s Subject) inputs(t *testing.T) {
	step := s.step(s.Write("data/old.txt", "changed"))
	s.must(t, step)
	b, err := tree.ReadFile(t.Context(), step.Root.View(), "data/old.txt", 100)
	if err != nil || string(b) != "old" {
		t.Errorf("the input's file is %q, %v after the step", b, err)
	}
}

func (s Subject) print(t *testing.T) {
	var out bytes.Buffer
	step := s.step(s.Print("CASEMENT_TEST"))
	step.Env, step.Stdout = []string{"CASEMENT_TEST=some value"}, &out
	s.must(t, step)
	if got := strings.TrimSpace(out.String()); got != "some value" {
		t.Errorf("printed %q", got)
	}
}

func (s Subject) workdir(t *testing.T) {
	step := s.step(s.Here("here.txt", "x"))
	step.Dir = "data"
	res := s.must(t, step)
	if d := cmp.Diff(map[string]string{"data/here.txt": "x"}, files(t, res.Layer.Changes)); d != "" {
		t.Errorf("changes (-want +got):\n%s", d)
	}
}

func (s Subject) exit(t *testing.T) {
	_, err := s.Runner.Run(t.Context(), s.step(s.Exit(7)))
	var exit *run.ExitError
	if !errors.As(err, &exit) || exit.Code != 7 {
		t.Errorf("error %v, want an ExitError with code 7", err)
	}
}

func (s Subject) nothing(t *testing.T) {
	res := s.must(t, s.step(s.Nothing()))
	if got := files(t, res.Layer.Changes); len(got) > 0 {
		t.Errorf("a command that does nothing changed %v", got)
	}
}

func (s Subject) cancel(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	done := make(chan error, 1)
	go func() {
		_, err := s.Runner.Run(ctx, s.step(s.Wait()))
		done <- err
	}()
	select {
	case err := <-done:
		if !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, context.Canceled) {
			t.Errorf("error %v, want that of the context", err)
		}
	case <-time.After(20 * time.Second):
		t.Error("the step goes on after it was cancelled")
	}
}

func (s Subject) refuse(t *testing.T) {
	if s.Refused == nil {
		t.Log("the runner refuses nothing")
		return
	}
	step := s.step(s.Refused())
	var refused *run.RefusedError
	if c, ok := s.Runner.(run.Checker); ok {
		if err := c.Check(t.Context(), step); !errors.As(err, &refused) {
			t.Errorf("Check: %v, want a RefusedError", err)
		}
	}
	_, err := s.Runner.Run(t.Context(), step)
	if !errors.As(err, &refused) {
		t.Fatalf("Run: %v, want a RefusedError", err)
	}
	if refused.Construct == "" || refused.Reason == "" || refused.Way == "" || refused.Where.Line != 3 {
		t.Errorf("the refusal does not say all: %+v", refused)
	}
}

func (s Subject) parallel(t *testing.T) {
	var wg sync.WaitGroup
	for _, name := range []string{"data/1", "data/2", "data/3", "data/4"} {
		wg.Go(func() {
			res, err := s.Runner.Run(t.Context(), s.step(s.Write(name, name)))
			if err != nil {
				t.Errorf("writing %s: %v", name, err)
				return
			}
			for c := range res.Layer.Changes.All(t.Context()) {
				if e := c.Entry; e != nil && e.Kind == tree.File && e.Name != name {
					t.Errorf("the step that writes %s also wrote %s", name, e.Name)
				}
			}
		})
	}
	wg.Wait()
}
