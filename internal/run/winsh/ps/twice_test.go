package ps_test

import (
	"slices"
	"testing"

	"github.com/casement/casement/internal/run/winsh/ps"
	"github.com/casement/casement/internal/run/winsh/pscmd"
	"github.com/casement/casement/internal/run/winsh/psnet"
)

// Broken if it fails: two packages describe one type, and what one of them says is
// never seen.
func TestNoMemberIsDescribedTwice(t *testing.T) {
	e := ps.New(ps.Config{Cmdlets: pscmd.All(), Types: slices.Concat(psnet.All(), pscmd.Types()), Refused: pscmd.Refused, Assemblies: pscmd.Assemblies()})
	for _, name := range e.DescribedTwice() {
		t.Error(name)
	}
}
