package winsh_test

import (
	"archive/zip"
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/casement/casement/internal/run"
	"github.com/casement/casement/internal/run/winsh"
	"github.com/casement/casement/internal/source"
	"github.com/casement/casement/internal/store"
	"github.com/casement/casement/internal/tree"
)

// The benchmarks hold what doc/run.md says of speed. Each sub-benchmark is a step
// that is run whole, as a build does: key, check, execution, and the layer kept
// in the store. 'make bench BENCH=run' measures the same through the program.

// shells are the words before the line in each shell.
var shells = map[string][]string{
	"cmd":        {"cmd", "/S", "/C"},
	"powershell": {"powershell", "-Command"},
	"pwsh":       {"pwsh", "-Command"},
}

// benchStep is a line as a step on an empty base.
func benchStep(shell, line string) run.Step {
	return run.Step{
		Args: append(slices.Clone(shells[shell]), line),
		Root: tree.NewChain(ocispec.Platform{OS: "windows", Architecture: "amd64"}),
		User: "ContainerAdministrator", NoCache: true,
	}
}

// benchOptions are those of a build: results are kept.
func benchOptions(b *testing.B) winsh.Options {
	st, err := store.Open(filepath.Join(b.TempDir(), "store"), store.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { st.Close() })
	return winsh.Options{Store: st}
}

// atMost says what share of its limit an iteration took.
func atMost(b *testing.B, limit time.Duration) {
	b.Helper()
	per := b.Elapsed() / time.Duration(b.N)
	b.ReportMetric(per.Seconds()/limit.Seconds(), "of-limit")
}

// A step that does nothing: at most 5 ms. "first" is that of a new runner, which
// makes the tables of the shells.
func BenchmarkStart(b *testing.B) {
	for _, shell := range []string{"cmd", "powershell", "pwsh"} {
		s := benchStep(shell, "cd .")
		b.Run(shell, func(b *testing.B) {
			r := winsh.New(benchOptions(b))
			for b.Loop() {
				mustRun(b, r, s)
			}
			atMost(b, 5*time.Millisecond)
		})
		b.Run(shell+"/first", func(b *testing.B) {
			o := benchOptions(b)
			for b.Loop() {
				mustRun(b, winsh.New(o), s)
			}
			atMost(b, 5*time.Millisecond)
		})
	}
}

func mustRun(b *testing.B, r *winsh.Runner, s run.Step) {
	if _, err := r.Run(b.Context(), s); err != nil {
		b.Fatal(err)
	}
}

// Parse and check of the longest line that real Dockerfiles have: at most 5 ms.
func BenchmarkCheckLongest(b *testing.B) {
	lines := corpus(b)
	for _, shell := range []string{"cmd", "powershell"} {
		var longest corpusLine
		for _, l := range lines {
			if strings.HasPrefix(l.shell, shell) && len(l.text) > len(longest.text) {
				longest = l
			}
		}
		s := longest.step()
		b.Run(shell, func(b *testing.B) {
			r := winsh.New(winsh.Options{})
			var refused *run.RefusedError
			for b.Loop() {
				if err := r.Check(b.Context(), s); err != nil && !errors.As(err, &refused) {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(len(longest.text)), "characters")
			atMost(b, 5*time.Millisecond)
		})
	}
}

// Loops of 10,000 iterations: at most 0.2 s.
func BenchmarkLoop(b *testing.B) {
	powershell := map[string]string{
		"for":     `$s = 0; for ($i = 0; $i -lt 10000; $i++) { $s += $i }`,
		"foreach": `$s = 0; foreach ($i in 1..10000) { $s += $i * 2 }`,
		"each":    `1..10000 | ForEach-Object { $_ * 2 } | Out-Null`,
		"while":   `$i = 0; while ($i -lt 10000) { $i++ }`,
		"where":   `$n = (1..10000 | Where-Object { $_ % 3 -eq 0 }).Count`,
		"string":  `$l = foreach ($i in 1..10000) { 'line {0}' -f $i }`,
		"call":    `function Double($x) { $x * 2 }; foreach ($i in 1..10000) { $null = Double $i }`,
		"path":    `foreach ($i in 1..10000) { $null = Join-Path 'C:\app' $i }`,
		"exists":  `foreach ($i in 1..10000) { $null = Test-Path 'C:\Windows' }`,
		"print":   `foreach ($i in 1..10000) { Write-Host $i }`,
	}
	for shell, lines := range map[string]map[string]string{
		"cmd": {
			"echo":   `for /l %i in (1,1,10000) do @echo %i`,
			"nul":    `for /l %i in (1,1,10000) do @echo %i>nul`,
			"seta":   `for /l %i in (1,1,10000) do @set /a x=%i*2 >nul`,
			"if":     `for /l %i in (1,1,10000) do @if exist C:\Windows set x=%i`,
			"append": `for /l %i in (1,1,10000) do @echo %i>>C:\out.txt`,
		},
		"powershell": powershell,
		"pwsh":       powershell,
	} {
		for name, line := range lines {
			b.Run(shell+"/"+name, func(b *testing.B) {
				r := winsh.New(benchOptions(b))
				s := benchStep(shell, line)
				for b.Loop() {
					mustRun(b, r, s)
				}
				atMost(b, 200*time.Millisecond)
			})
		}
	}
}

// Expand-Archive of 100 MB in 10,000 entries: at most 1.2 times bsdtar (Debian:
// libarchive-tools).
func BenchmarkExpandArchive(b *testing.B) {
	bsdtar, err := exec.LookPath("bsdtar")
	if err != nil {
		b.Skip("there is no bsdtar")
	}
	in, out := b.TempDir(), b.TempDir()
	file := filepath.Join(in, "big.zip")
	makeArchive(b, file)
	r := winsh.New(benchOptions(b))
	s := benchStep("powershell", `Expand-Archive C:\in\big.zip C:\out`)
	s.Mounts = []run.Mount{bindMount(b, in)}
	n := 0
	beside(b, func() { mustRun(b, r, s) }, func() {
		n++
		dir := filepath.Join(out, fmt.Sprint(n))
		if err := os.Mkdir(dir, 0o755); err != nil {
			b.Fatal(err)
		}
		command(b, bsdtar, "-xf", file, "-C", dir)
	})
}

// Get-FileHash: at most 1.2 times sha256sum.
func BenchmarkFileHash(b *testing.B) {
	in := b.TempDir()
	file := filepath.Join(in, "big.bin")
	writeNoise(b, file, 256<<20)
	r := winsh.New(benchOptions(b))
	s := benchStep("powershell", `$null = Get-FileHash C:\in\big.bin`)
	s.Mounts = []run.Mount{bindMount(b, in)}
	beside(b, func() { mustRun(b, r, s) }, func() { command(b, "sha256sum", file) })
}

// beside runs two ways of the same work in turns and reports their medians and
// the ratio.
func beside(b *testing.B, ours, theirs func()) {
	var own, other []time.Duration
	timed := func(work func()) time.Duration {
		begin := time.Now()
		work()
		return time.Since(begin)
	}
	for b.Loop() {
		own, other = append(own, timed(ours)), append(other, timed(theirs))
	}
	median := func(d []time.Duration) float64 { slices.SortFunc(d, cmp.Compare); return d[len(d)/2].Seconds() }
	b.ReportMetric(median(own), "s/own")
	b.ReportMetric(median(other), "s/other")
	b.ReportMetric(median(own)/median(other), "ratio")
}

func command(b *testing.B, name string, args ...string) {
	if text, err := exec.CommandContext(b.Context(), name, args...).CombinedOutput(); err != nil {
		b.Fatalf("%s: %v\n%s", name, err, text)
	}
}

// bindMount is a directory of this computer at C:\in.
func bindMount(b *testing.B, dir string) run.Mount {
	l, err := source.OpenLocal(dir, source.LocalOptions{Name: "in"})
	if err != nil {
		b.Fatal(err)
	}
	set, err := l.Tree(context.Background(), source.Selection{})
	if err != nil {
		b.Fatal(err)
	}
	return run.Mount{Type: "bind", Target: "in", ReadOnly: true,
		Source: tree.NewChain(ocispec.Platform{OS: "windows"}, &tree.Layer{Changes: set})}
}

// makeArchive writes a zip of 10,000 entries that has 200 MB in 100 MB.
func makeArchive(b *testing.B, file string) {
	f, err := os.Create(file)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	w := bufio.NewWriter(f)
	z := zip.NewWriter(w)
	rng := rand.New(rand.NewPCG(1, 2))
	words := make([]string, 4000)
	for i := range words {
		words[i] = fmt.Sprintf("%x ", rng.Uint32())[:2+rng.IntN(7)]
	}
	for i := range 10_000 {
		e, err := z.Create(fmt.Sprintf("app/d%03d/f%05d.bin", i/100, i))
		if err != nil {
			b.Fatal(err)
		}
		for left := int(20_000 * rng.ExpFloat64()); left > 0; left -= 160 {
			var line []byte
			for len(line) < 160 && rng.IntN(40) > 0 {
				line = append(line, words[rng.IntN(len(words))]...)
			}
			for len(line) < 160 {
				line = append(line, byte(rng.Uint32()))
			}
			if _, err := e.Write(line[:160]); err != nil {
				b.Fatal(err)
			}
		}
	}
	if err := errors.Join(z.Close(), w.Flush(), f.Close()); err != nil {
		b.Fatal(err)
	}
}

// writeNoise writes a file that nothing can make smaller.
func writeNoise(b *testing.B, file string, size int64) {
	f, err := os.Create(file)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	if _, err := io.CopyN(f, rand.NewChaCha8([32]byte{1}), size); err != nil {
		b.Fatal(err)
	}
}
