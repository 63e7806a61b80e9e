package progress

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/util/progress/progressui"
)

// Mode says how progress looks.
type Mode string

// The modes, with the names that docker buildx gives them.
const (
	Auto    Mode = "auto"    // TTY on a terminal, Plain elsewhere; "" is the same
	TTY     Mode = "tty"     // redrawn in place; an error if the writer is no terminal
	Plain   Mode = "plain"   // lines for people and logs
	RawJSON Mode = "rawjson" // one JSON object a line, as BuildKit prints them
	Quiet   Mode = "quiet"   // nothing but warnings
)

// Modes returns the names of all modes.
func Modes() []string {
	return []string{string(Auto), string(Plain), string(Quiet), string(RawJSON), string(TTY)}
}

// Display starts a printer on w and returns the recorder that feeds it. The
// caller has to close the recorder. The end of ctx does not end the display:
// what was cancelled is worth showing.
func Display(ctx context.Context, w io.Writer, mode Mode) (*Recorder, error) {
	if mode == "" {
		mode = Auto
	}
	if !slices.Contains(Modes(), string(mode)) {
		return nil, fmt.Errorf("unknown progress mode %q: it is one of %s", mode, strings.Join(Modes(), ", "))
	}
	d, err := progressui.NewDisplay(w, progressui.DisplayMode(mode))
	if err != nil {
		return nil, fmt.Errorf("showing progress in mode %s: the output is not a terminal: %w", mode, err)
	}
	r := newRecorder()
	ch := make(chan *client.SolveStatus)
	go r.pump(ch)
	go func() {
		defer close(r.done)
		warnings, _ := d.UpdateFrom(context.WithoutCancel(ctx), ch)
		if mode != RawJSON {
			_ = printWarnings(w, warnings) // like the display, which has no use for the error either
		}
	}()
	return r, nil
}

// pump hands what was recorded to a printer until the recorder is closed.
func (r *Recorder) pump(ch chan<- *client.SolveStatus) {
	defer close(ch)
	tick := time.NewTicker(Interval)
	defer tick.Stop()
	for {
		counters := false
		select {
		case <-r.wake:
		case <-tick.C:
			counters = true
		case <-r.stop:
			if s := r.take(true); s != nil {
				ch <- s
			}
			return
		}
		if s := r.take(counters); s != nil {
			ch <- s
		}
	}
}

// printWarnings writes what the display only hints at: details and lines. A
// warning that several steps gave is printed once.
func printWarnings(w io.Writer, warnings []client.VertexWarning) error {
	var b strings.Builder
	seen := make(map[string]bool)
	n := 0
	for _, x := range warnings {
		text := warningText(x)
		if seen[text] {
			continue
		}
		seen[text] = true
		n++
		b.WriteString("\n" + text)
	}
	if n == 0 {
		return nil
	}
	head := "1 warning:"
	if n > 1 {
		head = fmt.Sprintf("%d warnings:", n)
	}
	_, err := io.WriteString(w, "\n"+head+"\n"+b.String())
	return err
}

func warningText(x client.VertexWarning) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", x.Short)
	for _, d := range x.Detail {
		fmt.Fprintf(&b, "%s\n", d)
	}
	if x.URL != "" {
		fmt.Fprintf(&b, "More: %s\n", x.URL)
	}
	if x.SourceInfo != nil {
		var lines []Lines
		for _, r := range x.Range {
			lines = append(lines, Lines{int(r.GetStart().GetLine()), int(r.GetEnd().GetLine())})
		}
		b.WriteString(Excerpt(x.SourceInfo.Filename, x.SourceInfo.Data, lines))
	}
	return Printable(b.String())
}

// Excerpt returns lines of a text with two lines around them, marked and
// numbered, under the name of the file. It is empty if there is nothing to
// show.
func Excerpt(file string, text []byte, lines []Lines) string {
	all := strings.Split(string(bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n"))), "\n")
	if len(all) > 1 && all[len(all)-1] == "" {
		all = all[:len(all)-1]
	}
	first, last := 0, 0
	for _, l := range lines {
		if l.First < 1 {
			continue
		}
		if first == 0 || l.First < first {
			first = l.First
		}
		last = max(last, l.First, l.Last)
	}
	last = min(last, len(all))
	if first == 0 || first > last {
		return ""
	}
	const around, rule = 2, "--------------------\n"
	var b strings.Builder
	fmt.Fprintf(&b, "%s:%d\n%s", file, first, rule)
	for n := max(1, first-around); n <= min(len(all), last+around); n++ {
		mark := "   "
		if slices.ContainsFunc(lines, func(l Lines) bool { return l.First <= n && n <= max(l.First, l.Last) }) {
			mark = ">>>"
		}
		fmt.Fprintf(&b, "%s\n", strings.TrimRight(fmt.Sprintf("%4d | %s %s", n, mark, all[n-1]), " "))
	}
	b.WriteString(rule)
	return b.String()
}
