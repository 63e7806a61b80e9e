package cmdsh_test

import (
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/casement/casement/internal/run/winsh/machine"
)

// Broken if it fails: switches or quotes of cmd itself are taken otherwise.
func TestOptions(t *testing.T) {
	for _, c := range []struct {
		line string
		want result
	}{
		{`cmd /c echo a`, out("a\n")},
		{`cmd.exe /s /c "echo a"`, out("a\n")},
		{`C:\Windows\System32\cmd.exe /C echo a`, out("a\n")},
		{`"C:\Windows\System32\cmd.exe" /Cecho a`, out("a\n")},
		{`cmd /d /q /c echo a`, out("a\n")},
		{`cmd /s/c"echo a"`, out("a\n")},
		{`cmd /c=echo a`, out("a\n")},
		{`cmd ignored "and this /c echo a`, out("a\n")},
		{`cmd /r echo a`, out("a\n")},
		{`cmd /c`, result{}},
		{`cmd /c ""`, result{}},
		{`cmd /c "echo "a" b"`, out("\"a\" b\n")},
		{`cmd /c "echo a" b`, out("a b\n")},
		{`cmd /c "echo "a & echo b"`, out("\"a & echo b\n")},
		// Two quotes with a program and blanks between them are kept.
		{`cmd /c "my args" x`, out("my args x\n")},
		{`cmd /s /c "my args" x`, failed(1, "'my' is not recognized as an internal or external command,\noperable program or batch file.\n")},
		{`cmd /s /c ""my args" x"`, out("my args x\n")},
		{`cmd /c "my (args)" x`, out("my args x\n")},
		{`cmd /c "my @args" x`, failed(1, "'my' is not recognized as an internal or external command,\noperable program or batch file.\n")},
		{`cmd /s /c "for /f "delims=" %i in ('"my (args)" x') do @echo [%i]"`, out("[my args x]\n")},
		{`cmd /c "no args" x`, failed(1, "'no' is not recognized as an internal or external command,\noperable program or batch file.\n")},
		{`cmd /v:on /c echo !b!`, out("a\n")},
		{`cmd /v /c echo !b!`, out("a\n")},
		{`cmd /v:off /c echo !b!`, out("!b!\n")},
		{`cmd /v:on /c "set x=1& echo !x! !nope! a^^!b"`, out("1 !nope! a!b\n")},
		{`cmd /v:on /c "set x=abc& echo !x:~1! !x:b=-! !x:*b=!"`, out("bc a-c c\n")},
		{`cmd /v:on /c echo a!b`, out("a!b\n")},
		{`cmd /e:off /c echo %cd% %b:a=x%`, out("%cd% %b:a=x%\n")},
		{`cmd /e:off /c if defined b echo x`, failed(255, "b was unexpected at this time.\n")},
		{`cmd /u /c echo a`, out("a\x00\r\x00<LF>\n\x00")},
		{`cmd /k echo a`, out("a\n\nC:\\w>")},
	} {
		t.Run(c.line, func(t *testing.T) {
			b := newBox(t, "C:\\w\\my args.cmd=@echo my args %*\r\n", "C:\\w\\my (args).cmd=@echo my args %*\r\n", "C:\\w\\my @args.cmd=@echo no\r\n")
			b.env.Set("b", "a")
			if diff := gocmp.Diff(c.want, b.run(c.line)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Broken if it fails: commands on standard input are not executed.
func TestInput(t *testing.T) {
	b := newBox(t)
	b.stdin = "echo a\r\nset /p x=\r\nb\r\necho %x%\r\nexit 3\r\necho no\r\n"
	want := result{Code: 3, Out: "\nC:\\w>echo a\na\n\nC:\\w>set /p x=\n\nC:\\w>echo %x%\nb\n\nC:\\w>exit 3\n"}
	got := b.run("cmd")
	_, got.Out, _ = strings.Cut(got.Out, "All rights reserved.\n")
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// Broken if it fails: text beyond ASCII is written or read in another encoding.
func TestCodePages(t *testing.T) {
	b := newBox(t)
	for _, c := range []struct {
		line, want string
		terminal   bool
		page       int
	}{
		{"echo é“€ő", "\x82\"?o\n", false, 0},
		{"echo é“€ő", "é“€ő\n", true, 0},
		{"echo é“€", "é“€\n", false, 65001},
		{"echo é€", "\xe9\x80\n", false, 1252},
		{"echo é>x&type x", "\x82\n", true, 0},
		{"echo é|type con", "\x82\n", true, 0},
		{"for /f %i in ('echo é') do @echo %i", "é\n", true, 0},
		{"echo 1é2>x& for /f %i in (x) do @echo %i", "1é2\n", true, 0},
	} {
		b.terminal, b.page = c.terminal, c.page
		if got := b.c(c.line).Out; got != c.want {
			t.Errorf("%s (code page %d): %q, want %q", c.line, c.page, got, c.want)
		}
	}
	// The bytes of a batch file go through as they are, whatever they mean.
	b.terminal, b.page = false, 0
	if got := b.batch("echo é").Out; got != "é\n" {
		t.Errorf("bytes of a batch file became %q", got)
	}
}

// Broken if it fails: a batch file that cmd /c starts gets other parameters, or
// its code is not cmd's.
func TestStartedBatch(t *testing.T) {
	b := newBox(t, "C:\\w\\t 1.cmd=@echo off\r\nset x=1\r\necho [%0][%~1][%2] %*\r\nexit /b 5\r\n")
	want := result{Code: 5, Out: "[\"C:\\w\\t 1.cmd\"][a b][c] \"a b\" c\n"}
	if got := b.run(`cmd /c ""C:\w\t 1.cmd" "a b" c"`); got != want {
		t.Error(gocmp.Diff(want, got))
	}
}

// Broken if it fails: what is said about the system differs.
func TestSystem(t *testing.T) {
	check(t, []lineCase{
		{`ver`, out("\nMicrosoft Windows [Version 10.0.20348.2700]\n")},
		{`vol`, out(" Volume in drive C has no label.\n Volume Serial Number is 5C0A-5E4D\n")},
		{`vol d:`, failed(1, noPath)},
		{`date /t`, out("Wed 03/04/2026 \n")},
		{`time /t`, out("05:06 AM\n")},
		{`date`, out("The current date is: Wed 03/04/2026 \nEnter the new date: (mm-dd-yy) \n")},
		{`time 12:00`, result{Refused: "setting date or time"}},
		{`verify on & verify`, out("VERIFY is on.\n")},
		{`verify x`, failed(1, "Must specify ON or OFF.\n")},
		{`pause`, result{Code: 1, Out: "Press any key to continue . . . \n"}},
		{`echo x|pause`, out("Press any key to continue . . . \n")},
		{`cls`, out("\f")},
		{`title a & echo b`, out("b\n")},
		{`assoc .txt=x`, result{Refused: "assoc .txt=x"}},
		{`ftype x=y`, result{Refused: "ftype x=y"}},
		{`assoc .nope`, failed(1, "File association not found for extension .nope\n")},
		{`dpath x`, result{Refused: "dpath"}},
		{`keys & keys on`, result{}},
		{`echo x|time`, result{Code: 1, Out: "The current time is:  5:06:07.08\nEnter the new time: \n", Err: "The system cannot accept the time entered.\n"}},
		{`pushd .& prompt $A$B$C$F$G$L$Q$S$$$D$T$+$X& for %i in (1) do rem x`, out("\n&|()><= $Wed 03/04/2026 5:06:07.08+rem x \n")},
		{`dir /?`, result{Refused: "dir /?"}},
		{`echo "/?" /?`, out("\"/?\" /?\n")},
		{`echo /?`, result{Refused: "echo /?"}},
		{`start code 3`, result{Refused: "start code"}},
		{`start "t" /b code 3`, result{}},
		{`start /wait dir`, result{Refused: "start dir"}},
		{`start /wait nope`, failed(9059, "The system cannot find the file nope.\n")},
		{`start /nope x`, failed(1, "Invalid switch - \"nope\".\n")},
		{`nope`, failed(1, notRecognized)},
		{`.\nope`, failed(1, "'.\\nope' is not recognized as an internal or external command,\noperable program or batch file.\n")},
		{`./nope`, failed(1, "'.' is not recognized as an internal or external command,\noperable program or batch file.\n")},
		{`no\nope`, failed(1, noPath)},
		{`D:\nope`, failed(1, noDrive)},
		{`args/x`, out("args /x\n[/x]\n")},
	})
}

// Broken if it fails: SET shows or computes something else.
func TestSet(t *testing.T) {
	check(t, []lineCase{
		{`set abc1=x&set abc & set abc2 2>nul`, result{Out: "abc1=x\n", Code: 1}},
		{`set abc1=x&for /f %i in ('set abc 2^>nul') do @echo %i`, out("abc1=x\n")},
		{`cd d & call echo %^__CD__% %^__APPDIR__%`, out("C:\\w\\d\\ C:\\Windows\\system32\\\n")},
		{`set b`, out("b=a\n")},
		{`set B=x& set b`, out("b=x\n")},
		{`set "x=a b" c& set x`, out("x=a b\n")},
		{`set x="a b" c& set x`, out("x=\"a b\" c\n")},
		{`set x = 1& set x`, out("x = 1\n")},
		{`set x=1& set x=& set x`, failed(1, "Environment variable x not defined\n")},
		{`set nope`, failed(1, "Environment variable nope not defined\n")},
		{`set =x`, failed(1, badSyntax)},
		{`set x=a=b& set x`, out("x=a=b\n")},
		{`echo v>q&(set /p x=Name? <q)&set x`, out("Name? x=v\n")},
		{"(echo a\t)>q&set /p x=<q&set x", out("x=a\n")},
		{`set /p x="Name? "`, result{Code: 1, Out: "Name? "}},
		{`<nul set /p="no line end"& echo.`, out("no line end\n")},
		{`<nul set /p=text& echo.`, out("text\n")},
		{`set /a 1+2*3`, out("7")},
		{`set /a (1+2)*3`, out("9")},
		{`set /a "7%%3"`, failed(1073750989, "Missing operand.\n")},
		{`set /a "7%3"`, out("1")},
		{`set /a -7/2, 7/-2`, out("-3")},
		{`set /a "1<<4>>2"`, out("4")},
		{`set /a "6&3|8^1"`, out("11")},
		{`set /a !5, !0`, out("1")},
		{`set /a ~5`, out("-6")},
		{`set /a 0x1F+010`, out("39")},
		{`set /a 2147483647+1`, out("-2147483648")},
		{`set /a 0xFFFFFFFF,x=0x80000000`, out("-2147483648")},
		{`set /a -0xFFFFFFFF`, out("1")},
		{`set /a 0x1FFFFFFFF`, out("-1")},
		{`set /a x=2,y=x*3,z=x+y>nul& set z`, out("z=8\n")},
		{`set /a x=8 >nul& set /a "x>>=1"& set x`, out("4x=4\n")},
		{`set /a x=1 >nul& set /a x+=x+=2& set x`, out("6x=6\n")},
		{`set /a v+1`, out("1")},
		{`set /a 08`, failed(1073750991, "Invalid number.  Numeric constants are either decimal (17),\nhexadecimal (0x11), or octal (021).\n")},
		{`set /a 4294967296`, failed(1073750992, "Invalid number.  Numbers are limited to 32-bits of precision.\n")},
		{`set /a 1/0`, failed(1073750993, "Divide by zero error.\n")},
		{`set /a 1 2`, failed(1073750990, "Missing operator.\n")},
		{`set /a 1+`, failed(1073750989, "Missing operand.\n")},
		{`set /a (1`, failed(1073750988, "Unbalanced parenthesis.\n")},
		{`set /a`, failed(1, badSyntax)},
		{`path x;y& path`, out("PATH=x;y\n")},
		{`path ;& path`, out("PATH=(null)\n")},
	})
}

// Broken if it fails: a program that changes the console, or the variables of
// its shell, has no effect.
func TestExports(t *testing.T) {
	b := newBoxOf(t, map[string]machine.Program{"refreshenv": exportProgram{}}, `C:\ProgramData\chocolatey\bin\x=`)
	b.env.Set("PATH", `C:\ProgramData\chocolatey\bin;C:\Windows\System32`)
	if got := b.c("refreshenv && cmd /v:on /c echo !x!"); got.Out != "1\n" {
		t.Errorf("%+v", got)
	}
	if got := b.batch("call refreshenv\necho %x% %é%"); got.Out != "1 \n" {
		t.Errorf("%+v", got)
	}
	if got := b.batch("refreshenv\necho no"); got.Out != "" {
		t.Errorf("control came back from a batch file: %+v", got)
	}
}
