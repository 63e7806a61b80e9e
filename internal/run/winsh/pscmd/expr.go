package pscmd

import (
	"context"
	"strings"

	"github.com/casement/casement/internal/run/winsh/ps"
)

// propExpr is what -Property takes: a name, a pattern, a script block, or a
// table with one of them and more.
type propExpr struct {
	// label is the name that the result has; "" is the property's own.
	label string
	name  string
	block *ps.ScriptBlock
	// descending is set by the tables that Sort-Object takes; nil is the
	// cmdlet's own order.
	descending *bool
}

// propValue is a property that an expression found.
type propValue struct {
	name  string
	value any
	found bool
}

// propExprs reads the values of -Property. The error is terminating.
func propExprs(c *ps.Call, values []any) ([]propExpr, error) {
	var list []propExpr
	for _, v := range values {
		e, err := newPropExpr(c, v)
		if err != nil {
			return nil, err
		}
		list = append(list, e)
	}
	return list, nil
}

func newPropExpr(c *ps.Call, v any) (propExpr, error) {
	switch x := ps.Unwrap(v).(type) {
	case *ps.ScriptBlock:
		return propExpr{block: x}, nil
	case *ps.Hashtable:
		var e propExpr
		for _, entry := range x.Entries() {
			key := strings.ToLower(c.Session.ToString(entry.Key))
			switch {
			case key != "" && (strings.HasPrefix("name", key) || strings.HasPrefix("label", key)):
				e.label = c.Session.ToString(entry.Value)
			case key != "" && strings.HasPrefix("expression", key):
				inner, err := newPropExpr(c, entry.Value)
				if err != nil {
					return e, err
				}
				e.name, e.block = inner.name, inner.block
			case key != "" && (strings.HasPrefix("descending", key) || strings.HasPrefix("ascending", key)):
				down := c.Session.ToBool(entry.Value) == strings.HasPrefix("descending", key)
				e.descending = &down
			default:
				return e, fail(psArgument, "The "+c.Session.ToString(entry.Key)+" key is not valid.", "DictionaryKeyIllegal", ps.InvalidArgument, nil)
			}
		}
		if e.block == nil && e.name == "" {
			return e, fail(psArgument, "The dictionary is missing a mandatory entry: expression.", "DictionaryKeyMandatoryEntry", ps.InvalidArgument, nil)
		}
		return e, nil
	case nil:
		return propExpr{}, fail("System.NotSupportedException", "Cannot convert the value of type null.", "DictionaryKeyUnknownType", ps.InvalidArgument, nil)
	}
	return propExpr{name: c.Session.ToString(v)}, nil
}

// keyName is what the expression is called where it has no name of its own.
func (e propExpr) keyName() string {
	switch {
	case e.label != "":
		return e.label
	case e.block != nil:
		return e.block.String()
	}
	return e.name
}

// wild reports whether the expression is a pattern of names.
func (e propExpr) wild() bool { return e.block == nil && ps.HasWildcard(e.name) }

// values evaluates the expression for an object. A script block that fails
// gives null.
func (e propExpr) values(ctx context.Context, s *ps.Session, v any) ([]propValue, error) {
	if e.block != nil {
		out, err := s.Call(ctx, e.block, ps.CallOptions{Under: v, HasUnder: true})
		if err != nil {
			if fatal(err) {
				return nil, err
			}
			return []propValue{{e.keyName(), nil, true}}, nil
		}
		return []propValue{{e.keyName(), collect(out), true}}, nil
	}
	if h, ok := ps.Unwrap(v).(*ps.Hashtable); ok {
		return e.entries(ctx, s, h)
	}
	if !e.wild() {
		x, ok, err := s.Property(ctx, v, e.name)
		if err != nil && fatal(err) {
			return nil, err
		}
		return []propValue{{e.spelling(s, v), x, ok}}, nil
	}
	var list []propValue
	for _, p := range s.Properties(v) {
		if !p.Gettable || p.Hidden || !ps.Like(e.name, p.Name, false) {
			continue
		}
		x, _, err := s.Property(ctx, v, p.Name)
		if err != nil && fatal(err) {
			return nil, err
		}
		list = append(list, propValue{p.Name, x, true})
	}
	return list, nil
}

// spelling is the name of the result: as the object spells it.
func (e propExpr) spelling(_ *ps.Session, v any) string {
	if x, ok := v.(interface{ Find(string) *ps.Property }); ok {
		if p := x.Find(e.name); p != nil {
			return p.Name
		}
	}
	return e.name
}

// entries finds keys of a table, which PowerShell 7 sees as properties; 5.1
// sees the properties of the table itself.
func (e propExpr) entries(ctx context.Context, s *ps.Session, h *ps.Hashtable) ([]propValue, error) {
	var list []propValue
	if s.Edition() == ps.Core {
		for _, entry := range h.Entries() {
			name := s.ToString(entry.Key)
			if e.wild() && ps.Like(e.name, name, false) || strings.EqualFold(e.name, name) {
				list = append(list, propValue{name, entry.Value, true})
			}
		}
		if len(list) > 0 {
			return list, nil
		}
	}
	for _, p := range s.Properties(h) {
		if e.wild() && ps.Like(e.name, p.Name, false) || strings.EqualFold(e.name, p.Name) {
			x, err := s.Invoke(ctx, h, "get_"+p.Name, false)
			if err != nil {
				if fatal(err) {
					return nil, err
				}
				x, _, _ = s.Property(ctx, h, p.Name)
			}
			list = append(list, propValue{p.Name, x, true})
		}
	}
	if len(list) == 0 && !e.wild() {
		list = []propValue{{e.name, nil, false}}
	}
	return list, nil
}

// one evaluates an expression to one value, for keys of sorting and grouping.
func (e propExpr) one(ctx context.Context, s *ps.Session, v any) (any, bool, error) {
	if e.block == nil && !e.wild() {
		if h, ok := ps.Unwrap(v).(*ps.Hashtable); ok {
			if x, ok := h.Get(e.name); ok {
				return x, true, nil
			}
		}
		x, ok, err := s.Property(ctx, v, e.name)
		if err != nil && fatal(err) {
			return nil, false, err
		}
		return x, ok, nil
	}
	list, err := e.values(ctx, s, v)
	if err != nil || len(list) == 0 {
		return nil, false, err
	}
	return list[0].value, list[0].found, nil
}

// collect makes one value of what a block wrote; nothing is null.
func collect(out []any) any {
	v := ps.Collect(out)
	if ps.IsNull(v) {
		return nil
	}
	return v
}
