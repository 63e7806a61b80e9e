package pslang

import (
	"strings"
	"testing"
)

// FuzzParse holds that any text is read or refused: without a crash, with
// errors inside of the text, with nodes inside of each other's texts.
func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"foo -bar:1 $a[0] $a.b (1+2),3 @args \"x$y\" --x -- 5kb a,b",
		"if ($a -eq 1) { 'x' } elseif (2) {3} else {4}; foo",
		"@{a=1;b='x'; c = ls | select -first 1; 'd e'={1}}",
		"function f([string]$a = 'x') { begin {1} process {2} }",
		"try { 1 } catch [A],[B] { 2 } finally { 3 }",
		"switch -regex ($x) { 'a' {1} default {2} }",
		"\"a $($x + \"b\") $env:PATH ${a b} $(\"\"c\"\")\"",
		"@\"\na $b\n\"@ + @'\nc\n'@",
		"$a ? 1 : 2 ?? ${b}?.c?[0] && d || e &",
		"[Collections.Generic.List[string]]::new().a{b}[1]",
		"a --% b | c 2>&1 >d *>>e", "<# a #> #b\n`\nc", "0x1F -5 1e3l .5d 1..2",
		"class a { } data b { } using module c", "\u201ca\u201d \u2013b \u2018c\u2019", "\"`u{1F44D}`e\" $(", "$x.\n.y[", "a @b, @c.d <e",
	} {
		f.Add(s, false)
		f.Add(s, true)
	}
	f.Fuzz(func(t *testing.T, text string, core bool) {
		if len(text) > 1<<16 {
			t.Skip("too long")
		}
		b, err := Parse(text, Options{Core: core})
		if err != nil {
			for _, e := range err.(*Errors).List {
				if e.Start < 0 || e.End < e.Start || e.End > len(text) || e.Message == "" || e.ID == "" {
					t.Fatalf("error %+v", e)
				}
			}
			err.(*Errors).Describe(core)
			return
		}
		Print(b)
		inside(t, b, 0, len(text))
	})
}

// inside holds that the nodes below n stand within a stretch of the text. Those
// of a function stand in the function and not in its body.
func inside(t *testing.T, n Node, from, to int) {
	for _, c := range children(n) {
		e := c.At()
		if e.Start < from || e.End > to || e.Start > e.End {
			t.Fatalf("%T %q (%d to %d) is outside of %T (%d to %d)", c, e.Text(), e.Start, e.End, n, from, to)
		}
		if _, ok := c.(*ScriptBlock); ok {
			inside(t, c, from, to)
			continue
		}
		inside(t, c, e.Start, e.End)
	}
}

// BenchmarkParse reads the longest RUN line there is, if the corpus is there.
func BenchmarkParse(b *testing.B) {
	longest := ""
	for _, r := range corpusRuns(b) {
		if len(r.text) > len(longest) {
			longest = r.text
		}
	}
	b.SetBytes(int64(len(longest)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(longest, Options{}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkScript reads a long script with everything in it.
func BenchmarkScript(b *testing.B) {
	text := strings.Repeat("function Get-Foo([string]$a = 'x') { if ($a -eq \"b $c\") { foreach ($d in 1..3) { foo -Bar $d.e(1, 2) | % { $_.f } } } }\n", 1000)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(text, Options{}); err != nil {
			b.Fatal(err)
		}
	}
}
