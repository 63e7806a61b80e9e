package tree

import (
	"slices"
	"strings"
)

// EnvChange is a variable that a step has set for the whole machine (setx /M on
// Windows). Such variables become the image's environment.
type EnvChange struct {
	Name  string
	Value string
	// Unset says that the variable was removed.
	Unset bool
	// User says that it is the account's own and not the machine's.
	User bool `json:",omitempty"`
	// Over is the value that the step's own environment had; nil if it had
	// none. It tells a variable that the Dockerfile sets later from one that
	// was there before.
	Over *string
}

// Environment returns the variables of env (NAME=value) with those that steps of
// the chain have set for the machine: a step wins over what was set before it,
// and what env sets after the step, in the order of the Dockerfile, wins over
// the step. env itself is not changed.
func (c Chain) Environment(env []string) []string {
	changed := false
	out := env
	for _, l := range c.layers {
		for _, ch := range l.Env {
			i := c.variable(env, ch.Name)
			if i >= 0 && (ch.Over == nil || valueOf(env[i]) != *ch.Over) {
				continue // set after the step
			}
			if !changed {
				out, changed = slices.Clone(env), true
			}
			out = c.apply(out, ch)
		}
	}
	return out
}

func (c Chain) apply(env []string, ch EnvChange) []string {
	i := c.variable(env, ch.Name)
	switch {
	case ch.Unset && i >= 0:
		return slices.Delete(env, i, i+1)
	case ch.Unset:
		return env
	case i >= 0:
		name, _, _ := strings.Cut(env[i], "=")
		env[i] = name + "=" + ch.Value
		return env
	}
	return append(env, ch.Name+"="+ch.Value)
}

// variable returns the position of a variable in env, -1 if it is not there.
func (c Chain) variable(env []string, name string) int {
	return slices.IndexFunc(env, func(kv string) bool {
		n, _, _ := strings.Cut(kv, "=")
		return n == name || c.Folds() && Fold(n) == Fold(name)
	})
}

// Variable returns the value that env (NAME=value) has for a name, by the rules
// of the chain's system.
func (c Chain) Variable(env []string, name string) (value string, ok bool) {
	if i := c.variable(env, name); i >= 0 {
		return valueOf(env[i]), true
	}
	return "", false
}

func valueOf(kv string) string {
	_, v, _ := strings.Cut(kv, "=")
	return v
}
