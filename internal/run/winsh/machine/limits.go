package machine

import (
	"context"
	"fmt"
	"io"
	"time"
)

// Limits protect a build from a step that does not end. Zero fields are their
// defaults.
type Limits struct {
	Output  int64         // bytes printed; default 64 MiB
	Steps   int64         // commands, iterations and calls; default 50 million
	Depth   int           // nested calls of scripts, functions and programs; default 200
	Memory  int64         // bytes that one value may have; default 256 MiB
	Elapsed time.Duration // default 2 hours
}

func (l Limits) filled() Limits {
	def := Limits{Output: 64 << 20, Steps: 50_000_000, Depth: 200, Memory: 256 << 20, Elapsed: 2 * time.Hour}
	if l.Output > 0 {
		def.Output = l.Output
	}
	if l.Steps > 0 {
		def.Steps = l.Steps
	}
	if l.Depth > 0 {
		def.Depth = l.Depth
	}
	if l.Memory > 0 {
		def.Memory = l.Memory
	}
	if l.Elapsed > 0 {
		def.Elapsed = l.Elapsed
	}
	return def
}

// LimitError says that a step wanted more than it may have. It ends the step.
type LimitError struct {
	What  string // "the output"
	Limit int64
	Unit  string // "bytes"
}

// Error implements error.
func (e *LimitError) Error() string {
	return fmt.Sprintf("%s takes more than %d %s", e.What, e.Limit, e.Unit)
}

// Hint says why there is a limit.
func (e *LimitError) Hint() string {
	return "limits protect a build from steps that do not end; do less in one step, or print less"
}

// work counts what a step has used.
type work struct {
	began   time.Time
	steps   int64
	printed int64
	over    error // the limit that was reached by printing
}

// Tick counts one command, iteration or call. It returns the error of the
// context, or one when a limit is reached; shells call it in every loop.
func (m *Machine) Tick(ctx context.Context) error {
	w := &m.work
	w.steps++
	switch {
	case w.over != nil:
		return w.over
	case w.steps > m.opts.Limits.Steps:
		return &LimitError{What: "the step", Limit: m.opts.Limits.Steps, Unit: "commands and iterations"}
	case w.steps%64 != 1:
		return nil
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if w.steps%1024 == 1 && time.Since(w.began) > m.opts.Limits.Elapsed {
		return m.late()
	}
	return nil
}

// Deadline returns a context that ends when the step has taken as long as it may:
// for what waits, and calls no Tick meanwhile.
func (m *Machine) Deadline(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, m.opts.Limits.Elapsed, m.late())
}

func (m *Machine) late() error {
	return &LimitError{What: "the step", Limit: int64(m.opts.Limits.Elapsed / time.Second), Unit: "seconds"}
}

// limited counts what is printed, and ends the step when it is too much.
type limited struct {
	m *Machine
	w io.Writer
}

// Write implements io.Writer.
func (l limited) Write(p []byte) (int, error) {
	w := &l.m.work
	if w.over != nil {
		return 0, w.over
	}
	if w.printed += int64(len(p)); w.printed > l.m.opts.Limits.Output {
		w.over = &LimitError{What: "the output", Limit: l.m.opts.Limits.Output, Unit: "bytes"}
		return 0, w.over
	}
	return l.w.Write(p)
}
