package cmdsh

import (
	"context"
	"strings"
	"unicode/utf8"

	"github.com/casement/casement/internal/run/winsh/machine"
)

// builtin is an internal command.
type builtin struct {
	name string
	run  func(ctx context.Context, sh *shell, args string) (int, error)
	// level says when its code becomes ERRORLEVEL.
	level level
	// check refuses arguments before anything runs; nil accepts all.
	check func(ctx context.Context, c *checker, args string) error
	// ownHelp says that /? is only looked for at the beginning of the arguments.
	ownHelp bool
}

// level says when the code of a command becomes ERRORLEVEL. Commands differ in
// this for no reason that one could remember.
type level int

const (
	always   level = iota
	never          // only || sees it
	inScript       // success only in a .cmd file, failure always
)

// internal executes an internal command.
func (sh *shell) internal(ctx context.Context, b *builtin, name, args string) (int, error) {
	if asksHelp(b, args) {
		return 0, refuseHelp(name)
	}
	rc, err := b.run(ctx, sh, args)
	if err != nil {
		return rc, err
	}
	if b.level == always || b.level == inScript && (rc != 0 || sh.batch != nil && sh.batch.clears) {
		sh.errorlevel = rc
	}
	return rc, nil
}

// asksHelp reports whether a command is asked for its help.
func asksHelp(b *builtin, args string) bool {
	if strings.IndexByte(args, '?') < 0 {
		return false
	}
	if b.ownHelp {
		return strings.HasPrefix(strings.TrimLeft(args, " \t,;="), "/?")
	}
	quoted := false
	for i := 0; i < len(args); i++ {
		switch args[i] {
		case '"':
			quoted = !quoted
		case '/':
			if !quoted && i+1 < len(args) && args[i+1] == '?' {
				return true
			}
		}
	}
	return false
}

func refuseHelp(name string) error {
	return machine.Refuse(strings.ToLower(name)+" /?", "the help texts belong to Windows", "leave it out: a build has no use for it")
}

// findBuiltin returns the internal command of a name, in any case.
func findBuiltin(name string) *builtin {
	if len(name) < 2 || len(name) > 8 {
		return nil
	}
	var low [8]byte
	for i := 0; i < len(name); i++ {
		c := name[i]
		if c >= utf8.RuneSelf {
			return nil
		}
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		low[i] = c
	}
	return builtinNamed(string(low[:len(name)]))
}

// builtinNamed returns the internal command of a name in small letters.
func builtinNamed(name string) *builtin {
	b := flowBuiltin(name)
	if b == nil {
		b = fileBuiltin(name)
	}
	if b == nil {
		b = otherBuiltin(name)
	}
	if b != nil {
		b.name = name
	}
	return b
}

// flowBuiltin has what belongs to batch files and variables.
func flowBuiltin(name string) *builtin {
	switch name {
	case "break":
		return &builtin{run: succeed, level: never}
	case "call":
		return &builtin{run: runCall, level: never, ownHelp: true}
	case "echo":
		return &builtin{run: runEcho, level: never, ownHelp: true}
	case "endlocal":
		return &builtin{run: runEndlocal, level: never}
	case "exit":
		return &builtin{run: runExit, level: never}
	case "goto":
		return &builtin{run: runGoto, level: never}
	case "path":
		return &builtin{run: runPath, level: inScript}
	case "pause":
		return &builtin{run: runPause, level: never}
	case "prompt":
		return &builtin{run: runPrompt, level: inScript, ownHelp: true}
	case "rem":
		return &builtin{run: succeed, level: never, ownHelp: true}
	case "set":
		return &builtin{run: runSet, level: inScript, ownHelp: true}
	case "setlocal":
		return &builtin{run: runSetlocal}
	case "shift":
		return &builtin{run: runShift, level: never}
	case "start":
		return &builtin{run: runStart, level: never, check: checkStart, ownHelp: true}
	case "title":
		return &builtin{run: succeed, level: never, ownHelp: true}
	}
	return nil
}

// fileBuiltin has what works on files.
func fileBuiltin(name string) *builtin {
	switch name {
	case "cd", "chdir":
		return &builtin{run: runCd}
	case "copy":
		return &builtin{run: runCopy, check: checkCopy}
	case "del", "erase":
		return &builtin{run: runDel, check: checkDel}
	case "dir":
		return &builtin{run: runDir, check: checkDir}
	case "md", "mkdir":
		return &builtin{run: runMd}
	case "mklink":
		return &builtin{run: runMklink}
	case "move":
		return &builtin{run: runMove}
	case "popd":
		return &builtin{run: runPopd, level: never}
	case "pushd":
		return &builtin{run: runPushd}
	case "rd", "rmdir":
		return &builtin{run: runRd, level: never, check: checkRd}
	case "ren", "rename":
		return &builtin{run: runRen}
	case "type":
		return &builtin{run: runType}
	}
	return nil
}

// otherBuiltin has the rest.
func otherBuiltin(name string) *builtin {
	switch name {
	case "assoc":
		return &builtin{run: runAssoc, level: inScript, check: checkAssoc}
	case "cls":
		return &builtin{run: runCls, level: never}
	case "color":
		return &builtin{run: runColor}
	case "date":
		return &builtin{run: runDate, check: checkDate}
	case "dpath":
		return &builtin{run: runDpath, check: func(context.Context, *checker, string) error { return refuseDpath() }}
	case "keys":
		return &builtin{run: succeed, level: never}
	case "ftype":
		return &builtin{run: runFtype, level: inScript, check: checkFtype}
	case "time":
		return &builtin{run: runTime, check: checkTime}
	case "ver":
		return &builtin{run: runVer}
	case "verify":
		return &builtin{run: runVerify}
	case "vol":
		return &builtin{run: runVol}
	}
	return nil
}

// succeed does nothing.
func succeed(context.Context, *shell, string) (int, error) { return 0, nil }
