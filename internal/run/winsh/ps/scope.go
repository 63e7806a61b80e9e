package ps

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/casement/casement/internal/run/winsh/pslang"
)

// scope is one level of variables and functions. Scopes are dynamic: the parent
// is the caller's.
type scope struct {
	parent *scope
	vars   map[string]*Variable
	funcs  map[string]*ScriptBlock
	// script marks the scope of a script file, or the global one.
	script bool
	// strict is the version of Set-StrictMode; -1 inherits.
	strict int
}

func newScope(parent *scope) *scope { return &scope{parent: parent, strict: -1} }

// Variable is one variable of a scope.
type Variable struct {
	Name        string
	Value       any
	Description string
	// ReadOnly, Constant, Private and AllScope are its options.
	ReadOnly, Constant, Private, AllScope bool
	// check converts and validates what is assigned ([int]$x).
	check func(ctx context.Context, s *Session, v any) (any, error)
	// get makes the value of automatic variables when they are read, and set
	// takes assignments to them.
	get func() any
	set func(v any) error
}

func (v *Variable) value() any {
	if v.get != nil {
		return v.get()
	}
	return v.Value
}

// find returns the variable that a name means, in the innermost scope that has
// it.
func (s *Session) find(key string) *Variable {
	for sc := s.scope; sc != nil; sc = sc.parent {
		if v := sc.vars[key]; v != nil && (!v.Private || sc == s.scope) {
			return v
		}
	}
	return nil
}

// varKey is the key of a name; $PSItem is $_.
func varKey(name string) string {
	key := foldKey(name)
	if key == "psitem" {
		return "_"
	}
	return key
}

// put sets a variable without regard to its options, for automatic ones.
func (sc *scope) put(name string, v any) {
	key := varKey(name)
	if key == "null" { // as -OutVariable null says
		return
	}
	if old := sc.vars[key]; old != nil {
		old.Value, old.get = v, nil
		return
	}
	if sc.vars == nil {
		sc.vars = map[string]*Variable{}
	}
	sc.vars[key] = &Variable{Name: name, Value: v}
}

// assign is $name = v in a scope.
func (s *Session) assign(ctx context.Context, sc *scope, name, key string, v any) error {
	old := sc.vars[key]
	if old == nil {
		for p := sc.parent; p != nil; p = p.parent {
			if x := p.vars[key]; x != nil && x.AllScope {
				old = x
				break
			}
		}
	}
	if old == nil {
		if sc.vars == nil {
			sc.vars = map[string]*Variable{}
		}
		sc.vars[key] = &Variable{Name: name, Value: v}
		return nil
	}
	if old.ReadOnly || old.Constant {
		return s.sessionFail("Cannot overwrite variable "+old.Name+" because it is read-only or constant.", "VariableNotWritable", WriteError, old.Name)
	}
	if old.set != nil {
		return old.set(v)
	}
	if old.check != nil {
		x, err := old.check(ctx, s, v)
		if err != nil {
			return err
		}
		v = x
	}
	old.Value, old.get = v, nil
	return nil
}

// sessionFail is a SessionStateException.
func (s *Session) sessionFail(msg, id string, c Category, target any) *ErrorRecord {
	typ := "System.Management.Automation.SessionStateUnauthorizedAccessException"
	if c == ObjectNotFound {
		typ = "System.Management.Automation.ItemNotFoundException"
	}
	return s.fail(typ, msg, id, c, target)
}

// Variable returns the value of a variable as $name does: the innermost one.
func (s *Session) Variable(name string) (any, bool) {
	if v := s.find(varKey(name)); v != nil {
		return v.value(), true
	}
	return nil, false
}

// SetVariable assigns as $name = v does in the current scope.
func (s *Session) SetVariable(name string, v any) error {
	return s.assign(context.Background(), s.scope, name, varKey(name), v)
}

// scopeOf finds the scope that a cmdlet's -Scope names; nil for "".
func (s *Session) scopeOf(name string) (*scope, error) {
	switch strings.ToLower(name) {
	case "":
		return nil, nil
	case "global":
		return s.global, nil
	case "local", "private":
		return s.scope, nil
	case "script":
		return s.scriptScope(), nil
	}
	n, err := strconv.Atoi(name)
	if err != nil || n < 0 {
		return nil, s.fail("System.Management.Automation.PSArgumentException", "The scope number '"+name+"' is not valid.", "Argument", InvalidArgument, name)
	}
	sc := s.scope
	for ; n > 0 && sc != nil; n-- {
		sc = sc.parent
	}
	if sc == nil {
		return nil, s.fail("System.Management.Automation.PSArgumentOutOfRangeException", "The scope number '"+name+"' exceeds the number of active scopes.\r\nParameter name: scopeID\r\nActual value was "+name+".", "ScopeIDExceedsAvailableScopes", InvalidArgument, name)
	}
	return sc, nil
}

func (s *Session) scriptScope() *scope {
	sc := s.scope
	for sc.parent != nil && !sc.script {
		sc = sc.parent
	}
	return sc
}

// FindVariable returns the variable itself in a scope: "" is the innermost that
// has it; else "Global", "Script", "Local", or a number of scopes to go up. nil
// if there is none.
func (s *Session) FindVariable(name, in string) (*Variable, error) {
	sc, err := s.scopeOf(in)
	if err != nil {
		return nil, err
	}
	v := s.find(varKey(name))
	if sc != nil {
		v = sc.vars[varKey(name)]
	}
	if v != nil && v.get != nil {
		c := *v
		c.Value, c.get = v.get(), nil
		return &c, nil
	}
	return v, nil
}

// AddVariable puts a variable into a scope ("" is the current one), in place of
// one of its name.
func (s *Session) AddVariable(v *Variable, in string) error {
	sc, err := s.scopeOf(in)
	if err != nil {
		return err
	}
	if sc == nil {
		sc = s.scope
	}
	key := varKey(v.Name)
	if old := sc.vars[key]; old != nil && old.Constant {
		return s.sessionFail("Cannot overwrite variable "+v.Name+" because it is read-only or constant.", "VariableNotWritable", WriteError, v.Name)
	}
	if sc.vars == nil {
		sc.vars = map[string]*Variable{}
	}
	sc.vars[key] = v
	return nil
}

// DropVariable removes a variable from a scope, or from the innermost that has
// it.
func (s *Session) DropVariable(name, in string) error {
	sc, err := s.scopeOf(in)
	if err != nil {
		return err
	}
	key := varKey(name)
	if sc == nil {
		for sc = s.scope; sc != nil && sc.vars[key] == nil; sc = sc.parent {
			continue
		}
	}
	if sc == nil || sc.vars[key] == nil {
		return s.sessionFail("Cannot find a variable with the name '"+name+"'.", "VariableNotFound", ObjectNotFound, name)
	}
	delete(sc.vars, key)
	return nil
}

// ListVariables returns the variables that are visible, or those of one scope,
// by name.
func (s *Session) ListVariables(in string) ([]*Variable, error) {
	only, err := s.scopeOf(in)
	if err != nil {
		return nil, err
	}
	seen := map[string]*Variable{}
	for sc := s.scope; sc != nil; sc = sc.parent {
		if only != nil && sc != only {
			continue
		}
		for key, v := range sc.vars {
			if seen[key] == nil && (!v.Private || sc == s.scope) {
				if v.get != nil {
					c := *v
					c.Value, c.get = v.get(), nil
					v = &c
				}
				seen[key] = v
			}
		}
	}
	return sorted(seen), nil
}

func sorted(m map[string]*Variable) []*Variable {
	list := make([]*Variable, 0, len(m))
	for _, key := range slices.Sorted(maps.Keys(m)) {
		list = append(list, m[key])
	}
	return list
}

// readVariable is $name as an expression.
func (s *Session) readVariable(ctx context.Context, n *pslang.Variable) (any, error) {
	if n.Scope == pslang.ScopeDrive {
		return s.readDriveItem(ctx, n)
	}
	if n.Key == "?" {
		return s.ok, nil
	}
	v := s.lookup(n)
	if v == nil {
		if s.strictness() > 0 {
			return nil, s.failAt(n.Extent, tRuntime, "The variable '$"+n.Name+"' cannot be retrieved because it has not been set.", "VariableIsUndefined", InvalidOperation, n.Name)
		}
		return nil, nil
	}
	return v.value(), nil
}

// lookup finds the variable that a name with a scope means.
func (s *Session) lookup(n *pslang.Variable) *Variable {
	key := n.Key
	if key == "psitem" {
		key = "_"
	}
	switch n.Scope {
	case pslang.ScopeGlobal:
		return s.global.vars[key]
	case pslang.ScopeScript:
		return s.scriptScope().vars[key]
	case pslang.ScopeLocal, pslang.ScopePrivate:
		return s.scope.vars[key]
	}
	return s.find(key)
}

// writeVariable is $name = v.
func (s *Session) writeVariable(ctx context.Context, n *pslang.Variable, v any) error {
	if n.Scope == pslang.ScopeDrive {
		return s.writeDriveItem(ctx, n, v)
	}
	if n.Key == "?" {
		return s.sessionFail("Cannot overwrite variable ? because it is read-only or constant.", "VariableNotWritable", WriteError, "?")
	}
	sc := s.targetScope(n)
	if err := s.assign(ctx, sc, n.Name, varKey(n.Name), v); err != nil {
		return err
	}
	if n.Scope == pslang.ScopePrivate {
		sc.vars[varKey(n.Name)].Private = true
	}
	return nil
}

func (s *Session) targetScope(n *pslang.Variable) *scope {
	switch n.Scope {
	case pslang.ScopeGlobal:
		return s.global
	case pslang.ScopeScript:
		return s.scriptScope()
	}
	return s.scope
}

// strictness is the version of Set-StrictMode in force, 0 for off.
func (s *Session) strictness() int {
	for sc := s.scope; sc != nil; sc = sc.parent {
		if sc.strict >= 0 {
			return sc.strict
		}
	}
	return 0
}

// function finds a function by lower-case name.
func (s *Session) function(key string) *ScriptBlock {
	for sc := s.scope; sc != nil; sc = sc.parent {
		if f := sc.funcs[key]; f != nil {
			return f
		}
	}
	return nil
}

// SetFunction defines a function in the scope that its name says, else in the
// current one, or removes it if block is nil.
func (s *Session) SetFunction(name string, block *ScriptBlock) {
	sc := s.scope
	switch prefix, rest, ok := strings.Cut(name, ":"); {
	case ok && strings.EqualFold(prefix, "global"):
		sc, name = s.global, rest
	case ok && strings.EqualFold(prefix, "script"):
		sc, name = s.scriptScope(), rest
	case ok && strings.EqualFold(prefix, "local"):
		name = rest
	}
	s.defineFunction(sc, name, block)
}

func (s *Session) defineFunction(sc *scope, name string, block *ScriptBlock) {
	key := strings.ToLower(name)
	if block == nil {
		for ; sc != nil; sc = sc.parent {
			if sc.funcs[key] != nil {
				delete(sc.funcs, key)
				return
			}
		}
		return
	}
	if block.name != name {
		named := *block
		named.name = name
		block = &named
	}
	if sc.funcs == nil {
		sc.funcs = map[string]*ScriptBlock{}
	}
	sc.funcs[key] = block
}

// Functions returns the functions that are visible, by name.
func (s *Session) Functions() []*CommandInfo {
	seen := map[string]*CommandInfo{}
	for sc := s.scope; sc != nil; sc = sc.parent {
		for key, f := range sc.funcs {
			if seen[key] == nil {
				seen[key] = functionInfo(f)
			}
		}
	}
	list := make([]*CommandInfo, 0, len(seen))
	for _, key := range slices.Sorted(maps.Keys(seen)) {
		list = append(list, seen[key])
	}
	return list
}

func functionInfo(f *ScriptBlock) *CommandInfo {
	kind := "Function"
	if f.filter {
		kind = "Filter"
	}
	return &CommandInfo{Kind: kind, Name: f.name, Definition: f.String(), Block: f}
}

// alias is a name for another command.
type alias struct{ name, target string }

// alias returns what a name stands for, or "".
func (s *Session) alias(key string) string {
	if a, ok := s.aliases[key]; ok {
		return a.target
	}
	return s.engine.Alias(key, s.edition)
}

// Aliases returns all aliases by name.
func (s *Session) Aliases() []*CommandInfo {
	seen := map[string]alias{}
	for _, a := range s.engine.Aliases(s.edition) {
		seen[a[0]] = alias{a[0], a[1]}
	}
	maps.Copy(seen, s.aliases)
	var list []*CommandInfo
	for _, key := range slices.Sorted(maps.Keys(seen)) {
		if a := seen[key]; a.target != "" {
			list = append(list, &CommandInfo{Kind: "Alias", Name: a.name, Definition: a.target})
		}
	}
	return list
}

// SetAlias sets an alias, or removes it if target is "".
func (s *Session) SetAlias(name, target string) {
	if s.aliases == nil {
		s.aliases = map[string]alias{}
	}
	s.aliases[strings.ToLower(name)] = alias{name, target}
}
