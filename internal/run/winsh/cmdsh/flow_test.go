package cmdsh_test

import (
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
)

// Broken if it fails: IF decides otherwise, or takes more or less of the line.
func TestIf(t *testing.T) {
	const incorrect = "The syntax of the command is incorrect.\n"
	check(t, []lineCase{
		{`if a==a echo y`, out("y\n")},
		{`if a==A echo y`, result{}},
		{`if /i a==A echo y`, out("y\n")},
		{`if not a==b echo y`, out("y\n")},
		{`if "a b"=="a b" echo y`, out("y\n")},
		{`if a == a echo y`, out("y\n")},
		{`if "a"==a echo y`, result{}},
		{`if 1 equ 01 echo y`, out("y\n")},
		{`if 010 EQU 8 if 0x10 EQU 16 echo y`, out("y\n")},
		{`if 10 gtr 9 echo y`, out("y\n")},
		{`if a10 gtr a9 echo y`, result{}},
		{`if "10" lss "9" echo y`, out("y\n")},
		{`if a lss B if a lss A echo y`, out("y\n")},
		{`if /i b geq B if 2 neq 3 if 2 leq 2 echo y`, out("y\n")},
		{`if -1 lss 0 echo y`, out("y\n")},
		{`if "-1" gtr "1" if '1' geq 1 if a-b gtr ab if a-b lss abc echo y`, out("y\n")},
		{`if _ lss 0 if 0 lss a if + gtr _ if a lss A echo y`, out("y\n")},
		{`if a lss ä if ä lss b if ä lss Ä if E lss É if É lss f echo y`, out("y\n")},
		{`if/i a==A for/l %i in (1,1,2) do @echo %i`, out("1\n2\n")},
		{`if "a"="b" echo y`, failed(255, "=\"b\" was unexpected at this time.\n")},
		{`if a=b (echo y)`, failed(255, "=b was unexpected at this time.\n")},
		{`if -2147483648 lss -2147483647 echo y`, out("y\n")},
		{`for /f %i in ('cmd /u /c echo a') do @echo %i`, result{}},
		{`for /f "tokens=1,2 delims=#" %a in ('"prompt #$H#$E# & echo on & for %b in (1) do rem"') do @echo [%a][%b]`, out("[\b \b][\x1B]\n")},
		{`for/f "eol=" %i in ("""a b""") do @echo %i`, result{}},
		{`for %i in (b) do @for /f "delims=%i" %j in ("aib%c") do @echo %j`, out("a\n")},
		{`if defined b echo y`, out("y\n")},
		{`if not defined nope echo y`, out("y\n")},
		{`if defined cd echo y`, out("y\n")},
		{`if errorlevel 0 echo y`, out("y\n")},
		{`code 3 & if errorlevel 2 if not errorlevel 4 echo y`, out("y\n")},
		{`if errorlevel 0x0 (echo y) else echo n`, result{Code: 1}},
		{`if cmdextversion 2 echo y`, out("y\n")},
		{`if exist a.txt (echo y) else echo n`, out("y\n")},
		{`if exist nope (echo y) else echo n`, out("n\n")},
		{`if exist *.txt if exist d if exist d\ if exist "d\x.txt" if exist d/x.txt echo y`, out("y\n")},
		{`if exist d\*.z (echo y) else (echo n)`, out("n\n")},
		{`md e& if exist e\* if exist e\*.* if not exist e\*.txt if not exist nope\* echo y`, out("y\n")},
		{`if exist nul if exist d\nul if not exist nope\nul echo y`, out("y\n")},
		{`if exist a.txt\ echo y`, result{}},
		{`if not exist "" echo y`, out("y\n")},
		// All that follows belongs to it; ELSE needs a parenthesis before it.
		{`if 1==2 echo a & echo b`, result{}},
		{`if 1==2 (echo a) & echo b`, result{}},
		{`if 1==1 echo a else echo b`, out("a else echo b\n")},
		{`if 1==2 (echo a) else echo b & echo c`, out("b \nc\n")},
		{`if 1==1 if 1==2 (echo a) else echo b`, out("b\n")},
		{`if 1==2 (echo a) else if 1==1 (echo b) else echo c`, out("b\n")},
		{`if ()==() (echo y)`, out("y\n")},
		{`if 1==1(echo y)`, result{}}, // "1(echo" is the second operand
		{`if`, failed(255, incorrect)},
		{`if a==a`, failed(255, incorrect)},
		{`if a==`, failed(255, incorrect)},
		{`if ==a echo x`, failed(255, "echo was unexpected at this time.\n")},
		{`if a b echo`, failed(255, "b was unexpected at this time.\n")},
		{`if 1==1 (echo a) else`, failed(255, incorrect)},
		{`if 1==1 (echo a) b`, failed(255, "b was unexpected at this time.\n")},
		{`if exist`, failed(255, incorrect)},
	})
}

// Broken if it fails: FOR loops over something else.
func TestFor(t *testing.T) {
	const incorrect = "The syntax of the command is incorrect.\n"
	check(t, []lineCase{
		{`for %i in (a,b;c=d e) do @echo %i`, out("a\nb\nc\nd\ne\n")},
		{`for %i in ("a b" c) do @echo %i %~i`, out("\"a b\" a b\nc c\n")},
		{`for %i in () do @echo %i`, result{}},
		{`for %i in (*.txt) do @echo %i`, out("a.txt\nb.txt\n")},
		{`for %i in ("d\*") do @echo %i`, out("d\\x.txt\n")},
		{`for %i in (nope.*) do @echo %i`, result{}},
		{`for %i in (nope) do @echo %i`, out("nope\n")},
		{`for %i in (a) do echo %i`, out("\nC:\\w>echo a \na\n")},
		{`for %i in (a) do @echo %i&echo b`, out("a\nb\n")},
		{`for %i in (1 2) do @for %j in (a b) do @echo %i%j`, out("1a\n1b\n2a\n2b\n")},
		{`for %i in (a) do @echo %I %j %%i %`, out("%I %j %a %\n")},
		{`for %i in (d\x.txt) do @echo %~fi %~di %~pi %~ni %~xi %~dpi %~nxi %~zi %~ai`,
			out("C:\\w\\d\\x.txt C: \\w\\d\\ x .txt C:\\w\\d\\ x.txt 1 --a--------\n")},
		{`for %i in (d) do @echo %~ai %~ti`, out("d---------- 03/04/2026 05:06 AM\n")},
		{`for %i in (cmd.exe nope) do @echo [%~$PATH:i]`, out("[C:\\Windows\\System32\\cmd.exe]\n[]\n")},
		{`for %a in (x) do @echo %~aa %~na`, out(" x\n")},
		{`for /d %i in (*) do @echo %i`, out("d\n")},
		{`for /r %i in (*.txt) do @echo %i`, out("C:\\w\\a.txt\nC:\\w\\b.txt\nC:\\w\\d\\x.txt\n")},
		{`for /r d %i in (. y) do @echo %i`, out("C:\\w\\d\\.\nC:\\w\\d\\y\n")},
		{`for /d /r %i in (d*) do @echo %i`, out("C:\\w\\d\n")},
		{`for /l %i in (1,1,3) do @echo %i`, out("1\n2\n3\n")},
		{`for /l %i in (3 -2 0) do @echo %i`, out("3\n1\n")},
		{`for /l %i in (1,1,0) do @echo %i`, result{}},
		{`for /l %i in (-1,1,0x1) do @echo %i`, out("-1\n0\n1\n")},
		{`for %i in (1 2 3) do @if %i==2 exit 7`, result{Code: 7}},
		{`for %i in (1 0) do @code %i`, result{}},
		{`for %i in (0 1) do @code %i`, result{Code: 1}},
		{`for %%i in (a) do echo %%i`, failed(255, "%%i was unexpected at this time.\n")},
		{`for %ii in (a) do echo`, failed(255, "%ii was unexpected at this time.\n")},
		{`for i in (a) do echo`, failed(255, "i was unexpected at this time.\n")},
		{`for %i (a) do echo`, failed(255, "( was unexpected at this time.\n")},
		{`for %i in a do echo`, failed(255, "a was unexpected at this time.\n")},
		{`for %i in (a) echo`, failed(255, "echo was unexpected at this time.\n")},
		{`for %i in (a) do`, failed(255, incorrect)},
		{`for %i in (a`, failed(255, incorrect)},
		{`for %i in (a|b) do echo`, failed(255, "| was unexpected at this time.\n")},
		{`for /x %i in (a) do echo`, failed(255, "/x was unexpected at this time.\n")},
	})
}

// Broken if it fails: FOR /F reads something else, or splits it elsewhere.
func TestForF(t *testing.T) {
	check(t, []lineCase{
		{`for /f %i in ("a b c") do @echo %i`, out("a\n")},
		{`for /f "tokens=2" %i in ("a b c") do @echo %i`, out("b\n")},
		{`for /f "tokens=1,3" %a in ("a b c") do @echo %a-%b-%c`, out("a-c-%c\n")},
		{`for /f "tokens=2-4" %a in ("a b c") do @echo %a-%b-%c`, out("b-c-\n")},
		{`for /f "tokens=1*" %a in ("a  b  c") do @echo %a-%b`, out("a-b  c\n")},
		{`for /f "tokens=*" %a in ("  a  b ") do @echo [%a]`, out("[a  b ]\n")},
		{`for /f "delims=" %a in ("  a  b ") do @echo [%a]`, out("[  a  b ]\n")},
		{`for /f "tokens=2 delims=," %a in ("a,b,c") do @echo %a`, out("b\n")},
		{`for /f "delims=, tokens=1,2" %a in ("a,b c,d") do @echo %a-%b`, out("a-b c\n")},
		{`for /f "tokens=1,2 delims== " %a in ("a=b c") do @echo %a-%b`, out("a-b\n")},
		{`for /f tokens^=2^ delims^=^" %a in ("a"b"c") do @echo %a`, out("b\n")},
		{`for /f "eol=# delims=" %a in ("#a") do @echo %a`, result{}},
		{`for /f "delims=" %a in (";a") do @echo %a`, result{}},
		{`for /f "eol= delims=" %a in (";a") do @echo %a`, out(";a\n")},
		{`for /f %a in ('echo x y') do @echo %a`, out("x\n")},
		{`for /f "delims=" %a in ('echo x y^&echo z') do @echo [%a]`, out("[x y]\n[z]\n")},
		{`for /f "delims=" %a in ('type a.txt b.txt 2^>nul') do @echo [%a]`, out("[one]\n[two]\n")},
		{`for /f "skip=1" %a in ('type a.txt b.txt 2^>nul') do @echo [%a]`, out("[two]\n")},
		{`for /f "delims=" %a in ('echo a^,b^=c d,e=f') do @echo %a`, out("a,b=c d e f\n")},
		{`for /f "usebackq delims=" %a in (` + "`echo x`" + `) do @echo %a`, out("x\n")},
		{`for /f "usebackq delims=" %a in ('x y') do @echo %a`, out("x y\n")},
		{`for /f "usebackq" %a in ("a.txt") do @echo %a`, out("one\n")},
		{`for /f %a in (a.txt b.txt) do @echo %a`, out("one\ntwo\n")},
		{`for /f "skip=1" %a in (a.txt b.txt) do @echo %a`, result{}},
		{`for /f %a in (nope.txt) do @echo %a`, failed(1, "The system cannot find the file nope.txt.\n")},
		{`for /f %a in ('nope') do @echo %a`, result{Err: "'nope' is not recognized as an internal or external command,\noperable program or batch file.\n"}},
		{`for /f "tokens=1* delims==" %a in ('set b') do @echo %a-%b`, out("b-a\n")},
		{`for /f "tokens=0" %a in ("a") do @echo %a`, failed(1, "0\" was unexpected at this time.\n")},
		{`for /f "x=1" %a in ("a") do @echo %a`, failed(1, "x=1\" was unexpected at this time.\n")},
		{`for /f "tokens=1,2" %y in ("a b") do @echo %y%z`, out("ab\n")},
		// What a command sets does not come back.
		{`(for /f %a in ('set q^=1') do @ver>nul) & set q`, failed(1, "Environment variable q not defined\n")},
	})
}

// batchCase is a batch file and what it prints.
type batchCase struct {
	name, text string
	want       result
}

func checkBatches(t *testing.T, cases []batchCase) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			b := newBox(t, "C:\\w\\a.txt=one\r\n", "C:\\w\\b.txt=two\r\n", `C:\w\d\x.txt=x`)
			if diff := gocmp.Diff(c.want, b.batch(c.text, "first", `"second one"`, "third")); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Broken if it fails: batch files see other parameters and variables.
func TestBatchExpansion(t *testing.T) {
	checkBatches(t, []batchCase{
		{"parameters", "echo %0 %1 %2 %~2 %3 [%4]\necho %*", out("test.cmd first \"second one\" second one third []\nfirst \"second one\" third\n")},
		{"modifiers", "echo %~f0 %~dp0 %~n0 %~x0 %~dpnx0\necho %~dp1 %~nx1",
			out("C:\\w\\test.cmd C:\\w\\ test .cmd C:\\w\\test.cmd\nC:\\w\\ first\n")},
		{"shift", "shift\necho %0 %1 %*\nshift /1\necho %0 %1", out("first \"second one\" first \"second one\" third\nfirst third\n")},
		{"percent", "echo 100%% %%x%% %nope%- 5% a %x", out("100% %x% - 5x\n")},
		{"undefined", "echo [%nope:~0,1%]\necho [%nope:a=b%]", out("[~0,1]\n[a=b]\n")},
		{"loop variable", "for %%i in (a) do echo %%i %i", out("a i\n")},
		{"block", "set x=1\nif 1==1 (\nset x=2\necho %x%\n)\necho %x%", out("1\n2\n")},
		{"delayed", "setlocal enabledelayedexpansion\nset x=1\nif 1==1 (\nset x=2\necho !x! %x%\n)\necho a^^!b !nope!c\necho !x:2=3! \"!x!\"",
			out("2 1\na!b c\n3 \"2\"\n")},
		{"delayed off", "set x=1\necho !x!", out("!x!\n")},
		{"delayed in loop", "setlocal enabledelayedexpansion\nset n=0\nfor %%i in (a b) do (\nset /a n+=1\nset l=%%i\necho !n!!l!\n)", out("1a\n2b\n")},
		{"bang in value", "set \"x=a!b\"\nsetlocal enabledelayedexpansion\necho !x!\nfor %%i in (\"%x%\") do echo %%i", out("a!b\n\"ab\"\n")},
		{"caret at the end", "echo a^\nb\necho a ^& b^\n c", out("ab\na & b c\n")},
		{"empty line after a caret", "echo a^\n\nb", out("a<LF>\nb\n")},
		{"bad modifier", "echo %~y\necho no", failed(255, "The following usage of the path operator in batch-parameter\nsubstitution is invalid: %~y\n\n\nFor valid formats type CALL /? or FOR /?\n")},
		{"call expands again", "set a=b\nset b=c\ncall echo %%%a%%% %%%%a%%%% a^^b \"c^d\"", out("c %a% a^b \"c^^d\"\n")},
	})
}
