package winmeta

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Descriptors as other builders write them, or as decoded and regenerated
// independently. A change of one bit changes the digest of every layer.
const (
	vectorDir       = "AQAEgBQAAAAkAAAAAAAAADAAAAABAgAAAAAABSAAAAAgAgAAAQEAAAAAAAUSAAAAAgCoAAcAAAAAAxgA/wEfAAECAAAAAAAFIAAAACACAAAAAxQA/wEfAAEBAAAAAAAFEgAAAAAAGAD/AR8AAQIAAAAAAAUgAAAAIAIAAAALFAAAAAAQAQEAAAAAAAMAAAAAAAMYAKkAEgABAgAAAAAABSAAAAAhAgAAAAIYAAQAAAABAgAAAAAABSAAAAAhAgAAAAIYAAIAAAABAgAAAAAABSAAAAAhAgAA"
	vectorFile      = "AQAEgBQAAAAkAAAAAAAAADAAAAABAgAAAAAABSAAAAAgAgAAAQEAAAAAAAUSAAAAAgBMAAMAAAAAABgA/wEfAAECAAAAAAAFIAAAACACAAAAABQA/wEfAAEBAAAAAAAFEgAAAAAAGACpABIAAQIAAAAAAAUgAAAAIQIAAA=="
	vectorUsers     = "AQAAgBQAAAAkAAAAAAAAAAAAAAABAgAAAAAABSAAAAAhAgAAAQIAAAAAAAUgAAAAIQIAAA=="
	vectorAdmins    = "AQAAgBQAAAAkAAAAAAAAAAAAAAABAgAAAAAABSAAAAAgAgAAAQIAAAAAAAUgAAAAIAIAAA=="
	vectorOwnedFile = "AQAEgBQAAAAoAAAAAAAAADQAAAABAwAAAAAABV0AAAACAAAAAgAAAAEBAAAAAAAFEgAAAAIAaAAEAAAAAAAYAP8BHwABAgAAAAAABSAAAAAgAgAAAAAUAP8BHwABAQAAAAAABRIAAAAAABwA/wEfAAEDAAAAAAAFXQAAAAIAAAACAAAAAAAYAKkAEgABAgAAAAAABSAAAAAhAgAA"
	vectorOwnedDir  = "AQAEgBQAAAAoAAAAAAAAADQAAAABAwAAAAAABV0AAAACAAAAAgAAAAEBAAAAAAAFEgAAAAIAfAAFAAAAAAMYAP8BHwABAgAAAAAABSAAAAAgAgAAAAMUAP8BHwABAQAAAAAABRIAAAAAAxwA/wEfAAEDAAAAAAAFXQAAAAIAAAACAAAAAAsUAAAAABABAQAAAAAAAwAAAAAAAxgAqQASAAECAAAAAAAFIAAAACECAAA="
)

func decode64(t testing.TB, s string) []byte {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func mustSDDL(t testing.TB, s string) Descriptor {
	t.Helper()
	d, err := ParseSDDL(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestDescriptorVectors(t *testing.T) {
	owned := func(sid SID, dir bool) []byte {
		b, err := OwnedDescriptor(sid, dir)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	// ContainerAdministrator differs from ContainerUser in the last
	// sub-authority, which occurs twice.
	admin := func(vector string) []byte {
		return bytes.ReplaceAll(decode64(t, vector), ContainerUser.Bytes(), ContainerAdministrator.Bytes())
	}
	for name, c := range map[string]struct {
		got, want []byte
		size      int
	}{
		"default directory": {DefaultDescriptor(true), decode64(t, vectorDir), 216},
		"default file":      {DefaultDescriptor(false), decode64(t, vectorFile), 124},
		"user's file":       {owned(ContainerUser, false), decode64(t, vectorOwnedFile), 156},
		"user's directory":  {owned(ContainerUser, true), decode64(t, vectorOwnedDir), 176},
		"admin's file":      {owned(ContainerAdministrator, false), admin(vectorOwnedFile), 156},
		"admin's directory": {owned(ContainerAdministrator, true), admin(vectorOwnedDir), 176},
	} {
		if len(c.got) != c.size || !bytes.Equal(c.got, c.want) {
			t.Errorf("%s: got %d bytes\n%x\nwant %d\n%x", name, len(c.got), c.got, c.size, c.want)
		}
	}
	if _, err := OwnedDescriptor("Bob", false); err == nil {
		t.Error("a name was taken for a SID")
	}
}

// TestDescriptorRoundTrip: reading and printing must lose nothing, for the bytes
// and for the text.
func TestDescriptorRoundTrip(t *testing.T) {
	for _, c := range []struct{ vector, sddl string }{
		{vectorDir, defaultDirSDDL},
		{vectorFile, "O:BAG:SYD:(A;;FA;;;BA)(A;;FA;;;SY)(A;;0x1200a9;;;BU)"},
		{vectorUsers, "O:BUG:BU"},
		{vectorAdmins, "O:BAG:BA"},
		{vectorOwnedFile, "O:S-1-5-93-2-2G:SYD:(A;;FA;;;BA)(A;;FA;;;SY)(A;;FA;;;S-1-5-93-2-2)(A;;0x1200a9;;;BU)"},
	} {
		raw := decode64(t, c.vector)
		d, err := ParseDescriptor(raw)
		if err != nil {
			t.Fatal(err)
		}
		if got := d.String(); got != c.sddl {
			t.Errorf("got  %s\nwant %s", got, c.sddl)
		}
		if diff := cmp.Diff(d, mustSDDL(t, c.sddl)); diff != "" {
			t.Errorf("%s: (-bytes +text)\n%s", c.sddl, diff)
		}
		if b, err := d.Bytes(); err != nil || !bytes.Equal(b, raw) {
			t.Errorf("%s: encoded again %x, %v", c.sddl, b, err)
		}
	}
}

func sddlSamples() []string {
	return []string{
		"", "O:BA", "D:", "D:NO_ACCESS_CONTROL", "D:P", "D:PARAI", "G:S-1-5-21-1-2-3-513",
		"O:BA G:SY D:(A;;FA;;;BA) (D;OICINPIOID;SDRCWDGXGWGR;;;WD)",
		"O:SYD:PAI(A;CI;DCLCRPCR;;;BU)S:AI(AU;SAFA;FA;;;WD)(ML;;NW;;;LW)",
		"D:(XA;;FX;;;WD;6172747800000000)(0x05;0x20;;;;;00000000)(0x13;;0x0;;;S-1-17-1)",
		sddl(sddlRoot), sddl(sddlSystem), sddl(sddlWwwroot),
	}
}

func TestSDDLRoundTrip(t *testing.T) {
	for _, s := range sddlSamples() {
		d := mustSDDL(t, s)
		if got := strings.ReplaceAll(s, " ", ""); d.String() != got {
			t.Errorf("printed %s\nwant    %s", d.String(), got)
		}
		checkRoundTrips(t, d)
	}
}

// checkRoundTrips is the property that both codecs have for every descriptor.
func checkRoundTrips(t *testing.T, d Descriptor) {
	t.Helper()
	for _, encode := range []func() ([]byte, error){d.Bytes, d.KeyBytes} {
		b, err := encode()
		if err != nil {
			t.Fatalf("%s: %v", d, err)
		}
		again, err := ParseDescriptor(b)
		if err != nil {
			t.Fatalf("%s: %v", d, err)
		}
		if !d.Equal(again) {
			t.Errorf("bytes: %+v became %+v", d, again)
		}
	}
	again, err := ParseSDDL(d.String())
	if err != nil {
		t.Fatalf("%s: %v", d, err)
	}
	again.Control = d.Control // SDDL has no place for the other bits
	if !d.Equal(again) {
		t.Errorf("text: %s became %s", d, again)
	}
}

func TestParseSDDLRefuses(t *testing.T) {
	for _, s := range []string{
		"O", "O:", "O:XX", "X:BA", "O:BAO:BA", "D:(A;;FA;;;BA", "D:(A;;FA;;BA)", "D:(Z;;FA;;;BA)",
		"D:(A;ZZ;FA;;;BA)", "D:(A;;ZZ;;;BA)", "D:(A;;FA;;;)", "D:(A;;0x1ffffffff;;;BA)", "D:x",
		"D:(OA;;FA;00000000-0000-0000-0000-000000000000;;BA)", "D:(A;;FA;;;BA;123)", "D:(0x05;;FA;;;BA)",
	} {
		if d, err := ParseSDDL(s); err == nil {
			t.Errorf("%s: read as %s", s, d)
		}
	}
}

// TestParseDescriptorRefuses: each would make a reader look outside the bytes or
// see other rights than Windows does.
func TestParseDescriptorRefuses(t *testing.T) {
	raw := decode64(t, vectorDir)
	change := func(at int, v ...byte) []byte {
		b := bytes.Clone(raw)
		copy(b[at:], v)
		return b
	}
	for name, b := range map[string][]byte{
		"nothing":               nil,
		"header cut":            raw[:19],
		"last byte missing":     raw[:len(raw)-1],
		"revision":              change(0, 2),
		"absolute form":         change(3, 0),
		"owner outside":         change(4, 0xFF, 0xFF, 0xFF, 0x7F),
		"owner in header":       change(4, 8),
		"owner revision":        change(20, 2),
		"owner too long":        change(21, 16),
		"group cut":             change(8, 214),
		"list revision":         change(48, 9),
		"list larger than file": change(50, 0xFF, 0xFF),
		"list too small":        change(50, 4, 0),
		"too many entries":      change(52, 8),
		"far too many entries":  change(52, 0xFF, 0xFF),
		"entry too small":       change(58, 2),
		"entry too large":       change(58, 0xF0),
		"entry not aligned":     change(58, 0x19),
		"entry without mask":    change(58, 4),
	} {
		if d, err := ParseDescriptor(b); err == nil {
			t.Errorf("%s: read as %s", name, d)
		}
	}
}

func TestEncodeLimits(t *testing.T) {
	d := Descriptor{DACL: slices.Repeat([]ACE{{Mask: FullAccess, SID: Everyone}}, 3300)}
	if _, err := d.Bytes(); err == nil {
		t.Error("a list of more than 64 KiB was encoded")
	}
	for _, d := range []Descriptor{{Group: "x"}, {DACL: []ACE{{}}}, {SACL: []ACE{{Type: Audit, SID: "S-1"}}}, {DACL: []ACE{{SID: Everyone, Extra: "abc"}}}} {
		if _, err := d.Bytes(); err == nil {
			t.Errorf("%+v was encoded", d)
		}
	}
}

func TestSIDBytes(t *testing.T) {
	for sid, want := range map[SID]string{
		Administrators:         "01020000000000052000000020020000",
		LocalSystem:            "010100000000000512000000",
		Everyone:               "010100000000000100000000",
		CreatorOwner:           "010100000000000300000000",
		ContainerAdministrator: "01030000000000055d0000000200000001000000",
		ContainerUser:          "01030000000000055d0000000200000002000000",
		"S-1-5":                "0100000000000005",
		"S-1-0x010000000000-1": "010101000000000001000000",
	} {
		if got := hex.EncodeToString(sid.Bytes()); got != want {
			t.Errorf("%s: got %s, want %s", sid, got, want)
		}
		if !sid.Valid() {
			t.Errorf("%s is not valid", sid)
		}
	}
	for _, bad := range []SID{"", "Bob", "s-1-5-18", "S-1-05-18"} {
		if bad.Valid() || bad.Bytes() != nil {
			t.Errorf("%q is valid", string(bad))
		}
	}
}

func TestParseSID(t *testing.T) {
	for text, want := range map[string]SID{
		"S-1-5-18": LocalSystem, "s-1-5-018": LocalSystem, "S-1-0x5-18": LocalSystem,
		"S-1-1099511627776-1": "S-1-0x010000000000-1",
	} {
		if got, err := ParseSID(text); err != nil || got != want {
			t.Errorf("%s: got %s, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "S", "S-1", "S-1-", "S-2-5-18", "X-1-5-18", "S-1-5-", "S-1-5--1", "S-1-5-+1", "S-1-5-4294967296", "S-1-281474976710656", "S-1-5-x", "S-1-5" + strings.Repeat("-1", 16)} {
		if got, err := ParseSID(text); err == nil {
			t.Errorf("%q: read as %s", text, got)
		}
	}
}

func TestInheritFor(t *testing.T) {
	for name, c := range map[string]struct {
		parent, dir, file string
	}{
		"both kinds": {
			"O:SYG:SYD:(A;OICI;FA;;;BA)", "O:BAG:SYD:(A;OICI;FA;;;BA)", "O:BAG:SYD:(A;;FA;;;BA)"},
		"marked as inherited, protection ends": {
			"D:PAI(A;OICI;FA;;;BA)", "O:BAG:SYD:AI(A;OICIID;FA;;;BA)", "O:BAG:SYD:AI(A;ID;FA;;;BA)"},
		"creator owner is split for directories": {
			"D:(A;OICIIO;GA;;;CO)", "O:BAG:SYD:(A;;FA;;;BA)(A;OICIIO;GA;;;CO)", "O:BAG:SYD:(A;;FA;;;BA)"},
		"creator group": {
			"D:(A;CI;GR;;;CG)", "O:BAG:SYD:(A;;FR;;;SY)(A;CIIO;GR;;;CG)", "O:BAG:SYD:(A;;FA;;;SY)(A;;FA;;;BA)"},
		"generic rights are mapped": {
			"D:(A;OICI;GXGR;;;BU)", "O:BAG:SYD:(A;;0x1200a9;;;BU)(A;OICIIO;GXGR;;;BU)", "O:BAG:SYD:(A;;0x1200a9;;;BU)"},
		"no further than one level": {
			"D:(A;OICINP;GA;;;BU)(A;OINP;FR;;;WD)", "O:BAG:SYD:(A;;FA;;;BU)", "O:BAG:SYD:(A;;FA;;;BU)(A;;FR;;;WD)"},
		"for files only, waits in directories": {
			"D:(A;OI;FR;;;WD)", "O:BAG:SYD:(A;OIIO;FR;;;WD)", "O:BAG:SYD:(A;;FR;;;WD)"},
		"for directories only": {
			"D:(D;CI;FW;;;WD)(A;OI;FA;;;SY)", "O:BAG:SYD:(D;CI;FW;;;WD)(A;OIIO;FA;;;SY)", "O:BAG:SYD:(A;;FA;;;SY)"},
		"nothing to inherit": {
			"D:(A;;FA;;;WD)", "O:BAG:SYD:(A;;FA;;;SY)(A;;FA;;;BA)", "O:BAG:SYD:(A;;FA;;;SY)(A;;FA;;;BA)"},
		"unread types travel along": {
			"D:(0x05;OICI;;;;;00000000)", "O:BAG:SYD:(0x05;OICI;;;;;00000000)", "O:BAG:SYD:(0x05;;;;;;00000000)"},
	} {
		parent := mustSDDL(t, c.parent)
		if got := parent.InheritFor(true, Administrators, LocalSystem).String(); got != c.dir {
			t.Errorf("%s, directory:\ngot  %s\nwant %s", name, got, c.dir)
		}
		if got := parent.InheritFor(false, Administrators, LocalSystem).String(); got != c.file {
			t.Errorf("%s, file:\ngot  %s\nwant %s", name, got, c.file)
		}
		if got := parent.String(); got != c.parent {
			t.Errorf("%s: the parent changed to %s", name, got)
		}
	}
}

// TestDefaultIsInherited ties the default descriptor to the root's: it grants
// exactly what Windows servers give to a directory or file created in C:\.
func TestDefaultIsInherited(t *testing.T) {
	for _, dir := range []bool{true, false} {
		want, err := ParseDescriptor(DefaultDescriptor(dir))
		if err != nil {
			t.Fatal(err)
		}
		root := mustSDDL(t, strings.Replace(sddl(sddlRoot), "PAI", "P", 1))
		got := root.InheritFor(dir, Administrators, LocalSystem)
		if diff := cmp.Diff(aceSet(want), aceSet(got)); diff != "" {
			t.Errorf("directory %v: (-default +inherited)\n%s", dir, diff)
		}
	}
}

func aceSet(d Descriptor) []string {
	var all []string
	for _, a := range d.DACL {
		all = append(all, a.String())
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// FuzzParseDescriptor: no bytes may crash the reader, and what it accepts must
// survive both round trips.
func FuzzParseDescriptor(f *testing.F) {
	for _, v := range []string{vectorDir, vectorFile, vectorUsers, vectorOwnedDir} {
		f.Add(decode64(f, v))
	}
	for _, s := range sddlSamples() {
		b, err := mustSDDL(f, s).Bytes()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := ParseDescriptor(b)
		if err != nil {
			return
		}
		checkRoundTrips(t, d)
		for _, dir := range []bool{true, false} {
			checkRoundTrips(t, d.InheritFor(dir, LocalSystem, LocalSystem))
		}
	})
}

// FuzzParseSDDL: what is accepted must encode and print to the same again.
func FuzzParseSDDL(f *testing.F) {
	for _, s := range sddlSamples() {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d, err := ParseSDDL(s)
		if err != nil {
			return
		}
		if _, err := d.Bytes(); err != nil {
			return // only too long a list
		}
		checkRoundTrips(t, d)
	})
}

// FuzzParseSID: the canonical text and the bytes must stand for each other.
func FuzzParseSID(f *testing.F) {
	for _, s := range []string{"S-1-5-18", "s-1-0x5-032-544", "S-1-5", string(TrustedInstaller), "S-1-0xffffffffffff-4294967295"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		sid, err := ParseSID(s)
		if err != nil {
			return
		}
		if !sid.Valid() {
			t.Errorf("%q became %q, which is not valid", s, string(sid))
		}
		again, n, err := decodeSID(sid.Bytes())
		if err != nil || again != sid || n != len(sid.Bytes()) {
			t.Errorf("%q became %q, %v", string(sid), string(again), err)
		}
	})
}
