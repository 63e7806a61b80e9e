package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/casement/casement/test/testbed"
)

// "bench run" measures the execution of RUN: what a step costs before it does
// anything, what checks and loops cost, archives and hashes beside bsdtar and
// sha256sum, and a build of eight steps. Everything is done by the program
// itself, as users start it. runcases.go has the cases, runfixtures.go what they
// work on.

// runMain is the benchmark with the arguments after "run".
func runMain(ctx context.Context, args []string) error {
	var o options
	fl := flag.NewFlagSet("bench run", flag.ExitOnError)
	fl.StringVar(&o.cases, "case", "", "run only the cases whose name matches this regular expression")
	fl.IntVar(&o.rounds, "n", 5, "timed runs of each program in each case; three times as many of short ones")
	fl.StringVar(&o.casement, "casement", "", "casement program to measure (default: build it)")
	fl.StringVar(&o.cache, "cache", "", "directory for fixtures (default: casement-bench in the user's cache)")
	fl.BoolVar(&o.prepare, "prepare", false, "only make the fixtures")
	if err := fl.Parse(args); err != nil {
		return err
	}
	if o.rounds < 1 {
		return errors.New("-n must be at least 1")
	}
	if o.cache == "" {
		dir, err := testbed.DefaultDir()
		if err != nil {
			return err
		}
		o.cache = dir
	}
	bed := testbed.Bed{Dir: o.cache, Log: os.Stderr}
	if o.prepare {
		return makeRunFixtures(ctx, bed)
	}
	if err := bed.NeedPrograms(ctx, map[string]string{"bsdtar": "libarchive-tools", "sha256sum": "coreutils"}); err != nil {
		return err
	}
	if err := prepareInChild(ctx, append([]string{"run", "-prepare"}, args...)); err != nil {
		return err
	}
	return measureRun(ctx, bed, o)
}

// runBench is where the cases run. All that they make lives in dir and goes with it.
type runBench struct {
	dir      string
	fixtures runFixtures
	casement string // the program
	rounds   int
	log      io.Writer
}

// runCase is one comparison. Its entrants take turns.
type runCase struct {
	Name, Title string
	entrants    []runEntrant
	aims        []aim
	// short says that a run takes milliseconds, so that more of them are worth it.
	short bool
}

// runEntrant is one program with its arguments.
type runEntrant struct {
	Label string
	// before makes the state in which the program starts. It is not timed.
	before func() error
	args   []string
	env    []string
}

func measureRun(ctx context.Context, bed testbed.Bed, o options) error {
	match, err := regexp.Compile(o.cases)
	if err != nil {
		return fmt.Errorf("reading -case: %w", err)
	}
	dir, err := os.MkdirTemp(bed.Dir, "run-*")
	if err != nil {
		return fmt.Errorf("making a working directory: %w", err)
	}
	defer os.RemoveAll(dir)
	b := &runBench{dir: dir, fixtures: runFixturesIn(bed), casement: o.casement, rounds: o.rounds, log: os.Stderr}
	if b.casement == "" {
		b.casement = filepath.Join(dir, "casement-program")
		if err := buildCasement(ctx, b.casement); err != nil {
			return err
		}
	}
	cases, err := b.cases()
	if err != nil {
		return err
	}
	cases = slices.DeleteFunc(cases, func(c runCase) bool { return !match.MatchString(c.Name) })
	if len(cases) == 0 {
		return fmt.Errorf("no case matches -case %q", o.cases)
	}
	var done []caseResult
	for _, c := range cases {
		res, err := b.run(ctx, c)
		if err != nil {
			return errors.Join(err, printRun(os.Stdout, o.rounds, done))
		}
		done = append(done, res)
	}
	return printRun(os.Stdout, o.rounds, done)
}

// run does one case.
func (b *runBench) run(ctx context.Context, c runCase) (caseResult, error) {
	res := caseResult{Name: c.Name, Title: c.Title}
	for _, e := range c.entrants {
		res.Rows = append(res.Rows, &row{Label: e.Label})
	}
	rounds := b.rounds
	if c.short {
		rounds *= 3
	}
	for round := range rounds + 1 {
		for k := range c.entrants {
			i := (k + round) % len(c.entrants)
			s, err := b.once(ctx, c.entrants[i])
			if err != nil {
				return res, fmt.Errorf("case %s: %w", c.Name, err)
			}
			if round == 0 {
				continue // files and programs come into memory
			}
			fmt.Fprintf(b.log, "%s: %d/%d %-24s %9.1f ms\n", c.Name, round, rounds, c.entrants[i].Label, 1e3*s.Wall.Seconds())
			r := res.Rows[i]
			r.Walls, r.Peak = append(r.Walls, s.Wall), max(r.Peak, s.Peak)
		}
	}
	for _, r := range res.Rows {
		r.Median = median(r.Walls)
	}
	for _, a := range c.aims {
		v, ran := a.of(res)
		res.Aims = append(res.Aims, aimResult{Text: a.Text, AtMost: a.AtMost, Value: v, Unit: a.Unit, Ran: ran, Met: ran && v <= a.AtMost})
	}
	return res, nil
}

func (b *runBench) once(ctx context.Context, e runEntrant) (sample, error) {
	if e.before != nil {
		if err := e.before(); err != nil {
			return sample{}, err
		}
	}
	settle()
	return runTimed(ctx, e.env, b.dir, e.args[0], e.args[1:]...)
}

// printRun writes the figures and the aims.
func printRun(w io.Writer, rounds int, cases []caseResult) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	ms := func(d time.Duration) float64 { return 1e3 * d.Seconds() }
	fmt.Fprintf(w, "\n%s; medians of %d or more alternating runs; MB = 10^6 bytes\n\n", system(), rounds)
	fmt.Fprintln(t, "median ms\tmin\tmax\tpeak MB\t ")
	for _, c := range cases {
		fmt.Fprintf(t, "\t\t\t\t  %s\n", strings.ToUpper(c.Title))
		for _, x := range c.Rows {
			fmt.Fprintf(t, "%.1f\t%.1f\t%.1f\t%.0f\t  %s\n", ms(x.Median), ms(slices.Min(x.Walls)), ms(slices.Max(x.Walls)), float64(x.Peak)/1e6, x.Label)
		}
	}
	fmt.Fprintln(t, "\t\t\t\t ")
	for _, c := range cases {
		for _, a := range c.Aims {
			verdict, limit := a.verdict(), fmt.Sprintf("at most %.3g %s", a.AtMost, a.Unit)
			if a.AtMost == 0 {
				verdict, limit = "", "no limit"
			}
			fmt.Fprintf(t, "%s\t%.3g %s\t%s\t\t  %s: %s\n", verdict, a.Value, a.Unit, limit, c.Title, a.Text)
		}
	}
	if err := t.Flush(); err != nil {
		return fmt.Errorf("printing the table: %w", err)
	}
	return nil
}
