package tools_test

import (
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/casement/casement/internal/run/winsh/machine"
)

const regOK = "The operation completed successfully.\r\n"

// TestReg fails if reg writes other values than Windows, or prints them
// otherwise.
func TestReg(t *testing.T) {
	missing := result{Err: crlf("ERROR: The system was unable to find the specified registry key or value."), Code: 1}
	full := []string{
		`reg add HKLM\SOFTWARE\T /v s /d text /f`, `reg add HKLM\SOFTWARE\T /v e /t REG_EXPAND_SZ /d %TEMP%\x /f`,
		`reg add HKLM\SOFTWARE\T /v d /t REG_DWORD /d 0x1F /f`, `reg add HKLM\SOFTWARE\T /v q /t REG_QWORD /d 5 /f`,
		`reg add HKLM\SOFTWARE\T /v m /t REG_MULTI_SZ /d a\0b /f`, `reg add HKLM\SOFTWARE\T /v b /t REG_BINARY /d 0aFF /f`,
		`reg add HKLM\SOFTWARE\T /ve /d default /f`, `reg add HKLM\SOFTWARE\T\Sub /v x /d /y /f`,
	}
	play(t, []scene{
		{name: "add a key", line: `reg add HKCU\Software\X`, want: result{Out: regOK}},
		{
			name: "query", before: full, line: `reg query HKLM\SOFTWARE\T`,
			want: result{Out: crlf("", `HKEY_LOCAL_MACHINE\SOFTWARE\T`, `    s    REG_SZ    text`, `    e    REG_EXPAND_SZ    %TEMP%\x`, `    d    REG_DWORD    0x1f`,
				`    q    REG_QWORD    0x5`, `    m    REG_MULTI_SZ    a\0b`, `    b    REG_BINARY    0AFF`, `    (Default)    REG_SZ    default`, "", `HKEY_LOCAL_MACHINE\SOFTWARE\T\Sub`)},
		},
		{name: "query a value", before: full, line: `reg query "HKLM\Software\T" /v D`, want: result{Out: crlf("", `HKEY_LOCAL_MACHINE\Software\T`, `    d    REG_DWORD    0x1f`, "")}},
		{name: "query with numbers of types", before: full, line: `reg query HKLM\SOFTWARE\T /v s /z`, want: result{Out: crlf("", `HKEY_LOCAL_MACHINE\SOFTWARE\T`, `    s    REG_SZ (1)    text`, "")}},
		{name: "query the default value", before: []string{`reg add HKLM\SOFTWARE\T /v x /f`}, line: `reg query HKLM\SOFTWARE\T /ve`, want: result{Out: crlf("", `HKEY_LOCAL_MACHINE\SOFTWARE\T`, `    (Default)    REG_SZ    (value not set)`, "")}},
		{name: "a key alone gets its default value", before: []string{`reg add HKLM\SOFTWARE\T`}, line: `reg query HKLM\SOFTWARE\T`, want: result{Out: crlf("", `HKEY_LOCAL_MACHINE\SOFTWARE\T`, `    (Default)    REG_SZ    `, "")}},
		{
			name: "query keys only", before: []string{`reg add HKLM\SOFTWARE\T\b /v x /f`, `reg delete HKLM\SOFTWARE\T\b /va /f`, `reg add HKLM\SOFTWARE\T\a /v x /f`, `reg delete HKLM\SOFTWARE\T\a /va /f`},
			line: `reg query HKLM\SOFTWARE\T /s`, want: result{Out: crlf("", `HKEY_LOCAL_MACHINE\SOFTWARE\T\a`, "", `HKEY_LOCAL_MACHINE\SOFTWARE\T\b`, "")},
		},
		{
			name: "query all", before: full[:1], line: `reg query HKLM\SOFTWARE\T /s`,
			want: result{Out: crlf("", `HKEY_LOCAL_MACHINE\SOFTWARE\T`, `    s    REG_SZ    text`, "")},
		},
		{
			name: "search", before: full, line: `reg query HKLM\SOFTWARE\T /s /f TEX /d`,
			want: result{Out: crlf("", `HKEY_LOCAL_MACHINE\SOFTWARE\T`, `    s    REG_SZ    text`, "", `End of search: 1 match(es) found.`)},
		},
		{name: "search in vain", before: full, line: `reg query HKLM\SOFTWARE\T /s /f zzz`, want: result{Out: crlf("", `End of search: 0 match(es) found.`), Code: 1}},
		{name: "data like a switch", before: full, line: `reg query HKLM\SOFTWARE\T\Sub /v x`, want: result{Out: crlf("", `HKEY_LOCAL_MACHINE\SOFTWARE\T\Sub`, `    x    REG_SZ    /y`, "")}},
		{name: "no such key", line: `reg query HKLM\SOFTWARE\None`, want: missing},
		{name: "no such value", before: full, line: `reg query HKLM\SOFTWARE\T /v none`, want: missing},
		{name: "a value that exists", before: full, line: `reg add HKLM\SOFTWARE\T /v s /d new`, want: result{Refused: "reg add of a value that exists"}},
		{name: "overwrite, answered", before: full, line: `reg add HKLM\SOFTWARE\T /v s /d new`, stdin: "Yes\r\n", want: result{Out: "Value s exists, overwrite(Yes/No)? " + regOK}},
		{name: "delete a value", before: full, line: `reg delete HKLM\SOFTWARE\T /v s /f`, want: result{Out: regOK}},
		{name: "delete a key", before: full, line: `reg delete HKLM\SOFTWARE\T /f`, want: result{Out: regOK}},
		{name: "delete without /f", before: full, line: `reg delete HKLM\SOFTWARE\T`, want: result{Refused: "reg delete"}},
		{name: "delete what is not there", line: `reg delete HKLM\SOFTWARE\None /f`, want: missing},
		{name: "bad number", line: `reg add HKLM\SOFTWARE\T /v n /t REG_DWORD /d abc /f`, want: result{Err: crlf("ERROR: Invalid syntax. Specify valid numeric value for '/d'.", `Type "REG ADD /?" for usage.`), Code: 1}},
		{name: "bad root", line: `reg add HKXX\SOFTWARE\T /f`, want: result{Err: crlf("ERROR: Invalid key name.", `Type "REG ADD /?" for usage.`), Code: 1}},
		{name: "bad command", line: `reg nonsense`, want: result{Err: crlf("ERROR: Invalid syntax.", `Type "REG /?" for usage.`), Code: 1}},
		{name: "value without a name", line: `reg add HKLM\SOFTWARE\T /v`, want: result{Err: crlf("ERROR: Invalid syntax.", `Type "REG ADD /?" for usage.`), Code: 1}},
		{name: "copy", before: append(full, `reg copy HKLM\SOFTWARE\T HKLM\SOFTWARE\U /s /f`), line: `reg query HKLM\SOFTWARE\U\Sub`, want: result{Out: crlf("", `HKEY_LOCAL_MACHINE\SOFTWARE\U\Sub`, `    x    REG_SZ    /y`, "")}},
		{name: "32 bits", before: []string{`reg add HKLM\SOFTWARE\T /v a /d b /f /reg:32`}, line: `reg query HKLM\SOFTWARE\WOW6432Node\T /v a`, want: result{Out: crlf("", `HKEY_LOCAL_MACHINE\SOFTWARE\WOW6432Node\T`, `    a    REG_SZ    b`, "")}},
		{name: "shared by 32 and 64 bits", before: []string{`reg add HKLM\SOFTWARE\Policies\T /v a /d b /f /reg:32`}, line: `reg query HKLM\SOFTWARE\Policies\T /v a`, want: result{Out: crlf("", `HKEY_LOCAL_MACHINE\SOFTWARE\Policies\T`, `    a    REG_SZ    b`, "")}},
	})
	for line, want := range map[string]string{
		`load HKLM\X f`: "reg load", `add HKLM\SOFTWARE\X /f`: "", `add HKCR\X /reg:32`: `reg /reg:32 with HKCR\X`, `query HKLM\X?`: "",
	} {
		if got := check(t, "reg", strings.Fields(line)...); got != want {
			t.Errorf("check of reg %s: %q, want %q", line, got, want)
		}
	}
}

// regText has all that a .reg file can say.
const regText = "Windows Registry Editor Version 5.00\r\n\r\n; a comment\r\n#another\r\n[HKEY_LOCAL_MACHINE\\SOFTWARE\\T]\r\n@=\"def\"\r\n" +
	"\"a\\\"b\"=\"c:\\\\x\"\r\n\"n\"=dword:0000001f\r\n\"b\"=hex:01,02,\\\r\n  03\r\n\"e\"=hex(2):25,00,00,00\r\n\"gone\"=-\r\n\r\n[-HKEY_LOCAL_MACHINE\\SOFTWARE\\Old]\r\n"

// TestRegFiles fails if a file of registry entries is read otherwise than
// Windows reads it, or what is exported is not what Windows would write.
func TestRegFiles(t *testing.T) {
	b := newBox(t, machine.Options{}, `C:\w\x.reg=`+regText)
	b.call(`reg add HKLM\SOFTWARE\Old\Sub /v x /d y /f`, "")
	b.call(`reg add HKLM\SOFTWARE\T /v gone /d y /f`, "")
	if diff := gocmp.Diff(result{Err: regOK}, b.call(`reg import x.reg`, "")); diff != "" {
		t.Errorf("the good news goes to standard error (-want +got):\n%s", diff)
	}
	if r := b.call(`reg query HKLM\SOFTWARE\Old`, ""); r.Code != 1 {
		t.Errorf("the deleted key is there: %+v", r)
	}
	want := crlf("", `HKEY_LOCAL_MACHINE\SOFTWARE\T`, `    (Default)    REG_SZ    def`, `    a"b    REG_SZ    c:\x`, `    n    REG_DWORD    0x1f`,
		`    b    REG_BINARY    010203`, `    e    REG_EXPAND_SZ    %`, "")
	if got := b.call(`reg query HKLM\SOFTWARE\T`, "").Out; !sameLines(want, got) {
		t.Errorf("got %q\nwant %q", got, want)
	}
	if r := b.call(`reg export HKLM\SOFTWARE\T out.reg`, ""); r.Out != regOK {
		t.Errorf("export: %+v", r)
	}
	if r := b.call(`reg export HKLM\SOFTWARE\T out.reg`, ""); r.Refused == "" {
		t.Errorf("nobody has said that the file may be overwritten: %+v", r)
	}
	b.call(`reg delete HKLM\SOFTWARE\T /f`, "")
	if r := b.call(`reg import out.reg`, ""); r.Err != regOK {
		t.Errorf("what was exported cannot be imported: %+v", r)
	}
	if got := b.call(`reg query HKLM\SOFTWARE\T`, "").Out; !sameLines(want, got) {
		t.Errorf("after export and import: %q\nwant %q", got, want)
	}
	b.put("C:\\w\\bad.reg=Windows Registry Editor Version 5.00\r\n[HKEY_LOCAL_MACHINE\\SOFTWARE\\T]\r\nnonsense\r\n")
	if r := b.call(`reg import bad.reg`, ""); r.Refused != "reg import bad.reg" {
		t.Errorf("a line that Windows would skip must be refused: %+v", r)
	}
}

// sameLines compares lines whatever their order.
func sameLines(a, b string) bool {
	count := map[string]int{}
	for l := range strings.Lines(a) {
		count[l]++
	}
	for l := range strings.Lines(b) {
		count[l]--
	}
	for _, n := range count {
		if n != 0 {
			return false
		}
	}
	return true
}

// TestSetx fails if a variable does not reach the registry as setx writes it.
func TestSetx(t *testing.T) {
	saved := result{Out: "\r\nSUCCESS: Specified value was saved.\r\n"}
	const key = `HKLM\SYSTEM\CurrentControlSet\Control\Session Manager\Environment`
	long := strings.Repeat("x", 1030)
	for _, c := range []struct {
		line, key, name, typ, value string
		want                        result
	}{
		{`setx /M NAME value`, key, "NAME", "REG_SZ", "value", saved},
		{`setx NAME "a b" /m`, key, "NAME", "REG_SZ", "a b", saved},
		{`setx NAME %HOME%\bin -M`, key, "NAME", "REG_EXPAND_SZ", `%HOME%\bin`, saved},
		{`setx NAME ""`, `HKCU\Environment`, "NAME", "REG_SZ", "", saved},
		{`setx /M LONG ` + long, key, "LONG", "REG_SZ", long[:1024], result{Out: saved.Out, Err: crlf("WARNING: The data being saved is truncated to 1024 characters.")}},
		{`setx /M NAME a b`, "", "", "", "", result{Err: crlf("ERROR: Invalid syntax. Default option is not allowed more than '2' time(s).", `Type "SETX /?" for usage.`), Code: 1}},
		{`setx /M NAME`, "", "", "", "", result{Err: crlf("ERROR: Invalid syntax.", `Type "SETX /?" for usage.`), Code: 1}},
		{`setx /Z NAME x`, "", "", "", "", result{Err: crlf("ERROR: Invalid argument/option - '/Z'.", `Type "SETX /?" for usage.`), Code: 1}},
		{`setx NAME /K HKCU\x`, "", "", "", "", result{Refused: "setx /K"}},
	} {
		b := newBox(t, machine.Options{})
		if diff := gocmp.Diff(c.want, b.call(c.line, "")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.line, diff)
		}
		if c.key == "" {
			continue
		}
		v, err := b.m.Registry().Value(t.Context(), c.key, c.name)
		if err != nil || v.Type.String() != c.typ || v.String() != c.value {
			t.Errorf("%s: got %s %q, %v", c.line, v.Type, v.String(), err)
		}
	}
	user := newBox(t, machine.Options{User: "ContainerUser"})
	want := result{Err: crlf("ERROR: Access to the registry path is denied."), Code: 1}
	if diff := gocmp.Diff(want, user.call(`setx /M NAME x`, "")); diff != "" {
		t.Errorf("an account without rights (-want +got):\n%s", diff)
	}
}

// TestSc fails if a service's key is not what the service control manager
// writes.
func TestSc(t *testing.T) {
	ok := func(call string) result { return result{Out: "[SC] " + call + " SUCCESS\r\n"} }
	b := newBox(t, machine.Options{})
	for _, c := range []struct {
		line string
		want result
	}{
		{`sc create svc binPath= "C:\app\svc.exe -x" start= delayed-auto DisplayName= "My Service" depend= Tcpip/Afd`, ok("CreateService")},
		{`sc create svc binPath= C:\x.exe`, result{Out: "[SC] CreateService FAILED 1073:\r\n\r\nThe specified service already exists.\r\n\r\n", Code: 1073}},
		{`sc.exe description svc "What it does"`, ok("ChangeServiceConfig2")},
		{`sc failure svc reset= 86400 actions= restart/5000//1000`, ok("ChangeServiceConfig2")},
		{`sc config svc start= auto obj= "NT AUTHORITY\LocalService"`, ok("ChangeServiceConfig")},
		{`sc config none start= auto`, result{Out: "[SC] OpenService FAILED 1060:\r\n\r\nThe specified service does not exist as an installed service.\r\n\r\n", Code: 1060}},
		{`sc query none`, result{Out: "[SC] EnumQueryServicesStatus:OpenService FAILED 1060:\r\n\r\nThe specified service does not exist as an installed service.\r\n\r\n", Code: 1060}},
		{`sc query svc`, result{Refused: "sc query svc"}},
		{`sc start svc`, result{Refused: "sc start"}},
		{`sc create x binPath="C:\a b.exe /k=v" start=auto tag= no`, result{Out: "[SC] CreateService SUCCESS\r\n"}},
		{`reg add HKLM\Foo /f`, result{Err: "ERROR: The parameter is incorrect.\r\n", Code: 1}},
		{`sc create x binPath=`, result{Refused: `sc create binPath=`}},
		{`sc create x binPath= C:\x.exe obj= .\bob password= secret`, result{Refused: `sc obj= .\bob`}},
	} {
		if diff := gocmp.Diff(c.want, b.call(c.line, "")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.line, diff)
		}
	}
	want := crlf("", `HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Services\svc`, `    Type    REG_DWORD    0x10`, `    ErrorControl    REG_DWORD    0x1`,
		`    ImagePath    REG_EXPAND_SZ    C:\app\svc.exe -x`, `    Start    REG_DWORD    0x2`, `    DisplayName    REG_SZ    My Service`,
		`    DependOnService    REG_MULTI_SZ    Tcpip\0Afd`, `    Description    REG_SZ    What it does`, `    ObjectName    REG_SZ    NT AUTHORITY\LocalService`,
		`    FailureActions    REG_BINARY    805101000000000000000000020000001400000001000000881300000000000`+`0E8030000`, "")
	if got := b.call(`reg query HKLM\SYSTEM\CurrentControlSet\Services\svc`, "").Out; !sameLines(want, got) {
		t.Errorf("the service's key (-want +got):\n%s", gocmp.Diff(want, got))
	}
	if diff := gocmp.Diff(ok("DeleteService"), b.call(`sc delete svc`, "")); diff != "" {
		t.Errorf("delete (-want +got):\n%s", diff)
	}
}

// TestReg32 fails if the reg of 32 bits works on the keys of 64, or another way
// to import a file does something else than reg.
func TestReg32(t *testing.T) {
	b := newBox(t, machine.Options{}, "C:\\w\\x.reg=REGEDIT4\r\n[HKEY_LOCAL_MACHINE\\SOFTWARE\\Y]\r\n\"b\"=\"2\"\r\n")
	ok := result{Out: "The operation completed successfully.\r\n"}
	if diff := gocmp.Diff(ok, b.call(`C:\Windows\SysWOW64\reg.exe add HKLM\SOFTWARE\X /v a /d 1 /f`, "")); diff != "" {
		t.Error(diff)
	}
	if diff := gocmp.Diff(result{}, b.call(`regedit /s x.reg`, "")); diff != "" {
		t.Error(diff)
	}
	for _, c := range []struct {
		line string
		code int
	}{
		{`reg query HKLM\SOFTWARE\WOW6432Node\X /v a`, 0}, {`reg query HKLM\SOFTWARE\X`, 1}, {`C:\Windows\SysWOW64\reg.exe query HKLM\SOFTWARE\X`, 0},
		{`C:\Windows\SysWOW64\reg.exe query HKLM\SOFTWARE\X /reg:64`, 1}, {`reg query HKLM\SOFTWARE\Y /v b`, 0},
	} {
		if r := b.call(c.line, ""); r.Code != c.code || r.Refused != "" {
			t.Errorf("%s: %+v", c.line, r)
		}
	}
	for _, line := range []string{`regedit x.reg`, `regedit /s none.reg`, `regedit /e y.reg HKEY_LOCAL_MACHINE\SOFTWARE\Y`} {
		if r := b.call(line, ""); r.Refused == "" {
			t.Errorf("%s must be refused: %+v", line, r)
		}
	}
}

// TestRegImportANSI fails if the characters of a file that is not UTF-16 are not
// those of the ANSI code page.
func TestRegImportANSI(t *testing.T) {
	const key = "[HKEY_LOCAL_MACHINE\\SOFTWARE\\Y]\r\n"
	b := newBox(t, machine.Options{},
		"C:\\w\\4.reg=REGEDIT4\r\n"+key+"\"caf\xe9\"=\"\x80uro\"\r\n\"e\"=hex(2):25,e9,25,00\r\n",
		"C:\\w\\5.reg=Windows Registry Editor Version 5.00\r\n"+key+"\"u\"=\"\xc3\xa9\"\r\n",
		"C:\\w\\ascii.reg=\xef\xbb\xbfWindows Registry Editor Version 5.00\r\n"+key+"\"a\"=\"1\"\r\n",
		"C:\\w\\mark.reg=\xef\xbb\xbfWindows Registry Editor Version 5.00\r\n"+key+"\"a\"=\"\xc3\xa9\"\r\n")
	for _, name := range []string{"4", "5", "ascii"} {
		if diff := gocmp.Diff(result{Err: "The operation completed successfully.\r\n"}, b.call("reg import "+name+".reg", "")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	b.page = 65001
	want := crlf("", `HKEY_LOCAL_MACHINE\SOFTWARE\Y`, "    café    REG_SZ    €uro", "    e    REG_EXPAND_SZ    %é%", "    u    REG_SZ    Ã©", "    a    REG_SZ    1", "")
	if got := b.call(`reg query HKLM\SOFTWARE\Y`, "").Out; !sameLines(want, got) {
		t.Errorf("the key (-want +got):\n%s", gocmp.Diff(want, got))
	}
	if r := b.call("reg import mark.reg", ""); r.Refused == "" {
		t.Errorf("UTF-8 with a mark must be refused beyond ASCII: %+v", r)
	}
}

// TestRegAddTypes fails if reg stores other bytes, or takes or refuses other
// words than Windows does.
func TestRegAddTypes(t *testing.T) {
	for _, c := range []struct {
		args string
		typ  machine.RegType
		data string
		code int
	}{
		{`/t REG_NONE`, 0, "\x00\x00", 0},
		{`/t REG_NONE /d Te`, 0, "T\x00e\x00\x00\x00", 0},
		{`/t REG_SZ`, 1, "\x00\x00", 0},
		{`/t REG_EXPAND_SZ`, 2, "\x00\x00", 0},
		{`/t REG_BINARY`, 3, "", 0},
		{`/t REG_BINARY /d DeAdBeEf0DD`, 3, "\x0d\xea\xdb\xee\xf0\xdd", 0},
		{`/t REG_BINARY /d 0x01`, 0, "", 1},
		{`/t REG_DWORD /d 0123`, 4, "\x7b\x00\x00\x00", 0},
		{`/t REG_DWORD /d 0X123`, 4, "\x23\x01\x00\x00", 0},
		{`/t REG_DWORD`, 0, "", 1},
		{`/t REG_DWORD /d 00x1`, 0, "", 1},
		{`/t REG_DWORD /d -1`, 0, "", 1},
		{`/t REG_DWORD_BIG_ENDIAN /d 456`, 5, "\xc8\x01\x00\x00", 0},
		{`/t REG_DWORD_BIG_ENDIAN`, 0, "", 1},
		{`/t REG_QWORD`, 11, "\x00\x00\x00\x00\x00\x00\x00\x00", 0},
		{`/t REG_MULTI_SZ`, 7, "\x00\x00", 0},
		{`/t REG_MULTI_SZ /d a\0b`, 7, "a\x00\x00\x00b\x00\x00\x00\x00\x00", 0},
		{`/t REG_MULTI_SZ /s # /d a#`, 7, "a\x00\x00\x00\x00\x00", 0},
		{`/t REG_MULTI_SZ /d \0`, 7, "\x00\x00\x00\x00", 0},
		{`/t REG_MULTI_SZ /s # /d \0`, 7, "\\\x000\x00\x00\x00\x00\x00", 0},
		{`/t REG_MULTI_SZ /s # /d ##`, 0, "", 1},
		{`/t REG_MULTI_SZ /s # /d #a`, 0, "", 1},
		{`/t REG_MULTI_SZ /s \0 /d a\0b`, 0, "", 1},
		{`/t REG_MULTI_SZ /s "" /d a`, 0, "", 1},
		{`/t ""`, 0, "", 1},
		{`/t REG_SZ /t REG_SZ`, 0, "", 1},
		{`/f`, 0, "", 1}, // twice
		{`/ve`, 0, "", 1},
		{`/reg:64 /reg:64`, 0, "", 1},
		{`HKCU\More`, 0, "", 1},
		{`/d`, 0, "", 1},
	} {
		b := newBox(t, machine.Options{})
		r := b.call(`reg add HKCU\T /v x /f `+c.args, "")
		v, err := b.m.Registry().Value(t.Context(), `HKCU\T`, "x")
		if r.Code != c.code || r.Refused != "" || (err == nil) != (c.code == 0) || v.Type != c.typ || string(v.Data) != c.data {
			t.Errorf("%s: %+v, %+v %v", c.args, r, v, err)
		}
	}
	b := newBox(t, machine.Options{})
	for _, line := range []string{`reg add /f HKCU\T`, `reg add HKCU\ /v x /f`, `reg add \HKCU\T /f`, `reg add HKCU\T\\ /f`, `reg copy /f HKCU\T HKCU\U`, `reg export /y HKCU\T f`, `reg delete HKCU\T /va /ve`} {
		if r := b.call(line, ""); r.Code != 1 || r.Refused != "" {
			t.Errorf("%s: %+v", line, r)
		}
	}
}
