package pscmd

import "testing"

// Broken if it fails: contents are read otherwise than Windows does.
func TestGetContent(t *testing.T) {
	const file = "Set-Content f.txt 'one','two','three','four'; "
	rows(t, nil, []row{
		{name: "lines", both: true, text: file + `(gc f.txt).Count; (gc f.txt)[1]; gc f.txt -TotalCount 2; gc f.txt -Tail 1; gc f.txt -Head 1`, want: "4\ntwo\none\ntwo\nfour\none"},
		{name: "the whole", both: true, text: file + `$x = gc f.txt -Raw; $x.Length; $x.GetType().Name`, want: "23\nString"},
		{name: "-ReadCount", both: true, text: file + `gc f.txt -ReadCount 3 | % { "$_" }; gc f.txt -ReadCount 0 | % { $_.Count }`, want: "one two three\nfour\n4"},
		{name: "what lines know", both: true, text: file + `$l = (gc f.txt)[2]; $l.ReadCount; $l.PSChildName; $l.PSPath`, want: "3\nf.txt\nC:\\w\\f.txt"},
		{name: "a delimiter", text: `Set-Content f 'a;b;;c' -NoNewline; gc f -Delimiter ';' | % { "<$_>" }`, want: "<a;>\n<b;>\n<;>\n<c>"},
		{name: "a delimiter in 7", core: true, text: `Set-Content f 'a;b;;c' -NoNewline; gc f -Delimiter ';' | % { "<$_>" }`, want: "<a>\n<b>\n<>\n<c>"},
		{name: "one line is a string, none is nothing", both: true, text: `Set-Content f x; (gc f).GetType().Name; Clear-Content f; $null -eq (gc f); (gc f -Raw) -eq $null`, want: "String\nTrue\nTrue"},
		{name: "several files", both: true, text: `Set-Content a.txt 1; Set-Content b.txt 2; (gc *.txt) -join ','; (gc a.txt,b.txt) -join ','`, want: "1,2\n1,2"},
		{
			name: "errors", text: `gc none.txt; gc C:\w; gc none* ; gc HKLM:\Software`,
			errs: []string{
				`PathNotFound,Microsoft.PowerShell.Commands.GetContentCommand ObjectNotFound Cannot find path 'C:\w\none.txt' because it does not exist.`,
				`GetContentReaderUnauthorizedAccessError,Microsoft.PowerShell.Commands.GetContentCommand PermissionDenied Access to the path 'C:\w' is denied.`,
				`ItemNotFound,Microsoft.PowerShell.Commands.GetContentCommand ObjectNotFound An object at the specified path none* does not exist, or has been filtered by the -Include or -Exclude parameter.`,
				`NotSupported,Microsoft.PowerShell.Commands.GetContentCommand NotImplemented Cannot use interface. The IContentCmdletProvider interface is not implemented by this provider.`,
			},
		},
		{name: "bytes", text: `Set-Content f ([byte[]](1,2,255)) -Encoding Byte; (gc f -Encoding Byte) -join ','; (gc f -Encoding Byte -Raw).GetType().Name`, want: "1,2,255\nByte[]"},
		{name: "bytes in 7", core: true, text: `Set-Content f ([byte[]](1,2,255)) -AsByteStream; (gc f -AsByteStream) -join ','`, want: "1,2,255"},
		{name: "variables", both: true, text: `$q = 'v'; gc variable:q; gc env:SystemRoot`, want: "v\nC:\\Windows"},
		{name: "line ends", both: true, text: "Set-Content f \"a`nb`r`nc`rd\" -NoNewline; (gc f).Count", want: "4"},
	})
}

// Broken if it fails: files get other bytes than from Windows.
func TestSetContent(t *testing.T) {
	show51 := `; (gc f -Encoding Byte) -join ','`
	show7 := `; (gc f -AsByteStream) -join ','`
	for _, x := range []struct{ text, desktop, core string }{
		{"Set-Content f 'é'", "233,13,10", "195,169,13,10"},
		{"Set-Content f 'é' -NoNewline", "233", "195,169"},
		{"Set-Content f 'é' -Encoding UTF8", "239,187,191,195,169,13,10", "195,169,13,10"},
		{"Set-Content f 'é' -Encoding Unicode", "255,254,233,0,13,0,10,0", "255,254,233,0,13,0,10,0"},
		{"Set-Content f 'é' -Encoding BigEndianUnicode", "254,255,0,233,0,13,0,10", "254,255,0,233,0,13,0,10"},
		{"Set-Content f 'é' -Encoding ASCII", "63,13,10", "63,13,10"},
		{"Set-Content f 'é' -Encoding OEM", "130,13,10", "130,13,10"},
		{"Set-Content f '€' -Encoding Default", "128,13,10", "226,130,172,13,10"},
		{"Set-Content f 'x' -Encoding Unicode; Add-Content f 'y'", "255,254,120,0,13,0,10,0,121,0,13,0,10,0", "255,254,120,0,13,0,10,0,121,0,13,0,10,0"},
		{"Add-Content f 'x'; Add-Content f 'é'", "120,13,10,233,13,10", "120,13,10,195,169,13,10"},
		{"'x' | Out-File f", "255,254,120,0,13,0,10,0", "120,13,10"},
		{"'x' > f; 'y' >> f", "255,254,120,0,13,0,10,0,121,0,13,0,10,0", "120,13,10,121,13,10"},
		{"'x' | Out-File f -Encoding utf8; 'y' | Out-File f -Encoding utf8 -Append", "239,187,191,120,13,10,121,13,10", "120,13,10,121,13,10"},
		{"'x','y' | Out-File f -Encoding ascii -NoNewline", "120,121", "120,121"},
		{"'x' | Tee-Object f | Out-Null", "255,254,120,0,13,0,10,0", "120,13,10"},
		{"1,2 | Set-Content f -Encoding ascii", "49,13,10,50,13,10", "49,13,10,50,13,10"},
		{"Set-Content f $null", "", ""},
		{"Set-Content f @()", "", ""},
		{"Set-Content f @{a=1}", "83,121,115,116,101,109,46,67,111,108,108,101,99,116,105,111,110,115,46,72,97,115,104,116,97,98,108,101,13,10", "83,121,115,116,101,109,46,67,111,108,108,101,99,116,105,111,110,115,46,72,97,115,104,116,97,98,108,101,13,10"},
	} {
		rows(t, nil, []row{{name: x.text, text: x.text + show51, want: x.desktop}, {name: x.text + " (7)", core: true, text: x.text + show7, want: x.core}})
	}
	rows(t, nil, []row{
		{name: "7's encodings", core: true, text: `Set-Content f é -Encoding utf8BOM; Set-Content g é -Encoding ansi; Set-Content h é -Encoding 1251; (gc f -AsByteStream) -join ','; (gc g -AsByteStream) -join ','; [int](gc g -Encoding latin1)[0]`, want: "239,187,191,195,169,13,10\n233,13,10\n233"},
		{name: "-PassThru", both: true, text: `'a','b' | Set-Content f -PassThru; Add-Content f c; (gc f) -join ','`, want: "a\nb\na,b,c"},
		{name: "read and written at once", text: `Set-Content f a,b; gc f | Set-Content f; (gc f) -join ','; (gc f) | Set-Content f; gc f`, want: "a,b\na\nb",
			errs: []string{`System.IO.IOException,Microsoft.PowerShell.Commands.SetContentCommand NotSpecified The process cannot access the file 'C:\w\f' because it is being used by another process.`}},
		{name: "replaced", both: true, text: `Set-Content f 'a=1','b=2'; (gc f) -replace 'a=1','a=9' | Set-Content f; gc f`, want: "a=9\nb=2", files: map[string]string{`C:\w\f`: "a=9\nb=2\n"}},
		{
			name: "errors", text: `Set-Content C:\no\f x; Set-Content C:\w x; Clear-Content none; $null = ni ro; (gi ro).IsReadOnly = $true; Set-Content ro x; Set-Content ro y -Force; gc ro; (gi ro).IsReadOnly`, want: "y\nTrue",
			errs: []string{
				`GetContentWriterDirectoryNotFoundError,Microsoft.PowerShell.Commands.SetContentCommand ObjectNotFound Could not find a part of the path 'C:\no\f'.`,
				`GetContentWriterUnauthorizedAccessError,Microsoft.PowerShell.Commands.SetContentCommand PermissionDenied Access to the path 'C:\w' is denied.`,
				`PathNotFound,Microsoft.PowerShell.Commands.ClearContentCommand ObjectNotFound Cannot find path 'C:\w\none' because it does not exist.`,
				`System.UnauthorizedAccessException,Microsoft.PowerShell.Commands.SetContentCommand NotSpecified Access to the path 'C:\w\ro' is denied.`,
			},
		},
		{
			name: "errors of Out-File", both: true, text: `'x' | Out-File C:\no\f; 'x' | Out-File f; 'y' | Out-File f -NoClobber; gc f`, want: "x",
			errs: []string{
				`FileOpenFailure,Microsoft.PowerShell.Commands.OutFileCommand OpenError Could not find a part of the path 'C:\no\f'.`,
				`NoClobber,Microsoft.PowerShell.Commands.OutFileCommand ResourceExists File C:\w\f already exists and NoClobber was specified.`,
			},
		},
		{name: "tables in files", text: `[pscustomobject]@{a=1;b='x'} | Out-File f -Encoding ascii; [pscustomobject]@{a=1;b='x'} | Format-List | Out-File g -Encoding ascii -Width 40`,
			files: map[string]string{`C:\w\f`: "\na b\n- -\n1 x\n\n\n", `C:\w\g`: "\n\na : 1\nb : x\n\n\n\n"}},
		{name: "Tee-Object to a variable", both: true, text: `1,2 | Tee-Object -Variable v | % { $_ * 2 }; $v -join ','`, want: "2\n4\n1,2"},
		{name: "set items", both: true, text: `Set-Content env:QQ 1; $env:QQ; Set-Content variable:vv 1,2; $vv -join ','`, want: "1\n1,2"},
	})
}
