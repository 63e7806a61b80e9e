//go:build unix

package source

import (
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/casement/casement/internal/tree"
	"golang.org/x/sys/unix"
)

// If this fails, a fifo or socket in the context hangs the build or vanishes
// without an error.
func TestSpecialFiles(t *testing.T) {
	dir := plant(t, map[string]string{"f": "x"})
	must(t, unix.Mkfifo(filepath.Join(dir, "pipe"), 0o600))
	t.Chdir(dir) // socket addresses are short
	s, err := net.Listen("unix", "sock")
	must(t, err)
	defer s.Close()
	l := open(t, dir, LocalOptions{})
	set, err := l.Tree(t.Context(), Selection{})
	must(t, err)
	if k := find(t, set, "pipe").Kind; k != tree.Fifo {
		t.Errorf("the fifo is a %s", k)
	}
	if k := find(t, set, "sock").Kind; k != tree.Socket {
		t.Errorf("the socket is a %s", k)
	}
	// A fifo that takes the place of a file must not be waited for.
	must(t, os.Remove("f"))
	must(t, unix.Mkfifo("f", 0o600))
	if _, err := find(t, set, "f").Content.Open(t.Context()); err == nil {
		t.Error("the fifo was opened")
	}
	if _, err := l.ReadFile(t.Context(), "f"); err == nil {
		t.Error("ReadFile took a fifo")
	}
}
