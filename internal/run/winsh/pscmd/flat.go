package pscmd

import (
	"context"
	"slices"
	"strings"

	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/run/winsh/ps"
)

// flat is a provider without containers in it: the environment, variables,
// functions and aliases of the session.
type flat struct {
	get func(s *ps.Session, name string) (value any, canonical string, ok bool)
	all func(s *ps.Session) []flatEntry
	set func(ctx context.Context, s *ps.Session, name string, v any) error
	// drop removes an item that exists.
	drop func(s *ps.Session, name string) error
	// wrap makes the object of Get-Item.
	wrap func(s *ps.Session, name string, v any) any
	// content is what Get-Content reads of an item.
	content func(v any) any
}

type flatEntry struct {
	name  string
	value any
}

func (f *flat) stat(_ context.Context, s *ps.Session, p ps.Path) (*node, error) {
	if p.Name == "" {
		return &node{Path: p, container: true}, nil
	}
	v, name, ok := f.get(s, p.Name)
	if !ok {
		return nil, nil
	}
	p.Name = name
	return &node{Path: p, leaf: name, value: v}, nil
}

func (f *flat) list(_ context.Context, s *ps.Session, n *node) ([]*node, error) {
	var list []*node
	for _, e := range f.all(s) {
		p := n.Path
		p.Name = e.name
		list = append(list, &node{Path: p, leaf: e.name, value: e.value})
	}
	return list, nil
}

func (f *flat) object(_ context.Context, s *ps.Session, n *node) (any, error) {
	if n.container {
		var all []any
		for _, e := range f.all(s) {
			all = append(all, f.wrap(s, e.name, e.value))
		}
		return ps.NewArray(all...), nil
	}
	v := f.wrap(s, n.Name, n.value)
	e, v := ps.Extras(v)
	p := n.Path
	e.Set("PSPath", p.Qualified())
	if p.Drive != nil {
		e.Set("PSDrive", driveObject(s, p.Drive))
	}
	e.Set("PSProvider", providerObject(s, p.Provider))
	e.Set("PSIsContainer", false)
	return v, nil
}

// flatOf returns the provider of that name.
func flatOf(name string) *flat {
	switch name {
	case environment:
		return environmentItems()
	case variables:
		return variableItems()
	case functions:
		return functionItems()
	}
	return aliasItems()
}

func environmentItems() *flat {
	find := func(s *ps.Session, name string) (string, string, bool) {
		for _, kv := range s.Process().Env.List() {
			// Names may begin with "=".
			i := strings.IndexByte(kv[1:], '=') + 1
			if strings.EqualFold(kv[:i], name) {
				return kv[i+1:], kv[:i], true
			}
		}
		return "", "", false
	}
	return &flat{
		get: func(s *ps.Session, name string) (any, string, bool) { return find3(find(s, name)) },
		all: func(s *ps.Session) []flatEntry {
			var list []flatEntry
			for _, kv := range s.Process().Env.List() {
				i := strings.IndexByte(kv[1:], '=') + 1
				if i > 0 && kv[0] != '=' {
					list = append(list, flatEntry{kv[:i], kv[i+1:]})
				}
			}
			return list
		},
		set: func(_ context.Context, s *ps.Session, name string, v any) error {
			if text := s.ToString(v); text != "" {
				s.Process().Env.Set(name, text)
			} else {
				s.Process().Env.Unset(name)
			}
			return nil
		},
		drop:    func(s *ps.Session, name string) error { s.Process().Env.Unset(name); return nil },
		wrap:    func(_ *ps.Session, name string, v any) any { return ps.Entry{Key: name, Value: v} },
		content: func(v any) any { return v },
	}
}

func find3(v, name string, ok bool) (any, string, bool) { return v, name, ok }

func variableItems() *flat {
	return &flat{
		get: func(s *ps.Session, name string) (any, string, bool) {
			v, err := s.FindVariable(name, "")
			if err != nil || v == nil {
				return nil, "", false
			}
			return v, v.Name, true
		},
		all: func(s *ps.Session) []flatEntry {
			var list []flatEntry
			vars, _ := s.ListVariables("")
			for _, v := range vars {
				list = append(list, flatEntry{v.Name, v})
			}
			return list
		},
		set:     func(_ context.Context, s *ps.Session, name string, v any) error { return s.SetVariable(name, v) },
		drop:    func(s *ps.Session, name string) error { return s.DropVariable(name, "") },
		wrap:    func(s *ps.Session, _ string, v any) any { return variableObject(s, v.(*ps.Variable)) },
		content: func(v any) any { return v.(*ps.Variable).Value },
	}
}

func functionItems() *flat {
	return &flat{
		get: func(s *ps.Session, name string) (any, string, bool) { return findCommandIn(allFunctions(s), name) },
		all: func(s *ps.Session) []flatEntry { return commandEntries(allFunctions(s)) },
		set: func(ctx context.Context, s *ps.Session, name string, v any) error {
			b, ok := ps.Unwrap(v).(*ps.ScriptBlock)
			if !ok {
				parsed, err := s.Parse(ctx, s.ToString(v), "")
				if err != nil {
					return err
				}
				b = parsed
			}
			s.SetFunction(name, b)
			return nil
		},
		drop: func(s *ps.Session, name string) error { s.SetFunction(name, nil); return nil },
		wrap: func(s *ps.Session, _ string, v any) any { return s.CommandObject(v.(*ps.CommandInfo)) },
		content: func(v any) any {
			if b := v.(*ps.CommandInfo).Block; b != nil {
				return b
			}
			return v.(*ps.CommandInfo).Definition
		},
	}
}

// allFunctions are those of scripts and those that PowerShell brings.
func allFunctions(s *ps.Session) []*ps.CommandInfo {
	list := s.Functions()
	for _, c := range s.Engine().Cmdlets(s.Edition()) {
		if c.Function && !slices.ContainsFunc(list, func(f *ps.CommandInfo) bool { return strings.EqualFold(f.Name, c.Name) }) {
			list = append(list, &ps.CommandInfo{Kind: "Function", Name: c.Name, Cmdlet: c})
		}
	}
	slices.SortStableFunc(list, func(a, b *ps.CommandInfo) int {
		return strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name))
	})
	return list
}

func aliasItems() *flat {
	return &flat{
		get: func(s *ps.Session, name string) (any, string, bool) { return findCommandIn(s.Aliases(), name) },
		all: func(s *ps.Session) []flatEntry { return commandEntries(s.Aliases()) },
		set: func(_ context.Context, s *ps.Session, name string, v any) error {
			s.SetAlias(name, s.ToString(v))
			return nil
		},
		drop:    func(s *ps.Session, name string) error { s.SetAlias(name, ""); return nil },
		wrap:    func(s *ps.Session, _ string, v any) any { return s.CommandObject(v.(*ps.CommandInfo)) },
		content: func(v any) any { return v.(*ps.CommandInfo).Definition },
	}
}

func findCommandIn(list []*ps.CommandInfo, name string) (any, string, bool) {
	for _, c := range list {
		if strings.EqualFold(c.Name, name) {
			return c, c.Name, true
		}
	}
	return nil, "", false
}

func commandEntries(list []*ps.CommandInfo) []flatEntry {
	var out []flatEntry
	for _, c := range list {
		out = append(out, flatEntry{c.Name, c})
	}
	return out
}

// newFlat makes an item for New-Item: one that exists is an error without
// -Force.
func newFlat(ctx context.Context, c *ps.Call, p ps.Path, value any, hasValue bool) error {
	f := flatOf(p.Provider)
	if !hasValue {
		return c.Error(ctx, fail(argumentNullException, "Value cannot be null.\r\nParameter name: value", "NewItemValueNotSpecified", ps.InvalidArgument, p.Name))
	}
	if _, _, ok := f.get(c.Session, p.Name); ok && !c.Switch("Force") {
		return c.Error(ctx, fail(psArgument, "The item at path '"+p.Name+"' already exists.", "Argument", ps.InvalidArgument, p.Name))
	}
	if err := f.set(ctx, c.Session, p.Name, value); err != nil {
		return report(ctx, c, err)
	}
	n, err := f.stat(ctx, c.Session, p)
	if n == nil || err != nil {
		return err
	}
	return write(ctx, c, n)
}

// noProvider refuses an operation that a provider does not have.
func noProvider(c *ps.Call, p ps.Path) error {
	return machine.Refuse(c.Cmdlet.Name+" "+p.String(), "the provider "+p.Provider+" does not do this", "")
}
