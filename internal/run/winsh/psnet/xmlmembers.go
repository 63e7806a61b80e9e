package psnet

import (
	"context"
	"slices"
	"strings"

	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/run/winsh/ps"
)

// nodeMembers are the methods that all nodes have.
func nodeMembers() []ps.Member {
	const one = "System.Xml.XmlNode newChild"
	list := []ps.Member{
		method("AppendChild", xmlNodeTop, placing(func(n *node, _ *node) int { return len(n.children) }), one),
		method("PrependChild", xmlNodeTop, placing(func(*node, *node) int { return 0 }), one),
		method("InsertBefore", xmlNodeTop, placing(func(n, ref *node) int {
			if ref == nil {
				return len(n.children)
			}
			return slices.Index(n.children, ref)
		}), one+", System.Xml.XmlNode refChild"),
		method("InsertAfter", xmlNodeTop, placing(func(n, ref *node) int {
			if ref == nil {
				return 0
			}
			if i := slices.Index(n.children, ref); i >= 0 {
				return i + 1
			}
			return -1
		}), one+", System.Xml.XmlNode refChild"),
		method("RemoveChild", xmlNodeTop, can(func(in *ps.Invoke) (any, error) {
			c := nodeArg(in, 0)
			if c == nil || !nodeSelf(in).remove(c) {
				return nil, throw(argumentException, "The node to be removed is not a child of this node.")
			}
			return in.Args[0], nil
		}), "System.Xml.XmlNode oldChild"),
		method("ReplaceChild", xmlNodeTop, can(replaceChild), one+", System.Xml.XmlNode oldChild"),
		method("RemoveAll", "void", do(func(in *ps.Invoke) error {
			n := nodeSelf(in)
			for _, c := range slices.Clone(n.children) {
				n.remove(c)
			}
			n.attrs = nil
			return nil
		}), ""),
		method("Clone", xmlNodeTop, val(func(in *ps.Invoke) any { return nodeSelf(in).clone(nodeSelf(in).document(), true).object(in.Session) }), ""),
		method("CloneNode", xmlNodeTop, val(func(in *ps.Invoke) any {
			return nodeSelf(in).clone(nodeSelf(in).document(), in.Bool(0)).object(in.Session)
		}), "bool deep"),
		method("SelectNodes", xmlSpace+"XmlNodeList", selecting(false), "string xpath", "string xpath, System.Xml.XmlNamespaceManager nsmgr"),
		method("SelectSingleNode", xmlNodeTop, selecting(true), "string xpath", "string xpath, System.Xml.XmlNamespaceManager nsmgr"),
		method("GetNamespaceOfPrefix", "string", val(func(in *ps.Invoke) any { uri, _ := nodeSelf(in).namespace(in.String(0)); return uri }), "string prefix"),
		method("GetPrefixOfNamespace", "string", val(func(in *ps.Invoke) any { return nodeSelf(in).prefixOf(in.String(0)) }), "string namespaceURI"),
		method("Normalize", "void", nothing, ""),
		method("WriteTo", "void", writeNode(func(w *xmlWriter, n *node) { w.node(n) }), "System.Xml.XmlWriter w"),
		method("WriteContentTo", "void", writeNode(func(w *xmlWriter, n *node) {
			for _, c := range n.children {
				w.node(c)
			}
		}), "System.Xml.XmlWriter w"),
		method("GetEnumerator", enumeratorName, val(func(in *ps.Invoke) any {
			return newEnumerator(in.Session, nodeList(in.Session, nodeSelf(in).children).Items)
		}), ""),
		method("ToString", "string", val(func(in *ps.Invoke) any { return nodeSelf(in).localName() }), ""),
	}
	return append(list, refused("navigators are not supported", "use SelectNodes and SelectSingleNode", "CreateNavigator")...)
}

func writeNode(f func(w *xmlWriter, n *node)) run {
	return func(ctx context.Context, in *ps.Invoke) (any, error) {
		d, ok := dataOf[*writing](in, 0)
		if !ok {
			return nil, nullArgument(in.Session, "w")
		}
		f(d.w, nodeSelf(in))
		return nil, d.flush(ctx)
	}
}

// placing makes a method that puts a child at a place.
func placing(place func(n, ref *node) int) run {
	return can(func(in *ps.Invoke) (any, error) {
		n, c := nodeSelf(in), nodeArg(in, 0)
		if c == nil {
			return nil, throw(invalidOperation, "Cannot insert the node in the specified location.")
		}
		var ref *node
		if len(in.Args) > 1 {
			ref = nodeArg(in, 1)
		}
		if ref == c {
			return in.Args[0], nil
		}
		if err := mayInsert(n, c); err != nil {
			return nil, err
		}
		at := place(n, ref)
		if at < 0 {
			return nil, throw(argumentException, "The reference node is not a child of this node.")
		}
		n.insert(c, at)
		return in.Args[0], nil
	})
}

// mayInsert fails for a child that a node cannot have.
func mayInsert(n, c *node) error {
	switch {
	case n.kind != xmlElement && n.kind != xmlDocument && n.kind != xmlFragment:
		return throw(invalidOperation, "The current node cannot contain other nodes.")
	case n == c || n.within(c):
		return throw(argumentException, "Cannot insert a node or any ancestor of that node as a child of itself.")
	case c.document() != n.document():
		return throw(argumentException, "The node to be inserted is from a different document context.")
	case c.kind == xmlAttribute || c.kind == xmlDocument, n.kind == xmlDocument && c.isText() && c.kind != xmlWhitespace:
		return throw(invalidOperation, "The specified node cannot be inserted as the valid child of this node, because the specified node is the wrong type.")
	case n.kind == xmlDocument && c.kind == xmlElement && n.root() != nil && n.root() != c:
		return throw(invalidOperation, "This document already has a 'DocumentElement' node.")
	}
	return nil
}

func replaceChild(in *ps.Invoke) (any, error) {
	n, fresh, old := nodeSelf(in), nodeArg(in, 0), nodeArg(in, 1)
	at := slices.Index(n.children, old)
	if old == nil || at < 0 {
		return nil, throw(argumentException, "The reference node is not a child of this node.")
	}
	if fresh == nil {
		return nil, throw(invalidOperation, "Cannot insert the node in the specified location.")
	}
	n.remove(old)
	if err := mayInsert(n, fresh); err != nil {
		n.insert(old, at)
		return nil, err
	}
	n.insert(fresh, min(at, len(n.children)))
	return in.Args[1], nil
}

// selecting makes SelectNodes and SelectSingleNode.
func selecting(single bool) run {
	return func(ctx context.Context, in *ps.Invoke) (any, error) {
		var prefixes map[string]string
		if m, ok := dataOf[*namespaceManager](in, 1); ok {
			prefixes = m.uris
		}
		nodes, err := selectNodes(ctx, in.Session.Machine(), nodeSelf(in), in.String(0), prefixes)
		if err != nil {
			return nil, err
		}
		if !single {
			return nodeList(in.Session, nodes), nil
		}
		if len(nodes) == 0 {
			return nil, nil
		}
		return nodes[0].object(in.Session), nil
	}
}

// elementMembers are the methods of XmlElement.
func elementMembers() []ps.Member {
	get := func(in *ps.Invoke) *node {
		if len(in.Args) == 2 {
			return nodeSelf(in).attrNS(in.String(0), in.String(1))
		}
		return nodeSelf(in).attr(in.String(0))
	}
	return []ps.Member{
		method("GetAttribute", "string", val(func(in *ps.Invoke) any {
			if a := get(in); a != nil {
				return a.value
			}
			return ""
		}), "string name", "string localName, string namespaceURI"),
		method("GetAttributeNode", xmlSpace+"XmlAttribute", val(func(in *ps.Invoke) any { return get(in).object(in.Session) }), "string name", "string localName, string namespaceURI"),
		method("HasAttribute", "bool", val(func(in *ps.Invoke) any { return get(in) != nil }), "string name", "string localName, string namespaceURI"),
		also(method("SetAttribute", "void", can(func(in *ps.Invoke) (any, error) {
			n, name := nodeSelf(in), in.String(0)
			if a := n.attr(name); a != nil {
				a.value = in.String(1)
				return nil, nil
			}
			short := *in
			short.Args = in.Args[:1]
			a, err := newNamed(&short, n.document(), xmlAttribute)
			if err != nil {
				return nil, err
			}
			if a.ns == "" && a.prefix != "" {
				a.ns, _ = n.namespace(a.prefix)
			}
			a.value = in.String(1)
			n.setAttr(a)
			return nil, nil
		}), "string name, string value"), ps.O("string localName, string namespaceURI, string value", can(setAttributeNS))),
		method("SetAttributeNode", xmlSpace+"XmlAttribute", val(func(in *ps.Invoke) any {
			a := nodeArg(in, 0)
			if a == nil || a.kind != xmlAttribute {
				return nil
			}
			return nodeSelf(in).setAttr(a).object(in.Session)
		}), "System.Xml.XmlAttribute newAttr"),
		method("RemoveAttribute", "void", do(func(in *ps.Invoke) error {
			if a := get(in); a != nil {
				nodeSelf(in).removeAttr(a)
			}
			return nil
		}), "string name", "string localName, string namespaceURI"),
		method("RemoveAttributeNode", xmlSpace+"XmlAttribute", val(func(in *ps.Invoke) any {
			if a := nodeArg(in, 0); a != nil && a.parent == nodeSelf(in) {
				nodeSelf(in).removeAttr(a)
				return in.Args[0]
			}
			return nil
		}), "System.Xml.XmlAttribute oldAttr"),
		method("RemoveAllAttributes", "void", do(func(in *ps.Invoke) error { nodeSelf(in).attrs = nil; return nil }), ""),
		method("GetElementsByTagName", xmlSpace+"XmlNodeList", val(byTagName), "string name", "string localName, string namespaceURI"),
		indexer(xmlSpace+"XmlElement", val(childElement), "string name", "string localname, string ns"),
	}
}

// setAttributeNS is SetAttribute with a namespace: the prefix is one that means
// it, or a new one.
func setAttributeNS(in *ps.Invoke) (any, error) {
	n, local, ns := nodeSelf(in), in.String(0), in.String(1)
	if a := n.attrNS(local, ns); a != nil {
		a.value = in.String(2)
		return in.String(2), nil
	}
	if err := checkName(local); err != nil {
		return nil, err
	}
	a := n.document().newNode(xmlAttribute, in.String(2))
	a.local, a.ns = local, ns
	switch ns {
	case "":
	case xmlnsURI:
		if local != "xmlns" {
			a.prefix = "xmlns"
		}
	default:
		if a.prefix = n.prefixOf(ns); a.prefix == "" {
			a.prefix = "d1p1" // as writers of .NET call namespaces without a prefix
		}
	}
	n.setAttr(a)
	return in.String(2), nil
}

// charDataMembers are the methods of texts and comments.
func charDataMembers() []ps.Member {
	size := func(n *node) int { return textLen(n.value) }
	part := func(in *ps.Invoke) (*node, int, int, error) {
		n, from, count := nodeSelf(in), in.Int(0), in.Int(1)
		if from < 0 || count < 0 || from > size(n) {
			return n, 0, 0, outOfRange(in.Session, "Specified argument was out of the range of valid values.", "offset")
		}
		return n, from, min(count, size(n)-from), nil
	}
	change := func(f func(n *node, from, count int, text string)) run {
		return can(func(in *ps.Invoke) (any, error) {
			n, from, count, err := part(in)
			if err == nil {
				f(n, from, count, in.String(2))
			}
			return nil, err
		})
	}
	return []ps.Member{
		method("AppendData", "void", do(func(in *ps.Invoke) error { nodeSelf(in).value += in.String(0); return nil }), "string strData"),
		method("Substring", "string", can(func(in *ps.Invoke) (any, error) {
			n, from, count, err := part(in)
			if err != nil {
				return nil, err
			}
			return cut(n.value, from, count), nil
		}), "int offset, int count"),
		method("DeleteData", "void", change(func(n *node, from, count int, _ string) {
			n.value = cut(n.value, 0, from) + cut(n.value, from+count, size(n)-from-count)
		}), "int offset, int count"),
		method("ReplaceData", "void", change(func(n *node, from, count int, text string) {
			n.value = cut(n.value, 0, from) + text + cut(n.value, from+count, size(n)-from-count)
		}), "int offset, int count, string strData"),
	}
}

// xmlFound are the attributes and children that a property of PowerShell means.
func xmlFound(n *node, name string) []*node {
	var list []*node
	for _, a := range n.attrs {
		if strings.EqualFold(a.local, name) {
			list = append(list, a)
		}
	}
	for _, c := range n.children {
		if c.kind != xmlWhitespace && strings.EqualFold(c.localName(), name) {
			list = append(list, c)
		}
	}
	return list
}

// xmlValue is what a property shows of a node: a text, where there is nothing
// but a text.
func xmlValue(s *ps.Session, n *node) any {
	switch {
	case n.kind == xmlText:
		return n.value
	case n.kind == xmlAttribute:
		return n.value
	case len(n.attrs) > 0:
		return n.object(s)
	case len(n.children) == 0:
		return n.innerText()
	case len(n.children) == 1 && n.children[0].kind == xmlText:
		return n.innerText()
	}
	return n.object(s)
}

// xmlGet reads a property: elements and attributes come before those of .NET.
func xmlGet(_ context.Context, in *ps.Invoke, name string) (any, bool, error) {
	n := nodeSelf(in)
	found := xmlFound(n, name)
	switch len(found) {
	case 0:
		if get := nodeProperties()[strings.ToLower(name)].get; get != nil {
			v, ok := get(in.Session, n)
			return v, ok, nil
		}
		return nil, false, nil
	case 1:
		return xmlValue(in.Session, found[0]), true, nil
	}
	items := make([]any, len(found))
	for i, f := range found {
		items[i] = xmlValue(in.Session, f)
	}
	return ps.NewArray(items...), true, nil
}

// xmlSet assigns to an attribute or an element with nothing but a text.
func xmlSet(_ context.Context, in *ps.Invoke, name string, v any) (bool, error) {
	n := nodeSelf(in)
	found := xmlFound(n, name)
	if len(found) == 0 {
		p, ok := nodeProperties()[strings.ToLower(name)]
		if !ok {
			return false, nil
		}
		if p.set == nil {
			return true, throw("System.Management.Automation.SetValueException", "'"+name+"' is a ReadOnly property.")
		}
		return true, p.set(in, n, v)
	}
	const set = "System.Management.Automation.SetValueException"
	text, isText := ps.Unwrap(v).(string)
	switch f := found[0]; {
	case !isText:
		return true, throw(set, `Cannot set "`+name+`" because only strings can be used as values to set XmlNode properties.`)
	case len(found) > 1:
		return true, throw(set, `Cannot set "`+name+`" because there is more than one node of that name.`)
	case f.kind == xmlText || f.kind == xmlAttribute:
		f.value = text
	case len(f.attrs) > 0, len(f.children) > 1, len(f.children) == 1 && f.children[0].kind != xmlText:
		return true, throw(set, `Cannot set "`+name+`" because only nodes that contain nothing but a text can be set.`)
	default:
		f.setText(text)
	}
	return true, nil
}

// xmlNames are the properties that PowerShell lists of a node.
func xmlNames(in *ps.Invoke) []string {
	var list []string
	add := func(name string) {
		if !slices.Contains(list, name) {
			list = append(list, name)
		}
	}
	n := nodeSelf(in)
	for _, a := range n.attrs {
		add(a.local)
	}
	for _, c := range n.children {
		if c.kind != xmlWhitespace {
			add(c.localName())
		}
	}
	return list
}

// nodeProperty is a property that .NET has; ok is false for nodes that do not
// have it.
type nodeProperty struct {
	get func(s *ps.Session, n *node) (v any, ok bool)
	set func(in *ps.Invoke, n *node, v any) error
}

// nodeProperties are the properties of all nodes by lower-case name.
func nodeProperties() map[string]nodeProperty { return allNodeProperties() }

// setInner parses what InnerXml is set to.
func setInner(in *ps.Invoke, n *node, v any) error {
	text := in.Session.ToString(v)
	switch n.kind {
	case xmlDocument:
		return parseXML(n, text, true)
	case xmlElement, xmlFragment:
		list, err := parseFragment(n, text)
		if err != nil {
			return err
		}
		for _, c := range slices.Clone(n.children) {
			n.remove(c)
		}
		n.empty = false
		for _, c := range list {
			n.append(c)
		}
		return nil
	case xmlAttribute:
		n.value = text
		return nil
	}
	return throw(invalidOperation, "Cannot set the 'InnerXml' for the current node because it is either read-only or cannot have children.")
}

// setValue is the setter of Value.
func setValue(in *ps.Invoke, n *node, v any) error {
	switch n.kind {
	case xmlElement, xmlDocument, xmlFragment, xmlDoctype:
		return throw(invalidOperation, "Cannot set a value on node type '"+in.Session.EnumName(in.Session.Enum(xmlSpace+"XmlNodeType", int64(n.kind)))+"'.")
	}
	n.value = in.Session.ToString(v)
	return nil
}

// setText is the setter of InnerText.
func setInnerText(in *ps.Invoke, n *node, v any) error {
	if n.kind == xmlDocument {
		return throw(invalidOperation, "The 'InnerText' of a 'Document' node is read-only and cannot be set.")
	}
	n.setText(in.Session.ToString(v))
	return nil
}

// refuseProperty is a property that cannot be done.
func refuseProperty(name, reason, way string) nodeProperty {
	return nodeProperty{set: func(*ps.Invoke, *node, any) error { return machine.Refuse("XmlNode."+name, reason, way) }, get: func(*ps.Session, *node) (any, bool) { return nil, true }}
}
