// Package cmdsh is cmd.exe: the command interpreter of Windows with its batch
// files and internal commands, over a [machine.Machine].
//
// [Program] is what the machine's table has as "cmd". Its check looks at text
// before it runs.
//
// A line goes through the phases of the real thing, each of which has a file:
// percent expansion (percent.go), characters, words and redirections (lex.go),
// statements (parse.go), echo (ast.go), variables of FOR and delayed expansion
// (vars.go), redirections and pipes (redirect.go, exec.go), CALL with its second
// round (flow.go), and what a command is (command.go, internal.go). batch.go runs
// batch files, cond.go and forfile.go IF and FOR, set.go SET with its arithmetic;
// the internal commands have files by subject. autorun.go is what the registry
// makes cmd do at each start. check.go goes over the same statements without
// executing them.
//
// Two numbers are kept apart as cmd keeps them: ERRORLEVEL, and the code that a
// command returns, which && and || look at and which becomes the exit code of
// cmd /c. Which commands set which follows the tables that people have made by
// trying.
//
// Decisions:
//
//   - Standard input has ended, as in docker build. PAUSE goes on, SET /P fails,
//     and questions whose answer decides about files (RD /S, DEL *) are refused,
//     with the switch that answers them.
//   - The two sides of a pipe run one after the other. On Windows they run at
//     once; what they write is the same.
//   - The help texts (/?) belong to Windows and are refused.
//   - Text is bytes of code page 437, or of the one that chcp has chosen, outside
//     the shell, and UTF-8 only where a person sees it.
//   - A name with . \ or : behind an internal command ("echo.x") is that command;
//     only where it ends in .bat, .cmd, .exe or .com a file of that name comes
//     first. No sealed layer is opened for the question.
//   - %~f and its like take names as they are written: how a file spells its name
//     is not looked up.
//   - A batch file is read anew only when something may have changed it.
package cmdsh

import (
	"context"
	"errors"
	"io/fs"
	"strings"

	"github.com/casement/casement/internal/run/winsh/machine"
)

// Program returns cmd.exe.
func Program() machine.Program { return program{} }

type program struct{}

// Run implements [machine.Program].
func (program) Run(ctx context.Context, p *machine.Process) (int, error) {
	o := parseOptions(p.CommandLine)
	sh := newShell(p)
	defer func() { p.CodePage = sh.page }()
	sh.echo = !o.quiet
	sh.unicode = o.unicode
	if !o.command && !o.keep {
		sh.out("Microsoft Windows [Version %s]\r\n(c) Microsoft Corporation. All rights reserved.\r\n", sh.version())
		if err := sh.startUp(ctx, o); err != nil {
			return sh.end(0, err)
		}
		return sh.end(sh.interact(ctx, 0))
	}
	line, err := sh.unwrap(ctx, o.text, o.strip)
	if err != nil {
		return 0, err
	}
	if !o.keep {
		return sh.main(ctx, o, line)
	}
	if err := sh.startUp(ctx, o); err != nil {
		return sh.end(0, err)
	}
	rc, err := sh.runLine(ctx, line)
	if err != nil {
		return sh.end(rc, err)
	}
	return sh.end(sh.interact(ctx, rc))
}

// options are the switches of cmd.exe.
type options struct {
	command, keep  bool // /c, /k
	strip          bool // /s
	quiet, unicode bool // /q, /u
	delayed        bool // /v:on
	noExtensions   bool // /e:off
	noAutorun      bool // /d
	// Whether /v and /e are there: else the registry decides.
	delayedGiven, extensionsGiven bool
	text                          string
	at                            int // where text stands in the command line
}

// parseOptions takes the command line of cmd.exe apart. Switches are looked for
// everywhere up to /c or /k, behind which everything is text.
func parseOptions(line string) options {
	var o options
	i := programEnd(line)
	for i < len(line) {
		if line[i] != '/' || i+1 == len(line) {
			i++
			continue
		}
		value := ""
		if rest := line[i+2:]; strings.HasPrefix(rest, ":") {
			value = strings.ToLower(rest[1:min(4, len(rest))])
		}
		switch line[i+1] | 0x20 {
		case 'c', 'r':
			o.command = true
		case 'k':
			o.keep = true
		case 's':
			o.strip = true
		case 'q':
			o.quiet = true
		case 'u':
			o.unicode = true
		case 'a':
			o.unicode = false
		case 'd':
			o.noAutorun = true
		case 'v':
			o.delayed, o.delayedGiven = value != "off", true
		case 'e':
			o.noExtensions, o.extensionsGiven = value == "off", true
		case 'x':
			o.noExtensions, o.extensionsGiven = false, true
		case 'y':
			o.noExtensions, o.extensionsGiven = true, true
		}
		i += 2
		if o.command || o.keep {
			for i < len(line) && strings.IndexByte(" \t,;=", line[i]) >= 0 {
				i++
			}
			o.text, o.at = line[i:], i
			return o
		}
	}
	return o
}

// programEnd returns where the name of the program ends in a command line.
func programEnd(line string) int {
	quoted := false
	for i := 0; i < len(line); i++ {
		switch line[i] {
		case '"':
			quoted = !quoted
		case ' ', '\t':
			if !quoted {
				return i
			}
		}
	}
	return len(line)
}

// unwrap takes the quotes off the text of /c: the first and the last one. It
// leaves them where, without /s, they are the only two, with blanks and nothing
// special between them, and what they hold is a program.
func (sh *shell) unwrap(ctx context.Context, text string, strip bool) (string, error) {
	if !strings.HasPrefix(text, `"`) {
		return text, nil
	}
	if name, ok := quotedProgram(text); ok && !strip {
		_, err := sh.m.Find(ctx, name, sh.env, sh.dir, true)
		if err == nil {
			return text, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
	}
	return withoutQuotes(text), nil
}

// quotedProgram returns what stands between the quotes of a text that may be the
// name of a program. Parentheses are nothing special in it, whatever cmd's help
// says: scripts rely on it for "C:\Program Files (x86)\…".
func quotedProgram(text string) (string, bool) {
	if strings.Count(text, `"`) != 2 {
		return "", false
	}
	name := text[1 : 1+strings.IndexByte(text[1:], '"')]
	if strings.ContainsAny(name, "&<>@^|") || !strings.ContainsAny(name, " \t") {
		return "", false
	}
	return name, true
}

// withoutQuotes removes the quote at the beginning and the last one.
func withoutQuotes(text string) string {
	text = text[1:]
	if i := strings.LastIndexByte(text, '"'); i >= 0 {
		text = text[:i] + text[i+1:]
	}
	return text
}

// interact reads commands from standard input to its end. It shows each, as cmd
// does when its input is no console.
func (sh *shell) interact(ctx context.Context, rc int) (int, error) {
	for {
		if sh.echo {
			sh.out("\r\n%s", sh.prompt())
		}
		line, ok, err := sh.readLine()
		if err != nil || !ok {
			return rc, err
		}
		if sh.echo {
			sh.out("%s\r\n", line)
		}
		if rc, err = sh.runLine(ctx, line); err != nil {
			return rc, err
		}
	}
}
