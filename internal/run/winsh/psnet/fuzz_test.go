package psnet

import (
	"context"
	"errors"
	"testing"
	"time"
	"unicode/utf8"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	step "github.com/casement/casement/internal/run"
	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/run/winsh/ps"
	"github.com/casement/casement/internal/tree"
)

// FuzzXML fails if reading a document crashes, if it ends in an error that is no
// script's, or if what is written of a document reads as another one.
func FuzzXML(f *testing.F) {
	for _, text := range []string{
		"<a/>", "<?xml version='1.0' encoding=\"utf-8\"?>\r\n<!DOCTYPE a [<!ENTITY x 'y'>]><a b='1&lt;&#65;' xmlns:p='u'><p:c>t&amp;<![CDATA[x]]></p:c><!--k--><?pi d?></a>\n",
		"<a><b></a>", "<a b='1' b='2'/>", "<a xmlns='u'> <b xml:space='preserve'> </b></a>", "<a>&nope;</a>", "<\u00fc/>", "<a><a><a><a/></a></a>", "<a>]]></a>", "x",
	} {
		f.Add(text, false)
		f.Add(text, true)
	}
	f.Fuzz(func(t *testing.T, text string, old bool) {
		doc := fuzzDocument()
		if err := parseXML(doc, text, old); err != nil {
			fuzzError(t, err)
			return
		}
		once := fuzzWritten(doc)
		again := fuzzDocument()
		if err := parseXML(again, once, true); err != nil {
			t.Fatalf("%q was written as %q: %v", text, once, err)
		}
		if twice := fuzzWritten(again); twice != once {
			t.Errorf("%q, then %q", once, twice)
		}
	})
}

func fuzzDocument() *node { return &node{kind: xmlDocument} }

func fuzzWritten(doc *node) string {
	w := newXMLWriter(xmlStyle{})
	for _, c := range doc.children {
		w.node(c)
	}
	return w.b.String()
}

// fuzzError fails for errors that are faults of casement's.
func fuzzError(t *testing.T, err error) {
	t.Helper()
	var x *ps.Exception
	var l *machine.LimitError
	var refused *step.RefusedError
	if !errors.As(err, &x) && !errors.As(err, &l) && !errors.As(err, &refused) {
		t.Errorf("%T %v", err, err)
	}
}

// FuzzXPath fails if an expression crashes or does not come to an end.
func FuzzXPath(f *testing.F) {
	for _, text := range []string{
		"/a/b[@c='1']", "//*", "a|b", "count(//b) > 1 and not(x)", "ancestor-or-self::node()[last()]", "p:a", "a[", "..//.", "concat('x',1 div 0)", "-(-1)", "substring('12345', 1.5, 2.6)",
		"translate(normalize-space(.),'a','b')", "id('x')", "processing-instruction('x')", "$v", "string-length()=3", "*[position() mod 2 = 1]", "((((1))))",
	} {
		f.Add(text)
	}
	doc := fuzzDocument()
	if err := parseXML(doc, "<a xmlns:p='u'><b c='1'>x<p:d/></b><b/>t<!--k--></a>", true); err != nil {
		f.Fatal(err)
	}
	m, err := machine.New(machine.Options{Root: tree.NewChain(ocispec.Platform{OS: "windows", Architecture: "amd64", OSVersion: "10.0.20348.2849"}), Limits: machine.Limits{Steps: 1 << 40}})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		if _, err := evaluate(ctx, m, doc.root(), text, map[string]string{"p": "u"}); err != nil {
			if ctx.Err() != nil {
				t.Fatal("it takes too long")
			}
			fuzzError(t, err)
		}
	})
}

// FuzzURI fails if reading a URI, or taking one apart, crashes.
func FuzzURI(f *testing.F) {
	for _, text := range []string{"http://me:pw@x.y:80/a%20b/../c?d#e", "file:///C:/a b", `\\s\h`, `C:\x`, "mailto:a@b", "http://[::1]:8/", "http://x:99999/", "a/b", "http://", "urn:x", "file:x"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if !utf8.ValidString(text) {
			return // no text of .NET is such
		}
		u, err := anyURI(ps.Core, text)
		if err != nil {
			fuzzError(t, err)
			return
		}
		if u.scheme == "" {
			return
		}
		_, _, _, _, _ = u.String(), u.absolute(), u.authority(true), u.local(), segments(u.path)
		if defaultPort(u.scheme) < 0 {
			return
		}
		if again, err := anyURI(ps.Core, u.absolute()); err != nil || again.absolute() != u.absolute() {
			t.Errorf("%q is %q, and that is %v, %v", text, u.absolute(), again, err)
		}
	})
}

// FuzzExact fails if reading a date by a format crashes, or gives one that is none.
func FuzzExact(f *testing.F) {
	f.Add("2024-02-30", "yyyy-MM-dd")
	f.Add("5 PM", "h tt")
	f.Add("12/31/9999 23:59:59.9999999 +14:00", "MM/dd/yyyy HH:mm:ss.fffffff zzz")
	f.Add("x", "'x'")
	f.Add("2024-01-01T00:00:00Z", "yyyy-MM-ddTHH:mm:ssK")
	f.Fuzz(func(t *testing.T, text, format string) {
		if d, ok := parseExact(text, format, time.UTC); ok && (d.T.Year() < 1 || d.T.Year() > 9999) {
			t.Errorf("%v", d)
		}
	})
}
