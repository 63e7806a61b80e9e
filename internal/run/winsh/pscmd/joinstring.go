package pscmd

import (
	"context"
	"strings"

	"github.com/casement/casement/internal/run/winsh/ps"
)

// joinCmdlets make one text of many objects.
func joinCmdlets() []*ps.Cmdlet {
	return []*ps.Cmdlet{{
		Name: "Join-String", Module: moduleUtility, Edition: ps.Core, DefaultSet: "default",
		Syntax: params(`
			Property object @1
			Separator string @2 empty
			OutputPrefix|op string
			OutputSuffix|os string
			SingleQuote switch {SingleQuote}
			DoubleQuote switch {DoubleQuote}
			FormatString string {Format}
			UseCulture switch
			InputObject object[] pipeline null`),
		Start: startJoin,
	}}
}

func startJoin(_ context.Context, c *ps.Call) (ps.Steps, error) {
	j := &joining{quote: map[bool]string{true: "'"}[c.Switch("SingleQuote")], format: c.String("FormatString"), separator: c.String("Separator")}
	if c.Switch("DoubleQuote") {
		j.quote = `"`
	}
	if !c.Has("Separator") {
		ofs, _ := c.Session.Variable("OFS")
		j.separator = c.Session.ToString(ofs)
	}
	if c.Has("Property") {
		e, err := newPropExpr(c, c.Value("Property"))
		if err != nil {
			return ps.Steps{}, err
		}
		j.property = &e
	}
	j.text.WriteString(c.String("OutputPrefix"))
	return ps.Steps{
		Process: j.add,
		End: func(ctx context.Context, c *ps.Call) error {
			return c.Write(ctx, j.text.String()+c.String("OutputSuffix"))
		},
	}, nil
}

// joining is one call of Join-String.
type joining struct {
	property                 *propExpr
	quote, format, separator string
	text                     strings.Builder
	begun                    bool
}

// add adds what came through the pipeline.
func (j *joining) add(ctx context.Context, c *ps.Call) error {
	for _, v := range c.Values("InputObject") {
		if ps.IsNull(v) {
			continue
		}
		if j.property != nil {
			x, _, err := j.property.one(ctx, c.Session, v)
			if err != nil {
				return err
			}
			v = x
		}
		text := j.quote + c.Session.ToString(v) + j.quote
		if j.format != "" {
			t, err := c.Session.Composite(j.format, []any{v})
			if err != nil {
				return err
			}
			text = t
		}
		if j.begun {
			text = j.separator + text
		}
		j.begun = true
		j.text.WriteString(text)
	}
	return nil
}
