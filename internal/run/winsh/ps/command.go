package ps

import (
	"context"
	"errors"
	"io/fs"
	"strings"

	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/run/winsh/pslang"
)

// CommandInfo is what a command name leads to.
type CommandInfo struct {
	// Kind is "Alias", "Function", "Filter", "Cmdlet", "ExternalScript", "Application",
	// "Script": a name of CommandTypes.
	Kind, Name string
	// Definition is the target of an alias, the text of a function, the path of a
	// script or program.
	Definition string
	Cmdlet     *Cmdlet
	Block      *ScriptBlock
	// Target is what an alias leads to; nil if there is no such command.
	Target *CommandInfo
	// Found is set for programs and scripts.
	Found machine.Found
}

// Command looks a command up as a call does: alias, function, cmdlet, script or
// program. It is nil if there is none.
func (s *Session) Command(ctx context.Context, name string) (*CommandInfo, error) {
	t := s.alias(strings.ToLower(name))
	if t == "" {
		return s.lookupCommand(ctx, name)
	}
	end := t // what aliases of aliases lead to
	for range 10 {
		next := s.alias(strings.ToLower(end))
		if next == "" || strings.EqualFold(next, end) {
			break
		}
		end = next
	}
	info, err := s.lookupCommand(ctx, end)
	if err != nil {
		return nil, err
	}
	return &CommandInfo{Kind: "Alias", Name: name, Definition: t, Target: info}, nil
}

// lookupCommand is Command without aliases.
func (s *Session) lookupCommand(ctx context.Context, name string) (*CommandInfo, error) {
	key := strings.ToLower(name)
	if i := strings.LastIndexByte(key, '\\'); i > 0 && !strings.ContainsAny(key[:i], `:./\`) {
		// Module\Command.
		if c := s.engine.Cmdlet(key[i+1:], s.edition); c != nil && strings.EqualFold(c.Module, name[:i]) {
			return CmdletInfo(c), nil
		}
	}
	if f := s.function(scopedName(key)); f != nil {
		return functionInfo(f), nil
	}
	if c := s.engine.Cmdlet(key, s.edition); c != nil {
		return CmdletInfo(c), nil
	}
	found, err := s.findProgram(ctx, name)
	if err != nil || found == nil {
		return nil, err
	}
	info := &CommandInfo{Kind: "Application", Name: name, Definition: found.Path, Found: *found}
	if found.Program == nil && strings.EqualFold(extension(found.Path), ".ps1") {
		info.Kind = "ExternalScript"
	}
	return info, nil
}

// implied is what a name means that leads nowhere: PowerShell tries it as the
// noun of Get, so that date is Get-Date. It is nil if that leads nowhere, too.
func (s *Session) implied(name string) *CommandInfo {
	get, noun := impliedName(name)
	if !noun {
		return nil
	}
	key := strings.ToLower(get)
	if t := s.alias(key); t != "" {
		key = strings.ToLower(t)
	}
	if f := s.function(key); f != nil {
		return functionInfo(f)
	}
	if c := s.engine.Cmdlet(key, s.edition); c != nil {
		return CmdletInfo(c)
	}
	return nil
}

// impliedName puts Get in front of what may be a noun.
func impliedName(name string) (get string, noun bool) {
	return "Get-" + name, !strings.ContainsAny(name, `-\/:.`)
}

// scopedName drops the scope of a function's name.
func scopedName(key string) string {
	for _, p := range []string{"global:", "script:", "local:"} {
		key = strings.TrimPrefix(key, p)
	}
	return key
}

// CmdletInfo is a cmdlet, or a function that is a part of casement.
func CmdletInfo(c *Cmdlet) *CommandInfo {
	kind := "Cmdlet"
	if c.Function {
		kind = "Function"
	}
	return &CommandInfo{Kind: kind, Name: c.Name, Definition: c.Name, Cmdlet: c}
}

func extension(path string) string {
	i := strings.LastIndexAny(path, `.\/:`)
	if i < 0 || path[i] != '.' {
		return ""
	}
	return path[i:]
}

// findProgram looks a program or script up. A plain name is not looked for in
// the current directory; a script needs no extension.
func (s *Session) findProgram(ctx context.Context, name string) (*machine.Found, error) {
	path := strings.ContainsAny(name, `\/:`)
	target := name
	if path {
		p, err := s.Resolve(name)
		if err != nil || p.Provider != "FileSystem" {
			return nil, nil
		}
		target = p.Name
	}
	names := []string{target}
	if extension(target) == "" {
		names = []string{target + ".ps1", target}
	}
	// A program that is known is not worth reading the base for a script of that
	// name.
	m := s.process.Machine
	for _, find := range []func(context.Context, string, *machine.Env, string, bool) (machine.Found, error){m.FindKnown, m.Find} {
		for _, n := range names {
			found, err := find(ctx, n, s.process.Env, s.Dir(), false)
			switch {
			case err == nil:
				return &found, nil
			case errors.Is(err, fs.ErrNotExist) || machine.CodeOf(err) != 0:
				continue
			default:
				return nil, err
			}
		}
	}
	return nil, nil
}

// command makes the element of a command, with its arguments evaluated.
func (s *Session) command(ctx context.Context, n *pslang.Command) (*element, error) {
	s.pos = n.Extent
	e := &element{s: s, at: n.Extent, scope: s.scope, streams: s.streams, caller: s.frame}
	target, err := s.commandTarget(ctx, n)
	if err != nil {
		return nil, err
	}
	args, err := s.arguments(ctx, n.Args)
	if err != nil {
		return nil, err
	}
	if calledAsMethod(n) && s.strictness() >= 2 {
		return nil, s.fail(tRuntime, "The function or command was called as if it were a method. Parameters should be separated by spaces. For information about parameters, see the about_Parameters Help topic.", "StrictModeFunctionCallWithParens", InvalidOperation, nil)
	}
	dot := n.Call == pslang.CallDot
	switch n.Call {
	case pslang.CallAmpersand:
		e.called = "&"
	case pslang.CallDot:
		e.called = "."
	}
	switch x := target.(type) {
	case *ScriptBlock:
		e.name = e.called
		e.stage = &functionStage{block: x, args: args, dot: dot}
		return e, nil
	case *CommandInfo:
		e.name = x.Name
		e.stage, err = s.stageOf(ctx, x, args, dot)
		return e, err
	}
	name := s.ToString(target)
	e.name = name
	info, err := s.Command(ctx, name)
	if err != nil {
		return nil, err
	}
	if info == nil {
		info = s.implied(name)
	}
	if info == nil || info.Kind == "Alias" && info.Target == nil {
		return nil, s.unknownCommand(ctx, name, n.Name.At())
	}
	if info.Kind == "Alias" {
		info = info.Target
	}
	if n.Call != pslang.CallName || !bareName(n.Name) {
		// The name was not known when the text was checked.
		if err := s.checkDynamic(ctx, n, info, args); err != nil {
			return nil, err
		}
	}
	e.stage, err = s.stageOf(ctx, info, args, dot)
	return e, err
}

// calledAsMethod reports whether a command is written as name(a, b).
func calledAsMethod(n *pslang.Command) bool {
	if len(n.Args) != 1 {
		return false
	}
	p, ok := n.Args[0].(*pslang.Paren)
	if !ok || p.Start != n.Name.At().End {
		return false
	}
	e, ok := p.X.(*pslang.ExpressionStatement)
	if !ok {
		return false
	}
	_, ok = e.X.(*pslang.List)
	return ok
}

func bareName(x pslang.Expression) bool {
	_, ok := x.(*pslang.String)
	return ok
}

// commandTarget evaluates what stands in the place of the name.
func (s *Session) commandTarget(ctx context.Context, n *pslang.Command) (any, error) {
	if lit, ok := n.Name.(*pslang.String); ok {
		return lit.Value, nil
	}
	v, err := s.eval(ctx, n.Name)
	if err != nil {
		return nil, err
	}
	switch x := Unwrap(v).(type) {
	case *ScriptBlock:
		return x, nil
	case *Object:
		if info, ok := x.Data.(*CommandInfo); ok {
			return info, nil
		}
	case string:
		if x != "" {
			return x, nil
		}
	}
	if IsNull(v) || s.ToString(v) == "" {
		return nil, s.failAt(n.Name.At(), tRuntime, "The expression after '"+callSign(n.Call)+"' in a pipeline element produced an object that was not valid. It must result in a command name, a script block, or a CommandInfo object.", "BadExpression", InvalidOperation, v)
	}
	return s.ToString(v), nil
}

func callSign(c pslang.Call) string {
	if c == pslang.CallDot {
		return "."
	}
	return "&"
}

// arguments evaluates the arguments of a command.
func (s *Session) arguments(ctx context.Context, list []pslang.Argument) ([]argument, error) {
	var args []argument
	for _, x := range list {
		at := x.At()
		switch n := x.(type) {
		case *pslang.Parameter:
			a := parameterArgument(n)
			if n.Value != nil {
				v, err := s.eval(ctx, n.Value)
				if err != nil {
					return nil, err
				}
				a.value, a.has = notEmpty(v), true
			}
			args = append(args, a)
		case *pslang.EndOfParameters:
			args = append(args, endArgument(at))
		case *pslang.Verbatim:
			args = append(args, argument{verbatim: true, at: at, raw: n.Rest, value: "--%" + n.Rest, has: true})
		case pslang.Expression:
			more, err := s.argumentOf(ctx, n)
			if err != nil {
				return nil, err
			}
			args = append(args, more...)
		}
	}
	return args, nil
}

func (s *Session) argumentOf(ctx context.Context, x pslang.Expression) ([]argument, error) {
	at := x.At()
	if v, ok := x.(*pslang.Variable); ok && v.Splat {
		return s.splat(ctx, v)
	}
	v, err := s.eval(ctx, x)
	if err != nil {
		return nil, err
	}
	a := argument{value: notEmpty(v), has: true, at: at}
	a.raw, a.hasRaw = rawText(x)
	a.list, _ = x.(*pslang.List)
	return []argument{a}, nil
}

// parameterArgument is a parameter as it is written, without its value.
func parameterArgument(n *pslang.Parameter) argument {
	at := n.At()
	a := argument{param: n.Name, isParam: true, colon: n.Colon, at: at, name: at.Text()}
	if n.Value != nil {
		a.valueAt = n.Value.At()
		before := at.Source.Text[at.Start:n.Value.At().Start]
		a.name = before[:strings.LastIndexByte(before, ':')+1]
		a.space = len(a.name) < len(before)
		a.raw, a.hasRaw = rawText(n.Value)
		a.list, _ = n.Value.(*pslang.List)
	}
	return a
}

// endArgument is --.
func endArgument(at pslang.Extent) argument {
	return argument{end: true, at: at, raw: "--", hasRaw: true, has: true}
}

// rawText is how a number was written, which is what programs get.
func rawText(x pslang.Expression) (string, bool) {
	if n, ok := x.(*pslang.Number); ok {
		return n.At().Text(), true
	}
	return "", false
}

// splat is @name: the entries of a table as parameters, the elements of a list
// as arguments.
func (s *Session) splat(ctx context.Context, n *pslang.Variable) ([]argument, error) {
	v, err := s.readVariable(ctx, &pslang.Variable{Extent: n.Extent, Scope: n.Scope, Drive: n.Drive, Name: n.Name, Key: n.Key})
	if err != nil || IsNull(v) {
		return nil, err
	}
	var args []argument
	if h, ok := Unwrap(v).(*Hashtable); ok {
		for _, e := range h.Entries() {
			args = append(args, argument{param: s.ToString(e.Key), name: "-" + s.ToString(e.Key) + ":", isParam: true, colon: true, value: e.Value, has: true, at: n.Extent, splatted: true})
		}
		return args, nil
	}
	for _, item := range Items(v) {
		a := argument{value: item, has: true, at: n.Extent, splatted: true}
		// $args keeps names of parameters as such.
		if text, ok := item.(string); ok && n.Key == "args" && len(text) > 1 && text[0] == '-' && (text[1] < '0' || text[1] > '9') {
			name, colon := strings.CutSuffix(text[1:], ":")
			a = argument{param: name, isParam: true, colon: colon, at: n.Extent, name: text, splatted: true}
		}
		args = append(args, a)
	}
	return args, nil
}

// stageOf makes what runs a command.
func (s *Session) stageOf(ctx context.Context, info *CommandInfo, args []argument, dot bool) (stage, error) {
	switch {
	case info.Target != nil:
		return s.stageOf(ctx, info.Target, args, dot)
	case info.Block != nil:
		return &functionStage{block: info.Block, args: plainWords(args), dot: dot}, nil
	case info.Cmdlet != nil:
		return &cmdletStage{cmdlet: info.Cmdlet, args: plainWords(args)}, nil
	case info.Kind == "ExternalScript":
		return s.scriptStage(ctx, info.Found.Path, plainWords(args), dot)
	}
	return &nativeStage{info: info, args: args}, nil
}

// plainWords are the arguments of what is no program, for which --% and the rest of
// the line are two words like others.
func plainWords(args []argument) []argument {
	i := len(args) - 1
	if i < 0 || !args[i].verbatim {
		return args
	}
	sign, rest := args[i], args[i]
	sign.verbatim, rest.verbatim = false, false
	sign.value, rest.value = "--%", strings.TrimLeft(rest.raw, " \t")
	if rest.value == "" {
		return append(args[:i:i], sign)
	}
	return append(args[:i:i], sign, rest)
}

// unknownCommand is what happens with a name that leads nowhere: Windows would
// say that it is not recognized, but only if no module that casement lacks has
// it. Paths are beyond doubt.
func (s *Session) unknownCommand(ctx context.Context, name string, at pslang.Extent) error {
	if reason, way, ok := s.engine.refusal(name); ok {
		return refuseAt(at, name, reason, way)
	}
	if get, noun := impliedName(name); noun {
		if reason, way, ok := s.engine.refusal(get); ok {
			return refuseAt(at, get, reason, way)
		}
	}
	if !strings.ContainsAny(name, `\/:`) {
		return refuseUnknown(at, name)
	}
	msg := "The term '" + name + "' is not recognized as the name of a cmdlet, function, script file, or operable program. Check the spelling of the name, or if a path was included, verify that the path is correct and try again."
	if s.edition == Core {
		msg = "The term '" + name + "' is not recognized as a name of a cmdlet, function, script file, or executable program.\r\nCheck the spelling of the name, or if a path was included, verify that the path is correct and try again."
	}
	r := s.failAt(at, "System.Management.Automation.CommandNotFoundException", msg, "CommandNotFoundException", ObjectNotFound, name)
	r.origin = name
	return r
}

// refusal is what the configuration says of a name.
func (e *Engine) refusal(name string) (reason, way string, ok bool) {
	if e.refused == nil {
		return "", "", false
	}
	return e.refused(strings.ToLower(name))
}
