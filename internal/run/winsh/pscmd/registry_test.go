package pscmd

import "testing"

// Broken if it fails: keys and values of the registry are read or written
// otherwise than Windows does.
func TestRegistry(t *testing.T) {
	const key = `$k = 'HKLM:\SOFTWARE\Acme'; $null = New-Item $k; `
	rows(t, nil, []row{
		{name: "keys that nobody may read", both: true, text: `gci HKLM:\ | % PSChildName`, want: "HARDWARE\nSAM\nSOFTWARE\nSYSTEM", errs: []string{`System.Security.SecurityException,Microsoft.PowerShell.Commands.GetChildItemCommand PermissionDenied Requested registry access is not allowed.`}},
		{name: "keys", both: true, text: key + `Test-Path $k; New-Item $k; $null = New-Item $k -Force -Value d; (gp $k).'(default)'; $null = ni $k\a\b -Force; (ls $k -Recurse).Name; ls $k -Name; (gi $k).SubKeyCount; Remove-Item $k -Recurse; Test-Path $k`,
			want: "True\nd\nHKEY_LOCAL_MACHINE\\SOFTWARE\\Acme\\a\nHKEY_LOCAL_MACHINE\\SOFTWARE\\Acme\\a\\b\na\n1\nFalse",
			errs: []string{`System.IO.IOException,Microsoft.PowerShell.Commands.NewItemCommand ResourceExists A key in this path already exists.`}},
		{name: "a key without one above", both: true, text: `New-Item HKLM:\SOFTWARE\No\Deep; (New-Item HKLM:\SOFTWARE\No\Deep -Force).PSChildName`, want: "Deep",
			errs: []string{`System.ArgumentException,Microsoft.PowerShell.Commands.NewItemCommand InvalidArgument The registry key at the specified path does not exist.`}},
		{name: "types of values", both: true, text: key + `$null = New-ItemProperty $k s -Value text; $null = New-ItemProperty $k d -PropertyType DWord -Value 0xFFFFFFFF; $null = New-ItemProperty $k q -PropertyType QWord -Value 5; $null = New-ItemProperty $k e -PropertyType ExpandString -Value '%SystemRoot%\x'
$null = New-ItemProperty $k m -PropertyType MultiString -Value a,b; $null = New-ItemProperty $k b -PropertyType Binary -Value ([byte[]](1,255)); $null = New-ItemProperty $k i -Value 7
$p = Get-ItemProperty $k; $p.s; $p.d; $p.q.GetType().Name; $p.e; $p.m -join '+'; $p.b -join '+'; 's','d','q','e','m','b','i' | % { (gi $k).GetValueKind($_) }`,
			want: "text\n4294967295\nInt64\nC:\\Windows\\x\na+b\n1+255\nString\nDWord\nQWord\nExpandString\nMultiString\nBinary\nDWord"},
		{name: "what is written", both: true, text: key + `New-ItemProperty $k n -Value 1 -PropertyType DWord | select n,PSChildName | ft -HideTableHeaders; Set-ItemProperty $k n 2; (gp $k n).n; Set-ItemProperty $k -Name new -Value 3; (gi $k).GetValueKind('new'); sp $k '(Default)' dd; (gp $k).'(default)'; Get-ItemPropertyValue $k n; gpv $k n,new; Set-ItemProperty $k n '77'; (gp $k).n.GetType().Name`,
			want: "1 Acme\n2\nDWord\ndd\n2\n2\n3\nInt32"},
		{name: "removed and renamed", both: true, text: key + `'a','b','c' | % { sp $k $_ 1 }; Remove-ItemProperty $k a,b; (gi $k).Property; Rename-ItemProperty $k c d; (gi $k).Property; Clear-ItemProperty $k d; (gp $k).d; Copy-Item $k HKLM:\SOFTWARE\Acme2 -Recurse; Test-Path HKLM:\SOFTWARE\Acme2; Rename-Item HKLM:\SOFTWARE\Acme2 Acme3; (gi HKLM:\SOFTWARE\Acme3).Property`,
			want: "c\nd\n0\nTrue\nd"},
		{name: "errors", both: true, text: key + `gp $k none; gpv $k none; Remove-ItemProperty $k none; New-ItemProperty $k x -Value 1 | Out-Null; New-ItemProperty $k x -Value 2; gp HKLM:\SOFTWARE\Nope; sp HKLM:\SOFTWARE\Nope x 1; Remove-Item HKLM:\SOFTWARE\Nope; (gp $k -Name n*) -eq $null`, want: "True",
			errs: []string{
				`System.Management.Automation.PSArgumentException,Microsoft.PowerShell.Commands.GetItemPropertyCommand InvalidArgument Property none does not exist at path HKEY_LOCAL_MACHINE\SOFTWARE\Acme.`,
				`System.Management.Automation.PSArgumentException,Microsoft.PowerShell.Commands.GetItemPropertyValueCommand InvalidArgument Property none does not exist at path HKEY_LOCAL_MACHINE\SOFTWARE\Acme.`,
				`System.Management.Automation.PSArgumentException,Microsoft.PowerShell.Commands.RemoveItemPropertyCommand InvalidArgument Property none does not exist at path HKEY_LOCAL_MACHINE\SOFTWARE\Acme.`,
				`System.IO.IOException,Microsoft.PowerShell.Commands.NewItemPropertyCommand ResourceExists The property already exists.`,
				`PathNotFound,Microsoft.PowerShell.Commands.GetItemPropertyCommand ObjectNotFound Cannot find path 'HKLM:\SOFTWARE\Nope' because it does not exist.`,
				`PathNotFound,Microsoft.PowerShell.Commands.SetItemPropertyCommand ObjectNotFound Cannot find path 'HKLM:\SOFTWARE\Nope' because it does not exist.`,
				`PathNotFound,Microsoft.PowerShell.Commands.RemoveItemCommand ObjectNotFound Cannot find path 'HKLM:\SOFTWARE\Nope' because it does not exist.`,
			}},
		{name: "-ErrorAction and wildcards", both: true, text: key + `sp $k PathA 1; sp $k PathB 2; (gp $k Path*).PathB; (gp $k none -ea 0) -eq $null; (gp HKLM:\SOFTWARE\Ac*).PathA`, want: "2\nTrue\n1", errs: []string{
			`System.Management.Automation.PSArgumentException,Microsoft.PowerShell.Commands.GetItemPropertyCommand InvalidArgument Property none does not exist at path HKEY_LOCAL_MACHINE\SOFTWARE\Acme.`}},
		{name: "with the provider's name", both: true, text: `$null = ni Registry::HKEY_LOCAL_MACHINE\SOFTWARE\Reg; sp Registry::HKLM\SOFTWARE\Reg a 1; (gp HKLM:\SOFTWARE\Reg).a; (gi 'Registry::HKEY_LOCAL_MACHINE\SOFTWARE\Reg').Name`, want: "1\nHKEY_LOCAL_MACHINE\\SOFTWARE\\Reg"},
		{name: "as a list", text: key + `sp $k a 1; gp $k | select a, PSChildName, PSProvider | fl`, want: "a           : 1\nPSChildName : Acme\nPSProvider  : Microsoft.PowerShell.Core\\Registry"},
		{name: "methods", both: true, text: key + `sp $k a 1; $r = gi $k; $r.GetValueNames() -join ','; $r.GetValue('none','other'); $r.GetSubKeyNames().Count; $r.ValueCount; $r.PSPath`, want: "a\nother\n0\n1\nMicrosoft.PowerShell.Core\\Registry::HKEY_LOCAL_MACHINE\\SOFTWARE\\Acme"},
		{name: "files have properties", both: true, text: `$null = ni f; sp f IsReadOnly $true; (gi f).IsReadOnly; sp f -Name LastWriteTime -Value '2020-01-02 03:04:05'; '{0:yyyy}' -f (gi f).LastWriteTime; (gp f).Name; gpv f Length`, want: "True\n2020\nf\n0"},
	})
}

// Broken if it fails: rights are read or written otherwise than Windows does.
func TestACL(t *testing.T) {
	const dir = `$null = mkdir d; `
	rows(t, nil, []row{
		{name: "read", both: true, text: dir + `$a = Get-Acl d; $a.Owner; $a.GetType().Name; ($a.Access | ? IsInherited).Count -gt 3; $a.Path; $a.AreAccessRulesProtected; (Get-Acl d).Access[0].IdentityReference.Value`, want: "BUILTIN\\Administrators\nDirectorySecurity\nTrue\nMicrosoft.PowerShell.Core\\FileSystem::C:\\w\\d\nFalse\nNT AUTHORITY\\SYSTEM"},
		{name: "a rule", both: true, text: dir + `$a = Get-Acl d; $r = New-Object System.Security.AccessControl.FileSystemAccessRule('Users','Modify','ContainerInherit,ObjectInherit','None','Allow'); $a.SetAccessRule($r); $a | Set-Acl d; $x = (Get-Acl d).Access | ? { -not $_.IsInherited }; "$($x.IdentityReference) $($x.FileSystemRights) $($x.InheritanceFlags) $($x.AccessControlType)"; $null = ni d\f; ((Get-Acl d\f).Access | ? { $_.FileSystemRights -match 'Modify' }).IsInherited`,
			want: "BUILTIN\\Users Modify, Synchronize ContainerInherit, ObjectInherit Allow\nTrue"},
		{name: "protected", both: true, text: dir + `$a = Get-Acl d; $a.SetAccessRuleProtection($true, $false); $a.AddAccessRule((New-Object Security.AccessControl.FileSystemAccessRule 'Users','Read','Allow')); $a.AddAccessRule((New-Object Security.AccessControl.FileSystemAccessRule 'Everyone','FullControl','Allow')); Set-Acl d $a; (Get-Acl d).Sddl`,
			want: "O:BAG:SYD:PAI(A;;FA;;;WD)(A;;FR;;;BU)"},
		{name: "merged and removed", both: true, text: dir + `$a = Get-Acl d; $a.SetAccessRuleProtection($true, $false); $n = { param($w, $r) New-Object Security.AccessControl.FileSystemAccessRule $w, $r, 'Allow' }
$a.AddAccessRule((& $n Users Read)); $a.AddAccessRule((& $n Users Write)); @($a.Access).Count; [void]$a.RemoveAccessRule((& $n Users Write)); "$(@($a.Access)[0].FileSystemRights)"; $a.RemoveAccessRuleAll((& $n Users Read)); @($a.Access).Count`, want: "1\nRead, Synchronize\n0"},
		{name: "the owner", both: true, text: dir + `$a = Get-Acl d; $a.SetOwner((New-Object System.Security.Principal.NTAccount 'NT AUTHORITY\SYSTEM')); Set-Acl d $a; (Get-Acl d).Owner; (New-Object Security.Principal.NTAccount 'Users').Translate([Security.Principal.SecurityIdentifier]).Value`, want: "NT AUTHORITY\\SYSTEM\nS-1-5-32-545"},
		{name: "by the item", text: dir + `$i = Get-Item d; $a = $i.GetAccessControl('Access'); $a.SetAccessRuleProtection($true, $false); $a.AddAccessRule((New-Object Security.AccessControl.FileSystemAccessRule 'Users','Read','Allow')); $i.SetAccessControl($a); (Get-Acl d).Sddl; $f = New-Item f; $f.GetAccessControl().GetType().Name; $f.SetAccessControl($f.GetAccessControl()); (Get-Acl f).AreAccessRulesProtected`,
			want: "O:BAG:SYD:PAI(A;;FR;;;BU)\nFileSecurity\nFalse"},
		{name: "by the item in 7", core: true, text: dir + `(Get-Item d).GetAccessControl()`, refused: "System.IO.DirectoryInfo.GetAccessControl()"},
		{name: "nothing there", both: true, text: `Get-Acl none`, errs: []string{`GetAcl_PathNotFound_Exception,Microsoft.PowerShell.Commands.GetAclCommand ObjectNotFound Cannot find path 'C:\w\none' because it does not exist.`}},
		{name: "registry", text: `Get-Acl HKLM:\SOFTWARE`, refused: "Get-Acl"},
	})
}
