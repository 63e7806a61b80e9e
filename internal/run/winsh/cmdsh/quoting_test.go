package cmdsh_test

import (
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
)

// lineCase is a line of the command line, as RUN has it, and what it does.
type lineCase struct {
	line string
	want result
}

func out(s string) result { return result{Out: s} }
func failed(code int, message string) result {
	return result{Code: code, Err: message}
}

// check runs lines, each on a machine of its own with a few files.
func check(t *testing.T, cases []lineCase) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.line, func(t *testing.T) {
			b := newBox(t, "C:\\w\\a.txt=one\r\n", "C:\\w\\b.txt=two\r\n", `C:\w\d\x.txt=x`)
			b.env.Set("b", "a")
			b.env.Set("a ", "b")
			b.env.Set("v", "abcdef")
			if diff := gocmp.Diff(c.want, b.c(c.line)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Broken if it fails: what stands between percent signs is taken for something
// else than Windows takes it for on the command line, where what is not defined
// stays as it is.
func TestPercentOnCommandLine(t *testing.T) {
	check(t, []lineCase{
		{`echo %b%`, out("a\n")},
		{`echo %B%`, out("a\n")},
		{`echo %a %b% c%`, out("bb% c%\n")}, // the first name is "a "
		{`echo %%b%%`, out("%a%\n")},
		{`echo %b%b%`, out("ab%\n")},
		{`echo %nope%`, out("%nope%\n")},
		{`echo %nope:~0,3% %nope:a=b%`, out("%nope:~0,3% %nope:a=b%\n")},
		{`echo %`, out("%\n")},
		{`echo %%`, out("%%\n")},
		{`echo 100% %1 %*`, out("100% %1 %*\n")},
		{`echo ^%b^%`, out("%b%\n")},
		{`echo %^b%`, out("%b%\n")}, // the name is "^b", which is not defined
		{`set A=b&& echo %A%`, out("%A%\n")},
		{`set c=1 & echo [%c%]`, out("[%c%]\n")},
		{`echo %v:~1,2% %v:~-2% %v:~2% %v:~0,-3% %v:~-9,2%`, out("bc ef cdef abc ab\n")},
		{`echo [%v:~9%] [%v:~1,0%] [%v:~,2%] [%v:~0x1,01%]`, out("[] [] [ab] [b]\n")},
		{`echo %v:b=X% %v:B=X% %v:*c=Y% %v:bc=% %v:zz=y% %v:*zz=y%`, out("aXcdef aXcdef Ydef adef abcdef abcdef\n")},
		{`echo %v:~a%`, out("%v:~a%\n")},
		{`echo %cd% %CMDEXTVERSION% %errorlevel% %HIGHESTNUMANODENUMBER%`, out("C:\\w 2 0 0\n")},
		{`echo %date% %time%`, out("Wed 03/04/2026  5:06:07.08\n")},
		{`echo %CMDCMDLINE%`, out("cmd /s /c echo %CMDCMDLINE%\n")},
		{`echo %v:=x%`, failed(255, "=x% was unexpected at this time.\n")},
		{`code 3 & cmd /c echo %=ExitCode%`, out("00000000\n")}, // expanded before
	})
}

// Broken if it fails: carets and quotes protect something else than on Windows.
func TestCaretsAndQuotes(t *testing.T) {
	check(t, []lineCase{
		{`echo a^&b`, out("a&b\n")},
		{`echo "a&b"`, out("\"a&b\"\n")},
		{`echo "a^&b"`, out("\"a^&b\"\n")},
		{`echo ^"a & echo b`, out("\"a \nb\n")},
		{`echo a"b & echo c" d`, out("a\"b & echo c\" d\n")},
		{`echo "a & echo b`, out("\"a & echo b\n")},
		{`echo a^^b ^^^^c`, out("a^b ^^c\n")},
		{`echo a^ b^,c`, out("a b,c\n")},
		{`echo a^`, out("a\n")},
		{`e^cho a`, out("a\n")},
		{`echo ^<^>^|^(^)`, out("<>|()\n")},
		{`echo ""^&"`, out("\"\"&\"\n")},
		{`args "a b" c\"d "e\\"`, out("args \"a b\" c\\\"d \"e\\\\\"\n[a b][c\"d][e\\]\n")},
		{`args a^&b "c^d"`, out("args a&b \"c^d\"\n[a&b][c^d]\n")},
		{`args  a  b `, out("args  a  b \n[a][b]\n")},
		{`"args" x`, out("args x\n[x]\n")}, // /s takes the quotes off
		{`"a rgs" x`, failed(1, "'a' is not recognized as an internal or external command,\noperable program or batch file.\n")},
		{`""args" x"`, out("\"args\" x\n[x]\n")},
		{`,;= echo x`, out("x\n")},
		{`echo,a;b=c`, out("a;b=c\n")},
	})
}

// Broken if it fails: commands are joined, grouped or ended in another way.
func TestStatements(t *testing.T) {
	const incorrect = "The syntax of the command is incorrect.\n"
	check(t, []lineCase{
		{`echo a & echo b`, out("a \nb\n")},
		{`echo a&&echo b||echo c`, out("a\nb\n")},
		{`code 1 && echo b || echo c`, out("c\n")},
		{`code 1 || code 2 || echo x`, out("x\n")},
		{`code 1 & echo b && echo c`, out("b \nc\n")},
		{`code 0 && code 3`, result{Code: 3}},
		{`code 1 & code 0`, result{}},
		{`(echo a & echo b) & echo c`, out("a \nb\nc\n")},
		{`( echo a )`, out("a \n")},
		{`((echo a))`, out("a\n")},
		{`echo (a) (b`, out("(a) (b\n")},
		{`(echo (a)`, out("(a\n")},
		{`(echo ^(a^))`, out("(a)\n")},
		{`echo a )`, out("a )\n")},
		{`) echo a & echo b`, result{}},
		{`@echo a`, out("a\n")},
		{`@@ echo a`, out("a\n")},
		{`echo a &`, out("a \n")},
		{`rem a & echo b`, result{}},
		{`rem & echo b`, result{}},
		{`(rem)`, failed(255, "The syntax of the command is incorrect.\n")},
		{`rem>x&echo b`, result{}},
		{`>x rem b`, result{}},
		{`>x if 1==1 echo b`, failed(255, "if was unexpected at this time.\n")},
		{`2>nul for %i in (1) do echo %i`, failed(255, "for was unexpected at this time.\n")},
		{`(if 1==1 echo b)>x&type x`, out("b\n")},
		{`rem. & echo b`, out("b\n")},
		{`echo a & rem b & echo c`, out("a \n")},
		{`:: a & echo b`, result{}},
		{`:label`, result{}},
		{`echo a & & echo b`, failed(255, "& was unexpected at this time.\n")},
		{`& echo b`, failed(255, "& was unexpected at this time.\n")},
		{`| echo b`, failed(255, "| was unexpected at this time.\n")},
		{`echo a ||| echo b`, failed(255, "| was unexpected at this time.\n")},
		{`echo a &&`, failed(255, incorrect)},
		{`echo a |`, failed(255, incorrect)},
		{`(echo a`, failed(255, incorrect)},
		{`()`, failed(255, ") was unexpected at this time.\n")},
		{`(echo a) b`, failed(255, "b was unexpected at this time.\n")},
		{`(echo a))`, failed(255, ") was unexpected at this time.\n")},
		// A line that does not parse does nothing at all.
		{`echo a > y & (`, failed(255, incorrect)},
	})
}

// Broken if it fails: redirections take the wrong handle, or leave the wrong
// text behind.
func TestRedirections(t *testing.T) {
	check(t, []lineCase{
		{`echo a>x&type x`, out("a\n")},
		{`echo a >x&type x`, out("a \n")},
		{`echo a> x & type x`, out("a \n")}, // what follows the file belongs to echo
		{`echo a 1>x&type x`, out("a \n")},
		{`echo a1>x&type x`, out("a1\n")},
		{`echo "1">x&type x`, out("\"1\"\n")},
		{`echo 2^>x`, out("2>x\n")},
		{`echo>x a&type x`, out("a\n")},
		{`>x echo a&type x`, out("a\n")},
		{`>>x echo a&>>x echo b&type x`, out("a\nb\n")},
		{`>x>y echo a& dir /b x y`, out("y\n")},
		{`>x (echo a&echo b)&type x`, out("a\nb\n")},
		{`(echo a&echo b)>x&type x`, out("a\nb\n")},
		{`echo a >"x y"&type "x y"`, out("a \n")},
		{`echo a>x^ y&type "x y"`, out("a\n")},
		{`echo a>&2`, result{Err: "a\n"}},
		{`echo a>x 2>&1&type x`, out("a\n")},
		{`echo a>x 2>nul b&type x`, out("a b\n")},
		{`echo a>x &type x`, out("a \n")},
		{`echo "a"2>x`, out("\"a\"\n")},
		{`echo a2>x&type x`, out("a2\n")},
		{`dir nope /b 2>nul`, result{Code: 1}},
		{`dir nope /b >nul 2>&1 || echo failed`, out("failed\n")},
		{`dir nope /b 2>&1`, result{Code: 1, Out: "File Not Found\n"}},
		{`(echo a>&2) 2>x & type x`, out("a\n")},
		{`echo a>nul`, result{}},
		{`echo a>NUL.txt`, result{}},
		{`(type con)<a.txt`, out("one\n")},
		{`<nope echo a`, failed(1, "The system cannot find the file specified.\n")},
		{`echo a>C:\nope\x`, failed(1, "The system cannot find the path specified.\n")},
		{`echo a>C:\nope\x || echo failed`, result{Out: "failed\n", Err: "The system cannot find the path specified.\n"}},
		{`echo a>`, failed(255, "The syntax of the command is incorrect.\n")},
		{`echo a>&echo b`, failed(255, "& was unexpected at this time.\n")},
		{`echo a<<b`, failed(255, "<< was unexpected at this time.\n")},
		{`echo a>&5`, failed(1, "The handle could not be duplicated\nduring redirection of handle 1.\n")},
	})
}
