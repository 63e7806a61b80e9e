package pscmd

import "testing"

// Broken if it fails: items are made, found, removed, renamed and set otherwise
// than Windows does.
func TestItems(t *testing.T) {
	rows(t, nil, []row{
		{name: "a file with a value", both: true, text: `New-Item C:\w\a.txt -ItemType File -Value hello | % FullName`, want: `C:\w\a.txt`, files: map[string]string{`C:\w\a.txt`: "hello"}},
		{
			name: "a file again", both: true, text: `$null = New-Item a.txt -Value 1; New-Item a.txt -Value 2; New-Item a.txt -Value 3 -Force | % Length`, want: "1",
			errs: []string{`NewItemIOError,Microsoft.PowerShell.Commands.NewItemCommand WriteError The file 'C:\w\a.txt' already exists.`}, files: map[string]string{`C:\w\a.txt`: "3"},
		},
		{
			name: "a directory again", both: true, text: `$null = ni -Type Directory d; ni -Type Directory d; ni -Type Directory d -Force | % Name`, want: "d",
			errs: []string{`DirectoryExist,Microsoft.PowerShell.Commands.NewItemCommand ResourceExists An item with the specified name C:\w\d already exists.`},
		},
		{
			name: "no directory to be in", both: true, text: `ni C:\a\b.txt; ni C:\a\b.txt -Force | % Name`, want: "b.txt",
			errs: []string{`NewItemIOError,Microsoft.PowerShell.Commands.NewItemCommand WriteError Could not find a part of the path 'C:\a\b.txt'.`},
		},
		{name: "mkdir makes parents", both: true, text: `mkdir a\b\c, d | % FullName`, want: "C:\\w\\a\\b\\c\nC:\\w\\d"},
		{name: "-Name", text: `mkdir x | Out-Null; ni -Path x -Name y.txt -Value q | % FullName`, want: `C:\w\x\y.txt`},
		{
			name: "what New-Item shows", text: `New-Item -ItemType Directory C:\app`,
			want: "    Directory: C:\\\nMode                LastWriteTime         Length Name\n----                -------------         ------ ----\nd-----       11/25/2025   6:04 PM                app",
		},
		{
			name: "what New-Item shows in 7", core: true, text: `New-Item -ItemType Directory C:\app`,
			want: "    Directory: C:\\\nMode                 LastWriteTime         Length Name\n----                 -------------         ------ ----\nd----          11/25/2025  6:04 PM                app",
		},
		{
			name: "links", both: true, text: `mkdir d | Out-Null; ni d\f -Value x | Out-Null
ni -Type SymbolicLink l -Target d | % LinkType; ni -Type Junction j -Target C:\w\d | % LinkType; ni -Type HardLink h -Target d\f | % LinkType
gc l\f; gc j\f; gc h; (gi j).Target; Remove-Item j -Force -Recurse; Test-Path d\f; (gi h).Attributes`,
			want: "SymbolicLink\nJunction\nHardLink\nx\nx\nx\nC:\\w\\d\nTrue\nArchive",
		},
		{
			name: "links to nothing", text: `ni -Type Junction j -Target C:\none; ni -Type HardLink h -Target C:\none`,
			errs: []string{
				`PathNotFound,Microsoft.PowerShell.Commands.NewItemCommand ObjectNotFound Cannot find path 'C:\none' because it does not exist.`,
				`PathNotFound,Microsoft.PowerShell.Commands.NewItemCommand ObjectNotFound Cannot find path 'C:\none' because it does not exist.`,
			},
		},
		{
			name: "a kind that is none", both: true, text: `ni x -ItemType foo`,
			errs: []string{`Argument,Microsoft.PowerShell.Commands.NewItemCommand InvalidArgument The type is not a known type for the file system. Only "file","directory" or "symboliclink" can be specified.`},
		},
		{name: "-WhatIf", both: true, text: `ni x -WhatIf; Test-Path x`, want: "What if: Performing the operation \"Create File\" on target \"Destination: C:\\w\\x\".\nFalse"},
		{
			name: "what is not there", both: true, text: `Get-Item C:\none; Get-Item no*; Remove-Item C:\none; Remove-Item no*; Get-Item Z:\x`,
			errs: []string{
				`PathNotFound,Microsoft.PowerShell.Commands.GetItemCommand ObjectNotFound Cannot find path 'C:\none' because it does not exist.`,
				`PathNotFound,Microsoft.PowerShell.Commands.RemoveItemCommand ObjectNotFound Cannot find path 'C:\none' because it does not exist.`,
				`DriveNotFound,Microsoft.PowerShell.Commands.GetItemCommand ObjectNotFound Cannot find drive. A drive with the name 'Z' does not exist.`,
			},
		},
		{
			name: "read-only files", both: true, text: `ni r | Out-Null; (gi r).IsReadOnly = $true; rm r; Test-Path r; rm r -Force; Test-Path r`, want: "True\nFalse",
			errs: []string{`RemoveFileSystemItemUnAuthorizedAccess,Microsoft.PowerShell.Commands.RemoveItemCommand PermissionDenied Cannot remove item C:\w\r: You do not have sufficient access rights to perform this operation or the item is hidden, system, or read only.`},
		},
		{name: "a tree", both: true, text: `mkdir a\b | Out-Null; ni a\b\f | Out-Null; rm a -Recurse; Test-Path a`, want: "False"},
		{name: "a tree without -Recurse", text: `mkdir a\b | Out-Null; rm a`, refused: "Remove-Item"},
		{name: "wildcards and filters", both: true, text: `'a.txt','b.txt','c.log' | % { ni $_ | Out-Null }; rm * -Include *.txt -Exclude b*; ls -Name`, want: "b.txt\nc.log"},
		{name: "-Recurse -Include", both: true, text: `mkdir d\e | Out-Null; ni d\x.tmp,d\e\y.tmp,d\z | Out-Null; rm d\* -Recurse -Include *.tmp; ls d -Recurse -Name`, want: "e\nz"},
		{name: "hidden files", both: true, text: `ni h | Out-Null; (gi h).Attributes = 'Hidden'; gi h; ls -Name; ls -Name -Force; "$((gi h -Force).Attributes)"`, want: "h\nHidden", errs: []string{`ItemNotFound,Microsoft.PowerShell.Commands.GetItemCommand ObjectNotFound Could not find item C:\w\h.`}},
		{name: "renamed", both: true, text: `ni a | Out-Null; Rename-Item a b; ls -Name; Rename-Item b C:\w\c -PassThru | % Name`, want: "b\nc"},
		{
			name: "renamed badly", text: `ni a,b | Out-Null; Rename-Item a b; Rename-Item none x; Rename-Item a C:\x\c`,
			errs: []string{
				`RenameItemIOError,Microsoft.PowerShell.Commands.RenameItemCommand WriteError Cannot create a file when that file already exists.`,
				`InvalidOperation,Microsoft.PowerShell.Commands.RenameItemCommand InvalidOperation Cannot rename because item at 'none' does not exist.`,
				`Argument,Microsoft.PowerShell.Commands.RenameItemCommand InvalidArgument Cannot rename the specified target, because it represents a path or device name.`,
			},
		},
		{name: "by script block", both: true, text: `$null = ni a.txt,b.txt; ls *.txt | Rename-Item -NewName { $_.Name -replace 'txt','md' }; ls -Name; $null = mkdir d; ls *.md | mv -Destination { "d\$($_.BaseName).x" }; ls d -Name`, want: "a.md\nb.md\na.x\nb.x"},
		{name: "variables, functions, aliases", both: true, text: `Set-Item env:FOO bar; $env:FOO; si variable:q 5; $q; si function:f { 'in f' }; f; function g { 1 }; ri env:FOO; Test-Path env:FOO; ri function:g; Test-Path function:g`, want: "bar\n5\nin f\nFalse\nFalse"},
		{name: "a file is not set", text: `ni f | Out-Null; Set-Item f x`, errs: []string{`NotSupported,Microsoft.PowerShell.Commands.SetItemCommand NotImplemented Provider operation stopped because the provider does not support this operation.`}},
		{name: "type and members", both: true, text: `$d = mkdir q; $d.GetType().Name; $d.PSIsContainer; $d.Parent.FullName; $d.Root.Name; $f = ni q\a.b.c; $f.BaseName; $f.Extension; $f.DirectoryName; "$f"; $f.PSPath`, want: "DirectoryInfo\nTrue\nC:\\w\nC:\\\na.b\n.c\nC:\\w\\q\nC:\\w\\q\\a.b.c\nMicrosoft.PowerShell.Core\\FileSystem::C:\\w\\q\\a.b.c"},
	})
}
