package winsh

import (
	"bytes"
	"errors"
	"io"
	"net/url"
	"slices"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"

	"github.com/casement/casement/internal/run"
)

// mask stands for secrets.
const mask = "***"

// masking knows the values that must not be shown.
type masking struct {
	values  [][]byte      // longest first
	heads   [256][][]byte // the values by their first byte, longest first
	tails   [256][][]byte // ends of values by their first byte
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
	m.heads, m.tails = [256][][]byte{}, [256][][]byte{}
	for _, v := range m.values {
		m.heads[v[0]] = append(m.heads[v[0]], v)
		for from := max(1, len(v)-longestTail); from <= len(v)-shortest; from++ {
			m.tails[v[from]] = append(m.tails[v[from]], v[from:])
		}
	}
}

// shortest is the size of the shortest value that is hidden.
const shortest = 4

// add adds a text in every form that what is shown of it may have. The bytes may
// be UTF-8 or of a code page, or become so on the way; shells read them in a code
// page, and what is none of UTF-8 is shown as a console would.
func (m *masking) add(v []byte) {
	v = bytes.TrimSpace(v)
	if text := string(v); utf8.ValidString(text) { // URLs of downloads
		for _, escaped := range []string{url.QueryEscape(text), url.PathEscape(text), (&url.URL{Path: text}).EscapedPath()} {
			m.addForm([]byte(escaped))
		}
	}
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
// place, and what a format has left of one that it has shortened. rest is the end
// of the piece that may begin a value and has to wait for what follows; at the end
// of the text nothing waits.
func (m *masking) replace(b []byte, end bool) (shown, rest []byte) {
	for i := 0; i < len(b); {
		n, wait := m.value(b[i:], end)
		switch {
		case wait:
			return shown, b[i:]
		case n > 0:
			shown = append(shown, mask...)
			i += n
			continue
		}
		dots, tail, wait := m.shortened(b[i:], end)
		switch {
		case wait: // the last dots are enough
			show := i + max(0, dots-len("..."))
			return append(shown, b[i:show]...), b[show:]
		case dots == 0:
			dots = 1
		}
		shown = append(shown, b[i:i+dots]...)
		if tail > 0 {
			shown = append(shown, mask...)
		}
		i += dots + tail
	}
	return shown, nil
}

// value returns the size of a value at the beginning of a text, or of the
// beginning of one that ends in dots. wait says that what follows decides.
func (m *masking) value(b []byte, end bool) (size int, wait bool) {
	for _, v := range m.heads[b[0]] {
		n, at := walk(v, b)
		if n == len(v) {
			return at, false
		}
		if at == len(b) {
			if !end {
				return 0, true
			}
			continue
		}
		if n >= shortest {
			dots, open := ellipsis(b[at:])
			if dots > 0 {
				return at, false
			}
			if open && !end {
				return 0, true
			}
		}
	}
	return 0, false
}

// shortened returns the size of dots at the beginning of a text, and that of the
// end of a value behind them.
func (m *masking) shortened(b []byte, end bool) (dots, tail int, wait bool) {
	dots, open := ellipsis(b)
	if open && !end {
		return dots, 0, true
	}
	if dots == 0 {
		return 0, 0, false
	}
	if b = b[dots:]; len(b) == 0 {
		return dots, 0, !end
	}
	for _, v := range m.tails[b[0]] {
		n, at := walk(v, b)
		if n == len(v) {
			tail = max(tail, at)
		} else if at == len(b) && !end {
			return dots, 0, true
		}
	}
	return dots, tail, false
}

// longestTail is the size of the longest end of a shortened value that is looked
// for: no format shows more than a few lines of it.
const longestTail = 1 << 10

// walk returns how much of a value a text begins with, and how much of the text
// that is: PowerShell breaks long lines anywhere, also in a value. A break at the
// end of the text counts as far as it is there.
func walk(v, b []byte) (n, at int) {
	for broken := true; n < len(v); {
		if at < len(b) && b[at] == v[n] {
			n, at, broken = n+1, at+1, false
			continue
		}
		if broken {
			break
		}
		size := lineBreak(b[at:])
		if size == 0 {
			break
		}
		at, broken = at+size, true
		for n < len(v) && v[n] == ' ' {
			n++
		}
	}
	return n, at
}

// lineBreak returns the size of a break at the beginning of a text, with the blank
// in front of it and the blanks and the bar that PowerShell begins the next line of
// an error with. It may be that only its beginning is there.
func lineBreak(b []byte) int {
	i := 0
	if i < len(b) && b[i] == ' ' {
		i++
	}
	if i < len(b) && b[i] == '\r' {
		i++
	}
	if i == len(b) {
		return i
	}
	if b[i] != '\n' {
		return 0
	}
	blanks := func() {
		for limit := i + widest; i < limit && i < len(b) && b[i] == ' '; {
			i++
		}
	}
	i++
	if blanks(); i < len(b) && b[i] == '|' {
		i++
		blanks()
	}
	return i
}

// widest is the size of the longest indentation of a line that goes on.
const widest = 200

// ellipsis returns the size of the dots at the beginning of a text that stand for
// what a format has left out; open says that there may be more of them to come.
func ellipsis(b []byte) (size int, open bool) {
	const sign = "…"
	if n := min(len(b), len(sign)); n > 0 && string(b[:n]) == sign[:n] {
		return n - n%len(sign), n < len(sign)
	}
	for size < len(b) && b[size] == '.' {
		size++
	}
	open = size > 0 && size == len(b)
	if size < len("...") {
		size = 0
	}
	return size, open
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
