package machine

import (
	"context"
	"fmt"
	"strings"

	"github.com/casement/casement/internal/hive"
)

// deltaNames are the names that layers have for changes of the hives of the
// system, by what this package calls them.
func deltaNames() map[string]string {
	return map[string]string{
		"SYSTEM": "System", "SOFTWARE": "Software", "SAM": "Sam", "SECURITY": "Security", "DEFAULTUSER": "DefaultUser",
	}
}

// deltaHives writes changes as delta hives, by the names that layers have for
// them ("System"). The base is read for it: each key of a delta hive repeats the
// security descriptor that it has below.
func (r *Registry) deltaHives(ctx context.Context, changes []RegistryChange) (map[string][]byte, error) {
	sets := map[string]hive.Changes{}
	views := map[string]*hive.View{}
	for _, c := range changes {
		places, err := r.parseKey("write", c.Key)
		if err != nil {
			return nil, err
		}
		slot, rest := r.slotOf(places[len(places)-1])
		if slot == nil || slot.delta == "" {
			return nil, Refuse("a change of "+c.Key, "its hive belongs to a user, and layers have changes only of the hives of the system",
				"make the change below HKLM, or when the container starts")
		}
		view, err := r.open(ctx, slot, sure)
		if err != nil {
			return nil, err
		}
		name := deltaNames()[slot.delta]
		if slot.file == "SYSTEM" && len(rest) > 0 && strings.EqualFold(rest[0], "CurrentControlSet") {
			rest[0] = controlSet(view)
		}
		if sets[name], err = addChange(sets[name], rest.String(), c); err != nil {
			return nil, fmt.Errorf("changing %s: %w", c.Key, err)
		}
		views[name] = view
	}
	out := map[string][]byte{}
	for name, set := range sets {
		b, err := hive.EncodeDelta(set, views[name], hive.Options{})
		if err != nil {
			return nil, err
		}
		out[name] = b
	}
	return out, nil
}

// addChange adds one change to those of its hive.
func addChange(set hive.Changes, path string, c RegistryChange) (hive.Changes, error) {
	switch {
	case c.Type == "" && c.Name == "" && c.Delete:
		return set.DeleteKey(path)
	case c.Type == "" && c.Name == "":
		return set.CreateKey(path)
	case c.Delete:
		return set.DeleteValue(path, c.Name)
	}
	t, ok := ParseRegType(c.Type)
	if !ok {
		return set, fmt.Errorf("the type %s is not known", c.Type)
	}
	return set.SetValue(path, hive.Value{Name: c.Name, Type: uint32(t), Data: c.Data})
}
