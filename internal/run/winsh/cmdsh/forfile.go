package cmdsh

import (
	"context"
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/casement/casement/internal/run/winsh/machine"
)

// FOR /F: lines of files, of text, or of what a command prints.

// fileOptions are the options of FOR /F.
type fileOptions struct {
	eol      string // the character that begins a remark; "" is none
	skip     int
	delims   string
	tokens   []bool // tokens[i] says that token i+1 is wanted
	rest     bool   // what follows the last token is wanted, too
	count    int    // of variables
	useBackq bool
}

// maxTokens is the number of variables that FOR /F can set.
const maxTokens = 31

// parseFileOptions reads the options; word is what is not understood.
func parseFileOptions(text string) (o fileOptions, word string) {
	o = fileOptions{eol: ";", delims: " \t", tokens: []bool{true}, count: 1}
	text = strings.TrimSpace(text)
	quoted := strings.HasPrefix(text, `"`)
	text = stripQuotes(text)
	for {
		text = strings.TrimLeft(text, " \t")
		if text == "" {
			return o, ""
		}
		low := strings.ToLower(text)
		switch {
		case strings.HasPrefix(low, "usebackq"):
			o.useBackq = true
			text = text[len("usebackq"):]
		case strings.HasPrefix(low, "eol="):
			text = text[4:]
			_, size := utf8.DecodeRuneInString(text)
			if o.eol, text = text[:size], text[size:]; size == 0 && quoted {
				o.eol = `"` // the one that ends the options
			}
		case strings.HasPrefix(low, "skip="):
			n, end := integerAt(text, 5)
			if end == 5 || n <= 0 {
				return o, text
			}
			o.skip, text = n, text[end:]
		case strings.HasPrefix(low, "delims="):
			// All up to the end, or to a blank that another option follows.
			text = text[len("delims="):]
			end := delimsEnd(text)
			o.delims, text = text[:end], text[end:]
		case strings.HasPrefix(low, "tokens="):
			value, rest, _ := strings.Cut(text[len("tokens="):], " ")
			value, more, _ := strings.Cut(value, "\t")
			if !o.parseTokens(value) {
				return o, text[len("tokens="):]
			}
			text = more + " " + rest
		default:
			return o, text
		}
	}
}

// delimsEnd returns where the delimiters end: a blank is one of them only at the
// end of the options.
func delimsEnd(text string) int {
	for i := 0; i < len(text); i++ {
		if (text[i] == ' ' || text[i] == '\t') && startsOption(strings.TrimLeft(text[i:], " \t")) {
			return i
		}
	}
	return len(text)
}

func startsOption(text string) bool {
	low := strings.ToLower(text)
	for _, o := range []string{"eol=", "skip=", "delims=", "tokens=", "usebackq"} {
		if strings.HasPrefix(low, o) {
			return true
		}
	}
	return false
}

// parseTokens reads "1,3-5*".
func (o *fileOptions) parseTokens(text string) bool {
	o.tokens, o.rest, o.count = nil, false, 0
	for text != "" {
		if text[0] == ',' {
			text = text[1:]
			continue
		}
		if text[0] == '*' {
			o.rest = true
			o.count++
			return text == "*" && o.count <= maxTokens
		}
		first, end := integerAt(text, 0)
		if end == 0 || first <= 0 {
			return false
		}
		last := first
		text = text[end:]
		if strings.HasPrefix(text, "-") {
			if last, end = integerAt(text, 1); end == 1 {
				return false
			}
			text = text[end:]
		}
		for t := first; t <= last; t++ {
			if t > maxTokens*8 {
				return false
			}
			for len(o.tokens) < t {
				o.tokens = append(o.tokens, false)
			}
			o.tokens[t-1] = true
			o.count++ // the same token twice takes up two variables
		}
		if o.count > maxTokens {
			return false
		}
	}
	return o.count > 0
}

// split returns the values of the variables for a line; ok is false if the line
// gives none.
func (o *fileOptions) split(line string) (values []string, ok bool) {
	values = make([]string, 0, o.count)
	at := 0
	next := func() (string, bool) {
		at = o.skipDelims(line, at)
		if at == len(line) {
			return "", false
		}
		start := at
		for at < len(line) {
			r, size := utf8.DecodeRuneInString(line[at:])
			if strings.ContainsRune(o.delims, r) {
				break
			}
			at += size
		}
		return line[start:at], true
	}
	for _, wanted := range o.tokens {
		word, more := next()
		if !more {
			break
		}
		if wanted {
			values = append(values, word)
		}
	}
	if o.rest && len(values) == o.count-1 { // a token that is wanted twice leaves none
		at = o.skipDelims(line, at)
		if at < len(line) {
			values = append(values, line[at:])
		}
	}
	ok = len(values) > 0
	for len(values) < o.count {
		values = append(values, "")
	}
	return values, ok
}

// skipDelims returns where the delimiters at a place end.
func (o *fileOptions) skipDelims(line string, at int) int {
	return len(line) - len(strings.TrimLeft(line[at:], o.delims))
}

// remark reports whether a line is left out for the character it begins with.
func (o *fileOptions) remark(line string) bool {
	if o.eol == "" || strings.Contains(o.delims, o.eol) {
		return false
	}
	line = strings.TrimLeft(line, o.delims)
	return strings.HasPrefix(line, o.eol)
}

// forFile is FOR /F.
func (sh *shell) forFile(ctx context.Context, n *forNode, set string, loop *forLoop) (int, error) {
	o := &n.fileOptions
	if n.badOption != "" {
		sh.errout("%s", unexpected(n.badOption+`"`))
		return 1, nil
	}
	f := &fileLoop{sh: sh, o: o, loop: loop}
	text, kind := forSource(set, o.useBackq)
	var err error
	switch kind {
	case '"':
		f.skip = o.skip
		err = f.line(ctx, text)
	case '\'':
		err = f.command(ctx, text)
	default:
		var missing bool
		if missing, err = f.files(ctx, text); err == nil && missing {
			return 1, nil
		}
	}
	if err != nil && !errors.Is(err, errStop) {
		return 0, err
	}
	return loop.rc, nil
}

// forSource says what a set means: text ('"'), a command (an apostrophe) or files (0).
func forSource(set string, useBackq bool) (string, byte) {
	set = strings.TrimSpace(set)
	text, command := byte('"'), byte('\'')
	if useBackq {
		text, command = '\'', '`'
	}
	if len(set) >= 2 && set[0] == set[len(set)-1] {
		switch set[0] {
		case text:
			return set[1 : len(set)-1], '"'
		case command:
			return set[1 : len(set)-1], '\''
		}
	}
	return set, 0
}

// errStop ends a loop from within.
var errStop = errors.New("the loop has ended")

// fileLoop is a FOR /F that runs.
type fileLoop struct {
	sh   *shell
	o    *fileOptions
	loop *forLoop
	skip int // lines of the source that are still to be skipped
}

// line executes the body for a line.
func (f *fileLoop) line(ctx context.Context, line string) error {
	if f.skip > 0 {
		f.skip--
		return nil
	}
	if line == "" || f.o.remark(line) {
		return nil
	}
	values, ok := f.o.split(line)
	if !ok {
		return nil
	}
	name := f.loop.n.variable
	for i, v := range values {
		f.loop.set(name+rune(i), v)
	}
	done, err := f.loop.body(ctx)
	if err == nil && done {
		err = errStop
	}
	return err
}

// command executes the body for each line that a command prints. The command
// runs in a cmd.exe of its own, to its end.
func (f *fileLoop) command(ctx context.Context, text string) error {
	sh := f.sh
	c, err := sh.child(ctx, `C:\Windows\system32\cmd.exe /c `+text)
	if err != nil {
		return err
	}
	buf := &spill{}
	defer buf.Close()
	c.std[1] = &stream{w: buf}
	line, err := c.unwrap(ctx, text, false)
	if err != nil {
		return err
	}
	if _, err := c.main(ctx, options{}, line); err != nil {
		return err
	}
	sh.changes++
	r, err := buf.reader()
	if err != nil {
		return err
	}
	f.skip = f.o.skip
	return eachLine(r, sh.page, func(line string) error { return f.line(ctx, line) })
}

// files executes the body for the lines of files. missing says that one is not
// there.
func (f *fileLoop) files(ctx context.Context, set string) (missing bool, err error) {
	names := forItems(set)
	for _, name := range names {
		full, err := f.sh.full(unquote(name))
		if err != nil {
			return true, nil
		}
		if machine.Device(full) == "NUL" {
			continue
		}
		r, err := f.sh.fs.Open(ctx, full)
		code, err := win(err)
		if err != nil {
			return false, err
		}
		if code != 0 {
			f.sh.errout("The system cannot find the file %s.\r\n", unquote(name))
			return true, nil
		}
		// The file is closed before the body runs, which may change it.
		var lines []string
		err = eachLine(r, f.sh.page, func(line string) error {
			lines = append(lines, line)
			return nil
		})
		r.Close()
		if err != nil {
			return false, err
		}
		f.skip = f.o.skip
		for _, line := range lines {
			if err := f.line(ctx, line); err != nil {
				return false, err
			}
		}
	}
	return false, nil
}
