package ps

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/casement/casement/internal/run/winsh/machine"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/encoding/unicode/utf32"
	"golang.org/x/text/transform"
)

// Encoding returns the encoding that cmdlets call by a name ("UTF8", "Unicode",
// "Ascii", "Default", "OEM", "utf8NoBOM" …) in an edition, and whether files
// start with its mark. "" is the edition's own: UTF-16 with a mark for 5.1,
// UTF-8 without one for 7. ok is false for names that there are not.
func (s *Session) Encoding(name string) (enc encoding.Encoding, bom bool, ok bool) {
	core := s.edition == Core
	switch strings.ToLower(name) {
	case "":
		if core {
			return unicode.UTF8, false, true
		}
		return unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM), true, true
	case "unicode", "string", "unknown":
		return unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM), true, true
	case "bigendianunicode":
		return unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM), true, true
	case "utf8":
		return unicode.UTF8, !core, true
	case "utf8bom":
		return unicode.UTF8, true, core
	case "utf8nobom":
		return unicode.UTF8, false, core
	case "utf32":
		return utf32.UTF32(utf32.LittleEndian, utf32.IgnoreBOM), true, true
	case "bigendianutf32":
		return utf32.UTF32(utf32.BigEndian, utf32.IgnoreBOM), true, true
	case "ascii":
		return asciiEncoding{}, false, true
	case "default", "ansi":
		if core && strings.EqualFold(name, "default") {
			return unicode.UTF8, false, true
		}
		return charmap.Windows1252, false, true
	case "oem":
		return charmap.CodePage437, false, true
	}
	return nil, false, false
}

// asciiEncoding writes ? for everything beyond ASCII and reads bytes as 7 bits.
type asciiEncoding struct{}

func (asciiEncoding) NewDecoder() *encoding.Decoder {
	return &encoding.Decoder{Transformer: asciiDecoder{}}
}

func (asciiEncoding) NewEncoder() *encoding.Encoder {
	return &encoding.Encoder{Transformer: asciiEncoder{}}
}

type asciiDecoder struct{ transform.NopResetter }

func (asciiDecoder) Transform(dst, src []byte, _ bool) (nDst, nSrc int, err error) {
	for nSrc < len(src) {
		if nDst >= len(dst) {
			return nDst, nSrc, transform.ErrShortDst
		}
		c := src[nSrc]
		if c >= 0x80 {
			c = '?'
		}
		dst[nDst] = c
		nDst++
		nSrc++
	}
	return nDst, nSrc, nil
}

type asciiEncoder struct{ transform.NopResetter }

func (asciiEncoder) Transform(dst, src []byte, atEOF bool) (nDst, nSrc int, err error) {
	for nSrc < len(src) {
		if nDst+2 > len(dst) {
			return nDst, nSrc, transform.ErrShortDst
		}
		if !atEOF && !utf8.FullRune(src[nSrc:]) {
			return nDst, nSrc, transform.ErrShortSrc
		}
		r, size := utf8.DecodeRune(src[nSrc:])
		c := byte(r)
		if r >= 0x80 {
			c = '?'
		}
		dst[nDst] = c
		nDst++
		if r > 0xffff {
			dst[nDst] = '?'
			nDst++
		}
		nSrc += size
	}
	return nDst, nSrc, nil
}

// replacing returns an encoder that writes ? for what the encoding lacks.
func replacing(enc encoding.Encoding) transform.Transformer {
	if _, ok := enc.(*charmap.Charmap); ok {
		return questionMarks{enc.(*charmap.Charmap)}
	}
	return enc.NewEncoder()
}

type questionMarks struct{ c *charmap.Charmap }

func (questionMarks) Reset() {}

func (q questionMarks) Transform(dst, src []byte, atEOF bool) (nDst, nSrc int, err error) {
	for nSrc < len(src) {
		if nDst >= len(dst) {
			return nDst, nSrc, transform.ErrShortDst
		}
		if !atEOF && !utf8.FullRune(src[nSrc:]) {
			return nDst, nSrc, transform.ErrShortSrc
		}
		r, size := utf8.DecodeRune(src[nSrc:])
		b, ok := q.c.EncodeRune(r)
		if !ok {
			b = '?'
		}
		dst[nDst] = b
		nDst++
		nSrc += size
	}
	return nDst, nSrc, nil
}

// TextOptions say how a text file is opened.
type TextOptions struct {
	// Encoding is a name as for [Session.Encoding].
	Encoding string
	Append   bool
	// NoClobber fails if the file exists.
	NoClobber bool
	// Match takes the encoding of a file that is appended to from its mark.
	Match bool
	// Force writes to a file that is read-only.
	Force bool
}

// TextWriter writes texts to a file.
type TextWriter struct {
	w   machine.Writer
	enc io.WriteCloser
}

// OpenText creates a text file, or opens one to append to it.
func (s *Session) OpenText(ctx context.Context, path string, o TextOptions) (*TextWriter, error) {
	enc, bom, ok := s.Encoding(o.Encoding)
	if !ok {
		return nil, NewException("System.ArgumentException", "'"+o.Encoding+"' is not a supported encoding name.")
	}
	if o.Append {
		if info, err := s.process.Machine.FS().Stat(ctx, path); err == nil && info.Size > 0 {
			bom = false
			if o.Match {
				if found, err := s.encodingOf(ctx, path); err != nil {
					return nil, err
				} else if found != nil {
					enc = found
				}
			}
		}
	}
	w, err := s.process.Machine.FS().Create(ctx, path, machine.CreateOptions{Append: o.Append, New: o.NoClobber})
	if err != nil {
		return nil, err
	}
	t := &TextWriter{w: w, enc: transform.NewWriter(w, replacing(enc))}
	if bom {
		if _, err := io.WriteString(t.enc, "\ufeff"); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// encodingOf reads the mark of a file.
func (s *Session) encodingOf(ctx context.Context, path string) (encoding.Encoding, error) {
	f, err := s.process.Machine.FS().Open(ctx, path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	head := make([]byte, 4)
	n, _ := io.ReadFull(f, head)
	enc, _ := markOf(head[:n])
	return enc, nil
}

// Line writes a line.
func (t *TextWriter) Line(text string) error { return t.Text(text + "\r\n") }

// Text writes a text as it is.
func (t *TextWriter) Text(text string) error {
	_, err := io.WriteString(t.enc, strings.ToValidUTF8(text, "\ufffd"))
	return err
}

// Close ends the file.
func (t *TextWriter) Close() error {
	err := t.enc.Close()
	if cerr := t.w.Close(); err == nil {
		err = cerr
	}
	return err
}

// markOf returns the encoding that a byte order mark means, and the mark's
// length.
func markOf(head []byte) (encoding.Encoding, int) {
	switch {
	case bytes.HasPrefix(head, []byte{0xef, 0xbb, 0xbf}):
		return unicode.UTF8, 3
	case bytes.HasPrefix(head, []byte{0xff, 0xfe, 0, 0}):
		return utf32.UTF32(utf32.LittleEndian, utf32.IgnoreBOM), 4
	case bytes.HasPrefix(head, []byte{0xff, 0xfe}):
		return unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM), 2
	case bytes.HasPrefix(head, []byte{0xfe, 0xff}):
		return unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM), 2
	}
	return nil, 0
}

// DecodeReader reads text in the encoding that the mark at its beginning names,
// else in other (nil is the edition's: Windows-1252 for 5.1, UTF-8 for 7).
func (s *Session) DecodeReader(r io.Reader, other encoding.Encoding) io.Reader {
	if other == nil {
		if other = encoding.Encoding(unicode.UTF8); s.edition == Desktop {
			other = charmap.Windows1252
		}
	}
	return decodeReader(r, other)
}

func decodeReader(r io.Reader, other encoding.Encoding) io.Reader {
	b := bufio.NewReader(r)
	head, _ := b.Peek(4)
	enc, n := markOf(head)
	if enc == nil {
		enc = other
	}
	_, _ = b.Discard(n)
	return transform.NewReader(b, enc.NewDecoder())
}

// decodeFile reads a text of UTF-8 unless a mark says something else.
func decodeFile(r io.Reader) io.Reader { return decodeReader(r, unicode.UTF8) }

// readText reads a script: in the encoding of its mark, else in that of the
// edition.
func (s *Session) readText(ctx context.Context, path string) (string, error) {
	data, err := s.process.Machine.FS().ReadFile(ctx, path, s.process.Machine.Limits().Memory)
	if err != nil {
		return "", err
	}
	text, err := io.ReadAll(s.DecodeReader(bytes.NewReader(data), nil))
	return string(text), err
}

// TextEncoding is implemented by the Data of an object that is a
// System.Text.Encoding, so that $OutputEncoding can be one.
type TextEncoding interface {
	Encode(text string) []byte
	Decode(data []byte) string
}

// encodeInput makes the bytes that a program gets from the pipeline, as
// $OutputEncoding says: ASCII for 5.1 and UTF-8 for 7 if nobody has set it.
func (s *Session) encodeInput(text string) ([]byte, error) {
	if v := s.find("outputencoding"); v != nil && v.get == nil {
		o, _ := Unwrap(v.Value).(*Object)
		if o == nil {
			return nil, refuseAt(s.pos, "$OutputEncoding", "it is no encoding", "set it to [System.Text.Encoding]::UTF8")
		}
		enc, ok := o.Data.(TextEncoding)
		if !ok {
			return nil, refuseAt(s.pos, "$OutputEncoding", "texts cannot be sent to programs in this encoding", "leave $OutputEncoding as it is")
		}
		return enc.Encode(text), nil
	}
	if s.edition == Core {
		return []byte(text), nil
	}
	out, _, err := transform.Bytes(asciiEncoder{}, []byte(text))
	return out, err
}

// decodeOutput reads what a program wrote in the code page of the console.
func (s *Session) decodeOutput(line []byte) string {
	if ascii(string(line)) {
		return string(line)
	}
	out, err := s.host.codePage().NewDecoder().Bytes(line)
	if err != nil {
		return string(line)
	}
	return string(out)
}
