package pscmd

import (
	"context"
	"io"
	"strings"

	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/run/winsh/ps"
)

// xmlCmdlets read XML; documents are those of [xml].
func xmlCmdlets() []*ps.Cmdlet {
	const written = "XML is not written by this cmdlet here"
	return []*ps.Cmdlet{
		{
			Name: "Select-Xml", Module: moduleUtility, DefaultSet: "Xml",
			Syntax: params(`
				XPath string @1 mandatory notempty
				Path string[] @2 mandatory property notempty {Path}
				LiteralPath|PSPath|LP string[] mandatory property notempty {LiteralPath}
				Xml|Node object[] @2 mandatory pipeline property notempty {Xml}
				Content string[] mandatory pipeline notempty {Content}
				Namespace hashtable notempty`),
			Process: selectXML,
		},
		{Name: "ConvertTo-Xml", Module: moduleUtility, Refuse: written, Way: "use ConvertTo-Json, or [xml] and its Save method"},
		{Name: "Export-Clixml", Aliases: []string{"epxml"}, Module: moduleUtility, Refuse: written, Way: "use ConvertTo-Json"},
		{Name: "Import-Clixml", Aliases: []string{"ipxml"}, Module: moduleUtility, Refuse: "serialized objects are not read", Way: "use ConvertFrom-Json"},
		{Name: "ConvertTo-Html", Module: moduleUtility, Refuse: "pages are not made", Way: "write the page with Set-Content"},
	}
}

// selectXML evaluates an XPath in documents, which package psnet has.
func selectXML(ctx context.Context, c *ps.Call) error {
	var docs []any
	var from []string
	list, literal := paths(c)
	for _, path := range list {
		nodes, err := finder{s: c.Session}.find(ctx, path, literal)
		if err != nil {
			if err := report(ctx, c, err); err != nil {
				return err
			}
			continue
		}
		for _, n := range nodes {
			doc, err := readXML(ctx, c.Session, n.Name)
			if err != nil {
				if err := report(ctx, c, unreadableXML(n.Name, err)); err != nil {
					return err
				}
				continue
			}
			docs, from = append(docs, doc), append(from, n.Name)
		}
	}
	for _, name := range []string{"Content", "Xml"} {
		for _, v := range c.Values(name) {
			docs, from = append(docs, v), append(from, "InputStream")
		}
	}
	for i, v := range docs {
		if err := selectIn(ctx, c, v, from[i]); err != nil {
			return err
		}
	}
	return nil
}

// readXML reads a file as a document.
func readXML(ctx context.Context, s *ps.Session, path string) (any, error) {
	text, err := readText(ctx, s, path)
	if err != nil {
		return nil, err
	}
	return s.CastTo(ctx, text, "xml")
}

// unreadableXML is the error of a file that cannot be opened or is no XML.
func unreadableXML(path string, err error) error {
	if fatal(err) {
		return err
	}
	x := ps.ToException(err)
	for x.Inner != nil {
		x = x.Inner
	}
	return fail(argumentException, "The file '"+path+"' cannot be read: "+x.Message, "ProcessingFile", ps.InvalidArgument, path)
}

func selectIn(ctx context.Context, c *ps.Call, v any, from string) error {
	s := c.Session
	if text, ok := ps.Unwrap(v).(string); ok {
		doc, err := s.CastTo(ctx, text, "xml")
		if err != nil {
			return report(ctx, c, err)
		}
		v = doc
	}
	args := []any{c.String("XPath")}
	if t, ok := ps.Unwrap(c.Value("Namespace")).(*ps.Hashtable); ok {
		names, err := namespaces(ctx, s, v, t)
		if err != nil {
			return err
		}
		args = append(args, names)
	}
	nodes, err := s.Invoke(ctx, v, "SelectNodes", false, args...)
	if err != nil {
		return report(ctx, c, err)
	}
	return eachObject(ctx, nodes, func(ctx context.Context, n any) error {
		x := &xmlMatch{node: n, path: from, pattern: c.String("XPath")}
		for _, name := range []string{"Value", "InnerXml"} {
			v, _, err := s.Property(ctx, n, name)
			if err != nil {
				return err
			}
			if x.text = strings.TrimSpace(s.ToString(v)); !ps.IsNull(v) {
				break
			}
		}
		return c.Write(ctx, s.Object("Microsoft.PowerShell.Commands.SelectXmlInfo", x))
	})
}

// xmlMatch is the Data of a SelectXmlInfo.
type xmlMatch struct {
	node                any
	path, pattern, text string
}

// String is the text of the node, and the file that it is from.
func (x *xmlMatch) String() string {
	if x.path == "InputStream" {
		return x.text
	}
	return x.text + ":" + x.path
}

func xmlTypes() []*ps.Type {
	of := func(in *ps.Invoke) *xmlMatch { return in.Data().(*xmlMatch) }
	return []*ps.Type{{Name: "Microsoft.PowerShell.Commands.SelectXmlInfo", Members: func() []ps.Member {
		return []ps.Member{
			ps.Prop("Node", "object", func(_ context.Context, in *ps.Invoke) (any, error) { return of(in).node, nil }),
			ps.Prop("Path", "string", func(_ context.Context, in *ps.Invoke) (any, error) { return of(in).path, nil }),
			ps.Prop("Pattern", "string", func(_ context.Context, in *ps.Invoke) (any, error) { return of(in).pattern, nil }),
		}
	}}}
}

// namespaces makes the XmlNamespaceManager of a table.
func namespaces(ctx context.Context, s *ps.Session, doc any, t *ps.Hashtable) (any, error) {
	typ := s.FindType("System.Xml.XmlNamespaceManager")
	if typ == nil {
		return nil, machine.Refuse("Select-Xml -Namespace", "namespaces of XML are not supported here", "use local-name() in the XPath")
	}
	names, _, err := s.Property(ctx, doc, "NameTable")
	if err != nil {
		return nil, err
	}
	m, err := s.New(ctx, typ, names)
	if err != nil {
		return nil, err
	}
	for _, e := range t.Entries() {
		if _, err := s.Invoke(ctx, m, "AddNamespace", false, e.Key, e.Value); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// readText reads a whole file as text.
func readText(ctx context.Context, s *ps.Session, path string) (string, error) {
	f, err := s.Machine().FS().Open(ctx, path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	r, err := UTF8(false).NewReader(f)
	if err != nil {
		return "", err
	}
	limit := s.Machine().Limits().Memory
	b, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err == nil && int64(len(b)) > limit {
		err = machine.Refuse("reading "+path, "the file is too large to be held as one value", "")
	}
	return string(b), err
}
