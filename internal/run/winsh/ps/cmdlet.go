package ps

import (
	"context"
)

// Cmdlet describes a command. Exactly one of Process, Start and Refuse is set.
type Cmdlet struct {
	// Name is "Get-Item". Functions that PowerShell brings ("mkdir") are cmdlets
	// with Function set.
	Name     string
	Function bool
	// Aliases of both editions, and of one only (curl and wget are of 5.1).
	Aliases, Aliases51, Aliases7 []string
	// Module is "Microsoft.PowerShell.Management". Class is the name of the .NET
	// class, which error ids end with; "" is
	// "Microsoft.PowerShell.Commands.GetItemCommand".
	Module, Class string
	Edition       Edition
	Parameters    []Parameter
	// Syntax makes the parameters, in place of Parameters, when the cmdlet is
	// first used: there are hundreds of cmdlets, and a script uses few.
	Syntax func() []Parameter
	// DefaultSet is the parameter set that is taken when the arguments do not
	// decide.
	DefaultSet string
	// ShouldProcess adds -WhatIf and -Confirm (see [Call.ShouldProcess]).
	ShouldProcess bool
	// Refuse says why a command that Windows has cannot be done; Way, what to
	// do instead.
	Refuse, Way string

	// Process does the work for one object of the pipeline, or once.
	Process func(ctx context.Context, c *Call) error
	// Start begins a call that has state: it runs in the begin phase, when
	// parameters from the pipeline are not bound yet.
	Start func(ctx context.Context, c *Call) (Steps, error)
	// Check looks at the arguments before anything runs, as far as they are
	// known. It returns nil or a *run.RefusedError ([machine.Refuse]).
	Check func(ctx context.Context, k *Check) error
}

// Params returns the parameters of all editions.
func (c *Cmdlet) Params() []Parameter {
	if c.Syntax != nil {
		return c.Syntax()
	}
	return c.Parameters
}

// Steps are the phases of a cmdlet with state; all may be nil.
type Steps struct {
	Process func(ctx context.Context, c *Call) error
	End     func(ctx context.Context, c *Call) error
	// Close is called when the pipeline is over, also when an error or a command
	// that has enough has broken it off before the end.
	Close func(ctx context.Context, c *Call) error
}

// Parameter describes a parameter. A parameter that differs between sets
// (mandatory in one, at another position) is listed several times with
// different Sets.
type Parameter struct {
	Name    string
	Aliases []string
	// Type is a type as scripts write it: "string", "string[]", "switch", "int",
	// "scriptblock", "object". "" is object: nothing is converted.
	Type string
	// Pos is the place among positional arguments, from 1; 0 is by name only.
	Pos int
	// Mandatory parameters that are missing are an error: nobody can be asked.
	Mandatory bool
	// FromPipeline takes the pipeline's object, FromProperty its property of the
	// parameter's name or alias. Remaining takes all positional arguments that
	// are left.
	FromPipeline, FromProperty, Remaining bool
	// Sets are the parameter sets it is in; nil is all of them.
	Sets []string
	// ValidateSet, and a range of numbers if Max > Min.
	ValidateSet []string
	Min, Max    int64
	// AllowNull and AllowEmpty let mandatory parameters be $null, or an empty
	// string or collection. NotEmpty forbids both for all others
	// (ValidateNotNullOrEmpty), NotNull $null only.
	AllowNull, AllowEmpty, NotEmpty, NotNull bool
	// Dynamic parameters are those that the provider of a path adds: a prefix of
	// a name means one of them only if it means none of the others.
	Dynamic bool
	Edition Edition
	// Refuse says why the parameter cannot be done; using it refuses the line.
	Refuse, Way string
}

// Call is one call of a cmdlet.
type Call struct {
	Session *Session
	Cmdlet  *Cmdlet
	// Name is the command as the script wrote it ("iwr").
	Name string
	*frame
}

// Has reports whether a parameter was given, by name, place, pipeline or
// splatting.
func (c *Call) Has(name string) bool {
	_, ok := c.frame.binding.get(name)
	return ok
}

// Value returns a parameter's value, converted to its type, and nil if it was
// not given.
func (c *Call) Value(name string) any {
	v, _ := c.frame.binding.get(name)
	return v
}

// String returns a parameter as text; "" if it was not given.
func (c *Call) String(name string) string { return c.Session.ToString(c.Value(name)) }

// Strings returns the texts of a parameter of type string[].
func (c *Call) Strings(name string) []string {
	var list []string
	for _, v := range c.Values(name) {
		list = append(list, c.Session.ToString(v))
	}
	return list
}

// Values returns the elements of a parameter that is an array, a single value
// as one.
func (c *Call) Values(name string) []any {
	v := c.Value(name)
	if v == nil {
		return nil
	}
	if Enumerable(v) {
		return Items(v)
	}
	return []any{v}
}

// Int returns a parameter that is a number, and other if it was not given.
func (c *Call) Int(name string, other int) int {
	if !c.Has(name) {
		return other
	}
	n, _ := toInt64(c.Value(name))
	return int(n)
}

// Switch reports whether a switch is on.
func (c *Call) Switch(name string) bool { return toBool(c.Value(name)) }

// Block returns a parameter that is a script block, or nil.
func (c *Call) Block(name string) *ScriptBlock {
	b, _ := Unwrap(c.Value(name)).(*ScriptBlock)
	return b
}

// Set returns the name of the parameter set that was chosen.
func (c *Call) Set() string { return c.frame.binding.meta.setName(c.frame.binding.chosen()) }

// Bound returns the parameters that were given, as $PSBoundParameters has them.
func (c *Call) Bound() *Hashtable { return c.frame.binding.table() }

// Input returns the object that came through the pipeline for this Process,
// whatever parameter it was bound to; ok is false if there is no pipeline
// input.
func (c *Call) Input() (v any, ok bool) { return c.frame.current, c.frame.has }

// Piped reports whether the cmdlet stands behind a | or gets input.
func (c *Call) Piped() bool { return c.frame.e.piped }

// Write writes one object to the output, a collection as one object too.
func (c *Call) Write(ctx context.Context, v any) error { return c.frame.out(ctx, v) }

// WriteEach writes the elements of a collection, or a single object.
func (c *Call) WriteEach(ctx context.Context, v any) error { return writeEach(ctx, v, c.frame.out) }

// Error writes a non-terminating error, as -ErrorAction says. It returns an
// error that must be returned if the action is Stop.
func (c *Call) Error(ctx context.Context, r *ErrorRecord) error { return c.frame.writeError(ctx, r) }

// Warning writes to the warning stream, as preferences and common parameters
// say.
func (c *Call) Warning(ctx context.Context, message string) error {
	return c.frame.writeStream(ctx, StreamWarning, message)
}

// Verbose writes to the verbose stream.
func (c *Call) Verbose(ctx context.Context, message string) error {
	return c.frame.writeStream(ctx, StreamVerbose, message)
}

// Debug writes to the debug stream.
func (c *Call) Debug(ctx context.Context, message string) error {
	return c.frame.writeStream(ctx, StreamDebug, message)
}

// Information writes to the information stream.
func (c *Call) Information(ctx context.Context, data any, tags ...string) error {
	return c.frame.writeInformation(ctx, data, tags)
}

// ShouldProcess asks whether to do something, under -WhatIf and -Confirm.
func (c *Call) ShouldProcess(ctx context.Context, target, action string) (bool, error) {
	return c.frame.shouldProcess(ctx, target, action)
}

// Stop ends the pipeline in front of this cmdlet, as Select-Object -First does;
// the error must be returned.
func (c *Call) Stop() error { return stopSignal{at: c.frame.e} }

// InScope runs code of the caller's scope: what a cmdlet does with variables
// happens there.
func (c *Call) InScope(run func() error) error { return c.frame.e.within(run) }
