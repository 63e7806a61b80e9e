package tools

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/winmeta"
)

func robocopy() tool {
	const (
		jobs     = "job files are not read or written"
		repeats  = "it runs again and again"
		leave    = "leave it out"
		ages     = "it depends on the day of the build"
		links    = "links are not copied as links by casement's robocopy"
		exclude  = "exclude links with /XJ"
		settings = "it is for backups, networks or encrypted files"
	)
	return tool{
		grammar: grammar{
			name: "robocopy",
			flags: join(
				flags("S", "E", "Z", "J", "PURGE", "MIR", "MOV", "MOVE", "A", "M", "XC", "XN", "XO", "XX", "XL", "IS", "IT",
					"FFT", "DST", "XJ", "XJD", "XJF", "L", "X", "V", "TS", "FP", "BYTES", "NS", "NC", "NFL", "NDL", "NP", "ETA",
					"TEE", "NJH", "NJS", "NODCOPY", "NOOFFLOAD", "UNICODE", "SEC", "COPYALL", "B", "ZB"),
				flagsOf(colon, "LEV", "COPY", "DCOPY", "A+", "A-", "IA", "XA", "MAX", "MIN", "R", "W", "LOG", "LOG+", "IPG"),
				flagsOf(maybeColon, "MT"), flagsOf(list, "XF", "XD"),
				refusedFlags("files that are not copied are not changed by casement's robocopy", "copy with /SEC or /COPYALL, or set access with icacls", "SECFIX", "NOCOPY"),
				refusedFlags(jobs, "write the switches themselves", "JOB", "SAVE", "QUIT", "NOSD", "NODD", "IF"),
				refusedFlags(repeats, leave, "MON", "MOT", "RH", "PF", "TBD"),
				refusedFlags(ages, "choose files by name", "MAXAGE", "MINAGE", "MAXLAD", "MINLAD"),
				refusedFlags(links, exclude, "SL", "SJ"),
				refusedFlags("it writes the defaults of robocopy into the registry", leave, "REG"),
				refusedFlags("logs are written in the code page only", "use /LOG", "UNILOG", "UNILOG+"),
				refusedFlags(settings, leave, "EFSRAW", "CREATE", "FAT", "256", "TIMFIX", "IM", "LFSM", "COMPRESS", "SPARSE",
					"NOCLONE", "IORATE", "IOMAXSIZE", "THRESHOLD")),
		},
		check: roboCheck,
		run:   runRobocopy,
	}
}

// roboCheck refuses values of switches that are not done.
func roboCheck(in input) error {
	for _, c := range []struct{ flag, does string }{{"COPY", roboAll}, {"DCOPY", "DAT"}} {
		for _, r := range strings.ToUpper(in.value(c.flag)) {
			if !strings.ContainsRune(c.does, r) {
				return machine.Refuse("robocopy /"+c.flag+":"+in.value(c.flag), "only "+c.does+" are copied by casement's robocopy", "leave the others out")
			}
		}
	}
	if it, ok := in.get("COPY"); ok && !it.unknown && !strings.Contains(strings.ToUpper(it.text), "D") {
		return machine.Refuse("robocopy /COPY:"+it.text, "files are only copied with their data by casement's robocopy", "add D")
	}
	for _, f := range []string{"A+", "A-", "IA", "XA"} {
		if _, ok := roboAttributes(in.value(f)); !ok {
			return machine.Refuse("robocopy /"+f+":"+in.value(f), "only the attributes R, A, S, H and N are known", "leave the others out")
		}
	}
	return nil
}

// roboAll is all that /COPY knows: data, attributes, times, access lists, owners
// and what is audited.
const roboAll = "DATSOU"

// roboWhat is what is copied of each file, in the order of roboAll.
func roboWhat(in input) string {
	what := "DAT"
	for _, it := range in.items {
		switch it.flag {
		case "COPY":
			what = strings.ToUpper(it.text)
		case "SEC":
			what = "DATS"
		case "COPYALL":
			what = roboAll
		}
	}
	return strings.Map(func(r rune) rune {
		if !strings.ContainsRune(what, r) {
			return -1
		}
		return r
	}, roboAll)
}

// roboRights is what robocopy says of an account that may not do what is asked.
func roboRights(p *proc, in input, what string) string {
	switch {
	case p.Machine.Account().Admin:
		return ""
	case in.has("B") || in.has("ZB"):
		return "ERROR : You do not have the Backup and Restore Files user rights.\r\n*****  You need these to perform Backup copies (/B or /ZB).\r\n"
	case strings.Contains(what, "U"):
		return "ERROR : You do not have the Manage Auditing user right.\r\n*****  You need this to copy auditing information (/COPY:U or /COPYALL).\r\n"
	}
	return ""
}

// roboAttributes reads letters of attributes.
func roboAttributes(text string) (winmeta.Attributes, bool) {
	var a winmeta.Attributes
	for _, r := range strings.ToUpper(text) {
		switch r {
		case 'R':
			a |= winmeta.ReadOnly
		case 'A':
			a |= winmeta.Archive
		case 'S':
			a |= winmeta.System
		case 'H':
			a |= winmeta.Hidden
		case 'N':
			a |= winmeta.NotContentIndexed
		default:
			return 0, false
		}
	}
	return a, true
}

// The columns of the summary.
const (
	roboTotal = iota
	roboCopied
	roboSkipped
	roboMismatch
	roboFailed
	roboExtras
	roboColumns
)

// robo is one robocopy job.
type robo struct {
	in       input
	from, to string
	files    []string // what is included
	xf, xd   []string
	retries  int
	wait     int
	levels   int // how deep; 1 is the source directory alone
	minSize  int64
	maxSize  int64 // -1: no limit
	purge    bool
	move     bool // files, and directories with /MOVE
	what     string
	log      roboLog

	dirs, count [roboColumns]int
	bytes       [roboColumns]int64
}

func runRobocopy(ctx context.Context, p *proc, in input) (int, error) {
	args := in.operands()
	if slices.ContainsFunc(args, func(a string) bool { return strings.Contains(a, `"`) }) {
		return 16, machine.Refuse("robocopy with a quote in a name", "a backslash in front of a closing quote makes it a part of the name", `leave out the backslash at the end: "C:\dir" and not "C:\dir\"`)
	}
	if len(args) < 2 && in.bad == nil {
		return 16, machine.Refuse("robocopy without source and destination", "it prints the help text of Windows", "name both directories")
	}
	j := &robo{in: in, retries: 1000000, wait: 30, levels: 1, maxSize: -1, xf: in.values("XF"), xd: in.values("XD")}
	if bad := j.numbers(); bad != "" && in.bad == nil {
		j.in.bad = &badWord{text: bad}
	}
	var err error
	for i, target := range []*string{&j.from, &j.to} {
		if i < len(args) {
			if *target, err = p.full(args[i]); err != nil {
				return 16, err
			}
		}
	}
	j.files = args[min(2, len(args)):]
	if len(j.files) == 0 {
		j.files = []string{"*.*"}
	}
	if in.has("S") {
		j.levels = max(j.levels, 1<<30)
	}
	if in.has("E") || in.has("MIR") || in.has("MOVE") && in.has("E") {
		j.levels = 1 << 30
	}
	if it, ok := in.get("LEV"); ok && j.levels > 1 {
		n, _ := strconv.Atoi(it.text)
		j.levels = max(n, 1)
	}
	j.what, p.backup = roboWhat(in), in.has("B") || in.has("ZB")
	j.purge, j.move = in.has("PURGE") || in.has("MIR"), in.has("MOV") || in.has("MOVE")
	if err := j.log.open(ctx, p, in); err != nil {
		return 16, err
	}
	code, err := j.run(ctx, p)
	if cerr := j.log.close(); err == nil {
		err = cerr
	}
	return code, err
}

// numbers reads the switches that take one and returns the first that has none.
func (j *robo) numbers() string {
	for _, n := range []struct {
		flag string
		set  func(int64)
	}{
		{"R", func(n int64) { j.retries = int(n) }},
		{"W", func(n int64) { j.wait = int(n) }},
		{"MIN", func(n int64) { j.minSize = n }},
		{"MAX", func(n int64) { j.maxSize = n }},
		{"LEV", func(int64) {}}, {"MT", func(int64) {}}, {"IPG", func(int64) {}},
	} {
		it, ok := j.in.get(n.flag)
		if !ok || it.text == "" && n.flag == "MT" {
			continue
		}
		v, err := strconv.ParseInt(it.text, 10, 62)
		if err != nil || v < 0 {
			return "/" + n.flag + ":" + it.text
		}
		n.set(v)
	}
	return ""
}

func (j *robo) run(ctx context.Context, p *proc) (int, error) {
	if !j.in.has("NJH") {
		j.header(p)
	}
	if j.in.bad != nil {
		n := 1 + slices.IndexFunc(j.in.words, func(w word) bool { return w.text == j.in.bad.text })
		j.log.println("ERROR : Invalid Parameter #%d : \"%s\"", max(n, 1), j.in.bad.text)
		j.log.print("%s", roboUsage)
		return 16, nil
	}
	if text := roboRights(p, j.in, j.what); text != "" {
		j.log.println("%s", text)
		return 16, nil
	}
	info, err := p.fs().Stat(ctx, j.from)
	code, fatal := winCode(err)
	if fatal != nil {
		return 16, fatal
	}
	if code == 0 && !info.IsDir() {
		code = machine.ErrorDirectory
	}
	if code != 0 {
		j.log.println("%s ERROR %d (0x%08X) Accessing Source Directory %s\r\n%s\r\n", p.Machine.Now().Format("2006/01/02 15:04:05"), code, code, under(j.from, ""), message(code))
		return 16, nil
	}
	stat := p.fs().StatDest
	if j.purge {
		stat = p.fs().Stat // what is there is to be removed
	}
	_, err = stat(ctx, j.to)
	code, fatal = winCode(err)
	if fatal != nil {
		return 16, fatal
	}
	exists := code == 0
	if err := j.dir(ctx, p, info, j.from, j.to, exists, j.levels); err != nil {
		if stop, ok := err.(stopError); ok {
			return stop.code, nil
		}
		return 16, err
	}
	if !j.in.has("NJS") {
		j.summary(p)
	}
	result := 0
	if j.count[roboCopied] > 0 {
		result |= 1
	}
	if j.count[roboExtras]+j.dirs[roboExtras] > 0 {
		result |= 2
	}
	if j.count[roboFailed]+j.dirs[roboFailed] > 0 {
		result |= 8
	}
	return result, nil
}

// included reports whether a file's name matches what is asked for.
func (j *robo) included(name string) bool {
	return slices.ContainsFunc(j.files, func(pattern string) bool { return machine.Match(pattern, name) })
}

// excluded reports whether a name, or a path, is in a list of /XF or /XD.
func excluded(p *proc, list []string, path string) bool {
	name := path[strings.LastIndexByte(path, '\\')+1:]
	return slices.ContainsFunc(list, func(x string) bool {
		if !strings.ContainsAny(x, `\/`) {
			return machine.Match(x, name)
		}
		full, err := p.full(x)
		if err != nil {
			return false
		}
		if machine.HasWildcard(full) {
			return machine.Match(full, path)
		}
		return strings.EqualFold(full, path)
	})
}

// roboEntry is a file or directory on either side.
type roboEntry struct {
	source, dest *machine.Info
}

// class returns what the log calls a file ("New File"), and whether it is copied.
func (j *robo) class(p *proc, e roboEntry) (class string, copied bool) {
	s, d := e.source, e.dest
	in := j.in
	switch {
	case excluded(p, j.xf, s.Path):
		return "named", false
	case j.minSize > s.Size || j.maxSize >= 0 && j.maxSize < s.Size:
		return "small", false
	case (in.has("A") || in.has("M")) && !s.Attributes.Has(winmeta.Archive):
		return "attrib", false
	case (in.has("XJ") || in.has("XJF")) && s.IsLink():
		return "attrib", false
	}
	if ia, _ := roboAttributes(in.value("IA")); ia != 0 && s.Attributes&ia == 0 {
		return "attrib", false
	}
	if xa, _ := roboAttributes(in.value("XA")); s.Attributes&xa != 0 {
		return "attrib", false
	}
	if d == nil {
		return roboClass(in, "New File", "lonely", "XL")
	}
	switch newer := roboNewer(in, s.Times.Modified.Sub(d.Times.Modified)); {
	case newer > 0:
		return roboClass(in, "Newer", "newer", "XN")
	case newer < 0:
		return roboClass(in, "Older", "older", "XO")
	case s.Size != d.Size:
		return roboClass(in, "Changed", "changed", "XC")
	case s.Attributes.Portable() != d.Attributes.Portable():
		if in.has("IT") {
			return "Tweaked", true
		}
		return "tweaked", false
	case in.has("IS"):
		return "Same", true
	}
	return "same", false
}

// roboNewer is by how much the source is newer. /FFT takes times within the two
// seconds of FAT for the same, and /DST those that are an hour apart.
func roboNewer(in input, by time.Duration) time.Duration {
	slack := time.Duration(0)
	if in.has("FFT") {
		slack = 2 * time.Second
	}
	if by.Abs() <= slack || in.has("DST") && (by.Abs()-time.Hour).Abs() <= slack {
		return 0
	}
	return by
}

// roboClass is the class of a file that a switch can exclude.
func roboClass(in input, copied, skipped, flag string) (string, bool) {
	if in.has(flag) {
		return skipped, false
	}
	return copied, true
}
