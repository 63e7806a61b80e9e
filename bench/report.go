package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// report is everything that a run of the benchmark found.
type report struct {
	System string
	Rounds int
	Cases  []caseResult
	Phases []phase
}

// phase is a part of the benchmark's own time.
type phase struct {
	Name string
	Took time.Duration
}

// print writes the report as text: the figures, the aims, the phases.
func (r report) print(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "\n%s; medians of %d alternating runs; MB = 10^6 bytes\n\n", r.System, r.Rounds)
	fmt.Fprintln(t, "median s\tmin\tmax\tratio\tpeak MB\tbase read MB\tread MB\tsent MB\tlayers MB\t ")
	for _, c := range r.Cases {
		fmt.Fprintf(t, "\t\t\t\t\t\t\t\t\t  %s\n", strings.ToUpper(c.Title))
		own := c.row("casement")
		for _, x := range c.Rows {
			ratio := "-"
			if own != nil && own.Median > 0 {
				ratio = fmt.Sprintf("%.2f", x.Median.Seconds()/own.Median.Seconds())
			}
			fmt.Fprintf(t, "%.2f\t%.2f\t%.2f\t%s\t%.0f\t%s\t%s\t  %s\n", x.Median.Seconds(), slices.Min(x.Walls).Seconds(), slices.Max(x.Walls).Seconds(),
				ratio, float64(x.Peak)/1e6, x.traffic(), x.layers(), x.Label)
		}
	}
	if err := t.Flush(); err != nil {
		return fmt.Errorf("printing the table: %w", err)
	}
	fmt.Fprintf(w, "\nratio: the tool's median to casement's. Peak of buildctl is buildkitd's. Traffic is counted in a run of its own.\n\n")
	for _, c := range r.Cases {
		for _, a := range c.Aims {
			fmt.Fprintf(t, "%s\t%.3f %s\tat most %.3f %s\t  %s: %s\n", a.verdict(), a.Value, a.Unit, a.AtMost, a.Unit, c.Title, a.Text)
		}
	}
	if err := t.Flush(); err != nil {
		return fmt.Errorf("printing the aims: %w", err)
	}
	fmt.Fprintln(w)
	for _, p := range r.Phases {
		fmt.Fprintf(w, "%8.1f s  %s\n", p.Took.Seconds(), p.Name)
	}
	return nil
}

func (a aimResult) verdict() string {
	switch {
	case !a.Ran:
		return "not run"
	case a.Met:
		return "met"
	default:
		return "MISSED"
	}
}

func (x *row) traffic() string {
	if x.Traffic == nil {
		return "-\t-\t-"
	}
	return fmt.Sprintf("%.1f\t%.1f\t%.1f", float64(x.Traffic.BaseRead)/1e6, float64(x.Traffic.Read)/1e6, float64(x.Traffic.Sent)/1e6)
}

func (x *row) layers() string {
	if len(x.Layers) == 0 {
		return "-"
	}
	var s []string
	for _, n := range x.Layers {
		s = append(s, fmt.Sprintf("%.1f", float64(n)/1e6))
	}
	return strings.Join(s, " + ")
}
