package winsh_test

import (
	"bytes"
	goruntime "runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/casement/casement/internal/tree"
	"github.com/casement/casement/internal/winmeta"
)

// encodedSDDL is a descriptor as layers have it.
func encodedSDDL(t *testing.T, text string) []byte {
	t.Helper()
	d, err := winmeta.ParseSDDL(text)
	if err != nil {
		t.Fatal(err)
	}
	b, err := d.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func plainFile(name, text string) *tree.Entry {
	return &tree.Entry{Name: name, Kind: tree.File, Size: int64(len(text)), Content: tree.Bytes(text)}
}

// The descriptors of the base's directory that belongs to ContainerUser.
const (
	ownedDir  = "O:BAG:SYD:PAI(A;OICI;FA;;;BA)(A;OICI;FA;;;SY)(A;OICI;FA;;;S-1-5-93-2-2)"
	ownedSub  = "O:BAG:SYD:AI(A;OICIID;FA;;;BA)(A;OICIID;FA;;;SY)(A;OICIID;FA;;;S-1-5-93-2-2)"
	ownedFile = "O:BAG:SYD:AI(A;ID;FA;;;BA)(A;ID;FA;;;SY)(A;ID;FA;;;S-1-5-93-2-2)"
)

// auditBase is a base with an ordinary directory, one with rights of its own, links
// and hard links.
func auditBase(t *testing.T) []*tree.Entry {
	entry := func(name string, kind tree.Kind, attributes winmeta.Attributes, sddl string) *tree.Entry {
		e := &tree.Entry{Name: name, Kind: kind, Windows: &tree.Windows{Attributes: uint32(attributes), Descriptor: encodedSDDL(t, sddl)}}
		if kind == tree.File {
			e.Size, e.Content = 1, tree.Bytes("F")
		}
		return e
	}
	return []*tree.Entry{
		entry("data", tree.Dir, winmeta.Directory, ownedDir),
		entry("data/f.txt", tree.File, winmeta.ReadOnly|winmeta.Archive, ownedFile),
		entry("data/sub", tree.Dir, winmeta.Directory|winmeta.Hidden, ownedSub),
		plainFile("data/sub/g.txt", "G"),
		{Name: "plain", Kind: tree.Dir},
		plainFile("plain/a.txt", "A"), plainFile("plain/b.txt", "B"), plainFile("plain/l1", "L"),
		{Name: "plain/l2", Kind: tree.Hardlink, Target: "plain/l1"},
		{Name: "j", Kind: tree.Junction, Target: "C:/plain"},
		plainFile("Windows/System32/ntdll.dll", "MZ"),
	}
}

// layerCase is a build upon auditBase, and what its last layer has.
type layerCase struct {
	lines []string
	want  string
	// refused is part of the error that the last line ends in.
	refused string
}

func (c layerCase) check(t *testing.T) {
	t.Helper()
	b := newBuilder(t, auditBase(t)...)
	if !b.build(t, c.lines, c.refused) {
		return
	}
	want := strings.ReplaceAll(strings.TrimSpace(c.want), "\n\t\t\t", "\n")
	if d := cmp.Diff(want, b.last(t)); d != "" {
		t.Errorf("%s (-want +got)\n%s", strings.Join(c.lines, "\n"), d)
	}
}

// Broken if it fails: a directory of the base loses its descriptor or attributes
// because a step has put something into it or has removed something.
func TestDirectoriesOfTheBaseKeepTheirRights(t *testing.T) {
	for _, c := range []layerCase{
		{lines: []string{`echo x>C:\data\x.txt`}, want: `5 Files/data ` + ownedDir + `
			0 Files/data/x.txt ` + ownedFile + ` "x\r\n"`},
		{lines: []string{`del /f C:\data\f.txt`}, want: `5 Files/data ` + ownedDir + `
			0 Files/data/.wh.f.txt`},
		{lines: []string{`echo x>C:\data\sub\x.txt`}, want: `5 Files/data ` + ownedDir + `
			5 Files/data/sub a=18 ` + ownedSub + `
			0 Files/data/sub/x.txt ` + ownedFile + ` "x\r\n"`},
		// What an earlier layer says of them is repeated by the writer of layers.
		{lines: []string{`echo x>C:\data\x.txt`, `attrib +h C:\data`, `del C:\data\x.txt`}, want: `5 Files/data a=18 ` + ownedDir + `
			0 Files/data/.wh.x.txt`},
		// After the whole base has been read, too.
		{lines: []string{`dir /s /b C:\ >nul & echo x>C:\data\x.txt`}, want: `5 Files/data ` + ownedDir + `
			0 Files/data/x.txt ` + ownedFile + ` "x\r\n"`},
		{lines: []string{`echo x>C:\Windows\Temp\x.txt`}, want: `5 Files/Windows std
			5 Files/Windows/Temp std
			0 Files/Windows/Temp/x.txt O:BAG:SYD:AI(A;ID;FA;;;SY)(A;ID;FA;;;BA) "x\r\n"`},
	} {
		c.check(t)
	}
}

// Broken if it fails: a file takes the place of a directory of the base that it was
// meant to come into.
func TestFilesComeIntoDirectoriesOfTheBase(t *testing.T) {
	const dir = `5 Files/data ` + ownedDir + "\n\t\t\t"
	for _, c := range []layerCase{
		{lines: []string{`copy C:\plain\b.txt C:\data`}, want: dir + `0 Files/data/b.txt ` + ownedFile + ` "B"`},
		{lines: []string{`copy C:\plain\b.txt C:\data\`}, want: dir + `0 Files/data/b.txt ` + ownedFile + ` "B"`},
		{lines: []string{`copy C:\plain\*.txt C:\data`}, want: dir + `0 Files/data/a.txt ` + ownedFile + ` "A"
			0 Files/data/b.txt ` + ownedFile + ` "B"`},
		{lines: []string{`xcopy C:\plain\b.txt C:\data`}, want: dir + `0 Files/data/b.txt ` + ownedFile + ` "B"`},
		{lines: []string{`move C:\plain\b.txt C:\data`}, want: dir + `0 Files/data/b.txt "B"
			5 Files/plain
			0 Files/plain/.wh.b.txt`},
		{lines: []string{`move C:\data\sub C:\plain\`}, want: dir + `0 Files/data/.wh.sub
			5 Files/plain
			5 Files/plain/sub a=18 ` + ownedSub + `
			0 Files/plain/sub/g.txt "G"`},
		{lines: []string{`ps: Copy-Item C:\plain\b.txt C:\data`}, want: dir + `0 Files/data/b.txt ` + ownedFile + ` "B"`},
		{lines: []string{`ps: Move-Item C:\plain\b.txt C:\data`}, want: dir + `0 Files/data/b.txt "B"
			5 Files/plain
			0 Files/plain/.wh.b.txt`},
		{lines: []string{`copy C:\plain\b.txt C:\plain\c`}, want: `5 Files/plain
			0 Files/plain/c "B"`},
	} {
		c.check(t)
	}
}

// Broken if it fails: a file without attributes is in the image with that of the
// archive, or a step sees others than the image has.
func TestAttributesOfLayers(t *testing.T) {
	for _, c := range []layerCase{
		{lines: []string{`attrib -a C:\plain\a.txt`}, want: `5 Files/plain
			0 Files/plain/a.txt a=128 "A"`},
		{lines: []string{`attrib -a C:\plain\a.txt`, `attrib C:\plain\a.txt>C:\r.txt& echo x>>C:\plain\a.txt`}, want: `5 Files/plain
			0 Files/plain/a.txt "Ax\r\n"
			0 Files/r.txt inherited "                     C:\\plain\\a.txt\r\n"`},
		{lines: []string{`attrib +r +h +s C:\plain\a.txt`}, want: `5 Files/plain
			0 Files/plain/a.txt a=39 "A"`},
		{lines: []string{`attrib -r C:\data\f.txt`}, want: `5 Files/data ` + ownedDir + `
			0 Files/data/f.txt ` + ownedFile + ` "F"`},
		{lines: []string{`attrib +h C:\plain`}, want: `5 Files/plain a=18`},
		{lines: []string{`attrib +h C:\plain`, `attrib -h C:\plain`}, want: `5 Files/plain`},
		// Directories that every Windows has keep theirs.
		{lines: []string{`mkdir C:\ProgramData\x`, `rd C:\ProgramData\x`}, want: `5 Files/ProgramData a=18 std
			0 Files/ProgramData/.wh.x`},
		{lines: []string{`attrib -h C:\ProgramData`}, want: `5 Files/ProgramData std`},
		{lines: []string{`attrib -h C:\ProgramData`, `attrib +h C:\ProgramData`}, want: `5 Files/ProgramData a=18 std`},
		// Names that a lower layer links are files of their own once one is changed.
		{lines: []string{`attrib +r C:\plain\l1`}, want: `5 Files/plain
			0 Files/plain/l1 a=33 "L"`},
	} {
		c.check(t)
	}
}

// Broken if it fails: a name in the form 8.3 stands for nothing, or for something
// new, where it may stand for what is there.
func TestShortNames(t *testing.T) {
	const may = "may be the short name of"
	for _, c := range []layerCase{
		{lines: []string{`if exist C:\PROGRA~1\x echo y`}, refused: may},
		{lines: []string{`mkdir C:\Progra~2\x`}, refused: may},
		{lines: []string{`echo x>C:\docume~1\x.txt`}, refused: may},
		{lines: []string{`echo x>C:\longername.txt`, `del C:\LONGER~1.TXT`}, refused: may},
		{lines: []string{`echo x>C:\a~1.txt& echo x>C:\longer~1.txt& echo x>C:\~$doc.txt`}, want: `
			0 Files/a~1.txt inherited "x\r\n"
			0 Files/longer~1.txt inherited "x\r\n"
			0 Files/~$doc.txt inherited "x\r\n"`},
	} {
		c.check(t)
	}
}

// Broken if it fails: what a step has made keeps rights that a later step takes away
// from the directory that it has them from.
func TestRightsAreInheritedAcrossSteps(t *testing.T) {
	for _, c := range []layerCase{
		{lines: []string{`mkdir C:\app & echo x>C:\app\f`}, want: `5 Files/app inherited
			0 Files/app/f inherited "x\r\n"`},
		{lines: []string{`mkdir C:\app & echo x>C:\app\f`, `icacls C:\app /inheritance:r /grant Administrators:(OI)(CI)F`}, want: `5 Files/app O:BAG:SYD:PAI(A;OICI;FA;;;BA)
			0 Files/app/f O:BAG:SYD:AI(A;ID;FA;;;BA) "x\r\n"`},
		// A move keeps them, a copy inherits.
		{lines: []string{`move C:\plain\a.txt C:\data\a.txt`}, want: `5 Files/data ` + ownedDir + `
			0 Files/data/a.txt "A"
			5 Files/plain
			0 Files/plain/.wh.a.txt`},
		{lines: []string{`ren C:\data new`}, want: `0 Files/.wh.data
			5 Files/new ` + ownedDir + `
			0 Files/new/f.txt a=33 ` + ownedFile + ` "F"
			5 Files/new/sub a=18 ` + ownedSub + `
			0 Files/new/sub/g.txt "G"`},
		{lines: []string{`copy C:\data\f.txt C:\f.txt`}, want: `0 Files/f.txt a=33 inherited "F"`},
		{lines: []string{`xcopy /e /i /q C:\data\sub C:\new`}, want: `5 Files/new inherited
			0 Files/new/g.txt inherited "G"`},
	} {
		c.check(t)
	}
}

// Broken if it fails: the same lines give other layers when they are executed again,
// when their results are known, or on another number of processors.
func TestLayersAreTheSame(t *testing.T) {
	lines := []string{
		`mkdir C:\app & for /l %i in (1,1,40) do @(mkdir C:\app\d%i& echo %i>C:\app\d%i\f& mklink /h C:\app\h%i C:\app\d%i\f>nul)`,
		`attrib +h -a C:\app\d7\f & icacls C:\app\d8 /grant Users:F >nul & ren C:\app\d9 D9 & move C:\app\d10 C:\moved >nul`,
		`setx /M ONE 1 & setx TWO 2 & reg add HKLM\SOFTWARE\V /v a /d b & reg add HKLM\SOFTWARE\V\Sub /v n /t REG_DWORD /d 7 & reg add HKLM\SYSTEM\CurrentControlSet\Services\S /v x /d y`,
		`ps: 1..30 | ForEach-Object { Set-Content C:\app\p$_.txt $_ }; New-Item -ItemType Junction C:\j2 -Target C:\app | Out-Null; Remove-Item -Recurse C:\app\d1; (Get-Item C:\app\p3.txt).LastWriteTime = '2020-02-03T04:05:06Z'`,
		`rd /s /q C:\data & mkdir C:\data & echo x>C:\data\new.txt& del C:\plain\l1`,
	}
	tars := func(b *builder) [][]byte {
		b.policy = "delta"
		first := b.chain
		b.run(t, lines...)
		b.chain = first
		b.run(t, lines...) // known now
		return b.tars[1:]
	}
	one := tars(newBuilder(t, auditBase(t)...))
	before := goruntime.GOMAXPROCS(1)
	two := tars(newBuilder(t, auditBase(t)...))
	goruntime.GOMAXPROCS(before)
	for i := range one {
		want := list(t, one[i%len(lines)])
		for _, tar := range [][]byte{one[i], two[i]} {
			if !bytes.Equal(one[i%len(lines)], tar) {
				t.Errorf("%s (-first +other)\n%s", lines[i%len(lines)], cmp.Diff(want, list(t, tar)))
			}
		}
	}
}

// Broken if it fails: a shell of 32 bits writes where one of 64 bits does.
func TestShellsOf32Bits(t *testing.T) {
	for _, c := range []layerCase{
		{lines: []string{`C:\Windows\SysWOW64\cmd.exe /c echo x>C:\Windows\System32\x.txt`}, refused: "32 bits"},
		{lines: []string{`ps: & C:\Windows\SysWOW64\WindowsPowerShell\v1.0\powershell.exe -Command 1`}, refused: "32 bits"},
		{lines: []string{`C:\Windows\SysWOW64\reg.exe add HKLM\SOFTWARE\V`}, refused: `HKLM\SOFTWARE\WOW6432Node\V`},
		{lines: []string{`C:\Windows\SysWOW64\xcopy.exe C:\plain\a.txt C:\new\`}, want: `5 Files/new inherited
			0 Files/new/a.txt inherited "A"`},
	} {
		c.check(t)
	}
}

// Broken if it fails: what a step does to C:\ itself is lost, or later steps and
// layers do not know of it.
func TestRightsOfTheRoot(t *testing.T) {
	const root = "O:BAG:" + string(winmeta.TrustedInstaller) + "D:PAI(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICI;0x1200a9;;;BU)(A;CI;LC;;;BU)(A;CIIO;DC;;;BU)(A;OICIIO;GA;;;CO)"
	for _, c := range []layerCase{
		{lines: []string{`takeown /f C:\ /a`}, want: `5 Files ` + root},
		{lines: []string{`takeown /f C:\ /a`, `echo x>C:\x.txt`}, want: `5 Files ` + root + `
			0 Files/x.txt inherited "x\r\n"`},
		{lines: []string{`icacls C:\ /inheritance:r /grant:r Users:(OI)(CI)F /grant:r Administrators:(OI)(CI)F >nul & icacls C:\ /remove SYSTEM >nul`, `mkdir C:\new`},
			want: `5 Files O:` + string(winmeta.TrustedInstaller) + `G:` + string(winmeta.TrustedInstaller) + `D:PAI(A;OICI;FA;;;BA)(A;OICI;FA;;;BU)(A;OICIIO;GA;;;CO)
			5 Files/new O:BAG:SYD:AI(A;OICIID;FA;;;BA)(A;OICIID;FA;;;BU)(A;OICIIOID;GA;;;CO)`},
	} {
		c.check(t)
	}
}
