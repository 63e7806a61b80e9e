package tools

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

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
	c, ok, err := openCabinet(f, info.Size)
	switch {
	case errors.Is(err, errCabMethod):
		return 1, machine.Refuse("expand "+args[0], "the cabinet is compressed with LZX or Quantum, or is part of a set", "unpack it before the build and COPY the files")
	case err != nil:
		return 1, err
	case !ok:
		return 1, machine.Refuse("expand "+args[0], "it is not a cabinet", "use expand for .cab files only")
	}
	wanted := c.choose(in)
	if in.has("D") {
		for _, file := range wanted {
			p.println("%s: %s", strings.ToLower(args[0]), file.name)
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

// choose returns the files that -F chooses, in the order of the data.
func (c *cabinet) choose(in input) []cabFile {
	var files []cabFile
	for _, f := range c.files {
		name := f.name[strings.LastIndexByte(f.name, '\\')+1:]
		if pattern, ok := in.get("F"); !ok || machine.Match(pattern.text, name) {
			files = append(files, f)
		}
	}
	slices.SortStableFunc(files, func(a, b cabFile) int {
		return cmp.Or(cmp.Compare(a.folder, b.folder), cmp.Compare(a.offset, b.offset))
	})
	return files
}

// expandTo writes the files into a directory, or a single one to a name.
func expandTo(ctx context.Context, p *proc, in input, c *cabinet, files []cabFile, target string) (int, error) {
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
	if !in.has("F") && len(c.files) > 1 {
		return 1, machine.Refuse("expand of a cabinet with several files without -F", "Windows does not say which it expands", "add -F:*")
	}
	for _, f := range files {
		if !f.safe() {
			return 1, machine.Refuse("expand of the file "+f.name, "its name leads out of the directory or is none", "unpack the cabinet before the build")
		}
		if isDir {
			p.println("Adding %s to Extraction Queue", under(strings.TrimSuffix(target, `\`), f.name))
		}
	}
	p.println("\r\nExpanding Files ....")
	if err := c.extract(ctx, p, files, full, isDir); err != nil {
		if errors.Is(err, errCab) || errors.Is(err, errCabMethod) {
			return 1, machine.Refuse("expand", strings.TrimPrefix(err.Error(), "reading cabinet: "), "unpack the cabinet before the build and COPY the files")
		}
		return 1, err
	}
	p.println("\r\nExpanding Files Complete ...\r\n%d files total.", len(files))
	return 0, p.failed
}

// extract writes files, which are in the order of the data.
func (c *cabinet) extract(ctx context.Context, p *proc, files []cabFile, full string, isDir bool) error {
	var r *folderReader
	folder, at := -1, int64(0)
	for _, f := range files {
		if f.folder != folder || f.offset < at {
			var err error
			if r, err = c.open(f.folder); err != nil {
				return err
			}
			folder, at = f.folder, 0
		}
		if _, err := io.CopyN(io.Discard, r, f.offset-at); err != nil {
			return errCab
		}
		to := full
		if isDir {
			to = under(full, strings.ReplaceAll(f.name, "/", `\`))
			if err := p.fs().MkdirAll(ctx, parent(to)); err != nil {
				return err
			}
		}
		w, err := p.fs().Create(ctx, to, machine.CreateOptions{Times: tree.Times{Modified: f.modified}, Attributes: f.attributes | winmeta.Archive})
		if err != nil {
			return err
		}
		_, err = io.CopyN(w, r, f.size)
		if cerr := w.Close(); err == nil && cerr != nil {
			return fmt.Errorf("writing %s: %w", to, cerr)
		}
		if errors.Is(err, io.EOF) {
			err = errCab
		}
		if err != nil {
			return err
		}
		at = f.offset + f.size
	}
	return nil
}
