package ps

import (
	"slices"
	"strings"

	"github.com/casement/casement/internal/run/winsh/pslang"
)

// addType puts a type into the registry, or merges it into one of its name.
func (e *Engine) addType(t *Type) {
	key := strings.ToLower(t.Name)
	c := e.types[key]
	if c == nil {
		c = &Type{Name: t.Name, engine: e}
		e.types[key] = c
	}
	c.merge(t)
	for _, a := range t.Aliases {
		e.accel[strings.ToLower(a)] = c
	}
	for _, a := range t.Aliases7 {
		e.accel7[strings.ToLower(a)] = c
	}
}

// merge takes over what a part has and the type has not.
func (t *Type) merge(p *Type) {
	t.parts = append(t.parts, p)
	take := func(dst *string, src string) {
		if *dst == "" {
			*dst = src
		}
	}
	take(&t.Base, p.Base)
	take(&t.Assembly, p.Assembly)
	if t.Refuse == "" {
		t.Refuse, t.Way = p.Refuse, p.Way
	}
	t.Aliases = append(t.Aliases, p.Aliases...)
	t.Implements = append(t.Implements, p.Implements...)
	t.New = append(t.New, p.New...)
	t.Default = append(t.Default, p.Default...)
	t.Value, t.Flags = t.Value || p.Value, t.Flags || p.Flags
	t.Interface, t.Abstract = t.Interface || p.Interface, t.Abstract || p.Abstract
	if t.Edition == Both {
		t.Edition = p.Edition
	}
	if t.Convert == nil {
		t.Convert = p.Convert
	}
	if t.String == nil {
		t.String = p.String
	}
	if t.Format == nil {
		t.Format = p.Format
	}
	if t.Values == nil {
		t.Values = p.Values
	}
	if t.Names == nil {
		t.Names = p.Names
	}
	if t.Dynamic == nil {
		t.Dynamic = p.Dynamic
	}
	if t.View == nil {
		t.View = p.View
	}
}

// BaseType returns the base, or nil for System.Object and interfaces.
func (t *Type) BaseType() *Type {
	switch {
	case t.Name == "System.Object" || t.Interface || t.engine == nil:
		return nil
	case t.Base != "":
		return t.engine.mustType(t.Base)
	case t.Elem != nil:
		return t.engine.mustType("System.Array")
	case t.Values != nil:
		return t.engine.mustType("System.Enum")
	case t.Value:
		return t.engine.mustType("System.ValueType")
	}
	return t.engine.mustType("System.Object")
}

// Inherits reports whether t is the type of that name, derived from it, or
// implements it.
func (t *Type) Inherits(name string) bool {
	for b := t; b != nil; b = b.BaseType() {
		if strings.EqualFold(b.Name, name) {
			return true
		}
		for _, i := range b.Implements {
			if strings.EqualFold(i, name) {
				return true
			}
		}
	}
	return name == "System.Object"
}

// prepare makes the tables of members, once.
func (t *Type) prepare() {
	t.once.Do(func() {
		t.table, t.static = map[string]*Member{}, map[string]*Member{}
		for _, p := range t.parts {
			if p.Members == nil {
				continue
			}
			for _, m := range p.Members() {
				t.addMember(m)
			}
		}
		if b := t.BaseType(); b != nil {
			b.prepare()
			for _, m := range b.order {
				table := t.table
				if m.Static {
					table = t.static
				}
				key := strings.ToLower(m.Name)
				old := table[key]
				if old == nil {
					table[key] = m
					t.order = append(t.order, m)
				} else if old.Kind == KindMethod && m.Kind == KindMethod {
					old.inherit(m.Overloads)
				}
			}
		}
	})
}

// inherit adds the overloads of a base's method that the method does not have.
func (m *Member) inherit(list []Overload) {
	own := slices.Clone(m.Overloads)
	for _, o := range list {
		same := slices.ContainsFunc(own, func(x Overload) bool {
			return slices.EqualFunc(x.Params, o.Params, func(a, b Param) bool { return strings.EqualFold(a.Type, b.Type) })
		})
		if !same {
			own = append(own, o)
		}
	}
	m.Overloads = own
}

func (t *Type) addMember(m Member) {
	table := t.table
	if m.Static {
		table = t.static
	}
	key := strings.ToLower(m.Name)
	if old := table[key]; old != nil && old.owner == t {
		if m.Kind == KindMethod && old.Kind == KindMethod {
			old.Overloads = append(slices.Clone(old.Overloads), m.Overloads...)
		}
		return
	}
	m.owner = t
	table[key] = &m
	t.order = append(t.order, &m)
}

// Member returns the instance member of a name, in any case, or nil.
func (t *Type) Member(name string) *Member {
	t.prepare()
	return t.table[strings.ToLower(name)]
}

// StaticMember returns the static member of a name, or nil.
func (t *Type) StaticMember(name string) *Member {
	t.prepare()
	return t.static[strings.ToLower(name)]
}

// AllMembers returns the members of the type, then those that it inherits.
func (t *Type) AllMembers() []*Member {
	t.prepare()
	return t.order
}

// mustType returns a type that is known to be there; for one that is not, one
// without members.
func (e *Engine) mustType(name string) *Type {
	if t := e.types[strings.ToLower(name)]; t != nil {
		return t
	}
	if t := e.findType(name, nil, Both); t != nil {
		return t
	}
	t := &Type{Name: name, engine: e}
	actual, _ := e.made.LoadOrStore(strings.ToLower(name), t)
	return actual.(*Type)
}

// canonical returns the engine's own type for one that a package made.
func (e *Engine) canonical(t *Type) *Type {
	if t == nil || t.engine == e {
		return t
	}
	return e.mustType(t.Name)
}

// findType looks a name up as scripts write it.
func (e *Engine) findType(name string, using []string, ed Edition) *Type {
	n := parseTypeName(name)
	if n == nil {
		return nil
	}
	return e.resolveType(n, using, ed)
}

// typeRef is the name of a type taken apart.
type typeRef struct {
	name  string
	args  []*typeRef
	ranks []int
}

// refOf takes over the parser's form.
func refOf(n *pslang.TypeName) *typeRef {
	r := &typeRef{name: n.Name, ranks: n.Ranks}
	for _, a := range n.Args {
		r.args = append(r.args, refOf(a))
	}
	return r
}

// parseTypeName parses "List[string]", "int[]", "string[,]"; nil is wrong syntax.
func parseTypeName(s string) *typeRef {
	s = strings.TrimSpace(s)
	r, rest := parseTypeRef(s)
	if r == nil {
		return nil
	}
	rest = strings.TrimSpace(rest)
	if rest != "" && rest[0] != ',' { // an assembly may follow
		return nil
	}
	return r
}

func parseTypeRef(s string) (*typeRef, string) {
	end := strings.IndexAny(s, "[], ")
	if end < 0 {
		end = len(s)
	}
	if end == 0 {
		return nil, s
	}
	r := &typeRef{name: s[:end]}
	s = s[end:]
	for strings.HasPrefix(s, "[") {
		inner := strings.TrimLeft(s[1:], " ")
		if rank := strings.IndexByte(inner, ']'); rank >= 0 && strings.Trim(inner[:rank], ", ") == "" {
			r.ranks = append(r.ranks, strings.Count(inner[:rank], ",")+1)
			s = inner[rank+1:]
			continue
		}
		if len(r.ranks) > 0 || r.args != nil {
			return nil, s
		}
		for {
			inner = strings.TrimLeft(inner, " ")
			bracket := strings.HasPrefix(inner, "[")
			if bracket {
				inner = inner[1:]
			}
			a, rest := parseTypeRef(inner)
			if a == nil {
				return nil, s
			}
			if bracket {
				i := strings.IndexByte(rest, ']')
				if i < 0 {
					return nil, s
				}
				rest = rest[i+1:]
			}
			r.args = append(r.args, a)
			inner = strings.TrimLeft(rest, " ")
			if strings.HasPrefix(inner, ",") {
				inner = inner[1:]
				continue
			}
			break
		}
		if !strings.HasPrefix(inner, "]") {
			return nil, s
		}
		s = inner[1:]
	}
	return r, s
}

// resolveType finds the type of a reference, or nil.
func (e *Engine) resolveType(r *typeRef, using []string, ed Edition) *Type {
	var t *Type
	if len(r.args) > 0 {
		t = e.closeGeneric(r, using, ed)
	} else {
		t = e.plainType(r.name, using, ed)
	}
	for _, rank := range r.ranks {
		if t == nil {
			return nil
		}
		t = e.arrayOf(t, rank)
	}
	return t
}

func (e *Engine) plainType(name string, using []string, ed Edition) *Type {
	key := strings.ToLower(name)
	if t := e.accel[key]; t != nil {
		return t
	}
	if t := e.accel7[key]; t != nil && ed != Desktop {
		return t
	}
	try := func(key string) *Type {
		if t := e.types[key]; t != nil && (ed == Both || t.Edition.In(ed)) {
			return t
		}
		return nil
	}
	if t := try(key); t != nil {
		return t
	}
	if t := try("system." + key); t != nil {
		return t
	}
	for _, ns := range using {
		if t := try(strings.ToLower(ns) + "." + key); t != nil {
			return t
		}
	}
	return nil
}

func (e *Engine) closeGeneric(r *typeRef, using []string, ed Edition) *Type {
	name := r.name
	if !strings.Contains(name, "`") {
		name += "`" + string(rune('0'+len(r.args)))
	}
	open := e.plainType(name, using, ed)
	if open == nil {
		return nil
	}
	var args []*Type
	var names []string
	for _, a := range r.args {
		t := e.resolveType(a, using, ed)
		if t == nil {
			return nil
		}
		args, names = append(args, t), append(names, t.Name)
	}
	full := open.Name + "[" + strings.Join(names, ",") + "]"
	key := strings.ToLower(full)
	if t, ok := e.made.Load(key); ok {
		return t.(*Type)
	}
	t := &Type{Name: full, engine: e}
	for _, p := range open.parts {
		t.merge(p)
	}
	t.Aliases, t.Args = nil, args
	actual, _ := e.made.LoadOrStore(key, t)
	return actual.(*Type)
}

// arrayOf returns the type of arrays of a type.
func (e *Engine) arrayOf(t *Type, rank int) *Type {
	name := t.Name + "[" + strings.Repeat(",", rank-1) + "]"
	key := strings.ToLower(name)
	if a, ok := e.made.Load(key); ok {
		return a.(*Type)
	}
	a := &Type{Name: name, Elem: t, rank: rank, engine: e}
	actual, _ := e.made.LoadOrStore(key, a)
	return actual.(*Type)
}

// shortName is how PowerShell writes a type in texts ("int", "string[]",
// "System.IO.FileInfo"): the accelerator if there is one.
func (t *Type) shortName() string {
	if t.Elem != nil {
		return t.Elem.shortName() + t.Name[len(t.Elem.Name):]
	}
	if len(t.Args) > 0 {
		var names []string
		for _, a := range t.Args {
			names = append(names, a.shortName())
		}
		open, _, _ := strings.Cut(t.Name, "`")
		return open + "[" + strings.Join(names, ",") + "]"
	}
	if len(t.Aliases) > 0 {
		return t.Aliases[0]
	}
	return t.Name
}
