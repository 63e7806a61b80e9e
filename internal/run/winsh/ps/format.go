package ps

import (
	"context"
	"slices"
	"strings"
)

// View says how values of a type are shown by default.
type View struct {
	// Table has the columns of a table; without them List has the items of a
	// list; without both Custom writes lines.
	Table []Column
	List  []Column
	// Wide names the property of Format-Wide.
	Wide string
	// Group starts a new group when its text changes; Header is the line that is
	// shown above ("    Directory: C:\app").
	Group  func(ctx context.Context, s *Session, v any) string
	Header func(group string) string
	Custom func(ctx context.Context, s *Session, v any) []string
	// HideHeaders leaves out the heads of the columns.
	HideHeaders bool
	// AutoSize fits the columns to the values although they have widths.
	AutoSize bool
	// OutOfBand values of a Custom view are shown like texts, without blank lines
	// around and without ending a table.
	OutOfBand bool
}

// Column is a column of a table or an item of a list.
type Column struct {
	// Label is the head; "" is Property.
	Label string
	// Property is read, if Value is nil.
	Property string
	Value    func(ctx context.Context, s *Session, v any) (any, error)
	// Type is the only type whose objects have the item in a list; "" is any.
	Type string
	// Edition is the only one that has the item in a list; 0 is any.
	Edition Edition
	// Width in cells; 0 shares what is left. Width7 is that of PowerShell 7 where
	// it differs.
	Width, Width7 int
	// Left, Right and Center align; without them and without a view, the first
	// object decides: numbers and names of constants go right.
	Left, Right, Center bool
	// Format is a .NET format string.
	Format string
}

func (c Column) label() string {
	if c.Label != "" {
		return c.Label
	}
	return c.Property
}

// shape is a way to show objects.
type shape byte

const (
	shapeTable shape = iota
	shapeList
	shapeWide
	shapeCustom
)

// layout is how the objects of a document are shown: by a view, by properties,
// or as a Format-* cmdlet says.
type layout struct {
	shape   shape
	columns []Column
	view    *View
	typ     string // the type that the view is for, "" if anything fits
	hide    bool
	auto    bool
	each    bool // columns are those of each object
	wrap    bool
	group   func(ctx context.Context, s *Session, v any) string
	header  func(group string) string
	custom  func(ctx context.Context, s *Session, v any) []string
	// perColumn is the number of columns of a wide view; 0 is two.
	perRow int
}

// Printer turns objects into the text that the host shows: it chooses views,
// aligns tables and writes the blank lines between. Write and Close pass whole
// lines, without line ends, to the function that it was made with.
type Printer struct {
	s     *Session
	width int
	line  func(ctx context.Context, text string) error

	doc *layout
	// group is the text of the current group, table what it is drawn with.
	group   string
	inGroup bool
	table   *tableWriter
	// held are objects and texts that wait until the widths are known.
	held []heldItem
	wide []string
}

// heldItem is an object of a table whose columns are not sized yet, or a line
// of text that came between.
type heldItem struct {
	cells []string
	text  string
	plain bool
}

// maxHeld bounds how many objects are looked at to size the columns; Windows
// looks at those of the first 300 ms.
const maxHeld = 1000

// NewPrinter makes a printer for a width in cells; 0 is for files and strings.
func (s *Session) NewPrinter(width int, line func(ctx context.Context, text string) error) *Printer {
	return &Printer{s: s, width: width, line: line}
}

// columnsWidth is the width that tables have.
func (p *Printer) columnsWidth() int {
	switch {
	case p.width == hostWidth, p.width == 0 && p.s.edition == Desktop:
		return hostWidth - 1
	case p.width == 0:
		return hostWidth
	}
	return p.width
}

// Text is Out-String: what the host would show for objects, with CRLF.
func (s *Session) Text(ctx context.Context, items []any, width int) (string, error) {
	var b strings.Builder
	p := s.NewPrinter(width, func(_ context.Context, text string) error {
		b.WriteString(text + "\r\n")
		return s.fits(int64(b.Len()))
	})
	for _, v := range items {
		if err := p.Write(ctx, v); err != nil {
			return "", err
		}
	}
	err := p.Close(ctx)
	return b.String(), err
}

// Write shows an object. Objects of tables may be held back until Close.
func (p *Printer) Write(ctx context.Context, v any) error { return p.unbroken(p.show(ctx, v)) }

// unbroken adds to a result the refusal that a property has met with.
func (p *Printer) unbroken(err error) error {
	if err == nil {
		err = p.s.broken
	}
	return err
}

func (p *Printer) show(ctx context.Context, v any) error {
	if IsNull(v) {
		return nil
	}
	b := Unwrap(v)
	if h, ok := b.(*Hashtable); ok {
		for _, e := range h.Entries() {
			if err := p.write(ctx, e); err != nil {
				return err
			}
		}
		return nil
	}
	if o, ok := b.(*Object); ok {
		if f, ok := o.Data.(*formatted); ok {
			return p.formatted(ctx, f)
		}
		if d, ok := o.Data.(Dictionary); ok {
			for _, k := range d.Keys() {
				x, _ := d.Lookup(k)
				if err := p.write(ctx, Entry{Key: k, Value: x}); err != nil {
					return err
				}
			}
			return nil
		}
	}
	if Enumerable(v) {
		for _, item := range Items(v) {
			if IsNull(item) {
				continue
			}
			if err := p.write(ctx, item); err != nil {
				return err
			}
		}
		return nil
	}
	return p.write(ctx, v)
}

// write shows one object.
func (p *Printer) write(ctx context.Context, v any) error {
	if lines, ok := p.outOfBand(ctx, v); ok {
		return p.text(ctx, lines)
	}
	if p.doc == nil {
		p.start(p.s.layoutFor(ctx, v))
		if err := p.line(ctx, ""); err != nil {
			return err
		}
	} else if p.doc.typ != "" && !p.applies(v) {
		return p.foreign(ctx, v)
	}
	return p.entry(ctx, v)
}

// applies reports whether the view of the document is also for v.
func (p *Printer) applies(v any) bool {
	for _, n := range p.s.TypeNames(v) {
		if strings.EqualFold(n, p.doc.typ) {
			return true
		}
	}
	return false
}

func (p *Printer) start(l *layout) {
	p.doc, p.inGroup, p.table, p.group = l, false, nil, ""
}

// outOfBand are texts, numbers, errors and the records of other streams, which
// do not end a table.
func (p *Printer) outOfBand(ctx context.Context, v any) ([]string, bool) {
	s := p.s
	switch x := Unwrap(v).(type) {
	case string:
		return splitLines(x), true
	case *ErrorRecord:
		return wrapLines(s.errorText(x), p.columnsWidth()), true
	case *ScriptBlock:
		return splitLines(x.String()), true
	case *Object:
		if w := s.viewOf(v); w != nil && w.OutOfBand {
			return w.Custom(ctx, s, v), true
		}
	}
	if s.isOutOfBand(v) {
		return []string{s.Display(v)}, true
	}
	return nil, false
}

// isOutOfBand reports whether a value is shown like a text.
func (s *Session) isOutOfBand(v any) bool {
	switch Unwrap(v).(type) {
	case string, *ErrorRecord, *ScriptBlock, Enum, Char, bool:
		return true
	case *Object:
		w := s.viewOf(v)
		return w != nil && w.OutOfBand
	case Switch:
		return false // it is an object with one property
	}
	return kindOf(Unwrap(v)) != notNumber
}

// text writes lines between the objects of a document.
func (p *Printer) text(ctx context.Context, lines []string) error {
	for _, l := range lines {
		if p.doc != nil && len(p.held) > 0 {
			p.held = append(p.held, heldItem{text: l, plain: true})
			continue
		}
		if err := p.line(ctx, l); err != nil {
			return err
		}
	}
	return nil
}

// foreign shows an object of another type than the document's as a list.
func (p *Printer) foreign(ctx context.Context, v any) error {
	l := p.s.layoutFor(ctx, v)
	var lines []string
	if l.shape == shapeCustom {
		lines = l.custom(ctx, p.s, v)
	} else {
		columns := l.columns
		if l.view != nil {
			columns = p.s.defaultColumns(v)
		}
		lines = append(append([]string{""}, p.listLines(ctx, columns, v)...), "")
	}
	return p.text(ctx, lines)
}

// entry shows an object in the document.
func (p *Printer) entry(ctx context.Context, v any) error {
	l := p.doc
	if l.group != nil {
		g := l.group(ctx, p.s, v)
		if p.inGroup && g != p.group {
			if err := p.endGroup(ctx, true); err != nil {
				return err
			}
		}
		p.group = g
	}
	if !p.inGroup {
		if err := p.startGroup(ctx); err != nil {
			return err
		}
	}
	switch l.shape {
	case shapeTable:
		return p.row(ctx, v)
	case shapeList:
		columns := l.columns
		if l.each {
			columns = p.s.defaultColumns(v) // each object has its own
		}
		for _, line := range append(p.listLines(ctx, columns, v), "") {
			if err := p.line(ctx, line); err != nil {
				return err
			}
		}
		return nil
	case shapeWide:
		p.wide = append(p.wide, p.s.cell(ctx, l.columns[0], v))
		return nil
	}
	for _, line := range l.custom(ctx, p.s, v) {
		for _, part := range wrapLines(line, p.columnsWidth()) {
			if err := p.line(ctx, part); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p *Printer) startGroup(ctx context.Context) error {
	p.inGroup = true
	var lines []string
	if p.doc.header != nil {
		if p.s.edition == Desktop {
			lines = append(lines, "")
		}
		lines = append(lines, indented(p.doc.header(p.group), p.columnsWidth())...)
		lines = append(lines, "")
		if p.s.edition == Desktop && p.doc.view != nil {
			lines = append(lines, "")
		}
	}
	if p.doc.shape == shapeList && p.s.edition == Desktop {
		lines = append(lines, "")
	}
	for _, l := range lines {
		if err := p.line(ctx, l); err != nil {
			return err
		}
	}
	p.table = nil
	if p.doc.shape == shapeTable && !p.doc.auto {
		return p.openTable(ctx, nil)
	}
	return nil
}

// endGroup shows what is held back and ends the group.
func (p *Printer) endGroup(ctx context.Context, more bool) error {
	if err := p.release(ctx); err != nil {
		return err
	}
	p.inGroup = false
	if p.s.edition == Desktop || more {
		return p.line(ctx, "")
	}
	return nil
}

// Close shows what is left.
func (p *Printer) Close(ctx context.Context) error { return p.unbroken(p.end(ctx)) }

func (p *Printer) end(ctx context.Context) error {
	if p.doc == nil {
		return nil
	}
	if p.inGroup {
		if err := p.endGroup(ctx, false); err != nil {
			return err
		}
	}
	list := p.doc.shape == shapeList
	p.doc = nil
	if list && p.s.edition == Core {
		return nil
	}
	return p.line(ctx, "")
}

// release draws the objects that wait for the widths of the columns.
func (p *Printer) release(ctx context.Context) error {
	if p.doc.shape == shapeWide {
		return p.wideRows(ctx)
	}
	if len(p.held) == 0 {
		return nil
	}
	held := p.held
	p.held = nil
	var rows [][]string
	for _, h := range held {
		if !h.plain {
			rows = append(rows, h.cells)
		}
	}
	if p.table == nil {
		if err := p.openTable(ctx, rows); err != nil {
			return err
		}
	}
	for _, h := range held {
		lines := []string{h.text}
		if !h.plain {
			lines = p.table.row(h.cells, p.doc.wrap)
		}
		for _, l := range lines {
			if err := p.line(ctx, l); err != nil {
				return err
			}
		}
	}
	return nil
}

// openTable sizes the columns, by rows if there are any, and draws the heads.
func (p *Printer) openTable(ctx context.Context, rows [][]string) error {
	p.table = newTable(p.s, p.doc, p.columnsWidth(), rows)
	if p.doc.hide || p.table.off {
		return nil
	}
	for _, l := range p.table.head(p.doc) {
		if err := p.line(ctx, l); err != nil {
			return err
		}
	}
	return nil
}

func (p *Printer) row(ctx context.Context, v any) error {
	cells := make([]string, len(p.doc.columns))
	first := p.table == nil && p.doc.view == nil && !slices.ContainsFunc(p.held, func(h heldItem) bool { return !h.plain })
	for i, c := range p.doc.columns {
		cells[i] = p.s.cell(ctx, c, v)
		if first && !c.Left && !c.Right && !c.Center {
			p.doc.columns[i].Right = p.s.goesRight(ctx, c, v)
		}
	}
	if p.table == nil {
		p.held = append(p.held, heldItem{cells: cells})
		if len(p.held) >= maxHeld {
			return p.release(ctx)
		}
		return nil
	}
	for _, l := range p.table.row(cells, p.doc.wrap) {
		if err := p.line(ctx, l); err != nil {
			return err
		}
	}
	return nil
}

// formatted shows what a Format-* cmdlet has written, as a document of its own.
func (p *Printer) formatted(ctx context.Context, f *formatted) error {
	if err := p.Close(ctx); err != nil {
		return err
	}
	l := *f.layout
	l.columns = append([]Column(nil), f.layout.columns...)
	p.start(&l)
	if err := p.line(ctx, ""); err != nil {
		return err
	}
	for _, v := range f.items {
		write := p.write
		if f.force {
			write = p.entry
		}
		if err := write(ctx, v); err != nil {
			return err
		}
	}
	return p.Close(ctx)
}

// formatted is what Format-Table and its kin write.
type formatted struct {
	layout *layout
	items  []any
	// force formats also what is shown like a text otherwise.
	force bool
}
