package psnet_test

import (
	"errors"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/casement/casement/internal/run/winsh/machine"
)

// TestBinaryReader fails if a BinaryReader reads other characters than .NET's, or
// more bytes than it needs for them, or reads on when it has been closed.
func TestBinaryReader(t *testing.T) {
	const (
		closed = "!Cannot access a closed file."
		pair   = "!The output char buffer is too small to contain the decoded characters, encoding '"
		pair5  = "' fallback 'System.Text.DecoderReplacementFallback'.\nParameter name: chars"
		pair7  = "' fallback 'System.Text.DecoderReplacementFallback'. (Parameter 'chars')"
		// $m and $r are a stream of a character of each length and a "z", and its reader.
		open = `$m = [IO.MemoryStream]::new([Text.Encoding]::UTF8.GetBytes("a` + `$([char]0xE9)$([char]0x20AC)$([char]::ConvertFromUtf32(0x1F600))z")); $r = [IO.BinaryReader]::new($m); `
		wide = `$m = [IO.MemoryStream]::new([Text.Encoding]::Unicode.GetBytes("b$([char]::ConvertFromUtf32(0x1F600))z")); $r = [IO.BinaryReader]::new($m, [Text.Encoding]::Unicode); `
		long = `$m = [IO.MemoryStream]::new([Text.Encoding]::UTF32.GetBytes("b$([char]::ConvertFromUtf32(0x1F600))z")); $r = [IO.BinaryReader]::new($m, [Text.Encoding]::UTF32); `
		left = `$m = [IO.MemoryStream]::new([byte[]](65,66,67,68)); $r = [IO.BinaryReader]::new($m, [Text.Encoding]::UTF8, $true); $r.Close(); `
		hex  = ` | ForEach-Object { '{0:X}' -f [int]$_ }`
	)
	negative := [2]string{"!Non-negative number required.\nParameter name: count", "!count ('-1') must be a non-negative value. (Parameter 'count')"}
	check(t, nil, []says{
		{script: open + `$r.ReadChar(), $r.ReadChar(), $r.ReadChar()` + hex + `; $m.Position`, want: "61\nE9\n20AC\n6"},
		{script: open + `($r.ReadChars(5)` + hex + `) -join ' '; $m.Position; $r.ReadByte()`, want: "61 E9 20AC D83D DE00\n10\n122"},
		{script: open + `($r.ReadChars(100)` + hex + `) -join ' '; $r.ReadChars(1).Length; $r.ReadChars(0).Length; $r.ReadChar()`, want: "61 E9 20AC D83D DE00 7A\n0\n0\n!Unable to read beyond the end of the stream."},
		// Half of a character is none.
		{script: open + `$r.ReadChars(4).Length`, want: pair + "Unicode (UTF-8)" + pair5, core: pair + "Unicode (UTF-8)" + pair7},
		{script: open + `$m.Position = 6; try { $r.ReadChar() } finally { $m.Position }`, want: "6\n" + pair + "Unicode (UTF-8)" + pair5, core: "6\n" + pair + "Unicode (UTF-8)" + pair7},
		{script: wide + `($r.ReadChars(3)` + hex + `) -join ' '; $m.Position; $r.ReadChar()`, want: "62 D83D DE00\n6\nz"},
		{script: wide + `$r.ReadChars(2)`, want: pair + "Unicode" + pair5, core: pair + "Unicode" + pair7},
		{script: wide + `$m.Position = 2; $r.ReadChar()`, want: pair + "Unicode" + pair5, core: pair + "Unicode" + pair7},
		{script: long + `($r.ReadChars(9)` + hex + `) -join ' '`, want: "62 D83D DE00 7A"},
		{script: long + `$r.ReadChar(); $m.Position`, want: "b\n4"},
		// What is no UTF-8 does not swallow what is behind it.
		{script: `$r = [IO.BinaryReader]::new([IO.MemoryStream]::new([byte[]](0xC3,65,0x80,66,0xE2,0x82))); ($r.ReadChars(9)` + hex + `) -join ' '`, want: "FFFD 41 FFFD 42"},
		{script: `$r = [IO.BinaryReader]::new([IO.MemoryStream]::new([byte[]](0xE2,0x82))); $r.ReadChar()`, want: "!Unable to read beyond the end of the stream."},
		{script: `$b = [byte[]]::new(10001); for ($i = 0; $i -lt 10000; $i++) { $b[$i] = 97 }; $b[10000] = 98; $r = [IO.BinaryReader]::new([IO.MemoryStream]::new($b)); $r.ReadChars(10000).Length; $r.ReadChar()`, want: "10000\nb"},
		{script: open + `$r.ReadChars(-1)`, want: negative[0], core: negative[1]},
		{script: open + `$r.ReadBytes(-1)`, want: negative[0], core: negative[1]},
		// Closed, also if the stream is not.
		{script: open + `$r.Close(); $r.ReadByte()`, want: closed},
		{script: open + `$r.Dispose(); $r.ReadString()`, want: closed},
		{script: left + `$m.Length; $m.ReadByte(); $null -eq $r.BaseStream; $r.ReadByte()`, want: "4\n65\nTrue\n" + closed, core: "4\n65\nFalse\n" + closed},
		{script: left + `$r.ReadInt32()`, want: closed}, {script: left + `$r.ReadString()`, want: closed},
		{script: left + `$r.ReadChar()`, want: closed}, {script: left + `$r.ReadChars(0)`, want: closed},
		{script: left + `$r.ReadBytes(0)`, want: closed}, {script: left + `$r.ReadChars(-1)`, want: negative[0], core: negative[1]},
		{script: `$m = [IO.MemoryStream]::new(); $w = [IO.BinaryWriter]::new($m, [Text.Encoding]::UTF8, $true); $w.Close(); $w.Write([byte]7); $m.Length`, want: "1"},
	})
}

// TestReadCharsLimit fails if ReadChars takes more memory than a value may.
func TestReadCharsLimit(t *testing.T) {
	const memory = 1 << 20
	b := newBox(t, "powershell", machine.Options{Limits: machine.Limits{Memory: memory}}, `C:\w\big=`+strings.Repeat("x", memory/16+1))
	for n, want := range map[string]*machine.LimitError{
		"65536": nil,
		"65537": {What: "a value", Limit: memory, Unit: "bytes"},
		// What counts is what there is, not what is asked for.
		"2147483647": {What: "a value", Limit: memory, Unit: "bytes"},
	} {
		p := b.m.Process("powershell -Command [IO.BinaryReader]::new([IO.File]::OpenRead('C:\\w\\big')).ReadChars("+n+").Length", `C:\w`, new(strings.Builder), new(strings.Builder))
		f, err := b.m.Find(t.Context(), b.host, p.Env, p.Dir, false)
		if err != nil {
			t.Fatal(err)
		}
		_, err = b.m.Start(t.Context(), f, p)
		got, _ := errors.AsType[*machine.LimitError](err)
		if diff := gocmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %v (-want +got):\n%s", n, err, diff)
		}
	}
}
