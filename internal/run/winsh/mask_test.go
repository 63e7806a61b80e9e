package winsh

import (
	"bytes"
	"strings"
	"testing"
)

// masked writes a text in pieces of a size.
func masked(t *testing.T, m *masking, text string, size int) string {
	t.Helper()
	var out bytes.Buffer
	w := &maskWriter{w: &out, m: m}
	for len(text) > 0 {
		n := min(size, len(text))
		if _, err := w.Write([]byte(text[:n])); err != nil {
			t.Fatal(err)
		}
		text = text[n:]
	}
	if err := w.flush(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// Broken if it fails: PowerShell breaks or shortens a long secret, and what it
// shows of it is read in the log.
func TestSecretsInWhatIsFormatted(t *testing.T) {
	m := &masking{}
	m.hide([]byte("tok_abcdefghijklmnop"))
	m.hide([]byte("pass phrase of four"))
	for _, tt := range []struct{ text, want string }{
		{"bad tok_abcdefgh\r\nijklmnop given", "bad *** given"},
		{"(tok_abcd \r\n   efghijklm \r\n   nop:String)", "(***:String)"},
		{"     | tok_abcdefghi\n     | jklmnop\n", "     | ***\n"},
		{"pass phrase\r\nof four", "***"},
		{"pass phrase\r\n    of four.", "***."},
		{"TOK   tok_abcdefg...\r\n", "TOK   ***...\r\n"},
		{"TOK   tok_abcdefg…\n", "TOK   ***…\n"},
		{"(http://h....ijkl \r\n   mnop:Uri)", "(http://h....***:Uri)"},
		{"…mnop", "…***"},
		{"tok_ab...klmnop", "***...***"},
		{"http://h/?t=pass+phrase+of+four&x", "http://h/?t=***&x"}, {"http://h/pass%20phrase%20of%20four", "http://h/***"},
		// What is none of it stays as it is.
		{"tok...", "tok..."}, {"...nop", "...nop"}, {"tok_abc\r\nx", "tok_abc\r\nx"}, {"one..two.....", "one..two....."},
		{"tok_\n\nabcdefghijklmnop", "tok_\n\nabcdefghijklmnop"}, {"a \r\n t", "a \r\n t"}, {"…", "…"}, {"\xe2\x80", "\xe2\x80"},
	} {
		for _, size := range []int{1, 2, 5, 100} {
			if got := masked(t, m, tt.text, size); got != tt.want {
				t.Errorf("%q in pieces of %d is %q, want %q", tt.text, size, got, tt.want)
			}
		}
	}
	// What waits for the rest of a secret is not read again and again.
	long := strings.Repeat(".", 1<<20)
	if got := masked(t, m, long, 7); got != long {
		t.Errorf("of %d dots %d are left", len(long), len(got))
	}
}

// FuzzMask: what is hidden does not depend on the pieces in which it comes, and a
// text without anything of a secret stays as it is.
func FuzzMask(f *testing.F) {
	for _, seed := range []string{"abcd", "ab \r\n   cd efgh...", "abcdefgh ij…", "...fgh ij", "ab\n | cdefgh ij", "..", "\xe2\x80a"} {
		f.Add(seed, 3)
	}
	f.Fuzz(func(t *testing.T, text string, size int) {
		m := &masking{}
		m.hide([]byte("abcdefgh ij"))
		whole := masked(t, m, text, len(text)+1)
		if got := masked(t, m, text, 1+size&15); got != whole {
			t.Errorf("%q is %q as a whole and %q in pieces", text, whole, got)
		}
		if strings.Contains(whole, "abcdefgh ij") {
			t.Errorf("%q is shown as %q", text, whole)
		}
		if !strings.ContainsAny(text, "abcdefghij") && whole != text {
			t.Errorf("%q has become %q", text, whole)
		}
	})
}
