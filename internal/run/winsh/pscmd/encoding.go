package pscmd

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/encoding/unicode/utf32"

	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/run/winsh/ps"
)

// Charset is an encoding of text, as -Encoding names it. It does not change.
type Charset struct {
	// Name is the web name of .NET ("utf-8"), CodePage its number.
	Name     string
	CodePage int
	// BOM is the mark that a file of it begins with; nil if it has none.
	BOM []byte
	// enc is nil for UTF-8; ascii is ASCII, whose others are "?".
	enc   encoding.Encoding
	ascii bool
}

// HasCharset is implemented by the Data of objects that are encodings
// ([Text.Encoding]::UTF8), which PowerShell 7 takes for -Encoding.
type HasCharset interface{ Charset() *Charset }

// UTF8 returns UTF-8 with a mark at the beginning of files, or without one.
func UTF8(mark bool) *Charset {
	c := &Charset{Name: "utf-8", CodePage: 65001}
	if mark {
		c.BOM = []byte{0xef, 0xbb, 0xbf}
	}
	return c
}

// UTF16 returns UTF-16 with a mark.
func UTF16(bigEndian bool) *Charset {
	if bigEndian {
		return &Charset{Name: "utf-16BE", CodePage: 1201, BOM: []byte{0xfe, 0xff}, enc: unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM)}
	}
	return &Charset{Name: "utf-16", CodePage: 1200, BOM: []byte{0xff, 0xfe}, enc: unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM)}
}

// UTF32 returns UTF-32 with a mark.
func UTF32(bigEndian bool) *Charset {
	if bigEndian {
		return &Charset{Name: "utf-32BE", CodePage: 12001, BOM: []byte{0, 0, 0xfe, 0xff}, enc: utf32.UTF32(utf32.BigEndian, utf32.IgnoreBOM)}
	}
	return &Charset{Name: "utf-32", CodePage: 12000, BOM: []byte{0xff, 0xfe, 0, 0}, enc: utf32.UTF32(utf32.LittleEndian, utf32.IgnoreBOM)}
}

// ASCII returns US-ASCII: what is not in it becomes a question mark.
func ASCII() *Charset { return &Charset{Name: "us-ascii", CodePage: 20127, ascii: true} }

// ANSI returns the machine's code page for texts (1252), OEM the console's (437).
func ANSI() *Charset { return CodePage(1252) }

// OEM returns the machine's code page for consoles (437).
func OEM() *Charset { return CodePage(437) }

// CodePage returns the encoding of a number, or nil if it is not known.
func CodePage(n int) *Charset {
	var m *charmap.Charmap
	switch n {
	case 65001:
		return UTF8(true)
	case 1200:
		return UTF16(false)
	case 1201:
		return UTF16(true)
	case 12000:
		return UTF32(false)
	case 12001:
		return UTF32(true)
	case 20127:
		return ASCII()
	case 437:
		m = charmap.CodePage437
	case 850:
		m = charmap.CodePage850
	case 852:
		m = charmap.CodePage852
	case 866:
		m = charmap.CodePage866
	case 1250:
		m = charmap.Windows1250
	case 1251:
		m = charmap.Windows1251
	case 1252:
		m = charmap.Windows1252
	case 28591:
		return &Charset{Name: "iso-8859-1", CodePage: n, enc: charmap.ISO8859_1}
	default:
		return nil
	}
	name := "Windows-" + strconv.Itoa(n)
	if n < 1000 {
		name = "IBM" + strconv.Itoa(n)
	}
	return &Charset{Name: name, CodePage: n, enc: m}
}

// Encode returns the bytes of a text, without the mark.
func (c *Charset) Encode(s string) []byte {
	if c.enc == nil && !c.ascii {
		return []byte(strings.ToValidUTF8(s, "\uFFFD"))
	}
	if c.ascii {
		b := make([]byte, 0, len(s))
		for _, r := range s {
			if r > 0xffff {
				b = append(b, '?') // two units, two marks
			}
			if r >= 0x80 {
				r = '?'
			}
			b = append(b, byte(r))
		}
		return b
	}
	if m, ok := c.enc.(*charmap.Charmap); ok {
		b := make([]byte, 0, len(s))
		for _, r := range s {
			x, ok := m.EncodeRune(r)
			if !ok {
				x = '?'
			}
			b = append(b, x)
		}
		return b
	}
	b, err := c.enc.NewEncoder().Bytes([]byte(s))
	if err != nil { // not possible for UTF-16 and UTF-32
		return nil
	}
	return b
}

// Decode returns the text of bytes. A mark is a character of it.
func (c *Charset) Decode(b []byte) string {
	if c.ascii {
		var s strings.Builder
		for _, x := range b {
			if x >= 0x80 {
				s.WriteByte('?')
			} else {
				s.WriteByte(x)
			}
		}
		return s.String()
	}
	if c.enc == nil {
		if utf8.Valid(b) {
			return string(b)
		}
		out, _ := unicode.UTF8.NewDecoder().Bytes(b)
		return string(out)
	}
	out, err := c.enc.NewDecoder().Bytes(b)
	if err != nil {
		return ""
	}
	return string(out)
}

// NewReader returns the text of a file as UTF-8: in the encoding that a mark at
// its beginning shows, else in c.
func (c *Charset) NewReader(r io.Reader) (*bufio.Reader, error) {
	br := bufio.NewReaderSize(r, 64<<10)
	head, err := br.Peek(4)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if m := marked(head); m != nil {
		if _, err := br.Discard(len(m.BOM)); err != nil {
			return nil, err
		}
		c = m
	}
	switch {
	case c.ascii:
		return bufio.NewReaderSize(asciiReader{br}, 32<<10), nil
	case c.enc != nil:
		return bufio.NewReaderSize(c.enc.NewDecoder().Reader(br), 64<<10), nil
	}
	return bufio.NewReaderSize(unicode.UTF8.NewDecoder().Reader(br), 64<<10), nil
}

// asciiReader replaces what is not ASCII.
type asciiReader struct{ r io.Reader }

func (a asciiReader) Read(p []byte) (int, error) {
	n, err := a.r.Read(p)
	for i, b := range p[:n] {
		if b >= 0x80 {
			p[i] = '?'
		}
	}
	return n, err
}

// marked returns the encoding that a mark shows, or nil.
func marked(head []byte) *Charset {
	for _, m := range []*Charset{UTF8(true), UTF32(false), UTF32(true), UTF16(false), UTF16(true)} {
		if bytes.HasPrefix(head, m.BOM) {
			return m
		}
	}
	return nil
}

// fileCharset is the encoding of a file that exists, if it shows one.
func fileCharset(ctx context.Context, f *machine.FS, path string) (*Charset, error) {
	r, err := f.Open(ctx, path)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	head := make([]byte, 4)
	n, err := io.ReadFull(r, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, err
	}
	return marked(head[:n]), nil
}

// charsetOf reads -Encoding. Each cmdlet has its own default, which other is.
// The bool says that bytes are meant (-Encoding Byte of 5.1).
func charsetOf(c *ps.Call, name string, other *Charset) (*Charset, bool, error) {
	if !c.Has(name) {
		return other, false, nil
	}
	if o, ok := ps.Unwrap(c.Value(name)).(*ps.Object); ok {
		if h, ok := o.Data.(HasCharset); ok {
			return h.Charset(), false, nil
		}
	}
	text := strings.ToLower(c.Session.ToString(c.Value(name)))
	desktop := c.Session.Edition() == ps.Desktop
	switch text {
	case "ascii":
		return ASCII(), false, nil
	case "unicode", "string", "unknown":
		return UTF16(false), false, nil
	case "bigendianunicode":
		return UTF16(true), false, nil
	case "utf32":
		return UTF32(false), false, nil
	case "bigendianutf32":
		return UTF32(true), false, nil
	case "utf8":
		return UTF8(desktop), false, nil
	case "default":
		if desktop {
			return ANSI(), false, nil
		}
		return UTF8(false), false, nil
	case "oem":
		return OEM(), false, nil
	case "utf7":
		return nil, false, machine.Refuse("-Encoding UTF7", "nothing reads UTF-7 any more", "use UTF8")
	case "byte":
		if desktop {
			return nil, true, nil
		}
	case "utf8bom":
		if !desktop {
			return UTF8(true), false, nil
		}
	case "utf8nobom":
		if !desktop {
			return UTF8(false), false, nil
		}
	case "ansi":
		if !desktop {
			return ANSI(), false, nil
		}
	}
	if !desktop {
		if n, err := strconv.Atoi(text); err == nil {
			if cs := CodePage(n); cs != nil {
				return cs, false, nil
			}
			return nil, false, machine.Refuse("-Encoding "+text, "this code page is not known", "use UTF8")
		}
		if cs := webCharset(text); cs != nil {
			return cs, false, nil
		}
	}
	return nil, false, badEncoding(c, name)
}

// webCharset finds an encoding by the name that the web has for it.
func webCharset(name string) *Charset {
	switch strings.ToLower(name) {
	case "utf-8":
		return UTF8(true)
	case "utf-16", "utf-16le":
		return UTF16(false)
	case "utf-16be", "unicodefffe":
		return UTF16(true)
	case "utf-32":
		return UTF32(false)
	case "us-ascii":
		return ASCII()
	case "iso-8859-1", "latin1":
		return CodePage(28591)
	}
	if n, ok := strings.CutPrefix(strings.ToLower(name), "windows-"); ok {
		if i, err := strconv.Atoi(n); err == nil {
			return CodePage(i)
		}
	}
	return nil
}

// encodingParameter is the parameter as both editions have it.
const encodingParameter = `
	Encoding string 5.1 dynamic
	Encoding object notempty 7 dynamic
`

func badEncoding(c *ps.Call, name string) error {
	text := c.Session.ToString(c.Value(name))
	if c.Session.Edition() == ps.Core {
		return fail("System.Management.Automation.ParameterBindingArgumentTransformationException",
			"Cannot process argument transformation on parameter 'Encoding'. '"+text+"' is not a supported encoding name. For information on defining a custom encoding, see the documentation for the Encoding.RegisterProvider method. (Parameter 'name')",
			"ParameterArgumentTransformationError", ps.InvalidData, nil)
	}
	return fail("System.Management.Automation.ParameterBindingException",
		"Cannot bind parameter 'Encoding'. Cannot convert value \""+text+"\" to type \"Microsoft.PowerShell.Commands.FileSystemCmdletProviderEncoding\". Error: \"Unable to match the identifier name "+
			text+" to a valid enumerator name. Specify one of the following enumerator names and try again:\r\nUnknown, String, Unicode, Byte, BigEndianUnicode, UTF8, UTF7, UTF32, Ascii, Default, Oem, BigEndianUTF32\"",
		"CannotConvertArgumentNoMessage", ps.InvalidArgument, nil)
}

// defaultCharset is the encoding of content cmdlets: ANSI in 5.1, UTF-8 in 7.
func defaultCharset(s *ps.Session) *Charset {
	if s.Edition() == ps.Desktop {
		return ANSI()
	}
	return UTF8(false)
}

// encodingTypes has the enumeration that 5.1 names encodings with.
func encodingTypes() []*ps.Type {
	return []*ps.Type{{Name: "Microsoft.PowerShell.Commands.FileSystemCmdletProviderEncoding", Edition: ps.Desktop, Values: []ps.EnumValue{
		{Name: "Unknown"}, {Name: "String", Value: 1}, {Name: "Unicode", Value: 2}, {Name: "Byte", Value: 3}, {Name: "BigEndianUnicode", Value: 4},
		{Name: "UTF8", Value: 5}, {Name: "UTF7", Value: 6}, {Name: "UTF32", Value: 7}, {Name: "Ascii", Value: 8}, {Name: "Default", Value: 9},
		{Name: "Oem", Value: 10}, {Name: "BigEndianUTF32", Value: 11},
	}}}
}
