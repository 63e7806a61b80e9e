// Package testbed provides the real programs that casement is measured
// against and tested with: registries, BuildKit, containerd, crane, skopeo and
// the like. The benchmark (bench) and the peer tests (test/peers) share it.
//
// Start at Bed: it knows a cache directory, builds Go programs at pinned
// versions from the module cache into it, installs Debian packages when it may,
// and starts servers on free loopback ports. LayerWriter makes tars in the
// layout of a Windows base layer for both.
//
// It refuses to skip: a program that cannot be had is an error that names what
// to install. It never writes into the source tree and never stops a process
// that it has not started.
package testbed

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Bed is a place for programs and their working files.
type Bed struct {
	// Dir is the cache directory: programs go to Dir/tools. Empty is not valid;
	// see DefaultDir.
	Dir string
	// Log receives a line for everything that takes long or changes the machine,
	// and the output of what fails. Nil discards it.
	Log io.Writer
}

// DefaultDir is the cache directory that the benchmark and the peer tests
// share: casement-bench in the user's cache directory.
func DefaultDir() (string, error) {
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("finding the cache directory: %w", err)
	}
	return filepath.Join(dir, "casement-bench"), nil
}

func (b Bed) logf(format string, args ...any) {
	if b.Log != nil {
		fmt.Fprintf(b.Log, format+"\n", args...)
	}
}
