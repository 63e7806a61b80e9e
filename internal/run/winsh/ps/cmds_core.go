package ps

import (
	"context"
	"strings"

	"github.com/casement/casement/internal/run/winsh/pslang"
)

const (
	modCore       = "Microsoft.PowerShell.Core"
	modUtility    = "Microsoft.PowerShell.Utility"
	modManagement = "Microsoft.PowerShell.Management"
)

// coreCmdlets are those that are part of the engine.
func coreCmdlets() []*Cmdlet {
	list := []*Cmdlet{forEachCmdlet(), whereCmdlet(), invokeExpression(), invokeCommand(), newObject(), strictMode()}
	list = append(list, outCmdlets()...)
	list = append(list, formatCmdlets()...)
	return append(list, writeCmdlets()...)
}

func forEachCmdlet() *Cmdlet {
	jobs := "there are no parallel pipelines"
	return &Cmdlet{
		Name: "ForEach-Object", Aliases: []string{"%", "foreach"}, Module: modCore, DefaultSet: "ScriptBlockSet", ShouldProcess: true,
		Parameters: []Parameter{
			{Name: "InputObject", FromPipeline: true},
			{Name: "Begin", Type: "scriptblock", Sets: []string{"ScriptBlockSet"}},
			{Name: "Process", Type: "scriptblock[]", Pos: 1, Mandatory: true, AllowNull: true, AllowEmpty: true, Sets: []string{"ScriptBlockSet"}},
			{Name: "End", Type: "scriptblock", Sets: []string{"ScriptBlockSet"}},
			{Name: "RemainingScripts", Type: "scriptblock[]", Remaining: true, AllowNull: true, AllowEmpty: true, Sets: []string{"ScriptBlockSet"}},
			{Name: "MemberName", Type: "string", Pos: 1, Mandatory: true, Sets: []string{"PropertyAndMethodSet"}},
			{Name: "ArgumentList", Type: "object[]", Aliases: []string{"Args"}, Remaining: true, Sets: []string{"PropertyAndMethodSet"}},
			{Name: "Parallel", Type: "scriptblock", Sets: []string{"ParallelParameterSet"}, Edition: Core, Refuse: jobs, Way: "use ForEach-Object without -Parallel"},
			{Name: "ThrottleLimit", Type: "int", Sets: []string{"ParallelParameterSet"}, Edition: Core, Refuse: jobs, Way: "use ForEach-Object without -Parallel"},
			{Name: "TimeoutSeconds", Type: "int", Sets: []string{"ParallelParameterSet"}, Edition: Core, Refuse: jobs, Way: "use ForEach-Object without -Parallel"},
			{Name: "AsJob", Type: "switch", Sets: []string{"ParallelParameterSet"}, Edition: Core, Refuse: jobs, Way: "use ForEach-Object without -Parallel"},
		},
		Start: startForEach,
	}
}

// blocks are the script blocks of a parameter.
func blocks(c *Call, name string) []*ScriptBlock {
	var list []*ScriptBlock
	for _, v := range c.Values(name) {
		if b, ok := Unwrap(v).(*ScriptBlock); ok {
			list = append(list, b)
		}
	}
	return list
}

func startForEach(ctx context.Context, c *Call) (Steps, error) {
	if c.Has("MemberName") {
		return Steps{Process: forEachMember}, nil
	}
	all := blocks(c, "Process")
	all = append(all, blocks(c, "RemainingScripts")...)
	begin, end := c.Block("Begin"), c.Block("End")
	// { begin } { process } { end } may be given by place.
	if begin == nil && len(all) > 1 {
		begin, all = all[0], all[1:]
	}
	if end == nil && !c.Has("End") && len(all) > 1 {
		end, all = all[len(all)-1], all[:len(all)-1]
	}
	s, out := c.Session, c.frame.out
	if begin != nil {
		if err := s.Stream(ctx, begin, CallOptions{SameScope: true}, out); err != nil {
			return Steps{}, err
		}
	}
	steps := Steps{Process: func(ctx context.Context, c *Call) error {
		v, ok := c.Input()
		if !ok {
			v = c.Value("InputObject")
		}
		for _, b := range all {
			if err := s.Stream(ctx, b, CallOptions{Under: v, HasUnder: true, SameScope: true}, out); err != nil {
				return err
			}
		}
		return nil
	}}
	if end != nil {
		steps.End = func(ctx context.Context, _ *Call) error { return s.Stream(ctx, end, CallOptions{SameScope: true}, out) }
	}
	return steps, nil
}

func forEachMember(ctx context.Context, c *Call) error {
	v, ok := c.Input()
	if !ok {
		v = c.Value("InputObject")
	}
	s, name := c.Session, c.String("MemberName")
	args := c.Values("ArgumentList")
	if t := s.engine.TypeOf(v); t != nil && len(args) == 0 {
		if x, ok, err := s.member(ctx, v, name); err != nil {
			return err
		} else if m := t.Member(name); ok && (m == nil || m.Kind != KindMethod) {
			return c.WriteEach(ctx, x)
		}
	}
	if IsNull(v) {
		return nil
	}
	t := s.engine.TypeOf(v)
	if m := t.Member(name); m == nil && len(args) == 0 {
		return c.Write(ctx, nil)
	}
	x, err := s.Invoke(ctx, v, name, false, args...)
	if err != nil {
		return err
	}
	return c.WriteEach(ctx, x)
}

// whereOperators are the switches of Where-Object with the operators that they
// stand for.
func whereOperators() map[string]pslang.Op {
	return map[string]pslang.Op{
		"EQ": pslang.OpEq, "NE": pslang.OpNe, "GT": pslang.OpGt, "GE": pslang.OpGe, "LT": pslang.OpLt, "LE": pslang.OpLe,
		"Like": pslang.OpLike, "NotLike": pslang.OpNotLike, "Match": pslang.OpMatch, "NotMatch": pslang.OpNotMatch,
		"Contains": pslang.OpContains, "NotContains": pslang.OpNotContains, "In": pslang.OpIn, "NotIn": pslang.OpNotIn,
		"Is": pslang.OpIs, "IsNot": pslang.OpIsNot,
	}
}

func whereCmdlet() *Cmdlet {
	block, simple := []string{"ScriptBlockSet"}, []string{"EqualSet"}
	c := &Cmdlet{
		Name: "Where-Object", Aliases: []string{"?", "where"}, Module: modCore, DefaultSet: "EqualSet",
		Parameters: []Parameter{
			{Name: "InputObject", FromPipeline: true},
			{Name: "FilterScript", Type: "scriptblock", Pos: 1, Mandatory: true, Sets: block},
			{Name: "Property", Type: "string", Pos: 1, Mandatory: true, Sets: simple},
			{Name: "Value", Pos: 2, Sets: simple},
			{Name: "Not", Type: "switch", Sets: simple, Edition: Core},
		},
		Start: startWhere,
	}
	for _, name := range []string{"EQ", "NE", "GT", "GE", "LT", "LE", "Like", "NotLike", "Match", "NotMatch", "Contains", "NotContains", "In", "NotIn", "Is", "IsNot"} {
		var alias []string
		if !strings.HasPrefix(name, "Is") {
			alias = []string{"I" + name}
		}
		c.Parameters = append(c.Parameters, Parameter{Name: name, Aliases: alias, Type: "switch", Sets: simple})
		if !strings.HasPrefix(name, "Is") {
			c.Parameters = append(c.Parameters, Parameter{Name: "C" + name, Type: "switch", Sets: simple})
		}
	}
	return c
}

func startWhere(_ context.Context, c *Call) (Steps, error) {
	s := c.Session
	if block := c.Block("FilterScript"); block != nil {
		return Steps{Process: func(ctx context.Context, c *Call) error {
			v, ok := c.Input()
			if !ok {
				v = c.Value("InputObject")
			}
			out, err := s.Call(ctx, block, CallOptions{Under: v, HasUnder: true, SameScope: true})
			if err != nil || !toBool(Collect(out)) {
				return err
			}
			return c.Write(ctx, v)
		}}, nil
	}
	test := whereTest(c)
	return Steps{Process: func(ctx context.Context, c *Call) error {
		v, ok := c.Input()
		if !ok {
			v = c.Value("InputObject")
		}
		x, _, err := s.member(ctx, v, c.String("Property"))
		if err != nil {
			return err
		}
		yes, err := test(ctx, x)
		if err != nil || !yes {
			return err
		}
		return c.Write(ctx, v)
	}}, nil
}

// whereTest is the comparison of Where-Object Property -Op Value.
func whereTest(c *Call) func(ctx context.Context, v any) (bool, error) {
	s, value := c.Session, c.Value("Value")
	for name, op := range whereOperators() {
		for _, caseSensitive := range []bool{false, true} {
			full := name
			if caseSensitive {
				full = "C" + name
			}
			if !c.Switch(full) {
				continue
			}
			return func(ctx context.Context, v any) (bool, error) {
				x, err := s.operate(ctx, op, v, value, caseSensitive)
				return toBool(x), err
			}
		}
	}
	if c.Switch("Not") {
		return func(_ context.Context, v any) (bool, error) { return !toBool(v), nil }
	}
	if c.Has("Value") {
		return func(_ context.Context, v any) (bool, error) {
			x, err := s.comparison(pslang.OpEq, v, value, false)
			return toBool(x), err
		}
	}
	return func(_ context.Context, v any) (bool, error) { return toBool(v), nil }
}

func invokeExpression() *Cmdlet {
	return &Cmdlet{
		Name: "Invoke-Expression", Aliases: []string{"iex"}, Module: modUtility,
		Parameters: []Parameter{{Name: "Command", Type: "string", Pos: 1, Mandatory: true, FromPipeline: true}},
		Process: func(ctx context.Context, c *Call) error {
			b, err := c.Session.Parse(ctx, c.String("Command"), "")
			if r, ok := err.(*ErrorRecord); ok {
				// An error of the cmdlet, not of the line that is read.
				r.syntax, r.at = nil, pslang.Extent{}
			}
			if err != nil {
				return err
			}
			return c.Session.Stream(ctx, b, CallOptions{SameScope: true}, c.frame.out)
		},
		Check: func(ctx context.Context, k *Check) error {
			if text, ok := k.String("Command"); ok {
				return k.Text(ctx, text)
			}
			return nil
		},
	}
}

func invokeCommand() *Cmdlet {
	remote := "there are no other computers"
	c := &Cmdlet{
		Name: "Invoke-Command", Aliases: []string{"icm"}, Module: modCore,
		Parameters: []Parameter{
			{Name: "ScriptBlock", Aliases: []string{"Command"}, Type: "scriptblock", Pos: 1, Mandatory: true},
			{Name: "NoNewScope", Type: "switch"},
			{Name: "InputObject", FromPipeline: true},
			{Name: "ArgumentList", Aliases: []string{"Args"}, Type: "object[]"},
		},
		Start: func(_ context.Context, c *Call) (Steps, error) {
			var input []any
			return Steps{
				Process: func(_ context.Context, c *Call) error {
					if v, ok := c.Input(); ok {
						input = append(input, v)
					} else if c.Has("InputObject") {
						input = append(input, c.Value("InputObject"))
					}
					return nil
				},
				End: func(ctx context.Context, c *Call) error {
					o := CallOptions{Args: c.Values("ArgumentList"), SameScope: c.Switch("NoNewScope"), Input: input}
					return c.Session.Stream(ctx, c.Block("ScriptBlock"), o, c.frame.out)
				},
			}, nil
		},
	}
	for _, name := range []string{"ComputerName", "Session", "Credential", "FilePath", "AsJob", "VMName", "ContainerId", "HostName", "ConfigurationName", "UseSSL", "Port", "Authentication", "SessionOption", "ThrottleLimit", "HideComputerName", "JobName"} {
		c.Parameters = append(c.Parameters, Parameter{Name: name, Refuse: remote, Way: "run the script block itself"})
	}
	return c
}

func newObject() *Cmdlet {
	return &Cmdlet{
		Name: "New-Object", Module: modUtility, DefaultSet: "Net",
		Parameters: []Parameter{
			{Name: "TypeName", Type: "string", Pos: 1, Mandatory: true, Sets: []string{"Net"}},
			{Name: "ArgumentList", Aliases: []string{"Args"}, Type: "object[]", Pos: 2, Sets: []string{"Net"}},
			{Name: "ComObject", Type: "string", Pos: 1, Mandatory: true, Sets: []string{"Com"}, Refuse: "there are no COM objects", Way: "use a cmdlet or a .NET type"},
			{Name: "Strict", Type: "switch", Sets: []string{"Com"}},
			{Name: "Property", Type: "System.Collections.IDictionary"},
		},
		Process: makeObject,
		Check: func(_ context.Context, k *Check) error {
			name, ok := k.String("TypeName")
			if !ok {
				return nil
			}
			t := k.Engine.findType(name, k.k.namespaces(), k.Edition)
			if t == nil {
				return refuseAt(pslang.Extent{}, "New-Object "+name, "casement does not know this type", "use a cmdlet or a type that casement knows")
			}
			if t.Name == "System.Management.Automation.PSObject" || t.Name == tObject {
				return nil
			}
			return k.k.constructor(pslang.Extent{}, t)
		},
	}
}

func makeObject(ctx context.Context, c *Call) error {
	s, name := c.Session, c.String("TypeName")
	t := s.FindType(name)
	if t == nil {
		r := s.fail("System.Management.Automation.PSArgumentException", "Cannot find type ["+name+"]: verify that the assembly containing this type is loaded.", "TypeNotFound", InvalidType, nil)
		return r
	}
	var o any
	var err error
	switch t.Name {
	case "System.Management.Automation.PSObject", tCustom:
		o = &Object{Type: s.engine.kinds.custom}
		if args := c.Values("ArgumentList"); len(args) == 1 {
			_, o = Extras(args[0])
		}
	case tObject:
		o = s.Object(tObject, nil)
	default:
		if o, err = s.construct(ctx, t, ".ctor", c.Values("ArgumentList")); err != nil {
			return newObjectFailed(s, t, err)
		}
	}
	h, _ := Unwrap(c.Value("Property")).(*Hashtable)
	if h != nil {
		for _, e := range h.Entries() {
			key := s.ToString(e.Key)
			if x, ok := o.(*Object); ok && x.IsCustom() {
				x.Set(key, e.Value)
			} else if err := s.SetProperty(ctx, o, key, e.Value); err != nil {
				return err
			}
		}
	}
	return c.Write(ctx, o)
}

func newObjectFailed(s *Session, t *Type, err error) error {
	if isControl(err) {
		return err
	}
	r := s.record(err)
	switch r.ID {
	case "MethodCountCouldNotFindBest":
		return s.fail("System.Management.Automation.PSArgumentException", "A constructor was not found. Cannot find an appropriate constructor for type "+t.Name+".", "CannotFindAppropriateCtor", ObjectNotFound, nil)
	}
	c := *r
	c.ID, c.Category = "ConstructorInvokedThrowException", InvalidOperation
	return &c
}

func strictMode() *Cmdlet {
	return &Cmdlet{
		Name: "Set-StrictMode", Module: modCore, DefaultSet: "Version",
		Parameters: []Parameter{
			{Name: "Off", Type: "switch", Mandatory: true, Sets: []string{"Off"}},
			{Name: "Version", Aliases: []string{"v"}, Type: "string", Mandatory: true, Sets: []string{"Version"}},
		},
		Process: func(_ context.Context, c *Call) error {
			level := 0
			if v := strings.ToLower(c.String("Version")); v != "" {
				switch {
				case v == "latest":
					level = 3
				case strings.HasPrefix(v, "0"):
				default:
					level = int(v[0] - '0')
				}
				if level < 0 || level > 9 {
					return NewError("System.Management.Automation.ParameterBindingException", "Cannot bind parameter 'Version'. Cannot convert value \""+v+"\" to type \"System.Version\".", "CannotConvertArgumentNoMessage", InvalidArgument, nil)
				}
			}
			c.Session.scope.strict = level
			return nil
		},
	}
}
