package cmdsh

import (
	"context"
	"errors"
	"io/fs"
	"strings"

	"github.com/casement/casement/internal/run/winsh/machine"
)

// Phase 7: what a command token is, and programs.

// resolution is what a command token leads to, as far as that does not depend on
// files.
type resolution struct {
	builtin *builtin
	name    string // the part of the token that is the builtin's name
	rest    string // what of the token belongs to the arguments
	drive   byte   // of "C:"
	label   bool
}

// run executes a command whose variables are replaced.
func (sh *shell) run(ctx context.Context, name, args string, c *command) (int, error) {
	r := c.resolved
	if r == nil {
		if strings.Trim(name, " \t,;=") == "" {
			name, args = cutToken(args)
			if name == "" {
				return 0, nil
			}
		}
		var err error
		if r, err = sh.resolve(ctx, name); err != nil {
			return 0, err
		}
		if !c.forVar && !c.bang && r.builtin != nil && !strings.Contains(r.rest, ".") {
			c.resolved = r
		}
	}
	switch {
	case r.builtin != nil:
		return sh.internal(ctx, r.builtin, r.name, r.rest+args)
	case r.label:
		if strings.HasPrefix(name, "::") {
			sh.system(machine.ErrorInvalidDrive)
			return 1, nil
		}
		return 0, nil
	case r.drive != 0:
		return sh.changeDrive(r.drive), nil
	}
	return sh.external(ctx, name, args)
}

// cutToken cuts the first word off text.
func cutToken(text string) (token, rest string) {
	i := 0
	for i < len(text) && delimiter(text, i) > 0 {
		i += delimiter(text, i)
	}
	start, quoted := i, false
	for i < len(text) && (quoted || delimiter(text, i) == 0) {
		if text[i] == '"' {
			quoted = !quoted
		}
		i++
	}
	return text[start:i], text[i:]
}

// resolve decides whether a token is an internal command. "echo.x", "cd\x" and
// "dir/b" are; "start.bat" is not if there is such a file.
func (sh *shell) resolve(ctx context.Context, name string) (*resolution, error) {
	if name[0] == '"' {
		return &resolution{}, nil
	}
	if name[0] == ':' {
		return &resolution{label: true}, nil
	}
	if b := findBuiltin(name); b != nil {
		return &resolution{builtin: b, name: name}, nil
	}
	cut := strings.IndexAny(name, "+/[] \t,;=")
	if cut >= 0 {
		if b := findBuiltin(name[:cut]); b != nil {
			return &resolution{builtin: b, name: name[:cut], rest: name[cut:]}, nil
		}
	}
	if i := strings.IndexAny(name, `.\:`); i >= 0 {
		if b := findBuiltin(name[:i]); b != nil {
			file := name
			if cut >= 0 {
				file = name[:cut]
			}
			is, err := sh.isScriptHere(ctx, file)
			if err != nil || is {
				return &resolution{}, err
			}
			return &resolution{builtin: b, name: name[:i], rest: name[i:]}, nil
		}
	}
	if len(name) == 2 && name[1] == ':' {
		return &resolution{drive: name[0]}, nil
	}
	return &resolution{}, nil
}

// isScriptHere reports whether a name with the extension of a program is that of
// a file. Names such as "echo.text" are not looked for: nothing is read for them.
func (sh *shell) isScriptHere(ctx context.Context, name string) (bool, error) {
	dot := strings.LastIndexByte(name, '.')
	if dot < 0 {
		return false, nil
	}
	switch strings.ToLower(name[dot:]) {
	case ".bat", ".cmd", ".exe", ".com":
	default:
		return false, nil
	}
	full, err := sh.full(name)
	if err != nil {
		return false, nil
	}
	return sh.isFile(ctx, full)
}

// isFile reports whether there is a file that is not in a sealed base image
// only: no layer is unsealed for the question.
func (sh *shell) isFile(ctx context.Context, full string) (bool, error) {
	info, err := sh.fs.StatDest(ctx, full)
	if err != nil {
		_, err = win(err)
		return false, err
	}
	return !info.IsDir(), nil
}

// isInternal reports whether a command needs a cmd.exe: internal commands and
// batch files do.
func (sh *shell) isInternal(ctx context.Context, name string) bool {
	if strings.Trim(name, " \t,;=") == "" {
		return true
	}
	r, err := sh.resolve(ctx, name)
	if err != nil || r.builtin != nil || r.label || r.drive != 0 {
		return true
	}
	_, _, found, err := sh.find(ctx, name, "")
	return err == nil && found.Program == nil && isBatch(found.Path)
}

func isBatch(path string) bool {
	ext := strings.ToLower(path[max(0, len(path)-4):])
	return ext == ".bat" || ext == ".cmd"
}

// notRecognized is ERRORLEVEL after a command that does not exist.
const notRecognized = 9009

// find looks for the program or batch file of a token. What of the token turns
// out not to be its name goes to the arguments.
func (sh *shell) find(ctx context.Context, token, args string) (name, rest string, f machine.Found, err error) {
	name, rest = token, args
	quoted := strings.HasPrefix(token, `"`)
	if !quoted && (len(token) < 2 || token[1] != ':') {
		// A slash begins the arguments: "xcopy/?"; and that is why "./x" is none.
		// One in front belongs to the name.
		if i := strings.IndexByte(token, '/'); i > 0 {
			name, rest = token[:i], " "+token[i:]+args
		}
	}
	f, err = sh.m.Find(ctx, unquote(name), sh.env, sh.dir, true)
	if err != nil && !quoted && errors.Is(err, fs.ErrNotExist) {
		if i := strings.IndexAny(name, " \t,;="); i > 0 {
			short := name[:i]
			if g, e := sh.m.Find(ctx, unquote(short), sh.env, sh.dir, true); e == nil {
				return short, name[i:] + rest, g, nil
			}
		}
	}
	return name, rest, f, err
}

// external executes a program or a batch file that is not called.
func (sh *shell) external(ctx context.Context, token, args string) (int, error) {
	name, rest, found, err := sh.locate(ctx, token, args)
	if err != nil || sh.missing {
		return 1, err
	}
	if found.Program == nil && isBatch(found.Path) {
		return sh.chain(ctx, found.Path, name, rest)
	}
	before := sh.env
	rc, err := sh.start(ctx, found, name+rest)
	if err == nil && sh.env != before && sh.batch != nil {
		sh.batch.ended = true // it was a batch file in truth, and it was not called
	}
	return rc, err
}

// locate finds a program, and says so if there is none.
func (sh *shell) locate(ctx context.Context, token, args string) (name, rest string, f machine.Found, err error) {
	sh.missing = false
	if drive := driveLetter(unquote(token)); drive != 0 && drive != 'C' {
		sh.missing, sh.errorlevel = true, 1
		sh.system(machine.ErrorInvalidDrive)
		return token, args, f, nil
	}
	name, rest, f, err = sh.find(ctx, token, args)
	if err == nil {
		return name, rest, f, nil
	}
	code, err := win(err)
	if err != nil {
		return name, rest, f, err
	}
	sh.missing = true
	if full, ferr := sh.full(unquote(name)); ferr == nil && strings.Contains(name, `\`) {
		there, err := sh.isDir(ctx, parentDir(full))
		if err != nil {
			return name, rest, f, err
		}
		if !there {
			code = machine.ErrorPathNotFound
		}
	}
	switch code {
	case machine.ErrorPathNotFound:
		sh.errorlevel = machine.ErrorPathNotFound
		sh.system(code)
	case machine.ErrorAccessDenied:
		sh.errorlevel = 1
		sh.system(code)
	default:
		sh.errorlevel = notRecognized
		sh.errout("'%s' is not recognized as an internal or external command,\r\noperable program or batch file.\r\n", name)
	}
	return name, rest, f, nil
}

// driveLetter returns the drive that a path begins with, in capitals, or 0.
func driveLetter(path string) byte {
	if len(path) < 2 || path[1] != ':' {
		return 0
	}
	c := path[0] &^ 0x20
	if c < 'A' || c > 'Z' {
		return 0
	}
	return c
}

// start runs a program as a child process.
func (sh *shell) start(ctx context.Context, f machine.Found, commandLine string) (int, error) {
	child := sh.process(commandLine)
	code, err := sh.launch(ctx, f, child)
	if err != nil {
		return 0, err
	}
	sh.errorlevel, sh.exitCode = code, code
	return code, nil
}

// launch runs a program. The machine checks it with the arguments that are known
// now.
func (sh *shell) launch(ctx context.Context, f machine.Found, child *machine.Process) (int, error) {
	code, err := sh.m.Start(ctx, f, child)
	sh.changes++
	sh.page = child.CodePage
	if err == nil && child.Export != nil {
		sh.env = child.Export
	}
	return code, err
}

// changeDrive is "C:".
func (sh *shell) changeDrive(drive byte) int {
	if drive&^0x20 != 'C' {
		sh.system(machine.ErrorInvalidDrive)
		return 1
	}
	return 0
}
