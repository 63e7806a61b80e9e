package pscmd

import "testing"

// Broken if it fails: paths are taken apart, joined or resolved otherwise than
// Windows does.
func TestPaths(t *testing.T) {
	rows(t, nil, []row{
		{name: "Join-Path", both: true, text: `Join-Path C:\a b; Join-Path C:\a\ \b; Join-Path C:\a,C:\b c; Join-Path a ''; Join-Path 'C:/a/' b/c; Join-Path env: x; 'x','y' | Join-Path -ChildPath z`,
			want: "C:\\a\\b\nC:\\a\\b\nC:\\a\\c\nC:\\b\\c\na\\\nC:\\a\\b\\c\nenv:\\x\nx\\z\ny\\z"},
		{name: "Join-Path of drives", both: true, text: `Join-Path Z:\a b; $null = ni a.x,b.x; Join-Path C:\w *.x -Resolve`, want: "C:\\w\\a.x\nC:\\w\\b.x",
			errs: []string{`DriveNotFound,Microsoft.PowerShell.Commands.JoinPathCommand ObjectNotFound Cannot find drive. A drive with the name 'Z' does not exist.`}},
		{name: "more parts in 7", core: true, text: `Join-Path a b c d`, want: `a\b\c\d`},
		{name: "more parts in 5.1", text: `Join-Path a b c`, errs: []string{`PositionalParameterNotFound,Microsoft.PowerShell.Commands.JoinPathCommand InvalidArgument A positional parameter cannot be found that accepts argument 'c'.`}},
		{name: "Split-Path", both: true, text: `Split-Path C:\a\b.txt; Split-Path C:\a\b.txt -Leaf; Split-Path C:\a\b.txt -Qualifier; Split-Path C:\a\b.txt -NoQualifier; Split-Path a\b -IsAbsolute; Split-Path C:\a -IsAbsolute; Split-Path C:\a\b\ ; Split-Path HKLM:\a\b -Parent; 'C:\x\y' | Split-Path`,
			want: "C:\\a\nb.txt\nC:\n\\a\\b.txt\nFalse\nTrue\nC:\\a\nHKLM:\\a\nC:\\x"},
		{name: "Split-Path of nothing above", both: true, text: `(Split-Path C:\) -eq ''; (Split-Path b.txt) -eq ''; Split-Path b.txt -Qualifier`, want: "True\nTrue",
			errs: []string{`ParsePathFormatError,Microsoft.PowerShell.Commands.SplitPathCommand InvalidArgument Cannot parse path because path 'b.txt' does not have a qualifier specified.`}},
		{name: "7's parts", core: true, text: `Split-Path C:\a\b.tar.gz -LeafBase; Split-Path C:\a\b.tar.gz -Extension`, want: "b.tar\n.gz"},
		{name: "Test-Path", both: true, text: `$null = mkdir d; $null = ni d\f; Test-Path d; Test-Path d -PathType Leaf; Test-Path d\f -PathType Leaf; Test-Path d\f -PathType Container; Test-Path d\*; Test-Path d\*.zip; Test-Path 'd\[f]'; Test-Path -LiteralPath 'd\[f]'; Test-Path Q:\x; Test-Path HKLM:\SOFTWARE; Test-Path env:PATH; Test-Path env:nope; Test-Path alias:ls`,
			want: "True\nFalse\nTrue\nFalse\nTrue\nFalse\nTrue\nFalse\nFalse\nTrue\nTrue\nFalse\nTrue"},
		{name: "Test-Path of what never comes", both: true, text: `Test-Path C:\x\ModuleAnalysisCache; Start-Sleep -Milliseconds 1; Test-Path C:\x\ModuleAnalysisCache`, refused: `waiting for C:\x\ModuleAnalysisCache`, want: "False"},
		{name: "Test-Path of nothing", text: `Test-Path ''; Test-Path $null`, errs: []string{
			`ParameterArgumentValidationErrorEmptyStringNotAllowed,Microsoft.PowerShell.Commands.TestPathCommand InvalidData Cannot bind argument to parameter 'Path' because it is an empty string.`,
			`ParameterArgumentValidationErrorNullNotAllowed,Microsoft.PowerShell.Commands.TestPathCommand InvalidData Cannot bind argument to parameter 'Path' because it is null.`}},
		{name: "Resolve-Path", both: true, text: `$null = mkdir d; $null = ni d\a.x,d\b.x; (Resolve-Path d\*.x).Path; (Resolve-Path d\a.x).ProviderPath; Resolve-Path d -Relative; cd d; Resolve-Path *.x -Relative; Resolve-Path C:\none; (Resolve-Path HKLM:\SOFTWARE).ProviderPath; "$(Resolve-Path a.x)"`,
			want: "C:\\w\\d\\a.x\nC:\\w\\d\\b.x\nC:\\w\\d\\a.x\n.\\d\n.\\a.x\n.\\b.x\nHKEY_LOCAL_MACHINE\\SOFTWARE\nC:\\w\\d\\a.x",
			errs: []string{`PathNotFound,Microsoft.PowerShell.Commands.ResolvePathCommand ObjectNotFound Cannot find path 'C:\none' because it does not exist.`}},
		{name: "Convert-Path", both: true, text: `$null = ni a.x,b.x; Convert-Path *.x; Convert-Path HKLM:\SOFTWARE; Convert-Path none`, want: "C:\\w\\a.x\nC:\\w\\b.x\nHKEY_LOCAL_MACHINE\\SOFTWARE",
			errs: []string{`PathNotFound,Microsoft.PowerShell.Commands.ConvertPathCommand ObjectNotFound Cannot find path 'C:\w\none' because it does not exist.`}},
		{name: "locations", both: true, text: `$null = mkdir d\e; cd d; (pwd).Path; Push-Location e; "$PWD"; Pop-Location; (gl).Path; cd ..; pushd d\e; popd; popd; sl \; "$(pwd)"; cd D:; cd HKLM:\SOFTWARE; (pwd).Path; cd C:; (pwd).Path; (sl C:\w -PassThru).Path`,
			want: "C:\\w\\d\nC:\\w\\d\\e\nC:\\w\\d\nC:\\\nHKLM:\\SOFTWARE\nC:\\\nC:\\w",
			errs: []string{`DriveNotFound,Microsoft.PowerShell.Commands.SetLocationCommand ObjectNotFound Cannot find drive. A drive with the name 'D' does not exist.`}},
		{name: "what is no directory", both: true, text: `cd none; $null = ni f; cd f; cd C:\?; (pwd).Path`, want: `C:\w`,
			errs: []string{
				`PathNotFound,Microsoft.PowerShell.Commands.SetLocationCommand ObjectNotFound Cannot find path 'C:\w\none' because it does not exist.`,
				`PathNotFound,Microsoft.PowerShell.Commands.SetLocationCommand ObjectNotFound Cannot find path 'C:\w\f' because it does not exist.`,
			}},
		{name: "drives", both: true, text: `(Get-PSDrive C).Root; (Get-PSDrive -PSProvider Registry).Name -join ','; $null = New-PSDrive X FileSystem C:\w; $null = ni X:\f -Value 1; gc C:\w\f; Remove-PSDrive X; Get-PSDrive X; (Get-PSProvider FileSystem).Name`,
			want: "C:\\\nHKCU,HKLM\n1\nFileSystem",
			errs: []string{`GetLocationNoMatchingDrive,Microsoft.PowerShell.Commands.GetPSDriveCommand ObjectNotFound Cannot find drive. A drive with the name 'X' does not exist.`}},
		{name: "registry roots", both: true, text: `$null = New-PSDrive HKCR Registry HKEY_CLASSES_ROOT; $null = New-PSDrive -Name HKU -PSProvider Registry -Root HKEY_USERS; $null = ni HKCR:\.zz -Value zfile; (gp HKCR:\.zz).'(default)'; Test-Path HKLM:\SOFTWARE\Classes\.zz; Test-Path HKU:\.DEFAULT`, want: "zfile\nTrue\nTrue"},
		{name: "a drive twice", both: true, text: `New-PSDrive C FileSystem C:\w; New-PSDrive X FileSystem C:\none; New-PSDrive X Foo C:\w`,
			errs: []string{
				`DriveAlreadyExists,Microsoft.PowerShell.Commands.NewPSDriveCommand ResourceExists A drive with the name 'C' already exists.`,
				`DriveRootError,Microsoft.PowerShell.Commands.NewPSDriveCommand ReadError The specified drive root "C:\none" either does not exist, or it is not a folder.`,
				`ProviderNotFound,Microsoft.PowerShell.Commands.NewPSDriveCommand ObjectNotFound Cannot find a provider with the name 'Foo'.`,
			}},
	})
}
