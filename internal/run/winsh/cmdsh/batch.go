package cmdsh

import (
	"bytes"
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/casement/casement/internal/run"
	"github.com/casement/casement/internal/run/winsh/machine"
)

// script is the text of a batch file. cmd reads it anew for each line, and so a
// batch file can change or delete itself.
type script struct {
	path     string
	data     []byte
	size     int64
	modified time.Time
	seen     uint64 // shell.changes when the file was looked at
}

// maxScript is how large a batch file may be.
const maxScript = 32 << 20

// frame is a batch file, or a subroutine of one, that runs.
type frame struct {
	script *script
	pos    int // in the script's data
	line   int
	// params are the parameters, with %0 first; all is %*.
	params []string
	all    string
	named  bool // %0 is still what the file was called by
	clears bool // a .cmd file, in which more commands clear ERRORLEVEL
	locals []local
	ended  bool
}

// local is what SETLOCAL saves.
type local struct {
	env                 *machine.Env
	dir                 string
	delayed, extensions bool
}

// frameParameters are a frame's parameters for percent expansion.
type frameParameters struct {
	sh *shell
	f  *frame
}

func (p *frameParameters) all() string { return p.f.all }

func (p *frameParameters) parameter(ctx context.Context, digit int, tilde bool, modifiers string) (string, error) {
	value := ""
	if digit < len(p.f.params) {
		value = p.f.params[digit]
	}
	if !tilde {
		return value, nil
	}
	self := ""
	if digit == 0 && p.f.named && modifiers != "" {
		self = p.f.script.path
	}
	return p.sh.modifyPath(ctx, value, modifiers, self)
}

// newFrame makes the frame of a batch file or subroutine. args is the text after
// its name.
func newFrame(s *script, name, args string) *frame {
	f := &frame{script: s, params: []string{name}, named: true}
	f.all = strings.Trim(args, " \t")
	f.clears = strings.HasSuffix(strings.ToLower(s.path), ".cmd")
	for {
		var word string
		if word, args = cutToken(args); word == "" {
			return f
		}
		f.params = append(f.params, word)
	}
}

// load reads a batch file.
func (sh *shell) load(ctx context.Context, path string) (*script, error) {
	info, err := sh.fs.Stat(ctx, path)
	if err != nil {
		return nil, err
	}
	data, err := sh.fs.ReadFile(ctx, path, maxScript)
	if err != nil {
		return nil, err
	}
	return &script{path: path, data: data, size: info.Size, modified: info.Times.Modified, seen: sh.changes}, nil
}

// refresh reads a batch file again if it may have changed. ok is false if it is
// gone.
func (sh *shell) refresh(ctx context.Context, s *script) (ok bool, err error) {
	if s.seen == sh.changes {
		return true, nil
	}
	info, err := sh.fs.Stat(ctx, s.path)
	if err != nil {
		_, err = win(err)
		return false, err
	}
	s.seen = sh.changes
	if info.Size == s.size && info.Times.Modified.Equal(s.modified) {
		return true, nil
	}
	fresh, err := sh.load(ctx, s.path)
	if err != nil {
		_, err = win(err)
		return false, err
	}
	*s = *fresh
	return true, nil
}

// next returns the next line of a frame, with its percent signs expanded.
func (sh *shell) next(ctx context.Context, x *expander, f *frame) (string, origin, bool, error) {
	if f.pos >= len(f.script.data) {
		return "", nil, false, nil
	}
	rest := f.script.data[f.pos:]
	end := bytes.IndexAny(rest, "\n\x1A")
	if end < 0 {
		end = len(rest)
	}
	f.pos += min(end+1, len(rest))
	f.line++
	line, from, err := x.line(ctx, strings.TrimSuffix(machine.DecodePage(sh.page, rest[:end]), "\r"))
	if err == nil && tooLong(line) {
		err = &syntaxError{message: "The input line is too long.\r\n"}
	}
	return line, from, true, err
}

// runFrame executes a batch file or subroutine to its end. The code is that of
// its last command.
func (sh *shell) runFrame(ctx context.Context, f *frame) (rc int, err error) {
	if err := sh.deeper(sh.calls + 1); err != nil {
		return 0, err
	}
	outer, loops, echo := sh.batch, sh.forDepth, sh.echo
	sh.batch, sh.forDepth = f, 0
	sh.calls++
	defer func() {
		for len(f.locals) > 0 {
			sh.endLocal(f)
		}
		sh.batch, sh.forDepth = outer, loops
		sh.calls--
		sh.jump = false
		if outer == nil {
			sh.echo = echo
		}
	}()
	x := sh.expander()
	p := &parser{next: func() (string, origin, bool, error) { return sh.next(ctx, x, f) }}
	for !f.ended {
		sh.jump = false
		ok, err := sh.refresh(ctx, f.script)
		if err != nil {
			return 0, err
		}
		if !ok {
			sh.errout("The batch file cannot be found.\r\n")
			sh.errorlevel = 1
			return 1, nil
		}
		x.extensions = sh.extensions
		line := f.line + 1
		p.line, p.eof, p.plain = f.line, false, !sh.extensions
		n, more, err := p.statement()
		if err != nil {
			return 0, sh.abort(err)
		}
		if !more {
			return rc, nil
		}
		if rc, err = sh.statement(ctx, n, rc); err != nil {
			return 0, inFile(err, f.script.path, line)
		}
	}
	return rc, nil
}

// inFile says in a refusal where in a batch file its construct stands, unless
// it is known already.
func inFile(err error, path string, line int) error {
	var refused *run.RefusedError
	if !errors.As(err, &refused) || refused.Script != "" {
		return err
	}
	c := *refused
	c.Line, c.Column = 0, 0 // whoever calls the file gives it a place
	c.Script = path + ":" + strconv.Itoa(line)
	return &c
}

// abort reports a mistake in a batch file, which ends all of them.
func (sh *shell) abort(err error) error {
	code, err := sh.complain(err)
	if err != nil {
		return err
	}
	return abortSignal{code}
}

// statement executes a statement of a batch file. An empty one leaves the code
// of the one before it.
func (sh *shell) statement(ctx context.Context, n node, rc int) (int, error) {
	if n == nil {
		return rc, sh.tick(ctx)
	}
	if sh.echo {
		sh.show(n)
	}
	return sh.exec(ctx, n)
}

// show prints a statement that is about to be executed, unless it begins with @.
func (sh *shell) show(n node) {
	if _, hidden := n.(*silent); hidden {
		return
	}
	d := display{shown: true}
	d.node(n)
	sh.out("\r\n%s%s\r\n", sh.prompt(), d.b.String())
}

// prompt returns what stands before a command.
func (sh *shell) prompt() string {
	format, ok := sh.env.Get("PROMPT")
	if !ok {
		format = "$P$G"
	}
	var b strings.Builder
	for i := 0; i < len(format); i++ {
		if format[i] != '$' || i+1 == len(format) {
			b.WriteByte(format[i])
			continue
		}
		i++
		switch c := format[i]; c | 0x20 {
		case 'p':
			b.WriteString(sh.dir)
		case 'n':
			b.WriteString(sh.dir[:min(1, len(sh.dir))])
		case 'd':
			b.WriteString(longDate(sh.m.Now()))
		case 't':
			b.WriteString(preciseTime(sh.m.Now()))
		case '+':
			b.WriteString(strings.Repeat("+", len(sh.stack)))
		case 'v':
			b.WriteString("Microsoft Windows [Version " + sh.version() + "]")
		default:
			b.WriteString(promptCharacter(format[i]))
		}
	}
	return b.String()
}

// promptCharacter is what $ and a character stand for in a prompt.
func promptCharacter(c byte) string {
	switch c | 0x20 {
	case 'a':
		return "&"
	case 'b':
		return "|"
	case 'c':
		return "("
	case 'e':
		return "\x1B"
	case 'f':
		return ")"
	case 'g':
		return ">"
	case 'h':
		return "\b \b"
	case 'l':
		return "<"
	case 'q':
		return "="
	case 's':
		return " "
	}
	switch c {
	case '$':
		return "$"
	case '_':
		return "\r\n"
	}
	return ""
}

// chain executes a batch file that is not called: control does not come back to
// the batch file that names it.
func (sh *shell) chain(ctx context.Context, path, name, args string) (int, error) {
	outer := sh.batch
	rc, err := sh.callFile(ctx, path, name, args)
	if err == nil && outer != nil {
		outer.ended = true
		sh.jump = false
	}
	return rc, err
}

// callFile executes a batch file and comes back.
func (sh *shell) callFile(ctx context.Context, path, name, args string) (int, error) {
	s, err := sh.load(ctx, path)
	if err != nil {
		code, err := win(err)
		if err != nil {
			return 0, err
		}
		sh.system(code)
		sh.errorlevel = 1
		return 1, nil
	}
	sh.leftByExit = false
	return sh.runFrame(ctx, newFrame(s, name, args))
}

// endLocal restores what the last SETLOCAL of a frame has saved.
func (sh *shell) endLocal(f *frame) {
	l := f.locals[len(f.locals)-1]
	f.locals = f.locals[:len(f.locals)-1]
	sh.env, sh.dir, sh.delayed, sh.extensions = l.env, l.dir, l.delayed, l.extensions
}
