package winsh

import (
	"context"
	"fmt"
	"slices"

	"github.com/casement/casement/internal/run"
)

// secrets puts the values of secret variables into the step and makes its
// output, and what else is said of it, have *** for the values of all its secrets.
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
		m.listen(s)
	}
	return m, nil
}

// listen hides the values in all that the step says.
func (m *masking) listen(s *run.Step) {
	out, errw := &maskWriter{w: orDiscard(s.Stdout), m: m}, &maskWriter{w: orDiscard(s.Stderr), m: m}
	s.Stdout, s.Stderr = out, errw
	m.writers = []*maskWriter{out, errw}
	if warn := s.Warn; warn != nil {
		s.Warn = func(w run.Warning) { warn(run.Warning{Line: w.Line, Message: m.text(w.Message), Hint: m.text(w.Hint)}) }
	}
	if progress := s.Progress; progress != nil {
		s.Progress = func(what string, done, total int64) { progress(m.text(what), done, total) }
	}
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
