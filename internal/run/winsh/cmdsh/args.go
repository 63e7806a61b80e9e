package cmdsh

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"strings"

	"github.com/casement/casement/internal/run/winsh/machine"
)

// splitArgs takes the arguments of an internal command apart: at delimiters that
// are not quoted, and before each slash, which begins a switch.
func splitArgs(s string) []string {
	var words []string
	start, quoted := -1, false
	cut := func(end int) {
		if start >= 0 {
			words = append(words, s[start:end])
		}
		start = -1
	}
	for i := 0; i < len(s); {
		n := 0
		if !quoted {
			n = delimiter(s, i)
		}
		switch {
		case n > 0:
			cut(i)
			i += n
			continue
		case s[i] == '"':
			quoted = !quoted
		case s[i] == '/' && !quoted:
			cut(i)
		}
		if start < 0 {
			start = i
		}
		i++
	}
	cut(len(s))
	return words
}

// switches divides words into switches, without their slash, and operands.
func switches(words []string) (flags, operands []string) {
	for _, w := range words {
		if strings.HasPrefix(w, "/") {
			flags = append(flags, w[1:])
		} else {
			operands = append(operands, w)
		}
	}
	return flags, operands
}

// syntax reports wrong usage.
func (sh *shell) syntax() (int, error) {
	sh.errout(syntaxIncorrect)
	return 1, nil
}

// invalidSwitch is the message for a switch that a command does not have, and
// badFormat the one for what stands behind the letter of one that it has.
func invalidSwitch(flag string) string { return "Invalid switch - \"" + flag + "\".\r\n" }
func badFormat(value string) string {
	return "Parameter format not correct - \"" + value + "\".\r\n"
}

// usage reports a mistake in the switches.
func (sh *shell) usage(message string) (int, error) {
	sh.errout("%s", message)
	return 1, nil
}

// readLine reads a line from standard input, byte by byte, so that what follows
// is left for the next reader. ok is false at the end of the input.
func (sh *shell) readLine() (line string, ok bool, err error) {
	s := sh.std[0]
	if s == nil || s.r == nil {
		return "", false, nil
	}
	var buf []byte
	var one [1]byte
	for len(buf) < maxLine {
		n, err := s.r.Read(one[:])
		if n == 1 {
			if one[0] == '\n' {
				return machine.DecodePage(sh.page, bytes.TrimSuffix(buf, []byte("\r"))), true, nil
			}
			buf = append(buf, one[0])
		}
		if errors.Is(err, io.EOF) {
			return machine.DecodePage(sh.page, buf), len(buf) > 0, nil
		}
		if err != nil {
			return "", false, err
		}
	}
	return machine.DecodePage(sh.page, buf), true, nil
}

// ask asks a question that has to be answered by one of the letters.
func (sh *shell) ask(command, question, letters, way string) (byte, error) {
	for {
		sh.out("%s", question)
		line, ok, err := sh.readLine()
		if err != nil {
			return 0, err
		}
		if !ok {
			return 0, machine.Refuse(command, "it asks whether to go on, and there is nobody to answer", way)
		}
		sh.out("\r\n")
		if line = strings.ToUpper(strings.TrimSpace(line)); line != "" && strings.IndexByte(letters, line[0]) >= 0 {
			return line[0], nil
		}
	}
}

// eachLine calls do with each line of a reader, decoded and without its end, up
// to one that has a NUL.
func eachLine(r io.Reader, page int, do func(line string) error) error {
	br := bufio.NewReaderSize(r, 64<<10)
	if head, _ := br.Peek(2); len(head) == 2 && head[0] == 0xFF && head[1] == 0xFE {
		all, err := io.ReadAll(io.LimitReader(br, maxScript))
		if err != nil {
			return err
		}
		br = bufio.NewReader(strings.NewReader(machine.DecodeUTF16(all[2:])))
		page = machine.PageUTF8
	}
	var line []byte
	for {
		part, err := br.ReadSlice('\n')
		line = append(line, part...)
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if len(line) == 0 && err != nil {
			return nil
		}
		text := bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r"))
		if bytes.IndexByte(text, 0) >= 0 {
			return nil // for cmd the text ends there, and a line that does not end is none
		}
		if derr := do(machine.DecodePage(page, text)); derr != nil {
			return derr
		}
		line = line[:0]
		if err != nil {
			return nil
		}
	}
}

// verbatim is what paths begin with that Windows takes as they are.
const verbatim = `\\?\`

// onDrive takes the mark of a verbatim path off one that has a drive.
func onDrive(full string) string {
	if rest, ok := strings.CutPrefix(full, verbatim); ok && driveLetter(rest) != 0 {
		return rest
	}
	return full
}

// parentDir returns the directory of a full path ("C:\" is its own).
func parentDir(full string) string {
	i := strings.LastIndexByte(full, '\\')
	if i <= 2 {
		return full[:min(3, len(full))]
	}
	return full[:i]
}

// under joins a directory and a name.
func under(dir, name string) string {
	if strings.HasSuffix(dir, `\`) {
		return dir + name
	}
	return dir + `\` + name
}

// baseName returns the last component of a path.
func baseName(path string) string { return path[strings.LastIndexAny(path, `\:`)+1:] }

// within reports whether a full path is dir or lies below it.
func within(path, dir string) bool {
	path, dir = fold(path), fold(strings.TrimSuffix(dir, `\`))
	return path == dir || strings.HasPrefix(path, dir+`\`) || path == dir+`\`
}

// isDir reports whether a path is a directory, for a command that writes there.
func (sh *shell) isDir(ctx context.Context, full string) (bool, error) {
	info, err := sh.fs.StatDest(ctx, full)
	if err != nil {
		_, err = win(err)
		return false, err
	}
	return info.IsDir(), nil
}

// takesIn reports whether a path is a directory, for a command that puts a file of
// a name there.
func (sh *shell) takesIn(ctx context.Context, full, name string) (bool, error) {
	is, err := sh.fs.TakesIn(ctx, full, name)
	_, err = win(err)
	return is, err
}
