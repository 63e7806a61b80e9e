// Package tools has the external programs of Windows that Dockerfiles call:
// xcopy, robocopy, reg, icacls, findstr and their neighbours, as programs of a
// [machine.Machine]. [All] is the table of them.
//
// Each program does what its namesake on an English Windows Server does: the
// same files, the same registry, the same text on the same stream with the same
// line ends, the same exit code. Wrong usage is reported as the program reports
// it. A switch that Windows has and this package does not do is a refusal, found
// by the check wherever the arguments are known, and a program whose whole point
// needs a running Windows (msiexec, dism, net) is in the table only to be
// refused with a reason.
//
// How a file here is made: a constructor such as xcopy returns a [tool], which
// is a [grammar] for its switches and a function that runs it on a [proc], the
// process with the helpers that all share. Start with tools.go and switches.go,
// then read any one of the programs.
//
// Decisions that hold for all of them:
//
//   - "/?" is refused: the help texts belong to Windows.
//   - Who is asked a question and finds no answer on standard input is refused,
//     with the switch that answers it. Nobody sits at a build.
//   - Text is written in the machine's code page, searched texts and patterns
//     are compared as bytes; patterns beyond ASCII are refused where Windows
//     would translate them between code pages on the way.
//   - Numbers that no two runs of Windows print alike (speeds, times) are printed
//     as a fast computer would print them, so that output does not vary.
package tools

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/casement/casement/internal/run/winsh/machine"
)

// tool is one program: what its arguments may be, and what it does.
type tool struct {
	grammar grammar
	// check refuses what the grammar alone cannot say; nil if there is nothing.
	check func(in input) error
	// checkCommand refuses a command that the tool starts; nil if it starts none.
	checkCommand func(ctx context.Context, c *machine.Checking, in input) error

	run func(ctx context.Context, p *proc, in input) (int, error)
}

// program makes a tool a machine.Program. It is a constructor, not a tool, so
// that the table of a machine costs nothing for the programs that a step does
// not call.
type program func() tool

// Check implements [machine.Program].
func (f program) Check(ctx context.Context, c *machine.Checking, args []machine.Arg) error {
	t := f()
	raw := ""
	if c != nil {
		raw = c.Raw
	}
	in, err := t.grammar.parse(t.grammar.checkWords(raw, args))
	if err != nil {
		return err
	}
	if t.check != nil {
		err = t.check(in)
	}
	if err == nil && t.checkCommand != nil && c != nil && c.Machine != nil {
		err = t.checkCommand(ctx, c, in)
	}
	return err
}

// Run implements [machine.Program].
func (f program) Run(ctx context.Context, parent *machine.Process) (int, error) {
	t := f()
	in, err := t.grammar.parse(t.grammar.runWords(parent))
	if err != nil {
		return 1, err
	}
	if t.check != nil {
		if err := t.check(in); err != nil {
			return 1, err
		}
	}
	p := &proc{Process: parent, name: t.grammar.name}
	p.stdout = bufio.NewWriterSize(parent.Stdout, 16<<10)
	code := 0
	if in.bad != nil && t.grammar.invalid != nil {
		code = t.grammar.invalid(p, *in.bad)
	} else {
		code, err = t.run(ctx, p, in)
	}
	if ferr := p.stdout.Flush(); err == nil {
		err = errors.Join(p.failed, ferr)
	}
	return code, err
}

// proc is a running tool: the process, with what all tools need.
type proc struct {
	*machine.Process
	name   string // of the tool, in small letters
	stdout *bufio.Writer
	stdin  *bufio.Reader
	failed error // the first error of writing
	// backup says that rights to files do not count: the privileges of backups.
	backup bool
}

// print writes text to standard output as it is: in the machine's code page, or
// in UTF-8 to what the user sees, as the shells do.
func (p *proc) print(format string, args ...any) {
	text := expand2(format, args)
	b := []byte(text)
	if !p.Terminal {
		b = machine.EncodePage(p.CodePage, text)
	}
	if _, err := p.stdout.Write(b); err != nil && p.failed == nil {
		p.failed = err
	}
}

// println writes a line with the line end of Windows.
func (p *proc) println(format string, args ...any) {
	p.print("%s\r\n", expand2(format, args))
}

// raw writes bytes of a file to standard output.
func (p *proc) raw(b []byte) {
	if _, err := p.stdout.Write(b); err != nil && p.failed == nil {
		p.failed = err
	}
}

// errprint writes text to standard error, after what standard output has got.
func (p *proc) errprint(format string, args ...any) {
	err := p.stdout.Flush()
	if err == nil {
		_, err = p.Stderr.Write(machine.EncodePage(p.CodePage, expand2(format, args)))
	}
	if err != nil && p.failed == nil {
		p.failed = err
	}
}

// errln writes a line to standard error.
func (p *proc) errln(format string, args ...any) {
	p.errprint("%s\r\n", expand2(format, args))
}

// expand2 formats only if there is something to format, so that a text with a
// percent sign can be printed alone.
func expand2(format string, args []any) string {
	if len(args) == 0 {
		return format
	}
	return fmt.Sprintf(format, args...)
}

// input returns standard input, buffered.
func (p *proc) input() *bufio.Reader {
	if p.stdin == nil {
		p.stdin = bufio.NewReader(p.Stdin)
	}
	return p.stdin
}

// ask prints a question and reads the answer's line. Where nobody answers the
// step is refused: what, as in "xcopy asks whether to overwrite C:\x", and the
// way to answer it.
func (p *proc) ask(question, what, way string) (string, error) {
	p.print("%s", question)
	line, err := p.input().ReadString('\n')
	if line == "" && err != nil {
		if errors.Is(err, io.EOF) {
			return "", machine.Refuse(p.name+" "+what, "it waits for an answer and nobody is there to give one", way)
		}
		return "", fmt.Errorf("reading standard input: %w", err)
	}
	return strings.TrimRight(line, "\r\n"), nil
}

// full makes a path of the command line a full one, without a backslash at its
// end unless it is the root.
func (p *proc) full(path string) (string, error) {
	full, err := machine.Full(p.Dir, path)
	if len(full) > 3 {
		full = strings.TrimSuffix(full, `\`)
	}
	return full, err
}

// fs returns the machine's drives.
func (p *proc) fs() *machine.FS {
	if p.backup {
		return p.Machine.FS().Privileged()
	}
	return p.Machine.FS()
}

// of32 reports whether the program is called by the path of those of 32 bits.
func (p *proc) of32() bool {
	if len(p.Args) == 0 {
		return false
	}
	full, err := p.full(p.Args[0])
	return err == nil && strings.EqualFold(parent(full), `C:\Windows\SysWOW64`)
}

// winCode divides errors in two: those that Windows reports by a code, for the
// tool to print, and those that end the step (a refusal, a cancelled context).
func winCode(err error) (code uint32, fatal error) {
	if err == nil {
		return 0, nil
	}
	if code := machine.CodeOf(err); code != 0 {
		return code, nil
	}
	return 0, err
}

// message is the system's text for a code, as programs print it.
func message(code uint32) string {
	return strings.TrimRight(machine.MessageFor(code), "\r\n")
}

// readLimit bounds the files that a tool has to have in memory as a whole.
const readLimit = 64 << 20

// readAll reads a file as a whole. Files above the limit are refused.
func (p *proc) readAll(ctx context.Context, path string) ([]byte, error) {
	info, err := p.fs().Stat(ctx, path)
	if err != nil {
		return nil, err
	}
	if info.Size > readLimit {
		return nil, machine.Refuse(p.name+" with "+path, "the file has more than 64 MiB", "use a smaller file")
	}
	return p.fs().ReadFile(ctx, path, readLimit)
}

// eachRawLine calls visit for each line of r, with its line end.
func eachRawLine(r io.Reader, visit func(line []byte) error) error {
	br, ok := r.(*bufio.Reader)
	if !ok {
		br = bufio.NewReaderSize(r, 64<<10)
	}
	var long []byte
	for {
		part, err := br.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			if long = append(long, part...); len(long) > readLimit {
				return errors.New("reading lines: one is longer than 64 MiB")
			}
			continue
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		line := part
		if len(long) > 0 {
			long = append(long, part...)
			line = long
		}
		if len(line) > 0 {
			if verr := visit(line); verr != nil {
				return verr
			}
		}
		if err != nil {
			return nil
		}
		long = long[:0]
	}
}

// eachLine calls visit for each line of r without its line end, which is a line
// feed with or without a carriage return.
func eachLine(r io.Reader, visit func(line []byte) error) error {
	return eachRawLine(r, func(line []byte) error {
		return visit(bytes.TrimSuffix(bytes.TrimSuffix(line, []byte{'\n'}), []byte{'\r'}))
	})
}
