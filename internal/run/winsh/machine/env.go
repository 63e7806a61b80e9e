package machine

import (
	"maps"
	"slices"
	"strings"

	"github.com/casement/casement/internal/tree"
)

// Env is an environment: names without regard to case, in the order of
// Windows (upper-cased names) when listed. The zero value is empty.
type Env struct {
	vars map[string]variable // by folded name
}

type variable struct{ name, value string }

// NewEnv makes an environment of NAME=value strings.
func NewEnv(list []string) *Env {
	e := &Env{}
	for _, v := range list {
		e.put(v)
	}
	return e
}

// put sets a variable of the form NAME=value. A name may begin with "=", as
// those of the drives' directories do.
func (e *Env) put(v string) {
	if i := strings.IndexByte(v[min(1, len(v)):], '='); i >= 0 {
		e.Set(v[:i+1], v[i+2:])
	}
}

// Get returns a variable.
func (e *Env) Get(name string) (value string, ok bool) {
	v, ok := e.vars[tree.Fold(name)]
	return v.value, ok
}

// Set sets a variable. One that is there keeps the spelling of its name.
func (e *Env) Set(name, value string) {
	key := tree.Fold(name)
	v, ok := e.vars[key]
	if !ok {
		v.name = name
	}
	if v.value = value; e.vars == nil {
		e.vars = map[string]variable{}
	}
	e.vars[key] = v
}

// Unset removes a variable.
func (e *Env) Unset(name string) { delete(e.vars, tree.Fold(name)) }

// List returns the variables as NAME=value, in the order of Windows.
func (e *Env) List() []string {
	keys := slices.Sorted(maps.Keys(e.vars))
	out := make([]string, len(keys))
	for i, k := range keys {
		out[i] = e.vars[k].name + "=" + e.vars[k].value
	}
	return out
}

// Clone returns a copy that changes on its own.
func (e *Env) Clone() *Env {
	if e == nil {
		return &Env{}
	}
	return &Env{vars: maps.Clone(e.vars)}
}

// Expand replaces %NAME% by the value, as ExpandEnvironmentStrings does: what
// is not set stays as it is.
func (e *Env) Expand(s string) string {
	if !strings.Contains(s, "%") {
		return s
	}
	var b strings.Builder
	for {
		before, rest, ok := strings.Cut(s, "%")
		b.WriteString(before)
		if !ok {
			return b.String()
		}
		name, after, closed := strings.Cut(rest, "%")
		if value, set := e.Get(name); closed && set && name != "" {
			b.WriteString(value)
			s = after
			continue
		}
		b.WriteByte('%')
		s = rest
	}
}
