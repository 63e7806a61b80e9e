package ps

import (
	"context"
	"slices"
	"strings"
)

// viewOf returns the view of a value's type, or of one that it is derived from.
func (s *Session) viewOf(v any) *View {
	w, _ := s.findView(v)
	return w
}

func (s *Session) findView(v any) (*View, string) {
	t := s.engine.TypeOf(v)
	if e := extras(v); e != nil {
		for _, n := range e.AddedTypes() {
			if x := s.engine.types[strings.ToLower(n)]; x != nil && x.View != nil {
				return x.View(), x.Name
			}
		}
	}
	if t != nil && t.Names != nil {
		for _, n := range t.Names(Unwrap(v)) {
			if x := s.engine.types[strings.ToLower(n)]; x != nil && x.View != nil {
				return x.View(), x.Name
			}
		}
	}
	for b := t; b != nil; b = b.BaseType() {
		if b.View != nil {
			return b.View(), b.Name
		}
	}
	return nil, ""
}

// layoutFor chooses how a document that starts with v is shown.
func (s *Session) layoutFor(ctx context.Context, v any) *layout {
	if w, name := s.findView(v); w != nil {
		return s.viewLayout(w, name)
	}
	columns := s.defaultColumns(v)
	switch {
	case len(columns) == 0:
		return &layout{shape: shapeCustom, custom: func(_ context.Context, s *Session, v any) []string { return splitLines(s.Display(v)) }}
	case len(columns) <= 4:
		return &layout{shape: shapeTable, columns: columns, auto: true}
	}
	return &layout{shape: shapeList, columns: columns, each: true}
}

func (s *Session) viewLayout(w *View, name string) *layout {
	l := &layout{view: w, typ: name, group: w.Group, header: w.Header, hide: w.HideHeaders, custom: w.Custom}
	switch {
	case w.Table != nil:
		l.shape, l.columns = shapeTable, append([]Column(nil), w.Table...)
		l.auto = w.AutoSize || w.Table[0].Width == 0
	case w.List != nil:
		l.shape, l.columns = shapeList, w.List
	default:
		l.shape = shapeCustom
	}
	if s.edition == Core {
		for i, c := range l.columns {
			if c.Width7 != 0 {
				l.columns[i].Width = c.Width7
			}
		}
	}
	return l
}

// defaultColumns are the properties that a value shows by default.
func (s *Session) defaultColumns(v any) []Column {
	for t := s.engine.TypeOf(v); t != nil; t = t.BaseType() {
		if len(t.Default) > 0 {
			var list []Column
			for _, n := range t.Default {
				list = append(list, Column{Property: n})
			}
			return list
		}
	}
	return s.allColumns(v)
}

// allColumns are all properties of a value. Those that PowerShell adds to a type
// of .NET come last, other than for who asks for *.
func (s *Session) allColumns(v any) []Column {
	var list, more []Column
	t := s.engine.TypeOf(Unwrap(v))
	typed := t != nil && t.Name != tCustom
	for _, m := range s.Properties(v) {
		switch {
		case !m.Gettable || m.Kind == "ParameterizedProperty":
		case typed && (m.Kind == "AliasProperty" || m.Kind == "ScriptProperty" || m.Kind == "CodeProperty"):
			more = append(more, Column{Property: m.Name})
		default:
			list = append(list, Column{Property: m.Name})
		}
	}
	return append(list, more...)
}

// cell is the text of a column of an object.
func (s *Session) cell(ctx context.Context, c Column, v any) string {
	x, err := s.columnValue(ctx, c, v)
	if err != nil {
		if isControl(err) {
			s.broken = err
		}
		return ""
	}
	if c.Format != "" {
		if text, err := s.Format(x, c.Format); err == nil && !strings.Contains(c.Format, "{") {
			return text
		}
		if text, err := s.Composite(c.Format, []any{x}); err == nil {
			return text
		}
	}
	return s.smartText(x)
}

func (s *Session) columnValue(ctx context.Context, c Column, v any) (any, error) {
	if c.Value != nil {
		return c.Value(ctx, s, v)
	}
	x, _, err := s.member(ctx, v, c.Property)
	return x, err
}

// goesRight reports whether a column's value is one that tables align to the
// right.
func (s *Session) goesRight(ctx context.Context, c Column, v any) bool {
	x, err := s.columnValue(ctx, c, v)
	if err != nil {
		return false
	}
	switch Unwrap(x).(type) {
	case bool, Char, Enum:
		return true
	}
	return kindOf(Unwrap(x)) != notNumber
}

// smartText is a value in a table or list: collections as {a, b, c}.
func (s *Session) smartText(v any) string {
	if IsNull(v) {
		return ""
	}
	var items []any
	switch x := Unwrap(v).(type) {
	case *Hashtable:
		items = x.Keys()
	case *Object:
		if d, ok := x.Data.(Dictionary); ok {
			items = d.Keys()
			break
		}
		if !Enumerable(v) {
			return s.Display(v)
		}
		items = Items(v)
	default:
		if !Enumerable(v) {
			return s.Display(v)
		}
		items = Items(v)
	}
	limit := 4
	if x, ok := s.Variable("FormatEnumerationLimit"); ok {
		if n, ok := toInt64(x); ok {
			limit = int(n)
		}
	}
	var parts []string
	more := ""
	for i, item := range items {
		if limit >= 0 && i == limit {
			more = s.dots()
			break
		}
		parts = append(parts, s.elementText(item, true))
	}
	return "{" + strings.Join(parts, ", ") + more + "}"
}

// dots are written where something was cut.
func (s *Session) dots() string {
	if s.edition == Core {
		return "…"
	}
	return "..."
}

// splitLines breaks a text at its line ends.
func splitLines(text string) []string {
	lines := strings.Split(text, "\n")
	for i, l := range lines {
		lines[i] = strings.TrimSuffix(l, "\r")
	}
	return lines
}

// wrapLines breaks lines that are too long at blanks, hyphens stay in front;
// words that are too long are cut.
func wrapLines(text string, width int) []string {
	var out []string
	for _, line := range splitLines(text) {
		out = append(out, wrapLine(line, width, width)...)
	}
	return out
}

func wrapLine(line string, first, following int) []string {
	if utf16Len(line) <= first {
		return []string{line}
	}
	var out []string
	var b strings.Builder
	left, width := first, first
	flush := func() {
		out = append(out, b.String())
		b.Reset()
		width = following
	}
	for _, word := range words(line) {
		n := utf16Len(word)
		switch {
		case n > width:
			for _, r := range word {
				if left == 0 {
					flush()
					left = width
				}
				b.WriteRune(r)
				left--
			}
		case n > left:
			flush()
			b.WriteString(word)
			left = width - n
		default:
			b.WriteString(word)
			left -= n
		}
	}
	return append(out, b.String())
}

// indented breaks a line whose parts keep its indentation.
func indented(line string, width int) []string {
	text := strings.TrimLeft(line, " ")
	indent := line[:len(line)-len(text)]
	parts := wrapLine(text, width-len(indent), width-len(indent))
	for i := range parts {
		parts[i] = indent + parts[i]
	}
	return parts
}

// words takes a line apart behind each blank, tab and hyphen.
func words(line string) []string {
	var list []string
	start := 0
	for i, r := range line {
		if r == ' ' || r == '\t' || r == '-' {
			list = append(list, line[start:i+1])
			start = i + 1
		}
	}
	if start < len(line) {
		list = append(list, line[start:])
	}
	return list
}

// listLines are the lines "name : value" of an object.
func (p *Printer) listLines(ctx context.Context, columns []Column, v any) []string {
	width := 0
	for _, c := range columns {
		width = max(width, utf16Len(c.label()))
	}
	total := p.columnsWidth()
	if p.width == 0 && p.s.edition == Core {
		total = 1 << 30
	}
	width = min(width, max(1, total-4))
	var out []string
	for _, c := range columns {
		if c.Edition != 0 && c.Edition != p.s.Edition() {
			continue
		}
		if c.Type != "" && !slices.ContainsFunc(p.s.TypeNames(v), func(name string) bool { return strings.EqualFold(name, c.Type) }) {
			continue
		}
		label := c.label()
		if n := width - utf16Len(label); n > 0 {
			label += strings.Repeat(" ", n)
		}
		head := label + " : "
		space := total - width - 3
		for i, part := range wrapLines(p.s.cell(ctx, c, v), max(1, space)) {
			if i > 0 {
				head = strings.Repeat(" ", width+3)
			}
			out = append(out, head+part)
		}
	}
	return out
}

// wideRows draws the entries of Format-Wide.
func (p *Printer) wideRows(ctx context.Context) error {
	items := p.wide
	p.wide = nil
	if len(items) == 0 {
		return nil
	}
	n := p.doc.perRow
	total := p.columnsWidth()
	if n <= 0 && p.doc.auto {
		longest := 1
		for _, i := range items {
			longest = max(longest, utf16Len(i))
		}
		for n = 1; longest*(n+1)+n < total; n++ {
			continue
		}
	}
	if n <= 0 {
		n = 2
	}
	t := newTable(p.s, &layout{columns: make([]Column, n)}, total, nil)
	for len(items) > 0 {
		row := make([]string, n)
		k := copy(row, items)
		items = items[k:]
		for _, l := range t.row(row, false) {
			if err := p.line(ctx, l); err != nil {
				return err
			}
		}
	}
	return nil
}
