package psnet_test

import (
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/casement/casement/internal/run/winsh/machine"
)

// TestXML fails if documents are not what .NET makes of them.
func TestXML(t *testing.T) {
	check(t, []string{`C:\w\a.xml=<?xml version="1.0" encoding="utf-8"?><r a="1"><i n="x">one</i><i n="y"/><e></e><t>text</t></r>`}, []says{
		{script: `[xml]$x = Get-Content a.xml; $x.r.a; $x.r.t; $x.r.i.Count; $x.r.i[0].n; $x.r.i[0].InnerText; $x.r.i.n -join ','; $x.r.e -eq ''; $x.DocumentElement.Name; $null -eq $x.r.nope`, want: "1\ntext\n2\nx\none\nx,y\nTrue\nr\nTrue"},
		{script: `([xml]'<a><name>el</name><item k="v">5</item></a>').a.name; ([xml]'<p name="n"/>').p.Name; ([xml]'<a><item>1</item><item>2</item></a>').a.item -join '+'`, want: "el\nn\n1+2"},
		{script: `([xml]'<a>  <b/>  </a>').OuterXml; ([xml]'<a x="1&amp;2"><![CDATA[<]]>t&lt;</a>').OuterXml; ([xml]'<a><b></b><!--c--><?p q?></a>').InnerXml`, want: "<a><b /></a>\n<a x=\"1&amp;2\"><![CDATA[<]]>t&lt;</a>\n<a><b></b><!--c--><?p q?></a>"},
		{script: `$x = [xml]'<a><b/></a>'; $n = $x.CreateElement('c'); $n.SetAttribute('k','v'); $n.InnerText = 'x<y'; [void]$x.a.AppendChild($n); $x.OuterXml; $x.a.c.k; $x.a.RemoveChild($x.a.FirstChild).Name; $x.OuterXml`, want: "<a><b /><c k=\"v\">x&lt;y</c></a>\nv\nb\n<a><c k=\"v\">x&lt;y</c></a>"},
		{script: `$x = [xml]'<a b="1"><c>2</c></a>'; $x.a.b = '3'; $x.a.c = '4'; $x.OuterXml; $x.a.HasAttribute('b'); $x.a.GetAttribute('z') + '|'; $x.a.RemoveAttribute('b'); $x.OuterXml; $x.a.Attributes.Count`, want: "<a b=\"3\"><c>4</c></a>\nTrue\n|\n<a><c>4</c></a>\n0"},
		{script: `$x = [xml]'<a><b>1</b></a>'; $x.a.b = 5`, want: "!Cannot set \"b\" because only strings can be used as values to set XmlNode properties."},
		{script: `$x = [xml]'<a><b k="1">t</b><b k="2">u</b></a>'; $x.SelectNodes('//b').Count; $x.SelectSingleNode("//b[@k='2']").InnerText; $x.SelectNodes('/a/b/@k').Value -join ','; ($x.SelectNodes('//b') | ForEach-Object { $_.k }) -join '+'; $null -eq $x.SelectSingleNode('//z'); $x.SelectSingleNode('//b[last()]').k; $x.SelectNodes('//b[position()<2]').Count`, want: "2\nu\n1,2\n1+2\nTrue\n2\n1"},
		{script: `$x = [xml]'<a xmlns="urn:x"><b>1</b></a>'; $x.SelectNodes('//b').Count; $m = New-Object Xml.XmlNamespaceManager $x.NameTable; $m.AddNamespace('n','urn:x'); $x.SelectSingleNode('//n:b',$m).InnerText; $x.a.b; $x.SelectNodes("//*[local-name()='b']").Count; $x.SelectNodes("//*[name()='b']").Count`, want: "0\n1\n1\n1\n1"},
		{script: `([xml]'<a/>').SelectNodes('//n:b')`, want: "!Namespace Manager or XsltContext needed. This query has a prefix, variable, or user-defined function."},
		{script: `([xml]'<a/>').SelectNodes('//b[')`, want: "!'//b[' has an invalid token."},
		{script: `[xml]'<a><b></a>'`, want: "!The 'b' start tag on line 1 position 5 does not match the end tag of 'a'. Line 1, position 9."},
		{script: `[xml]'x'`, want: "!Data at the root level is invalid. Line 1, position 1."},
		{script: `[xml]'<a>'`, want: "!Unexpected end of file has occurred. The following elements are not closed: a. Line 1, position 4."},
		{script: `[xml]'<a/><b/>'`, want: "!There are multiple root elements. Line 1, position 6."},
		{script: `[xml]'<a x="1" x="2"/>'`, want: "!'x' is a duplicate attribute name. Line 1, position 10."},
		{script: `[xml]'<a>&nbsp;</a>'`, want: "!Reference to undeclared entity 'nbsp'. Line 1, position 5."},
		{script: `[xml]'<p:a/>'`, want: "!'p' is an undeclared prefix. Line 1, position 2."},
		{script: `(New-Object xml).Load('C:\w\none.xml')`, want: "!Could not find file 'C:\\w\\none.xml'."},
		{script: `(New-Object xml).Save('C:\w\e.xml')`, want: "!Invalid XML document. The document does not have a root element."},
		{script: `$x = New-Object xml; $x.LoadXml('<a><b>1</b></a>'); $x.Save([Console]::Out)`, want: "<?xml version=\"1.0\" encoding=\"ibm437\"?>\n<a>\n  <b>1</b>\n</a>"},
		{script: `$x = [xml]'<a><b/></a>'; $d = $x.CreateXmlDeclaration('1.0','utf-8',$null); [void]$x.InsertBefore($d,$x.DocumentElement); $x.OuterXml; $y = [xml]'<q><w/></q>'; [void]$x.a.AppendChild($x.ImportNode($y.q,$true)); $x.a.OuterXml; $x.a.AppendChild($y.q)`, want: "<?xml version=\"1.0\" encoding=\"utf-8\"?><a><b /></a>\n<a><b /><q><w /></q></a>\n!The node to be inserted is from a different document context."},
		{script: `$x = [xml]'<a xmlns="urn:x"/>'; [void]$x.a.AppendChild($x.CreateElement('b')); [void]$x.DocumentElement.AppendChild($x.CreateElement('c','urn:x')); $x.OuterXml; $x.DocumentElement.LastChild.OuterXml`, want: "<a xmlns=\"urn:x\"><b xmlns=\"\" /><c /></a>\n<c xmlns=\"urn:x\" />"},
		{script: `$x = [xml]'<a>1<b/>2</a>'; $x.a.'#text' -join ','; $x.a.InnerText; $x.a.ChildNodes.Count; $x.a.b.ParentNode.Name; "$($x.a)"; $x.a.HasChildNodes; $x.a.FirstChild.NodeType; $x.a.LastChild.Value`, want: "1,2\n12\n3\na\nTrue\nText\n2"},
		{script: `$x = [xml]'<c><add key="a" value="1"/><add key="b" value="2"/></c>'; ($x.c.add | Where-Object { $_.key -eq 'b' }).value = '9'; $x.OuterXml; $n = $x.c.add[0].Clone(); $n.key = 'z'; [void]$x.c.AppendChild($n); $x.c.add.Count; $x.GetElementsByTagName('add').Count; $x.c['add'].key`, want: "<c><add key=\"a\" value=\"1\" /><add key=\"b\" value=\"9\" /></c>\n3\n3\na"},
		{script: `$x = [xml]'<a id="7"><b>t</b></a>'; $x.a`, want: "id b\n-- -\n7  t"},
		{script: `(Select-Xml -Xml ([xml]'<a><b>1</b></a>') -XPath '//b').Node.InnerText; $x = [xml]'<a/>'; $x.DocumentElement.InnerXml = '<z k="1"/>t'; $x.OuterXml; $x.PreserveWhitespace`, want: "1\n<a><z k=\"1\" />t</a>\nFalse"},
	})
}

// TestXMLFiles fails if Save and XmlWriter do not write what .NET writes.
func TestXMLFiles(t *testing.T) {
	b := newBox(t, "powershell", machine.Options{}, `C:\w\c.xml=<?xml version="1.0"?>`+"\n<r>\n\t<a>1</a>\n</r>\n")
	crlf := func(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") }
	for _, test := range []struct{ name, script, want string }{
		{"indented, without a mark", `$x=[xml]'<r><a k="1"/><b></b><c>t<d/></c></r>'; $x.Save('C:\w\o.xml')`, crlf("<r>\n  <a k=\"1\" />\n  <b>\n  </b>\n  <c>t<d /></c>\n</r>")},
		{"with the mark of its encoding", `$x=[xml]'<?xml version="1.0" encoding="utf-8"?><r/>'; $x.Save('C:\w\o.xml')`, "\ufeff" + crlf("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<r />")},
		{"blanks kept", `$x=New-Object xml; $x.PreserveWhitespace=$true; $x.Load('C:\w\c.xml'); $x.r.a='2'; $x.Save('C:\w\o.xml')`, "<?xml version=\"1.0\"?>\n<r>\n\t<a>2</a>\n</r>\n"},
		{"by a text writer", `$w=New-Object Xml.XmlTextWriter('C:\w\o.xml',[Text.Encoding]::UTF8); $w.Formatting='Indented'; $w.Indentation=1; $w.IndentChar="` + "`t" + `"; $w.WriteStartDocument(); $w.WriteStartElement('r'); $w.WriteAttributeString('k','v"'); $w.WriteElementString('a','1<2'); $w.WriteStartElement('e'); $w.WriteEndElement(); $w.WriteComment('c'); $w.WriteEndElement(); $w.Close()`,
			"\ufeff" + crlf("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<r k=\"v&quot;\">\n\t<a>1&lt;2</a>\n\t<e />\n\t<!--c-->\n</r>")},
		{"by settings", `$s=New-Object Xml.XmlWriterSettings; $s.Indent=$true; $s.OmitXmlDeclaration=$true; $s.Encoding=New-Object Text.UTF8Encoding $false; $w=[Xml.XmlWriter]::Create('C:\w\o.xml',$s); ([xml]'<r><a></a><b x="1">t</b></r>').Save($w); $w.Close()`, crlf("<r>\n  <a></a>\n  <b x=\"1\">t</b>\n</r>")},
		{"by settings with a declaration", `$w=[Xml.XmlWriter]::Create('C:\w\o.xml'); $w.WriteStartElement('r','urn:x'); $w.WriteElementString('a','urn:x','t'); $w.WriteEndElement(); $w.Close()`, "\ufeff<?xml version=\"1.0\" encoding=\"utf-8\"?><r xmlns=\"urn:x\"><a>t</a></r>"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := b.say(test.script); got != "" {
				t.Fatal(got)
			}
			if diff := gocmp.Diff(test.want, b.file(`C:\w\o.xml`)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestXPath fails if an expression does not find what XPath 1.0 says.
func TestXPath(t *testing.T) {
	b := newBox(t, "powershell", machine.Options{}, `C:\w\x.xml=<r><a id="1"><b>x</b><b>y</b></a><a id="2" lang="en"><c>5</c><c>7</c></a><!--n--><d>  a  b </d></r>`)
	for _, test := range []struct{ path, want string }{
		{"/r/a/@id", "1,2"}, {"//b", "x,y"}, {"//a[2]/c", "5,7"}, {"/r/*[3]", "  a  b "}, {"//a[@id='1']/b[2]", "y"}, {"//a[c]/@id", "2"}, {"//a[not(c)]/@id", "1"},
		{"//c[. > 5]", "7"}, {"//c[number(.) + 1 = 6]", "5"}, {"//a[count(b)=2]/@id", "1"}, {"//b | //c[1]", "x,y,5"}, {"(//b)[2]", "y"}, {"//b[1]/following-sibling::b", "y"},
		{"//c[2]/preceding-sibling::*", "5"}, {"//c/ancestor::a/@id", "2"}, {"//c/..//c[1]", "5"}, {"//*[starts-with(name(),'d')]", "  a  b "}, {"//*[normalize-space(.)='a b']", "  a  b "},
		{"//a[contains(@lang,'n')]/@id", "2"}, {"/r/a[position()=last()]/@id", "2"}, {"/r/comment()", "n"}, {"//b/text()", "x,y"}, {"//a[@id=//c[1] - 3]/@id", "2"}, {"descendant::c", "5,7"},
		{"//a[sum(c)=12]/@id", "2"}, {"//b[string-length(.)=1 and .='x' or false()]", "x"}, {"//a[translate(@lang,'en','EN')='EN']/@id", "2"}, {"//c[. mod 2 = 1][2]", "7"},
		{"//d/preceding::c", "5,7"}, {"//b[substring('hello',2,3)='ell'][1]", "x"}, {"//a[-1 < @id - 1]/@id", "1,2"}, {"//self::c", "5,7"}, {"/r/a/b/../@id", "1"},
	} {
		got := b.say(`$x=[xml](Get-Content C:\w\x.xml -Raw); ($x.SelectNodes("` + test.path + `") | ForEach-Object { if ($null -ne $_.Value) { $_.Value } else { $_.InnerText } }) -join ','`)
		if want := strings.TrimRight(test.want, " "); got != want {
			t.Errorf("%s finds %q, want %q", test.path, got, want)
		}
	}
}
