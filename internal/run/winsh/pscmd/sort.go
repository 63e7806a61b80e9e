package pscmd

import (
	"context"
	"slices"
	"strings"

	"github.com/casement/casement/internal/run/winsh/ps"
)

// sortCmdlets order objects.
func sortCmdlets() []*ps.Cmdlet {
	return []*ps.Cmdlet{{
		Name: "Sort-Object", Aliases: []string{"sort"}, Module: moduleUtility, DefaultSet: "Default",
		Syntax: params(`
			Property object[] @1
			InputObject object pipeline
			Descending switch
			Unique switch
			Culture string !texts are ordered as in en-US
			CaseSensitive switch
			Stable switch {Default} 7
			Top int range=1..2147483647 mandatory {Top} 7
			Bottom int range=1..2147483647 mandatory {Bottom} 7`),
		Start: startSort,
	}}
}

// keyed is an object with its keys.
type keyed struct {
	value any
	keys  []any
	found []bool
}

// keysOf evaluates the expressions for an object; without any the object is its
// own key.
func keysOf(ctx context.Context, s *ps.Session, exprs []propExpr, v any) (keyed, error) {
	k := keyed{value: v}
	if len(exprs) == 0 {
		k.keys, k.found = []any{v}, []bool{true}
		return k, nil
	}
	for _, e := range exprs {
		x, ok, err := e.one(ctx, s, v)
		if err != nil {
			return k, err
		}
		k.keys, k.found = append(k.keys, x), append(k.found, ok)
	}
	return k, nil
}

// compareKeys orders by keys; down says which of them descend.
func compareKeys(s *ps.Session, a, b keyed, down []bool, caseSensitive bool) int {
	for i := range a.keys {
		n := 0
		switch {
		case !a.found[i] && !b.found[i]:
		case !a.found[i]:
			n = 1 // what has no such property comes behind
			if len(down) > i && down[i] {
				n = -1
			}
		case !b.found[i]:
			n = -1
			if len(down) > i && down[i] {
				n = 1
			}
		default:
			n = order(s, a.keys[i], b.keys[i], caseSensitive)
		}
		if n != 0 {
			if len(down) > i && down[i] {
				return -n
			}
			return n
		}
	}
	return 0
}

// collectKeyed returns a Process that adds each object of the input to a list,
// with its keys.
func collectKeyed(exprs []propExpr, list *[]keyed) func(context.Context, *ps.Call) error {
	return func(ctx context.Context, c *ps.Call) error {
		v := inputOf(c)
		if ps.IsNull(v) {
			return nil
		}
		k, err := keysOf(ctx, c.Session, exprs, v)
		if err != nil {
			return err
		}
		*list = append(*list, k)
		return nil
	}
}

func startSort(_ context.Context, c *ps.Call) (ps.Steps, error) {
	exprs, err := propExprs(c, c.Values("Property"))
	if err != nil {
		return ps.Steps{}, err
	}
	down := make([]bool, max(1, len(exprs)))
	for i := range down {
		down[i] = c.Switch("Descending")
		if i < len(exprs) && exprs[i].descending != nil {
			down[i] = *exprs[i].descending
		}
	}
	var list []keyed
	cs := c.Switch("CaseSensitive")
	return ps.Steps{
		Process: collectKeyed(exprs, &list),
		End: func(ctx context.Context, c *ps.Call) error {
			if c.Switch("Stable") || c.Has("Top") || c.Has("Bottom") {
				sortKeyed(c.Session, list, down, cs)
			} else {
				netSort(list, func(a, b keyed) int { return compareKeys(c.Session, a, b, down, cs) })
			}
			if c.Switch("Unique") {
				list = slices.CompactFunc(list, func(a, b keyed) bool { return compareKeys(c.Session, a, b, down, cs) == 0 })
			}
			if n := c.Int("Top", 0); n > 0 {
				list = list[:min(n, len(list))]
			}
			if n := c.Int("Bottom", 0); n > 0 {
				list = list[max(0, len(list)-n):]
			}
			for _, k := range list {
				if err := c.Write(ctx, k.value); err != nil {
					return err
				}
			}
			return nil
		},
	}, nil
}

func sortKeyed(s *ps.Session, list []keyed, down []bool, caseSensitive bool) {
	slices.SortStableFunc(list, func(a, b keyed) int { return compareKeys(s, a, b, down, caseSensitive) })
}

// groupCmdlets put objects together.
func groupCmdlets() []*ps.Cmdlet {
	return []*ps.Cmdlet{{
		Name: "Group-Object", Aliases: []string{"group"}, Module: moduleUtility,
		Syntax: params(`
			NoElement switch
			AsHashTable|AHT switch
			AsString switch
			Property object[] @1
			InputObject object pipeline
			Culture string !texts are compared as in en-US
			CaseSensitive switch`),
		Start: startGroup,
	}}
}

// groupInfo is the Data of a GroupInfo.
type groupInfo struct {
	keyed
	name  string
	count int
	items []any
}

func startGroup(_ context.Context, c *ps.Call) (ps.Steps, error) {
	exprs, err := propExprs(c, c.Values("Property"))
	if err != nil {
		return ps.Steps{}, err
	}
	if c.Switch("AsString") && !c.Switch("AsHashTable") {
		return ps.Steps{}, fail(argumentException, "The AsString parameter can be specified only with AsHashTable parameter. Add AsHashTable parameter to your command and retry.", "ArgumentException", ps.InvalidArgument, true)
	}
	if c.Switch("AsHashTable") && !c.Switch("AsString") && len(exprs) > 1 {
		return ps.Steps{}, fail(argumentException, "The -AsHashTable parameter can only be used when there is only one property specified in -Property parameter.", "ArgumentException", ps.InvalidArgument, c.Value("Property"))
	}
	var list []keyed
	return ps.Steps{
		Process: collectKeyed(exprs, &list),
		End:     func(ctx context.Context, c *ps.Call) error { return writeGroups(ctx, c, list) },
	}, nil
}

// writeGroups groups and writes. PowerShell 7 orders the groups where all keys
// are of one type.
func writeGroups(ctx context.Context, c *ps.Call, list []keyed) error {
	s, cs := c.Session, c.Switch("CaseSensitive")
	if s.Edition() == ps.Core && sameTypes(s, list) {
		sortKeyed(s, list, nil, cs)
	}
	var groups []*groupInfo
	byText := map[string][]*groupInfo{}
	for _, k := range list {
		var texts []string
		for _, x := range k.keys {
			texts = append(texts, s.ToString(x))
		}
		hash := strings.ToLower(strings.Join(texts, "\x00"))
		var g *groupInfo
		for _, old := range byText[hash] {
			if compareKeys(s, old.keyed, k, nil, cs) == 0 {
				g = old
				break
			}
		}
		if g == nil {
			g = &groupInfo{keyed: k, name: groupName(s, k.keys)}
			groups = append(groups, g)
			byText[hash] = append(byText[hash], g)
		}
		g.count++
		g.items = append(g.items, k.value)
	}
	if c.Switch("AsHashTable") {
		if len(groups) == 0 {
			return nil
		}
		h := ps.NewHashtable()
		h.CaseSensitive = cs
		for _, g := range groups {
			key := ps.Unwrap(g.keys[0])
			if c.Switch("AsString") {
				key = g.name
			}
			h.Put(key, g.collection(c))
		}
		return c.Write(ctx, h)
	}
	for _, g := range groups {
		if err := c.Write(ctx, g.object(c)); err != nil {
			return err
		}
	}
	return nil
}

func sameTypes(s *ps.Session, list []keyed) bool {
	var types []string
	for _, k := range list {
		for i, x := range k.keys {
			name := ""
			if t := s.TypeOf(ps.Unwrap(x)); t != nil {
				name = t.Name
			}
			switch {
			case len(types) <= i:
				types = append(types, name)
			case types[i] == "":
				types[i] = name
			case name != "" && types[i] != name:
				return false
			}
		}
	}
	return true
}

// groupName joins the keys as GroupInfo.Name does.
func groupName(s *ps.Session, keys []any) string {
	var parts []string
	for _, k := range keys {
		if ps.IsNull(k) {
			continue
		}
		if ps.Enumerable(k) {
			var items []string
			for _, item := range ps.Items(k) {
				items = append(items, s.Display(item))
			}
			parts = append(parts, "{"+strings.Join(items, ", ")+"}")
			continue
		}
		parts = append(parts, s.Display(k))
	}
	return strings.Join(parts, ", ")
}

func (g *groupInfo) collection(c *ps.Call) any {
	if c.Switch("NoElement") {
		return ps.NewArray()
	}
	return &ps.Array{Type: "System.Collections.ObjectModel.Collection`1[System.Management.Automation.PSObject]", Items: g.items}
}

func (g *groupInfo) object(c *ps.Call) any {
	if c.Switch("NoElement") {
		g.items = nil
		return c.Session.Object("Microsoft.PowerShell.Commands.GroupInfoNoElement", g)
	}
	return c.Session.Object("Microsoft.PowerShell.Commands.GroupInfo", g)
}
