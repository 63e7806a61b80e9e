package winsh

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/casement/casement/internal/run"
)

// secrets puts the values of secret variables into the step and makes its
// output, and errors about it, say *** for the values of all its secrets.
func (r *Runner) secrets(ctx context.Context, s *run.Step) (*masking, error) {
	m := &masking{}
	for _, e := range s.SecretEnv {
		value, ok, err := r.secret(ctx, e.ID)
		if err != nil {
			return nil, err
		}
		if !ok {
			if e.Optional {
				continue
			}
			return nil, noSecret(e.ID)
		}
		m.hide(value)
		s.Env = append(slices.Clone(s.Env), e.Name+"="+string(value))
	}
	for _, mt := range s.Mounts {
		if mt.Type != "secret" {
			continue
		}
		value, ok, err := r.secret(ctx, mt.ID)
		if err != nil {
			return nil, err
		}
		if ok {
			m.hide(value)
		}
	}
	if len(m.values) > 0 {
		out, errw := &maskWriter{w: orDiscard(s.Stdout), m: m}, &maskWriter{w: orDiscard(s.Stderr), m: m}
		s.Stdout, s.Stderr = out, errw
		m.writers = []*maskWriter{out, errw}
	}
	return m, nil
}

// secret returns the value of a secret.
func (r *Runner) secret(ctx context.Context, id string) ([]byte, bool, error) {
	if r.opts.Secrets == nil {
		return nil, false, nil
	}
	value, ok, err := r.opts.Secrets(ctx, id)
	if err != nil {
		return nil, false, fmt.Errorf("reading the secret %s: %w", id, err)
	}
	return value, ok, nil
}

// noSecret is the error for a secret that a step needs and nobody gave.
func noSecret(id string) error { return &secretError{id} }

type secretError struct{ id string }

// Error names the secret.
func (e *secretError) Error() string { return "the secret " + e.id + " is not there" }

// Hint says how to give it.
func (e *secretError) Hint() string {
	return fmt.Sprintf("give it with --secret id=%s,src=FILE or --secret id=%[1]s,env=NAME", e.id)
}

// mask stands for secrets.
const mask = "***"

// masking knows the values that must not be shown.
type masking struct {
	values  [][]byte // longest first
	writers []*maskWriter
}

// hide adds a value, with the lines it has, each by itself: programs print
// lines. Very short ones would hide ordinary text.
func (m *masking) hide(value []byte) {
	add := func(v []byte) {
		v = bytes.TrimSpace(v)
		if len(v) >= 4 && !slices.ContainsFunc(m.values, func(o []byte) bool { return bytes.Equal(o, v) }) {
			m.values = append(m.values, slices.Clone(v))
		}
	}
	add(value)
	for line := range bytes.Lines(value) {
		add(line)
	}
	slices.SortStableFunc(m.values, func(a, b []byte) int { return len(b) - len(a) })
}

// text hides the values in a text.
func (m *masking) text(s string) string {
	for _, v := range m.values {
		s = strings.ReplaceAll(s, string(v), mask)
	}
	return s
}

// err hides the values in the texts of an error.
func (m *masking) err(err error) error {
	if len(m.values) == 0 || err == nil || m.text(err.Error()) == err.Error() {
		return err
	}
	var refused *run.RefusedError
	if errors.As(err, &refused) {
		c := *refused
		c.Construct, c.Reason, c.Way = m.text(c.Construct), m.text(c.Reason), m.text(c.Way)
		c.Where.Text = m.text(c.Where.Text)
		return &c
	}
	return errors.New(m.text(err.Error()))
}

func (m *masking) flush() error {
	var errs []error
	for _, w := range m.writers {
		errs = append(errs, w.flush())
	}
	return errors.Join(errs...)
}

// maskWriter hides the values in a stream. What may be the beginning of a value
// waits for what follows.
type maskWriter struct {
	w    io.Writer
	m    *masking
	held []byte
}

// Write implements io.Writer.
func (w *maskWriter) Write(b []byte) (int, error) {
	w.held = append(w.held, b...)
	return len(b), w.emit(false)
}

func (w *maskWriter) flush() error { return w.emit(true) }

func (w *maskWriter) emit(all bool) error {
	for _, v := range w.m.values {
		w.held = bytes.ReplaceAll(w.held, v, []byte(mask))
	}
	n := len(w.held)
	if !all {
		for _, v := range w.m.values {
			n = min(n, len(w.held)-overlap(w.held, v))
		}
	}
	if n == 0 {
		return nil
	}
	_, err := w.w.Write(w.held[:n])
	w.held = append(w.held[:0], w.held[n:]...)
	return err
}

// overlap returns how many bytes at the end of text begin v.
func overlap(text, v []byte) int {
	for n := min(len(text), len(v)-1); n > 0; n-- {
		if bytes.HasSuffix(text, v[:n]) {
			return n
		}
	}
	return 0
}
