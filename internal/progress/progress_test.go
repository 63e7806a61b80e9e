package progress

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/moby/buildkit/client"
)

// show runs report against a display and returns what it printed. Time in it
// does not pass unless report sleeps.
func show(t *testing.T, mode Mode, report func(r *Recorder)) string {
	t.Helper()
	var out bytes.Buffer
	synctest.Test(t, func(t *testing.T) {
		r, err := Display(t.Context(), &out, mode)
		if err != nil {
			t.Fatal(err)
		}
		report(r)
		r.Close() // and all goroutines of the bubble have to end
	})
	return out.String()
}

// aBuild is a build with everything that can be reported.
func aBuild(r *Recorder) {
	base := r.Vertex(Vertex{ID: "sha256:" + strings.Repeat("a", 64), Name: "[1/2] FROM base"})
	copyStep := r.Vertex(Vertex{ID: "copy", Name: "[2/2] COPY . /app", Inputs: []string{"sha256:" + strings.Repeat("a", 64)}})
	base.Cached()
	copyStep.Start()
	c := copyStep.Status("packing layer", "packing")
	c.Set(0, 100_000_000)
	for range 10 {
		c.Add(10_000_000)
		time.Sleep(200 * time.Millisecond)
	}
	copyStep.Log(Stdout, []byte("one line\nhalf a"))
	copyStep.Log(Stderr, []byte(" line\n"))
	copyStep.Warn(Warning{
		Short: "Rule: it is wrong (line 2)", Detail: []string{"Because."}, URL: "https://example.com/rule",
		File: "Dockerfile", Text: []byte("FROM base\nCOPY . /app\nUSER x\n"), Lines: []Lines{{2, 2}},
	})
	copyStep.Done(nil)
}

// If this failed, people would not see names, sizes, logs or warnings.
func TestPlain(t *testing.T) {
	const want = `#1 [1/2] FROM base
#1 CACHED

#2 [2/2] COPY . /app
#2 packing layer 10.00MB / 100.00MB
#2 packing layer 20.00MB / 100.00MB 0.2s
#2 packing layer 30.00MB / 100.00MB 0.4s
#2 packing layer 40.00MB / 100.00MB 0.6s
#2 packing layer 50.00MB / 100.00MB 0.8s
#2 packing layer 60.00MB / 100.00MB 1.0s
#2 packing layer 70.00MB / 100.00MB 1.2s
#2 packing layer 80.00MB / 100.00MB 1.4s
#2 packing layer 90.00MB / 100.00MB 1.6s
#2 packing layer 100.00MB / 100.00MB 1.8s
#2 packing layer 100.00MB / 100.00MB 2.0s done
#2 WARN: Rule: it is wrong (line 2)
#2 2.000 one line
#2 2.000 half a line
#2 DONE 2.0s

1 warning:

Rule: it is wrong (line 2)
Because.
More: https://example.com/rule
Dockerfile:2
--------------------
   1 |     FROM base
   2 | >>> COPY . /app
   3 |     USER x
--------------------
`
	got := show(t, Plain, aBuild)
	// How updates fall between two redraws is the printer's affair; what
	// counts is that nothing of the rest is missing.
	for line := range strings.Lines(want) {
		if strings.Contains(line, "packing layer") && !strings.Contains(line, "done") {
			continue
		}
		if !strings.Contains(got, line) {
			t.Errorf("missing: %s", line)
		}
	}
	if n := strings.Count(got, "packing layer"); n < 5 || n > 22 {
		t.Errorf("the counter was printed %d times", n)
	}
	if t.Failed() {
		t.Log(got)
	}
}

// If this failed, programs that read BuildKit's JSON could not read ours.
func TestRawJSON(t *testing.T) {
	got := show(t, RawJSON, aBuild)
	var reprinted bytes.Buffer
	enc := json.NewEncoder(&reprinted)
	var all client.SolveStatus
	for line := range strings.Lines(got) {
		var s client.SolveStatus
		dec := json.NewDecoder(strings.NewReader(line))
		dec.DisallowUnknownFields()
		if err := dec.Decode(&s); err != nil {
			t.Fatalf("%v in %s", err, line)
		}
		if err := enc.Encode(s); err != nil {
			t.Fatal(err)
		}
		all.Vertexes = append(all.Vertexes, s.Vertexes...)
		all.Statuses = append(all.Statuses, s.Statuses...)
		all.Logs = append(all.Logs, s.Logs...)
		all.Warnings = append(all.Warnings, s.Warnings...)
	}
	if reprinted.String() != got {
		t.Errorf("BuildKit prints\n%s\nwe print\n%s", &reprinted, got)
	}
	last := all.Vertexes[len(all.Vertexes)-1]
	if last.Name != "[2/2] COPY . /app" || last.Completed == nil || last.Inputs[0] != all.Vertexes[0].Digest {
		t.Errorf("last vertex is %+v", last)
	}
	if len(all.Logs) != 2 || string(all.Logs[1].Data) != " line\n" || all.Logs[1].Stream != Stderr {
		t.Errorf("logs are %+v", all.Logs)
	}
	if len(all.Warnings) != 1 || all.Warnings[0].Range[0].Start.Line != 2 {
		t.Errorf("warnings are %+v", all.Warnings)
	}
	s := all.Statuses[len(all.Statuses)-1]
	if s.Current != 100_000_000 || s.Total != 100_000_000 || s.Completed == nil {
		t.Errorf("last status is %+v", s)
	}
}

// If this failed, counting bytes would flood the printers and slow copying, or
// the last value would get lost.
func TestCounterRate(t *testing.T) {
	got := show(t, RawJSON, func(r *Recorder) {
		c := r.Vertex(Vertex{Name: "x"}).Status("bytes", "")
		for range 1000 {
			time.Sleep(time.Millisecond)
			c.Add(1)
		}
	})
	n := strings.Count(got, `"id":"bytes"`)
	if n < 10 || n > 13 {
		t.Errorf("%d updates in one second", n)
	}
	if !strings.Contains(got, `"current":1000`) {
		t.Errorf("the last value is missing in\n%s", got)
	}
}

// numbers are those of steps, which depend on the order of their ends.
var numbers = regexp.MustCompile(`#\d+`)

// If this failed, a build that was stopped would look as if it were running,
// and a step that failed as if it had worked.
func TestEnds(t *testing.T) {
	got := show(t, Plain, func(r *Recorder) {
		r.Vertex(Vertex{Name: "failing"}).Done(errors.New("no such file"))
		r.Vertex(Vertex{Name: "stopped"}).Done(fmt.Errorf("copying: %w", context.Canceled))
		r.Vertex(Vertex{Name: "running"}).Start()
		r.Vertex(Vertex{Name: "waiting"})
	})
	for _, want := range []string{"failing\n# ERROR: no such file\n", "stopped\n# CANCELED\n", "running\n# CANCELED\n"} {
		if !strings.Contains(numbers.ReplaceAllString(got, "#"), want) {
			t.Errorf("%q is missing in\n%s", want, got)
		}
	}
	if strings.Contains(got, "waiting") {
		t.Errorf("a step that never started is shown:\n%s", got)
	}
}

// If this failed, Ctrl-C would cut the display off before its last words.
func TestCancelledContext(t *testing.T) {
	var out bytes.Buffer
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r, err := Display(ctx, &out, Plain)
	if err != nil {
		t.Fatal(err)
	}
	r.Vertex(Vertex{Name: "x"}).Done(ctx.Err())
	r.Close()
	if !strings.Contains(out.String(), "CANCELED") {
		t.Errorf("got %q", out.String())
	}
}

// If this failed, the same step of two platforms would be shown twice, or
// steps would change after their end.
func TestIdempotent(t *testing.T) {
	got := show(t, RawJSON, func(r *Recorder) {
		a := r.Vertex(Vertex{ID: "a", Name: "first"})
		if b := r.Vertex(Vertex{ID: "a", Name: "second"}); a != b {
			t.Error("one ID, two tasks")
		}
		a.Start()
		a.Start()
		a.Done(nil)
		a.Done(errors.New("late"))
		a.Cached()
		r.Close()
		a.Log(Stdout, []byte("after the end"))
		a.Status("after", "").Done()
	})
	if n := strings.Count(got, `"name":"first"`); n != 3 { // known, started, done
		t.Errorf("the step was printed %d times:\n%s", n, got)
	}
	for _, no := range []string{"second", "late", "cached", "after"} {
		if strings.Contains(got, no) {
			t.Errorf("%q is printed:\n%s", no, got)
		}
	}
}

// If this failed, code that reports would have to ask whether anybody listens.
func TestNilIsSilent(t *testing.T) {
	var r *Recorder
	task := r.Vertex(Vertex{Name: "x"})
	task.Start()
	task.Log(Stdout, []byte("x"))
	task.Warn(Warning{})
	c := task.Status("x", "")
	c.Set(1, 2)
	c.Add(1)
	c.Done()
	task.Cached()
	task.Done(nil)
	r.Close()
}

// If this failed, -q would print more than warnings, or hide them, and the wrong
// mode would not be told.
func TestModes(t *testing.T) {
	if got := show(t, Quiet, aBuild); !strings.HasPrefix(got, "\n1 warning:\n") || strings.Contains(got, "#1") {
		t.Errorf("quiet prints %q", got)
	}
	for _, mode := range []Mode{"fancy", TTY} {
		if _, err := Display(t.Context(), io.Discard, mode); err == nil {
			t.Errorf("mode %s works on a buffer", mode)
		}
	}
}

// If this failed (under the race detector), reporting from several goroutines
// would not be safe.
func TestConcurrent(t *testing.T) {
	r, err := Display(t.Context(), io.Discard, RawJSON)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			task := r.Vertex(Vertex{Name: fmt.Sprint(i % 4)})
			c := task.Status("c", "")
			for range 1000 {
				c.Add(1)
			}
			task.Log(Stdout, []byte("x\n"))
			c.Done()
			task.Done(nil)
		})
	}
	wg.Wait()
	r.Close()
}

// If this failed, warnings and errors would show the wrong lines.
func TestExcerpt(t *testing.T) {
	text := []byte("one\r\ntwo\r\nthree\nfour\nfive\nsix\n")
	for name, tt := range map[string]struct {
		lines []Lines
		want  string
	}{
		"middle": {[]Lines{{3, 4}}, "f:3\n--\n   1 |     one\n   2 |     two\n   3 | >>> three\n   4 | >>> four\n   5 |     five\n   6 |     six\n--\n"},
		"first":  {[]Lines{{1, 1}}, "f:1\n--\n   1 | >>> one\n   2 |     two\n   3 |     three\n--\n"},
		"two":    {[]Lines{{5, 5}, {3, 0}}, "f:3\n--\n   1 |     one\n   2 |     two\n   3 | >>> three\n   4 |     four\n   5 | >>> five\n   6 |     six\n--\n"},
		"beyond": {[]Lines{{6, 99}}, "f:6\n--\n   4 |     four\n   5 |     five\n   6 | >>> six\n--\n"},
		"none":   {nil, ""},
		"past":   {[]Lines{{9, 9}}, ""},
		"zero":   {[]Lines{{0, 0}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := strings.ReplaceAll(Excerpt("f", text, tt.lines), strings.Repeat("-", 20), "--")
			if got != tt.want {
				t.Errorf("got\n%s\nwant\n%s", got, tt.want)
			}
		})
	}
}

// BenchmarkAdd shows what a report costs in a copy loop.
func BenchmarkAdd(b *testing.B) {
	r, err := Display(b.Context(), io.Discard, RawJSON)
	if err != nil {
		b.Fatal(err)
	}
	defer r.Close()
	c := r.Vertex(Vertex{Name: "x"}).Status("x", "")
	for b.Loop() {
		c.Add(1)
	}
}
