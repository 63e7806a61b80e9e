package ps

import "testing"

// TestFlow fails if statements, loops or jumps go elsewhere.
func TestFlow(t *testing.T) {
	runCases(t, []langCase{
		{name: "if", text: "if (0) {'a'} elseif ('x') {'b'} else {'c'}; if ($null) {1} else {2}", want: "b\n2"},
		{name: "loops", text: "for ($i=0; $i -lt 3; $i++) {$i}; while ($i) {$i--}; $i; do {$i++} while ($i -lt 3); $i; do {$i--} until ($i -le 1); $i", want: "0\n1\n2\n0\n3\n1"},
		{name: "break and continue", text: "foreach ($x in 1..5) { if ($x -eq 2) {continue}; if ($x -eq 4) {break}; $x }", want: "1\n3"},
		{name: "labels", text: ":o foreach ($x in 1..3) { foreach ($y in 1..3) { if ($y -eq 2) {continue o}; if ($x -eq 3) {break o}; \"$x$y\" } }", want: "11\n21"},
		{name: "foreach over null and scalars", text: "foreach ($x in $null) {'never'}; foreach ($x in 5) {$x}; foreach ($x in @()) {'never'}", want: "5"},
		{name: "loops have values", text: "$a = foreach ($x in 1..3) { $x * 2 }; $a -join ','; $b = if (1) {'y'}; $b; $c = switch (1) { 1 {'one'} }; $c", want: "2,4,6\ny\none"},
		{name: "switch", text: "switch (1,2,'x') { 1 {'one'} 2 {'two'; continue} {$_ -is [string]} {\"s$_\"} default {'d'} }", want: "one\ntwo\nsx"},
		{name: "switch runs all that match", text: "switch ('ab') { 'ab' {1} 'AB' {2} default {3} }; switch -casesensitive ('a') { 'A' {1} 'a' {2} }", want: "1\n2\n2"},
		{name: "switch with patterns", text: "switch -wildcard ('abc') { 'a*' {'w'; break} '*' {'never'} }; switch -regex ('x12') { '\\d+' { $Matches[0] } }", want: "w\n12"},
		{name: "exit in a block", text: "& { exit 4 }; 'never'", want: ""},
		{name: "return in a script", text: "1; return 2; 3", want: "1\n2"},
		{name: "break outside of loops ends the script", text: "1; break; 2", want: "1"},
		{name: "strict mode", text: "Set-StrictMode -Version Latest; try { $nope } catch { $_.FullyQualifiedErrorId }; try { @{}.x } catch { $_.FullyQualifiedErrorId }; & { Set-StrictMode -Off; $nope; 'off' }", want: "VariableIsUndefined\nPropertyNotFoundStrict\noff"},
		{name: "chains", text: "args a && 'x'; args exit 1 || 'y'; args exit 1 && 'never'", seven: "<a>\nx\ny"},
		{name: "ternary and null", text: "$true ? 'a' : 'b'; $null ?? 'c'; $x ??= 5; $x; $x ??= 6; $x; ${n}?.Length; ${n}?[0]", seven: "a\nc\n5\n5"},
		{name: "success", text: "1/0; $?; $?; 'x' | Out-Null; $?", five: "False\nTrue\nTrue\nERR Attempted to divide by zero.\nAt line:1 char:1\n+ 1/0; $?; $?; 'x' | Out-Null; $?\n+ ~~~\n    + CategoryInfo          : NotSpecified: (:) [], RuntimeException\n    + FullyQualifiedErrorId : RuntimeException\n "},
	})
}

// TestFunctions fails if parameters bind, or scopes nest, in another way.
func TestFunctions(t *testing.T) {
	runCases(t, []langCase{
		{name: "places and names", text: "function f($a, $b = 'B') { \"$a|$b|$($args -join ',')\" }; f; f 1; f 1 2 3 4; f -b 5 6; f -A 7", want: "|B|\n1|B|\n1|2|3,4\n6|5|\n7|B|"},
		{name: "unknown names go to args", text: "function f { $args.Count; $args -join ' ' }; f -x 1 -y:2 z", want: "5\n-x 1 -y: 2 z"},
		{name: "switches", text: "function f([switch]$s, $x) { \"$s $x $($s.IsPresent)\" }; f; f -s 1; f -s:$false 2; f 3 -s", want: "False  False\nTrue 1 True\nFalse 2 False\nTrue 3 True"},
		{name: "types convert", text: "function f([int]$n, [string[]]$l, [bool]$b) { $n + 1; $l.Count; $b }; f '4' a,b 1", want: "5\n2\nTrue"},
		{name: "types that do not convert", text: "function f([int]$n) { 'never' }; try { f abc } catch { $_.FullyQualifiedErrorId; $_.Exception.GetType().Name; $_.Exception.Message }", five: "ParameterArgumentTransformationError,f\nParameterBindingArgumentTransformationException\nCannot process argument transformation on parameter 'n'. Cannot convert value \"abc\" to type \"System.Int32\". Error: \"Input string was not in a correct format.\""},
		{name: "unset typed parameters", text: "function f([int]$n, [string]$s, $o) { $n; \"[$s]\"; $s -eq $null; $o -eq $null }; f", want: "0\n[]\nFalse\nTrue"},
		{name: "validation", text: "function f([ValidateRange(1,5)][int]$n, [ValidateSet('a','b')]$s, [ValidateNotNullOrEmpty()]$e, [ValidatePattern('^x')]$p) { 'ok' }; f 3 A 1 x1; foreach ($b in { f 9 }, { f -s q }, { f -e '' }, { f -p y }) { try { & $b } catch { $_.FullyQualifiedErrorId } }", want: "ok\nParameterArgumentValidationError,f\nParameterArgumentValidationError,f\nParameterArgumentValidationError,f\nParameterArgumentValidationError,f"},
		{name: "mandatory", text: "function f { param([Parameter(Mandatory=$true)]$x, [Parameter(Mandatory)][string]$y) \"$x$y\" }; f 1 2; foreach ($b in { f 1 }, { f $null 2 }, { f 1 '' }) { try { & $b } catch { $_.FullyQualifiedErrorId } }", want: "12\nMissingMandatoryParameter,f\nParameterArgumentValidationErrorNullNotAllowed,f\nParameterArgumentValidationErrorEmptyStringNotAllowed,f"},
		{name: "advanced functions know their parameters", text: "function f { [CmdletBinding()]param($a) $a }; foreach ($b in { f -z 1 }, { f 1 2 }, { f -a }) { try { & $b } catch { $_.FullyQualifiedErrorId } }; f 5 -ErrorAction Stop", want: "NamedParameterNotFound,f\nPositionalParameterNotFound,f\nMissingArgument,f\n5"},
		{name: "prefixes and aliases", text: "function f { [CmdletBinding()]param([Alias('al')]$Alpha, $Beta1, $Beta2) \"$Alpha$Beta1$Beta2\" }; f -al 1 -Beta1 2; f -Alp 3; try { f -Be 1 } catch { $_.FullyQualifiedErrorId; $_.Exception.Message }", want: "12\n3\nAmbiguousParameter,f\nParameter cannot be processed because the parameter name 'Be' is ambiguous. Possible matches include: -Beta1 -Beta2."},
		{name: "splatting", text: "function f($a, $b, [switch]$s) { \"$a $b $s\" }; $h = @{b=2; s=$true}; f 1 @h; $l = 3, 4; f @l; function g { f @args }; g 5 -b 6", want: "1 2 True\n3 4 False\n5 6 False"},
		{name: "bound parameters", text: "function f($a, $b) { $PSBoundParameters.Keys -join ','; $PSBoundParameters.b }; f -b 1", want: "b\n1"},
		{name: "pipeline to process", text: "function f { param([Parameter(ValueFromPipeline)]$x) begin {'b'} process {\"p$x\"} end {'e'} }; 1,2 | f; f 3; @() | f", want: "b\np1\np2\ne\nb\np3\ne\nb\ne"},
		{name: "pipeline by property", text: "function f { param([Parameter(ValueFromPipelineByPropertyName)]$Name, [Parameter(ValueFromPipelineByPropertyName)][Alias('Len')]$Size) process {\"$Name $Size\"} }; [pscustomobject]@{Name='n';Len=3}, [pscustomobject]@{name='m';size=4} | f", want: "n 3\nm 4"},
		{name: "input of simple functions", text: "function f { $input | % { \"i$_\" } }; 1,2 | f; function g { process { \"p$_\" } }; 3,4 | g; filter h { $_ + 1 }; 5 | h", want: "i1\ni2\np3\np4\n6"},
		{name: "object that does not bind", text: "function f { param([Parameter(ValueFromPipeline)][int]$x) process { $x } }; try { $ErrorActionPreference = 'Stop'; 'a' | f } catch { $_.FullyQualifiedErrorId }", want: "InputObjectNotBound,f"},
		{name: "parameter sets", text: "function f { [CmdletBinding(DefaultParameterSetName='A')]param([Parameter(ParameterSetName='A')]$a, [Parameter(ParameterSetName='B',Mandatory)]$b) $PSCmdlet.ParameterSetName }; f; f -b 1; try { f -a 1 -b 2 } catch { $_.FullyQualifiedErrorId }", want: "A\nB\nAmbiguousParameterSet,f"},
		{name: "scopes", text: "$x = 1; function f { $x; $x = 2; $x; $script:y = 3; $global:z = 4; function inner { $x }; inner }; f; $x; $y; $z; & { $x = 9 }; $x; . { $x = 9 }; $x", want: "1\n2\n2\n1\n3\n4\n1\n9"},
		{name: "scopes are dynamic", text: "function a { $v = 'a'; b }; function b { $v }; $v = 'top'; a; b; function c { $private:p = 1; d }; function d { \"[$p]\" }; c", want: "a\ntop\n[]"},
		{name: "functions in functions are local", text: "function f { function g { 'g' }; g }; f; [bool](${function:g})", want: "g\nFalse"},
		{name: "closures", text: "$n = 1; $c = { $n }.GetNewClosure(); $n = 2; & $c; & { $n }; function adder($k) { { param($x) $x + $k }.GetNewClosure() }; $a = adder 10; & $a 5", want: "1\n2\n15"},
		{name: "script blocks", text: "& { param($a, $b) \"$a-$b\"; $args.Count } 1 2 3; $s = { $_ * 2 }; 3 | % $s; (& { 1; 2 }).Count; $s.ToString()", want: "1-2\n1\n6\n2\n $_ * 2 "},
		{name: "default may use others", text: "function f($a, $b = $a * 2, $c = $(if ($a) {'y'} else {'n'})) { \"$b $c\" }; f 3; f", want: "6 y\n n"},
		{name: "begin and end of a scriptblock", text: "1..3 | & { begin { $s = 0 } process { $s += $_ } end { $s } }", want: "6"},
		{name: "variables of functions", text: "function f { $MyInvocation.MyCommand.Name; $MyInvocation.InvocationName; $MyInvocation.BoundParameters.Count }; f; & f", want: "f\nf\n0\nf\n&\n0"},
		{name: "recursion", text: "function fib($n) { if ($n -lt 2) { $n } else { (fib ($n - 1)) + (fib ($n - 2)) } }; fib 12", want: "144"},
		{name: "endless recursion", text: "function f { f }; try { f } catch { $_.FullyQualifiedErrorId }", want: "CallDepthOverflow"},
		{name: "constants", text: "try { $true = 1 } catch { $_.FullyQualifiedErrorId }; $null = 5; $null -eq $null; try { $PID = 1 } catch { $_.Exception.Message }", want: "VariableNotWritable\nTrue\nCannot overwrite variable PID because it is read-only or constant."},
		{name: "drives as variables", text: "$env:FOO = 'x'; $env:FOO; $env:FOO = ''; $env:FOO -eq $null; ${env:A B} = 1; ${env:A B}; function f {'ff'}; & ${function:f}; $function:g = { 'gg' }; g", want: "x\nTrue\n1\nff\ngg"},
	})
}

// TestPipelines fails if objects do not stream, or are unrolled differently.
func TestPipelines(t *testing.T) {
	runCases(t, []langCase{
		{name: "objects stream", text: "1..3 | % { \"a$_\"; $_ } | ? { $_ -is [int] } | % { \"b$_\" }", want: "b1\nb2\nb3"},
		{name: "order of effects", text: "1,2 | % { Write-Host \"first $_\"; $_ } | % { Write-Host \"second $_\" }", want: "first 1\nsecond 1\nfirst 2\nsecond 2"},
		{name: "blocks of ForEach-Object", text: "1..3 | ForEach-Object { 'b' } { $_ } { 'e' }; 1..3 | ForEach-Object -Begin { $n = 0 } -Process { $n += $_ } -End { $n }; $n", want: "b\n1\n2\n3\ne\n6\n6"},
		{name: "members of ForEach-Object", text: "'ab','c' | ForEach-Object Length; @{a=1} | % Count; 1.5 | % ToString", want: "2\n1\n1\n1.5"},
		{name: "Where-Object", text: "1..5 | ? { $_ -gt 3 }; [pscustomobject]@{n=1}, [pscustomobject]@{n=2} | ? n -eq 2 | % n; 'a','b' | where { $_ -ne 'a' }; [pscustomobject]@{f=$true}, [pscustomobject]@{f=$false} | ? f | % f", want: "4\n5\n2\nb\nTrue"},
		{name: "underscore after blocks in it", text: "1 | % { switch (5) { 5 { $_ } }; $_; try { throw 'x' } catch { }; $_; 2 | % { param($p) $_ }; $_; 3 | % { $_ }; $_ }", want: "5\n1\n1\n2\n1\n3\n1"},
		{name: "underscore after a pipeline", text: "1 | % { $_ }; \"[$_]\"; 1..2 | % { $o = $_; 'a','b' | % { \"$o$_\" } }", want: "1\n[]\n1a\n1b\n2a\n2b"},
		{name: "nothing and null", text: "function n { }; n | % { 'never' }; $null | % { 'once' }; $x = n; $x | % { 'never' }; @($null).Count; @(n).Count", want: "once\n1\n0"},
		{name: "arrays unroll one level", text: "(1,(2,3)) | % { $_.Count }; ,(1,2) | % { $_.Count }", want: "1\n2\n2"},
		{name: "Write-Output", text: "Write-Output 1,2 | % { \"<$_>\" }; Write-Output -NoEnumerate 1,2 | % { $_.Count }; echo a b", want: "<1>\n<2>\n2\na\nb"},
		{name: "Out-Null and casts to void", text: "1 | Out-Null; [void](2); $null = 3; 4 > $null; 5", want: "5"},
		{name: "variables for output and errors", text: "Write-Output 1 2 -OutVariable o | Out-Null; $o -join ','; Write-Error bad -ErrorVariable e -ErrorAction SilentlyContinue; $e.Count; \"$e\"; Write-Output 3 -OutVariable +o | Out-Null; $o.Count", want: "1,2\n1\nbad\n3"},
		{name: "pipeline variable", text: "1..2 | ForEach-Object { $_ } -PipelineVariable p | % { \"$p$_\" }", want: "11\n22"},
		{name: "Invoke-Command", text: "Invoke-Command { param($a) $a + 1 } -ArgumentList 4; icm -ScriptBlock { $x = 5 }; \"[$x]\"", want: "5\n[]"},
		{name: "Invoke-Expression", text: "iex '1 + 1'; Invoke-Expression '$q = 7'; $q; 'iex text' | % { iex \"'$_'\" }", want: "2\n7\niex text"},
		{name: "New-Object", text: "(New-Object psobject -Property @{a=1}).a; (New-Object System.Exception 'm').Message; (New-Object object[] 3).Count", want: "1\nm\n3"},
		{name: "redirections", text: "'a' > f.txt; 'b' >> f.txt; ${C:\\f.txt}; Write-Warning w 3> w.txt; ${C:\\w.txt}; & { 'o'; Write-Error e } 2> $null", want: "a\nb\nw\no"},
		{name: "merged streams", text: "& { Write-Warning w; Write-Verbose v -Verbose; Write-Host h; 'o' } *>&1 | % { $_.GetType().Name }", want: "WarningRecord\nVerboseRecord\nInformationRecord\nString"},
		{name: "other streams", text: "Write-Warning w; Write-Verbose no; Write-Verbose v -Verbose; Write-Debug no; Write-Information no; Write-Information i -InformationAction Continue; Write-Host a b -Separator - -NoNewline; Write-Host (1,2) @{a=1}", want: "WARNING: w\nVERBOSE: v\ni\na-b1 2 System.Collections.DictionaryEntry"},
		{name: "finally in a stopped pipeline", text: "function f { try { 1; 2 } finally { Write-Host fin } }; f | % { if ($_ -eq 1) { $_ } }", want: "1\nfin"},
	})
}
