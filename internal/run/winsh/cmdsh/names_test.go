package cmdsh

import "testing"

// Broken if it fails: REN, COPY and MOVE with wildcards make other names. The
// examples are those by which people have worked the rules out.
func TestMaskName(t *testing.T) {
	for _, c := range []struct{ mask, name, want string }{
		{"A?Z*", "1", "AZ"},
		{"A?Z*", "12", "A2Z"},
		{"A?Z*", "1.txt", "AZ.txt"},
		{"A?Z*", "1234", "A2Z4"},
		{"A?Z*", "123.txt", "A2Z.txt"},
		{"*.txt", "a", "a.txt"},
		{"*.txt", "b.dat", "b.txt"},
		{"*.txt", "c.x.y", "c.x.txt"},
		{"*?.bak", "a", "a.bak"},
		{"*?.bak", "b.dat", "b.dat.bak"},
		{"*?.bak", "c.x.y", "c.x.y.bak"},
		{"*.", "b.dat", "b"},
		{"*.", "c.x.y", "c.x"},
		{"?????.?????", "a", "a"},
		{"?????.?????", "a.b.c", "a.b"},
		{"?????.?????", "part1.part2.part3", "part1.part2"},
		{"?????.?????", "123456.123456.123456", "12345.12345"},
		{"?x.????999.*rForTheCourse", "part1.part2", "px.part999.rForTheCourse"},
		{"?x.????999.*rForTheCourse", "part1.part2.part3", "px.part999.parForTheCourse"},
		{"?x.????999.*rForTheCourse", "part1.part2.part3.part4", "px.part999.part3.parForTheCourse"},
		{"?x.????999.*rForTheCourse", "a.b.CarPart3BEER", "ax.b999.CarParForTheCourse"},
		{"new", "old.txt", "new"},
		{"new.*", "old.txt", "new.txt"},
		{"**", "a.b", "a.b"},
		{"*", "é.b", "é.b"},
	} {
		if got := maskName(c.mask, c.name); got != c.want {
			t.Errorf("%s with the mask %s: %s, want %s", c.name, c.mask, got, c.want)
		}
	}
}

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
