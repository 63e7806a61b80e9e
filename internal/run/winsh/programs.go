package winsh

import (
	"maps"
	"slices"

	"github.com/casement/casement/internal/run/winsh/cmdsh"
	"github.com/casement/casement/internal/run/winsh/fetch"
	"github.com/casement/casement/internal/run/winsh/machine"
	"github.com/casement/casement/internal/run/winsh/ps"
	"github.com/casement/casement/internal/run/winsh/pscmd"
	"github.com/casement/casement/internal/run/winsh/psnet"
	"github.com/casement/casement/internal/run/winsh/tools"
)

// programs is what steps can start by name.
func programs() map[string]machine.Program {
	all := map[string]machine.Program{"cmd": cmdsh.Program()}
	maps.Copy(all, tools.All())
	maps.Copy(all, fetch.Programs())
	maps.Copy(all, powershells())
	return all
}

// powershells are powershell and pwsh.
func powershells() map[string]machine.Program {
	return ps.New(ps.Config{
		Cmdlets: pscmd.All(), Types: slices.Concat(pscmd.Types(), psnet.All()), Refused: pscmd.Refused, Assemblies: pscmd.Assemblies(),
	}).Programs()
}
