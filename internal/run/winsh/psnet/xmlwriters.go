package psnet

import (
	"context"
	"slices"
	"strings"

	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/run/winsh/ps"
	"github.com/casement/casement/internal/run/winsh/pscmd"
)

// writing is the Data of an XmlWriter: what is written, and where it goes.
type writing struct {
	s      *ps.Session
	w      *xmlWriter
	stream *Stream
	text   *textWriter
	out    *builder
	cs     *pscmd.Charset
	leave  bool
	begun  bool
	closed bool
	fresh  bool // the stream got something that Flush would have to pass on
	// attribute is the one that is being written piece by piece.
	attribute *xmlAttr
}

type xmlAttr struct {
	prefix, local, ns string
	value             strings.Builder
}

// flush passes on what has been written so far. A start tag stays open.
func (d *writing) flush(ctx context.Context) error {
	text := d.w.b.String()
	d.w.b.Reset()
	switch {
	case d.out != nil:
		d.out.add(text)
	case d.text != nil:
		return ioError(d.s, d.text.put(ctx, text))
	case d.stream != nil:
		b := d.cs.Encode(text)
		if !d.begun && len(b) > 0 {
			d.begun = true
			b = append(slices.Clone(d.cs.BOM), b...)
		}
		d.fresh = d.fresh || len(b) > 0
		return ioError(d.s, d.stream.write(ctx, b))
	}
	return nil
}

// flushAll is Flush.
func (d *writing) flushAll(ctx context.Context) error {
	if d.closed {
		return throw(invalidOperation, "The Writer is closed or in error state.")
	}
	if d.w.inTag || d.attribute != nil {
		return nil
	}
	if err := d.flush(ctx); err != nil || d.stream == nil {
		return err
	}
	d.fresh = false
	return ioError(d.s, d.stream.b.flush(ctx))
}

func (d *writing) holds() string {
	if d.fresh || d.w.inTag {
		return xmlSpace + "XmlWriter"
	}
	return ""
}

// close ends all that is open.
func (d *writing) close(ctx context.Context) error {
	if d.closed {
		return nil
	}
	d.closed = true
	delete(left(d.s).writers, d)
	d.endAttribute()
	for len(d.w.stack) > 0 {
		d.end(false)
	}
	if err := d.flush(ctx); err != nil {
		return err
	}
	if d.stream != nil && !d.leave {
		return ioError(d.s, d.stream.close(ctx))
	}
	if d.text != nil && !d.leave {
		return ioError(d.s, d.text.close(ctx))
	}
	return nil
}

// xmlSettings is the Data of an XmlWriterSettings.
type xmlSettings struct {
	style     xmlStyle
	encoding  any
	cs        *pscmd.Charset
	closeOut  bool
	fragments int64
}

const settingsName = xmlSpace + "XmlWriterSettings"

func newSettings() *xmlSettings {
	return &xmlSettings{style: xmlStyle{indentChars: "  ", newLine: "\r\n", created: true}, cs: pscmd.UTF8(true)}
}

func xmlWriterTypes() []*ps.Type {
	const writer = xmlSpace + "XmlWriter"
	return []*ps.Type{
		{Name: writer, Abstract: true, Implements: []string{"System.IDisposable"}, Members: xmlWriterMembers},
		{Name: xmlSpace + "XmlTextWriter", Base: writer, Members: xmlTextWriterMembers, New: overloads(newXMLTextWriter, "string filename, System.Text.Encoding encoding", "System.IO.Stream w, System.Text.Encoding encoding", "System.IO.TextWriter w")},
		{Name: settingsName, Members: settingsMembers, New: overloads(val(func(in *ps.Invoke) any { return in.Session.Object(settingsName, newSettings()) }), "")},
		names(xmlSpace+"Formatting", "None", "Indented"), names(xmlSpace+"NewLineHandling", "Replace", "Entitize", "None"), names(xmlSpace+"ConformanceLevel", "Auto", "Fragment", "Document"),
	}
}

func settingsMembers() []ps.Member {
	data := self[*xmlSettings]
	flag := func(name string, at func(s *xmlSettings) *bool) ps.Member {
		return prop(name, "bool", func(in *ps.Invoke) any { return *at(data(in)) }).With(func(_ context.Context, in *ps.Invoke) error {
			*at(data(in)) = in.Bool(0)
			return nil
		})
	}
	text := func(name string, at func(s *xmlSettings) *string) ps.Member {
		return prop(name, "string", func(in *ps.Invoke) any { return *at(data(in)) }).With(func(_ context.Context, in *ps.Invoke) error {
			*at(data(in)) = in.String(0)
			return nil
		})
	}
	return []ps.Member{
		flag("Indent", func(s *xmlSettings) *bool { return &s.style.indent }), flag("OmitXmlDeclaration", func(s *xmlSettings) *bool { return &s.style.omit }),
		flag("NewLineOnAttributes", func(s *xmlSettings) *bool { return &s.style.attributeLines }), flag("CloseOutput", func(s *xmlSettings) *bool { return &s.closeOut }),
		text("IndentChars", func(s *xmlSettings) *string { return &s.style.indentChars }), text("NewLineChars", func(s *xmlSettings) *string { return &s.style.newLine }),
		prop("Encoding", encodingType, func(in *ps.Invoke) any {
			if data(in).encoding != nil {
				return data(in).encoding
			}
			return newEncoding(in.Session, data(in).cs)
		}).With(func(_ context.Context, in *ps.Invoke) error {
			data(in).encoding, data(in).cs = in.Args[0], encodingArg(in, 0)
			return nil
		}),
		prop("ConformanceLevel", xmlSpace+"ConformanceLevel", func(in *ps.Invoke) any {
			return in.Session.Enum(xmlSpace+"ConformanceLevel", data(in).fragments)
		}).With(func(_ context.Context, in *ps.Invoke) error {
			data(in).fragments = enumArg(in, 0)
			if data(in).fragments == 1 {
				data(in).style.omit = true
			}
			return nil
		}),
		prop("NewLineHandling", xmlSpace+"NewLineHandling", func(in *ps.Invoke) any { return in.Session.Enum(xmlSpace+"NewLineHandling", 0) }).With(func(_ context.Context, in *ps.Invoke) error {
			if enumArg(in, 0) != 0 {
				return machine.Refuse("XmlWriterSettings.NewLineHandling", "line ends are always replaced", "use Replace")
			}
			return nil
		}),
		prop("CheckCharacters", "bool", func(*ps.Invoke) any { return true }).With(func(context.Context, *ps.Invoke) error { return nil }),
	}
}

// createXMLWriter is XmlWriter.Create.
func createXMLWriter(ctx context.Context, in *ps.Invoke) (any, error) {
	set := newSettings()
	if s, ok := dataOf[*xmlSettings](in, 1); ok {
		set = s
	}
	style := set.style
	d := &writing{s: in.Session, cs: set.cs, leave: !set.closeOut}
	style.encoding = strings.ToLower(set.cs.Name)
	if err := d.attach(ctx, in); err != nil {
		return nil, err
	}
	if d.out != nil || d.text != nil {
		style.encoding = "utf-16"
		if d.text != nil && d.text.text == nil {
			style.encoding = strings.ToLower(d.text.cs.Name)
		}
	}
	d.w = newXMLWriter(style)
	return in.Session.Object(xmlSpace+"XmlWriter", d), nil
}

// attach says where the writing goes: the first argument.
func (d *writing) attach(ctx context.Context, in *ps.Invoke) error {
	if o := object(in, 0); o != nil {
		switch x := o.Data.(type) {
		case *Stream:
			d.stream = x
			left(d.s).writers[d] = true
		case *textWriter:
			d.text = x
		case *builder:
			d.out = x
		default:
			return nullArgument(in.Session, "output")
		}
		return nil
	}
	f, err := openFile(ctx, in.Session, in.String(0), modeCreate, 2, shareRead)
	if err != nil {
		return err
	}
	d.stream, d.leave = newFileStream(in.Session, f).Data.(*Stream), false
	left(d.s).writers[d] = true
	return nil
}

func newXMLTextWriter(ctx context.Context, in *ps.Invoke) (any, error) {
	d := &writing{s: in.Session, cs: pscmd.UTF8(false)}
	style := xmlStyle{indentChars: "  "}
	if len(in.Args) > 1 && has(in, 1) {
		d.cs = encodingArg(in, 1)
		style.encoding = strings.ToLower(d.cs.Name)
	}
	if err := d.attach(ctx, in); err != nil {
		return nil, err
	}
	if d.text != nil {
		style.encoding = strings.ToLower(d.text.cs.Name)
	}
	d.w = newXMLWriter(style)
	return in.Session.Object(xmlSpace+"XmlTextWriter", d), nil
}

// xmlTextWriterMembers are the settings of an XmlTextWriter.
func xmlTextWriterMembers() []ps.Member {
	data := self[*writing]
	indent := func(w *xmlWriter, n int, c byte) { w.indentChars = strings.Repeat(string(c), n) }
	char := func(w *xmlWriter) byte {
		if w.indentChars == "" {
			return ' '
		}
		return w.indentChars[0]
	}
	return []ps.Member{
		prop("Formatting", xmlSpace+"Formatting", func(in *ps.Invoke) any {
			n := int64(0)
			if data(in).w.indent {
				n = 1
			}
			return in.Session.Enum(xmlSpace+"Formatting", n)
		}).With(func(_ context.Context, in *ps.Invoke) error { data(in).w.indent = enumArg(in, 0) == 1; return nil }),
		prop("Indentation", "int", func(in *ps.Invoke) any { return ps.Int(len(data(in).w.indentChars)) }).With(func(_ context.Context, in *ps.Invoke) error {
			if in.Int(0) < 0 {
				return throw(argumentException, "Indentation value must be greater than 0.")
			}
			indent(data(in).w, in.Int(0), char(data(in).w))
			return nil
		}),
		prop("IndentChar", "char", func(in *ps.Invoke) any { return ps.Char(char(data(in).w)) }).With(func(_ context.Context, in *ps.Invoke) error {
			c, _ := in.Args[0].(ps.Char)
			indent(data(in).w, len(data(in).w.indentChars), byte(c))
			return nil
		}),
		prop("QuoteChar", "char", func(in *ps.Invoke) any { return ps.Char(data(in).w.quote) }).With(func(_ context.Context, in *ps.Invoke) error {
			c, _ := in.Args[0].(ps.Char)
			if c != '"' && c != '\'' {
				return throw(argumentException, "Invalid XML attribute quote character. Valid attribute quote characters are ' and \".")
			}
			data(in).w.quote = byte(c)
			return nil
		}),
	}
}

func (d *writing) endAttribute() {
	if a := d.attribute; a != nil {
		d.attribute = nil
		d.put(a.prefix, a.local, a.ns, a.value.String())
	}
}

// put writes an attribute, with the declaration of its namespace if there is
// none yet.
func (d *writing) put(prefix, local, ns, value string) {
	if ns != "" && ns != xmlnsURI && prefix == "" {
		if p, ok := d.w.prefixFor(ns); ok && p != "" {
			prefix = p
		} else {
			prefix = "d" + d.s.ToString(ps.Int(len(d.w.stack))) + "p1"
		}
	}
	d.w.attribute(prefix, local, ns, value)
	if ns != "" && ns != xmlnsURI && prefix != "xml" && prefix != "xmlns" {
		d.w.declare(prefix, ns)
	}
}

// settle ends the start tag that is being written: the namespace of its element
// is declared behind the attributes.
func (d *writing) settle() {
	d.endAttribute()
	if d.w.inTag {
		t := d.w.top()
		d.w.declare(t.prefix, t.ns)
	}
}

func (d *writing) start(prefix, local, ns string) {
	d.settle()
	if !d.w.began && d.w.created && len(d.w.stack) == 0 {
		d.w.startDocument("")
	}
	if prefix == "" && ns != "" {
		if p, ok := d.w.prefixFor(ns); ok {
			prefix = p
		}
	}
	d.w.start(prefix, local, ns)
}

func (d *writing) end(full bool) {
	d.settle()
	d.w.end(full)
}

// xmlWriterMembers are the methods of XmlWriter.
func xmlWriterMembers() []ps.Member {
	// act makes a method that writes something.
	act := func(name string, f func(in *ps.Invoke, d *writing), signatures ...string) ps.Member {
		return method(name, "void", func(ctx context.Context, in *ps.Invoke) (any, error) {
			d := self[*writing](in)
			if d.closed {
				return nil, throw(invalidOperation, "The Writer is closed or in error state.")
			}
			f(in, d)
			if d.w.inTag || d.attribute != nil {
				return nil, limit(in.Session, int64(d.w.b.Len()))
			}
			return nil, d.flush(ctx)
		}, signatures...)
	}
	end := func(ctx context.Context, in *ps.Invoke) (any, error) { return nil, self[*writing](in).close(ctx) }
	const one, two, three = "string localName", "string localName, string ns", "string prefix, string localName, string ns"
	return append([]ps.Member{
		static("Create", xmlSpace+"XmlWriter", createXMLWriter, "string outputFileName", "string outputFileName, "+settingsName+" settings", "System.IO.Stream output", "System.IO.Stream output, "+settingsName+" settings",
			"System.IO.TextWriter output", "System.IO.TextWriter output, "+settingsName+" settings", "System.Text.StringBuilder output", "System.Text.StringBuilder output, "+settingsName+" settings"),
		act("WriteStartDocument", func(in *ps.Invoke, d *writing) {
			standalone := ""
			if len(in.Args) > 0 {
				standalone = map[bool]string{true: "yes", false: "no"}[in.Bool(0)]
			}
			d.w.startDocument(standalone)
			d.w.began = true
		}, "", "bool standalone"),
		act("WriteEndDocument", func(_ *ps.Invoke, d *writing) {
			for len(d.w.stack) > 0 {
				d.end(false)
			}
		}, ""),
		act("WriteStartElement", func(in *ps.Invoke, d *writing) { d.start(qualified(in)) }, one, two, three),
		act("WriteEndElement", func(_ *ps.Invoke, d *writing) { d.end(false) }, ""), act("WriteFullEndElement", func(_ *ps.Invoke, d *writing) { d.end(true) }, ""),
		act("WriteElementString", func(in *ps.Invoke, d *writing) {
			short := *in
			short.Args = in.Args[:len(in.Args)-1]
			d.start(qualified(&short))
			if text := in.String(len(in.Args) - 1); text != "" {
				d.settle()
				d.w.text(text)
			}
			d.end(false)
		}, one+", string value", two+", string value", three+", string value"),
		act("WriteAttributeString", func(in *ps.Invoke, d *writing) {
			d.endAttribute()
			short := *in
			short.Args = in.Args[:len(in.Args)-1]
			prefix, local, ns := qualified(&short)
			d.put(prefix, local, ns, in.String(len(in.Args)-1))
		}, one+", string value", two+", string value", three+", string value"),
		act("WriteStartAttribute", func(in *ps.Invoke, d *writing) {
			d.endAttribute()
			prefix, local, ns := qualified(in)
			d.attribute = &xmlAttr{prefix: prefix, local: local, ns: ns}
		}, one, two, three),
		act("WriteEndAttribute", func(_ *ps.Invoke, d *writing) { d.endAttribute() }, ""),
		act("WriteString", func(in *ps.Invoke, d *writing) { d.string(in.String(0)) }, "string text"),
		act("WriteValue", func(in *ps.Invoke, d *writing) { d.string(xmlScalar(in, in.Args[0])) }, "System.Object value"),
		act("WriteRaw", func(in *ps.Invoke, d *writing) { d.settle(); d.w.raw(in.String(0)) }, "string data"),
		act("WriteCData", func(in *ps.Invoke, d *writing) { d.settle(); d.w.cdata(in.String(0)) }, "string text"),
		act("WriteComment", func(in *ps.Invoke, d *writing) { d.settle(); d.w.comment(in.String(0)) }, "string text"),
		act("WriteProcessingInstruction", func(in *ps.Invoke, d *writing) { d.settle(); d.w.pi(in.String(0), in.String(1)) }, "string name, string text"),
		act("WriteWhitespace", func(in *ps.Invoke, d *writing) { d.settle(); d.w.whitespace(in.String(0)) }, "string ws"),
		act("WriteDocType", func(in *ps.Invoke, d *writing) { d.w.doctype(doctypeText(in)) }, "string name, string pubid, string sysid, string subset"),
		method("Flush", "void", func(ctx context.Context, in *ps.Invoke) (any, error) { return nil, self[*writing](in).flushAll(ctx) }, ""),
		method("Close", "void", end, ""), method("Dispose", "void", end, ""),
	}, refused("readers of XML are not supported", "write the elements one by one", "WriteNode", "WriteAttributes", "WriteBase64", "WriteBinHex")...)
}

func (d *writing) string(text string) {
	if d.attribute != nil {
		d.attribute.value.WriteString(text)
		return
	}
	d.settle()
	d.w.text(text)
}

// qualified are prefix, local name and namespace of a method's arguments.
func qualified(in *ps.Invoke) (prefix, local, ns string) {
	switch len(in.Args) {
	case 1:
		return "", in.String(0), ""
	case 2:
		return "", in.String(0), in.String(1)
	}
	return in.String(0), in.String(1), in.String(2)
}

// xmlScalar is a value as XML writes it.
func xmlScalar(in *ps.Invoke, v any) string {
	if b, ok := ps.Unwrap(v).(bool); ok {
		return strings.ToLower(in.Session.ToString(b))
	}
	return in.Session.ToString(v)
}

func doctypeText(in *ps.Invoke) string {
	text := in.String(0)
	switch {
	case in.String(1) != "":
		text += ` PUBLIC "` + in.String(1) + `" "` + in.String(2) + `"`
	case in.String(2) != "":
		text += ` SYSTEM "` + in.String(2) + `"`
	}
	if in.String(3) != "" {
		text += "[" + in.String(3) + "]"
	}
	return text
}
