package psnet

import (
	"strings"
	"sync"

	"github.com/casement/casement/internal/run/winsh/ps"
)

// allNodeProperties makes the table of properties, once.
var allNodeProperties = sync.OnceValue(func() map[string]nodeProperty {
	table := commonProperties()
	for name, p := range kindProperties() {
		table[name] = p
	}
	return table
})

// always is a property that every node has.
func always(get func(s *ps.Session, n *node) any) nodeProperty {
	return nodeProperty{get: func(s *ps.Session, n *node) (any, bool) { return get(s, n), true }}
}

// of is a property of some kinds of nodes.
func ofKinds(get func(s *ps.Session, n *node) any, kinds ...xmlKind) nodeProperty {
	return nodeProperty{get: func(s *ps.Session, n *node) (any, bool) {
		for _, k := range kinds {
			if n.kind == k {
				return get(s, n), true
			}
		}
		return nil, false
	}}
}

func (p nodeProperty) with(set func(in *ps.Invoke, n *node, v any) error) nodeProperty {
	p.set = set
	return p
}

// commonProperties are those of XmlNode.
func commonProperties() map[string]nodeProperty {
	kin := func(get func(n *node) *node) nodeProperty {
		return always(func(s *ps.Session, n *node) any { return get(n).object(s) })
	}
	text := func(get func(n *node) string) nodeProperty {
		return always(func(_ *ps.Session, n *node) any { return get(n) })
	}
	edge := func(last bool) nodeProperty {
		return kin(func(n *node) *node {
			switch {
			case len(n.children) == 0:
				return nil
			case last:
				return n.children[len(n.children)-1]
			}
			return n.children[0]
		})
	}
	return map[string]nodeProperty{
		"name": text((*node).name), "localname": text((*node).localName), "prefix": text(func(n *node) string { return n.prefix }), "namespaceuri": text(func(n *node) string { return n.ns }),
		"innertext": text((*node).innerText).with(setInnerText), "innerxml": text((*node).inner).with(setInner), "outerxml": text((*node).outer),
		"value": always(func(_ *ps.Session, n *node) any {
			switch n.kind {
			case xmlElement, xmlDocument, xmlFragment, xmlDoctype:
				return nil
			}
			return n.value
		}).with(setValue),
		"nodetype":      always(func(s *ps.Session, n *node) any { return s.Enum(xmlSpace+"XmlNodeType", int64(n.kind)) }),
		"haschildnodes": always(func(_ *ps.Session, n *node) any { return len(n.children) > 0 }),
		"childnodes":    always(func(s *ps.Session, n *node) any { return nodeList(s, n.children) }),
		"firstchild":    edge(false), "lastchild": edge(true),
		"nextsibling": kin(func(n *node) *node { return n.nearby(1) }), "previoussibling": kin(func(n *node) *node { return n.nearby(-1) }),
		"parentnode": kin(func(n *node) *node {
			if n.kind == xmlAttribute {
				return nil
			}
			return n.parent
		}),
		"ownerdocument": kin(func(n *node) *node { return n.doc }),
		"attributes": always(func(s *ps.Session, n *node) any {
			if n.kind != xmlElement {
				return nil
			}
			return s.Object(xmlSpace+"XmlAttributeCollection", &attributeList{s, n})
		}),
		"isreadonly": always(func(*ps.Session, *node) any { return false }),
		"baseuri":    always(func(*ps.Session, *node) any { return "" }),
		"previoustext": kin(func(n *node) *node {
			if p := n.nearby(-1); p != nil && p.isText() {
				return p
			}
			return nil
		}),
	}
}

// kindProperties are those of some kinds of nodes.
func kindProperties() map[string]nodeProperty {
	plain := func(get func(n *node) any, kinds ...xmlKind) nodeProperty {
		return ofKinds(func(_ *ps.Session, n *node) any { return get(n) }, kinds...)
	}
	data := plain(func(n *node) any { return n.value }, xmlText, xmlCData, xmlComment, xmlPI, xmlWhitespace, xmlSignificant).with(setValue)
	return map[string]nodeProperty{
		"documentelement": ofKinds(func(s *ps.Session, n *node) any { return n.root().object(s) }, xmlDocument),
		"preservewhitespace": plain(func(n *node) any { return n.preserve }, xmlDocument).with(func(in *ps.Invoke, n *node, v any) error {
			n.preserve = in.Session.ToBool(v)
			return nil
		}),
		"documenttype": ofKinds(func(s *ps.Session, n *node) any {
			for _, c := range n.children {
				if c.kind == xmlDoctype {
					return c.object(s)
				}
			}
			return nil
		}, xmlDocument),
		"nametable":   ofKinds(func(s *ps.Session, _ *node) any { return s.Object(xmlSpace+"NameTable", nil) }, xmlDocument),
		"xmlresolver": plain(func(*node) any { return nil }, xmlDocument).with(func(*ps.Invoke, *node, any) error { return nil }),
		"schemas":     refuseProperty("Schemas", "documents are not validated", "leave it out"),
		"isempty": plain(func(n *node) any { return n.empty }, xmlElement).with(func(in *ps.Invoke, n *node, v any) error {
			if n.empty = in.Session.ToBool(v); n.empty {
				n.children = nil
			}
			return nil
		}),
		"hasattributes": plain(func(n *node) any { return len(n.attrs) > 0 }, xmlElement),
		"ownerelement":  ofKinds(func(s *ps.Session, n *node) any { return n.parent.object(s) }, xmlAttribute),
		"specified":     plain(func(*node) any { return true }, xmlAttribute),
		"data":          data,
		"length":        plain(func(n *node) any { return ps.Int(textLen(n.value)) }, xmlText, xmlCData, xmlComment, xmlWhitespace, xmlSignificant),
		"target":        plain(func(n *node) any { return n.local }, xmlPI),
		"version":       plain(func(n *node) any { return n.pseudo("version") }, xmlDeclaration),
		"encoding":      plain(func(n *node) any { return n.pseudo("encoding") }, xmlDeclaration).with(setPseudo("encoding")),
		"standalone":    plain(func(n *node) any { return n.pseudo("standalone") }, xmlDeclaration).with(setPseudo("standalone")),
		"publicid":      plain(func(*node) any { return nil }, xmlDoctype),
	}
}

// setPseudo sets an attribute of the declaration.
func setPseudo(name string) func(in *ps.Invoke, n *node, v any) error {
	return func(in *ps.Invoke, n *node, v any) error {
		encoding, standalone := n.pseudo("encoding"), n.pseudo("standalone")
		text := strings.TrimSpace(in.Session.ToString(v))
		if name == "encoding" {
			encoding = text
		} else {
			standalone = text
		}
		n.value = declarationText(n.pseudo("version"), encoding, standalone)
		return nil
	}
}
