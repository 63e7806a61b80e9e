package ps

import (
	"context"
	"strings"

	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/run/winsh/pslang"
)

// Session is one running PowerShell: the state behind one powershell.exe.
type Session struct {
	engine  *Engine
	edition Edition
	process *machine.Process
	host    *console

	global, scope *scope
	// out takes what the block that runs writes.
	out sink
	// streams are where the streams go now; nil is the host.
	streams streams
	frame   *invocation
	// pos is the statement that runs, for errors.
	pos pslang.Extent
	// inTry says that errors of statements go to an enclosing try or trap.
	inTry bool
	ok    bool // $?
	// handling is the error that a catch block handles, for a bare throw.
	handling *ErrorRecord
	depth    int

	errors     *Array
	aliases    map[string]alias
	drives     []*Drive
	drive      *Drive
	files      *Drive   // the last drive of the file system that was the location
	using      []string // the namespaces of the session's own text
	assemblies map[string]bool
	regexes    map[regexKey]*Regex
	blocks     map[*pslang.ScriptBlock]*blockInfo
	// enumerators are the loops, and whether they use $foreach or $switch.
	enumerators map[pslang.Node]bool
	values      map[any]any
	// broken is a refusal that a property has met with while it was shown.
	broken error
	ends   []func(context.Context) error
}

// Engine returns what the session can do.
func (s *Session) Engine() *Engine { return s.engine }

// Edition is Desktop (5.1) or Core (7).
func (s *Session) Edition() Edition { return s.edition }

// Machine is the computer.
func (s *Session) Machine() *machine.Machine { return s.process.Machine }

// Process is powershell.exe: its environment is $env:, its streams are the
// host's. Its directory is the one it was started in, to which .NET's relative
// paths are: Set-Location does not change it.
func (s *Session) Process() *machine.Process { return s.process }

// Value keeps something for a package over the life of the session; the key
// is a type of its own, as for contexts. make makes it when it is not there.
func (s *Session) Value(key any, make func() any) any {
	if v, ok := s.values[key]; ok {
		return v
	}
	v := make()
	if s.values == nil {
		s.values = map[any]any{}
	}
	s.values[key] = v
	return v
}

// AtEnd has something done when the session's script has ended, in the order of
// the calls. It is not done when the step has failed as a whole.
func (s *Session) AtEnd(f func(context.Context) error) { s.ends = append(s.ends, f) }

// Errors returns $Error, the last one first; the array is the session's.
func (s *Session) Errors() *Array { return s.errors }

// Object makes an object of a type by its full name.
func (s *Session) Object(typ string, data any) *Object {
	return &Object{Type: s.engine.mustType(typ), Data: data}
}

// Enum makes a value of an enumeration by the type's full name.
func (s *Session) Enum(typ string, value int64) Enum {
	return Enum{Type: s.engine.mustType(typ), Value: value}
}

// TypeOf returns the type of a value; $null has none.
func (s *Session) TypeOf(v any) *Type { return s.engine.TypeOf(v) }

// FindType looks a type up as [name] does, with the namespaces that the script
// uses. nil if there is none, or its assembly has not been loaded.
func (s *Session) FindType(name string) *Type {
	r := parseTypeName(name)
	if r == nil {
		return nil
	}
	return s.loaded(s.engine.resolveType(r, namespacesAt(s.pos, s.using), s.edition))
}

// resolve looks up the type that a name in a text means, or nil.
func (s *Session) resolve(n *pslang.TypeName) *Type {
	return s.loaded(s.engine.resolveType(refOf(n), namespacesAt(n.Extent, s.using), s.edition))
}

// namespacesAt is where types are looked for besides System: what the text at
// a place says, else what the session's own text does, which is above it.
func namespacesAt(at pslang.Extent, root []string) []string {
	if at.Source != nil && len(at.Source.Namespaces) > 0 {
		return at.Source.Namespaces
	}
	return root
}

// loaded returns the type if its assembly is loaded.
func (s *Session) loaded(t *Type) *Type {
	if t == nil {
		return nil
	}
	base := t
	for base.Elem != nil {
		base = base.Elem
	}
	if base.Assembly != "" && s.edition == Desktop && !s.assemblies[strings.ToLower(base.Assembly)] {
		return nil
	}
	return t
}

// LoadAssembly is Add-Type -AssemblyName and LoadWithPartialName; ok is false if
// there is no such assembly ([Engine.Assembly] has its name).
func (s *Session) LoadAssembly(name string) (ok bool) {
	full := s.engine.Assembly(name)
	if full == "" {
		return false
	}
	if s.assemblies == nil {
		s.assemblies = map[string]bool{}
	}
	s.assemblies[strings.ToLower(full)] = true
	return true
}

// Assembly returns the name of an assembly that can be loaded, or "".
func (e *Engine) Assembly(name string) string {
	short, _, _ := strings.Cut(name, ",")
	return e.assemblies[strings.ToLower(strings.TrimSpace(short))]
}

// ScriptBlock is a piece of code as a value.
type ScriptBlock struct {
	Body *pslang.ScriptBlock
	// captured has the variables of a closure.
	captured *scope
	// file is the script that it comes from, and name that of a function.
	file, name string
	filter     bool
}

// String is the text between the braces.
func (b *ScriptBlock) String() string {
	text := b.Body.Text()
	if strings.HasPrefix(text, "{") && strings.HasSuffix(text, "}") {
		return text[1 : len(text)-1]
	}
	return text
}

// CallOptions adjust how a script block is called.
type CallOptions struct {
	// Args are positional arguments; Named are parameters by name.
	Args  []any
	Named *Hashtable
	// Under is $_, if HasUnder is set; This is $this, if it is not nil. Input is
	// what comes through the pipeline.
	Under    any
	HasUnder bool
	This     any
	Input    []any
	// SameScope runs it in the current scope, as . does, or a cmdlet that calls
	// a script block for each object.
	SameScope bool
}

// Call runs a script block and returns what it wrote. Non-terminating errors
// are shown as they happen.
func (s *Session) Call(ctx context.Context, b *ScriptBlock, o CallOptions) ([]any, error) {
	var list []any
	err := s.Stream(ctx, b, o, func(_ context.Context, v any) error {
		list = append(list, v)
		return nil
	})
	return list, err
}

// Parse parses and checks a text that became known at run time. What it uses
// and cannot be done is a *run.RefusedError; wrong syntax is an *ErrorRecord.
func (s *Session) Parse(ctx context.Context, text, file string) (*ScriptBlock, error) {
	tree, err := pslang.Parse(text, pslang.Options{Core: s.edition == Core, Name: file})
	if err != nil {
		return nil, s.syntaxError(err)
	}
	if s.using == nil {
		s.using = append([]string{}, tree.Source.Namespaces...)
	}
	if err := s.checkLate(ctx, tree); err != nil {
		return nil, err
	}
	return &ScriptBlock{Body: tree, file: file}, nil
}

// fits fails if a value would be larger than the machine allows.
func (s *Session) fits(size int64) error {
	if s.process == nil || size <= s.process.Machine.Limits().Memory {
		return nil
	}
	return limitError("a value would need more memory than a step may use")
}
