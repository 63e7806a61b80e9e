package tools

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"strconv"
	"strings"

	"github.com/casement/casement/internal/run/winsh/machine"
)

func fc() tool {
	const way = "compare without it"
	return tool{
		grammar: grammar{
			name: "fc", own: true, loose: true,
			flags: join(flags("A", "B", "C", "L", "N", "T", "W", "OFF", "OFFLINE"),
				refusedFlags("lines are compared in the code page only", way, "U")),
		},
		check: func(in input) error {
			for _, w := range in.words {
				if machine.HasWildcard(w.text) && !w.unknown {
					return machine.Refuse("fc with a pattern", "it compares one pair of files at a time here", "name both files")
				}
			}
			return nil
		},
		run: runFc,
	}
}

func runFc(ctx context.Context, p *proc, in input) (int, error) {
	resync, buffer := 2, 100
	var names []string
	for _, a := range in.operands() {
		switch upper := strings.ToUpper(a); {
		case strings.HasPrefix(upper, "/LB"):
			buffer, _ = strconv.Atoi(upper[3:])
		case strings.HasPrefix(upper, "/"):
			n, err := strconv.Atoi(upper[1:])
			if err != nil {
				p.println("FC: Invalid Switch")
				return -1, nil
			}
			resync = n
		default:
			names = append(names, a)
		}
	}
	if len(names) != 2 {
		p.println("FC: Insufficient number of file specifications")
		return -1, nil
	}
	var files [2]machine.File
	for i, n := range names {
		full, err := p.full(n)
		if err != nil {
			return 2, err
		}
		f, err := p.fs().Open(ctx, full)
		if code, fatal := winCode(err); fatal != nil {
			return 2, fatal
		} else if code != 0 {
			p.println("FC: cannot open %s - No such file or folder\r\n", strings.ToUpper(n))
			return 2, nil
		}
		defer f.Close()
		files[i] = f
	}
	second := strings.ToUpper(names[1])
	p.println("Comparing files %s and %s", names[0], second)
	if in.has("B") || !in.has("L") && fcBinary(names[0]) {
		return fcBytes(p, files[0], files[1], strings.ToUpper(names[0]), second)
	}
	f := fcJob{in: in, resync: max(resync, 1), buffer: max(buffer, 1), names: [2]string{names[0], second}}
	for i := range files {
		lines, err := readLines(files[i])
		if err != nil {
			return 2, err
		}
		f.lines[i] = lines
	}
	return f.run(p)
}

// fcBinary reports whether fc compares bytes without being asked: by the
// extension.
func fcBinary(name string) bool {
	i := strings.LastIndexByte(name, '.')
	if i < 0 {
		return false
	}
	switch strings.ToUpper(name[i+1:]) {
	case "EXE", "COM", "SYS", "OBJ", "LIB", "BIN":
		return true
	}
	return false
}

// fcBytes compares byte by byte.
func fcBytes(p *proc, a, b io.Reader, first, second string) (int, error) {
	ra, rb := bufio.NewReaderSize(a, 64<<10), bufio.NewReaderSize(b, 64<<10)
	same := true
	for at := int64(0); ; at++ {
		x, errA := ra.ReadByte()
		y, errB := rb.ReadByte()
		for _, err := range []error{errA, errB} {
			if err != nil && !errors.Is(err, io.EOF) {
				return 2, err
			}
		}
		switch {
		case errA != nil && errB != nil:
			if same {
				p.println("FC: no differences encountered\r\n")
				return 0, p.failed
			}
			p.print("\r\n")
			return 1, p.failed
		case errA != nil:
			p.println("FC: %s longer than %s\r\n", second, first)
			return 1, p.failed
		case errB != nil:
			p.println("FC: %s longer than %s\r\n", first, second)
			return 1, p.failed
		case x != y:
			same = false
			p.println("%08X: %02X %02X", at, x, y)
			if p.failed != nil {
				return 1, p.failed
			}
		}
	}
}

// fcJob compares two files line by line.
type fcJob struct {
	in             input
	resync, buffer int
	names          [2]string
	lines          [2][]string
}

// run finds what differs: where the lines part, and where as many as /nnnn says
// are alike again.
func (f *fcJob) run(p *proc) (int, error) {
	a, b := f.lines[0], f.lines[1]
	i, k, same := 0, 0, true
	for {
		for i < len(a) && k < len(b) && f.equal(a[i], b[k]) {
			i, k = i+1, k+1
		}
		if i == len(a) && k == len(b) {
			break
		}
		same = false
		if i == len(a) || k == len(b) { // what is left of the other, alone
			f.lone(p, i, k)
			break
		}
		ni, nk, ok := f.meet(i, k)
		if !ok && (len(a)-i > f.buffer || len(b)-k > f.buffer) {
			f.block(p, 0, i, len(a))
			f.block(p, 1, k, len(b))
			p.println("*****\r\n")
			p.println("Resync Failed.  Files are too different.")
			return 1, p.failed
		}
		if !ok {
			ni, nk = len(a), len(b)
		}
		f.block(p, 0, i, ni)
		f.block(p, 1, k, nk)
		p.println("*****\r\n")
		i, k = ni, nk
		if p.failed != nil {
			return 1, p.failed
		}
	}
	if same {
		p.println("FC: no differences encountered\r\n")
		return 0, p.failed
	}
	return 1, p.failed
}

// meet looks for the nearest place where the files are alike again.
func (f *fcJob) meet(i, k int) (ni, nk int, ok bool) {
	a, b := f.lines[0], f.lines[1]
	for distance := 1; distance <= 2*f.buffer; distance++ {
		for d := max(0, distance-f.buffer); d <= min(distance, f.buffer); d++ {
			x, y := i+d, k+distance-d
			if x > len(a) || y > len(b) {
				continue
			}
			n := 0
			for n < f.resync && x+n < len(a) && y+n < len(b) && f.equal(a[x+n], b[y+n]) {
				n++
			}
			if n == f.resync || n > 0 && (x+n == len(a) || y+n == len(b)) {
				return x, y, true
			}
		}
	}
	return 0, 0, false
}

// lone prints what is left of both files where one of them has ended.
func (f *fcJob) lone(p *proc, i, k int) {
	f.print(p, 0, i, len(f.lines[0]))
	f.print(p, 1, k, len(f.lines[1]))
	p.println("*****\r\n")
}

// block prints the lines of one file, with those around them that are alike.
func (f *fcJob) block(p *proc, file, from, to int) {
	f.print(p, file, max(from-1, 0), min(to+1, len(f.lines[file])))
}

// print prints lines of one file under its name.
func (f *fcJob) print(p *proc, file, first, last int) {
	p.println("***** %s", f.names[file])
	lines := f.lines[file]
	show := func(n int) {
		if f.in.has("N") {
			p.print("%5d:  ", n+1)
		}
		p.raw(f.shown(lines[n]))
		p.print("\r\n")
	}
	if f.in.has("A") && last-first > 2 {
		show(first)
		p.println("...")
		show(last - 1)
		return
	}
	for n := first; n < last; n++ {
		show(n)
	}
}

// shown is a line as it is printed: without tabs, unless /T keeps them.
func (f *fcJob) shown(line string) []byte {
	if f.in.has("T") {
		return []byte(line)
	}
	return expandTabs([]byte(line), 8)
}

// equal compares lines as the switches say.
func (f *fcJob) equal(a, b string) bool {
	x, y := f.shown(a), f.shown(b)
	if f.in.has("W") {
		x, y = bytes.Join(bytes.Fields(x), []byte{' '}), bytes.Join(bytes.Fields(y), []byte{' '})
	}
	if f.in.has("C") {
		return bytes.EqualFold(x, y)
	}
	return bytes.Equal(x, y)
}
