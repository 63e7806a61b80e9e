package cmdsh_test

import (
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
)

const notRecognized = "'nope' is not recognized as an internal or external command,\noperable program or batch file.\n"

// Broken if it fails: a batch file goes on elsewhere than on Windows.
func TestBatchFlow(t *testing.T) {
	checkBatches(t, []batchCase{
		{"goto", "goto x\necho no\n:x\necho yes", out("yes\n")},
		{"goto back", "set n=\n:top\nset n=%n%x\nif not %n%==xxx goto top\necho %n%", out("xxx\n")},
		{"goto eof", "goto :eof\necho no", result{}},
		{"goto eof needs a blank behind it", "goto :eof,x\necho no", failed(1, "The system cannot find the batch label specified - eof\n")},
		{"goto eof with a blank", "goto :eof x\necho no", result{}},
		{"goto with a plus", "goto +x\necho no\n:x\necho yes", out("yes\n")},
		{"goto nowhere", "goto\necho no", failed(1, "No batch label specified to GOTO command.\n")},
		{"call eof", "call :eof\necho %errorlevel%\ncall ::eof\necho %errorlevel%", result{Out: "1\n1\n", Err: "The system cannot find the batch label specified - eof\n"}},
		{"goto EOF as a label", "goto eof\n:eof\necho yes", out("yes\n")},
		{"goto out of loops", "for %%i in (a b) do for %%j in (1 2) do (\necho %%i%%j\ngoto x\n)\n:x\necho x", out("a1\nx\n")},
		{"label with more", "goto :x:y\n: x & echo no\necho yes", out("yes\n")},
		{"no label", "goto nope\necho no", failed(1, "The system cannot find the batch label specified - nope\n")},
		{"labels in any case", "goto XyZ\n:xYz\necho yes", out("yes\n")},
		{"call label", "call :s a \"b c\"\necho back %errorlevel%\nexit /b\n:s\necho %0 %1 %~2\nexit /b 7", out(":s a b c\nback 7\n")},
		{"call no label", "call :nope\necho %errorlevel%", result{Out: "1\n", Err: "The system cannot find the batch label specified - nope\n"}},
		{"recursion", "set n=0\ncall :s\necho %n%\ngoto :eof\n:s\nset /a n+=1\nif %n% lss 50 call :s\ngoto :eof", out("50\n")},
		{"call file", "echo @echo two %%*>t.cmd\ncall t x y\ncall t.cmd\necho back", out("two x y\ntwo \nback\n")},
		{"no call", "echo @echo two>t.cmd\nt\necho no", out("two\n")},
		{"no call in a line", "echo @echo two>t.cmd\nt & echo rest\necho no", out("two\nrest\n")},
		{"call internal", "call set x=%%~1\ncall echo [%%x%%]\ncall call echo z", out("[first]\nz\n")},
		{"call if", "call if 1==1 echo x\necho %errorlevel%", result{Out: "1\n", Err: "'if' is not recognized as an internal or external command,\noperable program or batch file.\n"}},
		{"call nothing", "(call)\necho %errorlevel%\n(call )\necho %errorlevel%", out("1\n0\n")},
		{"loop variables in subroutines", "for %%i in (a) do call :s\ngoto :eof\n:s\necho %%i\nfor %%j in (b) do echo %%i%%j", out("%i\nab\n")},
		{"setlocal", "set x=1\nsetlocal\nset x=2\ncd d\necho %x% %cd%\nendlocal\necho %x% %cd%", out("2 C:\\w\\d\n1 C:\\w\n")},
		{"too many setlocals", "for /l %%i in (1,1,33) do setlocal\necho %errorlevel%", result{Out: "1\n", Err: "Maximum setlocal recursion level reached.\n"}},
		{"setlocal of a subroutine", "call :s\necho [%x%]\ngoto :eof\n:s\nsetlocal\nset x=1", out("[]\n")},
		{"endlocal carries a value over", "setlocal\nset x=1\nendlocal & set y=%x%\necho %x%%y%", out("1\n")},
		{"comments in blocks", "if 1==1 (\n  :: one\n  echo a\n  rem two )\n  echo b\n)", out("a\nb\n")},
		{"two comments", "(\n:: one\n:: two\necho x\n)", result{Out: "x\n", Err: "The system cannot find the drive specified.\n"}},
		{"comment at the end", "(\necho a\n:: x\n)\necho no", failed(255, ") was unexpected at this time.\n")},
		{"else over lines", "if 1==2 (\necho a\n) else if 1==2 (\necho b\n) else (\necho c\n)", out("c\n")},
		{"syntax error", "echo a\nif x\necho no", result{Out: "a\n", Err: "The syntax of the command is incorrect.\n", Code: 255}},
		{"caret behind the first word of a block", "(\necho^\n ver>nul\necho ^\na\n)", out("a\n")},
		{"caret in front of a block's first word", "(^\n@echo a\n)", out("a\n")},
		{"open block", "(\necho a", failed(255, "The syntax of the command is incorrect.\n")},
		{"deletes itself", "del \"%~f0\"\necho no", failed(1, "The batch file cannot be found.\n")},
		{"extends itself", "(echo.&echo echo more)>>\"%~f0\"\necho last", out("last\nmore\n")},
		{"exit in a subroutine", "call :s\necho no\n:s\nexit 4", result{Code: 4}},
		{"unclosed quote", "echo \"a & echo b\necho c", out("\"a & echo b\nc\n")},
		{"empty variable", "if %nope%==1 echo x\necho no", failed(255, "echo was unexpected at this time.\n")},
		{"start", "start \"t\" /wait cmd /c exit 3\necho %errorlevel%", out("3\n")},
	})
}

// Broken if it fails: a batch file without an end, or one that calls itself, is
// never stopped.
func TestLimits(t *testing.T) {
	for name, text := range map[string]string{
		"loop":      ":x\ngoto x",
		"for":       "for /l %%i in (1,0,2) do rem",
		"recursion": "call \"%~f0\"",
		"output":    "for /l %%i in (1,0,2) do echo %%i",
	} {
		t.Run(name, func(t *testing.T) {
			b := newBox(t)
			b.put(`C:\w\test.cmd=` + strings.ReplaceAll("@echo off\n"+text, "\n", "\r\n"))
			if err := b.fails("cmd /c test.cmd"); err == nil || !strings.Contains(err.Error(), "takes more than") {
				t.Errorf("it was not stopped: %v", err)
			}
		})
	}
}

// Broken if it fails: what a batch file shows while ECHO is on differs.
func TestEcho(t *testing.T) {
	const p = "\nC:\\w>"
	for _, c := range []struct{ name, text, want string }{
		{"command", "echo a", p + "echo a \na\n"},
		{"no blank", "echo.a", p + "echo.a\na\n"},
		{"hidden", "@echo a", "a\n"},
		{"remark", "rem  a & b", p + "rem  a & b \n"},
		{"label", ":a\n::b", ""},
		{"expanded", "set x=1\n@rem\necho %x%", p + "set x=1 \n" + p + "echo 1 \n1\n"},
		{"if", "if 1==1 (echo a) else echo b", p + "if 1 == 1 (echo a )  else echo b \na\n"},
		{"if not exist", "if /i not exist a.txt echo a", p + "if /I not exist a.txt echo a \na\n"},
		{"joined", "echo a&echo b&&@echo c", p + "echo a  & echo b  && \na\nb\nc\n"},
		{"redirected", "echo a>nul 2>&1", p + "echo a 1>nul 2>&1 \n"},
		{"block", "(\necho a\necho b\n)", p + "(\necho a  \n echo b \n) \na\nb\n"},
		{"block that begins with several commands", "(\necho a&echo b\necho c\n)", p + "(echo a  & echo b  \n echo c ) \na\nb\nc\n"},
		{"words as written", "IF noT 1==2 (echo a) Else echo b\nIf Errorlevel 0 If 1 equ 1 FOR %%i IN (1) Do @echo b", p + "IF noT 1 == 2 (echo a )  Else echo b \na\n" + p + "If Errorlevel 0 If 1 EQU 1 FOR %i IN (1) Do \nb\n"},
		{"loop", "for %%i in (1 2) do echo %%i", p + "for %i in (1 2) do echo %i \n" + p + "echo 1 \n1\n" + p + "echo 2 \n2\n"},
		{"hidden body", "for /l %%i in (1,1,2) do @echo %%i", p + "for /L %i in (1 1 2) do \n1\n2\n"},
		{"prompt", "@prompt $N$G$$$S\necho a", "\nC>$ echo a \na\n"},
		{"off", "echo off\necho a", p + "echo off \na\n"},
		{"state", "@echo\n@echo off\n@echo", "ECHO is on.\nECHO is off.\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBox(t)
			b.put(`C:\w\t.bat=` + strings.ReplaceAll(c.text, "\n", "\r\n"))
			if got := b.run("cmd /c t.bat").Out; got != c.want {
				t.Error(gocmp.Diff(c.want, got))
			}
			if got := b.run("cmd /q /c t.bat").Out; strings.Contains(got, ">echo a") {
				t.Errorf("with /q it shows %q", got)
			}
		})
	}
}

// Broken if it fails: the two sides of a pipe see or change something else.
func TestPipes(t *testing.T) {
	check(t, []lineCase{
		{`echo a|type con`, out("a\n")},
		{`echo a | type con`, out("a \n")},
		{`echo a|(type con&echo b)`, out("a\nb \n")},
		{`(echo a&echo b)|type con`, out("a \nb \n")},
		{`echo a|type con|type con`, out("a\n")},
		{`echo a|set /p x=&set x`, result{Code: 1, Err: "Environment variable x not defined\n"}},
		{`echo a>&2|type con`, result{Err: "a \n"}},
		{`echo a|args x`, out("args x\n[x]\n")},
		{`args x|type con`, out("args x\n[x]\n")},
		{`code 3|code 4`, result{Code: 4}},
		{`code 3|echo a`, out("a\n")},
		{`echo a|exit 5`, result{Code: 5}},
		{`echo ^&|type con`, out("ECHO is on.\n")},
		{`echo ^^^&|type con`, out("&\n")},
		{`echo a|nope`, failed(255, notRecognized)},
		{`nope|echo a`, failed(255, notRecognized)},
		{`nope|echo a & echo b`, failed(255, notRecognized)},
		{`for %i in (x) do @echo %i|type con`, out("x\n")},
	})
	checkBatches(t, []batchCase{
		{"parameters are gone", "echo %%1|type con", out("%1\n")},
		{"labels are gone", "echo a|call :x\nexit /b\n:x\necho x", result{Err: "Invalid attempt to call batch label outside of batch script.\n"}},
		{"batch file", "echo @echo x>t.cmd\nt|type con", out("x\n")},
		{"delayed outside a block", "setlocal enabledelayedexpansion\nset x=1\necho !x!|type con\n(echo !x!)|type con", out("1\n!x! \n")},
		{"nothing comes back", "set x=1\nset x=2|rem\necho %x%", out("1\n")},
	})
}

// Broken if it fails: ERRORLEVEL or the exit code is another one. Whether a
// command sets it on success, and whether only || sees its failure, is a matter
// of its own for each.
func TestErrorlevel(t *testing.T) {
	const set = "cmd /c exit 66\n"
	for _, c := range []struct{ line, bat, cmd string }{
		{"echo x>nul", "66", "66"},
		{"rem", "66", "66"},
		{"title x", "66", "66"},
		{"if 1==2 rem", "66", "66"},
		{"for %%i in () do rem", "66", "66"},
		{"rd nope 2>nul", "66", "66"},
		{"rd nope 2>nul || rem", "2", "2"},
		{"popd", "66", "66"},
		{"popd || rem", "1", "1"},
		{"md n", "0", "0"},
		{"md d 2>nul", "1", "1"},
		{"rd n", "66", "66"},
		{"cd .", "0", "0"},
		{"cd nope 2>nul", "1", "1"},
		{"del nope 2>nul", "0", "0"},
		{"del nope\\x 2>nul", "1", "1"},
		{"copy a.txt c >nul", "0", "0"},
		{"copy nope c 2>nul", "1", "1"},
		{"move c e >nul", "0", "0"},
		{"ren e f", "0", "0"},
		{"ren nope f 2>nul", "1", "1"},
		{"type nul", "0", "0"},
		{"type nope 2>nul", "1", "1"},
		{"dir >nul", "0", "0"},
		{"ver >nul", "0", "0"},
		{"vol >nul", "0", "0"},
		{"setlocal", "0", "0"},
		{"endlocal", "66", "66"},
		{"set x=1", "66", "0"},
		{"set /a x=1", "66", "0"},
		{"set /a x=1/0 2>nul", "1073750993", "1073750993"},
		{"set nope 2>nul", "1", "1"},
		{"set /p x=", "1", "1"},
		{"path %PATH%", "66", "0"},
		{"prompt $G", "66", "0"},
		{"assoc .nope 2>nul", "1", "1"},
		{"ftype nope 2>nul", "2", "2"},
		{"pause >nul", "66", "66"},
		{"nope 2>nul", "9009", "9009"},
		{"nope 2>nul || rem", "1", "1"},
		{"nope\\x.exe 2>nul", "3", "3"},
		{"code 5", "5", "5"},
		{"call code 5", "5", "5"},
		{"call nope 2>nul", "1", "1"},
		{"call echo x>nul", "0", "0"},
		{"call rd nope 2>nul", "2", "2"},
		{"code 5 | code 6", "6", "6"},
		{"echo x>nope\\x 2>nul", "66", "66"},
		{"start /b code 7", "66", "66"},
		{"start /wait code 7", "7", "7"},
		{"verify >nul", "0", "0"},
		{"color 0a", "1", "1"},
	} {
		for ext, want := range map[string]string{"bat": c.bat, "cmd": c.cmd} {
			b := newBox(t, `C:\w\a.txt=x`, `C:\w\d\`, `C:\w\n\`, `C:\w\c=`, `C:\w\e=`)
			if strings.HasPrefix(c.line, "md n") {
				b = newBox(t)
			} else if strings.HasPrefix(c.line, "ren e") {
				b = newBox(t, `C:\w\e=`)
			}
			text := "@echo off\n" + set + c.line + "\necho %errorlevel%"
			b.put(`C:\w\t.` + ext + "=" + strings.ReplaceAll(text, "\n", "\r\n"))
			got := b.run("cmd /c t." + ext)
			if got.Out != want+"\n" {
				t.Errorf("%s in a .%s file: ERRORLEVEL is %q, want %s (%+v)", c.line, ext, got.Out, want, got)
			}
		}
	}
}

// Broken if it fails: cmd /c ends with another code.
func TestExitCodes(t *testing.T) {
	check(t, []lineCase{
		{`exit 5`, result{Code: 5}},
		{`exit /b 6`, result{Code: 6}},
		{`exit -1`, result{Code: -1}},
		{`code 5 & exit`, result{Code: 5}},
		{`code 5 & echo a`, out("a\n")},
		{`code 5`, result{Code: 5}},
		{`nope`, failed(1, notRecognized)},
		{`rd nope`, failed(2, "The system cannot find the file specified.\n")},
		{`rd nope & echo a`, result{Out: "a\n", Err: "The system cannot find the file specified.\n"}},
		{`del nope`, result{Err: "Could Not Find C:\\w\\nope\n"}},
		{`cmd /c exit 7`, result{Code: 7}},
		{`cmd /c "echo a & exit 3"`, result{Out: "a \n", Code: 3}},
		{`cmd /c nope`, failed(1, notRecognized)},
		{`goto x`, result{Code: 1}},
		{`call :x`, failed(1, "Invalid attempt to call batch label outside of batch script.\n")},
		{`cd nope && echo no`, failed(1, "The system cannot find the path specified.\n")},
	})
	for _, c := range []struct {
		name, text string
		alone      int
		joined     string
	}{
		{"exit /b", "@exit /b 3", 3, "yes"}, // for && it has succeeded
		{"exit", "@exit 3", 3, ""},
		{"last command", "@code 3", 3, "no"},
		{"last command of several", "@code 3\r\n@rem", 0, "yes"},
		{"exit /b without a number", "@code 3 || exit /b", 0, "yes"},
		{"goto eof", "@code 3 || goto :eof", 0, "yes"},
		{"exit /b with more behind it", "@(exit /b 3\r\necho x\r\n)", 0, "yes"},
		{"exit /b last in a block", "@(echo x>nul\r\nexit /b 3)", 3, "yes"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBox(t, `C:\w\t.cmd=`+c.text)
			if got := b.c("t.cmd"); got.Code != c.alone {
				t.Errorf("alone it ends with %d, want %d", got.Code, c.alone)
			}
			if got := strings.TrimSpace(b.c("t.cmd && echo yes || echo no").Out); got != c.joined {
				t.Errorf("&& and || see %q, want %q", got, c.joined)
			}
			if got := b.c("call t.cmd").Code; got != 3 {
				t.Errorf("called it ends with %d", got)
			}
		})
	}
}
