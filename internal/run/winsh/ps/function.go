package ps

import (
	"context"
	"strings"

	"github.com/casement/casement/internal/run/winsh/pslang"
)

// blockInfo is what the engine works out of a script block once.
type blockInfo struct {
	meta *meta
	// binds says that there are parameters or that it is advanced.
	binds bool
}

// invocation is a call of a function, script block or script that is under way.
type invocation struct {
	parent *invocation
	block  *ScriptBlock
	name   string
	at     pslang.Extent
	file   string
	script bool
	bound  *Hashtable
	args   []any
	// vars are the variables that -ErrorVariable and its kin name.
	vars *commonVars
	// length and place are those of the pipeline, piped says that objects come.
	length, place int
	piped         bool
}

// functionStage runs a function, a script block or a script file.
type functionStage struct {
	block *ScriptBlock
	args  []argument
	// dot runs it in the caller's scope; script in a scope for a file.
	dot, script bool
	under       any
	hasUnder    bool
	this        any

	binding *binding
	frame   *invocation
	scope   *scope
	input   []any
	vars    commonVars
	err     error
	// stale are parameters that an object bound, and that the next may not bind.
	stale []*param
}

// file is the script that runs now, "" for a command line.
func (s *Session) file() string {
	if s.frame != nil {
		return s.frame.file
	}
	return ""
}

// blockOf returns what is known of a script block.
func (s *Session) blockOf(b *ScriptBlock) (*blockInfo, error) {
	if i := s.blocks[b.Body]; i != nil {
		return i, nil
	}
	i, err := s.analyse(b)
	if err != nil {
		return nil, err
	}
	if s.blocks == nil {
		s.blocks = map[*pslang.ScriptBlock]*blockInfo{}
	}
	s.blocks[b.Body] = i
	return i, nil
}

func (s *Session) analyse(b *ScriptBlock) (*blockInfo, error) {
	m := &meta{name: b.name, index: map[string]*param{}}
	i := &blockInfo{meta: m, binds: b.Body.HasParam}
	positional := true
	def := ""
	for _, a := range b.Body.Attributes {
		if attributeName(a) != "cmdletbinding" {
			continue
		}
		m.advanced = true
		_, named, err := s.attributeArgs(a)
		if err != nil {
			return nil, err
		}
		if v, ok := named["positionalbinding"]; ok {
			positional = toBool(v)
		}
		m.shouldProcess = toBool(named["supportsshouldprocess"])
		m.impact = s.ToString(named["confirmimpact"])
		if v, ok := named["defaultparametersetname"]; ok {
			def = s.ToString(v)
		}
	}
	explicit := false
	for _, d := range b.Body.Params {
		p, err := s.declared(m, d)
		if err != nil {
			return nil, err
		}
		m.advanced = m.advanced || p.hasAttribute
		for _, u := range p.uses {
			explicit = explicit || u.pos >= 0
		}
		m.add(p)
	}
	if def != "" {
		m.defaultSet = m.set(def)
	}
	if positional && !explicit {
		n := 0
		for _, p := range m.params {
			if p.isSwitch {
				continue
			}
			for k := range p.uses {
				if !p.uses[k].remaining {
					p.uses[k].pos = n
				}
			}
			n++
		}
	}
	if m.advanced {
		i.binds = true
		s.engine.addCommon(m, s.edition)
	}
	return i, nil
}

// declared makes the binder's view of a declared parameter.
func (s *Session) declared(m *meta, d *pslang.ParamDecl) (*param, error) {
	p := &param{name: d.Name.Name, decl: d}
	for _, t := range d.Types {
		typ, err := s.typeLiteral(t)
		if err != nil {
			return nil, err
		}
		p.typ = typ
		if t.Key == "switch" || typ.Name == "System.Management.Automation.SwitchParameter" {
			p.isSwitch = true
		}
	}
	if p.typ != nil && (p.typ.Name == tObject || p.typ.Name == "System.Management.Automation.PSObject") {
		p.typ = nil
	}
	for _, a := range d.Attributes {
		if err := s.attribute(m, p, a); err != nil {
			return nil, err
		}
	}
	if len(p.uses) == 0 {
		p.uses = []use{{pos: -1}}
	}
	return p, nil
}

func (s *Session) attribute(m *meta, p *param, a *pslang.Attribute) error {
	switch attributeName(a) {
	case "parameter":
		p.hasAttribute = true
		_, named, err := s.attributeArgs(a)
		if err != nil {
			return err
		}
		u := use{pos: -1, mandatory: toBool(named["mandatory"]), fromPipe: toBool(named["valuefrompipeline"]),
			fromProperty: toBool(named["valuefrompipelinebypropertyname"]), remaining: toBool(named["valuefromremainingarguments"])}
		if v, ok := named["position"]; ok {
			n, _ := toInt64(v)
			u.pos = int(n)
		}
		if v, ok := named["parametersetname"]; ok && !strings.EqualFold(s.ToString(v), "__AllParameterSets") {
			u.set = m.set(s.ToString(v))
		}
		p.uses = append(p.uses, u)
	case "alias":
		args, _, err := s.attributeArgs(a)
		if err != nil {
			return err
		}
		for _, v := range args {
			p.aliases = append(p.aliases, s.ToString(v))
		}
	case "allownull":
		p.allowNull = true
	case "allowemptystring", "allowemptycollection":
		p.allowEmpty = true
	case "psdefaultvalue", "argumentcompleter", "argumentcompletions", "supportswildcards", "suppressmessage", "pstypename", "obsolete", "dontshow":
	default:
		c, err := s.validator(a)
		if err != nil {
			return err
		}
		p.checks = append(p.checks, c)
	}
	return nil
}

func (f *functionStage) begin(ctx context.Context, e *element) error {
	s := e.s
	info, err := s.blockOf(f.block)
	if err != nil {
		return err
	}
	if f.block.Body.Dynamic != nil {
		return refuseAt(f.block.Body.Dynamic.Extent, "dynamicparam", "dynamic parameters are not supported", "declare the parameter in the param block")
	}
	if f.block.Body.Clean != nil {
		return refuseAt(f.block.Body.Clean.Extent, "clean", "clean blocks are not supported", "use try and finally in the end block")
	}
	f.scope = f.newScope(s, e)
	f.binding = &binding{s: s, meta: info.meta, at: e.at, command: e.invocationName(), piped: e.piped}
	if err := f.binding.bind(ctx, f.args); err != nil {
		return err
	}
	if info.meta.advanced && info.meta.name != "" {
		if err := f.binding.defaults(ctx); err != nil {
			return err
		}
	}
	if err := f.binding.settle(e.piped && f.binding.takesPipe()); err != nil {
		return err
	}
	file := f.block.file
	f.frame = &invocation{block: f.block, name: e.invocationName(), at: e.at, file: file, script: f.script, length: e.length, place: e.place, piped: e.piped, vars: &f.vars}
	return f.within(e, func() error {
		if err := f.declare(ctx, e); err != nil {
			return err
		}
		if err := f.vars.setup(ctx, e, f.binding); err != nil {
			return err
		}
		if f.block.Body.Begin != nil && !f.dot {
			f.scope.put("input", s.Enumerator(nil))
		}
		return f.run(ctx, e, f.block.Body.Begin)
	})
}

func (f *functionStage) newScope(s *Session, e *element) *scope {
	switch {
	case f.dot && f.block.captured == nil:
		return e.scope
	case f.block.captured != nil:
		return newScope(f.block.captured)
	}
	sc := newScope(e.scope)
	sc.script = f.script
	return sc
}

// within runs a part of the body with the function's scope and frame.
func (f *functionStage) within(e *element, run func() error) error {
	s := e.s
	sc, frame := s.scope, s.frame
	s.scope, s.frame = f.scope, f.frame
	f.frame.parent = frame
	err := run()
	s.scope, s.frame = sc, frame
	return err
}

// declare sets the variables of the parameters and the automatic ones.
func (f *functionStage) declare(ctx context.Context, e *element) error {
	s, b := e.s, f.binding
	if f.this != nil {
		f.scope.put("this", f.this)
	}
	if f.hasUnder {
		f.scope.put("_", f.under)
	}
	f.frame.bound = b.table()
	f.frame.args = b.args
	if !b.meta.advanced && !f.dot || len(f.args) > 0 {
		f.scope.put("args", NewArray(b.args...))
	}
	f.scope.put("PSBoundParameters", f.frame.bound)
	if b.meta.advanced {
		f.scope.put("PSCmdlet", s.Object("System.Management.Automation.PSScriptCmdlet", &scriptCmdlet{f, e}))
	}
	for _, p := range b.meta.params {
		if p.decl == nil {
			continue
		}
		v, bound := b.values[p]
		if !bound {
			x, err := f.initial(ctx, e, p)
			if err != nil {
				return err
			}
			v = x
		}
		f.setParam(p, v)
	}
	return nil
}

// initial is the value of a parameter that is not bound: its default, or the
// zero of its type.
func (f *functionStage) initial(ctx context.Context, e *element, p *param) (any, error) {
	s := e.s
	if p.decl.Default != nil {
		v, err := s.eval(ctx, p.decl.Default)
		if err != nil || p.typ == nil {
			return notEmpty(v), err
		}
		return f.binding.convert(ctx, p, v, p.decl.Extent)
	}
	switch {
	case p.typ == nil:
		return nil, nil
	case p.isSwitch:
		return Switch(false), nil
	case p.typ.Name == tString:
		return "", nil
	}
	return s.zero(p.typ), nil
}

// setParam sets the variable of a parameter, which keeps the type.
func (f *functionStage) setParam(p *param, v any) {
	key := varKey(p.name)
	if f.scope.vars == nil {
		f.scope.vars = map[string]*Variable{}
	}
	x := &Variable{Name: p.name, Value: v}
	if p.typ != nil || len(p.checks) > 0 {
		x.check = func(ctx context.Context, s *Session, v any) (any, error) {
			if p.typ != nil {
				c, err := s.Cast(ctx, v, p.typ)
				if err != nil {
					return nil, s.cannotConvert(p.name, err)
				}
				v = c
			}
			for _, c := range p.checks {
				msg, err := c(ctx, s, v)
				if err != nil {
					return nil, err
				}
				if msg != "" {
					return nil, s.fail("System.Management.Automation.ValidationMetadataException", "The variable cannot be validated because the value "+s.ToString(v)+" is not a valid value for the "+p.name+" variable.", "ValidateSetFailure", MetadataError, nil)
				}
			}
			return v, nil
		}
	}
	f.scope.vars[key] = x
}

// run runs one of the blocks; return ends the block.
func (f *functionStage) run(ctx context.Context, e *element, b *pslang.Block) error {
	if b == nil {
		return nil
	}
	err := e.s.statements(ctx, b, f.vars.wrap(e))
	switch x := err.(type) {
	case returnSignal:
		return nil
	case *ErrorRecord:
		if x.leaves == f {
			x.leaves = nil
		}
	}
	return err
}

func (f *functionStage) process(ctx context.Context, e *element, v any) error {
	body := f.block.Body
	takes := f.binding.takesPipe()
	if takes {
		f.stale = append(f.stale, f.binding.fromPipe...)
		ok, err := f.binding.bindObject(ctx, v)
		if err != nil {
			if isControl(err) {
				return err
			}
			return e.writeErrorTo(ctx, e.s.record(err), f.vars.errorAction, f.vars.err)
		}
		if !ok && f.binding.meta.advanced {
			return f.notBound(ctx, e, v)
		}
	} else if f.binding.meta.advanced {
		return f.notBound(ctx, e, v)
	}
	return f.within(e, func() error {
		if err := f.restore(ctx, e); err != nil {
			return err
		}
		for _, p := range f.binding.fromPipe {
			f.setParam(p, f.binding.values[p])
			f.frame.bound.Put(p.name, f.binding.values[p])
		}
		if body.Process == nil {
			f.input = append(f.input, v)
			return nil
		}
		f.scope.put("_", v)
		f.scope.put("input", e.s.Enumerator([]any{v}))
		return f.run(ctx, e, body.Process)
	})
}

// restore gives parameters that an object before this one has bound, and this one
// does not, their defaults.
func (f *functionStage) restore(ctx context.Context, e *element) error {
	for _, p := range f.stale {
		if _, bound := f.binding.values[p]; bound {
			continue
		}
		v, err := f.initial(ctx, e, p)
		if err != nil {
			return err
		}
		f.setParam(p, v)
		f.frame.bound.Delete(p.name)
	}
	f.stale = f.stale[:0]
	return nil
}

func (f *functionStage) notBound(ctx context.Context, e *element, v any) error {
	return e.writeErrorTo(ctx, e.s.notBound(f.binding, v), f.vars.errorAction, f.vars.err)
}

func (f *functionStage) end(ctx context.Context, e *element) error {
	body := f.block.Body
	f.binding.unbindKeep()
	return f.within(e, func() error {
		if body.Process != nil && !e.piped {
			f.scope.put("_", nil)
			if f.hasUnder {
				f.scope.put("_", f.under)
			}
			if err := f.run(ctx, e, body.Process); err != nil {
				return err
			}
		}
		if body.End != nil && !f.dot || len(f.input) > 0 {
			f.scope.put("input", e.s.Enumerator(f.input))
		}
		if err := f.run(ctx, e, body.End); err != nil {
			return err
		}
		return f.vars.finish(ctx, e)
	})
}

// unbindKeep forgets which parameters the pipeline bound, but not their values:
// the end block sees the last ones.
func (b *binding) unbindKeep() { b.fromPipe = nil }

// scriptStage makes the stage of a script file.
func (s *Session) scriptStage(ctx context.Context, path string, args []argument, dot bool) (stage, error) {
	text, err := s.readText(ctx, path)
	if err != nil {
		return nil, err
	}
	b, err := s.Parse(ctx, text, path)
	if err != nil {
		return nil, err
	}
	return &scriptFile{functionStage{block: b, args: args, dot: dot, script: true}}, nil
}

// scriptFile is a functionStage that catches exit.
type scriptFile struct{ functionStage }

func (f *scriptFile) catch(e *element, err error) error {
	x, ok := err.(exitSignal)
	if !ok {
		return err
	}
	e.s.global.put("LASTEXITCODE", Int(x.code))
	if x.code != 0 {
		e.failed = true
	}
	f.err = stopSignal{at: e}
	return nil
}

func (f *scriptFile) begin(ctx context.Context, e *element) error {
	err := f.catch(e, f.functionStage.begin(ctx, e))
	return err
}

func (f *scriptFile) process(ctx context.Context, e *element, v any) error {
	if f.err != nil {
		return f.err
	}
	return f.catch(e, f.functionStage.process(ctx, e, v))
}

func (f *scriptFile) end(ctx context.Context, e *element) error {
	if f.err != nil {
		return nil
	}
	return f.catch(e, f.functionStage.end(ctx, e))
}

// blockMembers are those of System.Management.Automation.ScriptBlock.
func blockMembers() []Member {
	run := func(ctx context.Context, in *Invoke) (any, error) {
		args := Items(in.Args[0])
		out, err := in.Session.Call(ctx, in.Self.(*ScriptBlock), CallOptions{Args: args})
		if err != nil {
			return nil, err
		}
		return collection(out), nil
	}
	return []Member{
		Method("Invoke", "object", O("params object[] args", run)),
		Method("InvokeReturnAsIs", "object", O("params object[] args", func(ctx context.Context, in *Invoke) (any, error) {
			out, err := in.Session.Call(ctx, in.Self.(*ScriptBlock), CallOptions{Args: Items(in.Args[0])})
			return Collect(out), err
		})),
		Method("GetNewClosure", "scriptblock", O("", func(_ context.Context, in *Invoke) (any, error) {
			return in.Session.closure(in.Self.(*ScriptBlock)), nil
		})),
		StaticMethod("Create", "scriptblock", O("string script", func(ctx context.Context, in *Invoke) (any, error) {
			return in.Session.Parse(ctx, in.String(0), "")
		})),
		Prop("File", "string", func(_ context.Context, in *Invoke) (any, error) {
			if f := in.Self.(*ScriptBlock).file; f != "" {
				return f, nil
			}
			return nil, nil
		}),
	}
}

// closure copies the variables of the current scope into a scope of the block's
// own.
func (s *Session) closure(b *ScriptBlock) *ScriptBlock {
	sc := newScope(s.global)
	sc.script = true
	sc.vars = map[string]*Variable{}
	for key, v := range s.scope.vars {
		if v.get == nil && !v.Constant {
			c := *v
			sc.vars[key] = &c
		}
	}
	c := *b
	c.captured = sc
	return &c
}
