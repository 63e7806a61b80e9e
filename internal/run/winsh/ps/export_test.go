package ps

import (
	"maps"
	"slices"
	"strings"
)

// DescribedTwice are the members that two descriptions of one type give it, where
// the later one would go unseen. Methods may: their overloads come together.
func (e *Engine) DescribedTwice() []string {
	var twice []string
	for _, name := range slices.Sorted(maps.Keys(e.types)) {
		t := e.types[name]
		seen := map[string]Member{}
		for _, p := range t.parts {
			if p.Members == nil {
				continue
			}
			for _, m := range p.Members() {
				key := strings.ToLower(m.Name)
				if m.Static {
					key = "::" + key
				}
				if old, ok := seen[key]; ok && (m.Kind != KindMethod || old.Kind != KindMethod) {
					twice = append(twice, t.Name+" "+m.Name)
				}
				seen[key] = m
			}
		}
	}
	return twice
}
