package cmdsh_test

import (
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/casement/casement/internal/winmeta"
)

const (
	notFound   = "The system cannot find the file specified.\n"
	noPath     = "The system cannot find the path specified.\n"
	badSyntax  = "The syntax of the command is incorrect.\n"
	noDrive    = "The system cannot find the drive specified.\n"
	oneCopied  = "        1 file(s) copied.\n"
	noneCopied = "        0 file(s) copied.\n"
)

// Broken if it fails: COPY makes another file, or says something else.
func TestCopy(t *testing.T) {
	check(t, []lineCase{
		{`copy a.txt c & type c`, out(oneCopied + "one\n")},
		{`copy a.txt d & type d\a.txt`, out(oneCopied + "one\n")},
		{`copy d\x.txt & dir /b x.txt`, out(oneCopied + "x.txt\n")},
		{`copy d & dir /b x.txt`, out("d\\x.txt\n" + oneCopied + "x.txt\n")},
		{`copy *.txt d & dir /b d`, out("a.txt\nb.txt\n        2 file(s) copied.\na.txt\nb.txt\nx.txt\n")},
		{`copy *.txt *.bak & dir /b *.bak`, out("a.txt\nb.txt\n        2 file(s) copied.\na.bak\nb.bak\n")},
		{`copy /b a.txt+b.txt c & type c`, out("a.txt\nb.txt\n" + oneCopied + "one\ntwo\n")},
		{`copy a.txt + b.txt & type a.txt`, out("a.txt\nb.txt\n" + oneCopied + "one\ntwo\n\x1a")},
		{`copy /b *.txt all & type all`, out("a.txt\nb.txt\n" + oneCopied + "one\ntwo\n")},
		{`copy nul e & dir /b e`, out(oneCopied + "e\n")},
		{`copy a.txt nul`, out(oneCopied)},
		{`echo x|copy con e & type e`, out(oneCopied + "x\n")},
		{`copy "a.txt" "x y" & type "x y"`, out(oneCopied + "one\n")},
		{`copy a.txt b.txt/y & type b.txt`, out(oneCopied + "one\n")},
		{`copy nope c`, failed(1, notFound)},
		{`md e & copy e d`, result{Code: 1, Out: "e\\*\n" + noneCopied, Err: notFound}},
		{`copy *.z c`, result{Code: 1, Out: "*.z\n" + noneCopied, Err: notFound}},
		{`copy a.txt no\c`, result{Code: 1, Out: noneCopied, Err: noPath}},
		{`copy a.txt no\`, result{Code: 1, Out: noneCopied, Err: noPath}},
		{`copy a.txt a.txt`, result{Code: 1, Out: noneCopied, Err: "The file cannot be copied onto itself.\n"}},
		{`copy a.txt b.txt /-y`, result{Code: 1, Out: "Overwrite C:\\w\\b.txt? (Yes/No/All): " + noneCopied}},
		{`echo y|copy a.txt b.txt /-y & type b.txt`, out("Overwrite C:\\w\\b.txt? (Yes/No/All): \n" + oneCopied + "one\n")},
		{`copy`, failed(1, badSyntax)},
		{`copy a b c`, failed(1, badSyntax)},
		{`copy /q a b`, failed(1, badSyntax)},
		{`copy d/x.txt c`, failed(1, badSyntax)},
		{`copy /l a.txt c`, result{Refused: "copy /l"}},
	})
}

// Broken if it fails: MOVE or REN lose files, or put them elsewhere.
func TestMoveAndRename(t *testing.T) {
	const moved = "        1 file(s) moved.\n"
	check(t, []lineCase{
		{`move a.txt c & dir /b`, out(moved + "b.txt\nc\nd\n")},
		{`move a.txt d & dir /b d`, out(moved + "a.txt\nx.txt\n")},
		{`move a.txt b.txt & type b.txt`, out(moved + "one\n")},
		{`move *.txt d & dir /b d`, out("C:\\w\\a.txt\nC:\\w\\b.txt\n        2 file(s) moved.\na.txt\nb.txt\nx.txt\n")},
		{`move *.txt c & dir /b`, result{Out: "        0 file(s) moved.\na.txt\nb.txt\nd\n", Err: "Cannot move multiple files to a single file.\n"}},
		{`move a*.txt c & dir /b`, out("C:\\w\\a.txt\n" + moved + "b.txt\nc\nd\n")},
		{`move d e & dir /b /s e`, out("        1 dir(s) moved.\nC:\\w\\e\\x.txt\n")},
		{`md e & move d e & dir /b /s e`, out("        1 dir(s) moved.\nC:\\w\\e\\d\nC:\\w\\e\\d\\x.txt\n")},
		{`move /y d\x.txt`, out(moved)},
		{`md e\d & move d e`, result{Code: 1, Out: "        0 dir(s) moved.\n", Err: "Access is denied.\n"}},
		{`move nope c`, failed(1, notFound)},
		{`move a.txt no\c`, result{Code: 1, Out: "        0 file(s) moved.\n", Err: noPath}},
		{`move a.txt b.txt /-y`, result{Code: 1, Out: "Overwrite C:\\w\\b.txt? (Yes/No/All):         0 file(s) moved.\n"}},
		{`move`, failed(1, badSyntax)},
		{`ren a.txt c.md & dir /b`, out("b.txt\nc.md\nd\n")},
		{`ren d e & dir /b`, out("a.txt\nb.txt\ne\n")},
		{`ren *.txt *.md & dir /b`, out("a.md\nb.md\nd\n")},
		{`ren a.txt A.TXT & dir /b a*`, out("A.TXT\n")},
		{`ren a.txt b.txt`, failed(1, "A duplicate file name exists, or the file\ncannot be found.\n")},
		{`ren nope c`, failed(1, notFound)},
		{`ren a.txt d\c`, failed(1, badSyntax)},
		{`ren a.txt`, failed(1, badSyntax)},
		{`ren d* e`, failed(1, badSyntax)}, // directories are not renamed by patterns
		{`ren d e*`, failed(1, badSyntax)},
	})
}

// Broken if it fails: directories are made or removed that should not, or the
// other way round.
func TestDirectories(t *testing.T) {
	check(t, []lineCase{
		{`md e\f\g "h i" & dir /b /s /ad`, out("C:\\w\\d\nC:\\w\\e\nC:\\w\\h i\nC:\\w\\e\\f\nC:\\w\\e\\f\\g\n")},
		{`md d`, failed(1, "A subdirectory or file d already exists.\n")},
		{`mkdir a.txt`, failed(1, "A subdirectory or file a.txt already exists.\n")},
		{`md d e & dir /b /ad`, result{Out: "d\ne\n", Err: "A subdirectory or file d already exists.\nError occurred while processing: d.\n"}},
		{`md a/b`, failed(1, badSyntax)},
		{`md`, failed(1, badSyntax)},
		{`md x?`, failed(1, "The filename, directory name, or volume label syntax is incorrect.\n")},
		{`md D:\x`, failed(1, noPath)},
		{`md nul`, result{}},
		{`md con`, failed(1, "The directory name is invalid.\n")},
		{`md a.txt\e`, failed(1, noPath)},
		{`md e & rd e & dir /b /ad`, out("d\n")},
		{`rd d`, failed(145, "The directory is not empty.\n")},
		{`rd a.txt`, failed(267, "The directory name is invalid.\n")},
		{`rd /s /q d nope & dir /b`, result{Out: "a.txt\nb.txt\n", Err: notFound}},
		{`rd/s/q d&dir /b /ad`, failed(1, "File Not Found\n")},
		{`rd no\no`, failed(3, noPath)},
		{`rd /s /q C:\w`, failed(32, "The process cannot access the file because it is being used by another process.\n")},
		{`rd /x d`, failed(1, "Invalid switch - \"x\".\n")},
		{`rd /s d`, result{Refused: "rd /s"}},
		{`echo y|rd /s d`, out("C:\\w\\d, Are you sure (Y/N)? \n")},
		{`echo n|rd /s d & dir /b /ad`, out("C:\\w\\d, Are you sure (Y/N)? \nd\n")},
		{`cd d & cd & cd .. & cd`, out("C:\\w\\d\nC:\\w\n")},
		{`cd..&cd`, out("C:\\\n")},
		{`cd\&cd`, out("C:\\\n")},
		{`cd /d C:\w\D & cd`, out("C:\\w\\d\n")},
		{`md "p q"&cd p q&cd`, out("C:\\w\\p q\n")},
		{`cd C:\prog*&cd`, out("C:\\Program Files\n")},
		{`cd a.txt`, failed(1, "The directory name is invalid.\n")},
		{`cd nope`, failed(1, noPath)},
		{`cd /d D:\`, failed(1, noDrive)},
		{`chdir`, out("C:\\w\n")},
		{`D:`, failed(1, noDrive)},
		{`C:`, result{}},
		{`pushd d&pushd ..&pushd&popd&popd&cd`, out("C:\\w\\d\nC:\\w\nC:\\w\n")},
		{`pushd nope`, failed(1, noPath)},
		{`pushd \\srv\share`, failed(1, "The network path was not found.\n")},
		{`popd`, result{Code: 1}},
	})
}

// Broken if it fails: files are deleted that should not, or the other way round.
func TestDel(t *testing.T) {
	check(t, []lineCase{
		{`del a.txt & dir /b`, out("b.txt\nd\n")},
		{`erase a.txt b.txt & dir /b`, out("d\n")},
		{`del *.txt & dir /b /s`, out("C:\\w\\d\nC:\\w\\d\\x.txt\n")},
		{`del /s *.txt & dir /b /s`, out("Deleted file - C:\\w\\a.txt\nDeleted file - C:\\w\\b.txt\nDeleted file - C:\\w\\d\\x.txt\nC:\\w\\d\n")},
		{`del /q d & dir /b d`, failed(1, "File Not Found\n")},
		{`del nope`, result{Err: "Could Not Find C:\\w\\nope\n"}},
		{`del *.z`, result{Err: "Could Not Find C:\\w\\*.z\n"}},
		{`del no\x`, failed(1, noPath)},
		{`del a/b`, failed(1, "Invalid switch - \"b\".\n")},
		{`del`, failed(1, badSyntax)},
		{`del *`, result{Refused: "del *"}},
		{`del d\*.*`, result{Refused: `del d\*.*`}},
		{`echo y|del * & dir /b`, out("C:\\w\\*, Are you sure (Y/N)? \nd\n")},
		{`echo n|del /p a.txt & dir /b`, out("C:\\w\\a.txt, Delete (Y/N)? \na.txt\nb.txt\nd\n")},
	})
	b := newBox(t, `C:\w\r.txt=r`, `C:\w\h.txt=h`, `C:\w\n.txt=n`)
	for path, a := range map[string]winmeta.Attributes{`C:\w\r.txt`: winmeta.ReadOnly, `C:\w\h.txt`: winmeta.Hidden} {
		if err := b.m.FS().SetAttributes(t.Context(), path, a); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []lineCase{
		{`md e & copy *.txt e & dir /b /a e & rd /s /q e`, out("n.txt\nr.txt\n        2 file(s) copied.\nn.txt\nr.txt\n")},
		{`del *.txt & dir /b /a`, result{Out: "h.txt\nr.txt\n", Err: "C:\\w\\r.txt\nAccess is denied.\n"}},
		{`del h.txt`, result{Err: "Could Not Find C:\\w\\h.txt\n"}},
		{`del /ah h.txt & dir /b /a`, out("r.txt\n")},
		{`del /f r.txt & dir /b /a`, failed(1, "File Not Found\n")},
	} {
		if diff := gocmp.Diff(c.want, b.c(c.line)); diff != "" {
			t.Errorf("%s: %s", c.line, diff)
		}
	}
}

// Broken if it fails: DIR lists other files, or in another form.
func TestDir(t *testing.T) {
	const (
		head = " Volume in drive C has no label.\n Volume Serial Number is 5C0A-5E4D\n"
		of   = "\n Directory of C:\\w\n\n"
		dots = "03/04/2026  05:06 AM    <DIR>          .\n03/04/2026  05:06 AM    <DIR>          ..\n"
		a    = "03/04/2026  05:06 AM                 5 a.txt\n"
		bb   = "03/04/2026  05:06 AM                 5 b.txt\n"
		d    = "03/04/2026  05:06 AM    <DIR>          d\n"
		free = "  21,217,280,000 bytes free\n"
	)
	check(t, []lineCase{
		{`dir`, out(head + of + dots + a + bb + d + "               2 File(s)             10 bytes\n               3 Dir(s)" + free)},
		{`dir *.txt`, out(head + of + a + bb + "               2 File(s)             10 bytes\n               0 Dir(s)" + free)},
		{`dir a.txt b.txt`, out(head + of + a + bb + "               2 File(s)             10 bytes\n               0 Dir(s)" + free)},
		{`dir /s /-c *.txt`, out(head + of + a + bb + "               2 File(s)             10 bytes\n" +
			"\n Directory of C:\\w\\d\n\n03/04/2026  05:06 AM                 1 x.txt\n               1 File(s)              1 bytes\n" +
			"\n     Total Files Listed:\n               3 File(s)             11 bytes\n               0 Dir(s)     21217280000 bytes free\n")},
		{`dir /w`, out(head + of + "[.]     [..]    a.txt   b.txt   [d]\n               2 File(s)             10 bytes\n               3 Dir(s)" + free)},
		{`dir /q a.txt`, out(head + of + "03/04/2026  05:06 AM                 5 BUILTIN\\Administrators a.txt\n               1 File(s)              5 bytes\n               0 Dir(s)" + free)},
		{`dir /b`, out("a.txt\nb.txt\nd\n")},
		{`dir /b /s`, out("C:\\w\\a.txt\nC:\\w\\b.txt\nC:\\w\\d\nC:\\w\\d\\x.txt\n")},
		{`dir/b/ad`, out("d\n")},
		{`dir /b /a-d`, out("a.txt\nb.txt\n")},
		{`dir /b /o-n`, out("d\nb.txt\na.txt\n")},
		{`dir /b /og`, out("d\na.txt\nb.txt\n")},
		{`dir /b /o:-gn`, out("a.txt\nb.txt\nd\n")},
		{`dir /b /l A.TXT`, out("a.txt\n")},
		{`dir /b d\ a.txt`, out("x.txt\na.txt\n")},
		{`dir /b ?.txt nope`, out("a.txt\nb.txt\n")},
		{`dir /b nope`, failed(1, "File Not Found\n")},
		{`dir nope`, result{Code: 1, Out: head + of, Err: "File Not Found\n"}},
		{`dir /b no\x`, failed(1, noPath)},
		{`dir /E`, failed(1, "Invalid switch - \"E\".\n")},
		{`dir /a:hX`, failed(1, "Parameter format not correct - \"X\".\n")},
		{`dir /ok`, failed(1, "Parameter format not correct - \"k\".\n")},
		{`dir /bs`, failed(1, "Parameter format not correct - \"s\".\n")},
		{`dir /s *.z`, result{Code: 1, Out: head, Err: "File Not Found\n"}},
		{`dir D:\`, failed(1, noPath)},
		{`dir a.txt d`, out(head + of + a + "               1 File(s)              5 bytes\n\n Directory of C:\\w\\d\n\n" + dots +
			"03/04/2026  05:06 AM                 1 x.txt\n               1 File(s)              1 bytes\n               2 Dir(s)" + free)},
		{`dir /x`, result{Refused: "dir /x"}},
		{`set DIRCMD=/b`, result{}},
	})
}

// Broken if it fails: TYPE prints other bytes.
func TestType(t *testing.T) {
	check(t, []lineCase{
		{`type a.txt`, out("one\n")},
		{`type a.txt b.txt`, result{Out: "one\ntwo\n", Err: "\na.txt\n\n\n\nb.txt\n\n\n"}},
		{`type *.txt`, result{Out: "one\ntwo\n", Err: "\na.txt\n\n\n\nb.txt\n\n\n"}},
		{`type nope`, failed(1, notFound)},
		{`type nope a.txt`, result{Code: 1, Out: "one\n", Err: notFound + "Error occurred while processing: nope.\n\na.txt\n\n\n"}},
		{`type d`, failed(1, "Access is denied.\n")},
		{`type nul`, result{}},
		{`type`, failed(1, badSyntax)},
		{`type a/b`, failed(1, badSyntax)},
	})
	b := newBox(t, "C:\\w\\u.txt=\xff\xfeh\x00\xe9\x00")
	if got := b.c("type u.txt").Out; got != "h\x82" {
		t.Errorf("UTF-16 is printed as %q", got)
	}
}

// Broken if it fails: MKLINK makes another kind of link, or says something else.
func TestMklink(t *testing.T) {
	check(t, []lineCase{
		{`mklink l a.txt & type l`, out("symbolic link created for l <<===>> a.txt\none\n")},
		{`mklink /d l d & dir /b l`, out("symbolic link created for l <<===>> d\nx.txt\n")},
		{`mklink /j l d & rd l & dir /b d`, out("Junction created for l <<===>> d\nx.txt\n")},
		{`mklink /h "h 1" a.txt & type "h 1"`, out("Hardlink created for h 1 <<===>> a.txt\none\n")},
		{`mklink b.txt a.txt`, failed(1, "Cannot create a file when that file already exists.\n")},
		{`mklink /h h nope`, failed(1, notFound)},
		{`mklink /x a b`, failed(1, "Invalid switch - \"x\".\n")},
	})
	b := newBox(t, `C:\w\a.txt=1`, `C:\w\d\`)
	b.c(`mklink /d l d & mklink /j j d & mklink f a.txt`)
	got := b.c("dir /a:l").Out
	for _, want := range []string{`<SYMLINKD>     l [d]`, `<JUNCTION>     j [C:\w\d]`, `<SYMLINK>      f [a.txt]`} {
		if !strings.Contains(got, want) {
			t.Errorf("dir does not show %q:\n%s", want, got)
		}
	}
}

// Broken if it fails: COPY reads or writes texts and binaries otherwise, where
// Ctrl+Z ends the former.
func TestCopyModes(t *testing.T) {
	const z = "\x1a"
	for _, c := range []struct{ line, want string }{
		{`copy t c`, "one" + z + "x"},
		{`copy /a t c`, "one" + z},
		{`copy /b t c /a`, "one" + z + "x"},
		{`copy t /a c /b`, "one"},
		{`copy t /b c`, "one" + z + "x"},
		{`copy t+u c`, "onetwo" + z},
		{`copy /b t+u c`, "one" + z + "xtwo"},
		{`copy t /a + u /b c`, "onetwo"},
		{`copy t /b + u /a c`, "one" + z + "xtwo" + z},
		{`copy u+t u & copy u c`, "twoone" + z},
		{`copy /b c+t+u`, "old" + "one" + z + "x" + "two"},
		{`copy /b t+c+u c`, "one" + z + "xtwo"},
		{`copy /b c+,,`, "old"},
	} {
		b := newBox(t, "C:\\w\\t=one\x1ax", `C:\w\u=two`, `C:\w\c=old`)
		if got := b.c(c.line); b.read(`C:\w\c`) != c.want {
			t.Errorf("%s: %q, want %q (%+v)", c.line, b.read(`C:\w\c`), c.want, got)
		}
	}
}

// Broken if it fails: order and times of DIR are others.
func TestDirOrder(t *testing.T) {
	b := newBox(t, `C:\w\b.z=12345`, `C:\w\a.y=1`, `C:\w\C=123`, `C:\w\d\`)
	for flags, want := range map[string]string{
		`/o`: "d a.y b.z C", `/on`: "a.y b.z C d", `/o-s`: "b.z C a.y d", `/os`: "d a.y C b.z", `/oe`: "C d a.y b.z",
		`/o-en`: "b.z a.y C d", `/o-g`: "a.y b.z C d", `/od /tc`: "a.y b.z C d", `/l`: "a.y b.z c d", `/a:-d-h`: "a.y b.z C",
		`/-o`: "a.y b.z C d", `/aq`: "",
	} {
		got := strings.Join(strings.Fields(b.c("dir /b "+flags).Out), " ")
		if got != want {
			t.Errorf("dir /b %s: %s, want %s", flags, got, want)
		}
	}
}

// Broken if it fails: a file that is called like an internal command is not
// executed when it is meant, or is when it is not.
func TestNamesOfInternalCommands(t *testing.T) {
	b := newBox(t, "C:\\w\\echo.bat=@echo batch\r\n", "C:\\w\\dir.cmd=@echo batch\r\n", `C:\w\echo.txt=`)
	for line, want := range map[string]string{
		`echo x`: "x\n", `echo.bat x`: "batch\n", `echo.txt x`: "txt x\n", `call echo x`: "batch\n", `call dir`: "batch\n",
		`echo.cmd`: "cmd\n", `"echo.bat"`: "batch\n", `dir.cmd/b`: "batch\n", `call:x 2>nul`: "", `cmd /c echo.bat`: "batch\n",
	} {
		if got := b.c(line).Out; got != want {
			t.Errorf("%s: %q, want %q", line, got, want)
		}
	}
}
