package winsh_test

import (
	"strings"
	"testing"
)

// Broken if it fails: what an earlier step has made cmd do at each start is not
// done.
func TestAutoRun(t *testing.T) {
	const key = `\Software\Microsoft\Command Processor" `
	for _, c := range []struct{ set, line, want string }{
		{`reg add "HKLM` + key + `/v AutoRun /d "set FROM=auto"`, `echo %FROM%>C:\plain\x.txt`, `"auto\r\n"`},
		{`reg add "HKLM` + key + `/v AutoRun /d "cd /d C:\data"`, `cd>C:\plain\x.txt`, `"C:\\data\r\n"`},
		{`reg add "HKLM` + key + `/v DelayedExpansion /t REG_DWORD /d 1`, `set X=1& echo !X!>C:\plain\x.txt`, `"1\r\n"`},
	} {
		b := newBuilder(t, auditBase(t)...)
		b.policy = "delta"
		b.run(t, c.set, c.line)
		if got := b.last(t); !strings.Contains(got, c.want) {
			t.Errorf("%s & %s: the layer is\n%s", c.set, c.line, got)
		}
	}
}
