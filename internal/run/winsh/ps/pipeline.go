package ps

import (
	"cmp"
	"context"
	"errors"
	"strings"

	"github.com/casement/casement/internal/run/winsh/pslang"
)

// element is a command of a pipeline that runs. Objects are pushed: writing to
// the next element calls it at once.
type element struct {
	s  *Session
	at pslang.Extent
	// name is the command as it was written.
	name string
	// called is its InvocationName: &, a dot, or the name.
	called string
	stage  stage
	// out is where its objects go.
	out sink
	// scope, streams and caller (the function whose body it stands in) are those
	// that it runs in.
	scope   *scope
	streams streams
	caller  *invocation
	// piped says that objects come from an element or expression before it.
	piped  bool
	failed bool
	begun  bool
	// length and place of the pipeline, for $MyInvocation.
	length, place int
	closers       []func(ctx context.Context) error
}

// stage is what an element does in the three phases of a pipeline.
type stage interface {
	begin(ctx context.Context, e *element) error
	process(ctx context.Context, e *element, v any) error
	end(ctx context.Context, e *element) error
}

// invocationName is how the element was called.
func (e *element) invocationName() string { return cmp.Or(e.called, e.name) }

// within runs a phase of the element in its scope and with its streams.
func (e *element) within(run func() error) error {
	s := e.s
	sc, st, pos, frame := s.scope, s.streams, s.pos, s.frame
	s.scope, s.streams, s.pos, s.frame = e.scope, e.streams, e.at, e.caller
	err := run()
	s.scope, s.streams, s.pos, s.frame = sc, st, pos, frame
	return err
}

// begin begins the element, unless an object that the begin block of one before
// it wrote has done that already.
func (e *element) begin(ctx context.Context) error {
	if e.begun {
		return nil
	}
	e.begun = true
	return e.within(func() error { return e.stage.begin(ctx, e) })
}

func (e *element) accept(ctx context.Context, v any) error {
	if err := e.s.process.Machine.Tick(ctx); err != nil {
		return err
	}
	if !e.begun {
		if err := e.begin(ctx); err != nil {
			return err
		}
	}
	s := e.s
	sc, st, pos, frame := s.scope, s.streams, s.pos, s.frame
	s.scope, s.streams, s.pos, s.frame = e.scope, e.streams, e.at, e.caller
	err := e.stage.process(ctx, e, v)
	s.scope, s.streams, s.pos, s.frame = sc, st, pos, frame
	return err
}

func (e *element) finish(ctx context.Context) error {
	return e.within(func() error { return e.stage.end(ctx, e) })
}

// close closes what the element has opened, when its pipeline is over.
func (e *element) close(ctx context.Context) (err error) {
	if c, ok := e.stage.(interface{ close(context.Context) error }); ok {
		err = e.within(func() error { return c.close(ctx) })
	}
	for _, c := range e.closers {
		if cerr := c(ctx); cerr != nil && err == nil {
			err = cerr
		}
	}
	return err
}

// pipeline runs a pipeline and writes its output to out.
func (s *Session) pipeline(ctx context.Context, n *pslang.Pipeline, out sink) error {
	if n.Background {
		return refuseAt(n.Extent, "&", "there are no background jobs", "run the command in the foreground")
	}
	list, input, err := s.prepare(ctx, n, out)
	if err != nil {
		s.ok = false
		return err
	}
	if len(list) == 0 {
		return s.redirectedExpression(ctx, n.Elements[0].(*pslang.ExpressionElement), out)
	}
	return s.run(ctx, list, input)
}

// prepare makes the elements of a pipeline, from the last to the first for
// their outputs; arguments are evaluated from the first to the last.
func (s *Session) prepare(ctx context.Context, n *pslang.Pipeline, out sink) (list []*element, input func(sink) error, err error) {
	elements := n.Elements
	if x, ok := elements[0].(*pslang.ExpressionElement); ok {
		if len(elements) == 1 {
			return nil, nil, nil
		}
		elements = elements[1:]
		if input, err = s.head(ctx, x); err != nil {
			return nil, nil, err
		}
	}
	for i, x := range elements {
		e, err := s.command(ctx, x.(*pslang.Command))
		if err != nil {
			return nil, nil, err
		}
		e.piped = i > 0 || input != nil
		e.length, e.place = len(elements), i+1
		list = append(list, e)
	}
	for i := len(list) - 1; i >= 0; i-- {
		e := list[i]
		e.out = out
		if i+1 < len(list) {
			e.out = list[i+1].accept
		}
		if c := elements[i].(*pslang.Command); len(c.Redirections) > 0 {
			if err := s.redirect(ctx, e, c.Redirections); err != nil {
				return nil, nil, err
			}
		}
	}
	return list, input, nil
}

// head evaluates the expression that a pipeline begins with, before any command
// of it begins: what a command opens for writing has been read by then.
func (s *Session) head(ctx context.Context, x *pslang.ExpressionElement) (input func(sink) error, err error) {
	s.pos = x.At()
	if len(x.Redirections) > 0 {
		return func(to sink) error { return s.redirectedExpression(ctx, x, to) }, nil
	}
	v, err := s.elements(ctx, x.X)
	if err != nil {
		return nil, err
	}
	return func(to sink) error { return writeEach(ctx, v, to) }, nil
}

// run runs prepared elements. input writes what comes from an expression.
func (s *Session) run(ctx context.Context, list []*element, input func(sink) error) (err error) {
	s.depth++
	defer func() { s.depth-- }()
	if s.depth > s.maxDepth() {
		s.ok = false
		return s.fail("System.Management.Automation.ScriptCallDepthException", "The script failed due to call depth overflow.", "CallDepthOverflow", InvalidOperation, nil)
	}
	err = s.runPhases(ctx, list, input)
	for _, e := range list {
		if cerr := e.close(ctx); cerr != nil && err == nil {
			err = cerr
		}
	}
	failed := false
	for _, e := range list {
		failed = failed || e.failed
	}
	s.ok = !failed && err == nil
	if err != nil && isSignal(err) {
		s.ok = !failed
	}
	return err
}

func (s *Session) maxDepth() int {
	if s.process == nil {
		return 200
	}
	return s.process.Machine.Limits().Depth
}

func (s *Session) runPhases(ctx context.Context, list []*element, input func(sink) error) error {
	from := 0 // elements before it have been stopped
	stopped := func(err error) (bool, error) {
		var stop stopSignal
		if errors.As(err, &stop) {
			for i, e := range list {
				if e == stop.at && i >= from {
					from = i
					return true, nil
				}
			}
		}
		return false, err
	}
	for _, e := range list {
		if err := e.begin(ctx); err != nil {
			if ok, err := stopped(err); !ok {
				return err
			}
		}
	}
	if input != nil && from == 0 {
		if err := input(list[0].accept); err != nil {
			if ok, err := stopped(err); !ok {
				return err
			}
		}
	}
	for i := 0; i < len(list); i++ {
		if i < from {
			continue
		}
		if err := list[i].finish(ctx); err != nil {
			if ok, err := stopped(err); !ok {
				return err
			}
			// The element that stopped has to end itself, if it was not the one
			// that just did.
			if from > i {
				i = from - 1
			}
		}
	}
	return nil
}

// redirect applies the redirections of a command to its element.
func (s *Session) redirect(ctx context.Context, e *element, list []*pslang.Redirection) error {
	for _, r := range list {
		if r.File == nil {
			if r.To != 1 {
				return refuseAt(r.Extent, r.Text(), "streams can only be merged into the output", "")
			}
			e.merge(r.From)
			continue
		}
		v, err := s.eval(ctx, r.File)
		if err != nil {
			return err
		}
		to, closer, err := s.fileSink(ctx, v, r)
		if err != nil {
			return err
		}
		if closer != nil {
			e.closers = append(e.closers, closer)
		}
		for n := 1; n < len(e.streams); n++ {
			if r.From != 0 && r.From != n {
				continue
			}
			if n == 1 {
				e.out = to
			} else {
				e.streams[n] = to
			}
		}
	}
	return nil
}

// merge sends a stream, or all of them, to the output.
func (e *element) merge(from int) {
	out := func(ctx context.Context, v any) error { return e.out(ctx, v) }
	for n := 2; n < len(e.streams); n++ {
		if from == 0 || from == n {
			e.streams[n] = out
		}
	}
}

// fileSink opens the file of a redirection; $null discards.
func (s *Session) fileSink(ctx context.Context, target any, r *pslang.Redirection) (sink, func(context.Context) error, error) {
	if IsNull(target) {
		return discard, nil, nil
	}
	path := s.ToString(target)
	name, err := s.File(path)
	if err != nil {
		return nil, nil, err
	}
	w, err := s.OpenText(ctx, name, TextOptions{Append: r.Append})
	if err != nil {
		if isControl(err) {
			return nil, nil, err
		}
		x := ToException(err)
		rec := s.failAt(s.pos, x.Type, x.Message, "FileOpenFailure", OpenError, nil)
		rec.Activity, rec.command = "out-file", "Microsoft.PowerShell.Commands.OutFileCommand"
		return nil, nil, rec
	}
	p := s.NewPrinter(0, func(_ context.Context, line string) error { return w.Line(line) })
	closer := func(ctx context.Context) error {
		err := p.Close(ctx)
		if cerr := w.Close(); err == nil {
			err = cerr
		}
		return err
	}
	return p.Write, closer, nil
}

// redirectedExpression is an expression with redirections as a whole pipeline
// or as its first element.
func (s *Session) redirectedExpression(ctx context.Context, n *pslang.ExpressionElement, out sink) error {
	e := &element{s: s, at: n.Extent, out: out, scope: s.scope, streams: s.streams, caller: s.frame}
	if err := s.redirect(ctx, e, n.Redirections); err != nil {
		return err
	}
	err := e.within(func() error {
		if sub, ok := n.X.(*pslang.SubExpression); ok {
			return s.statements(ctx, sub.Body, e.out)
		}
		v, err := s.eval(ctx, n.X)
		if err != nil {
			return err
		}
		return writeEach(ctx, v, e.out)
	})
	if cerr := e.close(ctx); cerr != nil && err == nil {
		err = cerr
	}
	s.ok = err == nil
	return err
}

// Stream runs a script block and passes on each object as it is written.
func (s *Session) Stream(ctx context.Context, b *ScriptBlock, o CallOptions, write func(ctx context.Context, v any) error) error {
	if o.SameScope && b.simple() && o.Named == nil && o.Input == nil && b.captured == nil {
		return s.inline(ctx, b, o, write)
	}
	f := &functionStage{block: b, dot: o.SameScope, under: o.Under, hasUnder: o.HasUnder, this: o.This}
	if o.SameScope && (o.HasUnder || o.This != nil) {
		vars := s.scope
		under, this := vars.vars["_"], vars.vars["this"]
		delete(vars.vars, "_")
		defer func() {
			restore(vars.vars, "_", under)
			restore(vars.vars, "this", this)
		}()
	}
	for _, a := range o.Args {
		f.args = append(f.args, argument{value: a, has: true})
	}
	if o.Named != nil {
		for _, x := range o.Named.Entries() {
			f.args = append(f.args, argument{param: s.ToString(x.Key), isParam: true, colon: true, value: x.Value, has: true, splatted: true})
		}
	}
	e := &element{s: s, at: s.pos, stage: f, out: write, scope: s.scope, streams: s.streams, caller: s.frame, piped: o.Input != nil, length: 1, place: 1}
	ok := s.ok
	var input func(sink) error
	if o.Input != nil {
		input = func(to sink) error {
			for _, v := range o.Input {
				if err := to(ctx, v); err != nil {
					return err
				}
			}
			return nil
		}
	}
	err := s.run(ctx, []*element{e}, input)
	s.ok = ok && err == nil
	return err
}

// simple reports whether a block is nothing but statements.
func (b *ScriptBlock) simple() bool {
	return !b.Body.HasParam && b.Body.Begin == nil && b.Body.Process == nil && b.Body.Dynamic == nil && b.Body.Clean == nil
}

// inline runs a simple block in the current scope, as ForEach-Object does for
// each object.
func (s *Session) inline(ctx context.Context, b *ScriptBlock, o CallOptions, write sink) error {
	if b.Body.End == nil {
		return nil
	}
	s.depth++
	defer func() { s.depth-- }()
	if s.depth > s.maxDepth() {
		return s.fail("System.Management.Automation.ScriptCallDepthException", "The script failed due to call depth overflow.", "CallDepthOverflow", InvalidOperation, nil)
	}
	if s.scope.vars == nil {
		s.scope.vars = map[string]*Variable{}
	}
	vars := s.scope.vars
	oldUnder, oldArgs := vars["_"], vars["args"]
	if o.HasUnder {
		vars["_"] = &Variable{Name: "_", Value: o.Under}
	}
	vars["args"] = &Variable{Name: "args", Value: NewArray(o.Args...)}
	oldThis := vars["this"]
	if o.This != nil {
		vars["this"] = &Variable{Name: "this", Value: o.This}
	}
	err := s.statements(ctx, b.Body.End, write)
	if o.HasUnder {
		restore(vars, "_", oldUnder)
	}
	restore(vars, "args", oldArgs)
	if o.This != nil {
		restore(vars, "this", oldThis)
	}
	if _, ok := err.(returnSignal); ok {
		err = nil
	}
	return err
}

func restore(vars map[string]*Variable, key string, old *Variable) {
	if old == nil {
		delete(vars, key)
		return
	}
	vars[key] = old
}

// RunCommand calls a command by name with parameters: for cmdlets that are
// made of others.
func (s *Session) RunCommand(ctx context.Context, name string, named *Hashtable, args ...any) ([]any, error) {
	var list []argument
	if named != nil {
		for _, x := range named.Entries() {
			list = append(list, argument{param: s.ToString(x.Key), isParam: true, colon: true, value: x.Value, has: true, splatted: true, at: s.pos})
		}
	}
	for _, a := range args {
		list = append(list, argument{value: a, has: true, at: s.pos})
	}
	info, err := s.Command(ctx, name)
	if err != nil {
		return nil, err
	}
	if info == nil {
		info = s.implied(name)
	}
	if info == nil {
		return nil, s.unknownCommand(ctx, name, s.pos)
	}
	e := &element{s: s, at: s.pos, name: name, scope: s.scope, streams: s.streams, caller: s.frame, length: 1, place: 1}
	if e.stage, err = s.stageOf(ctx, info, list, false); err != nil {
		return nil, err
	}
	var items []any
	e.out = func(_ context.Context, v any) error { items = append(items, v); return nil }
	ok := s.ok
	err = s.run(ctx, []*element{e}, nil)
	s.ok = ok
	return items, err
}

// stackTrace is the ScriptStackTrace of an error at a place.
func (s *Session) stackTrace(at pslang.Extent) string {
	var lines []string
	for f := s.frame; f != nil; f = f.parent {
		name, file := "<ScriptBlock>", f.file
		if f.block != nil && f.block.name != "" {
			name = f.block.name
		}
		if file == "" {
			file = "<No file>"
		}
		lines = append(lines, "at "+name+", "+file+": line "+intText(int64(at.From().Line)))
		at = f.at
	}
	return strings.Join(lines, "\r\n")
}
