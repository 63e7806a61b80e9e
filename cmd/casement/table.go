package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/term"
)

// A printer writes for people: bold headings on a terminal, and tables whose
// last column is cut to what fits.
type printer struct {
	w     io.Writer
	width int // of a line
	bold  bool
}

// plainWidth is the width of lines that no terminal limits.
const plainWidth = 160

func newPrinter(w io.Writer, getenv func(string) string) *printer {
	p := &printer{w: w, width: plainWidth}
	if n, ok := terminalWidth(w); ok {
		if n > 40 {
			p.width = n
		}
		p.bold = getenv("NO_COLOR") == "" && getenv("TERM") != "dumb"
	}
	return p
}

// terminalWidth returns how wide a terminal is, 0 if it does not say; false for
// what is none.
func terminalWidth(w io.Writer) (int, bool) {
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return 0, false
	}
	n, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		n = 0
	}
	return n, true
}

// heading prints a line that stands out.
func (p *printer) heading(s string) {
	if p.bold {
		s = "\x1b[1m" + s + "\x1b[0m"
	}
	fmt.Fprintln(p.w, s)
}

// A table is rows under titles. Columns whose title begins with > are aligned
// to the right.
type table struct {
	titles []string
	rows   [][]string
	indent string
}

func newTable(titles ...string) *table { return &table{titles: titles} }

func (t *table) add(cells ...string) { t.rows = append(t.rows, cells) }

// table prints t.
func (p *printer) table(t *table) {
	widths := make([]int, len(t.titles))
	titles := make([]string, len(t.titles))
	for i, title := range t.titles {
		titles[i] = strings.TrimPrefix(title, ">")
		widths[i] = utf8.RuneCountInString(titles[i])
		for _, row := range t.rows {
			widths[i] = max(widths[i], utf8.RuneCountInString(row[i]))
		}
	}
	line := func(cells []string) string {
		var b strings.Builder
		b.WriteString(t.indent)
		for i, c := range cells {
			if i > 0 {
				b.WriteString("  ")
			}
			pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(c))
			switch {
			case strings.HasPrefix(t.titles[i], ">"):
				b.WriteString(pad + c)
			case i == len(cells)-1:
				b.WriteString(c)
			default:
				b.WriteString(c + pad)
			}
		}
		return cut(strings.TrimRight(b.String(), " "), p.width)
	}
	p.heading(line(titles))
	for _, row := range t.rows {
		fmt.Fprintln(p.w, line(row))
	}
}

// fields prints names and values below each other.
func (p *printer) fields(list [][2]string) {
	width := 0
	for _, f := range list {
		width = max(width, utf8.RuneCountInString(f[0]))
	}
	for _, f := range list {
		fmt.Fprintf(p.w, "  %-*s  %s\n", width, f[0], f[1])
	}
}

// cut shortens a line to n characters.
func cut(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	return string([]rune(s)[:n-1]) + "…"
}

// visible makes text from outside one printable line, with a blank for each
// run of white space.
func visible(s string) string { return printable(strings.Join(strings.Fields(s), " ")) }

// printable replaces what would steer a terminal or cannot be seen.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '\uFFFD'
		}
		return r
	}, s)
}

// bytesText prints a number of bytes for people, in decimal units as docker does.
func bytesText(n int64) string {
	if n < 1000 {
		return fmt.Sprintf("%d B", n)
	}
	v, unit := float64(n), ""
	for _, unit = range []string{"kB", "MB", "GB", "TB"} {
		if v /= 1000; v < 999.95 {
			break
		}
	}
	return fmt.Sprintf("%.1f %s", v, unit)
}
