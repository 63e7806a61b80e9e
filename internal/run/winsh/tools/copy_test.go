package tools_test

import (
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/casement/casement/internal/run/winsh/machine"
)

// TestXcopy fails if xcopy copies other files than Windows, or says something
// else about them.
func TestXcopy(t *testing.T) {
	src := []string{`C:\w\a\1.txt=one`, `C:\w\a\2.log=two`, `C:\w\a\sub\3.txt=three`, `C:\w\a\empty\`}
	play(t, []scene{
		{
			name: "tree", files: src, line: `xcopy /E /I /Y a b`,
			want: result{Out: crlf(`a\1.txt`, `a\2.log`, `a\sub\3.txt`, `3 File(s) copied`)},
			list: []string{`a\`, `a\1.txt=one`, `a\2.log=two`, `a\empty\`, `a\sub\`, `a\sub\3.txt=three`, `b\`, `b\1.txt=one`, `b\2.log=two`, `b\empty\`, `b\sub\`, `b\sub\3.txt=three`},
		},
		{
			name: "without empty directories", files: src, line: `xcopy a b\ /S/Q`,
			want: result{Out: crlf(`3 File(s) copied`)},
			list: []string{`a\`, `a\1.txt=one`, `a\2.log=two`, `a\empty\`, `a\sub\`, `a\sub\3.txt=three`, `b\`, `b\1.txt=one`, `b\2.log=two`, `b\sub\`, `b\sub\3.txt=three`},
		},
		{
			name: "pattern with full names", files: src, line: `xcopy C:\w\a\*.txt C:\w\b\ /F`,
			want: result{Out: crlf(`C:\w\a\1.txt -> C:\w\b\1.txt`, `1 File(s) copied`)},
		},
		{
			name: "bare name gets the drive", files: []string{`C:\w\x.txt=1`}, line: `xcopy x.txt b\`,
			want: result{Out: crlf(`C:x.txt`, `1 File(s) copied`)},
		},
		{
			name: "quotes and a backslash at the end", files: []string{`C:\w\a b\x=1`}, line: `xcopy "a b\" "c d\" /I`,
			want: result{Out: crlf(`a b\x`, `1 File(s) copied`)}, list: []string{`a b\`, `a b\x=1`, `c d\`, `c d\x=1`},
		},
		{
			name: "a mask answers the question", files: src, line: `xcopy /Y a\1.txt b\new.txt*`,
			want: result{Out: crlf(`a\1.txt`, `1 File(s) copied`)},
			list: []string{`a\`, `a\1.txt=one`, `a\2.log=two`, `a\empty\`, `a\sub\`, `a\sub\3.txt=three`, `b\`, `b\new.txt=one`},
		},
		{
			name: "a mask below", files: src, line: `xcopy /S /Y a b\*.bak`, want: result{Out: crlf(`a\1.txt`, `a\2.log`, `a\sub\3.txt`, `3 File(s) copied`)},
			list: []string{`a\`, `a\1.txt=one`, `a\2.log=two`, `a\empty\`, `a\sub\`, `a\sub\3.txt=three`, `b\`, `b\1.bak=one`, `b\2.bak=two`, `b\sub\`, `b\sub\3.bak=three`},
		},
		{
			name: "no such file", line: `xcopy no.txt b\`,
			want: result{Out: crlf(`0 File(s) copied`), Err: crlf(`File not found - no.txt`), Code: 4},
		},
		{
			name: "nothing matches", files: src, line: `xcopy a\*.zip b\`,
			want: result{Out: crlf(`0 File(s) copied`), Err: crlf(`File not found - *.zip`)},
		},
		{
			name: "unknown switch", files: src, line: `xcopy a b /Ü`,
			want: result{Err: crlf("Invalid switch - /\x9a"), Code: 4},
		},
		{
			name: "directory asked for, answered", files: src, line: `xcopy a b`, stdin: "D\r\n",
			want: result{Out: "Does b specify a file name\r\nor directory name on the target\r\n(F = file, D = directory)? " + crlf(`D`, `a\1.txt`, `a\2.log`, `2 File(s) copied`)},
		},
		{
			name: "program with a path", files: []string{`C:\w\x=1`}, line: `C:/Windows/System32/xcopy.exe x b\`,
			want: result{Out: crlf(`C:x`, `1 File(s) copied`)},
		},
		{name: "switch glued to the name", line: `xcopy/Q`, want: result{Err: crlf("Invalid number of parameters"), Code: 4}},
		{name: "nobody answers", files: src, line: `xcopy a b`, want: result{Refused: `xcopy asks whether b is a file or a directory`}},
		{name: "nobody allows to overwrite", files: []string{`C:\w\x=1`, `C:\w\b\x=2`}, line: `xcopy x b`, want: result{Refused: `xcopy asks whether to overwrite C:\w\b\x`}},
		{
			name: "overwrite is answered", files: []string{`C:\w\x=1`, `C:\w\b\x=2`}, line: `xcopy x b`, stdin: "y\n",
			want: result{Out: `Overwrite C:\w\b\x (Yes/No/All)? ` + crlf(`y`, `C:x`, `1 File(s) copied`)}, list: []string{`b\`, `b\x=1`, `x=1`},
		},
		{
			name: "hidden files stay", files: src, before: []string{`attrib +h a\1.txt`}, line: `xcopy a b /I`,
			want: result{Out: crlf(`a\2.log`, `1 File(s) copied`)},
		},
		{
			name: "list only", files: src, line: `xcopy a b /I /L`,
			want: result{Out: crlf(`a\1.txt`, `a\2.log`, `2 File(s)`)}, list: []string{`a\`, `a\1.txt=one`, `a\2.log=two`, `a\empty\`, `a\sub\`, `a\sub\3.txt=three`},
		},
		{
			name: "exclude", files: append(src, "C:\\w\\x.txt=.log\r\n\\sub\\\r\n"), line: `xcopy a b /I /S /EXCLUDE:x.txt`,
			want: result{Out: crlf(`a\1.txt`, `1 File(s) copied`)},
		},
		{
			name: "tree only", files: src, line: `xcopy a b /I /T /E`, want: result{Out: crlf(`0 File(s) copied`)},
			list: []string{`a\`, `a\1.txt=one`, `a\2.log=two`, `a\empty\`, `a\sub\`, `a\sub\3.txt=three`, `b\`, `b\empty\`, `b\sub\`},
		},
		{name: "into itself", files: src, line: `xcopy a a\b /S /I`, want: result{Out: crlf(`0 File(s) copied`), Err: crlf(`Cannot perform a cyclic copy`), Code: 4}},
		{
			name: "read-only target", files: []string{`C:\w\x=1`, `C:\w\b\x=2`}, before: []string{`attrib +r b\x`}, line: `xcopy x b /Y`,
			want: result{Out: crlf(`C:x`, `0 File(s) copied`), Err: crlf(`Access denied`), Code: 4},
		},
		{
			name: "read-only target with /R", files: []string{`C:\w\x=1`, `C:\w\b\x=2`}, before: []string{`attrib +r b\x`}, line: `xcopy x b /Y /R`,
			want: result{Out: crlf(`C:x`, `1 File(s) copied`)}, list: []string{`b\`, `b\x=1`, `x=1`},
		},
	})
	for line, want := range map[string]string{
		`/O a b`: "", `/Z a b`: "xcopy /Z", `/W a b`: "xcopy /W", `a b /E /I /Y`: "", `a b /D:x`: "xcopy /D:x", `a b /X?`: "",
	} {
		if got := check(t, "xcopy", strings.Fields(line)...); got != want {
			t.Errorf("check of xcopy %s: %q, want %q", line, got, want)
		}
	}
}

// roboHead is the head of a job.
func roboHead(from, to, files, options string) string {
	return "\r\n-------------------------------------------------------------------------------\r\n" +
		"   ROBOCOPY     ::     Robust File Copy for Windows                              \r\n" +
		"-------------------------------------------------------------------------------\r\n\r\n" +
		"  Started : Wednesday, March 4, 2026 3:06:07 PM\r\n   Source : " + from + "\r\n     Dest : " + to + "\r\n\r\n" +
		files + "  Options : " + options + " \r\n\r\n" +
		"------------------------------------------------------------------------------\r\n\r\n"
}

// roboTail is the summary of a job.
func roboTail(dirs, files, bytes string) string {
	return "\r\n------------------------------------------------------------------------------\r\n\r\n" +
		"               Total    Copied   Skipped  Mismatch    FAILED    Extras\r\n" +
		"    Dirs :" + dirs + "\r\n   Files :" + files + "\r\n   Bytes :" + bytes + "\r\n" +
		"   Times :   0:00:00   0:00:00                       0:00:00   0:00:00\r\n" +
		"   Ended : Wednesday, March 4, 2026 3:06:07 PM\r\n\r\n"
}

// columns are the numbers of a row of the summary.
func columns(n ...string) string {
	var b strings.Builder
	for _, s := range n {
		b.WriteString(strings.Repeat(" ", 10-len(s)) + s)
	}
	return b.String()
}

// TestRobocopy fails if robocopy copies or removes other files than Windows, or
// its log or exit code differ.
func TestRobocopy(t *testing.T) {
	src := []string{`C:\w\a\1.txt=one`, `C:\w\a\2.log=twelve`, `C:\w\a\sub\3.txt=three`, `C:\w\a\empty\`}
	quiet := ` /NJH /NJS /NFL /NDL /NP`
	play(t, []scene{
		{
			name: "tree", files: src, line: `robocopy a b /E`,
			want: result{Code: 1, Out: roboHead(`C:\w\a\`, `C:\w\b\`, "    Files : *.*\r\n\t    \r\n", `*.* /S /E /DCOPY:DA /COPY:DAT /R:1000000 /W:30`) +
				"\t  New Dir          2\tC:\\w\\a\\\r\n" +
				"\t    New File  \t\t       3\t1.txt\r100%  \r\n" +
				"\t    New File  \t\t       6\t2.log\r100%  \r\n" +
				"\t  New Dir          0\tC:\\w\\a\\empty\\\r\n" +
				"\t  New Dir          1\tC:\\w\\a\\sub\\\r\n" +
				"\t    New File  \t\t       5\t3.txt\r100%  \r\n" +
				roboTail(columns("3", "3", "0", "0", "0", "0"), columns("3", "3", "0", "0", "0", "0"), columns("14", "14", "0", "0", "0", "0"))},
			list: []string{`a\`, `a\1.txt=one`, `a\2.log=twelve`, `a\empty\`, `a\sub\`, `a\sub\3.txt=three`, `b\`, `b\1.txt=one`, `b\2.log=twelve`, `b\empty\`, `b\sub\`, `b\sub\3.txt=three`},
		},
		{name: "again", files: src, before: []string{`robocopy a b /E`}, line: `robocopy a b /E` + quiet, want: result{}},
		{
			name: "mirror", files: append(src, `C:\w\b\old.txt=x`, `C:\w\b\olddir\y=y`), line: `robocopy a b /MIR /NJH /NJS /NP`,
			want: result{Code: 3, Out: "\t                   2\tC:\\w\\a\\\r\n" +
				"\t*EXTRA Dir        -1\tC:\\w\\b\\olddir\\\r\n" +
				"\t  *EXTRA File \t\t       1\ty\r\n" +
				"\t  *EXTRA File \t\t       1\told.txt\r\n" +
				"\t    New File  \t\t       3\t1.txt\r\n" +
				"\t    New File  \t\t       6\t2.log\r\n" +
				"\t  New Dir          0\tC:\\w\\a\\empty\\\r\n" +
				"\t  New Dir          1\tC:\\w\\a\\sub\\\r\n" +
				"\t    New File  \t\t       5\t3.txt\r\n"},
			list: []string{`a\`, `a\1.txt=one`, `a\2.log=twelve`, `a\empty\`, `a\sub\`, `a\sub\3.txt=three`, `b\`, `b\1.txt=one`, `b\2.log=twelve`, `b\empty\`, `b\sub\`, `b\sub\3.txt=three`},
		},
		{
			name: "extras are reported and stay", files: []string{`C:\w\a\1=1`, `C:\w\b\2=2`}, line: `robocopy a b` + quiet,
			want: result{Code: 3}, list: []string{`a\`, `a\1=1`, `b\`, `b\1=1`, `b\2=2`},
		},
		{
			name: "move", files: src, line: `robocopy a b /MOVE /E` + quiet, want: result{Code: 1},
			list: []string{`b\`, `b\1.txt=one`, `b\2.log=twelve`, `b\empty\`, `b\sub\`, `b\sub\3.txt=three`},
		},
		{
			name: "exclusions", files: src, line: `robocopy a b /S /XF *.log /XD sub` + quiet, want: result{Code: 1},
			list: []string{`a\`, `a\1.txt=one`, `a\2.log=twelve`, `a\empty\`, `a\sub\`, `a\sub\3.txt=three`, `b\`, `b\1.txt=one`},
		},
		{
			name: "some files", files: src, line: `robocopy a b *.log /NP /NJS /NDL`,
			want: result{Code: 1, Out: roboHead(`C:\w\a\`, `C:\w\b\`, "    Files : *.log\r\n\t    \r\n", `/NDL /DCOPY:DA /COPY:DAT /NP /R:1000000 /W:30`) +
				"\t    New File  \t\t       6\t2.log\r\n"},
			list: []string{`a\`, `a\1.txt=one`, `a\2.log=twelve`, `a\empty\`, `a\sub\`, `a\sub\3.txt=three`, `b\`, `b\2.log=twelve`},
		},
		{
			name: "list only", files: src, line: `robocopy a b /E /L` + quiet, want: result{Code: 1},
			list: []string{`a\`, `a\1.txt=one`, `a\2.log=twelve`, `a\empty\`, `a\sub\`, `a\sub\3.txt=three`},
		},
		{
			name: "log file", files: []string{`C:\w\a\1=1`}, line: `robocopy a b /LOG:l.txt /NJH /NJS /NP`, want: result{Code: 1, Out: "\r\n Log File : C:\\w\\l.txt\r\n"},
			list: []string{`a\`, `a\1=1`, `b\`, `b\1=1`, "l.txt=\t  New Dir          1\tC:\\w\\a\\\r\n\t    New File  \t\t       1\t1\r\n"},
		},
		{
			name: "no source", line: `robocopy a b /NJH`,
			want: result{Code: 16, Out: "2026/03/04 15:06:07 ERROR 2 (0x00000002) Accessing Source Directory C:\\w\\a\\\r\nThe system cannot find the file specified.\r\n\r\n"},
		},
		{
			name: "unknown switch", files: src, line: `robocopy a b /E /foo /NJH`, want: result{Code: 16, Out: crlf(
				`ERROR : Invalid Parameter #4 : "/foo"`, "", `       Simple Usage :: ROBOCOPY source destination /MIR`, "",
				`             source :: Source Directory (drive:\path or \\server\share\path).`,
				`        destination :: Destination Dir  (drive:\path or \\server\share\path).`,
				`               /MIR :: Mirror a complete directory tree.`, "", `    For more usage information run ROBOCOPY /?`, "", "",
				`****  /MIR can DELETE files as well as copy them !`)},
		},
		{name: "no number", files: src, line: `robocopy a b /NJH /R:x`, want: result{Code: 16, Out: crlf(
			`ERROR : Invalid Parameter #4 : "/R:x"`, "", `       Simple Usage :: ROBOCOPY source destination /MIR`, "",
			`             source :: Source Directory (drive:\path or \\server\share\path).`,
			`        destination :: Destination Dir  (drive:\path or \\server\share\path).`,
			`               /MIR :: Mirror a complete directory tree.`, "", `    For more usage information run ROBOCOPY /?`, "", "",
			`****  /MIR can DELETE files as well as copy them !`)}},
		{name: "a quote that is not closed", files: src, line: `robocopy "a\" b /E`, want: result{Refused: "robocopy with a quote in a name"}},
		{name: "attributes", files: []string{`C:\w\a\1=1`}, before: []string{`robocopy a b /A+:RH`}, line: `attrib b\1`, want: result{Out: "A   HR               C:\\w\\b\\1\r\n"}},
	})
	for line, want := range map[string]string{
		`a b /E /MT:8 /R:0`: "", `a b /COPYALL`: "", `a b /COPY:DATX`: "robocopy /COPY:DATX", `a b /COPY:S`: "robocopy /COPY:S", `a b /SECFIX`: "robocopy /SECFIX",
		`a b /SL`: "robocopy /SL", `a b /zzz`: "", `a b /A+:T`: "robocopy /A+:T",
	} {
		if got := check(t, "robocopy", strings.Fields(line)...); got != want {
			t.Errorf("check of robocopy %s: %q, want %q", line, got, want)
		}
	}
}

// TestRobocopyNewer fails if the times of files do not decide as on Windows.
func TestRobocopyNewer(t *testing.T) {
	b := newBox(t, machine.Options{}, `C:\w\a\1=new`, `C:\w\b\1=old`)
	touch := func(path string, hours int) {
		tm := clock().Add(-hoursOf(hours))
		if err := b.m.FS().SetTimes(t.Context(), path, modified(tm)); err != nil {
			t.Fatal(err)
		}
	}
	touch(`C:\w\a\1`, 2)
	touch(`C:\w\b\1`, 1)
	if r := b.call(`robocopy a b /XO /NJH /NJS /NDL /V`, ""); r.Code != 0 || !strings.Contains(r.Out, "older") {
		t.Errorf("/XO must skip an older file: %+v", r)
	}
	for flags, code := range map[string]int{"/DST": 0, "/FFT": 1, "": 1} {
		if r := b.call(`robocopy a b /L `+flags, ""); r.Code != code {
			t.Errorf("an hour apart with %q: %+v", flags, r)
		}
	}
	want := result{Code: 1, Out: "\t    Older     \t\t       3\t1\r100%  \r\n"}
	if diff := gocmp.Diff(want, b.call(`robocopy a b /NJH /NJS /NDL`, "")); diff != "" {
		t.Errorf("an older file is copied (-want +got):\n%s", diff)
	}
}

// TestRobocopySecurity fails if robocopy does not take over what /COPY asks for,
// or takes over more.
func TestRobocopySecurity(t *testing.T) {
	const source = "O:BUG:SYD:P(A;;FA;;;BA)(A;;FR;;;WD)S:(ML;;NW;;;LW)"
	for _, c := range []struct{ flags, options, file, dir string }{
		{"", "/COPY:DAT", "O:BAG:SYD:(A;;FA;;;BA)", ""},
		{"/SEC", "/COPY:DATS", "O:BAG:SYD:P(A;;FA;;;BA)(A;;FR;;;WD)", "O:BAG:SYD:P(A;;FA;;;BA)(A;;FR;;;WD)"},
		{"/COPY:OSDAT", "/COPY:DATSO", "O:BUG:SYD:P(A;;FA;;;BA)(A;;FR;;;WD)", "O:BUG:SYD:P(A;;FA;;;BA)(A;;FR;;;WD)"},
		{"/COPYALL /ZB", "/COPYALL /ZB", source, source},
	} {
		b := newBox(t, machine.Options{}, `C:\w\a\f=1`, `C:\w\b\`)
		b.set(`C:\w\b`, "O:BAG:SYD:(A;OICI;FA;;;BA)")
		b.set(`C:\w\a\f`, source)
		b.set(`C:\w\a`, source)
		r := b.call(`robocopy a b /R:0 `+c.flags, "")
		if r.Code != 1 || !strings.Contains(r.Out, " "+c.options+" ") {
			t.Errorf("%s: %+v", c.flags, r)
		}
		if c.flags == "" {
			c.dir = "O:BAG:SYD:(A;OICI;FA;;;BA)"
		}
		if diff := gocmp.Diff([]string{c.file, c.dir}, []string{b.sddl(`C:\w\b\f`), b.sddl(`C:\w\b`)}); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.flags, diff)
		}
	}
	b := newBox(t, machine.Options{User: "ContainerUser"}, `C:\w\a\`)
	if r := b.call(`robocopy a b /COPYALL /NJH`, ""); r.Code != 16 || !strings.HasPrefix(r.Out, "ERROR : You do not have the Manage Auditing user right.\r\n") {
		t.Errorf("as a user: %+v", r)
	}
}

// TestXcopySecurity fails if xcopy /O leaves behind whose files and directories
// are, and who may do what with them, or takes over more.
func TestXcopySecurity(t *testing.T) {
	const source = "O:BUG:SYD:P(A;;FA;;;BA)(A;;FR;;;WD)"
	for flags, want := range map[string]string{"/O": source, "/X": source + "S:(ML;;NW;;;LW)"} {
		b := newBox(t, machine.Options{}, `C:\w\a\d\f=1`, `C:\w\b\`)
		before := b.sddl(`C:\w\b`)
		for _, path := range []string{`C:\w\a\d\f`, `C:\w\a\d`, `C:\w\a`} {
			b.set(path, source+"S:(ML;;NW;;;LW)")
		}
		if r := b.call(`xcopy a b /E `+flags, ""); r.Code != 0 {
			t.Errorf("%s: %+v", flags, r)
		}
		got := []string{b.sddl(`C:\w\b`), b.sddl(`C:\w\b\d`), b.sddl(`C:\w\b\d\f`)}
		if diff := gocmp.Diff([]string{before, want, want}, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", flags, diff)
		}
	}
	b := newBox(t, machine.Options{User: "ContainerUser"}, `C:\w\a=1`)
	if r := b.call(`xcopy a b\ /O`, ""); r.Refused == "" {
		t.Errorf("as a user: %+v", r)
	}
}
