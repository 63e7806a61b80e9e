package winsh

import (
	"fmt"
	"slices"
	"strings"

	"github.com/casement/casement/internal/run/winsh/machine"
)

// RegistryMode says what becomes of changes to the registry that are not
// variables of the machine: those become the image's environment always.
type RegistryMode string

// The modes.
const (
	// RegistryConfig refuses changes that the image would lose. It is the
	// default.
	RegistryConfig RegistryMode = "config"
	// RegistryDelta writes them into the layer as delta hives, which is
	// experimental: nobody has proved on every Windows that it takes them.
	RegistryDelta RegistryMode = "delta"
	// RegistryDrop forgets the changes of the keys that are named.
	RegistryDrop RegistryMode = "drop"
)

// RegistryPolicy says what becomes of changes to the registry. The zero value
// is RegistryConfig.
type RegistryPolicy struct {
	Mode RegistryMode
	// Drop are the keys, each with all below it, whose changes may be lost
	// (RegistryDrop): "HKLM\SOFTWARE\Vendor".
	Drop []string
}

// ParseRegistryPolicy reads a value of --registry: "config", "delta", or
// "drop=KEY[,KEY…]".
func ParseRegistryPolicy(s string) (RegistryPolicy, error) {
	mode, keys, _ := strings.Cut(s, "=")
	switch RegistryMode(mode) {
	case "", RegistryConfig, RegistryDelta:
		if keys != "" {
			return RegistryPolicy{}, fmt.Errorf("registry %s takes no keys", mode)
		}
		return RegistryPolicy{Mode: RegistryMode(mode)}, nil
	case RegistryDrop:
		p := RegistryPolicy{Mode: RegistryDrop}
		for _, k := range strings.Split(keys, ",") {
			if k = canonicalKey(k); k == "" {
				continue
			}
			if root, _, _ := strings.Cut(k, `\`); !isRoot(root) {
				return RegistryPolicy{}, fmt.Errorf("registry drop=%s: a key begins with HKLM, HKCU, HKCR, HKU or HKCC", k)
			}
			p.Drop = append(p.Drop, k)
		}
		if len(p.Drop) == 0 {
			return RegistryPolicy{}, fmt.Errorf("registry drop names no keys")
		}
		return p, nil
	}
	return RegistryPolicy{}, fmt.Errorf("registry %q is not known", s)
}

// String is the policy as ParseRegistryPolicy reads it.
func (p RegistryPolicy) String() string {
	if p.Mode == RegistryDrop {
		return "drop=" + strings.Join(p.Drop, ",")
	}
	if p.Mode == "" {
		return string(RegistryConfig)
	}
	return string(p.Mode)
}

// LostError says that a step changed the registry in ways that the image would
// lose.
type LostError struct {
	// Keys are the keys, each once, in order.
	Keys []string
}

// mostKeys is how many keys a message names.
const mostKeys = 5

// Error names the keys.
func (e *LostError) Error() string {
	keys := e.Keys
	more := ""
	if len(keys) > mostKeys {
		more = fmt.Sprintf(" and %d more", len(keys)-mostKeys)
		keys = keys[:mostKeys]
	}
	return "the command changes the registry, and the image would lose it: " + strings.Join(keys, ", ") + more
}

// Hint says what there is to choose from.
func (e *LostError) Hint() string {
	return fmt.Sprintf("--registry='drop=%s' builds without these changes, --registry=delta writes them in an experimental form; "+
		"or make them when the container starts", strings.Join(e.cover(), ","))
}

// cover returns keys that all of the keys are below: few enough to be written, and
// as deep as can be.
func (e *LostError) cover() []string {
	depth := 0
	for _, k := range e.Keys {
		depth = max(depth, strings.Count(k, `\`)+1)
	}
	for {
		var out []string
		for _, k := range e.Keys {
			parts := strings.Split(k, `\`)
			if k = strings.Join(parts[:min(depth, len(parts))], `\`); under(k, out) {
				continue
			}
			out = append(slices.DeleteFunc(out, func(o string) bool { return under(o, []string{k}) }), k)
		}
		if depth--; len(out) <= mostKeys || depth == 0 {
			return out
		}
	}
}

// kept returns the changes that have to be in the image, and an error if the
// policy has no place for them.
func (p RegistryPolicy) kept(changes []machine.RegistryChange) ([]machine.RegistryChange, error) {
	var kept []machine.RegistryChange
	var lost []string
	for _, c := range changes {
		key := canonicalKey(c.Key)
		switch {
		case under(key, volatile()), p.Mode == RegistryDrop && under(key, p.Drop):
		case p.Mode == RegistryDelta:
			kept = append(kept, c)
		case !slices.Contains(lost, key):
			lost = append(lost, key)
		}
	}
	if len(lost) > 0 {
		slices.Sort(lost)
		return nil, &LostError{lost}
	}
	return kept, nil
}

// volatile are keys that Windows keeps in memory only: what is written there is lost
// when a container ends.
func volatile() []string { return []string{`HKCU\Volatile Environment`, `HKLM\HARDWARE`} }

// under reports whether key is one of the keys or below one.
func under(key string, keys []string) bool {
	low := strings.ToLower(key)
	return slices.ContainsFunc(keys, func(k string) bool {
		k = strings.ToLower(k)
		return low == k || strings.HasPrefix(low, k+`\`)
	})
}

// isRoot reports whether a name is the short one of a root of the registry.
func isRoot(name string) bool {
	switch name {
	case "HKLM", "HKCU", "HKCR", "HKU", "HKCC":
		return true
	}
	return false
}

// canonicalKey writes a key with the short name of its root, without a drive's
// colon and without a slash at the end.
func canonicalKey(key string) string {
	key = strings.Trim(strings.ReplaceAll(strings.TrimSpace(key), "/", `\`), `\`)
	root, rest, below := strings.Cut(key, `\`)
	root = strings.ToUpper(strings.TrimSuffix(root, ":"))
	long := map[string]string{
		"HKEY_LOCAL_MACHINE": "HKLM", "HKEY_CURRENT_USER": "HKCU", "HKEY_CLASSES_ROOT": "HKCR",
		"HKEY_USERS": "HKU", "HKEY_CURRENT_CONFIG": "HKCC",
	}
	if short, ok := long[root]; ok {
		root = short
	}
	if !below {
		return root
	}
	return root + `\` + rest
}
