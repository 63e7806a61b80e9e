package pslang

import "testing"

// trees is a table of texts and of how they are read.
type trees []struct{ in, want string }

// check compares each text's tree with what is wanted.
func (l trees) check(t *testing.T, o Options) {
	t.Helper()
	for _, tt := range l {
		b, err := Parse(tt.in, o)
		if err != nil {
			e := err.(*Errors).List[0]
			t.Errorf("Parse(%q): at %d: %s: %s", tt.in, e.Start, e.ID, e.Message)
			continue
		}
		if got := Print(b); got != tt.want {
			t.Errorf("Parse(%q):\n got %s\nwant %s", tt.in, got, tt.want)
		}
	}
}

// If arguments are read as expressions, or the other way round, commands get
// other arguments than on Windows.
func TestArguments(t *testing.T) {
	trees{
		{"foo -bar:1 $a[0] $a.b (1+2),3 @args \"x$y\" --x -- 5kb a,b",
			`(cmd foo -bar:1 ([] $a 0) (. $a b) (, (paren (+ 1 2)) 3) @args (str "x" $y) --x -- 5120 (, a b))`},
		{"echo a+b -1 +1 1+1 !1 1..3 a=b =c", "(cmd echo a+b -1 +1 1+1 !1 1..3 a=b =c)"},
		{"echo 1 1.5 0x10 1e3 1l 1d 1.5.2 1a 2x3 .5", "(cmd echo 1 1.5 16 1000.0 1l 1d 1.5.2 1a 2x3 0.5)"},
		{"echo $a/b $a-b $a+1 $a=1 $a$b $a\"b\"'c' $a:b",
			"(cmd echo (word $a /b) (word $a -b) (word $a +1) (word $a =1) (word $a $b) (word $a bc) $a:b)"},
		{"echo a$b.c a$(b).c a${b}c $(b)c", "(cmd echo (word a $b .c) (word a ($ (cmd b)) .c) (word a $b c) ($ (cmd b)) c)"},
		{"echo $a.b.c $a.b() $a.b(1,2).c $a[0][1] $a::b $a.b[1]/c",
			"(cmd echo (. (. $a b) c) (call. $a b) (. (call. $a b 1 2) c) ([] ([] $a 0) 1) (:: $a b) ([] (. $a b) 1) /c)"},
		{"echo $a.length$b.length $a$b.length", "(cmd echo (. $a length) (. $b length) (word $a $b .length))"},
		{"echo $a..b $a. c", "(cmd echo $a ..b $a . c)"},
		{"echo \"a\".Length 'b'.c(1) (1).d @(1)[0] @{a=1}.a {b}.c",
			"(cmd echo (. \"a\" Length) (call. 'b' c 1) (. (paren 1) d) ([] (@ 1) 0) (. (hash a=1) a) (. {(cmd b)} c))"},
		{"echo \"a\"b 'a'\"b\" a\"b c\"d a'b c'd", `(cmd echo "a" b 'a' "b" "ab cd" "ab cd")`},
		{"echo .$a .\"b\" .'c' ./d ..\\e . .f", "(cmd echo . $a . \"b\" . 'c' ./d ..\\e . .f)"},
		{"echo [int] [a] [] ]x a[0] [", "(cmd echo [int] [a] [] ] x a[0] [)"},
		{"echo a#b #c", "(cmd echo a#b)"},
		{"echo a<#b#>c d<#e#> <#f#>g", "(cmd echo a<#b#>c d<#e#> g)"},
		{"echo a>b a<b >c", "(cmd echo a>b a<b 1>c)"},
		{"echo `$a `\"b`\" a` b `#c a`,b", "(cmd echo $a \"\\\"b\\\"\" \"a b\" #c a,b)"},
		{"echo @$a @a/b @'\nx\n'@", "(cmd echo (word @ $a) @a/b 'x')"},
		{"echo $ $$ $? $^ $_ $?x $1", "(cmd echo $ $$ $? $^ $_ (word $? x) $1)"},
		{"echo %a% % ? * ~ ^ \\ /", "(cmd echo %a% % ? * ~ ^ \\ /)"},
		{"echo :a :: ::b a:b c:\\d", "(cmd echo :a :: ::b a:b c:\\d)"},
		{"echo if foreach function in", "(cmd echo if foreach function in)"},
		{"echo a, b ,c,\nd e", "(cmd echo (, a b c d) e)"},
		{"echo 1,2 -x 3,$a.b,(4)", "(cmd echo (, 1 2) -x (, 3 (. $a b) (paren 4)))"},
		{"echo $a{b} $a(b)", "(cmd echo $a {(cmd b)} $a (paren (cmd b)))"},
		{"echo {a} {} (a) $(a;b) @(a;b)",
			"(cmd echo {(cmd a)} {} (paren (cmd a)) ($ (cmd a); (cmd b)) (@ (cmd a); (cmd b)))"},
		{"echo <#a#> b", "(cmd echo b)"},
		{"echo \u201ca b\u201d \u2018c\u2019", "(cmd echo \"a b\" 'c')"},
	}.check(t, Options{})
	trees{
		{"echo $a=1 ${a}=1", "(cmd echo $a =1 (word $a =1))"},
		{"echo ${a}?.b $a?.b a?b:c", "(cmd echo (word $a ?.b) (. $a? b) a?b:c)"},
	}.check(t, Options{Core: true})
}

// If a parameter is taken for a value, it is bound to another one.
func TestParameters(t *testing.T) {
	trees{
		{"a -Foo -Bar:$x -Baz: 1 -Q:1,2 -s:$false", "(cmd a -Foo -Bar:$x -Baz:1 -Q:(, 1 2) -s:$false)"},
		{"a -Foo.Bar=1 -Foo[1] -Foo=bar -Foo$x", "(cmd a -Foo .Bar=1 -Foo [1] -Foo=bar -Foo$x)"},
		{"a -Foo(1) -Foo{1}", "(cmd a -Foo (paren 1) -Foo {1})"},
		{"a -Foo\"b\" -1 -1a -_x -?", "(cmd a -Foob -1 -1a -_x -?)"},
		{"a --foo --foo=$x --", "(cmd a --foo (word --foo= $x) --)"},
		{"a -- -b -- c", "(cmd a -- -b -- c)"},
		{"a \u2013Foo \u2014Bar:1", "(cmd a -Foo -Bar:1)"},
		{"a -b:\"c d\" -e:(f) -g:{h}", "(cmd a -b:\"c d\" -e:(paren (cmd f)) -g:{(cmd h)})"},
		{"a - b", "(cmd a - b)"},
		{"a --% b \"c | d\" %e% | f", `(| (cmd a --%"b \"c | d\" %e% ") (cmd f))`},
		{"a --%\nb", "(cmd a --%\"\"); (cmd b)"},
		{"a --%b", "(cmd a --%b)"},
	}.check(t, Options{})
}

// If a command is called in another way, another thing runs.
func TestCommands(t *testing.T) {
	trees{
		{"7z.exe x; 2x; 7z", "(cmd 7z.exe x); (cmd 2x); (cmd 7z)"},
		{"& \"$x\\foo.exe\" -a b", `(& (str $x "\\foo.exe") -a b)`},
		{"& $a.b c; & $a[0]; &{ $_ } d; & (a) b; & a$b",
			"(& (. $a b) c); (& ([] $a 0)); (& {$_} d); (& (paren (cmd a)) b); (& (word a $b))"},
		{". .\\x.ps1; . $a; .$a; . {b}; .{b}; . 'c'; .\"c\"; .(a)",
			"(. .\\x.ps1); (. $a); (. $a); (. {(cmd b)}); (. {(cmd b)}); (. 'c'); (. \"c\"); (. (paren (cmd a)))"},
		{".\\a.ps1 b; ./c; ..\\d; /e/f g; \\h", "(cmd .\\a.ps1 b); (cmd ./c); (cmd ..\\d); (cmd /e/f g); (cmd \\h)"},
		{"a|%{b}|?{c}", "(| (cmd a) (cmd % {(cmd b)}) (cmd ? {(cmd c)}))"},
		{"a | foreach { b } | where c -eq d", "(| (cmd a) (cmd foreach {(cmd b)}) (cmd where c -eq d))"},
		{"$a | & b | . c", "(| $a (& b) (. c))"},
		{"else {}; catch; x; process; end; in", "(cmd else {}); (cmd catch); (cmd x); (cmd process); (cmd end); (cmd in)"},
		{"-foo a; !foo", "(cmd -foo a); (cmd !foo)"},
		{"</a>; <b c; >d", "(cmd < /a>); (cmd < b c); (cmd > d)"},
		{"a > b; a 2>&1 >> c; a 2> $null *>&1; a 3>d 4>e 5>f 6>g",
			"(cmd a 1>b); (cmd a 2>&1 1>>c); (cmd a 2>$null *>&1); (cmd a 3>d 4>e 5>f 6>g)"},
		{"a 2>\"$b\\c\" d >(e)", `(cmd a d 2>(str $b "\\c") 1>(paren (cmd e)))`},
		{"$a > b; 'x' >> c; (d) 2>&1; 1 > 2", "$a 1>b; 'x' 1>>c; (paren (cmd d)) 2>&1; 1 1>2"},
		{"a 1b 2 2>x 7>y", "(cmd a 1b 2 7>y 2>x)"},
		{"a `\n b", "(cmd a b)"},
		{"a ` \n b", "(cmd a); (cmd b)"},
		{"a;b\nc;;\n\n;d", "(cmd a); (cmd b); (cmd c); (cmd d)"},
		{"a |\n b", "(| (cmd a) (cmd b))"},
		{"$a == 1", "(= $a (cmd = 1))"},
		{"\uFEFFa", "(cmd a)"},
		{"a\u00a0b\u0085c\u3000d", "(cmd a b c d)"},
		{"", ""},
		{" # a\n<# b\n#> ;", ""},
	}.check(t, Options{})
	trees{
		{"a\n| b\n  # c\n  | d", "(| (cmd a) (cmd b) (cmd d))"},
		{"a && b || c", "(|| (&& (cmd a) (cmd b)) (cmd c))"},
		{"a | b && c | d; $x && e", "(&& (| (cmd a) (cmd b)) (| (cmd c) (cmd d))); (&& $x (cmd e))"},
		{"a && exit 1 || throw 'x'", "(|| (&& (cmd a) (cmd exit 1)) (cmd throw 'x'))"},
		{"exit 1 && b", "(exit (&& 1 (cmd b)))"},
		{"a b & c", "(cmd a b)&; (cmd c)"},
		{"$x = a &; (b &); 1 &", "(= $x (cmd a)&); (paren (cmd b)&); 1&"},
		{"a &&\n b", "(&& (cmd a) (cmd b))"},
	}.check(t, Options{Core: true})
}

// If operators bind otherwise, conditions give other results.
func TestOperators(t *testing.T) {
	trees{
		{"1+2*3 -f 4,5", "(+ 1 (* 2 (-f 3 (, 4 5))))"},
		{"1 -eq 2 -and 3 -gt 4 -or !5", "(-or (-and (-eq 1 2) (-gt 3 4)) (-not 5))"},
		{"1 -band 2 -eq 3", "(-band 1 (-eq 2 3))"},
		{"1 + 2 -shl 3", "(-shl (+ 1 2) 3)"},
		{"1..2 -f 3; 1,2..3,4", "(-f (.. 1 2) 3); (.. (, 1 2) (, 3 4))"},
		{"-1..-3; 1..$a.b", "(.. -1 -3); (.. 1 (. $a b))"},
		{"1 - 2 - 3; 1-2; 1 -2; 1+-2; $a-1", "(- (- 1 2) 3); (- 1 2); (- 1 2); (+ 1 -2); (- $a 1)"},
		{"-$a.b; - 5; -5; +5; - -5; !$a.b -eq $c", "(u- (. $a b)); (u- 5); -5; 5; (u- -5); (-eq (-not (. $a b)) $c)"},
		{"-not $a -and -not($b)", "(-and (-not $a) (-not (paren $b)))"},
		{"-join 1,2; -join (1,2); -split 'a b' -join ','",
			"(, (-join 1) 2); (-join (paren (, 1 2))); (-join (-split 'a b') ',')"},
		{"$a -csplit 'b' -ireplace 'c','d' -cnotlike 'e'", "(-cnotlike (-replace (-csplit $a 'b') (, 'c' 'd')) 'e')"},
		{"$a -EQ 1; $a -Ceq 1; $a -iContains 1; $a -cin $b; $a -notin $b",
			"(-eq $a 1); (-ceq $a 1); (-contains $a 1); (-cin $a $b); (-notin $a $b)"},
		{"$a -is [int]; $a -isnot [string]; $a -as [int] -and 1", "(-is $a [int]); (-isnot $a [string]); (-and (-as $a [int]) 1)"},
		{"$a -eq1", "(-eq $a 1)"},
		{"$a \u2013eq 1; 1 \u2014 2", "(-eq $a 1); (- 1 2)"},
		{",1; ,1,2; , , 1", "(, 1); (, (, 1) 2); (, (, 1))"},
		{"1,2,3; 1, 2\n,3", "(, 1 2 3); (, 1 2); (, 3)"},
		{"1 +\n2; 1,\n2; (1\n)", "(+ 1 2); (, 1 2); (paren 1)"},
		{"$i++; ++$i; $i--; --$i; $a.b++; $a[0] --; -$i++",
			"(post++ $i); (pre++ $i); (post-- $i); (pre-- $i); (post++ (. $a b)); (post-- ([] $a 0)); (u- (post++ $i))"},
		{"$x = 5 > 6; 5 -gt 2>b", "(= $x 5 1>6); (-gt 5 2) 1>b"},
	}.check(t, Options{})
	trees{
		{"$a ?? $b + 1; $a ?? $b ?? $c; $a ?? $b -eq $c", "(?? $a (+ $b 1)); (?? (?? $a $b) $c); (-eq (?? $a $b) $c)"},
		{"$a ? 1 : 2; $a ? $b ? 1 : 2 : 3; $x = $a ? 'b' : 'c'", "(? $a 1 2); (? $a (? $b 1 2) 3); (= $x (? $a 'b' 'c'))"},
		{"${a} ?1:2; (1 -eq 2)?3:4", "(? $a 1 2); (? (paren (-eq 1 2)) 3 4)"},
		{"$a ??= 5; ${a}?.b; ${a}?[0]; $a?.b; ${a}?.b()?.c",
			"(??= $a 5); (?. $a b); (?[] $a 0); (. $a? b); (?. (call?. $a b) c)"},
		{"a?b c; 1?2:3; ?2:3", "(cmd a?b c); (cmd 1?2:3); (cmd ?2:3)"},
		{"$a.b[int](1); [A]::C[string,int](2); $a.b[0]", "(call. $a b [int] 1); (call:: [A] C [string] [int] 2); ([] (. $a b) 0)"},
	}.check(t, Options{Core: true})
}

// If members and types are read otherwise, other methods are called.
func TestMembers(t *testing.T) {
	trees{
		{"[int]$a; [int] '5'; [int]-1; [int][char]'a'; [int]$a.b + 1",
			"(cast int $a); (cast int '5'); (cast int -1); (cast int (cast char 'a')); (+ (cast int (. $a b)) 1)"},
		{"[int],[string]; @([int]); [int] -eq $a", "(, [int] [string]); (@ [int]); (-eq [int] $a)"},
		{"[string]::Join(',', $a, 1); [Environment]::NewLine; [int]::MaxValue.GetType()",
			"(call:: [string] Join ',' $a 1); (:: [Environment] NewLine); (call. (:: [int] MaxValue) GetType)"},
		{"[xml](a b); [void]$a.b(); [ordered]@{}; [scriptblock]{}",
			"(cast xml (paren (cmd a b))); (cast void (call. $a b)); (cast ordered (hash)); (cast scriptblock {})"},
		{"[int]::new; [type]::$a; [type]::$a(1); [type]::'b'; [type].Name",
			"(:: [int] new); (:: [type] $a); (call:: [type] $a 1); (:: [type] 'b'); (. [type] Name)"},
		{"[Collections.Generic.List[string]]::new(); [A.B[string,[int[]]]]; [int[,]]; [int[][]]; [A`2[b,c]]; [ a ]; [A+B]",
			"(call:: [Collections.Generic.List[string]] new); [A.B[string,int[]]]; [int[,]]; [int[][]]; [A`2[b,c]]; [a]; [A+B]"},
		{"[Foo, Bar, Version=1.0.0.0]; [A[[B, C],[D]]]", "[Foo, Bar, Version=1.0.0.0]; [A[B, C,D]]"},
		{"$a.b.c; $a.$b.\"c\".('d'+'e'); $a.'b c'(); $a.1; $a. b; $a.\nb",
			"(. (. $a b) c); (. (. (. $a $b) \"c\") (paren (+ 'd' 'e'))); (call. $a 'b c'); (. $a 1); (. $a b); (. $a b)"},
		{"$a.b(1, (2,3), $c -f 4, {5}); $a.b(\n1,\n2\n); $a.b(,1)",
			"(call. $a b 1 (paren (, 2 3)) (-f $c 4) {5}); (call. $a b 1 2); (call. $a b (, 1))"},
		{"$a.where{$_}.foreach({$_})", "(call. (call. $a where {$_}) foreach {$_})"},
		{"$a[1,2]; $a[-1]; $a[1..2][0]; $a[$b.c]; $a[\n1\n]",
			"([] $a (, 1 2)); ([] $a -1); ([] ([] $a (.. 1 2)) 0); ([] $a (. $b c)); ([] $a 1)"},
		{"'a'.b; \"a\"[0]; (1).c; @(1)[0]; @{a=1}['a']; {1}.d(); $(1).e; 2l.f",
			"(. 'a' b); ([] \"a\" 0); (. (paren 1) c); ([] (@ 1) 0); ([] (hash a=1) 'a'); (call. {1} d); (. ($ 1) e); (. 2l f)"},
		{"$a.{.ctor}()", "(call. $a {(cmd .ctor)})"},
		{"$a<#b#>.c; $a.if.foreach.in", "(. $a c); (. (. (. $a if) foreach) in)"},
	}.check(t, Options{})
}

// Variables, and what can be assigned to.
func TestVariables(t *testing.T) {
	trees{
		{"$a; $A1_b; $ä; $1; $_", "$a; $A1_b; $ä; $1; $_"},
		{"$env:PATH; $ENV:Path; $global:x; $Script:y; $local:z; $private:a; $using:b; $function:c",
			"$env:PATH; $env:Path; $global:x; $script:y; $local:z; $private:a; $using:b; $function:c"},
		{"${a b}; ${env:ProgramFiles(x86)}; ${C:\\d}; ${a`}b}; ${global:x}", "${a b}; $env:{ProgramFiles(x86)}; $c:\\d; $a}b; $global:x"},
		{"$a::b; $a:b:c", "(:: $a b); $a:b:c"},
		{"$?; $$; $^; $a?", "$?; $$; $^; $a?"},
		{"$a.b = 1; $a[0] = 2; [int]$a = 3; $a, $b = 4, 5; ($a) = 6; $a.b, [int]$c[0] = 7",
			"(= (. $a b) 1); (= ([] $a 0) 2); (= (cast int $a) 3); (= (, $a $b) (, 4 5)); (= (paren $a) 6); " +
				"(= (, (. $a b) (cast int ([] $c 0))) 7)"},
		{"$a += 1; $a -= 1; $a *= 2; $a /= 2; $a %= 2; $a \u2013= 1", "(+= $a 1); (-= $a 1); (*= $a 2); (/= $a 2); (%= $a 2); (-= $a 1)"},
		{"$a = $b = 1; $a = b c | d; $a = if (1) {2}; $a = foreach ($b in 1) {2}; $a =\n1",
			"(= $a (= $b 1)); (= $a (| (cmd b c) (cmd d))); (= $a (if 1 {2})); (= $a (foreach $b 1 {2})); (= $a 1)"},
		{"[ValidateRange(1,5)][int]$a = 3", "(= (attributed [ValidateRange(1, 5)] (cast int $a)) 3)"},
		{"($a = 1); ($a += 2) + 1", "(paren (= $a 1)); (+ (paren (+= $a 2)) 1)"},
	}.check(t, Options{})
}

// If a string is taken apart otherwise, it expands to another text.
func TestStrings(t *testing.T) {
	trees{
		{`'a''b'; ''; "a""b"; ""; "a'b"`, `'a'b'; ''; "a\"b"; ""; "a'b"`},
		{"\"`n`t`r`0`a`b`f`v`\"`$`'`x`e`u\"", `"\n\t\r\x00\a\b\f\v\"$'xeu"`},
		{`"a $b c"; "$a"; "$a$b"; "$a.b"; "$a[0]"; "$a-b"; "$a\b"`,
			`(str "a " $b " c"); (str $a); (str $a $b); (str $a ".b"); (str $a "[0]"); (str $a "-b"); (str $a "\\b")`},
		{`"$env:a;${b}c$(d)e"; "${env:a b}"`, `(str $env:a ";" $b "c" ($ (cmd d)) "e"); (str $env:{a b})`},
		{`"$"; "$ a"; "a$"; "$\"; "$$"; "$?"; "$_.x"; "$1"; "@a"; "$a::b"`,
			`"$"; "$ a"; "a$"; "$\\"; (str $$); (str $?); (str $_ ".x"); (str $1); "@a"; (str $a "::b")`},
		{`"$(1;2)"; "$()"; "$("a")"; "$('a')b"; "a$(b)$c"`, `(str ($ 1; 2)); (str ($)); (str ($ "a")); (str ($ 'a') "b"); (str "a" ($ (cmd b)) $c)`},
		// Inside of $( ), doubled quotes and those with a backtick are single.
		{`"$(""a"")"`, `(str ($ "a"))`},
		{"\"$(a `\"b`\")\"", `(str ($ (cmd a "b")))`},
		{`"$("a$("b")c")d"; "$("x")$(@{a=1}.a)$($b.c[0])"`,
			`(str ($ (str "a" ($ "b") "c")) "d"); (str ($ "x") ($ (. (hash a=1) a)) ($ ([] (. $b c) 0)))`},
		{"\u201ca\u201d; \u2018b\u2019; \"a\u201d", `"a"; 'b'; "a"`},
		{"@'\na\n'b'\n'@; @'\n'@; @'  \n\n'@", "'a\n'b''; ''; ''"},
		{"@\"\na $b \"c\" `\"d\n$(e)\n\"@", `(str "a " $b " \"c\" \"d\n" ($ (cmd e)))`},
		{"@\"\n$(\"\"\"a\"\"\")\n\"@", `(str ($ "\"a\""))`},
		{"@'\r\na\r\nb\r\n'@", "'a\r\nb'"},
		{"@\"\n \"@ `$\n\"@", `" \"@ $"`},
		{"'a\nb'; \"a\nb\"", "'a\nb'; \"a\\nb\""},
	}.check(t, Options{})
	trees{
		{"\"`e`u{48}`u{1F44D}\"; a`u{e4}", "\"\\x1bH\U0001F44D\"; (cmd aä)"},
	}.check(t, Options{Core: true})
}

// If statements end elsewhere, other things run.
func TestStatements(t *testing.T) {
	trees{
		{"if (1) {2} elseif (3) {4} else {5} 6", "(if 1 {2} 3 {4} else {5}); 6"},
		{"if ($a)\n{1}\n\nelse\n{2}\n\nb", "(if $a {1} else {2}); (cmd b)"},
		{"If(a b){c}Else{d}", "(if (cmd a b) {(cmd c)} else {(cmd d)})"},
		{"if (1) {2}\nb", "(if 1 {2}); (cmd b)"},
		{"if(1){a}elseif(2){b};else c", "(if 1 {(cmd a)} 2 {(cmd b)}); (cmd else c)"},
		{"while ($a) {b} c; while(1){break;continue}", "(while $a {(cmd b)}); (cmd c); (while 1 {(break); (continue)})"},
		{"do {a} while (1); do\n{b}\nuntil(2) c", "(do {(cmd a)} 1); (until {(cmd b)} 2); (cmd c)"},
		{"for ($i=0; $i -lt 5; $i++) {a}; for(;;){b}; for($i=0\n$i\n$i++){c}; for($i){}",
			"(for (= $i 0) (-lt $i 5) (post++ $i) {(cmd a)}); (for _ _ _ {(cmd b)}); (for (= $i 0) $i (post++ $i) {(cmd c)}); (for $i _ _ {})"},
		{"foreach ($a in 1..3) {b}; foreach($a in b c | d){e}; foreach ($a\nin\n$b)\n{c}",
			"(foreach $a (.. 1 3) {(cmd b)}); (foreach $a (| (cmd b c) (cmd d)) {(cmd e)}); (foreach $a $b {(cmd c)})"},
		{":a foreach ($b in 1) { :c while (1) { break a; continue c; break $d } }",
			"(:a foreach $b 1 {(:c while 1 {(break a); (continue c); (break $d)})})"},
		{":a b; :c\\d", "(cmd :a b); (cmd :c\\d)"},
		{"switch ($a) { 1 {a} 'b' {c}; d* {e} {$_ -gt 1} {f} (2) {g} $x {h} default {i} }",
			"(switch $a 1 {(cmd a)} 'b' {(cmd c)} d* {(cmd e)} {(-gt $_ 1)} {(cmd f)} (paren 2) {(cmd g)} $x {(cmd h)} default {(cmd i)})"},
		{"switch -regex -casesensitive ($a) { b {} }; switch -wild -file a.txt { b {} }; switch -Exact -r (1) {b{}}",
			"(switch -regex -casesensitive $a b {}); (switch -wildcard -file a.txt b {}); (switch -regex 1 b {})"},
		{"switch (1)\n{\n\n1\n{a}\n\n}\nb", "(switch 1 1 {(cmd a)}); (cmd b)"},
		{"try {a} catch {b} c; try {a}\ncatch [x.Y], [Z] {b}\ncatch {c}\nfinally {d}",
			"(try {(cmd a)} catch {(cmd b)}); (cmd c); (try {(cmd a)} catch x.Y Z {(cmd b)} catch {(cmd c)} finally {(cmd d)})"},
		{"try {} finally { while (1) { break }; switch (1) { 1 { break } }; & { return } }",
			"(try {} finally {(while 1 {(break)}); (switch 1 1 {(break)}); (& {(return)})})"},
		{"a; trap [x] {b}; c; trap {d}", "(trap x {(cmd b)}); (trap _ {(cmd d)}); (cmd a); (cmd c)"},
		{"return; exit; throw; return 1; exit 1+2; throw 'a'; return a b | c; return $a = 1",
			"(return); (exit); (throw); (return 1); (exit (+ 1 2)); (throw 'a'); (return (| (cmd a b) (cmd c))); (return (= $a 1))"},
		{"return\n1; {return}", "(return); 1; {(return)}"},
		{"exit-foo; if-x; iff 1; foreach-object {}", "(cmd exit-foo); (cmd if-x); (cmd iff 1); (cmd foreach-object {})"},
		{"class A : B { [int]$a = 1; A() { '}' } } 5; enum C { D; E }\n6", "(unsupported class A); 5; (unsupported enum C); 6"},
		{"[Flags()] enum A { b }\n[B(c='d')]\nclass E\n:\nF\n,\nG.H\n{ i() : base() {} } j", "(unsupported enum A); (unsupported class E); (cmd j)"},
		{"workflow a($b) { b }; configuration c { d }; data e { f }; data { g }", "(unsupported workflow a); (unsupported configuration c); (unsupported data e); (unsupported data )"},
		{"parallel { a }; parallel b; data -s a,b { c }", "(unsupported parallel ); (cmd parallel b); (unsupported data )"},
		{"using namespace System.IO; using module .\\a.psm1\na", "(using namespace System.IO); (using module .\\a.psm1); (cmd a)"},
		{"#requires -Version 5\n# requires x\n#Requires -RunAsAdministrator\na", "(#requires -Version 5); (#requires -RunAsAdministrator); (cmd a)"},
	}.check(t, Options{})
}

// If a hashtable is read otherwise, parameters and objects are wrong.
func TestHashtables(t *testing.T) {
	trees{
		{"@{}; @{a=1}; @{a=1;b=2}; @{\na = 1\n\nb = 2\n}", "(hash); (hash a=1); (hash a=1 b=2); (hash a=1 b=2)"},
		{"@{'a b'=1; \"c$d\"=2; 3=4; $e=5; (f)=6; if=7; $g.h=8; -1=9}",
			`(hash 'a b'=1 (str "c" $d)=2 3=4 $e=5 (paren (cmd f))=6 if=7 (. $g h)=8 -1=9)`},
		{"@{a=b c | d; e={f}; g=@{h=1}; i=1,2; j=if(1){2}; k=\n3}",
			"(hash a=(| (cmd b c) (cmd d)) e={(cmd f)} g=(hash h=1) i=(, 1 2) j=(if 1 {2}) k=3)"},
		{"[pscustomobject]@{a=1;} | b", "(| (cast pscustomobject (hash a=1)) (cmd b))"},
		{"@{a=$b.c;d=[int]1} # e", "(hash a=(. $b c) d=(cast int 1))"},
	}.check(t, Options{})
}

// If functions and their parameters are read otherwise, they are bound wrongly.
func TestFunctions(t *testing.T) {
	trees{
		{"function a {b} c; function global:A-B($c, [int]$d = 1, [switch] $e) {f}; filter g {$_}",
			"(function a {(cmd b)}); (cmd c); (function global:A-B {(param ($c) ([int] $d = 1) ([switch] $e)); (cmd f)}); (filter g {process {$_}})"},
		{"function a\n{\nbegin {b}\nprocess\n{c}\nend {d} dynamicparam {e} }",
			"(function a {dynamicparam {(cmd e)}; begin {(cmd b)}; process {(cmd c)}; end {(cmd d)}})"},
		{"function a() { param($b) }", "(function a {(param ($b))})"},
		{"function a() {}; function 2b {}; function c:d {}; function a.b/c {}", "(function a {(param)}); (function 2b {}); (function c:d {}); (function a.b/c {})"},
		{"param([Parameter(Mandatory=$true, Position=0, HelpMessage='x')][Alias('a','b')]\n[string[]]\n$c = @('d', 'e'),\n[switch]$f)\ng",
			"(param ([Parameter(Mandatory=$true, Position=0, HelpMessage='x')] [Alias('a', 'b')] [string[]] $c = (@ (, 'd' 'e'))) ([switch] $f)); (cmd g)"},
		{"[CmdletBinding()]\n[OutputType([int])]\nparam()\na", "[CmdletBinding()]; [OutputType([int])]; (param); (cmd a)"},
		{"{[CmdletBinding(SupportsShouldProcess)] param([ValidateSet('a', \"b\")]$c, [ValidateScript({$_ -gt 1})]$d) process {e}}",
			`{[CmdletBinding(SupportsShouldProcess)]; (param ([ValidateSet('a', "b")] $c) ([ValidateScript({(-gt $_ 1)})] $d)); process {(cmd e)}}`},
		{"{param($a) $a}; & { param ( $a , $b ) }", "{(param ($a)); $a}; (& {(param ($a) ($b))})"},
		{"a; param($b)", "(cmd a); (cmd param (paren $b))"},
		{"function f { [int]$a }", "(function f {(cast int $a)})"},
	}.check(t, Options{})
}
