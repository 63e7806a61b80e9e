package tools

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/casement/casement/internal/run/winsh/fetch"
	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/tree"
	"github.com/casement/casement/internal/winmeta"
)

func expand() tool {
	return tool{
		grammar: grammar{
			name: "expand", dash: true,
			flags: join(flags("R", "D", "I"), flagsOf(colon, "F")),
			invalid: func(p *proc, b badWord) int {
				p.errln("Unrecognized switch %s.", b.text)
				return 1
			},
		},
		check: func(in input) error {
			if n := len(in.operands()); !in.partial && (n == 0 || n > 2 || n == 1 && !in.has("R") && !in.has("D") && !in.has("I")) {
				return machine.Refuse("expand with these arguments", "it prints the help text of Windows", "write expand CABINET -F:* DIRECTORY")
			}
			return nil
		},
		run: runExpand,
	}
}

func runExpand(ctx context.Context, p *proc, in input) (int, error) {
	args := in.operands()
	source, err := p.full(args[0])
	if err != nil {
		return 1, err
	}
	p.println("Microsoft (R) File Expansion Utility\r\nCopyright (c) Microsoft Corporation. All rights reserved.\r\n")
	if machine.HasWildcard(args[0]) {
		return 1, machine.Refuse("expand "+args[0], "it expands one cabinet at a time here", "name the cabinet")
	}
	info, err := p.fs().Stat(ctx, source)
	if code, fatal := winCode(err); fatal != nil {
		return 1, fatal
	} else if code != 0 {
		p.println("Can't open input file: %s.", args[0])
		return -1, p.failed
	}
	f, err := p.fs().Open(ctx, source)
	if err != nil {
		return 1, err
	}
	defer f.Close()
	c, err := fetch.OpenCabinet(f, info.Size)
	if err != nil {
		return 1, cabRefused(args[0], err)
	}
	wanted := chooseFiles(c, in)
	if in.has("D") {
		for _, file := range wanted {
			p.println("%s: %s", strings.ToLower(args[0]), file.Name)
		}
		p.println("%d files total.", len(wanted))
		return 0, p.failed
	}
	target := ""
	if len(args) > 1 {
		target = args[1]
	}
	return expandTo(ctx, p, in, c, wanted, target)
}

// cabRefused makes a refusal of what is wrong with a cabinet.
func cabRefused(name string, err error) error {
	var f *fetch.FormatError
	switch {
	case errors.Is(err, fetch.ErrNotArchive):
		return machine.Refuse("expand "+name, "it is not a cabinet", "use expand for .cab files only")
	case errors.Is(err, fetch.ErrMethod) && errors.As(err, &f):
		return machine.Refuse("expand "+name, f.Text, "unpack it before the build and COPY the files")
	case errors.As(err, &f):
		return machine.Refuse("expand "+name, "the cabinet is damaged", "unpack it before the build and COPY the files")
	}
	return err
}

// chooseFiles returns the files that -F chooses, in the order of the data.
func chooseFiles(c *fetch.Cabinet, in input) []fetch.CabFile {
	var files []fetch.CabFile
	for _, f := range c.Files {
		name := f.Name[strings.LastIndexByte(f.Name, '\\')+1:]
		if pattern, ok := in.get("F"); !ok || machine.Match(pattern.text, name) {
			files = append(files, f)
		}
	}
	c.Sort(files)
	return files
}

// expandTo writes the files into a directory, or a single one to a name.
func expandTo(ctx context.Context, p *proc, in input, c *fetch.Cabinet, files []fetch.CabFile, target string) (int, error) {
	if target == "" {
		target = "."
	}
	full, err := p.full(target)
	if err != nil {
		return 1, err
	}
	info, err := p.fs().Stat(ctx, full)
	code, fatal := winCode(err)
	if fatal != nil {
		return 1, fatal
	}
	isDir := code == 0 && info.IsDir()
	if !isDir && (len(files) != 1 || in.has("F")) {
		return 1, machine.Refuse("expand to "+target, "it is not a directory that exists", "make the directory first")
	}
	if !in.has("F") && len(c.Files) > 1 {
		return 1, machine.Refuse("expand of a cabinet with several files without -F", "Windows does not say which it expands", "add -F:*")
	}
	for _, f := range files {
		if !f.Safe() {
			return 1, machine.Refuse("expand of the file "+f.Name, "its name leads out of the directory or is none", "unpack the cabinet before the build")
		}
		if isDir {
			p.println("Adding %s to Extraction Queue", under(strings.TrimSuffix(target, `\`), f.Name))
		}
	}
	p.println("\r\nExpanding Files ....")
	err = c.Each(ctx, files, func(f fetch.CabFile, r io.Reader) error {
		if err := p.Machine.Tick(ctx); err != nil {
			return err
		}
		to := full
		if isDir {
			to = under(full, f.Name)
			if err := p.fs().MkdirAll(ctx, parent(to)); err != nil {
				return err
			}
		}
		return expandFile(ctx, p, f, r, to)
	})
	if err != nil {
		return 1, cabRefused(in.operands()[0], err)
	}
	p.println("\r\nExpanding Files Complete ...\r\n%d files total.", len(files))
	return 0, p.failed
}

// expandFile writes one file.
func expandFile(ctx context.Context, p *proc, f fetch.CabFile, r io.Reader, to string) error {
	w, err := p.fs().Create(ctx, to, machine.CreateOptions{Times: tree.Times{Modified: f.Modified}, Attributes: f.Attributes | winmeta.Archive})
	if err != nil {
		return err
	}
	_, err = io.Copy(w, r)
	if cerr := w.Close(); err == nil && cerr != nil {
		return fmt.Errorf("writing %s: %w", to, cerr)
	}
	return err
}
