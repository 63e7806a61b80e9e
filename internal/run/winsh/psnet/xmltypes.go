package psnet

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/casement/casement/internal/run/winsh/ps"
	"github.com/casement/casement/internal/run/winsh/pscmd"
)

// xmlTypes are the nodes of documents, and what reads and writes them.
func xmlTypes() []*ps.Type {
	dynamic := &ps.Dynamic{Get: xmlGet, Set: xmlSet, Names: xmlNames}
	// What a node is in a text is its name, as PowerShell's type data says.
	text := func(v any) string { return v.(*ps.Object).Data.(*node).localName() }
	typ := func(name, base string, members func() []ps.Member) *ps.Type {
		return &ps.Type{Name: xmlSpace + name, Base: xmlSpace + base, Members: members, Dynamic: dynamic, String: text, Names: xmlTypeNames}
	}
	document := typ("XmlDocument", "XmlNode", documentMembers)
	document.Aliases, document.Convert = []string{"xml"}, convertXML
	document.New = overloads(val(func(in *ps.Invoke) any { return (&node{kind: xmlDocument}).object(in.Session) }), "")
	return append([]*ps.Type{
		{Name: xmlNodeTop, Abstract: true, Members: nodeMembers, Dynamic: dynamic, String: text, Implements: []string{"System.ICloneable"}},
		document, typ("XmlLinkedNode", "XmlNode", nil), typ("XmlCharacterData", "XmlLinkedNode", charDataMembers),
		typ("XmlElement", "XmlLinkedNode", elementMembers), typ("XmlAttribute", "XmlNode", nil), typ("XmlText", "XmlCharacterData", nil), typ("XmlComment", "XmlCharacterData", nil),
		typ("XmlCDataSection", "XmlCharacterData", nil), typ("XmlWhitespace", "XmlCharacterData", nil), typ("XmlSignificantWhitespace", "XmlCharacterData", nil),
		typ("XmlDeclaration", "XmlLinkedNode", nil), typ("XmlProcessingInstruction", "XmlLinkedNode", nil), typ("XmlDocumentType", "XmlLinkedNode", nil), typ("XmlDocumentFragment", "XmlNode", nil),
		enum(xmlSpace+"XmlNodeType", "None", 0, "Element", 1, "Attribute", 2, "Text", 3, "CDATA", 4, "EntityReference", 5, "Entity", 6, "ProcessingInstruction", 7, "Comment", 8, "Document", 9,
			"DocumentType", 10, "DocumentFragment", 11, "Notation", 12, "Whitespace", 13, "SignificantWhitespace", 14, "EndElement", 15, "EndEntity", 16, "XmlDeclaration", 17),
		{Name: xmlSpace + "XmlNodeList", Implements: []string{"System.Collections.IEnumerable"}, Members: listMembers},
		{Name: xmlSpace + "XmlNamedNodeMap", Implements: []string{"System.Collections.IEnumerable"}, Abstract: true},
		{Name: xmlSpace + "XmlAttributeCollection", Base: xmlSpace + "XmlNamedNodeMap", Implements: []string{"System.Collections.ICollection"}, Members: attributeListMembers},
		{
			Name: xmlSpace + "XmlNamespaceManager", Members: managerMembers,
			New: overloads(val(func(in *ps.Invoke) any {
				return in.Session.Object(xmlSpace+"XmlNamespaceManager", &namespaceManager{s: in.Session, uris: map[string]string{"xml": xmlPrefix, "xmlns": xmlnsURI, "": ""}})
			}), "System.Xml.XmlNameTable nameTable"),
		},
		{Name: xmlSpace + "XmlNameTable", Abstract: true}, {Name: xmlSpace + "NameTable", Base: xmlSpace + "XmlNameTable", New: overloads(val(func(in *ps.Invoke) any { return in.Session.Object(xmlSpace+"NameTable", nil) }), "")},
		{Name: "System.Xml.XPath.XPathException", Base: "System.SystemException"},
		{Name: xmlSpace + "XmlNodeReader", Refuse: "readers of XML are not supported", Way: "use the document itself"},
		{Name: xmlSpace + "XmlReader", Refuse: "readers of XML are not supported", Way: "use [xml] or the method Load of XmlDocument"},
		{Name: xmlSpace + "XmlTextReader", Refuse: "readers of XML are not supported", Way: "use [xml] or the method Load of XmlDocument"},
		{Name: xmlSpace + "Xsl.XslCompiledTransform", Refuse: "style sheets are not run", Way: "change the document with its own methods"},
		{Name: xmlSpace + "Linq.XDocument", Assembly: "System.Xml.Linq", Refuse: "LINQ to XML is not supported", Way: "use [xml]"},
		{Name: xmlSpace + "Linq.XElement", Assembly: "System.Xml.Linq", Refuse: "LINQ to XML is not supported", Way: "use [xml]"},
	}, xmlWriterTypes()...)
}

// xmlTypeNames are the PSTypeNames of a node: one with its name comes first if
// it has a namespace.
func xmlTypeNames(v any) []string {
	n := v.(*ps.Object).Data.(*node)
	var list []string
	if n.ns != "" && (n.kind == xmlElement || n.kind == xmlAttribute) {
		list = append(list, n.class()+"#"+n.ns+"#"+n.local)
	}
	list = append(list, n.class())
	switch n.kind {
	case xmlElement, xmlDeclaration, xmlPI, xmlDoctype:
		list = append(list, xmlSpace+"XmlLinkedNode")
	case xmlText, xmlCData, xmlComment, xmlWhitespace, xmlSignificant:
		list = append(list, xmlSpace+"XmlCharacterData", xmlSpace+"XmlLinkedNode")
	}
	return append(list, xmlNodeTop, "System.Object")
}

// convertXML is [xml]$text: lines are joined, blanks between tags dropped.
func convertXML(_ context.Context, in *ps.Invoke) (any, bool, error) {
	v := in.Args[0]
	var text string
	switch {
	case ps.IsNull(v):
		return nil, false, nil
	case ps.Enumerable(v):
		var lines []string
		for _, x := range ps.Items(v) {
			lines = append(lines, in.Session.ToString(x))
		}
		text = strings.Join(lines, "\n")
	default:
		if _, ok := ps.Unwrap(v).(*ps.Object); ok {
			return nil, false, nil
		}
		text = in.Session.ToString(v)
	}
	doc := &node{kind: xmlDocument}
	if err := parseXML(doc, text, false); err != nil {
		return nil, false, err
	}
	return doc.object(in.Session), true, nil
}

func nodeSelf(in *ps.Invoke) *node { n, _ := in.Data().(*node); return n }

// nodeArg is an argument that is a node.
func nodeArg(in *ps.Invoke, i int) *node {
	n, _ := dataOf[*node](in, i)
	return n
}

// nodeList makes the list that SelectNodes and its kin return.
func nodeList(s *ps.Session, nodes []*node) *ps.Array {
	items := make([]any, len(nodes))
	for i, n := range nodes {
		items[i] = n.object(s)
	}
	return &ps.Array{Type: xmlSpace + "XmlNodeList", Items: items}
}

// loadXML reads a document from a text in memory, a file, a URL or a stream.
func loadXML(ctx context.Context, in *ps.Invoke) (any, error) {
	doc, s := nodeSelf(in), in.Session
	if o := object(in, 0); o != nil {
		switch d := o.Data.(type) {
		case *textReader:
			text, err := d.all()
			if err != nil {
				return nil, ioError(s, err)
			}
			return nil, parseXML(doc, strings.TrimPrefix(text, "\ufeff"), true)
		case *Stream:
			b, err := d.readAll(s)
			if err != nil {
				return nil, ioError(s, err)
			}
			return nil, parseBytes(doc, b)
		}
		return nil, nullArgument(s, "reader")
	}
	u, err := address(in, 0, "")
	if err != nil {
		return nil, err
	}
	if u.Scheme == "file" {
		b, err := fsOf(in).ReadFile(ctx, localPath(u), s.Machine().Limits().Memory)
		if err != nil {
			return nil, ioError(s, err)
		}
		return nil, parseBytes(doc, b)
	}
	p := systemProxy(s).Data.(*proxy)
	resp, err := (&transfer{s: s, method: "GET", url: u, header: map[string][]string{}, proxy: p, redirects: 50, what: "XmlDocument.Load"}).send(ctx)
	if err != nil {
		return nil, webError(s, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode >= 400 {
		return nil, statusError(s, resp)
	}
	b, err := readBody(s, resp.Body)
	if err != nil {
		return nil, webError(s, err)
	}
	return nil, parseBytes(doc, b)
}

// parseBytes reads a document in the encoding that its mark or its declaration
// names.
func parseBytes(doc *node, b []byte) error {
	cs := pscmd.UTF8(true)
	head := string(b[:min(len(b), 200)])
	for _, m := range []*pscmd.Charset{pscmd.UTF8(true), pscmd.UTF32(false), pscmd.UTF32(true), pscmd.UTF16(false), pscmd.UTF16(true)} {
		if strings.HasPrefix(head, string(m.BOM)) {
			return parseXML(doc, m.Decode(b[len(m.BOM):]), true)
		}
	}
	if strings.HasPrefix(head, "<?xml") {
		decl := &node{kind: xmlDeclaration, value: strings.TrimSpace(strings.SplitN(head[5:], "?>", 2)[0])}
		if name := decl.pseudo("encoding"); name != "" {
			if cs = namedCharset(strings.ToLower(name)); cs == nil {
				return throw(xmlSpace+"XmlException", "System does not support '"+name+"' encoding. Line 1, position 31.")
			}
			if cs.CodePage == 1200 || cs.CodePage == 1201 {
				return throw(xmlSpace+"XmlException", "There is no Unicode byte order mark. Cannot switch to Unicode.")
			}
		}
	}
	return parseXML(doc, cs.Decode(b), true)
}

// saveXML writes a document to a file, a stream, a text writer or an XmlWriter.
func saveXML(ctx context.Context, in *ps.Invoke) (any, error) {
	doc, s := nodeSelf(in), in.Session
	if doc.root() == nil {
		return nil, throw(xmlSpace+"XmlException", "Invalid XML document. The document does not have a root element.")
	}
	style := xmlStyle{indent: !doc.preserve, indentChars: "  "}
	if o := object(in, 0); o != nil {
		switch d := o.Data.(type) {
		case *writing:
			d.w.save(doc)
			return nil, d.flushAll(ctx)
		case *textWriter:
			style.encoding = strings.ToLower(d.cs.Name)
			w := newXMLWriter(style)
			w.save(doc)
			return nil, ioError(s, errors.Join(d.put(ctx, w.b.String()), d.flushAll(ctx)))
		case *Stream:
			text, cs := savedText(doc, style)
			return nil, ioError(s, d.write(ctx, append(slices.Clone(cs.BOM), cs.Encode(text)...)))
		}
		return nil, nullArgument(s, "writer")
	}
	path, err := full(s, in.String(0))
	if err != nil {
		return nil, err
	}
	text, cs := savedText(doc, style)
	return nil, ioError(s, saveText(ctx, s, path, cs, false, func(put func(string) error) error { return put(text) }))
}

// savedText is what Save writes to files: in the encoding of the declaration,
// which has a mark; else in UTF-8 without one.
func savedText(doc *node, style xmlStyle) (string, *pscmd.Charset) {
	cs := pscmd.UTF8(false)
	for _, c := range doc.children {
		if c.kind == xmlDeclaration {
			if named := namedCharset(strings.ToLower(c.pseudo("encoding"))); named != nil {
				cs = named
			}
		}
	}
	w := newXMLWriter(style)
	w.node(doc)
	return w.b.String(), cs
}

// documentMembers are the methods of XmlDocument.
func documentMembers() []ps.Member {
	load := loadXML
	made := func(f func(in *ps.Invoke, doc *node) (*node, error)) run {
		return can(func(in *ps.Invoke) (any, error) {
			n, err := f(in, nodeSelf(in))
			if err != nil {
				return nil, err
			}
			return n.object(in.Session), nil
		})
	}
	named := func(kind xmlKind) run {
		return made(func(in *ps.Invoke, doc *node) (*node, error) { return newNamed(in, doc, kind) })
	}
	texts := func(kind xmlKind) run {
		return made(func(in *ps.Invoke, doc *node) (*node, error) { return doc.newNode(kind, in.String(0)), nil })
	}
	const qualified = "string qualifiedName, string namespaceURI"
	const three = "string prefix, string localName, string namespaceURI"
	return []ps.Member{
		method("Load", "void", load, "string filename", "System.IO.Stream inStream", "System.IO.TextReader txtReader"),
		method("LoadXml", "void", can(func(in *ps.Invoke) (any, error) { return nil, parseXML(nodeSelf(in), in.String(0), true) }), "string xml"),
		method("Save", "void", saveXML, "string filename", "System.IO.Stream outStream", "System.IO.TextWriter writer", "System.Xml.XmlWriter w"),
		method("CreateElement", xmlSpace+"XmlElement", named(xmlElement), "string name", qualified, three),
		method("CreateAttribute", xmlSpace+"XmlAttribute", named(xmlAttribute), "string name", qualified, three),
		method("CreateTextNode", xmlSpace+"XmlText", texts(xmlText), "string text"), method("CreateComment", xmlSpace+"XmlComment", texts(xmlComment), "string data"),
		method("CreateCDataSection", xmlSpace+"XmlCDataSection", texts(xmlCData), "string data"), method("CreateWhitespace", xmlSpace+"XmlWhitespace", texts(xmlWhitespace), "string text"),
		method("CreateSignificantWhitespace", xmlSpace+"XmlSignificantWhitespace", texts(xmlSignificant), "string text"),
		method("CreateDocumentFragment", xmlSpace+"XmlDocumentFragment", made(func(_ *ps.Invoke, doc *node) (*node, error) { return doc.newNode(xmlFragment, ""), nil }), ""),
		method("CreateProcessingInstruction", xmlSpace+"XmlProcessingInstruction", made(func(in *ps.Invoke, doc *node) (*node, error) {
			n := doc.newNode(xmlPI, in.String(1))
			n.local = in.String(0)
			return n, nil
		}), "string target, string data"),
		method("CreateXmlDeclaration", xmlSpace+"XmlDeclaration", made(func(in *ps.Invoke, doc *node) (*node, error) {
			if in.String(0) != "1.0" {
				return nil, throw(argumentException, "Wrong XML version information. The XML must match production \"VersionNum ::= '1.' [0-9]+\".")
			}
			if sa := in.String(2); sa != "" && sa != "yes" && sa != "no" {
				return nil, throw(argumentException, "Wrong value for the XML declaration standalone attribute of '"+sa+"'.")
			}
			return doc.newNode(xmlDeclaration, declarationText(in.String(0), in.String(1), in.String(2))), nil
		}), "string version, string encoding, string standalone"),
		method("CreateNode", xmlNodeTop, made(createNode), "System.Xml.XmlNodeType type, string name, string namespaceURI", "string nodeTypeString, string name, string namespaceURI", "System.Xml.XmlNodeType type, string prefix, string name, string namespaceURI"),
		method("ImportNode", xmlNodeTop, made(func(in *ps.Invoke, doc *node) (*node, error) {
			n := nodeArg(in, 0)
			if n == nil {
				return nil, throw(invalidOperation, "Cannot import a null node.")
			}
			return n.clone(doc, in.Bool(1)), nil
		}), "System.Xml.XmlNode node, bool deep"),
		method("GetElementsByTagName", xmlSpace+"XmlNodeList", val(byTagName), "string name", "string localName, string namespaceURI"),
		indexer(xmlSpace+"XmlElement", val(childElement), "string name", "string localname, string ns"),
		method("GetElementById", xmlSpace+"XmlElement", val(func(*ps.Invoke) any { return nil }), "string elementId"),
		method("Validate", "void", nil, "System.Object handler").Refused("documents are not validated", "leave it out"),
	}
}

// newNamed makes an element or attribute by its name.
func newNamed(in *ps.Invoke, doc *node, kind xmlKind) (*node, error) {
	n := doc.newNode(kind, "")
	switch len(in.Args) {
	case 3:
		n.prefix, n.local, n.ns = in.String(0), in.String(1), in.String(2)
	default:
		n.prefix, n.local = splitName(in.String(0))
		if len(in.Args) == 2 {
			n.ns = in.String(1)
		}
	}
	if err := checkName(n.local); err != nil {
		return nil, err
	}
	if kind == xmlAttribute && n.ns == "" && (n.prefix == "xmlns" || n.prefix == "" && n.local == "xmlns") {
		n.ns = xmlnsURI
	}
	if n.prefix == "xml" {
		n.ns = xmlPrefix
	}
	if kind == xmlElement {
		n.empty = true
	}
	return n, nil
}

// checkName fails for what is no name of XML.
func checkName(name string) error {
	if name == "" {
		return throw(argumentException, "The local name for elements or attributes cannot be null or an empty string.")
	}
	for i, r := range name {
		if !nameRune(r) || i == 0 && !nameStart(r) || r == ':' {
			return throw(xmlSpace+"XmlException", "The '"+string(r)+"' character, hexadecimal value 0x"+hexText(r)+", cannot be included in a name.")
		}
	}
	return nil
}

func hexText(r rune) string {
	const digits = "0123456789ABCDEF"
	text := ""
	for n := r; n > 0 || len(text) < 2; n >>= 4 {
		text = string(digits[n&15]) + text
	}
	return text
}

func createNode(in *ps.Invoke, doc *node) (*node, error) {
	kind := xmlKind(enumArg(in, 0))
	if text, ok := in.Args[0].(string); ok {
		names := map[string]xmlKind{"element": xmlElement, "attribute": xmlAttribute, "text": xmlText, "cdatasection": xmlCData, "comment": xmlComment, "processinginstruction": xmlPI, "document": xmlDocument, "documentfragment": xmlFragment, "whitespace": xmlWhitespace, "significantwhitespace": xmlSignificant}
		kind = names[strings.ToLower(text)]
	}
	rest := *in
	rest.Args = in.Args[1:]
	switch kind {
	case xmlElement, xmlAttribute:
		return newNamed(&rest, doc, kind)
	case xmlText, xmlCData, xmlComment, xmlWhitespace, xmlSignificant, xmlFragment:
		return doc.newNode(kind, ""), nil
	case xmlPI:
		n := doc.newNode(kind, "")
		n.local = in.String(1)
		return n, nil
	case xmlDeclaration:
		return doc.newNode(kind, declarationText("1.0", "", "")), nil
	}
	return nil, throw(argumentException, "Cannot create node of type "+in.String(0)+".")
}

func byTagName(in *ps.Invoke) any {
	var list []*node
	name := in.String(0)
	nodeSelf(in).elements(func(n *node) bool {
		if len(in.Args) == 2 {
			if (name == "*" || n.local == name) && (in.String(1) == "*" || n.ns == in.String(1)) {
				list = append(list, n)
			}
		} else if name == "*" || n.name() == name {
			list = append(list, n)
		}
		return true
	})
	return nodeList(in.Session, list)
}

// childElement is $node['name']: the first child element of a name.
func childElement(in *ps.Invoke) any {
	for _, c := range nodeSelf(in).children {
		if c.kind != xmlElement {
			continue
		}
		if len(in.Args) == 2 && c.local == in.String(0) && c.ns == in.String(1) || len(in.Args) == 1 && c.name() == in.String(0) {
			return c.object(in.Session)
		}
	}
	return nil
}

// namespaceManager is the Data of an XmlNamespaceManager.
type namespaceManager struct {
	s    *ps.Session
	uris map[string]string
}

// Each implements [ps.Sequence]: the manager lists its prefixes.
func (m *namespaceManager) Each(yield func(any) bool) {
	var list []string
	for p := range m.uris {
		list = append(list, p)
	}
	slices.Sort(list)
	for _, p := range list {
		if !yield(p) {
			return
		}
	}
}

func managerMembers() []ps.Member {
	data := self[*namespaceManager]
	return []ps.Member{
		method("AddNamespace", "void", do(func(in *ps.Invoke) error {
			if in.String(0) == "xml" || in.String(0) == "xmlns" {
				return throw(argumentException, "Prefix \""+in.String(0)+"\" is reserved for use by XML and can be mapped only to namespace name \""+data(in).uris[in.String(0)]+"\".")
			}
			data(in).uris[in.String(0)] = in.String(1)
			return nil
		}), "string prefix, string uri"),
		method("RemoveNamespace", "void", do(func(in *ps.Invoke) error {
			if data(in).uris[in.String(0)] == in.String(1) {
				delete(data(in).uris, in.String(0))
			}
			return nil
		}), "string prefix, string uri"),
		method("HasNamespace", "bool", val(func(in *ps.Invoke) any { _, ok := data(in).uris[in.String(0)]; return ok }), "string prefix"),
		method("LookupNamespace", "string", val(func(in *ps.Invoke) any {
			if uri, ok := data(in).uris[in.String(0)]; ok {
				return uri
			}
			return nil
		}), "string prefix"),
		method("LookupPrefix", "string", val(func(in *ps.Invoke) any {
			for p, uri := range data(in).uris {
				if uri == in.String(0) {
					return p
				}
			}
			return nil
		}), "string uri"),
		method("PushScope", "void", nothing, ""),
		method("PopScope", "bool", val(func(*ps.Invoke) any { return false }), ""),
		prop("DefaultNamespace", "string", func(in *ps.Invoke) any { return data(in).uris[""] }),
		prop("NameTable", xmlSpace+"XmlNameTable", func(in *ps.Invoke) any { return in.Session.Object(xmlSpace+"NameTable", nil) }),
	}
}

// attributeList is the Data of an XmlAttributeCollection.
type attributeList struct {
	s *ps.Session
	n *node
}

// Each implements [ps.Sequence].
func (l *attributeList) Each(yield func(any) bool) {
	for _, a := range slices.Clone(l.n.attrs) {
		if !yield(a.object(l.s)) {
			return
		}
	}
}

// Len implements [ps.List].
func (l *attributeList) Len() int { return len(l.n.attrs) }

// At implements [ps.List].
func (l *attributeList) At(i int) any { return l.n.attrs[i].object(l.s) }

// SetAt implements [ps.List].
func (l *attributeList) SetAt(int, any) error {
	return throw(notSupported, "Collection is read-only.")
}

func attributeListMembers() []ps.Member {
	data := self[*attributeList]
	put := func(in *ps.Invoke) (*node, error) {
		a := nodeArg(in, 0)
		switch {
		case a == nil || a.kind != xmlAttribute:
			return nil, throw(argumentException, "The 'node' to be added is no attribute.")
		case a.doc != data(in).n.doc:
			return nil, throw(argumentException, "The named node is from a different document context.")
		}
		return a, nil
	}
	add := can(func(in *ps.Invoke) (any, error) {
		a, err := put(in)
		if err != nil {
			return nil, err
		}
		data(in).n.setAttr(a)
		return in.Args[0], nil
	})
	named := val(func(in *ps.Invoke) any {
		if len(in.Args) == 2 {
			return data(in).n.attrNS(in.String(0), in.String(1)).object(in.Session)
		}
		return data(in).n.attr(in.String(0)).object(in.Session)
	})
	remove := val(func(in *ps.Invoke) any {
		a := nodeArg(in, 0)
		if text, ok := in.Args[0].(string); ok {
			a = data(in).n.attr(text)
		}
		if a == nil || !slices.Contains(data(in).n.attrs, a) {
			return nil
		}
		data(in).n.removeAttr(a)
		return a.object(in.Session)
	})
	return []ps.Member{
		indexer(xmlSpace+"XmlAttribute", can(func(in *ps.Invoke) (any, error) {
			if i, ok := in.Args[0].(int32); ok {
				if i < 0 || int(i) >= data(in).Len() {
					return nil, throw("System.IndexOutOfRangeException", "The index being passed in is out of range.")
				}
				return data(in).At(int(i)), nil
			}
			return data(in).n.attr(in.String(0)).object(in.Session), nil
		}), "int i", "string name"),
		method("Append", xmlSpace+"XmlAttribute", add, "System.Xml.XmlAttribute node"), method("SetNamedItem", xmlNodeTop, add, "System.Xml.XmlNode node"),
		method("Prepend", xmlSpace+"XmlAttribute", can(func(in *ps.Invoke) (any, error) {
			a, err := put(in)
			if err != nil {
				return nil, err
			}
			n := data(in).n
			n.setAttr(a)
			n.attrs = append([]*node{a}, slices.DeleteFunc(n.attrs, func(x *node) bool { return x == a })...)
			return in.Args[0], nil
		}), "System.Xml.XmlAttribute node"),
		method("GetNamedItem", xmlNodeTop, named, "string name", "string localName, string namespaceURI"),
		method("Remove", xmlSpace+"XmlAttribute", remove, "System.Xml.XmlAttribute node"), method("RemoveNamedItem", xmlNodeTop, remove, "string name"),
		method("RemoveAll", "void", do(func(in *ps.Invoke) error { data(in).n.attrs = nil; return nil }), ""),
		prop("Count", "int", func(in *ps.Invoke) any { return ps.Int(data(in).Len()) }),
	}
}
