package tools

import (
	"context"
	"errors"
	"io/fs"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/casement/casement/internal/run/winsh/machine"
)

// forfiles starts a command for each file and directory that matches.
func forfiles() tool {
	return tool{
		grammar: grammar{
			name: "forfiles", dash: true, invalid: sdkInvalid("FORFILES", 1),
			flags: join(flagsOf(nextAny, "P", "M", "C", "D"), flags("S")),
		},
		check: func(in input) error {
			d, ok := in.get("D")
			if !ok || d.unknown || in.bad != nil {
				return nil
			}
			if _, _, ok := forfilesDate(d.text, time.Now()); !ok {
				return machine.Refuse("forfiles /D "+d.text, "it is not a number of days or a date", "write it like /D -7 or /D -12/31/2024")
			}
			return nil
		},
		checkCommand: checkForfiles,
		run:          runForfiles,
	}
}

// checkForfiles checks the command that would be started for a file, as cmd checks
// its own commands.
func checkForfiles(ctx context.Context, c *machine.Checking, in input) error {
	command, given := in.get("C")
	if command.unknown || in.bad != nil {
		return nil
	}
	if !given {
		command.text = forfilesDefault
	}
	// Any file will do to see what the command is, unless the file is what starts.
	text := forfilesText(command.text)
	words := machine.SplitCommandLine(text)
	if len(words) == 0 || forfilesVariables().MatchString(words[0]) {
		return nil
	}
	line := forfilesLine(text, &machine.Info{Name: "x.x", Path: "x.x"}, ".")
	words = machine.SplitCommandLine(line)
	below := c.Child(line)
	if dir, ok := in.get("P"); ok && !dir.unknown {
		full, err := machine.Full(c.Dir, firstOf(dir.text, "."))
		if err != nil {
			return err
		}
		below.Dir = full
	}
	f, err := c.Machine.FindKnown(ctx, words[0], below.Env, below.Dir, true)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return absentForfiles(ctx, below, words[0])
	case err != nil:
		return err
	}
	var args []machine.Arg
	for _, w := range words[1:] {
		args = append(args, machine.Arg{Text: w})
	}
	return c.Machine.CheckStart(ctx, f, below, args)
}

// absentForfiles decides about a program that is not known: only a script may be
// there when its time comes, and a layer that has not been read may have it.
func absentForfiles(ctx context.Context, c *machine.Checking, name string) error {
	certain := !c.TreeUnknown && !c.Machine.Blind()
	switch {
	case machine.IsPowerShellScript(name) && !certain:
		return machine.RefuseScript(name)
	case machine.MayBeScript(name) || certain && !machine.Foreign(name):
		return nil // the step refuses it if it is not there
	case !strings.ContainsAny(name, `\/`):
		return machine.RefuseUnknown(name)
	}
	full, err := machine.Full(c.Dir, name)
	if err != nil {
		return machine.RefuseUnknown(name)
	}
	return c.Machine.CheckStart(ctx, machine.Found{Path: full}, c, nil)
}

const forfilesDefault = "cmd /c echo @file"

// forfilesVariables matches the names that stand for the file.
var forfilesVariables = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?i)@(file|fname|ext|path|relpath|isdir|fsize|fdate|ftime)`)
})

// forfilesHex matches characters by number.
var forfilesHex = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`0x[0-9A-Fa-f]{2}`) })

// forfilesDate reads /D: the first or last day on which a file may have been
// changed.
func forfilesDate(text string, now time.Time) (day time.Time, before, ok bool) {
	before = strings.HasPrefix(text, "-")
	digits := strings.TrimLeft(text, "+-")
	if len(text)-len(digits) > 1 {
		return day, before, false
	}
	if n, err := strconv.Atoi(digits); err == nil && n >= 0 && n <= 32768 {
		if before {
			n = -n
		}
		return now.UTC().Truncate(24*time.Hour).AddDate(0, 0, n), before, true
	}
	day, err := time.Parse("1/2/2006", digits)
	return day, before, err == nil
}

// forfilesJob is a command line of forfiles.
type forfilesJob struct {
	pattern, command string
	deep             bool
	wanted           func(t time.Time) bool
	found            bool
}

func runForfiles(ctx context.Context, p *proc, in input) (int, error) {
	if args := in.operands(); len(args) > 0 {
		return sdkInvalid("FORFILES", 1)(p, badWord{text: args[0]}), nil
	}
	j := &forfilesJob{pattern: firstOf(in.value("M"), "*"), command: firstOf(in.value("C"), forfilesDefault), deep: in.has("S"), wanted: func(time.Time) bool { return true }}
	if day, before, ok := forfilesDate(in.value("D"), p.Machine.Now()); ok && in.has("D") {
		j.wanted = func(t time.Time) bool {
			t = t.UTC().Truncate(24 * time.Hour)
			return t.Equal(day) || t.Before(day) == before
		}
	}
	root, err := p.full(firstOf(in.value("P"), "."))
	if err != nil {
		return 1, err
	}
	info, err := p.fs().Stat(ctx, root)
	if code, fatal := winCode(err); fatal != nil {
		return 1, fatal
	} else if code != 0 || !info.IsDir() {
		p.errln("ERROR: The directory name is invalid.")
		return 1, nil
	}
	if err := j.dir(ctx, p, root, "."); err != nil {
		return 1, err
	}
	if !j.found {
		p.errln("ERROR: No files found with the specified search criteria.")
		return 1, nil
	}
	return 0, p.failed
}

// dir starts the command for what a directory has, and then for what is below it.
func (j *forfilesJob) dir(ctx context.Context, p *proc, dir, shown string) error {
	all, err := p.fs().ReadDir(ctx, dir)
	if code, fatal := winCode(err); fatal != nil {
		return fatal
	} else if code != 0 {
		p.errln("ERROR: %s \"%s\".", message(code), dir)
		return nil
	}
	for _, e := range all {
		if !machine.Match(j.pattern, e.Name) || !j.wanted(e.Times.Modified) {
			continue
		}
		if err := j.start(ctx, p, e, dir, shown); err != nil {
			return err
		}
	}
	for _, e := range all {
		if !j.deep || !e.IsDir() || e.IsLink() {
			continue
		}
		// What a command has removed is not there any more.
		if there, err := p.fs().Exists(ctx, e.Path); err != nil || !there {
			if err != nil {
				return err
			}
			continue
		}
		if err := j.dir(ctx, p, e.Path, shown+`\`+e.Name); err != nil {
			return err
		}
	}
	return nil
}

// start starts the command for a file, in its directory.
func (j *forfilesJob) start(ctx context.Context, p *proc, e *machine.Info, dir, shown string) error {
	if !j.found {
		j.found = true
		p.print("\r\n")
	}
	if err := p.stdout.Flush(); err != nil {
		return err
	}
	line := forfilesLine(forfilesText(j.command), e, shown)
	child := p.Child(line)
	child.Dir = dir
	if len(child.Args) == 0 {
		return machine.Refuse("forfiles /C with an empty command", "there is nothing to start", "write the command")
	}
	f, err := p.Machine.Find(ctx, child.Args[0], child.Env, dir, true)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return machine.RefuseUnknown(child.Args[0])
	case err != nil:
		return err
	}
	code, err := p.Machine.Start(ctx, f, child)
	if err == nil && code != 0 {
		err = machine.Refuse("forfiles with a command that fails", "whether forfiles fails too is not certain ("+line+" ended with "+strconv.Itoa(code)+")", "use for /r, or let the command end with exit 0")
	}
	return err
}

// forfilesText is a command with the characters that it has by number. They come
// before the variables, so that names are left as they are.
func forfilesText(command string) string {
	return forfilesHex().ReplaceAllStringFunc(command, func(hex string) string {
		n, _ := strconv.ParseUint(hex[2:], 16, 8)
		return string(rune(n))
	})
}

// forfilesLine is the command for a file.
func forfilesLine(text string, e *machine.Info, shown string) string {
	base, ext := e.Name, ""
	if i := strings.LastIndexByte(e.Name, '.'); i >= 0 {
		base, ext = e.Name[:i], e.Name[i+1:]
	}
	quoted := func(s string) string { return `"` + s + `"` }
	return forfilesVariables().ReplaceAllStringFunc(text, func(name string) string {
		switch strings.ToLower(name[1:]) {
		case "file":
			return quoted(e.Name)
		case "fname":
			return quoted(base)
		case "ext":
			return quoted(ext)
		case "path":
			return quoted(e.Path)
		case "relpath":
			return quoted(shown + `\` + e.Name)
		case "isdir":
			return strings.ToUpper(strconv.FormatBool(e.IsDir()))
		case "fsize":
			return strconv.FormatInt(e.Size, 10)
		case "fdate":
			return e.Times.Modified.UTC().Format("1/2/2006")
		}
		return e.Times.Modified.UTC().Format("3:04:05 PM")
	})
}
