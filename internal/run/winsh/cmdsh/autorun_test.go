package cmdsh_test

import (
	"testing"

	"github.com/casement/casement/internal/run/winsh/machine"
)

// Broken if it fails: what the registry makes cmd do at each start is not done, or
// is done where it should not.
func TestAutoRun(t *testing.T) {
	const key = `\Software\Microsoft\Command Processor`
	for _, c := range []struct {
		root string
		v    machine.RegValue
		line string
		want result
	}{
		{"HKLM", machine.RegString("AutoRun", "echo auto %OS%"), "echo x", out("auto Windows_NT\nx\n")},
		{"HKLM", machine.RegString("AutoRun", "@exit 3"), "echo x", result{Code: 3}},
		{"HKLM", machine.RegString("AutoRun", "set y=1"), "echo %y%& set y=2& for /f %i in ('echo %^y%') do @echo %i", out("1\n1\n")},
		{"HKCU", machine.RegString("AutoRun", "echo auto"), "echo x|type con", out("auto\nx\n")},
		{"HKCU", machine.RegString("AutoRun", "code never"), "echo x", result{Refused: "code never"}},
		{"HKCU", machine.RegExpand("AutoRun", "cd %SystemRoot%"), "cd", out("C:\\Windows\n")},
		{"HKCU", machine.RegDword("DelayedExpansion", 1), "set x=1& echo !x!", out("1\n")},
		{"HKCU", machine.RegString("DelayedExpansion", "1"), "cmd /v:off /c echo !OS!", out("Windows_NT\n")},
		{"HKCU", machine.RegDword("EnableExtensions", 0), "set /a 1", failed(1, "Environment variable /a 1 not defined\n")},
	} {
		b := newBox(t)
		if err := b.m.Registry().SetValue(t.Context(), c.root+key, c.v); err != nil {
			t.Fatal(err)
		}
		if got := b.c(c.line); got != c.want {
			t.Errorf("%s %s: %s: %+v, want %+v", c.root, c.v.Text(), c.line, got, c.want)
		}
		if got := b.run("cmd /d /e:on /v:off /c echo !x!"); got != out("!x!\n") {
			t.Errorf("%s %s: with /d: %+v", c.root, c.v.Text(), got)
		}
	}
}
