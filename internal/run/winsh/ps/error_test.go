package ps

import (
	"strings"
	"testing"

	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/tree"
	"github.com/google/go-cmp/cmp"
)

// TestErrors fails if errors are caught, passed on or reported otherwise.
func TestErrors(t *testing.T) {
	runCases(t, []langCase{
		{name: "catch", text: "try { throw 'x' } catch { \"c $_\" } finally { 'f' }; try { 1/0 } catch { $_.Exception.Message }; 'after'", want: "c x\nf\nAttempted to divide by zero.\nafter"},
		{name: "by type", text: "try { 1/0 } catch [System.IO.IOException] { 'io' } catch [DivideByZeroException] { 'zero' } catch { 'any' }; try { throw 'x' } catch [System.Management.Automation.RuntimeException] { 'rt' }; try { [int]'x' } catch [InvalidCastException] { 'cast' }", want: "zero\nrt\ncast"},
		{name: "the closest type wins", text: "try { 1/0 } catch [System.ArithmeticException] { 'base' } catch { 'any' }; try { try { throw 'in' } catch [System.IO.IOException] { 'no' } } catch { \"out $_\" }", want: "base\nout in"},
		{name: "throw", text: "try { throw 'm' } catch { $_.FullyQualifiedErrorId; $_.CategoryInfo.Category; $_.TargetObject }; try { throw } catch { $_.Exception.Message }; try { throw (New-Object System.ArgumentException 'arg') } catch { $_.Exception.GetType().Name; $_.Exception.Message }; try { throw @{a=1} } catch { $_.TargetObject.a }", want: "m\nOperationStopped\nm\nScriptHalted\nArgumentException\narg\n1"},
		{name: "rethrow", text: "try { try { throw 'a' } catch { throw } } catch { \"again $_\" }; try { try { throw 'a' } catch { throw $_ } } catch { \"once more $_\" }; try { try { throw 'a' } catch { throw 'b' } } catch { \"$_\" }", want: "again a\nonce more a\nb"},
		{name: "finally and jumps", text: "function f { try { return 1 } finally { 'fin' } }; f; foreach ($i in 1,2) { try { continue } finally { \"f$i\" } }", want: "1\nfin\nf1\nf2"},
		{name: "errors of statements go on", text: "1/0; 'next'; [int]'x'; 'last'; $Error.Count; $Error[0].FullyQualifiedErrorId", five: "next\nlast\n2\nInvalidCastFromStringToInteger\nERR Attempted to divide by zero.\nAt line:1 char:1\n+ 1/0; 'next'; [int]'x'; 'last'; $Error.Count; $Error[0].FullyQualified ...\n+ ~~~\n    + CategoryInfo          : NotSpecified: (:) [], RuntimeException\n    + FullyQualifiedErrorId : RuntimeException\n \nCannot convert value \"x\" to type \"System.Int32\". Error: \"Input string was not \nin a correct format.\"\nAt line:1 char:14\n+ 1/0; 'next'; [int]'x'; 'last'; $Error.Count; $Error[0].FullyQualified ...\n+              ~~~~~~~~\n    + CategoryInfo          : InvalidArgument: (:) [], RuntimeException\n    + FullyQualifiedErrorId : InvalidCastFromStringToInteger\n "},
		{name: "try makes statements stop", text: "function f { 1/0; 'never' }; try { f; 'never' } catch { 'caught' }; f 2>$null", want: "caught\nnever"},
		{name: "preferences are values of an enumeration", text: "$ErrorActionPreference = 'stop'; \"$ErrorActionPreference\"; try { $WarningPreference = 'x' } catch { $_.Exception.GetType().Name }", want: "Stop\nArgumentTransformationMetadataException"},
		{name: "preference Stop", text: "$ErrorActionPreference = 'Stop'; try { Write-Error 'e' ; 'never' } catch { $_.FullyQualifiedErrorId; \"$_\" }", want: "Microsoft.PowerShell.Commands.WriteErrorException\ne"},
		{name: "SilentlyContinue and Ignore", text: "Write-Error a -ErrorAction SilentlyContinue; $Error.Count; Write-Error b -EA Ignore; $Error.Count; $ErrorActionPreference = 'SilentlyContinue'; 1/0; throw 'x'; 'still'; $?", want: "1\n1\nstill\nTrue"},
		{name: "action of a cmdlet", text: "try { Write-Error e -ErrorAction Stop } catch { 'c' }; $ErrorActionPreference = 'Stop'; Write-Error e -ErrorAction SilentlyContinue; 'on'", want: "c\non"},
		{name: "action of a function", text: "function f { [CmdletBinding()]param() Write-Error e; 'more' }; try { f -ErrorAction Stop } catch { 'stopped' }; f -ErrorAction SilentlyContinue", want: "stopped\nmore"},
		{name: "traps", text: "function f { trap { \"t $_\"; continue } throw 'a'; 'next' }; f; function g { trap [DivideByZeroException] { 'z'; continue } 1/0; 'after' }; g; function h { trap { 'b'; break } 1/0; 'never' }; try { h } catch { 'out' }", want: "t a\nnext\nz\nafter\nb\nout"},
		{name: "methods that fail", text: "try { $null.x() } catch { $_.FullyQualifiedErrorId }; try { [pscustomobject]@{a=1} | % { $_.Nope() } } catch { $_.FullyQualifiedErrorId; $_.Exception.Message }", five: "FAILED .x(): no type that casement knows has this method"},
		{name: "method on null", text: "try { $null.ToString() } catch { $_.FullyQualifiedErrorId; $_.Exception.Message }", want: "InvokeMethodOnNull\nYou cannot call a method on a null-valued expression."},
		{name: "index of null", text: "try { $n[0] } catch { $_.FullyQualifiedErrorId }; try { (1,2)[$null] } catch { $_.FullyQualifiedErrorId }", want: "NullArray\nNullArrayIndex"},
		{name: "error variable", text: "try { 1/0 } catch { }; $e = $Error[0]; $e.GetType().FullName; $e.InvocationInfo.ScriptLineNumber; $e.InvocationInfo.Line; $e.ScriptStackTrace", want: "System.Management.Automation.ErrorRecord\n1\ntry { 1/0 } catch { }; $e = $Error[0]; $e.GetType().FullName; $e.InvocationInfo.ScriptLineNumber; $e.InvocationInfo.Line; $e.ScriptStackTrace\nat <ScriptBlock>, <No file>: line 1"},
		{name: "refusals cannot be caught", text: "try { & ('Get-' + $env:NOPE + 'Foo') } catch { 'caught' } finally { 'fin' }", want: "FAILED Get-Foo: there is no such cmdlet, function, script or program here, and a module or a program of the image may have it"},
		{name: "paths that do not exist are errors", text: "try { .\\nope.ps1 } catch { $_.FullyQualifiedErrorId; $_.CategoryInfo.ToString() }", five: "CommandNotFoundException\nObjectNotFound: (.\\nope.ps1:String) [], CommandNotFoundException"},
	})
}

// TestErrorViews fails if the host shows errors in another form.
func TestErrorViews(t *testing.T) {
	long := "$variable = 'a long text in front of it'; $other = 'another text'; throw 'boom'; $more = 'something that follows behind'"
	for _, c := range []struct {
		name, program, text, want string
	}{
		{"5.1", "powershell", "throw 'boom'", "boom\nAt line:1 char:1\n+ throw 'boom'\n+ ~~~~~~~~~~~~\n    + CategoryInfo          : OperationStopped: (boom:String) [], RuntimeExcep \n   tion\n    + FullyQualifiedErrorId : boom\n \n"},
		{"5.1 in a long line", "powershell", long, "boom\nAt line:1 char:68\n+ ... g text in front of it'; $other = 'another text'; throw 'boom'; $more  ...\n+                                                      ~~~~~~~~~~~~\n    + CategoryInfo          : OperationStopped: (boom:String) [], RuntimeExcep \n   tion\n    + FullyQualifiedErrorId : boom\n \n"},
		{"5.1 on line 2", "powershell", "1 | Out-Null\nthrow 'boom'", "boom\nAt line:2 char:1\n+ throw 'boom'\n+ ~~~~~~~~~~~~\n    + CategoryInfo          : OperationStopped: (boom:String) [], RuntimeExcep \n   tion\n    + FullyQualifiedErrorId : boom\n \n"},
		{"7", "pwsh", "throw 'boom'", "Exception: boom\n"},
		{"7 on line 2", "pwsh", "1 | Out-Null\nthrow 'boom'", "Exception: \nLine |\n   2 |  throw 'boom'\n     |  ~~~~~~~~~~~~\n     | boom\n"},
		{"7 NormalView", "pwsh", "$ErrorView = 'NormalView'; throw 'boom'", "boom\nAt line:1 char:28\n+ $ErrorView = 'NormalView'; throw 'boom'\n+                            ~~~~~~~~~~~~\n    + CategoryInfo          : OperationStopped: (boom:String) [], RuntimeExcep \n   tion\n    + FullyQualifiedErrorId : boom\n \n"},
		{"CategoryView", "powershell", "$ErrorView = 'CategoryView'; throw 'boom'", "OperationStopped: (boom:String) [], RuntimeException\n"},
		{"5.1 syntax", "powershell", "1 +", "At line:1 char:4\n+ 1 +\n+    ~\nYou must provide a value expression following the '+' operator.\n    + CategoryInfo          : ParserError: (:) [], ParentContainsErrorRecordEx \n   ception\n    + FullyQualifiedErrorId : ExpectedValueExpression\n \n"},
		{"Write-Error in a function", "powershell", "function f { Write-Error bad }; f", "f : bad\nAt line:1 char:33\n+ function f { Write-Error bad }; f\n+                                 ~\n    + CategoryInfo          : NotSpecified: (:) [Write-Error], WriteErrorExcep \n   tion\n    + FullyQualifiedErrorId : Microsoft.PowerShell.Commands.WriteErrorExceptio \n   n,f\n \n"},
		{"Write-Error at the top", "powershell", "Write-Error bad", "Write-Error bad : bad\n    + CategoryInfo          : NotSpecified: (:) [Write-Error], WriteErrorExcep \n   tion\n    + FullyQualifiedErrorId : Microsoft.PowerShell.Commands.WriteErrorExceptio \n   n\n \n"},
		{"7 Write-Error", "pwsh", "Write-Error bad", "Write-Error: bad\n"},
		{"7 cast", "pwsh", "[int]'x'", "InvalidArgument: Cannot convert value \"x\" to type \"System.Int32\". Error: \"The \ninput string 'x' was not in a correct format.\"\n"},
		{"a command that is not there", "powershell", ".\\nope.cmd", ".\\nope.cmd : The term '.\\nope.cmd' is not recognized as the name of a cmdlet, \nfunction, script file, or operable program. Check the spelling of the name, or \nif a path was included, verify that the path is correct and try again.\nAt line:1 char:1\n+ .\\nope.cmd\n+ ~~~~~~~~~~\n    + CategoryInfo          : ObjectNotFound: (.\\nope.cmd:String) [], CommandN \n   otFoundException\n    + FullyQualifiedErrorId : CommandNotFoundException\n \n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := start(t, New(Config{}), c.program, "-Command", c.text)
			if diff := cmp.Diff(c.want, got.Err); diff != "" {
				t.Error(diff)
			}
			if want := map[bool]int{true: 0, false: 1}[c.name == "Write-Error in a function"]; got.Code != want {
				t.Errorf("exit code %d, want %d", got.Code, want)
			}
		})
	}
}

// TestNative fails if programs get other arguments, streams or exit codes mean
// something else.
func TestNative(t *testing.T) {
	runCases(t, []langCase{
		{name: "words", text: "args a 'b c' \"d $(1+1)\" -x --long=1 /y:z 1.50 0x10 a,b 'q''s'", want: "<a>\n<b c>\n<d 2>\n<-x>\n<--long=1>\n</y:z>\n<1.50>\n<0x10>\n<a,b>\n<q's>"},
		{name: "variables and arrays", text: "$l = 'x','y z'; $n = $null; args $l $n @l $true", want: "<x>\n<y z>\n<x>\n<y z>\n<True>"},
		{name: "quotes vanish in 5.1", text: "args 'a\"b' '{\"k\": \"v\"}' ''", five: "<ab {k:>\n<v} >", seven: "<a\"b>\n<{\"k\": \"v\"}>\n<>"},
		{name: "quotes escaped by hand", text: "args '{\\\"k\\\": \\\"v\\\"}'", five: "<{\"k\": \"v\"}>"},
		{name: "blanks and backslashes", text: "args 'a b\\' 'x\\\" y' c", five: "<a b\" x\" y c>", seven: "<a b\\>\n<x\\\" y>\n<c>"},
		{name: "lists", text: "$v = 'k'; args a, b; args $v,1; args ('c','d e')", five: "<a>\n<b>\n<k,1>\n<c>\n<d e>", seven: "<a,>\n<b>\n<$v,1>\n<c>\n<d e>"},
		{name: "parameters", text: "$v = 'k l'; args -p:$v -q: x -r:a,b @{}", five: "<-p:k l>\n<-q:>\n<x>\n<-r:a,b>\n<System.Collections.Hashtable>", seven: "<-p:k l>\n<-q:>\n<x>\n<-r:a,b>\n<System.Collections.Hashtable>"},
		{name: "modes of 7", text: "$PSNativeCommandArgumentPassing = 'Legacy'; args 'a\"b' '' 'c\"d'; $PSNativeCommandArgumentPassing = 'none'; args ''", seven: "<ab  cd>"},
		{name: "verbatim", text: "args --% a \"b c\" %PATHEXT:~% %OS%", five: "<a>\n<b c>\n<%PATHEXT:~%>\n<Windows_NT>"},
		{name: "output is lines", text: "$o = args a b; $o.Count; $o[0].GetType().Name; (args x).Length; args a b | % { \"[$_]\" }", want: "2\nString\n3\n[<a>]\n[<b>]"},
		{name: "input is text", text: "'l1', 2 | args stdin; 'x' | args a", want: "l1\n2\n<a>"},
		{name: "exit codes", text: "args exit 3; $LASTEXITCODE; args exit 3; $?; args a | Out-Null; $?; $LASTEXITCODE", want: "3\nFalse\nTrue\n0"},
		{name: "stderr", text: "args err oops 2>$null; args err oops 2>&1 | % { \"$_\"; $_.GetType().Name }; $e = args err x 2>&1; $e.FullyQualifiedErrorId", want: "oops\nErrorRecord\nNativeCommandError"},
		{name: "stderr as an error", text: "args err oops 2>&1; args err more 2>&1 | Out-Null", five: "args : oops\nAt line:1 char:1\n+ args err oops 2>&1; args err more 2>&1 | Out-Null\n+ ~~~~~~~~~~~~~~~~~~\n    + CategoryInfo          : NotSpecified: (oops:String) [], RemoteException\n    + FullyQualifiedErrorId : NativeCommandError\n ", seven: "oops"},
		{name: "stderr does not stop without redirection", text: "$ErrorActionPreference = 'Stop'; args err oops; 'on'", want: "on\nERR oops"},
		{name: "redirected stderr stops 5.1", text: "$ErrorActionPreference = 'Stop'; try { args err oops 2>&1 } catch { \"c $_ $($_.FullyQualifiedErrorId)\" }", five: "c oops NativeCommandError", seven: "oops"},
		{name: "call operator and paths", text: "& args x; & 'C:\\Windows\\System32\\nope.exe'", five: "FAILED C:\\Windows\\System32\\nope.exe: a program that the image brings is not executed in process"},
		{name: "preference of 7.4", text: "$PSNativeCommandUseErrorActionPreference = $true; $ErrorActionPreference = 'Stop'; try { args exit 2 } catch { $_.FullyQualifiedErrorId; \"$_\" }", seven: "ProgramExitedWithNonZeroCode\nProgram \"args.exe\" ended with non-zero exit code: 2 (0x00000002)."},
	})
}

// TestHost fails if the command lines of powershell.exe and pwsh.exe mean
// something else, or end with another exit code.
func TestHost(t *testing.T) {
	utf16 := func(s string) string { // "1+1" as -EncodedCommand wants it
		return map[string]string{"1+1": "MQArADEA", "exit 5": "ZQB4AGkAdAAgADUA"}[s]
	}
	e := New(Config{})
	for _, c := range []struct {
		name, program string
		args          []string
		out, errs     string
		code          int
	}{
		{"command", "powershell", []string{"-Command", "1", "+", "1"}, "2\n", "", 0},
		{"prefix", "powershell", []string{"-NoP", "-c", "'x'"}, "x\n", "", 0},
		{"slash", "powershell", []string{"/nologo", "/Command", "'x'"}, "x\n", "", 0},
		{"without a name", "powershell", []string{"'x';", "2"}, "x\n2\n", "", 0},
		{"without a name, behind switches", "powershell", []string{"-NoProfile", "-ExecutionPolicy", "Bypass", "'y'"}, "y\n", "", 0},
		{"quotes are lost", "powershell", []string{"-Command", "Write-Host", "a   b"}, "a b\n", "", 0},
		{"blocks are shown", "powershell", []string{"-Command", "{1+1}"}, "1+1\n", "", 0},
		{"encoded", "powershell", []string{"-EncodedCommand", utf16("1+1")}, "2\n", "", 0},
		{"encoded, short", "pwsh", []string{"-e", utf16("exit 5")}, "", "", 5},
		{"exit", "powershell", []string{"-Command", "exit 42"}, "", "", 42},
		{"last command succeeded", "powershell", []string{"-Command", "args exit 3; 'ok'"}, "ok\n", "", 0},
		{"last command failed", "powershell", []string{"-Command", "'ok'; args exit 3"}, "ok\n", "", 1},
		{"exit code passed on", "powershell", []string{"-Command", "args exit 3; exit $LASTEXITCODE"}, "", "", 3},
		{"error that stops", "pwsh", []string{"-Command", "$ErrorActionPreference = 'Stop'; Write-Error x; 'never'"}, "", "Write-Error: x\n", 1},
		{"error in the last statement", "pwsh", []string{"-Command", "'a'; Write-Error x"}, "a\n", "Write-Error: x\n", 1},
		{"error before the last statement", "pwsh", []string{"-Command", "Write-Error x; 'a'"}, "a\n", "Write-Error: x\n", 0},
		{"version", "pwsh", []string{"-Version"}, "PowerShell 7.4.6\n", "", 0},
		{"policy", "powershell", []string{"-ex", "bypass", "$env:PSExecutionPolicyPreference; powershell -c '$env:PSExecutionPolicyPreference'"}, "Bypass\nBypass\n", "", 0},
		{"format", "powershell", []string{"-i", "none", "-of", "text", "-st", "'x'"}, "x\n", "", 0},
		{"two commands", "powershell", []string{"-e", utf16("1+1"), "2"}, "Windows PowerShell \nCopyright (C) Microsoft Corporation. All rights reserved.\n\n", "Cannot process command because a command is already specified with -Command or -EncodedCommand.\n", -196608},
		{"no script", "powershell", []string{"-File", "nope.txt"}, "Windows PowerShell \nCopyright (C) Microsoft Corporation. All rights reserved.\n\n", "Processing -File 'nope.txt' failed because the file does not have a '.ps1' extension. Specify a valid Windows PowerShell script file name, and then try again.\n", -196608},
		{"no file", "powershell", []string{"-File", "nope.ps1"}, "Windows PowerShell \nCopyright (C) Microsoft Corporation. All rights reserved.\n\n", "The argument 'nope.ps1' to the -File parameter does not exist. Provide the path to an existing '.ps1' file as an argument to the -File parameter.\n", -196608},
		{"7 takes a file", "pwsh", []string{"nope.ps1"}, "", "The argument 'nope.ps1' is not recognized as the name of a script file. Check the spelling of the name, or if a path was included, verify that the path is correct and try again.\n", 64},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := start(t, e, c.program, c.args...)
			if diff := cmp.Diff(outcome{Out: c.out, Err: c.errs, Code: c.code}, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestScripts fails if script files get other arguments, variables or exit
// codes, with -File and by & and dot.
func TestScripts(t *testing.T) {
	script := `param($a, [switch]$s, $b = "d")
"$a $s $b $($args -join "+")"
$PSScriptRoot; $PSCommandPath; $MyInvocation.MyCommand.Name; $MyInvocation.MyCommand.Path
$v = 5; function inner { "inner" }
exit 7
`
	write := "'" + strings.ReplaceAll(script, "'", "''") + "' > C:\\s.ps1; "
	e := New(Config{})
	for _, c := range []struct {
		name, program, text, want string
	}{
		{"called", "powershell", write + "& C:\\s.ps1 1 -s 2 3; $LASTEXITCODE; $?; [string]$v; 'on'", "1 True 2 3\nC:\\\nC:\\s.ps1\ns.ps1\nC:\\s.ps1\n7\nTrue\n\non\n"},
		{"by name", "pwsh", write + ".\\s.ps1 -b x; $LASTEXITCODE", " False x \nC:\\\nC:\\s.ps1\ns.ps1\nC:\\s.ps1\n7\n"},
		{"dotted", "powershell", write + ". .\\s 1; $v; & ('in' + $x + 'ner')", "1 False d \nC:\\\nC:\\s.ps1\ns.ps1\nC:\\s.ps1\n5\ninner\n"},
		{"by -File", "powershell", write + "powershell -File C:\\s.ps1 q -b:w z; $LASTEXITCODE", "q False w z\nC:\\\nC:\\s.ps1\ns.ps1\nC:\\s.ps1\n7\n"},
		{"switches by -File", "pwsh", "'param([switch]$s, $x) [bool]$s; $x' > C:\\t.ps1; pwsh -File C:\\t.ps1 -s:$false -x: -y; pwsh C:\\t.ps1 -s:true", "False\n-y\nTrue\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := start(t, e, c.program, "-Command", c.text)
			if diff := cmp.Diff(c.want, got.Out); diff != "" || got.Err != "" || got.Failed != "" {
				t.Error(diff, got.Err, got.Failed)
			}
		})
	}
}

// TestProfiles fails if profile scripts of the image do not run, run with
// -NoProfile too, or change the exit code.
func TestProfiles(t *testing.T) {
	write := "'function inProfile { 5 }; $fromProfile = 1; Write-Host hello' > C:\\Windows\\System32\\WindowsPowerShell\\v1.0\\profile.ps1; "
	e := New(Config{})
	got := start(t, e, "powershell", "-Command", write+"$c = '$fromProfile; inProf'; $c += 'ile'; powershell -Command $c; powershell -NoProfile -Command '[string]$fromProfile'; $env:PSModulePath; $PROFILE; $PROFILE.AllUsersAllHosts")
	want := `hello
1
5

C:\Users\ContainerAdministrator\Documents\WindowsPowerShell\Modules;C:\Program Files\WindowsPowerShell\Modules;C:\Windows\system32\WindowsPowerShell\v1.0\Modules
C:\Users\ContainerAdministrator\Documents\WindowsPowerShell\Microsoft.PowerShell_profile.ps1
C:\Windows\System32\WindowsPowerShell\v1.0\profile.ps1
`
	if diff := cmp.Diff(want, got.Out); diff != "" || got.Err != "" || got.Failed != "" {
		t.Error(diff, got.Err, got.Failed)
	}
}

// TestEncodings fails if files and programs do not get the bytes that each
// edition writes.
func TestEncodings(t *testing.T) {
	for _, c := range []struct{ program, text, file, want string }{
		{"powershell", "'aé' > f; '€' >> f", "f", "\xff\xfea\x00\xe9\x00\r\x00\n\x00\xac\x20\r\x00\n\x00"},
		{"pwsh", "'aé' > f; '€' >> f", "f", "aé\r\n€\r\n"},
	} {
		e := New(Config{})
		m, err := machine.New(machine.Options{Root: tree.Chain{OS: "windows"}, Programs: programs(e)})
		if err != nil {
			t.Fatal(err)
		}
		p := m.Process(c.program+" -Command "+machine.QuoteArg(c.text), `C:\`, nil, nil)
		if code, err := e.Programs()[c.program].Run(t.Context(), p); code != 0 || err != nil {
			t.Fatal(code, err)
		}
		got, err := m.FS().ReadFile(t.Context(), `C:\`+c.file, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(c.want, string(got)); diff != "" {
			t.Errorf("%s %s: %s", c.program, c.text, diff)
		}
	}
	e := New(Config{})
	if got := start(t, e, "powershell", "-Command", "'é€' ; 'é' | args stdin"); got.Out != "\x82?\n?\n" {
		t.Errorf("%q", got.Out)
	}
	if got := start(t, e, "pwsh", "-Command", "'é' | args stdin | % { $_.Length }"); got.Out != "2\n" {
		t.Errorf("%q: UTF-8 read in code page 437 has two characters", got.Out)
	}
}
