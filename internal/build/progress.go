package build

import (
	"bytes"
	"context"
	"errors"
	"sync"

	"github.com/casement/casement/internal/llb"
	"github.com/casement/casement/internal/progress"
	"github.com/casement/casement/internal/registry"
	"github.com/casement/casement/internal/run"
	"github.com/casement/casement/internal/solve"
	"github.com/casement/casement/internal/tree"
)

// observer shows what the solver does: it implements solve.Observer.
type observer struct {
	recorder  *progress.Recorder
	downloads *downloads
	warned    sync.Map // what was warned of
}

// Start implements solve.Observer.
func (o *observer) Start(v *llb.Vertex) func(error) {
	t := o.recorder.Vertex(vertexOf(v))
	t.Start()
	if s, ok := v.Op.(*llb.Source); ok {
		o.downloads.below(s.Identifier, t)
	}
	return t.Done
}

// Warn implements solve.Observer. The same is said once, whether it comes from the
// check and the run of a step or from several platforms.
func (o *observer) Warn(v *llb.Vertex, w run.Warning) {
	at := v.Where
	at.Line += w.Line
	short := progress.Printable(at.String() + ": " + w.Message)
	if _, again := o.warned.LoadOrStore(short, true); again {
		return
	}
	o.recorder.Vertex(vertexOf(v)).Warn(progress.Warning{Short: short, Detail: []string{progress.Printable(w.Hint)}})
}

// Command implements solve.Observer.
func (o *observer) Command(v *llb.Vertex) solve.Listener {
	t := o.recorder.Vertex(vertexOf(v))
	c := &commandBytes{task: t, counters: map[string]*progress.Counter{}}
	return solve.Listener{
		Stdout: &logWriter{task: t, stream: progress.Stdout}, Stderr: &logWriter{task: t, stream: progress.Stderr},
		Progress: c.progress, Cached: t.Cached,
	}
}

// logWriter sends what a command prints to the display, with the line ends of
// this world and not those of Windows.
type logWriter struct {
	task   *progress.Task
	stream int
	cr     bool // a carriage return waits for what follows
}

// Write implements io.Writer.
func (w *logWriter) Write(b []byte) (int, error) {
	n := len(b)
	if w.cr {
		b = append([]byte{'\r'}, b...)
	}
	w.cr = len(b) > 0 && b[len(b)-1] == '\r'
	if w.cr {
		b = b[:len(b)-1]
	}
	w.task.Log(w.stream, bytes.ReplaceAll(b, []byte("\r\n"), []byte("\n")))
	return n, nil
}

// commandBytes shows the bytes that one command moves.
type commandBytes struct {
	task     *progress.Task
	mu       sync.Mutex
	counters map[string]*progress.Counter
}

func (c *commandBytes) progress(what string, done, total int64) {
	c.mu.Lock()
	n := c.counters[what]
	if n == nil {
		n = c.task.Status(what, progress.Printable(what))
		c.counters[what] = n
	}
	c.mu.Unlock()
	n.Set(done, max(total, 0))
	if total > 0 && done >= total {
		n.Done()
	}
}

// downloads shows the bytes of http sources below the steps that want them.
type downloads struct {
	mu       sync.Mutex
	tasks    map[string]*progress.Task // by URL
	counters map[string]*progress.Counter
}

func newDownloads() *downloads {
	return &downloads{tasks: map[string]*progress.Task{}, counters: map[string]*progress.Counter{}}
}

// below says which step wants a URL.
func (d *downloads) below(url string, t *progress.Task) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.tasks[url] = t
	delete(d.counters, url)
}

// progress is for source.HTTPOptions.
func (d *downloads) progress(url string, done, total int64) {
	d.mu.Lock()
	c := d.counters[url]
	if t := d.tasks[url]; c == nil && t != nil {
		c = t.Status("downloading", "downloading")
		d.counters[url] = c
	}
	d.mu.Unlock()
	c.Set(done, max(total, 0))
	if done == total {
		c.Done()
	}
}

// announce tells the display of all steps before the first begins.
func announce(r *progress.Recorder, g *llb.Graph) {
	for v := range g.Vertices() {
		if v.Name != "" {
			r.Vertex(vertexOf(v))
		}
	}
}

func vertexOf(v *llb.Vertex) progress.Vertex {
	out := progress.Vertex{ID: v.Digest, Name: v.Name}
	if out.Name == "" {
		if s, ok := v.Op.(*llb.Source); ok {
			out.Name = s.Identifier
		}
	}
	out.Name = progress.Printable(out.Name)
	if g := v.Group; g != nil {
		out.Group = &progress.Group{ID: g.ID, Name: g.Name, Weak: g.Weak}
	}
	for _, in := range v.Inputs {
		out.Inputs = append(out.Inputs, in.Vertex.Digest)
	}
	return out
}

// Transfers shows bytes that a registry client moves below the step that moves
// them. The zero value shows nothing until a step begins.
type Transfers struct {
	mu       sync.Mutex
	task     *progress.Task
	counters map[string]*progress.Counter
	open     []*progress.Task // of base images that are being read
}

// Observe is for registry.Options.
func (t *Transfers) Observe(tr registry.Transfer) {
	c := t.counter(tr)
	if c == nil {
		return
	}
	if tr.Op == registry.Push || tr.Op == registry.Pull {
		c.Set(tr.Done, tr.Total)
	}
	if tr.State == registry.Done {
		c.Done()
	}
}

func (t *Transfers) counter(tr registry.Transfer) *progress.Counter {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.task == nil || tr.Op == registry.Exists {
		return nil
	}
	verb := map[registry.Op]string{registry.Push: "pushing", registry.Pull: "downloading", registry.Mount: "mounting"}[tr.Op]
	id := verb + " " + short(tr.Descriptor.Digest.String())
	if c := t.counters[id]; c != nil {
		return c
	}
	c := t.task.Status(id, id)
	t.counters[id] = c
	return c
}

// below sends what is moved from now on to a step.
func (t *Transfers) below(task *progress.Task) {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.task, t.counters = task, map[string]*progress.Counter{}
}

// unsealing returns a function that shows how much of a base image's layers is
// read. The step appears with the first byte.
func (t *Transfers) unsealing(r *progress.Recorder, ref string) func(o tree.Origin, read, total int64) {
	var mu sync.Mutex
	counters := map[string]*progress.Counter{}
	var task *progress.Task
	return func(o tree.Origin, read, total int64) {
		mu.Lock()
		defer mu.Unlock()
		if task == nil {
			task = r.Vertex(progress.Vertex{ID: "unseal " + ref, Name: "[internal] reading layers of " + ref})
			task.Start()
			t.opened(task)
		}
		d := o.Descriptor.Digest.String()
		c := counters[d]
		if c == nil {
			c = task.Status("reading "+short(d), "reading "+short(d))
			counters[d] = c
		}
		c.Set(read, total)
		if total > 0 && read >= total {
			c.Done()
		}
	}
}

func (t *Transfers) opened(task *progress.Task) {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.open = append(t.open, task)
}

// finish ends the steps of base images that were read. Why a build failed is shown
// where it did; a command that failed says nothing of what it was reading.
func (t *Transfers) finish(err error) {
	if t == nil {
		return
	}
	_, exited := errors.AsType[*run.ExitError](err)
	switch {
	case exited || Refused(err) != nil:
		err = nil
	case err != nil:
		err = context.Canceled
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, task := range t.open {
		task.Done(err)
	}
	t.open = nil
}

// short cuts a digest for people.
func short(digest string) string {
	if len(digest) > 19 {
		return digest[:19]
	}
	return digest
}
