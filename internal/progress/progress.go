// Package progress says what is happening, as facts, and shows it.
//
// A [Recorder] takes the facts of one build: a step exists, it starts, so many
// bytes of it are done, it has logged a line, it ends. [Display] makes a
// recorder and a printer for it; the printers are BuildKit's, so a terminal
// shows what users of docker buildx know, and the JSON lines are those that
// existing readers parse. Start with [Display], [Recorder.Vertex] and [Task].
//
// Facts go one way. The package never blocks the work that reports, never
// decides anything, and hides nothing in a context: who reports gets a
// recorder or a task as an argument. A nil [*Recorder], [*Task] or [*Counter]
// is silent, so that nobody has to ask whether somebody listens.
//
// Reporting bytes costs one atomic addition. Printers look at a counter at most
// ten times a second, and always once more when it is done.
package progress

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode"

	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/solver/pb"
	"github.com/opencontainers/go-digest"
)

// Interval is the least time between two looks at a counter.
const Interval = 100 * time.Millisecond

// Recorder takes facts. It is safe for concurrent use, and a nil Recorder is
// silent. [Display] makes one.
type Recorder struct {
	wake chan struct{} // has an element when there is something to print
	stop chan struct{} // closed by Close
	done chan struct{} // closed when everything is printed

	mu       sync.Mutex
	closed   bool
	pending  client.SolveStatus
	tasks    map[digest.Digest]*Task
	order    []*Task
	counters []*Counter // those that are not done
}

func newRecorder() *Recorder {
	return &Recorder{
		wake:  make(chan struct{}, 1),
		stop:  make(chan struct{}),
		done:  make(chan struct{}),
		tasks: make(map[digest.Digest]*Task),
	}
}

// Vertex describes a step.
type Vertex struct {
	// ID tells steps apart. A digest ("sha256:…") is shown to readers of the
	// JSON lines as it is; of other texts they see the digest. The default is
	// Name.
	ID string
	// Name says what the step does ("[2/3] COPY . /app").
	Name string
	// Inputs are the IDs of the steps that this one waits for.
	Inputs []string
	// Group joins steps that are shown as one; nil for none.
	Group *Group
}

// Group is several steps that are shown as one.
type Group struct {
	ID, Name string
	// Weak says that the step alone does not make the group visible.
	Weak bool
}

// Vertex announces a step and returns the task that reports about it. The same
// ID gives the same task. Announcing all steps before the first one starts
// makes the total that a terminal shows right.
func (r *Recorder) Vertex(v Vertex) *Task {
	if r == nil {
		return nil
	}
	if v.ID == "" {
		v.ID = v.Name
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	dgst := idDigest(v.ID)
	if t := r.tasks[dgst]; t != nil {
		return t
	}
	t := &Task{r: r, vertex: client.Vertex{Digest: dgst, Name: v.Name}}
	for _, in := range v.Inputs {
		t.vertex.Inputs = append(t.vertex.Inputs, idDigest(in))
	}
	if g := v.Group; g != nil {
		t.vertex.ProgressGroup = &pb.ProgressGroup{Id: g.ID, Name: g.Name, Weak: g.Weak}
	}
	r.tasks[dgst] = t
	r.order = append(r.order, t)
	r.put(t)
	return t
}

// idDigest is the form that printers want IDs in.
func idDigest(id string) digest.Digest {
	if d := digest.Digest(id); d.Validate() == nil {
		return d
	}
	return digest.FromString(id)
}

// put queues the state of t. The caller holds the lock.
func (r *Recorder) put(t *Task) {
	v := t.vertex
	r.pending.Vertexes = append(r.pending.Vertexes, &v)
	r.signal()
}

// signal wakes the printer. The caller holds the lock.
func (r *Recorder) signal() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// take returns what is to be printed, or nil. With counters it includes those
// that have moved.
func (r *Recorder) take(counters bool) *client.SolveStatus {
	r.mu.Lock()
	defer r.mu.Unlock()
	if counters {
		for _, c := range r.counters {
			if c.moved.Swap(false) {
				r.pending.Statuses = append(r.pending.Statuses, c.status(nil))
			}
		}
	}
	p := r.pending
	if len(p.Vertexes)+len(p.Statuses)+len(p.Logs)+len(p.Warnings) == 0 {
		return nil
	}
	r.pending = client.SolveStatus{}
	return &p
}

// Close ends the display and returns when all facts have been printed. Steps
// that have started and not ended are shown as cancelled. What is reported
// later is dropped. Close may be called more than once, and by defer.
func (r *Recorder) Close() {
	if r == nil {
		return
	}
	r.mu.Lock()
	if !r.closed {
		for _, t := range r.order {
			if t.vertex.Started != nil && t.vertex.Completed == nil {
				t.end(context.Canceled)
			}
		}
		r.closed = true
		close(r.stop)
	}
	r.mu.Unlock()
	<-r.done
}

// Task reports about one step. A nil Task is silent.
type Task struct {
	r      *Recorder
	vertex client.Vertex // guarded by r.mu
}

// locked runs f under the recorder's lock, unless nobody listens any more.
func (t *Task) locked(f func()) {
	if t == nil {
		return
	}
	t.r.mu.Lock()
	defer t.r.mu.Unlock()
	if !t.r.closed {
		f()
	}
}

// Start says that the work begins. Only the first call counts.
func (t *Task) Start() { t.locked(t.start) }

func (t *Task) start() {
	if t.vertex.Started == nil {
		now := time.Now()
		t.vertex.Started = &now
		t.r.put(t)
	}
}

// Done says that the work has ended, well if err is nil. Only the first call
// counts. An error that is a cancellation is shown as one.
func (t *Task) Done(err error) { t.locked(func() { t.end(err) }) }

func (t *Task) end(err error) {
	if t.vertex.Completed != nil {
		return
	}
	t.start()
	now := time.Now()
	t.vertex.Completed = &now
	if err != nil {
		t.vertex.Error = errorText(err)
	}
	// Counters of the step end with it, or it would look unfinished.
	for _, c := range slices.Clone(t.r.counters) {
		if c.t == t {
			c.end(now)
		}
	}
	t.r.put(t)
}

// Printable shows the characters of a text that would control a terminal:
// Dockerfiles of others can have anything in them.
func Printable(s string) string {
	controls := func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' }
	if strings.IndexFunc(s, controls) < 0 {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if controls(r) {
			b.WriteString(strings.Trim(strconv.QuoteRune(r), "'"))
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// errorText returns the text of err in the form by which printers recognise a
// cancellation.
func errorText(err error) string {
	s, canceled := Printable(err.Error()), context.Canceled.Error()
	if errors.Is(err, context.Canceled) && !strings.HasSuffix(s, canceled) {
		return s + ": " + canceled
	}
	return s
}

// Cached says that the result was known and no work was needed.
func (t *Task) Cached() {
	t.locked(func() {
		if t.vertex.Completed == nil {
			t.vertex.Cached = true
			t.end(nil)
		}
	})
}

// Status announces a part of the step that is shown below it, with what it has
// done ("sha256:… 12.3MB / 100MB", "exporting layers"), and returns its
// counter. Printers tell parts apart by id, which is also what they show; name
// is for readers of the JSON lines. There should be few parts: one a layer,
// not one a file.
func (t *Task) Status(id, name string) *Counter {
	var c *Counter
	t.locked(func() {
		t.start()
		c = &Counter{t: t, id: id, name: name, started: time.Now()}
		t.r.counters = append(t.r.counters, c)
		t.r.pending.Statuses = append(t.r.pending.Statuses, c.status(nil))
		t.r.signal()
	})
	return c
}

// Streams of [Task.Log].
const (
	Stdout = 1
	Stderr = 2
)

// Log reports output of a command. The bytes are copied.
func (t *Task) Log(stream int, data []byte) {
	if len(data) == 0 {
		return
	}
	t.locked(func() {
		t.start()
		t.r.pending.Logs = append(t.r.pending.Logs, &client.VertexLog{
			Vertex: t.vertex.Digest, Stream: stream, Data: slices.Clone(data), Timestamp: time.Now(),
		})
		t.r.signal()
	})
}

// Warning is something that the user should look at.
type Warning struct {
	// Short is one line that says what is wrong.
	Short string
	// Detail are lines that explain it.
	Detail []string
	// URL has more.
	URL string
	// File and Text are the file that the warning is about and its whole
	// text; Lines are the lines in question.
	File  string
	Text  []byte
	Lines []Lines
	// Level is BuildKit's: the lower, the more severe.
	Level int
}

// Lines is a range of lines, counted from 1, both ends included.
type Lines struct{ First, Last int }

// Warn reports a warning.
func (t *Task) Warn(w Warning) {
	t.locked(func() {
		out := &client.VertexWarning{Vertex: t.vertex.Digest, Level: w.Level, Short: []byte(w.Short), URL: w.URL}
		for _, d := range w.Detail {
			out.Detail = append(out.Detail, []byte(d))
		}
		if w.File != "" {
			out.SourceInfo = &pb.SourceInfo{Filename: w.File, Data: slices.Clone(w.Text)}
		}
		for _, l := range w.Lines {
			out.Range = append(out.Range, &pb.Range{
				Start: &pb.Position{Line: int32(l.First)}, End: &pb.Position{Line: int32(l.Last)},
			})
		}
		t.r.pending.Warnings = append(t.r.pending.Warnings, out)
		t.r.signal()
	})
}

// Counter counts what a part of a step has done, in bytes. A nil Counter is
// silent. Set and Add are cheap enough for every read of a copy loop.
type Counter struct {
	t        *Task
	id, name string
	started  time.Time

	current, total atomic.Int64
	moved          atomic.Bool
	completed      bool // guarded by t.r.mu
}

// Set says that current of total bytes are done; total is 0 while unknown.
func (c *Counter) Set(current, total int64) {
	if c == nil {
		return
	}
	c.current.Store(current)
	c.total.Store(total)
	c.touch()
}

// Add says that n more bytes are done.
func (c *Counter) Add(n int64) {
	if c == nil {
		return
	}
	c.current.Add(n)
	c.touch()
}

// touch marks the counter for the next look. Loading first keeps the cache
// line shared while several goroutines count.
func (c *Counter) touch() {
	if !c.moved.Load() {
		c.moved.Store(true)
	}
}

// Done says that the part has ended.
func (c *Counter) Done() {
	if c == nil {
		return
	}
	c.t.locked(func() { c.end(time.Now()) })
}

// end delivers the last value. The caller holds the lock.
func (c *Counter) end(now time.Time) {
	if c.completed {
		return
	}
	c.completed = true
	r := c.t.r
	r.counters = slices.DeleteFunc(r.counters, func(x *Counter) bool { return x == c })
	r.pending.Statuses = append(r.pending.Statuses, c.status(&now))
	r.signal()
}

// status is the counter as printers want it.
func (c *Counter) status(completed *time.Time) *client.VertexStatus {
	return &client.VertexStatus{
		ID: c.id, Vertex: c.t.vertex.Digest, Name: c.name,
		Current: c.current.Load(), Total: c.total.Load(),
		Timestamp: time.Now(), Started: &c.started, Completed: completed,
	}
}
