package pscmd

import "testing"

// tree is what the rows about trees start with.
const aTree = `$null = mkdir t\sub\deep, t\empty; 'a.txt','b.log','sub\c.txt','sub\deep\d.txt' | % { $null = ni "t\$_" -Value $_ }
`

// Broken if it fails: directories are listed otherwise than Windows does.
func TestChildren(t *testing.T) {
	rows(t, nil, []row{
		{name: "directories first in 5.1's order", both: true, text: aTree + `(ls t).Name -join ','`, want: "empty,sub,a.txt,b.log"},
		{name: "names", both: true, text: aTree + `ls t -Name; ls t -Name -Recurse -File`, want: "empty\nsub\na.txt\nb.log\na.txt\nb.log\nsub\\c.txt\nsub\\deep\\d.txt"},
		{name: "levels", both: true, text: aTree + `(ls t -Recurse -Depth 1).FullName`, want: "C:\\w\\t\\empty\nC:\\w\\t\\sub\nC:\\w\\t\\a.txt\nC:\\w\\t\\b.log\nC:\\w\\t\\sub\\deep\nC:\\w\\t\\sub\\c.txt"},
		{name: "-Filter and wildcards", both: true, text: aTree + `ls t -Filter *.txt -Name; ls t\*.log -Name; ls t -Filter *.txt -Recurse | % Name`, want: "a.txt\nb.log\na.txt\nc.txt\nd.txt"},
		{name: "-Include needs -Recurse or a wildcard", both: true, text: aTree + `(ls t -Include *.txt).Count; (ls t\* -Include *.txt).Name; (ls t -Recurse -Include *.txt,*.log -Exclude c*).Name -join ','`, want: "0\na.txt\nd.txt,a.txt,b.log"},
		{name: "-Exclude", both: true, text: aTree + `(ls t -Exclude *.txt).Name -join ','`, want: "empty,sub,b.log"},
		{name: "-Directory and -File", both: true, text: aTree + `(ls t -Directory).Name -join ','; (ls t -File).Name -join ','; (ls t -ad -Recurse).Count`, want: "empty,sub\na.txt,b.log\n3"},
		{name: "attributes", both: true, text: aTree + `(gi t\a.txt).Attributes = 'ReadOnly,Hidden'; (ls t -File).Name; (ls t -File -Force).Name -join ','; (ls t -Hidden).Name; (ls t -Attributes ReadOnly -Force).Name; (ls t -Attributes !Directory+!Hidden).Name`, want: "b.log\na.txt,b.log\na.txt\na.txt\nb.log"},
		{
			name: "what is not there", both: true, text: `ls none; ls none -Recurse; ls C:\a\b\c -Recurse; ls no*`,
			errs: []string{
				`PathNotFound,Microsoft.PowerShell.Commands.GetChildItemCommand ObjectNotFound Cannot find path 'C:\w\none' because it does not exist.`,
				`PathNotFound,Microsoft.PowerShell.Commands.GetChildItemCommand ObjectNotFound Cannot find path 'C:\a\b\' because it does not exist.`,
			},
		},
		{name: "one file", both: true, text: aTree + `(ls t\a.txt).Length`, want: "5"},
		{
			name: "as a table", text: aTree + `ls t -Recurse`,
			want: `    Directory: C:\w\t
Mode                LastWriteTime         Length Name
----                -------------         ------ ----
d-----       11/25/2025   6:04 PM                empty
d-----       11/25/2025   6:04 PM                sub
-a----       11/25/2025   6:04 PM              5 a.txt
-a----       11/25/2025   6:04 PM              5 b.log
    Directory: C:\w\t\sub
Mode                LastWriteTime         Length Name
----                -------------         ------ ----
d-----       11/25/2025   6:04 PM                deep
-a----       11/25/2025   6:04 PM              9 c.txt
    Directory: C:\w\t\sub\deep
Mode                LastWriteTime         Length Name
----                -------------         ------ ----
-a----       11/25/2025   6:04 PM             14 d.txt`,
		},
		{name: "environment", both: true, text: `$env:ABC_1 = 'x'; (ls env:ABC*).Value; (ls env: | ? Name -eq ABC_1).Value; (Get-ChildItem env:ABC_1).Name`, want: "x\nx\nABC_1"},
	})
}

// Broken if it fails: copies and moves end up elsewhere than on Windows.
func TestCopyMove(t *testing.T) {
	rows(t, nil, []row{
		{name: "a file", both: true, text: aTree + `cp t\a.txt x.txt; cp t\a.txt t\empty; cp t\a.txt t\empty\y.txt -PassThru | % FullName`, want: `C:\w\t\empty\y.txt`,
			files: map[string]string{`C:\w\x.txt`: "a.txt", `C:\w\t\empty\a.txt`: "a.txt"}},
		{name: "a tree to where nothing is", both: true, text: aTree + `cp t u -Recurse; ls u -Recurse -Name`, want: "empty\nsub\na.txt\nb.log\nsub\\deep\nsub\\c.txt\nsub\\deep\\d.txt"},
		{name: "a tree into a directory", both: true, text: aTree + `$null = mkdir u; cp t u -Recurse; ls u -Name; Test-Path u\t\sub\deep\d.txt`, want: "t\nTrue"},
		{name: "a directory without -Recurse", both: true, text: aTree + `cp t u; ls u -Name; Test-Path u`, want: "True"},
		{name: "what is in it", both: true, text: aTree + `$null = mkdir u; cp t\* u; ls u -Recurse -Name; cp t\* u -Recurse -Force; Test-Path u\sub\deep\d.txt`, want: "empty\nsub\na.txt\nb.log\nTrue"},
		{name: "flat", both: true, text: aTree + `$null = mkdir u; cp t u -Recurse -Container:$false; (ls u -File -Name) -join ','`, want: "a.txt,b.log,c.txt,d.txt"},
		{name: "filters", both: true, text: aTree + `$null = mkdir u; cp t\* u -Recurse -Exclude *.log; (ls u -Recurse -File).Name -join ','; cp t v -Recurse -Filter *.log; (ls v -Recurse -File).Name`, want: "a.txt,c.txt,d.txt\nb.log"},
		{
			name: "errors", text: aTree + `cp none x; cp t\a.txt C:\q\r\s; $null = ni ro; (gi ro).IsReadOnly = $true; cp t\a.txt ro; cp t\a.txt ro -Force; gc ro`, want: "a.txt",
			errs: []string{
				`PathNotFound,Microsoft.PowerShell.Commands.CopyItemCommand ObjectNotFound Cannot find path 'C:\w\none' because it does not exist.`,
				`System.IO.DirectoryNotFoundException,Microsoft.PowerShell.Commands.CopyItemCommand NotSpecified Could not find a part of the path 'C:\q\r\s'.`,
				`CopyFileInfoItemUnauthorizedAccessError,Microsoft.PowerShell.Commands.CopyItemCommand PermissionDenied Access to the path 'C:\w\ro' is denied.`,
			},
		},
		{
			name: "onto itself", text: aTree + `cp t\a.txt t\a.txt; cp t t -Recurse`,
			errs: []string{
				`CopyError,Microsoft.PowerShell.Commands.CopyItemCommand WriteError Cannot overwrite the item C:\w\t\a.txt with itself.`,
				`CopyError,Microsoft.PowerShell.Commands.CopyItemCommand WriteError Cannot overwrite the item C:\w\t with itself.`,
			},
		},
		{name: "onto a directory that is not there, in 7", core: true, text: `Set-Content f x; cp f none\; Test-Path none`, want: "False", errs: []string{`CopyFileInfoItemIOError,Microsoft.PowerShell.Commands.CopyItemCommand WriteError The filename, directory name, or volume label syntax is incorrect. : 'C:\w\none\'`}},
		{name: "onto a directory that is not there", text: `Set-Content f x; cp f none\; Test-Path none`, want: "False", errs: []string{`System.IO.IOException,Microsoft.PowerShell.Commands.CopyItemCommand NotSpecified The filename, directory name, or volume label syntax is incorrect.`}},
		{name: "into itself", text: aTree + `cp t t\sub -Recurse`, refused: "Copy-Item -Recurse"},
		{name: "moved", both: true, text: aTree + `mv t\a.txt t\empty; mv t\b.log c.log; mv t\sub t\empty; ls t -Recurse -Name; gc c.log`, want: "empty\nempty\\sub\nempty\\a.txt\nempty\\sub\\deep\nempty\\sub\\c.txt\nempty\\sub\\deep\\d.txt\nb.log"},
		{name: "moved by pattern", both: true, text: aTree + `$null = mkdir t3; mv t\*.txt t3; (ls t3).Name; mv t\* t2`, want: "a.txt",
			errs: []string{`MoveItemPathMultipleDestinationNotContainer,Microsoft.PowerShell.Commands.MoveItemCommand InvalidArgument Cannot move the item because the source path points to one or more items and the destination path is not a container. Validate that the destination path is a container and try again.`}},
		{
			name: "moved onto what is there", text: aTree + `mv t\a.txt t\b.log; gc t\b.log; mv t\a.txt t\b.log -Force; gc t\b.log; mv none x; mv t\sub C:\no\where`, want: "b.log\na.txt",
			errs: []string{
				`MoveFileInfoItemIOError,Microsoft.PowerShell.Commands.MoveItemCommand WriteError Cannot create a file when that file already exists.`,
				`PathNotFound,Microsoft.PowerShell.Commands.MoveItemCommand ObjectNotFound Cannot find path 'C:\w\none' because it does not exist.`,
				`MoveDirectoryItemIOError,Microsoft.PowerShell.Commands.MoveItemCommand WriteError Could not find a part of the path.`,
			},
		},
		{name: "-WhatIf", both: true, text: aTree + `mv t\a.txt x -WhatIf; cp t\a.txt x -WhatIf; rm t\a.txt -WhatIf`, want: "What if: Performing the operation \"Move File\" on target \"Item: C:\\w\\t\\a.txt Destination: C:\\w\\x\".\nWhat if: Performing the operation \"Copy File\" on target \"Item: C:\\w\\t\\a.txt Destination: C:\\w\\x\".\nWhat if: Performing the operation \"Remove File\" on target \"C:\\w\\t\\a.txt\"."},
	})
}
