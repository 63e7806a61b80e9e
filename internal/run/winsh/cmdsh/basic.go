package cmdsh

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/casement/casement/internal/run/winsh/machine"
)

// The small internal commands.

// runEcho is ECHO. What stands directly behind its name ("echo.", "echo(") is
// swallowed.
func runEcho(_ context.Context, sh *shell, args string) (int, error) {
	plain := strings.Trim(args, " \t")
	switch {
	case plain == "":
		state := "off"
		if sh.echo {
			state = "on"
		}
		sh.out("ECHO is %s.\r\n", state)
		return 0, nil
	case strings.IndexByte(" \t,;=", args[0]) < 0:
	case strings.EqualFold(plain, "on"):
		sh.echo = true
		return 0, nil
	case strings.EqualFold(plain, "off"):
		sh.echo = false
		return 0, nil
	}
	sh.write(1, args[1:]+"\r\n")
	return 0, nil
}

// runDpath is DPATH, a second PATH that only TYPE would look at.
func runDpath(context.Context, *shell, string) (int, error) { return 0, refuseDpath() }

func refuseDpath() error {
	return machine.Refuse("dpath", "TYPE does not look for files in other directories here", "write the whole path of the file")
}

// runCls clears the screen; where there is none a form feed is written.
func runCls(_ context.Context, sh *shell, args string) (int, error) {
	if strings.Contains(args, "/") {
		return sh.syntax()
	}
	if !sh.std[1].isConsole() {
		sh.out("\f")
	}
	return 0, nil
}

func (s *stream) isConsole() bool { return s != nil && s.console }

// runColor fails: there is no console whose colours could be set.
func runColor(context.Context, *shell, string) (int, error) { return 1, nil }

// runPause does not wait: the input has ended.
func runPause(_ context.Context, sh *shell, _ string) (int, error) {
	sh.out("Press any key to continue . . . ")
	rc := 1
	if s := sh.std[0]; s != nil && s.r != nil {
		var one [1]byte
		if n, _ := s.r.Read(one[:]); n == 1 {
			rc = 0
		}
	}
	sh.out("\r\n")
	return rc, nil
}

// version is that of Windows: of the base image.
func (sh *shell) version() string {
	if v := sh.m.Root().Platform.OSVersion; v != "" {
		return v
	}
	return "10.0.20348.1"
}

func runVer(_ context.Context, sh *shell, args string) (int, error) {
	if strings.Contains(args, "/") {
		return sh.syntax()
	}
	sh.out("\r\nMicrosoft Windows [Version %s]\r\n", sh.version())
	return 0, nil
}

func runVerify(_ context.Context, sh *shell, args string) (int, error) {
	switch strings.ToLower(strings.Trim(args, " \t,;=")) {
	case "":
		state := "off"
		if sh.verify {
			state = "on"
		}
		sh.out("VERIFY is %s.\r\n", state)
	case "on":
		sh.verify = true
	case "off":
		sh.verify = false
	default:
		sh.errout("Must specify ON or OFF.\r\n")
		return 1, nil
	}
	return 0, nil
}

func runVol(_ context.Context, sh *shell, args string) (int, error) {
	switch arg := strings.ToLower(strings.Trim(args, " \t,;=")); {
	case arg == "", arg == "c:":
		sh.out(" Volume in drive C has no label.\r\n Volume Serial Number is " + machine.VolumeSerial + "\r\n")
		return 0, nil
	case len(arg) == 2 && driveLetter(arg) != 0:
		sh.system(machine.ErrorPathNotFound)
	default:
		sh.errout(syntaxIncorrect)
	}
	return 1, nil
}

// Date and time can be shown and not be set.

func runDate(_ context.Context, sh *shell, args string) (int, error) {
	return sh.clock(args, longDate(sh.m.Now())+" ",
		"The current date is: "+longDate(sh.m.Now())+" \r\nEnter the new date: (mm-dd-yy) ")
}

func runTime(_ context.Context, sh *shell, args string) (int, error) {
	return sh.clock(args, shortTime(sh.m.Now()),
		"The current time is: "+preciseTime(sh.m.Now())+"\r\nEnter the new time: ")
}

func (sh *shell) clock(args, shown, question string) (int, error) {
	args = strings.ToLower(strings.Trim(args, " \t,;="))
	switch {
	case strings.HasPrefix(args, "/t"):
		sh.out("%s\r\n", shown)
		return 0, nil
	case args == "":
		sh.out("%s", question)
		line, _, err := sh.readLine()
		sh.out("\r\n")
		if err != nil || strings.TrimSpace(line) == "" {
			return 0, err
		}
		args = line
	}
	if !strings.ContainsAny(args, "0123456789") {
		what := "date"
		if strings.Contains(question, "time") {
			what = "time"
		}
		sh.errout("The system cannot accept the %s entered.\r\n", what)
		return 1, nil
	}
	return 0, refuseClock()
}

func refuseClock() error {
	return machine.Refuse("setting date or time", "the clock of a build is not the image's", "leave it out")
}

func checkDate(_ context.Context, _ *checker, args string) error { return checkClock(args) }
func checkTime(_ context.Context, _ *checker, args string) error { return checkClock(args) }

func checkClock(args string) error {
	args = strings.Trim(args, " \t,;=")
	if strings.HasPrefix(args, "/") || !strings.ContainsAny(args, "0123456789") {
		return nil
	}
	return refuseClock()
}

// runPath is PATH.
func runPath(_ context.Context, sh *shell, args string) (int, error) {
	args = strings.TrimLeft(args, " \t=")
	switch strings.TrimRight(args, " \t") {
	case "":
		v, ok := sh.env.Get("PATH")
		if !ok {
			v = "(null)"
		}
		sh.out("PATH=%s\r\n", v)
	case ";":
		sh.env.Unset("PATH")
	default:
		sh.env.Set("PATH", args)
	}
	return 0, nil
}

// runPrompt is PROMPT.
func runPrompt(_ context.Context, sh *shell, args string) (int, error) {
	if args = strings.TrimLeft(args, " \t,;="); args == "" {
		sh.env.Unset("PROMPT")
	} else {
		sh.env.Set("PROMPT", args)
	}
	return 0, nil
}

// Associations of extensions with types of files, and of those with commands.

func runAssoc(ctx context.Context, sh *shell, args string) (int, error) {
	return sh.association(ctx, strings.Trim(args, " \t,;"), "", 1, "File association not found for extension %s\r\n", checkAssoc)
}

func runFtype(ctx context.Context, sh *shell, args string) (int, error) {
	return sh.association(ctx, strings.Trim(args, " \t,;"), `\shell\open\command`, 2,
		"File type '%s' not found or no open command associated with it.\r\n", checkFtype)
}

// association shows one entry of HKCR or all of them.
func (sh *shell) association(ctx context.Context, name, below string, missing int, message string, check func(context.Context, *checker, string) error) (int, error) {
	if err := check(ctx, nil, name); err != nil {
		return 0, err
	}
	names := []string{name}
	if name == "" {
		var err error
		if names, err = sh.m.Registry().Subkeys(ctx, "HKCR"); err != nil {
			return 0, err
		}
	}
	for _, n := range names {
		if name == "" && strings.HasPrefix(n, ".") == (below != "") {
			continue
		}
		v, err := sh.m.Registry().Value(ctx, `HKCR\`+n+below, "")
		switch {
		case err == nil && v.String() != "":
			sh.out("%s=%s\r\n", n, v.String())
		case err != nil && !errors.Is(err, fs.ErrNotExist):
			return 0, err
		case name != "":
			sh.errout(message, n)
			return missing, nil
		}
	}
	return 0, nil
}

func checkAssoc(_ context.Context, _ *checker, args string) error {
	return refuseAssociation("assoc", args)
}
func checkFtype(_ context.Context, _ *checker, args string) error {
	return refuseAssociation("ftype", args)
}

func refuseAssociation(command, args string) error {
	if !strings.Contains(args, "=") {
		return nil
	}
	return machine.Refuse(fmt.Sprintf("%s %s", command, strings.TrimSpace(args)), "associations of files are for people who double-click them",
		"write them with reg add under HKLM\\SOFTWARE\\Classes if a program reads them")
}
