package winsh_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Broken if it fails: what steps do to variables of the machine and of the user is
// not what the image's environment says.
func TestVariablesOfTheImage(t *testing.T) {
	const session = `"HKLM\SYSTEM\CurrentControlSet\Control\Session Manager\Environment"`
	const path = `C:\Windows\system32;C:\tool`
	for _, tt := range []struct {
		lines   []string
		want    []string // but FOO=base and PATH where they stay as they are
		refused string   // part of the error of the last line
	}{
		{lines: []string{`setx /M foo bar`}, want: []string{"FOO=bar"}},
		{lines: []string{`setx A "%SystemRoot%\x"`}, want: []string{`A=C:\Windows\x`}},
		{lines: []string{`setx /M PATH "%PATH%;C:\new"`}, want: []string{"PATH=" + path + `;C:\new`}},
		{lines: []string{`setx PATH C:\user`}, want: []string{"PATH=" + path + `;C:\user`}},
		// What the user does not have any more leaves what the machine has.
		{lines: []string{`reg delete HKCU\Environment /v Path /f`}},
		{lines: []string{`ps: [Environment]::SetEnvironmentVariable('PATH', $null, 'User')`}},
		{lines: []string{`reg delete ` + session + ` /v FOO /f`}, want: []string{"-FOO"}},
		{lines: []string{`reg add ` + session + ` /v E /t REG_EXPAND_SZ /d ^%SystemRoot^%\e;^%NO^%`}, want: []string{`E=C:\Windows\e;%NO%`}},
		{lines: []string{`reg add "HKLM\SYSTEM\ControlSet001\Control\Session Manager\Environment" /v C /d 1`}, want: []string{"C=1"}},
		// The user's hides the machine's, in the same step and in later ones.
		{lines: []string{`setx A user & setx /M A machine`}, want: []string{"A=user"}},
		{lines: []string{`setx A user`, `setx /M A machine`}, want: []string{"A=user"}},
		{lines: []string{`setx /M A machine`, `setx A user`}, want: []string{"A=user"}},
		{lines: []string{`setx A user`, `reg delete HKCU\Environment /v A /f`}},
		{lines: []string{`setx A user`, `ps: [Environment]::SetEnvironmentVariable('A', '', 'User')`}},
		{lines: []string{`setx A user`, `ps: [Environment]::SetEnvironmentVariable('A', '', 'Machine')`}, want: []string{"A=user"}},
		{lines: []string{`setx /M A machine`, `ps: [Environment]::SetEnvironmentVariable('A', $null, 'Machine')`}},
		// Windows makes no variables of empty values.
		{lines: []string{`setx /M A ""`}},
		{lines: []string{`setx /M A 1`, `setx /M A ""`}},
		// What Windows has without the image's environment cannot be taken away by it.
		{lines: []string{`reg delete ` + session + ` /v windir /f`}, refused: `the image would lose it: HKLM\SYSTEM\CurrentControlSet\Control\Session Manager\Environment`},
		// Other values of these keys would be lost.
		{lines: []string{`reg add HKCU\Environment /v N /t REG_DWORD /d 5`}, refused: "makes variables of texts only"},
		{lines: []string{`reg add HKCU\Environment /ve /d 5`}, refused: "without equal signs"},
		{lines: []string{`setx /M A=B v`}, refused: "without equal signs"},
		{lines: []string{`reg delete ` + session + ` /f`}, refused: "variables one by one"},
		{lines: []string{`reg add HKCU\Environment\Below /v x /d y`}, refused: `the image would lose it: HKCU\Environment\Below`},
	} {
		b := newBuilder(t)
		b.env = []string{"FOO=base", "PATH=" + path}
		if !b.build(t, tt.lines, tt.refused) {
			continue
		}
		got := b.chain.Environment(b.env)
		want := slices.Clone(b.env)
		for _, v := range tt.want {
			name, _, _ := strings.Cut(strings.TrimPrefix(v, "-"), "=")
			want = slices.DeleteFunc(want, func(w string) bool { return strings.HasPrefix(w, name+"=") })
			if !strings.HasPrefix(v, "-") {
				want = append(want, v)
			}
		}
		slices.Sort(want)
		slices.Sort(got)
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s (-want +got)\n%s", strings.Join(tt.lines, "\n"), d)
		}
	}
}

// Broken if it fails: a key that a step leaves empty is lost in silence, or one that
// it has made and removed again is an error.
func TestKeysThatCameAndWent(t *testing.T) {
	for line, lost := range map[string]string{
		`reg add HKLM\SOFTWARE\V\A /v x /d y & reg delete HKLM\SOFTWARE\V\A /v x /f`: `HKLM\SOFTWARE\V\A`,
		`reg add HKLM\SOFTWARE\V\A /v x /d y & reg delete HKLM\SOFTWARE\V\A /f`:      `HKLM\SOFTWARE\V`,
		`reg add HKLM\SOFTWARE\V\A /v x /d y & reg delete HKLM\SOFTWARE\V /f`:        ``,
		`reg add HKLM\SOFTWARE\V\A & reg delete HKLM\SOFTWARE\V /f`:                  ``,
		`ps: New-Item HKLM:\SOFTWARE\V | Out-Null; Remove-Item HKLM:\SOFTWARE\V`:     ``,
	} {
		_, out, err := newBuilder(t).try(t, line)
		if (err != nil) != (lost != "") || err != nil && !strings.HasSuffix(err.Error(), "lose it: "+lost) {
			t.Errorf("%s: %v\n%s", line, err, out)
		}
	}
}
