package fetch

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/casement/casement/internal/run/winsh/machine"
)

// tarOptions is a command line of tar that has been understood.
type tarOptions struct {
	mode    byte // 'c', 't', 'x'; 'h' for help, 'V' for the version
	verbose int
	file    string // "-" is standard input or output
	dir     string // what all -C before the first name come to
	filter  Filter // for writing
	// filterAs is the option that has set filter.
	filterAs string
	format   string // for writing
	strip    int
	block    int // bytes of a record

	include, exclude         []string
	filesFrom                string
	null                     bool
	auto, oldFormat          bool
	keepOld, keepNewer       bool
	stdout, noTimes          bool
	absolute, unlinkFirst    bool
	fastRead, noRecursion    bool
	follow                   byte // 'H' or 'L'
	perms                    bool
	uid, gid                 int // -1 if not set
	user, group              *string
	args                     []string
	notices                  []string // to print before anything else
	excludeFrom, onlyInModes []string
}

// tarUsage is a command line that tar rejects: it prints the text, if any,
// and, if help is set, how it is to be used; the exit code is 1.
type tarUsage struct {
	text string
	help bool
}

func (u *tarUsage) Error() string { return u.text }

func usagef(format string, args ...any) error { return &tarUsage{text: fmt.Sprintf(format, args...)} }

// tarOption is an option of bsdtar. Short is its letter, or 0; name its long
// name.
type tarOption struct {
	short byte
	name  string
	arg   bool
	// set acts on the option. With refuse set instead, it is one that cannot
	// be done here, for that reason.
	set    func(o *tarOptions, arg string) error
	refuse string
}

// flag is an option without argument.
func tarFlag(short byte, names string, set func(o *tarOptions)) []tarOption {
	return tarArg(short, names, false, func(o *tarOptions, _ string) error { set(o); return nil })
}

// tarArg is an option under one or more long names; the letter belongs to all.
func tarArg(short byte, names string, arg bool, set func(*tarOptions, string) error) []tarOption {
	var all []tarOption
	for _, n := range append(strings.Fields(names), "") {
		if n == "" && (short == 0 || len(all) > 0) {
			break
		}
		all = append(all, tarOption{short: short, name: n, arg: arg, set: set})
	}
	return all
}

func tarRefused(short byte, names string, arg bool, reason string) []tarOption {
	all := tarArg(short, names, arg, nil)
	for i := range all {
		all[i].refuse = reason
	}
	return all
}

// tarTable returns the options. It is made for each command line, which costs
// microseconds, and nothing when tar is not called.
func tarTable() []tarOption {
	var all []tarOption
	for _, part := range [][]tarOption{tarModes(), tarReading(), tarWriting(), tarNothing(), tarImpossible()} {
		all = append(all, part...)
	}
	return all
}

func tarModes() []tarOption {
	var all []tarOption
	mode := func(m byte, name string) {
		all = append(all, tarArg(m, name, false, func(o *tarOptions, _ string) error { return o.setMode(m) })...)
	}
	mode('c', "create")
	mode('t', "list")
	mode('x', "extract")
	all = append(all, tarFlag(0, "help", func(o *tarOptions) { o.mode = 'h' })...)
	all = append(all, tarFlag(0, "version", func(o *tarOptions) { o.mode = 'V' })...)
	all = append(all, tarFlag('v', "verbose", func(o *tarOptions) { o.verbose++ })...)
	all = append(all, tarArg('f', "file", true, func(o *tarOptions, s string) error { o.file = s; return nil })...)
	all = append(all, tarArg('C', "cd directory", true, func(o *tarOptions, s string) error {
		if s == "" {
			return usagef("Meaningless option: -C ''")
		}
		o.dir = joinDir(o.dir, s)
		return nil
	})...)
	return all
}

func (o *tarOptions) setMode(m byte) error {
	if o.mode != 0 && o.mode != m {
		return usagef("Can't specify both -%c and -%c", m, o.mode)
	}
	o.mode = m
	return nil
}

// joinDir adds a -C to those before it.
func joinDir(dir, next string) string {
	drive := len(next) > 2 && next[1] == ':' && (next[2] == '/' || next[2] == '\\')
	if dir == "" || drive || next[0] == '/' || next[0] == '\\' {
		return next
	}
	return strings.TrimSuffix(dir, "/") + "/" + next
}

func tarReading() []tarOption {
	var all []tarOption
	flag := func(short byte, names string, set func(o *tarOptions)) {
		all = append(all, tarFlag(short, names, set)...)
	}
	flag('k', "keep-old-files", func(o *tarOptions) { o.keepOld = true })
	flag(0, "keep-newer-files", func(o *tarOptions) { o.keepNewer = true })
	flag('O', "to-stdout", func(o *tarOptions) { o.stdout = true; o.only("-O", "xt") })
	flag('m', "modification-time", func(o *tarOptions) { o.noTimes = true })
	flag('P', "absolute-paths insecure", func(o *tarOptions) { o.absolute = true })
	flag('U', "unlink unlink-first", func(o *tarOptions) { o.unlinkFirst = true; o.only("-U", "x") })
	flag('q', "fast-read", func(o *tarOptions) { o.fastRead = true; o.only("--fast-read", "xt") })
	flag('n', "no-recursion norecurse", func(o *tarOptions) { o.noRecursion = true })
	flag('p', "preserve-permissions same-permissions", func(o *tarOptions) { o.perms = true })
	flag(0, "no-same-permissions", func(o *tarOptions) { o.perms = false })
	all = append(all, tarArg(0, "strip-components", true, func(o *tarOptions, s string) error {
		n, err := strconv.Atoi(s)
		if err != nil || n < 0 || n > 100000 {
			return usagef("Invalid argument to --strip-components")
		}
		o.strip = n
		return nil
	})...)
	list := func(short byte, names string, to func(o *tarOptions) *[]string) {
		all = append(all, tarArg(short, names, true, func(o *tarOptions, s string) error {
			*to(o) = append(*to(o), s)
			return nil
		})...)
	}
	list(0, "exclude", func(o *tarOptions) *[]string { return &o.exclude })
	list(0, "include", func(o *tarOptions) *[]string { return &o.include })
	list('X', "exclude-from", func(o *tarOptions) *[]string { return &o.excludeFrom })
	flag(0, "exclude-vcs", func(o *tarOptions) { o.exclude = append(o.exclude, vcsNames()...) })
	all = append(all, tarArg('T', "files-from", true, func(o *tarOptions, s string) error {
		if o.filesFrom != "" {
			return usagef("Multiple --files-from/-T options are not supported")
		}
		o.filesFrom = s
		return nil
	})...)
	all = append(all, tarArg('I', "", true, func(o *tarOptions, s string) error { o.filesFrom = s; return nil })...)
	flag(0, "null", func(o *tarOptions) { o.null = true })
	return all
}

func vcsNames() []string {
	return strings.Fields("CVS .cvsignore RCS SCCS .svn .git .gitignore .gitattributes .gitmodules " +
		".arch-ids {arch} =RELEASE-ID =meta-update =update .bzr .bzrignore .bzrtags .hg .hgignore .hgtags _darcs")
}

func tarWriting() []tarOption {
	var all []tarOption
	filter := func(short byte, names string, f Filter) {
		all = append(all, tarArg(short, names, false, func(o *tarOptions, _ string) error {
			name := "-" + string(rune(short))
			if short == 0 {
				name = "--" + names
			}
			if o.filter != NoFilter {
				return usagef("Can't specify both %s and %s", name, o.filterAs)
			}
			o.filter, o.filterAs = f, name
			return nil
		})...)
	}
	filter('z', "gzip gunzip", Gzip)
	filter('j', "bzip bzip2 bunzip2", Bzip2)
	filter('y', "", Bzip2)
	filter('J', "xz", XZ)
	filter('Z', "compress uncompress", Compress)
	filter(0, "lzma", LZMA)
	filter(0, "zstd", Zstd)
	filter(0, "lz4", LZ4)
	filter(0, "lzip", Lzip)
	filter(0, "lzop", "lzop")
	filter(0, "lrzip", "lrzip")
	filter(0, "grzip", "grzip")
	all = append(all, tarFlag('a', "auto-compress", func(o *tarOptions) { o.auto = true; o.only("-a", "cx") })...)
	all = append(all, tarFlag('o', "", func(o *tarOptions) { o.oldFormat = true; o.only("-o", "xc") })...)
	all = append(all, tarFlag('H', "", func(o *tarOptions) { o.follow = 'H'; o.only("-H", "c") })...)
	for _, c := range []byte{'h', 'L'} {
		name := map[byte]string{'L': "dereference"}[c]
		all = append(all, tarFlag(c, name, func(o *tarOptions) { o.follow = 'L'; o.only("-L", "c") })...)
	}
	all = append(all, tarArg(0, "format", true, func(o *tarOptions, s string) error {
		o.format = s
		o.only("--format", "c")
		return nil
	})...)
	all = append(all, tarFlag(0, "posix", func(o *tarOptions) { o.format = "pax" })...)
	all = append(all, tarArg('b', "block-size blocking-factor", true, func(o *tarOptions, s string) error {
		n, err := strconv.Atoi(s)
		if err != nil || n <= 0 || n > 8192 {
			return usagef("Invalid or out of range (1..8192) argument to -b")
		}
		o.block = n * 512
		return nil
	})...)
	return append(all, tarOwners()...)
}

func tarOwners() []tarOption {
	var all []tarOption
	id := func(name string, to func(o *tarOptions) *int) {
		all = append(all, tarArg(0, name, true, func(o *tarOptions, s string) error {
			n, err := strconv.Atoi(s)
			if err != nil || n < 0 {
				return usagef("Invalid argument to --%s", name)
			}
			*to(o) = n
			return nil
		})...)
	}
	id("uid", func(o *tarOptions) *int { return &o.uid })
	id("gid", func(o *tarOptions) *int { return &o.gid })
	word := func(name string, to func(o *tarOptions) **string) {
		all = append(all, tarArg(0, name, true, func(o *tarOptions, s string) error { *to(o) = &s; return nil })...)
	}
	word("uname", func(o *tarOptions) **string { return &o.user })
	word("gname", func(o *tarOptions) **string { return &o.group })
	owner := func(name string, n func(o *tarOptions) *int, s func(o *tarOptions) **string) {
		all = append(all, tarArg(0, name, true, func(o *tarOptions, v string) error {
			text, num, both := strings.Cut(v, ":")
			if !both {
				num = v
			}
			id, err := strconv.Atoi(num)
			switch {
			case both && (err != nil || id < 0):
				return usagef("Invalid argument to --%s (%s is not a number)", name, num)
			case both:
				*n(o), *s(o) = id, &text
			case err != nil:
				*s(o) = &text
			default:
				empty := ""
				*n(o), *s(o) = id, &empty
			}
			return nil
		})...)
	}
	owner("owner", func(o *tarOptions) *int { return &o.uid }, func(o *tarOptions) **string { return &o.user })
	owner("group", func(o *tarOptions) *int { return &o.gid }, func(o *tarOptions) **string { return &o.group })
	return append(all, tarFlag(0, "numeric-owner", func(o *tarOptions) {
		empty := ""
		o.user, o.group = &empty, &empty
	})...)
}

// tarNothing are options that change nothing on Windows, or nothing that a
// file system shows.
func tarNothing() []tarOption {
	var all []tarOption
	for _, n := range strings.Fields("same-owner no-same-owner read-sparse no-read-sparse safe-writes no-safe-writes " +
		"disable-copyfile nopreserveHFSCompression") {
		all = append(all, tarFlag(0, n, func(*tarOptions) {})...)
	}
	only := func(modes, names string) {
		for _, n := range strings.Fields(names) {
			all = append(all, tarFlag(0, n, func(o *tarOptions) { o.only("--"+n, modes) })...)
		}
	}
	only("cx", "acls no-acls fflags no-fflags xattrs no-xattrs no-xattr mac-metadata no-mac-metadata")
	only("c", "one-file-system nodump")
	all = append(all, tarFlag('B', "read-full-blocks", func(*tarOptions) {})...)
	all = append(all, tarFlag('S', "", func(*tarOptions) {})...)
	return append(all, tarFlag('l', "check-links", func(o *tarOptions) { o.only("--check-links", "c") })...)
}

func tarImpossible() []tarOption {
	var all []tarOption
	no := func(short byte, names string, arg bool, reason string) {
		all = append(all, tarRefused(short, names, arg, reason)...)
	}
	no('r', "append", false, "adding to an archive is not supported")
	no('u', "update", false, "adding to an archive is not supported")
	no('w', "confirmation interactive", false, "there is nobody to ask during a build")
	no(0, "passphrase", true, "encrypted archives are not supported")
	no(0, "use-compress-program", true, "it runs a program of its own")
	no(0, "options", true, "options of the archive formats are not supported")
	no(0, "uuencode b64encode", false, "text encodings of archives are not supported")
	no(0, "newer newer-ctime newer-ctime-than newer-mtime newer-mtime-than newer-than", true, "selecting by time is not supported")
	no(0, "older older-ctime older-ctime-than older-mtime older-mtime-than older-than", true, "selecting by time is not supported")
	no(0, "mode mtime", true, "changing members is not supported")
	no(0, "clamp-mtime", false, "changing members is not supported")
	no(0, "ignore-zeros", false, "concatenated archives are not supported")
	no(0, "chroot hfsCompression", false, "Windows does not have it")
	no(0, "clear-nochange-fflags", false, "read-only files that are in the way are not replaced")
	no(0, "totals", false, "its output has the time that the work took")
	return append(all, tarArg('s', "", true, func(o *tarOptions, _ string) error {
		return &tarUsage{text: "-s is not supported by this version of bsdtar", help: true}
	})...)
}

// only notes that an option is for some modes.
func (o *tarOptions) only(option, modes string) { o.onlyInModes = append(o.onlyInModes, option, modes) }

// parseTar reads a command line, without the program's name. The error is a
// *tarUsage or a *run.RefusedError.
func parseTar(args []string) (*tarOptions, error) {
	o := &tarOptions{filter: NoFilter, file: "-", uid: -1, gid: -1}
	p := tarParser{o: o, table: tarTable(), args: args}
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		if err := p.bundle(); err != nil {
			return nil, err
		}
	}
	for len(p.args) > 0 && strings.HasPrefix(p.args[0], "-") {
		word := p.args[0]
		p.args = p.args[1:]
		if word == "--" {
			break
		}
		var err error
		if long, ok := strings.CutPrefix(word, "--"); ok {
			err = p.long("--", long)
		} else {
			err = p.shorts(word[1:])
		}
		if err != nil {
			return nil, err
		}
	}
	o.args = p.args
	return o, o.validate()
}

type tarParser struct {
	o     *tarOptions
	table []tarOption
	args  []string
}

// bundle reads the first word of the old style: letters, whose arguments are
// the words after it.
func (p *tarParser) bundle() error {
	word := p.args[0]
	p.args = p.args[1:]
	for i := range len(word) {
		opt, ok := p.letter(word[i])
		if !ok {
			return &tarUsage{help: true}
		}
		arg := ""
		if opt.arg {
			if len(p.args) == 0 {
				return &tarUsage{text: fmt.Sprintf("Option %c requires an argument", word[i]), help: true}
			}
			arg, p.args = p.args[0], p.args[1:]
		}
		if err := p.act(opt, "-"+string(word[i]), arg); err != nil {
			return err
		}
	}
	return nil
}

// shorts reads "-xvf name" or "-xvfname".
func (p *tarParser) shorts(word string) error {
	for i := range len(word) {
		isW := word[i] == 'W'
		opt, ok := p.letter(word[i])
		if !ok && !isW {
			return &tarUsage{help: true}
		}
		if !opt.arg && !isW {
			if err := p.act(opt, "-"+string(word[i]), ""); err != nil {
				return err
			}
			continue
		}
		arg := word[i+1:]
		if arg == "" {
			if len(p.args) == 0 {
				return &tarUsage{text: fmt.Sprintf("Option -%c requires an argument", word[i]), help: true}
			}
			arg, p.args = p.args[0], p.args[1:]
		}
		if isW {
			return p.long("-W ", arg)
		}
		return p.act(opt, "-"+string(word[i]), arg)
	}
	return nil
}

func (p *tarParser) letter(c byte) (tarOption, bool) {
	for _, opt := range p.table {
		if opt.short == c {
			return opt, true
		}
	}
	return tarOption{}, false
}

// long reads "--name", "--name=value" and "--name value"; names may be
// shortened.
func (p *tarParser) long(prefix, word string) error {
	name, arg, hasArg := strings.Cut(word, "=")
	var found []tarOption
	for _, opt := range p.table {
		if opt.name == name && name != "" {
			found = []tarOption{opt}
			break
		}
		if opt.name != "" && strings.HasPrefix(opt.name, name) {
			found = append(found, opt)
		}
	}
	switch {
	case len(found) == 0:
		return &tarUsage{text: fmt.Sprintf("Option %s%s is not supported", prefix, word), help: true}
	case len(found) > 1:
		return &tarUsage{text: fmt.Sprintf("Ambiguous option %s%s (matches --%s and --%s)",
			prefix, word, found[1].name, found[0].name), help: true}
	}
	opt := found[0]
	switch {
	case !opt.arg && hasArg:
		return &tarUsage{text: fmt.Sprintf("Option %s%s does not allow an argument", prefix, opt.name), help: true}
	case opt.arg && !hasArg && len(p.args) == 0:
		return &tarUsage{text: fmt.Sprintf("Option %s%s requires an argument", prefix, opt.name), help: true}
	case opt.arg && !hasArg:
		arg, p.args = p.args[0], p.args[1:]
	}
	return p.act(opt, "--"+opt.name, arg)
}

func (p *tarParser) act(opt tarOption, as, arg string) error {
	if opt.refuse != "" {
		return machine.Refuse("tar "+as, opt.refuse, "do without "+as)
	}
	return opt.set(p.o, arg)
}
