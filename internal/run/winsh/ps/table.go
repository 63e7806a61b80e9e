package ps

import (
	"strings"
)

// tableWriter draws rows of cells in columns.
type tableWriter struct {
	s      *Session
	widths []int // -1 hides a column
	cols   []Column
	// off says that the table is too narrow to be drawn.
	off bool
}

// newTable sizes the columns: by rows if there are any, whatever widths they
// have, else those without a width share what is left.
func newTable(s *Session, l *layout, total int, rows [][]string) *tableWriter {
	t := &tableWriter{s: s, cols: l.columns, widths: make([]int, len(l.columns))}
	for i, c := range l.columns {
		t.widths[i] = c.Width
		if rows == nil {
			continue
		}
		t.widths[i] = utf16Len(c.label())
		for _, r := range rows {
			t.widths[i] = max(t.widths[i], utf16Len(r[i]))
		}
	}
	t.fit(total)
	return t
}

// fit shares what is left among the columns without a width, or cuts columns
// from the right if there is too little.
func (t *tableWriter) fit(total int) {
	sum, open := 0, 0
	for _, w := range t.widths {
		sum += max(w, 1)
		if w == 0 {
			open++
		}
	}
	free := total - sum - (len(t.widths) - 1)
	if free >= 0 {
		for i, w := range t.widths {
			if w == 0 {
				share := free / open
				if i < len(t.widths) && free%open > 0 {
					share++
				}
				t.widths[i] = 1 + share
				free -= share
				open--
			}
		}
		return
	}
	for i := range t.widths {
		t.widths[i] = max(t.widths[i], 1)
	}
	for last := len(t.widths) - 1; last >= 0; last-- {
		over := t.width(last+1) - total
		if over <= 0 {
			return
		}
		if w := t.widths[last] - over; w >= 1 {
			t.widths[last] = w
			return
		}
		t.widths[last] = -1
	}
	t.off = true
}

// width is that of the first n columns.
func (t *tableWriter) width(n int) int {
	sum := n - 1
	for _, w := range t.widths[:n] {
		sum += w
	}
	return sum
}

// head are the lines of the heads and the dashes below them.
func (t *tableWriter) head(l *layout) []string {
	labels, dashes := make([]string, len(l.columns)), make([]string, len(l.columns))
	for i, c := range l.columns {
		labels[i] = c.label()
		n := t.widths[i]
		if labels[i] != "" {
			n = min(n, utf16Len(labels[i]))
		}
		dashes[i] = strings.Repeat("-", max(n, 0))
	}
	return append(t.row(labels, true), t.row(dashes, false)...)
}

// firstLine is what a cell shows of a text of several lines.
func firstLine(s *Session, text string) string {
	if i := strings.IndexAny(text, "\r\n"); i >= 0 {
		return text[:i] + s.dots()
	}
	return text
}

// row draws one object, in several lines if cells are wrapped.
func (t *tableWriter) row(cells []string, wrap bool) []string {
	if t.off {
		return nil
	}
	parts := make([][]string, len(cells))
	lines := 1
	for i, c := range cells {
		if t.widths[i] <= 0 {
			continue
		}
		if wrap {
			parts[i] = wrapLines(c, t.widths[i])
		} else {
			parts[i] = []string{t.cut(firstLine(t.s, c), i)}
		}
		lines = max(lines, len(parts[i]))
	}
	out := make([]string, lines)
	for n := range lines {
		var b strings.Builder
		for i := range cells {
			if t.widths[i] <= 0 {
				continue
			}
			text := ""
			if n < len(parts[i]) {
				text = parts[i][n]
			}
			if i > 0 {
				b.WriteByte(' ')
			}
			b.WriteString(t.pad(text, i, t.last(i)))
		}
		out[n] = b.String()
		if lines > 1 && t.s.edition == Core {
			out[n] = strings.TrimRight(out[n], " ")
		}
	}
	return out
}

// last reports whether a column is the last one that is seen.
func (t *tableWriter) last(i int) bool {
	for _, w := range t.widths[i+1:] {
		if w > 0 {
			return false
		}
	}
	return true
}

// cut shortens a text to its column.
func (t *tableWriter) cut(text string, i int) string {
	u := Units(text)
	width := t.widths[i]
	if len(u) <= width {
		return text
	}
	dots := t.s.dots()
	keep := width - utf16Len(dots)
	switch {
	case keep <= 0 && t.cols[i].Right:
		return Text(u[len(u)-width:])
	case keep <= 0:
		return Text(u[:width])
	case t.cols[i].Right:
		return dots + Text(u[len(u)-keep:])
	}
	return Text(u[:keep]) + dots
}

// pad aligns a text in its column. PowerShell 7 does not fill the last one.
func (t *tableWriter) pad(text string, i int, last bool) string {
	n := t.widths[i] - utf16Len(text)
	if n <= 0 {
		return text
	}
	fill := !last || t.s.edition == Desktop
	switch c := t.cols[i]; {
	case c.Right:
		return strings.Repeat(" ", n) + text
	case c.Center:
		text = strings.Repeat(" ", n/2) + text
		if fill {
			text += strings.Repeat(" ", n-n/2)
		}
		return text
	case fill:
		return text + strings.Repeat(" ", n)
	}
	return text
}
