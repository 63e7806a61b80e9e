package machine_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/casement/casement/internal/run/winsh/machine"
)

// Broken if it fails: text that programs write or read in a code page is another.
func TestCodePages(t *testing.T) {
	for _, c := range []struct {
		page  int
		text  string
		bytes string
		back  string // what is read of the bytes
	}{
		{0, "a├é", "a\xC3\x82", "a├é"},
		{437, "€…’Ａā", "?.'Aa", "?.'Aa"},
		{437, "x😀", "x??", "x??"},
		{850, "└×", "\xC0\x9E", "└×"},
		{1252, "€\u0081é", "\x80\x81\xE9", "€\u0081é"},
		{machine.PageUTF8, "é€", "é€", "é€"},
		{932, "é", "é", "é"}, // not known: UTF-8
	} {
		b := machine.EncodePage(c.page, c.text)
		if diff := cmp.Diff(c.bytes, string(b)); diff != "" {
			t.Errorf("page %d, %q (-want +got):\n%s", c.page, c.text, diff)
		}
		if diff := cmp.Diff(c.back, machine.DecodePage(c.page, b)); diff != "" {
			t.Errorf("page %d, %q read back (-want +got):\n%s", c.page, c.text, diff)
		}
	}
	if got := machine.DecodeUTF16(append(machine.EncodeUTF16("a😀"), 7)); got != "a😀" || machine.UTF16Len(got) != 3 {
		t.Errorf("UTF-16: %q", got)
	}
}
