package winsh

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"

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

// mask stands for secrets.
const mask = "***"

// masking knows the values that must not be shown.
type masking struct {
	values  [][]byte // longest first
	first   [256]bool
	writers []*maskWriter
}

// hide adds a value, with the lines it has, each by itself: programs print
// lines. Very short ones would hide ordinary text.
func (m *masking) hide(value []byte) {
	if text, _, err := transform.Bytes(unicode.BOMOverride(transform.Nop), value); err == nil && !bytes.Equal(text, value) {
		m.hide(text) // what a mark says to be UTF-16 is read as such
	}
	m.add(value)
	for line := range bytes.Lines(value) {
		m.add(line)
	}
	slices.SortStableFunc(m.values, func(a, b []byte) int { return len(b) - len(a) })
}

// shortest is the size of the shortest value that is hidden.
const shortest = 4

// add adds a text in every form that what is shown of it may have. The bytes may
// be UTF-8 or of a code page, or become so on the way; shells read them in a code
// page, and what is none of UTF-8 is shown as a console would.
func (m *masking) add(v []byte) {
	v = bytes.TrimSpace(v)
	pages := []*charmap.Charmap{charmap.CodePage437, charmap.CodePage850, charmap.Windows1252}
	raw := [][]byte{v}
	for _, page := range pages {
		if b, err := page.NewEncoder().Bytes(v); err == nil {
			raw = append(raw, b)
		}
	}
	for _, b := range raw {
		m.addForm(consoleText(b))
		m.addForm([]byte(string([]rune(string(b))))) // with U+FFFD for each byte that is none of UTF-8
		m.addForm(bytes.ToValidUTF8(b, []byte("\ufffd")))
		for _, page := range pages {
			if text, err := page.NewDecoder().Bytes(b); err == nil {
				m.addForm(text)
			}
		}
	}
}

// addForm adds what is shown of a value.
func (m *masking) addForm(f []byte) {
	if len(f) >= shortest && !slices.ContainsFunc(m.values, func(o []byte) bool { return bytes.Equal(o, f) }) {
		m.values = append(m.values, slices.Clone(f))
		m.first[f[0]] = true
	}
}

// text hides the values in a text.
func (m *masking) text(s string) string {
	if len(m.values) == 0 {
		return s
	}
	shown, _ := m.replace([]byte(s), true)
	return string(shown)
}

// replace hides the values in a piece of a text, the longest that fits at each
// place. rest is the end of the piece that may begin a value and has to wait for
// what follows; at the end of the text nothing waits.
func (m *masking) replace(b []byte, end bool) (shown, rest []byte) {
	for i := 0; i < len(b); {
		if !m.first[b[i]] {
			shown = append(shown, b[i])
			i++
			continue
		}
		n := 0
		for _, v := range m.values {
			if !end && len(v) > len(b)-i && bytes.HasPrefix(v, b[i:]) {
				return shown, b[i:]
			}
			if bytes.HasPrefix(b[i:], v) {
				n = len(v)
				break
			}
		}
		if n == 0 {
			shown = append(shown, b[i])
			i++
			continue
		}
		shown = append(shown, mask...)
		i += n
	}
	return shown, nil
}

// err hides the values in the texts of an error.
func (m *masking) err(err error) error {
	if len(m.values) == 0 || err == nil {
		return err
	}
	text, hint := err.Error(), ""
	var h interface{ Hint() string }
	if errors.As(err, &h) {
		hint = h.Hint()
	}
	if m.text(text) == text && m.text(hint) == hint {
		return err
	}
	var refused *run.RefusedError
	if errors.As(err, &refused) {
		c := *refused
		c.Construct, c.Reason, c.Way, c.Script = m.text(c.Construct), m.text(c.Reason), m.text(c.Way), m.text(c.Script)
		c.Where.Text = m.text(c.Where.Text)
		return &c
	}
	return &maskedError{err, m.text(text), m.text(hint)}
}

// maskedError is an error in whose texts values are hidden. What it stands for
// cannot be taken out of it, only compared.
type maskedError struct {
	err        error
	text, hint string
}

// Error implements error.
func (e *maskedError) Error() string { return e.text }

// Hint is that of the error, if it has one.
func (e *maskedError) Hint() string { return e.hint }

// Is compares the error.
func (e *maskedError) Is(target error) bool { return errors.Is(e.err, target) }

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

func (w *maskWriter) emit(end bool) error {
	shown, rest := w.m.replace(w.held, end)
	w.held = append(w.held[:0], rest...)
	if len(shown) == 0 {
		return nil
	}
	_, err := w.w.Write(shown)
	return err
}
