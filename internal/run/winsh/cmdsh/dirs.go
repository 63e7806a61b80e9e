package cmdsh

import (
	"context"
	"errors"
	"io/fs"
	"strings"

	"github.com/casement/casement/internal/run/winsh/machine"
)

// Directories: CD, PUSHD, POPD, MD, RD.

// runCd is CD.
func runCd(ctx context.Context, sh *shell, args string) (int, error) {
	args = strings.TrimLeft(args, " \t,;=")
	other := false
	for len(args) >= 2 && strings.EqualFold(args[:2], "/d") {
		other = true
		args = strings.TrimLeft(args[2:], " \t,;=")
	}
	path := strings.Trim(unquote(args), " \t,;=")
	switch {
	case path == "":
		sh.out("%s\r\n", sh.dir)
		return 0, nil
	case len(path) == 2 && driveLetter(path) == 'C' && !other:
		sh.out("%s\r\n", sh.dir)
		return 0, nil
	}
	return sh.changeDir(ctx, path)
}

// changeDir makes a directory the current one.
func (sh *shell) changeDir(ctx context.Context, path string) (int, error) {
	if d := driveLetter(path); d != 0 && d != 'C' {
		sh.system(machine.ErrorInvalidDrive)
		return 1, nil
	}
	full, err := sh.full(path)
	if err != nil {
		sh.system(machine.ErrorPathNotFound)
		return 1, nil
	}
	if strings.HasPrefix(full, `\\`) && machine.Device(full) == "" {
		sh.errout("'%s'\r\nCMD does not support UNC paths as current directories.\r\n", path)
		return 1, nil
	}
	if machine.HasWildcard(full) {
		if full, err = sh.firstDir(ctx, full); err != nil {
			return 0, err
		}
	}
	full = trimSlash(full)
	info, err := sh.fs.Lstat(ctx, full)
	if err == nil && info.IsLink() {
		_, err = sh.fs.Stat(ctx, full)
	}
	code, err := win(err)
	switch {
	case err != nil:
		return 0, err
	case code == machine.ErrorAccessDenied:
		sh.system(code)
		return 1, nil
	case code == machine.ErrorInvalidName:
		sh.system(code)
		return 1, nil
	case code != 0:
		sh.system(machine.ErrorPathNotFound)
		return 1, nil
	case !info.IsDir():
		sh.system(machine.ErrorDirectory)
		return 1, nil
	}
	sh.dir = info.Path
	return 0, nil
}

// trimSlash removes a backslash at the end of a full path that is not the root.
func trimSlash(full string) string {
	if len(full) > 3 {
		return strings.TrimSuffix(full, `\`)
	}
	return full
}

// firstDir returns the first directory that a pattern matches, or the pattern.
func (sh *shell) firstDir(ctx context.Context, full string) (string, error) {
	list, err := sh.fs.Glob(ctx, parentDir(full), baseName(full))
	if err != nil {
		_, err = win(err)
		return full, err
	}
	for _, i := range list {
		if i.IsDir() {
			return i.Path, nil
		}
	}
	return full, nil
}

// runPushd is PUSHD.
func runPushd(ctx context.Context, sh *shell, args string) (int, error) {
	path := strings.Trim(unquote(args), " \t,;=")
	if path == "" {
		for i := len(sh.stack) - 1; i >= 0; i-- {
			sh.out("%s\r\n", sh.stack[i])
		}
		return 0, nil
	}
	if strings.HasPrefix(path, `\\`) && !strings.HasPrefix(path, verbatim) {
		sh.system(machine.ErrorBadNetPath) // it would become a drive
		return 1, nil
	}
	before := sh.dir
	rc, err := sh.changeDir(ctx, path)
	if err == nil && rc == 0 {
		sh.stack = append(sh.stack, before)
	}
	return rc, err
}

// runPopd is POPD.
func runPopd(_ context.Context, sh *shell, _ string) (int, error) {
	if len(sh.stack) == 0 {
		return 1, nil
	}
	sh.dir = sh.stack[len(sh.stack)-1]
	sh.stack = sh.stack[:len(sh.stack)-1]
	return 0, nil
}

// runMd is MD, which makes the directories above, too.
func runMd(ctx context.Context, sh *shell, args string) (int, error) {
	flags, words := switches(splitArgs(args))
	if len(flags) > 0 || len(words) == 0 {
		return sh.syntax()
	}
	rc := 0
	for _, w := range words {
		failed, err := sh.makeDir(ctx, unquote(w))
		if err != nil {
			return 0, err
		}
		if failed {
			rc = 1
			if len(words) > 1 {
				sh.errout("Error occurred while processing: %s.\r\n", unquote(w))
			}
		}
	}
	return rc, nil
}

func (sh *shell) makeDir(ctx context.Context, path string) (failed bool, err error) {
	full, err := sh.full(path)
	if machine.CodeOf(err) == machine.ErrorPathNotFound || machine.UTF16Len(full) >= maxPath-12 {
		sh.system(machine.ErrorFilenameTooLong)
		return true, nil
	}
	if err != nil {
		sh.errout(syntaxIncorrect)
		return true, nil
	}
	switch machine.Device(full) {
	case "":
	case "NUL":
		return false, nil
	default:
		sh.system(machine.ErrorDirectory)
		return true, nil
	}
	full = trimSlash(full)
	if d := driveLetter(path); d != 0 && d != 'C' {
		sh.system(machine.ErrorPathNotFound)
		return true, nil
	}
	if parent := parentDir(full); parent != full {
		if err := sh.fs.MkdirAll(ctx, parent); err != nil {
			if errors.Is(err, fs.ErrExist) { // as a file
				err = &machine.Error{Op: "mkdir", Path: path, Code: machine.ErrorPathNotFound}
			}
			return sh.dirFailed(err, path)
		}
	}
	return sh.dirFailed(sh.fs.Mkdir(ctx, full), path)
}

// dirFailed reports why a directory could not be made.
func (sh *shell) dirFailed(err error, path string) (bool, error) {
	code, err := win(err)
	switch code {
	case 0:
		return false, err
	case machine.ErrorAlreadyExists, machine.ErrorFileExists:
		sh.errout("A subdirectory or file %s already exists.\r\n", path)
	default:
		sh.system(code)
	}
	return true, nil
}

// runRd is RD.
func runRd(ctx context.Context, sh *shell, args string) (int, error) {
	flags, dirs := switches(splitArgs(args))
	whole, quiet := false, false
	for _, f := range flags {
		switch strings.ToLower(f) {
		case "s":
			whole = true
		case "q":
			quiet = true
		default:
			return sh.usage(invalidSwitch(f))
		}
	}
	if len(dirs) == 0 {
		return sh.syntax()
	}
	last := 0
	for _, d := range dirs {
		rc, err := sh.removeDir(ctx, unquote(d), whole, quiet)
		if err != nil {
			return 0, err
		}
		if rc != 0 {
			last = rc
		}
	}
	return last, nil
}

// removeDir removes a directory. The code is that of Windows.
func (sh *shell) removeDir(ctx context.Context, path string, whole, quiet bool) (int, error) {
	fail := func(code uint32) (int, error) {
		sh.system(code)
		return int(code), nil
	}
	if len(path) > 1 && path[1] == ':' && driveLetter(path) != 'C' {
		return fail(machine.ErrorPathNotFound)
	}
	full, err := sh.full(path)
	if err != nil || machine.HasWildcard(full) {
		return fail(machine.ErrorInvalidName)
	}
	full = trimSlash(full)
	info, err := sh.fs.Lstat(ctx, full)
	if code, err := win(err); err != nil || code != 0 {
		if err != nil {
			return 0, err
		}
		return fail(code)
	}
	if !info.IsDir() {
		return fail(machine.ErrorDirectory)
	}
	if whole && !quiet {
		answer, err := sh.ask("rd /s", full+", Are you sure (Y/N)? ", "YN", "write rd /s /q")
		if err != nil || answer == 'N' {
			return 0, err
		}
	}
	sh.changes++
	switch {
	case whole && within(sh.dir, full):
		// The current directory is in use.
		if err := sh.removeAround(ctx, full); err != nil {
			return sh.removeFailed(err, path)
		}
		return fail(machine.ErrorSharingViolation)
	case whole && !info.IsLink():
		err = sh.fs.RemoveAll(ctx, full, true)
	case within(sh.dir, full):
		return fail(machine.ErrorSharingViolation)
	default:
		err = sh.fs.Remove(ctx, full)
	}
	return sh.removeFailed(err, path)
}

func (sh *shell) removeFailed(err error, path string) (int, error) {
	code, other := win(err)
	if code == 0 {
		return 0, other
	}
	var e *machine.Error
	if errors.As(err, &e) && e.Path != "" && !strings.EqualFold(baseName(e.Path), baseName(path)) {
		sh.errout("%s - %s\r\n", e.Path, machine.MessageFor(code))
	} else {
		sh.system(code)
	}
	return int(code), nil
}

// removeAround removes everything in a directory but what leads to the current
// directory.
func (sh *shell) removeAround(ctx context.Context, dir string) error {
	list, err := sh.fs.ReadDir(ctx, dir)
	if err != nil {
		return err
	}
	for _, i := range list {
		switch {
		case within(sh.dir, i.Path):
			err = sh.removeAround(ctx, i.Path)
		case i.IsDir() && !i.IsLink():
			err = sh.fs.RemoveAll(ctx, i.Path, true)
		default:
			err = sh.removeFile(ctx, i, true)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// checkRd refuses a question that nobody will answer.
func checkRd(_ context.Context, c *checker, args string) error {
	flags, _ := switches(splitArgs(args))
	whole, quiet := false, false
	for _, f := range flags {
		whole = whole || strings.EqualFold(f, "s")
		quiet = quiet || strings.EqualFold(f, "q")
	}
	if whole && !quiet && !c.answered {
		return machine.Refuse("rd /s", "it asks whether to go on, and there is nobody to answer", "write rd /s /q")
	}
	return nil
}
