package solve

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/casement/casement/internal/llb"
	"github.com/casement/casement/internal/run"
	"github.com/casement/casement/internal/tree"
)

func (s *Solver) runner() run.Runner {
	if s.Runner == nil {
		return run.Router{}
	}
	return s.Runner
}

// checkExec refuses a command that no runner can do.
func (s *Solver) checkExec(ctx context.Context, v *llb.Vertex, e *llb.Exec, os string) error {
	step := s.stepToCheck(v, e, os)
	if s.Observer != nil {
		step.Warn = func(w run.Warning) { s.Observer.Warn(v, w) }
	}
	return s.checkStep(ctx, e, step)
}

// CheckCommand returns the step that a vertex with a command is, and the refusal
// if no runner can do it. warn hears what is likely not meant as it is written.
// Trees are not known yet, so the step has none.
func (s *Solver) CheckCommand(ctx context.Context, v *llb.Vertex, os string, warn func(run.Warning)) (run.Step, error) {
	e, ok := v.Op.(*llb.Exec)
	if !ok {
		return run.Step{}, fmt.Errorf("checking %s: it is no command", v.Name)
	}
	step := s.stepToCheck(v, e, os)
	step.Warn = warn
	return step, s.checkStep(ctx, e, step)
}

// stepToCheck is the step of a command before anything is evaluated.
func (s *Solver) stepToCheck(v *llb.Vertex, e *llb.Exec, os string) run.Step {
	step := stepOf(v, e, make([]tree.Chain, len(v.Inputs)))
	step.RootUnknown = true
	if step.Root.OS == "" {
		step.Root.OS = os
	}
	return step
}

func (s *Solver) checkStep(ctx context.Context, e *llb.Exec, step run.Step) error {
	if c, ok := s.runner().(run.Checker); ok {
		if err := c.Check(ctx, step); err != nil {
			return err
		}
	}
	if what, why := unsupported(e); what != "" {
		return &run.RefusedError{Where: step.Where, Construct: what, Reason: why, Way: "leave it out"}
	}
	return nil
}

// unsupported names what a command asks for and a [run.Step] cannot say. It
// would be lost on the way to the runner.
func unsupported(e *llb.Exec) (what, why string) {
	const noWay = "casement has no way to hand it to a command yet"
	switch {
	case e.Insecure:
		return "RUN --security=insecure", "commands get no more rights than others"
	case slices.ContainsFunc(e.Devices, func(d llb.Device) bool { return !d.Optional }):
		return "RUN --device", noWay
	case len(e.ExtraHosts) > 0:
		return "--add-host", noWay
	case len(e.Ulimits) > 0:
		return "--ulimit", noWay
	case e.CgroupParent != "":
		return "--cgroup-parent", noWay
	case slices.ContainsFunc(e.ValidExitCodes, func(code int) bool { return code != 0 }):
		return "exit codes other than 0 as success", noWay
	}
	for _, m := range e.Mounts {
		if m.Dest == "/" && tree.Clean(m.Selector) != "" {
			return "a root that is the directory " + m.Selector + " of a tree", noWay
		}
	}
	return "", ""
}

// checkResult refuses an input that is what a command leaves in a mount other
// than its root, since runners return the changes to the root only.
func checkResult(in llb.Input, user *llb.Vertex) error {
	e, ok := in.Vertex.Op.(*llb.Exec)
	if !ok {
		return nil
	}
	for _, m := range e.Mounts {
		if m.Output == in.Output && m.Dest != "/" && !m.ReadOnly {
			return &run.RefusedError{
				Where: whereOf(user), Construct: "the content of the mount " + m.Dest + " after a command",
				Reason: "only changes to the root of a command can be used", Way: "write to the root, and copy from there",
			}
		}
	}
	return nil
}

// exec hands a command to the runner.
func (s *Solver) exec(ctx context.Context, v *llb.Vertex, op *llb.Exec, inputs []tree.Chain) ([]tree.Chain, error) {
	step := stepOf(v, op, inputs)
	cached := func() {}
	if s.Observer != nil {
		l := s.Observer.Command(v)
		step.Stdout, step.Stderr, step.Progress = l.Stdout, l.Stderr, l.Progress
		step.Warn = func(w run.Warning) { s.Observer.Warn(v, w) }
		cached = l.Cached
	}
	res, err := s.runner().Run(ctx, step)
	if err != nil {
		return nil, err
	}
	if res.Cached {
		cached()
	}
	if res.Layer == nil || res.Layer.Changes == nil {
		return nil, errors.New("running the command: the runner returned no layer")
	}
	outputs := map[int]tree.Chain{}
	for _, m := range op.Mounts {
		switch {
		case m.Output == llb.Discard:
		case m.Dest == "/":
			l := *res.Layer
			l.Label, l.Where = StepName(v.Name), v.Where.String()
			l.Env = over(l.Env, step.Root, op.Env)
			outputs[m.Output] = step.Root.Push(&l)
		default:
			outputs[m.Output] = at(inputs, m.Input)
		}
	}
	chains := make([]tree.Chain, len(outputs))
	for i, c := range outputs {
		chains[i] = c
	}
	return chains, nil
}

// over notes with each variable that a command has set what the Dockerfile says
// of it at this point.
func over(changes []tree.EnvChange, root tree.Chain, env []string) []tree.EnvChange {
	out := slices.Clone(changes)
	for i := range out {
		out[i].Over = nil
		if value, ok := root.Variable(env, out[i].Name); ok {
			out[i].Over = &value
		}
	}
	return out
}

// stepOf translates a command for the runner.
func stepOf(v *llb.Vertex, op *llb.Exec, inputs []tree.Chain) run.Step {
	step := run.Step{
		Args: slices.Clone(op.Args), Env: environment(op), Dir: tree.Clean(op.Cwd), User: op.User,
		Network: networkName(op.Network), Where: whereOf(v), NoCache: v.IgnoreCache,
	}
	for _, x := range op.SecretEnv {
		step.SecretEnv = append(step.SecretEnv, run.SecretEnv{ID: x.ID, Name: x.Name, Optional: x.Optional})
	}
	for _, m := range op.Mounts {
		if m.Dest == "/" {
			step.Root = at(inputs, m.Input)
		} else {
			step.Mounts = append(step.Mounts, mountOf(m, inputs))
		}
	}
	if p := op.Platform; p != nil && step.Root.OS == "" {
		step.Root.OS, step.Root.Platform = p.OS, *p
	}
	step.Env = step.Root.Environment(step.Env)
	return step
}

// environment returns the variables with those of the proxies, in the two
// spellings that programs look for.
func environment(op *llb.Exec) []string {
	env := slices.Clone(op.Env)
	if op.Proxy == nil {
		return env
	}
	for _, x := range []struct{ name, value string }{
		{"http_proxy", op.Proxy.HTTP}, {"https_proxy", op.Proxy.HTTPS}, {"ftp_proxy", op.Proxy.FTP},
		{"no_proxy", op.Proxy.No}, {"all_proxy", op.Proxy.All},
	} {
		if x.value != "" {
			env = append(env, strings.ToUpper(x.name)+"="+x.value, x.name+"="+x.value)
		}
	}
	return env
}

func networkName(n llb.Network) string {
	switch n {
	case llb.NetworkHost:
		return "host"
	case llb.NetworkNone:
		return "none"
	}
	return "default"
}

func whereOf(v *llb.Vertex) run.Where {
	return run.Where{File: v.Where.File, Line: v.Where.Line, Text: v.Where.Text}
}

func mountOf(m llb.Mount, inputs []tree.Chain) run.Mount {
	out := run.Mount{
		Type: mountType(m.Kind), Target: mountTarget(m.Dest), Source: at(inputs, m.Input),
		Selector: mountTarget(m.Selector), ReadOnly: m.ReadOnly, Size: m.TmpfsSize,
	}
	if m.Cache != nil {
		out.ID, out.Sharing = m.Cache.ID, [...]string{llb.Shared: "shared", llb.Private: "private", llb.Locked: "locked"}[m.Cache.Sharing]
	}
	if m.Secret != nil {
		out.ID, out.Optional = m.Secret.ID, m.Secret.Optional
	}
	return out
}

// mountTarget returns where a mount appears. The frontend takes a target with a
// drive letter, or with a backslash in front, for a relative one and joins it to
// the working directory ("/app/C:/cache"); what counts is what comes behind the
// drive.
func mountTarget(dest string) string {
	if i := strings.LastIndex(dest, `/\`); i >= 0 {
		dest = dest[i+1:]
	}
	dest = strings.ReplaceAll(dest, `\`, "/")
	for i := len(dest) - 1; i > 0; i-- {
		letter := dest[i-1] | 0x20
		if dest[i] == ':' && letter == 'c' && (i == 1 || dest[i-2] == '/') {
			return tree.Clean(dest[i+1:])
		}
	}
	return tree.Clean(dest)
}

func mountType(k llb.MountKind) string {
	switch k {
	case llb.MountBind:
		return "bind"
	case llb.MountSecret:
		return "secret"
	case llb.MountSSH:
		return "ssh"
	case llb.MountCache:
		return "cache"
	case llb.MountTmpfs:
		return "tmpfs"
	}
	return fmt.Sprintf("mount of kind %d", k)
}
