package psnet

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/run/winsh/ps"
	"github.com/casement/casement/internal/run/winsh/pscmd"
)

// Encoding is the Data of a System.Text.Encoding. It is what -Encoding of
// PowerShell 7 takes.
type Encoding struct {
	cs *pscmd.Charset
	// strict fails for what cannot be converted.
	strict bool
}

// Charset implements [pscmd.HasCharset].
func (e *Encoding) Charset() *pscmd.Charset { return e.cs }

// class is the type of an encoding.
func (e *Encoding) class(s *ps.Session) string {
	switch e.cs.CodePage {
	case 65001:
		return "System.Text.UTF8Encoding"
	case 1200, 1201:
		return "System.Text.UnicodeEncoding"
	case 12000, 12001:
		return "System.Text.UTF32Encoding"
	case 20127:
		return "System.Text.ASCIIEncoding"
	case 28591:
		return "System.Text.Latin1Encoding"
	}
	return "System.Text.SBCSCodePageEncoding"
}

func newEncoding(s *ps.Session, cs *pscmd.Charset) *ps.Object {
	e := &Encoding{cs: cs}
	return s.Object(e.class(s), e)
}

// encodingArg is an argument that is an encoding; $null is UTF-8 without a mark.
func encodingArg(in *ps.Invoke, i int) *pscmd.Charset {
	if e, ok := dataOf[*Encoding](in, i); ok {
		return e.cs
	}
	return pscmd.UTF8(false)
}

const encodingType = "System.Text.Encoding"

// encodingTypes are System.Text.Encoding and those derived from it.
func encodingTypes() []*ps.Type {
	made := func(f func(in *ps.Invoke) *Encoding) run {
		return val(func(in *ps.Invoke) any { e := f(in); return in.Session.Object(e.class(in.Session), e) })
	}
	utf8 := made(func(in *ps.Invoke) *Encoding {
		return &Encoding{cs: pscmd.UTF8(len(in.Args) > 0 && in.Bool(0)), strict: len(in.Args) > 1 && in.Bool(1)}
	})
	// UTF-16 and UTF-32 have a mark unless they are told not to.
	wide := func(get func(bigEndian bool) *pscmd.Charset) run {
		return made(func(in *ps.Invoke) *Encoding {
			cs := *get(len(in.Args) > 0 && in.Bool(0))
			if len(in.Args) > 1 && !in.Bool(1) {
				cs.BOM = nil
			}
			return &Encoding{cs: &cs, strict: len(in.Args) > 2 && in.Bool(2)}
		})
	}
	return []*ps.Type{
		{Name: encodingType, Abstract: true, Implements: []string{"System.ICloneable"}, Members: encodingMembers},
		{Name: "System.Text.UTF8Encoding", Base: encodingType, New: overloads(utf8, "", "bool encoderShouldEmitUTF8Identifier", "bool encoderShouldEmitUTF8Identifier, bool throwOnInvalidBytes")},
		{Name: "System.Text.UnicodeEncoding", Base: encodingType, New: overloads(wide(pscmd.UTF16), "", "bool bigEndian, bool byteOrderMark", "bool bigEndian, bool byteOrderMark, bool throwOnInvalidBytes")},
		{Name: "System.Text.UTF32Encoding", Base: encodingType, New: overloads(wide(pscmd.UTF32), "", "bool bigEndian, bool byteOrderMark")},
		{Name: "System.Text.ASCIIEncoding", Base: encodingType, New: overloads(made(func(*ps.Invoke) *Encoding { return &Encoding{cs: pscmd.ASCII()} }), "")},
		{Name: "System.Text.Latin1Encoding", Base: encodingType}, {Name: "System.Text.SBCSCodePageEncoding", Base: encodingType},
		{Name: "System.Text.UTF7Encoding", Refuse: "nothing reads UTF-7 any more", Way: "use UTF8"},
		names("System.Text.NormalizationForm", "", "FormC", "FormD", "", "", "FormKC", "FormKD"),
	}
}

func encodingMembers() []ps.Member {
	shared := func(name string, get func(s *ps.Session) *pscmd.Charset) ps.Member {
		return field(name, encodingType, func(in *ps.Invoke) any { return newEncoding(in.Session, get(in.Session)) })
	}
	list := []ps.Member{
		shared("UTF8", func(*ps.Session) *pscmd.Charset { return pscmd.UTF8(true) }),
		shared("Unicode", func(*ps.Session) *pscmd.Charset { return pscmd.UTF16(false) }),
		shared("BigEndianUnicode", func(*ps.Session) *pscmd.Charset { return pscmd.UTF16(true) }),
		shared("UTF32", func(*ps.Session) *pscmd.Charset { return pscmd.UTF32(false) }),
		shared("ASCII", func(*ps.Session) *pscmd.Charset { return pscmd.ASCII() }),
		shared("Default", defaultCharset),
		ps.StaticProp("UTF7", encodingType, nil).Refused("nothing reads UTF-7 any more", "use UTF8"),
		static("GetEncoding", encodingType, getEncoding, "int codepage", "string name"),
		static("Convert", "byte[]", val(func(in *ps.Invoke) any {
			return &ps.Bytes{B: encodingArg(in, 1).Encode(encodingArg(in, 0).Decode(bytesArg(in, 2)))}
		}), encodingType+" srcEncoding, "+encodingType+" dstEncoding, byte[] bytes"),
	}
	list = append(list, only(ps.Core, shared("Latin1", func(*ps.Session) *pscmd.Charset { return pscmd.CodePage(28591) }))...)
	list = append(list, encodingProperties()...)
	return append(list, encodingMethods()...)
}

// defaultCharset is Encoding.Default: ANSI for .NET Framework, UTF-8 for .NET.
func defaultCharset(s *ps.Session) *pscmd.Charset {
	if desktop(s) {
		return pscmd.ANSI()
	}
	return pscmd.UTF8(false)
}

func encodingProperties() []ps.Member {
	data := self[*Encoding]
	text := func(name string, get func(cs *pscmd.Charset) string) ps.Member {
		return prop(name, "string", func(in *ps.Invoke) any { return get(data(in).cs) })
	}
	single := func(n int) bool { return n < 1200 || n == 1250 || n == 1251 || n == 1252 || n == 20127 || n == 28591 }
	web := func(cs *pscmd.Charset) string { return cs.Name }
	return []ps.Member{
		text("BodyName", web),
		text("EncodingName", func(cs *pscmd.Charset) string { return encodingName(cs.CodePage) }),
		text("HeaderName", web), text("WebName", web),
		prop("WindowsCodePage", "int", func(in *ps.Invoke) any {
			if n := data(in).cs.CodePage; n >= 1250 && n <= 1258 {
				return ps.Int(n)
			} else if n == 1201 || n == 12000 || n == 65001 || n == 12001 || n == 1200 {
				return int32(1200)
			}
			return int32(1252)
		}),
		prop("IsSingleByte", "bool", func(in *ps.Invoke) any { return single(data(in).cs.CodePage) }),
		prop("IsReadOnly", "bool", func(*ps.Invoke) any { return true }),
		prop("CodePage", "int", func(in *ps.Invoke) any { return ps.Int(data(in).cs.CodePage) }),
	}
}

func encodingName(page int) string {
	switch page {
	case 65001:
		return "Unicode (UTF-8)"
	case 1200:
		return "Unicode"
	case 1201:
		return "Unicode (Big-Endian)"
	case 12000:
		return "Unicode (UTF-32)"
	case 12001:
		return "Unicode (UTF-32 Big-Endian)"
	case 20127:
		return "US-ASCII"
	case 437:
		return "OEM United States"
	case 850:
		return "Western European (DOS)"
	case 1252:
		return "Western European (Windows)"
	case 28591:
		return "Western European (ISO)"
	}
	return "Codepage - " + strconv.Itoa(page)
}

func encodingMethods() []ps.Member {
	data := self[*Encoding]
	text := func(in *ps.Invoke) string {
		if a, ok := ps.Unwrap(in.Args[0]).(*ps.Array); ok {
			return unitsText(a.Items)
		}
		return in.String(0)
	}
	decode := can(func(in *ps.Invoke) (any, error) {
		b := bytesArg(in, 0)
		if !has(in, 0) {
			return nil, nullArgument(in.Session, "bytes")
		}
		if len(in.Args) > 1 {
			var err error
			if b, err = span(in); err != nil {
				return nil, err
			}
		}
		return data(in).decode(in.Session, b)
	})
	return []ps.Member{
		method("GetBytes", "byte[]", val(func(in *ps.Invoke) any { return &ps.Bytes{B: data(in).cs.Encode(text(in))} }), "string s", "char[] chars"),
		method("GetString", "string", decode, "byte[] bytes", "byte[] bytes, int index, int count"),
		method("GetChars", "char[]", func(ctx context.Context, in *ps.Invoke) (any, error) {
			v, err := decode(ctx, in)
			if err != nil {
				return nil, err
			}
			return charArray(v.(string)), nil
		}, "byte[] bytes", "byte[] bytes, int index, int count"),
		method("GetByteCount", "int", val(func(in *ps.Invoke) any { return ps.Int(len(data(in).cs.Encode(text(in)))) }), "string s", "char[] chars"),
		method("GetCharCount", "int", val(func(in *ps.Invoke) any { return ps.Int(len(ps.Units(data(in).cs.Decode(bytesArg(in, 0))))) }), "byte[] bytes"),
		method("GetPreamble", "byte[]", val(func(in *ps.Invoke) any { return &ps.Bytes{B: append([]byte{}, data(in).cs.BOM...)} }), ""),
		method("Clone", "System.Object", val(func(in *ps.Invoke) any { return in.Self }), ""),
	}
}

func (e *Encoding) decode(s *ps.Session, b []byte) (any, error) {
	if err := limit(s, int64(len(b))); err != nil {
		return nil, err
	}
	text := e.cs.Decode(b)
	if e.strict && strings.ContainsRune(text, '\uFFFD') && string(e.cs.Encode(text)) != string(b) {
		return nil, throw("System.Text.DecoderFallbackException", e.untranslated(b))
	}
	return text, nil
}

// untranslated tells the first byte that is no UTF-8, if it stands alone.
func (e *Encoding) untranslated(b []byte) string {
	at := 0
	for at < len(b) {
		r, n := utf8.DecodeRune(b[at:])
		if r == utf8.RuneError && n == 1 {
			break
		}
		at += n
	}
	utf8Only := string(e.cs.Encode("\u00e9")) == "\u00e9"
	if !utf8Only || at == len(b) || at+1 < len(b) && b[at+1]>>6 == 2 || at+1 == len(b) && b[at] < 0xf5 && b[at] >= 0xc2 {
		return "Unable to translate bytes from the input to Unicode."
	}
	return fmt.Sprintf("Unable to translate bytes [%02X] at index %d from specified code page to Unicode.", b[at], at)
}

func getEncoding(_ context.Context, in *ps.Invoke) (any, error) {
	if n, ok := in.Args[0].(int32); ok {
		if n == 0 {
			return newEncoding(in.Session, defaultCharset(in.Session)), nil
		}
		if cs := pscmd.CodePage(int(n)); cs != nil {
			return newEncoding(in.Session, cs), nil
		}
		return nil, machine.Refuse("[Text.Encoding]::GetEncoding("+strconv.Itoa(int(n))+")", "this code page is not known", "use UTF8")
	}
	name := strings.ToLower(strings.TrimSpace(in.String(0)))
	if cs := namedCharset(name); cs != nil {
		return newEncoding(in.Session, cs), nil
	}
	return nil, machine.Refuse("[Text.Encoding]::GetEncoding('"+in.String(0)+"')", "this encoding is not known", "use UTF8")
}

// namedCharset finds an encoding by its names on the web and in Windows.
func namedCharset(name string) *pscmd.Charset {
	switch name {
	case "utf-8", "utf8", "unicode-1-1-utf-8":
		return pscmd.UTF8(true)
	case "utf-16", "utf-16le", "unicode", "ucs-2":
		return pscmd.UTF16(false)
	case "utf-16be", "unicodefffe", "bigendianunicode":
		return pscmd.UTF16(true)
	case "utf-32", "utf-32le":
		return pscmd.UTF32(false)
	case "utf-32be":
		return pscmd.UTF32(true)
	case "us-ascii", "ascii":
		return pscmd.ASCII()
	case "iso-8859-1", "latin1", "iso8859-1", "l1":
		return pscmd.CodePage(28591)
	}
	for _, prefix := range []string{"windows-", "ibm", "cp"} {
		if n, err := strconv.Atoi(strings.TrimPrefix(name, prefix)); err == nil && strings.HasPrefix(name, prefix) {
			return pscmd.CodePage(n)
		}
	}
	return nil
}

func charArray(text string) *ps.Array {
	u := ps.Units(text)
	items := make([]any, len(u))
	for i, c := range u {
		items[i] = ps.Char(c)
	}
	return ps.NewTyped("System.Char", items)
}

// unitsText is the text of a char[].
func unitsText(items []any) string {
	u := make([]uint16, len(items))
	for i, v := range items {
		c, _ := v.(ps.Char)
		u[i] = uint16(c)
	}
	return ps.Text(u)
}
