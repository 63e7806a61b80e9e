package machine_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/casement/casement/internal/hive"
	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/tree"
)

func TestEnv(t *testing.T) {
	e := machine.NewEnv([]string{"Path=a", "FOO=1", "foo=2", "=C:=C:\\x", "empty=", "bad"})
	if diff := cmp.Diff([]string{"=C:=C:\\x", "empty=", "FOO=2", "Path=a"}, e.List()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	c := e.Clone()
	c.Set("PATH", "b")
	c.Unset("fOO")
	if v, ok := e.Get("path"); v != "a" || !ok {
		t.Errorf("the copy changed the original: %q", v)
	}
	if _, ok := c.Get("foo"); ok {
		t.Error("foo is still there")
	}
	if got := c.List(); got[len(got)-1] != "Path=b" {
		t.Errorf("%q", got)
	}
	var zero machine.Env
	zero.Set("a", "b")
	if v, _ := zero.Get("A"); v != "b" {
		t.Error("the zero environment takes no variables")
	}
	for in, want := range map[string]string{"%FOO%": "2", "%foo%%Path%": "2a", "%no%x": "%no%x", "100%": "100%", "%%": "%%", "a%no%FOO%": "a%no2"} {
		if got := e.Expand(in); got != want {
			t.Errorf("%s expands to %s, want %s", in, got, want)
		}
	}
}

// What the first process finds: the block of Windows with the image's on top.
func TestEnvironment(t *testing.T) {
	const user = `C:\Users\ContainerUser\AppData\Local\Microsoft\WindowsApps`
	for _, tt := range []struct {
		env        []string
		name, want string
	}{
		{nil, "PATH", `C:\Windows\system32;C:\Windows;C:\Windows\System32\Wbem;C:\Windows\System32\WindowsPowerShell\v1.0\;C:\Windows\System32\OpenSSH\;` + user},
		{[]string{`PATH=C:\x`}, "Path", `C:\x`},
		{[]string{`TEMP=C:\t`}, "TEMP", `C:\t`},
		{nil, "TEMP", `C:\Users\ContainerUser\AppData\Local\Temp`},
		{nil, "USERNAME", "ContainerUser"},
		{[]string{"username=me"}, "USERNAME", "me"},
		{nil, "USERPROFILE", `C:\Users\ContainerUser`},
		{nil, "ComSpec", `C:\Windows\system32\cmd.exe`},
		{nil, "windir", `C:\Windows`},
		{nil, "PROCESSOR_ARCHITECTURE", "AMD64"},
		{nil, "ProgramFiles(x86)", `C:\Program Files (x86)`},
		{[]string{"A=%B%", "B=1"}, "a", "%B%"},
	} {
		m := start(t, machine.Options{Env: tt.env, User: "ContainerUser"})
		if got, _ := m.Process("x", `C:\`, nil, nil).Env.Get(tt.name); got != tt.want {
			t.Errorf("%v: %s is %q, want %q", tt.env, tt.name, got, tt.want)
		}
	}
}

// Variables that a step sets for the machine become the image's environment;
// PATH is complete, and what a value refers to is put in.
func TestPersistentVariables(t *testing.T) {
	const key, user = `HKLM\SYSTEM\CurrentControlSet\Control\Session Manager\Environment`, `HKCU\Environment`
	const apps = `C:\Users\ContainerAdministrator\AppData\Local\Microsoft\WindowsApps`
	for _, tt := range []struct {
		name string
		env  []string
		do   func(*machine.Registry) error
		want string
	}{
		{"nothing", nil, func(*machine.Registry) error { return nil }, ""},
		{"a variable", nil, func(r *machine.Registry) error { return r.SetValue(t.Context(), key, machine.RegString("FOO", "bar")) }, "FOO=bar"},
		{"of the user", nil, func(r *machine.Registry) error { return r.SetValue(t.Context(), user, machine.RegString("FOO", "bar")) }, "FOO=bar"},
		{"expanded", nil, func(r *machine.Registry) error {
			return r.SetValue(t.Context(), key, machine.RegExpand("FOO", `%SystemRoot%\x;%no%`))
		}, `FOO=C:\Windows\x;%no%`},
		{"expanded with what is set after it", nil, func(r *machine.Registry) error {
			if err := r.SetValue(t.Context(), key, machine.RegExpand("PATH", `%FOO%\bin;%SystemRoot%`)); err != nil {
				return err
			}
			if err := r.SetValue(t.Context(), key, machine.RegExpand("BAR", `%FOO%;%BAR%`)); err != nil {
				return err
			}
			return r.SetValue(t.Context(), key, machine.RegString("FOO", `C:\foo`))
		}, `BAR=C:\foo;%BAR% FOO=C:\foo PATH=C:\foo\bin;C:\Windows;` + apps},
		{"not expanded", nil, func(r *machine.Registry) error {
			return r.SetValue(t.Context(), key, machine.RegString("FOO", `%SystemRoot%`))
		}, `FOO=%SystemRoot%`},
		{"path of an image without one", nil, func(r *machine.Registry) error {
			return r.SetValue(t.Context(), key, machine.RegExpand("PATH", `%SystemRoot%\system32;C:\x`))
		}, `PATH=C:\Windows\system32;C:\x;` + apps},
		{"path with what the process has", nil, func(r *machine.Registry) error {
			return r.SetValue(t.Context(), key, machine.RegString("Path", `C:\Windows;`+apps+`;C:\x`))
		}, `Path=C:\Windows;` + apps + `;C:\x`},
		{"path of an image with one", []string{`PATH=C:\a`}, func(r *machine.Registry) error {
			return r.SetValue(t.Context(), key, machine.RegString("Path", `C:\a;C:\x`))
		}, `Path=C:\a;C:\x`},
		{"path of the user", []string{`PATH=C:\a`}, func(r *machine.Registry) error {
			return r.SetValue(t.Context(), user, machine.RegString("Path", `C:\x;c:\A\`))
		}, `Path=C:\a;C:\x`},
		{"removed", []string{"FOO=1"}, func(r *machine.Registry) error { return r.DeleteValue(t.Context(), key, "foo") }, "-FOO"},
		{"made and removed", nil, func(r *machine.Registry) error {
			if err := r.SetValue(t.Context(), key, machine.RegString("FOO", "bar")); err != nil {
				return err
			}
			return r.DeleteValue(t.Context(), key, "foo")
		}, ""},
		{"through the other name of the key", nil, func(r *machine.Registry) error {
			return r.SetValue(t.Context(), `HKEY_LOCAL_MACHINE\system\controlset001\control\session manager\environment\`, machine.RegString("FOO", "bar"))
		}, "FOO=bar"},
	} {
		base, asked := seal(baseLayer())
		m := start(t, machine.Options{Root: windows(base), Env: tt.env})
		if err := tt.do(m.Registry()); err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		res, err := m.Finish(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for name, v := range res.Env {
			if v == nil {
				got = append(got, "-"+name)
			} else {
				got = append(got, name+"="+*v)
			}
		}
		slices.Sort(got)
		if s := strings.Join(got, " "); s != tt.want || *asked > 0 {
			t.Errorf("%s: %q, want %q; the base was asked %d times", tt.name, s, tt.want, *asked)
		}
		if len(res.Registry) > 0 {
			t.Errorf("%s: the registry has changed too: %+v", tt.name, res.Registry)
		}
	}
}

// The registry shows the variables of the image as the machine's, and reading
// them costs nothing.
func TestMachineVariables(t *testing.T) {
	const key = `HKLM\SYSTEM\CurrentControlSet\Control\Session Manager\Environment`
	base, asked := seal(baseLayer())
	m := start(t, machine.Options{Root: windows(base), Env: []string{`PATH=C:\a;C:\b`, "FOO=1"}})
	for name, want := range map[string]string{"Path": `C:\a;C:\b`, "foo": "1", "OS": "Windows_NT", "windir": `%SystemRoot%`} {
		v, err := m.Registry().Value(t.Context(), key, name)
		if err != nil || v.String() != want {
			t.Errorf("%s is %q, want %q (%v)", name, v, want, err)
		}
	}
	if _, err := m.Registry().Value(t.Context(), key, "no"); machine.CodeOf(err) != machine.ErrorFileNotFound {
		t.Errorf("a variable that is not there: %v", err)
	}
	values, err := m.Registry().Values(t.Context(), `hklm\system\CURRENTCONTROLSET\control\session manager\environment`)
	if err != nil || len(values) != 16 {
		t.Errorf("%d values, %v", len(values), err)
	}
	if *asked > 0 {
		t.Errorf("the base was asked %d times", *asked)
	}
}

// A base that has been read has variables of its own, such as the PATH that a
// program was installed with.
func TestVariablesOfBase(t *testing.T) {
	b, err := hive.Encode(key("SYSTEM", key("Select", machine.RegDword("Current", 1)), key("ControlSet001", key("Control", key("Session Manager",
		key("Environment", machine.RegExpand("PATH", `%SystemRoot%;C:\base`), machine.RegString("JAVA_HOME", `C:\java`)))))), hive.Options{})
	if err != nil {
		t.Fatal(err)
	}
	base := &tree.Layer{Changes: tree.NewSet([]tree.Change{{Entry: &tree.Entry{
		Name: "Windows/System32/config/SYSTEM", Kind: tree.File, Size: int64(len(b)), Content: tree.Bytes(b)}}})}
	for _, sealed := range []bool{false, true} {
		l, want := base, `C:\Windows;C:\base;C:\Users\ContainerAdministrator\AppData\Local\Microsoft\WindowsApps C:\java`
		if sealed {
			l, _ = seal(base)
			want = `C:\Windows\system32;C:\Windows;C:\Windows\System32\Wbem;C:\Windows\System32\WindowsPowerShell\v1.0\;C:\Windows\System32\OpenSSH\;C:\Users\ContainerAdministrator\AppData\Local\Microsoft\WindowsApps `
		}
		m := start(t, machine.Options{Root: windows(l)})
		env := m.Process("x", `C:\`, nil, nil).Env
		path, _ := env.Get("PATH")
		java, _ := env.Get("java_home")
		if got := path + " " + java; got != want {
			t.Errorf("sealed %v: %s, want %s", sealed, got, want)
		}
		if sealed && len(m.Unsealed()) > 0 {
			t.Error("the base was read for its variables")
		}
	}
}
