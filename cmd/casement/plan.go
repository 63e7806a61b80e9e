package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/casement/casement/internal/build"
	"github.com/casement/casement/internal/image"
	"github.com/casement/casement/internal/progress"
)

func newPlan(env *environment) *cobra.Command {
	var f buildFlags
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "plan [flags] CONTEXT",
		Short: "Show what a build would do, and do none of it",
		Long: `Show the steps of a build in the order of the Dockerfile: what each is, where its
command would run or why it is refused, and which layers of base images it would
have to read.

Nothing is executed, and nothing downloaded but manifests and configs. The flags
are those of casement build. What a command will look for in a base is told from
its text: one that names it in another way, or asks for something that only a
base could have, may read more than is foreseen. It reads at most the layers of
its base.

Exit codes: 0 all steps can be done, 3 one or more are refused.

--json prints a list with an object for each platform:
  platform  windows(10.0.20348)/amd64
  steps     name, file, line (0 for what stands nowhere in the Dockerfile), kind
            (base, source, files, run, merge), runner (in process; empty for
            what is no command), refused (null, or line, column, construct,
            reason and hint, and script, which is file and line, if the
            construct is in one), unseals (layers to read: digest and size)
            and why (what is looked for in them)
  warnings  file, line, message and hint`,
		Example: `  casement plan .
  casement plan --json --platform 'windows(10.0.20348)/amd64' .`,
		Args: exactArgs(1, "a CONTEXT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.check {
				return &usageError{errors.New("casement plan does not check the Dockerfile"), "casement build --check does"}
			}
			req, err := f.request(env, args[0])
			if err != nil {
				return err
			}
			return runPlan(cmd.Context(), env, &f, req, asJSON)
		},
	}
	f.add(cmd)
	completeBuild(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func runPlan(ctx context.Context, env *environment, f *buildFlags, req build.Request, asJSON bool) error {
	quiet := *f
	quiet.progress = string(progress.Quiet)
	tools, done, err := quiet.tools(ctx, env)
	if err != nil {
		return err
	}
	defer done()
	plans, err := build.Plan(ctx, req, tools)
	if err != nil {
		return err
	}
	if asJSON {
		if err := printJSON(env.stdout, plansJSON(plans)); err != nil {
			return err
		}
	} else {
		p := newPrinter(env.stdout, env.getenv)
		for i := range plans {
			if i > 0 {
				fmt.Fprintln(p.w)
			}
			printPlan(p, &plans[i], len(plans) > 1)
		}
		printRemarks(p, plans)
	}
	for i := range plans {
		if plans[i].Refused() {
			return exitStatus(exitMissing)
		}
	}
	return nil
}

// printPlan prints the table of a platform, and what is looked for in its base.
func printPlan(p *printer, plan *build.Planned, many bool) {
	if many {
		p.heading(image.DescribePlatform(plan.Platform))
	}
	t := newTable(">LINE", "RUNS", "READS OF THE BASE", "STEP")
	for _, s := range plan.Steps {
		line := ""
		if s.Line > 0 {
			line = fmt.Sprint(s.Line)
		}
		t.add(line, whereRuns(&s), readsText(&s), visible(shortDigests(s.Name)))
	}
	p.table(t)
	for _, s := range plan.Steps {
		if s.Why != "" && len(s.Unseals) > 0 {
			fmt.Fprintf(p.w, "\n%s looks for %s in the base\n", placeText(s.File, s.Line), oneLine(s.Why))
		}
	}
}

// remark is something that is said of one or several places.
type remark struct{ text, hint string }

// printRemarks prints what is refused and warned of: each once, whichever
// platforms and lines it is about.
func printRemarks(p *printer, plans []build.Planned) {
	places := map[remark][]string{}
	var order []remark
	add := func(r remark, place string) {
		if _, known := places[r]; !known {
			order = append(order, r)
		}
		if !slices.Contains(places[r], place) {
			places[r] = append(places[r], place)
		}
	}
	for i := range plans {
		for _, w := range plans[i].Warnings {
			add(remark{"warning: %s: " + w.Message, w.Hint}, placeText(w.File, w.Line))
		}
	}
	for i := range plans {
		for _, s := range plans[i].Steps {
			if s.Refused != nil {
				place := s.Refused.Where.String()
				what := strings.TrimPrefix(s.Refused.Error(), place+": ")
				add(remark{"refused: %s: " + what, s.Refused.Way}, place)
			}
		}
	}
	for _, r := range order {
		fmt.Fprintf(p.w, "\n%s\n", oneLine(strings.Replace(r.text, "%s", strings.Join(places[r], ", "), 1)))
		if r.hint != "" {
			fmt.Fprintf(p.w, "   hint: %s\n", oneLine(r.hint))
		}
	}
}

// shortDigests cuts the digests in a text to what tells them apart.
func shortDigests(s string) string {
	const mark, whole, shown = "@sha256:", 64, 12
	before, after, ok := strings.Cut(s, mark)
	if !ok || len(after) < whole {
		return s
	}
	return before + mark + after[:shown] + shortDigests(after[whole:])
}

// whereRuns says where the command of a step would run.
func whereRuns(s *build.PlanStep) string {
	switch {
	case s.Refused != nil:
		return "REFUSED"
	case s.Runner != "":
		return s.Runner
	}
	return "-"
}

func readsText(s *build.PlanStep) string {
	switch {
	case len(s.Unseals) > 0:
	case s.Runner != "" && s.NoBase:
		return "no base"
	case s.Runner != "":
		return "nothing foreseen"
	default:
		return "nothing"
	}
	var sum int64
	for _, d := range s.Unseals {
		sum += d.Size
	}
	return fmt.Sprintf("up to %s in %s", bytesText(sum), count(len(s.Unseals), "layer"))
}

func placeText(file string, line int) string {
	return strings.TrimSuffix(fmt.Sprintf("%s:%d", file, line), ":0")
}

type planJSON struct {
	Platform string         `json:"platform"`
	Steps    []planStepJSON `json:"steps"`
	Warnings []planWarnJSON `json:"warnings"`
}

type planStepJSON struct {
	Name    string       `json:"name"`
	File    string       `json:"file"`
	Line    int          `json:"line"`
	Kind    string       `json:"kind"`
	Runner  string       `json:"runner"`
	Refused *refusedJSON `json:"refused"`
	Unseals []layerJSON  `json:"unseals"`
	Why     string       `json:"why"`
}

type layerJSON struct {
	Digest string `json:"digest"`
	Size   int64  `json:"size"`
}

type planWarnJSON struct {
	File    string `json:"file"`
	Line    int    `json:"line"`
	Message string `json:"message"`
	Hint    string `json:"hint"`
}

// plansJSON is what plan --json prints.
func plansJSON(plans []build.Planned) []planJSON {
	out := []planJSON{}
	for _, p := range plans {
		j := planJSON{Platform: image.FormatPlatform(p.Platform), Steps: []planStepJSON{}, Warnings: []planWarnJSON{}}
		for _, s := range p.Steps {
			step := planStepJSON{
				Name: s.Name, File: s.File, Line: s.Line, Kind: s.Kind, Runner: s.Runner, Why: s.Why, Unseals: []layerJSON{},
			}
			if s.Refused != nil {
				step.Refused = describeRefusal(s.Refused)
			}
			for _, d := range s.Unseals {
				step.Unseals = append(step.Unseals, layerJSON{d.Digest.String(), d.Size})
			}
			j.Steps = append(j.Steps, step)
		}
		for _, w := range p.Warnings {
			j.Warnings = append(j.Warnings, planWarnJSON(w))
		}
		out = append(out, j)
	}
	return out
}
