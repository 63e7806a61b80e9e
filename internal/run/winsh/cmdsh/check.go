package cmdsh

import (
	"context"
	"errors"
	"io/fs"
	"strings"
	"unicode/utf8"

	"github.com/casement/casement/internal/run"
	"github.com/casement/casement/internal/run/winsh/machine"
)

// Checking: the statements of a line are gone over without executing them, and
// every command in them is looked up.

// hole stands for what is known only when the line runs: variables of FOR, and
// variables that are set on the way.
const hole = "\x00"

// Check implements [machine.Program]. The error is nil or a *run.RefusedError
// with the place in the text. What Windows itself would not parse or find is not
// an error: cmd says so when it runs.
func (program) Check(ctx context.Context, c *machine.Checking, args []machine.Arg) error {
	line := c.Raw
	if line == "" {
		line = "cmd"
		for _, a := range args {
			line += " " + a.Text
			if a.Unknown {
				line += hole
			}
		}
	}
	o := parseOptions(line)
	k, err := beginChecking(ctx, c, o)
	if err != nil || !o.command && !o.keep { // it reads its commands from standard input
		return err
	}
	text, shift := o.text, 0
	if strings.HasPrefix(text, `"`) {
		if name, ok := quotedProgram(text); !ok || o.strip || !k.mayStart(ctx, name) {
			warnOfQuotes(c, text)
			text, shift = withoutQuotes(text), 1
		}
	}
	return k.text(ctx, text, shift)
}

// beginChecking checks what cmd executes before its command line.
func beginChecking(ctx context.Context, c *machine.Checking, o options) (*checker, error) {
	s, err := startupOf(ctx, c.Machine, c.Env)
	if err != nil {
		return nil, err
	}
	k := newChecker(c)
	if k.delayed = s.delayed; o.delayedGiven {
		k.delayed = o.delayed
	}
	if !o.noAutorun {
		for _, text := range s.autorun {
			k.script = "AutoRun"
			if err := k.text(ctx, text, 0); err != nil {
				return nil, err
			}
			k.script = ""
		}
	}
	return k, nil
}

// warnOfQuotes warns of quotes around a program's name that cmd takes off, with
// the last quote of the line.
func warnOfQuotes(c *machine.Checking, text string) {
	last := strings.LastIndexByte(text, '"')
	if c.Warn == nil || strings.HasPrefix(text, `""`) || last <= 0 || strings.TrimSpace(text[last+1:]) == "" && strings.Count(text, `"`) == 2 {
		return
	}
	c.Warn(1, 1, "cmd takes the first quote and the last one off a line that begins with a quote: what is left is "+withoutQuotes(text),
		"put a pair of quotes around the whole line")
}

// checker goes over statements.
type checker struct {
	c       *machine.Checking
	env     *machine.Env // as far as it is known here
	dir     string
	stack   []string // of PUSHD
	delayed bool
	forVars map[rune]bool
	// maybe counts the conditions and loops around: what is set there is not
	// known afterwards.
	maybe    int
	answered bool   // standard input is a pipe or a file
	script   string // the batch file that is checked
	text0    string
	shift    int
}

func newChecker(c *machine.Checking) *checker {
	return &checker{c: c, env: c.Env.Clone(), dir: c.Dir, forVars: map[rune]bool{}}
}

// text checks a line of the command line. shift is how many characters of the
// caller's text come before it.
func (k *checker) text(ctx context.Context, line string, shift int) error {
	k.text0, k.shift = line, shift
	if i := strings.IndexByte(line, '\n'); i >= 0 {
		line = line[:i]
	}
	if tooLong(line) {
		return nil // cmd says so, and executes nothing
	}
	x := &expander{get: k.lookup, extensions: true}
	expanded, from, err := x.line(ctx, line)
	if err != nil {
		return nil // cmd reports it
	}
	n, err := parseLine(expanded, from, false)
	if err != nil {
		return nil
	}
	return k.node(ctx, n)
}

// lookup returns a variable as far as it is known.
func (k *checker) lookup(name string) (string, bool) {
	if v, ok := k.env.Get(name); ok {
		return v, true
	}
	switch strings.ToUpper(name) {
	case "CD":
		return k.dir, true
	case "ERRORLEVEL", "DATE", "TIME", "RANDOM", "CMDCMDLINE":
		return hole, true
	case "CMDEXTVERSION":
		return "2", true
	case "HIGHESTNUMANODENUMBER":
		return "0", true
	}
	return "", false
}

// piece replaces variables by what is known of them.
func (k *checker) piece(s string) string {
	if len(k.forVars) > 0 && strings.IndexByte(s, '%') >= 0 {
		s = k.holes(s)
	}
	if !k.delayed || strings.IndexByte(s, '!') < 0 {
		return s
	}
	x := &expander{get: k.lookup, extensions: true}
	out, err := x.delayed(s)
	if err != nil {
		return hole
	}
	return out
}

// holes replaces the variables of FOR.
func (k *checker) holes(s string) string {
	vars := &shell{extensions: true, forVars: map[rune]string{}}
	for r := range k.forVars {
		vars.forVars[r] = hole
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		if s[i] == '%' {
			if n := vars.nameAt(s[i+1:]); n > 0 {
				b.WriteString(hole)
				i += 1 + n
				continue
			}
		}
		b.WriteByte(s[i])
		i++
	}
	return b.String()
}

// nameAt returns how long the name of a variable of FOR is, with its modifiers;
// 0 if none stands there.
func (sh *shell) nameAt(s string) int {
	if strings.HasPrefix(s, "~") {
		if end, size := sh.modifiers(s); size > 0 {
			return end + size
		}
	}
	r, size := utf8.DecodeRuneInString(s)
	if _, ok := sh.forVars[r]; ok && s != "" {
		return size
	}
	return 0
}

// node checks any statement.
func (k *checker) node(ctx context.Context, n node) error {
	switch n := n.(type) {
	case *command:
		return k.at(n.place, k.command(ctx, n))
	case *seq:
		for _, item := range n.items {
			if err := k.node(ctx, item); err != nil {
				return err
			}
		}
	case *andThen:
		if err := k.node(ctx, n.left); err != nil {
			return err
		}
		return k.node(ctx, n.right)
	case *orElse:
		if err := k.node(ctx, n.left); err != nil {
			return err
		}
		return k.branch(ctx, n.right)
	case *pipe:
		return k.pipe(ctx, n)
	case *group:
		return k.reading(ctx, n.redirs, n.body)
	case *silent:
		return k.node(ctx, n.body)
	case *ifNode:
		if err := k.branch(ctx, n.then); err != nil {
			return err
		}
		return k.branch(ctx, n.els)
	case *forNode:
		return k.forStatement(ctx, n)
	}
	return nil
}

// at adds the place of a command to a refusal. Where the refusal comes from what
// the command was given, the place of that is looked for.
func (k *checker) at(p place, err error) error {
	var refused *run.RefusedError
	if !errors.As(err, &refused) {
		return err
	}
	if k.script != "" {
		return inFile(err, k.script, max(p.line, 1))
	}
	col := min(p.col, len(k.text0))
	if refused.Line > 0 || refused.Column > 0 {
		if i := strings.Index(k.text0[col:], refused.Construct); i >= 0 && refused.Construct != "" {
			col += i
		}
	}
	placed := *refused
	placed.Line, placed.Column = max(p.line, 1), 1+k.shift+utf8.RuneCountInString(k.text0[:col])
	return &placed
}

// branch checks what may not be executed.
func (k *checker) branch(ctx context.Context, n node) error {
	k.maybe++
	defer func() { k.maybe-- }()
	return k.node(ctx, n)
}

// pipe checks the sides of a pipe, whose variables go with them.
func (k *checker) pipe(ctx context.Context, n *pipe) error {
	env, dir, answered := k.env, k.dir, k.answered
	defer func() { k.env, k.dir, k.answered = env, dir, answered }()
	k.env = env.Clone()
	if err := k.node(ctx, n.left); err != nil {
		return err
	}
	k.env, k.dir, k.answered = env.Clone(), dir, true
	return k.node(ctx, n.right)
}

// reading checks a statement that may have its input from a file.
func (k *checker) reading(ctx context.Context, redirs []redir, n node) error {
	answered := k.answered
	defer func() { k.answered = answered }()
	for _, r := range redirs {
		k.answered = k.answered || r.handle == 0
	}
	return k.node(ctx, n)
}

func (k *checker) forStatement(ctx context.Context, n *forNode) error {
	set := k.piece(n.set)
	if n.file {
		if text, kind := forSource(set, n.fileOptions.useBackq); kind == '\'' {
			sub := *k
			sub.env, sub.forVars, sub.delayed, sub.script = k.env.Clone(), map[rune]bool{}, false, ""
			if strings.HasPrefix(text, `"`) {
				if name, ok := quotedProgram(text); !ok || !sub.mayStart(ctx, name) {
					text = withoutQuotes(text)
				}
			}
			if err := k.at(n.place, sub.text(ctx, text, 0)); err != nil {
				return err
			}
		}
	}
	vars := k.forVars
	defer func() { k.forVars = vars }()
	k.forVars = map[rune]bool{}
	for r := range vars {
		k.forVars[r] = true
	}
	count := 1
	if n.file {
		count = n.fileOptions.count
	}
	for i := range count {
		k.forVars[n.variable+rune(i)] = true
	}
	return k.branch(ctx, n.body)
}

// mayStart reports whether a name can be that of a program.
func (k *checker) mayStart(ctx context.Context, name string) bool {
	_, err := k.c.Machine.FindKnown(ctx, name, k.env, k.dir, true)
	return err == nil || !k.certain()
}

// certain reports whether what is not found is not there.
func (k *checker) certain() bool { return !k.c.TreeUnknown && !k.c.Machine.Blind() }

// command checks a simple command.
func (k *checker) command(ctx context.Context, c *command) error {
	if c.rem {
		return nil
	}
	name, args := k.piece(c.name), k.piece(c.args)
	answered := k.answered
	defer func() { k.answered = answered }()
	for _, r := range c.redirs {
		k.answered = k.answered || r.handle == 0
	}
	return k.words(ctx, name, args, false)
}

// words checks a command whose variables are replaced. called says that CALL
// stands before it.
func (k *checker) words(ctx context.Context, name, args string, called bool) error {
	if strings.Trim(name, " \t,;=") == "" {
		if name, args = cutToken(args); name == "" {
			return nil
		}
	}
	if strings.Contains(name, hole) {
		return nil // looked up when it is known
	}
	// Names that could be files are not looked at: cmd decides when it runs.
	b, rest := builtinOf(name)
	if b == nil {
		if name[0] == ':' || len(name) == 2 && name[1] == ':' {
			if called {
				k.forget()
			}
			return nil
		}
		return k.program(ctx, name, args)
	}
	if asksHelp(b, rest+args) {
		return refuseHelp(b.name)
	}
	if b.check != nil {
		if err := b.check(ctx, k, rest+args); err != nil {
			return err
		}
	}
	return k.effect(ctx, b.name, rest+args)
}

// builtinOf is what resolve decides where no file has the name.
func builtinOf(name string) (*builtin, string) {
	if name == "" || name[0] == '"' {
		return nil, ""
	}
	if b := findBuiltin(name); b != nil {
		return b, ""
	}
	for _, stops := range []string{"+/[] \t,;=", `.\:`} {
		if i := strings.IndexAny(name, stops); i >= 0 {
			if b := findBuiltin(name[:i]); b != nil {
				if stops == `.\:` && isBatch(name) {
					return nil, ""
				}
				return b, name[i:]
			}
		}
	}
	return nil, ""
}

// effect follows what a command changes of variables and directory.
func (k *checker) effect(ctx context.Context, name, args string) error {
	switch name {
	case "set":
		k.set(args)
	case "cd", "chdir":
		k.changeDir(args)
	case "pushd":
		k.stack = append(k.stack, k.dir)
		k.changeDir(args)
	case "popd":
		if n := len(k.stack); n > 0 {
			k.dir, k.stack = k.stack[n-1], k.stack[:n-1]
		}
	case "path":
		k.env.Set("PATH", k.known(strings.TrimLeft(args, " \t=")))
	case "call":
		x := &expander{get: k.lookup, extensions: true}
		line, _, err := x.line(ctx, strings.ReplaceAll(args, "^", "^^"))
		if err != nil {
			return nil
		}
		token, rest := cutToken(line)
		if token == "" || token[0] == '(' || token[0] == '@' {
			return nil
		}
		return k.words(ctx, token, rest, true)
	}
	return nil
}

// changeDir follows CD where it leads to a place that is known.
func (k *checker) changeDir(args string) {
	path := strings.TrimSpace(unquote(args))
	if len(path) >= 2 && strings.EqualFold(path[:2], "/d") {
		path = strings.TrimSpace(path[2:])
	}
	full, err := machine.Full(k.dir, orDot(path))
	if err == nil && !strings.Contains(path, hole) && k.maybe == 0 && !machine.HasWildcard(path) {
		k.dir = trimSlash(full)
	}
}

// known returns a value, or a hole for one that may not have been set.
func (k *checker) known(value string) string {
	if k.maybe > 0 {
		return hole
	}
	return value
}

// set follows SET.
func (k *checker) set(args string) {
	text := strings.TrimLeft(args, " \t,;")
	computed := false
	if len(text) >= 2 && text[0] == '/' {
		computed = true
		text = strings.TrimLeft(text[2:], " \t,;")
	}
	text = setQuotes(text)
	name, value, ok := strings.Cut(text, "=")
	switch {
	case !ok || name == "" || strings.Contains(name, hole):
	case computed:
		// SET /A may assign several; all names in it are unknown then.
		for _, part := range strings.FieldsFunc(text, func(r rune) bool { return r < 0x80 && (operatorByte(byte(r)) || r == ' ') }) {
			if !isDigit(part[0]) {
				k.env.Set(part, hole)
			}
		}
	case value == "" && k.maybe == 0:
		k.env.Unset(name)
	default:
		k.env.Set(name, k.known(value))
	}
}

// forget drops what is known of variables: a batch file may have changed them.
func (k *checker) forget() {
	for _, v := range k.env.List() {
		if name, _, ok := strings.Cut(v, "="); ok && !strings.EqualFold(name, "PATHEXT") && !strings.EqualFold(name, "PATH") {
			k.env.Set(name, hole)
		}
	}
}

// program checks a program or batch file by the token that names it.
func (k *checker) program(ctx context.Context, token, args string) error {
	name, rest := token, args
	if !strings.HasPrefix(token, `"`) && driveLetter(token) == 0 {
		if i := strings.IndexByte(token, '/'); i > 0 {
			name, rest = token[:i], " "+token[i:]+args
		}
	}
	file := unquote(name)
	found, err := k.c.Machine.FindKnown(ctx, file, k.env, k.dir, true)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return k.missing(ctx, file)
	case machine.CodeOf(err) != 0:
		return nil // cmd reports it
	case err != nil:
		return err
	case found.Program == nil && isBatch(found.Path):
		err := k.batch(ctx, found.Path, name, rest)
		k.forget()
		return err
	}
	return k.c.Machine.CheckStart(ctx, found, k.child(name+rest), k.arguments(name+rest))
}

// missing decides about a program that is not known: a script may be brought by
// a layer that has not been read, or be made by a command before this one. What
// is well known to be a program is refused. Any other name is refused where a
// layer may have it; where none can, cmd says that there is none.
func (k *checker) missing(ctx context.Context, file string) error {
	certain := k.certain()
	if machine.IsPowerShellScript(file) && !certain && !strings.Contains(file, hole) {
		return machine.RefuseScript(file)
	}
	if strings.Contains(file, hole) || machine.MayBeScript(file) || certain && !machine.Foreign(file) {
		return nil
	}
	if !strings.ContainsAny(file, `\/`) {
		return machine.RefuseUnknown(file)
	}
	full, err := machine.Full(k.dir, file)
	if err != nil {
		return nil // cmd reports it
	}
	return k.c.Machine.CheckStart(ctx, machine.Found{Path: full}, k.child(file), nil)
}

// child is what a program is checked with.
func (k *checker) child(commandLine string) *machine.Checking {
	c := k.c.Child(commandLine)
	c.Env, c.Dir = k.env.Clone(), k.dir
	for _, v := range c.Env.List() {
		if name, value, ok := strings.Cut(v, "="); ok && strings.Contains(value, hole) {
			c.Env.Unset(name)
		}
	}
	if strings.Contains(commandLine, hole) {
		c.Raw = ""
	}
	return c
}

// arguments are those of a command line, as far as they are known.
func (k *checker) arguments(commandLine string) []machine.Arg {
	var args []machine.Arg
	words := machine.SplitCommandLine(commandLine)
	for _, w := range words[min(1, len(words)):] {
		before, _, unknown := strings.Cut(w, hole)
		args = append(args, machine.Arg{Text: before, Unknown: unknown})
	}
	return args
}

// batch checks what a batch file certainly does: its commands up to the first
// label, jump or condition. The rest is checked as it is reached.
func (k *checker) batch(ctx context.Context, path, name, args string) error {
	if k.c.Depth > 20 || k.script != "" {
		return nil
	}
	data, err := k.c.Machine.FS().ReadFile(ctx, path, maxScript)
	if err != nil {
		_, err = win(err)
		return err
	}
	s := &script{path: path, data: data}
	f := newFrame(s, name, args)
	sub := newChecker(k.child(name + args))
	sub.env, sub.script = k.env.Clone(), path
	sh := &shell{m: k.c.Machine, fs: k.c.Machine.FS(), env: sub.env, dir: k.dir, extensions: true, batch: f, forVars: map[rune]string{}}
	x := sh.expander()
	x.get = sub.lookup
	p := &parser{next: func() (string, origin, bool, error) { return sh.next(ctx, x, f) }}
	for {
		n, ok, err := p.statement()
		if err != nil || !ok || !straight(n) {
			return nil
		}
		if err := sub.node(ctx, n); err != nil {
			return err
		}
	}
}

// straight reports whether a statement of a batch file is certainly executed,
// and the next one after it.
func straight(n node) bool {
	switch n := n.(type) {
	case nil:
		return true
	case *silent:
		return straight(n.body)
	case *command:
		b, _ := builtinOf(n.name)
		return b == nil || b.name != "goto" && b.name != "exit" && b.name != "call"
	}
	return false
}
