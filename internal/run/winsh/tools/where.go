package tools

import (
	"context"
	"errors"
	"io/fs"
	"strings"

	"github.com/casement/casement/internal/run/winsh/machine"
)

func where() tool {
	return tool{
		grammar: grammar{
			name: "where", dash: true, invalid: sdkInvalid("WHERE", 2),
			flags: join(flagsOf(next, "R"), flags("Q", "F"),
				refusedFlags("sizes and times of the base image's files are not read for it", "use where without /T, or dir", "T")),
		},
		run: runWhere,
	}
}

// whereJob is a command line of where.
type whereJob struct {
	in    input
	exts  []string
	found []string
	have  map[string]bool
}

func runWhere(ctx context.Context, p *proc, in input) (int, error) {
	patterns := in.operands()
	if len(patterns) == 0 {
		p.errln("ERROR: Invalid syntax. No pattern is specified.")
		p.errln(`Type "WHERE /?" for usage.`)
		return 2, nil
	}
	pathext, ok := p.Env.Get("PATHEXT")
	if !ok {
		pathext = ".COM;.EXE;.BAT;.CMD"
	}
	j := &whereJob{in: in, exts: append([]string{""}, strings.Split(pathext, ";")...), have: map[string]bool{}}
	missing := false
	for _, pattern := range patterns {
		before := len(j.found)
		var err error
		if root, ok := in.get("R"); ok {
			err = j.below(ctx, p, root.text, pattern)
		} else {
			err = j.along(ctx, p, pattern)
		}
		if stop, ok := err.(stopError); ok {
			return stop.code, nil
		}
		if err != nil {
			return 2, err
		}
		if len(j.found) == before {
			missing = true
			if len(patterns) > 1 && !in.has("Q") {
				p.errln("INFO: Could not find \"%s\".", pattern)
			}
		}
	}
	if !in.has("Q") {
		for _, f := range j.found {
			if in.has("F") {
				f = `"` + f + `"`
			}
			p.println("%s", f)
		}
		if len(patterns) == 1 && missing {
			p.errln("INFO: Could not find files for the given pattern(s).")
		}
	}
	if missing {
		return 1, p.failed
	}
	return 0, p.failed
}

func (j *whereJob) add(path string) {
	if key := strings.ToUpper(path); !j.have[key] {
		j.have[key] = true
		j.found = append(j.found, path)
	}
}

// along searches the current directory and PATH, or what "$VAR:pattern" and
// "directories:pattern" say.
func (j *whereJob) along(ctx context.Context, p *proc, pattern string) error {
	path, _ := p.Env.Get("PATH")
	dirs := append([]string{p.Dir}, strings.Split(path, ";")...)
	if i := strings.LastIndexByte(pattern, ':'); i >= 0 {
		where := pattern[:i]
		if name, ok := strings.CutPrefix(where, "$"); ok {
			where, _ = p.Env.Get(name)
		}
		dirs, pattern = strings.Split(where, ";"), pattern[i+1:]
	}
	if strings.ContainsAny(pattern, `\/`) {
		p.errln("ERROR: Invalid pattern is specified in \"path:pattern\".")
		return stopError{2}
	}
	builtin := ""
	if f, err := p.Machine.Find(ctx, pattern, p.Env, p.Dir, false); err == nil && f.Program != nil {
		builtin = f.Path
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		if _, fatal := winCode(err); fatal != nil {
			return fatal
		}
	}
	for _, dir := range dirs {
		dir = strings.Trim(strings.TrimSpace(dir), `"`)
		if dir == "" {
			continue
		}
		full, err := p.full(dir)
		if err != nil {
			return err
		}
		for _, ext := range j.exts {
			infos, err := p.expandName(ctx, under(full, pattern+ext))
			if _, fatal := winCode(err); fatal != nil {
				return fatal
			}
			for _, info := range infos {
				if !info.IsDir() {
					j.add(info.Path)
				}
			}
		}
		if builtin != "" && strings.EqualFold(parent(builtin), full) {
			j.add(builtin)
		}
	}
	return nil
}

// below searches a directory and all below it.
func (j *whereJob) below(ctx context.Context, p *proc, root, pattern string) error {
	full, err := p.full(root)
	if err != nil {
		return err
	}
	err = p.fs().Walk(ctx, full, func(info *machine.Info) error {
		if info.IsDir() {
			return p.Machine.Tick(ctx)
		}
		for _, ext := range j.exts {
			if machine.Match(pattern+ext, info.Name) {
				j.add(info.Path)
				break
			}
		}
		return nil
	})
	code, fatal := winCode(err)
	if code != 0 {
		p.errln("ERROR: %s", message(code))
		return stopError{2}
	}
	return fatal
}
