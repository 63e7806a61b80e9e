package pslang

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestNumbers has numbers with the type that PowerShell gives them. If a type
// differs, arithmetic overflows or divides otherwise.
func TestNumbers(t *testing.T) {
	tests := []struct{ in, want string }{
		{"0", "0"}, {"10", "10"}, {"-10", "-10"}, {"+10", "10"}, {"007", "7"},
		{"2147483647", "2147483647"}, {"2147483648", "2147483648l"}, {"-2147483648", "-2147483648"}, {"-2147483649", "-2147483649l"},
		{"9223372036854775807", "9223372036854775807l"}, {"9223372036854775808", "9223372036854775808d"},
		{"79228162514264337593543950335", "79228162514264337593543950335d"}, {"79228162514264337593543950336", "7.922816251426434e+28"},
		{"0.0", "0.0"}, {"6.5", "6.5"}, {"-6.5", "-6.5"}, {".01", "0.01"}, {"-.5", "-0.5"}, {"1.", "1.0"},
		{"0e0", "0.0"}, {"3e0", "3.0"}, {"5e-2", "0.05"}, {"5E+2", "500.0"}, {"-5e2", "-500.0"}, {"1.5e3", "1500.0"}, {"1e400", "+Inf"},
		{"0x0", "0"}, {"0x", "0"}, {"0x12", "18"}, {"-0x12", "-18"}, {"0XfF", "255"}, {"0x7fffffff", "2147483647"},
		{"0x80000000", "-2147483648"}, {"0xFFFFFFFF", "-1"}, {"0x100000000", "4294967296l"}, {"0xFFFFFFFFFF", "1099511627775l"},
		{"0xFFFFFFFFFFFFFFFF", "-1l"}, {"0x8000000000000000", "-9223372036854775808l"}, {"0x10l", "16l"}, {"0xFFFFFFFFl", "4294967295l"},
		{"1kb", "1024"}, {"1MB", "1048576"}, {"1gb", "1073741824"}, {"2gb", "2147483648l"}, {"1tb", "1099511627776l"}, {"1Pb", "1125899906842624l"},
		{"1.5kb", "1536.0"}, {"1lkb", "1024l"}, {"1dkb", "1024d"}, {"0x10kb", "16384"}, {"9999999999999gb", "10737418239998926258176d"},
		{"10l", "10l"}, {"-10L", "-10l"}, {"2.5l", "2l"}, {"3.5l", "4l"}, {"-2.5l", "-2l"}, {"3e2l", "300l"},
		{"0d", "0d"}, {"100D", "100d"}, {"-100d", "-100d"}, {"0.0d", "0.0d"}, {"1.50d", "1.50d"}, {"-1.5d", "-1.5d"}, {"15e3d", "15000d"}, {"1e-3d", "0.001d"},
		{"0.12345678901234567890123456789012d", "0.1234567890123456789012345679d"},
	}
	for _, tt := range tests {
		b, err := Parse(tt.in, Options{})
		if err != nil {
			t.Errorf("Parse(%q): %v", tt.in, err)
			continue
		}
		if got := Print(b); got != tt.want {
			t.Errorf("Parse(%q) = %s, want %s", tt.in, got, tt.want)
		}
	}
}

// TestNumbersCore has numbers of PowerShell 7.
func TestNumbersCore(t *testing.T) {
	tests := []struct{ in, want string }{
		{"10y", "10y"}, {"-10Y", "-10y"}, {"3.72y", "4y"}, {"0x41y", "65y"}, {"0xFFy", "-1y"}, {"10uy", "10uy"}, {"0b11111111uy", "255uy"},
		{"10s", "10s"}, {"-3.72s", "-4s"}, {"1skb", "1024s"}, {"10us", "10us"}, {"10u", "10u"}, {"2.5u", "2u"},
		{"0xFFFFFFFFu", "4294967295u"}, {"0xFFFFFFFFFFu", "1099511627775ul"}, {"0xFFFFFFFFFFFFFFFFu", "18446744073709551615ul"},
		{"1ugb", "1073741824u"}, {"1utb", "1099511627776ul"}, {"10ul", "10ul"}, {"1ulkb", "1024ul"},
		{"10n", "10n"}, {"2.5n", "2n"}, {"3e2n", "300n"}, {"0x41n", "65n"}, {"1Nkb", "1024n"}, {"99999999999999999999999999999999n", "99999999999999999999999999999999n"},
		{"0b0", "0"}, {"0b10", "2"}, {"-0b10", "-2"}, {"0b11111111", "-1"}, {"0b1111111111111111", "-1"},
		{"0b" + strings.Repeat("1", 32), "-1"}, {"0b" + strings.Repeat("1", 64), "-1l"}, {"0b11111111u", "255u"},
		{"0b" + strings.Repeat("1", 64) + "u", "18446744073709551615ul"},
	}
	for _, tt := range tests {
		b, err := Parse(tt.in, Options{Core: true})
		if err != nil {
			t.Errorf("Parse(%q): %v", tt.in, err)
			continue
		}
		if got := Print(b); got != tt.want {
			t.Errorf("Parse(%q) = %s, want %s", tt.in, got, tt.want)
		}
	}
	for _, in := range []string{"0xFFFFy", "500sgb", "10000usgb", "10000.0usgb", "1uykb", "40000s"} {
		if list := parseErrors(in, Options{Core: true}); len(list) != 1 || list[0].ID != "BadNumericConstant" {
			t.Errorf("Parse(%q): errors %v, want BadNumericConstant", in, list)
		}
	}
}

// TestNoNumbers has words that look like numbers: they are commands.
func TestNoNumbers(t *testing.T) {
	for _, in := range []string{
		"16p", "1_6", "80x", "20ux", "18uu", "21ss", "100ll", "100Il", "100un", "100ln", "100sn", "100yu", "150su", "160ud", "160ld",
		"160dd", "10ds", "16sl", "10_000ul", "1e", "1e+", "1kib", "0xg", "1a", "1:2", "1?",
	} {
		for _, core := range []bool{false, true} {
			b, err := Parse(in, Options{Core: core})
			if err != nil {
				t.Errorf("Parse(%q): %v", in, err)
				continue
			}
			if got, want := Print(b), "(cmd "+in+")"; got != want {
				t.Errorf("Parse(%q) = %s, want %s", in, got, want)
			}
		}
	}
	for _, in := range []string{"10y", "10s", "10u", "10n", "0b1"} {
		if b, err := Parse(in, Options{}); err != nil || Print(b) != "(cmd "+in+")" {
			t.Errorf("%q is a number in 5.1, which has none like it", in)
		}
	}
}

// TestNumberArguments has arguments that are numbers, and those that are text.
func TestNumberArguments(t *testing.T) {
	for in, want := range map[string]string{
		"5": "5", "-5": "-5", "1kb": "1024", "0x10": "16", "1e2": "100.0", "1.5d": "1.5d",
		"+1": "+1", "1a": "1a", "a": "a", "-": "-", "0x1ffffffffffffffff": "0x1ffffffffffffffff",
	} {
		b, err := Parse("f "+in, Options{})
		if err != nil {
			t.Errorf("Parse(f %s): %v", in, err)
			continue
		}
		if got, want := Print(b), "(cmd f "+want+")"; got != want {
			t.Errorf("Parse(f %s) = %s, want %s", in, got, want)
		}
	}
}

// TestExtents holds that every node says what text it was.
func TestExtents(t *testing.T) {
	tests := []struct {
		in   string
		want []string
	}{
		{" a -b:1  $c.d[0] ; ", []string{"a -b:1  $c.d[0]", "a", "-b:1", "1", "$c.d[0]", "$c.d", "$c", "d", "0"}},
		{"$x = 1 + 2 # c", []string{"$x = 1 + 2", "$x", "1 + 2", "1 + 2", "1", "2"}},
		{`"a$(b "c")"`, []string{`"a$(b "c")"`, `"a$(b "c")"`, `a`, `$(b "c")`, `b "c"`, `b "c"`, `b "c"`, `b`, `"c"`}},
		{`"$(b ""c"")d"`, []string{`"$(b ""c"")d"`, `"$(b ""c"")d"`, `$(b ""c"")`, `b ""c""`, `b ""c""`, `b ""c""`, `b`, `"c""`, `d`}},
		{"if (1) { a } b", []string{"if (1) { a }", "1", "1", "{ a }", "a", "a", "a", "b", "b", "b"}},
		{"[int[]]$a | b > c", []string{"[int[]]$a | b > c", "[int[]]$a", "[int[]]$a", "int[]", "$a", "b > c", "b", "> c", "c"}},
		{"@{ a = 1 }", []string{"@{ a = 1 }", "@{ a = 1 }", "a", "1", "1"}},
		{"-5; - $a; $a++", []string{"-5", "-5", "- $a", "- $a", "$a", "$a++", "$a++", "$a"}},
	}
	for _, tt := range tests {
		b, err := Parse(tt.in, Options{})
		if err != nil {
			t.Errorf("Parse(%q): %v", tt.in, err)
			continue
		}
		var got []string
		for _, s := range b.End.Statements {
			Walk(s, func(n Node) bool {
				got = append(got, n.At().Text())
				return true
			})
		}
		if diff := cmp.Diff(trimCommands(tt.want), trimCommands(got)); diff != "" {
			t.Errorf("Parse(%q): texts differ (-want +got):\n%s", tt.in, diff)
		}
	}
}

// trimCommands leaves out what repeats: a pipeline has the text of its command.
func trimCommands(l []string) []string {
	var out []string
	for _, s := range l {
		if len(out) == 0 || out[len(out)-1] != s {
			out = append(out, s)
		}
	}
	return out
}

// TestPositions has lines and columns. Columns count UTF-16 units.
func TestPositions(t *testing.T) {
	s := NewSource("x", "ab\r\n\U0001F44Dc\rd\n")
	for offset, want := range map[int]Pos{
		0: {0, 1, 1}, 2: {2, 1, 3}, 4: {4, 2, 1}, 8: {8, 2, 3}, 9: {9, 2, 4}, 10: {10, 3, 1}, 12: {12, 4, 1},
	} {
		if got := s.Pos(offset); got != want {
			t.Errorf("Pos(%d) = %v, want %v", offset, got, want)
		}
	}
	for n, want := range map[int]string{0: "", 1: "ab", 2: "\U0001F44Dc", 3: "d", 4: "", 5: ""} {
		if got := s.Line(n); got != want {
			t.Errorf("Line(%d) = %q, want %q", n, got, want)
		}
	}
	if e := (Extent{}); e.Text() != "" || e.From() != (Pos{}) || e.To() != (Pos{}) || e.Describe(false) != "" {
		t.Error("an extent that nobody wrote has a text or a place")
	}
}

// TestDepth holds that deep nesting is an error and no crash.
func TestDepth(t *testing.T) {
	for _, open := range []string{"(", "{", "$(", "@(", "@{a=", "[a[", "-", "!", "a.b(", "if(1){", "\"$(", "[int]", "$a=", ",", "$a[", "function f{", "if (", "x (", "a|%{", "&{"} {
		list := parseErrors(strings.Repeat(open, 20000), Options{})
		if len(list) == 0 {
			t.Errorf("%q many times is read", open)
		}
	}
	for _, link := range []string{"+1", ".a", "[0]", " -and 1", ",1", "|a", ".a()"} {
		if _, err := Parse("$a"+strings.Repeat(link, 5000), Options{}); err != nil && link != ".a" {
			t.Errorf("%q 5000 times: %v", link, err)
		}
		Parse("$a"+strings.Repeat(link, 200000), Options{})
	}
}

// TestTime holds that the time grows with the length alone, whatever is in a
// text: each is a pattern again and again.
func TestTime(t *testing.T) {
	measure := func(pattern string, length int, core bool) time.Duration {
		text := strings.Repeat(pattern, length/len(pattern))
		start := time.Now()
		Parse(text, Options{Core: core})
		return time.Since(start)
	}
	// A text four times as long may take ten times as long, or next to nothing.
	grows := func(pattern string, core bool) bool {
		for range 5 {
			short, long := measure(pattern, 20000, core), measure(pattern, 80000, core)
			if long < 10*short || long < 100*time.Millisecond {
				return false
			}
		}
		return true
	}
	for _, pattern := range []string{
		"1 \"$(", "{[a({", "$a??", "1 \"a", "1 @\"x", "a |\n", "#a\n", "<#a#> ", "`\n", "if(1){}\n", ":a ", "$a.b[[c]::", "[a(\"$(", "\"$(\"a\")\"",
		"\"$(\"\"a\"\")\"", "a b,c ", "@{a=1;", "@{a=1}\n", "class a{", "data{'", "1 2 ", "a @ b ", "(1 2)", "$a=", "$a ? ", "'a' -f ", "try{}catch{}", "switch(1){1{}}",
		"a $b$c.d ", "\u201c", "\xe2", "\x00", "${a", "${a} ", "0x", "1..", "-", "--% ", "a\n|", "\"\"", "''", "[a[", "foreach($a in 1){", "param($a)", "a --% b\n", "function a(",
	} {
		for _, core := range []bool{false, true} {
			if grows(pattern, core) {
				t.Errorf("the time for %q again and again grows faster than the text", pattern)
			}
		}
	}
}
