package pscmd

import (
	"context"
	"slices"
	"strings"

	"github.com/casement/casement/internal/run/winsh/ps"
)

// selectCmdlets choose objects and properties.
func selectCmdlets() []*ps.Cmdlet {
	return []*ps.Cmdlet{
		{
			Name: "Select-Object", Aliases: []string{"select"}, Module: moduleUtility, DefaultSet: "DefaultParameter",
			Syntax: params(`
				InputObject object pipeline
				Property object[] @1 {DefaultParameter,SkipLastParameter}
				ExcludeProperty string[] {DefaultParameter,SkipLastParameter}
				ExpandProperty string {DefaultParameter,SkipLastParameter}
				Unique switch
				CaseInsensitive switch 7
				Last int range=0..2147483647 {DefaultParameter}
				First int range=0..2147483647 {DefaultParameter}
				Skip int range=0..2147483647 {DefaultParameter} 5.1
				Skip int range=0..2147483647 {DefaultParameter,SkipLastParameter} 7
				SkipLast int range=0..2147483647 {SkipLastParameter}
				Wait switch
				Index int[] {IndexParameter}
				SkipIndex int[] mandatory {SkipIndexParameter} 7`),
			Start: startSelect,
		},
		{
			Name: "Get-Unique", Aliases: []string{"gu"}, Module: moduleUtility, DefaultSet: "AsString",
			Syntax: params(`
				InputObject object pipeline
				AsString switch {AsString}
				OnType switch {UniqueByType}
				CaseInsensitive switch 7`),
			Start: startUnique,
		},
	}
}

// selector is one call of Select-Object.
type selector struct {
	c          *ps.Call
	s          *ps.Session
	properties []propExpr
	exclude    []string
	expand     *propExpr
	unique     bool
	fold       bool
	seen       []selected
	known      map[string]bool

	first, last, skip, skipLast int
	limited                     bool
	queue                       []any
	written                     int
	index                       []int
	skipIndex                   bool
	at                          int
}

type selected struct {
	value any
	notes []ps.Property
}

func startSelect(_ context.Context, c *ps.Call) (ps.Steps, error) {
	l := &selector{
		c: c, s: c.Session, exclude: c.Strings("ExcludeProperty"), unique: c.Switch("Unique"), fold: c.Switch("CaseInsensitive"),
		first: c.Int("First", 0), last: c.Int("Last", 0), skip: c.Int("Skip", 0), skipLast: c.Int("SkipLast", 0),
		limited: c.Has("First") || c.Has("Last"), known: map[string]bool{},
	}
	var err error
	if l.properties, err = propExprs(c, c.Values("Property")); err != nil {
		return ps.Steps{}, err
	}
	if len(l.exclude) > 0 && len(l.properties) == 0 {
		l.properties = []propExpr{{name: "*"}}
	}
	if c.Has("ExpandProperty") && c.String("ExpandProperty") != "" {
		e, err := newPropExpr(c, c.String("ExpandProperty"))
		if err != nil {
			return ps.Steps{}, err
		}
		l.expand = &e
	}
	for _, name := range []string{"Index", "SkipIndex"} {
		for _, v := range c.Values(name) {
			n, err := l.s.CastTo(context.Background(), v, "int")
			if err != nil {
				return ps.Steps{}, err
			}
			l.index = append(l.index, int(n.(int32)))
			l.skipIndex = name == "SkipIndex"
		}
	}
	slices.Sort(l.index)
	return ps.Steps{Process: l.process, End: l.end}, nil
}

func (l *selector) process(ctx context.Context, c *ps.Call) error {
	v := inputOf(c)
	if ps.IsNull(v) {
		return nil
	}
	if l.index != nil {
		return l.indexed(ctx, v)
	}
	l.queue = append(l.queue, v)
	switch {
	case l.last > 0 && l.first == 0 && len(l.queue) > l.last+l.skip, l.last > 0 && l.first != 0 && len(l.queue) > l.last:
		l.queue = l.queue[1:]
	}
	if x, ok := l.stream(); ok {
		if err := l.object(ctx, x); err != nil {
			return err
		}
	}
	if l.limited && l.last == 0 && l.first != 0 && l.written >= l.first && !c.Switch("Wait") {
		if err := l.flush(ctx); err != nil {
			return err
		}
		return c.Stop()
	}
	return nil
}

// stream takes the next object out of the queue, if it may be written now.
func (l *selector) stream() (any, bool) {
	pop := func() any {
		v := l.queue[0]
		l.queue = l.queue[1:]
		return v
	}
	switch {
	case l.skip > 0 && (l.last == 0 || l.first != 0):
		pop()
		l.skip--
	case l.skip > 0:
	case l.skipLast > 0:
		if len(l.queue) > l.skipLast {
			return pop(), true
		}
	case l.written < l.first || !l.limited:
		l.written++
		return pop(), true
	case l.last == 0:
		pop()
	}
	return nil, false
}

func (l *selector) indexed(ctx context.Context, v any) error {
	_, hit := slices.BinarySearch(l.index, l.at)
	l.at++
	if hit != l.skipIndex {
		if err := l.object(ctx, v); err != nil {
			return err
		}
	}
	if !l.skipIndex && l.at > l.index[len(l.index)-1] && !l.c.Switch("Wait") {
		if err := l.flush(ctx); err != nil {
			return err
		}
		return l.c.Stop()
	}
	return nil
}

func (l *selector) end(ctx context.Context, _ *ps.Call) error {
	if l.skipLast == 0 && l.index == nil {
		for len(l.queue) > 0 && (l.first != 0 || len(l.queue) > l.skip) {
			v := l.queue[0]
			l.queue = l.queue[1:]
			if err := l.object(ctx, v); err != nil {
				return err
			}
		}
	}
	return l.flush(ctx)
}

// flush writes what -Unique has kept.
func (l *selector) flush(ctx context.Context) error {
	for _, u := range l.seen {
		if err := l.c.Write(ctx, u.value); err != nil {
			return err
		}
	}
	l.seen = nil
	return nil
}

// object selects properties of an object and writes the result.
func (l *selector) object(ctx context.Context, v any) error {
	if len(l.properties) == 0 && l.expand == nil {
		return l.write(ctx, v, nil)
	}
	var notes []ps.Property
	for _, e := range l.properties {
		found, err := l.find(ctx, e, v)
		if err != nil {
			return err
		}
		notes = append(notes, found...)
	}
	if l.expand != nil {
		return l.expanded(ctx, v, notes)
	}
	o := ps.NewCustom()
	for _, n := range notes {
		if o.Find(n.Name) != nil {
			if err := l.exists(ctx, n.Name, v, "AlreadyExistingUserSpecifiedPropertyNoExpand"); err != nil {
				return err
			}
			continue
		}
		o.Add(n)
	}
	if t := l.s.TypeOf(v); t != nil {
		o.AddType("Selected." + t.Name)
	}
	return l.write(ctx, o, notes)
}

func (l *selector) exists(ctx context.Context, name string, v any, id string) error {
	return l.c.Error(ctx, fail(psArgument, "The property cannot be processed because the property \""+name+"\" already exists.", id, ps.InvalidOperation, v))
}

// find evaluates one of -Property.
func (l *selector) find(ctx context.Context, e propExpr, v any) ([]ps.Property, error) {
	list, err := e.values(ctx, l.s, v)
	if err != nil {
		return nil, err
	}
	list = slices.DeleteFunc(list, func(p propValue) bool { return e.block == nil && likeAny(l.exclude, p.name) })
	if e.label != "" && len(list) > 1 {
		return nil, l.c.Error(ctx, fail(invalidOperation, "Multiple results cannot be renamed.", "RenamingMultipleResults", ps.InvalidOperation, v))
	}
	var notes []ps.Property
	for _, p := range list {
		name := p.name
		if e.label != "" {
			name = e.label
		}
		if name == "" {
			return nil, fail(psArgument, "A script block without a name is empty.", "EmptyScriptBlockAndNoName", ps.InvalidArgument, nil)
		}
		notes = append(notes, ps.Property{Name: name, Value: p.value})
	}
	return notes, nil
}

// expanded writes the elements of -ExpandProperty, with the other properties
// added to them.
func (l *selector) expanded(ctx context.Context, v any, notes []ps.Property) error {
	list, err := l.expand.values(ctx, l.s, v)
	if err != nil {
		return err
	}
	list = slices.DeleteFunc(list, func(p propValue) bool { return !p.found })
	name := l.expand.name
	switch {
	case len(list) == 0:
		return l.c.Error(ctx, fail(psArgument, "Property \""+name+"\" cannot be found.", "ExpandPropertyNotFound", ps.InvalidArgument, v))
	case len(list) > 1:
		return l.c.Error(ctx, fail(psArgument, "The property \""+name+"\" cannot be expanded because it matches several properties.", "MutlipleExpandProperties", ps.InvalidArgument, v))
	case ps.IsNull(list[0].value):
		return nil
	}
	one := func(ctx context.Context, item any) error {
		if ps.IsNull(item) && ps.Enumerable(list[0].value) {
			return nil
		}
		for _, n := range notes {
			e, with := ps.Extras(item)
			if _, ok, _ := l.s.Property(ctx, item, n.Name); ok {
				if err := l.exists(ctx, n.Name, v, "AlreadyExistingUserSpecifiedPropertyExpand"); err != nil {
					return err
				}
				continue
			}
			e.Add(n)
			item = with
		}
		return l.write(ctx, item, notes)
	}
	return eachObject(ctx, list[0].value, one)
}

// write writes an object, or keeps it if it is the first of its kind.
func (l *selector) write(ctx context.Context, v any, notes []ps.Property) error {
	if !l.unique {
		return l.c.Write(ctx, v)
	}
	if text, ok := ps.Unwrap(v).(string); ok && len(notes) == 0 {
		if l.fold {
			text = strings.ToLower(text)
		}
		if l.known[text] {
			return nil
		}
		l.known[text] = true
		l.seen = append(l.seen, selected{v, nil})
		return nil
	}
	for _, u := range l.seen {
		if l.same(u, v, notes) {
			return nil
		}
	}
	l.seen = append(l.seen, selected{v, notes})
	return nil
}

func (l *selector) same(u selected, v any, notes []ps.Property) bool {
	if len(u.notes) != len(notes) {
		return false
	}
	if len(notes) == 0 {
		return order(l.s, u.value, v, !l.fold) == 0
	}
	for i, n := range notes {
		if !strings.EqualFold(u.notes[i].Name, n.Name) || order(l.s, u.notes[i].Value, n.Value, !l.fold) != 0 {
			return false
		}
	}
	return true
}

// order compares two values as Sort-Object does: null first, and what has no
// order by its text.
func order(s *ps.Session, a, b any, caseSensitive bool) int {
	n, err := s.Compare(a, b, caseSensitive)
	if err == nil {
		return n
	}
	n, err = s.Compare(s.ToString(a), s.ToString(b), caseSensitive)
	if err != nil {
		return 0
	}
	return n
}

// startUnique leaves out objects that equal the one before.
func startUnique(_ context.Context, c *ps.Call) (ps.Steps, error) {
	var last any
	begun := false
	return ps.Steps{Process: func(ctx context.Context, c *ps.Call) error {
		v := inputOf(c)
		s := c.Session
		same := false
		switch {
		case !begun:
		case c.Switch("OnType"):
			same = s.TypeNames(last)[0] == s.TypeNames(v)[0]
		case c.Switch("AsString"):
			same = s.Equal(s.ToString(last), s.ToString(v), !c.Switch("CaseInsensitive"))
		default:
			same = order(s, last, v, !c.Switch("CaseInsensitive")) == 0
		}
		begun, last = true, v
		if same {
			return nil
		}
		return c.Write(ctx, v)
	}}, nil
}
