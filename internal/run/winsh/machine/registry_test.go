package machine_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/casement/casement/internal/hive"
	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/tree"
)

// key makes a key of a hive: values are RegValues, the rest keys below.
func key(name string, parts ...any) *hive.Node {
	n := &hive.Node{Name: name}
	for _, p := range parts {
		switch p := p.(type) {
		case *hive.Node:
			n.Subkeys = append(n.Subkeys, p)
		case machine.RegValue:
			n.Values = append(n.Values, hive.Value{Name: p.Name, Type: uint32(p.Type), Data: p.Data})
		}
	}
	return n
}

// registryLayers are a base image with hives and an update of it with a delta
// hive, both sealed. The counter counts questions to either.
func registryLayers(t *testing.T) (layers []*tree.Layer, asked *int) {
	t.Helper()
	encode := func(n *hive.Node) []byte {
		b, err := hive.Encode(n, hive.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	software := encode(key("SOFTWARE",
		key("Vendor", machine.RegString("Name", "base"), machine.RegDword("Count", 7), key("Sub", machine.RegString("", "default"))),
		key("Classes", key(".txt", machine.RegString("", "txtfile")), key("txtfile", machine.RegString("", "Text"))),
		key("Old", machine.RegString("x", "1")),
	))
	system := encode(key("SYSTEM",
		key("Select", machine.RegDword("Current", 1)),
		key("ControlSet001", key("Services", key("Tcpip", machine.RegDword("Start", 1)))),
	))
	user := encode(key("ROOT", key("Software", key("Vendor", machine.RegString("Mine", "yes")))))
	base := &tree.Layer{Label: "base"}
	var changes []tree.Change
	for name, b := range map[string][]byte{"Windows/System32/config/SOFTWARE": software, "Windows/System32/config/SYSTEM": system, "Users/Default/NTUSER.DAT": user} {
		changes = append(changes, tree.Change{Entry: &tree.Entry{Name: name, Kind: tree.File, Size: int64(len(b)), Content: tree.Bytes(b)}})
	}
	base.Changes = tree.NewSet(changes)

	h, err := hive.Open(strings.NewReader(string(software)), int64(len(software)))
	if err != nil {
		t.Fatal(err)
	}
	var c hive.Changes
	value := machine.RegString("Name", "patched")
	if c, err = c.SetValue(`Vendor`, hive.Value{Name: value.Name, Type: uint32(value.Type), Data: value.Data}); err == nil {
		c, err = c.DeleteKey("Old")
	}
	if err != nil {
		t.Fatal(err)
	}
	delta, err := hive.EncodeDelta(c, hive.NewView(h), hive.Options{})
	if err != nil {
		t.Fatal(err)
	}
	sealed, n := seal(base)
	update := &tree.Layer{Label: "update", Sealed: true, Changes: hiveLayer{counting{tree.NewSet(nil), n}, map[string]tree.Content{"SOFTWARE": tree.Bytes(delta)}}}
	return []*tree.Layer{sealed, update}, n
}

type hiveLayer struct {
	counting
	hives map[string]tree.Content
}

func (h hiveLayer) DeltaHives(context.Context) (map[string]tree.Content, error) {
	*h.n++
	return h.hives, nil
}

// regDo is one operation on the registry: verb and arguments.
func regDo(ctx context.Context, r *machine.Registry, a []string) error {
	for i := range a {
		a[i] = strings.TrimSpace(a[i])
	}
	switch a[0] {
	case "create", "existed":
		existed, err := r.CreateKey(ctx, a[1])
		if err == nil && existed != (a[0] == "existed") {
			return fmt.Errorf("it existed: %v", existed)
		}
		return err
	case "set":
		return r.SetValue(ctx, a[1], machine.RegString(a[2], a[3]))
	case "delvalue":
		return r.DeleteValue(ctx, a[1], a[2])
	case "delkey":
		return r.DeleteKey(ctx, a[1])
	case "get":
		v, err := r.Value(ctx, a[1], a[2])
		if got := v.Name + ":" + v.Text(); err == nil && got != a[3] {
			return fmt.Errorf("it is %s", got)
		}
		return err
	case "exists", "missing":
		ok, err := r.KeyExists(ctx, a[1])
		if err == nil && ok != (a[0] == "exists") {
			return fmt.Errorf("it exists: %v", ok)
		}
		return err
	case "keys":
		list, err := r.Subkeys(ctx, a[1])
		if got := strings.Join(list, " "); err == nil && got != a[2] {
			return fmt.Errorf("it has %s", got)
		}
		return err
	case "values":
		list, err := r.Values(ctx, a[1])
		var names []string
		for _, v := range list {
			names = append(names, v.Name+"="+v.Text())
		}
		if got := strings.Join(names, " "); err == nil && got != a[2] {
			return fmt.Errorf("it has %s", got)
		}
		return err
	}
	return errors.New("no such verb")
}

// The registry must answer as Windows' would, read the base only when it has to,
// and report what the step has changed and nothing else.
func TestRegistry(t *testing.T) {
	for _, tt := range []struct {
		name, user string
		base       bool
		reads      bool
		lines      string
		want       string
	}{
		{"writing reads nothing", "", true, false, `
			set | HKLM\SOFTWARE\Vendor\New | a | 1
			create | HKLM\SOFTWARE\Vendor\Empty
			set | HKLM\SYSTEM\CurrentControlSet\Services\x | y | z
			set | HKCU\Software\Mine | b | 2
			set | HKCR\.foo | | foofile
			get | HKLM\software\vendor\NEW | A | a:1
			existed | HKLM\SOFTWARE\Vendor\New
			existed | HKLM\SOFTWARE\Vendor
			existed | HKLM\SOFTWARE
			exists | HKLM\SOFTWARE\Vendor`, `
			HKLM\SOFTWARE\Classes\.foo  REG_SZ foofile
			HKLM\SOFTWARE\Vendor\Empty
			HKLM\SOFTWARE\Vendor\New a REG_SZ 1
			HKLM\SYSTEM\CurrentControlSet\Services\x y REG_SZ z
			HKCU\Software\Mine b REG_SZ 2`},
		{"reading sees the base and its update", "", true, true, `
			get | HKLM\SOFTWARE\Vendor | name | Name:patched
			get | HKLM\SOFTWARE\Vendor | Count | Count:0x7
			get | HKEY_LOCAL_MACHINE\Software\vendor\sub | | :default
			get | HKLM\SOFTWARE\Vendor | no | = 2
			get | HKLM\SOFTWARE\No | x | = 2
			missing | HKLM\SOFTWARE\Old
			keys | HKLM\SOFTWARE | Classes Vendor
			values | HKLM\SOFTWARE\Vendor | Name=patched Count=0x7
			get | HKLM\SYSTEM\CurrentControlSet\Services\Tcpip | Start | Start:0x1
			get | HKLM\SYSTEM\ControlSet001\Services\Tcpip | Start | Start:0x1
			keys | HKLM | HARDWARE SAM SECURITY SOFTWARE SYSTEM
			get | HKCU\Software\Vendor | mine | Mine:yes
			get | HKCR\.txt | | :txtfile
			keys | HKCR | .txt txtfile`, ``},
		{"changes over the base", "", true, true, `
			set | HKLM\SOFTWARE\Vendor | NAME | mine
			delvalue | HKLM\SOFTWARE\Vendor | count
			delvalue | HKLM\SOFTWARE\Vendor | no = 2
			values | HKLM\SOFTWARE\Vendor | Name=mine
			set | HKLM\SOFTWARE\Vendor | New | 1
			delvalue | HKLM\SOFTWARE\Vendor | new
			delkey | HKLM\SOFTWARE\Vendor\Sub
			missing | HKLM\SOFTWARE\Vendor\Sub
			get | HKLM\SOFTWARE\Vendor\Sub | | = 2
			keys | HKLM\SOFTWARE\Vendor |
			delkey | HKLM\SOFTWARE\Old = 2
			delkey | HKLM\SOFTWARE = 5
			set | HKCU\Software\Classes\.txt | | mine
			get | HKCR\.txt | | :mine
			set | HKCR\.txt | Content | text
			get | HKCU\Software\Classes\.TXT | content | Content:text
			values | HKCR\.txt | =mine Content=text`, `
			HKLM\SOFTWARE\Vendor -Count REG_DWORD
			HKLM\SOFTWARE\Vendor NAME REG_SZ mine
			-HKLM\SOFTWARE\Vendor\Sub
			HKCU\Software\Classes\.txt  REG_SZ mine
			HKCU\Software\Classes\.txt Content REG_SZ text`},
		{"a key in the place of one of the base", "", true, true, `
			delkey | HKLM\SOFTWARE\Vendor
			set | HKLM\SOFTWARE\Vendor | x | 1
			values | HKLM\SOFTWARE\Vendor | x=1
			missing | HKLM\SOFTWARE\Vendor\Sub
			delkey | HKLM\SOFTWARE\Vendor
			create | HKLM\SOFTWARE\Vendor\Sub
			keys | HKLM\SOFTWARE\Vendor | Sub
			get | HKLM\SOFTWARE\Vendor | Name | = 2`, `
			-HKLM\SOFTWARE\Vendor
			HKLM\SOFTWARE\Vendor
			HKLM\SOFTWARE\Vendor\Sub`},
		{"what was made and deleted leaves nothing", "", false, false, `
			create | HKLM\SOFTWARE\A\B\C
			set | HKLM\SOFTWARE\A | x | 1
			set | HKLM\SOFTWARE\X | x | 1
			delvalue | HKLM\SOFTWARE\X | x
			delkey | HKLM\SOFTWARE\A
			missing | HKLM\SOFTWARE\A
			keys | HKLM\SOFTWARE | X
			keys | HKLM\SOFTWARE\X |
			delkey | HKLM\SOFTWARE\X`, ``},
		{"without a base", "", false, false, `
			missing | HKLM\SOFTWARE\Microsoft
			exists | HKLM\SOFTWARE
			exists | HKCU
			exists | HKLM\SYSTEM\CurrentControlSet\Control\Session Manager
			keys | HKLM\SOFTWARE |
			missing | HKXX\a
			create | HKXX\a = 2
			create | HKLM\Mine = 87
			create | HKLM = 5`, ``},
		{"a user may change what is the user's", "ContainerUser", true, true, `
			set | HKLM\SOFTWARE\X | x | 1 = 5
			create | HKLM\SOFTWARE\X = 5
			delkey | HKLM\SOFTWARE\Vendor = 5
			set | HKU\.DEFAULT\X | x | 1 = 5
			set | HKCR\.x | x | 1 = 5
			set | HKCU\Software\X | x | 1
			get | HKLM\SOFTWARE\Vendor | name | Name:patched
			keys | HKLM\SECURITY | = 5`, `
			HKCU\Software\X x REG_SZ 1`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			asked := new(int)
			var layers []*tree.Layer
			if tt.base {
				layers, asked = registryLayers(t)
			}
			m := start(t, machine.Options{Root: windows(layers...), User: tt.user})
			for line := range strings.Lines(tt.lines) {
				if line = strings.TrimSpace(line); line == "" {
					continue
				}
				cmd, want, _ := strings.Cut(line, " = ")
				if want == "" {
					want = "0"
				}
				err := regDo(t.Context(), m.Registry(), strings.Split(cmd, "|"))
				if got := fmt.Sprint(machine.CodeOf(err)); got != want || want == "0" && err != nil {
					t.Errorf("%s: error %s, want %s (%v)", line, got, want, err)
				}
				if want == "2" && !errors.Is(err, fs.ErrNotExist) || want == "5" && !errors.Is(err, fs.ErrPermission) {
					t.Errorf("%s: %v matches nothing", line, err)
				}
			}
			if *asked > 0 != tt.reads {
				t.Errorf("the base was asked %d times", *asked)
			}
			res, err := m.Finish(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			var want []string
			for line := range strings.Lines(tt.want) {
				if line = strings.TrimSpace(line); line != "" {
					want = append(want, line)
				}
			}
			if diff := cmp.Diff(strings.Join(want, "\n"), registryListing(res.Registry)); diff != "" {
				t.Errorf("changes (-want +got)\n%s", diff)
			}
		})
	}
}

func registryListing(changes []machine.RegistryChange) string {
	var lines []string
	for _, c := range changes {
		switch {
		case c.Type == "" && c.Delete:
			lines = append(lines, "-"+c.Key)
		case c.Type == "":
			lines = append(lines, c.Key)
		case c.Delete:
			lines = append(lines, c.Key+" -"+c.Name+" "+c.Type)
		default:
			lines = append(lines, c.Key+" "+c.Name+" "+c.Type+" "+c.Value)
		}
	}
	return strings.Join(lines, "\n")
}

// Changes that an earlier step has left as a delta hive are there without the
// base.
func TestDeltaOfEarlierStep(t *testing.T) {
	layers, asked := registryLayers(t)
	var c hive.Changes
	v := machine.RegString("x", "1")
	c, err := c.SetValue("Mine", hive.Value{Name: v.Name, Type: uint32(v.Type), Data: v.Data})
	if err != nil {
		t.Fatal(err)
	}
	b, err := hive.EncodeDelta(c, hive.NewView(nil), hive.Options{})
	if err != nil {
		t.Fatal(err)
	}
	layers = append(layers, &tree.Layer{Changes: tree.NewSet(nil), Hives: map[string][]byte{"Software": b}})
	m := start(t, machine.Options{Root: windows(layers...)})
	if existed, err := m.Registry().CreateKey(t.Context(), `HKLM\SOFTWARE\Mine`); !existed || err != nil || *asked > 0 {
		t.Errorf("it existed: %v, %v; the base was asked %d times", existed, err, *asked)
	}
	if v, err := m.Registry().Value(t.Context(), `HKLM\SOFTWARE\Mine`, "X"); err != nil || v.String() != "1" {
		t.Errorf("%s, %v", v, err)
	}
}

// Values must be what other programs make of the same bytes.
func TestRegValues(t *testing.T) {
	for _, tt := range []struct {
		v         machine.RegValue
		typ, text string
		data      string
		n         uint64
		strings   []string
		plain     string
	}{
		{v: machine.RegString("a", "hä"), typ: "REG_SZ", text: "hä", data: "h\x00\xe4\x00\x00\x00", plain: "hä"},
		{v: machine.RegExpand("a", "%x%"), typ: "REG_EXPAND_SZ", text: "%x%", data: "%\x00x\x00%\x00\x00\x00", plain: "%x%"},
		{v: machine.RegMulti("a", []string{"x", "y"}), typ: "REG_MULTI_SZ", text: `x\0y`, data: "x\x00\x00\x00y\x00\x00\x00\x00\x00", strings: []string{"x", "y"}},
		{v: machine.RegMulti("a", nil), typ: "REG_MULTI_SZ", data: "\x00\x00"},
		{v: machine.RegDword("a", 258), typ: "REG_DWORD", text: "0x102", data: "\x02\x01\x00\x00", n: 258},
		{v: machine.RegQword("a", 1<<40), typ: "REG_QWORD", text: "0x10000000000", data: "\x00\x00\x00\x00\x00\x01\x00\x00", n: 1 << 40},
		{v: machine.RegBinary("a", []byte{1, 0xAB}), typ: "REG_BINARY", text: "01AB", data: "\x01\xab"},
		{v: machine.RegValue{Type: 99}, typ: "REG_TYPE_99"},
	} {
		if got := tt.v.Type.String(); got != tt.typ {
			t.Errorf("type %s, want %s", got, tt.typ)
		}
		if got := tt.v.Text(); got != tt.text || string(tt.v.Data) != tt.data {
			t.Errorf("%s: text %q, data %q", tt.typ, got, tt.v.Data)
		}
		if typ, ok := machine.ParseRegType(strings.ToLower(tt.typ)); ok != (tt.v.Type != 99) || ok && typ != tt.v.Type {
			t.Errorf("%s reads as %v, %v", tt.typ, typ, ok)
		}
		switch {
		case tt.n != 0 && tt.v.Uint() != tt.n, tt.plain != "" && tt.v.String() != tt.plain, tt.strings != nil && !cmp.Equal(tt.strings, tt.v.Strings()):
			t.Errorf("%s: %d, %q, %q", tt.typ, tt.v.Uint(), tt.v.String(), tt.v.Strings())
		}
	}
}
