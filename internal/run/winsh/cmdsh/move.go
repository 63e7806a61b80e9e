package cmdsh

import (
	"context"
	"slices"
	"strings"

	"github.com/casement/casement/internal/run/winsh/machine"
)

// MOVE and REN.

// runMove is MOVE. In a batch file, and on the command line of cmd /c, it
// replaces files without asking.
func runMove(ctx context.Context, sh *shell, args string) (int, error) {
	flags, operands := switches(splitArgs(args))
	asks := false
	for _, f := range flags {
		switch strings.ToLower(f) {
		case "y":
			asks = false
		case "-y":
			asks = true
		default:
			return sh.syntax()
		}
	}
	if len(operands) == 0 || len(operands) > 2 {
		return sh.syntax()
	}
	from := unquote(operands[0])
	to := "."
	if len(operands) == 2 {
		to = unquote(operands[1])
	}
	fullFrom, err := sh.full(from)
	if err != nil {
		return sh.syntax()
	}
	fullTo, err := sh.full(to)
	if err != nil {
		return sh.syntax()
	}
	m := mover{sh: sh, asks: asks, to: trimSlash(fullTo), slash: strings.HasSuffix(fullTo, `\`)}
	if m.intoDir, err = sh.isDir(ctx, m.to); err != nil {
		return 0, err
	}
	return m.move(ctx, trimSlash(fullFrom))
}

// mover is one MOVE.
type mover struct {
	sh          *shell
	asks        bool
	to          string
	slash       bool // the destination was written as a directory
	intoDir     bool // the destination is one
	looked      bool // and this is certain
	tree        bool // a directory is moved
	files, dirs int
}

func (m *mover) move(ctx context.Context, from string) (int, error) {
	sh := m.sh
	if !machine.HasWildcard(from) {
		info, err := sh.fs.Lstat(ctx, from)
		if code, err := win(err); err != nil || code != 0 {
			if err != nil {
				return 0, err
			}
			sh.system(code)
			return 1, nil
		}
		m.tree = info.IsDir()
		code, err := m.one(ctx, info)
		return m.end(code, err)
	}
	list, err := sh.fs.Glob(ctx, parentDir(from), baseName(from))
	if code, err := win(err); err != nil || code != 0 {
		if err != nil {
			return 0, err
		}
		sh.system(code)
		return 1, nil
	}
	list = slices.DeleteFunc(list, (*machine.Info).IsDir)
	switch {
	case len(list) == 0:
		sh.system(machine.ErrorFileNotFound)
		return 1, nil
	case len(list) > 1 && !m.intoDir && !machine.HasWildcard(m.to):
		sh.errout("Cannot move multiple files to a single file.\r\n")
		return m.end(0, nil)
	}
	for _, i := range list {
		sh.out("%s\r\n", i.Path)
		if code, err := m.one(ctx, i); err != nil || code != 0 {
			return m.end(code, err)
		}
	}
	return m.end(0, nil)
}

// end reports what was moved.
func (m *mover) end(code uint32, err error) (int, error) {
	if err != nil {
		return 0, err
	}
	if code != 0 {
		m.sh.system(code)
	}
	if m.tree {
		m.sh.out("%9d dir(s) moved.\r\n", m.dirs)
	} else {
		m.sh.out("%9d file(s) moved.\r\n", m.files)
	}
	if code != 0 || m.files+m.dirs == 0 {
		return 1, nil
	}
	return 0, nil
}

// one moves a file or directory.
func (m *mover) one(ctx context.Context, i *machine.Info) (uint32, error) {
	sh := m.sh
	to := m.to
	if strings.EqualFold(i.Path, to) && i.IsDir() {
		return machine.ErrorSharingViolation, nil
	}
	if err := m.look(ctx, i); err != nil {
		return 0, err
	}
	if m.intoDir && !strings.EqualFold(i.Path, to) {
		to = under(to, i.Name)
	} else if m.slash {
		return machine.ErrorPathNotFound, nil
	}
	if machine.HasWildcard(to) {
		to = under(parentDir(to), machine.MaskName(baseName(to), i.Name))
	}
	if i.IsDir() && within(sh.dir, i.Path) {
		return machine.ErrorSharingViolation, nil
	}
	if m.asks && !strings.EqualFold(i.Path, to) {
		there, err := sh.isFile(ctx, to)
		if err != nil {
			return 0, err
		}
		if there {
			answer, err := sh.askOverwrite("move", to)
			if err != nil || answer == 'N' {
				return 0, err
			}
		}
	}
	sh.changes++
	if code, err := win(sh.fs.Rename(ctx, i.Path, to, true)); err != nil || code != 0 {
		return code, err
	}
	if i.IsDir() {
		m.dirs++
	} else {
		m.files++
	}
	return 0, nil
}

// look finds out, once, whether the destination of a file is a directory.
func (m *mover) look(ctx context.Context, i *machine.Info) (err error) {
	if m.intoDir || m.looked || i.IsDir() && !m.slash {
		return nil
	}
	m.looked = true
	to := m.to
	if m.slash {
		to += `\`
	}
	m.intoDir, err = m.sh.takesIn(ctx, to, i.Name)
	return err
}

// askOverwrite asks whether a file may be replaced; the end of the input says no.
func (sh *shell) askOverwrite(command, path string) (byte, error) {
	for {
		sh.out("Overwrite %s? (Yes/No/All): ", path)
		line, ok, err := sh.readLine()
		if err != nil || !ok {
			return 'N', err
		}
		sh.out("\r\n")
		if line = strings.ToUpper(strings.TrimSpace(line)); line != "" && strings.IndexByte("YNA", line[0]) >= 0 {
			return line[0], nil
		}
	}
}

// runRen is REN.
func runRen(ctx context.Context, sh *shell, args string) (int, error) {
	flags, operands := switches(splitArgs(args))
	if len(flags) > 0 || len(operands) != 2 {
		return sh.syntax()
	}
	from, mask := unquote(operands[0]), unquote(operands[1])
	if strings.ContainsAny(mask, `\/:`) || mask == "" {
		return sh.syntax()
	}
	full, err := sh.full(from)
	if err != nil {
		return sh.syntax()
	}
	full = trimSlash(full)
	if !machine.HasWildcard(full) {
		info, err := sh.fs.Lstat(ctx, full)
		if code, err := win(err); err != nil || code != 0 {
			if err != nil {
				return 0, err
			}
			sh.system(code)
			return 1, nil
		}
		if info.IsDir() && machine.HasWildcard(mask) {
			return sh.syntax()
		}
		return sh.rename(ctx, info, mask)
	}
	list, err := sh.fs.Glob(ctx, parentDir(full), baseName(full))
	if code, err := win(err); err != nil || code != 0 {
		if err != nil {
			return 0, err
		}
		sh.system(code)
		return 1, nil
	}
	rc, found := 0, false
	for _, i := range list {
		if i.IsDir() {
			continue // directories are not renamed by patterns
		}
		found = true
		one, err := sh.rename(ctx, i, mask)
		if err != nil {
			return 0, err
		}
		rc = max(rc, one)
	}
	switch {
	case !found && len(list) > 0:
		return sh.syntax()
	case !found:
		sh.system(machine.ErrorFileNotFound)
		return 1, nil
	}
	return rc, nil
}

func (sh *shell) rename(ctx context.Context, i *machine.Info, mask string) (int, error) {
	to := under(parentDir(i.Path), machine.MaskName(mask, i.Name))
	if i.IsDir() && within(sh.dir, i.Path) {
		sh.system(machine.ErrorSharingViolation)
		return 1, nil
	}
	sh.changes++
	code, err := win(sh.fs.Rename(ctx, i.Path, to, false))
	switch {
	case err != nil:
		return 0, err
	case code == machine.ErrorAlreadyExists, code == machine.ErrorFileExists:
		sh.errout("A duplicate file name exists, or the file\r\ncannot be found.\r\n")
		return 1, nil
	case code != 0:
		sh.system(code)
		return 1, nil
	}
	return 0, nil
}
