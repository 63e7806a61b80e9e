package tools

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/casement/casement/internal/run/winsh/machine"
)

func findstr() tool {
	const way = "use a pattern of ASCII characters, with [ and * only where they have a meaning"
	return tool{
		grammar: grammar{
			name: "findstr", dash: true, letters: true,
			flags: join(flags("B", "E", "L", "R", "S", "I", "X", "V", "N", "M", "O", "P", "OFF", "OFFLINE"),
				flagsOf(colon, "A", "C", "F", "G"),
				refusedFlags("a list of directories is not searched", "call findstr for each directory", "D"),
				refusedFlags("it is undocumented", "leave it out", "Q")),
		},
		check: func(in input) error {
			if in.partial || in.has("G") {
				return nil
			}
			_, _, err := compileFind(in, findStrings(in))
			if errors.Is(err, errPattern) && !in.has("C") && len(findStrings(in)) > 1 {
				return machine.Refuse("findstr with this pattern", "a blank ends a string, and how Windows understands what is left is not known", `write /R /C:"the pattern" if the blank belongs to it`)
			}
			if errors.Is(err, errPattern) {
				return machine.Refuse("findstr with this pattern", "how Windows understands it is not known", way)
			}
			return nil
		},
		run: runFindstr,
	}
}

// findStrings are the strings of the command line: those of /C whole, the first
// operand in words.
func findStrings(in input) []string {
	var list []string
	for _, it := range in.items {
		if it.flag == "C" {
			list = append(list, it.text)
		}
	}
	if args := in.operands(); len(list) == 0 && len(args) > 0 {
		return strings.Fields(args[0])
	}
	return list
}

// compileFind makes the patterns. The complaint is findstr's own.
func compileFind(in input, list []string) (patterns []findPattern, complaint string, err error) {
	// Without /L and /R the first string decides for all.
	regex := in.has("R")
	if !regex && !in.has("L") && len(list) > 0 && !in.has("C") {
		regex = hasMeta(list[0])
	}
	for _, s := range list {
		if !machine.IsASCII(s) {
			return nil, "", errPattern
		}
		limit := maxLiteral
		if regex {
			limit = maxRegex
		}
		if len(s) > limit {
			return nil, "FINDSTR: Search string too long.", nil
		}
		p := compileLiteral(s, in.has("I"))
		if regex {
			if p, err = compileRegex(s, in.has("I")); err != nil {
				return nil, "", err
			}
		}
		p.begin, p.end = in.has("B") || in.has("X"), in.has("E") || in.has("X")
		patterns = append(patterns, p)
	}
	return patterns, "", nil
}

// findJob is one findstr.
type findJob struct {
	in       input
	patterns []findPattern
	names    bool // file names are printed
	found    bool
}

func runFindstr(ctx context.Context, p *proc, in input) (int, error) {
	if in.bad != nil {
		p.errln("FINDSTR: %s ignored", in.bad.text)
	}
	j := &findJob{in: in}
	list, files := findStrings(in), in.operands()
	if g, ok := in.get("G"); ok {
		more, code, err := j.readList(ctx, p, g.text)
		if err != nil || code != 0 {
			return code, err
		}
		if in.has("C") {
			list = append(list, more...)
		} else {
			list = more
		}
	} else if !in.has("C") && len(files) > 0 {
		files = files[1:]
	}
	if len(list) == 0 && !in.has("G") && len(in.operands()) > 0 {
		return 1, nil // an empty string is in no line
	}
	if len(list) == 0 && !in.has("G") {
		p.errln("FINDSTR: Bad command line")
		return 2, nil
	}
	var complaint string
	var err error
	if j.patterns, complaint, err = compileFind(in, list); err != nil {
		return 2, machine.Refuse("findstr with this pattern", "how Windows understands it is not known", "use a simpler pattern")
	}
	if complaint != "" {
		p.errln("%s", complaint)
		return 2, nil
	}
	if f, ok := in.get("F"); ok {
		more, code, err := j.readList(ctx, p, f.text)
		if err != nil || code != 0 {
			return code, err
		}
		files, j.names = more, true
	}
	if err := j.all(ctx, p, files); err != nil {
		return 2, err
	}
	if j.found {
		return 0, p.failed
	}
	return 1, p.failed
}

// readList reads the lines of the file of /F or /G; "/" is standard input.
func (j *findJob) readList(ctx context.Context, p *proc, name string) ([]string, int, error) {
	var list []string
	collect := func(r io.Reader) error {
		return eachLine(r, func(line []byte) error {
			if len(line) > 0 {
				list = append(list, string(line))
			}
			return nil
		})
	}
	if name == "/" {
		return list, 0, collect(p.input())
	}
	full, err := p.full(name)
	if err != nil {
		return nil, 2, err
	}
	f, err := p.fs().Open(ctx, full)
	if code, fatal := winCode(err); fatal != nil {
		return nil, 2, fatal
	} else if code != 0 {
		p.errln("FINDSTR: Cannot read file list from %s", name)
		return nil, 2, nil
	}
	defer f.Close()
	err = collect(f)
	return list, 0, err
}

// all searches what the operands name, or standard input.
func (j *findJob) all(ctx context.Context, p *proc, files []string) error {
	if len(files) == 0 && !j.in.has("S") {
		return j.search(p, "", p.input(), true)
	}
	for _, f := range files {
		if len(files) > 1 || j.in.has("S") || machine.HasWildcard(f) {
			j.names = true
		}
	}
	for _, f := range files {
		full, err := p.full(f)
		if err != nil {
			return err
		}
		head, last := splitPath(f)
		if j.in.has("S") || machine.HasWildcard(last) {
			n, err := j.dir(ctx, p, parent(full), head, last)
			if err != nil {
				return err
			}
			if n == 0 {
				p.errln("FINDSTR: Cannot open %s", f)
			}
		} else if err := j.file(ctx, p, full, f); err != nil {
			return err
		}
	}
	return nil
}

// dir searches the files of a directory that match, and below it with /S. It
// returns how many there were.
func (j *findJob) dir(ctx context.Context, p *proc, dir, shown, pattern string) (int, error) {
	infos, err := p.fs().Glob(ctx, dir, pattern)
	if code, fatal := winCode(err); fatal != nil || code != 0 {
		return 0, fatal
	}
	n := 0
	for _, info := range infos {
		if info.IsDir() {
			continue
		}
		n++
		if err := j.file(ctx, p, info.Path, shown+info.Name); err != nil {
			return n, err
		}
	}
	if !j.in.has("S") {
		return n, nil
	}
	infos, err = p.fs().ReadDir(ctx, dir)
	if code, fatal := winCode(err); fatal != nil || code != 0 {
		return n, fatal
	}
	for _, info := range infos {
		if !info.IsDir() || info.IsLink() {
			continue
		}
		m, err := j.dir(ctx, p, info.Path, shown+info.Name+`\`, pattern)
		if n += m; err != nil {
			return n, err
		}
	}
	return n, nil
}

// file searches one file.
func (j *findJob) file(ctx context.Context, p *proc, full, shown string) error {
	if err := p.Machine.Tick(ctx); err != nil {
		return err
	}
	f, err := p.fs().Open(ctx, full)
	if code, fatal := winCode(err); fatal != nil {
		return fatal
	} else if code != 0 {
		p.errln("FINDSTR: Cannot open %s", shown)
		return p.failed
	}
	defer f.Close()
	if j.in.has("P") {
		binary, err := unprintable(f)
		if err != nil || binary {
			return err
		}
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			return err
		}
	}
	return j.search(p, shown, f, false)
}

// unprintable reports whether a file has characters that /P does not want.
func unprintable(r io.Reader) (bool, error) {
	buf := make([]byte, 32<<10)
	for {
		n, err := r.Read(buf)
		for _, c := range buf[:n] {
			if c <= 7 || 14 <= c && c <= 25 || 27 <= c && c <= 31 {
				return true, nil
			}
		}
		if errors.Is(err, io.EOF) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
	}
}

// errFound ends a search that needs no more lines.
var errFound = errors.New("found")

// search prints the lines of r that match. The last line of a file that has no
// end gets none; that of standard input does.
func (j *findJob) search(p *proc, shown string, r io.Reader, stdin bool) error {
	number, offset := 0, int64(0)
	err := eachRawLine(r, func(raw []byte) error {
		number++
		line := bytes.TrimSuffix(raw, []byte{'\n'})
		cr := bytes.HasSuffix(line, []byte{'\r'})
		line = bytes.TrimSuffix(line, []byte{'\r'})
		at := offset
		offset += int64(len(raw))
		if j.matches(line, cr) == j.in.has("V") {
			return nil
		}
		j.found = true
		if j.in.has("M") {
			p.println("%s", shown)
			return errFound
		}
		if j.names {
			p.print("%s:", shown)
		}
		if j.in.has("N") {
			p.print("%d:", number)
		}
		if j.in.has("O") {
			p.print("%d:", at)
		}
		p.raw(raw)
		if stdin && !bytes.HasSuffix(raw, []byte{'\n'}) {
			p.print("\r\n")
		}
		return p.failed
	})
	if err != nil && !errors.Is(err, errFound) {
		return fmt.Errorf("searching: %w", err)
	}
	return nil
}

// matches reports whether any of the patterns is in the line.
func (j *findJob) matches(line []byte, cr bool) bool {
	for i := range j.patterns {
		if j.patterns[i].match(line, cr) {
			return true
		}
	}
	return false
}
