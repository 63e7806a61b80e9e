package ps

import (
	"context"
	"io"
	"reflect"
	"strings"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// console is the host's side of a session: what is written to it becomes bytes
// in the console's code page.
type console struct {
	s        *Session
	out, err io.Writer
	printer  *Printer
	root     sink
}

func newConsole(s *Session, out, err io.Writer) *console {
	c := &console{s: s, out: out, err: err}
	c.root = func(ctx context.Context, v any) error { return c.object(ctx, v) }
	return c
}

// codePage is the encoding of the console, which all its processes share.
func (c *console) codePage() encoding.Encoding {
	switch c.s.process.CodePage {
	case 65001:
		return unicode.UTF8
	case 850:
		return charmap.CodePage850
	case 1252:
		return charmap.Windows1252
	}
	return charmap.CodePage437
}

// SetConsoleEncoding changes the code page of the console: 437, 65001, 1252 …
// ok is false for one that is not known.
func (s *Session) SetConsoleEncoding(page int) (ok bool) {
	switch page {
	case 437, 850, 1252, 65001:
		s.process.CodePage = page
		return true
	}
	return false
}

// direct reports whether a sink is the host itself, so that a program may write
// to the process's own stdout.
func (c *console) direct(to sink) bool {
	return reflect.ValueOf(to).Pointer() == reflect.ValueOf(c.root).Pointer() && c.printerIdle()
}

// printerIdle ends what Out-Default has begun before something else writes.
func (c *console) printerIdle() bool {
	if c.printer == nil {
		return true
	}
	return c.flush(context.Background()) == nil
}

// object is Out-Default for one object.
func (c *console) object(ctx context.Context, v any) error {
	if r, ok := Unwrap(v).(*ErrorRecord); ok && !r.native {
		return c.show(ctx, StreamError, r)
	}
	if c.printer == nil {
		c.printer = c.s.NewPrinter(hostWidth, func(_ context.Context, text string) error { return c.write(c.out, text+"\r\n") })
	}
	if prefix := messagePrefix(v); prefix != "" {
		v = prefix + c.s.ToString(v)
	}
	return c.printer.Write(ctx, v)
}

// messagePrefix is what the host puts in front of a message of another stream,
// also of one that has been merged into the output. Files do not get it.
func messagePrefix(v any) string {
	o, ok := Unwrap(v).(*Object)
	if !ok {
		return ""
	}
	switch o.Type.Name {
	case "System.Management.Automation.WarningRecord":
		return "WARNING: "
	case "System.Management.Automation.VerboseRecord":
		return "VERBOSE: "
	case "System.Management.Automation.DebugRecord":
		return "DEBUG: "
	}
	return ""
}

// flush ends the output of Out-Default.
func (c *console) flush(ctx context.Context) error {
	p := c.printer
	c.printer = nil
	if p == nil {
		return nil
	}
	return p.Close(ctx)
}

// show writes a record of one of the other streams.
func (c *console) show(ctx context.Context, n Stream, v any) error {
	switch n {
	case StreamError:
		text := c.s.ToString(v)
		if r, ok := Unwrap(v).(*ErrorRecord); ok {
			text = c.s.errorText(r)
		}
		return c.lines(c.err, text)
	case StreamWarning, StreamVerbose, StreamDebug:
		return c.line(ctx, messagePrefix(v)+c.s.ToString(v))
	}
	if o, ok := v.(*Object); ok {
		if i, ok := o.Data.(*information); ok {
			if i.host {
				return nil
			}
			return c.line(ctx, c.s.ToString(i.data))
		}
	}
	return c.line(ctx, c.s.ToString(v))
}

// lines writes a text broken at the console's width.
func (c *console) lines(w io.Writer, text string) error {
	for _, line := range wrapLines(text, hostWidth-1) {
		if err := c.write(w, line+"\r\n"); err != nil {
			return err
		}
	}
	return nil
}

// line writes a line to stdout as it is.
func (c *console) line(_ context.Context, text string) error {
	return c.write(c.out, strings.ReplaceAll(text, "\n", "\r\n")+"\r\n")
}

// write encodes a text; characters that the code page lacks become ?.
func (c *console) write(w io.Writer, text string) error {
	if c.s.edition == Core && strings.Contains(text, "\x1b") {
		text = undecorated(text)
	}
	if ascii(text) || c.s.process.Terminal && (w == c.out || w == c.err) {
		// What people see is text; bytes of a code page are for files and pipes.
		_, err := io.WriteString(w, strings.ToValidUTF8(text, "\ufffd"))
		return err
	}
	b, _, err := transform.Bytes(replacing(c.codePage()), []byte(strings.ToValidUTF8(text, "\ufffd")))
	if err != nil {
		return err
	}
	_, err = w.Write(b)
	return err
}

// HostWrite writes a text to the host as Write-Host does.
func (s *Session) HostWrite(text string) error { return s.host.write(s.host.out, text) }
