package ps

import (
	"fmt"
	"os"
	"testing"
)

func TestLab(t *testing.T) {
	text := os.Getenv("PSLAB")
	if text == "" {
		t.Skip()
	}
	f := try
	if os.Getenv("PS7") != "" {
		f = try7
	}
	o := f(t, text)
	fmt.Printf("--out\n%s--err\n%s--code %d %s\n", o.Out, o.Err, o.Code, o.Failed)
}
