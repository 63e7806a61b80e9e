package tools

import (
	"bufio"
	"context"
	"io"
	"strconv"
	"strings"

	"github.com/casement/casement/internal/run/winsh/machine"
)

// more prints without pausing: its output is never a console in a build.
func more() tool {
	const way = "write more FILE, or type FILE"
	return tool{
		grammar: grammar{
			name: "more", own: true, loose: true,
			flags: join(flags("E", "C", "P", "S"), refusedFlags("its tabs are not expanded to this width", way, tabWidths()...)),
		},
		run: runMore,
	}
}

// tabWidths are the names of the switches for tabs, T1 to T9.
func tabWidths() []string {
	names := make([]string, 9)
	for i := range names {
		names[i] = "T" + strconv.Itoa(i+1)
	}
	return names
}

func runMore(ctx context.Context, p *proc, in input) (int, error) {
	skip := 0
	var files []string
	for _, a := range in.operands() {
		if n, err := strconv.Atoi(strings.TrimPrefix(a, "+")); strings.HasPrefix(a, "+") && err == nil {
			skip = n
			continue
		}
		files = append(files, a)
	}
	show := func(r io.Reader) error {
		n, blank := 0, false
		return eachLine(r, func(line []byte) error {
			if n++; n <= skip {
				return p.failed
			}
			empty := len(line) == 0
			if in.has("S") && empty && blank {
				return p.failed
			}
			blank = empty
			p.raw(expandTabs(line, 8))
			p.print("\r\n")
			return p.failed
		})
	}
	if len(files) == 0 {
		err := show(p.input())
		p.print("\r\n") // behind what comes from a pipe
		return 0, err
	}
	for _, f := range files {
		full, err := p.full(f)
		if err != nil {
			return 1, err
		}
		if machine.Device(full) == "NUL" {
			continue
		}
		r, err := p.openText(ctx, full)
		code, fatal := winCode(err)
		if fatal != nil {
			return 1, fatal
		}
		if code != 0 {
			p.errln("Cannot access file %s", full)
			return 0, nil // as recorded on Windows
		}
		err = show(r)
		r.Close()
		if err != nil {
			return 1, err
		}
	}
	return 0, nil
}

// expandTabs replaces tabs by blanks up to the next stop.
func expandTabs(line []byte, width int) []byte {
	out, col := make([]byte, 0, len(line)+width), 0
	for _, c := range line {
		if c != '\t' {
			out, col = append(out, c), col+1
			continue
		}
		for {
			out, col = append(out, ' '), col+1
			if col%width == 0 {
				break
			}
		}
	}
	return out
}

// textReader is an open text file, its UTF-16 translated to the code page.
type textReader struct {
	io.Reader
	io.Closer
}

// openText opens a file for the tools that understand UTF-16 with a byte order
// mark.
func (p *proc) openText(ctx context.Context, full string) (io.ReadCloser, error) {
	f, err := p.fs().Open(ctx, full)
	if err != nil {
		return nil, err
	}
	br := bufio.NewReaderSize(f, 64<<10)
	if head, _ := br.Peek(2); len(head) < 2 || head[0] != 0xFF || head[1] != 0xFE {
		return textReader{br, f}, nil
	}
	f.Close()
	b, err := p.readAll(ctx, full)
	if err != nil {
		return nil, err
	}
	text, _ := fromUTF16(b)
	return io.NopCloser(strings.NewReader(string(machine.EncodePage(p.CodePage, text)))), nil
}
