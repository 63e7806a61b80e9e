package ps

import (
	"context"
	"strings"

	"github.com/casement/casement/internal/run/winsh/pslang"
)

// argument is one argument of a command: a value, a parameter's name, or both
// where a colon joins them.
type argument struct {
	// param is the name without dash; isParam tells it from a value.
	param   string
	isParam bool
	colon   bool
	value   any
	has     bool
	at      pslang.Extent
	// name is how the parameter was written, with dash and colon; space says
	// that there are blanks before its value. Only programs get these.
	name  string
	space bool
	// valueAt is where the value of a parameter stands.
	valueAt pslang.Extent
	// raw is how a value was written where programs get it like that.
	raw    string
	hasRaw bool
	// splatted arguments come from a table or list.
	splatted bool
	// verbatim is the rest of the line behind --%.
	verbatim bool
	// end is --. list is a value that was written as a,b.
	end  bool
	list *pslang.List
}

// place is where the value stands.
func (a argument) place() pslang.Extent {
	if a.valueAt.Source != nil {
		return a.valueAt
	}
	return a.at
}

// binding is the state of the parameters of one call.
type binding struct {
	s    *Session
	meta *meta
	// values of what is bound; order keeps the order of binding.
	values map[*param]any
	order  []*param
	// fromPipe are those that the current object has bound.
	fromPipe []*param
	valid    uint64
	// before is what was valid before the first object of the pipeline.
	before  uint64
	args    []any // what a simple function gets as $args
	at      pslang.Extent
	command string
	// piped says that objects come, and delayed are the blocks that are called
	// for each of them.
	piped   bool
	delayed []delayedBlock
}

// bindFail is a ParameterBindingException.
func (b *binding) bindFail(msg, id string, at pslang.Extent, target any) *ErrorRecord {
	r := b.s.failAt(at, "System.Management.Automation.ParameterBindingException", msg, id, InvalidArgument, target)
	r.Activity = b.meta.name
	r.command, r.called = b.s.className(b.meta), b.command
	r.final = false
	return r
}

// bind binds the arguments of the command line.
func (b *binding) bind(ctx context.Context, args []argument) error {
	b.valid = b.meta.all()
	b.values = make(map[*param]any, len(args))
	rest, err := b.named(ctx, args)
	if err != nil {
		return err
	}
	if rest, err = b.byPlace(ctx, rest); err != nil {
		return err
	}
	return b.remaining(ctx, rest)
}

// named binds the arguments with names and returns the others.
func (b *binding) named(ctx context.Context, args []argument) ([]argument, error) {
	var rest []argument
	for i := 0; i < len(args); i++ {
		a := args[i]
		if a.end {
			return append(rest, args[i+1:]...), nil
		}
		if !a.isParam {
			rest = append(rest, a)
			continue
		}
		p, many := b.meta.find(a.param)
		if many != nil {
			return nil, b.bindFail("Parameter cannot be processed because the parameter name '"+a.param+"' is ambiguous. Possible matches include: "+strings.Join(many, " ")+".", "AmbiguousParameter", a.at, nil)
		}
		if p == nil {
			if b.meta.advanced && !b.takesRest() {
				return nil, b.bindFail("A parameter cannot be found that matches parameter name '"+a.param+"'.", "NamedParameterNotFound", a.at, nil)
			}
			rest = append(rest, a)
			continue
		}
		if p.refuse != "" {
			return nil, refuseAt(a.at, b.meta.name+" -"+p.name, p.refuse, p.way)
		}
		switch {
		case a.has:
		case p.isSwitch:
			a.value, a.has = Switch(true), true
		case i+1 < len(args) && !args[i+1].isParam && !args[i+1].end:
			i++
			a.value, a.has, a.valueAt = args[i].value, true, args[i].at
			a.raw, a.hasRaw = args[i].raw, args[i].hasRaw
		case i+1 < len(args) && args[i+1].isParam && !args[i+1].has && b.meta.unknown(args[i+1].param):
			i++
			a.value, a.has, a.valueAt = args[i].name, true, args[i].at
		default:
			return nil, b.missingArgument(p, a)
		}
		if _, done := b.values[p]; done {
			return nil, b.bindFail("Cannot bind parameter because parameter '"+p.name+"' is specified more than once. To provide multiple values to parameters that can accept multiple values, use the array syntax. For example, \"-parameter value1,value2,value3\".", "ParameterAlreadyBound", a.at, nil)
		}
		if err := b.putArgument(ctx, p, a); err != nil {
			return nil, err
		}
	}
	return rest, nil
}

// takesRest reports whether a parameter takes the remaining arguments.
func (b *binding) takesRest() bool {
	for _, p := range b.meta.params {
		if u, ok := p.use(b.valid, b.meta.defaultSet); ok && u.remaining {
			return true
		}
	}
	return false
}

func (b *binding) missingArgument(p *param, a argument) error {
	typ := tObject
	if p.typ != nil {
		typ = p.typ.Name
	}
	return b.bindFail("Missing an argument for parameter '"+p.name+"'. Specify a parameter of type '"+typ+"' and try again.", "MissingArgument", a.at, nil)
}

// byPlace binds arguments to positional parameters and returns what is left.
func (b *binding) byPlace(ctx context.Context, rest []argument) ([]argument, error) {
	for len(rest) > 0 && !rest[0].isParam {
		list := b.nextPositional()
		if len(list) == 0 {
			break
		}
		if u, _ := list[0].use(b.valid, b.meta.defaultSet); u.remaining {
			break
		}
		if err := b.putFirst(ctx, list, rest[0]); err != nil {
			return nil, err
		}
		rest = rest[1:]
	}
	return rest, nil
}

// putFirst binds an argument to the first parameter that takes it as it is, or
// else to the first that it can be converted for.
func (b *binding) putFirst(ctx context.Context, list []*param, a argument) error {
	for _, p := range list {
		if len(list) > 1 && p.typ != nil && b.fitsType(p, a.value) {
			return b.putArgument(ctx, p, a)
		}
	}
	var first error
	for _, p := range list {
		err := b.putArgument(ctx, p, a)
		if err == nil || isControl(err) {
			return err
		}
		if first == nil {
			first = err
		}
	}
	return first
}

// nextPositional are the unbound parameters with the lowest place, those of the
// default set first.
func (b *binding) nextPositional() []*param {
	lowest := -1
	var list, others []*param
	prefer := b.meta.defaultSet & b.valid
	for _, p := range b.meta.params {
		if _, done := b.values[p]; done {
			continue
		}
		for _, u := range p.uses {
			if u.pos < 0 || u.set != 0 && u.set&b.valid == 0 || lowest >= 0 && u.pos > lowest {
				continue
			}
			if u.pos < lowest || lowest < 0 {
				lowest, list, others = u.pos, nil, nil
			}
			if prefer == 0 || u.set == 0 || u.set&prefer != 0 {
				list = append(list, p)
			} else {
				others = append(others, p)
			}
			break
		}
	}
	return append(list, others...)
}

// remaining binds what is left to the parameter that takes the rest.
func (b *binding) remaining(ctx context.Context, rest []argument) error {
	for _, p := range b.meta.params {
		u, ok := p.use(b.valid, b.meta.defaultSet)
		if _, done := b.values[p]; done || !ok || !u.remaining {
			continue
		}
		if len(rest) == 0 {
			return nil
		}
		var list []any
		for _, a := range rest {
			if a.isParam {
				list = append(list, "-"+a.param)
				if !a.has {
					continue
				}
			}
			if len(rest) == 1 && Enumerable(a.value) {
				list = append(list, Items(a.value)...)
				continue
			}
			list = append(list, a.value)
		}
		return b.put(ctx, p, NewArray(list...), rest[0].at)
	}
	if len(rest) == 0 {
		return nil
	}
	if b.meta.advanced {
		a := rest[0]
		return b.bindFail("A positional parameter cannot be found that accepts argument '"+b.s.ToString(a.value)+"'.", "PositionalParameterNotFound", pslang.Extent{}, nil)
	}
	for _, a := range rest {
		if a.isParam {
			text := "-" + a.param
			if a.colon {
				text += ":"
			}
			b.args = append(b.args, text)
			if !a.has {
				continue
			}
		}
		b.args = append(b.args, a.value)
	}
	return nil
}

// put converts, validates and binds a value, and narrows the parameter sets.
func (b *binding) put(ctx context.Context, p *param, v any, at pslang.Extent) error {
	x, err := b.convert(ctx, p, v, at)
	if err != nil {
		return err
	}
	if err := b.validate(ctx, p, x, at); err != nil {
		return err
	}
	if p.mask()&b.valid == 0 {
		return b.bindFail("Parameter set cannot be resolved using the specified named parameters.", "AmbiguousParameterSet", pslang.Extent{}, nil)
	}
	b.valid &= p.mask()
	if _, done := b.values[p]; !done {
		b.order = append(b.order, p)
	}
	b.values[p] = x
	return nil
}

// convert makes the value have the parameter's type.
func (b *binding) convert(ctx context.Context, p *param, v any, at pslang.Extent) (any, error) {
	v = notEmpty(v)
	if p.typ == nil {
		return v, nil
	}
	err := b.truths(p, v)
	if err == nil && p.typ.Name == tString && b.meta.cmdlet == nil && b.meta.advanced && isArray(v) {
		err = b.s.castFail("Cannot convert value to type System.String.", "InvalidCastFromAnyTypeToString")
	}
	if err == nil && p.typ.Name == "System.Management.Automation.ScriptBlock" && isString(Unwrap(v)) {
		err = b.s.castImpossible(v, p.typ)
	}
	if err == nil && p.typ.Elem == nil && p.typ.Name == tString && b.meta.cmdlet != nil && Enumerable(v) {
		err = b.s.castFail("Cannot convert 'System.Object[]' to the type 'System.String' required by parameter '"+p.name+"'. Specified method is not supported.", "CannotConvertArgument")
		r := b.bindFail(errText(err), "CannotConvertArgument", at, nil)
		return nil, r
	}
	var x any
	if err == nil {
		if v == nil && p.typ.Elem != nil {
			return nil, nil
		}
		if x, err = b.s.Cast(ctx, v, p.typ); err == nil {
			return x, nil
		}
	}
	if isControl(err) {
		return nil, err
	}
	if b.meta.cmdlet == nil {
		r := b.bindFail("Cannot process argument transformation on parameter '"+p.name+"'. "+errText(err), "ParameterArgumentTransformationError", at, nil)
		r.Category, r.Exception.Type = InvalidData, "System.Management.Automation.ParameterBindingArgumentTransformationException"
		return nil, r
	}
	r := b.bindFail("Cannot bind parameter '"+p.name+"'. "+errText(err), "CannotConvertArgumentNoMessage", at, nil)
	r.Exception.Inner = ToException(err)
	return nil, r
}

// truths refuses what is neither a boolean nor a number for parameters that are
// true or false. Lists of them are looked at for advanced functions only.
func (b *binding) truths(p *param, v any) error {
	switch {
	case p.isSwitch, p.typ.Name == "System.Boolean":
		return b.truth(p.typ, v)
	case p.typ.Elem != nil && p.typ.Elem.Name == "System.Boolean" && b.meta.advanced:
		var err error
		Each(v, func(x any) bool {
			err = b.truth(p.typ.Elem, x)
			return err == nil
		})
		return err
	}
	return nil
}

func (b *binding) truth(t *Type, v any) error {
	name := ""
	switch x := Unwrap(v).(type) {
	case bool, Switch, byte, int8, int16, uint16, int32, uint32, int64, uint64, float32, float64, Decimal:
		return nil
	case nil:
		if t.Name != "System.Boolean" {
			return nil
		}
	default:
		name = b.s.typeName(x)
	}
	return b.s.castFail(`Cannot convert value "`+name+`" to type "`+t.Name+`". Boolean parameters accept only Boolean values and numbers, such as $True, $False, 1 or 0.`, "InvalidCastExceptionForBooleanArgumentValue")
}

func isArray(v any) bool {
	switch x := Unwrap(v).(type) {
	case *Array:
		return strings.HasSuffix(x.Type, "[]")
	case *Bytes:
		return true
	}
	return false
}

// validate refuses null and empty values where they are not allowed, and what
// the validation attributes do not let through.
func (b *binding) validate(ctx context.Context, p *param, v any, at pslang.Extent) error {
	msg := ""
	for _, c := range p.checks {
		var err error
		if msg, err = c(ctx, b.s, v); err != nil {
			return err
		}
		if msg != "" {
			break
		}
	}
	if msg != "" {
		r := b.bindFail("Cannot validate argument on parameter '"+p.name+"'. "+msg, "ParameterArgumentValidationError", at, nil)
		r.Category, r.Exception.Type = InvalidData, "System.Management.Automation.ParameterBindingValidationException"
		return r
	}
	mandatory := false
	for _, x := range p.uses {
		mandatory = mandatory || x.mandatory
	}
	if mandatory {
		if why := b.emptiness(p, v); why != "" {
			r := b.bindFail("Cannot bind argument to parameter '"+p.name+"' because it is "+nullTexts(why)+".", "ParameterArgumentValidationError"+why+"NotAllowed", at, nil)
			r.Category, r.Exception.Type = InvalidData, "System.Management.Automation.ParameterBindingValidationException"
			return r
		}
	}
	return nil
}

func nullTexts(why string) string {
	switch why {
	case "EmptyString":
		return "an empty string"
	case "EmptyArray":
		return "an empty array"
	case "EmptyCollection":
		return "an empty collection"
	}
	return "null"
}

// emptiness says why a value cannot be given to a mandatory parameter.
func (b *binding) emptiness(p *param, v any) string {
	if IsNull(v) {
		if p.allowNull {
			return ""
		}
		return "Null"
	}
	text := p.typ != nil && (p.typ.Name == tString || p.typ.Elem != nil && p.typ.Elem.Name == tString)
	if s, ok := Unwrap(v).(string); ok && s == "" && text && !p.allowEmpty {
		return "EmptyString"
	}
	if n, ok := length(v); ok && p.typ != nil && p.typ.Elem != nil {
		if n == 0 && !p.allowEmpty {
			return "EmptyArray"
		}
		why := ""
		Each(v, func(x any) bool {
			switch {
			case IsNull(x) && !p.allowNull && !text:
				why = "Null"
			case text && !p.allowEmpty && (IsNull(x) || Unwrap(x) == ""):
				why = "EmptyString"
			}
			return why == ""
		})
		return why
	}
	return ""
}

// takesPipe reports whether any parameter can be bound from the pipeline.
func (b *binding) takesPipe() bool {
	for _, p := range b.meta.params {
		for _, u := range p.uses {
			if (u.fromPipe || u.fromProperty) && (u.set == 0 || u.set&b.valid != 0) {
				return true
			}
		}
	}
	return false
}

// unbound are the mandatory parameters of a set that have no value; those that
// the pipeline may bring are left out while it is still to come.
func (b *binding) unbound(set uint64, piped bool) []string {
	var names []string
	for _, p := range b.meta.params {
		if _, done := b.values[p]; done {
			continue
		}
		for _, u := range p.uses {
			if u.mandatory && (u.set == 0 || u.set&set != 0) && !(piped && (u.fromPipe || u.fromProperty)) {
				names = append(names, p.name)
				break
			}
		}
	}
	return names
}

// settle checks mandatory parameters and chooses the parameter set as far as
// that is possible before the pipeline's objects arrive.
func (b *binding) settle(piped bool) error {
	if len(b.meta.sets) == 0 {
		if names := b.unbound(0, piped); len(names) > 0 {
			return b.missing(names)
		}
		return nil
	}
	def := b.meta.defaultSet
	var good uint64
	count := 0
	for i := range b.meta.sets {
		bit := uint64(1) << i
		if b.valid&bit != 0 && len(b.unbound(bit, piped)) == 0 {
			good |= bit
			count++
		}
	}
	switch {
	case def&b.valid != 0 && (good&def != 0 || good == 0):
		if good == 0 {
			return b.missing(b.unbound(def, piped))
		}
		if !piped {
			b.valid = def
		}
	case count == 1:
		b.valid = good
	case count > 1 && piped:
		b.valid = good
	case count == 0:
		if one := b.valid & -b.valid; one == b.valid {
			return b.missing(b.unbound(one, piped))
		}
		return b.ambiguousSet()
	default:
		return b.ambiguousSet()
	}
	return nil
}

func (b *binding) ambiguousSet() error {
	msg := "Parameter set cannot be resolved using the specified named parameters."
	if b.s.edition == Core {
		msg += " One or more parameters issued cannot be used together or an insufficient number of parameters were provided."
	}
	return b.bindFail(msg, "AmbiguousParameterSet", pslang.Extent{}, nil)
}

const missingMandatory = "MissingMandatoryParameter"

func (b *binding) missing(names []string) error {
	return b.bindFail("Cannot process command because of one or more missing mandatory parameters: "+strings.Join(names, " ")+".", missingMandatory, pslang.Extent{}, nil)
}

// get returns the value of a parameter by its full name.
func (b *binding) get(name string) (any, bool) {
	p := b.meta.index[strings.ToLower(name)]
	if p == nil {
		return nil, false
	}
	v, ok := b.values[p]
	return v, ok
}

// table is $PSBoundParameters.
func (b *binding) table() *Hashtable {
	h := &Hashtable{Ordered: false}
	for _, p := range b.order {
		h.Put(p.name, b.values[p])
	}
	return h
}

// chosen is the parameter set that is in force: the only one left, or the
// default one.
func (b *binding) chosen() uint64 {
	if b.meta.defaultSet&b.valid != 0 {
		return b.meta.defaultSet
	}
	return b.valid
}
