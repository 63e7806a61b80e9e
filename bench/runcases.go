package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// What a step may cost, in seconds; what a program may take beside another; and
// memory.
const (
	startLimit = 0.005
	checkLimit = 0.005
	loopLimit  = 0.2
	besideOf   = 1.2
	peakLimit  = 200e6
)

// steps is how many steps the cases about one step have, since one alone is too
// short to measure.
const steps = 20

// cases are the cases with their limits.
func (b *runBench) cases() ([]runCase, error) {
	var all []runCase
	add := func(c runCase, err error) error {
		if err == nil && c.Name != "" {
			all = append(all, c)
		}
		return err
	}
	var errs []error
	for _, shell := range []string{"cmd", "powershell", "pwsh"} {
		errs = append(errs, add(b.startCase(shell)))
	}
	errs = append(errs, add(b.checkCase()))
	for _, shell := range []string{"cmd", "powershell", "pwsh"} {
		all = append(all, b.loopCase(shell))
	}
	errs = append(errs, add(b.expandCase()), add(b.hashCase()), add(b.buildCase()))
	return all, errors.Join(errs...)
}

// shellLine is SHELL for a shell.
func shellLine(shell string) string {
	if shell == "cmd" {
		return `SHELL ["cmd", "/S", "/C"]` + "\n"
	}
	return fmt.Sprintf("SHELL [%q, \"-Command\"]\n", shell)
}

// dockerfile writes a Dockerfile and returns where it is.
func (b *runBench) dockerfile(name, text string) (string, error) {
	file := filepath.Join(b.dir, name+".Dockerfile")
	return file, os.WriteFile(file, []byte("# escape=`\n"+text), 0o644)
}

// build is a build of a Dockerfile. Its result stays in the store. cold builds
// have a store of their own that is emptied before each.
func (b *runBench) build(label, file, context string, cold bool, flags ...string) runEntrant {
	e := runEntrant{Label: label}
	store := filepath.Join(b.dir, "store")
	if cold {
		store = filepath.Join(b.dir, "cold")
		e.before = func() error { return remake(store) }
	}
	e.env = []string{"CASEMENT_CACHE=" + store}
	e.args = append([]string{b.casement, "build", "--progress=quiet", "--platform=windows/amd64", "-f", file}, flags...)
	e.args = append(e.args, context)
	return e
}

// startCase: steps that do nothing. What one costs is the difference between
// builds with more and fewer of them.
func (b *runBench) startCase(shell string) (runCase, error) {
	c := runCase{Name: "start-" + shell, Title: "RUN cd . in " + shell, short: true}
	empty := filepath.Join(b.dir, "empty")
	if err := os.MkdirAll(empty, 0o755); err != nil {
		return c, err
	}
	for _, n := range []int{0, 1, 1 + steps} {
		file, err := b.dockerfile(fmt.Sprintf("%s-%d", c.Name, n), "FROM scratch\nWORKDIR C:/app\n"+shellLine(shell)+strings.Repeat("RUN cd .\n", n))
		if err != nil {
			return c, err
		}
		c.entrants = append(c.entrants, b.build(fmt.Sprintf("%d steps", n), file, empty, false, "--no-cache"))
	}
	c.aims = []aim{
		eachAim("a step", c.entrants[2].Label, c.entrants[1].Label, steps, startLimit),
		eachAim("the first step of a process", c.entrants[1].Label, c.entrants[0].Label, 1, startLimit),
		mostPeakAim(peakLimit),
	}
	return c, nil
}

// checkCase: parse and check of the longest line of real Dockerfiles, which are
// not part of the project. Without them there is no case.
func (b *runBench) checkCase() (runCase, error) {
	c := runCase{Name: "check", Title: "check of the longest real line", short: true}
	data, err := os.ReadFile(filepath.Join("..", "shared", "corpus", "run-lines.tsv"))
	if errors.Is(err, fs.ErrNotExist) {
		fmt.Fprintln(b.log, "there is no corpus of Dockerfiles: the case check is left out")
		return runCase{}, nil
	}
	if err != nil {
		return c, err
	}
	longest := ""
	for line := range strings.Lines(string(data)) {
		// Columns 5 and 8 are the shell and the text.
		if f := strings.Split(strings.TrimRight(line, "\r\n"), "\t"); len(f) == 8 && strings.HasPrefix(f[4], "powershell") && len(f[7]) > len(longest) {
			longest = f[7]
		}
	}
	// The same text as a comment costs the same until it comes to the shell.
	for _, e := range [][2]string{{"comment", "# " + longest}, {"casement", longest}} {
		label, line := e[0], e[1]
		file, err := b.dockerfile(c.Name+"-"+label, "FROM scratch\nWORKDIR C:/app\n"+shellLine("powershell")+strings.Repeat("RUN "+line+"\n", steps))
		if err != nil {
			return c, err
		}
		c.entrants = append(c.entrants, runEntrant{
			Label: label, env: []string{"CASEMENT_CACHE=" + filepath.Join(b.dir, "store")},
			args: []string{b.casement, "plan", "--platform=windows/amd64", "-f", file, filepath.Join(b.dir, "empty")},
		})
	}
	c.aims = []aim{eachAim("a line", "casement", "comment", steps, checkLimit), mostPeakAim(peakLimit)}
	return c, nil
}

// loopCase: loops of 10,000 iterations, each a whole process.
func (b *runBench) loopCase(shell string) runCase {
	c := runCase{Name: "loop-" + shell, Title: "10,000 iterations in " + shell, short: true}
	lines := [][2]string{
		{"for", `$s = 0; for ($i = 0; $i -lt 10000; $i++) { $s += $i }`},
		{"foreach", `$s = 0; foreach ($i in 1..10000) { $s += $i * 2 }`},
		{"ForEach-Object", `1..10000 | ForEach-Object { $_ * 2 } | Out-Null`},
		{"while", `$i = 0; while ($i -lt 10000) { $i++ }`},
		{"Join-Path", `foreach ($i in 1..10000) { $p = Join-Path C:\app $i }`},
	}
	if shell == "cmd" {
		lines = [][2]string{
			{"echo", `for /l %i in (1,1,10000) do @echo %i`},
			{"echo>nul", `for /l %i in (1,1,10000) do @echo %i>nul`},
			{"set /a", `for /l %i in (1,1,10000) do @set /a x=%i*2 >nul`},
			{"if exist", `for /l %i in (1,1,10000) do @if exist C:\Windows set x=%i`},
		}
	}
	for _, l := range lines {
		e := runEntrant{Label: l[0], args: []string{b.casement, "try", "--shell", shell, l[1]}, env: []string{"CASEMENT_CACHE=" + filepath.Join(b.dir, "store")}}
		c.entrants = append(c.entrants, e)
		c.aims = append(c.aims, aim{Text: l[0], AtMost: loopLimit, Unit: "s", of: func(r caseResult) (float64, bool) {
			return r.row(l[0]).Median.Seconds(), true
		}})
	}
	c.aims = append(c.aims, mostPeakAim(peakLimit))
	return c
}

// expandCase: a cold build that unpacks an archive into a stage and takes its
// last file from there, so that nothing is packed but that.
func (b *runBench) expandCase() (runCase, error) {
	c := runCase{Name: "expand", Title: "Expand-Archive of 100 MB, 10,000 entries"}
	last, err := os.ReadFile(filepath.Join(b.fixtures.archive(), "last.txt"))
	if err != nil {
		return c, err
	}
	file, err := b.dockerfile(c.Name, "FROM scratch AS unpacked\n"+shellLine("powershell")+
		"RUN --mount=type=bind,target=C:/in Expand-Archive C:\\in\\big.zip C:\\out\n"+
		"FROM scratch\nCOPY --from=unpacked /out/"+string(last)+" /\n")
	if err != nil {
		return c, err
	}
	out := filepath.Join(b.dir, "out")
	c.entrants = []runEntrant{
		b.build("casement", file, b.fixtures.archive(), true),
		{Label: "bsdtar", before: func() error { return remake(out) },
			args: []string{"bsdtar", "-xf", filepath.Join(b.fixtures.archive(), "big.zip"), "-C", out}},
	}
	c.aims = []aim{ratioAim("bsdtar", besideOf), mostPeakAim(peakLimit)}
	return c, nil
}

// hashCase: a cold build that hashes a file of its context.
func (b *runBench) hashCase() (runCase, error) {
	c := runCase{Name: "hash", Title: "Get-FileHash of 1 GB"}
	file, err := b.dockerfile(c.Name, "FROM scratch\n"+shellLine("powershell")+`RUN --mount=type=bind,target=C:/in (Get-FileHash C:\in\big.bin).Hash | Set-Content C:\sum.txt
`)
	if err != nil {
		return c, err
	}
	c.entrants = []runEntrant{
		b.build("casement", file, b.fixtures.hash(), true),
		{Label: "sha256sum", args: []string{"sha256sum", filepath.Join(b.fixtures.hash(), "big.bin")}},
	}
	c.aims = []aim{ratioAim("sha256sum", besideOf), mostPeakAim(peakLimit)}
	return c, nil
}

// appRuns are eight steps as real Dockerfiles have them, in both shells.
const appRuns = `RUN if ((Get-FileHash C:\src\tool.zip).Hash -ne (Get-Content C:\src\tool.zip.sha256)) { throw 'tool.zip is not the one that was expected' }
RUN Expand-Archive C:\src\tool.zip C:\tool; Remove-Item C:\src\tool.zip
RUN Get-ChildItem C:\tool -Recurse -Include *.md, *.log | Remove-Item -Force
RUN Get-ChildItem C:\src\conf -Filter *.json | ForEach-Object { (Get-Content $_.FullName) -replace 'localhost:8080', 'server' | Set-Content $_.FullName }
SHELL ["cmd", "/S", "/C"]
RUN mkdir C:\app\logs C:\app\conf && xcopy /q C:\src\conf C:\app\conf
RUN setx /M PATH "%PATH%;C:\tool\bin"
RUN for /r C:\tool %f in (*.dll) do @echo %~nxf>>C:\app\libraries.txt
RUN icacls C:\app\logs /grant Users:(OI)(CI)M && rmdir /s /q C:\src
`

// buildCase: a small image with eight steps, cold and when nothing has changed,
// and the same without the steps. What is left of the cold build beside the work
// of the lines is casement's own share.
func (b *runBench) buildCase() (runCase, error) {
	c := runCase{Name: "build", Title: "eight steps on a small base", short: true}
	head := "FROM base\nCOPY . C:/src/\nSHELL [\"powershell\", \"-Command\", \"$ErrorActionPreference = 'Stop'; $ProgressPreference = 'SilentlyContinue';\"]\n"
	file, err := b.dockerfile(c.Name, head+appRuns)
	if err != nil {
		return c, err
	}
	bare, err := b.dockerfile(c.Name+"-bare", head)
	if err != nil {
		return c, err
	}
	base := "--build-context=base=oci-layout://" + b.fixtures.base()
	c.entrants = []runEntrant{
		b.build("casement", file, b.fixtures.app(), true, base),
		b.build("nothing changed", file, b.fixtures.app(), false, base),
		b.build("without the steps", bare, b.fixtures.app(), true, base),
	}
	c.aims = []aim{
		{Text: "time when nothing changed, as a share of the cold build", Unit: "x", of: func(r caseResult) (float64, bool) {
			return r.row("nothing changed").Median.Seconds() / r.row("casement").Median.Seconds(), true
		}},
		{Text: "time without the steps, as a share of the cold build", Unit: "x", of: func(r caseResult) (float64, bool) {
			return r.row("without the steps").Median.Seconds() / r.row("casement").Median.Seconds(), true
		}},
		mostPeakAim(peakLimit),
	}
	return c, nil
}

// eachAim is about the difference between two entrants, which have n things more
// or less to do.
func eachAim(text, more, fewer string, n int, most float64) aim {
	return aim{Text: text, AtMost: 1e3 * most, Unit: "ms", of: func(r caseResult) (float64, bool) {
		a, b := r.row(more), r.row(fewer)
		if a == nil || b == nil {
			return 0, false
		}
		return 1e3 * (a.Median - b.Median).Seconds() / float64(n), true
	}}
}

// mostPeakAim is about the entrant that needs the most memory.
func mostPeakAim(most float64) aim {
	return aim{Text: "peak memory", AtMost: most / 1e6, Unit: "MB", of: func(r caseResult) (float64, bool) {
		var peak int64
		for _, x := range r.Rows {
			peak = max(peak, x.Peak)
		}
		return float64(peak) / 1e6, true
	}}
}
