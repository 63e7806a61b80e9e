package psnet_test

import (
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/casement/casement/internal/run/winsh/machine"
)

// TestPath fails if System.IO.Path differs from .NET's.
func TestPath(t *testing.T) {
	check(t, nil, []says{
		{script: `[IO.Path]::Combine('C:\a','b'); [IO.Path]::Combine('C:\a\','b','c'); [IO.Path]::Combine('a','C:\b'); [IO.Path]::Combine('C:','x'); [IO.Path]::Combine('a','b','c','d','e')`, want: `C:\a\b
C:\a\b\c
C:\b
C:x
a\b\c\d\e`},
		{script: `[IO.Path]::GetFileName('C:\a\b.txt'); [IO.Path]::GetFileNameWithoutExtension('/x/y.tar.gz'); [IO.Path]::GetExtension('a.b.c'); [IO.Path]::GetExtension('a') + '|'; [IO.Path]::HasExtension('a.'); [IO.Path]::ChangeExtension('a.txt','zip'); [IO.Path]::ChangeExtension('a.txt','.b')`, want: "b.txt\ny.tar\n.c\n|\nFalse\na.zip\na.b"},
		{script: `[IO.Path]::GetDirectoryName('C:\a\b.txt'); [IO.Path]::GetDirectoryName('C:\a\'); [IO.Path]::GetDirectoryName('C:/a//b/c'); $null -eq [IO.Path]::GetDirectoryName('C:\'); [IO.Path]::GetDirectoryName('x') + '|'; [IO.Path]::GetPathRoot('C:\a'); [IO.Path]::IsPathRooted('\a'); [IO.Path]::IsPathRooted('a')`, want: "C:\\a\nC:\\a\nC:\\a\\b\nTrue\n|\nC:\\\nTrue\nFalse"},
		{script: `[IO.Path]::GetFullPath('x\..\y'); [IO.Path]::GetFullPath('C:/a/./b'); [IO.Path]::GetTempPath(); [IO.Path]::DirectorySeparatorChar; [IO.Path]::PathSeparator; [IO.Path]::GetRandomFileName().Length`, want: "C:\\w\\y\nC:\\a\\b\nC:\\Users\\ContainerAdministrator\\AppData\\Local\\Temp\\\n\\\n;\n12"},
		{script: `[IO.Path]::GetFullPath('')`, want: "!The path is not of a legal form.", core: "!The path is empty. (Parameter 'path')"},
		{script: `[IO.Path]::Combine('a|b','c')`, want: "!Illegal characters in path.", core: `a|b\c`},
		{script: `[IO.Path]::GetInvalidFileNameChars().Count; $f = [IO.Path]::GetTempFileName(); (Get-Item $f).Length; $f -like '*\tmp*.tmp'`, want: "41\n0\nTrue"},
		{script: `[IO.Path]::Join('a','/b')`, want: "refused: [System.IO.Path]::Join", core: "a/b"},
		{script: `[IO.Path]::GetRelativePath('C:\a\b','C:\a\c\d')`, want: "-", core: `..\c\d`},
	})
}

// TestFile fails if System.IO.File or Directory differs from .NET's.
func TestFile(t *testing.T) {
	files := []string{`C:\w\a.txt=one` + "\r\ntwo\nthree", `C:\w\d\b.txt=b`, `C:\w\d\e\c.log=c`, `C:\w\u16.txt=` + "\xff\xfeh\x00i\x00"}
	check(t, files, []says{
		{script: `[IO.File]::ReadAllText('C:\w\a.txt').Length; [IO.File]::ReadAllLines('a.txt') -join '|'; [IO.File]::ReadAllText('C:\w\u16.txt'); [IO.File]::ReadAllBytes('C:\w\d\b.txt') -join ','`, want: "14\none|two|three\nhi\n98"},
		{script: `[IO.File]::Exists('C:\w\a.txt'); [IO.File]::Exists('C:\w\d'); [IO.Directory]::Exists('C:\w\d'); [IO.File]::Exists(''); [IO.File]::Exists('C:\<>')`, want: "True\nFalse\nTrue\nFalse\nFalse"},
		{script: `[IO.File]::ReadAllText('C:\w\no.txt')`, want: `!Could not find file 'C:\w\no.txt'.`},
		{script: `[IO.File]::ReadAllText('C:\no\x.txt')`, want: `!Could not find a part of the path 'C:\no\x.txt'.`},
		{script: `[IO.File]::WriteAllText('C:\w\n.txt','é'); [IO.File]::ReadAllBytes('C:\w\n.txt') -join ','; [IO.File]::AppendAllText('C:\w\n.txt','x'); [IO.File]::ReadAllText('C:\w\n.txt')`, want: "195,169\néx"},
		{script: `[IO.File]::WriteAllText('C:\w\n.txt','a',[Text.Encoding]::UTF8); (Get-Item C:\w\n.txt).Length; [IO.File]::WriteAllText('C:\w\n.txt','a',[Text.Encoding]::Unicode); (Get-Item C:\w\n.txt).Length; [IO.File]::WriteAllText('C:\w\n.txt','a',(New-Object Text.UTF8Encoding $false)); (Get-Item C:\w\n.txt).Length`, want: "4\n4\n1"},
		{script: `[IO.File]::WriteAllLines('C:\w\l.txt',@('a','b')); [IO.File]::AppendAllLines('C:\w\l.txt',[string[]]@('c')); (Get-Item C:\w\l.txt).Length; [IO.File]::WriteAllBytes('C:\w\l.bin',[byte[]](1,2,3)); (Get-Item C:\w\l.bin).Length`, want: "9\n3"},
		{script: `[IO.File]::Copy('C:\w\a.txt','C:\w\a2.txt'); [IO.File]::Copy('C:\w\a.txt','C:\w\a2.txt',$true); [IO.File]::Copy('C:\w\a.txt','C:\w\a2.txt')`, want: `!The file 'C:\w\a2.txt' already exists.`},
		{script: `[IO.File]::Copy('C:\w\none','C:\w\x')`, want: `!Could not find file 'C:\w\none'.`},
		{script: `[IO.File]::Copy('C:\w\a.txt','C:\w\d')`, want: `!The target file "C:\w\d" is a directory, not a file.`, core: `!The target file 'C:\w\d' is a directory, not a file.`},
		{script: `[IO.File]::Move('C:\w\a2.txt','C:\w\a3.txt'); [IO.File]::Exists('C:\w\a2.txt'); [IO.File]::Move('C:\w\a3.txt','C:\w\a.txt')`, want: "False\n!Cannot create a file when that file already exists.", core: "False\n!Cannot create a file when that file already exists."},
		{script: `[IO.File]::Delete('C:\w\a3.txt'); [IO.File]::Delete('C:\w\a3.txt'); [IO.File]::Delete('C:\w\d')`, want: `!Access to the path 'C:\w\d' is denied.`},
		{script: `[IO.File]::SetAttributes('C:\w\l.txt','ReadOnly,Hidden'); [IO.File]::GetAttributes('C:\w\l.txt'); [IO.File]::SetAttributes('C:\w\l.txt','Normal'); [IO.File]::SetLastWriteTime('C:\w\l.txt',[datetime]'2020-01-02'); [IO.File]::GetLastWriteTime('C:\w\l.txt').ToString('s')`, want: "ReadOnly, Hidden\n2020-01-02T00:00:00"},
		{script: `[IO.Directory]::CreateDirectory('C:\w\n1\n2').FullName; [IO.Directory]::GetFiles('C:\w\d') -join ','; [IO.Directory]::GetFiles('d','*','AllDirectories') -join ','; [IO.Directory]::GetDirectories('C:\w\d') -join ','; [IO.Directory]::GetFileSystemEntries('C:\w\d','*.txt').Count`, want: `C:\w\n1\n2
C:\w\d\b.txt
d\b.txt,d\e\c.log
C:\w\d\e
1`},
		{script: `[IO.Directory]::Delete('C:\w\n1')`, want: "!The directory is not empty.", core: `!The directory is not empty. : 'C:\w\n1'`},
		{script: `[IO.Directory]::Delete('C:\w\n1',$true); [IO.Directory]::Exists('C:\w\n1'); [IO.Directory]::Delete('C:\w\n1')`, want: "False\n!Could not find a part of the path 'C:\\w\\n1'."},
		{script: `[IO.Directory]::Move('C:\w\d','C:\w\dd'); (Get-ChildItem C:\w\dd -Recurse -File).Count; [IO.Directory]::Move('C:\w\d','C:\w\x')`, want: "2\n!Could not find a part of the path 'C:\\w\\d'."},
		{script: `[IO.Directory]::GetCurrentDirectory(); [Environment]::CurrentDirectory = 'C:\w\dd'; [IO.File]::Exists('b.txt'); [IO.Directory]::GetParent('C:\w\dd').FullName; [IO.Directory]::GetFiles('C:\none')`, want: "C:\\w\nTrue\nC:\\w\n!Could not find a part of the path 'C:\\none'."},
		{script: `$f = [IO.FileInfo]'C:\w\a.txt'; $f.Length; $f.Name; $s = $f.OpenText(); $s.ReadLine(); $s.Close(); $w = (New-Object IO.FileInfo 'C:\w\fi.txt').CreateText(); $w.Write('x'); $w.Close(); [IO.File]::ReadAllText('C:\w\fi.txt'); (New-Object IO.DriveInfo 'C').DriveFormat`, want: "14\na.txt\none\nx\nNTFS"},
	})
}

// TestStreams fails if streams, readers or writers differ from .NET's.
func TestStreams(t *testing.T) {
	check(t, []string{`C:\w\a.txt=line1` + "\r\nline2\n"}, []says{
		{script: `$r = New-Object IO.StreamReader 'C:\w\a.txt'; $r.ReadLine(); $r.EndOfStream; $r.ReadToEnd().Trim(); $r.EndOfStream; $null -eq $r.ReadLine(); $r.Close(); $r.ReadLine()`, want: "line1\nFalse\nline2\nTrue\nTrue\n!Cannot read from a closed TextReader."},
		{script: `while ($null -ne ($l = ($r = if ($r) { $r } else { [IO.File]::OpenText('C:\w\a.txt') }).ReadLine())) { "<$l>" }; $r.Dispose()`, want: "<line1>\n<line2>"},
		{script: `$w = New-Object IO.StreamWriter 'C:\w\o.txt'; $w.WriteLine('a'); $w.Write('{0}-{1}',1,2); $w.Write([char]'x'); $w.WriteLine(); $w.Close(); [IO.File]::ReadAllText('C:\w\o.txt'); (Get-Item C:\w\o.txt).Length`, want: "a\n1-2x\n\n9"},
		{script: `$w = [IO.StreamWriter]::new('C:\w\o.txt',$true,[Text.Encoding]::UTF8); $w.Write('z'); $w.Dispose(); (Get-Item C:\w\o.txt).Length; $w = [IO.StreamWriter]::new('C:\w\o2.txt',$false,[Text.Encoding]::UTF8); $w.NewLine = "` + "`n" + `"; $w.WriteLine('q'); $w.Close(); (Get-Item C:\w\o2.txt).Length`, want: "10\n5"},
		{script: `$s = [IO.File]::Create('C:\w\b.bin'); $s.Write([byte[]](1,2,3,4),1,2); $s.WriteByte(9); $s.Length; $s.Position; $s.Close(); [IO.File]::ReadAllBytes('C:\w\b.bin') -join ','; $s.Length; $s.WriteByte(1)`, want: "3\n3\n2,3,9\n!Cannot access a closed file."},
		{script: `$s = [IO.File]::Open('C:\w\b.bin','Open','ReadWrite'); $s.Seek(1,'Begin'); $s.WriteByte(7); $s.Position = 0; $b = New-Object byte[] 3; $s.Read($b,0,3); "$b"; $s.ReadByte(); $s.SetLength(1); $s.Dispose(); (Get-Item C:\w\b.bin).Length`, want: "1\n3\n2 7 9\n-1\n1"},
		{script: `$m = New-Object IO.MemoryStream; $w = New-Object IO.StreamWriter $m; $w.Write('hey'); $w.Flush(); $m.Position = 0; (New-Object IO.StreamReader $m).ReadToEnd(); $m.ToArray().Length; $m2 = [IO.MemoryStream]::new([byte[]](5,6)); $m2.ReadByte(); $m2.CanWrite; $m2.Length`, want: "hey\n3\n5\nTrue\n2"},
		{script: `$m = New-Object IO.MemoryStream; $z = New-Object IO.Compression.GZipStream($m,[IO.Compression.CompressionMode]::Compress,$true); $b = [Text.Encoding]::UTF8.GetBytes('packed text'); $z.Write($b,0,$b.Length); $z.Close(); $m.Position = 0; $u = New-Object IO.Compression.GZipStream($m,[IO.Compression.CompressionMode]::Decompress); (New-Object IO.StreamReader $u).ReadToEnd()`, want: "packed text"},
		{script: `$u = New-Object IO.Compression.GZipStream([IO.File]::OpenRead('C:\w\a.txt'),'Decompress'); $u.ReadByte()`, want: "!The magic number in GZip header is not correct. Make sure you are passing in a GZip stream.", core: "!The archive entry was compressed using an unsupported compression method."},
		{script: `$i = [IO.File]::OpenRead('C:\w\a.txt'); $o = [IO.FileStream]::new('C:\w\copy.txt',[IO.FileMode]::Create,[IO.FileAccess]::Write); $i.CopyTo($o); $o.Close(); $i.Close(); [IO.File]::ReadAllText('C:\w\copy.txt').Length`, want: "13"},
		{script: `[IO.File]::OpenRead('C:\w\zz')`, want: `!Could not find file 'C:\w\zz'.`},
		{script: `[IO.File]::Open('C:\w\a.txt','CreateNew')`, want: `!The file 'C:\w\a.txt' already exists.`},
		{script: `$s = [IO.File]::OpenRead('C:\w\a.txt'); $s.WriteByte(1)`, want: "!Stream does not support writing."},
		{script: `$s = New-Object IO.StringReader "a` + "`n" + `b"; $s.ReadLine(); $s.Read(); $s.Peek(); $w = New-Object IO.StringWriter; $w.WriteLine('x'); $w.Write(5); $w.ToString().Length; $w.GetStringBuilder().Length`, want: "a\n98\n-1\n4\n4"},
		{script: `$s = [IO.File]::AppendText('C:\w\app.txt'); $s.Write('1'); $s.Close(); $s = [IO.File]::AppendText('C:\w\app.txt'); $s.Write('2'); $s.Close(); [IO.File]::ReadAllText('C:\w\app.txt'); (Get-FileHash -InputStream ([IO.File]::OpenRead('C:\w\app.txt')) -Algorithm MD5).Hash`, want: "12\nC20AD4D76FE97759AA27A0C99BFF6710"},
	})
}

// TestAccess fails if descriptors do not follow what a script does to them.
func TestAccess(t *testing.T) {
	check(t, []string{`C:\w\f.txt=x`}, []says{
		{script: `$acl = Get-Acl C:\w; $r = New-Object Security.AccessControl.FileSystemAccessRule('Users','FullControl','ContainerInherit,ObjectInherit','None','Allow'); $acl.AddAccessRule($r); Set-Acl C:\w $acl; ((Get-Acl C:\w\f.txt).Access | Where-Object { $_.IdentityReference -like '*Users' -and $_.FileSystemRights -eq 'FullControl' }).Count`, want: "1"},
		{script: `(New-Object Security.Principal.NTAccount 'Everyone').Translate([Security.Principal.SecurityIdentifier]).Value; ([Security.Principal.SecurityIdentifier]'S-1-5-32-544').Translate([Security.Principal.NTAccount]).Value`, want: "S-1-1-0\nBUILTIN\\Administrators"},
		{script: `$i = [Security.Principal.WindowsIdentity]::GetCurrent(); $i.Name; $i.User.Value; $p = New-Object Security.Principal.WindowsPrincipal $i; $p.IsInRole([Security.Principal.WindowsBuiltInRole]::Administrator); $p.IsInRole('Guests')`, want: "User Manager\\ContainerAdministrator\nS-1-5-93-2-1\nTrue\nFalse"},
		{script: `([Security.Principal.WindowsPrincipal][Security.Principal.WindowsIdentity]::GetCurrent()).IsInRole([Security.Principal.WindowsBuiltInRole]'Administrator')`, want: "True"},
		{script: `[IO.Directory]::GetAccessControl('C:\w').Owner -ne ''`, want: "True", core: "refused: [System.IO.Directory]::GetAccessControl"},
	})
}

// TestUser fails if somebody who is no administrator passes for one.
func TestUser(t *testing.T) {
	b := newBox(t, "powershell", machine.Options{User: "ContainerUser"})
	got := b.say(`(New-Object Security.Principal.WindowsPrincipal([Security.Principal.WindowsIdentity]::GetCurrent())).IsInRole('Administrators'); [IO.File]::WriteAllText('C:\x.txt','x')`)
	if diff := gocmp.Diff("False\n!Access to the path 'C:\\x.txt' is denied.", got); diff != "" {
		t.Error(diff)
	}
}

// TestLeftOpen fails if files that a script leaves open do not get what Windows
// writes to them, or are no obstacle to who opens them again.
func TestLeftOpen(t *testing.T) {
	const busy = "!The process cannot access the file 'C:\\w\\x' because it is being used by another process."
	check(t, []string{`C:\w\x=old`}, []says{
		{script: `$f = [IO.File]::Create('C:\w\n1'); $f.WriteByte(65); $f.Flush(); Get-Content C:\w\n1; $f.WriteByte(66)`, want: "A", core: "refused: [System.IO.FileStream]"},
		{script: `$f = [IO.File]::Create('C:\w\n2'); Test-Path C:\w\n2`, want: "True"},
		{script: `$w = New-Object IO.StreamWriter 'C:\w\n3'; $w.WriteLine('x')`, want: "refused: [System.IO.StreamWriter]"},
		{script: `$w = New-Object IO.StreamWriter 'C:\w\n4'; $w.AutoFlush = $true; $w.WriteLine('x'); $w.WriteLine('y'); (Get-Content C:\w\n4) -join ','`, want: "x,y"},
		{script: `$f = [IO.File]::Create('C:\w\n5'); $z = New-Object IO.Compression.GZipStream($f, [IO.Compression.CompressionMode]::Compress); $z.WriteByte(1); $f.Close()`, want: "refused: [System.IO.Compression.GZipStream]"},
		{script: `$f = [IO.File]::OpenRead('C:\w\x'); [IO.File]::ReadAllText('C:\w\x'); [IO.File]::OpenWrite('C:\w\x')`, want: "old\n" + busy},
		{script: `$f = [IO.File]::OpenWrite('C:\w\x'); [IO.File]::ReadAllText('C:\w\x')`, want: busy},
		{script: `$f = [IO.File]::Open('C:\w\x','Open','ReadWrite','ReadWrite'); [IO.File]::Open('C:\w\x','Open','Read','ReadWrite').Length; [IO.File]::ReadAllBytes('C:\w\x')`, want: "3\n" + busy},
	})
}
