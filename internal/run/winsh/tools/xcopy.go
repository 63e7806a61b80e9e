package tools

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/winmeta"
)

func xcopy() tool {
	return tool{
		grammar: grammar{
			name: "xcopy", own: true, letters: true,
			flags: join(
				flags("A", "M", "P", "S", "E", "V", "C", "I", "Q", "F", "L", "H", "R", "T", "U", "K", "Y", "-Y", "J", "NOCLONE", "O", "X", "G", "COMPRESS"),
				flagsOf(maybeColon, "D"), flagsOf(colon, "EXCLUDE"),
				refusedFlags("it waits for a key", "leave it out", "W"),
				refusedFlags("short names do not exist in images", "leave it out", "N"),
				refusedFlags("it changes what is printed, or how a file lies on a disk", "leave it out", "Z", "SPARSE", "-SPARSE"),
				refusedFlags("links are not copied as links by casement's xcopy", "make the link with mklink", "B")),
			invalid: func(p *proc, b badWord) int {
				p.errln("Invalid switch - %s", b.text)
				return 4
			},
		},
		check: func(in input) error {
			if in.partial || in.bad != nil || !in.has("D") || in.value("D") == "" {
				return nil
			}
			_, err := xcopyDate(in.value("D"))
			return err
		},
		run: runXcopy,
	}
}

// xcopyDate reads /D:month-day-year.
func xcopyDate(text string) (time.Time, error) {
	t, err := time.Parse("1-2-2006", text)
	if err != nil {
		return t, machine.Refuse("xcopy /D:"+text, "it is not a date of the form month-day-year", "write it like /D:12-31-2024")
	}
	return t, nil
}

// copyJob is one xcopy.
type copyJob struct {
	in       input
	all      bool   // overwrite without asking
	security string // what is copied of it, as robocopy names it
	since    time.Time
	excluded []string // in capitals
	pattern  string
	copied   int
	failed   bool // /C went on after an error
}

// stopError ends an xcopy whose message has been printed.
type stopError struct{ code int }

// Error implements error.
func (e stopError) Error() string { return fmt.Sprintf("stopped with code %d", e.code) }

func runXcopy(ctx context.Context, p *proc, in input) (int, error) {
	args := in.operands()
	if len(args) == 0 || len(args) > 2 {
		p.errln("Invalid number of parameters")
		return 4, nil
	}
	if len(args) == 1 {
		args = append(args, ".")
	}
	job := &copyJob{in: in, all: in.has("Y")}
	switch {
	case in.has("X"):
		job.security = "SOU"
	case in.has("O"):
		job.security = "SO"
	}
	if job.security != "" && !p.Machine.Account().Admin {
		return 4, machine.Refuse("xcopy /O and /X as "+p.Machine.Account().Name, "an account that is no administrator may not give files to others", "copy as ContainerAdministrator")
	}
	if preset, _ := p.Env.Get("COPYCMD"); !in.has("-Y") && strings.EqualFold(strings.TrimSpace(preset), "/Y") {
		job.all = true
	}
	if text := in.value("D"); text != "" {
		var err error
		if job.since, err = xcopyDate(text); err != nil {
			return 4, err
		}
	}
	code, err := job.excludes(ctx, p)
	if err == nil && code == 0 {
		code, err = job.run(ctx, p, args[0], args[1])
	}
	var stop stopError
	if errors.As(err, &stop) {
		code, err = stop.code, nil
	}
	if err != nil {
		return 4, err
	}
	if in.has("L") {
		p.println("%d File(s)", job.copied)
	} else {
		p.println("%d File(s) copied", job.copied)
	}
	return code, nil
}

// excludes reads the files of /EXCLUDE.
func (j *copyJob) excludes(ctx context.Context, p *proc) (int, error) {
	for _, it := range j.in.items {
		if it.flag != "EXCLUDE" {
			continue
		}
		for name := range strings.SplitSeq(it.text, "+") {
			full, err := p.full(name)
			if err != nil {
				return 4, err
			}
			b, err := p.readAll(ctx, full)
			if code, fatal := winCode(err); fatal != nil {
				return 4, fatal
			} else if code != 0 {
				p.errln("Can't read file: %s\r\n", name)
				return 4, nil
			}
			for line := range strings.Lines(machine.DecodePage(p.CodePage, b)) {
				if line = strings.TrimSpace(line); line != "" {
					j.excluded = append(j.excluded, strings.ToUpper(line))
				}
			}
		}
	}
	return 0, nil
}

// run finds out what is copied where, and copies. The name of the destination is
// a mask where it has wildcards.
func (j *copyJob) run(ctx context.Context, p *proc, source, target string) (int, error) {
	shown, dir, many, code, err := j.source(ctx, p, source)
	if err != nil || code >= 0 {
		return max(code, 0), err
	}
	to, name, err := j.target(ctx, p, target, shown, many)
	if err != nil {
		return 4, err
	}
	recursive := j.in.has("S") || j.in.has("E") || j.in.has("T")
	if recursive && name == "" && (strings.EqualFold(dir, to) || strings.HasPrefix(strings.ToUpper(under(to, "")), strings.ToUpper(under(dir, "")))) {
		p.errln("Cannot perform a cyclic copy")
		return 4, nil
	}
	found, err := j.dir(ctx, p, shown, dir, to, name)
	if err != nil {
		return 4, err
	}
	if !found && j.copied == 0 {
		p.errln("File not found - %s", j.pattern)
		if !machine.HasWildcard(j.pattern) {
			return 4, nil
		}
	}
	if j.failed {
		return 4, nil
	}
	return 0, nil
}

// source splits what is copied into the directory, full and as it is shown
// before the names of files, and the pattern. A code of 0 or more ends xcopy.
func (j *copyJob) source(ctx context.Context, p *proc, source string) (shown, dir string, many bool, code int, err error) {
	full, err := p.full(source)
	if err != nil {
		return "", "", false, 4, err
	}
	head, last := splitPath(source)
	if !machine.HasWildcard(last) {
		info, err := p.fs().Stat(ctx, full)
		if code, fatal := winCode(err); fatal != nil {
			return "", "", false, 4, fatal
		} else if code == 0 && info.IsDir() {
			j.pattern = "*"
			shown = source
			if !strings.HasSuffix(shown, `\`) && !strings.HasSuffix(shown, ":") {
				shown += `\`
			}
			return shown, full, true, -1, nil
		} else if code != 0 {
			p.errln("File not found - %s", last)
			return "", "", false, 4, nil
		}
	}
	j.pattern = last
	if head == "" {
		head = full[:2] // xcopy prints the drive before a bare name
	}
	dir = parent(full)
	if machine.HasWildcard(dir) {
		return "", "", false, 4, machine.Refuse("xcopy "+source, "a pattern can only be in the last part", "name the directory")
	}
	info, err := p.fs().Stat(ctx, dir)
	if code, fatal := winCode(err); fatal != nil {
		return "", "", false, 4, fatal
	} else if code != 0 || !info.IsDir() {
		p.errln("File not found - %s", last)
		return "", "", false, 4, nil
	}
	return head, dir, machine.HasWildcard(last), -1, nil
}

// fatalCode is an error that ends the step.
func fatalCode(err error) error {
	_, fatal := winCode(err)
	return fatal
}

// target finds out whether the destination is a directory; name is the new
// name of a single file.
func (j *copyJob) target(ctx context.Context, p *proc, target, source string, many bool) (dir, name string, err error) {
	full, err := p.full(target)
	if err != nil {
		return "", "", err
	}
	if _, last := splitPath(full); machine.HasWildcard(last) && !machine.HasWildcard(parent(full)) {
		return parent(full), last, nil
	}
	info, err := p.fs().StatDest(ctx, full)
	code, fatal := winCode(err)
	if fatal != nil {
		return "", "", fatal
	}
	if code == 0 && info.IsDir() || strings.HasSuffix(target, `\`) {
		return full, "", nil
	}
	if code == 0 {
		if many {
			return "", "", machine.Refuse("xcopy of several files to the file "+target, "they would be joined into one", "name a directory")
		}
		return parent(full), full[strings.LastIndexByte(full, '\\')+1:], nil
	}
	if many && j.in.has("I") {
		return full, "", nil
	}
	// It matters now, so what cost nothing is not enough.
	if is, err := p.fs().TakesIn(ctx, full, source); is || fatalCode(err) != nil {
		return full, "", fatalCode(err)
	}
	way := `end the destination with a backslash`
	if many {
		way = "add /I"
	}
	for {
		key, err := p.askKey(fmt.Sprintf("Does %s specify a file name\r\nor directory name on the target\r\n(F = file, D = directory)? ", target), "asks whether "+target+" is a file or a directory", way)
		if err != nil {
			return "", "", err
		}
		switch {
		case key == 'D':
			return full, "", nil
		case key == 'F' && !many:
			return parent(full), full[strings.LastIndexByte(full, '\\')+1:], nil
		case key == 'F':
			return "", "", machine.Refuse("xcopy of several files to the file "+target, "they would be joined into one", "name a directory")
		}
	}
}

// dir copies the files of a directory that match, and those below it. found
// says whether any file matched.
func (j *copyJob) dir(ctx context.Context, p *proc, shown, from, to, name string) (found bool, err error) {
	if j.security != "" && !j.in.has("L") {
		there, err := p.fs().Exists(ctx, to)
		if err != nil {
			return false, err
		}
		if !there {
			defer func() { err = errors.Join(err, j.secureDir(ctx, p, from, to)) }()
		}
	}
	if j.in.has("E") {
		if err := j.mkdir(ctx, p, to); err != nil {
			return false, err
		}
	}
	entries, err := p.fs().ReadDir(ctx, from)
	if code, fatal := winCode(err); fatal != nil {
		return false, fatal
	} else if code != 0 {
		return false, j.fail(p, code)
	}
	for _, e := range entries {
		if e.IsDir() || !machine.Match(j.pattern, e.Name) || !j.visible(e) {
			continue
		}
		found = true
		if j.in.has("T") || !j.wanted(e) {
			continue
		}
		as := name
		switch {
		case as == "":
			as = e.Name
		case machine.HasWildcard(as):
			as = machine.MaskName(as, e.Name)
		}
		if err := j.file(ctx, p, shown+e.Name, e, to, as); err != nil {
			return found, err
		}
	}
	if !j.in.has("S") && !j.in.has("E") && !j.in.has("T") {
		return found, nil
	}
	below, err := j.below(ctx, p, shown, to, name, entries)
	return found || below, err
}

// below copies the directories of one. A name goes down as long as it is a mask.
func (j *copyJob) below(ctx context.Context, p *proc, shown, to, mask string, entries []*machine.Info) (found bool, err error) {
	if !machine.HasWildcard(mask) {
		mask = ""
	}
	for _, e := range entries {
		if !e.IsDir() || !j.visible(e) || j.isExcluded(e.Path+`\`) {
			continue
		}
		if e.IsLink() {
			return found, machine.Refuse("xcopy of the link "+e.Path, "it would copy what the link leads to", "copy without /S, or remove the link first")
		}
		below, err := j.dir(ctx, p, shown+e.Name+`\`, e.Path, under(to, e.Name), mask)
		if err != nil {
			return found, err
		}
		if below && j.in.has("T") {
			if err := j.mkdir(ctx, p, under(to, e.Name)); err != nil {
				return found, err
			}
		}
		found = found || below
	}
	return found, nil
}

// secureDir gives a directory that was made the security of its source.
func (j *copyJob) secureDir(ctx context.Context, p *proc, from, to string) error {
	there, err := p.fs().Exists(ctx, to)
	if err != nil || !there {
		return err
	}
	code, fatal := winCode(p.copySecurity(ctx, j.security, from, to))
	if fatal == nil && code != 0 {
		return j.fail(p, code)
	}
	return fatal
}

// visible leaves hidden and system files out, unless /H is there.
func (j *copyJob) visible(e *machine.Info) bool {
	return j.in.has("H") || e.Attributes&(winmeta.Hidden|winmeta.System) == 0
}

// wanted applies the switches that choose files by themselves.
func (j *copyJob) wanted(e *machine.Info) bool {
	if (j.in.has("A") || j.in.has("M")) && !e.Attributes.Has(winmeta.Archive) {
		return false
	}
	if !j.since.IsZero() && e.Times.Modified.Before(j.since) {
		return false
	}
	return !j.isExcluded(e.Path)
}

func (j *copyJob) isExcluded(path string) bool {
	path = strings.ToUpper(path)
	for _, x := range j.excluded {
		if strings.Contains(path, x) {
			return true
		}
	}
	return false
}

func (j *copyJob) mkdir(ctx context.Context, p *proc, dir string) error {
	if j.in.has("L") {
		return nil
	}
	err := p.fs().MkdirAll(ctx, dir)
	if code, fatal := winCode(err); fatal != nil {
		return fatal
	} else if code != 0 {
		p.errln("Unable to create directory - %s", dir)
		return stopError{4}
	}
	return nil
}

// fail prints an error of a file; without /C it is the last.
func (j *copyJob) fail(p *proc, code uint32) error {
	text := message(code)
	switch code {
	case machine.ErrorAccessDenied:
		text = "Access denied"
	case machine.ErrorSharingViolation:
		text = "Sharing violation"
	}
	p.errln("%s", text)
	j.failed = true
	if j.in.has("C") {
		return nil
	}
	return stopError{4}
}

// file copies one file.
func (j *copyJob) file(ctx context.Context, p *proc, shown string, e *machine.Info, dir, name string) error {
	if err := p.Machine.Tick(ctx); err != nil {
		return err
	}
	to := under(dir, name)
	stat := p.fs().StatDest
	if j.in.has("D") || j.in.has("U") {
		stat = p.fs().Stat // what is there decides
	}
	old, err := stat(ctx, to)
	code, fatal := winCode(err)
	if fatal != nil {
		return fatal
	}
	exists := code == 0
	switch {
	case exists && j.in.has("D") && j.since.IsZero() && !e.Times.Modified.After(old.Times.Modified):
		return nil
	case !exists && j.in.has("U"):
		return nil
	case strings.EqualFold(e.Path, to):
		p.errln("File cannot be copied onto itself")
		return stopError{4}
	}
	if yes, err := j.confirm(p, shown, to, exists); err != nil || !yes {
		return err
	}
	if !j.in.has("Q") && !j.in.has("P") {
		if j.in.has("F") {
			p.println("%s -> %s", e.Path, to)
		} else {
			p.println("%s", shown)
		}
	}
	if j.in.has("L") {
		j.copied++
		return p.failed
	}
	if err := j.mkdir(ctx, p, dir); err != nil {
		return err
	}
	if exists && j.in.has("R") && old.Attributes.Has(winmeta.ReadOnly) {
		if err := p.fs().SetAttributes(ctx, to, old.Attributes&^winmeta.ReadOnly); err != nil {
			return err
		}
	}
	code, fatal = winCode(j.copy(ctx, p, e, to))
	if fatal != nil {
		return fatal
	}
	if code != 0 {
		return j.fail(p, code)
	}
	j.copied++
	return p.failed
}

// copy copies the bytes and sets the attributes as xcopy does: read-only is not
// kept without /K, and /M clears the archive attribute of the source.
func (j *copyJob) copy(ctx context.Context, p *proc, e *machine.Info, to string) error {
	f := p.fs()
	if err := f.CopyFile(ctx, e.Path, to, false); err != nil {
		return err
	}
	if !j.in.has("K") && e.Attributes.Has(winmeta.ReadOnly) {
		if err := f.SetAttributes(ctx, to, e.Attributes&^winmeta.ReadOnly|winmeta.Archive); err != nil {
			return err
		}
	}
	if err := p.copySecurity(ctx, j.security, e.Path, to); err != nil {
		return err
	}
	if j.in.has("M") {
		return f.SetAttributes(ctx, e.Path, e.Attributes&^winmeta.Archive)
	}
	return nil
}

// confirm asks what /P and a missing /Y have to be asked.
func (j *copyJob) confirm(p *proc, shown, to string, exists bool) (bool, error) {
	if j.in.has("P") {
		key := byte(0)
		for key != 'Y' {
			var err error
			if key, err = p.askKey(shown+" (Y/N)? ", "/P", "leave /P out"); err != nil || key == 'N' {
				return false, err
			}
		}
	}
	if !exists || j.all || j.in.has("L") {
		return true, nil
	}
	for {
		key, err := p.askKey("Overwrite "+to+" (Yes/No/All)? ", "asks whether to overwrite "+to, "add /Y")
		if err != nil {
			return false, err
		}
		switch key {
		case 'A':
			j.all = true
			return true, nil
		case 'Y':
			return true, nil
		case 'N':
			return false, nil
		}
	}
}

// askKey prints a question, takes one key for the answer, which it prints too, and
// returns it as a capital. What else the line has answers the next question.
func (p *proc) askKey(question, what, way string) (byte, error) {
	p.print("%s", question)
	key, err := p.input().ReadByte()
	if errors.Is(err, io.EOF) {
		return 0, machine.Refuse(p.name+" "+what, "it waits for a key and nobody is there to press one", way)
	}
	if err != nil {
		return 0, fmt.Errorf("reading standard input: %w", err)
	}
	p.raw([]byte{key, '\r', '\n'})
	if 'a' <= key && key <= 'z' {
		key -= 'a' - 'A'
	}
	return key, nil
}
