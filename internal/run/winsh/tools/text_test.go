package tools_test

import (
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/casement/casement/internal/run/winsh/machine"
)

// TestFindstr fails if findstr finds other lines than on Windows, quirks
// included.
func TestFindstr(t *testing.T) {
	files := []string{
		"C:\\w\\a.txt=one\r\nTwo words\r\nthree 3\r\nlast", "C:\\w\\b.txt=unix\nlines\n", "C:\\w\\d\\c.txt=one more\r\n",
		"C:\\w\\bin.dat=one\x00\x01\r\n", "C:\\w\\list=one\r\nlast\r\n",
	}
	const no = 1
	play(t, []scene{
		{name: "no line end in a file", files: []string{`C:\w\f=abc`}, line: `findstr /R abc f`, want: result{Out: "abc"}},
		{name: "no line end in the input", line: `findstr /R abc`, stdin: "abc", want: result{Out: "abc\r\n"}},
		{name: "^ inside", files: []string{"C:\\w\\f=a^bc\r\n"}, line: `findstr /R /C:a^bc f`, want: result{Out: "a^bc\r\n"}},
		{name: "$ inside", files: []string{"C:\\w\\f=ab$c\r\n"}, line: `findstr /R /C:ab$c f`, want: result{Out: "ab$c\r\n"}},
		{name: "$ without a line end", files: []string{`C:\w\f=abc`}, line: `findstr /R /C:abc$ f`, want: result{Code: no}},
		{name: "word", files: files, line: `findstr one a.txt`, want: result{Out: "one\r\n"}},
		{name: "words are alternatives", files: files, line: `findstr "one three" a.txt`, want: result{Out: "one\r\nthree 3\r\n"}},
		{name: "literal with blanks", files: files, line: `findstr /c:"Two words" a.txt`, want: result{Out: "Two words\r\n"}},
		{name: "no match", files: files, line: `findstr two a.txt`, want: result{Code: no}},
		{name: "any case", files: files, line: `findstr /i two a.txt`, want: result{Out: "Two words\r\n"}},
		{name: "letters together", files: files, line: `findstr /ivn two a.txt`, want: result{Out: "1:one\r\n3:three 3\r\n4:last"}},
		{name: "letters with a value", files: files, line: `findstr /ic:"two W" a.txt`, want: result{Out: "Two words\r\n"}},
		{name: "names for patterns", files: files, line: `findstr one *.txt`, want: result{Out: "a.txt:one\r\n"}},
		{name: "below", files: files, line: `findstr /s /n one *.txt`, want: result{Out: "a.txt:1:one\r\nd\\c.txt:1:one more\r\n"}},
		{name: "only names", files: files, line: `findstr /m one a.txt d\c.txt`, want: result{Out: "a.txt\r\nd\\c.txt\r\n"}},
		{name: "offsets", files: files, line: `findstr /o three a.txt`, want: result{Out: "16:three 3\r\n"}},
		{name: "begin", files: files, line: `findstr /b t a.txt`, want: result{Out: "three 3\r\n"}},
		{name: "end", files: files, line: `findstr /e words a.txt`, want: result{Out: "Two words\r\n"}},
		{name: "whole line", files: files, line: `findstr /x one a.txt`, want: result{Out: "one\r\n"}},
		{name: "not binary", files: files, line: `findstr /p one bin.dat`, want: result{Code: no}},
		{name: "strings of a file", files: files, line: `findstr /g:list a.txt`, want: result{Out: "one\r\nlast"}},
		{name: "standard input", line: `findstr b`, stdin: "a\r\nb\r\n", want: result{Out: "b\r\n"}},
		{name: "expression", files: files, line: `findstr /r "^t.*[0-9]" a.txt`, want: result{Out: "three 3\r\n"}},
		{name: "an unescaped dot makes it one", files: files, line: `findstr t.o a.txt`, want: result{Code: no}},
		{name: "ranges know no case", files: files, line: `findstr /r "^[a-z]wo" a.txt`, want: result{Out: "Two words\r\n"}},
		{name: "the end needs a carriage return", files: files, line: `findstr /r "t$ s$" a.txt b.txt`, want: result{Out: "a.txt:Two words\r\n"}},
		{name: "words", files: files, line: `findstr /r "\<wor \<ords" a.txt`, want: result{Out: "Two words\r\n"}},
		{name: "literal dot", files: files, line: `findstr /l t.o a.txt`, want: result{Code: no}},
		{name: "every line", files: files, line: `findstr "^" b.txt`, want: result{Out: "unix\nlines\n"}},
		{name: "no file", line: `findstr x none`, want: result{Err: "FINDSTR: Cannot open none\r\n", Code: 1}},
		{name: "nothing to look for", line: `findstr /i`, want: result{Err: "FINDSTR: Bad command line\r\n", Code: 2}},
		{name: "unknown switch", files: files, line: `findstr /z one a.txt`, want: result{Out: "one\r\n", Err: "FINDSTR: /z ignored\r\n"}},
		{name: "pattern that Windows would misread", files: files, line: `findstr /r "[a" a.txt`, want: result{Refused: "findstr with this pattern"}},
		{name: "beyond ASCII", files: files, line: `findstr é a.txt`, want: result{Refused: "findstr with this pattern"}},
	})
}

// TestFind fails if find prints other lines, or its heads differ.
func TestFind(t *testing.T) {
	files := []string{"C:\\w\\a.txt=one\r\nTwo\r\nthree", "C:\\w\\u.txt=\xff\xfeo\x00n\x00e\x00\r\x00\n\x00"}
	play(t, []scene{
		{name: "file", files: files, line: `find "o" a.txt`, want: result{Out: "\r\n---------- A.TXT\r\none\r\nTwo\r\n"}},
		{name: "count", files: files, line: `find /C "e" a.txt`, want: result{Out: "\r\n---------- A.TXT: 2\r\n"}},
		{name: "numbers and case", files: files, line: `find /n/i "TWO" a.txt`, want: result{Out: "\r\n---------- A.TXT\r\n[2]Two\r\n"}},
		{name: "standard input", line: `find "b"`, stdin: "a\nb\n", want: result{Out: "b\r\n"}},
		{name: "count of input", line: `find /c /v ""`, stdin: "a\nb\n", want: result{Out: "2\r\n"}},
		{name: "nothing", files: files, line: `find "zzz" a.txt`, want: result{Out: "\r\n---------- A.TXT\r\n", Code: 1}},
		{name: "wide characters", files: files, line: `find "one" u.txt`, want: result{Out: "\r\n---------- U.TXT\r\none\r\n"}},
		{name: "quotes are needed", files: files, line: `find one a.txt`, want: result{Err: "FIND: Parameter format not correct\r\n", Code: 2}},
		{name: "no file", line: `find "x" none`, want: result{Err: "File not found - NONE\r\n", Code: 1}},
		{name: "unknown switch", line: `find /x "x" none`, want: result{Err: "FIND: Invalid switch\r\n", Code: 2}},
	})
}

// TestSortAndMore fails if lines come in another order, or other lines.
func TestSortAndMore(t *testing.T) {
	play(t, []scene{
		{name: "any case", line: `sort`, stdin: "b\r\nA\r\na1\r\n10\r\n9\r\n_x\r\n", want: result{Out: "_x\r\n10\r\n9\r\nA\r\na1\r\nb\r\n"}},
		{name: "backwards, from a column", files: []string{"C:\\w\\f=xb\nya\nzc\n"}, line: `sort /R /+2 f`, want: result{Out: "zc\r\nxb\r\nya\r\n"}},
		{name: "into a file", files: []string{"C:\\w\\f=b\na\nb\n"}, line: `sort f /O f /UNIQUE`, want: result{}, list: []string{"f=a\r\nb\r\n"}},
		{name: "bytes", line: `sort /L C`, stdin: "a-\na_\n", want: result{Out: "a-\r\na_\r\n"}},
		{name: "marks", line: `sort`, stdin: "b_\na-2\na-1\n$x\n#y\n.z\nb/b\nb.b\n", want: result{Out: "#y\r\n$x\r\n.z\r\na-1\r\na-2\r\nb.b\r\nb/b\r\nb_\r\n"}},
		{name: "what is not certain", line: `sort`, stdin: "foobar\nfoo-bar\n", want: result{Refused: "sort of these lines"}},
		{name: "beyond ASCII", line: `sort`, stdin: "\x82a\nb\n", want: result{Refused: "sort of these lines"}},
		{name: "no file", line: `sort none`, want: result{Err: "noneThe system cannot find the file specified.\r\n", Code: 1}},
		{name: "more", files: []string{"C:\\w\\f=a\tb\nc"}, line: `more f`, want: result{Out: "a       b\r\nc\r\n"}},
		{name: "more of NUL", line: `more NUL`},
		{name: "more from a line", line: `more +1`, stdin: "a\nb\n", want: result{Out: "b\r\n\r\n"}},
		{name: "more of nothing", line: `more none`, want: result{Err: "Cannot access file C:\\w\\none\r\n"}},
	})
}

// TestCompare fails if files that differ are taken for equal, or the report
// differs.
func TestCompare(t *testing.T) {
	files := []string{"C:\\w\\a=1\r\n2\r\n3\r\n4\r\n", "C:\\w\\b=1\r\n2\r\nX\r\n4\r\n", "C:\\w\\c=1\r\n2\r\n3\r\n4\r\n", "C:\\w\\s=1"}
	play(t, []scene{
		{name: "alike", files: files, line: `fc a c`, want: result{Out: "Comparing files a and C\r\nFC: no differences encountered\r\n\r\n"}},
		{name: "different", files: files, line: `fc a b`, want: result{Code: 1, Out: "Comparing files a and B\r\n***** a\r\n2\r\n3\r\n4\r\n***** B\r\n2\r\nX\r\n4\r\n*****\r\n\r\n"}},
		{name: "bytes", files: files, line: `fc /b a b`, want: result{Code: 1, Out: "Comparing files a and B\r\n00000006: 33 58\r\n\r\n"}},
		{name: "longer", files: files, line: `fc /b a s`, want: result{Code: 1, Out: "Comparing files a and S\r\nFC: A longer than S\r\n\r\n"}},
		{name: "no file", files: files, line: `fc a none`, want: result{Code: 2, Out: "FC: cannot open NONE - No such file or folder\r\n\r\n"}},
		{name: "comp", files: files, line: `comp a c /M`, want: result{Out: "Comparing a and c...\r\nFiles compare OK \r\n\r\n"}},
		{name: "comp different", files: files, line: `comp a b`, stdin: "n\r\n", want: result{Code: 1, Out: "Comparing a and b...\r\nCompare error at OFFSET 6\r\nfile1 = 33\r\nfile2 = 58\r\n\r\nCompare more files (Y/N) ? "}},
		{name: "comp asks", files: files, line: `comp a b`, want: result{Refused: "comp asks whether to compare more files"}},
	})
}

// TestWhere fails if where finds something else than a shell would start.
func TestWhere(t *testing.T) {
	b := newBox(t, machine.Options{}, `C:\tools\x.cmd=1`, `C:\w\sub\y.txt=1`)
	path, _ := b.env.Get("PATH")
	b.env.Set("PATH", path+`;C:\tools`)
	for _, c := range []struct {
		line string
		want result
	}{
		{`where x`, result{Out: "C:\\tools\\x.cmd\r\n"}},
		{`where xcopy`, result{Out: "C:\\Windows\\System32\\xcopy.exe\r\n"}},
		{`where none`, result{Err: "INFO: Could not find files for the given pattern(s).\r\n", Code: 1}},
		{`where /q none`, result{Code: 1}},
		{`where /r C:\w *.txt`, result{Out: "C:\\w\\sub\\y.txt\r\n"}},
		{`where /f $PATH:x`, result{Out: "\"C:\\tools\\x.cmd\"\r\n"}},
		{`where /t x`, result{Refused: "where /t"}},
	} {
		got := b.call(c.line, "")
		got.Out = strings.ReplaceAll(got.Out, `C:\Windows\system32`, `C:\Windows\System32`)
		if diff := gocmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.line, diff)
		}
	}
}

// TestTree fails if the tree is drawn otherwise.
func TestTree(t *testing.T) {
	files := []string{`C:\w\a\x=1`, `C:\w\a\b\`, `C:\w\c\`}
	head := "Folder PATH listing\r\nVolume serial number is " + machine.VolumeSerial + "\r\n"
	play(t, []scene{
		{name: "lines", files: files, line: `tree`, want: result{Out: head + "C:.\r\n\xc3\xc4\xc4\xc4a\r\n\xb3   \xc0\xc4\xc4\xc4b\r\n\xc0\xc4\xc4\xc4c\r\n"}},
		{name: "ASCII with files", files: files, line: `tree a /F /A`, want: result{Out: head + "C:\\W\\A\r\n|   x\r\n|   \r\n\\---b\r\n"}},
		{name: "none", files: files, line: `tree c`, want: result{Out: head + "C:\\W\\C\r\nNo subfolders exist \r\n\r\n"}},
	})
}

// TestFcBlocks fails if fc takes other lines for different, or shows others
// beside them.
func TestFcBlocks(t *testing.T) {
	block := func(a, b string) string {
		return "***** a\r\n" + strings.ReplaceAll(a, "\n", "\r\n") + "***** B\r\n" + strings.ReplaceAll(b, "\n", "\r\n") + "*****\r\n\r\n"
	}
	const same = "FC: no differences encountered\r\n\r\n"
	for _, c := range []struct{ a, b, want string }{
		{"", "", same},
		{"", "apple", block("", "apple\n")},
		{"apple", "", block("apple\n", "")},
		{"apple\n", "apple", same},
		{"apple", "orange", block("apple\n", "orange\n")},
		{"apple\nmango", "apple", block("mango\n", "")},
		{"apple", "apple\r\nmango", block("", "mango\n")},
		{"apple\nmango", "apple\nkiwi", block("apple\nmango\n", "apple\nkiwi\n")},
		{"apple\nmango", "kiwi\nmango", block("apple\nmango\n", "kiwi\nmango\n")},
		{"apple\nmango\nkiwi", "apple\nlemon\nkiwi", block("apple\nmango\nkiwi\n", "apple\nlemon\nkiwi\n")},
		{"apple\nmango\nkiwi\nlemon", "apple\nlemon\nkiwi\ncherry", block("apple\nmango\nkiwi\nlemon\n", "apple\nlemon\n") + block("", "kiwi\ncherry\n")},
		{"apple\nmango\nkiwi\nlemon", "apple\nmango\nkiwi\ncherry", block("kiwi\nlemon\n", "kiwi\ncherry\n")},
	} {
		b := newBox(t, machine.Options{}, `C:\w\a=`+c.a, `C:\w\b=`+c.b)
		want := result{Out: "Comparing files a and B\r\n" + c.want, Code: 1}
		if c.want == same {
			want.Code = 0
		}
		if diff := gocmp.Diff(want, b.call(`fc a b`, "")); diff != "" {
			t.Errorf("%q and %q (-want +got):\n%s", c.a, c.b, diff)
		}
	}
}
