package ps

import (
	"github.com/casement/casement/internal/run/winsh/machine"
)

// Config is what an engine is made of.
type Config struct {
	Cmdlets []*Cmdlet
	Types   []*Type
	// Refused gives reason and way for names of commands that exist on Windows
	// and cannot be done ("Add-WindowsFeature"), in lower case.
	Refused func(name string) (reason, way string, ok bool)
	// Assemblies are names that Add-Type -AssemblyName and
	// [Reflection.Assembly]::LoadWithPartialName can load.
	Assemblies []string
}

// Engine is the PowerShell of a configuration. It is immutable.
type Engine struct {
	cmdlets  map[string]*Cmdlet // by lower-case name
	aliases  [3]map[string]string
	types    map[string]*Type
	accel    map[string]string
	refused  func(name string) (reason, way string, ok bool)
	assembly map[string]string
}

// Programs returns the host programs for the machine's table: "powershell" is
// Windows PowerShell 5.1, "pwsh" PowerShell 7.
func (e *Engine) Programs() map[string]machine.Program {
	return map[string]machine.Program{
		"powershell": &host{engine: e, edition: Desktop},
		"pwsh":       &host{engine: e, edition: Core},
	}
}

// Cmdlet returns the cmdlet of a name or alias in an edition, or nil.
func (e *Engine) Cmdlet(name string, ed Edition) *Cmdlet { return e.cmdlet(name, ed) }

// Cmdlets returns all cmdlets of an edition, by name.
func (e *Engine) Cmdlets(ed Edition) []*Cmdlet { return e.listCmdlets(ed) }

// Type returns the type of a name as scripts write it ("IO.Path",
// "System.IO.Path", "regex", "string[]"), or nil.
func (e *Engine) Type(name string) *Type { return e.findType(name, nil) }
