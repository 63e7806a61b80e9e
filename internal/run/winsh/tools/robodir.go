package tools

import (
	"context"
	"strings"

	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/tree"
	"github.com/casement/casement/internal/winmeta"
)

// The part of robocopy that walks both trees.

// roboLists has what is on the two sides of a directory.
type roboLists struct {
	files, dirs           []roboEntry     // of the source, with their counterparts
	extraDirs, extraFiles []*machine.Info // of the destination alone
}

// lists reads both sides.
func (j *robo) lists(ctx context.Context, p *proc, from, to string, exists bool) (l roboLists, err error) {
	there := map[string]*machine.Info{}
	var dest []*machine.Info
	if exists {
		if dest, err = p.fs().ReadDir(ctx, to); err != nil {
			return l, err
		}
	}
	for _, d := range dest {
		there[tree.Fold(d.Name)] = d
	}
	source, err := p.fs().ReadDir(ctx, from)
	if err != nil {
		return l, err
	}
	here := map[string]bool{}
	for _, s := range source {
		here[tree.Fold(s.Name)] = true
		e := roboEntry{s, there[tree.Fold(s.Name)]}
		if e.dest != nil && e.dest.IsDir() != s.IsDir() {
			return l, machine.Refuse("robocopy with "+s.Path, "it is a file on one side and a directory on the other", "remove "+e.dest.Path+" first")
		}
		if s.IsDir() {
			l.dirs = append(l.dirs, e)
		} else if j.included(s.Name) {
			l.files = append(l.files, e)
		}
	}
	for _, d := range dest {
		switch {
		case here[tree.Fold(d.Name)] || j.in.has("XX"):
		case d.IsDir() && !excluded(p, j.xd, d.Path):
			l.extraDirs = append(l.extraDirs, d)
		case !d.IsDir() && j.included(d.Name) && !excluded(p, j.xf, d.Path):
			l.extraFiles = append(l.extraFiles, d)
		}
	}
	return l, nil
}

// dir does one directory and, as deep as asked, those below it.
func (j *robo) dir(ctx context.Context, p *proc, info *machine.Info, from, to string, exists bool, levels int) error {
	if err := p.Machine.Tick(ctx); err != nil {
		return err
	}
	l, err := j.lists(ctx, p, from, to, exists)
	if code, fatal := winCode(err); fatal != nil {
		return fatal
	} else if code != 0 {
		j.dirs[roboTotal]++
		j.dirs[roboFailed]++
		return j.failed(p, code, "Accessing Source Directory", under(from, ""))
	}
	j.dirs[roboTotal]++
	if exists {
		j.dirs[roboSkipped]++
		j.dirLine("", len(l.files), from)
	} else {
		j.dirs[roboCopied]++
		j.dirLine("New Dir", len(l.files), from)
		if !j.in.has("L") {
			if code, fatal := winCode(p.fs().MkdirAll(ctx, to)); fatal != nil {
				return fatal
			} else if code != 0 {
				j.dirs[roboFailed]++
				return j.failed(p, code, "Creating Destination Directory", under(to, ""))
			}
		}
	}
	if err := j.extras(ctx, p, l); err != nil {
		return err
	}
	for _, e := range l.files {
		if err := j.file(ctx, p, e, to); err != nil {
			return err
		}
	}
	if levels > 1 {
		for _, e := range l.dirs {
			if err := j.below(ctx, p, e, to, levels-1); err != nil {
				return err
			}
		}
	}
	return j.finishDir(ctx, p, info, from, to)
}

// below decides about a directory inside one.
func (j *robo) below(ctx context.Context, p *proc, e roboEntry, to string, levels int) error {
	switch s := e.source; {
	case excluded(p, j.xd, s.Path) || s.IsLink() && (j.in.has("XJ") || j.in.has("XJD")):
		j.dirs[roboTotal]++
		j.dirs[roboSkipped]++
		return nil
	case s.IsLink():
		return machine.Refuse("robocopy of the link "+s.Path, "it would copy what the link leads to", "exclude links with /XJ")
	case e.dest == nil && j.in.has("XL"):
		j.dirs[roboTotal]++
		j.dirs[roboSkipped]++
		return nil
	case e.dest == nil && j.in.has("S") && !j.in.has("E") && !j.in.has("MIR"):
		// /S leaves out directories without any files.
		empty, err := j.empty(ctx, p, s.Path, levels)
		if err != nil {
			return err
		}
		if empty {
			j.dirs[roboTotal]++
			j.dirs[roboSkipped]++
			return nil
		}
	}
	return j.dir(ctx, p, e.source, e.source.Path, under(to, e.source.Name), e.dest != nil, levels)
}

// empty reports whether a directory has no files that are included, nor any
// directory with such.
func (j *robo) empty(ctx context.Context, p *proc, dir string, levels int) (bool, error) {
	entries, err := p.fs().ReadDir(ctx, dir)
	if err != nil {
		return false, err
	}
	for _, e := range entries {
		if !e.IsDir() && j.included(e.Name) {
			return false, nil
		}
		if e.IsDir() && !e.IsLink() && levels > 1 && !excluded(p, j.xd, e.Path) {
			if empty, err := j.empty(ctx, p, e.Path, levels-1); err != nil || !empty {
				return false, err
			}
		}
	}
	return true, nil
}

// extras reports, and with /PURGE removes, what only the destination has.
func (j *robo) extras(ctx context.Context, p *proc, l roboLists) error {
	for _, d := range l.extraDirs {
		if err := j.extraDir(ctx, p, d); err != nil {
			return err
		}
	}
	for _, f := range l.extraFiles {
		if err := j.extraFile(ctx, p, f); err != nil {
			return err
		}
	}
	return nil
}

func (j *robo) extraFile(ctx context.Context, p *proc, f *machine.Info) error {
	j.count[roboExtras]++
	j.bytes[roboExtras] += f.Size
	j.fileLine("*EXTRA File", f, false)
	if !j.purge || j.in.has("L") {
		return nil
	}
	return j.remove(ctx, p, f, "Deleting Extra File")
}

// remove deletes a file or link, read-only or not.
func (j *robo) remove(ctx context.Context, p *proc, f *machine.Info, doing string) error {
	if f.Attributes.Has(winmeta.ReadOnly) {
		if err := p.fs().SetAttributes(ctx, f.Path, f.Attributes&^winmeta.ReadOnly); err != nil {
			return err
		}
	}
	if code, fatal := winCode(p.fs().Remove(ctx, f.Path)); fatal != nil {
		return fatal
	} else if code != 0 {
		j.count[roboFailed]++
		return j.failed(p, code, doing, f.Path)
	}
	return nil
}

func (j *robo) extraDir(ctx context.Context, p *proc, d *machine.Info) error {
	j.dirs[roboExtras]++
	j.dirLine("*EXTRA Dir", -1, d.Path)
	if !j.purge {
		return nil
	}
	if !d.IsLink() {
		entries, err := p.fs().ReadDir(ctx, d.Path)
		if err != nil {
			return err
		}
		for _, e := range entries {
			if e.IsDir() {
				err = j.extraDir(ctx, p, e)
			} else {
				err = j.extraFile(ctx, p, e)
			}
			if err != nil {
				return err
			}
		}
	}
	if j.in.has("L") {
		return nil
	}
	return j.remove(ctx, p, d, "Deleting Extra Directory")
}

// file copies one file, if it is to be copied.
func (j *robo) file(ctx context.Context, p *proc, e roboEntry, to string) error {
	if err := p.Machine.Tick(ctx); err != nil {
		return err
	}
	s := e.source
	j.count[roboTotal]++
	j.bytes[roboTotal] += s.Size
	class, copied := j.class(p, e)
	if !copied {
		j.count[roboSkipped]++
		j.bytes[roboSkipped] += s.Size
		if j.in.has("V") {
			j.fileLine(class, s, false)
		}
		return nil
	}
	code := uint32(0)
	if !j.in.has("L") {
		var fatal error
		if code, fatal = winCode(j.copy(ctx, p, e, under(to, s.Name))); fatal != nil {
			return fatal
		}
	}
	j.fileLine(class, s, code == 0 && !j.in.has("L"))
	if code != 0 {
		j.count[roboFailed]++
		j.bytes[roboFailed] += s.Size
		return j.failed(p, code, "Copying File", s.Path)
	}
	j.count[roboCopied]++
	j.bytes[roboCopied] += s.Size
	if j.move && !j.in.has("L") {
		return j.remove(ctx, p, s, "Deleting Source File")
	}
	return nil
}

// copy copies data, attributes and times as /COPY and the A switches say.
func (j *robo) copy(ctx context.Context, p *proc, e roboEntry, to string) error {
	f, s, what := p.fs(), e.source, j.what
	if e.dest != nil && e.dest.Attributes.Has(winmeta.ReadOnly) {
		if err := f.SetAttributes(ctx, to, e.dest.Attributes&^winmeta.ReadOnly); err != nil {
			return err
		}
	}
	if err := f.CopyFile(ctx, s.Path, to, false); err != nil {
		return err
	}
	switch {
	case strings.Contains(what, "T") && s.Entry != nil:
		if err := f.SetTimes(ctx, to, s.Entry.Times); err != nil {
			return err
		}
	case !strings.Contains(what, "T"):
		if err := f.SetTimes(ctx, to, tree.Times{Modified: p.Machine.Now()}); err != nil {
			return err
		}
	}
	attributes := s.Attributes.Portable()
	if !strings.Contains(what, "A") {
		attributes = winmeta.Archive
	}
	set, _ := roboAttributes(j.in.value("A+"))
	clearing, _ := roboAttributes(j.in.value("A-"))
	if err := f.SetAttributes(ctx, to, (attributes|set)&^clearing); err != nil {
		return err
	}
	if j.in.has("M") {
		if err := f.SetAttributes(ctx, s.Path, s.Attributes&^winmeta.Archive); err != nil {
			return err
		}
	}
	return p.copySecurity(ctx, j.what, s.Path, to)
}

// finishDir gives a directory the attributes and times of its source, and
// removes the source with /MOVE.
func (j *robo) finishDir(ctx context.Context, p *proc, info *machine.Info, from, to string) error {
	if j.in.has("L") {
		return nil
	}
	if code, fatal := winCode(p.copySecurity(ctx, j.what, from, to)); fatal != nil {
		return fatal
	} else if code != 0 {
		j.dirs[roboFailed]++
		return j.failed(p, code, "Copying NTFS Security to Destination Directory", under(to, ""))
	}
	what := "DA"
	if it, ok := j.in.get("DCOPY"); ok {
		what = strings.ToUpper(it.text)
	}
	if j.in.has("NODCOPY") {
		what = ""
	}
	made, err := p.fs().Stat(ctx, to)
	if err != nil {
		return err
	}
	if a := info.Attributes.Portable(); strings.Contains(what, "A") && a != made.Attributes.Portable() {
		if err := p.fs().SetAttributes(ctx, to, a); err != nil {
			return err
		}
	}
	if strings.Contains(what, "T") && info.Entry != nil {
		if err := p.fs().SetTimes(ctx, to, info.Entry.Times); err != nil {
			return err
		}
	}
	if !j.in.has("MOVE") {
		return nil
	}
	code, fatal := winCode(p.fs().Remove(ctx, from))
	if code == machine.ErrorDirNotEmpty {
		code = 0 // something was skipped and stays
	}
	if fatal == nil && code != 0 {
		j.dirs[roboFailed]++
		return j.failed(p, code, "Deleting Source Directory", under(from, ""))
	}
	return fatal
}

// failed logs an error with its retries. None of them would end otherwise, so
// they take no time; a job that would try for days is refused.
func (j *robo) failed(p *proc, code uint32, doing, path string) error {
	line := p.Machine.Now().Format("2006/01/02 15:04:05")
	if j.retries > 1000 {
		return machine.Refuse("robocopy without /R", "it would try "+strings.ToLower(doing)+" "+path+" again a million times ("+strings.TrimSuffix(message(code), ".")+")", "add /R:0, and correct the cause")
	}
	for try := 0; ; try++ {
		j.log.println("%s ERROR %d (0x%08X) %s %s\r\n%s", line, code, code, doing, path, message(code))
		if try == j.retries {
			break
		}
		j.log.println("Waiting %d seconds... Retrying...", j.wait)
	}
	if j.retries > 0 {
		j.log.println("\r\nERROR: RETRY LIMIT EXCEEDED.\r\n")
	}
	return p.failed
}
