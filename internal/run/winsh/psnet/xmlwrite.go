package psnet

import (
	"strconv"
	"strings"
)

// xmlStyle says how XML is written.
type xmlStyle struct {
	indent      bool
	indentChars string
	newLine     string
	// omit leaves out the declaration; encoding is what it says.
	omit     bool
	encoding string
	// created is the style of XmlWriter.Create: <a></a> stays on one line, line
	// ends in texts become newLine, tabs in attributes are escaped. Without it,
	// it is that of XmlTextWriter.
	created bool
	// attributeLines puts each attribute on a line of its own.
	attributeLines bool
	quote          byte
}

// xmlWriter writes XML as the writers of .NET do.
type xmlWriter struct {
	xmlStyle
	b     strings.Builder
	stack []*xmlOpen
	// inTag says that a start tag is not closed yet.
	inTag bool
	began bool
}

// xmlOpen is an element that is being written.
type xmlOpen struct {
	name, prefix, ns string
	mixed            bool
	// scope are the prefixes that this element declares.
	scope map[string]string
	// fresh says that there is nothing in it yet.
	fresh bool
}

func newXMLWriter(style xmlStyle) *xmlWriter {
	if style.newLine == "" {
		style.newLine = "\r\n"
	}
	if style.quote == 0 {
		style.quote = '"'
	}
	return &xmlWriter{xmlStyle: style}
}

// lookup is what a prefix means where the writer is.
func (w *xmlWriter) lookup(prefix string) string {
	if prefix == "xml" {
		return xmlPrefix
	}
	for i := len(w.stack) - 1; i >= 0; i-- {
		if uri, ok := w.stack[i].scope[prefix]; ok {
			return uri
		}
	}
	return ""
}

// prefixFor finds a prefix for a namespace where the writer is.
func (w *xmlWriter) prefixFor(uri string) (string, bool) {
	if uri == xmlPrefix {
		return "xml", true
	}
	for i := len(w.stack) - 1; i >= 0; i-- {
		for p, u := range w.stack[i].scope {
			if u == uri && w.lookup(p) == uri {
				return p, true
			}
		}
	}
	return "", false
}

// closeTag ends a start tag, with the namespaces that nobody has declared.
func (w *xmlWriter) closeTag(empty bool) {
	if !w.inTag {
		return
	}
	w.inTag = false
	if empty {
		w.b.WriteString(" />")
		return
	}
	w.b.WriteByte('>')
}

// newline starts a line at a depth.
func (w *xmlWriter) newline(depth int) {
	w.b.WriteString(w.newLine)
	for range depth {
		w.b.WriteString(w.indentChars)
	}
}

// before prepares for a child that is no text.
func (w *xmlWriter) before() {
	w.closeTag(false)
	if !w.indent {
		w.touch()
		return
	}
	switch {
	case len(w.stack) == 0:
		if w.began {
			w.b.WriteString(w.newLine)
		}
	case !w.top().mixed:
		w.newline(len(w.stack))
	}
	w.touch()
}

func (w *xmlWriter) touch() {
	w.began = true
	if len(w.stack) > 0 {
		w.top().fresh = false
	}
}

func (w *xmlWriter) top() *xmlOpen { return w.stack[len(w.stack)-1] }

func (w *xmlWriter) startDocument(standalone string) {
	if w.omit {
		return
	}
	w.pi("xml", declarationText("1.0", w.encoding, standalone))
}

// start begins an element. Its attributes follow.
func (w *xmlWriter) start(prefix, local, ns string) {
	w.before()
	name := local
	if prefix != "" {
		name = prefix + ":" + local
	}
	w.b.WriteString("<" + name)
	w.stack = append(w.stack, &xmlOpen{name: name, prefix: prefix, ns: ns, fresh: true, scope: map[string]string{}})
	w.inTag = true
}

// declare writes a namespace declaration if the prefix does not mean that here.
// It comes behind the attributes.
func (w *xmlWriter) declare(prefix, ns string) {
	if prefix == "xml" || w.lookup(prefix) == ns {
		return
	}
	w.top().scope[prefix] = ns
	name := "xmlns"
	if prefix != "" {
		name = "xmlns:" + prefix
	}
	w.rawAttribute(name, ns)
}

func (w *xmlWriter) rawAttribute(name, value string) {
	if w.attributeLines && w.indent {
		w.newline(len(w.stack))
	} else {
		w.b.WriteByte(' ')
	}
	q := string(w.quote)
	w.b.WriteString(name + "=" + q)
	w.escape(value, true)
	w.b.WriteString(q)
}

// attribute writes an attribute that is no namespace declaration, or one that is.
func (w *xmlWriter) attribute(prefix, local, ns, value string) {
	switch {
	case prefix == "xmlns":
		w.top().scope[local] = value
	case prefix == "" && local == "xmlns":
		w.top().scope[""] = value
	}
	name := local
	if prefix != "" {
		name = prefix + ":" + local
	}
	w.rawAttribute(name, value)
}

func (w *xmlWriter) text(s string) {
	w.closeTag(false)
	if len(w.stack) > 0 {
		w.top().mixed = true
	}
	w.touch()
	w.escape(s, false)
}

func (w *xmlWriter) raw(s string) {
	w.closeTag(false)
	if len(w.stack) > 0 {
		w.top().mixed = true
	}
	w.touch()
	w.b.WriteString(s)
}

// whitespace writes blanks between elements, which do not stop indentation.
func (w *xmlWriter) whitespace(s string) {
	w.closeTag(false)
	if len(w.stack) > 0 {
		w.top().mixed = true
	}
	w.touch()
	w.b.WriteString(w.lines(s))
}

func (w *xmlWriter) cdata(s string) {
	w.closeTag(false)
	if len(w.stack) > 0 {
		w.top().mixed = true
	}
	w.touch()
	w.b.WriteString("<![CDATA[" + w.lines(s) + "]]>")
}

func (w *xmlWriter) comment(s string) {
	w.before()
	w.b.WriteString("<!--" + w.lines(s) + "-->")
}

func (w *xmlWriter) pi(name, s string) {
	w.before()
	w.b.WriteString("<?" + name)
	if s != "" {
		w.b.WriteString(" " + w.lines(s))
	}
	w.b.WriteString("?>")
}

func (w *xmlWriter) doctype(s string) {
	w.before()
	w.b.WriteString("<!DOCTYPE " + s + ">")
}

// lines makes line ends those of the writer.
func (w *xmlWriter) lines(s string) string {
	if !w.created || !strings.Contains(s, "\n") {
		return s
	}
	return strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\n", w.newLine)
}

// end ends an element: <a /> if it is empty and may be short.
func (w *xmlWriter) end(full bool) {
	if len(w.stack) == 0 {
		return
	}
	t := w.top()
	if w.inTag && !full {
		w.closeTag(true)
		w.stack = w.stack[:len(w.stack)-1]
		return
	}
	wasOpen := w.inTag
	w.closeTag(false)
	if w.indent && !t.mixed && !(w.created && wasOpen) {
		w.newline(len(w.stack) - 1)
	}
	w.b.WriteString("</" + t.name + ">")
	w.stack = w.stack[:len(w.stack)-1]
}

// escape writes a text with entities.
func (w *xmlWriter) escape(s string, attribute bool) {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || strings.ContainsRune("<>&\"'\uFFFE\uFFFF", r) }) {
		w.b.WriteString(s)
		return
	}
	if w.created && !attribute {
		s = strings.ReplaceAll(s, "\r\n", "\n")
	}
	for _, c := range s {
		switch {
		case c == '<':
			w.b.WriteString("&lt;")
		case c == '>':
			w.b.WriteString("&gt;")
		case c == '&':
			w.b.WriteString("&amp;")
		case attribute && c == rune(w.quote) && c == '"':
			w.b.WriteString("&quot;")
		case attribute && c == rune(w.quote) && c == '\'':
			w.b.WriteString("&apos;")
		case c < ' ' && !strings.ContainsRune("\t\r\n", c), c&^1 == 0xFFFE, attribute && (c == '\n' || c == '\r' || c == '\t' && w.created):
			w.b.WriteString("&#x" + strings.ToUpper(strconv.FormatInt(int64(c), 16)) + ";")
		case w.created && (c == '\n' || c == '\r'):
			w.b.WriteString(w.newLine)
		default:
			w.b.WriteRune(c)
		}
	}
}

// node writes a node and all in it, as WriteTo does.
func (w *xmlWriter) node(n *node) {
	switch n.kind {
	case xmlElement:
		w.element(n)
	case xmlAttribute:
		w.rawAttributeText(n)
	case xmlText:
		w.text(n.value)
	case xmlCData:
		w.cdata(n.value)
	case xmlComment:
		w.comment(n.value)
	case xmlPI:
		w.pi(n.local, n.value)
	case xmlDeclaration:
		w.pi("xml", n.value)
	case xmlDoctype:
		w.doctype(n.value)
	case xmlWhitespace, xmlSignificant:
		w.whitespace(n.value)
	default:
		for _, c := range n.children {
			w.node(c)
		}
	}
}

// rawAttributeText is OuterXml of an attribute.
func (w *xmlWriter) rawAttributeText(n *node) {
	q := string(w.quote)
	w.b.WriteString(n.name() + "=" + q)
	w.escape(n.value, true)
	w.b.WriteString(q)
}

func (w *xmlWriter) element(n *node) {
	w.start(n.prefix, n.local, n.ns)
	for _, a := range n.attrs {
		w.attribute(a.prefix, a.local, a.ns, a.value)
	}
	w.declare(n.prefix, n.ns)
	for _, a := range n.attrs {
		if a.ns != "" && a.ns != xmlnsURI && a.prefix != "" {
			w.declare(a.prefix, a.ns)
		}
	}
	if n.empty {
		w.end(false)
		return
	}
	for _, c := range n.children {
		w.node(c)
	}
	w.end(true)
}

// save writes a document to a writer that was made by somebody else: the
// declaration is the writer's own.
func (w *xmlWriter) save(doc *node) {
	children := doc.children
	standalone := ""
	if len(children) > 0 && children[0].kind == xmlDeclaration {
		standalone = children[0].pseudo("standalone")
		children = children[1:]
	}
	w.startDocument(standalone)
	for _, c := range children {
		w.node(c)
	}
}

// outer is OuterXml, and inner InnerXml.
func (n *node) outer() string {
	w := newXMLWriter(xmlStyle{})
	w.node(n)
	return w.b.String()
}

func (n *node) inner() string {
	if n.kind == xmlAttribute {
		w := newXMLWriter(xmlStyle{})
		w.escape(n.value, false)
		return w.b.String()
	}
	w := newXMLWriter(xmlStyle{})
	for _, c := range n.children {
		w.node(c)
	}
	return w.b.String()
}
