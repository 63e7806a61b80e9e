package pscmd

import (
	"context"
	"math"
	"math/big"
	"strconv"
	"strings"
	"unicode/utf16"

	"github.com/casement/casement/internal/run/winsh/ps"
)

// jsonCmdlets read and write JSON.
func jsonCmdlets() []*ps.Cmdlet {
	return []*ps.Cmdlet{
		{
			Name: "ConvertTo-Json", Module: moduleUtility,
			Syntax: params(`
				InputObject object @1 mandatory null empty pipeline
				Depth int range=1..100 5.1
				Depth int range=0..100 7
				Compress switch
				EnumsAsStrings switch 7
				AsArray switch 7
				EscapeHandling string in=Default,EscapeNonAscii,EscapeHtml 7`),
			Start: startToJSON,
		},
		{
			Name: "ConvertFrom-Json", Module: moduleUtility,
			Syntax: params(`
				InputObject string @1 mandatory empty pipeline
				AsHashtable switch 7
				Depth int range=1..2147483647 7
				NoEnumerate switch 7
				DateKind string in=Default,Local,Utc,Offset,String 7`),
			Start: startFromJSON,
		},
		{
			Name: "Test-Json", Module: moduleUtility, Edition: ps.Core,
			Syntax: params(`
				Json string @1 mandatory empty pipeline
				Schema string @2 !schemas of JSON are not checked
				SchemaFile string @2 !schemas of JSON are not checked
				Options string[]`),
			Process: testJSON,
		},
	}
}

// jsonMap is an object of JSON in its order; jsonRaw is a value that is written
// already.
type jsonMap struct {
	keys   []string
	values []any
}

type jsonRaw string

func (m *jsonMap) has(key string) bool {
	for _, k := range m.keys {
		if k == key {
			return true
		}
	}
	return false
}

func (m *jsonMap) add(key string, v any) {
	m.keys, m.values = append(m.keys, key), append(m.values, v)
}

// jsonWriter is one call of ConvertTo-Json.
type jsonWriter struct {
	c       *ps.Call
	s       *ps.Session
	depth   int
	enums   bool
	escape  string
	warned  bool
	desktop bool
}

func startToJSON(_ context.Context, c *ps.Call) (ps.Steps, error) {
	var list []any
	return ps.Steps{
		Process: func(_ context.Context, c *ps.Call) error {
			// 5.1 passes over $null.
			if v := c.Value("InputObject"); v != nil || c.Session.Edition() != ps.Desktop {
				list = append(list, v)
			}
			return nil
		},
		End: func(ctx context.Context, c *ps.Call) error {
			if len(list) == 0 {
				return nil
			}
			v := list[0]
			if len(list) > 1 || c.Switch("AsArray") {
				v = ps.NewArray(list...)
			}
			w := &jsonWriter{
				c: c, s: c.Session, depth: c.Int("Depth", 2), enums: c.Switch("EnumsAsStrings"),
				escape: strings.ToLower(c.String("EscapeHandling")), desktop: c.Session.Edition() == ps.Desktop,
			}
			tree, err := w.value(ctx, v, 0)
			if err != nil {
				return err
			}
			var b strings.Builder
			switch {
			case c.Switch("Compress"):
				w.compact(&b, tree)
			case w.desktop:
				w.aligned(&b, tree, 0)
			default:
				w.indented(&b, tree, 0)
			}
			return c.Write(ctx, b.String())
		},
	}, nil
}

// value turns an object into what JSON has for it.
func (w *jsonWriter) value(ctx context.Context, v any, depth int) (any, error) {
	if ps.IsNull(v) {
		return jsonRaw("null"), nil
	}
	if err := w.s.Machine().Tick(ctx); err != nil {
		return nil, err
	}
	x, extended := v.(*ps.Extended)
	base := ps.Unwrap(v)
	var out any
	raw, ok := w.scalar(base)
	out = raw
	if !ok {
		var err error
		if out, err = w.compound(ctx, base, depth); err != nil {
			return nil, err
		}
	}
	if extended {
		return w.withAdded(ctx, out, base, x.Added(), depth)
	}
	if a, ok := base.(*ps.Array); ok && len(a.Added()) > 0 {
		return w.withAdded(ctx, out, base, a.Added(), depth)
	}
	if h, ok := base.(*ps.Hashtable); ok && len(h.Added()) > 0 {
		return w.withAdded(ctx, out, base, h.Added(), depth)
	}
	return out, nil
}

// withAdded adds the properties that were added to a value that is no object:
// it becomes one, with the value as "value". PowerShell 7 leaves texts and
// dates alone.
func (w *jsonWriter) withAdded(ctx context.Context, out, base any, added []ps.Property, depth int) (any, error) {
	if !w.desktop {
		switch base.(type) {
		case string, ps.DateTime:
			return out, nil
		}
	}
	m, ok := out.(*jsonMap)
	if !ok {
		m = &jsonMap{}
		m.add("value", out)
	}
	n := len(m.keys)
	for _, p := range added {
		if p.Kind == ps.ScriptMethod || m.has(p.Name) {
			continue
		}
		x, err := w.value(ctx, p.Value, depth+1)
		if err != nil {
			return nil, err
		}
		m.add(p.Name, x)
	}
	if !ok && len(m.keys) == n {
		return out, nil
	}
	return m, nil
}

// scalar writes values that have no parts.
func (w *jsonWriter) scalar(v any) (jsonRaw, bool) {
	switch x := v.(type) {
	case string:
		return jsonRaw(w.quote(x)), true
	case ps.Char:
		return jsonRaw(w.quote(w.s.ToString(x))), true
	case ps.Guid:
		return jsonRaw(w.quote(w.s.ToString(x))), true
	case bool:
		return jsonRaw(strconv.FormatBool(x)), true
	case float64:
		return w.double(x, x), true
	case float32:
		return w.double(x, float64(x)), true
	case ps.Decimal:
		text := x.String()
		if !w.desktop && !strings.Contains(text, ".") {
			text += ".0"
		}
		return jsonRaw(text), true
	case *big.Int:
		return jsonRaw(x.String()), true
	case byte, int8, int16, uint16, int32, uint32, int64, uint64:
		return jsonRaw(w.s.ToString(x)), true
	case ps.Switch:
		return "", false
	case ps.Enum:
		if w.enums {
			return jsonRaw(w.quote(w.s.EnumName(x))), true
		}
		return jsonRaw(strconv.FormatInt(x.Value, 10)), true
	case ps.DateTime:
		return w.date(x), true
	case *ps.Object:
		switch x.Type.Name {
		case "System.Uri":
			return jsonRaw(w.quote(w.uri(x))), true
		case "System.DateTimeOffset":
			return w.offset(x), true
		}
	}
	return "", false
}

// uri is a URI as it was written in 7, and in the form of .NET in 5.1.
func (w *jsonWriter) uri(x *ps.Object) string {
	if !w.desktop {
		if v, _, err := w.s.Property(context.Background(), x, "OriginalString"); err == nil {
			return w.s.ToString(v)
		}
	}
	return w.s.ToString(x)
}

// offset is a DateTimeOffset, as the dates.
func (w *jsonWriter) offset(x *ps.Object) jsonRaw {
	if w.desktop {
		v, _, _ := w.s.Property(context.Background(), x, "UtcDateTime")
		d, _ := v.(ps.DateTime)
		return w.date(d)
	}
	text, _ := w.s.Format(x, "yyyy-MM-ddTHH:mm:ss.FFFFFFFzzz")
	return jsonRaw(`"` + text + `"`)
}

// double is a double or float v, whose value is f.
func (w *jsonWriter) double(v any, f float64) jsonRaw {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		text := map[bool]string{true: "Infinity", false: "-Infinity"}[f > 0]
		if math.IsNaN(f) {
			text = "NaN"
		}
		if w.desktop {
			return jsonRaw(text)
		}
		return jsonRaw(`"` + text + `"`)
	}
	text := w.s.RoundTrip(v)
	if !w.desktop && !strings.ContainsAny(text, ".E") {
		text += ".0"
	}
	return jsonRaw(text)
}

// date is the number of milliseconds since 1970 in 5.1, and ISO 8601 in 7.
func (w *jsonWriter) date(d ps.DateTime) jsonRaw {
	if w.desktop {
		return jsonRaw(`"\/Date(` + strconv.FormatInt(instant(w.s, d).UnixMilli(), 10) + `)\/"`)
	}
	text := d.T.Format("2006-01-02T15:04:05")
	if ticks := d.T.Nanosecond() / 100; ticks != 0 {
		frac := strconv.Itoa(ticks + 10_000_000)[1:]
		text += "." + strings.TrimRight(frac, "0")
	}
	switch d.Kind {
	case ps.KindUTC:
		text += "Z"
	case ps.KindLocal:
		text += d.T.Format("-07:00")
	}
	return jsonRaw(`"` + text + `"`)
}

// compound writes dictionaries, lists and objects, down to the depth.
func (w *jsonWriter) compound(ctx context.Context, v any, depth int) (any, error) {
	if depth > w.depth {
		if !w.warned && !w.desktop {
			w.warned = true
			if err := w.c.Warning(ctx, "Resulting JSON is truncated as serialization has exceeded the set depth of "+strconv.Itoa(w.depth)+"."); err != nil {
				return nil, err
			}
		}
		return jsonRaw(w.quote(w.s.ToString(v))), nil
	}
	switch x := v.(type) {
	case *ps.Hashtable:
		m := &jsonMap{}
		for _, e := range x.Entries() {
			if err := w.member(ctx, m, e.Key, e.Value, depth, x); err != nil {
				return nil, err
			}
		}
		return m, nil
	case *ps.Object:
		if d, ok := x.Data.(ps.Dictionary); ok {
			m := &jsonMap{}
			for _, k := range d.Keys() {
				item, _ := d.Lookup(k)
				if err := w.member(ctx, m, k, item, depth, x); err != nil {
					return nil, err
				}
			}
			return m, nil
		}
	}
	if ps.Enumerable(v) {
		list := []any{}
		var err error
		ps.Each(v, func(item any) bool {
			var x any
			if x, err = w.value(ctx, item, depth+1); err != nil {
				return false
			}
			list = append(list, x)
			return true
		})
		return list, err
	}
	return w.object(ctx, v, depth)
}

func (w *jsonWriter) member(ctx context.Context, m *jsonMap, key, value any, depth int, of any) error {
	name, ok := ps.Unwrap(key).(string)
	if !ok {
		return fail(invalidOperation, "The type '"+w.s.TypeOf(of).Name+"' is not supported for serialization or deserialization of a dictionary. Keys must be strings.",
			"NonStringKeyInDictionary", ps.InvalidOperation, of)
	}
	x, err := w.value(ctx, value, depth+1)
	if err != nil {
		return err
	}
	m.add(name, x)
	return nil
}

// object writes the properties of an object; those that cannot be read are null.
func (w *jsonWriter) object(ctx context.Context, v any, depth int) (any, error) {
	m := &jsonMap{}
	for _, p := range w.s.Properties(v) {
		if !p.Gettable || p.Hidden || m.has(p.Name) {
			continue
		}
		x, _, err := w.s.Property(ctx, v, p.Name)
		if err != nil {
			if fatal(err) {
				return nil, err
			}
			x = nil
		}
		item, err := w.value(ctx, x, depth+1)
		if err != nil {
			return nil, err
		}
		m.add(p.Name, item)
	}
	return m, nil
}

// quote writes a text. 5.1 also escapes what has a meaning in HTML.
func (w *jsonWriter) quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	html := w.desktop || w.escape == "escapehtml"
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case r == '\b':
			b.WriteString(`\b`)
		case r == '\f':
			b.WriteString(`\f`)
		case r < ' ' || r == 0x85 || r == 0x2028 || r == 0x2029 || html && strings.ContainsRune("<>&'", r) || w.escape == "escapenonascii" && r >= 0x7f:
			for _, u := range utf16.Encode([]rune{r}) {
				b.WriteString(`\u` + strconv.FormatInt(int64(u)+0x10000, 16)[1:])
			}
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

func (w *jsonWriter) compact(b *strings.Builder, v any) {
	switch x := v.(type) {
	case jsonRaw:
		b.WriteString(string(x))
	case []any:
		b.WriteByte('[')
		for i, item := range x {
			if i > 0 {
				b.WriteByte(',')
			}
			w.compact(b, item)
		}
		b.WriteByte(']')
	case *jsonMap:
		b.WriteByte('{')
		for i, item := range x.values {
			if i > 0 {
				b.WriteByte(',')
			}
			b.WriteString(w.quote(x.keys[i]) + ":")
			w.compact(b, item)
		}
		b.WriteByte('}')
	}
}

// indented is the layout of PowerShell 7: two blanks a level.
func (w *jsonWriter) indented(b *strings.Builder, v any, level int) {
	line := func(n int) { b.WriteString("\r\n" + strings.Repeat("  ", n)) }
	switch x := v.(type) {
	case jsonRaw:
		b.WriteString(string(x))
	case []any:
		if len(x) == 0 {
			b.WriteString("[]")
			return
		}
		b.WriteByte('[')
		for i, item := range x {
			if i > 0 {
				b.WriteByte(',')
			}
			line(level + 1)
			w.indented(b, item, level+1)
		}
		line(level)
		b.WriteByte(']')
	case *jsonMap:
		if len(x.keys) == 0 {
			b.WriteString("{}")
			return
		}
		b.WriteByte('{')
		for i, item := range x.values {
			if i > 0 {
				b.WriteByte(',')
			}
			line(level + 1)
			b.WriteString(w.quote(x.keys[i]) + ": ")
			w.indented(b, item, level+1)
		}
		line(level)
		b.WriteByte('}')
	}
}

// aligned is the layout of 5.1: what is in brackets stands four blanks to the
// right of them. column is where the bracket stands.
func (w *jsonWriter) aligned(b *strings.Builder, v any, column int) {
	pad := func(n int) { b.WriteString(strings.Repeat(" ", n)) }
	switch x := v.(type) {
	case jsonRaw:
		b.WriteString(string(x))
	case []any:
		b.WriteString("[\r\n")
		for i, item := range x {
			if i > 0 {
				b.WriteString(",\r\n")
			}
			pad(column + 4)
			w.aligned(b, item, column+4)
		}
		b.WriteString("\r\n")
		pad(column)
		b.WriteByte(']')
	case *jsonMap:
		b.WriteString("{\r\n")
		for i, item := range x.values {
			if i > 0 {
				b.WriteString(",\r\n")
			}
			pad(column + 4)
			key := w.quote(x.keys[i])
			b.WriteString(key + ":  ")
			w.aligned(b, item, column+4+len(utf16.Encode([]rune(key)))+3)
		}
		b.WriteString("\r\n")
		pad(column)
		b.WriteByte('}')
	}
}

// indentJSON lays a text out as .NET does for messages, "" if it is not JSON.
func indentJSON(text string) string {
	p := &jsonParser{text: text, opts: jsonOptions{depth: 64}}
	v, err := p.tree()
	if err != nil {
		return ""
	}
	var b strings.Builder
	(&jsonWriter{}).indented(&b, v, 0)
	return b.String()
}

// startFromJSON collects the lines: a first line that is JSON by itself means
// that each is.
func startFromJSON(_ context.Context, c *ps.Call) (ps.Steps, error) {
	var list []string
	options := jsonOptions{
		depth: c.Int("Depth", 1024), hashtables: c.Switch("AsHashtable"), desktop: c.Session.Edition() == ps.Desktop,
		dates: strings.ToLower(c.String("DateKind")),
	}
	return ps.Steps{
		Process: func(_ context.Context, c *ps.Call) error {
			list = append(list, c.String("InputObject"))
			return nil
		},
		End: func(ctx context.Context, c *ps.Call) error {
			if len(list) == 0 {
				return nil
			}
			texts := list
			if len(list) > 1 {
				if _, err := parseJSON(c.Session, list[0], options); err != nil || strings.TrimSpace(list[0]) == "" {
					texts = []string{strings.Join(list, "\r\n")}
				}
			}
			for _, text := range texts {
				if err := fromJSON(ctx, c, text, options); err != nil {
					return err
				}
			}
			return nil
		},
	}, nil
}

func fromJSON(ctx context.Context, c *ps.Call, text string, o jsonOptions) error {
	v, err := parseJSON(c.Session, text, o)
	if err != nil {
		return err
	}
	if o.desktop {
		if v == nil {
			return nil
		}
		return c.Write(ctx, v)
	}
	if c.Switch("NoEnumerate") {
		return c.Write(ctx, v)
	}
	return c.WriteEach(ctx, v)
}

func testJSON(ctx context.Context, c *ps.Call) error {
	_, err := parseJSON(c.Session, c.String("Json"), jsonOptions{depth: 1024, strict: true})
	if err == nil {
		return c.Write(ctx, true)
	}
	if err := c.Error(ctx, fail("System.Exception", "Cannot parse the JSON.", "InvalidJson", ps.InvalidData, c.String("Json"))); err != nil {
		return err
	}
	return c.Write(ctx, false)
}
