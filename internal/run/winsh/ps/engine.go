package ps

import (
	"slices"
	"strings"
	"sync"

	"github.com/casement/casement/internal/run/winsh/machine"
)

// Config is what an engine is made of.
type Config struct {
	Cmdlets []*Cmdlet
	Types   []*Type
	// Refused gives reason and way for names of commands that exist on Windows
	// and cannot be done ("add-windowsfeature"), in lower case.
	Refused func(name string) (reason, way string, ok bool)
	// Assemblies are names that Add-Type -AssemblyName and
	// [Reflection.Assembly]::LoadWithPartialName can load, beside those that
	// types name.
	Assemblies []string
}

// Engine is the PowerShell of a configuration. It is immutable and shared.
type Engine struct {
	cmdlets map[string]*Cmdlet
	aliases [3]map[string]string // by Edition; lower-case alias to cmdlet
	types   map[string]*Type
	accel   map[string]*Type
	accel7  map[string]*Type
	made    sync.Map // arrays and closed generic types by lower-case name
	metas   sync.Map // *meta of cmdlets by metaKey
	kinds   kinds
	refused func(name string) (reason, way string, ok bool)
	// assemblies by lower-case name, with the name as it is spelt.
	assemblies map[string]string
	members    func() map[string]bool
}

// New makes an engine.
func New(c Config) *Engine {
	e := &Engine{
		cmdlets:    map[string]*Cmdlet{},
		types:      map[string]*Type{},
		accel:      map[string]*Type{},
		accel7:     map[string]*Type{},
		assemblies: map[string]string{},
		refused:    c.Refused,
	}
	for i := range e.aliases {
		e.aliases[i] = map[string]string{}
	}
	for _, list := range [][]*Cmdlet{coreCmdlets(), c.Cmdlets} {
		for _, d := range list {
			e.addCmdlet(d)
		}
	}
	for _, list := range [][]*Type{coreTypes(), moreTypes(), exceptionTypes(), c.Types} {
		for _, t := range list {
			e.addType(t)
			if t.Assembly != "" {
				e.assemblies[strings.ToLower(t.Assembly)] = t.Assembly
			}
		}
	}
	for _, a := range c.Assemblies {
		e.assemblies[strings.ToLower(a)] = a
	}
	e.kinds = newKinds(e)
	e.members = sync.OnceValue(e.memberNames)
	return e
}

func (e *Engine) addCmdlet(c *Cmdlet) {
	key := strings.ToLower(c.Name)
	if c.Edition != Both {
		key += "\x00" + string(rune('0'+c.Edition))
	}
	e.cmdlets[key] = c
	for ed, list := range [3][]string{c.Aliases, c.Aliases51, c.Aliases7} {
		for _, a := range list {
			e.aliases[ed][strings.ToLower(a)] = c.Name
		}
	}
}

// Programs returns the host programs for the machine's table: "powershell" is
// Windows PowerShell 5.1, "pwsh" PowerShell 7.
func (e *Engine) Programs() map[string]machine.Program {
	return map[string]machine.Program{
		"powershell": &host{engine: e, edition: Desktop},
		"pwsh":       &host{engine: e, edition: Core},
	}
}

// Cmdlet returns the cmdlet of a name (not an alias) in an edition, or nil.
func (e *Engine) Cmdlet(name string, ed Edition) *Cmdlet {
	key := strings.ToLower(name)
	if c := e.cmdlets[key]; c != nil {
		return c
	}
	return e.cmdlets[key+"\x00"+string(rune('0'+ed))]
}

// Alias returns what a built-in alias of an edition stands for, or "".
func (e *Engine) Alias(name string, ed Edition) string {
	key := strings.ToLower(name)
	if t := e.aliases[ed][key]; t != "" {
		return t
	}
	return e.aliases[Both][key]
}

// Aliases returns the built-in aliases of an edition, by name, each with what it
// stands for.
func (e *Engine) Aliases(ed Edition) [][2]string {
	var list [][2]string
	for _, i := range []Edition{Both, ed} {
		for a, t := range e.aliases[i] {
			list = append(list, [2]string{a, t})
		}
	}
	slices.SortFunc(list, func(a, b [2]string) int { return strings.Compare(a[0], b[0]) })
	return list
}

// Cmdlets returns all cmdlets of an edition, by name.
func (e *Engine) Cmdlets(ed Edition) []*Cmdlet {
	var list []*Cmdlet
	for _, c := range e.cmdlets {
		if c.Edition.In(ed) {
			list = append(list, c)
		}
	}
	slices.SortFunc(list, func(a, b *Cmdlet) int {
		return strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name))
	})
	return list
}

// Type returns the type of a name as scripts write it ("IO.Path",
// "System.IO.Path", "regex", "string[]"), or nil.
func (e *Engine) Type(name string) *Type { return e.findType(name, nil, Both) }

// memberNames is the set of the names of all instance members, in lower case:
// what a method or property of a value of unknown type can be.
func (e *Engine) memberNames() map[string]bool {
	set := map[string]bool{}
	for _, t := range e.types {
		for _, p := range t.parts {
			if p.Members == nil {
				continue
			}
			for _, m := range p.Members() {
				if !m.Static {
					set[strings.ToLower(m.Name)] = true
				}
			}
		}
	}
	return set
}
