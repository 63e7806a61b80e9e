package winsh

import (
	"context"
	"maps"
	"slices"

	"github.com/casement/casement/internal/run"
	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/tree"
)

// Run implements [run.Runner]. A step whose result is in the store is not
// executed again.
func (r *Runner) Run(ctx context.Context, s run.Step) (run.Result, error) {
	if s.Root.OS != "windows" {
		return run.Result{}, run.Unrouted(s)
	}
	if err := fits(s); err != nil {
		return run.Result{}, err
	}
	key, err := r.key(ctx, s)
	if err != nil {
		return run.Result{}, err
	}
	if l := r.known(key, s); l != nil {
		warnOfDeltas(s, l.Hives)
		return run.Result{Layer: l, Cached: true}, nil
	}
	if r.opts.Store == nil {
		l, err := r.layer(ctx, s, machine.MemorySpool{})
		return run.Result{Layer: l}, err
	}
	spool, err := machine.NewSpool(ctx, r.opts.Store)
	if err != nil {
		return run.Result{}, err
	}
	defer spool.Close()
	l, err := r.layer(ctx, s, spool)
	if err != nil {
		return run.Result{}, err
	}
	return r.keep(ctx, key, l, spool)
}

// key names the result of a step.
func (r *Runner) key(ctx context.Context, s run.Step) (string, error) {
	k, err := run.Key(ctx, s)
	return interpreter + " " + r.opts.Version + " " + r.opts.Registry.String() + " " + k, err
}

// known returns the layer that the step gave before; nil if it is not known.
func (r *Runner) known(key string, s run.Step) *tree.Layer {
	if r.opts.Store == nil || r.opts.NoCache || s.NoCache {
		return nil
	}
	rec := get(r.opts.Store, stepRecord, key)
	if rec == nil {
		return nil
	}
	changes, err := rec.changes(r.opts.Store)
	if err != nil {
		return nil
	}
	return &tree.Layer{Changes: tree.NewSet(changes), Key: rec.Key, Env: rec.Env, Hives: rec.Hives}
}

// layer executes the step. A layer that stays in the spool is not for others.
func (r *Runner) layer(ctx context.Context, s run.Step, spool machine.Spool) (*tree.Layer, error) {
	out, err := r.execute(ctx, s, spool, r.opts.Registry.kept)
	if err != nil {
		return nil, err
	}
	if out.ExitCode != 0 {
		err := &run.ExitError{Code: out.ExitCode}
		if out.Denied && !out.Account.Admin {
			err.Advice = "it ran as " + out.Account.Name + "; write USER ContainerAdministrator before it"
		}
		return nil, err
	}
	warnOfDeltas(s, out.Result.Hives)
	return &tree.Layer{Changes: tree.NewSet(out.Result.Changes), Env: envChanges(out.Result), Hives: out.Result.Hives}, nil
}

// warnOfDeltas says that a layer has delta hives, whether or not the step was
// executed in this build.
func warnOfDeltas(s run.Step, hives map[string][]byte) {
	if len(hives) > 0 && s.Warn != nil {
		s.Warn(run.Warning{
			Message: "changes of the registry are in the layer as delta hives, which is experimental",
			Hint:    "try the image on each release of Windows that it is meant for, and see that they are there",
		})
	}
}

// envChanges returns what the step has set for the machine, by name.
func envChanges(r *machine.Result) []tree.EnvChange {
	var out []tree.EnvChange
	for _, name := range slices.Sorted(maps.Keys(r.Env)) {
		c := tree.EnvChange{Name: name, User: r.UserEnv[name]}
		if v := r.Env[name]; v != nil {
			c.Value = *v
		} else {
			c.Unset = true
		}
		out = append(out, c)
	}
	return out
}

// keep makes the layer last, and its result known. What names the layer is what
// it does and not the step: a step that is done again, because the network may
// have something else by now, must not lend later steps the results that they had
// upon its first layer.
func (r *Runner) keep(ctx context.Context, key string, l *tree.Layer, spool *machine.StoreSpool) (run.Result, error) {
	var changes []tree.Change
	for c, err := range l.Changes.All(ctx) {
		if err != nil {
			return run.Result{}, err
		}
		changes = append(changes, c)
	}
	changes, err := spool.Keep(ctx, changes)
	if err != nil {
		return run.Result{}, err
	}
	rec, err := save(changes)
	if err != nil {
		return run.Result{}, err
	}
	kept := &tree.Layer{Changes: tree.NewSet(changes), Env: l.Env, Hives: l.Hives}
	if kept.Key, err = run.LayerKey(ctx, kept); err != nil {
		return run.Result{}, err
	}
	rec.Key, rec.Env, rec.Hives = kept.Key, l.Env, l.Hives
	if err := rec.put(ctx, r.opts.Store, stepRecord, key); err != nil {
		return run.Result{}, err
	}
	return run.Result{Layer: kept}, nil
}
