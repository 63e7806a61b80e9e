package pscmd

import (
	"net/http"
	"strings"
	"testing"
)

// Broken if it fails: the members of objects that cmdlets write do something
// else than in .NET.
func TestObjectMembers(t *testing.T) {
	rows(t, nil, []row{
		{name: "files", both: true, text: aTree + `$f = [IO.FileInfo]'C:\w\t\a.txt'; $f.Exists; $f.CopyTo('C:\w\t\x.txt').FullName; $f.CopyTo('C:\w\t\x.txt'); $f.CopyTo('C:\w\t\x.txt', $true).Name; $f.MoveTo('C:\w\t\y.txt'); $f.Name; $f.Delete(); (ls t -Name -File) -join ','; ([IO.FileInfo]'C:\none').Length`,
			want: "True\nC:\\w\\t\\x.txt\nx.txt\ny.txt\nb.log,x.txt", errs: []string{`IOException NotSpecified Exception calling "CopyTo" with "1" argument(s): "The file 'C:\w\t\x.txt' already exists."`}},
		{name: "directories", both: true, text: aTree + `$d = [IO.DirectoryInfo]'C:\w\t'; ($d.GetFiles()).Name -join ','; ($d.GetFiles('*.txt', 'AllDirectories')).Count; ($d.GetDirectories()).Name -join ','; $d.CreateSubdirectory('new').Parent.Name; $d.MoveTo('C:\w\u'); Test-Path u\new; $d.Delete(); $d.Delete($true); Test-Path u`,
			want: "a.txt,b.log\n3\nempty,sub\nt\nTrue\nFalse", errs: []string{`IOException NotSpecified Exception calling "Delete" with "0" argument(s): "The directory is not empty."`}},
		{name: "registry keys", both: true, text: `$null = ni HKLM:\SOFTWARE\Acme; $k = Get-Item HKLM:\SOFTWARE; $s = $k.OpenSubKey('Acme', $true); $s.SetValue('a', 5); $s.SetValue('b', 'x', 'ExpandString'); $s.GetValue('a'); $s.GetValueKind('b'); $null = $s.CreateSubKey('sub'); $s.GetSubKeyNames(); $s.DeleteValue('a'); $s.GetValueNames(); $s.DeleteSubKey('sub'); $s.SubKeyCount; $s.Close(); $k.OpenSubKey('Acme').SetValue('c', 1); $k.OpenSubKey('none') -eq $null; (gi HKLM:\SOFTWARE\Acme).OpenSubKey('x') -eq $null`,
			want: "5\nExpandString\nsub\nb\n0\nTrue\nTrue", errs: []string{`UnauthorizedAccessException NotSpecified Exception calling "SetValue" with "2" argument(s): "Cannot write to the registry key."`}},
		{name: "a registry key as a table", text: `$null = ni HKLM:\SOFTWARE\Acme -Value d; gi HKLM:\SOFTWARE\Acme`, want: "    Hive: HKEY_LOCAL_MACHINE\\SOFTWARE\nName                           Property\n----                           --------\nAcme                           (default) : d"},
		{name: "descriptors", both: true, text: `$null = mkdir d; $a = New-Object Security.AccessControl.DirectorySecurity; $a.SetSecurityDescriptorSddlForm('O:BAG:BAD:P(A;OICI;FA;;;SY)(A;;FR;;;WD)'); Set-Acl d $a; (Get-Acl d).Sddl; $a.AccessToString; $b = New-Object Security.AccessControl.DirectorySecurity 'C:\w\d','Access'; $b.AreAccessRulesProtected; (Get-Acl d).Group`,
			want: "O:BAG:BAD:P(A;;FR;;;WD)(A;OICI;FA;;;SY)\nEveryone Allow  Read, Synchronize\nNT AUTHORITY\\SYSTEM Allow  FullControl\nTrue\nBUILTIN\\Administrators"},
		{name: "a descriptor as a table and list", text: `$null = mkdir d; $a = Get-Acl d; $a.SetAccessRuleProtection($true, $false); $a.AddAccessRule((New-Object Security.AccessControl.FileSystemAccessRule 'Users','FullControl','Allow')); Set-Acl d $a; Get-Acl d`,
			want: "    Directory: C:\\w\nPath Owner                  Access\n---- -----                  ------\nd    BUILTIN\\Administrators BUILTIN\\Users Allow  FullControl"},
		{name: "SIDs", both: true, text: `(New-Object Security.Principal.SecurityIdentifier 'S-1-5-32-544').Translate([Security.Principal.NTAccount]).Value; (New-Object Security.Principal.SecurityIdentifier 'WorldSid', $null).Value; "$(New-Object Security.Principal.NTAccount 'a','b')"; New-Object Security.Principal.SecurityIdentifier 'x'`,
			want: "BUILTIN\\Administrators\nS-1-1-0\na\\b", errs: []string{
				`ConstructorInvokedThrowException,Microsoft.PowerShell.Commands.NewObjectCommand InvalidOperation Exception calling ".ctor" with "1" argument(s): "Value was invalid.`, `Parameter name: sddlForm"`}},
		{name: "lists out of order", both: true, text: `$null = mkdir d; $a = Get-Acl d; $a.SetSecurityDescriptorSddlForm('O:BAG:BAD:P(A;;FA;;;SY)(D;;FR;;;WD)'); $a.AreAccessRulesCanonical; $a.AddAccessRule((New-Object Security.AccessControl.FileSystemAccessRule 'Users','Read','Allow'))`, want: "False",
			errs: []string{`InvalidOperationException NotSpecified Exception calling "AddAccessRule" with "1" argument(s): "This access control list is not in canonical form and therefore cannot be modified."`}},
		{name: "drives", text: `Get-PSDrive -PSProvider Registry`, want: "Name           Used (GB)     Free (GB) Provider      Root\n----           ---------     --------- --------      ----\nHKCU                                   Registry      HKEY_CURRENT_USER\nHKLM                                   Registry      HKEY_LOCAL_MACHINE"},
		{name: "sessions and requests", both: true, text: `$s = New-Object Microsoft.PowerShell.Commands.WebRequestSession; $s.UserAgent = 'me'; $s.UserAgent; $s.Headers['a'] = 'b'; $s.Headers.Count`, want: "me\n1"},
	})
}

// Broken if it fails: rarer parameters are ignored or do something else.
func TestParameters(t *testing.T) {
	rows(t, nil, []row{
		{name: "items of other providers", both: true, text: `$null = New-Item env:NEW -Value 1; $env:NEW; $null = New-Item variable:nv -Value 2; $nv; New-Item env:NEW -Value 3; (gci env:NEW).Value; Clear-Item env:NEW; Test-Path env:NEW; (gci function:mkdir).Name; (ls variable:nv).Value; Copy-Item env:PATH env:P2; $env:P2 -eq $env:PATH; Rename-Item env:P2 P3; Test-Path env:P3`,
			want: "1\n2\n1\nFalse\nmkdir\n2\nTrue\nTrue", errs: []string{`Argument,Microsoft.PowerShell.Commands.NewItemCommand InvalidArgument The item at path 'NEW' already exists.`}},
		{name: "keys move", both: true, text: `$null = ni HKLM:\SOFTWARE\A\b -Force; sp HKLM:\SOFTWARE\A\b v 1; mv HKLM:\SOFTWARE\A\b HKLM:\SOFTWARE\C; Test-Path HKLM:\SOFTWARE\A\b; (gp HKLM:\SOFTWARE\C).v; Set-Item HKLM:\SOFTWARE\C dd; (gp HKLM:\SOFTWARE\C).'(default)'; Clear-Item HKLM:\SOFTWARE\C; (gi HKLM:\SOFTWARE\C).ValueCount; sp HKLM:\SOFTWARE\A x 9; Copy-ItemProperty HKLM:\SOFTWARE\A -Name x -Destination HKLM:\SOFTWARE\C; (gp HKLM:\SOFTWARE\C).x; Move-ItemProperty HKLM:\SOFTWARE\A -Name x -Destination HKLM:\SOFTWARE\C; (gi HKLM:\SOFTWARE\A).ValueCount`,
			want: "False\n1\ndd\n0\n9\n0"},
		{name: "Test-Path", both: true, text: `$null = ni f; (gi f).LastWriteTime = '2020-05-05'; Test-Path f -OlderThan 2021-01-01; Test-Path f -NewerThan 2021-01-01; Test-Path C:\a\b -IsValid; Test-Path * -Include f; Test-Path * -Exclude f`, want: "True\nFalse\nTrue\nTrue\nFalse"},
		{name: "temporary files", both: true, text: `$f = New-TemporaryFile; $f.Exists; $f.Extension; $f.Length`, want: "True\n.tmp\n0"},
		{name: "time spans", both: true, text: `$s = New-TimeSpan -Hours 1 -Minutes 30; "$s"; "$(New-TimeSpan '2024-01-01' '2024-01-02 01:00')"`, want: "01:30:00\n1.01:00:00"},
		{name: "dates", both: true, text: `Get-Date '2024-02-03 04:05:06' -UFormat '%A %b %d %e %H %I %m %M %p %S %T %u %y %Y %%'; Get-Date -Date 2024-02-03 -Hour 5 -Minute 6 -Second 7 -Format s; Get-Date '2024-02-03' -DisplayHint Date`, want: "Saturday Feb 03  3 04 04 02 05 AM 06 04:05:06 6 24 2024 %\n2024-02-03T05:06:07\nSaturday, February 3, 2024"},
		{name: "random numbers", both: true, text: `$r = 1..20 | % { Get-Random -Minimum 1.5 -Maximum 2.5 }; @($r | ? { $_ -lt 1.5 -or $_ -ge 2.5 }).Count; Get-Random -Minimum 5 -Maximum 5`, want: "0", errs: []string{`MinGreaterThanOrEqualMax,Microsoft.PowerShell.Commands.GetRandomCommand InvalidArgument The Minimum value (5) cannot be greater than or equal to the Maximum value (5).`}},
		{name: "-WhatIf of the registry", both: true, text: `ni HKLM:\SOFTWARE\A -WhatIf; Test-Path HKLM:\SOFTWARE\A`, want: "What if: Performing the operation \"New Item\" on target \"Item: HKEY_LOCAL_MACHINE\\SOFTWARE\\A\".\nFalse"},
		{name: "commands as a table", text: `gcm Get-Item, ls | % { "$($_.CommandType) $($_.Name)" }; (gcm -Noun Item -Verb Get).Name; (gcm Get-It*).Name -join ','; (gcm mkdir).Version -eq $null`, want: "Cmdlet Get-Item\nAlias ls\nGet-Item\nGet-Item,Get-ItemProperty,Get-ItemPropertyValue\nTrue"},
		{name: "the error of 7", core: true, text: `Get-Item none; (Get-Error).Exception.Message`, want: "Cannot find path 'C:\\w\\none' because it does not exist.", errs: []string{`PathNotFound,Microsoft.PowerShell.Commands.GetItemCommand ObjectNotFound Cannot find path 'C:\w\none' because it does not exist.`}},
		{name: "JSON of objects", text: `Get-Item C:\w | select Name,PSIsContainer | ConvertTo-Json -Compress; 12345678901234567890 | ConvertTo-Json; 'x' | Add-Member q 1 -PassThru | ConvertTo-Json -Compress`, want: "{\"Name\":\"w\",\"PSIsContainer\":true}\n12345678901234567890\n{\"value\":\"x\",\"q\":1}"},
		{name: "JSON of objects in 7", core: true, text: `12345678901234567890 | ConvertTo-Json; 'x' | Add-Member q 1 -PassThru | ConvertTo-Json -Compress`, want: "12345678901234567890.0\n\"x\""},
		{name: "programs that are not there", text: `Start-Process .\no.cmd`, errs: []string{`InvalidOperationException,Microsoft.PowerShell.Commands.StartProcessCommand InvalidOperation This command cannot be run due to the error: The system cannot find the file specified.`}},
		{name: "not an archive", text: `Set-Content b.zip x; Expand-Archive b.zip u`, errs: []string{`ConstructorInvokedThrowException,Expand-Archive InvalidOperation Exception calling ".ctor" with "3" argument(s): "End of Central Directory record could not be found."`}},
		{name: "properties of what has none", both: true, text: `Get-ItemProperty env:PATH`, errs: []string{`NotSupported,Microsoft.PowerShell.Commands.GetItemPropertyCommand NotImplemented Cannot use interface. The IPropertyCmdletProvider interface is not supported by this provider.`}},
		{name: "culture", both: true, text: `Get-Culture`, refused: "Get-Culture"},
	})
	url := webServer(t)
	rows(t, client{http.DefaultTransport}, []row{
		{name: "an answer as a list", text: strings.ReplaceAll(`iwr URL/txt -UseBasicParsing | select StatusCode | fl; (iwr URL/txt -UseBasicParsing | Out-String) -match 'RawContentLength  : 12'`, "URL", url), want: "StatusCode : 200\nTrue"},
	})
}
