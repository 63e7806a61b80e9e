package ps

import "context"

// View says how values of a type are shown by default.
type View struct {
	// Table has the columns of a table; without them List has the items of a
	// list; without both Custom writes lines.
	Table []Column
	List  []Column
	// Wide names the property of Format-Wide.
	Wide string
	// Group starts a new group when its text changes; Header is what is shown
	// above ("    Directory: C:\app").
	Group  func(ctx context.Context, s *Session, v any) string
	Header func(group string) string
	Custom func(ctx context.Context, s *Session, v any) []string
	// HideHeaders leaves out the heads of the columns.
	HideHeaders bool
}

// Column is a column of a table or an item of a list.
type Column struct {
	// Label is the head; "" is Property.
	Label string
	// Property is read, if Value is nil.
	Property string
	Value    func(ctx context.Context, s *Session, v any) (any, error)
	// Width in cells; 0 shares what is left.
	Width int
	// Right aligns to the right; if Auto is not set the alignment is Right's, else
	// numbers go right.
	Right bool
	// Format is a .NET format string.
	Format string
}

// Printer turns objects into the text that the host shows: it chooses views,
// aligns tables and writes the blank lines between. Write and Close pass whole
// lines, without line ends, to the function that it was made with.
type Printer struct{ *printer }

// NewPrinter makes a printer for a width in cells; 0 is the width of the host.
func (s *Session) NewPrinter(width int, line func(ctx context.Context, text string) error) *Printer {
	return &Printer{newPrinter(s, width, line)}
}

// Write shows an object. Objects of tables may be held back until Close.
func (p *Printer) Write(ctx context.Context, v any) error { return p.printer.add(ctx, v) }

// Close shows what is left.
func (p *Printer) Close(ctx context.Context) error { return p.printer.close(ctx) }

// Text is Out-String: what the host would show for objects, with CRLF.
func (s *Session) Text(ctx context.Context, items []any, width int) (string, error) {
	return s.outString(ctx, items, width)
}
