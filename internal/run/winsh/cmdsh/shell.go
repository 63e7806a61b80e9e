package cmdsh

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/casement/casement/internal/run/winsh/machine"
)

// shell is one running cmd.exe.
type shell struct {
	p   *machine.Process
	m   *machine.Machine
	fs  *machine.FS
	env *machine.Env
	dir string
	// std are the handles; 3 and above are closed unless a redirection opens
	// them.
	std [10]*stream
	// console is where output goes that no redirection has taken away.
	console *stream

	echo, extensions, delayed bool
	unicode                   bool // /u
	page                      int  // code page of the console

	// errorlevel is what %ERRORLEVEL% shows. It is not the same as the code
	// that a command returns, which && and || and the end of cmd look at.
	errorlevel int
	exitCode   int // of the last program, for %=ExitCode%

	batch    *frame // the batch file or subroutine that runs, nil on the command line
	calls    int    // how deep batch files are nested
	forVars  map[rune]string
	forDepth int // loops around, in this batch file
	jump     bool
	missing  bool // the last program was not found
	// leftByExit says that the last batch file that was not called has ended by
	// EXIT /B with a number.
	leftByExit bool

	stack   []string // of PUSHD
	verify  bool
	random  uint32
	changes uint64 // counts what may have changed files
	fault   error  // of writing
}

// exitSignal ends cmd.exe; abortSignal ends all that was to be executed, and
// with it cmd.exe when there is nobody to type the next command. Both are
// errors only to unwind.
type (
	exitSignal  struct{ code int }
	abortSignal struct{ code int }
)

func (e exitSignal) Error() string  { return fmt.Sprintf("exit %d", e.code) }
func (e abortSignal) Error() string { return fmt.Sprintf("aborted with %d", e.code) }

// newShell makes the cmd.exe of a process.
func newShell(p *machine.Process) *shell {
	sh := &shell{
		p: p, m: p.Machine, fs: p.Machine.FS(), env: p.Env, dir: p.Dir,
		echo: true, extensions: true, page: p.CodePage,
		forVars: map[rune]string{},
	}
	now := p.Machine.Now()
	sh.random = uint32(now.Unix())
	sh.console = &stream{w: p.Stdout, console: p.Terminal}
	sh.std[0] = &stream{r: p.Stdin}
	sh.std[1] = sh.console
	sh.std[2] = &stream{w: p.Stderr, console: p.Terminal}
	if _, ok := sh.env.Get("PROMPT"); !ok {
		sh.env.Set("PROMPT", "$P$G")
	}
	return sh
}

// stream is an open handle.
type stream struct {
	r       io.Reader // nil if it cannot be read
	w       io.Writer // nil discards
	console bool      // what a person sees, in UTF-8
	close   func() error
}

// write writes text to a handle.
func (sh *shell) write(handle int, text string) {
	s := sh.std[handle]
	if s == nil || s.w == nil || text == "" || sh.fault != nil {
		return
	}
	var err error
	switch {
	case s.console || machine.IsASCII(text) && !sh.unicode:
		_, err = io.WriteString(s.w, text)
	case sh.unicode:
		_, err = s.w.Write(machine.EncodeUTF16(text))
	default:
		_, err = s.w.Write(machine.EncodePage(sh.page, text))
	}
	if err != nil {
		sh.fault = err
	}
}

// out and errout write text to standard output and error.
func (sh *shell) out(format string, args ...any)    { sh.write(1, text(format, args)) }
func (sh *shell) errout(format string, args ...any) { sh.write(2, text(format, args)) }

func text(format string, args []any) string {
	if len(args) == 0 {
		return format
	}
	return fmt.Sprintf(format, args...)
}

// system writes the system's message for a Win32 code to standard error.
func (sh *shell) system(code uint32) { sh.errout("%s\r\n", machine.MessageFor(code)) }

// win returns the Win32 code of an error of the file system, and an error of its
// own kind otherwise: a refusal, or a fault.
func win(err error) (uint32, error) {
	if err == nil {
		return 0, nil
	}
	if code := machine.CodeOf(err); code != 0 {
		return code, nil
	}
	return 0, err
}

// tick counts one command. It returns what must end the step.
func (sh *shell) tick(ctx context.Context) error {
	if sh.fault != nil {
		return sh.fault
	}
	return sh.m.Tick(ctx)
}

// maxPath is how long a path may be for cmd, which is not long path aware.
const maxPath = 260

// full makes a full path of what a command was given.
func (sh *shell) full(path string) (string, error) {
	full, err := machine.Full(sh.dir, path)
	if err == nil && len(full) >= maxPath && machine.UTF16Len(full) >= maxPath && !strings.HasPrefix(full, verbatim) {
		return "", &machine.Error{Op: "resolve", Path: path, Code: machine.ErrorPathNotFound}
	}
	return full, err
}

// lookup returns a variable, or what stands behind a dynamic one.
func (sh *shell) lookup(name string) (string, bool) {
	if v, ok := sh.env.Get(name); ok {
		return v, true
	}
	if !sh.extensions {
		return "", false
	}
	return sh.dynamic(name)
}

// expander returns the expander of the place where the shell is.
func (sh *shell) expander() *expander {
	x := &expander{get: sh.lookup, extensions: sh.extensions}
	if sh.batch != nil {
		x.params = &frameParameters{sh, sh.batch}
	}
	return x
}

// maxLine is how long a line may be after percent expansion.
const maxLine = 8191

func tooLong(line string) bool { return len(line) > maxLine && machine.UTF16Len(line) > maxLine }

// runLine executes a line as the command line has it.
func (sh *shell) runLine(ctx context.Context, line string) (int, error) {
	if i := strings.IndexByte(line, '\n'); i >= 0 {
		line = line[:i]
	}
	if tooLong(line) {
		sh.errout("The command line is too long.\r\n")
		return 1, nil
	}
	expanded, from, err := sh.expander().line(ctx, line)
	if err == nil && tooLong(expanded) {
		sh.errout("The input line is too long.\r\n")
		return 1, nil
	}
	var n node
	if err == nil {
		n, err = parseLine(expanded, from, !sh.extensions)
	}
	if err != nil {
		return sh.complain(err)
	}
	rc, err := sh.exec(ctx, n)
	var abort abortSignal
	if errors.As(err, &abort) {
		return abort.code, nil
	}
	return rc, err
}

// badSyntax is the exit code of what cannot be parsed.
const badSyntax = 255

// complain prints a mistake in the text. Other errors are passed on.
func (sh *shell) complain(err error) (int, error) {
	var syntax *syntaxError
	var expansion *expansionError
	switch {
	case errors.As(err, &syntax):
		sh.errout("%s", syntax.message)
	case errors.As(err, &expansion):
		sh.errout("%s", expansion.message)
	default:
		return 0, err
	}
	return badSyntax, nil
}

// main executes a line, after what the registry says, and returns the exit code
// of cmd.exe.
func (sh *shell) main(ctx context.Context, o options, line string) (int, error) {
	if err := sh.startUp(ctx, o); err != nil {
		return sh.end(0, err)
	}
	rc, err := sh.runLine(ctx, line)
	return sh.end(rc, err)
}

// end turns what has happened into the exit code of the process.
func (sh *shell) end(rc int, err error) (int, error) {
	var exit exitSignal
	if errors.As(err, &exit) {
		rc, err = exit.code, nil
	}
	if err == nil {
		err = sh.fault
	}
	return rc, err
}

// child makes the shell of a cmd.exe that this one starts, with its own
// variables and directory.
func (sh *shell) child(ctx context.Context, commandLine string) (*shell, error) {
	if err := sh.deeper(sh.p.Depth + 1); err != nil {
		return nil, err
	}
	c := newShell(sh.process(commandLine))
	c.console = sh.console
	copy(c.std[:3], sh.std[:3])
	return c, sh.tick(ctx)
}

// process makes a child process with the handles of the shell.
func (sh *shell) process(commandLine string) *machine.Process {
	c := sh.p.Child(commandLine)
	c.Env, c.Dir, c.CodePage, c.Export = sh.env.Clone(), sh.dir, sh.page, nil
	c.Stdin, c.Stdout, c.Stderr, c.Terminal = strings.NewReader(""), io.Discard, io.Discard, false
	if s := sh.std[0]; s != nil && s.r != nil {
		c.Stdin = s.r
	}
	if s := sh.std[1]; s != nil && s.w != nil {
		c.Stdout, c.Terminal = s.w, s.console
	}
	if s := sh.std[2]; s != nil && s.w != nil {
		c.Stderr = s.w
	}
	return c
}

// deeper limits how deep commands may be nested.
func (sh *shell) deeper(depth int) error {
	if limit := sh.m.Limits().Depth; depth > limit {
		return &machine.LimitError{What: "the nesting of batch files and commands", Limit: int64(limit), Unit: "levels"}
	}
	return nil
}
