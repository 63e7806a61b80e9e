package tools

import (
	"context"
	"strings"

	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/winmeta"
)

func attrib() tool {
	return tool{
		grammar: grammar{
			name: "attrib", own: true, flags: flags("S", "D", "L"),
			invalid: func(p *proc, b badWord) int {
				p.println("Invalid switch - %s", b.text)
				return 1
			},
		},
		check: func(in input) error {
			_, err := parseAttrib(in)
			return err
		},
		run: runAttrib,
	}
}

// attribJob is a command line of attrib.
type attribJob struct {
	in         input
	set, clear winmeta.Attributes
	name       string
	bad        string
	found      bool
}

// parseAttrib reads +R, -H and the name. The error is a refusal.
func parseAttrib(in input) (*attribJob, error) {
	j := &attribJob{in: in}
	for _, it := range in.items {
		w := it.text
		switch {
		case it.flag != "" || it.unknown:
		case len(w) == 2 && (w[0] == '+' || w[0] == '-'):
			var bit winmeta.Attributes
			switch w[1] | 0x20 {
			case 'r':
				bit = winmeta.ReadOnly
			case 'a':
				bit = winmeta.Archive
			case 's':
				bit = winmeta.System
			case 'h':
				bit = winmeta.Hidden
			case 'i':
				bit = winmeta.NotContentIndexed
			case 'o', 'x', 'v', 'p', 'u', 'b':
				return j, machine.Refuse("attrib "+w, "images do not keep this attribute", "leave it out")
			default:
				j.bad = w
				continue
			}
			if w[0] == '+' {
				j.set |= bit
			} else {
				j.clear |= bit
			}
		case j.name == "":
			j.name = w
		default:
			j.bad = w
		}
	}
	return j, nil
}

func runAttrib(ctx context.Context, p *proc, in input) (int, error) {
	j, err := parseAttrib(in)
	if err != nil {
		return 1, err
	}
	if j.bad != "" {
		p.println("Parameter format not correct -")
		return 1, nil
	}
	if j.name == "" {
		j.name = "*.*"
	}
	full, err := p.full(j.name)
	if err != nil {
		return 1, err
	}
	dir, last := parent(full), full[strings.LastIndexByte(full, '\\')+1:]
	wild := machine.HasWildcard(last)
	if !wild && !j.in.has("S") {
		info, err := p.fs().Lstat(ctx, full)
		if code, fatal := winCode(err); fatal != nil {
			return 1, fatal
		} else if code == 0 {
			j.found = true
			if err := j.one(ctx, p, info); err != nil {
				return 1, err
			}
		}
	} else if err := j.dir(ctx, p, dir, last); err != nil {
		return 1, err
	}
	if !j.found {
		p.println("File not found - %s", full)
	}
	return 0, p.failed
}

// dir works on the entries of a directory that match, and below it with /S.
func (j *attribJob) dir(ctx context.Context, p *proc, dir, pattern string) error {
	infos, err := p.fs().Glob(ctx, dir, pattern)
	if code, fatal := winCode(err); fatal != nil || code != 0 {
		return fatal
	}
	for _, info := range infos {
		// Directories count only with /D.
		if info.IsDir() && !j.in.has("D") {
			continue
		}
		j.found = true
		if err := j.one(ctx, p, info); err != nil {
			return err
		}
	}
	if !j.in.has("S") {
		return nil
	}
	all, err := p.fs().ReadDir(ctx, dir)
	if code, fatal := winCode(err); fatal != nil || code != 0 {
		return fatal
	}
	for _, info := range all {
		if info.IsDir() && !info.IsLink() {
			if err := j.dir(ctx, p, info.Path, pattern); err != nil {
				return err
			}
		}
	}
	return nil
}

// one shows or changes the attributes of one file or directory.
func (j *attribJob) one(ctx context.Context, p *proc, info *machine.Info) error {
	if err := p.Machine.Tick(ctx); err != nil {
		return err
	}
	if info.IsLink() && !j.in.has("L") {
		to, err := p.fs().Stat(ctx, info.Path)
		if code, fatal := winCode(err); fatal != nil || code != 0 {
			return fatal
		}
		follow := *info
		follow.Attributes = to.Attributes
		info = &follow
	}
	a := info.Attributes
	touched := j.set | j.clear
	switch {
	case touched == 0:
		return j.show(p, info)
	case a.Has(winmeta.System) && touched&winmeta.System == 0:
		p.println("Not resetting system file - %s", info.Path)
		return p.failed
	case a.Has(winmeta.Hidden) && touched&winmeta.Hidden == 0:
		p.println("Not resetting hidden file - %s", info.Path)
		return p.failed
	}
	code, fatal := winCode(p.fs().SetAttributes(ctx, info.Path, (a.Portable()|j.set)&^j.clear))
	if code != 0 {
		p.println("Access denied - %s", info.Path)
	}
	return fatal
}

// show prints the attributes in their columns.
func (j *attribJob) show(p *proc, info *machine.Info) error {
	line := []byte(strings.Repeat(" ", 21))
	for _, c := range []struct {
		bit    winmeta.Attributes
		column int
		letter byte
	}{
		{winmeta.Archive, 0, 'A'}, {winmeta.System, 3, 'S'}, {winmeta.Hidden, 4, 'H'}, {winmeta.ReadOnly, 5, 'R'},
		{winmeta.NotContentIndexed, 8, 'I'},
	} {
		if info.Attributes.Has(c.bit) {
			line[c.column] = c.letter
		}
	}
	p.println("%s%s", line, info.Path)
	return p.failed
}
