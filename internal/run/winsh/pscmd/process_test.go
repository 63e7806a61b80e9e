package pscmd

import "testing"

// Broken if it fails: programs are started with other arguments, or their
// results get lost.
func TestProcesses(t *testing.T) {
	rows(t, nil, []row{
		{name: "arguments are joined by blanks", both: true, text: `Start-Process args 'a b','c' -NoNewWindow -Wait; Start-Process args '"a b" c' -NoNewWindow`, want: "<a>\n<b>\n<c>\n<a b>\n<c>"},
		{name: "a window of its own", both: true, text: `Start-Process args x -Wait; 'end'`, want: "end"},
		{name: "exit codes", both: true, text: `$p = Start-Process args exit,3 -Wait -PassThru; $p.ExitCode; $p.HasExited; $q = Start-Process args exit,4 -PassThru; $q.WaitForExit(); if ($q.ExitCode -ne 0) { 'failed' }; $LASTEXITCODE -eq $null`, want: "3\nTrue\nfailed\nTrue"},
		{name: "redirected", both: true, text: `Start-Process args.exe x,y -RedirectStandardOutput o.txt -RedirectStandardError e.txt -Wait; gc o.txt; (gi e.txt).Length`, want: "<x>\n<y>\n0"},
		{name: "splatted", both: true, text: `$a = @{ FilePath = 'args'; ArgumentList = 'x'; NoNewWindow = $true; Wait = $true }; Start-Process @a`, want: "<x>"},
		{name: "elevated", both: true, text: `Start-Process args -Verb RunAs -Wait; saps args -WindowStyle Hidden; 'end'`, want: "end"},
		{name: "the directory", both: true, text: `Start-Process args -WorkingDirectory C:\none`, errs: []string{`InvalidOperationException,Microsoft.PowerShell.Commands.StartProcessCommand InvalidOperation This command cannot be run because either the parameter "WorkingDirectory" has a value that is not valid or cannot be used with this command. Give a valid input and Run your command again.`}},
		{name: "no exit code without a handle in 5.1", text: `$p = Start-Process args exit,3 -NoNewWindow -PassThru; $p.WaitForExit(); $p.ExitCode -eq $null; $p = Start-Process args exit,3 -NoNewWindow -PassThru; $null = $p.Handle; $p.WaitForExit(); $p.ExitCode; (Start-Process args exit,3 -NoNewWindow -PassThru -Wait).ExitCode`, want: "True\n3\n3"},
		{name: "an exit code in 7", core: true, text: `$p = Start-Process args exit,3 -NoNewWindow -PassThru; $p.WaitForExit(); $p.ExitCode`, want: "3"},
		{name: "another PowerShell", text: `(Start-Process powershell '-Command "exit 5"' -Wait -PassThru).ExitCode`, want: "5"},
		{name: "what another PowerShell refuses", text: `Start-Process powershell '-Command Get-Service' -Wait`, refused: "Get-Service"},
		{name: "an installer", text: `$f = 'C:\x\setup.exe'; if ($false) { Start-Process $f /S -Wait }`, refused: `Start-Process C:\x\setup.exe`},
		{name: "a package", text: `if ($false) { Start-Process x.msi }`, refused: "Start-Process x.msi"},
		{name: "a script that is written before", text: `if ($false) { Start-Process .\x.cmd }; 1`, want: "1"},
		{name: "a document", text: `Start-Process notes.txt`, refused: "Start-Process notes.txt"},
		{name: "no such process", both: true, text: `Get-Process foo; Stop-Process -Name foo -Force; Get-Process foo*; Stop-Process -Id 99999; (Get-Process foo -ea 0) -eq $null`, want: "True", errs: []string{
			`NoProcessFoundForGivenName,Microsoft.PowerShell.Commands.GetProcessCommand ObjectNotFound Cannot find a process with the name "foo". Verify the process name and call the cmdlet again.`,
			`NoProcessFoundForGivenName,Microsoft.PowerShell.Commands.StopProcessCommand ObjectNotFound Cannot find a process with the name "foo". Verify the process name and call the cmdlet again.`,
			`NoProcessFoundForGivenId,Microsoft.PowerShell.Commands.StopProcessCommand ObjectNotFound Cannot find a process with the process identifier 99999.`,
			`NoProcessFoundForGivenName,Microsoft.PowerShell.Commands.GetProcessCommand ObjectNotFound Cannot find a process with the name "foo". Verify the process name and call the cmdlet again.`,
		}},
		{name: "all processes", text: `Get-Process`, refused: "Get-Process"},
	})
}

// Broken if it fails: commands that are not there are found, or those that
// cannot be done are not refused.
func TestCommands(t *testing.T) {
	rows(t, nil, []row{
		{name: "Get-Command", text: `(Get-Command Get-Item).CommandType; (gcm args).Source; (gcm mkdir).CommandType; (gcm ls).Definition; if (Get-Command nosuch -ErrorAction SilentlyContinue) { 'yes' } else { 'no' }; [bool](gcm args.exe -ea 0); function ff {}; (gcm ff).Name`, want: "Cmdlet\nC:\\Windows\\System32\\args.exe\nFunction\nGet-ChildItem\nno\nTrue\nff",
			errs: []string{`CommandNotFoundException,Microsoft.PowerShell.Commands.GetCommandCommand ObjectNotFound The term 'nosuch' is not recognized as the name of a cmdlet, function, script file, or operable program. Check the spelling of the name, or if a path was included, verify that the path is correct and try again.`}},
		{name: "Get-Command of what is refused", text: `Get-Command Get-Service -ea 0`, refused: "Get-Command Get-Service"},
		{name: "aliases", both: true, text: `(Get-Alias ls).Definition; (Get-Alias -Definition Get-ChildItem).Name -join ','; Set-Alias xx Get-Item; (xx C:\w).Name; (Get-Alias xx).Definition; Get-Alias nosuch`, want: "Get-ChildItem\ndir,gci,ls\nw\nGet-Item",
			errs: []string{`ItemNotFoundException,Microsoft.PowerShell.Commands.GetAliasCommand ObjectNotFound This command cannot find a matching alias because an alias with the name 'nosuch' does not exist.`}},
		{name: "aliases of 5.1", text: `(Get-Alias sc).Definition; (Get-Alias curl).Definition; (Get-Alias wget).Definition; (Get-Alias sort).Definition; (Get-Alias where).Definition; (Get-Alias '%').Definition; (Get-Alias sleep).Definition; (Get-Alias start).Definition; (Get-Alias tee).Definition; (Get-Alias diff).Definition`,
			want: "Set-Content\nInvoke-WebRequest\nInvoke-WebRequest\nSort-Object\nWhere-Object\nForEach-Object\nStart-Sleep\nStart-Process\nTee-Object\nCompare-Object"},
		{name: "aliases that 7 does not have", core: true, text: `'sc','curl','wget' | % { (Get-Alias $_ -ea 0) -eq $null }`, want: "True\nTrue\nTrue", errs: []string{
			`ItemNotFoundException,Microsoft.PowerShell.Commands.GetAliasCommand ObjectNotFound This command cannot find a matching alias because an alias with the name 'sc' does not exist.`,
			`ItemNotFoundException,Microsoft.PowerShell.Commands.GetAliasCommand ObjectNotFound This command cannot find a matching alias because an alias with the name 'curl' does not exist.`,
			`ItemNotFoundException,Microsoft.PowerShell.Commands.GetAliasCommand ObjectNotFound This command cannot find a matching alias because an alias with the name 'wget' does not exist.`,
		}},
		{name: "modules", both: true, text: `Import-Module Microsoft.PowerShell.Utility; ipmo Microsoft.PowerShell.Archive -Force; (Get-Module).Name -join ','; (ipmo microsoft.powershell.management -PassThru).Name; Remove-Module Microsoft.PowerShell.Archive; [bool](Get-Module Microsoft.PowerShell.Archive); (Get-Module -ListAvailable Microsoft.PowerShell.Archive).Name`, want: "Microsoft.PowerShell.Archive,Microsoft.PowerShell.Management,Microsoft.PowerShell.Utility\nMicrosoft.PowerShell.Management\nFalse\nMicrosoft.PowerShell.Archive"},
		{name: "other modules", text: `if ($false) { Import-Module WebAdministration }`, refused: "Import-Module WebAdministration"},
		{name: "modules of the image", text: `if ($false) { Import-Module .\x.psm1 }`, refused: "Import-Module"},
		{name: "assemblies", both: true, text: `Add-Type -AssemblyName System.IO.Compression.FileSystem; Add-Type -AssemblyName System.Web, System.Net.Http; Add-Type -AN 'System.IO.Compression'; 'ok'`, want: "ok"},
		{name: "other assemblies", text: `if ($false) { Add-Type -AssemblyName Foo.Bar }`, refused: "Add-Type -AssemblyName Foo.Bar"},
		{name: "C#", text: `if ($false) { Add-Type -TypeDefinition 'class A {}' }`, refused: "Add-Type -TypeDefinition"},
		{name: "features", text: `if ($false) { Install-WindowsFeature Web-Server }`, refused: "Install-WindowsFeature"},
		{name: "services by alias", text: `if ($false) { gsv x }`, refused: "gsv"},
		{name: "accounts", text: `if ($false) { New-LocalUser x }`, refused: "New-LocalUser"},
		{name: "galleries", text: `if ($false) { Install-Module x -Force }`, refused: "Install-Module"},
		{name: "what differs between images", text: `Get-CimInstance Win32_OperatingSystem | Format-List Caption`, refused: "Win32_OperatingSystem.Caption"},
		{name: "help", both: true, text: `function f { param([switch]$Help) if ($Help) { Get-Help f }; 1 } f`, want: "1"},
		{name: "help that is asked for", text: `Get-Help f`, refused: "Get-Help"},
		{name: "WMI", text: `if ($false) { Get-WmiObject Win32_Process }`, refused: "Get-WmiObject Win32_Process"},
		{name: "nobody answers", text: `Read-Host x`, refused: "Read-Host"},
		{name: "execution policies", text: `Get-ExecutionPolicy; Set-ExecutionPolicy Unrestricted -Force; Get-ExecutionPolicy; Set-ExecutionPolicy Bypass -Scope Process; Get-ExecutionPolicy; (Get-ExecutionPolicy -List).Count; (gp 'HKLM:\SOFTWARE\Microsoft\PowerShell\1\ShellIds\Microsoft.PowerShell').ExecutionPolicy`, want: "RemoteSigned\nUnrestricted\nBypass\n5\nUnrestricted"},
		{name: "tracing at the end", text: `Set-PSDebug -Off; Set-PSDebug -Trace 0; 1`, want: "1"},
		{name: "tracing", text: `Set-PSDebug -Trace 1; 1`, refused: "Set-PSDebug -Trace"},
		{name: "variables", both: true, text: `Set-Variable a 1; (Get-Variable a).Value; New-Variable b 2; New-Variable b 3; Get-Variable b -ValueOnly; Clear-Variable a; $a -eq $null; Remove-Variable a; Test-Path variable:a; Set-Variable c 5 -Option ReadOnly; Set-Variable c 6; Get-Variable nope; nv d 1 -PassThru | % Name`, want: "1\n2\nTrue\nFalse\nd", errs: []string{
			`VariableAlreadyExists,Microsoft.PowerShell.Commands.NewVariableCommand ResourceExists A variable with name 'b' already exists.`,
			`VariableNotWritable,Microsoft.PowerShell.Commands.SetVariableCommand WriteError Cannot overwrite variable c because it is read-only or constant.`,
			`VariableNotFound,Microsoft.PowerShell.Commands.GetVariableCommand ObjectNotFound Cannot find a variable with the name 'nope'.`}},
	})
}
