package machine_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/tree"
	"github.com/casement/casement/internal/winmeta"
)

// The rights of the two accounts of containers: a step that runs as
// ContainerUser and writes where that account may not must fail as on Windows,
// or the image would only work when built here.
func TestRights(t *testing.T) {
	for user, lines := range map[string]string{
		"ContainerUser": `
			write | C:\x.txt | x = 5
			mkdir | C:\app
			write | C:\app\x.txt | x
			append | C:\app\x.txt | y
			copy | C:\app\x.txt | C:\app\y.txt
			ren | C:\app\x.txt | C:\app\z.txt
			remove | C:\app\z.txt
			copy | C:\app\y.txt | C:\Windows\y.txt = 5
			ren | C:\app\y.txt | C:\y.txt = 5
			write | C:\Program Files\x | x = 5
			mkdir | C:\Program Files\x = 5
			mkdir | C:\Windows\x = 5
			write | C:\Windows\System32\drivers\etc\hosts | x = 5
			mkdir | C:\Users\x = 5
			write | C:\Users\ContainerUser\x | x
			mkdirall | C:\Users\ContainerUser\AppData\Local\Temp\a\b
			list | C:\Users\ContainerAdministrator | = 5
			write | C:\Users\ContainerAdministrator\x | x = 5
			mkdir | C:\ProgramData\x
			write | C:\ProgramData\x\y | x
			write | C:\Windows\Temp\x | x
			rmall | C:\Windows\Temp = 5
			remove | C:\Windows\System32\drivers\etc = 5
			ren | C:\Windows | C:\W = 5
			attrib | C:\Windows | r = 5
			list | C:\Windows\System32\config | = 5
			symlink | C:\app\y.txt | C:\app\l = 1314
			junction | C:\app | C:\app\j
			read | C:\mine\admin.txt | x
			write | C:\mine\admin.txt | y = 5
			remove | C:\mine\admin.txt = 5
			attrib | C:\mine\admin.txt | r = 5
			write | C:\mine\new.txt | z
			mkdir | C:\mine\sub
			write | C:\locked\x | x = 5
			read | C:\locked\secret | s = 5
			stat | C:\locked\secret = 5`,
		"ContainerAdministrator": `
			write | C:\x.txt | x
			mkdir | C:\Program Files\x
			write | C:\Windows\System32\new.dll | x
			remove | C:\Windows\System32\new.dll
			write | C:\mine\admin.txt | y
			list | C:\Users\ContainerUser | AppData Desktop Documents Downloads Favorites Links Music Pictures Saved Games Videos
			list | C:\locked | secret
			read | C:\locked\secret | s
			write | C:\trusted.dll | x = 5
			remove | C:\trusted.dll
			symlink | C:\x.txt | C:\l`,
	} {
		sddl := func(e *tree.Entry, text string) tree.Change {
			d, err := winmeta.ParseSDDL(text)
			if err != nil {
				t.Fatal(err)
			}
			b, err := d.Bytes()
			if err != nil {
				t.Fatal(err)
			}
			e.Windows = &tree.Windows{Descriptor: b}
			return tree.Change{Entry: e}
		}
		l := &tree.Layer{Changes: tree.NewSet([]tree.Change{
			{Entry: &tree.Entry{Name: "mine", Kind: tree.Dir}},
			{Entry: &tree.Entry{Name: "mine/admin.txt", Kind: tree.File, Size: 1, Content: tree.Bytes("x")}},
			sddl(&tree.Entry{Name: "locked", Kind: tree.Dir}, "O:BAG:SYD:PAI(A;OICI;FA;;;BA)(A;OICI;FA;;;SY)"),
			sddl(&tree.Entry{Name: "locked/secret", Kind: tree.File, Size: 1, Content: tree.Bytes("s")}, "O:BAG:SYD:PAI(D;;FA;;;BU)(A;;FA;;;S-1-5-93-2-1)(A;;FA;;;SY)"),
			sddl(&tree.Entry{Name: "trusted.dll", Kind: tree.File}, "O:"+string(winmeta.TrustedInstaller)+"G:SYD:PAI(A;;0x1200a9;;;BA)(A;;FA;;;SY)"),
		})}
		if user == "ContainerAdministrator" {
			// The first entry that names a right decides.
			lines = strings.Replace(lines, "read | C:\\locked\\secret | s", "read | C:\\locked\\secret | s = 5", 1)
		}
		m := start(t, machine.Options{Root: windows(l), User: user})
		script(t, t.Context(), m.FS(), lines)
	}
}

// An enabled privilege reads and writes past the descriptors, and only
// administrators have it.
func TestPrivileged(t *testing.T) {
	for user, want := range map[string]bool{"ContainerAdministrator": true, "ContainerUser": false} {
		m := start(t, machine.Options{User: user})
		path := `C:\Windows\System32`
		d, err := m.FS().Descriptor(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		d.Owner = winmeta.Administrators
		if err := m.FS().SetDescriptor(t.Context(), path, d); !errors.Is(err, fs.ErrPermission) {
			t.Errorf("%s: taking TrustedInstaller's directory: %v", user, err)
		}
		err = m.FS().Privileged().SetDescriptor(t.Context(), path, d)
		if (err == nil) != want {
			t.Errorf("%s: with privileges: %v", user, err)
		}
	}
}

// Accounts that only the image's own database knows cannot be played.
func TestUsers(t *testing.T) {
	for name, want := range map[string]string{
		"": `User Manager\ContainerAdministrator`, "containeruser": `User Manager\ContainerUser`, `User Manager\ContainerUser`: `User Manager\ContainerUser`,
		`NT AUTHORITY\SYSTEM`: `NT AUTHORITY\SYSTEM`, "bob": "refused", "Administrators": "refused", "1000": "refused",
	} {
		m, err := machine.New(machine.Options{Root: windows(), User: name})
		got := "refused"
		if err == nil {
			got = m.Account().String()
		}
		if got != want {
			t.Errorf("%q is %s, want %s", name, got, want)
		}
	}
}

// What a RUN makes is protected as what Windows makes there, and what is inherited
// is marked so: if it were not, a later step that takes a right away from the
// directory would leave it on what is in it. Where layers say the same anyway,
// nothing is stored.
func TestDescriptors(t *testing.T) {
	m := start(t, machine.Options{Root: windows(layer("old=x", "copied/", "Program Files/kept=x"))})
	f, ctx := m.FS(), t.Context()
	script(t, ctx, f, `
		mkdir | C:\app
		mkdir | C:\app\sub
		write | C:\app\f | x
		mkdir | C:\Program Files\Vendor
		write | C:\Program Files\Vendor\f | x
		write | C:\old | y
		ren | C:\app\f | C:\Program Files\Vendor\moved
		symlink | x | C:\app\l
		write | C:\copied\f | x`)
	res, err := m.Finish(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range res.Changes {
		e := c.Entry
		got := "none"
		if e.Windows != nil && e.Windows.Descriptor != nil {
			d, err := winmeta.ParseDescriptor(e.Windows.Descriptor)
			if err != nil {
				t.Fatal(err, base64.StdEncoding.EncodeToString(e.Windows.Descriptor))
			}
			got = d.String()
		}
		want := "none"
		switch e.Name {
		case "app", "app/sub":
			want = "O:BAG:SYD:AI(A;OICIID;FA;;;SY)(A;OICIID;FA;;;BA)(A;OICIID;0x1200a9;;;BU)(A;CIID;LC;;;BU)(A;CIID;DC;;;BU)(A;OICIIOID;GA;;;CO)"
		case "app/l", "Program Files/Vendor/moved":
			want = "O:BAG:SYD:AI(A;ID;FA;;;SY)(A;ID;FA;;;BA)(A;ID;0x1200a9;;;BU)"
		case "Program Files/Vendor":
			want = "O:BAG:SYD:AI(A;ID;FA;;;BA)(A;OICIIOID;GA;;;CO)(A;ID;FA;;;SY)(A;OICIIOID;GA;;;SY)(A;OICIIOID;GA;;;BA)" +
				"(A;ID;0x1200a9;;;BU)(A;OICIIOID;GXGR;;;BU)(A;ID;FA;;;" + string(winmeta.TrustedInstaller) + ")(A;CIIOID;GA;;;" + string(winmeta.TrustedInstaller) + ")" +
				"(A;ID;0x1200a9;;;AC)(A;OICIIOID;GXGR;;;AC)(A;ID;0x1200a9;;;S-1-15-2-2)(A;OICIIOID;GXGR;;;S-1-15-2-2)"
		case "Program Files/Vendor/f":
			want = "O:BAG:SYD:AI(A;ID;FA;;;BA)(A;ID;FA;;;SY)(A;ID;0x1200a9;;;BU)(A;ID;0x1200a9;;;AC)(A;ID;0x1200a9;;;S-1-15-2-2)"
		}
		if got != want {
			t.Errorf("%s has the descriptor %s, want %s", e.Name, got, want)
		}
	}
	if len(res.Changes) != 8 {
		t.Errorf("%d changes", len(res.Changes))
	}
}

// The owner of what a user makes is the user.
func TestOwner(t *testing.T) {
	for user, want := range map[string]winmeta.SID{"ContainerUser": winmeta.ContainerUser, "ContainerAdministrator": winmeta.Administrators} {
		m := start(t, machine.Options{User: user})
		script(t, t.Context(), m.FS(), `mkdir | C:\app`)
		d, err := m.FS().Descriptor(t.Context(), `C:\app`)
		if err != nil || d.Owner != want {
			t.Errorf("%s owns as %s, %v", user, d.Owner, err)
		}
		if got := fmt.Sprint(m.Account().Admin); got != fmt.Sprint(user == "ContainerAdministrator") {
			t.Errorf("%s is an administrator: %s", user, got)
		}
	}
}
