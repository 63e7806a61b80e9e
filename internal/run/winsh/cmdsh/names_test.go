package cmdsh

import "testing"

// Broken if it fails: the options of FOR /F mean something else.
func TestFileOptions(t *testing.T) {
	for _, c := range []struct {
		text, delims, eol string
		count, skip       int
		bad               string
	}{
		{``, " \t", ";", 1, 0, ""},
		{`"delims="`, "", ";", 1, 0, ""},
		{`"delims=, "`, ", ", ";", 1, 0, ""},
		{`"delims= tokens=1"`, "", ";", 1, 0, ""},
		{`"tokens=1-3* delims=x eol=é skip=2"`, "x", "é", 4, 2, ""},
		{`"TOKENS=2 USEBACKQ"`, " \t", ";", 1, 0, ""},
		{`tokens=1,,2`, " \t", ";", 2, 0, ""},
		{`"skip=0"`, " \t", ";", 1, 0, "skip=0"},
		{`"tokens=32"`, " \t", ";", 1, 0, ""},
		{`"tokens=1-32"`, " \t", ";", 1, 0, "1-32"},
		{`"tokens="`, " \t", ";", 1, 0, ""},
		{`"nonsense"`, " \t", ";", 1, 0, "nonsense"},
	} {
		o, bad := parseFileOptions(c.text)
		if bad != c.bad || bad == "" && c.text != `"tokens="` && (o.delims != c.delims || o.eol != c.eol || o.count != c.count || o.skip != c.skip) {
			t.Errorf("%s: %+v, bad %q", c.text, o, bad)
		}
	}
}
