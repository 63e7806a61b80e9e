package cmdsh

import (
	"context"
	"strings"

	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/winmeta"
)

// DEL, TYPE and MKLINK.

// delOptions are the switches of DEL.
type delOptions struct {
	prompt, force, below, quiet bool
	attributes                  *attributeFilter
	bad                         string // the message for a switch
}

func parseDel(args string) (o delOptions, patterns []string) {
	flags, patterns := switches(splitArgs(args))
	for _, f := range flags {
		switch low := strings.ToLower(f); {
		case low == "p":
			o.prompt = true
		case low == "f":
			o.force = true
		case low == "s":
			o.below = true
		case low == "q":
			o.quiet = true
		case strings.HasPrefix(low, "a"):
			a, bad := parseAttributes(f[1:])
			if bad != "" {
				o.bad = badFormat(bad)
			}
			o.attributes = &a
		default:
			o.bad = invalidSwitch(f)
		}
	}
	return o, patterns
}

// attributeFilter chooses files by attributes: those of want must be set, those
// of not must not.
type attributeFilter struct{ want, not winmeta.Attributes }

func (a attributeFilter) matches(is winmeta.Attributes) bool {
	return is.Has(a.want) && is&a.not == 0
}

// parseAttributes reads what follows /a: ":h-s". bad is what it does not know and
// all that follows.
func parseAttributes(s string) (a attributeFilter, bad string) {
	minus := false
	s = strings.TrimPrefix(s, ":")
	for i, c := range strings.ToLower(s) {
		var bit winmeta.Attributes
		switch c {
		case '-':
			minus = true
			continue
		case 'd':
			bit = winmeta.Directory
		case 'r':
			bit = winmeta.ReadOnly
		case 'h':
			bit = winmeta.Hidden
		case 's':
			bit = winmeta.System
		case 'a':
			bit = winmeta.Archive
		case 'i':
			bit = winmeta.NotContentIndexed
		case 'l':
			bit = winmeta.ReparsePoint
		case 'o':
			bit = winmeta.Offline
		default:
			return a, s[min(i, len(s)):]
		}
		if minus {
			a.not |= bit
		} else {
			a.want |= bit
		}
		minus = false
	}
	return a, ""
}

// runDel is DEL.
func runDel(ctx context.Context, sh *shell, args string) (int, error) {
	o, patterns := parseDel(args)
	if o.bad != "" {
		return sh.usage(o.bad)
	}
	if len(patterns) == 0 {
		return sh.syntax()
	}
	rc := 0
	for _, p := range patterns {
		failed, err := sh.del(ctx, unquote(p), o)
		if err != nil {
			return 0, err
		}
		if failed {
			rc = 1
		}
	}
	return rc, nil
}

// del deletes what one pattern names. Only a directory that is not there makes
// it fail.
func (sh *shell) del(ctx context.Context, pattern string, o delOptions) (failed bool, err error) {
	full, err := sh.full(pattern)
	if err != nil {
		sh.system(machine.ErrorInvalidName)
		return true, nil
	}
	full = onDrive(full)
	if d := driveLetter(full); d != 'C' {
		sh.system(machine.ErrorPathNotFound)
		return true, nil
	}
	dir, mask := parentDir(full), baseName(full)
	if !machine.HasWildcard(full) {
		info, err := sh.fs.Lstat(ctx, full)
		code, err := win(err)
		if err != nil {
			return false, err
		}
		if code == 0 && info.IsDir() || mask == "" {
			dir, mask = trimSlash(full), "*"
		} else if code == machine.ErrorInvalidName {
			sh.system(code)
			return true, nil
		}
	}
	if (mask == "*" || mask == "*.*") && !o.quiet {
		answer, err := sh.ask("del "+pattern, under(dir, mask)+", Are you sure (Y/N)? ", "YN", "write del /q")
		if err != nil || answer == 'N' {
			return false, err
		}
	}
	return sh.delIn(ctx, dir, mask, o)
}

// delIn deletes the files of a directory, and of those below it if asked to.
func (sh *shell) delIn(ctx context.Context, dir, mask string, o delOptions) (failed bool, err error) {
	found := 0
	code, err := sh.eachMatch(ctx, dir, mask, o.below, func(i *machine.Info) error {
		if i.IsDir() || !o.takes(i) {
			return nil
		}
		found++
		return sh.delFile(ctx, i, o)
	})
	switch {
	case err != nil:
		return false, err
	case code != 0:
		sh.system(code)
		return true, nil
	case found == 0:
		sh.errout("Could Not Find %s\r\n", under(dir, mask))
	}
	return false, nil
}

// takes reports whether a file is meant: without /a hidden files are not.
func (o delOptions) takes(i *machine.Info) bool {
	if o.attributes != nil {
		return o.attributes.matches(i.Attributes)
	}
	return i.Attributes&(winmeta.Hidden|winmeta.System) == 0
}

// eachMatch calls do for what matches in a directory and, if deep, below it. The
// code is that of a directory that cannot be read.
func (sh *shell) eachMatch(ctx context.Context, dir, mask string, deep bool, do func(*machine.Info) error) (uint32, error) {
	var list []*machine.Info
	var err error
	if machine.HasWildcard(mask) || deep {
		list, err = sh.fs.Glob(ctx, dir, mask)
	} else {
		list, err = sh.single(ctx, dir, mask)
	}
	if code, err := win(err); err != nil || code != 0 {
		return code, err
	}
	for _, i := range list {
		if err := sh.tick(ctx); err != nil {
			return 0, err
		}
		if err := do(i); err != nil {
			return 0, err
		}
	}
	if !deep {
		return 0, nil
	}
	all, err := sh.fs.ReadDir(ctx, dir)
	if code, err := win(err); err != nil || code != 0 {
		return 0, err
	}
	for _, i := range all {
		if !i.IsDir() || i.IsLink() {
			continue
		}
		if _, err := sh.eachMatch(ctx, i.Path, mask, true, do); err != nil {
			return 0, err
		}
	}
	return 0, nil
}

// single returns a file without reading its directory.
func (sh *shell) single(ctx context.Context, dir, name string) ([]*machine.Info, error) {
	i, err := sh.fs.Lstat(ctx, under(dir, name))
	if err == nil {
		return []*machine.Info{i}, nil
	}
	if code := machine.CodeOf(err); code != machine.ErrorFileNotFound {
		return nil, err
	}
	return nil, nil
}

// delFile deletes one file.
func (sh *shell) delFile(ctx context.Context, i *machine.Info, o delOptions) error {
	if o.prompt {
		answer, err := sh.ask("del /p", i.Path+", Delete (Y/N)? ", "YN", "leave /p out")
		if err != nil || answer == 'N' {
			return err
		}
	}
	sh.changes++
	// Who asks for read-only files means them.
	err := sh.removeFile(ctx, i, o.force || o.attributes != nil && o.attributes.want.Has(winmeta.ReadOnly))
	code, err := win(err)
	switch {
	case err != nil:
		return err
	case code != 0:
		sh.errout("%s\r\n", i.Path)
		sh.system(code)
	case o.below:
		sh.out("Deleted file - %s\r\n", i.Path)
	}
	return nil
}

// removeFile removes a file, also a read-only one if force is set.
func (sh *shell) removeFile(ctx context.Context, i *machine.Info, force bool) error {
	if force && i.Attributes.Has(winmeta.ReadOnly) {
		if err := sh.fs.SetAttributes(ctx, i.Path, i.Attributes.Portable()&^winmeta.ReadOnly); err != nil {
			return err
		}
	}
	return sh.fs.Remove(ctx, i.Path)
}

// checkDel refuses a question that nobody will answer.
func checkDel(_ context.Context, c *checker, args string) error {
	o, patterns := parseDel(args)
	if o.quiet || c.answered || o.bad != "" {
		return nil
	}
	if o.prompt && len(patterns) > 0 {
		return machine.Refuse("del /p", "it asks whether to go on, and there is nobody to answer", "leave /p out")
	}
	for _, p := range patterns {
		if mask := baseName(unquote(p)); mask == "*" || mask == "*.*" {
			return machine.Refuse("del "+unquote(p), "it asks whether to go on, and there is nobody to answer", "write del /q")
		}
	}
	return nil
}
