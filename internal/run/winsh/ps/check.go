package ps

import (
	"context"
	"errors"
	"io/fs"
	"strings"

	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/run/winsh/pslang"
)

// checker looks up everything that a text uses before any of it runs.
type checker struct {
	ctx context.Context
	e   *Engine
	ed  Edition
	c   *machine.Checking
	// s is the session that runs, for texts that become known late.
	s *Session
	*definitions
	depth int
	pure  *Session
	// thrown is the last throw statement that was met.
	thrown pslang.Extent
}

// definitions are what a text defines anywhere in it.
type definitions struct {
	// funcs and aliases are commands, added are members of objects; assigned
	// counts assignments to variables, whose values may be constant; envSet are
	// the variables of the environment that change; scripts and texts (of
	// Invoke-Expression) have been looked at.
	funcs    map[string]bool
	aliases  map[string]string
	added    map[string]bool
	consts   map[string]any
	assigned map[string]int
	values   map[string]pslang.Expression
	envSet   map[string]bool
	scripts  map[string]bool
	texts    map[string]bool
	// open says that a text which is not known yet runs in this scope and may
	// define more: names that nobody knows are then looked up when they run.
	open bool
}

func (d *definitions) init() {
	if d.funcs == nil {
		*d = definitions{
			funcs: map[string]bool{}, aliases: map[string]string{}, added: map[string]bool{}, consts: map[string]any{},
			assigned: map[string]int{}, values: map[string]pslang.Expression{}, envSet: map[string]bool{}, scripts: map[string]bool{},
		}
	}
}

// checkLate checks a text that became known while the session runs.
func (s *Session) checkLate(ctx context.Context, b *pslang.ScriptBlock) error {
	c := &machine.Checking{Machine: s.process.Machine, Env: s.process.Env, Dir: s.Dir(), Depth: s.process.Depth}
	k := newChecker(ctx, s.engine, s.edition, c)
	k.s = s
	return k.text(b)
}

func newChecker(ctx context.Context, e *Engine, ed Edition, c *machine.Checking) *checker {
	return &checker{ctx: ctx, e: e, ed: ed, c: c, definitions: &definitions{}}
}

// Check implements [machine.Program].
func (h *host) Check(ctx context.Context, c *machine.Checking, args []machine.Arg) error {
	list := make([]string, len(args))
	for i, a := range args {
		if a.Unknown {
			return nil // it is checked again when the arguments are known
		}
		list[i] = a.Text
	}
	l := h.parse(list)
	switch {
	case l.refuse != nil:
		return l.refuse
	case l.err != "" || l.version:
		return nil
	case l.file == "-" || l.command == "-" || !l.hasCommand && l.file == "":
		return h.stdinRefused()
	case c.Depth > 20:
		return machine.Refuse("powershell", "shells are nested too deeply", "call the inner command directly")
	}
	k := newChecker(ctx, h.engine, h.edition, c)
	if !l.noProfile && !c.TreeUnknown {
		for _, path := range k.pureSession().profiles() {
			if _, err := c.Machine.FindKnown(ctx, path, c.Env, c.Dir, false); err == nil {
				if err := k.script(path, pslang.Extent{}); err != nil {
					return err
				}
			}
		}
	}
	if l.file != "" {
		full, err := machine.Full(c.Dir, strings.ReplaceAll(l.file, "/", `\`))
		if err != nil {
			return nil
		}
		return k.script(full, pslang.Extent{})
	}
	b, err := pslang.Parse(l.command, pslang.Options{Core: h.edition == Core})
	if err != nil {
		return nil // Windows reports it at run time
	}
	return k.text(b)
}

// script checks a script file, if it is there already and can be read.
func (k *checker) script(path string, at pslang.Extent) error {
	k.init()
	key := strings.ToLower(path)
	if k.scripts[key] || k.c.TreeUnknown || k.depth > 10 {
		return nil
	}
	k.scripts[key] = true
	m := k.c.Machine
	ok, err := m.FS().Exists(k.ctx, path)
	if err != nil || !ok {
		return nil
	}
	data, err := m.FS().ReadFile(k.ctx, path, m.Limits().Memory)
	if err != nil {
		return nil
	}
	text := decodeScript(data, k.ed)
	b, err := pslang.Parse(text, pslang.Options{Core: k.ed == Core, Name: path})
	if err != nil {
		return nil
	}
	inner := newChecker(k.ctx, k.e, k.ed, k.c)
	inner.init()
	inner.scripts, inner.depth, inner.s = k.scripts, k.depth+1, k.s
	inner.collect(b)
	for f := range k.funcs {
		inner.funcs[f] = true
	}
	err = inner.walk(b)
	if err != nil && at.Source != nil {
		return placed(err, at)
	}
	// What a script defines may be used by whoever dots it.
	for f := range inner.funcs {
		k.funcs[f] = true
	}
	return err
}

// text checks a whole text.
func (k *checker) text(b *pslang.ScriptBlock) error {
	k.collect(b)
	return k.walk(b)
}

// collect finds what the text defines.
func (k *checker) collect(b *pslang.ScriptBlock) {
	k.init()
	pslang.Walk(b, func(n pslang.Node) bool {
		switch x := n.(type) {
		case *pslang.Function:
			k.funcs[scopedName(strings.ToLower(x.Name))] = true
		case *pslang.Assignment:
			k.assign(x)
		case *pslang.ForEach:
			k.assigned[x.Var.Key] += 2
		case *pslang.ParamDecl:
			k.assigned[x.Name.Key] += 2
		case *pslang.Unary:
			if v, ok := x.X.(*pslang.Variable); ok && x.Op >= pslang.OpPreInc && x.Op <= pslang.OpPostDec {
				k.assigned[v.Key] += 2
			}
		case *pslang.Command:
			k.definition(x)
		case *pslang.Hashtable:
			for _, p := range x.Pairs {
				if s, ok := p.Key.(*pslang.String); ok {
					k.added[strings.ToLower(s.Value)] = true
				}
			}
		}
		return true
	})
}

// assign notes an assignment. The value of a variable that is assigned once may
// be known.
func (k *checker) assign(x *pslang.Assignment) {
	target := x.Target
	for {
		switch t := target.(type) {
		case *pslang.Cast:
			target = t.X
			continue
		case *pslang.Attributed:
			target = t.X
			continue
		case *pslang.List:
			for _, item := range t.Items {
				if v, ok := item.(*pslang.Variable); ok {
					k.assigned[v.Key] += 2
				}
			}
		case *pslang.Variable:
			switch {
			case t.Scope == pslang.ScopeDrive && t.Drive == "env":
				k.envSet[t.Key] = true
			case t.Scope == pslang.ScopeDrive && t.Drive == "function":
				k.funcs[scopedName(t.Key)] = true
			case x.Op != pslang.OpNone:
				k.assigned[t.Key] += 2
			default:
				k.assigned[t.Key]++
				if e, ok := x.Value.(*pslang.ExpressionStatement); ok && target == x.Target {
					k.values[t.Key] = e.X
				} else if p, ok := x.Value.(*pslang.Pipeline); ok && target == x.Target {
					k.values[t.Key] = &pslang.Paren{Extent: p.Extent, X: p}
				}
			}
		}
		return
	}
}

// opens reports whether a command runs a text in the caller's scope that cannot
// be looked at now: a script that is not there yet, text for Invoke-Expression.
func (k *checker) opens(n *pslang.Command) bool {
	if _, block := n.Name.(*pslang.ScriptBlockExpression); block {
		return false
	}
	name, _ := n.Name.(*pslang.String)
	if n.Call == pslang.CallDot {
		if name == nil {
			return true
		}
		_, err := k.find(name.Value)
		return err != nil
	}
	if name == nil || !strings.EqualFold(name.Value, "iex") && !strings.EqualFold(name.Value, "Invoke-Expression") {
		return false
	}
	for _, a := range n.Args {
		if _, text := a.(*pslang.String); text {
			return false
		}
	}
	return true
}

// definition notes aliases and members that commands define.
func (k *checker) definition(n *pslang.Command) {
	k.open = k.open || k.opens(n)
	name, ok := n.Name.(*pslang.String)
	if !ok {
		return
	}
	var words []string
	named, last := map[string]string{}, ""
	for _, a := range n.Args {
		switch x := a.(type) {
		case *pslang.Parameter:
			last = strings.ToLower(x.Name)
			continue
		case *pslang.String:
			words = append(words, x.Value)
			named[last] = x.Value
		}
		last = ""
	}
	switch strings.ToLower(name.Value) {
	case "set-alias", "new-alias", "sal", "nal":
		if value := named["value"]; value != "" && named["name"] != "" {
			k.aliases[strings.ToLower(named["name"])] = value
		} else if len(words) >= 2 {
			k.aliases[strings.ToLower(words[0])] = words[1]
		}
	case "add-member", "select-object", "select", "new-itemproperty", "new-item", "ni", "set-item", "si":
		for _, w := range words {
			k.added[strings.ToLower(w)] = true
			if f, ok := strings.CutPrefix(strings.ToLower(w), `function:`); ok {
				k.funcs[scopedName(strings.TrimLeft(f, `\/`))] = true
			}
		}
	}
}

// walk looks up every node.
func (k *checker) walk(root pslang.Node) (err error) {
	pslang.Walk(root, func(n pslang.Node) bool {
		if err != nil {
			return false
		}
		err = k.node(n)
		_, isAttribute := n.(*pslang.Attribute)
		return err == nil && !isAttribute
	})
	return err
}

func (k *checker) node(n pslang.Node) error {
	switch x := n.(type) {
	case *pslang.Command:
		return k.command(x)
	case *pslang.Type:
		return k.typeName(x.Name)
	case *pslang.TypeName:
		return k.typeName(x)
	case *pslang.Invoke:
		return k.method(x)
	case *pslang.Member:
		if x.Static {
			return k.static(x)
		}
	case *pslang.Throw:
		k.thrown = x.Extent
	case *pslang.Unsupported:
		return refuseNode(x)
	case *pslang.ScriptBlock:
		return k.block(x)
	case *pslang.Pipeline:
		if x.Background {
			return refuseAt(x.Extent, "&", "there are no background jobs", "run the command in the foreground")
		}
	case *pslang.ForEach:
		if x.Parallel {
			return refuseAt(x.Extent, "foreach -parallel", "workflows are not supported", "use foreach")
		}
	case *pslang.Using:
		return k.using(x)
	case *pslang.Attribute:
		return k.attribute(x)
	case *pslang.Variable:
		return k.variable(x)
	}
	return nil
}

func (k *checker) block(x *pslang.ScriptBlock) error {
	if x.Dynamic != nil {
		return refuseAt(x.Dynamic.Extent, "dynamicparam", "dynamic parameters are not supported", "declare the parameter in the param block")
	}
	if x.Clean != nil {
		return refuseAt(x.Clean.Extent, "clean", "clean blocks are not supported", "use try and finally in the end block")
	}
	for _, r := range x.Requires {
		if strings.Contains(strings.ToLower(r.Args), "-modules") || strings.Contains(strings.ToLower(r.Args), "-pssnapin") {
			return refuseAt(r.Extent, "#requires "+r.Args, "there are no modules", "leave the line out")
		}
	}
	return nil
}

func (k *checker) using(x *pslang.Using) error {
	switch x.Kind {
	case "namespace":
		if k.s == nil {
			k.pureSession().using = append(k.pureSession().using, x.Name)
		}
		return nil
	case "assembly":
		if k.e.Assembly(x.Name) != "" {
			return nil
		}
	}
	return refuseAt(x.Extent, "using "+x.Kind+" "+x.Name, "modules and assemblies cannot be loaded", "use what casement knows")
}

func (k *checker) attribute(a *pslang.Attribute) error {
	switch attributeName(a) {
	case "cmdletbinding", "parameter", "alias", "allownull", "allowemptystring", "allowemptycollection", "validatenotnull", "validatenotnullorempty",
		"validatenotnullorwhitespace", "validateset", "validaterange", "validatepattern", "validatelength", "validatecount", "validatescript",
		"psdefaultvalue", "argumentcompleter", "argumentcompletions", "supportswildcards", "suppressmessage", "pstypename", "obsolete", "outputtype", "dontshow":
		return nil
	}
	return refuseAt(a.Extent, "["+a.Type.Name+"]", "this attribute is not supported", "check the value in the body")
}

func (k *checker) variable(x *pslang.Variable) error {
	if x.Scope == pslang.ScopeUsing || x.Scope == pslang.ScopeWorkflow {
		return refuseAt(x.Extent, "$"+x.At().Text(), "there are no remote sessions, jobs and workflows", "use the variable itself")
	}
	return nil
}

// command looks up a command, its parameters and what its cmdlet says of the
// arguments.
func (k *checker) command(n *pslang.Command) error {
	if _, isBlock := n.Name.(*pslang.ScriptBlockExpression); isBlock {
		return nil
	}
	v, ok := k.constant(n.Name)
	name, isText := v.(string)
	if !ok || !isText || name == "" {
		return nil // it is checked when it is known
	}
	return k.named(n, name, 0)
}

func (k *checker) named(n *pslang.Command, name string, hops int) error {
	key := strings.ToLower(name)
	if k.funcs[scopedName(key)] || k.s != nil && k.s.function(scopedName(key)) != nil {
		return nil
	}
	if t := k.alias(key); t != "" && hops < 10 && !strings.EqualFold(t, name) {
		return k.named(n, t, hops+1)
	}
	if i := strings.LastIndexByte(key, '\\'); i > 0 && !strings.ContainsAny(key[:i], `:/\`) {
		if c := k.e.Cmdlet(key[i+1:], k.ed); c != nil && strings.EqualFold(c.Module, name[:i]) {
			return k.cmdlet(n, c)
		}
	}
	if c := k.e.Cmdlet(key, k.ed); c != nil {
		return k.cmdlet(n, c)
	}
	if reason, way, ok := k.e.refusal(key); ok {
		return refuseAt(n.Name.At(), name, reason, way)
	}
	return k.program(n, name)
}

func (k *checker) alias(key string) string {
	if t := k.aliases[key]; t != "" {
		return t
	}
	if k.s != nil {
		return k.s.alias(key)
	}
	return k.e.Alias(key, k.ed)
}

// isCommand reports whether there is a function, an alias or a cmdlet of a name,
// or one that is refused.
func (k *checker) isCommand(key string) bool {
	if k.funcs[key] || k.s != nil && k.s.function(key) != nil || k.alias(key) != "" || k.e.Cmdlet(key, k.ed) != nil {
		return true
	}
	_, _, refused := k.e.refusal(key)
	return refused
}

// program checks a script or program.
func (k *checker) program(n *pslang.Command, name string) error {
	found, err := k.find(name)
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) && machine.CodeOf(err) == 0 {
			return placed(err, n.Name.At())
		}
		if get, noun := impliedName(name); noun && k.isCommand(strings.ToLower(get)) {
			return k.named(n, get, 0)
		}
		return placed(k.absent(n, name), n.Name.At())
	}
	if found.Program == nil && strings.EqualFold(extension(found.Path), ".ps1") {
		return k.script(found.Path, n.Name.At())
	}
	if list, ok := k.blockArgs(n); ok && hasArgs(list) {
		return refuseObjects(n.Extent, name)
	}
	args, raw := k.nativeArgs(n, found)
	if ext := strings.ToLower(extension(found.Path)); found.Program == nil && (ext == ".cmd" || ext == ".bat") {
		if found, err = k.c.Machine.Find(k.ctx, cmdPath, k.c.Env, k.c.Dir, false); err != nil {
			return err
		}
		if raw != "" {
			raw = throughCmd(raw)
		}
		args = append([]machine.Arg{{Text: "/c"}, {Text: name}}, args...)
	}
	c := k.c.Child(raw)
	c.Warn = k.warning(n.Extent)
	return placed(k.c.Machine.CheckStart(k.ctx, found, c, args), n.Name.At())
}

// absent decides about a script or program that is not there now. A script may
// be written before it is called, or lie in what has not been read; a path to
// anything else is for whoever runs the programs of images.
func (k *checker) absent(n *pslang.Command, name string) error {
	path, ext := isPathLike(name), strings.ToLower(extension(name))
	script := ext == ".ps1" || ext == ".cmd" || ext == ".bat"
	unread := k.c.TreeUnknown || k.c.Machine.Blind() && k.s == nil
	switch {
	case strings.Contains(name, "://"):
		return nil // PowerShell reports it: no file has such a name
	case k.thrown.Source == n.Source && k.thrown.Start <= n.Start && n.End <= k.thrown.End && !path:
		// A text that has lost its quotes. Nothing follows a throw, so that there
		// is time to refuse it when it is reached.
		return nil
	case machine.MayBeScript(name) && (unread || path && (script || ext == "")):
		return nil
	case path && (unread || ext == ".exe" && !machine.Foreign(name)):
		full, err := machine.Full(k.c.Dir, strings.ReplaceAll(name, "/", `\`))
		if err != nil {
			return nil // PowerShell reports it
		}
		return k.c.Machine.CheckStart(k.ctx, machine.Found{Path: full}, k.c, nil)
	case machine.Foreign(name):
		return machine.RefuseUnknown(name)
	}
	if k.open && !path && ext == "" {
		return nil
	}
	return refuseUnknown(n.Name.At(), name)
}

func (k *checker) warning(at pslang.Extent) func(line, column int, message, hint string) {
	if k.c.Warn == nil {
		return nil
	}
	from := at.From()
	return func(_, _ int, message, hint string) { k.c.Warn(from.Line, from.Column, message, hint) }
}

func (k *checker) find(name string) (machine.Found, error) {
	target := name
	if isPathLike(name) {
		full, err := machine.Full(k.c.Dir, strings.ReplaceAll(name, "/", `\`))
		if err != nil {
			return machine.Found{}, err
		}
		target = full
	}
	if extension(target) == "" {
		if found, err := k.c.Machine.FindKnown(k.ctx, target+".ps1", k.c.Env, k.c.Dir, false); err == nil {
			return found, nil
		}
	}
	return k.c.Machine.FindKnown(k.ctx, target, k.c.Env, k.c.Dir, false)
}

// nativeArgs are the arguments of a program as far as they are known; raw is
// the whole command line if all are.
func (k *checker) nativeArgs(n *pslang.Command, found machine.Found) (args []machine.Arg, raw string) {
	b := k.pureSession().newNativeArgs(found.Path)
	known := true
	if list, ok := k.blockArgs(n); ok {
		for _, x := range list {
			b.add(x)
		}
		raw := b.commandLine(found.Path)
		for _, one := range machine.SplitCommandLine(raw)[1:] {
			args = append(args, machine.Arg{Text: one})
		}
		return args, raw
	}
	for _, a := range n.Args {
		list, ok, prefix := k.argument(a)
		if !ok {
			known = false
			args = append(args, machine.Arg{Text: prefix, Unknown: true})
			continue
		}
		for _, x := range list {
			text, count := b.text.Len(), len(b.list)
			b.add(x)
			more := b.list[count:]
			if b.asText {
				more = machine.SplitCommandLine(`"` + found.Path + `" ` + b.text.String()[text:])[1:]
			}
			for _, one := range more {
				args = append(args, machine.Arg{Text: one})
			}
		}
	}
	if !known {
		return args, ""
	}
	return args, b.commandLine(found.Path)
}

// blockArgs are the arguments of a program if all are known and one is a script
// block.
func (k *checker) blockArgs(n *pslang.Command) ([]argument, bool) {
	var all []argument
	for _, a := range n.Args {
		list, ok, _ := k.argument(a)
		if !ok {
			return nil, false
		}
		all = append(all, list...)
	}
	return withBlocks(all)
}

// checkDynamic checks a command whose name became known only now.
func (s *Session) checkDynamic(ctx context.Context, n *pslang.Command, info *CommandInfo, _ []argument) error {
	if info.Cmdlet == nil {
		return nil // programs are checked when they start, scripts when they are parsed
	}
	k := newChecker(ctx, s.engine, s.edition, &machine.Checking{Machine: s.process.Machine, Env: s.process.Env, Dir: s.Dir(), Depth: s.process.Depth})
	k.s = s
	return k.cmdlet(n, info.Cmdlet)
}
