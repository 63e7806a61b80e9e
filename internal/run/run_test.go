package run_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/casement/casement/internal/run"
	"github.com/casement/casement/internal/run/runtest"
	"github.com/casement/casement/internal/tree"
)

// words is a small real runner: it does what its words say. It shows that the
// suite can be passed, and the tests of the router use it.
type words struct{}

func (words) Check(_ context.Context, s run.Step) error {
	switch s.Args[0] {
	case "write", "remove", "print", "exit", "nothing", "wait":
		return nil
	}
	return &run.RefusedError{Where: s.Where, Construct: s.Args[0], Reason: "is not a word", Way: "use a word"}
}

func (w words) Run(ctx context.Context, s run.Step) (run.Result, error) {
	if err := w.Check(ctx, s); err != nil {
		return run.Result{}, err
	}
	var changes []tree.Change
	switch s.Args[0] {
	case "write":
		name := tree.Join(s.Dir, s.Args[1])
		if strings.HasPrefix(s.Args[1], "/") {
			name = tree.Clean(s.Args[1])
		}
		text := s.Args[2]
		changes = append(changes, tree.Change{Entry: &tree.Entry{Name: name, Kind: tree.File, Size: int64(len(text)), Content: tree.Bytes(text)}})
	case "remove":
		changes = append(changes, tree.Change{Removed: tree.Clean(s.Args[1])})
	case "print":
		for _, e := range s.Env {
			if k, v, _ := strings.Cut(e, "="); k == s.Args[1] {
				fmt.Fprintln(s.Stdout, v)
			}
		}
	case "exit":
		code, _ := strconv.Atoi(s.Args[1])
		return run.Result{}, &run.ExitError{Code: code}
	case "wait":
		<-ctx.Done()
		return run.Result{}, ctx.Err()
	}
	return run.Result{Layer: &tree.Layer{Changes: tree.NewSet(changes)}}, nil
}

func subject(r run.Runner) runtest.Subject {
	return runtest.Subject{
		Runner: r, OS: "windows",
		Write:   func(path, text string) []string { return []string{"write", "/" + path, text} },
		Remove:  func(path string) []string { return []string{"remove", path} },
		Print:   func(v string) []string { return []string{"print", v} },
		Here:    func(f, text string) []string { return []string{"write", f, text} },
		Exit:    func(code int) []string { return []string{"exit", strconv.Itoa(code)} },
		Nothing: func() []string { return []string{"nothing"} },
		Wait:    func() []string { return []string{"wait"} },
		Refused: func() []string { return []string{"dance"} },
	}
}

func TestConformance(t *testing.T) { runtest.Test(t, subject(words{})) }

// A router is a runner like any other, whichever of its runners does the work.
func TestRouterConformance(t *testing.T) {
	never := run.Named{Name: "never", Runner: refuser{}}
	runtest.Test(t, subject(run.Router{Runners: []run.Named{never, {Name: "words", Runner: words{}}}}))
}

type refuser struct{}

func (r refuser) Run(ctx context.Context, s run.Step) (run.Result, error) {
	return run.Result{}, r.Check(ctx, s)
}

func (refuser) Check(_ context.Context, s run.Step) error {
	return &run.RefusedError{Where: s.Where, Construct: s.Args[0], Reason: "never", Way: "another runner"}
}

// A router without runners must refuse with file, line and a way out: that is
// what a user sees of every RUN that cannot be done.
func TestRouterWithoutRunners(t *testing.T) {
	step := run.Step{Args: []string{"powershell", "-Command", "x"}, Where: run.Where{File: "Dockerfile", Line: 4}}
	step.Root.OS = "windows"
	for name, err := range map[string]error{"Check": run.Router{}.Check(t.Context(), step), "Run": func() error { _, err := run.Router{}.Run(t.Context(), step); return err }()} {
		var refused *run.RefusedError
		if !errors.As(err, &refused) || refused.Hint() == "" || !strings.HasPrefix(err.Error(), "Dockerfile:4: RUN with powershell") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// An error that is no refusal must not send the step to the next runner: it
// may have run already.
func TestRouterDoesNotRunTwice(t *testing.T) {
	ran := 0
	fails := run.Func(func(context.Context, run.Step) (run.Result, error) {
		ran++
		return run.Result{}, &run.ExitError{Code: 1}
	})
	r := run.Router{Runners: []run.Named{{Name: "a", Runner: fails}, {Name: "b", Runner: fails}}}
	if _, err := r.Run(t.Context(), run.Step{Args: []string{"x"}}); err == nil || ran != 1 {
		t.Errorf("ran %d times, error %v", ran, err)
	}
}
