package ps

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// langCase is a text and what both editions write for it; five and seven are
// for those that differ.
type langCase struct {
	name, text        string
	want, five, seven string
}

func runCases(t *testing.T, cases []langCase) {
	t.Helper()
	e := New(Config{})
	for _, c := range cases {
		for _, ed := range []struct{ program, want string }{{"powershell", c.five}, {"pwsh", c.seven}} {
			want := c.want
			if c.five != "" || c.seven != "" {
				if want = ed.want; want == "" {
					continue
				}
			}
			t.Run(c.name+"/"+ed.program, func(t *testing.T) {
				got := start(t, e, ed.program, "-Command", c.text)
				text := got.Out
				if got.Err != "" {
					text += "ERR " + got.Err
				}
				if got.Failed != "" {
					text += "FAILED " + got.Failed
				}
				if diff := cmp.Diff(strings.TrimPrefix(want, "\n"), strings.TrimSuffix(text, "\n")); diff != "" {
					t.Errorf("%s\n%s", c.text, diff)
				}
			})
		}
	}
}

// TestArithmetic fails if the types and results of arithmetic are not those of
// PowerShell: overflow to double, division, the left operand's kind.
func TestArithmetic(t *testing.T) {
	kind := func(x string) string { return "(" + x + ").GetType().Name" }
	runCases(t, []langCase{
		{name: "int overflow is a double", text: "2147483647 + 1; " + kind("2147483647 + 1"), want: "2147483648\nDouble"},
		{name: "long stays long", text: "2147483648 + 1; " + kind("2147483648 + 1"), want: "2147483649\nInt64"},
		{name: "long overflow is a double", text: "9223372036854775807 + 1", want: "9.22337203685478E+18"},
		{name: "product overflows", text: "100000 * 100000; " + kind("100000*100000"), want: "10000000000\nDouble"},
		{name: "whole quotient is an int", text: "6 / 2; " + kind("6/2"), want: "3\nInt32"},
		{name: "other quotient is a double", text: "7 / 2; " + kind("7/2"), want: "3.5\nDouble"},
		{name: "remainder has the sign of the left", text: "-7 % 3; 7 % -3; 7.5 % 2", want: "-1\n1\n1.5"},
		{name: "smallest int by -1", text: "-2147483648 / -1", want: "2147483648"},
		{name: "text on the left concatenates", text: "'5' + 3; '5' * 3", want: "53\n555"},
		{name: "number on the left adds", text: "5 + '3'; 5 * '3'; 5 + '0x10'; 1 + '2kb'", want: "8\n15\n21\n2049"},
		{name: "text subtracts as number", text: "'7' - 2; '8' / '2'", want: "5\n4"},
		{name: "null is zero, or nothing", text: "$null + 5; 5 + $null; ($null * 3) -eq $null", want: "5\n5\nTrue"},
		{name: "true is one", text: "1 + $true; $true + 1", want: "2\n2"},
		{name: "decimal", text: "1.10d + 1; 1.5d * 2; 1d / 3; " + kind("1.5d + 1.5"), want: "2.10\n3.0\n0.3333333333333333333333333333\nDecimal"},
		{name: "decimal of a long literal", text: kind("99999999999999999999"), want: "Decimal"},
		{name: "double formats with 15 digits", text: "1/3; 0.1 + 0.2; 1e15; 1e14; 1e-5; 0.0001; 100.0", want: "0.333333333333333\n0.3\n1E+15\n100000000000000\n1E-05\n0.0001\n100"},
		{name: "multipliers", text: "1kb; 1.5mb; 2GB", want: "1024\n1572864\n2147483648"},
		{name: "hexadecimal", text: "0xff; 0xffffffff; 0x7fffffffff", want: "255\n-1\n549755813887"},
		{name: "bits", text: "6 -band 3; 6 -bor 1; 6 -bxor 3; -bnot 5; 1 -shl 33; -8 -shr 1; 1L -shl 33", want: "2\n7\n5\n-6\n2\n-4\n8589934592"},
		{name: "unary", text: "-'5'; +'6'; - -3; -(2)", want: "-5\n6\n3\n-2"},
		{name: "increment", text: "$i = 1; $i++; $i; ++$i; $i; ($i++); ($i); (--$i); $n++; $n; $d = 1.5; $d--; $d", want: "2\n3\n3\n4\n3\n1\n0.5"},
		{name: "compound", text: "$a = 5; $a += 2; $a -= 1; $a *= 3; $a /= 9; $a %= 3; $a; $s = 'x'; $s += 1; $s", want: "2\nx1"},
		{name: "rounding of casts is to even", text: "[int]2.5; [int]3.5; [int]-2.5; [int]'2.5'; [int]2.51", want: "2\n4\n-2\n2\n3"},
		{name: "nothing adds nothing", text: "(@(1) + (& { })).Count; $l = @(); $l += $null; $l.Count; $e = & { }; ($e + 2); \"[$e]\"", want: "1\n1\n2\n[]"},
		{name: "lists", text: "(1,2 + 3,4).Count; (,1 * 3).Count; ('ab','c' * 2) -join '-'", want: "4\n3\nab-c-ab-c"},
		{name: "ranges", text: "(1..4) -join ','; (3..1) -join ','; (-1..1) -join ','; ('1'..'3') -join ','", want: "1,2,3,4\n3,2,1\n-1,0,1\n1,2,3"},
		{name: "ranges of letters", text: "('a'..'e') -join ''", seven: "abcde"},
		{name: "dates", text: "([datetime]'2020-03-01' - [datetime]'2020-02-28').ToString(); ([datetime]'2020-01-31' + [timespan]'1.00:00:00').ToString('s')", want: "2.00:00:00\n2020-02-01T00:00:00"},
		{name: "types of literals", text: kind("1") + ";" + kind("1L") + ";" + kind("1.0") + ";" + kind("1d") + ";" + kind("1e3"), want: "Int32\nInt64\nDouble\nDecimal\nDouble"},
	})
}

// TestComparison fails if comparisons do not convert the right operand to the
// left one's type, or do not filter collections.
func TestComparison(t *testing.T) {
	runCases(t, []langCase{
		{name: "left decides", text: "10 -eq '10'; '10' -eq 10; '10' -lt 9; 10 -lt '9'; '1.0' -eq 1; 1 -eq '1.0'", want: "True\nTrue\nTrue\nFalse\nFalse\nTrue"},
		{name: "case", text: "'a' -eq 'A'; 'a' -ceq 'A'; 'a' -ieq 'A'; 'b' -gt 'A'; 'a' -clt 'A'", want: "True\nFalse\nTrue\nTrue\nTrue"},
		{name: "null", text: "$null -eq $null; $null -eq 0; '' -eq $null; $null -lt 1; $null -lt -1; $null -gt -1", want: "True\nFalse\nFalse\nTrue\nFalse\nTrue"},
		{name: "booleans", text: "$true -eq 'false'; 'true' -eq $true; $false -eq ''; 0 -eq $false; $true -eq 5", want: "True\nTrue\nTrue\nTrue\nTrue"},
		{name: "filter", text: "(1,2,3,2 -eq 2).Count; (1,2,3 -gt 1) -join ','; ('a','b' -ne 'a'); (1,2 -eq 5).Count", want: "2\n2,3\nb\n0"},
		{name: "contains", text: "1,2 -contains '2'; 'A' -in 'a','b'; 3 -notin 1,2; @() -contains $null; 1,2 -notcontains 2", want: "True\nTrue\nTrue\nFalse\nFalse"},
		{name: "like", text: "'abc' -like 'A*'; 'abc' -clike 'A*'; 'a[b' -like 'a`[b'; 'x1' -like 'x[0-9]'; 'file.txt' -notlike '*.t?t'; ('ab','cd' -like 'a*')", want: "True\nFalse\nTrue\nTrue\nFalse\nab"},
		{name: "match", text: "'abc123' -match '(?<l>[a-z]+)(\\d+)'; $Matches['l']; $Matches[1]; $Matches[0]; 'x' -notmatch 'y'; ('ab','cb' -match '^a')", want: "True\nabc\n123\nabc123\nTrue\nab"},
		{name: "no match keeps the old groups", text: "'a' -match 'a' | Out-Null; 'b' -match 'a'; $Matches[0]", want: "False\na"},
		{name: "is", text: "1 -is [int]; 'x' -isnot [string]; 1 -is [object]; @() -is [array]; $null -is [string]; @{} -is [hashtable]", want: "True\nFalse\nTrue\nTrue\nFalse\nTrue"},
		{name: "as", text: "'5' -as [int]; ('x' -as [int]) -eq $null; 1.7 -as [int]", want: "5\nTrue\n2"},
		{name: "versions", text: "[version]'1.10' -gt '1.9'; [version]'1.2' -eq '1.2.0'; [version]'1.2' -lt [version]'1.2.0'", want: "True\nFalse\nTrue"},
		{name: "enumerations", text: "$ErrorActionPreference -eq 'continue'; $ErrorActionPreference -eq 2", want: "True\nTrue"},
		{name: "logic", text: "1 -and 'a'; 0 -or ''; 1 -xor 1; !1; -not ''; $true -and !$false", want: "True\nFalse\nFalse\nFalse\nTrue\nTrue"},
		{name: "short circuit", text: "$x = 1; $false -and ($x = 2) | Out-Null; $true -or ($x = 3) | Out-Null; $x", want: "1"},
		{name: "cannot compare", text: "1 -lt 'x'", five: "ERR Could not compare \"1\" to \"x\". Error: \"Cannot convert value \"x\" to type \n\"System.Int32\". Error: \"Input string was not in a correct format.\"\"\nAt line:1 char:1\n+ 1 -lt 'x'\n+ ~~~~~~~~~\n    + CategoryInfo          : InvalidOperation: (:) [], RuntimeException\n    + FullyQualifiedErrorId : ComparisonFailure\n "},
	})
}

// TestStrings fails if expansion, splitting, replacing, formatting or joining
// texts differ from PowerShell.
func TestStrings(t *testing.T) {
	runCases(t, []langCase{
		{name: "expansion", text: "$a = 1,2; $h = @{k='v'}; \"$a $($h.k) $h.k ${a} `$a $env:NOPE!\"", want: "1 2 v System.Collections.Hashtable.k 1 2 $a !"},
		{name: "OFS", text: "$OFS = '-'; $a = 1,2; \"$a\"; [string]$a", want: "1-2\n1-2"},
		{name: "nested", text: "$x = @{a=@(1,@{b=2})}; \"$($x.a[1].b)\"; \"$(1..3 | % { $_ * 2 })\"", want: "2\n2 4 6"},
		{name: "null and booleans", text: "\"[$null] [$true] [$(@())]\"", want: "[] [True] []"},
		{name: "arrays in arrays", text: "\"$(1,(2,3))\"; \"$([pscustomobject]@{a=1;b='x'})\"", want: "1 System.Object[]\n@{a=1; b=x}"},
		{name: "types", text: "\"$([int]) $([string[]])\"", want: "int string[]"},
		{name: "dates are invariant", text: "$d = [datetime]'2020-01-02 15:04:05'; \"$d\"; [string]$d; $d.ToString()", want: "01/02/2020 15:04:05\n01/02/2020 15:04:05\n1/2/2020 3:04:05 PM"},
		{name: "split", text: "'a,b;c' -split '[,;]'; 'a1b2c' -split '\\d',2; 'aXbxc' -split 'x'; 'aXbxc' -csplit 'x'; (-split ' a  b ') -join '|'", want: "a\nb\nc\na\nb2c\na\nb\nc\naXb\nc\na|b"},
		{name: "split with groups", text: "'a-b' -split '(-)'", want: "a\n-\nb"},
		{name: "split by a block", text: "'a.b' -split { $_ -eq '.' }", want: "a\nb"},
		{name: "split simply", text: "'a.b' -split '.',0,'SimpleMatch'", want: "a\nb"},
		{name: "join", text: "1,2,3 -join '+'; -join ('a','b'); 'x' -join ','", want: "1+2+3\nab\nx"},
		{name: "replace", text: "'hello' -replace 'l+','L'; 'ab' -replace '(a)(b)','$2$1'; 'John' -replace '(?<n>J)','<${n}>'; 'x' -replace 'x'; 'aA' -creplace 'a','b'; ('a1','b2' -replace '\\d') -join ','", want: "heLo\nba\n<J>ohn\n\nbA\na,b"},
		{name: "format", text: "'{0:N2}|{1,6}|{2,-4}|{3:x4}|{4:D5}|{{}}' -f 1234.5,'ab','c',255,42", want: "1,234.50|    ab|c   |00ff|00042|{}"},
		{name: "format numbers", text: "'{0:P1} {0:F3} {0:E2} {0:G2}' -f 0.1256; '{0:C}' -f 5; '{0:000}' -f 7; '{0:#,0.00}' -f 1234.5; '{0:0.##}' -f 1.5; '{0:0%}' -f 0.5", five: "12.6 % 0.126 1.26E-001 0.13\n$5.00\n007\n1,234.50\n1.5\n50%", seven: "12.6% 0.126 1.26E-001 0.13\n$5.00\n007\n1,234.50\n1.5\n50%"},
		{name: "format dates", text: "'{0:yyyy-MM-dd HH:mm:ss}' -f [datetime]'2020-02-03 04:05:06'; '{0:d} {0:t} {0:D} {0:s} {0:ddd MMM}' -f [datetime]'2020-02-03 04:05:06'", want: "2020-02-03 04:05:06\n2/3/2020 4:05 AM Monday, February 3, 2020 2020-02-03T04:05:06 Mon Feb"},
		{name: "format spans", text: "'{0:hh\\:mm\\:ss}' -f [timespan]'01:02:03'; [string][timespan]'1.02:03:04'", want: "01:02:03\n1.02:03:04"},
		{name: "format halves", text: "'{0:N0} {1:N0} {2:F1} {3:0}' -f 0.5, 1.5, 0.25, -0.1", five: "1 2 0.3 0", seven: "0 2 0.2 -0"},
		{name: "too few arguments", text: "try { '{1}' -f 1 } catch { $_.FullyQualifiedErrorId; $_.Exception.Message }", want: "FormatError\nError formatting a string: Index (zero based) must be greater than or equal to zero and less than the size of the argument list.."},
		{name: "indexes", text: "'abc'[0]; 'abc'[-1]; 'abc'[1..2] -join ''; ('abc'[9]) -eq $null; 'äx'.Length; '😀'.Length", want: "a\nc\nbc\nTrue\n2\n2"},
		{name: "here-strings", text: "@\"\na $(1+1)\n\"@; @'\n$x\n'@", want: "a 2\n$x"},
	})
}

// TestCollections fails if arrays, tables or objects behave differently.
func TestCollections(t *testing.T) {
	runCases(t, []langCase{
		{name: "arrays are references", text: "$a = 1,2; $b = $a; $b[0] = 9; $a[0]; $b += 3; $a.Count", want: "9\n2"},
		{name: "count and length of everything", text: "(1).Count; $null.Count; @().Length; 'ab'.Count; @(1,2).Length; @{a=1}.Count", want: "1\n0\n0\n1\n2\n1"},
		{name: "negative and missing indexes", text: "$a = 1,2,3; $a[-1]; $a[5] -eq $null; $a[0,2] -join ','; $a[1..9] -join ','", want: "3\nTrue\n1,3\n2,3"},
		{name: "index out of range", text: "try { $a = 1,2; $a[5] = 1 } catch { $_.Exception.Message }", want: "Index was outside the bounds of the array."},
		{name: "one element is unrolled", text: "function f { ,(1,2) }; (f).Count; function g { 1,2 }; (g).Count; function h { @(1) }; (h).GetType().Name; ,@() | % { 'x' }", want: "2\n2\nInt32\nx"},
		{name: "tables", text: "$h = @{a=1; 'b c'=2; 3='x'}; $h.a; $h.'b c'; $h[3]; $h.A; $h['nope'] -eq $null; $h.new = 5; $h.Count", want: "1\n2\nx\n1\nTrue\n4"},
		{name: "tables are not unrolled", text: "@{a=1} | % { $_.GetType().Name }; @(@{a=1}).Count", want: "Hashtable\n1"},
		{name: "ordered", text: "$o = [ordered]@{z=1;a=2}; $o.Keys -join ','; $o[0]; $o['a']; $o.z = 9; $o[0]; $o.GetType().Name", want: "z,a\n1\n2\n9\nOrderedDictionary"},
		{name: "duplicate keys", text: "try { @{a=1;A=2} } catch { $_.FullyQualifiedErrorId }", five: "ERR At line:1 char:13\n+ try { @{a=1;A=2} } catch { $_.FullyQualifiedErrorId }\n+             ~\nDuplicate keys 'A' are not allowed in hash literals.\n    + CategoryInfo          : ParserError: (:) [], ParentContainsErrorRecordEx \n   ception\n    + FullyQualifiedErrorId : DuplicateKeyInHashLiteral\n "},
		{name: "key wins over property", text: "@{Count=7}.Count; @{Keys='k'}.Keys", want: "7\nk"},
		{name: "sum of tables", text: "$h = @{a=1} + @{b=2}; $h.Count; try { @{a=1} + @{a=2} } catch { 'twice' }", want: "2\ntwice"},
		{name: "objects", text: "$p = [pscustomobject]@{n=1; s='x'}; $p.n; $p.N++; $p.n; $p.s; $p.z -eq $null; $p.psobject.Properties.Name -join ','", want: "1\n2\nx\nTrue\nn,s"},
		{name: "no new properties", text: "try { ([pscustomobject]@{a=1}).b = 2 } catch { $_.Exception.Message }", want: "The property 'b' cannot be found on this object. Verify that the property exists and can be set."},
		{name: "members of elements", text: "$l = [pscustomobject]@{v=1}, [pscustomobject]@{v=2,3}; $l.v -join ','; ('ab','c').Length -join ','", want: "1,2,3\n2"},
		{name: "several targets", text: "$a, $b, $c = 1, 2; \"$a $b [$c]\"; $x, $y = 1, 2, 3; $y -join ','; $a = $b = 5; \"$a$b\"; ($q = 7)", want: "1 2 []\n2,3\n55\n7"},
		{name: "typed variables", text: "[int]$i = '5'; $i + 1; try { $i = 'x' } catch { 'no' }; $i; [string]$s = 1,2; $s", want: "6\nno\n5\n1 2"},
		{name: "typed arrays", text: "[int[]]$a = '1','2'; $a[0] + $a[1]; $a.GetType().Name; [string[]](1,2) -join '+'; [char[]]'ab' -join ','", want: "3\nInt32[]\n1+2\na,b"},
		{name: "foreach and where methods", text: "(1..4).Where({ $_ % 2 }) -join ','; (1,2).ForEach({ $_ * 10 }) -join ','; ('a','bb').ForEach('Length') -join ','; (1..5).Where({ $_ -gt 2 }, 'First', 1)", want: "1,3\n10,20\n1,2\n3"},
		{name: "truth", text: "foreach ($v in @(), @(0), @(1), @(0,0), '', 'a', 0, 0.0, @{}, $null) { [bool]$v }", want: "False\nFalse\nTrue\nTrue\nFalse\nTrue\nFalse\nFalse\nTrue\nFalse"},
	})
}
