package winsh

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/casement/casement/internal/run"
	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/store"
	"github.com/casement/casement/internal/tree"
	"github.com/casement/casement/internal/winmeta"
)

// checkMounts refuses mounts that a machine cannot have.
func checkMounts(s run.Step) error {
	for _, m := range s.Mounts {
		refuse := func(reason, way string) error {
			return &run.RefusedError{Where: s.Where, Construct: "RUN --mount=type=" + m.Type, Reason: reason, Way: way}
		}
		switch m.Type {
		case "bind", "cache", "secret", "tmpfs":
		case "ssh":
			return refuse("Windows steps that run in process have no ssh agent", "use a secret, or fetch the files before the build and COPY them in")
		default:
			return refuse("it is not known", "leave it out")
		}
		if m.Size > 0 {
			return refuse("the size of a tmpfs is not limited here", "leave size= out")
		}
		if m.Target == "" {
			return refuse("its target is the root of the drive", `give a directory, for example target=C:\cache`)
		}
	}
	return nil
}

// mounted are the mounts of one step.
type mounted struct {
	list   []machine.Mount
	undo   []func()                          // gives up locks
	saving []func(ctx context.Context) error // keeps what cache mounts hold
}

// save keeps what the step has left in cache mounts, once it is known.
func (m *mounted) save(ctx context.Context) error {
	for _, f := range m.saving {
		if err := f(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (m *mounted) close() {
	for _, f := range m.undo {
		f()
	}
}

// mounts returns the step's mounts. The caller closes them.
func (r *Runner) mounts(ctx context.Context, s run.Step) (*mounted, error) {
	all := &mounted{}
	if err := r.lockCaches(ctx, s, all); err != nil {
		all.close()
		return nil, err
	}
	for _, m := range s.Mounts {
		out := machine.Mount{Target: winmeta.ToWindows(m.Target), ReadOnly: m.ReadOnly}
		var err error
		switch m.Type {
		case "bind":
			err = bind(ctx, m, &out)
		case "secret":
			value, ok, serr := r.secret(ctx, m.ID)
			if err = serr; err == nil && !ok {
				if m.Optional {
					continue
				}
				err = noSecret(m.ID)
			}
			out.File, out.ReadOnly = tree.Bytes(value), true
		case "cache":
			err = r.cacheMount(ctx, m, &out, all)
		}
		if err != nil {
			all.close()
			return nil, fmt.Errorf("mounting %s: %w", out.Target, err)
		}
		all.list = append(all.list, out)
	}
	return all, nil
}

// bind mounts a file or a directory of another tree.
func bind(ctx context.Context, m run.Mount, out *machine.Mount) error {
	view := m.Source.View()
	_, e, err := tree.Resolve(ctx, view, m.Selector, true)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return &missingSource{m.Selector}
	case err != nil:
		return err
	case e.Kind == tree.File:
		if out.File = e.Content; out.File == nil {
			out.File = tree.Bytes(nil)
		}
	default:
		out.Tree = tree.Sub(view, e.Name)
	}
	return nil
}

// missingSource is the error for a source of a bind mount that is not there.
type missingSource struct{ name string }

// Error names the source.
func (e *missingSource) Error() string { return "there is no /" + e.name + " in what is mounted" }

// Is reports that something does not exist.
func (e *missingSource) Is(target error) bool { return target == fs.ErrNotExist }

// Hint says where to look.
func (e *missingSource) Hint() string {
	return "source= is a path in the build context, or in the stage or image of from=; .dockerignore may leave it out"
}

// cacheMount mounts a directory that outlives builds.
func (r *Runner) cacheMount(ctx context.Context, m run.Mount, out *machine.Mount, all *mounted) error {
	if len(m.Source.Layers()) > 0 {
		out.Tree = tree.Sub(m.Source.View(), m.Selector)
	}
	if r.opts.Store == nil {
		return nil
	}
	c := cacheDir{r.opts.Store, m.ID}
	if m.Sharing == "private" {
		var err error
		if c, err = r.privateCache(ctx, m, all); err != nil {
			return err
		}
	}
	if have := c.load(); have != nil {
		out.Tree = have
	}
	if !m.ReadOnly {
		out.Save = func(_ context.Context, changes []tree.Change) error {
			all.saving = append(all.saving, func(ctx context.Context) error { return c.save(ctx, changes) })
			return nil
		}
	}
	return nil
}

// lockCaches takes the caches that one step at a time may have: each once, and in
// the order of their names, so that no two steps wait for each other.
func (r *Runner) lockCaches(ctx context.Context, s run.Step, all *mounted) error {
	var ids []string
	for _, m := range s.Mounts {
		if m.Type == "cache" && m.Sharing == "locked" && r.opts.Store != nil {
			ids = append(ids, m.ID)
		}
	}
	slices.Sort(ids)
	for _, id := range slices.Compact(ids) {
		unlock, err := r.opts.Store.Lock(ctx, cacheLock(id), true)
		if err != nil {
			return fmt.Errorf("waiting for the cache %s: %w", id, err)
		}
		all.undo = append(all.undo, unlock)
	}
	return nil
}

// privateCache takes the directory of a cache mount; the second of two writers
// gets one of its own.
func (r *Runner) privateCache(ctx context.Context, m run.Mount, all *mounted) (cacheDir, error) {
	id := m.ID
	for n := 2; ; n++ {
		unlock, err := r.opts.Store.Lock(ctx, cacheLock(id), false)
		if err == nil {
			all.undo = append(all.undo, unlock)
		}
		if !errors.Is(err, store.ErrBusy) {
			return cacheDir{r.opts.Store, id}, err
		}
		id = fmt.Sprintf("%s#%d", m.ID, n)
	}
}

// cacheLock names the lock that a cache mount is held by during a step.
func cacheLock(id string) string { return "cache mount " + id }
