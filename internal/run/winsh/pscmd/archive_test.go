package pscmd

import (
	"fmt"
	"testing"
)

// Broken if it fails: archives are packed or unpacked otherwise than by the
// module Microsoft.PowerShell.Archive.
func TestArchives(t *testing.T) {
	rows(t, nil, []row{
		{name: "there and back", both: true, text: aTree + `Compress-Archive t x.zip; Expand-Archive x.zip; ls x -Recurse -File -Name; gc x\t\sub\deep\d.txt; Compress-Archive t\* y.zip; Expand-Archive y.zip C:\out\y; ls C:\out\y -Name`,
			want: "t\\a.txt\nt\\b.log\nt\\sub\\c.txt\nt\\sub\\deep\\d.txt\nsub\\deep\\d.txt\nsub\na.txt\nb.log"},
		{name: "an archive that is there", both: true, text: aTree + `Compress-Archive t\a.txt x.zip; Compress-Archive t\b.log x.zip; Compress-Archive t\b.log x.zip -Update; Expand-Archive x.zip u; (ls u).Name -join ','; Compress-Archive t\b.log x -Force; Expand-Archive x.zip v; (ls v).Name`, want: "a.txt,b.log\nb.log",
			errs: []string{`ArchiveFileExists,Compress-Archive InvalidArgument The archive file C:\w\x.zip already exists. Use the -Update parameter to update the existing archive file or use the -Force parameter to overwrite the existing archive file.`}},
		{name: "files that are there", both: true, text: aTree + `Compress-Archive t\a.txt x.zip; Expand-Archive x.zip u; Set-Content u\a.txt other; Expand-Archive x.zip u; gc u\a.txt; Expand-Archive x.zip u -Force; gc u\a.txt`, want: "other\na.txt",
			errs: []string{`ExpandArchiveFileExists,Expand-Archive InvalidOperation Failed to create file 'C:\w\u\a.txt' while expanding the archive file 'C:\w\x.zip' contents as the file 'C:\w\u\a.txt' already exists. Use the -Force parameter if you want to overwrite the existing directory 'C:\w\u\a.txt' contents when expanding the archive file.`}},
		{name: "what is not there", both: true, text: `Expand-Archive none.zip u; Compress-Archive none x.zip; Test-Path x.zip`, want: "False", errs: []string{
			`ArchiveCmdletPathNotFound,Expand-Archive InvalidArgument The path 'none.zip' either does not exist or is not a valid file system path.`,
			`ArchiveCmdletPathNotFound,Compress-Archive InvalidArgument The path 'none' either does not exist or is not a valid file system path.`}},
		{name: "other types", text: aTree + `Expand-Archive t\a.txt u; Compress-Archive t x.rar`, errs: []string{
			`NotSupportedArchiveFileExtension,Expand-Archive InvalidArgument .txt is not a supported archive file format. .zip is the only supported archive file format.`,
			`NotSupportedArchiveFileExtension,Compress-Archive InvalidArgument .rar is not a supported archive file format. .zip is the only supported archive file format.`}},
		{name: "from the pipeline", both: true, text: aTree + `ls t -File | Compress-Archive -DestinationPath x.zip; ls x.zip | Expand-Archive -DestinationPath u; (ls u).Name -join ','`, want: "a.txt,b.log"},
		{name: "-PassThru in 7", core: true, text: aTree + `(Compress-Archive t x.zip -PassThru).Name; Expand-Archive x.zip u -PassThru | ? PSIsContainer -eq $false | % Name`, want: "x.zip\na.txt\nb.log\nc.txt\nd.txt"},
	})
}

// Broken if it fails: hashes are not those of the contents.
func TestFileHash(t *testing.T) {
	rows(t, nil, []row{
		{name: "hashes", both: true, text: `Set-Content f abc -NoNewline; (Get-FileHash f).Hash; 'MD5','SHA1','SHA384' | % { (Get-FileHash f -Algorithm $_).Hash.Length }; (Get-FileHash f -a md5).Hash; (Get-FileHash f).Algorithm; (Get-FileHash f).Path; (gi f | Get-FileHash -Algorithm SHA1).Hash`,
			want: "BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD\n32\n40\n96\n900150983CD24FB0D6963F7D28E17F72\nSHA256\nC:\\w\\f\nA9993E364706816ABA3E25717850C26C9CD0D89D"},
		{name: "compared", both: true, text: `Set-Content f abc -NoNewline; if ((Get-FileHash f -Algorithm sha256).Hash -ne 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad') { 'bad' } else { 'good' }`, want: "good"},
		{name: "directories are left out in 5.1", text: `$null = mkdir d; Get-FileHash d; Get-FileHash *`, want: ""},
		{name: "not there", core: true, text: `Get-FileHash none`, errs: []string{`FileNotFound,Microsoft.PowerShell.Commands.GetFileHashCommand ObjectNotFound Cannot find path 'C:\w\none' because it does not exist.`}},
		{name: "algorithms of 5.1", text: `$null = ni f; (Get-FileHash f -Algorithm MACTripleDES).Hash.Length`, refused: "Get-FileHash"},
	})
}

// Broken if it fails: 10,000 files take more than a few seconds.
func BenchmarkChildren(b *testing.B) {
	l := newLab(b, nil)
	for i := range 10000 {
		if i%100 == 0 {
			if err := l.m.FS().MkdirAll(b.Context(), fmt.Sprintf(`C:\t\%d`, i/100)); err != nil {
				b.Fatal(err)
			}
		}
		if err := l.m.FS().WriteFile(b.Context(), fmt.Sprintf(`C:\t\%d\%d.txt`, i/100, i), []byte("x")); err != nil {
			b.Fatal(err)
		}
	}
	for _, text := range []string{`(Get-ChildItem C:\t -Recurse).Count`, `(Get-ChildItem C:\t -Recurse -Filter *9.txt).Count`, `(Get-ChildItem C:\t -Recurse -Name).Count`,
		`1..10000 | ForEach-Object { $_ + 1 } | Measure-Object -Sum | % Sum`, `(1..10000 | Sort-Object -Descending | Select-Object -First 5).Count`,
		`$x = foreach ($i in 1..10000) { "line $i" }; $x | Set-Content C:\f; (Get-Content C:\f).Count`, `(1..10000 | Where-Object { $_ % 2 }).Count; (1..2000 | ConvertTo-Json -Compress).Length`} {
		b.Run(text, func(b *testing.B) {
			for b.Loop() {
				if o := l.run("powershell", text); o.Err != "" {
					b.Fatal(o.Err)
				}
			}
		})
	}
}
