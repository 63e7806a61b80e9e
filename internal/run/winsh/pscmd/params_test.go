package pscmd

import "testing"

// TestParams reads the parameters of all cmdlets. Broken if it fails: a cmdlet
// ends the program as soon as a script uses it.
func TestParams(t *testing.T) {
	for _, c := range All() {
		names := map[string]bool{}
		for _, p := range c.Params() {
			names[p.Name] = true
		}
		if len(names) == 0 && c.Syntax != nil {
			t.Errorf("%s has no parameters", c.Name)
		}
	}
}
