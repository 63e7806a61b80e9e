package llb

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// WriteText writes the graph for people and for golden files: one line per
// vertex with its inputs ("#2.1" is output 1 of vertex 2), and one indented
// line per action or mount. What is at its default is left out, and so are
// digests and places. The form may change from version to version.
func (g *Graph) WriteText(w io.Writer) error {
	t := texter{number: make(map[*Vertex]int, len(g.order))}
	for i, v := range g.order {
		t.number[v] = i + 1
		t.vertex(v)
	}
	fmt.Fprintf(&t.b, "result %s\n", t.input(g.Root))
	_, err := io.WriteString(w, t.b.String())
	return err
}

type texter struct {
	b      strings.Builder
	number map[*Vertex]int
}

func (t *texter) input(in Input) string {
	switch {
	case in.Vertex == nil:
		return "scratch"
	case in.Output == 0:
		return fmt.Sprintf("#%d", t.number[in.Vertex])
	}
	return fmt.Sprintf("#%d.%d", t.number[in.Vertex], in.Output)
}

// ref names an index of an operation: an input, an earlier action or scratch.
func (t *texter) ref(v *Vertex, i int) string {
	switch {
	case i == Scratch:
		return "scratch"
	case i < len(v.Inputs):
		return t.input(v.Inputs[i])
	}
	return fmt.Sprintf("action%d", i-len(v.Inputs))
}

func (t *texter) vertex(v *Vertex) {
	fmt.Fprintf(&t.b, "#%d ", t.number[v])
	switch o := v.Op.(type) {
	case *Source:
		fmt.Fprintf(&t.b, "source %s", o.Identifier)
		if p := o.Platform; p != nil {
			fmt.Fprintf(&t.b, " [%s]", platformText(p.OS, p.OSVersion, p.Architecture, p.Variant))
		}
		for _, k := range slices.Sorted(maps.Keys(o.Attrs)) {
			fmt.Fprintf(&t.b, " %s=%q", k, o.Attrs[k])
		}
		t.b.WriteByte('\n')
	case *File:
		fmt.Fprintf(&t.b, "file\n")
		for _, a := range o.Actions {
			t.action(v, a)
		}
	case *Exec:
		t.exec(v, o)
	case *Merge:
		fmt.Fprintf(&t.b, "merge")
		for _, i := range o.Inputs {
			fmt.Fprintf(&t.b, " %s", t.ref(v, i))
		}
		t.b.WriteByte('\n')
	case *Diff:
		fmt.Fprintf(&t.b, "diff %s %s\n", t.ref(v, o.Lower), t.ref(v, o.Upper))
	}
}

func (t *texter) action(v *Vertex, a Action) {
	fmt.Fprintf(&t.b, "    on %s ", t.ref(v, a.Input))
	switch d := a.Do.(type) {
	case *Copy:
		fmt.Fprintf(&t.b, "copy %s:%q to %q%s%s", t.ref(v, a.SecondaryInput), d.Src, d.Dest,
			modeText(d.Mode, d.ModeStr), t.owner(v, d.Owner))
		t.flags(map[string]bool{
			"follow": d.FollowSymlink, "contents": d.DirCopyContents, "unpack": d.Unpack,
			"parents": d.CreateDestPath, "wildcard": d.AllowWildcard,
			"empty": d.AllowEmptyWildcard, "replace": d.ReplaceExisting,
		})
		t.lists("include", d.IncludePatterns, "exclude", d.ExcludePatterns, "required", d.RequiredPaths)
		t.time(d.Timestamp)
	case *Mkfile:
		fmt.Fprintf(&t.b, "mkfile %q%s%s data=%q", d.Path, modeText(d.Mode, ""), t.owner(v, d.Owner), d.Data)
		t.time(d.Timestamp)
	case *Mkdir:
		fmt.Fprintf(&t.b, "mkdir %q%s%s", d.Path, modeText(d.Mode, ""), t.owner(v, d.Owner))
		t.flags(map[string]bool{"parents": d.MakeParents})
		t.time(d.Timestamp)
	case *Remove:
		fmt.Fprintf(&t.b, "remove %q", d.Path)
		t.flags(map[string]bool{"missing": d.AllowNotFound, "wildcard": d.AllowWildcard})
	case *Link:
		fmt.Fprintf(&t.b, "link %q -> %q%s", d.Path, d.Target, t.owner(v, d.Owner))
		t.time(d.Timestamp)
	}
	if a.Output > 0 {
		fmt.Fprintf(&t.b, " => %d", a.Output)
	}
	t.b.WriteByte('\n')
}

func (t *texter) exec(v *Vertex, e *Exec) {
	fmt.Fprintf(&t.b, "exec %q", e.Args)
	if p := e.Platform; p != nil {
		fmt.Fprintf(&t.b, " [%s]", platformText(p.OS, p.OSVersion, p.Architecture, p.Variant))
	}
	if e.Cwd != "" {
		fmt.Fprintf(&t.b, " cwd=%s", e.Cwd)
	}
	if e.User != "" {
		fmt.Fprintf(&t.b, " user=%s", e.User)
	}
	t.lists("env", e.Env)
	t.flags(map[string]bool{
		"network-host": e.Network == NetworkHost, "network-none": e.Network == NetworkNone, "insecure": e.Insecure,
	})
	for _, s := range e.SecretEnv {
		fmt.Fprintf(&t.b, " secret-env=%s:%s", s.Name, s.ID)
		t.flags(map[string]bool{"optional": s.Optional})
	}
	t.b.WriteByte('\n')
	for _, m := range e.Mounts {
		kind := [...]string{"bind", "secret", "ssh", "cache", "tmpfs"}[m.Kind]
		fmt.Fprintf(&t.b, "    mount %s %s at %q", kind, t.ref(v, m.Input), m.Dest)
		if m.Selector != "" {
			fmt.Fprintf(&t.b, " selector=%s", m.Selector)
		}
		if m.Cache != nil {
			fmt.Fprintf(&t.b, " id=%s", m.Cache.ID)
			t.flags(map[string]bool{"private": m.Cache.Sharing == Private, "locked": m.Cache.Sharing == Locked})
		}
		if m.Secret != nil {
			fmt.Fprintf(&t.b, " id=%s mode=%o", m.Secret.ID, m.Secret.Mode)
			t.flags(map[string]bool{"optional": m.Secret.Optional})
		}
		t.flags(map[string]bool{"readonly": m.ReadOnly, "discard": m.Output == Discard})
		t.b.WriteByte('\n')
	}
}

// flags writes the names of what is set, sorted.
func (t *texter) flags(set map[string]bool) {
	for _, k := range slices.Sorted(maps.Keys(set)) {
		if set[k] {
			t.b.WriteString(" " + k)
		}
	}
}

// lists writes pairs of a name and a list.
func (t *texter) lists(pairs ...any) {
	for i := 0; i+1 < len(pairs); i += 2 {
		if l := pairs[i+1].([]string); len(l) > 0 {
			fmt.Fprintf(&t.b, " %s=%q", pairs[i], l)
		}
	}
}

func (t *texter) time(ns int64) {
	if ns != Keep {
		fmt.Fprintf(&t.b, " time=%d", ns)
	}
}

func (t *texter) owner(v *Vertex, o *ChownOpt) string {
	if o == nil {
		return ""
	}
	user := func(u *UserOpt) string {
		switch {
		case u == nil:
			return ""
		case u.Name != "":
			return fmt.Sprintf("%q@%s", u.Name, t.ref(v, u.Input))
		}
		return fmt.Sprint(u.ID)
	}
	return " owner=" + user(o.User) + ":" + user(o.Group)
}

func modeText(mode int, symbols string) string {
	switch {
	case symbols != "":
		return " mode=" + symbols
	case mode == Keep:
		return ""
	}
	return fmt.Sprintf(" mode=%04o", mode)
}

func platformText(os, version, arch, variant string) string {
	if version != "" {
		os += "(" + version + ")"
	}
	s := os + "/" + arch
	if variant != "" {
		s += "/" + variant
	}
	return s
}
