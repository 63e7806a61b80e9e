package winsh

import (
	"context"
	"maps"
	"slices"
	"sync"

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

// powershells are powershell and pwsh. Their tables are large, and made when a
// step asks one of them for the first time.
func powershells() map[string]machine.Program {
	made := sync.OnceValue(func() map[string]machine.Program {
		return ps.New(ps.Config{
			Cmdlets: pscmd.All(), Types: slices.Concat(psnet.All(), pscmd.Types()), Refused: pscmd.Refused, Assemblies: pscmd.Assemblies(),
		}).Programs()
	})
	return map[string]machine.Program{"powershell": late{"powershell", made}, "pwsh": late{"pwsh", made}}
}

// late is a program that is made when it is first used.
type late struct {
	name string
	made func() map[string]machine.Program
}

// Check implements [machine.Program].
func (l late) Check(ctx context.Context, c *machine.Checking, args []machine.Arg) error {
	warnOfQuotes(c, l.name == "pwsh")
	return l.made()[l.name].Check(ctx, c, args)
}

// Run implements [machine.Program].
func (l late) Run(ctx context.Context, p *machine.Process) (exitCode int, err error) {
	return l.made()[l.name].Run(ctx, p)
}
