package ps

import (
	"context"

	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/run/winsh/pslang"
)

// Session is one running PowerShell: the state behind one powershell.exe.
type Session struct {
	*state
}

// Engine returns what the session can do.
func (s *Session) Engine() *Engine { return s.engine }

// Edition is Desktop (5.1) or Core (7).
func (s *Session) Edition() Edition { return s.edition }

// Machine is the computer.
func (s *Session) Machine() *machine.Machine { return s.process.Machine }

// Process is powershell.exe: its environment is $env:, its directory follows
// the location of drive C:, its streams are the host's.
func (s *Session) Process() *machine.Process { return s.process }

// Drive is a PSDrive.
type Drive struct {
	// Name is "C", "HKLM", "Env"; Provider is "FileSystem", "Registry",
	// "Environment", "Variable", "Function", "Alias", "Certificate", "WSMan".
	Name, Provider string
	// Root is "C:\" or "HKEY_LOCAL_MACHINE"; Current is the location on the
	// drive below the root, without a leading backslash.
	Root, Current, Description string
}

// Path is a path that was resolved to its provider, without wildcards being
// expanded.
type Path struct {
	Provider string
	// Drive is nil for paths that name their provider (Registry::HKEY_USERS).
	Drive *Drive
	// Name is the provider's own path: "C:\app\x", "HKEY_LOCAL_MACHINE\SOFTWARE",
	// a variable's name.
	Name string
}

// String is the path as PowerShell shows it: "C:\app", "HKLM:\SOFTWARE", "Env:\X".
func (p Path) String() string { return p.show() }

// Qualified is the PSPath: "Microsoft.PowerShell.Core\FileSystem::C:\app".
func (p Path) Qualified() string { return p.qualified() }

// Resolve finds provider and path of what a script gives as a path: relative to
// the location, "~", "X:", "HKLM:\x", "Registry::x", "\x", a PSPath. Wildcards
// are left. The error is an *ErrorRecord (DriveNotFound, ProviderNotFound …).
func (s *Session) Resolve(path string) (Path, error) { return s.resolve(path) }

// File resolves a path that must be of the file system ("C:\app\x").
func (s *Session) File(path string) (string, error) { return s.resolveFile(path) }

// Location returns where the session is.
func (s *Session) Location() Path { return s.location() }

// SetLocation moves to a path that exists; cmdlets check that before.
func (s *Session) SetLocation(p Path) error { return s.setLocation(p) }

// Drives returns the drives by name.
func (s *Session) Drives() []*Drive { return s.listDrives() }

// AddDrive adds a drive, RemoveDrive removes one.
func (s *Session) AddDrive(d *Drive)       { s.addDrive(d) }
func (s *Session) RemoveDrive(name string) { s.removeDrive(name) }

// Variable is one variable of a scope.
type Variable struct {
	Name        string
	Value       any
	Description string
	// ReadOnly, Constant, Private and AllScope are its options.
	ReadOnly, Constant, Private, AllScope bool
	// constraint converts and checks what is assigned.
	constraint *constraint
}

// Variable returns the value of a variable as $name does: the innermost one.
func (s *Session) Variable(name string) (any, bool) { return s.getVariable(name) }

// SetVariable assigns as $name = v does in the current scope.
func (s *Session) SetVariable(name string, v any) error { return s.putVariable(name, v) }

// FindVariable returns the variable itself in a scope: "" is the innermost that
// has it; else "Global", "Script", "Local", or a number of scopes to go up.
func (s *Session) FindVariable(name, scope string) (*Variable, error) {
	return s.findVariable(name, scope)
}

// AddVariable puts a variable into a scope, in place of one of its name.
func (s *Session) AddVariable(v *Variable, scope string) error { return s.addVariable(v, scope) }

// DropVariable removes a variable from a scope.
func (s *Session) DropVariable(name, scope string) error { return s.dropVariable(name, scope) }

// ListVariables returns the variables that are visible, or those of one scope,
// by name.
func (s *Session) ListVariables(scope string) ([]*Variable, error) { return s.listVariables(scope) }

// CommandInfo is what a command name leads to.
type CommandInfo struct {
	// Kind is "Alias", "Function", "Filter", "Cmdlet", "ExternalScript", "Application".
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
	return s.findCommand(ctx, name)
}

// Functions returns the functions that are visible, by name; SetFunction
// defines one in the current scope, or removes it if block is nil.
func (s *Session) Functions() []*CommandInfo                    { return s.listFunctions() }
func (s *Session) SetFunction(name string, block *ScriptBlock) { s.putFunction(name, block) }

// Aliases returns all aliases by name; SetAlias sets one, or removes it if
// target is "".
func (s *Session) Aliases() []*CommandInfo          { return s.listAliases() }
func (s *Session) SetAlias(name, target string) { s.putAlias(name, target) }

// Errors returns $Error, the last one first; the slice is the session's.
func (s *Session) Errors() *Array { return s.errors }

// ScriptBlock is a piece of code as a value.
type ScriptBlock struct {
	Body *pslang.ScriptBlock
	// module or closure variables, and the file that it comes from.
	captured *scope
	file     string
	home     *scope
	compiled *blockInfo
	// name is set for the body of a function.
	name string
	kind string
}

// String is the text between the braces.
func (b *ScriptBlock) String() string { return b.text() }

// CallOptions adjust how a script block is called.
type CallOptions struct {
	// Args are positional arguments; Named are parameters by name.
	Args  []any
	Named *Hashtable
	// Under is $_, if HasUnder is set. Input is what comes through the pipeline.
	Under    any
	HasUnder bool
	Input    []any
	// SameScope runs it in the current scope, as . does, or a cmdlet that calls
	// a script block for each object.
	SameScope bool
}

// Call runs a script block and returns what it wrote. Non-terminating errors
// are shown as they happen.
func (s *Session) Call(ctx context.Context, b *ScriptBlock, o CallOptions) ([]any, error) {
	return s.callBlock(ctx, b, o)
}

// Stream runs a script block and passes on each object as it is written.
func (s *Session) Stream(ctx context.Context, b *ScriptBlock, o CallOptions, write func(ctx context.Context, v any) error) error {
	return s.streamBlock(ctx, b, o, write)
}

// Parse parses and checks a text that became known at run time. What it uses
// and cannot be done is a *run.RefusedError; wrong syntax is an *ErrorRecord.
func (s *Session) Parse(ctx context.Context, text, file string) (*ScriptBlock, error) {
	return s.parse(ctx, text, file)
}

// RunCommand calls a command by name with parameters: for cmdlets that are
// made of others.
func (s *Session) RunCommand(ctx context.Context, name string, named *Hashtable, args ...any) ([]any, error) {
	return s.runCommand(ctx, name, named, args)
}
