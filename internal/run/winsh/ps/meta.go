package ps

import (
	"context"
	"slices"
	"strings"

	"github.com/casement/casement/internal/run/winsh/pslang"
)

// param is a parameter of a cmdlet or function, as the binder sees it.
type param struct {
	name     string
	aliases  []string
	typeName string
	typ      *Type // nil for object
	isSwitch bool
	uses     []use // one for each parameter set that it is declared in
	checks   []check
	// allowNull and its kin are validation of null and empty values.
	allowNull, allowEmpty bool
	hasAttribute          bool // [Parameter()]
	common, dynamic       bool
	refuse, way           string
	// decl is the declaration of a function's parameter.
	decl *pslang.ParamDecl
}

// use is what a parameter is in one set; set 0 is all of them.
type use struct {
	set                                          uint64
	pos                                          int // from 0; -1 by name only
	mandatory, fromPipe, fromProperty, remaining bool
}

// check validates a value: the text says what is wrong with it.
type check func(ctx context.Context, s *Session, v any) (string, error)

// meta is what the binder knows of a command.
type meta struct {
	name       string
	params     []*param
	index      map[string]*param // by lower-case name and alias
	sets       []string
	defaultSet uint64
	// advanced commands know the common parameters and take no others.
	advanced, shouldProcess bool
	// impact is the ConfirmImpact, "" for Medium.
	impact string
	cmdlet *Cmdlet
}

// use returns what the parameter is in the valid sets, the default one first.
func (p *param) use(valid, prefer uint64) (use, bool) {
	var found use
	ok := false
	for _, u := range p.uses {
		if u.set == 0 || u.set&valid != 0 {
			if !ok || prefer != 0 && u.set&prefer != 0 {
				found, ok = u, true
			}
		}
	}
	return found, ok
}

// mask are the sets that a parameter is in; all for one that is in every set.
func (p *param) mask() uint64 {
	m := uint64(0)
	for _, u := range p.uses {
		if u.set == 0 {
			return ^uint64(0)
		}
		m |= u.set
	}
	return m
}

func (m *meta) add(p *param) {
	m.params = append(m.params, p)
	m.index[strings.ToLower(p.name)] = p
	for _, a := range p.aliases {
		if key := strings.ToLower(a); m.index[key] == nil {
			m.index[key] = p
		}
	}
}

func (m *meta) set(name string) uint64 {
	for i, s := range m.sets {
		if strings.EqualFold(s, name) {
			return 1 << i
		}
	}
	if len(m.sets) >= 63 {
		return 0
	}
	m.sets = append(m.sets, name)
	return 1 << (len(m.sets) - 1)
}

func (m *meta) setName(mask uint64) string {
	for i, s := range m.sets {
		if mask&(1<<i) != 0 {
			return s
		}
	}
	return "__AllParameterSets"
}

// all are all sets that there are; at least one.
func (m *meta) all() uint64 {
	if len(m.sets) == 0 {
		return 1
	}
	return 1<<len(m.sets) - 1
}

// meta returns the binder's view of a cmdlet in an edition.
func (e *Engine) meta(c *Cmdlet, ed Edition) *meta {
	key := metaKey{c, ed}
	if m, ok := e.metas.Load(key); ok {
		return m.(*meta)
	}
	m := &meta{name: c.Name, index: map[string]*param{}, advanced: true, shouldProcess: c.ShouldProcess, cmdlet: c}
	for _, d := range c.Params() {
		if !d.Edition.In(ed) {
			continue
		}
		u := use{pos: d.Pos - 1, mandatory: d.Mandatory, fromPipe: d.FromPipeline, fromProperty: d.FromProperty, remaining: d.Remaining}
		p := m.index[strings.ToLower(d.Name)]
		if p == nil || !strings.EqualFold(p.name, d.Name) {
			p = e.newParam(d)
			m.add(p)
		}
		for _, name := range d.Sets {
			u.set = m.set(name)
			p.uses = append(p.uses, u)
		}
		if len(d.Sets) == 0 {
			p.uses = append(p.uses, u)
		}
	}
	if c.DefaultSet != "" {
		m.defaultSet = m.set(c.DefaultSet)
	}
	e.addCommon(m, ed)
	actual, _ := e.metas.LoadOrStore(key, m)
	return actual.(*meta)
}

type metaKey struct {
	c  *Cmdlet
	ed Edition
}

func (e *Engine) newParam(d Parameter) *param {
	p := &param{name: d.Name, aliases: d.Aliases, typeName: d.Type, allowNull: d.AllowNull, allowEmpty: d.AllowEmpty,
		refuse: d.Refuse, way: d.Way, dynamic: d.Dynamic, hasAttribute: true}
	if p.refuse != "" && p.way == "" {
		p.way = "leave the parameter out"
	}
	e.typeParam(p)
	switch {
	case d.NotEmpty:
		p.checks = append(p.checks, checkNotEmpty)
	case d.NotNull:
		p.checks = append(p.checks, checkNotNull)
	}
	if len(d.ValidateSet) > 0 {
		p.checks = append(p.checks, checkSet(d.ValidateSet, false))
	}
	if d.Max > d.Min {
		p.checks = append(p.checks, checkRange(d.Min, d.Max, nil))
	}
	return p
}

func (e *Engine) typeParam(p *param) {
	switch strings.ToLower(p.typeName) {
	case "", "object", "psobject":
		return
	case "switch":
		p.isSwitch = true
	}
	p.typ = e.findType(p.typeName, nil, Both)
	if p.typ == nil {
		p.typ = e.mustType(p.typeName)
	}
}

// commonParams are those of every cmdlet and advanced function.
func commonParams(ed Edition, shouldProcess bool) []Parameter {
	action := "System.Management.Automation.ActionPreference"
	list := []Parameter{
		{Name: "Verbose", Aliases: []string{"vb"}, Type: "switch"},
		{Name: "Debug", Aliases: []string{"db"}, Type: "switch"},
		{Name: "ErrorAction", Aliases: []string{"ea"}, Type: action},
		{Name: "WarningAction", Aliases: []string{"wa"}, Type: action},
		{Name: "InformationAction", Aliases: []string{"infa"}, Type: action},
		{Name: "ErrorVariable", Aliases: []string{"ev"}, Type: "string"},
		{Name: "WarningVariable", Aliases: []string{"wv"}, Type: "string"},
		{Name: "InformationVariable", Aliases: []string{"iv"}, Type: "string"},
		{Name: "OutVariable", Aliases: []string{"ov"}, Type: "string"},
		{Name: "OutBuffer", Aliases: []string{"ob"}, Type: "int"},
		{Name: "PipelineVariable", Aliases: []string{"pv"}, Type: "string"},
	}
	if ed == Core {
		list = append(list, Parameter{Name: "ProgressAction", Aliases: []string{"proga"}, Type: action})
	}
	if shouldProcess {
		list = append(list, Parameter{Name: "WhatIf", Aliases: []string{"wi"}, Type: "switch"}, Parameter{Name: "Confirm", Aliases: []string{"cf"}, Type: "switch"})
	}
	return list
}

func (e *Engine) addCommon(m *meta, ed Edition) {
	for _, d := range commonParams(ed, m.shouldProcess) {
		if m.index[strings.ToLower(d.Name)] != nil {
			continue
		}
		p := e.newParam(d)
		p.common = true
		p.uses = []use{{pos: -1}}
		m.add(p)
	}
}

// unknown reports whether no parameter can be meant by a name.
func (m *meta) unknown(name string) bool {
	p, many := m.find(name)
	return p == nil && many == nil
}

// find resolves the name of a parameter: exactly, by alias, or by a prefix that
// is unambiguous. many has the candidates where it is not.
func (m *meta) find(name string) (p *param, many []string) {
	key := strings.ToLower(name)
	if p := m.index[key]; p != nil {
		return p, nil
	}
	var found []*param
	for _, p := range m.params {
		if p.hasPrefix(key) {
			found = append(found, p)
		}
	}
	if static := without(found, func(p *param) bool { return p.dynamic }); len(static) > 0 {
		found = static // dynamic ones are added when these have taken their arguments
	}
	if own := without(found, func(p *param) bool { return p.common }); len(own) == 1 {
		found = own
	}
	switch len(found) {
	case 0:
		return nil, nil
	case 1:
		return found[0], nil
	}
	for _, p := range found {
		many = append(many, "-"+p.name)
	}
	return nil, many
}

// without returns the parameters for which a condition does not hold.
func without(list []*param, drop func(*param) bool) []*param {
	return slices.DeleteFunc(slices.Clone(list), drop)
}

func (p *param) hasPrefix(key string) bool {
	if len(p.name) >= len(key) && strings.EqualFold(p.name[:len(key)], key) {
		return true
	}
	for _, a := range p.aliases {
		if len(a) >= len(key) && strings.EqualFold(a[:len(key)], key) {
			return true
		}
	}
	return false
}
