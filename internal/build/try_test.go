package build

import (
	"errors"
	"testing"
)

// Broken if it fails: a base's own mistake is laid at the user's door, without
// the path that it is about.
func TestTryDir(t *testing.T) {
	base := func(dir string) (b tryBase) {
		b.config.WorkingDir = dir
		return b
	}
	for _, c := range []struct {
		asked, base, want, err string
		usage                  bool
	}{
		{"", "", "", "", false},
		{"", `C:\app`, "app", "", false},
		{`C:\x\y`, `C:\app`, "x/y", "", false},
		{"", `C:\a<b`, "", `the working directory of the base: C:\a<b is no path of Windows`, false},
		{`C:\a?b`, `C:\app`, "", `C:\a?b is no path of Windows`, true},
	} {
		got, err := tryDir(TryRequest{Dir: c.asked}, base(c.base))
		var usage *UsageError
		if text := errText(err); got != c.want || text != c.err || errors.As(err, &usage) != c.usage {
			t.Errorf("%q over %q: %q, %v", c.asked, c.base, got, err)
		}
	}
}

func errText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
