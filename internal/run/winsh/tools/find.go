package tools

import (
	"bytes"
	"context"
	"io"
	"strings"

	"github.com/casement/casement/internal/run/winsh/machine"
)

func find() tool {
	return tool{
		grammar: grammar{
			name: "find", own: true, flags: flags("V", "C", "N", "I", "OFF", "OFFLINE"),
			invalid: func(p *proc, _ badWord) int {
				p.errln("FIND: Invalid switch")
				return 2
			},
		},
		check: func(in input) error {
			for _, w := range in.words {
				if w.quoted && !machine.IsASCII(w.text) {
					return machine.Refuse("find of text beyond ASCII", "which bytes Windows looks for depends on code pages", "search for ASCII text")
				}
			}
			return nil
		},
		run: runFind,
	}
}

func runFind(ctx context.Context, p *proc, in input) (int, error) {
	text, files, ok := findArgs(in)
	if !ok {
		p.errln("FIND: Parameter format not correct")
		return 2, nil
	}
	j := &findText{in: in, text: []byte(text)}
	if in.has("I") {
		j.text = bytes.ToUpper(j.text)
	}
	if len(files) == 0 {
		n, err := j.search(p, p.input())
		if in.has("C") && err == nil {
			p.println("%d", n)
		}
		return j.code(), err
	}
	for _, f := range files {
		full, err := p.full(f)
		if err != nil {
			return 2, err
		}
		head, last := splitPath(f)
		infos, err := p.expandName(ctx, full)
		code, fatal := winCode(err)
		if fatal != nil {
			return 2, fatal
		}
		if code != 0 || len(infos) == 0 {
			p.errln("File not found - %s", strings.ToUpper(f))
			continue
		}
		for _, info := range infos {
			shown := f
			if machine.HasWildcard(last) {
				if info.IsDir() {
					continue
				}
				shown = head + info.Name
			}
			if err := j.file(ctx, p, info.Path, strings.ToUpper(shown)); err != nil {
				return 2, err
			}
		}
	}
	return j.code(), p.failed
}

// findArgs tells the text, which has to stand in quotes, from the files.
func findArgs(in input) (text string, files []string, ok bool) {
	operand := 0
	for _, w := range in.words {
		if !w.quoted && strings.HasPrefix(w.text, "/") {
			continue
		}
		if operand == 0 {
			if !w.quoted {
				return "", nil, false
			}
			text = w.text
		} else {
			files = append(files, w.text)
		}
		operand++
	}
	return text, files, operand > 0
}

// findText is one find.
type findText struct {
	in    input
	text  []byte
	found bool
}

func (j *findText) code() int {
	if j.found {
		return 0
	}
	return 1
}

func (j *findText) file(ctx context.Context, p *proc, full, shown string) error {
	r, err := p.openText(ctx, full)
	if code, fatal := winCode(err); fatal != nil {
		return fatal
	} else if code != 0 {
		p.errln("Access denied - %s", shown)
		return nil
	}
	defer r.Close()
	p.print("\r\n---------- %s", shown)
	if !j.in.has("C") {
		p.print("\r\n")
	}
	n, err := j.search(p, r)
	if j.in.has("C") {
		p.println(": %d", n)
	}
	return err
}

// search prints the lines that have the text, or counts them.
func (j *findText) search(p *proc, r io.Reader) (int, error) {
	number, count := 0, 0
	err := eachLine(r, func(line []byte) error {
		number++
		hay := line
		if j.in.has("I") {
			hay = bytes.ToUpper(line)
		}
		if has := len(j.text) > 0 && bytes.Contains(hay, j.text); has == j.in.has("V") {
			return nil
		}
		j.found = true
		count++
		if j.in.has("C") {
			return nil
		}
		if j.in.has("N") {
			p.print("[%d]", number)
		}
		p.raw(line)
		p.print("\r\n")
		return p.failed
	})
	return count, err
}
