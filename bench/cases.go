package main

import "fmt"

// entrant is a tool in a case, in the state in which it starts.
type entrant struct {
	Label string
	tool  string
	// prime is a Dockerfile built first and not timed, so that the tool knows
	// something; empty means that it starts with nothing.
	prime func(registry string) string
}

// benchCase is one thing that users do, done by several tools.
type benchCase struct {
	Name       string
	Title      string
	base       string
	dockerfile func(registry string) string
	entrants   []entrant
	// again says that every timed run repeats one build that was done before,
	// with the same target. Otherwise each starts afresh with a new target.
	again bool
	// change says that one file of the context changes before every round.
	change bool
	env    bool
	aims   []aim
}

const (
	nanoRef = "windows/nanoserver:ltsc2022"
	coreRef = "windows/servercore:ltsc2022"
)

func copyContext(registry string) string {
	return fmt.Sprintf("FROM %s/%s\nCOPY . /app/\n", registry, nanoRef)
}

// touchBase makes BuildKit fetch and unpack the base and nothing else.
func touchBase(registry string) string {
	return fmt.Sprintf("FROM %s/%s\nWORKDIR /prime\n", registry, nanoRef)
}

func copyFromCore(registry string) string {
	return fmt.Sprintf("FROM %s/%s\nCOPY --from=%s/%s /Windows/System32/netapi32.dll /Windows/System32/netapi32.dll\n", registry, nanoRef, registry, coreRef)
}

func envOnly(registry string) string {
	return fmt.Sprintf("FROM %s/%s\nENV APP_MODE=production\nENTRYPOINT [\"C:\\\\app\\\\app.exe\"]\n", registry, nanoRef)
}

// allCases are the cases with their aims on a machine of two processors.
func allCases(f fixtures) []benchCase {
	own, bk := entrant{Label: "casement", tool: "casement"}, entrant{Label: "buildctl", tool: "buildctl"}
	return []benchCase{
		{
			Name: "copy-cold", Title: "COPY of the context, cold, push", base: nanoRef, dockerfile: copyContext,
			entrants: []entrant{own, bk,
				{Label: "buildctl, base cached", tool: "buildctl", prime: touchBase},
				{Label: "tar + crane append", tool: "crane"}, {Label: "pipeline, no push", tool: "pipeline"}},
			aims: []aim{
				ratioAim("buildctl", 1.0/6), ratioAim("tar + crane append", 1.0/3), ratioAim("pipeline, no push", 0.7),
				baseBytesAim(0), peakAim(150e6)},
		},
		{
			Name: "unchanged", Title: "nothing changed", base: nanoRef, dockerfile: copyContext, again: true,
			entrants: []entrant{own, bk},
			aims:     []aim{secondsAim(0.25), ratioAim("buildctl", 1.0/2)},
		},
		{
			Name: "one-file", Title: "one file changed", base: nanoRef, dockerfile: copyContext, again: true, change: true,
			entrants: []entrant{own, bk},
			aims:     []aim{ratioAim("buildctl", 1.0/12)},
		},
		{
			Name: "copy-from", Title: "COPY --from=servercore of one 200 kB file, cold", base: nanoRef, dockerfile: copyFromCore,
			entrants: []entrant{own, bk},
			aims:     []aim{ratioAim("buildctl", 1.0/5), baseBytesAim(f.Core.WantedEnd + readAhead)},
		},
		{
			Name: "env", Title: "ENV and ENTRYPOINT only", base: nanoRef, dockerfile: envOnly, env: true,
			entrants: []entrant{own, bk, {Label: "crane mutate", tool: "crane"}},
			aims:     []aim{ownTimeAim(0.15)},
		},
	}
}

// readAhead is what a reader may have taken from the connection beyond the byte
// at which it stops, with what lay in the buffers of two sockets.
const readAhead = 8 << 20

// aim is something that casement should reach in a case.
type aim struct {
	Text   string
	AtMost float64
	Unit   string
	// of gives the figure; false when a tool that it needs did not run.
	of func(caseResult) (float64, bool)
}

func ratioAim(label string, most float64) aim {
	return aim{Text: "time against " + label, AtMost: most, Unit: "x", of: func(r caseResult) (float64, bool) {
		own, other := r.row("casement"), r.row(label)
		if own == nil || other == nil {
			return 0, false
		}
		return own.Median.Seconds() / other.Median.Seconds(), true
	}}
}

func secondsAim(most float64) aim {
	return aim{Text: "time", AtMost: most, Unit: "s", of: func(r caseResult) (float64, bool) {
		own := r.row("casement")
		if own == nil {
			return 0, false
		}
		return own.Median.Seconds(), true
	}}
}

// ownTimeAim is about the time less that in which the registry owed an answer.
func ownTimeAim(most float64) aim {
	return aim{Text: "time beside the registry's answers", AtMost: most, Unit: "s", of: func(r caseResult) (float64, bool) {
		own := r.row("casement")
		if own == nil || own.Traffic == nil {
			return 0, false
		}
		return (own.Median - own.Traffic.Busy).Seconds(), true
	}}
}

func baseBytesAim(most int64) aim {
	return aim{Text: "base bytes read", AtMost: float64(most) / 1e6, Unit: "MB", of: func(r caseResult) (float64, bool) {
		own := r.row("casement")
		if own == nil || own.Traffic == nil {
			return 0, false
		}
		return float64(own.Traffic.BaseRead) / 1e6, true
	}}
}

func peakAim(most float64) aim {
	return aim{Text: "peak memory", AtMost: most / 1e6, Unit: "MB", of: func(r caseResult) (float64, bool) {
		own := r.row("casement")
		if own == nil {
			return 0, false
		}
		return float64(own.Peak) / 1e6, true
	}}
}
