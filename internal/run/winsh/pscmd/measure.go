package pscmd

import (
	"context"
	"math"
	"strings"
	"time"
	"unicode"

	"github.com/casement/casement/internal/run/winsh/ps"
)

// measureCmdlets count and time.
func measureCmdlets() []*ps.Cmdlet {
	return []*ps.Cmdlet{
		{
			Name: "Measure-Object", Aliases: []string{"measure"}, Module: moduleUtility, DefaultSet: "GenericMeasure",
			Syntax: params(`
				InputObject object pipeline
				Property string[] @1 notempty 5.1
				Property object[] @1 notempty 7
				StandardDeviation switch {GenericMeasure} 7
				Sum switch {GenericMeasure}
				AllStats switch {GenericMeasure} 7
				Average switch {GenericMeasure}
				Maximum switch {GenericMeasure}
				Minimum switch {GenericMeasure}
				Line switch {TextMeasure}
				Word switch {TextMeasure}
				Character switch {TextMeasure}
				IgnoreWhiteSpace switch {TextMeasure}`),
			Start: startMeasure,
		},
		{
			Name: "Measure-Command", Module: moduleUtility,
			Syntax: params(`
				InputObject object pipeline
				Expression scriptblock @1 mandatory`),
			Start: startMeasureCommand,
		},
	}
}

// stats are what Measure-Object has seen of one property.
type stats struct {
	name          string
	count         int
	sum, mean, m2 float64
	max, min      any
	lines, words  int
	chars         int
	text          bool
	wants         map[string]bool
}

func startMeasure(_ context.Context, c *ps.Call) (ps.Steps, error) {
	exprs, err := propExprs(c, c.Values("Property"))
	if err != nil {
		return ps.Steps{}, err
	}
	wants := map[string]bool{}
	for _, name := range []string{"Sum", "Average", "Maximum", "Minimum", "StandardDeviation", "Line", "Word", "Character"} {
		wants[name] = c.Switch(name) || c.Switch("AllStats")
	}
	text := c.Has("Line") || c.Has("Word") || c.Has("Character")
	var all []*stats
	byName := map[string]*stats{}
	get := func(name string) *stats {
		st := byName[strings.ToLower(name)]
		if st == nil {
			st = &stats{name: name, text: text, wants: wants}
			byName[strings.ToLower(name)] = st
			all = append(all, st)
		}
		return st
	}
	if len(exprs) == 0 {
		get("")
	}
	return ps.Steps{
		Process: func(ctx context.Context, c *ps.Call) error {
			v := inputOf(c)
			if ps.IsNull(v) {
				return nil
			}
			if len(exprs) == 0 {
				return get("").add(ctx, c, v)
			}
			for _, e := range exprs {
				list, err := e.values(ctx, c.Session, v)
				if err != nil {
					return err
				}
				for _, p := range list {
					if !p.found || ps.IsNull(p.value) {
						continue
					}
					if err := get(p.name).add(ctx, c, p.value); err != nil {
						return err
					}
				}
			}
			return nil
		},
		End: func(ctx context.Context, c *ps.Call) error {
			for _, e := range exprs {
				if byName[strings.ToLower(e.keyName())] == nil && !e.wild() {
					id := "GenericMeasurePropertyNotFound"
					if text {
						id = "TextMeasurePropertyNotFound"
					}
					if err := c.Error(ctx, fail(psArgument, "The property \""+e.keyName()+"\" cannot be found in the input for any objects.", id, ps.InvalidArgument, nil)); err != nil {
						return err
					}
				}
			}
			for _, st := range all {
				if err := c.Write(ctx, st.object(c)); err != nil {
					return err
				}
			}
			return nil
		},
	}, nil
}

// add takes a value into the statistics.
func (st *stats) add(ctx context.Context, c *ps.Call, v any) error {
	s := c.Session
	if st.text {
		st.count++
		text := s.ToString(v)
		st.lines += countLines(text, c.Switch("IgnoreWhiteSpace"))
		st.words += len(strings.FieldsFunc(text, unicode.IsSpace))
		st.chars += countChars(text, c.Switch("IgnoreWhiteSpace"))
		return nil
	}
	st.count++
	if st.wants["Maximum"] && (st.max == nil || order(s, v, st.max, false) > 0) {
		st.max = v
	}
	if st.wants["Minimum"] && (st.min == nil || order(s, v, st.min, false) < 0) {
		st.min = v
	}
	if !st.wants["Sum"] && !st.wants["Average"] && !st.wants["StandardDeviation"] {
		return nil
	}
	n, err := s.CastTo(ctx, v, "double")
	if err != nil {
		if fatal(err) {
			return err
		}
		st.count--
		r := fail(psInvalidOperation, "Input object \""+s.ToString(v)+"\" is not numeric.", "NonNumericInputObject", ps.InvalidType, v)
		return c.Error(ctx, r)
	}
	f := n.(float64)
	st.sum += f
	delta := f - st.mean
	st.mean += delta / float64(st.count)
	st.m2 += delta * (f - st.mean)
	return nil
}

func countLines(text string, ignoreBlank bool) int {
	if text == "" {
		return 0
	}
	n := 0
	lines := strings.Split(text, "\n")
	if lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	for _, l := range lines {
		if !ignoreBlank || strings.TrimSpace(l) != "" {
			n++
		}
	}
	return n
}

func countChars(text string, ignoreBlank bool) int {
	if !ignoreBlank {
		return utf16Len(text)
	}
	n := 0
	for _, r := range text {
		if !unicode.IsSpace(r) {
			n += utf16Len(string(r))
		}
	}
	return n
}

// object makes what Measure-Object writes. Maximum and Minimum are numbers where
// they can be.
func (st *stats) object(c *ps.Call) any {
	if st.text {
		return c.Session.Object("Microsoft.PowerShell.Commands.TextMeasureInfo", st)
	}
	return c.Session.Object("Microsoft.PowerShell.Commands.GenericMeasureInfo", st)
}

// measureTypes are the results of grouping and measuring.
func measureTypes() []*ps.Type {
	stat := func(name string, get func(in *ps.Invoke, st *stats) any) ps.Member {
		return ps.Prop(name, "System.Object", func(_ context.Context, in *ps.Invoke) (any, error) {
			return get(in, in.Data().(*stats)), nil
		})
	}
	group := func(name, typ string, get func(g *groupInfo) any) ps.Member {
		return ps.Prop(name, typ, func(_ context.Context, in *ps.Invoke) (any, error) { return get(in.Data().(*groupInfo)), nil })
	}
	groupMembers := func() []ps.Member {
		return []ps.Member{
			group("Values", "System.Collections.ArrayList", func(g *groupInfo) any { return &ps.Array{Type: "System.Collections.ArrayList", Items: g.keys} }),
			group("Count", "int", func(g *groupInfo) any { return ps.Int(g.count) }),
			group("Group", "System.Collections.ObjectModel.Collection`1[System.Management.Automation.PSObject]", func(g *groupInfo) any {
				return &ps.Array{Type: "System.Collections.ObjectModel.Collection`1[System.Management.Automation.PSObject]", Items: g.items}
			}),
			group("Name", "string", func(g *groupInfo) any { return g.name }),
		}
	}
	return []*ps.Type{
		{Name: "Microsoft.PowerShell.Commands.GroupInfo", Members: groupMembers, View: func() *ps.View {
			return &ps.View{Table: []ps.Column{{Property: "Count", Width: 5, Right: true}, {Property: "Name", Width: 25}, {Property: "Group"}}}
		}},
		{Name: "Microsoft.PowerShell.Commands.GroupInfoNoElement", Base: "Microsoft.PowerShell.Commands.GroupInfo", View: func() *ps.View {
			return &ps.View{Table: []ps.Column{{Property: "Count", Width: 5, Right: true}, {Property: "Name"}}}
		}},
		{Name: "Microsoft.PowerShell.Commands.MeasureInfo", Abstract: true},
		{Name: "Microsoft.PowerShell.Commands.GenericMeasureInfo", Base: "Microsoft.PowerShell.Commands.MeasureInfo", Members: func() []ps.Member {
			deviation := stat("StandardDeviation", func(_ *ps.Invoke, st *stats) any { return st.deviation() })
			deviation.Edition = ps.Core
			return []ps.Member{
				stat("Count", func(_ *ps.Invoke, st *stats) any { return ps.Int(st.count) }),
				stat("Average", func(_ *ps.Invoke, st *stats) any {
					if !st.wants["Average"] || st.count == 0 {
						return nil
					}
					return st.sum / float64(st.count)
				}),
				stat("Sum", func(_ *ps.Invoke, st *stats) any {
					if !st.wants["Sum"] {
						return nil
					}
					return st.sum
				}),
				stat("Maximum", func(in *ps.Invoke, st *stats) any { return extreme(in.Session, st.max) }),
				stat("Minimum", func(in *ps.Invoke, st *stats) any { return extreme(in.Session, st.min) }),
				deviation,
				stat("Property", func(_ *ps.Invoke, st *stats) any { return nameOrNil(st.name) }),
			}
		}},
		{Name: "Microsoft.PowerShell.Commands.TextMeasureInfo", Base: "Microsoft.PowerShell.Commands.MeasureInfo", Members: func() []ps.Member {
			count := func(name, want string, get func(st *stats) int) ps.Member {
				return stat(name, func(_ *ps.Invoke, st *stats) any {
					if !st.wants[want] {
						return nil
					}
					return ps.Int(get(st))
				})
			}
			return []ps.Member{
				count("Lines", "Line", func(st *stats) int { return st.lines }), count("Words", "Word", func(st *stats) int { return st.words }),
				count("Characters", "Character", func(st *stats) int { return st.chars }),
				stat("Property", func(_ *ps.Invoke, st *stats) any { return nameOrNil(st.name) }),
			}
		}},
	}
}

func nameOrNil(name string) any {
	if name == "" {
		return nil
	}
	return name
}

// extreme is a maximum or minimum: a double for all numbers.
func extreme(s *ps.Session, v any) any {
	switch ps.Unwrap(v).(type) {
	case byte, int8, int16, uint16, int32, uint32, int64, uint64, float32, ps.Decimal:
		f, err := s.CastTo(context.Background(), v, "double")
		if err == nil {
			return f
		}
	}
	return v
}

func (st *stats) deviation() any {
	if !st.wants["StandardDeviation"] || st.count == 0 {
		return nil
	}
	if st.count == 1 {
		return 0.0
	}
	return math.Sqrt(st.m2 / float64(st.count-1))
}

// startMeasureCommand runs a block and says how long it took.
func startMeasureCommand(_ context.Context, c *ps.Call) (ps.Steps, error) {
	var total time.Duration
	return ps.Steps{
		Process: func(ctx context.Context, c *ps.Call) error {
			o := ps.CallOptions{SameScope: true}
			if v, ok := c.Input(); ok {
				o.Under, o.HasUnder = v, true
			}
			start := time.Now()
			err := c.Session.Stream(ctx, c.Block("Expression"), o, func(context.Context, any) error { return nil })
			total += time.Since(start)
			return err
		},
		End: func(ctx context.Context, c *ps.Call) error { return c.Write(ctx, ps.TimeSpan(total.Nanoseconds()/100)) },
	}, nil
}
