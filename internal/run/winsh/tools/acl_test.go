package tools_test

import (
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/winmeta"
)

// sddl is the list of a file.
func (b *box) sddl(path string) string {
	b.t.Helper()
	d, err := b.m.FS().Descriptor(b.t.Context(), path)
	if err != nil {
		b.t.Fatal(err)
	}
	return d.String()
}

// set gives a file a descriptor.
func (b *box) set(path, sddl string) {
	b.t.Helper()
	d, err := winmeta.ParseSDDL(sddl)
	if err == nil {
		err = b.m.FS().Privileged().SetDescriptor(b.t.Context(), path, d)
	}
	if err != nil {
		b.t.Fatal(err)
	}
}

const done1 = "Successfully processed 1 files; Failed processing 0 files\r\n"

// TestIcacls fails if a list is not what icacls makes of it.
func TestIcacls(t *testing.T) {
	const dir, file = "O:BAG:SYD:AI(A;OICIID;FA;;;SY)(A;OICIID;0x1200a9;;;BU)", "O:BAG:SYD:AI(A;ID;FA;;;SY)(A;ID;0x1200a9;;;BU)"
	for _, c := range []struct {
		line    string
		out     string
		d, f    string // of C:\w\d and C:\w\d\f afterwards
		refused string
	}{
		{
			line: `icacls d /grant Users:(OI)(CI)F`, out: "processed file: d\r\n" + done1,
			d: "O:BAG:SYD:AI(A;OICI;FA;;;BU)(A;OICIID;FA;;;SY)(A;OICIID;0x1200a9;;;BU)",
			f: "O:BAG:SYD:AI(A;ID;FA;;;BU)(A;ID;FA;;;SY)",
		},
		{
			line: `icacls C:\w\d /grant:r *S-1-5-32-545:(OI)(CI)M /grant:r "NT AUTHORITY\NETWORK SERVICE":RX /T`,
			out:  "processed file: C:\\w\\d\r\nprocessed file: C:\\w\\d\\f\r\nSuccessfully processed 2 files; Failed processing 0 files\r\n",
			d:    "O:BAG:SYD:AI(A;;0x1200a9;;;NS)(A;OICI;0x1301bf;;;BU)(A;OICIID;FA;;;SY)(A;OICIID;0x1200a9;;;BU)",
			f:    "O:BAG:SYD:AI(A;;0x1200a9;;;NS)(A;;0x1301bf;;;BU)(A;ID;0x1301bf;;;BU)(A;ID;FA;;;SY)",
		},
		{
			line: `icacls d\f /deny Everyone:(W,D) /q`, out: done1, d: dir,
			f: "O:BAG:SYD:AI(D;;DCLCRPCRSD;;;WD)(A;ID;FA;;;SY)(A;ID;0x1200a9;;;BU)",
		},
		{
			line: `icacls d /inheritance:r`, out: "processed file: d\r\n" + done1,
			d: "O:BAG:SYD:PAI", f: "O:BAG:SYD:AI",
		},
		{
			line: `icacls d /inheritance:d /remove Users`, out: "processed file: d\r\n" + done1,
			d: "O:BAG:SYD:PAI(A;OICI;FA;;;SY)", f: "O:BAG:SYD:AI(A;ID;FA;;;SY)",
		},
		{
			line: `icacls d\f /setowner "NT AUTHORITY\LOCAL SERVICE"`, out: "processed file: d\\f\r\n" + done1, d: dir,
			f: "O:LSG:SYD:AI(A;ID;FA;;;SY)(A;ID;0x1200a9;;;BU)",
		},
		{
			line: `icacls d /grant Everyone:(OI)(CI)(GR,GE) /grant Guests:(CI)(IO)(GR)`, out: "processed file: d\r\n" + done1,
			d: "O:BAG:SYD:AI(A;CIIO;GR;;;BG)(A;OICI;0x1200a9;;;WD)(A;OICIID;FA;;;SY)(A;OICIID;0x1200a9;;;BU)",
			f: "O:BAG:SYD:AI(A;ID;0x1200a9;;;WD)(A;ID;FA;;;SY)(A;ID;0x1200a9;;;BU)",
		},
		{line: `icacls d`, out: "d NT AUTHORITY\\SYSTEM:(I)(OI)(CI)(F)\r\n  BUILTIN\\Users:(I)(OI)(CI)(RX)\r\n\r\n" + done1, d: dir, f: file},
		{line: `icacls d /grant DefaultAccount:F`, refused: "icacls with DefaultAccount"},
		{line: `icacls d /save x`, refused: "icacls /save"},
	} {
		b := newBox(t, machine.Options{}, `C:\w\d\f=1`)
		b.set(`C:\w\d`, dir)
		b.set(`C:\w\d\f`, file)
		r := b.call(c.line, "")
		if diff := gocmp.Diff(result{Out: c.out, Refused: c.refused}, r); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.line, diff)
		}
		if c.refused != "" {
			continue
		}
		if diff := gocmp.Diff([]string{c.d, normalSDDL(t, c.f)}, []string{b.sddl(`C:\w\d`), b.sddl(`C:\w\d\f`)}); diff != "" {
			t.Errorf("%s: lists (-want +got):\n%s", c.line, diff)
		}
	}
}

// normalSDDL spells SDDL as it is printed.
func normalSDDL(t *testing.T, text string) string {
	d, err := winmeta.ParseSDDL(text)
	if err != nil {
		t.Fatal(err)
	}
	return d.String()
}

// TestIcaclsErrors fails if icacls says something else when it cannot do it.
func TestIcaclsErrors(t *testing.T) {
	play(t, []scene{
		{name: "no file", line: `icacls none /grant Users:F`, want: result{Out: "Successfully processed 0 files; Failed processing 1 files\r\n", Err: "none: The system cannot find the file specified.\r\n", Code: 2}},
		{name: "no account", line: `icacls C:\w /grant "NT AUTHORITY\nobody":F`, want: result{Out: "Successfully processed 0 files; Failed processing 1 files\r\n", Err: "NT AUTHORITY\\nobody: No mapping between account names and security IDs was done.\r\n", Code: 1332}},
		{name: "bad permission", line: `icacls C:\w /grant Users:Z`, want: result{Err: "Invalid parameter \"Users:Z\"\r\n", Code: 87}},
		{
			name: "pattern below", files: []string{`C:\w\a.x=1`, `C:\w\b.y=1`, `C:\w\d\c.x=1`}, line: `icacls C:\w\*.x /reset /t`,
			want: result{Out: crlf(`processed file: C:\w\a.x`, `processed file: C:\w\d\c.x`, `Successfully processed 2 files; Failed processing 0 files`)},
		},
		{name: "pattern below that has directories", files: []string{`C:\w\d.x\c.x=1`}, line: `icacls C:\w\*.x /reset /t`, want: result{Refused: "icacls /T with *.x"}},
		{name: "pattern", files: []string{`C:\w\a=1`, `C:\w\b=1`}, line: `icacls C:\w\* /reset /q`, want: result{Out: "Successfully processed 2 files; Failed processing 0 files\r\n"}},
	})
	b := newBox(t, machine.Options{User: "ContainerUser"})
	want := result{Out: "Successfully processed 0 files; Failed processing 1 files\r\n", Err: "C:\\Windows: Access is denied.\r\n", Code: 5}
	if diff := gocmp.Diff(want, b.call(`icacls C:\Windows /grant Users:F`, "")); diff != "" {
		t.Errorf("without the right to (-want +got):\n%s", diff)
	}
}

// TestIcaclsReset fails if /reset leaves entries that are not inherited.
func TestIcaclsReset(t *testing.T) {
	b := newBox(t, machine.Options{}, `C:\w\d\f=1`)
	b.set(`C:\w\d`, "O:BAG:SYD:PAI(A;OICI;FA;;;SY)(A;OICI;0x1200a9;;;BU)")
	b.set(`C:\w\d\f`, "O:BAG:SYD:P(A;;FA;;;WD)")
	if r := b.call(`icacls d /reset /T /Q`, ""); r.Out != "Successfully processed 2 files; Failed processing 0 files\r\n" {
		t.Errorf("reset: %+v", r)
	}
	for _, path := range []string{`C:\w\d`, `C:\w\d\f`} {
		d, err := b.m.FS().Descriptor(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		if d.Control&winmeta.DACLProtected != 0 || len(d.DACL) == 0 {
			t.Errorf("%s: %s", path, d)
		}
		for _, a := range d.DACL {
			if a.Flags&winmeta.Inherited == 0 {
				t.Errorf("%s: %s is not inherited", path, a)
			}
		}
	}
}

// TestTakeown fails if ownership does not change, or the text differs.
func TestTakeown(t *testing.T) {
	b := newBox(t, machine.Options{}, `C:\w\d\f=1`)
	const foreign = "O:S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464G:SYD:P(A;;FA;;;S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464)"
	d, _ := winmeta.ParseSDDL(foreign)
	if err := b.m.FS().Privileged().SetDescriptor(t.Context(), `C:\w\d\f`, d); err != nil {
		t.Fatal(err)
	}
	want := result{Out: "\r\nSUCCESS: The file (or folder): \"C:\\w\\d\" now owned by the administrators group.\r\n" +
		"\r\nSUCCESS: The file (or folder): \"C:\\w\\d\\f\" now owned by the administrators group.\r\n"}
	if diff := gocmp.Diff(want, b.call(`takeown /F d /R /A`, "")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := b.sddl(`C:\w\d\f`); !strings.HasPrefix(got, "O:BA") {
		t.Errorf("the owner is not the administrators group: %s", got)
	}
	want = result{Out: "\r\nSUCCESS: The file (or folder): \"C:\\w\\d\" now owned by user \"User Manager\\ContainerAdministrator\".\r\n"}
	if diff := gocmp.Diff(want, b.call(`takeown /f d`, "")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	want = result{Err: "ERROR: The system cannot find the file specified.\r\n", Code: 1}
	if diff := gocmp.Diff(want, b.call(`takeown /f none`, "")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestAttrib fails if attributes are not set, or shown in other columns.
func TestAttrib(t *testing.T) {
	files := []string{`C:\w\a.txt=1`, `C:\w\d\b.txt=2`}
	play(t, []scene{
		{name: "show", files: files, line: `attrib`, want: result{Out: "A                    C:\\w\\a.txt\r\n"}},
		{name: "show all below", files: files, before: []string{`attrib +h +s +r d\b.txt`}, line: `attrib *.txt /s`, want: result{Out: "A                    C:\\w\\a.txt\r\nA  SHR               C:\\w\\d\\b.txt\r\n"}},
		{name: "clear", files: files, before: []string{`attrib +r a.txt`, `attrib -r -a a.txt`}, line: `attrib a.txt`, want: result{Out: "                     C:\\w\\a.txt\r\n"}},
		{name: "hidden stays", files: files, before: []string{`attrib +h a.txt`}, line: `attrib +r a.txt`, want: result{Out: "Not resetting hidden file - C:\\w\\a.txt\r\n"}},
		{name: "directories by pattern need /d", files: files, line: `attrib +h d*`, want: result{Out: "File not found - C:\\w\\d*\r\n"}},
		{name: "a directory by name", files: files, before: []string{`attrib +h d`}, line: `attrib d`, want: result{Out: "    H                C:\\w\\d\r\n"}},
		{name: "not found", line: `attrib none`, want: result{Out: "File not found - C:\\w\\none\r\n"}},
		{name: "nonsense", line: `attrib +z x`, want: result{Out: "Parameter format not correct -\r\n", Code: 1}},
		{name: "what images do not keep", line: `attrib +p x`, want: result{Refused: "attrib +p"}},
	})
}

// TestCacls fails if cacls prints another list.
func TestCacls(t *testing.T) {
	b := newBox(t, machine.Options{}, `C:\w\d\f=1`)
	b.set(`C:\w\d`, "O:BAG:SYD:PAI(A;OICI;FA;;;SY)(A;OICI;0x1200a9;;;BU)")
	want := result{Out: "C:\\w\\d NT AUTHORITY\\SYSTEM:(OI)(CI)F\r\n       BUILTIN\\Users:(OI)(CI)R\r\n\r\n"}
	if diff := gocmp.Diff(want, b.call(`cacls d`, "")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if r := b.call(`cacls d /G Users:F`, ""); r.Refused != "cacls /G" {
		t.Errorf("changes are refused: %+v", r)
	}
}
