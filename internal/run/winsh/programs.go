package winsh

import (
	"maps"

	"github.com/casement/casement/internal/run/winsh/fetch"
	"github.com/casement/casement/internal/run/winsh/machine"
)

// programs is what steps can start by name.
func programs() map[string]machine.Program {
	all := map[string]machine.Program{}
	maps.Copy(all, fetch.Programs())
	return all
}
