package psnet

import (
	"slices"
	"strings"

	"github.com/casement/casement/internal/run/winsh/ps"
)

// xmlKind is an XmlNodeType.
type xmlKind byte

// Kinds of nodes, as .NET numbers them.
const (
	xmlElement xmlKind = 1 + iota
	xmlAttribute
	xmlText
	xmlCData
	_
	_
	xmlPI
	xmlComment
	xmlDocument
	xmlDoctype
	xmlFragment
	_
	xmlWhitespace
	xmlSignificant
	_
	_
	xmlDeclaration
)

const (
	xmlSpace   = "System.Xml."
	xmlnsURI   = "http://www.w3.org/2000/xmlns/"
	xmlPrefix  = "http://www.w3.org/XML/1998/namespace"
	xmlNodeTop = xmlSpace + "XmlNode"
)

// node is the Data of all objects of System.Xml that are nodes.
type node struct {
	kind xmlKind
	// prefix, local and ns name elements and attributes; local also processing
	// instructions and the document type.
	prefix, local, ns string
	// value is the text of all others, and that of an attribute.
	value    string
	parent   *node // the element of an attribute
	children []*node
	attrs    []*node
	doc      *node
	// empty is IsEmpty: the element was written <a/>.
	empty bool
	// preserve is PreserveWhitespace of a document.
	preserve bool
	// obj is the object that scripts have of it.
	obj *ps.Object
}

// class is the type of a node.
func (n *node) class() string {
	switch n.kind {
	case xmlElement:
		return xmlSpace + "XmlElement"
	case xmlAttribute:
		return xmlSpace + "XmlAttribute"
	case xmlText:
		return xmlSpace + "XmlText"
	case xmlCData:
		return xmlSpace + "XmlCDataSection"
	case xmlPI:
		return xmlSpace + "XmlProcessingInstruction"
	case xmlComment:
		return xmlSpace + "XmlComment"
	case xmlDocument:
		return xmlSpace + "XmlDocument"
	case xmlDoctype:
		return xmlSpace + "XmlDocumentType"
	case xmlFragment:
		return xmlSpace + "XmlDocumentFragment"
	case xmlWhitespace:
		return xmlSpace + "XmlWhitespace"
	case xmlSignificant:
		return xmlSpace + "XmlSignificantWhitespace"
	}
	return xmlSpace + "XmlDeclaration"
}

// object is the one object that scripts have of a node; a nil node is $null.
func (n *node) object(s *ps.Session) any {
	if n == nil {
		return nil
	}
	if n.obj == nil {
		n.obj = s.Object(n.class(), n)
	}
	return n.obj
}

// name is the name with its prefix, or what .NET calls nodes without one.
func (n *node) name() string {
	switch n.kind {
	case xmlElement, xmlAttribute:
		if n.prefix != "" {
			return n.prefix + ":" + n.local
		}
	}
	return n.localName()
}

func (n *node) localName() string {
	switch n.kind {
	case xmlText:
		return "#text"
	case xmlCData:
		return "#cdata-section"
	case xmlComment:
		return "#comment"
	case xmlDocument:
		return "#document"
	case xmlFragment:
		return "#document-fragment"
	case xmlWhitespace:
		return "#whitespace"
	case xmlSignificant:
		return "#significant-whitespace"
	case xmlDeclaration:
		return "xml"
	}
	return n.local
}

// isText reports whether a node is text in the sense of InnerText.
func (n *node) isText() bool {
	switch n.kind {
	case xmlText, xmlCData, xmlWhitespace, xmlSignificant:
		return true
	}
	return false
}

// innerText is the text of a node and all below it.
func (n *node) innerText() string {
	switch n.kind {
	case xmlElement, xmlDocument, xmlFragment:
	default:
		return n.value
	}
	if len(n.children) == 1 && n.children[0].isText() {
		return n.children[0].value
	}
	var b strings.Builder
	n.writeText(&b)
	return b.String()
}

func (n *node) writeText(b *strings.Builder) {
	for _, c := range n.children {
		switch {
		case c.isText():
			b.WriteString(c.value)
		case c.kind == xmlElement:
			c.writeText(b)
		}
	}
}

// setText replaces what is in a node by a text.
func (n *node) setText(text string) {
	switch n.kind {
	case xmlElement, xmlFragment:
		n.children = nil
		if text == "" && n.kind == xmlElement {
			n.empty = false
		}
		n.append(n.document().newNode(xmlText, text))
	default:
		n.value = text
	}
}

// document is the document that a node belongs to.
func (n *node) document() *node {
	if n.kind == xmlDocument {
		return n
	}
	return n.doc
}

func (n *node) newNode(kind xmlKind, value string) *node {
	return &node{kind: kind, value: value, doc: n.document()}
}

func (n *node) root() *node {
	for _, c := range n.children {
		if c.kind == xmlElement {
			return c
		}
	}
	return nil
}

// append adds a child at the end. What is somewhere else moves; a fragment's
// children move.
func (n *node) append(c *node) { n.insert(c, len(n.children)) }

func (n *node) insert(c *node, at int) {
	if c.kind == xmlFragment {
		list := c.children
		c.children = nil
		for i, x := range list {
			x.parent = nil
			n.insert(x, at+i)
		}
		return
	}
	if c.parent != nil {
		if c.parent == n && slices.Index(n.children, c) < at {
			at--
		}
		c.parent.remove(c)
	}
	c.parent = n
	n.children = slices.Insert(n.children, at, c)
	n.empty = false
}

func (n *node) remove(c *node) bool {
	i := slices.Index(n.children, c)
	if i < 0 {
		return false
	}
	n.children = slices.Delete(n.children, i, i+1)
	c.parent = nil
	return true
}

// within reports whether n is a or below it.
func (n *node) within(a *node) bool {
	for x := n; x != nil; x = x.parent {
		if x == a {
			return true
		}
	}
	return false
}

// attr returns the attribute of a name with its prefix, or nil.
func (n *node) attr(name string) *node {
	for _, a := range n.attrs {
		if a.name() == name {
			return a
		}
	}
	return nil
}

func (n *node) attrNS(local, ns string) *node {
	for _, a := range n.attrs {
		if a.local == local && a.ns == ns {
			return a
		}
	}
	return nil
}

// setAttr puts an attribute in, in place of one of its name, which is returned.
func (n *node) setAttr(a *node) *node {
	if a.parent != nil && a.parent != n {
		a.parent.attrs = slices.DeleteFunc(a.parent.attrs, func(x *node) bool { return x == a })
	}
	a.parent = n
	for i, x := range n.attrs {
		if x.local == a.local && x.ns == a.ns {
			n.attrs[i] = a
			if x != a {
				x.parent = nil
			}
			return x
		}
	}
	n.attrs = append(n.attrs, a)
	return nil
}

func (n *node) removeAttr(a *node) {
	n.attrs = slices.DeleteFunc(n.attrs, func(x *node) bool { return x == a })
	a.parent = nil
}

// namespace returns what a prefix means at a node; ok is false for one that
// nobody has declared.
func (n *node) namespace(prefix string) (uri string, ok bool) {
	switch prefix {
	case "xml":
		return xmlPrefix, true
	case "xmlns":
		return xmlnsURI, true
	}
	for e := n; e != nil; e = e.parent {
		if e.kind != xmlElement {
			continue
		}
		for _, a := range e.attrs {
			if prefix == "" && a.prefix == "" && a.local == "xmlns" || prefix != "" && a.prefix == "xmlns" && a.local == prefix {
				return a.value, true
			}
		}
		if e.prefix == prefix && e.ns != "" {
			return e.ns, true
		}
	}
	return "", prefix == ""
}

// prefixOf is the prefix that stands for a namespace at a node.
func (n *node) prefixOf(uri string) string {
	for e := n; e != nil; e = e.parent {
		for _, a := range e.attrs {
			if a.prefix == "xmlns" && a.value == uri {
				return a.local
			}
		}
		if e.kind == xmlElement && e.ns == uri {
			return e.prefix
		}
	}
	return ""
}

// clone copies a node into a document.
func (n *node) clone(doc *node, deep bool) *node {
	c := &node{kind: n.kind, prefix: n.prefix, local: n.local, ns: n.ns, value: n.value, doc: doc, empty: n.empty, preserve: n.preserve}
	if n.kind == xmlDocument {
		c.doc, doc = nil, c
	}
	for _, a := range n.attrs {
		b := a.clone(doc, true)
		b.parent = c
		c.attrs = append(c.attrs, b)
	}
	if !deep {
		if n.kind == xmlElement {
			c.empty = true
		}
		return c
	}
	for _, x := range n.children {
		y := x.clone(doc, true)
		y.parent = c
		c.children = append(c.children, y)
	}
	return c
}

// elements calls yield for the elements below a node, in the order of the
// document.
func (n *node) elements(yield func(*node) bool) bool {
	for _, c := range n.children {
		if c.kind == xmlElement && !yield(c) {
			return false
		}
		if !c.elements(yield) {
			return false
		}
	}
	return true
}

// nearby returns the sibling behind a node, or before it.
func (n *node) nearby(step int) *node {
	if n.parent == nil || n.kind == xmlAttribute {
		return nil
	}
	i := slices.Index(n.parent.children, n) + step
	if i < 0 || i >= len(n.parent.children) {
		return nil
	}
	return n.parent.children[i]
}

// splitName takes "p:x" apart.
func splitName(name string) (prefix, local string) {
	if p, l, ok := strings.Cut(name, ":"); ok {
		return p, l
	}
	return "", name
}

// pseudo returns an attribute of a declaration: version, encoding, standalone.
func (n *node) pseudo(name string) string {
	for rest := n.value; ; {
		key, after, ok := strings.Cut(rest, "=")
		if !ok {
			return ""
		}
		after = strings.TrimLeft(after, " \t\r\n")
		if after == "" {
			return ""
		}
		end := strings.IndexByte(after[1:], after[0])
		if end < 0 {
			return ""
		}
		if strings.TrimSpace(key) == name {
			return after[1 : 1+end]
		}
		rest = after[end+2:]
	}
}

// declaration is the text of a declaration.
func declarationText(version, encoding, standalone string) string {
	text := `version="` + version + `"`
	if encoding != "" {
		text += ` encoding="` + encoding + `"`
	}
	if standalone != "" {
		text += ` standalone="` + standalone + `"`
	}
	return text
}
