package testbed

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// NeedPrograms makes sure that the programs are there. The map goes from a
// program to the Debian package that holds it. What is missing is installed
// with apt-get when this process is root on such a system; otherwise the error
// names every missing package.
func (b Bed) NeedPrograms(ctx context.Context, packages map[string]string) error {
	missing := func() map[string]bool {
		m := map[string]bool{}
		for program, pkg := range packages {
			if _, err := LookProgram(program); err != nil {
				m[pkg] = true
			}
		}
		return m
	}
	want := slices.Sorted(maps.Keys(missing()))
	if len(want) == 0 {
		return nil
	}
	if _, err := exec.LookPath("apt-get"); err != nil || os.Geteuid() != 0 {
		return fmt.Errorf("missing programs: install the Debian packages %s (only root on a Debian system can have them installed here)",
			strings.Join(want, ", "))
	}
	b.logf("installing Debian packages %s", strings.Join(want, " "))
	for _, args := range [][]string{
		{"update", "-qq"},
		append([]string{"install", "-y", "-qq", "--no-install-recommends"}, want...),
	} {
		cmd := exec.CommandContext(ctx, "apt-get", args...)
		cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("running apt-get %s: %w: %s", args[0], err, bytes.TrimSpace(out))
		}
	}
	if left := slices.Sorted(maps.Keys(missing())); len(left) > 0 {
		return fmt.Errorf("the packages %s were installed but their programs are not found", strings.Join(left, ", "))
	}
	return nil
}

// LookProgram finds a program in PATH or, because a user's PATH often lacks
// them, in the system administration directories.
func LookProgram(name string) (string, error) {
	if file, err := exec.LookPath(name); err == nil {
		return file, nil
	}
	for _, dir := range []string{"/usr/sbin", "/sbin"} {
		if file, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return file, nil
		}
	}
	return "", fmt.Errorf("program %s is not installed", name)
}
