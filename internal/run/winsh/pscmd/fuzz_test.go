package pscmd

import (
	"bufio"
	"strings"
	"testing"

	"github.com/casement/casement/internal/run/winsh/ps"
)

// Broken if it fails: a text that is no JSON crashes or hangs the step, or what
// was read is written as something else.
func FuzzJSON(f *testing.F) {
	for _, s := range []string{`{"a":[1,2,{"b":null}]}`, `[1.5e3,-0,"\u00e9\n"]`, `{'a':b}`, `[1,2,`, `{"a"`, "/*x*/[]", `"\ud83d"`, `1e999`, strings.Repeat("[", 3000), `{"a":1,"A":2}`} {
		f.Add(s, true)
		f.Add(s, false)
	}
	f.Fuzz(func(t *testing.T, text string, desktop bool) {
		s := &ps.Session{}
		_, _ = readJSON(s, text, jsonOptions{depth: 1024, desktop: desktop, hashtables: true})
		_, _ = (&jsonParser{text: text, opts: jsonOptions{depth: 64}}).tree()
	})
}

// Broken if it fails: a text crashes the reader of tables, or is read without
// end.
func FuzzCSV(f *testing.F) {
	for _, s := range []string{"a,b\n1,2", "\"a\"\"b\",c\r\n", "\"open", ",,\n\n,", "a\"b,c"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r := &csvReader{r: bufio.NewReader(strings.NewReader(text)), delimiter: ','}
		for range len(text) + 2 {
			if _, ok, err := r.row(); !ok || err != nil {
				return
			}
		}
		t.Errorf("%q has more rows than letters", text)
	})
}

// Broken if it fails: what a server sends or a file has crashes a cmdlet.
func FuzzTexts(f *testing.F) {
	for _, s := range []string{`a\tb\u00e9\`, `<a href="x" b=c>y</a>`, "<p", `\x4`, `<meta charset="utf-8">`, `%x%%`} {
		f.Add(s)
	}
	f.Fuzz(func(_ *testing.T, text string) {
		_, _ = unescapeRegex(text)
		_ = stripTags(text)
		for _, tag := range []string{"A", "IMG", "INPUT"} {
			_, _ = elements(text, tag)
		}
	})
}
