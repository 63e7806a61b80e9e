package psnet

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/run/winsh/ps"
)

// xmlParser reads XML 1.0 with namespaces, without validating. Entities other
// than the five of XML and those of characters are unknown, as for a reader that
// resolves nothing.
type xmlParser struct {
	s   string
	at  int
	doc *node
	// open are the elements that are not closed, with the places of their tags.
	open  []*node
	marks []int
	depth int
	old   bool
}

// maxXMLDepth bounds how deep elements may lie within each other.
const maxXMLDepth = 4096

// parseXML reads a document into doc, which is emptied. Readers of old, which
// Load and LoadXml use, leave line ends and blanks in attributes as they are.
func parseXML(doc *node, text string, old bool) error {
	if !old && strings.Contains(text, "\r") {
		text = strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\r", "\n")
	}
	p := &xmlParser{s: text, doc: doc, old: old}
	doc.children = nil
	if err := p.document(); err != nil {
		doc.children = nil
		return err
	}
	return nil
}

// parseFragment reads what InnerXml is set to, in the scope of an element.
func parseFragment(scope *node, text string) ([]*node, error) {
	top := &node{kind: xmlElement, local: "x", doc: scope.document(), parent: scope}
	p := &xmlParser{s: text, doc: scope.document(), open: []*node{top}, marks: []int{-1}, old: true}
	for p.at < len(p.s) {
		if err := p.content(); err != nil {
			return nil, err
		}
	}
	if len(p.open) != 1 {
		return nil, p.unclosed()
	}
	for _, c := range top.children {
		c.parent = nil
	}
	return top.children, nil
}

// fail is an XmlException at a place of the text.
func (p *xmlParser) fail(at int, message string) error {
	before := p.s[:min(at, len(p.s))]
	line := 1 + strings.Count(before, "\n")
	col := 1 + len(ps.Units(before[strings.LastIndexByte(before, '\n')+1:]))
	return throw("System.Xml.XmlException", fmt.Sprintf("%s Line %d, position %d.", message, line, col))
}

// document reads prolog, root element and what follows.
func (p *xmlParser) document() error {
	if strings.HasPrefix(p.s, "\ufeff") {
		return p.fail(0, "Data at the root level is invalid.")
	}
	rooted := false
	for {
		if p.doc.preserve {
			if ws := p.blanks(); ws != "" {
				p.doc.append(p.doc.newNode(xmlWhitespace, ws))
			}
		} else {
			p.blanks()
		}
		if p.at >= len(p.s) {
			break
		}
		rest := p.s[p.at:]
		switch {
		case strings.HasPrefix(rest, "<!--"), strings.HasPrefix(rest, "<?"):
			if err := p.misc(p.doc); err != nil {
				return err
			}
		case strings.HasPrefix(rest, "<!DOCTYPE") && !rooted:
			if err := p.doctype(); err != nil {
				return err
			}
		case rest[0] != '<' || strings.HasPrefix(rest, "<!") || strings.HasPrefix(rest, "</"):
			return p.fail(p.at, "Data at the root level is invalid.")
		case rooted:
			return p.fail(p.at+1, "There are multiple root elements.")
		default:
			rooted = true
			if err := p.tree(); err != nil {
				return err
			}
		}
	}
	if !rooted {
		return throw("System.Xml.XmlException", "Root element is missing.")
	}
	return nil
}

// tree reads the root element to its end.
func (p *xmlParser) tree() error {
	if err := p.startTag(p.doc); err != nil {
		return err
	}
	for len(p.open) > 0 {
		if p.at >= len(p.s) {
			return p.unclosed()
		}
		if err := p.content(); err != nil {
			return err
		}
	}
	return nil
}

func (p *xmlParser) unclosed() error {
	var list []string
	for i := len(p.open) - 1; i >= 0; i-- {
		list = append(list, p.open[i].name())
	}
	return p.fail(len(p.s), "Unexpected end of file has occurred. The following elements are not closed: "+strings.Join(list, ", ")+".")
}

func (p *xmlParser) blanks() string {
	start := p.at
	for p.at < len(p.s) && strings.IndexByte(" \t\r\n", p.s[p.at]) >= 0 {
		p.at++
	}
	return p.s[start:p.at]
}

// content reads one item of the innermost open element.
func (p *xmlParser) content() error {
	top := p.open[len(p.open)-1]
	rest := p.s[p.at:]
	switch {
	case strings.HasPrefix(rest, "</"):
		return p.endTag(top)
	case strings.HasPrefix(rest, "<![CDATA["):
		end := strings.Index(rest, "]]>")
		if end < 0 {
			return p.fail(len(p.s), "Unexpected end of file while parsing CDATA has occurred.")
		}
		top.append(p.doc.newNode(xmlCData, rest[len("<![CDATA["):end]))
		p.at += end + 3
		return nil
	case strings.HasPrefix(rest, "<!--"), strings.HasPrefix(rest, "<?"):
		return p.misc(top)
	case rest[0] == '<':
		return p.startTag(top)
	}
	return p.text(top)
}

// misc reads a comment, a processing instruction or the declaration.
func (p *xmlParser) misc(parent *node) error {
	rest := p.s[p.at:]
	if strings.HasPrefix(rest, "<!--") {
		end := strings.Index(rest[4:], "--")
		switch {
		case end < 0:
			return p.fail(len(p.s), "Unexpected end of file while parsing Comment has occurred.")
		case !strings.HasPrefix(rest[4+end:], "-->"):
			return p.fail(p.at+4+end, "An XML comment cannot contain '--', and '-' cannot be the last character.")
		}
		parent.append(p.doc.newNode(xmlComment, rest[4:4+end]))
		p.at += end + 7
		return nil
	}
	start := p.at
	p.at += 2
	name, err := p.name()
	if err != nil {
		return err
	}
	end := strings.Index(p.s[p.at:], "?>")
	if end < 0 {
		return p.fail(len(p.s), "Unexpected end of file while parsing PI has occurred.")
	}
	value := strings.TrimLeft(p.s[p.at:p.at+end], " \t\r\n")
	p.at += end + 2
	if strings.EqualFold(name, "xml") {
		return p.declaration(start, name, value, parent)
	}
	n := p.doc.newNode(xmlPI, value)
	n.local = name
	parent.append(n)
	return nil
}

func (p *xmlParser) declaration(start int, name, value string, parent *node) error {
	if start != 0 || parent != p.doc || name != "xml" {
		return p.fail(start+2, "Unexpected XML declaration. The XML declaration must be the first node in the document, and no whitespace characters are allowed to appear before it.")
	}
	n := p.doc.newNode(xmlDeclaration, "")
	n.value = strings.TrimSpace(value)
	version := n.pseudo("version")
	if version == "" {
		return p.fail(start+6, "Syntax for an XML declaration is invalid.")
	}
	if version != "1.0" {
		return p.fail(start+15, "Version number '"+version+"' is invalid.")
	}
	n.value = declarationText(version, n.pseudo("encoding"), n.pseudo("standalone"))
	p.doc.append(n)
	return nil
}

// doctype reads a document type. Its declarations are kept as text.
func (p *xmlParser) doctype() error {
	start := p.at
	depth, quote := 0, byte(0)
	for i := p.at; i < len(p.s); i++ {
		c := p.s[i]
		switch {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '[':
			depth++
		case c == ']':
			depth--
		case c == '>' && depth <= 0:
			n := p.doc.newNode(xmlDoctype, strings.TrimSpace(p.s[start+len("<!DOCTYPE"):i]))
			n.local, _, _ = strings.Cut(n.value, " ")
			if strings.Contains(n.value, "<!ENTITY") {
				return machine.Refuse("<!DOCTYPE "+n.local+">", "entities that a document declares are not expanded", "leave the declarations out")
			}
			p.doc.append(n)
			p.at = i + 1
			return nil
		}
	}
	return p.fail(len(p.s), "Unexpected end of file while parsing DOCTYPE has occurred.")
}

func nameStart(r rune) bool { return r == '_' || r == ':' || unicode.IsLetter(r) }

func nameRune(r rune) bool {
	return nameStart(r) || r == '-' || r == '.' || unicode.IsDigit(r) || r == 0xb7 || unicode.Is(unicode.Mn, r) || unicode.Is(unicode.Mc, r)
}

// name reads a name, with its prefix.
func (p *xmlParser) name() (string, error) {
	start := p.at
	for p.at < len(p.s) {
		r, size := utf8.DecodeRuneInString(p.s[p.at:])
		if !nameRune(r) || p.at == start && !nameStart(r) {
			break
		}
		p.at += size
	}
	if p.at == start {
		if p.at >= len(p.s) {
			return "", p.fail(p.at, "Unexpected end of file has occurred.")
		}
		r, _ := utf8.DecodeRuneInString(p.s[p.at:])
		return "", p.fail(p.at, fmt.Sprintf("Name cannot begin with the '%s' character, hexadecimal value 0x%02X.", shownRune(r), r))
	}
	name := p.s[start:p.at]
	if i := strings.IndexByte(name, ':'); i == 0 || i == len(name)-1 || i > 0 && strings.IndexByte(name[i+1:], ':') >= 0 {
		return "", p.fail(start+max(i, 0), "The ':' character, hexadecimal value 0x3A, cannot be included in a name.")
	}
	return name, nil
}

func shownRune(r rune) string {
	if r < ' ' {
		return "."
	}
	return string(r)
}

// startTag reads a start tag with its attributes.
func (p *xmlParser) startTag(parent *node) error {
	p.at++
	mark := p.at
	name, err := p.name()
	if err != nil {
		return err
	}
	n := &node{kind: xmlElement, doc: p.doc}
	n.prefix, n.local = splitName(name)
	var places []int
	for {
		gap := p.blanks()
		if p.at >= len(p.s) {
			return p.fail(p.at, "Unexpected end of file has occurred. The following elements are not closed: "+strings.Join(append([]string{name}, p.names()...), ", ")+".")
		}
		c := p.s[p.at]
		if c == '>' || c == '/' {
			break
		}
		if gap == "" {
			return p.unexpected("'>'", c)
		}
		places = append(places, p.at)
		if err := p.attribute(n); err != nil {
			return err
		}
	}
	if p.s[p.at] == '/' {
		p.at++
		if p.at >= len(p.s) || p.s[p.at] != '>' {
			return p.fail(p.at, "'/' is an unexpected token. The expected token is '>'.")
		}
		n.empty = true
	}
	p.at++
	n.parent = parent
	if err := p.resolve(n, mark, places); err != nil {
		return err
	}
	n.parent = nil
	empty := n.empty
	parent.append(n)
	n.empty = empty
	if empty {
		return nil
	}
	if p.depth++; p.depth > maxXMLDepth {
		return &machine.LimitError{What: "the depth of a document", Limit: maxXMLDepth, Unit: "elements"}
	}
	p.open, p.marks = append(p.open, n), append(p.marks, mark)
	return nil
}

func (p *xmlParser) names() []string {
	var list []string
	for i := len(p.open) - 1; i >= 0; i-- {
		list = append(list, p.open[i].name())
	}
	return list
}

func (p *xmlParser) unexpected(want string, c byte) error {
	r, _ := utf8.DecodeRuneInString(p.s[p.at:])
	if c >= utf8.RuneSelf {
		return p.fail(p.at, "'"+string(r)+"' is an unexpected token. The expected token is "+want+".")
	}
	return p.fail(p.at, "'"+string(rune(c))+"' is an unexpected token. The expected token is "+want+".")
}

func (p *xmlParser) attribute(n *node) error {
	start := p.at
	name, err := p.name()
	if err != nil {
		return err
	}
	p.blanks()
	if p.at >= len(p.s) || p.s[p.at] != '=' {
		if p.at >= len(p.s) {
			return p.fail(p.at, "Unexpected end of file has occurred.")
		}
		return p.unexpected("'='", p.s[p.at])
	}
	p.at++
	p.blanks()
	if p.at >= len(p.s) {
		return p.fail(p.at, "Unexpected end of file has occurred.")
	}
	quote := p.s[p.at]
	if quote != '"' && quote != '\'' {
		return p.unexpected("'\"' or '''", quote)
	}
	p.at++
	end := strings.IndexByte(p.s[p.at:], quote)
	if end < 0 {
		return p.fail(len(p.s), "There is an unclosed literal string.")
	}
	raw := p.s[p.at : p.at+end]
	if i := strings.IndexByte(raw, '<'); i >= 0 {
		return p.fail(p.at+i, "'<', hexadecimal value 0x3C, is an invalid attribute character.")
	}
	value, err := p.expand(raw, p.at, true)
	if err != nil {
		return err
	}
	p.at += end + 1
	a := &node{kind: xmlAttribute, value: value, doc: p.doc, parent: n}
	a.prefix, a.local = splitName(name)
	if n.attr(name) != nil {
		return p.fail(start, "'"+name+"' is a duplicate attribute name.")
	}
	n.attrs = append(n.attrs, a)
	return nil
}

// resolve finds the namespaces of an element and its attributes.
func (p *xmlParser) resolve(n *node, mark int, places []int) error {
	var ok bool
	if n.ns, ok = n.namespace(n.prefix); !ok {
		return p.fail(mark, "'"+n.prefix+"' is an undeclared prefix.")
	}
	for i, a := range n.attrs {
		switch {
		case a.prefix == "" && a.local == "xmlns":
			a.ns = xmlnsURI
		case a.prefix != "":
			if a.ns, ok = n.namespace(a.prefix); !ok {
				return p.fail(places[i], "'"+a.prefix+"' is an undeclared prefix.")
			}
		}
	}
	return nil
}

func (p *xmlParser) endTag(top *node) error {
	start := p.at
	p.at += 2
	nameAt := p.at
	name, err := p.name()
	if err != nil {
		return err
	}
	p.blanks()
	if p.at >= len(p.s) || p.s[p.at] != '>' {
		if p.at >= len(p.s) {
			return p.unclosed()
		}
		return p.unexpected("'>'", p.s[p.at])
	}
	if p.marks[len(p.marks)-1] < 0 {
		return p.fail(start, "Unexpected end tag.")
	}
	if name != top.name() {
		mark := p.s[:p.marks[len(p.marks)-1]]
		line := 1 + strings.Count(mark, "\n")
		col := 1 + len(ps.Units(mark[strings.LastIndexByte(mark, '\n')+1:]))
		return p.fail(nameAt, fmt.Sprintf("The '%s' start tag on line %d position %d does not match the end tag of '%s'.", top.name(), line, col, name))
	}
	p.at++
	p.depth--
	p.open, p.marks = p.open[:len(p.open)-1], p.marks[:len(p.marks)-1]
	return nil
}

// text reads characters up to the next tag. Blanks between tags count only where
// they are kept.
func (p *xmlParser) text(top *node) error {
	end := strings.IndexByte(p.s[p.at:], '<')
	if end < 0 {
		end = len(p.s) - p.at
	}
	raw := p.s[p.at : p.at+end]
	if i := strings.Index(raw, "]]>"); i >= 0 {
		return p.fail(p.at+i, "']]>' is not allowed in character data.")
	}
	text, err := p.expand(raw, p.at, false)
	if err != nil {
		return err
	}
	p.at += end
	kind := xmlText
	if strings.Trim(raw, " \t\r\n") == "" {
		switch {
		case keepsSpace(top):
			kind = xmlSignificant
		case p.doc.preserve:
			kind = xmlWhitespace
		default:
			return nil
		}
	}
	top.append(p.doc.newNode(kind, text))
	return nil
}

// keepsSpace reports whether xml:space="preserve" holds at an element.
func keepsSpace(n *node) bool {
	for e := n; e != nil; e = e.parent {
		if a := e.attrNS("space", xmlPrefix); a != nil {
			return a.value == "preserve"
		}
	}
	return false
}

// expand replaces entities. In attributes, tabs and line ends become blanks.
func (p *xmlParser) expand(raw string, at int, attribute bool) (string, error) {
	if i := strings.IndexFunc(raw, func(r rune) bool {
		return r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0xfffe || r == 0xffff
	}); i >= 0 {
		r, _ := utf8.DecodeRuneInString(raw[i:])
		return "", p.fail(at+i, fmt.Sprintf("'%s', hexadecimal value 0x%02X, is an invalid character.", shownRune(r), r))
	}
	if attribute && !p.old && strings.ContainsAny(raw, "\t\n") {
		raw = strings.NewReplacer("\t", " ", "\n", " ").Replace(raw)
	}
	if !strings.Contains(raw, "&") {
		return raw, nil
	}
	var b strings.Builder
	for i := 0; i < len(raw); {
		if raw[i] != '&' {
			b.WriteByte(raw[i])
			i++
			continue
		}
		end := strings.IndexByte(raw[i:], ';')
		if end < 2 {
			return "", p.fail(at+i+1, "An error occurred while parsing EntityName.")
		}
		name := raw[i+1 : i+end]
		text, ok := entity(name)
		if !ok {
			if strings.IndexFunc(name, func(r rune) bool { return !nameRune(r) }) >= 0 {
				return "", p.fail(at+i+1, "An error occurred while parsing EntityName.")
			}
			return "", p.fail(at+i+1, "Reference to undeclared entity '"+name+"'.")
		}
		b.WriteString(text)
		i += end + 1
	}
	return b.String(), nil
}

func entity(name string) (string, bool) {
	switch name {
	case "lt":
		return "<", true
	case "gt":
		return ">", true
	case "amp":
		return "&", true
	case "quot":
		return `"`, true
	case "apos":
		return "'", true
	}
	digits, ok := strings.CutPrefix(name, "#")
	if !ok {
		return "", false
	}
	base := 10
	if hex, ok := strings.CutPrefix(digits, "x"); ok {
		digits, base = hex, 16
	}
	n, err := strconv.ParseUint(digits, base, 32)
	if err != nil || n > 0x10ffff || n == 0 || n >= 0xd800 && n < 0xe000 {
		return "", false
	}
	return string(rune(n)), true
}
