package ps

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"

	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/run/winsh/pslang"
)

// host is powershell.exe or pwsh.exe as a program of the machine.
type host struct {
	engine  *Engine
	edition Edition
}

// launch is what a command line asks for.
type launch struct {
	command string
	// hasCommand tells an empty -Command from none.
	hasCommand bool
	file       string
	fileArgs   []string
	encoded    bool
	noProfile  bool
	dir        string
	version    bool
	// policy is the execution policy that is asked for.
	policy string
	// err is a mistake on the command line.
	err string
	// refuse is set for what cannot be done.
	refuse error
}

// parameters of both programs: name, shortest prefix, number of arguments.
type hostParam struct {
	name, min string
	value     bool
}

// params are in the order in which the programs try them.
func (h *host) params() []hostParam {
	list := []hostParam{
		{"help", "h", false}, {"?", "?", false}, {"noexit", "noe", false}, {"noprofile", "nop", false}, {"nologo", "nol", false},
		{"noninteractive", "noni", false}, {"socketservermode", "so", false}, {"servermode", "s", false}, {"namedpipeservermode", "nam", false},
		{"configurationname", "config", true}, {"command", "c", true}, {"windowstyle", "w", true}, {"file", "f", true},
		{"outputformat", "o", true}, {"of", "o", true}, {"executionpolicy", "ex", true}, {"ep", "ep", true},
		{"encodedcommand", "e", true}, {"ec", "e", true}, {"encodedarguments", "encodeda", true}, {"ea", "ea", true}, {"mta", "mta", false},
	}
	if h.edition == Core {
		return append(list, hostParam{"version", "v", false}, hostParam{"login", "l", false}, hostParam{"interactive", "i", false}, hostParam{"workingdirectory", "wo", true},
			hostParam{"wd", "wd", true}, hostParam{"noprofileloadtime", "noprofileloadtime", false}, hostParam{"settingsfile", "settings", true}, hostParam{"custompipename", "cus", true},
			hostParam{"commandwithargs", "commandwithargs", true}, hostParam{"cwa", "cwa", true}, hostParam{"inputformat", "inp", true}, hostParam{"if", "if", true}, hostParam{"sta", "sta", false})
	}
	return append(list, hostParam{"version", "v", true}, hostParam{"psconsolefile", "psc", true}, hostParam{"importsystemmodules", "imp", false},
		hostParam{"inputformat", "i", true}, hostParam{"if", "i", true}, hostParam{"sta", "s", false})
}

// parse reads the arguments behind the program's name.
func (h *host) parse(args []string) launch {
	var l launch
	for i := 0; i < len(args); i++ {
		key := strings.TrimSpace(args[i])
		if key == "" {
			continue
		}
		if key[0] != '-' && key[0] != '/' {
			h.positional(&l, args[i:])
			return l
		}
		name := key[1:]
		if key[0] == '-' && strings.HasPrefix(name, "-") {
			name = name[1:]
		}
		p := h.match(strings.ToLower(name))
		if p == nil {
			h.positional(&l, args[i:])
			return l
		}
		arg := ""
		if p.value {
			if i++; i >= len(args) {
				l.err = missingArgument(p.name)
				return l
			}
			arg = args[i]
		}
		if done := h.apply(&l, p.name, arg, args[i:]); done {
			return l
		}
	}
	return l
}

func missingArgument(name string) string {
	switch name {
	case "command", "encodedcommand", "ec":
		return "Cannot process the command because of a missing parameter. A command must follow -Command."
	case "file":
		return "The command cannot be run because the File parameter requires a file path. Supply a path for the File parameter and then try the command again."
	case "executionpolicy", "ep":
		return "Cannot process the execution policy because of a missing policy name. A policy name must follow -ExecutionPolicy."
	}
	return "Cannot process the command because -" + name + " requires an argument."
}

func (h *host) match(name string) *hostParam {
	for _, p := range h.params() {
		if strings.HasPrefix(p.name, name) && len(name) >= len(p.min) {
			return &p
		}
	}
	return nil
}

// positional is an argument without a name, or one that is unknown: a command
// for 5.1, a file for 7.
func (h *host) positional(l *launch, args []string) {
	if h.edition == Desktop {
		h.command(l, strings.Join(args, " "))
		return
	}
	l.file, l.fileArgs = args[0], args[1:]
}

// command takes over a command, of which there can only be one.
func (h *host) command(l *launch, text string) {
	if l.hasCommand {
		l.err = "Cannot process command because a command is already specified with -Command or -EncodedCommand."
		if h.edition == Core {
			l.err = "Cannot process command because a command is already specified with -Command, -CommandWithArgs, or -EncodedCommand."
		}
	}
	l.command, l.hasCommand = text, true
}

// apply takes over a parameter; done says that nothing may follow.
func (h *host) apply(l *launch, name, arg string, rest []string) (done bool) {
	switch name {
	case "command":
		h.command(l, strings.Join(rest, " "))
		return true
	case "file":
		l.file, l.fileArgs = arg, rest[1:]
		return true
	case "encodedcommand", "ec":
		text, err := decodeCommand(arg)
		if err != nil {
			l.err = "Cannot process the command because the value specified with -EncodedCommand is not properly encoded. The value must be Base64 encoded."
			return true
		}
		h.command(l, text)
		l.encoded = true
		return l.err != ""
	case "noprofile":
		l.noProfile = true
	case "executionpolicy", "ep":
		if l.policy = policyName(arg); l.policy == "Restricted" || l.policy == "AllSigned" {
			l.refuse = machine.Refuse("-ExecutionPolicy "+arg, "scripts would not run, and signatures are not checked", "use -ExecutionPolicy Bypass")
		}
	case "workingdirectory", "wd":
		l.dir = arg
	case "version":
		l.version = h.edition == Core
		if h.edition == Desktop && strings.HasPrefix(arg, "2") {
			l.refuse = machine.Refuse("powershell -Version "+arg, "only version 5.1 is there", "leave the parameter out")
		}
		return l.version
	case "outputformat", "of":
		if !strings.EqualFold(arg, "text") {
			l.refuse = machine.Refuse("-OutputFormat "+arg, "PowerShell writes text only", "use -OutputFormat Text")
		}
	case "inputformat", "if":
		if f := strings.ToLower(arg); f != "text" && f != "none" {
			l.refuse = machine.Refuse("-InputFormat "+arg, "PowerShell reads text only", "use -InputFormat Text")
		}
	case "noexit":
		l.refuse = machine.Refuse("-NoExit", "PowerShell would wait for more commands", "leave the parameter out")
	case "nologo", "noninteractive", "sta", "mta", "windowstyle", "login", "interactive", "noprofileloadtime":
	default:
		l.refuse = machine.Refuse("powershell -"+name, "this parameter is not supported", "leave the parameter out")
	}
	return false
}

// policyName is an execution policy as PowerShell understands its name; what it
// does not know is Restricted.
func policyName(arg string) string {
	for _, name := range []string{"Bypass", "Unrestricted", "RemoteSigned", "AllSigned", "Undefined"} {
		if strings.EqualFold(arg, name) {
			return name
		}
	}
	return "Restricted"
}

func decodeCommand(text string) (string, error) {
	data, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return "", err
	}
	if len(data)%2 != 0 {
		return "", errors.New("odd length")
	}
	units := make([]uint16, len(data)/2)
	for i := range units {
		units[i] = binary.LittleEndian.Uint16(data[2*i:])
	}
	return Text(units), nil
}

// stdinRefused is the refusal of commands from standard input.
func (h *host) stdinRefused() error {
	return machine.Refuse("commands from standard input", "PowerShell would read its commands one by one", "give them with -Command or in a script")
}

// Run implements [machine.Program].
func (h *host) Run(ctx context.Context, p *machine.Process) (int, error) {
	l := h.parse(p.Args[min(1, len(p.Args)):])
	s := h.session(p)
	switch {
	case l.refuse != nil:
		return 0, l.refuse
	case l.version:
		return 0, s.HostWrite("PowerShell " + s.versionText() + "\r\n")
	case l.err != "":
		return h.usage(ctx, s, l.err)
	case l.file == "-" || l.command == "-" || !l.hasCommand && l.file == "":
		return 0, h.stdinRefused()
	}
	switch l.policy {
	case "":
	case "Undefined":
		s.process.Env.Unset("PSExecutionPolicyPreference")
	default:
		s.process.Env.Set("PSExecutionPolicyPreference", l.policy)
	}
	if l.dir != "" {
		path, err := s.Resolve(l.dir)
		if err == nil {
			err = s.SetLocation(path)
		}
		if err != nil {
			return 0, err
		}
	}
	code, err := h.launch(ctx, s, l)
	for _, end := range s.ends {
		if err == nil {
			err = end(ctx)
		}
	}
	if ferr := s.host.flush(ctx); err == nil {
		err = ferr
	}
	return code, err
}

// badUsage is the exit code of a wrong command line.
func (h *host) badUsage() int {
	if h.edition == Core {
		return 64
	}
	return -196608
}

func (h *host) usage(ctx context.Context, s *Session, msg string) (int, error) {
	if err := s.host.write(s.host.err, msg+"\r\n"); err != nil {
		return 0, err
	}
	if h.edition == Desktop {
		return h.badUsage(), s.HostWrite("Windows PowerShell \r\nCopyright (C) Microsoft Corporation. All rights reserved.\r\n\r\n")
	}
	return h.badUsage(), nil
}

// runProfiles runs the profile scripts that the image has. What they fail with
// is shown, and nothing more.
func (h *host) runProfiles(ctx context.Context, s *Session) error {
	for _, path := range s.profiles() {
		if _, err := s.process.Machine.FindKnown(ctx, path, s.process.Env, s.process.Dir, false); err != nil {
			continue
		}
		st, err := s.scriptStage(ctx, path, nil, true)
		if err == nil {
			e := &element{s: s, at: pslang.Extent{}, name: path, stage: st, out: s.host.root, scope: s.global, streams: s.streams, length: 1, place: 1}
			err = s.run(ctx, []*element{e}, nil)
		}
		switch {
		case err == nil || isSignal(err):
		case isControl(err):
			return err
		default:
			if err := s.host.show(ctx, StreamError, s.record(err)); err != nil {
				return err
			}
		}
	}
	s.ok = true
	return nil
}

func (h *host) launch(ctx context.Context, s *Session, l launch) (int, error) {
	if !l.noProfile {
		if err := h.runProfiles(ctx, s); err != nil {
			return 0, err
		}
	}
	if l.file != "" {
		return h.runFile(ctx, s, l)
	}
	b, err := s.Parse(ctx, l.command, "")
	if err != nil {
		return h.exitCode(ctx, s, startError(err), false)
	}
	return h.exitCode(ctx, s, s.runMain(ctx, b), s.ok)
}

// runMain runs the text of -Command in the global scope.
func (s *Session) runMain(ctx context.Context, b *ScriptBlock) error {
	f := &functionStage{block: b, dot: true, script: true}
	e := &element{s: s, at: b.Body.Extent, stage: f, out: s.host.root, scope: s.global, streams: s.streams, length: 1, place: 1}
	return s.runPiped(ctx, e)
}

// runPiped runs what PowerShell was started for. The lines of standard input, if
// it is a pipe or a file, are its input: all of them are there before it ends, and
// $input has them.
func (s *Session) runPiped(ctx context.Context, e *element) error {
	lines, err := s.inputLines()
	if err != nil {
		return err
	}
	s.global.put("input", s.Enumerator(nil))
	e.piped = len(lines) > 0
	if err := e.begin(ctx); err != nil {
		return err
	}
	for _, line := range lines {
		if err := e.accept(ctx, line); err != nil {
			return err
		}
	}
	return e.finish(ctx)
}

// inputLines reads standard input to its end.
func (s *Session) inputLines() ([]string, error) {
	limit := s.process.Machine.Limits().Memory
	b, err := io.ReadAll(io.LimitReader(s.process.Stdin, limit+1))
	if err != nil {
		return nil, fmt.Errorf("reading standard input: %w", err)
	}
	if len(b) == 0 {
		return nil, nil
	}
	if err := s.fits(int64(len(b))); err != nil {
		return nil, err
	}
	text := strings.ReplaceAll(machine.DecodePage(cmp.Or(s.process.CodePage, 437), b), "\r\n", "\n")
	return strings.Split(strings.TrimSuffix(strings.ReplaceAll(text, "\r", "\n"), "\n"), "\n"), nil
}

// exitCode shows an error that nobody caught and returns the exit code.
func (h *host) exitCode(ctx context.Context, s *Session, err error, ok bool) (int, error) {
	var exit exitSignal
	switch {
	case errors.As(err, &exit):
		return exit.code, nil
	case err == nil || isSignal(err):
		if ok {
			return 0, nil
		}
		return 1, nil
	case isControl(err):
		return 0, err
	}
	r := s.record(err)
	s.place(r)
	if err := s.host.flush(ctx); err != nil {
		return 0, err
	}
	return 1, s.host.show(ctx, StreamError, r)
}

func (h *host) runFile(ctx context.Context, s *Session, l launch) (int, error) {
	name, err := machine.Full(s.process.Dir, strings.ReplaceAll(l.file, "/", `\`))
	if err != nil {
		return h.usage(ctx, s, fileMissing(h.edition, l.file))
	}
	script := strings.EqualFold(extension(name), ".ps1")
	if !script && h.edition == Desktop {
		return h.usage(ctx, s, notScript(h.edition, l.file))
	}
	info, err := s.process.Machine.FS().Stat(ctx, name)
	if err != nil && isControl(err) {
		return 0, err
	}
	if err != nil || info.IsDir() {
		return h.usage(ctx, s, fileMissing(h.edition, l.file))
	}
	if !script {
		return h.usage(ctx, s, notScript(h.edition, l.file))
	}
	st, err := s.scriptStage(ctx, name, fileArguments(h.edition, l.fileArgs), false)
	if err != nil {
		return h.exitCode(ctx, s, startError(err), false)
	}
	// exit ends PowerShell and not only the script.
	f := &st.(*scriptFile).functionStage
	f.dot = true
	e := &element{s: s, at: f.block.Body.Extent, name: name, stage: f, out: s.host.root, scope: s.global, streams: s.streams, length: 1, place: 1}
	return h.exitCode(ctx, s, s.runPiped(ctx, e), true)
}

func fileMissing(ed Edition, name string) string {
	if ed == Core {
		return "The argument '" + name + "' is not recognized as the name of a script file. Check the spelling of the name, or if a path was included, verify that the path is correct and try again."
	}
	return "The argument '" + name + "' to the -File parameter does not exist. Provide the path to an existing '.ps1' file as an argument to the -File parameter."
}

func notScript(ed Edition, name string) string {
	product := map[Edition]string{Desktop: "Windows PowerShell", Core: "PowerShell"}[ed]
	return "Processing -File '" + name + "' failed because the file does not have a '.ps1' extension. Specify a valid " + product + " script file name, and then try again."
}

// fileArguments are the arguments of a script on the command line: -Name and
// -Name:value are parameters, all else are texts. 7 turns $true and true behind
// a colon into booleans.
func fileArguments(ed Edition, args []string) []argument {
	var list []argument
	for i := 0; i < len(args); i++ {
		text := args[i]
		if len(text) < 2 || text[0] != '-' {
			list = append(list, argument{value: text, has: true})
			continue
		}
		name, value, colon := strings.Cut(text[1:], ":")
		if colon && ed == Desktop && strings.ContainsFunc(name, notWord) {
			name, value, colon = text[1:], "", false
		}
		a := argument{param: name, isParam: true, colon: colon}
		switch {
		case colon && value != "":
			a.value, a.has = value, true
			if ed == Core {
				a.value = boolWord(value)
			}
		case colon && i+1 < len(args):
			i++
			a.value, a.has = args[i], true
		}
		list = append(list, a)
	}
	return list
}

// notWord says that a character cannot be in the name of a parameter.
func notWord(r rune) bool { return r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r) }

// boolWord turns $true and true into booleans.
func boolWord(text string) any {
	switch strings.ToLower(strings.TrimPrefix(text, "$")) {
	case "true":
		return true
	case "false":
		return false
	}
	return text
}
