package cmdsh

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/winmeta"
)

// DIR: what is listed and in which order. dirformat.go has how it looks.

// dirOptions are the switches of DIR.
type dirOptions struct {
	filter                           attributeFilter
	all                              bool // /a: hidden files too
	bare, below, lower, owner, short bool
	wide, columns                    bool
	noCommas                         bool
	order                            string // letters of /o, each possibly behind a -
	time                             byte   // 'c', 'a' or 'w'
	bad                              string // the message for a switch
}

func parseDir(args string) (o dirOptions, patterns []string) {
	o.time = 'w'
	flags, patterns := switches(splitArgs(args))
	for _, f := range flags {
		on := true
		name := f
		if strings.HasPrefix(name, "-") {
			on, name = false, name[1:]
		}
		if name == "" {
			o.bad = invalidSwitch(f)
		} else if known, bad := o.flag(name, on); !known {
			o.bad = invalidSwitch(f)
		} else if bad != "" {
			o.bad = badFormat(bad)
		}
	}
	return o, patterns
}

// flag takes a switch. bad is what stands behind its letter and should not.
func (o *dirOptions) flag(name string, on bool) (known bool, bad string) {
	value := strings.TrimPrefix(name[1:], ":")
	switch name[0] | 0x20 {
	case 'a':
		o.filter, bad = parseAttributes(value)
		o.all = on
		return true, bad
	case 'o':
		o.order = strings.ToLower(value)
		if value == "" {
			o.order = "gn"
		}
		bad = strings.TrimLeft(value, "nsedgNSEDG-")
		if !on {
			o.order = ""
		}
		return true, bad
	case 't':
		if on && value != "" {
			o.time = value[0] | 0x20
			return true, strings.TrimLeft(value, "cawCAW")
		}
	case 'b':
		o.bare = on
	case 'c':
		o.noCommas = !on
	case 'd':
		o.columns = on
	case 'l':
		o.lower = on
	case 'q':
		o.owner = on
	case 's':
		o.below = on
	case 'w':
		o.wide = on
	case 'x':
		o.short = on
	case 'n', 'p', 'r', '4':
	default:
		return false, ""
	}
	return true, name[1:]
}

// checkDir refuses what depends on more than the files.
func checkDir(_ context.Context, _ *checker, args string) error {
	o, _ := parseDir(args)
	return o.refused()
}

// refused says why a listing cannot be made.
func (o dirOptions) refused() error {
	if o.short {
		return machine.Refuse("dir /x", "files have no short names here", "leave /x out")
	}
	return nil
}

// listing is what DIR shows of one directory.
type listing struct {
	dir   string
	masks []string
}

// runDir is DIR.
func runDir(ctx context.Context, sh *shell, args string) (int, error) {
	preset, _ := sh.env.Get("DIRCMD")
	o, patterns := parseDir(preset + " " + args)
	if o.bad != "" {
		return sh.usage(o.bad)
	}
	if err := o.refused(); err != nil {
		return 0, err
	}
	lists, code, err := sh.listings(ctx, patterns)
	if err != nil {
		return 0, err
	}
	if code != 0 {
		sh.system(code)
		return 1, nil
	}
	d := &dirPrinter{sh: sh, o: o}
	if !o.bare {
		sh.out(" Volume in drive C has no label.\r\n Volume Serial Number is %s\r\n", machine.VolumeSerial)
	}
	for _, l := range lists {
		var c uint32
		if c, err = d.list(ctx, l); err != nil {
			return 0, err
		}
		if c != 0 {
			code = c
		}
	}
	switch {
	case code != 0:
		if !o.bare {
			sh.out("\r\n")
		}
		sh.system(code)
		return 1, nil
	case d.found == 0:
		sh.errout("File Not Found\r\n")
		return 1, nil
	}
	d.total()
	return 0, nil
}

// listings groups patterns by directories.
func (sh *shell) listings(ctx context.Context, patterns []string) ([]listing, uint32, error) {
	if len(patterns) == 0 {
		patterns = []string{"*"}
	}
	var out []listing
	for _, p := range patterns {
		full, err := sh.full(orDot(unquote(p)))
		if err != nil {
			return nil, machine.ErrorFileNotFound, nil
		}
		full = onDrive(full)
		if driveLetter(full) != 'C' {
			return nil, machine.ErrorPathNotFound, nil
		}
		dir, mask := parentDir(full), baseName(full)
		if !machine.HasWildcard(full) {
			info, err := sh.fs.Stat(ctx, full)
			if _, err := win(err); err != nil {
				return nil, 0, err
			}
			if err == nil && info.IsDir() || mask == "" {
				dir, mask = trimSlash(full), "*"
			}
		}
		if n := len(out); n > 0 && strings.EqualFold(out[n-1].dir, dir) {
			out[n-1].masks = append(out[n-1].masks, mask)
			continue
		}
		out = append(out, listing{dir, []string{mask}})
	}
	return out, 0, nil
}

// dirPrinter prints what DIR has found.
type dirPrinter struct {
	sh          *shell
	o           dirOptions
	found       int
	files, dirs int
	bytes       int64
}

// list prints a directory, and those below it with /s.
func (d *dirPrinter) list(ctx context.Context, l listing) (uint32, error) {
	if err := d.sh.tick(ctx); err != nil {
		return 0, err
	}
	entries, code, err := d.entries(ctx, l)
	if err != nil || code != 0 {
		return code, err
	}
	if len(entries) > 0 || !d.o.below {
		if err := d.print(ctx, l.dir, entries); err != nil {
			return 0, err
		}
	}
	if !d.o.below {
		return 0, nil
	}
	all, err := d.sh.fs.ReadDir(ctx, l.dir)
	if code, err := win(err); err != nil || code != 0 {
		return 0, err
	}
	for _, i := range all {
		if !i.IsDir() || i.IsLink() || !d.shows(i) && !d.o.all {
			continue
		}
		if _, err := d.list(ctx, listing{i.Path, l.masks}); err != nil {
			return 0, err
		}
	}
	return 0, nil
}

// entries returns what matches in a directory, in order.
func (d *dirPrinter) entries(ctx context.Context, l listing) ([]*machine.Info, uint32, error) {
	var out []*machine.Info
	for _, mask := range l.masks {
		var list []*machine.Info
		var err error
		if machine.HasWildcard(mask) || d.o.below {
			list, err = d.sh.fs.Glob(ctx, l.dir, mask)
		} else {
			list, err = d.sh.single(ctx, l.dir, mask)
		}
		if code, err := win(err); err != nil || code != 0 {
			return nil, code, err
		}
		if (mask == "*" || mask == "*.*") && len(l.dir) > 3 {
			dots, err := d.dots(ctx, l.dir)
			if err != nil {
				return nil, 0, err
			}
			list = append(dots, list...)
		}
		for _, i := range list {
			if d.shows(i) {
				out = append(out, i)
			}
		}
	}
	d.sort(out)
	return out, 0, nil
}

// dots are the directory itself and the one above it.
func (d *dirPrinter) dots(ctx context.Context, dir string) ([]*machine.Info, error) {
	if d.o.bare {
		return nil, nil
	}
	var out []*machine.Info
	for _, e := range []struct{ path, name string }{{dir, "."}, {parentDir(dir), ".."}} {
		info, err := d.sh.fs.Stat(ctx, e.path)
		if _, err := win(err); err != nil {
			return nil, err
		}
		if err == nil {
			dot := *info
			dot.Name = e.name
			dot.Attributes = winmeta.Directory
			out = append(out, &dot)
		}
	}
	return out, nil
}

// shows reports whether an entry is listed.
func (d *dirPrinter) shows(i *machine.Info) bool {
	if d.o.all {
		return d.o.filter.matches(i.Attributes)
	}
	return i.Attributes&(winmeta.Hidden|winmeta.System) == 0
}

// sort puts entries into the order of /o; without it they stay as they are.
func (d *dirPrinter) sort(list []*machine.Info) {
	if d.o.order == "" {
		return
	}
	slices.SortStableFunc(list, func(a, b *machine.Info) int {
		reverse := false
		for i := 0; i < len(d.o.order); i++ {
			c := d.o.order[i]
			if c == '-' {
				reverse = true
				continue
			}
			n := d.compare(c, a, b)
			if reverse {
				n = -n
			}
			if n != 0 {
				return n
			}
			reverse = false
		}
		return 0
	})
}

// compare compares two entries by a letter of /o.
func (d *dirPrinter) compare(by byte, a, b *machine.Info) int {
	switch by {
	case 'n':
		return machine.CompareText(a.Name, b.Name, true)
	case 'e':
		return machine.CompareText(extension(a.Name), extension(b.Name), true)
	case 's':
		return cmp.Compare(a.Size, b.Size)
	case 'd':
		return d.when(a).Compare(d.when(b))
	case 'g':
		switch {
		case a.IsDir() == b.IsDir():
			return 0
		case a.IsDir():
			return -1
		}
		return 1
	}
	return 0
}

func extension(name string) string {
	if i := strings.LastIndexByte(name, '.'); i > 0 {
		return name[i:]
	}
	return ""
}

// grouped writes a number with a comma after each three digits.
func grouped(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
