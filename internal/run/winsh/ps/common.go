package ps

import (
	"context"
	"slices"
	"strings"

	"github.com/casement/casement/internal/run/winsh/pslang"
)

// commonVars are the common parameters of one call.
type commonVars struct {
	errorAction, warningAction, infoAction string
	verbose, debug, whatIf                 any // a Switch, or nil if not given
	out, err, warn, info                   *Array
	pipe                                   *Variable
}

// setup reads the common parameters. A function gets its preferences as
// variables of its scope.
func (c *commonVars) setup(ctx context.Context, e *element, b *binding) error {
	c.read(e, b)
	if b.meta.cmdlet != nil {
		return nil
	}
	sc := e.s.scope
	action := func(name, v string) {
		if v != "" {
			x, _ := e.s.castNamed(v, "System.Management.Automation.ActionPreference")
			sc.put(name, x)
		}
	}
	action("ErrorActionPreference", c.errorAction)
	action("WarningPreference", c.warningAction)
	action("InformationPreference", c.infoAction)
	for name, v := range map[string]any{"VerbosePreference": c.verbose, "DebugPreference": c.debug} {
		if v != nil {
			action(name, map[bool]string{true: "Continue", false: "SilentlyContinue"}[toBool(v)])
		}
	}
	if c.whatIf != nil {
		sc.put("WhatIfPreference", toBool(c.whatIf))
	}
	return nil
}

func (c *commonVars) read(e *element, b *binding) {
	for _, p := range b.order {
		if !p.common {
			continue
		}
		v := b.values[p]
		switch p.name {
		case "ErrorAction":
			c.errorAction = e.s.ToString(v)
		case "WarningAction":
			c.warningAction = e.s.ToString(v)
		case "InformationAction":
			c.infoAction = e.s.ToString(v)
		case "Verbose":
			c.verbose = v
		case "Debug":
			c.debug = v
		case "WhatIf":
			c.whatIf = v
		case "OutVariable":
			c.out = e.listVariable(e.s.ToString(v))
		case "ErrorVariable":
			c.err = e.listVariable(e.s.ToString(v))
		case "WarningVariable":
			c.warn = e.listVariable(e.s.ToString(v))
		case "InformationVariable":
			c.info = e.listVariable(e.s.ToString(v))
		case "PipelineVariable":
			name := e.s.ToString(v)
			e.scope.put(name, nil)
			c.pipe = e.scope.vars[varKey(name)]
		}
	}
}

// listVariable makes the list of -OutVariable and its kin in the caller's
// scope; +name goes on with one that is there.
func (e *element) listVariable(name string) *Array {
	name, more := strings.CutPrefix(name, "+")
	sc := e.scope
	if scope, rest, ok := strings.Cut(name, ":"); ok {
		switch name = rest; strings.ToLower(scope) {
		case "global":
			sc = e.s.global
		case "script":
			sc = e.s.scriptScope()
		}
	}
	a := &Array{Type: tArrayList}
	if more {
		if v := e.s.find(varKey(name)); v != nil {
			if old, ok := v.value().(*Array); ok && !old.Fixed() {
				return old
			}
			if old := v.value(); !IsNull(old) {
				a.Items = append(a.Items, Items(old)...)
			}
		}
	}
	sc.put(name, a)
	return a
}

// wrap returns where objects go, past -OutVariable and -PipelineVariable.
func (c *commonVars) wrap(e *element) sink {
	if c.out == nil && c.pipe == nil {
		return e.out
	}
	return func(ctx context.Context, v any) error {
		if c.out != nil {
			c.out.Items = append(c.out.Items, v)
		}
		if c.pipe != nil {
			c.pipe.Value = v
		}
		return e.out(ctx, v)
	}
}

func (c *commonVars) finish(context.Context, *element) error { return nil }

// writeError writes a non-terminating error of an element.
func (e *element) writeError(ctx context.Context, r *ErrorRecord, action string) error {
	return e.writeErrorTo(ctx, r, action, nil)
}

func (e *element) writeErrorTo(ctx context.Context, r *ErrorRecord, action string, list *Array) error {
	s := e.s
	if r.at.Source == nil {
		r.at = e.at
	}
	s.place(r)
	if action == "" {
		action = s.preference("ErrorActionPreference")
	}
	e.failed = true
	if action == "Ignore" {
		return nil
	}
	if action == "Stop" || action == "Inquire" {
		r.final = true
		return r
	}
	if list != nil && !s.noted(list) {
		list.Items = append(list.Items, r)
	}
	s.log(r)
	if action == "SilentlyContinue" {
		return nil
	}
	return s.emit(ctx, StreamError, r)
}

// note adds a message to the list of the command that writes it, which may be
// nil, and to those of the functions that it runs in.
func (s *Session) note(v any, list *Array, of func(*commonVars) *Array) {
	if list != nil {
		list.Items = append(list.Items, v)
	}
	for f := s.frame; f != nil; f = f.parent {
		if f.vars == nil {
			continue
		}
		if l := of(f.vars); l != nil && l != list {
			l.Items = append(l.Items, v)
		}
	}
}

// noted reports whether a list is that of a function that runs, and gets errors
// as they are logged.
func (s *Session) noted(list *Array) bool {
	for f := s.frame; f != nil; f = f.parent {
		if f.vars != nil && f.vars.err == list {
			return true
		}
	}
	return false
}

// notBound is the error of an object that no parameter takes.
func (s *Session) notBound(b *binding, v any) *ErrorRecord {
	return b.bindFail("The input object cannot be bound to any parameters for the command either because the command does not take pipeline input or the input and its properties do not match any of the parameters that take pipeline input.", "InputObjectNotBound", pslang.Extent{}, v)
}

// frame is a call of a cmdlet.
type frame struct {
	e       *element
	binding *binding
	vars    commonVars
	out     sink
	current any
	has     bool
}

// cmdletStage runs a cmdlet.
type cmdletStage struct {
	cmdlet *Cmdlet
	args   []argument
	call   *Call
	steps  Steps
}

func (c *cmdletStage) begin(ctx context.Context, e *element) error {
	s := e.s
	if c.cmdlet.Refuse != "" {
		return refuseAt(e.at, c.cmdlet.Name, c.cmdlet.Refuse, c.cmdlet.Way)
	}
	b := &binding{s: s, meta: s.engine.meta(c.cmdlet, s.edition), at: e.at, command: e.invocationName(), piped: e.piped}
	f := &frame{e: e, binding: b}
	c.call = &Call{Session: s, Cmdlet: c.cmdlet, Name: e.name, frame: f}
	if err := b.bind(ctx, c.args); err != nil {
		return err
	}
	if err := b.defaults(ctx); err != nil {
		return err
	}
	if err := b.settle(e.piped && b.takesPipe()); err != nil {
		return err
	}
	if err := f.vars.setup(ctx, e, b); err != nil {
		return err
	}
	f.out = f.vars.wrap(e)
	if err := s.checkCall(ctx, c, e); err != nil {
		return err
	}
	if c.cmdlet.Start == nil {
		return nil
	}
	steps, err := c.cmdlet.Start(ctx, c.call)
	c.steps = steps
	return c.failed(err)
}

// failed completes a terminating error of the cmdlet.
func (c *cmdletStage) failed(err error) error {
	s, e := c.call.Session, c.call.frame.e
	if err == nil || isControl(err) {
		return placedOnce(err, e.at)
	}
	r := s.record(err)
	if r.command == "" && r.at.Source == nil {
		c.own(r, e)
	}
	if r.at.Source == nil {
		r.at = e.at
	}
	if l := c.call.frame.vars.err; l != nil && !r.logged {
		l.Items = append(l.Items, r)
	}
	return r
}

// own makes an error one of this cmdlet.
func (c *cmdletStage) own(r *ErrorRecord, e *element) {
	if r.Activity == "" {
		r.Activity = c.cmdlet.Name
	}
	r.command, r.called = c.cmdlet.class(), e.invocationName()
}

// class is the name of the .NET class.
func (c *Cmdlet) class() string {
	if c.Class != "" {
		return c.Class
	}
	return "Microsoft.PowerShell.Commands." + strings.ReplaceAll(c.Name, "-", "") + "Command"
}

func (s *Session) className(m *meta) string {
	if m.cmdlet != nil {
		return m.cmdlet.class()
	}
	return m.name
}

func (c *cmdletStage) process(ctx context.Context, e *element, v any) error {
	f := c.call.frame
	ok, err := f.binding.bindObject(ctx, v)
	if err != nil {
		if isControl(err) {
			return err
		}
		return f.writeError(ctx, e.s.record(err))
	}
	if !ok {
		return f.writeError(ctx, e.s.notBound(f.binding, v))
	}
	f.current, f.has = v, true
	return c.step(ctx)
}

func (c *cmdletStage) step(ctx context.Context) error {
	switch {
	case c.cmdlet.Process != nil:
		return c.failed(c.cmdlet.Process(ctx, c.call))
	case c.steps.Process != nil:
		return c.failed(c.steps.Process(ctx, c.call))
	}
	return nil
}

func (c *cmdletStage) end(ctx context.Context, e *element) error {
	f := c.call.frame
	if !e.piped {
		if err := c.step(ctx); err != nil {
			return err
		}
	}
	f.current, f.has = nil, false
	if c.steps.End == nil {
		return nil
	}
	return c.failed(c.steps.End(ctx, c.call))
}

// close lets go of what the cmdlet holds, whatever has become of the pipeline.
func (c *cmdletStage) close(ctx context.Context) error {
	if c.steps.Close == nil {
		return nil
	}
	return c.failed(c.steps.Close(ctx, c.call))
}

func (f *frame) writeError(ctx context.Context, r *ErrorRecord) error {
	if r.command == "" {
		(&cmdletStage{cmdlet: f.binding.meta.cmdlet}).own(r, f.e)
	}
	return f.e.writeErrorTo(ctx, r, f.vars.errorAction, f.vars.err)
}

func (f *frame) writeStream(ctx context.Context, n Stream, text string) error {
	s := f.e.s
	pref := ""
	switch n {
	case StreamWarning:
		s.note(s.messageObject(n, text), f.vars.warn, func(c *commonVars) *Array { return c.warn })
		if pref = f.vars.warningAction; pref == "" {
			pref = s.preference("WarningPreference")
		}
	case StreamVerbose:
		pref = switchPreference(f.vars.verbose, s.preference("VerbosePreference"))
	case StreamDebug:
		pref = switchPreference(f.vars.debug, s.preference("DebugPreference"))
	}
	return s.message(ctx, n, text, pref)
}

func switchPreference(v any, other string) string {
	switch {
	case v == nil:
		return other
	case toBool(v):
		return "Continue"
	}
	return "SilentlyContinue"
}

func (f *frame) writeInformation(ctx context.Context, data any, tags []string) error {
	s := f.e.s
	rec := s.Object("System.Management.Automation.InformationRecord", &information{data: data, tags: tags, s: s})
	s.note(rec, f.vars.info, func(c *commonVars) *Array { return c.info })
	pref := f.vars.infoAction
	if pref == "" {
		pref = s.preference("InformationPreference")
	}
	if pref == "Ignore" || pref == "SilentlyContinue" && s.streams[StreamInformation] == nil {
		return nil // what is redirected is written though it is not shown
	}
	return s.emit(ctx, StreamInformation, rec)
}

func (f *frame) shouldProcess(ctx context.Context, target, action string) (bool, error) {
	s := f.e.s
	whatIf := f.vars.whatIf
	if whatIf == nil {
		whatIf, _ = s.Variable("WhatIfPreference")
	}
	text := `Performing the operation "` + action + `" on target "` + target + `".`
	if toBool(whatIf) {
		return false, s.host.line(ctx, "What if: "+text)
	}
	if f.asks() {
		return false, s.fail("System.Management.Automation.PSInvalidOperationException", "Windows PowerShell is in NonInteractive mode. Read and Prompt functionality is not available.", "InvalidOperation", InvalidOperation, nil)
	}
	return true, f.writeStream(ctx, StreamVerbose, text)
}

// asks reports whether ShouldProcess has to be confirmed: -Confirm says so, or
// the command's impact is at least $ConfirmPreference.
func (f *frame) asks() bool {
	if v, ok := f.binding.get("Confirm"); ok {
		return toBool(v)
	}
	rank := func(impact string) int {
		return slices.Index([]string{"none", "low", "medium", "high"}, strings.ToLower(impact))
	}
	impact := f.binding.meta.impact
	if impact == "" {
		impact = "Medium"
	}
	p, _ := f.e.s.Variable("ConfirmPreference")
	limit := rank(f.e.s.ToString(p))
	return limit > 0 && rank(impact) >= limit
}

// scriptCmdlet is $PSCmdlet.
type scriptCmdlet struct {
	f *functionStage
	e *element
}

// write is WriteObject.
func (c *scriptCmdlet) write(ctx context.Context, v any) error { return c.f.vars.wrap(c.e)(ctx, v) }

func scriptCmdletMembers() []Member {
	of := func(in *Invoke) *scriptCmdlet { return in.Data().(*scriptCmdlet) }
	should := func(ctx context.Context, in *Invoke) (any, error) {
		c := of(in)
		f := &frame{e: c.e, binding: c.f.binding, vars: c.f.vars}
		action := c.f.block.name
		if len(in.Args) > 1 {
			action = in.String(1)
		}
		return first2(f.shouldProcess(ctx, in.String(0), action))
	}
	return []Member{
		Method("WriteError", "void", O("System.Management.Automation.ErrorRecord errorRecord", func(ctx context.Context, in *Invoke) (any, error) {
			c := of(in)
			r, err := c.own(in.Args[0])
			if err != nil {
				return nil, err
			}
			return nil, c.e.writeErrorTo(ctx, r, c.f.vars.errorAction, c.f.vars.err)
		})),
		Method("ThrowTerminatingError", "void", O("System.Management.Automation.ErrorRecord errorRecord", func(_ context.Context, in *Invoke) (any, error) {
			c := of(in)
			r, err := c.own(in.Args[0])
			if err != nil {
				return nil, err
			}
			r.leaves = c.f
			return nil, r
		})),
		Method("WriteObject", "void",
			O("object sendToPipeline", func(ctx context.Context, in *Invoke) (any, error) {
				return nil, of(in).write(ctx, in.Args[0])
			}),
			O("object sendToPipeline, bool enumerateCollection", func(ctx context.Context, in *Invoke) (any, error) {
				if in.Bool(1) {
					return nil, writeEach(ctx, in.Args[0], of(in).write)
				}
				return nil, of(in).write(ctx, in.Args[0])
			})),
		Method("WriteWarning", "void", O("string text", func(ctx context.Context, in *Invoke) (any, error) {
			return nil, in.Session.message(ctx, StreamWarning, in.String(0), in.Session.preference("WarningPreference"))
		})),
		Method("WriteVerbose", "void", O("string text", func(ctx context.Context, in *Invoke) (any, error) {
			return nil, in.Session.message(ctx, StreamVerbose, in.String(0), in.Session.preference("VerbosePreference"))
		})),
		Method("ShouldProcess", "bool", O("string target", should), O("string target, string action", should)),
		Method("ShouldContinue", "bool", O("string query, string caption", func(context.Context, *Invoke) (any, error) {
			return nil, NewException("System.Management.Automation.PSInvalidOperationException", "Windows PowerShell is in NonInteractive mode. Read and Prompt functionality is not available.")
		})),
		Prop("ParameterSetName", "string", func(_ context.Context, in *Invoke) (any, error) {
			b := of(in).f.binding
			return b.meta.setName(b.valid), nil
		}),
		Prop("MyInvocation", "object", func(_ context.Context, in *Invoke) (any, error) {
			return in.Session.invocationObject(of(in).f.frame), nil
		}),
		Prop("SessionState", "object", func(_ context.Context, in *Invoke) (any, error) {
			return in.Session.Object("System.Management.Automation.SessionState", nil), nil
		}),
		Method("GetUnresolvedProviderPathFromPSPath", "string", O("string path", func(_ context.Context, in *Invoke) (any, error) {
			p, err := in.Session.Resolve(in.String(0))
			return p.Name, err
		})),
	}
}

func first2(ok bool, err error) (any, error) { return ok, err }

// own is an error that the function writes as its own.
func (c *scriptCmdlet) own(v any) (*ErrorRecord, error) {
	old, ok := v.(*ErrorRecord)
	if !ok {
		return nil, NewException("System.ArgumentNullException", "Value cannot be null.")
	}
	r := *old
	r.logged, r.final, r.thrown = false, false, false
	r.at, r.stack, r.noPlace = c.e.at, "", false
	if name := c.f.block.name; r.command == "" && name != "" {
		r.Activity, r.command, r.called = name, name, c.e.invocationName()
	}
	return &r, nil
}
