package psnet_test

import (
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/run/winsh/ps"
	"github.com/casement/casement/internal/run/winsh/psnet"
)

// TestEnvironment fails if System.Environment differs from .NET's.
func TestEnvironment(t *testing.T) {
	check(t, nil, []says{
		{script: `[Environment]::SetEnvironmentVariable('A','1'); $env:A; [Environment]::GetEnvironmentVariable('a'); [Environment]::SetEnvironmentVariable('A',$null); Test-Path Env:A; $null -eq [Environment]::GetEnvironmentVariable('A')`, want: "1\n1\nFalse\nTrue"},
		{script: `[Environment]::SetEnvironmentVariable('M','m',[EnvironmentVariableTarget]::Machine); [Environment]::GetEnvironmentVariable('M','Machine'); (Get-ItemProperty 'HKLM:\SYSTEM\CurrentControlSet\Control\Session Manager\Environment').M; $null -eq $env:M; [Environment]::SetEnvironmentVariable('M','','Machine'); $null -eq [Environment]::GetEnvironmentVariable('M','Machine')`, want: "m\nm\nTrue\nTrue"},
		{script: `[Environment]::SetEnvironmentVariable('','x')`, want: "!String cannot be of zero length.\nParameter name: variable", core: "!String cannot be of zero length. (Parameter 'variable')"},
		{script: `[Environment]::GetFolderPath('ProgramFiles'); [Environment]::GetFolderPath([Environment+SpecialFolder]::System); [Environment]::GetFolderPath('CommonApplicationData'); [Environment]::GetFolderPath('MyComputer') + '|'`, want: "C:\\Program Files\nC:\\Windows\\system32\nC:\\ProgramData\n|"},
		{script: `[Environment]::NewLine.Length; [Environment]::MachineName; [Environment]::UserName; [Environment]::UserDomainName; [Environment]::Is64BitOperatingSystem; [Environment]::ProcessorCount; [Environment]::SystemDirectory; [Environment]::ExpandEnvironmentVariables('%SystemRoot%\x%nope%')`, want: "2\nCASEMENT\nContainerAdministrator\nUser Manager\nTrue\n2\nC:\\Windows\\system32\nC:\\Windows\\x%nope%"},
		{script: `[Environment]::OSVersion.Version.ToString(); [Environment]::OSVersion.VersionString; [Environment]::OSVersion.Platform; [Environment]::Version.Major`, want: "10.0.20348.0\nMicrosoft Windows NT 10.0.20348.0\nWin32NT\n4", core: "-"},
		{script: `[Environment]::GetEnvironmentVariables()['SystemDrive']; [Environment]::GetEnvironmentVariables('Machine').ContainsKey('Path'); [Environment]::GetCommandLineArgs().Count -gt 1; [Environment]::CurrentDirectory; Set-Location C:\Windows; [Environment]::CurrentDirectory; [IO.Path]::GetFullPath('x')`, want: "C:\nTrue\nTrue\nC:\\w\nC:\\w\nC:\\w\\x"},
		{script: `[Environment]::UserInteractive`, want: "refused: [System.Environment]::UserInteractive"},
		{script: `[Runtime.InteropServices.RuntimeInformation]::IsOSPlatform([Runtime.InteropServices.OSPlatform]::Windows); [Runtime.InteropServices.RuntimeInformation]::OSArchitecture; [AppDomain]::CurrentDomain.BaseDirectory -like '*PowerShell*\'; [GC]::Collect(); [Threading.Thread]::Sleep(1)`, want: "True\nX64\nTrue"},
		{script: `[Net.Dns]::GetHostName(); [Net.Dns]::GetHostAddresses('x')`, want: "refused: [System.Net.Dns]::GetHostAddresses"},
	})
}

// TestExit fails if Environment.Exit does not end the process with its code.
func TestExit(t *testing.T) {
	b := newBox(t, "powershell", machine.Options{}, `C:\w\x.ps1=[Environment]::Exit(5)`)
	for script, want := range map[string]outcome{
		`'a'; try { [Environment]::Exit(3) } finally { 'f' }; 'b'`: {Out: "a", Code: 3},
		`& C:\w\x.ps1; 'after'`: {Code: 5},
	} {
		if diff := gocmp.Diff(want, b.run(script)); diff != "" {
			t.Errorf("%s\n%s", script, diff)
		}
	}
}

// TestConsole fails if the console does not get what a script writes to it.
func TestConsole(t *testing.T) {
	check(t, nil, []says{
		{script: `[Console]::WriteLine('a'); [Console]::Write('{0}-{1}',1,2); [Console]::WriteLine(); [Console]::Out.WriteLine(5); [Console]::WriteLine($true); $x = [Console]::WriteLine('not caught'); $null -eq $x`, want: "a\n1-2\n5\nTrue\nnot caught\nTrue"},
		{script: `[Console]::OutputEncoding.CodePage; [Console]::OutputEncoding = [Text.Encoding]::UTF8; [Console]::OutputEncoding.WebName; [Console]::ForegroundColor = 'Red'; [Console]::ResetColor(); [Console]::IsOutputRedirected; $null -eq [Console]::ReadLine()`, want: "437\nutf-8\nTrue\nTrue"},
		{script: `[Console]::Error.WriteLine('oops')`, want: "\nstderr: oops"},
		{script: `[Console]::ReadKey()`, want: "!Cannot read keys when either application does not have a console or when console input has been redirected from a file. Try Console.Read."},
		{script: `[Console]::SetCursorPosition(0,0)`, want: "refused: [System.Console]::SetCursorPosition"},
	})
}

// TestCrypto fails if sums are wrong.
func TestCrypto(t *testing.T) {
	check(t, []string{`C:\w\a.txt=abc`}, []says{
		{script: `[BitConverter]::ToString([Security.Cryptography.SHA256]::Create().ComputeHash([Text.Encoding]::UTF8.GetBytes('abc'))).Replace('-','').ToLower()`, want: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
		{script: `$m = New-Object Security.Cryptography.MD5CryptoServiceProvider; $s = [IO.File]::OpenRead('C:\w\a.txt'); [BitConverter]::ToString($m.ComputeHash($s)); $s.Close(); $m.HashSize; $m.Dispose()`, want: "90-01-50-98-3C-D2-4F-B0-D6-96-3F-7D-28-E1-7F-72\n128"},
		{script: `$h = [Security.Cryptography.HashAlgorithm]::Create('SHA1'); ($h.ComputeHash([byte[]](97,98,99))[0..1] | ForEach-Object { $_.ToString('x2') }) -join ''; (New-Object Security.Cryptography.SHA512Managed).ComputeHash([byte[]]@()).Length; $null -eq [Security.Cryptography.HashAlgorithm]::Create('nope')`, want: "a999\n64\nTrue"},
		{script: `$k = New-Object Security.Cryptography.HMACSHA256; $k.Key = [Text.Encoding]::UTF8.GetBytes('key'); [Convert]::ToBase64String($k.ComputeHash([Text.Encoding]::UTF8.GetBytes('abc')))`, want: "nBluMtwBdfhvSxy4konWYZ3mvuaZ5MN45oMJ7Zehpqs="},
		{script: `$b = New-Object byte[] 8; (New-Object Security.Cryptography.RNGCryptoServiceProvider).GetBytes($b); [Security.Cryptography.RandomNumberGenerator]::Create().GetBytes($b); $b.Length; ($b | Measure-Object -Sum).Sum -gt 0`, want: "8\nTrue"},
		{script: `[Security.Cryptography.SHA256]::HashData([byte[]](97)).Length`, want: "refused: [System.Security.Cryptography.SHA256]::HashData", core: "32"},
		{script: `New-Object Security.Cryptography.X509Certificates.X509Certificate2 'C:\w\a.txt'`, want: "refused: [System.Security.Cryptography.X509Certificates.X509Certificate2]"},
		{script: `$s = ConvertTo-SecureString 'pw' -AsPlainText -Force; $p = [Runtime.InteropServices.Marshal]::SecureStringToBSTR($s); [Runtime.InteropServices.Marshal]::PtrToStringAuto($p); [Runtime.InteropServices.Marshal]::ZeroFreeBSTR($p); (New-Object PSCredential('u',$s)).GetNetworkCredential().Password; (New-Object Net.NetworkCredential('',$s)).Password`, want: "pw\npw\npw"},
	})
}

// TestRegistry fails if the roots of the registry do not lead to its keys.
func TestRegistry(t *testing.T) {
	check(t, nil, []says{
		{script: `$k = [Microsoft.Win32.Registry]::LocalMachine.CreateSubKey('SOFTWARE\T'); $k.SetValue('s','x'); $k.SetValue('n',5,[Microsoft.Win32.RegistryValueKind]::DWord); $k.Close(); (Get-ItemProperty HKLM:\SOFTWARE\T).n; $r = [Microsoft.Win32.Registry]::LocalMachine.OpenSubKey('SOFTWARE\T'); $r.GetValue('s'); $r.GetValueNames().Count; $r.GetValueKind('n'); $null -eq $r.GetValue('z'); $r.GetValue('z','d')`, want: "5\nx\n2\nDWord\nTrue\nd"},
		{script: `[Microsoft.Win32.Registry]::SetValue('HKEY_LOCAL_MACHINE\SOFTWARE\T2','v','1'); [Microsoft.Win32.Registry]::GetValue('HKEY_LOCAL_MACHINE\SOFTWARE\T2','v',$null); $null -eq [Microsoft.Win32.Registry]::GetValue('HKEY_LOCAL_MACHINE\SOFTWARE\None','v','d'); [Microsoft.Win32.Registry]::GetValue('HKLM\x','v',1)`, want: "1\nTrue\n!Registry key name must start with a valid base key name.\nParameter name: keyName", core: "1\nTrue\n!Registry key name must start with a valid base key name. (Parameter 'keyName')"},
		{script: `$b = [Microsoft.Win32.RegistryKey]::OpenBaseKey('LocalMachine','Registry64'); $b.OpenSubKey('SOFTWARE\T',$true).SetValue('q',[byte[]](1,2)); $b.OpenSubKey('SOFTWARE\T').GetValue('q') -join ','; $b.DeleteSubKeyTree('SOFTWARE\T'); $null -eq $b.OpenSubKey('SOFTWARE\T')`, want: "1,2\nTrue"},
		{script: `[Microsoft.Win32.RegistryKey]::OpenBaseKey('LocalMachine','Registry32')`, want: "refused: RegistryView Registry32"},
	})
}

// TestProcess fails if programs do not start as Process starts them.
func TestProcess(t *testing.T) {
	check(t, nil, []says{
		{script: `$i = New-Object Diagnostics.ProcessStartInfo; $i.FileName = 'hostname.exe'; $i.UseShellExecute = $false; $i.RedirectStandardOutput = $true; $p = [Diagnostics.Process]::Start($i); $o = $p.StandardOutput.ReadToEnd(); $p.WaitForExit(); $p.ExitCode; $o.Trim(); $p.HasExited`, want: "0\nCASEMENT\nTrue"},
		{script: `$p = New-Object Diagnostics.Process; $p.StartInfo.FileName = 'whoami'; $p.StartInfo.UseShellExecute = $false; $p.StartInfo.RedirectStandardOutput = $true; $p.Start(); $p.StandardOutput.ReadLine(); $p.ProcessName`, want: "True\nuser manager\\containeradministrator\nwhoami"},
		{script: `$i = [Diagnostics.ProcessStartInfo]::new('hostname'); $i.UseShellExecute = $true; $i.RedirectStandardOutput = $true; [Diagnostics.Process]::Start($i)`, want: "!The Process object must have the UseShellExecute property set to false in order to redirect IO streams."},
		{script: `[Diagnostics.Process]::Start('nosuchprogram')`, want: "refused: nosuchprogram"},
		{script: `[Diagnostics.Process]::GetCurrentProcess().ProcessName; [Diagnostics.Process]::GetCurrentProcess().Id -eq $PID`, want: "powershell\nTrue", core: "pwsh\nTrue"},
		{script: `[Diagnostics.Process]::GetProcessesByName('x')`, want: "refused: [System.Diagnostics.Process]::GetProcessesByName"},
	})
}

// TestURI fails if System.Uri or the encoders of the web differ from .NET's.
func TestURI(t *testing.T) {
	check(t, nil, []says{
		{script: `$u = [uri]'https://me:pw@Example.com:8443/a%20b/c.zip?x=1&y=2#f'; $u.Host; $u.Port; $u.Scheme; $u.AbsolutePath; $u.LocalPath; $u.Query; $u.Fragment; $u.Segments -join '|'; $u.PathAndQuery; $u.UserInfo; $u.Authority; $u.IsDefaultPort; "$u"`, want: "example.com\n8443\nhttps\n/a%20b/c.zip\n/a b/c.zip\n?x=1&y=2\n#f\n/|a%20b/|c.zip\n/a%20b/c.zip?x=1&y=2\nme:pw\nexample.com:8443\nFalse\nhttps://me:pw@example.com:8443/a b/c.zip?x=1&y=2#f"},
		{script: `([uri]'http://x').AbsoluteUri; ([uri]'http://x:80/a/../b').AbsoluteUri; ([uri]'file:///C:/a/b.txt').LocalPath; ([uri]'C:\a b').AbsoluteUri; ([uri]'\\srv\s\f').LocalPath; ([uri]'a/b').IsAbsoluteUri; (New-Object Uri('http://x/a/','b?c')).AbsoluteUri; [uri]::new([uri]'http://x/a/b','/c').ToString()`, want: "http://x/\nhttp://x/b\nC:\\a\\b.txt\nfile:///C:/a%20b\n\\\\srv\\s\\f\nFalse\nhttp://x/a/b?c\nhttp://x/c"},
		{script: `New-Object Uri 'nope'`, want: "!Invalid URI: The format of the URI could not be determined."},
		{script: `[uri]::EscapeDataString('a b/ü&'); [uri]::UnescapeDataString('a%20b%2F'); [uri]::EscapeUriString('http://x/a b'); [uri]::IsWellFormedUriString('http://x/a','Absolute'); [uri]::IsWellFormedUriString('a b','Absolute'); $r = $null; [uri]::TryCreate('http://x','Absolute',[ref]$r); $r.Host`, want: "a%20b%2F%C3%BC%26\na b/\nhttp://x/a%20b\nTrue\nFalse\nTrue\nx"},
		{script: `$b = [UriBuilder]'http://x/a'; $b.Scheme = 'https'; $b.Port = 8080; $b.Query = 'q=1'; $b.Path = 'p'; $b.Uri.AbsoluteUri; [UriBuilder]::new('https','h').Uri.AbsoluteUri`, want: "https://x:8080/p?q=1\nhttps://h/"},
		{script: `[Net.WebUtility]::UrlEncode('a b&ü'); [Net.WebUtility]::HtmlEncode('<a b="1">'''); [Net.WebUtility]::HtmlDecode('&lt;&eacute;&#65;&amp;'); [Net.WebUtility]::UrlDecode('a+b%26')`, want: "a+b%26%C3%BC\n&lt;a b=&quot;1&quot;&gt;&#39;\n<éA&\na b&"},
		{script: `Add-Type -AssemblyName System.Web; [Web.HttpUtility]::UrlEncode('a b&ü'); $q = [Web.HttpUtility]::ParseQueryString('a=1&b=2%203'); $q['b']; $q['a'] = 'x y'; $q.ToString()`, want: "a+b%26%c3%bc\n2 3\na=x+y&b=2+3"},
	})
}

// TestAssemblies fails if loading what is known is not silent, or loading
// something else is not refused.
func TestAssemblies(t *testing.T) {
	check(t, nil, []says{
		{script: `[void][Reflection.Assembly]::LoadWithPartialName('System.IO.Compression.FileSystem'); [IO.Compression.ZipFile].Name; [Reflection.Assembly]::Load('System.Web').GetName().Name; [Activator]::CreateInstance([Text.StringBuilder]).Length`, want: "ZipFile\nSystem.Web\n0"},
		{script: `[Reflection.Assembly]::LoadWithPartialName('Microsoft.SqlServer.Smo')`, want: "refused: [Reflection.Assembly]::LoadWithPartialName Microsoft.SqlServer.Smo"},
		{script: `[Reflection.Assembly]::LoadFile('C:\x.dll')`, want: "refused: [System.Reflection.Assembly]::LoadFile"},
		{script: `[Type]::GetTypeFromProgID('WScript.Shell')`, want: "refused: [System.Type]::GetTypeFromProgID"},
		{script: `[wmi]'Win32_Service'`, want: "refused: [wmi]"},
		{script: `[System.Windows.Forms.MessageBox]::Show('x')`, want: "refused: [System.Windows.Forms.MessageBox]::Show"},
		{script: `[IO.File]::ReadSomething('x')`, want: "refused: [System.IO.File]::ReadSomething"},
		{script: `[string].FullName; [Type]::GetType('System.Int32').Name; [int].IsSubclassOf([ValueType]); [type]'regex' -eq [regex]`, want: "System.String\nInt32\nTrue\nTrue"},
	})
}

// TestTable fails if making the table of types is so much work that the start of
// a step would show it (a tenth of a microsecond for each allocation), or if a type
// is made in a way that the engine cannot use.
func TestTable(t *testing.T) {
	if n := testing.AllocsPerRun(5, func() { psnet.All() }); n > 5000 {
		t.Errorf("making the table takes %v allocations", n)
	}
	seen := map[string]bool{}
	for _, typ := range psnet.All() {
		if typ.Name == "" || seen[typ.Name] && typ.Refuse != "" {
			t.Errorf("%q is there twice and refused", typ.Name)
		}
		seen[typ.Name] = true
		if typ.Members == nil {
			continue
		}
		for _, m := range typ.Members() {
			usable(t, typ, m)
		}
	}
}

// usable fails for members that have no code and no reason why.
func usable(t *testing.T, typ *ps.Type, m ps.Member) {
	t.Helper()
	if m.Refuse != "" {
		return
	}
	switch m.Kind {
	case ps.KindMethod, ps.KindParameterized:
		for _, o := range m.Overloads {
			if o.Run == nil && o.Refuse == "" {
				t.Errorf("%s.%s has a signature without code", typ.Name, m.Name)
			}
			for _, p := range o.Params {
				if p.Type == "" {
					t.Errorf("%s.%s has a parameter without a type", typ.Name, m.Name)
				}
			}
		}
	default:
		if m.Get == nil {
			t.Errorf("%s.%s cannot be read", typ.Name, m.Name)
		}
	}
}

func BenchmarkAll(b *testing.B) {
	for b.Loop() {
		psnet.All()
	}
}
