package cmdsh

import (
	"bytes"
	"context"
	"strings"

	"github.com/casement/casement/internal/run/winsh/machine"
)

// Batch files calling, jumping and ending.

// runCall is CALL: the rest of the line goes through the phases once more.
func runCall(ctx context.Context, sh *shell, args string) (int, error) {
	for {
		if asksHelp(&builtin{}, args) {
			return 0, refuseHelp("call")
		}
		name, rest, ok, err := sh.callWords(ctx, args)
		if err != nil {
			rc, err := sh.complain(err)
			if err == nil {
				rc, sh.errorlevel = 1, 1
			}
			return rc, err
		}
		if !ok {
			// "(call)" fails and "(call )" succeeds: both are used to set ERRORLEVEL.
			rc := 0
			if args == "" {
				rc = 1
			}
			sh.errorlevel = rc
			return rc, nil
		}
		if strings.EqualFold(name, "call") {
			args = rest
			continue
		}
		return sh.call(ctx, name, rest)
	}
}

// callWords takes the line of CALL through phases 1 and 2. ok is false if there
// is nothing to execute: the line is empty, or has something on it that CALL
// does not do.
func (sh *shell) callWords(ctx context.Context, args string) (name, rest string, ok bool, err error) {
	line, _, err := sh.expander().line(ctx, strings.ReplaceAll(args, "^", "^^"))
	if err != nil {
		return "", "", false, err
	}
	p := &parser{buf: strings.ReplaceAll(line, "\r", "")}
	if i := strings.IndexByte(p.buf, '\n'); i >= 0 {
		p.buf = p.buf[:i]
	}
	if p.skip(); p.special(p.peek()) || p.peek() == '(' || p.peek() == '@' {
		return "", "", false, nil
	}
	c := &command{}
	if c.name, _, ok = p.word('('); !ok {
		return "", "", false, nil
	}
	if err := p.arguments(c); err != nil || p.peek() != '\n' {
		return "", "", false, nil
	}
	return c.name, c.args, true, nil
}

// call executes what CALL names. Files come before internal commands here.
func (sh *shell) call(ctx context.Context, name, args string) (int, error) {
	if name[0] == ':' && sh.extensions {
		return sh.callLabel(ctx, name, args)
	}
	if low := strings.ToLower(name); low == "if" || low == "for" {
		sh.errorlevel = 1
		sh.errout("'%s' is not recognized as an internal or external command,\r\noperable program or batch file.\r\n", name)
		return 1, nil
	}
	r, err := sh.resolve(ctx, name)
	if err != nil {
		return 0, err
	}
	if r.builtin != nil {
		path, found, err := sh.scriptBefore(ctx, r, name)
		if err != nil {
			return 0, err
		}
		if found {
			return sh.called(sh.callFile(ctx, path, name, args))
		}
		rc, err := sh.internal(ctx, r.builtin, r.name, r.rest+args)
		if err == nil {
			sh.errorlevel = rc
		}
		return rc, err
	}
	if r.drive != 0 {
		rc := sh.changeDrive(r.drive)
		sh.errorlevel = rc
		return rc, nil
	}
	name, rest, found, err := sh.locate(ctx, name, args)
	if err != nil {
		return 0, err
	}
	if sh.missing {
		sh.errorlevel = 1
		return 1, nil
	}
	if found.Program == nil && isBatch(found.Path) {
		return sh.called(sh.callFile(ctx, found.Path, name, rest))
	}
	return sh.start(ctx, found, name+rest)
}

// scriptBefore looks for a batch file that is called like an internal command,
// in the current directory.
func (sh *shell) scriptBefore(ctx context.Context, r *resolution, name string) (string, bool, error) {
	names := []string{name}
	if r.rest == "" {
		names = []string{name + ".bat", name + ".cmd"}
	} else if !isBatch(name) {
		return "", false, nil
	}
	for _, n := range names {
		full, err := sh.full(n)
		if err != nil {
			return "", false, nil
		}
		ok, err := sh.isFile(ctx, full)
		if err != nil || ok {
			return full, ok, err
		}
	}
	return "", false, nil
}

// called makes the code of CALL: that of the last command if it has failed, else
// ERRORLEVEL.
func (sh *shell) called(rc int, err error) (int, error) {
	sh.leftByExit = false
	if err == nil && rc == 0 {
		rc = sh.errorlevel
	}
	if err == nil {
		sh.errorlevel = rc
	}
	return rc, err
}

// callLabel calls a subroutine.
func (sh *shell) callLabel(ctx context.Context, name, args string) (int, error) {
	if sh.batch == nil {
		sh.errout("Invalid attempt to call batch label outside of batch script.\r\n")
		sh.errorlevel = 1
		return 1, nil
	}
	f := newFrame(sh.batch.script, name, args)
	f.pos, f.line, f.clears = sh.batch.pos, sh.batch.line, sh.batch.clears
	label := name
	if sh.delayed {
		var err error
		if label, err = sh.expandDelayed(label); err != nil {
			return sh.complain(err)
		}
	}
	if sh.endsThere(label[1:]) {
		return 0, nil
	}
	label = labelName(label[1:])
	if !f.seek(label) {
		sh.noLabel(label)
		return 1, nil
	}
	return sh.called(sh.runFrame(ctx, f))
}

func (sh *shell) noLabel(label string) {
	sh.errorlevel = 1
	sh.errout("The system cannot find the batch label specified - %s\r\n", label)
}

// runGoto is GOTO.
func runGoto(_ context.Context, sh *shell, args string) (int, error) {
	f := sh.batch
	if f == nil {
		return 1, nil
	}
	word := strings.TrimLeft(args, " \t,;=")
	if sh.endsThere(word) {
		f.ended, sh.jump = true, true
		return 0, nil
	}
	label := labelName(word)
	switch {
	case f.seek(label):
		sh.jump = true
		return 0, nil
	case word == "":
		sh.errorlevel = 1
		sh.errout("No batch label specified to GOTO command.\r\n")
	default:
		sh.noLabel(label)
	}
	f.ended = true
	return 1, nil
}

// endsThere reports whether the text behind GOTO names the end of the file, which
// only :EOF with nothing but a blank behind it does.
func (sh *shell) endsThere(text string) bool {
	return sh.extensions && len(text) >= 4 && strings.EqualFold(text[:4], ":eof") && strings.Trim(text[4:min(5, len(text))], " \t") == ""
}

// labelName returns the label that text begins with, without its colon, which may
// be a plus sign.
func labelName(text string) string {
	if text != "" && (text[0] == ':' || text[0] == '+') {
		text = text[1:]
	}
	if i := strings.IndexAny(text, " \t:+,;=&<>|"); i >= 0 {
		text = text[:i]
	}
	return text
}

// seek moves a frame behind a label: the next one with the name, or else the
// first one from the beginning.
func (f *frame) seek(label string) bool {
	if label == "" {
		return false
	}
	at := min(f.pos, len(f.script.data))
	if pos, ok := findLabel(f.script.data, at, len(f.script.data), label); ok {
		f.moveTo(pos)
		return true
	}
	if pos, ok := findLabel(f.script.data, 0, at, label); ok {
		f.moveTo(pos)
		return true
	}
	return false
}

// moveTo moves a frame to the beginning of a line.
func (f *frame) moveTo(pos int) {
	if pos < f.pos {
		f.line = 0
		f.line = bytes.Count(f.script.data[:pos], []byte("\n"))
	} else {
		f.line += bytes.Count(f.script.data[min(f.pos, pos):pos], []byte("\n"))
	}
	f.pos = pos
}

// findLabel returns where the line after a label begins.
func findLabel(data []byte, from, to int, label string) (int, bool) {
	for from < to {
		end := bytes.IndexByte(data[from:], '\n')
		next := len(data)
		line := data[from:]
		if end >= 0 {
			next = from + end + 1
			line = data[from : from+end]
		}
		line = bytes.TrimLeft(line, "@ \t,;=")
		if len(line) > 1 && line[0] == ':' {
			name := bytes.TrimLeft(line[1:], " \t,;=")
			if stop := bytes.IndexAny(name, " \t:+,;=&<>|\r"); stop >= 0 {
				name = name[:stop]
			}
			if len(name) == len(label) && strings.EqualFold(string(name), label) {
				return next, true
			}
		}
		from = next
	}
	return 0, false
}

// runExit is EXIT.
func runExit(_ context.Context, sh *shell, args string) (int, error) {
	words := splitArgs(args)
	script := len(words) > 0 && strings.EqualFold(words[0], "/b")
	if script {
		words = words[1:]
	}
	given := len(words) > 0 && isNumber(words[0])
	if given {
		sh.errorlevel = number(words[0])
	}
	if !script || sh.batch == nil {
		return sh.errorlevel, exitSignal{sh.errorlevel}
	}
	sh.batch.ended, sh.jump = true, true
	sh.leftByExit = true
	if !given {
		return 0, nil
	}
	return sh.errorlevel, nil
}

// isNumber reports whether a word begins as a number does.
func isNumber(s string) bool {
	s = strings.TrimLeft(s, "+-")
	return s != "" && isDigit(s[0])
}

// maxLocals is how many SETLOCAL can be open in a batch file or subroutine.
const maxLocals = 32

// runSetlocal is SETLOCAL.
func runSetlocal(_ context.Context, sh *shell, args string) (int, error) {
	l := local{sh.env, sh.dir, sh.delayed, sh.extensions}
	delayed, extensions := sh.delayed, sh.extensions
	for _, w := range splitArgs(args) {
		switch strings.ToLower(w) {
		case "enabledelayedexpansion":
			delayed = true
		case "disabledelayedexpansion":
			delayed = false
		case "enableextensions":
			extensions = true
		case "disableextensions":
			extensions = false
		default:
			return sh.syntax()
		}
	}
	if sh.batch == nil {
		return 0, nil
	}
	if len(sh.batch.locals) == maxLocals {
		sh.errout("Maximum setlocal recursion level reached.\r\n")
		return 1, nil
	}
	sh.batch.locals = append(sh.batch.locals, l)
	sh.env, sh.delayed, sh.extensions = sh.env.Clone(), delayed, extensions
	return 0, nil
}

// runEndlocal is ENDLOCAL.
func runEndlocal(_ context.Context, sh *shell, _ string) (int, error) {
	if sh.batch != nil && len(sh.batch.locals) > 0 {
		sh.endLocal(sh.batch)
	}
	return 0, nil
}

// runShift is SHIFT.
func runShift(_ context.Context, sh *shell, args string) (int, error) {
	from := 0
	for _, w := range splitArgs(args) {
		if len(w) != 2 || w[0] != '/' || w[1] < '0' || w[1] > '8' {
			sh.errout("Invalid parameter to SHIFT command\r\n")
			return 1, nil
		}
		from = int(w[1] - '0')
	}
	f := sh.batch
	if f == nil {
		return 0, nil
	}
	if from < len(f.params) {
		f.params = append(append([]string(nil), f.params[:from]...), f.params[from+1:]...)
	}
	if from == 0 {
		f.named = false
	}
	return 0, nil
}

// notStarted is the code of START where there is no such program.
const notStarted = 9059

// runStart is START. Windows starts the program and goes on, which is the same
// as waiting for it only for the programs that end by themselves.
func runStart(ctx context.Context, sh *shell, args string) (int, error) {
	s, ok := parseStart(args)
	if !ok {
		return sh.syntax()
	}
	if s.bad != "" {
		return sh.usage(invalidSwitch(s.bad))
	}
	if err := s.refused(); err != nil {
		return 0, err
	}
	name, rest, found, err := sh.find(ctx, s.name, s.args)
	if code, err := win(err); err != nil || code != 0 {
		if err != nil {
			return 0, err
		}
		sh.errout("The system cannot find the file %s.\r\n", unquote(s.name))
		sh.errorlevel = notStarted
		return notStarted, nil
	}
	child := sh.process(name + rest)
	if found.Program == nil && isBatch(found.Path) {
		return 0, machine.Refuse("start with a batch file", "Windows would open a command processor for it that does not end", "write start /wait cmd /c and the batch file, or call it")
	}
	if s.dir != "" {
		if child.Dir, err = sh.full(unquote(s.dir)); err != nil {
			return sh.syntax()
		}
	}
	code, err := sh.launch(ctx, found, child)
	if err != nil {
		return 0, err
	}
	if s.wait {
		sh.errorlevel, sh.exitCode = code, code
	}
	return 0, nil
}

// startLine is START taken apart.
type startLine struct {
	wait, sameConsole bool
	dir, name, args   string
	bad               string // a switch that START does not have
}

func parseStart(args string) (s startLine, ok bool) {
	rest, titled := args, false
	for {
		rest = strings.TrimLeft(rest, " \t,;=")
		if strings.HasPrefix(rest, `"`) && !titled {
			_, rest = cutToken(rest)
			titled = true
			continue
		}
		if !strings.HasPrefix(rest, "/") {
			break
		}
		end := 1 + strings.IndexAny(rest[1:]+" ", " \t,;=/\"")
		flag := strings.ToLower(rest[1:end])
		rest = rest[end:]
		switch {
		case flag == "w", flag == "wait":
			s.wait = true
		case flag == "b":
			s.sameConsole = true
		case flag == "d":
			s.dir, rest = cutToken(rest)
		case strings.HasPrefix(flag, "d") && flag != "":
			s.dir = flag[1:]
		case flag == "node", flag == "affinity":
			_, rest = cutToken(rest)
		case flag == "i", flag == "min", flag == "max", flag == "low", flag == "normal", flag == "high",
			flag == "realtime", flag == "abovenormal", flag == "belownormal", flag == "separate", flag == "shared":
			// how it looks and how fast it is
		default:
			s.bad = flag
			return s, true
		}
	}
	s.name, s.args = cutToken(rest)
	return s, s.name != ""
}

// refused says why a START cannot be done.
func (s startLine) refused() error {
	switch {
	case !s.wait && !s.sameConsole:
		return machine.Refuse("start "+s.name, "it would run beside the commands that follow, and nobody would see its end", "write start /wait, or call it directly")
	case findBuiltin(s.name) != nil:
		return machine.Refuse("start "+s.name, "Windows would open a command processor for it that does not end", "write the command without start")
	}
	return nil
}

func checkStart(ctx context.Context, c *checker, args string) error {
	s, ok := parseStart(args)
	if !ok || s.bad != "" {
		return nil
	}
	if err := s.refused(); err != nil {
		return err
	}
	return c.program(ctx, s.name, s.args)
}
