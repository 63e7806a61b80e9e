package pslang

import (
	"fmt"
	"strings"
	"unicode/utf16"
)

// Describe returns the lines in which PowerShell shows where something stands:
//
//	At C:\x.ps1:3 char:5
//	+ if ($a {
//	+     ~~
//
// Lines end in a line feed, the last one has none. A long line is cut down to
// the surroundings of the place; core chooses the dots of PowerShell 7.
func (e Extent) Describe(core bool) string {
	if e.Source == nil {
		return ""
	}
	from, to := e.From(), e.To()
	name := e.Source.Name
	if name == "" {
		name = "line"
	}
	line := utf16.Encode([]rune(strings.TrimRight(e.Source.Line(from.Line), " \t\v\f\u0085\u00A0")))
	start := min(from.Column-1, len(line))
	n := len(line) - start
	if from.Line == to.Line && to.Column <= len(line)+1 {
		n = max(to.Column-1-start, 0)
	}
	line, start, n = expandTabs(line, start, n)
	shown, mark := window(line, start, n, core)
	return fmt.Sprintf("At %s:%d char:%d\n+ %s\n+ %s", name, from.Line, from.Column, shown, mark)
}

// expandTabs writes four blanks for each tab and moves the place along.
func expandTabs(line []uint16, start, n int) ([]uint16, int, int) {
	var out []uint16
	at, length := start, n
	for i, c := range line {
		if c != '\t' {
			out = append(out, c)
			continue
		}
		out = append(out, ' ', ' ', ' ', ' ')
		switch {
		case i < start:
			at += 3
		case i < start+n:
			length += 3
		}
	}
	return out, at, length
}

// window cuts a line down to the width of a console, and marks the n
// characters from start on.
func window(line []uint16, start, n int, core bool) (shown, mark string) {
	// A console of 80 columns less "+ ", dots on both sides, and one.
	const width, before, after = 69, 12, 8
	left, right := "... ", " ..."
	if core {
		left, right = "\u2026 ", " \u2026"
	}
	lead, cutLeft, cutRight := start, false, false
	if len(line) > width {
		behind := len(line) - start - n
		tail := min(behind, after)
		lead = min(start, before)
		if lead+n+tail >= width {
			n = min(n, width-lead)
			cutRight = true
		} else {
			// What is left of the width shows more of the line before the
			// place, then more of what is behind it.
			lead = min(start, width-n-tail)
			tail = min(behind, width-n-lead)
			cutRight = tail < behind
		}
		cutLeft = lead < start
		first := start - lead
		line = line[first:min(first+width, len(line))]
	}
	shown = string(utf16.Decode(line))
	pad := lead
	if cutLeft {
		shown = left + shown
		pad += len(utf16.Encode([]rune(left)))
	}
	if cutRight {
		shown += right
	}
	return shown, strings.Repeat(" ", pad) + strings.Repeat("~", max(n, 1))
}

// Describe returns what PowerShell prints for a text with syntax errors,
// without the lines for category and identifier: each error with its place.
// At most ten are shown.
func (e *Errors) Describe(core bool) string {
	const most = 10
	gap := "\n"
	if core {
		gap = "\n\n"
	}
	var parts []string
	for _, one := range e.List[:min(most, len(e.List))] {
		parts = append(parts, one.Extent.Describe(core)+"\n"+one.Message)
	}
	if len(e.List) > most {
		parts = append(parts, "Not all parse errors were reported.  Correct the reported errors and try again.")
	}
	return strings.Join(parts, gap)
}

// Incomplete says whether more text could mend all of it, as a console that
// asks for another line wants to know.
func (e *Errors) Incomplete() bool {
	for _, one := range e.List {
		if !one.Incomplete {
			return false
		}
	}
	return true
}
