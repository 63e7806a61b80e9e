package winsh

import (
	"bytes"
	"io"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
)

// textWriter shows what a step prints as UTF-8. The shells write UTF-8 to what
// people see; bytes that are none come from files in the console's code page
// (type, more, findstr), and are taken for that, as a console would.
type textWriter struct {
	w    io.Writer
	held []byte // the beginning of a character
	// denied says that a message of Windows about missing rights came by.
	denied bool
}

// Write implements io.Writer.
func (t *textWriter) Write(b []byte) (int, error) {
	text := append(t.held, b...)
	out := make([]byte, 0, len(text))
	for len(text) > 0 {
		r, n := utf8.DecodeRune(text)
		switch {
		case r != utf8.RuneError || n > 1:
			out = append(out, text[:n]...)
		case !utf8.FullRune(text):
			t.held = append([]byte(nil), text...)
			return len(b), t.emit(out)
		default:
			out = utf8.AppendRune(out, charmap.CodePage437.DecodeByte(text[0]))
		}
		text = text[n:]
	}
	t.held = nil
	return len(b), t.emit(out)
}

func (t *textWriter) emit(b []byte) error {
	if len(b) == 0 {
		return nil
	}
	t.denied = t.denied || bytes.Contains(b, []byte(" denied")) || bytes.Contains(b, []byte("access is not allowed"))
	_, err := t.w.Write(b)
	return err
}

// flush writes what was held back for the rest of a character that did not come.
func (t *textWriter) flush() error {
	var out []byte
	for _, c := range t.held {
		out = utf8.AppendRune(out, charmap.CodePage437.DecodeByte(c))
	}
	t.held = nil
	return t.emit(out)
}

// consoleText is what textWriter makes of some bytes.
func consoleText(b []byte) []byte {
	var out bytes.Buffer
	w := &textWriter{w: &out}
	_, _ = w.Write(b) // a buffer does not fail
	_ = w.flush()
	return out.Bytes()
}
