package main

import (
	"bytes"
	"os"
	"testing"

	"github.com/casement/casement/internal/build"
)

// TestCheckStdout fails if a tar is written to somebody's terminal, or if one
// that goes to a pipe, or past a terminal into a file, is refused.
func TestCheckStdout(t *testing.T) {
	tar := build.Output{Type: "oci", Dest: "-"}
	if err := checkStdout(new(bytes.Buffer), tar); err != nil {
		t.Errorf("to a pipe: %v", err)
	}
	terminal, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skipf("this system has no pseudo terminals: %v", err)
	}
	defer terminal.Close()
	if err := checkStdout(terminal, tar); err == nil {
		t.Error("a tar was allowed onto a terminal")
	}
	if err := checkStdout(terminal, build.Output{Type: "oci", Dest: "app.tar"}); err != nil {
		t.Errorf("to a file: %v", err)
	}
}
