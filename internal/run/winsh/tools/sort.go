package tools

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/casement/casement/internal/run/winsh/machine"
)

func sortTool() tool {
	return tool{
		grammar: grammar{
			name: "sort",
			flags: join(flags("R", "UNIQ", "UNIQUE"), flagsOf(next, "M", "REC", "T", "O", "L"),
				[]flag{{name: "REVERSE"}, {name: "MEMORY", kind: next}, {name: "RECORD_MAXIMUM", kind: next}, {name: "TEMPORARY", kind: next}, {name: "OUTPUT", kind: next}},
				refusedFlags("how Windows orders capitals then is not known", "leave it out", "C", "CASE_SENSITIVE")),
			loose: true, // /+n, and what sort does not know

		},
		check: func(in input) error {
			if l, ok := in.get("L"); ok && !strings.EqualFold(l.text, "C") {
				return machine.Refuse("sort /L "+l.text, "Windows knows no other locale than C here", "write /L C or leave it out")
			}
			for _, a := range in.operands() {
				if strings.HasPrefix(a, "/") && !strings.HasPrefix(a, "/+") {
					return machine.Refuse("sort "+a, "sort has no such switch", "leave it out")
				}
			}
			return nil
		},
		run: runSort,
	}
}

func runSort(ctx context.Context, p *proc, in input) (int, error) {
	column := 1
	var files []string
	for _, a := range in.operands() {
		if digits, ok := strings.CutPrefix(a, "/+"); ok {
			n, err := strconv.Atoi(digits)
			if err != nil || n < 1 {
				p.errln("Invalid column number: %s", digits)
				return 1, nil
			}
			column = n
			continue
		}
		files = append(files, a)
	}
	if len(files) > 1 {
		p.errln("Input file specified two times.")
		return 1, nil
	}
	var r io.Reader = p.input()
	if len(files) == 1 {
		full, err := p.full(files[0])
		if err != nil {
			return 1, err
		}
		f, err := p.openText(ctx, full)
		if code, fatal := winCode(err); fatal != nil {
			return 1, fatal
		} else if code != 0 {
			p.errln("%s%s", files[0], message(code))
			return 1, nil
		}
		defer f.Close()
		r = f
	}
	lines, err := readLines(r)
	if err != nil {
		return 1, err
	}
	s := sorter{column: column, bytes: in.has("L")}
	slices.SortStableFunc(lines, s.compare)
	if s.unsure != "" {
		return 1, machine.Refuse("sort of these lines", "how Windows orders "+s.unsure+" is not certain", "use /L C, or sort with another tool")
	}
	if in.has("UNIQ") || in.has("UNIQUE") {
		lines = slices.CompactFunc(lines, func(a, b string) bool { return s.compare(a, b) == 0 })
	}
	if in.has("R") || in.has("REVERSE") {
		slices.Reverse(lines)
	}
	return sortWrite(ctx, p, firstOf(in.value("O"), in.value("OUTPUT")), lines)
}

// readLines reads all lines, within the limit of memory.
func readLines(r io.Reader) ([]string, error) {
	var lines []string
	total := 0
	err := eachLine(r, func(line []byte) error {
		if total += len(line) + 16; total > 4*readLimit {
			return errors.New("sorting: the input has more than 256 MiB")
		}
		lines = append(lines, string(line))
		return nil
	})
	return lines, err
}

// sortWrite prints the lines, or writes them to the file of /O.
func sortWrite(ctx context.Context, p *proc, output string, lines []string) (int, error) {
	if output == "" {
		for _, l := range lines {
			p.raw([]byte(l))
			p.print("\r\n")
		}
		return 0, p.failed
	}
	full, err := p.full(output)
	if err != nil {
		return 1, err
	}
	var b strings.Builder
	for _, l := range lines {
		b.WriteString(l + "\r\n")
	}
	if code, fatal := winCode(p.fs().WriteFile(ctx, full, []byte(b.String()))); fatal != nil {
		return 1, fatal
	} else if code != 0 {
		p.errln("%s%s", output, message(code))
		return 1, nil
	}
	return 0, nil
}

// sorter compares lines as Windows does, without regard to case, and notes when
// it is not certain how.
type sorter struct {
	column int
	bytes  bool   // the C locale
	unsure string // what cannot be ordered
}

func (s *sorter) compare(a, b string) int {
	a, b = a[min(s.column-1, len(a)):], b[min(s.column-1, len(b)):]
	if s.bytes {
		return bytes.Compare(lowerBytes(a), lowerBytes(b))
	}
	i := 0
	for i < min(len(a), len(b)) && lowerASCII(a[i]) == lowerASCII(b[i]) {
		i++
	}
	rest := a[i:min(i+1, len(a))] + b[i:min(i+1, len(b))]
	// Hyphens and apostrophes count or do not, by what sort calls; nobody has said.
	words := machine.CompareText(a, b, true)
	if order := machine.CompareStrings(a, b); words != order || strings.ContainsFunc(rest, func(r rune) bool { return r < '\t' || r > '\r' && r < ' ' || r >= 0x7F }) {
		s.unsure = strconv.QuoteToASCII(rest)
	}
	return words
}

func lowerBytes(s string) []byte {
	b := []byte(s)
	for i, c := range b {
		b[i] = lowerASCII(c)
	}
	return b
}
